/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/double.h"
#include "ns3/simulator.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-bottleneck.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"
#include "ns3/wdmoe-selector.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>

using namespace ns3;
using namespace wdmoe;

namespace
{

/// @return message of the std::invalid_argument that an action throws. @param action what to do
std::string
Refusal(const std::function<void()>& action)
{
    try
    {
        action();
    }
    catch (const std::invalid_argument& e)
    {
        return e.what();
    }
    return "";
}

/// @return a history that lies on a line. @param fixedS s @param perTokenS s a token
LatencyHistory
Line(double fixedS, double perTokenS)
{
    LatencyHistory history;
    for (const uint32_t tokens : {1, 5, 20})
    {
        history.Learn(tokens, fixedS + tokens * perTokenS, 0.1);
    }
    return history;
}

/// A problem drawn at random
struct Problem
{
    GateMatrix gate;                     ///< J x E
    std::size_t k;                       ///< top-k
    std::vector<uint32_t> expertDevice;  ///< by expert
    std::vector<double> fixedS;          ///< by device
    std::vector<double> perTokenS;       ///< by device
    std::vector<LatencyHistory> history; ///< of these lines
    BottleneckParam param;               ///< settings
};

/// @return a problem. @param rng draws it
Problem
Draw(std::mt19937& rng)
{
    std::uniform_real_distribution<double> uniform(0, 1);
    const auto integer = [&](uint32_t least, uint32_t most) {
        return std::uniform_int_distribution<uint32_t>(least, most)(rng);
    };
    Problem p;
    const uint32_t devices = integer(1, 5);
    p.gate.tokens = integer(1, 12);
    p.gate.experts = integer(devices, 8);
    p.k = integer(1, std::min<uint32_t>(4, p.gate.experts));
    for (std::size_t j = 0; j < p.gate.tokens; j++)
    {
        std::vector<double> row(p.gate.experts);
        double sum = 0;
        for (auto& w : row)
        {
            w = std::exp(6 * uniform(rng));
            sum += w;
        }
        for (const auto w : row)
        {
            p.gate.weight.push_back(w / sum);
        }
    }
    for (std::size_t e = 0; e < p.gate.experts; e++)
    {
        p.expertDevice.push_back(e % devices);
    }
    for (uint32_t d = 0; d < devices; d++)
    {
        p.fixedS.push_back(0.02 * uniform(rng));
        p.perTokenS.push_back(uniform(rng) < 0.1 ? 0 : 0.02 * uniform(rng));
        p.history.push_back(Line(p.fixedS[d], p.perTokenS[d]));
    }
    p.param.maxLostMass = 0.5 * uniform(rng);
    p.param.maxRelief = integer(0, 1) ? 1 : uniform(rng);
    p.param.minExperts = integer(1, 2);
    p.param.bottlenecks = integer(0, 3);
    return p;
}

/// @return predicted latency of a device. @param p the problem @param device index @param pairs
double
PredictedS(const Problem& p, std::size_t device, uint32_t pairs)
{
    return pairs == 0 ? 0 : p.fixedS[device] + pairs * p.perTokenS[device];
}

/// One (token, expert) pair
struct Pair
{
    std::size_t token; ///< j
    std::size_t rank;  ///< 0: the token's heaviest
    uint32_t device;   ///< that has it
    double weight;     ///< of the gate
    bool kept{true};   ///< false: dropped
};

/// @return the pairs of top-k by sorting whole rows. @param p the problem
std::vector<Pair>
PairsOf(const Problem& p)
{
    std::vector<Pair> pairs;
    for (std::size_t j = 0; j < p.gate.tokens; j++)
    {
        std::vector<std::size_t> order(p.gate.experts);
        for (std::size_t e = 0; e < order.size(); e++)
        {
            order[e] = e;
        }
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
            return p.gate.Row(j)[a] > p.gate.Row(j)[b];
        });
        for (std::size_t r = 0; r < p.k; r++)
        {
            pairs.push_back({j, r, p.expertDevice[order[r]], p.gate.Row(j)[order[r]]});
        }
    }
    return pairs;
}

