/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-lte-radio.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/component-carrier-enb.h"
#include "ns3/config.h"
#include "ns3/constant-position-mobility-model.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/error-model.h"
#include "ns3/integer.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/log.h"
#include "ns3/lte-enb-mac.h"
#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-enb-phy.h"
#include "ns3/lte-enb-rrc.h"
#include "ns3/lte-helper.h"
#include "ns3/lte-ue-net-device.h"
#include "ns3/lte-ue-phy.h"
#include "ns3/lte-ue-power-control.h"
#include "ns3/mobility-model.h"
#include "ns3/point-to-point-epc-helper.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/pointer.h"
#include "ns3/propagation-loss-model.h"
#include "ns3/simulator.h"
#include "ns3/spectrum-channel.h"
#include "ns3/spectrum-propagation-loss-model.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-lte-compat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeLteRadio");

NS_OBJECT_ENSURE_REGISTERED(WdmoeLteRadio);

namespace
{

/// Bandwidths of LTE, RBs
constexpr std::array<uint32_t, 6> BANDWIDTHS{6, 15, 25, 50, 75, 100};
/// SRS periods of LTE, ms; one UE for each ms
constexpr std::array<uint32_t, 8> SRS_PERIODS{2, 5, 10, 20, 40, 80, 160, 320};
/// RBs of the uplink grant that answers a random access request, at MCS 0
constexpr uint32_t RACH_RBS = 6;
/// A downlink below this has been out of range for most of the time, bit/s/Hz (CQI 1: 0.15).
constexpr double LEAST_EFFICIENCY = 0.01;
/// How often a device that is limited by its power is asked for the power of a narrow grant.
const Time HEADROOM_INTERVAL = MilliSeconds(50);

} // namespace

TypeId
WdmoeLteRadio::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeLteRadio")
            .SetParent<WdmoeRadio>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeLteRadio>()
            .AddAttribute("Bandwidth",
                          "Bandwidth of each direction, RBs of 180 kHz: 6, 15, 25, 50, 75 or 100",
                          UintegerValue(100),
                          MakeUintegerAccessor(&WdmoeLteRadio::m_rbs),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("Scheduler",
                          "TypeId of the MAC scheduler; plans are enforced by "
                          "ns3::WdmoeFfMacScheduler only",
                          StringValue("ns3::WdmoeFfMacScheduler"),
                          MakeStringAccessor(&WdmoeLteRadio::m_schedulerType),
                          MakeStringChecker())
            .AddAttribute("PathlossModel",
                          "TypeId of the propagation loss model; its attributes are set by "
                          "GetLteHelper()->SetPathlossModelAttribute()",
                          StringValue("ns3::LogDistancePropagationLossModel"),
                          MakeStringAccessor(&WdmoeLteRadio::SetPathlossModel),
                          MakeStringChecker())
            .AddAttribute(
                "ServerNode",
                "Node that is the host behind the packet gateway, see SetServerNode(); "
                "none: a new one",
                PointerValue(),
                MakePointerAccessor(&WdmoeLteRadio::SetServerNode, &WdmoeLteRadio::GetServerNode),
                MakePointerChecker<Node>())
            .AddAttribute("EnbTxPower",
                          "Power of the eNB over the whole band, dBm",
                          DoubleValue(30),
                          MakeDoubleAccessor(&WdmoeLteRadio::m_enbPower),
                          MakeDoubleChecker<double>())
            .AddAttribute("UeTxPower",
                          "Power of a device, dBm: without power control all of it in each grant, "
                          "with power control the most that it allows",
                          DoubleValue(23),
                          MakeDoubleAccessor(&WdmoeLteRadio::m_uePower),
                          MakeDoubleChecker<double>())
            .AddAttribute("NarrowGrantMcs",
                          "Whether a narrow uplink grant of a device that is limited by its power "
                          "gets the MCS that all this power in it allows; false: the MCS of the "
                          "whole band, as ns-3's own schedulers do. With power control, the trace "
                          "ReportSrsTxPower of such a device's LteUePowerControl has a value for "
                          "one RB now and then",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeLteRadio::m_narrowGrantMcs),
                          MakeBooleanChecker())
            .AddAttribute("UplinkPowerControl",
                          "Whether the eNB controls the power of devices, as ns-3 does by default; "
                          "false: full power, as in the paper",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeLteRadio::m_powerControl),
                          MakeBooleanChecker())
            .AddAttribute("CoreLoss",
                          "Share of the IP packets that is lost between server and packet gateway, "
                          "each way, as in a congested core network",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeLteRadio::m_coreLoss),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("IdealRrc",
                          "Whether RRC messages go beside the air (ns-3's default) or over it",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeLteRadio::m_idealRrc),
                          MakeBooleanChecker())
            .AddAttribute("RlcBufferSize",
                          "Size of each RLC transmission buffer, byte. ns-3's own default, 10 kB, "
                          "silently drops most of a burst. Sets the default of "
                          "ns3::LteRlcUm::MaxTxBufferSize for the whole simulation",
                          UintegerValue(64 << 20),
                          MakeUintegerAccessor(&WdmoeLteRadio::m_rlcBuffer),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("MeasurementWindow",
                          "Time constant over which channel reports are averaged",
                          TimeValue(MilliSeconds(50)),
                          MakeTimeAccessor(&WdmoeLteRadio::m_window),
                          MakeTimeChecker(Time(0)));
    return tid;
}

