/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * One LTE cell, or the same places over another radio (--radio): the gate runs on a host behind the
 * packet gateway, the experts on eight UEs.
 *
 *     host (gate) --- PGW/SGW --- eNB  ~ ~ ~ ~ ~ ~  UE 0 (expert 0)
 *                                      ~ ~ ~ ~ ~ ~  UE 1 (expert 1) ...
 *
 * Seven policies serve the same requests; topk-stock runs over ns-3's own PF scheduler, the others
 * over WdmoeFfMacScheduler, which honours shares both ways:
 *
 *     wdmoe-lte --out=results --RngRun=1
 *     wdmoe-lte --bandwidth=20
 *     wdmoe-lte --radio=ideal --bandwidth=10
 */

#include "ns3/command-line.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("lte");
    comparison.minDistance = 30;
    comparison.maxDistance = 150;
    WdmoeScenarioRadio air("lte");
    air.SetPathloss(3.5, 46.6777);

    CommandLine cmd(__FILE__);
    air.AddOptions(cmd);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run(air);
}
