# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Policies of select() that search or price: Des, Sift, ChannelAware, Random, QualityBound."""

import ctypes

import numpy as np

from ._allocate import budgets
from ._laws import DTYPE as LAW
from ._laws import laws_of
from ._library import each, number, numbers, pointer, whole

SEARCH = ("optimal", "infeasible", "node-limit", "time-limit")
QUALITY = ("solved", "infeasible")
DEVICE = np.dtype(
    [
        ("downlink_law", LAW),
        ("uplink_law", LAW),
        ("downlink_pair_bits", "f8"),
        ("uplink_pair_bits", "f8"),
        ("downlink_batch_bits", "f8"),
        ("uplink_batch_bits", "f8"),
        ("downlink_fixed_s", "f8"),
        ("uplink_request_s", "f8"),
        ("uplink_fixed_s", "f8"),
        ("pair_s", "f8"),
        ("read_s", "f8"),
        ("move_s", "f8"),
        ("launch_s", "f8"),
        ("compute_fixed_s", "f8"),
        ("busy_s", "f8"),
        ("reachable", "i4"),
        ("cell", "u4"),
    ],
    align=True,
)
CELL = np.dtype([("downlink_hz", "f8"), ("uplink_hz", "f8"), ("coupled", "i4"), ("half_duplex", "i4")], align=True)


class Des(ctypes.Structure):
    """wdmoe_core_des"""

    _fields_ = [
        ("floor", ctypes.c_double),
        ("relative", ctypes.c_int32),
        ("max_experts", ctypes.c_size_t),
        ("node_limit", ctypes.c_uint64),
        ("time_limit_s", ctypes.c_double),
        ("status", ctypes.c_int32),
        ("nodes", ctypes.c_uint64),
        ("infeasible", ctypes.c_size_t),
        ("unproven", ctypes.c_size_t),
        ("cost", ctypes.c_double),
        ("lower_bound", ctypes.c_double),
        ("worst_gap", ctypes.c_double),
        ("reachable", ctypes.c_double),
    ]


class Sift(ctypes.Structure):
    """wdmoe_core_sift"""

    _fields_ = [
        ("similarity", ctypes.c_void_p),
        ("max_error", ctypes.c_double),
        ("node_limit", ctypes.c_uint64),
        ("time_limit_s", ctypes.c_double),
        ("status", ctypes.c_int32),
        ("nodes", ctypes.c_uint64),
        ("unproven", ctypes.c_size_t),
        ("skipped", ctypes.c_size_t),
        ("replaced", ctypes.c_size_t),
        ("cost", ctypes.c_double),
        ("lower_bound", ctypes.c_double),
        ("worst_gap", ctypes.c_double),
        ("worst_error", ctypes.c_double),
    ]


class Problem(ctypes.Structure):
    """wdmoe_core_block"""

    _fields_ = [
        ("devices", ctypes.c_size_t),
        ("device", ctypes.c_void_p),
        ("cells", ctypes.c_size_t),
        ("cell", ctypes.c_void_p),
        ("expert_device", ctypes.c_void_p),
        ("prices", ctypes.c_size_t),
        ("price_share", ctypes.c_void_p),
        ("price_loss", ctypes.c_void_p),
        ("max_lost", ctypes.c_double),
        ("max_token_loss", ctypes.c_double),
        ("min_experts", ctypes.c_size_t),
        ("relative_gap", ctypes.c_double),
        ("max_pieces", ctypes.c_uint32),
        ("max_iterations", ctypes.c_int32),
        ("static_split", ctypes.c_int32),
        ("restore", ctypes.c_int32),
        ("status", ctypes.c_int32),
        ("iterations", ctypes.c_int32),
        ("latency_s", ctypes.c_double),
        ("lower_bound_s", ctypes.c_double),
        ("gap", ctypes.c_double),
        ("lost", ctypes.c_double),
        ("price_s_per_lost", ctypes.c_double),
    ]


class Block:
    """What select(policy='quality-bound') needs to know of devices and links: made by block()."""

    def __init__(self, device, cell, expert_device, max_pieces):
        self.device, self.cell, self.expert_device, self.max_pieces = device, cell, expert_device, max_pieces


