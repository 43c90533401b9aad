/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_BLOCK_PROBLEM_H
#define WDMOE_BLOCK_PROBLEM_H

#include "wdmoe-allocation.h"
#include "wdmoe-flow-shop.h"
#include "wdmoe-rate-law.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * What a batch of q (token, expert) pairs costs on one device, whatever the pairs: bits and times
 * are affine in q. With n of its experts in use, computing takes
 *
 *     c(q, n) = max(pairS q, readS n + moveS q) + launchS n + computeFixedS,   0 for q = 0,
 *
 * no more than the roofline takes (ComputeTime()), which takes the maximum for each expert; for
 * FLOPS readS, moveS and launchS are 0.
 */
struct BlockDevice
{
    RateLaw downlinkLaw;         ///< Rd(B)
    RateLaw uplinkLaw;           ///< Ru(B)
    double downlinkPairBits{0};  ///< bits to the device for each pair, >= 0
    double uplinkPairBits{0};    ///< bits back for each pair, >= 0
    double downlinkBatchBits{0}; ///< bits of a batch to the device, whatever its size, >= 0
    double uplinkBatchBits{0};   ///< bits of an answer, whatever its size, >= 0
    double downlinkFixedS{0};    ///< from the last bit sent to its arrival, >= 0, s
    double uplinkRequestS{0};    ///< from an answer ready to its first bit, >= 0, s
    double uplinkFixedS{0};      ///< from an answer's last bit sent to its arrival, >= 0, s
    double pairS{0};             ///< arithmetic of one pair, >= 0, s
    double readS{0};             ///< reading the weights of one expert in use, >= 0, s
    double moveS{0};             ///< moving the activations of one pair, >= 0, s
    double launchS{0};           ///< calling one expert in use, >= 0, s
    double computeFixedS{0};     ///< of a batch, whatever its size, >= 0, s
    double busyS{0};             ///< its compute unit is taken until then, >= 0, s from now
    bool reachable{true};        ///< false: heard one way at most; its pairs are lost anyway
    uint32_t cell{0};            ///< whose bandwidth it uses, an index into BlockProblem::cells

    /**
     * @param pairs q >= 0
     * @param experts n >= 1, of its experts in use
     * @return c(q, n), s
     */
    double ComputeS(double pairs, double experts) const;
};

/**
 * @ingroup wdmoe-core
 *
 * Devices that divide the same bandwidth.
 */
struct BlockCell
{
    double downlinkHz{0};   ///< budget, > 0, Hz
    double uplinkHz{0};     ///< budget, Hz (not used if coupled or half duplex)
    bool coupled{false};    ///< a device has one share for both directions (the paper)
    bool halfDuplex{false}; ///< both directions take from downlinkHz

    /// @return what the uplink could have alone, Hz
    double UplinkHz() const;
};

/**
 * @ingroup wdmoe-core
 *
 * How a block's latency comes about from what each device has to do.
 */
enum class BlockModel
{
    SCHEDULE,    ///< a plan over time: no plan, whatever its orders, shares and cuts, ends sooner
    STATIC_SPLIT ///< each device has a constant part of the band: AllocateMinMax()
};

/**
 * @ingroup wdmoe-core
 *
 * One block to be decided: who holds the experts, what their devices and links are.
 */
struct BlockProblem
{
    std::vector<BlockDevice> devices;   ///< K
    std::vector<BlockCell> cells;       ///< at least one
    std::vector<uint32_t> expertDevice; ///< device of each expert, length E, < K
    uint32_t maxPieces{1};              ///< a plan may cut a batch into so many, >= 1

    /// @return what is wrong with it: the value, and what was expected; empty if nothing is
    std::string Check() const;
};

/**
 * @ingroup wdmoe-core
 *
 * The least bandwidth x time that moves bits within a window, and the tangent to it: for a concave
 * law R it is length x R^-1(bits / length), by Jensen's inequality, which is convex in (bits,
 * length) together. With r = bits / length, B = R^-1(r) and a slope s = 1 / R'(B),
 *
 *     area(bits', length') >= s bits' - (s r - B) length'   for all bits', length'.
 */
struct AreaLine
{
    double areaHzS{0};  ///< at the point asked for, Hz s; infinite: it cannot be moved
    double slope{0};    ///< Hz s for one more bit
    double reliefHz{0}; ///< what a second more saves, Hz; 0 for a LINEAR law

    /**
     * @param law of the direction
     * @param bits >= 0
     * @param lengthS of the window, s
     * @return the line; infinite area where the window has no length or the law no such rate
     */
    static AreaLine Touch(const RateLaw& law, double bits, double lengthS);
};

/**
 * @ingroup wdmoe-core
 *
 * What follows for one device from its fixed costs: where its windows begin and end.
 */
struct BlockWindow
{
    double headS{0};      ///< no answer's first bit is sent before that, s
    double tailS{0};      ///< from the last bit sent to the device to the end of the block, s
    double uplinkEndS{0}; ///< from its last answer's last bit to the end of the block, s
    double firstS{0};     ///< one pair's way to the device, s
    double lastS{0};      ///< one pair's way back, with its fixed delay, s

