/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-recorded-gate-source.h"

#include "wdmoe-data-file.h"
#include "wdmoe-data-path.h"
#include "wdmoe-gate-process.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/log.h"
#include "ns3/random-variable-stream.h"
#include "ns3/string.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeRecordedGateSource");

NS_OBJECT_ENSURE_REGISTERED(WdmoeRecordedGateSource);

TypeId
WdmoeRecordedGateSource::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeRecordedGateSource")
            .SetParent<WdmoeGateSource>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeRecordedGateSource>()
            .AddAttribute("FileName",
                          "Log (.csv) or counts (.json): a path, absolute or relative to the data "
                          "folder",
                          StringValue("gates/mixtral-8x7b-counts.json"),
                          MakeStringAccessor(&WdmoeRecordedGateSource::m_fileName),
                          MakeStringChecker())
            .AddAttribute("Domain",
                          "Domain of the counts; empty: one at random for each request",
                          StringValue(""),
                          MakeStringAccessor(&WdmoeRecordedGateSource::m_domain),
                          MakeStringChecker())
            .AddAttribute("Concentration",
                          "Standard deviation of the logits of a token around the popularity; "
                          "negative: of the fit for the recorded model",
                          DoubleValue(-1),
                          MakeDoubleAccessor(&WdmoeRecordedGateSource::m_concentrationAttribute),
                          MakeDoubleChecker<double>(-1, 20))
            .AddAttribute("Correlation",
                          "Correlation of the logits of neighbouring tokens of a sequence; "
                          "negative: of the fit for the recorded model",
                          DoubleValue(-1),
                          MakeDoubleAccessor(&WdmoeRecordedGateSource::m_correlationAttribute),
                          MakeDoubleChecker<double>(-1, 0.999));
    return tid;
}

WdmoeRecordedGateSource::WdmoeRecordedGateSource()
    : m_uniform(CreateObject<UniformRandomVariable>())
{
}

WdmoeRecordedGateSource::~WdmoeRecordedGateSource() = default;

void
WdmoeRecordedGateSource::DoDispose()
{
    m_uniform = nullptr;
    WdmoeGateSource::DoDispose();
}

void
WdmoeRecordedGateSource::SetModel(uint32_t blocks, uint32_t experts, uint32_t topK)
{
    WdmoeGateSource::SetModel(blocks, experts, topK);
    m_prepared = false;
    m_log.reset();
    m_counts.reset();
    Prepare(); // so that a file that does not fit is refused at once
    const auto layers = m_log ? m_log->blocks : m_counts->layers.size();
    if (layers != m_blocks)
    {
        NS_LOG_WARN(m_fileName << ": " << layers << " recorded layers for " << m_blocks
                               << " blocks: a block takes the layer of the nearest relative "
                                  "depth, its experts renumbered if another block has it too");
    }
}

int64_t
WdmoeRecordedGateSource::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    m_hasKey = false;
    m_prepared = false;
    return 1;
}

void
WdmoeRecordedGateSource::MapBlocks(const std::vector<double>& depth)
{
    const auto layers = static_cast<uint32_t>(depth.size());
    const WdmoeGateProcess process(0x57444d6f45ULL, 0);
    std::vector<double> nearest(layers, 2);
    std::vector<uint32_t> original(layers, 0);
    m_layer.assign(m_blocks, 0);
    for (uint32_t block = 0; block < m_blocks; ++block)
    {
        const double at = m_blocks > 1 ? static_cast<double>(block) / (m_blocks - 1) : 0;
        for (uint32_t layer = 1; layer < layers; ++layer)
        {
            if (std::abs(depth[layer] - at) < std::abs(depth[m_layer[block]] - at))
            {
                m_layer[block] = layer;
            }
        }
        const auto layer = m_layer[block];
        if (std::abs(depth[layer] - at) < nearest[layer])
        {
            nearest[layer] = std::abs(depth[layer] - at);
            original[layer] = block;
        }
    }
    m_number.assign(m_blocks, {});
    for (uint32_t block = 0; block < m_blocks; ++block)
    {
        auto& number = m_number[block];
        number.resize(m_experts);
        std::iota(number.begin(), number.end(), 0);
        if (block != original[m_layer[block]])
        {
            std::sort(number.begin(), number.end(), [&](uint32_t a, uint32_t b) {
                return process.Bits(1, block, a) < process.Bits(1, block, b);
            });
        }
    }
}

