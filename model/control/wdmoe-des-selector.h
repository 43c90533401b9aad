/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_DES_SELECTOR_H
#define WDMOE_DES_SELECTOR_H

#include "wdmoe-selector.h"

#include "ns3/wdmoe-des.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * The cheapest experts of each token under a floor on its gate mass, exactly, among all experts:
 * wdmoe::SelectDes() (DMoE / JESA, arXiv 2503.13421, as we read it). What one more pair costs is
 * WdmoeSelectorInput::expertCostS or, where that is empty, the predicted latency. Experts of
 * devices that are not heard are left out.
 *
 * Early blocks matter more: the floor of block i is Floor x Importance ^ i, which is how we read
 * the paper's tunable importance factor of the layers.
 *
 * A floor that some tokens cannot meet (it can happen with Relative=false, or MaxExperts below
 * top-k) is said once on standard error, with the best reachable; these tokens get that.
 */
class WdmoeDesSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    bool UsesLatency() const override;

    /// @return what the last call found, with its proof
    const wdmoe::DesResult& GetResult() const;

  private:
    wdmoe::DesSolver m_solver; ///< keeps its memory
    wdmoe::GateMatrix m_heard; ///< keeps its memory too
    wdmoe::DesResult m_result; ///< of the last call
    double m_floor;            ///< of the first block
    double m_importance;       ///< of a block, relative to the one before
    bool m_relative;           ///< floor of the mass of top-k
    uint32_t m_maxExperts;     ///< of a token; 0: top-k
    uint64_t m_nodeLimit;      ///< of a token
    double m_timeLimitS;       ///< of a call, s; 0: none
    bool m_told{false};        ///< that a floor cannot be met
};

} // namespace ns3

#endif /* WDMOE_DES_SELECTOR_H */
