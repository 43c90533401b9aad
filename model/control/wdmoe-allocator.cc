/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-allocator.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-granularity.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <numeric>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeMinMaxAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeEqualAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeStockAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeScheduledAllocator);

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
                          MakeDoubleChecker<double>(0.0, 0.01))
            .AddAttribute("MicroBatches",
                          "Pieces that static splits cut each batch into, so that its stages "
                          "overlap (a power of two; fewer where it has fewer tokens)",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeAllocator::m_microBatches),
                          MakeUintegerChecker<uint32_t>(1, 64));
    return tid;
}

uint32_t
WdmoeAllocator::FindCut(const wdmoe::ShopTask& task) const
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < task.cuts.size(); i++)
    {
        if (task.cuts[i].size() <= m_microBatches && task.cuts[i].size() > task.cuts[best].size())
        {
            best = i;
        }
    }
    return best;
}

WdmoeAllocation
WdmoeAllocator::Schedule(const wdmoe::ShopProblem& shop,
                         const wdmoe::AllocationProblem& problem,
                         const WdmoeRadioCapabilities& /* radio */)
{
    auto a = Allocate(problem);
    for (const auto& task : shop.tasks)
    {
        a.cut.push_back(FindCut(task));
    }
    return a;
}

void
WdmoeAllocator::SetProfiles(const std::vector<wdmoe::DeviceProfile>& /* profiles */)
{
}

bool
WdmoeAllocator::IsOverTime() const
{
    return false;
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
                            .AddConstructor<WdmoeMinMaxAllocator>()
                            .AddAttribute("Granularity",
                                          "Bandwidth that shares come in, for example 180e3 for "
                                          "the resource blocks of LTE; 0: of any size (Hz)",
                                          DoubleValue(0),
                                          MakeDoubleAccessor(&WdmoeMinMaxAllocator::m_granularity),
                                          MakeDoubleChecker<double>(0.0, 1e12));
    return tid;
}

WdmoeAllocation
WdmoeMinMaxAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    if (m_granularity == 0)
    {
        return MakePlan(problem, wdmoe::AllocateMinMax(problem));
    }
    wdmoe::GranularProblem granular;
    granular.block = problem;
    granular.unitHz = m_granularity;
    const auto r = wdmoe::AllocateGranular(granular);
    wdmoe::AllocationResult result;
    result.status = r.status;
    result.message = r.message;
    result.downlinkHz = r.downlinkHz;
    result.uplinkHz = r.uplinkHz;
    result.timeS = r.timeS;
    result.lowerBoundS = r.lowerBoundS;
    return MakePlan(problem, result);
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

TypeId
WdmoeScheduledAllocator::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeScheduledAllocator")
            .SetParent<WdmoeAllocator>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeScheduledAllocator>()
            .AddAttribute("MaxPieces",
                          "Most micro-batches that a batch is cut into; 1: none",
                          UintegerValue(8),
                          MakeUintegerAccessor(&WdmoeScheduledAllocator::m_maxPieces),
                          MakeUintegerChecker<uint32_t>(1, 64))
            .AddAttribute("Downlink",
                          "How the downlink is served: by its rate laws, or shared whatever they "
                          "are",
                          EnumValue(AUTO),
                          MakeEnumAccessor<Service>(&WdmoeScheduledAllocator::m_downlink),
                          MakeEnumChecker(AUTO, "Auto", SHARED, "Shared"))
            .AddAttribute("Uplink",
                          "How the uplink is served: by its rate laws, shared, or one device "
                          "after another",
                          EnumValue(AUTO),
                          MakeEnumAccessor<Service>(&WdmoeScheduledAllocator::m_uplink),
                          MakeEnumChecker(AUTO, "Auto", SHARED, "Shared", SERIAL, "Serial"))
            .AddAttribute("Guaranteed",
                          "Share that every device has whatever the plan, for acknowledgements",
                          DoubleValue(0.005),
                          MakeDoubleAccessor(&WdmoeScheduledAllocator::m_guaranteed),
                          MakeDoubleChecker<double>(0.0, 0.5))
            .AddAttribute("MaxEvaluations",
                          "Plans that the search looks at",
                          UintegerValue(256),
                          MakeUintegerAccessor(&WdmoeScheduledAllocator::m_evaluations),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

bool
WdmoeScheduledAllocator::IsOverTime() const
{
    return true;
}

WdmoeAllocation
WdmoeScheduledAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    wdmoe::ShopProblem shop;
    shop.coupled = problem.coupled;
    shop.downlinkHz = problem.downlinkHz;
    shop.uplinkHz = problem.uplinkHz;
    shop.blockWeight = {1};
    for (uint32_t k = 0; k < problem.downlinkLaw.size(); k++)
    {
        wdmoe::ShopDevice device;
        device.downlinkLaw = problem.downlinkLaw[k];
        device.uplinkLaw = problem.uplinkLaw[k];
        shop.devices.push_back(device);
        if (problem.downlinkBits[k] > 0 || problem.uplinkBits[k] > 0)
        {
            wdmoe::ShopTask task;
            task.device = k;
            task.cuts = {{{problem.downlinkBits[k], problem.computeS[k], problem.uplinkBits[k]}}};
            shop.tasks.push_back(task);
        }
    }
    WdmoeRadioCapabilities radio;
    radio.leftover = radio.priority = true;
    return Schedule(shop, problem, radio);
}

