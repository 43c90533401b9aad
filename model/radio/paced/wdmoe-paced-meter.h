/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_METER_H
#define WDMOE_PACED_METER_H

#include "wdmoe-paced-capacity.h"

#include "ns3/address.h"
#include "ns3/callback.h"
#include "ns3/event-id.h"
#include "ns3/net-device.h"
#include "ns3/object.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Bytes of IP packets of one direction of one link.
 */
struct WdmoePacedCount
{
    uint64_t accepted{0};  ///< taken into the queue
    uint64_t queued{0};    ///< waiting
    uint64_t handed{0};    ///< handed to the NetDevice
    uint64_t inFlight{0};  ///< handed, and neither arrived nor lost
    uint64_t delivered{0}; ///< arrived
    uint64_t lost{0};      ///< given up: one after it arrived, or none for long
    uint64_t dropped{0};   ///< refused, the queue was full
};

/**
 * @ingroup wdmoe-radio
 *
 * Both ends of all links of a WdmoePacedRadio watched: what was handed down, what arrived, what did
 * not, and the capacities that follow.
 *
 * Who sends numbers its packets (WdmoePacedTag), who receives notes when each arrived and tells the
 * base station, as LTE's devices report a CQI: out of band, SignalDelay to twice that later. With
 * its time stamps the base station also finds out afterwards which trains nobody disturbed. Nothing
 * is used before it was reported.
 */
class WdmoePacedMeter : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// What arrived or was lost, when the base station knows: end, bytes, whether any arrived
    typedef Callback<void, uint32_t, uint64_t, bool> ReportCallback;

    /**
     * @param report called with what arrived or was lost
     * @param delay SignalDelay
     * @param shared all ends use one medium
     */
    void Configure(ReportCallback report, Time delay, bool shared);

    /**
     * @param receiver where its packets arrive
     * @param capacity configured, without samples
     * @return its name: 0, 1, ...
     */
    uint32_t AddEnd(Ptr<NetDevice> receiver, const WdmoePacedCapacity& capacity);

    /**
     * @param end whose packet
     * @param sequence its number
     * @param bytes of IP packet
     * @param unpaced only the window counted
     */
    void HandDown(uint32_t end, uint64_t sequence, uint32_t bytes, bool unpaced);

    /**
     * Give up what is under way for long.
     *
     * @param end whose
     * @param after how long
     * @return packets given up: none, unless nothing has arrived for that time
     */
    uint32_t Expire(uint32_t end, Time after);

    /**
     * @param end which
     * @return its capacity
     */
    WdmoePacedCapacity& GetCapacity(uint32_t end);

    /**
     * @param end which
     * @return its capacity
     */
    const WdmoePacedCapacity& GetCapacity(uint32_t end) const;

    /**
     * Fill in what is known here: what is in flight, delivered and lost.
     *
     * @param end which
     * @param [in,out] count its bytes
     */
    void Fill(uint32_t end, WdmoePacedCount& count) const;

  protected:
    void DoDispose() override;

  private:
    /// A packet under way
    struct Flight
    {
        uint64_t sequence{0}; ///< its number
        uint32_t bytes{0};    ///< of IP packet
        Time handed;          ///< when
        bool unpaced{false};  ///< only the window counted
    };

    /// One direction of one link
    struct End
    {
        Ptr<NetDevice> receiver;     ///< where its packets arrive
        WdmoePacedCapacity capacity; ///< as the base station knows it
        std::deque<Flight> flights;  ///< under way, oldest first
        uint64_t delivered{0};       ///< bytes
        uint64_t lost{0};            ///< bytes
        uint64_t handDowns{0};       ///< packets
        uint64_t foreign{0};         ///< packets of others up to the last arrival
        bool disturbed{true};        ///< others had packets under way at the last arrival
        bool gap{false};             ///< something was lost since the last arrival
        Time heard;                  ///< when something last arrived
    };

    /// On its way to the base station
    struct Report
    {
        uint32_t end{0};                     ///< whose
        uint64_t bytes{0};                   ///< arrived or lost
        WdmoePacedCapacity::Arrival arrival; ///< what arrived
        Time due;                            ///< when the base station may know
    };

    /// A packet came up. The arguments are those of a Node::ProtocolHandler.
    void Receive(Ptr<NetDevice> device,
                 Ptr<const Packet> packet,
                 uint16_t protocol,
                 const Address& from,
                 const Address& to,
                 NetDevice::PacketType type);

    /**
     * The base station hears of a packet that it had given up.
     *
     * @param end whose
     */
    void Tell(uint32_t end);

    /// The base station gets the reports that are due
    void Flush();

    ReportCallback m_report;      ///< see Configure()
    Time m_delay;                 ///< see Configure()
    bool m_shared{false};         ///< see Configure()
    std::vector<End> m_ends;      ///< by name
    std::deque<Report> m_reports; ///< oldest first
    EventId m_flush;              ///< of the reports
    uint64_t m_handDowns{0};      ///< packets of all
    uint64_t m_flying{0};         ///< packets of all under way
};

} // namespace ns3

#endif /* WDMOE_PACED_METER_H */
