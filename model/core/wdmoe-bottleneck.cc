/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-bottleneck.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace wdmoe
{

namespace
{

/// Below this relative variance of the sizes a slope would be that of noise
constexpr double LEAST_VARIANCE = 1e-3;

/// A pair that may go
struct Candidate
{
    double weight;    // of the gate
    std::size_t slot; // index into Selection::expert
};

/**
 * @param ok whether a setting is in its range
 * @param what its name
 * @param value what it is
 * @param is what was expected
 */
void
Require(bool ok, const std::string& what, double value, const std::string& is)
{
    if (!ok)
    {
        throw std::invalid_argument(what + " is " + std::to_string(value) + ", expected " + is);
    }
}

} // namespace

void
LatencyHistory::Learn(uint32_t tokens, double latencyS, double weight)
{
    Require(tokens >= 1, "LatencyHistory: tokens", tokens, ">= 1");
    Require(latencyS > 0 && std::isfinite(latencyS), "LatencyHistory: latency", latencyS, "s > 0");
    Require(weight > 0 && weight <= 1, "LatencyHistory: weight", weight, "in (0, 1]");
    m_batches++;
    // the first value must not count for ever as much as a thousand later ones
    const double a = std::max(weight, 1.0 / static_cast<double>(m_batches));
    const double dTokens = tokens - m_tokens;
    const double dLatency = latencyS - m_latencyS;
    m_tokens += a * dTokens;
    m_latencyS += a * dLatency;
    m_variance = (1 - a) * (m_variance + a * dTokens * dTokens);
    m_covariance = (1 - a) * (m_covariance + a * dTokens * dLatency);
    if (m_variance > LEAST_VARIANCE * m_tokens * m_tokens)
    {
        m_slopeS = std::max(m_covariance / m_variance, 0.0);
    }
}

uint64_t
LatencyHistory::Batches() const
{
    return m_batches;
}

double
LatencyHistory::PerTokenS() const
{
    if (m_batches == 0)
    {
        return 0;
    }
    // steeper than proportional would begin below 0
    const double proportional = m_latencyS / m_tokens;
    return m_slopeS < 0 ? proportional : std::min(m_slopeS, proportional);
}

double
LatencyHistory::FixedS() const
{
    return std::max(0.0, m_latencyS - PerTokenS() * m_tokens);
}

double
LatencyHistory::Predict(uint32_t tokens) const
{
    if (tokens == 0)
    {
        return 0;
    }
    return m_batches == 0 ? std::numeric_limits<double>::quiet_NaN()
                          : FixedS() + tokens * PerTokenS();
}

void
BottleneckParam::Check() const
{
    const std::string who = "BottleneckParam: ";
    Require(maxLostMass >= 0 && maxLostMass <= 1, who + "maxLostMass", maxLostMass, "0 .. 1");
    Require(maxRelief >= 0 && maxRelief <= 1, who + "maxRelief", maxRelief, "0 .. 1");
    Require(minExperts >= 1, who + "minExperts", static_cast<double>(minExperts), ">= 1");
}

BottleneckResult
SelectBottleneck(const GateMatrix& gate,
                 std::size_t k,
                 const std::vector<uint32_t>& expertDevice,
                 const std::vector<LatencyHistory>& history,
                 const BottleneckParam& param)
{
    param.Check();
    BottleneckResult result;
    Selection& selection = result.selection;
    selection = SelectTopK(gate, k);
    const auto devices = history.size();
    if (expertDevice.size() != gate.experts)
    {
        throw std::invalid_argument(
            "SelectBottleneck: the placement has " + std::to_string(expertDevice.size()) +
            " entries, expected one for each of the " + std::to_string(gate.experts) + " experts");
    }
    for (const auto device : expertDevice)
    {
        if (device >= devices)
        {
            throw std::invalid_argument("SelectBottleneck: the placement names device " +
                                        std::to_string(device) + ", but there are histories of " +
                                        std::to_string(devices));
        }
    }

    // what each device has, and what of it may go, the lightest last
    std::vector<uint32_t> pairs(devices, 0);
    std::vector<std::vector<Candidate>> candidates(devices);
    double mass = 0;
    for (std::size_t slot = 0; slot < selection.expert.size(); slot++)
    {
        const auto e = selection.expert[slot];
        if (e < 0)
        {
            continue;
        }
        const double weight = gate.Row(slot / k)[e];
        mass += weight;
        pairs[expertDevice[e]]++;
        if (slot % k >= param.minExperts)
        {
            candidates[expertDevice[e]].push_back({weight, slot});
        }
    }
    std::vector<double> latencyS(devices, 0);
    std::vector<std::size_t> mayGo(devices, 0);
    for (std::size_t d = 0; d < devices; d++)
    {
        latencyS[d] = history[d].Predict(pairs[d]);
        if (std::isnan(latencyS[d]))
        {
            return result;
        }
        std::sort(candidates[d].begin(), candidates[d].end(), [](const auto& a, const auto& b) {
            return a.weight != b.weight ? a.weight > b.weight : a.slot < b.slot;
        });
        mayGo[d] = static_cast<std::size_t>(std::floor(param.maxRelief * pairs[d] + 1e-9));
    }
    result.beforeS = *std::max_element(latencyS.begin(), latencyS.end());

    double left = param.maxLostMass * mass;
    const auto most = param.bottlenecks == 0 ? selection.expert.size() : param.bottlenecks;
    for (std::size_t round = 0; round < most; round++)
    {
        const auto slowest = std::max_element(latencyS.begin(), latencyS.end());
        const auto d = static_cast<std::size_t>(slowest - latencyS.begin());
        double others = 0;
        for (std::size_t o = 0; o < devices; o++)
        {
            others = o == d ? others : std::max(others, latencyS[o]);
        }
        // the fewest pairs that will do, or as many as the bounds allow
        auto& own = candidates[d];
        std::size_t drop = 0;
        double lost = 0;
        double reached = latencyS[d];
        while (reached >= others && drop < own.size() && drop < mayGo[d] &&
               lost + own[own.size() - 1 - drop].weight <= left)
        {
            lost += own[own.size() - 1 - drop].weight;
            drop++;
            reached = history[d].Predict(pairs[d] - static_cast<uint32_t>(drop));
        }
        if (!(reached < latencyS[d]))
        {
            break;
        }
        for (std::size_t i = 0; i < drop; i++)
        {
            selection.expert[own.back().slot] = -1;
            own.pop_back();
        }
        left -= lost;
        mayGo[d] -= drop;
        pairs[d] -= static_cast<uint32_t>(drop);
        latencyS[d] = reached;
        result.relieved.push_back(static_cast<int32_t>(d));
    }
    result.afterS = *std::max_element(latencyS.begin(), latencyS.end());

    for (std::size_t j = 0; j < gate.tokens && !result.relieved.empty(); j++)
    {
        double sum = 0;
        for (std::size_t slot = j * k; slot < (j + 1) * k; slot++)
        {
            sum += selection.expert[slot] >= 0 ? gate.Row(j)[selection.expert[slot]] : 0;
        }
        for (std::size_t slot = j * k; slot < (j + 1) * k; slot++)
        {
            const auto e = selection.expert[slot];
            selection.combine[slot] = e >= 0 ? gate.Row(j)[e] / sum : 0;
        }
    }
    return result;
}

} // namespace wdmoe