WdmoeAllocation
WdmoeScheduledAllocator::Schedule(const wdmoe::ShopProblem& shop,
                                  const wdmoe::AllocationProblem& /* problem */,
                                  const WdmoeRadioCapabilities& radio)
{
    if (!radio.priority && !m_warned)
    {
        m_warned = true;
        std::cerr << "WdmoeScheduledAllocator: this radio cannot serve one device before another "
                     "(WdmoeRadioCapabilities::priority); it is given weights instead\n";
    }
    wdmoe::ShopParam param;
    param.maxEvaluations = m_evaluations;
    param.guaranteed = std::min(m_guaranteed, 0.5 / std::max<std::size_t>(shop.devices.size(), 1));
    param.downlinkSerial = radio.priority && m_downlink != SHARED;
    param.uplinkSerial = radio.priority && m_uplink != SHARED;
    param.uplinkShared = !radio.priority || m_uplink != SERIAL;

    const auto fits = [this](const auto& cut) { return cut.size() <= m_maxPieces; };
    const auto* problem = &shop;
    const bool cut = std::all_of(shop.tasks.begin(), shop.tasks.end(), [&](const auto& task) {
        return task.cuts.size() == 1 || std::all_of(task.cuts.begin(), task.cuts.end(), fits);
    });
    if (!cut)
    {
        m_fewer = shop;
        for (auto& task : m_fewer.tasks)
        {
            // finer cuts come later
            const auto end = std::find_if_not(task.cuts.begin() + 1, task.cuts.end(), fits);
            task.cuts.erase(end, task.cuts.end());
        }
        problem = &m_fewer;
    }
    const auto& planned = m_planner.Plan(*problem, param);
    NS_ABORT_MSG_IF(planned.status != wdmoe::ShopStatus::PLANNED,
                    "WdmoeScheduledAllocator: " << planned.message);
    const auto shares = [](const std::vector<wdmoe::ShopShare>& from) {
        std::vector<WdmoeShare> s;
        for (const auto& share : from)
        {
            s.push_back({share.guaranteed, share.weight, share.priority});
        }
        return s;
    };
    WdmoeAllocation a;
    a.plan.downlink = shares(planned.plan.downlink);
    a.plan.uplink = shares(planned.plan.uplink);
    a.cut = planned.plan.cut;
    a.bounded = true;
    a.lowerBoundS = planned.lowerBoundS;
    a.result.status = wdmoe::AllocationStatus::OPTIMAL;
    a.result.timeS = planned.outcome.costS;
    a.result.lowerBoundS = planned.lowerBoundS;
    return a;
}

} // namespace ns3
