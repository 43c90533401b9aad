/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-top-k.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <cstring>

// Vectors of the compiler (GCC, Clang), not of a processor: where it has none as wide, the compiler
// makes do with narrower ones
#if defined(__GNUC__)
#define WDMOE_TOP_K_VECTORS 1
#else
#define WDMOE_TOP_K_VECTORS 0
#endif

namespace wdmoe
{

namespace
{

/// Rows of a smaller sum need no second look; sums differ by rounding with the order of addition
constexpr double SURE_ROW_SUM = 0.999 * GATE_ROW_SUM_LIMIT;

/**
 * One token after another.
 *
 * @param who start of the messages
 * @param gate the gate
 * @param first first token
 * @param last one after the last token
 * @param k how many are wanted
 * @param [out] best where to write their experts
 */
void
OneByOne(const char* who,
         const GateMatrix& gate,
         std::size_t first,
         std::size_t last,
         std::size_t k,
         int32_t* best)
{
    for (std::size_t j = first; j < last; ++j, best += k)
    {
        CheckSelectorRow(who, gate, j);
        const auto found = TopKOfRow(gate.Row(j), gate.experts, k, best);
        std::fill(best + found, best + k, -1);
    }
}

/// Sums that are kept of a row
constexpr std::size_t SUMS = 4;

#if WDMOE_TOP_K_VECTORS

/// More experts than that leave too few bits to tell their weights apart
constexpr std::size_t MOST_EXPERTS = 1024;

/// Longer lists take longer than looking at weights one by one
constexpr std::size_t MOST_K = 8;

using Real2 = double __attribute__((vector_size(16)));
using Real4 = double __attribute__((vector_size(32)));
using Whole2 = int64_t __attribute__((vector_size(16)));
using Whole4 = int64_t __attribute__((vector_size(32)));

/// Element @p e of some rows. @param row the first one @param stride to the next one
__attribute__((always_inline)) inline void
Column(const double* row, std::size_t stride, std::size_t e, Real2& column)
{
    column = Real2{row[e], row[stride + e]};
}

/// Element @p e of some rows. @param row the first one @param stride to the next one
__attribute__((always_inline)) inline void
Column(const double* row, std::size_t stride, std::size_t e, Real4& column)
{
    column = Real4{row[e], row[stride + e], row[2 * stride + e], row[3 * stride + e]};
}

/**
 * A few tokens together, as many as Real has lanes.
 *
 * @tparam K how many experts each
 * @tparam Real vector of weights
 * @tparam Whole as many integers
 * @param row weights of the first token
 * @param experts how many
 * @param mask lowest bits set, as many as an expert's index needs
 * @param [out] best where to write the experts
 * @return for each lane, not 0: whether it has to be looked at again
 */
template <std::size_t K, typename Real, typename Whole>
__attribute__((always_inline)) inline void
Together(const double* row, std::size_t experts, int64_t mask, int32_t* best, Whole& doubtful)
{
    constexpr std::size_t LANES = sizeof(Real) / sizeof(double);
    const Whole low = Whole{} + mask;
    Real list[K + 1] = {};
    Real even{};
    Real odd{};
    Whole bits{};
    const auto take = [&](std::size_t e, Real& sum) __attribute__((always_inline)) {
        Real weight;
        Column(row, experts, e, weight);
        sum += weight;
        const Whole word = (Whole)weight;
        bits |= word; // the sign
        Real key = (Real)((word & ~low) | (mask - static_cast<int64_t>(e)));
        for (std::size_t i = 0; i < K; ++i)
        {
            const Real lower = list[i] < key ? list[i] : key;
            list[i] = list[i] > key ? list[i] : key;
            key = lower;
        }
        list[K] = list[K] > key ? list[K] : key;
    };
    std::size_t e = 0;
    for (; e + 2 <= experts; e += 2)
    {
        take(e, even);
        take(e + 1, odd);
    }
    if (e < experts)
    {
        take(e, even);
    }
    const Real sum = even + odd;
    doubtful = ~((sum > 0) & (sum <= SURE_ROW_SUM)) | (bits < 0);
    for (std::size_t i = 0; i < K; ++i)
    {
        doubtful |= ((Whole)list[i] & ~low) == ((Whole)list[i + 1] & ~low);
        const Whole expert = low - ((Whole)list[i] & low);
        for (std::size_t lane = 0; lane < LANES; ++lane)
        {
            best[lane * K + i] = static_cast<int32_t>(expert[lane]);
        }
    }
}

/**
 * All that fill a vector; doubtful ones are looked at one by one.
 *
 * @tparam K how many experts each
 * @tparam Real vector of weights
 * @tparam Whole as many integers
 * @param who start of the messages
 * @param gate the gate
 * @param first first token
 * @param last one after the last token
 * @param [out] best where to write the experts
 */
template <std::size_t K, typename Real, typename Whole>
__attribute__((always_inline)) inline void
Many(const char* who, const GateMatrix& gate, std::size_t first, std::size_t last, int32_t* best)
{
    constexpr std::size_t LANES = sizeof(Real) / sizeof(double);
    int64_t mask = 1;
    while (static_cast<std::size_t>(mask) < gate.experts)
    {
        mask = 2 * mask;
    }
    --mask;
    std::size_t j = first;
    for (; j + LANES <= last; j += LANES, best += LANES * K)
    {
        Whole doubtful;
        Together<K, Real, Whole>(gate.Row(j), gate.experts, mask, best, doubtful);
        int64_t any = 0;
        for (std::size_t lane = 0; lane < LANES; ++lane)
        {
            any |= doubtful[lane];
        }
        for (std::size_t lane = 0; any != 0 && lane < LANES; ++lane)
        {
            if (doubtful[lane] != 0)
            {
                OneByOne(who, gate, j + lane, j + lane + 1, K, best + lane * K);
            }
        }
    }
    OneByOne(who, gate, j, last, K, best);
}

/// Many() with K = @p k, 1 .. MOST_K
template <typename Real, typename Whole>
__attribute__((always_inline)) inline void
ManyOf(std::size_t k,
       const char* who,
       const GateMatrix& gate,
       std::size_t first,
       std::size_t last,
       int32_t* best)
{
    switch (k)
    {
    case 1:
        return Many<1, Real, Whole>(who, gate, first, last, best);
    case 2:
        return Many<2, Real, Whole>(who, gate, first, last, best);
    case 3:
        return Many<3, Real, Whole>(who, gate, first, last, best);
    case 4:
        return Many<4, Real, Whole>(who, gate, first, last, best);
    case 5:
        return Many<5, Real, Whole>(who, gate, first, last, best);
    case 6:
        return Many<6, Real, Whole>(who, gate, first, last, best);
    case 7:
        return Many<7, Real, Whole>(who, gate, first, last, best);
    default:
        return Many<8, Real, Whole>(who, gate, first, last, best);
    }
}

/**
 * RowProducts() by vectors.
 *
 * @tparam Real vector of weights
 * @param row weights of the first token
 * @param vector of length E
 * @param experts how many
 * @param count tokens
 * @param [out] dot for each token
 * @param [out] square for each token
 */
template <typename Real>
__attribute__((always_inline)) inline void
Products(const double* row,
         const double* vector,
         std::size_t experts,
         std::size_t count,
         double* dot,
         double* square)
{
    constexpr std::size_t LANES = sizeof(Real) / sizeof(double);
    constexpr std::size_t PARTS = SUMS / LANES;
    for (std::size_t j = 0; j < count; ++j, row += experts)
    {
        Real dots[PARTS] = {};
        Real squares[PARTS] = {};
        std::size_t e = 0;
        for (; e + SUMS <= experts; e += SUMS)
        {
            for (std::size_t i = 0; i < PARTS; ++i)
            {
                Real a; // anywhere in memory
                std::memcpy(&a, row + e + i * LANES, sizeof(Real));
                Real b;
                std::memcpy(&b, vector + e + i * LANES, sizeof(Real));
                dots[i] += a * b;
                squares[i] += a * a;
            }
        }
        const auto sum = [](const Real* s) __attribute__((always_inline)) {
            const auto at = [s](std::size_t i)
                                __attribute__((always_inline)) { return s[i / LANES][i % LANES]; };
            return (at(0) + at(2)) + (at(1) + at(3));
        };
        dot[j] = sum(dots);
        square[j] = sum(squares);
        for (; e < experts; ++e)
        {
            dot[j] += row[e] * vector[e];
            square[j] += row[e] * row[e];
        }
    }
}

/// Two lanes, as every 64-bit processor has
void
ByTwo(std::size_t k,
      const char* who,
      const GateMatrix& gate,
      std::size_t first,
      std::size_t last,
      int32_t* best)
{
    ManyOf<Real2, Whole2>(k, who, gate, first, last, best);
}

/// Two lanes
void
ProductsByTwo(const double* row,
              const double* vector,
              std::size_t experts,
              std::size_t count,
              double* dot,
              double* square)
{
    Products<Real2>(row, vector, experts, count, dot, square);
}

#if defined(__x86_64__)
/// Four lanes
__attribute__((target("avx2"))) void
ProductsByFour(const double* row,
               const double* vector,
               std::size_t experts,
               std::size_t count,
               double* dot,
               double* square)
{
    Products<Real4>(row, vector, experts, count, dot, square);
}

/// Four lanes
__attribute__((target("avx2"))) void
ByFour(std::size_t k,
       const char* who,
       const GateMatrix& gate,
       std::size_t first,
       std::size_t last,
       int32_t* best)
{
    ManyOf<Real4, Whole4>(k, who, gate, first, last, best);
}
#endif

#endif // WDMOE_TOP_K_VECTORS

} // namespace

void
CheckedTopK(const char* who,
            const GateMatrix& gate,
            std::size_t first,
            std::size_t last,
            std::size_t k,
            int32_t* best)
{
#if WDMOE_TOP_K_VECTORS
    if (k <= MOST_K && gate.experts <= MOST_EXPERTS)
    {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2"))
        {
            return ByFour(k, who, gate, first, last, best);
        }
#endif
        return ByTwo(k, who, gate, first, last, best);
    }
#endif
    OneByOne(who, gate, first, last, k, best);
}

void
RowProducts(const GateMatrix& gate,
            std::size_t first,
            std::size_t last,
            const double* vector,
            double* dot,
            double* square)
{
    const double* row = gate.Row(first);
#if WDMOE_TOP_K_VECTORS
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
    {
        return ProductsByFour(row, vector, gate.experts, last - first, dot, square);
    }
#endif
    ProductsByTwo(row, vector, gate.experts, last - first, dot, square);
#else
    for (std::size_t j = first; j < last; ++j, ++dot, ++square, row += gate.experts)
    {
        double dots[SUMS] = {};
        double squares[SUMS] = {};
        const std::size_t whole = gate.experts / SUMS * SUMS;
        for (std::size_t e = 0; e < whole; ++e)
        {
            dots[e % SUMS] += row[e] * vector[e];
            squares[e % SUMS] += row[e] * row[e];
        }
        *dot = (dots[0] + dots[2]) + (dots[1] + dots[3]);
        *square = (squares[0] + squares[2]) + (squares[1] + squares[3]);
        for (std::size_t e = whole; e < gate.experts; ++e)
        {
            *dot += row[e] * vector[e];
            *square += row[e] * row[e];
        }
    }
#endif
}

} // namespace wdmoe
