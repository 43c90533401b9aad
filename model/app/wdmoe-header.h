/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_HEADER_H
#define WDMOE_HEADER_H

#include "ns3/header.h"

#include <cstdint>

namespace ns3
{

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-app Applications and wire protocol of WDMoE
 */

/**
 * @ingroup wdmoe-app
 *
 * The header of each message, network byte order, 64 bytes:
 *
 *     magic u32 | version u8 | type u8 | dtype u8 | answer dtype u8 | length u32 (payload bytes) |
 *     request u64 | block u32 | batch u32 | device u32 | tokens u32 | position u32 |
 *     queue u32 (us waited for compute) | compute u64 (ns) | received u64 (ns, sender's clock) |
 *     checksum u32 (CRC-32 of all before it)
 *
 * Every field is bounds-checked by Parse().
 */
class WdmoeHeader : public Header
{
  public:
    /// What a message is
    enum Type : uint8_t
    {
        HELLO = 1,   ///< first message of a device over a connection: who it is
        BATCH = 2,   ///< tokens for an expert, base station to device
        ANSWER = 3,  ///< expert outputs, device to base station
        CANCEL = 4,  ///< to a device: a batch is no longer wanted (deadline); to the base station:
                     ///< its answer was given up by the transport, none will come
        WEIGHTS = 5, ///< a chunk of the weights of an expert, base station to device: request names
                     ///< the move, block and position the block and expert, batch the chunk (from
                     ///< 0), tokens how many chunks there are
        PLACED = 6   ///< such a chunk has arrived; of the same fields, without payload
    };

    /// How the payload's elements are coded: wdmoe::Precision, or not at all
    enum Dtype : uint8_t
    {
        SIZED = 0, ///< no data: only the size is real
        FP32 = 1,  ///< 4 bytes an element
        FP16 = 2,  ///< 2 bytes an element
        BF16 = 3,  ///< 2 bytes an element
        INT8 = 4,  ///< 1 byte an element, one scale a token
        INT4 = 5   ///< half a byte an element, one scale for 32
    };

    /// What is wrong with a header
    enum class Error
    {
        NONE,      ///< nothing
        TRUNCATED, ///< fewer bytes than a header
        MAGIC,     ///< not ours
        VERSION,   ///< another version
        CHECKSUM,  ///< damaged
        TYPE,      ///< unknown type or dtype
        LENGTH     ///< payload larger than MAX_LENGTH
    };

    static constexpr uint32_t MAGIC = 0x57444d45;    ///< "WDME"
    static constexpr uint8_t VERSION = 1;            ///< of this layout
    static constexpr uint32_t SIZE = 64;             ///< bytes of the header
    static constexpr uint32_t MAX_LENGTH = 1U << 30; ///< largest payload, bytes

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

    /**
     * Read a header from untrusted bytes.
     *
     * @param bytes SIZE bytes or more
     * @param size how many there are
     * @return NONE, or why it was refused (the fields are then meaningless)
     */
    Error Parse(const uint8_t* bytes, uint32_t size);

    /**
     * @param error what is wrong
     * @return its name
     */
    static const char* ErrorName(Error error);

    /**
     * @param type of a message
     * @return its name, in capitals
     */
    static const char* TypeName(Type type);

    /// @return what the last Deserialize() found, NONE after a good one
    Error GetError() const;

    Type type{HELLO};         ///< what this is
    Dtype dtype{SIZED};       ///< coding of the payload
    Dtype answerDtype{SIZED}; ///< BATCH: how its answer is to be coded; else not looked at
    uint32_t length{0};       ///< payload bytes after this header
    uint64_t request{0};      ///< request id
    uint32_t block{0};        ///< i
    uint32_t batch{0};        ///< counts the batches of a server: names this one
    uint32_t device{0};       ///< device index
    uint32_t tokens{0};       ///< (token, expert) pairs in this batch
    uint32_t position{0};     ///< position of the first token in its sequence
    uint32_t queueUs{0};      ///< ANSWER: us the batch waited for the compute unit
    uint64_t computeNs{0};    ///< ANSWER: ns of compute
    uint64_t receivedNs{0};   ///< ANSWER: when the whole batch was received, ns of simulated time

  private:
    Error m_error{Error::NONE}; ///< of the last Deserialize()
};

} // namespace ns3

#endif /* WDMOE_HEADER_H */
