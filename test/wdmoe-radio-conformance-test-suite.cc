/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The ideal radio against what WdmoeRadio asks of it, one line each, and radios that are wrong in
// one way each, which have to be found out. The others have a suite each, so that a build can leave
// a radio out with its files. WDMOE_VERBOSE prints all results.

#include "wdmoe-radio-conformance-test.h"
#include "wdmoe-test-support.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"
#include "ns3/test.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-radio-conformance.h"

#include <algorithm>
#include <iostream>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

using namespace ns3;

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * @param uplink bandwidth, Hz; 0: coupled
 * @return makes ideal radios
 */
WdmoeRadioConformance::Factory
Ideal(double uplink)
{
    return WdmoeMakeRadio<WdmoeIdealRadioHelper>(
        {{"Bandwidth", "2e6"}, {"UplinkBandwidth", std::to_string(uplink)}, {"Fading", "None"}});
}

/// Where ideal radios are checked
const WdmoeRadioConformanceSettings IDEAL{.distances = {50, 100, 150, 200}, .lostDistance = 1e10};

/**
 * @ingroup wdmoe-tests
 *
 * An ideal radio that is wrong in one way.
 */
class FaultyRadio : public WdmoeRadio
{
  public:
    /// In which way
    enum Fault
    {
        NONE,             ///< it is not
        LENIENT,          ///< it is not: it shares what is unused, and says so
        NOTHING,          ///< declares nothing, knows nothing
        DEAF,             ///< nothing comes up
        NEVER_READY,      ///< does not become ready
        OPTIMISTIC,       ///< its laws say 1.3 times what is true
        STALE,            ///< its states are those of the beginning
        IGNORES_PLANS,    ///< all have equal parts
        CROSSED,          ///< the uplink has the downlink's plan
        SLOW,             ///< plans hold a quarter of a second later
        OVERSTATED_USAGE, ///< says that it granted 1 % more
        NOT_STRICT,       ///< gives away what is unused
        LEVEL,            ///< all weights are alike
        UNRANKED,         ///< no priorities
        LOSES,            ///< throws away what waits without a share
        BLIND,            ///< does not see that a device is lost
        FORGETFUL,        ///< who was removed and came back has no share
        EXCLUSIVE,        ///< who comes late has no link
        SILENT,           ///< no "Grant"
        LATE_ANSWERS,     ///< declares a delay that it does not have
        UNREPEATABLE      ///< draws from a stream that is not assigned
    };

    FaultyRadio(Fault fault, Ptr<Node> baseStation)
        : m_fault(fault),
          m_inner(Ideal(1e6)(baseStation, {}))
    {
    }

    std::string GetName() const override
    {
        return "faulty";
    }

    Ptr<Node> GetServerNode() const override
    {
        return m_inner->GetServerNode();
    }

    Address GetDeviceAddress(uint32_t device) const override
    {
        return m_inner->GetDeviceAddress(device);
    }

    Address GetServerAddress(uint32_t device) const override
    {
        return m_fault == DEAF ? Ipv4Address("10.99.0.1") : m_inner->GetServerAddress(device);
    }

    bool IsReady() const override
    {
        return m_fault != NEVER_READY;
    }

    WdmoeRadioCapabilities GetCapabilities() const override
    {
        auto c = m_inner->GetCapabilities();
        if (m_fault == NOTHING)
        {
            c = {};
            c.shareAccuracy = 1;
        }
        c.strict = m_fault != NOTHING && m_fault != LENIENT;
        c.fullDuplex = m_fault != LENIENT;
        c.progress = m_fault == SILENT;
        c.grantPeriod = MilliSeconds(1);
        c.uplinkDelay = MilliSeconds(m_fault == LATE_ANSWERS ? 1 : 0);
        return c;
    }

    WdmoeBudget GetBudget() const override
    {
        return m_inner->GetBudget();
    }

    WdmoeUsage GetUsage(uint32_t device) const override
    {
        auto usage = m_inner->GetUsage(device);
        usage.uplinkHzS *= m_fault == OVERSTATED_USAGE ? 1.01 : 1;
        return usage;
    }

  private:
    void DoAddDevice(uint32_t /* device */, Ptr<Node> node) override
    {
        m_inner->AddDevice(node);
        m_first.push_back(m_inner->GetLinkState(m_inner->GetNDevices() - 1));
    }

    void DoMeasure() override
    {
        m_inner->Measure();
    }

    WdmoeLinkState DoGetLinkState(uint32_t device) const override
    {
        if (m_fault == NOTHING || (m_fault == EXCLUSIVE && device >= IDEAL.distances.size()))
        {
            return {};
        }
        auto state = m_fault == BLIND ? m_first[device] : m_inner->GetLinkState(device);
        for (auto link : {&state.downlink, &state.uplink})
        {
            link->when = m_fault == STALE   ? Time(0)
                         : m_fault == BLIND ? Simulator::Now()
                                            : link->when;
            // Shannon's law with 1.3 times the bandwidth and the power
            link->law.scale *= m_fault == OPTIMISTIC ? 1.3 : 1;
        }
        return state;
    }

