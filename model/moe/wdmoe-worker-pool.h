/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WORKER_POOL_H
#define WDMOE_WORKER_POOL_H

// Internal: not installed, not part of the interface of the module.

#include <cstddef>
#include <cstdint>

namespace wdmoe
{

/**
 * @ingroup wdmoe-moe
 *
 * @param threads that RunParallel() uses, with the caller's own; at least 1
 */
void SetPoolThreads(uint32_t threads);

/// @return threads that RunParallel() uses
uint32_t GetPoolThreads();

/**
 * @ingroup wdmoe-moe
 *
 * Run pieces of work on the caller's thread and on those of the pool, whoever comes first. Who
 * runs which piece is left to chance: pieces must not depend on each other. Threads are started by
 * the first call that can use them; they spin for a short while after each call and then sleep. The
 * caller does not wait for a thread that has not begun, so a busy machine costs nothing but the
 * help. A call made while another one runs is served by its own thread alone. After fork() the
 * child starts threads of its own when it needs them.
 *
 * @param pieces how many
 * @param run called with context and the number of the piece; must not throw
 * @param context handed to run
 */
void RunParallel(std::size_t pieces, void (*run)(void*, std::size_t), void* context);

/**
 * @ingroup wdmoe-moe
 *
 * As the function above, for anything that can be called with the number of a piece.
 *
 * @tparam F its type
 * @param pieces how many
 * @param run called with the number of the piece; must not throw
 */
template <typename F>
void
RunParallel(std::size_t pieces, F& run)
{
    RunParallel(
        pieces,
        [](void* context, std::size_t piece) { (*static_cast<F*>(context))(piece); },
        &run);
}

} // namespace wdmoe

#endif /* WDMOE_WORKER_POOL_H */
