/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// What it costs in events, time and memory to have it our way, over the cells
//   --cell=stock  an LTE cell built with ns-3's helpers and --scheduler, proportional fair if not
//                 given; nothing of ours
//   --cell=wdmoe  WdmoeLteRadio with WdmoeFfMacScheduler, which picks a shorter SRS period than
//                 ns-3's 40 ms (--srs gives the stock cell another one): fresher state, more events
// that have the same places, bandwidth, path loss, powers and RLC, and carry
//   --traffic=udp       constant rates both ways by ns3::UdpClient, with our default plan: the cell
//   --traffic=scenario  (on our cell) requests served by gate, experts and controller over our
//                       transport, policy topk-allocated. Each message handed to the transport is
//                       written to --schedule, its time and size
//   --traffic=replay    those messages, each at its time (in ms, which is a TTI) and of its size
//                       for ns3::UdpTraceClient: what it costs to move the same bytes at the same
//                       times without gate, decisions, headers, acknowledgements and reassembly
// Prints one line of JSON. lte-vs-stock.py runs the sides in turn and prints the ratios.

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/lte-module.h"
#include "ns3/mobility-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-lte-radio.h"
#include "ns3/wdmoe-udp-transport.h"

#include <chrono>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <sys/resource.h>
#include <utility>

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
 * @param scheduler TypeId
 * @return a cell as a user of ns-3 makes one
 */
Cell
MakeStock(Ptr<Node> bs, const NodeContainer& ues, const std::string& scheduler)
{
    Cell cell;
    auto lte = CreateObject<LteHelper>();
    auto epc = CreateObject<PointToPointEpcHelper>();
    cell.keep = {lte, epc};
    lte->SetEpcHelper(epc);
    lte->SetSchedulerType(scheduler);
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
 * @return our radio
 */
Ptr<WdmoeLteRadio>
MakeRadio(Ptr<Node> bs, const NodeContainer& ues)
{
    auto radio = CreateObject<WdmoeLteRadio>();
    radio->SetBaseStation(bs);
    for (uint32_t k = 0; k < ues.GetN(); k++)
    {
        radio->AddDevice(ues.Get(k));
    }
    return radio;
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
    auto radio = MakeRadio(bs, ues);
    cell.keep = {radio};
    WdmoePlan plan;
    for (uint32_t k = 0; k < ues.GetN(); k++)
    {
        cell.addresses.push_back(Ipv4Address::ConvertFrom(radio->GetDeviceAddress(k)));
        plan.downlink.push_back({1.0 / ues.GetN(), 1, 0});
    }
    plan.uplink = plan.downlink;
    radio->SetPlan(plan);
    cell.server = radio->GetServerNode();
    cell.serverAddress = Ipv4Address::ConvertFrom(radio->GetServerAddress(0));
    return cell;
}

/**
 * @param bs base station
 * @param ues devices, placed in a line
 */
void
Place(Ptr<Node> bs, const NodeContainer& ues)
{
    bs->GetObject<MobilityModel>()->SetPosition(Vector(0, 0, 0));
    for (uint32_t k = 0; k < ues.GetN(); k++)
    {
        ues.Get(k)->GetObject<MobilityModel>()->SetPosition(Vector(20.0 + 5 * k, 0, 1.5));
    }
}

/// Lines for ns3::UdpTraceClient (number, kind, ms, bytes), one flow in a file
class Schedule
{
  public:
    /**
     * @param downlink direction
     * @param device its address, which is the same in both cells
     * @return name of the flow's file
     */
    static std::string GetName(bool downlink, Ipv4Address device)
    {
        std::ostringstream name;
        name << (downlink ? "downlink-" : "uplink-") << device;
        return name.str();
    }

    /**
     * Add a message that is sent now.
     *
     * @param name of the flow's file
     * @param bytes of the message
     */
    void Add(const std::string& name, uint32_t bytes)
    {
        auto& lines = m_lines[name];
        lines.push_back(std::to_string(lines.size() + 1) + " P " +
                        std::to_string(Simulator::Now().GetMilliSeconds()) + " " +
                        std::to_string(bytes));
        m_bytes += bytes;
    }

    /**
     * @param folder for the files
     */
    void Write(const std::string& folder) const
    {
        for (const auto& [name, lines] : m_lines)
        {
            std::ofstream file(folder + "/" + name);
            const char* separator = ""; // no line feed at the end: it would be taken for a line
            for (const auto& line : lines)
            {
                file << std::exchange(separator, "\n") << line;
            }
        }
    }

    /// @return of all messages
    uint64_t GetBytes() const
    {
        return m_bytes;
    }

  private:
    std::map<std::string, std::vector<std::string>> m_lines; ///< by file
    uint64_t m_bytes{0};                                     ///< of all messages
};

/// Our transport, with each message written down
class RecordingTransport : public WdmoeUdpTransport
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::RecordingTransport")
                                .SetParent<WdmoeUdpTransport>()
                                .AddConstructor<RecordingTransport>();
        return tid;
    }

    static Schedule schedule; ///< of all messages
    static Ptr<Node> server;  ///< where downlink comes from

  private:
    void DoSend(const Address& peer, Ptr<Packet> message) override
    {
        const bool downlink = m_node == server;
        const auto device = downlink ? InetSocketAddress::ConvertFrom(peer).GetIpv4()
                                     : m_node->GetObject<Ipv4>()->GetAddress(1, 0).GetLocal();
        schedule.Add(Schedule::GetName(downlink, device), message->GetSize());
        WdmoeUdpTransport::DoSend(peer, message);
    }
};

