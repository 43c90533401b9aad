/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-capacity.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

void
WdmoePacedCapacity::Configure(uint32_t minPackets,
                              uint32_t mostPackets,
                              Time minTime,
                              uint32_t samples,
                              uint32_t minBytes)
{
    m_minBytes = minBytes;
    m_minPackets = minPackets;
    m_mostPackets = mostPackets;
    m_minTime = minTime;
    m_samples = samples;
}

bool
WdmoePacedCapacity::Add(const Arrival& arrival)
{
    m_minLatency = Min(m_minLatency, arrival.arrived - arrival.handed);
    bool sampled = false;
    if (m_started)
    {
        const bool queued = arrival.handed + m_minLatency <= m_last.arrived;
        const double gap = (arrival.arrived - m_last.arrived).GetSeconds();
        if (queued && arrival.clean && !arrival.gap)
        {
            const bool enough = IsEnough();
            const double mean = m_train.seconds / std::max(m_train.packets, 1U);
            // What is sent as one aggregate arrives with short gaps after a long one: a train is
            // of whole aggregates. Where all gaps are alike there are none, and it may end now.
            const bool alike = std::max(m_train.longest, gap) <= 1.5 * mean;
            const bool boundary = m_train.packets > 0 && gap > 1.5 * mean;
            if (enough && (alike || (boundary && m_train.aligned) ||
                           m_train.seconds > 2 * m_minTime.GetSeconds() ||
                           m_train.packets > 2 * m_mostPackets))
            {
                sampled = Finish();
                m_train.aligned = boundary;
            }
            else if (boundary && !m_train.aligned && m_train.first > 1.5 * mean)
            {
                m_train.aligned = true; // it began with the first of one
            }
            else if (boundary && !m_train.aligned)
            {
                // it began in the middle of an aggregate
                m_train = Train();
                m_train.aligned = true;
            }
            m_train.bits += 8.0 * arrival.bytes;
            m_train.seconds += gap;
            m_train.longest = std::max(m_train.longest, gap);
            m_train.first = m_train.packets == 0 ? gap : m_train.first;
            m_train.sendS += (arrival.handed - m_last.handed).GetSeconds();
            m_train.packets++;
            m_train.unpaced = m_train.unpaced && arrival.unpaced;
        }
        else
        {
            sampled = Finish();
        }
    }
    m_started = true;
    m_last = arrival;
    return sampled;
}

bool
WdmoePacedCapacity::IsEnough() const
{
    return m_train.packets >= m_mostPackets ||
           (m_train.packets >= m_minPackets && m_train.seconds >= m_minTime.GetSeconds());
}

bool
WdmoePacedCapacity::Flush()
{
    return Finish();
}

bool
WdmoePacedCapacity::Finish()
{
    const bool enough = IsEnough();
    const Train train = m_train;
    m_train = Train();
    if (!enough || train.seconds <= 0 || train.bits < 8.0 * m_minBytes * train.packets)
    {
        return false;
    }
    const bool limited = !train.unpaced && train.sendS > 0.9 * train.seconds;
    if (limited && train.bits / train.seconds <= GetRate())
    {
        return false;
    }
    m_window.push_back(train);
    while (m_window.size() > m_samples)
    {
        m_window.pop_front();
    }
    m_when = m_last.arrived;
    m_count++;
    return true;
}

void
WdmoePacedCapacity::Reset()
{
    m_window.clear();
    m_train = Train();
    m_started = false;
}

bool
WdmoePacedCapacity::IsValid() const
{
    return !m_window.empty();
}

double
WdmoePacedCapacity::GetRate() const
{
    double bits = 0;
    double seconds = 0;
    for (const auto& t : m_window)
    {
        bits += t.bits;
        seconds += t.seconds;
    }
    return seconds > 0 ? bits / seconds : 0;
}

double
WdmoePacedCapacity::GetRelativeVariance() const
{
    double sum = 0;
    double squares = 0;
    for (const auto& t : m_window)
    {
        const double rate = t.bits / t.seconds;
        sum += rate;
        squares += rate * rate;
    }
    const auto n = static_cast<double>(m_window.size());
    return n < 2 ? 0 : std::max(0.0, (squares / n) / std::pow(sum / n, 2) - 1) * n / (n - 1);
}

Time
WdmoePacedCapacity::GetWhen() const
{
    return m_when;
}

uint64_t
WdmoePacedCapacity::GetCount() const
{
    return m_count;
}

Time
WdmoePacedCapacity::GetMinLatency() const
{
    return m_minLatency;
}

} // namespace ns3
