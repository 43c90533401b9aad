/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selector.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-data-path.h"

// internal: not installed
#include "../moe/wdmoe-data-file.h"

#include <algorithm>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeTopKSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeWlrSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeQualityBoundSelector);
NS_OBJECT_ENSURE_REGISTERED(WdmoeBottleneckSelector);

namespace
{

/**
 * @param path of a price table
 * @param bits whether bits per byte count, else exact match
 * @return prices of pairs by rising share; throws WdmoeDataError
 */
std::vector<wdmoe::QualityPrice>
PricesOf(const std::string& path, bool bits)
{
    const auto root = WdmoeJson::Load(path);
    const auto format = root.At("format");
    if (format.String() != "wdmoe-sensitivity-1")
    {
        format.Fail("expected 'wdmoe-sensitivity-1', found '" + format.String() + "'");
    }
    const auto measure = [bits](const WdmoeJson& entry) {
        return bits ? entry.At("bits_per_byte").At("mean").Number(1e-6, 1e6)
                    : entry.At("exact_match").At("mean").Number(0, 1);
    };
    const auto levers = root.At("levers");
    const auto none = levers.At("none").At(std::size_t{0});
    const double unperturbed = measure(none);
    if (!(unperturbed > 0))
    {
        none.Fail("expected an exact match above 0");
    }

    // (share of mass below which all was dropped, share of pairs that is, relative loss)
    struct Step
    {
        double share;
        double pairs;
        double loss;
    };

    std::vector<Step> steps;
    const auto taus = levers.At("tau");
    for (std::size_t i = 0; i < taus.Size(); i++)
    {
        const auto entry = taus.At(i);
        const double change = (measure(entry) - unperturbed) / unperturbed;
        steps.push_back({entry.At("value").Number(1e-6, 1),
                         entry.At("dropped_share").At("mean").Number(0, 1),
                         bits ? change : -change});
    }
    std::sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) {
        return a.share < b.share;
    });
    // differences; neighbours of which the later one is cheaper are pooled
    std::vector<Step> pooled;
    Step before{0, 0, 0};
    for (const auto& step : steps)
    {
        pooled.push_back({step.share, step.pairs - before.pairs, step.loss - before.loss});
        before = step;
        const auto price = [](const Step& s) { return s.loss / std::max(s.pairs, 1e-9); };
        while (pooled.size() > 1 && price(pooled.back()) < price(pooled[pooled.size() - 2]))
        {
            const auto last = pooled.back();
            pooled.pop_back();
            pooled.back() = {last.share,
                             last.pairs + pooled.back().pairs,
                             last.loss + pooled.back().loss};
        }
    }
    if (pooled.empty())
    {
        taus.Fail("expected at least one entry");
    }
    std::vector<wdmoe::QualityPrice> prices;
    for (const auto& step : pooled)
    {
        prices.push_back({step.share, std::max(0.0, step.loss / std::max(step.pairs, 1e-9))});
    }
    return prices;
}

} // namespace

TypeId
WdmoeSelector::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeSelector").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

bool
WdmoeSelector::UsesLatency() const
{
    return false;
}

bool
WdmoeSelector::UsesProblem() const
{
    return false;
}

void
WdmoeSelector::Learn(uint32_t /* device */, uint32_t /* tokens */, double /* latencyS */)
{
}

int64_t
WdmoeSelector::AssignStreams(int64_t /* stream */)
{
    return 0;
}

const wdmoe::GateMatrix&
WdmoeSelector::GetHeard(const WdmoeSelectorInput& input, wdmoe::GateMatrix& room)
{
    const auto& snr = input.expertSnr;
    const auto& gate = input.gate;
    if (snr.size() != gate.experts || std::find(snr.begin(), snr.end(), 0) == snr.end())
    {
        return gate;
    }
    room = gate;
    for (std::size_t j = 0; j < gate.tokens; j++)
    {
        double* row = room.weight.data() + j * gate.experts;
        double left = 0;
        for (std::size_t e = 0; e < gate.experts; e++)
        {
            left += snr[e] > 0 ? row[e] : 0;
        }
        for (std::size_t e = 0; e < gate.experts && left > 0; e++)
        {
            row[e] = snr[e] > 0 ? row[e] : 0;
        }
    }
    return room;
}

const std::vector<double>&
WdmoeSelector::GetCosts(const WdmoeSelectorInput& input)
{
    return input.expertCostS.empty() ? input.expertLatencyS : input.expertCostS;
}

TypeId
WdmoeTopKSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeTopKSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeTopKSelector>()
            .AddAttribute("K",
                          "Experts of each token, at most as many as the model's own top-k; 0: "
                          "the model's own top-k",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeTopKSelector::m_k),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

