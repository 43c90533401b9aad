# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Gate weights and requests from Python."""

import abc
from dataclasses import dataclass

import numpy as np

from wdmoe.policies import _bridge, _raw
from wdmoe.policies._part import Part
from wdmoe.policies._selector import streams_of


@dataclass
class GateQuery:
    """Which tokens the gate is asked about."""

    request: int  #: id of the request
    block: int  #: index of the block
    position: int  #: of the first token in its sequence
    tokens: int  #: J, consecutive tokens
    experts: int  #: E
    top_k: int  #: k


class GateSource(Part):
    """Where gate weights come from: write `get_gate`.

    The answer should depend on the query (and the stream) alone, so that all policies of a comparison see the same.
    """

    def set_model(self, blocks, experts, top_k):
        """The sizes; called once, before the first query."""

    @abc.abstractmethod
    def get_gate(self, query):
        """J x E weights, each row sums to 1 (or to less)."""


def _prepare_gate(part, name, _):
    kept = []

    def set_model(given, _):
        raw = _raw.RawQuery.from_address(given)
        part.set_model(raw.blocks, raw.experts, raw.top_k)

    def get_gate(given, answer):
        raw = _raw.RawQuery.from_address(given)
        query = GateQuery(raw.request, raw.block, raw.position, raw.tokens, raw.experts, raw.top_k)
        found = part.get_gate(query)
        who = f"{name}.get_gate(), request {query.request}, block {query.block}"
        try:
            array = np.ascontiguousarray(found, np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"{who}: returned {found!r}; expected {query.tokens} x {query.experts} weights") from None
        if array.shape != (query.tokens, query.experts):
            raise ValueError(
                f"{who}: returned shape {np.shape(found)}; expected ({query.tokens}, {query.experts}), tokens x experts"
            )
        kept[:] = [array]
        _raw.RawGate.from_address(answer).weight = _raw.address_of(array)

    return {"SET_MODEL": set_model, "GET_GATE": get_gate, "ASSIGN_STREAMS": streams_of(part)}, []


_bridge.kind("ns3::WdmoeGateSource", _prepare_gate)(GateSource)


@dataclass
class Request:
    """One request to the language model."""

    arrival_s: float  #: simulated time, s
    prompt_tokens: int  #: >= 1
    output_tokens: int  #: >= 1


class RequestSource(Part):
    """Where requests come from: write `next`."""

    @abc.abstractmethod
    def next(self):
        """The next `Request`, in order of arrival; None: there are no more."""


def _prepare_requests(part, name, _):
    def next_request(_, answer):
        found = part.next()
        raw = _raw.RawRequest.from_address(answer)
        raw.more = found is not None
        if found is None:
            return
        if not isinstance(found, Request):
            raise TypeError(f"{name}.next(): returned {found!r}; expected a wdmoe.Request or None")
        try:
            raw.arrival, raw.prompt, raw.output = float(found.arrival_s), found.prompt_tokens, found.output_tokens
        except TypeError:
            raise TypeError(f"{name}.next(): returned {found!r}; expected numbers") from None

    return {"NEXT_REQUEST": next_request, "ASSIGN_STREAMS": streams_of(part)}, []


_bridge.kind("ns3::WdmoeRequestSource", _prepare_requests)(RequestSource)
