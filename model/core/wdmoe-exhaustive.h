/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_EXHAUSTIVE_H
#define WDMOE_EXHAUSTIVE_H

#include "wdmoe-selection.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace wdmoe
{

/// Settings of SelectExhaustive() and SelectExhaustiveBlock()
struct ExhaustiveParam
{
    double floor{0.9};    ///< share of gate mass that each token keeps at least, 0 .. 1
    bool relative{true};  ///< of the mass of the token's own top-k; false: of 1
    double blockFloor{0}; ///< of the block's top-k mass, kept in all; of ...Block() only; 0 .. 1
    std::size_t maxExperts{0}; ///< most experts of a token; 0: k
    bool allExperts{false};    ///< choose among all experts; false: among the token's top-k
    uint64_t limit{1000000};   ///< most sets of a token, or combinations of a block, that are tried

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/// What an exhaustive search found
struct ExhaustiveResult
{
    Selection selection;       ///< which experts run; slots = maxExperts
    uint64_t tried{0};         ///< sets, or combinations
    std::size_t infeasible{0}; ///< tokens that cannot meet the floor: these get the best reachable
    double cost{0};            ///< sum over pairs; of ...Block() what it minimised
    bool met{true};            ///< whether blockFloor is; if not, the answer has the most mass
};

/**
 * @ingroup wdmoe-core
 *
 * The problem of SelectDes() by trying every set of experts of each token: nothing clever, so that
 * what is clever has something to be compared with. For tests, and for baselines of small models.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param cost of one more pair on each expert, length E, finite and >= 0
 * @param param settings
 * @return the optimum; of equal costs (within 1e-12) the most mass
 * @throws std::invalid_argument as SelectDes(), and if there are more sets than the limit
 */
ExhaustiveResult SelectExhaustive(const GateMatrix& gate,
                                  std::size_t k,
                                  const std::vector<double>& cost,
                                  const ExhaustiveParam& param = ExhaustiveParam());

/**
 * @ingroup wdmoe-core
 *
 * Whole blocks by trying every combination of the sets of all tokens: minimise what the caller says
 * a selection costs (its block latency) over all selections in which each token meets its floor and
 * the block its own. There are at most (number of sets) ^ J, so tiny blocks only.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param latency of a selection, s
 * @param param settings
 * @return the optimum, the first of equals
 * @throws std::invalid_argument as SelectExhaustive()
 */
ExhaustiveResult SelectExhaustiveBlock(const GateMatrix& gate,
                                       std::size_t k,
                                       const std::function<double(const Selection&)>& latency,
                                       const ExhaustiveParam& param = ExhaustiveParam());

} // namespace wdmoe

#endif /* WDMOE_EXHAUSTIVE_H */
