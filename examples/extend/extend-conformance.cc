/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "switched-radio-helper.h"

#include "ns3/wdmoe-radio-conformance.h"

using namespace ns3;

int
main(int argc, char* argv[])
{
    SwitchedRadioHelper helper;
    return WdmoeRadioConformance("switched", helper).Main(argc, argv);
}
