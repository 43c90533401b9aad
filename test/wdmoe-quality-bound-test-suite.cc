/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-blocks.h"
#include "wdmoe-test-support.h"

#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/wdmoe-joint.h"
#include "ns3/wdmoe-quality-bound-selector.h"
#include "ns3/wdmoe-quality-bound.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <limits>
#include <random>

using namespace ns3;
using namespace wdmoe;
using namespace wdmoe_test;

/// @return how often memory was asked for (wdmoe-flow-shop-test-suite.cc counts it)
std::size_t WdmoeAllocations();

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();
constexpr double NOT_A_NUMBER = std::numeric_limits<double>::quiet_NaN();

/// One pair of top-k, for an exhaustive search
struct Choice
{
    std::size_t slot; ///< index into Selection::expert
    double mass;      ///< of the gate
    double loss;      ///< of quality
};

/// Prices for tests
const std::vector<QualityPrice> PRICES{{0.2, 0.1}, {0.4, 0.4}, {1, 1}};

} // namespace

/**
 * @ingroup wdmoe-tests
 *
 * Against what can be said by hand.
 */
class QualityBoundClosedFormTest : public TestCase
{
  public:
    QualityBoundClosedFormTest()
        : TestCase("two devices, by hand")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundClosedFormTest::DoRun()
{
    // 12 tokens; the second expert of each has 0.1. Device 1 needs four times the time of device 0.
    // 1 Hz, 1 bit: T = pairs of device 0 + 4 x pairs of device 1.
    GateMatrix gate;
    gate.tokens = 12;
    gate.experts = 2;
    for (int j = 0; j < 12; ++j)
    {
        const bool first = j % 2 == 0;
        gate.weight.push_back(first ? 0.9 : 0.1);
        gate.weight.push_back(first ? 0.1 : 0.9);
    }
    BlockProblem p;
    p.cells = {{1, 1, false, false}};
    p.expertDevice = {0, 1};
    p.devices.resize(2);
    for (int k = 0; k < 2; ++k)
    {
        p.devices[k].downlinkLaw = RateLaw::Linear(k == 0 ? 1 : 0.25);
        p.devices[k].uplinkLaw = RateLaw::Linear(1);
        p.devices[k].downlinkPairBits = 1;
    }
    QualityFloor floor;
    floor.maxTokenLoss = 1;
    floor.relativeGap = 1e-6;
    floor.maxLost = 3 * 0.1 / 12; // three pairs of twelve: all from device 1
    QualityBound bound;
    for (const BlockModel model : {BlockModel::SCHEDULE, BlockModel::STATIC_SPLIT})
    {
        floor.model = model;
        const auto& r = bound.Solve(gate, 2, p, floor);
        NS_TEST_ASSERT_MSG_EQ((r.status == QualityStatus::SOLVED), true, r.message);
        NS_TEST_EXPECT_MSG_EQ_TOL(r.latencyS, 12 + 4 * 9, 1e-6, "three of device 1 are gone");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.lowerBoundS, 48, 1e-3, "and that is the best");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.lost, 3 * 0.1 / 12, 1e-12, "lost");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.gateMassKept, 1 - 3 * 0.1 / 12, 1e-12, "kept");
        NS_TEST_EXPECT_MSG_EQ(r.selection.Load(2)[1], 9U, "load");
    }
    // half a pair more: the relaxed problem drops half of it, which is 2 s
    floor.maxLost = 3.5 * 0.1 / 12;
    floor.model = BlockModel::SCHEDULE;
    auto r = bound.Solve(gate, 2, p, floor);
    NS_TEST_EXPECT_MSG_EQ_TOL(r.latencyS, 48, 1e-6, "rounded");
    NS_TEST_EXPECT_MSG_EQ_TOL(r.lowerBoundS, 46, 1e-3, "relaxed");
    NS_TEST_EXPECT_MSG_EQ_TOL(r.priceSPerLost, 4 / (0.1 / 12), 1, "4 s for each pair's loss");
    // the same where both directions cost: the uplink is what is waited for
    for (auto& d : p.devices)
    {
        d.uplinkPairBits = 10;
    }
    r = bound.Solve(gate, 2, p, floor);
    NS_TEST_EXPECT_MSG_GT(r.weight[1], 0.99, "the uplink has the weight");
    // no floor: all that may go, but no more than helps
    floor.maxLost = 1;
    r = bound.Solve(gate, 2, p, floor);
    NS_TEST_EXPECT_MSG_EQ(r.selection.Routed(), 12U, "the first of each stays");
    NS_TEST_EXPECT_MSG_LT(r.Gap(), 1e-6, "exact");
    // what cannot be heard is lost anyway
    p.devices[1].reachable = false;
    floor.maxLost = 0.2;
    r = bound.Solve(gate, 2, p, floor);
    NS_TEST_EXPECT_MSG_EQ((r.status == QualityStatus::FLOOR_NOT_MET), true, "half is lost");
    NS_TEST_EXPECT_MSG_EQ_TOL(r.lost, 0.5, 1e-12, "the best that can be reached");
    NS_TEST_EXPECT_MSG_NE(r.message.find("0.5, more than maxLost, 0.2"),
                          std::string::npos,
                          r.message);
    // a pair whose loss buys nothing stays: device 1 ends late by itself
    p.devices[1].reachable = true;
    p.devices[0].uplinkPairBits = p.devices[1].uplinkPairBits = 0;
    p.devices[1].downlinkFixedS = 1000;
    p.devices[1].pairS = 10;
    floor.maxLost = 1;
    r = bound.Solve(gate, 2, p, floor);
    NS_TEST_EXPECT_MSG_EQ(r.selection.Load(2)[0], 12U, "those of device 0 stay");
    NS_TEST_EXPECT_MSG_EQ(r.selection.Load(2)[1], 6U, "those of device 1 go");
    floor.restore = false;
    r = bound.Solve(gate, 2, p, floor);
    NS_TEST_EXPECT_MSG_EQ(r.selection.Routed(), 12U, "unless that is not asked for");
}

