/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// QualityBound: what a gate and a problem come to

#include "wdmoe-quality-bound-impl.h"

#include <algorithm>
#include <bit>
#include <stdexcept>

namespace wdmoe
{

using namespace bound;

/// Pairs of top-k. @return false if the gate is refused. @param gate the gate @param k top-k
bool
QualityBound::Impl::Load(const GateMatrix& gate, std::size_t k)
{
    const BlockProblem& problem = *m_problem;
    auto refuse = [this](const std::string& message) {
        m_result.status = QualityStatus::INVALID;
        m_result.message = message;
        return false;
    };
    m_result.message = m_floor->Check();
    if (m_result.message.empty())
    {
        m_result.message = problem.Check();
    }
    if (!m_result.message.empty())
    {
        return refuse(m_result.message);
    }
    if (gate.experts != problem.expertDevice.size())
    {
        return refuse("QualityBound: the gate has " + std::to_string(gate.experts) +
                      " experts, expected one for each of the " +
                      std::to_string(problem.expertDevice.size()) + " of the problem");
    }
    if (m_floor->candidates > k && !m_floor->price.empty())
    {
        return refuse("QualityBound: candidates is " + std::to_string(m_floor->candidates) +
                      ", above k, " + std::to_string(k) +
                      ", and the loss is by price, which is not known of experts outside top-k");
    }
    try
    {
        SelectTopK(gate, k, m_result.selection);
    }
    catch (const std::invalid_argument& e)
    {
        return refuse(e.what());
    }
    const std::size_t size = problem.devices.size();
    m_devices.assign(size, Device());
    m_expertPairs.assign(gate.experts, 0);
    m_tokenMass.resize(gate.tokens);
    m_tokenLeft.resize(gate.tokens);
    m_sorting.clear();
    m_keys.clear();
    const auto& expert = m_result.selection.expert;
    m_mass = 0;
    m_massAnyway = 0;
    std::size_t routed = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        double mass = 0;
        for (std::size_t s = j * k; s < (j + 1) * k && expert[s] >= 0; ++s)
        {
            mass += row[expert[s]];
            ++routed;
        }
        m_tokenMass[j] = mass;
        m_mass += mass;
    }
    const auto lossOf = [&](double mass, double share) {
        if (m_floor->price.empty())
        {
            return mass / m_mass;
        }
        const auto& price = m_floor->price;
        std::size_t i = 0;
        while (i + 1 < price.size() && share > price[i].share)
        {
            ++i;
        }
        return price[i].loss / static_cast<double>(routed);
    };
    // in m_taken for a moment: whether an expert has a pair that must stay
    m_taken.assign(gate.experts, 0);
    m_lostAnyway = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        const double limit = m_floor->maxTokenLoss * m_tokenMass[j] * (1 + ROUNDING);
        m_tokenLeft[j] = limit;
        std::size_t heard = 0;
        for (std::size_t s = j * k; s < (j + 1) * k && expert[s] >= 0; ++s)
        {
            const auto e = static_cast<uint32_t>(expert[s]);
            const uint32_t device = problem.expertDevice[e];
            const double mass = row[e];
            if (!problem.devices[device].reachable)
            {
                m_lostAnyway += lossOf(mass, mass / m_tokenMass[j]);
                m_massAnyway += mass;
                m_tokenLeft[j] -= mass;
                continue;
            }
            ++m_expertPairs[e];
            m_devices[device].total += 1;
            if (heard++ < m_floor->minExperts || mass > limit)
            {
                m_taken[e] = 1;
                continue;
            }
            const double share = mass / m_tokenMass[j];
            m_sorting.push_back({lossOf(mass, share), mass, static_cast<uint32_t>(s)});
            m_keys.push_back(device);
            ++m_devices[device].count;
        }
    }
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        m_devices[problem.expertDevice[e]].experts += m_taken[e];
    }
    m_experts.resize(size);
    m_loads.resize(size);
    for (std::size_t i = 0; i < size; ++i)
    {
        Device& d = m_devices[i];
        d.empties = d.total == d.count;
        d.radius = 0.5 * (d.count - 1.0);
        d.centre = d.total - 0.5 - d.radius;
        d.experts = std::max(d.experts, 1.0);
        m_experts[i] = d.experts;
        m_loads[i] = d.total;
    }
    m_maxLost = m_floor->maxLost * (1 + ROUNDING);
    m_taken.assign(size, 0);
    m_before.resize(size);
    return true;
}

/// Pairs by device, and by rising loss
void
QualityBound::Impl::Sort()
{
    // by the upper bits of the loss as a float, in two passes, then by device; what that leaves is
    // nearly in order
    constexpr int BITS = 11;
    constexpr int LEFT_OUT = 9;
    const std::size_t size = m_sorting.size();
    m_pairs.resize(size);
    const auto pass = [this, size](auto key, std::size_t keys, const auto& from, auto& to) {
        m_count.assign(keys + 1, 0);
        for (std::size_t i = 0; i < size; ++i)
        {
            ++m_count[key(i) + 1];
        }
        for (std::size_t i = 0; i < keys; ++i)
        {
            m_count[i + 1] += m_count[i];
        }
        for (std::size_t i = 0; i < size; ++i)
        {
            to[m_count[key(i)]++] = from[i];
        }
    };
    uint32_t first = 0;
    for (auto& d : m_devices)
    {
        d.first = first;
        first += d.count;
    }
    constexpr std::size_t FEW = 512;
    if (size > FEW)
    {
        // the device goes along in the upper bits of slot's place: recomputed from the expert
        const auto bitsOf = [](const Pair& p) {
            return std::bit_cast<uint32_t>(static_cast<float>(p.loss)) >> LEFT_OUT;
        };
        pass([&](std::size_t i) { return bitsOf(m_sorting[i]) & ((1U << BITS) - 1); },
             1U << BITS,
             m_sorting,
             m_pairs);
        pass([&](std::size_t i) { return bitsOf(m_pairs[i]) >> BITS; },
             1U << BITS,
             m_pairs,
             m_sorting);
        const auto& expert = m_result.selection.expert;
        pass([&](std::size_t i) { return m_problem->expertDevice[expert[m_sorting[i].slot]]; },
             m_devices.size(),
             m_sorting,
             m_pairs);
    }
    else
    {
        pass([&](std::size_t i) { return m_keys[i]; }, m_devices.size(), m_sorting, m_pairs);
    }
    m_lossBefore.resize(size + m_devices.size());
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        const Device& d = m_devices[k];
        const auto begin = m_pairs.begin() + d.first;
        const auto less = [](const Pair& a, const Pair& b) {
            return a.loss != b.loss ? a.loss < b.loss : a.slot > b.slot;
        };
        if (size <= FEW)
        {
            std::sort(begin, begin + d.count, less);
        }
        else
        {
            for (std::size_t i = 1; i < d.count; ++i)
            {
                if (less(begin[i], begin[i - 1]))
                {
                    const Pair p = begin[i];
                    std::size_t at = i;
                    for (; at > 0 && less(p, begin[at - 1]); --at)
                    {
                        begin[at] = begin[at - 1];
                    }
                    begin[at] = p;
                }
            }
        }
        double sum = 0;
        double* before = &m_lossBefore[d.first + k];
        for (std::size_t i = 0; i < d.count; ++i)
        {
            before[i] = sum;
            sum += begin[i].loss;
        }
        before[d.count] = sum;
    }
}

} // namespace wdmoe