Schedule RecordingTransport::schedule;
Ptr<Node> RecordingTransport::server;

NS_OBJECT_ENSURE_REGISTERED(RecordingTransport);

/// What a simulation costs from its first event to its end
class Meter
{
  public:
    Meter()
    {
        Simulator::ScheduleNow([this]() { m_begin = Now(); });
        Simulator::ScheduleDestroy([this]() {
            m_end = Now();
            m_events = Simulator::GetEventCount();
            m_simulated = Simulator::Now().GetSeconds();
        });
    }

    /**
     * @param cell name
     * @param traffic name
     * @param bytes of the application that arrived
     */
    void Print(const std::string& cell, const std::string& traffic, uint64_t bytes) const
    {
        std::ostringstream line; // of its own format
        line << std::setprecision(12) << "{\"cell\": \"" << cell << "\", \"traffic\": \"" << traffic
             << "\", \"simulated_s\": " << m_simulated << ", \"bytes\": " << bytes
             << ", \"events\": " << m_events << ", \"wall_s\": " << m_end.wall - m_begin.wall
             << ", \"cpu_s\": " << m_end.cpu - m_begin.cpu << ", \"peak_kib\": " << m_end.peakKib
             << "}\n";
        std::cout << line.str();
    }

  private:
    /// State of the process
    struct Usage
    {
        double wall;  ///< s
        double cpu;   ///< s, of the user
        long peakKib; ///< memory
    };

    /// @return state now
    static Usage Now()
    {
        rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        const auto wall = std::chrono::steady_clock::now().time_since_epoch();
        return {std::chrono::duration<double>(wall).count(),
                usage.ru_utime.tv_sec + 1e-6 * usage.ru_utime.tv_usec,
                usage.ru_maxrss};
    }

    Usage m_begin{};       ///< at the first event
    Usage m_end{};         ///< at the end
    uint64_t m_events{0};  ///< executed
    double m_simulated{0}; ///< s
};

/**
 * Serve requests on our cell, and record the messages.
 *
 * @param devices how many
 * @param requests how many
 */
void
RunScenario(uint32_t devices, uint32_t requests)
{
    WdmoeComparisonHelper comparison("lte");
    comparison.policies = "topk-allocated";
    comparison.requestFile = "poisson";
    comparison.rate = 10;
    comparison.requests = requests;
    comparison.maxPromptTokens = 64;
    comparison.transport = "ns3::RecordingTransport";
    comparison.devices = "rtx-4070-ti";
    for (uint32_t k = 1; k < devices; k++)
    {
        comparison.devices += ",jetson-agx-orin";
    }
    comparison.Run([](const WdmoePolicy& /* policy */, Ptr<Node> bs, NodeContainer ues) {
        Place(bs, ues);
        auto radio = MakeRadio(bs, ues);
        RecordingTransport::server = radio->GetServerNode();
        return radio;
    });
    RecordingTransport::server = nullptr;
}

/**
 * Run ns-3's applications.
 *
 * @param stock scheduler of the stock cell; empty: our cell
 * @param devices how many
 * @param addTraffic adds sinks for a cell with its devices
 * @param end of the simulation
 * @return bytes that arrived
 */
