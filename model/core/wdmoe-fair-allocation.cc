/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-fair-allocation.h"

#include "wdmoe-law-leg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// A device that shares a budget: the directions it moves bits in
struct User
{
    std::size_t device{0};
    double weight{1};
    LawLeg leg[2];
    double share{0}; ///< of the budget

    /// @return w B R'(B) / R(B), summed over its directions; falls with the share
    double Elasticity(double x, bool left) const
    {
        double sum = 0;
        for (const auto& l : leg)
        {
            sum += l.bits ? l.Elasticity(x, left) : 0;
        }
        return weight * sum;
    }

    /**
     * @param lambda multiplier, > 0
     * @return the share x at which w (ln R)'(x) = lambda
     */
    double Respond(double lambda) const
    {
        // f(x) = elasticity / x - lambda falls from infinity; the elasticity is at most w
        // directions
        double high = weight * (leg[0].bits + leg[1].bits) / lambda;
        double low = 0;
        for (const auto& l : leg)
        {
            const double at = l.bits ? l.corner : 0;
            if (at > low && at < high)
            {
                const bool before = Elasticity(at, true) < lambda * at;
                const bool after = Elasticity(at, false) > lambda * at;
                if (!before && !after)
                {
                    return at;
                }
                (before ? high : low) = at;
            }
        }
        // fixed point x = elasticity(x) / lambda; secant in the logarithm inside the bracket
        double x = high;
        for (int i = 0; i < 200; ++i)
        {
            const double value = Elasticity(x, false);
            (value > lambda * x ? low : high) = x;
            // d ln(elasticity / x) / d ln x, by a small step: between -1 and -2
            const double step = 1e-5;
            const double ahead = Elasticity(x * (1 + step), true);
            const double slope = std::min(-1.0, (std::log(ahead / value) / std::log1p(step)) - 1);
            double next = x * std::exp(-std::log(value / (lambda * x)) / slope);
            if (!(next > low && next < high))
            {
                next = low > 0 ? std::sqrt(low) * std::sqrt(high) : high / 2;
            }
            const bool done = std::abs(next - x) <= 1e-15 * x;
            x = next;
            if (done || !(low < high))
            {
                break;
            }
        }
        return x;
    }
};

/// Divide one budget
struct Divider
{
    std::vector<User> users;
    double lambda{0}; ///< per share
    double gap{0};    ///< of the utility
    double residual{0};
    int iterations{0};

    /// @return sum of shares at a multiplier. @param l it
    double Sum(double l)
    {
        double sum = 0;
        for (auto& user : users)
        {
            user.share = user.Respond(l);
            sum += user.share;
        }
        return sum;
    }

    /// @param param how far to go
    void Solve(const AllocationParam& param)
    {
        double most = 0;
        for (const auto& user : users)
        {
            most += user.weight * (user.leg[0].bits + user.leg[1].bits);
        }
        if (users.empty())
        {
            return;
        }
        // with all laws linear the sum of shares is most / lambda
        double high = most;
        double low = 0;
        lambda = most;
        double last = 0;
        double lastSum = 0;
        for (iterations = 1; iterations <= param.maxIterations; ++iterations)
        {
            const double sum = Sum(lambda);
            (sum > 1 ? low : high) = lambda;
            if (std::abs(sum - 1) <= 1e-14)
            {
                break;
            }
            // ln(sum) is nearly linear in ln(lambda), with a slope between -1 and -1/2; it is flat
            // while all users are on corners
            double slope = -1;
            const bool flat = last > 0 && sum == lastSum;
            if (last > 0 && !flat)
            {
                slope = std::log(sum / lastSum) / std::log(lambda / last);
                slope = slope < -0.2 && slope > -3 ? slope : -1;
            }
            last = lambda;
            lastSum = sum;
            double next = flat ? 0 : lambda * std::exp(-std::log(sum) / slope);
            if (!(next > low && next < high))
            {
                next = low > 0 ? std::sqrt(low) * std::sqrt(high) : high / 4;
            }
            if (next == low || next == high)
            {
                break;
            }
            lambda = next;
        }
        // all of the budget, and the certificate for just that
        double sum = 0;
        for (const auto& user : users)
        {
            sum += user.share;
        }
        for (auto& user : users)
        {
            user.share /= sum;
        }
        double largest = 0;
        double used = 0;
        for (const auto& user : users)
        {
            double g = user.Elasticity(user.share, false) / user.share;
            for (const auto& l : user.leg)
            {
                // a share that was put on the corner is there, but for the last scaling
                if (l.bits && l.corner > 0 && std::abs(user.share / l.corner - 1) < 1e-12)
                {
                    const double left = user.Elasticity(l.corner, true) / l.corner;
                    const double right = user.Elasticity(l.corner, false) / l.corner;
                    g = std::max(right, std::min(left, lambda));
                }
            }
            largest = std::max(largest, g);
            used += g * user.share;
            residual = std::max(residual, std::abs(g / lambda - 1));
        }
        gap = std::max(largest - used, 0.0);
    }
};

} // namespace

