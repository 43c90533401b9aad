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
#include "ns3/wdmoe-wifi-radio-helper.h"
#include "ns3/wdmoe-wifi-radio.h"
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
            std::clog << m_scheduler << " " << m_mhz << " " << k << " exp " << expected << " dl "
                      << Db(cell.radio->GetSnr(k, true)) << " ul "
                      << Db(cell.radio->GetSnr(k, false)) << " eff " << state.downlink.law.efficiency
                      << " var " << state.downlink.relativeVariance << " up "
                      << state.uplink.law.Rate(1e6 * m_mhz) / (1e6 * m_mhz) << " "
                      << state.uplink.law.Rate(.25e6 * m_mhz) / (.25e6 * m_mhz) << " "
                      << state.uplink.relativeVariance << std::endl;
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
                const auto delay =
                    downlink ? capabilities.downlinkDelay : capabilities.uplinkDelay;
                const double expected =
                    8.0 * bytes / law.Rate(1e6 * m_mhz) + delay.GetSeconds();
                double sum = 0;
                const int n = bytes > 10000 ? 1 : 10;
                for (int i = 0; i < n; i++)
                {
                    sum += cell.Measure(k, downlink, bytes, true);
                }
                std::clog << m_scheduler << " " << m_mhz << " dev " << k
                          << (downlink ? " DL " : " UL ") << bytes << " predicted "
                          << expected * 1e3 << " ms, measured " << sum / n * 1e3 << " ms, ratio "
                          << sum / n / expected << std::endl;
            }
        }
    }
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
        for (const uint32_t mhz : {20U, 80U})
        {
            for (const auto* scheduler : {"None", "ns3::RrMultiUserScheduler", "ns3::WdmoeMultiUserScheduler"})
            {
                AddTestCase(new WifiLinkStateTest(scheduler, mhz), Duration::QUICK);
                AddTestCase(new WifiTransferTest(scheduler, mhz), Duration::QUICK);
            }
        }
    }
};

WifiRadioTestSuite g_wifiRadioTestSuite; ///< registers itself

} // namespace
