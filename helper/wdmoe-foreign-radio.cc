/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-foreign-radio.h"

#include "wdmoe-scenario-radio.h"

#include "ns3/ipv4-address.h"

#include <cmath>
#include <memory>
#include <sstream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignRadio);

TypeId
WdmoeForeignRadio::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeForeignRadio").SetParent<WdmoeRadio>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignRadio::NotifyConstructionCompleted()
{
    WdmoeRadio::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignRadio::DoDispose()
{
    ReleaseForeign();
    WdmoeRadio::DoDispose();
}

void
WdmoeForeignRadio::SetServerNode(Ptr<Node> baseStation)
{
    Call(WdmoeForeignMethod::RADIO_INSTALL, &baseStation);
}

void
WdmoeForeignRadio::FireGrant(uint32_t device, bool downlink, uint32_t bytes)
{
    NotifyGrant(device, downlink, bytes);
}

std::string
WdmoeForeignRadio::GetName() const
{
    std::string name;
    Call(WdmoeForeignMethod::RADIO_NAME, nullptr, &name);
    return name;
}

Ptr<Node>
WdmoeForeignRadio::GetServerNode() const
{
    Ptr<Node> node;
    Call(WdmoeForeignMethod::RADIO_SERVER, nullptr, &node);
    return node;
}

Address
WdmoeForeignRadio::AskAddress(WdmoeForeignMethod method, uint32_t device) const
{
    const int64_t index = device;
    Ipv4Address address;
    Call(method, &index, &address);
    return address;
}

Address
WdmoeForeignRadio::GetDeviceAddress(uint32_t device) const
{
    return AskAddress(WdmoeForeignMethod::RADIO_ADDRESS, device);
}

Address
WdmoeForeignRadio::GetServerAddress(uint32_t device) const
{
    return AskAddress(WdmoeForeignMethod::RADIO_SERVED, device);
}

bool
WdmoeForeignRadio::IsReady() const
{
    int64_t ready = 0;
    Call(WdmoeForeignMethod::RADIO_READY, nullptr, &ready);
    return ready != 0;
}

WdmoeRadioCapabilities
WdmoeForeignRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities capabilities;
    Call(WdmoeForeignMethod::RADIO_ABLE, nullptr, &capabilities);
    return capabilities;
}

WdmoeBudget
WdmoeForeignRadio::GetBudget() const
{
    WdmoeBudget budget;
    Call(WdmoeForeignMethod::RADIO_BUDGET, nullptr, &budget);
    for (const auto hz : {budget.downlinkHz, budget.uplinkHz})
    {
        if (!(hz > 0) || std::isinf(hz))
        {
            std::ostringstream error;
            error << ".get_budget(): " << hz << " Hz; expected a number > 0";
            Refuse(error.str());
        }
    }
    return budget;
}

WdmoeUsage
WdmoeForeignRadio::GetUsage(uint32_t device) const
{
    const int64_t index = device;
    WdmoeUsage usage;
    Call(WdmoeForeignMethod::RADIO_USAGE, &index, &usage);
    return usage;
}

int64_t
WdmoeForeignRadio::AssignStreams(int64_t stream)
{
    return AssignForeignStreams(stream);
}

void
WdmoeForeignRadio::DoAddDevice(uint32_t device, Ptr<Node> /* node */)
{
    const int64_t index = device;
    Call(WdmoeForeignMethod::RADIO_ADD, &index);
}

void
WdmoeForeignRadio::DoMeasure()
{
    if (Has(WdmoeForeignMethod::RADIO_MEASURE))
    {
        Call(WdmoeForeignMethod::RADIO_MEASURE);
    }
}

WdmoeLinkState
WdmoeForeignRadio::DoGetLinkState(uint32_t device) const
{
    const int64_t index = device;
    WdmoeLinkState state;
    Call(WdmoeForeignMethod::RADIO_LINK, &index, &state);
    for (const auto* link : {&state.downlink, &state.uplink})
    {
        if (!link->law.IsValid())
        {
            std::ostringstream error;
            error << ".get_link_state() of device " << device << ": "
                  << (link == &state.downlink ? "downlink" : "uplink") << " law has efficiency "
                  << link->law.efficiency << ", gainHz " << link->law.gainHz << ", scale "
                  << link->law.scale << "; expected a law of wdmoe::RateLaw (numbers >= 0)";
            Refuse(error.str());
        }
    }
    return state;
}

void
WdmoeForeignRadio::DoSetPlan(const WdmoePlan& plan)
{
    Call(WdmoeForeignMethod::RADIO_PLAN, &plan);
}

void
WdmoeForeignRadio::DoExpectUplink(uint32_t device, uint64_t bytes, Time when)
{
    if (Has(WdmoeForeignMethod::RADIO_EXPECT))
    {
        const WdmoeForeignExpectation expectation{device, bytes, when.GetSeconds()};
        Call(WdmoeForeignMethod::RADIO_EXPECT, &expectation);
    }
}

WdmoeForeignRadioHelper::WdmoeForeignRadioHelper(const std::string& type)
    : WdmoeRadioHelper(type)
{
}

Ptr<WdmoeRadio>
WdmoeForeignRadioHelper::Install(Ptr<Node> baseStation, const NodeContainer& devices) const
{
    auto radio = m_factory.Create<WdmoeForeignRadio>();
    radio->SetServerNode(baseStation);
    for (auto it = devices.Begin(); it != devices.End(); ++it)
    {
        radio->AddDevice(*it);
    }
    return radio;
}

void
WdmoeForeignRadioHelper::Register(const std::string& name, const std::string& type)
{
    WdmoeScenarioRadio::Register(name, [type](const auto&, const auto&) {
        return std::make_unique<WdmoeForeignRadioHelper>(type);
    });
}

} // namespace ns3
