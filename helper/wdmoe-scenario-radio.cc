/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-scenario-radio.h"

#include "wdmoe-ideal-radio-helper.h"
#include "wdmoe-lte-radio-helper.h"
#include "wdmoe-paced-radio-helper.h"
#include "wdmoe-wifi-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/nstime.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

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

/// One radio of the registry
struct Entry
{
    std::string name;                    ///< for --radio
    WdmoeScenarioRadio::Maker maker;     ///< makes its helper
    WdmoeScenarioRadio::Options options; ///< that it has
};

/// LTE's bandwidths: MHz, and RBs
const std::vector<std::pair<double, uint32_t>> LTE_BANDWIDTHS{
    {1.4, 6},
    {3, 15},
    {5, 25},
    {10, 50},
    {15, 75},
    {20, 100},
};

/// @return a number as short as it can be written. @param value the number
std::string
Short(double value)
{
    std::ostringstream text;
    text << std::setprecision(10) << value;
    return text.str();
}

/// @return "a, b or c". @param words the parts @param last before the last one
std::string
Join(const std::vector<std::string>& words, const std::string& last = " or ")
{
    std::string text;
    for (std::size_t i = 0; i < words.size(); i++)
    {
        text += (i == 0 ? "" : i + 1 < words.size() ? ", " : last) + words[i];
    }
    return text;
}

/// @return RBs of --rbs or --bandwidth. @param air the options
uint32_t
LteRbs(const WdmoeScenarioRadio& air)
{
    std::vector<double> known;
    std::vector<std::string> names;
    for (const auto& [mhz, rbs] : LTE_BANDWIDTHS)
    {
        known.push_back(mhz);
        names.push_back(std::to_string(rbs));
    }
    if (!air.Has("rbs"))
    {
        const auto mhz = air.GetBandwidth(10, known);
        const auto at = std::find(known.begin(), known.end(), mhz) - known.begin();
        air.Note("rbs", names[at]);
        return LTE_BANDWIDTHS[at].second;
    }
    const auto asked = air.GetNumber("rbs", 0, -1e9, 1e9);
    const auto found = std::find_if(LTE_BANDWIDTHS.begin(),
                                    LTE_BANDWIDTHS.end(),
                                    [&](const auto& b) { return b.second == asked; });
    NS_ABORT_MSG_IF(found == LTE_BANDWIDTHS.end(),
                    "--rbs is " << asked << "; expected " << Join(names));
    NS_ABORT_MSG_IF(air.Has("bandwidth") && air.GetBandwidth(10, known) != found->first,
                    "--bandwidth=" << air.GetText("bandwidth", "") << " contradicts --rbs=" << asked
                                   << ", which is " << found->first
                                   << " MHz; leave one of them out");
    air.Note("bandwidth", Short(found->first));
    return found->second;
}

/// @return helper of an LTE cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeLte(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
{
    auto radio = std::make_unique<WdmoeLteRadioHelper>();
    const auto stock = air.GetText("stock", "ns3::PfFfMacScheduler");
    radio->SetAttribute("Bandwidth", UintegerValue(LteRbs(air)));
    radio->SetAttribute("UplinkPowerControl", BooleanValue(air.GetBoolean("powerControl", false)));
    radio->SetAttribute("CoreLoss", DoubleValue(air.GetNumber("loss", 0, 0, 1)));
    radio->SetAttribute("Scheduler",
                        StringValue(policy.stock ? stock : "ns3::WdmoeFfMacScheduler"));
    radio->SetPathlossModel("ns3::LogDistancePropagationLossModel");
    radio->SetPathlossModelAttribute("Exponent", DoubleValue(air.GetExponent()));
    radio->SetPathlossModelAttribute("ReferenceLoss", DoubleValue(air.GetReferenceLossDb()));
    if (air.GetFading() == "Rayleigh")
    {
        radio->SetFadingModel("ns3::WdmoeBlockFading");
    }
    return radio;
}

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

/// @return helper of a Wi-Fi 6 cell. @param air the options @param policy it runs under
std::unique_ptr<WdmoeRadioHelper>
MakeWifi(const WdmoeScenarioRadio& air, const WdmoePolicy& policy)
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

