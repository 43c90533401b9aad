/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SIFT_H
#define WDMOE_SIFT_H

#include "wdmoe-des.h"
#include "wdmoe-selection.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace wdmoe
{

/// Settings of SelectSift()
struct SiftParam
{
    double maxError{0.1};     ///< that a token may have, of its top-k mass; 0 .. 1
    uint64_t nodeLimit{2000}; ///< most nodes of the search tree of a token
    double timeLimitS{0};     ///< of a call, s; 0: none

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/// What SelectSift() found
struct SiftResult
{
    Selection selection;                        ///< which experts run; slots = k
    SearchStatus status{SearchStatus::OPTIMAL}; ///< how far it got; never INFEASIBLE
    uint64_t nodes{0};                          ///< of all search trees
    std::size_t unproven{0};                    ///< tokens cut short by a limit
    std::size_t skipped{0};                     ///< pairs of top-k that nobody runs
    std::size_t replaced{0};                    ///< pairs of top-k that another expert runs
    double cost{0};                             ///< sum over tokens and experts that run
    double lowerBound{0};                       ///< no answer within the bound costs less
    double worstGap{0};   ///< of a token: (its cost - its bound) / its cost; 0 if proven
    double worstError{0}; ///< of a token
};

/**
 * @ingroup wdmoe-core
 *
 * Top-k, but what is dear is skipped or replaced by a similar expert: SiftMoE ("Similarity-Aware
 * Energy-Efficient Expert Selection for Wireless Distributed MoE Inference", arXiv 2603.23888), as
 * we read it: bounds on the harm of skipping or replacing an expert, and the least cost subject to
 * a bound on the sum. With u_i the share of a token's top-k mass that its expert i has, and s_if
 * in [-1, 1] how similar expert f's output is to that of i (s_ii = 1), the error is
 *
 *     u_i                 of skipping i
 *     u_i (1 - s_if)      of having f do the work of i
 *
 * A replacement carries the weight of the original. Where it runs for the token anyway, both
 * weights are added and nothing more is sent: a skip with a smaller error. So the choice is that
 * of a set U of experts to run,
 *
 *     minimise   sum of c_f over f in U
 *     such that  sum over i of u_i (1 - max(0, max of s_if over f in U)) <= maxError
 *                |U| >= 1
 *
 * where each i goes to the most similar of U, or nowhere if none is similar at all. Without
 * similarities (an empty matrix) that is a knapsack: skip only.
 *
 * Exact, by branch and bound: what a set makes good is submodular, so what an expert would make
 * good at a node bounds what it can below, and the fractional knapsack of these is a bound; so is
 * that of the originals alone, with all that others could do given away. An answer
 * within the error bound always exists: top-k itself. Experts of top-k that cost 0 are never
 * skipped. Errors count as met within 1e-12, costs as equal within 1e-12 of the best.
 *
 * Keeps its memory, as DesSolver does.
 */
class SiftSolver
{
  public:
    /**
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param cost of one more pair on each expert, length E, finite and >= 0, in any unit
     * @param similarity E x E, row major, row: the original; diagonal 1; or empty
     * @param param settings
     * @return the selection and its proof; valid until the next call
     * @throws std::invalid_argument as SelectTopK, and for costs, similarities or settings out of
     *         range
     */
    const SiftResult& Solve(const GateMatrix& gate,
                            std::size_t k,
                            const std::vector<double>& cost,
                            const std::vector<double>& similarity,
                            const SiftParam& param = SiftParam());

    /// @return what the last call found
    const SiftResult& GetResult() const;

  private:
    /// An expert that could run
    struct Candidate
    {
        double cost;    ///< of a pair
        double gain;    ///< error that it makes good alone
        int32_t expert; ///< index
        int rank;       ///< in the token's top-k; -1: not there
    };

    /// Candidate's index and its ratio of cost to gain
    struct Offer
    {
        double ratio; ///< cost / gain
        double gain;  ///< at a node
        double cost;  ///< of a pair
    };

    /// What a token's experts are served with so far. @param depth of the node @return k values
    double* Served(std::size_t depth);

    /**
     * Search below a node.
     *
     * @param first candidate that is next
     * @param depth experts taken
     * @param error that is left
     * @param cost so far
     * @return false if a limit ended it
     */
    bool Search(std::size_t first, std::size_t depth, double error, double cost);

    /**
     * @param first candidate that is next
     * @param depth experts taken
     * @param missing error that is to be made good
     * @param most cost at which the caller gives up
     * @return least cost of it, relaxed; infinite if it cannot be
     */
    double Bound(std::size_t first, std::size_t depth, double missing, double most);

    /**
     * Offers in m_offers, the best first, the last one in part.
     *
     * @param missing error that is to be made good
     * @param most cost at which the caller gives up
     * @return what it costs; infinite if all together do not
     */
    double Knapsack(double missing, double most);

    /**
     * Write a token's experts and weights.
     *
     * @param token j
     * @param row its gate weights
     * @param cost of a pair on each expert
     * @return cost of those that run
     */
    double Write(std::size_t token, const double* row, const std::vector<double>& cost);

    /// @return s of f for the i-th of the token's experts; @param i rank @param f expert
    double Similar(std::size_t i, int32_t f) const;

    SiftResult m_result;                         ///< of the last call
    std::size_t m_k{0};                          ///< top-k
    std::size_t m_experts{0};                    ///< E
    const double* m_similarity{nullptr};         ///< of the call; null: none
    std::vector<int32_t> m_topK;                 ///< of the token
    std::size_t m_size{0};                       ///< how many those are
    std::vector<double> m_share;                 ///< u_i
    std::vector<double> m_others;                ///< similarity that others than i can reach
    std::vector<Candidate> m_candidates;         ///< of the token, by falling gain for the cost
    std::vector<Offer> m_offers;                 ///< scratch
    std::vector<double> m_served;                ///< depth x k: similarity reached
    std::vector<int32_t> m_path;                 ///< experts at the node
    std::vector<int32_t> m_best;                 ///< experts of the incumbent
    std::vector<double> m_weight;                ///< of them
    double m_bestCost{0};                        ///< of it
    double m_maxError{0};                        ///< of a token
    uint64_t m_nodes{0};                         ///< of the token
    uint64_t m_limit{0};                         ///< of them
    bool m_timed{false};                         ///< there is a limit of time
    bool m_late{false};                          ///< time is up
    uint64_t m_looks{0};                         ///< at the clock
    std::chrono::steady_clock::time_point m_end; ///< when time is up
};

/**
 * @ingroup wdmoe-core
 *
 * SiftSolver::Solve() without keeping the memory.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param cost of one more pair on each expert, length E
 * @param similarity E x E, or empty
 * @param param settings
 * @return the selection and its proof
 */
SiftResult SelectSift(const GateMatrix& gate,
                      std::size_t k,
                      const std::vector<double>& cost,
                      const std::vector<double>& similarity,
                      const SiftParam& param = SiftParam());

} // namespace wdmoe

#endif /* WDMOE_SIFT_H */
