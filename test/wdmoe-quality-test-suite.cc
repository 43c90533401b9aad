/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/wdmoe-precision-policy.h"
#include "ns3/wdmoe-precision.h"
#include "ns3/wdmoe-quality-bound-selector.h"
#include "ns3/wdmoe-selection.h"
#include "ns3/wdmoe-selector.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>

using namespace ns3;
using namespace wdmoe;

namespace
{

const double INF = std::numeric_limits<double>::infinity(); ///< infinite
const double NOT_A_NUMBER = std::nan("");                   ///< NaN

/// @return message of the std::invalid_argument an action throws; empty if none
/// @param action what to do
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

/// @return a random gate, rows sum to 1. @param tokens J @param experts E @param random source
GateMatrix
RandomGate(std::size_t tokens, std::size_t experts, std::mt19937& random)
{
    std::exponential_distribution<double> draw(1);
    GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    for (std::size_t j = 0; j < tokens; ++j)
    {
        double sum = 0;
        for (std::size_t e = 0; e < experts; ++e)
        {
            gate.weight.push_back(draw(random));
            sum += gate.weight.back();
        }
        for (std::size_t e = 0; e < experts; ++e)
        {
            gate.weight[j * experts + e] /= sum;
        }
    }
    return gate;
}

/// A pair that may be dropped
struct Pair
{
    double weight; ///< of the gate
    double costS;  ///< of its expert
};

/// @return the best saving with fractions of pairs, s. @param pairs to drop @param budget of weight
double
RelaxedSaving(std::vector<Pair> pairs, double budget)
{
    std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
        return a.costS / a.weight > b.costS / b.weight;
    });
    double saved = 0;
    for (const auto& p : pairs)
    {
        const double part = std::min(1.0, budget / p.weight);
        saved += part * p.costS;
        budget -= part * p.weight;
    }
    return saved;
}

/// @return the best saving of whole pairs, s. @param pairs to drop @param budget of weight
double
WholeSaving(const std::vector<Pair>& pairs, double budget)
{
    double best = 0;
    for (std::size_t set = 0; set < (std::size_t{1} << pairs.size()); ++set)
    {
        double weight = 0;
        double saved = 0;
        for (std::size_t i = 0; i < pairs.size(); ++i)
        {
            weight += set >> i & 1 ? pairs[i].weight : 0;
            saved += set >> i & 1 ? pairs[i].costS : 0;
        }
        best = weight <= budget ? std::max(best, saved) : best;
    }
    return best;
}

/**
 * @ingroup wdmoe-tests
 *
 * Dropping under a bound on lost gate mass, against brute force and the relaxed optimum.
 */
