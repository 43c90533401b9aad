/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-hybrid-radio.h"

#include "ns3/abort.h"
#include "ns3/ipv4-address.h"
#include "ns3/log.h"

#include <algorithm>
#include <set>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeHybridRadio");

NS_OBJECT_ENSURE_REGISTERED(WdmoeHybridRadio);

TypeId
WdmoeHybridRadio::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeHybridRadio")
                            .SetParent<WdmoeRadio>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeHybridRadio>();
    return tid;
}

WdmoeHybridRadio::~WdmoeHybridRadio()
{
    Disconnect();
}

void
WdmoeHybridRadio::DoDispose()
{
    Disconnect();
    WdmoeRadio::DoDispose();
}

void
WdmoeHybridRadio::Disconnect()
{
    // parts may live longer
    for (auto& part : m_parts)
    {
        part.radio->TraceDisconnectWithoutContext("Grant", part.grant);
    }
    m_parts.clear();
    m_places.clear();
}

// Parts and devices

void
WdmoeHybridRadio::AddRadio(Ptr<WdmoeRadio> part)
{
    NS_LOG_FUNCTION(this << part);
    NS_ABORT_MSG_IF(!part, "WdmoeHybridRadio::AddRadio: no radio given");
    const auto name = part->GetName();
    NS_ABORT_MSG_IF(!m_places.empty(),
                    "WdmoeHybridRadio: radio '" << name << "' comes behind the first AddDevice(); "
                                                << "add all radios first");
    const auto nDevices = part->GetNDevices();
    NS_ABORT_MSG_IF(nDevices == 0,
                    "WdmoeHybridRadio: radio '" << name << "' has no device; give it some, or "
                                                << "leave it out");
    std::set<Ptr<Node>> nodes;
    std::set<Address> addresses;
    for (const auto& other : m_parts)
    {
        NS_ABORT_MSG_IF(other.radio == part,
                        "WdmoeHybridRadio: radio '" << name << "' was added already");
        for (uint32_t k = 0; k < other.radio->GetNDevices(); k++)
        {
            nodes.insert(other.radio->GetDevice(k));
            addresses.insert(other.radio->GetDeviceAddress(k));
            addresses.insert(other.radio->GetServerAddress(k));
        }
    }
    const auto server = part->GetServerNode();
    const auto others = m_parts.empty() ? server : GetServerNode();
    NS_ABORT_MSG_IF(!server, "WdmoeHybridRadio: radio '" << name << "' has no server node");
    NS_ABORT_MSG_IF(server != others,
                    "WdmoeHybridRadio: the server node of radio '"
                        << name << "' is node " << server->GetId() << ", that of '"
                        << m_parts[0].radio->GetName() << "' is node " << others->GetId()
                        << "; expected one for all. Give them the same base station; an LTE radio "
                           "has a host of its own unless its attribute ServerNode says so");
    for (uint32_t k = 0; k < nDevices; k++)
    {
        NS_ABORT_MSG_IF(nodes.count(part->GetDevice(k)) > 0,
                        "WdmoeHybridRadio: node " << part->GetDevice(k)->GetId()
                                                  << " is a device of two radios; expected one");
        for (const auto& address : {part->GetDeviceAddress(k), part->GetServerAddress(k)})
        {
            NS_ABORT_MSG_IF(!address.IsInvalid() && addresses.count(address) > 0,
                            "WdmoeHybridRadio: radio '"
                                << name << "' has the address " << Ipv4Address::ConvertFrom(address)
                                << ", as another one has; packets for it would go astray. Two "
                                   "radios of a kind that numbers all its networks alike cannot "
                                   "be joined");
        }
    }
    const auto index = static_cast<uint32_t>(m_parts.size());
    m_parts.push_back({part,
                       std::vector<int64_t>(nDevices, -1),
                       MakeCallback(&WdmoeHybridRadio::ForwardGrant, this).Bind(index)});
    part->TraceConnectWithoutContext("Grant", m_parts.back().grant);
}

uint32_t
WdmoeHybridRadio::GetNRadios() const
{
    return static_cast<uint32_t>(m_parts.size());
}

Ptr<WdmoeRadio>
WdmoeHybridRadio::GetRadio(uint32_t part) const
{
    NS_ABORT_MSG_IF(part >= m_parts.size(),
                    "WdmoeHybridRadio: no radio " << part << ", there are " << m_parts.size());
    return m_parts[part].radio;
}

void
WdmoeHybridRadio::DoAddDevice(uint32_t device, Ptr<Node> node)
{
    for (uint32_t p = 0; p < m_parts.size(); p++)
    {
        auto& part = m_parts[p];
        for (uint32_t k = 0; k < part.devices.size(); k++)
        {
            if (part.radio->GetDevice(k) == node)
            {
                NS_ABORT_MSG_IF(part.devices[k] >= 0,
                                "WdmoeHybridRadio: node " << node->GetId()
                                                          << " was added already, as device "
                                                          << part.devices[k]);
                part.devices[k] = device;
                m_places.push_back({p, k});
                return;
            }
        }
    }
    NS_ABORT_MSG("WdmoeHybridRadio: node " << node->GetId() << " is a device of none of the "
                                           << m_parts.size()
                                           << " radios; add it to one of them, and that radio with "
                                              "AddRadio()");
}

