/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_REQUEST_SOURCE_H
#define WDMOE_REQUEST_SOURCE_H

#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/wdmoe-capability.h"

#include <cstdint>
#include <memory>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * One request to the language model.
 */
struct WdmoeRequest
{
    uint64_t id{0};           ///< counts from 0
    Time arrival;             ///< simulated time of arrival
    uint32_t promptTokens{0}; ///< prefill tokens, >= 1
    uint32_t outputTokens{0}; ///< tokens to generate, >= 1 (the first comes from prefill)
    std::shared_ptr<const wdmoe::EvaluationItem> item; ///< what a real model is asked; null: sizes
    bool forced{false};    ///< teacher forcing: prefill is the item but its last token, all scored
    bool stopAtEnd{false}; ///< the end token ends the output, though less than outputTokens
};

/**
 * @ingroup wdmoe-moe
 *
 * Where requests come from.
 */
class WdmoeRequestSource : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param [out] request the next one, arrivals in order
     * @return false if there are no more
     */
    virtual bool Next(WdmoeRequest& request) = 0;

    /**
     * @param stream first stream index to use
     * @return number of streams used
     */
    virtual int64_t AssignStreams(int64_t stream);
};

} // namespace ns3

#endif /* WDMOE_REQUEST_SOURCE_H */
