/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Who holds which expert: the part of WdmoeController that asks the placer.

#include "wdmoe-controller.h"

#include "ns3/abort.h"
#include "ns3/log.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/wdmoe-recorded-gate-source.h"

#include <algorithm>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeControllerPlacement");

namespace
{

/// s that stand for a pair of a device that is not heard
constexpr double UNHEARD_S = 1e3;

/// Passes that a mean of links is of, with exponential forgetting once there are more
constexpr uint32_t LINK_PASSES = 64;

/// Requests that ask the gates for their history: no request of a source has such an id
constexpr uint64_t HISTORY_REQUEST = 1ULL << 40;

/// Gates of the history, where a placer names a file: they have to be there after SetModel()
Ptr<WdmoeGateSource>
MakeHistory(const std::string& file, uint32_t blocks, uint32_t experts, uint32_t topK)
{
    auto source = CreateObject<WdmoeRecordedGateSource>();
    source->SetAttribute("FileName", StringValue(file));
    source->AssignStreams(7000);
    source->SetModel(blocks, experts, topK);
    return source;
}

} // namespace

bool
WdmoeController::HasPlacer() const
{
    return m_placer && !m_placer->IsStatic();
}

const WdmoePlacementTracker&
WdmoeController::GetPlacement() const
{
    return m_placement;
}

void
WdmoeController::SetPlacement(const wdmoe::Placement& placement)
{
    NS_ABORT_MSG_IF(placement.empty(), "WdmoeController::SetPlacement: no blocks");
    for (const auto& block : placement)
    {
        NS_ABORT_MSG_IF(block.size() != m_expertDevice.size(),
                        "WdmoeController::SetPlacement: " << block.size() << " entries for "
                                                          << m_expertDevice.size() << " experts");
        for (const auto& holders : block)
        {
            NS_ABORT_MSG_IF(holders.empty(),
                            "WdmoeController::SetPlacement: an expert without a "
                            "holder; expected at least one device");
            for (const auto k : holders)
            {
                NS_ABORT_MSG_IF(k >= m_profiles.size(),
                                "WdmoeController::SetPlacement: no device " << k << ", there are "
                                                                            << m_profiles.size());
            }
        }
    }
    const auto blocks = static_cast<uint32_t>(placement.size());
    const auto experts = static_cast<uint32_t>(m_expertDevice.size());
    m_placement.Begin(placement, static_cast<uint32_t>(m_profiles.size()), m_shape.WeightBytes());
    m_placement.SetUpPopularity(blocks,
                                experts,
                                m_placer ? m_placer->GetForget() : 1,
                                m_placer ? m_placer->GetSamples() : 0);
    m_modelBlocks = std::max(m_modelBlocks, blocks);
}

wdmoe::PlacementProblem
WdmoeController::MakePlacementProblem(double pairs, double active, bool mean) const
{
    const auto K = static_cast<uint32_t>(m_profiles.size());
    const auto hidden = static_cast<uint32_t>(m_shape.hidden);
    wdmoe::PlacementProblem p;
    p.devices.resize(K);
    p.expertBytes = m_shape.WeightBytes();
    p.maxHolders = m_placer ? m_placer->GetMaxHolders() : 1;
    for (const auto& cell : m_cells)
    {
        // one medium where the directions take from one another, else one for each
        const auto down = p.airS.size();
        const auto up = cell.capabilities.fullDuplex ? down + K : down;
        p.airS.resize(up + K, 0);
        for (const auto k : cell.devices)
        {
            auto& d = p.devices[k];
            d.memoryBytes = m_profiles[k].memoryBytes * (m_placer ? m_placer->GetMemoryShare() : 1);
            double downRate = IsHeard(k) ? m_links[k].downlink.law.Rate(cell.budget.downlinkHz) : 0;
            double upRate = IsHeard(k) ? m_links[k].uplink.law.Rate(cell.GetUplinkHz()) : 0;
            if (mean && k < m_meanOf.size() && m_meanOf[k] > 0)
            {
                downRate = 1 / m_meanDownS[k];
                upRate = 1 / m_meanUpS[k];
            }
            if (!(downRate > 0 && upRate > 0))
            {
                d.pairS = UNHEARD_S;
                d.moveS = UNHEARD_S;
                continue;
            }
            const auto choice = k < m_choice.size() ? m_choice[k] : WdmoePrecisionChoice();
            const auto cost = m_predictor->GetCost(k);
            const double downS =
                cost.downlinkScale * 8 * wdmoe::EncodedBytes(choice.downlink, hidden) / downRate;
            const double upS =
                cost.uplinkScale * 8 * wdmoe::EncodedBytes(choice.uplink, hidden) / upRate;
            p.airS[down + k] += downS;
            p.airS[up + k] += upS;
            // the compute model is a line where an expert has so many pairs, or more
            const double one = wdmoe::ComputeTime(m_computeMode, m_shape, m_profiles[k], {pairs});
            const double two =
                wdmoe::ComputeTime(m_computeMode, m_shape, m_profiles[k], {2 * pairs});
            const double slope = (two - one) / pairs;
            d.pairS = downS + upS + cost.computeScale * slope;
            d.expertS = active * cost.computeScale * std::max(one - slope * pairs, 0.0);
            d.fixedS = std::max(0.0, cost.downlinkFixedS + cost.computeFixedS + cost.uplinkFixedS);
            d.moveS = cost.downlinkScale * 8 * p.expertBytes / downRate;
        }
    }
    return p;
}

