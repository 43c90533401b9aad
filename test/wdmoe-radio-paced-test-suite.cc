/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-test-support.h"

#include "ns3/config.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/csma-helper.h"
#include "ns3/double.h"
#include "ns3/error-model.h"
#include "ns3/inet-socket-address.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/mobility-helper.h"
#include "ns3/packet.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/pointer.h"
#include "ns3/position-allocator.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-paced-radio-helper.h"
#include "ns3/wdmoe-paced-radio.h"

#include <cmath>
#include <functional>
#include <numeric>

using namespace ns3;

namespace
{

/// Which directions are saturated
enum Direction
{
    DOWN = 1, ///< downlink
    UP = 2,   ///< uplink
    BOTH = 3  ///< both at once
};

/**
 * @ingroup wdmoe-tests
 *
 * A base station and devices around it over one of the helper's media, and datagrams of 1400 bytes
 * that keep the queues of those that are to send filled.
 */
class PacedCell
{
  public:
    /**
     * @param medium of the helper
     * @param devices how many
     * @param set sets attributes of the helper
     */
    PacedCell(const std::string& medium,
              uint32_t devices,
              const std::function<void(WdmoePacedRadioHelper&)>& set = {})
        : m_got(2 * devices, 0),
          m_sent(2 * devices, 0),
          m_on(2 * devices, false)
    {
        server = CreateObject<Node>();
        nodes.Create(devices);
        MobilityHelper mobility;
        auto positions = CreateObject<ListPositionAllocator>();
        positions->Add(Vector(0, 0, 0));
        for (uint32_t k = 0; k < devices; k++)
        {
            positions->Add(Vector(10 * std::cos(1.5 * k), 10 * std::sin(1.5 * k), 0));
        }
        mobility.SetPositionAllocator(positions);
        mobility.Install(server);
        mobility.Install(nodes);
        WdmoePacedRadioHelper helper(medium);
        if (set)
        {
            set(helper);
        }
        radio = DynamicCast<WdmoePacedRadio>(helper.Install(server, nodes));
        radio->AssignStreams(100);
        for (uint32_t i = 0; i < 2 * devices; i++)
        {
            const bool down = i % 2 == 0;
            auto from = down ? server : nodes.Get(i / 2);
            auto to = down ? nodes.Get(i / 2) : server;
            const InetSocketAddress address(
                Ipv4Address::ConvertFrom(down ? radio->GetDeviceAddress(i / 2)
                                              : radio->GetServerAddress(i / 2)),
                5000 + i);
            auto sink = Socket::CreateSocket(to, UdpSocketFactory::GetTypeId());
            sink->Bind(address);
            sink->SetRecvCallback(Callback<void, Ptr<Socket>>([this, i](Ptr<Socket> s) {
                while (auto packet = s->Recv())
                {
                    m_got[i] += packet->GetSize() + 28;
                }
            }));
            auto source = Socket::CreateSocket(from, UdpSocketFactory::GetTypeId());
            source->Connect(address);
            m_sources.push_back(source);
        }
        Simulator::Schedule(MilliSeconds(2), &PacedCell::Feed, this);
    }

    ~PacedCell()
    {
        radio->Dispose();
        Simulator::Destroy();
    }

    /**
     * Run on until all is measured.
     *
     * @param most give up after that, s
     * @return true if it was
     */
    bool WaitReady(double most = 5)
    {
        const double end = Simulator::Now().GetSeconds() + most;
        while (!radio->IsReady() && Simulator::Now().GetSeconds() < end)
        {
            Run(0.005);
        }
        return radio->IsReady();
    }

    /**
     * @param seconds to run on for
     */
    void Run(double seconds)
    {
        Simulator::Stop(Seconds(seconds));
        Simulator::Run();
    }

    /**
     * @param device index
     * @param directions to keep filled; 0: none
     */
    void Fill(uint32_t device, int directions)
    {
        m_on[2 * device] = directions & DOWN;
        m_on[2 * device + 1] = directions & UP;
    }

