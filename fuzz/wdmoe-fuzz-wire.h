/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FUZZ_WIRE_H
#define WDMOE_FUZZ_WIRE_H

#include "../model/app/wdmoe-bytes.h"
#include "../model/app/wdmoe-header.h"
#include "../model/app/wdmoe-udp-transport.h"

#include "ns3/crc32.h"

#include <algorithm>
#include <vector>

// A random change hardly ever has the right checksum: these mend it.

/// @param [in,out] bytes of a message, its header first
inline void
WdmoeMendMessage(std::vector<uint8_t>& bytes)
{
    if (bytes.size() >= ns3::WdmoeHeader::SIZE)
    {
        auto at = bytes.data() + ns3::WdmoeHeader::SIZE - 4;
        wdmoe::Put(at, ns3::CRC32Calculate(bytes.data(), ns3::WdmoeHeader::SIZE - 4), 4);
    }
}

/// @param [in,out] bytes of a datagram, the header of a chunk first
inline void
WdmoeMendChunk(std::vector<uint8_t>& bytes)
{
    using ns3::WdmoeChunkHeader;
    if (bytes.size() < WdmoeChunkHeader::SIZE)
    {
        return;
    }
    std::vector<uint8_t> checked(bytes.begin(), bytes.begin() + WdmoeChunkHeader::SIZE - 4);
    if (bytes[3] == WdmoeChunkHeader::ACK)
    {
        checked.insert(checked.end(), bytes.begin() + WdmoeChunkHeader::SIZE, bytes.end());
    }
    auto at = bytes.data() + WdmoeChunkHeader::SIZE - 4;
    wdmoe::Put(at, ns3::CRC32Calculate(checked.data(), static_cast<int>(checked.size())), 4);
}

#endif /* WDMOE_FUZZ_WIRE_H */
