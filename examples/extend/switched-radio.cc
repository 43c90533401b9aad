/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "switched-radio.h"

#include "ns3/abort.h"
#include "ns3/arp-cache.h"
#include "ns3/csma-net-device.h"
#include "ns3/double.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-interface.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/simulator.h"
#include "ns3/traffic-control-layer.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(SwitchedRadio);

namespace
{

/// Largest IP packet, byte
constexpr double MTU = 1500;

/// A frame of it on the wire: Ethernet header and checksum, gap between frames
constexpr double FRAME = MTU + 18 + 12;

/// To tell the switch where somebody is: an EtherType for experiments (IEEE 802), nobody listens
constexpr uint16_t ANNOUNCE = 0x88b5;

/// Nobody has to ask who has an address. @param nic asks @param address IP @param mac who has it
void
Introduce(Ptr<NetDevice> nic, Ipv4Address address, Address mac)
{
    auto ipv4 = nic->GetNode()->GetObject<Ipv4L3Protocol>();
    const auto interface = ipv4->GetInterface(ipv4->GetInterfaceForDevice(nic));
    auto entry = interface->GetArpCache()->Add(address);
    entry->SetMacAddress(mac);
    entry->MarkPermanent();
}

} // namespace

TypeId
SwitchedRadio::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::SwitchedRadio")
            .SetParent<WdmoeRadio>()
            .AddConstructor<SwitchedRadio>()
            .AddAttribute("DataRate",
                          "Rate of each wire",
                          DataRateValue(DataRate("100Mb/s")),
                          MakeDataRateAccessor(&SwitchedRadio::m_dataRate),
                          MakeDataRateChecker())
            .AddAttribute("DownlinkFraction",
                          "Part of the trunk's time for the downlink",
                          DoubleValue(0.5),
                          MakeDoubleAccessor(&SwitchedRadio::m_downlinkFraction),
                          MakeDoubleChecker<double>(0.05, 0.95))
            .AddAttribute("Load",
                          "Part of DataRate that is given to IP packets: the rest is for frame "
                          "headers, gaps, and waiting for the medium",
                          DoubleValue(0.9),
                          MakeDoubleAccessor(&SwitchedRadio::m_load),
                          MakeDoubleChecker<double>(0.01, 0.98))
            .AddAttribute("TimeConstant",
                          "Shares hold over that time, to a packet",
                          TimeValue(MilliSeconds(50)),
                          MakeTimeAccessor(&SwitchedRadio::m_timeConstant),
                          MakeTimeChecker(MicroSeconds(1)))
            .AddAttribute("GrantPeriod",
                          "The trace Grant is fired once in that time at most",
                          TimeValue(MilliSeconds(1)),
                          MakeTimeAccessor(&SwitchedRadio::m_grantPeriod),
                          MakeTimeChecker(MicroSeconds(1)))
            .AddAttribute("Network",
                          "Network of the LAN, a /16",
                          Ipv4AddressValue("192.168.0.0"),
                          MakeIpv4AddressAccessor(&SwitchedRadio::m_network),
                          MakeIpv4AddressChecker());
    return tid;
}

void
SwitchedRadio::DoDispose()
{
    for (auto& link : m_links)
    {
        link.downlink.tell.Cancel();
        link.uplink.tell.Cancel();
    }
    m_links.clear();
    m_nics = NetDeviceContainer();
    m_server = End();
    m_bridge = nullptr;
    m_switch = nullptr;
    m_serverNode = nullptr;
    WdmoeRadio::DoDispose();
}

