/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-granularity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <sstream>

namespace wdmoe
{

namespace
{

constexpr uint32_t NEVER = std::numeric_limits<uint32_t>::max();

/// A device's choices
struct Choice
{
    std::vector<uint32_t> size;  ///< units
    std::vector<double> time[2]; ///< by direction and choice, s; empty without bits
    double c{0};                 ///< constant, s
    std::size_t at[2]{};         ///< present choice
    bool used[2]{};              ///< has bits

    /// @return time of the present choice, s
    double Now() const
    {
        return c + (used[0] ? time[0][at[0]] : 0) + (used[1] ? time[1][at[1]] : 0);
    }
};

/// The search
class Search
{
  public:
    std::vector<Choice> devices; ///< with bits
    uint64_t units[2]{};         ///< budgets
    bool coupled{false};         ///< one number for both directions
    double pinned{0};            ///< time of devices without bits
    uint64_t steps{0};           ///< of the dynamic program

    /// @return slowest device at present
    double Time() const
    {
        double t = pinned;
        for (const auto& d : devices)
        {
            t = std::max(t, d.Now());
        }
        return t;
    }

    /// Give the slowest its next size while it fits. @param spare units left by direction
    void Greedy(uint64_t spare[2])
    {
        std::priority_queue<std::pair<double, std::size_t>> slowest;
        for (std::size_t k = 0; k < devices.size(); ++k)
        {
            slowest.emplace(devices[k].Now(), k);
        }
        while (!slowest.empty())
        {
            const auto [t, k] = slowest.top();
            slowest.pop();
            if (t <= pinned)
            {
                return;
            }
            auto& d = devices[k];
            int best = -1;
            double gain = 0;
            for (int v = 0; v < 2; ++v)
            {
                if (!d.used[v] || (coupled && v == 1 && d.used[0]) || d.at[v] + 1 >= d.size.size())
                {
                    continue;
                }
                const auto more = d.size[d.at[v] + 1] - d.size[d.at[v]];
                const int pool = coupled ? 0 : v;
                if (more > spare[pool])
                {
                    continue;
                }
                // what is saved for what part of the units left
                const double saved = (d.time[v][d.at[v]] - d.time[v][d.at[v] + 1]) *
                                     static_cast<double>(spare[pool]) / more;
                if (best < 0 || saved > gain)
                {
                    best = v;
                    gain = saved;
                }
            }
            if (best < 0)
            {
                return;
            }
            spare[coupled ? 0 : best] -= d.size[d.at[best] + 1] - d.size[d.at[best]];
            ++d.at[best];
            if (coupled)
            {
                d.at[0] = d.at[1] = d.at[best];
            }
            slowest.emplace(d.Now(), k);
        }
    }

    /**
     * Whether all can be in time; if so the choices are taken.
     *
     * @param limit time, s
     * @param strict before it, not at it
     * @return whether
     */
    bool Fits(double limit, bool strict)
    {
        const auto n = static_cast<std::size_t>(units[0]);
        m_least.assign(n + 1, 0);
        m_chosen.assign(devices.size() * (n + 1), NEVER);
        for (std::size_t k = 0; k < devices.size(); ++k)
        {
            const auto& d = devices[k];
            const auto inTime = [&](double t) { return strict ? t < limit : t <= limit; };
            m_next.assign(n + 1, NEVER);
            // fewest uplink units for each downlink size: falls as that grows
            std::size_t u = d.used[1] ? d.size.size() : 0;
            uint32_t before = NEVER;
            for (std::size_t j = 0; j < (d.used[0] ? d.size.size() : 1); ++j)
            {
                const double down = d.c + (d.used[0] ? d.time[0][j] : 0);
                if (d.used[1])
                {
                    while (u > 0 && inTime(down + d.time[1][u - 1]))
                    {
                        --u;
                    }
                    if (u == d.size.size())
                    {
                        continue;
                    }
                }
                else if (!inTime(down))
                {
                    continue;
                }
                const uint32_t up = d.used[1] ? d.size[u] : 0;
                if (up >= before)
                {
                    continue; // more downlink units for nothing
                }
                before = up;
                const std::size_t needs = d.used[0] ? d.size[j] : 0;
                if (needs > n)
                {
                    break;
                }
                steps += n + 1 - needs;
                auto* chosen = m_chosen.data() + k * (n + 1);
                for (std::size_t at = needs; at <= n; ++at)
                {
                    const auto rest = m_least[at - needs];
                    if (rest != NEVER && rest + up < m_next[at])
                    {
                        m_next[at] = rest + up;
                        chosen[at] = static_cast<uint32_t>(j);
                    }
                }
            }
            m_least.swap(m_next);
        }
        if (m_least[n] == NEVER || m_least[n] > units[1])
        {
            return false;
        }
        std::size_t at = n;
        for (std::size_t k = devices.size(); k-- > 0;)
        {
            auto& d = devices[k];
            const auto j = m_chosen[k * (n + 1) + at];
            d.at[0] = j;
            at -= d.used[0] ? d.size[j] : 0;
            d.at[1] = 0;
            const double down = d.c + (d.used[0] ? d.time[0][j] : 0);
            while (d.used[1] && !(strict ? down + d.time[1][d.at[1]] < limit
                                         : down + d.time[1][d.at[1]] <= limit))
            {
                ++d.at[1];
            }
        }
        return true;
    }

