/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RESULTS_HELPER_H
#define WDMOE_RESULTS_HELPER_H

#include "wdmoe-flow-helper.h"

#include "ns3/application-container.h"
#include "ns3/wdmoe-expert-node.h"
#include "ns3/wdmoe-gating-server.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Gathers what the applications trace, policy by policy, checks conservation, prints the table
 * and writes summary.json, blocks.csv, requests.csv, shares.csv, schedule.csv, experts.csv (see
 * doc/metrics.rst).
 */
class WdmoeResultsHelper
{
  public:
    /**
     * @param scenario name of the scenario
     */
    explicit WdmoeResultsHelper(const std::string& scenario);

    /**
     * Gather from now on under a policy's name.
     *
     * @param policy name
     * @param server its traces are connected
     * @param nodes the WdmoeExpertNode of each device
     * @param controller knows the radio
     */
    void Attach(const std::string& policy,
                Ptr<WdmoeGatingServer> server,
                ApplicationContainer nodes,
                Ptr<WdmoeController> controller);

    /**
     * Check, after a run and before Simulator::Destroy(), that nothing was lost unseen: tokens in
     * = tokens out, messages sent = received + counted losses, shares <= 1. Aborts with what does
     * not add up.
     *
     * @param tokensIn prompt tokens the request source gave
     * @param tokensOut output tokens the request source asked for
     */
    void CheckConservation(uint64_t tokensIn, uint64_t tokensOut);

    /// What the server has done so far is what Write() tells of the present policy
    void TakeReport();

    /**
     * Write what there is of a simulation that is stuck: the tables so far, with the cause in the
     * manifest ("stuck"), and the state of all parts in stuck.txt.
     *
     * @param folder made if it is not there; aborts if it cannot be written
     * @param report what the watchdog saw
     */
    void WriteStuck(const std::string& folder, const WdmoeStuckReport& report);

    /**
     * What FlowMonitor counted under the present policy; summary.json gets it as "flows".
     *
     * @param flows between server and devices
     */
    void SetFlows(const std::vector<WdmoeFlowRecord>& flows);

    /**
     * @param policy name
     * @return its flows; empty if FlowMonitor did not count
     */
    const std::vector<WdmoeFlowRecord>& GetFlows(const std::string& policy) const;

    /**
     * @param key of the manifest
     * @param value its value
     */
    void AddToManifest(const std::string& key, const std::string& value);

    /**
     * @param os where the table goes
     */
    void PrintTable(std::ostream& os) const;

    /**
     * @param folder made if it is not there; aborts if it cannot be written
     */
    void Write(const std::string& folder) const;

    /// @return blocks gathered under the present policy
    std::size_t GetNBlocks() const;

    /**
     * @param policy name
     * @return its blocks, in order
     */
    const std::vector<WdmoeBlockRecord>& GetBlocks(const std::string& policy) const;

    /**
     * @param policy name
     * @return its requests, in order
     */
    const std::vector<WdmoeRequestRecord>& GetRequests(const std::string& policy) const;

    /**
     * @param policy name
     * @return quality of its answers; empty if only sizes were simulated
     */
    const wdmoe::CapabilityScore& GetCapability(const std::string& policy) const;

  private:
    /// What a device computed of one expert in one block
    struct ExpertLoad
    {
        uint32_t expert{0}; ///< e
        uint32_t device{0}; ///< that it was sent to
        uint32_t pairs{0};  ///< (token, expert) pairs
        double gateMass{0}; ///< sum of their gate weights
    };

    /// One policy's rows
    struct Policy
    {
        std::string name;                                 ///< of the policy
        std::vector<WdmoeBlockRecord> blocks;             ///< in order
        std::vector<WdmoeRequestRecord> requests;         ///< in order
        std::vector<std::vector<WdmoeUsage>> granted;     ///< during each block, by device
        std::map<uint64_t, std::vector<WdmoeUsage>> used; ///< by request: by device, when its
                                                          ///< present block was decided
        std::vector<std::vector<ExpertLoad>> experts;     ///< of each block, by expert and device
        std::map<uint64_t, std::vector<ExpertLoad>> load; ///< by request: of its present block
        WdmoeServerReport server;                         ///< at the end
        std::vector<WdmoeFlowRecord> flows;               ///< at the end
        std::string modelName;                            ///< of the real model; empty: sizes only
        std::string modelDigest;                          ///< of the real model
        wdmoe::CapabilityScore score;                     ///< of the real model, at the end
        std::vector<uint32_t> cell;                       ///< of the radio, by device
        std::vector<WdmoeBudget> budget;                  ///< of its cell, by device
    };

    /**
     * @param record a finished block
     */
    void OnBlock(const WdmoeBlockRecord& record);

    /**
     * @param input the block
     * @param decision made for it
     */
    void OnDecision(const WdmoeBlockInput& input, const WdmoeDecision& decision);

    /**
     * @param record a finished request
     */
    void OnRequest(const WdmoeRequestRecord& record);

    /**
     * @param p a policy that served a real model
     * @return the object "capability" of summary.json, as text
     */
    static std::string CapabilityText(const Policy& p);

    /**
     * @param name of a policy
     * @return its rows; aborts if there are none
     */
    const Policy& Get(const std::string& name) const;

    std::string m_scenario;                        ///< name of the scenario
    std::string m_radioName;                       ///< name of the radio
    std::map<std::string, std::string> m_manifest; ///< key to value
    std::vector<Policy> m_policies;                ///< in the order of Attach()
    Ptr<WdmoeGatingServer> m_server;               ///< of the present policy
    ApplicationContainer m_nodes;                  ///< of the present policy
    Ptr<WdmoeController> m_controller;             ///< of the present policy
};

} // namespace ns3

#endif /* WDMOE_RESULTS_HELPER_H */
