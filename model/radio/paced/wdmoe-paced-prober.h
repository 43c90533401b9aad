/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_PROBER_H
#define WDMOE_PACED_PROBER_H

#include "wdmoe-paced-meter.h"
#include "wdmoe-paced-queue-disc.h"

#include "ns3/ipv4-address.h"
#include "ns3/net-device.h"
#include "ns3/nstime.h"
#include "ns3/socket.h"

#include <deque>
#include <functional>
#include <map>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Probes of a WdmoePacedRadio: who has to be measured, and when; who is lost, and found again.
 *
 * A probe takes the pace of one end off and fills up what it has waiting, with UDP datagrams to a
 * port of its own, until trains are complete (WdmoePacedCapacity). Where nothing is known its bytes
 * in flight grow as in a slow start. Where there is a capacity it is a train that is just long
 * enough by it, or twice that if it was not, and so on, so that others and shares are disturbed as
 * little as may be. On a shared medium there is one probe at a time, the others wait, and probes of
 * known links are a time constant apart. A ping is a single packet, to find an end that nothing is
 * known of, or that is lost.
 */
class WdmoePacedProber
{
  public:
    /// What it goes by; see the attributes of WdmoePacedRadio
    struct Settings
    {
        uint32_t window{0};       ///< bytes in flight when a probe begins
        uint32_t trainPackets{0}; ///< least packets of a train
        uint32_t trainMost{0};    ///< packets that make one whatever its duration
        Time maxAge;              ///< of the last train, when a link is probed
        Time interval;            ///< from one ping to the next
        uint32_t size{0};         ///< of a probe, payload in bytes
        uint16_t port{0};         ///< UDP port that probes are sent to
        Time trainTime;           ///< least duration of a train
        Time spacing;             ///< from one probe of a link that is known to the next
        Time lostAfter;           ///< a link on which nothing arrives for so long is lost
        bool shared{false};       ///< all ends use one medium
    };

    /// What it asks of the radio
    struct Callbacks
    {
        std::function<void()> update;         ///< divide anew: who waits or is lost has changed
        std::function<void(uint32_t)> apply;  ///< tell the ends of the direction of one their pace
        std::function<bool(uint32_t)> isZero; ///< whether the plan gives an end nothing at all
    };

    /// One direction of one link
    struct Link
    {
        Ptr<NetDevice> sender;         ///< where it is held back
        Ptr<NetDevice> receiver;       ///< where it arrives
        Ptr<WdmoePacedQueueDisc> disc; ///< of the sender
        uint32_t index{0};             ///< of its class there
        Ipv4Address from;              ///< the sender
        Ipv4Address to;                ///< the receiver
    };

    /**
     * @param settings what to go by
     * @param meter knows what arrived; has the same ends
     * @param callbacks of the radio
     */
    void Configure(const Settings& settings,
                   Ptr<WdmoePacedMeter> meter,
                   const Callbacks& callbacks);

    /**
     * Aborts where the port is taken.
     *
     * @param link one direction of one link; its name is the next: 0, 1, ...
     */
    void AddEnd(const Link& link);

    /// Forget all ends
    void Clear();

    /**
     * @param end name
     * @return whether there is a capacity, and it is not lost
     */
    bool IsValid(uint32_t end) const;

    /**
     * @param end name
     * @return whether nothing arrives
     */
    bool IsLost(uint32_t end) const;

    /**
     * @param end name
     * @return whether it is probed: only the window counts
     */
    bool IsProbed(uint32_t end) const;

    /**
     * @param end name
     * @return whether it has to wait for the probe of another
     */
    bool HasToWait(uint32_t end) const;

    /**
     * @param end that is probed
     * @param paced what it would be if it were not, bytes
     * @return most bytes that it has in flight or waiting
     */
    double GetWindow(uint32_t end, double paced = 0) const;

    /**
     * @param end name
     * @return bytes of a probe of it that are enough for a train, if its rate is what it was
     */
    double GetTrainBytes(uint32_t end) const;

    /// @return whether any probe is under way
    bool IsActive() const;

    /**
     * Something arrived.
     *
     * @param end name
     * @param bytes of it
     */
    void Heard(uint32_t end, uint64_t bytes);

    /**
     * Look after an end: give up what is under way for long, ping it, let it be probed.
     *
     * @param end name
     */
    void Look(uint32_t end);

    /// All ends were looked after
    void EndLook();

    /// Begin with those that wait to be probed, as far as they may be under way together
    void Next();

  private:
    /// The pace of one end is taken off until a train is complete
    struct Probe
    {
        bool active{false};  ///< under way
        bool begun{false};   ///< the medium is free for it
        bool warm{false};    ///< its first packets were left out
        uint64_t samples{0}; ///< of its end when it is done
        uint32_t arrived{0}; ///< packets so far
        uint64_t bytes{0};   ///< of them
        double budget{0};    ///< bytes that may be sent in all; 0: no limit but the window
        Time since;          ///< when it was called
        Time heard;          ///< when something of it last arrived
    };

    /// One direction of one link
    struct End
    {
        Link link;          ///< as given
        Ptr<Socket> socket; ///< sends probes
        bool valid{false};  ///< there is a capacity, and it is not lost
        bool lost{false};   ///< held back
        bool queued{false}; ///< for a probe
        uint32_t doubts{0}; ///< packets given up since something arrived
        int pings{0};       ///< single packets sent since something arrived
        Time pinged{-1};    ///< when a single packet was sent to find it
        Probe probe;        ///< the last
    };

    /**
     * @param link one direction
     * @return payload of its probes, bytes
     */
    uint32_t GetPayload(const Link& link) const;

    /**
     * @param end name
     */
    void Ping(uint32_t end);

    /**
     * @param end name
     */
    void Send(uint32_t end);

    /**
     * The medium is free for a probe.
     *
     * @param end name
     */
    void Begin(uint32_t end);

    /// Keep all probes going
    void ContinueAll();

    /**
     * Keep a probe going, or end it.
     *
     * @param end name
     */
    void Continue(uint32_t end);

    /**
     * @param end name
     * @return whether something of it waits, and nothing may go
     */
    bool IsStuck(uint32_t end) const;

    Settings m_settings;                        ///< see Configure()
    Ptr<WdmoePacedMeter> m_meter;               ///< see Configure()
    Callbacks m_callbacks;                      ///< see Configure()
    std::vector<End> m_ends;                    ///< by name
    std::map<Ipv4Address, Ptr<Socket>> m_sinks; ///< take probes, by address
    uint32_t m_active{0};                       ///< probes under way; at most one where shared
    std::deque<uint32_t> m_queue;               ///< ends to be probed
    int64_t m_ping{-1};                         ///< end to be pinged, where shared; -1: none
    Time m_ended;                               ///< when the last probe was over
};

} // namespace ns3

#endif /* WDMOE_PACED_PROBER_H */
