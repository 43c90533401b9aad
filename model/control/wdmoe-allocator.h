/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ALLOCATOR_H
#define WDMOE_ALLOCATOR_H

#include "ns3/object.h"
#include "ns3/wdmoe-allocation.h"
#include "ns3/wdmoe-radio.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * What an allocator decided.
 */
struct WdmoeAllocation
{
    WdmoePlan plan;                 ///< for the radio
    wdmoe::AllocationResult result; ///< bandwidths and certificate
};

/**
 * @ingroup wdmoe-control
 *
 * Bandwidth allocation policy: loads, rate laws and budget to a plan. Subclasses are chosen by
 * TypeId.
 */
class WdmoeAllocator : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param problem loads, laws and budget; fixed costs are in computeS
     * @return the plan
     */
    virtual WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) = 0;

  protected:
    /**
     * Turn bandwidths into shares of the budget, and give every device MinShare, so that those
     * without a load can still send acknowledgements.
     *
     * @param problem loads, laws and budget
     * @param result bandwidths
     * @return the plan
     */
    WdmoeAllocation MakePlan(const wdmoe::AllocationProblem& problem,
                             wdmoe::AllocationResult result) const;

    bool m_leftover;   ///< give what is left over to those still busy
    double m_minShare; ///< least share of any device
};

/**
 * @ingroup wdmoe-control
 *
 * Exact min-max allocation, see wdmoe::AllocateMinMax().
 */
class WdmoeMinMaxAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;
};

/**
 * @ingroup wdmoe-control
 *
 * The paper's vanilla: a K-th to each device, busy or not.
 */
class WdmoeEqualAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;
};

/**
 * @ingroup wdmoe-control
 *
 * No allocation at all: nobody is guaranteed anything, those who have something to send share
 * equally. It is what a stock round-robin scheduler does; a radio with a stock scheduler ignores
 * the plan.
 */
class WdmoeStockAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;
};

} // namespace ns3

#endif /* WDMOE_ALLOCATOR_H */
