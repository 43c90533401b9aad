/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-joint.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace wdmoe
{

Alternation::Alternation(uint32_t maxRounds, double improvement)
    : m_maxRounds(maxRounds),
      m_improvement(improvement)
{
}

bool
Alternation::Take(double latencyS)
{
    if (!GoesOn() || (m_rounds > 0 && !(latencyS < m_latencyS * (1 - m_improvement))))
    {
        m_ended = true;
        return false;
    }
    ++m_rounds;
    m_latencyS = latencyS;
    return true;
}

bool
Alternation::GoesOn() const
{
    return !m_ended && m_rounds < m_maxRounds;
}

uint32_t
Alternation::Rounds() const
{
    return m_rounds;
}

double
Alternation::LatencyS() const
{
    return m_latencyS;
}

std::string
JointParam::Check() const
{
    if (maxRounds < 1)
    {
        return "JointParam: maxRounds is 0, expected at least 1";
    }
    if (!(improvement >= 0 && improvement < 1))
    {
        return "JointParam: improvement is " + std::to_string(improvement) + ", expected in [0, 1)";
    }
    try
    {
        plan.Check();
    }
    catch (const std::invalid_argument& e)
    {
        return e.what();
    }
    return "";
}

double
JointResult::Gap() const
{
    if (!(latencyS > 0))
    {
        return 0;
    }
    return std::isfinite(latencyS) ? std::max(0.0, (latencyS - lowerBoundS) / latencyS) : 1;
}

double
Joint::Latency(const BlockProblem& problem, const Selection& selection, const JointParam& param)
{
    std::fill(m_expertPairs.begin(), m_expertPairs.end(), 0);
    for (const int32_t e : selection.expert)
    {
        if (e >= 0)
        {
            ++m_expertPairs.at(e);
        }
    }
    return param.model == BlockModel::SCHEDULE
               ? m_evaluator.Schedule(problem, m_expertPairs, param.plan)
               : m_evaluator.StaticSplit(problem, m_expertPairs);
}

bool
Joint::Start(const GateMatrix& gate,
             std::size_t k,
             const BlockProblem& problem,
             const JointParam& param)
{
    m_result.status = QualityStatus::INVALID;
    m_result.latencyS = m_result.lowerBoundS = 0;
    m_result.gateMassKept = 1;
    m_result.rounds = 0;
    m_result.latencyByRoundS.clear();
    m_result.selection.expert.clear();
    m_result.selection.combine.clear();
    m_result.selection.tokens = 0;
    m_result.message = param.Check();
    if (m_result.message.empty())
    {
        m_result.message = problem.Check();
    }
    if (m_result.message.empty() && gate.experts != problem.expertDevice.size())
    {
        m_result.message = "Joint: the gate has " + std::to_string(gate.experts) +
                           " experts, expected one for each of the " +
                           std::to_string(problem.expertDevice.size()) + " of the problem";
    }
    if (m_result.message.empty())
    {
        try
        {
            SelectTopK(gate, k, m_result.selection);
        }
        catch (const std::invalid_argument& e)
        {
            m_result.message = e.what();
        }
    }
    m_expertPairs.resize(gate.experts);
    return m_result.message.empty();
}

const JointResult&
Joint::Alternate(const GateMatrix& gate,
                 std::size_t k,
                 const BlockProblem& problem,
                 const Selector& selector,
                 const JointParam& param)
{
    if (!Start(gate, k, problem, param))
    {
        return m_result;
    }
    double latency = Latency(problem, m_result.selection, param);
    m_costS.resize(gate.experts);
    for (Alternation alternation(param.maxRounds, param.improvement); alternation.GoesOn();)
    {
        for (std::size_t e = 0; e < gate.experts; ++e)
        {
            const uint32_t k2 = problem.expertDevice[e];
            const BlockDevice& d = problem.devices[k2];
            const BlockCell& cell = problem.cells[d.cell];
            uint32_t pairs = 0;
            for (std::size_t other = 0; other < gate.experts; ++other)
            {
                pairs += problem.expertDevice[other] == k2 ? m_expertPairs[other] : 0;
            }
            const double n = std::max<double>(pairs, 1);
            const double fixedS = d.downlinkFixedS + d.uplinkRequestS + d.uplinkFixedS;
            const auto seconds = [](double bits, double rate) {
                return bits > 0 ? bits / rate : 0;
            };
            const double aloneS = seconds(d.downlinkPairBits, d.downlinkLaw.Rate(cell.downlinkHz)) +
                                  seconds(d.uplinkPairBits, d.uplinkLaw.Rate(cell.UplinkHz())) +
                                  d.ComputeS(n, 1) / n;
            m_costS[e] = param.model == BlockModel::SCHEDULE
                             ? aloneS
                             : std::max(aloneS, pairs > 0 ? (latency - fixedS) / n : 0);
            // one that is not reachable has no cost that could be a number
            m_costS[e] = std::isfinite(m_costS[e]) ? m_costS[e] : 1e9;
        }
        Selection next;
        try
        {
            next = selector(m_costS);
            KeptGateMass(gate, next, k); // checks it
        }
        catch (const std::exception& e)
        {
            m_result.message = std::string("Joint: the selector: ") + e.what();
            return m_result;
        }
        const auto before = m_expertPairs;
        const double found = Latency(problem, next, param);
        if (!alternation.Take(found))
        {
            m_expertPairs = before;
            break;
        }
        latency = found;
        m_result.selection = std::move(next);
        m_result.latencyByRoundS.push_back(latency);
        m_result.rounds = alternation.Rounds();
    }
    m_result.status = QualityStatus::SOLVED;
    m_result.latencyS = latency;
    m_result.gateMassKept = KeptGateMass(gate, m_result.selection, k);
    if (param.certify)
    {
        double mass = m_result.gateMassKept;
        // what is on devices that are not reachable does not count as kept
        Selection reached = m_result.selection;
        bool any = false;
        for (auto& e : reached.expert)
        {
            const bool lost = e >= 0 && !problem.devices[problem.expertDevice[e]].reachable;
            any = any || lost;
            e = lost ? -1 : e;
        }
        mass = any ? KeptGateMass(gate, reached, k) : mass;
        m_result.lowerBoundS =
            std::min(Certify(gate, k, problem, mass, param.model), m_result.latencyS);
    }
    return m_result;
}

const JointResult&
Joint::Direct(const GateMatrix& gate,
              std::size_t k,
              const BlockProblem& problem,
              const QualityFloor& floor,
              const JointParam& param)
{
    if (!Start(gate, k, problem, param))
    {
        return m_result;
    }
    QualityFloor wanted = floor;
    wanted.model = param.model;
    const auto& found = m_bound.Solve(gate, k, problem, wanted);
    m_result.status = found.status;
    m_result.message = found.message;
    if (found.status == QualityStatus::INVALID)
    {
        return m_result;
    }
    m_result.selection = found.selection;
    m_result.gateMassKept = found.gateMassKept;
    m_result.latencyS = Latency(problem, found.selection, param);
    m_result.latencyByRoundS.assign(1, m_result.latencyS);
    m_result.rounds = 1;
    m_result.lowerBoundS = std::min(found.lowerBoundS, m_result.latencyS);
    return m_result;
}

double
Joint::Certify(const GateMatrix& gate,
               std::size_t k,
               const BlockProblem& problem,
               double gateMassKept,
               BlockModel model)
{
    QualityFloor floor;
    floor.model = model;
    // rounding of a share must not make the floor one that the selection itself does not keep
    floor.maxLost = std::clamp(1 - gateMassKept + 1e-9, 0.0, 1.0);
    floor.maxTokenLoss = 1;
    floor.restore = false;
    const auto& found = m_certifier.Solve(gate, k, problem, floor);
    return found.status == QualityStatus::INVALID ? std::numeric_limits<double>::quiet_NaN()
                                                  : found.lowerBoundS;
}

} // namespace wdmoe
