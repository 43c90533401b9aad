/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-radio.h"
#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/object-factory.h"
#include "ns3/position-allocator.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-optimizer-helper.h"
#include "ns3/wdmoe-synthetic-gate-source.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>

using namespace ns3;

namespace
{

/// @return payload bytes and 100 of headers
uint64_t
WireBytes(uint64_t payload)
{
    return payload + 100;
}

/**
 * @ingroup wdmoe-tests
 *
 * A radio, a controller and blocks to decide on, without applications.
 */
class Loop
{
  public:
    /**
     * @param policy name
     * @param predictor TypeId
     */
    Loop(const std::string& policy, const std::string& predictor)
    {
        Ptr<Node> server = CreateObject<Node>();
        NodeContainer devices(8);
        MobilityHelper mobility;
        mobility.Install(server);
        mobility.SetPositionAllocator("ns3::GridPositionAllocator",
                                      "MinX",
                                      DoubleValue(30),
                                      "DeltaX",
                                      DoubleValue(30));
        mobility.Install(devices);
        WdmoeIdealRadioHelper radioHelper;
        radio = radioHelper.Install(server, devices);
        radio->AssignStreams(1);
        for (int k = 0; k < 8; k++)
        {
            wdmoe::DeviceProfile profile;
            profile.name = "test";
            profile.flops = (k + 1) * 1e12;
            profile.memoryBandwidth = 1e11;
            profiles.push_back(profile);
        }
        model.experts = 8;
        model.topK = 2;
        model.blocks = 4;
        WdmoeOptimizerHelper optimizer;
        optimizer.SetPolicy(WdmoePolicy::Find(policy));
        optimizer.SetPredictor(predictor);
        controller = optimizer.Install(radio, model, profiles);
        gates = CreateObject<WdmoeSyntheticGateSource>();
        gates->AssignStreams(100);
        gates->SetModel(model.blocks, model.experts, model.topK);
    }

    ~Loop()
    {
        Simulator::Destroy();
    }

    /**
     * @param block i
     * @param tokens J
     * @return the input of a block
     */
    WdmoeBlockInput Block(uint32_t block, uint32_t tokens)
    {
        WdmoeBlockInput input;
        input.block = block;
        WdmoeGateQuery query;
        query.block = block;
        query.tokens = tokens;
        input.gate = gates->GetGate(query);
        input.hidden = 4096;
        input.wireBytes = MakeCallback(&WireBytes);
        return input;
    }

    Ptr<WdmoeRadio> radio;                      ///< ideal
    Ptr<WdmoeController> controller;            ///< under test
    Ptr<WdmoeGateSource> gates;                 ///< synthetic
    WdmoeModelDescription model;                ///< small
    std::vector<wdmoe::DeviceProfile> profiles; ///< by device
};

/**
 * @ingroup wdmoe-tests
 *
 * Each policy's decisions are complete, feasible, and in the order theory wants them.
 */
class DecisionTest : public TestCase
{
  public:
    DecisionTest()
        : TestCase("decisions are complete, feasible and ordered")
    {
    }

