/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * One Wi-Fi 6 cell: the gate runs on the access point, the experts on eight stations.
 *
 *     access point (gate)  ~ ~ ~ ~ ~ ~  station 0 (expert 0)
 *                          ~ ~ ~ ~ ~ ~  station 1 (expert 1) ...
 *
 * Seven policies serve the same requests; topk-stock runs over plain contention (EDCA) or
 * ns-3's own multi-user scheduler, the others over WdmoeMultiUserScheduler, which honours shares
 * downlink and triggers the uplink when answers are expected:
 *
 *     wdmoe-wifi --out=results --RngRun=1
 */

#include "ns3/command-line.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("wifi");
    comparison.minDistance = 8;
    comparison.maxDistance = 40;
    WdmoeScenarioRadio air("wifi");
    air.SetPathloss(3, 46.6777);
    air.SetDefault("bandwidth", "40");
    // with less, all stations in range have the fastest MCS
    air.SetDefault("noiseFigure", "16");

    CommandLine cmd(__FILE__);
    air.AddOptions(cmd);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run(air);
}
