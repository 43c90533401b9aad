/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-transport.h"

#include "ns3/abort.h"
#include "ns3/inet-socket-address.h"
#include "ns3/log.h"

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeTransport");

NS_OBJECT_ENSURE_REGISTERED(WdmoeTransport);

namespace
{

/// Bytes of an IPv4 header without options, which ns-3 never has
constexpr uint32_t IP_HEADER = 20;

} // namespace

void
WdmoePacketJoiner::Append(Ptr<Packet> piece)
{
    // Tags of the lower layers (LTE, flow monitor) must not travel on with an echoed payload
    piece->RemoveAllPacketTags();
    piece->RemoveAllByteTags();
    // ns-3 joins two sized packets without writing out their zeros only if it holds no other
    // reference to the first; nothing but zeros is what a fresh packet of that size is
    Ptr<Packet> fresh = Create<Packet>(piece->GetSize());
    const bool sized = piece->GetSerializedSize() == fresh->GetSerializedSize();
    m_parts.push_back(sized ? fresh : piece);
    for (uint64_t n = ++m_count; n % 2 == 0 && m_parts.size() > 1; n /= 2)
    {
        Ptr<Packet> tail = m_parts.back();
        m_parts.pop_back();
        m_parts.back()->AddAtEnd(tail);
    }
}

Ptr<Packet>
WdmoePacketJoiner::Join()
{
    while (m_parts.size() > 1)
    {
        Ptr<Packet> tail = m_parts.back();
        m_parts.pop_back();
        m_parts.back()->AddAtEnd(tail);
    }
    Ptr<Packet> whole = m_parts.empty() ? Create<Packet>() : m_parts.front();
    m_parts.clear();
    m_count = 0;
    return whole;
}

TypeId
WdmoeTransport::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeTransport")
            .SetParent<Object>()
            .SetGroupName("Wdmoe")
            .AddTraceSource("MessageSent",
                            "A message that was handed over to be sent",
                            MakeTraceSourceAccessor(&WdmoeTransport::m_sentTrace),
                            "ns3::WdmoeTransport::MessageTracedCallback")
            .AddTraceSource("MessageReceived",
                            "A whole message, before the application gets it",
                            MakeTraceSourceAccessor(&WdmoeTransport::m_receivedTrace),
                            "ns3::WdmoeTransport::MessageTracedCallback")
            .AddTraceSource("BadMessage",
                            "Input that was refused, and why",
                            MakeTraceSourceAccessor(&WdmoeTransport::m_badTrace),
                            "ns3::WdmoeTransport::BadMessageTracedCallback")
            .AddTraceSource("MessageLost",
                            "A message that was given up: retries used up or connection lost",
                            MakeTraceSourceAccessor(&WdmoeTransport::m_lostTrace),
                            "ns3::WdmoeTransport::MessageTracedCallback");
    return tid;
}

void
WdmoeTransport::DoDispose()
{
    m_receive = ReceiveCallback();
    m_node = nullptr;
    Object::DoDispose();
}

void
WdmoeTransport::SetNode(Ptr<Node> node)
{
    m_node = node;
}

void
WdmoeTransport::SetReceiveCallback(ReceiveCallback callback)
{
    m_receive = callback;
}

void
WdmoeTransport::Send(const Address& peer, WdmoeHeader header, Ptr<Packet> payload)
{
    NS_LOG_FUNCTION(this << peer);
    NS_ABORT_MSG_IF(!InetSocketAddress::IsMatchingType(peer),
                    "WdmoeTransport::Send: the peer's address "
                        << peer << " is not an InetSocketAddress; give the one given to Connect() "
                        << "or WdmoeMessage::from");
    NS_ABORT_MSG_IF(!m_node || !m_node->IsInitialized(),
                    "WdmoeTransport::Send: the node is not initialized, so its stack would crash; "
                        << "send from an event, after Simulator::Run() has begun");
    Ptr<Packet> message = payload ? payload->Copy() : Create<Packet>();
    NS_ABORT_MSG_IF(message->GetSize() > WdmoeHeader::MAX_LENGTH,
                    "WdmoeTransport::Send: payload of " << message->GetSize() << " bytes, at most "
                                                        << WdmoeHeader::MAX_LENGTH
                                                        << " fit; split the batch");
    header.length = message->GetSize();
    message->AddHeader(header);
    ++m_counters.messagesSent;
    m_counters.bytesSent += message->GetSize();
    m_sentTrace(header, peer);
    DoSend(peer, message);
}

const WdmoeTransportCounters&
WdmoeTransport::GetCounters() const
{
    return m_counters;
}

void
WdmoeTransport::CountSent(uint32_t bytes)
{
    ++m_counters.ipPacketsSent;
    m_counters.ipBytesSent += bytes + IP_HEADER;
}

void
WdmoeTransport::CountReceived(uint32_t bytes)
{
    ++m_counters.ipPacketsReceived;
    m_counters.ipBytesReceived += bytes + IP_HEADER;
}

void
WdmoeTransport::Deliver(Ptr<Packet> message, const Address& from)
{
    NS_LOG_FUNCTION(this << message << from);
    uint8_t bytes[WdmoeHeader::SIZE];
    const uint32_t size = message->GetSize();
    WdmoeMessage whole;
    WdmoeHeader::Error error =
        whole.header.Parse(bytes, message->CopyData(bytes, WdmoeHeader::SIZE));
    if (error == WdmoeHeader::Error::NONE && whole.header.length != size - WdmoeHeader::SIZE)
    {
        error = WdmoeHeader::Error::LENGTH;
    }
    if (error != WdmoeHeader::Error::NONE)
    {
        Refuse(error, from);
        return;
    }
    ++m_counters.messagesReceived;
    m_counters.bytesReceived += size;
    message->RemoveAtStart(WdmoeHeader::SIZE);
    whole.payload = message;
    whole.from = from;
    m_receivedTrace(whole.header, from);
    if (!m_receive.IsNull())
    {
        m_receive(whole);
    }
}

void
WdmoeTransport::Lose(Ptr<const Packet> message, const Address& peer)
{
    NS_LOG_FUNCTION(this << message << peer);
    WdmoeHeader header;
    message->PeekHeader(header);
    ++m_counters.messagesLost;
    m_lostTrace(header, peer);
}

void
WdmoeTransport::Refuse(WdmoeHeader::Error error, const Address& from)
{
    NS_LOG_INFO("refused from " << from << ": " << WdmoeHeader::ErrorName(error));
    ++m_counters.badMessages;
    ++m_counters.bad[error];
    m_badTrace(error, from);
}

WdmoeTransportBacklog
WdmoeTransport::GetBacklog(const Address& /* peer */) const
{
    return WdmoeTransportBacklog();
}

} // namespace ns3
