/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LEAST_ENERGY_H
#define WDMOE_LEAST_ENERGY_H

#include "wdmoe-weighted-times.h"

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * Least radio energy with a deadline, for one block:
 *
 *     min  sum_k Ptx_k tu_k + Prx_k td_k + Ebs_k(td_k)
 *     s.t. c_k + td_k + tu_k <= deadlineS for every device with bits to move, budgets as in
 *          AllocationProblem, td_k = bd_k / Rd_k(Bd_k), tu_k = bu_k / Ru_k(Bu_k).
 *
 * Ebs, what the base station spends on sending to a device, depends on its downlink law:
 * - LINEAR, fixed power density: Pbs (B / downlinkHz) t = Pbs bits / (s downlinkHz), a constant;
 * - SHANNON, fixed power towards each device whatever its bandwidth (the paper, as we read it):
 *   Pbs t.
 *
 * Compute energy is constant for given loads and is not part of it. Convex. The division of energy
 * is the one of JESA (arXiv 2503.13421, as we read its abstract), the powers are ours.
 */
struct LeastEnergyProblem
{
    AllocationProblem block;       ///< loads, laws, constants and budgets
    double deadlineS{0};           ///< > 0, s
    std::vector<double> transmitW; ///< Ptx_k >= 0: drawn by device k while it sends, W
    std::vector<double> receiveW;  ///< Prx_k >= 0: drawn by device k while it receives, W
    double baseStationW{0};        ///< Pbs >= 0: drawn by the base station while it sends, W
};

/// What to do and why it is right
struct LeastEnergyResult
{
    AllocationStatus status{AllocationStatus::INVALID}; ///< how it ended
    std::string message;                                ///< one line for INVALID, INFEASIBLE
    std::vector<double> downlinkHz;                     ///< Bd_k, Hz
    std::vector<double> uplinkHz;                       ///< Bu_k, Hz (equal to Bd_k if coupled)
    double timeS{0};          ///< of the slowest device, recomputed from the bandwidths, s
    double energyJ{0};        ///< recomputed from the bandwidths (never optimistic), J
    double lowerBoundJ{0};    ///< certified: no split in time takes less, J
    double transmitJ{0};      ///< part of energyJ: devices sending
    double receiveJ{0};       ///< part of energyJ: devices receiving
    double baseStationJ{0};   ///< part of energyJ: base station sending
    double leastDeadlineS{0}; ///< the shortest deadline that can be met, s (AllocateMinMax())
    double residual{0};       ///< KKT residual, see WeightedTimesSolver
    int iterations{0};        ///< of the interior point method

    /// @return (energyJ - lowerBoundJ) / energyJ
    double Gap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Solves LeastEnergyProblem, exact with a certificate: see WeightedTimesSolver. A deadline that
 * cannot be met is INFEASIBLE, and leastDeadlineS and the message say which can. At that very
 * deadline there is one split only, and it is returned; bounds need room: the gap is certified from
 * a slack of about 1e-6 on, below it MAX_ITERATIONS may come with a gap that is only known to be
 * small.
 */
class LeastEnergySolver
{
  public:
    /**
     * Never throws for bad data and never loops: see the status.
     *
     * @param problem the block
     * @param param how far to go
     * @return bandwidths with certificate, valid until the next call
     */
    const LeastEnergyResult& Solve(const LeastEnergyProblem& problem,
                                   const WeightedTimesParam& param = WeightedTimesParam());

  private:
    WeightedTimesProblem m_problem; ///< the same in other words
    WeightedTimesSolver m_solver;   ///< does the work
    LeastEnergyResult m_result;     ///< of the last problem
};

} // namespace wdmoe

#endif /* WDMOE_LEAST_ENERGY_H */