    /**
     * @param guaranteed by device, both ways
     * @param weight of all
     * @param priority by device, both ways
     */
    void Plan(const std::vector<double>& guaranteed,
              double weight = 0,
              const std::vector<int32_t>& priority = {})
    {
        WdmoePlan plan;
        for (std::size_t k = 0; k < guaranteed.size(); k++)
        {
            plan.downlink.push_back({guaranteed[k], weight, priority.empty() ? 0 : priority[k]});
        }
        plan.uplink = plan.downlink;
        radio->SetPlan(plan);
    }

    /**
     * @param seconds to run on for
     * @return mean rate by end (downlink 2 k, uplink 2 k + 1), bit/s
     */
    std::vector<double> Rates(double seconds)
    {
        const auto before = m_got;
        Run(seconds);
        std::vector<double> rates;
        for (std::size_t i = 0; i < m_got.size(); i++)
        {
            rates.push_back(8.0 * static_cast<double>(m_got[i] - before[i]) / seconds);
        }
        return rates;
    }

    /**
     * @param rates by end
     * @param uplink direction
     * @return what each device has of the time that all of them used
     */
    std::vector<double> Parts(const std::vector<double>& rates, bool uplink) const
    {
        std::vector<double> parts;
        for (uint32_t k = 0; k < nodes.GetN(); k++)
        {
            parts.push_back(rates[2 * k + uplink] / radio->GetCapacity(k, !uplink));
        }
        const double sum = std::accumulate(parts.begin(), parts.end(), 0.0);
        for (auto& p : parts)
        {
            p /= sum;
        }
        return parts;
    }

    /**
     * @param end downlink 2 k, uplink 2 k + 1
     * @return bytes of IP packets that arrived
     */
    uint64_t Got(uint32_t end) const
    {
        return m_got.at(end);
    }

    /**
     * @param end downlink 2 k, uplink 2 k + 1
     * @return bytes of IP packets that were sent
     */
    uint64_t Sent(uint32_t end) const
    {
        return m_sent.at(end);
    }

    /**
     * @param end downlink 2 k, uplink 2 k + 1
     * @param packets to send now
     */
    void Send(uint32_t end, uint32_t packets)
    {
        for (uint32_t i = 0; i < packets; i++)
        {
            m_sources[end]->Send(Create<Packet>(1400));
            m_sent[end] += 1428;
        }
    }

    Ptr<Node> server;           ///< base station
    NodeContainer nodes;        ///< devices
    Ptr<WdmoePacedRadio> radio; ///< under test

  private:
    /// Keep 60 kB waiting
    void Feed()
    {
        for (uint32_t i = 0; i < m_on.size(); i++)
        {
            const auto queued = radio->GetCount(i / 2, i % 2 == 0).queued;
            if (m_on[i] && queued < 60000)
            {
                Send(i, 1 + (60000 - queued) / 1428);
            }
        }
        Simulator::Schedule(MilliSeconds(2), &PacedCell::Feed, this);
    }

    std::vector<uint64_t> m_got;        ///< by end
    std::vector<uint64_t> m_sent;       ///< by end
    std::vector<bool> m_on;             ///< by end
    std::vector<Ptr<Socket>> m_sources; ///< by end
};

/**
 * @ingroup wdmoe-tests
 *
 * Shares of four devices, strict, within what the radio declares, over its time constant.
 */
class PacedShareTest : public TestCase
{
  public:
    /**
     * @param medium of the helper
     * @param directions saturated
     */
    PacedShareTest(const std::string& medium, int directions)
        : TestCase("shares over " + medium +
                   (directions == BOTH ? ", both ways" : (directions == UP ? ", up" : ", down"))),
          m_medium(medium),
          m_directions(directions)
    {
    }

  private:
    void DoRun() override;

