/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * Who holds which expert, when the domain of the text changes on the way: OLMoE's gates as recorded
 * on scientific papers, then on code (--gates).
 *
 *     server (gate, all experts) --- radio  ~ ~ ~ ~   device 0 (experts of its own, block by block)
 *                                           ~ ~ ~ ~   ...
 *                                           ~ ~ ~ ~   device 7
 *
 * Three policies, alike but for the placement: expert e on device e mod 8 (scheduled-fp16-topk);
 * placed once for the first domain's popularity, the devices' speed and links (placed); the same,
 * and moved where that pays, the weights travelling over the same air (migrating). Devices leave a
 * quarter of their memory to experts, so that the good links cannot have all of them.
 *
 *     wdmoe-placement --out=results --RngRun=1
 *     wdmoe-placement --radio=ideal --requests=100
 */

#include "ns3/command-line.h"
#include "ns3/config.h"
#include "ns3/double.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-scenario-radio.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("placement");
    comparison.policies = "scheduled-fp16-topk,placed,migrating";
    comparison.model = "olmoe-1b-7b";
    comparison.gates = "0=recorded:arxiv,14=recorded:github";
    comparison.sizedRequests = 40;
    comparison.maxOutputTokens = 2;
    comparison.weightBits = 16;
    comparison.devices = "rtx-4070-ti,jetson-orin-nano,jetson-orin-nano,jetson-orin-nano,"
                         "jetson-xavier-nx,jetson-xavier-nx,phone-soc,phone-soc";
    // what the devices' owners leave to experts: not all of them fit on the best links
    Config::SetDefault("ns3::WdmoePlacer::MemoryShare", DoubleValue(0.25));
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
