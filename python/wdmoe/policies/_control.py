# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Placement of experts, precision and prediction in Python."""

import abc
import ctypes
from dataclasses import dataclass, fields

import numpy as np

from wdmoe.policies import _bridge, _raw
from wdmoe.policies._part import Lazy, Part, numbers

PRECISIONS = ("fp32", "fp16", "bf16", "int8", "int4")


class Experts:
    """What experts are to be placed by: I blocks, E experts, K devices, S sample passes. Arrays are read-only copies."""

    def __init__(self, raw):
        self._raw = raw
        self.now_s = raw.now  #: simulated time, s
        self.passes = raw.passes  #: that the loads were learned from; 0: nothing is known
        self.pass_s = raw.pass_s  #: between passes lately, s; 0: not known
        self.busy = raw.busy  #: share of time in which a block was waited for
        self.blocks = raw.blocks  #: I
        self.experts = raw.experts  #: E
        self.devices = raw.devices  #: K
        self.expert_bytes = raw.expert_bytes  #: weights of one expert
        self.max_holders = raw.max_holders  #: of an expert (attribute MaxHolders)

    @Lazy
    def load(self):
        """S x I x E (token, expert) pairs of a pass."""
        raw = self._raw
        shape = (raw.samples, raw.blocks, raw.experts)
        found = _raw.copy(raw.load, raw.samples * raw.blocks * raw.experts)
        return np.zeros(shape) if found is None else found.reshape(shape)

    @Lazy
    def weight(self):
        """What each sample counts, S."""
        found = _raw.copy(self._raw.weight, self._raw.samples)
        return np.ones(1) if found is None else found

    @Lazy
    def check(self):
        """I x E loads of other passes, to see what a placement is worth; None: there are none."""
        found = _raw.copy(self._raw.check, self.blocks * self.experts)
        return None if found is None else found.reshape(self.blocks, self.experts)

    @Lazy
    def device(self):
        """What each device offers: fields memory_bytes, pair_s, expert_s, fixed_s, move_s."""
        return _raw.copy(self._raw.device, self.devices, _raw.PLACE)

    @Lazy
    def air_s(self):
        """R x K: s of each shared medium for one pair of each device."""
        return _raw.copy(self._raw.air, self._raw.media * self.devices).reshape(self._raw.media, self.devices)

    @Lazy
    def holders(self):
        """Who holds what now: [block][expert] -> tuple of devices; None before the start."""
        count = self.blocks * self.experts
        first = _raw.copy(self._raw.first, count + 1, "u4")
        if first is None:
            return None
        holder = _raw.copy(self._raw.holder, int(first[-1]), "u4").tolist()
        flat = [tuple(holder[first[i] : first[i + 1]]) for i in range(count)]
        return [flat[i : i + self.experts] for i in range(0, count, self.experts)]

    @Lazy
    def problem(self):
        """A copy of wdmoe::PlacementProblem."""
        problem = _bridge.ns.wdmoe.PlacementProblem
        return problem(_bridge.cppyy.bind_object(self._raw.problem, problem))


class Placer(Part):
    """Which devices hold which experts: write `begin`, and `is_due` and `decide` for experts that move."""

    @abc.abstractmethod
    def begin(self, experts):
        """Before the first request, when moving is not counted.

        Returns I x E device numbers, or for each block and expert a sequence of them; None: expert e on device e mod K.
        """

    def is_due(self, now_s, passes):
        """Whether to ask `decide`: at the time `now_s`, after `passes` passes."""
        return False

    def decide(self, experts):
        """Where the experts shall be, as `begin`; None: where they are."""
        return None


def _holders(answer, experts, who, raw):
    if answer is None:
        return ()
    shape = (experts.blocks, experts.experts)
    if isinstance(answer, np.ndarray) and answer.dtype != object:
        if answer.dtype.kind not in "iu" or answer.shape != shape:
            raise ValueError(
                f"{who}: returned {answer.dtype} of shape {answer.shape}; expected device numbers {shape}, blocks x experts"
            )
        answer = answer[:, :, None]
    first = [0]
    flat = []
    try:
        if len(answer) != shape[0] or any(len(row) != shape[1] for row in answer):
            raise ValueError(f"{who}: returned rows {[len(row) for row in answer]}; expected {shape}, blocks x experts")
        for row in answer:
            for entry in row:
                entry = [entry] if np.ndim(entry) == 0 else list(entry)
                flat.extend(entry)
                first.append(len(flat))
        wrong = [k for k in flat if k != int(k) or not 0 <= k < experts.devices]
    except TypeError:
        raise TypeError(f"{who}: returned {answer!r}; expected device numbers, blocks x experts") from None
    if wrong:
        raise ValueError(f"{who}: device {wrong[0]}; expected 0 to {experts.devices - 1}")
    arrays = (np.array(first, np.uint32), np.array(flat, np.uint32))
    raw.first, raw.holder = (_raw.address_of(array) for array in arrays)
    return arrays


def _prepare_placer(part, name, _):
    kept = []

    def ask(method):
        def call(given, answer):
            experts = Experts(_raw.RawExperts.from_address(given))
            try:
                found = getattr(part, method)(experts)
            finally:
                experts._raw = None
            who = f"{name}.{method}(), at {experts.now_s} s"
            kept[:] = _holders(found, experts, who, _raw.RawHolders.from_address(answer))

        return call

    def due(given, answer):
        raw = _raw.RawExperts.from_address(given)
        ctypes.c_int64.from_address(answer).value = bool(part.is_due(raw.now, raw.passes))

    return {"BEGIN": ask("begin"), "DECIDE": ask("decide"), "IS_DUE": due}, []


