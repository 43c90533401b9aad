/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_TOP_K_H
#define WDMOE_TOP_K_H

// Internal: not installed, not part of the interface of the module. What is done with rows of a
// gate by vectors of the processor.

#include "wdmoe-selection.h"

#include <cstddef>
#include <cstdint>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * CheckSelectorRow() and TopKOfRow() for several tokens of a gate in one pass over their weights.
 *
 * Some tokens are handled together, one in each lane of a vector: a sorted list of the k + 1
 * largest weights so far takes up one expert after another by minima and maxima, without branches.
 * A weight carries its expert in its lowest bits, so that the lists need no second array. Where two
 * neighbours of the list differ in these bits only, or a weight is 0, TopKOfRow() decides that
 * token: results are the same in any case, on any processor.
 *
 * @param who start of the messages
 * @param gate the gate; its sizes and k were checked (CheckSelectorShape())
 * @param first first token
 * @param last one after the last token
 * @param k 1 <= k <= E
 * @param [out] best (last - first) x k experts by falling weight, ties: lower index; -1: none
 * @throws std::invalid_argument as CheckSelectorRow(), for the first bad row
 */
void CheckedTopK(const char* who,
                 const GateMatrix& gate,
                 std::size_t first,
                 std::size_t last,
                 std::size_t k,
                 int32_t* best);

/**
 * @ingroup wdmoe-core
 *
 * What cosines of rows with a vector are made of. Four sums each, of every fourth expert, in the
 * same order on any processor.
 *
 * @param gate the gate
 * @param first first token
 * @param last one after the last token
 * @param vector of length E
 * @param [out] dot of each token's row and the vector
 * @param [out] square of the length of each token's row
 */
void RowProducts(const GateMatrix& gate,
                 std::size_t first,
                 std::size_t last,
                 const double* vector,
                 double* dot,
                 double* square);

} // namespace wdmoe

#endif /* WDMOE_TOP_K_H */
