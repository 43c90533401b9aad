/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-gate-process.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ns3
{

namespace
{

constexpr int64_t CHUNK = 64; // positions between two anchors; a power of 2

uint64_t
Mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

} // namespace

WdmoeGateProcess::WdmoeGateProcess(uint64_t key, double correlation)
    : m_key(key)
{
    const double step = std::pow(correlation, CHUNK);
    double power = 1;
    double sum = 0;
    do
    {
        m_average.push_back(power);
        sum += power * power;
        power *= step;
    } while (power > 1e-6);
    for (auto& weight : m_average)
    {
        weight /= std::sqrt(sum);
    }
    for (int64_t half = CHUNK / 2; half >= 1; half /= 2)
    {
        const double a = std::pow(correlation, half);
        m_mean.push_back(a / (1 + a * a));
        m_sigma.push_back(std::sqrt((1 - a * a) / (1 + a * a)));
    }
}

uint64_t
WdmoeGateProcess::Bits(uint64_t word0, uint64_t word1, uint64_t word2) const
{
    constexpr uint64_t golden = 0x9e3779b97f4a7c15ULL;
    auto x = Mix(m_key + golden * (word0 + 1));
    x = Mix((x ^ word1) + golden);
    return Mix((x ^ word2) + golden);
}

std::vector<double>
WdmoeGateProcess::Normals(uint64_t word0, uint64_t word1, uint32_t count) const
{
    std::vector<double> normal(count);
    for (uint32_t i = 0; i < count; i += 2)
    {
        // Box and Muller, 32 bits each: tails to 6.6 sigma
        const auto bits = Bits(word0, word1, i / 2);
        const double u = (static_cast<double>(bits >> 32) + 0.5) / 4294967296.0;
        const double v = static_cast<double>(bits & 0xffffffffULL) / 4294967296.0;
        const double radius = std::sqrt(-2 * std::log(u));
        normal[i] = radius * std::cos(2 * M_PI * v);
        if (i + 1 < count)
        {
            normal[i + 1] = radius * std::sin(2 * M_PI * v);
        }
    }
    return normal;
}

std::vector<double>
WdmoeGateProcess::Get(const WdmoeGateQuery& query, uint32_t experts) const
{
    const auto stream = Bits(query.request, query.block, 1);
    const int64_t first = query.position;
    const int64_t last = first + query.tokens; // past the end
    std::vector<double> out(static_cast<std::size_t>(query.tokens) * experts);
    std::vector<double> node((CHUNK + 1) * experts);

    const auto anchor = [&](int64_t chunk, double* to) {
        std::fill(to, to + experts, 0.0);
        for (std::size_t lag = 0; lag < m_average.size(); ++lag)
        {
            const auto noise = Normals(stream, static_cast<uint64_t>(chunk - lag) << 8, experts);
            for (uint32_t e = 0; e < experts; ++e)
            {
                to[e] += m_average[lag] * noise[e];
            }
        }
    };

    for (int64_t chunk = first / CHUNK; chunk * CHUNK < last; ++chunk)
    {
        const int64_t origin = chunk * CHUNK;
        anchor(chunk, node.data());
        anchor(chunk + 1, node.data() + CHUNK * experts);
        std::size_t level = 0;
        for (int64_t half = CHUNK / 2; half >= 1; half /= 2, ++level)
        {
            for (int64_t middle = half; middle < CHUNK; middle += 2 * half)
            {
                // only where a wanted position lies strictly between the two ends
                if (origin + middle + half <= first || origin + middle - half + 1 >= last)
                {
                    continue;
                }
                const auto noise =
                    Normals(stream, (static_cast<uint64_t>(chunk) << 8) | middle, experts);
                const double* left = &node[(middle - half) * experts];
                const double* right = &node[(middle + half) * experts];
                for (uint32_t e = 0; e < experts; ++e)
                {
                    node[middle * experts + e] =
                        m_mean[level] * (left[e] + right[e]) + m_sigma[level] * noise[e];
                }
            }
        }
        const auto from = std::max(first, origin);
        const auto to = std::min(last, origin + CHUNK);
        std::copy(node.begin() + (from - origin) * experts,
                  node.begin() + (to - origin) * experts,
                  out.begin() + (from - first) * experts);
    }
    return out;
}

wdmoe::GateMatrix
WdmoeSoftmax(uint32_t tokens, uint32_t experts, std::vector<double>&& logits)
{
    for (uint32_t j = 0; j < tokens; ++j)
    {
        const auto row = logits.begin() + static_cast<std::ptrdiff_t>(j) * experts;
        const double top = *std::max_element(row, row + experts);
        double sum = 0;
        for (auto value = row; value != row + experts; ++value)
        {
            *value = std::exp(*value - top);
            sum += *value;
        }
        std::for_each(row, row + experts, [sum](double& value) { value /= sum; });
    }
    wdmoe::GateMatrix gate;
    gate.tokens = tokens;
    gate.experts = experts;
    gate.weight = std::move(logits);
    return gate;
}

std::vector<double>
WdmoeFitPopularity(std::vector<double> share, uint32_t topK, double sigma)
{
    const auto experts = static_cast<uint32_t>(share.size());
    std::vector<double> logit(experts, 0.0);
    if (topK >= experts)
    {
        return logit; // everything is always chosen
    }
    for (auto& value : share)
    {
        value = std::clamp(value, 1e-4, 1 - 1e-4);
    }
    const uint32_t samples = experts > 16 ? 512 : 4096;
    const WdmoeGateProcess process(0x57444d6f45ULL, 0); // "WDMoE": the same noise every time
    std::vector<std::vector<double>> noise;
    for (uint32_t s = 0; s < samples; ++s)
    {
        noise.push_back(process.Normals(s, 0, experts));
    }
    std::vector<double> row(experts);
    std::vector<double> sorted(experts);
    for (uint32_t iteration = 0; iteration < 40; ++iteration)
    {
        const auto before = logit;
        std::vector<double> chosen(experts, 0.0);
        std::vector<double> slope(experts, 0.0);
        for (const auto& z : noise)
        {
            for (uint32_t e = 0; e < experts; ++e)
            {
                row[e] = logit[e] + sigma * z[e];
            }
            sorted = row;
            const auto next = sorted.begin() + topK; // the largest that is not chosen
            std::nth_element(sorted.begin(), next, sorted.end(), std::greater<>());
            const double last = *std::min_element(sorted.begin(), next); // chosen
            for (uint32_t e = 0; e < experts; ++e)
            {
                const double other = row[e] >= last ? *next : last;
                const double x = (logit[e] - other) / sigma;
                chosen[e] += std::erfc(-x * M_SQRT1_2) / 2;
                slope[e] += std::exp(-x * x / 2) / (sigma * std::sqrt(2 * M_PI));
            }
        }
        double worst = 0;
        for (uint32_t e = 0; e < experts; ++e)
        {
            const double error = std::log(share[e] * samples / std::max(chosen[e], 1e-12));
            const double newton = error * chosen[e] / std::max(slope[e], 1e-12);
            logit[e] += std::clamp(0.8 * newton, -sigma, sigma);
            worst = std::max(worst, std::abs(error));
        }
        const double mean = std::accumulate(logit.begin(), logit.end(), 0.0) / experts;
        std::for_each(logit.begin(), logit.end(), [mean](double& value) { value -= mean; });
        double moved = 0; // the samples need not allow for a small error
        for (uint32_t e = 0; e < experts; ++e)
        {
            moved = std::max(moved, std::abs(logit[e] - before[e]));
        }
        if (worst < 0.005 || moved < 1e-12)
        {
            break;
        }
    }
    return logit;
}

} // namespace ns3
