# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Expert selection in Python."""

import abc
import ctypes

import numpy as np

from wdmoe.policies import _bridge, _raw
from wdmoe.policies._part import Lazy, Part

_LIBRARY = _bridge.library()


class _Kept:
    """Gate weights that the simulator keeps as long as an array shows them."""

    def __init__(self, handle, address, shape):
        self._handle = handle
        self.__array_interface__ = {"data": (address, True), "shape": shape, "typestr": "<f8", "version": 3}

    def __del__(self, drop=_LIBRARY.wdmoe_foreign_drop):
        drop(self._handle)


class Block:
    """A block to select experts for: J tokens, E experts.

    Arrays are read-only. `gate` is a view of the simulator's memory, which stays as long as the array does; those by
    expert are copies. All stay good after the call, if they were read during it.
    """

    def __init__(self, raw, address):
        self._raw = raw
        self._address = address
        self.tokens = raw.tokens  #: J
        self.experts = raw.experts  #: E
        self.top_k = raw.top_k  #: the model's own k
        self.block = raw.block  #: index of the block in the model

    def __repr__(self):
        return f"<block {self.block}: {self.tokens} tokens, {self.experts} experts, top-{self.top_k}>"

    @Lazy
    def gate(self):
        """J x E gate weights."""
        shape = (self.tokens, self.experts)
        handle = _LIBRARY.wdmoe_foreign_keep(self._address)
        if not handle:
            return _raw.copy(self._raw.gate, shape[0] * shape[1]).reshape(shape)
        return np.asarray(_Kept(handle, self._raw.gate, shape))

    @Lazy
    def top(self):
        """J x E booleans: what top-k takes. An array of your own: change it and return it."""
        mask = np.empty((self.tokens, self.experts), bool)
        _LIBRARY.wdmoe_foreign_top_k(self._address, _raw.address_of(mask))
        return mask

    @Lazy
    def expert_latency_s(self):
        """Predicted s for one token on each expert, under the present shares."""
        return _raw.copy(self._raw.latency, self.experts)

    @Lazy
    def expert_cost_s(self):
        """s of shared air that one more token takes on each expert; None: not known."""
        return _raw.copy(self._raw.cost, self.experts)

    @Lazy
    def expert_snr(self):
        """Linear SNR of the worse direction to each expert's device, 0: not heard; None: not known."""
        return _raw.copy(self._raw.snr, self.experts)

    @Lazy
    def expert_device(self):
        """Device that holds each expert."""
        return _raw.copy(self._raw.device, self.experts, "u4")

    @Lazy
    def problem(self):
        """Links, costs and budgets: a copy of wdmoe::BlockProblem; None unless the selector has `uses_problem`."""
        from wdmoe.bindings import ns

        given = _bridge.cppyy.bind_object(self._raw.input, ns.WdmoeSelectorInput)
        return _bridge.ns.wdmoe.BlockProblem(given.problem) if given.problem else None


class Selector(Part):
    """Which experts run each token: write `select`."""

    #: the answer depends on latencies: it is asked again with those of its own allocation, until that is no faster
    uses_latency = True
    #: Block.problem is filled in; then the answer is final
    uses_problem = False

    @abc.abstractmethod
    def select(self, block):
        """Choose the experts of each token, 1 to k.

        Returns J x E booleans (what runs; its gate weights are kept), J x E weights (0: does not run; rows need not sum to
        1), or a pair (experts, weights) of J x S arrays, S <= k: expert numbers, -1 for none, and their weights, None for
        those of the gate.
        """

    def learn(self, device, pairs, latency_s):
        """A device answered its part of a block: `pairs` (token, expert) pairs took `latency_s`."""


def _array(answer, who):
    if isinstance(answer, np.ndarray):
        return answer
    try:
        return np.asarray(answer)
    except ValueError:
        raise ValueError(f"{who}: the answer's rows have different lengths; expected J x E values") from None


def _take(answer, block, selection, who):
    """Write an answer where C++ looks for it; returns the arrays that have to stay until then."""
    shape = (block.tokens, block.experts)
    if isinstance(answer, tuple):
        if len(answer) != 2:
            raise TypeError(f"{who}: returned a tuple of {len(answer)}; expected (experts, weights)")
        experts, weights = _array(answer[0], who), answer[1]
        if experts.dtype.kind not in "iu":
            raise TypeError(f"{who}: experts are {experts.dtype}; expected whole numbers, -1 for none")
        if experts.ndim != 2 or len(experts) != block.tokens or experts.shape[1] < 1:
            raise ValueError(
                f"{who}: experts have shape {experts.shape}; expected ({block.tokens}, S) with S from 1 to {block.top_k}"
            )
        experts = np.ascontiguousarray(experts, np.int32)
        selection.expert = _raw.address_of(experts)
        selection.slots = experts.shape[1]
        if weights is None:
            return (experts,)
        shape = experts.shape
        answer = weights
    array = _array(answer, who)
    what = "weights" if selection.expert else "the answer"
    if array.dtype.kind not in "bf":
        if array.dtype.kind in "iu":
            hint = "for expert numbers return (experts, weights), for a mask use .astype(bool)"
        else:
            hint = "did select() return what it made?" if answer is None else "J x E of these"
        raise TypeError(
            f"{who}: {what} is {answer if answer is None else array.dtype}; expected booleans or weights; {hint}"
        )
    if array.shape != shape:
        names = "tokens x slots" if selection.expert else "tokens x experts"
        raise ValueError(f"{who}: {what} has shape {array.shape}; expected {shape}, {names}")
    if array.dtype.kind == "b":
        array = np.ascontiguousarray(array)
        selection.mask = _raw.address_of(array)
    else:
        array = np.ascontiguousarray(array, np.float64)
        selection.weight = _raw.address_of(array)
    return (array, experts) if selection.expert else (array,)


def _prepare(part, name, _):
    kept = []

    def select(given, answer):
        raw = _raw.RawBlock.from_address(given)
        block = Block(raw, given)
        try:
            found = part.select(block)
        finally:
            block._raw = None
        kept[:] = _take(found, block, _raw.RawSelection.from_address(answer), f"{name}.select(), block {block.block}")

    def learn(given, _):
        raw = _raw.RawAnswer.from_address(given)
        part.learn(raw.device, raw.pairs, raw.latency)

    methods = {"SELECT": select, "ASSIGN_STREAMS": streams_of(part)}
    if type(part).learn is not Selector.learn:
        methods["LEARN"] = learn
    traits = ["USES_LATENCY"] * bool(part.uses_latency) + ["USES_PROBLEM"] * bool(part.uses_problem)
    return methods, traits


def streams_of(part):
    """The method that gives a part its random numbers."""

    def assign(given, answer):
        first = ctypes.c_int64.from_address(given).value
        ctypes.c_int64.from_address(answer).value = part._assign_streams(first)

    return assign


_bridge.kind("ns3::WdmoeSelector", _prepare)(Selector)
