/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TCP_TRANSPORT_H
#define WDMOE_TCP_TRANSPORT_H

#include "wdmoe-transport.h"

#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/simple-ref-count.h"
#include "ns3/socket.h"

#include <cstdint>
#include <deque>
#include <map>

namespace ns3
{

class TcpHeader;
class TcpSocketBase;

/**
 * @ingroup wdmoe-app
 *
 * Messages over TCP, one after another on a connection; WdmoeHeader::length says where each ends.
 *
 * What ns-3's TCP would do by default (536 byte segments, 128 KiB buffers) makes a 1 MiB burst 20 %
 * slower on LTE, so the segment and buffer sizes are set here. A bad header on a stream leaves no
 * way to find the next message: it is counted and traced, and the connection is closed. The side
 * that called Connect() then connects again and first repeats its HELLO; the server sees a new
 * peer address. What was queued, or sent and not acknowledged, when a connection broke is lost.
 * An acknowledgement of TCP is no delivery: what a peer acknowledged and had not yet read when it
 * called Close() is gone uncounted, and Close() still lets go what is in the socket.
 */
class WdmoeTcpTransport : public WdmoeTransport
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeTcpTransport();
    ~WdmoeTcpTransport() override;

    // inherited from WdmoeTransport
    void Listen(uint16_t port) override;
    void Connect(const Address& peer) override;
    void Close() override;
    uint64_t GetWireBytes(uint64_t payloadBytes) const override;
    WdmoeTransportBacklog GetBacklog(const Address& peer) const override;

  protected:
    void DoDispose() override;
    void DoSend(const Address& peer, Ptr<Packet> message) override;

  private:
    /// A message written to a socket
    struct Written
    {
        uint64_t end{0};     ///< bytes of the stream up to its end
        Ptr<Packet> message; ///< header and payload
    };

    /// One connection
    struct Connection
    {
        Ptr<Socket> socket;              ///< null: waiting to connect again, or gone
        bool dialled{false};             ///< we called Connect()
        bool up{false};                  ///< established
        uint32_t attempts{0};            ///< to connect, since it was last up
        EventId retry;                   ///< next attempt
        Ptr<Packet> hello;               ///< HELLO to repeat, null: none sent
        bool greet{false};               ///< repeat it when up again
        std::deque<Ptr<Packet>> queue;   ///< messages not yet written
        uint32_t offset{0};              ///< bytes written of the first one
        uint64_t written{0};             ///< bytes of the stream
        std::deque<Written> unconfirmed; ///< messages written, not yet acknowledged
        WdmoePacketJoiner joiner;        ///< the message being received
        uint32_t have{0};                ///< bytes of it
        uint32_t need{0};                ///< bytes it has, or its header while that is not whole
    };

    /// What the traces of the sockets call: these live on for a while after the transport
    struct SegmentCounter : public SimpleRefCount<SegmentCounter>
    {
        WdmoeTcpTransport* transport{nullptr}; ///< null: gone
    };

    /**
     * A socket has sent a segment.
     *
     * @param counter knows the transport
     * @param payload of the segment
     * @param header of the segment
     * @param socket that sent it
     */
    static void SegmentSent(Ptr<SegmentCounter> counter,
                            Ptr<const Packet> payload,
                            const TcpHeader& header,
                            Ptr<const TcpSocketBase> socket);

    /**
     * A socket has received a segment.
     *
     * @param counter knows the transport
     * @param payload of the segment
     * @param header of the segment
     * @param socket that received it
     */
    static void SegmentReceived(Ptr<SegmentCounter> counter,
                                Ptr<const Packet> payload,
                                const TcpHeader& header,
                                Ptr<const TcpSocketBase> socket);

    /**
     * @return a socket with our settings
     */
    Ptr<Socket> CreateSocket();

    /**
     * Dial a peer.
     *
     * @param peer who
     */
    void Dial(const Address& peer);

    /**
     * @param socket a connection that is established
     */
    void HandleConnected(Ptr<Socket> socket);

    /**
     * @param socket a connection made by a peer
     * @param from the peer
     */
    void HandleAccept(Ptr<Socket> socket, const Address& from);

    /**
     * @param socket has something to read
     */
    void HandleRead(Ptr<Socket> socket);

    /**
     * @param socket has room
     * @param room bytes
     */
    void HandleRoom(Ptr<Socket> socket, uint32_t room);

    /**
     * @param socket closed, failed or refused
     */
    void HandleClosed(Ptr<Socket> socket);

    /**
     * Cut bytes off a stream into messages.
     *
     * @param peer the peer
     * @param bytes the next bytes of the stream
     * @param socket where they came from
     * @return false: stop reading
     */
    bool Take(const Address& peer, Ptr<Packet> bytes, Ptr<Socket> socket);

    /**
     * Write what there is room for.
     *
     * @param connection where
     */
    void Pump(Connection& connection);

    /**
     * Forget the messages that were acknowledged.
     *
     * @param connection where
     */
    void Confirm(Connection& connection);

    /**
     * Close a connection, lose what it held, and dial again if it was ours.
     *
     * @param peer the peer
     */
    void Break(const Address& peer);

    /**
     * Take the socket off a connection.
     *
     * @param connection which
     */
    void Detach(Connection& connection);

    /**
     * Count and trace a message as lost, in an event of its own.
     *
     * @param message header and payload
     * @param peer who it was for
     */
    void LoseLater(Ptr<Packet> message, const Address& peer);

    uint32_t m_segmentSize{1400};         ///< attribute SegmentSize
    uint32_t m_bufferBytes{4194304};      ///< attribute BufferBytes
    Time m_reconnectInterval{Seconds(1)}; ///< attribute ReconnectInterval
    uint32_t m_maxReconnects{10};         ///< attribute MaxReconnects

    Ptr<Socket> m_listener;                      ///< null: Listen() was not called
    std::map<Address, Connection> m_connections; ///< by peer
    std::map<Ptr<Socket>, Address> m_addresses;  ///< peer of each socket; looked up, never walked
    Ptr<SegmentCounter> m_segments;              ///< counts what all sockets send and receive
    bool m_disposing{false};                     ///< the device below may be gone: say no goodbye
};

} // namespace ns3

#endif /* WDMOE_TCP_TRANSPORT_H */
