# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""WDMoE for ns-3 in Python.

``from wdmoe import ns`` gives ns-3 with the module in it, as C++ has it; the other names are loaded when they are first
asked for, so that ``import wdmoe`` itself takes no time.
"""

import importlib

# name -> where it is: "MODULE", or "MODULE:NAME in it"
_LAZY = {
    "ns": "wdmoe.bindings:ns",
    "SimulationError": "wdmoe.bindings:SimulationError",
    "callback": "wdmoe.bindings:callback",
    "core": "wdmoe.core",
    "compare": "wdmoe._compare:compare",
    "load": "wdmoe.frames:load",
    "plot": "wdmoe.plot",
    "report": "wdmoe.report",
    "perfetto": "wdmoe.perfetto",
    "sweep": "wdmoe.sweep",
    "gym": "wdmoe.gym",
    **{
        name: f"wdmoe.policies:{name}"
        for name in (
            "Allocator Cost GateSource Placer Plan PrecisionPolicy Predictor Radio Request RequestSource Selector "
            "register_part register_policy register_radio"
        ).split()
    },
}


def __getattr__(name):
    if name not in _LAZY:
        from wdmoe.names import nearest

        raise AttributeError(f"module 'wdmoe' has no attribute '{name}'{'' if name.startswith('_') else nearest(name, _LAZY)}")
    module, _, part = _LAZY[name].partition(":")
    found = importlib.import_module(module)
    found = getattr(found, part) if part else found
    globals()[name] = found
    return found


def __dir__():
    return sorted([*globals(), *_LAZY])
