/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ideal-radio-helper.h"

namespace ns3
{

WdmoeIdealRadioHelper::WdmoeIdealRadioHelper()
    : m_factory("ns3::WdmoeIdealRadio")
{
}

void
WdmoeIdealRadioHelper::SetAttribute(const std::string& name, const AttributeValue& value)
{
    m_factory.Set(name, value);
}

Ptr<WdmoeRadio>
WdmoeIdealRadioHelper::Install(Ptr<Node> server, NodeContainer devices) const
{
    auto radio = m_factory.Create<WdmoeIdealRadio>();
    radio->SetServerNode(server);
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        radio->AddDevice(*it);
    }
    return radio;
}

} // namespace ns3
