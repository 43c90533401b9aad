/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-channel-aware-selector.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/wdmoe-channel-aware.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeChannelAwareSelector);

TypeId
WdmoeChannelAwareSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeChannelAwareSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeChannelAwareSelector>()
            .AddAttribute("Strength",
                          "What a logit loses from the best channel to none; 0: top-k",
                          DoubleValue(1),
                          MakeDoubleAccessor(&WdmoeChannelAwareSelector::m_strength),
                          MakeDoubleChecker<double>(0, 500))
            .AddAttribute("CombineCorrected",
                          "Whether answers are combined with the corrected weights; else with the "
                          "gate's own",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeChannelAwareSelector::m_combineCorrected),
                          MakeBooleanChecker());
    return tid;
}

wdmoe::Selection
WdmoeChannelAwareSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(input.expertSnr.empty(),
                    "WdmoeChannelAwareSelector: no channel is known; fill "
                    "WdmoeSelectorInput::expertSnr");
    wdmoe::ChannelAwareParam param;
    param.strength = m_strength;
    param.combineCorrected = m_combineCorrected;
    return wdmoe::SelectChannelAware(input.gate, input.topK, input.expertSnr, param);
}

} // namespace ns3
