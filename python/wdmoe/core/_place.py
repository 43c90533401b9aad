# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Which devices hold which experts."""

import ctypes
from dataclasses import dataclass

import numpy as np

from ._library import call, each, number, numbers, require, whole

STATUS = ("optimal", "heuristic", "infeasible")


class Problem(ctypes.Structure):
    """wdmoe_core_placement_problem"""

    _fields_ = [
        ("passes", ctypes.c_size_t),
        ("blocks", ctypes.c_size_t),
        ("experts", ctypes.c_size_t),
        ("devices", ctypes.c_size_t),
        ("media", ctypes.c_size_t),
        ("load", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("memory_bytes", ctypes.c_void_p),
        ("pair_s", ctypes.c_void_p),
        ("expert_s", ctypes.c_void_p),
        ("fixed_s", ctypes.c_void_p),
        ("move_s", ctypes.c_void_p),
        ("air_s", ctypes.c_void_p),
        ("current", ctypes.c_void_p),
        ("held", ctypes.c_size_t),
        ("expert_bytes", ctypes.c_double),
        ("move_weight", ctypes.c_double),
        ("max_nodes", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("max_holders", ctypes.c_uint32),
        ("max_rounds", ctypes.c_uint32),
        ("max_iterations", ctypes.c_uint32),
    ]


class Result(ctypes.Structure):
    """wdmoe_core_placement"""

    _fields_ = [
        ("holders", ctypes.c_void_p),
        ("status", ctypes.c_int32),
        ("objective_s", ctypes.c_double),
        ("latency_s", ctypes.c_double),
        ("lower_bound_s", ctypes.c_double),
        ("gap", ctypes.c_double),
        ("moves", ctypes.c_uint64),
        ("nodes", ctypes.c_uint64),
        ("missing_bytes", ctypes.c_double),
    ]


@dataclass
class Placement:
    """What place() answers."""

    holders: np.ndarray  # I x E x max_holders devices; -1: none
    objective_s: float  # sum over passes and blocks of latency, and moves; inf: infeasible
    latency_s: float  # the same without moves
    lower_bound_s: float  # no placement is better
    gap: float  # 1 - lower_bound_s / objective_s
    moves: int  # holders that are not in `current`
    nodes: int  # of branch and bound
    missing_bytes: float  # infeasible: what memory lacks
    status: str  # 'optimal', 'heuristic' (see gap), 'infeasible'
    message: str  # why infeasible

    @property
    def device(self):
        """First holder of each expert, I x E."""
        return self.holders[..., 0]


def place(
    load,
    *,
    memory_bytes,
    expert_bytes,
    air_s,
    pair_s=0.0,
    expert_s=0.0,
    fixed_s=0.0,
    move_s=0.0,
    weight=None,
    max_holders=1,
    current=None,
    move_weight=0.0,
    max_nodes=200_000,
    max_rounds=60,
    max_iterations=300,
    seed=1,
):
    """Least latency over devices that hold experts, within their memories: wdmoe::PlacementProblem.

    load: (token, expert) pairs of each expert, I blocks x E experts, or S sample passes x I x E (weight: of each pass,
    default 1 each); memory_bytes: array of length K; expert_bytes: of one expert; air_s: R x K, s of each shared medium for
    a pair of each device (R = 1: length K); pair_s, expert_s, fixed_s, move_s: s of each device alone for a pair, an
    expert with tokens, a block, and of the air for an expert's move to it, one number or K of them. max_holders: of an
    expert; current: I x E devices held now (or I x E x H, -1: none), which cost nothing to keep; move_weight: what a second
    of moving counts.
    """
    load = np.asarray(load)
    load = numbers("load", load[None] if load.ndim == 2 else load, 3)
    require("load", load, (load >= 0) & np.isfinite(load), "a finite number of pairs >= 0")
    passes, blocks, experts = load.shape
    memory_bytes = numbers("memory_bytes", memory_bytes)
    devices = len(memory_bytes)
    if 0 in (passes, blocks, experts, devices):
        raise ValueError(f"load has the shape {load.shape} for {devices} devices (memory_bytes), expected at least one of each")
    air_s = np.asarray(air_s)
    air_s = numbers("air_s", air_s[None] if air_s.ndim == 1 else air_s, 2)
    if air_s.shape[1] != devices:
        raise ValueError(f"air_s has the shape {air_s.shape}, expected one column for each of the {devices} devices")
    weight = np.ones(passes) if weight is None else numbers("weight", weight, shape=(passes,))
    own = {"pair_s": pair_s, "expert_s": expert_s, "fixed_s": fixed_s, "move_s": move_s}
    own = {name: each(name, value, devices) for name, value in own.items()}
    held = _held(current, blocks, experts)
    max_holders = whole("max_holders", max_holders, 1, devices)
    problem = Problem(
        passes,
        blocks,
        experts,
        devices,
        len(air_s),
        load.ctypes.data,
        weight.ctypes.data,
        memory_bytes.ctypes.data,
        *(own[name].ctypes.data for name in ("pair_s", "expert_s", "fixed_s", "move_s")),
        air_s.ctypes.data,
        None if held is None else held.ctypes.data,
        0 if held is None else held.shape[2],
        number("expert_bytes", expert_bytes),
        number("move_weight", move_weight),
        whole("max_nodes", max_nodes),
        whole("seed", seed),
        max_holders,
        whole("max_rounds", max_rounds),
        whole("max_iterations", max_iterations),
    )
    holders = np.empty((blocks, experts, max_holders), np.int32)
    result = Result(holders.ctypes.data)
    message = call("place", ctypes.byref(problem), ctypes.byref(result))
    return Placement(
        holders,
        result.objective_s,
        result.latency_s,
        result.lower_bound_s,
        result.gap,
        result.moves,
        result.nodes,
        result.missing_bytes,
        STATUS[result.status],
        message,
    )


def _held(current, blocks, experts):
    """I x E x H, or None."""
    if current is None:
        return None
    current = np.asarray(current)
    current = current[..., None] if current.ndim == 2 else current
    if current.ndim != 3 or current.shape[:2] != (blocks, experts) or current.dtype.kind not in "iu":
        raise ValueError(f"current has the shape {current.shape} and type {current.dtype}, expected {blocks} x {experts} devices")
    return np.ascontiguousarray(current, np.int32)