  private:
    std::vector<uint32_t> m_least;  ///< fewest uplink units for at most so many downlink units
    std::vector<uint32_t> m_next;   ///< the same with one device more
    std::vector<uint32_t> m_chosen; ///< by device and downlink units
};

} // namespace

double
GranularResult::ContinuousGap() const
{
    return continuousS > 0 ? std::max(0.0, timeS / continuousS - 1) : 0;
}

GranularResult
AllocateGranular(const GranularProblem& problem, const GranularParam& param)
{
    GranularResult r;
    const auto refuse = [&r](AllocationStatus status, const std::string& message) {
        r.status = status;
        r.message = message;
        return r;
    };
    const auto& block = problem.block;
    const auto equal = AllocateEqual(block, false); // its checks are ours
    if (equal.status != AllocationStatus::OPTIMAL)
    {
        return refuse(equal.status, equal.message);
    }
    const auto size = block.downlinkBits.size();
    if (!(problem.unitHz > 0 && std::isfinite(problem.unitHz)))
    {
        std::ostringstream s;
        s << "unitHz is " << problem.unitHz << ", expected a finite bandwidth > 0 Hz";
        return refuse(AllocationStatus::INVALID, s.str());
    }
    if (problem.sizes.size() > 1 && problem.sizes.size() != size)
    {
        return refuse(AllocationStatus::INVALID,
                      "sizes has " + std::to_string(problem.sizes.size()) +
                          " lists, expected one for each of " + std::to_string(size) +
                          " devices, one for all, or none");
    }
    for (const auto& list : problem.sizes)
    {
        for (std::size_t j = 0; j < list.size(); ++j)
        {
            if (list[j] == 0 || (j > 0 && list[j] <= list[j - 1]))
            {
                return refuse(AllocationStatus::INVALID,
                              "a list of sizes has " + std::to_string(list[j]) + " in place " +
                                  std::to_string(j) + ", expected numbers > 0 in ascending order");
            }
        }
        if (list.empty())
        {
            return refuse(AllocationStatus::INVALID,
                          "a list of sizes is empty, expected at least one number");
        }
    }
    Search search;
    search.coupled = block.coupled;
    const double hz[2] = {block.downlinkHz, block.coupled ? block.downlinkHz : block.uplinkHz};
    for (int v = 0; v < 2; ++v)
    {
        // a budget that is a whole number of units but for rounding has them all
        const double whole = std::floor(hz[v] / problem.unitHz * (1 + 1e-12));
        if (whole > 1e7)
        {
            return refuse(AllocationStatus::INVALID,
                          "more than 10^7 units of bandwidth: expected larger units");
        }
        search.units[v] = static_cast<uint64_t>(whole);
    }
    std::vector<std::size_t> who;
    uint64_t least[2] = {0, 0};
    bool both = false;
    for (std::size_t k = 0; k < size; ++k)
    {
        Choice d;
        d.c = block.computeS[k];
        const double bits[2] = {block.downlinkBits[k], block.uplinkBits[k]};
        if (bits[0] + bits[1] == 0)
        {
            search.pinned = std::max(search.pinned, d.c);
            continue;
        }
        const auto most = static_cast<uint32_t>(std::max(search.units[0], search.units[1]));
        if (problem.sizes.empty())
        {
            for (uint32_t n = 1; n <= most; ++n)
            {
                d.size.push_back(n);
            }
        }
        else
        {
            const auto& list = problem.sizes[problem.sizes.size() == 1 ? 0 : k];
            d.size.assign(list.begin(), std::upper_bound(list.begin(), list.end(), most));
        }
        const RateLaw* laws[2] = {&block.downlinkLaw[k], &block.uplinkLaw[k]};
        for (int v = 0; v < 2; ++v)
        {
            d.used[v] = bits[v] > 0;
            for (std::size_t j = 0; d.used[v] && j < d.size.size(); ++j)
            {
                d.time[v].push_back(bits[v] / laws[v]->Rate(d.size[j] * problem.unitHz));
            }
            const uint64_t needs = d.size.empty() ? uint64_t{most} + 1 : d.size[0];
            least[block.coupled ? 0 : v] +=
                d.used[v] && !(block.coupled && v == 1 && d.used[0]) ? needs : 0;
        }
        both = both || (d.used[0] && d.used[1]);
        who.push_back(k);
        search.devices.push_back(std::move(d));
    }
    for (int v = 0; v < (block.coupled ? 1 : 2); ++v)
    {
        if (least[v] > search.units[v])
        {
            return refuse(AllocationStatus::INFEASIBLE,
                          std::to_string(search.units[v]) + " units " +
                              (v == 0 ? "downlink" : "uplink") +
                              ", but the devices with bits to move need at least " +
                              std::to_string(least[v]));
        }
    }
    AllocationProblem whole = block;
    whole.downlinkHz = static_cast<double>(search.units[0]) * problem.unitHz;
    whole.uplinkHz = static_cast<double>(search.units[1]) * problem.unitHz;
    const auto continuous = AllocateMinMax(whole);
    if (continuous.status == AllocationStatus::INVALID ||
        continuous.status == AllocationStatus::INFEASIBLE)
    {
        return refuse(continuous.status, continuous.message);
    }
    r.continuousS = continuous.timeS;
    bool exact = true;
    if (block.coupled || both)
    {
        uint64_t spare[2] = {search.units[0] - least[0], search.units[1] - least[1]};
        search.Greedy(spare);
        r.timeS = search.Time();
    }
    else
    {
        // nothing ties the directions together
        for (int v = 0; v < 2; ++v)
        {
            Search one;
            one.pinned = search.pinned;
            std::vector<std::size_t> index;
            for (std::size_t i = 0; i < search.devices.size(); ++i)
            {
                if (search.devices[i].used[v])
                {
                    one.devices.push_back(search.devices[i]);
                    index.push_back(i);
                }
            }
            uint64_t spare[2] = {0, 0};
            spare[v] = search.units[v] - least[v];
            one.Greedy(spare);
            for (std::size_t i = 0; i < index.size(); ++i)
            {
                search.devices[index[i]] = one.devices[i];
            }
        }
        r.timeS = search.Time();
    }
    r.lowerBoundS = r.timeS;
    if (!block.coupled && both)
    {
        auto best = search.devices;
        double low = std::min(continuous.lowerBoundS, r.timeS);
        bool proven = false;
        while (!proven && search.steps < param.maxSteps)
        {
            const bool last = r.timeS - low <= 1e-9 * r.timeS;
            const double limit = last ? r.timeS : low + (r.timeS - low) / 2;
            if (search.Fits(limit, last))
            {
                const double now = search.Time();
                if (!(now < r.timeS))
                {
                    proven = true; // the devices without bits are the last
                    break;
                }
                r.timeS = now;
                best = search.devices;
            }
            else if (last)
            {
                proven = true;
            }
            else
            {
                low = limit;
            }
        }
        search.devices = best;
        exact = proven;
        r.lowerBoundS = proven ? r.timeS : low;
    }
    r.steps = search.steps;
    r.downlinkUnits.assign(size, 0);
    r.uplinkUnits.assign(size, 0);
    for (std::size_t i = 0; i < who.size(); ++i)
    {
        const auto& d = search.devices[i];
        const bool down = d.used[0] || block.coupled;
        const bool up = d.used[1] || block.coupled;
        r.downlinkUnits[who[i]] = down ? d.size[d.at[0]] : 0;
        r.uplinkUnits[who[i]] = up ? d.size[d.at[block.coupled ? 0 : 1]] : 0;
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        r.downlinkHz.push_back(r.downlinkUnits[k] * problem.unitHz);
        r.uplinkHz.push_back(r.uplinkUnits[k] * problem.unitHz);
    }
    r.status = exact ? AllocationStatus::OPTIMAL : AllocationStatus::MAX_ITERATIONS;
    return r;
}

} // namespace wdmoe
