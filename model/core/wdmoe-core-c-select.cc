/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-bottleneck.h"
#include "wdmoe-core-c-guard.h"
#include "wdmoe-core-c.h"
#include "wdmoe-selection.h"

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace wdmoe;

namespace
{

/// @return text that shows a number exactly enough. @param value the number
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/// @return the same selection. @param selection of the C interface @param tokens J
Selection
FromC(const wdmoe_core_selection* selection, std::size_t tokens)
{
    RequireArray(selection, "selection");
    RequireArray(selection->expert, "selection expert");
    Selection result;
    result.tokens = tokens;
    result.slots = selection->slots;
    result.expert.assign(selection->expert, selection->expert + tokens * selection->slots);
    return result;
}

} // namespace

namespace wdmoe
{

GateMatrix
GateFromC(const wdmoe_core_gate* gate)
{
    RequireArray(gate, "gate");
    if (gate->tokens == 0 || gate->experts == 0)
    {
        throw std::invalid_argument("gate has " + std::to_string(gate->tokens) + " tokens and " +
                                    std::to_string(gate->experts) +
                                    " experts, expected at least one of each");
    }
    RequireArray(gate->weight, "gate weight");
    for (std::size_t j = 0; j < gate->tokens; ++j)
    {
        const double* row = gate->weight + j * gate->experts;
        double sum = 0;
        double least = 0;
        for (std::size_t e = 0; e < gate->experts; ++e)
        {
            sum += row[e];
            least = std::min(least, row[e]);
        }
        if (!(least >= 0 && std::isfinite(sum)))
        {
            const auto e = std::find_if(row,
                                        row + gate->experts,
                                        [](double w) { return !(w >= 0 && std::isfinite(w)); }) -
                           row;
            throw std::invalid_argument("gate[" + std::to_string(j) + ", " + std::to_string(e) +
                                        "] is " + Text(row[e]) + ", expected a weight in 0 .. 1");
        }
        if (gate->tolerance >= 0 && !(std::abs(sum - 1) <= gate->tolerance))
        {
            throw std::invalid_argument("row " + std::to_string(j) + " of gate sums to " +
                                        Text(sum) + ", expected 1 within " + Text(gate->tolerance) +
                                        " (a softmax)");
        }
    }
    GateMatrix result;
    result.tokens = gate->tokens;
    result.experts = gate->experts;
    result.weight.assign(gate->weight, gate->weight + gate->tokens * gate->experts);
    return result;
}

void
SelectionToC(const Selection& from, wdmoe_core_selection* to)
{
    RequireArray(to, "selection");
    RequireArray(to->expert, "selection expert");
    RequireArray(to->combine, "selection combine");
    if (to->slots != from.slots)
    {
        throw std::invalid_argument("selection has " + std::to_string(to->slots) +
                                    " slots, expected " + std::to_string(from.slots));
    }
    std::copy(from.expert.begin(), from.expert.end(), to->expert);
    std::copy(from.combine.begin(), from.combine.end(), to->combine);
}

std::vector<double>
PerExpert(const double* value, const char* name, std::size_t experts)
{
    RequireArray(value, name);
    return {value, value + experts};
}

} // namespace wdmoe

int
wdmoe_core_select_topk(const wdmoe_core_gate* gate,
                       size_t k,
                       wdmoe_core_selection* selection,
                       char* message,
                       size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        SelectionToC(SelectTopK(GateFromC(gate), k), selection);
    });
}

int
wdmoe_core_select_wlr(const wdmoe_core_gate* gate,
                      size_t k,
                      const double* latencyS,
                      wdmoe_core_wlr* wlr,
                      wdmoe_core_selection* selection,
                      char* message,
                      size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(wlr, "wlr");
        WlrParam param;
        param.thetaStart = wlr->theta_start;
        param.thetaStep = wlr->theta_step;
        param.thetaEnd = wlr->theta_end;
        param.gain = wlr->gain;
        param.minExperts = wlr->min_experts;
        const auto r = SelectWlr(matrix, k, PerExpert(latencyS, "latencyS", matrix.experts), param);
        SelectionToC(r.selection, selection);
        wlr->theta = r.theta;
        wlr->wlr_topk = r.wlrTopK;
        wlr->wlr = r.wlr;
        wlr->reached = r.reached;
    });
}

int
wdmoe_core_select_quality_bound(const wdmoe_core_gate* gate,
                                size_t k,
                                const double* costS,
                                const wdmoe_core_quality_bound* bound,
                                wdmoe_core_selection* selection,
                                char* message,
                                size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(bound, "bound");
        QualityBoundParam param;
        param.maxLostMass = bound->max_lost_mass;
        param.maxTokenLoss = bound->max_token_loss;
        param.minExperts = bound->min_experts;
        SelectionToC(
            SelectQualityBound(matrix, k, PerExpert(costS, "costS", matrix.experts), param),
            selection);
    });
}

int
wdmoe_core_select_bottleneck(const wdmoe_core_gate* gate,
                             size_t k,
                             wdmoe_core_bottleneck* bottleneck,
                             wdmoe_core_selection* selection,
                             char* message,
                             size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(bottleneck, "bottleneck");
        auto& b = *bottleneck;
        RequireArray(b.expert_device, "expertDevice");
        std::vector<LatencyHistory> history(b.devices);
        for (size_t i = 0; i < b.batches; ++i)
        {
            if (b.batch_device[i] >= b.devices)
            {
                throw std::invalid_argument("batchDevice[" + std::to_string(i) + "] is " +
                                            std::to_string(b.batch_device[i]) +
                                            ", expected less than the " +
                                            std::to_string(b.devices) + " devices");
            }
            history[b.batch_device[i]].Learn(b.batch_tokens[i],
                                             b.batch_latency_s[i],
                                             b.learning_weight);
        }
        BottleneckParam param;
        param.maxLostMass = b.max_lost_mass;
        param.maxRelief = b.max_relief;
        param.minExperts = b.min_experts;
        param.bottlenecks = b.bottlenecks;
        const auto r = SelectBottleneck(matrix,
                                        k,
                                        {b.expert_device, b.expert_device + matrix.experts},
                                        history,
                                        param);
        SelectionToC(r.selection, selection);
        b.before_s = r.beforeS;
        b.after_s = r.afterS;
        b.relieved = r.relieved.size();
    });
}

int
wdmoe_core_kept_gate_mass(const wdmoe_core_gate* gate,
                          size_t k,
                          const wdmoe_core_selection* selection,
                          double* mass,
                          char* message,
                          size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(mass, "mass");
        *mass = KeptGateMass(matrix, FromC(selection, matrix.tokens), k);
    });
}

int
wdmoe_core_weight_to_latency_ratio(const wdmoe_core_gate* gate,
                                   const wdmoe_core_selection* selection,
                                   const double* latencyS,
                                   double* ratio,
                                   char* message,
                                   size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const GateMatrix matrix = GateFromC(gate);
        RequireArray(ratio, "ratio");
        *ratio = WeightToLatencyRatio(matrix,
                                      FromC(selection, matrix.tokens),
                                      PerExpert(latencyS, "latencyS", matrix.experts));
    });
}
