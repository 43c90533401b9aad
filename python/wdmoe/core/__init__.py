# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Selection, bandwidth and schedules as functions of numpy arrays; no simulator is started, and none need be there.

>>> from wdmoe import core
>>> result = core.allocate([8e5, 8e5], [8e5, 4e5], [0.01, 0.02], core.linear([3, 4]), core.shannon([1e7, 5e7]),
...                        (10e6, 10e6), False)
>>> result.status
'optimal'

Quantities are in SI units: bit, s, Hz. A meaningless input (NaN, a negative load, rows that do not sum to one) raises
ValueError, which names the value, its place and what was expected. A problem that makes sense and has no solution is
answered by a result whose `status` is 'infeasible' and whose `message` says why.
"""

from ._allocate import Allocation, allocate
from ._latency import block_latency, latency
from ._laws import Law, join, linear, shannon
from ._place import Placement, place
from ._policies import Block, block
from ._schedule import Schedule, schedule
from ._select import POLICIES, Selection, kept_gate_mass, select, weight_to_latency_ratio

__all__ = [
    "POLICIES",
    "Allocation",
    "Block",
    "Law",
    "Placement",
    "Schedule",
    "Selection",
    "allocate",
    "block",
    "block_latency",
    "join",
    "kept_gate_mass",
    "latency",
    "linear",
    "place",
    "schedule",
    "select",
    "shannon",
    "weight_to_latency_ratio",
]