WdmoeLteRadio::WdmoeLteRadio()
    : m_lte(CreateObject<LteHelper>()),
      m_epc(CreateObject<PointToPointEpcHelper>())
{
    m_lte->SetEpcHelper(m_epc);
}

void
WdmoeLteRadio::DoDispose()
{
    m_devices.clear();
    m_scheduler = nullptr;
    m_enb = nullptr;
    m_baseStation = nullptr;
    m_server = nullptr;
    m_lte = nullptr;
    m_epc = nullptr;
    WdmoeRadio::DoDispose();
}

std::string
WdmoeLteRadio::CheckSettings(uint32_t rbs, uint32_t devices)
{
    std::ostringstream message;
    if (std::find(BANDWIDTHS.begin(), BANDWIDTHS.end(), rbs) == BANDWIDTHS.end())
    {
        message << "Bandwidth is " << rbs << " RBs; LTE has 6, 15, 25, 50, 75 and 100";
    }
    else if (devices > SRS_PERIODS.back())
    {
        message << devices << " devices; a cell of ns-3 has room for " << SRS_PERIODS.back()
                << ", since each needs a subframe of its own in the longest SRS period ("
                << SRS_PERIODS.back() << " ms)";
    }
    return message.str();
}

uint32_t
WdmoeLteRadio::GetSrsPeriod(uint32_t devices)
{
    for (uint32_t wanted : {2 * devices, devices})
    {
        const auto it = std::lower_bound(SRS_PERIODS.begin(), SRS_PERIODS.end(), wanted);
        if (it != SRS_PERIODS.end())
        {
            return *it;
        }
    }
    return 0;
}

void
WdmoeLteRadio::SetPathlossModel(const std::string& type)
{
    TypeId tid;
    NS_ABORT_MSG_IF(!TypeId::LookupByNameFailSafe(type, &tid),
                    "WdmoeLteRadio: there is no PathlossModel '"
                        << type << "'; for example ns3::LogDistancePropagationLossModel");
    m_lte->SetPathlossModelType(tid); // forgets the attributes of another model
}

Ptr<LteHelper>
WdmoeLteRadio::GetLteHelper() const
{
    return m_lte;
}

void
WdmoeLteRadio::SetServerNode(Ptr<Node> node)
{
    NS_ABORT_MSG_IF(m_enb, "WdmoeLteRadio: set the server node before the base station");
    m_server = node;
}

