/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-expert-node.h"

#include "wdmoe-udp-transport.h"

#include "ns3/abort.h"
#include "ns3/enum.h"
#include "ns3/log.h"
#include "ns3/object-factory.h"
#include "ns3/simulator.h"
#include "ns3/type-id.h"
#include "ns3/wdmoe-activation.h"

#include <algorithm>
#include <vector>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeExpertNode");

NS_OBJECT_ENSURE_REGISTERED(WdmoeExpertNode);

namespace
{

/// A transport that is broken gives up at once: no message is sent again sooner than this.
const Time TELL_INTERVAL = MilliSeconds(100);

/// Most chunks of an expert, and moves under way that are remembered: what a message says is not
/// believed beyond that.
constexpr uint32_t MAX_CHUNKS = 1U << 20;
constexpr std::size_t MAX_MOVES = 64;

} // namespace

TypeId
WdmoeExpertNode::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeExpertNode")
            .SetParent<Application>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeExpertNode>()
            .AddAttribute("Transport",
                          "TypeId of the transport, the same as the server's",
                          TypeIdValue(WdmoeUdpTransport::GetTypeId()),
                          MakeTypeIdAccessor(&WdmoeExpertNode::m_transportType),
                          MakeTypeIdChecker())
            .AddAttribute("ComputeMode",
                          "How compute time is counted",
                          EnumValue(wdmoe::ComputeMode::ROOFLINE),
                          MakeEnumAccessor<wdmoe::ComputeMode>(&WdmoeExpertNode::m_computeMode),
                          MakeEnumChecker(wdmoe::ComputeMode::FLOPS,
                                          "Flops",
                                          wdmoe::ComputeMode::ROOFLINE,
                                          "Roofline"))
            .AddTraceSource("Compute",
                            "A batch was computed",
                            MakeTraceSourceAccessor(&WdmoeExpertNode::m_computeTrace),
                            "ns3::WdmoeExpertNode::ComputeTracedCallback")
            .AddTraceSource("Sent",
                            "A message is handed to the transport",
                            MakeTraceSourceAccessor(&WdmoeExpertNode::m_sentTrace),
                            "ns3::WdmoeExpertNode::MessageTracedCallback")
            .AddTraceSource("Received",
                            "A message is there",
                            MakeTraceSourceAccessor(&WdmoeExpertNode::m_receivedTrace),
                            "ns3::WdmoeExpertNode::MessageTracedCallback")
            .AddTraceSource("Lost",
                            "The transport has given up a message",
                            MakeTraceSourceAccessor(&WdmoeExpertNode::m_lostTrace),
                            "ns3::WdmoeExpertNode::MessageTracedCallback")
            .AddTraceSource("Queue",
                            "What waits or is computed has changed",
                            MakeTraceSourceAccessor(&WdmoeExpertNode::m_queueTrace),
                            "ns3::WdmoeExpertNode::QueueTracedCallback")
            .AddTraceSource("Report",
                            "The node stops",
                            MakeTraceSourceAccessor(&WdmoeExpertNode::m_reportTrace),
                            "ns3::WdmoeExpertNode::ReportTracedCallback");
    return tid;
}

void
WdmoeExpertNode::DoDispose()
{
    m_finish.Cancel();
    m_tell.Cancel();
    if (m_transport)
    {
        m_transport->Dispose();
    }
    m_transport = nullptr;
    Application::DoDispose();
}

void
WdmoeExpertNode::SetUp(uint32_t device,
                       const Address& server,
                       const wdmoe::DeviceProfile& profile,
                       const wdmoe::ExpertShape& shape)
{
    m_device = device;
    m_server = server;
    m_profile = profile;
    m_shape = shape;
    m_report.device = device;
}

void
WdmoeExpertNode::SetExperts(std::shared_ptr<const wdmoe::Transformer> model)
{
    NS_ABORT_MSG_IF(model && model->GetConfig().hidden != m_shape.hidden,
                    "WdmoeExpertNode::SetExperts: experts of "
                        << model->GetConfig().hidden << " elements, but SetUp said "
                        << m_shape.hidden << "; call SetUp first, with the same model");
    m_experts = model;
}