SwitchedRadio::End
SwitchedRadio::Connect(Ptr<Node> node, bool downlink)
{
    if (!node->GetObject<Ipv4>())
    {
        InternetStackHelper().Install(node);
    }
    NS_ABORT_MSG_IF(m_dataRate.GetBitRate() == 0,
                    "SwitchedRadio: DataRate is 0 b/s; expected a rate > 0, for example 100Mb/s");
    CsmaHelper csma;
    csma.SetChannelAttribute("DataRate", DataRateValue(m_dataRate));
    const auto ends = csma.Install(NodeContainer(node, m_switch));
    m_nics.Add(ends);
    m_bridge->AddBridgePort(ends.Get(1));
    // Who waits looks again within half a frame: ns-3's default, up to 1 ms, is eighty frames at
    // 1 Gb/s, in which the other end takes every pause.
    const Time slot = Seconds(8 * FRAME / static_cast<double>(m_dataRate.GetBitRate()) / 16);
    for (uint32_t i = 0; i < ends.GetN(); i++)
    {
        DynamicCast<CsmaNetDevice>(ends.Get(i))->SetBackoffParams(slot, 1, 8, 10, 1000);
    }

    End end;
    end.nic = ends.Get(0);
    end.disc = CreateObject<SwitchedQueueDisc>();
    end.disc->SetCallbacks(MakeCallback(&SwitchedRadio::Update, this, downlink),
                           MakeCallback(&SwitchedRadio::Sent, this, downlink));
    auto traffic = node->GetObject<TrafficControlLayer>();
    traffic->SetRootQueueDiscOnDevice(end.nic, end.disc);
    traffic->ScanDevices();
    end.disc->Initialize();

    // The server is .0.1, devices are .0.2 and so on.
    end.address = Ipv4Address(m_network.Get() + 1 + (downlink ? 0 : GetNDevices()));
    auto ipv4 = node->GetObject<Ipv4>();
    const auto interface = ipv4->AddInterface(end.nic);
    ipv4->AddAddress(interface, Ipv4InterfaceAddress(end.address, Ipv4Mask("/16")));
    ipv4->SetUp(interface);
    // The switch learns from frames where somebody is, and floods all wires until then.
    end.nic->Send(Create<Packet>(), end.nic->GetBroadcast(), ANNOUNCE);
    return end;
}

void
SwitchedRadio::SetServerNode(Ptr<Node> node)
{
    NS_ABORT_MSG_IF(m_serverNode, "SwitchedRadio: the server node was set before");
    m_serverNode = node;
    m_switch = CreateObject<Node>();
    m_bridge = CreateObject<BridgeNetDevice>();
    m_switch->AddDevice(m_bridge);
    m_server = Connect(node, true);
}

void
SwitchedRadio::DoAddDevice(uint32_t device, Ptr<Node> node)
{
    NS_ABORT_MSG_IF(!m_serverNode, "SwitchedRadio::AddDevice: call SetServerNode first");
    const auto end = Connect(node, false);
    Introduce(m_server.nic, end.address, end.nic->GetAddress());
    Introduce(end.nic, m_server.address, m_server.nic->GetAddress());
    Link link;
    link.address = end.address;
    link.downlink.disc = m_server.disc;
    link.downlink.peer = m_server.disc->AddPeer(end.nic->GetAddress(), device);
    link.uplink.disc = end.disc;
    link.uplink.peer = end.disc->AddPeer(m_server.nic->GetAddress(), device);
    m_links.push_back(link);
    m_shares.downlink.push_back({0, 1, 0});
    m_shares.uplink.push_back({0, 1, 0});
}

std::string
SwitchedRadio::GetName() const
{
    return "switched";
}

Ptr<Node>
SwitchedRadio::GetServerNode() const
{
    return m_serverNode;
}

Address
SwitchedRadio::GetDeviceAddress(uint32_t device) const
{
    return m_links.at(device).address;
}

Address
SwitchedRadio::GetServerAddress(uint32_t /* device */) const
{
    return m_server.address;
}

bool
SwitchedRadio::IsReady() const
{
    return true; // a radio whose devices have to attach says so here
}

int64_t
SwitchedRadio::AssignStreams(int64_t stream)
{
    return CsmaHelper().AssignStreams(m_nics, stream); // back-off
}

