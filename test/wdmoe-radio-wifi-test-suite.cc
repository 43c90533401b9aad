/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/test.h"

using namespace ns3;

namespace
{

class WifiRadioTestSuite : public TestSuite
{
  public:
    WifiRadioTestSuite()
        : TestSuite("wdmoe-radio-wifi", Type::UNIT)
    {
    }
};

WifiRadioTestSuite g_wifiRadioTestSuite; ///< registers itself

} // namespace
