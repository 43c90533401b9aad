/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-des-selector.h"

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/uinteger.h"

#include <cmath>
#include <iostream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeDesSelector);

TypeId
WdmoeDesSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeDesSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeDesSelector>()
            .AddAttribute("Floor",
                          "Share of gate mass that each token keeps at least, in the first block",
                          DoubleValue(0.9),
                          MakeDoubleAccessor(&WdmoeDesSelector::m_floor),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Importance",
                          "The floor of each later block is that of the one before times this",
                          DoubleValue(1),
                          MakeDoubleAccessor(&WdmoeDesSelector::m_importance),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Relative",
                          "Whether the floor is a share of the mass of the token's own top-k; "
                          "else of 1",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeDesSelector::m_relative),
                          MakeBooleanChecker())
            .AddAttribute("MaxExperts",
                          "Most experts of a token; 0: as many as the model's top-k",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeDesSelector::m_maxExperts),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("NodeLimit",
                          "Most nodes of the search tree of a token",
                          UintegerValue(100000),
                          MakeUintegerAccessor(&WdmoeDesSelector::m_nodeLimit),
                          MakeUintegerChecker<uint64_t>(1))
            .AddAttribute("TimeLimit",
                          "Of one decision, s of this computer; 0: none. With one, results can "
                          "differ from run to run",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeDesSelector::m_timeLimitS),
                          MakeDoubleChecker<double>(0, 1e9));
    return tid;
}

wdmoe::Selection
WdmoeDesSelector::Select(const WdmoeSelectorInput& input)
{
    wdmoe::DesParam param;
    param.floor = m_floor * std::pow(m_importance, input.block);
    param.relative = m_relative;
    param.maxExperts = m_maxExperts;
    param.nodeLimit = m_nodeLimit;
    param.timeLimitS = m_timeLimitS;
    const auto& result =
        m_solver.Solve(GetHeard(input, m_heard), input.topK, GetCosts(input), param);
    if (!m_told && result.infeasible > 0)
    {
        m_told = true;
        std::cerr << "WdmoeDesSelector: block " << input.block << ": " << result.message
                  << "; these tokens get that. Lower Floor, or raise MaxExperts\n";
    }
    return result.selection;
}

bool
WdmoeDesSelector::UsesLatency() const
{
    return true;
}

const wdmoe::DesResult&
WdmoeDesSelector::GetResult() const
{
    return m_solver.GetResult();
}

} // namespace ns3