class QualityBoundTest : public TestCase
{
  public:
    QualityBoundTest()
        : TestCase("dropping stays within the bound and near the optimum")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundTest::DoRun()
{
    std::mt19937 random(1);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::size_t dropped = 0;
    std::size_t optimal = 0;
    const std::size_t trials = 500;
    for (std::size_t trial = 0; trial < trials; ++trial)
    {
        const std::size_t experts = 3 + random() % 3;
        const std::size_t k = 1 + random() % 3;
        const auto gate = RandomGate(1 + random() % 6, experts, random);
        std::vector<double> cost;
        for (std::size_t e = 0; e < experts; ++e)
        {
            cost.push_back(random() % 4 == 0 ? 0 : std::pow(10, -4 + 2 * uniform(random)));
        }
        QualityBoundParam param;
        param.minExperts = 1 + random() % 2;
        param.maxLostMass = trial % 10 == 0 ? 1 : 0.3 * uniform(random);
        param.maxTokenLoss = trial % 3 == 0 ? uniform(random) : 1;
        const auto full = SelectTopK(gate, k);
        const auto found = SelectQualityBound(gate, k, cost, param);
        NS_TEST_ASSERT_MSG_EQ((SelectQualityBound(gate, k, cost, param).expert == found.expert),
                              true,
                              "the same again");

        std::vector<Pair> pairs;
        double mass = 0;
        double saved = 0;
        double most = 0;
        for (std::size_t j = 0; j < gate.tokens; ++j)
        {
            double own = 0;
            double lost = 0;
            double sum = 0;
            for (std::size_t s = 0; s < k; ++s)
            {
                const auto e = full.expert[j * k + s];
                const bool gone = found.expert[j * k + s] < 0;
                NS_TEST_ASSERT_MSG_EQ((gone || found.expert[j * k + s] == e), true, "of top-k");
                own += gate.Row(j)[e];
                lost += gone ? gate.Row(j)[e] : 0;
                saved += gone ? cost[e] : 0;
                sum += found.combine[j * k + s];
                dropped += gone;
                NS_TEST_ASSERT_MSG_EQ((gone && (s < param.minExperts || cost[e] == 0)),
                                      false,
                                      "the first, and what is free, stay");
                if (s >= param.minExperts)
                {
                    pairs.push_back({gate.Row(j)[e], cost[e]});
                    most = std::max(most, cost[e]);
                }
            }
            mass += own;
            NS_TEST_ASSERT_MSG_EQ_TOL(sum, 1, 1e-12, "combine weights");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(lost, param.maxTokenLoss * own + 1e-12, "of a token");
        }
        NS_TEST_ASSERT_MSG_LT_OR_EQ(1 - KeptGateMass(gate, found, k),
                                    param.maxLostMass + 1e-12,
                                    "of the block");
        const double budget = param.maxLostMass * mass;
        const double whole = WholeSaving(pairs, budget);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(saved, whole + 1e-12, "not above the optimum");
        if (param.maxTokenLoss == 1)
        {
            NS_TEST_ASSERT_MSG_LT_OR_EQ(RelaxedSaving(pairs, budget),
                                        saved + most + 1e-12,
                                        "one pair below the relaxed optimum at most");
            optimal += saved > whole - 1e-12;
        }
    }
    NS_TEST_ASSERT_MSG_GT(dropped, trials / 2, "something was dropped");
    NS_TEST_ASSERT_MSG_GT(optimal, trials / 3, "mostly it is the optimum");
}

/**
 * @ingroup wdmoe-tests
 *
 * Ties, costs of zero, and what is refused.
 */
class QualityBoundEdgesTest : public TestCase
{
  public:
    QualityBoundEdgesTest()
        : TestCase("ties, free pairs and bad input of the quality bound")
    {
    }

