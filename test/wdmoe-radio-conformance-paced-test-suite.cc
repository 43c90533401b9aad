/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Paced NetDevices against what WdmoeRadio asks of a radio, over each medium.

#include "wdmoe-radio-conformance-test.h"

#include "ns3/test.h"
#include "ns3/wdmoe-paced-radio-helper.h"

#include <algorithm>
#include <string>

using namespace ns3;

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * @param medium of its helper
 * @param standard of Wi-Fi
 * @return makes radios that are paced. What they know of a link that is paced is from probes, one
 * in MaxAge: often, so that the checks meet many.
 */
WdmoeRadioConformance::Factory
Paced(const std::string& medium, const std::string& standard = "80211ax")
{
    return [medium, standard](Ptr<Node> baseStation, const NodeContainer& devices) {
        WdmoePacedRadioHelper helper(medium);
        helper.SetWifi(standard, 20, 20);
        helper.SetAttribute("MaxAge", TimeValue(Seconds(2)));
        return helper.Install(baseStation, devices);
    };
}

/**
 * @ingroup wdmoe-tests
 *
 * Conformance of one technology.
 */
class RadioConformancePacedTestSuite : public WdmoeRadioConformanceSuite
{
  public:
    RadioConformancePacedTestSuite()
        : WdmoeRadioConformanceSuite("wdmoe-radio-conformance-paced", Type::SYSTEM)
    {
        // Each link is probed once in 2 to 3 s.
        const WdmoeRadioConformanceSettings wire{.stateAge = Seconds(3.2)};
        Add("paced, p2p", Paced("p2p"), wire, {"lost", "late", "progress", "expect"});
        // Of one medium one in 0.5 s, which makes 4 s for 8 links.
        WdmoeRadioConformanceSettings shared{.stateAge = Seconds(4.5), .windows = 2};
        Add("paced, csma", Paced("csma"), shared, {"lost", "late", "progress", "expect"});
        const auto media = WdmoePacedRadioHelper::GetMedia();
        if (std::find(media.begin(), media.end(), "wifi") == media.end())
        {
            return;
        }
        // ns-3's access point stays with the block-ack agreement of a station that is lost, and
        // serves nobody else: that is checked without aggregation.
        Add("paced, wifi", Paced("wifi"), shared, {"lost", "late", "progress", "expect"});
        shared.lostDistance = 1e5;
        shared.distances = {10, 14};
        Add("paced, wifi, 802.11a",
            Paced("wifi", "80211a"),
            shared,
            {"late", "progress", "expect"});
    }
};

RadioConformancePacedTestSuite g_radioConformancePacedTestSuite; ///< registers itself

} // namespace
