/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-media.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/mobility-model.h"
#include "ns3/ssid.h"
#include "ns3/string.h"
#include "ns3/wifi-helper.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/yans-wifi-helper.h"

#include <map>

namespace ns3
{

namespace
{

/// @return NetDevices of a cell. @param settings of the medium @param baseStation node @param
/// devices nodes
WdmoePacedRadioHelper::Medium
MakeWifi(const WdmoePacedRadioHelper::Settings& settings,
         Ptr<Node> baseStation,
         const NodeContainer& devices)
{
    NodeContainer all(baseStation);
    all.Add(devices);
    for (uint32_t i = 0; i < all.GetN(); i++)
    {
        NS_ABORT_MSG_IF(!all.Get(i)->GetObject<MobilityModel>(),
                        "WdmoePacedRadioHelper: "
                            << (i == 0 ? "the base station" : "device " + std::to_string(i - 1))
                            << " has no MobilityModel; install one first");
    }
    const std::map<std::string, WifiStandard> standards{{"80211a", WIFI_STANDARD_80211a},
                                                        {"80211n", WIFI_STANDARD_80211n},
                                                        {"80211ac", WIFI_STANDARD_80211ac},
                                                        {"80211ax", WIFI_STANDARD_80211ax}};
    YansWifiPhyHelper phy;
    auto channel = YansWifiChannelHelper::Default().Create();
    phy.SetChannel(channel);
    phy.Set("ChannelSettings",
            StringValue("{0, " + std::to_string(settings.widthMhz) + ", BAND_5GHZ, 0}"));
    phy.Set("TxPowerStart", DoubleValue(settings.powerDbm));
    phy.Set("TxPowerEnd", DoubleValue(settings.powerDbm));
    WifiHelper wifi;
    wifi.SetStandard(standards.at(settings.standard));
    wifi.SetRemoteStationManager("ns3::IdealWifiManager");
    // one network for each cell: named after its base station
    const Ssid ssid("wdmoe-" + std::to_string(baseStation->GetId()));
    WdmoePacedRadioHelper::Medium medium;
    WifiMacHelper mac;
    mac.SetType("ns3::ApWifiMac", "Ssid", SsidValue(ssid));
    medium.server = wifi.Install(phy, mac, baseStation);
    mac.SetType("ns3::StaWifiMac", "Ssid", SsidValue(ssid), "ActiveProbing", BooleanValue(true));
    medium.devices = wifi.Install(phy, mac, devices);
    NetDeviceContainer netDevices(medium.server, medium.devices);
    medium.assignStreams = [netDevices, channel](int64_t stream) {
        const auto used = WifiHelper::AssignStreams(netDevices, stream);
        return used + channel->AssignStreams(stream + used);
    };
    return medium;
}

/// Known from the start
[[maybe_unused]] const bool ADDED = WdmoePacedMedia().emplace("wifi", MakeWifi).second;

} // namespace

} // namespace ns3
