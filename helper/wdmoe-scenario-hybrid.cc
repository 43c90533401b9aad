/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-hybrid-radio-helper.h"
#include "wdmoe-scenario-cells.h"
#include "wdmoe-scenario-entries.h"

#include <memory>

namespace ns3
{

namespace
{

/// @return helper of one controller over two cells at one site. @param air the options @param
/// policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeHybrid(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    auto radio = std::make_unique<WdmoeHybridRadioHelper>();
    radio->AddWithin(*WdmoeMakeWifiCell(air, policy), air.GetNumber("wifiRange", 50, 0, 1e6));
    auto lte = WdmoeMakeLteCell(air, policy, true);
    lte->SetServerAtBaseStation(true);
    radio->AddFraction(*lte, 1);
    return radio;
}

/// --radio=hybrid
const WdmoeScenarioRegistration g_hybrid(
    3,
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
      {"rts", {}}}});

} // namespace

} // namespace ns3
