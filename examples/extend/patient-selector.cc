/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/double.h"
#include "ns3/wdmoe-selector.h"

namespace ns3
{

/**
 * Top-k, but no waiting: an expert after a token's heaviest is left out where it is predicted to
 * take more than Patience times as long as the heaviest.
 */
class PatientSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId()
    {
        static TypeId tid = TypeId("ns3::PatientSelector")
                                .SetParent<WdmoeSelector>()
                                .AddConstructor<PatientSelector>()
                                .AddAttribute("Patience",
                                              "Most of the latency of a token's heaviest expert",
                                              DoubleValue(2),
                                              MakeDoubleAccessor(&PatientSelector::m_patience),
                                              MakeDoubleChecker<double>(1.0));
        return tid;
    }

    bool UsesLatency() const override
    {
        return true;
    }

    wdmoe::Selection Select(const WdmoeSelectorInput& in) override
    {
        auto kept = wdmoe::SelectTopK(in.gate, in.topK);
        for (std::size_t first = 0; first < kept.expert.size(); first += kept.slots)
        {
            const double limit = m_patience * in.expertLatencyS[kept.expert[first]];
            double left = 0;
            for (std::size_t i = first; i < first + kept.slots; i++)
            {
                if (kept.expert[i] >= 0 && in.expertLatencyS[kept.expert[i]] > limit)
                {
                    kept.expert[i] = -1; // nothing in this slot
                    kept.combine[i] = 0;
                }
                left += kept.combine[i];
            }
            for (std::size_t i = first; i < first + kept.slots; i++)
            {
                kept.combine[i] /= left; // what is kept sums to 1
            }
        }
        return kept;
    }

  private:
    double m_patience; ///< attribute Patience
};

NS_OBJECT_ENSURE_REGISTERED(PatientSelector);

} // namespace ns3
