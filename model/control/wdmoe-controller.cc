/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-controller.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/log.h"
#include "ns3/pointer.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeController");

NS_OBJECT_ENSURE_REGISTERED(WdmoeController);

namespace
{

/// What the end of a chunk of weights counts in a plan against that of a block: nobody waits for it
constexpr double WEIGHTS_WEIGHT = 1e-3;

} // namespace

TypeId
WdmoeController::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeController")
            .SetParent<Object>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeController>()
            .AddAttribute("Selector",
                          "Expert selection policy",
                          StringValue("ns3::WdmoeWlrSelector"),
                          MakePointerAccessor(&WdmoeController::m_selector),
                          MakePointerChecker<WdmoeSelector>())
            .AddAttribute("Allocator",
                          "Bandwidth allocation policy",
                          StringValue("ns3::WdmoeMinMaxAllocator"),
                          MakePointerAccessor(&WdmoeController::m_allocator),
                          MakePointerChecker<WdmoeAllocator>())
            .AddAttribute("Predictor",
                          "What a batch will cost",
                          StringValue("ns3::WdmoeLearningPredictor"),
                          MakePointerAccessor(&WdmoeController::m_predictor),
                          MakePointerChecker<WdmoePredictor>())
            .AddAttribute("Precision",
                          "How activations are coded",
                          StringValue("ns3::WdmoeFixedPrecision"),
                          MakePointerAccessor(&WdmoeController::m_precision),
                          MakePointerChecker<WdmoePrecisionPolicy>())
            .AddAttribute("Placer",
                          "Which device holds which expert; null: as SetPlacement() says",
                          PointerValue(),
                          MakePointerAccessor(&WdmoeController::m_placer),
                          MakePointerChecker<WdmoePlacer>())
            .AddAttribute("ComputeMode",
                          "How compute time is counted",
                          EnumValue(wdmoe::ComputeMode::ROOFLINE),
                          MakeEnumAccessor<wdmoe::ComputeMode>(&WdmoeController::m_computeMode),
                          MakeEnumChecker(wdmoe::ComputeMode::FLOPS,
                                          "Flops",
                                          wdmoe::ComputeMode::ROOFLINE,
                                          "Roofline"))
            .AddAttribute("MaxRounds",
                          "Most alternations of selection and allocation for a block",
                          UintegerValue(5),
                          MakeUintegerAccessor(&WdmoeController::m_maxRounds),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("Regret",
                          "Whether each decision gets a bound on what any decision could have come "
                          "to (WdmoeDecision::jointLowerBoundS), and GetHindsight() is known",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeController::m_regret),
                          MakeBooleanChecker())
            .AddAttribute("DecisionDelay",
                          "Time that deciding takes: batches are sent that much later",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeController::m_delay),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("EarlyGrants",
                          "Whether the radio is told when answers will be ready, so that it grants "
                          "before it is asked",
                          BooleanValue(false),
                          MakeBooleanAccessor(&WdmoeController::m_earlyGrants),
                          MakeBooleanChecker())
            .AddAttribute("EarlyBias",
                          "An answer is expected that many standard deviations of the predicted "
                          "times later than predicted: late costs little, early costs the grant",
                          DoubleValue(1),
                          MakeDoubleAccessor(&WdmoeController::m_earlyBias),
                          MakeDoubleChecker<double>(-100.0, 100.0))
            .AddAttribute("EarlyBytes",
                          "Most bytes of an answer that are granted unasked; the rest is in the "
                          "buffer reports by then",
                          UintegerValue(65536),
                          MakeUintegerAccessor(&WdmoeController::m_earlyBytes),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute(
                "ReplanAfter",
                "A plan over time is made anew when a micro-batch arrives, or its answer, "
                "that much before or after it was planned; 0: never",
                TimeValue(MilliSeconds(10)),
                MakeTimeAccessor(&WdmoeController::m_replanAfter),
                MakeTimeChecker(Time(0)))
            .AddAttribute("MaxPieces",
                          "Most micro-batches that a batch may be cut into by an allocator",
                          UintegerValue(8),
                          MakeUintegerAccessor(&WdmoeController::m_maxPieces),
                          MakeUintegerChecker<uint32_t>(1, 64))
            .AddTraceSource("Decision",
                            "A block was decided on",
                            MakeTraceSourceAccessor(&WdmoeController::m_decisionTrace),
                            "ns3::WdmoeController::DecisionTracedCallback");
    return tid;
}

void
WdmoeController::DoDispose()
{
    m_radio = nullptr;
    m_cells.clear();
    m_selector = nullptr;
    m_allocator = nullptr;
    m_predictor = nullptr;
    m_precision = nullptr;
    m_placer = nullptr;
    Object::DoDispose();
}

void
WdmoeController::SetRadio(Ptr<WdmoeRadio> radio)
{
    m_radio = radio;
    const auto nDevices = radio->GetNDevices();
    m_cells.clear();
    m_cellOf.assign(nDevices, 0);
    m_progress = false;
    m_flights.SetUp(nDevices, false, Time(0));
    m_unreachable.assign(nDevices, false);
    std::vector<WdmoeRadioCapabilities> expected(nDevices);
    for (const auto& found : radio->GetCells())
    {
        Cell cell;
        cell.radio = found.radio;
        cell.devices = found.devices;
        cell.capabilities = found.radio->GetCapabilities();
        auto c = cell.capabilities;
        if (m_earlyGrants && c.expectUplink)
        {
            c.uplinkDelay -= c.uplinkRequestDelay;
            c.uplinkRequestDelay = Time(0);
        }
        cell.requestS = c.uplinkRequestDelay.GetSeconds();
        for (const auto k : cell.devices)
        {
            m_cellOf.at(k) = static_cast<uint32_t>(m_cells.size());
            expected[k] = c;
            m_flights.SetReports(k, c.progress, c.grantPeriod);
        }
        m_progress = m_progress || c.progress;
        m_cells.push_back(std::move(cell));
    }
    m_predictor->SetRadio(expected);
    if (m_progress)
    {
        radio->TraceConnectWithoutContext("Grant",
                                          MakeCallback(&WdmoeController::NotifyGrant, this));
    }
}

