/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/*
 * Speed of the selectors, and instances with their answers for des-vs-milp.py.
 *
 *   selectors-bench                     ns a token, medians of many runs
 *   selectors-bench --instances N       N random problems of Des with its answers, a JSON object in
 *                                       each line; --experts=E --topk=K --seed=S (0: sizes vary)
 *   selectors-bench --tokens N          one block of N tokens, 8 experts, top-2
 */

#include "wdmoe-des.h"
#include "wdmoe-selection.h"
#include "wdmoe-sift.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace wdmoe;

namespace
{

/// @return a number in [a, b). @param rng random bits @param a lowest @param b highest
double
Uniform(std::mt19937_64& rng, double a, double b)
{
    return a + (b - a) * static_cast<double>(rng() >> 11) * 0x1p-53;
}

/// @return softmax weights. @param rng random bits @param tokens J @param experts E @param skew
/// spread of the logits
GateMatrix
Draw(std::mt19937_64& rng, std::size_t tokens, std::size_t experts, double skew)
{
    GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    gate.weight.resize(tokens * experts);
    for (std::size_t j = 0; j < tokens; j++)
    {
        double* row = gate.weight.data() + j * experts;
        double sum = 0;
        for (std::size_t e = 0; e < experts; e++)
        {
            row[e] = std::exp(skew * Uniform(rng, -1, 1));
            sum += row[e];
        }
        for (std::size_t e = 0; e < experts; e++)
        {
            row[e] /= sum;
        }
    }
    return gate;
}

/// @return what experts on so many devices cost, s. @param rng random bits @param experts E
/// @param devices K
std::vector<double>
Costs(std::mt19937_64& rng, std::size_t experts, std::size_t devices)
{
    std::vector<double> device(devices);
    for (auto& c : device)
    {
        c = 1e-3 * std::exp(Uniform(rng, -1.5, 1.5));
    }
    std::vector<double> cost(experts);
    for (std::size_t e = 0; e < experts; e++)
    {
        cost[e] = device[e % devices];
    }
    return cost;
}

/// @return median s of a run. @param run what
template <typename F>
double
Median(F run)
{
    std::vector<double> times;
    for (int i = 0; i < 15; i++)
    {
        const auto start = std::chrono::steady_clock::now();
        run();
        times.push_back(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::nth_element(times.begin(), times.begin() + 7, times.end());
    return times[7];
}

/// Print a JSON array. @param name of the member @param values its numbers
template <typename T>
void
Print(const char* name, const std::vector<T>& values)
{
    std::printf("\"%s\": [", name);
    for (std::size_t i = 0; i < values.size(); i++)
    {
        std::printf("%s%.17g", i == 0 ? "" : ", ", static_cast<double>(values[i]));
    }
    std::printf("]");
}

/// Print instances. @param count how many @param experts E @param k top-k @param seed of the draws
void
Instances(int count, std::size_t experts, std::size_t k, uint64_t seed)
{
    std::mt19937_64 rng(seed);
    DesSolver solver;
    for (int n = 0; n < count; n++)
    {
        const auto size = experts > 0 ? experts : 2 + rng() % 63;
        const auto top = k > 0 ? k : 1 + rng() % std::min<std::size_t>(8, size);
        const auto gate = Draw(rng, 1, size, Uniform(rng, 0.5, 4));
        const auto cost = Costs(rng, size, 1 + rng() % size);
        DesParam param;
        param.floor = Uniform(rng, 0.5, 1);
        param.relative = rng() % 4 > 0;
        solver.Solve(gate, top, cost, param);
        const auto& r = solver.GetResult();
        const double s = Median([&] {
            for (int i = 0; i < 100; i++)
            {
                solver.Solve(gate, top, cost, param);
            }
        });
        std::printf("{\"k\": %zu, \"floor\": %.17g, \"relative\": %s, ",
                    top,
                    param.floor,
                    param.relative ? "true" : "false");
        Print("weight", gate.weight);
        std::printf(", ");
        Print("cost", cost);
        std::printf(", ");
        Print("expert", r.selection.expert);
        std::printf(", \"infeasible\": %zu, \"unproven\": %zu, \"call_s\": %.3g}\n",
                    r.infeasible,
                    r.unproven,
                    s / 100);
    }
}

/// One large block. @param tokens J
void
Large(std::size_t tokens)
{
    std::mt19937_64 rng(1);
    const auto gate = Draw(rng, tokens, 8, 2);
    const auto cost = Costs(rng, 8, 8);
    const auto start = std::chrono::steady_clock::now();
    const auto r = SelectDes(gate, 2, cost);
    const double s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%zu tokens: %.3f s, %s, cost %.6g, bound %.6g\n",
                tokens,
                s,
                SearchStatusName(r.status),
                r.cost,
                r.lowerBound);
}

/// The table
void
Table()
{
    std::printf("%-6s %8s %4s %8s %6s %12s %12s %10s\n",
                "solver",
                "experts",
                "k",
                "devices",
                "floor",
                "ns a token",
                "nodes/token",
                "unproven");

    struct Size
    {
        std::size_t experts, k, devices;
    };

    for (const auto& size : {Size{8, 2, 8}, Size{8, 2, 4}, Size{64, 6, 64}, Size{64, 6, 8}})
    {
        for (const double floor : {0.8, 0.9, 0.99})
        {
            std::mt19937_64 rng(2);
            const auto gate = Draw(rng, 4096, size.experts, 2);
            const auto cost = Costs(rng, size.experts, size.devices);
            DesSolver des;
            DesParam param;
            param.floor = floor;
            const double s = Median([&] { des.Solve(gate, size.k, cost, param); });
            const auto& r = des.GetResult();
            std::printf("%-6s %8zu %4zu %8zu %6g %12.0f %12.2f %10zu\n",
                        "Des",
                        size.experts,
                        size.k,
                        size.devices,
                        floor,
                        1e9 * s / 4096,
                        static_cast<double>(r.nodes) / 4096,
                        r.unproven);
            SiftSolver sift;
            SiftParam skip;
            skip.maxError = 1 - floor;
            const double t = Median([&] { sift.Solve(gate, size.k, cost, {}, skip); });
            const auto& q = sift.GetResult();
            std::printf("%-6s %8zu %4zu %8zu %6g %12.0f %12.2f %10zu\n",
                        "Sift",
                        size.experts,
                        size.k,
                        size.devices,
                        floor,
                        1e9 * t / 4096,
                        static_cast<double>(q.nodes) / 4096,
                        q.unproven);
        }
    }
}

/// @return value of --NAME=VALUE or --NAME VALUE. @param argc of main @param argv of main
/// @param name of the option @param otherwise if it is not there
long
Option(int argc, char* argv[], const std::string& name, long otherwise)
{
    for (int i = 1; i < argc; i++)
    {
        const std::string text = argv[i];
        if (text == "--" + name && i + 1 < argc)
        {
            return std::atol(argv[i + 1]);
        }
        if (text.rfind("--" + name + "=", 0) == 0)
        {
            return std::atol(argv[i] + name.size() + 3);
        }
    }
    return otherwise;
}

} // namespace

int
main(int argc, char* argv[])
{
    const auto instances = Option(argc, argv, "instances", 0);
    const auto tokens = Option(argc, argv, "tokens", 0);
    if (instances > 0)
    {
        Instances(static_cast<int>(instances),
                  Option(argc, argv, "experts", 0),
                  Option(argc, argv, "topk", 0),
                  Option(argc, argv, "seed", 1));
    }
    else if (tokens > 0)
    {
        Large(tokens);
    }
    else
    {
        Table();
    }
    return 0;
}
