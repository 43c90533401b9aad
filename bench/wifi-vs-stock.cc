/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// What WdmoeMultiUserScheduler costs in events and wall time against ns-3's RrMultiUserScheduler
// (downlink OFDMA, uplink by contention: with uplink OFDMA it may never end), in a cell that is the
// same in all else, moving the same bytes: --bytes to each station, and from each with --up. And
// what an idle cell costs, with our scheduler and with none. Runs take turns; each line is the
// median over --runs, and its ratio to the stock.

#include "../test/wdmoe-radio-wifi-mac-cell.h"

#include "ns3/boolean.h"
#include "ns3/command-line.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <vector>

using namespace ns3;

namespace
{

using Cell = WdmoeWifiMacCell;

/// What a run took
struct Cost
{
    double wall{0};     ///< s
    double events{0};   ///< events
    double airtime{-1}; ///< simulated s until the last byte arrived; < 0: never
};

/**
 * @param settings of the cell
 * @param bytes to each station; 0: idle for half a second
 * @param up as much from each
 * @return what it took from when the cell was ready
 */
Cost
Measure(const Cell::Settings& settings, uint64_t bytes, bool up)
{
    Cell cell(settings);
    Cost cost;
    std::chrono::steady_clock::time_point began;
    Time start;
    const auto end = [&]() {
        cost.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        cost.events = Simulator::GetEventCount() - cost.events;
        cost.airtime = (Simulator::Now() - start).GetSeconds();
        Simulator::Stop();
    };
    std::function<void()> check = [&]() {
        for (uint32_t k = 0; k < settings.stations; ++k)
        {
            for (const auto direction : {Cell::DOWN, Cell::UP})
            {
                const auto& flow = cell.GetFlow(k, direction);
                if (flow.sent != flow.received)
                {
                    Simulator::Schedule(MicroSeconds(500), check);
                    return;
                }
            }
        }
        end();
    };
    const auto begin = [&]() {
        start = Simulator::Now();
        began = std::chrono::steady_clock::now();
        cost.events = Simulator::GetEventCount();
        for (uint32_t k = 0; bytes > 0 && k < settings.stations; ++k)
        {
            cell.Send(k, Cell::DOWN, bytes);
            if (up)
            {
                cell.Send(k, Cell::UP, bytes);
                if (cell.GetScheduler())
                {
                    cell.GetScheduler()->ExpectUplink(cell.GetAddress(k), bytes, start);
                }
            }
        }
        if (bytes == 0)
        {
            Simulator::Schedule(MilliSeconds(500), end);
        }
        else
        {
            check();
        }
    };
    // stations that may not contend are asked for a while after the warm-up
    cell.Start([&]() { Simulator::Schedule(settings.contentionOff + MilliSeconds(50), begin); });
    Simulator::Stop(Seconds(60));
    Simulator::Run();
    return cost;
}

/**
 * @param costs of several runs
 * @return medians
 */
Cost
GetMedian(std::vector<Cost> costs)
{
    Cost median;
    for (auto field : {&Cost::wall, &Cost::events, &Cost::airtime})
    {
        std::sort(costs.begin(), costs.end(), [field](const Cost& a, const Cost& b) {
            return a.*field < b.*field;
        });
        median.*field = costs[costs.size() / 2].*field;
    }
    return median;
}

/**
 * @param name of the line
 * @param cost medians
 * @param stock to compare with
 */
void
Print(const std::string& name, const Cost& cost, const Cost& stock)
{
    std::cout << name << ": wall " << cost.wall << " s (" << cost.wall / stock.wall << "), events "
              << cost.events << " (" << cost.events / stock.events << "), until the last byte "
              << cost.airtime * 1e3 << " ms (" << cost.airtime / stock.airtime << ")\n";
}

} // namespace

int
main(int argc, char* argv[])
{
    Cell::Settings settings;
    uint64_t bytes = 2000000;
    bool up = false;
    uint32_t runs = 5;
    CommandLine cmd(__FILE__);
    cmd.AddValue("width", "MHz", settings.widthMhz);
    cmd.AddValue("stations", "Number of them", settings.stations);
    cmd.AddValue("radius", "Of the stations, m", settings.radius);
    cmd.AddValue("bytes", "To each station", bytes);
    cmd.AddValue("up", "And from each", up);
    cmd.AddValue("runs", "Of each, RngRun 1 on", runs);
    cmd.Parse(argc, argv);

    const std::string stockType = "ns3::RrMultiUserScheduler";
    std::vector<Cost> stock;
    std::vector<Cost> ours;
    std::vector<Cost> none;
    std::vector<Cost> idle;
    for (uint32_t run = 1; run <= runs; ++run)
    {
        RngSeedManager::SetRun(run);
        auto rr = settings;
        rr.scheduler = stockType;
        rr.scheduling = [&](ObjectFactory& factory) {
            factory.Set("EnableUlOfdma", BooleanValue(false));
            factory.Set("EnableBsrp", BooleanValue(false));
            factory.Set("NStations", UintegerValue(settings.stations));
        };
        stock.push_back(Measure(rr, bytes, up));
        ours.push_back(Measure(settings, bytes, up));
        auto bare = settings;
        bare.scheduler = "";
        none.push_back(Measure(bare, 0, false));
        idle.push_back(Measure(settings, 0, false));
    }
    std::cout << settings.widthMhz << " MHz, " << settings.stations << " stations, " << bytes
              << " byte to" << (up ? " and from" : "") << " each\n";
    Print("stock", GetMedian(stock), GetMedian(stock));
    Print("ours ", GetMedian(ours), GetMedian(stock));
    Print("idle, no scheduler", GetMedian(none), GetMedian(none));
    Print("idle, ours        ", GetMedian(idle), GetMedian(none));
    return 0;
}
