/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-radio-wifi-mac-cell.h"
#include "wdmoe-test-support.h"

#include "ns3/ap-wifi-mac.h"
#include "ns3/boolean.h"
#include "ns3/mobility-helper.h"
#include "ns3/random-variable-stream.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/spectrum-wifi-phy.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wifi-helper.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/yans-wifi-helper.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

using namespace ns3;

namespace
{

using Cell = WdmoeWifiMacCell;

/**
 * @param stations number of them
 * @return shares that fall linearly and sum to 1
 */
std::vector<double>
MakeRamp(uint32_t stations)
{
    std::vector<double> shares;
    for (uint32_t k = 0; k < stations; ++k)
    {
        shares.push_back(2.0 * (stations - k) / (stations * (stations + 1)));
    }
    return shares;
}

/**
 * @param stations number of them
 * @param seed run number; 1: a ramp
 * @return shares that sum to 1; the largest is up to eight times the smallest
 */
std::vector<double>
DrawShares(uint32_t stations, uint32_t seed)
{
    auto shares = MakeRamp(stations);
    if (seed > 1)
    {
        auto draw = CreateObject<UniformRandomVariable>();
        draw->SetStream(2000);
        for (auto& share : shares)
        {
            share = draw->GetValue(1, 8);
        }
        const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
        for (auto& share : shares)
        {
            share /= sum;
        }
    }
    return shares;
}

/**
 * @param cell a cell
 * @param shares guaranteed, in both directions
 */
void
SetShares(Cell& cell, const std::vector<double>& shares)
{
    for (uint32_t k = 0; k < shares.size(); ++k)
    {
        cell.GetScheduler()->SetShares(cell.GetAddress(k), {shares[k], 0, 0}, {shares[k], 0, 0});
    }
}

/**
 * Keep everyone's queue full in one direction; uplink is announced as a radio does.
 *
 * @param cell a cell
 * @param stations number of them
 * @param direction of the traffic
 */
void
Fill(Cell& cell, uint32_t stations, Cell::Direction direction)
{
    constexpr uint64_t QUEUE = 600000;
    for (uint32_t k = 0; k < stations; ++k)
    {
        cell.Saturate(k, direction, QUEUE);
        if (direction == Cell::UP)
        {
            cell.GetScheduler()->ExpectUplink(cell.GetAddress(k), QUEUE, Simulator::Now());
        }
    }
}

/// Channels are cut into units that exist, don't overlap, and can be sent
class LayoutCase : public TestCase
{
  public:
    LayoutCase()
        : TestCase("layouts of resource units")
    {
    }

  private:
    void DoRun() override
    {
        for (const uint32_t width : {20, 40, 80, 160})
        {
            for (const bool downlink : {true, false})
            {
                const uint32_t least = width <= 40 ? 26 : width <= 80 ? 52 : 106;
                const auto layouts = WdmoeRuLayout::Enumerate(width, least, 16, downlink);
                std::set<std::vector<uint32_t>> seen;
                NS_TEST_ASSERT_MSG_EQ(layouts.front().units.size(), 1, "the whole comes first");
                for (const auto& layout : layouts)
                {
                    CheckLayout(width, downlink, layout);
                    std::vector<uint32_t> tones;
                    for (const auto& unit : layout.units)
                    {
                        tones.push_back(unit.tones);
                    }
                    NS_TEST_ASSERT_MSG_EQ(seen.insert(tones).second, true, "twice the same");
                }
            }
            for (const uint32_t units : {1, 3, 8, 16})
            {
                const auto layout = WdmoeRuLayout::MakeEqual(width, units);
                NS_TEST_ASSERT_MSG_EQ(layout.units.size(),
                                      std::min(units, width / 20 * 8),
                                      "units of one size");
                CheckLayout(width, false, layout);
            }
        }
        NS_TEST_ASSERT_MSG_EQ(WdmoeRuLayout::Enumerate(80, 106, 16, true).size(), 10, "80 MHz");
        NS_TEST_ASSERT_MSG_EQ(WdmoeMultiUserScheduler::CheckSettings(80, 16), "", "is fine");
        NS_TEST_ASSERT_MSG_NE(WdmoeMultiUserScheduler::CheckSettings(10, 4).find("20, 40, 80"),
                              std::string::npos,
                              "says what it can do");
        NS_TEST_ASSERT_MSG_NE(WdmoeMultiUserScheduler::CheckSettings(20, 0), "", "no stations");
        NS_TEST_ASSERT_MSG_NE(WdmoeMultiUserScheduler::CheckSettings(20, 100), "", "too many");
    }

