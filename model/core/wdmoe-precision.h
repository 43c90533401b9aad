/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PRECISION_H
#define WDMOE_PRECISION_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wdmoe
{

/// One way to code an activation
struct PrecisionLevel
{
    double bitsPerElement{0}; ///< on the air, scales included, > 0
    double price{0}; ///< quality lost if all pairs use it in this direction, >= 0, any one unit
};

/**
 * @ingroup wdmoe-core
 *
 * How coarsely to code what goes to each device and what comes back.
 */
struct PrecisionProblem
{
    std::vector<uint32_t> pairs;          ///< (token, expert) pairs by device, length K
    std::vector<double> downlinkSPerBit;  ///< s of air for a bit to each device, > 0; infinite: not
                                          ///< reached. Scale a direction to weigh it
    std::vector<double> uplinkSPerBit;    ///< the same, from each device
    double elements{0};                   ///< of one pair's activation, m
    std::vector<PrecisionLevel> downlink; ///< levels to choose from, in any order
    std::vector<PrecisionLevel> uplink;   ///< the same, from devices
    double maxLoss{0};                    ///< most quality that may be lost, in the prices' unit

    /// @throws std::invalid_argument if sizes disagree or a value is out of range
    void Check() const;
};

/// What ChoosePrecision() found
struct PrecisionResult
{
    std::vector<std::size_t> downlink; ///< index of the level by device
    std::vector<std::size_t> uplink;   ///< the same
    double airS{0};                    ///< air time of all pairs of devices that are reached, s
    double boundS{0};                  ///< no choice within maxLoss takes less, s; airS if exact
    double stepS{0};                   ///< airS is at most this above the relaxed optimum, s
    double loss{0};                    ///< of quality, in the prices' unit
    bool feasible{true}; ///< false: even the levels of least price, which are taken, lose too much
    bool exact{true};    ///< proved that there is none better
};

/**
 * @ingroup wdmoe-core
 *
 * Choose a level for each device and direction:
 *
 *     minimise   sum over k and directions of q_k * elements * bitsPerElement * sPerBit
 *     such that  sum over k and directions of (q_k / sum of q) * price <= maxLoss
 *
 * which takes for granted that losses add up and go with the share of pairs that is coded so. It is
 * a multiple-choice knapsack. Its relaxation (a device may code a part of its pairs one level
 * coarser) is solved by taking the steps along the lower convex hull of each device's levels in the
 * order of time saved for a unit of price; that solution splits one device at most, so rounding it
 * down is worse by one step of one device at most. Branch and bound with that relaxation goes on
 * from there to the optimum, and gives up proving after maxNodes.
 *
 * Devices without pairs, and those that a direction does not reach, get the level of least price
 * (of these the one with fewest bits) there; the pairs of a device out of reach in either direction
 * are left out of all sums, since they cannot be served.
 *
 * @param problem what to choose from
 * @param maxNodes of branch and bound, >= 0; 0: the relaxed solution, rounded
 * @return levels and certificate
 * @throws std::invalid_argument as PrecisionProblem::Check()
 */
PrecisionResult ChoosePrecision(const PrecisionProblem& problem, std::size_t maxNodes = 20000);

} // namespace wdmoe

#endif /* WDMOE_PRECISION_H */
