/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/inet-socket-address.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/packet.h"
#include "ns3/pointer.h"
#include "ns3/position-allocator.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-multi-user-scheduler.h"
#include "ns3/wdmoe-wifi-radio-helper.h"
#include "ns3/wdmoe-wifi-radio.h"
#include "ns3/wifi-net-device.h"
#include "ns3/wifi-phy.h"
#include "ns3/yans-wifi-channel.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <sstream>

using namespace ns3;

namespace
{

/// Port of all transfers
constexpr uint16_t PORT = 9;
/// What a packet of IP has beside its payload, byte
constexpr uint32_t IP_HEADERS = 28;
/// Noise figure at which the stations of these tests have different MCS
constexpr double NOISE_FIGURE = 16;

/**
 * @ingroup wdmoe-tests
 *
 * An access point and stations on a ray from it, so that none is hidden from another, and UDP
 * packets of 1400 byte between them.
 */
class Cell
{
  public:
    /// Settings of the radio
    using Settings = std::map<std::string, std::string>;

    /**
     * @param distances of the stations, m
     * @param settings attributes of the radio
     * @param prepare called with the helper before it makes the radio
     */
    Cell(const std::vector<double>& distances,
         const Settings& settings = {},
         const std::function<void(WdmoeWifiRadioHelper&)>& prepare = nullptr)
    {
        RngSeedManager::ResetNextStreamIndex();
        server = CreateObject<Node>();
        devices.Create(static_cast<uint32_t>(distances.size()));
        MobilityHelper mobility;
        auto positions = CreateObject<ListPositionAllocator>();
        positions->Add(Vector(0, 0, 0));
        for (const auto d : distances)
        {
            positions->Add(Vector(d, 0, 0));
        }
        mobility.SetPositionAllocator(positions);
        mobility.Install(server);
        mobility.Install(devices);
        WdmoeWifiRadioHelper helper;
        helper.SetConnectDeadline(Time(0));
        helper.SetAttribute("NoiseFigure", DoubleValue(NOISE_FIGURE));
        for (const auto& [name, value] : settings)
        {
            helper.SetAttribute(name, StringValue(value));
        }
        if (prepare)
        {
            prepare(helper);
        }
        radio = DynamicCast<WdmoeWifiRadio>(helper.Install(server, devices));
        radio->AssignStreams(100);
        Listen(server);
        for (uint32_t k = 0; k < devices.GetN(); k++)
        {
            Listen(devices.Get(k));
        }
    }

    ~Cell()
    {
        Simulator::Destroy();
    }

    /**
     * @param device at the other end
     * @param downlink direction
     * @param bytes of payload
     */
    void Send(uint32_t device, bool downlink, uint32_t bytes)
    {
        auto from = downlink ? server : devices.Get(device);
        const auto to =
            downlink ? radio->GetDeviceAddress(device) : radio->GetServerAddress(device);
        auto socket = Socket::CreateSocket(from, UdpSocketFactory::GetTypeId());
        socket->Connect(InetSocketAddress(Ipv4Address::ConvertFrom(to), PORT));
        for (uint32_t left = bytes; left > 0;)
        {
            const auto size = std::min(left, 1400U);
            socket->Send(Create<Packet>(size));
            left -= size;
        }
    }

    /**
     * @param device to move
     * @param distance m
     */
    void Move(uint32_t device, double distance) const
    {
        devices.Get(device)->GetObject<MobilityModel>()->SetPosition(Vector(distance, 0, 0));
    }

