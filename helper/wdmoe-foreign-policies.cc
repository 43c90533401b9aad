/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-foreign-policies.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <sstream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignAllocator);
NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignPlacer);
NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignPrecisionPolicy);
NS_OBJECT_ENSURE_REGISTERED(WdmoeForeignPredictor);

namespace
{

/// @return its values; null: it has none. @param v any
template <typename T>
const T*
DataOf(const std::vector<T>& v)
{
    return v.empty() ? nullptr : v.data();
}

/// @return text of its arguments. @param args are joined
template <typename... Args>
std::string
Join(const Args&... args)
{
    std::ostringstream text;
    (text << ... << args);
    return text.str();
}

/// @return for messages. @param name of a precision, as a number
int32_t
Rank(wdmoe::Precision name)
{
    return static_cast<int32_t>(name);
}

} // namespace

// Selector

TypeId
WdmoeForeignSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeForeignSelector").SetParent<WdmoeSelector>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignSelector::NotifyConstructionCompleted()
{
    WdmoeSelector::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignSelector::DoDispose()
{
    ReleaseForeign();
    WdmoeSelector::DoDispose();
}

bool
WdmoeForeignSelector::UsesLatency() const
{
    return Has(WdmoeForeignMethod::USES_LATENCY);
}

bool
WdmoeForeignSelector::UsesProblem() const
{
    return Has(WdmoeForeignMethod::USES_PROBLEM);
}

void
WdmoeForeignSelector::Learn(uint32_t device, uint32_t tokens, double latencyS)
{
    if (Has(WdmoeForeignMethod::LEARN))
    {
        const WdmoeForeignAnswer answer{device, tokens, latencyS};
        Call(WdmoeForeignMethod::LEARN, &answer);
    }
}

int64_t
WdmoeForeignSelector::AssignStreams(int64_t stream)
{
    return AssignForeignStreams(stream);
}

wdmoe::Selection
WdmoeForeignSelector::Select(const WdmoeSelectorInput& input)
{
    const WdmoeForeignBlock block{input.gate.tokens,
                                  input.gate.experts,
                                  input.topK,
                                  input.block,
                                  input.gate.weight.data(),
                                  DataOf(input.expertLatencyS),
                                  DataOf(input.expertCostS),
                                  DataOf(input.expertSnr),
                                  DataOf(input.expertDevice),
                                  &input};
    WdmoeForeignSelection answer{};
    Call(WdmoeForeignMethod::SELECT, &block, &answer);
    return Take(input, answer);
}

wdmoe::Selection
WdmoeForeignSelector::Take(const WdmoeSelectorInput& input,
                           const WdmoeForeignSelection& answer) const
{
    const auto& gate = input.gate;
    const auto experts = gate.experts;
    const std::size_t k = input.topK;
    const auto columns = answer.expert ? answer.slots : experts;
    const auto refuse = [&](std::size_t token, const std::string& what) {
        Refuse(Join(".select(), block ", input.block, ": token ", token, " ", what));
    };
    wdmoe::Selection s;
    s.tokens = gate.tokens;
    s.slots = k;
    s.expert.assign(s.tokens * k, -1);
    s.combine.assign(s.tokens * k, 0);
    std::vector<double> weights(k);
    for (std::size_t j = 0; j < s.tokens; j++)
    {
        const double* row = gate.Row(j);
        int32_t* expert = s.expert.data() + j * k;
        std::size_t found = 0;
        for (std::size_t c = 0; c < columns; c++)
        {
            const auto at = j * columns + c;
            const auto e = answer.expert ? answer.expert[at] : static_cast<int32_t>(c);
            if (e == -1 || (answer.mask && !answer.mask[at]))
            {
                continue;
            }
            if (e < -1 || static_cast<std::size_t>(e) >= experts)
            {
                refuse(j,
                       Join("has expert ", e, "; expected 0 to ", experts - 1, ", or -1 for none"));
            }
            const double w = answer.weight ? answer.weight[at] : row[e];
            if (!(w >= 0) || std::isinf(w))
            {
                refuse(j, Join("has the weight ", w, " at expert ", e, "; expected a number >= 0"));
            }
            if (w == 0)
            {
                continue; // it would move bytes for nothing
            }
            if (found == k)
            {
                refuse(j,
                       Join("has more than ",
                            k,
                            " experts; expected 1 to ",
                            k,
                            ", the model's top_k"));
            }
            if (std::find(expert, expert + found, e) != expert + found)
            {
                refuse(j, Join("has expert ", e, " twice; expected each once"));
            }
            // by falling weight, as top-k has them; of equal ones the first
            auto slot = found++;
            for (; slot > 0 && weights[slot - 1] < w; slot--)
            {
                expert[slot] = expert[slot - 1];
                weights[slot] = weights[slot - 1];
            }
            expert[slot] = e;
            weights[slot] = w;
        }
        if (found == 0)
        {
            refuse(j, Join("has no expert; expected 1 to ", k, " of weight > 0"));
        }
        const double sum = std::accumulate(weights.begin(),
                                           weights.begin() + static_cast<std::ptrdiff_t>(found),
                                           0.0);
        for (std::size_t slot = 0; slot < found; slot++)
        {
            s.combine[j * k + slot] = weights[slot] / sum;
        }
    }
    return s;
}

// Allocator

TypeId
WdmoeForeignAllocator::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeForeignAllocator").SetParent<WdmoeAllocator>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignAllocator::NotifyConstructionCompleted()
{
    WdmoeAllocator::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignAllocator::DoDispose()
{
    ReleaseForeign();
    WdmoeAllocator::DoDispose();
}

void
WdmoeForeignAllocator::SetProfiles(const std::vector<wdmoe::DeviceProfile>& profiles)
{
    m_profiles = profiles;
}

bool
WdmoeForeignAllocator::IsOverTime() const
{
    return Has(WdmoeForeignMethod::OVER_TIME);
}

WdmoeAllocation
WdmoeForeignAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    return Ask({}, problem, nullptr);
}

WdmoeAllocation
WdmoeForeignAllocator::Schedule(const wdmoe::ShopProblem& shop,
                                const wdmoe::AllocationProblem& problem,
                                const WdmoeRadioCapabilities& radio)
{
    return Ask(shop, problem, &radio);
}

WdmoeAllocation
WdmoeForeignAllocator::Ask(const wdmoe::ShopProblem& shop,
                           const wdmoe::AllocationProblem& problem,
                           const WdmoeRadioCapabilities* radio)
{
    // within blocks there is the shop alone
    const bool within = problem.downlinkLaw.empty();
    const auto devices = within ? shop.devices.size() : problem.downlinkLaw.size();
    std::vector<wdmoe::RateLaw> laws[2];
    for (const auto& device : shop.devices)
    {
        laws[0].push_back(device.downlinkLaw);
        laws[1].push_back(device.uplinkLaw);
    }
    const WdmoeForeignLoads loads{
        devices,
        shop.tasks.size(),
        Simulator::Now().GetSeconds(),
        within ? shop.downlinkHz : problem.downlinkHz,
        within ? shop.uplinkHz : problem.uplinkHz,
        within ? shop.coupled : problem.coupled,
        within ? nullptr : problem.downlinkBits.data(),
        within ? nullptr : problem.uplinkBits.data(),
        within ? nullptr : problem.computeS.data(),
        within ? laws[0].data() : problem.downlinkLaw.data(),
        within ? laws[1].data() : problem.uplinkLaw.data(),
        &shop,
        radio,
        &m_profiles,
    };
    WdmoeForeignPlan answer{};
    Call(WdmoeForeignMethod::ALLOCATE, &loads, &answer);

    const std::string who = Join(".allocate(), at ", loads.nowS, " s: ");
    const auto shares = [&](const double* share, const double* weight, const int32_t* priority) {
        std::vector<WdmoeShare> s(devices);
        for (std::size_t i = 0; i < devices; i++)
        {
            s[i].guaranteed = share[i];
            s[i].weight = weight ? weight[i] : m_leftover ? 1 : 0;
            s[i].priority = priority ? priority[i] : 0;
        }
        return s;
    };
    WdmoeAllocation a;
    a.plan.downlink = shares(answer.downlink, answer.downlinkWeight, answer.downlinkPriority);
    a.plan.uplink = shares(answer.uplink, answer.uplinkWeight, answer.uplinkPriority);
    const auto error = WdmoeRadio::CheckPlan(a.plan, static_cast<uint32_t>(devices));
    if (!error.empty())
    {
        Refuse(who + error);
    }
    for (auto direction : {&a.plan.downlink, &a.plan.uplink})
    {
        // as MakePlan(), but for shares
        double sum = 0;
        for (auto& share : *direction)
        {
            share.guaranteed = std::max(share.guaranteed, m_minShare);
            sum += share.guaranteed;
        }
        for (auto& share : *direction)
        {
            share.guaranteed /= std::max(1.0, sum);
        }
    }
    for (std::size_t t = 0; t < shop.tasks.size(); t++)
    {
        const auto& task = shop.tasks[t];
        a.cut.push_back(answer.cut ? answer.cut[t] : FindCut(task));
        if (a.cut.back() >= task.cuts.size())
        {
            Refuse(Join(who,
                        "cut of task ",
                        t,
                        " is ",
                        a.cut.back(),
                        "; expected 0 to ",
                        task.cuts.size() - 1));
        }
    }
    a.result.status = wdmoe::AllocationStatus::OPTIMAL;
    for (std::size_t i = 0; i < devices && !within; i++)
    {
        a.result.downlinkHz.push_back(a.plan.downlink[i].guaranteed * loads.downlinkHz);
        a.result.uplinkHz.push_back(a.plan.uplink[i].guaranteed *
                                    (loads.coupled ? loads.downlinkHz : loads.uplinkHz));
        const auto takes = [](double bits, double rate) { return bits > 0 ? bits / rate : 0; };
        const double timeS =
            takes(problem.downlinkBits[i],
                  problem.downlinkLaw[i].Rate(a.result.downlinkHz.back())) +
            takes(problem.uplinkBits[i], problem.uplinkLaw[i].Rate(a.result.uplinkHz.back())) +
            problem.computeS[i];
        a.result.timeS = std::max(a.result.timeS, timeS);
    }
    return a;
}

// Placer

TypeId
WdmoeForeignPlacer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeForeignPlacer").SetParent<WdmoePlacer>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignPlacer::NotifyConstructionCompleted()
{
    WdmoePlacer::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignPlacer::DoDispose()
{
    ReleaseForeign();
    WdmoePlacer::DoDispose();
}

bool
WdmoeForeignPlacer::IsStatic() const
{
    return false;
}

bool
WdmoeForeignPlacer::IsDue(Time now, uint64_t passes) const
{
    if (!Has(WdmoeForeignMethod::IS_DUE))
    {
        return WdmoePlacer::IsDue(now, passes);
    }
    WdmoeForeignExperts experts{};
    experts.nowS = now.GetSeconds();
    experts.passes = passes;
    int64_t due = 0;
    Call(WdmoeForeignMethod::IS_DUE, &experts, &due);
    return due != 0;
}

wdmoe::Placement
WdmoeForeignPlacer::Begin(const WdmoePlacerInput& input)
{
    return Has(WdmoeForeignMethod::BEGIN) ? Ask(WdmoeForeignMethod::BEGIN, Time(0), input)
                                          : MakeStatic(input.problem);
}

wdmoe::Placement
WdmoeForeignPlacer::Decide(Time now, const WdmoePlacerInput& input)
{
    return Has(WdmoeForeignMethod::DECIDE) ? Ask(WdmoeForeignMethod::DECIDE, now, input)
                                           : WdmoePlacer::Decide(now, input);
}

wdmoe::Placement
WdmoeForeignPlacer::Ask(WdmoeForeignMethod method, Time now, const WdmoePlacerInput& input)
{
    const auto& p = input.problem;
    const auto flat = [](const wdmoe::Placement& placement) {
        std::pair<std::vector<uint32_t>, std::vector<uint32_t>> f{{0}, {}};
        for (const auto& block : placement)
        {
            for (const auto& holders : block)
            {
                f.second.insert(f.second.end(), holders.begin(), holders.end());
                f.first.push_back(static_cast<uint32_t>(f.second.size()));
            }
        }
        return f;
    };
    const auto [first, holder] = flat(p.current);
    const auto devices = p.devices.size();
    const WdmoeForeignExperts experts{
        now.GetSeconds(),
        input.passes,
        input.pass.GetSeconds(),
        input.busy,
        p.blocks,
        p.experts,
        p.weight.empty() ? 1 : p.weight.size(),
        devices == 0 ? 0 : p.airS.size() / devices,
        devices,
        p.expertBytes,
        p.maxHolders,
        DataOf(p.load),
        DataOf(p.weight),
        DataOf(input.check),
        DataOf(p.devices),
        DataOf(p.airS),
        p.current.empty() ? nullptr : first.data(),
        holder.data(),
        &p,
    };
    WdmoeForeignHolders answer{};
    Call(method, &experts, &answer);
    if (!answer.first)
    {
        return p.current.empty() ? MakeStatic(p) : p.current;
    }
    const bool begins = method == WdmoeForeignMethod::BEGIN;
    const std::string who =
        Join(begins ? ".begin()" : ".decide()", ", at ", now.GetSeconds(), " s: ");
    wdmoe::Placement placement(p.blocks, std::vector<std::vector<uint32_t>>(p.experts));
    std::vector<double> bytes(devices, 0);
    for (uint32_t i = 0; i < p.blocks; i++)
    {
        for (uint32_t e = 0; e < p.experts; e++)
        {
            auto& holders = placement[i][e];
            const auto at = static_cast<std::size_t>(i) * p.experts + e;
            holders.assign(answer.holder + answer.first[at], answer.holder + answer.first[at + 1]);
            if (holders.empty() || holders.size() > p.maxHolders)
            {
                Refuse(Join(who,
                            "expert ",
                            e,
                            " of block ",
                            i,
                            " has ",
                            holders.size(),
                            " holders; expected 1 to ",
                            p.maxHolders,
                            " (attribute MaxHolders)"));
            }
            for (auto it = holders.begin(); it != holders.end(); ++it)
            {
                if (*it >= devices)
                {
                    Refuse(Join(who,
                                "expert ",
                                e,
                                " of block ",
                                i,
                                " is on device ",
                                *it,
                                "; expected 0 to ",
                                devices - 1));
                }
                if (std::find(holders.begin(), it, *it) != it)
                {
                    Refuse(Join(who,
                                "expert ",
                                e,
                                " of block ",
                                i,
                                " is on device ",
                                *it,
                                " twice; expected each device once"));
                }
                bytes[*it] += p.expertBytes;
            }
        }
    }
    for (std::size_t k = 0; k < devices; k++)
    {
        if (bytes[k] > p.devices[k].memoryBytes * (1 + 1e-9))
        {
            Refuse(Join(who,
                        "device ",
                        k,
                        " holds ",
                        bytes[k],
                        " bytes; expected at most ",
                        p.devices[k].memoryBytes,
                        ", its memory for experts"));
        }
    }
    return placement;
}

// Precision policy

TypeId
WdmoeForeignPrecisionPolicy::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeForeignPrecisionPolicy")
                            .SetParent<WdmoePrecisionPolicy>()
                            .SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignPrecisionPolicy::NotifyConstructionCompleted()
{
    WdmoePrecisionPolicy::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignPrecisionPolicy::DoDispose()
{
    ReleaseForeign();
    WdmoePrecisionPolicy::DoDispose();
}

std::vector<WdmoePrecisionChoice>
WdmoeForeignPrecisionPolicy::Decide(const WdmoePrecisionInput& input)
{
    const auto devices = input.pairs.size();
    const WdmoeForeignActivations activations{devices,
                                              input.hidden,
                                              input.pairs.data(),
                                              input.downlinkSPerBit.data(),
                                              input.uplinkSPerBit.data(),
                                              input.configured};
    WdmoeForeignPrecision answer{};
    Call(WdmoeForeignMethod::CODE, &activations, &answer);
    std::vector<WdmoePrecisionChoice> choices(devices);
    const auto take =
        [&](int32_t value, wdmoe::Precision configured, std::size_t k, const char* way) {
            const auto precision = static_cast<wdmoe::Precision>(value);
            if (value < Rank(wdmoe::Precision::FP32) || value > Rank(wdmoe::Precision::INT4) ||
                wdmoe::EncodedBytes(precision, input.hidden) >
                    wdmoe::EncodedBytes(configured, input.hidden))
            {
                Refuse(Join(".decide(), at ",
                            Simulator::Now().GetSeconds(),
                            " s: ",
                            way,
                            " of device ",
                            k,
                            " is ",
                            wdmoe::PrecisionName(precision),
                            "; expected none finer than the server's ",
                            wdmoe::PrecisionName(configured)));
            }
            return precision;
        };
    for (std::size_t k = 0; k < devices; k++)
    {
        choices[k].downlink =
            take(answer.downlink[k], input.configured.downlink, k, "downlink precision");
        choices[k].uplink = take(answer.uplink[k], input.configured.uplink, k, "uplink precision");
    }
    return choices;
}

// Predictor

TypeId
WdmoeForeignPredictor::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeForeignPredictor").SetParent<WdmoePredictor>().SetGroupName("Wdmoe");
    return tid;
}

void
WdmoeForeignPredictor::NotifyConstructionCompleted()
{
    WdmoePredictor::NotifyConstructionCompleted();
    MakeForeign(this, GetInstanceTypeId());
}

void
WdmoeForeignPredictor::DoDispose()
{
    ReleaseForeign();
    WdmoePredictor::DoDispose();
}

bool
WdmoeForeignPredictor::IsFluid() const
{
    return Has(WdmoeForeignMethod::FLUID);
}

WdmoeCost
WdmoeForeignPredictor::GetCost(uint32_t device) const
{
    if (device >= m_known.size())
    {
        m_known.resize(device + 1, false);
        m_costs.resize(device + 1);
    }
    if (!m_known[device])
    {
        const int64_t index = device;
        WdmoeCost cost;
        Call(WdmoeForeignMethod::GET_COST, &index, &cost);
        for (const auto& [what, value] : {std::pair{"downlink_fixed_s", cost.downlinkFixedS},
                                          std::pair{"uplink_fixed_s", cost.uplinkFixedS},
                                          std::pair{"compute_fixed_s", cost.computeFixedS},
                                          std::pair{"ready_spread_s", cost.readySpreadS},
                                          std::pair{"downlink_scale", cost.downlinkScale},
                                          std::pair{"uplink_scale", cost.uplinkScale},
                                          std::pair{"compute_scale", cost.computeScale}})
        {
            const bool scale = std::string(what).find("scale") != std::string::npos;
            if (!(value >= 0) || std::isinf(value) || (scale && value == 0))
            {
                Refuse(Join(".get_cost() of device ",
                            device,
                            ", at ",
                            Simulator::Now().GetSeconds(),
                            " s: ",
                            what,
                            " is ",
                            value,
                            "; expected a number ",
                            scale ? "> 0" : ">= 0"));
            }
        }
        m_costs[device] = cost;
        m_known[device] = true;
    }
    return m_costs[device];
}

void
WdmoeForeignPredictor::Learn(uint32_t device,
                             const WdmoeStageLoad& load,
                             const wdmoe::StageTimes& measured)
{
    m_known.clear();
    if (Has(WdmoeForeignMethod::LEARN_TIMES))
    {
        const WdmoeForeignTimes times{0, 0, device, load, measured};
        Call(WdmoeForeignMethod::LEARN_TIMES, &times);
    }
}

void
WdmoeForeignPredictor::LearnBlock(double predictedS, double measuredS)
{
    m_known.clear();
    if (Has(WdmoeForeignMethod::LEARN_BLOCK))
    {
        const WdmoeForeignTimes times{predictedS, measuredS, 0, {}, {}};
        Call(WdmoeForeignMethod::LEARN_BLOCK, &times);
    }
}

} // namespace ns3

void*
wdmoe_foreign_keep(const ns3::WdmoeForeignBlock* block)
{
    auto shared = block->input->weak_from_this().lock();
    return shared ? new std::shared_ptr<const ns3::WdmoeSelectorInput>(std::move(shared)) : nullptr;
}

void
wdmoe_foreign_drop(void* kept)
{
    delete static_cast<std::shared_ptr<const ns3::WdmoeSelectorInput>*>(kept);
}

void
wdmoe_foreign_top_k(const ns3::WdmoeForeignBlock* block, uint8_t* mask)
{
    const auto s = wdmoe::SelectTopK(block->input->gate, block->topK);
    std::fill(mask, mask + block->tokens * block->experts, 0);
    for (std::size_t i = 0; i < s.expert.size(); i++)
    {
        if (s.expert[i] >= 0)
        {
            mask[i / s.slots * block->experts + static_cast<std::size_t>(s.expert[i])] = 1;
        }
    }
}
