/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The LTE radio: the arithmetic of shares alone, then whole cells, requested against granted.
// Whole cells print what was requested and granted where WDMOE_VERBOSE is set.

#include "wdmoe-test-support.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/constant-velocity-mobility-model.h"
#include "ns3/double.h"
#include "ns3/inet-socket-address.h"
#include "ns3/integer.h"
#include "ns3/lte-common.h"
#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/node-container.h"
#include "ns3/packet.h"
#include "ns3/random-variable-stream.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/socket.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-lte-radio-helper.h"
#include "ns3/wdmoe-lte-radio.h"
#include "ns3/wdmoe-udp-transport.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <numeric>
#include <sstream>
#include <tuple>

using namespace ns3;

namespace
{

/**
 * @ingroup tests
 *
 * An allocator with its claims, driven TTI by TTI.
 */
struct Division
{
    uint32_t units;                    ///< in a TTI
    std::vector<WdmoeLteClaim> claims; ///< everyone's
    std::vector<uint64_t> granted;     ///< so far
    uint64_t ttis{0};                  ///< so far
    WdmoeLteShareAllocator allocator;  ///< under test

    /**
     * @param n units in a TTI
     * @param shares of the claims
     * @param least smallest grant
     */
    Division(uint32_t n, const std::vector<WdmoeShare>& shares, uint32_t least = 1)
        : units(n),
          claims(shares.size()),
          granted(shares.size(), 0)
    {
        for (std::size_t k = 0; k < shares.size(); k++)
        {
            claims[k].share = shares[k];
            claims[k].least = least;
            claims[k].need = n;
        }
    }

    /**
     * One TTI.
     *
     * @param busy units that are taken (blocks), or empty: units may lie anywhere
     * @return units granted in all, or a huge number where blocks overlap
     */
    uint32_t Step(std::vector<bool> busy = {})
    {
        WdmoeLteShareAllocator::Claims all;
        for (auto& c : claims)
        {
            all.push_back(&c);
        }
        allocator.Accrue(all, units);
        busy.empty() ? allocator.Grant(all, units) : allocator.GrantBlocks(all, busy);
        uint32_t sum = 0;
        for (std::size_t k = 0; k < claims.size(); k++)
        {
            const auto& c = claims[k];
            sum += c.granted;
            granted[k] += c.granted;
            for (uint32_t i = c.start; !busy.empty() && i < c.start + c.granted; i++)
            {
                if (i >= units || busy[i])
                {
                    return UINT32_MAX;
                }
                busy[i] = true;
            }
        }
        ttis++;
        return sum;
    }

    /**
     * @param k index
     * @return share it was granted
     */
    double Share(std::size_t k) const
    {
        return granted[k] / (1.0 * units * ttis);
    }
};

/**
 * @ingroup tests
 *
 * Shares are exact, sums are right, blocks do not overlap.
 */
class WdmoeLteAllocatorTestCase : public TestCase
{
  public:
    WdmoeLteAllocatorTestCase()
        : TestCase("shares, weights and priorities without a cell")
    {
    }

  private:
    void DoRun() override
    {
        auto random = CreateObject<UniformRandomVariable>();
        random->SetStream(1);
        for (uint32_t units : {6U, 12U, 25U, 50U, 100U})
        {
            for (uint32_t n : {1U, 2U, 4U, 16U, 40U})
            {
                for (bool blocks : {false, true})
                {
                    Saturated(random, units, n, blocks);
                }
            }
        }
        Leftover();
        Priorities();
        Fragments(random);
        Idle();
    }

    /**
     * All have data all the time, shares sum to 1: all is granted, and to whom it is due.
     *
     * @param random draws shares
     * @param units in a TTI
     * @param n claims
     * @param blocks contiguous, 3 or more
     */
    void Saturated(Ptr<UniformRandomVariable> random, uint32_t units, uint32_t n, bool blocks)
    {
        std::vector<WdmoeShare> shares(n);
        double sum = 0;
        for (auto& s : shares)
        {
            s.guaranteed = random->GetValue(0.05, 1);
            sum += s.guaranteed;
        }
        for (auto& s : shares)
        {
            s.guaranteed /= sum;
        }
        Division d(units, shares, blocks ? 3 : 1);
        constexpr uint32_t ttis = 2000;
        uint64_t total = 0;
        for (uint32_t t = 0; t < ttis; t++)
        {
            const auto granted =
                d.Step(blocks ? std::vector<bool>(units, false) : std::vector<bool>{});
            NS_TEST_ASSERT_MSG_LT_OR_EQ(granted, units, "more than there is, or overlapping");
            total += granted;
        }
        // What may be in arrears: less than a smallest grant each, and a few TTIs.
        const double slack = (n * 4.0 + 4 * units) / (1.0 * units * ttis);
        NS_TEST_EXPECT_MSG_GT(total / (1.0 * units * ttis), 1 - slack, "units were wasted");
        for (uint32_t k = 0; k < n; k++)
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(k), shares[k].guaranteed, slack, "share of " << k);
            NS_TEST_EXPECT_MSG_LT(std::abs(d.claims[k].credit), 4.0 * units, "credit of " << k);
        }
    }

    /// What is guaranteed but not used is wasted if strict, divided by weight if not.
    void Leftover()
    {
        for (double weight : {0.0, 1.0})
        {
            Division d(100, {{0.5, weight, 0}, {0.2, weight, 0}, {0.3, 2 * weight, 0}}, 3);
            d.claims[0].need = 0;
            for (int t = 0; t < 1000; t++)
            {
                d.Step(std::vector<bool>(100, false));
            }
            NS_TEST_EXPECT_MSG_EQ(d.granted[0], 0, "idle");
            NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(1), 0.2 + 0.5 / 3 * weight, 1e-3, "leftover");
            NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(2), 0.3 + 1.0 / 3 * weight, 1e-3, "leftover");
        }
        // Who needs little leaves the rest to the others.
        Division d(100, {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}}, 3);
        d.claims[1].need = 10;
        for (int t = 0; t < 1000; t++)
        {
            NS_TEST_ASSERT_MSG_EQ(d.Step(std::vector<bool>(100, false)), 100, "work conserving");
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(0), 0.45, 1e-3, "water filling");
        NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(1), 0.10, 1e-3, "water filling");
        NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(2), 0.45, 1e-3, "water filling");
    }

    /// The leftover goes to the highest priority that can use it, guarantees hold all the same.
    void Priorities()
    {
        Division d(25, {{0.2, 1, 0}, {0, 1, 7}, {0, 1, 3}});
        for (int t = 0; t < 100; t++)
        {
            d.Step();
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(0), 0.2, 1e-2, "guaranteed");
        NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(1), 0.8, 1e-2, "first");
        NS_TEST_EXPECT_MSG_EQ(d.granted[2], 0, "second");
        d.claims[1].need = 5;
        const auto before = d.granted[2];
        for (int t = 0; t < 100; t++)
        {
            NS_TEST_ASSERT_MSG_EQ(d.Step(), 25, "work conserving");
        }
        NS_TEST_EXPECT_MSG_EQ_TOL((d.granted[2] - before) / 2500.0, 0.6, 1e-2, "second");
    }

    /**
     * Units taken by retransmissions cut the band to pieces.
     *
     * @param random draws what is taken
     */
    void Fragments(Ptr<UniformRandomVariable> random)
    {
        // The band is 80 % free on average: shares of 0.78 in all can be honoured exactly.
        Division d(50, {{0.38, 0, 0}, {0.25, 0, 0}, {0.1, 0, 0}, {0.05, 0, 0}}, 3);
        constexpr int ttis = 4000;
        for (int t = 0; t < ttis; t++)
        {
            std::vector<bool> busy(50, false);
            if (t % 4 == 0)
            {
                for (int i = 0; i < 4; i++)
                {
                    const auto at = random->GetInteger(0, 42);
                    std::fill_n(busy.begin() + at, 8, true);
                }
            }
            NS_TEST_ASSERT_MSG_LT_OR_EQ(d.Step(busy), 50, "overlapping");
        }
        for (std::size_t k = 0; k < d.claims.size(); k++)
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(d.Share(k),
                                      d.claims[k].share.guaranteed,
                                      1e-3,
                                      "share " << k);
        }
    }

    /// A claim that was idle for long has no hoard, and starts at once.
    void Idle()
    {
        Division d(100, {{0.1, 0, 0}, {0.5, 0, 0}});
        d.claims[0].need = 0;
        for (int t = 0; t < 1000; t++)
        {
            d.Step();
        }
        d.claims[0].need = 100;
        d.Step();
        NS_TEST_EXPECT_MSG_EQ(d.granted[0], 10 + 10, "one TTI in hand, one new");

        // Signalling needs no share.
        Division s(25, {{0, 0, 0}, {1, 0, 0}}, 3);
        for (int t = 0; t < 10; t++)
        {
            s.Step(std::vector<bool>(25, false));
        }
        NS_TEST_EXPECT_MSG_EQ(s.granted[0], 0, "no share");
        s.claims[0].first = true;
        s.claims[0].least = 8;
        s.Step(std::vector<bool>(25, false));
        NS_TEST_EXPECT_MSG_EQ(s.granted[0], 8, "signalling");
    }
};

/**
 * @ingroup tests
 *
 * HARQ bookkeeping, link adaptation and the checks of settings.
 */
class WdmoeLtePartsTestCase : public TestCase
{
  public:
    WdmoeLtePartsTestCase()
        : TestCase("HARQ, link adaptation, settings")
    {
    }

