/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_BOTTLENECK_H
#define WDMOE_BOTTLENECK_H

#include "wdmoe-selection.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * What one device's batches took so far, and what that says of the next: a straight line through
 * (tokens, latency), fitted with exponentially falling weights. Nothing else is known: no channel,
 * no load of others, no compute model.
 *
 * The line never falls and never begins below 0. As long as all batches had the same size, latency
 * is taken to be proportional to it. Where sizes no longer differ (a long answer, one token at a
 * time) the slope stays as it was learned, and the line moves up and down.
 */
class LatencyHistory
{
  public:
    /**
     * @param tokens of a batch, >= 1
     * @param latencyS from when it was sent until its answer was in, s, finite and > 0
     * @param weight of this batch against all before, in (0, 1]; the first ones count alike, until
     * each has no more than this
     * @throws std::invalid_argument if one is out of range
     */
    void Learn(uint32_t tokens, double latencyS, double weight);

    /// @return batches learned from
    uint64_t Batches() const;

    /// @return s that a batch takes whatever its size; 0 before the first
    double FixedS() const;

    /// @return s that one more token takes; 0 before the first
    double PerTokenS() const;

    /**
     * @param tokens of a batch
     * @return s that it will take; 0 for no tokens, NaN before the first batch
     */
    double Predict(uint32_t tokens) const;

  private:
    uint64_t m_batches{0};  ///< so far
    double m_tokens{0};     ///< weighted mean
    double m_latencyS{0};   ///< weighted mean, s
    double m_variance{0};   ///< of the tokens, weighted
    double m_covariance{0}; ///< of tokens and latency, weighted, s
    double m_slopeS{-1};    ///< s a token; < 0: sizes never differed
};

/// Settings of SelectBottleneck()
struct BottleneckParam
{
    double maxLostMass{0.15};   ///< of the block's top-k gate mass, this share may be lost, 0 .. 1
    double maxRelief{1};        ///< of a bottleneck's pairs, this share may be taken away, 0 .. 1
    std::size_t minExperts{1};  ///< a token's experts of largest weight that always stay
    std::size_t bottlenecks{1}; ///< most devices that are relieved, one after another; 0: all

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/// What SelectBottleneck() did
struct BottleneckResult
{
    Selection selection;           ///< which experts run
    std::vector<int32_t> relieved; ///< devices that lost pairs, in the order they did
    double beforeS{0};             ///< predicted latency of top-k, s; 0: not known
    double afterS{0};              ///< predicted latency of the selection, s; 0: not known
};

/**
 * @ingroup wdmoe-core
 *
 * The paper's Algorithm 2 (its testbed, where bandwidth cannot be steered), as we read it: of what
 * top-k gives the devices, the one whose predicted latency is largest is the bottleneck. It is
 * relieved of the (token, expert) pairs of least gate weight, one by one, until it is the
 * bottleneck no longer or a bound is reached; those tokens go on with the experts they have left.
 *
 * What the paper's text says of the bounds is not at hand. Ours: no token loses one of its
 * minExperts heaviest experts; a block loses at most maxLostMass of its top-k gate mass; a device
 * loses at most maxRelief of its pairs. A device is relieved only as far as that is predicted to
 * help: no pair is dropped from one whose latency would not fall. With `bottlenecks` above 1 the
 * next one follows, which may be the same device if it has become the slowest again.
 *
 * Without a history of each device that has pairs there is no bottleneck: top-k is the answer.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param expertDevice device of each expert, length E, < K
 * @param history of each device, length K
 * @param param settings
 * @return selection and what was done; combine weights renormalised. Of pairs of the same weight
 *         the later one goes first; of devices as slow as one another the first is the bottleneck
 * @throws std::invalid_argument as SelectTopK, for a placement of another length or with a device
 *         that is not there, for settings out of range
 */
BottleneckResult SelectBottleneck(const GateMatrix& gate,
                                  std::size_t k,
                                  const std::vector<uint32_t>& expertDevice,
                                  const std::vector<LatencyHistory>& history,
                                  const BottleneckParam& param = BottleneckParam());

} // namespace wdmoe

#endif /* WDMOE_BOTTLENECK_H */
