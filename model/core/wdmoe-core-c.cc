/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-core-c.h"

#include "wdmoe-allocation.h"
#include "wdmoe-core-c-guard.h"
#include "wdmoe-latency.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>

namespace wdmoe
{

void
HandOut(const std::string& text, char* message, std::size_t messageSize)
{
    if (!message || messageSize == 0)
    {
        return;
    }
    std::string words;
    bool own = false; // within a word that began in lower case: a name of a field
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool inside = i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1]));
        own = std::isalnum(c) && (inside ? own : std::islower(c) != 0);
        if (own && std::isupper(c))
        {
            words += '_';
            words += static_cast<char>(std::tolower(c));
        }
        else
        {
            words += text[i];
        }
    }
    const std::size_t size = std::min(words.size(), messageSize - 1);
    std::memcpy(message, words.data(), size);
    message[size] = 0;
}

namespace
{

/// @param count of values @param value of each @param name of them
void
RequireNonNegative(std::size_t count, const double* value, const char* name)
{
    RequireArray(value, name);
    for (std::size_t i = 0; i < count; ++i)
    {
        if (!(value[i] >= 0))
        {
            throw std::invalid_argument(std::string(name) + "[" + std::to_string(i) + "] is " +
                                        std::to_string(value[i]) + ", expected >= 0");
        }
    }
}

/// @return laws that were found valid. @param count of laws @param law of the C interface
std::vector<RateLaw>
ValidLaws(std::size_t count, const wdmoe_core_law* law)
{
    RequireArray(law, "law");
    std::vector<RateLaw> laws(count);
    for (std::size_t i = 0; i < count; ++i)
    {
        laws[i] = FromC(law[i]);
        if (!laws[i].IsValid())
        {
            throw std::invalid_argument(
                "law[" + std::to_string(i) + "] is not valid: kind " + std::to_string(law[i].kind) +
                ", efficiency " + std::to_string(law[i].efficiency) + ", gainHz " +
                std::to_string(law[i].gain_hz) + ", scale " + std::to_string(law[i].scale) +
                "; expected kind 0 or 1, efficiency and gainHz >= 0, scale in (0, 1]");
        }
    }
    return laws;
}

/// @return the same problem. @param p of the C interface
AllocationProblem
FromC(const wdmoe_core_allocation_problem& p)
{
    const std::size_t size = p.devices;
    AllocationProblem problem;
    if (size > 0)
    {
        RequireArray(p.downlink_bits, "downlinkBits");
        RequireArray(p.uplink_bits, "uplinkBits");
        RequireArray(p.compute_s, "computeS");
        RequireArray(p.downlink_law, "downlinkLaw");
        RequireArray(p.uplink_law, "uplinkLaw");
    }
    problem.downlinkBits.assign(p.downlink_bits, p.downlink_bits + size);
    problem.uplinkBits.assign(p.uplink_bits, p.uplink_bits + size);
    problem.computeS.assign(p.compute_s, p.compute_s + size);
    problem.downlinkLaw.resize(size);
    problem.uplinkLaw.resize(size);
    for (std::size_t k = 0; k < size; ++k)
    {
        problem.downlinkLaw[k] = wdmoe::FromC(p.downlink_law[k]);
        problem.uplinkLaw[k] = wdmoe::FromC(p.uplink_law[k]);
    }
    problem.downlinkHz = p.downlink_hz;
    problem.uplinkHz = p.uplink_hz;
    problem.coupled = p.coupled != 0;
    return problem;
}

/// @return bandwidths. @param p of the C interface
AllocationResult
Allocate(const wdmoe_core_allocation_problem& p)
{
    const AllocationProblem problem = FromC(p);
    switch (p.policy)
    {
    case 0: {
        AllocationParam param;
        param.relativeGap = p.relative_gap;
        param.maxIterations = p.max_iterations;
        return AllocateMinMax(problem, param);
    }
    case 1:
    case 2:
        return AllocateEqual(problem, p.policy == 2);
    default:
        throw std::invalid_argument("policy is " + std::to_string(p.policy) + ", expected 0 .. 2");
    }
}

} // namespace

} // namespace wdmoe

using namespace wdmoe;

int32_t
wdmoe_core_abi()
{
    return WDMOE_CORE_ABI;
}

int
wdmoe_core_rate(size_t count,
                const wdmoe_core_law* law,
                const double* bandwidthHz,
                double* rate,
                char* message,
                size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const auto laws = ValidLaws(count, law);
        RequireNonNegative(count, bandwidthHz, "bandwidthHz");
        RequireArray(rate, "rate");
        for (size_t i = 0; i < count; ++i)
        {
            rate[i] = laws[i].Rate(bandwidthHz[i]);
        }
    });
}

int
wdmoe_core_bandwidth(size_t count,
                     const wdmoe_core_law* law,
                     const double* rate,
                     double* bandwidthHz,
                     char* message,
                     size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        const auto laws = ValidLaws(count, law);
        RequireNonNegative(count, rate, "rate");
        RequireArray(bandwidthHz, "bandwidthHz");
        for (size_t i = 0; i < count; ++i)
        {
            bandwidthHz[i] = laws[i].Bandwidth(rate[i]);
        }
    });
}

int
wdmoe_core_latency(size_t count,
                   const double* downlinkS,
                   const double* computeS,
                   const double* uplinkS,
                   size_t microBatches,
                   double* latencyS,
                   char* message,
                   size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        RequireArray(downlinkS, "downlinkS");
        RequireArray(computeS, "computeS");
        RequireArray(uplinkS, "uplinkS");
        RequireArray(latencyS, "latencyS");
        for (size_t i = 0; i < count; ++i)
        {
            latencyS[i] = PipelinedLatency({downlinkS[i], computeS[i], uplinkS[i]}, microBatches);
        }
    });
}

int
wdmoe_core_allocate(const wdmoe_core_allocation_problem* problem,
                    wdmoe_core_allocation* result,
                    char* message,
                    size_t messageSize)
{
    return Guard(message, messageSize, [&] {
        RequireArray(problem, "problem");
        RequireArray(result, "result");
        const AllocationResult r = Allocate(*problem);
        if (r.status == AllocationStatus::INVALID)
        {
            throw std::invalid_argument(r.message);
        }
        RequireArray(result->downlink_hz, "result downlinkHz");
        RequireArray(result->uplink_hz, "result uplinkHz");
        const size_t size = problem->devices;
        const bool given = r.downlinkHz.size() == size;
        std::fill_n(result->downlink_hz, size, 0.0);
        std::fill_n(result->uplink_hz, size, 0.0);
        if (given)
        {
            std::copy(r.downlinkHz.begin(), r.downlinkHz.end(), result->downlink_hz);
            std::copy(r.uplinkHz.begin(), r.uplinkHz.end(), result->uplink_hz);
        }
        if (result->active)
        {
            std::fill_n(result->active, size, uint8_t{0});
            for (const size_t k : r.active)
            {
                result->active[k] = 1;
            }
        }
        result->status = r.status == AllocationStatus::OPTIMAL      ? 0
                         : r.status == AllocationStatus::INFEASIBLE ? 1
                                                                    : 2;
        result->iterations = r.iterations;
        result->time_s = r.status == AllocationStatus::INFEASIBLE ? INFINITY : r.timeS;
        result->lower_bound_s = r.status == AllocationStatus::INFEASIBLE ? INFINITY : r.lowerBoundS;
        result->gap = r.Gap();
        result->residual = r.residual;
        HandOut(r.message, message, messageSize);
    });
}
