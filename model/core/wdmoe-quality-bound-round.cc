/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// QualityBound: from the relaxed problem to pairs

#include "wdmoe-quality-bound-impl.h"

#include <algorithm>

namespace wdmoe
{

using namespace bound;

namespace
{

/// Drops that use up what rounding left
constexpr int FILL_STEPS = 64;

/// Up to so many pairs, all of a device are looked at again in an exchange
constexpr uint32_t FEW_PAIRS = 64;

/// Up to so many devices, single exchanges between each two are tried
constexpr std::size_t EXCHANGE_DEVICES = 16;

} // namespace

/// @return whether a pair may go, beside those that have gone. @param i index into m_pairs
bool
QualityBound::Impl::CanDrop(std::size_t i) const
{
    const Pair& p = m_pairs[i];
    return !m_dropped[i] && m_lost + p.loss <= m_maxLost &&
           p.mass <= m_tokenLeft[p.slot / m_result.selection.slots];
}

/// @param i index into m_pairs
void
QualityBound::Impl::Drop(std::size_t i)
{
    m_dropped[i] = true;
    m_lost += m_pairs[i].loss;
    m_tokenLeft[m_pairs[i].slot / m_result.selection.slots] -= m_pairs[i].mass;
    const auto e = m_result.selection.expert[m_pairs[i].slot];
    --m_expertPairs[e];
    m_loads[m_problem->expertDevice[e]] -= 1;
}

/// @param i index into m_pairs
void
QualityBound::Impl::Undo(std::size_t i)
{
    m_dropped[i] = false;
    m_lost -= m_pairs[i].loss;
    m_tokenLeft[m_pairs[i].slot / m_result.selection.slots] += m_pairs[i].mass;
    const auto e = m_result.selection.expert[m_pairs[i].slot];
    ++m_expertPairs[e];
    m_loads[m_problem->expertDevice[e]] += 1;
}

/// @return index of the lightest pair that a device may drop; m_pairs.size(): none
/// @param k the device
std::size_t
QualityBound::Impl::NextDrop(std::size_t k)
{
    Device& d = m_devices[k];
    // what has gone, or what its token cannot lose any more, is passed over for good
    while (d.low < d.count)
    {
        const std::size_t i = d.first + d.low;
        const Pair& p = m_pairs[i];
        if (!m_dropped[i] && p.mass <= m_tokenLeft[p.slot / m_result.selection.slots])
        {
            return m_lost + p.loss <= m_maxLost ? i : m_pairs.size();
        }
        ++d.low;
    }
    return m_pairs.size();
}

/// From the best loads of the relaxed problem to pairs
void
QualityBound::Impl::Round()
{
    m_dropped.assign(m_pairs.size(), false);
    m_lost = m_lostAnyway;
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        m_loads[k] = m_devices[k].total;
    }
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        d.low = 0;
        for (std::size_t i = d.first; i < d.first + m_taken[k]; ++i)
        {
            if (CanDrop(i))
            {
                Drop(i);
            }
        }
    }
    if (m_result.status == QualityStatus::FLOOR_NOT_MET)
    {
        return;
    }
    Fill();
    Exchange();
    if (m_floor->restore)
    {
        Restore();
    }
}

/// Use up the rest of what may be lost
void
QualityBound::Impl::Fill()
{
    for (int step = 0; step < FILL_STEPS; ++step)
    {
        const double latency = Latency(m_loads);
        if (latency <= m_lower * (1 + m_floor->relativeGap))
        {
            return;
        }
        // a device that is late by itself has to be relieved, else who needs most for the loss
        m_deadlineS = latency;
        std::size_t best = m_pairs.size();
        double most = 0;
        for (std::size_t k = 0; k < m_devices.size(); ++k)
        {
            if (m_devices[k].count == 0 || !(m_loads[k] > 0))
            {
                continue;
            }
            const std::size_t i = NextDrop(k);
            if (i == m_pairs.size())
            {
                continue;
            }
            const bool late = Fits(m_devices[k], k, m_loads[k]) < 1e-9 * latency;
            const double slope = NeedOf(k, std::max(m_loads[k] - 0.5, 0.5)).slope;
            const double worth = late ? INF : slope / std::max(m_pairs[i].loss, 1e-300);
            if (worth > most)
            {
                most = worth;
                best = i;
            }
        }
        if (best == m_pairs.size())
        {
            return;
        }
        Drop(best);
    }
}

/// One pair of a device comes back, others of another one go
void
QualityBound::Impl::Exchange()
{
    if (m_devices.size() > EXCHANGE_DEVICES)
    {
        return;
    }
    double latency = Latency(m_loads);
    for (std::size_t a = 0; a < m_devices.size(); ++a)
    {
        const Device& d = m_devices[a];
        std::size_t last = d.first + d.count;
        while (last > d.first && !m_dropped[last - 1])
        {
            --last;
        }
        if (last == d.first)
        {
            continue;
        }
        for (std::size_t b = 0; b < m_devices.size(); ++b)
        {
            // within rounding of the bound there is nothing to be gained
            if (latency <= m_lower * (1 + 1e-4))
            {
                return;
            }
            if (a == b || m_devices[b].count == 0 || !m_dropped[last - 1])
            {
                continue;
            }
            Undo(last - 1);
            // where they are few, look again at what a token could not lose before
            const uint32_t low = m_devices[b].count <= FEW_PAIRS ? 0 : m_devices[b].low;
            m_devices[b].low = low;
            const std::size_t first = NextDrop(b);
            std::size_t second = m_pairs.size();
            if (first < m_pairs.size())
            {
                Drop(first);
                second = NextDrop(b);
                if (second < m_pairs.size())
                {
                    Drop(second);
                }
            }
            const double now = first < m_pairs.size() ? Latency(m_loads) : INF;
            if (now < latency * (1 - 1e-12))
            {
                latency = now;
                continue;
            }
            for (const std::size_t i : {second, first})
            {
                if (i < m_pairs.size())
                {
                    Undo(i);
                }
            }
            m_devices[b].low = low;
            Drop(last - 1);
        }
    }
}

/// Pairs whose loss buys nothing come back, the heaviest first
void
QualityBound::Impl::Restore()
{
    const double latency = Latency(m_loads) * (1 + ROUNDING);
    m_deadlineS = latency;
    const auto keeps = [this, latency] {
        // from the latency on there is one step to see whether it is enough
        return m_floor->model == BlockModel::SCHEDULE
                   ? m_evaluator.Bound(m_loads, m_experts, latency) <= latency
                   : Latency(m_loads) <= latency;
    };
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        const Device& d = m_devices[k];
        uint32_t gone = 0;
        for (std::size_t i = d.first; i < d.first + d.count; ++i)
        {
            gone += m_dropped[i];
        }
        // how many can come back
        const double kept = m_loads[k];
        uint32_t low = 0;
        uint32_t high = gone + 1;
        while (high - low > 1)
        {
            const uint32_t middle = low + (high - low) / 2;
            m_loads[k] = kept + middle;
            const bool fits = Fits(d, k, m_loads[k]) >= 0 && keeps();
            (fits ? low : high) = middle;
        }
        m_loads[k] = kept;
        for (std::size_t i = d.first + d.count; i-- > d.first && low > 0;)
        {
            if (m_dropped[i])
            {
                Undo(i);
                --low;
            }
        }
    }
}

} // namespace wdmoe
