/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CANDIDATE_SEARCH_H
#define WDMOE_CANDIDATE_SEARCH_H

#include "wdmoe-quality-bound.h"

#include <cstdint>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * QualityBound where a token may take experts outside top-k (QualityFloor::candidates): up to k of
 * its heaviest that can be reached, with the weight that they have against that of its top-k.
 *
 * With weights theta (sum 1) of all constraints for a deadline D, h_i(q) <= 0 (each machine's area,
 * each device alone), and tangents in place of convex functions, a device's pair costs c_k, and
 *
 *     L = a + lambda (1 - maxLost) M + sum over tokens of min over S of sum_{e in S} (c_k(e) -
 *         lambda w_e)
 *
 * is a dual value: no selection ends before min(D, D + L / (1 + relief)). The minimum of a token is
 * by sorting; where its own bound does not hold, its lambda is raised, which is its own multiplier.
 * lambda is found by bisection, theta by multiplicative steps. Each lambda's selection that keeps
 * to the floor is an answer that is evaluated; the best one is improved by single moves, and
 * what buys nothing is taken back.
 *
 * A device that may stay without pairs costs nothing then: its tangents go through the origin, and
 * a second more saves it nothing.
 */
class CandidateSearch
{
  public:
    /**
     * @param gate checked
     * @param k top-k
     * @param problem checked
     * @param floor checked, without prices
     * @param [in,out] result of top-k: replaced where this is better, its bound in any case
     */
    void Improve(const GateMatrix& gate,
                 std::size_t k,
                 const BlockProblem& problem,
                 const QualityFloor& floor,
                 QualityBoundResult& result);

  private:
    /// A token
    struct Token
    {
        uint32_t first{0};    ///< of its candidates
        uint32_t count{0};    ///< of them
        uint32_t fixed{0};    ///< the first ones, which always stay
        double mass{0};       ///< of its top-k
        double least{0};      ///< to be kept
        double most{0};       ///< of its k heaviest that can be reached
        double multiplier{0}; ///< of its own bound, last one
    };

    /// A device
    struct Device
    {
        double most{0};      ///< pairs at most
        double fixed{0};     ///< pairs that always stay
        double experts{0};   ///< of these
        double slope{0};     ///< c_k
        double intercept{0}; ///< a_k
        double relief{0};    ///< of a second more
        bool usable{true};   ///< by the deadline
    };

    /// Candidates of each token. @return false if the floor cannot be kept. @param gate the gate
    bool Load(const GateMatrix& gate);
    /// The best set of a token, to m_chosen. @return its weight. @param token which @param lambda s
    /// for each unit of mass @param [out] value sum of cost less lambda x weight
    double Pick(const Token& token, double lambda, double& value);
    /// Pick() that keeps the token's own bound. @return weight. @param token which @param lambda s
    /// for each unit of mass @param [out] value a bound of its part of the dual
    double PickToken(Token& token, double lambda, double& value);
    /// All tokens. @return weight kept. @param lambda s for each unit of mass @param [out] value
    /// their part of the dual
    double PickAll(double lambda, double& value);
    /// Tangents with the present weights. @return 1; 0: they are not finite; -1: a device that
    /// always has pairs cannot keep the deadline. @param deadlineS D, s
    int Lines(double deadlineS);
    /// The least of the dual over lambda, for the present weights. @param deadlineS D, s
    void Round(double deadlineS);
    /// How late each constraint is with the present loads: m_excess. @param deadlineS D, s
    void Constraints(double deadlineS);
    /// Loads of a selection and its latency. @return s. @param chosen by candidate
    double Evaluate(const std::vector<char>& chosen);
    /// Change a token of the best answer if the block ends sooner then. @return whether it does
    /// @param out candidate that goes @param in candidate that comes; the number of them: none
    bool Try(uint32_t out, uint32_t in);
    /// Use up what is left of the floor, one expert of a token after another
    void Moves();
    /// Tokens whose loss buys nothing get their heaviest back, the one that loses most first
    void Restore();
    /// The answer. @param gate the gate's answer @param [in,out] result where it goes
    void Conclude(const GateMatrix& gate, QualityBoundResult& result) const;

    const BlockProblem* m_problem{nullptr}; ///< devices and links
    const BlockProblem* m_idle{nullptr};    ///< the same, for bounds
    BlockProblem m_copy;                    ///< room for that
    const QualityFloor* m_floor{nullptr};   ///< what has to be kept
    std::size_t m_k{0};                     ///< top-k
    BlockEvaluator m_evaluator;             ///< of loads
    BlockEvaluator m_split;                 ///< of static splits
    std::vector<Token> m_tokens;            ///< J
    std::vector<Device> m_devices;          ///< K
    std::vector<int32_t> m_expert;          ///< of each candidate
    std::vector<double> m_weight;           ///< of each candidate
    std::vector<uint32_t> m_owner;          ///< its token
    std::vector<char> m_chosen;             ///< by candidate, of the present lambda
    std::vector<char> m_best;               ///< of the best answer
    std::vector<char> m_kept;               ///< of the last lambda that keeps to the floor
    std::vector<double> m_theta;            ///< two for each cell, then one for each device
    std::vector<double> m_excess;           ///< of the same, s
    std::vector<double> m_offset;           ///< two for each cell: of all its devices, s
    std::vector<double> m_total;            ///< logarithms of weights
    std::vector<double> m_loads;            ///< K
    std::vector<double> m_centre;           ///< K: where tangents touch
    std::vector<double> m_experts;          ///< K
    std::vector<uint32_t> m_expertPairs;    ///< E
    std::vector<int32_t> m_row;             ///< of a token
    std::vector<std::pair<double, uint32_t>> m_gain; ///< of a token's candidates
    std::vector<uint32_t> m_order;                   ///< of tokens
    double m_mass{0};                                ///< of top-k
    double m_need{0};                                ///< to be kept
    double m_bestKept{0};                            ///< by the best answer
    double m_lambda{0};                              ///< last one
    double m_upper{0};                               ///< latency of the best answer
    double m_lower{0};                               ///< bound
};

} // namespace wdmoe

#endif /* WDMOE_CANDIDATE_SEARCH_H */
