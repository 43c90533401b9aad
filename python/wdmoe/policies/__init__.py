# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Parts of a simulation written in Python: selectors, allocators, placers, precision, prediction, gates, requests, radios.

    class Thrifty(wdmoe.Selector):
        gain = 1.0

        def select(self, block):
            return block.top & (block.expert_latency_s < self.gain * block.expert_latency_s.max())

    optimizer.SetSelector(Thrifty())                          # in a scenario
    wdmoe.register_policy("thrifty", selector=Thrifty)        # or by name: --policies=topk-equal,thrifty:selector.gain=2

Such a class is a TypeId of ns-3, named python::Thrifty, its settings are attributes.
"""

import functools

from wdmoe.bindings import ns
from wdmoe.policies._allocator import Allocator, Loads, Plan, rate
from wdmoe.policies._bridge import as_object, guard, register
from wdmoe.policies._control import Activations, Cost, Experts, Placer, PrecisionPolicy, Predictor
from wdmoe.policies._part import Part
from wdmoe.policies._radio import Radio, link_state
from wdmoe.policies._selector import Block, Selector
from wdmoe.policies._sources import GateQuery, GateSource, Request, RequestSource
from wdmoe.scenarios import write_value

__all__ = [
    "Activations",
    "Allocator",
    "Block",
    "Cost",
    "Experts",
    "GateQuery",
    "GateSource",
    "Loads",
    "Placer",
    "Plan",
    "PrecisionPolicy",
    "Predictor",
    "Radio",
    "Request",
    "RequestSource",
    "Selector",
    "as_object",
    "link_state",
    "rate",
    "register_part",
    "register_policy",
    "register_radio",
]


def register_part(part):
    """Make a class known as a TypeId, for options that take one (--predictor, precision=...); returns its name."""
    return register(part)


def _type_of(part, base, keyword):
    """The TypeId's name of a part given as a name, a class, an object, or what makes one."""
    if isinstance(part, str):
        return part
    if isinstance(part, base):
        part = functools.partial(_same, part)
    if isinstance(part, type) and not issubclass(part, base):
        raise TypeError(f"{keyword}={part.__name__}; expected a subclass of wdmoe.{base.__name__}, or a TypeId's name")
    return register(part)


def _same(part):
    return part


def register_policy(
    name,
    selector=None,
    allocator=None,
    precision=None,
    placer=None,
    *,
    like="topk-allocated",
    leftover=None,
    settings=None,
):
    """Give a policy of your own a name, for --policies and all else that takes one.

    Parts are classes of Python (a fresh object for each simulation), functions that make an object, or names of TypeIds
    ("ns3::WdmoeMinMaxAllocator"); those that are not given are those of the policy `like`. `leftover`: what a device
    leaves unused goes to those still busy. `settings`: {"controller.EarlyGrants": "true", ...}, as in the policy grammar.
    """
    policy = ns.WdmoePolicy.Find(like)
    policy.name = name
    policy.stock = policy.stock and allocator is None
    parts = (
        ("selector", selector, Selector),
        ("allocator", allocator, Allocator),
        ("precision", precision, PrecisionPolicy),
        ("placer", placer, Placer),
    )
    for keyword, part, base in parts:
        if part is not None:
            setattr(policy, keyword, _type_of(part, base, keyword))
    if leftover is not None:
        policy.leftover = leftover
    for key, value in (settings or {}).items():
        part, dot, attribute = key.partition(".")
        if not dot:
            raise ValueError(f"setting {key!r}; expected PART.ATTRIBUTE, for example controller.EarlyGrants")
        setting = ns.WdmoePolicySetting()
        setting.part, setting.attribute, setting.value = part, attribute, write_value(value)
        policy.settings.push_back(setting)
    ns.WdmoePolicy.Register(policy)


def register_radio(name, radio):
    """Give a radio of your own a name, for --radio; a fresh object for each simulation."""
    ns.WdmoeForeignRadioHelper.Register(name, _type_of(radio, Radio, "radio"))


def _accept(owner, name, base):
    """This setter takes a part of Python, as an object or a class, beside what it takes anyway."""
    original = getattr(owner, name)

    def call(self, part, *args):
        if isinstance(part, Part):
            if not isinstance(part, base):
                raise TypeError(f"{name}({part!r}); expected a wdmoe.{base.__name__}")
            part = as_object(part)
        elif isinstance(part, type) and issubclass(part, Part):
            part = _type_of(part, base, name)
        return original(self, part, *args)

    setattr(owner, name, call)


def _run_once(run):
    """Of several overloads cppyy tries the next one when the first has failed: take the right one at once."""
    by_air = run.__overload__("const ns3::WdmoeScenarioRadio&")

    @functools.wraps(run, assigned=("__name__", "__doc__"), updated=())
    def call(self, radio):
        return (by_air if isinstance(radio, ns.WdmoeScenarioRadio) else run)(self, radio)

    return call


ns.WdmoeComparisonHelper.Run = guard(_run_once(ns.WdmoeComparisonHelper.Run))
ns.Simulator.Run = staticmethod(guard(ns.Simulator.Run))
for _owner, _name in (
    (ns.WdmoeOptimizerHelper, "Install"),
    (ns.WdmoeController, "Decide"),
    (ns.WdmoeGatingServerHelper, "Install"),
    (ns.WdmoeForeignRadioHelper, "Install"),
    (ns.WdmoeRadioConformance, "Run"),
):
    setattr(_owner, _name, guard(getattr(_owner, _name)))
for _name, _base in (
    ("SetSelector", Selector),
    ("SetAllocator", Allocator),
    ("SetPredictor", Predictor),
    ("SetPrecision", PrecisionPolicy),
    ("SetPlacer", Placer),
):
    _accept(ns.WdmoeOptimizerHelper, _name, _base)
