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

#include "ns3/abort.h"
#include "ns3/command-line.h"
#include "ns3/double.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-wifi-radio-helper.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("wifi");
    comparison.minDistance = 8;
    comparison.maxDistance = 40;
    int32_t bandwidth = 40;
    std::string scheduler = "ns3::WdmoeMultiUserScheduler";
    std::string stock = "None";
    double exponent = 3;
    double noiseFigure = 16;
    int32_t rts = 4692480;
    CommandLine cmd(__FILE__);
    cmd.AddValue("bandwidth", "Width of the channel, MHz: 20, 40, 80 or 160", bandwidth);
    cmd.AddValue("scheduler", "TypeId of the multi-user scheduler, or None: EDCA", scheduler);
    cmd.AddValue("stock", "The same of topk-stock", stock);
    cmd.AddValue("exponent", "Path loss exponent", exponent);
    cmd.AddValue("noiseFigure",
                 "Noise figure of the receivers and what interference there is, dB; with little, "
                 "all stations in range have the fastest MCS",
                 noiseFigure);
    cmd.AddValue("rts", "Longer frames are preceded by RTS and CTS, byte", rts);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    NS_ABORT_MSG_IF(bandwidth != 20 && bandwidth != 40 && bandwidth != 80 && bandwidth != 160,
                    "--bandwidth is " << bandwidth << "; expected 20, 40, 80 or 160");
    NS_ABORT_MSG_IF(rts < 0, "--rts is " << rts << "; expected a number of bytes >= 0");

    comparison.AddSetting("bandwidth", bandwidth, "ns3::WdmoeWifiRadio::Bandwidth");
    comparison.AddSetting("scheduler", scheduler, "ns3::WdmoeWifiRadio::Scheduler");
    comparison.AddSetting("stock", stock, "ns3::WdmoeWifiRadio::Scheduler");
    comparison.AddSetting("exponent", exponent, "ns3::WdmoeWifiRadio::PropagationLossModel");
    comparison.AddSetting("noiseFigure", noiseFigure, "ns3::WdmoeWifiRadio::NoiseFigure");
    comparison.AddSetting("rts", rts, "ns3::WdmoeWifiRadio::RtsThreshold");

    return comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
        WdmoeWifiRadioHelper radio;
        radio.SetAttribute("Bandwidth", UintegerValue(bandwidth));
        radio.SetAttribute("NoiseFigure", DoubleValue(noiseFigure));
        radio.SetAttribute("RtsThreshold", UintegerValue(rts));
        radio.SetAttribute("Scheduler", StringValue(policy.stock ? stock : scheduler));
        policy.Apply("radio", radio);
        radio.SetPathlossModel("ns3::LogDistancePropagationLossModel");
        radio.SetPathlossModelAttribute("Exponent", DoubleValue(exponent));
        return radio.Install(server, devices);
    });
}