  private:
    void DoRun() override;
};

void
DecisionTest::DoRun()
{
    const std::string closedForm = "ns3::WdmoeClosedFormPredictor";
    std::map<std::string, std::vector<double>> latency;
    for (const auto& policy : WdmoePolicy::GetAll())
    {
        // the price of precision is of a real model
        const auto name = policy.name == "scheduled"
                              ? "scheduled:precision=ns3::WdmoeFixedPrecision"
                              : policy.name;
        Loop loop(name, closedForm);
        for (uint32_t i = 0; i < 20; i++)
        {
            const auto input = loop.Block(i % 4, i < 10 ? 64 : 1);
            const auto d = loop.controller->Decide(input);
            WdmoeGiveUpAll(loop.controller, d);
            uint32_t pairs = 0;
            double down = 0;
            double up = 0;
            for (std::size_t k = 0; k < 8; k++)
            {
                pairs += d.devices[k].tokens;
                down += d.plan.downlink[k].guaranteed;
                up += d.plan.uplink[k].guaranteed;
                NS_TEST_ASSERT_MSG_EQ(d.devices[k].tokens,
                                      d.expertTokens[k],
                                      "expert k is on device k");
            }
            NS_TEST_ASSERT_MSG_EQ(pairs, d.selection.Routed(), "pairs in = pairs out");
            NS_TEST_ASSERT_MSG_EQ(d.pairsTopK, 2 * input.gate.tokens, "top-2");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(down, 1 + 1e-9, "downlink shares");
            NS_TEST_ASSERT_MSG_LT_OR_EQ(up, 1 + 1e-9, "uplink shares");
            NS_TEST_ASSERT_MSG_EQ(std::isfinite(d.predictedS) && d.predictedS > 0, true, "finite");
            NS_TEST_ASSERT_MSG_EQ(loop.radio->GetPlan().downlink[3].guaranteed,
                                  d.plan.downlink[3].guaranteed,
                                  "in force");
            latency[policy.name].push_back(d.predictedS);
        }
    }
    for (std::size_t i = 0; i < 20; i++)
    {
        // the plans keep 5e-4 for devices without a load: that is all they may lose
        NS_TEST_ASSERT_MSG_LT(latency["topk-allocated"][i],
                              1.005 * latency["topk-equal"][i],
                              "the optimum is not above an equal split");
        NS_TEST_ASSERT_MSG_LT(latency["wlr-equal"][i],
                              latency["topk-equal"][i] * (1 + 1e-9),
                              "dropping does not add load");
        NS_TEST_ASSERT_MSG_LT(latency["wdmoe"][i],
                              1.005 * latency["topk-allocated"][i],
                              "joint is not above allocation alone");
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * The learning predictor finds fixed cost and scale that were put in, and follows a change.
 */
class LearningTest : public TestCase
{
  public:
    LearningTest()
        : TestCase("the learning predictor finds fixed cost and scale")
    {
    }

  private:
    void DoRun() override;
};

void
LearningTest::DoRun()
{
    auto predictor = CreateObject<WdmoeLearningPredictor>();
    WdmoeRadioCapabilities capabilities;
    capabilities.downlinkDelay = MilliSeconds(4);
    capabilities.uplinkDelay = MilliSeconds(12);
    predictor->SetRadio({2, capabilities});
    NS_TEST_ASSERT_MSG_EQ_TOL(predictor->GetCost(0).uplinkFixedS, 0.012, 1e-12, "prior");
    auto random = CreateObject<UniformRandomVariable>();
    random->SetStream(5);
    for (const double fixed : {0.006, 0.020})
    {
        for (int i = 0; i < 200; i++)
        {
            WdmoeStageLoad load;
            load.downlinkBits = random->GetValue(6e4, 6e5);
            load.uplinkBits = load.downlinkBits;
            load.downlinkRate = 2e7;
            load.uplinkRate = 1e7;
            load.computeS = random->GetValue(0.001, 0.01);
            load.downlinkS = load.downlinkBits / load.downlinkRate;
            load.uplinkS = load.uplinkBits / load.uplinkRate;
            wdmoe::StageTimes t;
            t.downlinkS = fixed + 1.05 * load.downlinkS;
            t.uplinkS = 2 * fixed + 0.7 * load.uplinkS;
            t.computeS = load.computeS;
            predictor->Learn(0, load, t);
            predictor->LearnScale(0, 1.05, 0.7);
            predictor->LearnReady(0, i % 2 == 0 ? 0.0005 : 0.0015);
        }
        // the prior (4 and 12 ms, within 3 ms) pulls a little
        const auto cost = predictor->GetCost(0);
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.downlinkFixedS, fixed, 0.1 * fixed, "downlink fixed");
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.downlinkScale, 1.05, 0.1, "downlink scale");
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.uplinkFixedS, 2 * fixed, 0.2 * fixed, "uplink fixed");
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.uplinkScale, 0.7, 0.1, "uplink scale");
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.computeScale, 1, 0.02, "compute");
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.readyBiasS, 0.001, 1e-4, "mean of ready errors");
        NS_TEST_ASSERT_MSG_EQ_TOL(cost.readySpreadS, 0.0005, 1e-4, "spread of ready errors");
        NS_TEST_ASSERT_MSG_EQ_TOL(predictor->GetCost(1).downlinkFixedS, 0.004, 1e-12, "other");
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * A static split of a budget that both directions take from holds whatever the timing, and no other
 * split that does is quicker.
 */
class HalfDuplexTest : public TestCase
{
  public:
    HalfDuplexTest()
        : TestCase("static splits of one budget for both directions hold")
    {
    }

