/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/application-container.h"
#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/pointer.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-application-helper.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-compat.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-optimizer-helper.h"
#include "ns3/wdmoe-placement.h"
#include "ns3/wdmoe-placer.h"
#include "ns3/wdmoe-poisson-request-source.h"
#include "ns3/wdmoe-policy.h"
#include "ns3/wdmoe-recorded-gate-source.h"
#include "ns3/wdmoe-results-helper.h"
#include "ns3/wdmoe-scenario-radio.h"
#include "ns3/wdmoe-switching-gate-source.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <stdexcept>

using namespace ns3;
using namespace wdmoe;

namespace
{

/// @return whether figures are to be printed
bool
IsVerbose()
{
    return std::getenv("WDMOE_VERBOSE") != nullptr;
}

/// @return a small problem. @param rng draws it
PlacementProblem
Draw(std::mt19937& rng)
{
    const auto real = [&](double a, double b) {
        return std::uniform_real_distribution<double>(a, b)(rng);
    };
    const auto whole = [&](uint32_t a, uint32_t b) {
        return std::uniform_int_distribution<uint32_t>(a, b)(rng);
    };
    PlacementProblem p;
    p.blocks = whole(1, 3);
    p.experts = whole(1, p.blocks == 1 ? 5 : p.blocks == 2 ? 3 : 2);
    const auto K = whole(1, 3);
    const auto passes = whole(1, 2);
    const auto media = whole(0, 2);
    if (passes == 2)
    {
        p.weight = {real(0.2, 2), real(0.2, 2)};
    }
    for (uint32_t n = 0; n < passes * p.blocks * p.experts; n++)
    {
        p.load.push_back(whole(0, 4) == 0 ? 0 : real(0, 10));
    }
    p.expertBytes = whole(0, 2) ? 1.5 : 0;
    const bool alike = whole(0, 3) == 0;
    for (uint32_t k = 0; k < K; k++)
    {
        PlacementDevice d;
        if (alike && k > 0)
        {
            d = p.devices[0];
        }
        else
        {
            d.pairS = real(0, 2);
            d.expertS = whole(0, 1) * real(0, 3);
            d.fixedS = whole(0, 1) * real(0, 3);
            d.moveS = real(0, 5);
        }
        d.memoryBytes = 1.5 * whole(0, p.blocks * p.experts);
        p.devices.push_back(d);
    }
    for (uint32_t n = 0; n < media * K; n++)
    {
        p.airS.push_back(real(0, 1));
    }
    if (whole(0, 1))
    {
        p.moveWeight = real(0, 1);
        p.current.assign(p.blocks, std::vector<std::vector<uint32_t>>(p.experts));
        for (auto& block : p.current)
        {
            for (auto& holders : block)
            {
                holders = {whole(0, K - 1)};
            }
        }
    }
    return p;
}

/// @return objective of the best placement with one holder each, by trying all; infinite: none
/// fits. @param p small
double
Exhaust(const PlacementProblem& p)
{
    const auto K = static_cast<uint32_t>(p.devices.size());
    const auto n = p.blocks * p.experts;
    std::vector<uint32_t> at(n, 0);
    Placement placement(p.blocks,
                        std::vector<std::vector<uint32_t>>(p.experts, std::vector<uint32_t>(1)));
    double best = std::numeric_limits<double>::infinity();
    while (true)
    {
        std::vector<double> bytes(K, 0);
        bool fits = true;
        for (uint32_t x = 0; x < n; x++)
        {
            bytes[at[x]] += p.expertBytes;
            fits = fits && bytes[at[x]] <= p.devices[at[x]].memoryBytes * (1 + 1e-12);
            placement[x / p.experts][x % p.experts][0] = at[x];
        }
        if (fits)
        {
            // written out here, so that it does not come from what is tested
            double total = 0;
            const auto passes = std::max<std::size_t>(p.weight.size(), 1);
            for (std::size_t s = 0; s < passes; s++)
            {
                for (uint32_t i = 0; i < p.blocks; i++)
                {
                    double latest = 0;
                    for (uint32_t k = 0; k < K; k++)
                    {
                        double own = 0;
                        for (uint32_t e = 0; e < p.experts; e++)
                        {
                            const double l = p.load[(s * p.blocks + i) * p.experts + e];
                            if (at[i * p.experts + e] == k && l > 0)
                            {
                                own += (own == 0 ? p.devices[k].fixedS : 0) +
                                       l * p.devices[k].pairS + p.devices[k].expertS;
                            }
                        }
                        latest = std::max(latest, own);
                    }
                    for (std::size_t r = 0; r < p.airS.size() / K; r++)
                    {
                        double air = 0;
                        for (uint32_t e = 0; e < p.experts; e++)
                        {
                            air += p.load[(s * p.blocks + i) * p.experts + e] *
                                   p.airS[r * K + at[i * p.experts + e]];
                        }
                        latest = std::max(latest, air);
                    }
                    total += (p.weight.empty() ? 1 : p.weight[s]) * latest;
                }
            }
            for (uint32_t x = 0; x < n && !p.current.empty(); x++)
            {
                const bool moved = p.current[x / p.experts][x % p.experts][0] != at[x];
                total += moved ? p.moveWeight * p.devices[at[x]].moveS : 0;
            }
            best = std::min(best, total);
        }
        uint32_t x = 0;
        while (x < n && ++at[x] == K)
        {
            at[x++] = 0;
        }
        if (x == n)
        {
            return best;
        }
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Against every placement there is; bounds; what the solver says of memory and of nonsense.
 */
class ExhaustiveTestCase : public TestCase
{
  public:
    ExhaustiveTestCase()
        : TestCase("The optimum of small problems, and bounds on both sides")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937 rng(20261127);
        PlacementSolver solver;
        double worst = 0;
        double worstHeuristic = 0;
        double worstBound = 0;
        uint32_t solved = 0;
        uint32_t infeasible = 0;
        while (solved < 1500)
        {
            const auto p = Draw(rng);
            const double best = Exhaust(p);
            const auto r = solver.Solve(p); // a copy: the next call overwrites it
            if (!std::isfinite(best))
            {
                infeasible++;
                NS_TEST_ASSERT_MSG_EQ((r.status == PlacementStatus::INFEASIBLE), true, r.message);
                double missing = p.blocks * p.experts * p.expertBytes;
                for (const auto& d : p.devices)
                {
                    missing -= d.memoryBytes;
                }
                NS_TEST_ASSERT_MSG_EQ_TOL(r.missingBytes, missing, 1e-9, "by how much");
                NS_TEST_ASSERT_MSG_EQ(r.message.empty(), false, "says so");
                continue;
            }
            solved++;
            NS_TEST_ASSERT_MSG_EQ((r.status == PlacementStatus::OPTIMAL), true, "proven");
            const double scale = std::max(best, 1e-9);
            worst = std::max(worst, std::abs(r.objectiveS - best) / scale);
            NS_TEST_ASSERT_MSG_EQ_TOL(r.objectiveS, best, 1e-9 * scale, "the optimum");
            NS_TEST_ASSERT_MSG_EQ_TOL(PlacementObjective(p, r.placement),
                                      best,
                                      1e-9 * scale,
                                      "of this placement");
            PlacementParam rough;
            rough.maxNodes = 0;
            rough.maxRounds = 2;
            const auto h = solver.Solve(p, rough);
            NS_TEST_ASSERT_MSG_LT_OR_EQ(h.lowerBoundS, best + 1e-9 * scale, "bound <= optimum");
            NS_TEST_ASSERT_MSG_GT_OR_EQ(h.objectiveS, best - 1e-9 * scale, "optimum <= heuristic");
            NS_TEST_ASSERT_MSG_EQ(h.nodes, 0, "as told");
            worstHeuristic = std::max(worstHeuristic, h.objectiveS / scale - 1);
            worstBound = std::max(worstBound, 1 - h.lowerBoundS / scale);
        }
        NS_TEST_EXPECT_MSG_GT(infeasible, 100, "memory does not always suffice");
        if (IsVerbose())
        {
            std::cout << "placement: " << solved << " instances, worst relative gap of the exact "
                      << "solver " << worst << ", of local search with 2 restarts "
                      << worstHeuristic << ", of its bound " << worstBound << "; " << infeasible
                      << " infeasible" << std::endl;
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Several holders: never more than one without samples, never worse with, memory kept.
 */
class ReplicationTestCase : public TestCase
{
  public:
    ReplicationTestCase()
        : TestCase("More holders help where passes differ")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937 rng(7);
        PlacementSolver solver;
        uint32_t helped = 0;
        for (uint32_t n = 0; n < 300; n++)
        {
            auto p = Draw(rng);
            p.current.clear();
            p.moveWeight = 0;
            const auto one = solver.Solve(p);
            if (one.status == PlacementStatus::INFEASIBLE)
            {
                continue;
            }
            p.maxHolders = 2;
            const auto two = solver.Solve(p);
            NS_TEST_ASSERT_MSG_LT_OR_EQ(two.objectiveS,
                                        one.objectiveS * (1 + 1e-9) + 1e-12,
                                        "no worse");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(two.lowerBoundS, two.objectiveS, "bound");
            std::vector<double> bytes(p.devices.size());
            std::size_t holders = 0;
            for (const auto& block : two.placement)
            {
                for (const auto& h : block)
                {
                    holders += h.size();
                    NS_TEST_ASSERT_MSG_EQ((h.empty() || h.size() > 2), false, "one or two");
                    for (const auto k : h)
                    {
                        bytes[k] += p.expertBytes;
                    }
                }
            }
            for (std::size_t k = 0; k < bytes.size(); k++)
            {
                NS_TEST_ASSERT_MSG_LT_OR_EQ(bytes[k],
                                            (p.expertBytes > 0 ? p.devices[k].memoryBytes : 0),
                                            "memory");
            }
            if (p.weight.size() < 2)
            {
                NS_TEST_ASSERT_MSG_EQ(holders, p.blocks * p.experts, "nothing to gain");
            }
            helped += two.objectiveS < one.objectiveS * (1 - 1e-9);
        }
        NS_TEST_EXPECT_MSG_GT(helped, 5, "it does help at times");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Problems that are none.
 */
class BadProblemTestCase : public TestCase
{
  public:
    BadProblemTestCase()
        : TestCase("Bad problems are refused by name; large ones end")
    {
    }

  private:
    void DoRun() override
    {
        PlacementProblem good;
        good.blocks = 2;
        good.experts = 3;
        good.load.assign(6, 1);
        good.devices.resize(2);
        good.devices[0].pairS = good.devices[1].pairS = 1;
        good.airS.assign(4, 0.1);
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const double inf = std::numeric_limits<double>::infinity();
        PlacementSolver solver;
        const auto refused = [&](const auto& spoil, const std::string& word) {
            auto p = good;
            spoil(p);
            const auto& r = solver.Solve(p);
            NS_TEST_ASSERT_MSG_EQ((r.status == PlacementStatus::INVALID), true, word);
            NS_TEST_ASSERT_MSG_NE(r.message.find(word), std::string::npos, r.message);
            NS_TEST_ASSERT_MSG_EQ(r.placement.empty(), true, "no placement");
        };
        NS_TEST_ASSERT_MSG_EQ((solver.Solve(good).status == PlacementStatus::OPTIMAL), true, "");
        refused([](auto& p) { p.blocks = 0; }, "blocks is 0");
        refused([](auto& p) { p.experts = 0; }, "experts is 0");
        refused([](auto& p) { p.devices.clear(); }, "devices is 0");
        refused([](auto& p) { p.maxHolders = 0; }, "maxHolders");
        refused([](auto& p) { p.load.pop_back(); }, "loads is 5");
        for (const auto bad : {nan, inf, -1.0})
        {
            refused([&](auto& p) { p.load[4] = bad; }, "load[4]");
            refused([&](auto& p) { p.airS[1] = bad; }, "airS[1]");
            refused([&](auto& p) { p.devices[1].memoryBytes = bad; }, "memoryBytes of device 1");
            refused([&](auto& p) { p.devices[1].pairS = bad; }, "pairS of device 1");
            refused([&](auto& p) { p.devices[0].expertS = bad; }, "expertS of device 0");
            refused([&](auto& p) { p.devices[0].fixedS = bad; }, "fixedS of device 0");
            refused([&](auto& p) { p.devices[0].moveS = bad; }, "moveS of device 0");
            refused([&](auto& p) { p.expertBytes = bad; }, "expertBytes");
            refused([&](auto& p) { p.moveWeight = bad; }, "moveWeight");
            refused([&](auto& p) { p.weight = {bad}; }, "weight[0]");
        }
        refused([](auto& p) { p.weight = {0}; }, "weight[0]");
        refused([](auto& p) { p.airS.pop_back(); }, "airS");
        refused([](auto& p) { p.current.resize(1); }, "current placement");
        refused([](auto& p) { p.current.resize(2); }, "current placement");
        refused([](auto& p) { p.current.assign(2, std::vector<std::vector<uint32_t>>(3, {2})); },
                "a holder of the current placement is 2");

        // many experts and devices, no nodes to spare: it ends, with a bound
        std::mt19937 rng(3);
        PlacementProblem large;
        large.blocks = 4;
        large.experts = 64;
        std::lognormal_distribution<double> load(0, 1);
        std::uniform_real_distribution<double> cost(0.2, 1);
        for (uint32_t n = 0; n < 256; n++)
        {
            large.load.push_back(load(rng));
        }
        large.expertBytes = 1;
        for (uint32_t k = 0; k < 16; k++)
        {
            large.devices.push_back({17, cost(rng), cost(rng), cost(rng), 1});
            large.airS.push_back(0.05 * cost(rng));
        }
        PlacementParam param;
        param.maxNodes = 1000;
        param.maxRounds = 4;
        const auto r = solver.Solve(large, param);
        NS_TEST_ASSERT_MSG_EQ((r.status == PlacementStatus::HEURISTIC), true, "in limits");
        NS_TEST_ASSERT_MSG_LT(r.gap, 0.3, "with a bound that says something");
        NS_TEST_ASSERT_MSG_LT(r.nodes, 2000, "nodes");
        const auto again = PlacementSolver().Solve(large, param);
        NS_TEST_ASSERT_MSG_EQ((again.placement == r.placement), true, "the same again");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Running loads, and gates that change.
 */
class PopularityTestCase : public TestCase
{
  public:
    PopularityTestCase()
        : TestCase("Expected loads follow what passes bring; gates switch by request")
    {
    }

  private:
    void DoRun() override
    {
        PopularityEstimate estimate;
        estimate.SetUp(2, 4, 0.5, 3);
        NS_TEST_ASSERT_MSG_EQ(estimate.Share(0, 1), 0.25, "even where nothing is known");
        estimate.Add(0, {4, 0, 0, 0});
        estimate.Add(0, {0, 4, 0, 0});
        NS_TEST_ASSERT_MSG_EQ_TOL(estimate.Share(0, 1), 4 / 6.0, 1e-12, "the later counts more");
        NS_TEST_ASSERT_MSG_EQ_TOL(estimate.Pairs(0), 4, 1e-12, "of each pass");
        NS_TEST_ASSERT_MSG_EQ_TOL(estimate.Active(0), 1, 1e-12, "one expert in each pass");
        NS_TEST_ASSERT_MSG_EQ(estimate.Passes(), 0, "block 1 saw none");
        PlacementProblem p;
        estimate.Fill(p);
        NS_TEST_ASSERT_MSG_EQ_TOL(p.load[4], 1, 1e-12, "an unseen block: as many pairs, even");
        estimate.Add(1, {1, 1, 2, 0});
        estimate.Fill(p, true);
        NS_TEST_ASSERT_MSG_EQ(p.weight.size(), 1, "samples that all blocks have");
        NS_TEST_ASSERT_MSG_EQ(p.load[1], 4, "the last one");
        NS_TEST_ASSERT_MSG_EQ(p.load[6], 2, "the last one");
        std::string said;
        try
        {
            estimate.Add(2, {1, 1, 1, 1});
        }
        catch (const std::invalid_argument& e)
        {
            said = e.what();
        }
        NS_TEST_ASSERT_MSG_NE(said.find("block 2"), std::string::npos, said);

        const auto make = [](const std::string& domain) {
            auto source = CreateObject<WdmoeRecordedGateSource>();
            source->SetAttribute("FileName", StringValue("gates/olmoe-1b-7b-counts.json"));
            source->SetAttribute("Domain", StringValue(domain));
            return source;
        };
        auto gates = CreateObject<WdmoeSwitchingGateSource>();
        gates->Add(0, make("arxiv"));
        gates->Add(5, make("github"));
        gates->AssignStreams(10);
        gates->SetModel(16, 64, 8);
        auto first = make("arxiv");
        first->AssignStreams(10);
        first->SetModel(16, 64, 8);
        auto second = make("github");
        second->AssignStreams(20);
        second->SetModel(16, 64, 8);
        for (const auto& [request, source] :
             std::vector<std::pair<uint64_t, Ptr<WdmoeGateSource>>>{{0, first},
                                                                    {4, first},
                                                                    {5, second},
                                                                    {99, second},
                                                                    {(1ULL << 40) + 3, first}})
        {
            WdmoeGateQuery query;
            query.request = request;
            query.tokens = 3;
            NS_TEST_ASSERT_MSG_EQ((gates->GetGate(query).weight == source->GetGate(query).weight),
                                  true,
                                  "request " << request);
        }
        const auto message = WdmoeAbortMessage([&]() { gates->Add(5, first); });
        NS_TEST_ASSERT_MSG_NE(message.find("rising numbers"), std::string::npos, message);
        const auto late =
            WdmoeAbortMessage([&]() { CreateObject<WdmoeSwitchingGateSource>()->Add(1, first); });
        NS_TEST_ASSERT_MSG_NE(late.find("expected 0"), std::string::npos, late);
    }
};

/// One run over ideal links
struct Trial
{
    std::string placer;                                        ///< TypeId; empty: none
    std::vector<std::pair<std::string, std::string>> settings; ///< of the placer
    std::string fading{"Rayleigh"};                            ///< or "None"
    std::string predictor{"ns3::WdmoeLearningPredictor"};      ///< TypeId
    bool change{true};                                         ///< of the domain, with request 6
    uint32_t requests{20};                                     ///< served
    std::string share{"0.0063"}; ///< of memory: some 1.5 times the model in all

    // what came of it
    WdmoeServerReport server;           ///< at the end
    std::vector<WdmoeNodeReport> nodes; ///< at the end
    std::vector<double> latencyS;       ///< of each block
    double expertBytes{0};              ///< weights of one
    uint32_t early{0};                  ///< experts served where their weights were not yet
    uint32_t switches{0};               ///< experts served by another device than before

    /// Simulate it
    void Do();
};

void
Trial::Do()
{
    RngSeedManager::SetRun(1);
    WdmoeResetStreams();
    Ptr<Node> bs = CreateObject<Node>();
    NodeContainer phones(8);
    MobilityHelper mobility;
    mobility.Install(bs);
    mobility.SetPositionAllocator("ns3::GridPositionAllocator",
                                  "MinX",
                                  DoubleValue(30),
                                  "DeltaX",
                                  DoubleValue(40));
    mobility.Install(phones);
    WdmoeIdealRadioHelper radioHelper;
    radioHelper.SetAttribute("Fading", StringValue(fading));
    auto radio = radioHelper.Install(bs, phones);
    radio->AssignStreams(1);
    auto model = WdmoeModelDescription::Load("olmoe-1b-7b");
    model.expert.bytesPerWeight = 1.0 / 16; // small, so that moves are simulated quickly
    expertBytes = model.expert.WeightBytes();
    const std::vector<DeviceProfile> profiles(8, WdmoeLoadDeviceProfile("rtx-4070-ti"));
    WdmoeOptimizerHelper optimizer;
    optimizer.SetSelector("ns3::WdmoeTopKSelector");
    optimizer.SetAllocator("ns3::WdmoeScheduledAllocator");
    if (!placer.empty())
    {
        optimizer.SetPlacer(placer, "MemoryShare", StringValue(share));
    }
    optimizer.SetPredictor(predictor);
    auto controller = optimizer.Install(radio, model, profiles);
    if (!placer.empty())
    {
        PointerValue made;
        controller->GetAttribute("Placer", made);
        for (const auto& [name, value] : settings)
        {
            made.GetObject()->SetAttribute(name, StringValue(value));
        }
    }
    auto gates = CreateObject<WdmoeSwitchingGateSource>();
    for (const auto& [first, domain] : {std::pair{0, "arxiv"}, std::pair{6, "github"}})
    {
        if (first == 0 || change)
        {
            auto source = CreateObject<WdmoeRecordedGateSource>();
            source->SetAttribute("FileName", StringValue("gates/olmoe-1b-7b-counts.json"));
            source->SetAttribute("Domain", StringValue(domain));
            gates->Add(first, source);
        }
    }
    gates->AssignStreams(10);
    auto arrivals = CreateObject<WdmoePoissonRequestSource>();
    arrivals->SetAttribute("MaxRequests", UintegerValue(requests));
    arrivals->SetAttribute("Rate", DoubleValue(1));
    arrivals->SetAttribute("PromptTokens", StringValue("ns3::ConstantRandomVariable[Constant=32]"));
    arrivals->SetAttribute("OutputTokens", StringValue("ns3::ConstantRandomVariable[Constant=1]"));
    arrivals->AssignStreams(20);
    WdmoeGatingServerHelper serverHelper(model);
    serverHelper.SetAttribute("MaxBlocks", UintegerValue(3));
    auto app = serverHelper.Install(controller, gates, arrivals);
    auto experts = WdmoeExpertNodeHelper(model, profiles).Install(controller);
    app->TraceConnectWithoutContext(
        "Block",
        Callback<void, const WdmoeBlockRecord&>(
            [this](const WdmoeBlockRecord& r) { latencyS.push_back(r.latency.GetSeconds()); }));
    // who served an expert last, kept apart from the controller's own books
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> last;
    std::vector<uint64_t> arrived(8);
    controller->TraceConnectWithoutContext(
        "Decision",
        Callback<void, const WdmoeBlockInput&, const WdmoeDecision&>(
            [&](const WdmoeBlockInput& input, const WdmoeDecision& d) {
                if (last.empty() && controller->GetPlacement().IsSet())
                {
                    for (uint32_t i = 0; i < 3; i++)
                    {
                        for (uint32_t e = 0; e < 64; e++)
                        {
                            last[{i, e}] = controller->GetPlacement().GetHolders(i)[e][0];
                        }
                    }
                }
                for (uint32_t k = 0; k < d.devices.size(); k++)
                {
                    for (const auto& piece : d.devices[k].pieces)
                    {
                        for (const auto& entry : piece.entries)
                        {
                            const auto key = std::make_pair(input.block, entry.expert);
                            if (last.count(key) > 0 && last[key] != k)
                            {
                                switches++;
                                arrived[k]++;
                                const auto node = DynamicCast<WdmoeExpertNode>(experts.Get(k));
                                early += node->GetReport().experts < arrived[k];
                            }
                            last[key] = k;
                        }
                    }
                }
            }));
    app->TraceConnectWithoutContext("Done", Callback<void>([]() { Simulator::Stop(Seconds(1)); }));
    WdmoeResultsHelper results("placement");
    results.Attach("one", app, experts, controller);
    Simulator::Run();
    results.CheckConservation(uint64_t(requests) * 32, requests);
    server = app->GetReport();
    for (uint32_t k = 0; k < 8; k++)
    {
        nodes.push_back(DynamicCast<WdmoeExpertNode>(experts.Get(k))->GetReport());
    }
    Simulator::Destroy();
}

/// @return sum of the latencies of blocks. @param run done @param from first
double
SumS(const Trial& run, std::size_t from = 0)
{
    return std::accumulate(run.latencyS.begin() + static_cast<std::ptrdiff_t>(from),
                           run.latencyS.end(),
                           0.0);
}

/**
 * @ingroup wdmoe-tests
 *
 * Experts move over ideal links.
 */
class MigrationTestCase : public TestCase
{
  public:
    MigrationTestCase()
        : TestCase("Weights travel, old holders serve until then, bytes are those of the weights")
    {
    }

  private:
    void DoRun() override
    {
        const std::vector<std::pair<std::string, std::string>> eager{{"Interval", "1s"},
                                                                     {"MinSaving", "0.005"},
                                                                     {"Hysteresis", "0"},
                                                                     {"Forget", "0.8"},
                                                                     {"Horizon", "3600s"}};
        Trial none;
        none.Do();
        NS_TEST_ASSERT_MSG_EQ(none.server.weightBytes, 0, "nothing moves without a placer");
        Trial fixed;
        fixed.placer = "ns3::WdmoeStaticPlacer";
        fixed.Do();
        NS_TEST_ASSERT_MSG_EQ((fixed.latencyS == none.latencyS), true, "the same to the last bit");
        Trial placed;
        placed.placer = "ns3::WdmoePopularityPlacer";
        placed.Do();
        NS_TEST_ASSERT_MSG_EQ(placed.server.moves, 0, "placed before the first request");
        NS_TEST_ASSERT_MSG_LT(SumS(placed), 0.98 * SumS(none), "popular experts on good links");
        Trial moved;
        moved.placer = "ns3::WdmoeMigratingPlacer";
        moved.settings = eager;
        moved.Do();
        const auto& r = moved.server;
        NS_TEST_ASSERT_MSG_GT(r.moves, 3, "experts move");
        NS_TEST_ASSERT_MSG_GT(moved.switches, 3, "and are served where they are then");
        NS_TEST_ASSERT_MSG_EQ(moved.early, 0, "never before the weights are there");
        uint64_t experts = 0;
        uint64_t bytes = 0;
        for (const auto& node : moved.nodes)
        {
            experts += node.experts;
            bytes += node.weightBytes;
            NS_TEST_ASSERT_MSG_EQ(node.refused, 0, "no message without sense");
        }
        NS_TEST_ASSERT_MSG_EQ(experts, r.moves, "each has arrived whole");
        NS_TEST_ASSERT_MSG_EQ(r.weightBytes,
                              bytes + r.placedBytes,
                              "what was sent: weights, and as many headers as came back");
        const auto one = static_cast<uint64_t>(moved.expertBytes);
        NS_TEST_ASSERT_MSG_GT_OR_EQ(bytes, r.moves * one, "moves x bytes of an expert");
        NS_TEST_ASSERT_MSG_LT_OR_EQ(bytes, (r.moves + r.movesDropped) * one, "and no more");
        NS_TEST_ASSERT_MSG_EQ(r.tokensIn, 20 * 32, "tokens are conserved");
        NS_TEST_ASSERT_MSG_EQ(moved.latencyS.size(), 20 * 3, "blocks");
        const std::size_t settled = 12 * 3; // requests well after the change
        if (IsVerbose())
        {
            std::cout << "migration, ideal: mean block after the change, ms: static "
                      << 1e3 * SumS(none, settled) / 24 << ", placed "
                      << 1e3 * SumS(placed, settled) / 24 << ", migrating "
                      << 1e3 * SumS(moved, settled) / 24 << " with " << r.moves << " moves of "
                      << one << " bytes, " << r.movesBack << " back" << std::endl;
        }
        Trial again;
        again.placer = moved.placer;
        again.settings = eager;
        again.Do();
        NS_TEST_ASSERT_MSG_EQ((again.latencyS == moved.latencyS), true, "the same again");
        NS_TEST_ASSERT_MSG_EQ(again.server.weightBytes, r.weightBytes, "the same again");

        Trial still;
        still.placer = "ns3::WdmoeMigratingPlacer";
        still.settings = {{"Interval", "1s"}};
        still.predictor = "ns3::WdmoeClosedFormPredictor"; // links and costs that stay as well
        still.fading = "None";
        still.change = false;
        still.Do();
        Trial learning = still; // costs are learned on the way: what it does then is only told
        learning.predictor = "ns3::WdmoeLearningPredictor";
        learning.fading = "Rayleigh";
        learning.nodes.clear();
        learning.latencyS.clear();
        learning.Do();
        if (IsVerbose())
        {
            std::cout << "stationary gates, ideal: " << still.server.moves
                      << " moves with fixed costs, " << learning.server.moves << " ("
                      << learning.server.movesBack
                      << " back) with learned ones; mean block, ms: " << 1e3 * SumS(still) / 60
                      << " and " << 1e3 * SumS(learning) / 60 << std::endl;
        }
        NS_TEST_ASSERT_MSG_EQ(still.server.weightBytes,
                              0,
                              "stationary gates and costs: nothing moves");

        Trial learned; // knows nothing before it has seen some passes
        learned.placer = "ns3::WdmoePopularityPlacer";
        learned.settings = {{"History", ""}, {"Passes", "3"}};
        learned.change = false;
        learned.Do();
        NS_TEST_ASSERT_MSG_GT(learned.server.moves, 3, "moves, and pays");
        NS_TEST_ASSERT_MSG_EQ(learned.server.movesBack, 0, "once");
        NS_TEST_ASSERT_MSG_EQ(learned.early, 0, "never before the weights are there");

        Trial twice; // several holders
        twice.placer = "ns3::WdmoePopularityPlacer";
        twice.settings = {{"Samples", "8"},
                          {"MaxHolders", "2"},
                          {"HistoryPasses", "8"},
                          {"Effort", "1"}};
        twice.Do();
        NS_TEST_ASSERT_MSG_EQ(twice.latencyS.size(), 20 * 3, "blocks");
        NS_TEST_ASSERT_MSG_LT(SumS(twice), SumS(none), "no worse than static");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Settings that cannot be.
 */
class BadSettingTestCase : public TestCase
{
  public:
    BadSettingTestCase()
        : TestCase("Bad settings are refused, and messages of unknown type")
    {
    }

  private:
    void DoRun() override
    {
        const auto aborts = [&](const std::function<void()>& action, const std::string& word) {
            const auto message = WdmoeAbortMessage(action);
            NS_TEST_ASSERT_MSG_NE(message.find(word), std::string::npos, word + ": " + message);
        };
        aborts(
            []() {
                Trial run;
                run.placer = "ns3::WdmoePopularityPlacer";
                run.share = "0.001"; // 8 x 12 MB
                run.Do();
            },
            "bytes are missing");
        aborts(
            []() {
                Trial run;
                run.placer = "ns3::WdmoePopularityPlacer";
                run.settings = {{"History", "no-such-file.json"}};
                run.Do();
            },
            "no-such-file.json");
        aborts([]() { WdmoePolicy::Find("scheduled:placer=ns3::WdmoeTopKSelector"); },
               "is no WdmoePlacer");
        aborts([]() { WdmoePolicy::Find("scheduled:controller.Placer=x"); }, "placer=TYPEID");
        aborts(
            []() {
                WdmoeOptimizerHelper().SetPolicy(WdmoePolicy::Find("scheduled:placer.Interval=1s"));
            },
            "it has no placer");
        aborts(
            []() {
                WdmoeComparisonHelper comparison("x");
                comparison.placement = "ns3::WdmoeNoPlacer";
                comparison.Run(WdmoeScenarioRadio("ideal"));
            },
            "--placement is ns3::WdmoeNoPlacer");
        aborts(
            []() {
                WdmoeComparisonHelper comparison("x");
                comparison.gates = "0=recorded,x=recorded";
                comparison.Run(WdmoeScenarioRadio("ideal"));
            },
            "is no change of gates");
        for (const auto& [name, value] : {std::pair{"MemoryShare", "0"},
                                          std::pair{"MemoryShare", "1.1"},
                                          std::pair{"Forget", "0"},
                                          std::pair{"Interval", "0s"},
                                          std::pair{"Hysteresis", "-1"},
                                          std::pair{"MaxMoves", "0"},
                                          std::pair{"MaxHolders", "0"},
                                          std::pair{"MinSaving", "2"}})
        {
            auto placer = CreateObject<WdmoeMigratingPlacer>();
            NS_TEST_ASSERT_MSG_EQ(placer->SetAttributeFailSafe(name, StringValue(value)),
                                  false,
                                  name);
        }
        for (const auto& [type, error] :
             {std::pair{WdmoeHeader::WEIGHTS, WdmoeHeader::Error::NONE},
              std::pair{WdmoeHeader::PLACED, WdmoeHeader::Error::NONE},
              std::pair{static_cast<WdmoeHeader::Type>(7), WdmoeHeader::Error::TYPE}})
        {
            WdmoeHeader header;
            header.type = type;
            header.request = 77;
            header.batch = 3;
            header.tokens = 9;
            auto packet = Create<Packet>();
            packet->AddHeader(header);
            WdmoeHeader read;
            packet->RemoveHeader(read);
            NS_TEST_ASSERT_MSG_EQ((read.GetError() == error), true, "type " << +type);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Placement.
 */
class WdmoePlacementTestSuite : public TestSuite
{
  public:
    WdmoePlacementTestSuite()
        : TestSuite("wdmoe-placement", Type::UNIT)
    {
        AddTestCase(new ExhaustiveTestCase, Duration::QUICK);
        AddTestCase(new ReplicationTestCase, Duration::QUICK);
        AddTestCase(new BadProblemTestCase, Duration::QUICK);
        AddTestCase(new PopularityTestCase, Duration::QUICK);
        AddTestCase(new MigrationTestCase, Duration::QUICK);
        AddTestCase(new BadSettingTestCase, Duration::QUICK);
    }
};

/// Registers the suite
WdmoePlacementTestSuite g_wdmoePlacementTestSuite;

} // namespace
