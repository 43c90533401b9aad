/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_BYTES_H
#define WDMOE_BYTES_H

#include <cstdint>

namespace wdmoe
{

/**
 * Write a number in network byte order.
 *
 * @param [in,out] at where; moved behind it
 * @param value the number
 * @param bytes its size
 */
inline void
Put(uint8_t*& at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = bytes; i-- > 0;)
    {
        *at++ = static_cast<uint8_t>(value >> (8 * i));
    }
}

/**
 * Read a number in network byte order.
 *
 * @tparam T its type
 * @param [in,out] at where; moved behind it
 * @return the number
 */
template <typename T>
T
Take(const uint8_t*& at)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < sizeof(T); ++i)
    {
        value = value << 8 | *at++;
    }
    return static_cast<T>(value);
}

} // namespace wdmoe

#endif /* WDMOE_BYTES_H */