  private:
    /**
     * What a split comes to if nothing is given to others: the fluid model of one budget.
     *
     * @param radio with the laws and the budget
     * @param d loads
     * @param plan the split; its leftover is wasted
     * @return end of the block, s
     */
    static double Follow(Ptr<WdmoeRadio> radio, const WdmoeDecision& d, const WdmoePlan& plan)
    {
        wdmoe::ShopProblem shop;
        wdmoe::ShopPlan shares;
        shop.halfDuplex = true;
        shop.downlinkHz = radio->GetBudget().downlinkHz;
        shop.blockWeight = {1};
        for (uint32_t k = 0; k < d.devices.size(); k++)
        {
            const auto state = radio->GetLinkState(k);
            wdmoe::ShopDevice device;
            device.downlinkLaw = state.downlink.law;
            device.uplinkLaw = state.uplink.law;
            shop.devices.push_back(device);
            const auto& load = d.devices[k].load;
            wdmoe::ShopTask task;
            task.device = k;
            task.cuts = {{{load.downlinkBits, load.computeS, load.uplinkBits}}};
            shop.tasks.push_back(task);
            shares.cut.push_back(0);
            shares.downlink.push_back({plan.downlink[k].guaranteed, 0, 0});
            shares.uplink.push_back({plan.uplink[k].guaranteed, 0, 0});
        }
        wdmoe::ShopOutcome outcome;
        wdmoe::ShopEvaluator().Evaluate(shop, shares, outcome);
        return outcome.blockEndS[0];
    }

    void DoRun() override;
};

void
HalfDuplexTest::DoRun()
{
    auto random = CreateObject<UniformRandomVariable>();
    random->SetStream(21);
    uint32_t broken = 0;
    for (int instance = 0; instance < 50; instance++)
    {
        const uint32_t nDevices = 4;
        const double hz = 20e6;
        auto radio = CreateObject<WdmoeTestRadio>("half", CreateObject<Node>(), nDevices, 20);
        radio->capabilities.fullDuplex = false;
        radio->capabilities.priority = false;
        radio->budget = {hz, instance % 2 ? hz : 0, false}; // the uplink's is not looked at
        std::vector<wdmoe::DeviceProfile> profiles(nDevices);
        WdmoeBlockInput input;
        input.hidden = 4096;
        input.wireBytes = MakeCallback(&WireBytes);
        input.gate.experts = nDevices;
        for (uint32_t k = 0; k < nDevices; k++)
        {
            for (auto* link : {&radio->links[k].downlink, &radio->links[k].uplink})
            {
                link->law = wdmoe::RateLaw::Linear(std::pow(10, random->GetValue(-1, 1)));
            }
            profiles[k].flops = 1e9 * std::pow(10, random->GetValue(2, 4));
            profiles[k].memoryBandwidth = 1e15;
            const auto tokens = random->GetInteger(5, 40);
            input.gate.tokens += tokens;
            std::vector<double> row(nDevices, 0);
            row[k] = 1;
            for (uint32_t j = 0; j < tokens; j++)
            {
                input.gate.weight.insert(input.gate.weight.end(), row.begin(), row.end());
            }
        }
        WdmoeModelDescription model;
        model.experts = nDevices;
        model.topK = 1;
        WdmoeOptimizerHelper optimizer;
        optimizer.SetPolicy(WdmoePolicy::Find("topk-allocated-strict:allocator.MinShare=0"));
        optimizer.SetPredictor("ns3::WdmoeClosedFormPredictor");
        const auto d = optimizer.Install(radio, model, profiles)->Decide(input);
        // B_k = w_k / (T - c_k), of which the sum is the budget: by bisection
        std::vector<double> work;
        double low = 0;
        for (uint32_t k = 0; k < nDevices; k++)
        {
            const auto& load = d.devices[k].load;
            work.push_back(load.downlinkBits / radio->links[k].downlink.law.efficiency +
                           load.uplinkBits / radio->links[k].uplink.law.efficiency);
            low = std::max(low, load.computeS);
        }
        double high = low + 1e4;
        for (int i = 0; i < 200; i++)
        {
            const double t = (low + high) / 2;
            double sum = 0;
            for (uint32_t k = 0; k < nDevices; k++)
            {
                sum += work[k] / (t - d.devices[k].load.computeS);
            }
            (sum <= hz ? high : low) = t;
        }
        NS_TEST_ASSERT_MSG_EQ_TOL(d.predictedS / high, 1, 1e-9, "the formula");
        NS_TEST_ASSERT_MSG_EQ_TOL(Follow(radio, d, d.plan) / high, 1, 1e-9, "it holds");
        double sums[2] = {0, 0};
        wdmoe::AllocationProblem two;
        two.downlinkHz = two.uplinkHz = hz;
        for (uint32_t k = 0; k < nDevices; k++)
        {
            sums[0] += d.plan.downlink[k].guaranteed;
            sums[1] += d.plan.uplink[k].guaranteed;
            two.downlinkBits.push_back(d.devices[k].load.downlinkBits);
            two.uplinkBits.push_back(d.devices[k].load.uplinkBits);
            two.computeS.push_back(d.devices[k].load.computeS);
            two.downlinkLaw.push_back(radio->links[k].downlink.law);
            two.uplinkLaw.push_back(radio->links[k].uplink.law);
        }
        NS_TEST_ASSERT_MSG_EQ_TOL(sums[0], 1, 1e-9, "downlink");
        NS_TEST_ASSERT_MSG_EQ_TOL(sums[1], 1, 1e-9, "uplink");
        // two budgets of the whole band promise what does not hold
        const auto promised = wdmoe::AllocateMinMax(two);
        WdmoePlan plan;
        for (uint32_t k = 0; k < nDevices; k++)
        {
            plan.downlink.push_back({promised.downlinkHz[k] / hz, 0, 0});
            plan.uplink.push_back({promised.uplinkHz[k] / hz, 0, 0});
        }
        broken += Follow(radio, d, plan) > 1.001 * promised.timeS;
        Simulator::Destroy();
    }
    NS_TEST_ASSERT_MSG_GT(broken, 10U, "promises of two budgets are broken");
    if (std::getenv("WDMOE_VERBOSE"))
    {
        std::cout << broken << " of 50 splits of two full budgets do not hold on one" << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * A policy of one's own is one subclass, chosen by its TypeId.
 */
class LastExpertsSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::LastExpertsSelector")
                                .SetParent<WdmoeSelector>()
                                .AddConstructor<LastExpertsSelector>();
        return tid;
    }

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override
    {
        auto s = wdmoe::SelectTopK(input.gate, 1);
        for (auto& e : s.expert)
        {
            e = static_cast<int32_t>(input.gate.experts) - 1;
        }
        return s;
    }
};

