/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ALLOCATOR_H
#define WDMOE_ALLOCATOR_H

#include "ns3/object.h"
#include "ns3/wdmoe-allocation.h"
#include "ns3/wdmoe-compute.h"
#include "ns3/wdmoe-flow-shop.h"
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
    wdmoe::AllocationResult result; ///< bandwidths and certificate (static splits)
    std::vector<uint32_t> cut;      ///< for each task of the flow shop, which of its cuts
    bool bounded{false};            ///< whether the next is known
    double lowerBoundS{0}; ///< no plan over time ends the blocks in flight earlier (sum), s
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

    /**
     * Decide on all that is in flight. Unless overridden: Allocate(), with each batch cut into
     * MicroBatches.
     *
     * @param shop the blocks in flight as a flow shop
     * @param problem the same as bits, laws and constants by device; empty when a plan over time
     * (IsOverTime()) is made anew within blocks
     * @param radio what the radio can honour
     * @return plan and cuts
     */
    virtual WdmoeAllocation Schedule(const wdmoe::ShopProblem& shop,
                                     const wdmoe::AllocationProblem& problem,
                                     const WdmoeRadioCapabilities& radio);

    /**
     * Who the devices of the next problem are, for those that look at their powers. Unless
     * overridden: ignored.
     *
     * @param profiles by device of the problem
     */
    virtual void SetProfiles(const std::vector<wdmoe::DeviceProfile>& profiles);

    /// @return true if a plan is one over time, to be made anew when reality departs from it
    virtual bool IsOverTime() const;

  protected:
    /**
     * @param task of the flow shop
     * @return the cut with the largest number of pieces that is not above MicroBatches
     */
    uint32_t FindCut(const wdmoe::ShopTask& task) const;

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

  private:
    uint32_t m_microBatches; ///< attribute MicroBatches
};

/**
 * @ingroup wdmoe-control
 *
 * Exact min-max allocation, see wdmoe::AllocateMinMax(); in whole units of bandwidth, with the
 * optimal numbers of them, if the attribute Granularity says so (wdmoe::AllocateGranular()).
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

  private:
    double m_granularity{0}; ///< attribute Granularity, Hz
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

/**
 * @ingroup wdmoe-control
 *
 * A plan over time for all that is in flight, see wdmoe::ShopPlanner: directions in which bandwidth
 * is worth the same to the last Hz are served one device after another, those in which it is not
 * are shared; batches are cut into micro-batches where that ends a block sooner. Nothing is left
 * unused while anyone has something to send.
 *
 * A radio that cannot honour priorities gets weights instead, and this says so once.
 */
class WdmoeScheduledAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;
    WdmoeAllocation Schedule(const wdmoe::ShopProblem& shop,
                             const wdmoe::AllocationProblem& problem,
                             const WdmoeRadioCapabilities& radio) override;
    bool IsOverTime() const override;

  private:
    /// What the plan may do with a direction
    enum Service
    {
        AUTO,   ///< by the rate laws
        SHARED, ///< all at once
        SERIAL  ///< one after another
    };

    wdmoe::ShopPlanner m_planner; ///< makes the plans
    wdmoe::ShopProblem m_fewer;   ///< the problem without cuts that are too fine
    uint32_t m_maxPieces;         ///< attribute MaxPieces
    Service m_downlink;           ///< attribute Downlink
    Service m_uplink;             ///< attribute Uplink
    double m_guaranteed;          ///< attribute Guaranteed
    uint32_t m_evaluations;       ///< attribute MaxEvaluations
    bool m_warned{false};         ///< that priorities are not honoured
};

} // namespace ns3

#endif /* WDMOE_ALLOCATOR_H */
