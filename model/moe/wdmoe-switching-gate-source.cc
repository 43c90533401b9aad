/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-switching-gate-source.h"

#include "ns3/abort.h"
#include "ns3/log.h"

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeSwitchingGateSource");

NS_OBJECT_ENSURE_REGISTERED(WdmoeSwitchingGateSource);

namespace
{

/// Requests from here on ask for the history
constexpr uint64_t HISTORY_REQUEST = 1ULL << 40;

} // namespace

TypeId
WdmoeSwitchingGateSource::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeSwitchingGateSource")
                            .SetParent<WdmoeGateSource>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeSwitchingGateSource>();
    return tid;
}

void
WdmoeSwitchingGateSource::DoDispose()
{
    m_sources.clear();
    WdmoeGateSource::DoDispose();
}

void
WdmoeSwitchingGateSource::Add(uint64_t first, Ptr<WdmoeGateSource> source)
{
    NS_ABORT_MSG_IF(!source, "WdmoeSwitchingGateSource::Add: no source");
    NS_ABORT_MSG_IF(m_sources.empty() && first != 0,
                    "WdmoeSwitchingGateSource::Add: the first source begins with request "
                        << first << "; expected 0, so that all requests have one");
    NS_ABORT_MSG_IF(!m_sources.empty() && first <= m_sources.back().first,
                    "WdmoeSwitchingGateSource::Add: a source begins with request "
                        << first << ", after one that begins with " << m_sources.back().first
                        << "; expected rising numbers");
    m_sources.emplace_back(first, source);
}

void
WdmoeSwitchingGateSource::SetModel(uint32_t blocks, uint32_t experts, uint32_t topK)
{
    NS_ABORT_MSG_IF(m_sources.empty(), "WdmoeSwitchingGateSource: call Add first");
    WdmoeGateSource::SetModel(blocks, experts, topK);
    for (auto& [first, source] : m_sources)
    {
        source->SetModel(blocks, experts, topK);
    }
}

wdmoe::GateMatrix
WdmoeSwitchingGateSource::GetGate(const WdmoeGateQuery& query)
{
    NS_ABORT_MSG_IF(m_sources.empty(), "WdmoeSwitchingGateSource: call Add first");
    auto source = m_sources.front().second;
    for (const auto& [first, other] : m_sources)
    {
        source = query.request < HISTORY_REQUEST && query.request >= first ? other : source;
    }
    return source->GetGate(query);
}

int64_t
WdmoeSwitchingGateSource::AssignStreams(int64_t stream)
{
    const int64_t apart = 10;
    for (std::size_t i = 0; i < m_sources.size(); i++)
    {
        m_sources[i].second->AssignStreams(stream + static_cast<int64_t>(i) * apart);
    }
    return static_cast<int64_t>(m_sources.size()) * apart;
}

} // namespace ns3
