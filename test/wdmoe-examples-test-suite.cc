/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/double.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"

#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

using namespace ns3;

namespace
{

/// Whole scenarios print a table: not here
class Silence
{
  public:
    Silence()
        : m_cout(std::cout.rdbuf(m_text.rdbuf()))
    {
    }

    ~Silence()
    {
        std::cout.rdbuf(m_cout);
    }

  private:
    std::ostringstream m_text; ///< takes the table
    std::streambuf* m_cout;    ///< as it was
};

/// Over ideal links, a small scenario
void
RunIdeal(WdmoeComparisonHelper& comparison)
{
    Silence silence;
    comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
        return WdmoeIdealRadioHelper().Install(server, devices);
    });
}

/// Over LTE, a small scenario of 25 RBs
void
RunLte(WdmoeComparisonHelper& comparison, bool fading = false)
{
    Silence silence;
    comparison.minDistance = 30;
    comparison.maxDistance = 120;
    comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
        WdmoeLteRadioHelper radio;
        radio.SetAttribute("Bandwidth", UintegerValue(25));
        radio.SetAttribute("UplinkPowerControl", BooleanValue(false));
        radio.SetAttribute(
            "Scheduler",
            StringValue(policy.stock ? "ns3::PfFfMacScheduler" : "ns3::WdmoeFfMacScheduler"));
        radio.SetPathlossModel("ns3::LogDistancePropagationLossModel");
        radio.SetPathlossModelAttribute("Exponent", DoubleValue(3.5));
        if (fading)
        {
            radio.SetFadingModel("ns3::WdmoeBlockFading");
        }
        return radio.Install(server, devices);
    });
}

/// A small job for either
void
Shrink(WdmoeComparisonHelper& comparison)
{
    comparison.requests = 2;
    comparison.maxPromptTokens = 8;
    comparison.maxOutputTokens = 3;
    comparison.blocks = 2;
    comparison.timeScale = 1;
}

/**
 * @ingroup wdmoe-tests
 *
 * Ideal links, strict shares: each block's latency is the closed form's, headers counted.
 */
class ClosedFormTest : public TestCase
{
  public:
    ClosedFormTest()
        : TestCase("ideal links: every block equals the closed form within 0.5 percent")
    {
    }