/**
 * @ingroup wdmoe-tests
 *
 * Against all sets of dropped pairs.
 */
class QualityBoundExhaustiveTest : public TestCase
{
  public:
    QualityBoundExhaustiveTest(BlockModel model, std::size_t trials)
        : TestCase(std::string("bound <= optimum <= answer, ") +
                   (model == BlockModel::SCHEDULE ? "schedule" : "static split")),
          m_model(model),
          m_trials(trials)
    {
    }

  private:
    void DoRun() override;

    BlockModel m_model;   ///< how latency comes about
    std::size_t m_trials; ///< instances
};

void
QualityBoundExhaustiveTest::DoRun()
{
    QualityBound bound;
    BlockEvaluator evaluator;
    std::size_t solved = 0;
    std::size_t optimal = 0;
    double worstGap = 0;
    double worstAbove = 0;
    double sumGap = 0;
    double sumAbove = 0;
    for (uint64_t seed = 1; solved < m_trials && seed < 3 * m_trials; ++seed)
    {
        Draw draw(seed);
        const std::size_t devices = 1 + draw.Of(4);
        const std::size_t experts = devices + 1 + draw.Of(2);
        const std::size_t k = 2 + draw.Of(std::min<std::size_t>(2, experts - 1));
        const auto gate = DrawGate(draw, 1 + draw.Of(6), experts, draw(0.5, 5));
        auto p = DrawProblem(draw,
                             devices,
                             experts,
                             1 + draw.Of(2),
                             static_cast<int>(seed % 4) - 1,
                             draw.Of(2));
        QualityFloor floor;
        floor.model = m_model;
        floor.maxLost = draw(0, 0.6);
        floor.maxTokenLoss = draw.Of(2) ? 1 : draw(0.1, 0.6);
        floor.minExperts = 1 + draw.Of(2);
        floor.restore = draw.Of(2);
        if (draw.Of(3) == 0)
        {
            floor.price = PRICES;
        }
        p.devices[0].reachable = devices == 1 || draw.Of(6) != 0;

        const auto full = SelectTopK(gate, k);
        std::vector<double> token(gate.tokens, 0);
        for (std::size_t i = 0; i < full.expert.size(); ++i)
        {
            token[i / k] += gate.Row(i / k)[full.expert[i]];
        }
        double mass = 0;
        for (const double t : token)
        {
            mass += t;
        }
        double lostAnyway = 0;
        std::vector<double> anyway(gate.tokens, 0);
        std::vector<Choice> choices;
        std::vector<std::size_t> heard(gate.tokens, 0);
        for (std::size_t i = 0; i < full.expert.size(); ++i)
        {
            Choice c{i, gate.Row(i / k)[full.expert[i]], 0};
            const double share = c.mass / token[i / k];
            const double price = share <= 0.2 ? 0.1 : share <= 0.4 ? 0.4 : 1;
            c.loss = floor.price.empty() ? c.mass / mass
                                         : price / static_cast<double>(full.expert.size());
            if (!p.devices[p.expertDevice[full.expert[i]]].reachable)
            {
                lostAnyway += c.loss;
                anyway[i / k] += c.mass;
            }
            else if (heard[i / k]++ >= floor.minExperts)
            {
                choices.push_back(c);
            }
        }
        if (choices.size() > 11 || lostAnyway > floor.maxLost)
        {
            continue;
        }
        double best = INF;
        for (std::size_t set = 0; set < std::size_t{1} << choices.size(); ++set)
        {
            double lost = lostAnyway;
            auto left = anyway;
            auto expert = full.expert;
            bool touched = false;
            std::vector<bool> hit(gate.tokens, false);
            for (std::size_t i = 0; i < choices.size(); ++i)
            {
                if (set >> i & 1)
                {
                    lost += choices[i].loss;
                    left[choices[i].slot / k] += choices[i].mass;
                    hit[choices[i].slot / k] = touched = true;
                    expert[choices[i].slot] = -1;
                }
            }
            bool keeps = !touched || lost <= floor.maxLost;
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                keeps =
                    keeps && (!hit[j] || left[j] <= floor.maxTokenLoss * token[j] * (1 + 1e-12));
            }
            best = keeps ? std::min(best, LatencyOf(evaluator, p, m_model, expert)) : best;
        }
        const auto& r = bound.Solve(gate, k, p, floor);
        NS_TEST_ASSERT_MSG_EQ((r.status == QualityStatus::SOLVED), true, r.message);
        const double found = LatencyOf(evaluator, p, m_model, r.selection.expert);
        NS_TEST_ASSERT_MSG_EQ_TOL(r.latencyS, found, 1e-9 * found, "latency, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lowerBoundS, best * (1 + 1e-9), "bound, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(best, found * (1 + 1e-9), "optimum, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lost, floor.maxLost * (1 + 1e-9) + 1e-15, "seed " << seed);
        ++solved;
        const double above = best > 0 ? found / best - 1 : 0;
        optimal += above <= 1e-9;
        worstGap = std::max(worstGap, r.Gap());
        worstAbove = std::max(worstAbove, above);
        sumGap += r.Gap();
        sumAbove += above;
    }
    NS_TEST_EXPECT_MSG_EQ(solved, m_trials, "instances");
    const auto trials = static_cast<double>(m_trials);
    NS_TEST_EXPECT_MSG_GT(static_cast<double>(optimal), 0.95 * trials, "mostly it is the optimum");
    NS_TEST_EXPECT_MSG_LT(sumGap / trials, 0.05, "mean gap");
    if (std::getenv("WDMOE_VERBOSE"))
    {
        std::cout << GetName() << ": " << solved << " instances, " << optimal
                  << " solved to the optimum; above it by " << 100 * sumAbove / trials
                  << " % (mean), " << 100 * worstAbove << " % (worst); gap "
                  << 100 * sumGap / trials << " % (mean), " << 100 * worstGap << " % (worst)"
                  << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Larger blocks: the gap, and the bound on it; the bound on schedules against schedules.
 */
class QualityBoundLargeTest : public TestCase
{
  public:
    QualityBoundLargeTest()
        : TestCase("blocks of usual size: gap, and no schedule beats the bound")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundLargeTest::DoRun()
{
    QualityBound bound;
    BlockEvaluator evaluator;
    double worst[2] = {0, 0};
    double sum[2] = {0, 0};
    double sumPlan = 0;
    const int trials = 200;
    for (int seed = 1; seed <= trials; ++seed)
    {
        Draw draw(seed);
        const std::size_t k = seed % 2 ? 2 : 4;
        const std::size_t experts = seed % 2 ? 8 : 16;
        const auto gate = DrawGate(draw, 64 + draw.Of(200), experts, draw(2, 5));
        const auto p = DrawProblem(draw, 8, experts, 1, seed % 4 - 1, true);
        QualityFloor floor;
        floor.maxLost = draw(0.005, 0.1);
        floor.maxTokenLoss = draw(0.2, 1);
        const auto& r = bound.Solve(gate, k, p, floor);
        NS_TEST_ASSERT_MSG_EQ((r.status == QualityStatus::SOLVED), true, r.message);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lost, floor.maxLost * (1 + 1e-9), "floor, seed " << seed);
        worst[k == 4] = std::max(worst[k == 4], r.Gap());
        sum[k == 4] += r.Gap() / (0.5 * trials);
        const auto load = r.selection.Load(experts);
        const double plan = evaluator.Schedule(p, load);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.latencyS, plan * (1 + 1e-9), "schedule, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.latencyS,
                                    evaluator.StaticSplit(p, load) * (1 + 1e-9),
                                    "a split is a plan, too, seed " << seed);
        sumPlan += 1 - r.lowerBoundS / plan;
        // no selection with a larger floor is slower
        const double before = r.lowerBoundS;
        floor.maxLost *= 1.5;
        NS_TEST_ASSERT_MSG_LT_OR_EQ(bound.Solve(gate, k, p, floor).lowerBoundS,
                                    before * (1 + 2e-4),
                                    "more may be lost, seed " << seed);
    }
    NS_TEST_EXPECT_MSG_LT(sum[0], 0.01, "top-2: mean gap");
    NS_TEST_EXPECT_MSG_LT(sum[1], 0.03, "top-4: mean gap");
    if (std::getenv("WDMOE_VERBOSE"))
    {
        std::cout << GetName() << ": gap, top-2 " << 100 * sum[0] << " % (mean), " << 100 * worst[0]
                  << " % (worst); top-4 " << 100 * sum[1] << " %, " << 100 * worst[1]
                  << " %; of the planner's schedule over the bound " << 100 * sumPlan / trials
                  << " % (mean)" << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * The same answer again, no memory in steady state, and large blocks.
 */
class QualityBoundMemoryTest : public TestCase
{
  public:
    QualityBoundMemoryTest()
        : TestCase("same answer again, and no memory taken in steady state")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundMemoryTest::DoRun()
{
    Draw draw(7);
    const auto gate = DrawGate(draw, 1024, 16, 4);
    const auto p = DrawProblem(draw, 8, 16, 1, -1, true);
    QualityFloor floor;
    floor.maxLost = 0.03;
    floor.maxTokenLoss = 0.4;
    QualityBound bound;
    const auto first = bound.Solve(gate, 4, p, floor);
    bound.Reset();
    const auto again = bound.Solve(gate, 4, p, floor);
    NS_TEST_EXPECT_MSG_EQ((first.selection.expert == again.selection.expert), true, "selection");
    NS_TEST_EXPECT_MSG_EQ(first.latencyS, again.latencyS, "latency");
    NS_TEST_EXPECT_MSG_EQ(first.lowerBoundS, again.lowerBoundS, "bound");
    bound.Solve(gate, 4, p, floor);
    const std::size_t before = WdmoeAllocations();
    const auto& warm = bound.Solve(gate, 4, p, floor);
    const std::size_t after = WdmoeAllocations();
    NS_TEST_EXPECT_MSG_EQ(after, before, "the solver has its memory");
    NS_TEST_EXPECT_MSG_EQ_TOL(warm.lowerBoundS,
                              first.lowerBoundS,
                              3e-4 * first.lowerBoundS,
                              "warm");

    // as many tokens as there may be
    GateMatrix many;
    many.tokens = 1000000;
    many.experts = 8;
    many.weight.resize(many.tokens * many.experts);
    for (std::size_t i = 0; i < many.weight.size(); ++i)
    {
        many.weight[i] = draw(0, 0.125);
    }
    const auto large = DrawProblem(draw, 8, 8, 1, 0, true);
    const auto& r = bound.Solve(many, 2, large, floor);
    NS_TEST_EXPECT_MSG_EQ((r.status == QualityStatus::SOLVED), true, r.message);
    NS_TEST_EXPECT_MSG_LT(r.Gap(), 1e-3, "of a million tokens");
}

/**
 * @ingroup wdmoe-tests
 *
 * Alternation never gets worse, and its certificate holds.
 */
class JointTest : public TestCase
{
  public:
    JointTest()
        : TestCase("the joint objective never rises, and no answer beats its certificate")
    {
    }

  private:
    void DoRun() override;
};

void
JointTest::DoRun()
{
    Joint joint;
    std::size_t rounds = 0;
    double better = 0;
    const int trials = 1000;
    for (int seed = 1; seed <= trials; ++seed)
    {
        Draw draw(seed);
        const std::size_t experts = 4 + draw.Of(5);
        const auto gate = DrawGate(draw, 4 + draw.Of(28), experts, draw(1, 5));
        const auto p = DrawProblem(draw, 4, experts, 1 + draw.Of(2), seed % 4 - 1, true);
        JointParam param;
        param.model = draw.Of(2) ? BlockModel::SCHEDULE : BlockModel::STATIC_SPLIT;
        param.maxRounds = 1 + draw.Of(6);
        param.plan.maxEvaluations = 8;
        const double allowed = draw(0.01, 0.2);
        const auto byRatio = [&](const std::vector<double>& cost) {
            WlrParam wlr;
            wlr.gain = 1.05;
            return SelectWlr(gate, 2, cost, wlr).selection;
        };
        const auto byCost = [&](const std::vector<double>& cost) {
            QualityBoundParam greedy;
            greedy.maxLostMass = allowed;
            greedy.maxTokenLoss = 1;
            return SelectQualityBound(gate, 2, cost, greedy);
        };
        const bool ratio = draw.Of(2);
        const auto r = ratio ? joint.Alternate(gate, 2, p, byRatio, param)
                             : joint.Alternate(gate, 2, p, byCost, param);
        NS_TEST_ASSERT_MSG_EQ((r.status == QualityStatus::SOLVED), true, r.message);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.rounds, param.maxRounds, "rounds");
        NS_TEST_ASSERT_MSG_EQ(r.latencyByRoundS.size(), r.rounds, "one for each round");
        for (std::size_t i = 1; i < r.latencyByRoundS.size(); ++i)
        {
            NS_TEST_ASSERT_MSG_LT(r.latencyByRoundS[i],
                                  r.latencyByRoundS[i - 1],
                                  "round " << i << ", seed " << seed);
        }
        NS_TEST_ASSERT_MSG_EQ(r.latencyS, r.latencyByRoundS.back(), "the last one");
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lowerBoundS, r.latencyS, "certificate, seed " << seed);
        rounds += r.rounds;
        // direct, with as much gate mass: neither can beat the other's bound
        QualityFloor floor;
        floor.maxLost = 1 - r.gateMassKept + 1e-9;
        floor.maxTokenLoss = 1;
        const auto d = joint.Direct(gate, 2, p, floor, param);
        NS_TEST_ASSERT_MSG_EQ((d.status == QualityStatus::SOLVED), true, d.message);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(d.lowerBoundS,
                                    r.latencyS * (1 + 1e-9),
                                    "the bound holds for the other, too, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lowerBoundS, d.latencyS * (1 + 1e-6), "seed " << seed);
        better += d.latencyS / r.latencyS / trials;
    }
    NS_TEST_EXPECT_MSG_GT(rounds, static_cast<std::size_t>(trials), "some went on");
    NS_TEST_EXPECT_MSG_LT(better, 1, "direct is faster at the same gate mass, on average");
    if (std::getenv("WDMOE_VERBOSE"))
    {
        std::cout << GetName() << ": " << rounds << " rounds in " << trials
                  << " blocks; direct / alternating at the same gate mass " << better << " (mean)"
                  << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * What is refused, and how it is said.
 */
class QualityBoundBadInputTest : public TestCase
{
  public:
    QualityBoundBadInputTest()
        : TestCase("bad input of the quality bound")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundBadInputTest::DoRun()
{
    struct Input
    {
        GateMatrix gate; ///< weights
        std::size_t k;   ///< top-k
        BlockProblem p;  ///< block
        QualityFloor f;  ///< floor
    };

    struct Case
    {
        std::function<void(Input&)> spoil; ///< a mistake
        std::string expected;              ///< part of the message
    };

    Draw draw(1);
    const Input good{DrawGate(draw, 3, 4, 2), 2, DrawProblem(draw, 2, 4, 1, 1, true), {}};
    const std::vector<Case> cases = {
        {[](auto& i) { i.gate.weight[5] = NOT_A_NUMBER; }, "weight of token 1 for expert 1 is nan"},
        {[](auto& i) { i.gate.weight[5] = -0.1; }, "is -0.1"},
        {[](auto& i) { i.gate.weight[5] = INF; }, "sum to inf"},
        {[](auto& i) { i.gate.weight[5] += 0.5; }, "expected more than 0 and at most 1"},
        {[](auto& i) { i.gate.tokens = 0; }, "0 tokens"},
        {[](auto& i) { i.gate.experts = 3; }, "the gate has 3 experts, expected one for each"},
        {[](auto& i) { i.k = 0; }, "k is 0"},
        {[](auto& i) { i.k = 5; }, "k is 5"},
        {[](auto& i) { i.p.devices.clear(); }, "0 devices"},
        {[](auto& i) { i.p.cells.clear(); }, "0 cells"},
        {[](auto& i) { i.p.expertDevice.clear(); }, "0 experts"},
        {[](auto& i) { i.p.expertDevice[2] = 2; }, "expertDevice[2] is 2"},
        {[](auto& i) { i.p.maxPieces = 0; }, "maxPieces is 0"},
        {[](auto& i) { i.p.cells[0].downlinkHz = 0; }, "cell 0 has 0 Hz"},
        {[](auto& i) { i.p.cells[0] = {1e6, NOT_A_NUMBER, false, false}; }, "nan Hz uplink"},
        {[](auto& i) { i.p.devices[1].cell = 1; }, "devices[1].cell is 1"},
        {[](auto& i) { i.p.devices[1].uplinkLaw.gainHz = -1; }, "devices[1] has a law that is not"},
        {[](auto& i) { i.p.devices[1].uplinkLaw.gainHz = INF; }, "not valid"},
        {[](auto& i) { i.p.devices[1].uplinkLaw = RateLaw::Linear(0); }, "carries none"},
        {[](auto& i) { i.p.devices[0].pairS = -1; }, "devices[0].pairS is -1"},
        {[](auto& i) { i.p.devices[0].downlinkPairBits = INF; }, "downlinkPairBits is inf"},
        {[](auto& i) { i.p.devices[0].busyS = NOT_A_NUMBER; }, "busyS is nan"},
        {[](auto& i) { i.f.maxLost = NOT_A_NUMBER; }, "maxLost is nan"},
        {[](auto& i) { i.f.maxLost = 1.5; }, "maxLost is 1.5"},
        {[](auto& i) { i.f.maxTokenLoss = -1; }, "maxTokenLoss is -1"},
        {[](auto& i) { i.f.minExperts = 0; }, "minExperts is 0"},
        {[](auto& i) { i.f.relativeGap = 0; }, "relativeGap is 0"},
        {[](auto& i) { i.f.maxIterations = 0; }, "maxIterations is 0"},
        {[](auto& i) { i.f.price = {{0.5, 1}, {0.4, 2}}; }, "price[1]"},
        {[](auto& i) { i.f.price = {{0.5, 1}, {0.6, 0.5}}; }, "price[1]"},
        {[](auto& i) { i.f.price = {{0.5, NOT_A_NUMBER}}; }, "price[0]"},
    };
    QualityBound bound;
    Joint joint;
    for (const auto& c : cases)
    {
        auto input = good;
        c.spoil(input);
        const auto r = bound.Solve(input.gate, input.k, input.p, input.f);
        NS_TEST_EXPECT_MSG_EQ((r.status == QualityStatus::INVALID), true, c.expected);
        NS_TEST_EXPECT_MSG_NE(r.message.find(c.expected), std::string::npos, r.message);
        const auto& d = joint.Direct(input.gate, input.k, input.p, input.f);
        NS_TEST_EXPECT_MSG_EQ((d.status == QualityStatus::INVALID), true, c.expected);
        NS_TEST_EXPECT_MSG_NE(d.message.empty(), true, c.expected);
    }
    JointParam param;
    param.maxRounds = 0;
    const auto& j = joint.Direct(good.gate, good.k, good.p, good.f, param);
    NS_TEST_EXPECT_MSG_NE(j.message.find("maxRounds is 0"), std::string::npos, j.message);
    const auto& wrong =
        joint.Alternate(good.gate, good.k, good.p, [](const auto&) { return Selection(); });
    NS_TEST_EXPECT_MSG_NE(wrong.message.find("the selector"), std::string::npos, wrong.message);
    NS_TEST_EXPECT_MSG_EQ(
        (bound.Solve(good.gate, good.k, good.p, good.f).status == QualityStatus::SOLVED),
        true,
        "after all of that");
}

/**
 * @ingroup wdmoe-tests
 *
 * The policy: prices of a model, and what it refuses.
 */
class QualityBoundPolicyTest : public TestCase
{
  public:
    QualityBoundPolicyTest()
        : TestCase("prices of a real model, and the policy that uses them")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundPolicyTest::DoRun()
{
    const std::string file = "models/wdmoe-lm-base/sensitivity.json";
    const auto prices = WdmoeQualityBoundSelector::LoadPrices(file, true);
    NS_TEST_ASSERT_MSG_GT(prices.size(), 2U, "prices");
    QualityFloor check;
    check.price = prices;
    NS_TEST_EXPECT_MSG_EQ(check.Check(), "", "shares rise, losses do not fall");
    NS_TEST_EXPECT_MSG_GT(prices.back().loss, 3 * prices.front().loss, "heavy pairs are dear");

    Draw draw(3);
    WdmoeSelectorInput input;
    input.gate = DrawGate(draw, 64, 8, 5);
    input.topK = 2;
    const auto p = DrawProblem(draw, 8, 8, 1, 0, true);
    input.problem = &p;
    auto selector = CreateObject<WdmoeQualityBoundSelector>();
    selector->SetAttribute("Quality", StringValue("Price"));
    selector->SetAttribute("MaxTokenLoss", DoubleValue(1));
    selector->SetAttribute("MaxLoss", DoubleValue(0.004));
    NS_TEST_EXPECT_MSG_NE(
        WdmoeAbortMessage([&]() { selector->Select(input); }).find("PriceFile is empty"),
        std::string::npos,
        "no prices");
    selector->SetAttribute("PriceFile", StringValue(file));
    const auto s = selector->Select(input);
    NS_TEST_EXPECT_MSG_LT(s.Routed(), 128U, "some go");
    const auto& last = selector->GetLast();
    NS_TEST_EXPECT_MSG_LT_OR_EQ(last.lost, 0.004 * (1 + 1e-9), "relative bits per byte");
    NS_TEST_EXPECT_MSG_LT(last.Gap(), 0.05, "gap");
    selector->SetAttribute("PriceFile", StringValue("models/olmoe-1b-7b.json"));
    NS_TEST_EXPECT_MSG_NE(WdmoeAbortMessage([&]() { selector->Select(input); }).find("format"),
                          std::string::npos,
                          "no price table");
    selector->SetAttribute("Quality", StringValue("GateMass"));
    selector->SetAttribute("Objective", StringValue("StaticSplit"));
    selector->SetAttribute("MaxLostMass", DoubleValue(0.02));
    NS_TEST_EXPECT_MSG_EQ(selector->UsesProblem(), true, "problem");
    NS_TEST_EXPECT_MSG_GT_OR_EQ(KeptGateMass(input.gate, selector->Select(input), 2),
                                0.98 - 1e-9,
                                "gate mass");
    for (const auto* bad : {"MaxLostMass", "MaxLoss", "MaxTokenLoss"})
    {
        NS_TEST_EXPECT_MSG_EQ(selector->SetAttributeFailSafe(bad, DoubleValue(1.1)), false, bad);
        NS_TEST_EXPECT_MSG_EQ(selector->SetAttributeFailSafe(bad, DoubleValue(-0.1)), false, bad);
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Two cells, of which one may be left without work: it need not wait for its heads and tails then.
 */
class QualityBoundEmptyCellTest : public TestCase
{
  public:
    QualityBoundEmptyCellTest()
        : TestCase("bound of blocks that leave a cell idle")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundEmptyCellTest::DoRun()
{
    QualityBound bound;
    BlockEvaluator evaluator;
    for (uint64_t seed = 1; seed <= 6000; ++seed)
    {
        Draw draw(seed + 500000);
        const std::size_t devices = 2 + draw.Of(3);
        const std::size_t k = 2;
        const auto gate = DrawGate(draw, 1 + draw.Of(3), devices + 1, draw(0.5, 5));
        const auto p =
            DrawProblem(draw, devices, devices + 1, 2, static_cast<int>(seed % 4) - 1, draw.Of(2));
        QualityFloor floor;
        floor.maxLost = draw(0.1, 0.5);
        floor.maxTokenLoss = 1;
        const auto full = SelectTopK(gate, k);
        double mass = 0;
        for (std::size_t i = 0; i < full.expert.size(); ++i)
        {
            mass += gate.Row(i / k)[full.expert[i]];
        }
        double best = INF;
        for (std::size_t set = 0; set < std::size_t{1} << gate.tokens; ++set)
        {
            auto expert = full.expert;
            double lost = 0;
            for (std::size_t j = 0; j < gate.tokens; ++j)
            {
                if (set >> j & 1)
                {
                    lost += gate.Row(j)[expert[j * k + 1]] / mass;
                    expert[j * k + 1] = -1;
                }
            }
            if (lost <= floor.maxLost)
            {
                best = std::min(best, LatencyOf(evaluator, p, BlockModel::SCHEDULE, expert));
            }
        }
        const auto& r = bound.Solve(gate, k, p, floor);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lowerBoundS, best * (1 + 1e-9), "bound, seed " << seed);
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Writes instances and answers for test/reference/quality-bound-reference.py, where a file is asked
 * for by the environment variable WDMOE_QUALITY_BOUND_DUMP.
 */
class QualityBoundDumpTest : public TestCase
{
  public:
    QualityBoundDumpTest()
        : TestCase("instances for an independent solver")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundDumpTest::DoRun()
{
    std::ofstream out;
    if (const char* name = std::getenv("WDMOE_QUALITY_BOUND_DUMP"))
    {
        out.open(name);
        NS_TEST_ASSERT_MSG_EQ(out.good(), true, "can be written: " << name);
    }
    out << std::setprecision(17);
    QualityBound bound;
    for (int seed = 1; seed <= 1100; ++seed)
    {
        Draw draw(seed);
        const std::size_t devices = 2 + draw.Of(7);
        const std::size_t experts = devices + draw.Of(4);
        const auto gate = DrawGate(draw, 8 + draw.Of(57), experts, draw(1, 5));
        // linear laws, one token in two may lose one pair: the relaxation is a linear program for
        // each deadline; its fixed costs are those that do not depend on whether a device is used
        auto p = DrawProblem(draw, devices, experts, 1 + draw.Of(2), 0, true);
        for (auto& d : p.devices)
        {
            d.busyS = 0;
        }
        QualityFloor floor;
        floor.maxLost = draw(0.002, 0.15);
        floor.maxTokenLoss = draw(0.2, 1);
        floor.restore = false;
        floor.relativeGap = 1e-9;
        floor.maxIterations = 200;
        const auto& r = bound.Solve(gate, 2, p, floor);
        NS_TEST_ASSERT_MSG_EQ((r.status == QualityStatus::SOLVED), true, r.message);
        NS_TEST_ASSERT_MSG_GT(r.lowerBoundS, 0, "bound");
        out << "{\"max_lost\": " << floor.maxLost << ", \"max_token_loss\": " << floor.maxTokenLoss
            << ", \"pieces\": " << p.maxPieces << ", \"lower_bound_s\": " << r.lowerBoundS
            << ", \"latency_s\": " << r.latencyS << ", \"experts\": " << experts << ", \"gate\": [";
        for (std::size_t i = 0; i < gate.weight.size(); ++i)
        {
            out << (i ? ", " : "") << gate.weight[i];
        }
        out << "], \"cells\": [";
        for (std::size_t c = 0; c < p.cells.size(); ++c)
        {
            out << (c ? ", " : "") << "[" << p.cells[c].downlinkHz << ", " << p.cells[c].UplinkHz()
                << ", " << p.cells[c].halfDuplex << "]";
        }
        out << "], \"devices\": [";
        for (std::size_t i = 0; i < devices; ++i)
        {
            const auto& d = p.devices[i];
            out << (i ? ", " : "") << "[" << d.cell << ", " << d.downlinkLaw.efficiency << ", "
                << d.uplinkLaw.efficiency << ", " << d.downlinkPairBits << ", " << d.uplinkPairBits
                << ", " << d.downlinkBatchBits << ", " << d.uplinkBatchBits << ", "
                << d.downlinkFixedS << ", " << d.uplinkRequestS << ", " << d.uplinkFixedS << ", "
                << d.pairS << ", " << d.readS << ", " << d.moveS << ", " << d.launchS << "]";
        }
        out << "]}\n";
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Tests of the direct problem.
 */
class WdmoeQualityBoundTestSuite : public TestSuite
{
  public:
    WdmoeQualityBoundTestSuite()
        : TestSuite("wdmoe-quality-bound", Type::UNIT)
    {
        AddTestCase(new QualityBoundClosedFormTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundExhaustiveTest(BlockModel::SCHEDULE, 1500),
                    TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundExhaustiveTest(BlockModel::STATIC_SPLIT, 1000),
                    TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundEmptyCellTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundLargeTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundMemoryTest, TestCase::Duration::QUICK);
        AddTestCase(new JointTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundBadInputTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundPolicyTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBoundDumpTest, TestCase::Duration::QUICK);
    }
};

/// the suite registers itself
static WdmoeQualityBoundTestSuite g_wdmoeQualityBoundTestSuite;
