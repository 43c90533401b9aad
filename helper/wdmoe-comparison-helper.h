/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_COMPARISON_HELPER_H
#define WDMOE_COMPARISON_HELPER_H

#include "wdmoe-policy.h"
#include "wdmoe-results-helper.h"
#include "wdmoe-scenario-radio.h"

#include "ns3/application-container.h"
#include "ns3/command-line.h"
#include "ns3/node-container.h"
#include "ns3/wdmoe-controller.h"
#include "ns3/wdmoe-gate-source.h"
#include "ns3/wdmoe-gating-server.h"
#include "ns3/wdmoe-radio.h"
#include "ns3/wdmoe-real-model.h"
#include "ns3/wdmoe-request-source.h"

#include <functional>
#include <set>
#include <sstream>
#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * A simulation that is set up.
 */
struct WdmoeSimulation
{
    WdmoeModelDescription model;     ///< that is served
    Ptr<WdmoeController> controller; ///< decides; it knows the radio
    Ptr<WdmoeGatingServer> server;   ///< at the base station
    ApplicationContainer experts;    ///< by device
    uint64_t tokensIn{0};            ///< prompt tokens of all requests
    uint64_t tokensOut{0};           ///< output tokens of all requests
};

/**
 * @ingroup wdmoe-helper
 *
 * Runs the same requests, gates and positions under several policies, one simulation after
 * another, over the radio that a user chose or one that the caller makes; prints a table and writes
 * the results. It is the body of the examples; its options are theirs.
 */
class WdmoeComparisonHelper
{
  public:
    /**
     * Makes the radio of one simulation.
     *
     * The arguments are the policy, the base station's node and the devices (both have a
     * MobilityModel), and a stream index from which the radio may assign its streams.
     */
    typedef std::function<
        Ptr<WdmoeRadio>(const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices)>
        RadioFactory;

    /**
     * @param scenario name of the scenario
     */
    explicit WdmoeComparisonHelper(const std::string& scenario);

    /**
     * @param cmd gets the options
     */
    void AddOptions(CommandLine& cmd);

    /**
     * Run all policies.
     *
     * @param air the radio, as the command line has it; its settings go into the manifest
     * @return exit status for main()
     */
    int Run(const WdmoeScenarioRadio& air);

    /**
     * Run all policies over a radio of one's own.
     *
     * @param makeRadio makes the radio of one simulation
     * @return exit status for main()
     */
    int Run(RadioFactory makeRadio);

    /**
     * Set up one simulation, for callers that run it themselves: Simulator::Run() returns a little
     * after the last answer, Simulator::Destroy() is theirs too. Nothing is gathered.
     *
     * @param policy what to simulate
     * @param air the radio
     * @return its parts
     */
    WdmoeSimulation Install(const WdmoePolicy& policy, const WdmoeScenarioRadio& air);

    /// @return what was gathered
    const WdmoeResultsHelper& GetResults() const;

    /**
     * Write a setting into the manifest, and refuse the attribute it sets on the command line:
     * it would be overwritten without a word.
     *
     * @param name of the option
     * @param value its value
     * @param attribute full name of the attribute that the option sets, if it is one of the
     * module's
     */
    template <typename T>
    void AddSetting(const std::string& name, const T& value, const std::string& attribute = "");

    // Options, with their defaults; set them before AddOptions() to change the defaults