NS_OBJECT_ENSURE_REGISTERED(LastExpertsSelector);

/**
 * @ingroup wdmoe-tests
 *
 * Policies by name and by TypeId; what is unknown is refused with the list of what there is.
 */
class PolicyTest : public TestCase
{
  public:
    PolicyTest()
        : TestCase("policies by name and by TypeId")
    {
    }

  private:
    void DoRun() override;
};

void
PolicyTest::DoRun()
{
    NS_TEST_ASSERT_MSG_EQ(WdmoePolicy::Parse("all").size(), 7U, "all");
    NS_TEST_ASSERT_MSG_EQ(WdmoePolicy::Parse("wdmoe,topk-equal")[1].name, "topk-equal", "list");
    Loop loop("ns3::LastExpertsSelector+ns3::WdmoeStockAllocator", "ns3::WdmoeClosedFormPredictor");
    const auto d = loop.controller->Decide(loop.Block(0, 16));
    NS_TEST_ASSERT_MSG_EQ(d.devices[7].tokens, 16U, "all to the last");
    NS_TEST_ASSERT_MSG_EQ(d.devices[0].tokens, 0U, "none to the first");
    NS_TEST_ASSERT_MSG_LT(d.gateMassKept, 1, "mass is lost");

    struct Case
    {
        std::function<void()> action; ///< a mistake
        std::string expected;         ///< part of the message
    };

    const std::vector<Case> cases = {
        {[]() { WdmoePolicy::Find("best"); }, "unknown policy 'best'; there are topk-stock"},
        {[]() { WdmoePolicy::Find("ns3::WdmoeTopKSelector+ns3::Node"); }, "unknown policy"},
        {[]() { WdmoePolicy::Parse(""); }, "no policy given"},
        {[&]() { loop.controller->SetPlacement({0, 1}); }, "2 entries for 8 experts"},
        {[&]() { loop.controller->SetPlacement({0, 1, 2, 3, 4, 5, 6, 8}); }, "no device 8"},
        {[&]() { loop.controller->SetWork({}, 8, 9, loop.profiles); }, "top-k is 9"},
        {[&]() { loop.controller->SetWork({}, 8, 2, {}); }, "0 device profiles for 8"},
    };
    for (const auto& c : cases)
    {
        const auto message = WdmoeAbortMessage(c.action);
        NS_TEST_ASSERT_MSG_NE(message.find(c.expected), std::string::npos, message);
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * The loop.
 */
class ControlTestSuite : public TestSuite
{
  public:
    ControlTestSuite()
        : TestSuite("wdmoe-control", Type::UNIT)
    {
        AddTestCase(new DecisionTest, Duration::QUICK);
        AddTestCase(new LearningTest, Duration::QUICK);
        AddTestCase(new HalfDuplexTest, Duration::QUICK);
        AddTestCase(new PolicyTest, Duration::QUICK);
    }
};

ControlTestSuite g_controlTestSuite; ///< registers itself

} // namespace
