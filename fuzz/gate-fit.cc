/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of gate process parameters (JSON).

#include "../model/moe/wdmoe-data-file.h"
#include "wdmoe-fuzz.h"

#include <stdexcept>

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("gate-fit");
    try
    {
        const auto& path = file.Write(data, size);
        ns3::WdmoeReadGateFit(path, "a");
    }
    catch (const ns3::WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