  private:
    void DoRun() override
    {
        // Downlink HARQ: pending until sent again, given up after the last version or in silence.
        WdmoeLteDownlinkHarq harq;
        NS_TEST_EXPECT_MSG_EQ(harq.FindFree(), 0, "all are free");
        auto& process = harq.Get(0);
        process.busy = true;
        process.dci.m_rv = {0};
        NS_TEST_EXPECT_MSG_EQ(harq.FindFree(), 1, "the first is taken");
        for (uint8_t rv = 0; rv < 3; rv++)
        {
            process.dci.m_rv[0] = rv;
            harq.Feedback(0, false);
            NS_TEST_EXPECT_MSG_EQ(harq.FindPending(), 0, "to be sent again");
            for (int i = 0; i < 50; i++)
            {
                harq.Age();
            }
            NS_TEST_EXPECT_MSG_EQ(harq.FindPending(), 0, "waits for room");
            process.pending = false;
        }
        process.dci.m_rv[0] = 3;
        harq.Feedback(0, false);
        NS_TEST_EXPECT_MSG_EQ(harq.FindPending(), -1, "given up");
        NS_TEST_EXPECT_MSG_EQ(harq.FindFree(), 0, "free again");
        process.busy = true;
        for (int i = 0; i <= WdmoeLteDownlinkHarq::TIMEOUT; i++)
        {
            NS_TEST_EXPECT_MSG_EQ(harq.FindFree(), 1, "waits for feedback");
            harq.Age();
        }
        NS_TEST_EXPECT_MSG_EQ(harq.FindFree(), 0, "no feedback");

        WdmoeLteUplinkHarq uplink;
        for (uint64_t tti = 0; tti < 3; tti++)
        {
            uplink.At(tti).sent = true;
            uplink.At(tti).dci.m_tbSize = 100;
        }
        uplink.At(1).transmission = 1;
        NS_TEST_EXPECT_MSG_EQ(uplink.GetBytesInFlight(), 200, "new data only");
        NS_TEST_EXPECT_MSG_EQ(uplink.At(9).sent, true, "the answer comes 7 TTIs later");

        // Laws against the tables they summarise.
        WdmoeLteLinkAdaptation adaptation;
        NS_TEST_EXPECT_MSG_EQ_TOL(adaptation.GetDownlinkEfficiency(15, 100) * 18e6,
                                  75376e3 * 0.977,
                                  1e3,
                                  "the full rate of 100 RBs is 75.4 Mb/s");
        NS_TEST_EXPECT_MSG_EQ(adaptation.GetDownlinkEfficiency(0, 100), 0, "out of range");
        for (double db : {0.0, 10.0, 20.0, 30.0})
        {
            const double sinr = std::pow(10, db / 10);
            const auto law = adaptation.GetFullPowerLaw(sinr, 100);
            NS_TEST_EXPECT_MSG_EQ(law.IsValid(), true, "law at " << db << " dB");
            double got = 0;
            double predicted = 0;
            for (uint32_t rbs = 5; rbs <= 100; rbs += 5)
            {
                got += rbs * 180e3 * adaptation.GetUplinkEfficiency(sinr * 100 / rbs, rbs);
                predicted += law.Rate(rbs * 180e3);
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(predicted / got, 1, 0.15, "law at " << db << " dB");
        }
        NS_TEST_EXPECT_MSG_EQ(adaptation.GetFlatCqi(1e-3, 25), 0, "-30 dB");
        NS_TEST_EXPECT_MSG_EQ(adaptation.GetFlatCqi(1e3, 25), 15, "30 dB");
        for (auto [rbs, size] : {std::pair{6U, 1U}, {15, 2}, {25, 2}, {50, 3}, {75, 4}, {100, 4}})
        {
            NS_TEST_EXPECT_MSG_EQ(WdmoeLteLinkAdaptation::GetRbgSize(rbs), size, rbs << " RBs");
        }

        // Settings.
        for (auto [rbs, devices, word] : {std::tuple{100, 320, ""},
                                          {20, 1, "LTE has 6, 15, 25, 50, 75 and 100"},
                                          {0, 1, "LTE has"},
                                          {25, 321, "SRS period"}})
        {
            const auto message = WdmoeLteRadio::CheckSettings(rbs, devices);
            NS_TEST_EXPECT_MSG_EQ(message.empty(), !*word, message);
            NS_TEST_EXPECT_MSG_NE(message.find(word), std::string::npos, message);
        }
        for (auto [devices, period] :
             {std::pair{1U, 2U}, {2, 5}, {8, 20}, {16, 40}, {160, 320}, {161, 320}, {320, 320}})
        {
            NS_TEST_EXPECT_MSG_EQ(WdmoeLteRadio::GetSrsPeriod(devices), period, devices);
        }
        NS_TEST_EXPECT_MSG_EQ(WdmoeLteRadio::GetSrsPeriod(321), 0, "no room");
    }
};

/**
 * @ingroup tests
 *
 * A cell whose devices all have more to send and to receive than they can.
 */
class Cell
{
  public:
    /// How to make it
    struct Settings
    {
        uint32_t devices{4};                               ///< number
        uint32_t rbs{25};                                  ///< bandwidth
        double distance{60};                               ///< of the nearest, m
        double step{5};                                    ///< to the next, m
        bool fading{false};                                ///< Rayleigh, 12 RBs, 20 ms
        bool powerControl{false};                          ///< uplink
        bool idealRrc{true};                               ///< RRC
        std::string scheduler{"ns3::WdmoeFfMacScheduler"}; ///< TypeId
        bool narrowGrantMcs{true};                         ///< of devices limited by their power
        double uePower{23};                                ///< of devices, dBm
        double speed{0};                                   ///< away from the base station, m/s
    };

    /**
     * @param settings how to make it
     */
    explicit Cell(const Settings& settings)
        : devices(settings.devices)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        for (uint32_t k = 0; k < settings.devices; k++)
        {
            auto mobility = CreateObject<ConstantVelocityMobilityModel>();
            mobility->SetPosition(Vector(settings.distance + settings.step * k, 0, 1.5));
            mobility->SetVelocity(Vector(settings.speed, 0, 0));
            devices.Get(k)->AggregateObject(mobility);
        }
        WdmoeLteRadioHelper helper;
        helper.SetAttribute("Bandwidth", UintegerValue(settings.rbs));
        helper.SetAttribute("Scheduler", StringValue(settings.scheduler));
        helper.SetAttribute("UplinkPowerControl", BooleanValue(settings.powerControl));
        helper.SetAttribute("IdealRrc", BooleanValue(settings.idealRrc));
        helper.SetAttribute("NarrowGrantMcs", BooleanValue(settings.narrowGrantMcs));
        helper.SetAttribute("UeTxPower", DoubleValue(settings.uePower));
        if (settings.fading)
        {
            helper.SetFadingModel("ns3::WdmoeBlockFading");
            helper.SetFadingModelAttribute("CoherenceBands", UintegerValue(6));
            helper.SetFadingModelAttribute("K", DoubleValue(1));
        }
        radio = DynamicCast<WdmoeLteRadio>(helper.Install(Vector(0, 0, 30), devices));
        radio->AssignStreams(100);
        for (uint32_t k = 0; k < settings.devices; k++)
        {
            const auto port = static_cast<uint16_t>(5000 + k);
            for (bool downlink : {true, false})
            {
                auto node = downlink ? radio->GetServerNode() : devices.Get(k);
                auto socket = Socket::CreateSocket(node, UdpSocketFactory::GetTypeId());
                socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), port));
                const auto peer =
                    downlink ? radio->GetDeviceAddress(k) : radio->GetServerAddress(k);
                socket->Connect(InetSocketAddress(Ipv4Address::ConvertFrom(peer), port));
                socket->SetRecvCallback(MakeCallback(&Cell::Receive, this));
                flows.push_back({socket, k, downlink, 0, Time(0), true});
            }
        }
    }

    ~Cell()
    {
        Simulator::Destroy();
    }

    /**
     * Keep the queues full, from now on.
     */
    void Saturate()
    {
        for (auto& f : flows)
        {
            const auto state = radio->GetLinkState(f.device);
            const auto& law = (f.downlink ? state.downlink : state.uplink).law;
            const auto budget = radio->GetBudget();
            const double hz = f.downlink ? budget.downlinkHz : budget.uplinkHz;
            const auto& plan = radio->GetPlan();
            const auto& shares = f.downlink ? plan.downlink : plan.uplink;
            const bool strict = !shares.empty() && shares[f.device].weight == 0;
            const double share = strict ? shares[f.device].guaranteed : 1;
            // Half as much again as is expected, so that queues grow slowly.
            Send(f,
                 f.active ? static_cast<uint32_t>(1.5 * law.Rate(share * hz) * 0.01 / 8) + 1400
                          : 0);
        }
        Simulator::Schedule(MilliSeconds(10), &Cell::Saturate, this);
    }

    /// One direction of one device
    struct Flow
    {
        Ptr<Socket> socket; ///< sender
        uint32_t device;    ///< index
        bool downlink;      ///< direction
        uint64_t received;  ///< bytes
        Time last;          ///< when the last packet came
        bool active;        ///< has something to send
    };

    /**
     * @param flow which
     * @param bytes how much
     */
    void Send(Flow& flow, uint32_t bytes)
    {
        while (bytes > 0)
        {
            const auto size = std::min(bytes, 1400U);
            flow.socket->Send(Create<Packet>(size));
            bytes -= size;
        }
    }

    /**
     * @param socket the receiver
     */
    void Receive(Ptr<Socket> socket)
    {
        for (auto packet = socket->Recv(); packet; packet = socket->Recv())
        {
            for (std::size_t i = 0; i < flows.size(); i++)
            {
                if (flows[i].socket == socket)
                {
                    // What one end of a pair receives, the other end has sent.
                    auto& other = flows[i ^ 1];
                    other.received += packet->GetSize();
                    other.last = Simulator::Now();
                }
            }
        }
    }

    /**
     * @param downlink direction
     * @param begin usage at the beginning
     * @param time since then
     * @return share of the band granted to each
     */
    std::vector<double> Shares(bool downlink, const std::vector<WdmoeUsage>& begin, Time time) const
    {
        std::vector<double> shares;
        const auto budget = radio->GetBudget();
        for (uint32_t k = 0; k < devices.GetN(); k++)
        {
            const auto end = radio->GetUsage(k);
            shares.push_back(downlink ? (end.downlinkHzS - begin[k].downlinkHzS) /
                                            (budget.downlinkHz * time.GetSeconds())
                                      : (end.uplinkHzS - begin[k].uplinkHzS) /
                                            (budget.uplinkHz * time.GetSeconds()));
        }
        return shares;
    }

    /// @return what each was granted so far
    std::vector<WdmoeUsage> Usage() const
    {
        std::vector<WdmoeUsage> usage;
        for (uint32_t k = 0; k < devices.GetN(); k++)
        {
            usage.push_back(radio->GetUsage(k));
        }
        return usage;
    }

    NodeContainer devices;    ///< devices
    Ptr<WdmoeLteRadio> radio; ///< under test
    std::vector<Flow> flows;  ///< downlink and uplink of device 0, of device 1, ...
};

/**
 * @param values guaranteed shares, any scale
 * @param weight for the leftover
 * @return shares that sum to 1
 */
std::vector<WdmoeShare>
MakeShares(const std::vector<double>& values, double weight = 0)
{
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    std::vector<WdmoeShare> shares;
    for (auto v : values)
    {
        shares.push_back({v / sum, weight, 0});
    }
    return shares;
}

/**
 * @ingroup tests
 *
 * Requested against granted shares of a whole cell, before and after a change of plan.
 */
class WdmoeLteSharesTestCase : public TestCase
{
  public:
    /**
     * @param settings of the cell
     * @param name of the case
     * @param window measured, after each plan
     */
    WdmoeLteSharesTestCase(const Cell::Settings& settings, const std::string& name, Time window)
        : TestCase("shares granted: " + name),
          m_settings(settings),
          m_window(window)
    {
    }

