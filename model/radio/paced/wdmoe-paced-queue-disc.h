/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_QUEUE_DISC_H
#define WDMOE_PACED_QUEUE_DISC_H

#include "ns3/address.h"
#include "ns3/callback.h"
#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/queue-disc.h"
#include "ns3/tag.h"

#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Numbers the packets of one direction of one link, so that what arrives can be told from what was
 * lost. It stands for the sequence number that a shim between IP and link would add, and costs no
 * bytes.
 */
class WdmoePacedTag : public Tag
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    // inherited from Tag
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(TagBuffer buffer) const override;
    void Deserialize(TagBuffer buffer) override;
    void Print(std::ostream& os) const override;

    static constexpr uint32_t PROBE = UINT32_MAX; ///< end of a probe that has no number yet

    uint32_t end{0};      ///< which direction of which link
    uint64_t sequence{0}; ///< counts its packets, from 0
};

/**
 * @ingroup wdmoe-radio
 *
 * Holds the packets of one NetDevice back: a root queue disc with one class for each peer, each
 * with a FIFO, a token bucket and a limit on what was handed down and not yet reported as arrived.
 *
 * The bucket is one of debt: a class whose tokens are not negative may hand down a quantum at once,
 * and then waits until what it took is paid back at its rate. So a message of b bytes is through
 * after at most b / rate, as by the fluid model, and never more than a quantum before. What goes
 * while the pace is off is paid back as well, as far as it is no probe.
 *
 * Classes are told by the packet's link-layer destination. With one class, it takes all IP packets.
 * What is for no class (address resolution, other nodes) passes at once, before the others.
 */
class WdmoePacedQueueDisc : public QueueDisc
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoePacedQueueDisc();

    /// A class
    struct Class
    {
        uint32_t end{0};      ///< its name in WdmoePacedTag
        Address peer;         ///< link-layer address it sends to
        double rate{0};       ///< byte/s; 0: nothing goes
        double lastRate{0};   ///< the last that was not 0, byte/s
        double quantum{0};    ///< bytes that may go at once
        double window{0};     ///< most bytes in flight
        bool unpaced{false};  ///< only the window counts
        bool held{false};     ///< nothing goes, whatever the rate
        double tokens{0};     ///< <= 0, bytes
        double burst{0};      ///< bytes that may still go of the quantum begun
        Time updated;         ///< when tokens was right
        uint64_t inFlight{0}; ///< bytes handed down and not reported
        uint64_t next{0};     ///< number of the next packet
        uint64_t accepted{0}; ///< bytes taken into the queue so far
        uint64_t handed{0};   ///< bytes handed to the NetDevice so far
        uint64_t dropped{0};  ///< bytes refused because the queue was full
        uint32_t queue{0};    ///< index of its internal queue
    };

    /// Called for each packet handed down: end, number, bytes, whether it is a probe
    typedef Callback<void, uint32_t, uint64_t, uint32_t, bool> HandDownCallback;

    /// Called when a class has something waiting, or has nothing any more: end
    typedef Callback<void, uint32_t> BusyCallback;

    /**
     * @param handDown called for each packet that is handed to the NetDevice
     * @param busy called when a class's queue becomes empty or is empty no more
     */
    void SetCallbacks(HandDownCallback handDown, BusyCallback busy);

    /**
     * @param end its name in WdmoePacedTag
     * @param peer link-layer address it sends to
     * @return its index
     */
    uint32_t AddClass(uint32_t end, const Address& peer);

    /**
     * @param peer link-layer address
     * @return true if there is a class for it
     */
    bool HasClass(const Address& peer) const;

    /**
     * @param index of a class
     * @return it
     */
    const Class& Get(uint32_t index) const;

    /**
     * @param index of a class
     * @return bytes that wait
     */
    uint64_t GetBacklog(uint32_t index) const;

    /**
     * @param index of a class
     * @param rate byte/s >= 0
     * @param quantum bytes that may go at once, at least one packet goes
     * @param window most bytes in flight
     */
    void SetPace(uint32_t index, double rate, double quantum, double window);

    /**
     * @param index of a class
     * @param unpaced only the window counts
     * @param held nothing goes
     */
    void SetMode(uint32_t index, bool unpaced, bool held);

    /**
     * Let one packet go, whatever the rate.
     *
     * @param index of a class
     */
    void ReleaseOne(uint32_t index);

    /**
     * @param index of a class
     * @param bytes are not in flight any more: arrived, or lost
     */
    void Landed(uint32_t index, uint64_t bytes);

  protected:
    void DoDispose() override;

  private:
    bool DoEnqueue(Ptr<QueueDiscItem> item) override;
    Ptr<QueueDiscItem> DoDequeue() override;
    bool CheckConfig() override;
    void InitializeParams() override;

    /// Pay debts back up to now. @param c a class
    void Accrue(Class& c) const;

    /**
     * @param c a class with something waiting
     * @return time until it may send; negative: not before something else happens
     */
    Time GetWait(Class& c) const;

    /// Run now, unless it is running
    void Wake();

    std::vector<Class> m_classes; ///< by index
    uint32_t m_turn{0};           ///< who is looked at first
    uint32_t m_maxBacklog;        ///< attribute MaxBacklog, bytes
    EventId m_wake;               ///< when the next class may send
    HandDownCallback m_handDown;  ///< see SetCallbacks()
    BusyCallback m_busy;          ///< see SetCallbacks()
};

} // namespace ns3

#endif /* WDMOE_PACED_QUEUE_DISC_H */
