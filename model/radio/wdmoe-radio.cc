/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-radio.h"

#include "ns3/abort.h"
#include "ns3/log.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <sstream>
#include <utility>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeRadio");

NS_OBJECT_ENSURE_REGISTERED(WdmoeRadio);

TypeId
WdmoeRadio::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeRadio")
                            .SetParent<Object>()
                            .SetGroupName("Wdmoe")
                            .AddTraceSource("LinkState",
                                            "What was measured when a controller asked for it",
                                            MakeTraceSourceAccessor(&WdmoeRadio::m_linkStateTrace),
                                            "ns3::WdmoeRadio::LinkStateTracedCallback")
                            .AddTraceSource("Plan",
                                            "The shares requested, at each new plan",
                                            MakeTraceSourceAccessor(&WdmoeRadio::m_planTrace),
                                            "ns3::WdmoeRadio::PlanTracedCallback")
                            .AddTraceSource("Grant",
                                            "Bytes of IP packets that the MAC has just scheduled "
                                            "for a device, first transmissions only; fired by "
                                            "radios whose capabilities have progress",
                                            MakeTraceSourceAccessor(&WdmoeRadio::m_grantTrace),
                                            "ns3::WdmoeRadio::GrantTracedCallback");
    return tid;
}

void
WdmoeRadio::DoDispose()
{
    m_devices.clear();
    Object::DoDispose();
}

uint32_t
WdmoeRadio::AddDevice(Ptr<Node> node)
{
    NS_LOG_FUNCTION(this << node);
    NS_ABORT_MSG_IF(!node, "WdmoeRadio::AddDevice: no node given");
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        if (m_removed[k] && m_devices[k] == node)
        {
            m_removed[k] = false;
            const auto cells = GetCells();
            for (std::size_t c = 0; cells.size() > 1 && c < cells.size(); c++)
            {
                const auto& in = cells[c].devices;
                if (std::find(in.begin(), in.end(), k) != in.end())
                {
                    cells[c].radio->AddDevice(node);
                }
            }
            return k;
        }
    }
    const auto device = static_cast<uint32_t>(m_devices.size());
    m_devices.push_back(node);
    m_removed.push_back(false);
    DoAddDevice(device, node);
    return device;
}

void
WdmoeRadio::RemoveDevice(uint32_t device)
{
    NS_LOG_FUNCTION(this << device);
    NS_ABORT_MSG_IF(IsRemoved(device),
                    "WdmoeRadio::RemoveDevice: device " << device << " was removed already");
    m_removed[device] = true;
    const bool planned = !m_plan.downlink.empty();
    if (planned)
    {
        StripRemoved(m_plan);
    }
    const auto cells = GetCells();
    if (cells.size() > 1)
    {
        for (const auto& cell : cells)
        {
            const auto it = std::find(cell.devices.begin(), cell.devices.end(), device);
            if (it != cell.devices.end())
            {
                cell.radio->RemoveDevice(static_cast<uint32_t>(it - cell.devices.begin()));
            }
        }
    }
    else if (planned && m_plan.downlink.size() == m_devices.size())
    {
        // One that came since the plan was made waits for the next.
        m_planTrace(m_plan);
        DoSetPlan(m_plan);
    }
}

bool
WdmoeRadio::IsRemoved(uint32_t device) const
{
    NS_ABORT_MSG_IF(device >= m_devices.size(),
                    "WdmoeRadio: no device " << device << ", there are " << m_devices.size());
    return m_removed[device];
}

void
WdmoeRadio::StripRemoved(WdmoePlan& plan) const
{
    for (auto shares : {&plan.downlink, &plan.uplink})
    {
        for (std::size_t k = 0; k < shares->size(); k++)
        {
            if (m_removed[k])
            {
                (*shares)[k] = {};
            }
        }
    }
}

uint32_t
WdmoeRadio::GetNDevices() const
{
    return static_cast<uint32_t>(m_devices.size());
}

Ptr<Node>
WdmoeRadio::GetDevice(uint32_t device) const
{
    NS_ABORT_MSG_IF(device >= m_devices.size(),
                    "WdmoeRadio: no device " << device << ", there are " << m_devices.size());
    return m_devices[device];
}

std::vector<WdmoeRadioCell>
WdmoeRadio::GetCells()
{
    std::vector<uint32_t> devices(m_devices.size());
    std::iota(devices.begin(), devices.end(), 0);
    return {{this, devices}};
}

void
WdmoeRadio::Measure()
{
    NS_LOG_FUNCTION(this);
    DoMeasure();
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        m_linkStateTrace(k, GetLinkState(k));
    }
}

WdmoeLinkState
WdmoeRadio::GetLinkState(uint32_t device) const
{
    NS_ABORT_MSG_IF(device >= m_devices.size(),
                    "WdmoeRadio::GetLinkState: no device " << device << ", there are "
                                                           << m_devices.size());
    return m_removed[device] ? WdmoeLinkState() : DoGetLinkState(device);
}

