/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-prompt-request-source.h"

#include "ns3/abort.h"

#include <sstream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoePromptRequestSource);

TypeId
WdmoePromptRequestSource::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoePromptRequestSource")
                            .SetParent<WdmoeRequestSource>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoePromptRequestSource>();
    return tid;
}

void
WdmoePromptRequestSource::Add(const std::string& prompt,
                              uint32_t outputTokens,
                              Time arrival,
                              const wdmoe::TransformerConfig& config)
{
    wdmoe::EvaluationItem item;
    item.domain = "prompt";
    if (config.bosToken >= 0)
    {
        item.tokens.push_back(config.bosToken);
    }
    if (config.vocabulary == 256)
    {
        for (const unsigned char byte : prompt)
        {
            NS_ABORT_MSG_IF(int32_t(byte) == config.bosToken || int32_t(byte) == config.padToken,
                            "the prompt has the byte "
                                << +byte << " at place " << item.tokens.size()
                                << ", which this model uses for itself; leave it out");
            item.tokens.push_back(byte);
        }
    }
    else
    {
        std::istringstream in(prompt);
        for (std::string word; in >> word;)
        {
            const bool number =
                word.size() <= 9 && word.find_first_not_of("0123456789") == std::string::npos;
            NS_ABORT_MSG_IF(!number || std::stoul(word) >= config.vocabulary,
                            "the prompt has '" << word << "'; this model has no byte vocabulary: "
                                               << "give token numbers below " << config.vocabulary
                                               << ", separated by blanks");
            item.tokens.push_back(static_cast<uint32_t>(std::stoul(word)));
        }
    }
    NS_ABORT_MSG_IF(prompt.empty() || item.tokens.empty(), "the prompt is empty");
    NS_ABORT_MSG_IF(outputTokens < 1, "0 tokens to generate; expected at least 1");
    NS_ABORT_MSG_IF(item.tokens.size() + outputTokens > config.contextLength,
                    "the prompt has " << item.tokens.size() << " tokens and " << outputTokens
                                      << " are to be generated, but the model's context is "
                                      << config.contextLength
                                      << "; shorten the prompt, or ask for fewer");
    NS_ABORT_MSG_IF(!m_requests.empty() && arrival < m_requests.back().arrival,
                    "WdmoePromptRequestSource: a prompt at " << arrival.As(Time::S)
                                                             << ", before the last one");
    WdmoeRequest request;
    request.id = m_requests.size();
    request.arrival = arrival;
    request.promptTokens = static_cast<uint32_t>(item.tokens.size());
    request.outputTokens = outputTokens;
    request.stopAtEnd = true;
    item.scoreFrom = request.promptTokens; // nothing is known of the answer, so nothing is scored
    request.item = std::make_shared<const wdmoe::EvaluationItem>(std::move(item));
    m_requests.push_back(request);
}

bool
WdmoePromptRequestSource::Next(WdmoeRequest& request)
{
    if (m_given == m_requests.size())
    {
        return false;
    }
    request = m_requests[m_given++];
    return true;
}

} // namespace ns3
