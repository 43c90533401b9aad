/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef SWITCHED_RADIO_HELPER_H
#define SWITCHED_RADIO_HELPER_H

#include "ns3/wdmoe-radio-helper.h"

namespace ns3
{

/**
 * Makes a SwitchedRadio.
 */
class SwitchedRadioHelper : public WdmoeRadioHelper
{
  public:
    SwitchedRadioHelper();

    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;
};

} // namespace ns3

#endif /* SWITCHED_RADIO_HELPER_H */
