/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-quality-menu.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace wdmoe
{

namespace
{

/// Floors of a block, as multiples of the usual one
constexpr double STEPS[] = {0.125, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4, 6};

/// Relative: what rounding does to a sum
constexpr double ROUNDING = 1 + 1e-12;

/// @return sets of at most k of so many experts with the first few in it; stops above a limit
/// @param experts how many @param k most @param fixed that are in all sets
std::size_t
CountSets(std::size_t experts, std::size_t k, std::size_t fixed)
{
    double count = 0;
    double sets = 1; // of n more
    const std::size_t free = experts - std::min(fixed, experts);
    for (std::size_t n = 0; n + fixed <= std::max(k, fixed) && n <= free; ++n)
    {
        count += sets;
        sets *= static_cast<double>(free - n) / static_cast<double>(n + 1);
    }
    return static_cast<std::size_t>(std::min(count, 1e9));
}

} // namespace

void
QualityMenu::Reset()
{
    m_bound.Reset();
}

void
QualityMenu::Add(const QualityBoundResult& found)
{
    for (const auto& p : m_points)
    {
        if (p.lost == found.lost && p.latencyS == found.latencyS)
        {
            return;
        }
    }
    if (m_options.size() == m_points.size())
    {
        m_options.emplace_back();
    }
    m_options[m_points.size()] = found;
    m_points.push_back({found.lost, found.latencyS});
}

QualityStatus
QualityMenu::Make(const GateMatrix& gate,
                  std::size_t k,
                  const BlockProblem& problem,
                  const QualityFloor& floor,
                  double mostLost)
{
    m_points.clear();
    m_message.clear();
    m_message = floor.Check();
    if (!(mostLost >= 0))
    {
        m_message = "QualityMenu: mostLost is " + std::to_string(mostLost) + ", expected >= 0";
    }
    if (!m_message.empty())
    {
        return QualityStatus::INVALID;
    }
    m_floor = floor;
    m_floor.maxLost = 0;
    const auto& none = m_bound.Solve(gate, k, problem, m_floor);
    if (none.status == QualityStatus::INVALID)
    {
        m_message = none.message;
        return none.status;
    }
    Add(none);
    if (none.lost > mostLost * ROUNDING)
    {
        m_message = none.message;
        return QualityStatus::FLOOR_NOT_MET;
    }
    m_options[0].status = QualityStatus::SOLVED;
    m_options[0].message.clear();
    if (gate.tokens == 1 && Enumerate(gate, k, problem, floor, mostLost))
    {
        return QualityStatus::SOLVED;
    }
    // the whole of the allowance too, where it is within the steps
    const double last = floor.price.empty() ? std::min(mostLost, 1.0) : mostLost;
    double before = none.lost;
    for (const double step : STEPS)
    {
        const double lost = std::min(step * floor.maxLost, last);
        if (!(lost > before))
        {
            continue;
        }
        before = lost;
        m_floor.maxLost = lost;
        const auto& found = m_bound.Solve(gate, k, problem, m_floor);
        if (found.status == QualityStatus::SOLVED && found.latencyS < m_points.back().latencyS)
        {
            Add(found);
        }
    }
    return QualityStatus::SOLVED;
}

bool
QualityMenu::Enumerate(const GateMatrix& gate,
                       std::size_t k,
                       const BlockProblem& problem,
                       const QualityFloor& floor,
                       double mostLost)
{
    const double* row = gate.Row(0);
    const bool others = floor.candidates > k;
    m_candidates.resize(gate.experts);
    const std::size_t count = TopKOfRow(row, gate.experts, gate.experts, m_candidates.data());
    const std::size_t top = std::min(count, k);
    double mass = 0;
    for (std::size_t i = 0; i < top; ++i)
    {
        mass += row[m_candidates[i]];
    }
    const auto lossOf = [&floor, mass, top](double weight) {
        if (floor.price.empty())
        {
            return weight / mass;
        }
        std::size_t i = 0;
        while (i + 1 < floor.price.size() && weight / mass > floor.price[i].share)
        {
            ++i;
        }
        return floor.price[i].loss / static_cast<double>(top);
    };
    const auto reachable = [&](int32_t e) {
        return problem.devices[problem.expertDevice[e]].reachable;
    };
    // of top-k, what cannot be reached is lost anyway, and stays in the selection as QualityBound
    // leaves it there; where others may take its place it is no candidate
    double lostAnyway = 0;
    double massAnyway = 0;
    std::size_t kept = 0;
    m_found = m_options[0];
    auto& expert = m_found.selection.expert;
    std::size_t heard = 0;
    for (std::size_t i = 0; i < (others ? count : top); ++i)
    {
        const int32_t e = m_candidates[i];
        if (reachable(e))
        {
            m_candidates[heard++] = e;
        }
        else if (!others)
        {
            lostAnyway += lossOf(row[e]);
            massAnyway += row[e];
            ++kept;
        }
    }
    std::size_t size = std::min(heard, others ? floor.candidates : k);
    const std::size_t fixed = std::min({floor.minExperts, size, k});
    const std::size_t most = std::min(size, k - kept);
    if (size == 0 || CountSets(size, most, fixed) > SETS)
    {
        return false;
    }
    m_pairs.resize(problem.devices.size());
    m_experts.resize(problem.devices.size());
    const double limit = floor.maxTokenLoss * mass * ROUNDING;
    m_set.resize(fixed);
    std::iota(m_set.begin(), m_set.end(), 0);
    for (bool more = true; more;)
    {
        // this set
        double has = 0;
        double lost = lostAnyway;
        if (others)
        {
            for (const std::size_t i : m_set)
            {
                has += row[m_candidates[i]];
            }
            lost = std::max(0.0, 1 - has / mass);
            lost = lost < 1e-15 ? 0 : lost;
        }
        else
        {
            std::size_t next = 0;
            for (std::size_t i = 0; i < size; ++i)
            {
                if (next < m_set.size() && m_set[next] == i)
                {
                    has += row[m_candidates[i]];
                    ++next;
                }
                else
                {
                    lost += lossOf(row[m_candidates[i]]);
                }
            }
        }
        const bool keeps = mass - has <= limit && lost <= mostLost * ROUNDING;
        if (keeps && !m_set.empty())
        {
            std::fill(m_pairs.begin(), m_pairs.end(), 0);
            std::fill(m_experts.begin(), m_experts.end(), 0);
            m_expertPairs.assign(gate.experts, 0);
            std::size_t slot = 0;
            double sum = others ? has : has + massAnyway;
            std::fill(expert.begin(), expert.end(), -1);
            std::fill(m_found.selection.combine.begin(), m_found.selection.combine.end(), 0);
            for (const std::size_t i : m_set)
            {
                const int32_t e = m_candidates[i];
                m_pairs[problem.expertDevice[e]] += 1;
                m_experts[problem.expertDevice[e]] += 1;
                m_expertPairs[e] = 1;
                expert[slot++] = e;
            }
            if (!others && kept > 0)
            {
                const auto& all = m_options[0].selection.expert;
                for (const int32_t e : all)
                {
                    if (e >= 0 && !reachable(e))
                    {
                        expert[slot++] = e;
                    }
                }
                std::sort(expert.begin(), expert.begin() + slot, [row](int32_t a, int32_t b) {
                    return row[a] != row[b] ? row[a] > row[b] : a < b;
                });
            }
            for (std::size_t s = 0; s < slot; ++s)
            {
                m_found.selection.combine[s] = row[expert[s]] / sum;
            }
            m_found.latencyS = floor.model == BlockModel::SCHEDULE
                                   ? m_evaluator.LowerBound(problem, m_pairs, m_experts)
                                   : m_evaluator.StaticSplit(problem, m_expertPairs);
            m_found.lost = lost;
            m_found.gateMassKept = others ? std::min(1.0, has / mass) : (has / mass);
            Add(m_found);
        }
        // the next one: longer by what comes next, else the last one that can move on
        const std::size_t from = m_set.empty() ? 0 : std::max(m_set.back() + 1, fixed);
        if (m_set.size() < most && from < size)
        {
            m_set.push_back(from);
            continue;
        }
        more = false;
        while (m_set.size() > fixed)
        {
            if (++m_set.back() < size)
            {
                more = true;
                break;
            }
            m_set.pop_back();
        }
    }
    // the bound of each: the fastest of those that lose no more
    m_order.resize(m_points.size());
    std::iota(m_order.begin(), m_order.end(), 0);
    std::sort(m_order.begin(), m_order.end(), [this](std::size_t a, std::size_t b) {
        return m_points[a].lost < m_points[b].lost;
    });
    double fastest = std::numeric_limits<double>::infinity();
    for (const std::size_t i : m_order)
    {
        fastest = std::min(fastest, m_points[i].latencyS);
        m_options[i].lowerBoundS = fastest;
    }
    return true;
}

} // namespace wdmoe
