/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-total-latency-allocator.h"

#include <algorithm>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeTotalLatencyAllocator);

TypeId
WdmoeTotalLatencyAllocator::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeTotalLatencyAllocator")
                            .SetParent<WdmoeAllocator>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeTotalLatencyAllocator>();
    return tid;
}

WdmoeAllocation
WdmoeTotalLatencyAllocator::Solve(const std::vector<uint32_t>& device,
                                  const wdmoe::AllocationProblem& problem)
{
    m_sum.downlinkHz = problem.downlinkHz;
    m_sum.uplinkHz = problem.uplinkHz;
    m_sum.coupled = problem.coupled;
    wdmoe::AllocationResult result;
    result.downlinkHz.assign(problem.downlinkLaw.size(), 0);
    result.uplinkHz.assign(problem.downlinkLaw.size(), 0);
    if (device.empty())
    {
        result.status = wdmoe::AllocationStatus::OPTIMAL; // nothing is in flight
        return MakePlan(problem, result);
    }
    const auto& sum = m_solver.Solve(m_sum);
    result.status = sum.status;
    result.message = sum.message;
    for (std::size_t i = 0; i < sum.downlinkHz.size(); i++)
    {
        result.downlinkHz[device[i]] += sum.downlinkHz[i];
        result.uplinkHz[device[i]] += sum.uplinkHz[i];
    }
    for (const double end : sum.groupS)
    {
        result.timeS = std::max(result.timeS, end);
    }
    result.lowerBoundS = result.timeS * (1 - sum.Gap());
    result.residual = sum.residual;
    result.iterations = sum.iterations;
    return MakePlan(problem, result);
}

WdmoeAllocation
WdmoeTotalLatencyAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    m_sum.entries.clear();
    m_sum.blockWeight = {1};
    std::vector<uint32_t> device;
    for (uint32_t k = 0; k < problem.downlinkLaw.size(); k++)
    {
        m_sum.entries.push_back({0,
                                 problem.downlinkBits[k],
                                 problem.uplinkBits[k],
                                 problem.computeS[k],
                                 problem.downlinkLaw[k],
                                 problem.uplinkLaw[k]});
        device.push_back(k);
    }
    return Solve(device, problem);
}

WdmoeAllocation
WdmoeTotalLatencyAllocator::Schedule(const wdmoe::ShopProblem& shop,
                                     const wdmoe::AllocationProblem& problem,
                                     const WdmoeRadioCapabilities& /* radio */)
{
    m_sum.entries.clear();
    m_sum.blockWeight = shop.blockWeight;
    std::vector<uint32_t> device;
    std::vector<uint32_t> cut;
    // what the problem has beyond the blocks that were in flight before is the newest block's
    const auto newest = shop.blockWeight.size() - 1;
    auto downBits = problem.downlinkBits;
    auto upBits = problem.uplinkBits;
    for (const auto& task : shop.tasks)
    {
        cut.push_back(FindCut(task));
        const auto k = task.device;
        wdmoe::LatencyEntry entry;
        entry.block = task.block;
        entry.constantS = task.releaseS;
        for (const auto& piece : task.cuts[0])
        {
            entry.downlinkBits += piece.downlinkBits;
            entry.uplinkBits += piece.uplinkBits;
            entry.constantS += piece.computeS;
        }
        if (task.block == newest)
        {
            entry.downlinkBits = std::max(entry.downlinkBits, downBits[k]);
            entry.uplinkBits = std::max(entry.uplinkBits, upBits[k]);
        }
        else
        {
            downBits[k] -= entry.downlinkBits;
            upBits[k] -= entry.uplinkBits;
        }
        const auto& link = shop.devices[k];
        entry.constantS += entry.downlinkBits > 0 ? link.downlinkFixedS : 0;
        entry.constantS += entry.uplinkBits > 0 ? link.uplinkRequestS + link.uplinkFixedS : 0;
        entry.downlinkLaw = problem.downlinkLaw[k];
        entry.uplinkLaw = problem.uplinkLaw[k];
        m_sum.entries.push_back(entry);
        device.push_back(k);
    }
    auto a = Solve(device, problem);
    a.cut = cut;
    return a;
}

} // namespace ns3
