/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-gating-server.h"

#include "wdmoe-udp-transport.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/enum.h"
#include "ns3/log.h"
#include "ns3/object-factory.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/type-id.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <sstream>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeGatingServer");

NS_OBJECT_ENSURE_REGISTERED(WdmoeGatingServer);

namespace
{

/// @return checker of an attribute that is a precision
Ptr<const AttributeChecker>
MakePrecisionChecker()
{
    return MakeEnumChecker(wdmoe::Precision::FP16,
                           "fp16",
                           wdmoe::Precision::FP32,
                           "fp32",
                           wdmoe::Precision::BF16,
                           "bf16",
                           wdmoe::Precision::INT8,
                           "int8",
                           wdmoe::Precision::INT4,
                           "int4");
}

/// @return a name for a chunk among those under way. @param move its id @param chunk its number
uint32_t
ChunkKey(uint64_t move, uint32_t chunk)
{
    return static_cast<uint32_t>(move << 20) ^ chunk; // a device has some 2^20 chunks of a move
}

} // namespace

double
WdmoeRequestRecord::TtftS() const
{
    return (firstToken - arrival).GetSeconds();
}

double
WdmoeRequestRecord::TpotS() const
{
    return outputTokens > 1 ? (end - firstToken).GetSeconds() / (outputTokens - 1)
                            : std::numeric_limits<double>::quiet_NaN();
}

double
WdmoeRequestRecord::LatencyS() const
{
    return (end - arrival).GetSeconds();
}

TypeId
WdmoeGatingServer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeGatingServer")
            .SetParent<Application>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeGatingServer>()
            .AddAttribute("Port",
                          "Port to listen on",
                          UintegerValue(5500),
                          MakeUintegerAccessor(&WdmoeGatingServer::m_port),
                          MakeUintegerChecker<uint16_t>(1))
            .AddAttribute("Transport",
                          "TypeId of the transport, the same on all devices",
                          TypeIdValue(WdmoeUdpTransport::GetTypeId()),
                          MakeTypeIdAccessor(&WdmoeGatingServer::m_transportType),
                          MakeTypeIdChecker())
            .AddAttribute("WindowBytes",
                          "WindowBytes of the transport, if it has such an attribute: the "
                          "downlink's queues are deep, so that a whole batch may be under way",
                          UintegerValue(4 << 20),
                          MakeUintegerAccessor(&WdmoeGatingServer::m_windowBytes),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute(
                "DownlinkPrecision",
                "How activations are coded on the way to the devices",
                EnumValue(wdmoe::Precision::FP16),
                MakeEnumAccessor<wdmoe::Precision>(&WdmoeGatingServer::m_downlinkPrecision),
                MakePrecisionChecker())
            .AddAttribute("UplinkPrecision",
                          "How activations are coded on the way back",
                          EnumValue(wdmoe::Precision::FP16),
                          MakeEnumAccessor<wdmoe::Precision>(&WdmoeGatingServer::m_uplinkPrecision),
                          MakePrecisionChecker())
            .AddAttribute("MaxBlocks",
                          "Simulate only this many blocks of the model; 0: all",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeGatingServer::m_maxBlocks),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("Deadline",
                          "Answers later than this after their batches were sent are done "
                          "without, and the combine weights renormalised; 0: wait for all",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeGatingServer::m_deadline),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("HelloTimeout",
                          "All devices must have said HELLO, and the radio be ready, by then",
                          TimeValue(Seconds(10)),
                          MakeTimeAccessor(&WdmoeGatingServer::m_helloTimeout),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("Watchdog",
                          "Ends the simulation if nothing gets on (its attribute Timeout)",
                          TypeId::ATTR_GET,
                          PointerValue(),
                          MakePointerAccessor(&WdmoeGatingServer::m_watchdog),
                          MakePointerChecker<WdmoeWatchdog>())
            .AddAttribute("LostTimeout",
                          "What a device has is given up when the radio has not heard it for this "
                          "long",
                          TimeValue(Seconds(1)),
                          MakeTimeAccessor(&WdmoeGatingServer::m_lostTimeout),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("MaxInFlight",
                          "Requests that are served at a time",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeGatingServer::m_maxInFlight),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("MigrationChunk",
                          "Bytes of weights in a message to a device that will hold an expert",
                          UintegerValue(32768),
                          MakeUintegerAccessor(&WdmoeGatingServer::m_migrationChunk),
                          MakeUintegerChecker<uint32_t>(1024, WdmoeHeader::MAX_LENGTH))
            .AddAttribute("MigrationWindow",
                          "Such messages that may be under way at a time",
                          UintegerValue(2),
                          MakeUintegerAccessor(&WdmoeGatingServer::m_migrationWindow),
                          MakeUintegerChecker<uint32_t>(1, 65536))
            .AddAttribute("MigrationRate",
                          "Weights are sent at most at this rate; 0: as fast as the window lets",
                          DataRateValue(DataRate(0)),
                          MakeDataRateAccessor(&WdmoeGatingServer::m_migrationRate),
                          MakeDataRateChecker())
            .AddAttribute("MigrateWhileBusy",
                          "Whether weights are sent while a request is served; false: only "
                          "between requests",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeGatingServer::m_migrateWhileBusy),
                          MakeBooleanChecker())
            .AddTraceSource("Block",
                            "A block has ended",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_blockTrace),
                            "ns3::WdmoeGatingServer::BlockTracedCallback")
            .AddTraceSource("Request",
                            "A request has ended",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_requestTrace),
                            "ns3::WdmoeGatingServer::RequestTracedCallback")
            .AddTraceSource("Token",
                            "An output token is there",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_tokenTrace),
                            "ns3::WdmoeGatingServer::TokenTracedCallback")
            .AddTraceSource("Sent",
                            "A message is handed to the transport",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_sentTrace),
                            "ns3::WdmoeGatingServer::MessageTracedCallback")
            .AddTraceSource("Received",
                            "A message is there",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_receivedTrace),
                            "ns3::WdmoeGatingServer::MessageTracedCallback")
            .AddTraceSource("Lost",
                            "The transport has given up a message",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_lostTrace),
                            "ns3::WdmoeGatingServer::MessageTracedCallback")
            .AddTraceSource("Report",
                            "The server stops",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_reportTrace),
                            "ns3::WdmoeGatingServer::ReportTracedCallback")
            .AddTraceSource("Done",
                            "All requests of the source have been served",
                            MakeTraceSourceAccessor(&WdmoeGatingServer::m_doneTrace),
                            "ns3::WdmoeGatingServer::DoneTracedCallback");
    return tid;
}

