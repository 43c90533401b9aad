# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Blocks in flight as a flow shop: who is sent to when, and who answers when."""

import ctypes
from dataclasses import dataclass

import numpy as np

from ._allocate import budgets
from ._laws import DTYPE as LAW
from ._laws import laws_of
from ._library import call, each, number, numbers, pointer, require, whole

# As the structs of those names.
DEVICE = np.dtype(
    [
        ("downlink_law", LAW),
        ("uplink_law", LAW),
        ("downlink_fixed_s", "f8"),
        ("uplink_request_s", "f8"),
        ("uplink_fixed_s", "f8"),
        ("busy_s", "f8"),
    ],
    align=True,
)
TASK = np.dtype([("device", "u4"), ("block", "u4"), ("release_s", "f8"), ("cuts", np.uintp)], align=True)
SHARE = np.dtype([("guaranteed", "f8"), ("weight", "f8"), ("priority", "i4")], align=True)
TIMES = np.dtype(
    [
        ("task", "u4"),
        ("piece", "u4"),
        ("downlink_start_s", "f8"),
        ("downlink_end_s", "f8"),
        ("compute_start_s", "f8"),
        ("compute_end_s", "f8"),
        ("uplink_start_s", "f8"),
        ("uplink_end_s", "f8"),
    ],
    align=True,
)
STATUS = ("planned", "infeasible")


class Problem(ctypes.Structure):
    """wdmoe_core_shop_problem"""

    _fields_ = [
        ("devices", ctypes.c_size_t),
        ("device", ctypes.c_void_p),
        ("tasks", ctypes.c_size_t),
        ("task", ctypes.c_void_p),
        ("cut_pieces", ctypes.c_void_p),
        ("piece", ctypes.c_void_p),
        ("blocks", ctypes.c_size_t),
        ("block_weight", ctypes.c_void_p),
        ("downlink_hz", ctypes.c_double),
        ("uplink_hz", ctypes.c_double),
        ("coupled", ctypes.c_int32),
        ("half_duplex", ctypes.c_int32),
        ("max_evaluations", ctypes.c_uint32),
        ("exact_evaluations", ctypes.c_uint32),
        ("guaranteed", ctypes.c_double),
        ("downlink_serial", ctypes.c_int32),
        ("uplink_serial", ctypes.c_int32),
        ("uplink_shared", ctypes.c_int32),
    ]


class Result(ctypes.Structure):
    """wdmoe_core_shop"""

    _fields_ = [
        ("cut", ctypes.c_void_p),
        ("downlink", ctypes.c_void_p),
        ("uplink", ctypes.c_void_p),
        ("block_end_s", ctypes.c_void_p),
        ("times", ctypes.c_void_p),
        ("pieces", ctypes.c_size_t),
        ("status", ctypes.c_int32),
        ("exact", ctypes.c_int32),
        ("evaluations", ctypes.c_uint32),
        ("cost_s", ctypes.c_double),
        ("lower_bound_s", ctypes.c_double),
        ("gap", ctypes.c_double),
    ]


@dataclass
class Schedule:
    """What schedule() answers."""

    downlink: np.ndarray  # K records (guaranteed, weight, priority), as ns3::WdmoeShare
    uplink: np.ndarray  # likewise
    pieces: np.ndarray  # T: micro-batches that each task is cut into
    times: np.ndarray  # records, one for each micro-batch: task, piece, {downlink,compute,uplink}_{start,end}_s
    block_end_s: np.ndarray  # B: last answer of each block, s
    cost_s: float  # sum of block_weight * block_end_s; inf: infeasible
    lower_bound_s: float  # no plan for these tasks costs less
    gap: float  # (cost_s - lower_bound_s) / cost_s
    exact: bool  # every plan of the planner's family was looked at
    evaluations: int  # plans looked at
    status: str  # 'planned' or 'infeasible'
    message: str  # why infeasible

    @property
    def downlink_order(self):
        """Devices by falling priority; equal ones share."""
        return np.argsort(-self.downlink["priority"], kind="stable")

    @property
    def uplink_order(self):
        """Likewise."""
        return np.argsort(-self.uplink["priority"], kind="stable")


