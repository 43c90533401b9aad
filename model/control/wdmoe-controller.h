/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CONTROLLER_H
#define WDMOE_CONTROLLER_H

#include "wdmoe-allocator.h"
#include "wdmoe-flight-tracker.h"
#include "wdmoe-placement-tracker.h"
#include "wdmoe-placer.h"
#include "wdmoe-precision-policy.h"
#include "wdmoe-predictor.h"
#include "wdmoe-selector.h"

#include "ns3/callback.h"
#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/wdmoe-compute.h"
#include "ns3/wdmoe-gate-source.h"
#include "ns3/wdmoe-joint.h"
#include "ns3/wdmoe-radio.h"

#include <limits>
#include <map>
#include <memory>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * One block to decide on.
 */
struct WdmoeBlockInput
{
    uint64_t request{0};    ///< request id
    uint32_t block{0};      ///< i
    wdmoe::GateMatrix gate; ///< J x E weights
    uint32_t hidden{0};     ///< m, elements of one token's activation
    wdmoe::Precision downlinkPrecision{wdmoe::Precision::FP16}; ///< to the devices, if not decided
    wdmoe::Precision uplinkPrecision{wdmoe::Precision::FP16};   ///< back, if not decided
    uint32_t batchBytes{0};                 ///< of a batch's payload, beside the activations
    uint32_t batchExpertBytes{0};           ///< the same, for each expert with tokens
    Callback<uint64_t, uint64_t> wireBytes; ///< payload bytes of a message to bytes on the wire
};

/**
 * @ingroup wdmoe-control
 *
 * Consecutive tokens of one expert, of those that the selection gives it in order.
 */
struct WdmoePieceEntry
{
    uint32_t expert{0}; ///< e
    uint32_t first{0};  ///< counts the tokens of that expert
    uint32_t tokens{0}; ///< how many
};

/**
 * @ingroup wdmoe-control
 *
 * A micro-batch: sent, computed and answered in one piece.
 */
struct WdmoePiece
{
    std::vector<WdmoePieceEntry> entries; ///< by expert
    uint32_t tokens{0};                   ///< (token, expert) pairs
    double downlinkBits{0};               ///< bits on the wire to the device
    double uplinkBits{0};                 ///< bits on the wire of its answer
    double computeS{0};                   ///< by the compute model, s
    wdmoe::ShopTimes planned;             ///< s from when the block's batches are sent
};

/**
 * @ingroup wdmoe-control
 *
 * One device's part of a decision.
 */
struct WdmoeDevicePart
{
    uint32_t tokens{0};             ///< (token, expert) pairs it serves
    uint32_t experts{0};            ///< its experts with tokens
    WdmoePrecisionChoice precision; ///< of activations
    WdmoeStageLoad load;            ///< bits, rates and compute time by the plan
    wdmoe::StageTimes predicted;    ///< what the predictor says, s
    std::vector<WdmoePiece> pieces; ///< in the order they are sent
    /**
     * s that the base station sends at full power for it: where power density is fixed, as long as
     * the whole band would take (LINEAR downlink law); NaN: as long as the transfer takes, since
     * each device has the full power (SHANNON).
     */
    double baseTransmitS{0};
};

/**
 * @ingroup wdmoe-control
 *
 * Who serves which token, and with how much bandwidth.
 */