WdmoeGatingServer::WdmoeGatingServer()
    : m_watchdog(CreateObject<WdmoeWatchdog>())
{
    m_watchdog->Watch(MakeCallback(&WdmoeGatingServer::GetProgress, this),
                      MakeCallback(&WdmoeGatingServer::IsWaiting, this));
    m_watchdog->AddPart("gating server", MakeCallback(&WdmoeGatingServer::DescribeRequests, this));
    m_watchdog->AddPart("links", MakeCallback(&WdmoeGatingServer::DescribeLinks, this));
}

void
WdmoeGatingServer::DoDispose()
{
    m_watchdog->Dispose();
    m_services.clear();
    m_weightsEvent.Cancel();
    if (m_transport)
    {
        m_transport->Dispose();
    }
    m_transport = nullptr;
    m_controller = nullptr;
    m_gates = nullptr;
    m_real = nullptr;
    m_requests = nullptr;
    Application::DoDispose();
}

void
WdmoeGatingServer::SetUp(Ptr<WdmoeController> controller,
                         Ptr<WdmoeGateSource> gates,
                         Ptr<WdmoeRequestSource> requests,
                         const WdmoeModelDescription& model)
{
    m_controller = controller;
    m_gates = gates;
    m_requests = requests;
    m_model = model;
    NS_ABORT_MSG_IF(m_maxBlocks > model.blocks,
                    "WdmoeGatingServer: MaxBlocks is " << m_maxBlocks << ", but " << model.name
                                                       << " has " << model.blocks << " blocks");
    m_real = DynamicCast<WdmoeRealModel>(gates);
    NS_ABORT_MSG_IF(m_real && m_maxBlocks > 0 && m_maxBlocks < model.blocks,
                    "WdmoeGatingServer: MaxBlocks is "
                        << m_maxBlocks << ", but a real model says nothing sensible without all of "
                        << "its " << model.blocks << " blocks; use 0");
    m_gates->SetModel(model.blocks, model.experts, model.topK);
}

void
WdmoeGatingServer::SetBaseStation(const wdmoe::DeviceProfile& profile)
{
    m_baseStation = profile;
}

WdmoeServerReport
WdmoeGatingServer::GetReport() const
{
    auto report = m_report;
    report.unfinished = m_queue.size() + m_services.size();
    if (m_controller)
    {
        const auto& placement = m_controller->GetPlacement();
        report.moves = placement.GetMoves();
        report.movesBack = placement.GetMovesBack();
        report.movesDropped = placement.GetMovesLost() + m_migrations.size();
    }
    return report;
}

const WdmoeTransportCounters&
WdmoeGatingServer::GetCounters() const
{
    NS_ABORT_MSG_IF(!m_transport, "WdmoeGatingServer::GetCounters: not started yet");
    return m_transport->GetCounters();
}

Ptr<WdmoeTransport>
WdmoeGatingServer::GetTransport() const
{
    return m_transport;
}

Ptr<WdmoeRealModel>
WdmoeGatingServer::GetRealModel() const
{
    return m_real;
}

Ptr<WdmoeWatchdog>
WdmoeGatingServer::GetWatchdog() const
{
    return m_watchdog;
}

uint32_t
WdmoeGatingServer::GetHidden() const
{
    return static_cast<uint32_t>(m_model.expert.hidden);
}

uint32_t
WdmoeGatingServer::GetBytesPerToken(wdmoe::Precision precision) const
{
    return wdmoe::EncodedBytes(precision, GetHidden());
}

void
WdmoeGatingServer::StartApplication()
{
    NS_LOG_FUNCTION(this);
    NS_ABORT_MSG_IF(!m_controller, "WdmoeGatingServer: call SetUp before the simulation starts");
    const auto devices = m_controller->GetRadio()->GetNDevices();
    m_peers.assign(devices, Address());
    m_known.assign(devices, false);
    m_unheard.assign(devices, Time(-1));
    m_transport = ObjectFactory(m_transportType.GetName()).Create<WdmoeTransport>();
    m_transport->SetAttributeFailSafe("WindowBytes", UintegerValue(m_windowBytes));
    m_transport->SetNode(GetNode());
    m_transport->SetReceiveCallback(MakeCallback(&WdmoeGatingServer::Receive, this));
    m_transport->TraceConnectWithoutContext("MessageLost",
                                            MakeCallback(&WdmoeGatingServer::NotifyLost, this));
    m_transport->TraceConnectWithoutContext("MessageSent",
                                            MakeCallback(&WdmoeGatingServer::NotifySent, this));
    m_transport->Listen(m_port);
    m_helloEvent = Simulator::Schedule(m_helloTimeout, &WdmoeGatingServer::HelloTimeout, this);
}

