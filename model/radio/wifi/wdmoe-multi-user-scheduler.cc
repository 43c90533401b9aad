/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-multi-user-scheduler.h"

#include "ns3/abort.h"
#include "ns3/ampdu-subframe-header.h"
#include "ns3/boolean.h"
#include "ns3/channel-access-manager.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/he-configuration.h"
#include "ns3/he-frame-exchange-manager.h"
#include "ns3/he-phy.h"
#include "ns3/log.h"
#include "ns3/mpdu-aggregator.h"
#include "ns3/msdu-aggregator.h"
#include "ns3/qos-txop.h"
#include "ns3/simulator.h"
#include "ns3/spectrum-wifi-phy.h"
#include "ns3/sta-wifi-mac.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wifi-acknowledgment.h"
#include "ns3/wifi-mac-queue-scheduler.h"
#include "ns3/wifi-mac-queue.h"
#include "ns3/wifi-mpdu.h"
#include "ns3/wifi-protection.h"
#include "ns3/wifi-psdu.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeMultiUserScheduler");

NS_OBJECT_ENSURE_REGISTERED(WdmoeMultiUserScheduler);

namespace
{

constexpr uint8_t LINK = 0;             ///< the only one
constexpr uint8_t TID = 0;              ///< all traffic is best effort
constexpr uint32_t LLC = 8;             ///< LLC/SNAP header, byte
constexpr uint32_t FCS = 4;             ///< frame check sequence, byte
constexpr uint32_t SUBFRAME = 4 + 3;    ///< A-MPDU subframe header and padding at most, byte
constexpr uint32_t SMALL = 256;         ///< less is an acknowledgement of a transport, byte
const Time SYMBOL = NanoSeconds(12800); ///< HE symbol without guard interval
constexpr int ROUNDED_SYMBOLS = 2;      ///< a TB PPDU is up to that shorter than asked for
constexpr uint8_t QUEUE_FULL = 254;     ///< queue size field: more than it can say
constexpr uint32_t NULL_FRAME = 26 + FCS + SUBFRAME; ///< QoS Null frame in an A-MPDU, byte
constexpr int64_t GAP = 5;             ///< kick intervals that leave the medium to others
constexpr int MOST_DOUBLINGS = 2;      ///< of the poll interval
constexpr uint32_t MOST_STATIONS = 32; ///< that were tried
/// Longest PPDU that is still comfortably under the limit of 5.484 ms
constexpr int64_t LONGEST_PPDU_US = 5400;
/// Guard interval that a TB PPDU needs at least
constexpr int64_t LEAST_UPLINK_GUARD_NS = 1600;

} // namespace

