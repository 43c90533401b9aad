/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FLOW_SHOP_H
#define WDMOE_FLOW_SHOP_H

#include "wdmoe-rate-law.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * A micro-batch: what goes to a device in one piece, is computed in one piece and answered in one
 * piece.
 */
struct ShopPiece
{
    double downlinkBits{0}; ///< bits still to be sent to the device, >= 0; 0: it is there already
    double computeS{0};     ///< time on the device's compute unit, >= 0, s; 0: computed already
    double uplinkBits{0};   ///< bits of the answer still to be sent, >= 0
};

/**
 * @ingroup wdmoe-core
 *
 * One device's part of one block (of one request). The batch may be cut into micro-batches in
 * several ways, of which a plan takes one; what one piece costs in each is for the caller to say (a
 * roofline reads the expert's weights again for each piece).
 */
struct ShopTask
{
    uint32_t device{0};                       ///< k < K
    uint32_t block{0};                        ///< b < B: which of the blocks in flight
    double releaseS{0};                       ///< earliest start of its downlink, >= 0, s from now
    std::vector<std::vector<ShopPiece>> cuts; ///< at least one; each has at least one piece
};

/**
 * @ingroup wdmoe-core
 *
 * What is known of one device.
 */
struct ShopDevice
{
    RateLaw downlinkLaw;      ///< Rd_k(B)
    RateLaw uplinkLaw;        ///< Ru_k(B)
    double downlinkFixedS{0}; ///< from a piece's last bit sent to its arrival, s
    double uplinkRequestS{0}; ///< from an answer ready to its first bit, where the device's uplink
                              ///< was idle (scheduling request or buffer report, and grant), s
    double uplinkFixedS{0};   ///< from an answer's last bit sent to its arrival, s
    double busyS{0};          ///< its compute unit is taken until then, s from now
};

/**
 * @ingroup wdmoe-core
 *
 * The blocks in flight as a flow shop of three stages: a shared downlink, private compute units, a
 * shared uplink. Pieces of a device are served in order of its tasks in `tasks`, in each stage.
 */
struct ShopProblem
{
    std::vector<ShopDevice> devices; ///< K
    std::vector<ShopTask> tasks;     ///< those with work
    std::vector<double> blockWeight; ///< B: what a second of a block's end counts, > 0
    double downlinkHz{0};            ///< downlink budget, > 0, Hz
    double uplinkHz{0};              ///< uplink budget, > 0, Hz (not used if coupled)
    bool coupled{false};    ///< a device has one share for both directions: uplink as planned for
                            ///< the downlink, on a budget of downlinkHz of its own
    bool halfDuplex{false}; ///< the directions take from one budget, downlinkHz
};

/**
 * @ingroup wdmoe-core
 *
 * One device's part of a division, as ns3::WdmoeShare: `guaranteed` of the budget is its own; what
 * is left, and what others with nothing to send leave unused, goes to the highest priority that has
 * something to send, by weight (weight 0: never).
 */
struct ShopShare
{
    double guaranteed{0}; ///< in [0, 1]
    double weight{0};     ///< >= 0
    int32_t priority{0};  ///< larger first
};

/**
 * @ingroup wdmoe-core
 *
 * A plan over time, as a radio can follow it.
 */
struct ShopPlan
{
    std::vector<uint32_t> cut;       ///< for each task, index into its cuts
    std::vector<ShopShare> downlink; ///< by device
    std::vector<ShopShare> uplink;   ///< by device
};

/**
 * @ingroup wdmoe-core
 *
 * When a piece passes the stages, s from now. Stages without bits or work take no time.
 */
struct ShopTimes
{
    uint32_t task{0};         ///< index into ShopProblem::tasks
    uint32_t piece{0};        ///< index into the cut taken
    double downlinkStartS{0}; ///< its first bit is sent
    double downlinkEndS{0};   ///< it has arrived (fixed delay included)
    double computeStartS{0};  ///< its computation starts
    double computeEndS{0};    ///< its computation ends
    double uplinkStartS{0};   ///< the answer's first bit is sent
    double uplinkEndS{0};     ///< the answer has arrived (fixed delay included)
};

/**
 * @ingroup wdmoe-core
 *
 * What a plan comes to.
 */
struct ShopOutcome
{
    std::vector<ShopTimes> pieces; ///< by task, then piece
    std::vector<double> blockEndS; ///< B: the last answer of each block, s; infinite: it never
                                   ///< ends (no rate)
    double costS{0};               ///< sum of blockWeight x blockEndS
};

