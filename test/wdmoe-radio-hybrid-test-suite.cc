/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Radios joined to one, and a controller over their budgets.

#include "wdmoe-test-radio.h"
#include "wdmoe-test-support.h"

#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/node-container.h"
#include "ns3/pointer.h"
#include "ns3/position-allocator.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-comparison-helper.h"
#include "ns3/wdmoe-hybrid-radio-helper.h"
#include "ns3/wdmoe-hybrid-radio.h"
#include "ns3/wdmoe-ideal-radio-helper.h"
#include "ns3/wdmoe-lte-radio-helper.h"
#include "ns3/wdmoe-optimizer-helper.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <numeric>
#include <sstream>

using namespace ns3;

namespace
{

/// @return payload bytes and 100 of headers
uint64_t
WireBytes(uint64_t payload)
{
    return payload + 100;
}

/**
 * @param rows of the gate
 * @return the input of a block
 */
WdmoeBlockInput
MakeBlock(const std::vector<std::vector<double>>& rows)
{
    WdmoeBlockInput input;
    input.gate.tokens = rows.size();
    input.gate.experts = rows[0].size();
    for (const auto& row : rows)
    {
        input.gate.weight.insert(input.gate.weight.end(), row.begin(), row.end());
    }
    input.hidden = 1024;
    input.wireBytes = MakeCallback(&WireBytes);
    return input;
}

/**
 * @param load tokens of each expert
 * @return a block in which each token has one expert
 */
WdmoeBlockInput
BlockOf(const std::vector<uint32_t>& load)
{
    std::vector<std::vector<double>> rows;
    for (std::size_t e = 0; e < load.size(); e++)
    {
        std::vector<double> row(load.size(), 0);
        row[e] = 1;
        rows.insert(rows.end(), load[e], row);
    }
    return MakeBlock(rows);
}

/**
 * @param radio with its devices, expert e on device e
 * @param policy name and settings
 * @param topK experts of a token
 * @param predictor TypeId
 * @return a controller of it
 */
Ptr<WdmoeController>
MakeController(Ptr<WdmoeRadio> radio,
               const std::string& policy,
               uint32_t topK = 1,
               const std::string& predictor = "ns3::WdmoeLearningPredictor")
{
    WdmoeModelDescription model;
    model.experts = radio->GetNDevices();
    model.topK = topK;
    model.expert.hidden = 1024;
    model.expert.inner = 4096;
    wdmoe::DeviceProfile profile;
    profile.flops = 1e12;
    profile.memoryBandwidth = 5e10;
    WdmoeOptimizerHelper optimizer;
    optimizer.SetPolicy(WdmoePolicy::Find(policy));
    optimizer.SetPredictor(predictor);
    return optimizer.Install(radio,
                             model,
                             std::vector<wdmoe::DeviceProfile>(model.experts, profile));
}

/// Two test radios of two and three devices, joined with the devices of both in turn
struct Joined
{
    Joined()
        : server(CreateObject<Node>()),
          a(CreateObject<WdmoeTestRadio>("a", server, 2, 20)),
          b(CreateObject<WdmoeTestRadio>("b", server, 3, 30))
    {
    }

    ~Joined()
    {
        Simulator::Destroy();
    }

    /// Join them. @return the radio
    Ptr<WdmoeHybridRadio> Join()
    {
        radio = CreateObject<WdmoeHybridRadio>();
        radio->AddRadio(a);
        radio->AddRadio(b);
        for (const auto& [part, device] : places)
        {
            radio->AddDevice((part == 0 ? a : b)->GetDevice(device));
        }
        return radio;
    }

    /// Part and index there of each device
    const std::vector<std::pair<int, uint32_t>> places{{1, 0}, {0, 0}, {1, 1}, {1, 2}, {0, 1}};
    Ptr<Node> server;            ///< of both
    Ptr<WdmoeTestRadio> a;       ///< devices 1 and 4
    Ptr<WdmoeTestRadio> b;       ///< devices 0, 2 and 3
    Ptr<WdmoeHybridRadio> radio; ///< once joined
};

/**
 * @ingroup wdmoe-tests
 *
 * Everything finds its way to the part that a device is in, and back.
 */
class MappingTest : public TestCase
{
  public:
    MappingTest()
        : TestCase("plans, hints, states, grants and usage go by the device's own radio")
    {
    }

  private:
    /// Devices of a radio in each of its cells
    static std::vector<std::vector<uint32_t>> Devices(const std::vector<WdmoeRadioCell>& cells)
    {
        std::vector<std::vector<uint32_t>> devices;
        for (const auto& cell : cells)
        {
            devices.push_back(cell.devices);
        }
        return devices;
    }

