/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-data-file.h"
#include "wdmoe-data-path.h"
#include "wdmoe-gate-process.h"

#include "ns3/abort.h"
#include "ns3/random-variable-stream.h"

#include <algorithm>
#include <numeric>

namespace ns3
{

WdmoeGateLog
WdmoeReadGateLog(const std::string& path)
{
    WdmoeCsv csv(path);
    csv.ReadHeader();
    const auto comment = [&csv, &path](const std::string& key, uint32_t most) {
        const auto text = csv.Comment(key);
        const bool digits = !text.empty() && text.size() <= 5 &&
                            text.find_first_not_of("0123456789") == std::string::npos;
        const auto value = digits ? std::stoul(text) : 0;
        if (value < 1 || value > most)
        {
            throw WdmoeDataError(path + ":1:1: \"# " + key +
                                 ":\": expected a whole number from 1 to " + std::to_string(most) +
                                 ", found '" + text + "'");
        }
        return static_cast<uint32_t>(value);
    };
    if (csv.Comment("format") != "wdmoe-gate-log-1")
    {
        throw WdmoeDataError(path + ":1:1: expected \"# format: wdmoe-gate-log-1\", found '" +
                             csv.Comment("format") + "'");
    }
    WdmoeGateLog log;
    log.experts = comment("experts", 65535);
    log.topK = comment("topk", log.experts);
    std::vector<std::string> names{"block", "sequence", "position"};
    for (uint32_t k = 0; k < log.topK; ++k)
    {
        names.push_back("expert_" + std::to_string(k));
        names.push_back("weight_" + std::to_string(k));
    }
    for (std::size_t i = 0; i < std::max(names.size(), csv.Names().size()); ++i)
    {
        if (i >= names.size() || i >= csv.Names().size() || names[i] != csv.Names()[i])
        {
            csv.Fail(i, "the column '" + (i < names.size() ? names[i] : "(none)") + "'");
        }
    }

    uint64_t block = 0;
    uint64_t sequence = 0;
    uint64_t position = 0;             // what may come next
    std::vector<std::size_t> start{0}; // of the sequences of this block
    std::size_t blockStart = 0;        // tokens before this block
    const auto inBlock = [&] { return log.expert.size() / log.topK - blockStart; };
    const auto endBlock = [&] {
        start.push_back(inBlock());
        blockStart += inBlock();
        if (block == 0)
        {
            log.start = start;
        }
        return start == log.start;
    };
    while (csv.NextRow())
    {
        const auto b = csv.Integer(0, 0, 9999);
        const auto s = csv.Integer(1, 0, 1u << 30);
        const auto p = csv.Integer(2, 0, 1u << 30);
        const bool begun = !log.expert.empty();
        if (begun && b == block + 1 && s == 0 && p == 0)
        {
            if (!endBlock())
            {
                csv.Fail(0, "block " + std::to_string(block) + " to have the sequences of block 0");
            }
            start = {0};
            block = b;
            sequence = 0;
            position = 0;
        }
        else if (begun && b == block && s == sequence + 1 && p == 0)
        {
            start.push_back(inBlock());
            sequence = s;
            position = 0;
        }
        if (b != block)
        {
            csv.Fail(0, "rows ordered by block, here " + std::to_string(block));
        }
        if (s != sequence)
        {
            csv.Fail(1, "rows ordered by sequence, here " + std::to_string(sequence));
        }
        if (p != position)
        {
            csv.Fail(2, "rows ordered by position, here " + std::to_string(position));
        }
        position++;
        double sum = 0;
        for (uint32_t k = 0; k < log.topK; ++k)
        {
            const auto expert = csv.Integer(3 + 2 * k, 0, log.experts - 1);
            const double weight = csv.Number(4 + 2 * k, 0, 1);
            const auto same = log.expert.end() - k;
            if (std::find(same, log.expert.end(), expert) != log.expert.end())
            {
                csv.Fail(3 + 2 * k, "an expert that is not named earlier in the row");
            }
            log.expert.push_back(static_cast<uint16_t>(expert));
            log.weight.push_back(static_cast<float>(weight));
            sum += weight;
        }
        if (sum > 1 + 1e-3 || sum <= 0)
        {
            csv.Fail(4, "weights of a token that sum to more than 0 and at most 1");
        }
    }
    if (log.expert.empty())
    {
        throw WdmoeDataError(path + ": no row after the header");
    }
    if (!endBlock())
    {
        throw WdmoeDataError(path + ": block " + std::to_string(block) +
                             ": expected the sequences of block 0 (is the file cut short?)");
    }
    log.blocks = static_cast<uint32_t>(block + 1);
    return log;
}

WdmoeGateCounts
WdmoeReadGateCounts(const std::string& path)
{
    const auto root = WdmoeJson::Load(path);
    root.Only({"format",
               "comment",
               "source",
               "licence",
               "model",
               "experts",
               "topK",
               "modelBlocks",
               "layers",
               "domains"});
    if (root.At("format").String() != "wdmoe-gate-counts-1")
    {
        root.At("format").Fail("expected \"wdmoe-gate-counts-1\"");
    }
    root.At("source").String();
    root.At("licence").String();
    WdmoeGateCounts counts;
    counts.model = root.At("model").String();
    counts.experts = static_cast<uint32_t>(root.At("experts").Integer(1, 65535));
    counts.topK = static_cast<uint32_t>(root.At("topK").Integer(1, counts.experts));
    counts.modelBlocks = static_cast<uint32_t>(root.At("modelBlocks").Integer(1, 10000));
    const auto layers = root.At("layers");
    for (std::size_t i = 0; i < layers.Size(); ++i)
    {
        const auto least = counts.layers.empty() ? 0 : counts.layers.back() + 1;
        counts.layers.push_back(
            static_cast<uint32_t>(layers.At(i).Integer(least, counts.modelBlocks - 1)));
    }
    if (counts.layers.empty())
    {
        layers.Fail("expected at least one layer");
    }
    const auto domains = root.At("domains");
    counts.domains = domains.Keys();
    if (counts.domains.empty())
    {
        domains.Fail("expected at least one domain");
    }
    for (const auto& name : counts.domains)
    {
        const auto domain = domains.At(name);
        if (domain.Size() != counts.layers.size())
        {
            domain.Fail("expected " + std::to_string(counts.layers.size()) +
                        " rows, one for each of 'layers', found " + std::to_string(domain.Size()));
        }
        for (std::size_t layer = 0; layer < counts.layers.size(); ++layer)
        {
            const auto row = domain.At(layer);
            if (row.Size() != counts.experts)
            {
                row.Fail("expected " + std::to_string(counts.experts) + " counts, found " +
                         std::to_string(row.Size()));
            }
            std::vector<double> values;
            for (std::size_t e = 0; e < counts.experts; ++e)
            {
                values.push_back(static_cast<double>(row.At(e).Integer(0, 1ULL << 50)));
            }
            const double sum = std::accumulate(values.begin(), values.end(), 0.0);
            if (sum <= 0)
            {
                row.Fail("expected counts that are not all 0");
            }
            for (std::size_t e = 0; e < counts.experts; ++e)
            {
                if (values[e] * counts.topK > sum * 1.0001)
                {
                    row.At(e).Fail("an expert is chosen more often than there are tokens");
                }
                counts.share.push_back(values[e] * counts.topK / sum);
            }
        }
    }
    return counts;
}

WdmoeGateFit
WdmoeReadGateFit(const std::string& path, const std::string& preset)
{
    const auto root = WdmoeJson::Load(path);
    root.Only({"comment", "presets"});
    const auto presets = root.At("presets");
    if (!presets.Has(preset))
    {
        std::string all;
        for (const auto& name : presets.Keys())
        {
            all += " " + name;
        }
        throw WdmoeDataError(path + ": no preset '" + preset + "'. There are:" + all);
    }
    const auto values = presets.At(preset);
    WdmoeGateFit fit;
    fit.skew = values.Sourced("skew").Number(0, 20);
    fit.concentration = values.Sourced("concentration").Number(0, 20);
    fit.correlation = values.Sourced("correlation").Number(0, 0.999);
    return fit;
}

WdmoeGateFit
WdmoeLoadGateFit(const std::string& preset)
{
    std::string path = "gates/fits.json";
    auto name = preset;
    if (const auto colon = preset.rfind(':'); colon != std::string::npos)
    {
        path = preset.substr(0, colon);
        name = preset.substr(colon + 1);
    }
    path = WdmoeDataPath(path);
    std::string wrong; // aborting inside the handler would print it twice
    try
    {
        return WdmoeReadGateFit(path, name);
    }
    catch (const WdmoeDataError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: gate presets: " << wrong);
    return WdmoeGateFit();
}

uint64_t
WdmoeDrawKey(Ptr<UniformRandomVariable> uniform)
{
    const uint64_t high = uniform->GetInteger(0, 0x7fffffff);
    const uint64_t low = uniform->GetInteger(0, 0x7fffffff);
    return (high << 31) | low;
}

} // namespace ns3