bool
WdmoeController::Cell::HasOneBand() const
{
    return budget.coupled || !capabilities.fullDuplex;
}

int64_t
WdmoeController::AssignStreams(int64_t stream)
{
    return m_selector->AssignStreams(stream);
}

double
WdmoeController::Cell::GetUplinkHz() const
{
    return HasOneBand() ? budget.downlinkHz : budget.uplinkHz;
}

const WdmoeController::Cell&
WdmoeController::GetCell(uint32_t device) const
{
    return m_cells[m_cellOf[device]];
}

bool
WdmoeController::IsHeard(uint32_t device) const
{
    return m_links[device].downlink.valid && m_links[device].uplink.valid;
}

Ptr<WdmoeRadio>
WdmoeController::GetRadio() const
{
    return m_radio;
}

void
WdmoeController::SetWork(const wdmoe::ExpertShape& shape,
                         uint32_t experts,
                         uint32_t topK,
                         const std::vector<wdmoe::DeviceProfile>& profiles)
{
    NS_ABORT_MSG_IF(!m_radio || profiles.size() != m_radio->GetNDevices(),
                    "WdmoeController::SetWork: " << profiles.size() << " device profiles for "
                                                 << (m_radio ? m_radio->GetNDevices() : 0)
                                                 << " devices of the radio; call SetRadio first "
                                                    "and give one profile for each device");
    NS_ABORT_MSG_IF(topK < 1 || topK > experts,
                    "WdmoeController::SetWork: top-k is " << topK << "; expected 1 to " << experts);
    m_shape = shape;
    m_topK = topK;
    m_profiles = profiles;
    for (auto& cell : m_cells)
    {
        cell.profiles.clear();
        for (const auto k : cell.devices)
        {
            cell.profiles.push_back(profiles[k]);
        }
    }
    m_expertDevice.resize(experts);
    for (uint32_t e = 0; e < experts; e++)
    {
        m_expertDevice[e] = e % profiles.size();
    }
}

void
WdmoeController::SetPlacement(const std::vector<uint32_t>& expertDevice)
{
    NS_ABORT_MSG_IF(expertDevice.size() != m_expertDevice.size(),
                    "WdmoeController::SetPlacement: " << expertDevice.size() << " entries for "
                                                      << m_expertDevice.size() << " experts");
    for (const auto k : expertDevice)
    {
        NS_ABORT_MSG_IF(k >= m_profiles.size(),
                        "WdmoeController::SetPlacement: no device " << k << ", there are "
                                                                    << m_profiles.size());
    }
    m_expertDevice = expertDevice;
}

const wdmoe::DeviceProfile&
WdmoeController::GetProfile(uint32_t device) const
{
    return m_profiles.at(device);
}

uint32_t
WdmoeController::GetDeviceOf(uint32_t expert) const
{
    return m_expertDevice.at(expert);
}

std::vector<double>
WdmoeController::CountOn(const std::vector<WdmoeShare>& shares, const std::vector<bool>& loaded)
{
    double left = 1;
    double weights = 0;
    for (std::size_t k = 0; k < shares.size(); k++)
    {
        if (loaded[k])
        {
            left -= shares[k].guaranteed;
            weights += shares[k].weight;
        }
    }
    std::vector<double> share(shares.size());
    for (std::size_t k = 0; k < shares.size(); k++)
    {
        share[k] = shares[k].guaranteed;
        if (loaded[k] && weights > 0)
        {
            share[k] += std::max(left, 0.0) * shares[k].weight / weights;
        }
    }
    return share;
}

void
WdmoeController::Measure()
{
    m_radio->Measure();
    m_links.resize(m_profiles.size());
    for (uint32_t k = 0; k < m_links.size(); k++)
    {
        m_links[k] = m_radio->GetLinkState(k);
    }
    for (auto& cell : m_cells)
    {
        cell.budget = cell.radio->GetBudget();
    }
}

uint32_t
WdmoeController::LeaveOutUnreachable(wdmoe::Selection& selection)
{
    uint32_t left = 0;
    for (std::size_t j = 0; j < selection.tokens; j++)
    {
        double kept = 0;
        const auto before = left;
        for (std::size_t slot = j * selection.slots; slot < (j + 1) * selection.slots; slot++)
        {
            auto& expert = selection.expert[slot];
            if (expert < 0)
            {
                continue;
            }
            const auto k = m_expertDevice[expert];
            if (IsHeard(k))
            {
                kept += selection.combine[slot];
                continue;
            }
            if (!m_unreachable[k])
            {
                m_unreachable[k] = true;
                std::cerr << "WdmoeController: device " << k << " has tokens but no measured "
                          << (m_links[k].downlink.valid ? "uplink" : "downlink") << " channel at "
                          << Simulator::Now().As(Time::S)
                          << ": it is out of coverage or not attached; its experts are missing "
                             "until it is heard again (move it closer, raise the power, or leave "
                             "it out)\n";
            }
            expert = -1;
            selection.combine[slot] = 0;
            left++;
        }
        for (std::size_t slot = j * selection.slots;
             left > before && kept > 0 && slot < (j + 1) * selection.slots;
             slot++)
        {
            selection.combine[slot] /= kept;
        }
    }
    return left;
}