  private:
    void DoRun() override
    {
        Cell cell(m_settings);
        const uint32_t n = m_settings.devices;
        std::vector<double> down;
        std::vector<double> up;
        for (uint32_t k = 0; k < n; k++)
        {
            down.push_back(1 + k);
            up.push_back(n - 0.7 * k);
        }
        const Time start = MilliSeconds(m_settings.idealRrc ? 250 : 400);
        const Time settle = MilliSeconds(100);
        cell.radio->SetPlan({MakeShares(down), MakeShares(up)});
        Simulator::Schedule(start, &Cell::Saturate, &cell);
        std::vector<WdmoeUsage> begin;
        const auto measure = [&](const char* which) { Check(cell, begin, which); };
        cell.radio->GetScheduler()->TraceConnectWithoutContext(
            "GrantReport",
            MakeCallback(&WdmoeLteSharesTestCase::NotifyReport, this));
        Simulator::Schedule(start, [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnattached());
        });
        Simulator::Schedule(start + settle, [&] { begin = cell.Usage(); });
        Simulator::Schedule(start + settle + m_window, [&] {
            measure("first plan");
            // At run time: the other way round.
            cell.radio->SetPlan({MakeShares(up), MakeShares(down)});
            begin = cell.Usage();
        });
        Simulator::Schedule(start + settle + 2 * m_window, [&] {
            measure("second plan");
            Simulator::Stop();
        });
        Simulator::Run();
        uint64_t downlinkRetx = 0;
        uint64_t uplinkRetx = 0;
        uint64_t granted = 0;
        for (uint32_t k = 0; k < n; k++)
        {
            const auto grants = cell.radio->GetScheduler()->GetGrants(k);
            downlinkRetx += grants.downlinkRetx;
            uplinkRetx += grants.uplinkRetx;
            granted +=
                grants.downlinkNew + grants.downlinkRetx + grants.uplinkNew + grants.uplinkRetx;
            NS_TEST_EXPECT_MSG_GT(cell.flows[2 * k].received, 0, "nothing came down");
            NS_TEST_EXPECT_MSG_GT(cell.flows[2 * k + 1].received, 0, "nothing came up");
        }
        if (m_settings.fading)
        {
            NS_TEST_EXPECT_MSG_GT(downlinkRetx, 0, "no HARQ downlink: not the case to be tested");
            NS_TEST_EXPECT_MSG_GT(uplinkRetx, 0, "no HARQ uplink: not the case to be tested");
            if (std::getenv("WDMOE_VERBOSE"))
            {
                std::printf("%-44s sent again: downlink %.1f %%, uplink %.1f %% of the RBs\n",
                            GetName().c_str(),
                            100.0 * downlinkRetx / granted * 2,
                            100.0 * uplinkRetx / granted * 2);
            }
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(1.0 * m_reported / granted, 1, 0.02, "the trace has it all");
    }

    /**
     * @param report of the scheduler
     */
    void NotifyReport(const WdmoeLteGrantReport& report)
    {
        NS_TEST_EXPECT_MSG_EQ(report.ttis, 10, "every 10 ms");
        uint64_t sum = 0;
        for (const auto& g : report.granted)
        {
            sum += g.downlinkNew + g.downlinkRetx + g.uplinkNew + g.uplinkRetx;
        }
        NS_TEST_EXPECT_MSG_LT_OR_EQ(sum,
                                    report.ttis * (report.downlinkRbs + report.uplinkRbs),
                                    "more than there is");
        m_reported += sum;
    }

    /**
     * @param cell the cell
     * @param begin usage at the beginning
     * @param which plan
     */
    void Check(const Cell& cell, const std::vector<WdmoeUsage>& begin, const char* which)
    {
        for (bool downlink : {true, false})
        {
            const auto& plan = cell.radio->GetPlan();
            const auto& requested = downlink ? plan.downlink : plan.uplink;
            const auto granted = cell.Shares(downlink, begin, m_window);
            double worst = 0;
            for (std::size_t k = 0; k < granted.size(); k++)
            {
                worst = std::max(worst, std::abs(granted[k] - requested[k].guaranteed));
                NS_TEST_EXPECT_MSG_EQ_TOL(granted[k],
                                          requested[k].guaranteed,
                                          0.002,
                                          GetName() << ", " << which << ", device " << k
                                                    << (downlink ? " downlink" : " uplink"));
            }
            if (std::getenv("WDMOE_VERBOSE"))
            {
                std::printf("%-44s %-11s %-8s requested ",
                            GetName().c_str(),
                            which,
                            downlink ? "downlink" : "uplink");
                for (std::size_t k = 0; k < granted.size();
                     k += std::max<std::size_t>(1, granted.size() / 4))
                {
                    std::printf("%s%.4f>%.4f", k ? " " : "", requested[k].guaranteed, granted[k]);
                }
                std::printf("  largest error %.4f\n", worst);
            }
        }
    }

    Cell::Settings m_settings; ///< of the cell
    Time m_window;             ///< measured after each plan
    uint64_t m_reported{0};    ///< RBs in all reports
};

/**
 * @ingroup tests
 *
 * Leftover and priorities in a whole cell.
 */
class WdmoeLteLeftoverTestCase : public TestCase
{
  public:
    WdmoeLteLeftoverTestCase()
        : TestCase("leftover and priorities in a cell")
    {
    }

  private:
    void DoRun() override
    {
        Cell cell({});
        const Time start = MilliSeconds(200);
        // Device 0 has nothing to send: strict, half of the band is empty; then by weight 1:1:2.
        cell.flows[0].active = cell.flows[1].active = false;
        const auto strict = MakeShares({5, 2, 2, 1});
        auto weighted = MakeShares({5, 2, 2, 1}, 1);
        weighted[3].weight = 2;
        std::vector<WdmoeShare> ranked{{0, 1, 0}, {0, 1, 3}, {0.1, 1, 2}, {0, 1, 1}};
        const std::vector<std::pair<std::vector<WdmoeShare>, std::vector<double>>> cases{
            {strict, {0, 0.2, 0.2, 0.1}},
            {weighted, {0, 0.325, 0.325, 0.35}},
            {ranked, {0, 0.9, 0.1, 0}}};
        Simulator::Schedule(start, &Cell::Saturate, &cell);
        std::vector<WdmoeUsage> begin;
        // Before the first plan: equal parts.
        Simulator::Schedule(start + MilliSeconds(100), [&] { begin = cell.Usage(); });
        Time when = start + MilliSeconds(400);
        Simulator::Schedule(when, [&] {
            const auto granted = cell.Shares(true, begin, MilliSeconds(300));
            for (std::size_t k = 0; k < granted.size(); k++)
            {
                const double expected = k == 0 ? 0 : 1.0 / 3;
                NS_TEST_EXPECT_MSG_EQ_TOL(granted[k], expected, 0.004, "device " << k);
            }
        });
        for (const auto& [shares, expected] : cases)
        {
            Simulator::Schedule(when, [&cell, shares = shares] {
                cell.radio->SetPlan({shares, shares});
            });
            Simulator::Schedule(when + MilliSeconds(150), [&] { begin = cell.Usage(); });
            when += MilliSeconds(650);
            Simulator::Schedule(when, [&, expected = expected] {
                for (bool downlink : {true, false})
                {
                    const auto granted = cell.Shares(downlink, begin, MilliSeconds(500));
                    for (std::size_t k = 0; k < granted.size(); k++)
                    {
                        NS_TEST_EXPECT_MSG_EQ_TOL(granted[k],
                                                  expected[k],
                                                  0.004,
                                                  "device " << k << " at "
                                                            << Simulator::Now().As(Time::MS)
                                                            << (downlink ? " down" : " up"));
                    }
                }
            });
        }
        Simulator::Stop(when + MilliSeconds(1));
        Simulator::Run();
    }
};

/**
 * @ingroup tests
 *
 * One transfer of 8 KiB each way at a time: arrives, and as fast as was measured before.
 */
class WdmoeLteLatencyTestCase : public TestCase
{
  public:
    WdmoeLteLatencyTestCase()
        : TestCase("8 KiB and 1 MiB transfers")
    {
    }

  private:
    void DoRun() override
    {
        Cell::Settings settings;
        settings.rbs = 100;
        settings.distance = 20;
        settings.step = 0;
        Cell cell(settings);
        cell.radio->SetPlan({MakeShares({4, 3, 2, 1}), MakeShares({4, 3, 2, 1})});
        // Fixed part and, by the rate law, the rest.
        Time when = MilliSeconds(200);
        for (uint32_t bytes : {8192U, 1U << 20})
        {
            for (uint32_t i = 0; i < cell.flows.size(); i++)
            {
                // Uplink after downlink.
                auto& f = cell.flows[i];
                const Time begin =
                    when + (f.downlink ? Time(0) : MilliSeconds(bytes > 10000 ? 1500 : 100));
                const uint64_t total = bytes > 10000 ? bytes + 8192 : bytes;
                Simulator::Schedule(begin, [&cell, &f, bytes] { cell.Send(f, bytes); });
                const Time end = begin + MilliSeconds(bytes > 10000 ? 1500 : 100);
                Simulator::Schedule(end, [&, begin, bytes, total] {
                    NS_TEST_EXPECT_MSG_EQ(f.received, total, "bytes were lost");
                    const auto state = cell.radio->GetLinkState(f.device);
                    const auto budget = cell.radio->GetBudget();
                    const auto share = cell.radio->GetPlan().downlink[f.device].guaranteed;
                    const auto capabilities = cell.radio->GetCapabilities();
                    const double rate = f.downlink
                                            ? state.downlink.law.Rate(share * budget.downlinkHz)
                                            : state.uplink.law.Rate(share * budget.uplinkHz);
                    const double fixed =
                        (f.downlink ? capabilities.downlinkDelay : capabilities.uplinkDelay)
                            .GetSeconds();
                    const double seconds = (f.last - begin).GetSeconds();
                    const double predicted = fixed + bytes * 8.0 / rate;
                    NS_TEST_EXPECT_MSG_EQ_TOL(seconds,
                                              predicted,
                                              0.003 + 0.06 * predicted,
                                              "device " << f.device
                                                        << (f.downlink ? " downlink" : " uplink"));
                    if (std::getenv("WDMOE_VERBOSE"))
                    {
                        std::printf("%7u byte %-8s share %.1f: %7.2f ms (predicted %7.2f)\n",
                                    bytes,
                                    f.downlink ? "downlink" : "uplink",
                                    share,
                                    1e3 * seconds,
                                    1e3 * predicted);
                    }
                });
            }
            when += MilliSeconds(300);
        }
        Simulator::Stop(when + Seconds(3));
        Simulator::Run();
    }
};

/**
 * @ingroup tests
 *
 * What is scheduled is reported to the byte, and arrives when it was said to.
 */
class WdmoeLteProgressTestCase : public TestCase
{
  public:
    WdmoeLteProgressTestCase()
        : TestCase("bytes scheduled, and when they arrive")
    {
    }

