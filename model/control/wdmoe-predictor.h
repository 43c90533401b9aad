/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PREDICTOR_H
#define WDMOE_PREDICTOR_H

#include "ns3/object.h"
#include "ns3/wdmoe-latency.h"
#include "ns3/wdmoe-radio.h"

#include <deque>
#include <utility>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * One device's part of a block, as planned or as measured.
 */
struct WdmoeStageLoad
{
    double downlinkBits{0}; ///< bits on the wire to the device
    double uplinkBits{0};   ///< bits on the wire from the device
    double downlinkRate{0}; ///< bit/s of the share it has by the plan
    double uplinkRate{0};   ///< bit/s of the share it has by the plan
    double computeS{0};     ///< compute time by the compute model, s
    double downlinkS{0}; ///< transfer under the plan, waiting included, fixed cost and scale not:
                         ///< bits / rate in the closed form, s
    double uplinkS{0};   ///< the same uplink, s; below 0 where an answer behind another one
                         ///< need not make the request that the fixed cost has in it
    double spanS{0};     ///< all of its part of the block by the plan, s
};

/**
 * @ingroup wdmoe-control
 *
 * What a device's part of a block costs, affine in the closed form:
 * stage time = fixed + scale x (bits / rate, or compute time).
 */
struct WdmoeCost
{
    double downlinkFixedS{0}; ///< s, whatever the size
    double downlinkScale{1};  ///< of bits / rate
    double uplinkFixedS{0};   ///< s, whatever the size
    double uplinkScale{1};    ///< of bits / rate
    double computeFixedS{0};  ///< s, whatever the size
    double computeScale{1};   ///< of the compute model's time
    double readyBiasS{0};     ///< mean of when an answer was ready, less when it was predicted, s
    double readySpreadS{0};   ///< standard deviation of that, s
};

/**
 * @ingroup wdmoe-control
 *
 * What a batch will cost on a device. The controller turns GetCost() into bits and constants of
 * the bandwidth problem, and feeds Learn() with what was measured.
 */
class WdmoePredictor : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param capabilities by device: what the radio that carries it says of itself
     */
    virtual void SetRadio(const std::vector<WdmoeRadioCapabilities>& capabilities);

    /**
     * @param device index
     * @return what its part of a block costs
     */
    virtual WdmoeCost GetCost(uint32_t device) const = 0;

    /// @return true if blocks are predicted by the fluid model of the plan over time; false: by
    /// bits / rate of the share that a device can count on
    virtual bool IsFluid() const;

    /**
     * @param device index
     * @param load planned
     * @return predicted stage times, s; infinite where there are bits and no rate
     */
    wdmoe::StageTimes Predict(uint32_t device, const WdmoeStageLoad& load) const;

    /**
     * Called for each answer.
     *
     * @param device index
     * @param load as planned
     * @param measured stage times, s
     */
    virtual void Learn(uint32_t device,
                       const WdmoeStageLoad& load,
                       const wdmoe::StageTimes& measured);

    /**
     * Called for each answer where the radio says what it grants.
     *
     * @param device index
     * @param downlink what the rate law promised for the bandwidth and time that was granted,
     * divided by the bits that were moved with it; NaN: not known
     * @param uplink the same uplink
     */
    virtual void LearnScale(uint32_t device, double downlink, double uplink);

    /**
     * Called for each micro-batch whose answer's time was predicted from grants.
     *
     * @param device index
     * @param errorS when its answer was ready, less when it was predicted, s
     */
    virtual void LearnReady(uint32_t device, double errorS);

    /**
     * Called for each block that was answered in full.
     *
     * @param predictedS what the plan came to, not scaled by GetBlockScale(), s
     * @param measuredS until the last answer, s
     */
    virtual void LearnBlock(double predictedS, double measuredS);

    /**
     * @param predictedS what a plan comes to, s
     * @return how much longer blocks as long as that took (1 if nothing is known)
     */
    virtual double GetBlockScale(double predictedS) const;
};

/**
 * @ingroup wdmoe-control
 *
 * The paper's closed form: bits / rate + compute + bits / rate, nothing fixed.
 */
