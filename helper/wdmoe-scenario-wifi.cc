/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-scenario-cells.h"
#include "wdmoe-scenario-entries.h"

#include "ns3/double.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <memory>

namespace ns3
{

std::unique_ptr<WdmoeWifiRadioHelper>
WdmoeMakeWifiCell(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
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

namespace
{

/// @return helper of a Wi-Fi 6 cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeWifi(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    return WdmoeMakeWifiCell(air, policy);
}

/// --radio=wifi
const WdmoeScenarioRegistration g_wifi(
    2,
    {"wifi",
     MakeWifi,
     {{"bandwidth", {"ns3::WdmoeWifiRadio::Bandwidth"}},
      {"stock",
       {"ns3::WdmoeWifiRadio::Scheduler",
        "The MAC scheduler of policies without an optimizer, as topk-stock"}},
      {"scheduler",
       {"ns3::WdmoeWifiRadio::Scheduler",
        "TypeId of the multi-user scheduler of the others, or None: EDCA"}},
      {"exponent", {"ns3::WdmoeWifiRadio::PropagationLossModel"}},
      {"noiseFigure",
       {"ns3::WdmoeWifiRadio::NoiseFigure",
        "Noise figure of the receivers and what interference there is, dB"}},
      {"rts",
       {"ns3::WdmoeWifiRadio::RtsThreshold", "Longer frames are preceded by RTS and CTS, byte"}}}});

} // namespace

} // namespace ns3
