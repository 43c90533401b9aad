/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TRANSFORMER_H
#define WDMOE_TRANSFORMER_H

#include "ns3/wdmoe-selection.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-moe
 *
 * A checkpoint is not what it should be. what() names the file, the tensor or field, what was
 * expected and what was found.
 */
class CheckpointError : public std::runtime_error
{
  public:
    using std::runtime_error::runtime_error;
};

/**
 * @ingroup wdmoe-moe
 *
 * Sizes of a real model, from the config.json of its checkpoint.
 */
struct TransformerConfig
{
    std::string architecture;   ///< "MixtralForCausalLM"
    uint32_t vocabulary{0};     ///< V
    uint32_t hidden{0};         ///< m
    uint32_t inner{0};          ///< m_h, of an expert
    uint32_t blocks{0};         ///< I
    uint32_t attentionHeads{0}; ///< query heads
    uint32_t keyValueHeads{0};  ///< key/value heads (grouped-query attention)
    uint32_t headSize{0};       ///< elements of one head
    uint32_t experts{0};        ///< E
    uint32_t topK{0};           ///< experts a token is routed to
    uint32_t contextLength{0};  ///< longest sequence, tokens
    double ropeTheta{10000};    ///< base of the rotary position embedding
    double normEpsilon{1e-5};   ///< of RMSNorm
    bool tiedEmbedding{false};  ///< whether the head is the embedding
    int32_t bosToken{-1};       ///< first token of a sequence; -1: none
    int32_t eosToken{-1};       ///< ends a sequence; -1: none
    int32_t padToken{-1};       ///< fills a batch; -1: none
};

/**
 * @ingroup wdmoe-moe
 *
 * Keys and values of one sequence, all blocks. Grows as tokens come.
 */
class KeyValueCache
{
  public:
    /**
     * @param config of the model
     */
    explicit KeyValueCache(const TransformerConfig& config);

    /**
     * @param block i
     * @return tokens this block has seen
     */
    uint32_t GetTokens(uint32_t block) const;

    /**
     * Forget all tokens from a position on.
     *
     * @param tokens how many stay
     */
    void Truncate(uint32_t tokens);

  private:
    friend class Transformer;
    uint32_t m_heads{0};                     ///< keyValueHeads
    uint32_t m_headSize{0};                  ///< elements of one head
    std::vector<uint32_t> m_tokens;          ///< by block: tokens seen
    std::vector<std::vector<float>> m_key;   ///< by block: tiles of 16 tokens, transposed
    std::vector<std::vector<float>> m_value; ///< by block: one row for each token, heads padded
};

/**
 * @ingroup wdmoe-moe
 *
 * The rows of a batch that belong to one sequence: consecutive tokens, following those in the
 * cache.
 */
struct SequenceRows
{
    KeyValueCache* cache{nullptr}; ///< of the sequence; not owned
    uint32_t tokens{0};            ///< rows
};

/**
 * @ingroup wdmoe-moe
 *
 * What one expert answered: which tokens, and a row for each.
 */
struct ExpertAnswer
{
    uint32_t expert{0};          ///< e
    std::vector<uint32_t> token; ///< rows of the batch, in the order of the output
    std::vector<float> output;   ///< token.size() x m, row major
};

/**
 * @ingroup wdmoe-moe
 *
 * A real mixture-of-experts decoder (Mixtral: RMSNorm, rotary positions, grouped-query attention,
 * softmax gate, SwiGLU experts), cut where the network cuts it. One block of a forward pass is
 *
 *     Attend(i, rows, hidden)          at the base station; hidden += attention(norm(hidden))
 *     input = ExpertInput(i, hidden)   what goes over the air: norm(hidden), J x m
 *     gate = Gate(i, input)            softmax weights, J x E
 *     Expert(i, e, rows of input)      on the device
 *     Combine(selection, answers, hidden)   at the base station; hidden += sum of w * answer
 *
 * between Embed() and Logits(). Read-only after Load(), so one copy serves all nodes of a
 * simulation. Arithmetic is fp32; matrices are row major, one row for each token.
 *
 * A row of a result is the same bit by bit whichever rows stand beside it, whether its tokens came
 * at once or one by one, in whatever order answers arrive, and on any number of threads: a run
 * over the network can be compared with one in a process. It does depend on the processor's kind
 * (with or without AVX2 and FMA), by rounding.
 */
