/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PLACEMENT_H
#define WDMOE_PLACEMENT_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * What a device offers to experts.
 */
struct PlacementDevice
{
    double memoryBytes{0}; ///< for weights of experts, >= 0, bytes
    double pairS{0};       ///< of its own (not of the shared air) for one (token, expert) pair: its
                           ///< transfers one after another with its compute, >= 0, s
    double expertS{0};     ///< for each of its experts with tokens in a block, >= 0, s
    double fixedS{0};      ///< for each block in which it has tokens, >= 0, s
    double moveS{0};       ///< air time of the weights of one expert to it, >= 0, s
};

/// Holders of the experts of each block: [block][expert] -> devices, at least one
typedef std::vector<std::vector<std::vector<uint32_t>>> Placement;

/**
 * @ingroup wdmoe-core
 *
 * Which devices hold which experts of which blocks. Pass s of S sample passes (S = 1: expected
 * loads) brings l_sie pairs to expert e of block i and counts w_s. With h(s,i,e) the holder that
 * serves the expert in that pass, one for all of its tokens,
 *
 *     minimise  sum_s w_s sum_i T_si  +  moveWeight * sum over new holders k of moveS_k
 *     T_si = max( max_r sum_e air_r,h(e) l_sie ,  max_k P_sik )
 *     P_sik = fixedS_k [k has pairs] + sum over e with h(e) = k and l_sie > 0
 *                                          of pairS_k l_sie + expertS_k
 *     such that the experts held by k, of all blocks, fit into memoryBytes_k.
 *
 * T is the bound of a flow shop in which each shared medium r (the downlink of a cell, its uplink;
 * with half duplex both are one) carries the pairs of all its devices one after another, and each
 * device has its own chain of transfers and compute: no schedule is faster, and one that serves one
 * device after another is within its last tail of it. So a popular expert belongs where a pair
 * takes little air, until that device becomes what the block waits for. The blocks have only memory
 * in common.
 *
 * With one sample pass a second holder never helps. With several (of other domains, or really seen)
 * it does, since the best one is taken in each.
 */
struct PlacementProblem
{
    uint32_t blocks{0};                   ///< I
    uint32_t experts{0};                  ///< E
    std::vector<double> load;             ///< S x I x E pairs, >= 0
    std::vector<double> weight;           ///< w_s > 0, length S; empty: S = 1 of weight 1
    std::vector<PlacementDevice> devices; ///< K
    std::vector<double> airS;             ///< R x K: shared medium r per pair of device k, >= 0, s
    double expertBytes{0};                ///< weights of one expert, >= 0, bytes
    uint32_t maxHolders{1};               ///< of an expert, >= 1
    Placement current;                    ///< held now, which costs nothing to keep; empty: nothing
    double moveWeight{0};                 ///< what a second of moveS counts, >= 0
};

/**
 * @ingroup wdmoe-core
 *
 * Settings of PlacementSolver.
 */
struct PlacementParam
{
    uint64_t maxNodes{200000};   ///< of branch and bound, all in all; 0: none
    uint32_t maxRounds{60};      ///< restarts of the local search of a block, and of all blocks
    uint32_t maxIterations{300}; ///< of the multipliers of the bound
    uint64_t seed{1};            ///< of the restarts
};

/// What a solver says of its placement
enum class PlacementStatus
{
    OPTIMAL,    ///< no placement is better (with the one holder that serves an expert in a pass)
    HEURISTIC,  ///< the gap says how far from it at most
    INFEASIBLE, ///< memory cannot hold the model
    INVALID     ///< the problem is not one
};

/// @return its name. @param status what a solver says
const char* PlacementStatusName(PlacementStatus status);

/**
 * @ingroup wdmoe-core
 *
 * A placement and what is known of it.
 */
