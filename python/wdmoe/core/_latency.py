# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Stages of a block, added up."""

import ctypes

import numpy as np

from ._library import call, each, numbers, pointer, whole


def latency(downlink_s, compute_s, uplink_s, micro_batches=1):
    """s that each device takes, array of length K: one stage after another, or overlapping with `micro_batches`."""
    downlink_s = numbers("downlink_s", downlink_s)
    compute_s = each("compute_s", compute_s, len(downlink_s))
    uplink_s = each("uplink_s", uplink_s, len(downlink_s))
    result = np.empty(len(downlink_s))
    batches = ctypes.c_size_t(whole("micro_batches", micro_batches, 1))
    count = ctypes.c_size_t(len(result))
    call("latency", count, pointer(downlink_s), pointer(compute_s), pointer(uplink_s), batches, pointer(result))
    return result


def block_latency(downlink_s, compute_s, uplink_s, micro_batches=1):
    """s until the last answer is in: the maximum of latency(); 0 without devices."""
    return float(latency(downlink_s, compute_s, uplink_s, micro_batches).max(initial=0))
