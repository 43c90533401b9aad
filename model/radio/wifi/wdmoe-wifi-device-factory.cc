/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-wifi-device-factory.h"

#include "wdmoe-multi-user-scheduler.h"

#include "ns3/abort.h"
#include "ns3/ap-wifi-mac.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/frame-exchange-manager.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4.h"
#include "ns3/qos-txop.h"
#include "ns3/queue-size.h"
#include "ns3/spectrum-channel.h"
#include "ns3/spectrum-wifi-helper.h"
#include "ns3/sta-wifi-mac.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/wifi-mac-queue.h"
#include "ns3/wifi-net-device.h"

#include <algorithm>

namespace ns3
{

namespace
{

/// How long stations listen for beacons before they associate, one after another for fewer
/// collisions
const Time SCAN_TIME = MilliSeconds(5);
/// From one to the next
const Time SCAN_STEP = MilliSeconds(1);
/// So many have times of their own within a beacon interval
constexpr uint32_t SCAN_STEPS = 90;
/// Beacons that a station may miss before it looks for another access point
constexpr uint32_t MISSED_BEACONS = 4;
/// All that are supported
const WdmoeWifiStandard STANDARDS[] = {
    {"80211n", WIFI_STANDARD_80211n, WIFI_MOD_CLASS_HT, 40, 64, 65535},
    {"80211ac", WIFI_STANDARD_80211ac, WIFI_MOD_CLASS_VHT, 160, 64, 1048575},
    {"80211ax", WIFI_STANDARD_80211ax, WIFI_MOD_CLASS_HE, 160, 256, 6500631},
};

/**
 * A station that is not associated must not be shown frames for many stations: ns-3 (3.44 to 3.48)
 * looks for its association ID in them, and aborts since it has none.
 *
 * @param device of the station
 */
void
KeepFromOthers(Ptr<WifiNetDevice> device)
{
    auto mac = PeekPointer(DynamicCast<StaWifiMac>(device->GetMac()));
    auto manager = PeekPointer(mac->GetFrameExchangeManager());
    device->GetPhy()->SetReceiveOkCallback(
        RxOkCallback([mac, manager](Ptr<const WifiPsdu> psdu,
                                    RxSignalInfo signal,
                                    const WifiTxVector& txVector,
                                    const std::vector<bool>& status) {
            const auto& header = psdu->GetHeader(0);
            if (mac->IsAssociated() || !(header.IsTrigger() || header.IsBlockAck()))
            {
                manager->Receive(psdu, signal, txVector, status);
            }
        }));
}

} // namespace

const WdmoeWifiStandard&
WdmoeWifiStandard::Get(const std::string& name)
{
    for (const auto& s : STANDARDS)
    {
        if (name == s.name)
        {
            return s;
        }
    }
    NS_ABORT_MSG("WdmoeWifiRadio: there is no standard '"
                 << name << "' here; expected 80211n, 80211ac or 80211ax");
}

void
WdmoeWifiDeviceFactory::SetUp(const Settings& settings)
{
    m_settings = settings;
}

Ptr<WifiNetDevice>
WdmoeWifiDeviceFactory::MakeAp(Ptr<Node> node, const WdmoeWifiStandard& standard) const
{
    return Make(node, standard, true, 0);
}

Ptr<WifiNetDevice>
WdmoeWifiDeviceFactory::MakeStation(Ptr<Node> node,
                                    const WdmoeWifiStandard& standard,
                                    uint32_t number) const
{
    return Make(node, standard, false, number);
}

Ptr<WifiNetDevice>
WdmoeWifiDeviceFactory::Make(Ptr<Node> node,
                             const WdmoeWifiStandard& standard,
                             bool ap,
                             uint32_t number) const
{
    const bool he = standard.kind == WIFI_MOD_CLASS_HE;
    if (!node->GetObject<Ipv4>())
    {
        InternetStackHelper().Install(node);
    }
    SpectrumWifiPhyHelper phy;
    phy.SetChannel(m_settings.channel);
    // Number 0: the first of that width in the band; narrower ones begin where the wider do.
    phy.Set("ChannelSettings",
            StringValue("{0, " + std::to_string(std::min(m_settings.width, standard.width)) +
                        ", BAND_5GHZ, 0}"));
    phy.Set("TxPowerStart", DoubleValue(ap ? m_settings.apPower : m_settings.staPower));
    phy.Set("TxPowerEnd", DoubleValue(ap ? m_settings.apPower : m_settings.staPower));
    phy.Set("RxNoiseFigure", DoubleValue(m_settings.noiseFigure));

    WifiHelper wifi;
    wifi.SetStandard(standard.standard);
    wifi.SetRemoteStationManager(m_settings.rateManager);
    if (he)
    {
        wifi.ConfigHeOptions("GuardInterval", TimeValue(m_settings.guardInterval));
    }
    WifiMacHelper mac;
    const Ssid ssid("wdmoe");
    if (ap)
    {
        // The first beacon is at the start, so that stations need not wait for the second.
        mac.SetType("ns3::ApWifiMac",
                    "Ssid",
                    SsidValue(ssid),
                    "EnableBeaconJitter",
                    BooleanValue(false));
        if (!m_settings.scheduler.empty())
        {
            mac.SetMultiUserScheduler(m_settings.scheduler);
        }
    }
    else
    {
        mac.SetType("ns3::StaWifiMac",
                    "Ssid",
                    SsidValue(ssid),
                    "WaitBeaconTimeout",
                    TimeValue(SCAN_TIME + SCAN_STEP * (number % SCAN_STEPS)),
                    "AssocRequestTimeout",
                    TimeValue(MilliSeconds(100)),
                    "MaxMissedBeacons",
                    UintegerValue(MISSED_BEACONS));
    }
    auto device = DynamicCast<WifiNetDevice>(wifi.Install(phy, mac, NodeContainer(node)).Get(0));
    auto m = device->GetMac();
    m->SetAttribute("BE_MaxAmpduSize", UintegerValue(standard.maxAmpdu));
    m->SetAttribute("BE_BlockAckThreshold", UintegerValue(1)); // 802.11n waits for two packets
    m->SetAttribute("MpduBufferSize", UintegerValue(standard.window));
    m->SetAttribute("FrameRetryLimit", UintegerValue(m_settings.retryLimit));
    if (he && m_settings.scheduler == "ns3::WdmoeMultiUserScheduler")
    {
        if (ap)
        {
            WdmoeMultiUserScheduler::PrepareAccessPoint(DynamicCast<ApWifiMac>(m),
                                                        m_settings.muEdcaTimer);
        }
        else
        {
            WdmoeMultiUserScheduler::PrepareStation(DynamicCast<StaWifiMac>(m));
            KeepFromOthers(device);
        }
    }
    auto queue = m->GetTxopQueue(AC_BE);
    queue->SetMaxSize(QueueSize(QueueSizeUnit::PACKETS, m_settings.queueSize));
    queue->SetMaxDelay(m_settings.queueDelay);
    auto manager = device->GetRemoteStationManager();
    manager->SetAttribute("RtsCtsThreshold", UintegerValue(m_settings.rtsThreshold));
    if (m_settings.rateManager == "ns3::ConstantRateWifiManager")
    {
        manager->SetAttribute("DataMode", StringValue(m_settings.dataMode));
        manager->SetAttribute("ControlMode", StringValue("OfdmRate6Mbps"));
    }
    return device;
}

} // namespace ns3