def block(
    downlink_law,
    uplink_law,
    budget_hz,
    coupled=False,
    *,
    downlink_pair_bits,
    uplink_pair_bits,
    expert_device=None,
    half_duplex=False,
    max_pieces=1,
    reachable=True,
    **times,
):
    """K devices that divide one budget, as allocate() has it, and hold the experts of a block.

    downlink_pair_bits, uplink_pair_bits: of one (token, expert) pair, one number or K of them; expert_device: device of
    each expert, length E (default: expert e on device e); max_pieces: a plan may cut a batch into so many. Further
    fields of wdmoe::BlockDevice, 0 where not given: downlink_batch_bits, uplink_batch_bits, downlink_fixed_s,
    uplink_request_s, uplink_fixed_s, pair_s, read_s, move_s, launch_s, compute_fixed_s, busy_s.
    """
    count = len(laws_of("downlink_law", downlink_law))
    device = np.zeros(count, DEVICE)
    unknown = set(times) - set(DEVICE.names[4:-2])
    if unknown:
        raise TypeError(f"block() has no {', '.join(sorted(unknown))}; there are {', '.join(DEVICE.names[4:-2])}")
    device["downlink_law"] = downlink_law.array
    device["uplink_law"] = laws_of("uplink_law", uplink_law, count).array
    times.update(downlink_pair_bits=downlink_pair_bits, uplink_pair_bits=uplink_pair_bits)
    for name, value in times.items():
        device[name] = each(name, value, count)
    device["reachable"] = np.broadcast_to(reachable, count)
    down_hz, up_hz = budgets(budget_hz, coupled or half_duplex)
    cell = np.array([(down_hz, up_hz, bool(coupled), bool(half_duplex))], CELL)
    expert_device = np.arange(count) if expert_device is None else np.asarray(expert_device)
    if expert_device.ndim != 1 or expert_device.dtype.kind not in "iu" or (expert_device < 0).any():
        raise ValueError(f"expert_device is {expert_device.dtype} of shape {expert_device.shape}, expected E devices >= 0")
    return Block(device, cell, np.ascontiguousarray(expert_device, np.uint32), whole("max_pieces", max_pieces, 1))


def des(run, experts, k, *, cost, floor=0.9, relative=True, max_experts=None, node_limit=100_000, time_limit_s=0.0):
    cost = each("cost", cost, experts)
    slots = k if max_experts is None else whole("max_experts", max_experts, 1, experts)
    said = Des(number("floor", floor), bool(relative), slots, whole("node_limit", node_limit), number("time_limit_s", time_limit_s))
    message = run("des", pointer(cost), ctypes.byref(said), slots=slots)
    return {"status": SEARCH[said.status], "message": message, **_fields(said, "nodes")}


def sift(run, experts, k, *, cost, similarity=None, max_error=0.1, node_limit=2000, time_limit_s=0.0):
    cost = each("cost", cost, experts)
    if similarity is not None:
        similarity = numbers("similarity", similarity, 2, (experts, experts))
    said = Sift(None if similarity is None else similarity.ctypes.data, number("max_error", max_error),
                whole("node_limit", node_limit), number("time_limit_s", time_limit_s))
    run("sift", pointer(cost), ctypes.byref(said))
    return {"status": SEARCH[said.status], **_fields(said, "nodes")}


def channel_aware(run, experts, k, *, snr, strength=1.0, combine_corrected=False):
    snr = each("snr", snr, experts)
    run("channel_aware", pointer(snr), ctypes.c_double(number("strength", strength)), ctypes.c_int32(bool(combine_corrected)))


def random(run, experts, k, *, keep=0.5, exact=False, min_experts=1, seed=1):
    run("random", ctypes.c_double(number("keep", keep)), ctypes.c_int32(bool(exact)),
        ctypes.c_size_t(whole("min_experts", min_experts, 1)), ctypes.c_uint64(whole("seed", seed, 0, 2**64 - 1)))


def quality_bound(
    run,
    experts,
    k,
    *,
    block,
    max_lost=0.15,
    max_token_loss=0.1,
    min_experts=1,
    price=None,
    static_split=False,
    restore=True,
    relative_gap=1e-6,
    max_iterations=60,
):
    if not isinstance(block, Block):
        raise ValueError(f"block is of type {type(block).__name__}, expected wdmoe.core.block()")
    if len(block.expert_device) != experts:
        raise ValueError(f"block has {len(block.expert_device)} experts, expected the {experts} of gate")
    share, loss = (numbers(f"price[{i}]", p) for i, p in enumerate(price if price is not None else ([], [])))
    if len(share) != len(loss):
        raise ValueError(f"price has {len(share)} shares and {len(loss)} losses, expected as many")
    said = Problem(
        len(block.device), block.device.ctypes.data, len(block.cell), block.cell.ctypes.data, block.expert_device.ctypes.data,
        len(share), share.ctypes.data, loss.ctypes.data, number("max_lost", max_lost), number("max_token_loss", max_token_loss),
        whole("min_experts", min_experts, 1), number("relative_gap", relative_gap), block.max_pieces,
        whole("max_iterations", max_iterations, 1), bool(static_split), bool(restore),
    )
    message = run("block", ctypes.byref(said))
    return {"status": QUALITY[said.status], "message": message, **_fields(said, "iterations")}


def _fields(said, first):
    """What a struct says, from the field `first` on."""
    names = [name for name, _ in said._fields_]
    return {name: getattr(said, name) for name in names[names.index(first) :]}
