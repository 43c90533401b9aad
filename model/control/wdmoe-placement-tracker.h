/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PLACEMENT_TRACKER_H
#define WDMOE_PLACEMENT_TRACKER_H

#include "wdmoe-placer.h"

#include "ns3/nstime.h"
#include "ns3/wdmoe-placement.h"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Who holds which expert now, who shall, and what is on its way; how many pairs each expert gets.
 *
 * An old holder serves until the new one has all of the weights, then gives them up. A device whose
 * memory is full may hold one expert more than fits while that goes on: it receives into it.
 */
class WdmoePlacementTracker
{
  public:
    /**
     * @param placement to begin with; its size is that of the simulated blocks
     * @param devices K
     * @param expertBytes weights of one expert
     */
    void Begin(const wdmoe::Placement& placement, uint32_t devices, double expertBytes);

    /// @return whether Begin() was called
    bool IsSet() const;

    /// @return holders of each expert of a block, at least one each. @param block i
    const std::vector<std::vector<uint32_t>>& GetHolders(uint32_t block) const;

    /// @return holders now, and those that what is on its way will make
    wdmoe::Placement GetCurrent() const;

    /**
     * @param block i
     * @param load pairs by expert, as the gate wants them
     * @param now the time
     */
    void Learn(uint32_t block, const std::vector<uint32_t>& load, Time now);

    /**
     * @param blocks I
     * @param experts E
     * @param forget of a pass by the next one
     * @param samples passes kept
     */
    void SetUpPopularity(uint32_t blocks, uint32_t experts, double forget, uint32_t samples);

    /// Learn of a pass that is none of those served. @param block i @param load pairs by expert
    void LearnHistory(uint32_t block, const std::vector<uint32_t>& load);

    /// @return what was learned
    const wdmoe::PopularityEstimate& GetPopularity() const;

    /// @return the same from every other pass only. @param odd which of the two halves
    const wdmoe::PopularityEstimate& GetHalf(bool odd) const;

    /// @return passes that began
    uint64_t GetPasses() const;

    /**
     * @param seconds in which a block was waited for
     */
    void LearnBusy(double seconds);

    /// @return share of the time of the last passes in which blocks were waited for; 1: not known
    double GetBusy() const;

    /// @return time between them, mean of the last ones; 0: not known
    Time GetPassTime() const;

    /**
     * Where the experts shall be: what has not begun to move there yet is queued, popular ones
     * first; what was queued before is not any more.
     *
     * @param target holders of each expert
     * @param memoryBytes by device, for the weights
     */
    void SetTarget(const wdmoe::Placement& target, const std::vector<double>& memoryBytes);

    /**
     * @param [out] move to be begun
     * @param most at a time
     * @return false: nothing is to be begun now
     */
    bool Next(WdmoeMove& move, uint32_t most);

    /**
     * @param id of a move that has begun
     * @param arrived the device holds it all; false: given up
     */
    void Finish(uint64_t id, bool arrived);

    /// @return moves that have arrived
    uint64_t GetMoves() const;

    /// @return of them, those to a device that had held the expert before
    uint64_t GetMovesBack() const;

    /// @return moves given up
    uint64_t GetMovesLost() const;

  private:
    /// Give up copies that nobody wants. @param block i @param expert e
    void Drop(uint32_t block, uint32_t expert);

    bool m_set{false};                                         ///< Begin() was called
    wdmoe::Placement m_held;                                   ///< now
    wdmoe::Placement m_target;                                 ///< to be
    double m_expertBytes{0};                                   ///< of one
    std::vector<double> m_memoryBytes;                         ///< by device; empty: no limit
    std::vector<uint64_t> m_count;                             ///< held or coming, by device
    std::deque<WdmoeMove> m_queue;                             ///< to be begun
    std::map<uint64_t, WdmoeMove> m_open;                      ///< begun
    uint64_t m_id{0};                                          ///< of the last move
    std::set<std::tuple<uint32_t, uint32_t, uint32_t>> m_gone; ///< block, expert, former holder
    uint64_t m_moves{0};                                       ///< arrived
    uint64_t m_back{0};                                        ///< of them, to a former holder
    uint64_t m_lost{0};                                        ///< given up
    wdmoe::PopularityEstimate m_popularity;                    ///< learned
    wdmoe::PopularityEstimate m_half[2];                       ///< learned from even and odd passes
    std::vector<uint64_t> m_seen;                              ///< passes, by block
    double m_busyS{0};                                         ///< blocks were waited for
    std::deque<double> m_busyAt;                               ///< the same when passes started
    std::deque<Time> m_starts;                                 ///< of the last passes
    uint64_t m_passes{0};                                      ///< that began
};

} // namespace ns3

#endif /* WDMOE_PLACEMENT_TRACKER_H */
