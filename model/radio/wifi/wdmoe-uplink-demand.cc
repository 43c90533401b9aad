/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-uplink-demand.h"

#include <algorithm>

namespace ns3
{

namespace
{

constexpr uint32_t SEQUENCES = 4096;        ///< numbers of frames
constexpr uint32_t FRAME_OVERHEAD = 26 + 4; ///< QoS data header and FCS, byte
constexpr uint32_t LLC = 8;                 ///< LLC/SNAP header, byte
constexpr uint8_t UNSAID = 255;             ///< queue size field
constexpr uint8_t FULL = 254;               ///< queue size field: that, or any more
constexpr uint64_t UNLIMITED = 1ULL << 30;  ///< stands for the latter, byte
constexpr uint32_t QUEUE_UNIT = 256;        ///< of the queue size field, byte
constexpr uint32_t SIDE = 144;              ///< a transport's acknowledgement may be ahead, byte

} // namespace

void
WdmoeUplinkDemand::SetSettings(const Settings& settings)
{
    m_settings = settings;
}

void
WdmoeUplinkDemand::Expect(uint64_t bytes, Time when)
{
    const auto after = std::find_if(m_expected.begin(), m_expected.end(), [when](const auto& e) {
        return e.when > when;
    });
    m_expected.insert(after, Expectation{bytes, when});
}

void
WdmoeUplinkDemand::Clear()
{
    const auto settings = m_settings;
    *this = WdmoeUplinkDemand();
    m_settings = settings;
}

uint32_t
WdmoeUplinkDemand::GetLargestPayload() const
{
    // small ones say nothing of how long data is cut
    return 2 * m_payload > m_settings.frameBytes ? m_payload : m_settings.frameBytes;
}

uint64_t
WdmoeUplinkDemand::ToFrames(uint64_t payload) const
{
    const uint64_t most = GetLargestPayload();
    return payload + (payload + most - 1) / most * (FRAME_OVERHEAD + LLC);
}

uint32_t
WdmoeUplinkDemand::GetFrameBytes() const
{
    return ToFrames(GetLargestPayload());
}

uint64_t
WdmoeUplinkDemand::GetDue(Time now) const
{
    uint64_t due = 0;
    for (const auto& expectation : m_expected)
    {
        due += expectation.when <= now ? expectation.bytes : 0;
    }
    return due;
}

uint64_t
WdmoeUplinkDemand::GetPending(Time now) const
{
    if (now < m_quiet)
    {
        return 0;
    }
    const uint64_t due = GetDue(now);
    const uint64_t pending = std::max(m_backlog, due > 0 ? ToFrames(due) + SIDE : 0);
    // an answer carries whole frames: one that was lost must fit, or the station has to answer
    // without data for ever
    return pending > 0 ? std::max<uint64_t>(pending, GetFrameBytes()) : 0;
}

Time
WdmoeUplinkDemand::GetNextTime(Time now) const
{
    Time next = Time::Max();
    if (m_backlog > 0)
    {
        next = now;
    }
    else if (!m_expected.empty())
    {
        next = m_expected.front().when;
    }
    return next == Time::Max() ? next : std::max(next, m_quiet);
}

uint32_t
WdmoeUplinkDemand::NotifyTriggered(Time now, uint64_t capacity)
{
    m_triggered = true;
    m_answered = false;
    m_useful = false;
    const uint64_t due = GetDue(now);
    const uint64_t frame = GetFrameBytes();
    const uint64_t overhead = FRAME_OVERHEAD + LLC;
    const uint64_t said = m_backlog == UNLIMITED && due > 0 ? 0 : m_backlog;
    const uint64_t backlog = said - std::min(said, (said + frame - 1) / frame * overhead);
    const uint64_t payload =
        capacity - std::min(capacity, (capacity + frame - 1) / frame * overhead);
    const uint64_t granted = std::min(payload, std::max(due, backlog));
    const uint64_t fresh = granted - std::min(granted, m_announced);
    m_announced += fresh;
    return fresh;
}

bool
WdmoeUplinkDemand::IsDuplicate(uint16_t sequence)
{
    if (m_received.empty())
    {
        m_received.assign(SEQUENCES, false);
        m_newest = sequence;
    }
    const uint32_t ahead = (sequence + SEQUENCES - m_newest) % SEQUENCES;
    if (ahead < SEQUENCES / 2)
    {
        for (uint32_t i = 1; i <= ahead; ++i)
        {
            m_received[(m_newest + i) % SEQUENCES] = false;
        }
        m_newest = sequence;
    }
    const bool duplicate = m_received[sequence];
    m_received[sequence] = true;
    return duplicate;
}

void
WdmoeUplinkDemand::Hear(Time now, uint8_t queue)
{
    m_answered = true;
    m_unanswered = 0;
    if (queue != UNSAID && now != m_heard)
    {
        m_heard = now;
        // of a queue beyond what can be said an expectation knows more
        m_backlog = queue == FULL && m_expected.empty() ? UNLIMITED
                                                        : static_cast<uint64_t>(queue) * QUEUE_UNIT;
    }
}

uint32_t
WdmoeUplinkDemand::NotifyReceived(Time now,
                                  uint32_t frame,
                                  uint32_t payload,
                                  uint16_t sequence,
                                  uint8_t queue)
{
    Hear(now, queue);
    m_useful = true;
    m_nulls = 0;
    m_quiet = Time(0);
    // the field is rounded up: what is left of it then is no frame
    if (m_backlog < UNLIMITED)
    {
        m_backlog -= std::min<uint64_t>(m_backlog, frame);
    }
    if (m_backlog < QUEUE_UNIT)
    {
        m_backlog = 0;
    }
    if (IsDuplicate(sequence))
    {
        return 0;
    }
    m_payload = std::max(m_payload, payload);
    if (!m_expected.empty() &&
        2 * payload < std::min<uint64_t>(m_expected.front().bytes, GetLargestPayload()))
    {
        return payload; // an acknowledgement of a transport: what is expected is still to come
    }
    uint64_t left = payload;
    while (left > 0 && !m_expected.empty())
    {
        auto& first = m_expected.front();
        const uint64_t part = std::min(left, first.bytes);
        first.bytes -= part;
        left -= part;
        if (first.bytes == 0)
        {
            m_expected.pop_front();
        }
    }
    const uint64_t announced = std::min<uint64_t>(m_announced, payload);
    m_announced -= announced;
    return payload - announced;
}

void
WdmoeUplinkDemand::NotifyNull(Time now, uint8_t queue)
{
    Hear(now, queue);
    if (queue == 0)
    {
        m_announced = 0;
    }
}

void
WdmoeUplinkDemand::NotifyOver(Time now)
{
    if (!m_triggered)
    {
        return;
    }
    m_triggered = false;
    if (!m_answered)
    {
        if (++m_unanswered >= m_settings.unansweredMost)
        {
            ++m_fallbacks;
            m_unanswered = 0;
            m_quiet = now + m_settings.fallback;
        }
    }
    else if (!m_useful)
    {
        // it is late, or what it has does not fit
        const Time wait = m_settings.retry * (1 << std::min(m_nulls, 10U));
        ++m_nulls;
        m_quiet = now + std::min(wait, m_settings.retryMost);
    }
    while (!m_expected.empty() && m_expected.front().when + m_settings.patience < now)
    {
        m_expected.pop_front();
    }
}

uint32_t
WdmoeUplinkDemand::GetUnanswered() const
{
    return m_unanswered;
}

uint32_t
WdmoeUplinkDemand::GetFallbacks() const
{
    return m_fallbacks;
}

} // namespace ns3