  private:
    void DoRun() override;
};

void
QualityBoundEdgesTest::DoRun()
{
    GateMatrix gate;
    gate.tokens = 3;
    gate.experts = 2;
    gate.weight = {0.75, 0.25, 0.75, 0.25, 0.25, 0.75};
    QualityBoundParam param;
    param.maxLostMass = 0.25 * 1 / 3;
    param.maxTokenLoss = 1;
    auto s = SelectQualityBound(gate, 2, {1, 1}, param);
    NS_TEST_EXPECT_MSG_EQ((s.expert == std::vector<int32_t>{0, 1, 0, 1, 1, -1}),
                          true,
                          "of equal pairs the last goes first, and a bound met is not exceeded");
    NS_TEST_EXPECT_MSG_EQ(s.combine[4], 1, "renormalised");
    s = SelectQualityBound(gate, 2, {1, 2}, param);
    NS_TEST_EXPECT_MSG_EQ((s.expert == std::vector<int32_t>{0, 1, 0, -1, 1, 0}), true, "the dear");
    s = SelectQualityBound(gate, 2, {0, 0}, param);
    NS_TEST_EXPECT_MSG_EQ((s.expert == SelectTopK(gate, 2).expert), true, "nothing costs");
    param.maxLostMass = 0;
    s = SelectQualityBound(gate, 2, {1, 2}, param);
    NS_TEST_EXPECT_MSG_EQ((s.expert == SelectTopK(gate, 2).expert), true, "nothing may be lost");
    param.maxLostMass = 1;
    s = SelectQualityBound(gate, 2, {1, 2}, param);
    NS_TEST_EXPECT_MSG_EQ(s.Routed(), 3U, "the first of each token stays");
    param.maxTokenLoss = 0.2;
    s = SelectQualityBound(gate, 2, {1, 2}, param);
    NS_TEST_EXPECT_MSG_EQ(s.Routed(), 6U, "no token may lose a quarter");

    struct Case
    {
        std::function<void(GateMatrix&, std::size_t&, std::vector<double>&, QualityBoundParam&)>
            spoil;            ///< a mistake
        std::string expected; ///< part of the message
    };

    const std::vector<Case> cases = {
        {[](auto&, auto&, auto& c, auto&) { c[1] = NOT_A_NUMBER; }, "the cost of expert 1 is nan"},
        {[](auto&, auto&, auto& c, auto&) { c[0] = -1; }, "the cost of expert 0 is -1"},
        {[](auto&, auto&, auto& c, auto&) { c[0] = INF; }, "expected finite and >= 0"},
        {[](auto&, auto&, auto& c, auto&) { c.pop_back(); }, "1 costs, expected one for each"},
        {[](auto& g, auto&, auto&, auto&) { g.weight[3] = NOT_A_NUMBER; }, "token 1 for expert 1"},
        {[](auto& g, auto&, auto&, auto&) { g.tokens = 2; }, "6 weights, expected"},
        {[](auto&, auto& k, auto&, auto&) { k = 0; }, "k is 0"},
        {[](auto&, auto& k, auto&, auto&) { k = 3; }, "k is 3"},
        {[](auto&, auto&, auto&, auto& p) { p.maxLostMass = NOT_A_NUMBER; }, "maxLostMass is nan"},
        {[](auto&, auto&, auto&, auto& p) { p.maxLostMass = -0.1; }, "maxLostMass is -0.1"},
        {[](auto&, auto&, auto&, auto& p) { p.maxLostMass = 1.1; }, "maxLostMass is 1.1"},
        {[](auto&, auto&, auto&, auto& p) { p.maxTokenLoss = NOT_A_NUMBER; }, "maxTokenLoss"},
        {[](auto&, auto&, auto&, auto& p) { p.minExperts = 0; }, "minExperts is 0"},
    };
    for (const auto& c : cases)
    {
        auto spoilt = gate;
        std::size_t k = 2;
        std::vector<double> cost{1, 1};
        QualityBoundParam p;
        c.spoil(spoilt, k, cost, p);
        const auto message = Refusal([&]() { SelectQualityBound(spoilt, k, cost, p); });
        NS_TEST_EXPECT_MSG_NE(message.find(c.expected), std::string::npos, message);
    }

    // the policy: costs where they are known, latencies where not
    auto selector = CreateObject<WdmoeQualityBoundSelector>();
    selector->SetAttribute("MaxLostMass", DoubleValue(0.25 * 1 / 3));
    selector->SetAttribute("MaxTokenLoss", DoubleValue(1));
    NS_TEST_EXPECT_MSG_EQ(selector->UsesLatency(), true, "latency");
    WdmoeSelectorInput input;
    input.gate = gate;
    input.topK = 2;
    input.expertLatencyS = {1, 2};
    NS_TEST_EXPECT_MSG_EQ(selector->Select(input).expert[3], -1, "latency");
    input.expertCostS = {2, 1};
    NS_TEST_EXPECT_MSG_EQ(selector->Select(input).expert[5], -1, "cost");
    selector->SetAttribute("MaxTokenLoss", DoubleValue(0.1));
    NS_TEST_EXPECT_MSG_EQ(selector->Select(input).Routed(), 6U, "bound of a token");
}

/// @return a random problem. @param devices K @param levels by direction @param random source
PrecisionProblem
RandomProblem(std::size_t devices, std::size_t levels, std::mt19937& random)
{
    std::uniform_real_distribution<double> uniform(0, 1);
    PrecisionProblem p;
    p.elements = 256;
    for (std::size_t k = 0; k < devices; ++k)
    {
        p.pairs.push_back(random() % 5 == 0 ? 0 : 1 + random() % 64);
        p.downlinkSPerBit.push_back(std::pow(10, -8 + uniform(random)));
        p.uplinkSPerBit.push_back(random() % 8 == 0 ? INF : std::pow(10, -8 + uniform(random)));
    }
    for (std::size_t i = 0; i < levels; ++i)
    {
        // one of them free, some of them beaten by others
        p.downlink.push_back({16 * uniform(random) + 1, i == 1 ? 0 : 0.02 * uniform(random)});
        p.uplink.push_back({16 * uniform(random) + 1, i == 0 ? 0 : 0.02 * uniform(random)});
    }
    p.maxLoss = 0.02 * uniform(random);
    return p;
}

/**
 * Air time and loss of a choice.
 *
 * @param p problem
 * @param level by device, downlink first, then uplink
 * @param [out] airS s
 * @param [out] loss of quality
 */
void
Weigh(const PrecisionProblem& p, const std::vector<std::size_t>& level, double& airS, double& loss)
{
    airS = 0;
    loss = 0;
    double all = 0;
    const std::size_t n = p.pairs.size();
    for (std::size_t k = 0; k < n; ++k)
    {
        if (std::isfinite(p.downlinkSPerBit[k]) && std::isfinite(p.uplinkSPerBit[k]))
        {
            const auto& down = p.downlink[level[k]];
            const auto& up = p.uplink[level[n + k]];
            airS += p.pairs[k] * p.elements *
                    (down.bitsPerElement * p.downlinkSPerBit[k] +
                     up.bitsPerElement * p.uplinkSPerBit[k]);
            loss += p.pairs[k] * (down.price + up.price);
            all += p.pairs[k];
        }
    }
    loss /= std::max(all, 1.0);
}

/// @return levels of a result as Weigh() wants them. @param r result
std::vector<std::size_t>
LevelsOf(const PrecisionResult& r)
{
    auto levels = r.downlink;
    levels.insert(levels.end(), r.uplink.begin(), r.uplink.end());
    return levels;
}

/**
 * @ingroup wdmoe-tests
 *
 * The choice of precision levels, against brute force; large ones against their certificate.
 */
class PrecisionChoiceTest : public TestCase
{
  public:
    PrecisionChoiceTest()
        : TestCase("precision levels: optimal, within the budget, certified")
    {
    }