double
SwitchedRadio::GetRate(bool downlink) const
{
    const double fraction = downlink ? m_downlinkFraction : 1 - m_downlinkFraction;
    return fraction * m_load * static_cast<double>(m_dataRate.GetBitRate());
}

WdmoeBudget
SwitchedRadio::GetBudget() const
{
    return {1, 1, false}; // laws are in bit/s
}

WdmoeLinkState
SwitchedRadio::DoGetLinkState(uint32_t /* device */) const
{
    // A wire is known, always, and without error.
    const auto law = [this](bool downlink) {
        const auto rate = wdmoe::RateLaw::Linear(GetRate(downlink));
        return WdmoeLinkMeasurement{true, rate, Simulator::Now(), 0};
    };
    return {law(true), law(false)};
}

WdmoeRadioCapabilities
SwitchedRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities c;
    c.strict = true;
    c.leftover = true;
    c.priority = true;
    c.lateDevices = true;
    c.progress = true;
    c.timeConstant = m_timeConstant;
    // one packet is cut by the beginning and the end of an interval
    c.shareAccuracy =
        std::min(1.0,
                 8 * MTU / (std::min(GetRate(true), GetRate(false)) * m_timeConstant.GetSeconds()));
    // stored and forwarded twice
    c.downlinkDelay = Seconds(2 * 8 * FRAME / static_cast<double>(m_dataRate.GetBitRate()));
    c.uplinkDelay = c.downlinkDelay;
    c.downlinkLead = c.downlinkDelay;
    c.grantPeriod = m_grantPeriod;
    return c;
}

WdmoeUsage
SwitchedRadio::GetUsage(uint32_t device) const
{
    const auto& link = m_links.at(device);
    return {link.downlink.bits / GetRate(true), link.uplink.bits / GetRate(false)};
}

void
SwitchedRadio::DoSetPlan(const WdmoePlan& plan)
{
    m_shares = plan;
    Update(true);
    Update(false);
}

void
SwitchedRadio::Update(bool downlink)
{
    const auto& shares = downlink ? m_shares.downlink : m_shares.uplink;
    const auto way = [&](std::size_t k) -> const Way& {
        return downlink ? m_links[k].downlink : m_links[k].uplink;
    };
    double left = 1;
    double weights = 0;
    int32_t top = std::numeric_limits<int32_t>::min();
    std::vector<bool> busy;
    for (std::size_t k = 0; k < m_links.size(); k++)
    {
        busy.push_back(way(k).disc->IsBusy(way(k).peer));
        if (busy[k])
        {
            left -= shares[k].guaranteed;
            top = shares[k].weight > 0 ? std::max(top, shares[k].priority) : top;
        }
    }
    const auto inLeftover = [&](std::size_t k) {
        return busy[k] && shares[k].weight > 0 && shares[k].priority == top;
    };
    for (std::size_t k = 0; k < m_links.size(); k++)
    {
        weights += inLeftover(k) ? shares[k].weight : 0;
    }
    for (std::size_t k = 0; k < m_links.size(); k++)
    {
        double share = busy[k] ? shares[k].guaranteed : 0;
        share += inLeftover(k) ? std::max(left, 0.0) * shares[k].weight / weights : 0;
        way(k).disc->SetRate(way(k).peer, share * GetRate(downlink));
    }
}

void
SwitchedRadio::Sent(bool downlink, uint32_t device, uint32_t bytes)
{
    auto& way = downlink ? m_links[device].downlink : m_links[device].uplink;
    way.bits += 8.0 * bytes;
    way.untold += bytes;
    if (!way.tell.IsPending())
    {
        Tell(downlink, device);
    }
}

void
SwitchedRadio::Tell(bool downlink, uint32_t device)
{
    auto& way = downlink ? m_links[device].downlink : m_links[device].uplink;
    if (way.untold > 0)
    {
        way.tell = Simulator::Schedule(m_grantPeriod, &SwitchedRadio::Tell, this, downlink, device);
        NotifyGrant(device, downlink, std::exchange(way.untold, 0));
    }
}

} // namespace ns3