void
WdmoeHybridRadio::CheckComplete() const
{
    NS_ABORT_MSG_IF(m_parts.empty(), "WdmoeHybridRadio: no radio; call AddRadio() first");
    for (const auto& part : m_parts)
    {
        const auto added =
            std::count_if(part.devices.begin(), part.devices.end(), [](auto k) { return k >= 0; });
        NS_ABORT_MSG_IF(added != part.radio->GetNDevices(),
                        "WdmoeHybridRadio: radio '"
                            << part.radio->GetName() << "' has " << part.radio->GetNDevices()
                            << " devices, of which " << added
                            << " are devices of the hybrid radio; give it all of them before "
                               "AddRadio(), and call AddDevice() for each");
    }
}

Ptr<WdmoeRadio>
WdmoeHybridRadio::PartOf(uint32_t device) const
{
    return m_parts[m_places.at(device).part].radio;
}

// WdmoeRadio

std::string
WdmoeHybridRadio::GetName() const
{
    std::string name;
    for (const auto& part : m_parts)
    {
        name += name.empty() ? "" : "+";
        name += part.radio->GetName();
    }
    return name.empty() ? "hybrid" : name;
}

Ptr<Node>
WdmoeHybridRadio::GetServerNode() const
{
    return m_parts.empty() ? nullptr : m_parts[0].radio->GetServerNode();
}

Address
WdmoeHybridRadio::GetDeviceAddress(uint32_t device) const
{
    return PartOf(device)->GetDeviceAddress(m_places[device].device);
}

Address
WdmoeHybridRadio::GetServerAddress(uint32_t device) const
{
    return PartOf(device)->GetServerAddress(m_places[device].device);
}

bool
WdmoeHybridRadio::IsReady() const
{
    return !m_parts.empty() && std::all_of(m_parts.begin(), m_parts.end(), [](const auto& part) {
        return part.radio->IsReady();
    });
}

std::vector<WdmoeRadioCell>
WdmoeHybridRadio::GetCells()
{
    CheckComplete();
    std::vector<WdmoeRadioCell> cells;
    for (const auto& part : m_parts)
    {
        for (auto& cell : part.radio->GetCells())
        {
            for (auto& k : cell.devices)
            {
                k = static_cast<uint32_t>(part.devices.at(k));
            }
            cells.push_back(std::move(cell));
        }
    }
    return cells;
}

WdmoeRadioCapabilities
WdmoeHybridRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities all;
    for (std::size_t p = 0; p < m_parts.size(); p++)
    {
        const auto c = m_parts[p].radio->GetCapabilities();
        if (p == 0)
        {
            all = c;
            continue;
        }
        for (auto can : {&WdmoeRadioCapabilities::strict,
                         &WdmoeRadioCapabilities::leftover,
                         &WdmoeRadioCapabilities::priority,
                         &WdmoeRadioCapabilities::expectUplink,
                         &WdmoeRadioCapabilities::progress,
                         &WdmoeRadioCapabilities::fullDuplex})
        {
            all.*can = all.*can && c.*can;
        }
        for (auto most : {&WdmoeRadioCapabilities::timeConstant,
                          &WdmoeRadioCapabilities::downlinkDelay,
                          &WdmoeRadioCapabilities::uplinkDelay,
                          &WdmoeRadioCapabilities::downlinkLead,
                          &WdmoeRadioCapabilities::grantPeriod})
        {
            all.*most = Max(all.*most, c.*most);
        }
        all.uplinkRequestDelay = Min(all.uplinkRequestDelay, c.uplinkRequestDelay);
        all.shareAccuracy = std::max(all.shareAccuracy, c.shareAccuracy);
    }
    return all;
}

WdmoeBudget
WdmoeHybridRadio::GetBudget() const
{
    WdmoeBudget sum;
    for (std::size_t p = 0; p < m_parts.size(); p++)
    {
        const auto budget = m_parts[p].radio->GetBudget();
        sum.downlinkHz += budget.downlinkHz;
        sum.uplinkHz += budget.uplinkHz;
        sum.coupled = budget.coupled && (p == 0 || sum.coupled);
    }
    return sum;
}

WdmoeUsage
WdmoeHybridRadio::GetUsage(uint32_t device) const
{
    return PartOf(device)->GetUsage(m_places[device].device);
}

WdmoeRadioBacklog
WdmoeHybridRadio::GetBacklog(uint32_t device) const
{
    return PartOf(device)->GetBacklog(m_places[device].device);
}

int64_t
WdmoeHybridRadio::AssignStreams(int64_t stream)
{
    int64_t used = 0;
    for (const auto& part : m_parts)
    {
        used += part.radio->AssignStreams(stream + used);
    }
    return used;
}

void
WdmoeHybridRadio::DoMeasure()
{
    for (const auto& part : m_parts)
    {
        part.radio->Measure();
    }
}

WdmoeLinkState
WdmoeHybridRadio::DoGetLinkState(uint32_t device) const
{
    return PartOf(device)->GetLinkState(m_places[device].device);
}

void
WdmoeHybridRadio::DoSetPlan(const WdmoePlan& plan)
{
    // with several cells it is not called; one cell may have its devices in another order here
    for (const auto& part : m_parts)
    {
        WdmoePlan share;
        for (const auto k : part.devices)
        {
            share.downlink.push_back(plan.downlink.at(k));
            share.uplink.push_back(plan.uplink.at(k));
        }
        part.radio->SetPlan(share);
    }
}

void
WdmoeHybridRadio::DoExpectUplink(uint32_t device, uint64_t bytes, Time when)
{
    PartOf(device)->ExpectUplink(m_places[device].device, bytes, when);
}

void
WdmoeHybridRadio::ForwardGrant(uint32_t part, uint32_t device, bool downlink, uint32_t bytes)
{
    const auto k = m_parts[part].devices.at(device);
    if (k >= 0)
    {
        NotifyGrant(static_cast<uint32_t>(k), downlink, bytes);
    }
}

} // namespace ns3