  private:
    void DoRun() override
    {
        for (const std::string transport : {"ns3::WdmoeUdpTransport", "ns3::WdmoeTcpTransport"})
        {
            WdmoeComparisonHelper comparison("closed-form");
            Shrink(comparison);
            comparison.maxPromptTokens = 64;
            comparison.strict = true;
            comparison.blocks = 8;
            comparison.transport = transport;
            comparison.policies = "topk-equal,topk-allocated,wlr-equal,wdmoe";
            RunIdeal(comparison);
            // TCP: a segment may be cut short by the window, and acknowledgements share the link
            const double tolerance = transport == "ns3::WdmoeUdpTransport" ? 0.005 : 0.05;
            for (const auto& policy : WdmoePolicy::Parse(comparison.policies))
            {
                for (const auto& block : comparison.GetResults().GetBlocks(policy.name))
                {
                    NS_TEST_EXPECT_MSG_EQ_TOL(block.latency.GetSeconds() / block.closedFormS,
                                              1,
                                              tolerance,
                                              policy.name << " block " << block.block << " pass "
                                                          << block.pass << " " << transport);
                }
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Every policy over LTE, UDP and TCP, with fading: the run checks conservation itself.
 */
class LteScenarioTest : public TestCase
{
  public:
    LteScenarioTest()
        : TestCase("LTE: all policies end, and conserve tokens and messages")
    {
    }

  private:
    void DoRun() override
    {
        for (const bool fading : {false, true})
        {
            WdmoeComparisonHelper comparison("lte-test");
            Shrink(comparison);
            comparison.transport = fading ? "ns3::WdmoeTcpTransport" : "ns3::WdmoeUdpTransport";
            RunLte(comparison, fading);
            for (const auto& policy : WdmoePolicy::GetAll())
            {
                const auto& blocks = comparison.GetResults().GetBlocks(policy.name);
                NS_TEST_ASSERT_MSG_EQ(blocks.size(), 12U, policy.name << ": 2 x 3 passes x 2");
                for (const auto& b : blocks)
                {
                    NS_TEST_EXPECT_MSG_GT(b.latency, MilliSeconds(10), "an LTE round trip");
                    NS_TEST_EXPECT_MSG_LT(b.latency, Seconds(5), "no stall");
                }
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A deadline: answers are missing, weights are renormalised, all is accounted for.
 */
class DeadlineTest : public TestCase
{
  public:
    DeadlineTest()
        : TestCase("a deadline bounds every block, and what is missing is counted")
    {
    }

  private:
    void DoRun() override
    {
        WdmoeComparisonHelper comparison("deadline");
        Shrink(comparison);
        comparison.maxPromptTokens = 64;
        comparison.policies = "topk-equal";
        comparison.deadlineMs = 8;
        RunIdeal(comparison);
        uint32_t missing = 0;
        for (const auto& b : comparison.GetResults().GetBlocks("topk-equal"))
        {
            NS_TEST_EXPECT_MSG_LT_OR_EQ(b.latency, MilliSeconds(8), "deadline");
            NS_TEST_EXPECT_MSG_EQ((b.gateMassKept < 1), (b.pairsMissing > 0), "mass");
            missing += b.pairsMissing;
        }
        NS_TEST_EXPECT_MSG_GT(missing, 0U, "some are late");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The same seed gives the same files, another run others; policies see the same tokens.
 */
class ReproducibleTest : public TestCase
{
  public:
    ReproducibleTest()
        : TestCase("same seed, same result files, bit for bit")
    {
    }

  private:
    /**
     * @param lte or ideal
     * @param run RngRun
     * @return all result files
     */
    std::string Files(bool lte, uint64_t run)
    {
        RngSeedManager::SetRun(run);
        WdmoeComparisonHelper comparison("same");
        Shrink(comparison);
        comparison.requests = 1;
        comparison.policies = "topk-stock,wdmoe";
        comparison.out = CreateTempDirFilename("results");
        if (lte)
        {
            RunLte(comparison, true);
        }
        else
        {
            RunIdeal(comparison);
        }
        RngSeedManager::SetRun(1);
        std::string all;
        for (const auto* name : {"summary.json", "blocks.csv", "requests.csv", "shares.csv"})
        {
            std::ifstream file(comparison.out + "/" + name);
            all.append(std::istreambuf_iterator<char>(file), {});
        }
        const auto& a = comparison.GetResults().GetBlocks("topk-stock");
        const auto& b = comparison.GetResults().GetBlocks("wdmoe");
        NS_TEST_EXPECT_MSG_EQ(a.size(), b.size(), "the same blocks");
        for (std::size_t i = 0; i < a.size(); i++)
        {
            NS_TEST_EXPECT_MSG_EQ(a[i].tokens, b[i].tokens, "the same tokens");
            NS_TEST_EXPECT_MSG_EQ(a[i].pairsTopK, b[i].pairsTopK, "the same top-k");
        }
        return all;
    }

    void DoRun() override
    {
        for (const bool lte : {false, true})
        {
            const auto first = Files(lte, 1);
            NS_TEST_ASSERT_MSG_GT(first.size(), 2000U, "something was written");
            NS_TEST_ASSERT_MSG_EQ((Files(lte, 1) == first), true, "same seed");
            NS_TEST_ASSERT_MSG_EQ((Files(lte, 2) == first), false, "another run");
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Mistakes of users are refused by name.
 */
class ScenarioBadInputTest : public TestCase
{
  public:
    ScenarioBadInputTest()
        : TestCase("mistakes are refused with a message")
    {
    }

  private:
    void DoRun() override
    {
        struct Case
        {
            std::function<void(WdmoeComparisonHelper&)> mistake; ///< what a user does
            std::string expected;                                ///< part of the message
        };

        const std::vector<Case> cases = {
            {[](auto& c) { c.policies = "fastest"; }, "unknown policy 'fastest'"},
            {[](auto& c) { c.model = "gpt-9"; }, "mixtral-8x7b"},
            {[](auto& c) { c.devices = "toaster"; }, "jetson-agx-orin"},
            {[](auto& c) { c.weightBits = 64; }, "GB of memory"},
            {[](auto& c) { c.minDistance = -1; }, "--minDistance is -1; expected"},
            {[](auto& c) { c.requests = 0; }, "--requests is 0; expected"},
            {[](auto& c) { c.requests = 400; }, "of 400 requests"},
            {[](auto& c) { c.maxPromptTokens = -1; }, "--maxPromptTokens is -1"},
            {[](auto& c) { c.blocks = -2; }, "--blocks is -2"},
            {[](auto& c) { c.weightBits = 0; }, "--weightBits is 0"},
            {[](auto& c) { c.thinning = std::nan(""); }, "--thinning is nan"},
            {[](auto& c) { c.deadlineMs = -1; }, "--deadline is -1"},
            {[](auto& c) { c.predictor = "ns3::Foo"; }, "--predictor is ns3::Foo"},
            {[](auto& c) { c.transport = "ns3::Node"; }, "--transport is ns3::Node"},
            {[](auto& c) { c.model = "deepseek-v2-lite"; }, "use --gates=synthetic"},
            {[](auto&) {
                 Config::SetDefault("ns3::WdmoeGatingServer::UplinkPrecision", StringValue("int8"));
             },
             "use the option --uplinkPrecision"},
            {[](auto& c) { c.uplinkPrecision = "int3"; }, "--uplinkPrecision is int3"},
            {[](auto& c) {
                 c.model = "wdmoe-lm-base";
                 c.blocks = 2;
             },
             "a real model needs all of its blocks"},
            {[](auto& c) {
                 c.model = "wdmoe-lm-base";
                 c.blocks = -1;
                 c.domains = "chess";
             },
             "no domain 'chess'"},
            {[](auto& c) { c.requestFile = "no-such.csv"; }, "no-such.csv"},
            {[](auto& c) { c.blocks = 33; }, "has 32 blocks"},
            {[](auto& c) { c.out = "/dev/null/x"; }, "cannot write"},
        };
        for (const auto& c : cases)
        {
            const auto message = WdmoeAbortMessage([&]() {
                WdmoeComparisonHelper comparison("mistake");
                Shrink(comparison);
                comparison.requests = 1;
                c.mistake(comparison);
                RunIdeal(comparison);
            });
            NS_TEST_EXPECT_MSG_NE(message.find(c.expected), std::string::npos, message);
        }
        const auto message = WdmoeAbortMessage([]() {
            WdmoeComparisonHelper comparison("mistake");
            Shrink(comparison);
            Silence silence;
            comparison.minDistance = comparison.maxDistance = 30000;
            comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
                WdmoeLteRadioHelper radio;
                radio.SetPathlossModel("ns3::LogDistancePropagationLossModel");
                return radio.Install(server, devices);
            });
        });
        NS_TEST_EXPECT_MSG_NE(message.find("out of coverage"), std::string::npos, message);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Whole scenarios.
 */
class ExamplesTestSuite : public TestSuite
{
  public:
    ExamplesTestSuite()
        : TestSuite("wdmoe-examples", Type::SYSTEM)
    {
        AddTestCase(new ClosedFormTest, Duration::QUICK);
        AddTestCase(new DeadlineTest, Duration::QUICK);
        AddTestCase(new ReproducibleTest, Duration::QUICK);
        AddTestCase(new ScenarioBadInputTest, Duration::QUICK);
        AddTestCase(new LteScenarioTest, Duration::QUICK);
    }
};

ExamplesTestSuite g_examplesTestSuite; ///< registers itself

} // namespace