class WdmoeClosedFormPredictor : public WdmoePredictor
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeCost GetCost(uint32_t device) const override;
};

/**
 * @ingroup wdmoe-control
 *
 * Knows the MAC. What the fluid model says of the transfers under a plan, with what it learns
 * online, for each device and direction:
 *
 * - the scale of bits / rate, as the mean, with forgetting, of what the law promised for the
 *   bandwidth and time granted over what was moved with it: headers, retransmissions, grants that
 *   went unused, channel reports that were too good (where the radio does not say what it grants:
 *   of the time of long transfers over what the fluid model says). It starts from 1, worth two
 *   observations;
 * - the fixed cost (buffer reports, grants, subframes, core network), as a Kalman filter's state:
 * an observation is the transfer's time less what the fluid model says, with a standard deviation
 * of 1 ms and 8 % of what the device's part of the block takes; none where that is more than 3 ms,
 * for long blocks say nothing of it, and beyond two standard deviations it counts as two. It starts
 *   from the delay the radio declares, +- 3 ms, and may drift by 0.5 ms from one to the next;
 * - the scale of the compute model's time, as a mean of what was measured over it; the queue for
 * the compute unit is the fluid model's;
 * - how far off the predicted times of answers are, mean and variance; errors beyond 2 ms count as
 *   2 ms.
 *
 * - what all that leaves out of a block's latency, as a factor: collisions and control frames, idle
 *   air, what replanning gains. It is the weighted geometric mean of measured over predicted of the
 *   last blocks, those of like length foremost (a Gaussian kernel over the logarithm of the
 *   predicted latency, of standard deviation 0.5), with a prior of 1 worth half a block.
 *
 * The attributes Fluid, Fixed, Scale and Block take parts of it away, to see what each is worth.
 */
class WdmoeLearningPredictor : public WdmoePredictor
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    void SetRadio(const std::vector<WdmoeRadioCapabilities>& capabilities) override;
    WdmoeCost GetCost(uint32_t device) const override;
    bool IsFluid() const override;
    void Learn(uint32_t device,
               const WdmoeStageLoad& load,
               const wdmoe::StageTimes& measured) override;
    void LearnScale(uint32_t device, double downlink, double uplink) override;
    void LearnReady(uint32_t device, double errorS) override;
    void LearnBlock(double predictedS, double measuredS) override;
    double GetBlockScale(double predictedS) const override;

  private:
    /// What is learned of one stage of one device
    struct Stage
    {
        double fixedS{0};      ///< mean of the fixed cost, s
        double variance{9e-6}; ///< of that mean, s^2
        double scaleSum{2};    ///< weighted sum of scales
        double scaleWeight{2}; ///< sum of weights

        /**
         * @param forget lambda
         * @param progress AddScale() is called by others
         * @param xS what the fluid model says, s
         * @param yS what it was, s
         * @param spanS what the device's part of the block takes by the plan, s
         */
        void AddTime(double forget, bool progress, double xS, double yS, double spanS);

        /**
         * @param forget lambda
         * @param scale observed
         */
        void AddScale(double forget, double scale);

        /// @return the scale, mean of what was observed
        double GetScale() const;
    };

    /// The three stages of one device
    struct DeviceFit
    {
        Stage downlink;          ///< bits / rate to time
        Stage uplink;            ///< bits / rate to time
        Stage compute;           ///< compute model's time to time
        bool progress{false};    ///< LearnScale() is called
        double readyWeight{0};   ///< sum of weights
        double readyMeanS{0};    ///< of the errors of predicted answers, s
        double readyVariance{0}; ///< of them, s^2
    };

    double m_forget;                                ///< lambda
    bool m_fluid;                                   ///< attribute Fluid
    bool m_fixed;                                   ///< attribute Fixed
    bool m_scale;                                   ///< attribute Scale
    bool m_block;                                   ///< attribute Block
    std::deque<std::pair<double, double>> m_blocks; ///< last blocks: logarithms of the predicted
                                                    ///< latency, and of measured over predicted
    std::vector<DeviceFit> m_fits;                  ///< by device
};

} // namespace ns3

#endif /* WDMOE_PREDICTOR_H */
