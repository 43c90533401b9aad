/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FOREIGN_SOURCES_H
#define WDMOE_FOREIGN_SOURCES_H

#include "wdmoe-foreign.h"

#include "ns3/wdmoe-gate-source.h"
#include "ns3/wdmoe-request-source.h"

#include <cstdint>

namespace ns3
{

// See wdmoe-foreign-policies.h

/**
 * @ingroup wdmoe-helper
 *
 * Which tokens a gate is asked about, and its model.
 */
struct WdmoeForeignQuery
{
    uint64_t blocks;   ///< I
    uint64_t experts;  ///< E
    uint64_t topK;     ///< k
    uint64_t request;  ///< id of the request
    uint64_t block;    ///< i
    uint64_t position; ///< of the first token in its sequence
    uint64_t tokens;   ///< J, consecutive tokens
};

/**
 * @ingroup wdmoe-helper
 *
 * What a gate says.
 */
struct WdmoeForeignGate
{
    const double* weight; ///< [J x E]
};

/**
 * @ingroup wdmoe-helper
 *
 * A request.
 */
struct WdmoeForeignRequest
{
    uint64_t more;        ///< 0: there is none
    double arrivalS;      ///< simulated time, s
    int64_t promptTokens; ///< >= 1
    int64_t outputTokens; ///< >= 1
};

/**
 * @ingroup wdmoe-helper
 *
 * Gate source of another language. What is answered is checked: rows of numbers >= 0, of which at
 * least one is more, and whose sum is 1 at most but for rounding.
 */
class WdmoeForeignGateSource : public WdmoeGateSource, public WdmoeForeign
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    void SetModel(uint32_t blocks, uint32_t experts, uint32_t topK) override;
    wdmoe::GateMatrix GetGate(const WdmoeGateQuery& query) override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;
};

/**
 * @ingroup wdmoe-helper
 *
 * Request source of another language. What is answered is checked: arrivals in order, at least one
 * token each way.
 */
class WdmoeForeignRequestSource : public WdmoeRequestSource, public WdmoeForeign
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    bool Next(WdmoeRequest& request) override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void NotifyConstructionCompleted() override; ///< asks the other language for its part
    void DoDispose() override;

  private:
    uint64_t m_next{0}; ///< id of the next request
    Time m_last;        ///< arrival of the last one
};

} // namespace ns3

#endif /* WDMOE_FOREIGN_SOURCES_H */
