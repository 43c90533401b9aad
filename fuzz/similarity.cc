/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of the similarity of experts, as `wdmoe evaluate` measures it (JSON).

#include "../model/moe/wdmoe-data-file.h"
#include "../model/moe/wdmoe-similarity.h"
#include "wdmoe-fuzz.h"

using namespace ns3;

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("config");
    try
    {
        const auto similarity = WdmoeReadSimilarity(file.Write(data, size));
        WdmoeFuzzCheck(similarity.experts > 0, "experts of an accepted file");
    }
    catch (const WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