  private:
    void DoRun() override
    {
        Queue();
        Cell cell({.devices = 3, .distance = 40, .step = 60});
        NS_TEST_EXPECT_MSG_EQ(cell.radio->GetCapabilities().progress, true, "progress");
        cell.radio->TraceConnectWithoutContext(
            "Grant",
            Callback<void, uint32_t, bool, uint32_t>(
                [this](uint32_t device, bool downlink, uint32_t bytes) {
                    const auto flow = 2 * device + !downlink;
                    m_granted[flow] += bytes;
                    m_last[flow] = Simulator::Now();
                }));
        // Bursts of all sizes, several devices at a time.
        auto random = CreateObject<UniformRandomVariable>();
        random->SetStream(7);
        std::vector<uint64_t> sent(6, 0);
        Time least = Seconds(1);
        Time most;
        for (int i = 0; i < 30; i++)
        {
            const Time when =
                MilliSeconds(200 + 100 * i) + MicroSeconds(random->GetInteger(0, 999));
            for (uint32_t f = 0; f < 6; f++)
            {
                const uint32_t bytes =
                    i % 3 == 0 ? random->GetInteger(1, 100) : random->GetInteger(100, 40000);
                Simulator::Schedule(when, [&cell, &sent, f, bytes] {
                    cell.Send(cell.flows[f], bytes);
                    sent[f] += bytes + 28 * ((bytes + 1399) / 1400);
                });
            }
            Simulator::Schedule(when + MilliSeconds(99), [&, i] {
                for (uint32_t f = 0; f < 6; f += 2)
                {
                    NS_TEST_EXPECT_MSG_EQ(m_granted[f], sent[f], "downlink burst " << i);
                    const Time lead = cell.flows[f].last - m_last[f];
                    least = std::min(least, lead);
                    most = std::max(most, lead);
                }
                for (uint32_t f = 1; f < 6; f += 2)
                {
                    NS_TEST_EXPECT_MSG_GT_OR_EQ(m_granted[f], sent[f] * 0.99 - 50, "uplink " << i);
                    // Reports come in steps of 17 %.
                    NS_TEST_EXPECT_MSG_LT_OR_EQ(m_granted[f], sent[f] * 1.2 + 50 * i + 50, i);
                }
            });
        }
        Simulator::Stop(MilliSeconds(3400));
        Simulator::Run();
        const Time lead = cell.radio->GetCapabilities().downlinkLead;
        NS_TEST_EXPECT_MSG_LT_OR_EQ(lead - least, MicroSeconds(1), "it arrives earlier");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(most - lead, MicroSeconds(1), "it arrives later");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            std::printf(
                "last grant to last byte, downlink: %.4f to %.4f ms; uplink granted / sent:",
                least.GetSeconds() * 1e3,
                most.GetSeconds() * 1e3);
            for (uint32_t f = 1; f < 6; f += 2)
            {
                std::printf(" %.3f", 1.0 * m_granted[f] / sent[f]);
            }
            std::printf("\n");
        }
    }

    /// The model of RLC's buffer alone.
    void Queue()
    {
        WdmoeLteRlcQueue queue;
        queue.Report(104); // 100 byte IP
        queue.Report(104);
        queue.Report(308); // another 200
        NS_TEST_EXPECT_MSG_EQ(queue.GetBytes(), 308, "as reported");
        NS_TEST_EXPECT_MSG_EQ(queue.Serve(2), 0, "nothing but a header");
        NS_TEST_EXPECT_MSG_EQ(queue.Serve(52), 48, "a part of the first: headers of RLC and PDCP");
        NS_TEST_EXPECT_MSG_EQ(queue.GetBytes(), 258, "a part");
        NS_TEST_EXPECT_MSG_EQ(queue.Serve(1000), 252, "the rest");
        NS_TEST_EXPECT_MSG_EQ(queue.GetBytes(), 0, "empty");
        queue.Report(1504);
        queue.Report(1000); // something was thrown away
        NS_TEST_EXPECT_MSG_EQ(queue.GetBytes(), 1000, "goes on from there");
    }

    std::array<uint64_t, 6> m_granted{}; ///< bytes by flow
    std::array<Time, 6> m_last;          ///< when, by flow
};

/**
 * @ingroup tests
 *
 * Uplink grants before they are asked for: 8 KiB of one device at a time, the time of which is
 * predicted with an error.
 */
class WdmoeLteEarlyTestCase : public TestCase
{
  public:
    WdmoeLteEarlyTestCase()
        : TestCase("uplink grants on expectation")
    {
    }

  private:
    /// What came of it
    struct Result
    {
        double mean{0};       ///< latency, ms
        double least{1e9};    ///< latency, ms
        double most{0};       ///< latency, ms
        WdmoeLteGrants rbs;   ///< sums
        uint64_t events{0};   ///< of the simulation
        uint64_t received{0}; ///< bytes
    };

    /// Number of messages
    static constexpr uint32_t SENDS = 24;
    /// Bytes of a message
    static constexpr uint32_t BYTES = 8192;

    /**
     * @param name of the case
     * @param expect tell the radio
     * @param error of the prediction, ms; negative: too early
     * @param spread half-width of a random error, ms
     * @param small send a packet that was not expected so much before, ms; 0: none
     * @return what came of it
     */
    Result Try(const char* name, bool expect, double error, double spread = 0, double small = 0)
    {
        Cell cell({.devices = 4, .rbs = 100, .distance = 80, .step = 32});
        Result result;
        auto random = CreateObject<UniformRandomVariable>();
        random->SetStream(3);
        for (uint32_t i = 0; i < SENDS; i++)
        {
            auto& f = cell.flows[2 * (i % 4) + 1];
            const Time when = MilliSeconds(200 + 50 * i) + MicroSeconds(random->GetInteger(0, 999));
            const double off = error + random->GetValue(-spread, spread);
            if (expect)
            {
                Simulator::Schedule(when - MilliSeconds(15), [&cell, &f, when, off] {
                    cell.radio->ExpectUplink(f.device, BYTES + 6 * 28, when + Seconds(1e-3 * off));
                });
            }
            Simulator::Schedule(when, [&cell, &f] { cell.Send(f, BYTES); });
            if (small > 0)
            {
                Simulator::Schedule(when - Seconds(1e-3 * small),
                                    [&cell, &f] { cell.Send(f, 56); });
            }
            Simulator::Schedule(when + MilliSeconds(48), [&, when] {
                const double ms = 1e3 * (f.last - when).GetSeconds();
                result.mean += ms / SENDS;
                result.least = std::min(result.least, ms);
                result.most = std::max(result.most, ms);
            });
        }
        Simulator::Stop(MilliSeconds(200 + 50 * SENDS + 50));
        Simulator::Run();
        for (uint32_t k = 0; k < 4; k++)
        {
            const auto g = cell.radio->GetScheduler()->GetGrants(k);
            result.rbs.uplinkNew += g.uplinkNew;
            result.rbs.uplinkWasted += g.uplinkWasted;
            result.rbs.uplinkEarly += g.uplinkEarly;
            result.rbs.uplinkEarlyWasted += g.uplinkEarlyWasted;
            result.received += cell.flows[2 * k + 1].received;
        }
        result.events = Simulator::GetEventCount();
        NS_TEST_EXPECT_MSG_EQ(result.received,
                              SENDS * (BYTES + (small > 0 ? 56 : 0)),
                              name << ": bytes were lost");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            std::printf("%-28s %5.1f ms (%.1f to %.1f); RBs for each: %5.1f granted, %5.1f wasted, "
                        "%5.1f early, %5.1f early and wasted; %llu events\n",
                        name,
                        result.mean,
                        result.least,
                        result.most,
                        1.0 * result.rbs.uplinkNew / SENDS,
                        1.0 * result.rbs.uplinkWasted / SENDS,
                        1.0 * result.rbs.uplinkEarly / SENDS,
                        1.0 * result.rbs.uplinkEarlyWasted / SENDS,
                        static_cast<unsigned long long>(result.events));
        }
        return result;
    }

    void DoRun() override
    {
        const auto asked = Try("asked for", false, 0);
        const auto exact = Try("expected, exact", true, 0);
        const auto late = Try("expected, 2 ms late", true, 2);
        const auto early = Try("expected, 2 ms early", true, -2);
        const auto never = Try("expected, 12 ms early", true, -12);
        const auto random = Try("expected, +-2 ms", true, 0, 2);
        const auto biased = Try("expected, +-2 ms, 1.5 ms late", true, 1.5, 2);
        // The acknowledgement of what the device received is on its way at the same time.
        for (double before : {0.3, 2.0, 4.0, 7.0})
        {
            const auto other = Try("expected, exact, after 56 byte", true, 0, 0, before);
            NS_TEST_EXPECT_MSG_LT(other.mean, exact.mean + 1.5, before << " ms after a packet");
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(asked.mean - exact.mean, 7, 1, "what it is for");
        NS_TEST_EXPECT_MSG_LT(late.mean, asked.mean - 4, "late is safe");
        NS_TEST_EXPECT_MSG_LT(exact.mean, late.mean, "but later");
        NS_TEST_EXPECT_MSG_LT(early.mean, asked.mean + 0.5, "early does no harm to oneself");
        NS_TEST_EXPECT_MSG_LT(never.mean, asked.mean + 0.5, "nor does much too early");
        NS_TEST_EXPECT_MSG_LT(biased.rbs.uplinkWasted, random.rbs.uplinkWasted, "bias");
        // It is known to the byte what there is, which a report does not say.
        NS_TEST_EXPECT_MSG_LT(exact.rbs.uplinkNew, asked.rbs.uplinkNew, "waste");
        NS_TEST_EXPECT_MSG_LT(late.rbs.uplinkNew, asked.rbs.uplinkNew, "waste");
        NS_TEST_EXPECT_MSG_EQ(asked.rbs.uplinkEarly, 0, "not expected");
        for (const auto& r : {exact, late, early, never, random, biased})
        {
            NS_TEST_EXPECT_MSG_GT(r.rbs.uplinkEarly, 0, "expected");
            NS_TEST_EXPECT_MSG_LT_OR_EQ(r.rbs.uplinkEarlyWasted, r.rbs.uplinkEarly, "a part");
            NS_TEST_EXPECT_MSG_LT_OR_EQ(r.rbs.uplinkEarlyWasted, r.rbs.uplinkWasted, "a part");
            // All that is expected is wasted at worst.
            NS_TEST_EXPECT_MSG_LT(r.rbs.uplinkNew, 2.1 * asked.rbs.uplinkNew, "bounded");
            NS_TEST_EXPECT_MSG_LT(r.events, 1.05 * asked.events, "events");
        }
    }
};

/**
 * @ingroup tests
 *
 * Expectations of several messages, of a device that is not there, and of nothing.
 */
class WdmoeLteExpectationsTestCase : public TestCase
{
  public:
    WdmoeLteExpectationsTestCase()
        : TestCase("several expectations, and false ones")
    {
    }

