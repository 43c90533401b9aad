/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ideal-radio.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4.h"
#include "ns3/log.h"
#include "ns3/mobility-model.h"
#include "ns3/net-device-container.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"
#include "ns3/string.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeIdealRadio");

NS_OBJECT_ENSURE_REGISTERED(WdmoeIdealRadio);

TypeId
WdmoeIdealRadio::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeIdealRadio")
            .SetParent<WdmoeRadio>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeIdealRadio>()
            .AddAttribute("Bandwidth",
                          "Total bandwidth (Hz), each way",
                          DoubleValue(100e6),
                          MakeDoubleAccessor(&WdmoeIdealRadio::m_bandwidthHz),
                          MakeDoubleChecker<double>(1.0))
            .AddAttribute("UplinkBandwidth",
                          "Total uplink bandwidth (Hz) if a device may have different shares each "
                          "way; 0: one share for both directions, as in the paper",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeIdealRadio::m_uplinkBandwidthHz),
                          MakeDoubleChecker<double>(0.0))
            .AddAttribute("ServerTxPower",
                          "Transmit power of the base station towards each device (dBm)",
                          DoubleValue(40),
                          MakeDoubleAccessor(&WdmoeIdealRadio::m_serverPowerDbm),
                          MakeDoubleChecker<double>())
            .AddAttribute("DeviceTxPower",
                          "Transmit power of a device (dBm); 23.01 dBm are 0.2 W",
                          DoubleValue(23.0103),
                          MakeDoubleAccessor(&WdmoeIdealRadio::m_devicePowerDbm),
                          MakeDoubleChecker<double>())
            .AddAttribute("NoiseDensity",
                          "Noise power density, noise figure included (dBm/Hz)",
                          DoubleValue(-174),
                          MakeDoubleAccessor(&WdmoeIdealRadio::m_noiseDbmHz),
                          MakeDoubleChecker<double>())
            .AddAttribute("MaxSpectralEfficiency",
                          "Spectral efficiency of the best modulation and coding (bit/s/Hz); "
                          "0: no limit, as in the paper",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeIdealRadio::m_maxEfficiency),
                          MakeDoubleChecker<double>(0.0))
            .AddAttribute("Fading",
                          "Block fading, the same both ways",
                          EnumValue(RAYLEIGH),
                          MakeEnumAccessor<Fading>(&WdmoeIdealRadio::m_fading),
                          MakeEnumChecker(NONE, "None", RAYLEIGH, "Rayleigh"))
            .AddAttribute("CoherenceTime",
                          "Fading is drawn anew by a measurement this long after the last draw; "
                          "0: by each measurement, that is for each block",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeIdealRadio::m_coherenceTime),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("PropagationLossModel",
                          "Path loss",
                          StringValue("ns3::LogDistancePropagationLossModel[Exponent=2.0|"
                                      "ReferenceDistance=1.0|ReferenceLoss=43.2814]"),
                          MakePointerAccessor(&WdmoeIdealRadio::m_loss),
                          MakePointerChecker<PropagationLossModel>());
    return tid;
}

WdmoeIdealRadio::WdmoeIdealRadio()
    : m_gain(CreateObject<ExponentialRandomVariable>())
{
}

void
WdmoeIdealRadio::DoDispose()
{
    for (auto& link : m_links)
    {
        link.downlink.sender = nullptr;
        link.uplink.sender = nullptr;
    }
    m_links.clear();
    m_server = nullptr;
    m_loss = nullptr;
    m_gain = nullptr;
    WdmoeRadio::DoDispose();
}

void
WdmoeIdealRadio::SetServerNode(Ptr<Node> node)
{
    NS_ABORT_MSG_IF(!m_links.empty(), "WdmoeIdealRadio: set the server node before any device");
    NS_ABORT_MSG_IF(!node->GetObject<MobilityModel>(),
                    "WdmoeIdealRadio: the base station's node has no MobilityModel; install one");
    m_server = node;
}

std::string
WdmoeIdealRadio::GetName() const
{
    return "ideal";
}

Ptr<Node>
WdmoeIdealRadio::GetServerNode() const
{
    return m_server;
}

Address
WdmoeIdealRadio::GetDeviceAddress(uint32_t device) const
{
    return m_links.at(device).deviceAddress;
}