void
WdmoeController::DecidePrecision(const WdmoeBlockInput& input, const wdmoe::Selection& selection)
{
    WdmoePrecisionInput in;
    in.hidden = input.hidden;
    in.configured = {input.downlinkPrecision, input.uplinkPrecision};
    in.pairs.assign(m_profiles.size(), 0);
    const auto load = selection.Load(m_expertDevice.size());
    for (std::size_t e = 0; e < load.size(); e++)
    {
        in.pairs[m_expertDevice[e]] += load[e];
    }
    for (uint32_t k = 0; k < m_links.size(); k++)
    {
        // the law of a device that is not heard may be left from when it was
        const auto& link = m_links[k];
        const auto& cell = GetCell(k);
        const bool heard = IsHeard(k);
        in.downlinkSPerBit.push_back(1 /
                                     (heard ? link.downlink.law.Rate(cell.budget.downlinkHz) : 0));
        in.uplinkSPerBit.push_back(1 / (heard ? link.uplink.law.Rate(cell.GetUplinkHz()) : 0));
    }
    m_choice = m_precision->Decide(in);
}

WdmoeController::Cut
WdmoeController::MakeCut(const WdmoeBlockInput& input,
                         uint32_t device,
                         const std::vector<uint32_t>& expertTokens,
                         uint32_t pieces) const
{
    uint32_t total = 0;
    for (std::size_t e = 0; e < expertTokens.size(); e++)
    {
        total += m_expertDevice[e] == device ? expertTokens[e] : 0;
    }
    // Where a boundary falls within a quarter of a piece of one between experts, that one saves
    // reading an expert's weights twice.
    std::vector<uint32_t> ends;
    uint32_t from = 0;
    for (uint32_t i = 1; i <= pieces; i++)
    {
        const double ideal = static_cast<double>(total) * i / pieces;
        auto end = static_cast<uint32_t>(std::lround(ideal));
        uint32_t passed = 0;
        for (std::size_t e = 0; i < pieces && e < expertTokens.size(); e++)
        {
            passed += m_expertDevice[e] == device ? expertTokens[e] : 0;
            if (std::abs(passed - ideal) * 4 * pieces <= total)
            {
                end = passed;
            }
        }
        end = i == pieces ? total : end;
        if (end > from)
        {
            ends.push_back(end);
            from = end;
        }
    }
    const auto& choice = m_choice[device];
    const uint64_t downBytes = wdmoe::EncodedBytes(choice.downlink, input.hidden);
    const uint64_t upBytes = wdmoe::EncodedBytes(choice.uplink, input.hidden);
    Cut cut(ends.size());
    std::size_t at = 0;
    uint32_t filled = 0; // tokens in all pieces so far
    for (uint32_t e = 0; e < expertTokens.size(); e++)
    {
        if (m_expertDevice[e] != device)
        {
            continue;
        }
        for (uint32_t first = 0; first < expertTokens[e];)
        {
            at += filled == ends[at];
            const uint32_t tokens = std::min(expertTokens[e] - first, ends[at] - filled);
            cut[at].entries.push_back({e, first, tokens});
            cut[at].tokens += tokens;
            first += tokens;
            filled += tokens;
        }
    }
    std::vector<double> tokens;
    for (auto& piece : cut)
    {
        tokens.clear();
        for (const auto& entry : piece.entries)
        {
            tokens.push_back(entry.tokens);
        }
        piece.computeS = wdmoe::ComputeTime(m_computeMode, m_shape, m_profiles[device], tokens);
        piece.downlinkBits = 8.0 * input.wireBytes(piece.tokens * downBytes + input.batchBytes +
                                                   piece.entries.size() * input.batchExpertBytes);
        piece.uplinkBits = 8.0 * input.wireBytes(piece.tokens * upBytes);
    }
    return cut;
}

void
WdmoeController::MakeShop(Cell& cell) const
{
    auto& shop = cell.shop;
    shop.coupled = cell.budget.coupled;
    shop.halfDuplex = !cell.capabilities.fullDuplex;
    shop.downlinkHz = cell.budget.downlinkHz;
    shop.uplinkHz = cell.budget.uplinkHz;
    shop.tasks.clear();
    shop.blockWeight.clear();
    shop.devices.resize(cell.devices.size());
    for (uint32_t i = 0; i < shop.devices.size(); i++)
    {
        const auto k = cell.devices[i];
        const auto cost = m_predictor->GetCost(k);
        auto& device = shop.devices[i];
        device.downlinkLaw = m_links[k].downlink.law;
        device.uplinkLaw = m_links[k].uplink.law;
        device.downlinkFixedS = cost.downlinkFixedS;
        device.uplinkRequestS = std::min(cell.requestS, cost.uplinkFixedS);
        device.uplinkFixedS = cost.uplinkFixedS - device.uplinkRequestS;
        device.busyS = 0;
    }
    cell.decisions = m_flights.AddTo(Simulator::Now(), cell.devices, shop);
    if (!cell.decisions.empty() && cell.decisions[0] == 0)
    {
        shop.blockWeight[0] = WEIGHTS_WEIGHT;
    }
    // What a device that is not heard has will be given up, or it will be heard again.
    std::erase_if(shop.tasks,
                  [&](const auto& task) { return !IsHeard(cell.devices[task.device]); });
    for (auto& task : shop.tasks)
    {
        const auto cost = m_predictor->GetCost(cell.devices[task.device]);
        for (auto& piece : task.cuts[0])
        {
            piece.downlinkBits *= cost.downlinkScale;
            piece.uplinkBits *= cost.uplinkScale;
        }
    }
}