    std::string m_medium; ///< of the helper
    int m_directions;     ///< saturated
};

void
PacedShareTest::DoRun()
{
    PacedCell cell(m_medium, 4);
    NS_TEST_ASSERT_MSG_EQ(cell.WaitReady(), true, cell.radio->DescribeUnmeasured());
    const auto capabilities = cell.radio->GetCapabilities();
    const double constant = capabilities.timeConstant.GetSeconds();
    std::vector<double> shares{0.4, 0.3, 0.2, 0.1};
    for (uint32_t k = 0; k < 4; k++)
    {
        cell.Fill(k, m_directions);
    }
    // again with other shares, changed while the queues are full
    for (int again = 0; again < 2; again++)
    {
        cell.Plan(shares);
        cell.Run(0.1);
        const auto rates = cell.Rates(constant);
        double promised = 0;
        double got = 0;
        for (int uplink = 0; uplink < 2; uplink++)
        {
            if (!(m_directions & (uplink ? UP : DOWN)))
            {
                continue;
            }
            const auto parts = cell.Parts(rates, uplink);
            for (uint32_t k = 0; k < 4; k++)
            {
                NS_TEST_EXPECT_MSG_EQ_TOL(parts[k],
                                          shares[k],
                                          capabilities.shareAccuracy,
                                          "device " << k << (uplink ? " up" : " down"));
                const auto state = cell.radio->GetLinkState(k);
                const auto& law = (uplink ? state.uplink : state.downlink).law;
                const bool half = m_directions == BOTH && !capabilities.fullDuplex;
                promised += law.Rate(shares[k] / (half ? 2 : 1));
                got += rates[2 * k + uplink];
            }
        }
        // what the laws promise for all who contend is what the medium carries
        NS_TEST_EXPECT_MSG_EQ_TOL(got / promised, 1, 0.1, "the laws");
        std::swap(shares[0], shares[3]);
        std::swap(shares[1], shares[2]);
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * The capacity measured is what one device gets when nothing paces it.
 */
class PacedCapacityTest : public TestCase
{
  public:
    /**
     * @param medium of the helper
     * @param tolerance relative
     */
    PacedCapacityTest(const std::string& medium, double tolerance)
        : TestCase("capacity of " + medium),
          m_medium(medium),
          m_tolerance(tolerance)
    {
    }

  private:
    void DoRun() override;

    std::string m_medium; ///< of the helper
    double m_tolerance;   ///< relative
};

void
PacedCapacityTest::DoRun()
{
    double truth = 100e6 * 1428 / 1430; // PPP adds two bytes
    if (m_medium != "p2p")
    {
        // a radio that never gets a sample never paces
        PacedCell cell(m_medium, 1, [](WdmoePacedRadioHelper& helper) {
            helper.SetAttribute("TrainPackets", UintegerValue(1000000000));
            helper.SetAttribute("InitialWindow", UintegerValue(1000000));
        });
        cell.Run(0.5);
        NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "no sample");
        NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(0).downlink.valid, false, "no sample");
        // the probe of one direction goes on and on, and the other waits
        const auto delivered = [&cell]() {
            return cell.radio->GetCount(0, true).delivered +
                   cell.radio->GetCount(0, false).delivered;
        };
        const auto before = delivered();
        cell.Run(0.5);
        truth = 8.0 * static_cast<double>(delivered() - before) / 0.5;
    }
    PacedCell cell(m_medium, 2, [](WdmoePacedRadioHelper& helper) {
        helper.SetAttribute("MaxAge", TimeValue(Seconds(2)));
    });
    NS_TEST_ASSERT_MSG_EQ(cell.WaitReady(), true, cell.radio->DescribeUnmeasured());
    for (uint32_t k = 0; k < 2; k++)
    {
        for (const bool downlink : {true, false})
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(cell.radio->GetCapacity(k, downlink) / truth,
                                      1,
                                      m_tolerance,
                                      "device " << k << (downlink ? " down" : " up"));
        }
    }
    const auto state = cell.radio->GetLinkState(1);
    NS_TEST_EXPECT_MSG_EQ((state.downlink.valid && state.uplink.valid), true, "measured");
    NS_TEST_EXPECT_MSG_GT(state.downlink.when, Time(0), "time stamp");
    NS_TEST_EXPECT_MSG_LT(state.downlink.relativeVariance, 0.02, "steady");
    // paced traffic alone does not pull it down, and probes keep it fresh
    cell.Plan({0.3, 0.2});
    cell.Fill(0, BOTH);
    cell.Run(4);
    NS_TEST_EXPECT_MSG_EQ_TOL(cell.radio->GetCapacity(0, true) / truth, 1, m_tolerance, "later");
    NS_TEST_EXPECT_MSG_GT(cell.radio->GetLinkState(0).uplink.when, Seconds(1), "probed again");
}

