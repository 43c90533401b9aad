/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SIFT_SELECTOR_H
#define WDMOE_SIFT_SELECTOR_H

#include "wdmoe-selector.h"

#include "ns3/wdmoe-sift.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Top-k, but dear experts are skipped or replaced by similar ones under an error bound:
 * wdmoe::SelectSift() (SiftMoE, arXiv 2603.23888, as we read it). What one more pair costs is
 * WdmoeSelectorInput::expertCostS or, where that is empty, the predicted latency. Experts of
 * devices that are not heard are left out.
 *
 * A replacement answers in the place of the original and with its weight; that is what the combine
 * weights of the selection say, and all that the gating server looks at. Gate mass does not know
 * replacements: what is kept of it is the mass that the gate itself gives the experts that run.
 *
 * How similar experts are comes from a file, "wdmoe-similarity-1", which wdmoe-evaluate writes for
 * a real model; without one nothing is ever replaced.
 */
class WdmoeSiftSelector : public WdmoeSelector
{
  public:
    /// In what similarity is measured
    enum Measure
    {
        COSINE,  ///< mean cosine of both outputs
        DISTANCE ///< 1 - their distance, relative to the length of the original's; the sum of
                 ///< errors then bounds the change of the sum of outputs (triangle inequality),
                 ///< on average
    };

    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    bool UsesLatency() const override;

    /// @return what the last call found, with its proof
    const wdmoe::SiftResult& GetResult() const;

  private:
    /// @param file attribute
    void SetSimilarityFile(const std::string& file);

    /// @return attribute
    std::string GetSimilarityFile() const;

    /// @param measure attribute
    void SetMeasure(Measure measure);

    /// @return attribute
    Measure GetMeasure() const;

    /**
     * Read the file, unless that is done.
     *
     * @param experts E
     */
    void Load(std::size_t experts);

    wdmoe::SiftSolver m_solver;                    ///< keeps its memory
    std::vector<double> m_cost;                    ///< keeps its memory
    wdmoe::GateMatrix m_heard;                     ///< keeps its memory too
    std::string m_file;                            ///< attribute
    Measure m_measure{COSINE};                     ///< attribute
    bool m_loaded{false};                          ///< it was read
    std::vector<std::vector<double>> m_similarity; ///< by block: E x E; none: not known
    double m_maxError;                             ///< of a token
    uint64_t m_nodeLimit;                          ///< of a token
    double m_timeLimitS;                           ///< of a call, s; 0: none
};

} // namespace ns3

#endif /* WDMOE_SIFT_SELECTOR_H */