  private:
    void DoRun() override;
};

void
PrecisionChoiceTest::DoRun()
{
    std::mt19937 random(2);
    for (int trial = 0; trial < 200; ++trial)
    {
        const std::size_t devices = 1 + random() % 3;
        const std::size_t levels = 2 + random() % 3;
        const auto p = RandomProblem(devices, levels, random);
        double best = INF;
        std::vector<std::size_t> level(2 * devices, 0);
        for (bool more = true; more;)
        {
            double airS = 0;
            double loss = 0;
            Weigh(p, level, airS, loss);
            best = loss <= p.maxLoss ? std::min(best, airS) : best;
            more = false;
            for (auto& l : level)
            {
                l = (l + 1) % levels;
                more = l > 0;
                if (more)
                {
                    break;
                }
            }
        }
        for (const std::size_t nodes : {20000, 0, 3})
        {
            const auto r = ChoosePrecision(p, nodes);
            double airS = 0;
            double loss = 0;
            Weigh(p, LevelsOf(r), airS, loss);
            NS_TEST_ASSERT_MSG_EQ(r.feasible, true, "a level is free");
            NS_TEST_ASSERT_MSG_EQ_TOL(r.airS, airS, 1e-12, "air time");
            NS_TEST_ASSERT_MSG_EQ_TOL(r.loss, loss, 1e-12, "loss");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(loss, p.maxLoss + 1e-12, "budget");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(r.boundS, best * (1 + 1e-9), "bound");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(best, r.airS * (1 + 1e-9), "not below the optimum");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(r.airS, r.boundS + r.stepS + 1e-12, "one step at most");
            if (r.exact)
            {
                NS_TEST_ASSERT_MSG_EQ_TOL(r.airS, best, 1e-9 * best + 1e-15, "the optimum");
            }
            NS_TEST_ASSERT_MSG_EQ((r.exact || nodes < 20000), true, "proved");
        }
    }
    for (int trial = 0; trial < 20; ++trial)
    {
        const auto p = RandomProblem(64, 4, random);
        const auto r = ChoosePrecision(p);
        double airS = 0;
        double loss = 0;
        Weigh(p, LevelsOf(r), airS, loss);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(loss, p.maxLoss + 1e-12, "budget");
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.airS, r.boundS + r.stepS + 1e-12, "one step at most");
        NS_TEST_ASSERT_MSG_LT_OR_EQ(r.airS, r.boundS * 1.02, "near the bound");
    }