    /**
     * @param width of the channel, MHz
     * @param downlink direction
     * @param layout to be checked
     */
    void CheckLayout(uint32_t width, bool downlink, const WdmoeRuLayout& layout)
    {
        std::vector<HeRu::RuSpec> rus;
        std::map<int, std::set<uint32_t>> types; // of 20 MHz subchannels
        double fractions = 0;
        for (std::size_t i = 0; i < layout.units.size(); ++i)
        {
            const auto& unit = layout.units[i];
            const auto ru = WdmoeMakeRu(unit.type, unit.index, unit.primary80);
            NS_TEST_ASSERT_MSG_EQ(HeRu::DoesOverlap(width, ru, rus), false, "units overlap");
            rus.push_back(ru);
            const auto group = HeRu::GetSubcarrierGroup(width, unit.type, ru.GetPhyIndex(width, 0));
            uint32_t tones = 0;
            for (const auto& range : group)
            {
                tones += range.second - range.first + 1;
            }
            if (unit.tones < 1992) // of which ns-3 counts the gap in the middle as well
            {
                NS_TEST_ASSERT_MSG_EQ(tones, unit.tones, "it has so many tones");
            }
            if (downlink && unit.tones <= 242)
            {
                const uint32_t perSubchannel = unit.tones == 242 ? 1 : unit.tones == 106 ? 2 : 4;
                types[(unit.index - 1) / perSubchannel + (unit.primary80 ? 0 : 4)].insert(
                    unit.tones);
            }
            fractions += layout.GetFraction(i);
        }
        NS_TEST_ASSERT_MSG_EQ_TOL(fractions, 1, 1e-12, "parts of the whole");
        for (const auto& [subchannel, tones] : types)
        {
            NS_TEST_ASSERT_MSG_EQ(tones.size(), 1, "one type in the 20 MHz of " << subchannel);
        }
    }
};

/// Shares, weights and priorities, by arithmetic alone
class CreditCase : public TestCase
{
  public:
    CreditCase()
        : TestCase("credits of tones x time")
    {
    }

  private:
    /**
     * @param shares of the plan
     * @param need s that each has to send, always
     * @return part of the time of each, over 100 PPDUs
     */
    std::vector<double> Divide(const std::vector<WdmoeShare>& shares,
                               const std::vector<double>& need)
    {
        const auto layouts = WdmoeRuLayout::Enumerate(80, 106, 16, true);
        WdmoeToneCredits credits;
        std::vector<WdmoeToneClaim> claims(shares.size());
        WdmoeToneCredits::Claims pointers;
        for (std::size_t i = 0; i < shares.size(); ++i)
        {
            claims[i].share = shares[i];
            claims[i].need = need[i];
            pointers.push_back(&claims[i]);
        }
        for (int i = 0; i < 100; ++i)
        {
            WdmoeToneCredits::Entitle(pointers);
            const auto choice = credits.Choose(pointers, layouts);
            credits.Charge(pointers, choice, choice.duration);
        }
        std::vector<double> parts;
        double sum = 0;
        for (const auto& claim : claims)
        {
            parts.push_back(claim.usedS);
            sum += claim.usedS;
        }
        for (auto& part : parts)
        {
            part /= sum;
        }
        return parts;
    }