std::shared_ptr<wdmoe::BlockProblem>
WdmoeController::MakeProblem(const WdmoeBlockInput& input, const WdmoeDecision& vanilla) const
{
    auto problem = std::make_shared<wdmoe::BlockProblem>();
    problem->expertDevice = m_expertDevice;
    problem->maxPieces = m_maxPieces;
    for (const auto& cell : m_cells)
    {
        problem->cells.push_back({cell.budget.downlinkHz,
                                  cell.budget.uplinkHz,
                                  cell.budget.coupled,
                                  !cell.capabilities.fullDuplex});
    }
    problem->devices.resize(m_profiles.size());
    for (uint32_t k = 0; k < m_profiles.size(); k++)
    {
        auto& d = problem->devices[k];
        const auto& cell = GetCell(k);
        const auto& profile = m_profiles[k];
        const auto cost = m_predictor->GetCost(k);
        d.cell = m_cellOf[k];
        d.reachable = IsHeard(k) && m_links[k].downlink.law.MaxRate() > 0 &&
                      m_links[k].uplink.law.MaxRate() > 0;
        d.downlinkLaw = m_links[k].downlink.law;
        d.uplinkLaw = m_links[k].uplink.law;
        const uint32_t most = std::max(vanilla.devices[k].tokens, 1U);
        const auto affine = [&](uint64_t each, uint64_t batch, double& perPair, double& perBatch) {
            const auto bits = [&](uint64_t n) { return 8.0 * input.wireBytes(n * each + batch); };
            const double one = bits(1);
            perPair = most > 1 ? (bits(most) - one) / (most - 1) : 8.0 * each;
            perBatch = one - perPair;
            for (uint32_t n = 2; n < most; n++)
            {
                perBatch = std::min(perBatch, bits(n) - perPair * n);
            }
            perBatch = std::max(perBatch, 0.0);
        };
        affine(wdmoe::EncodedBytes(m_choice[k].downlink, input.hidden),
               input.batchBytes + input.batchExpertBytes,
               d.downlinkPairBits,
               d.downlinkBatchBits);
        affine(wdmoe::EncodedBytes(m_choice[k].uplink, input.hidden),
               0,
               d.uplinkPairBits,
               d.uplinkBatchBits);
        d.downlinkPairBits *= cost.downlinkScale;
        d.downlinkBatchBits *= cost.downlinkScale;
        d.uplinkPairBits *= cost.uplinkScale;
        d.uplinkBatchBits *= cost.uplinkScale;
        d.downlinkFixedS = cost.downlinkFixedS;
        d.uplinkRequestS = std::min(cell.requestS, cost.uplinkFixedS);
        d.uplinkFixedS = cost.uplinkFixedS - d.uplinkRequestS;
        d.pairS = cost.computeScale * m_shape.FlopsPerToken() / profile.flops;
        d.computeFixedS = cost.computeFixedS;
        if (m_computeMode == wdmoe::ComputeMode::ROOFLINE)
        {
            d.readS = cost.computeScale * m_shape.WeightBytes() / profile.memoryBandwidth;
            d.moveS = cost.computeScale * 4 * m_shape.hidden / profile.memoryBandwidth;
            d.launchS = cost.computeScale * profile.launchOverheadS;
        }
        // as what is in flight was described for the plan of top-k
        const auto place = std::find(cell.devices.begin(), cell.devices.end(), k);
        d.busyS = cell.shop.devices.at(place - cell.devices.begin()).busyS;
    }
    const auto message = problem->Check();
    NS_ABORT_MSG_IF(!message.empty(), "WdmoeController: " << message);
    return problem;
}

double
WdmoeController::GetHindsight(const WdmoeDecision& decision,
                              const wdmoe::GateMatrix& gate,
                              double gateMassKept)
{
    if (!m_regret || !decision.problem)
    {
        return std::numeric_limits<double>::quiet_NaN();
    }
    auto problem = *decision.problem;
    const auto meet = [](wdmoe::RateLaw& law, const WdmoeLinkMeasurement& now) {
        if (now.valid && now.law.kind == law.kind)
        {
            law.efficiency = 0.5 * (law.efficiency + now.law.efficiency);
            law.gainHz = 0.5 * (law.gainHz + now.law.gainHz);
            law.scale = 0.5 * (law.scale + now.law.scale);
        }
    };
    for (uint32_t k = 0; k < problem.devices.size(); k++)
    {
        const auto now = m_radio->GetLinkState(k);
        meet(problem.devices[k].downlinkLaw, now.downlink);
        meet(problem.devices[k].uplinkLaw, now.uplink);
    }
    return m_hindsight.Certify(gate, m_topK, problem, gateMassKept);
}

void
WdmoeController::LendByShare(std::vector<WdmoeShare>& shares)
{
    const bool strict =
        std::all_of(shares.begin(), shares.end(), [](const auto& s) { return s.weight == 0; });
    for (auto& share : shares)
    {
        share.weight = strict ? share.guaranteed : share.weight;
    }
}

wdmoe::ShopPlan
WdmoeController::MakeShopPlan(const WdmoePlan& plan, const std::vector<uint32_t>& cut)
{
    const auto shares = [](const std::vector<WdmoeShare>& from) {
        std::vector<wdmoe::ShopShare> s;
        for (const auto& share : from)
        {
            s.push_back({share.guaranteed, share.weight, share.priority});
        }
        return s;
    };
    return {cut, shares(plan.downlink), shares(plan.uplink)};
}

WdmoeDecision
WdmoeController::Evaluate(const WdmoeBlockInput& input, wdmoe::Selection selection)
{
    const auto nDevices = m_profiles.size();
    WdmoeDecision d;
    d.pairsUnreachable = LeaveOutUnreachable(selection);
    d.expertTokens = selection.Load(m_expertDevice.size());
    d.selection = std::move(selection);
    d.devices.resize(nDevices);
    for (std::size_t e = 0; e < m_expertDevice.size(); e++)
    {
        auto& part = d.devices[m_expertDevice[e]];
        part.tokens += d.expertTokens[e];
        part.experts += d.expertTokens[e] > 0;
    }
    d.plan.downlink.resize(nDevices);
    d.plan.uplink.resize(nDevices);
    d.allocation.status = wdmoe::AllocationStatus::OPTIMAL;
    d.bounded = true;
    BlockEnds ends;
    for (auto& cell : m_cells)
    {
        PlanCell(input, cell, d, ends);
    }
    for (const auto& [decision, endS] : ends)
    {
        d.plannedS += endS;
        d.bounded = d.bounded && decision > 0; // with weights under way the bound is of more
    }
    if (m_predictor->IsFluid())
    {
        d.predictedS = ends.rbegin()->second; // of this block
    }
    return d;
}