void
WdmoeGatingServer::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_arrival.Cancel();
    m_helloEvent.Cancel();
    m_beginEvent.Cancel();
    m_reachEvent.Cancel();
    m_weightsEvent.Cancel();
    m_watchdog->Stop();
    for (auto& [id, s] : m_services)
    {
        s.next.Cancel();
        s.deadline.Cancel();
    }
    if (m_transport)
    {
        m_reportTrace(GetReport());
        m_transport->Close();
    }
}

void
WdmoeGatingServer::HelloTimeout()
{
    std::ostringstream missing;
    for (uint32_t k = 0; k < m_known.size(); k++)
    {
        if (!m_known[k])
        {
            missing << " " << k;
        }
    }
    NS_ABORT_MSG_IF(m_serving,
                    "WdmoeGatingServer: all devices said HELLO, but the radio '"
                        << m_controller->GetRadio()->GetName() << "' is not ready within "
                        << m_helloTimeout.As(Time::S)
                        << ": a link is not measured yet, or a device is out of coverage\n"
                        << m_watchdog->Describe());
    NS_ABORT_MSG("WdmoeGatingServer: no HELLO within "
                 << m_helloTimeout.As(Time::S) << " from device(s)" << missing.str()
                 << ": out of coverage, not attached, or no WdmoeExpertNode installed\n"
                 << m_watchdog->Describe());
}

void
WdmoeGatingServer::Receive(const WdmoeMessage& message)
{
    const auto& h = message.header;
    m_receivedTrace(h);
    if (h.device >= m_known.size())
    {
        m_report.answersRefused++;
        return;
    }
    if (h.type == WdmoeHeader::ANSWER)
    {
        ReceiveAnswer(message);
        return;
    }
    if (h.type == WdmoeHeader::CANCEL && h.batch > 0 && h.batch < m_nextBatch)
    {
        DoWithout(h.batch);
        return;
    }
    if (h.type == WdmoeHeader::PLACED)
    {
        ReceivePlaced(message);
        return;
    }
    if (h.type != WdmoeHeader::HELLO)
    {
        m_report.answersRefused++;
        return;
    }
    m_known[h.device] = true;
    m_peers[h.device] = message.from;
    if (!m_serving && std::find(m_known.begin(), m_known.end(), false) == m_known.end())
    {
        m_serving = true;
        Begin();
    }
}

void
WdmoeGatingServer::Begin()
{
    if (!m_controller->GetRadio()->IsReady())
    {
        m_beginEvent = Simulator::Schedule(MilliSeconds(1), &WdmoeGatingServer::Begin, this);
        return;
    }
    m_helloEvent.Cancel();
    m_origin = Simulator::Now();
    m_watchdog->Start();
    m_controller->BeginPlacement(m_real ? nullptr : m_gates,
                                 m_model.blocks,
                                 m_maxBlocks > 0 ? m_maxBlocks : m_model.blocks);
    FetchRequest();
}

void
WdmoeGatingServer::FetchRequest()
{
    WdmoeRequest request;
    m_moreRequests = m_requests->Next(request);
    if (!m_moreRequests)
    {
        NextRequest();
        return;
    }
    NS_ABORT_MSG_IF(request.promptTokens < 1 || request.outputTokens < 1,
                    "WdmoeGatingServer: request " << request.id << " has " << request.promptTokens
                                                  << " prompt and " << request.outputTokens
                                                  << " output tokens; expected at least 1 each");
    request.arrival += m_origin;
    m_arrival = Simulator::Schedule(Max(request.arrival - Simulator::Now(), Time(0)),
                                    &WdmoeGatingServer::Arrive,
                                    this,
                                    request);
}

void
WdmoeGatingServer::Arrive(WdmoeRequest request)
{
    NS_LOG_FUNCTION(this << request.id);
    m_queue.push_back(request);
    FetchRequest();
    NextRequest();
}

WdmoeGatingServer::Service&
WdmoeGatingServer::Find(uint64_t id)
{
    return m_services.at(id);
}

WdmoeGatingServer::Batch&
WdmoeGatingServer::FindBatch(Service& s, uint32_t id)
{
    return *std::find_if(s.batches.begin(), s.batches.end(), [id](const auto& batch) {
        return batch.id == id;
    });
}

void
WdmoeGatingServer::NextRequest()
{
    while (m_services.size() < m_maxInFlight && !m_queue.empty())
    {
        const auto request = m_queue.front();
        m_queue.pop_front();
        NS_ABORT_MSG_IF(m_services.count(request.id) > 0,
                        "WdmoeGatingServer: request " << request.id << " is being served already; "
                                                      << "ids must differ");
        auto& s = m_services[request.id];
        s.request = request;
        s.record.request = request.id;
        s.record.promptTokens = request.promptTokens;
        s.record.arrival = request.arrival;
        s.record.start = Simulator::Now();
        if (m_real)
        {
            m_real->StartRequest(request);
            m_real->StartPass(request.id);
        }
        StartBlock(s);
    }
    if (m_services.empty() && m_queue.empty() && !m_moreRequests && !m_done)
    {
        m_done = true;
        m_watchdog->Stop();
        m_doneTrace();
    }
    if (!m_migrations.empty() && !m_weightsEvent.IsPending())
    {
        m_weightsEvent = Simulator::ScheduleNow(&WdmoeGatingServer::SendWeights, this);
    }
}

