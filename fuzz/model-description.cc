/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of model descriptions (JSON).

#include "../model/moe/wdmoe-data-file.h"
#include "wdmoe-fuzz.h"

#include <stdexcept>

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("model-description");
    try
    {
        const auto& path = file.Write(data, size);
        const auto model = ns3::WdmoeReadModel(path);
        WdmoeFuzzCheck(model.blocks > 0 && model.experts > 0 && model.topK > 0 &&
                           model.topK <= model.experts,
                       "sizes of an accepted model");
    }
    catch (const ns3::WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
