/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * One controller over two budgets: devices near the site are in a Wi-Fi cell, those beyond its
 * range
 * (--wifiRange) on LTE.
 *
 *     server (gate) --- PGW/SGW --- eNB  ~ ~ ~ ~ ~ ~  far devices on LTE (some experts)
 *         access point  ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~   near devices on Wi-Fi (the other experts)
 *
 * Bandwidth is divided within each cell; which experts run a token is decided across both. Compare
 * with all devices on LTE:
 *
 *     wdmoe-hybrid --out=results --RngRun=1
 *     wdmoe-hybrid --radio=lte
 */

#include "ns3/command-line.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("hybrid");
    comparison.minDistance = 8;
    comparison.maxDistance = 120;
    WdmoeScenarioRadio air("hybrid");
    air.SetPathloss(3, 46.6777);

    CommandLine cmd(__FILE__);
    air.AddOptions(cmd);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run(air);
}
