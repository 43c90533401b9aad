/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Every radio against what WdmoeRadio asks of it, one line each; and radios that are wrong in one
// way each, which have to be found out. WDMOE_VERBOSE prints all results.

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"
#include "ns3/wdmoe-radio-conformance.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <set>

using namespace ns3;

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * @tparam Helper of a radio
 * @param attributes of the radio, by name
 * @return makes that radio
 */
template <typename Helper>
WdmoeRadioConformance::Factory
Make(const std::vector<std::pair<std::string, std::shared_ptr<AttributeValue>>>& attributes)
{
    auto helper = std::make_shared<Helper>();
    for (const auto& [name, value] : attributes)
    {
        helper->SetAttribute(name, *value);
    }
    return [helper](Ptr<Node> baseStation, const NodeContainer& devices) {
        return helper->Install(baseStation, devices);
    };
}

/**
 * @ingroup wdmoe-tests
 *
 * @tparam Value of attribute
 * @param value it has
 * @return something that keeps it
 */
template <typename Value, typename T>
std::shared_ptr<AttributeValue>
Set(T value)
{
    return std::make_shared<Value>(value);
}

/**
 * @ingroup wdmoe-tests
 *
 * @param uplink bandwidth, Hz; 0: coupled
 * @return makes ideal radios
 */
WdmoeRadioConformance::Factory
Ideal(double uplink)
{
    return Make<WdmoeIdealRadioHelper>({{"Bandwidth", Set<DoubleValue>(2e6)},
                                        {"UplinkBandwidth", Set<DoubleValue>(uplink)},
                                        {"Fading", Set<StringValue>("None")}});
}

/**
 * @ingroup wdmoe-tests
 *
 * @param scheduler TypeId
 * @return makes LTE radios of 25 RB
 */
WdmoeRadioConformance::Factory
Lte(const std::string& scheduler)
{
    return Make<WdmoeLteRadioHelper>(
        {{"Bandwidth", Set<UintegerValue>(25)}, {"Scheduler", Set<StringValue>(scheduler)}});
}

/**
 * @ingroup wdmoe-tests
 *
 * One radio, all checks. Fails for each result that does, and for a skip that was not expected:
 * a radio that stops declaring something is not silently tested less.
 */
class RadioConformanceTest : public TestCase
{
  public:
    /**
     * @param name of the radio
     * @param factory makes it
     * @param settings of the checks
     * @param skipped checks of which at least a part is skipped
     */
    RadioConformanceTest(const std::string& name,
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
        NS_TEST_EXPECT_MSG_EQ((skipped == m_skipped), true, "other checks were skipped");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            m_conformance.PrintDeclared(std::cout);
            WdmoeRadioConformance::Print(std::cout, all);
        }
    }

    WdmoeRadioConformance m_conformance; ///< under test
    std::set<std::string> m_skipped;     ///< expected
};

/**
 * @ingroup wdmoe-tests
 *
 * The radio conformance test suite: a new radio gets it for one line.
 */
class RadioConformanceTestSuite : public TestSuite
{
  public:
    RadioConformanceTestSuite()
        : TestSuite("wdmoe-radio-conformance", Type::SYSTEM)
    {
        const WdmoeRadioConformanceSettings ideal{.distances = {50, 100, 150, 200},
                                                  .lostDistance = 1e10};
        const WdmoeRadioConformanceSettings lte{.distances = {60, 65, 70, 75}, .lostDistance = 1e5};
        Add("ideal, coupled", Ideal(0), ideal, {"progress", "expect"});
        Add("ideal, split", Ideal(1e6), ideal, {"progress", "expect"});
        Add("lte", Lte("ns3::WdmoeFfMacScheduler"), lte, {"late"});
        Add("lte, stock", Lte("ns3::PfFfMacScheduler"), lte, {"shares"});
    }

  private:
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
        AddTestCase(new RadioConformanceTest(name, factory, settings, skipped), Duration::QUICK);
    }
};

RadioConformanceTestSuite g_radioConformanceTestSuite; ///< registers itself

} // namespace