/**
 * @ingroup wdmoe-tests
 *
 * A medium on which a train of TrainTime is thousands of packets: it is complete by its packets.
 */
class PacedFastTest : public TestCase
{
  public:
    PacedFastTest()
        : TestCase("capacity of a fast bus")
    {
    }

  private:
    void DoRun() override;
};

void
PacedFastTest::DoRun()
{
    const double rate = 4294967295; // what a CsmaChannel has if nobody says anything
    // a frame has 18 bytes more, and the bus is free when its end has come to the other one's
    const double truth = 8 * 1428 / (8 * 1446 / rate + 1e-6);
    std::vector<uint64_t> handed;
    for (const uint32_t most : {1000000000U, 256U})
    {
        PacedCell cell("csma", 2, [most](WdmoePacedRadioHelper& helper) {
            helper.SetLink("4294967295bps", MicroSeconds(1));
            helper.SetAttribute("TrainMost", UintegerValue(most));
        });
        NS_TEST_ASSERT_MSG_EQ(cell.WaitReady(0.5), true, cell.radio->DescribeUnmeasured());
        handed.push_back(cell.radio->GetCount(1, false).handed);
        for (uint32_t i = 0; i < 4; i++)
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(cell.radio->GetCapacity(i / 2, i % 2 == 0) / truth,
                                      1,
                                      0.02,
                                      "end " << i << ", trains of at most " << most);
        }
    }
    // two trains of 8 ms, or of 256 packets, and what was sent until that was known
    NS_TEST_EXPECT_MSG_GT(handed[0], 2 * static_cast<uint64_t>(0.008 * truth / 8), "by time");
    NS_TEST_EXPECT_MSG_LT(handed[1], 6 * 256 * 1428U, "by packets");
}

/**
 * @ingroup wdmoe-tests
 *
 * Share 0, the leftover by weight and by priority, usage; against the fluid model on wires.
 */
class PacedPlanTest : public TestCase
{
  public:
    PacedPlanTest()
        : TestCase("share 0, leftover, priority")
    {
    }

  private:
    void DoRun() override;
};

void
PacedPlanTest::DoRun()
{
    PacedCell cell("p2p", 2, [](WdmoePacedRadioHelper& helper) {
        helper.SetLink("20Mbps", MicroSeconds(10));
        helper.SetAttribute("MaxAge", TimeValue(Seconds(100)));
    });
    NS_TEST_ASSERT_MSG_EQ(cell.WaitReady(), true, "measured");
    const double c = 20e6 * 1428 / 1430;
    cell.Fill(0, BOTH);
    cell.Fill(1, BOTH);

    cell.Plan({0, 0.5});
    cell.Run(0.1); // what was under way
    auto rates = cell.Rates(0.5);
    for (uint32_t i = 0; i < 2; i++)
    {
        NS_TEST_EXPECT_MSG_EQ(rates[i], 0, "share 0 lets nothing go");
        NS_TEST_EXPECT_MSG_EQ_TOL(rates[2 + i] / (0.5 * c), 1, 0.01, "the rest is wasted");
    }

    // it moves as soon as it has a share
    cell.Plan({0.25, 0.5});
    rates = cell.Rates(0.5);
    NS_TEST_EXPECT_MSG_EQ_TOL(rates[0] / (0.25 * c), 1, 0.01, "after share 0");

    // leftover by weight, and all of it to the only one that sends
    cell.Plan({0.1, 0.5}, 1);
    rates = cell.Rates(0.5);
    for (uint32_t i = 0; i < 2; i++)
    {
        NS_TEST_EXPECT_MSG_EQ_TOL(rates[i] / (0.3 * c), 1, 0.01, "leftover");
        NS_TEST_EXPECT_MSG_EQ_TOL(rates[2 + i] / (0.7 * c), 1, 0.01, "leftover");
    }
    cell.Fill(1, 0);
    cell.Run(0.2);
    rates = cell.Rates(0.5);
    NS_TEST_EXPECT_MSG_EQ_TOL(rates[0] / c, 1, 0.01, "alone");
    NS_TEST_EXPECT_MSG_EQ_TOL(rates[1] / c, 1, 0.01, "alone");

    // one after another
    cell.Fill(1, BOTH);
    cell.Plan({0, 0}, 1, {1, 2});
    cell.Run(0.1);
    const auto before = cell.radio->GetUsage(1);
    rates = cell.Rates(0.5);
    NS_TEST_EXPECT_MSG_EQ_TOL(rates[2] / c, 1, 0.01, "first");
    NS_TEST_EXPECT_MSG_EQ_TOL(rates[0] / c, 0, 0.01, "second");
    NS_TEST_EXPECT_MSG_EQ_TOL(cell.radio->GetUsage(1).downlinkHzS - before.downlinkHzS,
                              0.5,
                              0.01,
                              "usage is the time that its bytes need with the whole medium");
}

