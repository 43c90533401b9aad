/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The reader of device profiles (JSON).

#include "../model/moe/wdmoe-data-file.h"
#include "wdmoe-fuzz.h"

#include <stdexcept>

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    static WdmoeFuzzFile file("device-profile");
    try
    {
        const auto& path = file.Write(data, size);
        const auto profile = ns3::WdmoeReadDevice(path, "a");
        WdmoeFuzzCheck(profile.flops > 0, "an accepted profile computes");
    }
    catch (const ns3::WdmoeDataError&)
    {
        // refused, with a message: as it should be
    }
    return 0;
}
