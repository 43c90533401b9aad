/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-radio-helper.h"

#include "wdmoe-paced-media.h"
#include "wdmoe-scenario-entries.h"

#include "ns3/abort.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4.h"
#include "ns3/neighbor-cache-helper.h"
#include "ns3/wdmoe-paced-radio.h"

#include <algorithm>
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
      m_medium(medium)
{
    const auto media = GetMedia();
    NS_ABORT_MSG_IF(std::find(media.begin(), media.end(), medium) == media.end(),
                    "WdmoePacedRadioHelper: no medium '"
                        << medium << "'"
                        << (medium == "wifi" ? " in this build (it needs ns-3's module wifi)" : "")
                        << "; expected " << WdmoeJoinWords(media) << ", or call SetMedium");
    m_settings.delay = MicroSeconds(1);
}

std::vector<std::string>
WdmoePacedRadioHelper::GetMedia()
{
    std::vector<std::string> media;
    for (const auto& [name, maker] : WdmoePacedMedia())
    {
        media.push_back(name);
    }
    return media;
}

void
WdmoePacedRadioHelper::SetMedium(MediumMaker maker)
{
    m_maker = maker;
}

void
WdmoePacedRadioHelper::SetLink(const std::string& dataRate, Time delay)
{
    m_settings.dataRate = dataRate;
    m_settings.delay = delay;
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
    m_settings.standard = standard;
    m_settings.widthMhz = widthMhz;
    m_settings.powerDbm = powerDbm;
}

Ptr<WdmoeRadio>
WdmoePacedRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    NS_ABORT_MSG_IF(devices.GetN() == 0, "WdmoePacedRadioHelper::Install: no device given");
    const auto medium = m_maker ? m_maker(baseStation, devices)
                                : WdmoePacedMedia().at(m_medium)(m_settings, baseStation, devices);
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

} // namespace ns3
