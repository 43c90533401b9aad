/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-quality-bound-selector.h"

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

NS_OBJECT_ENSURE_REGISTERED(WdmoeQualityBoundSelector);

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
            .AddAttribute("Average",
                          "For which the floor holds: each block, or all blocks so far on average, "
                          "weighted by their tokens",
                          EnumValue(BLOCK),
                          MakeEnumAccessor<Average>(&WdmoeQualityBoundSelector::m_average),
                          MakeEnumChecker(BLOCK, "Block", RUN, "Run"))
            .AddAttribute("Candidates",
                          "A token may take experts outside its top-k, out of so many of its "
                          "heaviest that can be reached, with Quality GateMass; 0: top-k only",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeQualityBoundSelector::m_candidates),
                          MakeUintegerChecker<uint32_t>())
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
        m_floor.candidates = m_candidates;
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
        if (m_average == RUN)
        {
            m_last = &SelectOnAverage(input);
            return m_last->selection;
        }
        m_last = &m_bound.Solve(input.gate, input.topK, *input.problem, m_floor);
        NS_ABORT_MSG_IF(m_last->status == wdmoe::QualityStatus::INVALID,
                        "WdmoeQualityBoundSelector: " << m_last->message);
        return m_last->selection;
    }
    NS_ABORT_MSG_IF(m_average == RUN || m_candidates > 0,
                    "WdmoeQualityBoundSelector: Average Run and Candidates need "
                    "WdmoeSelectorInput::problem");
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

const wdmoe::QualityBoundResult&
WdmoeQualityBoundSelector::SelectOnAverage(const WdmoeSelectorInput& input)
{
    const auto tokens = static_cast<double>(input.gate.tokens);
    m_budget.SetMaxLost(m_floor.maxLost);
    const double allowance = m_budget.Allowance(tokens);
    const auto status = m_menu.Make(input.gate, input.topK, *input.problem, m_floor, allowance);
    NS_ABORT_MSG_IF(status == wdmoe::QualityStatus::INVALID,
                    "WdmoeQualityBoundSelector: " << m_menu.Message());
    const auto& points = m_menu.Points();
    const double price = m_budget.Learn(tokens, points);
    const auto best = wdmoe::QualityBudget::Best(points, allowance, price * tokens);
    m_budget.Spend(tokens, points[best].lost);
    return m_menu.Option(best);
}

const wdmoe::QualityBudget&
WdmoeQualityBoundSelector::GetBudget() const
{
    return m_budget;
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

} // namespace ns3
