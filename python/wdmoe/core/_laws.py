# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Rate laws: what bandwidth is worth to each device."""

import ctypes

import numpy as np

from ._library import call, each, numbers, pointer, require

# As wdmoe_core_law.
DTYPE = np.dtype([("kind", "i4"), ("efficiency", "f8"), ("gain_hz", "f8"), ("scale", "f8")], align=True)
LINEAR, SHANNON = 0, 1


class Law:
    """A rate law for each of K devices, made by shannon(), linear() or join()."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        """The laws of some of the devices: a slice, indices or a mask."""
        return Law(np.ascontiguousarray(np.atleast_1d(self.array[index])))

    def __repr__(self):
        return f"<Law of {len(self)} devices, {np.count_nonzero(self.array['kind'] == SHANNON)} of them Shannon>"

    def rate(self, bandwidth_hz):
        """bit/s of each device with its bandwidth (Hz, one number or K of them)."""
        bandwidth_hz = each("bandwidth_hz", bandwidth_hz, len(self))
        result = np.empty(len(self))
        call("rate", _count(self), pointer(self.array), pointer(bandwidth_hz), pointer(result))
        return result

    def bandwidth(self, rate):
        """Least Hz with which each device has a rate (bit/s); infinite where no bandwidth is enough."""
        rate = each("rate", rate, len(self))
        result = np.empty(len(self))
        call("bandwidth", _count(self), pointer(self.array), pointer(rate), pointer(result))
        return result


def _count(law):
    return ctypes.c_size_t(len(law))


def shannon(gain_hz, cap=np.inf, scale=1.0):
    """Fixed power: rate = min(scale * B log2(1 + gain_hz / B), cap * B).

    gain_hz: P g / N0, Hz, array of length K; cap: bit/s/Hz of the top MCS; scale: share of capacity, in (0, 1]; both
    one number or K of them.
    """
    gain_hz = numbers("gain_hz", gain_hz) if np.ndim(gain_hz) else each("gain_hz", gain_hz, 1)
    result = np.empty(len(gain_hz), DTYPE)
    cap, scale = each("cap", cap, len(gain_hz)), each("scale", scale, len(gain_hz))
    require("gain_hz", gain_hz, (gain_hz >= 0) & np.isfinite(gain_hz), "a finite number of Hz >= 0")
    require("cap", cap, cap >= 0, "bit/s/Hz >= 0")
    require("scale", scale, (scale > 0) & (scale <= 1), "a share in (0, 1]")
    result["kind"], result["efficiency"], result["gain_hz"], result["scale"] = SHANNON, cap, gain_hz, scale
    return Law(result)


def linear(bit_per_s_per_hz):
    """Fixed power density: rate = bit_per_s_per_hz * B; array of length K."""
    name = "bit_per_s_per_hz"
    slope = numbers(name, bit_per_s_per_hz) if np.ndim(bit_per_s_per_hz) else each(name, bit_per_s_per_hz, 1)
    require(name, slope, (slope >= 0) & np.isfinite(slope), "a finite number >= 0")
    result = np.empty(len(slope), DTYPE)
    result["kind"], result["efficiency"], result["gain_hz"], result["scale"] = LINEAR, slope, 0, 1
    return Law(result)


def join(*laws):
    """One Law for the devices of all, in order: where some are linear and some Shannon."""
    return Law(np.concatenate([laws_of("law", law).array for law in laws]))


def laws_of(name, value, count=None):
    """`value`, which must be a Law of `count` devices."""
    if not isinstance(value, Law):
        raise ValueError(f"{name} is of type {type(value).__name__}, expected wdmoe.core.shannon() or linear()")
    if count is not None and len(value) != count:
        raise ValueError(f"{name} has {len(value)} devices, expected {count}")
    return value