class Transformer
{
  public:
    /**
     * Read a checkpoint as Hugging Face's transformers saves it: config.json, and either
     * model.safetensors or model.safetensors.index.json with its shards; fp32, fp16 or bf16.
     * Every size, offset, dtype and shape is checked before a byte is used.
     *
     * @param folder of the checkpoint
     * @return the model
     * @throws CheckpointError if anything is not as it should be; there is never half a model
     */
    static std::shared_ptr<const Transformer> Load(const std::string& folder);

    /**
     * @param folder of the checkpoint
     * @return its sizes only, without reading the weights
     * @throws CheckpointError as Load()
     */
    static TransformerConfig ReadConfig(const std::string& folder);

    ~Transformer();

    /// @return the sizes
    const TransformerConfig& GetConfig() const;

    /// @return hexadecimal digest (64 bits) of config and weights: names the model in a manifest
    const std::string& GetDigest() const;

    /**
     * @param tokens J token numbers
     * @return J x m
     * @throws std::invalid_argument for a token outside the vocabulary
     */
    std::vector<float> Embed(const std::vector<uint32_t>& tokens) const;

    /**
     * Attention of one block; keys and values are appended to the caches.
     *
     * @param block i
     * @param rows sequences of the batch, J rows in all
     * @param [in,out] hidden J x m, residual stream
     * @throws std::invalid_argument if a sequence outgrows the context, or sizes disagree
     */
    void Attend(uint32_t block,
                const std::vector<SequenceRows>& rows,
                std::vector<float>& hidden) const;

    /**
     * @param block i
     * @param hidden J x m, residual stream after Attend()
     * @return J x m, what the gate and the experts of the block see
     */
    std::vector<float> ExpertInput(uint32_t block, const std::vector<float>& hidden) const;

    /**
     * @param block i
     * @param input J x m, of ExpertInput()
     * @return J x E, softmax over all experts
     */
    GateMatrix Gate(uint32_t block, const std::vector<float>& input) const;

    /**
     * @param block i
     * @param expert e
     * @param input q x m, rows of ExpertInput()
     * @return q x m
     */
    std::vector<float> Expert(uint32_t block,
                              uint32_t expert,
                              const std::vector<float>& input) const;

    /**
     * Add the answers, weighted. Weights of a token whose answers are only partly there are
     * renormalised over those that are; a token without any answer is left as it is.
     *
     * @param selection which experts each token was sent to, and with which combine weight
     * @param answers what came back; an answer nobody selected is ignored
     * @param [in,out] hidden J x m, residual stream
     */
    void Combine(const Selection& selection,
                 const std::vector<ExpertAnswer>& answers,
                 std::vector<float>& hidden) const;

    /**
     * @param hidden rows x m, residual stream after the last block
     * @return rows x V
     */
    std::vector<float> Logits(const std::vector<float>& hidden) const;

    /**
     * @param threads used by all models of the process, 1 or 2 or more; default: 2, or 1 where the
     * machine has no more. No result depends on it.
     */
    static void SetThreads(uint32_t threads);

  private:
    friend std::vector<ExpertAnswer> RunExperts(const Transformer& model,
                                                uint32_t block,
                                                const Selection& selection,
                                                const std::vector<float>& input);
    Transformer();
    struct Weights;                     ///< matrices and vectors, in the .cc
    TransformerConfig m_config;         ///< sizes
    std::string m_digest;               ///< names the weights
    std::unique_ptr<Weights> m_weights; ///< all of them
};

/**
 * @ingroup wdmoe-moe
 *
 * Run the experts of a selection here, in this process: what the network does, without it.
 *
 * @param model the model
 * @param block i
 * @param selection which experts run each token
 * @param input J x m, of ExpertInput()
 * @return one answer for each expert with tokens, tokens rising
 */
std::vector<ExpertAnswer> RunExperts(const Transformer& model,
                                     uint32_t block,
                                     const Selection& selection,
                                     const std::vector<float>& input);

/**
 * @ingroup wdmoe-moe
 *
 * A whole forward pass with vanilla top-k in this process.
 *
 * @param model the model
 * @param rows sequences of the batch; their caches grow
 * @param tokens all rows' token numbers, in the order of rows
 * @return J x V logits
 */
std::vector<float> Forward(const Transformer& model,
                           const std::vector<SequenceRows>& rows,
                           const std::vector<uint32_t>& tokens);

} // namespace wdmoe

#endif /* WDMOE_TRANSFORMER_H */
