/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selector.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/uinteger.h"

#include <algorithm>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeTopKSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeWlrSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeBottleneckSelector);

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

bool
WdmoeSelector::UsesProblem() const
{
    return false;
}

void
WdmoeSelector::Learn(uint32_t /* device */, uint32_t /* tokens */, double /* latencyS */)
{
}

int64_t
WdmoeSelector::AssignStreams(int64_t /* stream */)
{
    return 0;
}

const wdmoe::GateMatrix&
WdmoeSelector::GetHeard(const WdmoeSelectorInput& input, wdmoe::GateMatrix& room)
{
    const auto& snr = input.expertSnr;
    const auto& gate = input.gate;
    if (snr.size() != gate.experts || std::find(snr.begin(), snr.end(), 0) == snr.end())
    {
        return gate;
    }
    room = gate;
    for (std::size_t j = 0; j < gate.tokens; j++)
    {
        double* row = room.weight.data() + j * gate.experts;
        double left = 0;
        for (std::size_t e = 0; e < gate.experts; e++)
        {
            left += snr[e] > 0 ? row[e] : 0;
        }
        for (std::size_t e = 0; e < gate.experts && left > 0; e++)
        {
            row[e] = snr[e] > 0 ? row[e] : 0;
        }
    }
    return room;
}

const std::vector<double>&
WdmoeSelector::GetCosts(const WdmoeSelectorInput& input)
{
    return input.expertCostS.empty() ? input.expertLatencyS : input.expertCostS;
}

TypeId
WdmoeTopKSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeTopKSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeTopKSelector>()
            .AddAttribute("K",
                          "Experts of each token, at most as many as the model's own top-k; 0: "
                          "the model's own top-k",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeTopKSelector::m_k),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

wdmoe::Selection
WdmoeTopKSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(m_k > input.topK,
                    "WdmoeTopKSelector: K is " << m_k << ", above the model's own top-k of "
                                               << input.topK << "; expected 0 to " << input.topK);
    return wdmoe::SelectTopK(input.gate, m_k == 0 ? input.topK : m_k);
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
WdmoeBottleneckSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeBottleneckSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeBottleneckSelector>()
            .AddAttribute("HistoryWeight",
                          "Weight of a device's last batch against all before, in its history",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeBottleneckSelector::m_weight),
                          MakeDoubleChecker<double>(1e-6, 1))
            .AddAttribute("MaxLostMass",
                          "Share of a block's top-k gate mass that may be lost",
                          DoubleValue(0.15),
                          MakeDoubleAccessor(&WdmoeBottleneckSelector::m_maxLostMass),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute(
                "MaxRelief",
                "Share of a bottleneck's (token, expert) pairs that it may be relieved of",
                DoubleValue(1),
                MakeDoubleAccessor(&WdmoeBottleneckSelector::m_maxRelief),
                MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MinExperts",
                          "A token's experts of largest weight that always stay",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeBottleneckSelector::m_minExperts),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("Bottlenecks",
                          "Most devices that are relieved in a block, one after another; 0: until "
                          "nothing helps any more",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeBottleneckSelector::m_bottlenecks),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

wdmoe::Selection
WdmoeBottleneckSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(input.expertDevice.empty(),
                    "WdmoeBottleneckSelector: which device holds which expert is not known; fill "
                    "WdmoeSelectorInput::expertDevice");
    const auto last = *std::max_element(input.expertDevice.begin(), input.expertDevice.end());
    m_history.resize(std::max<std::size_t>(m_history.size(), last + 1));
    wdmoe::BottleneckParam param;
    param.maxLostMass = m_maxLostMass;
    param.maxRelief = m_maxRelief;
    param.minExperts = m_minExperts;
    param.bottlenecks = m_bottlenecks;
    return wdmoe::SelectBottleneck(input.gate, input.topK, input.expertDevice, m_history, param)
        .selection;
}

void
WdmoeBottleneckSelector::Learn(uint32_t device, uint32_t tokens, double latencyS)
{
    m_history.resize(std::max<std::size_t>(m_history.size(), device + 1));
    m_history[device].Learn(tokens, latencyS, m_weight);
}

} // namespace ns3
