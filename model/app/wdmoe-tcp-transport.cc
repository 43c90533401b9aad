/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-tcp-transport.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/inet-socket-address.h"
#include "ns3/log.h"
#include "ns3/simulator.h"
#include "ns3/tcp-header.h"
#include "ns3/tcp-socket-base.h"
#include "ns3/tcp-socket-factory.h"
#include "ns3/uinteger.h"

#include <algorithm>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeTcpTransport");

NS_OBJECT_ENSURE_REGISTERED(WdmoeTcpTransport);

TypeId
WdmoeTcpTransport::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeTcpTransport")
            .SetParent<WdmoeTransport>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeTcpTransport>()
            .AddAttribute("SegmentSize",
                          "Bytes of payload in a full segment; plus 52 it should fit the MTU.",
                          UintegerValue(1400),
                          MakeUintegerAccessor(&WdmoeTcpTransport::m_segmentSize),
                          MakeUintegerChecker<uint32_t>(64, 65000))
            .AddAttribute("BufferBytes",
                          "Bytes of each socket's send and of its receive buffer.",
                          UintegerValue(4194304),
                          MakeUintegerAccessor(&WdmoeTcpTransport::m_bufferBytes),
                          MakeUintegerChecker<uint32_t>(65536))
            .AddAttribute("ReconnectInterval",
                          "Time before a connection that failed or broke is dialled again.",
                          TimeValue(Seconds(1)),
                          MakeTimeAccessor(&WdmoeTcpTransport::m_reconnectInterval),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("MaxReconnects",
                          "Failed attempts in a row after which a peer is given up.",
                          UintegerValue(10),
                          MakeUintegerAccessor(&WdmoeTcpTransport::m_maxReconnects),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

WdmoeTcpTransport::WdmoeTcpTransport()
    : m_segments(Create<SegmentCounter>())
{
    m_segments->transport = this;
}

WdmoeTcpTransport::~WdmoeTcpTransport()
{
    m_disposing = true;
    WdmoeTcpTransport::Close(); // callbacks and timers hold this
    m_segments->transport = nullptr;
}

void
WdmoeTcpTransport::DoDispose()
{
    m_disposing = true;
    Close();
    WdmoeTransport::DoDispose();
}

Ptr<Socket>
WdmoeTcpTransport::CreateSocket()
{
    NS_ABORT_MSG_IF(!m_node, "WdmoeTcpTransport: no node; call SetNode() first");
    Ptr<Socket> socket = Socket::CreateSocket(m_node, TcpSocketFactory::GetTypeId());
    socket->SetAttribute("SegmentSize", UintegerValue(m_segmentSize));
    socket->SetAttribute("SndBufSize", UintegerValue(m_bufferBytes));
    socket->SetAttribute("RcvBufSize", UintegerValue(m_bufferBytes));
    socket->SetAttribute("TcpNoDelay", BooleanValue(true));
    // 12 bytes of options in each segment, which GetWireBytes() counts on
    socket->SetAttribute("Timestamp", BooleanValue(true));
    // A lone segment is answered soon, else the sender's round trip estimate holds 200 ms of it
    socket->SetAttribute("DelAckTimeout", TimeValue(MilliSeconds(40)));
    // A listener hands these on to the sockets of the connections that it takes
    socket->TraceConnectWithoutContext(
        "Tx",
        MakeBoundCallback(&WdmoeTcpTransport::SegmentSent, m_segments));
    socket->TraceConnectWithoutContext(
        "Rx",
        MakeBoundCallback(&WdmoeTcpTransport::SegmentReceived, m_segments));
    return socket;
}

void
WdmoeTcpTransport::SegmentSent(Ptr<SegmentCounter> counter,
                               Ptr<const Packet> payload,
                               const TcpHeader& header,
                               Ptr<const TcpSocketBase> /* socket */)
{
    if (counter->transport)
    {
        counter->transport->CountSent(payload->GetSize() + header.GetSerializedSize());
    }
}

void
WdmoeTcpTransport::SegmentReceived(Ptr<SegmentCounter> counter,
                                   Ptr<const Packet> payload,
                                   const TcpHeader& header,
                                   Ptr<const TcpSocketBase> /* socket */)
{
    if (counter->transport)
    {
        counter->transport->CountReceived(payload->GetSize() + header.GetSerializedSize());
    }
}

void
WdmoeTcpTransport::Listen(uint16_t port)
{
    NS_ABORT_MSG_IF(m_listener, "WdmoeTcpTransport: listens already; Close() first");
    m_listener = CreateSocket();
    NS_ABORT_MSG_IF(m_listener->Bind(InetSocketAddress(Ipv4Address::GetAny(), port)) != 0 ||
                        m_listener->Listen() != 0,
                    "WdmoeTcpTransport: cannot listen on TCP port "
                        << port << " of node " << m_node->GetId()
                        << ": choose one that no other application there uses");
    m_listener->SetAcceptCallback(MakeNullCallback<bool, Ptr<Socket>, const Address&>(),
                                  MakeCallback(&WdmoeTcpTransport::HandleAccept, this));
}

void
WdmoeTcpTransport::Connect(const Address& peer)
{
    NS_ABORT_MSG_IF(!InetSocketAddress::IsMatchingType(peer),
                    "WdmoeTcpTransport::Connect: " << peer << " is not an InetSocketAddress");
    const auto [it, made] = m_connections.try_emplace(peer);
    Connection& connection = it->second;
    if (made || (!connection.socket && !connection.retry.IsPending()))
    {
        connection.dialled = true;
        connection.attempts = 0;
        Dial(peer);
    }
}

void
WdmoeTcpTransport::Dial(const Address& peer)
{
    Connection& connection = m_connections.at(peer);
    ++connection.attempts;
    connection.socket = CreateSocket();
    m_addresses[connection.socket] = peer;
    connection.socket->SetConnectCallback(MakeCallback(&WdmoeTcpTransport::HandleConnected, this),
                                          MakeCallback(&WdmoeTcpTransport::HandleClosed, this));
    connection.socket->SetCloseCallbacks(MakeCallback(&WdmoeTcpTransport::HandleClosed, this),
                                         MakeCallback(&WdmoeTcpTransport::HandleClosed, this));
    connection.socket->SetRecvCallback(MakeCallback(&WdmoeTcpTransport::HandleRead, this));
    connection.socket->SetSendCallback(MakeCallback(&WdmoeTcpTransport::HandleRoom, this));
    if (connection.socket->Bind() != 0 || connection.socket->Connect(peer) != 0)
    {
        NS_LOG_WARN("cannot connect to " << peer << ": no route?");
        Break(peer);
    }
}

void
WdmoeTcpTransport::HandleConnected(Ptr<Socket> socket)
{
    Connection& connection = m_connections.at(m_addresses.at(socket));
    connection.up = true;
    connection.attempts = 0;
    if (connection.greet && connection.hello)
    {
        connection.queue.push_front(connection.hello);
        ++m_counters.messagesSent;
        m_counters.bytesSent += connection.hello->GetSize();
    }
    connection.greet = false;
    Pump(connection);
}

void
WdmoeTcpTransport::HandleAccept(Ptr<Socket> socket, const Address& from)
{
    if (m_connections.count(from) > 0)
    {
        Break(from); // the same port again: the old connection is dead
    }
    m_addresses[socket] = from;
    Connection& connection = m_connections[from];
    connection.socket = socket;
    connection.up = true;
    socket->SetCloseCallbacks(MakeCallback(&WdmoeTcpTransport::HandleClosed, this),
                              MakeCallback(&WdmoeTcpTransport::HandleClosed, this));
    socket->SetRecvCallback(MakeCallback(&WdmoeTcpTransport::HandleRead, this));
    socket->SetSendCallback(MakeCallback(&WdmoeTcpTransport::HandleRoom, this));
}

void
WdmoeTcpTransport::DoSend(const Address& peer, Ptr<Packet> message)
{
    const auto it = m_connections.find(peer);
    const bool gone =
        it == m_connections.end() || (!it->second.socket && !it->second.retry.IsPending());
    if (gone)
    {
        LoseLater(message, peer);
        return;
    }
    Connection& connection = it->second;
    WdmoeHeader header;
    message->PeekHeader(header);
    if (header.type == WdmoeHeader::HELLO)
    {
        connection.hello = message;
    }
    connection.queue.push_back(message);
    Pump(connection);
}

void
WdmoeTcpTransport::Pump(Connection& connection)
{
    if (!connection.up || !connection.socket)
    {
        return;
    }
    Confirm(connection);
    while (!connection.queue.empty())
    {
        Ptr<Packet> message = connection.queue.front();
        const uint32_t rest = message->GetSize() - connection.offset;
        const uint32_t room = connection.socket->GetTxAvailable();
        // Whole segments, so that a message has only one that is not full
        const uint32_t bytes = rest <= room ? rest : room / m_segmentSize * m_segmentSize;
        if (bytes == 0 ||
            connection.socket->Send(message->CreateFragment(connection.offset, bytes)) < 0)
        {
            return; // HandleRoom() goes on
        }
        connection.written += bytes;
        m_counters.packetsSent += (bytes + m_segmentSize - 1) / m_segmentSize;
        connection.offset += bytes;
        if (connection.offset == message->GetSize())
        {
            connection.unconfirmed.push_back({connection.written, message});
            connection.queue.pop_front();
            connection.offset = 0;
        }
    }
}

void
WdmoeTcpTransport::Confirm(Connection& connection)
{
    const uint64_t buffered = m_bufferBytes - connection.socket->GetTxAvailable();
    while (!connection.unconfirmed.empty() &&
           connection.unconfirmed.front().end + buffered <= connection.written)
    {
        connection.unconfirmed.pop_front();
    }
}

void
WdmoeTcpTransport::HandleRoom(Ptr<Socket> socket, uint32_t)
{
    const auto it = m_addresses.find(socket);
    if (it != m_addresses.end())
    {
        Pump(m_connections.at(it->second));
    }
}

void
WdmoeTcpTransport::HandleRead(Ptr<Socket> socket)
{
    for (auto it = m_addresses.find(socket); it != m_addresses.end(); it = m_addresses.find(socket))
    {
        const Address peer = it->second;
        Ptr<Packet> bytes = socket->Recv();
        if (!bytes || bytes->GetSize() == 0 || !Take(peer, bytes, socket))
        {
            return;
        }
    }
}

bool
WdmoeTcpTransport::Take(const Address& peer, Ptr<Packet> bytes, Ptr<Socket> socket)
{
    uint32_t offset = 0;
    while (offset < bytes->GetSize())
    {
        // Looked up each time: Deliver() lets the application close
        const auto it = m_connections.find(peer);
        if (it == m_connections.end() || it->second.socket != socket)
        {
            return false;
        }
        Connection& connection = it->second;
        if (connection.have == 0)
        {
            connection.need = WdmoeHeader::SIZE;
        }
        const uint32_t taken =
            std::min(connection.need - connection.have, bytes->GetSize() - offset);
        connection.joiner.Append(bytes->CreateFragment(offset, taken));
        connection.have += taken;
        offset += taken;
        if (connection.have == WdmoeHeader::SIZE && connection.need == WdmoeHeader::SIZE)
        {
            Ptr<Packet> head = connection.joiner.Join();
            uint8_t raw[WdmoeHeader::SIZE];
            head->CopyData(raw, WdmoeHeader::SIZE);
            WdmoeHeader header;
            const auto error = header.Parse(raw, WdmoeHeader::SIZE);
            if (error != WdmoeHeader::Error::NONE)
            {
                Refuse(error, peer);
                Break(peer);
                return false;
            }
            connection.need += header.length;
            connection.joiner.Append(head);
        }
        if (connection.have == connection.need)
        {
            Ptr<Packet> message = connection.joiner.Join();
            connection.have = 0;
            Deliver(message, peer);
        }
    }
    return true;
}

void
WdmoeTcpTransport::HandleClosed(Ptr<Socket> socket)
{
    const auto it = m_addresses.find(socket);
    if (it != m_addresses.end())
    {
        Break(Address(it->second));
    }
}

void
WdmoeTcpTransport::Detach(Connection& connection)
{
    connection.retry.Cancel();
    if (Ptr<Socket> socket = connection.socket)
    {
        m_addresses.erase(socket);
        connection.socket = nullptr;
        socket->SetConnectCallback(MakeNullCallback<void, Ptr<Socket>>(),
                                   MakeNullCallback<void, Ptr<Socket>>());
        socket->SetCloseCallbacks(MakeNullCallback<void, Ptr<Socket>>(),
                                  MakeNullCallback<void, Ptr<Socket>>());
        socket->SetRecvCallback(MakeNullCallback<void, Ptr<Socket>>());
        socket->SetSendCallback(MakeNullCallback<void, Ptr<Socket>, uint32_t>());
        if (!m_disposing)
        {
            socket->Close();
        }
    }
}

void
WdmoeTcpTransport::Break(const Address& peer)
{
    NS_LOG_FUNCTION(this << peer);
    Connection& connection = m_connections.at(peer);
    const bool wasUp = connection.up;
    if (wasUp)
    {
        Confirm(connection);
    }
    Detach(connection);
    connection.up = false;
    connection.greet = connection.greet || wasUp;
    connection.joiner.Join();
    connection.have = 0;
    const bool again = connection.dialled && connection.attempts <= m_maxReconnects;
    // A connection that never was loses nothing until it is given up
    if (wasUp || !again)
    {
        for (const auto& written : connection.unconfirmed)
        {
            LoseLater(written.message, peer);
        }
        for (const auto& message : connection.queue)
        {
            LoseLater(message, peer);
        }
        connection.unconfirmed.clear();
        connection.queue.clear();
    }
    connection.offset = 0;
    connection.written = 0;
    if (again)
    {
        connection.retry =
            Simulator::Schedule(m_reconnectInterval, &WdmoeTcpTransport::Dial, this, peer);
    }
    else if (!connection.dialled)
    {
        m_connections.erase(peer);
    }
}

void
WdmoeTcpTransport::LoseLater(Ptr<Packet> message, const Address& peer)
{
    Simulator::ScheduleNow(&WdmoeTcpTransport::Lose, Ptr<WdmoeTcpTransport>(this), message, peer);
}

void
WdmoeTcpTransport::Close()
{
    for (auto& [peer, connection] : m_connections)
    {
        if (connection.up)
        {
            Confirm(connection);
        }
        m_counters.messagesUnconfirmed += connection.unconfirmed.size() + connection.queue.size();
        Detach(connection);
    }
    m_connections.clear();
    m_addresses.clear();
    if (m_listener)
    {
        m_listener->SetAcceptCallback(MakeNullCallback<bool, Ptr<Socket>, const Address&>(),
                                      MakeNullCallback<void, Ptr<Socket>, const Address&>());
        m_listener->Close();
        m_listener = nullptr;
    }
}

uint64_t
WdmoeTcpTransport::GetWireBytes(uint64_t payloadBytes) const
{
    const uint64_t total = payloadBytes + WdmoeHeader::SIZE;
    const uint64_t segments = (total + m_segmentSize - 1) / m_segmentSize;
    return total + segments * (20 + 12 + 20); // TCP, its timestamps, IPv4
}

WdmoeTransportBacklog
WdmoeTcpTransport::GetBacklog(const Address& peer) const
{
    WdmoeTransportBacklog backlog;
    const auto found = m_connections.find(peer);
    if (found != m_connections.end())
    {
        const auto& connection = found->second;
        backlog.messages = connection.queue.size() + connection.unconfirmed.size();
        backlog.timeouts = connection.attempts;
        for (const auto& message : connection.queue)
        {
            backlog.bytes += message->GetSize();
        }
        backlog.bytes -= connection.offset;
        if (connection.socket)
        {
            // what the socket still holds
            backlog.bytes +=
                m_bufferBytes - std::min(m_bufferBytes, connection.socket->GetTxAvailable());
        }
    }
    return backlog;
}

} // namespace ns3
