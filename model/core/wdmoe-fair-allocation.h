/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FAIR_ALLOCATION_H
#define WDMOE_FAIR_ALLOCATION_H

#include "wdmoe-allocation.h"

#include <string>
#include <vector>

namespace wdmoe
{

/// What to do and why it is right
struct FairResult
{
    AllocationStatus status{AllocationStatus::INVALID}; ///< how it ended
    std::string message;                                ///< one line for INVALID, INFEASIBLE
    std::vector<double> downlinkHz;                     ///< Bd_k, Hz
    std::vector<double> uplinkHz;                       ///< Bu_k, Hz (equal to Bd_k if coupled)
    double timeS{0};         ///< of the slowest device under this split, s
    double utility{0};       ///< sum w ln(rate in bit/s), recomputed from the bandwidths returned
    double upperBound{0};    ///< certified: no split has more
    double residual{0};      ///< KKT residual, see AllocateProportionalFair()
    double downlinkPrice{0}; ///< multiplier of the downlink budget, utility per Hz
    double uplinkPrice{0};   ///< multiplier of the uplink budget, utility per Hz
    int iterations{0};       ///< for the multipliers

    /**
     * Utilities are logarithms, so that their difference is the relative gap in rates.
     *
     * @return (upperBound - utility) / sum of the weights in use
     */
    double Gap() const;

    double totalWeight{0}; ///< sum of the weights in use, each direction counted
};

/**
 * @ingroup wdmoe-core
 *
 * Proportional fairness (Kelly, Maulloo and Tan, "Rate control for communication networks", 1998):
 *
 *     max  sum_k w_k (ln Rd_k(Bd_k) + ln Ru_k(Bu_k))
 *
 * over the directions in which a device has bits to move, under the budgets of the problem. With
 * weights 1, and with all devices' loads as weights (then: as much rate as there is load).
 *
 * For each budget one multiplier: w R'(B) / R(B) = lambda (coupled: the sum of both directions'
 * terms). The left side falls with B, each device's B with lambda; Newton's method in a bracket for
 * both. LINEAR laws: B_k = w_k / lambda.
 *
 * **Certificate.** The utility is concave, so that no split within the budget has more than that at
 * B plus budget x max_k g_k - sum g_k B_k, with g_k a supergradient at B_k; at the corner of a
 * capped law the one nearest to lambda. The KKT residual is the largest of
 * |g_k / lambda - 1| and the relative excess over the budgets.
 *
 * Never throws for bad data and never loops: see the status.
 *
 * @param problem loads, laws and budgets; computeS counts in timeS only
 * @param weight w_k > 0 for devices with bits to move, by device; empty: all 1
 * @param param how far to go
 * @return bandwidths with certificate
 */
FairResult AllocateProportionalFair(const AllocationProblem& problem,
                                    const std::vector<double>& weight = {},
                                    const AllocationParam& param = AllocationParam());

} // namespace wdmoe

#endif /* WDMOE_FAIR_ALLOCATION_H */
