/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TOTAL_LATENCY_ALLOCATOR_H
#define WDMOE_TOTAL_LATENCY_ALLOCATOR_H

#include "wdmoe-allocator.h"

#include "ns3/wdmoe-latency-sum.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Static shares with the least sum of the ends of all blocks in flight, see
 * wdmoe::LatencySumSolver. Each part of a block has a bandwidth of its own; a device that serves
 * several blocks gets their sum, and serves them one after another, so that the first of them ends
 * earlier than the sum counts on. With one block in flight it is WdmoeMinMaxAllocator.
 *
 * The result's timeS is the latest of the blocks' ends, its gap that of the sum.
 */
class WdmoeTotalLatencyAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * One block with all the loads.
     *
     * @param problem loads, laws and budget
     * @return the plan
     */
    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;
    WdmoeAllocation Schedule(const wdmoe::ShopProblem& shop,
                             const wdmoe::AllocationProblem& problem,
                             const WdmoeRadioCapabilities& radio) override;

  private:
    /**
     * Solve m_sum.
     *
     * @param device of each entry
     * @param problem laws and budget
     * @return the plan
     */
    WdmoeAllocation Solve(const std::vector<uint32_t>& device,
                          const wdmoe::AllocationProblem& problem);

    wdmoe::LatencySumProblem m_sum;   ///< the blocks in flight
    wdmoe::LatencySumSolver m_solver; ///< keeps its memory
};

} // namespace ns3

#endif /* WDMOE_TOTAL_LATENCY_ALLOCATOR_H */