void
WdmoeController::AverageLinks()
{
    m_meanDownS.resize(m_links.size(), 0);
    m_meanUpS.resize(m_links.size(), 0);
    m_meanOf.resize(m_links.size(), 0);
    for (uint32_t k = 0; k < m_links.size(); k++)
    {
        const auto& cell = GetCell(k);
        const double downRate = m_links[k].downlink.law.Rate(cell.budget.downlinkHz);
        const double upRate = m_links[k].uplink.law.Rate(cell.GetUplinkHz());
        if (IsHeard(k) && downRate > 0 && upRate > 0)
        {
            m_meanOf[k] = std::min(m_meanOf[k] + 1, LINK_PASSES);
            m_meanDownS[k] += (1 / downRate - m_meanDownS[k]) / m_meanOf[k];
            m_meanUpS[k] += (1 / upRate - m_meanUpS[k]) / m_meanOf[k];
        }
    }
}

WdmoePlacerInput
WdmoeController::MakePlacerInput(bool halves)
{
    const auto& popularity = m_placement.GetPopularity();
    const auto experts = static_cast<double>(m_expertDevice.size());
    double pairs = 0;
    double active = 0;
    wdmoe::PlacementProblem loads;
    const bool samples = m_placer->GetSamples() > 0;
    halves = halves && m_placement.GetHalf(true).Passes() > 0;
    (halves ? m_placement.GetHalf(false) : popularity).Fill(loads, samples);
    for (uint32_t i = 0; i < loads.blocks; i++)
    {
        pairs += popularity.Pairs(i) / loads.blocks;
        active += popularity.Active(i) / loads.blocks;
    }
    const bool mean = loads.weight.empty(); // samples say themselves which experts have tokens
    WdmoePlacerInput in;
    in.problem = MakePlacementProblem(active > 0 ? std::max(1.0, pairs / active) : 1,
                                      mean && active > 0 ? active / experts : 1,
                                      true);
    in.problem.blocks = loads.blocks;
    in.problem.experts = loads.experts;
    in.problem.load = loads.load;
    in.problem.weight = loads.weight;
    for (auto& d : in.problem.devices)
    {
        d.memoryBytes *= static_cast<double>(loads.blocks) / m_modelBlocks;
    }
    if (halves)
    {
        wdmoe::PlacementProblem others;
        m_placement.GetHalf(true).Fill(others);
        in.check = others.load;
    }
    in.passes = popularity.Passes();
    in.pass = m_placement.GetPassTime();
    in.busy = m_placement.GetBusy();
    return in;
}