/**
 * @ingroup wdmoe-tests
 *
 * A device that nothing reaches is not valid, others go on, and it comes back.
 */
class PacedLostTest : public TestCase
{
  public:
    /**
     * @param medium of the helper
     */
    explicit PacedLostTest(const std::string& medium)
        : TestCase("a lost device over " + medium),
          m_medium(medium)
    {
    }

  private:
    void DoRun() override;

    std::string m_medium; ///< of the helper
};

void
PacedLostTest::DoRun()
{
    PacedCell cell(m_medium, 2, [](WdmoePacedRadioHelper& helper) {
        // with aggregation a lost station blocks ns-3's access point, see WdmoePacedRadioHelper
        helper.SetWifi("80211a", 20, 20);
    });
    NS_TEST_ASSERT_MSG_EQ(cell.WaitReady(), true, cell.radio->DescribeUnmeasured());
    auto mobility = cell.nodes.Get(0)->GetObject<MobilityModel>();
    auto errors = CreateObject<RateErrorModel>();
    errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
    errors->SetRate(1);
    const auto cut = [&](bool lost) {
        if (m_medium == "wifi")
        {
            mobility->SetPosition(Vector(lost ? 1e5 : 10, 0, 0));
            return;
        }
        lost ? errors->Enable() : errors->Disable();
        auto node = cell.nodes.Get(0);
        for (uint32_t i = 0; i < node->GetNDevices(); i++)
        {
            node->GetDevice(i)->SetAttributeFailSafe("ReceiveErrorModel", PointerValue(errors));
        }
    };
    cell.Plan({0.5, 0.5}, 1);
    cell.Fill(0, DOWN);
    cell.Fill(1, DOWN);
    cell.Run(0.2);
    cut(true);
    cell.Run(1.2);
    NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(0).downlink.valid, false, "lost");
    NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(1).downlink.valid, true, "not that one");
    NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "not all are there");
    const auto rates = cell.Rates(0.3);
    NS_TEST_EXPECT_MSG_EQ(rates[0], 0, "nothing arrives");
    NS_TEST_EXPECT_MSG_GT(rates[2],
                          (m_medium == "wifi" ? 0.3 : 0.8) * cell.radio->GetCapacity(1, true),
                          "the other has the leftover");
    cut(false);
    NS_TEST_EXPECT_MSG_EQ(cell.WaitReady(6), true, "comes back");
    cell.Run(0.1);
    const auto back = cell.Rates(0.5);
    NS_TEST_EXPECT_MSG_EQ_TOL(cell.Parts(back, false)[0], 0.5, 0.05, "and has its share again");
}

/**
 * @ingroup wdmoe-tests
 *
 * Every byte is somewhere, and the same run is the same.
 */