    /**
     * @param device with work
     * @param cell its own
     * @return the window; infinite values if it has no rate
     */
    static BlockWindow Of(const BlockDevice& device, const BlockCell& cell);

    /**
     * @param device its own
     * @param cell its own
     * @param pairs it has, >= 1
     * @param experts of it in use
     * @param whole its batch stays in one piece
     * @return what it takes alone at the least, s
     */
    double AloneS(const BlockDevice& device,
                  const BlockCell& cell,
                  double pairs,
                  double experts,
                  bool whole) const;
};

/**
 * @ingroup wdmoe-core
 *
 * Latency of a block for given loads. Keeps its memory from call to call.
 */
class BlockEvaluator
{
  public:
    /**
     * A bound that no plan over time can beat, at least what follows from these:
     *
     * - each device alone, with the whole band: the first pair's way there, all computation, the
     *   last pair's way back; all bits there, the last pair's rest; the first pair's way there and
     *   computation, all bits back. Where a batch stays in one piece (maxPieces 1): all three
     *   stages one after another;
     * - each direction of each cell as one machine (half duplex: both as one), open from the
     *   smallest head of any device to the smallest tail, in which device k needs the least
     *   bandwidth x time that moves its bits in its own window, from its own head to its own tail.
     *
     * @param problem which Check() finds nothing wrong with
     * @param pairs of each device, length K; those of unreachable ones are not looked at
     * @param experts of each device in use, length K (fewer than that give a bound, too)
     * @return s; infinite if a device has no rate
     */
    double LowerBound(const BlockProblem& problem,
                      const std::vector<double>& pairs,
                      const std::vector<double>& experts);

    /**
     * Bound() of this problem from now on.
     *
     * @param problem has to stay where it is
     * @param active which devices have pairs, length K: windows are those of these, so that a
     *        bound never rises when loads fall
     */
    void Prepare(const BlockProblem& problem, const std::vector<double>& active);

    /**
     * As LowerBound(), after Prepare().
     *
     * @param pairs of each device, length K
     * @param experts of each device in use, length K
     * @param known a bound that holds already, s
     * @return s
     */
    double Bound(const std::vector<double>& pairs,
                 const std::vector<double>& experts,
                 double known = 0) const;

    /// @return of a device, after Prepare(). @param k the device
    const BlockWindow& Window(std::size_t k) const
    {
        return m_window[k];
    }

    /**
     * @param cell index
     * @param machine 0: downlink, or the only one; 1: uplink
     * @return smallest head and tail of its devices, together, after Prepare(), s
     */
    double OffsetS(std::size_t cell, int machine) const
    {
        return m_offsetS[2 * cell + machine];
    }

    /**
     * The optimal static split of each cell.
     *
     * @param problem which Check() finds nothing wrong with
     * @param expertPairs pairs of each expert, length E
     * @return s; infinite if a device has bits and no rate
     */
    double StaticSplit(const BlockProblem& problem, const std::vector<uint32_t>& expertPairs);

    /**
     * The same with compute times by BlockDevice::ComputeS().
     *
     * @param problem which Check() finds nothing wrong with
     * @param pairs of each device, length K
     * @param experts of each device in use, length K
     * @return s; infinite if a device has bits and no rate
     */
    double StaticSplit(const BlockProblem& problem,
                       const std::vector<double>& pairs,
                       const std::vector<double>& experts);

    /**
     * A plan over time by ShopPlanner, each batch in 1, 2, 4 ... maxPieces equal pieces.
     *
     * @param problem which Check() finds nothing wrong with
     * @param expertPairs pairs of each expert, length E
     * @param param how far to go
     * @return end of the block, s; infinite if a device has bits and no rate
     */
    double Schedule(const BlockProblem& problem,
                    const std::vector<uint32_t>& expertPairs,
                    const ShopParam& param = ShopParam());

  private:
    /// Loads of the devices. @param problem the block @param expertPairs pairs of each expert
    void Load(const BlockProblem& problem, const std::vector<uint32_t>& expertPairs);

    /// @return as StaticSplit(). @param problem the block @param pairs of each device
    double Split(const BlockProblem& problem, const std::vector<double>& pairs);

    const BlockProblem* m_problem{nullptr}; ///< of Prepare()
    std::vector<BlockWindow> m_window;      ///< K
    std::vector<double> m_offsetS;          ///< two for each cell
    std::vector<double> m_pairs;            ///< K
    std::vector<double> m_experts;          ///< K: in use
    std::vector<double> m_computeS;         ///< K: of the whole batch
    std::vector<uint32_t> m_place;          ///< K: place in its cell's problem
    AllocationProblem m_split;              ///< of one cell
    ShopProblem m_shop;                     ///< of one cell
    ShopPlanner m_planner;                  ///< of plans over time
};

} // namespace wdmoe

#endif /* WDMOE_BLOCK_PROBLEM_H */
