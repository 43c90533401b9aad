/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ideal-net-device.h"

#include "ns3/abort.h"
#include "ns3/log.h"
#include "ns3/node.h"
#include "ns3/nstime.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeIdealNetDevice");

NS_OBJECT_ENSURE_REGISTERED(WdmoeIdealChannel);
NS_OBJECT_ENSURE_REGISTERED(WdmoeIdealNetDevice);

TypeId
WdmoeIdealChannel::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeIdealChannel")
                            .SetParent<Channel>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeIdealChannel>();
    return tid;
}

void
WdmoeIdealChannel::Connect(Ptr<WdmoeIdealNetDevice> a, Ptr<WdmoeIdealNetDevice> b)
{
    m_ends[0] = a;
    m_ends[1] = b;
    a->SetPeer(b, this);
    b->SetPeer(a, this);
}

std::size_t
WdmoeIdealChannel::GetNDevices() const
{
    return m_ends[0] ? 2 : 0;
}

Ptr<NetDevice>
WdmoeIdealChannel::GetDevice(std::size_t i) const
{
    return m_ends[i];
}

void
WdmoeIdealChannel::DoDispose()
{
    m_ends[0] = nullptr;
    m_ends[1] = nullptr;
    Channel::DoDispose();
}

TypeId
WdmoeIdealNetDevice::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeIdealNetDevice")
            .SetParent<NetDevice>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeIdealNetDevice>()
            .AddTraceSource("MacTx",
                            "A packet was handed down by the node",
                            MakeTraceSourceAccessor(&WdmoeIdealNetDevice::m_macTxTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("MacRx",
                            "A packet was handed up to the node",
                            MakeTraceSourceAccessor(&WdmoeIdealNetDevice::m_macRxTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("Sniffer",
                            "A packet is at the head of the queue, or has arrived: what a "
                            "sniffer at this end sees, an IP packet and nothing around it",
                            MakeTraceSourceAccessor(&WdmoeIdealNetDevice::m_snifferTrace),
                            "ns3::Packet::TracedCallback")
            .AddTraceSource("PromiscSniffer",
                            "The same: there are two ends, so nobody else's packets",
                            MakeTraceSourceAccessor(&WdmoeIdealNetDevice::m_promiscSnifferTrace),
                            "ns3::Packet::TracedCallback");
    return tid;
}

WdmoeIdealNetDevice::WdmoeIdealNetDevice()
    : m_address(Mac48Address::Allocate())
{
}

void
WdmoeIdealNetDevice::DoDispose()
{
    m_finish.Cancel();
    m_queue.clear();
    m_node = nullptr;
    m_peer = nullptr;
    m_channel = nullptr;
    m_busyCallback = BusyCallback();
    m_rx = NetDevice::ReceiveCallback();
    m_promisc = PromiscReceiveCallback();
    NetDevice::DoDispose();
}

void
WdmoeIdealNetDevice::SetPeer(Ptr<WdmoeIdealNetDevice> peer, Ptr<WdmoeIdealChannel> channel)
{
    m_peer = peer;
    m_channel = channel;
}

void
WdmoeIdealNetDevice::SetBusyCallback(BusyCallback callback)
{
    m_busyCallback = callback;
}

bool
WdmoeIdealNetDevice::IsBusy() const
{
    return !m_queue.empty();
}

double
WdmoeIdealNetDevice::GetRate() const
{
    return m_rate;
}

uint64_t
WdmoeIdealNetDevice::GetQueuedBytes() const
{
    uint64_t bytes = 0;
    for (const auto& item : m_queue)
    {
        bytes += item.packet->GetSize();
    }
    return bytes;
}

void
WdmoeIdealNetDevice::SetRate(double rate)
{
    NS_LOG_FUNCTION(this << rate);
    NS_ABORT_MSG_IF(!(rate >= 0) || std::isinf(rate),
                    "WdmoeIdealNetDevice::SetRate: " << rate << " bit/s; expected a finite number "
                                                     << ">= 0");
    if (rate == m_rate)
    {
        return;
    }
    Progress();
    m_rate = rate;
    Reschedule();
}

void
WdmoeIdealNetDevice::Progress()
{
    const Time now = Simulator::Now();
    if (!m_queue.empty())
    {
        m_remainingBits -= m_rate * (now - m_updated).GetSeconds();
    }
    m_updated = now;
}

void
WdmoeIdealNetDevice::Reschedule()
{
    m_finish.Cancel();
    // below a bit in 100 years is as good as nothing, and would not fit into Time
    if (m_queue.empty() || m_rate * 3e9 < m_remainingBits)
    {
        return;
    }
    const double seconds = std::max(0.0, m_remainingBits / m_rate);
    m_finish = Simulator::Schedule(NanoSeconds(std::llround(1e9 * seconds)),
                                   &WdmoeIdealNetDevice::Finish,
                                   this);
}

bool
WdmoeIdealNetDevice::Send(Ptr<Packet> packet, const Address& /* dest */, uint16_t protocolNumber)
{
    NS_LOG_FUNCTION(this << packet << protocolNumber);
    m_macTxTrace(packet);
    m_queue.push_back({packet, protocolNumber});
    if (m_queue.size() == 1)
    {
        Sniff(packet);
        m_remainingBits = 8.0 * packet->GetSize();
        m_updated = Simulator::Now();
        if (!m_busyCallback.IsNull())
        {
            m_busyCallback();
        }
        if (!m_finish.IsPending())
        {
            Reschedule();
        }
    }
    return true;
}

void
WdmoeIdealNetDevice::Sniff(Ptr<const Packet> packet)
{
    m_snifferTrace(packet);
    m_promiscSnifferTrace(packet);
}

void
WdmoeIdealNetDevice::Finish()
{
    Progress();
    const Item item = m_queue.front();
    m_queue.pop_front();
    Simulator::ScheduleWithContext(m_peer->m_node->GetId(),
                                   Time(0),
                                   &WdmoeIdealNetDevice::Receive,
                                   m_peer,
                                   item.packet,
                                   item.protocol);
    if (m_queue.empty())
    {
        if (!m_busyCallback.IsNull())
        {
            m_busyCallback();
        }
        return;
    }
    Sniff(m_queue.front().packet);
    // what rounding to a nanosecond left over, or took too much, is carried on
    m_remainingBits += 8.0 * m_queue.front().packet->GetSize();
    Reschedule();
}

void
WdmoeIdealNetDevice::Receive(Ptr<Packet> packet, uint16_t protocol)
{
    if (!m_node)
    {
        return; // disposed meanwhile
    }
    Sniff(packet);
    m_macRxTrace(packet);
    if (!m_promisc.IsNull())
    {
        m_promisc(this,
                  packet,
                  protocol,
                  m_peer->GetAddress(),
                  GetAddress(),
                  NetDevice::PACKET_HOST);
    }
    if (!m_rx.IsNull())
    {
        m_rx(this, packet, protocol, m_peer->GetAddress());
    }
}

void
WdmoeIdealNetDevice::SetIfIndex(const uint32_t index)
{
    m_ifIndex = index;
}

uint32_t
WdmoeIdealNetDevice::GetIfIndex() const
{
    return m_ifIndex;
}

Ptr<Channel>
WdmoeIdealNetDevice::GetChannel() const
{
    return m_channel;
}

void
WdmoeIdealNetDevice::SetAddress(Address address)
{
    m_address = Mac48Address::ConvertFrom(address);
}

Address
WdmoeIdealNetDevice::GetAddress() const
{
    return m_address;
}

bool
WdmoeIdealNetDevice::SetMtu(const uint16_t mtu)
{
    m_mtu = mtu;
    return true;
}

uint16_t
WdmoeIdealNetDevice::GetMtu() const
{
    return m_mtu;
}

bool
WdmoeIdealNetDevice::IsLinkUp() const
{
    return true;
}

void
WdmoeIdealNetDevice::AddLinkChangeCallback(Callback<void> /* callback */)
{
}

bool
WdmoeIdealNetDevice::IsBroadcast() const
{
    return false;
}

Address
WdmoeIdealNetDevice::GetBroadcast() const
{
    return Mac48Address::GetBroadcast();
}

bool
WdmoeIdealNetDevice::IsMulticast() const
{
    return false;
}

Address
WdmoeIdealNetDevice::GetMulticast(Ipv4Address multicastGroup) const
{
    return Mac48Address::GetMulticast(multicastGroup);
}

Address
WdmoeIdealNetDevice::GetMulticast(Ipv6Address addr) const
{
    return Mac48Address::GetMulticast(addr);
}

bool
WdmoeIdealNetDevice::IsPointToPoint() const
{
    return true;
}

bool
WdmoeIdealNetDevice::IsBridge() const
{
    return false;
}

bool
WdmoeIdealNetDevice::SendFrom(Ptr<Packet> packet,
                              const Address& /* source */,
                              const Address& dest,
                              uint16_t protocolNumber)
{
    return Send(packet, dest, protocolNumber);
}

Ptr<Node>
WdmoeIdealNetDevice::GetNode() const
{
    return m_node;
}

void
WdmoeIdealNetDevice::SetNode(Ptr<Node> node)
{
    m_node = node;
}

bool
WdmoeIdealNetDevice::NeedsArp() const
{
    return false;
}

void
WdmoeIdealNetDevice::SetReceiveCallback(NetDevice::ReceiveCallback cb)
{
    m_rx = cb;
}

void
WdmoeIdealNetDevice::SetPromiscReceiveCallback(PromiscReceiveCallback cb)
{
    m_promisc = cb;
}

bool
WdmoeIdealNetDevice::SupportsSendFrom() const
{
    return true;
}

} // namespace ns3