    /**
     * Send one thing and wait for it.
     *
     * @param device at the other end
     * @param downlink direction
     * @param bytes of payload
     * @param hint whether the uplink is told of it
     * @return how long it took, s; 0: it did not come
     */
    double Measure(uint32_t device, bool downlink, uint32_t bytes, bool hint = false)
    {
        const Time start = Simulator::Now();
        const auto node = downlink ? devices.Get(device)->GetId() : server->GetId();
        const auto before = received[node];
        if (hint && !downlink)
        {
            const uint32_t packets = (bytes + 1399) / 1400;
            radio->ExpectUplink(device, bytes + packets * IP_HEADERS, start);
        }
        Send(device, downlink, bytes);
        for (int i = 0; i < 2000 && received[node] < before + bytes; i++)
        {
            Simulator::Stop(MilliSeconds(5));
            Simulator::Run();
        }
        return received[node] < before + bytes ? 0 : (last[node] - start).GetSeconds();
    }

    /**
     * @param distance of a station, m
     * @param hz bandwidth
     * @return the SNR by path loss and noise, dB, both ways at 20 dBm
     */
    static double Snr(double distance, double hz)
    {
        const double loss = 46.6777 + 30 * std::log10(distance);
        const double noise = 10 * std::log10(1.3803e-23 * 290 * hz * 1000) + NOISE_FIGURE;
        return 20 - loss - noise;
    }

    /**
     * Let it run.
     *
     * @param until this time
     */
    static void Run(Time until)
    {
        Simulator::Stop(until - Simulator::Now());
        Simulator::Run();
    }

    Ptr<Node> server;                      ///< access point
    NodeContainer devices;                 ///< stations
    Ptr<WdmoeWifiRadio> radio;             ///< under test
    std::map<uint32_t, uint64_t> received; ///< by node, byte
    std::map<uint32_t, Time> last;         ///< by node, arrival of the last packet

  private:
    /**
     * @param node counts what it gets
     */
    void Listen(Ptr<Node> node)
    {
        auto socket = Socket::CreateSocket(node, UdpSocketFactory::GetTypeId());
        socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        const auto id = node->GetId();
        socket->SetRecvCallback(Callback<void, Ptr<Socket>>([this, id](Ptr<Socket> s) {
            while (auto packet = s->Recv())
            {
                last[id] = Simulator::Now();
                received[id] += packet->GetSize();
            }
        }));
    }
};

/// dB of a ratio
double
Db(double ratio)
{
    return 10 * std::log10(ratio);
}

/**
 * @ingroup wdmoe-tests
 *
 * What is measured of the channel is what geometry says, both ways, by frames of any width.
 */
class WifiLinkStateTest : public TestCase
{
  public:
    /**
     * @param scheduler TypeId, or None
     * @param mhz bandwidth
     */
    WifiLinkStateTest(const std::string& scheduler, uint32_t mhz)
        : TestCase("link state, " + scheduler + ", " + std::to_string(mhz) + " MHz"),
          m_scheduler(scheduler),
          m_mhz(mhz)
    {
    }

  private:
    void DoRun() override;