void
WdmoeRecordedGateSource::Prepare()
{
    if (m_prepared)
    {
        return;
    }
    NS_ABORT_MSG_IF(m_experts == 0, "WdmoeRecordedGateSource: call SetModel first");
    const auto path = WdmoeDataPath(m_fileName);
    const bool isLog = path.size() > 4 && path.substr(path.size() - 4) == ".csv";
    if (!m_log && !m_counts)
    {
        std::string wrong; // aborting inside the handler would print it twice
        try
        {
            if (isLog)
            {
                m_log = std::make_unique<WdmoeGateLog>(WdmoeReadGateLog(path));
            }
            else
            {
                m_counts = std::make_unique<WdmoeGateCounts>(WdmoeReadGateCounts(path));
            }
        }
        catch (const WdmoeDataError& error)
        {
            wrong = error.what();
        }
        NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: recorded gates: " << wrong);
    }
    const auto experts = m_log ? m_log->experts : m_counts->experts;
    const auto topK = m_log ? m_log->topK : m_counts->topK;
    NS_ABORT_MSG_IF(experts != m_experts,
                    "WDMoE: recorded gates: " << path << " has " << experts
                                              << " experts in a block and the model " << m_experts
                                              << "; use the record of a model of that size, or "
                                                 "ns3::WdmoeSyntheticGateSource");
    NS_ABORT_MSG_IF(m_log && topK < m_topK,
                    "WDMoE: recorded gates: " << path << " keeps " << topK
                                              << " weights of each token, the model needs "
                                              << m_topK);
    std::vector<double> depth;
    if (m_log)
    {
        for (uint32_t block = 0; block < m_log->blocks; ++block)
        {
            depth.push_back(m_log->blocks > 1 ? static_cast<double>(block) / (m_log->blocks - 1)
                                              : 0);
        }
    }
    else
    {
        for (const auto layer : m_counts->layers)
        {
            depth.push_back(layer / std::max(1.0, m_counts->modelBlocks - 1.0));
        }
        WdmoeGateFit fit;
        if (m_concentrationAttribute < 0 || m_correlationAttribute < 0)
        {
            fit = WdmoeLoadGateFit(m_counts->model);
        }
        m_concentration =
            m_concentrationAttribute < 0 ? fit.concentration : m_concentrationAttribute;
        m_correlation = m_correlationAttribute < 0 ? fit.correlation : m_correlationAttribute;
        NS_ABORT_MSG_IF(m_concentration <= 0,
                        "WdmoeRecordedGateSource: Concentration 0 with counts: every token would "
                        "choose the same experts; expected > 0");
        const auto& domains = m_counts->domains;
        std::string all;
        for (const auto& name : domains)
        {
            all += " " + name;
        }
        NS_ABORT_MSG_IF(!m_domain.empty() &&
                            std::find(domains.begin(), domains.end(), m_domain) == domains.end(),
                        "WdmoeRecordedGateSource: no Domain '" << m_domain << "' in " << path
                                                               << ". There are:" << all);
    }
    MapBlocks(depth);
    m_fitted.clear();
    if (!m_hasKey)
    {
        m_key = WdmoeDrawKey(m_uniform);
        m_hasKey = true;
    }
    m_prepared = true;
}

wdmoe::GateMatrix
WdmoeRecordedGateSource::GetGate(const WdmoeGateQuery& query)
{
    NS_LOG_FUNCTION(this << query.request << query.block << query.position << query.tokens);
    Prepare();
    NS_ABORT_MSG_IF(query.block >= m_blocks,
                    "WdmoeRecordedGateSource::GetGate: block " << query.block << " of "
                                                               << m_blocks);
    return m_log ? FromLog(query) : FromCounts(query);
}

wdmoe::GateMatrix
WdmoeRecordedGateSource::FromLog(const WdmoeGateQuery& query) const
{
    wdmoe::GateMatrix gate;
    gate.tokens = query.tokens;
    gate.experts = m_experts;
    gate.weight.assign(gate.tokens * gate.experts, 0.0);
    const auto sequences = m_log->start.size() - 1;
    const auto total = m_log->start.back();
    const auto shift = m_key % sequences;
    const auto first = m_log->start[(query.request % sequences + shift) % sequences];
    const auto& number = m_number[query.block];
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const auto token = (first + query.position + j) % total;
        const auto from = (m_layer[query.block] * total + token) * m_log->topK;
        for (std::size_t slot = from; slot < from + m_log->topK; ++slot)
        {
            gate.weight[j * m_experts + number[m_log->expert[slot]]] = m_log->weight[slot];
        }
    }
    return gate;
}

wdmoe::GateMatrix
WdmoeRecordedGateSource::FromCounts(const WdmoeGateQuery& query)
{
    const WdmoeGateProcess process(m_key, m_correlation);
    const auto& domains = m_counts->domains;
    const std::size_t domain =
        m_domain.empty() ? process.Bits(query.request, 0x646f6dULL, 2) % domains.size()
                         : std::find(domains.begin(), domains.end(), m_domain) - domains.begin();
    const auto row = domain * m_counts->layers.size() + m_layer[query.block];
    auto& popularity = m_fitted[row];
    if (popularity.empty())
    {
        const auto share = m_counts->share.begin() + row * m_experts;
        popularity = WdmoeFitPopularity(std::vector<double>(share, share + m_experts),
                                        m_counts->topK,
                                        m_concentration);
    }
    auto logit = process.Get(query, m_experts);
    std::vector<double> renumbered(m_experts);
    for (uint32_t e = 0; e < m_experts; ++e)
    {
        renumbered[m_number[query.block][e]] = popularity[e];
    }
    for (std::size_t i = 0; i < logit.size(); ++i)
    {
        logit[i] = renumbered[i % m_experts] + m_concentration * logit[i];
    }
    return WdmoeSoftmax(query.tokens, m_experts, std::move(logit));
}

} // namespace ns3