void
WdmoeLteRadio::SetBaseStation(Ptr<Node> node)
{
    NS_LOG_FUNCTION(this << node);
    const auto wrong = CheckSettings(m_rbs, 0);
    NS_ABORT_MSG_IF(!wrong.empty(), "WdmoeLteRadio: " << wrong);
    NS_ABORT_MSG_IF(m_enb, "WdmoeLteRadio: there is a base station already");
    NS_ABORT_MSG_IF(!node || !node->GetObject<MobilityModel>(),
                    "WdmoeLteRadio: the base station has no MobilityModel; install one first");
    TypeId tid;
    NS_ABORT_MSG_IF(!TypeId::LookupByNameFailSafe(m_schedulerType, &tid) ||
                        !tid.IsChildOf(FfMacScheduler::GetTypeId()),
                    "WdmoeLteRadio: Scheduler '"
                        << m_schedulerType
                        << "' is not a MAC scheduler; for example ns3::WdmoeFfMacScheduler, "
                           "ns3::PfFfMacScheduler, ns3::RrFfMacScheduler");
    BooleanValue aggregation;
    m_lte->GetAttribute("UseCa", aggregation);
    NS_ABORT_MSG_IF(aggregation.Get(),
                    "WdmoeLteRadio: carrier aggregation is not supported; set LteHelper::UseCa to "
                    "false");

    if (node == m_server)
    {
        auto mobility = CreateObject<ConstantPositionMobilityModel>();
        mobility->SetPosition(m_server->GetObject<MobilityModel>()->GetPosition());
        node = CreateObject<Node>();
        node->AggregateObject(mobility);
    }
    WdmoeCheckBaseStation(node);
    m_baseStation = node;
    // Traces of the cell call this object, whoever else forgets it.
    Simulator::ScheduleDestroy([radio = Ptr<WdmoeLteRadio>(this)]() {});
    Config::SetDefault("ns3::LteRlcUm::MaxTxBufferSize", UintegerValue(m_rlcBuffer));
    m_lte->SetAttribute("UseIdealRrc", BooleanValue(m_idealRrc));
    m_lte->SetSchedulerType(m_schedulerType);
    m_lte->SetEnbDeviceAttribute("DlBandwidth", UintegerValue(m_rbs));
    m_lte->SetEnbDeviceAttribute("UlBandwidth", UintegerValue(m_rbs));
    MakeCore();
    m_enb = DynamicCast<LteEnbNetDevice>(m_lte->InstallEnbDevice(NodeContainer(node)).Get(0));
    m_enb->GetPhy()->SetTxPower(m_enbPower);
    m_enb->GetRrc()->SetAttribute("EpsBearerToRlcMapping", EnumValue(LteEnbRrc::RLC_UM_ALWAYS));
    auto scheduler = DynamicCast<ComponentCarrierEnb>(m_enb->GetCcMap().at(0))->GetFfMacScheduler();
    m_scheduler = DynamicCast<WdmoeFfMacScheduler>(scheduler);

    auto rrc = m_enb->GetRrc();
    rrc->TraceConnectWithoutContext("ConnectionEstablished",
                                    MakeCallback(&WdmoeLteRadio::NotifyConnected, this));
    rrc->TraceConnectWithoutContext("ConnectionReconfiguration",
                                    MakeCallback(&WdmoeLteRadio::NotifyBearer, this));
    rrc->TraceConnectWithoutContext("NotifyConnectionRelease",
                                    MakeCallback(&WdmoeLteRadio::NotifyReleased, this));
    if (m_scheduler)
    {
        m_scheduler->SetAttribute("FullPowerUplink",
                                  BooleanValue(m_narrowGrantMcs && !m_powerControl));
        m_scheduler->SetAttribute("MeasurementWindow", TimeValue(m_window));
        if (m_narrowGrantMcs && m_powerControl)
        {
            m_scheduler->SetBoostCallback(
                [this](uint32_t device) { return GetUplinkBoost(device); });
        }
        m_scheduler->SetGrantCallback([this](uint32_t device, bool downlink, uint32_t bytes) {
            NotifyGrant(device, downlink, bytes);
        });
    }
    else
    {
        m_enb->GetPhy()->TraceConnectWithoutContext(
            "ReportUeSinr",
            MakeCallback(&WdmoeLteRadio::NotifyUplinkSinr, this));
        m_enb->GetMac()->TraceConnectWithoutContext(
            "DlScheduling",
            MakeCallback(&WdmoeLteRadio::NotifyDownlinkGrant, this));
        m_enb->GetMac()->TraceConnectWithoutContext(
            "UlScheduling",
            MakeCallback(&WdmoeLteRadio::NotifyUplinkGrant, this));
    }
}

