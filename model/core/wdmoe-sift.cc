/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-sift.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace wdmoe
{

namespace
{

/// Errors (absolute) and costs (relative) this near count as equal
constexpr double NEAR = 1e-12;

const double INF = std::numeric_limits<double>::infinity(); ///< infinite

/**
 * @param similarity E x E
 * @param experts E
 */
void
CheckSimilarity(const std::vector<double>& similarity, std::size_t experts)
{
    if (similarity.empty())
    {
        return;
    }
    if (similarity.size() != experts * experts)
    {
        throw std::invalid_argument("SelectSift: " + std::to_string(similarity.size()) +
                                    " similarities, expected experts x experts = " +
                                    std::to_string(experts * experts) + ", or none");
    }
    for (std::size_t i = 0; i < similarity.size(); ++i)
    {
        const bool self = i / experts == i % experts;
        const double s = similarity[i];
        if (!(s >= -1 && s <= 1) || (self && s != 1))
        {
            throw std::invalid_argument("SelectSift: the similarity of expert " +
                                        std::to_string(i % experts) + " to expert " +
                                        std::to_string(i / experts) + " is " + std::to_string(s) +
                                        (self ? ", expected 1" : ", expected -1 .. 1"));
        }
    }
}

} // namespace

void
SiftParam::Check() const
{
    RequireSetting(maxError >= 0 && maxError <= 1, "SiftParam: maxError", maxError, "0 .. 1");
    RequireSetting(nodeLimit >= 1,
                   "SiftParam: nodeLimit",
                   static_cast<double>(nodeLimit),
                   "a whole number >= 1");
    RequireSetting(timeLimitS >= 0 && std::isfinite(timeLimitS),
                   "SiftParam: timeLimitS",
                   timeLimitS,
                   "s >= 0, 0 for none");
}

double*
SiftSolver::Served(std::size_t depth)
{
    return &m_served[depth * m_k];
}

double
SiftSolver::Similar(std::size_t i, int32_t f) const
{
    if (m_similarity)
    {
        return m_similarity[static_cast<std::size_t>(m_topK[i]) * m_experts +
                            static_cast<std::size_t>(f)];
    }
    return m_topK[i] == f ? 1 : 0;
}

double
SiftSolver::Bound(std::size_t first, std::size_t depth, double missing, double most)
{
    if (missing <= NEAR)
    {
        return 0;
    }
    const double* served = Served(depth);
    m_offers.clear();
    std::copy(served, served + m_size, m_others.begin());
    double total = 0;
    for (std::size_t c = first; c < m_candidates.size(); ++c)
    {
        const auto& candidate = m_candidates[c];
        double gain = 0;
        for (std::size_t i = 0; i < m_size; ++i)
        {
            const double s = Similar(i, candidate.expert);
            gain += m_share[i] * std::max(0.0, s - served[i]);
            m_others[i] = m_topK[i] == candidate.expert ? m_others[i] : std::max(m_others[i], s);
        }
        if (gain > 0)
        {
            m_offers.push_back({candidate.cost / gain, gain, candidate.cost});
            total += gain;
        }
    }
    if (total < missing - NEAR)
    {
        return INF;
    }
    const double cost = Knapsack(missing, most);
    if (cost >= most || !m_similarity)
    {
        return cost;
    }
    // The other bound: all that others can do is done for nothing, and what is left to do only the
    // originals can.
    m_offers.clear();
    for (std::size_t i = 0; i < m_size; ++i)
    {
        missing -= m_share[i] * (m_others[i] - served[i]);
    }
    for (std::size_t c = first; c < m_candidates.size(); ++c)
    {
        const auto rank = m_candidates[c].rank;
        const double gain = rank < 0 ? 0 : m_share[rank] * (1 - m_others[rank]);
        if (gain > 0)
        {
            m_offers.push_back({m_candidates[c].cost / gain, gain, m_candidates[c].cost});
        }
    }
    return std::max(cost, missing > NEAR ? Knapsack(missing - NEAR, most) : 0);
}

double
SiftSolver::Knapsack(double missing, double most)
{
    // the best offers first, the last one in part; few are needed, so no sorting
    double cost = 0;
    while (missing > 0 && cost < most)
    {
        const auto best =
            std::min_element(m_offers.begin(), m_offers.end(), [](const auto& a, const auto& b) {
                return a.ratio < b.ratio;
            });
        if (best == m_offers.end())
        {
            return missing > NEAR ? INF : cost;
        }
        cost += best->gain <= missing ? best->cost : best->ratio * missing;
        missing -= best->gain;
        *best = m_offers.back();
        m_offers.pop_back();
    }
    return cost;
}

bool
SiftSolver::Search(std::size_t first, std::size_t depth, double error, double cost)
{
    for (std::size_t c = first; c < m_candidates.size(); ++c)
    {
        if (m_timed && !m_late && m_looks++ % 64 == 0)
        {
            m_late = std::chrono::steady_clock::now() >= m_end;
        }
        if (m_nodes++ == m_limit || m_late)
        {
            return false;
        }
        const double most = m_bestCost * (1 - NEAR) - cost;
        if (Bound(c, depth, error - m_maxError, most) >= most)
        {
            return true;
        }
        const auto& candidate = m_candidates[c];
        const double* served = Served(depth);
        double* next = Served(depth + 1);
        double left = 0;
        for (std::size_t i = 0; i < m_size; ++i)
        {
            next[i] = std::max(served[i], Similar(i, candidate.expert));
            left += m_share[i] * (1 - next[i]);
        }
        const double with = cost + candidate.cost;
        if (with >= m_bestCost * (1 - NEAR) || left >= error)
        {
            continue; // too dear, or of no use here
        }
        m_path.push_back(candidate.expert);
        if (left <= m_maxError + NEAR)
        {
            m_bestCost = with;
            m_best = m_path;
        }
        else if (depth + 1 < m_size && !Search(c + 1, depth + 1, left, with))
        {
            return false;
        }
        m_path.pop_back();
    }
    return true;
}

double
SiftSolver::Write(std::size_t token, const double* row, const std::vector<double>& cost)
{
    // who does whose work
    m_weight.assign(m_best.size(), 0);
    double error = 0;
    double sum = 0;
    for (std::size_t i = 0; i < m_size; ++i)
    {
        double most = 0;
        std::size_t by = m_best.size();
        for (std::size_t b = 0; b < m_best.size(); ++b)
        {
            const bool self = m_best[b] == m_topK[i];
            const double s = Similar(i, m_best[b]);
            if (self || (s > most && (by == m_best.size() || m_best[by] != m_topK[i])))
            {
                most = s;
                by = b;
            }
        }
        error += m_share[i] * (1 - most);
        if (by == m_best.size())
        {
            m_result.skipped++;
            continue;
        }
        m_result.replaced += m_best[by] != m_topK[i];
        m_weight[by] += row[m_topK[i]];
        sum += row[m_topK[i]];
    }
    m_result.worstError = std::max(m_result.worstError, error);
    int32_t* expert = &m_result.selection.expert[token * m_k];
    double* combine = &m_result.selection.combine[token * m_k];
    std::size_t size = 0;
    double total = 0;
    for (std::size_t b = 0; b < m_best.size(); ++b)
    {
        if (m_weight[b] <= 0)
        {
            continue; // has no work, which only a search cut short leaves behind
        }
        total += cost[static_cast<std::size_t>(m_best[b])];
        const double share = m_weight[b] / sum;
        std::size_t at = size++;
        for (; at > 0 && (share > combine[at - 1] ||
                          (share == combine[at - 1] && m_best[b] < expert[at - 1]));
             --at)
        {
            expert[at] = expert[at - 1];
            combine[at] = combine[at - 1];
        }
        expert[at] = m_best[b];
        combine[at] = share;
    }
    return total;
}

const SiftResult&
SiftSolver::Solve(const GateMatrix& gate,
                  std::size_t k,
                  const std::vector<double>& cost,
                  const std::vector<double>& similarity,
                  const SiftParam& param)
{
    param.Check();
    CheckSelectorGate("SelectSift", gate, k);
    CheckExpertValues("SelectSift", "cost", cost, gate.experts);
    CheckSimilarity(similarity, gate.experts);
    m_k = k;
    m_experts = gate.experts;
    m_similarity = similarity.empty() ? nullptr : similarity.data();
    m_maxError = param.maxError;
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
    m_topK.resize(k);
    m_share.resize(k);
    m_others.resize(k);
    m_served.resize((k + 1) * k);
    m_candidates.reserve(gate.experts);
    m_offers.reserve(gate.experts);
    m_path.reserve(k);
    m_best.reserve(k);
    m_weight.reserve(k);

    SiftResult& r = m_result;
    r.selection.tokens = gate.tokens;
    r.selection.slots = k;
    r.selection.expert.assign(gate.tokens * k, -1);
    r.selection.combine.assign(gate.tokens * k, 0);
    r.nodes = 0;
    r.unproven = 0;
    r.skipped = 0;
    r.replaced = 0;
    r.cost = 0;
    r.lowerBound = 0;
    r.worstGap = 0;
    r.worstError = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        m_size = TopKOfRow(row, gate.experts, k, m_topK.data());
        double mass = 0;
        for (std::size_t i = 0; i < m_size; ++i)
        {
            mass += row[m_topK[i]];
        }
        m_best.clear();
        m_bestCost = 0;
        for (std::size_t i = 0; i < m_size; ++i)
        {
            m_share[i] = row[m_topK[i]] / mass;
            m_best.push_back(m_topK[i]);
            m_bestCost += cost[m_topK[i]];
            Served(0)[i] = 0;
        }
        // others than the token's own are candidates only where they are similar to one of them
        m_candidates.clear();
        for (std::size_t i = 0; i < m_size && !m_similarity; ++i)
        {
            m_candidates.push_back({cost[m_topK[i]], m_share[i], m_topK[i], static_cast<int>(i)});
        }
        for (std::size_t f = 0; f < gate.experts && m_similarity; ++f)
        {
            const auto expert = static_cast<int32_t>(f);
            double gain = 0;
            int rank = -1;
            for (std::size_t i = 0; i < m_size; ++i)
            {
                gain += m_share[i] * std::max(0.0, Similar(i, expert));
                rank = m_topK[i] == expert ? static_cast<int>(i) : rank;
            }
            if (gain > 0 && cost[f] < m_bestCost)
            {
                m_candidates.push_back({cost[f], gain, expert, rank});
            }
        }
        std::sort(m_candidates.begin(),
                  m_candidates.end(),
                  [](const Candidate& a, const Candidate& b) {
                      const double left = a.cost * b.gain;
                      const double right = b.cost * a.gain;
                      return left != right      ? left < right
                             : a.gain != b.gain ? a.gain > b.gain
                                                : a.expert < b.expert;
                  });
        m_nodes = 0;
        m_path.clear();
        const double bound = Bound(0, 0, 1 - m_maxError, INF);
        if (Search(0, 0, 1, 0))
        {
            r.lowerBound += m_bestCost;
        }
        else
        {
            r.unproven++;
            r.lowerBound += std::min(bound, m_bestCost);
            r.worstGap = std::max(r.worstGap, (m_bestCost - bound) / m_bestCost);
        }
        r.nodes += m_nodes;
        for (std::size_t i = 0; i < m_size; ++i)
        {
            if (cost[m_topK[i]] == 0 && m_best.size() < k &&
                std::find(m_best.begin(), m_best.end(), m_topK[i]) == m_best.end())
            {
                m_best.push_back(m_topK[i]);
            }
        }
        r.cost += Write(j, row, cost);
    }
    r.status = m_late           ? SearchStatus::TIME_LIMIT
               : r.unproven > 0 ? SearchStatus::NODE_LIMIT
                                : SearchStatus::OPTIMAL;
    return r;
}

const SiftResult&
SiftSolver::GetResult() const
{
    return m_result;
}

SiftResult
SelectSift(const GateMatrix& gate,
           std::size_t k,
           const std::vector<double>& cost,
           const std::vector<double>& similarity,
           const SiftParam& param)
{
    SiftSolver solver;
    return solver.Solve(gate, k, cost, similarity, param);
}

} // namespace wdmoe