double
FairResult::Gap() const
{
    return totalWeight > 0 ? std::max(0.0, (upperBound - utility) / totalWeight) : 0;
}

FairResult
AllocateProportionalFair(const AllocationProblem& problem,
                         const std::vector<double>& weight,
                         const AllocationParam& param)
{
    FairResult r;
    try
    {
        param.Check();
    }
    catch (const std::invalid_argument& e)
    {
        r.message = e.what();
        return r;
    }
    // its checks are ours
    const auto equal = AllocateEqual(problem, false);
    if (equal.status != AllocationStatus::OPTIMAL)
    {
        r.status = equal.status;
        r.message = equal.message;
        return r;
    }
    const auto size = problem.downlinkBits.size();
    if (!weight.empty() && weight.size() != size)
    {
        r.message = "weight has " + std::to_string(weight.size()) + " entries, expected " +
                    std::to_string(size) + " as downlinkBits has, or none";
        return r;
    }
    Divider dividers[2];
    for (std::size_t k = 0; k < size; ++k)
    {
        const double w = weight.empty() ? 1 : weight[k];
        const double bits[2] = {problem.downlinkBits[k], problem.uplinkBits[k]};
        if (!(w >= 0) || std::isinf(w) || (w == 0 && bits[0] + bits[1] > 0))
        {
            std::ostringstream s;
            s << "weight[" << k << "] is " << w
              << ", expected a finite number > 0 for a device with bits to move";
            r.message = s.str();
            return r;
        }
        const RateLaw* laws[2] = {&problem.downlinkLaw[k], &problem.uplinkLaw[k]};
        User user;
        user.device = k;
        user.weight = w;
        for (int d = 0; d < 2; ++d)
        {
            if (bits[d] == 0)
            {
                continue;
            }
            r.totalWeight += w;
            const bool first = problem.coupled || d == 0;
            user.leg[d].Set(bits[d], *laws[d], first ? problem.downlinkHz : problem.uplinkHz);
            if (!problem.coupled)
            {
                dividers[d].users.push_back(user);
                user.leg[d] = LawLeg();
            }
        }
        if (problem.coupled && (user.leg[0].bits || user.leg[1].bits))
        {
            dividers[0].users.push_back(user);
        }
    }
    r.downlinkHz.assign(size, 0);
    r.uplinkHz.assign(size, 0);
    bool solved = true;
    double gap = 0;
    const double hz[2] = {problem.downlinkHz, problem.uplinkHz};
    for (int d = 0; d < 2; ++d)
    {
        auto& divider = dividers[d];
        divider.Solve(param);
        for (const auto& user : divider.users)
        {
            (d == 0 ? r.downlinkHz : r.uplinkHz)[user.device] = user.share * hz[d];
        }
        gap += divider.gap;
        r.residual = std::max(r.residual, divider.residual);
        r.iterations = std::max(r.iterations, divider.iterations);
        solved = solved && divider.iterations <= param.maxIterations;
    }
    if (problem.coupled)
    {
        r.uplinkHz = r.downlinkHz;
    }
    r.downlinkPrice = dividers[0].users.empty() ? 0 : dividers[0].lambda / hz[0];
    r.uplinkPrice = dividers[1].users.empty() ? 0 : dividers[1].lambda / hz[1];
    for (std::size_t k = 0; k < size; ++k)
    {
        const double w = weight.empty() ? 1 : weight[k];
        double t = problem.computeS[k];
        if (problem.downlinkBits[k] > 0)
        {
            const double rate = problem.downlinkLaw[k].Rate(r.downlinkHz[k]);
            t += problem.downlinkBits[k] / rate;
            r.utility += w * std::log(rate);
        }
        if (problem.uplinkBits[k] > 0)
        {
            const double rate = problem.uplinkLaw[k].Rate(r.uplinkHz[k]);
            t += problem.uplinkBits[k] / rate;
            r.utility += w * std::log(rate);
        }
        r.timeS = t > r.timeS || std::isnan(t) ? t : r.timeS;
    }
    if (!std::isfinite(r.utility) || !std::isfinite(r.timeS))
    {
        FairResult refused;
        refused.message = "a rate or time is not finite: bits, laws or bandwidths are out of the "
                          "range of doubles";
        return refused;
    }
    r.upperBound = r.utility + gap;
    solved = solved || r.Gap() <= std::max(param.relativeGap, 1e-12);
    r.status = solved ? AllocationStatus::OPTIMAL : AllocationStatus::MAX_ITERATIONS;
    return r;
}

} // namespace wdmoe
