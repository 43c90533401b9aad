/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_DES_H
#define WDMOE_DES_H

#include "wdmoe-selection.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * How far a search over selections got.
 */
enum class SearchStatus
{
    OPTIMAL,    ///< proven for every token
    INFEASIBLE, ///< proven where the floor can be met; some tokens cannot meet it
    NODE_LIMIT, ///< a token's search was cut short by the limit of nodes
    TIME_LIMIT  ///< searches were cut short by the limit of time
};

/// @return "optimal", "infeasible", "node limit" or "time limit"; @param status which
const char* SearchStatusName(SearchStatus status);

/// Settings of SelectDes()
struct DesParam
{
    double floor{0.9};          ///< share of gate mass that each token keeps at least, 0 .. 1
    bool relative{true};        ///< of the mass of the token's own top-k; false: of 1
    std::size_t maxExperts{0};  ///< most experts of a token; 0: k
    uint64_t nodeLimit{100000}; ///< most nodes of the search tree of a token
    double timeLimitS{0};       ///< of a call, s; 0: none

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/// What SelectDes() found
struct DesResult
{
    Selection selection;                        ///< which experts run; slots = maxExperts
    SearchStatus status{SearchStatus::OPTIMAL}; ///< how far it got
    uint64_t nodes{0};                          ///< of all search trees
    std::size_t infeasible{0};                  ///< tokens that cannot meet the floor
    std::size_t unproven{0};                    ///< tokens cut short by a limit
    double cost{0};                             ///< sum over tokens and chosen experts
    double lowerBound{0};                       ///< no selection that meets the floor costs less
    double worstGap{0};  ///< of a token: (its cost - its bound) / its cost; 0 if proven
    double reachable{1}; ///< the largest floor that every token can meet (see DesParam::relative)
    std::string message; ///< what cannot be met, and what could; empty: nothing
};

/**
 * @ingroup wdmoe-core
 *
 * Cheapest experts of each token under a floor on its gate mass, exactly: the expert selection
 * problem of DMoE / JESA ("Optimal Expert Selection for Distributed Mixture-of-Experts at the
 * Wireless Edge", arXiv 2503.13421), as we read it. For each token, with w the gate weights over
 * all E experts (not only those of top-k) and c what one more pair costs on each,
 *
 *     minimise   sum of c_e over chosen e
 *     such that  sum of w_e over chosen e >= F     F = floor (x the mass of its top-k if relative)
 *                1 <= number of chosen e <= D      D = maxExperts
 *
 * and only experts with w_e > 0. There, as in the paper's algorithm (DES), the search goes over a
 * tree of include/exclude decisions, bounded by the linear relaxation. Ours:
 *
 * 1. An expert that D others beat (no lighter and no dearer) is in no optimum that is needed.
 * 2. The Lagrangian of the mass constraint, L(l) = l F + min over |S| <= D of sum (c_e - l w_e), is
 *    concave in l, and its maximum is the value of the linear relaxation with both constraints,
 *    since {x in [0, 1]^E: sum x <= D} has whole corners. It is found exactly, by intersecting the
 *    lines of the best set on either side. Sets met on the way that reach F are solutions.
 * 3. With l and the multiplier m of the cardinality, an expert whose reduced cost c - l w + m is
 *    larger than the gap is out; a node with cost C, F' and D' left is cut off if
 *    C + l F' - m D' + sum of negative reduced costs of what is left >= best, or if the D' heaviest
 *    of what is left do not reach F'. Either takes O(1).
 *
 * Equal costs: the heavier expert; experts that cost 0 fill slots that are left, heaviest first.
 * F counts as met within 1e-12 of it, costs as equal within 1e-12 of the best.
 *
 * A token whose D heaviest experts do not reach F gets these: the best reachable.
 *
 * Keeps its memory: no allocation where no problem is larger than an earlier one and all floors can
 * be met. Not for two threads at once; one object for each does.
 */
class DesSolver
{
  public:
    /**
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param cost of one more pair on each expert, length E, finite and >= 0, in any unit (s, J)
     * @param param settings
     * @return the selection and its proof; valid until the next call
     * @throws std::invalid_argument as SelectTopK, and for costs or settings out of range
     */
    const DesResult& Solve(const GateMatrix& gate,
                           std::size_t k,
                           const std::vector<double>& cost,
                           const DesParam& param = DesParam());