template <typename F>
uint64_t
RunStockApplications(const std::string& stock, uint32_t devices, F addTraffic, Time end)
{
    NodeContainer bs(1);
    NodeContainer ues(devices);
    MobilityHelper mobility;
    mobility.Install(bs);
    mobility.Install(ues);
    Place(bs.Get(0), ues);
    const auto cell = stock.empty() ? MakeWdmoe(bs.Get(0), ues) : MakeStock(bs.Get(0), ues, stock);
    ApplicationContainer sinks;
    const auto flow = [&](bool downlink, uint32_t k) {
        const auto from = downlink ? cell.server : ues.Get(k);
        const auto to = downlink ? ues.Get(k) : cell.server;
        const uint16_t port = downlink ? 1000 : 2000 + k;
        PacketSinkHelper sink("ns3::UdpSocketFactory",
                              InetSocketAddress(Ipv4Address::GetAny(), port));
        sinks.Add(sink.Install(to));
        addTraffic(downlink,
                   cell.addresses[k],
                   InetSocketAddress(downlink ? cell.addresses[k] : cell.serverAddress, port),
                   from);
    };
    for (uint32_t k = 0; k < devices; k++)
    {
        flow(true, k);
        flow(false, k);
    }
    Simulator::Stop(end);
    Simulator::Run();
    uint64_t received = 0;
    for (auto it = sinks.Begin(); it != sinks.End(); ++it)
    {
        received += DynamicCast<PacketSink>(*it)->GetTotalRx();
    }
    Simulator::Destroy();
    return received;
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string cell = "wdmoe";
    std::string traffic = "udp";
    std::string schedule = ".";
    uint32_t devices = 8;
    uint32_t requests = 3;
    double downlinkMbps = 4;
    double uplinkMbps = 3;
    double seconds = 4.4;
    uint32_t srs = 40;
    std::string scheduler = "ns3::PfFfMacScheduler";
    CommandLine cmd(__FILE__);
    cmd.AddValue("cell", "stock or wdmoe", cell);
    cmd.AddValue("traffic", "udp, scenario or replay", traffic);
    cmd.AddValue("scheduler", "TypeId of the stock cell's scheduler", scheduler);
    cmd.AddValue("devices", "Number of devices", devices);
    cmd.AddValue("schedule", "Folder: scenario writes its messages to it, replay reads", schedule);
    cmd.AddValue("requests", "scenario: number of requests", requests);
    cmd.AddValue("downlink", "udp: offered to each device, Mb/s", downlinkMbps);
    cmd.AddValue("uplink", "udp: offered by each device, Mb/s", uplinkMbps);
    cmd.AddValue("srs", "SRS period of the stock cell, ms", srs);
    cmd.AddValue("seconds", "udp, replay: end of the simulation", seconds);
    cmd.Parse(argc, argv);
    NS_ABORT_MSG_IF(cell != "stock" && cell != "wdmoe",
                    "--cell=" << cell << "; expected stock or wdmoe");

    Config::SetDefault("ns3::LteEnbRrc::SrsPeriodicity", UintegerValue(srs));
    constexpr uint32_t bytes = 1400;
    const std::string stock = cell == "stock" ? scheduler : "";
    Meter meter;
    uint64_t received = 0;
    if (traffic == "scenario")
    {
        NS_ABORT_MSG_IF(cell != "wdmoe", "--traffic=scenario needs --cell=wdmoe");
        RunScenario(devices, requests);
        RecordingTransport::schedule.Write(schedule);
        received = RecordingTransport::schedule.GetBytes(); // checked by the helper
    }
    else if (traffic == "replay")
    {
        const auto replay =
            [&](bool downlink, Ipv4Address device, InetSocketAddress to, Ptr<Node> from) {
                const auto file = schedule + "/" + Schedule::GetName(downlink, device);
                uint32_t number;
                char kind;
                uint32_t ms;
                NS_ABORT_MSG_IF(!(std::ifstream(file) >> number >> kind >> ms),
                                "no schedule in " << file << "; run --traffic=scenario first");
                UdpTraceClientHelper client(to.GetIpv4(), to.GetPort(), file);
                client.SetAttribute("MaxPacketSize", UintegerValue(bytes));
                client.SetAttribute("TraceLoop", BooleanValue(false));
                client.Install(from).Start(MilliSeconds(ms));
            };
        received = RunStockApplications(stock, devices, replay, Seconds(seconds));
    }
    else
    {
        NS_ABORT_MSG_IF(traffic != "udp",
                        "--traffic=" << traffic << "; expected udp, scenario or replay");
        const Time start = MilliSeconds(200);
        const auto send = [&](bool downlink, Ipv4Address, InetSocketAddress to, Ptr<Node> from) {
            const double interval = bytes * 8 / (1e6 * (downlink ? downlinkMbps : uplinkMbps));
            UdpClientHelper client(to);
            client.SetAttribute("PacketSize", UintegerValue(bytes));
            client.SetAttribute("Interval", TimeValue(Seconds(interval)));
            // the last ones leave 200 ms before the end
            client.SetAttribute("MaxPackets",
                                UintegerValue(std::max(1.0, (seconds - 0.4) / interval)));
            client.Install(from).Start(start);
        };
        received = RunStockApplications(stock, devices, send, Seconds(seconds));
    }
    meter.Print(cell, traffic, received);
    return 0;
}
