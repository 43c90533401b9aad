/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-placer.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/log.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoePlacer");

NS_OBJECT_ENSURE_REGISTERED(WdmoePlacer);
NS_OBJECT_ENSURE_REGISTERED(WdmoeStaticPlacer);
NS_OBJECT_ENSURE_REGISTERED(WdmoePopularityPlacer);
NS_OBJECT_ENSURE_REGISTERED(WdmoeMigratingPlacer);

TypeId
WdmoePlacer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoePlacer")
            .SetParent<Object>()
            .SetGroupName("Wdmoe")
            .AddAttribute("MemoryShare",
                          "Share of a device's memory that experts may take",
                          DoubleValue(1),
                          MakeDoubleAccessor(&WdmoePlacer::m_memoryShare),
                          MakeDoubleChecker<double>(1e-6, 1))
            .AddAttribute("Forget",
                          "What a pass counts for the expected loads once the next one is there",
                          DoubleValue(0.96),
                          MakeDoubleAccessor(&WdmoePlacer::m_forget),
                          MakeDoubleChecker<double>(0.01, 1))
            .AddAttribute("Samples",
                          "Last passes whose loads stand for those to come, each by itself; 0: "
                          "their mean does",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoePlacer::m_samples),
                          MakeUintegerChecker<uint32_t>(0, 256))
            .AddAttribute("MaxHolders",
                          "Most devices that hold an expert of a block; more than 1 needs Samples",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoePlacer::m_maxHolders),
                          MakeUintegerChecker<uint32_t>(1, 64))
            .AddAttribute("MaxMoves",
                          "Most experts on their way at a time",
                          UintegerValue(2),
                          MakeUintegerAccessor(&WdmoePlacer::m_maxMoves),
                          MakeUintegerChecker<uint32_t>(1, 1024))
            .AddAttribute(
                "History",
                "Gates from which loads are known before the first request: 'gates' (those "
                "that are served, for other requests), a file of recorded gates, or "
                "nothing. A real model's gates cannot be asked ahead: name a file",
                StringValue("gates"),
                MakeStringAccessor(&WdmoePlacer::m_history),
                MakeStringChecker())
            .AddAttribute("HistoryPasses",
                          "Passes of the history that are looked at",
                          UintegerValue(64),
                          MakeUintegerAccessor(&WdmoePlacer::m_historyPasses),
                          MakeUintegerChecker<uint32_t>(1, 100000))
            .AddAttribute("HistoryTokens",
                          "Tokens of each of them",
                          UintegerValue(32),
                          MakeUintegerAccessor(&WdmoePlacer::m_historyTokens),
                          MakeUintegerChecker<uint32_t>(1, 1000000))
            .AddAttribute("Effort",
                          "Restarts of the local search",
                          UintegerValue(8),
                          MakeUintegerAccessor(&WdmoePlacer::m_effort),
                          MakeUintegerChecker<uint32_t>(0, 100000))
            .AddAttribute("MaxNodes",
                          "Nodes of branch and bound",
                          UintegerValue(20000),
                          MakeUintegerAccessor(&WdmoePlacer::m_nodes),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

bool
WdmoePlacer::IsDue(Time, uint64_t) const
{
    return false;
}

wdmoe::Placement
WdmoePlacer::Decide(Time, const WdmoePlacerInput& input)
{
    return input.problem.current;
}

double
WdmoePlacer::GetMemoryShare() const
{
    return m_memoryShare;
}

double
WdmoePlacer::GetForget() const
{
    return m_forget;
}

uint32_t
WdmoePlacer::GetSamples() const
{
    return m_samples;
}

uint32_t
WdmoePlacer::GetMaxHolders() const
{
    return m_maxHolders;
}

uint32_t
WdmoePlacer::GetMaxMoves() const
{
    return m_maxMoves;
}

const std::string&
WdmoePlacer::GetHistory() const
{
    return m_history;
}

uint32_t
WdmoePlacer::GetHistoryPasses() const
{
    return m_historyPasses;
}

uint32_t
WdmoePlacer::GetHistoryTokens() const
{
    return m_historyTokens;
}

const wdmoe::PlacementResult&
WdmoePlacer::Solve(const wdmoe::PlacementProblem& problem)
{
    wdmoe::PlacementParam param;
    param.maxRounds = m_effort;
    param.maxNodes = m_nodes;
    param.maxIterations = 60;
    const auto& result = m_solver.Solve(problem, param);
    NS_ABORT_MSG_IF(result.status == wdmoe::PlacementStatus::INFEASIBLE,
                    GetInstanceTypeId().GetName()
                        << ": the devices' memory (MemoryShare " << m_memoryShare
                        << " of it) cannot hold the model: " << result.message
                        << " of the simulated blocks; use fewer bits per weight, more devices, "
                           "larger ones, or a larger MemoryShare");
    NS_ABORT_MSG_IF(result.status == wdmoe::PlacementStatus::INVALID,
                    GetInstanceTypeId().GetName() << ": " << result.message);
    NS_LOG_INFO(wdmoe::PlacementStatusName(result.status)
                << " " << result.objectiveS << " s, bound " << result.lowerBoundS << " s, "
                << result.moves << " moves");
    return result;
}

wdmoe::Placement
WdmoePlacer::MakeStatic(const wdmoe::PlacementProblem& problem)
{
    const auto devices = static_cast<uint32_t>(problem.devices.size());
    wdmoe::Placement placement(problem.blocks, std::vector<std::vector<uint32_t>>(problem.experts));
    std::vector<double> bytes(devices);
    for (auto& block : placement)
    {
        for (uint32_t e = 0; e < problem.experts; e++)
        {
            block[e] = {e % devices};
            bytes[e % devices] += problem.expertBytes;
        }
    }
    for (uint32_t k = 0; k < devices; k++)
    {
        const double over = bytes[k] - problem.devices[k].memoryBytes;
        NS_ABORT_MSG_IF(over > 1e-9 * bytes[k],
                        "WdmoePlacer: expert e on device e mod K does not fit: device "
                            << k << " lacks " << over / 1e6
                            << " MB for the simulated blocks; name a History, so that memory is "
                               "looked at, or use fewer bits per weight");
    }
    return placement;
}

TypeId
WdmoeStaticPlacer::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeStaticPlacer")
                            .SetParent<WdmoePlacer>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeStaticPlacer>();
    return tid;
}

