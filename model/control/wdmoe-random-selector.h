/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RANDOM_SELECTOR_H
#define WDMOE_RANDOM_SELECTOR_H

#include "wdmoe-selector.h"

#include "ns3/random-variable-stream.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Top-k without pairs that chance picks: wdmoe::SelectRandom(). The baseline of every selection
 * that drops as many.
 */
class WdmoeRandomSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeRandomSelector();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    int64_t AssignStreams(int64_t stream) override;

  private:
    Ptr<UniformRandomVariable> m_uniform; ///< draws
    double m_keep;                        ///< part of the pairs that stays
    bool m_exact;                         ///< exactly
    uint32_t m_minExperts;                ///< of a token
};

} // namespace ns3

#endif /* WDMOE_RANDOM_SELECTOR_H */
