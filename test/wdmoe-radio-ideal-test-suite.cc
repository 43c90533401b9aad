/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/inet-socket-address.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/packet.h"
#include "ns3/position-allocator.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-ideal-radio.h"

#include <cmath>
#include <map>

using namespace ns3;

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-tests Tests of WDMoE
 */

namespace
{

/**
 * @ingroup wdmoe-tests
 *
 * A base station and K devices on a line, and packets of 972 + 28 bytes between them.
 */
class Cell
{
  public:
    /**
     * @param distances of the devices, m
     * @param fading "None" or "Rayleigh"
     * @param uplinkBandwidth 0: coupled
     */
    Cell(const std::vector<double>& distances,
         const std::string& fading = "None",
         double uplinkBandwidth = 0)
    {
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
        WdmoeIdealRadioHelper helper;
        helper.SetAttribute("Fading", StringValue(fading));
        helper.SetAttribute("UplinkBandwidth", DoubleValue(uplinkBandwidth));
        radio = DynamicCast<WdmoeIdealRadio>(helper.Install(server, devices));
        radio->AssignStreams(7);
        for (uint32_t k = 0; k < devices.GetN(); k++)
        {
            auto socket = Socket::CreateSocket(devices.Get(k), UdpSocketFactory::GetTypeId());
            socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), 9));
            socket->SetRecvCallback(Callback<void, Ptr<Socket>>([this, k](Ptr<Socket> s) {
                while (s->Recv())
                {
                    last[k] = Simulator::Now().GetSeconds();
                    received[k]++;
                }
            }));
        }
    }

    ~Cell()
    {
        Simulator::Destroy();
    }

    /**
     * @param device to send to
     * @param packets of 1000 bytes with headers
     */
    void Send(uint32_t device, uint32_t packets)
    {
        auto socket = Socket::CreateSocket(server, UdpSocketFactory::GetTypeId());
        socket->Connect(
            InetSocketAddress(Ipv4Address::ConvertFrom(radio->GetDeviceAddress(device)), 9));
        for (uint32_t i = 0; i < packets; i++)
        {
            socket->Send(Create<Packet>(972));
        }
    }

    /**
     * @param guaranteed by device, both ways
     * @param weight by device, both ways
     * @param priority by device, both ways
     */
    void Plan(const std::vector<double>& guaranteed,
              const std::vector<double>& weight = {},
              const std::vector<int32_t>& priority = {})
    {
        WdmoePlan plan;
        for (std::size_t k = 0; k < guaranteed.size(); k++)
        {
            plan.downlink.push_back({guaranteed[k],
                                     weight.empty() ? 0 : weight[k],
                                     priority.empty() ? 0 : priority[k]});
        }
        plan.uplink = plan.downlink;
        radio->SetPlan(plan);
    }

    /**
     * The paper's rate, written out anew.
     *
     * @param distance m
     * @param hz bandwidth
     * @param watt transmit power
     * @return bit/s
     */
    static double Rate(double distance, double hz, double watt)
    {
        const double lossDb = 32.4 + 20 * std::log10(3.5) + 20 * std::log10(distance);
        const double n0 = std::pow(10, -174.0 / 10) / 1000;
        return hz * std::log2(1 + watt * std::pow(10, -lossDb / 10) / (n0 * hz));
    }

    Ptr<Node> server;                      ///< base station
    NodeContainer devices;                 ///< devices
    Ptr<WdmoeIdealRadio> radio;            ///< under test
    std::map<uint32_t, double> last;       ///< arrival of the last packet, s
    std::map<uint32_t, uint32_t> received; ///< packets
};

/**
 * @ingroup wdmoe-tests
 *
 * Transfer times against the formula: strict, changed in mid-flow, leftover, priority, share 0.
 */
class IdealTransferTest : public TestCase
{
  public:
    IdealTransferTest()
        : TestCase("transfer times follow the formula and the plan")
    {
    }

  private:
    void DoRun() override;
};

