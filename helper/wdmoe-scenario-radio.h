/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SCENARIO_RADIO_H
#define WDMOE_SCENARIO_RADIO_H

#include "wdmoe-policy.h"
#include "wdmoe-radio-helper.h"

#include "ns3/command-line.h"
#include "ns3/node-container.h"
#include "ns3/wdmoe-radio.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * The air of a scenario, and the options that users choose it by: --radio, --bandwidth and what
 * else the radios have. A scenario has positions, a path loss and devices; over which radio they
 * talk is for whoever runs it:
 *
 *     WdmoeScenarioRadio air("lte");
 *     air.SetPathloss(3.5, 46.6777);
 *     air.AddOptions(cmd);
 *     cmd.Parse(argc, argv);
 *     air.Check();
 *     auto radio = air.Install(policy, server, devices);
 *
 * A radio of one's own joins by its name, before the command line is parsed:
 *
 *     WdmoeScenarioRadio::Register("mine", [](const auto&, const auto&) {
 *         return std::make_unique<MyRadioHelper>();
 *     });
 *
 * An option that the chosen radio does not have is refused with the radios that have it.
 */
class WdmoeScenarioRadio
{
  public:
    /**
     * Makes the helper of a radio. Also called once by Check(), so that a bad value is told before
     * anything is simulated.
     *
     * The arguments are the options, and the policy that the radio is to run under: a policy with
     * `stock` gets the radio's own scheduler. Attributes that a policy sets are set by the caller.
     */
    typedef std::function<std::unique_ptr<WdmoeRadioHelper>(const WdmoeScenarioRadio& air,
                                                            const WdmoePolicy& policy)>
        Maker;

    /// An option that a radio has
    struct Option
    {
        std::string attribute{}; ///< full name of the attribute that it sets, which is then refused
                                 ///< on the command line; empty: none
        std::string help{};      ///< for --help; may be left out where another radio has it too
    };

    /// Options by name
    typedef std::map<std::string, Option> Options;

    /**
     * Make a radio known by a name, in place of one that has it already.
     *
     * @param name for --radio
     * @param maker makes its helper
     * @param options that it has
     */
    static void Register(const std::string& name, const Maker& maker, const Options& options = {});

    /// @return names of the radios, in the order they were registered
    static std::vector<std::string> GetNames();

    /**
     * @param radio name of the scenario's own radio
     */
    explicit WdmoeScenarioRadio(const std::string& radio);

    /**
     * What the scenario's places are worth over any radio: L = L(1 m) + 10 n log10(d / 1 m).
     *
     * @param exponent n
     * @param referenceLossDb at 1 m, dB
     */
    void SetPathloss(double exponent, double referenceLossDb);

    /**
     * What an option is in this scenario over its own radio, where that is not the radio's default.
     *
     * @param option name
     * @param text its value
     */
    void SetDefault(const std::string& option, const std::string& text);

    /**
     * Block fading, over radios that have it, unless --fading says otherwise.
     *
     * @param fading "Rayleigh" or "None"
     */
    void SetFading(const std::string& fading);

    /**
     * Their help names the radios that have them, with the default of each.
     *
     * @param cmd gets the options; it refers to this object from then on
     */
    void AddOptions(CommandLine& cmd);

    /**
     * Check what was given; aborts with what is wrong and what to do. Says so once where the chosen
     * radio leaves out the scenario's fading.
     */
    void Check() const;

    /**
     * @param policy that the radio runs under
     * @param server base station, with a MobilityModel
     * @param devices with a MobilityModel each
     * @return the radio that was chosen
     */
    Ptr<WdmoeRadio> Install(const WdmoePolicy& policy,
                            Ptr<Node> server,
                            const NodeContainer& devices) const;

    /// @return name of the radio that was chosen
    const std::string& GetRadio() const;

    /// @return what the radio that was chosen has, as of Register()
    const Options& GetOptions() const;

    // For makers

    /**
     * @param option name
     * @return whether it was given
     */
    bool Has(const std::string& option) const;

    /**
     * Write down what an option came to that was not asked for by name.
     *
     * @param option name
     * @param text its value
     */
    void Note(const std::string& option, const std::string& text) const;

    /**
     * @param option name
     * @param otherwise what it is where it was not given
     * @return its text
     */
    std::string GetText(const std::string& option, const std::string& otherwise) const;

    /**
     * @param option name
     * @param otherwise what it is where it was not given
     * @param least smallest value
     * @param most largest value
     * @return its number; aborts where it is none, or out of range
     */
    double GetNumber(const std::string& option, double otherwise, double least, double most) const;

    /**
     * @param option name
     * @param otherwise what it is where it was not given
     * @return its value; aborts where it is neither true nor false
     */
    bool GetBoolean(const std::string& option, bool otherwise) const;

    /**
     * @param otherwise of the radio, MHz
     * @param known bandwidths of the radio, MHz; empty: any
     * @return --bandwidth, MHz; aborts where the radio cannot have it
     */
    double GetBandwidth(double otherwise, const std::vector<double>& known = {}) const;

    /// @return "Rayleigh" or "None": --fading or the scenario's; aborts for anything else
    std::string GetFading() const;

    /// @return path loss exponent: --exponent or the scenario's
    double GetExponent() const;

    /// @return path loss at 1 m, dB
    double GetReferenceLossDb() const;

    /// @return option to text: what makers asked for, given or not; complete after Check()
    const std::map<std::string, std::string>& GetSettings() const;

  private:
    /**
     * @param option name
     * @param text its value
     * @return true
     */
    bool Set(const std::string& option, const std::string& text);

    /**
     * @param option name
     * @return for each radio that has it, what it is where nothing is given
     */
    std::vector<std::string> Defaults(const std::string& option) const;

    std::string m_own;                 ///< the scenario's radio
    std::string m_radio;               ///< the radio that was chosen
    double m_exponent{3.5};            ///< of the scenario
    double m_referenceLossDb{46.6777}; ///< of the scenario, dB; ns-3's default: 5.15 GHz
    std::string m_fading{"None"};      ///< of the scenario
    std::map<std::string, std::string> m_defaults; ///< option to text, over the scenario's radio
    std::map<std::string, std::string> m_given;    ///< option to text
    mutable std::map<std::string, std::string> m_used; ///< option to text: what was asked for
};

} // namespace ns3

#endif /* WDMOE_SCENARIO_RADIO_H */