class PacedConservationTest : public TestCase
{
  public:
    /**
     * @param medium of the helper
     */
    explicit PacedConservationTest(const std::string& medium)
        : TestCase("conservation and identity over " + medium),
          m_medium(medium)
    {
    }

  private:
    void DoRun() override;

    std::string m_medium; ///< of the helper
};

void
PacedConservationTest::DoRun()
{
    std::vector<uint64_t> first;
    for (int again = 0; again < 2; again++)
    {
        PacedCell cell(m_medium, 3);
        NS_TEST_ASSERT_MSG_EQ(cell.WaitReady(), true, cell.radio->DescribeUnmeasured());
        cell.Plan({0.5, 0.3, 0.2}, 1);
        for (uint32_t k = 0; k < 3; k++)
        {
            cell.Fill(k, BOTH);
        }
        cell.Run(0.3);
        cell.Send(0, 20000); // more than a queue takes
        cell.Run(0.1);
        std::vector<uint64_t> now;
        for (uint32_t i = 0; i < 6; i++)
        {
            const auto c = cell.radio->GetCount(i / 2, i % 2 == 0);
            NS_TEST_EXPECT_MSG_EQ(c.accepted, c.queued + c.handed, "accepted of end " << i);
            NS_TEST_EXPECT_MSG_EQ(c.handed,
                                  c.inFlight + c.delivered + c.lost,
                                  "handed down of end " << i);
            NS_TEST_EXPECT_MSG_EQ((c.dropped > 0), (i == 0), "dropped of end " << i);
            NS_TEST_EXPECT_MSG_GT_OR_EQ(c.delivered, cell.Got(i), "probes are counted too");
            NS_TEST_EXPECT_MSG_GT_OR_EQ(c.accepted + c.dropped, cell.Sent(i), "all is counted");
            NS_TEST_EXPECT_MSG_GT(cell.Got(i), 0U, "something arrived of end " << i);
            now.insert(now.end(), {c.accepted, c.handed, c.delivered, c.dropped, cell.Got(i)});
        }
        if (again > 0)
        {
            NS_TEST_EXPECT_MSG_EQ((now == first), true, "the same streams, the same run");
        }
        first = now;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * The estimator by itself: trains, pace, disturbance, aggregates.
 */
class PacedTrainTest : public TestCase
{
  public:
    PacedTrainTest()
        : TestCase("packet trains")
    {
    }

  private:
    void DoRun() override;

    /**
     * @param ms milliseconds
     * @return as Time
     */
    static Time At(double ms)
    {
        return NanoSeconds(std::llround(1e6 * ms));
    }
};

void
PacedTrainTest::DoRun()
{
    const auto configured = [](double ms) {
        WdmoePacedCapacity capacity;
        capacity.Configure(8, 256, At(ms), 4, 500);
        return capacity;
    };
    {
        // 1000 bytes take 1 ms on a link with 50 ms delay: 8 Mbit/s, delay or not
        auto c = configured(0);
        for (int n = 0; n < 40; n++)
        {
            c.Add({1000, At(0), At(51 + n), true, true, false});
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(c.GetRate() / 8e6, 1, 1e-9, "train");
        NS_TEST_EXPECT_MSG_EQ(c.GetCount(), 4U, "of 8 packets each, after the first");
        // paced at half of that: tells nothing of the link
        for (int n = 0; n < 40; n++)
        {
            c.Add({1000, At(100 + 2 * n), At(151 + 2 * n), true, false, false});
        }
        NS_TEST_EXPECT_MSG_EQ(c.GetCount(), 4U, "limited by its pace");
        c.Reset();
        NS_TEST_EXPECT_MSG_EQ(c.IsValid(), false, "forgotten");
    }
    {
        // somebody else's packets in between, or one lost
        auto c = configured(0);
        for (int n = 0; n < 60; n++)
        {
            c.Add({1000, At(0), At(1 + n), n % 6 != 0, true, false});
            NS_TEST_EXPECT_MSG_EQ(c.IsValid(), false, "disturbed");
        }
        for (int n = 60; n < 120; n++)
        {
            c.Add({1000, At(0), At(1 + n), true, true, n % 6 == 0});
        }
        NS_TEST_EXPECT_MSG_EQ(c.GetCount(), 0U, "gaps");
    }
    {
        // aggregates of 10 packets that arrive within 0.1 ms after 1.9 ms: 40 Mbit/s
        auto c = configured(7);
        for (int n = 0; n < 200; n++)
        {
            c.Add({1000, At(0), At(1.9 + 2.0 * (n / 10) + 0.01 * (n % 10)), true, true, false});
        }
        NS_TEST_EXPECT_MSG_GT(c.GetCount(), 1U, "samples");
        NS_TEST_EXPECT_MSG_EQ_TOL(c.GetRate() / 40e6, 1, 0.02, "whole aggregates");
    }
    {
        // acknowledgements say little
        auto c = configured(0);
        for (int n = 0; n < 40; n++)
        {
            c.Add({60, At(0), At(1 + n), true, true, false});
        }
        NS_TEST_EXPECT_MSG_EQ(c.IsValid(), false, "too small");
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * NetDevices of one's own, an initial rate, and mistakes.
 */
class PacedSetUpTest : public TestCase
{
  public:
    PacedSetUpTest()
        : TestCase("set-up, start rule, mistakes")
    {
    }

  private:
    void DoRun() override;

    /**
     * @param action makes a mistake
     * @param expected part of the message
     */
    void Expect(const std::function<void()>& action, const std::string& expected)
    {
        const auto message = WdmoeAbortMessage(action);
        NS_TEST_EXPECT_MSG_NE(message.find(expected),
                              std::string::npos,
                              "expected '" << expected << "' in: " << message);
    }
};

void
PacedSetUpTest::DoRun()
{
    // paced by the initial rate until measured; the link state is not valid meanwhile
    {
        PacedCell cell("p2p", 1, [](WdmoePacedRadioHelper& helper) {
            helper.SetAttribute("InitialRate", DoubleValue(4e6));
            helper.SetAttribute("TrainPackets", UintegerValue(1000000000));
            helper.SetAttribute("ProbeInterval", TimeValue(Seconds(100)));
        });
        cell.Plan({0.5});
        cell.Run(0.5); // the first probe is over
        cell.Fill(0, DOWN);
        cell.Run(0.4);
        NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "not measured");
        NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(0).downlink.valid, false, "not measured");
        NS_TEST_EXPECT_MSG_NE(cell.radio->DescribeUnmeasured().find("device 0 downlink"),
                              std::string::npos,
                              cell.radio->DescribeUnmeasured());
    }
    // NetDevices of one's own, with addresses of one's own
    {
        NodeContainer nodes(3);
        InternetStackHelper().Install(nodes);
        CsmaHelper csma;
        csma.SetChannelAttribute("DataRate", StringValue("1Gbps"));
        const auto devices = csma.Install(nodes);
        Ipv4AddressHelper addresses("192.168.7.0", "255.255.255.0");
        addresses.Assign(devices);
        NetDeviceContainer far(devices.Get(1), devices.Get(2));
        WdmoePacedRadioHelper helper;
        auto radio = helper.Install(nodes.Get(0), NetDeviceContainer(devices.Get(0)), far);
        NS_TEST_EXPECT_MSG_EQ(radio->GetNDevices(), 2U, "devices");
        NS_TEST_EXPECT_MSG_EQ(Ipv4Address::ConvertFrom(radio->GetDeviceAddress(1)),
                              Ipv4Address("192.168.7.3"),
                              "address");
        NS_TEST_EXPECT_MSG_EQ(radio->GetCapabilities().fullDuplex, false, "a bus");
        Simulator::Stop(Seconds(1));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(radio->IsReady(), true, "measured");
        radio->Dispose();
        Simulator::Destroy();
    }

    const auto links = [](uint32_t n, bool internet, bool addresses) {
        NodeContainer nodes(2);
        if (internet)
        {
            InternetStackHelper().Install(nodes);
        }
        PointToPointHelper p2p;
        NetDeviceContainer all;
        Ipv4AddressHelper helper("10.1.1.0", "255.255.255.0");
        for (uint32_t i = 0; i < n; i++)
        {
            const auto pair = p2p.Install(nodes);
            if (addresses)
            {
                helper.Assign(pair);
                helper.NewNetwork();
            }
            all.Add(pair);
        }
        return all;
    };
    const auto radioOf = [](const NetDeviceContainer& d) {
        auto radio = CreateObject<WdmoePacedRadio>();
        radio->SetServerNode(d.Get(0)->GetNode());
        return radio;
    };
    Expect([]() { WdmoePacedRadioHelper("token-ring"); }, "expected csma, p2p");
    Expect([]() { WdmoePacedRadioHelper().SetWifi("80211be", 20, 20); }, "no standard '80211be'");
    Expect([]() { WdmoePacedRadioHelper().SetWifi("80211n", 80, 20); }, "at most 40 with 80211n");
    Expect(
        []() {
            WdmoePacedRadioHelper helper("wifi");
            helper.Install(CreateObject<Node>(), NodeContainer(1));
        },
        "MobilityModel");
    Expect(
        [&]() {
            auto d = links(1, false, false);
            radioOf(d)->AddLink(d.Get(0), d.Get(1));
        },
        "no internet stack");
    Expect(
        [&]() {
            auto d = links(1, true, false);
            radioOf(d)->AddLink(d.Get(0), d.Get(1));
        },
        "no IPv4 address");
    Expect(
        [&]() {
            auto d = links(1, true, true);
            radioOf(d)->AddDevice(d.Get(1)->GetNode());
        },
        "call AddLink instead");
    Expect(
        [&]() {
            auto d = links(1, true, true);
            radioOf(d)->AddLink(d.Get(1), d.Get(0));
        },
        "give the server's NetDevice first");
    Expect(
        [&]() {
            auto d = links(2, true, true);
            auto radio = radioOf(d);
            radio->AddLink(d.Get(0), d.Get(1));
            radio->AddLink(d.Get(2), d.Get(1));
        },
        "is a device already");
    Expect(
        [&]() {
            auto d = links(2, true, true);
            auto radio = radioOf(d);
            radio->AddLink(d.Get(0), d.Get(1));
            radio->AddLink(d.Get(0), d.Get(3));
        },
        "give it one for each device");
    Expect(
        [&]() {
            auto d = links(1, true, true);
            auto radio = radioOf(d);
            radio->AddLink(d.Get(0), d.Get(1));
            auto other = radioOf(d);
            other->AddLink(d.Get(0), d.Get(1));
        },
        "paced by another radio");
    Expect([]() { CreateObject<WdmoePacedRadio>()->AddLink(nullptr, nullptr); },
           "call SetServerNode first");
}

/**
 * @ingroup wdmoe-tests
 *
 * The paced radio.
 */
class PacedRadioTestSuite : public TestSuite
{
  public:
    PacedRadioTestSuite()
        : TestSuite("wdmoe-radio-paced", Type::UNIT)
    {
        AddTestCase(new PacedTrainTest, Duration::QUICK);
        AddTestCase(new PacedSetUpTest, Duration::QUICK);
        AddTestCase(new PacedFastTest, Duration::QUICK);
        AddTestCase(new PacedPlanTest, Duration::QUICK);
        for (const auto* medium : {"p2p", "csma", "wifi"})
        {
            for (const int directions : {DOWN, UP, BOTH})
            {
                AddTestCase(new PacedShareTest(medium, directions), Duration::QUICK);
            }
            AddTestCase(new PacedLostTest(medium), Duration::QUICK);
            AddTestCase(new PacedConservationTest(medium), Duration::QUICK);
        }
        AddTestCase(new PacedCapacityTest("p2p", 0.001), Duration::QUICK);
        AddTestCase(new PacedCapacityTest("csma", 0.01), Duration::QUICK);
        AddTestCase(new PacedCapacityTest("wifi", 0.05), Duration::QUICK);
    }
};

PacedRadioTestSuite g_pacedRadioTestSuite; ///< registers itself

} // namespace