void
WdmoeLteRadio::EnsureInternet(Ptr<Node> node)
{
    if (!node->GetObject<Ipv4>())
    {
        InternetStackHelper().Install(node);
    }
}

void
WdmoeLteRadio::MakeCore()
{
    m_server = m_server ? m_server : CreateObject<Node>();
    EnsureInternet(m_server);
    // Slower than the links of the core (10 Gb/s), so that a burst waits here, where there is
    // room, and not there, where queues are short.
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue("9Gb/s"));
    link.SetChannelAttribute("Delay", TimeValue(Time(0)));
    link.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue("1000000p"));
    // With that room nobody need be stopped, and it saves two events for each packet.
    WdmoeDisableFlowControl(link);
    const auto ends = link.Install(m_epc->GetPgwNode(), m_server);
    for (uint32_t end = 0; m_coreLoss > 0 && end < ends.GetN(); end++)
    {
        auto errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(m_coreLoss);
        ends.Get(end)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
        m_coreErrors.push_back(errors);
    }
    Ipv4AddressHelper addresses("1.0.0.0", "255.0.0.0");
    m_serverAddress = addresses.Assign(ends).GetAddress(1);
    Ipv4StaticRoutingHelper routing;
    auto ipv4 = m_server->GetObject<Ipv4>();
    routing.GetStaticRouting(ipv4)->AddNetworkRouteTo(Ipv4Address("7.0.0.0"),
                                                      Ipv4Mask("255.0.0.0"),
                                                      ipv4->GetInterfaceForDevice(ends.Get(1)));
}

void
WdmoeLteRadio::DoAddDevice(uint32_t device, Ptr<Node> node)
{
    NS_LOG_FUNCTION(this << device << node);
    NS_ABORT_MSG_IF(!m_enb, "WdmoeLteRadio: call SetBaseStation() before AddDevice()");
    NS_ABORT_MSG_IF(!Simulator::Now().IsZero(),
                    "WdmoeLteRadio: device "
                        << device << " comes at " << Simulator::Now().As(Time::MS)
                        << ", and ns-3 makes no UE once the simulation runs; add it before, "
                           "out of range or removed (RemoveDevice), and take it back");
    NS_ABORT_MSG_IF(!node->GetObject<MobilityModel>(),
                    "WdmoeLteRadio: device " << device << " (node " << node->GetId()
                                             << ") has no MobilityModel; install one first");
    const auto wrong = CheckSettings(m_rbs, device + 1);
    NS_ABORT_MSG_IF(!wrong.empty(), "WdmoeLteRadio: " << wrong);
    const auto period = GetSrsPeriod(device + 1);
    UintegerValue current;
    m_enb->GetRrc()->GetAttribute("SrsPeriodicity", current);
    if (!m_attaching)
    {
        m_enb->GetRrc()->SetAttribute("SrsPeriodicity", UintegerValue(period));
    }
    else
    {
        NS_ABORT_MSG_IF(device + 1 > current.Get(),
                        "WdmoeLteRadio: device " << device << " comes while the simulation runs, "
                                                 << "and the SRS period (" << current.Get()
                                                 << " ms) chosen at its start has no room; add "
                                                    "all devices before");
    }

    EnsureInternet(node);
    Device d;
    d.netDevice = m_lte->InstallUeDevice(NodeContainer(node)).Get(0);
    d.address = m_epc->AssignUeIpv4Address(NetDeviceContainer(d.netDevice)).GetAddress(0);
    Ipv4StaticRoutingHelper routing;
    routing.GetStaticRouting(node->GetObject<Ipv4>())
        ->SetDefaultRoute(m_epc->GetUeDefaultGatewayAddress(),
                          node->GetObject<Ipv4>()->GetInterfaceForDevice(d.netDevice));
    auto ue = DynamicCast<LteUeNetDevice>(d.netDevice);
    ue->GetPhy()->SetTxPower(m_uePower);
    ue->GetPhy()->SetAttribute("EnableUplinkPowerControl", BooleanValue(m_powerControl));
    ue->GetPhy()->TraceConnectWithoutContext(
        "ReportCurrentCellRsrpSinr",
        MakeCallback(&WdmoeLteRadio::NotifyDownlinkSinr, this).Bind(device));
    if (m_powerControl)
    {
        auto control = ue->GetPhy()->GetUplinkPowerControl();
        control->SetPcmax(m_uePower);
        if (m_scheduler && m_narrowGrantMcs)
        {
            control->TraceConnectWithoutContext(
                "ReportSrsTxPower",
                MakeCallback(&WdmoeLteRadio::NotifySrsPower, this).Bind(device));
        }
    }
    m_deviceOfImsi[ue->GetImsi()] = device;
    m_devices.push_back(d);

    // As many in a frame as the grants of random access leave half of the uplink for others.
    const uint32_t perFrame = std::max(1U, m_rbs / RACH_RBS / 2);
    Simulator::Schedule(MilliSeconds(10 * (device / perFrame)),
                        &WdmoeLteRadio::Attach,
                        this,
                        device);
}

