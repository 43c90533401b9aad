/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-radio-conformance-cell.h"

#include "wdmoe-python-guard.h"

#include "ns3/abort.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/inet-socket-address.h"
#include "ns3/packet.h"
#include "ns3/simulator.h"
#include "ns3/udp-socket-factory.h"

#include <algorithm>
#include <cstring>

namespace ns3
{

namespace
{

/// Queues are filled that often
const Time REFILL = MilliSeconds(5);

/// And hold what is sent in that time: more than radios need, less than would hide a new plan
constexpr double QUEUE_S = 0.06;

/// But at least so many packets, for radios that do not know their rate yet
constexpr uint64_t LEAST_QUEUE = 16;

/// In a row without an answer, another packet is tried that often: the others may be lost
const Time RETRY = MilliSeconds(50);

/// First UDP port
constexpr uint16_t PORT = 7000;

} // namespace

Ptr<Node>
WdmoeRadioConformanceCell::MakeNode(double position, double height)
{
    auto node = CreateObject<Node>();
    auto mobility = CreateObject<ConstantPositionMobilityModel>();
    mobility->SetPosition(Vector(position, 0, height));
    node->AggregateObject(mobility);
    return node;
}

WdmoeRadioConformanceCell::WdmoeRadioConformanceCell(const WdmoeRadioConformance::Factory& factory,
                                                     const WdmoeRadioConformanceSettings& settings)
    : baseStation(MakeNode(0, settings.height)),
      m_settings(settings)
{
    for (const auto distance : settings.distances)
    {
        devices.Add(MakeNode(distance, settings.height));
    }
    radio = factory(baseStation, devices);
    NS_ABORT_MSG_IF(!radio, "WdmoeRadioConformance: the factory made no radio");
    radio->AssignStreams(1000);
    for (uint32_t k = 0; k < std::min(radio->GetNDevices(), devices.GetN()); k++)
    {
        Connect(k);
    }
    m_refill = Simulator::Schedule(REFILL, &WdmoeRadioConformanceCell::Refill, this);
}

WdmoeRadioConformanceCell::~WdmoeRadioConformanceCell()
{
    m_refill.Cancel();
    for (auto& flow : m_flows)
    {
        flow.socket->SetRecvCallback(Callback<void, Ptr<Socket>>());
    }
    Simulator::Destroy();
}

void
WdmoeRadioConformanceCell::Connect(uint32_t device)
{
    const auto port = static_cast<uint16_t>(PORT + device);
    for (const bool downlink : {true, false})
    {
        auto node = downlink ? radio->GetServerNode() : radio->GetDevice(device);
        const auto peer =
            downlink ? radio->GetDeviceAddress(device) : radio->GetServerAddress(device);
        Flow flow;
        flow.socket = Socket::CreateSocket(node, UdpSocketFactory::GetTypeId());
        flow.socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), port));
        flow.socket->Connect(InetSocketAddress(Ipv4Address::ConvertFrom(peer), port));
        // What comes in at this end was sent by the other.
        flow.socket->SetRecvCallback(Callback<void, Ptr<Socket>>(
            [this, device, downlink](Ptr<Socket> socket) { Receive(device, !downlink, socket); }));
        m_flows.push_back(flow);
    }
}

void
WdmoeRadioConformanceCell::Run(Time time)
{
    Simulator::Stop(time);
    WdmoePython::Run();
}

bool
WdmoeRadioConformanceCell::RunUntil(const std::function<bool()>& condition, Time most)
{
    const Time end = Simulator::Now() + most;
    while (!condition())
    {
        if (Simulator::Now() >= end)
        {
            return false;
        }
        Run(std::min(REFILL, end - Simulator::Now()));
    }
    return true;
}

void
WdmoeRadioConformanceCell::WarmUp()
{
    if (m_settings.warmUp.IsZero())
    {
        return;
    }
    const Time turn = m_settings.warmUp / static_cast<int64_t>(m_flows.size());
    for (uint32_t k = 0; k < devices.GetN(); k++)
    {
        for (const bool downlink : {true, false})
        {
            Saturate(k, downlink, true);
            Run(turn);
            SaturateNone();
        }
    }
    Drain(Seconds(1));
}

bool
WdmoeRadioConformanceCell::Drain(Time most)
{
    SaturateNone();
    return RunUntil(
        [this] {
            return std::all_of(m_flows.begin(), m_flows.end(), [](const Flow& flow) {
                return flow.next == flow.sent;
            });
        },
        most);
}

