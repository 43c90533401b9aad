/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LATENCY_SUM_H
#define WDMOE_LATENCY_SUM_H

#include "wdmoe-weighted-times.h"

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * One device's part of one of the blocks in flight, with a share of the band that is its own. A
 * device that serves several blocks has an entry in each, and as bandwidth the sum of theirs.
 */
struct LatencyEntry
{
    std::size_t block{0};   ///< b < B
    double downlinkBits{0}; ///< bd >= 0, bit
    double uplinkBits{0};   ///< bu >= 0, bit
    double constantS{0};    ///< c >= 0: compute time and fixed costs of the link, s
    RateLaw downlinkLaw;    ///< Rd
    RateLaw uplinkLaw;      ///< Ru
};

/**
 * @ingroup wdmoe-core
 *
 * Blocks of several requests share the band: minimise the (weighted) sum of their ends,
 *
 *     min  sum_b w_b T_b,  T_b = max over its entries i of bd_i / Rd_i(Bd_i) + bu_i / Ru_i(Bu_i)
 *                                                                                           + c_i
 *     s.t. sum Bd_i <= downlinkHz, sum Bu_i <= uplinkHz  (coupled: Bd_i = Bu_i, one budget).
 *
 * Convex; with one block it is the paper's problem, see AllocateMinMax(). Shares are static: each
 * entry keeps its own until all blocks have ended (a plan over time, which passes bandwidth on, is
 * ShopPlanner's).
 */
struct LatencySumProblem
{
    std::vector<LatencyEntry> entries; ///< i
    std::vector<double> blockWeight;   ///< w_b > 0, by block
    double downlinkHz{0};              ///< downlink budget, or the common one when coupled, Hz
    double uplinkHz{0};                ///< uplink budget, Hz (split only)
    bool coupled{false};               ///< one share for both directions
};

/**
 * @ingroup wdmoe-core
 *
 * Solves LatencySumProblem, exact with a certificate: see WeightedTimesSolver, whose result has
 * bandwidths by entry, T_b as groupS, the sum as cost and its bound as lowerBound (s). Keeps its
 * memory.
 */
class LatencySumSolver
{
  public:
    /**
     * Never throws for bad data and never loops: see the status.
     *
     * @param problem the blocks in flight
     * @param param how far to go
     * @return bandwidths with certificate, valid until the next call
     */
    const WeightedTimesResult& Solve(const LatencySumProblem& problem,
                                     const WeightedTimesParam& param = WeightedTimesParam());

  private:
    WeightedTimesProblem m_problem; ///< the same in other words
    WeightedTimesSolver m_solver;   ///< does the work
};

} // namespace wdmoe

#endif /* WDMOE_LATENCY_SUM_H */
