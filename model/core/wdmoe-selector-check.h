/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SELECTOR_CHECK_H
#define WDMOE_SELECTOR_CHECK_H

// Internal: not installed, not part of the interface of the module.

#include "wdmoe-selection.h"

#include <cstddef>
#include <string>
#include <vector>

namespace wdmoe
{

/// A row may sum to a little more than 1: recorded gates are rounded to few digits
constexpr double GATE_ROW_SUM_LIMIT = 1.01;

/**
 * @ingroup wdmoe-core
 *
 * @param who start of the message
 * @param gate the gate to check
 * @throws std::invalid_argument for an empty gate or weights of the wrong number
 */
void CheckGateShape(const char* who, const GateMatrix& gate);

/**
 * @ingroup wdmoe-core
 *
 * CheckGateShape(), and that of a selection.
 *
 * @param who start of the message
 * @param gate the gate to check
 * @param k the number of experts for each token
 * @throws std::invalid_argument for a bad k too
 */
void CheckSelectorShape(const char* who, const GateMatrix& gate, std::size_t k);

/**
 * @ingroup wdmoe-core
 *
 * @param who start of the message
 * @param gate the gate
 * @param token whose weights are checked
 * @throws std::invalid_argument for weights that are NaN or negative, a row without any weight or
 *         with a sum beyond rounding over 1
 */
void CheckSelectorRow(const char* who, const GateMatrix& gate, std::size_t token);

/**
 * @ingroup wdmoe-core
 *
 * CheckSelectorRow() for all tokens.
 *
 * @param who start of the message
 * @param gate the gate, of a shape that was checked
 * @throws std::invalid_argument for the first bad row
 */
void CheckGateRows(const char* who, const GateMatrix& gate);

/**
 * @ingroup wdmoe-core
 *
 * What every selector refuses, with the same words.
 *
 * @param who start of the message
 * @param gate the gate to check
 * @param k the number of experts for each token
 * @throws std::invalid_argument for a bad k, an empty gate, weights that are NaN, negative or of
 *         the wrong number, a row without any weight or with a sum beyond rounding over 1
 */
void CheckSelectorGate(const char* who, const GateMatrix& gate, std::size_t k);

/**
 * @ingroup wdmoe-core
 *
 * @param who start of the message
 * @param what the values are, "cost"
 * @param value one for each expert
 * @param experts how many there should be
 * @throws std::invalid_argument for a value that is NaN, infinite or negative, or another number
 *         of them
 */
void CheckExpertValues(const char* who,
                       const char* what,
                       const std::vector<double>& value,
                       std::size_t experts);

/**
 * @ingroup wdmoe-core
 *
 * @param ok whether a setting is in its range
 * @param what its owner and name
 * @param value what it is
 * @param is what was expected
 * @throws std::invalid_argument if not
 */
void RequireSetting(bool ok, const char* what, double value, const char* is);

/**
 * @ingroup wdmoe-core
 *
 * The k largest weights of a row, largest first; ties: lower index. A weight of 0 is none of them.
 *
 * @param row weights
 * @param experts how many
 * @param k most that are looked for
 * @param [out] best room for k indices
 * @return how many there are
 */
std::size_t TopKOfRow(const double* row, std::size_t experts, std::size_t k, int32_t* best);

} // namespace wdmoe

#endif /* WDMOE_SELECTOR_CHECK_H */
