/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The LTE radio against what WdmoeRadio asks of it, under the module's scheduler and a stock one.

#include "wdmoe-radio-conformance-test.h"

#include "ns3/test.h"
#include "ns3/wdmoe-lte-radio-helper.h"

#include <string>

using namespace ns3;

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * @param scheduler TypeId
 * @return makes LTE radios of 25 RB
 */
WdmoeRadioConformance::Factory
Lte(const std::string& scheduler)
{
    return WdmoeMakeRadio<WdmoeLteRadioHelper>({{"Bandwidth", "25"}, {"Scheduler", scheduler}});
}

/**
 * @ingroup wdmoe-tests
 *
 * What LTE refuses besides: a device that comes late.
 */
class LateDeviceTest : public TestCase
{
  public:
    LateDeviceTest()
        : TestCase("a device that comes late is refused")
    {
    }

  private:
    void DoRun() override
    {
        const auto message = WdmoeAbortMessage([] {
            auto radio = Lte("ns3::WdmoeFfMacScheduler")(WdmoeMakeStandingNode(0),
                                                         NodeContainer(WdmoeMakeStandingNode(60)));
            Simulator::Stop(MilliSeconds(5));
            Simulator::Run();
            radio->AddDevice(WdmoeMakeStandingNode(70));
        });
        NS_TEST_EXPECT_MSG_NE(message.find("device 1 comes at"), std::string::npos, message);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Conformance of one technology.
 */
class RadioConformanceLteTestSuite : public WdmoeRadioConformanceSuite
{
  public:
    RadioConformanceLteTestSuite()
        : WdmoeRadioConformanceSuite("wdmoe-radio-conformance-lte", Type::SYSTEM)
    {
        // Rate laws are smooth, and an MCS has steps.
        const WdmoeRadioConformanceSettings lte{.distances = {60, 65, 70, 75},
                                                .lostDistance = 1e5,
                                                .rateTolerance = 0.15};
        Add("lte", Lte("ns3::WdmoeFfMacScheduler"), lte, {"late"});
        // Measured as well, and plans are not enforced: what is left of the checks.
        Add("lte, stock",
            Lte("ns3::PfFfMacScheduler"),
            lte,
            {"shares",
             "strict",
             "leftover",
             "priority",
             "change",
             "zero",
             "lost",
             "removed",
             "late",
             "progress",
             "expect"});
        AddTestCase(new WdmoeRadioBadCallsTest("lte", Lte("ns3::WdmoeFfMacScheduler")),
                    Duration::QUICK);
        AddTestCase(new LateDeviceTest, Duration::QUICK);
    }
};

RadioConformanceLteTestSuite g_radioConformanceLteTestSuite; ///< registers itself

} // namespace
