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
     * @param devices K
     * @param capabilities what the radio says of itself
     */
    virtual void SetRadio(uint32_t devices, const WdmoeRadioCapabilities& capabilities);

    /**
     * @param device index
     * @return what its part of a block costs
     */
    virtual WdmoeCost GetCost(uint32_t device) const = 0;

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
 * Learns fixed cost and scale of bits / rate for each device and direction, by least squares
 * with forgetting over what was measured: the MAC's grants, reports, headers, and what a device
 * gains from the leftover of others. Starts from the delays the radio declares.
 *
 * For each stage: minimise sum_i lambda^(n-i) w_i (y_i - a - b x_i)^2 + sigma^2 ((a - a0)^2 /
 * s_a^2 + (b - 1)^2 / s_b^2) with a, b >= 0 and w_i = 1 / max(y_i, 1 ms)^2, so that it is relative
 * errors that count; sigma = 5 %, s_a = 3 ms, s_b = 0.3, lambda the attribute Forgetting.
 */
class WdmoeLearningPredictor : public WdmoePredictor
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    void SetRadio(uint32_t devices, const WdmoeRadioCapabilities& capabilities) override;
    WdmoeCost GetCost(uint32_t device) const override;
    void Learn(uint32_t device,
               const WdmoeStageLoad& load,
               const wdmoe::StageTimes& measured) override;

  private:
    /// Weighted sums of one stage of one device
    struct Fit
    {
        double priorFixedS{0}; ///< a0, s
        double w{0};           ///< sum of weights
        double x{0};           ///< sum of w x
        double y{0};           ///< sum of w y
        double xx{0};          ///< sum of w x x
        double xy{0};          ///< sum of w x y
        double fixedS{0};      ///< a, s
        double scale{1};       ///< b

        /**
         * @param forget lambda
         * @param xi x_i, s
         * @param yi y_i, s
         */
        void Add(double forget, double xi, double yi);
    };

    /// The three stages of one device
    struct DeviceFit
    {
        Fit downlink; ///< bits / rate to time
        Fit uplink;   ///< bits / rate to time
        Fit compute;  ///< compute model's time to time
    };

    double m_forget;               ///< lambda
    std::vector<DeviceFit> m_fits; ///< by device
};

} // namespace ns3

#endif /* WDMOE_PREDICTOR_H */
