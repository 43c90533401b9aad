/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SCENARIO_ENTRIES_H
#define WDMOE_SCENARIO_ENTRIES_H

#include "wdmoe-scenario-radio.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * One radio that a scenario can be run over.
 */
struct WdmoeScenarioEntry
{
    std::string name;                    ///< for --radio
    WdmoeScenarioRadio::Maker maker;     ///< makes its helper
    WdmoeScenarioRadio::Options options; ///< that it has
};

/// @return the radios of this module
std::vector<WdmoeScenarioEntry> WdmoeMakeScenarioEntries();

/**
 * @param value a number
 * @return it, as short as it can be written
 */
std::string WdmoeShortNumber(double value);

/**
 * @param words the parts
 * @param last before the last one
 * @return "a, b or c"
 */
std::string WdmoeJoinWords(const std::vector<std::string>& words, const std::string& last = " or ");

} // namespace ns3

#endif /* WDMOE_SCENARIO_ENTRIES_H */
