/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-predictor.h"

#include "ns3/double.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoePredictor);
NS_OBJECT_ENSURE_REGISTERED(WdmoeClosedFormPredictor);
NS_OBJECT_ENSURE_REGISTERED(WdmoeLearningPredictor);

TypeId
WdmoePredictor::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoePredictor").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoePredictor::SetRadio(uint32_t /* devices */, const WdmoeRadioCapabilities& /* capabilities */)
{
}

void
WdmoePredictor::Learn(uint32_t /* device */,
                      const WdmoeStageLoad& /* load */,
                      const wdmoe::StageTimes& /* measured */)
{
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
                                          MakeDoubleChecker<double>(0.0, 1.0));
    return tid;
}

void
WdmoeLearningPredictor::SetRadio(uint32_t devices, const WdmoeRadioCapabilities& capabilities)
{
    DeviceFit fit;
    fit.downlink.priorFixedS = fit.downlink.fixedS = capabilities.downlinkDelay.GetSeconds();
    fit.uplink.priorFixedS = fit.uplink.fixedS = capabilities.uplinkDelay.GetSeconds();
    m_fits.assign(devices, fit);
}

WdmoeCost
WdmoeLearningPredictor::GetCost(uint32_t device) const
{
    const auto& f = m_fits.at(device);
    return {f.downlink.fixedS,
            f.downlink.scale,
            f.uplink.fixedS,
            f.uplink.scale,
            f.compute.fixedS,
            f.compute.scale};
}

void
WdmoeLearningPredictor::Fit::Add(double forget, double xi, double yi)
{
    const double wi = 1 / std::pow(std::max(yi, 1e-3), 2);
    w = forget * w + wi;
    x = forget * x + wi * xi;
    y = forget * y + wi * yi;
    xx = forget * xx + wi * xi * xi;
    xy = forget * xy + wi * xi * yi;
    // Errors of 5 % are taken as noise; the prior expects the fixed cost within 3 ms and the scale
    // within 0.3. An allocator that makes all devices end together hides the slope, so that only
    // the prior keeps a long batch's time from being taken for a fixed cost.
    const double noise = 2.5e-3;
    const double ra = noise / std::pow(3e-3, 2);
    const double rb = noise / std::pow(0.3, 2);
    // normal equations of the ridge problem, then clip to a, b >= 0 one at a time
    const double m11 = w + ra;
    const double m22 = xx + rb;
    const double r1 = y + ra * priorFixedS;
    const double r2 = xy + rb;
    const double det = m11 * m22 - x * x;
    fixedS = (m22 * r1 - x * r2) / det;
    scale = (m11 * r2 - x * r1) / det;
    if (fixedS < 0)
    {
        fixedS = 0;
        scale = r2 / m22;
    }
    else if (scale < 0)
    {
        scale = 0;
        fixedS = r1 / m11;
    }
}

void
WdmoeLearningPredictor::Learn(uint32_t device,
                              const WdmoeStageLoad& load,
                              const wdmoe::StageTimes& measured)
{
    auto& f = m_fits.at(device);
    if (load.downlinkBits > 0 && load.downlinkRate > 0)
    {
        f.downlink.Add(m_forget, load.downlinkBits / load.downlinkRate, measured.downlinkS);
    }
    if (load.uplinkBits > 0 && load.uplinkRate > 0)
    {
        f.uplink.Add(m_forget, load.uplinkBits / load.uplinkRate, measured.uplinkS);
    }
    if (load.computeS > 0)
    {
        f.compute.Add(m_forget, load.computeS, measured.computeS);
    }
}

} // namespace ns3
