/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef SWITCHED_QUEUE_DISC_H
#define SWITCHED_QUEUE_DISC_H

#include "ns3/address.h"
#include "ns3/callback.h"
#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/queue-disc.h"

#include <deque>
#include <vector>

namespace ns3
{

/**
 * Holds the packets for each peer back, and lets them go bit by bit at a rate that may change at
 * any time. Rate 0 means: hold everything. What is for no peer (ARP) passes at once.
 */
class SwitchedQueueDisc : public QueueDisc
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    SwitchedQueueDisc();

    /// Called when a peer has something waiting, or has nothing any more
    typedef Callback<void> BusyCallback;

    /// Called when a packet leaves: device index, bytes of IP packet
    typedef Callback<void, uint32_t, uint32_t> SentCallback;

    /**
     * @param busy called when IsBusy() of any peer changes
     * @param sent called when a packet leaves
     */
    void SetCallbacks(BusyCallback busy, SentCallback sent);

    /**
     * @param address of the peer, link layer
     * @param device index, for SentCallback
     * @return number of the peer: 0, 1, ...
     */
    uint32_t AddPeer(const Address& address, uint32_t device);

    /**
     * @param peer its number
     * @param rate bit/s >= 0 of IP packets, from now on
     */
    void SetRate(uint32_t peer, double rate);

    /**
     * @param peer its number
     * @return whether something waits for it
     */
    bool IsBusy(uint32_t peer) const;

  protected:
    void DoDispose() override;

  private:
    /// One peer; its queue is the internal queue after that of what is for none
    struct Peer
    {
        Address address; ///< link layer
        uint32_t device; ///< for SentCallback
        double rate{0};  ///< bit/s
        double bits{0};  ///< of the head packet, that are not served yet
        Time updated;    ///< when bits was right
        EventId served;  ///< end of the head packet
    };

    /// Count what was served of the head packet. @param p whose
    void Progress(Peer& p) const;

    /// (Re)schedule the end of the head packet. @param peer whose
    void Plan(uint32_t peer);

    /// The head packet has been served. @param peer whose
    void Served(uint32_t peer);

    bool DoEnqueue(Ptr<QueueDiscItem> item) override;
    Ptr<QueueDiscItem> DoDequeue() override;
    bool CheckConfig() override;
    void InitializeParams() override;

    std::vector<Peer> m_peers;  ///< by number
    std::deque<uint32_t> m_due; ///< whose head packet may leave
    BusyCallback m_busy;        ///< see SetCallbacks()
    SentCallback m_sent;        ///< see SetCallbacks()
};

} // namespace ns3

#endif /* SWITCHED_QUEUE_DISC_H */
