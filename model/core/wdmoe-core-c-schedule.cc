/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-core-c-guard.h"
#include "wdmoe-core-c.h"
#include "wdmoe-flow-shop.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace wdmoe;

namespace
{

/// @return the same problem. @param p of the C interface
ShopProblem
FromC(const wdmoe_core_shop_problem& p)
{
    ShopProblem problem;
    if (p.devices > 0)
    {
        RequireArray(p.device, "device");
    }
    if (p.tasks > 0)
    {
        RequireArray(p.task, "task");
        RequireArray(p.cut_pieces, "cutPieces");
        RequireArray(p.piece, "piece");
    }
    if (p.blocks > 0)
    {
        RequireArray(p.block_weight, "blockWeight");
    }
    for (std::size_t k = 0; k < p.devices; ++k)
    {
        const auto& d = p.device[k];
        problem.devices.push_back({wdmoe::FromC(d.downlink_law),
                                   wdmoe::FromC(d.uplink_law),
                                   d.downlink_fixed_s,
                                   d.uplink_request_s,
                                   d.uplink_fixed_s,
                                   d.busy_s});
    }
    std::size_t cut = 0;
    const auto* piece = p.piece;
    for (std::size_t i = 0; i < p.tasks; ++i)
    {
        const auto& t = p.task[i];
        ShopTask task;
        task.device = t.device;
        task.block = t.block;
        task.releaseS = t.release_s;
        for (; cut < t.cuts; ++cut)
        {
            auto& pieces = task.cuts.emplace_back();
            for (std::size_t n = 0; n < p.cut_pieces[cut]; ++n, ++piece)
            {
                pieces.push_back({piece->downlink_bits, piece->compute_s, piece->uplink_bits});
            }
        }
        problem.tasks.push_back(std::move(task));
    }
    problem.blockWeight.assign(p.block_weight, p.block_weight + p.blocks);
    problem.downlinkHz = p.downlink_hz;
    problem.uplinkHz = p.uplink_hz;
    problem.coupled = p.coupled != 0;
    problem.halfDuplex = p.half_duplex != 0;
    return problem;
}

/// @return the same settings. @param p of the C interface
ShopParam
ParamFromC(const wdmoe_core_shop_problem& p)
{
    ShopParam param;
    param.maxEvaluations = p.max_evaluations;
    param.exactEvaluations = p.exact_evaluations;
    param.guaranteed = p.guaranteed;
    param.downlinkSerial = p.downlink_serial != 0;
    param.uplinkSerial = p.uplink_serial != 0;
    param.uplinkShared = p.uplink_shared != 0;
    return param;
}

/// @param from shares @param [out] to array of that size
void
ToC(const std::vector<ShopShare>& from, wdmoe_core_shop_share* to)
{
    for (const auto& share : from)
    {
        *to++ = {share.guaranteed, share.weight, share.priority};
    }
}

} // namespace

int
wdmoe_core_schedule(const wdmoe_core_shop_problem* problem,
                    wdmoe_core_shop* result,
                    char* message,
                    size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        RequireArray(problem, "problem");
        RequireArray(result, "result");
        RequireArray(result->downlink, "result downlink");
        RequireArray(result->uplink, "result uplink");
        if (problem->tasks > 0)
        {
            RequireArray(result->cut, "result cut");
            RequireArray(result->times, "result times");
        }
        if (problem->blocks > 0)
        {
            RequireArray(result->block_end_s, "result blockEndS");
        }
        ShopPlanner planner;
        const ShopProblem shop = FromC(*problem);
        const ShopResult& r = planner.Plan(shop, ParamFromC(*problem));
        if (r.status == ShopStatus::INVALID)
        {
            throw std::invalid_argument(r.message);
        }
        const bool planned = r.status == ShopStatus::PLANNED;
        const double none = std::numeric_limits<double>::infinity();
        result->status = planned ? 0 : 1;
        result->exact = r.exact;
        result->evaluations = r.evaluations;
        result->cost_s = planned ? r.outcome.costS : none;
        result->lower_bound_s = planned ? r.lowerBoundS : none;
        result->gap = planned ? r.Gap() : 0;
        result->pieces = 0;
        std::fill_n(result->cut, problem->tasks, 0U);
        std::fill_n(result->downlink, problem->devices, wdmoe_core_shop_share{0, 0, 0});
        std::fill_n(result->uplink, problem->devices, wdmoe_core_shop_share{0, 0, 0});
        std::fill_n(result->block_end_s, problem->blocks, none);
        if (planned)
        {
            std::copy(r.plan.cut.begin(), r.plan.cut.end(), result->cut);
            ToC(r.plan.downlink, result->downlink);
            ToC(r.plan.uplink, result->uplink);
            std::copy(r.outcome.blockEndS.begin(), r.outcome.blockEndS.end(), result->block_end_s);
            for (const auto& t : r.outcome.pieces)
            {
                result->times[result->pieces++] = {t.task,
                                                   t.piece,
                                                   t.downlinkStartS,
                                                   t.downlinkEndS,
                                                   t.computeStartS,
                                                   t.computeEndS,
                                                   t.uplinkStartS,
                                                   t.uplinkEndS};
            }
        }
        HandOut(r.message, message, messageSize);
    });
}
