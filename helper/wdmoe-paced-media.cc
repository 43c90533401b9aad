/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-media.h"

#include "ns3/csma-helper.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/string.h"

namespace ns3
{

std::map<std::string, WdmoePacedMediumMaker>&
WdmoePacedMedia()
{
    static std::map<std::string, WdmoePacedMediumMaker> media;
    return media;
}

namespace
{

/// @return NetDevices of a cell. @param settings of the medium @param baseStation node @param
/// devices nodes
WdmoePacedRadioHelper::Medium
MakeCsma(const WdmoePacedRadioHelper::Settings& settings,
         Ptr<Node> baseStation,
         const NodeContainer& devices)
{
    CsmaHelper csma;
    csma.SetChannelAttribute("DataRate", StringValue(settings.dataRate));
    csma.SetChannelAttribute("Delay", TimeValue(settings.delay));
    NodeContainer all(baseStation);
    all.Add(devices);
    const auto netDevices = csma.Install(all);
    WdmoePacedRadioHelper::Medium medium;
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

/// @return NetDevices of a cell. @param settings of the medium @param baseStation node @param
/// devices nodes
WdmoePacedRadioHelper::Medium
MakePointToPoint(const WdmoePacedRadioHelper::Settings& settings,
                 Ptr<Node> baseStation,
                 const NodeContainer& devices)
{
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue(settings.dataRate));
    link.SetChannelAttribute("Delay", TimeValue(settings.delay));
    WdmoePacedRadioHelper::Medium medium;
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        const auto ends = link.Install(baseStation, *it);
        medium.server.Add(ends.Get(0));
        medium.devices.Add(ends.Get(1));
    }
    return medium;
}

/// Known from the start
[[maybe_unused]] const bool ADDED = WdmoePacedMedia().emplace("csma", MakeCsma).second &&
                                    WdmoePacedMedia().emplace("p2p", MakePointToPoint).second;

} // namespace

} // namespace ns3
