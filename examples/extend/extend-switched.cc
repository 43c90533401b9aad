/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "switched-radio-helper.h"

#include "ns3/command-line.h"
#include "ns3/string.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

#include <memory>

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeScenarioRadio::Register(
        "switched",
        [](const WdmoeScenarioRadio& air, const WdmoePolicy&) {
            auto radio = std::make_unique<SwitchedRadioHelper>();
            radio->SetAttribute("DataRate", StringValue(air.GetText("rate", "100Mb/s")));
            return radio;
        },
        {{"rate", {"ns3::SwitchedRadio::DataRate", "Rate of each wire"}}});
    WdmoeComparisonHelper comparison("switched");
    comparison.policies = "topk-stock,topk-equal,wdmoe,scheduled-fp16-topk,"
                          "ns3::PatientSelector+ns3::WdmoeScheduledAllocator";
    WdmoeScenarioRadio air("switched");
    CommandLine cmd(__FILE__);
    air.AddOptions(cmd);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run(air);
}
