/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-pcap-helper.h"

#include "wdmoe-wifi-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/node-list.h"
#include "ns3/pcap-file-wrapper.h"
#include "ns3/simulator.h"
#include "ns3/trace-helper.h"
#include "ns3/type-id.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>

namespace ns3
{

namespace
{

/**
 * Aborts if a file cannot be written.
 *
 * @param name of the file
 * @return its name
 */
std::string
CheckWritable(const std::string& name)
{
    std::ofstream file(name);
    NS_ABORT_MSG_IF(!file,
                    "cannot write '" << name
                                     << "': does its folder exist, and may you write there?");
    return name;
}

/**
 * IP has sent or got a packet.
 *
 * @param file to write it to
 * @param wanted interface that the file is for
 * @param packet with its IP header
 * @param ipv4 of the node
 * @param interface it went through
 */
void
WriteIp(Ptr<PcapFileWrapper> file,
        uint32_t wanted,
        Ptr<const Packet> packet,
        Ptr<Ipv4> /* ipv4 */,
        uint32_t interface)
{
    if (interface == wanted)
    {
        file->Write(Simulator::Now(), packet);
    }
}

/**
 * By its name, since only the folder of a radio knows what that is made of.
 *
 * @param device of a node
 * @param type TypeId of a NetDevice
 * @return whether it is one
 */
bool
IsA(Ptr<NetDevice> device, const std::string& type)
{
    TypeId wanted;
    const auto own = device->GetInstanceTypeId();
    return TypeId::LookupByNameFailSafe(type, &wanted) && (own == wanted || own.IsChildOf(wanted));
}

/// A NetDevice whose trace "PromiscSniffer" is all that is needed
struct Link
{
    const char* type;                 ///< its TypeId
    const char* kind;                 ///< in names of files
    PcapHelper::DataLinkType records; ///< what a record is
};

const std::array<Link, 3> LINKS{{{"ns3::PointToPointNetDevice", "p2p", PcapHelper::DLT_PPP},
                                 {"ns3::CsmaNetDevice", "csma", PcapHelper::DLT_EN10MB},
                                 {"ns3::WdmoeIdealNetDevice", "ideal", PcapHelper::DLT_RAW}}};

} // namespace

std::vector<std::string>
WdmoePcapHelper::EnablePcap(const std::string& prefix, Ptr<WdmoeRadio> radio)
{
    NS_ABORT_MSG_IF(!radio || radio->GetNDevices() == 0,
                    "WdmoePcapHelper::EnablePcap: no radio, or one without devices; add them "
                    "first");
    std::vector<std::string> files;
    std::set<Ptr<Node>> done{radio->GetServerNode()};
    EnableNode(prefix + "-server", radio->GetServerNode(), files);
    for (uint32_t k = 0; k < radio->GetNDevices(); k++)
    {
        done.insert(radio->GetDevice(k));
        EnableNode(prefix + "-device-" + std::to_string(k), radio->GetDevice(k), files);
    }
    uint32_t cells = 0;
    for (auto it = NodeList::Begin(); it != NodeList::End(); ++it)
    {
        bool cell = false;
        for (uint32_t d = 0; d < (*it)->GetNDevices(); d++)
        {
            cell = cell || IsA((*it)->GetDevice(d), "ns3::LteEnbNetDevice");
        }
        if (cell && done.count(*it) == 0)
        {
            EnableNode(prefix + "-enb" + (cells > 0 ? "-" + std::to_string(cells) : ""),
                       *it,
                       files);
            cells++;
        }
    }
    return files;
}

void
WdmoePcapHelper::EnableNode(const std::string& prefix,
                            Ptr<Node> node,
                            std::vector<std::string>& files)
{
    PcapHelper pcap;
    std::map<std::string, Ptr<PcapFileWrapper>> made; // by kind
    const auto open = [&](const std::string& kind, PcapHelper::DataLinkType type) {
        auto& file = made[kind];
        if (!file)
        {
            files.push_back(CheckWritable(prefix + "-" + kind + ".pcap"));
            file = pcap.CreateFile(files.back(), std::ios::out, type);
        }
        return file;
    };
    auto ipv4 = node->GetObject<Ipv4L3Protocol>();
    uint32_t wifis = 0;
    for (uint32_t d = 0; d < node->GetNDevices(); d++)
    {
        auto device = node->GetDevice(d);
        const auto link = std::find_if(LINKS.begin(), LINKS.end(), [&](const Link& l) {
            return IsA(device, l.type);
        });
        if (link != LINKS.end())
        {
            pcap.HookDefaultSink(device, "PromiscSniffer", open(link->kind, link->records));
        }
        else if (IsA(device, "ns3::WifiNetDevice"))
        {
            const auto number = wifis > 0 ? "-" + std::to_string(wifis) : "";
            files.push_back(CheckWritable(prefix + "-wifi" + number + ".pcap"));
            wifis++;
            WdmoeWifiRadioHelper::EnableDevicePcap(files.back(), device);
        }
        else if (const auto interface = ipv4 ? ipv4->GetInterfaceForDevice(device) : -1;
                 interface >= 0 && ipv4->GetNAddresses(interface) > 0 &&
                 !ipv4->GetAddress(interface, 0).GetLocal().IsLocalhost())
        {
            auto file = open("ip", PcapHelper::DLT_RAW);
            for (const auto* direction : {"Tx", "Rx"})
            {
                ipv4->TraceConnectWithoutContext(
                    direction,
                    MakeBoundCallback(&WriteIp, file, static_cast<uint32_t>(interface)));
            }
        }
    }
}

} // namespace ns3
