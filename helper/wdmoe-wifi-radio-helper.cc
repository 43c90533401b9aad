/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-wifi-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/pointer.h"
#include "ns3/propagation-loss-model.h"
#include "ns3/spectrum-channel.h"
#include "ns3/spectrum-wifi-helper.h"
#include "ns3/wdmoe-wifi-radio.h"

namespace ns3
{

WdmoeWifiRadioHelper::WdmoeWifiRadioHelper()
    : WdmoeRadioHelper("ns3::WdmoeWifiRadio")
{
}

void
WdmoeWifiRadioHelper::SetPathlossModel(const std::string& type)
{
    TypeId tid;
    NS_ABORT_MSG_IF(!TypeId::LookupByNameFailSafe(type, &tid) ||
                        !tid.IsChildOf(PropagationLossModel::GetTypeId()),
                    "WdmoeWifiRadioHelper: there is no PropagationLossModel '"
                        << type << "'; for example ns3::LogDistancePropagationLossModel");
    m_pathloss = ObjectFactory();
    m_pathloss.SetTypeId(tid);
}

void
WdmoeWifiRadioHelper::SetPathlossModelAttribute(const std::string& name,
                                                const AttributeValue& value)
{
    NS_ABORT_MSG_IF(!m_pathloss.IsTypeIdSet(),
                    "WdmoeWifiRadioHelper: call SetPathlossModel() before "
                    "SetPathlossModelAttribute()");
    m_pathloss.Set(name, value);
}

void
WdmoeWifiRadioHelper::SetDeviceStandard(uint32_t device, const std::string& standard)
{
    m_standards[device] = standard;
}

void
WdmoeWifiRadioHelper::SetConnectDeadline(Time deadline)
{
    m_deadline = deadline;
}

Ptr<WdmoeRadio>
WdmoeWifiRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    auto radio = m_factory.Create<WdmoeWifiRadio>();
    if (m_pathloss.IsTypeIdSet())
    {
        radio->SetAttribute("PropagationLossModel",
                            PointerValue(m_pathloss.Create<PropagationLossModel>()));
    }
    radio->SetServerNode(baseStation);
    for (uint32_t k = 0; k < devices.GetN(); k++)
    {
        const auto it = m_standards.find(k);
        if (it != m_standards.end())
        {
            radio->SetDeviceStandard(devices.Get(k), it->second);
        }
        radio->AddDevice(devices.Get(k));
    }
    if (m_deadline.IsStrictlyPositive())
    {
        radio->CheckConnected(m_deadline);
    }
    return radio;
}

void
WdmoeWifiRadioHelper::EnableDevicePcap(const std::string& file, Ptr<NetDevice> device)
{
    // Whichever kind of PHY it has: what its traces say is written
    SpectrumWifiPhyHelper wifi;
    wifi.SetPcapDataLinkType(WifiPhyHelper::DLT_IEEE802_11_RADIO);
    wifi.EnablePcap(file, device, true, true);
}

} // namespace ns3
