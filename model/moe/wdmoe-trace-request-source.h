/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TRACE_REQUEST_SOURCE_H
#define WDMOE_TRACE_REQUEST_SOURCE_H

#include "wdmoe-request-source.h"

#include "ns3/ptr.h"

#include <memory>
#include <string>
#include <vector>

namespace ns3
{

class UniformRandomVariable;
struct WdmoeTraceRow;

/**
 * @ingroup wdmoe-moe
 *
 * Requests from a trace in the format of the Azure LLM inference traces: the columns
 * TIMESTAMP,ContextTokens,GeneratedTokens, times as 2023-11-16 18:17:03.9799600 (0 to 9 decimals),
 * rows in order of time. The first request that is kept arrives at Start, the others keep their
 * distance in time.
 *
 * Such traces are far too dense for one cell. Two ways to fewer requests:
 * - TimeScale stretches time: the order and the shape of the gaps are kept exactly, so the
 *   burstiness (coefficient of variation of the gaps, CV) too. To be preferred.
 * - Thinning keeps a share of the requests at random, in runs of RunLength successive ones; the
 *   time of what is left out stays. Requests thinned one by one (RunLength 1) lose burstiness:
 *   any thinned process tends to Poisson. Longer runs keep the density of a burst and put quiet
 *   between, at the price of making a smooth trace bursty. CV of the full Azure traces of 2023 at
 *   Thinning 0.1: code 13.2 becomes 4.2 (one by one), 7.3 (runs of 16), 18 (runs of 64); conv
 *   1.09 becomes 1.1, 5.3, 9.8.
 *
 * Each run of the simulation (RngRun 1, 2, ...) starts SkipPerRun rows further on, so that runs
 * see different requests; past the last row the trace goes on with the first one (after the mean
 * gap), and each row is used once at most.
 */
class WdmoeTraceRequestSource : public WdmoeRequestSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeTraceRequestSource();
    ~WdmoeTraceRequestSource() override;

    bool Next(WdmoeRequest& request) override;
    int64_t AssignStreams(int64_t stream) override;

    /// @return requests so far whose prompt was cut to MaxPromptTokens
    uint64_t GetClippedPrompts() const;

    /// @return requests so far whose output was cut to MaxOutputTokens
    uint64_t GetClippedOutputs() const;

  protected:
    void DoDispose() override;

  private:
    /// Reads the file, once
    void Prepare();

    std::string m_fileName;               ///< attribute
    double m_thinning{1};                 ///< attribute: share kept
    uint32_t m_runLength{1};              ///< attribute: requests kept or left out together
    double m_timeScale{1};                ///< attribute: stretch
    Time m_start;                         ///< attribute: first arrival
    uint32_t m_maxPrompt{0};              ///< attribute, 0: no limit
    uint32_t m_maxOutput{0};              ///< attribute, 0: no limit
    uint64_t m_maxRequests{0};            ///< attribute, 0: no limit
    uint32_t m_skipPerRun{0};             ///< attribute
    Ptr<UniformRandomVariable> m_uniform; ///< decides which runs are kept

    std::vector<WdmoeTraceRow> m_rows; ///< the trace
    std::size_t m_first{0};            ///< row this run starts at
    std::size_t m_used{0};             ///< rows looked at
    bool m_keep{true};                 ///< whether the current run is kept
    double m_elapsedNs{0};             ///< trace time since the first kept request
    uint64_t m_given{0};               ///< requests handed out
    uint64_t m_clippedPrompts{0};      ///< see GetClippedPrompts
    uint64_t m_clippedOutputs{0};      ///< see GetClippedOutputs
};

} // namespace ns3

#endif /* WDMOE_TRACE_REQUEST_SOURCE_H */
