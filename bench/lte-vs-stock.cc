/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// What our scheduler and cell cost: the same bytes, by ns-3's own applications (UdpClient,
// PacketSink), over
//   --cell=stock  an LTE cell built with ns-3's helpers, round-robin scheduler, nothing of ours
//   --cell=wdmoe  WdmoeLteRadio with WdmoeFfMacScheduler and its default, work-conserving plan here
// Prints one line of JSON. lte-vs-stock.py runs them in turn and prints the ratios.

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/lte-module.h"
#include "ns3/mobility-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include "ns3/wdmoe-lte-radio.h"

#include <chrono>
#include <iostream>
#include <sys/resource.h>

using namespace ns3;

namespace
{

/// A cell, however made
struct Cell
{
    Ptr<Node> server;                   ///< where downlink comes from
    Ipv4Address serverAddress;          ///< its address
    std::vector<Ipv4Address> addresses; ///< of the devices
    std::vector<Ptr<Object>> keep;      ///< helpers that must live as long
};

/**
 * @param bs base station
 * @param ues devices
 * @return a cell as a user of ns-3 makes one
 */
Cell
MakeStock(Ptr<Node> bs, const NodeContainer& ues)
{
    Cell cell;
    auto lte = CreateObject<LteHelper>();
    auto epc = CreateObject<PointToPointEpcHelper>();
    cell.keep = {lte, epc};
    lte->SetEpcHelper(epc);
    lte->SetSchedulerType("ns3::RrFfMacScheduler");
    lte->SetPathlossModelType(LogDistancePropagationLossModel::GetTypeId());
    lte->SetEnbDeviceAttribute("DlBandwidth", UintegerValue(100));
    lte->SetEnbDeviceAttribute("UlBandwidth", UintegerValue(100));
    Config::SetDefault("ns3::LteRlcUm::MaxTxBufferSize", UintegerValue(64 << 20));
    Config::SetDefault("ns3::LteEnbRrc::EpsBearerToRlcMapping",
                       EnumValue(LteEnbRrc::RLC_UM_ALWAYS));
    Config::SetDefault("ns3::LteUePhy::EnableUplinkPowerControl", BooleanValue(false));
    Config::SetDefault("ns3::LteUePhy::TxPower", DoubleValue(23));

    cell.server = CreateObject<Node>();
    InternetStackHelper internet;
    internet.Install(cell.server);
    internet.Install(ues);
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue("9Gb/s"));
    auto ends = link.Install(epc->GetPgwNode(), cell.server);
    cell.serverAddress = Ipv4AddressHelper("1.0.0.0", "255.0.0.0").Assign(ends).GetAddress(1);
    Ipv4StaticRoutingHelper routing;
    routing.GetStaticRouting(cell.server->GetObject<Ipv4>())
        ->AddNetworkRouteTo(Ipv4Address("7.0.0.0"), Ipv4Mask("255.0.0.0"), 1);

    auto enb = lte->InstallEnbDevice(NodeContainer(bs));
    DynamicCast<LteEnbNetDevice>(enb.Get(0))->GetPhy()->SetTxPower(30);
    auto devices = lte->InstallUeDevice(ues);
    auto interfaces = epc->AssignUeIpv4Address(devices);
    for (uint32_t k = 0; k < ues.GetN(); k++)
    {
        cell.addresses.push_back(interfaces.GetAddress(k));
        routing.GetStaticRouting(ues.Get(k)->GetObject<Ipv4>())
            ->SetDefaultRoute(epc->GetUeDefaultGatewayAddress(), 1);
    }
    lte->Attach(devices, enb.Get(0));
    return cell;
}

/**
 * @param bs base station
 * @param ues devices
 * @return our cell
 */
