/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FOREIGN_POLICIES_H
#define WDMOE_FOREIGN_POLICIES_H

#include "wdmoe-foreign.h"

#include "ns3/wdmoe-allocator.h"
#include "ns3/wdmoe-placer.h"
#include "ns3/wdmoe-precision-policy.h"
#include "ns3/wdmoe-predictor.h"
#include "ns3/wdmoe-selector.h"

#include <cstdint>
#include <vector>

namespace ns3
{

// What a policy in another language is given and answers: plain structures, whose pointers are
// good during the call only. Lengths are in brackets, null pointers mean "not known", or "not
// given".

/**
 * @ingroup wdmoe-helper
 *
 * A block to select experts for.
 */
struct WdmoeForeignBlock
{
    uint64_t tokens;                 ///< J
    uint64_t experts;                ///< E
    uint64_t topK;                   ///< the model's own k
    uint64_t block;                  ///< i
    const double* gate;              ///< weights [J x E]
    const double* latencyS;          ///< predicted s for one token on each expert [E]
    const double* costS;             ///< s of shared air for one more pair on each expert [E]
    const double* snr;               ///< linear SNR of each expert's device [E]
    const uint32_t* device;          ///< that holds each expert [E]
    const WdmoeSelectorInput* input; ///< all of it
};

/**
 * @ingroup wdmoe-helper
 *
 * A selection: one of mask, weight and expert is there; weight and expert may be together, slot by
 * slot.
 */
struct WdmoeForeignSelection
{
    const uint8_t* mask;   ///< what runs, not 0 [J x E]
    const double* weight;  ///< combine weights before they are made to sum to 1 [J x E or J x S]
    const int32_t* expert; ///< experts, -1: none [J x S]
    uint64_t slots;        ///< S
};

/**
 * @ingroup wdmoe-helper
 *
 * A device's part of a block was answered.
 */
struct WdmoeForeignAnswer
{
    uint64_t device; ///< index
    uint64_t pairs;  ///< (token, expert) pairs it served
    double latencyS; ///< from the first sent to the last answered, s
};

/**
 * @ingroup wdmoe-helper
 *
 * What bandwidth is to be allocated to.
 */
struct WdmoeForeignLoads
{
    uint64_t devices;                    ///< K
    uint64_t tasks;                      ///< of the flow shop
    double nowS;                         ///< simulated time, s
    double downlinkHz;                   ///< budget, Hz
    double uplinkHz;                     ///< budget, Hz
    uint64_t coupled;                    ///< 1: a device has one share for both directions
    const double* downlinkBits;          ///< [K]; null: within blocks, see shop
    const double* uplinkBits;            ///< [K]; null: within blocks, see shop
    const double* computeS;              ///< fixed costs included [K]; null: within blocks
    const wdmoe::RateLaw* downlinkLaw;   ///< [K]
    const wdmoe::RateLaw* uplinkLaw;     ///< [K]
    const wdmoe::ShopProblem* shop;      ///< all that is in flight
    const WdmoeRadioCapabilities* radio; ///< what the radio can honour; null: not known
    const std::vector<wdmoe::DeviceProfile>* profiles; ///< of the devices; may be empty
};

/**
 * @ingroup wdmoe-helper
 *
 * A plan: shares, and what is said of them.
 */
struct WdmoeForeignPlan
{
    const double* downlink;          ///< guaranteed shares [K]
    const double* uplink;            ///< guaranteed shares [K]
    const double* downlinkWeight;    ///< for the leftover [K]; null: by the attribute Leftover
    const double* uplinkWeight;      ///< for the leftover [K]
    const int32_t* downlinkPriority; ///< [K]; null: 0
    const int32_t* uplinkPriority;   ///< [K]; null: 0
    const uint32_t* cut;             ///< [tasks]; null: by the attribute MicroBatches
};

/**
 * @ingroup wdmoe-helper
 *
 * What experts are to be placed by.
 */
struct WdmoeForeignExperts
{
    double nowS;                            ///< simulated time, s
    uint64_t passes;                        ///< that the loads were learned from, or were served
    double passS;                           ///< between passes lately, s; 0: not known
    double busy;                            ///< share of time in which a block was waited for
    uint64_t blocks;                        ///< I
    uint64_t experts;                       ///< E
    uint64_t samples;                       ///< S
    uint64_t media;                         ///< R
    uint64_t devices;                       ///< K
    double expertBytes;                     ///< weights of one expert, bytes
    uint64_t maxHolders;                    ///< of an expert
    const double* load;                     ///< pairs [S x I x E]
    const double* weight;                   ///< of the samples [S]; null: 1
    const double* check;                    ///< loads of other passes [I x E]
    const wdmoe::PlacementDevice* device;   ///< [K]
    const double* airS;                     ///< of the shared media for a pair [R x K]
    const uint32_t* first;                  ///< where holders begin [I x E + 1]; null: nothing held
    const uint32_t* holder;                 ///< devices, expert after expert
    const wdmoe::PlacementProblem* problem; ///< all of it
};

/**
 * @ingroup wdmoe-helper
 *
 * Where experts shall be.
 */
struct WdmoeForeignHolders
{
    const uint32_t* first;  ///< where the holders of each expert begin [I x E + 1]; null: as now
    const uint32_t* holder; ///< devices, expert after expert
};

/**
 * @ingroup wdmoe-helper
 *
 * Activations to be coded.
 */
struct WdmoeForeignActivations
{
    uint64_t devices;                ///< K
    uint64_t hidden;                 ///< elements of one pair's activation
    const uint32_t* pairs;           ///< [K]
    const double* downlinkSPerBit;   ///< [K]
    const double* uplinkSPerBit;     ///< [K]
    WdmoePrecisionChoice configured; ///< of the server
};

/**
 * @ingroup wdmoe-helper
 *
 * How they are coded.
 */
struct WdmoeForeignPrecision
{
    const int32_t* downlink; ///< wdmoe::Precision [K]
    const int32_t* uplink;   ///< wdmoe::Precision [K]
};

/**
 * @ingroup wdmoe-helper
 *
 * What a device's part of a block, or a block, really took.
 */
struct WdmoeForeignTimes
{
    double predictedS;          ///< of a block, s
    double measuredS;           ///< of a block, s
    uint64_t device;            ///< index
    WdmoeStageLoad load;        ///< as planned
    wdmoe::StageTimes measured; ///< s
};

/**
 * @ingroup wdmoe-helper
 *
 * Selector of another language. What is answered is checked: each token has 1 to k experts that
 * there are, of weights that are numbers > 0.
 */
class WdmoeForeignSelector : public WdmoeSelector, public WdmoeForeign
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    bool UsesLatency() const override;
    bool UsesProblem() const override;
    void Learn(uint32_t device, uint32_t tokens, double latencyS) override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;

