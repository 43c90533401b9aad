/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SCENARIO_ENTRIES_H
#define WDMOE_SCENARIO_ENTRIES_H

#include "wdmoe-scenario-radio.h"

#include <cstdint>
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

/**
 * @ingroup wdmoe-helper
 *
 * Names a radio of the module for --radio: a global of this type stands in the file of the radio's
 * options, so that a build has the radios whose files it has, and no list to be switched.
 */
class WdmoeScenarioRegistration
{
  public:
    /**
     * @param place among the module's radios, in the order that they are named to users
     * @param entry the radio
     */
    WdmoeScenarioRegistration(uint32_t place, const WdmoeScenarioEntry& entry);
};

/**
 * @param name given for a radio that there is none of
 * @return what to say of it after its name: that this build leaves it out, and what it needs; empty
 * where the module knows no such radio
 */
std::string WdmoeExplainNoRadio(const std::string& name);

/// @return the module's radios that are in this build
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
