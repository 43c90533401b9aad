/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RADIO_CONFORMANCE_TEST_H
#define WDMOE_RADIO_CONFORMANCE_TEST_H

#include "wdmoe-test-support.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/node-container.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/wdmoe-radio-conformance.h"

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-tests
 *
 * One radio, all conformance checks, as a test case: one line in any suite.
 *
 * @code
 *   AddTestCase(new WdmoeRadioConformanceTest("lte",
 *                                             WdmoeMakeRadio<WdmoeLteRadioHelper>({}),
 *                                             {.distances = {60, 65, 70, 75}},
 *                                             {"lost", "late"}),
 *               Duration::QUICK);
 * @endcode
 *
 * Fails for each result that does, and for a skip that was not expected: a radio that stops
 * declaring something is not silently tested less. With WDMOE_VERBOSE in the environment all
 * results are printed.
 */
class WdmoeRadioConformanceTest : public TestCase
{
  public:
    /**
     * @param name of the radio
     * @param factory makes it
     * @param settings of the checks
     * @param skipped checks of which at least a part is skipped
     */
    WdmoeRadioConformanceTest(const std::string& name,
                              const WdmoeRadioConformance::Factory& factory,
                              const WdmoeRadioConformanceSettings& settings,
                              const std::set<std::string>& skipped)
        : TestCase("conformance of " + name),
          m_conformance(name, factory, settings),
          m_skipped(skipped)
    {
    }

  private:
    void DoRun() override
    {
        std::set<std::string> skipped;
        WdmoeRadioConformance::Results all;
        for (const auto& check : WdmoeRadioConformance::GetChecks())
        {
            const auto results = m_conformance.Run(check);
            NS_TEST_EXPECT_MSG_EQ(results.empty(), false, check << " found nothing to say");
            for (const auto& r : results)
            {
                NS_TEST_EXPECT_MSG_EQ(r.passed,
                                      true,
                                      GetName() << ", " << check << ", " << r.what << ": measured "
                                                << r.measured << ", expected " << r.kind << " "
                                                << r.expected << ", limit " << r.limit);
                if (!r.skipped.empty())
                {
                    skipped.insert(check);
                }
            }
            all.insert(all.end(), results.begin(), results.end());
        }
        NS_TEST_EXPECT_MSG_EQ(Join(skipped), Join(m_skipped), "other checks were skipped");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            m_conformance.PrintDeclared(std::cout);
            WdmoeRadioConformance::Print(std::cout, all);
            std::cout.flush(); // or a child process says it again
        }
    }

    /**
     * @param names of checks
     * @return in one line
     */
    static std::string Join(const std::set<std::string>& names)
    {
        std::string line;
        for (const auto& name : names)
        {
            line += (line.empty() ? "" : " ") + name;
        }
        return line;
    }

    WdmoeRadioConformance m_conformance; ///< under test
    std::set<std::string> m_skipped;     ///< expected
};

/**
 * @ingroup wdmoe-tests
 *
 * @tparam Helper of a radio
 * @param attributes of the radio, by name, as text
 * @param prepare called with the helper, for what is not an attribute
 * @return makes that radio
 */
template <typename Helper>
WdmoeRadioConformance::Factory
WdmoeMakeRadio(const std::map<std::string, std::string>& attributes,
               const std::function<void(Helper&)>& prepare = nullptr)
{
    // Made when it is needed: suites are made before all TypeIds are known.
    return [attributes, prepare](Ptr<Node> baseStation, const NodeContainer& devices) {
        Helper helper;
        for (const auto& [name, value] : attributes)
        {
            helper.SetAttribute(name, StringValue(value));
        }
        if (prepare)
        {
            prepare(helper);
        }
        return helper.Install(baseStation, devices);
    };
}

/**
 * @ingroup wdmoe-tests
 *
 * @param x position, m
 * @return a node that stands there
 */
inline Ptr<Node>
WdmoeMakeStandingNode(double x)
{
    auto node = CreateObject<Node>();
    auto mobility = CreateObject<ConstantPositionMobilityModel>();
    mobility->SetPosition(Vector(x, 0, 1.5));
    node->AggregateObject(mobility);
    return node;
}

/**
 * @ingroup wdmoe-tests
 *
 * What every radio refuses, in WdmoeRadio.
 */
class WdmoeRadioBadCallsTest : public TestCase
{
  public:
    /**
     * @param name of the radio
     * @param factory makes it
     */
    WdmoeRadioBadCallsTest(const std::string& name, const WdmoeRadioConformance::Factory& factory)
        : TestCase("bad calls are refused by " + name),
          m_factory(factory)
    {
    }

  private:
    void DoRun() override
    {
        const std::vector<WdmoeShare> one{{0.5, 0, 0}};
        const std::vector<WdmoeShare> two{{0.5, 0, 0}, {0.5, 0, 0}};
        using Call = std::function<void(Ptr<WdmoeRadio>)>;
        const std::vector<std::pair<std::string, Call>> calls{
            {"no node given", [](auto r) { r->AddDevice(nullptr); }},
            {"no device 2, there are 2", [](auto r) { r->GetDevice(2); }},
            {"no device 2, there are 2", [](auto r) { r->GetLinkState(2); }},
            {"no device 2, there are 2", [](auto r) { r->RemoveDevice(2); }},
            {"no device 2, there are 2", [](auto r) { r->IsRemoved(2); }},
            {"device 1 was removed already",
             [](auto r) {
                 r->RemoveDevice(1);
                 r->RemoveDevice(1);
             }},
            {"1 downlink shares for 2 devices", [&](auto r) { r->SetPlan({one, two}); }},
            {"1 uplink shares for 2 devices", [&](auto r) { r->SetPlan({two, one}); }},
            {"0 downlink shares for 2 devices", [&](auto r) { r->SetPlan({}); }},
            {"no device 2", [](auto r) { r->ExpectUplink(2, 1, Seconds(1)); }},
            {"0 bytes of device 0", [](auto r) { r->ExpectUplink(0, 0, Seconds(1)); }},
            {"which has passed", [](auto r) { r->ExpectUplink(0, 1, Seconds(-1)); }},
        };
        for (const auto& [words, call] : calls)
        {
            const auto message = WdmoeAbortMessage([this, &call = call] {
                call(
                    m_factory(WdmoeMakeStandingNode(0),
                              NodeContainer(WdmoeMakeStandingNode(60), WdmoeMakeStandingNode(70))));
            });
            NS_TEST_EXPECT_MSG_NE(message.find(words), std::string::npos, words << ": " << message);
        }
    }

    WdmoeRadioConformance::Factory m_factory; ///< makes the radio
};

/**
 * @ingroup wdmoe-tests
 *
 * A suite of what is asked of a radio.
 */
class WdmoeRadioConformanceSuite : public TestSuite
{
  public:
    using TestSuite::TestSuite;

  protected:
    /**
     * @param name of the radio
     * @param factory makes it
     * @param settings of the checks
     * @param skipped checks
     */
    void Add(const std::string& name,
             const WdmoeRadioConformance::Factory& factory,
             const WdmoeRadioConformanceSettings& settings,
             const std::set<std::string>& skipped)
    {
        AddTestCase(new WdmoeRadioConformanceTest(name, factory, settings, skipped),
                    Duration::QUICK);
    }
};

} // namespace ns3

#endif /* WDMOE_RADIO_CONFORMANCE_TEST_H */
