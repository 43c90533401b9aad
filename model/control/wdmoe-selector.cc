/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selector.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/uinteger.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeTopKSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeWlrSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeQualityBoundSelector);

TypeId
WdmoeSelector::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeSelector").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

bool
WdmoeSelector::UsesLatency() const
{
    return false;
}

TypeId
WdmoeTopKSelector::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeTopKSelector")
                            .SetParent<WdmoeSelector>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeTopKSelector>();
    return tid;
}

wdmoe::Selection
WdmoeTopKSelector::Select(const WdmoeSelectorInput& input)
{
    return wdmoe::SelectTopK(input.gate, input.topK);
}

TypeId
WdmoeWlrSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeWlrSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeWlrSelector>()
            .AddAttribute("ThetaStart",
                          "First threshold on the cosine of gate weights and latencies",
                          DoubleValue(0.5),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_thetaStart),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("ThetaStep",
                          "The threshold is raised by this",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_thetaStep),
                          MakeDoubleChecker<double>(1e-6, 1))
            .AddAttribute("ThetaEnd",
                          "Last threshold",
                          DoubleValue(1.0),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_thetaEnd),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Gain",
                          "Stop when WLR / WLR of top-k exceeds this",
                          DoubleValue(1.03),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_gain),
                          MakeDoubleChecker<double>(1));
    return tid;
}

wdmoe::Selection
WdmoeWlrSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(m_thetaEnd < m_thetaStart,
                    "WdmoeWlrSelector: ThetaEnd is " << m_thetaEnd << ", below ThetaStart "
                                                     << m_thetaStart);
    wdmoe::WlrParam param;
    param.thetaStart = m_thetaStart;
    param.thetaStep = m_thetaStep;
    param.thetaEnd = m_thetaEnd;
    param.gain = m_gain;
    return wdmoe::SelectWlr(input.gate, input.topK, input.expertLatencyS, param).selection;
}

bool
WdmoeWlrSelector::UsesLatency() const
{
    return true;
}

TypeId
WdmoeQualityBoundSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeQualityBoundSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeQualityBoundSelector>()
            .AddAttribute("MaxLostMass",
                          "Share of a block's top-k gate mass that may be lost",
                          DoubleValue(0.15),
                          MakeDoubleAccessor(&WdmoeQualityBoundSelector::m_maxLostMass),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MaxTokenLoss",
                          "Share of a token's own top-k gate mass that it may lose",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeQualityBoundSelector::m_maxTokenLoss),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MinExperts",
                          "A token's experts of largest weight that always stay",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeQualityBoundSelector::m_minExperts),
                          MakeUintegerChecker<uint32_t>(1));
    return tid;
}

wdmoe::Selection
WdmoeQualityBoundSelector::Select(const WdmoeSelectorInput& input)
{
    wdmoe::QualityBoundParam param;
    param.maxLostMass = m_maxLostMass;
    param.maxTokenLoss = m_maxTokenLoss;
    param.minExperts = m_minExperts;
    return wdmoe::SelectQualityBound(input.gate,
                                     input.topK,
                                     input.expertCostS.empty() ? input.expertLatencyS
                                                               : input.expertCostS,
                                     param);
}

bool
WdmoeQualityBoundSelector::UsesLatency() const
{
    return true;
}

} // namespace ns3
