/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-core-c-policies.h"

#include "wdmoe-channel-aware.h"
#include "wdmoe-core-c-guard.h"
#include "wdmoe-des.h"
#include "wdmoe-quality-bound.h"
#include "wdmoe-random-selection.h"
#include "wdmoe-sift.h"

#include <random>

using namespace wdmoe;

namespace
{

/// @return the same code. @param status of a search
int32_t
ToC(SearchStatus status)
{
    switch (status)
    {
    case SearchStatus::OPTIMAL:
        return WDMOE_CORE_SEARCH_OPTIMAL;
    case SearchStatus::INFEASIBLE:
        return WDMOE_CORE_SEARCH_INFEASIBLE;
    case SearchStatus::NODE_LIMIT:
        return WDMOE_CORE_SEARCH_NODE_LIMIT;
    case SearchStatus::TIME_LIMIT:
        break;
    }
    return WDMOE_CORE_SEARCH_TIME_LIMIT;
}

/// @return the same problem. @param b of the C interface @param experts E
BlockProblem
ProblemFromC(const wdmoe_core_block& b, std::size_t experts)
{
    RequireArray(b.device, "device");
    RequireArray(b.cell, "cell");
    RequireArray(b.expert_device, "expertDevice");
    BlockProblem problem;
    for (std::size_t k = 0; k < b.devices; ++k)
    {
        const auto& d = b.device[k];
        BlockDevice device;
        device.downlinkLaw = FromC(d.downlink_law);
        device.uplinkLaw = FromC(d.uplink_law);
        device.downlinkPairBits = d.downlink_pair_bits;
        device.uplinkPairBits = d.uplink_pair_bits;
        device.downlinkBatchBits = d.downlink_batch_bits;
        device.uplinkBatchBits = d.uplink_batch_bits;
        device.downlinkFixedS = d.downlink_fixed_s;
        device.uplinkRequestS = d.uplink_request_s;
        device.uplinkFixedS = d.uplink_fixed_s;
        device.pairS = d.pair_s;
        device.readS = d.read_s;
        device.moveS = d.move_s;
        device.launchS = d.launch_s;
        device.computeFixedS = d.compute_fixed_s;
        device.busyS = d.busy_s;
        device.reachable = d.reachable != 0;
        device.cell = d.cell;
        problem.devices.push_back(device);
    }
    for (std::size_t i = 0; i < b.cells; ++i)
    {
        const auto& c = b.cell[i];
        problem.cells.push_back({c.downlink_hz, c.uplink_hz, c.coupled != 0, c.half_duplex != 0});
    }
    problem.expertDevice.assign(b.expert_device, b.expert_device + experts);
    problem.maxPieces = b.max_pieces;
    return problem;
}

/// @return the same settings. @param b of the C interface
QualityFloor
FloorFromC(const wdmoe_core_block& b)
{
    QualityFloor floor;
    floor.maxLost = b.max_lost;
    floor.maxTokenLoss = b.max_token_loss;
    floor.minExperts = b.min_experts;
    floor.model = b.static_split ? BlockModel::STATIC_SPLIT : BlockModel::SCHEDULE;
    floor.restore = b.restore != 0;
    floor.relativeGap = b.relative_gap;
    floor.maxIterations = b.max_iterations;
    if (b.prices > 0)
    {
        RequireArray(b.price_share, "priceShare");
        RequireArray(b.price_loss, "priceLoss");
    }
    for (std::size_t i = 0; i < b.prices; ++i)
    {
        floor.price.push_back({b.price_share[i], b.price_loss[i]});
    }
    return floor;
}

} // namespace

