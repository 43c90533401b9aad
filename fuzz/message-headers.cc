/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The headers of the wire protocol: messages, routing tables, chunks. What is accepted is written
// again and must be the same bytes.

#include "../model/app/wdmoe-routing-table.h"
#include "wdmoe-fuzz-wire.h"
#include "wdmoe-fuzz.h"

#include "ns3/packet.h"

#include <algorithm>
#include <vector>

using namespace ns3;

namespace
{

/// As much of a datagram as the header of a chunk can be
const uint32_t MOST = WdmoeChunkHeader::SIZE + WdmoeChunkHeader::MAX_BITMAP;

/// @param header accepted @param data it was read from
template <typename T>
void
CheckSame(const T& header, const uint8_t* data)
{
    auto packet = Create<Packet>();
    packet->AddHeader(header);
    std::vector<uint8_t> bytes(packet->GetSize());
    packet->CopyData(bytes.data(), static_cast<uint32_t>(bytes.size()));
    WdmoeFuzzCheck(std::equal(bytes.begin(), bytes.end(), data), "written as it was read");
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    if (size < 1)
    {
        return 0;
    }
    const uint8_t what = data[0];
    std::vector<uint8_t> bytes(data + 1, data + size);
    const auto length = static_cast<uint32_t>(bytes.size());
    const bool mend = what % 5 != 0;
    switch (what % 4)
    {
    case 0: {
        mend ? WdmoeMendMessage(bytes) : void();
        WdmoeHeader header;
        if (header.Parse(bytes.data(), length) == WdmoeHeader::Error::NONE)
        {
            CheckSame(header, bytes.data());
        }
        break;
    }
    case 1: {
        WdmoeRoutingTable table;
        auto packet = Create<Packet>(bytes.data(), length);
        const auto read = packet->RemoveHeader(table);
        WdmoeFuzzCheck(read <= length, "no more is read than there is");
        if (!table.entries.empty())
        {
            WdmoeFuzzCheck(read == table.GetSerializedSize(), "the size of a table");
            CheckSame(table, bytes.data());
        }
        break;
    }
    default: {
        mend ? WdmoeMendChunk(bytes) : void();
        WdmoeChunkHeader header;
        const auto error = header.Parse(bytes.data(), std::min(length, MOST), length);
        if (error == WdmoeHeader::Error::NONE)
        {
            CheckSame(header, bytes.data());
            WdmoeFuzzCheck(header.kind == WdmoeChunkHeader::ACK || header.GetCount() > 0, "chunks");
        }
    }
    }
    return 0;
}
