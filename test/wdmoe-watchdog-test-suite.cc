/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/ipv4.h"
#include "ns3/node-list.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"
#include "ns3/wdmoe-watchdog.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace ns3;

namespace
{

/// A small job over a radio
struct Scenario
{
    explicit Scenario(const std::string& radio)
        : air(radio),
          comparison("watchdog")
    {
        comparison.requests = 1;
        comparison.maxPromptTokens = 8;
        comparison.maxOutputTokens = 4;
        comparison.blocks = 2;
        comparison.minDistance = 10;
        comparison.maxDistance = 25; // in the reach of Wi-Fi
    }

    WdmoeScenarioRadio air;           ///< the radio
    WdmoeComparisonHelper comparison; ///< the job
};

/// From now on the device hears nothing and says nothing; the radio below does not know
void
Silence(Ptr<Node> node)
{
    auto ipv4 = node->GetObject<Ipv4>();
    for (uint32_t i = 1; i < ipv4->GetNInterfaces(); i++)
    {
        ipv4->SetDown(i);
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * A radio that fails without a word: the watchdog stops the simulation in time, and says who is
 * waited for.
 */
class SilentRadioTest : public TestCase
{
  public:
    /**
     * @param radio name
     * @param transport TypeId
     */
    SilentRadioTest(const std::string& radio, const std::string& transport)
        : TestCase(radio + ", " + transport + ": a device falls silent"),
          m_radio(radio),
          m_transport(transport)
    {
    }

  private:
    void DoRun() override
    {
        const uint32_t silent = 3;
        const Time timeout = Seconds(2);
        Scenario s(m_radio);
        s.comparison.transport = m_transport;
        const auto simulation =
            s.comparison.Install(WdmoePolicy::Parse("topk-equal").front(), s.air);
        auto watchdog = simulation.server->GetWatchdog();
        watchdog->SetAttribute("Timeout", TimeValue(timeout));
        watchdog->SetAttribute("Fatal", BooleanValue(false));
        Time silenced;
        uint32_t blocks = 0;
        uint32_t barked = 0;
        WdmoeStuckReport report;
        simulation.server->TraceConnectWithoutContext(
            "Block",
            Callback<void, const WdmoeBlockRecord&>([&](const WdmoeBlockRecord&) {
                if (blocks++ == 0)
                {
                    silenced = Simulator::Now();
                    Silence(simulation.controller->GetRadio()->GetDevice(silent));
                }
            }));
        watchdog->TraceConnectWithoutContext(
            "Stuck",
            Callback<void, const WdmoeStuckReport&>([&](const WdmoeStuckReport& r) {
                barked++;
                report = r;
            }));
        Simulator::Stop(Seconds(300));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(barked, 1, "it says so, once");
        NS_TEST_EXPECT_MSG_EQ(Simulator::Now(), report.when, "and the simulation is over");
        NS_TEST_EXPECT_MSG_EQ((report.since >= silenced), true, "it got on until then");
        const Time waited = report.when - report.since;
        NS_TEST_EXPECT_MSG_EQ((waited >= timeout && waited <= timeout + timeout / 8),
                              true,
                              "no progress for " << waited.As(Time::S));
        NS_TEST_EXPECT_MSG_EQ(simulation.server->GetReport().unfinished, 1, "of the request");
        // who waits for whom, what is known of its link, what waits on both sides
        for (const std::string text : {"request 0, pass ",
                                       "waits for ",
                                       "    device 3: batch ",
                                       "  device 3\n    downlink: ",
                                       "measured ",
                                       "transport: ",
                                       "  device 3: 0 batches queued; "})
        {
            NS_TEST_EXPECT_MSG_NE(report.state.find(text),
                                  std::string::npos,
                                  "'" << text << "' in:\n"
                                      << report.state);
        }
        // nobody else is accused
        const auto waiting = report.state.substr(0, report.state.find("links:"));
        for (uint32_t k = 0; k < 8; k++)
        {
            const bool named =
                waiting.find("device " + std::to_string(k) + ": batch") != std::string::npos;
            NS_TEST_EXPECT_MSG_EQ(named, (k == silent), "device " << k << " in:\n" << waiting);
        }
        Simulator::Destroy();
    }

    std::string m_radio;     ///< name
    std::string m_transport; ///< TypeId
};

/**
 * @ingroup wdmoe-tests
 *
 * A simulation that gets on, however slowly, is left alone: gaps between requests are longer than
 * Timeout, and so is the whole.
 */
class PatienceTest : public TestCase
{
  public:
    PatienceTest()
        : TestCase("a slow simulation is not stuck")
    {
    }

  private:
    void DoRun() override
    {
        Scenario s("ideal");
        s.comparison.requests = 3;
        s.comparison.timeScale = 1000;
        const auto simulation =
            s.comparison.Install(WdmoePolicy::Parse("topk-equal").front(), s.air);
        auto watchdog = simulation.server->GetWatchdog();
        watchdog->SetAttribute("Timeout", TimeValue(Seconds(1)));
        Time longest;
        Time last;
        simulation.server->TraceConnectWithoutContext(
            "Block",
            Callback<void, const WdmoeBlockRecord&>([&](const WdmoeBlockRecord&) {
                longest = Max(longest, Simulator::Now() - last);
                last = Simulator::Now();
            }));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(simulation.server->GetReport().requests, 3, "all are served");
        NS_TEST_EXPECT_MSG_GT(longest, Seconds(1), "with gaps between them");
        Simulator::Destroy();
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * By default the program ends with the state; there are results up to there, not an empty folder.
 */
class FatalTest : public TestCase
{
  public:
    FatalTest()
        : TestCase("the state on standard error, and in the results")
    {
    }

  private:
    void DoRun() override
    {
        const auto folder = std::filesystem::path(CreateTempDirFilename("stuck"));
        const auto text = WdmoeAbortMessage([&]() {
            Config::SetDefault("ns3::WdmoeWatchdog::Timeout", StringValue("2s"));
            Scenario s("ideal");
            s.comparison.policies = "topk-equal";
            s.comparison.out = folder.string();
            s.comparison.maxOutputTokens = 100;
            Simulator::Schedule(Seconds(0.2), [&]() { Silence(NodeList::GetNode(3)); });
            s.comparison.Run(s.air);
        });
        NS_TEST_EXPECT_MSG_NE(text.find("WdmoeWatchdog: no progress for "),
                              std::string::npos,
                              text);
        NS_TEST_EXPECT_MSG_NE(text.find("gating server:\n"), std::string::npos, text);
        for (const std::string name :
             {"summary.json", "blocks.csv", "requests.csv", "shares.csv", "stuck.txt"})
        {
            std::ifstream file(folder / name);
            std::stringstream content;
            content << file.rdbuf();
            NS_TEST_EXPECT_MSG_EQ(content.str().empty(), false, name);
            if (name == "summary.json")
            {
                NS_TEST_EXPECT_MSG_NE(content.str().find("\"stuck\": \"policy 'topk-equal': no "),
                                      std::string::npos,
                                      content.str());
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Nothing is scheduled any more although an answer is missing; and nothing to watch.
 */
class AloneTest : public TestCase
{
  public:
    AloneTest()
        : TestCase("a simulation that has run out of events")
    {
    }

  private:
    void DoRun() override
    {
        auto watchdog = CreateObject<WdmoeWatchdog>();
        NS_TEST_EXPECT_MSG_NE(
            WdmoeAbortMessage([&]() { watchdog->Start(); }).find("nothing to watch"),
            std::string::npos,
            "refused");
        uint64_t done = 0;
        bool waiting = true;
        watchdog->Watch(Callback<uint64_t>([&]() { return done; }),
                        Callback<bool>([&]() { return waiting; }));
        watchdog->AddPart("part", Callback<void, std::ostream&>([](std::ostream& os) {
                              os << "  as it is\n";
                          }));
        watchdog->SetAttribute("Timeout", TimeValue(Seconds(8)));
        watchdog->SetAttribute("Fatal", BooleanValue(false));
        WdmoeStuckReport report;
        watchdog->TraceConnectWithoutContext("Stuck",
                                             Callback<void, const WdmoeStuckReport&>(
                                                 [&](const WdmoeStuckReport& r) { report = r; }));
        watchdog->Start();
        watchdog->Start(); // nothing happens
        Simulator::Schedule(Seconds(5.5), [&]() { done++; });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(report.since, Seconds(6), "the look after the last progress");
        NS_TEST_EXPECT_MSG_EQ(report.when, Seconds(14), "a Timeout later");
        NS_TEST_EXPECT_MSG_EQ(report.state, "part:\n  as it is\n", "the state");

        // switched off, and with nobody waited for: it keeps nothing alive
        report = WdmoeStuckReport();
        watchdog->SetAttribute("Timeout", TimeValue(Time(0)));
        watchdog->Start();
        Simulator::Run();
        watchdog->SetAttribute("Timeout", TimeValue(Seconds(8)));
        waiting = false;
        watchdog->Start();
        Simulator::Schedule(Seconds(100), [&]() { watchdog->Stop(); });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(report.when, Time(0), "it is quiet");
        watchdog->Dispose();
        Simulator::Destroy();
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * @brief What ends a simulation that does not get on
 */
class WdmoeWatchdogTestSuite : public TestSuite
{
  public:
    WdmoeWatchdogTestSuite()
        : TestSuite("wdmoe-watchdog", Type::SYSTEM)
    {
        AddTestCase(new AloneTest, Duration::QUICK);
        const auto there = WdmoeScenarioRadio::GetNames(); // a build may leave some out
        const auto has = [&there](const std::string& radio) {
            return std::find(there.begin(), there.end(), radio) != there.end();
        };
        for (const std::string radio : {"ideal", "lte", "wifi", "paced", "hybrid"})
        {
            // what is paced is Wi-Fi by default
            if (!has(radio) || (radio == "paced" && !has("wifi")))
            {
                continue;
            }
            AddTestCase(new SilentRadioTest(radio, "ns3::WdmoeUdpTransport"), Duration::QUICK);
        }
        AddTestCase(new SilentRadioTest("ideal", "ns3::WdmoeTcpTransport"), Duration::QUICK);
        AddTestCase(new PatienceTest, Duration::QUICK);
        AddTestCase(new FatalTest, Duration::QUICK);
    }
};

/// the suite, registered at program start
WdmoeWatchdogTestSuite g_wdmoeWatchdogTestSuite;

} // namespace
