/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_QUALITY_BUDGET_H
#define WDMOE_QUALITY_BUDGET_H

#include <cstddef>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * One way to serve a block: what it loses, and when it ends.
 */
struct QualityPoint
{
    double lost{0};     ///< share of the block's quality, >= 0
    double latencyS{0}; ///< s, >= 0
};

/**
 * @ingroup wdmoe-core
 *
 * A floor on quality that is kept on average over all blocks so far, weighted by their tokens, in
 * place of in each: blocks that gain much for what they lose may lose more.
 *
 * Offline that is one price for all blocks (the multiplier of the average): each takes the point of
 * least latency + price x tokens x lost. Online, the price is that which would have kept the
 * average on all blocks seen, the present one included, with what is left in the bank spread over
 * as many tokens again:
 *
 *     p = min { p : sum_b tokens_b lost_b(p) <= maxLost sum_b tokens_b + bank },
 *     bank = sum over earlier blocks of tokens (maxLost - lost),
 *
 * which is dual learning from samples with the right side made good by what was spent: Agrawal,
 * Wang and Ye, "A dynamic near-optimal algorithm for online linear programming", arXiv:0911.2974,
 * and the action-history-dependent rule of Li and Ye, "Online linear programming: dual
 * convergence, new algorithms, and regret bounds", arXiv:1909.05499, as we read them. It needs no
 * step size. Prices are looked at on a grid (PRICES to a decade), straight between in the
 * logarithm.
 *
 * **Guarantee.** From the first block on, after each: sum tokens lost <= maxLost sum tokens, if
 * each block loses at most Allowance(): of its own maxLost and what earlier ones left. What is lost
 * anyway, since devices cannot be reached, is owed: later blocks lose less until it is made good.
 */
class QualityBudget
{
  public:
    /// Of the grid, for each factor of ten
    static constexpr int PRICES = 24;

    /**
     * @param maxLost what may be lost on average, share, >= 0 and finite; a change counts from the
     *        next block on, for what the bank is worth as well
     * @return what is wrong with it; empty if nothing is
     */
    std::string SetMaxLost(double maxLost);

    /**
     * @param tokens of the next block, > 0
     * @return what it may lose at most, share, >= 0
     */
    double Allowance(double tokens) const;

    /**
     * Sees the next block; called once for each.
     *
     * @param tokens of the block, > 0
     * @param points at least one; any order
     * @return price, s for each token's whole quality, >= 0; infinite: nothing is to be lost
     */
    double Learn(double tokens, const std::vector<QualityPoint>& points);

    /**
     * The block was decided on.
     *
     * @param tokens of the block, > 0
     * @param lost share, >= 0
     */
    void Spend(double tokens, double lost);

    /**
     * @param points of a block
     * @param maxLost what it may lose
     * @param price s for each unit of loss
     * @return index of the point of least latency + price x lost within maxLost, of several the
     *         one that loses least; the one that loses least where none is within
     */
    static std::size_t Best(const std::vector<QualityPoint>& points, double maxLost, double price);

    /// @return tokens of the blocks decided on
    double Tokens() const
    {
        return m_tokens;
    }

    /// @return what they lost on average, share
    double Average() const
    {
        return m_tokens > 0 ? m_lost / m_tokens : 0;
    }

    /// Forget all blocks
    void Reset();

  private:
    double m_maxLost{0};                ///< on average
    double m_tokens{0};                 ///< of blocks decided on
    double m_lost{0};                   ///< by them, tokens
    double m_seen{0};                   ///< tokens of blocks seen
    std::vector<double> m_at;           ///< by price: tokens that blocks seen would have lost
    std::vector<std::size_t> m_hull;    ///< points of a block that some price chooses
    std::vector<std::size_t> m_sorting; ///< while they are sorted
};

} // namespace wdmoe

#endif /* WDMOE_QUALITY_BUDGET_H */
