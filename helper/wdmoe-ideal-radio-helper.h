/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_IDEAL_RADIO_HELPER_H
#define WDMOE_IDEAL_RADIO_HELPER_H

#include "wdmoe-radio-helper.h"

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Makes a WdmoeIdealRadio.
 */
class WdmoeIdealRadioHelper : public WdmoeRadioHelper
{
  public:
    WdmoeIdealRadioHelper();

    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;
};

} // namespace ns3

#endif /* WDMOE_IDEAL_RADIO_HELPER_H */
