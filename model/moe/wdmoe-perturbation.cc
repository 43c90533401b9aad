/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-perturbation.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace wdmoe
{

namespace
{

void
Require(bool good, const std::string& what, double value, const std::string& expected)
{
    if (!good)
    {
        throw std::invalid_argument("Perturbation: " + what + " is " + std::to_string(value) +
                                    ", expected " + expected);
    }
}

/// Combine weights from the gate's, of the slots still there
void
Renormalise(const double* row, const int32_t* expert, double* combine, std::size_t slots)
{
    double sum = 0;
    for (std::size_t s = 0; s < slots; ++s)
    {
        sum += expert[s] >= 0 ? row[expert[s]] : 0;
    }
    for (std::size_t s = 0; s < slots; ++s)
    {
        combine[s] = expert[s] >= 0 ? row[expert[s]] / sum : 0;
    }
}

/// @return indices into the selection of what a share drops
std::vector<std::size_t>
ChooseShare(const Perturbation& perturbation,
            const Selection& selection,
            ns3::Ptr<ns3::UniformRandomVariable> uniform)
{
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < selection.expert.size(); ++i)
    {
        if (selection.expert[i] >= 0 && i % selection.slots > 0)
        {
            candidates.push_back(i);
        }
    }
    const auto wanted = static_cast<std::size_t>(
        std::llround(perturbation.dropValue * static_cast<double>(selection.Routed())));
    const std::size_t count = std::min(wanted, candidates.size());
    if (perturbation.drop == DropRule::SHARE_BY_WEIGHT)
    {
        const auto first = [&selection](std::size_t a, std::size_t b) {
            return selection.combine[a] < selection.combine[b] ||
                   (selection.combine[a] == selection.combine[b] && a > b);
        };
        std::nth_element(candidates.begin(),
                         candidates.begin() + static_cast<std::ptrdiff_t>(count),
                         candidates.end(),
                         first);
    }
    else
    {
        for (std::size_t i = 0; i < count; ++i)
        {
            const auto last = static_cast<uint32_t>(candidates.size() - 1);
            std::swap(candidates[i],
                      candidates[uniform->GetInteger(static_cast<uint32_t>(i), last)]);
        }
    }
    candidates.resize(count);
    return candidates;
}

} // namespace

bool
Perturbation::IsRandom() const
{
    return (drop == DropRule::SHARE_AT_RANDOM && dropValue > 0) ||
           (loss != LossRule::NONE && lossProbability > 0 && lossProbability < 1);
}

void
Perturbation::Check(const TransformerConfig& config) const
{
    Require(dropValue >= 0 && dropValue <= 1, "dropValue", dropValue, "0 .. 1");
    Require(lossProbability >= 0 && lossProbability <= 1,
            "lossProbability",
            lossProbability,
            "0 .. 1");
    Require(gone == GoneRule::NONE || goneExpert < config.experts,
            "goneExpert",
            goneExpert,
            "less than the number of experts, " + std::to_string(config.experts));
    Require(gone != GoneRule::REROUTED || config.topK < config.experts,
            "the number of experts",
            config.experts,
            "more than top-k, " + std::to_string(config.topK) + ", to reroute");
}

double
PerturbationCount::MissingShare() const
{
    return pairs ? static_cast<double>(dropped + lost) / static_cast<double>(pairs) : 0;
}

double
PerturbationCount::KeptGateMass() const
{
    return mass > 0 ? std::min(1.0, kept / mass) : 1;
}

void
PerturbationCount::Merge(const PerturbationCount& other)
{
    pairs += other.pairs;
    dropped += other.dropped;
    lost += other.lost;
    mass += other.mass;
    kept += other.kept;
}

