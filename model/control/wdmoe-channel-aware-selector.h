/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CHANNEL_AWARE_SELECTOR_H
#define WDMOE_CHANNEL_AWARE_SELECTOR_H

#include "wdmoe-selector.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * Top-k of gate logits corrected by the channel: wdmoe::SelectChannelAware() (arXiv 2504.00819, as
 * we read it), with the SNR of WdmoeSelectorInput::expertSnr. It looks at no load and no plan.
 */
class WdmoeChannelAwareSelector : public WdmoeSelector
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    wdmoe::Selection Select(const WdmoeSelectorInput& input) override;

  private:
    double m_strength;       ///< of the channel in the logits
    bool m_combineCorrected; ///< combine weights
};

} // namespace ns3

#endif /* WDMOE_CHANNEL_AWARE_SELECTOR_H */
