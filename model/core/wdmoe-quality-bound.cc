/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-quality-bound-impl.h"

#include <algorithm>

namespace wdmoe
{

using namespace bound;

std::string
QualityFloor::Check() const
{
    const auto refuse = [](const char* what, double value, const char* expected) {
        return std::string("QualityFloor: ") + what + " is " + Text(value) + ", expected " +
               expected;
    };
    if (!(maxLost >= 0 && (maxLost <= 1 || (!price.empty() && maxLost < INF))))
    {
        return refuse("maxLost", maxLost, "0 .. 1");
    }
    if (!(maxTokenLoss >= 0 && maxTokenLoss <= 1))
    {
        return refuse("maxTokenLoss", maxTokenLoss, "0 .. 1");
    }
    if (minExperts < 1)
    {
        return refuse("minExperts", 0, ">= 1");
    }
    if (!(relativeGap > 0 && relativeGap < 1))
    {
        return refuse("relativeGap", relativeGap, "between 0 and 1");
    }
    if (maxIterations < 1)
    {
        return refuse("maxIterations", maxIterations, ">= 1");
    }
    for (std::size_t i = 0; i < price.size(); ++i)
    {
        const bool first = i == 0;
        if (!(price[i].share > (first ? 0 : price[i - 1].share)) || !(price[i].share < INF) ||
            !(price[i].loss >= (first ? 0 : price[i - 1].loss)) || !(price[i].loss < INF))
        {
            return "QualityFloor: price[" + std::to_string(i) + "] is a loss of " +
                   Text(price[i].loss) + " up to a share of " + Text(price[i].share) +
                   ", expected shares > 0 that rise and losses >= 0 that do not fall";
        }
    }
    return "";
}

double
QualityBoundResult::Gap() const
{
    if (!(latencyS > 0))
    {
        return 0;
    }
    return latencyS < INF ? std::max(0.0, (latencyS - lowerBoundS) / latencyS) : 1;
}

/// The answer. @param gate the gate's answer @param k top-k
void
QualityBound::Impl::Conclude(const GateMatrix& gate, std::size_t k)
{
    Selection& selection = m_result.selection;
    double mass = m_massAnyway;
    for (std::size_t i = 0; i < m_pairs.size(); ++i)
    {
        if (m_dropped[i])
        {
            const uint32_t slot = m_pairs[i].slot;
            mass += gate.Row(slot / k)[selection.expert[slot]];
            selection.expert[slot] = -1;
        }
    }
    for (std::size_t i = 0; i < m_pairs.size(); ++i)
    {
        const std::size_t j = m_pairs[i].slot / k;
        if (m_dropped[i])
        {
            double sum = 0;
            for (std::size_t s = j * k; s < (j + 1) * k; ++s)
            {
                sum += selection.expert[s] >= 0 ? gate.Row(j)[selection.expert[s]] : 0;
            }
            for (std::size_t s = j * k; s < (j + 1) * k; ++s)
            {
                selection.combine[s] =
                    selection.expert[s] >= 0 ? gate.Row(j)[selection.expert[s]] / sum : 0;
            }
        }
    }
    std::fill(m_experts.begin(), m_experts.end(), 0);
    for (std::size_t e = 0; e < m_expertPairs.size(); ++e)
    {
        m_experts[m_problem->expertDevice[e]] += m_expertPairs[e] > 0;
    }
    m_result.latencyS = m_floor->model == BlockModel::SCHEDULE
                            ? m_evaluator.LowerBound(*m_problem, m_loads, m_experts)
                            : m_evaluator.StaticSplit(*m_problem, m_expertPairs);
    m_result.lowerBoundS = std::min(m_lower, m_result.latencyS);
    m_result.lost = m_lost;
    m_result.gateMassKept = 1 - mass / m_mass;
    m_result.priceSPerLost = m_price > 0 ? 1 / m_price : 0;
    m_result.weight.assign(2 * m_problem->cells.size(), 0);
    for (std::size_t c = 0; c < m_problem->cells.size(); ++c)
    {
        const std::size_t behind =
            c + 1 < m_cellMachine.size() ? m_cellMachine[c + 1] : m_weight.size();
        for (std::size_t m = m_cellMachine[c]; m < behind; ++m)
        {
            m_result.weight[2 * c + m - m_cellMachine[c]] = m_weight[m];
        }
    }
}

const QualityBoundResult&
QualityBound::Impl::Solve(const GateMatrix& gate,
                          std::size_t k,
                          const BlockProblem& problem,
                          const QualityFloor& floor)
{
    m_problem = &problem;
    m_floor = &floor;
    m_result.status = QualityStatus::SOLVED;
    m_result.message.clear();
    m_result.latencyS = 0;
    m_result.lowerBoundS = 0;
    m_result.lost = 0;
    m_result.gateMassKept = 1;
    m_result.priceSPerLost = 0;
    m_result.iterations = 0;
    if (!Load(gate, k))
    {
        m_result.selection.tokens = 0;
        m_result.selection.expert.clear();
        m_result.selection.combine.clear();
        return m_result;
    }
    if (m_lostAnyway > m_maxLost)
    {
        m_result.status = QualityStatus::FLOOR_NOT_MET;
        m_result.message = "QualityBound: devices that are not reachable lose " +
                           Text(m_lostAnyway) + ", more than maxLost, " + Text(floor.maxLost) +
                           ": that is the least loss that can be reached";
    }
    Sort();
    Relax();
    Round();
    Conclude(gate, k);
    if (floor.candidates > k)
    {
        m_candidates.Improve(gate, k, problem, floor, m_result);
    }
    return m_result;
}

QualityBound::QualityBound()
    : m_impl(std::make_unique<Impl>())
{
}

QualityBound::~QualityBound() = default;

const QualityBoundResult&
QualityBound::Solve(const GateMatrix& gate,
                    std::size_t k,
                    const BlockProblem& problem,
                    const QualityFloor& floor)
{
    return m_impl->Solve(gate, k, problem, floor);
}

void
QualityBound::Reset()
{
    m_impl->Reset();
}

} // namespace wdmoe
