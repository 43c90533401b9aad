/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The Wi-Fi radio against what WdmoeRadio asks of it, under the module's scheduler and EDCA.

#include "wdmoe-radio-conformance-test.h"

#include "ns3/test.h"
#include "ns3/wdmoe-wifi-radio-helper.h"

#include <string>

using namespace ns3;

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * @param scheduler TypeId, or None
 * @return makes Wi-Fi cells of 20 MHz
 */
WdmoeRadioConformance::Factory
Wifi(const std::string& scheduler)
{
    return WdmoeMakeRadio<WdmoeWifiRadioHelper>({{"Bandwidth", "20"}, {"Scheduler", scheduler}});
}

/**
 * @ingroup wdmoe-tests
 *
 * Conformance of one technology.
 */
class RadioConformanceWifiTestSuite : public WdmoeRadioConformanceSuite
{
  public:
    RadioConformanceWifiTestSuite()
        : WdmoeRadioConformanceSuite("wdmoe-radio-conformance-wifi", Type::SYSTEM)
    {
        // The law of a triggered uplink is a smooth curve through the steps of the MCS.
        const WdmoeRadioConformanceSettings wifi{.lostDistance = 1e5,
                                                 .rateTolerance = 0.15,
                                                 .windows = 3};
        Add("wifi", Wifi("ns3::WdmoeMultiUserScheduler"), wifi, {"strict", "late"});
        Add("wifi, stock",
            Wifi("None"),
            wifi,
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
    }
};

RadioConformanceWifiTestSuite g_radioConformanceWifiTestSuite; ///< registers itself

} // namespace
