/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-scenario-entries.h"

#include "wdmoe-hybrid-radio-helper.h"
#include "wdmoe-ideal-radio-helper.h"
#include "wdmoe-lte-radio-helper.h"
#include "wdmoe-paced-radio-helper.h"
#include "wdmoe-wifi-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/nstime.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <iomanip>
#include <memory>
#include <sstream>
#include <utility>

namespace ns3
{

std::string
WdmoeShortNumber(double value)
{
    std::ostringstream text;
    text << std::setprecision(10) << value;
    return text.str();
}

std::string
WdmoeJoinWords(const std::vector<std::string>& words, const std::string& last)
{
    std::string text;
    for (std::size_t i = 0; i < words.size(); i++)
    {
        text += (i == 0 ? "" : i + 1 < words.size() ? ", " : last) + words[i];
    }
    return text;
}

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

/// @return helper of an LTE cell. @param air the options @param policy it runs under @param joined
/// with a cell that has --bandwidth and --stock
std::unique_ptr<WdmoeLteRadioHelper>
MakeLteCell(const WdmoeScenarioRadio& air, const WdmoePolicy& policy, bool joined)
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

/// @return helper of an LTE cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeLte(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    return MakeLteCell(air, policy, false);
}

/// @return helper of ideal links. @param air the options
std::unique_ptr<WdmoeRadioHelper>
MakeIdeal(const WdmoeScenarioRadio& air, const WdmoePolicy& /* policy */)
{
    auto radio = std::make_unique<WdmoeIdealRadioHelper>();
    std::ostringstream pathloss;
    pathloss << "ns3::LogDistancePropagationLossModel[Exponent=" << air.GetExponent()
             << "|ReferenceDistance=1|ReferenceLoss=" << air.GetReferenceLossDb() << "]";
    radio->SetAttribute("Bandwidth", DoubleValue(1e6 * air.GetBandwidth(100)));
    radio->SetAttribute("Fading", StringValue(air.GetFading()));
    radio->SetAttribute("PropagationLossModel", StringValue(pathloss.str()));
    return radio;
}

/// @return helper of a Wi-Fi 6 cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeWifiRadioHelper>
MakeWifiCell(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    auto radio = std::make_unique<WdmoeWifiRadioHelper>();
    const auto stock = air.GetText("stock", "None");
    const auto scheduler = air.GetText("scheduler", "ns3::WdmoeMultiUserScheduler");
    radio->SetAttribute("Bandwidth", UintegerValue(air.GetBandwidth(20, {20, 40, 80, 160})));
    radio->SetAttribute("NoiseFigure", DoubleValue(air.GetNumber("noiseFigure", 7, 0, 100)));
    radio->SetAttribute("RtsThreshold", UintegerValue(air.GetNumber("rts", 4692480, 0, 4692480)));
    radio->SetAttribute("Scheduler", StringValue(policy.stock ? stock : scheduler));
    radio->SetPathlossModel("ns3::LogDistancePropagationLossModel");
    radio->SetPathlossModelAttribute("Exponent", DoubleValue(air.GetExponent()));
    radio->SetPathlossModelAttribute("ReferenceLoss", DoubleValue(air.GetReferenceLossDb()));
    return radio;
}

/// @return helper of a Wi-Fi 6 cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeWifi(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    return MakeWifiCell(air, policy);
}

/// @return helper of paced NetDevices. @param air the options
std::unique_ptr<WdmoeRadioHelper>
MakePaced(const WdmoeScenarioRadio& air, const WdmoePolicy& /* policy */)
{
    const auto medium = air.GetText("medium", "wifi");
    NS_ABORT_MSG_IF(medium != "wifi" && medium != "csma" && medium != "p2p",
                    "--medium is " << medium << "; expected wifi, csma or p2p");
    auto radio = std::make_unique<WdmoePacedRadioHelper>(medium);
    if (medium == "wifi")
    {
        const auto mhz = air.GetBandwidth(20, {20, 40, 80, 160});
        radio->SetWifi("80211ax", static_cast<uint32_t>(mhz), 20);
    }
    else
    {
        radio->SetLink(WdmoeShortNumber(air.GetBandwidth(100)) + "Mbps", MicroSeconds(1));
    }
    return radio;
}

/// @return helper of one controller over two cells at one site. @param air the options @param
/// policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeHybrid(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    auto radio = std::make_unique<WdmoeHybridRadioHelper>();
    radio->AddWithin(*MakeWifiCell(air, policy), air.GetNumber("wifiRange", 50, 0, 1e6));
    auto lte = MakeLteCell(air, policy, true);
    lte->SetServerAtBaseStation(true);
    radio->AddFraction(*lte, 1);
    return radio;
}

} // namespace

std::vector<WdmoeScenarioEntry>
WdmoeMakeScenarioEntries()
{
    // A new radio of the module is one more entry here.
    return {
        {"ideal",
         MakeIdeal,
         {{"bandwidth", {"ns3::WdmoeIdealRadio::Bandwidth", "Bandwidth, MHz"}},
          {"exponent", {"ns3::WdmoeIdealRadio::PropagationLossModel", "Path loss exponent"}},
          {"fading", {"ns3::WdmoeIdealRadio::Fading", "Block fading: Rayleigh or None"}}}},
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
            "Share of IP packets lost in the core network, each way"}}}},
        {"wifi",
         MakeWifi,
         {{"bandwidth", {"ns3::WdmoeWifiRadio::Bandwidth"}},
          {"stock", {"ns3::WdmoeWifiRadio::Scheduler"}},
          {"scheduler",
           {"ns3::WdmoeWifiRadio::Scheduler",
            "TypeId of the multi-user scheduler of the others, or None: EDCA"}},
          {"exponent", {"ns3::WdmoeWifiRadio::PropagationLossModel"}},
          {"noiseFigure",
           {"ns3::WdmoeWifiRadio::NoiseFigure",
            "Noise figure of the receivers and what interference there is, dB"}},
          {"rts",
           {"ns3::WdmoeWifiRadio::RtsThreshold",
            "Longer frames are preceded by RTS and CTS, byte"}}}},
        {"hybrid",
         MakeHybrid,
         {{"wifiRange", {"", "Devices within it are on Wi-Fi, the others on LTE, m"}},
          {"bandwidth", {}}, // of Wi-Fi
          {"rbs", {}},
          {"stock", {}}, // of Wi-Fi
          {"lteStock", {"", "The MAC scheduler of the LTE cell, as --stock of LTE alone"}},
          {"scheduler", {}},
          {"exponent", {}},
          {"fading", {}}, // of LTE
          {"powerControl", {}},
          {"loss", {}},
          {"noiseFigure", {}},
          {"rts", {}}}},
        {"paced",
         MakePaced,
         {{"bandwidth", {}}, // Mbit/s of csma and p2p
          {"medium", {"", "What is paced: wifi, csma or p2p (--bandwidth is then in Mbit/s)"}}}},
    };
}

} // namespace ns3