void
WdmoeGatingServer::StartBlock(Service& s)
{
    WdmoeGateQuery query;
    query.request = s.request.id;
    query.block = s.block;
    query.tokens = s.pass == 0 ? s.request.promptTokens : 1;
    query.position = s.pass == 0 ? 0 : s.request.promptTokens + s.pass - 1;
    s.gate = m_gates->GetGate(query);
    NS_ABORT_MSG_IF(s.gate.tokens != query.tokens || s.gate.experts != m_model.experts,
                    "WdmoeGatingServer: asked the gate for "
                        << query.tokens << " tokens and " << m_model.experts << " experts, got "
                        << s.gate.tokens << " and " << s.gate.experts);
    double seconds = 0;
    if (m_baseStation.flops > 0)
    {
        const double context = query.position + 0.5 * (query.tokens + 1);
        seconds = query.tokens * m_model.BaseStationFlopsPerToken(context) / m_baseStation.flops;
    }
    s.stationS = seconds;
    m_stationFree = Max(m_stationFree, Simulator::Now()) + Seconds(seconds);
    s.next = Simulator::Schedule(m_stationFree - Simulator::Now(),
                                 &WdmoeGatingServer::Dispatch,
                                 this,
                                 s.request.id);
}

void
WdmoeGatingServer::Dispatch(uint64_t id)
{
    auto& s = Find(id);
    WdmoeBlockInput input;
    input.request = id;
    input.block = s.block;
    input.gate = s.gate;
    input.hidden = GetHidden();
    input.downlinkPrecision = m_downlinkPrecision;
    input.uplinkPrecision = m_uplinkPrecision;
    input.batchBytes = WdmoeRoutingTable::SIZE;
    input.batchExpertBytes = WdmoeRoutingTable::ENTRY_SIZE;
    input.wireBytes = MakeCallback(&WdmoeTransport::GetWireBytes, m_transport);
    s.decision = m_controller->Decide(input);
    s.next = Simulator::Schedule(s.decision.delay, &WdmoeGatingServer::SendBatches, this, id);
    if (!m_weightsEvent.IsPending())
    {
        // behind the batches of this block
        m_weightsEvent =
            Simulator::Schedule(s.decision.delay, &WdmoeGatingServer::SendWeights, this);
    }
}

void
WdmoeGatingServer::SendWeights()
{
    for (WdmoeMove move; !m_done && m_controller->NextMove(move);)
    {
        Migration m;
        m.move = move;
        m.chunks = static_cast<uint32_t>(
            std::max<uint64_t>((move.bytes + m_migrationChunk - 1) / m_migrationChunk, 1));
        m_migrations[move.id] = m;
    }
    if (m_done || (!m_migrateWhileBusy && !m_services.empty()))
    {
        return; // NextRequest() comes here again
    }
    for (auto& [id, m] : m_migrations)
    {
        while (m.sent < m.chunks && m_chunksOpen < m_migrationWindow)
        {
            if (Simulator::Now() < m_nextChunk)
            {
                m_weightsEvent.Cancel();
                m_weightsEvent = Simulator::Schedule(m_nextChunk - Simulator::Now(),
                                                     &WdmoeGatingServer::SendWeights,
                                                     this);
                return;
            }
            const auto left = m.move.bytes - uint64_t(m.sent) * m_migrationChunk;
            const auto bytes =
                static_cast<uint32_t>(std::clamp<uint64_t>(left, 1, m_migrationChunk));
            WdmoeHeader header;
            header.type = WdmoeHeader::WEIGHTS;
            header.request = id;
            header.block = m.move.block;
            header.position = m.move.expert;
            header.device = m.move.device;
            header.batch = m.sent;
            header.tokens = m.chunks;
            m.open.insert(m.sent);
            m.sent++;
            m_chunksOpen++;
            m_report.weightBytes += WdmoeHeader::SIZE + bytes;
            m_controller->AddWeights(m.move.device,
                                     ChunkKey(id, header.batch),
                                     8.0 * m_transport->GetWireBytes(bytes),
                                     8.0 * m_transport->GetWireBytes(0));
            m_transport->Send(m_peers[m.move.device], header, Create<Packet>(bytes));
            if (m_migrationRate.GetBitRate() > 0)
            {
                m_nextChunk = Max(m_nextChunk, Simulator::Now()) +
                              m_migrationRate.CalculateBytesTxTime(WdmoeHeader::SIZE + bytes);
            }
        }
    }
}

void
WdmoeGatingServer::ReceivePlaced(const WdmoeMessage& message)
{
    const auto& h = message.header;
    const auto found = m_migrations.find(h.request);
    if (found == m_migrations.end())
    {
        return; // of a move that was given up
    }
    auto& m = found->second;
    if (h.device != m.move.device || m.open.erase(h.batch) == 0)
    {
        m_report.answersRefused++;
        return;
    }
    m.placed++;
    m_chunksOpen--;
    m_report.placedBytes += WdmoeHeader::SIZE + h.length;
    m_controller->RemoveWeights(h.device, ChunkKey(h.request, h.batch));
    if (m.placed == m.chunks)
    {
        m_migrations.erase(found);
        m_controller->FinishMove(h.request, true);
    }
    if (!m_weightsEvent.IsPending())
    {
        SendWeights();
    }
}

void
WdmoeGatingServer::LoseWeights(uint64_t move)
{
    const auto found = m_migrations.find(move);
    if (found == m_migrations.end())
    {
        return;
    }
    for (const auto chunk : found->second.open)
    {
        m_controller->RemoveWeights(found->second.move.device, ChunkKey(move, chunk));
        m_chunksOpen--;
    }
    m_migrations.erase(found);
    m_controller->FinishMove(move, false);
}

