/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-synthetic-gate-source.h"

#include "wdmoe-data-file.h"
#include "wdmoe-data-path.h"
#include "wdmoe-gate-process.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/log.h"
#include "ns3/random-variable-stream.h"
#include "ns3/string.h"

#include <cmath>
#include <numeric>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeSyntheticGateSource");

NS_OBJECT_ENSURE_REGISTERED(WdmoeSyntheticGateSource);

TypeId
WdmoeSyntheticGateSource::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeSyntheticGateSource")
            .SetParent<WdmoeGateSource>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeSyntheticGateSource>()
            .AddAttribute("Preset",
                          "Which fit of data/gates/fits.json gives the values of the attributes "
                          "that are left negative; or FILE.json:NAME",
                          StringValue("mixtral-8x7b"),
                          MakeStringAccessor(&WdmoeSyntheticGateSource::m_preset),
                          MakeStringChecker())
            .AddAttribute("Skew",
                          "Standard deviation of the popularity logits of the experts of a block; "
                          "negative: of the preset",
                          DoubleValue(-1),
                          MakeDoubleAccessor(&WdmoeSyntheticGateSource::m_skewAttribute),
                          MakeDoubleChecker<double>(-1, 20))
            .AddAttribute("Concentration",
                          "Standard deviation of the logits of a token around the popularity; "
                          "negative: of the preset",
                          DoubleValue(-1),
                          MakeDoubleAccessor(&WdmoeSyntheticGateSource::m_concentrationAttribute),
                          MakeDoubleChecker<double>(-1, 20))
            .AddAttribute("Correlation",
                          "Correlation of the logits of neighbouring tokens of a sequence; "
                          "negative: of the preset",
                          DoubleValue(-1),
                          MakeDoubleAccessor(&WdmoeSyntheticGateSource::m_correlationAttribute),
                          MakeDoubleChecker<double>(-1, 0.999));
    return tid;
}

WdmoeSyntheticGateSource::WdmoeSyntheticGateSource()
    : m_uniform(CreateObject<UniformRandomVariable>())
{
}

WdmoeSyntheticGateSource::~WdmoeSyntheticGateSource() = default;

void
WdmoeSyntheticGateSource::DoDispose()
{
    m_uniform = nullptr;
    WdmoeGateSource::DoDispose();
}

void
WdmoeSyntheticGateSource::SetModel(uint32_t blocks, uint32_t experts, uint32_t topK)
{
    WdmoeGateSource::SetModel(blocks, experts, topK);
    m_prepared = false;
}

int64_t
WdmoeSyntheticGateSource::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    m_hasKey = false;
    m_prepared = false;
    return 1;
}

double
WdmoeSyntheticGateSource::GetSkew()
{
    Prepare();
    return m_skew;
}

double
WdmoeSyntheticGateSource::GetConcentration()
{
    Prepare();
    return m_concentration;
}

double
WdmoeSyntheticGateSource::GetCorrelation()
{
    Prepare();
    return m_correlation;
}

void
WdmoeSyntheticGateSource::Prepare()
{
    if (m_prepared)
    {
        return;
    }
    NS_ABORT_MSG_IF(m_experts == 0, "WdmoeSyntheticGateSource: call SetModel first");
    WdmoeGateFit fit;
    if (m_skewAttribute < 0 || m_concentrationAttribute < 0 || m_correlationAttribute < 0)
    {
        fit = WdmoeLoadGateFit(m_preset);
    }
    m_skew = m_skewAttribute < 0 ? fit.skew : m_skewAttribute;
    m_concentration = m_concentrationAttribute < 0 ? fit.concentration : m_concentrationAttribute;
    m_correlation = m_correlationAttribute < 0 ? fit.correlation : m_correlationAttribute;

    if (!m_hasKey)
    {
        m_key = WdmoeDrawKey(m_uniform);
        m_hasKey = true;
    }
    const WdmoeGateProcess process(m_key, 0);
    m_popularity.clear();
    for (uint32_t block = 0; block < m_blocks; ++block)
    {
        auto row = process.Normals(0x706f70, block, m_experts);
        const double mean = std::accumulate(row.begin(), row.end(), 0.0) / m_experts;
        double square = 0;
        for (const auto value : row)
        {
            square += (value - mean) * (value - mean);
        }
        const double scale = square > 0 ? m_skew / std::sqrt(square / m_experts) : 0;
        for (const auto value : row)
        {
            m_popularity.push_back((value - mean) * scale);
        }
    }
    m_prepared = true;
}

wdmoe::GateMatrix
WdmoeSyntheticGateSource::GetGate(const WdmoeGateQuery& query)
{
    NS_LOG_FUNCTION(this << query.request << query.block << query.position << query.tokens);
    Prepare();
    NS_ABORT_MSG_IF(query.block >= m_blocks,
                    "WdmoeSyntheticGateSource::GetGate: block " << query.block << " of "
                                                                << m_blocks);
    const WdmoeGateProcess process(m_key, m_correlation);
    auto logit = process.Get(query, m_experts);
    const double* popularity = &m_popularity[static_cast<std::size_t>(query.block) * m_experts];
    for (std::size_t i = 0; i < logit.size(); ++i)
    {
        logit[i] = popularity[i % m_experts] + m_concentration * logit[i];
    }
    return WdmoeSoftmax(query.tokens, m_experts, std::move(logit));
}

} // namespace ns3
