/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-evaluator.h"

#include "ns3/object.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace wdmoe
{

namespace
{

constexpr std::size_t MOST_KEPT = 256U << 20; ///< bytes of reference logits

/// @return whether a pass under this is that of the unperturbed model
bool
IsNone(const Perturbation& p)
{
    return p.drop == DropRule::NONE && p.loss == LossRule::NONE && p.gone == GoneRule::NONE &&
           p.downlink == Precision::FP32 && p.uplink == Precision::FP32;
}

} // namespace

Evaluator::Evaluator(std::shared_ptr<const Transformer> model,
                     std::vector<EvaluationItem> items,
                     uint32_t rows)
    : m_model(std::move(model)),
      m_items(std::move(items)),
      m_rows(rows),
      m_uniform(ns3::CreateObject<ns3::UniformRandomVariable>())
{
    if (m_items.empty() || m_rows == 0)
    {
        throw std::invalid_argument("Evaluator: expected at least one item and one row");
    }
    const auto context = m_model->GetConfig().contextLength;
    for (const auto& item : m_items)
    {
        if (item.scoreFrom < 1 || item.scoreFrom >= item.tokens.size() ||
            item.tokens.size() > context)
        {
            throw std::invalid_argument(
                "Evaluator: " + item.place + ": " + std::to_string(item.tokens.size()) +
                " tokens, scored from " + std::to_string(item.scoreFrom) +
                ", expected at least one before and one after, and at most " +
                std::to_string(context) + " in all");
        }
    }
    std::vector<std::size_t> order(m_items.size());
    std::iota(order.begin(), order.end(), 0);
    m_batches = MakeBatches(std::move(order),
                            [](const EvaluationItem& item) { return item.tokens.size() - 1; });
}

int64_t
Evaluator::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    return 1;
}

std::vector<Evaluator::Batch>
Evaluator::MakeBatches(std::vector<std::size_t> order,
                       const std::function<std::size_t(const EvaluationItem&)>& length) const
{
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return length(m_items[a]) > length(m_items[b]);
    });
    std::vector<Batch> batches;
    std::size_t used = 0;
    for (const std::size_t i : order)
    {
        const std::size_t rows = length(m_items[i]);
        if (batches.empty() || used + rows > m_rows)
        {
            batches.emplace_back();
            used = 0;
        }
        batches.back().push_back(i);
        used += rows;
    }
    return batches;
}

std::vector<float>
Evaluator::Pass(const std::vector<SequenceRows>& rows,
                const std::vector<uint32_t>& tokens,
                const std::vector<std::size_t>& wanted,
                const Perturbation& perturbation,
                PerturbationCount& count)
{
    const auto& config = m_model->GetConfig();
    auto hidden = m_model->Embed(tokens);
    for (uint32_t block = 0; block < config.blocks; ++block)
    {
        m_model->Attend(block, rows, hidden);
        const auto input = m_model->ExpertInput(block, hidden);
        ExpertLayerWith(perturbation, *m_model, block, input, hidden, m_uniform, count);
    }
    std::vector<float> last;
    last.reserve(wanted.size() * config.hidden);
    for (const std::size_t row : wanted)
    {
        const auto from = hidden.begin() + static_cast<std::ptrdiff_t>(row * config.hidden);
        last.insert(last.end(), from, from + config.hidden);
    }
    return m_model->Logits(last);
}

std::vector<float>
Evaluator::Force(const Batch& batch, const Perturbation& perturbation, PerturbationCount& count)
{
    std::vector<KeyValueCache> caches(batch.size(), KeyValueCache(m_model->GetConfig()));
    std::vector<SequenceRows> rows;
    std::vector<uint32_t> tokens;
    std::vector<std::size_t> wanted;
    for (std::size_t n = 0; n < batch.size(); ++n)
    {
        const auto& item = m_items[batch[n]];
        const auto length = static_cast<uint32_t>(item.tokens.size()) - 1;
        for (std::size_t t = item.scoreFrom - 1; t < length; ++t)
        {
            wanted.push_back(tokens.size() + t);
        }
        tokens.insert(tokens.end(), item.tokens.begin(), item.tokens.end() - 1);
        rows.push_back({&caches[n], length});
    }
    return Pass(rows, tokens, wanted, perturbation, count);
}