void
WdmoeGatingServer::SendBatches(uint64_t id)
{
    auto& s = Find(id);
    const auto& d = s.decision;
    s.present = WdmoeBlockRecord();
    auto& r = s.present;
    r.request = id;
    r.pass = s.pass;
    r.block = s.block;
    r.tokens = static_cast<uint32_t>(s.gate.tokens);
    r.start = Simulator::Now();
    r.predictedS = d.predictedS;
    r.bounded = d.bounded;
    r.plannedS = d.plannedS;
    r.lowerBoundS = d.lowerBoundS;
    r.jointLowerBoundS = d.jointLowerBoundS;
    r.inFlight = static_cast<uint32_t>(
                     std::count_if(m_services.begin(),
                                   m_services.end(),
                                   [](const auto& other) { return other.second.open > 0; })) +
                 1;
    r.pairsTopK = d.pairsTopK;
    r.pairsRouted = r.pairsMissing = d.pairsUnreachable;
    r.wlr = d.wlr;
    r.plan = d.plan;
    r.expertTokens = d.expertTokens;
    s.batches.clear();
    for (uint32_t k = 0; k < d.devices.size(); k++)
    {
        const auto& part = d.devices[k];
        if (part.tokens > 0)
        {
            const auto closedForm = WdmoeClosedFormPredictor().Predict(k, part.load);
            r.closedFormS = std::max(r.closedFormS, wdmoe::SequentialLatency(closedForm));
        }
        for (uint32_t i = 0; i < part.pieces.size(); i++)
        {
            Batch batch;
            batch.id = m_nextBatch++;
            batch.outcome.device = k;
            batch.outcome.piece = i;
            s.batches.push_back(std::move(batch));
        }
    }
    s.open = static_cast<uint32_t>(s.batches.size());
    for (auto& batch : s.batches)
    {
        SendBatch(s, batch);
    }
    if (m_deadline.IsStrictlyPositive())
    {
        s.deadline = Simulator::Schedule(m_deadline, &WdmoeGatingServer::DeadlinePassed, this, id);
    }
    if (!m_reachEvent.IsPending())
    {
        m_unheard.assign(m_unheard.size(), Time(-1)); // nobody looked since the last check
        m_reachEvent = Simulator::Schedule(m_lostTimeout / 4, &WdmoeGatingServer::CheckReach, this);
    }
    if (s.open == 0)
    {
        EndBlock(s);
    }
}

void
WdmoeGatingServer::SendBatch(Service& s, Batch& batch)
{
    const auto k = batch.outcome.device;
    const auto& part = s.decision.devices[k];
    const auto& piece = part.pieces[batch.outcome.piece];
    WdmoeRoutingTable table;
    for (const auto& entry : piece.entries)
    {
        table.entries.push_back({static_cast<uint16_t>(entry.expert), entry.tokens});
    }
    auto payload = m_real
                       ? MakePayload(s, batch)
                       : Create<Packet>(piece.tokens * GetBytesPerToken(part.precision.downlink));
    payload->AddHeader(table);
    WdmoeHeader header;
    header.type = WdmoeHeader::BATCH;
    header.dtype =
        m_real ? static_cast<WdmoeHeader::Dtype>(part.precision.downlink) : WdmoeHeader::SIZED;
    header.answerDtype = static_cast<WdmoeHeader::Dtype>(part.precision.uplink);
    header.request = s.request.id;
    header.block = s.block;
    header.batch = batch.id;
    header.device = k;
    header.tokens = piece.tokens;
    header.position = s.pass == 0 ? 0 : s.request.promptTokens + s.pass - 1;
    batch.sent = Simulator::Now();
    m_requestOf[batch.id] = s.request.id;
    s.present.pairsRouted += piece.tokens;
    s.present.bytesDownlink += WdmoeHeader::SIZE + payload->GetSize();
    m_report.batchesSent++;
    m_transport->Send(m_peers[k], header, payload);
}

std::vector<uint32_t>
WdmoeGatingServer::GetTokens(const wdmoe::Selection& selection, const WdmoePieceEntry& entry)
{
    std::vector<uint32_t> tokens;
    uint32_t seen = 0;
    for (uint32_t j = 0; j < selection.tokens && seen < entry.first + entry.tokens; j++)
    {
        const auto slot = selection.expert.begin() + j * selection.slots;
        if (std::find(slot, slot + selection.slots, static_cast<int32_t>(entry.expert)) !=
            slot + selection.slots)
        {
            if (seen++ >= entry.first)
            {
                tokens.push_back(j);
            }
        }
    }
    return tokens;
}

Ptr<Packet>
WdmoeGatingServer::MakePayload(const Service& s, Batch& batch) const
{
    const auto& part = s.decision.devices[batch.outcome.device];
    const auto& piece = part.pieces[batch.outcome.piece];
    const auto bytes = GetBytesPerToken(part.precision.downlink);
    std::vector<uint8_t> data(piece.tokens * bytes);
    auto at = data.data();
    for (const auto& entry : piece.entries)
    {
        wdmoe::ExpertAnswer answer;
        answer.expert = entry.expert;
        answer.token = GetTokens(s.decision.selection, entry);
        for (const auto j : answer.token)
        {
            wdmoe::Encode(part.precision.downlink,
                          GetHidden(),
                          m_real->GetInput(s.request.id, j),
                          at);
            at += bytes;
        }
        batch.answers.push_back(std::move(answer));
    }
    return Create<Packet>(data.data(), static_cast<uint32_t>(data.size()));
}

void
WdmoeGatingServer::TakeAnswers(Batch& batch,
                               wdmoe::Precision precision,
                               Ptr<const Packet> payload) const
{
    const auto hidden = GetHidden();
    const auto bytes = GetBytesPerToken(precision);
    std::vector<uint8_t> data(payload->GetSize());
    payload->CopyData(data.data(), static_cast<uint32_t>(data.size()));
    auto at = data.data();
    for (auto& answer : batch.answers)
    {
        answer.output.resize(answer.token.size() * hidden);
        for (std::size_t row = 0; row < answer.token.size(); row++, at += bytes)
        {
            wdmoe::Decode(precision, hidden, at, answer.output.data() + row * hidden);
        }
    }
}

