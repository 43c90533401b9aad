/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_REAL_MODEL_H
#define WDMOE_REAL_MODEL_H

#include "wdmoe-gate-source.h"
#include "wdmoe-model-description.h"
#include "wdmoe-request-source.h"

#include "ns3/wdmoe-capability.h"
#include "ns3/wdmoe-transformer.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ns3
{

class UniformRandomVariable;

/**
 * @ingroup wdmoe-moe
 *
 * How good the answer to one request was, compared with what was expected and with what the same
 * model says without a network. Sums, so that they can be added.
 */
struct WdmoeRequestScore
{
    std::string domain;    ///< of what was asked; empty: nothing was, only sizes
    bool task{false};      ///< whether there was one right answer
    bool forced{false};    ///< teacher forcing; else free running, and only exact counts
    bool exact{false};     ///< the whole answer is right
    uint32_t scored{0};    ///< tokens scored
    double bits{0};        ///< sum of -log2 p over them
    uint32_t compared{0};  ///< tokens compared with the model without a network
    uint32_t agreeing{0};  ///< of them, same most likely token
    double divergence{0};  ///< sum of KL(without || with a network) over them, bits
    std::string generated; ///< free running: what it said, as bytes (vocabulary of 256) or numbers
};

/**
 * @ingroup wdmoe-moe
 *
 * A real language model at the base station: attention, gate, combination and the choice of the
 * next token. Its experts run on the devices; what it is given back is what arrived there and back.
 *
 * Any number of requests may be under way; what is called for one leaves the others alone. For each
 * pass of a request the gating server calls StartPass(), then for each block GetGate(), GetInput()
 * for the tokens sent, and Combine(), then EndPass().
 */
class WdmoeRealModel : public WdmoeGateSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeRealModel();
    ~WdmoeRealModel() override;

    /**
     * @param nameOrPath a folder in data/models with a checkpoint, or the path of such a folder
     * @return the folder, or nothing if there is no config.json
     */
    static std::optional<std::string> FindCheckpoint(const std::string& nameOrPath);

    /**
     * @param nameOrPath as FindCheckpoint(); aborts with what is wrong with the checkpoint
     * @return the model; read once for all of a process that give the same folder
     */
    static Ptr<WdmoeRealModel> Load(const std::string& nameOrPath);

    /// @return the numbers; shared with the expert nodes
    std::shared_ptr<const wdmoe::Transformer> GetTransformer() const;

    /// @return sizes as the rest of the module wants them; expert weights have 2 bytes
    WdmoeModelDescription Describe() const;

    /// @return name of the folder
    const std::string& GetName() const;

    void SetModel(uint32_t blocks, uint32_t experts, uint32_t topK) override;
    int64_t AssignStreams(int64_t stream) override;

    /**
     * Begin a request.
     *
     * @param request with an item; aborts if it has none, if it does not fit the context, or if one
     * with its id is under way
     */
    void StartRequest(const WdmoeRequest& request);

    /**
     * Begin a pass: the prompt first, then one token at a time.
     *
     * @param request id
     */
    void StartPass(uint64_t request);

    /**
     * Attention and gate of a block of the present pass; blocks in order, each once.
     *
     * @param query which tokens
     * @return J x E
     */
    wdmoe::GateMatrix GetGate(const WdmoeGateQuery& query) override;

    /**
     * @param request id
     * @param token j of its present pass
     * @return m elements: what the experts of the present block are to see
     */
    const float* GetInput(uint64_t request, uint32_t token) const;

    /**
     * End a block: add what the experts answered.
     *
     * @param request id
     * @param selection which experts each token was sent to
     * @param answers what came back; the rest is done without
     */
    void Combine(uint64_t request,
                 const wdmoe::Selection& selection,
                 const std::vector<wdmoe::ExpertAnswer>& answers);

    /**
     * @param request id
     * @return the token after this pass: the most likely one, or drawn (Temperature)
     */
    uint32_t EndPass(uint64_t request);

    /// @return whether this token ends an answer; @param token of EndPass()
    bool IsEnd(uint32_t token) const;

    /**
     * Forget a request.
     *
     * @param request id; call it once, after the last pass
     * @return how good the answer was
     */
    WdmoeRequestScore EndRequest(uint64_t request);

    /// @return sums over all requests so far
    const wdmoe::CapabilityScore& GetScore() const;

    /**
     * @param token of the model
     * @return what it stands for: the byte (vocabulary of 256), else " NUMBER"
     */
    std::string GetText(uint32_t token) const;

  protected:
    void DoDispose() override;

  private:
    /// A request that is under way
    struct Session
    {
        WdmoeRequest request;                        ///< what is asked
        std::unique_ptr<wdmoe::KeyValueCache> cache; ///< of its sequence
        std::vector<uint32_t> passTokens;            ///< tokens of the present pass
        std::vector<uint32_t> generated;             ///< tokens that came out
        std::vector<float> hidden;                   ///< residual stream of the present pass
        std::vector<float> input;                    ///< of the experts of the present block
        std::vector<float> prefillHidden;            ///< after the last block of the first pass
    };

    /**
     * @param request id
     * @return its session; aborts if there is none
     */
    Session& Find(uint64_t request);

    /**
     * Append the logits of a request to LogitsFile.
     *
     * @param session of the request
     */
    void WriteLogits(const Session& session) const;

    std::shared_ptr<const wdmoe::Transformer> m_transformer; ///< the numbers
    std::string m_name;                                      ///< of the folder
    double m_temperature{0};                                 ///< 0: greedy
    bool m_compare{true};                                    ///< with the model without a network
    std::string m_logitsFile;                                ///< attribute
    Ptr<UniformRandomVariable> m_uniform;                    ///< draws tokens

    std::map<uint64_t, Session> m_sessions; ///< by request id
    wdmoe::CapabilityScore m_score;         ///< so far
};

} // namespace ns3

#endif /* WDMOE_REAL_MODEL_H */