    std::string policies{"all"};       ///< names, separated by commas
    std::string out;                   ///< folder for the results; empty: none are written
    std::string model{"mixtral-8x7b"}; ///< model description, or checkpoint of a real model
    double weightBits{-1};             ///< bits of a stored weight; -1: 4 (sizes only), 16 (real)
    std::string downlinkPrecision{"fp16"}; ///< of activations to the devices
    std::string uplinkPrecision{"fp16"};   ///< of what they answer
    std::string devices{
        "rtx-4070-ti,jetson-agx-orin,jetson-agx-orin,jetson-orin-nano,"
        "jetson-orin-nano,jetson-xavier-nx,jetson-xavier-nx,phone-soc"}; ///< device profiles
    std::string baseStation{"bs-gpu"}; ///< profile for attention and gate
    double minDistance{20};            ///< of a device from the base station, m
    double maxDistance{300};           ///< of a device from the base station, m
    double baseHeight{10};             ///< of the base station above the ground, m
    double deviceHeight{1.5};          ///< of the devices above the ground, m
    double speed{0};                   ///< of the devices, which walk at random, m/s
    std::string gates{"recorded"};     ///< "recorded" (of the model), "synthetic", or a file; with
                                       ///< changes: "REQUEST=GATES,REQUEST=GATES,..."
    std::string placement;             ///< TypeId of the placer of policies that name none
    std::string requestFile{"requests/azure-2023-conv-excerpt.csv"}; ///< arrivals; or "poisson"
    double thinning{1};       ///< fraction of the arrivals that are kept
    double timeScale{-1};     ///< gaps between arrivals are multiplied; -1: 10, of a real model 2
    double rate{0.2};         ///< arrivals for each second (poisson)
    int32_t requests{-1};     ///< how many are served; -1: sizedRequests or realRequests
    int32_t sizedRequests{3}; ///< of a model that is only described
    int32_t realRequests{24}; ///< of a real model
    int32_t maxPromptTokens{32}; ///< longer prompts are cut
    int32_t maxOutputTokens{4};  ///< longer answers are cut
    int32_t blocks{-1};          ///< blocks that are simulated; 0: all; -1: sizedBlocks, or all
    int32_t sizedBlocks{4};      ///< of a model that is only described; 0: all
    std::string items{"evaluation/tasks.jsonl,evaluation/text.jsonl"}; ///< asked of a real model
    std::string domains;        ///< of the items that are asked; empty: all
    double freeRunning{0.5};    ///< share of the tasks that a real model answers by itself
    int32_t maxItemTokens{256}; ///< longer texts are cut, longer tasks left out
    bool strict{false};         ///< nobody gets what another one leaves unused
    std::string predictor{"ns3::WdmoeLearningPredictor"}; ///< TypeId
    std::string transport{"ns3::WdmoeUdpTransport"};      ///< TypeId
    std::string computeMode{"Roofline"};                  ///< or "Flops"
    double deadlineMs{0};                                 ///< for stragglers, ms; 0: none
    bool regret{false};      ///< bound what any decision could have come to, block by block
    bool pcap{false};        ///< write packets as pcap files into OUT/packets
    bool flowMonitor{false}; ///< have FlowMonitor count the flows, likewise
    bool netAnim{false};     ///< write an animation for NetAnim, likewise
    bool progress{false};    ///< machine-readable progress on standard error

  private:
    /**
     * @param policy what to simulate
     * @param makeRadio makes the radio
     * @return its parts
     */
    WdmoeSimulation SetUp(const WdmoePolicy& policy, const RadioFactory& makeRadio) const;

    /**
     * @param policy what to simulate
     * @return how the names of its files in OUT/packets begin; the folder is made. Empty if none
     * are written
     */
    std::string MakePrefix(const WdmoePolicy& policy) const;

    /**
     * @param policy what to simulate
     * @param makeRadio makes the radio
     */
    void RunOne(const WdmoePolicy& policy, const RadioFactory& makeRadio);

    /**
     * @param real model that is asked; null: sizes only
     * @return a new request source, always with the same requests
     */
    Ptr<WdmoeRequestSource> MakeRequests(Ptr<WdmoeRealModel> real) const;

    /**
     * @param name of the model
     * @return a new gate source, always with the same weights
     */
    Ptr<WdmoeGateSource> MakeGates(const std::string& name) const;

    /**
     * @param name of the model
     * @param spec "recorded", "recorded:DOMAIN", "synthetic", "synthetic:PRESET", or a file
     * @return a new gate source, its streams not assigned
     */
    Ptr<WdmoeGateSource> MakeGates(const std::string& name, const std::string& spec) const;

    /**
     * Abort if an attribute was given on the command line.
     *
     * @param attribute full name
     * @param option that sets it
     */
    void Reserve(const std::string& attribute, const std::string& option);

    /// Check every option
    void CheckOptions() const;

    /// Replace what was left to the kind of model by what it is
    void Resolve();

    /// Write down every setting
    void FillManifest();

    std::set<std::string> m_reserved; ///< attributes that options set
    WdmoeResultsHelper m_results;     ///< what was gathered
    std::string m_scenario;           ///< name of the scenario
};

template <typename T>
void
WdmoeComparisonHelper::AddSetting(const std::string& name,
                                  const T& value,
                                  const std::string& attribute)
{
    std::ostringstream text;
    text << std::boolalpha << value;
    m_results.AddToManifest("option." + name, text.str());
    if (!attribute.empty())
    {
        Reserve(attribute, name);
    }
}

} // namespace ns3

#endif /* WDMOE_COMPARISON_HELPER_H */
