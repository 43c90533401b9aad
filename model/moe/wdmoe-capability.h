/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CAPABILITY_H
#define WDMOE_CAPABILITY_H

#include "ns3/ptr.h"
#include "ns3/random-variable-stream.h"
#include "ns3/wdmoe-transformer.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-moe
 *
 * One thing that a model is asked: a task with one right answer, or a text to be predicted. Its
 * tokens are x_0 .. x_{n-1}; those from scoreFrom on are scored, each predicted from all before it.
 */
struct EvaluationItem
{
    std::string domain;           ///< scores are kept by domain, "mul" or "shakespeare"
    std::vector<uint32_t> tokens; ///< x: start token, prompt, answer
    uint32_t scoreFrom{1};        ///< first token scored, >= 1
    bool task{false};             ///< whether the tokens scored are the one right answer
    double bytes{0};              ///< bytes of text that the tokens scored stand for
    std::string place;            ///< "FILE:LINE", for messages

    /// @return number of tokens scored
    uint32_t Scored() const;
};

/**
 * @ingroup wdmoe-moe
 *
 * Read items from a JSON Lines file: one object in each line, of one of three forms.
 *
 * - `{"domain": D, "prompt": P, "answer": A}`: a task. Tokens: the start token of the model, the
 *   bytes of P, the bytes of A, a newline. A and the newline are scored: the model must also know
 *   where to stop. A itself has no newline.
 * - `{"domain": D, "text": T}`: a text. Tokens: the start token, the bytes of T. All of T is
 * scored.
 * - `{"domain": D, "tokens": [...], "score_from": n}`: token numbers of the model's own vocabulary,
 *   scored from the n-th on (n >= 1; the first is number 0). Optional: `"task": true`, and
 *   `"bytes"`, how many bytes of text the tokens scored stand for (default: one each).
 *
 * The first two need a model of bytes: a vocabulary of 256 and a start token. Its start and padding
 * tokens must not occur in a text.
 *
 * @param path of the file
 * @param config of the model that is asked
 * @return the items, in the order of the file
 * @throws std::runtime_error "FILE:LINE: ..." for a line that is not as above, a token outside the
 *         vocabulary, an item longer than the model's context, or a domain of both kinds; a file
 *         without any item
 */
std::vector<EvaluationItem> ReadEvaluation(const std::string& path,
                                           const TransformerConfig& config);

/**
 * @ingroup wdmoe-moe
 *
 * A sample of at most so many tokens: each domain gets an equal part of them, what a small domain
 * leaves goes to the others. A domain's items are taken evenly spread over its file, at least one.
 *
 * @param items all
 * @param tokens most of a pass over the sample (n - 1 of each item); 0: no limit
 * @return those taken, in their order
 */
std::vector<EvaluationItem> LimitTokens(const std::vector<EvaluationItem>& items,
                                        std::size_t tokens);

/**
 * @ingroup wdmoe-moe
 *
 * Sums over the items of one domain, and what follows from them. With p the model's softmax, q that
 * of the unperturbed model on the same tokens, and t over the tokens scored:
 *
 *     bits          sum of -log2 p(x_t)
 *     exact         items of which every x_t is the most likely token: greedy decoding gives them
 *     agreeing      positions where p and q have the same most likely token
 *     divergence    sum of KL(q || p) = sum over tokens v of q(v) log2(q(v) / p(v))
 *
 * Of several equally likely tokens the lowest number counts as the most likely one. A row of
 * logits that is not finite makes its item wrong and its bits infinite.
 */
struct DomainScore
{
    bool task{false};           ///< whether an item is right or wrong
    uint64_t items{0};          ///< scored under teacher forcing
    uint64_t exact{0};          ///< of them, all right
    uint64_t scored{0};         ///< tokens scored
    double bytes{0};            ///< bytes of text they stand for
    double bits{0};             ///< of the tokens scored
    uint64_t compared{0};       ///< tokens scored that were compared with the unperturbed model
    uint64_t agreeing{0};       ///< of them, same most likely token
    double divergence{0};       ///< bits, summed over the tokens compared
    uint64_t generated{0};      ///< items answered freely
    uint64_t generatedExact{0}; ///< of them, exactly as expected

    /// @return exact / items; NaN without items
    double ExactMatch() const;

    /// @return bits / bytes; NaN without bytes
    double BitsPerByte() const;

    /// @return agreeing / compared; NaN where nothing was compared
    double Agreement() const;

    /// @return divergence / compared, bits a token; NaN where nothing was compared
    double Divergence() const;

    /// @return generatedExact / generated; NaN without any
    double GeneratedExactMatch() const;

    /// Adds the sums of the same domain; @param other the sums
    void Merge(const DomainScore& other);
};

/**
 * @ingroup wdmoe-moe
 *
 * What a model can do, by domain: the same count for a model in one process and for one whose
 * experts answered over a network.
 */
class CapabilityScore
{
  public:
    /**
     * Count an item whose tokens were given (teacher forcing).
     *
     * @param item what was asked
     * @param logits Scored() x V, row major: row r was computed from the tokens before
     *        x_{scoreFrom + r}, so it is the output at position scoreFrom + r - 1
     * @param vocabulary V
     * @param reference the same of the unperturbed model; nullptr: not compared
     */
    void Add(const EvaluationItem& item,
             const float* logits,
             uint32_t vocabulary,
             const float* reference = nullptr);

    /**
     * Count an item that the model continued by itself from the tokens before scoreFrom.
     *
     * @param item what was asked
     * @param generated what it said; right if it begins with all tokens scored
     */
    void AddGenerated(const EvaluationItem& item, const std::vector<uint32_t>& generated);

    /// Adds the sums of others, domain by domain; @param other the sums
    void Merge(const CapabilityScore& other);

    /// @return sums by domain
    const std::map<std::string, DomainScore>& GetDomains() const;

    /// @return sums over all domains (its exact match is that of tasks, its bits those of texts)
    DomainScore Total() const;

    /// @return mean of ExactMatch() over the tasks, each of equal weight; NaN without any
    double MeanExactMatch() const;

    /// @return mean of BitsPerByte() over the texts' domains, each of equal weight; NaN without any
    double MeanBitsPerByte() const;

    /// @return mean of GeneratedExactMatch() over the tasks answered freely; NaN without any
    double MeanGeneratedExactMatch() const;

  private:
    /**
     * @param item that is scored
     * @return sums of its domain; throws std::invalid_argument if it is of the other kind
     */
    DomainScore& Of(const EvaluationItem& item);

    std::map<std::string, DomainScore> m_domains; ///< by name
};

/**
 * @ingroup wdmoe-moe
 *
 * Chooses the next token from logits: the most likely one, or a random one.
 */
class Sampler
{
  public:
    /// Greedy: always the most likely token; of several, the lowest number
    Sampler() = default;

    /**
     * @param temperature divides the logits, > 0: below 1 bolder, above 1 more even
     * @param uniform draws, one for each token; its stream makes a run repeatable
     * @throws std::invalid_argument for a temperature that is not finite and > 0
     */
    Sampler(double temperature, ns3::Ptr<ns3::UniformRandomVariable> uniform);

    /**
     * @param logits V of them
     * @param vocabulary V
     * @return the token
     */
    uint32_t Next(const float* logits, uint32_t vocabulary) const;

  private:
    double m_temperature{0};                          ///< 0: greedy
    ns3::Ptr<ns3::UniformRandomVariable> m_uniform{}; ///< none if greedy
};

} // namespace wdmoe

#endif /* WDMOE_CAPABILITY_H */
