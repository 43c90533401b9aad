/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-scenario-radio.h"

#include "wdmoe-scenario-entries.h"

#include "ns3/abort.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

namespace ns3
{

namespace
{

/// @return the radios there are
std::vector<WdmoeScenarioEntry>&
Registry()
{
    static auto registry = WdmoeMakeScenarioEntries();
    return registry;
}

/// @return a radio; aborts with those there are. @param name of the radio
const WdmoeScenarioEntry&
Find(const std::string& name)
{
    for (const auto& entry : Registry())
    {
        if (entry.name == name)
        {
            return entry;
        }
    }
    NS_ABORT_MSG("--radio is " << name << WdmoeExplainNoRadio(name) << "; expected "
                               << WdmoeJoinWords(WdmoeScenarioRadio::GetNames()));
}

/// @return what --help says of an option, as the first radio has it. @param option name
std::string
HelpOf(const std::string& option)
{
    for (const auto& entry : Registry())
    {
        const auto found = entry.options.find(option);
        if (found != entry.options.end() && !found->second.help.empty())
        {
            return found->second.help;
        }
    }
    return "";
}

/// @return names of the radios with an option, each after a text. @param option name @param before
/// the text
std::vector<std::string>
RadiosWith(const std::string& option, const std::string& before)
{
    std::vector<std::string> names;
    for (const auto& entry : Registry())
    {
        if (entry.options.count(option))
        {
            names.push_back(before + entry.name);
        }
    }
    return names;
}

} // namespace

void
WdmoeScenarioRadio::Register(const std::string& name, const Maker& maker, const Options& options)
{
    NS_ABORT_MSG_IF(name.empty() || !maker,
                    "WdmoeScenarioRadio::Register: a radio needs a name and a maker");
    for (const auto& [option, what] : options)
    {
        NS_ABORT_MSG_IF(HelpOf(option).empty() && what.help.empty(),
                        "WdmoeScenarioRadio::Register: radio '"
                            << name << "': no other radio has the option '" << option
                            << "'; give it a text for --help");
    }
    std::erase_if(Registry(), [&](const auto& entry) { return entry.name == name; });
    Registry().push_back({name, maker, options});
}

std::vector<std::string>
WdmoeScenarioRadio::GetNames()
{
    std::vector<std::string> names;
    for (const auto& entry : Registry())
    {
        names.push_back(entry.name);
    }
    return names;
}

WdmoeScenarioRadio::WdmoeScenarioRadio(const std::string& radio)
    : m_own(radio),
      m_radio(radio)
{
}

void
WdmoeScenarioRadio::SetPathloss(double exponent, double referenceLossDb)
{
    m_exponent = exponent;
    m_referenceLossDb = referenceLossDb;
}

void
WdmoeScenarioRadio::SetDefault(const std::string& option, const std::string& text)
{
    m_defaults[option] = text;
}

void
WdmoeScenarioRadio::SetFading(const std::string& fading)
{
    m_fading = fading;
}

bool
WdmoeScenarioRadio::Set(const std::string& option, const std::string& text)
{
    m_given[option] = text;
    return true;
}

void
WdmoeScenarioRadio::AddOptions(CommandLine& cmd)
{
    cmd.AddValue("radio", WdmoeJoinWords(GetNames()), m_radio);
    std::vector<std::string> added;
    for (const auto& entry : Registry())
    {
        for (const auto& [option, what] : entry.options)
        {
            if (std::find(added.begin(), added.end(), option) != added.end())
            {
                continue;
            }
            added.push_back(option);
            cmd.AddValue(
                option,
                HelpOf(option) + " [" + WdmoeJoinWords(Defaults(option), ", ") + "]",
                Callback<bool, const std::string&>(
                    [this, name = option](const std::string& text) { return Set(name, text); }));
        }
    }
}

std::vector<std::string>
WdmoeScenarioRadio::Defaults(const std::string& option) const
{
    std::vector<std::string> defaults;
    for (const auto& entry : Registry())
    {
        if (entry.options.count(option))
        {
            auto air = *this;
            air.m_radio = entry.name;
            air.m_given.clear();
            air.m_used.clear();
            entry.maker(air, WdmoePolicy());
            const auto found = air.m_used.find(option);
            defaults.push_back(entry.name +
                               (found == air.m_used.end() ? "" : ": " + found->second));
        }
    }
    return defaults;
}

void
WdmoeScenarioRadio::Check() const
{
    const auto& chosen = Find(m_radio);
    for (const auto& [option, text] : m_given)
    {
        NS_ABORT_MSG_IF(chosen.options.count(option) == 0,
                        "--" << option << ": the radio '" << m_radio
                             << "' has no such option; leave it out, or choose "
                             << WdmoeJoinWords(RadiosWith(option, "--radio=")));
    }
    m_used.clear();
    m_used["radio"] = m_radio;
    chosen.maker(*this, WdmoePolicy());
    if (m_fading != "None" && chosen.options.count("fading") == 0)
    {
        std::cerr << "the radio '" << m_radio << "' has no block fading: the scenario's ("
                  << m_fading << ") is left out\n";
    }
}

Ptr<WdmoeRadio>
WdmoeScenarioRadio::Install(const WdmoePolicy& policy,
                            Ptr<Node> server,
                            const NodeContainer& devices) const
{
    const auto helper = Find(m_radio).maker(*this, policy);
    policy.Apply("radio", *helper);
    return helper->Install(server, devices);
}

const std::string&
WdmoeScenarioRadio::GetRadio() const
{
    return m_radio;
}

const WdmoeScenarioRadio::Options&
WdmoeScenarioRadio::GetOptions() const
{
    return Find(m_radio).options;
}

bool
WdmoeScenarioRadio::Has(const std::string& option) const
{
    return m_given.count(option) > 0;
}

void
WdmoeScenarioRadio::Note(const std::string& option, const std::string& text) const
{
    m_used[option] = text;
}

std::string
WdmoeScenarioRadio::GetText(const std::string& option, const std::string& otherwise) const
{
    auto text = otherwise;
    if (const auto own = m_defaults.find(option); own != m_defaults.end() && m_radio == m_own)
    {
        text = own->second;
    }
    if (const auto given = m_given.find(option); given != m_given.end())
    {
        text = given->second;
    }
    return m_used[option] = text;
}

double
WdmoeScenarioRadio::GetNumber(const std::string& option,
                              double otherwise,
                              double least,
                              double most) const
{
    const auto text = GetText(option, WdmoeShortNumber(otherwise));
    std::istringstream in(text);
    double value = std::nan("");
    const bool read = (in >> value) && in.peek() == std::istringstream::traits_type::eof();
    NS_ABORT_MSG_IF(!read, "--" << option << " is '" << text << "'; expected a number");
    NS_ABORT_MSG_IF(!(value >= least && value <= most),
                    "--" << option << " is " << text << "; expected " << least << " to " << most);
    return value;
}

bool
WdmoeScenarioRadio::GetBoolean(const std::string& option, bool otherwise) const
{
    // as CommandLine reads a bool: without a value it is what it was not
    auto text = GetText(option, otherwise ? "true" : "false");
    text = text.empty() ? (otherwise ? "false" : "true") : text;
    const bool yes = text == "true" || text == "1" || text == "t";
    NS_ABORT_MSG_IF(!yes && text != "false" && text != "0" && text != "f",
                    "--" << option << " is " << text << "; expected true or false");
    m_used[option] = yes ? "true" : "false";
    return yes;
}

double
WdmoeScenarioRadio::GetBandwidth(double otherwise, const std::vector<double>& known) const
{
    const auto mhz = GetNumber("bandwidth", otherwise, 0, 1e12);
    std::vector<std::string> names;
    for (const auto value : known)
    {
        names.push_back(WdmoeShortNumber(value));
    }
    NS_ABORT_MSG_IF(!known.empty() && std::find(known.begin(), known.end(), mhz) == known.end(),
                    "--bandwidth is " << mhz << " MHz; over the radio '" << m_radio << "' expected "
                                      << WdmoeJoinWords(names));
    NS_ABORT_MSG_IF(!(mhz >= 1e-6 && mhz <= 1e5),
                    "--bandwidth is " << mhz << " MHz; expected 1e-6 to 1e5 MHz"
                                      << (mhz > 1e5 ? " (it is not in Hz)" : ""));
    return mhz;
}

std::string
WdmoeScenarioRadio::GetFading() const
{
    const auto fading = GetText("fading", m_fading);
    NS_ABORT_MSG_IF(fading != "None" && fading != "Rayleigh",
                    "--fading is " << fading << "; expected Rayleigh or None");
    return fading;
}

double
WdmoeScenarioRadio::GetExponent() const
{
    return GetNumber("exponent", m_exponent, 0, 10);
}

double
WdmoeScenarioRadio::GetReferenceLossDb() const
{
    return m_referenceLossDb;
}

const std::map<std::string, std::string>&
WdmoeScenarioRadio::GetSettings() const
{
    return m_used;
}

} // namespace ns3
