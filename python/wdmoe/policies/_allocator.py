# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Bandwidth allocation in Python."""

import abc
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from wdmoe.policies import _bridge, _raw
from wdmoe.policies._part import Lazy, Part, numbers


@dataclass
class Plan:
    """Who gets what until the next plan, K values each."""

    downlink: Any  #: guaranteed shares of the budget, in [0, 1], at most 1 together
    uplink: Any  #: the same; where a device has one share for both directions (`coupled`), the same values
    downlink_weight: Optional[Any] = None  #: >= 0, for what others leave unused; None: by the attribute Leftover
    uplink_weight: Optional[Any] = None  #: the same
    downlink_priority: Optional[Any] = None  #: whole numbers: leftover goes to the highest first; None: all the same
    uplink_priority: Optional[Any] = None  #: the same
    cut: Optional[Any] = None  #: for each task, which of its cuts; None: by the attribute MicroBatches


class Loads:
    """What bandwidth is to be allocated to: the parts of K devices. Arrays are read-only copies.

    Within blocks (a plan over time is made anew) `downlink_bits`, `uplink_bits` and `compute_s` are None: see `shop`.
    """

    def __init__(self, raw):
        self._raw = raw
        self.devices = raw.devices  #: K
        self.tasks = raw.tasks  #: of the flow shop
        self.now_s = raw.now  #: simulated time, s
        self.downlink_hz = raw.downlink_hz  #: budget, Hz
        self.uplink_hz = raw.uplink_hz  #: budget, Hz (not used if coupled)
        self.coupled = bool(raw.coupled)  #: a device has one share for both directions

    @Lazy
    def downlink_bits(self):
        """Bits to each device."""
        return _raw.copy(self._raw.down_bits, self.devices)

    @Lazy
    def uplink_bits(self):
        """Bits from each device."""
        return _raw.copy(self._raw.up_bits, self.devices)

    @Lazy
    def compute_s(self):
        """What each device's part takes beside its bits, s."""
        return _raw.copy(self._raw.compute, self.devices)

    @Lazy
    def downlink_law(self):
        """What bandwidth is worth to each device: fields kind (0 linear, 1 Shannon), efficiency, gain_hz, scale."""
        return _raw.copy(self._raw.down_law, self.devices, _raw.LAW)

    @Lazy
    def uplink_law(self):
        """The same from each device."""
        return _raw.copy(self._raw.up_law, self.devices, _raw.LAW)

    @Lazy
    def shop(self):
        """All that is in flight, as tasks: a copy of wdmoe::ShopProblem."""
        shop = _bridge.ns.wdmoe.ShopProblem
        return shop(_bridge.cppyy.bind_object(self._raw.shop, shop))

    @Lazy
    def radio(self):
        """What the radio can honour: a copy of WdmoeRadioCapabilities; None: not known."""
        able = _bridge.ns.WdmoeRadioCapabilities
        return able(_bridge.cppyy.bind_object(self._raw.radio, able)) if self._raw.radio else None


def rate(law, hz):
    """bit/s of bandwidths under laws as those of `Loads.downlink_law`."""
    hz = np.asarray(hz, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shannon = law["scale"] * hz * np.log2(1 + law["gain_hz"] / hz)
    bent = np.minimum(np.where(hz > 0, shannon, 0), law["efficiency"] * np.where(hz > 0, hz, 1))
    return np.where(law["kind"] == 0, law["efficiency"] * hz, np.where(hz > 0, bent, 0))


class Allocator(Part):
    """Who gets how much bandwidth: write `allocate`."""

    #: plans are over time, and made anew within blocks when reality departs from them
    over_time = False

    @abc.abstractmethod
    def allocate(self, loads):
        """Divide the budget: returns shares (downlink, uplink), K values each, or a `Plan`.

        Shares get what those of the other allocators get: at least MinShare, and leftover by the attribute Leftover.
        """


_FIELDS = (
    ("downlink", "f8"),
    ("uplink", "f8"),
    ("downlink_weight", "f8"),
    ("uplink_weight", "f8"),
    ("downlink_priority", "i4"),
    ("uplink_priority", "i4"),
    ("cut", "u4"),
)


def _prepare(part, name, _):
    kept = []

    def allocate(given, answer):
        loads = Loads(_raw.RawLoads.from_address(given))
        try:
            plan = part.allocate(loads)
        finally:
            loads._raw = None
        who = f"{name}.allocate(), at {loads.now_s} s"
        raw = _raw.RawPlan.from_address(answer)
        if isinstance(plan, Plan):
            values = [(field, getattr(plan, field), dtype) for field, dtype in _FIELDS]
        elif isinstance(plan, (tuple, list, np.ndarray)) and len(plan) == 2:
            values = [(field, value, dtype) for (field, dtype), value in zip(_FIELDS, plan)]
        else:
            raise TypeError(
                f"{who}: returned {plan!r}; expected shares (downlink, uplink), {loads.devices} each, or a wdmoe.Plan"
            )
        kept.clear()
        for field, value, dtype in values:
            if value is not None:
                array = numbers(value, loads.tasks if field == "cut" else loads.devices, who, field, dtype)
                kept.append(array)
                setattr(raw, field, _raw.address_of(array))
            elif field in ("downlink", "uplink"):
                raise TypeError(f"{who}: {field} is None; expected {loads.devices} shares")

    return {"ALLOCATE": allocate}, ["OVER_TIME"] * bool(part.over_time)


_bridge.kind("ns3::WdmoeAllocator", _prepare)(Allocator)
