/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-compute.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace wdmoe
{

namespace
{

/**
 * @param ok whether the value is meaningful
 * @param what name of the value
 * @param value the value
 * @param expected what it should be
 */
void
Require(bool ok, const std::string& what, double value, const std::string& expected)
{
    if (!ok)
    {
        throw std::invalid_argument("ComputeTime: " + what + " is " + std::to_string(value) +
                                    ", expected " + expected);
    }
}

} // namespace

double
ExpertShape::FlopsPerToken() const
{
    return 4 * hidden * inner + 2 * inner * hidden + activationFlops * inner + inner;
}

double
ExpertShape::WeightBytes() const
{
    return 3 * hidden * inner * bytesPerWeight;
}

double
ComputeTime(ComputeMode mode,
            const ExpertShape& shape,
            const DeviceProfile& profile,
            const std::vector<double>& tokensPerExpert)
{
    const auto positive = [](double v) { return v > 0 && std::isfinite(v); };
    const auto notNegative = [](double v) { return v >= 0 && std::isfinite(v); };
    const std::string device = " of device '" + profile.name + "'";
    Require(positive(profile.flops), "flops" + device, profile.flops, "FLOP/s > 0");
    Require(notNegative(shape.hidden), "hidden size", shape.hidden, "elements >= 0");
    Require(notNegative(shape.inner), "inner size", shape.inner, "elements >= 0");
    Require(notNegative(shape.activationFlops),
            "activationFlops",
            shape.activationFlops,
            "FLOPs >= 0");
    if (mode == ComputeMode::ROOFLINE)
    {
        Require(positive(profile.memoryBandwidth),
                "memoryBandwidth" + device,
                profile.memoryBandwidth,
                "byte/s > 0");
        Require(notNegative(profile.launchOverheadS),
                "launchOverheadS" + device,
                profile.launchOverheadS,
                "seconds >= 0");
        Require(notNegative(shape.bytesPerWeight),
                "bytesPerWeight",
                shape.bytesPerWeight,
                "bytes >= 0");
    }

    const double flops = shape.FlopsPerToken();
    double seconds = 0;
    for (std::size_t e = 0; e < tokensPerExpert.size(); ++e)
    {
        const double tokens = tokensPerExpert[e];
        Require(notNegative(tokens), "tokens of expert " + std::to_string(e), tokens, ">= 0");
        if (tokens == 0)
        {
            continue;
        }
        const double work = tokens * flops / profile.flops;
        if (mode == ComputeMode::FLOPS)
        {
            seconds += work;
        }
        else
        {
            // activations are fp16 whatever the weights are: 2 bytes in, 2 bytes out
            const double bytes = shape.WeightBytes() + 4 * tokens * shape.hidden;
            seconds += std::max(work, bytes / profile.memoryBandwidth) + profile.launchOverheadS;
        }
    }
    return seconds;
}

} // namespace wdmoe
