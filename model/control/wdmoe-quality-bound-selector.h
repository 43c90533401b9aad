/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_QUALITY_BOUND_SELECTOR_H
#define WDMOE_QUALITY_BOUND_SELECTOR_H

#include "wdmoe-selector.h"

#include "ns3/wdmoe-quality-bound.h"
#include "ns3/wdmoe-quality-budget.h"
#include "ns3/wdmoe-quality-menu.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Least block latency subject to a floor on quality, see wdmoe::QualityBound: links, fixed costs
 * and computation, and how the block is carried, are inside. Quality is kept gate mass
 * (MaxLostMass), or what dropping cost a model when it was measured (MaxLoss, in relative bits per
 * byte or exact match): the lever "tau" of a sensitivity.json says what is lost when all pairs
 * below a share of their token's mass are dropped, so that its differences are prices of pairs by
 * their share; where noise makes them fall they are pooled (isotonic regression). A lighter pair is
 * cheaper, whatever its expert costs.
 *
 * Where WdmoeSelectorInput::problem is not known: wdmoe::SelectQualityBound(), which drops the
 * pairs that save most of what is scarce for the gate mass that is lost. The cost of a pair is
 * WdmoeSelectorInput::expertCostS or, where that is empty, the predicted latency.
 *
 * The floor holds for each block (Average Block), or on average over all blocks that this object
 * decided on, weighted by tokens (Average Run; wdmoe::QualityBudget): one price of quality for all,
 * that is learnt as they come, so that a block which gains little leaves its share to others. Where
 * blocks are small, of one token in the end, the former leaves most of the floor unused. The
 * average is never above the floor, from the first block on, but for what cannot be reached.
 *
 * Candidates lets a token take experts outside its top-k. Gate mass flatters that: the model did
 * not choose them, and at the same gate mass they cost it several times as much.
 *
 * The defaults drop each expert after a token's first that has less than 0.1 of the token's weight
 * and costs anything: data/models/README.md says what that does to the models that ship. Lost mass
 * alone is no safe bound where costs differ: one expert's heavy pairs would go.
 */
class WdmoeQualityBoundSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// What is counted
    enum Quality
    {
        GATE_MASS, ///< gate mass
        PRICE      ///< what was measured on a model
    };

    /// For which the floor holds
    enum Average
    {
        BLOCK, ///< each block
        RUN    ///< all blocks so far, on average
    };

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;
    bool UsesLatency() const override;
    bool UsesProblem() const override;

    /// @return of the last block with a known problem: bound, gap, multipliers (with Average RUN,
    /// the bound is that of selections that lose no more than this one)
    const wdmoe::QualityBoundResult& GetLast() const;

    /// @return what was lost so far with Average RUN, and of how many tokens
    const wdmoe::QualityBudget& GetBudget() const;

    /**
     * Prices of pairs from a table of what dropping costs a model. Aborts where it has none.
     *
     * @param file a name below the data folder, such as models/wdmoe-lm-base/sensitivity.json, or a
     * path
     * @param bits whether quality is measured in bits per byte; false: in exact match
     * @return prices by rising share
     */
    static std::vector<wdmoe::QualityPrice> LoadPrices(const std::string& file, bool bits);

  private:
    /// @return decides with an average over blocks. @param input what to look at
    const wdmoe::QualityBoundResult& SelectOnAverage(const WdmoeSelectorInput& input);

    double m_maxLostMass;                             ///< of a block, share
    double m_maxLoss;                                 ///< of a block, relative quality
    double m_maxTokenLoss;                            ///< of a token, share
    uint32_t m_minExperts;                            ///< of a token
    wdmoe::BlockModel m_model;                        ///< attribute Objective
    Average m_average;                                ///< attribute Average
    uint32_t m_candidates;                            ///< attribute Candidates
    Quality m_quality;                                ///< attribute Quality
    bool m_bits;                                      ///< attribute BitsPerByte
    bool m_restore;                                   ///< attribute Restore
    std::string m_priceFile;                          ///< attribute PriceFile
    std::string m_loaded;                             ///< whose prices m_floor has
    wdmoe::QualityFloor m_floor;                      ///< of the present block
    wdmoe::QualityBound m_bound;                      ///< keeps its memory
    wdmoe::QualityMenu m_menu;                        ///< likewise, of several floors
    wdmoe::QualityBudget m_budget;                    ///< of the average
    const wdmoe::QualityBoundResult* m_last{nullptr}; ///< of the last block
};

} // namespace ns3

#endif /* WDMOE_QUALITY_BOUND_SELECTOR_H */
