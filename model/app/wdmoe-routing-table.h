/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ROUTING_TABLE_H
#define WDMOE_ROUTING_TABLE_H

#include "ns3/header.h"

#include <cstdint>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-app
 *
 * First bytes of a BATCH's payload: which experts of the device are to run, and on how many of
 * the tokens that follow. Number of experts u16, then for each expert u16 and its tokens u32,
 * network byte order.
 */
class WdmoeRoutingTable : public Header
{
  public:
    /// One expert's part of a batch
    struct Entry
    {
        uint16_t expert{0}; ///< e
        uint32_t tokens{0}; ///< how many
    };

    static constexpr uint32_t SIZE = 2;           ///< bytes of an empty table
    static constexpr uint32_t ENTRY_SIZE = 6;     ///< bytes of an entry
    static constexpr uint32_t MAX_ENTRIES = 4096; ///< more are refused

    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    // inherited from Header
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(Buffer::Iterator start) const override;
    uint32_t Deserialize(Buffer::Iterator start) override;
    void Print(std::ostream& os) const override;

    /// @return tokens of all entries together
    uint64_t Tokens() const;

    std::vector<Entry> entries; ///< experts with tokens; empty after a refused Deserialize()
};

} // namespace ns3

#endif /* WDMOE_ROUTING_TABLE_H */