WdmoeNodeReport
WdmoeExpertNode::GetReport() const
{
    return m_report;
}

uint32_t
WdmoeExpertNode::GetDevice() const
{
    return m_device;
}

const wdmoe::DeviceProfile&
WdmoeExpertNode::GetProfile() const
{
    return m_profile;
}

const WdmoeTransportCounters&
WdmoeExpertNode::GetCounters() const
{
    NS_ABORT_MSG_IF(!m_transport, "WdmoeExpertNode::GetCounters: not started yet");
    return m_transport->GetCounters();
}

void
WdmoeExpertNode::StartApplication()
{
    NS_LOG_FUNCTION(this);
    NS_ABORT_MSG_IF(m_server.IsInvalid(),
                    "WdmoeExpertNode: call SetUp before the simulation starts");
    m_transport = ObjectFactory(m_transportType.GetName()).Create<WdmoeTransport>();
    m_transport->SetNode(GetNode());
    m_transport->SetReceiveCallback(MakeCallback(&WdmoeExpertNode::Receive, this));
    m_transport->TraceConnectWithoutContext("MessageLost",
                                            MakeCallback(&WdmoeExpertNode::NotifyLost, this));
    m_transport->TraceConnectWithoutContext("MessageSent",
                                            MakeCallback(&WdmoeExpertNode::NotifySent, this));
    m_transport->Connect(m_server);
    WdmoeHeader hello;
    hello.type = WdmoeHeader::HELLO;
    hello.device = m_device;
    m_transport->Send(m_server, hello, nullptr);
}

void
WdmoeExpertNode::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_finish.Cancel();
    m_tell.Cancel();
    if (m_transport)
    {
        m_reportTrace(m_report);
        m_transport->TraceDisconnectWithoutContext(
            "MessageLost",
            MakeCallback(&WdmoeExpertNode::NotifyLost, this));
        m_transport->Close();
    }
}

void
WdmoeExpertNode::Receive(const WdmoeMessage& message)
{
    m_receivedTrace(message.header);
    switch (message.header.type)
    {
    case WdmoeHeader::BATCH:
        ReceiveBatch(message);
        break;
    case WdmoeHeader::CANCEL:
        Cancel(message.header.batch);
        break;
    case WdmoeHeader::WEIGHTS:
        ReceiveWeights(message);
        break;
    default:
        m_report.refused++;
    }
}

void
WdmoeExpertNode::ReceiveBatch(const WdmoeMessage& message)
{
    m_report.batches++;
    if (m_cancelled.erase(message.header.batch) > 0)
    {
        m_report.cancelled++;
        return;
    }
    auto payload = message.payload->Copy();
    WdmoeRoutingTable table;
    const auto tableSize = payload->RemoveHeader(table);
    const auto& h = message.header;
    const uint64_t activations = uint64_t(h.length) - tableSize;
    const auto hidden = static_cast<uint32_t>(m_shape.hidden);
    bool good = !table.entries.empty() && table.Tokens() == h.tokens && h.tokens > 0;
    if (h.dtype == WdmoeHeader::SIZED)
    {
        good = good && activations >= h.tokens && activations % h.tokens == 0;
    }
    else
    {
        const auto bytes = wdmoe::EncodedBytes(static_cast<wdmoe::Precision>(h.dtype), hidden);
        good = good && m_experts && activations == uint64_t(h.tokens) * bytes &&
               h.answerDtype != WdmoeHeader::SIZED && h.block < m_experts->GetConfig().blocks;
        for (const auto& entry : table.entries)
        {
            good = good && entry.expert < m_experts->GetConfig().experts;
        }
    }
    const uint64_t answer =
        !good ? 0
        : h.answerDtype == WdmoeHeader::SIZED
            ? activations
            : uint64_t(h.tokens) *
                  wdmoe::EncodedBytes(static_cast<wdmoe::Precision>(h.answerDtype), hidden);
    if (!good || answer > WdmoeHeader::MAX_LENGTH)
    {
        m_report.refused++;
        return;
    }
    std::vector<double> tokens;
    for (const auto& entry : table.entries)
    {
        tokens.push_back(entry.tokens);
    }
    Job job;
    job.header = h;
    job.from = message.from;
    job.received = Simulator::Now();
    job.duration = Seconds(wdmoe::ComputeTime(m_computeMode, m_shape, m_profile, tokens));
    job.table = table;
    job.activations = payload;
    job.answerBytes = static_cast<uint32_t>(answer);
    m_queue.push_back(job);
    if (m_queue.size() == 1)
    {
        Compute();
    }
    TellQueue();
}