void
WdmoeLteRadio::Attach(uint32_t device)
{
    NS_LOG_FUNCTION(this << device);
    m_attaching = true;
    m_lte->Attach(m_devices[device].netDevice, m_enb);
}

Ptr<NetDevice>
WdmoeLteRadio::GetNetDevice(uint32_t device) const
{
    return m_devices.at(device).netDevice;
}

Ptr<NetDevice>
WdmoeLteRadio::GetEnbDevice() const
{
    return m_enb;
}

Ptr<WdmoeFfMacScheduler>
WdmoeLteRadio::GetScheduler() const
{
    return m_scheduler;
}

int64_t
WdmoeLteRadio::GetDeviceOfRnti(uint16_t rnti) const
{
    const auto it = m_deviceOfRnti.find(rnti);
    return it == m_deviceOfRnti.end() ? -1 : static_cast<int64_t>(it->second);
}

WdmoeLteRadio::Device*
WdmoeLteRadio::Find(uint16_t rnti)
{
    const auto device = GetDeviceOfRnti(rnti);
    return device < 0 ? nullptr : &m_devices[device];
}

// Connection

void
WdmoeLteRadio::NotifyConnected(uint64_t imsi, uint16_t cell, uint16_t rnti)
{
    NS_LOG_FUNCTION(this << imsi << cell << rnti);
    const auto it = m_deviceOfImsi.find(imsi);
    if (it == m_deviceOfImsi.end())
    {
        return; // not one of ours
    }
    auto& d = m_devices[it->second];
    m_deviceOfRnti.erase(d.rnti);
    d.rnti = rnti;
    d.ready = false;
    m_deviceOfRnti[rnti] = it->second;
    if (m_scheduler)
    {
        m_scheduler->Bind(rnti, it->second);
    }
}

void
WdmoeLteRadio::NotifyBearer(uint64_t /* imsi */, uint16_t /* cell */, uint16_t rnti)
{
    if (auto d = Find(rnti))
    {
        d->ready = true;
    }
}

void
WdmoeLteRadio::NotifyReleased(uint64_t imsi, uint16_t /* cell */, uint16_t rnti)
{
    NS_LOG_FUNCTION(this << imsi << rnti);
    if (auto d = Find(rnti))
    {
        d->ready = false;
        d->rnti = 0;
        m_deviceOfRnti.erase(rnti);
    }
}

