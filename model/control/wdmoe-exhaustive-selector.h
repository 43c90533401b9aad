/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_EXHAUSTIVE_SELECTOR_H
#define WDMOE_EXHAUSTIVE_SELECTOR_H

#include "wdmoe-selector.h"

#include "ns3/wdmoe-exhaustive.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Every set of experts is tried: wdmoe::SelectExhaustive(), or with Joint, for tiny blocks,
 * wdmoe::SelectExhaustiveBlock() of the busiest device's time, the sum of
 * WdmoeSelectorInput::expertLatencyS over its pairs. For tests, and as a baseline. What one more
 * pair costs is WdmoeSelectorInput::expertCostS or, where that is empty, the predicted latency.
 */
class WdmoeExhaustiveSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    bool UsesLatency() const override;

  private:
    wdmoe::GateMatrix m_heard; ///< keeps its memory
    bool m_joint;              ///< whole blocks
    double m_floor;            ///< of a token
    bool m_relative;           ///< floor of the mass of top-k
    uint32_t m_maxExperts;     ///< of a token; 0: top-k
    bool m_allExperts;         ///< not only those of top-k
    bool m_told{false};        ///< that a floor cannot be met
    uint64_t m_limit;          ///< sets, or combinations
};

} // namespace ns3

#endif /* WDMOE_EXHAUSTIVE_SELECTOR_H */
