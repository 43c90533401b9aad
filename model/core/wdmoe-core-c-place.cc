/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-core-c-place.h"

#include "wdmoe-core-c-guard.h"
#include "wdmoe-placement.h"

#include <algorithm>
#include <limits>

using namespace wdmoe;

namespace
{

/// @return the numbers; none if the array is null. @param array may be null @param count of them
std::vector<double>
Numbers(const double* array, std::size_t count)
{
    return array ? std::vector<double>(array, array + count) : std::vector<double>();
}

/// @return who holds what. @param p of the C interface, with a current placement
Placement
Current(const wdmoe_core_placement_problem& p)
{
    Placement placement(p.blocks, std::vector<std::vector<uint32_t>>(p.experts));
    const int32_t* at = p.current;
    for (auto& block : placement)
    {
        for (auto& holders : block)
        {
            for (std::size_t i = 0; i < p.held; ++i, ++at)
            {
                if (*at >= 0)
                {
                    holders.push_back(static_cast<uint32_t>(*at));
                }
            }
        }
    }
    return placement;
}

/// @return the same problem. @param p of the C interface
PlacementProblem
FromC(const wdmoe_core_placement_problem& p)
{
    RequireArray(p.load, "load");
    RequireArray(p.memory_bytes, "memoryBytes");
    RequireArray(p.pair_s, "pairS");
    RequireArray(p.expert_s, "expertS");
    RequireArray(p.fixed_s, "fixedS");
    RequireArray(p.move_s, "moveS");
    PlacementProblem problem;
    problem.blocks = static_cast<uint32_t>(p.blocks);
    problem.experts = static_cast<uint32_t>(p.experts);
    problem.load = Numbers(p.load, p.passes * p.blocks * p.experts);
    problem.weight = Numbers(p.weight, p.passes);
    problem.airS = Numbers(p.air_s, p.media * p.devices);
    for (std::size_t k = 0; k < p.devices; ++k)
    {
        problem.devices.push_back(
            {p.memory_bytes[k], p.pair_s[k], p.expert_s[k], p.fixed_s[k], p.move_s[k]});
    }
    if (problem.weight.empty())
    {
        problem.weight.assign(p.passes, 1);
    }
    if (p.current)
    {
        problem.current = Current(p);
    }
    problem.expertBytes = p.expert_bytes;
    problem.maxHolders = p.max_holders;
    problem.moveWeight = p.move_weight;
    return problem;
}

} // namespace

int
wdmoe_core_place(const wdmoe_core_placement_problem* problem,
                 wdmoe_core_placement* result,
                 char* message,
                 size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        RequireArray(problem, "problem");
        RequireArray(result, "result");
        RequireArray(result->holders, "result holders");
        const PlacementProblem p = FromC(*problem);
        PlacementParam param;
        param.maxNodes = problem->max_nodes;
        param.maxRounds = problem->max_rounds;
        param.maxIterations = problem->max_iterations;
        param.seed = problem->seed;
        PlacementSolver solver;
        const PlacementResult& r = solver.Solve(p, param);
        if (r.status == PlacementStatus::INVALID)
        {
            throw std::invalid_argument(r.message);
        }
        const bool placed = r.status != PlacementStatus::INFEASIBLE;
        const double none = std::numeric_limits<double>::infinity();
        const std::size_t width = problem->max_holders;
        std::fill_n(result->holders, problem->blocks * problem->experts * width, -1);
        int32_t* to = result->holders;
        for (std::size_t i = 0; placed && i < problem->blocks; ++i)
        {
            for (std::size_t e = 0; e < problem->experts; ++e, to += width)
            {
                const auto& holders = r.placement[i][e];
                std::copy_n(holders.begin(), std::min(width, holders.size()), to);
            }
        }
        result->status = !placed ? 2 : r.status == PlacementStatus::OPTIMAL ? 0 : 1;
        result->objective_s = placed ? r.objectiveS : none;
        result->latency_s = placed ? r.latencyS : none;
        result->lower_bound_s = placed ? r.lowerBoundS : none;
        result->gap = placed ? r.gap : 0;
        result->moves = r.moves;
        result->nodes = r.nodes;
        result->missing_bytes = r.missingBytes;
        HandOut(r.message, message, messageSize);
    });
}