  private:
    void DoRun() override
    {
        Cell cell({.devices = 2, .rbs = 100, .distance = 130, .step = 20000});
        auto scheduler = cell.radio->GetScheduler();
        auto& f = cell.flows[1];
        const Time start = MilliSeconds(300);
        // Four parts, 6 ms apart, announced together.
        Simulator::Schedule(start - MilliSeconds(20), [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(0).uplink.valid, true, "attached");
            for (int i = 3; i >= 0; i--)
            {
                cell.radio->ExpectUplink(0, 4000 + 3 * 28, start + MilliSeconds(6 * i));
            }
            cell.radio->ExpectUplink(1, 4000, start);
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetIgnoredExpectations(0), 0, "there");
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetIgnoredExpectations(1), 1, "out of reach");
            const Time now = Simulator::Now();
            std::fflush(stdout); // or the children print it again
            for (const auto& [device, bytes, when, words] :
                 {std::tuple{2U, 1U, now, "no device 2, there are 2"},
                  {0U, 0U, now, "0 bytes of device 0"},
                  {0U, 1U, now - NanoSeconds(1), "has passed; it is +280ms now"}})
            {
                const auto message =
                    WdmoeAbortMessage([&] { cell.radio->ExpectUplink(device, bytes, when); });
                NS_TEST_EXPECT_MSG_NE(message.find(words), std::string::npos, message);
            }
            const auto fine = WdmoeAbortMessage([&] { cell.radio->ExpectUplink(0, 1, now); });
            NS_TEST_EXPECT_MSG_EQ(fine, "", "now is not too late");
        });
        std::vector<Time> last;
        for (int i = 0; i < 4; i++)
        {
            Simulator::Schedule(start + MilliSeconds(6 * i), [&] { cell.Send(f, 4000); });
            Simulator::Schedule(start + MilliSeconds(6 * i + 10), [&, i] {
                NS_TEST_EXPECT_MSG_GT_OR_EQ(f.received,
                                            4000U * (i + 1),
                                            "part " << i << " in 10 ms");
            });
        }
        WdmoeLteGrants before;
        Simulator::Schedule(start + MilliSeconds(100), [&] {
            NS_TEST_EXPECT_MSG_EQ(f.received, 16000, "all");
            before = scheduler->GetGrants(0);
            NS_TEST_EXPECT_MSG_LT(before.uplinkWasted, 0.2 * before.uplinkNew, "waste");
            // Much that never comes.
            cell.radio->ExpectUplink(0, 10 << 20, Simulator::Now());
        });
        Simulator::Schedule(start + MilliSeconds(300), [&] {
            const auto after = scheduler->GetGrants(0);
            NS_TEST_EXPECT_MSG_EQ(after.uplinkEarly - before.uplinkEarly, 700, "7 TTIs in vain");
            NS_TEST_EXPECT_MSG_EQ(after.uplinkEarlyWasted - before.uplinkEarlyWasted, 700, "known");
            // And a message after that is as fast as ever.
            cell.Send(f, 4000);
        });
        Simulator::Schedule(start + MilliSeconds(320),
                            [&] { NS_TEST_EXPECT_MSG_EQ(f.received, 20000, "in 20 ms"); });
        Simulator::Stop(start + MilliSeconds(330));
        Simulator::Run();
    }
};

/**
 * @ingroup tests
 *
 * Uplink power control leaves a device that is limited by its power more SINR in a narrow grant:
 * what is made of that decodes, is faster, and is what the law says.
 */
class WdmoeLtePowerControlTestCase : public TestCase
{
  public:
    WdmoeLtePowerControlTestCase()
        : TestCase("narrow grants under uplink power control")
    {
    }

  private:
    void DoRun() override
    {
        // Received power is aimed at -100 dBm for each RB: three devices, of which the first has
        // all the power for that, the second for half of the band, the third for a few RBs.
        Config::SetDefault("ns3::LteUePowerControl::PoNominalPusch", IntegerValue(-100));
        std::array<std::array<double, 3>, 2> mbps;
        for (bool narrow : {false, true})
        {
            Cell cell({.devices = 3,
                       .distance = 10,
                       .step = 145,
                       .powerControl = true,
                       .narrowGrantMcs = narrow});
            std::vector<WdmoeShare> shares(3, WdmoeShare{0.2, 0, 0}); // 5 of 25 RBs
            cell.radio->SetPlan({shares, shares});
            Simulator::Schedule(MilliSeconds(250), &Cell::Saturate, &cell);
            std::vector<uint64_t> begin;
            Simulator::Schedule(MilliSeconds(400), [&] {
                for (const auto& f : cell.flows)
                {
                    begin.push_back(f.received);
                }
            });
            Simulator::Stop(MilliSeconds(1400));
            Simulator::Run();
            for (uint32_t k = 0; k < 3; k++)
            {
                const auto grants = cell.radio->GetScheduler()->GetGrants(k);
                const double bits = 8.0 * (cell.flows[2 * k + 1].received - begin[2 * k + 1]);
                const auto state = cell.radio->GetLinkState(k).uplink;
                const double predicted = state.law.Rate(0.2 * cell.radio->GetBudget().uplinkHz);
                const double boost = cell.radio->GetScheduler()->GetUplinkBoost(k);
                mbps[narrow][k] = bits / 1e6;
                NS_TEST_EXPECT_MSG_EQ(state.valid, true, "measured");
                NS_TEST_EXPECT_MSG_EQ(state.law.kind,
                                      narrow && k > 0 ? wdmoe::RateLaw::SHANNON
                                                      : wdmoe::RateLaw::LINEAR,
                                      "law of device " << k);
                NS_TEST_EXPECT_MSG_EQ_TOL(bits / predicted, 1, 0.2, "law of device " << k);
                NS_TEST_EXPECT_MSG_LT(grants.uplinkRetx,
                                      0.02 * grants.uplinkNew,
                                      "what is sent decodes, device " << k);
                if (!narrow || k == 0)
                {
                    NS_TEST_EXPECT_MSG_EQ(boost, 1, "not limited");
                }
                if (std::getenv("WDMOE_VERBOSE"))
                {
                    std::printf("power control, %s, device %u: at most %4.1f dB more, %.2f Mb/s "
                                "(predicted %.2f), %.1f %% sent again\n",
                                narrow ? "narrow-grant MCS" : "whole-band MCS  ",
                                k,
                                10 * std::log10(boost),
                                bits / 1e6,
                                predicted / 1e6,
                                100.0 * grants.uplinkRetx / grants.uplinkNew);
                }
            }
        }
        Config::SetDefault("ns3::LteUePowerControl::PoNominalPusch", IntegerValue(-80));
        NS_TEST_EXPECT_MSG_EQ_TOL(mbps[1][0] / mbps[0][0], 1, 0.02, "nothing to gain");
        NS_TEST_EXPECT_MSG_GT(mbps[1][1] / mbps[0][1], 1.1, "something to gain");
        NS_TEST_EXPECT_MSG_GT(mbps[1][2] / mbps[0][2], 1.5, "much to gain");
    }
};

/**
 * @ingroup tests
 *
 * What a radio says of plans that it cannot take.
 */
class WdmoeRadioPlanTestCase : public TestCase
{
  public:
    WdmoeRadioPlanTestCase()
        : TestCase("plans refused, and priorities dropped")
    {
    }

  private:
    /// A radio that is nothing but its capabilities
    class Dummy : public WdmoeRadio
    {
      public:
        std::string GetName() const override
        {
            return "dummy";
        }

        Ptr<Node> GetServerNode() const override
        {
            return nullptr;
        }

        Address GetDeviceAddress(uint32_t /* device */) const override
        {
            return Ipv4Address();
        }

        Address GetServerAddress(uint32_t /* device */) const override
        {
            return Ipv4Address();
        }

        bool IsReady() const override
        {
            return true;
        }

        WdmoeRadioCapabilities GetCapabilities() const override
        {
            return capabilities;
        }

        WdmoeBudget GetBudget() const override
        {
            return {};
        }

        WdmoeUsage GetUsage(uint32_t /* device */) const override
        {
            return {};
        }

        WdmoeRadioCapabilities capabilities; ///< what it says

      protected:
        void DoAddDevice(uint32_t /* device */, Ptr<Node> /* node */) override
        {
        }

        WdmoeLinkState DoGetLinkState(uint32_t /* device */) const override
        {
            return {};
        }

        void DoSetPlan(const WdmoePlan& /* plan */) override
        {
        }
    };

    void DoRun() override
    {
        const double nan = std::nan("");
        const std::vector<WdmoeShare> good{{0.5, 1, 0}, {0.5, 1, 0}};
        using Shares = std::vector<WdmoeShare>;
        for (const auto& [bad, words] : std::vector<std::pair<Shares, std::vector<std::string>>>{
                 {{{0.5, 1, 0}}, {"1 ", "shares for 2 devices"}},
                 {{{nan, 1, 0}, {0.5, 1, 0}}, {"share of device 0 is nan", "[0, 1]"}},
                 {{{0.5, 1, 0}, {-0.25, 1, 0}}, {"share of device 1 is -0.25", "[0, 1]"}},
                 {{{1.5, 1, 0}, {0, 1, 0}}, {"share of device 0 is 1.5"}},
                 {{{0.5, nan, 0}, {0.5, 1, 0}}, {"weight of device 0 is nan", ">= 0"}},
                 {{{0.5, 1, 0}, {0.5, -2, 0}}, {"weight of device 1 is -2", ">= 0"}},
                 {{{0.5, INFINITY, 0}, {0.5, 1, 0}}, {"weight of device 0 is inf"}},
                 {{{0.75, 1, 0}, {0.5, 1, 0}}, {"sum to 1.25", "at most 1"}}})
        {
            for (bool downlink : {true, false})
            {
                const auto message =
                    WdmoeRadio::CheckPlan(downlink ? WdmoePlan{bad, good} : WdmoePlan{good, bad},
                                          2);
                NS_TEST_EXPECT_MSG_NE(message.find(downlink ? "downlink" : "uplink"),
                                      std::string::npos,
                                      message);
                for (const auto& word : words)
                {
                    NS_TEST_EXPECT_MSG_NE(message.find(word), std::string::npos, message);
                }
            }
        }
        NS_TEST_EXPECT_MSG_EQ(WdmoeRadio::CheckPlan({good, good}, 2), "", "nothing is wrong");

        // leftover, priority: lines on standard error, priorities kept
        for (const auto& [leftover, priority, lines, kept] :
             {std::tuple{true, false, 1, false}, {true, true, 0, true}, {false, false, 1, true}})
        {
            std::ostringstream said;
            auto* const old = std::cerr.rdbuf(said.rdbuf());
            auto radio = CreateObject<Dummy>();
            radio->capabilities.leftover = leftover;
            radio->capabilities.priority = priority;
            radio->AddDevice(CreateObject<Node>());
            radio->AddDevice(CreateObject<Node>());
            radio->SetPlan({good, good});
            const bool early = !said.str().empty();
            // A priority without a weight is of no use, and so nothing is lost.
            radio->SetPlan({good, {{0.5, 0, 3}, {0.5, 1, 0}}});
            const bool useless = !said.str().empty();
            for (int i = 0; i < 3; i++)
            {
                radio->SetPlan({good, {{0.5, 1, 3}, {0.5, 1, 0}}});
            }
            std::cerr.rdbuf(old);
            const auto text = said.str();
            // Who enforces nothing says so at the first shares, and nothing else.
            NS_TEST_EXPECT_MSG_EQ(early, !leftover, "all are alike: " << text);
            NS_TEST_EXPECT_MSG_EQ(useless, !leftover, "no weight: " << text);
            NS_TEST_EXPECT_MSG_EQ(std::count(text.begin(), text.end(), '\n'), lines, text);
            const bool named = text.find("'dummy'") != std::string::npos;
            NS_TEST_EXPECT_MSG_EQ(named, (lines > 0), text);
            NS_TEST_EXPECT_MSG_EQ(radio->GetPlan().uplink[0].priority, kept ? 3 : 0, "in force");
        }
        Simulator::Destroy();
    }
};