void
WdmoeController::BeginPlacement(Ptr<WdmoeGateSource> gates, uint32_t blocks, uint32_t simulated)
{
    m_modelBlocks = blocks;
    if (!HasPlacer())
    {
        return;
    }
    const auto experts = static_cast<uint32_t>(m_expertDevice.size());
    m_placement.SetUpPopularity(simulated, experts, m_placer->GetForget(), m_placer->GetSamples());
    const auto& history = m_placer->GetHistory();
    auto source = gates;
    if (history.empty())
    {
        source = nullptr;
    }
    else if (history != "gates")
    {
        source = MakeHistory(history, blocks, experts, m_topK);
    }
    for (uint32_t n = 0; source && n < m_placer->GetHistoryPasses(); n++)
    {
        for (uint32_t i = 0; i < simulated; i++)
        {
            WdmoeGateQuery query;
            query.request = HISTORY_REQUEST + n;
            query.block = i;
            query.tokens = m_placer->GetHistoryTokens();
            m_placement.LearnHistory(
                i,
                wdmoe::SelectTopK(source->GetGate(query), m_topK).Load(experts));
        }
    }
    // With the first block's measurement: one of its own would draw fading once more than runs
    // without a placer do.
    m_beginPending = true;
}

void
WdmoeController::ChooseHolders(const WdmoeBlockInput& input)
{
    const auto experts = m_expertDevice.size();
    const auto load = wdmoe::SelectTopK(input.gate, m_topK).Load(experts);
    if (m_beginPending)
    {
        m_beginPending = false;
        m_placement.Begin(m_placer->Begin(MakePlacerInput(false)),
                          static_cast<uint32_t>(m_profiles.size()),
                          m_shape.WeightBytes());
    }
    m_placement.Learn(input.block, load, Simulator::Now());
    if (input.block == 0)
    {
        AverageLinks();
    }
    if (HasPlacer() && input.block == 0 &&
        m_placer->IsDue(Simulator::Now(), m_placement.GetPasses()))
    {
        auto in = MakePlacerInput(true);
        in.problem.current = m_placement.GetCurrent();
        const auto target = m_placer->Decide(Simulator::Now(), in);
        std::vector<double> memory;
        for (const auto& d : in.problem.devices)
        {
            memory.push_back(d.memoryBytes);
        }
        m_placement.SetTarget(target, memory);
    }
    const auto& holders = m_placement.GetHolders(input.block);
    if (std::all_of(holders.begin(), holders.end(), [](const auto& h) { return h.size() == 1; }))
    {
        for (std::size_t e = 0; e < experts; e++)
        {
            m_expertDevice[e] = holders[e][0];
        }
        return;
    }
    std::vector<double> pairs(load.begin(), load.end());
    const auto all = static_cast<double>(input.gate.tokens) * m_topK;
    const auto active = static_cast<double>(load.size() - std::count(load.begin(), load.end(), 0U));
    const auto costs = MakePlacementProblem(std::max(1.0, all / std::max(active, 1.0)), 1, false);
    wdmoe::ChooseHolders(costs, pairs.data(), holders, m_expertDevice);
}

bool
WdmoeController::NextMove(WdmoeMove& move)
{
    return m_placement.IsSet() && HasPlacer() && m_placement.Next(move, m_placer->GetMaxMoves());
}

void
WdmoeController::FinishMove(uint64_t id, bool arrived)
{
    m_placement.Finish(id, arrived);
}

void
WdmoeController::AddWeights(uint32_t device, uint32_t chunk, double downlinkBits, double uplinkBits)
{
    const bool idle = m_flights.IsEmpty();
    const auto& cell = GetCell(device);
    const double rate = m_links[device].downlink.law.Rate(cell.budget.downlinkHz);
    WdmoeFlight flight; // of no decision
    flight.piece = chunk;
    flight.downlinkBits = downlinkBits;
    flight.uplinkBits = uplinkBits;
    flight.sent = Simulator::Now();
    const double endS = rate > 0 ? downlinkBits / rate : 0;
    flight.planned.downlinkEndS = endS;
    flight.planned.computeStartS = flight.planned.computeEndS = endS;
    flight.planned.uplinkStartS = flight.planned.uplinkEndS = endS;
    m_flights.Add(device, flight);
    if (idle && m_allocator->IsOverTime())
    {
        // the plan in force may leave nothing to a device without tokens
        Simulator::ScheduleNow(&WdmoeController::PlanRest, this);
    }
}

void
WdmoeController::RemoveWeights(uint32_t device, uint32_t chunk)
{
    m_flights.Remove(device, 0, chunk);
}

} // namespace ns3
