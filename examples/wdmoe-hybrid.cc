/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * One controller over two budgets: the nearest devices are in the cell of a second radio, at the
 * same site as the eNB, the others on LTE.
 *
 *     server (gate) --- PGW/SGW --- eNB  ~ ~ ~ ~ ~ ~  far devices (some experts)
 *               \
 *                ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~   near devices (the other experts)
 *
 * Bandwidth is divided within each cell; which experts run a token is decided across both. With
 * --wifiDevices=0 all are on LTE, with --wifiDevices=8 none is: compare what each cell does alone.
 *
 *     wdmoe-hybrid --out=results --RngRun=1
 */

#include "ns3/abort.h"
#include "ns3/command-line.h"
#include "ns3/double.h"
#include "ns3/mobility-model.h"
#include "ns3/pointer.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-hybrid-radio-helper.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"

#include <algorithm>
#include <numeric>

using namespace ns3;

namespace
{

/**
 * @param server base station
 * @param devices all of them
 * @param count how many
 * @return indices of those that are nearest to the base station
 */
std::vector<uint32_t>
FindNearest(Ptr<Node> server, const NodeContainer& devices, uint32_t count)
{
    std::vector<uint32_t> order(devices.GetN());
    std::iota(order.begin(), order.end(), 0);
    const auto distance = [&](uint32_t k) {
        return server->GetObject<MobilityModel>()->GetDistanceFrom(
            devices.Get(k)->GetObject<MobilityModel>());
    };
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
        return distance(a) < distance(b);
    });
    order.resize(count);
    return order;
}

} // namespace

int
main(int argc, char* argv[])
{
    WdmoeComparisonHelper comparison("hybrid");
    comparison.minDistance = 10;
    comparison.maxDistance = 120;
    int32_t wifiDevices = 4;
    double bandwidth = 20e6;
    int32_t rbs = 50;
    std::string stock = "ns3::PfFfMacScheduler";
    double exponent = 3.5;
    CommandLine cmd(__FILE__);
    cmd.AddValue("wifiDevices",
                 "Devices in the second cell, the nearest; 0: LTE only",
                 wifiDevices);
    cmd.AddValue("bandwidth", "Bandwidth of the second cell, Hz", bandwidth);
    cmd.AddValue("rbs", "LTE bandwidth each way, RBs: 6, 15, 25, 50, 75 or 100", rbs);
    cmd.AddValue("stock", "TypeId of the LTE scheduler of topk-stock", stock);
    cmd.AddValue("exponent", "LTE path loss exponent", exponent);
    comparison.AddOptions(cmd);
    cmd.Parse(argc, argv);
    NS_ABORT_MSG_IF(rbs < 0, "--rbs is " << rbs << "; expected 6, 15, 25, 50, 75 or 100");
    NS_ABORT_MSG_IF(!(bandwidth >= 1), "--bandwidth is " << bandwidth << " Hz; expected >= 1 Hz");

    comparison.AddSetting("wifiDevices", wifiDevices);
    comparison.AddSetting("bandwidth", bandwidth, "ns3::WdmoeIdealRadio::Bandwidth");
    comparison.AddSetting("rbs", rbs, "ns3::WdmoeLteRadio::Bandwidth");
    comparison.AddSetting("stock", stock, "ns3::WdmoeLteRadio::Scheduler");
    comparison.AddSetting("exponent", exponent);

    return comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
        NS_ABORT_MSG_IF(wifiDevices < 0 || wifiDevices > static_cast<int32_t>(devices.GetN()),
                        "--wifiDevices is " << wifiDevices << "; expected 0 to " << devices.GetN()
                                            << ", the number of --devices");
        WdmoeIdealRadioHelper near;
        near.SetAttribute("Bandwidth", DoubleValue(bandwidth));

        WdmoeLteRadioHelper lte;
        lte.SetAttribute("Bandwidth", UintegerValue(rbs));
        lte.SetAttribute("Scheduler",
                         StringValue(policy.stock ? stock : "ns3::WdmoeFfMacScheduler"));
        lte.SetAttribute("ServerNode", PointerValue(server));
        lte.SetPathlossModelAttribute("Exponent", DoubleValue(exponent));
        policy.Apply("radio", lte);

        WdmoeHybridRadioHelper radio;
        radio.Add(near, FindNearest(server, devices, wifiDevices));
        radio.AddFraction(lte, 1);
        return radio.Install(server, devices);
    });
}
