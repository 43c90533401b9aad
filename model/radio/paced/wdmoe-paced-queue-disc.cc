/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-queue-disc.h"

#include "ns3/abort.h"
#include "ns3/drop-tail-queue.h"
#include "ns3/log.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoePacedQueueDisc");

NS_OBJECT_ENSURE_REGISTERED(WdmoePacedTag);
NS_OBJECT_ENSURE_REGISTERED(WdmoePacedQueueDisc);

TypeId
WdmoePacedTag::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoePacedTag")
                            .SetParent<Tag>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoePacedTag>();
    return tid;
}

TypeId
WdmoePacedTag::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
WdmoePacedTag::GetSerializedSize() const
{
    return 12;
}

void
WdmoePacedTag::Serialize(TagBuffer buffer) const
{
    buffer.WriteU32(end);
    buffer.WriteU64(sequence);
}

void
WdmoePacedTag::Deserialize(TagBuffer buffer)
{
    end = buffer.ReadU32();
    sequence = buffer.ReadU64();
}

void
WdmoePacedTag::Print(std::ostream& os) const
{
    os << "end=" << end << " sequence=" << sequence;
}

TypeId
WdmoePacedQueueDisc::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoePacedQueueDisc")
            .SetParent<QueueDisc>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoePacedQueueDisc>()
            .AddAttribute("MaxBacklog",
                          "Most bytes that wait for a peer; what is beyond is dropped",
                          UintegerValue(16 << 20),
                          MakeUintegerAccessor(&WdmoePacedQueueDisc::m_maxBacklog),
                          MakeUintegerChecker<uint32_t>(1500));
    return tid;
}

WdmoePacedQueueDisc::WdmoePacedQueueDisc()
    : QueueDisc(QueueDiscSizePolicy::NO_LIMITS)
{
    SetQuota(UINT32_MAX); // a run goes on until nothing may go
    // the first is for what is for no class
    AddInternalQueue(CreateObject<DropTailQueue<QueueDiscItem>>());
}

void
WdmoePacedQueueDisc::DoDispose()
{
    m_wake.Cancel();
    m_handDown = HandDownCallback();
    m_busy = BusyCallback();
    QueueDisc::DoDispose();
}

void
WdmoePacedQueueDisc::SetCallbacks(HandDownCallback handDown, BusyCallback busy)
{
    m_handDown = handDown;
    m_busy = busy;
}

uint32_t
WdmoePacedQueueDisc::AddClass(uint32_t end, const Address& peer)
{
    Class c;
    c.end = end;
    c.peer = peer;
    c.queue = static_cast<uint32_t>(GetNInternalQueues());
    c.updated = Simulator::Now();
    auto queue = CreateObject<DropTailQueue<QueueDiscItem>>();
    queue->SetMaxSize(QueueSize(QueueSizeUnit::BYTES, m_maxBacklog));
    AddInternalQueue(queue);
    m_classes.push_back(c);
    return static_cast<uint32_t>(m_classes.size() - 1);
}

bool
WdmoePacedQueueDisc::HasClass(const Address& peer) const
{
    return std::any_of(m_classes.begin(), m_classes.end(), [&](const Class& c) {
        return c.peer == peer;
    });
}

const WdmoePacedQueueDisc::Class&
WdmoePacedQueueDisc::Get(uint32_t index) const
{
    return m_classes.at(index);
}

uint64_t
WdmoePacedQueueDisc::GetBacklog(uint32_t index) const
{
    return GetInternalQueue(m_classes.at(index).queue)->GetNBytes();
}

void
WdmoePacedQueueDisc::SetPace(uint32_t index, double rate, double quantum, double window)
{
    NS_ABORT_MSG_IF(!(rate >= 0) || std::isinf(rate),
                    "WdmoePacedQueueDisc::SetPace: " << rate
                                                     << " byte/s; expected a finite number >= 0");
    auto& c = m_classes.at(index);
    if (c.rate == rate && c.quantum == quantum && c.window == window)
    {
        return;
    }
    Accrue(c);
    if (rate > 0)
    {
        // What was taken at a high pace was meant to be paid back at it, within BurstInterval; at
        // a much lower one it would take for ever.
        c.tokens *= rate < c.lastRate / 2 ? rate / c.lastRate : 1;
        c.lastRate = rate;
    }
    c.rate = rate;
    c.quantum = quantum;
    c.window = window;
    Wake();
}

void
WdmoePacedQueueDisc::SetMode(uint32_t index, bool unpaced, bool held)
{
    auto& c = m_classes.at(index);
    if (c.unpaced == unpaced && c.held == held)
    {
        return;
    }
    c.unpaced = unpaced;
    c.held = held;
    Wake();
}

void
WdmoePacedQueueDisc::ReleaseOne(uint32_t index)
{
    auto& c = m_classes.at(index);
    const auto old = c;
    c.held = false;
    c.unpaced = true;
    c.window = static_cast<double>(c.inFlight) + 1;
    Run();
    c.held = old.held;
    c.unpaced = old.unpaced;
    c.window = old.window;
    Wake();
}

