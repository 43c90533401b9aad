/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-ff-mac-scheduler.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/log.h"
#include "ns3/lte-common.h"
#include "ns3/lte-vendor-specific-parameters.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeFfMacScheduler");

NS_OBJECT_ENSURE_REGISTERED(WdmoeFfMacScheduler);

namespace
{

/// Logical channels below this one are signalling: CCCH, SRB1, SRB2.
constexpr std::size_t FIRST_DATA_LCID = 3;
/// RLC and MAC headers of a transport block, byte.
constexpr uint32_t OVERHEAD = 6;
/// A TB shorter than this carries no RLC PDU for each of two channels (8 byte each), byte.
constexpr uint32_t LEAST_UPLINK_BYTES = 16;
/// From this index on a buffer report may mean any size: ns-3 quantises 63 ("more") to 62.
constexpr uint8_t SATURATED_BSR = 62;
/// A block is sent four times at most.
constexpr uint8_t MAX_UPLINK_RETX = 3;
/// A UE that leaves so many grants in a row unanswered has sent all it had.
constexpr uint32_t MOST_UNANSWERED = 3;
/// PDCP header of a packet, and what RLC UM adds to it in its reports, byte each.
constexpr uint32_t PACKET_OVERHEAD = 2;
/// A downlink grant of this TTI is heard, and an uplink grant used, after so long: 2 TTIs on the
/// way to the PHY and the control symbols of that subframe.
const Time USE_DELAY = MicroSeconds(2214);
/// A buffer report was written so long before it is heard here.
const Time REPORT_AGE = MilliSeconds(5);
/// A report may supersede what is expected so much later: a prediction that is late by that.
const Time MOST_LATE = MilliSeconds(10);
/// Room for packets that come along with what was expected, byte: two acknowledgements.
constexpr uint32_t UNANNOUNCED = 160;
/// Packets are taken to be as short as this where their headers are provided for, byte.
constexpr uint32_t SHORT_PACKET = 536;
/// Part of RLC's bytes that is IP, packets of 1400 byte.
constexpr double IP_PART = 1400.0 / (1400 + 2 * PACKET_OVERHEAD);

/**
 * @param most largest
 * @param bytes wanted
 * @param size of a transport block by number of units, non-decreasing
 * @return least number of units that hold so many bytes, or most
 */
template <typename F>
uint32_t
FindUnits(uint32_t most, uint32_t bytes, F size)
{
    uint32_t low = 1;
    uint32_t high = most;
    if (size(high) <= bytes)
    {
        return high;
    }
    while (low < high)
    {
        const uint32_t middle = (low + high) / 2;
        if (size(middle) >= bytes)
        {
            high = middle;
        }
        else
        {
            low = middle + 1;
        }
    }
    return low;
}

} // namespace