    // coarser first where the link is slow
    PrecisionProblem p;
    p.pairs = {10, 10, 0, 10};
    p.downlinkSPerBit = {1e-8, 1e-7, 1e-7, 1e-6};
    p.uplinkSPerBit = {1e-8, 1e-8, 1e-8, INF};
    p.elements = 256;
    p.downlink = {{16, 0}, {8, 0.01}};
    p.uplink = {{16, 0}, {16, 0.001}};
    p.maxLoss = 0.005;
    auto r = ChoosePrecision(p);
    NS_TEST_EXPECT_MSG_EQ((r.downlink == std::vector<std::size_t>{0, 1, 0, 0}),
                          true,
                          "the slow one; not the one that is out of reach");
    NS_TEST_EXPECT_MSG_EQ_TOL(r.loss, 0.005, 1e-12, "half of the pairs");
    NS_TEST_EXPECT_MSG_EQ_TOL(r.airS, 2560 * (1e-8 * 16 + 1e-7 * 8 + 2e-8 * 16), 1e-12, "air");
    p.maxLoss = 0.01;
    r = ChoosePrecision(p);
    NS_TEST_EXPECT_MSG_EQ((r.downlink == std::vector<std::size_t>{1, 1, 0, 0}), true, "both");
    p.uplink = {{16, 0.02}, {8, 0.03}};
    r = ChoosePrecision(p);
    NS_TEST_EXPECT_MSG_EQ(r.feasible, false, "nothing is within the budget");
    NS_TEST_EXPECT_MSG_EQ((r.uplink == std::vector<std::size_t>(4, 0)), true, "the finest");
    NS_TEST_EXPECT_MSG_EQ_TOL(r.loss, 0.02, 1e-12, "and what it costs");
    p.pairs.assign(4, 0);
    NS_TEST_EXPECT_MSG_EQ(ChoosePrecision(p).airS, 0, "nothing to send");

    struct Case
    {
        std::function<void(PrecisionProblem&)> spoil; ///< a mistake
        std::string expected;                         ///< part of the message
    };

    const std::vector<Case> cases = {
        {[](auto& q) { q.downlinkSPerBit.pop_back(); }, "the length of downlinkSPerBit is 3"},
        {[](auto& q) { q.uplinkSPerBit.clear(); }, "the length of uplinkSPerBit is 0"},
        {[](auto& q) { q.uplinkSPerBit[2] = NOT_A_NUMBER; }, "uplinkSPerBit of device 2 is nan"},
        {[](auto& q) { q.downlinkSPerBit[0] = 0; }, "downlinkSPerBit of device 0 is 0"},
        {[](auto& q) { q.downlink.clear(); }, "the number of downlink levels is 0"},
        {[](auto& q) { q.uplink[1].price = NOT_A_NUMBER; }, "the price of uplink level 1 is nan"},
        {[](auto& q) { q.uplink[1].price = -1; }, "the price of uplink level 1 is -1"},
        {[](auto& q) { q.downlink[1].bitsPerElement = 0; }, "bitsPerElement of downlink level 1"},
        {[](auto& q) { q.elements = INF; }, "elements is inf"},
        {[](auto& q) { q.maxLoss = NOT_A_NUMBER; }, "maxLoss is nan"},
    };
    for (const auto& c : cases)
    {
        auto spoilt = p;
        c.spoil(spoilt);
        const auto message = Refusal([&]() { ChoosePrecision(spoilt); });
        NS_TEST_EXPECT_MSG_NE(message.find(c.expected), std::string::npos, message);
    }
}

/// @return one setting of a price table. @param ways precisions, or empty @param exact match
/// @param bits per byte
std::string
Entry(const std::string& ways, double exact, double bits)
{
    return "{" + ways + "\"exact_match\": {\"mean\": " + std::to_string(exact) +
           "}, \"bits_per_byte\": {\"mean\": " + std::to_string(bits) + "}}";
}

