/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-precision-policy.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/enum.h"
#include "ns3/log.h"
#include "ns3/string.h"
#include "ns3/wdmoe-data-path.h"
#include "ns3/wdmoe-precision.h"

// internal: not installed
#include "../moe/wdmoe-data-file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoePrecisionPolicy");
NS_OBJECT_ENSURE_REGISTERED(WdmoePrecisionPolicy);
NS_OBJECT_ENSURE_REGISTERED(WdmoeFixedPrecision);
NS_OBJECT_ENSURE_REGISTERED(WdmoePricedPrecision);

namespace
{

using wdmoe::Precision;

/// All there are, from fine to coarse
const std::vector<Precision> ALL{Precision::FP32,
                                 Precision::FP16,
                                 Precision::BF16,
                                 Precision::INT8,
                                 Precision::INT4};

/// How a price table is made
const std::string HOW = "'./wdmoe evaluate --model MODEL --out FILE.json' makes a price table of a "
                        "real model";

/**
 * @param name of a precision
 * @param [out] precision of that name
 * @return whether there is one
 */
bool
FindPrecision(const std::string& name, Precision& precision)
{
    const auto found = std::find_if(ALL.begin(), ALL.end(), [&name](Precision p) {
        return name == wdmoe::PrecisionName(p);
    });
    if (found != ALL.end())
    {
        precision = *found;
    }
    return found != ALL.end();
}

/**
 * @param precision how elements are coded
 * @param hidden elements of a token
 * @return bits on the air for each, scales included
 */
double
BitsPerElement(Precision precision, uint32_t hidden)
{
    return 8.0 * wdmoe::EncodedBytes(precision, hidden) / hidden;
}

/**
 * Finds a price table where the other data files are.
 *
 * @param name as given
 * @return path; empty if there is none
 */
std::string
FindPriceFile(const std::string& name)
{
    std::error_code error;
    const std::filesystem::path path(name);
    if (std::filesystem::is_regular_file(path, error))
    {
        return name;
    }
    if (path.is_absolute())
    {
        return "";
    }
    // WdmoeDataPath() would abort without saying how a price table is made
    const auto names = WdmoeDataNames(path.parent_path().string(), path.extension().string());
    const bool there = std::find(names.begin(), names.end(), path.stem().string()) != names.end();
    return there ? WdmoeDataPath(name) : "";
}

/// What a price table says of one way and of both
struct Losses
{
    std::map<Precision, double> down; ///< downlink alone
    std::map<Precision, double> up;   ///< uplink alone
    std::map<Precision, double> both; ///< both ways
};

/**
 * @param path of a price table
 * @param bits whether bits per byte count, else exact match
 * @return relative losses, as they are written there; throws WdmoeDataError
 */
Losses
ReadLosses(const std::string& path, bool bits)
{
    const auto root = WdmoeJson::Load(path);
    const auto field = root.At("format");
    const std::string format = field.String();
    if (format != "wdmoe-sensitivity-1")
    {
        field.Fail("expected 'wdmoe-sensitivity-1', found '" + format + "'");
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
    Losses losses;
    const auto entries = levers.At("precision");
    for (std::size_t i = 0; i < entries.Size(); i++)
    {
        const auto entry = entries.At(i);
        Precision way[2];
        for (const bool down : {true, false})
        {
            const auto field = entry.At(down ? "downlink" : "uplink");
            const std::string name = field.String();
            if (!FindPrecision(name, way[down ? 0 : 1]))
            {
                field.Fail("expected fp32, fp16, bf16, int8 or int4, found '" + name + "'");
            }
        }
        const double change = (measure(entry) - unperturbed) / unperturbed;
        const double loss = bits ? change : -change;
        if (way[1] == Precision::FP32)
        {
            losses.down[way[0]] = loss;
        }
        else if (way[0] == Precision::FP32)
        {
            losses.up[way[1]] = loss;
        }
        else if (way[0] == way[1])
        {
            losses.both[way[0]] = loss;
        }
    }
    return losses;
}

} // namespace

TypeId
WdmoePrecisionPolicy::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoePrecisionPolicy").SetParent<Object>().SetGroupName("Wdmoe");
    return tid;
}

