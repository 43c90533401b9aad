/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-paced-radio.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4.h"
#include "ns3/log.h"
#include "ns3/node-container.h"
#include "ns3/simulator.h"
#include "ns3/traffic-control-layer.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <sstream>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoePacedRadio");

NS_OBJECT_ENSURE_REGISTERED(WdmoePacedRadio);

namespace
{

const Time TICK = MilliSeconds(5);            ///< from one Tick() to the next
const Time TIME_CONSTANT = MilliSeconds(500); ///< of shares of a shared medium

} // namespace

TypeId
WdmoePacedRadio::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoePacedRadio")
            .SetParent<WdmoeRadio>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoePacedRadio>()
            .AddAttribute("Medium",
                          "How the links relate: Dedicated, each its own and full duplex; Shared, "
                          "all of them and both directions take from one medium; Auto: Dedicated "
                          "if all NetDevices are point-to-point",
                          EnumValue(AUTO),
                          MakeEnumAccessor<Medium>(&WdmoePacedRadio::m_kind),
                          MakeEnumChecker(AUTO, "Auto", DEDICATED, "Dedicated", SHARED, "Shared"))
            .AddAttribute("InitialRate",
                          "Capacity that a link is paced by until it has been measured (bit/s); "
                          "0: none, it is not paced until then",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoePacedRadio::m_initialRate),
                          MakeDoubleChecker<double>(0.0))
            .AddAttribute(
                "InitialWindow",
                "Most bytes in flight on a link that has not been measured, or is probed; "
                "three aggregates of the link or more",
                UintegerValue(32000),
                MakeUintegerAccessor(&WdmoePacedRadio::m_window),
                MakeUintegerChecker<uint32_t>(3000))
            .AddAttribute("WindowTime",
                          "Bytes in flight are limited to pace x (this + the shortest time from "
                          "hand-down to report), so that a link that stalls does not fill the "
                          "queue that it shares with others",
                          TimeValue(MilliSeconds(15)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_windowTime),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("BurstInterval",
                          "On a shared medium, packets go in bursts of so much time at their pace, "
                          "at least one packet; more lets a medium aggregate and contend less, "
                          "and makes shares coarser",
                          TimeValue(MilliSeconds(5)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_burst),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("InitialEfficiency",
                          "What a shared medium carries when all contend, as a fraction of what "
                          "one alone gets, until that has been measured",
                          DoubleValue(0.9),
                          MakeDoubleAccessor(&WdmoePacedRadio::m_initialEfficiency),
                          MakeDoubleChecker<double>(0.3, 1.1))
            .AddAttribute("SignalDelay",
                          "Delay of what the two sides tell each other: what arrived, who has "
                          "something to send, who gets what",
                          TimeValue(MicroSeconds(200)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_signalDelay),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("QueueTarget",
                          "Work that a shared medium is given in advance; more lets it aggregate "
                          "and keeps it busy, and lets contention, not pace, decide who is next",
                          TimeValue(MilliSeconds(4)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_queueTarget),
                          MakeTimeChecker(MicroSeconds(100)))
            .AddAttribute("TrainPackets",
                          "Least packets of a train",
                          UintegerValue(8),
                          MakeUintegerAccessor(&WdmoePacedRadio::m_trainPackets),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("TrainTime",
                          "Least duration of a train on a shared medium, so that it holds many "
                          "channel accesses and aggregates",
                          TimeValue(MilliSeconds(8)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_trainTime),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("TrainMost",
                          "With so many packets a train is complete whatever its duration: a fast "
                          "medium carries hundreds in TrainTime",
                          UintegerValue(256),
                          MakeUintegerAccessor(&WdmoePacedRadio::m_trainMost),
                          MakeUintegerChecker<uint32_t>(2))
            .AddAttribute("Samples",
                          "How many trains make the estimate",
                          UintegerValue(4),
                          MakeUintegerAccessor(&WdmoePacedRadio::m_samples),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("MaxAge",
                          "Age of the last train at which a link is probed, on a shared medium "
                          "while the others wait some 10 ms; the links of a cell spread over half "
                          "as much again",
                          TimeValue(Seconds(10)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_maxAge),
                          MakeTimeChecker(MilliSeconds(10)))
            .AddAttribute("ProbeInterval",
                          "From one attempt to reach a silent link to the next",
                          TimeValue(MilliSeconds(50)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_probeInterval),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("ProbeSize",
                          "Payload of a probe (bytes); cut to what the NetDevices take",
                          UintegerValue(1400),
                          MakeUintegerAccessor(&WdmoePacedRadio::m_probeSize),
                          MakeUintegerChecker<uint32_t>(1, 60000))
            .AddAttribute("ProbePort",
                          "UDP port that probes are sent to",
                          UintegerValue(9099),
                          MakeUintegerAccessor(&WdmoePacedRadio::m_probePort),
                          MakeUintegerChecker<uint16_t>(1))
            .AddAttribute("LostAfter",
                          "A link on which nothing of several packets arrives for so long is lost",
                          TimeValue(MilliSeconds(300)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_lostAfter),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("StartTimeout",
                          "Links that were never measured so long after the start are named on "
                          "standard error",
                          TimeValue(Seconds(5)),
                          MakeTimeAccessor(&WdmoePacedRadio::m_startTimeout),
                          MakeTimeChecker(Time(0)));
    return tid;
}

WdmoePacedRadio::WdmoePacedRadio()
    : m_meter(CreateObject<WdmoePacedMeter>())
{
}

void
WdmoePacedRadio::DoDispose()
{
    m_tick.Cancel();
    m_applyUplink.Cancel();
    m_check.Cancel();
    m_meter->Dispose();
    m_prober.Clear();
    m_ends.clear();
    m_discs.clear();
    m_assign = nullptr;
    m_server = nullptr;
    WdmoeRadio::DoDispose();
}

// Set-up

void
WdmoePacedRadio::SetServerNode(Ptr<Node> node)
{
    NS_ABORT_MSG_IF(!m_ends.empty(), "WdmoePacedRadio: set the server node before any link");
    m_server = node;
}

Ipv4Address
WdmoePacedRadio::FindAddress(Ptr<Node> node, Ptr<NetDevice> device)
{
    auto ipv4 = node->GetObject<Ipv4>();
    NS_ABORT_MSG_IF(!ipv4 || !node->GetObject<TrafficControlLayer>(),
                    "WdmoePacedRadio: node " << node->GetId()
                                             << " has no internet stack; install one with "
                                                "InternetStackHelper before AddLink");
    const auto interface = ipv4->GetInterfaceForDevice(device);
    NS_ABORT_MSG_IF(interface < 0 || ipv4->GetNAddresses(interface) == 0,
                    "WdmoePacedRadio: NetDevice "
                        << device->GetIfIndex() << " of node " << node->GetId()
                        << " has no IPv4 address; assign one with Ipv4AddressHelper before "
                           "AddLink");
    return ipv4->GetAddress(interface, 0).GetLocal();
}

uint32_t
WdmoePacedRadio::AddLink(Ptr<NetDevice> server, Ptr<NetDevice> device)
{
    NS_ABORT_MSG_IF(!m_server, "WdmoePacedRadio::AddLink: call SetServerNode first");
    NS_ABORT_MSG_IF(!server || !device, "WdmoePacedRadio::AddLink: a NetDevice is missing");
    NS_ABORT_MSG_IF(server->GetNode() != m_server,
                    "WdmoePacedRadio::AddLink: the first NetDevice is not on the server node "
                        << m_server->GetId()
                        << "; give the server's NetDevice first, then the device's");
    NS_ABORT_MSG_IF(device->GetNode() == m_server || !device->GetNode(),
                    "WdmoePacedRadio::AddLink: the second NetDevice is on "
                        << (device->GetNode() ? "the server node" : "no node")
                        << "; expected one on the device's node");
    for (const auto& e : m_ends)
    {
        NS_ABORT_MSG_IF(e.sender == device,
                        "WdmoePacedRadio::AddLink: NetDevice "
                            << device->GetIfIndex() << " of node " << device->GetNode()->GetId()
                            << " is a device already; expected one NetDevice for each");
        NS_ABORT_MSG_IF(e.sender == server && server->IsPointToPoint(),
                        "WdmoePacedRadio::AddLink: NetDevice "
                            << server->GetIfIndex() << " of the server node is point-to-point "
                            << "and has its device already; give it one for each device");
    }
    m_newServer = server;
    m_newDevice = device;
    const auto index = AddDevice(device->GetNode());
    m_newServer = m_newDevice = nullptr;
    return index;
}

void
WdmoePacedRadio::DoAddDevice(uint32_t device, Ptr<Node> node)
{
    NS_ABORT_MSG_IF(!m_newDevice || m_newDevice->GetNode() != node,
                    "WdmoePacedRadio::AddDevice: which NetDevices are device "
                        << device << "'s link is not known; call AddLink instead, or use "
                        << "WdmoePacedRadioHelper");
    const bool points = m_newServer->IsPointToPoint() && m_newDevice->IsPointToPoint();
    m_shared = m_kind == SHARED || (m_kind == AUTO && (m_shared || !points));
    m_efficiency = m_shared ? m_initialEfficiency : 1;
    if (m_ends.empty())
    {
        Simulator::ScheduleNow(&WdmoePacedRadio::Start, this);
    }
    WdmoePacedProber::Settings settings;
    settings.window = m_window;
    settings.trainPackets = m_trainPackets;
    settings.trainMost = std::max(m_trainPackets, m_trainMost);
    settings.maxAge = m_maxAge;
    settings.interval = m_probeInterval;
    settings.size = m_probeSize;
    settings.port = m_probePort;
    settings.lostAfter = m_lostAfter;
    settings.trainTime = m_shared ? m_trainTime : Time(0);
    settings.spacing = m_shared ? TIME_CONSTANT : Time(0);
    settings.shared = m_shared;
    m_prober.Configure(settings,
                       m_meter,
                       {[this] { Update(); },
                        [this](uint32_t end) { Apply(end % 2); },
                        [this](uint32_t end) { return IsZero(end); }});
    AddEnd(m_newServer, m_newDevice);
    AddEnd(m_newDevice, m_newServer);
    m_meter->Configure(MakeCallback(&WdmoePacedRadio::Report, this), m_signalDelay, m_shared);
    Update();
}

void
WdmoePacedRadio::AddEnd(Ptr<NetDevice> from, Ptr<NetDevice> to)
{
    End e;
    e.sender = from;
    e.from = FindAddress(from->GetNode(), from);
    e.to = FindAddress(to->GetNode(), to);

    // hold back: a queue disc of ours in place of the one that Ipv4AddressHelper installs
    const auto name = static_cast<uint32_t>(m_ends.size());
    auto& disc = m_discs[from];
    if (!disc)
    {
        auto tc = from->GetNode()->GetObject<TrafficControlLayer>();
        auto old = tc->GetRootQueueDiscOnDevice(from);
        NS_ABORT_MSG_IF(DynamicCast<WdmoePacedQueueDisc>(old),
                        "WdmoePacedRadio::AddLink: NetDevice "
                            << from->GetIfIndex() << " of node " << from->GetNode()->GetId()
                            << " is paced by another radio already; expected one radio for each "
                               "NetDevice");
        if (old)
        {
            tc->DeleteRootQueueDiscOnDevice(from);
        }
        disc = CreateObject<WdmoePacedQueueDisc>();
        disc->SetCallbacks(MakeCallback(&WdmoePacedRadio::HandDown, this),
                           MakeCallback(&WdmoePacedRadio::NotifyBusy, this));
        tc->SetRootQueueDiscOnDevice(from, disc);
        if (tc->IsInitialized())
        {
            tc->ScanDevices();
            disc->Initialize();
        }
    }
    e.disc = disc;
    e.index = disc->AddClass(name, to->GetAddress());

    // watch
    WdmoePacedCapacity capacity;
    capacity.Configure(m_trainPackets,
                       std::max(m_trainPackets, m_trainMost),
                       m_shared ? m_trainTime : Time(0),
                       m_samples,
                       std::min(m_probeSize / 2, 500U));
    m_meter->AddEnd(to, capacity);

    m_prober.AddEnd({from, to, disc, e.index, e.from, e.to});
    m_ends.push_back(e);
}

void
WdmoePacedRadio::SetStreamAssigner(std::function<int64_t(int64_t)> assign)
{
    m_assign = assign;
}

void
WdmoePacedRadio::Start()
{
    m_check = Simulator::Schedule(m_startTimeout, &WdmoePacedRadio::CheckStart, this);
    Tick();
}

// What it says of itself

std::string
WdmoePacedRadio::GetName() const
{
    return "paced";
}

Ptr<Node>
WdmoePacedRadio::GetServerNode() const
{
    return m_server;
}

Address
WdmoePacedRadio::GetDeviceAddress(uint32_t device) const
{
    return m_ends.at(2 * device).to;
}

Address
WdmoePacedRadio::GetServerAddress(uint32_t device) const
{
    return m_ends.at(2 * device).from;
}

bool
WdmoePacedRadio::IsReady() const
{
    for (uint32_t i = 0; i < m_ends.size(); i++)
    {
        if (!m_prober.IsValid(i))
        {
            return false;
        }
    }
    return true;
}

std::string
WdmoePacedRadio::DescribeUnmeasured() const
{
    std::ostringstream text;
    for (uint32_t i = 0; i < m_ends.size(); i++)
    {
        const auto& e = m_ends[i];
        if (m_meter->GetCapacity(i).GetCount() > 0)
        {
            continue;
        }
        const auto count = GetCount(i / 2, i % 2 == 0);
        text << (text.str().empty() ? "" : "; ") << "device " << i / 2
             << (i % 2 == 0 ? " downlink (" : " uplink (") << e.from << " to " << e.to
             << "): " << count.handed << " bytes handed down, " << count.delivered << " arrived";
    }
    return text.str();
}

void
WdmoePacedRadio::CheckStart()
{
    const auto text = DescribeUnmeasured();
    if (!text.empty())
    {
        std::cerr << "wdmoe: the radio 'paced' has no capacity sample "
                  << m_startTimeout.As(Time::S) << " after its start of " << text
                  << ". Nothing is decided for them until there is one: check that they are "
                     "connected (range, association, channel), have addresses of one subnet, and "
                     "that the plan does not give them share 0\n";
    }
}

WdmoePacedRadio::Medium
WdmoePacedRadio::GetMedium() const
{
    return m_shared ? SHARED : DEDICATED;
}

double
WdmoePacedRadio::GetCapacity(uint32_t device, bool downlink) const
{
    NS_ABORT_MSG_IF(device >= GetNDevices(),
                    "WdmoePacedRadio::GetCapacity: no device " << device << ", there are "
                                                               << GetNDevices());
    return m_meter->GetCapacity(2 * device + (downlink ? 0 : 1)).GetRate();
}

double
WdmoePacedRadio::GetEfficiency() const
{
    return m_efficiency;
}

WdmoePacedCount
WdmoePacedRadio::GetCount(uint32_t device, bool downlink) const
{
    const uint32_t i = 2 * device + (downlink ? 0 : 1);
    const auto& e = m_ends.at(i);
    const auto& c = e.disc->Get(e.index);
    WdmoePacedCount count;
    count.accepted = c.accepted;
    count.handed = c.handed;
    count.dropped = c.dropped;
    count.queued = e.disc->GetBacklog(e.index);
    m_meter->Fill(i, count);
    return count;
}

WdmoeRadioCapabilities
WdmoePacedRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities c;
    c.strict = true;
    c.leftover = true;
    c.priority = true;
    c.fullDuplex = !m_shared;
    c.timeConstant = m_shared ? TIME_CONSTANT : MilliSeconds(200);
    // While one is probed, which is at most once in that time, the others wait: until the medium is
    // empty, and for up to two trains. And an interval cuts a burst. On a wire a probe is a train
    // ahead of the share.
    double grainS = (m_queueTarget + m_trainTime + m_trainTime + m_burst).GetSeconds();
    if (!m_shared)
    {
        grainS = 0;
        for (uint32_t i = 0; i < m_ends.size(); i++)
        {
            const double rate = m_meter->GetCapacity(i).GetRate();
            const double bits = 8.0 * m_prober.GetTrainBytes(i);
            grainS = std::max(grainS, rate > 0 ? bits / rate : 0);
        }
    }
    c.shareAccuracy = std::clamp(grainS / c.timeConstant.GetSeconds(), 0.01, 1.0);
    // of a lone transfer; an uplink has what it is guaranteed at once
    c.downlinkDelay = m_shared ? MicroSeconds(50) : MicroSeconds(20);
    c.uplinkDelay = c.downlinkDelay;
    return c;
}

WdmoeBudget
WdmoePacedRadio::GetBudget() const
{
    return {1, 1, false};
}

WdmoeUsage
WdmoePacedRadio::GetUsage(uint32_t device) const
{
    return {m_ends.at(2 * device).hzS, m_ends.at(2 * device + 1).hzS};
}

WdmoeRadioBacklog
WdmoePacedRadio::GetBacklog(uint32_t device) const
{
    const auto waits = [this](uint32_t end) {
        const auto& e = m_ends.at(end);
        return static_cast<double>(e.disc->GetBacklog(e.index));
    };
    return {waits(2 * device), waits(2 * device + 1)};
}

int64_t
WdmoePacedRadio::AssignStreams(int64_t stream)
{
    // the medium, and the stacks: address resolution waits at random
    int64_t next = stream + (m_assign ? m_assign(stream) : 0);
    NodeContainer nodes(m_server);
    for (uint32_t k = 0; k < GetNDevices(); k++)
    {
        nodes.Add(GetDevice(k));
    }
    next += InternetStackHelper().AssignStreams(nodes, next);
    return next - stream;
}

WdmoeLinkState
WdmoePacedRadio::DoGetLinkState(uint32_t device) const
{
    const auto state = [&](uint32_t i) {
        const auto& capacity = m_meter->GetCapacity(i);
        WdmoeLinkMeasurement m;
        m.valid = m_prober.IsValid(i);
        m.law = wdmoe::RateLaw::Linear(m_efficiency * capacity.GetRate());
        m.when = capacity.GetWhen();
        m.relativeVariance = capacity.GetRelativeVariance();
        return m;
    };
    return {state(2 * device), state(2 * device + 1)};
}

// Dividing

void
WdmoePacedRadio::DoSetPlan(const WdmoePlan& plan)
{
    for (uint32_t k = 0; k < GetNDevices(); k++)
    {
        m_ends[2 * k].share = plan.downlink[k];
        m_ends[2 * k + 1].share = plan.uplink[k];
    }
    Update();
}

bool
WdmoePacedRadio::IsZero(uint32_t end) const
{
    const auto& s = m_ends[end].share;
    return s.guaranteed <= 0 && s.weight <= 0;
}

void
WdmoePacedRadio::Update()
{
    if (m_shared)
    {
        Divide(0, 1);
    }
    else
    {
        Divide(0, 2);
        Divide(1, 2);
    }
    Apply(0);
    if (m_signalDelay.IsZero())
    {
        Apply(1);
    }
    else if (!m_applyUplink.IsPending())
    {
        m_applyUplink = Simulator::Schedule(m_signalDelay, &WdmoePacedRadio::Apply, this, 1);
    }
}

void
WdmoePacedRadio::Divide(uint32_t first, uint32_t step)
{
    double guaranteed = 0;
    double weights = 0;
    int32_t top = std::numeric_limits<int32_t>::min();
    for (uint32_t i = first; i < m_ends.size(); i += step)
    {
        const auto& e = m_ends[i];
        if (!e.busy || m_prober.IsLost(i))
        {
            continue;
        }
        guaranteed += e.share.guaranteed;
        if (e.share.weight > 0 && e.share.priority >= top)
        {
            weights = e.share.priority > top ? 0 : weights;
            top = e.share.priority;
            weights += e.share.weight;
        }
    }
    const double left = std::max(0.0, 1 - guaranteed);
    const double scale = 1 / std::max(1.0, guaranteed);
    for (uint32_t i = first; i < m_ends.size(); i += step)
    {
        auto& e = m_ends[i];
        e.part = e.share.guaranteed * scale;
        if (e.busy && weights > 0 && e.share.weight > 0 && e.share.priority == top)
        {
            e.part += left * e.share.weight / weights;
        }
    }
}

void
WdmoePacedRadio::Apply(uint32_t parity)
{
    for (uint32_t i = parity; i < m_ends.size(); i += 2)
    {
        auto& e = m_ends[i];
        const auto& capacity = m_meter->GetCapacity(i);
        const bool known = capacity.IsValid();
        const double rate = (known ? m_efficiency * capacity.GetRate() : m_initialRate) / 8;
        const double pace = e.part * rate * m_lean;
        double window = m_window;
        if (known)
        {
            const Time span = m_windowTime + capacity.GetMinLatency() + 2 * m_signalDelay;
            window = std::max(16e3, pace * span.GetSeconds());
        }
        const bool probed = m_prober.IsProbed(i);
        if (probed)
        {
            window = m_prober.GetWindow(i, window);
        }
        const double quantum = m_shared ? pace * m_burst.GetSeconds() : 0;
        e.disc->SetPace(e.index, pace, quantum, window);
        e.disc->SetMode(e.index,
                        probed || rate == 0,
                        m_prober.IsLost(i) || m_prober.HasToWait(i) || (!probed && IsZero(i)));
    }
}

void
WdmoePacedRadio::HandDown(uint32_t end, uint64_t sequence, uint32_t bytes, bool probe)
{
    auto& e = m_ends[end];
    m_meter->HandDown(end, sequence, bytes, e.disc->Get(e.index).unpaced);
    const double rate = m_efficiency * m_meter->GetCapacity(end).GetRate();
    e.hzS += rate > 0 && !probe ? 8.0 * bytes / rate : 0;
}

void
WdmoePacedRadio::NotifyBusy(uint32_t end)
{
    const auto& e = m_ends[end];
    const bool busy = e.disc->GetBacklog(e.index) > 0;
    if (end % 2 == 0)
    {
        KnowBusy(end, busy); // the server's own queue
    }
    else
    {
        Simulator::Schedule(m_signalDelay, &WdmoePacedRadio::KnowBusy, this, end, busy);
    }
}

void
WdmoePacedRadio::KnowBusy(uint32_t end, bool busy)
{
    if (end < m_ends.size() && m_ends[end].busy != busy)
    {
        m_ends[end].busy = busy;
        Update();
    }
}

// What arrived

void
WdmoePacedRadio::Report(uint32_t end, uint64_t bytes, bool arrived)
{
    auto& e = m_ends[end];
    e.disc->Landed(e.index, bytes);
    const double rate = m_meter->GetCapacity(end).GetRate();
    m_doneS += rate > 0 ? 8.0 * static_cast<double>(bytes) / rate : 0;
    if (arrived)
    {
        m_prober.Heard(end, bytes);
    }
}

void
WdmoePacedRadio::Steer(double workS, double waiting)
{
    // work done in this tick, if the medium had some all the time
    const double least = std::min(m_queueTarget.GetSeconds() / 4, 1e-3);
    if (!m_prober.IsActive() && m_workS > least && workS > least)
    {
        const double done = m_doneS / TICK.GetSeconds();
        m_efficiency += 0.05 * (std::clamp(done, 0.3, 1.1) - m_efficiency);
    }
    else if (!m_prober.IsActive() && waiting > 0.9 && workS <= least)
    {
        // all of it is given away, and it runs dry: E is too low to fill it, and to be measured
        m_efficiency = std::max(m_efficiency, std::min(m_efficiency * 1.02, 1.0));
    }
    m_workS = !m_prober.IsActive() ? workS : 0;
    m_doneS = 0;
    const double target = m_queueTarget.GetSeconds() + 1.5 * m_signalDelay.GetSeconds();
    m_lean = waiting > 0 ? 1 - 0.2 * std::clamp(workS / target - 1, -1.0, 3.0) : 1;
    if (waiting > 0)
    {
        Update();
    }
}

void
WdmoePacedRadio::Tick()
{
    double workS = 0;
    double waiting = 0;
    for (uint32_t i = 0; i < m_ends.size(); i++)
    {
        m_prober.Look(i);
        const auto& e = m_ends[i];
        const auto& capacity = m_meter->GetCapacity(i);
        if (capacity.IsValid())
        {
            const auto inFlight = static_cast<double>(e.disc->Get(e.index).inFlight);
            workS += 8.0 * inFlight / capacity.GetRate();
            waiting += e.disc->GetBacklog(e.index) > 0 ? e.part : 0;
        }
    }
    m_prober.EndLook();
    if (m_shared)
    {
        Steer(workS, waiting);
    }
    m_prober.Next();
    m_tick = Simulator::Schedule(TICK, &WdmoePacedRadio::Tick, this);
}

} // namespace ns3