/**
 * @ingroup tests
 *
 * A device that loses the cell comes back under another RNTI, and has its share again.
 */
class WdmoeLteReattachTestCase : public TestCase
{
  public:
    /**
     * @param idealRrc RRC messages beside the air, or over it
     */
    explicit WdmoeLteReattachTestCase(bool idealRrc)
        : TestCase(std::string("shares after a new attachment, ") + (idealRrc ? "ideal" : "real") +
                   " RRC"),
          m_idealRrc(idealRrc)
    {
    }

  private:
    void DoRun() override
    {
        Cell cell({.devices = 2, .idealRrc = m_idealRrc});
        cell.radio->SetPlan({MakeShares({3, 7}), MakeShares({6, 4})});
        const auto place = [&](double x) {
            cell.devices.Get(1)->GetObject<MobilityModel>()->SetPosition(Vector(x, 0, 1.5));
        };
        std::vector<uint16_t> rntis;
        const auto name = [&] {
            for (uint16_t rnti = 1; rnti < 20; rnti++)
            {
                if (cell.radio->GetDeviceOfRnti(rnti) == 1)
                {
                    rntis.push_back(rnti);
                }
            }
        };
        std::vector<WdmoeUsage> begin;
        Simulator::Schedule(MilliSeconds(200), &Cell::Saturate, &cell);
        Simulator::Schedule(MilliSeconds(300), [&] {
            name();
            place(1e5);
            // Falls into the time after it came back: forgotten with its old name.
            cell.radio->ExpectUplink(1, 5000, MilliSeconds(4600));
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetIgnoredExpectations(1), 0, "it is there");
        });
        Simulator::Schedule(MilliSeconds(3000), [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "out of coverage");
            const auto message = cell.radio->DescribeUnattached();
            NS_TEST_EXPECT_MSG_NE(message.find("device 1 "), std::string::npos, message);
            NS_TEST_EXPECT_MSG_NE(message.find("100000 m"), std::string::npos, message);
            cell.radio->ExpectUplink(1, 5000, Simulator::Now());
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetIgnoredExpectations(1), 1, "it is not there");
            place(60);
        });
        Simulator::Schedule(MilliSeconds(4500), [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), true, "it came back");
            name();
            begin = cell.Usage();
        });
        Simulator::Schedule(MilliSeconds(5100), [&] {
            const auto down = cell.Shares(true, begin, MilliSeconds(600));
            const auto up = cell.Shares(false, begin, MilliSeconds(600));
            NS_TEST_EXPECT_MSG_EQ_TOL(down[0], 0.3, 0.002, "downlink");
            NS_TEST_EXPECT_MSG_EQ_TOL(down[1], 0.7, 0.002, "downlink");
            NS_TEST_EXPECT_MSG_EQ_TOL(up[0], 0.6, 0.002, "uplink");
            NS_TEST_EXPECT_MSG_EQ_TOL(up[1], 0.4, 0.002, "uplink");
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetScheduler()->GetGrants(1).uplinkEarly,
                                  0,
                                  "forgotten");
            Simulator::Stop();
        });
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(rntis.size(), 2, "one name before, one after");
        NS_TEST_EXPECT_MSG_NE(rntis[0], rntis[1], "another RNTI");
    }

    bool m_idealRrc; ///< RRC messages beside the air
};

/**
 * @ingroup tests
 *
 * A device that is out of reach from the beginning is named; the others work.
 */
class WdmoeLteCoverageTestCase : public TestCase
{
  public:
    WdmoeLteCoverageTestCase()
        : TestCase("a device out of coverage")
    {
    }

  private:
    void DoRun() override
    {
        Marginal();
        Cell cell({.devices = 2, .distance = 50, .step = 20000});
        Simulator::Stop(MilliSeconds(500));
        Simulator::Run();
        const auto message = cell.radio->DescribeUnattached();
        NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "out of coverage");
        NS_TEST_EXPECT_MSG_EQ(message.find("device 0"), std::string::npos, message);
        NS_TEST_EXPECT_MSG_EQ(message.find("device 1 (node "), 0, message);
        NS_TEST_EXPECT_MSG_NE(message.find(" 20050 m"), std::string::npos, message);
        NS_TEST_EXPECT_MSG_NE(message.find("SINR is"), std::string::npos, message);
        NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(0).downlink.valid, true, "measured");
        NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(1).downlink.valid, false, "not measured");
        NS_TEST_EXPECT_MSG_EQ(cell.radio->GetLinkState(1).uplink.valid, false, "not measured");
    }

    /// Near enough to be seen, too far for the lowest CQI: ideal RRC attaches it all the same.
    void Marginal()
    {
        Cell cell({.devices = 2, .distance = 50, .step = 1150});
        cell.radio->SetPlan({MakeShares({1, 1}, 1), MakeShares({1, 1}, 1)});
        Simulator::Schedule(MilliSeconds(300), [&] {
            for (auto& f : cell.flows)
            {
                cell.Send(f, 8192);
            }
        });
        Simulator::Stop(MilliSeconds(600));
        Simulator::Run();
        const auto state = cell.radio->GetLinkState(1);
        NS_TEST_EXPECT_MSG_EQ(state.downlink.valid, false, "CQI 0");
        NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "out of coverage");
        const auto message = cell.radio->DescribeUnattached();
        NS_TEST_EXPECT_MSG_EQ(message.find("device 1 (node "), 0, message);
        NS_TEST_EXPECT_MSG_NE(message.find("SINR is -"), std::string::npos, message);
        NS_TEST_EXPECT_MSG_NE(message.find(" dB"), std::string::npos, message);
        NS_TEST_EXPECT_MSG_EQ(cell.flows[0].received, 8192, "the other is served");
        NS_TEST_EXPECT_MSG_EQ(cell.flows[1].received, 8192, "the other is served");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            std::printf("%s\n", message.c_str());
        }
    }
};

/**
 * @ingroup tests
 *
 * Bursts of all devices at once, more than a buffer report can say: by priority they are served one
 * after another, and as fast as the band allows; by weight together.
 */
class WdmoeLteSequenceTestCase : public TestCase
{
  public:
    WdmoeLteSequenceTestCase()
        : TestCase("one after another, by priority")
    {
    }

  private:
    void DoRun() override
    {
        constexpr uint32_t bytes = 200000;
        Cell cell({.devices = 3, .distance = 20, .step = 5});
        const auto plan = [](int32_t a, int32_t b, int32_t c) {
            return std::vector<WdmoeShare>{{0, 1, a}, {0, 1, b}, {0, 1, c}};
        };
        // Plan, order that it means, and whether the radio is told what will come.
        const std::vector<std::tuple<std::vector<WdmoeShare>, std::vector<uint32_t>, bool>> rounds{
            {plan(2, 1, 0), {0, 1, 2}, false},
            {plan(-1, 0, 7), {2, 1, 0}, false},
            {plan(1, 5, 3), {1, 2, 0}, true},
            {plan(4, 4, 4), {}, false}};
        std::vector<double> ends;
        Time when = MilliSeconds(300);
        uint64_t total = 0;
        for (const auto& [shares, order, expect] : rounds)
        {
            total += bytes;
            for (uint32_t k = 0; expect && k < 3; k++)
            {
                Simulator::Schedule(when - MilliSeconds(10), [&cell, k, when, bytes] {
                    cell.radio->ExpectUplink(k, bytes + 28 * (bytes / 1400 + 1), when);
                });
            }
            Simulator::Schedule(when, [&cell, shares = shares, bytes] {
                // Uplink in the same order as downlink.
                cell.radio->SetPlan({shares, shares});
                for (auto& f : cell.flows)
                {
                    cell.Send(f, bytes);
                }
            });
            Simulator::Schedule(when + MilliSeconds(600), [&, when, total, order = order] {
                for (bool downlink : {true, false})
                {
                    const auto capabilities = cell.radio->GetCapabilities();
                    const auto budget = cell.radio->GetBudget();
                    std::vector<double> ms;
                    double predicted =
                        1e3 * (downlink ? capabilities.downlinkDelay : capabilities.uplinkDelay)
                                  .GetSeconds();
                    std::vector<double> expected(3);
                    for (uint32_t i = 0; i < 3; i++)
                    {
                        const auto& f = cell.flows[2 * i + !downlink];
                        NS_TEST_EXPECT_MSG_EQ(f.received, total, "bytes were lost");
                        ms.push_back(1e3 * (f.last - when).GetSeconds());
                        const auto k = order.empty() ? i : order[i];
                        const auto state = cell.radio->GetLinkState(k);
                        predicted += 8e3 * bytes /
                                     (downlink ? state.downlink.law.Rate(budget.downlinkHz)
                                               : state.uplink.law.Rate(budget.uplinkHz));
                        expected[k] = predicted;
                    }
                    if (!downlink)
                    {
                        ends.push_back(*std::max_element(ms.begin(), ms.end()));
                    }
                    for (uint32_t k = 0; k < 3; k++)
                    {
                        const double due = order.empty() ? predicted : expected[k];
                        NS_TEST_EXPECT_MSG_EQ_TOL(ms[k],
                                                  due,
                                                  6 + 0.05 * predicted,
                                                  "device " << k << " at "
                                                            << Simulator::Now().As(Time::MS)
                                                            << (downlink ? " down" : " up"));
                    }
                    if (std::getenv("WDMOE_VERBOSE"))
                    {
                        std::printf("200 kB each, %-8s: %5.1f %5.1f %5.1f ms",
                                    downlink ? "downlink" : "uplink",
                                    ms[0],
                                    ms[1],
                                    ms[2]);
                        order.empty() ? std::printf(" (together: %5.1f)\n", predicted)
                                      : std::printf(" (one by one: %5.1f %5.1f %5.1f)\n",
                                                    expected[0],
                                                    expected[1],
                                                    expected[2]);
                    }
                }
            });
            when += MilliSeconds(600);
        }
        Simulator::Stop(when + MilliSeconds(1));
        Simulator::Run();
        // A report says no more than 150 kB: the end of each is found out by grants in vain, 9
        // TTIs.
        NS_TEST_ASSERT_MSG_EQ(ends.size(), 4, "rounds");
        NS_TEST_EXPECT_MSG_LT(ends[2], ends[0] - 15, "it is known what there is");
    }
};

