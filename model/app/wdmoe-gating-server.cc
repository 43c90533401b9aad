/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-gating-server.h"

#include "wdmoe-udp-transport.h"

#include "ns3/abort.h"
#include "ns3/enum.h"
#include "ns3/log.h"
#include "ns3/object-factory.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/type-id.h"
#include "ns3/uinteger.h"

#include <algorithm>
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
                          "All devices must have said HELLO by then",
                          TimeValue(Seconds(10)),
                          MakeTimeAccessor(&WdmoeGatingServer::m_helloTimeout),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("StuckTimeout",
                          "A block that lasts longer than this stops the simulation with a "
                          "message that says who is missing",
                          TimeValue(Seconds(120)),
                          MakeTimeAccessor(&WdmoeGatingServer::m_stuckTimeout),
                          MakeTimeChecker(Time(0)))
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

void
WdmoeGatingServer::DoDispose()
{
    m_next.Cancel();
    m_arrival.Cancel();
    m_deadlineEvent.Cancel();
    m_stuckEvent.Cancel();
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
    report.unfinished = m_queue.size() + (m_busy ? 1 : 0);
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
    m_transport = ObjectFactory(m_transportType.GetName()).Create<WdmoeTransport>();
    m_transport->SetAttributeFailSafe("WindowBytes", UintegerValue(m_windowBytes));
    m_transport->SetNode(GetNode());
    m_transport->SetReceiveCallback(MakeCallback(&WdmoeGatingServer::Receive, this));
    m_transport->Listen(m_port);
    m_stuckEvent = Simulator::Schedule(m_helloTimeout, &WdmoeGatingServer::HelloTimeout, this);
}

void
WdmoeGatingServer::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_next.Cancel();
    m_arrival.Cancel();
    m_deadlineEvent.Cancel();
    m_stuckEvent.Cancel();
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
    NS_ABORT_MSG("WdmoeGatingServer: no HELLO within "
                 << m_helloTimeout.As(Time::S) << " from device(s)" << missing.str()
                 << ": out of coverage, not attached, or no WdmoeExpertNode installed");
}

void
WdmoeGatingServer::Receive(const WdmoeMessage& message)
{
    const auto& h = message.header;
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
        m_stuckEvent.Cancel();
        m_origin = Simulator::Now();
        FetchRequest();
    }
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

void
WdmoeGatingServer::NextRequest()
{
    if (m_busy || m_done)
    {
        return;
    }
    if (m_queue.empty())
    {
        if (!m_moreRequests)
        {
            m_done = true;
            m_doneTrace();
        }
        return;
    }
    m_busy = true;
    m_request = m_queue.front();
    m_queue.pop_front();
    m_requestRecord = WdmoeRequestRecord();
    m_requestRecord.request = m_request.id;
    m_requestRecord.promptTokens = m_request.promptTokens;
    m_requestRecord.arrival = m_request.arrival;
    m_requestRecord.start = Simulator::Now();
    m_pass = 0;
    m_block = 0;
    m_rows = 0;
    if (m_real)
    {
        m_real->StartRequest(m_request);
        m_real->StartPass();
    }
    StartBlock();
}

void
WdmoeGatingServer::StartBlock()
{
    WdmoeGateQuery query;
    query.request = m_request.id;
    query.block = m_block;
    query.tokens = m_pass == 0 ? m_request.promptTokens : 1;
    query.position = m_pass == 0 ? 0 : m_request.promptTokens + m_pass - 1;
    m_gate = m_gates->GetGate(query);
    NS_ABORT_MSG_IF(m_gate.tokens != query.tokens || m_gate.experts != m_model.experts,
                    "WdmoeGatingServer: asked the gate for "
                        << query.tokens << " tokens and " << m_model.experts << " experts, got "
                        << m_gate.tokens << " and " << m_gate.experts);
    double seconds = 0;
    if (m_baseStation.flops > 0)
    {
        const double context = query.position + 0.5 * (query.tokens + 1);
        seconds = query.tokens * m_model.BaseStationFlopsPerToken(context) / m_baseStation.flops;
    }
    m_next = Simulator::Schedule(Seconds(seconds), &WdmoeGatingServer::Dispatch, this);
}

