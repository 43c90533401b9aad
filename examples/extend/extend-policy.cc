/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/command-line.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-ideal-radio-helper.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("extend-policy");
    comparison.policies = "topk-allocated,ns3::PatientSelector+ns3::WdmoeMinMaxAllocator";
    CommandLine cmd(__FILE__);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
        return WdmoeIdealRadioHelper().Install(server, devices);
    });
}
