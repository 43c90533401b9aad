/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-proportional-fair-allocator.h"

#include "ns3/enum.h"
#include "ns3/wdmoe-fair-allocation.h"

#include <algorithm>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeProportionalFairAllocator);

TypeId
WdmoeProportionalFairAllocator::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeProportionalFairAllocator")
            .SetParent<WdmoeAllocator>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeProportionalFairAllocator>()
            .AddAttribute("Weight",
                          "What a device counts: all the same, or by the bits it has to move",
                          EnumValue(ONE),
                          MakeEnumAccessor<Weight>(&WdmoeProportionalFairAllocator::m_weight),
                          MakeEnumChecker(ONE, "One", LOAD, "Load"));
    return tid;
}

WdmoeAllocation
WdmoeProportionalFairAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    std::vector<double> weight;
    double largest = 0;
    for (std::size_t k = 0; m_weight == LOAD && k < problem.downlinkBits.size(); k++)
    {
        weight.push_back(problem.downlinkBits[k] + problem.uplinkBits[k]);
        largest = std::max(largest, weight.back());
    }
    for (auto& w : weight)
    {
        w /= largest > 0 ? largest : 1;
    }
    const auto fair = wdmoe::AllocateProportionalFair(problem, weight);
    wdmoe::AllocationResult result;
    result.status = fair.status;
    result.message = fair.message;
    result.downlinkHz = fair.downlinkHz;
    result.uplinkHz = fair.uplinkHz;
    result.timeS = fair.timeS;
    result.residual = fair.residual;
    result.iterations = fair.iterations;
    return MakePlan(problem, result);
}

} // namespace ns3