bool
WdmoeLteRadio::IsConnected(uint32_t device) const
{
    // With ideal RRC a device gets its bearer wherever it is: it must be heard as well.
    const auto state = DoGetLinkState(device);
    return state.downlink.valid && state.uplink.valid;
}

bool
WdmoeLteRadio::IsReady() const
{
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        if (!IsRemoved(k) && !IsConnected(k))
        {
            return false;
        }
    }
    return !m_devices.empty();
}

uint32_t
WdmoeLteRadio::GetIgnoredExpectations(uint32_t device) const
{
    return m_devices.at(device).ignored;
}

std::string
WdmoeLteRadio::DescribeUnattached() const
{
    std::ostringstream message;
    uint32_t others = 0;
    for (uint32_t k = 0; k < m_devices.size(); k++)
    {
        if (IsRemoved(k) || IsConnected(k))
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
                       m_baseStation->GetObject<MobilityModel>())
                << " m from the base station, its downlink SINR is ";
        if (d.sinr > 0)
        {
            message << 10 * std::log10(d.sinr) << " dB";
        }
        else
        {
            message << "not measured";
        }
    }
    if (others > 0)
    {
        message << "; and " << others << " more";
    }
    return message.str();
}

void
WdmoeLteRadio::CheckAttached(Time deadline)
{
    Simulator::Schedule(deadline, [radio = Ptr<WdmoeLteRadio>(this)]() {
        NS_ABORT_MSG_IF(!radio->IsReady(),
                        "WdmoeLteRadio: not connected at "
                            << Simulator::Now().As(Time::MS) << ": " << radio->DescribeUnattached()
                            << ". Where the SINR is low move them nearer, or raise EnbTxPower and "
                               "UeTxPower; where it is not allow more time");
    });
}

// Link state and usage of other schedulers, from traces

void
WdmoeLteRadio::NotifyDownlinkSinr(uint32_t device,
                                  uint16_t /* cell */,
                                  uint16_t /* rnti */,
                                  double /* rsrp */,
                                  double sinr,
                                  uint8_t /* carrier */)
{
    auto& d = m_devices[device];
    d.sinr = sinr;
    if (!m_scheduler && d.ready)
    {
        const auto rbs =
            static_cast<uint32_t>(GetBudget().downlinkHz / WdmoeLteLinkAdaptation::RB_HZ);
        d.downlinkEfficiency.Update(
            m_adaptation.GetDownlinkEfficiency(m_adaptation.GetFlatCqi(sinr, m_rbs), rbs),
            m_window);
    }
}

void
WdmoeLteRadio::NotifyUplinkSinr(uint16_t /* cell */,
                                uint16_t rnti,
                                double sinr,
                                uint8_t /* carrier */)
{
    if (auto d = Find(rnti))
    {
        d->uplinkSinr.Update(sinr, m_window);
    }
}

void
WdmoeLteRadio::NotifySrsPower(uint32_t device,
                              uint16_t /* cell */,
                              uint16_t /* rnti */,
                              double power)
{
    m_devices[device].srsPower = power;
}

double
WdmoeLteRadio::GetUplinkBoost(uint32_t device)
{
    auto& d = m_devices[device];
    auto control = DynamicCast<LteUeNetDevice>(d.netDevice)->GetPhy()->GetUplinkPowerControl();
    const double most = control->GetPcmax();
    if (d.srsPower < most - 1e-3)
    {
        d.boostWhen = Time(-1);
        return 1; // it has all the power it wants, in the whole band
    }
    if (d.boostWhen < Time(0) || Simulator::Now() - d.boostWhen >= HEADROOM_INTERVAL)
    {
        // What it would send in one RB; the SRS may have an offset to user data. Asking fires the
        // trace and leaves nothing else behind.
        const double last = d.srsPower;
        IntegerValue offset;
        control->GetAttribute("PsrsOffset", offset);
        const double one = control->GetSrsTxPower({0}) - (-10.5 + 1.5 * offset.Get());
        d.srsPower = last;
        d.boost = std::pow(10, (one - most) / 10) * m_rbs;
        d.boostWhen = Simulator::Now();
    }
    return d.boost;
}

