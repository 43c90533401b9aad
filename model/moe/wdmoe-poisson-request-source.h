/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_POISSON_REQUEST_SOURCE_H
#define WDMOE_POISSON_REQUEST_SOURCE_H

#include "wdmoe-request-source.h"

#include "ns3/ptr.h"

namespace ns3
{

class ExponentialRandomVariable;
class RandomVariableStream;

/**
 * @ingroup wdmoe-moe
 *
 * Requests that arrive as a Poisson process; prompt and output lengths from random variables,
 * rounded, at least 1.
 */
class WdmoePoissonRequestSource : public WdmoeRequestSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoePoissonRequestSource();
    ~WdmoePoissonRequestSource() override;

    bool Next(WdmoeRequest& request) override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;

  private:
    double m_rate{0};                     ///< attribute: 1/s
    uint64_t m_maxRequests{0};            ///< attribute, 0: no limit
    Ptr<RandomVariableStream> m_prompt;   ///< attribute: tokens
    Ptr<RandomVariableStream> m_output;   ///< attribute: tokens
    Ptr<ExponentialRandomVariable> m_gap; ///< unit mean
    double m_nowS{0};                     ///< last arrival
    uint64_t m_given{0};                  ///< requests handed out
};

} // namespace ns3

#endif /* WDMOE_POISSON_REQUEST_SOURCE_H */