/// @return one setting of the lever "precision". @param down precision @param up precision
/// @param exact match @param bits per byte
std::string
Way(const std::string& down, const std::string& up, double exact, double bits)
{
    return Entry("\"downlink\": \"" + down + "\", \"uplink\": \"" + up + "\", ", exact, bits);
}

/// @return a price table. @param precision settings, separated by commas @param exact match
std::string
PriceTable(const std::string& precision, double exact = 0.8)
{
    return "{\"format\": \"wdmoe-sensitivity-1\", \"levers\": {\"none\": [" + Entry("", exact, 2) +
           "], \"precision\": [" + precision + "]}}";
}

/**
 * @ingroup wdmoe-tests
 *
 * The policies: prices from a table, the models that ship, and what is wrong with a file.
 */
class PrecisionPolicyTest : public TestCase
{
  public:
    PrecisionPolicyTest()
        : TestCase("precision policies and their price tables")
    {
    }

  private:
    void DoRun() override;

    /// The tables of models that ship; @param model name
    void CheckShipped(const std::string& model);

    /// @return a policy with a price table of that text; @param text of the file
    Ptr<WdmoePricedPrecision> WithTable(const std::string& text);

    int m_tables{0}; ///< written so far
};

Ptr<WdmoePricedPrecision>
PrecisionPolicyTest::WithTable(const std::string& text)
{
    const auto file = CreateTempDirFilename(std::to_string(m_tables++) + "-prices.json");
    std::ofstream(file) << text;
    auto policy = CreateObject<WdmoePricedPrecision>();
    policy->SetAttribute("PriceFile", StringValue(file));
    return policy;
}

void
PrecisionPolicyTest::CheckShipped(const std::string& model)
{
    auto policy = CreateObject<WdmoePricedPrecision>();
    policy->SetAttribute("PriceFile", StringValue("models/" + model + "/sensitivity.json"));
    for (const bool exact : {false, true})
    {
        policy->SetAttribute("Measure",
                             EnumValue(exact ? WdmoePricedPrecision::EXACT_MATCH
                                             : WdmoePricedPrecision::BITS_PER_BYTE));
        for (const bool down : {true, false})
        {
            double last = 0;
            for (const auto precision :
                 {Precision::FP32, Precision::FP16, Precision::INT8, Precision::INT4})
            {
                const double price = policy->GetPrice(precision, down);
                NS_TEST_ASSERT_MSG_EQ((price >= last && price < 0.03), true, price);
                last = price;
            }
            NS_TEST_ASSERT_MSG_LT(policy->GetPrice(Precision::BF16, down), 0.003, "bf16");
        }
    }
    policy->SetAttribute("Measure", EnumValue(WdmoePricedPrecision::BITS_PER_BYTE));
    NS_TEST_ASSERT_MSG_LT(policy->GetPrice(Precision::INT8, true) +
                              policy->GetPrice(Precision::INT8, false),
                          0.0005,
                          "int8 is next to free");

    // whatever the links: within the budget, and never finer than configured
    std::mt19937 random(3);
    std::uniform_real_distribution<double> uniform(0, 1);
    std::size_t coarse = 0;
    for (int trial = 0; trial < 50; ++trial)
    {
        const double maxLoss = 0.02 * uniform(random);
        policy->SetAttribute("MaxLoss", DoubleValue(maxLoss));
        WdmoePrecisionInput input;
        input.hidden = 256;
        input.configured.uplink = trial % 2 ? Precision::FP16 : Precision::INT8;
        double all = 0;
        for (int k = 0; k < 8; ++k)
        {
            input.pairs.push_back(random() % 64);
            input.downlinkSPerBit.push_back(std::pow(10, -8 + uniform(random)));
            input.uplinkSPerBit.push_back(std::pow(10, -8 + uniform(random)));
            all += input.pairs.back();
        }
        const auto choices = policy->Decide(input);
        double loss = 0;
        for (std::size_t k = 0; k < 8; ++k)
        {
            loss += input.pairs[k] / all *
                    (policy->GetPrice(choices[k].downlink, true) +
                     policy->GetPrice(choices[k].uplink, false));
            NS_TEST_ASSERT_MSG_EQ((choices[k].uplink != Precision::FP16 ||
                                   input.configured.uplink == Precision::FP16),
                                  true,
                                  "not finer than configured");
            coarse += choices[k].uplink == Precision::INT4;
        }
        if (maxLoss > 0.0005)
        {
            NS_TEST_ASSERT_MSG_LT_OR_EQ(loss, maxLoss + 1e-12, "budget");
        }
    }
    NS_TEST_ASSERT_MSG_GT(coarse, 0U, "int4 is used");
}

