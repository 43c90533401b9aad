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
#include "ns3/uinteger.h"
#include "ns3/wdmoe-compat.h"
#include "ns3/wifi-helper.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/yans-wifi-helper.h"

#include <map>

namespace ns3
{

namespace
{

#if WDMOE_WIFI_HAS_CHANNEL_SETTINGS
/// Of 5 GHz, by name
const std::map<std::string, WifiStandard> STANDARDS{{"80211a", WIFI_STANDARD_80211a},
                                                    {"80211n", WIFI_STANDARD_80211n},
                                                    {"80211ac", WIFI_STANDARD_80211ac},
                                                    {"80211ax", WIFI_STANDARD_80211ax}};
#else
/// Of 5 GHz, by name
const std::map<std::string, WifiStandard> STANDARDS{{"80211a", WIFI_STANDARD_80211a},
                                                    {"80211n", WIFI_STANDARD_80211n_5GHZ},
                                                    {"80211ac", WIFI_STANDARD_80211ac},
                                                    {"80211ax", WIFI_STANDARD_80211ax_5GHZ}};
#endif

/// Else their requests, which nobody acknowledges, collide for ever: they wait for a beacon then
const bool PROBING = WDMOE_WIFI_HAS_PROBE_DELAY;

/// The first channel of 5 GHz that is so wide. @param phy gets it @param widthMhz its width
void
SetChannel(YansWifiPhyHelper& phy, uint32_t widthMhz)
{
#if WDMOE_WIFI_HAS_CHANNEL_SETTINGS
    phy.Set("ChannelSettings", StringValue("{0, " + std::to_string(widthMhz) + ", BAND_5GHZ, 0}"));
#else
    phy.Set("ChannelWidth", UintegerValue(widthMhz));
#endif
}

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
    YansWifiPhyHelper phy;
    auto channel = YansWifiChannelHelper::Default().Create();
    phy.SetChannel(channel);
    SetChannel(phy, settings.widthMhz);
    phy.Set("TxPowerStart", DoubleValue(settings.powerDbm));
    phy.Set("TxPowerEnd", DoubleValue(settings.powerDbm));
    WifiHelper wifi;
    wifi.SetStandard(STANDARDS.at(settings.standard));
    wifi.SetRemoteStationManager("ns3::IdealWifiManager");
    // one network for each cell: named after its base station
    const Ssid ssid("wdmoe-" + std::to_string(baseStation->GetId()));
    WdmoePacedRadioHelper::Medium medium;
    WifiMacHelper mac;
    mac.SetType("ns3::ApWifiMac", "Ssid", SsidValue(ssid));
    medium.server = wifi.Install(phy, mac, baseStation);
    mac.SetType("ns3::StaWifiMac", "Ssid", SsidValue(ssid), "ActiveProbing", BooleanValue(PROBING));
    medium.devices = wifi.Install(phy, mac, devices);
    NetDeviceContainer netDevices(medium.server, medium.devices);
    medium.assignStreams = [netDevices, channel](int64_t stream) {
        const auto used = WifiHelper().AssignStreams(netDevices, stream);
        return used + channel->AssignStreams(stream + used);
    };
    return medium;
}

/// Known from the start
[[maybe_unused]] const bool ADDED = WdmoePacedMedia().emplace("wifi", MakeWifi).second;

} // namespace

} // namespace ns3
