/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PROMPT_REQUEST_SOURCE_H
#define WDMOE_PROMPT_REQUEST_SOURCE_H

#include "wdmoe-request-source.h"

#include "ns3/wdmoe-transformer.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * Prompts that a real model is to continue, each arriving when it is told to. The answer ends with
 * the model's end token, or after as many tokens as asked for.
 */
class WdmoePromptRequestSource : public WdmoeRequestSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param prompt text (a model of bytes), else token numbers separated by blanks
     * @param outputTokens most tokens to generate, >= 1
     * @param arrival when, not before that of the last one
     * @param config of the model; aborts if the prompt is empty, has a token outside the
     *        vocabulary, or does not fit the context together with the output
     */
    void Add(const std::string& prompt,
             uint32_t outputTokens,
             Time arrival,
             const wdmoe::TransformerConfig& config);

    bool Next(WdmoeRequest& request) override;

  private:
    std::vector<WdmoeRequest> m_requests; ///< all
    std::size_t m_given{0};               ///< handed out
};

} // namespace ns3

#endif /* WDMOE_PROMPT_REQUEST_SOURCE_H */
