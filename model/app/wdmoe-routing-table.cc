/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-routing-table.h"

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeRoutingTable);

TypeId
WdmoeRoutingTable::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeRoutingTable")
                            .SetParent<Header>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeRoutingTable>();
    return tid;
}

TypeId
WdmoeRoutingTable::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
WdmoeRoutingTable::GetSerializedSize() const
{
    return SIZE + ENTRY_SIZE * static_cast<uint32_t>(entries.size());
}

void
WdmoeRoutingTable::Serialize(Buffer::Iterator start) const
{
    start.WriteHtonU16(static_cast<uint16_t>(entries.size()));
    for (const auto& entry : entries)
    {
        start.WriteHtonU16(entry.expert);
        start.WriteHtonU32(entry.tokens);
    }
}

uint32_t
WdmoeRoutingTable::Deserialize(Buffer::Iterator start)
{
    entries.clear();
    if (start.GetRemainingSize() < SIZE)
    {
        return 0;
    }
    const uint32_t count = start.ReadNtohU16();
    if (count > MAX_ENTRIES || start.GetRemainingSize() < count * ENTRY_SIZE)
    {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
    {
        Entry entry;
        entry.expert = start.ReadNtohU16();
        entry.tokens = start.ReadNtohU32();
        entries.push_back(entry);
    }
    return SIZE + count * ENTRY_SIZE;
}

void
WdmoeRoutingTable::Print(std::ostream& os) const
{
    for (const auto& entry : entries)
    {
        os << entry.expert << ":" << entry.tokens << " ";
    }
}

uint64_t
WdmoeRoutingTable::Tokens() const
{
    uint64_t tokens = 0;
    for (const auto& entry : entries)
    {
        tokens += entry.tokens;
    }
    return tokens;
}

} // namespace ns3
