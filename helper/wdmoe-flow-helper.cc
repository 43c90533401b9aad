/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-flow-helper.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/flow-monitor.h"
#include "ns3/ipv4-address.h"
#include "ns3/ipv4-flow-classifier.h"
#include "ns3/node-container.h"
#include "ns3/nstime.h"
#include "ns3/simulator.h"

#include <fstream>
#include <limits>
#include <map>

namespace ns3
{

namespace
{

/// @return a / b, or NaN where b is 0. @param a dividend @param b divisor
double
Ratio(double a, double b)
{
    return b > 0 ? a / b : std::numeric_limits<double>::quiet_NaN();
}

} // namespace

WdmoeFlowHelper::WdmoeFlowHelper() = default;

void
WdmoeFlowHelper::Install(Ptr<WdmoeRadio> radio)
{
    NS_ABORT_MSG_IF(!radio || radio->GetNDevices() == 0,
                    "WdmoeFlowHelper::Install: no radio, or one without devices; add them first");
    NS_ABORT_MSG_IF(m_monitor, "WdmoeFlowHelper::Install: called before; one helper is one run");
    m_radio = radio;
    m_helper.SetMonitorAttribute("MaxPerHopDelay", TimeValue(Hours(24)));
    NodeContainer nodes(radio->GetServerNode());
    for (uint32_t k = 0; k < radio->GetNDevices(); k++)
    {
        nodes.Add(radio->GetDevice(k));
    }
    m_monitor = m_helper.Install(nodes);
}

Ptr<FlowMonitor>
WdmoeFlowHelper::GetMonitor() const
{
    return m_monitor;
}

std::vector<WdmoeFlowRecord>
WdmoeFlowHelper::GetFlows()
{
    NS_ABORT_MSG_IF(!m_monitor, "WdmoeFlowHelper::GetFlows: call Install() first");
    m_monitor->CheckForLostPackets(Time(0));
    std::map<Ipv4Address, uint32_t> deviceOf;
    std::map<Ipv4Address, uint32_t> serverOf;
    for (uint32_t k = 0; k < m_radio->GetNDevices(); k++)
    {
        deviceOf[Ipv4Address::ConvertFrom(m_radio->GetDeviceAddress(k))] = k;
        serverOf[Ipv4Address::ConvertFrom(m_radio->GetServerAddress(k))] = k;
    }
    auto classifier = DynamicCast<Ipv4FlowClassifier>(m_helper.GetClassifier());
    std::vector<WdmoeFlowRecord> flows;
    for (const auto& [id, stats] : m_monitor->GetFlowStats())
    {
        const auto ends = classifier->FindFlow(id);
        WdmoeFlowRecord flow;
        flow.downlink = serverOf.count(ends.sourceAddress) > 0;
        const auto near = flow.downlink ? ends.sourceAddress : ends.destinationAddress;
        const auto far = flow.downlink ? ends.destinationAddress : ends.sourceAddress;
        if (serverOf.count(near) == 0 || deviceOf.count(far) == 0)
        {
            continue; // somebody else's, between the same nodes
        }
        flow.flow = id;
        flow.device = deviceOf.at(far);
        flow.protocol = ends.protocol == 6 ? "tcp" : "udp";
        flow.sourcePort = ends.sourcePort;
        flow.destinationPort = ends.destinationPort;
        flow.txPackets = stats.txPackets;
        flow.txBytes = stats.txBytes;
        flow.rxPackets = stats.rxPackets;
        flow.rxBytes = stats.rxBytes;
        flow.lostPackets = stats.lostPackets;
        const double received = stats.rxPackets;
        flow.delayS = Ratio(stats.delaySum.GetSeconds(), received);
        flow.jitterS = Ratio(stats.jitterSum.GetSeconds(), received - 1);
        flow.throughputBps = Ratio(8.0 * static_cast<double>(stats.rxBytes),
                                   (stats.timeLastRxPacket - stats.timeFirstTxPacket).GetSeconds());
        flows.push_back(flow);
    }
    return flows;
}

void
WdmoeFlowHelper::Write(const std::string& file)
{
    NS_ABORT_MSG_IF(!m_monitor, "WdmoeFlowHelper::Write: call Install() first");
    m_monitor->CheckForLostPackets(Time(0));
    std::ofstream out(file);
    out << "<?xml version=\"1.0\" ?>\n";
    m_monitor->SerializeToXmlStream(out, 0, true, true);
    out.close();
    NS_ABORT_MSG_IF(!out,
                    "cannot write '" << file
                                     << "': does its folder exist, and may you write there?");
}

} // namespace ns3
