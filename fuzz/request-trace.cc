/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of request arrivals (CSV, as Azure publishes them).

#include "../model/moe/wdmoe-data-file.h"
#include "wdmoe-fuzz.h"

#include <stdexcept>

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("request-trace");
    try
    {
        const auto& path = file.Write(data, size);
        const auto rows = ns3::WdmoeReadTrace(path);
        for (std::size_t i = 1; i < rows.size(); i++)
        {
            WdmoeFuzzCheck(rows[i - 1].timeNs <= rows[i].timeNs, "times do not fall");
        }
    }
    catch (const ns3::WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