    void DoRun() override
    {
        const auto guaranteed =
            Divide({{.4, 0, 0}, {.3, 0, 0}, {.2, 0, 0}, {.1, 0, 0}}, {1, 1, 1, 1});
        // idle: what is left over goes to the others in proportion, since all weights are 0
        const auto idle = Divide({{.4, 0, 0}, {.3, 0, 0}, {.2, 0, 0}, {.1, 0, 0}}, {0, 1, 1, 1});
        // leftover by weight, to the highest priority only
        const auto weights = Divide({{.2, 1, 5}, {.2, 3, 5}, {.2, 9, 1}, {0, 9, 1}}, {1, 1, 1, 1});
        const std::vector<double> expected[] = {{.4, .3, .2, .1},
                                                {0, .5, 1 / 3., 1 / 6.},
                                                {.3, .5, .2, 0}};
        const std::vector<double> got[] = {guaranteed, idle, weights};
        for (int i = 0; i < 3; ++i)
        {
            for (int k = 0; k < 4; ++k)
            {
                NS_TEST_ASSERT_MSG_EQ_TOL(got[i][k], expected[i][k], .005, "plan " << i);
            }
        }
    }
};

/// What is known of a station's queue
class DemandCase : public TestCase
{
  public:
    DemandCase()
        : TestCase("what a station has to send")
    {
    }

  private:
    void DoRun() override
    {
        WdmoeUplinkDemand::Settings settings;
        settings.retry = MicroSeconds(200);
        settings.retryMost = MilliSeconds(5);
        settings.patience = MilliSeconds(100);
        settings.unansweredMost = 3;
        settings.fallback = MilliSeconds(20);
        WdmoeUplinkDemand demand;
        demand.SetSettings(settings);
        const Time at = MilliSeconds(10);
        NS_TEST_ASSERT_MSG_EQ(demand.GetNextTime(at), Time::Max(), "idle: never triggered");

        demand.Expect(3000, at);
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(at - MicroSeconds(1)), 0, "too early");
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(at),
                              3000 + 2 * 38 + 144,
                              "with headers, and room for an acknowledgement of the transport");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyTriggered(at, 10000), 3000, "all of it");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyReceived(at, 1538, 1500, 7, 12), 0, "was granted");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyReceived(at, 1538, 1500, 7, 12), 0, "the same again");
        // the other one was lost: a frame has to fit, whatever the count says
        demand.NotifyOver(at);
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(at), 1538 + 144, "a frame");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyReceived(at, 98, 60, 8, 255), 60, "an acknowledgement");
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(at), 1538 + 144, "is no part of what is expected");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyTriggered(at, 1538), 0, "not for the first time");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyReceived(at, 1538, 1500, 9, 255), 0, "there it is");
        demand.NotifyOver(at);
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(at), 0, "nothing left");
        NS_TEST_ASSERT_MSG_EQ(demand.NotifyReceived(at, 138, 100, 10, 0), 100, "by contention");

        // more than was expected, by the queue size field
        demand.NotifyNull(at + MicroSeconds(1), 10);
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(at + MicroSeconds(1)), 2560, "what it said");
        Time now = at + MicroSeconds(2);
        for (int i = 0; i < 3; ++i)
        {
            NS_TEST_ASSERT_MSG_GT(demand.GetPending(now), 0, "not yet given up");
            demand.NotifyTriggered(now, 2560);
            demand.NotifyOver(now);
        }
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(now), 0, "left to contention");
        NS_TEST_ASSERT_MSG_EQ(demand.GetFallbacks(), 1, "once");
        NS_TEST_ASSERT_MSG_EQ(demand.GetPending(now + settings.fallback), 2560, "tried again");
    }
};

/// What was asked for is what is seen on the air
class ShareCase : public TestCase
{
  public:
    /**
     * @param width MHz
     * @param stations number of them
     * @param down downlink traffic
     * @param up uplink traffic
     * @param seed run number
     */
    ShareCase(uint32_t width, uint32_t stations, bool down, bool up, uint32_t seed)
        : TestCase("shares of " + std::to_string(stations) + " stations, " + std::to_string(width) +
                   " MHz" + (down ? ", downlink" : "") + (up ? ", uplink" : "") + ", run " +
                   std::to_string(seed)),
          m_width(width),
          m_stations(stations),
          m_down(down),
          m_up(up),
          m_seed(seed)
    {
    }

