/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-wifi-link-monitor.h"

#include "wdmoe-wifi-compat.h"

#include "ns3/ampdu-subframe-header.h"
#include "ns3/simulator.h"
#include "ns3/wifi-mac-header.h"
#include "ns3/wifi-mac.h"
#include "ns3/wifi-net-device.h"
#include "ns3/wifi-psdu.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

namespace
{

/// How long the least noise is remembered, at least
const Time FLOOR_TIME = Seconds(1);

/// dBm to W
double
FromDbm(double dbm)
{
    return std::pow(10, dbm / 10) * 1e-3;
}

/**
 * @param txVector of a frame
 * @param staId of the receiver or sender in it
 * @return width of its signal, Hz
 */
double
GetWidthHz(const WifiTxVector& txVector, uint16_t staId)
{
    return 1e6 * (txVector.IsMu() ? WdmoeGetRuMhz(txVector, staId)
                                  : static_cast<double>(txVector.GetChannelWidth()));
}

} // namespace

void
WdmoeWifiNoiseFloor::Update(double density)
{
    const Time now = Simulator::Now();
    if (m_now == 0)
    {
        m_now = m_before = density;
        m_since = now;
    }
    else if (now - m_since >= FLOOR_TIME)
    {
        m_before = m_now;
        m_now = density;
        m_since = now;
    }
    m_now = std::min(m_now, density);
}

double
WdmoeWifiNoiseFloor::Get() const
{
    return std::min(m_now, m_before);
}

void
WdmoeWifiLinkMonitor::SetUp(Ptr<WifiNetDevice> ap, const Settings& settings, HeardCallback heard)
{
    m_settings = settings;
    m_heard = heard;
    m_ap = ap->GetMac()->GetAddress();
    m_band = ap->GetPhy()->GetPhyBand();
    ap->GetPhy()->TraceConnectWithoutContext(
        "MonitorSnifferRx",
        MakeCallback(&WdmoeWifiLinkMonitor::NotifyReceived, this).Bind(-1));
    ap->GetPhy()->TraceConnectWithoutContext(
        "PhyTxPsduBegin",
        MakeCallback(&WdmoeWifiLinkMonitor::NotifySent, this).Bind(-1));
}

void
WdmoeWifiLinkMonitor::AddStation(Ptr<WifiNetDevice> station,
                                 const WdmoeWifiLinkAdaptation* adaptation)
{
    const auto index = static_cast<int64_t>(m_stations.size());
    station->GetPhy()->TraceConnectWithoutContext(
        "MonitorSnifferRx",
        MakeCallback(&WdmoeWifiLinkMonitor::NotifyReceived, this).Bind(index));
    if (m_settings.count)
    {
        station->GetPhy()->TraceConnectWithoutContext(
            "PhyTxPsduBegin",
            MakeCallback(&WdmoeWifiLinkMonitor::NotifySent, this).Bind(index));
    }
    m_indices[station->GetMac()->GetAddress()] = static_cast<uint32_t>(index);
    m_stations.push_back({adaptation, {}, {}, {}});
}

int64_t
WdmoeWifiLinkMonitor::Find(Mac48Address address) const
{
    const auto it = m_indices.find(address);
    return it == m_indices.end() ? -1 : static_cast<int64_t>(it->second);
}

const WdmoeWifiLinkMonitor::Direction&
WdmoeWifiLinkMonitor::Get(uint32_t station, bool downlink) const
{
    const auto& s = m_stations.at(station);
    return downlink ? s.downlink : s.uplink;
}

void
WdmoeWifiLinkMonitor::Sample(uint32_t station,
                             bool downlink,
                             const WifiTxVector& txVector,
                             uint16_t staId,
                             SignalNoiseDbm signalNoise,
                             bool data)
{
    auto& s = m_stations[station];
    auto& direction = downlink ? s.downlink : s.uplink;
    auto& floor = downlink ? s.floor : m_floor;
    const double w = s.adaptation->GetWidth();
    const double hz = GetWidthHz(txVector, staId);
    floor.Update(FromDbm(signalNoise.noise) / hz);
    double snr = FromDbm(signalNoise.signal) / (hz * floor.Get());
    if (!txVector.IsDlMu())
    {
        snr *= hz / w; // all the power was in that width
    }
    direction.snr.Update(snr, m_settings.window);
    if (m_settings.fromSnr)
    {
        direction.efficiency.Update(s.adaptation->GetEfficiency(snr, false), m_settings.window);
    }
    else if (data && txVector.GetModulationClass() >= WIFI_MOD_CLASS_HT)
    {
        const int mcs = txVector.GetMode(staId).GetMcsValue();
        direction.efficiency.Update(s.adaptation->GetPayloadRate(mcs, w, false) /
                                        m_settings.budgetHz,
                                    m_settings.window);
    }
}

void
WdmoeWifiLinkMonitor::NotifyReceived(int64_t receiver,
                                     Ptr<const Packet> packet,
                                     uint16_t /* frequency */,
                                     WifiTxVector txVector,
                                     MpduInfo mpdu,
                                     SignalNoiseDbm signalNoise,
                                     uint16_t staId)
{
    if (mpdu.type == MIDDLE_MPDU_IN_AGGREGATE)
    {
        return; // the first of its A-MPDU says the same
    }
    WifiMacHeader header;
    if (mpdu.type == NORMAL_MPDU)
    {
        packet->PeekHeader(header);
    }
    else
    {
        auto copy = packet->Copy();
        AmpduSubframeHeader subframe;
        copy->RemoveHeader(subframe);
        copy->PeekHeader(header);
    }
    const bool anonymous = header.IsAck() || header.IsCts();
    if (receiver >= 0)
    {
        if (!anonymous && header.GetAddr2() == m_ap)
        {
            Sample(receiver, true, txVector, staId, signalNoise, header.IsQosData());
        }
        return;
    }
    // An acknowledgement does not say from whom it is.
    const auto from = !anonymous                  ? Find(header.GetAddr2())
                      : header.GetAddr1() == m_ap ? m_asked
                                                  : -1;
    if (from >= 0)
    {
        Sample(from, false, txVector, staId, signalNoise, header.IsQosData());
        m_heard(from);
    }
}

void
WdmoeWifiLinkMonitor::NotifySent(int64_t sender,
                                 WifiConstPsduMap psdus,
                                 WifiTxVector txVector,
                                 double /* watt */)
{
    if (sender < 0)
    {
        m_asked = psdus.size() == 1 ? Find(psdus.begin()->second->GetAddr1()) : -1;
    }
    if (!m_settings.count)
    {
        return;
    }
    const double seconds = WifiPhy::CalculateTxDuration(psdus, txVector, m_band).GetSeconds();
    for (const auto& [staId, psdu] : psdus)
    {
        const auto k = sender < 0 ? Find(psdu->GetAddr1()) : sender;
        if (k >= 0 && psdu->GetHeader(0).IsQosData())
        {
            auto& direction = sender < 0 ? m_stations[k].downlink : m_stations[k].uplink;
            direction.hzS += GetWidthHz(txVector, staId) * seconds;
        }
    }
}

} // namespace ns3
