/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SELECTOR_H
#define WDMOE_SELECTOR_H

#include "ns3/object.h"
#include "ns3/wdmoe-selection.h"

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
 * What a selector may look at.
 */
struct WdmoeSelectorInput
{
    wdmoe::GateMatrix gate;             ///< J x E weights
    uint32_t topK{0};                   ///< the model's own k
    std::vector<double> expertLatencyS; ///< predicted s for one token on each expert, length E
    std::vector<uint32_t> expertDevice; ///< device that holds each expert, length E
    std::vector<double> expertCostS;    ///< s of what is scarce (shared air) that one more pair on
                                        ///< each expert takes, length E; empty: not known
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
};

/**
 * @ingroup wdmoe-control
 *
 * Vanilla routing: the k experts of largest weight.
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
 * Least latency subject to a bound on lost gate mass, see wdmoe::SelectQualityBound(): drops the
 * pairs that save most of what is scarce for the gate mass that is lost. The cost of a pair is
 * WdmoeSelectorInput::expertCostS or, where that is empty, the predicted latency.
 *
 * The defaults drop each expert after a token's first that has less than 0.1 of the token's weight
 * and costs anything: data/models/README.md says what that does to the models that ship. Lost mass
 * alone is no safe bound where costs differ: one expert's heavy pairs would go.
 */
class WdmoeQualityBoundSelector : public WdmoeSelector
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
    double m_maxLostMass;  ///< of a block, share
    double m_maxTokenLoss; ///< of a token, share
    uint32_t m_minExperts; ///< of a token
};

} // namespace ns3

#endif /* WDMOE_SELECTOR_H */