bool
WdmoeStaticPlacer::IsStatic() const
{
    return true;
}

wdmoe::Placement
WdmoeStaticPlacer::Begin(const WdmoePlacerInput& input)
{
    return MakeStatic(input.problem);
}

TypeId
WdmoePopularityPlacer::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoePopularityPlacer")
                            .SetParent<WdmoePlacer>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoePopularityPlacer>()
                            .AddAttribute("Passes",
                                          "Without History: place after this many passes",
                                          UintegerValue(8),
                                          MakeUintegerAccessor(&WdmoePopularityPlacer::m_passes),
                                          MakeUintegerChecker<uint32_t>(1));
    return tid;
}

bool
WdmoePopularityPlacer::IsStatic() const
{
    return false;
}

wdmoe::Placement
WdmoePopularityPlacer::Begin(const WdmoePlacerInput& input)
{
    m_placed = input.passes > 0;
    return m_placed ? Solve(input.problem).placement : MakeStatic(input.problem);
}

bool
WdmoePopularityPlacer::IsDue(Time, uint64_t passes) const
{
    return !m_placed && passes >= m_passes;
}

wdmoe::Placement
WdmoePopularityPlacer::Decide(Time, const WdmoePlacerInput& input)
{
    m_placed = true;
    return Solve(input.problem).placement;
}

TypeId
WdmoeMigratingPlacer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeMigratingPlacer")
            .SetParent<WdmoePopularityPlacer>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeMigratingPlacer>()
            .AddAttribute("Interval",
                          "Time from one look to the next",
                          TimeValue(Seconds(5)),
                          MakeTimeAccessor(&WdmoeMigratingPlacer::m_interval),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("Horizon",
                          "Time over which a move has to save what it costs",
                          TimeValue(Seconds(600)),
                          MakeTimeAccessor(&WdmoeMigratingPlacer::m_horizon),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("Hysteresis",
                          "How much more than its cost a move has to save, relative to it",
                          DoubleValue(0.5),
                          MakeDoubleAccessor(&WdmoeMigratingPlacer::m_hysteresis),
                          MakeDoubleChecker<double>(0, 1000))
            .AddAttribute("AirPrice",
                          "What a second of air that a move takes counts against a second of "
                          "latency; negative: the share of time in which blocks are waited for",
                          DoubleValue(-1),
                          MakeDoubleAccessor(&WdmoeMigratingPlacer::m_airPrice),
                          MakeDoubleChecker<double>(-1, 1000))
            .AddAttribute("MinSaving",
                          "Least part of the latency that all moves of a look save together",
                          DoubleValue(0.02),
                          MakeDoubleAccessor(&WdmoeMigratingPlacer::m_minSaving),
                          MakeDoubleChecker<double>(0, 1));
    return tid;
}

wdmoe::Placement
WdmoeMigratingPlacer::Begin(const WdmoePlacerInput& input)
{
    m_last = Simulator::Now();
    return WdmoePopularityPlacer::Begin(input);
}

bool
WdmoeMigratingPlacer::IsDue(Time now, uint64_t passes) const
{
    return now - m_last >= m_interval && (m_placed || passes >= m_passes);
}

wdmoe::Placement
WdmoeMigratingPlacer::Decide(Time now, const WdmoePlacerInput& input)
{
    m_last = now;
    if (input.pass.IsZero())
    {
        return input.problem.current; // not known yet what a move could save
    }
    m_placed = true;
    auto problem = input.problem;
    const double passes = m_horizon.GetSeconds() / input.pass.GetSeconds();
    problem.moveWeight = (1 + m_hysteresis) * (m_airPrice < 0 ? input.busy : m_airPrice) / passes;
    const auto& result = Solve(problem);
    if (!input.check.empty())
    {
        problem.load = input.check;
        problem.weight.clear();
    }
    const double before = wdmoe::PlacementObjective(problem, problem.current);
    const double after = wdmoe::PlacementObjective(problem, result.placement);
    NS_LOG_INFO(now.As(Time::S) << " " << before << " s a pass now, " << after << " s after "
                                << result.moves << " moves; a pass each " << input.pass.As(Time::S)
                                << ", busy " << input.busy);
    return after < before * (1 - m_minSaving) ? result.placement : problem.current;
}

} // namespace ns3