uint32_t
WdmoeLteRadio::FindRbs(bool downlink, uint8_t mcs, uint32_t bytes)
{
    auto& rbs = m_rbsOfSize[{downlink ? mcs : 32U + mcs, bytes}];
    while (rbs == 0 || (rbs < m_rbs && (downlink ? m_adaptation.GetDownlinkBytes(mcs, rbs)
                                                 : m_adaptation.GetUplinkBytes(mcs, rbs)) < bytes))
    {
        rbs++;
    }
    return rbs;
}

void
WdmoeLteRadio::NotifyDownlinkGrant(DlSchedulingCallbackInfo info)
{
    if (auto d = Find(info.rnti))
    {
        const auto rbg = WdmoeLteLinkAdaptation::GetRbgSize(m_rbs);
        const auto rbs = (FindRbs(true, info.mcsTb1, info.sizeTb1) + rbg - 1) / rbg * rbg;
        d->usage.downlinkHzS += rbs * WdmoeLteLinkAdaptation::RB_HZ * 1e-3;
    }
}

void
WdmoeLteRadio::NotifyUplinkGrant(uint32_t /* frame */,
                                 uint32_t /* subframe */,
                                 uint16_t rnti,
                                 uint8_t mcs,
                                 uint16_t bytes,
                                 uint8_t /* carrier */)
{
    if (auto d = Find(rnti))
    {
        d->usage.uplinkHzS += FindRbs(false, mcs, bytes) * WdmoeLteLinkAdaptation::RB_HZ * 1e-3;
    }
}

// WdmoeRadio

std::string
WdmoeLteRadio::GetName() const
{
    return "lte";
}

Ptr<Node>
WdmoeLteRadio::GetServerNode() const
{
    return m_server;
}

Address
WdmoeLteRadio::GetDeviceAddress(uint32_t device) const
{
    return m_devices.at(device).address;
}

Address
WdmoeLteRadio::GetServerAddress(uint32_t /* device */) const
{
    return m_serverAddress;
}

WdmoeRadioCapabilities
WdmoeLteRadio::GetCapabilities() const
{
    WdmoeRadioCapabilities c;
    c.strict = c.leftover = c.priority = bool(m_scheduler);
    c.expectUplink = c.progress = bool(m_scheduler);
    // Grants are of whole RBGs downlink and of three RBs or more uplink, so that a share is some
    // RBs ahead or behind where an interval begins and ends: measured, 4 (of 6 RBs) to 11 (of 100).
    c.shareAccuracy = m_scheduler ? 0.001 + 0.06 / m_rbs : 1;
    c.timeConstant = m_scheduler ? MilliSeconds(100) : Time(0);
    c.downlinkDelay = MilliSeconds(4);
    c.uplinkDelay = MilliSeconds(12);
    c.uplinkRequestDelay = MilliSeconds(7);
    // Two TTIs on the way to the PHY and one in the air.
    c.downlinkLead = m_scheduler ? MilliSeconds(3) : Time(0);
    c.grantPeriod = MilliSeconds(1);
    return c;
}

WdmoeBudget
WdmoeLteRadio::GetBudget() const
{
    // RBs that do not fill an RBG are never granted downlink.
    const auto rbg = WdmoeLteLinkAdaptation::GetRbgSize(m_rbs);
    return {m_rbs / rbg * rbg * WdmoeLteLinkAdaptation::RB_HZ,
            m_rbs * WdmoeLteLinkAdaptation::RB_HZ,
            false};
}

WdmoeUsage
WdmoeLteRadio::GetUsage(uint32_t device) const
{
    if (!m_scheduler)
    {
        return m_devices.at(device).usage;
    }
    const auto grants = m_scheduler->GetGrants(device);
    constexpr double unit = WdmoeLteLinkAdaptation::RB_HZ * 1e-3;
    return {(grants.downlinkNew + grants.downlinkRetx) * unit,
            (grants.uplinkNew + grants.uplinkRetx) * unit};
}

