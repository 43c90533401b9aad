/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ideal-radio-helper.h"
#include "wdmoe-scenario-entries.h"

#include "ns3/double.h"
#include "ns3/string.h"

#include <memory>
#include <sstream>

namespace ns3
{

namespace
{

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

/// --radio=ideal
const WdmoeScenarioRegistration g_ideal(
    0,
    {"ideal",
     MakeIdeal,
     {{"bandwidth", {"ns3::WdmoeIdealRadio::Bandwidth", "Bandwidth, MHz"}},
      {"exponent", {"ns3::WdmoeIdealRadio::PropagationLossModel", "Path loss exponent"}},
      {"fading", {"ns3::WdmoeIdealRadio::Fading", "Block fading: Rayleigh or None"}}}});

} // namespace

} // namespace ns3
