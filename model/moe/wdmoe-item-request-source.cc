/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-item-request-source.h"

#include "wdmoe-data-path.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/random-variable-stream.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <numeric>
#include <sstream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeItemRequestSource);

TypeId
WdmoeItemRequestSource::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeItemRequestSource")
            .SetParent<WdmoeRequestSource>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeItemRequestSource>()
            .AddAttribute("FileNames",
                          "Evaluation items, JSON Lines files separated by commas",
                          StringValue("evaluation/tasks.jsonl,evaluation/text.jsonl"),
                          MakeStringAccessor(&WdmoeItemRequestSource::m_fileNames),
                          MakeStringChecker())
            .AddAttribute("Domains",
                          "Domains that are asked, separated by commas; empty: all",
                          StringValue(""),
                          MakeStringAccessor(&WdmoeItemRequestSource::m_domains),
                          MakeStringChecker())
            .AddAttribute("FreeRunning",
                          "Share of the tasks that the model answers by itself, token by token",
                          DoubleValue(0.5),
                          MakeDoubleAccessor(&WdmoeItemRequestSource::m_freeRunning),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MaxTokens",
                          "Texts are cut to so many tokens, longer tasks left out; 0: the context",
                          UintegerValue(256),
                          MakeUintegerAccessor(&WdmoeItemRequestSource::m_maxTokens),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

WdmoeItemRequestSource::WdmoeItemRequestSource()
    : m_uniform(CreateObject<UniformRandomVariable>())
{
}

WdmoeItemRequestSource::~WdmoeItemRequestSource() = default;

void
WdmoeItemRequestSource::DoDispose()
{
    m_arrivals = nullptr;
    m_uniform = nullptr;
    WdmoeRequestSource::DoDispose();
}

void
WdmoeItemRequestSource::SetUp(Ptr<WdmoeRequestSource> arrivals,
                              const wdmoe::TransformerConfig& config)
{
    m_arrivals = arrivals;
    m_config = config;
}

int64_t
WdmoeItemRequestSource::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    return 1;
}

void
WdmoeItemRequestSource::Prepare()
{
    m_prepared = true;
    std::string known;
    std::istringstream files(m_fileNames);
    for (std::string file; std::getline(files, file, ',');)
    {
        std::vector<wdmoe::EvaluationItem> items;
        std::string wrong; // aborting inside the handler would print it twice
        try
        {
            items = wdmoe::ReadEvaluation(WdmoeDataPath(file), m_config);
        }
        catch (const std::runtime_error& error)
        {
            wrong = error.what();
        }
        NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: evaluation items: " << wrong);
        for (auto& item : items)
        {
            if (m_maxTokens > 0 && item.tokens.size() > m_maxTokens)
            {
                if (item.task || item.scoreFrom + 1 >= m_maxTokens)
                {
                    continue;
                }
                item.bytes *= double(m_maxTokens - item.scoreFrom) / item.Scored();
                item.tokens.resize(m_maxTokens);
            }
            auto& domain = m_byDomain[item.domain];
            domain.items.push_back(std::make_shared<const wdmoe::EvaluationItem>(std::move(item)));
        }
    }
    for (const auto& [name, domain] : m_byDomain)
    {
        known += (known.empty() ? "" : ", ") + name;
    }
    NS_ABORT_MSG_IF(m_byDomain.empty(),
                    "WdmoeItemRequestSource: nothing to ask in '"
                        << m_fileNames << "' with MaxTokens " << m_maxTokens);
    if (!m_domains.empty())
    {
        std::map<std::string, Domain> kept;
        std::istringstream names(m_domains);
        for (std::string name; std::getline(names, name, ',');)
        {
            const auto found = m_byDomain.find(name);
            NS_ABORT_MSG_IF(found == m_byDomain.end(),
                            "WdmoeItemRequestSource: no domain '" << name << "'; there are "
                                                                  << known);
            kept[name] = found->second;
        }
        m_byDomain = std::move(kept);
    }
}

bool
WdmoeItemRequestSource::Next(WdmoeRequest& request)
{
    NS_ABORT_MSG_IF(!m_arrivals, "WdmoeItemRequestSource: call SetUp first");
    if (!m_prepared)
    {
        Prepare();
    }
    if (!m_arrivals->Next(request))
    {
        return false;
    }
    auto at = m_byDomain.begin();
    std::advance(at, m_uniform->GetInteger(0, static_cast<uint32_t>(m_byDomain.size() - 1)));
    auto& domain = at->second;
    if (domain.left.empty())
    {
        domain.left.resize(domain.items.size());
        std::iota(domain.left.begin(), domain.left.end(), 0);
    }
    const auto drawn = m_uniform->GetInteger(0, static_cast<uint32_t>(domain.left.size() - 1));
    request.item = domain.items[domain.left[drawn]];
    domain.left.erase(domain.left.begin() + drawn);
    // one draw for each request, whatever it is, so that the next ones do not depend on it
    const bool free = m_uniform->GetValue() < m_freeRunning;
    request.forced = !(request.item->task && free);
    request.stopAtEnd = false;
    request.promptTokens = request.forced ? static_cast<uint32_t>(request.item->tokens.size() - 1)
                                          : request.item->scoreFrom;
    request.outputTokens = request.forced ? 1 : request.item->Scored();
    return true;
}

} // namespace ns3
