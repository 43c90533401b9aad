/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

/**
 * @file
 *
 * What losing, dropping or coarsening expert calls costs a real model, without a network:
 *
 *     wdmoe-evaluate --model=wdmoe-lm-robust --out=sensitivity.json
 *
 * Every lever is set to several positions, and the model answers the same evaluation items (of
 * data/evaluation, or --data) each time:
 *
 *     tau             drop experts after a token's first whose combine weight is below tau
 *     share           drop a share of all (token, expert) pairs, those of lowest weight
 *     share-random    drop the same share at random
 *     loss            each answer is lost with some probability
 *     loss-first      only the answers of a token's first expert can be lost
 *     loss-second     only those of its second
 *     gone-lost       one expert never answers
 *     gone-rerouted   one expert is known to be gone; the next best takes its place
 *     precision       activations lose bits on the way down, up, or both
 *
 * The file written, "wdmoe-sensitivity-1":
 *
 *     model, data                name, digest and sizes; items, tokens and domains asked
 *     seeds, confidence          repetitions of random settings; level of the half widths
 *     levers.LEVER[]             one entry for each position ("none": the model as it is), with
 *       value                      the threshold, share, probability or expert
 *       downlink, uplink           in its place for "precision"
 *       bytes_per_pair             activation bytes of a call, both ways
 *       missing_share              of the pairs of top-k, dropped or lost
 *       dropped_share              of them, dropped
 *       gate_mass_kept             gate weight answered / gate weight of top-k
 *       exact_match                mean over tasks, each of equal weight
 *       exact_match_free_running   the same where the model writes by itself (--freeRunning)
 *       bits_per_byte              mean over texts' domains, each of equal weight
 *       agreement                  of the most likely token with the unperturbed model
 *       divergence_bits            KL(unperturbed || perturbed), bits a token
 *       domains.DOMAIN             the same by domain
 *     quality_price.levers.LEVER
 *       bits_per_byte_per_share    slope of the change against missing_share, through the
 *       exact_match_per_share      unperturbed model, over positions with missing_share in
 *                                  (0, most_missing_share]; null if there is none
 *     rank_correlation_of_gate_mass_kept
 *                                Spearman's, over all positions, with mean exact match and mean
 *                                bits per byte: how good a proxy of quality the gate mass is
 *
 * A measured number is {"mean": m, "half_width": h}: h is Student's over seeds, null where nothing
 * is random. null stands for what there is not (no task, no text).
 *
 * Or write the gates of the model for the text of a domain, for WdmoeRecordedGateSource:
 *
 *     wdmoe-evaluate --model=wdmoe-lm-base --gates=gates.csv --domain=shakespeare --tokens=2000
 *
 * Or measure how similar its experts are to one another, for WdmoeSiftSelector:
 *
 *     wdmoe-evaluate --model=wdmoe-lm-base --similarity=similarity.json
 */

#include "ns3/command-line.h"
#include "ns3/wdmoe-data-path.h"
#include "ns3/wdmoe-gate-log.h"
#include "ns3/wdmoe-sensitivity-helper.h"
#include "ns3/wdmoe-similarity.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

using namespace ns3;

namespace
{

std::vector<std::string>
Split(const std::string& list)
{
    std::vector<std::string> parts;
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, ',');)
    {
        parts.push_back(part);
    }
    return parts;
}

/// Options of the program
struct Options
{
    std::string model;         ///< folder, or name in data/models
    std::string data;          ///< files; empty: all of data/evaluation
    std::string out;           ///< file
    std::string gates;         ///< file
    std::string similarity;    ///< file
    std::string domain;        ///< for gates; empty: all
    std::string levers{"all"}; ///< names
    uint32_t tokens{20000};    ///< limit
    uint32_t seeds{5};         ///< repetitions
    uint32_t freeRunning{0};   ///< items
    uint32_t threads{2};       ///< of the model
    bool progress{false};      ///< on standard error
};

void
Require(bool good, const std::string& message)
{
    if (!good)
    {
        throw std::invalid_argument(message);
    }
}

