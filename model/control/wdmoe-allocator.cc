/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-allocator.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"

#include <algorithm>
#include <numeric>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeMinMaxAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeEqualAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeStockAllocator);

TypeId
WdmoeAllocator::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeAllocator")
            .SetParent<Object>()
            .SetGroupName("Wdmoe")
            .AddAttribute("Leftover",
                          "Give what a device leaves unused to those still busy, in equal parts; "
                          "false: strict FDMA, it is wasted",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeAllocator::m_leftover),
                          MakeBooleanChecker())
            .AddAttribute("MinShare",
                          "Least guaranteed share of any device, so that one without a load can "
                          "still send acknowledgements",
                          DoubleValue(5e-4),
                          MakeDoubleAccessor(&WdmoeAllocator::m_minShare),
                          MakeDoubleChecker<double>(0.0, 0.01));
    return tid;
}

WdmoeAllocation
WdmoeAllocator::MakePlan(const wdmoe::AllocationProblem& problem,
                         wdmoe::AllocationResult result) const
{
    using wdmoe::AllocationStatus;
    NS_ABORT_MSG_IF(result.status == AllocationStatus::INVALID ||
                        result.status == AllocationStatus::INFEASIBLE,
                    "WdmoeAllocator: " << result.message);
    auto shares = [&](const std::vector<double>& hz, double budgetHz) {
        std::vector<WdmoeShare> s(hz.size());
        double sum = 0;
        for (std::size_t k = 0; k < s.size(); k++)
        {
            s[k].guaranteed = std::max(hz[k] / budgetHz, m_minShare);
            s[k].weight = m_leftover ? 1 : 0;
            sum += s[k].guaranteed;
        }
        for (auto& share : s)
        {
            share.guaranteed /= std::max(1.0, sum);
        }
        return s;
    };
    WdmoeAllocation a;
    a.plan.downlink = shares(result.downlinkHz, problem.downlinkHz);
    a.plan.uplink =
        shares(result.uplinkHz, problem.coupled ? problem.downlinkHz : problem.uplinkHz);
    a.result = std::move(result);
    return a;
}

TypeId
WdmoeMinMaxAllocator::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeMinMaxAllocator")
                            .SetParent<WdmoeAllocator>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeMinMaxAllocator>();
    return tid;
}

WdmoeAllocation
WdmoeMinMaxAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    return MakePlan(problem, wdmoe::AllocateMinMax(problem));
}

TypeId
WdmoeEqualAllocator::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeEqualAllocator")
                            .SetParent<WdmoeAllocator>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeEqualAllocator>();
    return tid;
}

WdmoeAllocation
WdmoeEqualAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    return MakePlan(problem, wdmoe::AllocateEqual(problem, true));
}

TypeId
WdmoeStockAllocator::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeStockAllocator")
                            .SetParent<WdmoeAllocator>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeStockAllocator>();
    return tid;
}

WdmoeAllocation
WdmoeStockAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    WdmoeAllocation a;
    a.result = wdmoe::AllocateEqual(problem, false);
    a.plan.downlink.assign(problem.downlinkLaw.size(), {0, 1, 0});
    a.plan.uplink = a.plan.downlink;
    return a;
}

} // namespace ns3
