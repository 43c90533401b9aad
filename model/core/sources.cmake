# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# What model/core consists of: read by the module's CMakeLists.txt and by the one of the package wdmoe-core. A header
# that is named here is installed.
set(wdmoe_core_sources
    wdmoe-allocation.cc
    wdmoe-bottleneck.cc
    wdmoe-channel-aware.cc
    wdmoe-compute.cc
    wdmoe-core-c-schedule.cc
    wdmoe-core-c-select.cc
    wdmoe-core-c.cc
    wdmoe-des.cc
    wdmoe-energy.cc
    wdmoe-exhaustive.cc
    wdmoe-fair-allocation.cc
    wdmoe-flow-shop.cc
    wdmoe-granularity.cc
    wdmoe-latency-sum.cc
    wdmoe-latency.cc
    wdmoe-law-leg.cc
    wdmoe-least-energy.cc
    wdmoe-precision.cc
    wdmoe-random-selection.cc
    wdmoe-rate-law.cc
    wdmoe-selection.cc
    wdmoe-selector-check.cc
    wdmoe-sift.cc
    wdmoe-weighted-times.cc
)
set(wdmoe_core_headers
    wdmoe-allocation.h
    wdmoe-bottleneck.h
    wdmoe-channel-aware.h
    wdmoe-compute.h
    wdmoe-core-c.h
    wdmoe-des.h
    wdmoe-energy.h
    wdmoe-exhaustive.h
    wdmoe-fair-allocation.h
    wdmoe-flow-shop.h
    wdmoe-granularity.h
    wdmoe-latency-sum.h
    wdmoe-latency.h
    wdmoe-least-energy.h
    wdmoe-precision.h
    wdmoe-random-selection.h
    wdmoe-rate-law.h
    wdmoe-selection.h
    wdmoe-sift.h
    wdmoe-weighted-times.h
)