Cell
MakeWdmoe(Ptr<Node> bs, const NodeContainer& ues)
{
    Cell cell;
    auto radio = CreateObject<WdmoeLteRadio>();
    cell.keep = {radio};
    radio->SetBaseStation(bs);
    WdmoePlan plan;
    for (uint32_t k = 0; k < ues.GetN(); k++)
    {
        radio->AddDevice(ues.Get(k));
        cell.addresses.push_back(Ipv4Address::ConvertFrom(radio->GetDeviceAddress(k)));
        plan.downlink.push_back({1.0 / ues.GetN(), 1, 0});
    }
    plan.uplink = plan.downlink;
    radio->SetPlan(plan);
    cell.server = radio->GetServerNode();
    cell.serverAddress = Ipv4Address::ConvertFrom(radio->GetServerAddress(0));
    return cell;
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string kind = "wdmoe";
    uint32_t devices = 8;
    double downlinkMbps = 4;
    double uplinkMbps = 3;
    double seconds = 4;
    CommandLine cmd(__FILE__);
    cmd.AddValue("cell", "stock or wdmoe", kind);
    cmd.AddValue("devices", "number of devices", devices);
    cmd.AddValue("downlink", "offered to each device, Mb/s", downlinkMbps);
    cmd.AddValue("uplink", "offered by each device, Mb/s", uplinkMbps);
    cmd.AddValue("seconds", "for so long", seconds);
    cmd.Parse(argc, argv);
    NS_ABORT_MSG_IF(kind != "stock" && kind != "wdmoe",
                    "--cell=" << kind << "; expected stock or wdmoe");

    NodeContainer bs(1);
    NodeContainer ues(devices);
    MobilityHelper mobility;
    mobility.Install(bs);
    mobility.Install(ues);
    for (uint32_t k = 0; k < devices; k++)
    {
        ues.Get(k)->GetObject<MobilityModel>()->SetPosition(Vector(20.0 + 5 * k, 0, 1.5));
    }
    auto cell = kind == "stock" ? MakeStock(bs.Get(0), ues) : MakeWdmoe(bs.Get(0), ues);

    constexpr uint32_t bytes = 1400;
    const Time start = MilliSeconds(200);
    ApplicationContainer sinks;
    const auto flow =
        [&](Ptr<Node> from, Ptr<Node> to, Ipv4Address address, uint16_t port, double mbps) {
            UdpClientHelper client(address, port);
            client.SetAttribute("PacketSize", UintegerValue(bytes));
            client.SetAttribute("Interval", TimeValue(Seconds(bytes * 8 / (mbps * 1e6))));
            client.SetAttribute(
                "MaxPackets",
                UintegerValue(static_cast<uint32_t>(seconds * mbps * 1e6 / (bytes * 8))));
            client.Install(from).Start(start);
            PacketSinkHelper sink("ns3::UdpSocketFactory",
                                  InetSocketAddress(Ipv4Address::GetAny(), port));
            sinks.Add(sink.Install(to));
        };
    for (uint32_t k = 0; k < devices; k++)
    {
        flow(cell.server, ues.Get(k), cell.addresses[k], 1000, downlinkMbps);
        flow(ues.Get(k), cell.server, cell.serverAddress, 2000 + k, uplinkMbps);
    }

    Simulator::Stop(start + Seconds(seconds) + MilliSeconds(200));
    const auto before = std::chrono::steady_clock::now();
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double cpuBefore = usage.ru_utime.tv_sec + 1e-6 * usage.ru_utime.tv_usec;
    Simulator::Run();
    const double wall =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = usage.ru_utime.tv_sec + 1e-6 * usage.ru_utime.tv_usec - cpuBefore;
    uint64_t received = 0;
    for (auto it = sinks.Begin(); it != sinks.End(); ++it)
    {
        received += DynamicCast<PacketSink>(*it)->GetTotalRx();
    }
    std::cout << "{\"cell\": \"" << kind << "\", \"bytes\": " << received
              << ", \"events\": " << Simulator::GetEventCount() << ", \"wall_s\": " << wall
              << ", \"cpu_s\": " << cpu << ", \"peak_kib\": " << usage.ru_maxrss << "}\n";
    Simulator::Destroy();
    return 0;
}
