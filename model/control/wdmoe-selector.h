/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SELECTOR_H
#define WDMOE_SELECTOR_H

#include "ns3/object.h"
#include "ns3/wdmoe-block-problem.h"
#include "ns3/wdmoe-bottleneck.h"
#include "ns3/wdmoe-selection.h"

#include <memory>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-control The loop of WDMoE: measure, decide, enforce
 */

/**
 * @ingroup wdmoe-control
 *
 * What a selector may look at. The controller makes a shared one for each block, whose gate stays
 * as it is, so that a selector may keep that without a copy (shared_from_this()).
 */
struct WdmoeSelectorInput : public std::enable_shared_from_this<WdmoeSelectorInput>
{
    wdmoe::GateMatrix gate;             ///< J x E weights
    uint32_t topK{0};                   ///< the model's own k
    std::vector<double> expertLatencyS; ///< predicted s for one token on each expert, length E
    std::vector<uint32_t> expertDevice; ///< device that holds each expert, length E
    std::vector<double> expertCostS;    ///< s of what is scarce (shared air) that one more pair on
                                        ///< each expert takes, length E; empty: not known
    std::vector<double> expertSnr; ///< linear SNR of the worse direction to each expert's device,
                                   ///< length E; 0: not heard; empty: not known
    uint32_t block{0};             ///< i, index of the block
    const wdmoe::BlockProblem* problem{nullptr}; ///< links, costs and budgets of the block, for
                                                 ///< those that ask for it; null: not known
};

/**
 * @ingroup wdmoe-control
 *
 * Expert selection policy: which experts run each token. Subclasses are chosen by TypeId.
 */
class WdmoeSelector : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param input what to look at
     * @return which experts run, combine weights renormalised
     */
    virtual wdmoe::Selection Select(const WdmoeSelectorInput& input) = 0;

    /// @return true if the answer depends on the latencies, so that alternating makes sense
    virtual bool UsesLatency() const;

    /// @return true if WdmoeSelectorInput::problem is looked at in place of latencies: the answer
    /// is final, and the problem has to be made
    virtual bool UsesProblem() const;

    /**
     * A device's part of a block was answered. Most selectors have no use for that.
     *
     * @param device index
     * @param tokens (token, expert) pairs it served, >= 1
     * @param latencyS from when the first was sent until the last answer was in, s
     */
    virtual void Learn(uint32_t device, uint32_t tokens, double latencyS);

    /**
     * Most selectors draw nothing.
     *
     * @param stream first stream index to use
     * @return the number of streams assigned
     */
    virtual int64_t AssignStreams(int64_t stream);

  protected:
    /**
     * For selectors that look at all experts: a device that is not heard costs nothing, which must
     * not make its experts attractive.
     *
     * @param input what to look at
     * @param [out] room for the answer
     * @return the gate without the weights of experts whose device is not heard; a token that has
     *         no others keeps its own
     */
    static const wdmoe::GateMatrix& GetHeard(const WdmoeSelectorInput& input,
                                             wdmoe::GateMatrix& room);

    /**
     * @param input what to look at
     * @return what one more pair on each expert costs: WdmoeSelectorInput::expertCostS or, where
     *         that is empty, the predicted latency
     */
    static const std::vector<double>& GetCosts(const WdmoeSelectorInput& input);
};

/**
 * @ingroup wdmoe-control
 *
 * Vanilla routing: the k experts of largest weight, of the model's own k or, with K, fewer: the
 * crudest way to trade quality for latency.
 */
class WdmoeTopKSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;

  private:
    uint32_t m_k; ///< experts of each token; 0: the model's own
};

/**
 * @ingroup wdmoe-control
 *
 * The paper's Algorithm 1, see wdmoe::SelectWlr().
 */
class WdmoeWlrSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    bool UsesLatency() const override;

  private:
    double m_thetaStart; ///< first threshold
    double m_thetaStep;  ///< raised by this
    double m_thetaEnd;   ///< last threshold
    double m_gain;       ///< gamma
};

/**
 * @ingroup wdmoe-control
 *
 * The paper's Algorithm 2, for radios whose bandwidth cannot be steered, see
 * wdmoe::SelectBottleneck(): the device whose past says that it will be the slowest is relieved of
 * its tokens of least weight. It knows what earlier blocks took on each device, and nothing of
 * channels or plans; until each device with tokens has been measured once, top-k is the answer. A
 * batch that was not answered teaches it nothing.
 */
class WdmoeBottleneckSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    void Learn(uint32_t device, uint32_t tokens, double latencyS) override;

  private:
    std::vector<wdmoe::LatencyHistory> m_history; ///< by device
    double m_weight;                              ///< of the last batch in it
    double m_maxLostMass;                         ///< of a block, share
    double m_maxRelief;                           ///< of a device's pairs, share
    uint32_t m_minExperts;                        ///< of a token
    uint32_t m_bottlenecks;                       ///< devices relieved; 0: all
};

} // namespace ns3

#endif /* WDMOE_SELECTOR_H */
