/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-activation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace wdmoe
{

namespace
{

constexpr uint32_t GROUP = 32;         ///< elements that share a scale in INT4
constexpr float MAGIC = 12582912.0F;   ///< 1.5 * 2^23: adding it rounds to a whole number, to even
constexpr float INT8_MOST = 127.0F;    ///< largest code
constexpr float INT4_MOST = 7.0F;      ///< largest code
constexpr float INT4_LEAST = 0x1p-21F; ///< smallest scale that fp16 holds finely enough, see below
constexpr float INT4_LARGEST = 65504.0F; ///< largest scale that fp16 holds

// Conversions without a branch and inline, so that loops over them are vectorised. A NaN keeps the
// upper bits of its payload, as the processors' own conversions do.

/// @return all bits where a < b, else none; a comparison would become a branch. Neither is negative
inline int32_t
Less(int32_t a, int32_t b)
{
    return (a - b) >> 31;
}

/// By value: std::min returns a reference, and that becomes a branch
inline int32_t
Min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

inline uint16_t
HalfFromFloat(float value)
{
    const auto bits = std::bit_cast<int32_t>(value);
    const int32_t magnitude = bits & 0x7fffffff;
    const int32_t saturated = Min(magnitude, 0x477fe000); // 65504
    // 2^13 times the power of two below (of a subnormal: the smallest normal): its ulp is fp16's
    // spacing there, so that the addition rounds, and a carry runs into the exponent
    const int32_t exponent = -Min(-(saturated & 0x7f800000), -(113 << 23));
    const int32_t magic = exponent + (13 << 23);
    const int32_t rounded =
        std::bit_cast<int32_t>(std::bit_cast<float>(saturated) + std::bit_cast<float>(magic));
    const int32_t finite = ((exponent - (113 << 23)) >> 13) + rounded - magic;
    const int32_t payload = (magnitude >> 13) & 0x3ff;
    const int32_t nan = Less(0x7f800000, magnitude) & (payload | (Less(payload, 1) & 0x200));
    const int32_t is = Less(0x7f7fffff, magnitude);
    const int32_t code = (finite & ~is) | ((0x7c00 | nan) & is);
    return static_cast<uint16_t>(code | ((bits >> 16) & 0x8000));
}

inline float
FloatFromHalf(uint16_t code)
{
    const int32_t magnitude = (code & 0x7fff) << 13;
    const int32_t normal = magnitude + (112 << 23);
    const int32_t special = magnitude + (224 << 23);
    const int32_t subnormal = std::bit_cast<int32_t>(std::bit_cast<float>(magnitude + (113 << 23)) -
                                                     std::bit_cast<float>(113 << 23));
    const int32_t small = Less(magnitude, 0x00800000);
    const int32_t finite = (subnormal & small) | (normal & ~small);
    const int32_t bits = std::max(finite, special & ~Less(magnitude, 0x0f800000));
    return std::bit_cast<float>(static_cast<uint32_t>(bits) | (code & 0x8000U) << 16);
}

inline uint16_t
BrainFromFloat(float value)
{
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    const uint32_t upper = bits >> 16;
    const uint32_t nan = upper | ((upper & 0x7fU) == 0 ? 0x40U : 0U);
    return static_cast<uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? nan : rounded);
}

inline float
FloatFromBrain(uint16_t code)
{
    return std::bit_cast<float>(static_cast<uint32_t>(code) << 16);
}

inline void
Store16(uint16_t value, uint8_t* bytes)
{
    bytes[0] = static_cast<uint8_t>(value);
    bytes[1] = static_cast<uint8_t>(value >> 8);
}

inline uint16_t
Load16(const uint8_t* bytes)
{
    return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
}

void
Store32(float value, uint8_t* bytes)
{
    const auto bits = std::bit_cast<uint32_t>(value);
    Store16(static_cast<uint16_t>(bits), bytes);
    Store16(static_cast<uint16_t>(bits >> 16), bytes + 2);
}

float
Load32(const uint8_t* bytes)
{
    return std::bit_cast<float>(Load16(bytes) | static_cast<uint32_t>(Load16(bytes + 2)) << 16);
}

float
LargestMagnitude(const float* values, uint32_t count)
{
    int32_t most = 0; // bits without the sign order like magnitudes
    for (uint32_t i = 0; i < count; ++i)
    {
        const int32_t magnitude = std::bit_cast<int32_t>(values[i]) & 0x7fffffff;
        most = std::max(most, magnitude & Less(magnitude, 0x7f800000));
    }
    return std::bit_cast<float>(most);
}

inline int32_t
Quantise(float value, float scale, float most)
{
    const auto bits = std::bit_cast<uint32_t>(value);
    const auto magnitude = static_cast<int32_t>(bits & 0x7fffffffU);
    const int32_t finite = magnitude & Less(magnitude, 0x7f800000);
    const auto steps = std::bit_cast<int32_t>(std::bit_cast<float>(finite) / scale);
    const auto clamped = static_cast<uint32_t>(Min(steps, std::bit_cast<int32_t>(most)));
    const float rounded = (std::bit_cast<float>(clamped | (bits & 0x80000000U)) + MAGIC) - MAGIC;
    return static_cast<int32_t>(rounded);
}

// The scales have a least value, so that the largest element always gets the largest code, or the
// scale is the least one: then coding what was decoded gives the same scale, and the same bytes.

float
ScaleOfInt8(float most)
{
    // the upper end: 127 times the scale must stay finite
    static const float largest = std::nextafter(FLT_MAX / INT8_MOST, 0.0F);
    return std::clamp(most / INT8_MOST, FLT_MIN, largest);
}

float
ScaleOfInt4(float most)
{
    return std::clamp(FloatFromHalf(HalfFromFloat(most / INT4_MOST)), INT4_LEAST, INT4_LARGEST);
}

float
SignExtend4(uint32_t nibble)
{
    return static_cast<float>(static_cast<int32_t>(nibble ^ 8U) - 8);
}

[[noreturn]] void
Unknown(Precision precision)
{
    throw std::invalid_argument("Precision " + std::to_string(static_cast<int>(precision)) +
                                ": expected FP32, FP16, BF16, INT8 or INT4");
}

} // namespace

