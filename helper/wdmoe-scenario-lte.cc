/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-scenario-cells.h"
#include "wdmoe-scenario-entries.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace ns3
{

namespace
{

/// LTE's bandwidths: MHz, and RBs
const std::vector<std::pair<double, uint32_t>> LTE_BANDWIDTHS{
    {1.4, 6},
    {3, 15},
    {5, 25},
    {10, 50},
    {15, 75},
    {20, 100},
};

/// @return RBs of --rbs or --bandwidth. @param air the options @param joined with a cell that has
/// --bandwidth
uint32_t
LteRbs(const WdmoeScenarioRadio& air, bool joined)
{
    std::vector<double> known;
    std::vector<std::string> names;
    for (const auto& [mhz, rbs] : LTE_BANDWIDTHS)
    {
        known.push_back(mhz);
        names.push_back(std::to_string(rbs));
    }
    if (!air.Has("rbs") && !joined)
    {
        const auto mhz = air.GetBandwidth(10, known);
        const auto at = std::find(known.begin(), known.end(), mhz) - known.begin();
        air.Note("rbs", names[at]);
        return LTE_BANDWIDTHS[at].second;
    }
    const auto asked = air.GetNumber("rbs", 50, -1e9, 1e9);
    const auto found = std::find_if(LTE_BANDWIDTHS.begin(),
                                    LTE_BANDWIDTHS.end(),
                                    [&](const auto& b) { return b.second == asked; });
    NS_ABORT_MSG_IF(found == LTE_BANDWIDTHS.end(),
                    "--rbs is " << asked << "; expected " << WdmoeJoinWords(names));
    if (joined)
    {
        return found->second; // --bandwidth is the other cell's
    }
    NS_ABORT_MSG_IF(air.Has("bandwidth") && air.GetBandwidth(10, known) != found->first,
                    "--bandwidth=" << air.GetText("bandwidth", "") << " contradicts --rbs=" << asked
                                   << ", which is " << found->first
                                   << " MHz; leave one of them out");
    air.Note("bandwidth", WdmoeShortNumber(found->first));
    return found->second;
}

} // namespace

std::unique_ptr<WdmoeLteRadioHelper>
WdmoeMakeLteCell(const WdmoeScenarioRadio& air, const WdmoePolicy& policy, bool joined)
{
    auto radio = std::make_unique<WdmoeLteRadioHelper>();
    const auto stock = air.GetText(joined ? "lteStock" : "stock", "ns3::PfFfMacScheduler");
    radio->SetAttribute("Bandwidth", UintegerValue(LteRbs(air, joined)));
    radio->SetAttribute("UplinkPowerControl", BooleanValue(air.GetBoolean("powerControl", false)));
    radio->SetAttribute("CoreLoss", DoubleValue(air.GetNumber("loss", 0, 0, 1)));
    radio->SetAttribute("Scheduler",
                        StringValue(policy.stock ? stock : "ns3::WdmoeFfMacScheduler"));
    radio->SetPathlossModel("ns3::LogDistancePropagationLossModel");
    radio->SetPathlossModelAttribute("Exponent", DoubleValue(air.GetExponent()));
    radio->SetPathlossModelAttribute("ReferenceLoss", DoubleValue(air.GetReferenceLossDb()));
    if (air.GetFading() == "Rayleigh")
    {
        radio->SetFadingModel("ns3::WdmoeBlockFading");
    }
    return radio;
}

namespace
{

/// @return helper of an LTE cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeLte(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    return WdmoeMakeLteCell(air, policy, false);
}

/// --radio=lte
const WdmoeScenarioRegistration g_lte(
    1,
    {"lte",
     MakeLte,
     {{"bandwidth", {"ns3::WdmoeLteRadio::Bandwidth"}},
      {"rbs", {"ns3::WdmoeLteRadio::Bandwidth", "Bandwidth in RBs: 6, 15, 25, 50, 75 or 100"}},
      {"stock",
       {"ns3::WdmoeLteRadio::Scheduler",
        "The MAC scheduler of policies without an optimizer, as topk-stock"}},
      {"exponent", {"ns3::WdmoeLteRadio::PathlossModel"}},
      {"fading", {}},
      {"powerControl", {"ns3::WdmoeLteRadio::UplinkPowerControl", "Uplink power control"}},
      {"loss",
       {"ns3::WdmoeLteRadio::CoreLoss",
        "Share of IP packets lost in the core network, each way"}}}});

} // namespace

} // namespace ns3