TypeId
WdmoeMultiUserScheduler::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeMultiUserScheduler")
            .SetParent<MultiUserScheduler>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeMultiUserScheduler>()
            .AddAttribute("PpduDuration",
                          "Length of a PPDU whose stations have enough to send. Long ones cost "
                          "less, with short ones shares hold sooner. 0: 3 ms in 20 MHz, 4 ms in "
                          "more, which can be cut into more units.",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_target),
                          MakeTimeChecker(Time(0), MicroSeconds(LONGEST_PPDU_US)))
            .AddAttribute("SingleStationPpduDuration",
                          "The same where only one station has anything to send.",
                          TimeValue(MilliSeconds(4)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_alone),
                          MakeTimeChecker(MicroSeconds(200), MicroSeconds(LONGEST_PPDU_US)))
            .AddAttribute("CreditBound",
                          "A station is owed, or owes, no more than the whole channel for that "
                          "long. Old debts of idle stations are forgotten in that time.",
                          TimeValue(MilliSeconds(12)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_bound),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("LeastTones",
                          "Tones of the narrowest resource unit: 26 (uplink only, up to 40 MHz), "
                          "52 (up to 80 MHz), 106 or 242.",
                          UintegerValue(106),
                          MakeUintegerAccessor(&WdmoeMultiUserScheduler::m_leastTones),
                          MakeUintegerChecker<uint32_t>(26, 242))
            .AddAttribute(
                "NarrowMcs",
                "Greatest MCS in resource units under 242 tones. 9 where stations have no "
                "1024-QAM in these, which is an option of the standard.",
                UintegerValue(11),
                MakeUintegerAccessor(&WdmoeMultiUserScheduler::m_narrowMcs),
                MakeUintegerChecker<uint8_t>(0, 11))
            .AddAttribute("UplinkLead",
                          "How long before uplink is expected its trigger may be sent: a trigger "
                          "frame, and the access to the medium, take that long.",
                          TimeValue(MicroSeconds(60)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_lead),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("KickInterval",
                          "While uplink is due, how often it is seen to that the medium is asked "
                          "for.",
                          TimeValue(MicroSeconds(200)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_kickInterval),
                          MakeTimeChecker(MicroSeconds(10)))
            .AddAttribute("UplinkRetry",
                          "How long a station is left alone after it had nothing to answer to a "
                          "trigger. Doubles each time.",
                          TimeValue(MicroSeconds(200)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_retry),
                          MakeTimeChecker(MicroSeconds(10)))
            .AddAttribute("UplinkRetryMost",
                          "Limit of that.",
                          TimeValue(MilliSeconds(5)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_retryMost),
                          MakeTimeChecker(MicroSeconds(10)))
            .AddAttribute("UplinkPatience",
                          "Expected uplink that is this late is given up.",
                          TimeValue(MilliSeconds(100)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_patience),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("UnansweredTriggers",
                          "Triggers in a row that a station does not answer before it is left to "
                          "contention.",
                          UintegerValue(3),
                          MakeUintegerAccessor(&WdmoeMultiUserScheduler::m_unanswered),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("FallbackTime",
                          "How long it is left to contention then.",
                          TimeValue(MilliSeconds(20)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_fallback),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("PollInterval",
                          "Stations that may not contend, or cannot while the access point keeps "
                          "the medium busy, are asked for their queue size when they were not "
                          "heard for so long; up to four times as long if they never have "
                          "anything. Others are not polled. 0: never.",
                          TimeValue(MilliSeconds(20)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_pollInterval),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("AnswerPollInterval",
                          "The same of a station that was sent data, has not answered, and is not "
                          "expected to: doubles each time.",
                          TimeValue(MilliSeconds(2)),
                          MakeTimeAccessor(&WdmoeMultiUserScheduler::m_answerPoll),
                          MakeTimeChecker(Time(0)))
            .AddTraceSource("Grant",
                            "User data of a station goes into a PPDU, or is expected in one, for "
                            "the first time.",
                            MakeTraceSourceAccessor(&WdmoeMultiUserScheduler::m_grantTrace),
                            "ns3::WdmoeMultiUserScheduler::GrantTracedCallback");
    return tid;
}

WdmoeMultiUserScheduler::WdmoeMultiUserScheduler()
{
    NS_LOG_FUNCTION(this);
}

WdmoeMultiUserScheduler::~WdmoeMultiUserScheduler()
{
    NS_LOG_FUNCTION(this);
}

void
WdmoeMultiUserScheduler::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_kick.Cancel();
    m_active.clear();
    m_downlinkClaims.clear();
    m_uplinkClaims.clear();
    m_stations.clear();
    m_choice = WdmoeToneChoice();
    m_layouts.clear();
    m_mcs = UplinkMcsCallback();
    MultiUserScheduler::DoDispose();
}

void
WdmoeMultiUserScheduler::DoInitialize()
{
    NS_LOG_FUNCTION(this);
    auto phy = m_apMac->GetWifiPhy(LINK);
    NS_ABORT_MSG_IF(!DynamicCast<SpectrumWifiPhy>(phy),
                    "WdmoeMultiUserScheduler: the access point has a "
                        << phy->GetInstanceTypeId().GetName()
                        << "; OFDMA needs a spectrum channel: install it with a "
                           "SpectrumWifiPhyHelper instead of a YansWifiPhyHelper");
    NS_ABORT_MSG_IF(m_apMac->GetNLinks() != 1,
                    "WdmoeMultiUserScheduler: the access point has " << +m_apMac->GetNLinks()
                                                                     << " links; 1 was expected");
    auto he = m_apMac->GetHeConfiguration();
    m_contentionOff = he->m_muBeAifsn == 0 ? he->m_beMuEdcaTimer : Time(0);
    m_widthHz = phy->GetChannelWidth() * 1e6;
    const auto problem =
        WdmoeRuLayout::Check(static_cast<uint32_t>(phy->GetChannelWidth()), m_leastTones, 1);
    NS_ABORT_MSG_IF(!problem.empty(), "WdmoeMultiUserScheduler: " << problem);

    if (m_target.IsZero())
    {
        m_target = MilliSeconds(m_widthHz < 30e6 ? 3 : 4);
    }
    WdmoeToneCredits::Settings settings;
    settings.target = m_target.GetSeconds();
    settings.alone = m_alone.GetSeconds();
    settings.bound = m_bound.GetSeconds();
    m_credits.SetSettings(settings);
    for (auto& [address, station] : m_stations)
    {
        station.demand.SetSettings(GetDemandSettings());
    }
    const bool connected = phy->TraceConnectWithoutContext(
        "MonitorSnifferRx",
        MakeCallback(&WdmoeMultiUserScheduler::NotifyReceived, this));
    NS_ABORT_MSG_IF(!connected, "WdmoeMultiUserScheduler: no trace MonitorSnifferRx");
    MultiUserScheduler::DoInitialize();
}

WdmoeUplinkDemand::Settings
WdmoeMultiUserScheduler::GetDemandSettings() const
{
    WdmoeUplinkDemand::Settings settings;
    settings.retry = m_retry;
    settings.retryMost = m_retryMost;
    settings.patience = m_patience;
    settings.unansweredMost = m_unanswered;
    settings.fallback = m_fallback;
    return settings;
}

std::string
WdmoeMultiUserScheduler::CheckSettings(uint16_t widthMhz, uint32_t stations)
{
    auto problem = WdmoeRuLayout::Check(widthMhz, 106, stations);
    if (problem.empty() && stations > MOST_STATIONS)
    {
        std::ostringstream message;
        message << stations << " stations are more than was tried; expected 1 to " << MOST_STATIONS
                << ": leave some out, or take a cell without OFDMA (Scheduler=None)";
        problem = message.str();
    }
    return problem;
}

void
WdmoeMultiUserScheduler::PrepareAccessPoint(Ptr<ApWifiMac> mac, Time contentionOff)
{
    PrepareMac(mac);
    auto ackManager = mac->GetFrameExchangeManager(LINK)->GetAckManager();
    ackManager->SetAttribute("DlMuAckSequenceType",
                             EnumValue(WifiAcknowledgment::DL_MU_AGGREGATE_TF));
    if (contentionOff.IsZero())
    {
        return;
    }
    auto he = mac->GetHeConfiguration();
    // AIFSN 0: no contention at all. Others than BE are told what they have anyway, but with a
    // timer, without which the standard has no MU EDCA parameter set.
    for (const auto* ac : {"Be", "Bk", "Vi", "Vo"})
    {
        const std::string name = ac;
        he->SetAttribute("Mu" + name + "Aifsn", UintegerValue(name == "Be" ? 0 : 3));
        he->SetAttribute("Mu" + name + "CwMin", UintegerValue(15));
        he->SetAttribute("Mu" + name + "CwMax", UintegerValue(1023));
        he->SetAttribute(name + "MuEdcaTimer", TimeValue(contentionOff));
    }
}

void
WdmoeMultiUserScheduler::PrepareStation(Ptr<StaWifiMac> mac)
{
    PrepareMac(mac);
    mac->GetFrameExchangeManager(LINK)->SetAttribute("SetQueueSize", BooleanValue(true));
}

void
WdmoeMultiUserScheduler::PrepareMac(Ptr<WifiMac> mac)
{
    mac->SetAttribute("MpduBufferSize", UintegerValue(256));
    mac->SetAttribute("BE_MaxAmpduSize", UintegerValue(6500631));
    auto txop = mac->GetQosTxop(AC_BE);
    txop->SetAttribute("UseExplicitBarAfterMissedBlockAck", BooleanValue(false));
    txop->GetWifiMacQueue()->SetAttribute("MaxSize", StringValue("1000000p"));
    txop->GetWifiMacQueue()->SetAttribute("MaxDelay", TimeValue(Seconds(1000)));
}

void
WdmoeMultiUserScheduler::SetUplinkMcsCallback(UplinkMcsCallback callback)
{
    m_mcs = callback;
}

WdmoeMultiUserScheduler::Station&
WdmoeMultiUserScheduler::Get(Mac48Address address)
{
    auto [it, isNew] = m_stations.try_emplace(address);
    if (isNew)
    {
        it->second.address = address;
        it->second.demand.SetSettings(GetDemandSettings());
        it->second.downlink.share.weight = 1;
        it->second.uplink.share.weight = 1;
    }
    return it->second;
}

void
WdmoeMultiUserScheduler::SetShares(Mac48Address station,
                                   const WdmoeShare& downlink,
                                   const WdmoeShare& uplink)
{
    NS_LOG_FUNCTION(this << station);
    auto& state = Get(station);
    state.removed = false;
    state.downlink.share = downlink;
    state.uplink.share = uplink;
}

void
WdmoeMultiUserScheduler::ExpectUplink(Mac48Address station, uint64_t bytes, Time when)
{
    NS_LOG_FUNCTION(this << station << bytes << when);
    Get(station).demand.Expect(bytes, when);
    ScheduleKick(std::max(Simulator::Now(), when - m_lead));
}

void
WdmoeMultiUserScheduler::RemoveStation(Mac48Address station)
{
    NS_LOG_FUNCTION(this << station);
    auto& state = Get(station);
    state.removed = true;
    state.demand.Clear();
    state.downlink.credit = 0;
    state.uplink.credit = 0;
}

double
WdmoeMultiUserScheduler::GetUsedHzS(Mac48Address station, bool downlink) const
{
    const auto it = m_stations.find(station);
    if (it == m_stations.end())
    {
        return 0;
    }
    return (downlink ? it->second.downlink : it->second.uplink).usedS * m_widthHz;
}

uint32_t
WdmoeMultiUserScheduler::GetFallbacks(Mac48Address station) const
{
    const auto it = m_stations.find(station);
    return it == m_stations.end() ? 0 : it->second.demand.GetFallbacks();
}

uint64_t
WdmoeMultiUserScheduler::GetTriggers() const
{
    return m_triggers;
}

void
WdmoeMultiUserScheduler::UpdateStations()
{
    m_active.clear();
    m_downlinkClaims.clear();
    m_uplinkClaims.clear();
    for (const auto& [aid, address] : m_apMac->GetStaList(LINK))
    {
        if (aid != m_apMac->GetAssociationId(address, LINK))
        {
            // One that went without a word and came back is listed twice: ns-3 gives it another ID
            // and keeps the old one. It would be entitled twice.
            continue;
        }
        auto& station = Get(address);
        station.aid = aid;
        if (station.removed)
        {
            continue; // a trigger frame would find it without association
        }
        m_active.push_back(&station);
        m_downlinkClaims.push_back(&station.downlink);
        m_uplinkClaims.push_back(&station.uplink);
    }
}

WifiTxVector
WdmoeMultiUserScheduler::GetDataTxVector(const Station& station) const
{
    WifiMacHeader header(WIFI_MAC_QOSDATA);
    header.SetAddr1(station.address);
    header.SetAddr2(m_apMac->GetAddress());
    header.SetQosTid(TID);
    return GetWifiRemoteStationManager(LINK)->GetDataTxVector(header, m_allowedWidth);
}

WdmoeMultiUserScheduler::Station*
WdmoeMultiUserScheduler::ClaimDownlink()
{
    Station* alone = nullptr;
    for (auto* station : m_active)
    {
        station->downlink.need = 0;
        const uint8_t size = m_edca->GetQosQueueSize(TID, station->address);
        if (size == 0)
        {
            continue;
        }
        if (!m_apMac->GetHeSupported(station->address) ||
            !m_apMac->GetBaAgreementEstablishedAsOriginator(station->address, TID))
        {
            alone = station;
            continue;
        }
        // all of it may be on its way already, or beyond the block-ack window
        if (!m_edca->PeekNextMpdu(LINK, TID, station->address))
        {
            continue;
        }
        const auto txVector = GetDataTxVector(*station);
        station->downlinkRate = txVector.GetMode().GetDataRate(txVector);
        station->downlink.need = size == QUEUE_FULL ? 1 : size * 256 * 8 / station->downlinkRate;
    }
    return alone;
}

void
WdmoeMultiUserScheduler::ClaimUplink()
{
    const Time at = Simulator::Now() + m_lead;
    const double slack = ROUNDED_SYMBOLS * (SYMBOL + GetGuardInterval(false)).GetSeconds();
    const WdmoeRu whole = GetLayouts(false).front().units.front();
    for (auto* station : m_active)
    {
        station->uplink.need = 0;
        station->uplinkPending = 0;
        const uint64_t pending = station->demand.GetPending(at);
        if (pending == 0 || !CanTrigger(station->address))
        {
            continue;
        }
        const double rate = GetRate(GetUplinkMcs(*station, whole), whole);
        station->uplinkPending = pending;
        const uint64_t frames = pending / station->demand.GetFrameBytes() + 1;
        station->uplink.need = (pending + frames * SUBFRAME) * 8 / rate + slack;
        station->uplink.first =
            Simulator::Now() >= station->mutedUntil && !m_contentionOff.IsZero();
    }
}

double
WdmoeMultiUserScheduler::GetRate(uint8_t mcs, const WdmoeRu& unit) const
{
    WifiTxVector txVector;
    txVector.SetPreambleType(WIFI_PREAMBLE_HE_TB);
    txVector.SetChannelWidth(m_allowedWidth);
    txVector.SetGuardInterval(GetGuardInterval(false));
    txVector.SetHeMuUserInfo(1, {WdmoeMakeRu(unit.type, unit.index, unit.primary80), mcs, 1});
    return txVector.GetMode(1).GetDataRate(txVector, 1);
}

Time
WdmoeMultiUserScheduler::GetGuardInterval(bool downlink) const
{
    const Time guard = m_apMac->GetHeConfiguration()->GetGuardInterval();
    return downlink ? guard : std::max(guard, NanoSeconds(LEAST_UPLINK_GUARD_NS));
}

uint8_t
WdmoeMultiUserScheduler::GetUplinkMcs(const Station& station, const WdmoeRu& unit) const
{
    uint8_t mcs = 0;
    if (!m_mcs.IsNull())
    {
        mcs = m_mcs(station.address, WdmoeGetRuMhz(unit.type) * 1e6);
    }
    else
    {
        const auto mode = GetDataTxVector(station).GetMode();
        mcs = mode.GetModulationClass() >= WIFI_MOD_CLASS_HE ? mode.GetMcsValue() : 0;
    }
    return unit.tones < 242 ? std::min(mcs, m_narrowMcs) : mcs;
}

const std::vector<WdmoeRuLayout>&
WdmoeMultiUserScheduler::GetLayouts(bool downlink)
{
    // the channel may be narrower than it is, while part of it is busy
    const auto width = static_cast<uint32_t>(m_allowedWidth);
    auto& layouts = m_layouts[{width, downlink}];
    if (layouts.empty())
    {
        layouts = WdmoeRuLayout::Enumerate(width, m_leastTones, MOST_STATIONS, downlink);
    }
    return layouts;
}

bool
WdmoeMultiUserScheduler::IsUplinkNext()
{
    const auto sum = [](const WdmoeToneCredits::Claims& claims) {
        double guaranteed = 0;
        bool active = false;
        for (const auto* claim : claims)
        {
            guaranteed += claim->need > 0 ? claim->share.guaranteed : 0;
            active = active || claim->need > 0;
        }
        return std::make_pair(active, guaranteed);
    };
    const auto [down, downGuaranteed] = sum(m_downlinkClaims);
    const auto [up, upGuaranteed] = sum(m_uplinkClaims);
    if (!down || !up)
    {
        m_uplinkPart = up ? 1 : 0;
        m_turn = 0;
        return up;
    }
    const int32_t downPriority = WdmoeToneCredits::GetPriority(m_downlinkClaims);
    const int32_t upPriority = WdmoeToneCredits::GetPriority(m_uplinkClaims);
    const double left = 1 - (downGuaranteed + upGuaranteed) / 2;
    m_uplinkPart = upGuaranteed / 2;
    if (upPriority > downPriority)
    {
        m_uplinkPart += left;
    }
    else if (upPriority == downPriority)
    {
        m_uplinkPart += left / 2;
    }
    const double target = m_target.GetSeconds();
    return m_turn + m_uplinkPart * target > target / 2;
}

void
WdmoeMultiUserScheduler::Charge(bool downlink, double duration)
{
    const auto& claims = downlink ? m_downlinkClaims : m_uplinkClaims;
    m_credits.Charge(claims, m_choice, duration);
    const double bound = m_bound.GetSeconds();
    m_turn += (m_uplinkPart - (downlink ? 0 : 1)) * duration;
    m_turn = std::clamp(m_turn, -bound, bound);
}

MultiUserScheduler::TxFormat
WdmoeMultiUserScheduler::SelectTxFormat()
{
    NS_LOG_FUNCTION(this);
    SettleUplink();
    if (m_edca->GetAccessCategory() != AC_BE)
    {
        return SU_TX;
    }
    UpdateStations();
    if (auto* alone = ClaimDownlink(); alone && !m_servedAlone)
    {
        m_servedAlone = true;
        ServeAlone(*alone);
        ScheduleKick(Simulator::Now() + m_kickInterval);
        return SU_TX;
    }
    m_servedAlone = false;
    ClaimUplink();
    WdmoeToneCredits::Entitle(m_downlinkClaims);
    WdmoeToneCredits::Entitle(m_uplinkClaims);

    if (BuildPoll())
    {
        return UL_MU_TX;
    }
    const bool uplink = IsUplinkNext();
    const auto& claims = uplink ? m_uplinkClaims : m_downlinkClaims;
    m_choice = m_credits.Choose(claims, GetLayouts(!uplink));
    if (!m_choice.layout)
    {
        // no data for stations that can be served so: the rest, if there is any, is not ours
        return m_edca->PeekNextMpdu(LINK) ? SU_TX : NO_TX;
    }
    if (uplink)
    {
        return BuildTrigger() ? UL_MU_TX : NO_TX;
    }
    return BuildDownlink() ? DL_MU_TX : NO_TX;
}

MultiUserScheduler::DlMuInfo
WdmoeMultiUserScheduler::ComputeDlMuInfo()
{
    return std::move(m_downlinkInfo);
}

MultiUserScheduler::UlMuInfo
WdmoeMultiUserScheduler::ComputeUlMuInfo()
{
    return std::move(m_uplinkInfo);
}

void
WdmoeMultiUserScheduler::ServeAlone(const Station& station)
{
    // a single-user PPDU goes to whoever is first in the queue: have the others step back until
    // that was chosen, which is right after this
    auto scheduler = m_apMac->GetMacQueueScheduler();
    const auto own = m_apMac->GetFrameExchangeManager(LINK)->GetAddress();
    for (const auto* other : m_active)
    {
        if (other == &station || m_edca->GetQosQueueSize(TID, other->address) == 0)
        {
            continue;
        }
        const auto address = other->address;
        scheduler->BlockQueues(WifiQueueBlockedReason::TID_NOT_MAPPED,
                               AC_BE,
                               {WIFI_QOSDATA_QUEUE},
                               address,
                               own,
                               {TID});
        Simulator::ScheduleNow([scheduler, address, own]() {
            scheduler->UnblockQueues(WifiQueueBlockedReason::TID_NOT_MAPPED,
                                     AC_BE,
                                     {WIFI_QOSDATA_QUEUE},
                                     address,
                                     own,
                                     {TID});
        });
    }
}

bool
WdmoeMultiUserScheduler::BuildDownlink()
{
    m_downlinkInfo = DlMuInfo();
    auto& params = m_downlinkInfo.txParams;
    auto& txVector = params.m_txVector;
    auto fem = GetHeFem(LINK);
    txVector.SetPreambleType(WIFI_PREAMBLE_HE_MU);
    txVector.SetChannelWidth(m_allowedWidth);
    txVector.SetGuardInterval(GetGuardInterval(true));
    txVector.SetBssColor(m_apMac->GetHeConfiguration()->m_bssColor);

    const auto& units = m_choice.layout->units;
    for (std::size_t i = 0; i < units.size(); ++i)
    {
        const auto& station = *m_active[m_choice.claims[i]];
        const auto single = GetDataTxVector(station);
        const auto mode = single.GetMode();
        uint8_t mcs = mode.GetModulationClass() >= WIFI_MOD_CLASS_HE ? mode.GetMcsValue() : 0;
        mcs = units[i].tones < 242 ? std::min(mcs, m_narrowMcs) : mcs;
        txVector.SetHeMuUserInfo(
            station.aid,
            {WdmoeMakeRu(units[i].type, units[i].index, units[i].primary80), mcs, single.GetNss()});
    }
    // the first frame of each, which has to fit, tells how this PPDU is acknowledged
    std::vector<Ptr<WifiMpdu>> first;
    for (const auto claim : m_choice.claims)
    {
        auto mpdu = m_edca->PeekNextMpdu(LINK, TID, m_active[claim]->address);
        NS_ASSERT(mpdu);
        mpdu = fem->CreateAliasIfNeeded(mpdu);
        if (!fem->TryAddMpdu(mpdu, params, m_initialFrame ? Time::Min() : m_availableTime))
        {
            NS_LOG_DEBUG("no time for a frame to " << m_active[claim]->address);
            return false;
        }
        first.push_back(mpdu);
    }
    if (!params.m_acknowledgment->acknowledgmentTime)
    {
        fem->CalculateAcknowledgmentTime(params.m_acknowledgment.get());
    }
    if (!params.m_protection->protectionTime)
    {
        fem->CalculateProtectionTime(params.m_protection.get());
    }
    const Time preamble = WifiPhy::CalculatePhyPreambleAndHeaderDuration(txVector);
    Time available = preamble + Seconds(m_choice.duration) +
                     *params.m_acknowledgment->acknowledgmentTime +
                     *params.m_protection->protectionTime;
    if (m_availableTime != Time::Min())
    {
        available = std::min(available, m_availableTime);
    }
    for (std::size_t i = 0; i < first.size(); ++i)
    {
        m_edca->AssignSequenceNumber(first[i]);
        auto mpdus = fem->GetMpduAggregator()->GetNextAmpdu(first[i], params, available);
        uint32_t fresh = 0;
        if (mpdus.empty())
        {
            mpdus.push_back(first[i]);
        }
        for (const auto& mpdu : mpdus)
        {
            fresh += mpdu->GetHeader().IsRetry() ? 0 : GetPayload(mpdu);
        }
        auto& station = *m_active[m_choice.claims[i]];
        m_downlinkInfo.psduMap[station.aid] = mpdus.size() > 1
                                                  ? Create<WifiPsdu>(std::move(mpdus))
                                                  : Create<WifiPsdu>(mpdus.front(), true);
        if (fresh >= SMALL && !station.owes)
        {
            station.owes = true;
            station.polls = 0;
        }
        if (fresh > 0)
        {
            m_grantTrace(station.address, true, fresh);
        }
    }
    const Time duration = *params.m_txDuration;
    Charge(true, (duration - preamble).GetSeconds());
    NotifyExchange(duration + *params.m_acknowledgment->acknowledgmentTime +
                   *params.m_protection->protectionTime);
    return true;
}

uint32_t
WdmoeMultiUserScheduler::GetPayload(Ptr<const WifiMpdu> mpdu)
{
    if (!mpdu->GetHeader().IsQosAmsdu())
    {
        return mpdu->GetPacketSize() - std::min(mpdu->GetPacketSize(), LLC);
    }
    uint32_t payload = 0;
    for (const auto& msdu : *PeekPointer(mpdu))
    {
        payload += msdu.first->GetSize() - std::min(msdu.first->GetSize(), LLC);
    }
    return payload;
}

bool
WdmoeMultiUserScheduler::BuildTrigger()
{
    const auto band = m_apMac->GetWifiPhy(LINK)->GetPhyBand();
    auto txVector = MakeUplinkTxVector();
    const auto& units = m_choice.layout->units;
    for (std::size_t i = 0; i < units.size(); ++i)
    {
        const auto& station = *m_active[m_choice.claims[i]];
        txVector.SetHeMuUserInfo(station.aid,
                                 {WdmoeMakeRu(units[i].type, units[i].index, units[i].primary80),
                                  GetUplinkMcs(station, units[i]),
                                  1});
    }
    // as long as the one with most to send in its unit needs, but no longer than was chosen; a
    // frame of each must fit
    const Time preamble = WifiPhy::CalculatePhyPreambleAndHeaderDuration(txVector);
    Time needed;
    Time least;
    for (std::size_t i = 0; i < units.size(); ++i)
    {
        const auto& station = *m_active[m_choice.claims[i]];
        const uint64_t frame = station.demand.GetFrameBytes() + SUBFRAME;
        const uint64_t frames = station.uplinkPending / station.demand.GetFrameBytes() + 1;
        const uint64_t bytes = std::min<uint64_t>(station.uplinkPending + frames * SUBFRAME, 4e6);
        needed = std::max(needed, WifiPhy::CalculateTxDuration(bytes, txVector, band, station.aid));
        least = std::max(least, WifiPhy::CalculateTxDuration(frame, txVector, band, station.aid));
    }
    if (least > MicroSeconds(LONGEST_PPDU_US) && units.size() > 1)
    {
        // a bad channel: it takes all the tones to send a frame in one PPDU
        m_choice.layout = &GetLayouts(false).front();
        m_choice.claims.resize(1);
        return BuildTrigger();
    }
    needed += ROUNDED_SYMBOLS * (SYMBOL + txVector.GetGuardInterval());
    Time duration = std::min(needed, preamble + Seconds(m_choice.duration));
    duration = std::min(std::max(duration, least), MicroSeconds(LONGEST_PPDU_US));

    const Time exchange = MakeTrigger(txVector, TriggerFrameType::BASIC_TRIGGER, duration, least);
    if (exchange.IsZero())
    {
        return false;
    }
    const double data = (duration - preamble).GetSeconds();
    for (std::size_t i = 0; i < units.size(); ++i)
    {
        auto& station = *m_active[m_choice.claims[i]];
        const double rate = GetRate(GetUplinkMcs(station, units[i]), units[i]);
        const uint32_t frame = station.demand.GetFrameBytes();
        const auto capacity = static_cast<uint64_t>(rate * data / 8);
        const uint64_t frames = capacity / (frame + SUBFRAME - 3);
        const uint32_t fresh =
            station.demand.NotifyTriggered(Simulator::Now() + m_lead,
                                           std::max<uint64_t>(frames, 1) * frame);
        if (fresh > 0)
        {
            m_grantTrace(station.address, false, fresh);
        }
        station.triggered = true;
    }
    Charge(false, data);
    NotifyExchange(exchange);
    return true;
}

bool
WdmoeMultiUserScheduler::BuildPoll()
{
    const Time now = Simulator::Now();
    if (m_pollInterval.IsZero())
    {
        return false;
    }
    const bool busy = now - m_busySince >= m_pollInterval;
    bool due = false;
    std::vector<Station*> silent;
    for (auto* station : m_active)
    {
        if (station->uplink.share.guaranteed <= 0 && station->uplink.share.weight <= 0)
        {
            continue; // nothing may come of it
        }
        // once anyone is asked, those that are soon to be are asked as well
        const Time wait = GetPollWait(*station);
        if (now - station->heard >= wait / 2 && (busy || now < station->mutedUntil) &&
            station->uplinkPending == 0 && CanTrigger(station->address))
        {
            silent.push_back(station);
            due = due || now + m_lead - station->heard >= wait;
        }
    }
    if (!due)
    {
        return false;
    }
    std::stable_sort(silent.begin(), silent.end(), [](const Station* a, const Station* b) {
        return a->heard < b->heard;
    });
    const auto layout =
        WdmoeRuLayout::MakeEqual(static_cast<uint32_t>(m_allowedWidth), silent.size());
    auto txVector = MakeUplinkTxVector();
    for (std::size_t i = 0; i < layout.units.size(); ++i)
    {
        const auto& unit = layout.units[i];
        txVector.SetHeMuUserInfo(silent[i]->aid,
                                 {WdmoeMakeRu(unit.type, unit.index, unit.primary80),
                                  GetUplinkMcs(*silent[i], unit),
                                  1});
    }
    Time duration;
    for (std::size_t i = 0; i < layout.units.size(); ++i)
    {
        duration = std::max(duration,
                            WifiPhy::CalculateTxDuration(NULL_FRAME,
                                                         txVector,
                                                         m_apMac->GetWifiPhy(LINK)->GetPhyBand(),
                                                         silent[i]->aid));
    }
    const Time exchange = MakeTrigger(txVector, TriggerFrameType::BSRP_TRIGGER, duration, duration);
    if (exchange.IsZero())
    {
        return false;
    }
    for (std::size_t i = 0; i < layout.units.size(); ++i)
    {
        silent[i]->heard = now;
        silent[i]->polls = std::min(silent[i]->polls + 1, MOST_DOUBLINGS);
    }
    NotifyExchange(exchange);
    return true;
}

Time
WdmoeMultiUserScheduler::GetPollWait(const Station& station) const
{
    // What was sent data, will probably answer; of what is expected there is no need to ask.
    const bool owes = station.owes && station.demand.GetNextTime(Simulator::Now()) == Time::Max();
    return std::min(owes ? m_answerPoll : m_pollInterval, m_pollInterval) * (1 << station.polls);
}

bool
WdmoeMultiUserScheduler::CanTrigger(Mac48Address station) const
{
    return m_apMac->GetHeSupported(station) &&
           m_apMac->GetBaAgreementEstablishedAsRecipient(station, TID);
}

WifiTxVector
WdmoeMultiUserScheduler::MakeUplinkTxVector() const
{
    WifiTxVector txVector;
    txVector.SetPreambleType(WIFI_PREAMBLE_HE_TB);
    txVector.SetChannelWidth(m_allowedWidth);
    txVector.SetGuardInterval(GetGuardInterval(false));
    txVector.SetBssColor(m_apMac->GetHeConfiguration()->m_bssColor);
    return txVector;
}

Time
WdmoeMultiUserScheduler::MakeTrigger(const WifiTxVector& txVector,
                                     TriggerFrameType type,
                                     Time& duration,
                                     Time least)
{
    auto phy = m_apMac->GetWifiPhy(LINK);
    m_uplinkInfo = UlMuInfo();
    auto& trigger = m_uplinkInfo.trigger;
    auto& params = m_uplinkInfo.txParams;
    trigger = CtrlTriggerHeader(type, txVector);
    auto item = GetTriggerFrame(trigger, LINK);
    m_uplinkInfo.macHdr = item->GetHeader();
    params.m_txVector =
        GetWifiRemoteStationManager(LINK)->GetRtsTxVector(item->GetHeader().GetAddr1(),
                                                          m_allowedWidth);
    auto fem = GetHeFem(LINK);
    if (!fem->TryAddMpdu(item, params, m_availableTime))
    {
        return Time(0);
    }
    if (!params.m_acknowledgment->acknowledgmentTime)
    {
        fem->CalculateAcknowledgmentTime(params.m_acknowledgment.get());
    }
    if (!params.m_protection->protectionTime)
    {
        fem->CalculateProtectionTime(params.m_protection.get());
    }
    const Time around = *params.m_protection->protectionTime + *params.m_txDuration +
                        phy->GetSifs() + *params.m_acknowledgment->acknowledgmentTime;
    if (m_availableTime != Time::Min())
    {
        duration = std::min(duration, m_availableTime - around);
        if (duration < least)
        {
            return Time(0);
        }
    }
    uint16_t length = 0;
    std::tie(length, duration) =
        HePhy::ConvertHeTbPpduDurationToLSigLength(duration, txVector, phy->GetPhyBand());
    trigger.SetUlLength(length);
    for (auto& user : trigger)
    {
        if (type != TriggerFrameType::BASIC_TRIGGER)
        {
            break;
        }
        user.SetBasicTriggerDepUserInfo(0, 0, AC_BE);
    }
    ++m_triggers;
    return around + duration + phy->GetSifs();
}

void
WdmoeMultiUserScheduler::NotifyExchange(Time duration)
{
    const Time now = Simulator::Now();
    if (now - m_busyUntil > GAP * m_kickInterval)
    {
        m_busySince = now;
    }
    m_busyUntil = now + duration;
    m_kick.Cancel();
    ScheduleKick(m_busyUntil + m_apMac->GetWifiPhy(LINK)->GetSlot());
}

void
WdmoeMultiUserScheduler::SettleUplink()
{
    for (auto* station : m_active)
    {
        if (station->triggered)
        {
            station->triggered = false;
            station->demand.NotifyOver(Simulator::Now());
        }
    }
}

void
WdmoeMultiUserScheduler::ScheduleKick(Time when)
{
    if (m_kick.IsPending())
    {
        if (Simulator::GetDelayLeft(m_kick) <= when - Simulator::Now())
        {
            return;
        }
        m_kick.Cancel();
    }
    m_kick = Simulator::Schedule(when - Simulator::Now(), &WdmoeMultiUserScheduler::Kick, this);
}

void
WdmoeMultiUserScheduler::Kick()
{
    NS_LOG_FUNCTION(this);
    auto edca = m_apMac->GetQosTxop(AC_BE);
    const auto status = edca->GetAccessStatus(LINK);
    if (status != Txop::GRANTED)
    {
        SettleUplink();
    }
    const Time now = Simulator::Now();
    Time next = Time::Max();
    for (const auto& [aid, address] : m_apMac->GetStaList(LINK))
    {
        if (!CanTrigger(address))
        {
            continue;
        }
        const auto& station = Get(address);
        next = std::min(next, station.demand.GetNextTime(now));
        const Time poll = station.heard + GetPollWait(station);
        if (!m_pollInterval.IsZero() && poll < station.mutedUntil)
        {
            next = std::min(next, std::max(now, poll));
        }
    }
    if (next == Time::Max())
    {
        return;
    }
    if (next > now + m_lead)
    {
        ScheduleKick(next - m_lead);
        return;
    }
    if (status == Txop::NOT_REQUESTED)
    {
        m_apMac->GetChannelAccessManager(LINK)->RequestAccess(edca);
    }
    ScheduleKick(now + m_kickInterval);
}

void
WdmoeMultiUserScheduler::NotifyReceived(Ptr<const Packet> packet,
                                        uint16_t /* frequency */,
                                        WifiTxVector txVector,
                                        MpduInfo mpdu,
                                        SignalNoiseDbm /* signal */,
                                        uint16_t /* staId */)
{
    auto frame = packet->Copy();
    uint32_t size = frame->GetSize();
    if (mpdu.type != NORMAL_MPDU)
    {
        AmpduSubframeHeader subframe;
        frame->RemoveHeader(subframe);
        size = subframe.GetLength();
    }
    WifiMacHeader header;
    frame->PeekHeader(header);
    if (!header.IsQosData() || header.GetQosTid() != TID ||
        header.GetAddr1() != m_apMac->GetAddress())
    {
        return;
    }
    auto& station = Get(header.GetAddr2());
    station.heard = Simulator::Now();
    const uint8_t queue = header.IsQosEosp() ? header.GetQosQueueSize() : 255;
    const Time now = Simulator::Now();
    if (!header.HasData())
    {
        station.demand.NotifyNull(now, queue);
    }
    else
    {
        station.polls = 0;
        if (txVector.IsUlMu())
        {
            station.mutedUntil = now + m_contentionOff;
        }
        else
        {
            // taken by contention: it counts as well
            const double rate = txVector.GetMode().GetDataRate(txVector);
            const double taken = 8.0 * (size + SUBFRAME) / rate;
            station.uplink.usedS += taken;
            station.uplink.credit -= taken;
        }
        const uint32_t around = header.GetSerializedSize() + FCS + LLC;
        station.owes = station.owes && size < around + SMALL;
        const uint32_t fresh = station.demand.NotifyReceived(now,
                                                             size,
                                                             size - std::min(size, around),
                                                             header.GetSequenceNumber(),
                                                             queue);
        if (fresh > 0)
        {
            m_grantTrace(station.address, false, fresh);
        }
    }
    if (station.demand.GetNextTime(now) <= now)
    {
        // the answer to this frame comes first
        ScheduleKick(now + m_kickInterval);
    }
}

} // namespace ns3
