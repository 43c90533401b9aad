# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Which experts run which tokens."""

import ctypes
from functools import cached_property

import numpy as np

from . import _policies
from ._library import call, each, number, numbers, pointer, whole

TOLERANCE = 1e-6


class Gate(ctypes.Structure):
    """wdmoe_core_gate"""

    _fields_ = [
        ("tokens", ctypes.c_size_t),
        ("experts", ctypes.c_size_t),
        ("weight", ctypes.c_void_p),
        ("tolerance", ctypes.c_double),
    ]


class Slots(ctypes.Structure):
    """wdmoe_core_selection"""

    _fields_ = [("slots", ctypes.c_size_t), ("expert", ctypes.c_void_p), ("combine", ctypes.c_void_p)]


class Wlr(ctypes.Structure):
    """wdmoe_core_wlr"""

    _fields_ = [
        ("theta_start", ctypes.c_double),
        ("theta_step", ctypes.c_double),
        ("theta_end", ctypes.c_double),
        ("gain", ctypes.c_double),
        ("min_experts", ctypes.c_size_t),
        ("theta", ctypes.c_double),
        ("wlr_topk", ctypes.c_double),
        ("wlr", ctypes.c_double),
        ("reached", ctypes.c_int32),
    ]


class QualityBound(ctypes.Structure):
    """wdmoe_core_quality_bound"""

    _fields_ = [
        ("max_lost_mass", ctypes.c_double),
        ("max_token_loss", ctypes.c_double),
        ("min_experts", ctypes.c_size_t),
    ]


class Bottleneck(ctypes.Structure):
    """wdmoe_core_bottleneck"""

    _fields_ = [
        ("devices", ctypes.c_size_t),
        ("expert_device", ctypes.c_void_p),
        ("batches", ctypes.c_size_t),
        ("batch_device", ctypes.c_void_p),
        ("batch_tokens", ctypes.c_void_p),
        ("batch_latency_s", ctypes.c_void_p),
        ("learning_weight", ctypes.c_double),
        ("max_lost_mass", ctypes.c_double),
        ("max_relief", ctypes.c_double),
        ("min_experts", ctypes.c_size_t),
        ("bottlenecks", ctypes.c_size_t),
        ("before_s", ctypes.c_double),
        ("after_s", ctypes.c_double),
        ("relieved", ctypes.c_size_t),
    ]


class Selection:
    """What select() answers; what the policy says besides is an attribute too (select() lists it)."""

    def __init__(self, policy, gate, k, partial, expert, combine, said):
        self.policy = policy
        self.expert = expert  # J x k, int32, by falling weight; -1: nothing here
        self.combine = combine  # J x k; those of a token that are kept sum to 1
        self._gate, self._k, self._partial = gate, k, partial
        for name, value in said.items():
            setattr(self, name, value)

    def __repr__(self):
        tokens, slots = self.expert.shape
        return f"<Selection by {self.policy}: {tokens} tokens, {self.routed} of {tokens * slots} pairs>"

    @cached_property
    def routed(self):
        """(token, expert) pairs that are kept."""
        return int(np.count_nonzero(self.expert >= 0))

    @cached_property
    def load(self):
        """Tokens for each expert, length E."""
        return np.bincount(self.expert.ravel() + 1, minlength=self._gate.shape[1] + 1)[1:]

    @cached_property
    def kept_mass(self):
        """Gate mass kept, relative to top-k."""
        return kept_gate_mass(self._gate, self.expert, self._k, partial=self._partial)


