/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-block-fading.h"

#include "ns3/double.h"
#include "ns3/mobility-model.h"
#include "ns3/node.h"
#include "ns3/simulator.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeBlockFading);

TypeId
WdmoeBlockFading::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeBlockFading")
            .SetParent<SpectrumPropagationLossModel>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeBlockFading>()
            .AddAttribute("K",
                          "Rician factor, power of the constant over that of the random part, "
                          "linear; 0: Rayleigh",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeBlockFading::m_k),
                          MakeDoubleChecker<double>(0))
            .AddAttribute("CoherenceTime",
                          "Time for which the gain stays the same",
                          TimeValue(MilliSeconds(20)),
                          MakeTimeAccessor(&WdmoeBlockFading::m_coherenceTime),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("CoherenceBands",
                          "Number of neighbouring bands (LTE: RBs) that have the same gain",
                          UintegerValue(12),
                          MakeUintegerAccessor(&WdmoeBlockFading::m_coherenceBands),
                          MakeUintegerChecker<uint32_t>(1));
    return tid;
}

WdmoeBlockFading::WdmoeBlockFading()
    : m_normal(CreateObject<NormalRandomVariable>())
{
}

void
WdmoeBlockFading::DoDispose()
{
    m_links.clear();
    WdmoeSpectrumLossModel::DoDispose();
}

Ptr<SpectrumValue>
WdmoeBlockFading::DoCalcRxPowerSpectralDensity(WdmoeTransmission transmission,
                                               Ptr<const MobilityModel> a,
                                               Ptr<const MobilityModel> b) const
{
    const auto sent = WdmoeGetPsd(transmission);
    const auto ends = std::minmax(a->GetObject<Node>()->GetId(), b->GetObject<Node>()->GetId());
    auto& link = m_links[{ends.first, ends.second, sent->GetSpectrumModelUid()}];
    const int64_t block = Simulator::Now().GetTimeStep() / m_coherenceTime.GetTimeStep();
    auto psd = sent->Copy();
    const std::size_t blocks = (psd->GetValuesN() + m_coherenceBands - 1) / m_coherenceBands;
    if (link.block != block)
    {
        link.block = block;
        link.gains.resize(blocks);
        const double constant = std::sqrt(m_k / (m_k + 1));
        const double random = std::sqrt(0.5 / (m_k + 1));
        for (auto& gain : link.gains)
        {
            const double re = constant + random * m_normal->GetValue();
            const double im = random * m_normal->GetValue();
            gain = re * re + im * im;
        }
    }
    for (std::size_t i = 0; i < psd->GetValuesN(); i++)
    {
        (*psd)[i] *= link.gains[i / m_coherenceBands];
    }
    return psd;
}

int64_t
WdmoeBlockFading::DoAssignStreams(int64_t stream)
{
    m_normal->SetStream(stream);
    return 1;
}

} // namespace ns3
