/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-radio-wifi-mac-cell.h"

#include "ns3/ap-wifi-mac.h"
#include "ns3/boolean.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/mobility-helper.h"
#include "ns3/multi-model-spectrum-channel.h"
#include "ns3/packet.h"
#include "ns3/propagation-delay-model.h"
#include "ns3/propagation-loss-model.h"
#include "ns3/qos-txop.h"
#include "ns3/simulator.h"
#include "ns3/spectrum-wifi-helper.h"
#include "ns3/ssid.h"
#include "ns3/sta-wifi-mac.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wifi-helper.h"
#include "ns3/wifi-mac-helper.h"
#include "ns3/wifi-psdu.h"

#include <algorithm>
#include <cmath>

using namespace ns3;

namespace
{

constexpr uint16_t PROTOCOL = 0x88b5;      ///< for experiments (IEEE 802)
const Time REFILL = MilliSeconds(2);       ///< how often Saturate() looks
const Time ASSOCIATED = MilliSeconds(300); ///< by then all are
const Time TRIGGERED = MicroSeconds(50);   ///< a trigger frame is on the air
const Time STEP = MilliSeconds(4);         ///< between first frames

} // namespace

WdmoeWifiMacCell::WdmoeWifiMacCell(const Settings& settings)
    : m_settings(settings)
{
    m_nodes.Create(settings.stations + 1);
    auto channel = CreateObject<MultiModelSpectrumChannel>();
    channel->AddPropagationLossModel(CreateObject<LogDistancePropagationLossModel>());
    channel->SetPropagationDelayModel(CreateObject<ConstantSpeedPropagationDelayModel>());

    SpectrumWifiPhyHelper phy;
    phy.SetChannel(channel);
    phy.Set("ChannelSettings",
            StringValue("{0, " + std::to_string(settings.widthMhz) + ", BAND_5GHZ, 0}"));
    WifiHelper wifi;
    wifi.SetStandard(WIFI_STANDARD_80211ax);
    if (settings.mode.empty())
    {
        wifi.SetRemoteStationManager(settings.rates);
    }
    else
    {
        wifi.SetRemoteStationManager("ns3::ConstantRateWifiManager",
                                     "DataMode",
                                     StringValue(settings.mode),
                                     "ControlMode",
                                     StringValue("OfdmRate24Mbps"));
    }
    WifiMacHelper mac;
    const Ssid ssid("wdmoe");
    mac.SetType("ns3::ApWifiMac",
                "Ssid",
                SsidValue(ssid),
                "BeaconInterval",
                TimeValue(settings.beaconInterval),
                "EnableBeaconJitter",
                BooleanValue(false));
    m_devices = wifi.Install(phy, mac, m_nodes.Get(0));
    auto apMac = DynamicCast<ApWifiMac>(GetDevice(0)->GetMac());
    WdmoeMultiUserScheduler::PrepareAccessPoint(apMac, settings.contentionOff);
    if (settings.priority)
    {
        // stations would take over what the access point has: tell them what is usual
        apMac->SetAttribute("CwMinsForSta", StringValue("BE 15"));
        apMac->SetAttribute("AifsnsForSta", StringValue("BE 3"));
        apMac->GetQosTxop(AC_BE)->SetMinCw(3, 0);
        apMac->GetQosTxop(AC_BE)->SetAifsn(2, 0);
    }
    if (!settings.scheduler.empty())
    {
        ObjectFactory factory(settings.scheduler);
        if (settings.scheduling)
        {
            settings.scheduling(factory);
        }
        auto scheduler = factory.Create<MultiUserScheduler>();
        apMac->AggregateObject(scheduler);
        m_scheduler = DynamicCast<WdmoeMultiUserScheduler>(scheduler);
    }
    NodeContainer stations;
    for (uint32_t k = 0; k < settings.stations; ++k)
    {
        stations.Add(m_nodes.Get(k + 1));
    }
    mac.SetType("ns3::StaWifiMac", "Ssid", SsidValue(ssid), "ActiveProbing", BooleanValue(true));
    m_devices.Add(wifi.Install(phy, mac, stations));
    for (uint32_t k = 0; k < settings.stations; ++k)
    {
        WdmoeMultiUserScheduler::PrepareStation(
            DynamicCast<StaWifiMac>(GetDevice(k + 1)->GetMac()));
    }
    WifiHelper::AssignStreams(m_devices, 1);

    for (uint32_t k = 0; k <= settings.stations; ++k)
    {
        auto mobility = CreateObject<ConstantPositionMobilityModel>();
        const double angle = 2 * M_PI * k / std::max(1U, settings.stations);
        const double radius = k == 0 ? 0 : settings.radius;
        mobility->SetPosition({radius * std::cos(angle), radius * std::sin(angle), 1});
        m_nodes.Get(k)->AggregateObject(mobility);
        GetDevice(k)->SetReceiveCallback(
            [this,
             k](Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t protocol, const Address& from) {
                if (protocol == PROTOCOL)
                {
                    NotifyReceived(Mac48Address::ConvertFrom(from),
                                   GetDevice(k)->GetMac()->GetAddress(),
                                   packet->GetSize());
                }
                return true;
            });
        GetDevice(k)->GetPhy()->TraceConnectWithoutContext(
            "PhyTxPsduBegin",
            MakeCallback(&WdmoeWifiMacCell::NotifySent, this).Bind(k));
    }
    for (auto direction : {DOWN, UP})
    {
        m_flows[direction].resize(settings.stations);
        m_marked[direction].resize(settings.stations);
        m_saturated[direction].resize(settings.stations);
    }
    if (m_scheduler)
    {
        m_scheduler->TraceConnectWithoutContext(
            "Grant",
            Callback<void, Mac48Address, bool, uint32_t>(
                [this](Mac48Address station, bool downlink, uint32_t bytes) {
                    m_flows[downlink ? DOWN : UP].at(Find(station)).granted += bytes;
                }));
    }
}

