/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/command-line.h"
#include "ns3/csma-helper.h"
#include "ns3/string.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-paced-radio-helper.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("paced");
    comparison.policies = "topk-stock,topk-equal,wdmoe";
    CommandLine cmd(__FILE__);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
        CsmaHelper csma;
        auto bus = CreateObjectWithAttributes<CsmaChannel>("DataRate", StringValue("100Mb/s"));
        const auto one = csma.Install(server, bus); // one NIC of the server for all
        const auto all = csma.Install(devices, bus);
        return WdmoePacedRadioHelper().Install(server, one, all);
    });
}