    void DoSetPlan(const WdmoePlan& plan) override
    {
        auto p = plan;
        auto& first = p.downlink[0];
        switch (m_fault)
        {
        case LENIENT:
            for (auto shares : {&p.downlink, &p.uplink})
            {
                for (auto& s : *shares)
                {
                    s.weight = s.weight > 0 ? s.weight : s.guaranteed;
                }
            }
            break;
        case IGNORES_PLANS:
            return;
        case CROSSED:
            p.uplink = p.downlink;
            break;
        case SLOW:
            Simulator::Schedule(MilliSeconds(250), [inner = m_inner, p] { inner->SetPlan(p); });
            return;
        case NOT_STRICT:
        case LEVEL:
            for (auto& s : p.downlink)
            {
                s.weight = m_fault == NOT_STRICT || s.weight > 0 ? 1 : 0;
            }
            break;
        case UNRANKED:
            for (auto& s : p.uplink)
            {
                s.priority = 0;
            }
            break;
        case LOSES:
            // As good as lost: it comes too late.
            m_lost = m_lost || first.guaranteed + first.weight == 0;
            first.guaranteed = m_lost ? 0 : first.guaranteed;
            break;
        case FORGETFUL:
            m_lost = m_lost || IsRemoved(0);
            first = m_lost ? WdmoeShare() : first;
            break;
        case UNREPEATABLE:
            first.guaranteed *= m_random->GetValue(0.5, 1);
            break;
        default:
            break;
        }
        m_inner->SetPlan(p);
    }

    Fault m_fault;                       ///< in which way it is wrong
    Ptr<WdmoeRadio> m_inner;             ///< does the work
    std::vector<WdmoeLinkState> m_first; ///< states of the beginning
    bool m_lost{false};                  ///< device 0 has nothing any more
    Ptr<UniformRandomVariable> m_random{CreateObject<UniformRandomVariable>()}; ///< not assigned
};

/**
 * @ingroup wdmoe-tests
 *
 * The checks find out each of these radios, and only what is wrong.
 */
class FaultyRadioTest : public TestCase
{
  public:
    FaultyRadioTest()
        : TestCase("radios that are wrong are found out")
    {
    }

  private:
    void DoRun() override
    {
        using R = FaultyRadio;
        const std::vector<std::tuple<R::Fault, std::string, std::string>> faults{
            {R::DEAF, "devices", "packets of 20 that arrive, uplink"},
            {R::NOTHING, "state", "device 0, downlink: valid"},
            {R::NEVER_READY, "devices", "becomes ready in time"},
            {R::OPTIMISTIC, "state", "device 0, downlink: delivered alone / its law, before"},
            {R::STALE, "state", "device 0, downlink: age, s"},
            {R::IGNORES_PLANS, "shares", "all, alone, downlink: device 0"},
            {R::CROSSED, "shares", "both at once, uplink: device 3"},
            {R::SLOW, "change", "a time constant after it, downlink: device 3"},
            {R::OVERSTATED_USAGE, "shares", "all, alone, uplink: granted in all"},
            {R::NOT_STRICT, "strict", "one alone with a small share, downlink: device 0"},
            {R::LEVEL, "leftover", "weights 3:1, downlink: device"},
            {R::UNRANKED, "priority", "the higher of two, uplink: device"},
            {R::NOT_STRICT, "zero", "packets that come through all the same, downlink"},
            {R::LOSES, "zero", "packets that come once there is one, downlink"},
            {R::BLIND, "lost", "invalid when out of range"},
            {R::FORGETFUL, "removed", "all, when it is back, downlink: device 0"},
            {R::EXCLUSIVE, "late", "joins in time"},
            {R::SILENT, "progress", "bytes in Grant / bytes sent, downlink"},
            {R::LATE_ANSWERS, "expect", "delay of a lone packet beyond its bits, uplink, ms"},
            {R::UNREPEATABLE, "repetition", "each at the same time as before"}};
        for (const auto fault : {R::NONE, R::LENIENT})
        {
            for (const auto& r : Run(fault, ""))
            {
                NS_TEST_EXPECT_MSG_EQ(r.passed,
                                      true,
                                      "no fault (" << fault << "): " << r.check << ", " << r.what
                                                   << ", measured " << r.measured);
            }
        }
        // That one short window cuts packets is no fault.
        auto brief = IDEAL;
        brief.windows = 1;
        for (const auto& r : Run(R::NONE, "shares", brief))
        {
            NS_TEST_EXPECT_MSG_EQ(r.passed, true, r.what << ", measured " << r.measured);
        }
        NS_TEST_EXPECT_MSG_EQ(WdmoeRadioConformance::IsPassed(Run(R::OPTIMISTIC, "state", brief)),
                              false,
                              "laws that promise too much");
        NS_TEST_EXPECT_MSG_EQ(WdmoeRadioConformance::IsPassed({}), false, "nothing was checked");
        std::set<std::string> tried;
        for (const auto& [fault, check, what] : faults)
        {
            const auto results = Run(fault, check);
            const auto found = std::any_of(results.begin(), results.end(), [&w = what](auto& r) {
                return !r.passed && r.what.rfind(w, 0) == 0;
            });
            std::string failed;
            for (const auto& r : results)
            {
                failed += r.passed ? "" : "; " + r.what;
            }
            NS_TEST_EXPECT_MSG_EQ(found,
                                  true,
                                  "fault " << fault << ", check " << check << ": expected '" << what
                                           << "' to fail; what failed: " << failed);
            NS_TEST_EXPECT_MSG_LT(
                std::count_if(results.begin(), results.end(), [](auto& r) { return !r.passed; }),
                static_cast<int64_t>(results.size()),
                "fault " << fault << ": nothing is right");
            tried.insert(check);
        }
        for (const auto& check : WdmoeRadioConformance::GetChecks())
        {
            NS_TEST_EXPECT_MSG_EQ(tried.count(check), 1, "no radio fails " << check);
        }
    }

