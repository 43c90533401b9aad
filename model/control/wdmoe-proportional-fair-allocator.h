/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PROPORTIONAL_FAIR_ALLOCATOR_H
#define WDMOE_PROPORTIONAL_FAIR_ALLOCATOR_H

#include "wdmoe-allocator.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Proportional fairness: the largest sum of w ln(rate), see wdmoe::AllocateProportionalFair(). It
 * knows what rates are worth and not what a block waits for; it is what schedulers of cells aim at.
 */
class WdmoeProportionalFairAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;

  private:
    /// What a device counts
    enum Weight
    {
        ONE, ///< all the same
        LOAD ///< by its bits, both ways
    };

    Weight m_weight; ///< attribute Weight
};

} // namespace ns3

#endif /* WDMOE_PROPORTIONAL_FAIR_ALLOCATOR_H */
