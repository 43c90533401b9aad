/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Internal, and no header of its own: wdmoe-transformer-kernels.cc includes it once for each kind
// of processor, with WDMOE_ISA (a namespace), WDMOE_NAME (for
// people), WDMOE_TARGET (an attribute), WDMOE_LANES (floats in a
// register) and WDMOE_BLOCK (rows of a block) defined. Nothing of std:: may be called in here but C
// functions: see there.

// clang-format off
#define WDMOE_INLINE WDMOE_TARGET __attribute__((always_inline)) inline
// clang-format on

namespace wdmoe
{
namespace WDMOE_ISA
{
namespace
{

constexpr std::size_t LANES = WDMOE_LANES; ///< floats of a register
constexpr int VECTORS = PANEL / LANES;     ///< registers of a panel
constexpr int WIDE = 8 / VECTORS;          ///< panels at once for one row: enough sums in flight

/// A register
typedef float Vector __attribute__((vector_size(WDMOE_LANES * 4), may_alias));
/// The same from memory, wherever it lies
typedef float Loose __attribute__((vector_size(WDMOE_LANES * 4), aligned(4), may_alias));
/// Its bits
typedef int32_t Bits __attribute__((vector_size(WDMOE_LANES * 4), may_alias));

/// e to the power of each lane, 2 ulp; @param [in,out] x the exponent, then the power
WDMOE_INLINE void
Exponential(Vector& x)
{
    const Vector zero = {};
    const Vector most = zero + 88.0F;
    const Vector least = zero - 87.0F;
    x = x > most ? most : x;
    x = x < least ? least : x;
    // x = n ln 2 + r; adding 1.5 * 2^23 rounds to the nearest whole number
    const float shift = 12582912.0F;
    const Vector shifted = x * 1.44269504F + shift;
    const Vector n = shifted - shift;
    Vector r = x - n * 0.693359375F;
    r = r + n * 2.12194440e-4F;
    Vector p = r * 1.9875691500e-4F + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * (r * r) + r;
    p = p + 1.0F;
    const Bits power = ((Bits)shifted - (0x4B400000 - 127)) << 23;
    x = p * (Vector)power;
}

/**
 * The heart: sums[r][...] = row r of in times P panels. One accumulator for each element, k in
 * rising order.
 */
template <int R, int P>
WDMOE_INLINE void
Multiply(std::size_t k,
         const float* const* in,
         const float* panel,
         std::size_t step,
         std::size_t panelStep,
         Vector (&sums)[R][P * VECTORS])
{
    const float* row[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
    {
        row[r] = in[r];
#pragma GCC unroll 8
        for (int v = 0; v < P * VECTORS; ++v)
        {
            sums[r][v] = Vector{};
        }
    }
    for (std::size_t i = 0; i < k; ++i)
    {
        Vector w[P * VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < P * VECTORS; ++v)
        {
            w[v] = *reinterpret_cast<const Loose*>(panel + (v / VECTORS) * panelStep +
                                                   (v % VECTORS) * LANES);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
        {
            const float x = row[r][i];
#pragma GCC unroll 8
            for (int v = 0; v < P * VECTORS; ++v)
            {
                sums[r][v] += w[v] * x;
            }
        }
        panel += step;
    }
}

/// Rows of a product, P panels from a first one on
template <int R, int P>
WDMOE_TARGET void
ProductBlock(const ProductJob& job, std::size_t first, std::size_t panel)
{
    const float* in[R];
    for (int r = 0; r < R; ++r)
    {
        in[r] = job.in + (first + r) * job.inStep;
    }
    Vector sums[R][P * VECTORS];
    Multiply<R, P>(job.k, in, job.panels + panel * job.k * PANEL, PANEL, job.k * PANEL, sums);
    for (int r = 0; r < R; ++r)
    {
        float* out = job.out + (first + r) * job.outStep;
        for (int v = 0; v < P * VECTORS; ++v)
        {
            const std::size_t column = panel * PANEL + v * LANES;
            if (column + LANES <= job.columns)
            {
                Loose* to = reinterpret_cast<Loose*>(out + column);
                *to = job.add ? *to + sums[r][v] : sums[r][v];
            }
            else
            {
                for (std::size_t l = 0; column + l < job.columns; ++l)
                {
                    out[column + l] = job.add ? out[column + l] + sums[r][v][l] : sums[r][v][l];
                }
            }
        }
    }
}

/// Rows of a product with SwiGLU, P panels from a first one on
template <int R, int P>
WDMOE_TARGET void
SwigluBlock(const ProductJob& job, std::size_t first, std::size_t panel)
{
    const float* in[R];
    for (int r = 0; r < R; ++r)
    {
        in[r] = job.in + (first + r) * job.inStep;
    }
    Vector sums[R][P * VECTORS];
    Multiply<R, P>(job.k, in, job.panels + panel * job.k * PANEL, PANEL, job.k * PANEL, sums);
    constexpr int half = VECTORS / 2;
    for (int r = 0; r < R; ++r)
    {
        float* out = job.out + (first + r) * job.outStep;
        for (int v = 0; v < P * half; ++v)
        {
            const Vector a = sums[r][v / half * VECTORS + v % half];
            const Vector b = sums[r][v / half * VECTORS + v % half + half];
            Vector e = -a;
            Exponential(e);
            const Vector result = a / (e + 1.0F) * b;
            const std::size_t column = panel * PANEL / 2 + v * LANES;
            if (column + LANES <= job.columns)
            {
                *reinterpret_cast<Loose*>(out + column) = result;
            }
            else
            {
                for (std::size_t l = 0; column + l < job.columns; ++l)
                {
                    out[column + l] = result[l];
                }
            }
        }
    }
}

// A template's parameter cannot be a template function, hence a macro for the two.
#define WDMOE_ALL_BLOCKS(Block)                                                                    \
    std::size_t panel = job.firstPanel;                                                            \
    if (job.rows == 1)                                                                             \
    {                                                                                              \
        for (; panel + WIDE <= job.lastPanel; panel += WIDE)                                       \
        {                                                                                          \
            Block<1, WIDE>(job, 0, panel);                                                         \
        }                                                                                          \
    }                                                                                              \
    else if (job.rows == 2)                                                                        \
    {                                                                                              \
        for (; panel + WIDE / 2 <= job.lastPanel; panel += WIDE / 2)                               \
        {                                                                                          \
            Block<2, WIDE / 2>(job, 0, panel);                                                     \
        }                                                                                          \
    }                                                                                              \
    for (; panel < job.lastPanel; ++panel)                                                         \
    {                                                                                              \
        /* blocks of nearly the same height: a single row left over would run slowly */            \
        std::size_t blocks = (job.rows + WDMOE_BLOCK - 1) / WDMOE_BLOCK;                           \
        for (std::size_t row = 0; row < job.rows; --blocks)                                        \
        {                                                                                          \
            const std::size_t height = (job.rows - row + blocks - 1) / blocks;                     \
            switch (height)                                                                        \
            {                                                                                      \
            case 1:                                                                                \
                Block<1, 1>(job, row, panel);                                                      \
                break;                                                                             \
            case 2:                                                                                \
                Block<2, 1>(job, row, panel);                                                      \
                break;                                                                             \
            case 3:                                                                                \
                Block<3, 1>(job, row, panel);                                                      \
                break;                                                                             \
            case 4:                                                                                \
                Block<(WDMOE_BLOCK < 4 ? 1 : 4), 1>(job, row, panel);                              \
                break;                                                                             \
            case 5:                                                                                \
                Block<(WDMOE_BLOCK < 5 ? 1 : 5), 1>(job, row, panel);                              \
                break;                                                                             \
            default:                                                                               \
                Block<(WDMOE_BLOCK < 6 ? 1 : 6), 1>(job, row, panel);                              \
                break;                                                                             \
            }                                                                                      \
            row += height;                                                                         \
        }                                                                                          \
    }

WDMOE_TARGET void
Product(const ProductJob& job){WDMOE_ALL_BLOCKS(ProductBlock)}

WDMOE_TARGET void Swiglu(const ProductJob& job){WDMOE_ALL_BLOCKS(SwigluBlock)}

#undef WDMOE_ALL_BLOCKS

/// The sum of all lanes, in a fixed order; @param x the lanes
WDMOE_INLINE float SumOf(const Vector& x)
{
    float sum = 0;
    for (std::size_t l = 0; l < LANES; ++l)
    {
        sum += x[l];
    }
    return sum;
}

/**
 * Scores to weights e^(scale (score - largest)), not yet divided by their sum.
 *
 * @param [in,out] score of n tokens; zeroed up to padded
 * @param n tokens that are seen
 * @param padded whole panels
 * @param scale of the scores
 * @return their sum
 */
WDMOE_INLINE float
ToWeights(float* score, std::size_t n, std::size_t padded, float scale)
{
    for (std::size_t t = n; t < padded; ++t)
    {
        score[t] = score[0];
    }
    Vector most = *reinterpret_cast<const Loose*>(score);
    for (std::size_t t = LANES; t < padded; t += LANES)
    {
        const Vector x = *reinterpret_cast<const Loose*>(score + t);
        most = x > most ? x : most;
    }
    float largest = most[0];
    for (std::size_t l = 1; l < LANES; ++l)
    {
        largest = most[l] > largest ? most[l] : largest;
    }
    Vector sum = {};
    for (std::size_t t = 0; t < n; t += LANES)
    {
        Loose* at = reinterpret_cast<Loose*>(score + t);
        Vector x = (*at - largest) * scale;
        Exponential(x);
        for (std::size_t l = n - t; l < LANES; ++l)
        {
            x[l] = 0;
        }
        *at = x;
        sum += x;
    }
    const std::size_t done = (n + LANES - 1) / LANES * LANES;
    for (std::size_t t = done; t < padded; ++t)
    {
        score[t] = 0;
    }
    return SumOf(sum);
}

template <int R>
WDMOE_TARGET void
AttentionBlock(const AttentionJob& job, std::size_t first)
{
    const float* query[R];
    const float* weight[R];
    float sum[R];
    for (int r = 0; r < R; ++r)
    {
        query[r] = job.query + (first + r) / job.group * job.queryStep +
                   (first + r) % job.group * job.headSize;
        weight[r] = job.scratch + r * job.scratchStep;
    }
    // the last row sees most
    const std::size_t seen = job.before + (first + R - 1) / job.group + 1;
    const std::size_t tiles = ToPanels(seen);
    for (std::size_t tile = 0; tile < tiles; ++tile)
    {
        Vector sums[R][VECTORS];
        Multiply<R, 1>(job.headSize, query, job.key + tile * job.keyStep, PANEL, 0, sums);
        for (int r = 0; r < R; ++r)
        {
            for (int v = 0; v < VECTORS; ++v)
            {
                *reinterpret_cast<Loose*>(job.scratch + r * job.scratchStep + tile * PANEL +
                                          v * LANES) = sums[r][v];
            }
        }
    }
    for (int r = 0; r < R; ++r)
    {
        sum[r] = ToWeights(job.scratch + r * job.scratchStep,
                           job.before + (first + r) / job.group + 1,
                           tiles * PANEL,
                           job.scale);
    }
    for (std::size_t column = 0; column < job.headSize; column += PANEL)
    {
        Vector sums[R][VECTORS];
        Multiply<R, 1>(seen, weight, job.value + column, job.valueStep, 0, sums);
        for (int r = 0; r < R; ++r)
        {
            float* out = job.out + (first + r) / job.group * job.outStep +
                         (first + r) % job.group * job.headSize + column;
            for (int v = 0; v < VECTORS; ++v)
            {
                const Vector result = sums[r][v] / sum[r];
                for (std::size_t l = 0; l < LANES && column + v * LANES + l < job.headSize; ++l)
                {
                    out[v * LANES + l] = result[l];
                }
            }
        }
    }
}

WDMOE_TARGET void
Attention(const AttentionJob& job)
{
    for (std::size_t row = job.firstRow; row < job.lastRow;)
    {
        const std::size_t left = job.lastRow - row;
        if (left >= WDMOE_BLOCK)
        {
            AttentionBlock<WDMOE_BLOCK>(job, row);
            row += WDMOE_BLOCK;
        }
        else if (left >= 2)
        {
            AttentionBlock<2>(job, row);
            row += 2;
        }
        else
        {
            AttentionBlock<1>(job, row);
            row += 1;
        }
    }
}

WDMOE_TARGET void
Norm(std::size_t n, const float* in, const float* weight, float epsilon, float* out)
{
    Vector squares = {};
    const std::size_t whole = n / LANES * LANES;
    for (std::size_t i = 0; i < whole; i += LANES)
    {
        const Vector x = *reinterpret_cast<const Loose*>(in + i);
        squares += x * x;
    }
    for (std::size_t i = whole; i < n; ++i)
    {
        squares[i - whole] += in[i] * in[i];
    }
    const float factor = 1.0F / __builtin_sqrtf(SumOf(squares) / static_cast<float>(n) + epsilon);
    for (std::size_t i = 0; i < n; ++i)
    {
        out[i] = weight[i] * (in[i] * factor);
    }
}

WDMOE_TARGET void
AddScaled(std::size_t n, float factor, const float* in, float* out)
{
    for (std::size_t i = 0; i < n; ++i)
    {
        out[i] += factor * in[i];
    }
}

} // namespace

/// What this file makes
const Kernels KERNELS = {
    .name = WDMOE_NAME,
    .product = &Product,
    .swiglu = &Swiglu,
    .attention = &Attention,
    .norm = &Norm,
    .addScaled = &AddScaled,
};

} // namespace WDMOE_ISA
} // namespace wdmoe

#undef WDMOE_INLINE
