# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The structures of wdmoe-foreign-*.h, and numpy arrays of what they point to."""

import ctypes
from ctypes import POINTER, Structure, c_double, c_int32, c_int64, c_uint8, c_uint64, c_void_p

import numpy as np

# The order of ns3::WdmoeForeignMethod.
METHODS = (
    "SET_ATTRIBUTE ASSIGN_STREAMS SELECT LEARN ALLOCATE BEGIN IS_DUE DECIDE CODE GET_COST LEARN_TIMES LEARN_BLOCK "
    "SET_MODEL GET_GATE NEXT_REQUEST RADIO_NAME RADIO_SERVER RADIO_ADD RADIO_ADDRESS RADIO_SERVED RADIO_READY RADIO_ABLE "
    "RADIO_BUDGET RADIO_MEASURE RADIO_LINK RADIO_PLAN RADIO_USAGE RADIO_EXPECT RADIO_INSTALL USES_LATENCY USES_PROBLEM "
    "OVER_TIME FLUID"
).split()
METHOD = {name: index for index, name in enumerate(METHODS)}

#: How bandwidth becomes rate: R(B) = efficiency B (kind 0), or min(scale B log2(1 + gain_hz / B), efficiency B) (kind 1).
LAW = np.dtype(
    {
        "names": ["kind", "efficiency", "gain_hz", "scale"],
        "formats": ["i4", "f8", "f8", "f8"],
        "offsets": [0, 8, 16, 24],
        "itemsize": 32,
    }
)

#: What a device offers to experts, see wdmoe::PlacementDevice.
PLACE = np.dtype([(name, "f8") for name in ("memory_bytes", "pair_s", "expert_s", "fixed_s", "move_s")])


class Attribute(Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class RawBlock(Structure):
    _fields_ = [
        *((name, c_uint64) for name in ("tokens", "experts", "top_k", "block")),
        *((name, c_void_p) for name in ("gate", "latency", "cost", "snr", "device", "input")),
    ]


class RawSelection(Structure):
    _fields_ = [("mask", c_void_p), ("weight", c_void_p), ("expert", c_void_p), ("slots", c_uint64)]


class RawAnswer(Structure):
    _fields_ = [("device", c_uint64), ("pairs", c_uint64), ("latency", c_double)]


class RawLoads(Structure):
    _fields_ = [
        ("devices", c_uint64),
        ("tasks", c_uint64),
        ("now", c_double),
        ("downlink_hz", c_double),
        ("uplink_hz", c_double),
        ("coupled", c_uint64),
        *(
            (name, c_void_p)
            for name in ("down_bits", "up_bits", "compute", "down_law", "up_law", "shop", "radio", "profiles")
        ),
    ]


class RawPlan(Structure):
    _fields_ = [
        (name, c_void_p)
        for name in (
            "downlink",
            "uplink",
            "downlink_weight",
            "uplink_weight",
            "downlink_priority",
            "uplink_priority",
            "cut",
        )
    ]


class RawExperts(Structure):
    _fields_ = [
        ("now", c_double),
        ("passes", c_uint64),
        ("pass_s", c_double),
        ("busy", c_double),
        *((name, c_uint64) for name in ("blocks", "experts", "samples", "media", "devices")),
        ("expert_bytes", c_double),
        ("max_holders", c_uint64),
        *((name, c_void_p) for name in ("load", "weight", "check", "device", "air", "first", "holder", "problem")),
    ]


class RawHolders(Structure):
    _fields_ = [("first", c_void_p), ("holder", c_void_p)]


class RawActivations(Structure):
    _fields_ = [
        ("devices", c_uint64),
        ("hidden", c_uint64),
        ("pairs", c_void_p),
        ("down", c_void_p),
        ("up", c_void_p),
        ("downlink", c_uint8),
        ("uplink", c_uint8),
    ]


class RawPrecision(Structure):
    _fields_ = [("downlink", c_void_p), ("uplink", c_void_p)]


class RawCost(Structure):
    _fields_ = [
        (name, c_double)
        for name in (
            "downlink_fixed_s",
            "downlink_scale",
            "uplink_fixed_s",
            "uplink_scale",
            "compute_fixed_s",
            "compute_scale",
            "ready_bias_s",
            "ready_spread_s",
        )
    ]


class RawLoad(Structure):
    _fields_ = [
        (name, c_double)
        for name in (
            "downlink_bits",
            "uplink_bits",
            "downlink_rate",
            "uplink_rate",
            "compute_s",
            "downlink_s",
            "uplink_s",
            "span_s",
        )
    ]


class RawStages(Structure):
    _fields_ = [(name, c_double) for name in ("downlink_s", "compute_s", "uplink_s")]


class RawTimes(Structure):
    _fields_ = [
        ("predicted", c_double),
        ("measured_s", c_double),
        ("device", c_uint64),
        ("load", RawLoad),
        ("measured", RawStages),
    ]


class RawQuery(Structure):
    _fields_ = [(name, c_uint64) for name in ("blocks", "experts", "top_k", "request", "block", "position", "tokens")]


class RawGate(Structure):
    _fields_ = [("weight", c_void_p)]


class RawRequest(Structure):
    _fields_ = [("more", c_uint64), ("arrival", c_double), ("prompt", c_int64), ("output", c_int64)]


class RawExpectation(Structure):
    _fields_ = [("device", c_uint64), ("bytes", c_uint64), ("when", c_double)]


MAKE = ctypes.CFUNCTYPE(
    c_int64,
    c_void_p,
    ctypes.c_char_p,
    c_uint64,
    POINTER(ctypes.c_char_p),
    POINTER(ctypes.c_char_p),
    POINTER(c_uint64),
)
CALL = ctypes.CFUNCTYPE(c_int64, c_int64, c_int32, c_void_p, c_void_p)
RELEASE = ctypes.CFUNCTYPE(None, c_int64)
REFUSE = ctypes.CFUNCTYPE(None, ctypes.c_char_p)


def copy(address, count, dtype="f8"):
    """The values at an address as an array of its own, read-only; None where there are none."""
    if not address:
        return None
    dtype = np.dtype(dtype)
    return np.frombuffer(ctypes.string_at(address, count * dtype.itemsize), dtype)


def address_of(array):
    """Where an array's values are."""
    return array.__array_interface__["data"][0]