void
WdmoeExpertNode::ReceiveWeights(const WdmoeMessage& message)
{
    const auto& h = message.header;
    if (h.tokens == 0 || h.tokens > MAX_CHUNKS || h.batch >= h.tokens || h.length == 0)
    {
        m_report.refused++;
        return;
    }
    auto& here = m_chunks[h.request];
    if (here.empty())
    {
        here.resize(h.tokens);
    }
    if (here.size() != h.tokens)
    {
        m_report.refused++;
        return;
    }
    if (!here[h.batch])
    {
        here[h.batch] = true;
        m_report.weightBytes += h.length;
        if (std::find(here.begin(), here.end(), false) == here.end())
        {
            m_report.experts++;
            m_chunks.erase(h.request);
        }
    }
    if (m_chunks.size() > MAX_MOVES)
    {
        m_chunks.erase(m_chunks.begin()); // the oldest: the base station has given it up
    }
    WdmoeHeader placed = h;
    placed.type = WdmoeHeader::PLACED;
    placed.device = m_device;
    placed.length = 0;
    m_transport->Send(message.from, placed, nullptr);
}

void
WdmoeExpertNode::Cancel(uint32_t batch)
{
    for (std::size_t i = 0; i < m_queue.size(); i++)
    {
        if (m_queue[i].header.batch != batch)
        {
            continue;
        }
        m_queue.erase(m_queue.begin() + i);
        m_report.cancelled++;
        if (i == 0)
        {
            m_finish.Cancel();
            if (!m_queue.empty())
            {
                Compute();
            }
        }
        TellQueue();
        return;
    }
    // it may be answered already, or overtaken by this message; batches count up
    m_cancelled.insert(batch);
    if (m_cancelled.size() > 64)
    {
        m_cancelled.erase(m_cancelled.begin());
    }
}

void
WdmoeExpertNode::NotifySent(const WdmoeHeader& header, const Address& /* peer */)
{
    m_sentTrace(header);
}

void
WdmoeExpertNode::NotifyLost(const WdmoeHeader& header, const Address& /* peer */)
{
    m_lostTrace(header);
    if (header.type == WdmoeHeader::PLACED)
    {
        m_untold.push_back(header);
        if (!m_tell.IsPending())
        {
            m_tell = Simulator::Schedule(TELL_INTERVAL, &WdmoeExpertNode::Tell, this);
        }
        return;
    }
    if (header.type != WdmoeHeader::ANSWER && header.type != WdmoeHeader::CANCEL)
    {
        return; // HELLO: the server says who is missing
    }
    WdmoeHeader cancel;
    cancel.type = WdmoeHeader::CANCEL;
    cancel.request = header.request;
    cancel.block = header.block;
    cancel.batch = header.batch;
    cancel.device = m_device;
    m_untold.push_back(cancel);
    if (!m_tell.IsPending())
    {
        m_tell = Simulator::Schedule(TELL_INTERVAL, &WdmoeExpertNode::Tell, this);
    }
}

void
WdmoeExpertNode::Tell()
{
    for (const auto& cancel : m_untold)
    {
        m_transport->Send(m_server, cancel, nullptr);
    }
    m_untold.clear();
}