    void DoRun() override;
};

void
MappingTest::DoRun()
{
    Joined joined;
    auto& [places, server, a, b, unused] = joined;
    a->budget = {4e6, 3e6, false};
    b->budget = {10e6, 10e6, true};
    a->capabilities.expectUplink = a->capabilities.progress = a->capabilities.strict = true;
    b->capabilities.priority = b->capabilities.fullDuplex = false;
    a->capabilities.uplinkDelay = MilliSeconds(12);
    b->capabilities.uplinkDelay = MilliSeconds(1);
    a->capabilities.uplinkRequestDelay = MilliSeconds(7);
    b->capabilities.shareAccuracy = 0.01;
    auto radio = joined.Join();
    NS_TEST_ASSERT_MSG_EQ(radio->GetName(), "a+b", "name");
    NS_TEST_ASSERT_MSG_EQ(radio->GetServerNode(), server, "server");
    NS_TEST_ASSERT_MSG_EQ(radio->GetNDevices(), 5U, "devices");

    const auto cells = radio->GetCells();
    NS_TEST_ASSERT_MSG_EQ(cells.size(), 2U, "cells");
    NS_TEST_ASSERT_MSG_EQ((cells[0].radio == a && cells[1].radio == b), true, "radios of cells");
    NS_TEST_ASSERT_MSG_EQ((Devices(cells) == std::vector<std::vector<uint32_t>>{{1, 4}, {0, 2, 3}}),
                          true,
                          "devices of cells");
    const auto budget = radio->GetBudget();
    NS_TEST_ASSERT_MSG_EQ(budget.downlinkHz, 14e6, "sum down");
    NS_TEST_ASSERT_MSG_EQ(budget.uplinkHz, 13e6, "sum up");
    NS_TEST_ASSERT_MSG_EQ(budget.coupled, false, "not all are");
    const auto can = radio->GetCapabilities();
    NS_TEST_ASSERT_MSG_EQ(can.leftover, true, "both can");
    NS_TEST_ASSERT_MSG_EQ(
        (can.strict || can.priority || can.expectUplink || can.progress || can.fullDuplex),
        false,
        "one of them cannot");
    NS_TEST_ASSERT_MSG_EQ(can.uplinkDelay, MilliSeconds(12), "the longest delay");
    NS_TEST_ASSERT_MSG_EQ(can.uplinkRequestDelay, Time(0), "what all of them can save");
    NS_TEST_ASSERT_MSG_EQ(can.shareAccuracy, 0.01, "the largest error");
    NS_TEST_ASSERT_MSG_EQ(radio->IsReady(), true, "ready");
    b->ready = false;
    NS_TEST_ASSERT_MSG_EQ(radio->IsReady(), false, "one is not");
    NS_TEST_ASSERT_MSG_EQ(radio->AssignStreams(100), 6, "streams of both");
    NS_TEST_ASSERT_MSG_EQ(b->streams.at(0), 103, "one after another");

    for (uint32_t k = 0; k < 5; k++)
    {
        auto part = places[k].first == 0 ? a : b;
        const auto i = places[k].second;
        part->links[i].downlink.law.efficiency = 10 + k;
        part->links[i].uplink.valid = k != 3;
        part->usage[i] = {1.0 * k, 2.0 * k};
    }
    std::vector<uint32_t> measured;
    radio->TraceConnectWithoutContext(
        "LinkState",
        Callback<void, uint32_t, const WdmoeLinkState&>(
            [&](uint32_t k, const WdmoeLinkState& state) {
                measured.push_back(k);
                NS_TEST_EXPECT_MSG_EQ(state.downlink.law.efficiency, 10 + k, "traced state");
            }));
    radio->Measure();
    NS_TEST_ASSERT_MSG_EQ((measured == std::vector<uint32_t>{0, 1, 2, 3, 4}), true, "in order");
    NS_TEST_ASSERT_MSG_EQ(a->measured + b->measured, 2U, "each measured once");
    std::vector<WdmoePlan> traced;
    radio->TraceConnectWithoutContext(
        "Plan",
        Callback<void, const WdmoePlan&>([&](const WdmoePlan& plan) { traced.push_back(plan); }));
    WdmoePlan plan;
    for (uint32_t k = 0; k < 5; k++)
    {
        // they sum to 1 in each cell, to 2 in all
        plan.downlink.push_back({places[k].first == 0 ? 0.5 : k / 5.0, 1.0 + k, 7});
        plan.uplink.push_back({0.1 * k, 2.0 + k, 0});
        radio->ExpectUplink(k, 100 + k, Seconds(k));
    }
    radio->SetPlan(plan);
    NS_TEST_ASSERT_MSG_EQ(traced.size(), 1U, "one plan");
    NS_TEST_ASSERT_MSG_EQ((a->plans.size() == 1 && b->plans.size() == 1), true, "for each");
    for (uint32_t k = 0; k < 5; k++)
    {
        auto part = places[k].first == 0 ? a : b;
        const auto i = places[k].second;
        NS_TEST_ASSERT_MSG_EQ(radio->GetDevice(k), part->GetDevice(i), "node");
        NS_TEST_ASSERT_MSG_EQ(radio->GetDeviceAddress(k), part->GetDeviceAddress(i), "address");
        NS_TEST_ASSERT_MSG_EQ(radio->GetServerAddress(k), part->GetServerAddress(i), "server's");
        NS_TEST_ASSERT_MSG_EQ(radio->GetLinkState(k).downlink.law.efficiency, 10 + k, "state");
        NS_TEST_ASSERT_MSG_EQ(radio->GetLinkState(k).uplink.valid, (k != 3), "valid");
        NS_TEST_ASSERT_MSG_EQ(radio->GetUsage(k).uplinkHzS, 2.0 * k, "usage");
        NS_TEST_ASSERT_MSG_EQ(part->plans[0].downlink[i].guaranteed,
                              plan.downlink[k].guaranteed,
                              "share");
        NS_TEST_ASSERT_MSG_EQ(part->plans[0].uplink[i].weight, 2.0 + k, "weight");
        NS_TEST_ASSERT_MSG_EQ(part->plans[0].downlink[i].priority,
                              (places[k].first == 0 ? 7 : 0),
                              "priority, where there is such a thing");
        NS_TEST_ASSERT_MSG_EQ(traced[0].downlink[k].guaranteed,
                              plan.downlink[k].guaranteed,
                              "traced share");
        const auto& hint = part->expectations.at(i);
        NS_TEST_ASSERT_MSG_EQ((hint.device == i && hint.bytes == 100 + k), true, "hint");
    }

    std::vector<std::string> grants;
    radio->TraceConnectWithoutContext(
        "Grant",
        Callback<void, uint32_t, bool, uint32_t>([&](uint32_t k, bool downlink, uint32_t bytes) {
            std::ostringstream text;
            text << k << (downlink ? "d" : "u") << bytes;
            grants.push_back(text.str());
        }));
    a->Grant(1, true, 10);
    b->Grant(2, false, 20);
    NS_TEST_ASSERT_MSG_EQ((grants == std::vector<std::string>{"4d10", "3u20"}), true, "grants");

    // a hybrid radio in a hybrid radio
    auto c = CreateObject<WdmoeTestRadio>("c", server, 1, 40);
    auto outer = CreateObject<WdmoeHybridRadio>();
    outer->AddRadio(c);
    outer->AddRadio(radio);
    for (const uint32_t k : {4, 3, 2})
    {
        outer->AddDevice(radio->GetDevice(k));
    }
    outer->AddDevice(c->GetDevice(0));
    outer->AddDevice(radio->GetDevice(1));
    outer->AddDevice(radio->GetDevice(0));
    NS_TEST_ASSERT_MSG_EQ(outer->GetName(), "c+a+b", "nested name");
    NS_TEST_ASSERT_MSG_EQ(
        (Devices(outer->GetCells()) == std::vector<std::vector<uint32_t>>{{3}, {4, 0}, {5, 2, 1}}),
        true,
        "nested cells");
    WdmoePlan nested;
    for (uint32_t k = 0; k < 6; k++)
    {
        nested.downlink.push_back({k / 10.0, 0, 0});
    }
    nested.uplink = nested.downlink;
    outer->SetPlan(nested);
    NS_TEST_ASSERT_MSG_EQ_TOL(b->plans.back().uplink[2].guaranteed, 0.1, 1e-12, "nested plan");
    NS_TEST_ASSERT_MSG_EQ_TOL(a->plans.back().uplink[0].guaranteed, 0.4, 1e-12, "nested plan");

    // one part alone is one cell, whose devices may have another order
    auto d = CreateObject<WdmoeTestRadio>("d", server, 2, 50);
    auto alone = CreateObject<WdmoeHybridRadio>();
    alone->AddRadio(d);
    alone->AddDevice(d->GetDevice(1));
    alone->AddDevice(d->GetDevice(0));
    alone->SetPlan({{{0.9, 0, 0}, {0.1, 0, 0}}, {{0.2, 0, 0}, {0.8, 0, 0}}});
    NS_TEST_ASSERT_MSG_EQ(d->plans.at(0).downlink[1].guaranteed, 0.9, "the only part");

    // what is gone hears no more
    outer = nullptr;
    radio->Dispose();
    a->Grant(0, true, 1);
    NS_TEST_ASSERT_MSG_EQ(grants.size(), 2U, "no grant of a disposed radio");
}

/**
 * @ingroup wdmoe-tests
 *
 * The time of one cell of the paper's kind, written out anew: bisection of T over bisections of B.
 */
class OneCell
{
  public:
    /// What a device has to do
    struct Job
    {
        double bits[2];         ///< down, up
        wdmoe::RateLaw laws[2]; ///< down, up
        double computeS;        ///< s
    };