struct WdmoeDecision
{
    uint64_t id{0};                       ///< counts the decisions from 1
    wdmoe::Selection selection;           ///< which experts run each token
    std::vector<uint32_t> expertTokens;   ///< tokens for each expert, length E
    std::vector<WdmoeDevicePart> devices; ///< by device, length K
    WdmoePlan plan;                       ///< what the radio was told
    wdmoe::AllocationResult allocation;   ///< certificate (of several cells: the largest of theirs)
    double predictedS{0};                 ///< predicted block latency, s
    double uncorrectedS{0};               ///< the same before WdmoePredictor::GetBlockScale(), s
    bool bounded{false};                  ///< whether the next is known
    double lowerBoundS{0}; ///< no plan ends all blocks in flight earlier (sum), s; of several cells
                           ///< the largest of their bounds, see WdmoeController
    double plannedS{0};    ///< what this plan makes of that sum, s
    uint32_t pairsUnreachable{0}; ///< of devices out of coverage: not sent
    double wlr{0};                ///< weight-to-latency ratio, 1/s
    double gateMassKept{0};       ///< relative to top-k, in [0, 1]
    uint32_t pairsTopK{0};        ///< (token, expert) pairs of top-k
    uint32_t rounds{0};           ///< alternations of selection and allocation
    std::shared_ptr<const wdmoe::BlockProblem> problem; ///< as the decision saw it; null: nobody
                                                        ///< asked for it
    /// No selection from top-k that keeps as much gate mass (and each token's heaviest expert) ends
    /// the block sooner, whatever the plan, by the fluid model and the predictor's costs, s; NaN:
    /// not known, see the attribute Regret
    double jointLowerBoundS{std::numeric_limits<double>::quiet_NaN()};
    std::vector<WdmoeUsage> usage; ///< granted to each device so far; empty where others are in
                                   ///< flight, so that it says nothing of this block
    Time delay;                    ///< of deciding; batches are sent that much later
};

/**
 * @ingroup wdmoe-control
 *
 * What really happened on one device.
 */
struct WdmoeDeviceOutcome
{
    uint32_t device{0};         ///< index
    bool answered{false};       ///< all of it; false: missing at the deadline, or lost
    wdmoe::StageTimes measured; ///< s: until the last piece has arrived, from then until the last
                                ///< is computed, from then until the last answer is in
    double computedS{0};        ///< sum over its pieces on the compute unit, s
    double queueS{0};           ///< s that its last piece waited for the compute unit
    double uplinkActiveS{0};    ///< s during which its answers were sent; 0: not known
};

/**
 * @ingroup wdmoe-control
 *
 * What really happened to one micro-batch.
 */
struct WdmoePieceOutcome
{
    uint32_t device{0}; ///< index
    uint32_t piece{0};  ///< index among the pieces of the device
    Time received;      ///< at the device
    Time started;       ///< its computation
    Time computed;      ///< its answer was ready
    Time answered;      ///< its answer was in
};

/**
 * @ingroup wdmoe-control
 *
 * The loop: measure, decide, enforce, learn. One controller drives one radio, of one or more cells.
 *
 * Decide() takes the link states the radio measured, lets the precision policy choose how
 * activations are coded, the selector choose experts under the latencies of the present allocation
 * and the allocator plan the resulting loads together with all that is in flight, and again, until
 * the predicted block latency stops falling; then the plan goes to the radio.
 *
 * In between it follows what the radio grants: when the last bit of a micro-batch has been granted,
 * it knows when the answer will be ready, and tells the radio to expect it (EarlyGrants); when an
 * answer comes at another time than planned, a plan over time is made anew for what is left
 * (ReplanAfter).
 *
 * A device that the radio does not hear is left out, its pairs are missing, and this says so once.
 *
 * **Several cells** (WdmoeRadio::GetCells()). Experts and precision are chosen across all devices,
 * each at what its own cell's band makes of it; air costs something only in the cells that a block
 * waits for (WdmoeSelectorInput::expertCostS). Then the allocator gets one problem for each cell,
 * with that cell's budget and capabilities, and knows nothing of the others; a block ends when it
 * has ended in all of them. For given loads the cells have nothing in common, so that a split that
 * is optimal in each is optimal for the block: AllocationResult::timeS and lowerBoundS are the
 * largest of the cells'. The sum over all blocks in flight, at their last answers, is not below the
 * sum over the answers of one cell alone, whence lowerBoundS of a plan over time is the largest of
 * the cells' bounds too: right, but weak where one cell is late with one block and another cell
 * with another one. The sum of the cells' bounds is none, since it counts a block once for each.
 *
 * **Half duplex.** Where both directions take from one budget, a device that has its batch in one
 * piece is served one way at a time. A static split holds whatever the timing if and only if the
 * larger of a device's two bandwidths, summed over all devices, is within the budget, so that
 * nothing is lost by making them equal: the paper's coupled problem. Shares of either direction
 * then sum to 1. With micro-batches, or several requests in flight, a device may be served both
 * ways at once, and all shares shrink in proportion while the sum is above 1; the fluid model does
 * too.
 */
