/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-net-anim-helper.h"

#include "ns3/abort.h"
#include "ns3/animation-interface.h"
#include "ns3/mobility-model.h"
#include "ns3/node-list.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>

namespace ns3
{

namespace
{

/// A colour
typedef std::array<uint8_t, 3> Rgb;

/// Of device profiles, in the order of their first device: told apart by the colour-blind too
const std::array<Rgb, 7> PROFILE_COLOURS{{{0, 114, 178},
                                          {230, 159, 0},
                                          {0, 158, 115},
                                          {86, 180, 233},
                                          {204, 121, 167},
                                          {240, 228, 66},
                                          {148, 103, 189}}};
/// Of the base station or server
const Rgb SERVER_COLOUR{213, 94, 0};
/// Of what is neither
const Rgb OTHER_COLOUR{128, 128, 128};

} // namespace

WdmoeNetAnimHelper::WdmoeNetAnimHelper() = default;

WdmoeNetAnimHelper::~WdmoeNetAnimHelper() = default;

void
WdmoeNetAnimHelper::SkipPackets()
{
    NS_ABORT_MSG_IF(m_animation, "WdmoeNetAnimHelper: call SkipPackets() before Install()");
    m_packets = false;
}

void
WdmoeNetAnimHelper::Install(const std::string& file,
                            Ptr<WdmoeRadio> radio,
                            Ptr<WdmoeGatingServer> server,
                            const ApplicationContainer& experts)
{
    NS_ABORT_MSG_IF(m_animation,
                    "WdmoeNetAnimHelper::Install: called before; one helper is one animation");
    NS_ABORT_MSG_IF(!std::ofstream(file),
                    "cannot write '" << file
                                     << "': does its folder exist, and may you write there?");
    NS_ABORT_MSG_IF(!radio || !server || experts.GetN() != radio->GetNDevices(),
                    "WdmoeNetAnimHelper::Install: " << experts.GetN()
                                                    << " expert nodes; expected a radio, a server "
                                                       "and one expert node for each device");
    m_server = server;
    m_serverNode = server->GetNode()->GetId();
    for (uint32_t k = 0; k < experts.GetN(); k++)
    {
        Device device;
        device.application = DynamicCast<WdmoeExpertNode>(experts.Get(k));
        NS_ABORT_MSG_IF(!device.application,
                        "WdmoeNetAnimHelper::Install: application "
                            << k << " is no WdmoeExpertNode; give what "
                            << "WdmoeExpertNodeHelper::Install() returned");
        device.node = device.application->GetNode()->GetId();
        m_devices.push_back(device);
    }
    Place(radio->GetServerNode());
    m_animation = std::make_unique<AnimationInterface>(file);
    m_animation->SetMaxPktsPerTraceFile(std::numeric_limits<uint64_t>::max()); // one file
    if (!m_packets)
    {
        m_animation->SkipPacketTracing();
    }
    Describe();
    m_load = m_animation->AddNodeCounter("load", AnimationInterface::DOUBLE_COUNTER);
    m_expert = m_animation->AddNodeCounter("expert", AnimationInterface::DOUBLE_COUNTER);
    m_sent = m_animation->AddNodeCounter("packets sent", AnimationInterface::DOUBLE_COUNTER);
    m_received =
        m_animation->AddNodeCounter("packets received", AnimationInterface::DOUBLE_COUNTER);
    m_blocksDone = m_animation->AddNodeCounter("blocks", AnimationInterface::DOUBLE_COUNTER);
    m_animation->UpdateNodeCounter(m_blocksDone, m_serverNode, 0);
    for (const auto& device : m_devices)
    {
        m_animation->UpdateNodeCounter(m_load, device.node, 0);
        ShowExpert(device.node, -1);
        device.application->TraceConnectWithoutContext(
            "Queue",
            MakeCallback(&WdmoeNetAnimHelper::OnQueue, this));
    }
    server->TraceConnectWithoutContext("Block", MakeCallback(&WdmoeNetAnimHelper::OnBlock, this));
}

void
WdmoeNetAnimHelper::Place(Ptr<Node> server)
{
    // Where the radio is, and how large its cell: the core network stands beside it
    Vector centre;
    double extent = 1;
    uint32_t homeless = 0;
    for (auto it = NodeList::Begin(); it != NodeList::End(); ++it)
    {
        if (auto mobility = (*it)->GetObject<MobilityModel>())
        {
            const auto at = mobility->GetPosition();
            extent = std::max({extent, std::abs(at.x), std::abs(at.y)});
            if (*it == server)
            {
                centre = at;
            }
        }
    }
    for (auto it = NodeList::Begin(); it != NodeList::End(); ++it)
    {
        if (!(*it)->GetObject<MobilityModel>())
        {
            homeless++;
            AnimationInterface::SetConstantPosition(*it,
                                                    centre.x + 0.12 * extent * homeless,
                                                    centre.y - 0.12 * extent);
        }
    }
}

void
WdmoeNetAnimHelper::Describe()
{
    double extent = 1;
    for (auto it = NodeList::Begin(); it != NodeList::End(); ++it)
    {
        const auto at = (*it)->GetObject<MobilityModel>()->GetPosition();
        extent = std::max({extent, std::abs(at.x), std::abs(at.y)});
    }
    std::map<uint32_t, std::string> names;
    std::map<uint32_t, Rgb> colours;
    std::map<std::string, Rgb> ofProfile;
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        const auto& profile = m_devices[k].application->GetProfile().name;
        const auto colour =
            ofProfile.emplace(profile, PROFILE_COLOURS[ofProfile.size() % PROFILE_COLOURS.size()]);
        names[m_devices[k].node] = "device " + std::to_string(k) + ": " + profile;
        colours[m_devices[k].node] = colour.first->second;
    }
    names[m_serverNode] = "server";
    colours[m_serverNode] = SERVER_COLOUR;
    for (auto it = NodeList::Begin(); it != NodeList::End(); ++it)
    {
        const auto id = (*it)->GetId();
        const bool known = names.count(id) > 0;
        const auto colour = known ? colours.at(id) : OTHER_COLOUR;
        m_animation->UpdateNodeDescription(id, known ? names.at(id) : "node " + std::to_string(id));
        m_animation->UpdateNodeColor(id, colour[0], colour[1], colour[2]);
        m_animation->UpdateNodeSize(id, 0.05 * extent, 0.05 * extent);
    }
}