def select(gate, k, policy="topk", *, partial=False, **settings):
    """Which experts run each token.

    gate: J x E softmax weights, rows of sum 1 (partial=True: at most 1, as recorded gates that hold the largest only); k:
    the model's own experts a token. Policies, their settings and what their results say besides:

    - 'topk': the k largest;
    - 'wlr' (the paper's Algorithm 1): latency_s (of a token on each expert, length E), theta_start=0.5, theta_step=0.1,
      theta_end=1.0, gain=1.03, min_experts=1 -> theta, wlr_topk, wlr, reached;
    - 'quality-bound' (ours, wdmoe::QualityBound: least block latency under a floor on quality): block (see block()),
      max_lost=0.15, max_token_loss=0.1, min_experts=1, price=(shares, losses), static_split=False, restore=True,
      relative_gap=1e-6, max_iterations=60 -> status, message, latency_s, lower_bound_s, gap, lost, price_s_per_lost;
    - 'cost-bound' (least total cost under a bound on lost mass, wdmoe::SelectQualityBound): cost_s (of one more pair on
      each expert, length E), max_lost_mass=0.15, max_token_loss=0.1, min_experts=1;
    - 'des' (cheapest experts of each token under a floor on its mass, exact): cost (length E), floor=0.9, relative=True,
      max_experts=k, node_limit, time_limit_s -> status, message, cost, lower_bound, worst_gap, reachable, infeasible,
      unproven, nodes;
    - 'sift' (skip, or replace by a similar expert): cost, similarity (E x E), max_error=0.1, node_limit, time_limit_s
      -> status, cost, lower_bound, worst_gap, worst_error, skipped, replaced, unproven, nodes;
    - 'channel-aware': snr (linear, length E), strength=1.0, combine_corrected=False;
    - 'random': keep=0.5, exact=False, min_experts=1, seed=1;
    - 'bottleneck' (the paper's Algorithm 2): expert_device (length E), history = (device, tokens, latency_s) of the
      batches so far, learning_weight=0.1, max_lost_mass=0.15, max_relief=1.0, min_experts=1, bottlenecks=1
      -> before_s, after_s, relieved.
    """
    if policy not in POLICIES:
        raise ValueError(f"policy is {policy!r}, expected one of {', '.join(POLICIES)}")
    gate = numbers("gate", gate, 2)
    k = whole("k", k, 1)
    if k > gate.shape[1]:
        raise ValueError(f"k is {k}, expected at most the {gate.shape[1]} experts (columns of gate)")
    chosen = []

    def run(function, *arguments, slots=k):
        """Calls wdmoe_core_select_FUNCTION with a selection of `slots` columns. Returns its message."""
        expert = np.empty((len(gate), slots), np.int32)
        combine = np.empty((len(gate), slots))
        chosen[:] = expert, combine
        of_gate, to = _gate(gate, partial), Slots(slots, expert.ctypes.data, combine.ctypes.data)
        return call(f"select_{function}", ctypes.byref(of_gate), ctypes.c_size_t(k), *arguments, ctypes.byref(to))

    said = POLICIES[policy](run, gate.shape[1], k, **settings) or {}
    return Selection(policy, gate, k, partial, *chosen, said)


def _topk(run, experts, k):
    run("topk")


def _wlr(run, experts, k, *, latency_s, theta_start=0.5, theta_step=0.1, theta_end=1.0, gain=1.03, min_experts=1):
    latency_s = each("latency_s", latency_s, experts)
    wlr = Wlr(
        number("theta_start", theta_start),
        number("theta_step", theta_step),
        number("theta_end", theta_end),
        number("gain", gain),
        whole("min_experts", min_experts, 1),
    )
    run("wlr", pointer(latency_s), ctypes.byref(wlr))
    return {"theta": wlr.theta, "wlr_topk": wlr.wlr_topk, "wlr": wlr.wlr, "reached": bool(wlr.reached)}


def _cost_bound(run, experts, k, *, cost_s, max_lost_mass=0.15, max_token_loss=0.1, min_experts=1):
    cost_s = each("cost_s", cost_s, experts)
    bound = QualityBound(
        number("max_lost_mass", max_lost_mass),
        number("max_token_loss", max_token_loss),
        whole("min_experts", min_experts, 1),
    )
    run("quality_bound", pointer(cost_s), ctypes.byref(bound))