/// @return helper of paced NetDevices. @param air the options
std::unique_ptr<WdmoeRadioHelper>
MakePaced(const WdmoeScenarioRadio& air, const WdmoePolicy& /* policy */)
{
    const auto medium = air.GetText("medium", "wifi");
    NS_ABORT_MSG_IF(medium != "wifi" && medium != "csma" && medium != "p2p",
                    "--medium is " << medium << "; expected wifi, csma or p2p");
    auto radio = std::make_unique<WdmoePacedRadioHelper>(medium);
    if (medium == "wifi")
    {
        const auto mhz = air.GetBandwidth(20, {20, 40, 80, 160});
        radio->SetWifi("80211ax", static_cast<uint32_t>(mhz), 20);
    }
    else
    {
        radio->SetLink(Short(air.GetBandwidth(100)) + "Mbps", MicroSeconds(1));
    }
    return radio;
}

/// @return the radios there are
std::vector<Entry>&
Registry()
{
    // A new radio of the module is one more entry here.
    static std::vector<Entry> registry{
        {"ideal",
         MakeIdeal,
         {{"bandwidth", {"ns3::WdmoeIdealRadio::Bandwidth", "Bandwidth, MHz"}},
          {"exponent", {"ns3::WdmoeIdealRadio::PropagationLossModel", "Path loss exponent"}},
          {"fading", {"ns3::WdmoeIdealRadio::Fading", "Block fading: Rayleigh or None"}}}},
        {"lte",
         MakeLte,
         {{"bandwidth", {"ns3::WdmoeLteRadio::Bandwidth"}},
          {"rbs", {"ns3::WdmoeLteRadio::Bandwidth", "Bandwidth in RBs: 6, 15, 25, 50, 75 or 100"}},
          {"stock",
           {"ns3::WdmoeLteRadio::Scheduler",
            "The MAC scheduler of policies without an optimizer, as topk-stock"}},
          {"exponent", {"ns3::WdmoeLteRadio::PathlossModel"}},
          {"fading", {}},
          {"powerControl", {"ns3::WdmoeLteRadio::UplinkPowerControl", "Uplink power control"}},
          {"loss",
           {"ns3::WdmoeLteRadio::CoreLoss",
            "Share of IP packets lost in the core network, each way"}}}},
        {"wifi",
         MakeWifi,
         {{"bandwidth", {"ns3::WdmoeWifiRadio::Bandwidth"}},
          {"stock", {"ns3::WdmoeWifiRadio::Scheduler"}},
          {"scheduler",
           {"ns3::WdmoeWifiRadio::Scheduler",
            "TypeId of the multi-user scheduler of the others, or None: EDCA"}},
          {"exponent", {"ns3::WdmoeWifiRadio::PropagationLossModel"}},
          {"noiseFigure",
           {"ns3::WdmoeWifiRadio::NoiseFigure",
            "Noise figure of the receivers and what interference there is, dB"}},
          {"rts",
           {"ns3::WdmoeWifiRadio::RtsThreshold",
            "Longer frames are preceded by RTS and CTS, byte"}}}},
        {"paced",
         MakePaced,
         {{"bandwidth", {}}, // Mbit/s of csma and p2p
          {"medium", {"", "What is paced: wifi, csma or p2p (--bandwidth is then in Mbit/s)"}}}},
    };
    return registry;
}

/// @return a radio; aborts with those there are. @param name of the radio
const Entry&
Find(const std::string& name)
{
    for (const auto& entry : Registry())
    {
        if (entry.name == name)
        {
            return entry;
        }
    }
    NS_ABORT_MSG("--radio is " << name << "; expected " << Join(WdmoeScenarioRadio::GetNames()));
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
    cmd.AddValue("radio", Join(GetNames()), m_radio);
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
                HelpOf(option) + " [" + Join(Defaults(option), ", ") + "]",
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
                             << Join(RadiosWith(option, "--radio=")));
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
    const auto text = GetText(option, Short(otherwise));
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
        names.push_back(Short(value));
    }
    NS_ABORT_MSG_IF(!known.empty() && std::find(known.begin(), known.end(), mhz) == known.end(),
                    "--bandwidth is " << mhz << " MHz; over the radio '" << m_radio << "' expected "
                                      << Join(names));
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
