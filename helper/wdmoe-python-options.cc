/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-python-options.h"

#include <memory>

namespace ns3
{

void
WdmoeAddOption(CommandLine& cmd, const std::string& name, const std::string& help, int64_t& value)
{
    cmd.AddValue(name, help, value);
}

void
WdmoeAddOption(CommandLine& cmd, const std::string& name, const std::string& help, double& value)
{
    cmd.AddValue(name, help, value);
}

void
WdmoeAddOption(CommandLine& cmd, const std::string& name, const std::string& help, bool& value)
{
    cmd.AddValue(name, help, value);
}

void
WdmoeAddOption(CommandLine& cmd,
               const std::string& name,
               const std::string& help,
               std::string& value)
{
    cmd.AddValue(name,
                 help,
                 Callback<bool, const std::string&>([&value](const std::string& text) {
                     value = text;
                     return true;
                 }),
                 value);
}

void
WdmoeRegisterRadio(const std::string& name,
                   const WdmoeGivingMaker& maker,
                   const WdmoeScenarioRadio::Options& options)
{
    WdmoeScenarioRadio::Register(
        name,
        [maker](const WdmoeScenarioRadio& air, const WdmoePolicy& policy) {
            return std::unique_ptr<WdmoeRadioHelper>(maker(air, policy));
        },
        options);
}

} // namespace ns3