void
WdmoeController::PlanCell(const WdmoeBlockInput& input,
                          Cell& cell,
                          WdmoeDecision& d,
                          BlockEnds& ends)
{
    // What is in flight, then this block.
    MakeShop(cell);
    auto& shop = cell.shop;
    const auto size = static_cast<uint32_t>(cell.devices.size());
    const auto inFlight = shop.tasks.size();
    const auto block = static_cast<uint32_t>(shop.blockWeight.size());
    shop.blockWeight.push_back(1);
    cell.decisions.push_back(m_decisions + 1);
    wdmoe::AllocationProblem p;
    p.coupled = cell.HasOneBand();
    p.downlinkHz = cell.budget.downlinkHz;
    p.uplinkHz = cell.budget.uplinkHz;
    p.downlinkBits.assign(size, 0);
    p.uplinkBits.assign(size, 0);
    p.computeS.assign(size, 0);
    for (const auto& task : shop.tasks)
    {
        for (const auto& piece : task.cuts[0])
        {
            p.downlinkBits[task.device] += piece.downlinkBits;
            p.uplinkBits[task.device] += piece.uplinkBits;
            p.computeS[task.device] += piece.computeS;
        }
    }
    std::vector<std::vector<Cut>> cuts(size);
    for (uint32_t i = 0; i < size; i++)
    {
        const auto k = cell.devices[i];
        auto& part = d.devices[k];
        part.precision = m_choice[k];
        p.downlinkLaw.push_back(m_links[k].downlink.law);
        p.uplinkLaw.push_back(m_links[k].uplink.law);
        if (part.tokens == 0)
        {
            continue;
        }
        const auto cost = m_predictor->GetCost(k);
        auto& task = shop.tasks.emplace_back();
        task.device = i;
        task.block = block;
        for (uint32_t n = 1; n <= std::min(part.tokens, m_maxPieces); n *= 2)
        {
            cuts[i].push_back(MakeCut(input, k, d.expertTokens, n));
            auto& pieces = task.cuts.emplace_back();
            for (const auto& piece : cuts[i].back())
            {
                pieces.push_back({piece.downlinkBits * cost.downlinkScale,
                                  piece.computeS * cost.computeScale + cost.computeFixedS,
                                  piece.uplinkBits * cost.uplinkScale});
            }
        }
        const auto& whole = cuts[i][0][0];
        part.load.downlinkBits = whole.downlinkBits;
        part.load.uplinkBits = whole.uplinkBits;
        part.load.computeS = whole.computeS;
        const auto& law = m_links[k].downlink.law;
        part.baseTransmitS = law.kind == wdmoe::RateLaw::LINEAR
                                 ? whole.downlinkBits / law.Rate(cell.budget.downlinkHz)
                                 : std::numeric_limits<double>::quiet_NaN();
        // A scale below 1 was learned from leftover: a guarantee that counted on it would shrink,
        // count on more leftover, and shrink again.
        p.downlinkBits[i] += whole.downlinkBits * std::max(cost.downlinkScale, 1.0);
        p.uplinkBits[i] += whole.uplinkBits * std::max(cost.uplinkScale, 1.0);
        p.computeS[i] += whole.computeS * cost.computeScale + cost.computeFixedS +
                         cost.downlinkFixedS + cost.uplinkFixedS;
    }
    m_allocator->SetProfiles(cell.profiles);
    auto allocation = m_allocator->Schedule(shop, p, cell.capabilities);
    NS_ABORT_MSG_IF(allocation.cut.size() != shop.tasks.size(),
                    m_allocator->GetInstanceTypeId().GetName()
                        << "::Schedule: " << allocation.cut.size() << " cuts for "
                        << shop.tasks.size() << " tasks");
    if (!cell.capabilities.strict)
    {
        LendByShare(allocation.plan.downlink);
        LendByShare(allocation.plan.uplink);
    }
    Join(cell, allocation.plan, d.plan);
    Join(cell, allocation.result, d.allocation);
    d.bounded = d.bounded && allocation.bounded;
    d.lowerBoundS = std::max(d.lowerBoundS, allocation.lowerBoundS);

    wdmoe::ShopOutcome outcome;
    m_evaluator.Evaluate(shop, MakeShopPlan(allocation.plan, allocation.cut), outcome);
    for (std::size_t b = 0; b < cell.decisions.size(); b++)
    {
        auto& endS = ends[cell.decisions[b]];
        endS = std::max(endS, outcome.blockEndS[b]);
    }
    auto times = outcome.pieces.begin();
    for (std::size_t t = 0; t < shop.tasks.size(); t++)
    {
        const auto i = shop.tasks[t].device;
        const auto n = static_cast<std::ptrdiff_t>(shop.tasks[t].cuts[allocation.cut[t]].size());
        if (t >= inFlight)
        {
            auto& part = d.devices[cell.devices[i]];
            part.pieces = std::move(cuts[i][allocation.cut[t]]);
            for (std::ptrdiff_t j = 0; j < n; j++)
            {
                part.pieces[j].planned = times[j];
            }
        }
        times += n;
    }
    Predict(cell, allocation.plan, d);
}