_bridge.kind("ns3::WdmoePlacer", _prepare_placer)(Placer)


class Activations:
    """Activations to be coded, of K devices. Arrays are read-only copies."""

    def __init__(self, raw):
        self._raw = raw
        self.devices = raw.devices  #: K
        self.hidden = raw.hidden  #: elements of one pair's activation
        self.downlink = PRECISIONS[raw.downlink - 1]  #: of the server: nothing finer is needed
        self.uplink = PRECISIONS[raw.uplink - 1]  #: the same for answers

    @Lazy
    def pairs(self):
        """(token, expert) pairs of each device."""
        return _raw.copy(self._raw.pairs, self.devices, "u4")

    @Lazy
    def downlink_s_per_bit(self):
        """s of air for a bit to each device, if it had the whole band; infinite: out of coverage."""
        return _raw.copy(self._raw.down, self.devices)

    @Lazy
    def uplink_s_per_bit(self):
        """The same, from each device."""
        return _raw.copy(self._raw.up, self.devices)


class PrecisionPolicy(Part):
    """How coarsely activations are coded: write `decide`."""

    @abc.abstractmethod
    def decide(self, activations):
        """Returns (downlink, uplink): each a name ("fp16", "bf16", "int8", "int4", ...), or K of them."""


def _levels(value, devices, who, what):
    names = [value] * devices if isinstance(value, str) else list(value)
    if len(names) != devices:
        raise ValueError(f"{who}: {len(names)} {what} precisions; expected one name, or {devices}")
    wrong = [name for name in names if name not in PRECISIONS]
    if wrong:
        raise ValueError(f"{who}: {what} precision {wrong[0]!r}; expected {', '.join(PRECISIONS)}")
    return np.array([1 + PRECISIONS.index(name) for name in names], np.int32)


def _prepare_precision(part, name, _):
    kept = []

    def decide(given, answer):
        activations = Activations(_raw.RawActivations.from_address(given))
        try:
            found = part.decide(activations)
        finally:
            activations._raw = None
        who = f"{name}.decide()"
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(f"{who}: returned {found!r}; expected (downlink, uplink), names of precisions")
        raw = _raw.RawPrecision.from_address(answer)
        kept[:] = [_levels(v, activations.devices, who, w) for v, w in zip(found, ("downlink", "uplink"))]
        raw.downlink, raw.uplink = (_raw.address_of(array) for array in kept)

    return {"CODE": decide}, []


_bridge.kind("ns3::WdmoePrecisionPolicy", _prepare_precision)(PrecisionPolicy)


@dataclass
class Cost:
    """What a device's part of a block costs: stage time = fixed + scale x (bits / rate, or compute time)."""

    downlink_fixed_s: float = 0.0
    downlink_scale: float = 1.0
    uplink_fixed_s: float = 0.0
    uplink_scale: float = 1.0
    compute_fixed_s: float = 0.0
    compute_scale: float = 1.0
    ready_bias_s: float = 0.0
    ready_spread_s: float = 0.0


class Predictor(Part):
    """What a batch will cost: write `get_cost`; `learn` and `learn_block` are told what it really took."""

    #: blocks are predicted by the fluid model of the plan over time; False: by bits / rate
    fluid = False

    @abc.abstractmethod
    def get_cost(self, device):
        """A `Cost`. It is asked for once, and again when something was learned."""

    def learn(self, device, load, measured):
        """An answer came: `load` as planned (downlink_bits, downlink_s, ...), `measured` (downlink_s, compute_s, uplink_s)."""

    def learn_block(self, predicted_s, measured_s):
        """A block was answered in full."""


def _prepare_predictor(part, name, _):
    def cost(given, answer):
        device = ctypes.c_int64.from_address(given).value
        found = part.get_cost(device)
        who = f"{name}.get_cost() of device {device}"
        if not isinstance(found, Cost):
            raise TypeError(f"{who}: returned {found!r}; expected a wdmoe.Cost")
        raw = _raw.RawCost.from_address(answer)
        values = numbers([getattr(found, field.name) for field in fields(Cost)], len(fields(Cost)), who, "the cost")
        for field, value in zip(fields(Cost), values):
            setattr(raw, field.name, value)

    def learn(given, _):
        raw = _raw.RawTimes.from_buffer_copy((ctypes.c_char * ctypes.sizeof(_raw.RawTimes)).from_address(given))
        part.learn(raw.device, raw.load, raw.measured)

    def learn_block(given, _):
        raw = _raw.RawTimes.from_address(given)
        part.learn_block(raw.predicted, raw.measured_s)

    methods = {"GET_COST": cost}
    if type(part).learn is not Predictor.learn:
        methods["LEARN_TIMES"] = learn
    if type(part).learn_block is not Predictor.learn_block:
        methods["LEARN_BLOCK"] = learn_block
    return methods, ["FLUID"] * bool(part.fluid)


_bridge.kind("ns3::WdmoePredictor", _prepare_predictor)(Predictor)
