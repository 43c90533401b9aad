/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RECORDED_GATE_SOURCE_H
#define WDMOE_RECORDED_GATE_SOURCE_H

#include "wdmoe-gate-source.h"

#include "ns3/ptr.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ns3
{

class UniformRandomVariable;
struct WdmoeGateCounts;
struct WdmoeGateLog;

/**
 * @ingroup wdmoe-moe
 *
 * Gate weights from recorded gates: python -m wdmoe.convert_gates makes the files.
 *
 * **Counts** (FILE.json, "format": "wdmoe-gate-counts-1"): how often each expert was chosen, by
 * domain of text and layer. Tokens are drawn as in WdmoeSyntheticGateSource, with popularity
 * logits fitted so that each expert is among the top k as often as recorded. Concentration and
 * Correlation, which counts do not tell, come from the preset of the recorded model unless set.
 * Domain names one domain; left empty, each request gets one of them at random.
 *
 * **Log** (FILE.csv): for each block, sequence and position the top-k experts and their softmax
 * weights. Header lines "# format: wdmoe-gate-log-1", "# experts: E", "# topk: k", then the
 * columns block,sequence,position,expert_0,weight_0,...; rows ordered by block, sequence,
 * position, all counted from 0, the same sequences in each block. Request r reads sequence r
 * (modulo their number, shifted by a draw from the stream, so that runs differ); a request longer
 * than its sequence goes on in the next one. Rows sum to less than 1: the log keeps only the
 * largest weights, and the other experts have weight 0. Domain, Concentration and Correlation
 * have no effect.
 *
 * If fewer layers were recorded than the model has blocks, a block takes the recorded layer of
 * the nearest relative depth (said by NS_LOG_WARN). The numbers of experts mean nothing across
 * layers, so a block that repeats a layer sees it with its experts renumbered at random (a fixed
 * permutation for each block): else one device would hold the popular expert of many blocks.
 */
class WdmoeRecordedGateSource : public WdmoeGateSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeRecordedGateSource();
    ~WdmoeRecordedGateSource() override;

    void SetModel(uint32_t blocks, uint32_t experts, uint32_t topK) override;
    wdmoe::GateMatrix GetGate(const WdmoeGateQuery& query) override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;

  private:
    /// Reads the file and draws the key, once
    void Prepare();

    /// Maps blocks to recorded layers; @param depth relative depth of each, in [0, 1], rising
    void MapBlocks(const std::vector<double>& depth);

    /// @return answer from a log; @param query which tokens
    wdmoe::GateMatrix FromLog(const WdmoeGateQuery& query) const;

    /// @return answer from counts; @param query which tokens
    wdmoe::GateMatrix FromCounts(const WdmoeGateQuery& query);

    std::string m_fileName;                              ///< attribute
    std::string m_domain;                                ///< attribute
    double m_concentrationAttribute{-1};                 ///< attribute, negative: of the preset
    double m_correlationAttribute{-1};                   ///< attribute, negative: of the preset
    double m_concentration{0};                           ///< in use
    double m_correlation{0};                             ///< in use
    Ptr<UniformRandomVariable> m_uniform;                ///< where the key comes from
    bool m_prepared{false};                              ///< whether all is resolved
    bool m_hasKey{false};                                ///< whether the key is drawn
    uint64_t m_key{0};                                   ///< of the generator
    std::unique_ptr<WdmoeGateLog> m_log;                 ///< one of these two
    std::unique_ptr<WdmoeGateCounts> m_counts;           ///< is set
    std::vector<uint32_t> m_layer;                       ///< recorded layer of each block
    std::vector<std::vector<uint32_t>> m_number;         ///< new numbers of a block's experts
    std::map<std::size_t, std::vector<double>> m_fitted; ///< popularity by domain and layer
};

} // namespace ns3

#endif /* WDMOE_RECORDED_GATE_SOURCE_H */