def _bottleneck(
    run,
    experts,
    k,
    *,
    expert_device,
    history,
    learning_weight=0.1,
    max_lost_mass=0.15,
    max_relief=1.0,
    min_experts=1,
    bottlenecks=1,
):
    expert_device = _counts("expert_device", expert_device, experts)
    if len(history) != 3:
        raise ValueError(f"history has {len(history)} parts, expected three arrays: device, tokens, latency_s")
    device = _counts("history[0]", history[0])
    tokens = _counts("history[1]", history[1], len(device))
    latency_s = numbers("history[2]", history[2], shape=(len(device),))
    used = np.concatenate((expert_device, device))
    said = Bottleneck(
        int(used.max()) + 1,
        expert_device.ctypes.data,
        len(device),
        device.ctypes.data,
        tokens.ctypes.data,
        latency_s.ctypes.data,
        number("learning_weight", learning_weight),
        number("max_lost_mass", max_lost_mass),
        number("max_relief", max_relief),
        whole("min_experts", min_experts, 1),
        whole("bottlenecks", bottlenecks),
    )
    run("bottleneck", ctypes.byref(said))
    return {"before_s": said.before_s, "after_s": said.after_s, "relieved": said.relieved}


# Policy -> function that runs it: given run(NAME, ...), which calls wdmoe_core_select_NAME, E and k.
POLICIES = {
    "topk": _topk,
    "wlr": _wlr,
    "quality-bound": _policies.quality_bound,
    "cost-bound": _cost_bound,
    "bottleneck": _bottleneck,
    "des": _policies.des,
    "sift": _policies.sift,
    "channel-aware": _policies.channel_aware,
    "random": _policies.random,
}


def _counts(name, value, length=None):
    """`value` as an array of whole numbers >= 0."""
    array = np.asarray(value)
    if array.ndim != 1 or (length is not None and len(array) != length):
        raise ValueError(f"{name} has the shape {array.shape}, expected ({'n' if length is None else length},)")
    if len(array) and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= 2**31):
        raise ValueError(f"{name} holds {array.dtype} from {array.min()} to {array.max()}, expected whole numbers >= 0")
    return np.ascontiguousarray(array, np.uint32)


def _gate(gate, partial):
    return Gate(*gate.shape, gate.ctypes.data, -1 if partial else TOLERANCE)


def _slots(gate, expert):
    expert = numbers("expert", expert, 2, dtype=np.int32)
    if len(expert) != len(gate):
        raise ValueError(f"expert has {len(expert)} rows, expected one for each of the {len(gate)} tokens of gate")
    return expert, Slots(expert.shape[1], expert.ctypes.data, None)


def kept_gate_mass(gate, expert, k, *, partial=False):
    """Sum of the gate weights that `expert` (J x slots, -1: none) routes, over that of top-k; in [0, 1]."""
    gate = numbers("gate", gate, 2)
    expert, slots = _slots(gate, expert)
    mass = ctypes.c_double()
    of_gate = _gate(gate, partial)
    count = ctypes.c_size_t(whole("k", k, 1))
    call("kept_gate_mass", ctypes.byref(of_gate), count, ctypes.byref(slots), ctypes.byref(mass))
    return mass.value


def weight_to_latency_ratio(gate, expert, latency_s, *, partial=False):
    """Mean over routed (token, expert) of gate weight / latency_s of the expert, 1/s: the paper's WLR."""
    gate = numbers("gate", gate, 2)
    expert, slots = _slots(gate, expert)
    latency_s = each("latency_s", latency_s, gate.shape[1])
    ratio = ctypes.c_double()
    of_gate = _gate(gate, partial)
    arguments = ctypes.byref(of_gate), ctypes.byref(slots), pointer(latency_s), ctypes.byref(ratio)
    call("weight_to_latency_ratio", *arguments)
    return ratio.value