void
WdmoeController::Predict(const Cell& cell, const WdmoePlan& plan, WdmoeDecision& d) const
{
    std::vector<bool> loaded;
    for (const auto k : cell.devices)
    {
        loaded.push_back(d.devices[k].tokens > 0);
    }
    const auto downlink = CountOn(plan.downlink, loaded);
    const auto uplink = CountOn(plan.uplink, loaded);
    const bool fluid = m_predictor->IsFluid();
    for (std::size_t i = 0; i < loaded.size(); i++)
    {
        const auto k = cell.devices[i];
        auto& part = d.devices[k];
        auto& load = part.load;
        load.downlinkRate = m_links[k].downlink.law.Rate(downlink[i] * cell.budget.downlinkHz);
        load.uplinkRate = m_links[k].uplink.law.Rate(uplink[i] * cell.GetUplinkHz());
        if (!loaded[i])
        {
            continue;
        }
        if (!fluid)
        {
            part.predicted = m_predictor->Predict(k, load);
            load.downlinkS = load.downlinkBits / load.downlinkRate;
            load.uplinkS = load.uplinkBits / load.uplinkRate;
            d.predictedS = std::max(d.predictedS, wdmoe::SequentialLatency(part.predicted));
            continue;
        }
        const auto cost = m_predictor->GetCost(k);
        const auto& last = part.pieces.back().planned;
        part.predicted = {last.downlinkEndS,
                          last.computeEndS - last.downlinkEndS,
                          last.uplinkEndS - last.computeEndS};
        // An answer that follows another one does not ask: it has less than the fixed cost, and the
        // transfer may come out below 0. What goes as planned teaches nothing then either.
        load.downlinkS = (part.predicted.downlinkS - cost.downlinkFixedS) / cost.downlinkScale;
        load.spanS = last.uplinkEndS;
        load.uplinkS = (part.predicted.uplinkS - cost.uplinkFixedS) / cost.uplinkScale;
    }
}

void
WdmoeController::Join(const Cell& cell, const WdmoePlan& part, WdmoePlan& whole) const
{
    NS_ABORT_MSG_IF(part.downlink.size() != cell.devices.size() ||
                        part.uplink.size() != cell.devices.size(),
                    m_allocator->GetInstanceTypeId().GetName()
                        << ": " << part.downlink.size() << " downlink and " << part.uplink.size()
                        << " uplink shares for " << cell.devices.size() << " devices");
    for (std::size_t i = 0; i < cell.devices.size(); i++)
    {
        whole.downlink[cell.devices[i]] = part.downlink[i];
        whole.uplink[cell.devices[i]] = part.uplink[i];
    }
}

void
WdmoeController::Join(const Cell& cell,
                      const wdmoe::AllocationResult& part,
                      wdmoe::AllocationResult& whole) const
{
    if (whole.status == wdmoe::AllocationStatus::OPTIMAL)
    {
        whole.status = part.status;
        whole.message = part.message;
    }
    for (auto hz : {&wdmoe::AllocationResult::downlinkHz, &wdmoe::AllocationResult::uplinkHz})
    {
        for (std::size_t i = 0; i < (part.*hz).size(); i++)
        {
            (whole.*hz).resize(m_profiles.size());
            (whole.*hz)[cell.devices[i]] = (part.*hz)[i];
        }
    }
    // as near to the latest as AllocationResult::active has it
    constexpr double near = 1 - 1e-9;
    if (whole.timeS < part.timeS * near)
    {
        whole.active.clear();
    }
    if (part.timeS >= whole.timeS * near)
    {
        for (const auto i : part.active)
        {
            whole.active.push_back(cell.devices[i]);
        }
    }
    whole.timeS = std::max(whole.timeS, part.timeS);
    whole.lowerBoundS = std::max(whole.lowerBoundS, part.lowerBoundS);
    whole.residual = std::max(whole.residual, part.residual);
    whole.iterations = std::max(whole.iterations, part.iterations);
}

std::vector<double>
WdmoeController::ExpertLatencies(const WdmoeBlockInput& input, const WdmoeDecision& decision) const
{
    // One more token on each device under the present plan: its bits at the planned rates, and
    // its part of the compute time of the batch. Devices without a load count with an equal share
    // of their cell.
    std::vector<double> latency(m_expertDevice.size());
    for (std::size_t e = 0; e < latency.size(); e++)
    {
        const auto k = m_expertDevice[e];
        const auto& part = decision.devices[k];
        const auto cost = m_predictor->GetCost(k);
        const double tokens = std::max<double>(part.tokens, 1);
        double downRate = part.load.downlinkRate;
        double upRate = part.load.uplinkRate;
        double computeS = part.load.computeS;
        if (part.tokens == 0)
        {
            const auto& cell = GetCell(k);
            const auto size = static_cast<double>(cell.devices.size());
            downRate = m_links[k].downlink.law.Rate(cell.budget.downlinkHz / size);
            upRate = m_links[k].uplink.law.Rate(cell.GetUplinkHz() / size);
            computeS = wdmoe::ComputeTime(m_computeMode, m_shape, m_profiles[k], {1.0});
        }
        // the same rule for both ways: the answer's bits, and as many down as its precision makes
        const double downBytes = wdmoe::EncodedBytes(m_choice[k].downlink, input.hidden);
        const double upBytes = wdmoe::EncodedBytes(m_choice[k].uplink, input.hidden);
        const double upBits = part.tokens > 0 ? part.load.uplinkBits / tokens : 8.0 * upBytes;
        const double downBits = upBits * downBytes / std::max(upBytes, 1.0);
        latency[e] = cost.computeScale * computeS / tokens +
                     cost.downlinkScale * downBits / std::max(downRate, 1e-3) +
                     cost.uplinkScale * upBits / std::max(upRate, 1e-3);
    }
    return latency;
}

std::vector<double>
WdmoeController::ExpertCosts(const WdmoeBlockInput& input) const
{
    std::vector<double> cost;
    for (const auto k : m_expertDevice)
    {
        const auto& cell = GetCell(k);
        const double downBits = 8.0 * wdmoe::EncodedBytes(m_choice[k].downlink, input.hidden);
        const double upBits = 8.0 * wdmoe::EncodedBytes(m_choice[k].uplink, input.hidden);
        const double downRate = m_links[k].downlink.law.Rate(cell.budget.downlinkHz);
        const double upRate = m_links[k].uplink.law.Rate(cell.GetUplinkHz());
        // a device that is not heard costs nothing: its pairs are left out anyway
        const bool costs = cell.scarce && downRate > 0 && upRate > 0;
        cost.push_back(costs ? downBits / downRate + upBits / upRate : 0);
    }
    return cost;
}

