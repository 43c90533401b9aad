/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RANDOM_SELECTION_H
#define WDMOE_RANDOM_SELECTION_H

#include "wdmoe-selection.h"

#include <cstddef>
#include <functional>

namespace wdmoe
{

/// Settings of SelectRandom()
struct RandomParam
{
    double keep{0.5};  ///< p: part of the pairs after a token's first ones that stays, 0 .. 1
    bool exact{false}; ///< exactly that many of a block; false: each with that probability
    std::size_t minExperts{1}; ///< a token's experts of largest weight that always stay

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Top-k without some pairs that chance picks: what any policy has to beat at the same number of
 * pairs. Each (token, expert) pair but the minExperts of largest weight of each token stays with
 * probability p, independently; or round(p n) of these n pairs stay, each such set being as likely
 * (sampling without replacement).
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param uniform draws a number in [0, 1); called once for each of the n pairs, in order
 * @param param settings
 * @return which experts run, combine weights renormalised
 * @throws std::invalid_argument as SelectTopK, and for settings or draws out of range
 */
Selection SelectRandom(const GateMatrix& gate,
                       std::size_t k,
                       const std::function<double()>& uniform,
                       const RandomParam& param = RandomParam());

} // namespace wdmoe

#endif /* WDMOE_RANDOM_SELECTION_H */
