/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_GRANULARITY_H
#define WDMOE_GRANULARITY_H

#include "wdmoe-allocation.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * The min-max problem where bandwidth comes in units: resource blocks of 180 kHz (LTE), or tones
 * of 78.125 kHz in resource units of 26, 52, 106, 242... of them (Wi-Fi 6). How units lie in the
 * band is not modelled: any numbers that fit the sum are possible (802.11ax allows fewer).
 */
struct GranularProblem
{
    AllocationProblem block; ///< the block; of each budget the whole units in it are used
    double unitHz{0};        ///< > 0, Hz

    /**
     * Numbers of units that a device may have, ascending, > 0: one list for each device, or one for
     * all, or none: any number.
     */
    std::vector<std::vector<uint32_t>> sizes;
};

/// How far to go
struct GranularParam
{
    /// Elementary steps of the dynamic program; then MAX_ITERATIONS is returned, with a bound
    uint64_t maxSteps{1000000000};
};

/// What to do and why it is right
struct GranularResult
{
    AllocationStatus status{AllocationStatus::INVALID}; ///< how it ended
    std::string message;                                ///< one line for INVALID, INFEASIBLE
    std::vector<uint32_t> downlinkUnits;                ///< by device
    std::vector<uint32_t> uplinkUnits;                  ///< by device (as downlink if coupled)
    std::vector<double> downlinkHz;                     ///< units times unitHz
    std::vector<double> uplinkHz;                       ///< units times unitHz
    double timeS{0};                                    ///< of the slowest device, s
    double lowerBoundS{0}; ///< certified: no numbers of units have less, s; timeS if OPTIMAL
    double continuousS{0}; ///< optimum with bandwidth of any size, same whole units of budget, s
    uint64_t steps{0};     ///< of the dynamic program

    /// @return timeS / continuousS - 1: what the units cost
    double ContinuousGap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Optimal numbers of units for min-max.
 *
 * - One number a device (coupled, or no device has bits both ways): from the least sizes on, the
 *   slowest device gets its next size until it does not fit. Optimal: to end before the present T,
 *   each device needs what it has at least, and the slowest needs more.
 * - Two (split): for a given T each device has a choice of pairs, fewer downlink units for more
 *   uplink units, and the fewest uplink units for each number of downlink units come from a dynamic
 *   program over the devices: O(devices x units x sizes). T by bisection between the continuous
 *   optimum and a greedy split; it ends when no numbers of units are strictly faster.
 *
 * Never throws for bad data and never loops: see the status. INFEASIBLE if there are not enough
 * units for each device with bits to have its least size.
 *
 * @param problem the block in units
 * @param param how far to go
 * @return units with certificate
 */
GranularResult AllocateGranular(const GranularProblem& problem,
                                const GranularParam& param = GranularParam());

} // namespace wdmoe

#endif /* WDMOE_GRANULARITY_H */