EvaluationResult
Evaluator::Evaluate(const Perturbation& perturbation)
{
    perturbation.Check(m_model->GetConfig());
    const std::size_t vocabulary = m_model->GetConfig().vocabulary;
    std::size_t scored = 0;
    for (const auto& item : m_items)
    {
        scored += item.Scored();
    }
    const bool keep = scored * vocabulary * sizeof(float) <= MOST_KEPT;
    const bool known = !m_reference.empty();
    PerturbationCount ignored;
    EvaluationResult result;
    std::size_t done = 0;
    for (std::size_t b = 0; b < m_batches.size(); ++b)
    {
        const auto logits = Force(m_batches[b], perturbation, result.count);
        std::vector<float> computed;
        if (!known)
        {
            computed = IsNone(perturbation) ? logits : Force(m_batches[b], Perturbation(), ignored);
            if (keep)
            {
                m_reference.push_back(computed);
            }
        }
        const auto& reference = keep ? m_reference[b] : computed;
        std::size_t row = 0;
        for (const std::size_t i : m_batches[b])
        {
            const auto& item = m_items[i];
            result.score.Add(item,
                             &logits[row * vocabulary],
                             static_cast<uint32_t>(vocabulary),
                             &reference[row * vocabulary]);
            row += item.Scored();
            done += item.tokens.size() - 1;
        }
        if (m_progress)
        {
            m_progress(static_cast<double>(done) / static_cast<double>(GetTokens()));
        }
    }
    return result;
}

EvaluationResult
Evaluator::Generate(const Perturbation& perturbation, std::size_t perDomain, const Sampler& sampler)
{
    perturbation.Check(m_model->GetConfig());
    const auto& config = m_model->GetConfig();
    std::map<std::string, std::size_t> taken;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < m_items.size(); ++i)
    {
        if (m_items[i].task && (perDomain == 0 || taken[m_items[i].domain]++ < perDomain))
        {
            order.push_back(i);
        }
    }
    EvaluationResult result;
    std::size_t done = 0;
    const std::size_t all = order.size();
    for (const auto& batch :
         MakeBatches(std::move(order), [](const EvaluationItem& item) { return item.scoreFrom; }))
    {
        std::vector<KeyValueCache> caches(batch.size(), KeyValueCache(config));
        std::vector<std::vector<uint32_t>> said(batch.size());
        std::vector<std::size_t> active(batch.size());
        std::iota(active.begin(), active.end(), 0);
        while (!active.empty())
        {
            std::vector<SequenceRows> rows;
            std::vector<uint32_t> tokens;
            std::vector<std::size_t> wanted;
            for (const std::size_t n : active)
            {
                const auto& item = m_items[batch[n]];
                const bool prompt = said[n].empty();
                if (prompt)
                {
                    tokens.insert(tokens.end(),
                                  item.tokens.begin(),
                                  item.tokens.begin() + item.scoreFrom);
                }
                else
                {
                    tokens.push_back(said[n].back());
                }
                rows.push_back({&caches[n], prompt ? item.scoreFrom : 1});
                wanted.push_back(tokens.size() - 1);
            }
            const auto logits = Pass(rows, tokens, wanted, perturbation, result.count);
            std::vector<std::size_t> still;
            for (std::size_t a = 0; a < active.size(); ++a)
            {
                const std::size_t n = active[a];
                const auto& item = m_items[batch[n]];
                said[n].push_back(sampler.Next(&logits[a * config.vocabulary], config.vocabulary));
                if (said[n].size() < item.Scored() && said[n].back() != item.tokens.back())
                {
                    still.push_back(n);
                }
            }
            active = std::move(still);
        }
        for (std::size_t n = 0; n < batch.size(); ++n)
        {
            result.score.AddGenerated(m_items[batch[n]], said[n]);
        }
        done += batch.size();
        if (m_progress)
        {
            m_progress(static_cast<double>(done) / static_cast<double>(all));
        }
    }
    return result;
}

std::vector<GateMatrix>
Evaluator::RecordGates(std::vector<uint32_t>& lengths) const
{
    const auto& config = m_model->GetConfig();
    std::vector<GateMatrix> gates(config.blocks);
    lengths.clear();
    std::size_t done = 0;
    for (const auto& item : m_items)
    {
        KeyValueCache cache(config);
        const auto length = static_cast<uint32_t>(item.tokens.size());
        const std::vector<SequenceRows> rows{{&cache, length}};
        auto hidden = m_model->Embed(item.tokens);
        for (uint32_t block = 0; block < config.blocks; ++block)
        {
            m_model->Attend(block, rows, hidden);
            const auto input = m_model->ExpertInput(block, hidden);
            const auto gate = m_model->Gate(block, input);
            const auto selection = SelectTopK(gate, config.topK);
            m_model->Combine(selection, RunExperts(*m_model, block, selection, input), hidden);
            gates[block].tokens += gate.tokens;
            gates[block].experts = gate.experts;
            gates[block].weight.insert(gates[block].weight.end(),
                                       gate.weight.begin(),
                                       gate.weight.end());
        }
        lengths.push_back(length);
        done++;
        if (m_progress)
        {
            m_progress(static_cast<double>(done) / static_cast<double>(m_items.size()));
        }
    }
    return gates;
}

std::size_t
Evaluator::GetTokens() const
{
    std::size_t tokens = 0;
    for (const auto& item : m_items)
    {
        tokens += item.tokens.size() - 1;
    }
    return tokens;
}

const std::vector<EvaluationItem>&
Evaluator::GetItems() const
{
    return m_items;
}

void
Evaluator::SetProgress(std::function<void(double)> progress)
{
    m_progress = std::move(progress);
}

} // namespace wdmoe
