/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-wifi-radio.h"

#include "wdmoe-multi-user-scheduler.h"
#include "wdmoe-wifi-compat.h"

#include "ns3/abort.h"
#include "ns3/ap-wifi-mac.h"
#include "ns3/arp-cache.h"
#include "ns3/boolean.h"
#include "ns3/channel.h"
#include "ns3/double.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-interface.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/log.h"
#include "ns3/mobility-model.h"
#include "ns3/multi-model-spectrum-channel.h"
#include "ns3/pointer.h"
#include "ns3/propagation-delay-model.h"
#include "ns3/propagation-loss-model.h"
#include "ns3/qos-txop.h"
#include "ns3/simulator.h"
#include "ns3/spectrum-wifi-helper.h"
#include "ns3/sta-wifi-mac.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wifi-mac-queue-scheduler.h"
#include "ns3/wifi-mac-queue.h"
#include "ns3/wifi-mpdu.h"
#include "ns3/wifi-net-device.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>
#include <utility>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeWifiRadio");

NS_OBJECT_ENSURE_REGISTERED(WdmoeWifiRadio);

namespace
{

/// EtherType of probes: for local experiments (IEEE 802), so that no protocol takes them
constexpr uint16_t PROBE_PROTOCOL = 0x88b5;
/// Size of a probe, byte
constexpr uint32_t PROBE_SIZE = 32;
/// Traffic without a type of service goes there
constexpr uint8_t TID = 0;
/// How often silent stations are looked after
const Time WATCH_INTERVAL = MilliSeconds(50);
/// How often a lost station is tried again
const Time TRIAL_INTERVAL = MilliSeconds(200);
/// Pause between two attempts to get block-ack agreements
const Time WARM_UP_INTERVAL = MilliSeconds(10);
/// Failures without a sign of life that make a station lost
constexpr uint32_t LOST_FAILURES = 7;
/// A trigger frame
const Time TRIGGER = MicroSeconds(36);
/// Mask of a network: 1022 hosts
const char* const MASK = "255.255.252.0";

/// dB to a ratio
double
FromDb(double db)
{
    return std::pow(10, db / 10);
}

} // namespace