void
WdmoeGatingServer::ReceiveAnswer(const WdmoeMessage& message)
{
    const auto& h = message.header;
    const auto known = m_requestOf.find(h.batch);
    if (known == m_requestOf.end())
    {
        // an older batch: its block went on without it
        (h.batch > 0 && h.batch < m_nextBatch ? m_report.answersLate : m_report.answersRefused)++;
        return;
    }
    auto& s = Find(known->second);
    auto& batch = FindBatch(s, h.batch);
    const auto& part = s.decision.devices[batch.outcome.device];
    const auto& piece = part.pieces[batch.outcome.piece];
    const Time now = Simulator::Now();
    const Time received = NanoSeconds(h.receivedNs);
    const Time queue = MicroSeconds(h.queueUs);
    const Time compute = NanoSeconds(h.computeNs);
    const uint64_t bytes = uint64_t(h.tokens) * GetBytesPerToken(part.precision.uplink);
    const auto dtype =
        m_real ? static_cast<WdmoeHeader::Dtype>(part.precision.uplink) : WdmoeHeader::SIZED;
    if (h.device != batch.outcome.device || h.tokens != piece.tokens || h.length != bytes ||
        h.dtype != dtype || received < batch.sent || received > now || compute > now ||
        received + queue + compute > now)
    {
        m_report.answersRefused++;
        return;
    }
    m_requestOf.erase(known);
    batch.open = false;
    batch.answered = true;
    batch.queue = queue;
    batch.compute = compute;
    auto& o = batch.outcome;
    o.received = received;
    o.started = received + queue;
    o.computed = o.started + compute;
    o.answered = now;
    if (m_real)
    {
        TakeAnswers(batch, part.precision.uplink, message.payload);
    }
    s.present.bytesUplink += WdmoeHeader::SIZE + h.length;
    m_report.answers++;
    batch.flight = m_controller->ReportPiece(s.decision, o);
    s.open--;
    if (s.open == 0)
    {
        EndBlock(s);
    }
}

void
WdmoeGatingServer::GiveUp(Service& s, Batch& batch)
{
    const auto k = batch.outcome.device;
    s.present.pairsMissing += s.decision.devices[k].pieces[batch.outcome.piece].tokens;
    m_report.answersMissing++;
    m_controller->GiveUpPiece(s.decision, k, batch.outcome.piece);
    m_requestOf.erase(batch.id);
    batch.open = false;
    s.open--;
}

void
WdmoeGatingServer::NotifySent(const WdmoeHeader& header, const Address& /* peer */)
{
    m_sentTrace(header);
}

void
WdmoeGatingServer::NotifyLost(const WdmoeHeader& header, const Address& /* peer */)
{
    m_lostTrace(header);
    if (header.type == WdmoeHeader::BATCH)
    {
        DoWithout(header.batch);
    }
    if (header.type == WdmoeHeader::WEIGHTS)
    {
        LoseWeights(header.request);
    }
}

void
WdmoeGatingServer::DoWithout(uint32_t batch)
{
    const auto known = m_requestOf.find(batch);
    if (known == m_requestOf.end())
    {
        return;
    }
    auto& s = Find(known->second);
    GiveUp(s, FindBatch(s, batch));
    if (s.open == 0)
    {
        EndBlock(s);
    }
}

void
WdmoeGatingServer::CheckReach()
{
    std::vector<uint64_t> hit; // EndBlock() may end a request
    for (uint32_t k = 0; k < m_unheard.size(); k++)
    {
        const auto link = m_controller->GetRadio()->GetLinkState(k);
        auto& since = m_unheard[k];
        if (link.downlink.valid && link.uplink.valid)
        {
            since = Time(-1);
            continue;
        }
        since = since.IsStrictlyNegative() ? Simulator::Now() : since;
        if (Simulator::Now() - since < m_lostTimeout)
        {
            continue;
        }
        for (auto& [id, s] : m_services)
        {
            const auto open = s.open;
            for (auto& batch : s.batches)
            {
                if (batch.open && batch.outcome.device == k)
                {
                    GiveUp(s, batch);
                }
            }
            if (open > 0 && s.open == 0)
            {
                hit.push_back(id);
            }
        }
    }
    for (const auto id : hit)
    {
        EndBlock(Find(id));
    }
    if (!m_services.empty() && !m_reachEvent.IsPending())
    {
        m_reachEvent = Simulator::Schedule(m_lostTimeout / 4, &WdmoeGatingServer::CheckReach, this);
    }
}

void
WdmoeGatingServer::DeadlinePassed(uint64_t id)
{
    NS_LOG_FUNCTION(this << id);
    auto& s = Find(id);
    for (auto& batch : s.batches)
    {
        if (!batch.open)
        {
            continue;
        }
        GiveUp(s, batch);
        WdmoeHeader header;
        header.type = WdmoeHeader::CANCEL;
        header.request = id;
        header.block = s.block;
        header.batch = batch.id;
        header.device = batch.outcome.device;
        m_transport->Send(m_peers[header.device], header, nullptr);
    }
    EndBlock(s);
}

uint64_t
WdmoeGatingServer::GetProgress() const
{
    return m_report.batchesSent + m_report.answers + m_report.answersMissing + m_report.requests +
           m_report.placedBytes;
}

bool
WdmoeGatingServer::IsWaiting() const
{
    // A request whose next step is due at a known time waits for nobody.
    return m_chunksOpen > 0 || std::any_of(m_services.begin(), m_services.end(), [](const auto& s) {
               return !s.second.next.IsPending();
           });
}