TypeId
WdmoeFfMacScheduler::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeFfMacScheduler")
            .SetParent<FfMacScheduler>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeFfMacScheduler>()
            .AddAttribute("HarqEnabled",
                          "Whether blocks received in error are sent again",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeFfMacScheduler::m_harq),
                          MakeBooleanChecker())
            .AddAttribute("FullPowerUplink",
                          "Whether a UE puts all its power into whatever it is granted (uplink "
                          "power control is off), so that its SINR in a grant is that of the SRS "
                          "times band / grant",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeFfMacScheduler::m_fullPower),
                          MakeBooleanChecker())
            .AddAttribute("UlGrantMcs",
                          "The MCS of the uplink grant that answers a random access request",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeFfMacScheduler::m_rachMcs),
                          MakeUintegerChecker<uint8_t>(0, 15))
            .AddAttribute("MeasurementWindow",
                          "Time constant over which channel reports are averaged",
                          TimeValue(MilliSeconds(50)),
                          MakeTimeAccessor(&WdmoeFfMacScheduler::m_window),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("ReportInterval",
                          "Time between two firings of GrantReport",
                          TimeValue(MilliSeconds(10)),
                          MakeTimeAccessor(&WdmoeFfMacScheduler::m_reportInterval),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddTraceSource("GrantReport",
                            "What was requested and granted in the last ReportInterval",
                            MakeTraceSourceAccessor(&WdmoeFfMacScheduler::m_grantReportTrace),
                            "ns3::WdmoeFfMacScheduler::GrantReportTracedCallback");
    return tid;
}

WdmoeFfMacScheduler::WdmoeFfMacScheduler()
    : m_cschedSapProvider(std::make_unique<MemberCschedSapProvider<WdmoeFfMacScheduler>>(this)),
      m_schedSapProvider(std::make_unique<MemberSchedSapProvider<WdmoeFfMacScheduler>>(this))
{
}

WdmoeFfMacScheduler::~WdmoeFfMacScheduler()
{
}

void
WdmoeFfMacScheduler::DoDispose()
{
    m_ues.clear();
    FfMacScheduler::DoDispose();
}

void
WdmoeFfMacScheduler::SetFfMacCschedSapUser(FfMacCschedSapUser* s)
{
    m_cschedSapUser = s;
}

void
WdmoeFfMacScheduler::SetFfMacSchedSapUser(FfMacSchedSapUser* s)
{
    m_schedSapUser = s;
}

FfMacCschedSapProvider*
WdmoeFfMacScheduler::GetFfMacCschedSapProvider()
{
    return m_cschedSapProvider.get();
}

FfMacSchedSapProvider*
WdmoeFfMacScheduler::GetFfMacSchedSapProvider()
{
    return m_schedSapProvider.get();
}

void
WdmoeFfMacScheduler::SetLteFfrSapProvider(LteFfrSapProvider* /* s */)
{
}

LteFfrSapUser*
WdmoeFfMacScheduler::GetLteFfrSapUser()
{
    return nullptr;
}

// Plan, devices and what was measured of them

void
WdmoeFfMacScheduler::SetPlan(const WdmoePlan& plan)
{
    NS_LOG_FUNCTION(this);
    m_plan = plan;
    m_devices.resize(std::max(m_devices.size(), plan.downlink.size()));
    for (auto& [rnti, ue] : m_ues)
    {
        UpdateShares(ue);
    }
}

void
WdmoeFfMacScheduler::Bind(uint16_t rnti, uint32_t device)
{
    NS_LOG_FUNCTION(this << rnti << device);
    m_devices.resize(std::max<std::size_t>(m_devices.size(), device + 1));
    m_devices[device].rnti = rnti;
    if (auto ue = Find(rnti))
    {
        ue->device = device;
        UpdateShares(*ue);
    }
}

void
WdmoeFfMacScheduler::UpdateShares(Ue& ue)
{
    const auto device = static_cast<std::size_t>(ue.device);
    const bool known = ue.device >= 0 && device < m_plan.downlink.size();
    ue.downlink.share = known ? m_plan.downlink[device] : WdmoeShare{0, 1, 0};
    ue.uplink.share = known ? m_plan.uplink[device] : WdmoeShare{0, 1, 0};
}

bool
WdmoeFfMacScheduler::ExpectUplink(uint32_t device, uint32_t bytes, Time when)
{
    NS_LOG_FUNCTION(this << device << bytes << when);
    m_devices.resize(std::max<std::size_t>(m_devices.size(), device + 1));
    auto ue = Find(m_devices[device].rnti);
    if (!ue || ue->device != device)
    {
        return false;
    }
    const uint32_t headers = 2 * PACKET_OVERHEAD * (bytes / SHORT_PACKET + 1);
    const auto later = std::find_if(ue->expected.begin(), ue->expected.end(), [&](const auto& e) {
        return e.when > when;
    });
    // What is expected is often led by the acknowledgement of what it answers.
    ue->expected.insert(later, {when, bytes + headers, bytes + headers + UNANNOUNCED});
    return true;
}

void
WdmoeFfMacScheduler::SetGrantCallback(const GrantCallback& callback)
{
    m_grantCallback = callback;
}

WdmoeLteGrants
WdmoeFfMacScheduler::GetGrants(uint32_t device) const
{
    return device < m_devices.size() ? m_devices[device].grants : WdmoeLteGrants{};
}

WdmoeRadioBacklog
WdmoeFfMacScheduler::GetBacklog(uint32_t device) const
{
    WdmoeRadioBacklog backlog;
    for (const auto& [rnti, ue] : m_ues)
    {
        if (ue.device == device)
        {
            backlog.downlinkBytes = 0;
            for (const auto& channel : ue.channels)
            {
                backlog.downlinkBytes += channel.queue + channel.retx + channel.status;
            }
            backlog.uplinkBytes = ue.queue;
        }
    }
    return backlog;
}

WdmoeLteEstimate
WdmoeFfMacScheduler::GetDownlinkEfficiency(uint32_t device) const
{
    return device < m_devices.size() ? m_devices[device].downlinkEfficiency : WdmoeLteEstimate{};
}

WdmoeLteEstimate
WdmoeFfMacScheduler::GetUplinkSinr(uint32_t device) const
{
    return device < m_devices.size() ? m_devices[device].uplinkSinr : WdmoeLteEstimate{};
}

void
WdmoeFfMacScheduler::SetBoostCallback(const BoostCallback& callback)
{
    m_boostCallback = callback;
}

double
WdmoeFfMacScheduler::GetUplinkBoost(uint32_t device) const
{
    return device < m_devices.size() ? m_devices[device].boost : 1;
}

uint32_t
WdmoeFfMacScheduler::GetDownlinkRbs() const
{
    return m_rbgs * m_rbgSize;
}

uint32_t
WdmoeFfMacScheduler::GetUplinkRbs() const
{
    return m_uplinkRbs;
}

WdmoeFfMacScheduler::Ue*
WdmoeFfMacScheduler::Find(uint16_t rnti)
{
    const auto it = m_ues.find(rnti);
    return it == m_ues.end() ? nullptr : &it->second;
}

WdmoeLteGrants&
WdmoeFfMacScheduler::Counters(const Ue& ue)
{
    return ue.device < 0 ? m_unbound : m_devices[ue.device].grants;
}

void
WdmoeFfMacScheduler::Report()
{
    const uint64_t ttis = m_tti - m_reportedTti;
    if (ttis < static_cast<uint64_t>(m_reportInterval.GetMilliSeconds()))
    {
        return;
    }
    m_reportedTti = m_tti;
    WdmoeLteGrantReport report{ttis, GetDownlinkRbs(), m_uplinkRbs, m_plan, {}};
    for (auto& d : m_devices)
    {
        report.granted.push_back({d.grants.downlinkNew - d.reported.downlinkNew,
                                  d.grants.downlinkRetx - d.reported.downlinkRetx,
                                  d.grants.uplinkNew - d.reported.uplinkNew,
                                  d.grants.uplinkRetx - d.reported.uplinkRetx,
                                  d.grants.uplinkWasted - d.reported.uplinkWasted,
                                  d.grants.uplinkEarly - d.reported.uplinkEarly,
                                  d.grants.uplinkEarlyWasted - d.reported.uplinkEarlyWasted});
        d.reported = d.grants;
    }
    m_grantReportTrace(report);
}

// Configuration

void
WdmoeFfMacScheduler::DoCschedCellConfigReq(
    const FfMacCschedSapProvider::CschedCellConfigReqParameters& params)
{
    NS_LOG_FUNCTION(this);
    NS_ABORT_MSG_IF(m_ulCqiFilter != SRS_UL_CQI,
                    "WdmoeFfMacScheduler: UlCqiFilter PUSCH_UL_CQI is not supported, since a PUSCH "
                    "says nothing about unused RBs; set UlCqiFilter to SRS_UL_CQI");
    m_rbgSize = WdmoeLteLinkAdaptation::GetRbgSize(params.m_dlBandwidth);
    m_rbgs = params.m_dlBandwidth / m_rbgSize;
    m_uplinkRbs = params.m_ulBandwidth;
    m_uplinkBusy.assign(m_uplinkRbs, false);
    m_cschedSapUser->CschedUeConfigCnf({0, SUCCESS, {}});
}

void
WdmoeFfMacScheduler::DoCschedUeConfigReq(
    const FfMacCschedSapProvider::CschedUeConfigReqParameters& params)
{
    NS_LOG_FUNCTION(this << params.m_rnti);
    NS_ABORT_MSG_IF(params.m_transmissionMode != 0,
                    "WdmoeFfMacScheduler: transmission mode "
                        << +params.m_transmissionMode << " of RNTI " << params.m_rnti
                        << " is not supported; leave LteEnbRrc::DefaultTransmissionMode at 0 "
                           "(SISO)");
    auto& ue = m_ues[params.m_rnti];
    ue.rnti = params.m_rnti;
    ue.mostRbs = m_uplinkRbs;
}

void
WdmoeFfMacScheduler::DoCschedLcConfigReq(
    const FfMacCschedSapProvider::CschedLcConfigReqParameters& /* params */)
{
}

void
WdmoeFfMacScheduler::DoCschedLcReleaseReq(
    const FfMacCschedSapProvider::CschedLcReleaseReqParameters& params)
{
    if (auto ue = Find(params.m_rnti))
    {
        for (auto lcid : params.m_logicalChannelIdentity)
        {
            ue->channels.at(lcid) = Channel{};
        }
    }
}

void
WdmoeFfMacScheduler::DoCschedUeReleaseReq(
    const FfMacCschedSapProvider::CschedUeReleaseReqParameters& params)
{
    NS_LOG_FUNCTION(this << params.m_rnti);
    m_ues.erase(params.m_rnti);
}

// Downlink

void
WdmoeLteRlcQueue::Report(uint32_t bytes)
{
    const uint32_t known = GetBytes();
    if (bytes < known || bytes - known < PACKET_OVERHEAD)
    {
        if (bytes == known)
        {
            return; // nothing new: RLC repeats itself
        }
        // Packets were thrown away: go on from what there is.
        m_sdus.clear();
        m_bytes = 0;
        m_begun = false;
        if (bytes > PACKET_OVERHEAD)
        {
            m_bytes = bytes - PACKET_OVERHEAD;
            m_sdus.push_back(m_bytes);
        }
        return;
    }
    m_sdus.push_back(bytes - known - PACKET_OVERHEAD);
    m_bytes += m_sdus.back();
}

uint32_t
WdmoeLteRlcQueue::Serve(uint32_t bytes)
{
    constexpr uint32_t header = 2;      // the fixed part
    constexpr uint32_t longest = 0x7ff; // of a packet that others may follow
    if (bytes <= header)
    {
        return 0;
    }
    uint32_t room = bytes - header;
    uint32_t data = 0;
    for (uint32_t n = 1; !m_sdus.empty(); n++)
    {
        auto& sdu = m_sdus.front();
        const uint32_t taken = std::min(sdu, room);
        const bool last = sdu >= room || sdu > longest;
        data += taken - (m_begun ? 0 : std::min(taken, PACKET_OVERHEAD)); // PDCP's header
        sdu -= taken;
        room -= taken;
        m_bytes -= taken;
        m_begun = sdu > 0;
        if (!m_begun)
        {
            m_sdus.pop_front();
        }
        if (last || room <= 2)
        {
            break;
        }
        room -= n % 2 ? 2 : 1; // length indicators of 12 bit
    }
    return data;
}

uint32_t
WdmoeLteRlcQueue::GetBytes() const
{
    return m_bytes + PACKET_OVERHEAD * static_cast<uint32_t>(m_sdus.size());
}

bool
WdmoeFfMacScheduler::Channel::IsActive() const
{
    return queue + retx + status > 0;
}

void
WdmoeFfMacScheduler::DoSchedDlRlcBufferReq(
    const FfMacSchedSapProvider::SchedDlRlcBufferReqParameters& params)
{
    if (auto ue = Find(params.m_rnti))
    {
        auto& c = ue->channels.at(params.m_logicalChannelIdentity);
        c.queue = params.m_rlcTransmissionQueueSize;
        c.retx = params.m_rlcRetransmissionQueueSize;
        c.status = params.m_rlcStatusPduSize;
        if (params.m_logicalChannelIdentity >= FIRST_DATA_LCID)
        {
            c.sdus.Report(c.queue);
        }
    }
}

void
WdmoeFfMacScheduler::DoSchedDlPagingBufferReq(
    const FfMacSchedSapProvider::SchedDlPagingBufferReqParameters& /* params */)
{
    NS_FATAL_ERROR("WdmoeFfMacScheduler: paging is not supported");
}

void
WdmoeFfMacScheduler::DoSchedDlMacBufferReq(
    const FfMacSchedSapProvider::SchedDlMacBufferReqParameters& /* params */)
{
    NS_FATAL_ERROR("WdmoeFfMacScheduler: MAC control elements are not supported");
}

void
WdmoeFfMacScheduler::DoSchedDlRachInfoReq(
    const FfMacSchedSapProvider::SchedDlRachInfoReqParameters& params)
{
    m_rach = params.m_rachList;
}

void
WdmoeFfMacScheduler::DoSchedDlCqiInfoReq(
    const FfMacSchedSapProvider::SchedDlCqiInfoReqParameters& params)
{
    for (const auto& report : params.m_cqiList)
    {
        auto ue = Find(report.m_rnti);
        if (report.m_cqiType == CqiListElement_s::P10 && ue)
        {
            ue->cqi = report.m_wbCqi.at(0);
            if (ue->device >= 0)
            {
                m_devices[ue->device].downlinkEfficiency.Update(
                    m_adaptation.GetDownlinkEfficiency(ue->cqi, GetDownlinkRbs()),
                    m_window);
            }
        }
    }
}

void
WdmoeFfMacScheduler::DoSchedDlTriggerReq(
    const FfMacSchedSapProvider::SchedDlTriggerReqParameters& params)
{
    m_tti++;
    m_downlinkBusy.assign(m_rbgs, false);
    m_downlinkConfig.m_buildDataList.clear();
    m_downlinkConfig.m_buildRarList.clear();
    m_downlinkConfig.m_nrOfPdcchOfdmSymbols = 1;
    if (!m_grantReportTrace.IsEmpty())
    {
        Report();
    }
    for (const auto& info : params.m_dlInfoList)
    {
        auto ue = Find(info.m_rnti);
        if (ue && m_harq)
        {
            ue->downlinkHarq.Feedback(info.m_harqProcessId,
                                      info.m_harqStatus.at(0) != DlInfoListElement_s::NACK);
        }
    }
    GrantRandomAccess();
    RetransmitDownlink();
    GrantDownlink();
    if (!m_downlinkConfig.m_buildDataList.empty() || !m_downlinkConfig.m_buildRarList.empty())
    {
        m_schedSapUser->SchedDlConfigInd(m_downlinkConfig);
    }
}

void
WdmoeFfMacScheduler::GrantRandomAccess()
{
    uint32_t start = 0;
    for (const auto& request : m_rach)
    {
        uint32_t length = 1;
        while (start + length < m_uplinkRbs &&
               8 * m_adaptation.GetUplinkBytes(m_rachMcs, length) < request.m_estimatedSize)
        {
            length++;
        }
        const auto dci = MakeUplinkDci(request.m_rnti, start, length, m_rachMcs);
        if (start + length > m_uplinkRbs || 8 * dci.m_tbSize < request.m_estimatedSize)
        {
            break; // no room: the UE tries again
        }
        BuildRarListElement_s answer;
        answer.m_rnti = request.m_rnti;
        answer.m_grant.m_rnti = request.m_rnti;
        answer.m_grant.m_rbStart = start;
        answer.m_grant.m_rbLen = length;
        answer.m_grant.m_tbSize = dci.m_tbSize;
        answer.m_grant.m_mcs = m_rachMcs;
        answer.m_grant.m_hopping = false;
        answer.m_grant.m_tpc = 0;
        m_downlinkConfig.m_buildRarList.push_back(answer);
        m_rachGrants.push_back(dci);
        start += length;
    }
    m_rach.clear();
}

void
WdmoeFfMacScheduler::RetransmitDownlink()
{
    for (auto& [rnti, ue] : m_ues)
    {
        ue.downlinkHarq.Age();
        ue.downlink.blocked = false;
        const int number = ue.downlinkHarq.FindPending();
        if (number < 0)
        {
            continue;
        }
        auto& process = ue.downlinkHarq.Get(number);
        // The same RBGs if they are free, others if not; if there are too few it stays pending.
        std::vector<uint32_t> rbgs;
        const uint32_t wanted = __builtin_popcount(process.dci.m_rbBitmap);
        for (bool same : {true, false})
        {
            for (uint32_t i = 0; i < m_rbgs && rbgs.size() < wanted; i++)
            {
                if (!m_downlinkBusy[i] && ((process.dci.m_rbBitmap >> i) & 1) == same)
                {
                    rbgs.push_back(i);
                }
            }
        }
        if (rbgs.size() < wanted)
        {
            continue;
        }
        process.dci.m_rbBitmap = 0;
        for (auto i : rbgs)
        {
            m_downlinkBusy[i] = true;
            process.dci.m_rbBitmap |= 1U << i;
        }
        process.pending = false;
        process.age = 0;
        process.dci.m_ndi.at(0) = 0;
        process.dci.m_rv.at(0)++;
        BuildDataListElement_s element;
        element.m_rnti = rnti;
        element.m_dci = process.dci;
        element.m_rlcPduList = process.pdus;
        m_downlinkConfig.m_buildDataList.push_back(element);
        ue.downlink.blocked = true; // one block for each UE and TTI
        ue.downlink.credit -= wanted;
        Counters(ue).downlinkRetx += wanted * m_rbgSize;
    }
}

bool
WdmoeFfMacScheduler::IsControl(const Ue& ue, std::size_t lcid)
{
    return lcid < FIRST_DATA_LCID || ue.device < 0;
}

void
WdmoeFfMacScheduler::ClaimDownlink(Ue& ue)
{
    auto& claim = ue.downlink;
    uint32_t control = 0;
    uint32_t bytes = 0;
    for (std::size_t lcid = 0; lcid < ue.channels.size(); lcid++)
    {
        const auto& c = ue.channels[lcid];
        if (c.IsActive() && (ue.cqi > 0 || IsControl(ue, lcid)))
        {
            const uint32_t size = c.queue + c.retx + c.status + OVERHEAD;
            bytes += size;
            control += IsControl(ue, lcid) ? size : 0;
        }
    }
    claim.need = 0;
    claim.least = 1;
    claim.first = control > 0;
    if (bytes == 0)
    {
        return;
    }
    const int mcs = m_adaptation.GetMcs(ue.cqi);
    const auto size = [&](uint32_t rbgs) {
        return m_adaptation.GetDownlinkBytes(mcs, rbgs * m_rbgSize);
    };
    claim.need = FindUnits(m_rbgs, bytes, size);
    claim.blocked |= ue.downlinkHarq.FindFree() < 0;
    if (control > 0)
    {
        claim.least = FindUnits(m_rbgs, control, size);
    }
}

void
WdmoeFfMacScheduler::GrantDownlink()
{
    m_claims.clear();
    for (auto& [rnti, ue] : m_ues)
    {
        ClaimDownlink(ue);
        m_claims.push_back(&ue.downlink);
    }
    m_allocator.Accrue(m_claims, m_rbgs);
    m_allocator.Grant(m_claims, std::count(m_downlinkBusy.begin(), m_downlinkBusy.end(), false));
    for (auto& [rnti, ue] : m_ues)
    {
        if (ue.downlink.granted > 0)
        {
            BuildDownlink(ue);
        }
    }
}

void
WdmoeFfMacScheduler::BuildDownlink(Ue& ue)
{
    const uint32_t rbs = ue.downlink.granted * m_rbgSize;
    const int mcs = m_adaptation.GetMcs(ue.cqi);
    uint32_t bytes = m_adaptation.GetDownlinkBytes(mcs, rbs);
    const int number = m_harq ? ue.downlinkHarq.FindFree() : 0;
    auto& process = ue.downlinkHarq.Get(number);
    auto& dci = process.dci;
    dci.m_rnti = ue.rnti;
    dci.m_harqProcess = number;
    dci.m_resAlloc = 0;
    dci.m_rbBitmap = 0;
    dci.m_mcs.assign(1, mcs);
    dci.m_tbsSize.assign(1, bytes);
    dci.m_ndi.assign(1, 1);
    dci.m_rv.assign(1, 0);
    dci.m_tpc = 1; // 1 means 0 dB
    uint32_t left = ue.downlink.granted;
    for (uint32_t i = 0; left > 0; i++)
    {
        if (!m_downlinkBusy[i])
        {
            m_downlinkBusy[i] = true;
            dci.m_rbBitmap |= 1U << i;
            left--;
        }
    }

    // Signalling is sent in one piece, the other channels have equal parts of what is left.
    process.pdus.clear();
    uint32_t data = 0;
    uint32_t active = std::count_if(ue.channels.begin(), ue.channels.end(), [](const auto& c) {
        return c.IsActive();
    });
    for (std::size_t lcid = 0; lcid < ue.channels.size() && active > 0; lcid++)
    {
        auto& c = ue.channels[lcid];
        if (!c.IsActive())
        {
            continue;
        }
        const bool whole = lcid < FIRST_DATA_LCID && active > 1;
        const uint32_t size =
            whole ? std::min(bytes, c.queue + c.retx + c.status + OVERHEAD) : bytes / active;
        active--;
        bytes -= size;
        RlcPduListElement_s pdu;
        pdu.m_logicalChannelIdentity = lcid;
        pdu.m_size = size;
        process.pdus.push_back({pdu});
        // One opportunity serves one of the three queues (RLC AM), in this order.
        const uint32_t payload = size - std::min(size, lcid == 1 ? 4U : 2U);
        auto& served = c.status > 0 ? c.status : c.retx > 0 ? c.retx : c.queue;
        if (&served == &c.queue && lcid >= FIRST_DATA_LCID)
        {
            data += c.sdus.Serve(size);
            c.queue = c.sdus.GetBytes();
        }
        else
        {
            served -= std::min(served, &served == &c.queue ? payload : size);
        }
    }
    if (data > 0 && ue.device >= 0 && m_grantCallback)
    {
        m_grantCallback(ue.device, true, data);
    }
    process.busy = m_harq;
    process.pending = false;
    process.age = 0;
    BuildDataListElement_s element;
    element.m_rnti = ue.rnti;
    element.m_dci = dci;
    element.m_rlcPduList = process.pdus;
    m_downlinkConfig.m_buildDataList.push_back(element);
    Counters(ue).downlinkNew += rbs;
}

// Uplink

void
WdmoeFfMacScheduler::DoSchedUlNoiseInterferenceReq(
    const FfMacSchedSapProvider::SchedUlNoiseInterferenceReqParameters& /* params */)
{
}

void
WdmoeFfMacScheduler::DoSchedUlSrInfoReq(
    const FfMacSchedSapProvider::SchedUlSrInfoReqParameters& /* params */)
{
}

void
WdmoeFfMacScheduler::DoSchedUlMacCtrlInfoReq(
    const FfMacSchedSapProvider::SchedUlMacCtrlInfoReqParameters& params)
{
    for (const auto& element : params.m_macCeList)
    {
        auto ue = Find(element.m_rnti);
        if (element.m_macCeType != MacCeListElement_s::BSR || !ue)
        {
            continue;
        }
        // The report is 5 TTIs old and a grant is used 2.2 ms after it is made: all that is in
        // flight was not known when it was written.
        uint32_t bytes = 0;
        ue->saturated = false;
        for (auto id : element.m_macCeValue.m_bufferStatus)
        {
            bytes += BufferSizeLevelBsr::BsrId2BufferSize(id);
            ue->saturated |= id >= SATURATED_BSR;
        }
        // Signalling bearers are in logical channel group 0.
        ue->control =
            BufferSizeLevelBsr::BsrId2BufferSize(element.m_macCeValue.m_bufferStatus.at(0));
        const uint32_t inFlight = ue->uplinkHarq.GetBytesInFlight();
        const uint32_t queue = ue->expected.empty() ? bytes - std::min(bytes, inFlight)
                                                    : Supersede(*ue, bytes, inFlight);
        ue->queue = queue;
        ue->control = std::min(ue->control, ue->queue);
        ue->reported = m_tti;
        ue->heard = false;
        ue->unanswered = 0;
    }
}

uint32_t
WdmoeFfMacScheduler::Supersede(Ue& ue, uint32_t reported, uint32_t inFlight)
{
    const Time now = Simulator::Now();
    const uint32_t early = ue.uplinkHarq.GetEarlyBytesInFlight(Time::Min());
    // What there was when the report was written, as far as earlier reports tell.
    uint32_t known = ue.queue + inFlight - early;
    uint32_t announced = 0;
    uint32_t left = 0;
    Time last = Time::Min();
    auto end = ue.expected.begin();
    for (; end != ue.expected.end(); ++end)
    {
        // It was there by then; or else there is so much more than before that it must have come
        // before its time.
        announced += end->bytes;
        if (end->when > now - REPORT_AGE &&
            (end->when > now + MOST_LATE || reported < known + announced * 0.9))
        {
            break;
        }
        left += end->left;
        last = end->when;
    }
    ue.expected.erase(ue.expected.begin(), end);
    // Grants for what is still to come are no answer to this report.
    const uint32_t toCome = ue.uplinkHarq.GetEarlyBytesInFlight(last);
    inFlight -= toCome;
    const uint32_t queue = reported - std::min(reported, inFlight);
    if (last == Time::Min())
    {
        return queue;
    }
    // Reports come in steps of 17 % and end at 150 kB. If this one agrees with what is known to the
    // byte, that is it, but for some small packets that nobody announced.
    known += left + early - toCome;
    const bool agrees = ue.saturated ? known >= reported
                                     : BufferSizeLevelBsr::BufferSize2BsrId(known) ==
                                           BufferSizeLevelBsr::BufferSize2BsrId(reported);
    if (!agrees)
    {
        return queue;
    }
    const uint32_t others = ue.saturated ? UNANNOUNCED : std::min(reported - known, UNANNOUNCED);
    ue.saturated = false;
    return ue.queue + left + others;
}

void
WdmoeFfMacScheduler::DoSchedUlCqiInfoReq(
    const FfMacSchedSapProvider::SchedUlCqiInfoReqParameters& params)
{
    if (params.m_ulCqi.m_type != UlCqi_s::SRS)
    {
        return;
    }
    for (const auto& element : params.m_vendorSpecificList)
    {
        const auto vsp = DynamicCast<SrsCqiRntiVsp>(element.m_value);
        auto ue = vsp ? Find(vsp->GetRnti()) : nullptr;
        if (!ue)
        {
            continue;
        }
        double boost = 1;
        if (m_fullPower)
        {
            boost = std::numeric_limits<double>::infinity();
        }
        else if (m_boostCallback && ue->device >= 0)
        {
            boost = std::max(1.0, m_boostCallback(ue->device));
        }
        ue->channel.Update(params.m_ulCqi.m_sinr, boost);
        const double sinr = ue->channel.GetMeanSinr();
        // Beyond this width a UE that is limited by its power falls below the lowest MCS; where
        // that is lower still it gets the best it can have.
        const double lowest = WdmoeLteLinkAdaptation::SINR_GAP * (std::exp2(0.1523) - 1);
        ue->mostRbs =
            std::clamp<double>(m_uplinkRbs * std::max(sinr / lowest, 1 / boost), 1, m_uplinkRbs);
        if (ue->device >= 0)
        {
            m_devices[ue->device].boost = boost;
            m_devices[ue->device].uplinkSinr.Update(sinr, m_window);
        }
    }
}

void
WdmoeFfMacScheduler::DoSchedUlTriggerReq(
    const FfMacSchedSapProvider::SchedUlTriggerReqParameters& params)
{
    m_uplinkConfig.m_dciList.clear();
    m_uplinkBusy.assign(m_uplinkRbs, false);
    for (const auto& dci : m_rachGrants)
    {
        std::fill_n(m_uplinkBusy.begin() + dci.m_rbStart, dci.m_rbLen, true);
    }
    for (const auto& info : params.m_ulInfoList)
    {
        if (auto ue = Find(info.m_rnti))
        {
            auto& slot = ue->uplinkHarq.At(m_tti);
            slot.answered = true;
            slot.failed = info.m_receptionStatus == UlInfoListElement_s::NotOk;
        }
    }
    RetransmitUplink(m_tti);
    for (const auto& dci : m_rachGrants)
    {
        if (auto ue = Find(dci.m_rnti))
        {
            ue->uplinkHarq.At(m_tti) = WdmoeLteUplinkHarq::Grant(dci);
        }
    }
    m_rachGrants.clear();
    GrantUplink();
    if (!m_uplinkConfig.m_dciList.empty())
    {
        m_schedSapUser->SchedUlConfigInd(m_uplinkConfig);
    }
}

bool
WdmoeFfMacScheduler::IsFree(uint32_t start, uint32_t length) const
{
    const auto begin = m_uplinkBusy.begin() + start;
    return start + length <= m_uplinkRbs &&
           std::find(begin, begin + length, true) == begin + length;
}

void
WdmoeFfMacScheduler::RetransmitUplink(uint64_t tti)
{
    for (auto& [rnti, ue] : m_ues)
    {
        auto& slot = ue.uplinkHarq.At(tti);
        if (!slot.sent)
        {
            continue;
        }
        slot.sent = false;
        if (slot.transmission == 0)
        {
            SettleUplink(ue, slot);
        }
        if (slot.answered)
        {
            ue.heard = true;
            ue.unanswered = 0;
        }
        else if (!slot.onlyEarly && tti >= ue.reported + WdmoeLteUplinkHarq::PERIOD)
        {
            // The grant came after what was reported, so either the UE has sent all it had, or it
            // did not hear the grant. It reports anew within 10 ms if it has heard one and has
            // more; if it has heard none it never would.
            if (!ue.heard && slot.transmission == 0)
            {
                ue.queue += slot.dci.m_tbSize;
            }
            else if (++ue.unanswered >= MOST_UNANSWERED)
            {
                ue.queue = 0;
                ue.control = 0;
                ue.saturated = false;
            }
        }
        if (!m_harq || !slot.answered || !slot.failed || slot.transmission == MAX_UPLINK_RETX)
        {
            continue;
        }
        // On the same RBs, or on others where random access has taken those.
        uint32_t start = slot.dci.m_rbStart;
        if (!IsFree(start, slot.dci.m_rbLen))
        {
            start = 0;
            while (start < m_uplinkRbs && !IsFree(start, slot.dci.m_rbLen))
            {
                start++;
            }
            if (start == m_uplinkRbs)
            {
                continue; // lost: it cannot come later
            }
        }
        slot.dci.m_rbStart = start;
        std::fill_n(m_uplinkBusy.begin() + start, slot.dci.m_rbLen, true);
        slot.sent = true;
        slot.answered = slot.failed = false;
        slot.transmission++;
        slot.dci.m_ndi = 0;
        m_uplinkConfig.m_dciList.push_back(slot.dci);
        ue.uplink.credit -= slot.dci.m_rbLen;
        Counters(ue).uplinkRetx += slot.dci.m_rbLen;
    }
}

void
WdmoeFfMacScheduler::SettleUplink(Ue& ue, const WdmoeLteUplinkHarq::Slot& slot)
{
    if (slot.answered)
    {
        if (slot.early > 0 && m_grantCallback)
        {
            m_grantCallback(ue.device, false, static_cast<uint32_t>(slot.early * IP_PART));
        }
        return;
    }
    auto& counters = Counters(ue);
    counters.uplinkWasted += slot.dci.m_rbLen;
    if (slot.onlyEarly)
    {
        // Too early, or nothing comes at all: the device will say so itself.
        counters.uplinkEarlyWasted += slot.dci.m_rbLen;
        std::erase_if(ue.expected, [&](const auto& e) { return e.when <= slot.expected; });
    }
}

uint32_t
WdmoeFfMacScheduler::GetExpectedBytes(Ue& ue)
{
    uint32_t bytes = 0;
    const Time now = Simulator::Now();
    // Granted in full, and the report that would supersede it did not come.
    while (!ue.expected.empty() && ue.expected.front().left == 0 &&
           ue.expected.front().when + MOST_LATE < now)
    {
        ue.expected.erase(ue.expected.begin());
    }
    for (const auto& e : ue.expected)
    {
        if (e.when > now + USE_DELAY)
        {
            break;
        }
        bytes += e.left;
    }
    return bytes;
}

void
WdmoeFfMacScheduler::ClaimUplink(Ue& ue)
{
    auto& claim = ue.uplink;
    const uint32_t queue = ue.queue + (ue.expected.empty() ? 0 : GetExpectedBytes(ue));
    claim.blocked = ue.uplinkHarq.At(m_tti).sent;
    claim.need = 0;
    claim.least = LEAST_UPLINK_RBS;
    claim.first = ue.control > 0 || (ue.device < 0 && ue.queue > 0);
    if (queue == 0 && !ue.saturated)
    {
        return;
    }
    const auto size = [&](uint32_t rbs) {
        return m_adaptation.GetUplinkBytes(
            m_adaptation.GetMcsOfEfficiency(ue.channel.GetTypicalEfficiency(rbs)),
            rbs);
    };
    while (claim.least < m_uplinkRbs && size(claim.least) < LEAST_UPLINK_BYTES)
    {
        claim.least++;
    }
    const uint32_t most = std::max(claim.least, ue.mostRbs);
    claim.need =
        ue.saturated ? most : std::max(claim.least, FindUnits(most, queue + OVERHEAD, size));
    if (claim.first)
    {
        const uint32_t control = ue.device < 0 ? ue.queue : ue.control;
        claim.least = std::max(claim.least, FindUnits(most, control + OVERHEAD, size));
    }
}

void
WdmoeFfMacScheduler::GrantUplink()
{
    m_claims.clear();
    for (auto& [rnti, ue] : m_ues)
    {
        ClaimUplink(ue);
        m_claims.push_back(&ue.uplink);
    }
    m_allocator.Accrue(m_claims, m_uplinkRbs);
    m_allocator.GrantBlocks(m_claims, m_uplinkBusy);
    for (auto& [rnti, ue] : m_ues)
    {
        const auto& claim = ue.uplink;
        if (claim.granted == 0)
        {
            continue;
        }
        const int mcs =
            m_adaptation.GetMcsOfEfficiency(ue.channel.GetEfficiency(claim.start, claim.granted));
        const auto dci = MakeUplinkDci(rnti, claim.start, claim.granted, mcs);
        auto& slot = ue.uplinkHarq.At(m_tti);
        slot = WdmoeLteUplinkHarq::Grant(dci);
        m_uplinkConfig.m_dciList.push_back(dci);
        BookUplink(ue, slot);
    }
}

void
WdmoeFfMacScheduler::BookUplink(Ue& ue, WdmoeLteUplinkHarq::Slot& slot)
{
    const uint32_t payload = slot.dci.m_tbSize - std::min<uint32_t>(slot.dci.m_tbSize, OVERHEAD);
    const uint32_t reported = ue.saturated ? payload : std::min(ue.queue, payload);
    const uint32_t control = std::min(ue.control, payload);
    ue.queue -= std::min(ue.queue, reported);
    ue.control -= control;
    auto& counters = Counters(ue);
    counters.uplinkNew += slot.dci.m_rbLen;
    if (reported > control && ue.device >= 0 && m_grantCallback)
    {
        m_grantCallback(ue.device, false, static_cast<uint32_t>((reported - control) * IP_PART));
    }
    for (auto& e : ue.expected)
    {
        const uint32_t room = payload - reported - slot.early;
        if (room == 0 || e.when > Simulator::Now() + USE_DELAY)
        {
            break;
        }
        const uint32_t bytes = std::min(e.left, room);
        e.left -= bytes;
        slot.early += bytes;
        slot.expected = e.when;
    }
    slot.onlyEarly = reported == 0 && slot.early > 0;
    counters.uplinkEarly += slot.onlyEarly ? slot.dci.m_rbLen : 0;
}

UlDciListElement_s
WdmoeFfMacScheduler::MakeUplinkDci(uint16_t rnti, uint32_t start, uint32_t length, int mcs) const
{
    UlDciListElement_s dci;
    dci.m_rnti = rnti;
    dci.m_rbStart = start;
    dci.m_rbLen = length;
    dci.m_tbSize = m_adaptation.GetUplinkBytes(mcs, length);
    dci.m_mcs = mcs;
    dci.m_ndi = 1;
    dci.m_cceIndex = 0;
    dci.m_aggrLevel = 1;
    dci.m_ueTxAntennaSelection = 3; // off
    dci.m_n2Dmrs = 0;
    dci.m_tpc = 0;
    dci.m_ulIndex = 0;
    dci.m_dai = 1;
    dci.m_freqHopping = 0;
    dci.m_pdcchPowerOffset = 0;
    return dci;
}

} // namespace ns3
