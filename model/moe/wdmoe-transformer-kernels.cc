/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-transformer-kernels.h"

#include <cmath>
#include <cstring>

// The same text is compiled for each kind of processor, by an attribute of its functions and not by
// an option of the compiler: nothing that others share (templates, inline functions of headers) may
// be compiled for a processor that is not there.

#define WDMOE_ISA baseline
#define WDMOE_NAME "baseline"
#define WDMOE_TARGET
#define WDMOE_LANES 4
#define WDMOE_BLOCK 3
#include "wdmoe-transformer-kernels-body.h"
#undef WDMOE_ISA
#undef WDMOE_NAME
#undef WDMOE_TARGET
#undef WDMOE_LANES
#undef WDMOE_BLOCK

#if defined(__x86_64__)
#define WDMOE_ISA avx2
#define WDMOE_NAME "avx2"
#define WDMOE_TARGET __attribute__((target("avx2,fma")))
#define WDMOE_LANES 8
#define WDMOE_BLOCK 6
#include "wdmoe-transformer-kernels-body.h"
#undef WDMOE_ISA
#undef WDMOE_NAME
#undef WDMOE_TARGET
#undef WDMOE_LANES
#undef WDMOE_BLOCK
#endif

namespace wdmoe
{

const Kernels&
GetBaselineKernels()
{
    return baseline::KERNELS;
}

const Kernels&
GetKernels()
{
#if defined(__x86_64__)
    static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (fast)
    {
        return avx2::KERNELS;
    }
#endif
    return baseline::KERNELS;
}

} // namespace wdmoe