std::vector<double>
WdmoeController::ExpertSnrs() const
{
    // Radios report rate laws: SNR is what Shannon's would need for the rate of the whole band.
    const auto snr = [](const wdmoe::RateLaw& law, double hz) {
        const double efficiency = hz > 0 ? law.Rate(hz) / hz : 0;
        return std::exp2(std::min(efficiency, 100.0)) - 1;
    };
    std::vector<double> snrs;
    for (const auto k : m_expertDevice)
    {
        const auto& cell = GetCell(k);
        snrs.push_back(IsHeard(k) ? std::min(snr(m_links[k].downlink.law, cell.budget.downlinkHz),
                                             snr(m_links[k].uplink.law, cell.GetUplinkHz()))
                                  : 0);
    }
    return snrs;
}

void
WdmoeController::MarkScarce(const WdmoeDecision& decision)
{
    std::vector<double> ends;
    for (const auto& cell : m_cells)
    {
        ends.push_back(0);
        for (const auto k : cell.devices)
        {
            const auto& part = decision.devices[k];
            const double endS = part.tokens > 0 ? wdmoe::SequentialLatency(part.predicted) : 0;
            ends.back() = std::max(ends.back(), endS);
        }
    }
    const double last = *std::max_element(ends.begin(), ends.end());
    for (std::size_t c = 0; c < m_cells.size(); c++)
    {
        m_cells[c].scarce = m_cells[c].scarce || ends[c] >= last * (1 - 1e-9);
    }
}

WdmoeDecision
WdmoeController::Decide(const WdmoeBlockInput& input)
{
    NS_LOG_FUNCTION(this << input.request << input.block);
    NS_ABORT_MSG_IF(m_profiles.empty(), "WdmoeController::Decide: call SetWork first");
    Measure();
    for (uint32_t k = 0; k < m_links.size(); k++)
    {
        // said again should it be lost again
        m_unreachable[k] = m_unreachable[k] && !IsHeard(k);
    }

    if (m_placement.IsSet() || m_beginPending)
    {
        ChooseHolders(input);
    }

    const auto shared = std::make_shared<WdmoeSelectorInput>();
    auto& in = *shared;
    in.gate = input.gate;
    in.topK = m_topK;
    in.expertDevice = m_expertDevice;
    in.expertSnr = ExpertSnrs();
    in.block = input.block;

    const auto vanilla = wdmoe::SelectTopK(input.gate, m_topK);
    DecidePrecision(input, vanilla);
    auto best = Evaluate(input, vanilla);
    for (auto& cell : m_cells)
    {
        cell.scarce = false;
    }
    const bool direct = m_selector->UsesProblem();
    std::shared_ptr<const wdmoe::BlockProblem> problem;
    if (direct || m_regret)
    {
        problem = MakeProblem(input, best);
        in.problem = problem.get();
    }
    const bool alternate = m_selector->UsesLatency() && !direct;
    for (wdmoe::Alternation alternation(alternate ? m_maxRounds : 1); alternation.GoesOn();)
    {
        MarkScarce(best);
        in.expertLatencyS = ExpertLatencies(input, best);
        in.expertCostS = ExpertCosts(input);
        auto next = Evaluate(input, m_selector->Select(in));
        if (!alternation.Take(next.predictedS))
        {
            break;
        }
        next.rounds = alternation.Rounds();
        best = std::move(next);
    }
    best.problem = problem;
    best.wlr =
        wdmoe::WeightToLatencyRatio(input.gate, best.selection, ExpertLatencies(input, best));
    best.gateMassKept = wdmoe::KeptGateMass(input.gate, best.selection, m_topK);
    best.pairsTopK = vanilla.Routed();
    if (m_regret)
    {
        best.jointLowerBoundS = m_joint.Certify(input.gate, m_topK, *problem, best.gateMassKept);
    }
    best.delay = m_delay;
    best.id = ++m_decisions;
    if (m_progress && m_flights.IsEmpty())
    {
        for (uint32_t k = 0; k < m_links.size(); k++)
        {
            best.usage.push_back(m_radio->GetUsage(k));
        }
    }
    for (uint32_t k = 0; k < best.devices.size(); k++)
    {
        const auto cost = m_predictor->GetCost(k);
        const auto& pieces = best.devices[k].pieces;
        for (uint32_t i = 0; i < pieces.size(); i++)
        {
            WdmoeFlight flight;
            flight.decision = best.id;
            flight.piece = i;
            flight.downlinkBits = pieces[i].downlinkBits;
            flight.uplinkBits = pieces[i].uplinkBits;
            flight.computeS = pieces[i].computeS * cost.computeScale + cost.computeFixedS;
            flight.planned = pieces[i].planned;
            flight.sent = Simulator::Now() + m_delay;
            m_flights.Add(k, flight);
        }
    }
    best.uncorrectedS = best.predictedS;
    best.predictedS *= m_predictor->GetBlockScale(best.predictedS);
    BlockOutcome block;
    block.open = static_cast<uint32_t>(
        std::count_if(best.devices.begin(), best.devices.end(), [](const auto& part) {
            return part.tokens > 0;
        }));
    m_blocks[best.id] = block;
    m_planned = Simulator::Now();
    m_radio->SetPlan(best.plan);
    m_decisionTrace(input, best);
    return best;
}

// Who holds which expert: wdmoe-controller-placement.cc

// What happens in between