WdmoeWifiMacCell::~WdmoeWifiMacCell()
{
    Simulator::Destroy();
}

void
WdmoeWifiMacCell::Start(const std::function<void()>& ready)
{
    m_ready = ready;
    Simulator::Schedule(STEP, &WdmoeWifiMacCell::WarmUp, this, 0);
}

void
WdmoeWifiMacCell::WarmUp(uint32_t station)
{
    if (station == m_settings.stations)
    {
        m_ready();
        Refill();
        return;
    }
    auto apMac = DynamicCast<ApWifiMac>(GetDevice(0)->GetMac());
    auto staMac = DynamicCast<StaWifiMac>(GetDevice(station + 1)->GetMac());
    const auto address = GetAddress(station);
    if (staMac->IsAssociated())
    {
        const bool down = apMac->GetBaAgreementEstablishedAsOriginator(address, 0).has_value();
        const bool up = apMac->GetBaAgreementEstablishedAsRecipient(address, 0).has_value();
        if (down && up)
        {
            if (m_scheduler)
            {
                m_scheduler->ExpectUplink(address, 100, Simulator::Now());
            }
            // while the trigger frame is on the air: not by contention
            Simulator::Schedule(TRIGGERED, &WdmoeWifiMacCell::Send, this, station, UP, 100);
            ++station;
        }
        else
        {
            Send(station, down ? UP : DOWN, 100);
        }
    }
    Simulator::Schedule(STEP, &WdmoeWifiMacCell::WarmUp, this, station);
}

void
WdmoeWifiMacCell::Send(uint32_t station, Direction direction, uint64_t bytes)
{
    auto from = GetDevice(direction == DOWN ? 0 : station + 1);
    auto to = GetDevice(direction == DOWN ? station + 1 : 0);
    m_flows[direction].at(station).sent += bytes;
    for (uint64_t left = bytes; left > 0;)
    {
        const auto size = static_cast<uint32_t>(std::min<uint64_t>(left, FRAME));
        from->Send(Create<Packet>(size), to->GetAddress(), PROTOCOL);
        left -= size;
    }
}

void
WdmoeWifiMacCell::Saturate(uint32_t station, Direction direction, uint64_t bytes)
{
    m_saturated[direction].at(station) = bytes;
}