    std::vector<Job> jobs; ///< of the cell
    double hz{0};          ///< common budget

    /// @return time of a device. @param job its @param b Hz, both ways
    static double TimeOf(const Job& job, double b)
    {
        double t = job.computeS;
        for (int i = 0; i < 2; i++)
        {
            const auto& law = job.laws[i];
            const double rate = law.kind == wdmoe::RateLaw::LINEAR
                                    ? law.efficiency * b
                                    : b * std::log2(1 + law.gainHz / b);
            t += job.bits[i] / rate;
        }
        return t;
    }

    /// @return least time of the slowest device, s
    double Solve() const
    {
        double low = 0;
        double high = 1e6;
        for (int i = 0; i < 200; i++)
        {
            const double t = (low + high) / 2;
            double sum = 0;
            for (const auto& job : jobs)
            {
                double none = 0;
                double enough = 2 * hz;
                for (int j = 0; j < 200; j++)
                {
                    const double b = (none + enough) / 2;
                    (TimeOf(job, b) <= t ? enough : none) = b;
                }
                sum += enough;
            }
            (sum <= hz ? high : low) = t;
        }
        return high;
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * A block over two cells takes as long as the slower cell's optimum, shares sum to 1 in each.
 */
class TwoCellsTest : public TestCase
{
  public:
    TwoCellsTest()
        : TestCase("a block of two cells takes the larger of two optima of one cell")
    {
    }

  private:
    void DoRun() override;
};

void
TwoCellsTest::DoRun()
{
    auto random = CreateObject<UniformRandomVariable>();
    random->SetStream(11);
    uint32_t slower[2] = {0, 0};
    double worst = 0;
    for (int instance = 0; instance < 40; instance++)
    {
        Ptr<Node> server = CreateObject<Node>();
        NodeContainer devices(6);
        MobilityHelper mobility;
        auto positions = CreateObject<ListPositionAllocator>();
        positions->Add(Vector(0, 0, 0));
        for (int k = 0; k < 6; k++)
        {
            positions->Add(Vector(random->GetValue(20, 300), 0, 0));
        }
        mobility.SetPositionAllocator(positions);
        mobility.Install(server);
        mobility.Install(devices);
        const double hz[2] = {random->GetValue(2e6, 1e8), random->GetValue(2e6, 1e8)};
        const std::vector<uint32_t> members[2] = {{1, 2, 5}, {0, 3, 4}};
        WdmoeHybridRadioHelper helper;
        for (int c = 0; c < 2; c++)
        {
            WdmoeIdealRadioHelper part;
            part.SetAttribute("Bandwidth", DoubleValue(hz[c]));
            helper.Add(part, members[c]);
        }
        auto radio = helper.Install(server, devices);
        radio->AssignStreams(instance);
        auto controller = MakeController(radio,
                                         "topk-allocated:allocator.MinShare=0",
                                         1,
                                         "ns3::WdmoeClosedFormPredictor");
        std::vector<uint32_t> load;
        for (int k = 0; k < 6; k++)
        {
            // an idle device now and then
            load.push_back(random->GetValue() < 0.2 ? 0 : random->GetInteger(1, 50));
        }
        load[1] += 1;
        load[0] += 1;
        const auto d = controller->Decide(BlockOf(load));
        double times[2];
        for (int c = 0; c < 2; c++)
        {
            OneCell cell;
            cell.hz = hz[c];
            double sums[2] = {0, 0};
            for (const auto k : members[c])
            {
                sums[0] += d.plan.downlink[k].guaranteed;
                sums[1] += d.plan.uplink[k].guaranteed;
                NS_TEST_ASSERT_MSG_EQ(d.devices[k].tokens, load[k], "expert k is on device k");
                NS_TEST_ASSERT_MSG_EQ((d.plan.downlink[k].guaranteed > 0),
                                      (load[k] > 0),
                                      "for work");
                if (load[k] == 0)
                {
                    continue;
                }
                const auto state = radio->GetLinkState(k);
                const double bits = 8 * (2.0 * 1024 * load[k] + 100);
                NS_TEST_ASSERT_MSG_EQ(d.devices[k].load.downlinkBits, bits, "bits");
                // 1e12 FLOP/s and 50 GB/s make one expert's time
                cell.jobs.push_back({{bits, bits},
                                     {state.downlink.law, state.uplink.law},
                                     d.devices[k].load.computeS});
            }
            NS_TEST_ASSERT_MSG_EQ_TOL(sums[0], 1, 1e-9, "downlink shares of cell " << c);
            NS_TEST_ASSERT_MSG_EQ_TOL(sums[1], 1, 1e-9, "uplink shares of cell " << c);
            times[c] = cell.Solve();
        }
        const double expected = std::max(times[0], times[1]);
        slower[times[0] < times[1]]++;
        worst = std::max(worst, std::abs(d.predictedS / expected - 1));
        NS_TEST_ASSERT_MSG_EQ_TOL(d.predictedS / expected, 1, 1e-8, "predicted");
        NS_TEST_ASSERT_MSG_EQ_TOL(d.allocation.timeS / expected, 1, 1e-8, "certificate: time");
        NS_TEST_ASSERT_MSG_EQ_TOL(d.allocation.lowerBoundS / expected, 1, 1e-8, "its bound");
        NS_TEST_ASSERT_MSG_EQ((d.allocation.status == wdmoe::AllocationStatus::OPTIMAL),
                              true,
                              "optimal");
        const auto& late = members[times[0] < times[1]];
        NS_TEST_ASSERT_MSG_EQ(d.allocation.active.empty(), false, "a bottleneck");
        for (const auto k : d.allocation.active)
        {
            NS_TEST_ASSERT_MSG_NE(std::count(late.begin(), late.end(), k), 0, "in the late cell");
        }
        NS_TEST_ASSERT_MSG_EQ(radio->GetPlan().downlink.size(), 6U, "in force");
        Simulator::Destroy();
    }
    NS_TEST_ASSERT_MSG_GT(slower[0], 4U, "either cell is the slower one");
    NS_TEST_ASSERT_MSG_GT(slower[1], 4U, "either cell is the slower one");
    if (std::getenv("WDMOE_VERBOSE"))
    {
        std::cout << "40 drops of two cells, worst relative difference " << worst << std::endl;
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Plans over time: certificates, delays and replanning by cell.
 */
class OverTimeTest : public TestCase
{
  public:
    OverTimeTest()
        : TestCase("plans over time of two cells: bounds, fixed costs, replanning")
    {
    }

  private:
    void DoRun() override;
};

void
OverTimeTest::DoRun()
{
    const std::string policy = "scheduled-fp16-topk";
    const auto setUp = [](Joined& joined) {
        joined.a->budget = {2e6, 2e6, false};
        joined.b->budget = {9e6, 9e6, false};
        joined.a->capabilities.downlinkDelay = MilliSeconds(4);
        joined.a->capabilities.uplinkDelay = MilliSeconds(12);
        joined.a->capabilities.expectUplink = joined.a->capabilities.progress = true;
        joined.a->capabilities.uplinkRequestDelay = MilliSeconds(7);
        joined.a->capabilities.downlinkLead = MilliSeconds(3);
        joined.a->capabilities.grantPeriod = MilliSeconds(1);
        joined.b->capabilities.uplinkDelay = MilliSeconds(1);
    };
    // devices of the hybrid radio: b a b b a
    const std::vector<std::vector<uint32_t>> blocks = {{30, 20, 25, 9, 5}, {40, 1, 3, 12, 2}};
    double plannedS[2];
    double boundS[2];
    {
        // the same cells by themselves
        double ends[2][2][2]; // cell, decisions made, block
        double bounds[2][2];
        for (int c = 0; c < 2; c++)
        {
            Joined joined;
            setUp(joined);
            auto part = c == 0 ? joined.a : joined.b;
            auto controller = MakeController(part, policy);
            for (int n = 0; n < 2; n++)
            {
                std::vector<uint32_t> load;
                for (const uint32_t k :
                     c == 0 ? std::vector<uint32_t>{1, 4} : std::vector<uint32_t>{0, 2, 3})
                {
                    load.push_back(blocks[n][k]);
                }
                const auto d = controller->Decide(BlockOf(load));
                bounds[c][n] = d.lowerBoundS;
                ends[c][n][n] = d.predictedS;
                ends[c][n][0] = n == 0 ? d.predictedS : d.plannedS - d.predictedS;
            }
        }
        plannedS[0] = std::max(ends[0][0][0], ends[1][0][0]);
        plannedS[1] =
            std::max(ends[0][1][0], ends[1][1][0]) + std::max(ends[0][1][1], ends[1][1][1]);
        for (int n = 0; n < 2; n++)
        {
            boundS[n] = std::max(bounds[0][n], bounds[1][n]);
        }
        // The cells' bounds sum to more than both blocks take: the sum is no bound.
        NS_TEST_ASSERT_MSG_GT(bounds[0][0] + bounds[1][0], plannedS[0], "a sum would be wrong");
    }
    Joined joined;
    setUp(joined);
    auto controller = MakeController(joined.Join(), policy);
    for (int n = 0; n < 2; n++)
    {
        const auto d = controller->Decide(BlockOf(blocks[n]));
        NS_TEST_ASSERT_MSG_EQ(d.bounded, true, "bounded");
        NS_TEST_ASSERT_MSG_EQ_TOL(d.plannedS / plannedS[n], 1, 1e-9, "planned, block " << n);
        NS_TEST_ASSERT_MSG_EQ_TOL(d.lowerBoundS / boundS[n], 1, 1e-9, "bound, block " << n);
        NS_TEST_ASSERT_MSG_LT_OR_EQ(d.lowerBoundS, d.plannedS, "a bound");
        double downlink[2] = {0, 0};
        for (uint32_t k = 0; k < 5; k++)
        {
            downlink[joined.places[k].first] += d.plan.downlink[k].guaranteed;
            uint32_t tokens = 0;
            for (const auto& piece : d.devices[k].pieces)
            {
                tokens += piece.tokens;
            }
            NS_TEST_ASSERT_MSG_EQ(tokens, blocks[n][k], "all tokens of device " << k);
        }
        NS_TEST_ASSERT_MSG_LT_OR_EQ(downlink[0], 1 + 1e-9, "shares of a");
        NS_TEST_ASSERT_MSG_LT_OR_EQ(downlink[1], 1 + 1e-9, "shares of b");
    }

    // fixed costs are those of a device's own radio; early grants save the request
    PointerValue value;
    controller->GetAttribute("Predictor", value);
    const auto predictor = value.Get<WdmoePredictor>();
    NS_TEST_ASSERT_MSG_EQ_TOL(predictor->GetCost(1).uplinkFixedS, 0.005, 1e-12, "a: 12 - 7 ms");
    NS_TEST_ASSERT_MSG_EQ_TOL(predictor->GetCost(1).downlinkFixedS, 0.004, 1e-12, "a: 4 ms");
    NS_TEST_ASSERT_MSG_EQ_TOL(predictor->GetCost(3).uplinkFixedS, 0.001, 1e-12, "b: 1 ms");
    NS_TEST_ASSERT_MSG_EQ_TOL(predictor->GetCost(3).downlinkFixedS, 0, 1e-12, "b: none");

    // A micro-batch in a, which comes late, has all planned anew; b, where nothing is in flight,
    // keeps its plan, and only a gets hints.
    Joined late;
    setUp(late);
    controller = MakeController(late.Join(), policy);
    const auto d = controller->Decide(BlockOf({0, 20, 0, 0, 10}));
    NS_TEST_ASSERT_MSG_EQ(late.a->plans.size(), 1U, "planned");
    Simulator::Schedule(Seconds(1), [&]() {
        for (const auto& piece : d.devices[1].pieces)
        {
            late.a->Grant(0, true, static_cast<uint32_t>(piece.downlinkBits / 8));
        }
        late.b->Grant(0, true, 5000); // does not say so in its capabilities, and has nothing
    });
    Simulator::Run();
    NS_TEST_ASSERT_MSG_EQ(late.a->plans.size(), 2U, "planned anew");
    NS_TEST_ASSERT_MSG_EQ(late.b->plans.size(), 2U, "told again");
    for (uint32_t i = 0; i < 3; i++)
    {
        for (auto way : {&WdmoePlan::downlink, &WdmoePlan::uplink})
        {
            const auto& first = (late.b->plans[0].*way)[i];
            const auto& second = (late.b->plans[1].*way)[i];
            NS_TEST_ASSERT_MSG_EQ((first.guaranteed == second.guaranteed &&
                                   first.weight == second.weight &&
                                   first.priority == second.priority),
                                  true,
                                  "b keeps its plan");
        }
    }
    NS_TEST_ASSERT_MSG_EQ(late.a->expectations.size(), d.devices[1].pieces.size(), "hints");
    NS_TEST_ASSERT_MSG_EQ(late.b->expectations.size(), 0U, "no hints");
}

/**
 * @ingroup wdmoe-tests
 *
 * Selection across cells takes load off the devices of a slow one.
 */
class SelectionTest : public TestCase
{
  public:
    SelectionTest()
        : TestCase("selection takes load off a slow cell")
    {
    }

  private:
    /**
     * @param policy selector and allocator
     * @param slowHz budget of the cell of devices 0, 2, 3; the other one has 5 MHz
     * @return pairs in that cell, and in the other
     */
    static std::pair<uint32_t, uint32_t> Count(const std::string& policy, double slowHz)
    {
        Joined joined;
        joined.b->budget = {slowHz, slowHz, false};
        auto controller = MakeController(joined.Join(), policy, 2);
        auto random = CreateObject<UniformRandomVariable>();
        random->SetStream(3);
        std::pair<uint32_t, uint32_t> pairs;
        for (int i = 0; i < 10; i++)
        {
            std::vector<std::vector<double>> rows;
            for (int j = 0; j < 60; j++)
            {
                std::vector<double> row;
                for (int e = 0; e < 5; e++)
                {
                    row.push_back(std::pow(random->GetValue(), 3) + 1e-3);
                }
                const double sum = std::accumulate(row.begin(), row.end(), 0.0);
                for (auto& w : row)
                {
                    w /= sum;
                }
                rows.push_back(row);
            }
            const auto d = controller->Decide(MakeBlock(rows));
            WdmoeGiveUpAll(controller, d);
            for (uint32_t k = 0; k < 5; k++)
            {
                (joined.places[k].first == 1 ? pairs.first : pairs.second) += d.devices[k].tokens;
            }
        }
        return pairs;
    }

    void DoRun() override
    {
        const auto topK = Count("topk-allocated", 5e5);
        NS_TEST_ASSERT_MSG_EQ(topK.first + topK.second, 1200U, "two of each token");
        for (const std::string selector :
             {"ns3::WdmoeWlrSelector", "ns3::WdmoeQualityBoundSelector"})
        {
            for (const std::string allocator :
                 {"ns3::WdmoeMinMaxAllocator", "ns3::WdmoeScheduledAllocator"})
            {
                // the same cell in which nothing is slow, for what is dropped anyway
                const auto policy = selector + "+" + allocator;
                const auto fast = Count(policy, 5e6);
                const auto slow = Count(policy, 5e5);
                const auto text = policy + ": " + std::to_string(slow.first) + " of " +
                                  std::to_string(topK.first) + ", fast " +
                                  std::to_string(fast.first);
                if (std::getenv("WDMOE_VERBOSE"))
                {
                    std::cout << text << "; other cell " << slow.second << " of " << topK.second
                              << ", fast " << fast.second << std::endl;
                }
                NS_TEST_EXPECT_MSG_LT(slow.first, topK.first, text);
                NS_TEST_EXPECT_MSG_LT(1.0 * slow.first / (slow.first + slow.second),
                                      1.0 * topK.first / 1200,
                                      text);
                NS_TEST_EXPECT_MSG_LT_OR_EQ(slow.first, fast.first, text);
                if (selector == "ns3::WdmoeQualityBoundSelector")
                {
                    // air that nobody waits for is free: no quality is lost for it
                    NS_TEST_EXPECT_MSG_EQ(slow.second, topK.second, text);
                }
            }
        }
    }
};

/// What is printed while this lives is not
class Silence
{
  public:
    Silence()
        : m_cout(std::cout.rdbuf(m_text.rdbuf())),
          m_cerr(std::cerr.rdbuf(m_text.rdbuf()))
    {
    }

    ~Silence()
    {
        std::cout.rdbuf(m_cout);
        std::cerr.rdbuf(m_cerr);
    }

  private:
    std::ostringstream m_text; ///< takes it
    std::streambuf* m_cout;    ///< as it was
    std::streambuf* m_cerr;    ///< as it was
};

/**
 * @ingroup wdmoe-tests
 *
 * Packets over two radios at one server: blocks end when the plan says.
 */
class PacketTest : public TestCase
{
  public:
    PacketTest()
        : TestCase("packets over two ideal cells, and over LTE and an ideal cell")
    {
    }

  private:
    /// A small job. @param comparison does it
    static void Shrink(WdmoeComparisonHelper& comparison)
    {
        comparison.requests = 2;
        comparison.maxPromptTokens = 24;
        comparison.maxOutputTokens = 3;
        comparison.blocks = 3;
        comparison.timeScale = 1;
    }

    void DoRun() override;
};

void
PacketTest::DoRun()
{
    {
        WdmoeComparisonHelper comparison("hybrid");
        Shrink(comparison);
        comparison.strict = true;
        comparison.policies = "topk-equal,topk-allocated,wdmoe";
        {
            Silence silence;
            comparison.Run([](const WdmoePolicy&, Ptr<Node> server, NodeContainer devices) {
                WdmoeIdealRadioHelper narrow;
                narrow.SetAttribute("Bandwidth", DoubleValue(20e6));
                WdmoeIdealRadioHelper wide;
                WdmoeHybridRadioHelper radio;
                radio.AddFraction(narrow, 0.5);
                radio.AddFraction(wide, 1);
                return radio.Install(server, devices);
            });
        }
        for (const auto& policy : WdmoePolicy::Parse(comparison.policies))
        {
            const auto& blocks = comparison.GetResults().GetBlocks(policy.name);
            NS_TEST_ASSERT_MSG_EQ(blocks.size(), 18U, "2 requests, 3 tokens, 3 blocks");
            for (const auto& block : blocks)
            {
                NS_TEST_EXPECT_MSG_EQ_TOL(block.latency.GetSeconds() / block.closedFormS,
                                          1,
                                          0.005,
                                          policy.name << " block " << block.block << " pass "
                                                      << block.pass);
            }
        }
    }
    for (const bool udp : {true, false})
    {
        WdmoeComparisonHelper comparison("hybrid");
        Shrink(comparison);
        comparison.requests = 1;
        comparison.maxPromptTokens = 12;
        comparison.transport = udp ? "ns3::WdmoeUdpTransport" : "ns3::WdmoeTcpTransport";
        comparison.minDistance = 30;
        comparison.maxDistance = 120;
        comparison.policies = udp ? "topk-stock,scheduled-fp16-topk" : "topk-allocated";
        Ptr<WdmoeRadio> made;
        {
            Silence silence;
            // it aborts where tokens or messages are not conserved
            comparison.Run([&](const WdmoePolicy& policy, Ptr<Node> server, NodeContainer devices) {
                WdmoeLteRadioHelper lte;
                lte.SetAttribute("Bandwidth", UintegerValue(25));
                lte.SetAttribute("ServerNode", PointerValue(server));
                lte.SetAttribute("Scheduler",
                                 StringValue(policy.stock ? "ns3::PfFfMacScheduler"
                                                          : "ns3::WdmoeFfMacScheduler"));
                lte.SetPathlossModelAttribute("Exponent", DoubleValue(3.5));
                WdmoeHybridRadioHelper radio;
                radio.Add(WdmoeIdealRadioHelper(), {1, 3, 6});
                radio.AddFraction(lte, 1);
                made = radio.Install(server, devices);
                return made;
            });
        }
        NS_TEST_ASSERT_MSG_EQ(made->GetName(), "ideal+lte", "name");
        for (const auto& policy : WdmoePolicy::Parse(comparison.policies))
        {
            const auto& blocks = comparison.GetResults().GetBlocks(policy.name);
            NS_TEST_ASSERT_MSG_EQ(blocks.size(), 9U, "all blocks");
            double seconds[2] = {0, 0};
            uint32_t parts[2] = {0, 0};
            for (const auto& block : blocks)
            {
                NS_TEST_EXPECT_MSG_EQ(block.pairsMissing, 0U, "nothing is missing");
                for (const auto& part : block.devices)
                {
                    const bool lte = part.device != 1 && part.device != 3 && part.device != 6;
                    seconds[lte] += wdmoe::SequentialLatency(part.measured);
                    parts[lte] += part.tokens > 0;
                }
            }
            NS_TEST_ASSERT_MSG_GT(parts[0], 5U, "some went over the ideal cell");
            NS_TEST_ASSERT_MSG_GT(parts[1], 5U, "some went over LTE");
            NS_TEST_ASSERT_MSG_LT(seconds[0] / parts[0],
                                  0.5 * seconds[1] / parts[1],
                                  "each over its own");
        }
    }
}

/**
 * @ingroup wdmoe-tests
 *
 * Mistakes, and what a user is told.
 */
class BadInputTest : public TestCase
{
  public:
    BadInputTest()
        : TestCase("mistakes are refused, with what to do")
    {
    }

  private:
    void DoRun() override;
};

void
BadInputTest::DoRun()
{
    Joined joined;
    auto hybrid = CreateObject<WdmoeHybridRadio>();
    hybrid->AddRadio(joined.a);
    const auto other = [&](Ptr<Node> server, uint32_t devices, uint32_t network) {
        hybrid->AddRadio(CreateObject<WdmoeTestRadio>("x", server, devices, network));
    };
    const auto install = [](const std::function<void(WdmoeHybridRadioHelper&)>& add) {
        Ptr<Node> server = CreateObject<Node>();
        NodeContainer devices(3);
        MobilityHelper mobility;
        mobility.Install(server);
        mobility.Install(devices);
        WdmoeHybridRadioHelper helper;
        add(helper);
        helper.Install(server, devices);
    };
    const WdmoeIdealRadioHelper ideal;
    const WdmoeLteRadioHelper lte;

    struct Case
    {
        std::function<void()> action; ///< a mistake
        std::string expected;         ///< part of the message
    };

    const std::vector<Case> cases = {
        {[&]() { hybrid->AddRadio(nullptr); }, "no radio given"},
        {[&]() { hybrid->AddRadio(joined.a); }, "'a' was added already"},
        {[&]() { other(joined.server, 0, 40); }, "'x' has no device"},
        {[&]() { other(CreateObject<Node>(), 1, 40); }, "expected one for all"},
        {[&]() { other(nullptr, 1, 40); }, "'x' has no server node"},
        {[&]() { other(joined.server, 1, 20); }, "has the address 20.0.1.0"},
        {[&]() {
             joined.b->AddDevice(joined.a->GetDevice(0));
             hybrid->AddRadio(joined.b);
         },
         "is a device of two radios"},
        {[&]() { hybrid->AddDevice(CreateObject<Node>()); }, "is a device of none of the 1"},
        {[&]() {
             hybrid->AddDevice(joined.a->GetDevice(0));
             hybrid->AddDevice(joined.a->GetDevice(0));
         },
         "was added already, as device 0"},
        {[&]() {
             hybrid->AddDevice(joined.a->GetDevice(0));
             hybrid->AddRadio(joined.b);
         },
         "add all radios first"},
        {[&]() {
             hybrid->AddDevice(joined.a->GetDevice(1));
             hybrid->GetCells();
         },
         "'a' has 2 devices, of which 1"},
        {[&]() {
             hybrid->AddDevice(joined.a->GetDevice(0));
             hybrid->AddDevice(joined.a->GetDevice(1));
             joined.a->AddDevice(CreateObject<Node>());
             MakeController(hybrid, "topk-equal");
         },
         "'a' has 3 devices, of which 2"},
        {[&]() { CreateObject<WdmoeHybridRadio>()->GetCells(); }, "no radio; call AddRadio()"},
        {[&]() { hybrid->GetRadio(1); }, "no radio 1, there are 1"},
        {[&]() {
             WdmoePlan plan;
             plan.downlink.assign(5, {0.3, 0, 0});
             plan.uplink.assign(5, {0.5, 0, 0}); // too much for the three of b
             joined.Join()->SetPlan(plan);
         },
         "uplink shares sum to 1.5"},
        {[&]() {
             WdmoePlan plan;
             plan.downlink.assign(4, {0.1, 0, 0});
             plan.uplink = plan.downlink;
             joined.Join()->SetPlan(plan);
         },
         "4 downlink and 4 uplink shares for 5"},
        {[&]() { install([&](auto& h) { h.Add(ideal, {0, 3}); }); }, "wants device 3, there are 3"},
        {[&]() {
             install([&](auto& h) {
                 h.Add(ideal, {0, 1});
                 h.Add(lte, {1, 2});
             });
         },
         "device 1 is in part 0 and in part 1"},
        {[&]() { install([&](auto& h) { h.Add(ideal, {0, 1}); }); }, "device 2 is in no part"},
        {[&]() { install([&](auto& h) { h.AddFraction(ideal, 1.5); }); }, "a fraction of 1.5"},
        {[&]() { install([&](auto& h) { h.AddFraction(ideal, std::nan("")); }); }, "of nan"},
        {[&]() {
             install([&](auto& h) {
                 h.Add(ideal, {0, 1});
                 h.AddFraction(lte, 1);
             });
         },
         "its attribute ServerNode says so"},
    };
    for (const auto& c : cases)
    {
        const auto message = WdmoeAbortMessage(c.action);
        NS_TEST_ASSERT_MSG_NE(message.find(c.expected),
                              std::string::npos,
                              "expected '" << c.expected << "', got '" << message << "'");
    }
    // fractions are of those left, spread evenly
    WdmoeHybridRadioHelper helper;
    helper.Add(ideal, {1});
    helper.AddFraction(ideal, 0.5);
    helper.AddFraction(ideal, 0);
    helper.AddFraction(ideal, 1);
    Ptr<Node> server = CreateObject<Node>();
    NodeContainer devices(6);
    MobilityHelper mobility;
    mobility.Install(server);
    mobility.Install(devices);
    const auto cells = helper.Install(server, devices)->GetCells();
    NS_TEST_ASSERT_MSG_EQ(cells.size(), 3U, "an empty part is left out");
    NS_TEST_ASSERT_MSG_EQ((cells[0].devices == std::vector<uint32_t>{1}), true, "as named");
    NS_TEST_ASSERT_MSG_EQ((cells[1].devices == std::vector<uint32_t>{0, 3, 5}), true, "half of 5");
    NS_TEST_ASSERT_MSG_EQ((cells[2].devices == std::vector<uint32_t>{2, 4}), true, "the rest");
}

/**
 * @ingroup wdmoe-tests
 *
 * Radios joined to one.
 */
class HybridRadioTestSuite : public TestSuite
{
  public:
    HybridRadioTestSuite()
        : TestSuite("wdmoe-radio-hybrid", Type::UNIT)
    {
        AddTestCase(new MappingTest, Duration::QUICK);
        AddTestCase(new TwoCellsTest, Duration::QUICK);
        AddTestCase(new OverTimeTest, Duration::QUICK);
        AddTestCase(new SelectionTest, Duration::QUICK);
        AddTestCase(new PacketTest, Duration::QUICK);
        AddTestCase(new BadInputTest, Duration::QUICK);
    }
};

HybridRadioTestSuite g_hybridRadioTestSuite; ///< registers itself

} // namespace