std::string
WdmoeRadio::CheckPlan(const WdmoePlan& plan, uint32_t devices)
{
    std::ostringstream error;
    for (const auto* direction : {"downlink", "uplink"})
    {
        const auto& shares = direction[0] == 'd' ? plan.downlink : plan.uplink;
        if (shares.size() != devices)
        {
            error << shares.size() << " " << direction << " shares for " << devices
                  << " devices; expected one for each device";
            return error.str();
        }
        double sum = 0;
        for (std::size_t k = 0; k < shares.size(); k++)
        {
            const auto& s = shares[k];
            if (!(s.guaranteed >= 0 && s.guaranteed <= 1 + 1e-9))
            {
                error << direction << " share of device " << k << " is " << s.guaranteed
                      << "; expected a number in [0, 1]";
                return error.str();
            }
            if (!(s.weight >= 0) || std::isinf(s.weight))
            {
                error << direction << " weight of device " << k << " is " << s.weight
                      << "; expected a finite number >= 0";
                return error.str();
            }
            sum += s.guaranteed;
        }
        if (sum > 1 + 1e-9)
        {
            error << direction << " shares sum to " << sum
                  << "; expected at most 1: scale them down";
            return error.str();
        }
    }
    return error.str();
}

void
WdmoeRadio::SetPlan(const WdmoePlan& plan)
{
    NS_LOG_FUNCTION(this);
    const auto cells = GetCells();
    if (cells.size() > 1)
    {
        // Each cell checks its part, which sums to 1 by itself.
        NS_ABORT_MSG_IF(
            plan.downlink.size() != GetNDevices() || plan.uplink.size() != GetNDevices(),
            "WdmoeRadio::SetPlan: " << plan.downlink.size() << " downlink and "
                                    << plan.uplink.size() << " uplink shares for " << GetNDevices()
                                    << " devices; expected one for each device");
        m_plan = plan;
        StripRemoved(m_plan);
        m_planTrace(m_plan);
        for (const auto& cell : cells)
        {
            WdmoePlan part;
            for (const auto k : cell.devices)
            {
                part.downlink.push_back(plan.downlink[k]);
                part.uplink.push_back(plan.uplink[k]);
            }
            cell.radio->SetPlan(part);
        }
        return;
    }
    const auto error = CheckPlan(plan, GetNDevices());
    NS_ABORT_MSG_IF(!error.empty(), "WdmoeRadio::SetPlan: " << error);
    m_plan = plan;
    StripRemoved(m_plan);
    const auto capabilities = GetCapabilities();
    if (!capabilities.priority && capabilities.leftover)
    {
        bool differ = false;
        for (auto shares : {&m_plan.downlink, &m_plan.uplink})
        {
            // Only who has a part in the leftover can be preferred in it.
            const WdmoeShare* first = nullptr;
            for (auto& s : *shares)
            {
                if (s.weight > 0)
                {
                    first = first ? first : &s;
                    differ |= s.priority != first->priority;
                }
            }
            for (auto& s : *shares)
            {
                s.priority = 0;
            }
        }
        if (differ && !std::exchange(m_prioritiesDropped, true))
        {
            std::cerr << "wdmoe: the radio '" << GetName()
                      << "' knows no priorities; it divides by weights alone\n";
        }
    }
    const bool asks = std::any_of(m_plan.downlink.begin(),
                                  m_plan.downlink.end(),
                                  [](const auto& s) { return s.guaranteed > 0; });
    if (!capabilities.strict && !capabilities.leftover && asks &&
        !std::exchange(m_plansIgnored, true))
    {
        std::cerr << "wdmoe: the radio '" << GetName()
                  << "' has a scheduler of its own and does not enforce shares; policies differ in "
                     "what they send only\n";
    }
    m_planTrace(m_plan);
    DoSetPlan(m_plan);
}

const WdmoePlan&
WdmoeRadio::GetPlan() const
{
    return m_plan;
}

void
WdmoeRadio::ExpectUplink(uint32_t device, uint64_t bytes, Time when)
{
    NS_ABORT_MSG_IF(device >= m_devices.size(),
                    "WdmoeRadio::ExpectUplink: no device " << device << ", there are "
                                                           << m_devices.size());
    NS_ABORT_MSG_IF(bytes == 0,
                    "WdmoeRadio::ExpectUplink: 0 bytes of device " << device
                                                                   << "; expected at least 1");
    NS_ABORT_MSG_IF(when < Simulator::Now(),
                    "WdmoeRadio::ExpectUplink: device " << device << " at " << when.As(Time::MS)
                                                        << ", which has passed; it is "
                                                        << Simulator::Now().As(Time::MS) << " now");
    if (!m_removed[device])
    {
        DoExpectUplink(device, bytes, when);
    }
}

void
WdmoeRadio::NotifyGrant(uint32_t device, bool downlink, uint32_t bytes)
{
    m_grantTrace(device, downlink, bytes);
}

int64_t
WdmoeRadio::AssignStreams(int64_t /* stream */)
{
    return 0;
}

void
WdmoeRadio::DoMeasure()
{
}

void
WdmoeRadio::DoExpectUplink(uint32_t /* device */, uint64_t /* bytes */, Time /* when */)
{
}

WdmoeRadioBacklog
WdmoeRadio::GetBacklog(uint32_t /* device */) const
{
    return WdmoeRadioBacklog();
}

} // namespace ns3
