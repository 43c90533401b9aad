/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TRANSPORT_H
#define WDMOE_TRANSPORT_H

#include "wdmoe-header.h"

#include "ns3/address.h"
#include "ns3/callback.h"
#include "ns3/node.h"
#include "ns3/object.h"
#include "ns3/packet.h"
#include "ns3/traced-callback.h"

#include <cstdint>
#include <map>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-app
 *
 * One whole message, as the applications see it. The payload is a packet of header.length bytes:
 * created by size only it costs no memory, created from bytes it carries them.
 */
struct WdmoeMessage
{
    WdmoeHeader header;  ///< checked
    Ptr<Packet> payload; ///< header.length bytes (never null)
    Address from;        ///< the peer, as given to Send()
};

/**
 * @ingroup wdmoe-app
 *
 * What an endpoint counted. Bad messages are counted by cause, traced and dropped, never fatal.
 */
struct WdmoeTransportCounters
{
    uint64_t messagesSent{0};        ///< messages handed to Send()
    uint64_t messagesReceived{0};    ///< whole messages delivered to the application
    uint64_t messagesLost{0};        ///< given up by the sender (retries used up, peer gone)
    uint64_t messagesUnconfirmed{0}; ///< forgotten by Close(), unknown whether they arrived
    uint64_t bytesSent{0};           ///< header and payload bytes of the messages sent
    uint64_t bytesReceived{0};       ///< header and payload bytes of the messages delivered
    uint64_t packetsSent{0}; ///< datagrams or segments' worth of writes, retransmissions included
    uint64_t retransmissions{0};   ///< datagrams sent again (UDP)
    uint64_t acknowledgements{0};  ///< acknowledgement datagrams sent (UDP), not in packetsSent
    uint64_t duplicates{0};        ///< datagrams received again (UDP)
    uint64_t ipPacketsSent{0};     ///< handed to IP: all datagrams or segments, of any kind
    uint64_t ipBytesSent{0};       ///< of these, with UDP or TCP and IPv4 headers
    uint64_t ipPacketsReceived{0}; ///< that IP delivered
    uint64_t ipBytesReceived{0};   ///< of these, with UDP or TCP and IPv4 headers
    uint64_t badMessages{0};       ///< refused: the sum over the errors of WdmoeHeader::Error
    std::map<WdmoeHeader::Error, uint64_t> bad; ///< refused, by cause
};

/**
 * @ingroup wdmoe-app
 *
 * What an endpoint has for one peer that the peer has not confirmed.
 */
struct WdmoeTransportBacklog
{
    uint64_t messages{0}; ///< not wholly acknowledged, or not sent yet
    uint64_t bytes{0};    ///< of them, neither sent nor acknowledged yet or under way
    uint32_t timeouts{0}; ///< retransmission timeouts, or new connections, without an answer
};

/**
 * @ingroup wdmoe-app
 *
 * Joins the pieces of a message in order. ns-3 copies a packet of real bytes whole when another is
 * added to it, so pieces are joined as a binary counter does: n log n bytes copied, not n^2.
 */
class WdmoePacketJoiner
{
  public:
    /**
     * @param piece the next bytes; not to be changed by the caller afterwards
     */
    void Append(Ptr<Packet> piece);

    /// @return all bytes appended, as one packet (empty when there were none); starts afresh
    Ptr<Packet> Join();

  private:
    std::vector<Ptr<Packet>> m_parts; ///< joined so far, in order, the largest first
    uint64_t m_count{0};              ///< pieces appended
};

/**
 * @ingroup wdmoe-app
 *
 * One endpoint that exchanges whole messages with its peers. Subclasses: UDP with chunking,
 * selective acknowledgement and retransmission; TCP with length-prefixed messages.
 *
 * The server side calls Listen(); the device side calls Connect(server) and sends HELLO, the
 * server learns the peer's address from it. Addresses are IPv4 InetSocketAddress.
 *
 * Conservation: of the messages handed to Send(), each is delivered once to the peer, or counted
 * as lost, or as unconfirmed. A message whose last acknowledgement never came may be both delivered
 * and counted as lost: no sender can tell these apart.
 */
