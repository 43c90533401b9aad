/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-meter.h"

#include "wdmoe-paced-queue-disc.h"

#include "ns3/log.h"
#include "ns3/node.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"

#include <algorithm>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoePacedMeter");

NS_OBJECT_ENSURE_REGISTERED(WdmoePacedMeter);

TypeId
WdmoePacedMeter::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoePacedMeter")
                            .SetParent<Object>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoePacedMeter>();
    return tid;
}

void
WdmoePacedMeter::DoDispose()
{
    m_flush.Cancel();
    m_report = ReportCallback();
    m_reports.clear();
    m_ends.clear();
    Object::DoDispose();
}

void
WdmoePacedMeter::Configure(ReportCallback report, Time delay, bool shared)
{
    m_report = report;
    m_delay = delay;
    m_shared = shared;
}

uint32_t
WdmoePacedMeter::AddEnd(Ptr<NetDevice> receiver, const WdmoePacedCapacity& capacity)
{
    const bool known = std::any_of(m_ends.begin(), m_ends.end(), [&](const End& e) {
        return e.receiver == receiver;
    });
    if (!known)
    {
        receiver->GetNode()->RegisterProtocolHandler(MakeCallback(&WdmoePacedMeter::Receive, this),
                                                     0,
                                                     receiver);
    }
    End end;
    end.receiver = receiver;
    end.capacity = capacity;
    m_ends.push_back(end);
    return static_cast<uint32_t>(m_ends.size() - 1);
}

void
WdmoePacedMeter::HandDown(uint32_t end, uint64_t sequence, uint32_t bytes, bool unpaced)
{
    auto& e = m_ends.at(end);
    e.flights.push_back({sequence, bytes, Simulator::Now(), unpaced});
    e.handDowns++;
    m_handDowns++;
    m_flying++;
}

void
WdmoePacedMeter::Receive(Ptr<NetDevice> device,
                         Ptr<const Packet> packet,
                         uint16_t /* protocol */,
                         const Address& /* from */,
                         const Address& /* to */,
                         NetDevice::PacketType /* type */)
{
    WdmoePacedTag tag;
    if (!packet->PeekPacketTag(tag) || tag.end >= m_ends.size() ||
        m_ends[tag.end].receiver != device)
    {
        return;
    }
    auto& e = m_ends[tag.end];
    if (e.flights.empty() || tag.sequence < e.flights.front().sequence)
    {
        // given up before, or a second time: a sign of life, nothing else
        Simulator::Schedule(m_delay, &WdmoePacedMeter::Tell, this, tag.end);
        return;
    }
    Report report;
    report.end = tag.end;
    while (!e.flights.empty() && e.flights.front().sequence <= tag.sequence)
    {
        const auto f = e.flights.front();
        e.flights.pop_front();
        m_flying--;
        report.bytes += f.bytes;
        if (f.sequence < tag.sequence)
        {
            e.lost += f.bytes;
            e.gap = true;
            continue;
        }
        e.delivered += f.bytes;
        report.arrival.bytes = f.bytes;
        report.arrival.handed = f.handed;
        report.arrival.unpaced = f.unpaced;
    }
    const uint64_t foreign = m_handDowns - e.handDowns;
    report.arrival.arrived = Simulator::Now();
    report.arrival.gap = e.gap;
    report.arrival.clean = !m_shared || (!e.disturbed && foreign == e.foreign);
    report.due = Simulator::Now() + m_delay;
    e.gap = false;
    e.disturbed = m_flying > e.flights.size();
    e.foreign = foreign;
    e.heard = Simulator::Now();
    m_reports.push_back(report);
    if (!m_flush.IsPending())
    {
        m_flush = Simulator::Schedule(m_delay, &WdmoePacedMeter::Flush, this);
    }
}

void
WdmoePacedMeter::Tell(uint32_t end)
{
    if (!m_report.IsNull())
    {
        m_report(end, 0, true);
    }
}

void
WdmoePacedMeter::Flush()
{
    while (!m_reports.empty() && m_reports.front().due <= Simulator::Now())
    {
        const auto report = m_reports.front();
        m_reports.pop_front();
        m_ends[report.end].capacity.Add(report.arrival);
        m_report(report.end, report.bytes, true);
    }
    if (!m_reports.empty() && !m_flush.IsPending())
    {
        m_flush = Simulator::Schedule(m_reports.back().due - Simulator::Now(),
                                      &WdmoePacedMeter::Flush,
                                      this);
    }
}

uint32_t
WdmoePacedMeter::Expire(uint32_t end, Time after)
{
    auto& e = m_ends.at(end);
    const Time before = Simulator::Now() - after;
    if (e.flights.empty() || e.flights.front().handed > before || e.heard > before)
    {
        return 0;
    }
    uint32_t packets = 0;
    uint64_t bytes = 0;
    while (!e.flights.empty() && e.flights.front().handed <= before)
    {
        bytes += e.flights.front().bytes;
        e.flights.pop_front();
        m_flying--;
        packets++;
    }
    e.lost += bytes;
    e.gap = true;
    m_report(end, bytes, false);
    return packets;
}

WdmoePacedCapacity&
WdmoePacedMeter::GetCapacity(uint32_t end)
{
    return m_ends.at(end).capacity;
}

const WdmoePacedCapacity&
WdmoePacedMeter::GetCapacity(uint32_t end) const
{
    return m_ends.at(end).capacity;
}

void
WdmoePacedMeter::Fill(uint32_t end, WdmoePacedCount& count) const
{
    const auto& e = m_ends.at(end);
    count.delivered = e.delivered;
    count.lost = e.lost;
    count.inFlight = 0;
    for (const auto& f : e.flights)
    {
        count.inFlight += f.bytes;
    }
}

} // namespace ns3