TypeId
WdmoeWifiRadio::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeWifiRadio")
            .SetParent<WdmoeRadio>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeWifiRadio>()
            .AddAttribute("Bandwidth",
                          "Width of the channel, MHz: 20, 40, 80 or 160",
                          UintegerValue(20),
                          MakeUintegerAccessor(&WdmoeWifiRadio::m_width),
                          MakeUintegerChecker<uint16_t>())
            .AddAttribute("Standard",
                          "Standard of the cell: 80211ax, or 80211ac or 80211n, which have no "
                          "OFDMA",
                          StringValue("80211ax"),
                          MakeStringAccessor(&WdmoeWifiRadio::m_standard),
                          MakeStringChecker())
            .AddAttribute("Scheduler",
                          "TypeId of the multi-user scheduler, or None: EDCA alone. Plans are "
                          "enforced by ns3::WdmoeMultiUserScheduler only. "
                          "ns3::RrMultiUserScheduler is used downlink: its uplink never ends if "
                          "EDCA is switched off for it",
                          StringValue("ns3::WdmoeMultiUserScheduler"),
                          MakeStringAccessor(&WdmoeWifiRadio::m_schedulerType),
                          MakeStringChecker())
            .AddAttribute("ApTxPower",
                          "Power of the access point, dBm",
                          DoubleValue(20),
                          MakeDoubleAccessor(&WdmoeWifiRadio::m_apPower),
                          MakeDoubleChecker<double>())
            .AddAttribute("StaTxPower",
                          "Power of a station, dBm, in each frame, however narrow its RU",
                          DoubleValue(20),
                          MakeDoubleAccessor(&WdmoeWifiRadio::m_staPower),
                          MakeDoubleChecker<double>())
            .AddAttribute("NoiseFigure",
                          "Noise figure of all receivers, dB",
                          DoubleValue(7),
                          MakeDoubleAccessor(&WdmoeWifiRadio::m_noiseFigure),
                          MakeDoubleChecker<double>())
            .AddAttribute("PropagationLossModel",
                          "Path loss; the default has the loss of free space at 1 m",
                          StringValue("ns3::LogDistancePropagationLossModel[Exponent=3.0]"),
                          MakePointerAccessor(&WdmoeWifiRadio::m_loss),
                          MakePointerChecker<PropagationLossModel>())
            .AddAttribute("Channel",
                          "A SpectrumChannel to use, with its own path loss; none: make one",
                          PointerValue(),
                          MakePointerAccessor(&WdmoeWifiRadio::m_givenChannel),
                          MakePointerChecker<Channel>())
            .AddAttribute("RateManager",
                          "TypeId of the rate manager; where the uplink is triggered its MCS is "
                          "GetUplinkMcs()",
                          StringValue("ns3::WdmoeWifiManager"),
                          MakeStringAccessor(&WdmoeWifiRadio::m_rateManager),
                          MakeStringChecker())
            .AddAttribute("DataMode",
                          "Mode of data frames with ns3::ConstantRateWifiManager, such as HeMcs5",
                          StringValue("HeMcs0"),
                          MakeStringAccessor(&WdmoeWifiRadio::m_dataMode),
                          MakeStringChecker())
            .AddAttribute("GuardInterval",
                          "Of 802.11ax: 800, 1600 or 3200 ns. Triggered frames have at least 1600 "
                          "ns; single-user frames of ns-3 have 800 or 3200 ns, whatever the value",
                          TimeValue(NanoSeconds(800)),
                          MakeTimeAccessor(&WdmoeWifiRadio::m_guardInterval),
                          MakeTimeChecker(NanoSeconds(800), NanoSeconds(3200)))
            .AddAttribute("RtsThreshold",
                          "Longer frames are preceded by RTS and CTS, byte; the default never is",
                          UintegerValue(4692480),
                          MakeUintegerAccessor(&WdmoeWifiRadio::m_rtsThreshold),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute(
                "ApPriority",
                "Whether the access point, which triggers the uplink of all, comes before "
                "stations at the medium (CWmin 3 and AIFSN 2 for its best effort "
                "traffic); with ns3::WdmoeMultiUserScheduler only",
                BooleanValue(true),
                MakeBooleanAccessor(&WdmoeWifiRadio::m_apPriority),
                MakeBooleanChecker())
            .AddAttribute("StationCwMin",
                          "CWmin of the stations' best effort traffic where ApPriority holds: what "
                          "is expected of them is triggered, and they contend for the rest only",
                          UintegerValue(255),
                          MakeUintegerAccessor(&WdmoeWifiRadio::m_stationCwMin),
                          MakeUintegerChecker<uint32_t>(0, 32767))
            .AddAttribute("StationAifsn",
                          "AIFSN of the stations' best effort traffic where ApPriority holds",
                          UintegerValue(10),
                          MakeUintegerAccessor(&WdmoeWifiRadio::m_stationAifsn),
                          MakeUintegerChecker<uint8_t>(2, 15))
            .AddAttribute("MuEdcaTimer",
                          "How long a station does not contend for the medium after it was "
                          "triggered; then it does so again if triggers do not come. A multiple "
                          "of 8.192 ms, or 0: it always contends; with "
                          "ns3::WdmoeMultiUserScheduler only",
                          TimeValue(MicroSeconds(32 * 8192)),
                          MakeTimeAccessor(&WdmoeWifiRadio::m_muEdcaTimer),
                          MakeTimeChecker(Time(0), MicroSeconds(2088960)))
            .AddAttribute("RetryLimit",
                          "Attempts to send a frame",
                          UintegerValue(50),
                          MakeUintegerAccessor(&WdmoeWifiRadio::m_retryLimit),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("QueueSize",
                          "Size of the MAC queue of all receivers together, packets; ns-3's own "
                          "default, 500, loses a burst",
                          UintegerValue(500000),
                          MakeUintegerAccessor(&WdmoeWifiRadio::m_queueSize),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("QueueDelay",
                          "Packets that have waited for so long are dropped",
                          TimeValue(Seconds(30)),
                          MakeTimeAccessor(&WdmoeWifiRadio::m_queueDelay),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("MeasurementWindow",
                          "Time constant over which what is heard is averaged",
                          TimeValue(MilliSeconds(50)),
                          MakeTimeAccessor(&WdmoeWifiRadio::m_window),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("McsMargin",
                          "SNR to spare in the MCS of a triggered station, dB",
                          DoubleValue(1.0),
                          MakeDoubleAccessor(&WdmoeWifiRadio::m_margin),
                          MakeDoubleChecker<double>())
            .AddAttribute("KeepAlive",
                          "A station that was silent for so long is sent a probe",
                          TimeValue(Seconds(10)),
                          MakeTimeAccessor(&WdmoeWifiRadio::m_keepAlive),
                          MakeTimeChecker(MilliSeconds(100)))
            .AddAttribute("LostAfter",
                          "A station that was silent for so long and did not acknowledge the last "
                          "7 frames is lost",
                          TimeValue(MilliSeconds(100)),
                          MakeTimeAccessor(&WdmoeWifiRadio::m_lostAfter),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("Network",
                          "IP network of the cell, with 1022 addresses; each Wi-Fi cell of a "
                          "simulation needs another one",
                          Ipv4AddressValue("192.168.0.0"),
                          MakeIpv4AddressAccessor(&WdmoeWifiRadio::m_network),
                          MakeIpv4AddressChecker());
    return tid;
}

WdmoeWifiRadio::WdmoeWifiRadio() = default;

WdmoeWifiRadio::~WdmoeWifiRadio() = default;

void
WdmoeWifiRadio::DoDispose()
{
    m_devices.clear();
    m_standards.clear();
    m_adaptations.clear();
    m_factory = {};
    m_scheduler = nullptr;
    m_apMac = nullptr;
    m_ap = nullptr;
    m_server = nullptr;
    m_channel = nullptr;
    m_givenChannel = nullptr;
    m_loss = nullptr;
    WdmoeRadio::DoDispose();
}

// Making the cell

void
WdmoeWifiRadio::SetServerNode(Ptr<Node> node)
{
    NS_ABORT_MSG_IF(m_ap, "WdmoeWifiRadio: call SetServerNode() before AddDevice()");
    NS_ABORT_MSG_IF(!node || !node->GetObject<MobilityModel>(),
                    "WdmoeWifiRadio: the access point's node has no MobilityModel; install one "
                    "first");
    m_server = node;
}

void
WdmoeWifiRadio::SetDeviceStandard(Ptr<Node> node, const std::string& standard)
{
    WdmoeWifiStandard::Get(standard);
    m_standards[node] = standard;
}

void
WdmoeWifiRadio::MakeAp()
{
    NS_ABORT_MSG_IF(!m_server, "WdmoeWifiRadio: call SetServerNode() before AddDevice()");
    const auto& standard = WdmoeWifiStandard::Get(m_standard);
    NS_ABORT_MSG_IF((m_width != 20 && m_width != 40 && m_width != 80 && m_width != 160) ||
                        m_width > standard.width,
                    "WdmoeWifiRadio: Bandwidth is "
                        << m_width << " MHz; " << m_standard << " has "
                        << (standard.width == 40 ? "20 and 40" : "20, 40, 80 and 160"));
    TypeId tid;
    NS_ABORT_MSG_IF(!TypeId::LookupByNameFailSafe(m_rateManager, &tid) ||
                        !tid.IsChildOf(WifiRemoteStationManager::GetTypeId()),
                    "WdmoeWifiRadio: RateManager '"
                        << m_rateManager
                        << "' is not a rate manager; for example ns3::WdmoeWifiManager, "
                           "ns3::ConstantRateWifiManager");
    m_multiUser = m_schedulerType != "None";
    NS_ABORT_MSG_IF(m_multiUser && (!TypeId::LookupByNameFailSafe(m_schedulerType, &tid) ||
                                    !tid.IsChildOf(MultiUserScheduler::GetTypeId())),
                    "WdmoeWifiRadio: Scheduler '"
                        << m_schedulerType
                        << "' is not a multi-user scheduler; expected "
                           "ns3::WdmoeMultiUserScheduler, ns3::RrMultiUserScheduler, or None");
    if (m_multiUser && standard.kind != WIFI_MOD_CLASS_HE)
    {
        std::cerr << "wdmoe: " << m_standard
                  << " has no OFDMA; stations contend and plans are not enforced\n";
        m_multiUser = false;
    }
    NS_ABORT_MSG_IF(m_givenChannel && !DynamicCast<SpectrumChannel>(m_givenChannel),
                    "WdmoeWifiRadio: the Channel is a "
                        << m_givenChannel->GetInstanceTypeId().GetName()
                        << ", over which there are no RUs; give a SpectrumChannel such as "
                           "ns3::MultiModelSpectrumChannel");
    m_channel = DynamicCast<SpectrumChannel>(m_givenChannel);
    if (!m_channel)
    {
        m_channel = CreateObject<MultiModelSpectrumChannel>();
        m_channel->AddPropagationLossModel(m_loss);
        m_channel->SetPropagationDelayModel(CreateObject<ConstantSpeedPropagationDelayModel>());
    }
    // Traces of the cell call this object, whoever else forgets it.
    Simulator::ScheduleDestroy([radio = Ptr<WdmoeWifiRadio>(this)]() {});

    WdmoeWifiDeviceFactory::Settings settings;
    settings.channel = m_channel;
    settings.width = m_width;
    settings.apPower = m_apPower;
    settings.staPower = m_staPower;
    settings.noiseFigure = m_noiseFigure;
    settings.rateManager = m_rateManager;
    settings.guardInterval = m_guardInterval;
    settings.retryLimit = m_retryLimit;
    settings.muEdcaTimer = m_muEdcaTimer;
    settings.queueSize = m_queueSize;
    settings.queueDelay = m_queueDelay;
    settings.rtsThreshold = m_rtsThreshold;
    settings.dataMode = m_dataMode;
    settings.scheduler = m_multiUser ? m_schedulerType : "";
    m_factory.SetUp(settings);
    m_ap = m_factory.MakeAp(m_server, standard);
    m_apMac = DynamicCast<ApWifiMac>(m_ap->GetMac());
    m_scheduler = m_apMac->GetObject<WdmoeMultiUserScheduler>();
    m_serverAddress = MakeInterface(m_ap, 1);
    if (m_scheduler)
    {
        m_scheduler->SetUplinkMcsCallback(MakeCallback(&WdmoeWifiRadio::GetUplinkMcs, this));
        m_scheduler->TraceConnectWithoutContext(
            "Grant",
            MakeCallback(&WdmoeWifiRadio::NotifyScheduled, this));
        if (m_apPriority && m_multiUser)
        {
            // Stations would take over what the access point has: tell them what is usual.
            m_apMac->SetAttribute("CwMinsForSta",
                                  StringValue("BE " + std::to_string(m_stationCwMin)));
            m_apMac->SetAttribute("AifsnsForSta",
                                  StringValue("BE " + std::to_string(m_stationAifsn)));
            m_apMac->GetQosTxop(AC_BE)->SetMinCw(3, 0);
            m_apMac->GetQosTxop(AC_BE)->SetAifsn(2, 0);
        }
    }
    else if (m_multiUser && m_schedulerType == "ns3::RrMultiUserScheduler")
    {
        auto stock = m_apMac->GetObject<MultiUserScheduler>();
        stock->SetAttribute("EnableUlOfdma", BooleanValue(false));
        stock->SetAttribute("EnableBsrp", BooleanValue(false));
    }
    WdmoeWifiLinkMonitor::Settings monitor;
    monitor.window = m_window;
    const auto manager = TypeId::LookupByName(m_rateManager);
    const auto ideal = TypeId::LookupByName("ns3::IdealWifiManager");
    monitor.fromSnr = manager == ideal || manager.IsChildOf(ideal);
    monitor.count = !m_scheduler; // which counts what it grants
    monitor.budgetHz = 1e6 * m_width;
    m_monitor.SetUp(m_ap, monitor, MakeCallback(&WdmoeWifiRadio::Heard, this));
    m_apMac->TraceConnectWithoutContext("AckedMpdu",
                                        MakeCallback(&WdmoeWifiRadio::NotifyAcked, this));
    m_apMac->TraceConnectWithoutContext("PsduMapResponseTimeout",
                                        MakeCallback(&WdmoeWifiRadio::NotifyMissing, this));
    for (const auto* trace : {"MacTxDataFailed", "MacTxRtsFailed"})
    {
        m_ap->GetRemoteStationManager()->TraceConnectWithoutContext(
            trace,
            MakeCallback(&WdmoeWifiRadio::NotifyFailed, this));
    }
    Simulator::Schedule(WATCH_INTERVAL, &WdmoeWifiRadio::Watch, this);
}

const WdmoeWifiLinkAdaptation*
WdmoeWifiRadio::GetAdaptation(const std::string& name, Ptr<WifiPhy> phy)
{
    auto [it, made] = m_adaptations.try_emplace(name);
    if (made)
    {
        const auto& standard = WdmoeWifiStandard::Get(name);
        WdmoeWifiLinkAdaptation::Params params;
        params.phy = phy;
        params.kind = standard.kind;
        params.widthHz = 1e6 * std::min(m_width, standard.width);
        // Single-user frames of ns-3 know but two of the three of 802.11ax.
        const Time he = m_multiUser || m_guardInterval == NanoSeconds(800) ? m_guardInterval
                                                                           : NanoSeconds(3200);
        params.budgetHz = 1e6 * m_width;
        params.guardInterval = standard.kind == WIFI_MOD_CLASS_HE ? he : NanoSeconds(800);
        params.triggeredGuard = std::max(he, NanoSeconds(1600));
        params.window = standard.window;
        params.maxAmpdu = standard.maxAmpdu;
        // SIFS, AIFSN slots and half of CWmin
        const bool first = m_scheduler && m_apPriority;
        params.accessTime =
            phy->GetSifs() + phy->GetSlot() * (first ? 2 : 3) + MicroSeconds(first ? 14 : 68);
        params.triggerTime = TRIGGER + phy->GetSifs();
        if (m_scheduler)
        {
            TimeValue alone;
            m_scheduler->GetAttribute("SingleStationPpduDuration", alone);
            params.longestPpdu = std::min(params.longestPpdu, alone.Get());
        }
        it->second.SetUp(params);
    }
    return &it->second;
}

Ipv4Address
WdmoeWifiRadio::MakeInterface(Ptr<NetDevice> netDevice, uint32_t host)
{
    const Ipv4Mask mask(MASK);
    const Ipv4Address network = m_network.CombineMask(mask);
    auto ipv4 = netDevice->GetNode()->GetObject<Ipv4>();
    NS_ABORT_MSG_IF(ipv4->GetInterfaceForPrefix(network, mask) >= 0,
                    "WdmoeWifiRadio: node " << netDevice->GetNode()->GetId()
                                            << " is in the network " << network
                                            << " already; give each cell another Network, such as "
                                               "192.168.4.0");
    const Ipv4Address address(network.Get() + host);
    // Without Ipv4AddressHelper there is no queue discipline: it would share the queue among flows.
    const auto interface = ipv4->AddInterface(netDevice);
    ipv4->AddAddress(interface, Ipv4InterfaceAddress(address, mask));
    ipv4->SetUp(interface);
    return address;
}

void
WdmoeWifiRadio::AddNeighbour(Ptr<NetDevice> netDevice, Ipv4Address address, Mac48Address mac)
{
    auto ipv4 = netDevice->GetNode()->GetObject<Ipv4L3Protocol>();
    auto cache = ipv4->GetInterface(ipv4->GetInterfaceForDevice(netDevice))->GetArpCache();
    auto entry = cache->Lookup(address);
    entry = entry ? entry : cache->Add(address);
    entry->SetMacAddress(mac);
    entry->MarkPermanent();
}

void
WdmoeWifiRadio::DoAddDevice(uint32_t device, Ptr<Node> node)
{
    NS_LOG_FUNCTION(this << device << node);
    NS_ABORT_MSG_IF(!node->GetObject<MobilityModel>(),
                    "WdmoeWifiRadio: device " << device << " (node " << node->GetId()
                                              << ") has no MobilityModel; install one first");
    if (!m_ap)
    {
        MakeAp();
    }
    if (m_scheduler)
    {
        const auto wrong = WdmoeMultiUserScheduler::CheckSettings(m_width, device + 1);
        NS_ABORT_MSG_IF(!wrong.empty(), "WdmoeWifiRadio: " << wrong);
    }
    const uint32_t most = ~Ipv4Mask(MASK).Get() - 2;
    NS_ABORT_MSG_IF(device >= most,
                    "WdmoeWifiRadio: " << device + 1 << " devices; a cell has addresses for "
                                       << most);

    Device d;
    const auto own = m_standards.find(node);
    const auto standard = own == m_standards.end() ? m_standard : own->second;
    const bool he = WdmoeWifiStandard::Get(standard).kind == WIFI_MOD_CLASS_HE;
    d.legacy = m_multiUser && !he;
    if (d.legacy && !std::exchange(m_legacySaid, true))
    {
        std::cerr << "wdmoe: device " << device << " is a station of " << standard
                  << " in a cell with OFDMA: such stations contend for the medium and have no "
                     "shares\n";
    }
    d.netDevice = m_factory.MakeStation(node, WdmoeWifiStandard::Get(standard), device);
    d.mac = DynamicCast<StaWifiMac>(d.netDevice->GetMac());
    d.address = d.mac->GetAddress();
    d.ip = MakeInterface(d.netDevice, 2 + device);
    d.adaptation = GetAdaptation(standard, d.netDevice->GetPhy());
    AddNeighbour(m_ap, d.ip, d.address);

    d.mac->TraceConnectWithoutContext(
        "Assoc",
        MakeCallback(&WdmoeWifiRadio::NotifyAssociated, this).Bind(device));
    d.mac->TraceConnectWithoutContext(
        "DeAssoc",
        MakeCallback(&WdmoeWifiRadio::NotifyDisassociated, this).Bind(device));
    m_monitor.AddStation(d.netDevice, d.adaptation);
    m_devices.push_back(d);
}

// Connection

void
WdmoeWifiRadio::NotifyAssociated(uint32_t device, Mac48Address /* ap */)
{
    NS_LOG_FUNCTION(this << device);
    auto& d = m_devices[device];
    d.associated = d.known = true;
    d.lost = false;
    d.failures = 0;
    // The MAC is in the middle of it, and will empty the ARP table, as at each change of a link.
    Simulator::ScheduleNow([radio = Ptr<WdmoeWifiRadio>(this), device]() {
        AddNeighbour(radio->m_devices[device].netDevice,
                     radio->m_serverAddress,
                     radio->m_apMac->GetAddress());
        radio->UpdateHold(device);
        radio->WarmUp(device);
    });
}

void
WdmoeWifiRadio::NotifyDisassociated(uint32_t device, Mac48Address /* ap */)
{
    NS_LOG_FUNCTION(this << device);
    auto& d = m_devices[device];
    d.associated = d.warm = false;
    UpdateShares(device);
    UpdateHold(device);
}

void
WdmoeWifiRadio::SendProbe(Ptr<NetDevice> from, Ptr<NetDevice> to)
{
    from->Send(Create<Packet>(PROBE_SIZE), to->GetAddress(), PROBE_PROTOCOL);
}

void
WdmoeWifiRadio::WarmUp(uint32_t device)
{
    auto& d = m_devices[device];
    if (!d.associated || d.warm)
    {
        return;
    }
    d.warm = true;
    const Ptr<WifiNetDevice> ends[] = {m_ap, d.netDevice};
    for (int e = 0; e < 2; e++)
    {
        auto mac = ends[e]->GetMac();
        const auto peer = ends[1 - e]->GetMac()->GetAddress();
        if (!mac->GetBaAgreementEstablishedAsOriginator(peer, TID))
        {
            d.warm = false;
            if (!mac->GetTxopQueue(AC_BE)->PeekByTidAndAddress(TID, peer))
            {
                SendProbe(ends[e], ends[1 - e]);
            }
        }
    }
    if (d.warm)
    {
        d.met = true;
        UpdateShares(device);
    }
    else
    {
        Simulator::Schedule(WARM_UP_INTERVAL, &WdmoeWifiRadio::WarmUp, this, device);
    }
}

void
WdmoeWifiRadio::UpdateShares(uint32_t device)
{
    auto& d = m_devices[device];
    if (!m_scheduler || d.legacy)
    {
        return;
    }
    if (d.warm && !d.lost)
    {
        const auto& plan = GetPlan();
        WdmoeShare downlink{0, 1, 0}; // before the first plan all are alike
        WdmoeShare uplink{0, 1, 0};
        if (device < plan.downlink.size())
        {
            downlink = plan.downlink[device];
            uplink = plan.uplink[device];
        }
        m_scheduler->SetShares(d.address, downlink, uplink);
        d.shared = true;
    }
    else if (std::exchange(d.shared, false))
    {
        m_scheduler->RemoveStation(d.address);
    }
}

void
WdmoeWifiRadio::UpdateHold(uint32_t device)
{
    auto& d = m_devices[device];
    // A station that is not associated would acknowledge data, and drop it.
    const bool held = d.known && (!d.associated || (d.lost && !d.trial));
    if (std::exchange(d.held, held) == held)
    {
        return;
    }
    // Any reason that does not occur otherwise: TID-to-link mapping is of 802.11be.
    constexpr auto reason = WifiQueueBlockedReason::TID_NOT_MAPPED;
    auto scheduler = m_apMac->GetMacQueueScheduler();
    auto txop = m_apMac->GetQosTxop(AC_BE);
    // Block-ack requests too, which are repeated for ever; no management frames.
    const std::list<WifiContainerQueueType> types{WIFI_QOSDATA_QUEUE, WIFI_CTL_QUEUE};
    const auto own = m_apMac->GetAddress();
    if (held)
    {
        scheduler->BlockQueues(reason, AC_BE, types, d.address, own, {TID}, {0});
    }
    else
    {
        const bool sending = txop->HasFramesToTransmit(0);
        scheduler->UnblockQueues(reason, AC_BE, types, d.address, own, {TID}, {0});
        txop->StartAccessAfterEvent(0, sending, Txop::CHECK_MEDIUM_BUSY);
    }
}

void
WdmoeWifiRadio::Watch()
{
    const Time now = Simulator::Now();
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        auto& d = m_devices[k];
        const Time silent = now - d.heard;
        if (!d.warm)
        {
            continue; // it is not there
        }
        if (!d.lost && d.failures >= LOST_FAILURES && silent >= m_lostAfter)
        {
            NS_LOG_INFO("device " << k << " is lost at " << now.As(Time::MS));
            d.lost = true;
            d.trial = false;
            d.tried = now;
            UpdateShares(k);
            UpdateHold(k);
            continue;
        }
        const bool empty = !m_apMac->GetTxopQueue(AC_BE)->PeekByTidAndAddress(TID, d.address);
        if ((d.lost || silent >= m_keepAlive) && empty)
        {
            SendProbe(m_ap, d.netDevice);
        }
        if (d.lost && now - d.tried >= TRIAL_INTERVAL)
        {
            // One frame, so that one that is back is found.
            d.trial = true;
            d.tried = now;
            UpdateHold(k);
        }
    }
    Simulator::Schedule(WATCH_INTERVAL, &WdmoeWifiRadio::Watch, this);
}

void
WdmoeWifiRadio::Heard(uint32_t device)
{
    auto& d = m_devices[device];
    d.heard = Simulator::Now();
    d.failures = 0;
    if (std::exchange(d.lost, false))
    {
        NS_LOG_INFO("device " << device << " is back at " << d.heard.As(Time::MS));
        // Not from within the reception of a frame
        Simulator::ScheduleNow(&WdmoeWifiRadio::UpdateHold, this, device);
        Simulator::ScheduleNow(&WdmoeWifiRadio::UpdateShares, this, device);
    }
}

void
WdmoeWifiRadio::NotifyAcked(Ptr<const WifiMpdu> mpdu)
{
    const auto device = m_monitor.Find(mpdu->GetHeader().GetAddr1());
    if (device < 0)
    {
        return;
    }
    Heard(device);
    if (m_scheduler && mpdu->GetHeader().IsQosData() && mpdu->GetHeader().HasData())
    {
        // One block acknowledgement is for many of them.
        auto& d = m_devices[device];
        if (!d.delivery.IsPending())
        {
            d.delivery = Simulator::ScheduleNow(&WdmoeWifiRadio::NotifyDelivered,
                                                this,
                                                static_cast<uint32_t>(device));
        }
        d.delivered += WdmoeMultiUserScheduler::GetPayload(mpdu);
    }
}

void
WdmoeWifiRadio::NotifyDelivered(uint32_t device)
{
    NotifyGrant(device, true, std::exchange(m_devices[device].delivered, 0));
}

void
WdmoeWifiRadio::NotifyFailed(Mac48Address station)
{
    const auto device = m_monitor.Find(station);
    if (device >= 0)
    {
        auto& d = m_devices[device];
        d.failures++;
        if (d.lost && std::exchange(d.trial, false))
        {
            // Not from within the MAC's handling of it
            Simulator::ScheduleNow(&WdmoeWifiRadio::UpdateHold, this, device);
        }
    }
}

void
WdmoeWifiRadio::NotifyMissing(uint8_t /* reason */,
                              WifiPsduMap* /* psdus */,
                              const std::set<Mac48Address>* missing,
                              std::size_t /* stations */)
{
    for (const auto& station : *missing)
    {
        NotifyFailed(station);
    }
}

bool
WdmoeWifiRadio::IsConnected(uint32_t device) const
{
    const auto state = DoGetLinkState(device);
    return state.downlink.valid && state.uplink.valid;
}

bool
WdmoeWifiRadio::IsReady() const
{
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        if (!IsConnected(k))
        {
            return false;
        }
    }
    return !m_devices.empty();
}

std::string
WdmoeWifiRadio::DescribeUnconnected() const
{
    std::ostringstream message;
    uint32_t others = 0;
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        if (IsConnected(k))
        {
            continue;
        }
        if (message.tellp() > 500)
        {
            others++;
            continue;
        }
        const auto& d = m_devices[k];
        const auto node = d.netDevice->GetNode();
        message << (message.tellp() > 0 ? "; " : "") << "device " << k << " (node " << node->GetId()
                << ") is "
                << node->GetObject<MobilityModel>()->GetDistanceFrom(
                       m_server->GetObject<MobilityModel>())
                << " m from the access point and "
                << (!d.associated ? "not associated"
                    : d.lost      ? "lost"
                    : !d.warm     ? "without block-ack agreements"
                                  : "out of range");
        for (const bool downlink : {true, false})
        {
            const double snr = GetSnr(k, downlink);
            message << ", SNR " << (downlink ? "downlink " : "uplink ");
            if (snr > 0)
            {
                message << 10 * std::log10(snr) << " dB";
            }
            else
            {
                message << "not measured";
            }
        }
    }
    if (others > 0)
    {
        message << "; and " << others << " more";
    }
    return message.str();
}

void
WdmoeWifiRadio::CheckConnected(Time deadline)
{
    Simulator::Schedule(deadline, [radio = Ptr<WdmoeWifiRadio>(this)]() {
        const auto& devices = radio->m_devices;
        const bool met =
            std::all_of(devices.begin(), devices.end(), [](const Device& d) { return d.met; });
        NS_ABORT_MSG_IF(
            !met,
            "WdmoeWifiRadio: not connected at "
                << Simulator::Now().As(Time::MS) << ": " << radio->DescribeUnconnected()
                << ". Move them nearer (--maxDistance of a scenario), raise ApTxPower and "
                   "StaTxPower, or take a narrower channel: whatever the noise, each "
                   "20 MHz of a frame must be heard with -82 dBm, which a channel twice "
                   "as wide loses 3 dB of. Near ones may need more time");
    });
}

double
WdmoeWifiRadio::GetSnr(uint32_t device, bool downlink) const
{
    return m_monitor.Get(device, downlink).snr.mean;
}

uint8_t
WdmoeWifiRadio::GetUplinkMcs(Mac48Address station, double ruHz) const
{
    const auto device = m_monitor.Find(station);
    if (device < 0)
    {
        return 0;
    }
    const auto& d = m_devices[device];
    const double snr =
        m_monitor.Get(device, false).snr.mean * d.adaptation->GetWidth() / ruHz * FromDb(-m_margin);
    return static_cast<uint8_t>(std::max(0, d.adaptation->GetMcs(snr, ruHz)));
}

// WdmoeRadio

bool
WdmoeWifiRadio::IsTriggered() const
{
    return bool(m_scheduler);
}

std::string
WdmoeWifiRadio::GetName() const
{
    return "wifi";
}

Ptr<Node>
WdmoeWifiRadio::GetServerNode() const
{
    return m_server;
}

Ptr<NetDevice>
WdmoeWifiRadio::GetNetDevice(uint32_t device) const
{
    return m_devices.at(device).netDevice;
}

Ptr<NetDevice>
WdmoeWifiRadio::GetApDevice() const
{
    return m_ap;
}

Ptr<SpectrumChannel>
WdmoeWifiRadio::GetChannel() const
{
    return m_channel;
}

Ptr<WdmoeMultiUserScheduler>
WdmoeWifiRadio::GetScheduler() const
{
    return m_scheduler;
}

uint32_t
WdmoeWifiRadio::GetIgnoredExpectations(uint32_t device) const
{
    return m_devices.at(device).ignored;
}

Address
WdmoeWifiRadio::GetDeviceAddress(uint32_t device) const
{
    return m_devices.at(device).ip;
}

Address
WdmoeWifiRadio::GetServerAddress(uint32_t /* device */) const
{
    return m_serverAddress;
}

WdmoeRadioCapabilities
WdmoeWifiRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities c;
    c.strict = false; // a band that is left empty is of no use to anybody
    c.leftover = c.priority = c.expectUplink = c.progress = bool(m_scheduler);
    c.fullDuplex = false;
    // In one direction alone half of it; with both busy each has but half of the time.
    c.shareAccuracy = m_scheduler ? 0.02 : 1;
    c.timeConstant = m_scheduler ? MilliSeconds(200) : Time(0);
    // Of a transfer alone in the cell. EDCA takes a free medium at once. A station that was
    // triggered before does not contend: what is not expected of it waits to be asked for.
    c.downlinkDelay = MicroSeconds(50);
    c.uplinkDelay = MicroSeconds(m_scheduler ? 6700 : 50);
    c.uplinkRequestDelay = MicroSeconds(m_scheduler ? 6000 : 0);
    c.downlinkLead = Time(0); // told when it is acknowledged
    c.grantPeriod = m_scheduler ? MicroSeconds(100) : Time(0);
    return c;
}

WdmoeBudget
WdmoeWifiRadio::GetBudget() const
{
    return {1e6 * m_width, 1e6 * m_width, false};
}

WdmoeUsage
WdmoeWifiRadio::GetUsage(uint32_t device) const
{
    const auto& d = m_devices.at(device);
    if (!m_scheduler)
    {
        return {m_monitor.Get(device, true).hzS, m_monitor.Get(device, false).hzS};
    }
    return {m_scheduler->GetUsedHzS(d.address, true), m_scheduler->GetUsedHzS(d.address, false)};
}

WdmoeRadioBacklog
WdmoeWifiRadio::GetBacklog(uint32_t device) const
{
    const auto& d = m_devices.at(device);
    const auto waits = [](Ptr<WifiMac> mac, Mac48Address receiver) {
        double bytes = 0;
        const auto queue = mac->GetQosSupported() ? mac->GetTxopQueue(AC_BE) : nullptr;
        for (auto item = queue ? WdmoePeekNext(*queue, 0, receiver, nullptr) : nullptr; item;
             item = WdmoePeekNext(*queue, 0, receiver, item))
        {
            bytes += item->GetSize();
        }
        return bytes;
    };
    return {waits(m_apMac, d.address), waits(d.mac, m_apMac->GetAddress())};
}

WdmoeLinkState
WdmoeWifiRadio::DoGetLinkState(uint32_t device) const
{
    const auto& d = m_devices[device];
    const bool there = d.warm && !d.lost;
    WdmoeLinkState state;
    const auto& down = m_monitor.Get(device, true);
    state.downlink.law = wdmoe::RateLaw::Linear(down.efficiency.mean);
    state.downlink.valid = there && down.efficiency.valid && down.efficiency.mean > 0;
    state.downlink.when = down.snr.when;
    state.downlink.relativeVariance = down.efficiency.GetRelativeVariance();

    const auto& up = m_monitor.Get(device, false);
    if (IsTriggered() && !d.legacy)
    {
        state.uplink.law = d.adaptation->GetFullPowerLaw(up.snr.mean * FromDb(-m_margin));
        // In the narrowest RU it is heard where in the whole band it is not.
        state.uplink.valid = there && up.snr.valid && GetUplinkMcs(d.address, 8e6) > 0;
        // What moves is the SNR; the rate goes with its logarithm.
        const double snr = up.snr.mean;
        const double slope = snr > 0 ? snr / ((1 + snr) * std::log1p(snr)) : 0;
        state.uplink.relativeVariance = slope * slope * up.snr.GetRelativeVariance();
    }
    else
    {
        state.uplink.law = wdmoe::RateLaw::Linear(up.efficiency.mean);
        state.uplink.valid = there && up.efficiency.valid && up.efficiency.mean > 0;
        state.uplink.relativeVariance = up.efficiency.GetRelativeVariance();
    }
    state.uplink.when = up.snr.when;
    return state;
}

void
WdmoeWifiRadio::DoSetPlan(const WdmoePlan& /* plan */)
{
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        UpdateShares(k);
    }
}

