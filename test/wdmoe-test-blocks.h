/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TEST_BLOCKS_H
#define WDMOE_TEST_BLOCKS_H

#include "ns3/wdmoe-block-problem.h"
#include "ns3/wdmoe-selection.h"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

/// Random blocks, for the suites that try decisions on whole ones
namespace wdmoe_test
{

/// Random numbers that are the same with any library
class Draw
{
  public:
    /// @param seed of the sequence
    explicit Draw(uint64_t seed)
        : m_engine(seed)
    {
    }

    /// @return in [a, b). @param a least @param b most
    double operator()(double a, double b)
    {
        return a + (b - a) * static_cast<double>(m_engine() >> 11) * 0x1p-53;
    }

    /// @return 0 .. n - 1. @param n how many
    std::size_t Of(std::size_t n)
    {
        return m_engine() % n;
    }

  private:
    std::mt19937_64 m_engine; ///< bits
};

/// @return softmax rows. @param draw them @param tokens J @param experts E @param spread of logits
inline wdmoe::GateMatrix
DrawGate(Draw& draw, std::size_t tokens, std::size_t experts, double spread)
{
    wdmoe::GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    for (std::size_t j = 0; j < tokens; ++j)
    {
        double sum = 0;
        for (std::size_t e = 0; e < experts; ++e)
        {
            gate.weight.push_back(std::exp(spread * draw(0, 1)));
            sum += gate.weight.back();
        }
        for (std::size_t e = 0; e < experts; ++e)
        {
            gate.weight[j * experts + e] /= sum;
        }
    }
    return gate;
}

/// @return a law. @param draw it @param kind 0: linear, 1: Shannon, 2: with a cap, else any
inline wdmoe::RateLaw
DrawLaw(Draw& draw, int kind)
{
    kind = kind < 0 ? static_cast<int>(draw.Of(3)) : kind;
    if (kind == 0)
    {
        return wdmoe::RateLaw::Linear(draw(0.5, 6));
    }
    const double gain = std::pow(10, draw(6, 9));
    return kind == 1 ? wdmoe::RateLaw::Shannon(gain)
                     : wdmoe::RateLaw::Shannon(gain, draw(1, 7), 0.75);
}

/// @return a block. @param draw it @param devices K @param experts E @param cells how many
/// @param kind of the laws @param costs whether there is more than air time
inline wdmoe::BlockProblem
DrawProblem(Draw& draw,
            std::size_t devices,
            std::size_t experts,
            std::size_t cells,
            int kind,
            bool costs)
{
    wdmoe::BlockProblem p;
    const std::size_t mode = draw.Of(3);
    for (std::size_t c = 0; c < cells; ++c)
    {
        p.cells.push_back({draw(5e6, 4e7), draw(5e6, 4e7), mode == 1, mode == 2});
    }
    for (std::size_t k = 0; k < devices; ++k)
    {
        wdmoe::BlockDevice d;
        d.downlinkLaw = DrawLaw(draw, kind);
        d.uplinkLaw = DrawLaw(draw, kind);
        d.downlinkPairBits = draw.Of(2) ? 65536 : 32768;
        d.uplinkPairBits = 65536;
        d.cell = static_cast<uint32_t>(k % cells);
        if (costs)
        {
            d.downlinkBatchBits = draw.Of(3) ? 800 : 0;
            d.uplinkBatchBits = draw.Of(3) ? 400 : 0;
            d.downlinkFixedS = draw(0, 0.004);
            d.uplinkRequestS = draw(0, 0.007);
            d.uplinkFixedS = draw(0, 0.005);
            d.pairS = draw(0, 0.002);
            d.readS = draw(0, 0.01);
            d.moveS = draw(0, 1e-4);
            d.launchS = 1e-5;
            d.busyS = draw.Of(4) ? 0 : draw(0, 0.02);
        }
        p.devices.push_back(d);
    }
    for (std::size_t e = 0; e < experts; ++e)
    {
        p.expertDevice.push_back(static_cast<uint32_t>(e % devices));
    }
    p.maxPieces = draw.Of(2) ? 1 : 8;
    return p;
}

/// @return latency of a selection in a model, s. @param evaluator of loads @param p the block
/// @param model how latency comes about @param expert which experts run
inline double
LatencyOf(wdmoe::BlockEvaluator& evaluator,
          const wdmoe::BlockProblem& p,
          wdmoe::BlockModel model,
          const std::vector<int32_t>& expert)
{
    std::vector<uint32_t> loads(p.expertDevice.size());
    for (const int32_t e : expert)
    {
        if (e >= 0 && p.devices[p.expertDevice[e]].reachable)
        {
            ++loads[e];
        }
    }
    if (model == wdmoe::BlockModel::STATIC_SPLIT)
    {
        return evaluator.StaticSplit(p, loads);
    }
    std::vector<double> pairs(p.devices.size());
    std::vector<double> experts(p.devices.size());
    for (std::size_t e = 0; e < loads.size(); ++e)
    {
        pairs[p.expertDevice[e]] += loads[e];
        experts[p.expertDevice[e]] += loads[e] > 0;
    }
    return evaluator.LowerBound(p, pairs, experts);
}

} // namespace wdmoe_test

#endif /* WDMOE_TEST_BLOCKS_H */
