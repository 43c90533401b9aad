/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CORE_C_PLACE_H
#define WDMOE_CORE_C_PLACE_H

#include <stddef.h> // NOLINT: C
#include <stdint.h> // NOLINT: C

/**
 * @file
 * @ingroup wdmoe-core
 *
 * Placement of experts for other languages; see wdmoe-core-c.h for what holds for all of them.
 */

#ifdef __cplusplus
extern "C"
{
#endif

    /// wdmoe::PlacementProblem and wdmoe::PlacementParam
    typedef struct wdmoe_core_placement_problem
    {
        size_t passes;              ///< S
        size_t blocks;              ///< I
        size_t experts;             ///< E
        size_t devices;             ///< K
        size_t media;               ///< R
        const double* load;         ///< S x I x E pairs
        const double* weight;       ///< S, or null: 1 each
        const double* memory_bytes; ///< K
        const double* pair_s;       ///< K
        const double* expert_s;     ///< K
        const double* fixed_s;      ///< K
        const double* move_s;       ///< K
        const double* air_s;        ///< R x K
        const int32_t* current;     ///< I x E x held devices, -1: none; or null
        size_t held;                ///< most holders in current
        double expert_bytes;        ///< weights of one expert
        double move_weight;         ///< what a second of moving counts
        uint64_t max_nodes;         ///< of branch and bound
        uint64_t seed;              ///< of the restarts
        uint32_t max_holders;       ///< of an expert
        uint32_t max_rounds;        ///< restarts
        uint32_t max_iterations;    ///< of the multipliers
    } wdmoe_core_placement_problem;

    /// wdmoe::PlacementResult
    typedef struct wdmoe_core_placement
    {
        int32_t* holders;     ///< I x E x max_holders devices, the caller's; -1: none
        int32_t status;       ///< 0: optimal, 1: heuristic (see gap), 2: infeasible
        double objective_s;   ///< moves included, s
        double latency_s;     ///< without moves, s
        double lower_bound_s; ///< of any placement, s
        double gap;           ///< relative
        uint64_t moves;       ///< holders that are not in current
        uint64_t nodes;       ///< of branch and bound
        double missing_bytes; ///< infeasible: what memory lacks
    } wdmoe_core_placement;

    /**
     * wdmoe::PlacementSolver. If infeasible, message says by how much and there is no placement.
     *
     * @param problem what to place
     * @param [in,out] result array in, all else out
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_place(const wdmoe_core_placement_problem* problem,
                         wdmoe_core_placement* result,
                         char* message,
                         size_t messageSize);

#ifdef __cplusplus
}
#endif

#endif /* WDMOE_CORE_C_PLACE_H */