/// @return kept pairs of each device. @param p the problem @param pairs all
std::vector<uint32_t>
Loads(const Problem& p, const std::vector<Pair>& pairs)
{
    std::vector<uint32_t> loads(p.history.size(), 0);
    for (const auto& pair : pairs)
    {
        loads[pair.device] += pair.kept;
    }
    return loads;
}

/**
 * Algorithm 2 once more, the slow way: everything is counted anew for each pair.
 *
 * @param p the problem
 * @return what is kept
 */
std::vector<Pair>
Naive(const Problem& p)
{
    auto pairs = PairsOf(p);
    const auto first = Loads(p, pairs);
    double mass = 0;
    for (const auto& pair : pairs)
    {
        mass += pair.weight;
    }
    double lost = 0;
    for (std::size_t round = 0; p.param.bottlenecks == 0 || round < p.param.bottlenecks; round++)
    {
        const auto before = pairs;
        const double lostBefore = lost;
        auto slowness = [&](std::size_t d) { return PredictedS(p, d, Loads(p, pairs)[d]); };
        std::size_t worst = 0;
        for (std::size_t d = 1; d < p.history.size(); d++)
        {
            worst = slowness(d) > slowness(worst) ? d : worst;
        }
        const double start = slowness(worst);
        for (;;)
        {
            bool still = true;
            for (std::size_t d = 0; d < p.history.size(); d++)
            {
                still &= d == worst || slowness(worst) >= slowness(d);
            }
            Pair* lightest = nullptr;
            for (auto& pair : pairs)
            {
                if (pair.kept && pair.device == worst && pair.rank >= p.param.minExperts &&
                    (!lightest || pair.weight <= lightest->weight))
                {
                    lightest = &pair;
                }
            }
            const auto gone = first[worst] - Loads(p, pairs)[worst];
            if (!still || !lightest || lost + lightest->weight > p.param.maxLostMass * mass ||
                gone + 1 > p.param.maxRelief * first[worst] + 1e-9)
            {
                break;
            }
            lightest->kept = false;
            lost += lightest->weight;
        }
        if (!(slowness(worst) < start - 1e-12))
        {
            lost = lostBefore;
            return before;
        }
    }
    return pairs;
}

/**
 * @ingroup wdmoe-tests
 *
 * What a history says.
 */
class LatencyHistoryTest : public TestCase
{
  public:
    LatencyHistoryTest()
        : TestCase("a device's history is a line that follows what is measured")
    {
    }