void
PrecisionPolicyTest::DoRun()
{
    WdmoePrecisionInput input;
    input.hidden = 256;
    input.pairs = {10, 10};
    input.downlinkSPerBit = {1e-8, 1e-7};
    input.uplinkSPerBit = {1e-8, 1e-9};
    input.configured = {Precision::BF16, Precision::FP32};
    const auto fixed = CreateObject<WdmoeFixedPrecision>()->Decide(input);
    NS_TEST_ASSERT_MSG_EQ(fixed.size(), 2U, "one for each");
    NS_TEST_EXPECT_MSG_EQ(
        (fixed[1].downlink == Precision::BF16 && fixed[1].uplink == Precision::FP32),
        true,
        "as configured");

    CheckShipped("wdmoe-lm-base");
    CheckShipped("wdmoe-lm-robust");

    // fp16: a gain; int8: one-way entries, and more both ways; int4: down only, the other is half
    const auto table =
        PriceTable(Way("fp16", "fp16", 0.81, 1.99) + "," + Way("int8", "fp32", 0.796, 2.01) + "," +
                   Way("fp32", "int8", 0.8, 2.03) + "," + Way("int8", "int8", 0.792, 2.06) + "," +
                   Way("int4", "fp32", 0.78, 2.04) + "," + Way("int4", "int4", 0.76, 2.1));
    auto policy = WithTable(table);
    const auto expect = [&](Precision p, double down, double up) {
        NS_TEST_EXPECT_MSG_EQ_TOL(policy->GetPrice(p, true), down, 1e-9, PrecisionName(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(policy->GetPrice(p, false), up, 1e-9, PrecisionName(p));
    };
    expect(Precision::FP32, 0, 0);
    expect(Precision::FP16, 0, 0);
    expect(Precision::INT8, 0.0075, 0.0225);
    expect(Precision::INT4, 0.02 * 0.05 / 0.045, 0.025 * 0.05 / 0.045);
    policy->SetAttribute("Measure", StringValue("ExactMatch"));
    expect(Precision::INT8, 0.01, 0);
    expect(Precision::INT4, 0.025, 0.025);
    policy->SetAttribute("Measure", StringValue("BitsPerByte"));

    // both ways only: half each; a coarser level is not cheaper
    auto noisy = WithTable(
        PriceTable(Way("int8", "int8", 0.8, 2.06) + "," + Way("int4", "int4", 0.8, 2.04)));
    for (const bool down : {true, false})
    {
        NS_TEST_EXPECT_MSG_EQ_TOL(noisy->GetPrice(Precision::INT8, down), 0.015, 1e-9, "half");
        NS_TEST_EXPECT_MSG_EQ_TOL(noisy->GetPrice(Precision::INT4, down), 0.015, 1e-9, "no less");
    }

    // coarser where the link is slow, as far as the budget goes
    input.configured = {Precision::FP16, Precision::FP16};
    policy->SetAttribute("MaxLoss", DoubleValue(0.004));
    auto choices = policy->Decide(input);
    NS_TEST_EXPECT_MSG_EQ(
        (choices[0].downlink == Precision::FP16 && choices[1].downlink == Precision::INT8),
        true,
        "the slow one");
    policy->SetAttribute("MaxLoss", DoubleValue(0));
    choices = policy->Decide(input);
    NS_TEST_EXPECT_MSG_EQ((choices[1].downlink == Precision::FP16), true, "nothing to lose");
    policy->SetAttribute("MaxLoss", DoubleValue(1));
    choices = policy->Decide(input);
    NS_TEST_EXPECT_MSG_EQ(
        (choices[0].uplink == Precision::INT4 && choices[1].downlink == Precision::INT4),
        true,
        "all coarse");
    policy->SetAttribute("Levels", StringValue("int8"));
    choices = policy->Decide(input);
    NS_TEST_EXPECT_MSG_EQ((choices[0].uplink == Precision::INT8), true, "of those there are");
    input.configured = {Precision::INT4, Precision::INT4};
    policy->SetAttribute("MaxLoss", DoubleValue(0));
    choices = policy->Decide(input);
    NS_TEST_EXPECT_MSG_EQ((choices[0].uplink == Precision::INT4), true, "nothing finer is needed");
    input.configured = {Precision::FP16, Precision::FP16};
    input.uplinkSPerBit[0] = INF;
    policy->SetAttribute("MaxLoss", DoubleValue(1));
    choices = policy->Decide(input);
    NS_TEST_EXPECT_MSG_EQ((choices[0].uplink == Precision::FP16), true, "out of coverage");

    struct Case
    {
        std::string table;    ///< text of the file; empty: no file
        std::string expected; ///< part of the message
    };

    const std::string how = "./wdmoe evaluate --model MODEL --out FILE.json";
    const std::vector<Case> cases = {
        {"", "no price table 'models/mixtral-8x7b/sensitivity.json'"},
        {"{\n\"format\": ,", "prices.json:2:11: not JSON"},
        {"[]", "expected an object"},
        {"{\"format\": \"x\"}", "field 'format': expected 'wdmoe-sensitivity-1', found 'x'"},
        {"{\"format\": \"wdmoe-sensitivity-1\", \"levers\": {}}", "field 'levers.none': missing"},
        {PriceTable("", 0), "has no price of fp16"},
        {PriceTable(Way("fp16", "fp16", 0.8, 2)), "has no price of int8"},
        {PriceTable(Way("int9", "fp16", 0.8, 2)),
         "field 'levers.precision[0].downlink': expected fp32, fp16, bf16, int8 or int4, found "
         "'int9'"},
        {PriceTable(Way("fp16", "fp16", 0.8, 0)),
         "field 'levers.precision[0].bits_per_byte.mean': expected a number from 1e-06"},
    };
    for (const auto& c : cases)
    {
        const auto message = WdmoeAbortMessage([&]() {
            auto wrong = WithTable(c.table);
            if (c.table.empty())
            {
                wrong->SetAttribute("PriceFile",
                                    StringValue("models/mixtral-8x7b/sensitivity.json"));
            }
            wrong->Decide(input);
        });
        NS_TEST_EXPECT_MSG_NE(message.find(c.expected), std::string::npos, message);
        NS_TEST_EXPECT_MSG_NE(message.find(how), std::string::npos, message);
    }
    auto message =
        WdmoeAbortMessage([&]() { CreateObject<WdmoePricedPrecision>()->Decide(input); });
    NS_TEST_EXPECT_MSG_NE(message.find("PriceFile is empty"), std::string::npos, message);
    message = WdmoeAbortMessage([&]() {
        CreateObject<WdmoePricedPrecision>()->SetAttribute("Levels", StringValue("int8,int3"));
    });
    NS_TEST_EXPECT_MSG_NE(message.find("names 'int3'"), std::string::npos, message);
    message = WdmoeAbortMessage([&]() {
        auto wrong = WithTable(PriceTable(Way("fp16", "fp16", 0.8, 2), 0));
        wrong->SetAttribute("Measure", StringValue("ExactMatch"));
        wrong->Decide(input);
    });
    NS_TEST_EXPECT_MSG_NE(message.find("an exact match above 0"), std::string::npos, message);
}

/**
 * @ingroup wdmoe-tests
 *
 * Levers that trade quality for air time.
 */
class QualityTestSuite : public TestSuite
{
  public:
    QualityTestSuite()
        : TestSuite("wdmoe-quality", Type::UNIT)
    {
        AddTestCase(new QualityBoundTest, Duration::QUICK);
        AddTestCase(new QualityBoundEdgesTest, Duration::QUICK);
        AddTestCase(new PrecisionChoiceTest, Duration::QUICK);
        AddTestCase(new PrecisionPolicyTest, Duration::QUICK);
    }
};

QualityTestSuite g_qualityTestSuite; ///< registers itself

} // namespace
