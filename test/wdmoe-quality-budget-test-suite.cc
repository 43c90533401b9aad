/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-blocks.h"
#include "wdmoe-test-support.h"

#include "ns3/double.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-quality-bound-selector.h"
#include "ns3/wdmoe-quality-budget.h"
#include "ns3/wdmoe-quality-menu.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <numeric>
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

/// A set of experts of one token
struct TokenSet
{
    double kept;                 ///< gate mass
    std::vector<int32_t> expert; ///< these
};

/// @return all sets that a token may have, as QualityFloor says. @param row its weights @param p
/// the block @param k top-k @param f the floor @param [out] mass of its top-k
std::vector<TokenSet>
SetsOf(const double* row, const BlockProblem& p, std::size_t k, const QualityFloor& f, double& mass)
{
    const std::size_t experts = p.expertDevice.size();
    std::vector<int32_t> order(experts);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [row](int32_t a, int32_t b) {
        return row[a] != row[b] ? row[a] > row[b] : a < b;
    });
    std::vector<int32_t> candidates;
    mass = 0;
    double most = 0;
    for (std::size_t i = 0; i < experts; ++i)
    {
        mass += i < k ? row[order[i]] : 0;
        if (p.devices[p.expertDevice[order[i]]].reachable && candidates.size() < f.candidates)
        {
            most += candidates.size() < k ? row[order[i]] : 0;
            candidates.push_back(order[i]);
        }
    }
    const double least = std::min((1 - f.maxTokenLoss) * mass, most) * (1 - 1e-12);
    const std::size_t fixed = std::min({f.minExperts, k, candidates.size()});
    const std::size_t must = (std::size_t{1} << fixed) - 1;
    std::vector<TokenSet> sets;
    for (std::size_t set = 1; set < std::size_t{1} << candidates.size(); ++set)
    {
        if (static_cast<std::size_t>(std::popcount(set)) > k || (set & must) != must)
        {
            continue;
        }
        TokenSet s{0, {}};
        for (std::size_t i = 0; i < candidates.size(); ++i)
        {
            if (set >> i & 1)
            {
                s.kept += row[candidates[i]];
                s.expert.push_back(candidates[i]);
            }
        }
        if (s.kept >= least)
        {
            sets.push_back(s);
        }
    }
    return sets;
}

/// @return whether something is printed
bool
Verbose()
{
    return std::getenv("WDMOE_VERBOSE") != nullptr;
}

} // namespace

/**
 * @ingroup wdmoe-tests
 *
 * The average over blocks of one token each: never above the floor, and near the clairvoyant.
 */