wdmoe::Selection
WdmoeTopKSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(m_k > input.topK,
                    "WdmoeTopKSelector: K is " << m_k << ", above the model's own top-k of "
                                               << input.topK << "; expected 0 to " << input.topK);
    return wdmoe::SelectTopK(input.gate, m_k == 0 ? input.topK : m_k);
}

TypeId
WdmoeWlrSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeWlrSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeWlrSelector>()
            .AddAttribute("ThetaStart",
                          "First threshold on the cosine of gate weights and latencies",
                          DoubleValue(0.5),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_thetaStart),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("ThetaStep",
                          "The threshold is raised by this",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_thetaStep),
                          MakeDoubleChecker<double>(1e-6, 1))
            .AddAttribute("ThetaEnd",
                          "Last threshold",
                          DoubleValue(1.0),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_thetaEnd),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Gain",
                          "Stop when WLR / WLR of top-k exceeds this",
                          DoubleValue(1.03),
                          MakeDoubleAccessor(&WdmoeWlrSelector::m_gain),
                          MakeDoubleChecker<double>(1));
    return tid;
}

wdmoe::Selection
WdmoeWlrSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(m_thetaEnd < m_thetaStart,
                    "WdmoeWlrSelector: ThetaEnd is " << m_thetaEnd << ", below ThetaStart "
                                                     << m_thetaStart);
    wdmoe::WlrParam param;
    param.thetaStart = m_thetaStart;
    param.thetaStep = m_thetaStep;
    param.thetaEnd = m_thetaEnd;
    param.gain = m_gain;
    return wdmoe::SelectWlr(input.gate, input.topK, input.expertLatencyS, param).selection;
}

bool
WdmoeWlrSelector::UsesLatency() const
{
    return true;
}

TypeId
WdmoeQualityBoundSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeQualityBoundSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeQualityBoundSelector>()
            .AddAttribute("MaxLostMass",
                          "Share of a block's top-k gate mass that may be lost",
                          DoubleValue(0.15),
                          MakeDoubleAccessor(&WdmoeQualityBoundSelector::m_maxLostMass),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MaxTokenLoss",
                          "Share of a token's own top-k gate mass that it may lose",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeQualityBoundSelector::m_maxTokenLoss),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MinExperts",
                          "A token's experts of largest weight that always stay",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeQualityBoundSelector::m_minExperts),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("Objective",
                          "How the latency of a block comes about: by a schedule over time, or by "
                          "a static split of the band",
                          EnumValue(wdmoe::BlockModel::SCHEDULE),
                          MakeEnumAccessor<wdmoe::BlockModel>(&WdmoeQualityBoundSelector::m_model),
                          MakeEnumChecker(wdmoe::BlockModel::SCHEDULE,
                                          "Schedule",
                                          wdmoe::BlockModel::STATIC_SPLIT,
                                          "StaticSplit"))
            .AddAttribute("Quality",
                          "What must not be lost: gate mass (MaxLostMass), or what was measured on "
                          "a model (MaxLoss, PriceFile)",
                          EnumValue(GATE_MASS),
                          MakeEnumAccessor<Quality>(&WdmoeQualityBoundSelector::m_quality),
                          MakeEnumChecker(GATE_MASS, "GateMass", PRICE, "Price"))
            .AddAttribute("MaxLoss",
                          "Relative quality of a block that may be lost, by price: 0.01 is one per "
                          "cent",
                          DoubleValue(0.004),
                          MakeDoubleAccessor(&WdmoeQualityBoundSelector::m_maxLoss),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("BitsPerByte",
                          "Prices are in bits per byte; false: in exact match",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeQualityBoundSelector::m_bits),
                          MakeBooleanChecker())
            .AddAttribute("PriceFile",
                          "Price table: the file of a name below the data folder, such as "
                          "models/wdmoe-lm-base/sensitivity.json, or a path",
                          StringValue(""),
                          MakeStringAccessor(&WdmoeQualityBoundSelector::m_priceFile),
                          MakeStringChecker())
            .AddAttribute("Restore",
                          "Drop no more pairs than the bound on the latency needs",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeQualityBoundSelector::m_restore),
                          MakeBooleanChecker());
    return tid;
}