TypeId
WdmoeFixedPrecision::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeFixedPrecision")
                            .SetParent<WdmoePrecisionPolicy>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeFixedPrecision>();
    return tid;
}

std::vector<WdmoePrecisionChoice>
WdmoeFixedPrecision::Decide(const WdmoePrecisionInput& input)
{
    return std::vector<WdmoePrecisionChoice>(input.pairs.size(), input.configured);
}

TypeId
WdmoePricedPrecision::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoePricedPrecision")
            .SetParent<WdmoePrecisionPolicy>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoePricedPrecision>()
            .AddAttribute("PriceFile",
                          "Price table: the file of a name below the data folder, such as "
                          "models/wdmoe-lm-base/sensitivity.json, or a path",
                          StringValue(""),
                          MakeStringAccessor(&WdmoePricedPrecision::SetPriceFile,
                                             &WdmoePricedPrecision::GetPriceFile),
                          MakeStringChecker())
            .AddAttribute("Measure",
                          "In what quality is measured",
                          EnumValue(BITS_PER_BYTE),
                          MakeEnumAccessor<Measure>(&WdmoePricedPrecision::SetMeasure,
                                                    &WdmoePricedPrecision::GetMeasure),
                          MakeEnumChecker(BITS_PER_BYTE, "BitsPerByte", EXACT_MATCH, "ExactMatch"))
            .AddAttribute("MaxLoss",
                          "Relative quality that may be lost: 0.01 is one per cent",
                          DoubleValue(0.004),
                          MakeDoubleAccessor(&WdmoePricedPrecision::m_maxLoss),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("Levels",
                          "Precisions to choose from where they are coarser than what is "
                          "configured, separated by commas",
                          StringValue("fp16,int8,int4"),
                          MakeStringAccessor(&WdmoePricedPrecision::SetLevels,
                                             &WdmoePricedPrecision::GetLevels),
                          MakeStringChecker());
    return tid;
}

void
WdmoePricedPrecision::SetPriceFile(const std::string& file)
{
    m_priceFile = file;
    m_loaded = false;
}

std::string
WdmoePricedPrecision::GetPriceFile() const
{
    return m_priceFile;
}

void
WdmoePricedPrecision::SetMeasure(Measure measure)
{
    m_measure = measure;
    m_loaded = false;
}

WdmoePricedPrecision::Measure
WdmoePricedPrecision::GetMeasure() const
{
    return m_measure;
}

void
WdmoePricedPrecision::SetLevels(std::string levels)
{
    m_levels.clear();
    std::istringstream in(levels);
    for (std::string name; std::getline(in, name, ',');)
    {
        Precision precision;
        NS_ABORT_MSG_UNLESS(FindPrecision(name, precision),
                            "WdmoePricedPrecision: Levels names '"
                                << name << "'; expected fp32, fp16, bf16, int8 or int4, separated "
                                << "by commas");
        m_levels.push_back(precision);
    }
}

std::string
WdmoePricedPrecision::GetLevels() const
{
    std::string levels;
    for (const auto precision : m_levels)
    {
        if (!levels.empty())
        {
            levels += ',';
        }
        levels += wdmoe::PrecisionName(precision);
    }
    return levels;
}

