/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// What the tutorial doc/extending.rst makes: examples/extend/. That its text has the same code is
// checked by test/python/test_extending.py.

#include "../examples/extend/switched-radio-helper.h"
#include "wdmoe-radio-conformance-test.h"
#include "wdmoe-test-support.h"

#include "ns3/config.h"
#include "ns3/data-rate.h"
#include "ns3/double.h"
#include "ns3/test.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-radio-conformance.h"
#include "ns3/wdmoe-selector.h"

#include <iostream>
#include <sstream>

using namespace ns3;

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * The checks can fail: a radio that promises what its wires do not carry.
 */
class ExtendBadLoadTest : public TestCase
{
  public:
    ExtendBadLoadTest()
        : TestCase("a wire that is promised more than it carries is found out")
    {
    }

  private:
    void DoRun() override
    {
        // Headers and gaps are a fifth of packets of 128 bytes; 98 % for IP does not leave that.
        SwitchedRadioHelper helper;
        helper.SetAttribute("Load", DoubleValue(0.98));
        WdmoeRadioConformance conformance("overloaded", helper, {.packetBytes = 100});
        NS_TEST_EXPECT_MSG_EQ(WdmoeRadioConformance::IsPassed(conformance.Run("shares")),
                              false,
                              "nothing was found");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The tutorial's selector, by hand.
 */
class ExtendSelectorTest : public TestCase
{
  public:
    ExtendSelectorTest()
        : TestCase("the patient selector leaves out who is too slow")
    {
    }

  private:
    void DoRun() override
    {
        ObjectFactory factory("ns3::PatientSelector");
        WdmoeSelectorInput in;
        in.gate = {3, 3, {0.6, 0.3, 0.1, 0.1, 0.7, 0.2, 0.2, 0.2, 0.6}};
        in.topK = 2;
        in.expertDevice = {0, 1, 2};
        in.expertLatencyS = {1, 3, 2};
        const auto select = [&](double patience) {
            factory.Set("Patience", DoubleValue(patience));
            return factory.Create<WdmoeSelector>()->Select(in);
        };
        auto s = select(2);
        // token 0: expert 1 takes 3 times as long as its expert 0; token 1: nobody is slower than
        // expert 1; token 2: expert 2, then 0 (a tie), which is fast
        const std::vector<int32_t> expected{0, -1, 1, 2, 2, 0};
        NS_TEST_EXPECT_MSG_EQ((s.expert == expected), true, "other experts");
        NS_TEST_EXPECT_MSG_EQ_TOL(s.combine[0], 1, 1e-12, "what is kept sums to 1");
        NS_TEST_EXPECT_MSG_EQ_TOL(s.combine[2], 0.7 / 0.9, 1e-12, "weights of a token that waits");
        s = select(3);
        NS_TEST_EXPECT_MSG_EQ(s.Routed(), 6, "all are fast enough");
        NS_TEST_EXPECT_MSG_NE(WdmoeAbortMessage([&] { select(0.5); }).find("Patience"),
                              std::string::npos,
                              "a patience below 1 would leave the heaviest out");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A scenario over the tutorial's radio: every policy comes to an end, nothing is lost.
 */
class ExtendScenarioTest : public TestCase
{
  public:
    ExtendScenarioTest()
        : TestCase("policies over the switched Ethernet")
    {
    }

  private:
    void DoRun() override
    {
        WdmoeComparisonHelper comparison("extend");
        comparison.policies = "topk-stock,topk-equal,scheduled-fp16-topk,"
                              "ns3::PatientSelector+ns3::WdmoeScheduledAllocator";
        comparison.requests = 1;
        comparison.maxPromptTokens = 16;
        comparison.maxOutputTokens = 2;
        comparison.blocks = 2;
        std::ostringstream text;
        auto* cout = std::cout.rdbuf(text.rdbuf());
        const int status =
            comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
                return SwitchedRadioHelper().Install(server, devices);
            });
        std::cout.rdbuf(cout);
        NS_TEST_EXPECT_MSG_EQ(status, 0, text.str());
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The tutorial's test suite
 */
class ExtendTestSuite : public TestSuite
{
  public:
    ExtendTestSuite()
        : TestSuite("wdmoe-extend", Type::SYSTEM)
    {
        AddTestCase(new ExtendSelectorTest, Duration::QUICK);
        // all but "lost": it is a wire
        for (const auto* rate : {"100Mbps", "1Gbps"})
        {
            AddTestCase(new WdmoeRadioConformanceTest(
                            std::string("the switched Ethernet at ") + rate,
                            WdmoeMakeRadio<SwitchedRadioHelper>({{"DataRate", rate}}),
                            {},
                            {"expect", "lost"}),
                        Duration::QUICK);
        }
        AddTestCase(new ExtendBadLoadTest, Duration::QUICK);
        AddTestCase(new ExtendScenarioTest, Duration::QUICK);
    }
};

ExtendTestSuite g_extendTestSuite; ///< registers itself

} // namespace
