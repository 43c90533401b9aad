/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-random-selector.h"

#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-random-selection.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeRandomSelector);

TypeId
WdmoeRandomSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeRandomSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeRandomSelector>()
            .AddAttribute("Keep",
                          "Part of the (token, expert) pairs beyond a token's first ones that "
                          "stays",
                          DoubleValue(0.5),
                          MakeDoubleAccessor(&WdmoeRandomSelector::m_keep),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Exact",
                          "Whether exactly that many stay in each block; else each does with that "
                          "probability",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeRandomSelector::m_exact),
                          MakeBooleanChecker())
            .AddAttribute("MinExperts",
                          "A token's experts of largest weight that always stay",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeRandomSelector::m_minExperts),
                          MakeUintegerChecker<uint32_t>(1));
    return tid;
}

WdmoeRandomSelector::WdmoeRandomSelector()
    : m_uniform(CreateObject<UniformRandomVariable>())
{
}

int64_t
WdmoeRandomSelector::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    return 1;
}

wdmoe::Selection
WdmoeRandomSelector::Select(const WdmoeSelectorInput& input)
{
    wdmoe::RandomParam param;
    param.keep = m_keep;
    param.exact = m_exact;
    param.minExperts = m_minExperts;
    return wdmoe::SelectRandom(
        input.gate,
        input.topK,
        [this] { return m_uniform->GetValue(0, 1); },
        param);
}

} // namespace ns3
