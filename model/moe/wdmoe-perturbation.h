/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PERTURBATION_H
#define WDMOE_PERTURBATION_H

#include "ns3/ptr.h"
#include "ns3/random-variable-stream.h"
#include "ns3/wdmoe-activation.h"
#include "ns3/wdmoe-selection.h"
#include "ns3/wdmoe-transformer.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wdmoe
{

/// Which (token, expert) pairs the base station does not send
enum class DropRule
{
    NONE,            ///< it sends all
    BELOW,           ///< those after a token's first whose combine weight is below a threshold
    SHARE_BY_WEIGHT, ///< a share of the batch's pairs: those of lowest weight, no token's first
    SHARE_AT_RANDOM  ///< the same share, drawn among all that are no token's first
};

/// Which answers can be lost
enum class LossRule
{
    NONE,  ///< no
    ANY,   ///< each
    FIRST, ///< only those of a token's first expert
    SECOND ///< only those of a token's second expert
};

/// What becomes of the calls of an expert that is gone
enum class GoneRule
{
    NONE,    ///< all experts are there
    LOST,    ///< sent, never answered
    REROUTED ///< known to be gone: masked before top-k, so another expert takes its place
};

/**
 * @ingroup wdmoe-moe
 *
 * What happens to the calls of experts in every block of a forward pass. A pair is a token and one
 * of its top-k experts; its combine weight is its gate weight divided by the sum over the token's
 * top k; a token's first expert is the one with the largest. In this order:
 *
 * 1. an expert that is gone and REROUTED is masked before top-k;
 * 2. pairs are dropped by the DropRule. Shares are of all pairs of the batch in the block, rounded
 *    to a whole number of pairs; a token's first is never dropped. Of equal weights the later one
 *    is dropped first;
 * 3. what is sent loses precision (downlink), the answers too (uplink);
 * 4. answers are lost by the LossRule, each on its own, and those of an expert that is gone.
 *
 * Each token adds up the answers it has, their weights divided by their sum if renormalise is true
 * and as top-k made them if not. A token without an answer gets zero.
 */
struct Perturbation
{
    DropRule drop{DropRule::NONE};       ///< what is not sent
    double dropValue{0};                 ///< BELOW: the threshold; SHARE_...: the share; 0 .. 1
    LossRule loss{LossRule::NONE};       ///< what can be lost
    double lossProbability{0};           ///< of each answer that can be, 0 .. 1
    GoneRule gone{GoneRule::NONE};       ///< whether an expert is gone
    uint32_t goneExpert{0};              ///< e, in every block
    Precision downlink{Precision::FP32}; ///< of what is sent to the experts
    Precision uplink{Precision::FP32};   ///< of what they answer
    bool renormalise{true};              ///< whether weights are divided by the sum of those there

    /// @return whether anything is drawn at random
    bool IsRandom() const;

    /**
     * @param config of the model
     * @throws std::invalid_argument for a value out of range, or an expert that is to be masked
     *         where top-k needs them all
     */
    void Check(const TransformerConfig& config) const;
};

/**
 * @ingroup wdmoe-moe
 *
 * How much was perturbed, summed over blocks and tokens. Gate mass is in weights of the gate as it
 * was (not masked, not renormalised).
 */
struct PerturbationCount
{
    uint64_t pairs{0};   ///< of the model's own top-k
    uint64_t dropped{0}; ///< not sent
    uint64_t lost{0};    ///< sent, not answered
    double mass{0};      ///< gate mass of the model's own top-k
    double kept{0};      ///< gate mass of the pairs answered

    /// @return (dropped + lost) / pairs; 0 without pairs
    double MissingShare() const;

    /// @return kept / mass, at most 1; 1 without pairs
    double KeptGateMass() const;

    /// Adds the sums; @param other the sums
    void Merge(const PerturbationCount& other);
};

/**
 * @ingroup wdmoe-moe
 *
 * Steps 1 and 2: what the base station sends.
 *
 * @param perturbation what happens
 * @param gate of the block, all tokens of the batch
 * @param topK the model's own
 * @param uniform draws for SHARE_AT_RANDOM; may be null otherwise
 * @return top-k with the pairs dropped taken out. With renormalise the combine weights of those
 *         that stay sum to 1; without, they are as top-k made them
 */
Selection RouteWith(const Perturbation& perturbation,
                    const GateMatrix& gate,
                    std::size_t topK,
                    ns3::Ptr<ns3::UniformRandomVariable> uniform);

/**
 * @ingroup wdmoe-moe
 *
 * Step 4: which answers come back.
 *
 * @param perturbation what happens
 * @param selection what was sent, of RouteWith()
 * @param uniform draws for a LossRule, one for each pair that can be lost, in the order of tokens;
 *        may be null otherwise
 * @return tokens x slots: 1 for each pair that is answered, 0 for all others
 */
std::vector<uint8_t> AnsweredWith(const Perturbation& perturbation,
                                  const Selection& selection,
                                  ns3::Ptr<ns3::UniformRandomVariable> uniform);

/**
 * @ingroup wdmoe-moe
 *
 * The expert layer of one block under a perturbation, all four steps: hidden += sum of w * answer.
 *
 * @param perturbation what happens
 * @param model the model
 * @param block i
 * @param input J x m, of Transformer::ExpertInput()
 * @param [in,out] hidden J x m, residual stream
 * @param uniform draws, where something is random; may be null otherwise
 * @param [in,out] count sums are added here
 */
void ExpertLayerWith(const Perturbation& perturbation,
                     const Transformer& model,
                     uint32_t block,
                     const std::vector<float>& input,
                     std::vector<float>& hidden,
                     ns3::Ptr<ns3::UniformRandomVariable> uniform,
                     PerturbationCount& count);

} // namespace wdmoe

#endif /* WDMOE_PERTURBATION_H */
