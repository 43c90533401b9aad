/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_QUALITY_MENU_H
#define WDMOE_QUALITY_MENU_H

#include "wdmoe-quality-bound.h"
#include "wdmoe-quality-budget.h"

#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * The priced form of QualityBound: for a block, several ways to serve it, of which one price of
 * quality chooses,
 *
 *     minimise   T(q(x)) + price x lost(x)
 *
 * subject to the bounds of each token, and to a most that the block may lose.
 *
 * A block of one token with few sets of experts gets all of them, which is exact (SETS). Any other
 * block gets QualityBound's answers to a number of floors around the usual one and up to the most
 * (STEPS): its trade-off is nearly convex in the loss, so that a price lies between two of them.
 *
 * Keeps its memory from call to call.
 */
class QualityMenu
{
  public:
    /// Sets of experts of one token that are all looked at, at most
    static constexpr std::size_t SETS = 512;

    /**
     * Never throws for bad data.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param problem devices, links, placement
     * @param floor what has to be kept of each token; maxLost: about what a block loses
     * @param mostLost what this block may lose at most, as QualityFloor::maxLost, >= 0
     * @return INVALID: no points; FLOOR_NOT_MET: unreachable devices lose more than mostLost
     */
    QualityStatus Make(const GateMatrix& gate,
                       std::size_t k,
                       const BlockProblem& problem,
                       const QualityFloor& floor,
                       double mostLost);

    /// @return loss and latency of each way, the one that loses least first
    const std::vector<QualityPoint>& Points() const
    {
        return m_points;
    }

    /**
     * @param i index of a point
     * @return that way; its lowerBoundS holds for all selections that lose no more than it does;
     *         valid until the next Make()
     */
    const QualityBoundResult& Option(std::size_t i) const
    {
        return m_options[i];
    }

    /// @return what was wrong, after INVALID or FLOOR_NOT_MET
    const std::string& Message() const
    {
        return m_message;
    }

    /// Forget the last block's multipliers
    void Reset();

  private:
    /// One more way. @param found it
    void Add(const QualityBoundResult& found);

    /// All sets of one token. @param gate its row @param k top-k @param problem the block
    /// @param floor what has to be kept @param mostLost at most @return false: too many
    bool Enumerate(const GateMatrix& gate,
                   std::size_t k,
                   const BlockProblem& problem,
                   const QualityFloor& floor,
                   double mostLost);

    QualityBound m_bound;                      ///< of floors
    BlockEvaluator m_evaluator;                ///< of sets
    std::vector<QualityBoundResult> m_options; ///< room: the first m_points.size() count
    std::vector<QualityPoint> m_points;        ///< of these
    std::string m_message;                     ///< what was wrong
    QualityFloor m_floor;                      ///< of one way
    QualityBoundResult m_found;                ///< a set
    std::vector<int32_t> m_candidates;         ///< of a token, reachable, by falling weight
    std::vector<std::size_t> m_set;            ///< indices into these
    std::vector<double> m_pairs;               ///< K
    std::vector<double> m_experts;             ///< K
    std::vector<uint32_t> m_expertPairs;       ///< E
    std::vector<std::size_t> m_order;          ///< of points
};

} // namespace wdmoe

#endif /* WDMOE_QUALITY_MENU_H */
