/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-poisson-request-source.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/log.h"
#include "ns3/pointer.h"
#include "ns3/random-variable-stream.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoePoissonRequestSource");

NS_OBJECT_ENSURE_REGISTERED(WdmoePoissonRequestSource);

TypeId
WdmoePoissonRequestSource::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoePoissonRequestSource")
            .SetParent<WdmoeRequestSource>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoePoissonRequestSource>()
            .AddAttribute("Rate",
                          "Mean requests per second",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoePoissonRequestSource::m_rate),
                          MakeDoubleChecker<double>(0))
            .AddAttribute("MaxRequests",
                          "No more requests than this; 0: no limit",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoePoissonRequestSource::m_maxRequests),
                          MakeUintegerChecker<uint64_t>())
            .AddAttribute("PromptTokens",
                          "Length of prompts",
                          StringValue("ns3::ConstantRandomVariable[Constant=128]"),
                          MakePointerAccessor(&WdmoePoissonRequestSource::m_prompt),
                          MakePointerChecker<RandomVariableStream>())
            .AddAttribute("OutputTokens",
                          "Length of outputs",
                          StringValue("ns3::ConstantRandomVariable[Constant=32]"),
                          MakePointerAccessor(&WdmoePoissonRequestSource::m_output),
                          MakePointerChecker<RandomVariableStream>());
    return tid;
}

WdmoePoissonRequestSource::WdmoePoissonRequestSource()
    : m_gap(CreateObject<ExponentialRandomVariable>())
{
}

WdmoePoissonRequestSource::~WdmoePoissonRequestSource() = default;

void
WdmoePoissonRequestSource::DoDispose()
{
    m_prompt = nullptr;
    m_output = nullptr;
    m_gap = nullptr;
    WdmoeRequestSource::DoDispose();
}

int64_t
WdmoePoissonRequestSource::AssignStreams(int64_t stream)
{
    m_gap->SetStream(stream);
    m_prompt->SetStream(stream + 1);
    m_output->SetStream(stream + 2);
    return 3;
}

bool
WdmoePoissonRequestSource::Next(WdmoeRequest& request)
{
    NS_ABORT_MSG_IF(!(m_rate > 0) || !std::isfinite(m_rate),
                    "WdmoePoissonRequestSource: Rate " << m_rate
                                                       << " per second; expected > 0 and finite");
    if (m_maxRequests > 0 && m_given >= m_maxRequests)
    {
        return false;
    }
    const auto tokens = [](RandomVariableStream& length) {
        const double value = length.GetValue();
        NS_ABORT_MSG_IF(!std::isfinite(value) || value > 1e9,
                        "WdmoePoissonRequestSource: a length of " << value << " tokens");
        return static_cast<uint32_t>(std::max(1.0, std::round(value)));
    };
    m_nowS += m_gap->GetValue(1, 0) / m_rate;
    request.id = m_given++;
    request.arrival = Seconds(m_nowS);
    request.promptTokens = tokens(*m_prompt);
    request.outputTokens = tokens(*m_output);
    return true;
}

} // namespace ns3
