/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ITEM_REQUEST_SOURCE_H
#define WDMOE_ITEM_REQUEST_SOURCE_H

#include "wdmoe-request-source.h"

#include "ns3/wdmoe-transformer.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ns3
{

class UniformRandomVariable;

/**
 * @ingroup wdmoe-moe
 *
 * Requests with real content: the arrivals of another source, each asking an evaluation item
 * (wdmoe::ReadEvaluation). The item's domain is drawn first, each with the same chance, then one
 * of its items; none is asked twice before all of its domain were.
 *
 * A text is always teacher-forced: its tokens but the last are the prompt, and each is scored. A
 * task is answered freely with probability FreeRunning (the prompt is prefilled, the answer
 * decoded token by token, as many as the right answer has), else teacher-forced as well.
 */
class WdmoeItemRequestSource : public WdmoeRequestSource
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeItemRequestSource();
    ~WdmoeItemRequestSource() override;

    /**
     * @param arrivals when requests come; their sizes are replaced
     * @param config of the model that is asked
     */
    void SetUp(Ptr<WdmoeRequestSource> arrivals, const wdmoe::TransformerConfig& config);

    bool Next(WdmoeRequest& request) override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;

  private:
    /// Items of a domain
    struct Domain
    {
        std::vector<std::shared_ptr<const wdmoe::EvaluationItem>> items; ///< all
        std::vector<std::size_t> left;                                   ///< not asked yet
    };

    /// Reads the files, once
    void Prepare();

    std::string m_fileNames;                  ///< attribute
    std::string m_domains;                    ///< attribute
    double m_freeRunning{0.5};                ///< attribute
    uint32_t m_maxTokens{0};                  ///< attribute
    Ptr<WdmoeRequestSource> m_arrivals;       ///< when
    wdmoe::TransformerConfig m_config;        ///< of the model
    Ptr<UniformRandomVariable> m_uniform;     ///< which item, and how
    bool m_prepared{false};                   ///< whether the files are read
    std::map<std::string, Domain> m_byDomain; ///< what can be asked
};

} // namespace ns3

#endif /* WDMOE_ITEM_REQUEST_SOURCE_H */
