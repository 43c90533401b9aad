/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/*
 * One block of a mixture-of-experts model, decided without a simulator: who runs which token, and
 * who gets how much bandwidth when.
 *
 *     gate (64 tokens x 4 experts)
 *       -> QualityBound: drop pairs that cost much air for the weight they have
 *       -> min-max: the static division, with a certificate
 *       -> flow shop: an order over time, which may beat any division
 *
 * Expert e runs on device e; 4096 numbers of 16 bits each way for a token. Prints:
 *
 *     top-2    128 pairs, loads 36 34 38 20
 *     selected 119 pairs, loads 34 31 34 20, gate mass kept 0.982
 *     allocated: the block takes 0.4201 s (no division is faster than 0.4201 s)
 *       device 0: 1.73 MHz down, 2.00 MHz up
 *       device 1: 1.95 MHz down, 2.15 MHz up
 *       device 2: 3.02 MHz down, 3.16 MHz up
 *       device 3: 3.30 MHz down, 2.69 MHz up
 *     scheduled: the block takes 0.2717 s (no plan is faster than 0.2717 s), downlink order 2 3 1 0
 */

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <wdmoe-allocation.h>
#include <wdmoe-core/wdmoe-flow-shop.h> // either way
#include <wdmoe-selection.h>

using namespace wdmoe;

namespace
{

constexpr std::size_t TOKENS = 64;
constexpr std::size_t DEVICES = 4;
constexpr double BITS = 16 * 4096;                                  // of a token, each way
constexpr double BUDGET_HZ = 10e6;                                  // in each direction
constexpr double COMPUTE_S[DEVICES] = {0.5e-3, 0.5e-3, 1e-3, 1e-3}; // of a token
constexpr double DOWN_BIT_PER_S_PER_HZ[DEVICES] = {5, 4, 3, 1.5};   // fixed power density
constexpr double UP_GAIN_HZ[DEVICES] = {400e6, 200e6, 100e6, 30e6}; // fixed power

/// @return weights that differ from token to token, the first experts a little more popular
GateMatrix
Gate()
{
    GateMatrix gate;
    gate.tokens = TOKENS;
    gate.experts = DEVICES;
    for (std::size_t j = 0; j < TOKENS; ++j)
    {
        double row[DEVICES];
        double sum = 0;
        for (std::size_t e = 0; e < DEVICES; ++e)
        {
            const double x = std::sin(1.0 + 12.9898 * double(j) + 78.233 * double(e)) * 43758.5453;
            row[e] = std::exp(4 * (x - std::floor(x)) - 0.3 * double(e));
            sum += row[e];
        }
        for (const double w : row)
        {
            gate.weight.push_back(w / sum);
        }
    }
    return gate;
}

/// Print pairs and loads. @param name of the selection @param s the selection
void
Print(const char* name, const Selection& s)
{
    std::printf("%-8s %zu pairs, loads", name, s.Routed());
    for (const uint32_t n : s.Load(DEVICES))
    {
        std::printf(" %u", n);
    }
}

} // namespace

int
main()
{
    const GateMatrix gate = Gate();
    Print("top-2", SelectTopK(gate, 2));

    // what one more pair costs: its air time, were all the band its own
    std::vector<double> cost;
    for (std::size_t e = 0; e < DEVICES; ++e)
    {
        cost.push_back(BITS / RateLaw::Linear(DOWN_BIT_PER_S_PER_HZ[e]).Rate(BUDGET_HZ) +
                       BITS / RateLaw::Shannon(UP_GAIN_HZ[e]).Rate(BUDGET_HZ));
    }
    QualityBoundParam bound;
    bound.maxLostMass = 0.02;
    bound.maxTokenLoss = 0.2;
    const Selection selection = SelectQualityBound(gate, 2, cost, bound);
    std::printf("\n");
    Print("selected", selection);
    std::printf(", gate mass kept %.3f\n", KeptGateMass(gate, selection, 2));

    AllocationProblem block;
    ShopProblem shop;
    block.downlinkHz = block.uplinkHz = shop.downlinkHz = shop.uplinkHz = BUDGET_HZ;
    shop.blockWeight = {1};
    const auto load = selection.Load(DEVICES);
    for (uint32_t k = 0; k < DEVICES; ++k)
    {
        const double bits = BITS * load[k];
        const double compute = COMPUTE_S[k] * load[k];
        const auto down = RateLaw::Linear(DOWN_BIT_PER_S_PER_HZ[k]);
        const auto up = RateLaw::Shannon(UP_GAIN_HZ[k]);
        block.downlinkBits.push_back(bits);
        block.uplinkBits.push_back(bits);
        block.computeS.push_back(compute);
        block.downlinkLaw.push_back(down);
        block.uplinkLaw.push_back(up);
        shop.devices.push_back({down, up});
        // in one piece, or in four
        const ShopPiece quarter{bits / 4, compute / 4, bits / 4};
        shop.tasks.push_back({k, 0, 0, {{{bits, compute, bits}}, {4, quarter}}});
    }

    const AllocationResult division = AllocateMinMax(block);
    if (division.status != AllocationStatus::OPTIMAL)
    {
        std::printf("not allocated: %s\n", division.message.c_str());
        return 1;
    }
    std::printf("allocated: the block takes %.4f s (no division is faster than %.4f s)\n",
                division.timeS,
                division.lowerBoundS);
    for (std::size_t k = 0; k < DEVICES; ++k)
    {
        std::printf("  device %zu: %.2f MHz down, %.2f MHz up\n",
                    k,
                    division.downlinkHz[k] / 1e6,
                    division.uplinkHz[k] / 1e6);
    }

    ShopPlanner planner;
    const ShopResult& plan = planner.Plan(shop);
    if (plan.status != ShopStatus::PLANNED)
    {
        std::printf("not scheduled: %s\n", plan.message.c_str());
        return 1;
    }
    std::vector<std::size_t> order(DEVICES);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&plan](std::size_t a, std::size_t b) {
        return plan.plan.downlink[a].priority > plan.plan.downlink[b].priority;
    });
    std::printf("scheduled: the block takes %.4f s (no plan is faster than %.4f s), downlink order",
                plan.outcome.costS,
                plan.lowerBoundS);
    for (const std::size_t k : order)
    {
        std::printf(" %zu", k);
    }
    std::printf("\n");
    return 0;
}