class QualityBudgetRegretTest : public TestCase
{
  public:
    QualityBudgetRegretTest()
        : TestCase("average over blocks: kept always, and near the offline optimum")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBudgetRegretTest::DoRun()
{
    for (const int blocks : {100, 1000, 10000})
    {
        double sum = 0;
        double worst = 0;
        double sumEach = 0;
        int runs = 0;
        for (const double floor : {0.005, 0.02, 0.05, 0.1})
        {
            for (uint64_t seed = 1; seed <= 10; ++seed)
            {
                Draw draw(seed);
                QualityBudget budget;
                NS_TEST_ASSERT_MSG_EQ(budget.SetMaxLost(floor), "", "floor");
                std::vector<std::pair<double, double>> items; // loss, saving
                double saved = 0;
                double each = 0; // with a floor for each block
                for (int i = 0; i < blocks; ++i)
                {
                    const double loss = 0.001 + 0.5 * draw(0, 1) * draw(0, 1);
                    const double saving = draw.Of(3) ? draw(0.0002, 0.0032) : 0;
                    items.emplace_back(loss, saving);
                    const std::vector<QualityPoint> points{{0, 0.005}, {loss, 0.005 - saving}};
                    const double allowance = budget.Allowance(1);
                    const double price = budget.Learn(1, points);
                    const auto best = QualityBudget::Best(points, allowance, price);
                    budget.Spend(1, points[best].lost);
                    saved += 0.005 - points[best].latencyS;
                    each += loss <= floor ? saving : 0;
                    NS_TEST_ASSERT_MSG_LT_OR_EQ(budget.Average(),
                                                floor * (1 + 1e-9),
                                                "the average, after each block");
                }
                // clairvoyant: one price, the last block in part; no sequence does better
                std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
                    return a.second * b.first > b.second * a.first;
                });
                double room = floor * blocks;
                double offline = 0;
                for (const auto& [loss, saving] : items)
                {
                    const double part = std::min(1.0, room / loss);
                    offline += part * saving;
                    room -= part * loss;
                    if (!(room > 0))
                    {
                        break;
                    }
                }
                NS_TEST_ASSERT_MSG_LT_OR_EQ(saved, offline * (1 + 1e-9), "clairvoyant");
                const double regret = 1 - saved / offline;
                sum += regret;
                sumEach += 1 - each / offline;
                worst = std::max(worst, regret);
                ++runs;
            }
        }
        if (Verbose())
        {
            std::cout << "quality budget, " << blocks
                      << " blocks of one token: " << 100 * sum / runs
                      << " % of the clairvoyant's saving missed on average, " << 100 * worst
                      << " % at worst; with a floor for each block " << 100 * sumEach / runs << " %"
                      << std::endl;
        }
        // about 1 / sqrt(blocks)
        NS_TEST_EXPECT_MSG_LT(sum / runs, 1 / std::sqrt(blocks), "mean regret");
        NS_TEST_EXPECT_MSG_LT(worst, 3 / std::sqrt(blocks), "worst regret");
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * What can be said of the budget by hand, and bad input.
 */
class QualityBudgetEdgesTest : public TestCase
{
  public:
    QualityBudgetEdgesTest()
        : TestCase("quality budget by hand")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBudgetEdgesTest::DoRun()
{
    QualityBudget budget;
    for (const double bad : {-0.1, NOT_A_NUMBER, INF})
    {
        NS_TEST_EXPECT_MSG_NE(budget.SetMaxLost(bad).find("maxLost is"), std::string::npos, bad);
    }
    budget.SetMaxLost(0.1);
    NS_TEST_EXPECT_MSG_EQ_TOL(budget.Allowance(4), 0.1, 1e-15, "nothing in the bank");
    budget.Spend(10, 0.04);
    NS_TEST_EXPECT_MSG_EQ_TOL(budget.Allowance(4), 0.1 + 10 * 0.06 / 4, 1e-12, "0.6 tokens left");
    NS_TEST_EXPECT_MSG_EQ_TOL(budget.Average(), 0.04, 1e-15, "average");
    NS_TEST_EXPECT_MSG_EQ(budget.Tokens(), 10, "tokens");
    budget.Spend(10, 0.3);
    NS_TEST_EXPECT_MSG_EQ(budget.Allowance(10), 0, "more was lost than there was: owed");
    NS_TEST_EXPECT_MSG_EQ_TOL(budget.Allowance(28), 0.1 - 1.4 / 28, 1e-12, "by all that come");
    budget.Reset();
    NS_TEST_EXPECT_MSG_EQ(budget.Tokens(), 0, "forgotten");

    // the price is where the average is: blocks that save 1, 2, 3 ... s for 0.5 each
    budget.SetMaxLost(0.1);
    double price = 0;
    for (int i = 1; i <= 100; ++i)
    {
        const std::vector<QualityPoint> points{{0.5, 200.0 - i}, {0, 200}};
        price = budget.Learn(1, points);
        budget.Spend(1, 0.1);
    }
    NS_TEST_EXPECT_MSG_EQ_TOL(price, 80 / 0.5, 80 / 0.5 * 0.1, "one in five gains more");
    // nothing to gain: free
    budget.Reset();
    NS_TEST_EXPECT_MSG_EQ(budget.Learn(1, {{0, 1}, {0.5, 1}}), 0, "no price");
    // nothing may be lost
    budget.Reset();
    budget.SetMaxLost(0);
    price = budget.Learn(1, {{0, 1}, {0.5, 0.5}});
    NS_TEST_EXPECT_MSG_EQ(QualityBudget::Best({{0, 1}, {0.5, 0.5}}, 0, price), 0U, "it stays");
    // ties, and none within
    NS_TEST_EXPECT_MSG_EQ(QualityBudget::Best({{0.2, 1}, {0.1, 1}}, 1, 0), 1U, "the lesser loss");
    NS_TEST_EXPECT_MSG_EQ(QualityBudget::Best({{0.3, 1}, {0.2, 2}}, 0.1, 0), 1U, "the least");
    NS_TEST_EXPECT_MSG_EQ(QualityBudget::Best({{0, 3}, {0.3, 1}}, 1, INF), 0U, "infinite price");
}

/**
 * @ingroup wdmoe-tests
 *
 * The priced problem against all sets of experts.
 */
class QualityMenuExhaustiveTest : public TestCase
{
  public:
    QualityMenuExhaustiveTest()
        : TestCase("latency + price x loss, against all sets")
    {
    }

