/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PLACER_H
#define WDMOE_PLACER_H

#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/wdmoe-placement.h"

#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * What a placer decides from.
 */
struct WdmoePlacerInput
{
    wdmoe::PlacementProblem problem; ///< measured costs, expected loads, what is held now (or under
                                     ///< way); no moveWeight
    std::vector<double> check; ///< I x E loads of other passes than those of the problem, to see
                               ///< what a placement is worth; empty: there are none
    uint64_t passes{0};        ///< that the loads were learned from; 0: nothing is known
    Time pass;                 ///< between passes lately, idle time included; 0: not known
    double busy{1};            ///< share of that time in which a block was waited for, [0, 1]
};

/**
 * @ingroup wdmoe-control
 *
 * A copy of an expert's weights on its way to a device.
 */
struct WdmoeMove
{
    uint64_t id{0};     ///< counts the moves from 1
    uint32_t block{0};  ///< i
    uint32_t expert{0}; ///< e
    uint32_t device{0}; ///< that will hold it too
    uint64_t bytes{0};  ///< of its weights
};

/**
 * @ingroup wdmoe-control
 *
 * Which devices hold which experts. The controller asks it before the first request, when moving is
 * not counted, as loading the model in the first place is not; and again where IsDue() says so:
 * what is new then travels over the radio, while the old holders serve. This class decides
 * nothing, and is the base of those that do.
 *
 * The memory of a device is that of its profile, times MemoryShare, and all blocks of the model
 * must fit, whether they are simulated or not: the simulated ones get their part of it.
 */
class WdmoePlacer : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// @return true if expert e of each block stays on device e mod K: nothing else is called then
    virtual bool IsStatic() const = 0;

    /**
     * @param input what is known before the first request
     * @return where the experts begin
     */
    virtual wdmoe::Placement Begin(const WdmoePlacerInput& input) = 0;

    /**
     * @param now the time
     * @param passes that were served so far
     * @return whether to ask Decide()
     */
    virtual bool IsDue(Time now, uint64_t passes) const;

    /**
     * @param now the time
     * @param input what is known now
     * @return where the experts shall be
     */
    virtual wdmoe::Placement Decide(Time now, const WdmoePlacerInput& input);

    /// @return share of a device's memory that experts may take
    double GetMemoryShare() const;

    /// @return what a pass is forgotten by with the next one
    double GetForget() const;

    /// @return passes kept as samples of loads; 0: mean loads
    uint32_t GetSamples() const;

    /// @return most devices that hold an expert
    uint32_t GetMaxHolders() const;

    /// @return most moves at a time
    uint32_t GetMaxMoves() const;

    /// @return recorded gates from which loads are known at the start; "gates": those served;
    /// empty: none
    const std::string& GetHistory() const;

    /// @return passes of history that are looked at
    uint32_t GetHistoryPasses() const;

    /// @return tokens of such a pass
    uint32_t GetHistoryTokens() const;

  protected:
    /**
     * Solve, or stop the program with what is wrong, for example by how much memory is too small.
     *
     * @param problem any
     * @return the placement
     */
    const wdmoe::PlacementResult& Solve(const wdmoe::PlacementProblem& problem);

    /// @return expert e of each block on device e mod K. @param problem has the sizes; aborts
    /// where that does not fit
    static wdmoe::Placement MakeStatic(const wdmoe::PlacementProblem& problem);

  private:
    wdmoe::PlacementSolver m_solver; ///< keeps its memory
    uint32_t m_effort;               ///< attribute Effort
    uint32_t m_nodes;                ///< attribute MaxNodes
    double m_memoryShare;            ///< attribute MemoryShare
    double m_forget;                 ///< attribute Forget
    uint32_t m_samples;              ///< attribute Samples
    uint32_t m_maxHolders;           ///< attribute MaxHolders
    uint32_t m_maxMoves;             ///< attribute MaxMoves
    std::string m_history;           ///< attribute History
    uint32_t m_historyPasses;        ///< attribute HistoryPasses
    uint32_t m_historyTokens;        ///< attribute HistoryTokens
};

/**
 * @ingroup wdmoe-control
 *
 * Expert e of each block on device e mod K, as without a placer.
 */
class WdmoeStaticPlacer : public WdmoePlacer
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    bool IsStatic() const override;
    wdmoe::Placement Begin(const WdmoePlacerInput& input) override;
};

/**
 * @ingroup wdmoe-control
 *
 * Places once for the loads that are expected: from History before the first request, or, without
 * one, after the first Passes passes; then the experts move, and are paid for.
 */
class WdmoePopularityPlacer : public WdmoePlacer
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    bool IsStatic() const override;
    wdmoe::Placement Begin(const WdmoePlacerInput& input) override;
    bool IsDue(Time now, uint64_t passes) const override;
    wdmoe::Placement Decide(Time now, const WdmoePlacerInput& input) override;

  protected:
    uint32_t m_passes;    ///< attribute Passes
    bool m_placed{false}; ///< from loads
};

/**
 * @ingroup wdmoe-control
 *
 * Begins as WdmoePopularityPlacer, and looks again every Interval, from the loads and links of
 * then. A move is worth it if what it saves over Horizon is more than the delay it causes times 1 +
 * Hysteresis. That delay is its air time times the share of time in which blocks are waited for:
 * what is sent while nobody waits delays nobody (AirPrice sets another share). That price is in the
 * objective, see wdmoe::PlacementProblem::moveWeight, so that all moves of an answer pay together
 * and none of them could be left out with profit.
 *
 * Loads are estimates, and the best of many placements looks better than it is. So it is found for
 * the loads of every other pass, and judged by those of the passes between: where the whole does
 * not save MinSaving of the latency there, moves paid, nothing moves.
 */
class WdmoeMigratingPlacer : public WdmoePopularityPlacer
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    bool IsDue(Time now, uint64_t passes) const override;
    wdmoe::Placement Begin(const WdmoePlacerInput& input) override;
    wdmoe::Placement Decide(Time now, const WdmoePlacerInput& input) override;

  private:
    Time m_interval;     ///< attribute Interval
    Time m_horizon;      ///< attribute Horizon
    double m_hysteresis; ///< attribute Hysteresis
    double m_minSaving;  ///< attribute MinSaving
    double m_airPrice;   ///< attribute AirPrice
    Time m_last;         ///< when it looked last
};

} // namespace ns3

#endif /* WDMOE_PLACER_H */