class WdmoeTransport : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// Called for each whole message
    typedef Callback<void, const WdmoeMessage&> ReceiveCallback;

    /**
     * @param node where the sockets are made
     */
    void SetNode(Ptr<Node> node);

    /**
     * @param callback gets each whole message
     */
    void SetReceiveCallback(ReceiveCallback callback);

    /**
     * Accept peers.
     *
     * @param port local port
     */
    virtual void Listen(uint16_t port) = 0;

    /**
     * Open a connection to a peer that listens.
     *
     * @param peer InetSocketAddress of the listener
     */
    virtual void Connect(const Address& peer) = 0;

    /**
     * Send a message; header.length is set from the payload.
     *
     * @param peer who: an address given to Connect(), or WdmoeMessage::from of an earlier message
     * @param header the header
     * @param payload the payload; null: none
     */
    void Send(const Address& peer, WdmoeHeader header, Ptr<Packet> payload);

    /**
     * Forget what is queued for, or half received of, the peers, and close the sockets. What was
     * sent and not confirmed is counted as unconfirmed.
     */
    virtual void Close() = 0;

    /**
     * Bytes on the wire below the application for one message, when nothing is lost: chunk
     * headers, UDP or TCP and IP headers included, link headers and acknowledgements not.
     *
     * @param payloadBytes payload of the message
     * @return bytes
     */
    virtual uint64_t GetWireBytes(uint64_t payloadBytes) const = 0;

    /// @return what was counted
    const WdmoeTransportCounters& GetCounters() const;

    /**
     * For people who look for what a simulation waits for.
     *
     * @param peer who: an address as of Send()
     * @return what it has not confirmed; nothing, unless the transport says
     */
    virtual WdmoeTransportBacklog GetBacklog(const Address& peer) const;

    /**
     * TracedCallback signature for refused input.
     *
     * @param [in] error why
     * @param [in] from the peer
     */
    typedef void (*BadMessageTracedCallback)(WdmoeHeader::Error error, const Address& from);

    /**
     * TracedCallback signature for messages sent, received and given up. The last is fired from an
     * event of its own or a timer, never from inside Send(), so the sink may call Send().
     *
     * @param [in] header header of the message
     * @param [in] peer who it is for, or from
     */
    typedef void (*MessageTracedCallback)(const WdmoeHeader& header, const Address& peer);

  protected:
    void DoDispose() override;

    /**
     * @param peer who
     * @param message header and payload, serialised: header.length is right
     */
    virtual void DoSend(const Address& peer, Ptr<Packet> message) = 0;

    /**
     * Count and deliver a whole message.
     *
     * @param message header and payload
     * @param from the peer
     */
    void Deliver(Ptr<Packet> message, const Address& from);

    /**
     * Count and trace a message that was given up.
     *
     * @param message header and payload
     * @param peer who it was for
     */
    void Lose(Ptr<const Packet> message, const Address& peer);

    /**
     * Count and trace refused input.
     *
     * @param error why
     * @param from the peer
     */
    void Refuse(WdmoeHeader::Error error, const Address& from);

    /**
     * Count what IP was handed.
     *
     * @param bytes of the datagram or segment, with UDP or TCP header
     */
    void CountSent(uint32_t bytes);

    /**
     * Count what IP delivered.
     *
     * @param bytes of the datagram or segment, with UDP or TCP header
     */
    void CountReceived(uint32_t bytes);

    Ptr<Node> m_node;                  ///< where the sockets are
    WdmoeTransportCounters m_counters; ///< what was counted

  private:
    ReceiveCallback m_receive;                                          ///< the application
    TracedCallback<WdmoeHeader::Error, const Address&> m_badTrace;      ///< "BadMessage"
    TracedCallback<const WdmoeHeader&, const Address&> m_lostTrace;     ///< "MessageLost"
    TracedCallback<const WdmoeHeader&, const Address&> m_sentTrace;     ///< "MessageSent"
    TracedCallback<const WdmoeHeader&, const Address&> m_receivedTrace; ///< "MessageReceived"
};

} // namespace ns3

#endif /* WDMOE_TRANSPORT_H */