    std::string m_scheduler; ///< TypeId
    uint32_t m_mhz;          ///< bandwidth
};

void
WifiLinkStateTest::DoRun()
{
    const std::vector<double> distances{8, 15, 25, 30};
    Cell cell(distances, {{"Scheduler", m_scheduler}, {"Bandwidth", std::to_string(m_mhz)}});
    NS_TEST_ASSERT_MSG_EQ(cell.radio->IsReady(), false, "not before it starts");
    Cell::Run(MilliSeconds(100));
    NS_TEST_ASSERT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnconnected());
    // At first what is known is from beacons and acknowledgements, then from data.
    for (const bool data : {false, true})
    {
        if (data)
        {
            for (uint32_t k = 0; k < distances.size(); k++)
            {
                cell.radio->ExpectUplink(k, 20 * 1428, Simulator::Now());
                cell.Send(k, false, 20 * 1400);
                cell.Send(k, true, 20 * 1400);
            }
            Cell::Run(Simulator::Now() + MilliSeconds(200));
        }
        for (uint32_t k = 0; k < distances.size(); k++)
        {
            const double expected = Cell::Snr(distances[k], 1e6 * m_mhz);
            const auto state = cell.radio->GetLinkState(k);
            NS_TEST_EXPECT_MSG_EQ(state.downlink.valid && state.uplink.valid, true, "device " << k);
            NS_TEST_EXPECT_MSG_EQ_TOL(Db(cell.radio->GetSnr(k, true)), expected, 0.5, "down " << k);
            NS_TEST_EXPECT_MSG_EQ_TOL(Db(cell.radio->GetSnr(k, false)), expected, 0.5, "up " << k);
        }
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * A transfer alone in the cell takes as long as its rate law says.
 */
class WifiTransferTest : public TestCase
{
  public:
    /**
     * @param scheduler TypeId, or None
     * @param mhz bandwidth
     */
    WifiTransferTest(const std::string& scheduler, uint32_t mhz)
        : TestCase("transfer times, " + scheduler + ", " + std::to_string(mhz) + " MHz"),
          m_scheduler(scheduler),
          m_mhz(mhz)
    {
    }

  private:
    void DoRun() override;

    std::string m_scheduler; ///< TypeId
    uint32_t m_mhz;          ///< bandwidth
};

void
WifiTransferTest::DoRun()
{
    const std::vector<double> distances{8, 15, 25, 30};
    Cell cell(distances, {{"Scheduler", m_scheduler}, {"Bandwidth", std::to_string(m_mhz)}});
    Cell::Run(MilliSeconds(100));
    const auto capabilities = cell.radio->GetCapabilities();
    for (uint32_t k = 0; k < distances.size(); k++)
    {
        for (const bool downlink : {true, false})
        {
            for (const uint32_t bytes : {8U << 10, 1U << 20})
            {
                cell.Measure(k, downlink, bytes);
                const auto state = cell.radio->GetLinkState(k);
                const auto& law = downlink ? state.downlink.law : state.uplink.law;
                const auto delay = downlink ? capabilities.downlinkDelay : capabilities.uplinkDelay;
                const double expected = 8.0 * bytes / law.Rate(1e6 * m_mhz) + delay.GetSeconds();
                double sum = 0;
                const int n = bytes > 10000 ? 1 : 10;
                for (int i = 0; i < n; i++)
                {
                    sum += cell.Measure(k, downlink, bytes, true);
                }
                // EDCA takes a free medium at once, but a beacon may be in the way; a small answer
                // may need a second trigger, and
                // the law of the triggered uplink is a smooth curve through the steps of the MCS.
                const bool triggered = capabilities.expectUplink && !downlink;
                if (triggered && bytes < 10000)
                {
                    // by contention at once, or when it is asked for
                    NS_TEST_EXPECT_MSG_LT(sum / n, 1.3 * expected, "up " << bytes << " " << k);
                    NS_TEST_EXPECT_MSG_GT(sum / n, 0.8 * 8 * bytes / law.Rate(1e6 * m_mhz), "up");
                    continue;
                }
                // A question to stations that were sent data before may go first, 0.25 ms.
                const double polls = capabilities.expectUplink ? 0.25e-3 / expected : 0;
                const double tolerance = bytes < 10000 ? 0.3 + polls : triggered ? 0.15 : 0.1;
                NS_TEST_EXPECT_MSG_EQ_TOL(sum / n / expected,
                                          1,
                                          tolerance,
                                          (downlink ? "down " : "up ") << bytes << " device " << k);
            }
        }
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * MCS and rate laws: more SNR is never worse, a narrow RU has a faster MCS, the law of the uplink
 * follows the table, and two cells do not disturb one another.
 */
class WifiLinkAdaptationTest : public TestCase
{
  public:
    WifiLinkAdaptationTest()
        : TestCase("MCS and rate laws")
    {
    }

  private:
    void DoRun() override;
};

void
WifiLinkAdaptationTest::DoRun()
{
    const std::vector<double> distances{8, 12, 18, 25, 30};
    Cell cell(distances, {{"Bandwidth", "40"}});
    // Another cell at the same access point
    NodeContainer others(1);
    others.Get(0)->AggregateObject(CreateObject<ConstantPositionMobilityModel>());
    others.Get(0)->GetObject<MobilityModel>()->SetPosition(Vector(0, 10, 0));
    WdmoeWifiRadioHelper helper;
    helper.SetAttribute("Network", StringValue("192.168.4.0"));
    auto other = helper.Install(cell.server, others);
    Cell::Run(MilliSeconds(100));
    NS_TEST_ASSERT_MSG_EQ(other->IsReady(), true, "second cell");
    NS_TEST_ASSERT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnconnected());

    WdmoeWifiLinkAdaptation::Params params;
    params.phy = DynamicCast<WifiNetDevice>(cell.radio->GetApDevice())->GetPhy();
    params.widthHz = params.budgetHz = 40e6;
    params.guardInterval = NanoSeconds(800);
    params.triggeredGuard = NanoSeconds(1600);
    WdmoeWifiLinkAdaptation table;
    table.SetUp(params);
    NS_TEST_ASSERT_MSG_EQ(table.GetMaxMcs(), 11, "802.11ax");
    for (int mcs = 0; mcs <= 11; mcs++)
    {
        const double snr = table.GetThreshold(mcs);
        NS_TEST_EXPECT_MSG_EQ(table.GetMcs(snr * 0.999, 40e6), mcs - 1, "below");
        NS_TEST_EXPECT_MSG_EQ(table.GetMcs(snr * 1.001, 40e6), mcs, "above");
        NS_TEST_EXPECT_MSG_EQ(table.GetMcs(snr * 1.001, 8e6), std::min(mcs, 9), "narrow RU");
    }
    // IEEE 802.11ax, table 27-xx: 40 MHz, MCS 11, GI 0.8 us: 286.8 Mb/s; 106 tones, MCS 9, 1.6 us
    NS_TEST_EXPECT_MSG_EQ_TOL(table.GetPhyRate(11, 40e6, false), 286.8e6, 0.05e6, "rate");
    NS_TEST_EXPECT_MSG_EQ_TOL(table.GetPhyRate(9, 8e6, true), 47.2e6, 0.05e6, "rate");

    for (uint32_t k = 0; k < distances.size(); k++)
    {
        const auto station = Mac48Address::ConvertFrom(cell.radio->GetNetDevice(k)->GetAddress());
        const auto law = cell.radio->GetLinkState(k).uplink.law;
        const double snr = cell.radio->GetSnr(k, false) / std::pow(10, 0.1); // McsMargin
        NS_TEST_EXPECT_MSG_EQ(law.kind, wdmoe::RateLaw::SHANNON, "full power in a share");
        for (const double hz : {8e6, 20e6, 40e6})
        {
            const int mcs = cell.radio->GetUplinkMcs(station, hz);
            NS_TEST_EXPECT_MSG_EQ(mcs, std::max(0, table.GetMcs(snr * 40e6 / hz, hz)), "MCS");
            // The steps of the MCS are up to 50 % apart; MCS 10 and 11 are not for narrow RUs.
            // Two RUs of 106 tones take 20 MHz.
            const double rate = table.GetPayloadRate(mcs, hz, true);
            NS_TEST_EXPECT_MSG_EQ_TOL(law.Rate(std::max(hz, 10e6)) / rate,
                                      1,
                                      0.4,
                                      k << " at " << hz);
        }
    }
    NS_TEST_EXPECT_MSG_EQ(+cell.radio->GetUplinkMcs(Mac48Address::Allocate(), 20e6), 0, "unknown");
}

/**
 * @ingroup wdmoe-tests
 *
 * A station that moves out of range is lost, costs the others nothing, and is taken back.
 */
class WifiLostDeviceTest : public TestCase
{
  public:
    /**
     * @param scheduler TypeId, or None
     * @param busy whether there is something to send when it goes
     */
    WifiLostDeviceTest(const std::string& scheduler, bool busy)
        : TestCase("lost device, " + scheduler + (busy ? ", busy" : ", idle")),
          m_scheduler(scheduler),
          m_busy(busy)
    {
    }

  private:
    void DoRun() override;

    std::string m_scheduler; ///< TypeId
    bool m_busy;             ///< see constructor
};

void
WifiLostDeviceTest::DoRun()
{
    Cell cell({10, 15, 20}, {{"Scheduler", m_scheduler}});
    auto valid = [&](uint32_t k) {
        const auto state = cell.radio->GetLinkState(k);
        return state.downlink.valid && state.uplink.valid;
    };
    Cell::Run(MilliSeconds(100));
    const double alone = cell.Measure(0, true, 1 << 20);
    const auto gone = cell.devices.Get(1)->GetId();
    cell.Move(1, 1000);
    const uint32_t bytes = m_busy ? 100000 : 0;
    if (m_busy)
    {
        cell.Send(1, true, bytes);
        cell.Send(1, false, bytes);
        cell.radio->ExpectUplink(1, bytes, Simulator::Now());
    }
    const double both = cell.Measure(0, true, 1 << 20);
    Cell::Run(Simulator::Now() + Seconds(m_busy ? 0.8 : 2));
    NS_TEST_EXPECT_MSG_EQ(valid(1), false, "lost");
    NS_TEST_EXPECT_MSG_EQ(valid(0) && valid(2), true, "the others are not");
    NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "not all are connected");
    NS_TEST_EXPECT_MSG_GT(both, 0, "served");
    const double later = cell.Measure(0, true, 1 << 20);
    NS_TEST_EXPECT_MSG_LT(later, 1.15 * alone, "a lost station takes next to nothing");
    const auto before = cell.radio->GetIgnoredExpectations(1);
    cell.radio->ExpectUplink(1, 1000, Simulator::Now());
    const bool scheduled = bool(cell.radio->GetScheduler());
    NS_TEST_EXPECT_MSG_EQ(cell.radio->GetIgnoredExpectations(1) - before,
                          uint32_t(scheduled),
                          "nothing is expected of it");

    cell.Move(1, 25);
    const auto stranded = cell.received[gone];
    Cell::Run(Simulator::Now() + Seconds(1));
    NS_TEST_EXPECT_MSG_EQ(valid(1), true, cell.radio->DescribeUnconnected());
    NS_TEST_EXPECT_MSG_EQ(cell.received[gone] - stranded, bytes, "what waited comes");
    NS_TEST_EXPECT_MSG_EQ_TOL(Db(cell.radio->GetSnr(1, true)), Cell::Snr(25, 20e6), 1, "measured");
    NS_TEST_EXPECT_MSG_EQ_TOL(Db(cell.radio->GetSnr(1, false)), Cell::Snr(25, 20e6), 1, "measured");
    for (const bool downlink : {true, false})
    {
        const double time = cell.Measure(1, downlink, 100000, true);
        NS_TEST_EXPECT_MSG_GT(time, 0, "served again");
        NS_TEST_EXPECT_MSG_LT(time, 0.1, "served again");
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * A device that comes while the simulation runs, and what an idle cell costs.
 */
class WifiLateDeviceTest : public TestCase
{
  public:
    WifiLateDeviceTest()
        : TestCase("late device, idle cell")
    {
    }

  private:
    void DoRun() override;
};

void
WifiLateDeviceTest::DoRun()
{
    Cell cell({10, 20});
    Cell::Run(MilliSeconds(300));
    auto node = CreateObject<Node>();
    node->AggregateObject(CreateObject<ConstantPositionMobilityModel>());
    node->GetObject<MobilityModel>()->SetPosition(Vector(15, 0, 0));
    NS_TEST_ASSERT_MSG_EQ(cell.radio->AddDevice(node), 2U, "third device");
    NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "not yet");
    Cell::Run(MilliSeconds(700));
    NS_TEST_ASSERT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnconnected());
    cell.devices.Add(node);
    for (const bool downlink : {true, false})
    {
        NS_TEST_EXPECT_MSG_GT(cell.Measure(0, downlink, 100000), 0, "the first is served");
    }

    // Probes of silent stations come now and then only.
    std::map<std::string, uint64_t> events;
    for (const auto* keepAlive : {"10s", "1000s"})
    {
        Cell idle({10, 15, 20, 25}, {{"KeepAlive", keepAlive}});
        Cell::Run(Seconds(1));
        const auto before = Simulator::GetEventCount();
        Cell::Run(Seconds(21));
        events[keepAlive] = Simulator::GetEventCount() - before;
        NS_TEST_EXPECT_MSG_EQ(idle.radio->IsReady(), true, "still there");
        const auto age = Simulator::Now() - idle.radio->GetLinkState(3).uplink.when;
        const bool probed = std::string(keepAlive) == "10s";
        NS_TEST_EXPECT_MSG_EQ((age < Seconds(10.2)), probed, "fresh");
    }
    NS_TEST_EXPECT_MSG_LT(events["10s"], 2 * events["1000s"], "events of an idle cell");
}

/**
 * @ingroup wdmoe-tests
 *
 * Modes in which plans are not enforced, and stations that cannot do OFDMA.
 */
class WifiModesTest : public TestCase
{
  public:
    WifiModesTest()
        : TestCase("other schedulers, standards and rate managers")
    {
    }

  private:
    void DoRun() override;
};

void
WifiModesTest::DoRun()
{
    struct Mode
    {
        Cell::Settings settings; ///< of the radio
        std::string own;         ///< standard of device 1, if it has its own
        bool enforced;           ///< whether plans are
    };

    const std::vector<Mode> modes = {
        {{}, "", true},
        {{}, "80211ac", true},
        {{{"Bandwidth", "80"}}, "80211n", true},
        {{{"Scheduler", "None"}}, "", false},
        {{{"Scheduler", "ns3::RrMultiUserScheduler"}}, "", false},
        {{{"Scheduler", "None"}, {"RtsThreshold", "2000"}}, "", false},
        {{{"Standard", "80211ac"}, {"Bandwidth", "80"}}, "", false},
        {{{"Standard", "80211n"}}, "", false},
        {{{"Scheduler", "None"},
          {"RateManager", "ns3::ConstantRateWifiManager"},
          {"DataMode", "HeMcs3"}},
         "",
         false},
        {{{"RateManager", "ns3::ConstantRateWifiManager"}, {"DataMode", "HeMcs3"}}, "", true},
    };
    for (const auto& mode : modes)
    {
        std::string name = "own " + mode.own;
        for (const auto& [attribute, value] : mode.settings)
        {
            name += " " + attribute + "=" + value;
        }
        Cell cell({10, 18}, mode.settings, [&](WdmoeWifiRadioHelper& helper) {
            if (!mode.own.empty())
            {
                helper.SetDeviceStandard(1, mode.own);
            }
        });
        Cell::Run(MilliSeconds(100));
        NS_TEST_ASSERT_MSG_EQ(cell.radio->IsReady(),
                              true,
                              name << cell.radio->DescribeUnconnected());
        const auto capabilities = cell.radio->GetCapabilities();
        NS_TEST_EXPECT_MSG_EQ(capabilities.strict, false, name);
        NS_TEST_EXPECT_MSG_EQ(capabilities.leftover, mode.enforced, name);
        NS_TEST_EXPECT_MSG_EQ(capabilities.expectUplink, mode.enforced, name);
        NS_TEST_EXPECT_MSG_EQ(capabilities.progress, mode.enforced, name);
        NS_TEST_EXPECT_MSG_EQ(capabilities.fullDuplex, false, name);
        WdmoePlan plan;
        plan.downlink = plan.uplink = {{0.5, 1, 0}, {0.5, 1, 0}};
        cell.radio->SetPlan(plan);
        const auto hz = cell.radio->GetBudget().downlinkHz;
        for (uint32_t k = 0; k < 2; k++)
        {
            for (const bool downlink : {true, false})
            {
                auto used = [&]() {
                    const auto usage = cell.radio->GetUsage(k);
                    return downlink ? usage.downlinkHzS : usage.uplinkHzS;
                };
                const double before = used();
                const double time = cell.Measure(k, downlink, 1 << 20, true);
                const auto state = cell.radio->GetLinkState(k);
                const auto& law = downlink ? state.downlink.law : state.uplink.law;
                const double expected = (8 << 20) / law.Rate(hz);
                // The law of a legacy station counts the usual back-off, not that of StationCwMin.
                const double tolerance = !mode.own.empty() && k == 1 && !downlink ? 0.2 : 0.15;
                NS_TEST_EXPECT_MSG_EQ_TOL(time / expected, 1, tolerance, name << " device " << k);
                if (mode.own.empty() || k == 0)
                {
                    NS_TEST_EXPECT_MSG_EQ_TOL((used() - before) / (time * hz), 0.95, 0.12, name);
                }
            }
        }
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * The same seed gives the same events, another one others.
 */
class WifiFingerprintTest : public TestCase
{
  public:
    WifiFingerprintTest()
        : TestCase("the same seed, the same result")
    {
    }

  private:
    void DoRun() override;
};

void
WifiFingerprintTest::DoRun()
{
    auto fingerprint = [](const std::string& scheduler, uint64_t run) {
        const auto old = RngSeedManager::GetRun();
        RngSeedManager::SetRun(run);
        Cell cell({8, 15, 22, 30}, {{"Scheduler", scheduler}});
        Cell::Run(MilliSeconds(100));
        for (uint32_t k = 0; k < 4; k++)
        {
            cell.Send(k, true, 100000);
            cell.Send(k, false, 100000);
        }
        Cell::Run(Seconds(1));
        std::ostringstream text;
        for (const auto& [node, when] : cell.last)
        {
            text << cell.received[node] << " " << when.GetNanoSeconds() << " ";
        }
        RngSeedManager::SetRun(old);
        return text.str();
    };
    for (const auto* scheduler : {"None", "ns3::WdmoeMultiUserScheduler"})
    {
        const auto first = fingerprint(scheduler, 1);
        NS_TEST_EXPECT_MSG_EQ(first, fingerprint(scheduler, 1), scheduler);
        NS_TEST_EXPECT_MSG_NE(first, fingerprint(scheduler, 2), scheduler);
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Bad settings are refused with a message that says what would be right.
 */
class WifiBadInputTest : public TestCase
{
  public:
    WifiBadInputTest()
        : TestCase("bad input is refused")
    {
    }

  private:
    void DoRun() override;
};

void
WifiBadInputTest::DoRun()
{
    struct Case
    {
        Cell::Settings settings; ///< of the radio
        std::string expected;    ///< part of the message
    };

    const std::vector<Case> cases = {
        {{{"Bandwidth", "30"}}, "Bandwidth is 30 MHz; 80211ax has 20, 40, 80 and 160"},
        {{{"Bandwidth", "80"}, {"Standard", "80211n"}}, "80211n has 20 and 40"},
        {{{"Standard", "80211b"}}, "expected 80211n, 80211ac or 80211ax"},
        {{{"Scheduler", "ns3::PfFfMacScheduler"}}, "is not a multi-user scheduler"},
        {{{"Scheduler", "EDCA"}}, "or None"},
        {{{"RateManager", "Ideal"}}, "for example ns3::WdmoeWifiManager"},
    };
    for (const auto& c : cases)
    {
        const auto message = WdmoeAbortMessage([&]() { Cell cell({10}, c.settings); });
        NS_TEST_EXPECT_MSG_NE(message.find(c.expected), std::string::npos, message);
    }
    auto message = WdmoeAbortMessage([]() {
        Cell cell({10}, {}, [](WdmoeWifiRadioHelper& helper) {
            helper.SetAttribute("Channel", PointerValue(CreateObject<YansWifiChannel>()));
        });
    });
    NS_TEST_EXPECT_MSG_NE(message.find("give a SpectrumChannel"), std::string::npos, message);
    message = WdmoeAbortMessage([]() { Cell cell(std::vector<double>(5000, 10.0)); });
    NS_TEST_EXPECT_MSG_NE(message.find("WdmoeWifiRadio"), std::string::npos, message);
    message = WdmoeAbortMessage([]() {
        Cell cell({10});
        cell.radio->SetDeviceStandard(cell.server, "80211p");
    });
    NS_TEST_EXPECT_MSG_NE(message.find("80211p"), std::string::npos, message);
    message = WdmoeAbortMessage(
        []() { WdmoeWifiRadioHelper().Install(CreateObject<Node>(), NodeContainer(1)); });
    NS_TEST_EXPECT_MSG_NE(message.find("MobilityModel"), std::string::npos, message);
    message = WdmoeAbortMessage([]() {
        Cell cell({10});
        auto radio = CreateObject<WdmoeWifiRadio>();
        radio->SetServerNode(cell.server);
        radio->AddDevice(cell.devices.Get(0));
    });
    NS_TEST_EXPECT_MSG_NE(message.find("another Network"), std::string::npos, message);
    // Out of range: which, and how far.
    message = WdmoeAbortMessage([]() {
        Cell cell({10, 900}, {}, [](WdmoeWifiRadioHelper& helper) {
            helper.SetConnectDeadline(Seconds(1));
        });
        Cell::Run(Seconds(2));
    });
    NS_TEST_EXPECT_MSG_NE(message.find("is 900 m from the access point and not associated"),
                          std::string::npos,
                          message);
    NS_TEST_EXPECT_MSG_EQ(message.find("is 10 m"), std::string::npos, message);
    // What is within reach is not refused.
    message = WdmoeAbortMessage([]() {
        Cell cell({10, 30}, {}, [](WdmoeWifiRadioHelper& helper) {
            helper.SetConnectDeadline(MilliSeconds(100));
        });
        Cell::Run(MilliSeconds(200));
    });
    NS_TEST_EXPECT_MSG_EQ(message, "", "in range");
}

/**
 * @ingroup wdmoe-tests
 *
 * The Wi-Fi radio.
 */
class WifiRadioTestSuite : public TestSuite
{
  public:
    WifiRadioTestSuite()
        : TestSuite("wdmoe-radio-wifi", Type::UNIT)
    {
        AddTestCase(new WifiBadInputTest, Duration::QUICK);
        AddTestCase(new WifiLinkAdaptationTest, Duration::QUICK);
        AddTestCase(new WifiFingerprintTest, Duration::QUICK);
        AddTestCase(new WifiModesTest, Duration::QUICK);
        AddTestCase(new WifiLateDeviceTest, Duration::QUICK);
        for (const bool busy : {true, false})
        {
            for (const auto* scheduler : {"None", "ns3::WdmoeMultiUserScheduler"})
            {
                AddTestCase(new WifiLostDeviceTest(scheduler, busy), Duration::QUICK);
            }
        }
        for (const uint32_t mhz : {20U, 80U})
        {
            for (const auto* scheduler :
                 {"None", "ns3::RrMultiUserScheduler", "ns3::WdmoeMultiUserScheduler"})
            {
                AddTestCase(new WifiLinkStateTest(scheduler, mhz), Duration::QUICK);
            }
            // Not of the stock scheduler, whose MCS is too bold for some SNRs.
            for (const auto* scheduler : {"None", "ns3::WdmoeMultiUserScheduler"})
            {
                AddTestCase(new WifiTransferTest(scheduler, mhz), Duration::QUICK);
            }
        }
    }
};

WifiRadioTestSuite g_wifiRadioTestSuite; ///< registers itself

} // namespace