void
WdmoeGatingServer::Dispatch()
{
    WdmoeBlockInput input;
    input.request = m_request.id;
    input.block = m_block;
    input.gate = m_gate;
    input.downlinkBytesPerToken = GetBytesPerToken(m_downlinkPrecision);
    input.uplinkBytesPerToken = GetBytesPerToken(m_uplinkPrecision);
    input.batchBytes = WdmoeRoutingTable::SIZE;
    input.batchExpertBytes = WdmoeRoutingTable::ENTRY_SIZE;
    input.wireBytes = MakeCallback(&WdmoeTransport::GetWireBytes, m_transport);
    m_decision = m_controller->Decide(input);
    m_next = Simulator::Schedule(m_decision.delay, &WdmoeGatingServer::SendBatches, this);
}

void
WdmoeGatingServer::SendBatches()
{
    const auto devices = m_decision.devices.size();
    m_record = WdmoeBlockRecord();
    m_record.request = m_request.id;
    m_record.pass = m_pass;
    m_record.block = m_block;
    m_record.tokens = static_cast<uint32_t>(m_gate.tokens);
    m_record.start = Simulator::Now();
    m_record.predictedS = m_decision.predictedS;
    m_record.pairsTopK = m_decision.pairsTopK;
    m_record.wlr = m_decision.wlr;
    m_record.plan = m_decision.plan;
    m_record.expertTokens = m_decision.expertTokens;
    m_batches.assign(devices, Batch());
    m_open = 0;

    std::vector<WdmoeRoutingTable> tables(devices);
    for (uint32_t e = 0; e < m_decision.expertTokens.size(); e++)
    {
        if (m_decision.expertTokens[e] > 0)
        {
            tables[m_controller->GetDeviceOf(e)].entries.push_back(
                {static_cast<uint16_t>(e), m_decision.expertTokens[e]});
        }
    }
    for (uint32_t k = 0; k < devices; k++)
    {
        const auto& part = m_decision.devices[k];
        if (part.tokens == 0)
        {
            continue;
        }
        const auto closedForm = WdmoeClosedFormPredictor().Predict(k, part.load);
        m_record.closedFormS = std::max(m_record.closedFormS, wdmoe::SequentialLatency(closedForm));
        auto payload = m_real ? MakePayload(m_batches[k], tables[k])
                              : Create<Packet>(part.tokens * GetBytesPerToken(m_downlinkPrecision));
        payload->AddHeader(tables[k]);
        WdmoeHeader header;
        header.type = WdmoeHeader::BATCH;
        header.dtype =
            m_real ? static_cast<WdmoeHeader::Dtype>(m_downlinkPrecision) : WdmoeHeader::SIZED;
        header.answerDtype = static_cast<WdmoeHeader::Dtype>(m_uplinkPrecision);
        header.request = m_request.id;
        header.block = m_block;
        header.batch = m_nextBatch++;
        header.device = k;
        header.tokens = part.tokens;
        header.position = m_pass == 0 ? 0 : m_request.promptTokens + m_pass - 1;
        m_batches[k].id = header.batch;
        m_batches[k].sent = Simulator::Now();
        m_batches[k].outcome.device = k;
        m_record.pairsRouted += part.tokens;
        m_record.bytesDownlink += WdmoeHeader::SIZE + payload->GetSize();
        m_open++;
        m_report.batchesSent++;
        m_transport->Send(m_peers[k], header, payload);
    }
    if (m_deadline.IsStrictlyPositive())
    {
        m_deadlineEvent = Simulator::Schedule(m_deadline, &WdmoeGatingServer::DeadlinePassed, this);
    }
    m_stuckEvent = Simulator::Schedule(m_stuckTimeout, &WdmoeGatingServer::Stuck, this);
    if (m_open == 0)
    {
        EndBlock();
    }
}

