/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_GATE_SOURCE_H
#define WDMOE_GATE_SOURCE_H

#include "ns3/object.h"
#include "ns3/wdmoe-selection.h"

#include <cstdint>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * Which tokens the gate is asked about.
 */
struct WdmoeGateQuery
{
    uint64_t request{0};  ///< id of the request
    uint32_t block{0};    ///< i
    uint32_t position{0}; ///< position of the first token in its sequence
    uint32_t tokens{0};   ///< J, consecutive tokens
};

/**
 * @ingroup wdmoe-moe
 *
 * Where gate weights come from: synthetic, recorded, or a real model.
 *
 * The answer depends on the query (and the stream assigned) only, never on the order of the
 * calls, so that all policies of a comparison see the same tokens.
 */
class WdmoeGateSource : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * Fix the sizes; called once, before the first query. Aborts if this source cannot serve them.
     *
     * @param blocks I
     * @param experts E
     * @param topK k
     */
    virtual void SetModel(uint32_t blocks, uint32_t experts, uint32_t topK);

    /**
     * @param query which tokens
     * @return J x E gate weights, each row sums to 1 (or to less, if a log kept only the largest)
     */
    virtual wdmoe::GateMatrix GetGate(const WdmoeGateQuery& query) = 0;

    /**
     * @param stream first stream index to use
     * @return number of streams used
     */
    virtual int64_t AssignStreams(int64_t stream);

  protected:
    uint32_t m_blocks{0};  ///< I
    uint32_t m_experts{0}; ///< E
    uint32_t m_topK{0};    ///< k
};

} // namespace ns3

#endif /* WDMOE_GATE_SOURCE_H */