void
WdmoePacedQueueDisc::Landed(uint32_t index, uint64_t bytes)
{
    auto& c = m_classes.at(index);
    c.inFlight -= std::min(c.inFlight, bytes);
    if (GetBacklog(index) > 0)
    {
        Wake();
    }
}

void
WdmoePacedQueueDisc::Wake()
{
    // Not at once: the caller may be about to change more, or be called from within Run().
    if (IsInitialized() && !(m_wake.IsPending() && Simulator::GetDelayLeft(m_wake).IsZero()))
    {
        m_wake.Cancel();
        m_wake = Simulator::ScheduleNow(&WdmoePacedQueueDisc::Run, this);
    }
}

void
WdmoePacedQueueDisc::Accrue(Class& c) const
{
    const Time now = Simulator::Now();
    c.tokens = std::min(0.0, c.tokens + c.rate * (now - c.updated).GetSeconds());
    c.updated = now;
}

Time
WdmoePacedQueueDisc::GetWait(Class& c) const
{
    if (c.held || static_cast<double>(c.inFlight) >= c.window)
    {
        return Time(-1);
    }
    if (c.unpaced || (c.burst > 0 && c.rate > 0))
    {
        return Time(0);
    }
    Accrue(c);
    // below a byte in a minute is as good as nothing
    if (c.rate * 60 < 1)
    {
        return Time(-1);
    }
    return c.tokens >= -1e-6 ? Time(0) : NanoSeconds(std::llround(1 - 1e9 * c.tokens / c.rate));
}

bool
WdmoePacedQueueDisc::DoEnqueue(Ptr<QueueDiscItem> item)
{
    constexpr uint16_t arp = 0x0806;
    Class* found = nullptr;
    if (item->GetProtocol() != arp)
    {
        for (auto& c : m_classes)
        {
            if (m_classes.size() == 1 || c.peer == item->GetAddress())
            {
                found = &c;
                break;
            }
        }
    }
    if (!found)
    {
        return GetInternalQueue(0)->Enqueue(item);
    }
    const uint32_t size = item->GetSize();
    auto queue = GetInternalQueue(found->queue);
    const bool was = !queue->IsEmpty();
    if (!queue->Enqueue(item))
    {
        found->dropped += size;
        return false;
    }
    found->accepted += size;
    if (!was)
    {
        m_busy(found->end);
    }
    return true;
}

Ptr<QueueDiscItem>
WdmoePacedQueueDisc::DoDequeue()
{
    if (auto item = GetInternalQueue(0)->Dequeue())
    {
        return item;
    }
    Time soonest(-1);
    const auto n = static_cast<uint32_t>(m_classes.size());
    for (uint32_t i = 0; i < n; i++)
    {
        const uint32_t index = (m_turn + i) % n;
        auto& c = m_classes[index];
        auto queue = GetInternalQueue(c.queue);
        if (queue->IsEmpty())
        {
            continue;
        }
        const Time wait = GetWait(c);
        if (wait.IsStrictlyNegative())
        {
            continue;
        }
        if (wait.IsStrictlyPositive())
        {
            soonest = soonest.IsNegative() ? wait : Min(soonest, wait);
            continue;
        }
        auto item = queue->Dequeue();
        const uint32_t size = item->GetSize();
        WdmoePacedTag tag;
        const bool probe = item->GetPacket()->PeekPacketTag(tag) && tag.end == WdmoePacedTag::PROBE;
        if (!c.unpaced)
        {
            Accrue(c);
            c.burst = (c.burst > 0 ? c.burst : c.quantum) - size;
            c.tokens -= size;
        }
        else if (c.rate > 0 && !probe)
        {
            Accrue(c);
            c.burst = 0;
            c.tokens -= size;
        }
        m_turn = c.burst > 0 ? index : index + 1;
        c.inFlight += size;
        c.handed += size;
        tag.end = c.end;
        tag.sequence = c.next++;
        item->GetPacket()->ReplacePacketTag(tag);
        m_handDown(c.end, tag.sequence, size, probe);
        if (queue->IsEmpty())
        {
            c.burst = 0;
            m_busy(c.end);
        }
        return item;
    }
    if (soonest.IsStrictlyPositive())
    {
        m_wake.Cancel();
        m_wake = Simulator::Schedule(soonest, &WdmoePacedQueueDisc::Run, this);
    }
    return nullptr;
}

bool
WdmoePacedQueueDisc::CheckConfig()
{
    NS_ABORT_MSG_IF(GetNQueueDiscClasses() > 0 || GetNPacketFilters() > 0,
                    "WdmoePacedQueueDisc: has children or packet filters; expected none, it knows "
                    "its classes by link-layer address");
    return true;
}

void
WdmoePacedQueueDisc::InitializeParams()
{
}

} // namespace ns3