/**
 * @ingroup tests
 *
 * Signalling over the air in a cell that is full: a device of the lowest priority gets no data
 * through for seconds, and stays connected; another comes anew.
 */
class WdmoeLteStarvationTestCase : public TestCase
{
  public:
    WdmoeLteStarvationTestCase()
        : TestCase("signalling of a device without data, real RRC")
    {
    }

  private:
    void DoRun() override
    {
        Cell cell({.devices = 3, .idealRrc = false});
        const std::vector<WdmoeShare> shares{{0, 1, 2}, {0, 1, 1}, {0, 1, 0}};
        const std::vector<WdmoeShare> reversed{{0, 1, 0}, {0, 1, 1}, {0, 1, 2}};
        cell.radio->SetPlan({shares, shares});
        cell.flows[2].active = cell.flows[3].active = false;
        auto rrc = DynamicCast<LteEnbNetDevice>(cell.radio->GetEnbDevice())->GetRrc();
        const auto find = [&](int64_t device) {
            uint16_t rnti = 1;
            while (rnti < 20 && cell.radio->GetDeviceOfRnti(rnti) != device)
            {
                rnti++;
            }
            return rnti;
        };
        const auto place = [&](double x) {
            cell.devices.Get(1)->GetObject<MobilityModel>()->SetPosition(Vector(x, 0, 1.5));
        };
        Time asked;
        std::vector<double> answers;
        uint16_t starved = 0;
        uint16_t old = 0;
        rrc->TraceConnectWithoutContext(
            "ConnectionReconfiguration",
            Callback<void, uint64_t, uint16_t, uint16_t>([&](uint64_t, uint16_t, uint16_t rnti) {
                if (rnti == starved)
                {
                    answers.push_back(1e3 * (Simulator::Now() - asked).GetSeconds());
                }
            }));
        uint64_t down = 0;
        uint64_t up = 0;
        Time back;
        Simulator::Schedule(MilliSeconds(400), &Cell::Saturate, &cell);
        Simulator::Schedule(MilliSeconds(500), [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnattached());
            starved = find(2);
            old = find(1);
            down = cell.flows[4].received;
            up = cell.flows[5].received;
            place(1e5); // the newcomer-to-be
        });
        for (int i = 0; i < 10; i++)
        {
            Simulator::Schedule(MilliSeconds(700 + 300 * i), [&] {
                asked = Simulator::Now();
                rrc->GetUeManager(starved)->ScheduleRrcConnectionReconfiguration();
            });
        }
        Simulator::Schedule(MilliSeconds(3000), [&] { place(60); });
        for (int ms = 3000; ms < 5000; ms++)
        {
            Simulator::Schedule(MilliSeconds(ms), [&] {
                if (back.IsZero() && cell.radio->IsReady() && find(1) != old)
                {
                    back = Simulator::Now();
                }
            });
        }
        Simulator::Schedule(MilliSeconds(5000), [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnattached());
            NS_TEST_EXPECT_MSG_EQ(back.IsZero(), false, "the newcomer is there");
            NS_TEST_EXPECT_MSG_EQ(find(2), starved, "it was never lost");
            NS_TEST_EXPECT_MSG_LT_OR_EQ(cell.flows[4].received - down, 3000, "no data downlink");
            NS_TEST_EXPECT_MSG_LT_OR_EQ(cell.flows[5].received - up, 3000, "no data uplink");
            cell.radio->SetPlan({reversed, reversed});
        });
        Simulator::Schedule(MilliSeconds(5500), [&] {
            NS_TEST_EXPECT_MSG_GT(cell.flows[4].received - down, 200000, "data again");
            NS_TEST_EXPECT_MSG_GT(cell.flows[5].received - up, 200000, "data again");
            Simulator::Stop();
        });
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(answers.size(), 10, "each reconfiguration is answered");
        const double most = *std::max_element(answers.begin(), answers.end());
        NS_TEST_EXPECT_MSG_LT(most, 60, "ms from a request to its answer");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            std::printf("starved for 4.5 s: reconfigured in %.1f ms at most; the newcomer is ready "
                        "%.0f ms after it came into reach\n",
                        most,
                        back.GetMilliSeconds() - 3000.0);
        }
    }
};

/**
 * @ingroup tests
 *
 * Rayleigh fading, retransmissions and priorities at the same time: with retransmissions above it
 * all arrives.
 */
class WdmoeLteArqTestCase : public TestCase
{
  public:
    WdmoeLteArqTestCase()
        : TestCase("HARQ under priorities, with retransmissions above")
    {
    }

  private:
    void DoRun() override
    {
        Transfer(true);
        Transfer(false);
    }

    /**
     * @param harq whether the MAC sends again what was lost; the transport does in any case
     */
    void Transfer(bool harq)
    {
        constexpr uint32_t n = 3;
        constexpr uint32_t messages = 4;
        Cell cell({.devices = n, .distance = 60, .step = 80, .fading = true});
        const std::vector<WdmoeShare> shares{{0.02, 1, 2}, {0.02, 1, 1}, {0.02, 1, 0}};
        cell.radio->SetPlan({shares, shares});
        cell.radio->GetScheduler()->SetAttribute("HarqEnabled", BooleanValue(harq));
        auto server = CreateObject<WdmoeUdpTransport>();
        server->SetNode(cell.radio->GetServerNode());
        std::array<uint32_t, n> answered{};
        uint32_t missing = n * messages;
        server->SetReceiveCallback(Callback<void, const WdmoeMessage&>([&](const auto& m) {
            NS_TEST_EXPECT_MSG_EQ(m.payload->GetSize(), 30000U, "whole");
            server->Send(m.from, m.header, Create<Packet>(60000));
        }));
        std::vector<Ptr<WdmoeUdpTransport>> clients;
        for (uint32_t k = 0; k < n; k++)
        {
            auto client = CreateObject<WdmoeUdpTransport>();
            client->SetNode(cell.devices.Get(k));
            client->SetReceiveCallback(Callback<void, const WdmoeMessage&>([&, k](const auto& m) {
                NS_TEST_EXPECT_MSG_EQ(m.payload->GetSize(), 60000U, "whole");
                answered[k]++;
                if (--missing == 0)
                {
                    Simulator::Stop(MilliSeconds(100)); // for the last acknowledgement
                }
            }));
            clients.push_back(client);
        }
        Simulator::Schedule(MilliSeconds(250), [&] {
            server->Listen(700);
            for (uint32_t k = 0; k < n; k++)
            {
                const auto address = Ipv4Address::ConvertFrom(cell.radio->GetServerAddress(k));
                const InetSocketAddress peer(address, 700);
                clients[k]->Connect(peer);
                for (uint32_t i = 0; i < messages; i++)
                {
                    WdmoeHeader header;
                    header.type = WdmoeHeader::BATCH;
                    clients[k]->Send(peer, header, Create<Packet>(30000));
                }
            }
        });
        Simulator::Stop(Seconds(10)); // its timeouts are seconds where much is lost
        Simulator::Run();
        WdmoeLteGrants sum;
        uint64_t again = server->GetCounters().retransmissions;
        for (uint32_t k = 0; k < n; k++)
        {
            const auto g = cell.radio->GetScheduler()->GetGrants(k);
            sum.downlinkRetx += g.downlinkRetx;
            sum.uplinkRetx += g.uplinkRetx;
            again += clients[k]->GetCounters().retransmissions;
            NS_TEST_EXPECT_MSG_EQ(answered[k], messages, "device " << k);
            NS_TEST_EXPECT_MSG_EQ(clients[k]->GetCounters().messagesLost, 0, "device " << k);
        }
        NS_TEST_EXPECT_MSG_EQ((sum.downlinkRetx > 0), harq, "HARQ");
        NS_TEST_EXPECT_MSG_EQ((sum.uplinkRetx > 0), harq, "HARQ");
        if (!harq)
        {
            NS_TEST_EXPECT_MSG_GT(again, 0, "nothing was lost: not the case to be tested");
        }
        NS_TEST_EXPECT_MSG_EQ(server->GetCounters().messagesLost, 0, "downlink");
        if (std::getenv("WDMOE_VERBOSE"))
        {
            std::printf("fading and priorities: %llu RBs down and %llu up by HARQ again, %llu "
                        "datagrams by the transport\n",
                        static_cast<unsigned long long>(sum.downlinkRetx),
                        static_cast<unsigned long long>(sum.uplinkRetx),
                        static_cast<unsigned long long>(again));
        }
        for (auto& client : clients)
        {
            client->Dispose();
        }
        server->Dispose();
    }
};

/**
 * @ingroup tests
 *
 * A device that moves: what is measured is what one that stands there gets.
 */
class WdmoeLteMobilityTestCase : public TestCase
{
  public:
    WdmoeLteMobilityTestCase()
        : TestCase("devices that move")
    {
    }

  private:
    /// Rates over the whole band, bit/s
    struct Rates
    {
        double down;       ///< measured
        double up;         ///< measured
        double gotDown{0}; ///< received in the last part
        double gotUp{0};   ///< received in the last part
    };

    /**
     * @param distance at the beginning
     * @param speed m/s
     * @param time of the simulation
     * @return rates at the end
     */
    static Rates Run(double distance, double speed, Time time)
    {
        Cell cell({.devices = 1, .distance = distance, .speed = speed});
        Simulator::Schedule(MilliSeconds(200), &Cell::Saturate, &cell);
        const Time window = MilliSeconds(200);
        std::array<uint64_t, 2> before;
        Simulator::Schedule(time - window,
                            [&] { before = {cell.flows[0].received, cell.flows[1].received}; });
        Simulator::Stop(time);
        Simulator::Run();
        const auto state = cell.radio->GetLinkState(0);
        const auto budget = cell.radio->GetBudget();
        const double s = window.GetSeconds();
        return {state.downlink.law.Rate(budget.downlinkHz),
                state.uplink.law.Rate(budget.uplinkHz),
                8 * (cell.flows[0].received - before[0]) / s,
                8 * (cell.flows[1].received - before[1]) / s};
    }