Selection
RouteWith(const Perturbation& perturbation,
          const GateMatrix& gate,
          std::size_t topK,
          ns3::Ptr<ns3::UniformRandomVariable> uniform)
{
    Selection selection;
    const GateMatrix* seen = &gate;
    GateMatrix masked;
    if (perturbation.gone == GoneRule::REROUTED)
    {
        masked = gate;
        for (std::size_t j = 0; j < gate.tokens; ++j)
        {
            double* row = &masked.weight[j * gate.experts];
            row[perturbation.goneExpert] = 0;
            // a softmax may have nothing left for the others in its number of bits
            if (std::all_of(row, row + gate.experts, [](double w) { return w == 0; }))
            {
                std::fill(row, row + gate.experts, 1.0 / static_cast<double>(gate.experts));
                row[perturbation.goneExpert] = 0;
            }
        }
        seen = &masked;
    }
    selection = SelectTopK(*seen, topK);

    std::vector<std::size_t> dropped;
    if (perturbation.drop == DropRule::BELOW)
    {
        for (std::size_t i = 0; i < selection.expert.size(); ++i)
        {
            if (selection.expert[i] >= 0 && i % topK > 0 &&
                selection.combine[i] < perturbation.dropValue)
            {
                dropped.push_back(i);
            }
        }
    }
    else if (perturbation.drop != DropRule::NONE)
    {
        dropped = ChooseShare(perturbation, selection, uniform);
    }
    for (const std::size_t i : dropped)
    {
        selection.expert[i] = -1;
        selection.combine[i] = 0;
    }
    if (perturbation.renormalise)
    {
        for (const std::size_t i : dropped)
        {
            const std::size_t j = i / topK;
            Renormalise(seen->Row(j),
                        &selection.expert[j * topK],
                        &selection.combine[j * topK],
                        topK);
        }
    }
    return selection;
}

std::vector<uint8_t>
AnsweredWith(const Perturbation& perturbation,
             const Selection& selection,
             ns3::Ptr<ns3::UniformRandomVariable> uniform)
{
    std::vector<uint8_t> answered(selection.expert.size(), 0);
    for (std::size_t i = 0; i < selection.expert.size(); ++i)
    {
        if (selection.expert[i] < 0)
        {
            continue;
        }
        const std::size_t rank = i % selection.slots;
        const bool canBeLost = perturbation.loss == LossRule::ANY ||
                               (perturbation.loss == LossRule::FIRST && rank == 0) ||
                               (perturbation.loss == LossRule::SECOND && rank == 1);
        bool lost = canBeLost && perturbation.lossProbability >= 1;
        if (canBeLost && !lost && perturbation.lossProbability > 0)
        {
            lost = uniform->GetValue() < perturbation.lossProbability;
        }
        lost = lost || (perturbation.gone == GoneRule::LOST &&
                        selection.expert[i] == static_cast<int32_t>(perturbation.goneExpert));
        answered[i] = !lost;
    }
    return answered;
}

void
ExpertLayerWith(const Perturbation& perturbation,
                const Transformer& model,
                uint32_t block,
                const std::vector<float>& input,
                std::vector<float>& hidden,
                ns3::Ptr<ns3::UniformRandomVariable> uniform,
                PerturbationCount& count)
{
    const uint32_t width = model.GetConfig().hidden;
    const uint32_t topK = model.GetConfig().topK;
    const auto gate = model.Gate(block, input);
    const auto own = SelectTopK(gate, topK);
    auto selection = RouteWith(perturbation, gate, topK, uniform);
    const auto answered = AnsweredWith(perturbation, selection, uniform);

    count.pairs += own.Routed();
    count.dropped += own.Routed() - std::min(own.Routed(), selection.Routed());
    for (std::size_t i = 0; i < own.expert.size(); ++i)
    {
        const double* row = gate.Row(i / topK);
        count.mass += own.expert[i] >= 0 ? row[own.expert[i]] : 0;
        count.kept += answered[i] ? row[selection.expert[i]] : 0;
        count.lost += selection.expert[i] >= 0 && !answered[i];
    }

    auto sent = input;
    RoundTrip(perturbation.downlink, width, gate.tokens, sent.data());
    // nobody computes what is lost anyway
    auto arriving = selection;
    for (std::size_t i = 0; i < answered.size(); ++i)
    {
        arriving.expert[i] = answered[i] ? selection.expert[i] : -1;
    }
    auto answers = RunExperts(model, block, arriving, sent);
    for (auto& answer : answers)
    {
        RoundTrip(perturbation.uplink, width, answer.token.size(), answer.output.data());
    }
    if (perturbation.renormalise)
    {
        model.Combine(selection, answers, hidden);
        return;
    }
    // Combine() would renormalise
    for (const auto& answer : answers)
    {
        for (std::size_t r = 0; r < answer.token.size(); ++r)
        {
            const std::size_t token = answer.token[r];
            const auto* slots = &arriving.expert[token * topK];
            const auto slot =
                std::find(slots, slots + topK, static_cast<int32_t>(answer.expert)) - slots;
            const auto weight = static_cast<float>(selection.combine[token * topK + slot]);
            for (std::size_t i = 0; i < width; ++i)
            {
                hidden[token * width + i] += weight * answer.output[r * width + i];
            }
        }
    }
}

} // namespace wdmoe