void
WdmoeGatingServer::DescribeRequests(std::ostream& os) const
{
    const Time now = Simulator::Now();
    os << "  " << m_report.requests << " requests and " << m_report.blocks << " blocks done, "
       << m_services.size() << " requests in service, " << m_queue.size() << " waiting\n";
    for (const auto& [id, s] : m_services)
    {
        os << "  request " << id << ", pass " << s.pass << ", block " << s.block;
        if (s.next.IsPending())
        {
            os << ": at the base station\n";
            continue;
        }
        os << ": waits for " << s.open << " of " << s.batches.size() << " batches\n";
        for (const auto& batch : s.batches)
        {
            if (batch.open)
            {
                const auto& part = s.decision.devices[batch.outcome.device];
                os << "    device " << batch.outcome.device << ": batch " << batch.id << ", "
                   << part.pieces[batch.outcome.piece].tokens << " tokens, sent "
                   << (now - batch.sent).As(Time::S) << " ago, predicted "
                   << wdmoe::SequentialLatency(part.predicted) << " s\n";
            }
        }
    }
    for (const auto& [id, m] : m_migrations)
    {
        os << "  move of expert " << m.move.expert << " of block " << m.move.block << " to device "
           << m.move.device << ": " << m.placed << " of " << m.chunks << " chunks there, "
           << m.open.size() << " under way\n";
    }
}

void
WdmoeGatingServer::DescribeLinks(std::ostream& os) const
{
    const auto radio = m_controller->GetRadio();
    const auto& plan = radio->GetPlan();
    const auto direction = [&os](const char* name,
                                 const WdmoeLinkMeasurement& link,
                                 const std::vector<WdmoeShare>& shares,
                                 uint32_t device,
                                 double budgetHz,
                                 double queued) {
        os << "    " << name << ": ";
        if (!link.valid)
        {
            os << "not heard";
        }
        else
        {
            os << link.law.Rate(budgetHz) / 1e6 << " Mbit/s with all of the band, measured "
               << (Simulator::Now() - link.when).As(Time::S) << " ago";
        }
        if (device < shares.size())
        {
            os << "; share " << shares[device].guaranteed << ", weight " << shares[device].weight
               << ", priority " << shares[device].priority;
        }
        if (!std::isnan(queued))
        {
            os << "; " << queued << " bytes wait in the radio";
        }
        os << "\n";
    };
    const auto budget = radio->GetBudget();
    for (uint32_t k = 0; k < radio->GetNDevices(); k++)
    {
        const auto link = radio->GetLinkState(k);
        const auto queued = radio->GetBacklog(k);
        os << "  device " << k << (radio->IsRemoved(k) ? ", removed" : "")
           << (k < m_known.size() && !m_known[k] ? ", has not said HELLO" : "") << "\n";
        direction("downlink",
                  link.downlink,
                  plan.downlink,
                  k,
                  budget.downlinkHz,
                  queued.downlinkBytes);
        direction("uplink", link.uplink, plan.uplink, k, budget.uplinkHz, queued.uplinkBytes);
        if (m_transport && k < m_known.size() && m_known[k])
        {
            const auto unconfirmed = m_transport->GetBacklog(m_peers[k]);
            os << "    transport: " << unconfirmed.messages << " messages to it, "
               << unconfirmed.bytes << " bytes of them not acknowledged, " << unconfirmed.timeouts
               << " timeouts since the last acknowledgement\n";
        }
    }
}

wdmoe::EnergyActivity
WdmoeGatingServer::GetActivity(const Service& s, std::size_t from, std::size_t to) const
{
    const auto& part = s.decision.devices[s.batches[from].outcome.device];
    wdmoe::EnergyActivity activity;
    Time received;
    Time answered;
    for (auto i = from; i < to; i++)
    {
        const auto& batch = s.batches[i];
        if (!batch.answered)
        {
            continue; // what it took until it was given up is not known
        }
        // From the first bit where the radio tells when that was, else from when it could be sent:
        // a receiver that waits for its turn is on. What overlaps counts once.
        const auto& f = batch.flight;
        const auto& o = batch.outcome;
        const Time began = Max(f.downlinkBegan.IsZero() ? batch.sent : f.downlinkBegan, received);
        const Time replied = Max(f.uplinkBegan.IsZero() ? o.computed : f.uplinkBegan, answered);
        const Time sending = f.uplinkActive.IsZero() ? o.answered - replied : f.uplinkActive;
        activity.receiveS += Max(o.received - began, Time(0)).GetSeconds();
        activity.transmitS += Max(sending, Time(0)).GetSeconds();
        activity.computeS += batch.compute.GetSeconds();
        received = Max(received, o.received);
        answered = Max(answered, o.answered);
    }
    activity.baseTransmitS =
        std::isnan(part.baseTransmitS) ? activity.receiveS : part.baseTransmitS;
    return activity;
}

