/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_UPLINK_DEMAND_H
#define WDMOE_UPLINK_DEMAND_H

#include "ns3/nstime.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * What an access point knows of the queue of one station: what was announced by ExpectUplink(),
 * what the queue sizes in received frames say, what was received since, and whether the station
 * answers triggers at all. Decides when it is worth triggering. Pure book-keeping.
 *
 * A queue size is that of before the frame it is in was sent, in 256 byte, so it is counted down
 * by what arrives. An expectation is counted down by the payload that arrives, whatever its time,
 * but for small packets, such as a transport's acknowledgements.
 */
class WdmoeUplinkDemand
{
  public:
    /// When not to trigger
    struct Settings
    {
        Time retry;                ///< after an answer without data to what was expected; doubles
        Time retryMost;            ///< at most so long after one
        Time patience;             ///< an expectation this late is given up
        uint32_t unansweredMost;   ///< triggers without an answer before the fall-back
        Time fallback;             ///< how long the station is left to contention then
        uint32_t frameBytes{1500}; ///< payload of a frame until one was seen, byte
    };

    /**
     * @param settings when not to trigger
     */
    void SetSettings(const Settings& settings);

    /**
     * @param bytes of IP packets
     * @param when they will be in the station's queue
     */
    void Expect(uint64_t bytes, Time when);

    /// Forget everything
    void Clear();

    /**
     * @param now the time
     * @return bytes of frames, MAC headers included, that a trigger at this time could fetch; 0:
     * don't trigger
     */
    uint64_t GetPending(Time now) const;

    /**
     * @param now the time
     * @return when to look again though nothing may have happened; Time::Max(): never
     */
    Time GetNextTime(Time now) const;

    /// @return bytes of a frame with the largest payload seen so far, MAC header included
    uint32_t GetFrameBytes() const;

    /**
     * A trigger goes out.
     *
     * @param now the time
     * @param capacity bytes of frames that fit the answer
     * @return payload bytes that are thereby granted for the first time
     */
    uint32_t NotifyTriggered(Time now, uint64_t capacity);

    /**
     * A frame of the station came in.
     *
     * @param now the time
     * @param frame bytes with the MAC header and FCS
     * @param payload bytes of IP packets in it
     * @param sequence its number
     * @param queue the queue size field; 255: not said
     * @return payload bytes that were never granted: the station contended for the medium
     */
    uint32_t NotifyReceived(Time now,
                            uint32_t frame,
                            uint32_t payload,
                            uint16_t sequence,
                            uint8_t queue);

    /**
     * A frame without data came in.
     *
     * @param now the time
     * @param queue the queue size field
     */
    void NotifyNull(Time now, uint8_t queue);

    /**
     * The exchange that a trigger began is over.
     *
     * @param now the time
     */
    void NotifyOver(Time now);

    /// @return triggers that were not answered since the last answer
    uint32_t GetUnanswered() const;

    /// @return how many times the station was left to contention
    uint32_t GetFallbacks() const;

  private:
    /// See Expect()
    struct Expectation
    {
        uint64_t bytes; ///< left of it
        Time when;      ///< from when on
    };

    /**
     * @param now the time
     * @return payload that is expected by now, byte
     */
    uint64_t GetDue(Time now) const;

    /// @return payload of a full frame, byte
    uint32_t GetLargestPayload() const;

    /**
     * @param payload bytes
     * @return bytes of the frames that carry it
     */
    uint64_t ToFrames(uint64_t payload) const;

    /**
     * Anything was heard of the station.
     *
     * @param now the time
     * @param queue the queue size field
     */
    void Hear(Time now, uint8_t queue);

    /**
     * @param sequence number of a frame
     * @return true if it came in before
     */
    bool IsDuplicate(uint16_t sequence);

    Settings m_settings;                ///< when not to trigger
    std::deque<Expectation> m_expected; ///< by time
    uint64_t m_backlog{0};              ///< bytes of frames, by the last queue size
    Time m_heard{Time::Min()};          ///< when that was said
    uint32_t m_payload{0};              ///< largest payload of a frame, byte
    uint64_t m_announced{0};            ///< payload granted, not received
    uint32_t m_unanswered{0};           ///< triggers in a row
    uint32_t m_fallbacks{0};            ///< times left to contention
    bool m_triggered{false};            ///< an answer is due
    bool m_answered{false};             ///< and came
    bool m_useful{false};               ///< with data
    uint32_t m_nulls{0};                ///< answers without data in a row
    Time m_quiet{0};                    ///< no triggers before
    std::vector<bool> m_received;       ///< by sequence number
    uint16_t m_newest{0};               ///< newest sequence number
};

} // namespace ns3

#endif /* WDMOE_UPLINK_DEMAND_H */
