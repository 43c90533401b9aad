/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/csma-helper.h"
#include "ns3/double.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4.h"
#include "ns3/mobility-model.h"
#include "ns3/neighbor-cache-helper.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/ssid.h"
#include "ns3/string.h"
#include "ns3/wdmoe-paced-radio.h"
#include "ns3/wifi-helper.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/yans-wifi-helper.h"

#include <algorithm>
#include <map>
#include <vector>

namespace ns3
{

namespace
{

/**
 * @param device of a node
 * @return true if it has an address
 */
bool
HasAddress(Ptr<NetDevice> device)
{
    auto ipv4 = device->GetNode()->GetObject<Ipv4>();
    const auto interface = ipv4->GetInterfaceForDevice(device);
    return interface >= 0 && ipv4->GetNAddresses(interface) > 0;
}

/**
 * @param nodes of a cell
 * @return N of the first 10.N.0.0/16 that none of them has an address in
 */
uint32_t
FindNetwork(const std::vector<Ptr<Node>>& nodes)
{
    for (uint32_t n = 64; n < 256; n++)
    {
        const uint32_t network = 10U << 24 | n << 16;
        const bool taken = std::any_of(nodes.begin(), nodes.end(), [&](const Ptr<Node>& node) {
            auto ipv4 = node->GetObject<Ipv4>();
            for (uint32_t i = 0; i < ipv4->GetNInterfaces(); i++)
            {
                for (uint32_t a = 0; a < ipv4->GetNAddresses(i); a++)
                {
                    if ((ipv4->GetAddress(i, a).GetLocal().Get() & 0xffff0000U) == network)
                    {
                        return true;
                    }
                }
            }
            return false;
        });
        if (!taken)
        {
            return n;
        }
    }
    NS_ABORT_MSG(
        "WdmoePacedRadioHelper: all of 10.64.0.0 to 10.255.0.0 are taken; assign addresses "
        "before Install");
    return 0;
}

} // namespace

WdmoePacedRadioHelper::WdmoePacedRadioHelper(const std::string& medium)
    : WdmoeRadioHelper("ns3::WdmoePacedRadio"),
      m_medium(medium),
      m_delay(MicroSeconds(1))
{
    NS_ABORT_MSG_IF(medium != "wifi" && medium != "csma" && medium != "p2p",
                    "WdmoePacedRadioHelper: no medium '"
                        << medium << "'; expected wifi, csma or p2p, or call SetMedium");
}

void
WdmoePacedRadioHelper::SetMedium(MediumMaker maker)
{
    m_maker = maker;
}

void
WdmoePacedRadioHelper::SetLink(const std::string& dataRate, Time delay)
{
    m_dataRate = dataRate;
    m_delay = delay;
}

void
WdmoePacedRadioHelper::SetWifi(const std::string& standard, uint32_t widthMhz, double powerDbm)
{
    const std::vector<std::string> known{"80211a", "80211n", "80211ac", "80211ax"};
    NS_ABORT_MSG_IF(std::find(known.begin(), known.end(), standard) == known.end(),
                    "WdmoePacedRadioHelper::SetWifi: no standard '"
                        << standard << "'; expected 80211a, 80211n, 80211ac or 80211ax");
    const uint32_t most = standard == "80211a" ? 20 : standard == "80211n" ? 40 : 160;
    NS_ABORT_MSG_IF((widthMhz != 20 && widthMhz != 40 && widthMhz != 80 && widthMhz != 160) ||
                        widthMhz > most,
                    "WdmoePacedRadioHelper::SetWifi: a channel of "
                        << widthMhz << " MHz; expected 20, 40, 80 or 160, and at most " << most
                        << " with " << standard);
    m_standard = standard;
    m_widthMhz = widthMhz;
    m_powerDbm = powerDbm;
}

Ptr<WdmoeRadio>
WdmoePacedRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    NS_ABORT_MSG_IF(devices.GetN() == 0, "WdmoePacedRadioHelper::Install: no device given");
    Medium medium;
    if (m_maker)
    {
        medium = m_maker(baseStation, devices);
    }
    else if (m_medium == "wifi")
    {
        medium = MakeWifi(baseStation, devices);
    }
    else
    {
        medium = m_medium == "csma" ? MakeCsma(baseStation, devices)
                                    : MakePointToPoint(baseStation, devices);
    }
    auto radio = Install(baseStation, medium.server, medium.devices);
    DynamicCast<WdmoePacedRadio>(radio)->SetStreamAssigner(medium.assignStreams);
    return radio;
}

