# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Bandwidth for one block."""

import ctypes
from dataclasses import dataclass

import numpy as np

from ._laws import laws_of
from ._library import call, number, numbers, pointer, whole

POLICIES = ("min-max", "equal", "equal-all")
STATUS = ("optimal", "infeasible", "iteration-limit")


class Problem(ctypes.Structure):
    """wdmoe_core_allocation_problem"""

    _fields_ = [
        ("devices", ctypes.c_size_t),
        ("downlink_bits", ctypes.c_void_p),
        ("uplink_bits", ctypes.c_void_p),
        ("compute_s", ctypes.c_void_p),
        ("downlink_law", ctypes.c_void_p),
        ("uplink_law", ctypes.c_void_p),
        ("downlink_hz", ctypes.c_double),
        ("uplink_hz", ctypes.c_double),
        ("coupled", ctypes.c_int32),
        ("policy", ctypes.c_int32),
        ("relative_gap", ctypes.c_double),
        ("max_iterations", ctypes.c_int32),
    ]


class Result(ctypes.Structure):
    """wdmoe_core_allocation"""

    _fields_ = [
        ("downlink_hz", ctypes.c_void_p),
        ("uplink_hz", ctypes.c_void_p),
        ("active", ctypes.c_void_p),
        ("status", ctypes.c_int32),
        ("iterations", ctypes.c_int32),
        ("time_s", ctypes.c_double),
        ("lower_bound_s", ctypes.c_double),
        ("gap", ctypes.c_double),
        ("residual", ctypes.c_double),
    ]


@dataclass
class Allocation:
    """What allocate() answers."""

    downlink_hz: np.ndarray  # K, Hz; 0 where a device has nothing to move, and where infeasible
    uplink_hz: np.ndarray  # K, Hz; equal to downlink_hz if coupled
    time_s: float  # of the slowest device, with these bandwidths; inf: infeasible
    lower_bound_s: float  # no allocation is faster
    gap: float  # (time_s - lower_bound_s) / time_s
    residual: float  # KKT residual, relative
    iterations: int
    active: np.ndarray  # indices of the devices that take time_s: the bottleneck
    status: str  # 'optimal', 'infeasible', 'iteration-limit' (see gap); 'feasible' if policy is not 'min-max'
    message: str  # why infeasible


def allocate(
    downlink_bits,
    uplink_bits,
    compute_s,
    downlink_law,
    uplink_law,
    budget_hz,
    coupled,
    *,
    policy="min-max",
    relative_gap=1e-12,
    max_iterations=200,
):
    """Least time of the slowest of K devices: max over k of downlink + compute + uplink.

    downlink_bits, uplink_bits (bit), compute_s (s): arrays of length K; laws: shannon(), linear(). budget_hz: one number
    if coupled (each device has the same bandwidth both ways, as in the paper), else (downlink, uplink). policy:
    'min-max' is exact, with certificate; 'equal' gives each device with bits to move the same, 'equal-all' each device.
    """
    downlink_bits = numbers("downlink_bits", downlink_bits)
    count = len(downlink_bits)
    uplink_bits = numbers("uplink_bits", uplink_bits, shape=(count,))
    compute_s = numbers("compute_s", compute_s, shape=(count,))
    downlink_law = laws_of("downlink_law", downlink_law, count)
    uplink_law = laws_of("uplink_law", uplink_law, count)
    if policy not in POLICIES:
        raise ValueError(f"policy is {policy!r}, expected one of {', '.join(POLICIES)}")
    downlink_hz, uplink_hz = budgets(budget_hz, coupled)
    problem = Problem(
        count,
        downlink_bits.ctypes.data,
        uplink_bits.ctypes.data,
        compute_s.ctypes.data,
        downlink_law.array.ctypes.data,
        uplink_law.array.ctypes.data,
        downlink_hz,
        uplink_hz,
        bool(coupled),
        POLICIES.index(policy),
        number("relative_gap", relative_gap),
        whole("max_iterations", max_iterations, 1),
    )
    hz = np.empty((2, count))
    active = np.empty(count, np.bool_)
    result = Result(hz[0].ctypes.data, hz[1].ctypes.data, active.ctypes.data)
    message = call("allocate", ctypes.byref(problem), ctypes.byref(result))
    status = STATUS[result.status]
    return Allocation(
        hz[0],
        hz[1],
        result.time_s,
        result.lower_bound_s,
        result.gap,
        result.residual,
        result.iterations,
        np.flatnonzero(active),
        "feasible" if status == "optimal" and policy != "min-max" else status,
        message,
    )


def budgets(budget_hz, coupled):
    """(downlink, uplink) of budget_hz."""
    if coupled:
        if np.ndim(budget_hz) != 0:
            raise ValueError(f"budget_hz is {budget_hz!r}, expected one number since coupled is true")
        budget = number("budget_hz", budget_hz)
        return _budget("budget_hz", budget), budget
    if np.shape(budget_hz) != (2,):
        raise ValueError(f"budget_hz is {budget_hz!r}, expected (downlink, uplink) since coupled is false")
    return tuple(_budget(f"budget_hz[{i}]", number(f"budget_hz[{i}]", budget_hz[i])) for i in range(2))


def _budget(name, value):
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} is {value}, expected a finite number of Hz >= 0")
    return value
