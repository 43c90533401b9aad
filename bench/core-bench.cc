/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/*
 * Speed of model/core.
 *
 *   core-bench                    allocator, selection and planner by Google Benchmark (all its
 *                                 options)
 *   core-bench --instances FILE   solve the problems of FILE (format: test/reference/
 *                                 allocation-reference.py, where T may be 0), print for each:
 *                                 T in s, relative gap, median time in s, of many runs
 *   core-bench --instances FILE RUNS   so many runs of each, and in place of the time the number
 *                                 of iterations: for instruction counts (instructions.py)
 */

#include "wdmoe-allocation.h"
#include "wdmoe-flow-shop.h"
#include "wdmoe-quality-bound.h"
#include "wdmoe-selection.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <limits>
#include <random>
#include <sstream>

using namespace wdmoe;

namespace
{

/// @return a number in [a, b). @param engine random bits @param a lowest @param b highest
double
Uniform(std::mt19937_64& engine, double a, double b)
{
    return a + (b - a) * static_cast<double>(engine() >> 11) * 0x1p-53;
}

/// @return devices with linear, Shannon and capped laws, a tenth idle. @param size K
/// @param coupled one share
AllocationProblem
Mixed(std::size_t size, bool coupled)
{
    std::mt19937_64 engine(size);
    AllocationProblem p;
    p.coupled = coupled;
    p.downlinkHz = 1e6 * static_cast<double>(size);
    p.uplinkHz = p.downlinkHz;
    const auto law = [&engine] {
        const double gain = std::pow(10, Uniform(engine, 6, 9));
        switch (engine() % 3)
        {
        case 0:
            return RateLaw::Linear(Uniform(engine, 0.2, 7));
        case 1:
            return RateLaw::Shannon(gain);
        default:
            return RateLaw::Shannon(gain, Uniform(engine, 1, 7), 0.75);
        }
    };
    for (std::size_t k = 0; k < size; ++k)
    {
        const bool busy = Uniform(engine, 0, 1) > 0.1;
        p.downlinkBits.push_back(busy ? 65536 * std::floor(Uniform(engine, 1, 200)) : 0);
        p.uplinkBits.push_back(busy ? 65536 * std::floor(Uniform(engine, 1, 200)) : 0);
        p.computeS.push_back(Uniform(engine, 0, 0.5));
        p.downlinkLaw.push_back(law());
        p.uplinkLaw.push_back(law());
    }
    return p;
}

/// @param state K and whether coupled
void
Allocate(benchmark::State& state)
{
    const auto problem = Mixed(state.range(0), state.range(1));
    MinMaxAllocator allocator;
    const AllocationResult* result = nullptr;
    for (auto _ : state)
    {
        result = &allocator.Solve(problem);
        benchmark::DoNotOptimize(result->timeS);
    }
    state.counters["gap"] = result->Gap();
    state.counters["iterations"] = result->iterations;
}

/// @return a softmax of uniform logits. @param tokens J @param experts E
GateMatrix
Gate(std::size_t tokens, std::size_t experts)
{
    std::mt19937_64 engine(1);
    GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    for (std::size_t j = 0; j < tokens; ++j)
    {
        std::vector<double> row(experts);
        double sum = 0;
        for (double& w : row)
        {
            sum += w = std::exp(Uniform(engine, 0, 4));
        }
        for (const double w : row)
        {
            gate.weight.push_back(w / sum);
        }
    }
    return gate;
}

/// @return s of a token on each expert. @param experts E
std::vector<double>
Latency(std::size_t experts)
{
    std::mt19937_64 engine(2);
    std::vector<double> latency(experts);
    for (double& l : latency)
    {
        l = Uniform(engine, 1e-3, 1e-2);
    }
    return latency;
}

/// @param state tokens, experts, k
void
TopK(benchmark::State& state)
{
    const GateMatrix gate = Gate(state.range(0), state.range(1));
    Selection selection;
    for (auto _ : state)
    {
        SelectTopK(gate, state.range(2), selection);
        benchmark::DoNotOptimize(selection.expert.data());
    }
}

/// @param state tokens, experts, k
void
Select(benchmark::State& state)
{
    const GateMatrix gate = Gate(state.range(0), state.range(1));
    const auto latency = Latency(gate.experts);
    WlrParam param;
    param.gain = 1e3; // through all thetas
    WlrSelector selector;
    for (auto _ : state)
    {
        benchmark::DoNotOptimize(selector.Solve(gate, state.range(2), latency, param).wlr);
    }
}

/// @param state tokens, experts, k
void
CostBound(benchmark::State& state)
{
    const GateMatrix gate = Gate(state.range(0), state.range(1));
    const auto cost = Latency(gate.experts);
    QualityBoundParam param;
    param.maxTokenLoss = 0.5; // else few pairs can go
    for (auto _ : state)
    {
        benchmark::DoNotOptimize(
            SelectQualityBound(gate, state.range(2), cost, param).expert.data());
    }
}

/// @return a cell's block. @param engine random bits @param experts E @param devices K
/// @param shared uplinks have a concave law
BlockProblem
Block(std::mt19937_64& engine, std::size_t experts, std::size_t devices, bool shared)
{
    BlockProblem p;
    p.cells = {{2e7, 2e7, false, false}};
    for (std::size_t k = 0; k < devices; ++k)
    {
        BlockDevice d;
        d.downlinkLaw = RateLaw::Linear(Uniform(engine, 1, 5));
        d.uplinkLaw = shared ? RateLaw::Shannon(std::pow(10, Uniform(engine, 6.5, 8.5)), 5, 0.75)
                             : RateLaw::Linear(Uniform(engine, 0.5, 4));
        d.downlinkPairBits = d.uplinkPairBits = 65536;
        d.downlinkFixedS = d.uplinkFixedS = 0.004;
        d.uplinkRequestS = 0.007;
        d.pairS = Uniform(engine, 0, 1e-3);
        d.readS = Uniform(engine, 0, 5e-3);
        p.devices.push_back(d);
    }
    for (std::size_t e = 0; e < experts; ++e)
    {
        p.expertDevice.push_back(static_cast<uint32_t>(e % devices));
    }
    p.maxPieces = 8;
    return p;
}

/// @param state tokens, experts, top-k, devices, and whether uplinks have a concave law
void
Bound(benchmark::State& state)
{
    std::mt19937_64 engine(1);
    // not the same block again and again, since it starts from what it found the last time
    std::vector<GateMatrix> gates(4);
    for (auto& gate : gates)
    {
        gate.tokens = state.range(0);
        gate.experts = state.range(1);
        for (std::size_t j = 0; j < gate.tokens; ++j)
        {
            double sum = 0;
            for (std::size_t e = 0; e < gate.experts; ++e)
            {
                gate.weight.push_back(std::exp(Uniform(engine, 0, 5)));
                sum += gate.weight.back();
            }
            for (std::size_t e = 0; e < gate.experts; ++e)
            {
                gate.weight[j * gate.experts + e] /= sum;
            }
        }
    }
    const BlockProblem p = Block(engine, state.range(1), state.range(3), state.range(4));
    QualityFloor floor;
    floor.maxLost = 0.02; // below what may go, so that it binds
    floor.maxTokenLoss = state.range(1) == 64 ? 0.5 : 0.3;
    QualityBound bound;
    const QualityBoundResult* result = nullptr;
    std::size_t next = 0;
    for (auto _ : state)
    {
        result = &bound.Solve(gates[next++ % gates.size()], state.range(2), p, floor);
        benchmark::DoNotOptimize(result->latencyS);
    }
    state.counters["gap"] = result->Gap();
    state.counters["iterations"] = result->iterations;
}

/// @return one block in flight, each batch in 1, 2, 4 or 8 pieces. @param size K
/// @param shared uplinks have a concave law
ShopProblem
Shop(std::size_t size, bool shared)
{
    std::mt19937_64 engine(size);
    ShopProblem p;
    p.downlinkHz = 2.5e6 * static_cast<double>(size);
    p.uplinkHz = p.downlinkHz;
    p.blockWeight = {1};
    for (uint32_t k = 0; k < size; ++k)
    {
        ShopDevice d;
        d.downlinkLaw = RateLaw::Linear(Uniform(engine, 1, 5));
        d.uplinkLaw = shared ? RateLaw::Shannon(std::pow(10, Uniform(engine, 6.5, 8.5)), 5, 0.75)
                             : RateLaw::Linear(Uniform(engine, 0.5, 4));
        d.downlinkFixedS = 0.004;
        d.uplinkRequestS = 0.007;
        d.uplinkFixedS = 0.005;
        p.devices.push_back(d);
        ShopTask t;
        t.device = k;
        const double bits = 65536 * std::floor(Uniform(engine, 1, 64));
        const double compute = Uniform(engine, 0.02, 0.3);
        for (const int pieces : {1, 2, 4, 8})
        {
            // weights are read again for each piece
            const double each = (compute + 0.01 * (pieces - 1)) / pieces;
            t.cuts.emplace_back(pieces, ShopPiece{bits / pieces, each, bits / pieces});
        }
        p.tasks.push_back(t);
    }
    return p;
}

/// @param state K and whether uplinks are shared
void
PlanShop(benchmark::State& state)
{
    const auto problem = Shop(state.range(0), state.range(1));
    ShopPlanner planner;
    const ShopResult* result = nullptr;
    for (auto _ : state)
    {
        result = &planner.Plan(problem);
        benchmark::DoNotOptimize(result->outcome.costS);
    }
    state.counters["gap"] = result->Gap();
    state.counters["evaluations"] = result->evaluations;
}

/// @param state K and whether uplinks are shared
void
EvaluateShop(benchmark::State& state)
{
    const auto problem = Shop(state.range(0), state.range(1));
    const ShopPlan plan = ShopPlanner().Plan(problem).plan;
    ShopEvaluator evaluator;
    ShopOutcome outcome;
    for (auto _ : state)
    {
        evaluator.Evaluate(problem, plan, outcome);
        benchmark::DoNotOptimize(outcome.costS);
    }
    state.counters["pieces"] = static_cast<double>(outcome.pieces.size());
}

/// What decides for a block
enum class Way
{
    WLR,   ///< Algorithm 1, then the optimal static split
    COST,  ///< SelectQualityBound(), then a plan over time
    DIRECT ///< QualityBound with its floor on quality, then a plan over time
};

/**
 * All that is decided for a block: 512 tokens, 8 experts on 8 devices, top-2.
 *
 * @param state unused but for its loop
 * @param way who decides
 */
void
Decide(benchmark::State& state, Way way)
{
    constexpr std::size_t DEVICES = 8;
    constexpr double BITS = 65536; // of a token, each way
    const GateMatrix gate = Gate(512, DEVICES);
    const auto latency = Latency(DEVICES);
    AllocationProblem split = Mixed(DEVICES, false);
    std::mt19937_64 engine(DEVICES);
    const BlockProblem block = Block(engine, DEVICES, DEVICES, true);
    QualityFloor floor;
    floor.maxLost = 0.02;
    floor.maxTokenLoss = 0.3;
    ShopProblem shop = Shop(DEVICES, true);
    for (std::size_t k = 0; k < DEVICES; ++k)
    {
        shop.tasks[k].cuts.resize(1);
        shop.devices[k].downlinkLaw = block.devices[k].downlinkLaw;
        shop.devices[k].uplinkLaw = block.devices[k].uplinkLaw;
    }
    WlrSelector wlr;
    QualityBound bound;
    Selection cost;
    MinMaxAllocator allocator;
    ShopPlanner planner;
    for (auto _ : state)
    {
        const Selection* selection = &cost;
        switch (way)
        {
        case Way::WLR:
            selection = &wlr.Solve(gate, 2, latency).selection;
            break;
        case Way::COST:
            cost = SelectQualityBound(gate, 2, latency);
            break;
        case Way::DIRECT:
            selection = &bound.Solve(gate, 2, block, floor).selection;
            break;
        }
        const auto load = selection->Load(DEVICES);
        for (std::size_t k = 0; k < DEVICES; ++k)
        {
            const double bits = BITS * load[k];
            const double compute = block.devices[k].ComputeS(load[k], 1);
            split.downlinkBits[k] = split.uplinkBits[k] = bits;
            split.computeS[k] = compute;
            shop.tasks[k].cuts[0][0] = {bits, compute, bits};
        }
        if (way == Way::WLR)
        {
            benchmark::DoNotOptimize(allocator.Solve(split).timeS);
        }
        else
        {
            benchmark::DoNotOptimize(planner.Plan(shop).outcome.costS);
        }
    }
}

/// @return the law. @param text Ls or SG,cap,scale
RateLaw
ParseLaw(const std::string& text)
{
    if (text.at(0) == 'L')
    {
        return RateLaw::Linear(std::stod(text.substr(1)));
    }
    std::istringstream in(text.substr(1));
    std::string part[3];
    for (auto& p : part)
    {
        std::getline(in, p, ',');
    }
    return RateLaw::Shannon(std::stod(part[0]), std::stod(part[1]), std::stod(part[2]));
}

/// Solve the problems of a file. @param name of the file @param runs of each; 0: for 0.2 s
/// @return exit status
int
SolveFile(const char* name, std::size_t runs)
{
    std::ifstream file(name);
    if (!file)
    {
        std::cerr << "core-bench: cannot read " << name << std::endl;
        return 1;
    }
    for (std::string line; std::getline(file, line);)
    {
        AllocationProblem p;
        std::istringstream in(line);
        std::string mode;
        std::string list;
        double ignored;
        in >> mode >> p.downlinkHz >> p.uplinkHz >> ignored >> list;
        p.coupled = mode == "c";
        std::istringstream devices(list);
        for (std::string device; std::getline(devices, device, ';');)
        {
            std::istringstream fields(device);
            std::string part[5];
            for (auto& f : part)
            {
                std::getline(fields, f, '/');
            }
            p.downlinkBits.push_back(std::stod(part[0]));
            p.uplinkBits.push_back(std::stod(part[1]));
            p.computeS.push_back(std::stod(part[2]));
            p.downlinkLaw.push_back(ParseLaw(part[3]));
            p.uplinkLaw.push_back(ParseLaw(part[4]));
        }
        std::vector<double> seconds;
        MinMaxAllocator allocator;
        const AllocationResult* result = nullptr;
        // CPU time, whose clock is coarse: some runs at a time
        const auto take = [&](std::size_t count) {
            const std::clock_t start = std::clock();
            for (std::size_t i = 0; i < count; ++i)
            {
                result = &allocator.Solve(p);
            }
            return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        };
        std::size_t count = runs > 0 ? runs : 1;
        double total = take(count);
        for (; runs == 0 && total < 2e-3; total = take(count))
        {
            count *= 2;
        }
        seconds.push_back(total / static_cast<double>(count));
        while (runs == 0 && (seconds.size() < 5 || (total < 0.2 && seconds.size() < 100)))
        {
            const double more = take(count);
            seconds.push_back(more / static_cast<double>(count));
            total += more;
        }
        std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
        std::printf("%.17g %.3g %.6g\n",
                    result->timeS,
                    result->Gap(),
                    runs > 0 ? result->iterations : seconds[seconds.size() / 2]);
    }
    return 0;
}

} // namespace