void
WdmoeWifiMacCell::Refill()
{
    bool any = false;
    for (auto direction : {DOWN, UP})
    {
        for (uint32_t k = 0; k < m_settings.stations; ++k)
        {
            const auto& flow = m_flows[direction][k];
            any = any || m_saturated[direction][k] > 0;
            if (flow.sent - flow.received < m_saturated[direction][k])
            {
                Send(k, direction, m_saturated[direction][k] - (flow.sent - flow.received));
            }
        }
    }
    if (any)
    {
        Simulator::Schedule(REFILL, &WdmoeWifiMacCell::Refill, this);
    }
}

const WdmoeWifiMacCell::Flow&
WdmoeWifiMacCell::GetFlow(uint32_t station, Direction direction) const
{
    return m_flows[direction].at(station);
}

std::vector<double>
WdmoeWifiMacCell::GetParts(Direction direction) const
{
    std::vector<double> parts;
    double sum = 0;
    for (uint32_t k = 0; k < m_settings.stations; ++k)
    {
        parts.push_back(m_flows[direction][k].toneSeconds - m_marked[direction][k]);
        sum += parts.back();
    }
    for (auto& part : parts)
    {
        part /= std::max(sum, 1e-300);
    }
    return parts;
}

void
WdmoeWifiMacCell::Mark()
{
    for (auto direction : {DOWN, UP})
    {
        for (uint32_t k = 0; k < m_settings.stations; ++k)
        {
            m_marked[direction][k] = m_flows[direction][k].toneSeconds;
        }
    }
}

Mac48Address
WdmoeWifiMacCell::GetAddress(uint32_t station) const
{
    return GetDevice(station + 1)->GetMac()->GetAddress();
}

Ptr<WifiNetDevice>
WdmoeWifiMacCell::GetDevice(uint32_t index) const
{
    return DynamicCast<WifiNetDevice>(m_devices.Get(index));
}

Ptr<WdmoeMultiUserScheduler>
WdmoeWifiMacCell::GetScheduler() const
{
    return m_scheduler;
}

int
WdmoeWifiMacCell::Find(Mac48Address station) const
{
    for (uint32_t k = 0; k < m_settings.stations; ++k)
    {
        if (GetAddress(k) == station)
        {
            return static_cast<int>(k);
        }
    }
    return -1;
}

void
WdmoeWifiMacCell::NotifySent(uint32_t device,
                             WifiConstPsduMap psdus,
                             WifiTxVector txVector,
                             double /* power */)
{
    const auto band = GetDevice(device)->GetPhy()->GetPhyBand();
    for (const auto& [staId, psdu] : psdus)
    {
        const auto& header = psdu->GetHeader(0);
        if (!header.IsQosData() || !header.HasData())
        {
            continue;
        }
        const int station = device == 0 ? Find(header.GetAddr1()) : static_cast<int>(device) - 1;
        if (station < 0)
        {
            continue;
        }
        const Time duration = WifiPhy::CalculateTxDuration(psdus, txVector, band) -
                              WifiPhy::CalculatePhyPreambleAndHeaderDuration(txVector);
        // an RU: its tones; else as many as the channel has in one
        double tones = 0;
        const auto type = txVector.IsMu()             ? WdmoeGetRuType(txVector, staId)
                          : m_settings.widthMhz == 20 ? WdmoeRuType::RU_242_TONE
                          : m_settings.widthMhz == 40 ? WdmoeRuType::RU_484_TONE
                          : m_settings.widthMhz == 80 ? WdmoeRuType::RU_996_TONE
                                                      : WdmoeRuType::RU_2x996_TONE;
        constexpr uint32_t TONES[] = {26, 52, 106, 242, 484, 996, 1992};
        tones = TONES[static_cast<std::size_t>(type)];
        m_flows[device == 0 ? DOWN : UP][station].toneSeconds += tones * duration.GetSeconds();
    }
}

void
WdmoeWifiMacCell::NotifyReceived(Mac48Address from, Mac48Address to, uint32_t bytes)
{
    const auto direction = from == GetDevice(0)->GetMac()->GetAddress() ? DOWN : UP;
    const int station = Find(direction == DOWN ? to : from);
    if (station >= 0)
    {
        auto& flow = m_flows[direction][station];
        flow.received += bytes;
        flow.last = Simulator::Now();
    }
}