void
WdmoeWifiRadio::DoExpectUplink(uint32_t device, uint64_t bytes, Time when)
{
    auto& d = m_devices[device];
    if (!m_scheduler)
    {
        return;
    }
    if (d.shared)
    {
        m_scheduler->ExpectUplink(d.address, bytes, when);
    }
    else
    {
        d.ignored++;
    }
}

void
WdmoeWifiRadio::NotifyScheduled(Mac48Address station, bool downlink, uint32_t bytes)
{
    // Downlink, an acknowledgement tells when it is there as well: see NotifyAcked().
    const auto device = m_monitor.Find(station);
    if (device >= 0 && !downlink)
    {
        NotifyGrant(static_cast<uint32_t>(device), downlink, bytes);
    }
}

int64_t
WdmoeWifiRadio::AssignStreams(int64_t stream)
{
    NS_ABORT_MSG_IF(!m_ap, "WdmoeWifiRadio: call AddDevice() before AssignStreams()");
    NetDeviceContainer devices(m_ap);
    NodeContainer nodes(m_server);
    for (const auto& d : m_devices)
    {
        devices.Add(d.netDevice);
        nodes.Add(d.netDevice->GetNode());
    }
    int64_t next = stream + WifiHelper::AssignStreams(devices, stream);
    next += InternetStackHelper().AssignStreams(nodes, next);
    if (auto loss = m_channel->GetPropagationLossModel())
    {
        next += loss->AssignStreams(next);
    }
    return next - stream;
}

} // namespace ns3