Ptr<WdmoeRadio>
WdmoePacedRadioHelper::Install(Ptr<Node> baseStation,
                               const NetDeviceContainer& server,
                               const NetDeviceContainer& devices) const
{
    NS_ABORT_MSG_IF(devices.GetN() == 0 || (server.GetN() != devices.GetN() && server.GetN() != 1),
                    "WdmoePacedRadioHelper::Install: "
                        << server.GetN() << " NetDevices of the base station for " << devices.GetN()
                        << " devices; expected one for each, or one for all");
    std::vector<Ptr<Node>> nodes{baseStation};
    for (uint32_t k = 0; k < devices.GetN(); k++)
    {
        nodes.push_back(devices.Get(k)->GetNode());
    }
    for (const auto& node : nodes)
    {
        if (!node->GetObject<Ipv4>())
        {
            InternetStackHelper().Install(node);
        }
    }
    const auto network = 10U << 24 | FindNetwork(nodes) << 16;
    Ipv4AddressHelper addresses;
    if (server.GetN() == 1 && devices.GetN() > 1)
    {
        addresses.SetBase(Ipv4Address(network), Ipv4Mask("255.255.0.0"));
    }
    NetDeviceContainer all;
    for (uint32_t k = 0; k < devices.GetN(); k++)
    {
        auto near = server.Get(server.GetN() == 1 ? 0 : k);
        auto far = devices.Get(k);
        if (server.GetN() > 1 || devices.GetN() == 1)
        {
            addresses.SetBase(Ipv4Address(network + 4 * k), Ipv4Mask("255.255.255.252"));
        }
        for (const auto& end : {near, far})
        {
            if (!HasAddress(end))
            {
                addresses.Assign(NetDeviceContainer(end));
            }
            all.Add(end);
        }
    }
    // nobody has to wait for, or give up, the resolution of an address before it is associated
    NeighborCacheHelper().PopulateNeighborCache(all);

    auto radio = m_factory.Create<WdmoePacedRadio>();
    radio->SetServerNode(baseStation);
    for (uint32_t k = 0; k < devices.GetN(); k++)
    {
        radio->AddLink(server.Get(server.GetN() == 1 ? 0 : k), devices.Get(k));
    }
    return radio;
}

WdmoePacedRadioHelper::Medium
WdmoePacedRadioHelper::MakeWifi(Ptr<Node> baseStation, const NodeContainer& devices) const
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
            StringValue("{0, " + std::to_string(m_widthMhz) + ", BAND_5GHZ, 0}"));
    phy.Set("TxPowerStart", DoubleValue(m_powerDbm));
    phy.Set("TxPowerEnd", DoubleValue(m_powerDbm));
    WifiHelper wifi;
    wifi.SetStandard(standards.at(m_standard));
    wifi.SetRemoteStationManager("ns3::IdealWifiManager");
    // one network for each cell: named after its base station
    const Ssid ssid("wdmoe-" + std::to_string(baseStation->GetId()));
    Medium medium;
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

WdmoePacedRadioHelper::Medium
WdmoePacedRadioHelper::MakeCsma(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    CsmaHelper csma;
    csma.SetChannelAttribute("DataRate", StringValue(m_dataRate));
    csma.SetChannelAttribute("Delay", TimeValue(m_delay));
    NodeContainer all(baseStation);
    all.Add(devices);
    const auto netDevices = csma.Install(all);
    Medium medium;
    medium.server.Add(netDevices.Get(0));
    for (uint32_t i = 1; i < netDevices.GetN(); i++)
    {
        medium.devices.Add(netDevices.Get(i));
    }
    medium.assignStreams = [netDevices](int64_t stream) {
        return CsmaHelper().AssignStreams(netDevices, stream);
    };
    return medium;
}

WdmoePacedRadioHelper::Medium
WdmoePacedRadioHelper::MakePointToPoint(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue(m_dataRate));
    link.SetChannelAttribute("Delay", TimeValue(m_delay));
    Medium medium;
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        const auto ends = link.Install(baseStation, *it);
        medium.server.Add(ends.Get(0));
        medium.devices.Add(ends.Get(1));
    }
    return medium;
}

} // namespace ns3
