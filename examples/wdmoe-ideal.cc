/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * The paper's setting: eight devices with an FDMA channel each, Rayleigh block fading; or the same
 * places over another radio (--radio).
 *
 *     base station (gate) ---- 100 MHz at 3.5 GHz, divided ---- device 0 (expert 0)
 *                                                          ---- device 1 (expert 1) ...
 *
 * Seven policies serve the same requests:
 *
 *     wdmoe-ideal --out=results --RngRun=1
 *     wdmoe-ideal --bandwidth=20
 *     wdmoe-ideal --radio=lte --bandwidth=10
 */

#include "ns3/command-line.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("ideal");
    comparison.maxPromptTokens = 128;
    comparison.maxOutputTokens = 16;
    comparison.sizedRequests = 10;
    comparison.sizedBlocks = 0;
    WdmoeScenarioRadio air("ideal");
    air.SetPathloss(2, 43.2814); // free space at 3.5 GHz
    air.SetFading("Rayleigh");

    CommandLine cmd(__FILE__);
    air.AddOptions(cmd);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    return comparison.Run(air);
}
