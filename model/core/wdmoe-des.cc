/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-des.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace wdmoe
{

namespace
{

/// Relative: masses and costs this near count as equal
constexpr double NEAR = 1e-12;

/// Steps to the maximum of the Lagrangian; it takes fewer than ten
constexpr int MOST_STEPS = 100;

} // namespace

const char*
SearchStatusName(SearchStatus status)
{
    switch (status)
    {
    case SearchStatus::OPTIMAL:
        return "optimal";
    case SearchStatus::INFEASIBLE:
        return "infeasible";
    case SearchStatus::NODE_LIMIT:
        return "node limit";
    case SearchStatus::TIME_LIMIT:
        return "time limit";
    }
    return "";
}

void
DesParam::Check() const
{
    RequireSetting(floor >= 0 && floor <= 1, "DesParam: floor", floor, "0 .. 1");
    RequireSetting(nodeLimit >= 1,
                   "DesParam: nodeLimit",
                   static_cast<double>(nodeLimit),
                   "a whole number >= 1");
    RequireSetting(timeLimitS >= 0 && std::isfinite(timeLimitS),
                   "DesParam: timeLimitS",
                   timeLimitS,
                   "s >= 0, 0 for none");
}

bool
DesSolver::IsLate()
{
    if (m_timed && !m_late && m_looks++ % 256 == 0)
    {
        m_late = std::chrono::steady_clock::now() >= m_end;
    }
    return m_late;
}

double
DesSolver::Gather(const double* row)
{
    // m_heaviest: falling, of all experts no dearer than those looked at
    m_items.clear();
    m_heaviest.clear();
    std::size_t start = 0;
    for (const auto end : m_groups)
    {
        for (std::size_t i = start; i < end; ++i)
        {
            const double w = row[m_order[i]];
            if (w > 0 && (m_heaviest.size() < m_most || w > m_heaviest.back()))
            {
                if (m_heaviest.size() < m_most)
                {
                    m_heaviest.push_back(w);
                }
                std::size_t at = m_heaviest.size() - 1;
                for (; at > 0 && w > m_heaviest[at - 1]; --at)
                {
                    m_heaviest[at] = m_heaviest[at - 1];
                }
                m_heaviest[at] = w;
            }
        }
        const double least = m_heaviest.size() < m_most ? std::numeric_limits<double>::denorm_min()
                                                        : m_heaviest.back();
        for (std::size_t i = start; i < end; ++i)
        {
            const auto e = m_order[i];
            const double w = row[e];
            if (w >= least)
            {
                std::size_t at = m_items.size();
                m_items.push_back({w, m_cost[e], 0, e});
                for (; at > 0 && w > m_items[at - 1].weight; --at)
                {
                    m_items[at] = m_items[at - 1];
                }
                m_items[at] = {w, m_cost[e], 0, e};
            }
        }
        start = end;
    }
    double mass = 0;
    for (const double w : m_heaviest)
    {
        mass += w;
    }
    return mass;
}

void
DesSolver::LeastReduced(double multiplier)
{
    m_trial.clear();
    for (std::size_t i = 0; i < m_items.size(); ++i)
    {
        auto& item = m_items[i];
        item.reduced = item.cost - multiplier * item.weight;
        if (item.reduced < 0 &&
            (m_trial.size() < m_most || item.reduced < m_items[m_trial.back()].reduced))
        {
            if (m_trial.size() == m_most)
            {
                m_trial.pop_back();
            }
            std::size_t at = m_trial.size();
            m_trial.push_back(i);
            for (; at > 0 && item.reduced < m_items[m_trial[at - 1]].reduced; --at)
            {
                m_trial[at] = m_trial[at - 1];
            }
            m_trial[at] = i;
        }
    }
}

double
DesSolver::Relax(double need)
{
    // The Lagrangian is the least of lines value + slope l, one for each set: what the set costs,
    // and what it lacks. Its maximum lies between the empty set and one that lacks nothing.
    double leftValue = 0;
    double leftSlope = need;
    double rightValue = 0;
    double rightSlope = need;
    m_best.clear();
    for (std::size_t i = 0; rightSlope > 0 && i < m_items.size(); ++i)
    {
        rightValue += m_items[i].cost;
        rightSlope -= m_items[i].weight;
        m_best.push_back(m_items[i].expert);
    }
    m_bestCost = rightValue;
    double bound = 0;
    for (int step = 0; step < MOST_STEPS; ++step)
    {
        m_multiplier = (rightValue - leftValue) / (leftSlope - rightSlope);
        const double top = leftValue + leftSlope * m_multiplier;
        LeastReduced(m_multiplier);
        double value = 0;
        double slope = need;
        for (const auto i : m_trial)
        {
            value += m_items[i].cost;
            slope -= m_items[i].weight;
        }
        bound = std::max(bound, value + slope * m_multiplier);
        if (slope <= 0 && value < m_bestCost)
        {
            m_bestCost = value;
            m_best.clear();
            for (const auto i : m_trial)
            {
                m_best.push_back(m_items[i].expert);
            }
        }
        if (value + slope * m_multiplier >= top * (1 - NEAR))
        {
            break;
        }
        (slope > 0 ? leftValue : rightValue) = value;
        (slope > 0 ? leftSlope : rightSlope) = slope;
    }
    m_price = m_trial.size() == m_most ? -m_items[m_trial.back()].reduced : 0;
    return bound;
}

bool
DesSolver::Search(std::size_t first, double need, std::size_t left, double cost)
{
    const auto size = m_live.size() - 1; // the last one only holds a prefix
    for (std::size_t i = first; i < size; ++i)
    {
        if (m_nodes++ == m_limit || IsLate())
        {
            return false;
        }
        const auto& item = m_live[i];
        const double heaviest =
            (i + left < size ? m_live[i + left].prefix : m_live[size].prefix) - item.prefix;
        if (heaviest < need - 1e-15 ||
            cost + m_multiplier * need - m_price * static_cast<double>(left) + item.tail >=
                m_bestCost * (1 - NEAR))
        {
            return true;
        }
        const double with = cost + item.cost;
        if (with >= m_bestCost * (1 - NEAR))
        {
            continue;
        }
        m_path.push_back(i);
        if (item.weight >= need)
        {
            m_bestCost = with;
            m_best.clear();
            for (const auto p : m_path)
            {
                m_best.push_back(m_live[p].expert);
            }
        }
        else if (left > 1 && !Search(i + 1, need - item.weight, left - 1, with))
        {
            return false;
        }
        m_path.pop_back();
    }
    return true;
}

void
DesSolver::Polish()
{
    const auto has = [this](int32_t e) {
        return std::find(m_best.begin(), m_best.end(), e) != m_best.end();
    };
    for (auto& e : m_best)
    {
        // items fall in weight: the first of the same cost that is free is the heaviest
        for (const auto& item : m_items)
        {
            if (item.expert == e)
            {
                break;
            }
            if (item.cost == m_cost[e] && !has(item.expert))
            {
                e = item.expert;
                break;
            }
        }
    }
    for (const auto& item : m_items)
    {
        if (m_best.size() < m_most && item.cost == 0 && !has(item.expert))
        {
            m_best.push_back(item.expert);
        }
    }
}

void
DesSolver::Write(std::size_t token, const double* row)
{
    int32_t* expert = &m_result.selection.expert[token * m_most];
    double* combine = &m_result.selection.combine[token * m_most];
    double sum = 0;
    for (std::size_t s = 0; s < m_best.size(); ++s)
    {
        const auto e = m_best[s];
        std::size_t at = s;
        for (; at > 0 && (row[e] > row[expert[at - 1]] ||
                          (row[e] == row[expert[at - 1]] && e < expert[at - 1]));
             --at)
        {
            expert[at] = expert[at - 1];
        }
        expert[at] = e;
        sum += row[e];
    }
    for (std::size_t s = 0; s < m_best.size(); ++s)
    {
        combine[s] = row[expert[s]] / sum;
    }
}

const DesResult&
DesSolver::Solve(const GateMatrix& gate,
                 std::size_t k,
                 const std::vector<double>& cost,
                 const DesParam& param)
{
    param.Check();
    CheckSelectorGate("SelectDes", gate, k);
    CheckExpertValues("SelectDes", "cost", cost, gate.experts);
    m_most = param.maxExperts == 0 ? k : std::min(param.maxExperts, gate.experts);
    m_limit = param.nodeLimit;
    m_timed = param.timeLimitS > 0;
    m_late = false;
    m_looks = 0;
    if (m_timed)
    {
        m_end = std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                    std::chrono::duration<double>(std::min(param.timeLimitS, 1e9)));
    }

    // what all tokens have in common: the order of the experts by cost
    m_cost = cost;
    m_order.resize(gate.experts);
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        m_order[e] = static_cast<int32_t>(e);
    }
    std::sort(m_order.begin(), m_order.end(), [this](int32_t a, int32_t b) {
        return m_cost[a] != m_cost[b] ? m_cost[a] < m_cost[b] : a < b;
    });
    m_groups.clear();
    for (std::size_t i = 1; i < gate.experts; ++i)
    {
        if (m_cost[m_order[i]] != m_cost[m_order[i - 1]])
        {
            m_groups.push_back(i);
        }
    }
    m_groups.push_back(gate.experts);
    m_ties = m_groups.size() < gate.experts || m_cost[m_order[0]] == 0;
    m_topK.resize(k);
    m_items.reserve(gate.experts);
    m_live.reserve(gate.experts + 1);
    m_best.reserve(m_most);
    m_path.reserve(m_most);
    m_trial.reserve(m_most);
    m_heaviest.reserve(m_most);

    DesResult& r = m_result;
    r.selection.tokens = gate.tokens;
    r.selection.slots = m_most;
    r.selection.expert.assign(gate.tokens * m_most, -1);
    r.selection.combine.assign(gate.tokens * m_most, 0);
    r.nodes = 0;
    r.infeasible = 0;
    r.unproven = 0;
    r.cost = 0;
    r.lowerBound = 0;
    r.worstGap = 0;
    r.reachable = 1;
    r.message.clear();
    std::size_t worst = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        const double most = Gather(row);
        double base = 1;
        if (param.relative)
        {
            base = most;
            if (m_most != k)
            {
                base = 0;
                const auto found = TopKOfRow(row, gate.experts, k, m_topK.data());
                for (std::size_t s = 0; s < found; ++s)
                {
                    base += row[m_topK[s]];
                }
            }
        }
        // no expert at all is no answer, whatever the floor
        const double need =
            std::max(param.floor * base * (1 - NEAR), std::numeric_limits<double>::min());
        if (most / base < r.reachable)
        {
            r.reachable = most / base;
            worst = j;
        }
        double bound = 0;
        m_nodes = 0;
        bool proven = true;
        if (most < need)
        {
            r.infeasible++;
            m_best.clear();
            m_bestCost = 0;
            for (std::size_t i = 0; i < std::min(m_most, m_items.size()); ++i)
            {
                m_best.push_back(m_items[i].expert);
                m_bestCost += m_items[i].cost;
            }
            bound = m_bestCost;
        }
        else
        {
            bound = Relax(need);
            const double gap = m_bestCost - bound;
            if (gap > NEAR * m_bestCost)
            {
                // the rest: what could still make a difference, and what it may be worth
                m_live.clear();
                double prefix = 0;
                for (const auto& item : m_items)
                {
                    if (item.reduced + m_price <= gap)
                    {
                        m_live.push_back(
                            {item.weight, item.cost, item.reduced + m_price, prefix, item.expert});
                        prefix += item.weight;
                    }
                }
                double tail = 0;
                for (std::size_t i = m_live.size(); i-- > 0;)
                {
                    tail += std::min(0.0, m_live[i].tail);
                    m_live[i].tail = tail;
                }
                m_live.push_back({0, 0, 0, prefix, -1});
                m_path.clear();
                proven = Search(0, need, m_most, 0);
            }
        }
        if (proven)
        {
            bound = m_bestCost;
        }
        else
        {
            r.unproven++;
            r.worstGap = std::max(r.worstGap, (m_bestCost - bound) / m_bestCost);
        }
        r.nodes += m_nodes;
        r.cost += m_bestCost;
        r.lowerBound += bound;
        if (m_ties)
        {
            Polish();
        }
        Write(j, row);
    }
    r.status = m_late             ? SearchStatus::TIME_LIMIT
               : r.unproven > 0   ? SearchStatus::NODE_LIMIT
               : r.infeasible > 0 ? SearchStatus::INFEASIBLE
                                  : SearchStatus::OPTIMAL;
    if (r.infeasible > 0)
    {
        std::ostringstream text;
        text << "SelectDes: a floor of " << param.floor << (param.relative ? " of top-k's" : "")
             << " gate mass cannot be met by " << r.infeasible << " of " << gate.tokens
             << " tokens with at most " << m_most << " experts; the best reachable for all is "
             << r.reachable << " (token " << worst << ")";
        r.message = text.str();
    }
    return r;
}

const DesResult&
DesSolver::GetResult() const
{
    return m_result;
}

DesResult
SelectDes(const GateMatrix& gate,
          std::size_t k,
          const std::vector<double>& cost,
          const DesParam& param)
{
    DesSolver solver;
    return solver.Solve(gate, k, cost, param);
}

} // namespace wdmoe