Ptr<Packet>
WdmoeGatingServer::MakePayload(Batch& batch, const WdmoeRoutingTable& table) const
{
    const auto& selection = m_decision.selection;
    const auto bytes = GetBytesPerToken(m_downlinkPrecision);
    std::vector<uint8_t> data(table.Tokens() * bytes);
    auto at = data.data();
    for (const auto& entry : table.entries)
    {
        wdmoe::ExpertAnswer answer;
        answer.expert = entry.expert;
        for (uint32_t j = 0; j < selection.tokens; j++)
        {
            const auto slot = selection.expert.begin() + j * selection.slots;
            if (std::find(slot, slot + selection.slots, entry.expert) != slot + selection.slots)
            {
                answer.token.push_back(j);
                wdmoe::Encode(m_downlinkPrecision, GetHidden(), m_real->GetInput(j), at);
                at += bytes;
            }
        }
        batch.answers.push_back(std::move(answer));
    }
    return Create<Packet>(data.data(), static_cast<uint32_t>(data.size()));
}

void
WdmoeGatingServer::TakeAnswers(Batch& batch, Ptr<const Packet> payload) const
{
    const auto hidden = GetHidden();
    const auto bytes = GetBytesPerToken(m_uplinkPrecision);
    std::vector<uint8_t> data(payload->GetSize());
    payload->CopyData(data.data(), static_cast<uint32_t>(data.size()));
    auto at = data.data();
    for (auto& answer : batch.answers)
    {
        answer.output.resize(answer.token.size() * hidden);
        for (std::size_t row = 0; row < answer.token.size(); row++, at += bytes)
        {
            wdmoe::Decode(m_uplinkPrecision, hidden, at, answer.output.data() + row * hidden);
        }
    }
}

void
WdmoeGatingServer::ReceiveAnswer(const WdmoeMessage& message)
{
    const auto& h = message.header;
    auto* batch = h.device < m_batches.size() ? &m_batches[h.device] : nullptr;
    if (!batch || h.batch == 0 || batch->id != h.batch || batch->answered || m_open == 0)
    {
        // an older batch: its block went on without it
        (h.batch > 0 && h.batch < m_nextBatch ? m_report.answersLate : m_report.answersRefused)++;
        return;
    }
    const Time now = Simulator::Now();
    const Time received = NanoSeconds(h.receivedNs);
    const Time queue = MicroSeconds(h.queueUs);
    const Time compute = NanoSeconds(h.computeNs);
    const uint64_t bytes = uint64_t(h.tokens) * GetBytesPerToken(m_uplinkPrecision);
    const auto dtype =
        m_real ? static_cast<WdmoeHeader::Dtype>(m_uplinkPrecision) : WdmoeHeader::SIZED;
    if (h.tokens != m_decision.devices[h.device].tokens || h.length != bytes || h.dtype != dtype ||
        received < batch->sent || received > now || compute > now ||
        received + queue + compute > now)
    {
        m_report.answersRefused++;
        return;
    }
    batch->answered = true;
    if (m_real)
    {
        TakeAnswers(*batch, message.payload);
    }
    auto& o = batch->outcome;
    o.answered = true;
    o.queueS = queue.GetSeconds();
    o.measured.downlinkS = (received - batch->sent).GetSeconds();
    o.measured.computeS = (queue + compute).GetSeconds();
    o.measured.uplinkS = (now - received - queue - compute).GetSeconds();
    m_record.bytesUplink += WdmoeHeader::SIZE + h.length;
    m_report.answers++;
    m_open--;
    if (m_open == 0)
    {
        EndBlock();
    }
}

void
WdmoeGatingServer::DeadlinePassed()
{
    NS_LOG_FUNCTION(this);
    for (uint32_t k = 0; k < m_batches.size(); k++)
    {
        const auto& batch = m_batches[k];
        if (batch.id == 0 || batch.answered)
        {
            continue;
        }
        m_record.pairsMissing += m_decision.devices[k].tokens;
        m_report.answersMissing++;
        WdmoeHeader header;
        header.type = WdmoeHeader::CANCEL;
        header.request = m_request.id;
        header.block = m_block;
        header.batch = batch.id;
        header.device = k;
        m_transport->Send(m_peers[k], header, nullptr);
    }
    m_open = 0;
    EndBlock();
}

