# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# What model/core consists of: read by the module's CMakeLists.txt and by the one of the package wdmoe-core. A header
# that is named here is installed.
set(wdmoe_core_sources
    wdmoe-allocation.cc
    wdmoe-block-problem.cc
    wdmoe-bottleneck.cc
    wdmoe-channel-aware.cc
    wdmoe-compute.cc
    wdmoe-core-c-place.cc
    wdmoe-core-c-policies.cc
    wdmoe-core-c-schedule.cc
    wdmoe-core-c-select.cc
    wdmoe-core-c.cc
    wdmoe-des.cc
    wdmoe-exhaustive.cc
    wdmoe-flow-shop.cc
    wdmoe-latency.cc
    wdmoe-placement.cc
    wdmoe-precision.cc
    wdmoe-quality-bound.cc
    wdmoe-random-selection.cc
    wdmoe-rate-law.cc
    wdmoe-selection.cc
    wdmoe-selector-check.cc
    wdmoe-sift.cc
)
set(wdmoe_core_headers
    wdmoe-allocation.h
    wdmoe-block-problem.h
    wdmoe-bottleneck.h
    wdmoe-channel-aware.h
    wdmoe-compute.h
    wdmoe-core-c-place.h
    wdmoe-core-c-policies.h
    wdmoe-core-c.h
    wdmoe-des.h
    wdmoe-exhaustive.h
    wdmoe-flow-shop.h
    wdmoe-latency.h
    wdmoe-placement.h
    wdmoe-precision.h
    wdmoe-quality-bound.h
    wdmoe-random-selection.h
    wdmoe-rate-law.h
    wdmoe-selection.h
    wdmoe-sift.h
)