Address
WdmoeIdealRadio::GetServerAddress(uint32_t device) const
{
    return m_links.at(device).serverAddress;
}

bool
WdmoeIdealRadio::IsReady() const
{
    return true;
}

WdmoeRadioCapabilities
WdmoeIdealRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities c;
    c.strict = true;
    c.leftover = true;
    c.priority = true;
    c.lateDevices = true;
    return c;
}

WdmoeBudget
WdmoeIdealRadio::GetBudget() const
{
    WdmoeBudget b;
    b.coupled = m_uplinkBandwidthHz == 0;
    b.downlinkHz = m_bandwidthHz;
    b.uplinkHz = b.coupled ? m_bandwidthHz : m_uplinkBandwidthHz;
    return b;
}

WdmoeUsage
WdmoeIdealRadio::GetUsage(uint32_t device) const
{
    const_cast<WdmoeIdealRadio*>(this)->Account();
    const auto& link = m_links.at(device);
    return {link.downlink.hzS, link.uplink.hzS};
}

WdmoeRadioBacklog
WdmoeIdealRadio::GetBacklog(uint32_t device) const
{
    const auto& link = m_links.at(device);
    return {static_cast<double>(link.downlink.sender->GetQueuedBytes()),
            static_cast<double>(link.uplink.sender->GetQueuedBytes())};
}

int64_t
WdmoeIdealRadio::AssignStreams(int64_t stream)
{
    m_gain->SetStream(stream);
    return 1 + m_loss->AssignStreams(stream + 1);
}

double
WdmoeIdealRadio::GetRate(uint32_t device, bool downlink) const
{
    const auto& link = m_links.at(device);
    return (downlink ? link.downlink : link.uplink).sender->GetRate();
}

void
WdmoeIdealRadio::DoAddDevice(uint32_t device, Ptr<Node> node)
{
    NS_ABORT_MSG_IF(!m_server, "WdmoeIdealRadio::AddDevice: call SetServerNode first");
    NS_ABORT_MSG_IF(!node->GetObject<MobilityModel>(),
                    "WdmoeIdealRadio: device " << device
                                               << " has no MobilityModel; install one first");
    for (const auto& n : {m_server, node})
    {
        if (!n->GetObject<Ipv4>())
        {
            InternetStackHelper().Install(n);
        }
    }
    Link link;
    link.downlink.sender = CreateObject<WdmoeIdealNetDevice>();
    link.uplink.sender = CreateObject<WdmoeIdealNetDevice>();
    m_server->AddDevice(link.downlink.sender);
    node->AddDevice(link.uplink.sender);
    CreateObject<WdmoeIdealChannel>()->Connect(link.downlink.sender, link.uplink.sender);
    link.downlink.sender->SetBusyCallback(MakeCallback(&WdmoeIdealRadio::UpdateDownlink, this));
    link.uplink.sender->SetBusyCallback(MakeCallback(&WdmoeIdealRadio::UpdateUplink, this));

    // One /30 for each link, numbered by the server's interfaces, since it may have other radios.
    // The ideal queue is on the device, so no traffic control in between.
    const auto others = m_server->GetObject<Ipv4>()->GetNInterfaces() - 1; // but the loopback
    const Ipv4Address network(0x0a000000U + 4 * others);
    const Ipv4Mask mask("255.255.255.252");
    Address* addresses[] = {&link.serverAddress, &link.deviceAddress};
    Ptr<WdmoeIdealNetDevice> ends[] = {link.downlink.sender, link.uplink.sender};
    for (int e = 0; e < 2; e++)
    {
        const Ipv4Address address(network.Get() + 1 + e);
        auto ipv4 = ends[e]->GetNode()->GetObject<Ipv4>();
        const auto interface = ipv4->AddInterface(ends[e]);
        ipv4->AddAddress(interface, Ipv4InterfaceAddress(address, mask));
        ipv4->SetUp(interface);
        *addresses[e] = address;
    }
    m_links.push_back(link);
    m_fadingGain.push_back(1);
    m_shares.downlink.push_back({0, 1, 0});
    m_shares.uplink.push_back({0, 1, 0});
    MakeLaws(device);
    Update();
}

