/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-similarity.h"

#include "wdmoe-data-file.h"
#include "wdmoe-data-path.h"

#include "ns3/abort.h"

#include <cmath>
#include <fstream>
#include <iomanip>
#include <stdexcept>

namespace ns3
{

namespace
{

const char* const FORMAT = "wdmoe-similarity-1"; ///< of the file

/**
 * Compare the outputs of all experts for the tokens that each was chosen for.
 *
 * @param output by expert: J x m
 * @param selection who was chosen
 * @param hidden m
 * @param [in,out] block gets sums
 */
void
Compare(const std::vector<std::vector<float>>& output,
        const wdmoe::Selection& selection,
        uint32_t hidden,
        WdmoeBlockSimilarity& block)
{
    const auto experts = output.size();
    for (std::size_t slot = 0; slot < selection.expert.size(); slot++)
    {
        if (selection.expert[slot] < 0)
        {
            continue;
        }
        const auto i = static_cast<std::size_t>(selection.expert[slot]);
        const auto at = slot / selection.slots * hidden;
        const float* own = output[i].data() + at;
        double ownSquare = 0;
        for (uint32_t h = 0; h < hidden; h++)
        {
            ownSquare += static_cast<double>(own[h]) * own[h];
        }
        if (!(ownSquare > 0))
        {
            continue; // says nothing, so nothing is like it
        }
        block.pairs[i]++;
        for (std::size_t f = 0; f < experts; f++)
        {
            const float* other = output[f].data() + at;
            double product = 0;
            double square = 0;
            for (uint32_t h = 0; h < hidden; h++)
            {
                product += static_cast<double>(own[h]) * other[h];
                square += static_cast<double>(other[h]) * other[h];
            }
            block.cosine[i * experts + f] +=
                square > 0 ? product / std::sqrt(ownSquare * square) : 0;
            block.distance[i * experts + f] +=
                std::sqrt(std::max(0.0, ownSquare + square - 2 * product) / ownSquare);
        }
    }
}

/// @return the same for between quotes; @param text any
std::string
Escape(const std::string& text)
{
    std::string escaped;
    for (const char c : text)
    {
        escaped += c == '"' || c == '\\' ? "\\" : "";
        escaped += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return escaped;
}

/**
 * @param name of the member
 * @param values E x E
 * @param experts E
 * @param out where to
 */
void
WriteMatrix(const char* name,
            const std::vector<double>& values,
            std::size_t experts,
            std::ostream& out)
{
    out << "   \"" << name << "\": [";
    for (std::size_t i = 0; i < values.size(); i++)
    {
        out << (i % experts == 0 ? (i == 0 ? "\n    [" : "],\n    [") : ", ") << values[i];
    }
    out << "]\n   ]";
}

/**
 * @param field array of E arrays of E numbers
 * @param experts E
 * @param least smallest accepted
 * @param most largest accepted
 * @param self what the diagonal is
 * @return the numbers
 */
std::vector<double>
ReadMatrix(const WdmoeJson& field, std::size_t experts, double least, double most, double self)
{
    std::vector<double> values;
    if (field.Size() != experts)
    {
        field.Fail("expected " + std::to_string(experts) + " rows, found " +
                   std::to_string(field.Size()));
    }
    for (std::size_t i = 0; i < experts; i++)
    {
        const auto row = field.At(i);
        if (row.Size() != experts)
        {
            row.Fail("expected " + std::to_string(experts) + " numbers, found " +
                     std::to_string(row.Size()));
        }
        for (std::size_t f = 0; f < experts; f++)
        {
            values.push_back(row.At(f).Number(least, most));
            if (i == f && values.back() != self)
            {
                row.At(f).Fail("expected " + std::to_string(self) + ", an expert is itself");
            }
        }
    }
    return values;
}

} // namespace

WdmoeSimilarity
WdmoeReadSimilarity(const std::string& path)
{
    const auto root = WdmoeJson::Load(path);
    root.Only({"format", "model", "source", "experts", "blocks"});
    const auto field = root.At("format");
    if (field.String() != FORMAT)
    {
        field.Fail(std::string("expected '") + FORMAT + "', found '" + field.String() + "'");
    }
    WdmoeSimilarity similarity;
    similarity.model = root.At("model").String();
    similarity.source = root.At("source").String();
    similarity.experts = static_cast<uint32_t>(root.At("experts").Integer(1, 100000));
    const auto blocks = root.At("blocks");
    for (std::size_t b = 0; b < blocks.Size(); b++)
    {
        const auto entry = blocks.At(b);
        entry.Only({"pairs", "cosine", "relative_distance"});
        WdmoeBlockSimilarity block;
        for (std::size_t e = 0; e < similarity.experts; e++)
        {
            block.pairs.push_back(entry.At("pairs").At(e).Integer(0, uint64_t{1} << 53));
        }
        block.cosine = ReadMatrix(entry.At("cosine"), similarity.experts, -1, 1, 1);
        block.distance = ReadMatrix(entry.At("relative_distance"), similarity.experts, 0, 1e12, 0);
        similarity.blocks.push_back(std::move(block));
    }
    if (similarity.blocks.empty())
    {
        blocks.Fail("expected at least one block");
    }
    return similarity;
}

WdmoeSimilarity
WdmoeMeasureSimilarity(const wdmoe::Transformer& model,
                       const std::vector<wdmoe::EvaluationItem>& items,
                       const std::function<void(double)>& progress)
{
    const auto& config = model.GetConfig();
    const std::size_t experts = config.experts;
    WdmoeSimilarity similarity;
    similarity.experts = config.experts;
    similarity.blocks.resize(config.blocks);
    for (auto& block : similarity.blocks)
    {
        block.pairs.assign(experts, 0);
        block.cosine.assign(experts * experts, 0);
        block.distance.assign(experts * experts, 0);
    }
    std::size_t done = 0;
    for (const auto& item : items)
    {
        wdmoe::KeyValueCache cache(config);
        const std::vector<wdmoe::SequenceRows> rows{
            {&cache, static_cast<uint32_t>(item.tokens.size())}};
        auto hidden = model.Embed(item.tokens);
        for (uint32_t b = 0; b < config.blocks; b++)
        {
            model.Attend(b, rows, hidden);
            const auto input = model.ExpertInput(b, hidden);
            const auto selection = wdmoe::SelectTopK(model.Gate(b, input), config.topK);
            std::vector<std::vector<float>> output;
            for (uint32_t e = 0; e < config.experts; e++)
            {
                output.push_back(model.Expert(b, e, input));
            }
            Compare(output, selection, config.hidden, similarity.blocks[b]);
            model.Combine(selection, wdmoe::RunExperts(model, b, selection, input), hidden);
        }
        done++;
        if (progress)
        {
            progress(static_cast<double>(done) / static_cast<double>(items.size()));
        }
    }
    for (auto& block : similarity.blocks)
    {
        for (std::size_t i = 0; i < experts * experts; i++)
        {
            const auto pairs = static_cast<double>(block.pairs[i / experts]);
            const bool self = i / experts == i % experts;
            block.cosine[i] = self ? 1 : pairs > 0 ? block.cosine[i] / pairs : 0;
            block.distance[i] = self ? 0 : pairs > 0 ? block.distance[i] / pairs : 1;
        }
    }
    return similarity;
}

void
WdmoeWriteSimilarity(const WdmoeSimilarity& similarity, const std::string& path)
{
    std::ofstream out(path);
    out << std::fixed << std::setprecision(4);
    out << "{\n \"format\": \"" << FORMAT << "\",\n \"model\": \"" << Escape(similarity.model)
        << "\",\n \"source\": \"" << Escape(similarity.source)
        << "\",\n \"experts\": " << similarity.experts << ",\n \"blocks\": [";
    for (std::size_t b = 0; b < similarity.blocks.size(); b++)
    {
        const auto& block = similarity.blocks[b];
        out << (b == 0 ? "\n" : ",\n") << "  {\n   \"pairs\": [";
        for (std::size_t e = 0; e < block.pairs.size(); e++)
        {
            out << (e == 0 ? "" : ", ") << block.pairs[e];
        }
        out << "],\n";
        WriteMatrix("cosine", block.cosine, similarity.experts, out);
        out << ",\n";
        WriteMatrix("relative_distance", block.distance, similarity.experts, out);
        out << "\n  }";
    }
    out << "\n ]\n}\n";
    out.close();
    if (!out)
    {
        throw std::runtime_error(path + ": cannot be written");
    }
}

WdmoeSimilarity
WdmoeLoadSimilarity(const std::string& name)
{
    const auto path = WdmoeDataPath(name);
    WdmoeSimilarity similarity;
    std::string wrong;
    try
    {
        similarity = WdmoeReadSimilarity(path);
    }
    catch (const WdmoeDataError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(),
                    "similarity file: " << wrong << "; ./wdmoe evaluate --similarity=FILE writes "
                                        << "one for a real model");
    return similarity;
}

} // namespace ns3
