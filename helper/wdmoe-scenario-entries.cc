/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-scenario-entries.h"

#include "ns3/abort.h"

#include <iomanip>
#include <map>
#include <sstream>
#include <utility>

namespace ns3
{

namespace
{

/// Radios of the module that a build may leave out, and what they need
const std::map<std::string, std::string> NEEDS{
    {"lte", "ns-3's module lte"},
    {"wifi", "ns-3's module wifi, of ns-3.44 or later"},
    {"hybrid", "ns-3's modules lte and wifi, of ns-3.44 or later"},
};

/// @return the radios of this build, by place
std::map<uint32_t, WdmoeScenarioEntry>&
Registered()
{
    static std::map<uint32_t, WdmoeScenarioEntry> entries;
    return entries;
}

} // namespace

WdmoeScenarioRegistration::WdmoeScenarioRegistration(uint32_t place,
                                                     const WdmoeScenarioEntry& entry)
{
    const bool added = Registered().emplace(place, entry).second;
    NS_ABORT_MSG_IF(!added, "two radios of the module at place " << place);
}

std::vector<WdmoeScenarioEntry>
WdmoeMakeScenarioEntries()
{
    std::vector<WdmoeScenarioEntry> entries;
    for (const auto& [place, entry] : Registered())
    {
        entries.push_back(entry);
    }
    return entries;
}

std::string
WdmoeExplainNoRadio(const std::string& name)
{
    const auto needs = NEEDS.find(name);
    return needs == NEEDS.end() ? ""
                                : ", which this build leaves out (it needs " + needs->second + ")";
}

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

} // namespace ns3
