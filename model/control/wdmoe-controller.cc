/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-controller.h"

#include "ns3/abort.h"
#include "ns3/enum.h"
#include "ns3/log.h"
#include "ns3/pointer.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeController");

NS_OBJECT_ENSURE_REGISTERED(WdmoeController);

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
            .AddAttribute("DecisionDelay",
                          "Time that deciding takes: batches are sent that much later",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeController::m_delay),
                          MakeTimeChecker(Time(0)))
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
    m_selector = nullptr;
    m_allocator = nullptr;
    m_predictor = nullptr;
    Object::DoDispose();
}

void
WdmoeController::SetRadio(Ptr<WdmoeRadio> radio)
{
    m_radio = radio;
    m_predictor->SetRadio(radio->GetNDevices(), radio->GetCapabilities());
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

WdmoeDecision
WdmoeController::Evaluate(const WdmoeBlockInput& input, wdmoe::Selection selection)
{
    const auto nDevices = m_profiles.size();
    const auto budget = m_radio->GetBudget();
    WdmoeDecision d;
    d.expertTokens = selection.Load(m_expertDevice.size());
    d.selection = std::move(selection);
    d.devices.resize(nDevices);

    std::vector<std::vector<double>> perExpert(nDevices);
    for (std::size_t e = 0; e < m_expertDevice.size(); e++)
    {
        auto& part = d.devices[m_expertDevice[e]];
        part.tokens += d.expertTokens[e];
        part.experts += d.expertTokens[e] > 0;
        perExpert[m_expertDevice[e]].push_back(d.expertTokens[e]);
    }

    wdmoe::AllocationProblem p;
    p.coupled = budget.coupled;
    p.downlinkHz = budget.downlinkHz;
    p.uplinkHz = budget.uplinkHz;
    std::vector<bool> loaded(nDevices);
    for (std::size_t k = 0; k < nDevices; k++)
    {
        auto& part = d.devices[k];
        loaded[k] = part.tokens > 0;
        if (loaded[k])
        {
            part.load.downlinkBits =
                8.0 * input.wireBytes(uint64_t(part.tokens) * input.downlinkBytesPerToken +
                                      input.batchBytes + part.experts * input.batchExpertBytes);
            part.load.uplinkBits =
                8.0 * input.wireBytes(uint64_t(part.tokens) * input.uplinkBytesPerToken);
            part.load.computeS =
                wdmoe::ComputeTime(m_computeMode, m_shape, m_profiles[k], perExpert[k]);
        }
        const auto cost = m_predictor->GetCost(k);
        // A scale below 1 was learned from leftover: a guarantee that counted on it would shrink,
        // count on more leftover, and shrink again.
        p.downlinkBits.push_back(part.load.downlinkBits * std::max(cost.downlinkScale, 1.0));
        p.uplinkBits.push_back(part.load.uplinkBits * std::max(cost.uplinkScale, 1.0));
        p.computeS.push_back(loaded[k]
                                 ? part.load.computeS * cost.computeScale + cost.computeFixedS +
                                       cost.downlinkFixedS + cost.uplinkFixedS
                                 : 0);
        p.downlinkLaw.push_back(m_links[k].downlink.law);
        p.uplinkLaw.push_back(m_links[k].uplink.law);
        NS_ABORT_MSG_IF(loaded[k] && (!m_links[k].downlink.valid || !m_links[k].uplink.valid),
                        "WdmoeController: device "
                            << k << " has tokens but no measured "
                            << (m_links[k].downlink.valid ? "uplink" : "downlink")
                            << " channel: it is out of coverage or not attached; move it closer, "
                               "raise the power, or leave it out");
    }
    auto allocation = m_allocator->Allocate(p);
    d.plan = std::move(allocation.plan);
    d.allocation = std::move(allocation.result);

    const auto downlink = CountOn(d.plan.downlink, loaded);
    const auto uplink = CountOn(d.plan.uplink, loaded);
    for (std::size_t k = 0; k < nDevices; k++)
    {
        auto& part = d.devices[k];
        part.load.downlinkRate = m_links[k].downlink.law.Rate(downlink[k] * budget.downlinkHz);
        part.load.uplinkRate = m_links[k].uplink.law.Rate(uplink[k] * budget.uplinkHz);
        part.predicted = m_predictor->Predict(k, part.load);
        d.predictedS = std::max(d.predictedS, wdmoe::SequentialLatency(part.predicted));
    }
    return d;
}

std::vector<double>
WdmoeController::ExpertLatencies(const WdmoeBlockInput& input, const WdmoeDecision& decision) const
{
    // One more token on each device under the present plan: its bits at the planned rates, and
    // its part of the compute time of the batch. Devices without a load count with an equal share.
    const auto nDevices = m_profiles.size();
    const auto budget = m_radio->GetBudget();
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
            downRate = m_links[k].downlink.law.Rate(budget.downlinkHz / nDevices);
            upRate = m_links[k].uplink.law.Rate(budget.uplinkHz / nDevices);
            computeS = wdmoe::ComputeTime(m_computeMode, m_shape, m_profiles[k], {1.0});
        }
        // the same rule for both ways: the answer's bits, and as many down as its precision makes
        const double upBits = decision.devices[k].tokens > 0 ? part.load.uplinkBits / tokens
                                                             : 8.0 * input.uplinkBytesPerToken;
        const double downBits =
            upBits * input.downlinkBytesPerToken / std::max<double>(input.uplinkBytesPerToken, 1);
        latency[e] = cost.computeScale * computeS / tokens +
                     cost.downlinkScale * downBits / std::max(downRate, 1e-3) +
                     cost.uplinkScale * upBits / std::max(upRate, 1e-3);
    }
    return latency;
}

WdmoeDecision
WdmoeController::Decide(const WdmoeBlockInput& input)
{
    NS_LOG_FUNCTION(this << input.request << input.block);
    NS_ABORT_MSG_IF(m_profiles.empty(), "WdmoeController::Decide: call SetWork first");
    m_radio->Measure();
    m_links.resize(m_profiles.size());
    for (uint32_t k = 0; k < m_links.size(); k++)
    {
        m_links[k] = m_radio->GetLinkState(k);
    }

    WdmoeSelectorInput in;
    in.gate = input.gate;
    in.topK = m_topK;
    in.expertDevice = m_expertDevice;

    const auto vanilla = wdmoe::SelectTopK(input.gate, m_topK);
    auto best = Evaluate(input, vanilla);
    const bool alternate = m_selector->UsesLatency();
    for (uint32_t round = 1; round <= (alternate ? m_maxRounds : 1); round++)
    {
        in.expertLatencyS = ExpertLatencies(input, best);
        auto next = Evaluate(input, m_selector->Select(in));
        next.rounds = round;
        // the first answer of a selector stands, whatever it predicts; later ones must be better
        if (round > 1 && !(next.predictedS < best.predictedS * (1 - 1e-6)))
        {
            break;
        }
        best = std::move(next);
    }
    best.wlr =
        wdmoe::WeightToLatencyRatio(input.gate, best.selection, ExpertLatencies(input, best));
    best.gateMassKept = wdmoe::KeptGateMass(input.gate, best.selection, m_topK);
    best.pairsTopK = vanilla.Routed();
    best.delay = m_delay;
    m_radio->SetPlan(best.plan);
    m_decisionTrace(input, best);
    return best;
}

void
WdmoeController::Report(const WdmoeDecision& decision, const WdmoeDeviceOutcome& outcome)
{
    if (outcome.answered)
    {
        m_predictor->Learn(outcome.device,
                           decision.devices.at(outcome.device).load,
                           outcome.measured);
    }
}

} // namespace ns3