void
WdmoeNetAnimHelper::OnQueue(uint32_t device,
                            uint64_t tokens,
                            const WdmoeRoutingTable& running,
                            Time end)
{
    auto& d = m_devices.at(device);
    m_animation->UpdateNodeCounter(m_load, d.node, static_cast<double>(tokens));
    ShowPackets(d.node, d.application->GetCounters());
    if (running.entries.empty())
    {
        for (auto& event : d.experts)
        {
            event.Cancel();
        }
        d.experts.clear();
        d.end = Time(0);
        ShowExpert(d.node, -1);
        return;
    }
    if (end == d.end)
    {
        return; // the same computation as before: another batch has come, or is not wanted
    }
    d.end = end;
    for (auto& event : d.experts)
    {
        event.Cancel();
    }
    d.experts.clear();
    // The experts of a batch follow one another; the profile says how long they take together
    const double seconds = (end - Simulator::Now()).GetSeconds();
    const auto all = static_cast<double>(running.Tokens());
    uint64_t before = 0;
    for (const auto& entry : running.entries)
    {
        if (before == 0)
        {
            ShowExpert(d.node, entry.expert);
        }
        else
        {
            d.experts.push_back(
                Simulator::Schedule(Seconds(seconds * static_cast<double>(before) / all),
                                    &WdmoeNetAnimHelper::ShowExpert,
                                    this,
                                    d.node,
                                    entry.expert));
        }
        before += entry.tokens;
    }
}

void
WdmoeNetAnimHelper::OnBlock(const WdmoeBlockRecord& /* record */)
{
    m_blocks++;
    m_animation->UpdateNodeCounter(m_blocksDone, m_serverNode, static_cast<double>(m_blocks));
    ShowPackets(m_serverNode, m_server->GetCounters());
}

void
WdmoeNetAnimHelper::ShowPackets(uint32_t node, const WdmoeTransportCounters& counters)
{
    m_animation->UpdateNodeCounter(m_sent, node, static_cast<double>(counters.ipPacketsSent));
    m_animation->UpdateNodeCounter(m_received,
                                   node,
                                   static_cast<double>(counters.ipPacketsReceived));
}

void
WdmoeNetAnimHelper::ShowExpert(uint32_t node, int32_t expert)
{
    m_animation->UpdateNodeCounter(m_expert, node, expert);
}

} // namespace ns3