void
IdealTransferTest::DoRun()
{
    const double bits = 1000 * 8000.0; // 1000 packets
    const double p = 10;
    {
        Cell cell({50, 200});
        cell.Plan({0.3, 0.7});
        cell.Send(0, 1000);
        cell.Send(1, 1000);
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[0] / (bits / Cell::Rate(50, 30e6, p)),
                                  1,
                                  1e-5,
                                  "strict");
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[1] / (bits / Cell::Rate(200, 70e6, p)),
                                  1,
                                  1e-5,
                                  "strict");
    }
    {
        // half of it at 0.2, then 0.8 from the middle of a packet on
        Cell cell({100});
        const double slow = Cell::Rate(100, 20e6, p);
        const double fast = Cell::Rate(100, 80e6, p);
        const double change = 0.5003 * bits / slow;
        cell.Plan({0.2});
        cell.Send(0, 1000);
        Simulator::Schedule(Seconds(change), [&]() { cell.Plan({0.8}); });
        Simulator::Run();
        const double expected = change + 0.4997 * bits / fast;
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[0] / expected, 1, 1e-5, "changed in mid-packet");
    }
    {
        // equal parts of everything; when one is done the other has it all
        Cell cell({100, 100});
        cell.Plan({0, 0}, {1, 1});
        cell.Send(0, 500);
        cell.Send(1, 1000);
        Simulator::Run();
        const double half = Cell::Rate(100, 50e6, p);
        const double all = Cell::Rate(100, 100e6, p);
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[0] / (bits / 2 / half), 1, 1e-5, "shared");
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[1] / (bits / 2 / half + bits / 2 / all),
                                  1,
                                  1e-5,
                                  "leftover");
    }
    {
        // one after another
        Cell cell({100, 100});
        cell.Plan({0, 0}, {1, 1}, {1, 2});
        cell.Send(0, 1000);
        cell.Send(1, 1000);
        Simulator::Run();
        const double one = bits / Cell::Rate(100, 100e6, p);
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[1] / one, 1, 1e-5, "first");
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.last[0] / (2 * one), 1, 1e-5, "second");
    }
    {
        // nothing moves at share 0, everything once there is a share
        Cell cell({100});
        cell.Plan({0.0});
        cell.Send(0, 10);
        Simulator::Schedule(Seconds(1), [&]() {
            NS_TEST_EXPECT_MSG_EQ(cell.received[0], 0U, "share 0 holds");
            cell.Plan({1.0});
        });
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(cell.received[0], 10U, "nothing is lost");
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Link states, usage, budget, and fading drawn by measurements only.
 */
class IdealStateTest : public TestCase
{
  public:
    IdealStateTest()
        : TestCase("link states, usage and fading")
    {
    }

  private:
    void DoRun() override;
};

void
IdealStateTest::DoRun()
{
    {
        Cell cell({50, 200}, "None", 40e6);
        cell.radio->Measure();
        const auto state = cell.radio->GetLinkState(1);
        NS_TEST_ASSERT_MSG_EQ(state.downlink.valid && state.uplink.valid, true, "measured");
        NS_TEST_ASSERT_MSG_EQ_TOL(state.downlink.law.Rate(1e7) / Cell::Rate(200, 1e7, 10),
                                  1,
                                  1e-4,
                                  "downlink law");
        NS_TEST_ASSERT_MSG_EQ_TOL(state.uplink.law.Rate(1e7) / Cell::Rate(200, 1e7, 0.2),
                                  1,
                                  1e-4,
                                  "uplink law");
        const auto budget = cell.radio->GetBudget();
        NS_TEST_ASSERT_MSG_EQ(budget.coupled, false, "two budgets");
        NS_TEST_ASSERT_MSG_EQ(budget.uplinkHz, 40e6, "uplink budget");
        cell.Plan({0.25, 0.5});
        cell.Send(0, 100);
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ_TOL(cell.radio->GetUsage(0).downlinkHzS / (25e6 * cell.last[0]),
                                  1,
                                  1e-6,
                                  "usage");
        NS_TEST_ASSERT_MSG_EQ(cell.radio->GetUsage(1).downlinkHzS, 0, "idle");
    }
    // block fading: mean 1, constant between measurements, the same for the same stream
    double sum = 0;
    std::vector<double> first;
    for (int again = 0; again < 2; again++)
    {
        Cell cell({100, 100}, "Rayleigh");
        const double g0 = 1e7 * (std::pow(2, Cell::Rate(100, 1e7, 10) / 1e7) - 1);
        for (int i = 0; i < 5000; i++)
        {
            cell.radio->Measure();
            const double g = cell.radio->GetLinkState(0).downlink.law.gainHz / g0;
            NS_TEST_ASSERT_MSG_EQ(cell.radio->GetLinkState(0).downlink.law.gainHz / g0,
                                  g,
                                  "reading does not draw");
            const auto up = cell.radio->GetLinkState(0).uplink.law.gainHz / g0;
            NS_TEST_ASSERT_MSG_EQ_TOL(up / g, 0.02, 1e-6, "the same both ways");
            if (again == 0)
            {
                first.push_back(g);
                sum += g;
            }
            else
            {
                NS_TEST_ASSERT_MSG_EQ(g, first[i], "same stream, same fading");
            }
        }
    }
    NS_TEST_ASSERT_MSG_EQ_TOL(sum / 5000, 1, 0.05, "mean power gain");
}

/**
 * @ingroup wdmoe-tests
 *
 * Bad plans and settings are refused with a message.
 */
class IdealBadInputTest : public TestCase
{
  public:
    IdealBadInputTest()
        : TestCase("bad plans are refused")
    {
    }

  private:
    void DoRun() override;
};

void
IdealBadInputTest::DoRun()
{
    const double nan = std::nan("");
    const double inf = std::numeric_limits<double>::infinity();

    struct Case
    {
        std::vector<double> guaranteed; ///< by device
        std::vector<double> weight;     ///< by device
        std::string expected;           ///< part of the message; empty: fine
    };

    const std::vector<Case> cases = {
        {{0.5, 0.5}, {0, 0}, ""},
        {{0, 0}, {1, 1}, ""},
        {{-0.1, 0.5}, {0, 0}, "share of device 0 is -0.1"},
        {{0.5, nan}, {0, 0}, "share of device 1 is nan"},
        {{0.6, 0.5}, {0, 0}, "shares sum to 1.1"},
        {{inf, 0}, {0, 0}, "share of device 0 is inf"},
        {{0.5}, {0}, "1 downlink shares for 2 devices"},
        {{0.5, 0.5}, {-1, 0}, "weight of device 0 is -1"},
        {{0.5, 0.5}, {0, inf}, "weight of device 1 is inf"},
    };
    for (const auto& c : cases)
    {
        WdmoePlan plan;
        for (std::size_t k = 0; k < c.guaranteed.size(); k++)
        {
            plan.downlink.push_back({c.guaranteed[k], c.weight[k], 0});
        }
        plan.uplink = plan.downlink;
        const auto error = WdmoeRadio::CheckPlan(plan, 2);
        NS_TEST_ASSERT_MSG_EQ(error.empty(), c.expected.empty(), error);
        NS_TEST_ASSERT_MSG_NE(error.find(c.expected), std::string::npos, error);
    }
    auto message = WdmoeAbortMessage([]() {
        Cell cell({50, 60});
        cell.Plan({0.9, 0.9});
    });
    NS_TEST_ASSERT_MSG_NE(message.find("scale them down"), std::string::npos, message);
    message = WdmoeAbortMessage([]() {
        WdmoeIdealRadioHelper helper;
        helper.Install(CreateObject<Node>(), NodeContainer(1));
    });
    NS_TEST_ASSERT_MSG_NE(message.find("MobilityModel"), std::string::npos, message);
}

/**
 * @ingroup wdmoe-tests
 *
 * The ideal radio.
 */
class IdealRadioTestSuite : public TestSuite
{
  public:
    IdealRadioTestSuite()
        : TestSuite("wdmoe-radio-ideal", Type::UNIT)
    {
        AddTestCase(new IdealTransferTest, Duration::QUICK);
        AddTestCase(new IdealStateTest, Duration::QUICK);
        AddTestCase(new IdealBadInputTest, Duration::QUICK);
    }
};

IdealRadioTestSuite g_idealRadioTestSuite; ///< registers itself

} // namespace
