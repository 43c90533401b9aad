/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LTE_SHARE_ALLOCATOR_H
#define WDMOE_LTE_SHARE_ALLOCATOR_H

#include "ns3/wdmoe-radio.h"

#include <cstdint>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * What one UE may claim in one direction: its share of the plan and the credit it has earned.
 * A unit is what the scheduler hands out at once: an RBG downlink, an RB uplink.
 */
struct WdmoeLteClaim
{
    // kept from TTI to TTI
    WdmoeShare share; ///< what the plan gives it
    double credit{0}; ///< units it is owed; below 0: it had more than its due

    // for this TTI: in
    uint32_t need{0};    ///< units that would empty its queue; 0: idle
    uint32_t least{1};   ///< smallest useful grant, units
    bool blocked{false}; ///< earns, but takes no new data now (HARQ)
    bool first{false};   ///< signalling: its least is served before all else, and free

    // for this TTI: out
    double entitled{0};  ///< units earned
    uint32_t granted{0}; ///< units granted
    uint32_t start{0};   ///< first unit of the block (blocks only)
};

/**
 * @ingroup wdmoe-radio
 *
 * Divides the units of a TTI among claims. Pure arithmetic, nothing of LTE in here.
 *
 * Every TTI each claim earns its guaranteed share, and a part of what the others' guaranteed shares
 * leave unused: the highest priority first, by weights that are re-normalised over those that can
 * use it. A grant is paid from the credit, so fractions of a unit, grants that are too small to be
 * useful and gaps that cannot be filled are carried over: while a claim has data, what it was
 * granted differs from what it was entitled to by a bounded number of units, so that the error of
 * its share falls as 1/time.
 *
 * A claim with weight 0 gets its guaranteed share and no more; where all weights are 0, what is not
 * used is wasted, as in FDMA.
 */
class WdmoeLteShareAllocator
{
  public:
    /// Claims of a TTI; the order is of no importance and is changed
    using Claims = std::vector<WdmoeLteClaim*>;

    /**
     * Credit a claim's share for this TTI.
     *
     * @param claims everyone's, idle ones too
     * @param units what there is in a TTI
     */
    void Accrue(Claims& claims, uint32_t units);

    /**
     * Grant units that may lie anywhere.
     *
     * @param claims as given to Accrue()
     * @param free units that are still free
     */
    void Grant(Claims& claims, uint32_t free);

    /**
     * Grant one contiguous block each.
     *
     * @param claims as given to Accrue()
     * @param busy for each unit, whether it is taken already
     */
    void GrantBlocks(Claims& claims, const std::vector<bool>& busy);

  private:
    /// A run of free units, filled from its start
    struct Gap
    {
        uint32_t start;                 ///< first free unit
        uint32_t length;                ///< number of free units
        WdmoeLteClaim* before{nullptr}; ///< whose block ends at start
    };

    /**
     * Give what is left to those with a weight, class by class from the highest priority.
     *
     * @param claims all
     * @param spare units
     */
    void Share(Claims& claims, double spare);

    /**
     * Drop who cannot be granted anything now, and put first signalling, then what can be served in
     * full, then who has waited longest for a useful grant.
     *
     * @param claims all
     */
    void SortByUrgency(Claims& claims);

    Claims m_order;          ///< claims in the order of service
    std::vector<Gap> m_gaps; ///< free runs of this TTI
    bool m_crowded{false};   ///< someone could pay for more than there was room for
};

} // namespace ns3

#endif /* WDMOE_LTE_SHARE_ALLOCATOR_H */
