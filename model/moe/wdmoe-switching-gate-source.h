/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SWITCHING_GATE_SOURCE_H
#define WDMOE_SWITCHING_GATE_SOURCE_H

#include "wdmoe-gate-source.h"

#include "ns3/ptr.h"

#include <utility>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * Gates that change from one request on: another domain of text, another recorded model run.
 * Request r is answered by the source of the last Add() whose first request is not after r;
 * requests beyond every source's numbers (ids of 2^40 and more, which ask for the history) by the
 * first source, for nobody knows of a change ahead.
 */
class WdmoeSwitchingGateSource : public WdmoeGateSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param first id of the first request that this source answers: 0 for the first source, then
     * rising
     * @param source answers from there on
     */
    void Add(uint64_t first, Ptr<WdmoeGateSource> source);

    void SetModel(uint32_t blocks, uint32_t experts, uint32_t topK) override;
    wdmoe::GateMatrix GetGate(const WdmoeGateQuery& query) override;

    /// Each source gets streams of its own, ten apart. @param stream first @return how many
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;

  private:
    std::vector<std::pair<uint64_t, Ptr<WdmoeGateSource>>> m_sources; ///< by first request
};

} // namespace ns3

#endif /* WDMOE_SWITCHING_GATE_SOURCE_H */
