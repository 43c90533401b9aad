/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-least-energy.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace wdmoe
{

namespace
{

/// @param value any @return as text
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/// @return what is wrong with the powers and the deadline; empty if nothing is
std::string
Complaint(const LeastEnergyProblem& problem)
{
    const auto bad = [](double v) { return !(v >= 0) || std::isinf(v); };
    const auto size = problem.block.downlinkBits.size();
    const std::pair<const char*, const std::vector<double>*> powers[] = {
        {"transmitW", &problem.transmitW},
        {"receiveW", &problem.receiveW}};
    for (const auto& [name, power] : powers)
    {
        if (power->size() != size)
        {
            return std::string(name) + " has " + std::to_string(power->size()) +
                   " entries, expected " + std::to_string(size) + " as downlinkBits has";
        }
        for (std::size_t k = 0; k < size; ++k)
        {
            if (bad((*power)[k]))
            {
                return std::string(name) + "[" + std::to_string(k) + "] is " + Text((*power)[k]) +
                       ", expected a finite power >= 0 W";
            }
        }
    }
    if (bad(problem.baseStationW))
    {
        return "baseStationW is " + Text(problem.baseStationW) + ", expected a finite power >= 0 W";
    }
    if (bad(problem.deadlineS) || problem.deadlineS == 0)
    {
        return "deadlineS is " + Text(problem.deadlineS) + ", expected a finite time > 0 s";
    }
    return "";
}

} // namespace

double
LeastEnergyResult::Gap() const
{
    return energyJ > 0 ? std::max(0.0, (energyJ - lowerBoundJ) / energyJ) : 0;
}

const LeastEnergyResult&
LeastEnergySolver::Solve(const LeastEnergyProblem& problem, const WeightedTimesParam& param)
{
    auto& r = m_result;
    r = LeastEnergyResult();
    const auto& block = problem.block;
    const auto fastest = AllocateMinMax(block);
    if (fastest.status == AllocationStatus::INVALID ||
        fastest.status == AllocationStatus::INFEASIBLE)
    {
        r.status = fastest.status;
        r.message = fastest.message;
        return r;
    }
    r.message = Complaint(problem);
    if (!r.message.empty())
    {
        return r;
    }
    r.leastDeadlineS = fastest.timeS;
    if (problem.deadlineS < fastest.timeS * (1 - 1e-12))
    {
        r.status = AllocationStatus::INFEASIBLE;
        r.message = "deadlineS is " + Text(problem.deadlineS) +
                    " s, but no split of the bandwidth ends the block before " +
                    Text(fastest.timeS) + " s";
        return r;
    }
    const auto size = block.downlinkBits.size();
    auto& p = m_problem;
    p.parts.assign(size, TimedPart());
    for (std::size_t k = 0; k < size; ++k)
    {
        auto& part = p.parts[k];
        part.downlinkBits = block.downlinkBits[k];
        part.uplinkBits = block.uplinkBits[k];
        part.constantS = block.computeS[k];
        part.downlinkLaw = block.downlinkLaw[k];
        part.uplinkLaw = block.uplinkLaw[k];
        const bool density = block.downlinkLaw[k].kind == RateLaw::LINEAR;
        part.downlinkCost = problem.receiveW[k] + (density ? 0 : problem.baseStationW);
        part.uplinkCost = problem.transmitW[k];
    }
    p.deadline = true;
    p.deadlineS = std::max(problem.deadlineS, fastest.timeS);
    p.downlinkHz = block.downlinkHz;
    p.uplinkHz = block.uplinkHz;
    p.coupled = block.coupled;
    p.startDownlinkHz = fastest.downlinkHz;
    p.startUplinkHz = fastest.uplinkHz;
    if (!(p.deadlineS > 0))
    {
        p.deadlineS = 1; // nothing to do
    }
    const auto& split = m_solver.Solve(p, param);
    r.status = split.status;
    r.message = split.message;
    r.residual = split.residual;
    r.iterations = split.iterations;
    if (r.status == AllocationStatus::INVALID || r.status == AllocationStatus::INFEASIBLE)
    {
        return r;
    }
    r.downlinkHz = split.downlinkHz;
    r.uplinkHz = split.uplinkHz;
    r.timeS = split.groupS[0];
    double constantJ = 0;
    for (std::size_t k = 0; k < size; ++k)
    {
        const auto& part = p.parts[k];
        const double d =
            part.downlinkBits > 0 ? part.downlinkBits / part.downlinkLaw.Rate(r.downlinkHz[k]) : 0;
        const double u =
            part.uplinkBits > 0 ? part.uplinkBits / part.uplinkLaw.Rate(r.uplinkHz[k]) : 0;
        r.transmitJ += problem.transmitW[k] * u;
        r.receiveJ += problem.receiveW[k] * d;
        const bool density = part.downlinkLaw.kind == RateLaw::LINEAR;
        const double share = density && d > 0 ? r.downlinkHz[k] / block.downlinkHz : 1;
        const double sent = problem.baseStationW * share * d;
        r.baseStationJ += sent;
        constantJ += density ? sent : 0;
    }
    r.energyJ = r.transmitJ + r.receiveJ + r.baseStationJ;
    r.lowerBoundJ = std::min(split.lowerBound + constantJ, r.energyJ);
    return r;
}

} // namespace wdmoe