    /// @return what the last call found
    const DesResult& GetResult() const;

  private:
    /// An expert of a token
    struct Item
    {
        double weight;  ///< of the gate
        double cost;    ///< of a pair
        double reduced; ///< cost less what its weight and slot are worth
        int32_t expert; ///< index
    };

    /// The same in the search
    struct LiveItem
    {
        double weight;  ///< of the gate
        double cost;    ///< of a pair
        double tail;    ///< sum of negative reduced costs from here on
        double prefix;  ///< sum of the weights before it
        int32_t expert; ///< index
    };

    /**
     * Sort out the experts of a token that can be in its optimum.
     *
     * @param row its gate weights
     * @return sum of its D largest weights
     */
    double Gather(const double* row);

    /**
     * The value of the linear relaxation; sets the multipliers, and the incumbent to the best
     * solution that was met.
     *
     * @param need F
     * @return a lower bound
     */
    double Relax(double need);

    /**
     * The least sum of c - l w over at most D items, into m_trial.
     *
     * @param multiplier l
     */
    void LeastReduced(double multiplier);

    /**
     * Search below a node.
     *
     * @param first item that is next
     * @param need mass that is missing
     * @param left experts that may still be taken
     * @param cost so far
     * @return false if a limit ended it
     */
    bool Search(std::size_t first, double need, std::size_t left, double cost);

    /// Where it costs nothing more: heavier experts, and more of them
    void Polish();

    /// Write a token's experts and combine weights; @param token j @param row its gate weights
    void Write(std::size_t token, const double* row);

    /// @return whether the time is up; looks at the clock only now and then
    bool IsLate();

    DesResult m_result;                          ///< of the last call
    std::vector<double> m_cost;                  ///< of a pair on each expert
    std::vector<int32_t> m_order;                ///< experts by rising cost
    std::vector<std::size_t> m_groups;           ///< ends of groups of equal cost in m_order
    std::vector<double> m_heaviest;              ///< D largest weights so far, falling
    std::vector<int32_t> m_topK;                 ///< scratch
    std::vector<Item> m_items;                   ///< of a token, by falling weight
    std::vector<LiveItem> m_live;                ///< of them, those that the search looks at
    std::vector<std::size_t> m_trial;            ///< items of the last LeastReduced()
    std::vector<std::size_t> m_path;             ///< of m_live, at the present node
    std::vector<int32_t> m_best;                 ///< experts of the incumbent
    double m_bestCost{0};                        ///< of it
    std::size_t m_most{0};                       ///< D
    double m_multiplier{0};                      ///< l
    double m_price{0};                           ///< m
    bool m_ties{false};                          ///< experts of equal cost, or at no cost
    uint64_t m_nodes{0};                         ///< of the token
    uint64_t m_limit{0};                         ///< of them
    bool m_timed{false};                         ///< there is a limit of time
    bool m_late{false};                          ///< time is up
    uint64_t m_looks{0};                         ///< of IsLate()
    std::chrono::steady_clock::time_point m_end; ///< when time is up
};

/**
 * @ingroup wdmoe-core
 *
 * DesSolver::Solve() without keeping the memory.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param cost of one more pair on each expert, length E
 * @param param settings
 * @return the selection and its proof
 */
DesResult SelectDes(const GateMatrix& gate,
                    std::size_t k,
                    const std::vector<double>& cost,
                    const DesParam& param = DesParam());

} // namespace wdmoe

#endif /* WDMOE_DES_H */
