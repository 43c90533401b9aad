/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * One LTE cell: the gate runs on a host behind the packet gateway, the experts on eight UEs.
 *
 *     host (gate) --- PGW/SGW --- eNB  ~ ~ ~ ~ ~ ~  UE 0 (expert 0)
 *                                      ~ ~ ~ ~ ~ ~  UE 1 (expert 1) ...
 *
 * Seven policies serve the same requests; topk-stock runs over ns-3's own PF scheduler, the others
 * over WdmoeFfMacScheduler, which honours shares both ways:
 *
 *     wdmoe-lte --out=results --RngRun=1
 */

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/command-line.h"
#include "ns3/double.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("lte");
    comparison.minDistance = 30;
    comparison.maxDistance = 150;
    int32_t rbs = 50;
    std::string stock = "ns3::PfFfMacScheduler";
    double exponent = 3.5;
    std::string fading = "None";
    bool powerControl = false;
    double loss = 0;
    CommandLine cmd(__FILE__);
    cmd.AddValue("rbs", "Bandwidth each way, RBs: 6, 15, 25, 50, 75 or 100", rbs);
    cmd.AddValue("stock", "TypeId of the MAC scheduler of topk-stock", stock);
    cmd.AddValue("exponent", "Path loss exponent", exponent);
    cmd.AddValue("fading", "Rayleigh or None", fading);
    cmd.AddValue("powerControl", "Uplink power control", powerControl);
    cmd.AddValue("loss", "Share of IP packets lost in the core network, each way", loss);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    NS_ABORT_MSG_IF(rbs < 0, "--rbs is " << rbs << "; expected 6, 15, 25, 50, 75 or 100");
    NS_ABORT_MSG_IF(fading != "None" && fading != "Rayleigh",
                    "--fading is " << fading << "; expected Rayleigh or None");
    NS_ABORT_MSG_IF(!(loss >= 0 && loss <= 1), "--loss is " << loss << "; expected 0 to 1");

    comparison.AddSetting("rbs", rbs, "ns3::WdmoeLteRadio::Bandwidth");
    comparison.AddSetting("stock", stock, "ns3::WdmoeLteRadio::Scheduler");
    comparison.AddSetting("exponent", exponent);
    comparison.AddSetting("fading", fading);
    comparison.AddSetting("powerControl", powerControl, "ns3::WdmoeLteRadio::UplinkPowerControl");

    comparison.AddSetting("loss", loss, "ns3::WdmoeLteRadio::CoreLoss");

    return comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
        WdmoeLteRadioHelper radio;
        radio.SetAttribute("Bandwidth", UintegerValue(rbs));
        radio.SetAttribute("UplinkPowerControl", BooleanValue(powerControl));
        radio.SetAttribute("CoreLoss", DoubleValue(loss));
        radio.SetAttribute("Scheduler",
                           StringValue(policy.stock ? stock : "ns3::WdmoeFfMacScheduler"));
        policy.Apply("radio", radio);
        radio.SetPathlossModel("ns3::LogDistancePropagationLossModel");
        radio.SetPathlossModelAttribute("Exponent", DoubleValue(exponent));
        if (fading == "Rayleigh")
        {
            radio.SetFadingModel("ns3::WdmoeBlockFading");
        }
        return radio.Install(server, devices);
    });
}