uint32_t
EncodedBytes(Precision precision, uint32_t elements)
{
    switch (precision)
    {
    case Precision::FP32:
        return 4 * elements;
    case Precision::FP16:
    case Precision::BF16:
        return 2 * elements;
    case Precision::INT8:
        return 4 + elements;
    case Precision::INT4: {
        // only the last group may have an odd number of elements
        const uint32_t groups = (elements + GROUP - 1) / GROUP;
        return 2 * groups + (elements + 1) / 2;
    }
    }
    Unknown(precision);
}

void
Encode(Precision precision, uint32_t elements, const float* values, uint8_t* bytes)
{
    switch (precision)
    {
    case Precision::FP32:
        for (uint32_t i = 0; i < elements; ++i)
        {
            Store32(values[i], bytes + 4 * static_cast<std::size_t>(i));
        }
        return;
    case Precision::FP16:
        for (uint32_t i = 0; i < elements; ++i)
        {
            Store16(HalfFromFloat(values[i]), bytes + 2 * static_cast<std::size_t>(i));
        }
        return;
    case Precision::BF16:
        for (uint32_t i = 0; i < elements; ++i)
        {
            Store16(BrainFromFloat(values[i]), bytes + 2 * static_cast<std::size_t>(i));
        }
        return;
    case Precision::INT8: {
        const float scale = ScaleOfInt8(LargestMagnitude(values, elements));
        Store32(scale, bytes);
        for (uint32_t i = 0; i < elements; ++i)
        {
            bytes[4 + i] = static_cast<uint8_t>(Quantise(values[i], scale, INT8_MOST));
        }
        return;
    }
    case Precision::INT4:
        for (uint32_t first = 0; first < elements; first += GROUP)
        {
            const uint32_t count = std::min(GROUP, elements - first);
            const float* group = values + first;
            const float scale = ScaleOfInt4(LargestMagnitude(group, count));
            Store16(HalfFromFloat(scale), bytes);
            bytes += 2;
            std::array<uint8_t, GROUP> code{};
            for (uint32_t i = 0; i < count; ++i)
            {
                code[i] = static_cast<uint8_t>(Quantise(group[i], scale, INT4_MOST) & 15);
            }
            for (uint32_t i = 0; i < count; i += 2)
            {
                *bytes++ = static_cast<uint8_t>(code[i] | code[i + 1] << 4);
            }
        }
        return;
    }
    Unknown(precision);
}

void
Decode(Precision precision, uint32_t elements, const uint8_t* bytes, float* values)
{
    switch (precision)
    {
    case Precision::FP32:
        for (uint32_t i = 0; i < elements; ++i)
        {
            values[i] = Load32(bytes + 4 * static_cast<std::size_t>(i));
        }
        return;
    case Precision::FP16:
        for (uint32_t i = 0; i < elements; ++i)
        {
            values[i] = FloatFromHalf(Load16(bytes + 2 * static_cast<std::size_t>(i)));
        }
        return;
    case Precision::BF16:
        for (uint32_t i = 0; i < elements; ++i)
        {
            values[i] = FloatFromBrain(Load16(bytes + 2 * static_cast<std::size_t>(i)));
        }
        return;
    case Precision::INT8: {
        const float scale = Load32(bytes);
        for (uint32_t i = 0; i < elements; ++i)
        {
            values[i] = scale * static_cast<float>(static_cast<int8_t>(bytes[4 + i]));
        }
        return;
    }
    case Precision::INT4:
        for (uint32_t first = 0; first < elements; first += GROUP)
        {
            const uint32_t count = std::min(GROUP, elements - first);
            const float scale = FloatFromHalf(Load16(bytes));
            bytes += 2;
            for (uint32_t i = 0; i < count; ++i)
            {
                const uint32_t pair = bytes[i / 2];
                values[first + i] = scale * SignExtend4(i % 2 ? pair >> 4 : pair & 15U);
            }
            bytes += (count + 1) / 2;
        }
        return;
    }
    Unknown(precision);
}

void
RoundTrip(Precision precision, uint32_t elements, std::size_t tokens, float* values)
{
    const std::size_t count = tokens * elements;
    switch (precision)
    {
    case Precision::FP32:
        return;
    case Precision::FP16:
        for (std::size_t i = 0; i < count; ++i)
        {
            values[i] = FloatFromHalf(HalfFromFloat(values[i]));
        }
        return;
    case Precision::BF16:
        for (std::size_t i = 0; i < count; ++i)
        {
            values[i] = FloatFromBrain(BrainFromFloat(values[i]));
        }
        return;
    case Precision::INT8:
    case Precision::INT4: {
        std::vector<uint8_t> bytes(EncodedBytes(precision, elements));
        for (std::size_t t = 0; t < tokens; ++t)
        {
            Encode(precision, elements, values + t * elements, bytes.data());
            Decode(precision, elements, bytes.data(), values + t * elements);
        }
        return;
    }
    }
    Unknown(precision);
}

const char*
PrecisionName(Precision precision)
{
    switch (precision)
    {
    case Precision::FP32:
        return "fp32";
    case Precision::FP16:
        return "fp16";
    case Precision::BF16:
        return "bf16";
    case Precision::INT8:
        return "int8";
    case Precision::INT4:
        return "int4";
    }
    Unknown(precision);
}

} // namespace wdmoe
