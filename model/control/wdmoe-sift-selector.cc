/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-sift-selector.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-similarity.h"

#include <algorithm>
#include <numeric>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeSiftSelector);

TypeId
WdmoeSiftSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeSiftSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeSiftSelector>()
            .AddAttribute("MaxError",
                          "Error that a token may have, of the mass of its top-k: the weight of "
                          "what is skipped, and that of what is replaced times 1 - similarity",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeSiftSelector::m_maxError),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("SimilarityFile",
                          "How similar experts are: the file of a name below the data folder, such "
                          "as models/wdmoe-lm-base/similarity.json, or a path; empty: not known",
                          StringValue(""),
                          MakeStringAccessor(&WdmoeSiftSelector::SetSimilarityFile,
                                             &WdmoeSiftSelector::GetSimilarityFile),
                          MakeStringChecker())
            .AddAttribute("Measure",
                          "How similar: the mean cosine of both outputs, or 1 - their distance "
                          "relative to the length of the original's",
                          EnumValue(COSINE),
                          MakeEnumAccessor<Measure>(&WdmoeSiftSelector::SetMeasure,
                                                    &WdmoeSiftSelector::GetMeasure),
                          MakeEnumChecker(COSINE, "Cosine", DISTANCE, "Distance"))
            .AddAttribute("NodeLimit",
                          "Most nodes of the search tree of a token",
                          UintegerValue(2000),
                          MakeUintegerAccessor(&WdmoeSiftSelector::m_nodeLimit),
                          MakeUintegerChecker<uint64_t>(1))
            .AddAttribute("TimeLimit",
                          "Of one decision, s of this computer; 0: none. With one, results can "
                          "differ from run to run",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeSiftSelector::m_timeLimitS),
                          MakeDoubleChecker<double>(0, 1e9));
    return tid;
}

void
WdmoeSiftSelector::SetSimilarityFile(const std::string& file)
{
    m_file = file;
    m_loaded = false;
}

std::string
WdmoeSiftSelector::GetSimilarityFile() const
{
    return m_file;
}

void
WdmoeSiftSelector::SetMeasure(Measure measure)
{
    m_measure = measure;
    m_loaded = false;
}

WdmoeSiftSelector::Measure
WdmoeSiftSelector::GetMeasure() const
{
    return m_measure;
}

void
WdmoeSiftSelector::Load(std::size_t experts)
{
    if (m_loaded)
    {
        return;
    }
    m_similarity.clear();
    m_loaded = true;
    if (m_file.empty())
    {
        return;
    }
    auto known = WdmoeLoadSimilarity(m_file);
    NS_ABORT_MSG_IF(known.experts != experts,
                    "WdmoeSiftSelector: '" << m_file << "' is of a model with " << known.experts
                                           << " experts, expected " << experts
                                           << "; give it the file of this model");
    for (auto& block : known.blocks)
    {
        if (m_measure == DISTANCE)
        {
            for (auto& d : block.distance)
            {
                d = std::max(-1.0, 1 - d);
            }
        }
        m_similarity.push_back(m_measure == DISTANCE ? block.distance : block.cosine);
    }
}

wdmoe::Selection
WdmoeSiftSelector::Select(const WdmoeSelectorInput& input)
{
    static const std::vector<double> unknown;
    Load(input.gate.experts);
    NS_ABORT_MSG_IF(!m_similarity.empty() && input.block >= m_similarity.size(),
                    "WdmoeSiftSelector: '" << m_file << "' has " << m_similarity.size()
                                           << " blocks, but block " << input.block
                                           << " is asked for; give it the file of this model");
    wdmoe::SiftParam param;
    param.maxError = m_maxError;
    param.nodeLimit = m_nodeLimit;
    param.timeLimitS = m_timeLimitS;
    // Nobody is to be replaced by an expert that is not heard, which costs nothing. One that is
    // dearer than all others together never is a replacement.
    m_cost = GetCosts(input);
    const double dear = 1 + std::accumulate(m_cost.begin(), m_cost.end(), 0.0);
    for (std::size_t e = 0; e < input.expertSnr.size(); e++)
    {
        m_cost[e] = input.expertSnr[e] > 0 ? m_cost[e] : dear;
    }
    return m_solver
        .Solve(GetHeard(input, m_heard),
               input.topK,
               m_cost,
               m_similarity.empty() ? unknown : m_similarity[input.block],
               param)
        .selection;
}

bool
WdmoeSiftSelector::UsesLatency() const
{
    return true;
}

const wdmoe::SiftResult&
WdmoeSiftSelector::GetResult() const
{
    return m_solver.GetResult();
}

} // namespace ns3