struct PlacementResult
{
    PlacementStatus status{PlacementStatus::INVALID}; ///< what is known
    std::string message;                              ///< why there is none
    Placement placement;                              ///< where to put what
    double objectiveS{0};                             ///< of it, moves included, s
    double latencyS{0};                               ///< sum of T alone, s
    double lowerBoundS{0};                            ///< of any placement, s
    double gap{0};                                    ///< 1 - lowerBoundS / objectiveS
    uint64_t moves{0};                                ///< holders that are not in `current`
    uint64_t nodes{0};                                ///< of branch and bound
    double missingBytes{0};                           ///< INFEASIBLE: what memory lacks
};

/**
 * @ingroup wdmoe-core
 *
 * @param problem any
 * @return what is wrong with it, naming the value; empty: nothing
 */
std::string CheckPlacementProblem(const PlacementProblem& problem);

/**
 * @ingroup wdmoe-core
 *
 * For one pass and block, take one holder for each expert: those without a choice first, then by
 * falling load, each where T (then that device's own time) comes out smallest; then single experts
 * change their holder while T falls.
 *
 * @param problem costs of the devices
 * @param load pairs by expert, length E
 * @param holders of the experts of this block, length E, at least one each
 * @param [out] choice holder by expert, length E
 * @return T, s
 */
double ChooseHolders(const PlacementProblem& problem,
                     const double* load,
                     const std::vector<std::vector<uint32_t>>& holders,
                     std::vector<uint32_t>& choice);

/**
 * @ingroup wdmoe-core
 *
 * @param problem a good one
 * @param placement to be valued, at least one holder for each expert
 * @param [out] latencyS the same without moves, s; may be null
 * @return its objective, s
 */
double PlacementObjective(const PlacementProblem& problem,
                          const Placement& placement,
                          double* latencyS = nullptr);

/**
 * @ingroup wdmoe-core
 *
 * Solves PlacementProblem; keeps its memory from one problem to the next.
 *
 * 1. Without memory the blocks are apart. Each is bounded from below by its Lagrangian: for any
 *    lambda_r, nu_k >= 0 that sum to 1, T >= sum_r lambda_r A_r + sum_k nu_k P_k, and the right
 *    side falls apart into experts, each at its cheapest device. Multiplicative updates find good
 *    multipliers (it is the bound of the linear relaxation, since experts are not split there
 *    either). Then local search from a greedy placement and from `current`: an expert moves, two
 *    change places, only where the block waits; restarts from a random change of the best.
 *    Then branch and bound, experts by falling load, with that bound of the rest.
 * 2. If that fits into memory it is the answer, optimal if each block is. Else multipliers of
 *    memory raise the bound, experts move out of full devices where that costs least, and the local
 *    search goes on over all blocks together, exchanging experts of different blocks too; then
 *    branch and bound over all blocks.
 * 3. Where an expert may have several holders, the one that gains most in sum_s w_s T_s is added
 *    while there is one and memory for it.
 *
 * No clock is asked: the same problem gives the same answer.
 */
class PlacementSolver
{
  public:
    /**
     * @param problem what to place; a bad one gives INVALID
     * @param param settings
     * @return the answer, valid until the next call
     */
    const PlacementResult& Solve(const PlacementProblem& problem,
                                 const PlacementParam& param = PlacementParam());

  private:
    /// What moving an expert out of a device costs
    struct Step
    {
        double delta;    ///< s
        uint32_t block;  ///< i
        uint32_t expert; ///< e
    };

    /// One expert of one block, in the order of branching
    struct Item
    {
        uint32_t block;  ///< i
        uint32_t expert; ///< e
    };