void
WdmoeExpertNode::Compute()
{
    auto& job = m_queue.front();
    job.start = Simulator::Now();
    m_finish = Simulator::Schedule(job.duration, &WdmoeExpertNode::Answer, this);
}

void
WdmoeExpertNode::Answer()
{
    const auto job = m_queue.front();
    m_queue.pop_front();
    m_report.tokens += job.header.tokens;
    m_report.answers++;
    m_report.busyS += job.duration.GetSeconds();
    m_computeTrace(m_device, job.header.tokens, job.start, job.duration);
    WdmoeHeader header = job.header;
    header.type = WdmoeHeader::ANSWER;
    header.dtype =
        job.header.dtype == WdmoeHeader::SIZED ? WdmoeHeader::SIZED : job.header.answerDtype;
    header.device = m_device;
    header.queueUs = static_cast<uint32_t>((job.start - job.received).GetMicroSeconds());
    header.computeNs = job.duration.GetNanoSeconds();
    header.receivedNs = job.received.GetNanoSeconds();
    const auto payload =
        job.header.dtype == WdmoeHeader::SIZED ? Create<Packet>(job.answerBytes) : RunExperts(job);
    m_transport->Send(job.from, header, payload);
    if (!m_queue.empty())
    {
        Compute();
    }
    TellQueue();
}

void
WdmoeExpertNode::TellQueue()
{
    if (m_queueTrace.IsEmpty())
    {
        return;
    }
    uint64_t tokens = 0;
    for (const auto& job : m_queue)
    {
        tokens += job.header.tokens;
    }
    const bool busy = !m_queue.empty();
    m_queueTrace(m_device,
                 tokens,
                 busy ? m_queue.front().table : WdmoeRoutingTable(),
                 busy ? m_queue.front().start + m_queue.front().duration : Simulator::Now());
}

Ptr<Packet>
WdmoeExpertNode::RunExperts(const Job& job) const
{
    const auto hidden = static_cast<uint32_t>(m_shape.hidden);
    const auto down = static_cast<wdmoe::Precision>(job.header.dtype);
    const auto up = static_cast<wdmoe::Precision>(job.header.answerDtype);
    std::vector<uint8_t> received(job.activations->GetSize());
    job.activations->CopyData(received.data(), static_cast<uint32_t>(received.size()));
    std::vector<uint8_t> answer(job.answerBytes);
    const uint8_t* in = received.data();
    uint8_t* out = answer.data();
    for (const auto& entry : job.table.entries)
    {
        std::vector<float> rows(std::size_t(entry.tokens) * hidden);
        for (std::size_t at = 0; at < rows.size(); at += hidden)
        {
            wdmoe::Decode(down, hidden, in, rows.data() + at);
            in += wdmoe::EncodedBytes(down, hidden);
        }
        const auto output = m_experts->Expert(job.header.block, entry.expert, rows);
        for (std::size_t at = 0; at < output.size(); at += hidden)
        {
            wdmoe::Encode(up, hidden, output.data() + at, out);
            out += wdmoe::EncodedBytes(up, hidden);
        }
    }
    return Create<Packet>(answer.data(), static_cast<uint32_t>(answer.size()));
}

void
WdmoeExpertNode::Describe(std::ostream& os) const
{
    if (!m_transport)
    {
        os << "  device " << m_device << ": not started\n";
        return;
    }
    const auto& counters = m_transport->GetCounters();
    os << "  device " << m_device << ": " << m_queue.size() << " batches queued";
    if (m_finish.IsPending())
    {
        os << ", batch " << m_queue.front().header.batch << " computed for another "
           << Simulator::GetDelayLeft(m_finish).As(Time::S);
    }
    const auto unconfirmed = m_transport->GetBacklog(m_server);
    os << "; " << counters.messagesReceived << " messages received, " << counters.messagesSent
       << " sent, " << unconfirmed.messages << " of them (" << unconfirmed.bytes
       << " bytes) not acknowledged\n";
}

} // namespace ns3
