/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-foreign-sources.h"

#include <cmath>
#include <limits>
#include <sstream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignGateSource);
NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignRequestSource);

// Gate source

TypeId
WdmoeForeignGateSource::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeForeignGateSource").SetParent<WdmoeGateSource>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignGateSource::NotifyConstructionCompleted()
{
    WdmoeGateSource::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignGateSource::DoDispose()
{
    ReleaseForeign();
    WdmoeGateSource::DoDispose();
}

void
WdmoeForeignGateSource::SetModel(uint32_t blocks, uint32_t experts, uint32_t topK)
{
    WdmoeGateSource::SetModel(blocks, experts, topK);
    if (Has(WdmoeForeignMethod::SET_MODEL))
    {
        const WdmoeForeignQuery query{blocks, experts, topK, 0, 0, 0, 0};
        Call(WdmoeForeignMethod::SET_MODEL, &query);
    }
}

wdmoe::GateMatrix
WdmoeForeignGateSource::GetGate(const WdmoeGateQuery& query)
{
    const WdmoeForeignQuery
        in{m_blocks, m_experts, m_topK, query.request, query.block, query.position, query.tokens};
    WdmoeForeignGate answer{};
    Call(WdmoeForeignMethod::GET_GATE, &in, &answer);
    wdmoe::GateMatrix gate;
    gate.tokens = query.tokens;
    gate.experts = m_experts;
    gate.weight.assign(answer.weight, answer.weight + gate.tokens * gate.experts);
    for (std::size_t j = 0; j < gate.tokens; j++)
    {
        double sum = 0;
        std::ostringstream error;
        for (std::size_t e = 0; e < gate.experts && error.str().empty(); e++)
        {
            const double w = gate.Row(j)[e];
            sum += w;
            if (!(w >= 0))
            {
                error << "is " << w << " at expert " << e << "; expected a number >= 0";
            }
        }
        if (error.str().empty() && !(sum > 0 && sum <= 1.01))
        {
            error << "sums to " << sum << "; expected 1 (or less, but more than 0)";
        }
        if (!error.str().empty())
        {
            std::ostringstream message;
            message << ".get_gate(), request " << query.request << ", block " << query.block
                    << ": row " << j << " " << error.str();
            Refuse(message.str());
        }
    }
    return gate;
}

int64_t
WdmoeForeignGateSource::AssignStreams(int64_t stream)
{
    return AssignForeignStreams(stream);
}

// Request source

TypeId
WdmoeForeignRequestSource::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeForeignRequestSource")
                            .SetParent<WdmoeRequestSource>()
                            .SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignRequestSource::NotifyConstructionCompleted()
{
    WdmoeRequestSource::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignRequestSource::DoDispose()
{
    ReleaseForeign();
    WdmoeRequestSource::DoDispose();
}

bool
WdmoeForeignRequestSource::Next(WdmoeRequest& request)
{
    WdmoeForeignRequest answer{};
    Call(WdmoeForeignMethod::NEXT_REQUEST, nullptr, &answer);
    if (!answer.more)
    {
        return false;
    }
    std::ostringstream error;
    error << ".next(), request " << m_next << ": ";
    constexpr int64_t most = std::numeric_limits<uint32_t>::max();
    for (const auto& [name, tokens] : {std::pair{"prompt_tokens", answer.promptTokens},
                                       std::pair{"output_tokens", answer.outputTokens}})
    {
        if (tokens < 1 || tokens > most)
        {
            error << name << " is " << tokens << "; expected a whole number >= 1";
            Refuse(error.str());
        }
    }
    if (!(answer.arrivalS >= 0) || answer.arrivalS > 1e9 || Seconds(answer.arrivalS) < m_last)
    {
        error << "arrival_s is " << answer.arrivalS << "; expected a time in s, not before "
              << m_last.GetSeconds() << ", that of the last one";
        Refuse(error.str());
    }
    request = WdmoeRequest();
    request.id = m_next++;
    request.arrival = m_last = Seconds(answer.arrivalS);
    request.promptTokens = static_cast<uint32_t>(answer.promptTokens);
    request.outputTokens = static_cast<uint32_t>(answer.outputTokens);
    return true;
}

int64_t
WdmoeForeignRequestSource::AssignStreams(int64_t stream)
{
    return AssignForeignStreams(stream);
}

} // namespace ns3