  private:
    void DoRun() override
    {
        LatencyHistory none;
        NS_TEST_EXPECT_MSG_EQ(std::isnan(none.Predict(1)), true, "nothing is known");
        NS_TEST_EXPECT_MSG_EQ(none.Predict(0), 0, "no tokens take no time");

        const auto line = Line(0.01, 0.002);
        NS_TEST_EXPECT_MSG_EQ_TOL(line.FixedS(), 0.01, 1e-12, "recovered");
        NS_TEST_EXPECT_MSG_EQ_TOL(line.PerTokenS(), 0.002, 1e-12, "recovered");
        NS_TEST_EXPECT_MSG_EQ_TOL(line.Predict(40), 0.09, 1e-12, "extrapolated");

        LatencyHistory same;
        same.Learn(8, 0.1, 0.1);
        same.Learn(8, 0.3, 0.1);
        NS_TEST_EXPECT_MSG_EQ_TOL(same.Predict(8), 0.2, 1e-12, "the first ones count alike");
        NS_TEST_EXPECT_MSG_EQ_TOL(same.Predict(4), 0.1, 1e-12, "proportional: sizes are alike");
        for (int i = 0; i < 200; i++)
        {
            same.Learn(8, 0.7, 0.1);
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(same.Predict(8), 0.7, 1e-8, "what was is forgotten");

        // a prompt, then a long answer: the slope stays, the level follows
        auto answer = Line(0.01, 0.002);
        for (int i = 0; i < 5000; i++)
        {
            answer.Learn(1, 0.013, 0.1);
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(answer.Predict(1), 0.013, 1e-6, "level");
        NS_TEST_EXPECT_MSG_EQ_TOL(answer.PerTokenS(), 0.002, 3e-4, "slope");

        // falling and steeper than proportional
        LatencyHistory falling;
        falling.Learn(1, 0.2, 0.5);
        falling.Learn(9, 0.1, 0.5);
        NS_TEST_EXPECT_MSG_EQ(falling.PerTokenS(), 0, "never falls");
        LatencyHistory steep;
        steep.Learn(2, 0.001, 0.5);
        steep.Learn(4, 0.1, 0.5);
        NS_TEST_EXPECT_MSG_EQ_TOL(steep.FixedS(), 0, 1e-12, "never begins below 0");

        std::mt19937 rng(1);
        std::uniform_real_distribution<double> uniform(1e-4, 1);
        LatencyHistory noise;
        for (int i = 0; i < 2000; i++)
        {
            noise.Learn(1 + static_cast<uint32_t>(64 * uniform(rng)), uniform(rng), 0.2);
            NS_TEST_ASSERT_MSG_EQ((noise.FixedS() >= 0 && noise.PerTokenS() >= 0), true, i);
            NS_TEST_ASSERT_MSG_GT_OR_EQ(noise.Predict(7), noise.Predict(6), "monotone");
        }

        for (const auto& [action, expected] :
             std::vector<std::pair<std::function<void()>, std::string>>{
                 {[&]() { none.Learn(0, 1, 0.1); }, "tokens is 0.000000, expected >= 1"},
                 {[&]() { none.Learn(1, 0, 0.1); }, "latency is 0.000000, expected s > 0"},
                 {[&]() { none.Learn(1, std::nan(""), 0.1); }, "latency is nan"},
                 {[&]() { none.Learn(1, 1, 0); }, "weight is 0.000000, expected in (0, 1]"},
                 {[&]() { none.Learn(1, 1, 1.5); }, "weight is 1.500000"}})
        {
            const auto message = Refusal(action);
            NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Worked by hand: four tokens, two devices with an expert each, device 1 at twice the time.
 */
class BottleneckByHandTest : public TestCase
{
  public:
    BottleneckByHandTest()
        : TestCase("a small block, worked by hand")
    {
    }

  private:
    void DoRun() override
    {
        GateMatrix gate;
        gate.tokens = 4;
        gate.experts = 2;
        gate.weight = {0.9, 0.1, 0.7, 0.3, 0.8, 0.2, 0.4, 0.6};
        const std::vector<uint32_t> placement{0, 1};
        const std::vector<LatencyHistory> history{Line(0, 1), Line(0, 2)};
        // 4 s against 8 s. Without one pair it is 6 s, without two 4 s, without three 2 s. Token 3
        // has its heaviest expert there.
        BottleneckParam param;
        param.maxLostMass = 1;
        auto r = SelectBottleneck(gate, 2, placement, history, param);
        NS_TEST_EXPECT_MSG_EQ(
            (r.selection.expert == std::vector<int32_t>{0, -1, 0, -1, 0, -1, 1, 0}),
            true,
            "all that may go: with two it would be as slow as the other one");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.beforeS, 8, 1e-9, "before");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.afterS, 4, 1e-9, "after");
        NS_TEST_EXPECT_MSG_EQ((r.relieved == std::vector<int32_t>{1}), true, "who");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.selection.combine[0], 1, 1e-12, "renormalised");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.selection.combine[6], 0.6, 1e-12, "untouched");

        param.maxLostMass = 0.3 / 4 + 1e-9; // 0.1 + 0.2
        r = SelectBottleneck(gate, 2, placement, history, param);
        NS_TEST_EXPECT_MSG_EQ(
            (r.selection.expert == std::vector<int32_t>{0, -1, 0, 1, 0, -1, 1, 0}),
            true,
            "the lightest, as far as the bound goes");
        param.maxLostMass = 1;
        param.maxRelief = 0.25;
        r = SelectBottleneck(gate, 2, placement, history, param);
        NS_TEST_EXPECT_MSG_EQ((r.selection.expert == std::vector<int32_t>{0, -1, 0, 1, 0, 1, 1, 0}),
                              true,
                              "one of four pairs");

        // what takes its time whatever the batch is not relieved for nothing
        param.maxRelief = 1;
        const std::vector<LatencyHistory> constant{Line(0, 1), Line(8, 0)};
        r = SelectBottleneck(gate, 2, placement, constant, param);
        NS_TEST_EXPECT_MSG_EQ(r.selection.Routed(), 8, "nothing would be gained");
        NS_TEST_EXPECT_MSG_EQ(r.relieved.empty(), true, "nobody");

        const std::vector<LatencyHistory> unknown{Line(0, 1), LatencyHistory()};
        r = SelectBottleneck(gate, 2, placement, unknown, param);
        NS_TEST_EXPECT_MSG_EQ(r.selection.Routed(), 8, "top-k until all are known");
        NS_TEST_EXPECT_MSG_EQ(r.beforeS, 0, "not known");

        for (const auto& [action, expected] :
             std::vector<std::pair<std::function<void()>, std::string>>{
                 {[&]() { SelectBottleneck(gate, 3, placement, history); }, "k is 3"},
                 {[&]() { SelectBottleneck(gate, 2, {0}, history); }, "placement has 1 entries"},
                 {[&]() { SelectBottleneck(gate, 2, {0, 2}, history); }, "names device 2"},
                 {[&]() { SelectBottleneck(GateMatrix(), 2, {}, history); }, "0 tokens"},
                 {[&]() {
                      BottleneckParam bad;
                      bad.maxLostMass = -0.1;
                      SelectBottleneck(gate, 2, placement, history, bad);
                  },
                  "maxLostMass is -0.1"},
                 {[&]() {
                      BottleneckParam bad;
                      bad.maxRelief = std::nan("");
                      SelectBottleneck(gate, 2, placement, history, bad);
                  },
                  "maxRelief is nan"},
                 {[&]() {
                      BottleneckParam bad;
                      bad.minExperts = 0;
                      SelectBottleneck(gate, 2, placement, history, bad);
                  },
                  "minExperts is 0"}})
        {
            const auto message = Refusal(action);
            NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Many blocks: the same as the slow way, and what must hold whatever the way.
 */
class BottleneckRandomTest : public TestCase
{
  public:
    BottleneckRandomTest()
        : TestCase("random blocks: as an independent implementation has it, and within all bounds")
    {
    }

  private:
    /// @param p the problem @param r its answer @param n which
    void CheckProperties(const Problem& p, const BottleneckResult& r, int n)
    {
        const auto& s = r.selection;
        const auto full = SelectTopK(p.gate, p.k);
        const double kept = KeptGateMass(p.gate, s, p.k);
        NS_TEST_EXPECT_MSG_GT_OR_EQ(kept, 1 - p.param.maxLostMass - 1e-9, n);
        NS_TEST_EXPECT_MSG_LT_OR_EQ(r.afterS, r.beforeS, n);
        NS_TEST_EXPECT_MSG_EQ(r.relieved.empty(), (s.Routed() == full.Routed()), n);
        for (std::size_t j = 0; j < p.gate.tokens; j++)
        {
            double sum = 0;
            for (std::size_t i = 0; i < p.k; i++)
            {
                const auto slot = j * p.k + i;
                NS_TEST_EXPECT_MSG_EQ((s.expert[slot] == full.expert[slot] ||
                                       (s.expert[slot] == -1 && i >= p.param.minExperts)),
                                      true,
                                      n << ": only pairs after the first ones go, none comes");
                sum += s.combine[slot];
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(sum, 1, 1e-12, n);
        }
    }

    /// With one bottleneck: no other choice of its pairs does better. @param p the problem
    /// @param r its answer @param n which
    void CheckAllSubsets(const Problem& p, const BottleneckResult& r, int n)
    {
        auto pairs = PairsOf(p);
        const auto loads = Loads(p, pairs);
        const auto d = static_cast<uint32_t>(r.relieved[0]);
        double others = 0;
        for (std::size_t o = 0; o < loads.size(); o++)
        {
            NS_TEST_EXPECT_MSG_LT_OR_EQ(PredictedS(p, o, loads[o]),
                                        PredictedS(p, d, loads[d]) + 1e-12,
                                        n << ": the slowest one is relieved");
            others = o == d ? others : std::max(others, PredictedS(p, o, loads[o]));
        }
        std::vector<double> weights;
        for (const auto& pair : pairs)
        {
            if (pair.device == d && pair.rank >= p.param.minExperts)
            {
                weights.push_back(pair.weight);
            }
        }
        double mass = 0;
        for (const auto& pair : pairs)
        {
            mass += pair.weight;
        }
        const auto dropped = static_cast<std::size_t>(pairs.size() - r.selection.Routed());
        const double lost = (1 - KeptGateMass(p.gate, r.selection, p.k)) * mass;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t subset = 0; subset < (std::size_t{1} << weights.size()); subset++)
        {
            std::size_t size = 0;
            double sum = 0;
            for (std::size_t i = 0; i < weights.size(); i++)
            {
                size += subset >> i & 1;
                sum += subset >> i & 1 ? weights[i] : 0;
            }
            least = size == dropped ? std::min(least, sum) : least;
            NS_TEST_EXPECT_MSG_EQ(
                (size < dropped &&
                 PredictedS(p, d, loads[d] - static_cast<uint32_t>(size)) < others - 1e-12),
                false,
                n << ": fewer pairs would have done");
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(lost, least, 1e-9, n << ": these are the lightest");
    }

    void DoRun() override
    {
        std::mt19937 rng(20261126);
        int relieved = 0;
        int subsets = 0;
        for (int n = 0; n < 4000; n++)
        {
            auto p = Draw(rng);
            const auto r = SelectBottleneck(p.gate, p.k, p.expertDevice, p.history, p.param);
            const auto naive = Naive(p);
            for (const auto& pair : naive)
            {
                NS_TEST_ASSERT_MSG_EQ((r.selection.expert[pair.token * p.k + pair.rank] >= 0),
                                      pair.kept,
                                      "block " << n << " token " << pair.token);
            }
            CheckProperties(p, r, n);
            relieved += !r.relieved.empty();
            if (p.param.bottlenecks == 1 && !r.relieved.empty() && p.gate.tokens <= 8)
            {
                CheckAllSubsets(p, r, n);
                subsets++;
            }
            // more may be lost: never slower; nothing may be lost: top-k
            if (p.param.bottlenecks == 1)
            {
                p.param.maxLostMass = std::min(1.0, 2 * p.param.maxLostMass);
                const auto more = SelectBottleneck(p.gate, p.k, p.expertDevice, p.history, p.param);
                NS_TEST_EXPECT_MSG_LT_OR_EQ(more.afterS, r.afterS + 1e-15, n);
            }
            p.param.maxLostMass = 0;
            const auto nothing = SelectBottleneck(p.gate, p.k, p.expertDevice, p.history, p.param);
            NS_TEST_EXPECT_MSG_EQ((nothing.selection.expert == SelectTopK(p.gate, p.k).expert &&
                                   nothing.relieved.empty()),
                                  true,
                                  n);
        }
        NS_TEST_EXPECT_MSG_GT(relieved, 1000, "the draw is worth something");
        NS_TEST_EXPECT_MSG_GT(subsets, 100, "the draw is worth something");
    }
};

/**
 * Top-k that writes down what it is told.
 */
class SpySelector : public WdmoeTopKSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::WdmoeTestSpySelector")
                                .SetParent<WdmoeTopKSelector>()
                                .AddConstructor<SpySelector>();
        return tid;
    }

    void Learn(uint32_t device, uint32_t tokens, double latencyS) override
    {
        told.push_back({device, tokens, latencyS});
    }

    /// One call of Learn()
    struct Told
    {
        uint32_t device; ///< index
        uint32_t tokens; ///< pairs
        double latencyS; ///< s
    };

    static std::vector<Told> told; ///< of all of them
};

std::vector<SpySelector::Told> SpySelector::told;

NS_OBJECT_ENSURE_REGISTERED(SpySelector);

/**
 * @ingroup wdmoe-tests
 *
 * In the loop: the controller tells what each device took; the slow device is relieved.
 */
class BottleneckInTheLoopTest : public TestCase
{
  public:
    BottleneckInTheLoopTest()
        : TestCase("the controller feeds the history, and the slow device is relieved")
    {
    }

  private:
    /// @return the testbed's devices, a small job. @param policies to run
    static std::unique_ptr<WdmoeComparisonHelper> Run(const std::string& policies)
    {
        auto comparison = std::make_unique<WdmoeComparisonHelper>("bottleneck-test");
        comparison->devices = "jetson-agx-orin,jetson-agx-orin,jetson-xavier-nx,rtx-4070-ti";
        comparison->minDistance = 3;
        comparison->maxDistance = 12;
        comparison->requests = 2;
        comparison->maxPromptTokens = 32;
        comparison->maxOutputTokens = 3;
        comparison->blocks = 4;
        comparison->policies = policies;
        WdmoeScenarioRadio air("ideal");
        std::ostringstream text;
        auto* before = std::cout.rdbuf(text.rdbuf());
        comparison->Run(air);
        std::cout.rdbuf(before);
        return comparison;
    }

    void DoRun() override
    {
        SpySelector::told.clear();
        const std::string spy = "ns3::WdmoeTestSpySelector+ns3::WdmoeStockAllocator";
        const auto spied = Run(spy);
        std::size_t at = 0;
        for (const auto& block : spied->GetResults().GetBlocks(spy))
        {
            uint32_t pairs = 0;
            double slowest = 0;
            for (; pairs < block.pairsRouted && at < SpySelector::told.size(); at++)
            {
                const auto& told = SpySelector::told[at];
                NS_TEST_EXPECT_MSG_GT(told.latencyS, 0, "took some time");
                NS_TEST_EXPECT_MSG_GT(told.tokens, 0, "of some tokens");
                NS_TEST_EXPECT_MSG_LT(told.device, 4, "there are four");
                slowest = std::max(slowest, told.latencyS);
                pairs += told.tokens;
            }
            NS_TEST_EXPECT_MSG_EQ(pairs, block.pairsRouted, "all of them, block by block");
            NS_TEST_EXPECT_MSG_EQ_TOL(slowest, block.latency.GetSeconds(), 1e-9, "a block's end");
        }
        NS_TEST_EXPECT_MSG_EQ(at, SpySelector::told.size(), "and nothing else");
        NS_TEST_EXPECT_MSG_GT(at, 48U, "two or more devices a block");

        const auto run = Run("topk-stock,bottleneck");
        const auto& vanilla = run->GetResults().GetBlocks("topk-stock");
        const auto& relieved = run->GetResults().GetBlocks("bottleneck");
        NS_TEST_ASSERT_MSG_EQ(vanilla.size(), relieved.size(), "the same blocks");
        NS_TEST_EXPECT_MSG_EQ(relieved[0].pairsRouted,
                              relieved[0].pairsTopK,
                              "nothing is known yet");
        uint32_t dropped = 0;
        double before = 0;
        double after = 0;
        for (std::size_t i = 0; i < relieved.size(); i++)
        {
            NS_TEST_EXPECT_MSG_GT_OR_EQ(relieved[i].gateMassKept, 0.85 - 1e-9, "the bound");
            NS_TEST_EXPECT_MSG_EQ(vanilla[i].pairsRouted, vanilla[i].pairsTopK, "top-k");
            dropped += relieved[i].pairsTopK - relieved[i].pairsRouted;
            before += vanilla[i].latency.GetSeconds();
            after += relieved[i].latency.GetSeconds();
        }
        NS_TEST_EXPECT_MSG_GT(dropped, 20U, "the Xavier NX gets rid of some");
        NS_TEST_EXPECT_MSG_LT(after, 0.95 * before, "and that helps");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Algorithm 2.
 */
class BottleneckTestSuite : public TestSuite
{
  public:
    BottleneckTestSuite()
        : TestSuite("wdmoe-bottleneck", Type::UNIT)
    {
        AddTestCase(new LatencyHistoryTest, Duration::QUICK);
        AddTestCase(new BottleneckByHandTest, Duration::QUICK);
        AddTestCase(new BottleneckRandomTest, Duration::QUICK);
        AddTestCase(new BottleneckInTheLoopTest, Duration::QUICK);
    }
};

BottleneckTestSuite g_bottleneckTestSuite; ///< registers itself

} // namespace
