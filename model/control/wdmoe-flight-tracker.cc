/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-flight-tracker.h"

#include <algorithm>
#include <numeric>

namespace ns3
{

namespace
{

/// What is left of a piece when it counts as granted: headers of lower layers are not known to the
/// bit.
constexpr double TOLERANCE_BITS = 8 * 48;

/**
 * @param startS of a stage, s
 * @param endS of it, s
 * @param nowS s
 * @return share of it that is left, 0 to 1
 */
double
Left(double startS, double endS, double nowS)
{
    return nowS <= startS ? 1 : nowS >= endS ? 0 : (endS - nowS) / (endS - startS);
}

} // namespace

void
WdmoeFlightTracker::SetUp(uint32_t devices, bool progress, Time period)
{
    m_ways.assign(devices, Way{progress, period, {}, Time(0)});
}

void
WdmoeFlightTracker::SetReports(uint32_t device, bool progress, Time period)
{
    m_ways.at(device).progress = progress;
    m_ways.at(device).period = period;
}

void
WdmoeFlightTracker::Add(uint32_t device, const WdmoeFlight& flight)
{
    auto& added = m_ways.at(device).flights.emplace_back(flight);
    added.downlinkLeft = flight.downlinkBits;
    added.uplinkLeft = flight.uplinkBits;
}

bool
WdmoeFlightTracker::Remove(uint32_t device, uint64_t decision, uint32_t piece, WdmoeFlight* flight)
{
    auto& flights = m_ways.at(device).flights;
    const auto it = std::find_if(flights.begin(), flights.end(), [&](const auto& f) {
        return f.decision == decision && f.piece == piece;
    });
    if (it == flights.end())
    {
        return false;
    }
    if (flight)
    {
        *flight = *it;
    }
    flights.erase(it);
    return true;
}

void
WdmoeFlightTracker::GrantedDownlink(uint32_t device,
                                    double bits,
                                    Time now,
                                    Time arrival,
                                    std::vector<const WdmoeFlight*>& arrived)
{
    arrived.clear();
    auto& way = m_ways.at(device);
    for (auto& f : way.flights)
    {
        if (f.arrived)
        {
            continue;
        }
        const double part = std::min(bits, f.downlinkLeft);
        f.downlinkBegan = f.downlinkBegan.IsZero() && part > 0 ? now : f.downlinkBegan;
        f.downlinkLeft -= part;
        bits -= part;
        if (f.downlinkLeft > TOLERANCE_BITS)
        {
            break;
        }
        f.arrived = true;
        f.arrival = arrival;
        f.ready = Max(arrival, way.computed) + Seconds(f.computeS);
        way.computed = f.ready;
        arrived.push_back(&f);
        if (bits <= 0)
        {
            break;
        }
    }
}

void
WdmoeFlightTracker::GrantedUplink(uint32_t device, double bits, Time now)
{
    const double offered = bits;
    auto& way = m_ways.at(device);
    for (auto& f : way.flights)
    {
        if (!f.arrived)
        {
            break; // what goes up before that acknowledges what comes down
        }
        const double part = std::min(bits, f.uplinkLeft);
        f.uplinkBegan = f.uplinkBegan.IsZero() && part > 0 ? now : f.uplinkBegan;
        f.uplinkActive += part > 0 ? way.period * (part / offered) : Time(0);
        f.uplinkLeft -= part;
        bits -= part;
        if (bits <= 0)
        {
            break;
        }
    }
}

const std::deque<WdmoeFlight>&
WdmoeFlightTracker::Get(uint32_t device) const
{
    return m_ways.at(device).flights;
}

bool
WdmoeFlightTracker::IsEmpty() const
{
    return std::all_of(m_ways.begin(), m_ways.end(), [](const auto& way) {
        return way.flights.empty();
    });
}

wdmoe::ShopPiece
WdmoeFlightTracker::GetRest(const WdmoeFlight& f, bool progress, Time now)
{
    wdmoe::ShopPiece rest;
    if (progress)
    {
        // An answer that is on its way was computed, whatever was predicted; a twentieth of it may
        // be acknowledgements.
        const bool answering = f.uplinkLeft < 0.95 * f.uplinkBits;
        rest.downlinkBits = f.arrived ? 0 : f.downlinkLeft;
        rest.uplinkBits = f.uplinkLeft;
        rest.computeS =
            answering   ? 0
            : f.arrived ? std::clamp((f.ready - Max(now, f.arrival)).GetSeconds(), 0.0, f.computeS)
                        : f.computeS;
        return rest;
    }
    const double t = (now - f.sent).GetSeconds();
    const auto& p = f.planned;
    rest.downlinkBits = f.downlinkBits * Left(p.downlinkStartS, p.downlinkEndS, t);
    rest.computeS = f.computeS * Left(p.computeStartS, p.computeEndS, t);
    rest.uplinkBits = f.uplinkBits * Left(p.uplinkStartS, p.uplinkEndS, t);
    return rest;
}

std::vector<uint64_t>
WdmoeFlightTracker::AddTo(Time now, wdmoe::ShopProblem& problem) const
{
    std::vector<uint32_t> all(m_ways.size());
    std::iota(all.begin(), all.end(), 0);
    return AddTo(now, all, problem);
}

std::vector<uint64_t>
WdmoeFlightTracker::AddTo(Time now,
                          const std::vector<uint32_t>& devices,
                          wdmoe::ShopProblem& problem) const
{
    std::vector<uint64_t> decisions;
    for (const auto k : devices)
    {
        for (const auto& f : m_ways.at(k).flights)
        {
            decisions.push_back(f.decision);
        }
    }
    std::sort(decisions.begin(), decisions.end());
    decisions.erase(std::unique(decisions.begin(), decisions.end()), decisions.end());
    const auto first = static_cast<uint32_t>(problem.blockWeight.size());
    problem.blockWeight.resize(first + decisions.size(), 1);
    for (uint32_t i = 0; i < devices.size(); i++)
    {
        const auto& way = m_ways[devices[i]];
        wdmoe::ShopTask* task = nullptr;
        uint64_t decision = 0;
        for (const auto& f : way.flights)
        {
            if (!task || f.decision != decision)
            {
                decision = f.decision;
                task = &problem.tasks.emplace_back();
                task->device = i;
                task->block =
                    first + static_cast<uint32_t>(
                                std::lower_bound(decisions.begin(), decisions.end(), decision) -
                                decisions.begin());
                task->cuts.resize(1);
            }
            task->cuts[0].push_back(GetRest(f, way.progress, now));
        }
    }
    return decisions;
}

} // namespace ns3
