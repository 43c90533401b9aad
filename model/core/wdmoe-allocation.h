/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ALLOCATION_H
#define WDMOE_ALLOCATION_H

#include "wdmoe-rate-law.h"

#include <memory>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * The paper's bandwidth problem for one block: minimise the time T of the slowest device,
 *
 *     min T  s.t.  bd_k / Rd_k(Bd_k) + bu_k / Ru_k(Bu_k) + c_k <= T  for every k with bits to move,
 *
 * - coupled (the paper): Bd_k = Bu_k = B_k, sum B_k <= downlinkHz (uplinkHz is not used);
 * - split (FDD): sum Bd_k <= downlinkHz and sum Bu_k <= uplinkHz.
 *
 * One budget for both directions (half duplex) is the coupled problem too: a device is served one
 * way at a time, so that a split holds whatever the timing if and only if
 * sum max(Bd_k, Bu_k) <= downlinkHz, and making the two equal loses nothing.
 *
 * All vectors have length K. A device without bits either way gets no bandwidth and counts
 * with its compute time only; a direction without bits gets none there (split).
 */
struct AllocationProblem
{
    std::vector<double> downlinkBits; ///< bd_k >= 0, bit
    std::vector<double> uplinkBits;   ///< bu_k >= 0, bit
    std::vector<double> computeS;     ///< c_k >= 0, s (fixed costs of the link belong here too)
    std::vector<RateLaw> downlinkLaw; ///< Rd_k
    std::vector<RateLaw> uplinkLaw;   ///< Ru_k
    double downlinkHz{0};             ///< downlink budget, or the common one when coupled, Hz
    double uplinkHz{0};               ///< uplink budget, Hz (split only)
    bool coupled{false};              ///< one share for both directions
};

/// How far to go
struct AllocationParam
{
    double relativeGap{1e-12}; ///< stop when (upper - lower) / upper of T is below this
    int maxIterations{200};    ///< of the outermost iteration; then MAX_ITERATIONS is returned

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/// How it ended
enum class AllocationStatus
{
    OPTIMAL,       ///< within relativeGap of the optimum
    INVALID,       ///< a meaningless input; the message names it
    INFEASIBLE,    ///< a device has bits to move and a law that carries none, or no budget
    MAX_ITERATIONS ///< feasible, gap says how far it may be from the optimum
};

/// What to do and why it is right
struct AllocationResult
{
    AllocationStatus status{AllocationStatus::INVALID}; ///< how it ended
    std::string message;                                ///< one line for INVALID, INFEASIBLE
    std::vector<double> downlinkHz;                     ///< Bd_k, Hz
    std::vector<double> uplinkHz;                       ///< Bu_k, Hz (equal to Bd_k if coupled)
    double timeS{0};       ///< T, recomputed from the bandwidths returned (never optimistic), s
    double lowerBoundS{0}; ///< a certified lower bound on the optimum, s
    double residual{0};    ///< KKT residual: largest of spread of times, stationarity, budgets
    int iterations{0};     ///< outer iterations
    std::vector<std::size_t> active; ///< devices whose time equals T within 1e-9: the bottleneck

    /// @return (timeS - lowerBoundS) / timeS
    double Gap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Exact min-max allocation. Never throws for bad data and never loops: see the status.
 *
 * @param problem the block
 * @param param how far to go
 * @return bandwidths with certificate
 */
AllocationResult AllocateMinMax(const AllocationProblem& problem,
                                const AllocationParam& param = AllocationParam());

/**
 * @ingroup wdmoe-core
 *
 * AllocateMinMax() with memory: calls of a size that was there before allocate none. One object for
 * each thread.
 */
class MinMaxAllocator
{
  public:
    MinMaxAllocator();
    ~MinMaxAllocator();

    /**
     * Never throws for bad data and never loops: see the status.
     *
     * @param problem the block
     * @param param how far to go
     * @return bandwidths with certificate; valid until the next call
     */
    const AllocationResult& Solve(const AllocationProblem& problem,
                                  const AllocationParam& param = AllocationParam());

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl; ///< arrays of the devices
};

/**
 * @ingroup wdmoe-core
 *
 * The paper's vanilla: every device with bits to move in a direction gets the same bandwidth
 * there (coupled: in either direction). Same checks, same fields; the residual is not used.
 *
 * @param problem the block
 * @param allDevices true: a K-th to each of the K devices, busy or not (strict equal split)
 * @return bandwidths
 */
AllocationResult AllocateEqual(const AllocationProblem& problem, bool allDevices);

} // namespace wdmoe

#endif /* WDMOE_ALLOCATION_H */
