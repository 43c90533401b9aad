/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-predictor.h"

#include "ns3/boolean.h"
#include "ns3/double.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoePredictor);
NS_OBJECT_ENSURE_REGISTERED(WdmoeClosedFormPredictor);
NS_OBJECT_ENSURE_REGISTERED(WdmoeLearningPredictor);

namespace
{

/// Variance of a fixed cost from one answer to the next, (0.5 ms)^2
constexpr double DRIFT = 2.5e-7;
/// Variance of a fixed cost as the radio declares it, (3 ms)^2
constexpr double PRIOR = 9e-6;
/// Blocks that are remembered
constexpr std::size_t BLOCKS = 32;
/// Blocks are alike if their predicted latencies differ by that factor, as a logarithm
constexpr double ALIKE = 0.5;
/// What knowing nothing of blocks counts, in blocks
constexpr double PRIOR_BLOCKS = 0.5;

} // namespace

TypeId
WdmoePredictor::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoePredictor").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoePredictor::SetRadio(const std::vector<WdmoeRadioCapabilities>& /* capabilities */)
{
}

void
WdmoePredictor::Learn(uint32_t /* device */,
                      const WdmoeStageLoad& /* load */,
                      const wdmoe::StageTimes& /* measured */)
{
}

void
WdmoePredictor::LearnScale(uint32_t /* device */, double /* downlink */, double /* uplink */)
{
}

void
WdmoePredictor::LearnReady(uint32_t /* device */, double /* errorS */)
{
}

void
WdmoePredictor::LearnBlock(double /* predictedS */, double /* measuredS */)
{
}

double
WdmoePredictor::GetBlockScale(double /* predictedS */) const
{
    return 1;
}

bool
WdmoePredictor::IsFluid() const
{
    return false;
}

wdmoe::StageTimes
WdmoePredictor::Predict(uint32_t device, const WdmoeStageLoad& load) const
{
    const auto cost = GetCost(device);
    auto stage = [](double bits, double rate, double fixed, double scale) {
        if (bits <= 0)
        {
            return 0.0;
        }
        return rate > 0 ? fixed + scale * bits / rate : std::numeric_limits<double>::infinity();
    };
    wdmoe::StageTimes t;
    t.downlinkS =
        stage(load.downlinkBits, load.downlinkRate, cost.downlinkFixedS, cost.downlinkScale);
    t.uplinkS = stage(load.uplinkBits, load.uplinkRate, cost.uplinkFixedS, cost.uplinkScale);
    t.computeS = load.computeS > 0 ? cost.computeFixedS + cost.computeScale * load.computeS : 0.0;
    return t;
}

TypeId
WdmoeClosedFormPredictor::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeClosedFormPredictor")
                            .SetParent<WdmoePredictor>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeClosedFormPredictor>();
    return tid;
}

WdmoeCost
WdmoeClosedFormPredictor::GetCost(uint32_t /* device */) const
{
    return WdmoeCost();
}

TypeId
WdmoeLearningPredictor::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeLearningPredictor")
                            .SetParent<WdmoePredictor>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeLearningPredictor>()
                            .AddAttribute("Forgetting",
                                          "Weight of an observation relative to the next one",
                                          DoubleValue(0.97),
                                          MakeDoubleAccessor(&WdmoeLearningPredictor::m_forget),
                                          MakeDoubleChecker<double>(0.0, 1.0))
                            .AddAttribute("Fluid",
                                          "Whether transfers are predicted by the fluid model of "
                                          "the plan; false: bits / rate of the planned share",
                                          BooleanValue(true),
                                          MakeBooleanAccessor(&WdmoeLearningPredictor::m_fluid),
                                          MakeBooleanChecker())
                            .AddAttribute("Fixed",
                                          "Whether fixed costs are known; false: 0",
                                          BooleanValue(true),
                                          MakeBooleanAccessor(&WdmoeLearningPredictor::m_fixed),
                                          MakeBooleanChecker())
                            .AddAttribute("Scale",
                                          "Whether scales are learned; false: 1",
                                          BooleanValue(true),
                                          MakeBooleanAccessor(&WdmoeLearningPredictor::m_scale),
                                          MakeBooleanChecker())
                            .AddAttribute("Block",
                                          "Whether what is left of the error of blocks of like "
                                          "length is learned; false: it is not",
                                          BooleanValue(true),
                                          MakeBooleanAccessor(&WdmoeLearningPredictor::m_block),
                                          MakeBooleanChecker());
    return tid;
}

bool
WdmoeLearningPredictor::IsFluid() const
{
    return m_fluid;
}

void
WdmoeLearningPredictor::SetRadio(const std::vector<WdmoeRadioCapabilities>& capabilities)
{
    m_fits.clear();
    for (const auto& c : capabilities)
    {
        auto& fit = m_fits.emplace_back();
        fit.downlink.fixedS = c.downlinkDelay.GetSeconds();
        fit.uplink.fixedS = c.uplinkDelay.GetSeconds();
        fit.progress = c.progress;
    }
}