  private:
    /**
     * @param input the block
     * @param answer as given
     * @return the selection
     */
    wdmoe::Selection Take(const WdmoeSelectorInput& input,
                          const WdmoeForeignSelection& answer) const;
};

/**
 * @ingroup wdmoe-helper
 *
 * Allocator of another language. Shares get what those of the other allocators get: MinShare, and
 * weights by Leftover; a plan with weights of its own is taken as it is.
 */
class WdmoeForeignAllocator : public WdmoeAllocator, public WdmoeForeign
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
    void SetProfiles(const std::vector<wdmoe::DeviceProfile>& profiles) override;
    bool IsOverTime() const override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;

  private:
    /**
     * @param shop what is in flight
     * @param problem the same by device; may be empty
     * @param radio what it can honour; null: not known
     * @return the plan
     */
    WdmoeAllocation Ask(const wdmoe::ShopProblem& shop,
                        const wdmoe::AllocationProblem& problem,
                        const WdmoeRadioCapabilities* radio);

    std::vector<wdmoe::DeviceProfile> m_profiles; ///< of the next problem
};

/**
 * @ingroup wdmoe-helper
 *
 * Placer of another language. What is answered is checked: each expert of each block has 1 to
 * MaxHolders devices that there are, within their memory.
 */
class WdmoeForeignPlacer : public WdmoePlacer, public WdmoeForeign
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
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;

  private:
    /**
     * @param method BEGIN or DECIDE
     * @param now the time
     * @param input what is known
     * @return where the experts shall be
     */
    wdmoe::Placement Ask(WdmoeForeignMethod method, Time now, const WdmoePlacerInput& input);
};

/**
 * @ingroup wdmoe-helper
 *
 * Precision policy of another language. What is answered is checked: never finer than configured.
 */
class WdmoeForeignPrecisionPolicy : public WdmoePrecisionPolicy, public WdmoeForeign
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    std::vector<WdmoePrecisionChoice> Decide(const WdmoePrecisionInput& input) override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;
};

/**
 * @ingroup wdmoe-helper
 *
 * Predictor of another language. Costs are asked for again when something was learned.
 */
class WdmoeForeignPredictor : public WdmoePredictor, public WdmoeForeign
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeCost GetCost(uint32_t device) const override;
    bool IsFluid() const override;
    void Learn(uint32_t device,
               const WdmoeStageLoad& load,
               const wdmoe::StageTimes& measured) override;
    void LearnBlock(double predictedS, double measuredS) override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;

  private:
    mutable std::vector<WdmoeCost> m_costs; ///< by device
    mutable std::vector<bool> m_known;      ///< whether that is known, by device
};

} // namespace ns3

extern "C"
{
    /**
     * Keep a block's gate weights beyond the call.
     *
     * @param block that is being selected for
     * @return what wdmoe_foreign_drop() takes; null: they cannot be kept, copy them
     */
    void* wdmoe_foreign_keep(const ns3::WdmoeForeignBlock* block);

    /// The weights are not needed any more. @param kept by wdmoe_foreign_keep()
    void wdmoe_foreign_drop(void* kept);

    /**
     * Which experts top-k takes.
     *
     * @param block that is being selected for
     * @param [out] mask 1 for those, 0 for the others [J x E]
     */
    void wdmoe_foreign_top_k(const ns3::WdmoeForeignBlock* block, uint8_t* mask);
}

#endif /* WDMOE_FOREIGN_POLICIES_H */
