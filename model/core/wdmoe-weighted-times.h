/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WEIGHTED_TIMES_H
#define WDMOE_WEIGHTED_TIMES_H

#include "wdmoe-allocation.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * A batch that goes to a device, is computed there and answered, with a share of the band that is
 * its own.
 */
struct TimedPart
{
    std::size_t group{0};   ///< g < G: whose end it delays
    double downlinkBits{0}; ///< bd >= 0, bit
    double uplinkBits{0};   ///< bu >= 0, bit
    double constantS{0};    ///< c >= 0: compute time and fixed costs of the link, s
    RateLaw downlinkLaw;    ///< Rd
    RateLaw uplinkLaw;      ///< Ru
    double downlinkCost{0}; ///< p >= 0: what a second of its downlink transfer costs
    double uplinkCost{0};   ///< q >= 0: what a second of its uplink transfer costs
};

/**
 * @ingroup wdmoe-core
 *
 * Static shares of least cost, where times cost:
 *
 *     min  sum_g w_g T_g + sum_i (p_i td_i + q_i tu_i)
 *     s.t. c_i + td_i + tu_i <= T_g(i),  td_i = bd_i / Rd_i(Bd_i),  tu_i = bu_i / Ru_i(Bu_i),
 *          sum Bd_i <= downlinkHz, sum Bu_i <= uplinkHz   (coupled: Bd_i = Bu_i, one budget),
 *
 * or with a deadline in place of every T_g. Convex, since 1 / R of a concave R is. The two uses are
 * least total latency (LatencySumSolver: p = q = 0) and least energy (LeastEnergySolver: deadline).
 */
struct WeightedTimesProblem
{
    std::vector<TimedPart> parts; ///< i
    std::vector<double> weight;   ///< w_g > 0, by group; not used with a deadline
    bool deadline{false};         ///< T_g = deadlineS for all
    double deadlineS{0};          ///< s
    double downlinkHz{0};         ///< downlink budget, or the common one when coupled, Hz
    double uplinkHz{0};           ///< uplink budget, Hz (split only)
    bool coupled{false};          ///< one share for both directions

    /// Bandwidths to start from, by part, Hz: with a deadline required, and all must be in time
    std::vector<double> startDownlinkHz;
    std::vector<double> startUplinkHz; ///< likewise (not used if coupled)
};

/// How far to go
struct WeightedTimesParam
{
    double relativeGap{1e-10}; ///< stop when (cost - lowerBound) / cost is below this
    int maxIterations{150};    ///< of the interior point method; then MAX_ITERATIONS is returned

    /// @return what is wrong with it, empty if nothing is
    std::string Check() const;
};

/// What to do and why it is right
struct WeightedTimesResult
{
    AllocationStatus status{AllocationStatus::INVALID}; ///< how it ended
    std::string message;                                ///< one line for INVALID, INFEASIBLE
    std::vector<double> downlinkHz;                     ///< by part, Hz
    std::vector<double> uplinkHz;                       ///< by part, Hz (as downlinkHz if coupled)
    std::vector<double> partS;                          ///< c + td + tu of each part, s
    std::vector<double> groupS; ///< T_g: the latest of its parts, s; 0 of a group without any
    double cost{0};             ///< recomputed from the bandwidths returned (never optimistic)
    double lowerBound{0};       ///< certified: no split costs less
    double residual{0};         ///< KKT residual, see below
    double downlinkPrice{0};    ///< multiplier of the downlink budget, cost per Hz
    double uplinkPrice{0};      ///< multiplier of the uplink budget, cost per Hz
    int iterations{0};          ///< of the interior point method

    /// @return (cost - lowerBound) / cost
    double Gap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Interior point method for WeightedTimesProblem, made for its structure: each iteration costs
 * O(parts), there is no matrix. Keeps its memory, so that problems that are not larger than an
 * earlier one need no allocation. Not to be shared by threads; any number of them may be used.
 *
 * **Method.** In the logarithms of shares and times, u = ln B and l = ln t, every constraint is
 * convex and nearly linear: ln(bits / R(e^u)) <= l for each piece of the law, c + e^ld + e^lu <= T,
 * sum e^u <= budget. A primal-dual predictor-corrector (Mehrotra; Nocedal and Wright, Numerical
 * Optimization, 2nd ed., ch. 19) solves it. Its Newton system falls apart by part, then by group,
 * down to 2 x 2 for the budgets.
 *
 * **Certificate.** For any multipliers mu_i >= 0 of the times (sum over a group w_g) and prices
 * lambda >= 0 of the budgets, no split costs less than
 *
 *     sum_i [mu_i (c_i - deadline) + min_B ((p_i + mu_i) td_i(B) + lambda_d B)
 *                                  + min_B ((q_i + mu_i) tu_i(B) + lambda_u B)] - lambda . budgets
 *
 * (weak duality; the deadline only where there is one). The minima are found by Newton's method and
 * bounded by tangents, so that rounding cannot make them too large. Errors of the multipliers enter
 * squared. The KKT residual is the largest of
 * - complementarity: mu_i (T - t_i) over the cost,
 * - stationarity: what B_i makes of m t(B) + lambda B beyond its least value, over the cost, where
 *   m = p_i + mu_i or q_i + mu_i (corners of capped laws need no care that way),
 * - primal feasibility: relative excess over budgets and deadline.
 */
class WeightedTimesSolver
{
  public:
    WeightedTimesSolver();
    ~WeightedTimesSolver();
    /// @param other is moved from
    WeightedTimesSolver(WeightedTimesSolver&& other) noexcept;
    /// @param other is moved from @return this
    WeightedTimesSolver& operator=(WeightedTimesSolver&& other) noexcept;

    /**
     * Never throws for bad data and never loops: see the status.
     *
     * @param problem what to divide
     * @param param how far to go
     * @return bandwidths with certificate, valid until the next call
     */
    const WeightedTimesResult& Solve(const WeightedTimesProblem& problem,
                                     const WeightedTimesParam& param = WeightedTimesParam());

  private:
    struct Work;
    std::unique_ptr<Work> m_work; ///< memory
};

} // namespace wdmoe

#endif /* WDMOE_WEIGHTED_TIMES_H */