void
WdmoeIdealRadio::MakeLaws(uint32_t device)
{
    auto& link = m_links[device];
    const auto a = m_server->GetObject<MobilityModel>();
    const auto b = GetDevice(device)->GetObject<MobilityModel>();
    const double cap =
        m_maxEfficiency > 0 ? m_maxEfficiency : std::numeric_limits<double>::infinity();
    auto law = [&](double powerDbm, Ptr<MobilityModel> from, Ptr<MobilityModel> to) {
        const double snrDbHz = m_loss->CalcRxPower(powerDbm, from, to) - m_noiseDbmHz;
        return wdmoe::RateLaw::Shannon(std::pow(10.0, snrDbHz / 10) * m_fadingGain[device], cap);
    };
    link.downlink.law = law(m_serverPowerDbm, a, b);
    link.uplink.law = law(m_devicePowerDbm, b, a);
    link.measured = Simulator::Now();
}

void
WdmoeIdealRadio::DoMeasure()
{
    const bool draw =
        m_fading == RAYLEIGH && (!m_everDrawn || Simulator::Now() >= m_drawn + m_coherenceTime);
    Account();
    for (uint32_t k = 0; k < m_links.size(); k++)
    {
        if (draw)
        {
            m_fadingGain[k] = m_gain->GetValue(1.0, 0.0);
        }
        MakeLaws(k);
    }
    if (draw)
    {
        m_everDrawn = true;
        m_drawn = Simulator::Now();
    }
    Update();
}

WdmoeLinkState
WdmoeIdealRadio::DoGetLinkState(uint32_t device) const
{
    const auto& link = m_links[device];
    WdmoeLinkState s;
    // The formula serves a device at any distance; less than a bit per second is out of coverage.
    const auto measured = [&](const wdmoe::RateLaw& law) {
        return WdmoeLinkMeasurement{law.MaxRate() >= 1, law, link.measured, 0};
    };
    s.downlink = measured(link.downlink.law);
    s.uplink = measured(link.uplink.law);
    return s;
}

void
WdmoeIdealRadio::DoSetPlan(const WdmoePlan& plan)
{
    m_shares = plan;
    Update();
}

void
WdmoeIdealRadio::Divide(Direction Link::* direction,
                        const std::vector<WdmoeShare>& shares,
                        double budgetHz)
{
    // leftover: what nobody was guaranteed, and what those with nothing to send leave unused
    double left = 1;
    double weights = 0;
    int32_t top = std::numeric_limits<int32_t>::min();
    for (std::size_t k = 0; k < m_links.size(); k++)
    {
        if (!(m_links[k].*direction).sender->IsBusy())
        {
            continue;
        }
        left -= shares[k].guaranteed;
        if (shares[k].weight > 0 && shares[k].priority >= top)
        {
            weights = shares[k].priority > top ? 0 : weights;
            top = shares[k].priority;
            weights += shares[k].weight;
        }
    }
    left = std::max(left, 0.0);
    for (std::size_t k = 0; k < m_links.size(); k++)
    {
        auto& d = m_links[k].*direction;
        if (!d.sender->IsBusy())
        {
            d.hz = 0;
            d.sender->SetRate(0);
            continue;
        }
        double share = shares[k].guaranteed;
        if (weights > 0 && shares[k].weight > 0 && shares[k].priority == top)
        {
            share += left * shares[k].weight / weights;
        }
        d.hz = share * budgetHz;
        d.sender->SetRate(d.law.Rate(d.hz));
    }
}

void
WdmoeIdealRadio::Account()
{
    const double elapsed = (Simulator::Now() - m_accounted).GetSeconds();
    m_accounted = Simulator::Now();
    for (auto& link : m_links)
    {
        link.downlink.hzS += link.downlink.hz * elapsed;
        link.uplink.hzS += link.uplink.hz * elapsed;
    }
}

void
WdmoeIdealRadio::Update()
{
    UpdateDownlink();
    UpdateUplink();
}

void
WdmoeIdealRadio::UpdateDownlink()
{
    Account();
    Divide(&Link::downlink, m_shares.downlink, GetBudget().downlinkHz);
}

void
WdmoeIdealRadio::UpdateUplink()
{
    Account();
    Divide(&Link::uplink, m_shares.uplink, GetBudget().uplinkHz);
}

} // namespace ns3
