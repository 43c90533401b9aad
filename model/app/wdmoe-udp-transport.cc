/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-udp-transport.h"

#include "wdmoe-bytes.h"

#include "ns3/abort.h"
#include "ns3/crc32.h"
#include "ns3/inet-socket-address.h"
#include "ns3/log.h"
#include "ns3/simulator.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeUdpTransport");

NS_OBJECT_ENSURE_REGISTERED(WdmoeChunkHeader);
NS_OBJECT_ENSURE_REGISTERED(WdmoeUdpTransport);

namespace
{

/// Transmissions that may overtake another before it counts as lost
constexpr uint64_t REORDERING = 3;

/// Bytes of a UDP header
constexpr uint32_t UDP_HEADER = 8;

/// Intervals of complete messages remembered for each peer
constexpr size_t MAX_INTERVALS = 1024;

/**
 * The checksum of a chunk header.
 *
 * @param bytes the datagram
 * @param bitmap bytes of the bitmap behind the header
 * @return CRC-32 of what is before the checksum and of the bitmap
 */
uint32_t
Checksum(const uint8_t* bytes, uint32_t bitmap)
{
    constexpr uint32_t HEAD = WdmoeChunkHeader::SIZE - 4;
    if (bitmap == 0)
    {
        return CRC32Calculate(bytes, HEAD);
    }
    std::vector<uint8_t> all(bytes, bytes + HEAD);
    all.insert(all.end(), bytes + WdmoeChunkHeader::SIZE, bytes + WdmoeChunkHeader::SIZE + bitmap);
    return CRC32Calculate(all.data(), static_cast<int>(all.size()));
}

} // namespace

TypeId
WdmoeChunkHeader::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeChunkHeader")
                            .SetParent<Header>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeChunkHeader>();
    return tid;
}

TypeId
WdmoeChunkHeader::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
WdmoeChunkHeader::GetSerializedSize() const
{
    return SIZE + static_cast<uint32_t>(bitmap.size());
}

void
WdmoeChunkHeader::Serialize(Buffer::Iterator start) const
{
    uint8_t bytes[SIZE + MAX_BITMAP];
    uint8_t* at = bytes;
    wdmoe::Put(at, MAGIC, 2);
    wdmoe::Put(at, VERSION, 1);
    wdmoe::Put(at, kind, 1);
    wdmoe::Put(at, flags, 1);
    wdmoe::Put(at, attempt, 1);
    wdmoe::Put(at, chunk, 2);
    wdmoe::Put(at, message, 8);
    wdmoe::Put(at, index, 4);
    wdmoe::Put(at, total, 4);
    std::copy(bitmap.begin(), bitmap.end(), bytes + SIZE);
    wdmoe::Put(at, Checksum(bytes, static_cast<uint32_t>(bitmap.size())), 4);
    start.Write(bytes, GetSerializedSize());
}

uint32_t
WdmoeChunkHeader::Deserialize(Buffer::Iterator start)
{
    uint8_t bytes[SIZE + MAX_BITMAP];
    const uint32_t remaining = start.GetRemainingSize();
    const uint32_t size = std::min(remaining, SIZE + MAX_BITMAP);
    start.Read(bytes, size);
    return Parse(bytes, size, remaining) == WdmoeHeader::Error::NONE ? GetSerializedSize() : 0;
}

