/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "switched-radio-helper.h"

#include "ns3/command-line.h"
#include "ns3/string.h"
#include "ns3/wdmoe-comparison-helper.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("switched");
    comparison.policies = "topk-stock,topk-equal,wdmoe,scheduled-fp16-topk,"
                          "ns3::PatientSelector+ns3::WdmoeScheduledAllocator";
    std::string rate = "100Mb/s";
    CommandLine cmd(__FILE__);
    cmd.AddValue("rate", "Rate of each wire", rate);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    comparison.AddSetting("rate", rate, "ns3::SwitchedRadio::DataRate");
    return comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
        SwitchedRadioHelper radio;
        radio.SetAttribute("DataRate", StringValue(rate));
        policy.Apply("radio", radio);
        return radio.Install(server, devices);
    });
}
