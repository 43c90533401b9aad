/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-latency-sum.h"

namespace wdmoe
{

const WeightedTimesResult&
LatencySumSolver::Solve(const LatencySumProblem& problem, const WeightedTimesParam& param)
{
    m_problem.parts.clear();
    for (const auto& entry : problem.entries)
    {
        TimedPart part;
        part.group = entry.block;
        part.downlinkBits = entry.downlinkBits;
        part.uplinkBits = entry.uplinkBits;
        part.constantS = entry.constantS;
        part.downlinkLaw = entry.downlinkLaw;
        part.uplinkLaw = entry.uplinkLaw;
        m_problem.parts.push_back(part);
    }
    m_problem.weight = problem.blockWeight;
    m_problem.downlinkHz = problem.downlinkHz;
    m_problem.uplinkHz = problem.uplinkHz;
    m_problem.coupled = problem.coupled;
    return m_solver.Solve(m_problem, param);
}

} // namespace wdmoe