    /// @return a random number. @param below it
    uint32_t Draw(uint32_t below);
    /// @return pairs. @param s pass @param i block @param e expert
    double Load(std::size_t s, uint32_t i, uint32_t e) const;
    /// @return cost of having an expert there, s. @param i block @param e expert @param k device
    double MoveCost(uint32_t i, uint32_t e, uint32_t k) const;
    /// Sums of a block anew from m_at. @param i block
    void Refresh(uint32_t i);
    /// @return objective of a block, from its sums. @param i block
    double BlockObjective(uint32_t i) const;
    /// @return the same if e went to k (and f to h, if f < E). @param i block @param e expert
    /// @param k its device @param f another expert, or E @param h its device
    /// @param [out] spread sum of squares of what the maximum is over, to tell equal ones apart
    double Try(uint32_t i, uint32_t e, uint32_t k, uint32_t f, uint32_t h, double& spread) const;
    /// Improve a block until no step helps. @param i block @param memory whether it binds
    void Descend(uint32_t i, bool memory);
    /// Place a block greedily. @param i block @param memory whether it binds
    void Construct(uint32_t i, bool memory);
    /// Search a block by itself. @param i block
    void SearchBlock(uint32_t i);
    /// Multipliers and bounds of all blocks. @param rounds of updates
    void Bound(uint32_t rounds);
    /// Bound of one block, with m_memoryPrice. @param i block @param rounds of updates
    void BoundBlock(uint32_t i, uint32_t rounds);
    /// @return Lagrangian of a block without the price of memory held. @param i block
    /// @param grad whether to leave A and P of the cheapest devices in m_gradient, and use there
    double Relaxed(uint32_t i, bool grad);
    /// Move experts out of devices that hold too much
    void Repair();
    /// Search all blocks together, under memory
    void SearchAll();
    /// @return true if it improved something. Exchange experts of two blocks
    bool Exchange();
    /// Branch on the items from one on. @param at index @param end index of the last + 1
    /// @param doneS objective of blocks before this one @return false: out of nodes
    bool Branch(std::size_t at, std::size_t end, double doneS);
    /// Items, and bounds of what is left of them, of some blocks. @param from first
    /// @param to last + 1
    void PrepareItems(uint32_t from, uint32_t to);
    /// Branch and bound of some blocks, from m_best. @param from first @param to last + 1
    /// @param priced under memory @param nodes at most @return whether m_best is proven
    bool BranchRange(uint32_t from, uint32_t to, bool priced, uint64_t nodes);
    /// What devices hold anew, from m_at
    void CountHeld();
    /// @return whether memory is kept
    bool Fits() const;
    /// The best moves of one expert from device to device. @param i block
    void FindSteps(uint32_t i);
    /// Multipliers of memory. @param upper objective of some placement
    void BoundMemory(double upper);
    /// Add holders where they help
    void Replicate();
    /// @return objective of all blocks as they are, s
    double Total() const;