void
WdmoeGatingServer::EndBlock(Service& s)
{
    s.deadline.Cancel();
    auto& record = s.present;
    record.latency = Simulator::Now() - record.start;
    auto kept = s.decision.selection;
    const auto since = [&record](Time t) {
        return t.IsZero() ? std::numeric_limits<double>::quiet_NaN()
                          : (t - record.start).GetSeconds();
    };
    wdmoe::EnergyActivity station;
    station.baseComputeS = s.stationS;
    record.energyKnown = true;
    record.energy = wdmoe::EnergyOfPart(wdmoe::DeviceProfile(), m_baseStation, station);
    for (std::size_t from = 0; from < s.batches.size();)
    {
        const auto k = s.batches[from].outcome.device;
        auto to = from;
        WdmoeDeviceRecord r;
        r.device = k;
        r.tokens = s.decision.devices[k].tokens;
        r.answered = true;
        r.predicted = s.decision.devices[k].predicted;
        WdmoeDeviceOutcome outcome;
        outcome.device = k;
        for (; to < s.batches.size() && s.batches[to].outcome.device == k; to++)
        {
            const auto& batch = s.batches[to];
            const auto& piece = s.decision.devices[k].pieces[batch.outcome.piece];
            r.answered = r.answered && batch.answered;
            outcome.computedS += batch.compute.GetSeconds();
            WdmoePieceRecord p;
            p.device = k;
            p.piece = batch.outcome.piece;
            p.tokens = piece.tokens;
            p.answered = batch.answered;
            p.planned = piece.planned;
            if (batch.answered)
            {
                p.measured.downlinkStartS = since(batch.flight.downlinkBegan);
                p.measured.downlinkEndS = since(batch.outcome.received);
                p.measured.computeStartS = since(batch.outcome.started);
                p.measured.computeEndS = since(batch.outcome.computed);
                p.measured.uplinkStartS = since(batch.flight.uplinkBegan);
                p.measured.uplinkEndS = since(batch.outcome.answered);
            }
            record.pieces.push_back(p);
            if (!batch.answered)
            {
                for (const auto& entry : piece.entries)
                {
                    for (const auto j : GetTokens(s.decision.selection, entry))
                    {
                        for (uint32_t slot = 0; slot < kept.slots; slot++)
                        {
                            auto& expert = kept.expert[j * kept.slots + slot];
                            expert = expert == static_cast<int32_t>(entry.expert) ? -1 : expert;
                        }
                    }
                }
            }
        }
        if (r.answered)
        {
            // pieces are served in order, but answers of retransmitted ones may come later
            Time received;
            Time computed;
            Time answered;
            for (auto i = from; i < to; i++)
            {
                const auto& o = s.batches[i].outcome;
                r.queueS = o.computed > computed ? s.batches[i].queue.GetSeconds() : r.queueS;
                outcome.uplinkActiveS += s.batches[i].flight.uplinkActive.GetSeconds();
                received = Max(received, o.received);
                computed = Max(computed, o.computed);
                answered = Max(answered, o.answered);
            }
            r.measured.downlinkS = (received - s.batches[from].sent).GetSeconds();
            r.measured.computeS = (computed - received).GetSeconds();
            r.measured.uplinkS = (answered - computed).GetSeconds();
        }
        const auto& profile = m_controller->GetProfile(k);
        record.energyKnown = record.energyKnown && wdmoe::KnowsEnergy(profile);
        record.energy += wdmoe::EnergyOfPart(profile, m_baseStation, GetActivity(s, from, to));
        outcome.answered = r.answered;
        outcome.measured = r.measured;
        outcome.queueS = r.queueS;
        record.devices.push_back(r);
        m_controller->Report(s.decision, outcome);
        from = to;
    }
    // the combine weights of what is there are renormalised; the gate mass says what is lost
    record.gateMassKept = record.pairsMissing > 0 ? wdmoe::KeptGateMass(s.gate, kept, m_model.topK)
                                                  : s.decision.gateMassKept;
    // others in flight take their part of the air, which no choice for this block alone could help
    if (record.inFlight == 1)
    {
        record.clairvoyantS = m_controller->GetHindsight(s.decision, s.gate, record.gateMassKept);
        record.regretS = record.latency.GetSeconds() - record.clairvoyantS;
    }
    if (m_real)
    {
        std::vector<wdmoe::ExpertAnswer> answers;
        for (auto& batch : s.batches)
        {
            if (batch.answered)
            {
                std::move(batch.answers.begin(), batch.answers.end(), std::back_inserter(answers));
            }
        }
        m_real->Combine(s.request.id, s.decision.selection, answers);
    }
    s.batches.clear();
    s.open = 0;
    auto& r = s.record;
    r.pairsTopK += record.pairsTopK;
    r.pairsRouted += record.pairsRouted;
    r.pairsMissing += record.pairsMissing;
    r.gateMassKept += record.tokens * record.gateMassKept;
    r.wlr += record.tokens * record.wlr;
    r.energyKnown = r.energyKnown && record.energyKnown;
    r.energy += record.energy;
    s.rows += record.tokens;
    m_report.blocks++;
    m_blockTrace(record);
    s.block++;
    if (s.block < (m_maxBlocks > 0 ? m_maxBlocks : m_model.blocks))
    {
        StartBlock(s);
    }
    else
    {
        EndPass(s);
    }
}

void
WdmoeGatingServer::EndPass(Service& s)
{
    const auto id = s.request.id;
    WdmoeTokenRecord token;
    token.request = id;
    token.index = s.pass;
    token.time = Simulator::Now();
    bool last = s.pass + 1 == s.request.outputTokens;
    if (m_real)
    {
        const auto out = m_real->EndPass(id);
        token.token = out;
        token.text = m_real->GetText(out);
        last = last || (s.request.stopAtEnd && m_real->IsEnd(out));
    }
    s.record.outputTokens++;
    s.record.end = Simulator::Now();
    if (s.pass == 0)
    {
        s.record.firstToken = Simulator::Now();
    }
    m_tokenTrace(token);
    s.pass++;
    s.block = 0;
    if (!last)
    {
        if (m_real)
        {
            m_real->StartPass(id);
        }
        StartBlock(s);
        return;
    }
    s.record.gateMassKept /= static_cast<double>(s.rows);
    s.record.wlr /= static_cast<double>(s.rows);
    if (m_real)
    {
        s.record.score = m_real->EndRequest(id);
    }
    m_report.requests++;
    m_report.tokensIn += s.request.promptTokens;
    m_report.tokensOut += s.record.outputTokens;
    const auto record = s.record;
    m_services.erase(id);
    m_requestTrace(record);
    NextRequest();
}

} // namespace ns3
