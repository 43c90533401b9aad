/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "switched-queue-disc.h"

#include "ns3/abort.h"
#include "ns3/drop-tail-queue.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(SwitchedQueueDisc);

TypeId
SwitchedQueueDisc::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::SwitchedQueueDisc").SetParent<QueueDisc>().AddConstructor<SwitchedQueueDisc>();
    return tid;
}

SwitchedQueueDisc::SwitchedQueueDisc()
    : QueueDisc(QueueDiscSizePolicy::NO_LIMITS)
{
    AddInternalQueue(CreateObject<DropTailQueue<QueueDiscItem>>()); // what is for no peer
}

void
SwitchedQueueDisc::DoDispose()
{
    for (auto& p : m_peers)
    {
        p.served.Cancel();
    }
    m_busy = BusyCallback();
    m_sent = SentCallback();
    QueueDisc::DoDispose();
}

void
SwitchedQueueDisc::SetCallbacks(BusyCallback busy, SentCallback sent)
{
    m_busy = busy;
    m_sent = sent;
}

uint32_t
SwitchedQueueDisc::AddPeer(const Address& address, uint32_t device)
{
    auto queue = CreateObject<DropTailQueue<QueueDiscItem>>();
    queue->SetMaxSize(QueueSize("64MB")); // whole prompts wait here: see "Common mistakes"
    AddInternalQueue(queue);
    m_peers.push_back({address, device, 0, 0, Simulator::Now(), EventId()});
    return static_cast<uint32_t>(m_peers.size() - 1);
}

bool
SwitchedQueueDisc::IsBusy(uint32_t peer) const
{
    return !GetInternalQueue(1 + peer)->IsEmpty();
}

void
SwitchedQueueDisc::SetRate(uint32_t peer, double rate)
{
    NS_ABORT_MSG_IF(!(rate >= 0) || std::isinf(rate),
                    "SwitchedQueueDisc: rate " << rate << " bit/s; expected a finite number >= 0");
    auto& p = m_peers.at(peer);
    if (rate != p.rate)
    {
        Progress(p);
        p.rate = rate;
        Plan(peer);
    }
}

void
SwitchedQueueDisc::Progress(Peer& p) const
{
    const Time now = Simulator::Now();
    p.bits -= p.rate * (now - p.updated).GetSeconds();
    p.updated = now;
}

void
SwitchedQueueDisc::Plan(uint32_t peer)
{
    auto& p = m_peers[peer];
    const bool due = std::find(m_due.begin(), m_due.end(), peer) != m_due.end();
    p.served.Cancel();
    // less than a bit in 100 years is as good as nothing, and would not fit into Time
    if (!due && IsBusy(peer) && p.rate * 3e9 >= p.bits)
    {
        const double seconds = std::max(0.0, p.bits / p.rate);
        p.served = Simulator::Schedule(NanoSeconds(std::llround(1e9 * seconds)),
                                       &SwitchedQueueDisc::Served,
                                       this,
                                       peer);
    }
}

void
SwitchedQueueDisc::Served(uint32_t peer)
{
    m_due.push_back(peer);
    Run();
}

bool
SwitchedQueueDisc::DoEnqueue(Ptr<QueueDiscItem> item)
{
    constexpr uint16_t ipv4 = 0x0800;
    const auto p = std::find_if(m_peers.begin(), m_peers.end(), [&](const Peer& other) {
        return item->GetProtocol() == ipv4 && other.address == item->GetAddress();
    });
    if (p == m_peers.end())
    {
        return GetInternalQueue(0)->Enqueue(item);
    }
    const auto peer = static_cast<uint32_t>(p - m_peers.begin());
    const bool was = IsBusy(peer);
    if (!GetInternalQueue(1 + peer)->Enqueue(item))
    {
        return false;
    }
    if (!was)
    {
        p->bits = 8.0 * item->GetSize();
        p->updated = Simulator::Now();
        Plan(peer);
        m_busy();
    }
    return true;
}

Ptr<QueueDiscItem>
SwitchedQueueDisc::DoDequeue()
{
    if (auto item = GetInternalQueue(0)->Dequeue())
    {
        return item;
    }
    if (m_due.empty())
    {
        return nullptr;
    }
    const uint32_t peer = m_due.front();
    m_due.pop_front();
    auto& p = m_peers[peer];
    auto item = GetInternalQueue(1 + peer)->Dequeue();
    m_sent(p.device, item->GetSize());
    if (auto next = GetInternalQueue(1 + peer)->Peek())
    {
        Progress(p);
        p.bits += 8.0 * next->GetSize(); // what rounding took too much is carried on
        Plan(peer);
    }
    else
    {
        m_busy();
    }
    return item;
}

bool
SwitchedQueueDisc::CheckConfig()
{
    return GetNQueueDiscClasses() == 0 && GetNPacketFilters() == 0;
}

void
SwitchedQueueDisc::InitializeParams()
{
}

} // namespace ns3
