/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-hybrid-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/mobility-model.h"
#include "ns3/wdmoe-hybrid-radio.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

WdmoeHybridRadioHelper::WdmoeHybridRadioHelper()
    : WdmoeRadioHelper("ns3::WdmoeHybridRadio")
{
}

std::vector<std::size_t>
WdmoeHybridRadioHelper::Divide(const std::vector<double>& distances) const
{
    const auto nDevices = distances.size();
    const auto none = m_parts.size();
    std::vector<std::size_t> partOf(nDevices, none);
    for (std::size_t p = 0; p < m_parts.size(); p++)
    {
        const auto& part = m_parts[p];
        for (const auto k : part.devices)
        {
            NS_ABORT_MSG_IF(k >= nDevices,
                            "WdmoeHybridRadioHelper: part " << p << " wants device " << k
                                                            << ", there are " << nDevices);
            NS_ABORT_MSG_IF(partOf[k] != none,
                            "WdmoeHybridRadioHelper: device " << k << " is in part " << partOf[k]
                                                              << " and in part " << p
                                                              << "; expected one");
            partOf[k] = p;
        }
        for (uint32_t k = 0; k < nDevices; k++)
        {
            if (partOf[k] == none && distances[k] <= part.radius)
            {
                partOf[k] = p;
            }
        }
        if (!part.byFraction)
        {
            continue;
        }
        NS_ABORT_MSG_IF(!(part.fraction >= 0 && part.fraction <= 1),
                        "WdmoeHybridRadioHelper: part " << p << " wants a fraction of "
                                                        << part.fraction
                                                        << "; expected a number in [0, 1]");
        const auto left = std::count(partOf.begin(), partOf.end(), none);
        double due = 0.5; // so that the sum is rounded
        for (auto& at : partOf)
        {
            due += at == none ? part.fraction : 0;
            if (at == none && due >= 1 - 1e-9 * static_cast<double>(left))
            {
                at = p;
                due -= 1;
            }
        }
    }
    const auto lost = std::find(partOf.begin(), partOf.end(), none);
    NS_ABORT_MSG_IF(lost != partOf.end(),
                    "WdmoeHybridRadioHelper: device " << lost - partOf.begin()
                                                      << " is in no part; give the last part a "
                                                         "fraction of 1, or name it");
    return partOf;
}

Ptr<WdmoeRadio>
WdmoeHybridRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    std::vector<double> distances;
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        const auto here = baseStation->GetObject<MobilityModel>();
        const auto there = (*it)->GetObject<MobilityModel>();
        NS_ABORT_MSG_IF(!here || !there,
                        "WdmoeHybridRadioHelper: the base station or device "
                            << it - devices.Begin() << " has no MobilityModel; install one first");
        distances.push_back(here->GetDistanceFrom(there));
    }
    const auto partOf = Divide(distances);
    auto radio = m_factory.Create<WdmoeHybridRadio>();
    for (std::size_t p = 0; p < m_parts.size(); p++)
    {
        NodeContainer nodes;
        for (uint32_t k = 0; k < devices.GetN(); k++)
        {
            if (partOf[k] == p)
            {
                nodes.Add(devices.Get(k));
            }
        }
        if (nodes.GetN() > 0)
        {
            radio->AddRadio(m_parts[p].helper->Install(baseStation, nodes));
        }
    }
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        radio->AddDevice(*it);
    }
    return radio;
}

} // namespace ns3