void
WdmoeGatingServer::Stuck()
{
    std::ostringstream missing;
    for (uint32_t k = 0; k < m_batches.size(); k++)
    {
        if (m_batches[k].id != 0 && !m_batches[k].answered)
        {
            missing << " " << k << " (" << m_decision.devices[k].tokens << " tokens, predicted "
                    << wdmoe::SequentialLatency(m_decision.devices[k].predicted) << " s)";
        }
    }
    NS_ABORT_MSG("WdmoeGatingServer: block "
                 << m_block << " of request " << m_request.id << " is not finished after "
                 << m_stuckTimeout.As(Time::S) << "; no answer from device" << missing.str()
                 << "; set a Deadline, or look at its link");
}

void
WdmoeGatingServer::EndBlock()
{
    m_deadlineEvent.Cancel();
    m_stuckEvent.Cancel();
    m_record.latency = Simulator::Now() - m_record.start;
    auto kept = m_decision.selection;
    for (uint32_t k = 0; k < m_batches.size(); k++)
    {
        const auto& batch = m_batches[k];
        if (batch.id == 0)
        {
            continue;
        }
        WdmoeDeviceRecord r;
        r.device = k;
        r.tokens = m_decision.devices[k].tokens;
        r.answered = batch.answered;
        r.measured = batch.outcome.measured;
        r.predicted = m_decision.devices[k].predicted;
        r.queueS = batch.outcome.queueS;
        m_record.devices.push_back(r);
        m_controller->Report(m_decision, batch.outcome);
    }
    if (m_record.pairsMissing > 0)
    {
        // the combine weights of what is there are renormalised; the gate mass says what is lost
        for (auto& expert : kept.expert)
        {
            if (expert >= 0 && !m_batches[m_controller->GetDeviceOf(expert)].answered)
            {
                expert = -1;
            }
        }
    }
    m_record.gateMassKept = m_record.pairsMissing > 0
                                ? wdmoe::KeptGateMass(m_gate, kept, m_model.topK)
                                : m_decision.gateMassKept;
    if (m_real)
    {
        std::vector<wdmoe::ExpertAnswer> answers;
        for (auto& batch : m_batches)
        {
            if (batch.answered)
            {
                std::move(batch.answers.begin(), batch.answers.end(), std::back_inserter(answers));
            }
        }
        m_real->Combine(m_decision.selection, answers);
    }
    for (auto& batch : m_batches)
    {
        batch = Batch();
    }
    auto& r = m_requestRecord;
    r.pairsTopK += m_record.pairsTopK;
    r.pairsRouted += m_record.pairsRouted;
    r.pairsMissing += m_record.pairsMissing;
    r.gateMassKept += m_record.tokens * m_record.gateMassKept;
    r.wlr += m_record.tokens * m_record.wlr;
    m_rows += m_record.tokens;
    m_report.blocks++;
    m_blockTrace(m_record);
    m_block++;
    if (m_block < (m_maxBlocks > 0 ? m_maxBlocks : m_model.blocks))
    {
        StartBlock();
    }
    else
    {
        EndPass();
    }
}

void
WdmoeGatingServer::EndPass()
{
    WdmoeTokenRecord token;
    token.request = m_request.id;
    token.index = m_pass;
    token.time = Simulator::Now();
    bool last = m_pass + 1 == m_request.outputTokens;
    if (m_real)
    {
        const auto out = m_real->EndPass();
        token.token = out;
        token.text = m_real->GetText(out);
        last = last || (m_request.stopAtEnd && m_real->IsEnd(out));
    }
    m_requestRecord.outputTokens++;
    m_requestRecord.end = Simulator::Now();
    if (m_pass == 0)
    {
        m_requestRecord.firstToken = Simulator::Now();
    }
    m_tokenTrace(token);
    m_pass++;
    m_block = 0;
    if (!last)
    {
        if (m_real)
        {
            m_real->StartPass();
        }
        StartBlock();
        return;
    }
    m_requestRecord.gateMassKept /= static_cast<double>(m_rows);
    m_requestRecord.wlr /= static_cast<double>(m_rows);
    if (m_real)
    {
        m_requestRecord.score = m_real->EndRequest();
    }
    m_report.requests++;
    m_report.tokensIn += m_request.promptTokens;
    m_report.tokensOut += m_requestRecord.outputTokens;
    m_busy = false;
    m_requestTrace(m_requestRecord);
    NextRequest();
}

} // namespace ns3