  private:
    void DoRun() override;
};

void
QualityMenuExhaustiveTest::DoRun()
{
    QualityMenu menu;
    BlockEvaluator evaluator;
    std::size_t solved[2] = {0, 0}; // one token, several
    std::size_t optimal[2] = {0, 0};
    double worst[2] = {0, 0};
    double sum[2] = {0, 0};
    for (uint64_t seed = 1; seed <= 4000; ++seed)
    {
        Draw draw(seed);
        const std::size_t devices = 1 + draw.Of(4);
        const std::size_t experts = devices + 1 + draw.Of(3);
        const std::size_t k = std::min<std::size_t>(experts, 2 + draw.Of(3));
        const std::size_t tokens = draw.Of(2) ? 1 : 2 + draw.Of(3);
        const auto gate = DrawGate(draw, tokens, experts, draw(0.5, 5));
        auto p = DrawProblem(draw,
                             devices,
                             experts,
                             1 + draw.Of(2),
                             static_cast<int>(seed % 4) - 1,
                             draw.Of(2));
        QualityFloor f;
        f.maxLost = draw(0.01, 0.2);
        f.maxTokenLoss = draw.Of(2) ? 1 : draw(0.1, 0.6);
        f.minExperts = 1 + draw.Of(2);
        f.candidates = draw.Of(2) ? k : k + draw.Of(experts - k + 1);
        // with others to take its place, what cannot be reached is no candidate
        p.devices[0].reachable = devices == 1 || f.candidates == k || draw.Of(4) != 0;
        const double most = draw(0.05, 0.6);
        const double price = std::pow(10, draw(-3, 1));
        std::vector<std::vector<TokenSet>> sets;
        double mass = 0;
        double count = 1;
        for (std::size_t j = 0; j < tokens; ++j)
        {
            double own = 0;
            sets.push_back(SetsOf(gate.Row(j), p, k, f, own));
            mass += own;
            count *= static_cast<double>(sets.back().size());
        }
        if (count < 1 || count > 3000)
        {
            continue;
        }
        double best = INF;
        std::vector<std::size_t> at(tokens, 0);
        for (std::size_t j = 0; j < tokens;)
        {
            double kept = 0;
            std::vector<int32_t> expert;
            for (std::size_t i = 0; i < tokens; ++i)
            {
                const auto& s = sets[i][at[i]];
                kept += s.kept;
                expert.insert(expert.end(), s.expert.begin(), s.expert.end());
            }
            const double lost = std::max(0.0, 1 - kept / mass);
            if (lost <= most * (1 + 1e-12))
            {
                best =
                    std::min(best,
                             LatencyOf(evaluator, p, BlockModel::SCHEDULE, expert) + price * lost);
            }
            for (j = 0; j < tokens && ++at[j] == sets[j].size(); ++j)
            {
                at[j] = 0;
            }
        }
        const auto status = menu.Make(gate, k, p, f, most);
        NS_TEST_ASSERT_MSG_EQ((status == QualityStatus::SOLVED), (best < INF), "seed " << seed);
        if (status != QualityStatus::SOLVED)
        {
            continue;
        }
        const auto& points = menu.Points();
        const auto chosen = QualityBudget::Best(points, most, price);
        const auto& option = menu.Option(chosen);
        const double latency =
            LatencyOf(evaluator, p, BlockModel::SCHEDULE, option.selection.expert);
        const double lost =
            std::max(0.0, 1 - KeptGateMass(gate, option.selection, k)); // of those that are reached
        NS_TEST_ASSERT_MSG_EQ_TOL(option.latencyS, latency, 1e-9 * latency, "seed " << seed);
        NS_TEST_ASSERT_MSG_EQ_TOL(option.lost, lost, 1e-9, "seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(option.lost, most * (1 + 1e-9), "seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(option.lowerBoundS, latency * (1 + 1e-9), "seed " << seed);
        const double cost = latency + price * option.lost;
        NS_TEST_ASSERT_MSG_LT_OR_EQ(best, cost * (1 + 1e-9), "optimum, seed " << seed);
        const double above = cost / best - 1;
        const int i = tokens > 1;
        if (i == 0)
        {
            NS_TEST_ASSERT_MSG_LT(above, 1e-9, "one token is exact, seed " << seed);
        }
        ++solved[i];
        optimal[i] += above < 1e-9;
        worst[i] = std::max(worst[i], above);
        sum[i] += above;
    }
    NS_TEST_EXPECT_MSG_GT_OR_EQ(solved[0], 1000U, "instances of one token");
    NS_TEST_EXPECT_MSG_GT_OR_EQ(solved[1], 1000U, "instances of more");
    NS_TEST_EXPECT_MSG_LT(sum[1] / static_cast<double>(solved[1]), 0.05, "mean of several tokens");
    for (int i = 0; Verbose() && i < 2; ++i)
    {
        std::cout << "priced, " << (i ? "2 to 4 tokens" : "1 token") << ": " << solved[i]
                  << " instances, " << optimal[i] << " optimal, above the optimum "
                  << 100 * sum[i] / static_cast<double>(solved[i]) << " % on average, "
                  << 100 * worst[i] << " % at worst" << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Experts outside top-k, against all sets of candidates.
 */
class CandidatesExhaustiveTest : public TestCase
{
  public:
    CandidatesExhaustiveTest(BlockModel model, std::size_t trials)
        : TestCase(std::string("candidates: bound <= optimum <= answer, ") +
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
CandidatesExhaustiveTest::DoRun()
{
    QualityBound bound;
    BlockEvaluator evaluator;
    std::size_t solved = 0;
    std::size_t optimal = 0;
    std::size_t faster = 0;
    std::size_t notMet = 0;
    double worstAbove = 0;
    double sumAbove = 0;
    double worstGap = 0;
    double sumGap = 0;
    for (uint64_t seed = 1; solved < m_trials && seed < 3 * m_trials; ++seed)
    {
        Draw draw(seed + 100000);
        const std::size_t devices = 2 + draw.Of(3);
        const std::size_t experts = devices + 1 + draw.Of(2);
        const std::size_t k = std::min<std::size_t>(2 + draw.Of(2), experts - 1);
        const auto gate = DrawGate(draw, 1 + draw.Of(4), experts, draw(0.5, 5));
        auto p = DrawProblem(draw,
                             devices,
                             experts,
                             1 + draw.Of(2),
                             static_cast<int>(seed % 4) - 1,
                             draw.Of(2));
        QualityFloor f;
        f.model = m_model;
        f.maxLost = draw(0, 0.5);
        f.maxTokenLoss = draw.Of(2) ? 1 : draw(0.1, 0.6);
        f.minExperts = 1 + draw.Of(2);
        f.restore = draw.Of(2);
        f.candidates = k + 1 + draw.Of(experts - k);
        p.devices[0].reachable = draw.Of(6) != 0;
        std::vector<std::vector<TokenSet>> sets;
        double mass = 0;
        double count = 1;
        for (std::size_t j = 0; j < gate.tokens; ++j)
        {
            double own = 0;
            sets.push_back(SetsOf(gate.Row(j), p, k, f, own));
            mass += own;
            count *= static_cast<double>(sets.back().size());
        }
        if (count < 1 || count > 10000)
        {
            continue;
        }
        double best = INF;
        std::vector<std::size_t> at(gate.tokens, 0);
        for (std::size_t j = 0; j < gate.tokens;)
        {
            double kept = 0;
            std::vector<int32_t> expert;
            for (std::size_t i = 0; i < gate.tokens; ++i)
            {
                const auto& s = sets[i][at[i]];
                kept += s.kept;
                expert.insert(expert.end(), s.expert.begin(), s.expert.end());
            }
            if (kept >= (1 - f.maxLost) * mass * (1 - 1e-12))
            {
                best = std::min(best, LatencyOf(evaluator, p, m_model, expert));
            }
            for (j = 0; j < gate.tokens && ++at[j] == sets[j].size(); ++j)
            {
                at[j] = 0;
            }
        }
        const auto r = bound.Solve(gate, k, p, f);
        NS_TEST_ASSERT_MSG_EQ((r.status == QualityStatus::SOLVED),
                              (best < INF),
                              r.message << ", seed " << seed);
        for (const int32_t e : r.selection.expert)
        {
            NS_TEST_ASSERT_MSG_EQ((e < 0 || p.devices[p.expertDevice[e]].reachable),
                                  true,
                                  "only those that can be reached, seed " << seed);
        }
        if (r.status != QualityStatus::SOLVED)
        {
            ++notMet;
            continue;
        }
        const double found = LatencyOf(evaluator, p, m_model, r.selection.expert);
        NS_TEST_ASSERT_MSG_EQ_TOL(r.latencyS, found, 1e-9 * found, "latency, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lowerBoundS, best * (1 + 1e-9), "bound, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(best, found * (1 + 1e-9), "optimum, seed " << seed);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.lost, f.maxLost * (1 + 1e-9) + 1e-12, "seed " << seed);
        ++solved;
        const double above = best > 0 ? found / best - 1 : 0;
        optimal += above < 1e-9;
        worstAbove = std::max(worstAbove, above);
        sumAbove += above;
        worstGap = std::max(worstGap, r.Gap());
        sumGap += r.Gap();
        f.candidates = 0;
        const auto& topK = bound.Solve(gate, k, p, f);
        faster += topK.status == QualityStatus::SOLVED && found < topK.latencyS * (1 - 1e-9);
    }
    NS_TEST_EXPECT_MSG_EQ(solved, m_trials, "instances");
    NS_TEST_EXPECT_MSG_GT(faster, m_trials / 10, "others help");
    NS_TEST_EXPECT_MSG_GT(notMet, 0U, "some floors cannot be met");
    NS_TEST_EXPECT_MSG_LT(sumAbove / static_cast<double>(solved), 0.01, "mean");
    if (Verbose())
    {
        std::cout << "candidates, "
                  << (m_model == BlockModel::SCHEDULE ? "schedule" : "static split") << ": "
                  << solved << " instances, " << optimal << " optimal, above the optimum "
                  << 100 * sumAbove / static_cast<double>(solved) << " % on average, "
                  << 100 * worstAbove << " % at worst; gap "
                  << 100 * sumGap / static_cast<double>(solved) << " % on average, "
                  << 100 * worstGap << " % at worst; faster than top-k in " << faster << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Larger blocks, memory, and what is refused.
 */
class CandidatesLargeTest : public TestCase
{
  public:
    CandidatesLargeTest()
        : TestCase("candidates of larger blocks: never slower than top-k, gap, memory, bad input")
    {
    }

  private:
    void DoRun() override;
};

void
CandidatesLargeTest::DoRun()
{
    QualityBound bound;
    double sumGap = 0;
    double worstGap = 0;
    double sumFaster = 0;
    const int blocks = 40;
    for (int seed = 1; seed <= blocks; ++seed)
    {
        Draw draw(seed);
        const std::size_t experts = draw.Of(2) ? 8 : 16;
        const std::size_t k = 2 + draw.Of(3);
        const auto gate = DrawGate(draw, 32 + draw.Of(64), experts, draw(1, 5));
        const auto p = DrawProblem(draw, 8, experts, 1 + draw.Of(2), draw.Of(3), draw.Of(2));
        QualityFloor f;
        f.maxLost = draw(0.005, 0.1);
        f.maxTokenLoss = draw(0.1, 1);
        const auto topK = bound.Solve(gate, k, p, f);
        f.candidates = k;
        const auto& same = bound.Solve(gate, k, p, f);
        NS_TEST_EXPECT_MSG_EQ_TOL(same.latencyS,
                                  topK.latencyS,
                                  1e-3 * topK.latencyS,
                                  "k candidates are top-k");
        f.candidates = experts;
        const auto& r = bound.Solve(gate, k, p, f);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.latencyS, topK.latencyS * (1 + 1e-3), "seed " << seed);
        NS_TEST_EXPECT_MSG_GT_OR_EQ(KeptGateMass(gate, r.selection, k),
                                    1 - f.maxLost * (1 + 1e-9),
                                    "floor, seed " << seed);
        for (std::size_t j = 0; j < gate.tokens; ++j)
        {
            double combine = 0;
            for (std::size_t s = j * k; s < (j + 1) * k; ++s)
            {
                combine += r.selection.combine[s];
                NS_TEST_ASSERT_MSG_EQ(
                    (s == j * k || r.selection.expert[s] < 0 ||
                     gate.Row(j)[r.selection.expert[s - 1]] >= gate.Row(j)[r.selection.expert[s]]),
                    true,
                    "by falling weight");
            }
            NS_TEST_ASSERT_MSG_EQ_TOL(combine, 1, 1e-9, "renormalised");
        }
        sumGap += r.Gap();
        worstGap = std::max(worstGap, r.Gap());
        sumFaster += 1 - r.latencyS / topK.latencyS;
    }
    NS_TEST_EXPECT_MSG_LT(sumGap / blocks, 0.05, "mean gap");
    if (Verbose())
    {
        std::cout << "candidates, 32 to 95 tokens: gap " << 100 * sumGap / blocks
                  << " % on average, " << 100 * worstGap << " % at worst; "
                  << 100 * sumFaster / blocks << " % faster than top-k" << std::endl;
    }

    Draw draw(5);
    const auto gate = DrawGate(draw, 16, 8, 4);
    const auto p = DrawProblem(draw, 8, 8, 1, 0, true);
    QualityFloor f;
    f.candidates = 8;
    QualityMenu menu;
    auto one = gate;
    one.tokens = 1;
    one.weight.resize(8);
    for (int round = 0; round < 2; ++round)
    {
        menu.Make(gate, 2, p, f, 0.3);
        menu.Make(one, 2, p, f, 0.3);
    }
    const auto before = WdmoeAllocations();
    menu.Make(gate, 2, p, f, 0.3);
    menu.Make(one, 2, p, f, 0.3);
    NS_TEST_EXPECT_MSG_EQ(WdmoeAllocations(), before, "no memory is asked for");

    f.price = {{0.2, 0.1}, {1, 1}};
    const auto& refused = bound.Solve(gate, 2, p, f);
    NS_TEST_EXPECT_MSG_EQ((refused.status == QualityStatus::INVALID), true, "prices");
    NS_TEST_EXPECT_MSG_NE(refused.message.find("candidates is 8, above k, 2"),
                          std::string::npos,
                          refused.message);
    f.price.clear();
    for (const double bad : {-1.0, NOT_A_NUMBER})
    {
        NS_TEST_EXPECT_MSG_EQ((menu.Make(gate, 2, p, f, bad) == QualityStatus::INVALID),
                              true,
                              "mostLost " << bad);
        NS_TEST_EXPECT_MSG_NE(menu.Message().find("mostLost is"), std::string::npos, "named");
    }
    NS_TEST_EXPECT_MSG_EQ((menu.Make(gate, 9, p, f, 0.1) == QualityStatus::INVALID), true, "k");
    NS_TEST_EXPECT_MSG_EQ(menu.Points().empty(), true, "no points");
}

/**
 * @ingroup wdmoe-tests
 *
 * The policy with an average over blocks.
 */
class AverageOverBlocksTest : public TestCase
{
  public:
    AverageOverBlocksTest()
        : TestCase("policy: one token a block, each block or on average")
    {
    }

  private:
    void DoRun() override;
};

void
AverageOverBlocksTest::DoRun()
{
    const double floor = 0.03;
    double sum[3] = {0, 0, 0}; // each block, on average, any expert
    double latest = 0;
    Ptr<WdmoeQualityBoundSelector> selectors[3];
    for (int i = 0; i < 3; ++i)
    {
        selectors[i] = CreateObject<WdmoeQualityBoundSelector>();
        selectors[i]->SetAttribute("MaxLostMass", DoubleValue(floor));
        selectors[i]->SetAttribute("MaxTokenLoss", DoubleValue(1));
        selectors[i]->SetAttribute("Average", StringValue(i > 0 ? "Run" : "Block"));
        selectors[i]->SetAttribute("Candidates", UintegerValue(i > 1 ? 8 : 0));
    }
    double lost[3] = {0, 0, 0};
    double tokens = 0;
    Draw draw(11);
    for (int block = 1; block <= 300; ++block)
    {
        WdmoeSelectorInput input;
        // a prefill now and then
        input.gate = DrawGate(draw, block % 50 == 1 ? 16 : 1, 8, 4);
        input.topK = 2;
        const auto p = DrawProblem(draw, 8, 8, 1, 0, true);
        input.problem = &p;
        tokens += static_cast<double>(input.gate.tokens);
        for (int i = 0; i < 3; ++i)
        {
            const auto s = selectors[i]->Select(input);
            latest = selectors[i]->GetLast().latencyS;
            sum[i] += latest;
            lost[i] +=
                (1 - KeptGateMass(input.gate, s, 2)) * static_cast<double>(input.gate.tokens);
            NS_TEST_ASSERT_MSG_LT_OR_EQ(lost[i],
                                        floor * tokens * (1 + 1e-9),
                                        "average, block " << block);
        }
    }
    NS_TEST_EXPECT_MSG_EQ_TOL(selectors[1]->GetBudget().Average(), lost[1] / tokens, 1e-9, "same");
    NS_TEST_EXPECT_MSG_LT(sum[1], 0.99 * sum[0], "the average is faster");
    NS_TEST_EXPECT_MSG_LT(sum[2], 0.99 * sum[1], "any expert still more");
    if (Verbose())
    {
        std::cout << "policy, 300 blocks: on average " << 100 * (1 - sum[1] / sum[0])
                  << " % faster than with a floor for each block (lost " << lost[1] / tokens
                  << " and " << lost[0] / tokens << "), with any expert "
                  << 100 * (1 - sum[2] / sum[0]) << " %" << std::endl;
    }
    // what is refused
    WdmoeSelectorInput input;
    input.gate = DrawGate(draw, 4, 8, 4);
    input.topK = 2;
    input.expertLatencyS.assign(8, 1);
    for (int i = 1; i < 3; ++i)
    {
        NS_TEST_EXPECT_MSG_NE(
            WdmoeAbortMessage([&]() { selectors[i]->Select(input); }).find("need"),
            std::string::npos,
            "no problem");
    }
    NS_TEST_EXPECT_MSG_EQ(selectors[0]->SetAttributeFailSafe("Candidates", StringValue("-1")),
                          false,
                          "candidates");
}

/**
 * @ingroup wdmoe-tests
 *
 * Tests of a floor on average, and of experts outside top-k.
 */
class WdmoeQualityBudgetTestSuite : public TestSuite
{
  public:
    WdmoeQualityBudgetTestSuite()
        : TestSuite("wdmoe-quality-budget", Type::UNIT)
    {
        AddTestCase(new QualityBudgetRegretTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityBudgetEdgesTest, TestCase::Duration::QUICK);
        AddTestCase(new QualityMenuExhaustiveTest, TestCase::Duration::QUICK);
        AddTestCase(new CandidatesExhaustiveTest(BlockModel::SCHEDULE, 1500),
                    TestCase::Duration::QUICK);
        AddTestCase(new CandidatesExhaustiveTest(BlockModel::STATIC_SPLIT, 1000),
                    TestCase::Duration::QUICK);
        AddTestCase(new CandidatesLargeTest, TestCase::Duration::QUICK);
        AddTestCase(new AverageOverBlocksTest, TestCase::Duration::QUICK);
    }
};

/// the suite registers itself
static WdmoeQualityBudgetTestSuite g_wdmoeQualityBudgetTestSuite;