void
Run(const Options& options)
{
    Require(!options.model.empty(), "--model is missing: a folder, or a name in data/models");
    Require(!options.out.empty() || !options.gates.empty() || !options.similarity.empty(),
            "--out, --gates or --similarity is missing: a file");
    Require(options.seeds >= 1, "--seeds is 0; expected at least 1");
    for (const auto& file : {options.out, options.gates, options.similarity})
    {
        const auto parent = std::filesystem::path(file).parent_path();
        Require(parent.empty() || std::filesystem::is_directory(parent),
                file + ": cannot be written: no folder " + parent.string());
    }
    auto folder = std::filesystem::path(options.model);
    if (!std::filesystem::exists(folder))
    {
        Require(options.model.find('/') == std::string::npos,
                "--model=" + options.model + ": no such folder");
        folder = std::filesystem::path(WdmoeDataPath("models/" + options.model + "/config.json"))
                     .parent_path();
    }
    wdmoe::Transformer::SetThreads(options.threads);
    const auto model = wdmoe::Transformer::Load(folder.string());

    auto files = Split(options.data);
    if (files.empty())
    {
        for (const auto& name : WdmoeDataNames("evaluation", ".jsonl"))
        {
            files.push_back(WdmoeDataPath("evaluation/" + name + ".jsonl"));
        }
        Require(!files.empty(), "--data is missing, and there is no data/evaluation");
    }
    std::vector<wdmoe::EvaluationItem> items;
    std::vector<std::string> names;
    for (const auto& file : files)
    {
        const auto more = wdmoe::ReadEvaluation(file, model->GetConfig());
        items.insert(items.end(), more.begin(), more.end());
        names.push_back(std::filesystem::path(file).filename().string());
    }
    if (!options.domain.empty())
    {
        std::erase_if(items, [&options](const auto& i) { return i.domain != options.domain; });
        Require(!items.empty(), "--domain=" + options.domain + ": no item of that domain");
    }
    items = wdmoe::LimitTokens(items, options.tokens);
    // "models/x/" has no file name
    const auto name = std::filesystem::weakly_canonical(folder).filename().string();

    if (!options.gates.empty())
    {
        const wdmoe::Evaluator evaluator(model, items);
        std::vector<uint32_t> lengths;
        const auto gates = evaluator.RecordGates(lengths);
        wdmoe::WriteGateLog(options.gates,
                            "full softmax of " + name + " (digest " + model->GetDigest() +
                                "), domain " + (options.domain.empty() ? "all" : options.domain),
                            gates,
                            lengths);
        std::cout << options.gates << ": " << gates.size() << " blocks, " << lengths.size()
                  << " sequences, " << gates.front().tokens << " tokens\n";
    }
    if (!options.similarity.empty())
    {
        std::size_t tokens = 0;
        for (const auto& item : items)
        {
            tokens += item.tokens.size();
        }
        auto similarity = WdmoeMeasureSimilarity(*model, items, [&options](double fraction) {
            if (options.progress)
            {
                std::cerr << "@progress similarity " << fraction << std::endl;
            }
        });
        similarity.model = name;
        std::ostringstream source;
        source << "outputs of all experts for the tokens that the gate routes to each, mean over "
               << tokens << " tokens, " << items.size() << " items of";
        for (const auto& file : names)
        {
            source << " " << file;
        }
        source << ", domain " << (options.domain.empty() ? "all" : options.domain) << ", digest "
               << model->GetDigest();
        similarity.source = source.str();
        WdmoeWriteSimilarity(similarity, options.similarity);
        std::cout << options.similarity << ": " << similarity.blocks.size() << " blocks, "
                  << similarity.experts << " experts, " << tokens << " tokens\n";
    }
    if (!options.out.empty())
    {
        WdmoeSensitivityHelper study(model, name, items);
        study.seeds = options.seeds;
        study.freeRunning = options.freeRunning;
        study.progress = options.progress;
        study.files = names;
        study.Run(options.levers == "all" ? WdmoeSensitivityHelper::GetLevers()
                                          : Split(options.levers));
        study.PrintTable(std::cout);
        study.Write(options.out);
    }
}

} // namespace

int
main(int argc, char* argv[])
{
    Options options;
    CommandLine cmd(__FILE__);
    cmd.AddValue("model", "Folder of a checkpoint, or a name in data/models", options.model);
    cmd.AddValue("data",
                 "Evaluation files, separated by commas; empty: data/evaluation",
                 options.data);
    cmd.AddValue("out", "File for the sensitivity table, JSON", options.out);
    cmd.AddValue("tokens", "Most tokens asked, equal parts by domain; 0: all", options.tokens);
    cmd.AddValue("levers", "Levers, separated by commas; all; none", options.levers);
    cmd.AddValue("seeds", "Repetitions where something is random", options.seeds);
    cmd.AddValue("freeRunning", "Items of each task also answered freely", options.freeRunning);
    cmd.AddValue("domain", "Only items of this domain; empty: all", options.domain);
    cmd.AddValue("gates", "File for the gates of the model, CSV", options.gates);
    cmd.AddValue("similarity", "File for the similarity of its experts, JSON", options.similarity);
    cmd.AddValue("threads", "Threads of the model", options.threads);
    cmd.AddValue("progress", "Machine-readable progress on standard error", options.progress);
    cmd.Parse(argc, argv);
    if (options.levers == "none")
    {
        options.levers.clear();
    }
    try
    {
        Run(options);
    }
    catch (const std::exception& error)
    {
        std::cerr << "wdmoe-evaluate: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
