/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * Placement problems and what wdmoe::PlacementSolver makes of them, one JSON object a line, for
 * solvers of other makers: placement-vs-cpsat.py, placement-vs-milp.py. Needs nothing but the core:
 *
 *     g++ -std=c++20 -O2 -I model/core bench/placement-problems.cc model/core/wdmoe-placement.cc
 *
 *     placement-problems small COUNT SEED          random, small enough to be solved exactly
 *     placement-problems BLOCKS EXPERTS DEVICES SHARE SEED RESTARTS NODES    SHARE: memory of all
 *                                                  devices over that of all experts
 */

#include "wdmoe-placement.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

using namespace wdmoe;

namespace
{

/// Print an array. @param name its name @param values its elements
template <typename T>
void
Print(const char* name, const T& values)
{
    std::printf("\"%s\":[", name);
    for (std::size_t i = 0; i < values.size(); i++)
    {
        std::printf("%s%.17g", i > 0 ? "," : "", static_cast<double>(values[i]));
    }
    std::printf("],");
}

/// Solve and print. @param p problem @param param settings
void
Answer(const PlacementProblem& p, const PlacementParam& param)
{
    PlacementSolver solver;
    const auto start = std::chrono::steady_clock::now();
    const auto& r = solver.Solve(p, param);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("{\"blocks\":%u,\"experts\":%u,\"expertBytes\":%.17g,\"moveWeight\":%.17g,",
                p.blocks,
                p.experts,
                p.expertBytes,
                p.moveWeight);
    Print("load", p.load);
    Print("weight", p.weight);
    Print("airS", p.airS);
    std::vector<double> column;
    const auto devices = [&](const char* name, double PlacementDevice::* field) {
        column.clear();
        for (const auto& d : p.devices)
        {
            column.push_back(d.*field);
        }
        Print(name, column);
    };
    devices("memoryBytes", &PlacementDevice::memoryBytes);
    devices("pairS", &PlacementDevice::pairS);
    devices("expertS", &PlacementDevice::expertS);
    devices("fixedS", &PlacementDevice::fixedS);
    devices("moveS", &PlacementDevice::moveS);
    column.clear();
    for (const auto& block : p.current)
    {
        for (const auto& holders : block)
        {
            column.push_back(holders[0]);
        }
    }
    Print("current", column);
    column.clear();
    for (const auto& block : r.placement)
    {
        for (const auto& holders : block)
        {
            column.push_back(holders[0]);
        }
    }
    Print("placement", column);
    std::printf(
        "\"status\":\"%s\",\"objectiveS\":%.17g,\"lowerBoundS\":%.17g,\"missingBytes\":%.17g,"
        "\"nodes\":%llu,\"seconds\":%.6f}\n",
        PlacementStatusName(r.status),
        r.objectiveS,
        r.lowerBoundS,
        r.missingBytes,
        static_cast<unsigned long long>(r.nodes),
        took.count());
}

} // namespace

int
main(int argc, char* argv[])
{
    const bool small = argc == 4 && std::string(argv[1]) == "small";
    if (!small && argc != 8)
    {
        std::fprintf(stderr,
                     "usage: %s small COUNT SEED | BLOCKS EXPERTS DEVICES SHARE SEED RESTARTS "
                     "NODES\n",
                     argv[0]);
        return 2;
    }
    std::mt19937 rng(static_cast<uint32_t>(std::atoi(argv[small ? 3 : 5])));
    const auto real = [&](double a, double b) {
        return std::uniform_real_distribution<double>(a, b)(rng);
    };
    const auto whole = [&](uint32_t a, uint32_t b) {
        return std::uniform_int_distribution<uint32_t>(a, b)(rng);
    };
    for (int n = 0; small && n < std::atoi(argv[2]); n++)
    {
        PlacementProblem p;
        p.blocks = whole(1, 3);
        p.experts = whole(2, 5);
        const auto devices = whole(2, 4);
        const auto passes = whole(1, 2);
        for (uint32_t s = 0; s < passes; s++)
        {
            p.weight.push_back(real(0.2, 2));
        }
        for (uint32_t i = 0; i < passes * p.blocks * p.experts; i++)
        {
            p.load.push_back(whole(0, 5) == 0 ? 0 : real(0, 10));
        }
        p.expertBytes = whole(0, 3) ? 1 : 0;
        for (uint32_t k = 0; k < devices; k++)
        {
            const auto fit = static_cast<double>(whole(0, 2 * p.blocks * p.experts / devices + 1));
            p.devices.push_back({fit,
                                 real(0.1, 2),
                                 whole(0, 1) * real(0, 2),
                                 whole(0, 1) * real(0, 2),
                                 real(0, 4)});
        }
        for (uint32_t i = 0; i < whole(0, 2) * devices; i++)
        {
            p.airS.push_back(real(0, 1));
        }
        p.airS.resize(p.airS.size() / devices * devices);
        if (whole(0, 1))
        {
            p.moveWeight = real(0, 1);
            p.current.assign(p.blocks, std::vector<std::vector<uint32_t>>(p.experts));
            for (auto& block : p.current)
            {
                for (auto& holders : block)
                {
                    holders = {whole(0, devices - 1)};
                }
            }
        }
        PlacementParam param;
        param.maxNodes = 5000000;
        Answer(p, param);
    }
    if (small)
    {
        return 0;
    }
    PlacementProblem p;
    p.blocks = static_cast<uint32_t>(std::atoi(argv[1]));
    p.experts = static_cast<uint32_t>(std::atoi(argv[2]));
    const auto devices = static_cast<uint32_t>(std::atoi(argv[3]));
    // loads as skewed as DeepSeek-V2-Lite's (coefficient of variation 0.9, data/gates/fits.json)
    std::normal_distribution<double> normal(0, 0.77);
    for (uint32_t i = 0; i < p.blocks * p.experts; i++)
    {
        p.load.push_back(20 * std::exp(normal(rng)));
    }
    p.expertBytes = 1;
    std::vector<double> fit;
    double sum = 0;
    for (uint32_t k = 0; k < devices; k++)
    {
        fit.push_back(real(0.5, 1.5));
        sum += fit.back();
    }
    for (uint32_t k = 0; k < devices; k++)
    {
        const double memory = std::ceil(std::atof(argv[4]) * p.blocks * p.experts * fit[k] / sum);
        p.devices.push_back(
            {memory, 1e-3 * std::exp(real(-1, 1)), real(0, 2e-3), real(0, 1e-2), 0.1});
    }
    for (uint32_t i = 0; i < 2 * devices; i++)
    {
        p.airS.push_back(1e-4 * std::exp(real(-1, 1)));
    }
    PlacementParam param;
    param.maxRounds = static_cast<uint32_t>(std::atoi(argv[6]));
    param.maxNodes = static_cast<uint64_t>(std::atoll(argv[7]));
    Answer(p, param);
    return 0;
}
