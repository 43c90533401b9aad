/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Distances from the optimum are printed where WDMOE_VERBOSE is set.

#include "wdmoe-test-radio.h"
#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-channel-aware-selector.h"
#include "ns3/wdmoe-channel-aware.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-data-path.h"
#include "ns3/wdmoe-des-selector.h"
#include "ns3/wdmoe-exhaustive-selector.h"
#include "ns3/wdmoe-exhaustive.h"
#include "ns3/wdmoe-random-selection.h"
#include "ns3/wdmoe-random-selector.h"
#include "ns3/wdmoe-real-model.h"
#include "ns3/wdmoe-scenario-radio.h"
#include "ns3/wdmoe-sift-selector.h"
#include "ns3/wdmoe-similarity.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>

using namespace ns3;
using namespace wdmoe;

namespace
{

/// @return whether to print
bool
IsVerbose()
{
    return std::getenv("WDMOE_VERBOSE") != nullptr;
}

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

/// @return a number in [a, b). @param rng random bits @param a lowest @param b highest
double
Uniform(std::mt19937_64& rng, double a, double b)
{
    return a + (b - a) * static_cast<double>(rng() >> 11) * 0x1p-53;
}

/// @return a whole number in [a, b]. @param rng random bits @param a lowest @param b highest
std::size_t
Integer(std::mt19937_64& rng, std::size_t a, std::size_t b)
{
    return a + rng() % (b - a + 1);
}

/**
 * @param rng random bits
 * @param tokens J
 * @param experts E
 * @param skew spread of the logits
 * @param zeros share of the weights that are 0
 * @return softmax weights
 */
GateMatrix
DrawGate(std::mt19937_64& rng, std::size_t tokens, std::size_t experts, double skew, double zeros)
{
    GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    for (std::size_t j = 0; j < tokens; j++)
    {
        std::vector<double> row(experts);
        double sum = 0;
        for (auto& w : row)
        {
            w = Uniform(rng, 0, 1) < zeros ? 0 : std::exp(skew * Uniform(rng, -1, 1));
            sum += w;
        }
        row[0] += sum > 0 ? 0 : 1;
        sum = sum > 0 ? sum : 1;
        for (const auto w : row)
        {
            gate.weight.push_back(w / sum);
        }
    }
    return gate;
}

/// @return costs, some equal, some 0. @param rng random bits @param experts E
std::vector<double>
DrawCosts(std::mt19937_64& rng, std::size_t experts)
{
    std::vector<double> cost(experts);
    const double unit = std::pow(10, Uniform(rng, -9, 3));
    for (auto& c : cost)
    {
        const double kind = Uniform(rng, 0, 1);
        c = kind < 0.1 ? 0 : kind < 0.3 ? unit : unit * std::exp(Uniform(rng, -2, 2));
    }
    return cost;
}

/// @return similarities, not symmetric. @param rng random bits @param experts E
std::vector<double>
DrawSimilarity(std::mt19937_64& rng, std::size_t experts)
{
    std::vector<double> similarity(experts * experts);
    for (std::size_t i = 0; i < similarity.size(); i++)
    {
        const bool self = i / experts == i % experts;
        similarity[i] = self ? 1 : Uniform(rng, -0.5, 1);
    }
    return similarity;
}

/**
 * @param gate the gate
 * @param selection of a token
 * @param token j
 * @param value of each expert
 * @return their sum over the token's experts
 */
double
SumOf(const Selection& selection, std::size_t token, const double* value)
{
    double sum = 0;
    for (std::size_t s = 0; s < selection.slots; s++)
    {
        const auto e = selection.expert[token * selection.slots + s];
        sum += e >= 0 ? value[e] : 0;
    }
    return sum;
}

/// @return sum of the k largest weights of a row. @param gate the gate @param token j @param k k
double
TopMass(const GateMatrix& gate, std::size_t token, std::size_t k)
{
    std::vector<double> row(gate.Row(token), gate.Row(token) + gate.experts);
    std::sort(row.rbegin(), row.rend());
    double sum = 0;
    for (std::size_t i = 0; i < std::min(k, row.size()); i++)
    {
        sum += row[i];
    }
    return sum;
}

/**
 * What every selection is: experts that are there, once, weights falling and summing to 1.
 *
 * @param gate the gate
 * @param selection to be checked
 * @return whether it is
 */
bool
IsSound(const GateMatrix& gate, const Selection& selection)
{
    bool sound = selection.tokens == gate.tokens &&
                 selection.expert.size() == gate.tokens * selection.slots &&
                 selection.combine.size() == selection.expert.size();
    for (std::size_t j = 0; j < gate.tokens && sound; j++)
    {
        std::vector<bool> seen(gate.experts, false);
        double sum = 0;
        double last = 2;
        for (std::size_t s = j * selection.slots; s < (j + 1) * selection.slots; s++)
        {
            const auto e = selection.expert[s];
            if (e < 0)
            {
                sound = sound && e == -1 && selection.combine[s] == 0;
                continue;
            }
            sound = sound && static_cast<std::size_t>(e) < gate.experts && !seen[e] &&
                    selection.combine[s] <= last && selection.combine[s] > 0;
            seen.at(e) = true;
            last = selection.combine[s];
            sum += last;
        }
        sound = sound && std::abs(sum - 1) < 1e-12;
    }
    return sound;
}

/**
 * @ingroup wdmoe-tests
 *
 * Des against every set of experts.
 */
class DesOptimalTest : public TestCase
{
  public:
    DesOptimalTest()
        : TestCase("Des: the optimum of 6,000 random blocks, by trying all sets")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 rng(7);
        DesSolver solver;
        double worst = 0;
        int infeasible = 0;
        int beyond = 0;
        for (int n = 0; n < 6000; n++)
        {
            const bool large = n % 20 == 0;
            const auto experts = large ? 16 : Integer(rng, 1, 10);
            const auto k = Integer(rng, 1, std::min<std::size_t>(4, experts));
            const auto gate = DrawGate(rng, 3, experts, Uniform(rng, 0.1, 5), 0.1);
            const auto cost = DrawCosts(rng, experts);
            DesParam param;
            const double kind = Uniform(rng, 0, 1);
            param.floor = kind < 0.1 ? 0 : kind < 0.2 ? 1 : Uniform(rng, 0, 1);
            param.relative = Uniform(rng, 0, 1) < 0.7;
            param.maxExperts = Uniform(rng, 0, 1) < 0.5 ? 0 : Integer(rng, 1, 5);
            const auto& r = solver.Solve(gate, k, cost, param);
            ExhaustiveParam all;
            all.floor = param.floor;
            all.relative = param.relative;
            all.maxExperts = param.maxExperts;
            all.allExperts = true;
            const auto e = SelectExhaustive(gate, k, cost, all);

            NS_TEST_ASSERT_MSG_EQ(IsSound(gate, r.selection), true, n);
            NS_TEST_ASSERT_MSG_EQ(IsSound(gate, e.selection), true, n);
            NS_TEST_ASSERT_MSG_EQ(r.infeasible, e.infeasible, n);
            NS_TEST_EXPECT_MSG_EQ(r.unproven, 0, n);
            NS_TEST_EXPECT_MSG_EQ(r.worstGap, 0, n);
            NS_TEST_EXPECT_MSG_EQ(r.message.empty(), (r.infeasible == 0), r.message);
            NS_TEST_EXPECT_MSG_EQ((r.status == SearchStatus::OPTIMAL), (r.infeasible == 0), n);
            double total = 0;
            for (std::size_t j = 0; j < gate.tokens; j++)
            {
                const double mine = SumOf(r.selection, j, cost.data());
                const double best = SumOf(e.selection, j, cost.data());
                const double mass = SumOf(r.selection, j, gate.Row(j));
                const double need =
                    param.floor * (param.relative ? TopMass(gate, j, k) : 1) * (1 - 2e-12);
                const auto most = param.maxExperts == 0 ? k : param.maxExperts;
                const bool can = TopMass(gate, j, most) >= need;
                total += mine;
                if (!can)
                {
                    NS_TEST_EXPECT_MSG_EQ_TOL(mass, TopMass(gate, j, most), 1e-12, n);
                    infeasible++;
                    continue;
                }
                NS_TEST_EXPECT_MSG_GT_OR_EQ(mass, need, n << ": the floor");
                const double gap = mine == best ? 0 : std::abs(mine - best) / std::max(mine, best);
                worst = std::max(worst, gap);
                for (std::size_t s = 0; s < r.selection.slots; s++)
                {
                    const auto chosen = r.selection.expert[j * r.selection.slots + s];
                    beyond += chosen >= 0 &&
                              gate.Row(j)[chosen] < TopMass(gate, j, k) - TopMass(gate, j, k - 1);
                }
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(r.cost, total, 1e-9 * total, n);
            NS_TEST_EXPECT_MSG_EQ_TOL(r.lowerBound, total, 1e-9 * total, n);
        }
        if (IsVerbose())
        {
            std::cout << "Des against all sets: worst gap " << worst << " over 18,000 tokens, "
                      << infeasible << " of them could not meet the floor" << std::endl;
        }
        NS_TEST_EXPECT_MSG_LT_OR_EQ(worst, 1e-12, "the same cost");
        NS_TEST_EXPECT_MSG_GT(infeasible, 500, "the draw is worth something");
        NS_TEST_EXPECT_MSG_GT(beyond, 500, "experts outside top-k are worth something");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What follows from the definition of Des.
 */
class DesPropertyTest : public TestCase
{
  public:
    DesPropertyTest()
        : TestCase("Des: floors, ties, free experts, units, limits, best reachable")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 rng(8);
        DesSolver solver;
        int cut = 0;
        for (int n = 0; n < 1000; n++)
        {
            const auto gate = DrawGate(rng, 4, 64, Uniform(rng, 0.5, 4), 0);
            auto cost = DrawCosts(rng, 64);
            DesParam param;
            param.floor = Uniform(rng, 0.5, 1);
            const auto optimum = solver.Solve(gate, 6, cost, param);

            // proven in other units too, with the same answer
            auto scaled = cost;
            for (auto& c : scaled)
            {
                c *= 0x1p-20;
            }
            NS_TEST_EXPECT_MSG_EQ(
                (solver.Solve(gate, 6, scaled, param).selection.expert == optimum.selection.expert),
                true,
                n << ": units");
            // a higher floor never costs less
            auto higher = param;
            higher.floor = std::min(1.0, param.floor + 0.05);
            NS_TEST_EXPECT_MSG_GT_OR_EQ(solver.Solve(gate, 6, cost, higher).cost,
                                        optimum.cost * (1 - 1e-12),
                                        n);
            // cut short: an answer and a bound
            auto limited = param;
            limited.nodeLimit = 1;
            const auto& r = solver.Solve(gate, 6, cost, limited);
            NS_TEST_EXPECT_MSG_LT_OR_EQ(r.lowerBound, optimum.cost * (1 + 1e-12), n << ": bound");
            NS_TEST_EXPECT_MSG_GT_OR_EQ(r.cost, optimum.cost * (1 - 1e-12), n << ": answer");
            NS_TEST_EXPECT_MSG_EQ((r.status == SearchStatus::NODE_LIMIT), (r.unproven > 0), n);
            NS_TEST_EXPECT_MSG_EQ((r.worstGap > 0), (r.unproven > 0), n);
            NS_TEST_EXPECT_MSG_LT_OR_EQ(r.cost - r.lowerBound,
                                        r.worstGap * r.cost * (1 + 1e-9),
                                        n << ": the gap holds");
            for (std::size_t j = 0; j < 4; j++)
            {
                NS_TEST_EXPECT_MSG_GT_OR_EQ(SumOf(r.selection, j, gate.Row(j)),
                                            param.floor * TopMass(gate, j, 6) * (1 - 2e-12),
                                            n << ": the floor, even so");
            }
            cut += r.unproven > 0;

            // nothing to lose: top-k; all alike: as few as do, the heaviest
            param.floor = 1;
            NS_TEST_EXPECT_MSG_EQ(
                (solver.Solve(gate, 6, cost, param).selection.expert == SelectTopK(gate, 6).expert),
                true,
                n << ": floor 1");
            const std::vector<double> alike(64, 3.0);
            param.floor = Uniform(rng, 0.5, 1);
            const auto few = solver.Solve(gate, 6, alike, param).selection;
            const auto full = SelectTopK(gate, 6);
            for (std::size_t i = 0; i < few.expert.size(); i++)
            {
                NS_TEST_EXPECT_MSG_EQ((few.expert[i] == full.expert[i] || few.expert[i] == -1),
                                      true,
                                      n << ": the heaviest");
            }
            // all for nothing: all of top-k
            const std::vector<double> nothing(64, 0.0);
            NS_TEST_EXPECT_MSG_EQ(
                (solver.Solve(gate, 6, nothing, param).selection.expert == full.expert),
                true,
                n << ": free");
        }
        NS_TEST_EXPECT_MSG_GT(cut, 500, "one node is too few");

        // what cannot be met, and what can
        const auto gate = DrawGate(rng, 200, 16, 2, 0);
        const auto cost = DrawCosts(rng, 16);
        DesParam param;
        param.relative = false;
        param.floor = 0.99;
        const auto r = solver.Solve(gate, 2, cost, param);
        NS_TEST_EXPECT_MSG_EQ((r.status == SearchStatus::INFEASIBLE), true, "too high");
        std::ostringstream reachable;
        reachable << "the best reachable for all is " << r.reachable;
        NS_TEST_EXPECT_MSG_NE(r.message.find(reachable.str()), std::string::npos, r.message);
        NS_TEST_EXPECT_MSG_NE(r.message.find("a floor of 0.99 gate mass cannot be met"),
                              std::string::npos,
                              r.message);
        param.floor = r.reachable;
        NS_TEST_EXPECT_MSG_EQ(solver.Solve(gate, 2, cost, param).infeasible, 0, "reachable it is");
        param.floor = r.reachable + 1e-6;
        NS_TEST_EXPECT_MSG_EQ(solver.Solve(gate, 2, cost, param).infeasible, 1, "and no more");

        // a limit of time
        param = DesParam();
        param.timeLimitS = 1e-12;
        const auto late = SelectDes(DrawGate(rng, 500, 64, 1, 0), 6, DrawCosts(rng, 64), param);
        NS_TEST_EXPECT_MSG_EQ((late.status == SearchStatus::TIME_LIMIT), true, "no time at all");
        NS_TEST_EXPECT_MSG_EQ(std::string(SearchStatusName(late.status)), "time limit", "name");
        NS_TEST_EXPECT_MSG_GT(late.unproven, 0, "cut short");
        NS_TEST_EXPECT_MSG_LT(late.lowerBound, late.cost, "and says so");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Sift against every set of experts.
 */
class SiftOptimalTest : public TestCase
{
  public:
    SiftOptimalTest()
        : TestCase("Sift: the optimum of 3,000 random blocks, by trying all sets")
    {
    }

  private:
    /**
     * @param gate the gate
     * @param token j
     * @param k top-k
     * @param cost by expert
     * @param similarity E x E, or empty
     * @param maxError bound
     * @return least cost, by trying every set of experts
     */
    static double Least(const GateMatrix& gate,
                        std::size_t token,
                        std::size_t k,
                        const std::vector<double>& cost,
                        const std::vector<double>& similarity,
                        double maxError)
    {
        const auto full = SelectTopK(gate, k);
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t set = 1; set < std::size_t{1} << gate.experts; set++)
        {
            double sum = 0;
            double error = 0;
            bool any = false;
            for (std::size_t s = token * k; s < (token + 1) * k; s++)
            {
                const auto i = full.expert[s];
                double most = 0;
                for (std::size_t f = 0; f < gate.experts && i >= 0; f++)
                {
                    const double like = similarity.empty() ? (i == static_cast<int32_t>(f))
                                                           : similarity[i * gate.experts + f];
                    most = set >> f & 1 ? std::max(most, like) : most;
                }
                any = any || most > 0;
                error += i >= 0 ? full.combine[s] * (1 - most) : 0;
            }
            for (std::size_t f = 0; f < gate.experts; f++)
            {
                sum += set >> f & 1 ? cost[f] : 0;
            }
            least = any && error <= maxError + 1e-12 ? std::min(least, sum) : least;
        }
        return least;
    }

    void DoRun() override
    {
        std::mt19937_64 rng(9);
        SiftSolver solver;
        double worst = 0;
        std::size_t replaced = 0;
        std::size_t skipped = 0;
        for (int n = 0; n < 3000; n++)
        {
            const auto experts = Integer(rng, 1, 9);
            const auto k = Integer(rng, 1, std::min<std::size_t>(4, experts));
            const auto gate = DrawGate(rng, 2, experts, Uniform(rng, 0.1, 4), 0.1);
            const auto cost = DrawCosts(rng, experts);
            const auto similarity =
                Uniform(rng, 0, 1) < 0.3 ? std::vector<double>() : DrawSimilarity(rng, experts);
            SiftParam param;
            const double kind = Uniform(rng, 0, 1);
            param.maxError = kind < 0.1 ? 0 : kind < 0.2 ? 1 : Uniform(rng, 0, 0.6);
            const auto& r = solver.Solve(gate, k, cost, similarity, param);
            NS_TEST_ASSERT_MSG_EQ(IsSound(gate, r.selection), true, n);
            NS_TEST_EXPECT_MSG_EQ((r.status == SearchStatus::OPTIMAL), true, n);
            NS_TEST_EXPECT_MSG_LT_OR_EQ(r.worstError, param.maxError + 2e-12, n);
            double total = 0;
            for (std::size_t j = 0; j < gate.tokens; j++)
            {
                const double mine = SumOf(r.selection, j, cost.data());
                const double best = Least(gate, j, k, cost, similarity, param.maxError);
                worst = std::max(worst, mine == best ? 0 : std::abs(mine - best) / best);
                total += mine;
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(r.cost, total, 1e-9 * total, n);
            NS_TEST_EXPECT_MSG_EQ_TOL(r.lowerBound, total, 1e-9 * total, n);
            NS_TEST_EXPECT_MSG_EQ((similarity.empty() && r.replaced > 0), false, n << ": by whom");
            replaced += r.replaced;
            skipped += r.skipped;
        }
        if (IsVerbose())
        {
            std::cout << "Sift against all sets: worst gap " << worst << " over 6,000 tokens, "
                      << replaced << " pairs replaced, " << skipped << " skipped" << std::endl;
        }
        NS_TEST_EXPECT_MSG_LT_OR_EQ(worst, 1e-12, "the same cost");
        NS_TEST_EXPECT_MSG_GT(replaced, 1000U, "the draw is worth something");
        NS_TEST_EXPECT_MSG_GT(skipped, 500U, "the draw is worth something");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Sift, worked by hand, and cut short.
 */
class SiftByHandTest : public TestCase
{
  public:
    SiftByHandTest()
        : TestCase("Sift: skipped, replaced, merged; limits")
    {
    }

  private:
    void DoRun() override
    {
        GateMatrix gate;
        gate.tokens = 1;
        gate.experts = 4;
        gate.weight = {0.6, 0.3, 0.08, 0.02};
        const std::vector<double> cost{1, 10, 1, 2};
        std::vector<double> similarity{1,
                                       0.2,
                                       0,
                                       0, //
                                       0.7,
                                       1,
                                       0,
                                       0.9, //
                                       0,
                                       0,
                                       1,
                                       0, //
                                       0,
                                       0.9,
                                       0,
                                       1};
        SiftParam param;
        param.maxError = 0.05; // of 0.9: the weight of 1 is a third
        auto r = SelectSift(gate, 2, cost, similarity, param);
        NS_TEST_EXPECT_MSG_EQ((r.selection.expert == std::vector<int32_t>{0, 3}),
                              true,
                              "3 does the work of 1: an error of a third of 0.1");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.selection.combine[1], 1.0 / 3, 1e-12, "with its weight");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.worstError, 0.1 / 3, 1e-12, "error");
        NS_TEST_EXPECT_MSG_EQ(r.replaced, 1, "replaced");
        param.maxError = 0.1 + 1e-6;
        r = SelectSift(gate, 2, cost, similarity, param);
        NS_TEST_EXPECT_MSG_EQ((r.selection.expert == std::vector<int32_t>{0, -1}),
                              true,
                              "0 does the work of 1 as well: merged");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.selection.combine[0], 1, 1e-12, "both weights");
        NS_TEST_EXPECT_MSG_EQ_TOL(r.worstError, 0.1, 1e-12, "a third of 0.3");
        param.maxError = 0.01;
        r = SelectSift(gate, 2, cost, similarity, param);
        NS_TEST_EXPECT_MSG_EQ((r.selection.expert == std::vector<int32_t>{0, 1}), true, "top-k");
        param.maxError = 0.2;
        r = SelectSift(gate, 2, cost, {}, param);
        NS_TEST_EXPECT_MSG_EQ(r.skipped + r.replaced, 0, "nothing is similar");
        param.maxError = 0.34;
        r = SelectSift(gate, 2, cost, {}, param);
        NS_TEST_EXPECT_MSG_EQ(r.skipped, 1, "skipped");
        // what costs nothing is not skipped
        r = SelectSift(gate, 2, {1, 0, 1, 1}, {}, param);
        NS_TEST_EXPECT_MSG_EQ(r.selection.Routed(), 2, "both");

        std::mt19937_64 rng(10);
        const auto large = DrawGate(rng, 50, 64, 1, 0);
        const auto dear = DrawCosts(rng, 64);
        const auto alike = DrawSimilarity(rng, 64);
        param.maxError = 0.1;
        const auto best = SelectSift(large, 4, dear, alike, param);
        param.nodeLimit = 1;
        r = SelectSift(large, 4, dear, alike, param);
        NS_TEST_EXPECT_MSG_EQ((r.status == SearchStatus::NODE_LIMIT), true, "too few");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(r.worstError, 0.1 + 1e-12, "within the bound even so");
        NS_TEST_EXPECT_MSG_GT_OR_EQ(r.cost, best.lowerBound, "no better than the bound");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(r.lowerBound, best.cost, "a bound");
        NS_TEST_EXPECT_MSG_GT(r.worstGap, 0, "a gap");
        param = SiftParam();
        param.timeLimitS = 1e-12;
        r = SelectSift(large, 4, dear, alike, param);
        NS_TEST_EXPECT_MSG_EQ((r.status == SearchStatus::TIME_LIMIT), true, "no time at all");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * In steady state nothing is allocated.
 */
class SelectorMemoryTest : public TestCase
{
  public:
    SelectorMemoryTest()
        : TestCase("Des and Sift: no heap allocation in steady state")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 rng(11);
        for (const auto& [experts, k] : std::vector<std::pair<int, int>>{{8, 2}, {64, 6}})
        {
            DesSolver des;
            SiftSolver sift;
            for (int n = 0; n < 20; n++)
            {
                const auto gate = DrawGate(rng, experts == 8 ? 100 : 5, experts, 2, 0);
                const auto cost = DrawCosts(rng, experts);
                auto similarity = DrawSimilarity(rng, experts);
                for (auto& s : similarity)
                {
                    s = s == 1 ? 1 : 0.1 * s;
                }
                const auto before = WdmoeHeapAllocations();
                des.Solve(gate, k, cost);
                const auto between = WdmoeHeapAllocations();
                sift.Solve(gate, k, cost, similarity);
                const auto after = WdmoeHeapAllocations();
                if (n == 0)
                {
                    NS_TEST_EXPECT_MSG_GT(between, before, "the first time");
                    NS_TEST_EXPECT_MSG_GT(after, between, "the first time");
                    continue;
                }
                NS_TEST_EXPECT_MSG_EQ(between, before, "Des has its memory, block " << n);
                NS_TEST_EXPECT_MSG_EQ(after, between, "Sift has its memory, block " << n);
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Channel-aware gating.
 */
class ChannelAwareTest : public TestCase
{
  public:
    ChannelAwareTest()
        : TestCase("ChannelAware: top-k at strength 0, and the formula")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 rng(12);
        for (int n = 0; n < 1000; n++)
        {
            const auto experts = Integer(rng, 1, 16);
            const auto k = Integer(rng, 1, experts);
            const auto gate = DrawGate(rng, 4, experts, 2, 0.1);
            std::vector<double> snr(experts);
            for (auto& s : snr)
            {
                s = Uniform(rng, 0, 1) < 0.1 ? 0 : std::pow(10, Uniform(rng, -2, 4));
            }
            ChannelAwareParam param;
            param.strength = 0;
            const auto full = SelectTopK(gate, k);
            const auto none = SelectChannelAware(gate, k, snr, param);
            NS_TEST_EXPECT_MSG_EQ((none.expert == full.expert && none.combine == full.combine),
                                  true,
                                  n << ": exactly top-k");
            // alike channels change nothing whatever the strength
            param.strength = Uniform(rng, 0, 20);
            const auto alike =
                SelectChannelAware(gate, k, std::vector<double>(experts, 7.0), param);
            NS_TEST_EXPECT_MSG_EQ((alike.expert == full.expert), true, n << ": all alike");
            // against the formula, written in logits
            param.combineCorrected = n % 2 == 0;
            const auto chosen = SelectChannelAware(gate, k, snr, param);
            NS_TEST_ASSERT_MSG_EQ(IsSound(gate, chosen), true, n);
            const double most = std::log2(1 + *std::max_element(snr.begin(), snr.end()));
            for (std::size_t j = 0; j < gate.tokens; j++)
            {
                std::vector<std::pair<double, int32_t>> logits;
                for (std::size_t e = 0; e < experts; e++)
                {
                    const double w = gate.Row(j)[e];
                    if (w > 0)
                    {
                        const double f = most > 0 ? std::log2(1 + snr[e]) / most : 0;
                        logits.emplace_back(std::log(w) + param.strength * f,
                                            static_cast<int32_t>(e));
                    }
                }
                std::sort(logits.rbegin(), logits.rend());
                logits.resize(std::min(k, logits.size()));
                double sum = 0;
                for (const auto& [logit, e] : logits)
                {
                    sum += param.combineCorrected ? std::exp(logit) : gate.Row(j)[e];
                }
                for (const auto& [logit, e] : logits)
                {
                    const auto* begin = &chosen.expert[j * k];
                    const auto* at = std::find(begin, begin + k, e);
                    NS_TEST_ASSERT_MSG_NE((at == begin + k), true, n << ": expert " << e);
                    NS_TEST_EXPECT_MSG_EQ_TOL(
                        chosen.combine[j * k + (at - begin)],
                        (param.combineCorrected ? std::exp(logit) : gate.Row(j)[e]) / sum,
                        1e-9,
                        n);
                }
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Random selection.
 */
class RandomSelectionTest : public TestCase
{
  public:
    RandomSelectionTest()
        : TestCase("Random: how many stay, which always do")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 rng(13);
        const auto uniform = [&rng] { return Uniform(rng, 0, 1); };
        const auto gate = DrawGate(rng, 5000, 8, 2, 0);
        const auto full = SelectTopK(gate, 4);
        RandomParam param;
        param.keep = 1;
        NS_TEST_EXPECT_MSG_EQ((SelectRandom(gate, 4, uniform, param).expert == full.expert),
                              true,
                              "all stay");
        param.keep = 0;
        param.minExperts = 2;
        NS_TEST_EXPECT_MSG_EQ(SelectRandom(gate, 4, uniform, param).Routed(), 10000, "two stay");
        for (const bool exact : {false, true})
        {
            for (const double keep : {0.1, 0.5, 0.9})
            {
                param.keep = keep;
                param.exact = exact;
                param.minExperts = 1;
                const auto r = SelectRandom(gate, 4, uniform, param);
                NS_TEST_EXPECT_MSG_EQ(IsSound(gate, r), true, keep);
                // 15,000 pairs beyond the first: a standard deviation is at most 61
                const auto extra = static_cast<double>(r.Routed()) - 5000;
                NS_TEST_EXPECT_MSG_EQ_TOL(extra, 15000 * keep, (exact ? 0.5 : 300.0), keep);
                std::vector<int> byRank(4, 0);
                for (std::size_t i = 0; i < r.expert.size(); i++)
                {
                    NS_TEST_EXPECT_MSG_EQ((r.expert[i] == full.expert[i] || r.expert[i] == -1),
                                          true,
                                          "only of top-k");
                    byRank[i % 4] += r.expert[i] >= 0;
                }
                NS_TEST_EXPECT_MSG_EQ(byRank[0], 5000, "the first always");
                for (int rank = 1; rank < 4; rank++)
                {
                    NS_TEST_EXPECT_MSG_EQ_TOL(byRank[rank], 5000 * keep, 200, "all ranks alike");
                }
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Whole blocks, exhaustively.
 */
class ExhaustiveBlockTest : public TestCase
{
  public:
    ExhaustiveBlockTest()
        : TestCase("Exhaustive: a block whose cost is a sum is its tokens one by one; floors")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 rng(14);
        for (int n = 0; n < 1000; n++)
        {
            const auto experts = Integer(rng, 1, 5);
            const auto k = Integer(rng, 1, std::min<std::size_t>(3, experts));
            const auto gate = DrawGate(rng, Integer(rng, 1, 3), experts, 2, 0.1);
            const auto cost = DrawCosts(rng, experts);
            ExhaustiveParam param;
            param.floor = Uniform(rng, 0, 1);
            param.allExperts = n % 2 == 0;
            param.maxExperts = n % 3 == 0 ? 1 : 0;
            const auto sum = [&](const Selection& s) {
                double total = 0;
                for (std::size_t j = 0; j < s.tokens; j++)
                {
                    total += SumOf(s, j, cost.data());
                }
                return total;
            };
            const auto each = SelectExhaustive(gate, k, cost, param);
            const auto whole = SelectExhaustiveBlock(gate, k, sum, param);
            NS_TEST_EXPECT_MSG_EQ_TOL(whole.cost, each.cost, 1e-9 * each.cost, n);
            NS_TEST_EXPECT_MSG_EQ(whole.infeasible, each.infeasible, n);
            NS_TEST_EXPECT_MSG_EQ(IsSound(gate, whole.selection), true, n);
            NS_TEST_EXPECT_MSG_EQ(whole.met, true, n);

            // a floor of the block: never cheaper, and kept
            param.blockFloor = Uniform(rng, 0, 1);
            const auto floored = SelectExhaustiveBlock(gate, k, sum, param);
            NS_TEST_EXPECT_MSG_EQ((!floored.met || floored.cost >= whole.cost * (1 - 1e-12)),
                                  true,
                                  n);
            NS_TEST_EXPECT_MSG_EQ(
                (KeptGateMass(gate, floored.selection, k) >= param.blockFloor - 1e-9),
                floored.met,
                n);
        }
        const auto gate = DrawGate(rng, 30, 8, 2, 0);
        const auto message = Refusal([&] {
            ExhaustiveParam param;
            param.floor = 0;
            SelectExhaustiveBlock(gate, 2, [](const Selection&) { return 0; }, param);
        });
        NS_TEST_EXPECT_MSG_NE(message.find("the first 13 of 30 tokens have 1594323"),
                              std::string::npos,
                              message);
        const auto sets = Refusal([&] {
            ExhaustiveParam param;
            param.allExperts = true;
            param.limit = 35;
            SelectExhaustive(gate, 2, std::vector<double>(8, 1), param);
        });
        NS_TEST_EXPECT_MSG_NE(sets.find("8 experts to choose up to 2 from: 36"),
                              std::string::npos,
                              sets);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What is refused.
 */
class SelectorRefusalTest : public TestCase
{
  public:
    SelectorRefusalTest()
        : TestCase("bad gates, costs, similarities and settings are refused with what they are")
    {
    }

  private:
    void DoRun() override
    {
        const double nan = std::nan("");
        const double inf = std::numeric_limits<double>::infinity();

        struct Selector
        {
            std::string name;
            std::function<void(const GateMatrix&, std::size_t, const std::vector<double>&)> run;
            std::string value; // what its vector is; empty: it has none
        };

        const std::vector<Selector> selectors{
            {"SelectDes", [](const auto& g, auto k, const auto& v) { SelectDes(g, k, v); }, "cost"},
            {"SelectSift",
             [](const auto& g, auto k, const auto& v) { SelectSift(g, k, v, {}); },
             "cost"},
            {"SelectChannelAware",
             [](const auto& g, auto k, const auto& v) { SelectChannelAware(g, k, v); },
             "SNR"},
            {"SelectTopK", // whose words SelectRandom uses
             [](const auto& g, auto k, const auto& /* v */) {
                 SelectRandom(g, k, [] { return 0.5; });
             },
             ""},
            {"SelectExhaustive",
             [](const auto& g, auto k, const auto& v) { SelectExhaustive(g, k, v); },
             "cost"},
            {"SelectExhaustiveBlock",
             [](const auto& g, auto k, const auto& /* v */) {
                 SelectExhaustiveBlock(g, k, [](const Selection&) { return 0; });
             },
             ""}};
        const GateMatrix good{2, 2, {0.5, 0.5, 0.25, 0.75}};
        const std::vector<double> one{1, 1};
        for (const auto& s : selectors)
        {
            const auto expect = [&](const GateMatrix& gate,
                                    std::size_t k,
                                    const std::vector<double>& value,
                                    const std::string& text) {
                const auto message = Refusal([&] { s.run(gate, k, value); });
                NS_TEST_EXPECT_MSG_EQ(
                    (message.find(s.name + ": ") == 0 && message.find(text) != std::string::npos),
                    true,
                    s.name << ", expected '" << text << "': " << message);
            };
            NS_TEST_EXPECT_MSG_EQ(Refusal([&] { s.run(good, 2, one); }), "", s.name);
            expect({0, 2, {}}, 1, one, "0 tokens");
            expect({2, 0, {}}, 1, {}, "0 experts");
            expect({2, 2, {1, 0, 1}}, 1, one, "3 weights");
            expect(good, 0, one, "k is 0");
            expect(good, 3, one, "k is 3");
            expect({1, 2, {nan, 0.5}}, 1, one, "is nan");
            expect({1, 2, {-0.5, 1.5}}, 1, one, "is -0.5");
            expect({1, 2, {inf, 0}}, 1, one, "sum to inf");
            expect({1, 2, {0, 0}}, 1, one, "sum to 0.0");
            expect({1, 2, {0.8, 0.8}}, 1, one, "sum to 1.6");
            if (!s.value.empty())
            {
                expect(good, 1, {1}, "1 values of " + s.value);
                expect(good, 1, {1, nan}, "the " + s.value + " of expert 1 is nan");
                expect(good, 1, {-1, 1}, "the " + s.value + " of expert 0 is -1.0");
                expect(good, 1, {1, inf}, "the " + s.value + " of expert 1 is inf");
            }
        }

        const auto des = [&](auto change) {
            DesParam p;
            change(p);
            SelectDes(good, 1, one, p);
        };
        const auto sift = [&](auto change) {
            SiftParam p;
            change(p);
            SelectSift(good, 1, one, {}, p);
        };
        const auto aware = [&](auto change) {
            ChannelAwareParam p;
            change(p);
            SelectChannelAware(good, 1, one, p);
        };
        const auto random = [&](auto change) {
            RandomParam p;
            change(p);
            SelectRandom(good, 1, [] { return 0.5; }, p);
        };
        const auto all = [&](auto change) {
            ExhaustiveParam p;
            change(p);
            SelectExhaustive(good, 1, one, p);
        };
        for (const auto& [action, expected] :
             std::vector<std::pair<std::function<void()>, std::string>>{
                 {[&] { des([](auto& p) { p.floor = 1.1; }); }, "DesParam: floor is 1.1"},
                 {[&] { des([&](auto& p) { p.floor = nan; }); }, "DesParam: floor is nan"},
                 {[&] { des([](auto& p) { p.nodeLimit = 0; }); }, "DesParam: nodeLimit is 0"},
                 {[&] { des([](auto& p) { p.timeLimitS = -1; }); }, "DesParam: timeLimitS is -1"},
                 {[&] { sift([](auto& p) { p.maxError = -1; }); }, "SiftParam: maxError is -1"},
                 {[&] { sift([](auto& p) { p.nodeLimit = 0; }); }, "SiftParam: nodeLimit is 0"},
                 {[&] { sift([&](auto& p) { p.timeLimitS = inf; }); }, "SiftParam: timeLimitS"},
                 {[&] { aware([](auto& p) { p.strength = -1; }); }, "strength is -1"},
                 {[&] { aware([&](auto& p) { p.strength = inf; }); }, "strength is inf"},
                 {[&] { random([](auto& p) { p.keep = 2; }); }, "keep is 2"},
                 {[&] { random([](auto& p) { p.minExperts = 0; }); }, "minExperts is 0"},
                 {[&] { all([](auto& p) { p.floor = -1; }); }, "ExhaustiveParam: floor is -1"},
                 {[&] { all([](auto& p) { p.blockFloor = 2; }); }, "blockFloor is 2"},
                 {[&] { all([](auto& p) { p.limit = 0; }); }, "limit is 0"},
                 {[&] { SelectRandom(good, 2, [] { return 1.0; }); }, "a draw is 1.0"},
                 {[&] { SelectSift(good, 1, one, {1, 0, 1}); }, "3 similarities"},
                 {[&] { SelectSift(good, 1, one, {1, 2, 0, 1}); }, "of expert 1 to expert 0 is 2"},
                 {[&] { SelectSift(good, 1, one, {1, 0, nan, 1}); }, "is nan"},
                 {[&] { SelectSift(good, 1, one, {0.9, 0, 0, 1}); }, "is 0.900000, expected 1"}})
        {
            const auto message = Refusal(action);
            NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
        }
    }
};

/**
 * Top-k that keeps what it was shown.
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
        static TypeId tid = TypeId("ns3::WdmoeTestInputSpy")
                                .SetParent<WdmoeTopKSelector>()
                                .AddConstructor<SpySelector>();
        return tid;
    }

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override
    {
        seen = input;
        return WdmoeTopKSelector::Select(input);
    }

    int64_t AssignStreams(int64_t stream) override
    {
        first = stream;
        return 5;
    }

    WdmoeSelectorInput seen; ///< last shown
    int64_t first{-1};       ///< stream
};

NS_OBJECT_ENSURE_REGISTERED(SpySelector);

/// @return bytes on the wire. @param bytes of payload
uint64_t
WireBytes(uint64_t bytes)
{
    return bytes + 40;
}

/**
 * @ingroup wdmoe-tests
 *
 * The objects in the loop.
 */
class SelectorObjectTest : public TestCase
{
  public:
    SelectorObjectTest()
        : TestCase("SNR, block index and streams reach the selectors; who is not heard is not "
                   "chosen; settings are checked")
    {
    }

  private:
    /// @return an input of 6 experts on 3 devices, the last one not heard
    static WdmoeSelectorInput Input()
    {
        std::mt19937_64 rng(15);
        WdmoeSelectorInput input;
        input.gate = DrawGate(rng, 40, 6, 1, 0);
        input.topK = 2;
        input.expertDevice = {0, 1, 2, 0, 1, 2};
        input.expertLatencyS = {0.01, 0.03, 0.02, 0.01, 0.03, 0.02};
        input.expertCostS = {0.01, 0.03, 0, 0.01, 0.03, 0};
        input.expertSnr = {100, 10, 0, 100, 10, 0};
        return input;
    }

    /// What the controller says; in a process of its own time
    void Controller()
    {
        Ptr<Node> server = CreateObject<Node>();
        auto radio = CreateObject<WdmoeTestRadio>("Test", server, 3, 10);
        radio->links[1].downlink.law = RateLaw::Linear(1);
        radio->links[1].uplink.law = RateLaw::Linear(4);
        radio->links[2].uplink.valid = false;
        auto controller = CreateObject<WdmoeController>();
        auto spy = CreateObject<SpySelector>();
        controller->SetAttribute("Selector", PointerValue(spy));
        controller->SetRadio(radio);
        ExpertShape shape;
        shape.hidden = 64;
        shape.inner = 128;
        DeviceProfile profile;
        profile.flops = 1e12;
        profile.memoryBandwidth = 1e11;
        controller->SetWork(shape, 6, 2, std::vector<DeviceProfile>(3, profile));
        NS_TEST_EXPECT_MSG_EQ(controller->AssignStreams(77), 5, "as many as the selector's");
        NS_TEST_EXPECT_MSG_EQ(spy->first, 77, "from there");

        std::mt19937_64 rng(16);
        WdmoeBlockInput input;
        input.block = 3;
        input.hidden = 64;
        input.gate = DrawGate(rng, 4, 6, 1, 0);
        input.wireBytes = MakeCallback(&WireBytes);
        auto* before = std::cerr.rdbuf(nullptr); // device 2 is out of coverage, which is said
        const auto decision = controller->Decide(input);
        std::cerr.rdbuf(before);
        NS_TEST_EXPECT_MSG_EQ(spy->seen.block, 3, "which block");
        NS_TEST_ASSERT_MSG_EQ(spy->seen.expertSnr.size(), 6, "one for each expert");
        for (const int e : {0, 3})
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(spy->seen.expertSnr[e], 3, 1e-12, "2 bit/s/Hz: 2^2 - 1");
            NS_TEST_EXPECT_MSG_EQ_TOL(spy->seen.expertSnr[e + 1], 1, 1e-12, "the worse way");
            NS_TEST_EXPECT_MSG_EQ(spy->seen.expertSnr[e + 2], 0, "not heard");
        }
        WdmoeGiveUpAll(controller, decision);
        Simulator::Destroy();
    }

    /// Nobody chooses who is not heard, though that costs nothing
    void Heard()
    {
        const auto input = Input();
        auto sift = CreateObject<WdmoeSiftSelector>();
        sift->SetAttribute("MaxError", DoubleValue(0.6));
        auto joint = CreateObject<WdmoeExhaustiveSelector>();
        joint->SetAttribute("Joint", BooleanValue(true));
        auto all = CreateObject<WdmoeExhaustiveSelector>();
        all->SetAttribute("AllExperts", BooleanValue(true));
        auto des = CreateObject<WdmoeDesSelector>();
        for (const auto& selector : std::vector<Ptr<WdmoeSelector>>{des, sift, all})
        {
            const auto selection = selector->Select(input);
            const auto load = selection.Load(6);
            NS_TEST_EXPECT_MSG_EQ(load[2] + load[5], 0, selector->GetInstanceTypeId().GetName());
            NS_TEST_EXPECT_MSG_GT_OR_EQ(selection.Routed(), 40, "one at least");
            NS_TEST_EXPECT_MSG_EQ(selector->UsesLatency(), true, "alternated");
        }
        NS_TEST_EXPECT_MSG_EQ((des->Select(input).expert == all->Select(input).expert),
                              true,
                              "Des is the optimum");
        NS_TEST_EXPECT_MSG_GT(des->GetResult().lowerBound, 0, "with its proof");
        NS_TEST_EXPECT_MSG_GT(sift->GetResult().skipped, 0, "some are skipped");

        // without costs, latencies count
        auto none = input;
        none.expertCostS.clear();
        none.expertSnr.clear();
        des->Select(none);
        NS_TEST_EXPECT_MSG_GT(des->GetResult().cost, 40 * 0.01 - 1e-9, "s");

        // a joint optimum of a small block: nobody's time is above that of top-k
        auto small = input;
        small.gate.tokens = 3;
        small.gate.weight.resize(18);
        small.expertSnr.assign(6, 1);
        const auto load = [&](const Selection& s) {
            std::vector<double> timeS(3, 0);
            for (const auto e : s.expert)
            {
                if (e >= 0)
                {
                    timeS[small.expertDevice[e]] += small.expertLatencyS[e];
                }
            }
            return *std::max_element(timeS.begin(), timeS.end());
        };
        joint->SetAttribute("Floor", DoubleValue(0.3));
        NS_TEST_EXPECT_MSG_LT_OR_EQ(load(joint->Select(small)),
                                    load(SelectTopK(small.gate, 2)),
                                    "joint");
        const auto message = WdmoeAbortMessage([&] { joint->Select(input); });
        NS_TEST_EXPECT_MSG_NE(message.find("combinations of experts already"),
                              std::string::npos,
                              message);
    }

    /// Floors by block, and what is said of one that cannot be met
    void Floors()
    {
        auto input = Input();
        input.expertSnr.clear();
        auto des = CreateObject<WdmoeDesSelector>();
        des->SetAttribute("Floor", DoubleValue(1));
        des->SetAttribute("Importance", DoubleValue(0.5));
        double last = 2;
        for (uint32_t block = 0; block < 4; block++)
        {
            input.block = block;
            const auto selection = des->Select(input);
            double least = 1;
            for (std::size_t j = 0; j < 40; j++)
            {
                least =
                    std::min(least,
                             SumOf(selection, j, input.gate.Row(j)) / TopMass(input.gate, j, 2));
            }
            NS_TEST_EXPECT_MSG_GT_OR_EQ(least, std::pow(0.5, block) * (1 - 1e-9), block);
            NS_TEST_EXPECT_MSG_LT(least, last, block << ": and less each time");
            last = least;
        }
        auto high = CreateObject<WdmoeDesSelector>();
        high->SetAttribute("Floor", DoubleValue(0.999));
        high->SetAttribute("Relative", BooleanValue(false));
        std::ostringstream said;
        auto* before = std::cerr.rdbuf(said.rdbuf());
        high->Select(input);
        high->Select(input);
        std::cerr.rdbuf(before);
        const auto text = said.str();
        NS_TEST_EXPECT_MSG_NE(text.find("the best reachable for all is 0."),
                              std::string::npos,
                              text);
        NS_TEST_EXPECT_MSG_EQ(std::count(text.begin(), text.end(), '\n'), 1, "once");
    }

    /// Draws
    void Streams()
    {
        auto input = Input();
        auto draw = [&](int64_t stream) {
            auto random = CreateObject<WdmoeRandomSelector>();
            NS_TEST_EXPECT_MSG_EQ(random->AssignStreams(stream), 1, "one");
            auto first = random->Select(input).expert;
            const auto second = random->Select(input).expert;
            NS_TEST_EXPECT_MSG_NE((first == second), true, "goes on");
            first.insert(first.end(), second.begin(), second.end());
            return first;
        };
        NS_TEST_EXPECT_MSG_EQ((draw(5) == draw(5)), true, "the same stream, the same draws");
        NS_TEST_EXPECT_MSG_NE((draw(5) == draw(6)), true, "another stream, others");
    }

    /// Settings out of range
    void Settings()
    {
        for (const auto& [type, attribute, value] :
             std::vector<std::tuple<std::string, std::string, std::string>>{
                 {"Des", "Floor", "1.5"},
                 {"Des", "Floor", "-0.1"},
                 {"Des", "Importance", "2"},
                 {"Des", "NodeLimit", "0"},
                 {"Des", "TimeLimit", "-1"},
                 {"Sift", "MaxError", "1.5"},
                 {"Sift", "NodeLimit", "0"},
                 {"Sift", "TimeLimit", "-1"},
                 {"ChannelAware", "Strength", "-1"},
                 {"Random", "Keep", "1.5"},
                 {"Random", "MinExperts", "0"},
                 {"Exhaustive", "Floor", "1.5"},
                 {"Exhaustive", "Limit", "0"}})
        {
            ObjectFactory factory("ns3::Wdmoe" + type + "Selector");
            auto selector = factory.Create<WdmoeSelector>();
            NS_TEST_EXPECT_MSG_EQ(selector->SetAttributeFailSafe(attribute, StringValue(value)),
                                  false,
                                  type << "." << attribute << "=" << value);
        }
        auto aware = CreateObject<WdmoeChannelAwareSelector>();
        auto input = Input();
        NS_TEST_EXPECT_MSG_EQ(IsSound(input.gate, aware->Select(input)), true, "top-2");
        input.expertSnr.clear();
        const auto message = WdmoeAbortMessage([&] { aware->Select(input); });
        NS_TEST_EXPECT_MSG_NE(message.find("expertSnr"), std::string::npos, message);
    }

    void DoRun() override
    {
        Controller();
        Heard();
        Floors();
        Streams();
        Settings();
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Files of similarities.
 */
class SimilarityFileTest : public TestCase
{
  public:
    SimilarityFileTest()
        : TestCase("similarity files: those shipped, written and read again, refused")
    {
    }

  private:
    /// @return what loading says that aborts. @param text of the file
    std::string Wrong(const std::string& text)
    {
        const auto path = CreateTempDirFilename("wrong.json");
        std::ofstream(path) << text;
        return WdmoeAbortMessage([&] { WdmoeLoadSimilarity(path); });
    }

    void DoRun() override
    {
        WdmoeSimilarity s;
        s.model = "a \"model\"";
        s.source = "a test";
        s.experts = 2;
        s.blocks.push_back({{3, 0}, {1, 0.25, -0.5, 1}, {0, 1.5, 1, 0}});
        const auto path = CreateTempDirFilename("similarity.json");
        WdmoeWriteSimilarity(s, path);
        const auto read = WdmoeLoadSimilarity(path);
        NS_TEST_EXPECT_MSG_EQ(read.model, s.model, "name");
        NS_TEST_EXPECT_MSG_EQ((read.blocks[0].cosine == s.blocks[0].cosine &&
                               read.blocks[0].distance == s.blocks[0].distance &&
                               read.blocks[0].pairs == s.blocks[0].pairs),
                              true,
                              "numbers");

        std::ifstream file(path);
        std::stringstream whole;
        whole << file.rdbuf();
        const auto text = whole.str();
        const auto with = [&](const std::string& what, const std::string& by) {
            auto other = text;
            other.replace(other.find(what), what.size(), by);
            return Wrong(other);
        };
        for (const auto& [message, expected] : std::vector<std::pair<std::string, std::string>>{
                 {Wrong("{"), "wrong.json:1"},
                 {with("similarity-1", "similarity-2"), "expected 'wdmoe-similarity-1'"},
                 {with("0.2500", "1.2500"), "blocks[0].cosine[0][1]"},
                 {with("[1.0000, 0.2500]", "[1.0000]"), "expected 2 numbers, found 1"},
                 {with("[1.0000, 0.2500]", "[0.9000, 0.2500]"), "an expert is itself"},
                 {with("\"source\"", "\"sources\""), "source"}})
        {
            NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
            NS_TEST_EXPECT_MSG_NE(message.find("wdmoe evaluate"), std::string::npos, message);
        }

        // those that are shipped are measured, not made up
        for (const std::string model : {"wdmoe-lm-base", "wdmoe-lm-robust"})
        {
            const auto shipped = WdmoeLoadSimilarity("models/" + model + "/similarity.json");
            NS_TEST_ASSERT_MSG_EQ(shipped.blocks.size(), 6, model);
            NS_TEST_ASSERT_MSG_EQ(shipped.experts, 8, model);
            NS_TEST_EXPECT_MSG_EQ(shipped.model, model, "name");
            if (model != "wdmoe-lm-base")
            {
                continue; // once is enough
            }
            // and, of a small sample, measured once more
            const auto real = Transformer::Load(*WdmoeRealModel::FindCheckpoint(model));
            std::vector<EvaluationItem> items;
            for (const std::string name : {"tasks", "text"})
            {
                const auto more = ReadEvaluation(WdmoeDataPath("evaluation/" + name + ".jsonl"),
                                                 real->GetConfig());
                items.insert(items.end(), more.begin(), more.end());
            }
            items = LimitTokens(items, 2000);
            const auto again = WdmoeMeasureSimilarity(*real, items);
            double worst = 0;
            for (std::size_t b = 0; b < 6; b++)
            {
                uint64_t pairs = 0;
                for (const auto n : again.blocks[b].pairs)
                {
                    pairs += n;
                }
                NS_TEST_EXPECT_MSG_GT(pairs, 2 * 1000U, "two of each token");
                for (std::size_t i = 0; i < 64; i++)
                {
                    const bool enough = again.blocks[b].pairs[i / 8] > 100;
                    const double difference =
                        std::abs(again.blocks[b].cosine[i] - shipped.blocks[b].cosine[i]);
                    worst = std::max(worst, enough ? difference : 0);
                }
            }
            if (IsVerbose())
            {
                std::cout << model << ": largest change of a cosine in a small sample " << worst
                          << std::endl;
            }
            NS_TEST_EXPECT_MSG_LT(worst, 0.25, "as the file says, but for the sample");
        }

        auto sift = WdmoePolicy::Find("sift");
        sift.SetSimilarity("wdmoe-lm-base");
        NS_TEST_EXPECT_MSG_EQ(sift.settings.back().attribute, "SimilarityFile", "given");
        const auto size = sift.settings.size();
        sift.SetSimilarity("wdmoe-lm-robust");
        NS_TEST_EXPECT_MSG_EQ(sift.settings.size(), size, "stays");
        auto sized = WdmoePolicy::Find("sift");
        std::ostringstream said;
        auto* before = std::cerr.rdbuf(said.rdbuf());
        sized.SetSimilarity("mixtral-8x7b");
        WdmoePolicy::Find("des").SetSimilarity("mixtral-8x7b");
        std::cerr.rdbuf(before);
        NS_TEST_EXPECT_MSG_NE(said.str().find("is not known for 'mixtral-8x7b'"),
                              std::string::npos,
                              said.str());
        NS_TEST_EXPECT_MSG_EQ(said.str().find("des"), std::string::npos, said.str());

        std::mt19937_64 rng(17);
        WdmoeSelectorInput input;
        input.gate = DrawGate(rng, 20, 8, 1, 0);
        input.topK = 2;
        input.expertCostS = {1, 2, 3, 4, 5, 6, 7, 8};
        auto selector = CreateObject<WdmoeSiftSelector>();
        selector->SetAttribute("SimilarityFile",
                               StringValue("models/wdmoe-lm-base/similarity.json"));
        selector->SetAttribute("MaxError", DoubleValue(0.5));
        selector->Select(input);
        const double cosine = selector->GetResult().cost;
        selector->SetAttribute("Measure", StringValue("Distance"));
        selector->Select(input);
        NS_TEST_EXPECT_MSG_NE(selector->GetResult().cost, cosine, "another measure");
        input.block = 6;
        auto message = WdmoeAbortMessage([&] { selector->Select(input); });
        NS_TEST_EXPECT_MSG_NE(message.find("has 6 blocks, but block 6"),
                              std::string::npos,
                              message);
        selector->SetAttribute("SimilarityFile", StringValue(path));
        message = WdmoeAbortMessage([&] { selector->Select(input); });
        NS_TEST_EXPECT_MSG_NE(message.find("with 2 experts, expected 8"),
                              std::string::npos,
                              message);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The named policies, over the ideal radio.
 */
class SelectorPolicyTest : public TestCase
{
  public:
    SelectorPolicyTest()
        : TestCase("the named policies run, and differ from scheduled-fp16-topk in selection only")
    {
    }

  private:
    void DoRun() override
    {
        const auto base = WdmoePolicy::Find("scheduled-fp16-topk");
        const std::vector<std::string> names{"des",
                                             "sift",
                                             "channel-aware",
                                             "random",
                                             "exhaustive"};
        std::string list = "scheduled-fp16-topk";
        for (const auto& name : names)
        {
            const auto policy = WdmoePolicy::Find(name);
            NS_TEST_EXPECT_MSG_EQ(policy.allocator, base.allocator, name);
            NS_TEST_EXPECT_MSG_EQ(policy.precision, base.precision, name);
            NS_TEST_ASSERT_MSG_EQ(policy.settings.size(), base.settings.size(), name);
            NS_TEST_EXPECT_MSG_EQ(policy.settings[0].attribute, base.settings[0].attribute, name);
            NS_TEST_EXPECT_MSG_NE(policy.selector, base.selector, name);
            for (const auto& other : WdmoePolicy::GetAll())
            {
                NS_TEST_EXPECT_MSG_NE(other.name, name, "not in the comparison");
            }
            list += "," + name;
        }
        const auto run = [&] {
            auto comparison = std::make_unique<WdmoeComparisonHelper>("selectors-test");
            comparison->requests = 1;
            comparison->maxPromptTokens = 24;
            comparison->maxOutputTokens = 2;
            comparison->blocks = 3;
            comparison->policies = list;
            std::ostringstream text;
            auto* out = std::cout.rdbuf(text.rdbuf());
            auto* err = std::cerr.rdbuf(text.rdbuf());
            comparison->Run(WdmoeScenarioRadio("ideal"));
            std::cout.rdbuf(out);
            std::cerr.rdbuf(err);
            return comparison;
        };
        const auto first = run();
        const auto second = run();
        const auto& top = first->GetResults().GetBlocks("scheduled-fp16-topk");
        for (const auto& name : names)
        {
            const auto& blocks = first->GetResults().GetBlocks(name);
            const auto& again = second->GetResults().GetBlocks(name);
            NS_TEST_ASSERT_MSG_EQ(blocks.size(), top.size(), name);
            uint32_t pairs = 0;
            for (std::size_t i = 0; i < blocks.size(); i++)
            {
                NS_TEST_EXPECT_MSG_LT_OR_EQ(blocks[i].pairsRouted, blocks[i].pairsTopK, name);
                NS_TEST_EXPECT_MSG_EQ(blocks[i].latency, again[i].latency, name << ": the same");
                pairs += blocks[i].pairsTopK - blocks[i].pairsRouted;
                const double floor =
                    name == "des" || name == "exhaustive" || name == "sift" ? 0.9 : 0;
                NS_TEST_EXPECT_MSG_GT_OR_EQ(blocks[i].gateMassKept, floor - 1e-9, name);
            }
            NS_TEST_EXPECT_MSG_EQ((pairs == 0), (name == "channel-aware"), name);
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The selectors of the literature.
 */
class SelectorsTestSuite : public TestSuite
{
  public:
    SelectorsTestSuite()
        : TestSuite("wdmoe-selectors", Type::UNIT)
    {
        AddTestCase(new DesOptimalTest, Duration::QUICK);
        AddTestCase(new DesPropertyTest, Duration::QUICK);
        AddTestCase(new SiftOptimalTest, Duration::QUICK);
        AddTestCase(new SiftByHandTest, Duration::QUICK);
        AddTestCase(new SelectorMemoryTest, Duration::QUICK);
        AddTestCase(new ChannelAwareTest, Duration::QUICK);
        AddTestCase(new RandomSelectionTest, Duration::QUICK);
        AddTestCase(new ExhaustiveBlockTest, Duration::QUICK);
        AddTestCase(new SelectorRefusalTest, Duration::QUICK);
        AddTestCase(new SelectorObjectTest, Duration::QUICK);
        AddTestCase(new SimilarityFileTest, Duration::QUICK);
        AddTestCase(new SelectorPolicyTest, Duration::QUICK);
    }
};

SelectorsTestSuite g_selectorsTestSuite; ///< registers itself

} // namespace
