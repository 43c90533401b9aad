/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-header.h"

#include "wdmoe-bytes.h"

#include "ns3/crc32.h"
#include "ns3/log.h"

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeHeader");

NS_OBJECT_ENSURE_REGISTERED(WdmoeHeader);

TypeId
WdmoeHeader::GetTypeId()
{
    static TypeId tid = TypeId("ns3::WdmoeHeader")
                            .SetParent<Header>()
                            .SetGroupName("Wdmoe")
                            .AddConstructor<WdmoeHeader>();
    return tid;
}

TypeId
WdmoeHeader::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
WdmoeHeader::GetSerializedSize() const
{
    return SIZE;
}

void
WdmoeHeader::Serialize(Buffer::Iterator start) const
{
    uint8_t bytes[SIZE];
    uint8_t* at = bytes;
    wdmoe::Put(at, MAGIC, 4);
    wdmoe::Put(at, VERSION, 1);
    wdmoe::Put(at, type, 1);
    wdmoe::Put(at, dtype, 1);
    wdmoe::Put(at, answerDtype, 1);
    wdmoe::Put(at, length, 4);
    wdmoe::Put(at, request, 8);
    wdmoe::Put(at, block, 4);
    wdmoe::Put(at, batch, 4);
    wdmoe::Put(at, device, 4);
    wdmoe::Put(at, tokens, 4);
    wdmoe::Put(at, position, 4);
    wdmoe::Put(at, queueUs, 4);
    wdmoe::Put(at, computeNs, 8);
    wdmoe::Put(at, receivedNs, 8);
    wdmoe::Put(at, CRC32Calculate(bytes, SIZE - 4), 4);
    start.Write(bytes, SIZE);
}

uint32_t
WdmoeHeader::Deserialize(Buffer::Iterator start)
{
    if (start.GetRemainingSize() < SIZE)
    {
        m_error = Error::TRUNCATED;
        return 0;
    }
    uint8_t bytes[SIZE];
    start.Read(bytes, SIZE);
    m_error = Parse(bytes, SIZE);
    return SIZE;
}

WdmoeHeader::Error
WdmoeHeader::Parse(const uint8_t* bytes, uint32_t size)
{
    if (size < SIZE)
    {
        return Error::TRUNCATED;
    }
    const uint8_t* at = bytes;
    if (wdmoe::Take<uint32_t>(at) != MAGIC)
    {
        return Error::MAGIC;
    }
    if (wdmoe::Take<uint8_t>(at) != VERSION)
    {
        return Error::VERSION;
    }
    const uint8_t* end = bytes + SIZE - 4;
    if (wdmoe::Take<uint32_t>(end) != CRC32Calculate(bytes, SIZE - 4))
    {
        return Error::CHECKSUM;
    }
    const auto rawType = wdmoe::Take<uint8_t>(at);
    const auto rawDtype = wdmoe::Take<uint8_t>(at);
    const auto rawAnswerDtype = wdmoe::Take<uint8_t>(at);
    if (rawType < HELLO || rawType > PLACED || rawDtype > INT4 || rawAnswerDtype > INT4)
    {
        return Error::TYPE;
    }
    type = static_cast<Type>(rawType);
    dtype = static_cast<Dtype>(rawDtype);
    answerDtype = static_cast<Dtype>(rawAnswerDtype);
    length = wdmoe::Take<uint32_t>(at);
    if (length > MAX_LENGTH)
    {
        return Error::LENGTH;
    }
    request = wdmoe::Take<uint64_t>(at);
    block = wdmoe::Take<uint32_t>(at);
    batch = wdmoe::Take<uint32_t>(at);
    device = wdmoe::Take<uint32_t>(at);
    tokens = wdmoe::Take<uint32_t>(at);
    position = wdmoe::Take<uint32_t>(at);
    queueUs = wdmoe::Take<uint32_t>(at);
    computeNs = wdmoe::Take<uint64_t>(at);
    receivedNs = wdmoe::Take<uint64_t>(at);
    return Error::NONE;
}

WdmoeHeader::Error
WdmoeHeader::GetError() const
{
    return m_error;
}

const char*
WdmoeHeader::TypeName(Type type)
{
    switch (type)
    {
    case HELLO:
        return "HELLO";
    case BATCH:
        return "BATCH";
    case ANSWER:
        return "ANSWER";
    case CANCEL:
        return "CANCEL";
    case WEIGHTS:
        return "WEIGHTS";
    case PLACED:
        return "PLACED";
    }
    return "unknown";
}

const char*
WdmoeHeader::ErrorName(Error error)
{
    switch (error)
    {
    case Error::NONE:
        return "none";
    case Error::TRUNCATED:
        return "truncated";
    case Error::MAGIC:
        return "magic";
    case Error::VERSION:
        return "version";
    case Error::CHECKSUM:
        return "checksum";
    case Error::TYPE:
        return "type";
    case Error::LENGTH:
        return "length";
    }
    return "unknown";
}

void
WdmoeHeader::Print(std::ostream& os) const
{
    os << "type=" << +type << " dtype=" << +dtype << " length=" << length << " request=" << request
       << " block=" << block << " batch=" << batch << " device=" << device << " tokens=" << tokens
       << " position=" << position;
}

} // namespace ns3
