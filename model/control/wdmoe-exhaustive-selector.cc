/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-exhaustive-selector.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <iostream>
#include <stdexcept>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeExhaustiveSelector);

TypeId
WdmoeExhaustiveSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeExhaustiveSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeExhaustiveSelector>()
            .AddAttribute("Joint",
                          "Whether the time of the busiest device is minimised over all "
                          "combinations of a block; else the cost of each token",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeExhaustiveSelector::m_joint),
                          MakeBooleanChecker())
            .AddAttribute("Floor",
                          "Share of gate mass that each token keeps at least",
                          DoubleValue(0.9),
                          MakeDoubleAccessor(&WdmoeExhaustiveSelector::m_floor),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Relative",
                          "Whether the floor is a share of the mass of the token's own top-k; "
                          "else of 1",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeExhaustiveSelector::m_relative),
                          MakeBooleanChecker())
            .AddAttribute("MaxExperts",
                          "Most experts of a token; 0: as many as the model's top-k",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeExhaustiveSelector::m_maxExperts),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("AllExperts",
                          "Whether a token may have any expert; else only those of its top-k",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeExhaustiveSelector::m_allExperts),
                          MakeBooleanChecker())
            .AddAttribute("Limit",
                          "Most sets of a token, or combinations of a block, that are tried",
                          UintegerValue(1000000),
                          MakeUintegerAccessor(&WdmoeExhaustiveSelector::m_limit),
                          MakeUintegerChecker<uint64_t>(1));
    return tid;
}

wdmoe::Selection
WdmoeExhaustiveSelector::Select(const WdmoeSelectorInput& input)
{
    wdmoe::ExhaustiveParam param;
    param.floor = m_floor;
    param.relative = m_relative;
    param.maxExperts = m_maxExperts;
    param.allExperts = m_allExperts;
    param.limit = m_limit;
    const auto& gate = GetHeard(input, m_heard);
    const auto busiest = [&input](const wdmoe::Selection& selection) {
        std::vector<double> timeS;
        for (const auto e : selection.expert)
        {
            if (e >= 0)
            {
                const auto device = input.expertDevice[e];
                timeS.resize(std::max<std::size_t>(timeS.size(), device + 1));
                timeS[device] += input.expertLatencyS[e];
            }
        }
        return timeS.empty() ? 0 : *std::max_element(timeS.begin(), timeS.end());
    };
    std::string wrong;
    wdmoe::ExhaustiveResult result;
    try
    {
        result = m_joint ? wdmoe::SelectExhaustiveBlock(gate, input.topK, busiest, param)
                         : wdmoe::SelectExhaustive(gate, input.topK, GetCosts(input), param);
    }
    catch (const std::invalid_argument& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WdmoeExhaustiveSelector: " << wrong);
    if (!m_told && (result.infeasible > 0 || !result.met))
    {
        m_told = true;
        std::cerr << "WdmoeExhaustiveSelector: block " << input.block << ": a floor of " << m_floor
                  << " gate mass cannot be met by " << result.infeasible << " of " << gate.tokens
                  << " tokens; they get the most that can be reached. Lower Floor, "
                  << "or raise MaxExperts\n";
    }
    return result.selection;
}

bool
WdmoeExhaustiveSelector::UsesLatency() const
{
    return true;
}

} // namespace ns3
