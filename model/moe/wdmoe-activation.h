/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ACTIVATION_H
#define WDMOE_ACTIVATION_H

#include <cstddef>
#include <cstdint>

namespace wdmoe
{

/// How the elements of an activation are coded on the air
enum class Precision : uint8_t
{
    FP32 = 1, ///< IEEE 754 binary32, 4 bytes an element
    FP16 = 2, ///< IEEE 754 binary16, 2 bytes an element, rounded to nearest even, saturating
    BF16 = 3, ///< bfloat16, 2 bytes an element, rounded to nearest even
    INT8 = 4, ///< symmetric, 1 byte an element, one fp32 scale (absmax / 127) a token
    INT4 = 5  ///< symmetric, half a byte an element, one fp16 scale (absmax / 7) for 32 elements
};

/**
 * @ingroup wdmoe-moe
 *
 * @param precision how elements are coded
 * @param elements of one token (m)
 * @return bytes of one token on the air, scales included
 */
uint32_t EncodedBytes(Precision precision, uint32_t elements);

/**
 * @ingroup wdmoe-moe
 *
 * Code one token. Little endian. INT8: the scale, then the elements. INT4: for each group of 32
 * (the last may be shorter) the scale, then the elements, the first in the low half of a byte.
 *
 * @param precision how elements are coded
 * @param elements of the token
 * @param values the elements; not finite ones are coded as 0 (INT8, INT4) or as they are
 * @param [out] bytes EncodedBytes() of them
 */
void Encode(Precision precision, uint32_t elements, const float* values, uint8_t* bytes);

/**
 * @ingroup wdmoe-moe
 *
 * Decode one token.
 *
 * @param precision how elements are coded
 * @param elements of the token
 * @param bytes EncodedBytes() of them
 * @param [out] values the elements
 */
void Decode(Precision precision, uint32_t elements, const uint8_t* bytes, float* values);

/**
 * @ingroup wdmoe-moe
 *
 * What Encode() followed by Decode() leaves of values: what the other side sees.
 *
 * @param precision how elements are coded
 * @param elements of one token
 * @param tokens rows
 * @param [in,out] values tokens x elements
 */
void RoundTrip(Precision precision, uint32_t elements, std::size_t tokens, float* values);

/**
 * @ingroup wdmoe-moe
 *
 * @param precision how elements are coded
 * @return "fp32", "fp16", "bf16", "int8" or "int4"
 */
const char* PrecisionName(Precision precision);

} // namespace wdmoe

#endif /* WDMOE_ACTIVATION_H */
