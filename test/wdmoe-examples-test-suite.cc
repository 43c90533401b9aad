/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/command-line.h"
#include "ns3/config.h"
#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/pointer.h"
#include "ns3/propagation-loss-model.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
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

/// A radio helper of a user: ideal links of 7 MHz
class OwnRadioHelper : public WdmoeIdealRadioHelper
{
  public:
    OwnRadioHelper()
    {
        SetAttribute("Bandwidth", DoubleValue(7e6));
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A scenario's radio is chosen and set up by options.
 */
class ScenarioRadioTest : public TestCase
{
  public:
    ScenarioRadioTest()
        : TestCase("a scenario runs over the radio that its options choose")
    {
    }

  private:
    /**
     * @param air of a scenario
     * @param options of a command line
     */
    static void Give(WdmoeScenarioRadio& air, const std::vector<std::string>& options)
    {
        air.SetPathloss(3.5, 46.6777);
        CommandLine cmd;
        air.AddOptions(cmd);
        std::vector<std::string> arguments{"program"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        cmd.Parse(arguments);
        air.Check();
    }

    /**
     * @param options of a command line
     * @param policy it runs under
     * @return the radio of a scenario whose own is LTE
     */
    static Ptr<WdmoeRadio> Make(const std::vector<std::string>& options,
                                const std::string& policy = "wdmoe")
    {
        Simulator::Destroy(); // addresses of the one before
        WdmoeScenarioRadio air("lte");
        Give(air, options);
        Ptr<Node> server = CreateObject<Node>();
        NodeContainer devices(2);
        MobilityHelper mobility;
        mobility.Install(server);
        mobility.Install(devices);
        return air.Install(WdmoePolicy::Find(policy), server, devices);
    }

    /// The options reach the radio
    void CheckChoice()
    {
        for (const auto& [options, rbs] :
             std::vector<std::pair<std::vector<std::string>, uint32_t>>{
                 {{}, 50},
                 {{"--bandwidth=1.4"}, 6},
                 {{"--bandwidth=3"}, 15},
                 {{"--bandwidth=5"}, 25},
                 {{"--bandwidth=15"}, 75},
                 {{"--bandwidth=20", "--rbs=100"}, 100},
                 {{"--rbs=25"}, 25}})
        {
            const auto radio = Make(options);
            NS_TEST_EXPECT_MSG_EQ(radio->GetName(), "lte", "the scenario's own");
            UintegerValue bandwidth;
            radio->GetAttribute("Bandwidth", bandwidth);
            NS_TEST_EXPECT_MSG_EQ(bandwidth.Get(), rbs, "RBs");
            NS_TEST_EXPECT_MSG_EQ(radio->GetNDevices(), 2U, "devices");
        }
        for (const auto& [options, hz] : std::vector<std::pair<std::vector<std::string>, double>>{
                 {{"--radio=ideal"}, 100e6},
                 {{"--radio=ideal", "--bandwidth=12.5"}, 12.5e6}})
        {
            const auto radio = Make(options);
            NS_TEST_EXPECT_MSG_EQ(radio->GetName(), "ideal", "another one");
            NS_TEST_EXPECT_MSG_EQ_TOL(radio->GetBudget().downlinkHz, hz, 1e-3, "Hz");
        }
        StringValue scheduler;
        Make({})->GetAttribute("Scheduler", scheduler);
        NS_TEST_EXPECT_MSG_EQ(scheduler.Get(), "ns3::WdmoeFfMacScheduler", "steered");
        Make({}, "topk-stock")->GetAttribute("Scheduler", scheduler);
        NS_TEST_EXPECT_MSG_EQ(scheduler.Get(), "ns3::PfFfMacScheduler", "stock");
        Make({"--stock=ns3::RrFfMacScheduler"}, "bottleneck")->GetAttribute("Scheduler", scheduler);
        NS_TEST_EXPECT_MSG_EQ(scheduler.Get(), "ns3::RrFfMacScheduler", "another stock one");
        BooleanValue control;
        Make({"--powerControl"})->GetAttribute("UplinkPowerControl", control);
        NS_TEST_EXPECT_MSG_EQ(control.Get(), true, "a flag without a value");
        DoubleValue number;
        Make({"--loss=0.25"})->GetAttribute("CoreLoss", number);
        NS_TEST_EXPECT_MSG_EQ(number.Get(), 0.25, "loss");
        Make({}, "wdmoe:radio.CoreLoss=0.5")->GetAttribute("CoreLoss", number);
        NS_TEST_EXPECT_MSG_EQ(number.Get(), 0.5, "a policy's own setting");
        // the scenario's path loss, over any radio
        PointerValue loss;
        Make({"--radio=ideal"})->GetAttribute("PropagationLossModel", loss);
        loss.Get<PropagationLossModel>()->GetAttribute("Exponent", number);
        NS_TEST_EXPECT_MSG_EQ(number.Get(), 3.5, "the scenario's");
        loss.Get<PropagationLossModel>()->GetAttribute("ReferenceLoss", number);
        NS_TEST_EXPECT_MSG_EQ(number.Get(), 46.6777, "the scenario's");
        Make({"--radio=ideal", "--exponent=2.5"})->GetAttribute("PropagationLossModel", loss);
        loss.Get<PropagationLossModel>()->GetAttribute("Exponent", number);
        NS_TEST_EXPECT_MSG_EQ(number.Get(), 2.5, "the user's");
        Simulator::Destroy();

        WdmoeScenarioRadio air("lte");
        Give(air, {"--rbs=25"});
        NS_TEST_EXPECT_MSG_EQ(air.GetSettings().at("bandwidth"), "5", "of these RBs");
        NS_TEST_EXPECT_MSG_EQ(air.GetSettings().at("rbs"), "25", "as given");
        NS_TEST_EXPECT_MSG_EQ(air.GetSettings().at("exponent"), "3.5", "the scenario's");
        NS_TEST_EXPECT_MSG_EQ(air.GetSettings().size(), 8U, "radio and its options");
        for (const auto& [option, expected] :
             std::vector<std::pair<std::string, std::string>>{{"--radio=lte", "5"},
                                                              {"--radio=ideal", "100"},
                                                              {"--bandwidth=3", "3"},
                                                              {"--rbs=6", "1.4"}})
        {
            WdmoeScenarioRadio narrow("lte");
            narrow.SetDefault("bandwidth", "5");
            Give(narrow, {option});
            NS_TEST_EXPECT_MSG_EQ(narrow.GetSettings().at("bandwidth"), expected, option);
        }
    }

    /// What cannot be is refused, with what to do
    void CheckMistakes()
    {
        for (const auto& [options, expected] :
             std::vector<std::pair<std::vector<std::string>, std::string>>{
                 {{"--radio=wimax"}, "--radio is wimax; expected ideal"},
                 {{"--radio=ideal", "--rbs=50"},
                  "'ideal' has no such option; leave it out, or choose --radio=lte"},
                 {{"--radio=ideal", "--stock=ns3::PfFfMacScheduler"}, "choose --radio=lte"},
                 {{"--bandwidth=7"},
                  "--bandwidth is 7 MHz; over the radio 'lte' expected 1.4, 3, 5, 10, 15 or 20"},
                 {{"--bandwidth=10", "--rbs=25"},
                  "--bandwidth=10 contradicts --rbs=25, which is 5 MHz"},
                 {{"--rbs=-1"}, "--rbs is -1; expected 6, 15, 25, 50, 75 or 100"},
                 {{"--rbs=50.5"}, "--rbs is 50.5; expected 6"},
                 {{"--radio=ideal", "--bandwidth=100e6"}, "(it is not in Hz)"},
                 {{"--radio=ideal", "--bandwidth=0"}, "--bandwidth is 0 MHz; expected 1e-6 to 1e5"},
                 {{"--bandwidth=wide"}, "--bandwidth is 'wide'; expected a number"},
                 {{"--bandwidth=nan"}, "--bandwidth is "},
                 {{"--exponent=-1"}, "--exponent is -1; expected 0 to 10"},
                 {{"--fading=Rice"}, "--fading is Rice; expected Rayleigh or None"},
                 {{"--powerControl=maybe"}, "--powerControl is maybe; expected true or false"},
                 {{"--loss=2"}, "--loss is 2; expected 0 to 1"}})
        {
            const auto message = WdmoeAbortMessage([&]() { Make(options); });
            NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
        }
        // a radio that this build leaves out
        const auto names = WdmoeScenarioRadio::GetNames();
        for (const std::string radio : {"wifi", "hybrid"})
        {
            if (std::find(names.begin(), names.end(), radio) == names.end())
            {
                const auto message = WdmoeAbortMessage([&]() { Make({"--radio=" + radio}); });
                const auto expected = "--radio is " + radio + ", which this build leaves out";
                NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
            }
        }
        const auto message = WdmoeAbortMessage([]() {
            Config::SetDefault("ns3::WdmoeLteRadio::Bandwidth", UintegerValue(6));
            WdmoeComparisonHelper comparison("mistake");
            WdmoeScenarioRadio air("lte");
            comparison.Run(air);
        });
        NS_TEST_EXPECT_MSG_NE(message.find("use the option --bandwidth"),
                              std::string::npos,
                              message);
    }

    /// A user's radio joins, and a scenario's fading is told where it is left out
    void CheckRegistry()
    {
        const auto message = WdmoeAbortMessage([]() {
            WdmoeScenarioRadio::Register("own", [](const auto&, const auto&) {
                return std::make_unique<OwnRadioHelper>();
            });
            std::cerr << "names:";
            for (const auto& name : WdmoeScenarioRadio::GetNames())
            {
                std::cerr << " " << name;
            }
            const auto radio = Make({"--radio=own"});
            std::cerr << "\nHz: " << radio->GetBudget().downlinkHz << "\n";
            WdmoeScenarioRadio faded("own");
            faded.SetFading("Rayleigh");
            faded.Check();
            Make({"--radio=own", "--bandwidth=3"}); // stops here
        });
        for (const std::string expected :
             {"names: ideal lte",
              " own\nHz: 7e+06",
              "the radio 'own' has no block fading: the scenario's (Rayleigh) is left out",
              "--bandwidth: the radio 'own' has no such option; leave it out, or choose "
              "--radio=ideal"})
        {
            NS_TEST_EXPECT_MSG_NE(message.find(expected), std::string::npos, message);
        }
        const auto unknown = WdmoeAbortMessage([]() {
            WdmoeScenarioRadio::Register(
                "own",
                [](const auto&, const auto&) { return std::make_unique<OwnRadioHelper>(); },
                {{"width", {}}});
        });
        NS_TEST_EXPECT_MSG_NE(unknown.find("no other radio has the option 'width'"),
                              std::string::npos,
                              unknown);
    }

    void DoRun() override
    {
        CheckChoice();
        CheckMistakes();
        CheckRegistry();
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
        AddTestCase(new ScenarioRadioTest, Duration::QUICK);
        AddTestCase(new ReproducibleTest, Duration::QUICK);
        AddTestCase(new ScenarioBadInputTest, Duration::QUICK);
        AddTestCase(new LteScenarioTest, Duration::QUICK);
    }
};

ExamplesTestSuite g_examplesTestSuite; ///< registers itself

} // namespace
