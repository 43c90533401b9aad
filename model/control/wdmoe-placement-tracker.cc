/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-placement-tracker.h"

#include <algorithm>

namespace ns3
{

namespace
{

/// Starts of passes that are kept
constexpr std::size_t STARTS = 17;

/// @return whether a device is among holders. @param holders of an expert @param device k
bool
Has(const std::vector<uint32_t>& holders, uint32_t device)
{
    return std::find(holders.begin(), holders.end(), device) != holders.end();
}

} // namespace

void
WdmoePlacementTracker::Begin(const wdmoe::Placement& placement,
                             uint32_t devices,
                             double expertBytes)
{
    m_set = true;
    m_held = placement;
    m_target = placement;
    m_expertBytes = expertBytes;
    m_count.assign(devices, 0);
    for (const auto& block : m_held)
    {
        for (const auto& holders : block)
        {
            for (const auto k : holders)
            {
                m_count.at(k)++;
            }
        }
    }
    m_queue.clear();
    m_open.clear();
    m_gone.clear();
    m_moves = m_back = m_lost = 0;
}

bool
WdmoePlacementTracker::IsSet() const
{
    return m_set;
}

const std::vector<std::vector<uint32_t>>&
WdmoePlacementTracker::GetHolders(uint32_t block) const
{
    return m_held.at(block);
}

wdmoe::Placement
WdmoePlacementTracker::GetCurrent() const
{
    auto current = m_held;
    for (const auto& [id, move] : m_open)
    {
        // first: a solver that takes one holder of each takes the one that will be left
        auto& holders = current[move.block][move.expert];
        holders.insert(holders.begin(), move.device);
    }
    return current;
}

void
WdmoePlacementTracker::Learn(uint32_t block, const std::vector<uint32_t>& load, Time now)
{
    LearnHistory(block, load);
    if (block == 0)
    {
        m_passes++;
        m_starts.push_back(now);
        m_busyAt.push_back(m_busyS);
        if (m_starts.size() > STARTS)
        {
            m_starts.pop_front();
            m_busyAt.pop_front();
        }
    }
}

void
WdmoePlacementTracker::SetUpPopularity(uint32_t blocks,
                                       uint32_t experts,
                                       double forget,
                                       uint32_t samples)
{
    m_popularity.SetUp(blocks, experts, forget, samples);
    for (auto& half : m_half)
    {
        half.SetUp(blocks, experts, forget * forget, samples); // it sees every other pass
    }
    m_seen.assign(blocks, 0);
}

void
WdmoePlacementTracker::LearnHistory(uint32_t block, const std::vector<uint32_t>& load)
{
    m_popularity.Add(block, load);
    m_half[m_seen.at(block)++ % 2].Add(block, load);
}

const wdmoe::PopularityEstimate&
WdmoePlacementTracker::GetPopularity() const
{
    return m_popularity;
}

const wdmoe::PopularityEstimate&
WdmoePlacementTracker::GetHalf(bool odd) const
{
    return m_half[odd];
}

uint64_t
WdmoePlacementTracker::GetPasses() const
{
    return m_passes;
}

void
WdmoePlacementTracker::LearnBusy(double seconds)
{
    m_busyS += seconds;
}

double
WdmoePlacementTracker::GetBusy() const
{
    const double time = m_starts.size() < 2 ? 0 : (m_starts.back() - m_starts.front()).GetSeconds();
    return time > 0 ? std::clamp((m_busyAt.back() - m_busyAt.front()) / time, 0.0, 1.0) : 1;
}

Time
WdmoePlacementTracker::GetPassTime() const
{
    return m_starts.size() < 2
               ? Time(0)
               : (m_starts.back() - m_starts.front()) / static_cast<int64_t>(m_starts.size() - 1);
}

void
WdmoePlacementTracker::SetTarget(const wdmoe::Placement& target,
                                 const std::vector<double>& memoryBytes)
{
    m_target = target;
    m_memoryBytes = memoryBytes;
    m_queue.clear();
    std::vector<std::pair<double, WdmoeMove>> moves;
    const auto current = GetCurrent();
    for (uint32_t i = 0; i < target.size(); i++)
    {
        for (uint32_t e = 0; e < target[i].size(); e++)
        {
            for (const auto k : target[i][e])
            {
                if (!Has(current[i][e], k))
                {
                    WdmoeMove move;
                    move.block = i;
                    move.expert = e;
                    move.device = k;
                    move.bytes = static_cast<uint64_t>(m_expertBytes);
                    moves.emplace_back(m_popularity.Share(i, e), move);
                }
            }
            Drop(i, e);
        }
    }
    std::stable_sort(moves.begin(), moves.end(), [](const auto& a, const auto& b) {
        return a.first > b.first;
    });
    for (const auto& [share, move] : moves)
    {
        m_queue.push_back(move);
    }
}

bool
WdmoePlacementTracker::Next(WdmoeMove& move, uint32_t most)
{
    if (m_open.size() >= most)
    {
        return false;
    }
    // those first that find room; if none does, one for which another expert will make room later
    const auto fits = [this](uint32_t k, double more) {
        return m_memoryBytes.empty() || (static_cast<double>(m_count[k]) + 1) * m_expertBytes <=
                                            (m_memoryBytes[k] + more * m_expertBytes) * (1 + 1e-9);
    };
    for (const double more : {0.0, 1.0})
    {
        const auto found = std::find_if(m_queue.begin(), m_queue.end(), [&](const auto& m) {
            return fits(m.device, more);
        });
        if (found != m_queue.end())
        {
            move = *found;
            m_queue.erase(found);
            move.id = ++m_id;
            m_count[move.device]++;
            m_open[move.id] = move;
            return true;
        }
    }
    return false;
}

void
WdmoePlacementTracker::Drop(uint32_t block, uint32_t expert)
{
    auto& holders = m_held[block][expert];
    const auto& wanted = m_target[block][expert];
    const bool served =
        std::any_of(holders.begin(), holders.end(), [&](auto k) { return Has(wanted, k); });
    if (!served)
    {
        return; // the old holder serves until a new one does
    }
    // with several wanted, all old ones stay until all new ones are there
    const bool all =
        std::all_of(wanted.begin(), wanted.end(), [&](auto k) { return Has(holders, k); });
    if (!all)
    {
        return;
    }
    for (const auto k : holders)
    {
        if (!Has(wanted, k))
        {
            m_count[k]--;
            m_gone.insert({block, expert, k});
        }
    }
    holders = wanted;
}

void
WdmoePlacementTracker::Finish(uint64_t id, bool arrived)
{
    const auto found = m_open.find(id);
    if (found == m_open.end())
    {
        return;
    }
    const auto move = found->second;
    m_open.erase(found);
    if (!arrived)
    {
        m_count[move.device]--;
        m_lost++;
        return;
    }
    m_moves++;
    m_back += m_gone.count({move.block, move.expert, move.device});
    auto& holders = m_held[move.block][move.expert];
    if (Has(holders, move.device))
    {
        m_count[move.device]--; // a second copy
    }
    else
    {
        holders.push_back(move.device);
    }
    Drop(move.block, move.expert);
}

uint64_t
WdmoePlacementTracker::GetMoves() const
{
    return m_moves;
}

uint64_t
WdmoePlacementTracker::GetMovesBack() const
{
    return m_back;
}

uint64_t
WdmoePlacementTracker::GetMovesLost() const
{
    return m_lost;
}

} // namespace ns3