int
wdmoe_core_select_des(const wdmoe_core_gate* gate,
                      size_t k,
                      const double* cost,
                      wdmoe_core_des* des,
                      wdmoe_core_selection* selection,
                      char* message,
                      size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(des, "des");
        DesParam param;
        param.floor = des->floor;
        param.relative = des->relative != 0;
        param.maxExperts = des->max_experts;
        param.nodeLimit = des->node_limit;
        param.timeLimitS = des->time_limit_s;
        DesSolver solver;
        const DesResult& r =
            solver.Solve(matrix, k, PerExpert(cost, "cost", matrix.experts), param);
        SelectionToC(r.selection, selection);
        des->status = ToC(r.status);
        des->nodes = r.nodes;
        des->infeasible = r.infeasible;
        des->unproven = r.unproven;
        des->cost = r.cost;
        des->lower_bound = r.lowerBound;
        des->worst_gap = r.worstGap;
        des->reachable = r.reachable;
        HandOut(r.message, message, messageSize);
    });
}

int
wdmoe_core_select_sift(const wdmoe_core_gate* gate,
                       size_t k,
                       const double* cost,
                       wdmoe_core_sift* sift,
                       wdmoe_core_selection* selection,
                       char* message,
                       size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(sift, "sift");
        std::vector<double> similarity;
        if (sift->similarity)
        {
            similarity.assign(sift->similarity, sift->similarity + matrix.experts * matrix.experts);
        }
        SiftParam param;
        param.maxError = sift->max_error;
        param.nodeLimit = sift->node_limit;
        param.timeLimitS = sift->time_limit_s;
        SiftSolver solver;
        const SiftResult& r =
            solver.Solve(matrix, k, PerExpert(cost, "cost", matrix.experts), similarity, param);
        SelectionToC(r.selection, selection);
        sift->status = ToC(r.status);
        sift->nodes = r.nodes;
        sift->unproven = r.unproven;
        sift->skipped = r.skipped;
        sift->replaced = r.replaced;
        sift->cost = r.cost;
        sift->lower_bound = r.lowerBound;
        sift->worst_gap = r.worstGap;
        sift->worst_error = r.worstError;
    });
}

int
wdmoe_core_select_channel_aware(const wdmoe_core_gate* gate,
                                size_t k,
                                const double* snr,
                                double strength,
                                int32_t combineCorrected,
                                wdmoe_core_selection* selection,
                                char* message,
                                size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        ChannelAwareParam param;
        param.strength = strength;
        param.combineCorrected = combineCorrected != 0;
        SelectionToC(SelectChannelAware(matrix, k, PerExpert(snr, "snr", matrix.experts), param),
                     selection);
    });
}

int
wdmoe_core_select_random(const wdmoe_core_gate* gate,
                         size_t k,
                         double keep,
                         int32_t exact,
                         size_t minExperts,
                         uint64_t seed,
                         wdmoe_core_selection* selection,
                         char* message,
                         size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RandomParam param;
        param.keep = keep;
        param.exact = exact != 0;
        param.minExperts = minExperts;
        std::mt19937_64 engine(seed);
        const auto uniform = [&engine] { return static_cast<double>(engine() >> 11) * 0x1p-53; };
        SelectionToC(SelectRandom(matrix, k, uniform, param), selection);
    });
}

int
wdmoe_core_select_block(const wdmoe_core_gate* gate,
                        size_t k,
                        wdmoe_core_block* block,
                        wdmoe_core_selection* selection,
                        char* message,
                        size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(block, "block");
        QualityBound bound;
        const QualityBoundResult& r =
            bound.Solve(matrix, k, ProblemFromC(*block, matrix.experts), FloorFromC(*block));
        if (r.status == QualityStatus::INVALID)
        {
            throw std::invalid_argument(r.message);
        }
        SelectionToC(r.selection, selection);
        block->status = r.status == QualityStatus::FLOOR_NOT_MET;
        block->iterations = r.iterations;
        block->latency_s = r.latencyS;
        block->lower_bound_s = r.lowerBoundS;
        block->gap = r.Gap();
        block->lost = r.lost;
        block->price_s_per_lost = r.priceSPerLost;
        HandOut(r.message, message, messageSize);
    });
}