  private:
    void DoRun() override
    {
        RngSeedManager::SetRun(m_seed);
        const auto shares = DrawShares(m_stations, m_seed);
        Cell::Settings settings;
        settings.widthMhz = m_width;
        settings.stations = m_stations;
        Cell cell(settings);
        SetShares(cell, shares);
        double worst[2] = {0, 0};
        uint32_t windows = 0;
        std::vector<std::pair<double, double>> before[2];
        cell.Start([&]() {
            for (const auto direction : {Cell::DOWN, Cell::UP})
            {
                if (direction == Cell::DOWN ? m_down : m_up)
                {
                    Fill(cell, m_stations, direction);
                }
            }
            Simulator::Schedule(MilliSeconds(100), [&]() {
                cell.Mark();
                before[Cell::DOWN] = GetAccounts(cell, Cell::DOWN);
                before[Cell::UP] = GetAccounts(cell, Cell::UP);
            });
            Simulator::Schedule(MilliSeconds(300), [&]() {
                ++windows;
                for (const auto direction : {Cell::DOWN, Cell::UP})
                {
                    if (!(direction == Cell::DOWN ? m_down : m_up))
                    {
                        continue;
                    }
                    const auto parts = cell.GetParts(direction);
                    const auto after = GetAccounts(cell, direction);
                    for (uint32_t k = 0; k < m_stations; ++k)
                    {
                        NS_TEST_EXPECT_MSG_GT(parts[k], shares[k] / 4, "station " << k);
                        // our account is of the whole width, without tones that no unit has
                        const double own = after[k].first - before[direction][k].first;
                        const double seen = after[k].second - before[direction][k].second;
                        NS_TEST_EXPECT_MSG_EQ_TOL(own / seen, 1.15, .2, "account of " << k);
                        worst[direction] =
                            std::max(worst[direction], std::abs(parts[k] - shares[k]));
                    }
                }
                Simulator::Stop();
            });
        });
        Simulator::Stop(Seconds(20));
        Simulator::Run();
        std::cout << GetName() << ": error " << worst[Cell::DOWN] << " " << worst[Cell::UP] << "\n";
        NS_TEST_ASSERT_MSG_EQ(windows, 1, "stations did not get ready");
        NS_TEST_EXPECT_MSG_LT(worst[Cell::DOWN], .01, "downlink");
        NS_TEST_EXPECT_MSG_LT(worst[Cell::UP], .01, "uplink");
    }

    /**
     * @param cell a cell
     * @param direction of the traffic
     * @return for each station, our own account and what was seen, Hz s
     */
    std::vector<std::pair<double, double>> GetAccounts(Cell& cell, Cell::Direction direction) const
    {
        std::vector<std::pair<double, double>> accounts;
        for (uint32_t k = 0; k < m_stations; ++k)
        {
            constexpr double TONE_HZ = 78125;
            accounts.emplace_back(
                cell.GetScheduler()->GetUsedHzS(cell.GetAddress(k), direction == Cell::DOWN),
                cell.GetFlow(k, direction).toneSeconds * TONE_HZ);
        }
        return accounts;
    }

    uint32_t m_width;    ///< MHz
    uint32_t m_stations; ///< number of them
    bool m_down;         ///< downlink traffic
    bool m_up;           ///< uplink traffic
    uint32_t m_seed;     ///< run number
};

/// A new plan holds at once
class ChangeCase : public TestCase
{
  public:
    ChangeCase()
        : TestCase("shares changed at run time")
    {
    }

  private:
    void DoRun() override
    {
        Cell::Settings settings;
        settings.widthMhz = 40;
        Cell cell(settings);
        auto shares = MakeRamp(4);
        SetShares(cell, shares);
        uint32_t windows = 0;
        cell.Start([&]() {
            Fill(cell, 4, Cell::DOWN);
            Fill(cell, 4, Cell::UP);
            Simulator::Schedule(MilliSeconds(150), [&]() {
                std::reverse(shares.begin(), shares.end());
                SetShares(cell, shares);
                cell.Mark();
            });
            Simulator::Schedule(MilliSeconds(350), [&]() {
                ++windows;
                for (const auto direction : {Cell::DOWN, Cell::UP})
                {
                    const auto parts = cell.GetParts(direction);
                    for (uint32_t k = 0; k < 4; ++k)
                    {
                        NS_TEST_EXPECT_MSG_EQ_TOL(parts[k], shares[k], .015, "station " << k);
                    }
                }
                Simulator::Stop();
            });
        });
        Simulator::Stop(Seconds(20));
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(windows, 1, "stations did not get ready");
    }
};

