/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The LTE radio: the arithmetic of shares alone, then whole cells, requested against granted.
// Whole cells print what was requested and granted where WDMOE_VERBOSE is set.

#include "ns3/boolean.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/inet-socket-address.h"
#include "ns3/lte-common.h"
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
#include "ns3/wdmoe-lte-helper.h"
#include "ns3/wdmoe-lte-radio.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>

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
            auto mobility = CreateObject<ConstantPositionMobilityModel>();
            mobility->SetPosition(Vector(settings.distance + settings.step * k, 0, 1.5));
            devices.Get(k)->AggregateObject(mobility);
        }
        WdmoeLteRadioHelper helper;
        helper.SetAttribute("Bandwidth", UintegerValue(settings.rbs));
        helper.SetAttribute("Scheduler", StringValue(settings.scheduler));
        helper.SetAttribute("UplinkPowerControl", BooleanValue(settings.powerControl));
        helper.SetAttribute("IdealRrc", BooleanValue(settings.idealRrc));
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
        });
        Simulator::Schedule(MilliSeconds(3000), [&] {
            NS_TEST_EXPECT_MSG_EQ(cell.radio->IsReady(), false, "out of coverage");
            const auto message = cell.radio->DescribeUnattached();
            NS_TEST_EXPECT_MSG_NE(message.find("device 1 "), std::string::npos, message);
            NS_TEST_EXPECT_MSG_NE(message.find("100000 m"), std::string::npos, message);
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
        AddTestCase(new WdmoeLteReattachTestCase(true), Duration::QUICK);
        AddTestCase(new WdmoeLteReattachTestCase(false), Duration::QUICK);
        AddTestCase(new WdmoeLteCoverageTestCase, Duration::QUICK);
        AddTestCase(new WdmoeLteStockTestCase("ns3::PfFfMacScheduler"), Duration::QUICK);
        AddTestCase(new WdmoeLteStockTestCase("ns3::RrFfMacScheduler"), Duration::QUICK);
    }
};

static WdmoeRadioLteTestSuite g_wdmoeRadioLteTestSuite; ///< registers it

} // namespace