def schedule(
    downlink_bits,
    uplink_bits,
    compute_s,
    downlink_law,
    uplink_law,
    budget_hz,
    coupled=False,
    *,
    device=None,
    block=None,
    release_s=0.0,
    pieces=(1,),
    piece_overhead_s=0.0,
    block_weight=None,
    downlink_fixed_s=0.0,
    uplink_request_s=0.0,
    uplink_fixed_s=0.0,
    busy_s=0.0,
    half_duplex=False,
    max_evaluations=64,
    exact_evaluations=720,
    guaranteed=0.0,
    downlink_serial=True,
    uplink_serial=True,
    uplink_shared=True,
):
    """A plan over time for T tasks on K devices: shared downlink, private compute, shared uplink.

    The first seven are as in allocate(), but bits and compute_s are of tasks (length T), laws of devices (length K). With
    half_duplex, budget_hz is one number, from which both directions take. Of tasks: device (T, default: one task each),
    block (T, which of the blocks in flight; default all 0), release_s; pieces: numbers of equal micro-batches to choose
    from, each of which takes piece_overhead_s more compute than its part. Of devices: downlink_fixed_s, uplink_request_s,
    uplink_fixed_s, busy_s. Single numbers serve all. block_weight: B, default 1. The rest is wdmoe::ShopParam.
    """
    downlink_bits = numbers("downlink_bits", downlink_bits)
    tasks, devices = len(downlink_bits), len(laws_of("downlink_law", downlink_law))
    if tasks == 0 or devices == 0:
        raise ValueError(f"there are {tasks} tasks (downlink_bits) and {devices} devices, expected at least one of each")
    uplink_bits = numbers("uplink_bits", uplink_bits, shape=(tasks,))
    compute_s = numbers("compute_s", compute_s, shape=(tasks,))
    overhead_s = each("piece_overhead_s", piece_overhead_s, tasks)
    for name, value in (("downlink_bits", downlink_bits), ("uplink_bits", uplink_bits), ("compute_s", compute_s),
                        ("piece_overhead_s", overhead_s)):
        require(name, value, (value >= 0) & np.isfinite(value), "a finite number >= 0")
    if device is None and tasks != devices:
        raise ValueError(f"device is None with {tasks} tasks on {devices} devices, expected the device of each task")

    fields = {"downlink_fixed_s": downlink_fixed_s, "uplink_request_s": uplink_request_s, "uplink_fixed_s": uplink_fixed_s,
              "busy_s": busy_s}
    of_device = np.zeros(devices, DEVICE)
    of_device["downlink_law"] = downlink_law.array
    of_device["uplink_law"] = laws_of("uplink_law", uplink_law, devices).array
    for name, value in fields.items():
        of_device[name] = each(name, value, devices)

    cuts = [whole(f"pieces[{i}]", n, 1, 2**20) for i, n in enumerate(pieces)]
    if not cuts:
        raise ValueError("pieces is empty, expected one number of micro-batches at least")
    of_task = np.zeros(tasks, TASK)
    of_task["device"] = np.arange(tasks) if device is None else _indices("device", device, tasks, devices)
    of_task["block"] = 0 if block is None else _indices("block", block, tasks, tasks)
    of_task["release_s"] = each("release_s", release_s, tasks)
    of_task["cuts"] = len(cuts) * np.arange(1, tasks + 1)
    blocks = int(of_task["block"].max()) + 1
    block_weight = np.ones(blocks) if block_weight is None else numbers("block_weight", block_weight, shape=(blocks,))

    # by task, then cut, then piece
    of_cut = np.tile(np.array(cuts, np.uintp), tasks)
    each_piece = np.stack([
        np.stack([downlink_bits / n, (compute_s + overhead_s * (n - 1)) / n, uplink_bits / n]) for n in cuts
    ])  # cut, field, task
    piece = np.ascontiguousarray(np.repeat(each_piece, cuts, axis=0).transpose(2, 0, 1))

    if half_duplex and not coupled:
        down_hz, up_hz = budgets(budget_hz, True)
    else:
        down_hz, up_hz = budgets(budget_hz, coupled)
    problem = Problem(
        devices, of_device.ctypes.data, tasks, of_task.ctypes.data, of_cut.ctypes.data, piece.ctypes.data, blocks,
        block_weight.ctypes.data, down_hz, up_hz, bool(coupled), bool(half_duplex), whole("max_evaluations", max_evaluations),
        whole("exact_evaluations", exact_evaluations), number("guaranteed", guaranteed), bool(downlink_serial),
        bool(uplink_serial), bool(uplink_shared),
    )
    cut = np.empty(tasks, np.uint32)
    downlink, uplink = np.empty(devices, SHARE), np.empty(devices, SHARE)
    block_end_s = np.empty(blocks)
    times = np.empty(tasks * max(cuts), TIMES)
    result = Result(*(a.ctypes.data for a in (cut, downlink, uplink, block_end_s, times)))
    message = call("schedule", ctypes.byref(problem), ctypes.byref(result))
    return Schedule(
        downlink, uplink, np.array(cuts)[cut], times[: result.pieces], block_end_s, result.cost_s, result.lower_bound_s,
        result.gap, bool(result.exact), result.evaluations, STATUS[result.status], message,
    )


def _indices(name, value, length, count):
    array = np.asarray(value)
    if array.shape != (length,) or array.dtype.kind not in "iu":
        raise ValueError(f"{name} has the shape {array.shape} and type {array.dtype}, expected {length} whole numbers")
    require(name, array, (array >= 0) & (array < count), f"0 .. {count - 1}")
    return array
