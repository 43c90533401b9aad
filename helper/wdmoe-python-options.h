/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PYTHON_OPTIONS_H
#define WDMOE_PYTHON_OPTIONS_H

#include "wdmoe-scenario-radio.h"

#include "ns3/command-line.h"

#include <cstdint>
#include <functional>
#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * CommandLine::AddValue() for each type that an option of Python's can have, not as a template.
 *
 * @param cmd gets the option
 * @param name of the option
 * @param help what it is
 * @param [in,out] value its default, and after Parse() what was given; has to stay where it is
 */
void WdmoeAddOption(CommandLine& cmd,
                    const std::string& name,
                    const std::string& help,
                    int64_t& value);

/// @copydoc WdmoeAddOption()
void WdmoeAddOption(CommandLine& cmd,
                    const std::string& name,
                    const std::string& help,
                    double& value);

/// @copydoc WdmoeAddOption()
void WdmoeAddOption(CommandLine& cmd,
                    const std::string& name,
                    const std::string& help,
                    bool& value);

/**
 * The same for text, all of it: that of AddValue() ends at the first blank.
 *
 * @copydetails WdmoeAddOption()
 */
void WdmoeAddOption(CommandLine& cmd,
                    const std::string& name,
                    const std::string& help,
                    std::string& value);

/// As WdmoeScenarioRadio::Maker; the helper is given away. Python knows no std::unique_ptr.
typedef std::function<WdmoeRadioHelper*(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)>
    WdmoeGivingMaker;

/**
 * @ingroup wdmoe-helper
 *
 * WdmoeScenarioRadio::Register() for Python.
 *
 * @param name for --radio
 * @param maker makes its helper
 * @param options that it has
 */
void WdmoeRegisterRadio(const std::string& name,
                        const WdmoeGivingMaker& maker,
                        const WdmoeScenarioRadio::Options& options);

} // namespace ns3

#endif /* WDMOE_PYTHON_OPTIONS_H */