void
WdmoeRadioConformanceCell::Send(uint32_t device, bool downlink, uint32_t packets, uint32_t bytes)
{
    auto& flow = m_flows.at(2 * device + !downlink);
    std::vector<uint8_t> payload(bytes > 0 ? bytes : m_settings.packetBytes);
    for (uint32_t i = 0; i < packets; i++)
    {
        std::memcpy(payload.data(), &flow.sent, sizeof(flow.sent));
        flow.sent++;
        flow.tried = Simulator::Now();
        flow.socket->Send(Create<Packet>(payload.data(), static_cast<uint32_t>(payload.size())));
    }
}

void
WdmoeRadioConformanceCell::Receive(uint32_t device, bool downlink, Ptr<Socket> socket)
{
    auto& flow = m_flows.at(2 * device + !downlink);
    for (auto packet = socket->Recv(); packet; packet = socket->Recv())
    {
        uint64_t number = 0;
        packet->CopyData(reinterpret_cast<uint8_t*>(&number), sizeof(number));
        flow.received++;
        flow.bytes += packet->GetSize() + WdmoeRadioConformance::HEADERS;
        flow.next = std::max(flow.next, number + 1);
        flow.last = Simulator::Now();
        for (const uint64_t value :
             {static_cast<uint64_t>(flow.last.GetNanoSeconds()), uint64_t{device}, number})
        {
            m_fingerprint = (m_fingerprint ^ value) * 1099511628211ULL;
        }
        m_fingerprint ^= downlink;
    }
}

void
WdmoeRadioConformanceCell::Refill()
{
    const auto& plan = radio->GetPlan();
    for (uint32_t i = 0; i < m_flows.size(); i++)
    {
        auto& flow = m_flows[i];
        const bool downlink = i % 2 == 0;
        if (!flow.saturated)
        {
            continue;
        }
        const auto& shares = downlink ? plan.downlink : plan.uplink;
        // Of a strict plan no more than the device can get, so that little is left over later.
        const bool strict =
            i / 2 < shares.size() && shares[i / 2].weight == 0 && radio->GetCapabilities().strict;
        const double rate = GetRate(i / 2, downlink, strict ? shares[i / 2].guaranteed : 1);
        const uint64_t queue =
            LEAST_QUEUE + static_cast<uint64_t>(rate * QUEUE_S / 8 / m_settings.packetBytes);
        const uint64_t waiting = flow.sent - flow.next;
        if (waiting < queue)
        {
            Send(i / 2, downlink, static_cast<uint32_t>(queue - waiting));
        }
        else if (Simulator::Now() - std::max(flow.last, flow.tried) >= RETRY)
        {
            Send(i / 2, downlink, 1);
        }
    }
    m_refill = Simulator::Schedule(REFILL, &WdmoeRadioConformanceCell::Refill, this);
}

void
WdmoeRadioConformanceCell::Saturate(uint32_t device, bool downlink, bool on)
{
    m_flows.at(2 * device + !downlink).saturated = on;
}

void
WdmoeRadioConformanceCell::SaturateNone()
{
    for (auto& flow : m_flows)
    {
        flow.saturated = false;
    }
}

const WdmoeRadioConformanceCell::Flow&
WdmoeRadioConformanceCell::GetFlow(uint32_t device, bool downlink) const
{
    return m_flows.at(2 * device + !downlink);
}

WdmoeRadioConformanceCell::Sample
WdmoeRadioConformanceCell::Take() const
{
    Sample sample{Simulator::Now(), {}, {{}, {}}};
    for (uint32_t i = 0; i < m_flows.size(); i++)
    {
        if (i % 2 == 0)
        {
            sample.usage.push_back(radio->GetUsage(i / 2));
        }
        sample.bits[i % 2].push_back(8.0 * static_cast<double>(m_flows[i].bytes));
    }
    return sample;
}

void
WdmoeRadioConformanceCell::Place(uint32_t device, double distance)
{
    radio->GetDevice(device)->GetObject<MobilityModel>()->SetPosition(
        Vector(distance, 0, m_settings.height));
}

uint64_t
WdmoeRadioConformanceCell::GetFingerprint() const
{
    return m_fingerprint;
}

double
WdmoeRadioConformanceCell::GetRate(uint32_t device, bool downlink, double share) const
{
    const auto state = radio->GetLinkState(device);
    const auto& link = downlink ? state.downlink : state.uplink;
    auto budget = radio->GetBudget();
    for (const auto& cell : radio->GetCells())
    {
        if (std::find(cell.devices.begin(), cell.devices.end(), device) != cell.devices.end())
        {
            budget = cell.radio->GetBudget();
        }
    }
    return link.valid ? link.law.Rate(share * (downlink ? budget.downlinkHz : budget.uplinkHz)) : 0;
}

} // namespace ns3