WdmoeCost
WdmoeLearningPredictor::GetCost(uint32_t device) const
{
    const auto& f = m_fits.at(device);
    WdmoeCost cost;
    if (m_fixed)
    {
        cost.downlinkFixedS = f.downlink.fixedS;
        cost.uplinkFixedS = f.uplink.fixedS;
        cost.computeFixedS = f.compute.fixedS;
    }
    if (m_scale)
    {
        cost.downlinkScale = f.downlink.GetScale();
        cost.uplinkScale = f.uplink.GetScale();
        cost.computeScale = f.compute.GetScale();
    }
    cost.readyBiasS = f.readyMeanS;
    cost.readySpreadS = std::sqrt(f.readyVariance);
    return cost;
}

void
WdmoeLearningPredictor::Stage::AddTime(double forget,
                                       bool progress,
                                       double xS,
                                       double yS,
                                       double spanS)
{
    const double noise = 1e-6 + std::pow(0.08 * std::max(xS, spanS), 2);
    if (noise > PRIOR)
    {
        if (xS > 0.05 && !progress)
        {
            AddScale(forget, std::max(yS - fixedS, 0.0) / xS);
        }
        return; // it would only carry the model's error for long transfers over to short ones
    }
    variance = std::min(variance + DRIFT, PRIOR);
    const double gain = variance / (variance + noise);
    const double most = 2 * std::sqrt(variance + noise);
    const double off = std::clamp(yS - GetScale() * xS - fixedS, -most, most);
    fixedS = std::max(fixedS + gain * off, 0.0);
    variance *= 1 - gain;
}

void
WdmoeLearningPredictor::Stage::AddScale(double forget, double scale)
{
    scaleSum = forget * scaleSum + std::clamp(scale, 0.5, 3.0);
    scaleWeight = forget * scaleWeight + 1;
}

double
WdmoeLearningPredictor::Stage::GetScale() const
{
    return scaleSum / scaleWeight;
}

void
WdmoeLearningPredictor::Learn(uint32_t device,
                              const WdmoeStageLoad& load,
                              const wdmoe::StageTimes& measured)
{
    auto& f = m_fits.at(device);
    if (load.downlinkBits > 0 && std::isfinite(load.downlinkS))
    {
        f.downlink.AddTime(m_forget, f.progress, load.downlinkS, measured.downlinkS, load.spanS);
    }
    if (load.uplinkBits > 0 && std::isfinite(load.uplinkS))
    {
        f.uplink.AddTime(m_forget, f.progress, load.uplinkS, measured.uplinkS, load.spanS);
    }
    if (load.computeS > 0)
    {
        f.compute.AddScale(m_forget, measured.computeS / load.computeS);
    }
}

void
WdmoeLearningPredictor::LearnScale(uint32_t device, double downlink, double uplink)
{
    auto& f = m_fits.at(device);
    if (std::isfinite(downlink))
    {
        f.downlink.AddScale(m_forget, downlink);
    }
    if (std::isfinite(uplink))
    {
        f.uplink.AddScale(m_forget, uplink);
    }
}

void
WdmoeLearningPredictor::LearnReady(uint32_t device, double errorS)
{
    auto& f = m_fits.at(device);
    f.readyWeight = m_forget * f.readyWeight + 1;
    const double alpha = 1 / f.readyWeight;
    // A rare lost packet must not make all answers expected late.
    const double delta = std::clamp(errorS, -2e-3, 2e-3) - f.readyMeanS;
    f.readyMeanS += alpha * delta;
    f.readyVariance = (1 - alpha) * (f.readyVariance + alpha * delta * delta);
}

void
WdmoeLearningPredictor::LearnBlock(double predictedS, double measuredS)
{
    if (predictedS > 0 && measuredS > 0 && std::isfinite(predictedS))
    {
        m_blocks.emplace_back(std::log(predictedS), std::log(measuredS / predictedS));
        if (m_blocks.size() > BLOCKS)
        {
            m_blocks.pop_front();
        }
    }
}

double
WdmoeLearningPredictor::GetBlockScale(double predictedS) const
{
    if (!m_block || !(predictedS > 0) || !std::isfinite(predictedS))
    {
        return 1;
    }
    double sum = 0;
    double weights = PRIOR_BLOCKS;
    double forget = 1;
    for (auto block = m_blocks.rbegin(); block != m_blocks.rend(); ++block)
    {
        const double off = (std::log(predictedS) - block->first) / ALIKE;
        const double weight = forget * std::exp(-off * off / 2);
        sum += weight * block->second;
        weights += weight;
        forget *= m_forget;
    }
    return std::exp(sum / weights);
}

} // namespace ns3