/// How it ended
enum class ShopStatus
{
    PLANNED,   ///< a plan, with bound and gap
    INVALID,   ///< a meaningless input; the message names it
    INFEASIBLE ///< a device has bits to move and a law that carries none
};

/**
 * @ingroup wdmoe-core
 *
 * A plan and how good it is.
 */
struct ShopResult
{
    ShopStatus status{ShopStatus::INVALID}; ///< how it ended
    std::string message;                    ///< one line for INVALID, INFEASIBLE
    ShopPlan plan;                          ///< what to do
    ShopOutcome outcome;                    ///< what it comes to
    double lowerBoundS{0};   ///< no plan whatsoever for these tasks and cuts costs less, s
    bool exact{false};       ///< every plan of the family was looked at (see ShopPlanner)
    uint32_t evaluations{0}; ///< plans looked at

    /// @return (cost - lowerBoundS) / cost; 0 where there is nothing to do
    double Gap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * How far to go
 */
struct ShopParam
{
    uint32_t maxEvaluations{64};    ///< plans looked at beyond the constructed ones, at most; fewer
                                    ///< where following a plan takes long (many pieces)
    uint32_t exactEvaluations{720}; ///< where the whole family is not larger than this, all are
    double guaranteed{0};      ///< given to every device in every plan, for what is not planned
                               ///< (acknowledgements), in [0, 1 / K)
    bool downlinkSerial{true}; ///< may serve linear downlinks one after another
    bool uplinkSerial{true};   ///< may serve linear uplinks one after another
    bool uplinkShared{true};   ///< may share the uplink; false: one after another even if concave

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Whether bandwidth is worth the same to the last Hz, so that serving one device after another
 * costs no rate: a LINEAR law, or a SHANNON law that is at its cap with the whole budget.
 *
 * @param law of one device
 * @param budgetHz the whole budget
 * @return true if linear over (0, budgetHz]
 */
bool IsLinear(const RateLaw& law, double budgetHz);

/**
 * @ingroup wdmoe-core
 *
 * Check a problem.
 *
 * @param problem blocks in flight
 * @return what is wrong with it: the value, what was expected; empty if nothing is
 */
std::string CheckShop(const ShopProblem& problem);

/**
 * @ingroup wdmoe-core
 *
 * Predicts what any plan comes to, by a fluid model: event-driven, rates constant between events.
 * Keeps its memory from call to call, so that calls of the same size allocate none.
 */
class ShopEvaluator
{
  public:
    ShopEvaluator();
    ~ShopEvaluator();

    /**
     * @param problem a problem that CheckShop() finds nothing wrong with
     * @param plan of the right sizes, indices in range
     * @param [out] outcome what it comes to
     */
    void Evaluate(const ShopProblem& problem, const ShopPlan& plan, ShopOutcome& outcome);

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl; ///< the event loop
};

/**
 * @ingroup wdmoe-core
 *
 * Plans the blocks in flight over time.
 *
 * Directions whose laws are linear are served one after another, by priority: in Johnson-Mitten
 * order where the uplink is one machine too, longest tail first where it is shared, whichever the
 * evaluator likes better among these and a local search from the best. Directions with a concave
 * law are shared, by weights. Cuts are chosen with it. The family of plans that is searched, and
 * within which `exact` results are optimal: for each direction that is serial any order of the
 * devices (uplink: the downlink's order, any order, or equal sharing), for shared ones equal
 * weights or weights by need, and any cut of each task. By need is the bandwidth that moves what a
 * device has to move (first cut of each task) in the time that is left after all the rest, alone at
 * the full band, of 1.25 times the longest that any device takes alone. With one budget for both
 * directions (halfDuplex) the uplinks' priorities are below, above or among those of the downlinks.
 *
 * Keeps its memory from call to call, so that calls of the same size allocate none.
 */
class ShopPlanner
{
  public:
    ShopPlanner();
    ~ShopPlanner();

    /**
     * Never throws for bad data and never loops: see the status.
     *
     * @param problem blocks in flight
     * @param param how far to go
     * @return the plan; valid until the next call
     */
    const ShopResult& Plan(const ShopProblem& problem, const ShopParam& param = ShopParam());

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl; ///< the search
};

/**
 * @ingroup wdmoe-core
 *
 * A bound that no plan can beat, whatever its orders, shares and cuts: the largest over the stages
 * of one machine relaxed to heads, work and tails (for concave laws: the least bandwidth x time
 * that moves the bits in their window, by Jensen's inequality), and of each device alone.
 *
 * @param problem a problem that CheckShop() finds nothing wrong with
 * @return s
 */
double ShopLowerBound(const ShopProblem& problem);

} // namespace wdmoe

#endif /* WDMOE_FLOW_SHOP_H */