void
WdmoePricedPrecision::Load()
{
    if (m_loaded)
    {
        return;
    }
    NS_ABORT_MSG_IF(m_priceFile.empty(),
                    "WdmoePricedPrecision: what a coarser activation costs in quality is not "
                    "known, for PriceFile is empty. Name a price table, such as "
                    "models/wdmoe-lm-base/sensitivity.json; "
                        << HOW);
    m_path = FindPriceFile(m_priceFile);
    NS_ABORT_MSG_IF(m_path.empty(),
                    "WdmoePricedPrecision: no price table '"
                        << m_priceFile << "', neither as it is nor in the data folder of the "
                        << "module; " << HOW);
    Losses losses;
    std::string wrong;
    try
    {
        losses = ReadLosses(m_path, m_measure == BITS_PER_BYTE);
    }
    catch (const WdmoeDataError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WdmoePricedPrecision: price table: " << wrong << "; " << HOW);

    m_downlink.clear();
    m_uplink.clear();
    double floor[2] = {0, 0};
    // ALL goes from fine to coarse; fp16 and bf16 are equally long
    for (const auto precision : ALL)
    {
        const auto both = losses.both.find(precision);
        const bool hasBoth = both != losses.both.end();
        double way[2];
        bool known = true;
        for (const int i : {0, 1})
        {
            const auto& table = i == 0 ? losses.down : losses.up;
            const auto found = table.find(precision);
            known = known && (found != table.end() || hasBoth);
            way[i] = found != table.end() ? std::max(0.0, found->second)
                     : hasBoth            ? 0.5 * std::max(0.0, both->second)
                                          : 0;
        }
        if (precision == Precision::FP32)
        {
            m_downlink[precision] = 0;
            m_uplink[precision] = 0;
        }
        else if (known)
        {
            const double sum = way[0] + way[1];
            const double least = hasBoth ? both->second : 0;
            for (double& price : way)
            {
                price = sum >= least ? price : sum > 0 ? price * least / sum : least / 2;
            }
            m_downlink[precision] = std::max(way[0], floor[0]);
            m_uplink[precision] = std::max(way[1], floor[1]);
            if (precision != Precision::FP16)
            {
                floor[0] = m_downlink[precision];
                floor[1] = m_uplink[precision];
            }
        }
    }
    m_loaded = true;
}

double
WdmoePricedPrecision::GetPrice(wdmoe::Precision precision, bool downlink)
{
    Load();
    const auto& table = downlink ? m_downlink : m_uplink;
    const auto found = table.find(precision);
    NS_ABORT_MSG_IF(found == table.end(),
                    "WdmoePricedPrecision: " << m_path << " has no price of "
                                             << wdmoe::PrecisionName(precision)
                                             << " (lever 'precision'); " << HOW);
    return found->second;
}

std::vector<WdmoePrecisionChoice>
WdmoePricedPrecision::Decide(const WdmoePrecisionInput& input)
{
    NS_ABORT_MSG_IF(input.hidden == 0, "WdmoePricedPrecision: an activation has no elements");
    wdmoe::PrecisionProblem problem;
    problem.pairs = input.pairs;
    problem.downlinkSPerBit = input.downlinkSPerBit;
    problem.uplinkSPerBit = input.uplinkSPerBit;
    problem.elements = input.hidden;
    problem.maxLoss = m_maxLoss;
    std::vector<Precision> ways[2];
    for (const bool down : {true, false})
    {
        auto& way = ways[down ? 0 : 1];
        way.push_back(down ? input.configured.downlink : input.configured.uplink);
        const double most = BitsPerElement(way.front(), input.hidden);
        for (const auto precision : m_levels)
        {
            if (BitsPerElement(precision, input.hidden) < most)
            {
                way.push_back(precision);
            }
        }
        for (const auto precision : way)
        {
            (down ? problem.downlink : problem.uplink)
                .push_back({BitsPerElement(precision, input.hidden), GetPrice(precision, down)});
        }
    }
    const auto result = wdmoe::ChoosePrecision(problem);
    if (!result.feasible)
    {
        NS_LOG_WARN("already as it is configured, precision costs "
                    << result.loss << " of quality, above MaxLoss " << m_maxLoss);
    }
    std::vector<WdmoePrecisionChoice> choices(input.pairs.size());
    for (std::size_t k = 0; k < choices.size(); k++)
    {
        choices[k].downlink = ways[0][result.downlink[k]];
        choices[k].uplink = ways[1][result.uplink[k]];
    }
    return choices;
}

} // namespace ns3
