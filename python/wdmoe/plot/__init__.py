# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Pictures of results, fit for a paper: one column or two wide, units on every axis, told apart without colour too.

Each function takes what `wdmoe.load(DIR)` gave (or the frame it draws) and returns the axis it drew on, in a figure of
its own or on `axis`::

    results = wdmoe.load("results/ideal")
    axis = wdmoe.plot.latency_cdf(results, "request")
    wdmoe.plot.save(axis.figure, "latency.pdf")
"""

from wdmoe.plot._data import QUALITIES, WHAT
from wdmoe.plot._latency import latency_cdf
from wdmoe.plot._load import expert_load
from wdmoe.plot._pareto import pareto
from wdmoe.plot._prediction import prediction
from wdmoe.plot._shares import shares
from wdmoe.plot._style import COLOURS, COLUMN, WIDE, save, style
from wdmoe.plot._timeline import timeline

__all__ = [
    "COLOURS",
    "COLUMN",
    "QUALITIES",
    "WHAT",
    "WIDE",
    "expert_load",
    "latency_cdf",
    "pareto",
    "prediction",
    "save",
    "shares",
    "style",
    "timeline",
]


def __getattr__(name):
    from wdmoe.names import nearest

    raise AttributeError(f"module 'wdmoe.plot' has no attribute '{name}'{'' if name.startswith('_') else nearest(name, __all__)}")
