/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-latency.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace wdmoe
{

namespace
{

/**
 * @param t stages that must be finite and not negative
 */
void
Check(const StageTimes& t)
{
    for (const double s : {t.downlinkS, t.computeS, t.uplinkS})
    {
        if (!(s >= 0) || std::isinf(s))
        {
            throw std::invalid_argument("latency: a stage of " + std::to_string(s) +
                                        " s, expected a finite time >= 0");
        }
    }
}

} // namespace

double
SequentialLatency(const StageTimes& t)
{
    Check(t);
    return t.downlinkS + t.computeS + t.uplinkS;
}

double
PipelinedLatency(const StageTimes& t, std::size_t microBatches)
{
    if (microBatches == 0)
    {
        throw std::invalid_argument("PipelinedLatency: 0 micro-batches, expected at least 1");
    }
    const double sum = SequentialLatency(t);
    const double n = static_cast<double>(microBatches);
    return sum / n + (n - 1) / n * std::max({t.downlinkS, t.computeS, t.uplinkS});
}

double
BlockLatency(const std::vector<StageTimes>& stages, std::size_t microBatches)
{
    double latency = 0;
    for (const auto& t : stages)
    {
        latency = std::max(latency, PipelinedLatency(t, microBatches));
    }
    return latency;
}

} // namespace wdmoe