WdmoeHeader::Error
WdmoeChunkHeader::Parse(const uint8_t* bytes, uint32_t size, uint64_t datagram)
{
    using Error = WdmoeHeader::Error;
    bitmap.clear();
    if (size < SIZE)
    {
        return Error::TRUNCATED;
    }
    const uint8_t* at = bytes;
    if (wdmoe::Take<uint16_t>(at) != MAGIC)
    {
        return Error::MAGIC;
    }
    if (wdmoe::Take<uint8_t>(at) != VERSION)
    {
        return Error::VERSION;
    }
    const auto rawKind = wdmoe::Take<uint8_t>(at);
    flags = wdmoe::Take<uint8_t>(at);
    attempt = wdmoe::Take<uint8_t>(at);
    chunk = wdmoe::Take<uint16_t>(at);
    message = wdmoe::Take<uint64_t>(at);
    index = wdmoe::Take<uint32_t>(at);
    total = wdmoe::Take<uint32_t>(at);
    if (rawKind != DATA && rawKind != ACK)
    {
        return Error::TYPE;
    }
    kind = static_cast<Kind>(rawKind);
    const uint32_t bits = kind == ACK ? chunk : 0;
    if (bits > MAX_BITMAP || (kind == ACK && SIZE + bits != datagram))
    {
        return Error::LENGTH;
    }
    if (wdmoe::Take<uint32_t>(at) != Checksum(bytes, bits))
    {
        return Error::CHECKSUM;
    }
    if (kind == ACK)
    {
        bitmap.assign(bytes + SIZE, bytes + SIZE + bits);
        return Error::NONE;
    }
    if (chunk < MIN_CHUNK || total < WdmoeHeader::SIZE ||
        total > WdmoeHeader::SIZE + WdmoeHeader::MAX_LENGTH || index >= GetCount() ||
        datagram - SIZE != std::min<uint64_t>(chunk, total - static_cast<uint64_t>(index) * chunk))
    {
        return Error::LENGTH;
    }
    return Error::NONE;
}

uint32_t
WdmoeChunkHeader::GetCount() const
{
    return chunk == 0 ? 0 : total / chunk + (total % chunk != 0);
}

void
WdmoeChunkHeader::Print(std::ostream& os) const
{
    os << (kind == ACK ? "ack" : "data") << " message=" << message << " index=" << index
       << " total=" << total << " chunk=" << chunk << " attempt=" << +attempt
       << " flags=" << +flags;
}