WdmoeRadioBacklog
WdmoeLteRadio::GetBacklog(uint32_t device) const
{
    return m_scheduler ? m_scheduler->GetBacklog(device) : WdmoeRadioBacklog();
}

WdmoeLinkState
WdmoeLteRadio::DoGetLinkState(uint32_t device) const
{
    const auto& d = m_devices[device];
    const auto downlink =
        m_scheduler ? m_scheduler->GetDownlinkEfficiency(device) : d.downlinkEfficiency;
    const auto uplink = m_scheduler ? m_scheduler->GetUplinkSinr(device) : d.uplinkSinr;
    WdmoeLinkState state;
    state.downlink.valid = d.ready && downlink.valid && downlink.mean > LEAST_EFFICIENCY;
    state.downlink.law = wdmoe::RateLaw::Linear(downlink.mean);
    state.downlink.when = downlink.when;
    state.downlink.relativeVariance = downlink.GetRelativeVariance();

    // ns-3's schedulers take the MCS of the whole band whatever the grant: linear as well.
    const double boost = m_scheduler ? m_scheduler->GetUplinkBoost(device) : 1;
    state.uplink.law =
        boost > 1 ? m_adaptation.GetFullPowerLaw(uplink.mean, m_rbs, boost)
                  : wdmoe::RateLaw::Linear(m_adaptation.GetUplinkEfficiency(uplink.mean, m_rbs));
    // With that power a narrow grant is heard where the whole band is not.
    constexpr uint32_t narrow = WdmoeFfMacScheduler::LEAST_UPLINK_RBS;
    const double best = uplink.mean * std::min(static_cast<double>(m_rbs) / narrow, boost);
    state.uplink.valid =
        d.ready && uplink.valid && m_adaptation.GetUplinkEfficiency(best, narrow) > 0;
    state.uplink.when = uplink.when;
    // What moves is the SINR; the rate goes with its logarithm.
    const double snr = uplink.mean / WdmoeLteLinkAdaptation::SINR_GAP;
    const double slope = snr > 0 ? snr / ((1 + snr) * std::log1p(snr)) : 0;
    state.uplink.relativeVariance = slope * slope * uplink.GetRelativeVariance();
    return state;
}

void
WdmoeLteRadio::DoSetPlan(const WdmoePlan& plan)
{
    if (m_scheduler)
    {
        m_scheduler->SetPlan(plan);
    }
}

void
WdmoeLteRadio::DoExpectUplink(uint32_t device, uint64_t bytes, Time when)
{
    if (m_scheduler)
    {
        constexpr uint64_t most = 1 << 30; // so that sums do not overflow
        const bool taken =
            IsConnected(device) && m_scheduler->ExpectUplink(device, std::min(bytes, most), when);
        m_devices[device].ignored += !taken;
    }
}

int64_t
WdmoeLteRadio::AssignStreams(int64_t stream)
{
    NetDeviceContainer devices(m_enb);
    NodeContainer nodes(m_server);
    for (const auto& d : m_devices)
    {
        devices.Add(d.netDevice);
        nodes.Add(d.netDevice->GetNode());
    }
    int64_t next = stream + m_lte->AssignStreams(devices, stream);
    next += InternetStackHelper().AssignStreams(nodes, next);
    for (auto channel : {m_lte->GetDownlinkSpectrumChannel(), m_lte->GetUplinkSpectrumChannel()})
    {
        if (auto loss = channel->GetPropagationLossModel())
        {
            next += loss->AssignStreams(next);
        }
        if (auto fading = channel->GetSpectrumPropagationLossModel())
        {
            next += WdmoeAssignStreams(fading, next);
        }
    }
    for (auto& errors : m_coreErrors)
    {
        next += errors->AssignStreams(next);
    }
    return next - stream;
}

} // namespace ns3