    const PlacementProblem* m_p{nullptr}; ///< present problem
    PlacementParam m_param;               ///< present settings
    PlacementResult m_result;             ///< answer
    std::size_t m_S{0};                   ///< passes
    std::size_t m_R{0};                   ///< shared media
    uint32_t m_I{0};                      ///< blocks
    uint32_t m_E{0};                      ///< experts
    uint32_t m_K{0};                      ///< devices
    uint64_t m_random{0};                 ///< state of the generator
    std::vector<double> m_weight;         ///< w_s
    std::vector<double> m_move;           ///< I x E x K cost; empty: none
    std::vector<uint32_t> m_at;           ///< I x E present device
    std::vector<uint32_t> m_best;         ///< I x E best so far
    std::vector<uint32_t> m_save;         ///< E or I x E, set aside
    std::vector<double> m_private;        ///< S x I x K present P
    std::vector<uint32_t> m_count;        ///< S x I x K experts with tokens there
    std::vector<double> m_air;            ///< S x I x R present A
    std::vector<double> m_moved;          ///< I present cost of moves
    std::vector<uint32_t> m_top;          ///< S x I x 3 devices with the largest P
    std::vector<uint64_t> m_held;         ///< K experts held
    std::vector<uint64_t> m_room;         ///< K experts that fit
    std::vector<double> m_multiplier;     ///< S x I x (R + K), the best
    std::vector<double> m_trial;          ///< S x (R + K), being updated
    std::vector<double> m_gradient;       ///< S x (R + K)
    std::vector<double> m_unit;           ///< S x K what a pair costs by the multipliers
    std::vector<double> m_flat;           ///< S x K what an expert costs by them
    std::vector<double> m_blockBound;     ///< I
    std::vector<double> m_memoryPrice;    ///< K
    std::vector<double> m_use;            ///< K experts that the relaxation puts there
    std::vector<double> m_plainBound;     ///< I without the price of memory
    std::vector<double> m_bestPrice;      ///< K
    std::vector<double> m_bestMultiplier; ///< as m_multiplier
    std::vector<Item> m_items;            ///< in order of branching
    std::vector<double> m_cheapest;       ///< of the items after each in its block, by multipliers
    std::vector<double> m_after;          ///< of each item: bound of the blocks after its own
    std::vector<double> m_afterPriced;    ///< the same with the price of memory
    std::vector<double> m_itemCost;       ///< of each item at each device, by the multipliers
    std::vector<double> m_blockFree;      ///< I what no expert changes of it
    std::vector<uint32_t> m_order;        ///< of experts, or devices
    std::vector<double> m_key;            ///< to sort by
    std::vector<uint32_t> m_sort;         ///< E of a block
    std::vector<double> m_size;           ///< E of a block
    std::vector<Step> m_heap;             ///< to repair by
    std::vector<double> m_gain;           ///< I x K x K of the best step from device to device
    std::vector<uint32_t> m_gainer;       ///< I x K x K expert that takes it
    std::vector<uint32_t> m_pair;         ///< K x K x 2 blocks with the best of these steps
    std::vector<uint32_t> m_choice;       ///< E holders
    bool m_priced{false};                 ///< branching under memory
    int64_t m_nodesLeft{0};               ///< of the present branching
    double m_path{0};                     ///< present block so far, by the multipliers
    double m_pricePath{0};                ///< memory of all so far, by its price
    double m_priceOfAll{0};               ///< all memory there is, by its price
    double m_upper{0};                    ///< best objective of what is branched on
    double m_bound{0};                    ///< of all blocks
};

/**
 * @ingroup wdmoe-core
 *
 * Expected pairs of each expert of each block in a pass, from what passes brought, with exponential
 * forgetting: after n passes a pass counts forget^n. Also keeps the last passes as samples.
 */
class PopularityEstimate
{
  public:
    /**
     * @param blocks I
     * @param experts E
     * @param forget in (0, 1]
     * @param samples passes of each block that are kept, >= 0
     */
    void SetUp(uint32_t blocks, uint32_t experts, double forget, uint32_t samples = 0);

    /**
     * @param block i
     * @param load pairs by expert, length E
     */
    void Add(uint32_t block, const std::vector<uint32_t>& load);

    /// @return share of block's pairs that an expert gets, sums to 1; even where nothing is known
    /// @param block i @param expert e
    double Share(uint32_t block, uint32_t expert) const;

    /// @return pairs of a block in a pass, mean; 0: nothing is known. @param block i
    double Pairs(uint32_t block) const;

    /// @return experts of a block with pairs in a pass, mean; 0: nothing is known. @param block i
    double Active(uint32_t block) const;

    /// @return passes seen by the block that saw least
    uint64_t Passes() const;

    /// Forget what is known, sizes remain
    void Clear();

    /**
     * @param [out] problem gets blocks, experts, load and weight: expected loads, of which blocks
     * never seen take the mean pairs of the others; with samples, those that each block has too
     * @param samples use the kept passes (all blocks must have seen as many), not the mean
     */
    void Fill(PlacementProblem& problem, bool samples = false) const;

  private:
    uint32_t m_blocks{0};                      ///< I
    uint32_t m_experts{0};                     ///< E
    double m_forget{1};                        ///< of one pass
    uint32_t m_samples{0};                     ///< kept
    std::vector<double> m_sum;                 ///< I x E weighted pairs
    std::vector<double> m_active;              ///< I weighted experts with pairs
    std::vector<double> m_passes;              ///< I weighted passes
    std::vector<uint64_t> m_seen;              ///< I passes
    std::vector<std::vector<uint32_t>> m_last; ///< I x ring of samples x E
};

} // namespace wdmoe

#endif /* WDMOE_PLACEMENT_H */