TypeId
WdmoeUdpTransport::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeUdpTransport")
            .SetParent<WdmoeTransport>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeUdpTransport>()
            .AddAttribute("ChunkSize",
                          "Bytes of a message in each datagram, below the chunk header's 28; a "
                          "chunk plus 56 should fit the MTU.",
                          UintegerValue(1400),
                          MakeUintegerAccessor(&WdmoeUdpTransport::m_chunkSize),
                          MakeUintegerChecker<uint32_t>(WdmoeChunkHeader::MIN_CHUNK, 65000))
            .AddAttribute("WindowBytes",
                          "Most bytes sent to a peer and not acknowledged.",
                          UintegerValue(131072),
                          MakeUintegerAccessor(&WdmoeUdpTransport::m_window),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("AckEvery",
                          "Ask for an acknowledgement at least every so many chunks (and every "
                          "quarter of a window).",
                          UintegerValue(32),
                          MakeUintegerAccessor(&WdmoeUdpTransport::m_ackEvery),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("InitialRto",
                          "Retransmission timeout before a round trip was measured.",
                          TimeValue(Seconds(1)),
                          MakeTimeAccessor(&WdmoeUdpTransport::m_initialRto),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("MinRto",
                          "Least retransmission timeout.",
                          TimeValue(MilliSeconds(200)),
                          MakeTimeAccessor(&WdmoeUdpTransport::m_minRto),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("MaxRto",
                          "Largest retransmission timeout after doubling.",
                          TimeValue(Seconds(8)),
                          MakeTimeAccessor(&WdmoeUdpTransport::m_maxRto),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("MaxRetries",
                          "Timeouts without an answer after which a peer's messages are given up.",
                          UintegerValue(15),
                          MakeUintegerAccessor(&WdmoeUdpTransport::m_maxRetries),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("MaxReassemblies",
                          "Most messages of a peer half received at a time.",
                          UintegerValue(64),
                          MakeUintegerAccessor(&WdmoeUdpTransport::m_maxReassemblies),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("ReassemblyTimeout",
                          "A half received message that was silent for so long makes room for "
                          "another when MaxReassemblies is reached.",
                          TimeValue(Seconds(30)),
                          MakeTimeAccessor(&WdmoeUdpTransport::m_reassemblyTimeout),
                          MakeTimeChecker())
            .AddAttribute("MaxPeers",
                          "Most peers whose messages are taken.",
                          UintegerValue(4096),
                          MakeUintegerAccessor(&WdmoeUdpTransport::m_maxPeers),
                          MakeUintegerChecker<uint32_t>(1));
    return tid;
}

WdmoeUdpTransport::~WdmoeUdpTransport()
{
    WdmoeUdpTransport::Close(); // callbacks and timers hold this
}

void
WdmoeUdpTransport::DoDispose()
{
    Close();
    WdmoeTransport::DoDispose();
}

void
WdmoeUdpTransport::Open(uint16_t port)
{
    NS_ABORT_MSG_IF(!m_node, "WdmoeUdpTransport: no node; call SetNode() first");
    NS_ABORT_MSG_IF(m_socket, "WdmoeUdpTransport: already open; Close() first");
    m_socket = Socket::CreateSocket(m_node, UdpSocketFactory::GetTypeId());
    NS_ABORT_MSG_IF(m_socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), port)) != 0,
                    "WdmoeUdpTransport: cannot bind UDP port "
                        << port << " of node " << m_node->GetId()
                        << ": choose one that no other application there uses");
    m_socket->SetRecvCallback(MakeCallback(&WdmoeUdpTransport::HandleRead, this));
}

void
WdmoeUdpTransport::Listen(uint16_t port)
{
    Open(port);
}

void
WdmoeUdpTransport::Connect(const Address& peer)
{
    NS_ABORT_MSG_IF(!InetSocketAddress::IsMatchingType(peer),
                    "WdmoeUdpTransport::Connect: " << peer << " is not an InetSocketAddress");
    if (!m_socket)
    {
        Open(0);
    }
}

void
WdmoeUdpTransport::Close()
{
    for (auto& [address, peer] : m_peers)
    {
        peer.timer.Cancel();
        m_counters.messagesUnconfirmed += peer.outgoing.size();
    }
    m_peers.clear();
    if (m_socket)
    {
        m_socket->SetRecvCallback(MakeNullCallback<void, Ptr<Socket>>());
        m_socket->Close();
        m_socket = nullptr;
    }
}

uint64_t
WdmoeUdpTransport::GetWireBytes(uint64_t payloadBytes) const
{
    const uint64_t total = payloadBytes + WdmoeHeader::SIZE;
    const uint64_t datagrams = (total + m_chunkSize - 1) / m_chunkSize;
    return total + datagrams * (WdmoeChunkHeader::SIZE + 8 + 20);
}

WdmoeTransportBacklog
WdmoeUdpTransport::GetBacklog(const Address& address) const
{
    WdmoeTransportBacklog backlog;
    const auto found = m_peers.find(address);
    if (found != m_peers.end())
    {
        const auto& peer = found->second;
        backlog.messages = peer.outgoing.size();
        backlog.timeouts = peer.retries;
        for (const auto& [number, outgoing] : peer.outgoing)
        {
            for (uint32_t i = 0; i < outgoing.chunks.size(); i++)
            {
                if (outgoing.chunks[i].state != State::ACKED)
                {
                    backlog.bytes += ChunkBytes(outgoing, i);
                }
            }
        }
    }
    return backlog;
}

WdmoeUdpTransport::Peer&
WdmoeUdpTransport::GetPeer(const Address& address)
{
    const auto [it, made] = m_peers.try_emplace(address);
    Peer& peer = it->second;
    if (made)
    {
        peer.address = address;
        peer.rto = m_initialRto;
        // The time, so that numbers never repeat when a port is opened again
        peer.nextMessage = static_cast<uint64_t>(Simulator::Now().GetNanoSeconds());
        peer.sending = peer.nextMessage;
    }
    return peer;
}

uint32_t
WdmoeUdpTransport::ChunkBytes(const Outgoing& outgoing, uint32_t index)
{
    return std::min(outgoing.chunk, outgoing.message->GetSize() - index * outgoing.chunk);
}

void
WdmoeUdpTransport::DoSend(const Address& address, Ptr<Packet> message)
{
    NS_ABORT_MSG_IF(!m_socket, "WdmoeUdpTransport::Send: call Listen() or Connect() first");
    Peer& peer = GetPeer(address);
    if (peer.outgoing.empty())
    {
        Arm(peer);
    }
    Outgoing& outgoing = peer.outgoing[peer.nextMessage++];
    outgoing.message = message;
    outgoing.chunk = m_chunkSize;
    outgoing.chunks.resize((message->GetSize() + m_chunkSize - 1) / m_chunkSize);
    Pump(peer);
}

bool
WdmoeUdpTransport::Next(Peer& peer, uint64_t& message, uint32_t& index)
{
    while (!peer.lost.empty())
    {
        std::tie(message, index) = peer.lost.front();
        const auto it = peer.outgoing.find(message);
        if (it != peer.outgoing.end() && it->second.chunks[index].state == State::LOST)
        {
            return true;
        }
        peer.lost.pop_front(); // the answer came after all
    }
    auto it = peer.outgoing.lower_bound(peer.sending);
    while (it != peer.outgoing.end() && it->second.next == it->second.chunks.size())
    {
        ++it;
    }
    if (it == peer.outgoing.end())
    {
        peer.sending = peer.nextMessage;
        return false;
    }
    peer.sending = it->first;
    message = it->first;
    index = it->second.next;
    return true;
}

void
WdmoeUdpTransport::Pump(Peer& peer)
{
    const uint64_t quantum =
        std::min<uint64_t>(m_window / 4, static_cast<uint64_t>(m_ackEvery) * m_chunkSize);
    uint64_t message;
    uint32_t index;
    bool more; // something is left to be sent
    const auto fits = [&]() {
        more = Next(peer, message, index);
        return more && (peer.inFlight == 0 ||
                        peer.inFlight + ChunkBytes(peer.outgoing.at(message), index) <= m_window);
    };
    bool go = fits();
    while (go)
    {
        const uint64_t thisMessage = message;
        const uint32_t thisIndex = index;
        Outgoing& outgoing = peer.outgoing.at(thisMessage);
        const bool again = thisIndex < outgoing.next;
        again ? peer.lost.pop_front() : void(++outgoing.next);
        const uint32_t bytes = ChunkBytes(outgoing, thisIndex);
        outgoing.chunks[thisIndex].state = State::FLIGHT;
        peer.inFlight += bytes;
        peer.sinceRequest += bytes;
        go = fits();
        // Where the window ends, an answer is on its way if one was asked for a short while ago;
        // to ask each time would end with an answer for each chunk
        const bool request = !more || peer.sinceRequest >= (go ? quantum : quantum / 2) ||
                             thisIndex + 1 == outgoing.chunks.size();
        Transmit(peer, thisMessage, thisIndex, request);
    }
}

void
WdmoeUdpTransport::Transmit(Peer& peer, uint64_t message, uint32_t index, bool request)
{
    Outgoing& outgoing = peer.outgoing.at(message);
    Chunk& chunk = outgoing.chunks[index];
    chunk.sequence = peer.nextSequence++;
    chunk.sentNs = Simulator::Now().GetNanoSeconds();
    if (chunk.attempt > 0)
    {
        ++m_counters.retransmissions;
    }
    if (chunk.attempt < WdmoeChunkHeader::MAX_ATTEMPT)
    {
        ++chunk.attempt;
    }
    peer.flight.push_back({chunk.sequence, message, index});
    if (request)
    {
        peer.sinceRequest = 0;
    }
    WdmoeChunkHeader header;
    header.kind = WdmoeChunkHeader::DATA;
    header.flags = request ? WdmoeChunkHeader::ACK_REQUESTED : 0;
    header.attempt = chunk.attempt;
    header.chunk = static_cast<uint16_t>(outgoing.chunk);
    header.message = message;
    header.index = index;
    header.total = outgoing.message->GetSize();
    Ptr<Packet> datagram =
        outgoing.message->CreateFragment(index * outgoing.chunk, ChunkBytes(outgoing, index));
    datagram->AddHeader(header);
    ++m_counters.packetsSent;
    // A refused send (no route, a full queue) is a loss like another: the timer sees to it
    SendDatagram(datagram, peer.address);
}

void
WdmoeUdpTransport::Arm(Peer& peer)
{
    peer.deadline = Simulator::Now() + peer.rto;
    // Progress mostly moves the deadline only: that costs no event
    if (!peer.timer.IsPending() || peer.strikes > peer.deadline)
    {
        peer.timer.Cancel();
        peer.strikes = peer.deadline;
        peer.timer =
            Simulator::Schedule(peer.rto, &WdmoeUdpTransport::HandleTimer, this, peer.address);
    }
}

void
WdmoeUdpTransport::HandleTimer(const Address& address)
{
    Peer& peer = m_peers.at(address);
    if (peer.outgoing.empty())
    {
        return;
    }
    if (Simulator::Now() < peer.deadline)
    {
        peer.strikes = peer.deadline;
        peer.timer = Simulator::Schedule(peer.deadline - Simulator::Now(),
                                         &WdmoeUdpTransport::HandleTimer,
                                         this,
                                         peer.address);
        return;
    }
    NS_LOG_INFO("timeout " << peer.retries + 1 << " after " << peer.rto.As(Time::S) << " for "
                           << address);
    if (++peer.retries > m_maxRetries)
    {
        GiveUp(peer);
        return;
    }
    peer.rto = std::min(peer.rto * 2, std::max(m_maxRto, m_initialRto));
    while (!peer.flight.empty())
    {
        const Flight flight = peer.flight.front();
        peer.flight.pop_front();
        const auto it = peer.outgoing.find(flight.message);
        if (it != peer.outgoing.end())
        {
            const Chunk& chunk = it->second.chunks[flight.index];
            if (chunk.state == State::FLIGHT && chunk.sequence == flight.sequence)
            {
                Transmit(peer, flight.message, flight.index, true);
                break;
            }
        }
    }
    Arm(peer);
}

void
WdmoeUdpTransport::GiveUp(Peer& peer)
{
    const Address address = peer.address;
    std::map<uint64_t, Outgoing> given;
    given.swap(peer.outgoing);
    peer.flight.clear();
    peer.lost.clear();
    peer.inFlight = 0;
    peer.sinceRequest = 0;
    peer.sending = peer.nextMessage;
    peer.retries = 0;
    peer.srtt = -1;
    peer.rto = m_initialRto;
    // Last, since the sinks may send or close
    for (const auto& [number, outgoing] : given)
    {
        Lose(outgoing.message, address);
    }
}

void
WdmoeUdpTransport::HandleRead(Ptr<Socket> socket)
{
    Address from;
    while (socket == m_socket)
    {
        Ptr<Packet> datagram = socket->RecvFrom(from);
        if (!datagram)
        {
            return;
        }
        CountReceived(datagram->GetSize() + UDP_HEADER);
        uint8_t bytes[WdmoeChunkHeader::SIZE + WdmoeChunkHeader::MAX_BITMAP];
        uint32_t size = datagram->CopyData(bytes, WdmoeChunkHeader::SIZE);
        if (size == WdmoeChunkHeader::SIZE && bytes[3] == WdmoeChunkHeader::ACK)
        {
            size = datagram->CopyData(bytes, sizeof(bytes));
        }
        WdmoeChunkHeader header;
        const auto error = header.Parse(bytes, size, datagram->GetSize());
        if (error != WdmoeHeader::Error::NONE)
        {
            Refuse(error, from);
            continue;
        }
        const bool known = m_peers.find(from) != m_peers.end();
        if (header.kind == WdmoeChunkHeader::ACK)
        {
            if (known)
            {
                HandleAck(m_peers.at(from), header);
            }
            continue;
        }
        if (!known && m_peers.size() >= m_maxPeers)
        {
            NS_LOG_WARN("MaxPeers=" << m_maxPeers << " reached, refused " << from);
            continue;
        }
        datagram->RemoveAtStart(WdmoeChunkHeader::SIZE);
        HandleData(GetPeer(from), header, datagram);
    }
}

void
WdmoeUdpTransport::HandleData(Peer& peer, const WdmoeChunkHeader& header, Ptr<Packet> piece)
{
    const bool asked = header.flags & WdmoeChunkHeader::ACK_REQUESTED;
    // Complete?
    auto after = peer.done.upper_bound(header.message);
    if (after != peer.done.begin() && std::prev(after)->second >= header.message)
    {
        ++m_counters.duplicates;
        if (asked)
        {
            SendAck(peer, header, nullptr);
        }
        return;
    }
    auto it = peer.incoming.find(header.message);
    if (it == peer.incoming.end())
    {
        if (peer.incoming.size() >= m_maxReassemblies)
        {
            const auto oldest = std::min_element(
                peer.incoming.begin(),
                peer.incoming.end(),
                [](const auto& a, const auto& b) { return a.second.heard < b.second.heard; });
            if (Simulator::Now() - oldest->second.heard < m_reassemblyTimeout)
            {
                return; // like a loss: it is sent again
            }
            peer.incoming.erase(oldest);
        }
        it = peer.incoming.try_emplace(header.message).first;
        it->second.total = header.total;
        it->second.chunk = header.chunk;
    }
    Incoming& incoming = it->second;
    if (incoming.total != header.total || incoming.chunk != header.chunk)
    {
        Refuse(WdmoeHeader::Error::LENGTH, peer.address);
        return;
    }
    incoming.heard = Simulator::Now();
    if (header.index < incoming.cumulative || incoming.beyond.count(header.index) > 0)
    {
        ++m_counters.duplicates;
        if (asked)
        {
            SendAck(peer, header, &incoming);
        }
        return;
    }
    if (header.index > incoming.cumulative)
    {
        incoming.beyond.emplace_hint(incoming.beyond.end(), header.index, piece);
    }
    else
    {
        incoming.joiner.Append(piece);
        ++incoming.cumulative;
        auto next = incoming.beyond.begin();
        while (next != incoming.beyond.end() && next->first == incoming.cumulative)
        {
            incoming.joiner.Append(next->second);
            ++incoming.cumulative;
            next = incoming.beyond.erase(next);
        }
    }
    if (incoming.cumulative < header.GetCount())
    {
        const bool hole = header.index >= incoming.cumulative + REORDERING &&
                          incoming.gapAnswered != incoming.cumulative;
        if (hole)
        {
            incoming.gapAnswered = incoming.cumulative;
        }
        if (asked || hole)
        {
            SendAck(peer, header, &incoming);
        }
        return;
    }
    Ptr<Packet> message = incoming.joiner.Join();
    peer.incoming.erase(it);
    // Numbers follow one another, so the intervals join to one as holes are filled
    const bool joinsLast =
        after != peer.done.begin() && std::prev(after)->second + 1 == header.message;
    const bool joinsNext = after != peer.done.end() && after->first == header.message + 1;
    const uint64_t last = joinsNext ? after->second : header.message;
    if (joinsNext)
    {
        after = peer.done.erase(after);
    }
    if (joinsLast)
    {
        std::prev(after)->second = last;
    }
    else
    {
        peer.done.emplace(header.message, last);
    }
    if (peer.done.size() > MAX_INTERVALS)
    {
        const auto first = peer.done.begin();
        first->second = std::next(first)->second;
        peer.done.erase(std::next(first));
    }
    SendAck(peer, header, nullptr);
    Deliver(message, Address(peer.address)); // last: the application may close
}

void
WdmoeUdpTransport::SendAck(const Peer& peer, const WdmoeChunkHeader& data, const Incoming* incoming)
{
    WdmoeChunkHeader header;
    header.kind = WdmoeChunkHeader::ACK;
    header.attempt = data.attempt;
    header.message = data.message;
    header.index = incoming ? incoming->cumulative : data.GetCount();
    header.total = data.index;
    if (incoming)
    {
        for (const auto& [index, piece] : incoming->beyond)
        {
            const uint32_t bit = index - incoming->cumulative - 1;
            if (bit / 8 >= WdmoeChunkHeader::MAX_BITMAP)
            {
                break;
            }
            header.bitmap.resize(bit / 8 + 1);
            header.bitmap[bit / 8] |= 1U << (bit % 8);
        }
        header.chunk = static_cast<uint16_t>(header.bitmap.size());
    }
    Ptr<Packet> datagram = Create<Packet>();
    datagram->AddHeader(header);
    ++m_counters.acknowledgements;
    SendDatagram(datagram, peer.address);
}

void
WdmoeUdpTransport::SendDatagram(Ptr<Packet> datagram, const Address& peer)
{
    const uint32_t bytes = datagram->GetSize() + UDP_HEADER;
    if (m_socket->SendTo(datagram, 0, peer) >= 0)
    {
        CountSent(bytes);
    }
}

void
WdmoeUdpTransport::HandleAck(Peer& peer, const WdmoeChunkHeader& header)
{
    const auto it = peer.outgoing.find(header.message);
    if (it == peer.outgoing.end())
    {
        return; // complete or given up
    }
    Outgoing& outgoing = it->second;
    const auto count = static_cast<uint32_t>(outgoing.chunks.size());
    // Nobody can have received what was never sent
    if (header.index > outgoing.next || header.total >= outgoing.next)
    {
        Refuse(WdmoeHeader::Error::LENGTH, peer.address);
        return;
    }
    const Chunk answered = outgoing.chunks[header.total];
    const bool latest =
        answered.attempt == header.attempt && header.attempt < WdmoeChunkHeader::MAX_ATTEMPT;
    const uint32_t before = outgoing.acked;
    const auto mark = [&](uint32_t index) {
        Chunk& chunk = outgoing.chunks[index];
        if (chunk.state == State::ACKED)
        {
            return;
        }
        if (chunk.state == State::FLIGHT)
        {
            peer.inFlight -= ChunkBytes(outgoing, index);
        }
        chunk.state = State::ACKED;
        ++outgoing.acked;
    };
    for (; outgoing.cumulative < header.index; ++outgoing.cumulative)
    {
        mark(outgoing.cumulative);
    }
    for (uint32_t bit = 0; bit < 8 * header.bitmap.size(); ++bit)
    {
        const uint64_t index = static_cast<uint64_t>(header.index) + 1 + bit;
        if (index >= outgoing.next)
        {
            break;
        }
        if (header.bitmap[bit / 8] >> (bit % 8) & 1U)
        {
            mark(static_cast<uint32_t>(index));
        }
    }
    if (latest && answered.state != State::ACKED)
    {
        // RFC 6298; the transmission is named in the answer, so Karn's rule is not needed
        const double rtt = (Simulator::Now().GetNanoSeconds() - answered.sentNs) * 1e-9;
        peer.rttvar =
            peer.srtt < 0 ? rtt / 2 : 0.75 * peer.rttvar + 0.25 * std::abs(peer.srtt - rtt);
        peer.srtt = peer.srtt < 0 ? rtt : 0.875 * peer.srtt + 0.125 * rtt;
    }
    if (outgoing.acked > before)
    {
        peer.retries = 0;
        peer.rto =
            peer.srtt < 0 ? m_initialRto : std::max(m_minRto, Seconds(peer.srtt + 4 * peer.rttvar));
        Arm(peer);
    }
    if (latest)
    {
        DetectLoss(peer, answered.sequence);
    }
    if (outgoing.acked == count)
    {
        peer.outgoing.erase(it);
    }
    Pump(peer);
}

void
WdmoeUdpTransport::DetectLoss(Peer& peer, uint64_t sequence)
{
    // Nothing newer was sent: there will be no better evidence
    const uint64_t margin = sequence + 1 == peer.nextSequence ? 1 : REORDERING;
    while (!peer.flight.empty() && peer.flight.front().sequence + margin <= sequence)
    {
        const Flight flight = peer.flight.front();
        peer.flight.pop_front();
        const auto it = peer.outgoing.find(flight.message);
        if (it == peer.outgoing.end())
        {
            continue;
        }
        Chunk& chunk = it->second.chunks[flight.index];
        if (chunk.state == State::FLIGHT && chunk.sequence == flight.sequence)
        {
            chunk.state = State::LOST;
            peer.inFlight -= ChunkBytes(it->second, flight.index);
            peer.lost.emplace_back(flight.message, flight.index);
        }
    }
}

} // namespace ns3
