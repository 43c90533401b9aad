/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SYNTHETIC_GATE_SOURCE_H
#define WDMOE_SYNTHETIC_GATE_SOURCE_H

#include "wdmoe-gate-source.h"

#include "ns3/ptr.h"

#include <string>
#include <vector>

namespace ns3
{

class UniformRandomVariable;

/**
 * @ingroup wdmoe-moe
 *
 * Gate weights from a random process that is fitted to recorded gates.
 *
 * The weights of token j in block i are softmax(Skew a_ie + Concentration z_ije), where
 * - a_ie, the popularity of an expert, is drawn once for each block: standard normal, then scaled
 *   to zero mean and unit variance over the experts of the block, so that popularity is
 *   log-normal (Skew 0: all experts alike);
 * - z_ije, the taste of the token, is a stationary Gaussian AR(1) process over the positions of
 *   the sequence, zero mean, unit variance, lag-1 correlation Correlation, independent between
 *   requests, blocks and experts. A larger Concentration makes the weights of a token more
 *   peaked, and the load of the experts more even.
 *
 * An attribute that is left negative (the default) takes its value from the preset: the
 * parameters that python -m wdmoe.fit_gates fitted to recorded gates, in data/gates/fits.json.
 * Presets: mixtral-8x7b (nearly balanced), olmoe-1b-7b and deepseek-v2-lite (skewed). How well
 * they fit, and what had to be borrowed, is in data/README.md.
 *
 * One 64-bit key is drawn from the stream; everything else is a pure function of the key and of
 * (request, block, position, expert), whatever the order of the queries.
 */
class WdmoeSyntheticGateSource : public WdmoeGateSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeSyntheticGateSource();
    ~WdmoeSyntheticGateSource() override;

    void SetModel(uint32_t blocks, uint32_t experts, uint32_t topK) override;
    wdmoe::GateMatrix GetGate(const WdmoeGateQuery& query) override;
    int64_t AssignStreams(int64_t stream) override;

    /// @return Skew in use: of the attribute or of the preset
    double GetSkew();

    /// @return Concentration in use: of the attribute or of the preset
    double GetConcentration();

    /// @return Correlation in use: of the attribute or of the preset
    double GetCorrelation();

  protected:
    void DoDispose() override;

  private:
    /// Resolves attributes and preset, draws the key and the popularity, once
    void Prepare();

    std::string m_preset;                 ///< attribute
    double m_skewAttribute{-1};           ///< attribute, negative: of the preset
    double m_concentrationAttribute{-1};  ///< attribute, negative: of the preset
    double m_correlationAttribute{-1};    ///< attribute, negative: of the preset
    double m_skew{0};                     ///< in use
    double m_concentration{0};            ///< in use
    double m_correlation{0};              ///< in use
    Ptr<UniformRandomVariable> m_uniform; ///< where the key comes from
    bool m_prepared{false};               ///< whether attributes and model are resolved
    bool m_hasKey{false};                 ///< whether the key is drawn
    uint64_t m_key{0};                    ///< of the generator
    std::vector<double> m_popularity;     ///< blocks x experts, times Skew
};

} // namespace ns3

#endif /* WDMOE_SYNTHETIC_GATE_SOURCE_H */