class WdmoeController : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param radio measured and steered; all devices added
     */
    void SetRadio(Ptr<WdmoeRadio> radio);

    /// @return the radio
    Ptr<WdmoeRadio> GetRadio() const;

    /**
     * What is served, and by whom.
     *
     * @param shape size of an expert
     * @param experts E
     * @param topK the model's own k
     * @param profiles of the devices, length K
     */
    void SetWork(const wdmoe::ExpertShape& shape,
                 uint32_t experts,
                 uint32_t topK,
                 const std::vector<wdmoe::DeviceProfile>& profiles);

    /**
     * @param expertDevice device of each expert, length E (default: expert e on device e mod K)
     */
    void SetPlacement(const std::vector<uint32_t>& expertDevice);

    /**
     * Block by block, with several holders of an expert if need be. For each block one of the
     * holders is chosen, the one with which the block is predicted to end first; all tokens of an
     * expert go to it, they are not split over holders.
     *
     * @param placement [block][expert] -> devices; blocks are those that are decided on
     */
    void SetPlacement(const wdmoe::Placement& placement);

    /**
     * @param expert e
     * @return the device that holds it (of several, the one that served it last)
     */
    uint32_t GetDeviceOf(uint32_t expert) const;

    /// @return whether a placer decides, which is asked for more than expert e on device e mod K
    bool HasPlacer() const;

    /**
     * Ask the gates for their history, so that the placer, if there is one, can say where the
     * experts begin when the first block is decided on.
     *
     * @param gates may be asked for the popularity of experts; null: they cannot
     * @param blocks of the model
     * @param simulated of them, those that are decided on
     */
    void BeginPlacement(Ptr<WdmoeGateSource> gates, uint32_t blocks, uint32_t simulated);

    /**
     * @param [out] move whose weights are to be sent to a device now
     * @return false: there is none
     */
    bool NextMove(WdmoeMove& move);

    /**
     * The device serves from the next block on.
     *
     * @param id of the move
     * @param arrived all weights are at the device; false: given up
     */
    void FinishMove(uint64_t id, bool arrived);

    /**
     * Bytes of weights are sent: they take air, and are in a device's queue before what is sent
     * after them.
     *
     * @param device index
     * @param chunk names them
     * @param downlinkBits on the wire
     * @param uplinkBits of what acknowledges them
     */
    void AddWeights(uint32_t device, uint32_t chunk, double downlinkBits, double uplinkBits);

    /**
     * They have arrived, or are not waited for any more.
     *
     * @param device index
     * @param chunk names them
     */
    void RemoveWeights(uint32_t device, uint32_t chunk);

    /// @return who holds what, and what is on its way
    const WdmoePlacementTracker& GetPlacement() const;

    /**
     * @param device index
     * @return its profile
     */
    const wdmoe::DeviceProfile& GetProfile(uint32_t device) const;

    /**
     * @param stream first stream index to use, by the selector
     * @return the number of streams assigned
     */
    int64_t AssignStreams(int64_t stream);

    /**
     * Measure, decide, enforce.
     *
     * @param input the block
     * @return the decision, in force
     */
    WdmoeDecision Decide(const WdmoeBlockInput& input);

    /**
     * A micro-batch was answered: the predictor learns, the plan may be made anew.
     *
     * @param decision as made
     * @param outcome of one piece
     * @return what was known of it
     */
    WdmoeFlight ReportPiece(const WdmoeDecision& decision, const WdmoePieceOutcome& outcome);

    /**
     * A micro-batch is not waited for any more.
     *
     * @param decision as made
     * @param device index
     * @param piece index
     */
    void GiveUpPiece(const WdmoeDecision& decision, uint32_t device, uint32_t piece);

    /**
     * What came of a decision: the predictors learn.
     *
     * @param decision as made
     * @param outcome of one device
     */
    void Report(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome);

    /**
     * The same bound as WdmoeDecision::jointLowerBoundS, for one who knew when the block began what
     * is known now: the rate laws are half way between those at its decision and those now (links
     * are looked at, not measured anew). To be called when the block has ended.
     *
     * @param decision as made
     * @param gate its gate weights
     * @param gateMassKept after missing answers
     * @return s; NaN unless the attribute Regret is set
     */
    double GetHindsight(const WdmoeDecision& decision,
                        const wdmoe::GateMatrix& gate,
                        double gateMassKept);

    /**
     * TracedCallback signature for decisions.
     *
     * @param [in] input the block
     * @param [in] decision what was decided
     */
    typedef void (*DecisionTracedCallback)(const WdmoeBlockInput& input,
                                           const WdmoeDecision& decision);

  protected:
    void DoDispose() override;

  private:
    /// A batch cut in one way
    typedef std::vector<WdmoePiece> Cut;

    /// Devices that divide one budget
    struct Cell
    {
        Ptr<WdmoeRadio> radio;               ///< that carries them
        std::vector<uint32_t> devices;       ///< index of each of them in the whole radio
        WdmoeRadioCapabilities capabilities; ///< of its radio
        double requestS{0};                  ///< part of an uplink's fixed cost, s
        WdmoeBudget budget;                  ///< of its radio, as last measured
        wdmoe::ShopProblem shop;             ///< what is in flight; devices by place in `devices`
        std::vector<uint64_t> decisions;     ///< that made each of the blocks in `shop`
        bool scarce{false};                  ///< a block under decision waits for it

        /// Of the devices, by place in `devices`
        std::vector<wdmoe::DeviceProfile> profiles;

        /// @return true if both directions take from downlinkHz of the budget
        bool HasOneBand() const;

        /// @return what the uplink could have alone, Hz
        double GetUplinkHz() const;
    };

    /// Ends of the blocks in flight by a plan, s from now, by decision
    typedef std::map<uint64_t, double> BlockEnds;

    /**
     * Loads, bandwidth and predictions for a selection.
     *
     * @param input the block
     * @param selection which experts run
     * @return the decision, not yet enforced
     */
    WdmoeDecision Evaluate(const WdmoeBlockInput& input, wdmoe::Selection selection);

    /**
     * Bandwidth, micro-batches and predictions of one cell.
     *
     * @param input the block
     * @param cell gets its blocks in flight, and this one
     * @param [in,out] d has the loads; gets the rest of the cell's devices
     * @param [in,out] ends are those of this cell, where they are later
     */
    void PlanCell(const WdmoeBlockInput& input, Cell& cell, WdmoeDecision& d, BlockEnds& ends);

    /**
     * Rates that the devices of a cell can count on, and how long their parts will take.
     *
     * @param cell whose it is
     * @param plan by place in the cell
     * @param [in,out] d has loads and planned micro-batches; gets what the predictor makes of them
     */
    void Predict(const Cell& cell, const WdmoePlan& plan, WdmoeDecision& d) const;

    /**
     * Take one cell's certificate into that of all.
     *
     * @param cell whose it is
     * @param part by place in the cell
     * @param [in,out] whole by device
     */
    void Join(const Cell& cell,
              const wdmoe::AllocationResult& part,
              wdmoe::AllocationResult& whole) const;

    /**
     * @param cell whose it is
     * @param part by place in the cell
     * @param [in,out] whole gets the shares of the cell's devices
     */
    void Join(const Cell& cell, const WdmoePlan& part, WdmoePlan& whole) const;

    /**
     * @param device index
     * @return that it is in
     */
    const Cell& GetCell(uint32_t device) const;

    /**
     * @param device index
     * @return true if it is heard both ways
     */
    bool IsHeard(uint32_t device) const;

    /**
     * How activations are coded, from the loads of a selection.
     *
     * @param input the block
     * @param selection which experts run
     */
    void DecidePrecision(const WdmoeBlockInput& input, const wdmoe::Selection& selection);

    /**
     * Cut a device's batch.
     *
     * @param input the block
     * @param device index
     * @param expertTokens tokens of each expert
     * @param pieces how many, at most as there are tokens
     * @return the pieces; cuts fall between experts where that is near
     */
    Cut MakeCut(const WdmoeBlockInput& input,
                uint32_t device,
                const std::vector<uint32_t>& expertTokens,
                uint32_t pieces) const;

    /**
     * Describe the devices and what is in flight at those that the radio hears.
     *
     * @param [in,out] cell its shop is made anew, but for the tasks of a new block
     */
    void MakeShop(Cell& cell) const;

    /**
     * Describe the block for those who decide on all of it at once. Bits are affine in the pairs:
     * through what one pair and all pairs of top-k take on the wire, and less where rounding to
     * packets makes it less between them.
     *
     * @param input the block
     * @param vanilla top-k, evaluated
     * @return the problem
     */
    std::shared_ptr<wdmoe::BlockProblem> MakeProblem(const WdmoeBlockInput& input,
                                                     const WdmoeDecision& vanilla) const;

    /**
     * What a radio that cannot leave anything empty makes of a strict direction: the leftover is
     * lent in proportion to the guaranteed shares.
     *
     * @param [in,out] shares of a direction
     */
    static void LendByShare(std::vector<WdmoeShare>& shares);

    /**
     * @param plan for the radio
     * @param cut for each task
     * @return the same for the fluid model
     */
    static wdmoe::ShopPlan MakeShopPlan(const WdmoePlan& plan, const std::vector<uint32_t>& cut);

    /**
     * Leave out the pairs of devices that the radio does not hear.
     *
     * @param [in,out] selection which experts run
     * @return pairs left out
     */
    uint32_t LeaveOutUnreachable(wdmoe::Selection& selection);

    /**
     * What the rate laws promised against what was moved.
     *
     * @param decision as made
     * @param outcome of one device, answered
     */
    void LearnScale(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome);

    /// What has come of a block so far
    struct BlockOutcome
    {
        uint32_t open{0};    ///< devices not heard of
        bool complete{true}; ///< all answered
        double latencyS{0};  ///< until the last answer so far, s
    };

    /**
     * How long a block took against what was predicted.
     *
     * @param decision as made
     * @param outcome of one device
     */
    void LearnBlock(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome);

    /// Plan what is left anew, unless the plan is not one over time, or too young.
    void Replan();

    /// Plan what is left anew.
    void PlanRest();

    /**
     * @param device index
     * @param downlink direction
     * @param bytes granted
     */
    void NotifyGrant(uint32_t device, bool downlink, uint32_t bytes);

    /// Take a fresh look at the channels.
    void Measure();

    /**
     * Choose one holder of each expert of a block, and look whether experts should move.
     *
     * @param input the block
     */
    void ChooseHolders(const WdmoeBlockInput& input);

    /**
     * What devices and air cost an expert, as measured.
     *
     * @param pairs of an expert with tokens, mean
     * @param active share of the experts of a block that have tokens, mean
     * @param mean links of the last passes, not of now
     * @return without loads
     */
    wdmoe::PlacementProblem MakePlacementProblem(double pairs, double active, bool mean) const;

    /// Take the links as last measured into their means
    void AverageLinks();

    /**
     * @param halves loads of every other pass, and those of the others to check with
     * @return what the placer decides from
     */
    WdmoePlacerInput MakePlacerInput(bool halves);

    /**
     * @param input the block
     * @param decision loads and plan
     * @return predicted s for one token on each expert
     */
    std::vector<double> ExpertLatencies(const WdmoeBlockInput& input,
                                        const WdmoeDecision& decision) const;

    /**
     * The cells that end last make the block late: their air is scarce, and stays so until the
     * block is decided on, since others would wait for it again.
     *
     * @param decision as far as it is made
     */
    void MarkScarce(const WdmoeDecision& decision);

    /**
     * @param input the block
     * @return s that the air is taken by one more token on each expert, both ways, with the whole
     * band; 0 where the cell's air is not scarce
     */
    std::vector<double> ExpertCosts(const WdmoeBlockInput& input) const;

    /// @return linear SNR by expert, see WdmoeSelectorInput::expertSnr
    std::vector<double> ExpertSnrs() const;

    /**
     * Share of a direction a device can count on while all loaded devices of its cell are busy
     * (priorities, which change over a block, are not looked at); with half duplex, in one
     * direction each.
     *
     * @param shares the plan of a cell
     * @param loaded whether a device has bits to move
     * @return by device, sums to at most 1
     */
    static std::vector<double> CountOn(const std::vector<WdmoeShare>& shares,
                                       const std::vector<bool>& loaded);

    Ptr<WdmoeRadio> m_radio;                      ///< measured and steered
    Ptr<WdmoeSelector> m_selector;                ///< which experts
    Ptr<WdmoeAllocator> m_allocator;              ///< how much bandwidth
    Ptr<WdmoePredictor> m_predictor;              ///< at what cost
    wdmoe::ExpertShape m_shape;                   ///< size of an expert
    uint32_t m_topK{0};                           ///< the model's own k
    std::vector<wdmoe::DeviceProfile> m_profiles; ///< by device
    std::vector<uint32_t> m_expertDevice;         ///< by expert
    std::vector<WdmoeLinkState> m_links;          ///< as last measured, by device
    Ptr<WdmoePrecisionPolicy> m_precision;        ///< how activations are coded
    std::vector<WdmoePrecisionChoice> m_choice;   ///< for the present block, by device
    std::vector<Cell> m_cells;                    ///< of the radio
    std::vector<uint32_t> m_cellOf;               ///< index of its cell, by device
    bool m_progress{false};                       ///< a radio says what it grants
    WdmoeFlightTracker m_flights;                 ///< what is under way
    Ptr<WdmoePlacer> m_placer;                    ///< who holds which expert; null: as set
    WdmoePlacementTracker m_placement;            ///< who holds which expert of each block
    std::vector<double> m_meanDownS;              ///< s for a bit with the whole band, by device:
    std::vector<double> m_meanUpS;                ///< mean over passes, since experts stay longer
    std::vector<uint32_t> m_meanOf;               ///< than fades last; passes it is of
    bool m_beginPending{false};                   ///< the placer is asked with the next block
    uint32_t m_modelBlocks{0};                    ///< of the model, simulated or not
    std::vector<const WdmoeFlight*> m_arrived;    ///< by the last grant
    wdmoe::ShopEvaluator m_evaluator;             ///< predicts plans
    std::vector<bool> m_unreachable;              ///< said of a device
    std::map<uint64_t, BlockOutcome> m_blocks;    ///< in flight, by decision
    uint64_t m_decisions{0};                      ///< so far
    Time m_planned;                               ///< when the plan in force was made
    bool m_earlyGrants;                           ///< attribute EarlyGrants
    double m_earlyBias;                           ///< attribute EarlyBias
    uint32_t m_earlyBytes;                        ///< attribute EarlyBytes
    Time m_replanAfter;                           ///< attribute ReplanAfter
    uint32_t m_maxPieces;                         ///< attribute MaxPieces
    wdmoe::ComputeMode m_computeMode;             ///< how compute time is counted
    uint32_t m_maxRounds;                         ///< of alternation
    bool m_regret;                                ///< attribute Regret
    wdmoe::Joint m_joint;                         ///< certifies decisions
    wdmoe::Joint m_hindsight;                     ///< the same when their blocks have ended
    Time m_delay;                                 ///< of deciding
    TracedCallback<const WdmoeBlockInput&, const WdmoeDecision&> m_decisionTrace; ///< "Decision"
};

} // namespace ns3

#endif /* WDMOE_CONTROLLER_H */
