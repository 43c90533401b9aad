/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_QUALITY_BOUND_H
#define WDMOE_QUALITY_BOUND_H

#include "wdmoe-block-problem.h"
#include "wdmoe-selection.h"

#include <memory>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * What dropping a pair costs in quality, as measured on a model: a step function of its share of
 * its token's top-k gate mass.
 */
struct QualityPrice
{
    double share{0}; ///< pairs of up to this share of their token's mass, > 0, rising
    double loss{0};  ///< cost so much, >= 0, not falling: relative quality lost if all pairs of all
                     ///< tokens were dropped at this price
};

/// Settings of QualityBound
struct QualityFloor
{
    double maxLost{0.15};      ///< of the block: share of its top-k gate mass, 0 .. 1, or, where
                               ///< there are prices, relative quality
    double maxTokenLoss{0.1};  ///< of a token's own top-k gate mass, this share may be lost, 0 .. 1
    std::size_t minExperts{1}; ///< a token's experts of largest weight, of those that
                               ///< are reachable, that always stay
    std::size_t candidates{0}; ///< a token may have up to k experts out of so many of its heaviest
                               ///< that can be reached; at most k: of top-k only
    std::vector<QualityPrice> price;        ///< empty: the loss is gate mass; else the share of the
                                            ///< last entry counts for all above
    BlockModel model{BlockModel::SCHEDULE}; ///< how latency comes about
    bool restore{true};                     ///< at the latency reached, drop no more than needed
    double relativeGap{1e-4}; ///< of the relaxed problem: bounds closer than that are one, > 0
    int maxIterations{60};    ///< deadlines tried, at most, >= 1

    /// @return what is wrong with it; empty if nothing is
    std::string Check() const;
};

/// How it ended
enum class QualityStatus
{
    SOLVED,        ///< relaxed problem solved, or all iterations used: see the gap
    FLOOR_NOT_MET, ///< devices that are not reachable lose more than the floor allows, whatever is
                   ///< selected; nothing more is dropped, `lost` is the best that can be reached
    INVALID        ///< a meaningless input; the message names it
};

/// What was found, and how good it is
struct QualityBoundResult
{
    QualityStatus status{QualityStatus::INVALID}; ///< how it ended
    std::string message;                          ///< one line for INVALID, FLOOR_NOT_MET
    Selection selection;        ///< which experts run, combine weights renormalised
    double latencyS{0};         ///< of this selection in the model (SCHEDULE: its bound), s
    double lowerBoundS{0};      ///< no selection that keeps to the floor is faster, s
    double lost{0};             ///< quality lost, as QualityFloor::maxLost, unreachable pairs in it
    double gateMassKept{1};     ///< share of top-k's
    double priceSPerLost{0};    ///< multiplier: s that the bound falls for more `maxLost`, about
    std::vector<double> weight; ///< multipliers of the machines (two for each cell: downlink,
                                ///< uplink), sum 1: what the block waits for
    int iterations{0};          ///< deadlines tried

    /// @return (latencyS - lowerBoundS) / latencyS; 0 where there is nothing to do
    double Gap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Least block latency subject to a floor on quality, ours:
 *
 *     minimise   T(q(x)),   q_k(x) = pairs that device k keeps
 *     such that  sum of the losses of dropped pairs <= maxLost,
 *                each token loses at most maxTokenLoss of its mass, and none of its minExperts
 *                heaviest experts,
 *
 * over all sets x of dropped pairs of top-k. T is the bound BlockEvaluator::LowerBound() of a plan
 * over time, or the optimal static split.
 *
 * **The relaxed problem.** For a deadline T the loads that can be served by then form a convex set
 * but for q_k = 0, which saves a device's fixed costs:
 *
 * - SCHEDULE: a device alone can have at most so many pairs, and in each machine (a direction of a
 *   cell) the sum over devices of the least bandwidth x time that moves their bits in their windows
 *   is at most what there is; that is convex in q_k (AreaLine);
 * - STATIC_SPLIT: bits L_d q / Rd(Bd) + L_u q / Ru(Bu) <= T - f - c(q) is v(q) = q / (T - f - c(q))
 *   <= 1 / (L_d / Rd + L_u / Ru); v is convex in q, and the right side, half the harmonic mean of
 *   concave functions, is concave in (Bd, Bu).
 *
 * All pairs of a device cost the same, so that it drops its lightest first, and what n dropped
 * pairs lose is convex in n. With a weight for each machine (sum 1) the machines' constraints
 * become one, and the least need under the floor has one multiplier, the price of quality: a pair
 * goes if its loss is below price x what it needs. So for a deadline the dual is a search for the
 * price (bisection over sorted losses) and for the weights (bisection between two machines, else
 * multiplicative steps); with tangents in place of the convex functions it is a certificate.
 * Over deadlines: each set of loads found gives an upper bound of the relaxed problem, each dual a
 * lower bound (SCHEDULE: in closed form, since tangents are in (bits, T) together), and the
 * deadline tried next is the best upper bound (Dinkelbach), or half way where that stands still.
 *
 * **Bound.** lowerBoundS holds for all selections from top-k (or the candidates) that keep to the
 * floor, for all plans or splits, for compute times of at least BlockDevice::ComputeS(). What is
 * left out: that a token may lose two eligible pairs only together with its own bound (exact where
 * k - minExperts = 1); that experts of a device that no longer have pairs need not be read (those
 * with a pair that must stay are counted); for SCHEDULE that machines wait for each other.
 *
 * **Rounding.** Drops are rounded down, less than one pair for each device; then the rest of
 * maxLost is used up, the pairs that help most for what they lose first, then single exchanges
 * between two devices. So where token bounds do not hang together latencyS exceeds the relaxed
 * optimum by no more than one pair on each device would take: at most the sum over devices of that
 * pair's time with the whole band in each machine, or its time alone. Then pairs that do not change
 * latencyS come back, the heaviest first (restore).
 *
 * **Experts outside top-k** (QualityFloor::candidates above k): a token may take others in place of
 * its own, which count with their weight against its top-k's. CandidateSearch begins with the
 * answer from top-k and looks for a faster one; lowerBoundS holds for all selections from the
 * candidates. Gate mass flatters that: an expert that the model would not have chosen is worth less
 * to it than its weight says.
 *
 * Keeps its memory: calls of the same size allocate none for SCHEDULE (AllocateMinMax() does).
 * Starts from the last call's multipliers, which changes results within relativeGap only; Reset()
 * forgets them.
 */
class QualityBound
{
  public:
    QualityBound();
    ~QualityBound();

    /**
     * Never throws for bad data and never loops: see the status.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param problem devices, links, placement
     * @param floor what has to be kept
     * @return selection and certificate; valid until the next call
     */
    const QualityBoundResult& Solve(const GateMatrix& gate,
                                    std::size_t k,
                                    const BlockProblem& problem,
                                    const QualityFloor& floor = QualityFloor());

    /// Forget the last call: the next one starts afresh
    void Reset();

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl; ///< the solver
};

} // namespace wdmoe

#endif /* WDMOE_QUALITY_BOUND_H */