wdmoe::Selection
WdmoeQualityBoundSelector::Select(const WdmoeSelectorInput& input)
{
    const bool priced = m_quality == PRICE;
    NS_ABORT_MSG_IF(priced && m_priceFile.empty(),
                    "WdmoeQualityBoundSelector: Quality is Price, but what a dropped pair costs is "
                    "not known, for PriceFile is empty. Name a price table, such as "
                    "models/wdmoe-lm-base/sensitivity.json (./wdmoe evaluate makes one of a real "
                    "model), or use Quality GateMass");
    if (input.problem)
    {
        m_floor.maxLost = priced ? m_maxLoss : m_maxLostMass;
        m_floor.maxTokenLoss = m_maxTokenLoss;
        m_floor.minExperts = m_minExperts;
        m_floor.model = m_model;
        m_floor.restore = m_restore;
        const auto wanted = priced ? m_priceFile + (m_bits ? "#bits" : "#match") : "";
        if (wanted != m_loaded)
        {
            m_loaded = wanted;
            m_floor.price.clear();
            if (priced)
            {
                m_floor.price = LoadPrices(m_priceFile, m_bits);
            }
        }
        m_last = &m_bound.Solve(input.gate, input.topK, *input.problem, m_floor);
        NS_ABORT_MSG_IF(m_last->status == wdmoe::QualityStatus::INVALID,
                        "WdmoeQualityBoundSelector: " << m_last->message);
        return m_last->selection;
    }
    NS_ABORT_MSG_IF(priced,
                    "WdmoeQualityBoundSelector: Quality Price needs WdmoeSelectorInput::problem");
    wdmoe::QualityBoundParam param;
    param.maxLostMass = m_maxLostMass;
    param.maxTokenLoss = m_maxTokenLoss;
    param.minExperts = m_minExperts;
    return wdmoe::SelectQualityBound(input.gate,
                                     input.topK,
                                     input.expertCostS.empty() ? input.expertLatencyS
                                                               : input.expertCostS,
                                     param);
}

bool
WdmoeQualityBoundSelector::UsesLatency() const
{
    return true;
}

bool
WdmoeQualityBoundSelector::UsesProblem() const
{
    return true;
}

const wdmoe::QualityBoundResult&
WdmoeQualityBoundSelector::GetLast() const
{
    NS_ABORT_MSG_IF(!m_last, "WdmoeQualityBoundSelector::GetLast: no block was decided on yet");
    return *m_last;
}

std::vector<wdmoe::QualityPrice>
WdmoeQualityBoundSelector::LoadPrices(const std::string& file, bool bits)
{
    try
    {
        return PricesOf(WdmoeDataPath(file), bits);
    }
    catch (const WdmoeDataError& error)
    {
        NS_ABORT_MSG("WdmoeQualityBoundSelector: " << error.what());
    }
}

TypeId
WdmoeBottleneckSelector::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeBottleneckSelector")
            .SetParent<WdmoeSelector>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeBottleneckSelector>()
            .AddAttribute("HistoryWeight",
                          "Weight of a device's last batch against all before, in its history",
                          DoubleValue(0.1),
                          MakeDoubleAccessor(&WdmoeBottleneckSelector::m_weight),
                          MakeDoubleChecker<double>(1e-6, 1))
            .AddAttribute("MaxLostMass",
                          "Share of a block's top-k gate mass that may be lost",
                          DoubleValue(0.15),
                          MakeDoubleAccessor(&WdmoeBottleneckSelector::m_maxLostMass),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute(
                "MaxRelief",
                "Share of a bottleneck's (token, expert) pairs that it may be relieved of",
                DoubleValue(1),
                MakeDoubleAccessor(&WdmoeBottleneckSelector::m_maxRelief),
                MakeDoubleChecker<double>(0, 1))
            .AddAttribute("MinExperts",
                          "A token's experts of largest weight that always stay",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeBottleneckSelector::m_minExperts),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("Bottlenecks",
                          "Most devices that are relieved in a block, one after another; 0: until "
                          "nothing helps any more",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeBottleneckSelector::m_bottlenecks),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

wdmoe::Selection
WdmoeBottleneckSelector::Select(const WdmoeSelectorInput& input)
{
    NS_ABORT_MSG_IF(input.expertDevice.empty(),
                    "WdmoeBottleneckSelector: which device holds which expert is not known; fill "
                    "WdmoeSelectorInput::expertDevice");
    const auto last = *std::max_element(input.expertDevice.begin(), input.expertDevice.end());
    m_history.resize(std::max<std::size_t>(m_history.size(), last + 1));
    wdmoe::BottleneckParam param;
    param.maxLostMass = m_maxLostMass;
    param.maxRelief = m_maxRelief;
    param.minExperts = m_minExperts;
    param.bottlenecks = m_bottlenecks;
    return wdmoe::SelectBottleneck(input.gate, input.topK, input.expertDevice, m_history, param)
        .selection;
}

void
WdmoeBottleneckSelector::Learn(uint32_t device, uint32_t tokens, double latencyS)
{
    m_history.resize(std::max<std::size_t>(m_history.size(), device + 1));
    m_history[device].Learn(tokens, latencyS, m_weight);
}

} // namespace ns3
