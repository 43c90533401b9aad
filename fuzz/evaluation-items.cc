/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of evaluation items (JSON Lines).

#include "../model/moe/wdmoe-capability.h"
#include "../model/moe/wdmoe-data-file.h"
#include "wdmoe-fuzz.h"

#include <stdexcept>

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("evaluation-items");
    try
    {
        const auto& path = file.Write(data, size);
        wdmoe::TransformerConfig config;
        config.vocabulary = 256;
        config.contextLength = 64;
        for (const auto& item : wdmoe::ReadEvaluation(path, config))
        {
            WdmoeFuzzCheck(item.scoreFrom <= item.tokens.size() && item.tokens.size() <= 64,
                           "an accepted item fits the model");
        }
    }
    catch (const ns3::WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
