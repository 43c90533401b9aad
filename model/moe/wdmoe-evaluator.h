/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_EVALUATOR_H
#define WDMOE_EVALUATOR_H

#include "ns3/ptr.h"
#include "ns3/random-variable-stream.h"
#include "ns3/wdmoe-capability.h"
#include "ns3/wdmoe-perturbation.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace wdmoe
{

/// What an evaluation gave
struct EvaluationResult
{
    CapabilityScore score;   ///< quality
    PerturbationCount count; ///< how much was perturbed
};

/**
 * @ingroup wdmoe-moe
 *
 * Asks a model, in this process and without a network, the same items under one perturbation after
 * another. Sequences of similar length share a forward pass, in an order that depends on the items
 * only; nothing is padded. Draws come from one stream, so a result depends on model, items,
 * perturbation, stream, seed and run alone.
 */
class Evaluator
{
  public:
    /**
     * @param model the model
     * @param items what it is asked; each must fit into the context
     * @param rows most tokens of a forward pass, unless one item has more. A share that is dropped
     *        is a share of the pairs of one pass
     * @throws std::invalid_argument without any item, or for one that does not fit
     */
    Evaluator(std::shared_ptr<const Transformer> model,
              std::vector<EvaluationItem> items,
              uint32_t rows = 2048);

    /**
     * Fix the stream of the draws and start it anew.
     *
     * @param stream first stream to use
     * @return the number of streams used (1)
     */
    int64_t AssignStreams(int64_t stream);

    /**
     * Teacher forcing: every token of an item is given, whatever the model would have said. The
     * unperturbed model is run once, at the first call, and its logits are kept if they fit into
     * 256 MB; else it is run again each time.
     *
     * @param perturbation what happens to the calls of experts
     * @return scores, compared with the unperturbed model
     */
    EvaluationResult Evaluate(const Perturbation& perturbation);

    /**
     * Free running: the model continues the prompts of tasks by itself, with its keys and values
     * kept, until it has said a newline (more exactly, the last token expected) or as many tokens
     * as are expected. Texts are left out.
     *
     * @param perturbation what happens to the calls of experts, prompts included
     * @param perDomain how many items of each task, the first ones; 0: all
     * @param sampler how the next token is chosen
     * @return scores
     */
    EvaluationResult Generate(const Perturbation& perturbation,
                              std::size_t perDomain = 0,
                              const Sampler& sampler = Sampler());

    /**
     * The gates that the unperturbed model computes for all tokens of the items.
     *
     * @param [out] lengths tokens of each sequence
     * @return one gate for each block, its rows the sequences one after another
     */
    std::vector<GateMatrix> RecordGates(std::vector<uint32_t>& lengths) const;

    /// @return tokens of a pass over all items under teacher forcing
    std::size_t GetTokens() const;

    /// @return the items
    const std::vector<EvaluationItem>& GetItems() const;

    /// Call this with the fraction of a pass that is done; @param progress called
    void SetProgress(std::function<void(double)> progress);

  private:
    /// Items of one forward pass
    using Batch = std::vector<std::size_t>;

    /**
     * @param order indices of items
     * @param length tokens of an item in a pass
     * @return batches of at most m_rows tokens
     */
    std::vector<Batch> MakeBatches(
        std::vector<std::size_t> order,
        const std::function<std::size_t(const EvaluationItem&)>& length) const;

    /**
     * One forward pass.
     *
     * @param rows sequences
     * @param tokens of all of them
     * @param wanted rows whose logits are wanted, rising
     * @param perturbation what happens
     * @param [in,out] count sums are added here
     * @return wanted x V
     */
    std::vector<float> Pass(const std::vector<SequenceRows>& rows,
                            const std::vector<uint32_t>& tokens,
                            const std::vector<std::size_t>& wanted,
                            const Perturbation& perturbation,
                            PerturbationCount& count);

    /**
     * A batch under teacher forcing.
     *
     * @param batch items
     * @param perturbation what happens
     * @param [in,out] count sums are added here
     * @return logits of the tokens scored, item by item
     */
    std::vector<float> Force(const Batch& batch,
                             const Perturbation& perturbation,
                             PerturbationCount& count);

    std::shared_ptr<const Transformer> m_model;  ///< asked
    std::vector<EvaluationItem> m_items;         ///< what
    uint32_t m_rows;                             ///< most in a pass
    std::vector<Batch> m_batches;                ///< under teacher forcing
    std::vector<std::vector<float>> m_reference; ///< logits by batch; empty: not yet, or too many
    ns3::Ptr<ns3::UniformRandomVariable> m_uniform; ///< all draws
    std::function<void(double)> m_progress;         ///< told
};

} // namespace wdmoe

#endif /* WDMOE_EVALUATOR_H */