/// One after another, when that is the plan; every byte is reported once
class PriorityCase : public TestCase
{
  public:
    PriorityCase()
        : TestCase("priorities and progress")
    {
    }

  private:
    void DoRun() override
    {
        constexpr uint64_t BYTES = 200000;
        Cell::Settings settings;
        Cell cell(settings);
        bool up = false;
        uint64_t before[2][4];
        Time began;
        cell.Start([&]() {
            began = Simulator::Now();
            for (uint32_t k = 0; k < 4; ++k)
            {
                for (const auto direction : {Cell::DOWN, Cell::UP})
                {
                    before[direction][k] = cell.GetFlow(k, direction).received;
                }
                // all of the uplink before all of the downlink, stations in falling order
                const int32_t priority = static_cast<int32_t>(k);
                cell.GetScheduler()->SetShares(cell.GetAddress(k),
                                               {0, 1, priority},
                                               {0, 1, 10 + priority});
                cell.Send(k, Cell::DOWN, BYTES);
                cell.Send(k, Cell::UP, BYTES);
                cell.GetScheduler()->ExpectUplink(cell.GetAddress(k), BYTES, Simulator::Now());
            }
            up = true;
            Simulator::Stop(MilliSeconds(200));
        });
        Simulator::Stop(Seconds(20));
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(up, true, "stations did not get ready");
        for (uint32_t k = 0; k < 4; ++k)
        {
            for (const auto direction : {Cell::DOWN, Cell::UP})
            {
                const auto& flow = cell.GetFlow(k, direction);
                NS_TEST_EXPECT_MSG_EQ(flow.received, flow.sent, "all arrived");
                NS_TEST_EXPECT_MSG_EQ(flow.received - before[direction][k], BYTES, "of this");
                // the frames of the block-ack set-up may go unreported: single-user
                NS_TEST_EXPECT_MSG_EQ_TOL(flow.granted, flow.received, 400, "reported once");
                if (k > 0)
                {
                    NS_TEST_EXPECT_MSG_LT(flow.last,
                                          cell.GetFlow(k - 1, direction).last,
                                          "station " << k << " has the higher priority");
                }
            }
        }
    }
};

/// TB PPDUs and their acknowledgments are lost, and yet everything arrives
class LossCase : public TestCase
{
  public:
    LossCase()
        : TestCase("200 bursts with lost TB PPDUs, none hangs")
    {
    }

  private:
    void DoRun() override
    {
        constexpr uint32_t BURSTS = 200;
        constexpr uint64_t BYTES = 8192;
        const Time limit = MilliSeconds(500);
        Cell::Settings settings;
        settings.widthMhz = 20;
        settings.radius = 30;
        settings.mode = "HeMcs3";
        Cell cell(settings);
        auto draw = CreateObject<UniformRandomVariable>();
        draw->SetStream(1000);
        bool lossy = false;
        uint32_t optimistic = 0;
        cell.GetScheduler()->SetUplinkMcsCallback(
            Callback<uint8_t, Mac48Address, double>([&](Mac48Address, double) -> uint8_t {
                const bool bad = lossy && draw->GetValue() < .3;
                optimistic += bad ? 1 : 0;
                return bad ? 11 : 3;
            }));
        uint32_t done = 0;
        uint32_t hung = 0;
        Time began;
        std::function<void()> begin;
        std::function<void()> check = [&]() {
            bool all = true;
            for (uint32_t k = 0; k < 4; ++k)
            {
                const auto& flow = cell.GetFlow(k, Cell::UP);
                all = all && flow.sent == flow.received;
            }
            if (!all && Simulator::Now() - began < limit)
            {
                Simulator::Schedule(MilliSeconds(1), check);
                return;
            }
            hung += all ? 0 : 1;
            ++done;
            if (done == BURSTS || hung > 0)
            {
                Simulator::Stop();
                return;
            }
            begin();
        };
        begin = [&]() {
            began = Simulator::Now();
            for (uint32_t k = 0; k < 4; ++k)
            {
                cell.Send(k, Cell::UP, BYTES);
                cell.GetScheduler()->ExpectUplink(cell.GetAddress(k), BYTES, Simulator::Now());
            }
            Simulator::Schedule(MilliSeconds(1), check);
        };
        cell.Start([&]() {
            lossy = true;
            begin();
        });
        Simulator::Stop(Seconds(120));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(hung, 0, "burst " << done << " did not end");
        NS_TEST_EXPECT_MSG_EQ(done, BURSTS, "bursts");
        NS_TEST_EXPECT_MSG_GT(optimistic, BURSTS, "there were losses");
    }
};