    /**
     * @param fault of the radio
     * @param check to be run
     * @param settings of the checks
     * @return what was found
     */
    static WdmoeRadioConformance::Results Run(FaultyRadio::Fault fault,
                                              const std::string& check,
                                              const WdmoeRadioConformanceSettings& settings = IDEAL)
    {
        return WdmoeRadioConformance(
                   "faulty",
                   [fault](Ptr<Node> baseStation, const NodeContainer& devices) {
                       auto radio = CreateObject<FaultyRadio>(fault, baseStation);
                       for (uint32_t k = 0; k < devices.GetN(); k++)
                       {
                           radio->AddDevice(devices.Get(k));
                       }
                       return radio;
                   },
                   settings)
            .Run(check);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What the checks refuse.
 */
class RadioBadInputTest : public TestCase
{
  public:
    RadioBadInputTest()
        : TestCase("bad settings of the checks are refused")
    {
    }

  private:
    void DoRun() override
    {
        auto message =
            WdmoeAbortMessage([] { WdmoeRadioConformance("x", Ideal(0), {.distances = {1}}); });
        NS_TEST_EXPECT_MSG_NE(message.find("expected 2 or more"), std::string::npos, message);
        message = WdmoeAbortMessage([] { WdmoeRadioConformance("x", Ideal(0)).Run("shame"); });
        NS_TEST_EXPECT_MSG_NE(message.find("no check 'shame'"), std::string::npos, message);
        NS_TEST_EXPECT_MSG_NE(message.find("shares, strict"), std::string::npos, message);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Two ideal radios as one, for what WdmoeRadio does with cells.
 */
class JoinedRadio : public FaultyRadio
{
  public:
    /**
     * @param node a base station
     * @param first radio, with the devices 0 and 2
     * @param second radio, with the device 1
     */
    JoinedRadio(Ptr<Node> node, Ptr<WdmoeRadio> first, Ptr<WdmoeRadio> second)
        : FaultyRadio(NONE, node),
          m_cells{{first, {0, 2}}, {second, {1}}}
    {
    }

    std::vector<WdmoeRadioCell> GetCells() override
    {
        return m_cells;
    }

  private:
    std::vector<WdmoeRadioCell> m_cells; ///< as given
};

/**
 * @ingroup wdmoe-tests
 *
 * Removing devices and taking them back, of one cell and of several.
 */
class RemovedDeviceTest : public TestCase
{
  public:
    RemovedDeviceTest()
        : TestCase("removed devices, in cells as well")
    {
    }

  private:
    void DoRun() override
    {
        NodeContainer nodes;
        for (const double x : {0, 50, 60, 70})
        {
            nodes.Add(WdmoeMakeStandingNode(x));
        }
        auto first = Ideal(0)(nodes.Get(0), NodeContainer(nodes.Get(1), nodes.Get(3)));
        auto second = Ideal(0)(nodes.Get(0), NodeContainer(nodes.Get(2)));
        auto joined = CreateObject<JoinedRadio>(WdmoeMakeStandingNode(0), first, second);
        for (uint32_t k = 1; k < nodes.GetN(); k++)
        {
            joined->AddDevice(nodes.Get(k));
        }
        uint32_t plans = 0;
        first->TraceConnectWithoutContext(
            "Plan",
            Callback<void, const WdmoePlan&>([&](const WdmoePlan&) { plans++; }));
        joined->RemoveDevice(2);
        NS_TEST_EXPECT_MSG_EQ(first->IsRemoved(1), true, "in its cell");
        NS_TEST_EXPECT_MSG_EQ(second->IsRemoved(0), false, "not in the other");
        NS_TEST_EXPECT_MSG_EQ(plans, 0, "there was no plan");
        joined->AddDevice(nodes.Get(3));
        NS_TEST_EXPECT_MSG_EQ(first->IsRemoved(1) || joined->IsRemoved(2), false, "is back");

        const std::vector<WdmoeShare> shares{{0.4, 1, 2}, {1, 1, 0}, {0.6, 1, 0}};
        joined->SetPlan({shares, shares});
        NS_TEST_EXPECT_MSG_EQ(first->GetPlan().uplink[1].guaranteed, 0.6, "its cell's plan");
        joined->RemoveDevice(2);
        NS_TEST_EXPECT_MSG_EQ(plans, 2, "the plan was mended");
        for (const auto& [plan, k] : {std::pair{joined->GetPlan(), 2U}, {first->GetPlan(), 1U}})
        {
            for (const auto& s : {plan.downlink[k], plan.uplink[k]})
            {
                NS_TEST_EXPECT_MSG_EQ(s.guaranteed + s.weight, 0, "no share of device " << k);
            }
            NS_TEST_EXPECT_MSG_EQ(plan.uplink[0].guaranteed, 0.4, "the other's share");
            NS_TEST_EXPECT_MSG_EQ(plan.uplink[0].priority, 2, "the other's priority");
        }
        joined->SetPlan({shares, shares});
        NS_TEST_EXPECT_MSG_EQ(joined->GetPlan().downlink[2].weight, 0, "nor in the next");
        NS_TEST_EXPECT_MSG_EQ(first->GetLinkState(1).downlink.valid, false, "no link");
        NS_TEST_EXPECT_MSG_EQ(first->GetLinkState(0).downlink.valid, true, "the other's link");
        NS_TEST_EXPECT_MSG_EQ(joined->AddDevice(nodes.Get(3)), 2, "its index");
        joined->SetPlan({shares, shares});
        NS_TEST_EXPECT_MSG_EQ(first->GetPlan().downlink[1].guaranteed, 0.6, "its share");
        Simulator::Destroy();
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What a program prints that checks one radio.
 */
class ConformanceMainTest : public TestCase
{
  public:
    ConformanceMainTest()
        : TestCase("the program of one radio")
    {
    }

  private:
    void DoRun() override
    {
        for (const bool good : {true, false})
        {
            std::ostringstream out;
            auto* const old = std::cout.rdbuf(out.rdbuf());
            std::vector<std::string> arguments{"program", "--check=devices"};
            std::vector<char*> argv{arguments[0].data(), arguments[1].data(), nullptr};
            auto settings = IDEAL;
            settings.readyTime = good ? settings.readyTime : MicroSeconds(10);
            const int code = WdmoeRadioConformance("one", Ideal(0), settings).Main(2, argv.data());
            std::cout.rdbuf(old);
            const auto text = out.str();
            NS_TEST_EXPECT_MSG_EQ(code, (good ? 0 : 1), text);
            for (const std::string words : {"one: share accuracy 0, time constant +0",
                                            "not followed",
                                            "budget 2e+06 Hz down",
                                            "coupled",
                                            "addresses differ",
                                            good ? " 0 failed" : "FAILED"})
            {
                NS_TEST_EXPECT_MSG_NE(text.find(words), std::string::npos, words << ": " << text);
            }
            NS_TEST_EXPECT_MSG_EQ(text.find("leftover "), std::string::npos, "one check only");
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The radio conformance test suite: a new radio has the like for one line.
 */
class RadioConformanceTestSuite : public WdmoeRadioConformanceSuite
{
  public:
    RadioConformanceTestSuite()
        : WdmoeRadioConformanceSuite("wdmoe-radio-conformance", Type::SYSTEM)
    {
        Add("ideal, coupled", Ideal(0), IDEAL, {"progress", "expect"});
        Add("ideal, split", Ideal(1e6), IDEAL, {"progress", "expect"});
        AddTestCase(new WdmoeRadioBadCallsTest("ideal", Ideal(0)), Duration::QUICK);
        AddTestCase(new FaultyRadioTest, Duration::QUICK);
        AddTestCase(new RadioBadInputTest, Duration::QUICK);
        AddTestCase(new RemovedDeviceTest, Duration::QUICK);
        AddTestCase(new ConformanceMainTest, Duration::QUICK);
    }
};

RadioConformanceTestSuite g_radioConformanceTestSuite; ///< registers itself

} // namespace
