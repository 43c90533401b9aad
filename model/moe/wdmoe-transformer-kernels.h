/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TRANSFORMER_KERNELS_H
#define WDMOE_TRANSFORMER_KERNELS_H

// Internal: not installed, not part of the interface of the module.

#include <cstddef>
#include <cstdint>

namespace wdmoe
{

/**
 * @ingroup wdmoe-moe
 *
 * Columns of a panel. A matrix W (n x k) is kept as panels of PANEL of its rows, transposed: panel
 * p holds, for each i < k, W[16 p][i] ... W[16 p + 15][i] side by side; the last panel is filled
 * with zeros.
 */
constexpr std::size_t PANEL = 16;

/// @return a number rounded up to whole panels; @param n the number
constexpr std::size_t
ToPanels(std::size_t n)
{
    return (n + PANEL - 1) / PANEL;
}

/// A product with a matrix in panels: out (rows x columns) from in (rows x k)
struct ProductJob
{
    const float* in{nullptr};     ///< first row
    std::size_t inStep{0};        ///< from row to row
    std::size_t rows{0};          ///< how many
    std::size_t k{0};             ///< elements of a row of in
    const float* panels{nullptr}; ///< the matrix
    float* out{nullptr};          ///< first row
    std::size_t outStep{0};       ///< from row to row
    std::size_t columns{0};       ///< elements of a row of out
    bool add{false};              ///< out += instead of out =
    std::size_t firstPanel{0};    ///< panels to do: from
    std::size_t lastPanel{0};     ///< to, exclusive
};

/**
 * Attention of query rows of one sequence that share a key/value head. Row r is query head
 * r % group of token r / group.
 */
struct AttentionJob
{
    const float* query{nullptr}; ///< first query head of the group, first token
    std::size_t queryStep{0};    ///< from token to token
    std::size_t group{0};        ///< query heads that share the key/value head
    std::size_t headSize{0};     ///< elements
    std::size_t before{0};       ///< tokens in the cache before the first of these
    const float* key{nullptr};   ///< tiles of PANEL tokens, transposed like panels
    std::size_t keyStep{0};      ///< from tile to tile
    const float* value{nullptr}; ///< of token 0; a head is whole panels wide
    std::size_t valueStep{0};    ///< from token to token
    float scale{1};              ///< of the scores
    float* out{nullptr};         ///< as query
    std::size_t outStep{0};      ///< from token to token
    float* scratch{nullptr};     ///< MOST_BLOCK rows of whole panels of tokens
    std::size_t scratchStep{0};  ///< from row to row
    std::size_t firstRow{0};     ///< rows to do: from
    std::size_t lastRow{0};      ///< to, exclusive
};

/// Most rows that a kernel takes at once
constexpr std::size_t MOST_BLOCK = 6;

/**
 * @ingroup wdmoe-moe
 *
 * The inner loops, compiled for one kind of processor. Each element of a result is summed in one
 * fixed order, whatever the number of rows and the pieces the work is cut into: a row's result does
 * not depend on its neighbours.
 */
struct Kernels
{
    const char* name; ///< of the kind of processor

    /// A product
    void (*product)(const ProductJob& job);

    /**
     * A product followed by SwiGLU. Panels hold 8 rows of w1 and then 8 of w3; out gets 8 columns
     * of silu(w1 x) * (w3 x) from each.
     */
    void (*swiglu)(const ProductJob& job);

    /// Attention
    void (*attention)(const AttentionJob& job);

    /// out = in / sqrt(mean(in^2) + epsilon) * weight, one row of n
    void (*norm)(std::size_t n, const float* in, const float* weight, float epsilon, float* out);

    /// out += factor * in, one row of n
    void (*addScaled)(std::size_t n, float factor, const float* in, float* out);
};

/// @return the fastest kernels this processor runs
const Kernels& GetKernels();

/// @return the kernels that every processor runs
const Kernels& GetBaselineKernels();

} // namespace wdmoe

#endif /* WDMOE_TRANSFORMER_KERNELS_H */
