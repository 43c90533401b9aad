/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-lte-radio-helper.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/lte-helper.h"
#include "ns3/string.h"
#include "ns3/wdmoe-lte-radio.h"

namespace ns3
{

WdmoeLteRadioHelper::WdmoeLteRadioHelper()
    : WdmoeRadioHelper("ns3::WdmoeLteRadio")
{
}

void
WdmoeLteRadioHelper::SetPathlossModel(const std::string& type)
{
    m_factory.Set("PathlossModel", StringValue(type));
}

void
WdmoeLteRadioHelper::SetPathlossModelAttribute(const std::string& name, const AttributeValue& value)
{
    m_pathloss.emplace_back(name, value.Copy());
}

void
WdmoeLteRadioHelper::SetFadingModel(const std::string& type)
{
    m_fadingType = type;
}

void
WdmoeLteRadioHelper::SetFadingModelAttribute(const std::string& name, const AttributeValue& value)
{
    m_fading.emplace_back(name, value.Copy());
}

void
WdmoeLteRadioHelper::SetServerAtBaseStation(bool at)
{
    m_serverAtBaseStation = at;
}

Ptr<WdmoeRadio>
WdmoeLteRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    auto radio = m_factory.Create<WdmoeLteRadio>();
    for (const auto& [name, value] : m_pathloss)
    {
        radio->GetLteHelper()->SetPathlossModelAttribute(name, *value);
    }
    if (!m_fadingType.empty())
    {
        radio->GetLteHelper()->SetFadingModel(m_fadingType);
        for (const auto& [name, value] : m_fading)
        {
            radio->GetLteHelper()->SetFadingModelAttribute(name, *value);
        }
    }
    if (m_serverAtBaseStation)
    {
        radio->SetServerNode(baseStation);
    }
    radio->SetBaseStation(baseStation);
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        radio->AddDevice(*it);
    }
    return radio;
}

Ptr<WdmoeRadio>
WdmoeLteRadioHelper::Install(const Vector& position, const NodeContainer& devices) const
{
    auto node = CreateObject<Node>();
    auto mobility = CreateObject<ConstantPositionMobilityModel>();
    mobility->SetPosition(position);
    node->AggregateObject(mobility);
    return Install(node, devices);
}

} // namespace ns3
