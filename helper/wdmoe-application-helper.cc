/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-application-helper.h"

#include "wdmoe-fingerprint.h"

#include "ns3/abort.h"
#include "ns3/inet-socket-address.h"
#include "ns3/uinteger.h"

namespace ns3
{

WdmoeGatingServerHelper::WdmoeGatingServerHelper(const WdmoeModelDescription& model)
    : ApplicationHelper(WdmoeGatingServer::GetTypeId()),
      m_model(model)
{
}

void
WdmoeGatingServerHelper::SetBaseStation(const wdmoe::DeviceProfile& profile)
{
    m_baseStation = profile;
}

namespace
{

/**
 * @param node where it may be installed
 * @return the first application of that type; null: none
 */
template <typename T>
Ptr<T>
FindApplication(Ptr<Node> node)
{
    for (uint32_t i = 0; i < node->GetNApplications(); i++)
    {
        if (auto found = DynamicCast<T>(node->GetApplication(i)))
        {
            return found;
        }
    }
    return nullptr;
}

/// The server's watchdog is to tell what the device does as well
void
TellOf(Ptr<WdmoeExpertNode> device, Ptr<WdmoeGatingServer> server)
{
    server->GetWatchdog()->AddPart("devices", MakeCallback(&WdmoeExpertNode::Describe, device));
}

} // namespace

Ptr<WdmoeGatingServer>
WdmoeGatingServerHelper::Install(Ptr<WdmoeController> controller,
                                 Ptr<WdmoeGateSource> gates,
                                 Ptr<WdmoeRequestSource> requests)
{
    auto apps = ApplicationHelper::Install(controller->GetRadio()->GetServerNode());
    auto server = DynamicCast<WdmoeGatingServer>(apps.Get(0));
    server->SetBaseStation(m_baseStation);
    server->SetUp(controller, gates, requests, m_model);
    const auto radio = controller->GetRadio();
    WdmoeFingerprint::Attach(server, radio);
    for (uint32_t k = 0; k < radio->GetNDevices(); k++)
    {
        if (const auto device = FindApplication<WdmoeExpertNode>(radio->GetDevice(k)))
        {
            TellOf(device, server);
        }
    }
    return server;
}

WdmoeExpertNodeHelper::WdmoeExpertNodeHelper(const WdmoeModelDescription& model,
                                             const std::vector<wdmoe::DeviceProfile>& profiles)
    : ApplicationHelper(WdmoeExpertNode::GetTypeId()),
      m_model(model),
      m_profiles(profiles)
{
}

void
WdmoeExpertNodeHelper::SetRealModel(Ptr<WdmoeRealModel> model)
{
    m_real = model;
}

ApplicationContainer
WdmoeExpertNodeHelper::Install(Ptr<WdmoeController> controller, uint16_t port)
{
    auto radio = controller->GetRadio();
    NS_ABORT_MSG_IF(m_profiles.size() != radio->GetNDevices(),
                    "WdmoeExpertNodeHelper: " << m_profiles.size() << " device profiles for "
                                              << radio->GetNDevices() << " devices");
    std::vector<uint32_t> experts(m_profiles.size());
    for (uint32_t e = 0; e < m_model.experts; e++)
    {
        experts[controller->GetDeviceOf(e)]++;
    }
    const auto server = FindApplication<WdmoeGatingServer>(radio->GetServerNode());
    ApplicationContainer apps;
    for (uint32_t k = 0; k < m_profiles.size(); k++)
    {
        const auto& profile = m_profiles[k];
        const double needed = experts[k] * m_model.blocks * m_model.expert.WeightBytes();
        // a placer looks at memory itself
        NS_ABORT_MSG_IF(!controller->HasPlacer() && needed > profile.memoryBytes,
                        "WdmoeExpertNodeHelper: device "
                            << k << " (" << profile.name << ") has " << profile.memoryBytes / 1e9
                            << " GB of memory, but its " << experts[k] << " expert(s) of "
                            << m_model.blocks << " blocks need " << needed / 1e9
                            << " GB; use fewer bits per weight, more devices or a larger one");
        auto installed = ApplicationHelper::Install(radio->GetDevice(k));
        auto node = DynamicCast<WdmoeExpertNode>(installed.Get(0));
        node->SetUp(k,
                    InetSocketAddress(Ipv4Address::ConvertFrom(radio->GetServerAddress(k)), port),
                    profile,
                    m_model.expert);
        if (m_real)
        {
            node->SetExperts(m_real->GetTransformer());
        }
        WdmoeFingerprint::Attach(node, k);
        if (server)
        {
            TellOf(node, server);
        }
        apps.Add(installed);
    }
    return apps;
}

} // namespace ns3