/// Nothing to do costs nothing
class IdleCase : public TestCase
{
  public:
    IdleCase()
        : TestCase("events of an idle cell")
    {
    }

  private:
    /**
     * @param scheduler TypeId, or empty
     * @return events in half a second without traffic
     */
    uint64_t Count(const std::string& scheduler)
    {
        Cell::Settings settings;
        settings.scheduler = scheduler;
        Cell cell(settings);
        uint64_t events = 0;
        cell.Start([&]() {
            // stations that may not contend are asked for a while after they sent something
            Simulator::Schedule(settings.contentionOff + MilliSeconds(50),
                                [&]() { events = Simulator::GetEventCount(); });
            Simulator::Schedule(settings.contentionOff + MilliSeconds(550), [&]() {
                events = Simulator::GetEventCount() - events;
                Simulator::Stop();
            });
        });
        Simulator::Stop(Seconds(20));
        Simulator::Run();
        return events;
    }

    void DoRun() override
    {
        const auto none = Count("");
        const auto ours = Count("ns3::WdmoeMultiUserScheduler");
        NS_TEST_ASSERT_MSG_GT(none, 0, "beacons");
        NS_TEST_EXPECT_MSG_LT(ours, 2 * none, "with the scheduler");
    }
};

/// Mistakes are told
class MistakeCase : public TestCase
{
  public:
    MistakeCase()
        : TestCase("a Yans channel is refused")
    {
    }

  private:
    void DoRun() override
    {
        const auto message = WdmoeAbortMessage([]() {
            NodeContainer node(1);
            MobilityHelper().Install(node);
            auto channel = YansWifiChannelHelper::Default();
            YansWifiPhyHelper phy;
            phy.SetChannel(channel.Create());
            WifiHelper wifi;
            wifi.SetStandard(WIFI_STANDARD_80211ax);
            WifiMacHelper mac;
            mac.SetType("ns3::ApWifiMac");
            mac.SetMultiUserScheduler("ns3::WdmoeMultiUserScheduler");
            wifi.Install(phy, mac, node);
            Simulator::Stop(Seconds(1));
            Simulator::Run();
        });
        NS_TEST_ASSERT_MSG_NE(message.find("SpectrumWifiPhyHelper"),
                              std::string::npos,
                              "says what to do: " << message);
    }
};

/// The suite
class WdmoeRadioWifiMacTestSuite : public TestSuite
{
  public:
    WdmoeRadioWifiMacTestSuite()
        : TestSuite("wdmoe-radio-wifi-mac", Type::UNIT)
    {
        AddTestCase(new LayoutCase, Duration::QUICK);
        AddTestCase(new CreditCase, Duration::QUICK);
        AddTestCase(new DemandCase, Duration::QUICK);
        AddTestCase(new MistakeCase, Duration::QUICK);
        AddTestCase(new IdleCase, Duration::QUICK);
        AddTestCase(new PriorityCase, Duration::QUICK);
        AddTestCase(new ChangeCase, Duration::QUICK);
        AddTestCase(new LossCase, Duration::QUICK);
        for (const uint32_t width : {20, 40, 80})
        {
            for (const uint32_t stations : {4, 16})
            {
                for (uint32_t seed = 1; seed <= 5; ++seed)
                {
                    const auto duration = seed == 1 && (stations == 4 || width == 20)
                                              ? Duration::QUICK
                                              : Duration::EXTENSIVE;
                    AddTestCase(new ShareCase(width, stations, true, false, seed), duration);
                    AddTestCase(new ShareCase(width, stations, false, true, seed), duration);
                }
            }
        }
    }
};

WdmoeRadioWifiMacTestSuite g_wdmoeRadioWifiMacTestSuite; ///< the suite

} // namespace
