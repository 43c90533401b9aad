/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of recorded gate logs (CSV).

#include "../model/moe/wdmoe-data-file.h"
#include "wdmoe-fuzz.h"

#include <stdexcept>

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("gate-log");
    try
    {
        const auto& path = file.Write(data, size);
        const auto log = ns3::WdmoeReadGateLog(path);
        WdmoeFuzzCheck(log.experts > 0 && log.topK > 0 && log.topK <= log.experts && log.blocks > 0,
                       "experts, top-k and blocks of an accepted log");
        const auto entries = std::size_t(log.blocks) * log.start.back() * log.topK;
        WdmoeFuzzCheck(log.expert.size() == entries && log.weight.size() == entries, "its size");
        for (const auto e : log.expert)
        {
            WdmoeFuzzCheck(e < log.experts, "its experts");
        }
    }
    catch (const ns3::WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
