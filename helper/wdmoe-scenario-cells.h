/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SCENARIO_CELLS_H
#define WDMOE_SCENARIO_CELLS_H

#include "wdmoe-lte-radio-helper.h"
#include "wdmoe-scenario-radio.h"
#include "wdmoe-wifi-radio-helper.h"

#include <memory>

namespace ns3
{

// The cells that a scenario has alone, or that its hybrid radio joins.

/**
 * @param air the options
 * @param policy that it runs under
 * @param joined with a cell that has --bandwidth and --stock
 * @return helper of an LTE cell
 */
std::unique_ptr<WdmoeLteRadioHelper> WdmoeMakeLteCell(const WdmoeScenarioRadio& air,
                                                      const WdmoePolicy& policy,
                                                      bool joined);

/**
 * @param air the options
 * @param policy that it runs under
 * @return helper of a Wi-Fi 6 cell
 */
std::unique_ptr<WdmoeWifiRadioHelper> WdmoeMakeWifiCell(const WdmoeScenarioRadio& air,
                                                        const WdmoePolicy& policy);

} // namespace ns3

#endif /* WDMOE_SCENARIO_CELLS_H */