void
WdmoeController::NotifyGrant(uint32_t device, bool downlink, uint32_t bytes)
{
    if (!downlink)
    {
        m_flights.GrantedUplink(device, 8.0 * bytes, Simulator::Now());
        return;
    }
    const Time now = Simulator::Now();
    const auto& capabilities = GetCell(device).capabilities;
    m_flights.GrantedDownlink(device, 8.0 * bytes, now, now + capabilities.downlinkLead, m_arrived);
    bool late = false;
    for (const auto* f : m_arrived)
    {
        if (f->decision == 0)
        {
            continue; // weights
        }
        const Time planned = f->sent + Seconds(f->planned.downlinkEndS);
        late |= Abs(f->arrival - planned) > m_replanAfter;
        if (m_earlyGrants && capabilities.expectUplink)
        {
            const auto cost = m_predictor->GetCost(device);
            const auto bias = Seconds(cost.readyBiasS + m_earlyBias * cost.readySpreadS);
            const auto answer = std::min<uint64_t>(f->uplinkBits / 8, m_earlyBytes);
            m_radio->ExpectUplink(device, answer, Max(f->ready + bias, now));
        }
    }
    if (late)
    {
        Replan();
    }
}

void
WdmoeController::Replan()
{
    if (!m_allocator->IsOverTime() || m_replanAfter.IsZero() ||
        Simulator::Now() - m_planned < m_replanAfter || m_flights.IsEmpty())
    {
        return;
    }
    m_planned = Simulator::Now();
    // A grant is reported from within the radio: it gets the new plan when it has done with it.
    Simulator::ScheduleNow(&WdmoeController::PlanRest, this);
}

void
WdmoeController::PlanRest()
{
    // All cells, since a plan is one of all devices; those with nothing in flight keep theirs.
    Measure();
    auto plan = m_radio->GetPlan();
    bool any = false;
    for (auto& cell : m_cells)
    {
        MakeShop(cell);
        if (!cell.shop.tasks.empty())
        {
            Join(cell, m_allocator->Schedule(cell.shop, {}, cell.capabilities).plan, plan);
            any = true;
        }
    }
    if (any)
    {
        m_radio->SetPlan(plan);
    }
}

WdmoeFlight
WdmoeController::ReportPiece(const WdmoeDecision& decision, const WdmoePieceOutcome& outcome)
{
    WdmoeFlight flight;
    if (!m_flights.Remove(outcome.device, decision.id, outcome.piece, &flight))
    {
        return flight;
    }
    if (flight.arrived)
    {
        m_predictor->LearnReady(outcome.device, (outcome.computed - flight.ready).GetSeconds());
    }
    const Time planned = flight.sent + Seconds(flight.planned.uplinkEndS);
    if (Abs(outcome.answered - planned) > m_replanAfter)
    {
        Replan();
    }
    return flight;
}

void
WdmoeController::GiveUpPiece(const WdmoeDecision& decision, uint32_t device, uint32_t piece)
{
    m_flights.Remove(device, decision.id, piece);
}

void
WdmoeController::Report(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome)
{
    if (outcome.answered)
    {
        auto measured = outcome.measured;
        measured.computeS = outcome.computedS;
        auto load = decision.devices.at(outcome.device).load;
        load.computeS = 0;
        for (const auto& piece : decision.devices.at(outcome.device).pieces)
        {
            load.computeS += piece.computeS;
        }
        m_predictor->Learn(outcome.device, load, measured);
        m_selector->Learn(outcome.device,
                          decision.devices.at(outcome.device).tokens,
                          wdmoe::SequentialLatency(outcome.measured));
        LearnScale(decision, outcome);
    }
    LearnBlock(decision, outcome);
}

void
WdmoeController::LearnBlock(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome)
{
    const auto found = m_blocks.find(decision.id);
    if (found == m_blocks.end())
    {
        return;
    }
    auto& block = found->second;
    block.complete = block.complete && outcome.answered;
    block.latencyS = std::max(block.latencyS, wdmoe::SequentialLatency(outcome.measured));
    if (--block.open == 0)
    {
        if (block.complete)
        {
            m_predictor->LearnBlock(decision.uncorrectedS, block.latencyS);
        }
        m_placement.LearnBusy(block.latencyS);
        m_blocks.erase(found);
    }
}

void
WdmoeController::LearnScale(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome)
{
    const auto k = outcome.device;
    if (decision.usage.empty() || m_decisions != decision.id || !GetCell(k).capabilities.progress)
    {
        return; // another block was in flight in this time, or nothing is known of it
    }
    const auto now = m_radio->GetUsage(k);
    const double downHzS = now.downlinkHzS - decision.usage[k].downlinkHzS;
    const double upHzS = now.uplinkHzS - decision.usage[k].uplinkHzS;
    double downBits = 0;
    double upBits = 0;
    for (const auto& piece : decision.devices[k].pieces)
    {
        downBits += piece.downlinkBits;
        upBits += piece.uplinkBits;
    }
    // What a law makes of bandwidth x time, spread over the time that it was used in. Grants come
    // by the resource block: a short transfer says nothing.
    const auto scale = [](const wdmoe::RateLaw& law, double hzS, double seconds, double bits) {
        const bool told = hzS > 0 && seconds > 0 && bits > 4e5;
        return told ? law.Rate(hzS / seconds) * seconds / bits
                    : std::numeric_limits<double>::quiet_NaN();
    };
    const bool linear = m_links[k].downlink.law.kind == wdmoe::RateLaw::LINEAR;
    // Where grants are of any length, their number does not say for how long.
    const bool known = outcome.uplinkActiveS * GetCell(k).GetUplinkHz() >= upHzS;
    m_predictor->LearnScale(
        k,
        scale(m_links[k].downlink.law, downHzS, linear ? 1 : outcome.measured.downlinkS, downBits),
        scale(m_links[k].uplink.law,
              upHzS,
              known ? outcome.uplinkActiveS : outcome.measured.uplinkS,
              upBits));
}

} // namespace ns3
