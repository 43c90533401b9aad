/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-prober.h"

#include "ns3/abort.h"
#include "ns3/inet-socket-address.h"
#include "ns3/node.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"
#include "ns3/udp-socket-factory.h"

#include <algorithm>

namespace ns3
{

namespace
{

constexpr uint32_t HEADERS = 28;     ///< IPv4 and UDP, bytes
const Time DRAIN = MilliSeconds(50); ///< longest wait for what others have under way
constexpr int PINGS = 8;             ///< in vain, until they become rarer
constexpr uint32_t DOUBTS = 3;       ///< packets given up until a link is lost

} // namespace

void
WdmoePacedProber::Configure(const Settings& settings,
                            Ptr<WdmoePacedMeter> meter,
                            const Callbacks& callbacks)
{
    m_settings = settings;
    m_meter = meter;
    m_callbacks = callbacks;
}

void
WdmoePacedProber::AddEnd(const Link& link)
{
    End e;
    e.link = link;
    e.socket = Socket::CreateSocket(link.sender->GetNode(), UdpSocketFactory::GetTypeId());
    e.socket->Bind(InetSocketAddress(link.from, 0));
    e.socket->BindToNetDevice(link.sender);
    auto& sink = m_sinks[link.to];
    if (!sink)
    {
        auto node = link.receiver->GetNode();
        sink = Socket::CreateSocket(node, UdpSocketFactory::GetTypeId());
        NS_ABORT_MSG_IF(sink->Bind(InetSocketAddress(link.to, m_settings.port)) != 0,
                        "WdmoePacedRadio: UDP port " << m_settings.port << " of " << link.to
                                                     << " on node " << node->GetId()
                                                     << " is taken; set ProbePort to another");
        sink->SetRecvCallback(Callback<void, Ptr<Socket>>([](Ptr<Socket> s) {
            while (s->Recv())
            {
            }
        }));
    }
    m_ends.push_back(e);
}

void
WdmoePacedProber::Clear()
{
    m_ends.clear();
    m_sinks.clear();
    m_queue.clear();
    m_meter = nullptr;
    m_callbacks = Callbacks();
}

bool
WdmoePacedProber::IsValid(uint32_t end) const
{
    return m_ends[end].valid;
}

bool
WdmoePacedProber::IsLost(uint32_t end) const
{
    return m_ends[end].lost;
}

bool
WdmoePacedProber::IsProbed(uint32_t end) const
{
    return m_ends[end].probe.active;
}

bool
WdmoePacedProber::HasToWait(uint32_t end) const
{
    const auto& p = m_ends[end].probe;
    return m_settings.shared && m_active > 0 && !(p.active && p.begun);
}

uint32_t
WdmoePacedProber::GetPayload(const Link& link) const
{
    const uint32_t mtu = link.sender->GetMtu();
    return mtu > HEADERS ? std::min(m_settings.size, mtu - HEADERS) : m_settings.size;
}

double
WdmoePacedProber::GetTrainBytes(uint32_t end) const
{
    // The first packet is not counted. A train is of whole aggregates, of which the first may be
    // cut: twice the time is enough for aggregates of up to TrainTime.
    const double packets = m_settings.trainPackets + 2.0;
    const double rate = m_meter->GetCapacity(end).GetRate() / 8;
    const double size = GetPayload(m_ends[end].link) + HEADERS;
    const double timed = 2 * m_settings.trainTime.GetSeconds() * rate;
    return std::max(packets * size, std::min(timed, m_settings.trainMost * size) + 2 * size);
}

double
WdmoePacedProber::GetWindow(uint32_t end, double paced) const
{
    const auto& p = m_ends[end].probe;
    const auto arrived = static_cast<double>(p.bytes);
    if (p.budget > 0)
    {
        return std::max(0.0, p.budget - arrived);
    }
    // As in a slow start: small for a slow link, and after some rounds enough for one that is fast,
    // or aggregates, or reports late.
    return std::max(paced, std::min(64.0 * m_settings.window, m_settings.window + arrived));
}

bool
WdmoePacedProber::IsActive() const
{
    return m_active > 0;
}

bool
WdmoePacedProber::IsStuck(uint32_t end) const
{
    const auto& link = m_ends[end].link;
    return m_callbacks.isZero(end) && link.disc->GetBacklog(link.index) > 0;
}

void
WdmoePacedProber::Heard(uint32_t end, uint64_t bytes)
{
    auto& e = m_ends[end];
    e.doubts = 0;
    e.pings = 0;
    const bool measured = m_meter->GetCapacity(end).IsValid();
    if (e.lost)
    {
        e.lost = false;
        m_callbacks.update();
    }
    e.probe.arrived++;
    e.probe.bytes += bytes;
    e.probe.heard = Simulator::Now();
    if (!e.valid && !measured && !e.queued && !e.probe.active)
    {
        e.queued = true;
        m_queue.push_back(end);
    }
    if (e.probe.active)
    {
        m_callbacks.apply(end); // its window
    }
    Next();
    ContinueAll();
}

void
WdmoePacedProber::Send(uint32_t end)
{
    auto& e = m_ends[end];
    auto packet = Create<Packet>(GetPayload(e.link));
    WdmoePacedTag tag;
    tag.end = WdmoePacedTag::PROBE;
    packet->AddPacketTag(tag);
    e.socket->SendTo(packet, 0, InetSocketAddress(e.link.to, m_settings.port));
}

void
WdmoePacedProber::Ping(uint32_t end)
{
    auto& e = m_ends[end];
    e.pinged = Simulator::Now();
    e.pings++;
    if (IsStuck(end))
    {
        return; // its own packets would go first
    }
    if (e.link.disc->GetBacklog(e.link.index) == 0)
    {
        Send(end);
    }
    e.link.disc->ReleaseOne(e.link.index);
    m_callbacks.update();
}

void
WdmoePacedProber::Next()
{
    // those that nothing is known of do not wait for their time
    const bool early = Simulator::Now() < m_ended + m_settings.spacing;
    while (!(m_settings.shared && m_active > 0))
    {
        const auto next = std::find_if(m_queue.begin(), m_queue.end(), [&](uint32_t end) {
            return !early || !m_ends[end].valid;
        });
        if (next == m_queue.end())
        {
            return;
        }
        const auto end = *next;
        m_queue.erase(next);
        auto& e = m_ends[end];
        e.queued = false;
        if (e.lost || IsStuck(end))
        {
            continue;
        }
        e.probe = Probe();
        e.probe.active = true;
        e.probe.warm = e.valid;
        e.probe.samples = m_meter->GetCapacity(end).GetCount() + (e.valid ? 1 : 2);
        e.probe.since = Simulator::Now();
        if (!m_settings.shared)
        {
            Begin(end);
        }
        m_active++;
        m_callbacks.update();
        Continue(end);
    }
}

void
WdmoePacedProber::Begin(uint32_t end)
{
    auto& e = m_ends[end];
    e.probe.begun = true;
    e.probe.heard = Simulator::Now();
    if (e.valid)
    {
        const auto before = static_cast<double>(e.link.disc->Get(e.link.index).inFlight);
        e.probe.budget = static_cast<double>(e.probe.bytes) + before + GetTrainBytes(end);
    }
}

void
WdmoePacedProber::ContinueAll()
{
    for (uint32_t i = 0; m_active > 0 && i < m_ends.size(); i++)
    {
        if (m_ends[i].probe.active)
        {
            Continue(i);
        }
    }
}

void
WdmoePacedProber::Continue(uint32_t end)
{
    auto& e = m_ends[end];
    auto& p = e.probe;
    auto& capacity = m_meter->GetCapacity(end);
    const Time now = Simulator::Now();
    if (!p.begun)
    {
        // what the others have under way comes first: it would disturb the train
        uint64_t inFlight = 0;
        for (const auto& other : m_ends)
        {
            inFlight += other.link.disc->Get(other.link.index).inFlight;
        }
        if (inFlight > 0 && now < p.since + DRAIN)
        {
            return;
        }
        Begin(end);
        m_callbacks.update();
    }
    if (!p.warm && p.arrived >= 2 * m_settings.trainPackets)
    {
        // The first packets warm up what is below: address resolution, aggregation, choice of the
        // rate.
        p.warm = true;
        p.samples = capacity.GetCount() + 2;
        capacity.Reset();
    }
    if (p.budget > 0 && static_cast<double>(p.bytes) >= p.budget)
    {
        // all of it came: that is the end of a train, and if it was too short one twice as long
        // follows
        capacity.Flush();
        p.budget += 2 * GetTrainBytes(end);
    }
    const bool done = p.warm && capacity.GetCount() >= p.samples;
    const bool late =
        now > p.heard + m_settings.lostAfter || now > p.since + 10 * m_settings.lostAfter;
    if (done || late || IsStuck(end))
    {
        p.active = false;
        m_ended = now;
        m_active--;
        e.valid = e.valid || done;
        m_callbacks.update();
        Next();
        return;
    }
    const double window = GetWindow(end);
    for (uint32_t i = 0; i < 4096; i++)
    {
        const auto& c = e.link.disc->Get(e.link.index);
        const auto waiting = e.link.disc->GetBacklog(e.link.index) + c.inFlight;
        if (static_cast<double>(waiting) >= window)
        {
            return;
        }
        Send(end);
    }
}

void
WdmoePacedProber::Look(uint32_t end)
{
    const Time now = Simulator::Now();
    auto& e = m_ends[end];
    auto& capacity = m_meter->GetCapacity(end);
    const bool pinged = !e.valid && !e.probe.active;
    e.doubts += m_meter->Expire(end, pinged ? m_settings.interval : m_settings.lostAfter);
    if (e.doubts >= DOUBTS && !e.lost)
    {
        e.lost = true;
        e.valid = false;
        capacity.Reset();
        m_callbacks.update();
    }
    const bool silent = e.lost || !capacity.IsValid() || e.doubts > 0;
    // in vain for long: less and less often, for it costs the others time
    const Time interval = m_settings.interval * (1 << std::clamp<int>(e.pings - PINGS, 0, 4));
    const bool due = e.pinged.IsNegative() || now >= e.pinged + interval;
    if (silent && e.link.disc->Get(e.link.index).inFlight == 0 && due)
    {
        // on a shared medium one at a time, and none that disturbs a train
        const bool free = m_active == 0 && (m_ping < 0 || e.pinged < m_ends[m_ping].pinged);
        if (!m_settings.shared && !e.probe.active)
        {
            Ping(end);
        }
        else if (m_settings.shared && free)
        {
            m_ping = end;
        }
    }
    const auto ends = static_cast<double>(m_ends.size());
    const Time age = Seconds(m_settings.maxAge.GetSeconds() * (1 + 0.5 * end / ends));
    if (e.valid && !e.queued && !e.probe.active && now >= capacity.GetWhen() + age)
    {
        e.queued = true;
        m_queue.push_back(end);
    }
}

void
WdmoePacedProber::EndLook()
{
    if (m_ping >= 0)
    {
        Ping(static_cast<uint32_t>(m_ping));
    }
    m_ping = -1;
    ContinueAll();
}

} // namespace ns3