BENCHMARK(Allocate)
    ->ArgNames({"K", "coupled"})
    ->ArgsProduct({{8, 64, 1000, 100000}, {0, 1}})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(TopK)
    ->ArgNames({"tokens", "experts", "k"})
    ->Args({4096, 64, 2})
    ->Args({4096, 64, 6})
    ->Args({4096, 64, 8})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(CostBound)
    ->ArgNames({"tokens", "experts", "k"})
    ->Args({512, 8, 2})
    ->Args({4096, 64, 2})
    ->Args({4096, 64, 6})
    ->Args({4096, 64, 8})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Decide, "Wlr, min-max split", Way::WLR)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Decide, "cost bound, plan", Way::COST)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Decide, "QualityBound, plan", Way::DIRECT)->Unit(benchmark::kMicrosecond);
BENCHMARK(Select)
    ->ArgNames({"tokens", "experts", "k"})
    ->Args({512, 8, 2})
    ->Args({4096, 64, 2})
    ->Args({4096, 64, 6})
    ->Args({4096, 64, 8})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(Bound)
    ->ArgNames({"tokens", "experts", "k", "K", "shared"})
    ->Args({512, 8, 2, 8, 0})
    ->Args({512, 8, 2, 8, 1})
    ->Args({4096, 64, 2, 8, 0})
    ->Args({4096, 64, 6, 8, 0})
    ->Args({4096, 64, 6, 8, 1})
    ->Args({4096, 64, 6, 64, 0})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(PlanShop)
    ->ArgNames({"K", "shared"})
    ->ArgsProduct({{8, 32, 256}, {0, 1}})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(EvaluateShop)
    ->ArgNames({"K", "shared"})
    ->ArgsProduct({{8, 32, 256}, {0, 1}})
    ->Unit(benchmark::kMicrosecond);

int
main(int argc, char** argv)
{
    if ((argc == 3 || argc == 4) && std::strcmp(argv[1], "--instances") == 0)
    {
        return SolveFile(argv[2], argc == 4 ? std::stoul(argv[3]) : 0);
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
    {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
