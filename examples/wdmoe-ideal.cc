/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * The paper's setting: eight devices with an FDMA channel each, Rayleigh block fading.
 *
 *     base station (gate) ---- 100 MHz at 3.5 GHz, divided ---- device 0 (expert 0)
 *                                                          ---- device 1 (expert 1) ...
 *
 * Seven policies serve the same requests:
 *
 *     wdmoe-ideal --out=results --RngRun=1
 */

#include "ns3/abort.h"
#include "ns3/command-line.h"
#include "ns3/double.h"
#include "ns3/string.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-ideal-radio-helper.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("ideal");
    comparison.maxPromptTokens = 128;
    comparison.maxOutputTokens = 16;
    comparison.sizedRequests = 10;
    comparison.sizedBlocks = 0;
    double bandwidth = 100e6;
    std::string fading = "Rayleigh";
    CommandLine cmd(__FILE__);
    cmd.AddValue("bandwidth", "Bandwidth, Hz", bandwidth);
    cmd.AddValue("fading", "Rayleigh or None", fading);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    NS_ABORT_MSG_IF(!(bandwidth >= 1), "--bandwidth is " << bandwidth << " Hz; expected >= 1 Hz");
    NS_ABORT_MSG_IF(fading != "None" && fading != "Rayleigh",
                    "--fading is " << fading << "; expected Rayleigh or None");

    comparison.AddSetting("bandwidth", bandwidth, "ns3::WdmoeIdealRadio::Bandwidth");
    comparison.AddSetting("fading", fading, "ns3::WdmoeIdealRadio::Fading");

    return comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
        WdmoeIdealRadioHelper radio;
        radio.SetAttribute("Bandwidth", DoubleValue(bandwidth));
        radio.SetAttribute("Fading", StringValue(fading));
        policy.Apply("radio", radio);
        return radio.Install(server, devices);
    });
}
