/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CONTROLLER_H
#define WDMOE_CONTROLLER_H

#include "wdmoe-allocator.h"
#include "wdmoe-predictor.h"
#include "wdmoe-selector.h"

#include "ns3/callback.h"
#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/wdmoe-compute.h"
#include "ns3/wdmoe-radio.h"

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
    uint64_t request{0};                    ///< request id
    uint32_t block{0};                      ///< i
    wdmoe::GateMatrix gate;                 ///< J x E weights
    uint32_t downlinkBytesPerToken{0};      ///< activation of one token, to the device
    uint32_t uplinkBytesPerToken{0};        ///< activation of one token, back
    uint32_t batchBytes{0};                 ///< of a batch's payload, beside the activations
    uint32_t batchExpertBytes{0};           ///< the same, for each expert with tokens
    Callback<uint64_t, uint64_t> wireBytes; ///< payload bytes of a message to bytes on the wire
};

/**
 * @ingroup wdmoe-control
 *
 * One device's part of a decision.
 */
struct WdmoeDevicePart
{
    uint32_t tokens{0};          ///< (token, expert) pairs it serves
    uint32_t experts{0};         ///< its experts with tokens
    WdmoeStageLoad load;         ///< bits, rates and compute time by the plan
    wdmoe::StageTimes predicted; ///< what the predictor says, s
};

/**
 * @ingroup wdmoe-control
 *
 * Who serves which token, and with how much bandwidth.
 */
struct WdmoeDecision
{
    wdmoe::Selection selection;           ///< which experts run each token
    std::vector<uint32_t> expertTokens;   ///< tokens for each expert, length E
    std::vector<WdmoeDevicePart> devices; ///< by device, length K
    WdmoePlan plan;                       ///< what the radio was told
    wdmoe::AllocationResult allocation;   ///< certificate
    double predictedS{0};                 ///< predicted block latency, s
    double wlr{0};                        ///< weight-to-latency ratio, 1/s
    double gateMassKept{0};               ///< relative to top-k, in [0, 1]
    uint32_t pairsTopK{0};                ///< (token, expert) pairs of top-k
    uint32_t rounds{0};                   ///< alternations of selection and allocation
    Time delay;                           ///< of deciding; batches are sent that much later
};

/**
 * @ingroup wdmoe-control
 *
 * What really happened on one device.
 */
struct WdmoeDeviceOutcome
{
    uint32_t device{0};         ///< index
    bool answered{false};       ///< false: missing at the deadline, or lost
    wdmoe::StageTimes measured; ///< s; compute includes the wait for the compute unit
    double queueS{0};           ///< s of that wait
};

/**
 * @ingroup wdmoe-control
 *
 * The loop: measure, decide, enforce, learn. One controller drives one radio.
 *
 * Decide() takes the link states the radio measured, lets the selector choose experts under the
 * latencies of the present allocation and the allocator divide bandwidth for the resulting loads,
 * and again, until the predicted block latency stops falling; then the plan goes to the radio.
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
     * @param expert e
     * @return the device that holds it
     */
    uint32_t GetDeviceOf(uint32_t expert) const;

    /**
     * Measure, decide, enforce.
     *
     * @param input the block
     * @return the decision, in force
     */
    WdmoeDecision Decide(const WdmoeBlockInput& input);

    /**
     * What came of a decision: the predictors learn.
     *
     * @param decision as made
     * @param outcome of one device
     */
    void Report(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome);

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
    /**
     * Loads, bandwidth and predictions for a selection.
     *
     * @param input the block
     * @param selection which experts run
     * @return the decision, not yet enforced
     */
    WdmoeDecision Evaluate(const WdmoeBlockInput& input, wdmoe::Selection selection);

    /**
     * @param input the block
     * @param decision loads and plan
     * @return predicted s for one token on each expert
     */
    std::vector<double> ExpertLatencies(const WdmoeBlockInput& input,
                                        const WdmoeDecision& decision) const;

    /**
     * Share of a direction a device can count on while all loaded devices are busy (priorities,
     * which change over a block, are not looked at).
     *
     * @param shares the plan
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
    wdmoe::ComputeMode m_computeMode;             ///< how compute time is counted
    uint32_t m_maxRounds;                         ///< of alternation
    Time m_delay;                                 ///< of deciding
    TracedCallback<const WdmoeBlockInput&, const WdmoeDecision&> m_decisionTrace; ///< "Decision"
};

} // namespace ns3

#endif /* WDMOE_CONTROLLER_H */
