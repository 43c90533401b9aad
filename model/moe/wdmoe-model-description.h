/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_MODEL_DESCRIPTION_H
#define WDMOE_MODEL_DESCRIPTION_H

#include "ns3/wdmoe-compute.h"

#include <cstdint>
#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * Sizes of a mixture-of-experts language model, read from a JSON file in data/models, in which
 * each value stands with its source.
 */
struct WdmoeModelDescription
{
    std::string name;           ///< as users choose it, for example "mixtral-8x7b"
    uint32_t blocks{0};         ///< I, blocks with routed experts
    uint32_t experts{0};        ///< E, routed experts in each block
    uint32_t topK{0};           ///< experts a token is routed to
    uint32_t sharedExperts{0};  ///< experts that every token runs (at the base station)
    wdmoe::ExpertShape expert;  ///< size of one routed expert
    uint32_t attentionHeads{0}; ///< query heads
    uint32_t keyValueHeads{0};  ///< key/value heads (grouped-query attention)
    uint32_t headSize{0};       ///< elements of one head
    uint32_t vocabulary{0};     ///< tokens in the vocabulary
    uint32_t contextLength{0};  ///< longest sequence, tokens

    /**
     * FLOPs at the base station for one token of one block: attention projections, scores over
     * the context, gate, and shared experts.
     *
     * @param context tokens attended to
     * @return FLOPs
     */
    double BaseStationFlopsPerToken(double context) const;

    /**
     * @param nameOrPath a name in data/models, or the path of a JSON file
     * @return the description; aborts with file, line, column (malformed JSON) or the field
     *         (missing, wrong type, out of range), or the list of known names
     */
    static WdmoeModelDescription Load(const std::string& nameOrPath);
};

/**
 * @ingroup wdmoe-moe
 *
 * @param name a device in data/devices.json ("jetson-agx-orin", ...), or "FILE.json:NAME"
 * @return its profile; aborts with the list of known names
 */
wdmoe::DeviceProfile WdmoeLoadDeviceProfile(const std::string& name);

} // namespace ns3

#endif /* WDMOE_MODEL_DESCRIPTION_H */