    void DoRun() override
    {
        for (double speed : {3.0, 15.0})
        {
            const Time time = Seconds(4);
            const double end = 220;
            const double begin = end - speed * time.GetSeconds();
            const auto moving = Run(begin, speed, time);
            const auto standing = Run(end, 0, MilliSeconds(600));
            const auto before = Run(begin, 0, MilliSeconds(600));
            NS_TEST_EXPECT_MSG_EQ_TOL(moving.down / standing.down, 1, 0.1, "downlink");
            NS_TEST_EXPECT_MSG_EQ_TOL(moving.up / standing.up, 1, 0.1, "uplink");
            NS_TEST_EXPECT_MSG_EQ_TOL(moving.gotDown / moving.down, 1, 0.15, "downlink");
            NS_TEST_EXPECT_MSG_EQ_TOL(moving.gotUp / moving.up, 1, 0.25, "uplink");
            if (speed > 10)
            {
                NS_TEST_EXPECT_MSG_GT(before.down / moving.down, 1.2, "it has moved");
                NS_TEST_EXPECT_MSG_GT(before.up / moving.up, 1.2, "it has moved");
            }
            if (std::getenv("WDMOE_VERBOSE"))
            {
                std::printf("%4.0f m/s to %.0f m: downlink %.2f > %.2f Mb/s (standing there %.2f, "
                            "got %.2f), uplink %.2f > %.2f (%.2f, %.2f)\n",
                            speed,
                            end,
                            before.down / 1e6,
                            moving.down / 1e6,
                            standing.down / 1e6,
                            moving.gotDown / 1e6,
                            before.up / 1e6,
                            moving.up / 1e6,
                            standing.up / 1e6,
                            moving.gotUp / 1e6);
            }
        }
    }
};

/**
 * @ingroup tests
 *
 * Uplink, a device too far for the lowest CQI in the whole band is served in a narrow grant.
 */
class WdmoeLteEdgeTestCase : public TestCase
{
  public:
    WdmoeLteEdgeTestCase()
        : TestCase("uplink at the edge of the cell")
    {
    }

  private:
    void DoRun() override
    {
        for (double distance : {420.0, 470.0})
        {
            for (const std::string scheduler :
                 {"ns3::WdmoeFfMacScheduler", "ns3::RrFfMacScheduler"})
            {
                Cell cell({.devices = 1, .rbs = 100, .distance = distance, .scheduler = scheduler});
                const bool own = cell.radio->GetScheduler() != nullptr;
                const Time start = MilliSeconds(300);
                WdmoeLinkState state;
                Simulator::Schedule(start, [&] {
                    state = cell.radio->GetLinkState(0);
                    cell.Send(cell.flows[1], 8192);
                });
                Simulator::Stop(start + MilliSeconds(700));
                Simulator::Run();
                const auto& f = cell.flows[1];
                NS_TEST_EXPECT_MSG_EQ(state.uplink.valid, own, "in reach of a narrow grant");
                NS_TEST_EXPECT_MSG_EQ(f.received, (own ? 8192U : 0U), "8 KiB at " << distance);
                if (own)
                {
                    const double predicted =
                        0.012 + 8 * 8192 / state.uplink.law.Rate(cell.radio->GetBudget().uplinkHz);
                    const double seconds = (f.last - start).GetSeconds();
                    NS_TEST_EXPECT_MSG_EQ_TOL(seconds / predicted, 1, 0.35, "as predicted");
                    if (std::getenv("WDMOE_VERBOSE"))
                    {
                        std::printf("8 KiB uplink at %.0f m: %.1f ms (predicted %.1f); never with "
                                    "round robin\n",
                                    distance,
                                    1e3 * seconds,
                                    1e3 * predicted);
                    }
                }
            }
        }
    }
};

/**
 * @ingroup tests
 *
 * Acknowledgements of a device with next to no share come through while others fill the band.
 */
class WdmoeLteTrickleTestCase : public TestCase
{
  public:
    WdmoeLteTrickleTestCase()
        : TestCase("acknowledgements with a share of 0.005")
    {
    }

  private:
    void DoRun() override
    {
        for (uint32_t rbs : {25U, 100U})
        {
            Cell cell({.devices = 2, .rbs = rbs});
            const std::vector<WdmoeShare> shares{{0, 1, 1}, {0.005, 1, 0}};
            cell.radio->SetPlan({shares, shares});
            cell.flows[2].active = cell.flows[3].active = false;
            Simulator::Schedule(MilliSeconds(200), &Cell::Saturate, &cell);
            std::array<Time, 2> most;
            uint64_t total = 0;
            for (int i = 0; i < 10; i++)
            {
                const Time when = MilliSeconds(400 + 130 * i) + MicroSeconds(97 * i);
                total += 3 * 56;
                for (int n = 0; n < 3; n++)
                {
                    Simulator::Schedule(when + MilliSeconds(n), [&] {
                        cell.Send(cell.flows[2], 56);
                        cell.Send(cell.flows[3], 56);
                    });
                }
                Simulator::Schedule(when + MilliSeconds(120), [&, when, total] {
                    for (int n = 0; n < 2; n++)
                    {
                        const auto& f = cell.flows[2 + n];
                        NS_TEST_EXPECT_MSG_EQ(f.received, total, "flow " << n);
                        most[n] = std::max(most[n], f.last - when - MilliSeconds(2));
                    }
                });
            }
            Simulator::Stop(MilliSeconds(1750));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_LT(most[0], MilliSeconds(10), rbs << " RBs, downlink");
            NS_TEST_EXPECT_MSG_LT(most[1], MilliSeconds(20), rbs << " RBs, uplink");
            if (std::getenv("WDMOE_VERBOSE"))
            {
                std::printf("three packets of 56 byte, share 0.005 of %u RBs: downlink %.1f ms at "
                            "most, uplink %.1f\n",
                            rbs,
                            most[0].GetSeconds() * 1e3,
                            most[1].GetSeconds() * 1e3);
            }
        }
    }
};

/**
 * @ingroup tests
 *
 * With ns-3's own schedulers the same is measured, nothing is enforced, and that is said.
 */
class WdmoeLteStockTestCase : public TestCase
{
  public:
    /**
     * @param scheduler TypeId
     */
    explicit WdmoeLteStockTestCase(const std::string& scheduler)
        : TestCase("measuring over " + scheduler),
          m_scheduler(scheduler)
    {
    }

  private:
    void DoRun() override
    {
        std::vector<WdmoeLinkState> states;
        for (const auto& scheduler : {std::string("ns3::WdmoeFfMacScheduler"), m_scheduler})
        {
            Cell cell({.step = 100, .scheduler = scheduler});
            cell.radio->SetPlan({MakeShares({4, 3, 2, 1}), MakeShares({4, 3, 2, 1})});
            const bool own = cell.radio->GetScheduler() != nullptr;
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetCapabilities().strict, own, "strict");
            NS_TEST_EXPECT_MSG_EQ(cell.radio->GetCapabilities().leftover, own, "leftover");
            std::vector<WdmoeUsage> begin;
            Simulator::Schedule(MilliSeconds(200), &Cell::Saturate, &cell);
            Simulator::Schedule(MilliSeconds(300), [&] { begin = cell.Usage(); });
            Simulator::Stop(MilliSeconds(600));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), true, cell.radio->DescribeUnattached());
            for (uint32_t k = 0; k < 4; k++)
            {
                const auto state = cell.radio->GetLinkState(k);
                const auto budget = cell.radio->GetBudget();
                NS_TEST_EXPECT_MSG_EQ(state.downlink.valid && state.uplink.valid, true, k);
                NS_TEST_EXPECT_MSG_EQ(state.uplink.law.kind,
                                      own ? wdmoe::RateLaw::SHANNON : wdmoe::RateLaw::LINEAR,
                                      "what the scheduler makes of a narrow grant");
                if (own)
                {
                    states.push_back(state);
                    continue;
                }
                NS_TEST_EXPECT_MSG_EQ_TOL(state.downlink.law.Rate(budget.downlinkHz) /
                                              states[k].downlink.law.Rate(budget.downlinkHz),
                                          1,
                                          0.02,
                                          "downlink law of device " << k);
                NS_TEST_EXPECT_MSG_EQ_TOL(state.uplink.law.Rate(budget.uplinkHz) /
                                              states[k].uplink.law.Rate(budget.uplinkHz),
                                          1,
                                          0.3, // the MCS has steps, the law of ours has none
                                          "uplink law of device " << k);
            }
            const auto down = cell.Shares(true, begin, MilliSeconds(300));
            const double sum = std::accumulate(down.begin(), down.end(), 0.0);
            NS_TEST_EXPECT_MSG_GT(sum, 0.95, "the band is full");
            NS_TEST_EXPECT_MSG_LT(sum, 1.001, "and not more than full");
        }
    }

    std::string m_scheduler; ///< TypeId
};

/**
 * @ingroup tests
 *
 * The LTE radio.
 */
class WdmoeRadioLteTestSuite : public TestSuite
{
  public:
    WdmoeRadioLteTestSuite()
        : TestSuite("wdmoe-radio-lte", Type::SYSTEM)
    {
        AddTestCase(new WdmoeLteAllocatorTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLtePartsTestCase, Duration::QUICK);
        for (bool fading : {false, true})
        {
            for (uint32_t rbs : {25U, 100U})
            {
                for (uint32_t devices : {4U, 16U})
                {
                    const auto name = std::to_string(rbs) + " RB, " + std::to_string(devices) +
                                      " devices" + (fading ? ", fading" : "");
                    const Cell::Settings settings{.devices = devices, .rbs = rbs, .fading = fading};
                    AddTestCase(new WdmoeLteSharesTestCase(settings, name, MilliSeconds(500)),
                                Duration::QUICK);
                    AddTestCase(new WdmoeLteSharesTestCase(settings, name + ", long", Seconds(3)),
                                Duration::EXTENSIVE);
                }
            }
        }
        AddTestCase(new WdmoeLteSharesTestCase({.powerControl = true},
                                               "25 RB, 4 devices, power control",
                                               MilliSeconds(500)),
                    Duration::QUICK);
        AddTestCase(new WdmoeLteSharesTestCase({.devices = 8, .rbs = 50, .idealRrc = false},
                                               "50 RB, 8 devices, real RRC",
                                               MilliSeconds(500)),
                    Duration::QUICK);
        AddTestCase(new WdmoeLteSharesTestCase({.devices = 2, .rbs = 6, .distance = 30},
                                               "6 RB, 2 devices",
                                               MilliSeconds(500)),
                    Duration::QUICK);
        AddTestCase(new WdmoeLteLeftoverTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteLatencyTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteProgressTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteEarlyTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteExpectationsTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLtePowerControlTestCase, Duration::QUICK);
        AddTestCase(new WdmoeRadioPlanTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteSequenceTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteStarvationTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteArqTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteMobilityTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteEdgeTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteTrickleTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteReattachTestCase(true), Duration::QUICK);
        AddTestCase(new WdmoeLteReattachTestCase(false), Duration::QUICK);
        AddTestCase(new WdmoeLteCoverageTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteStockTestCase("ns3::PfFfMacScheduler"), Duration::QUICK);
        AddTestCase(new WdmoeLteStockTestCase("ns3::RrFfMacScheduler"), Duration::QUICK);
    }
};

static WdmoeRadioLteTestSuite g_wdmoeRadioLteTestSuite; ///< registers it

} // namespace
