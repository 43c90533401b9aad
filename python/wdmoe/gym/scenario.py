# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What is simulated: the options of a scenario, checked before C++ sees them."""

import functools
import math
import re

import cppyy

from wdmoe import ns
from wdmoe.names import nearest

# The scenario's own places by radio, as in examples/: distances in m, path loss exponent, loss at 1 m in dB.
PLACES = {
    "ideal": (20, 300, 2, 43.2814),
    "lte": (30, 150, 3.5, 46.6777),
    "wifi": (8, 40, 3, 46.6777),
    "hybrid": (8, 40, 3, 46.6777),
    "paced": (8, 40, 3, 46.6777),
}
# What the environment decides itself, and what has no meaning in it.
RESERVED = {"policies", "out", "placement", "regret", "progress"}
# Cheap episodes; all options have the defaults of the examples else.
DEFAULTS = {"requests": 4, "blocks": 4, "maxPromptTokens": 16, "maxOutputTokens": 4, "strict": True}


def camel(name):
    """max_prompt_tokens -> maxPromptTokens, as the command line has it."""
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


def snake(name):
    """maxPromptTokens -> max_prompt_tokens."""
    return re.sub(r"[A-Z]", lambda match: "_" + match.group(0).lower(), name)


@functools.lru_cache(maxsize=None)
def _kinds():
    """Option of WdmoeComparisonHelper -> its type in Python."""
    fresh = ns.WdmoeComparisonHelper("gym")
    kinds = {}
    for name in dir(fresh):
        if name[0].islower() and name not in RESERVED:
            value = getattr(fresh, name)
            kind = next((k for k in (bool, int, float) if isinstance(value, k)), None)
            if kind is None and not callable(value):
                kind = str
            if kind:
                kinds[name] = kind
    return kinds


class Scenario:
    """Parts of a simulation are made from it, once for each episode.

    radio: name of a radio ("ideal", "lte", ...); options: those of the examples' command line, by name.
    """

    def __init__(self, radio="ideal", **options):
        radios = [str(name) for name in ns.WdmoeScenarioRadio.GetNames()]
        if radio not in radios:
            raise ValueError(f"radio is {radio!r}{nearest(radio, radios, 12)}")
        self.radio = radio
        low, high, exponent, loss = PLACES.get(radio, PLACES["lte"])
        self._air = ns.WdmoeScenarioRadio(radio)
        self._air.SetPathloss(exponent, loss)
        if radio == "ideal":
            self._air.SetFading("Rayleigh")
        if radio == "wifi":
            self._air.SetDefault("bandwidth", "40")
            self._air.SetDefault("noiseFigure", "16")
        kinds = _kinds()
        of_radio = {str(name) for name, _ in self._air.GetOptions()}
        self._comparison = ns.WdmoeComparisonHelper("gym")
        chosen = {"minDistance": low, "maxDistance": high, **DEFAULTS}
        given = []
        for name, value in options.items():
            option = camel(name)
            if option in kinds:
                chosen[option] = value
            elif option in of_radio:
                given.append(f"--{option}={str(value).lower() if isinstance(value, bool) else value}")
            else:
                known = [snake(each) for each in (*kinds, *of_radio)]
                raise ValueError(f"the scenario has no option {name!r}{nearest(name, known, 99)}")
        for option, value in chosen.items():
            setattr(self._comparison, option, self._check(option, value, kinds[option]))
        if given:
            command = ns.CommandLine()
            self._air.AddOptions(command)
            command.Parse(cppyy.gbl.std.vector["std::string"](["gym", *given]))
        self._air.Check()
        self.devices = str(self._comparison.devices).count(",") + 1
        model = str(self._comparison.model)
        self.real = bool(ns.WdmoeRealModel.FindCheckpoint(model))
        self.model = ns.WdmoeRealModel.Load(model).Describe() if self.real else ns.WdmoeModelDescription.Load(model)

    @staticmethod
    def _check(option, value, kind):
        """The value as C++ takes it."""
        name = snake(option)
        if kind is str:
            if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
                value = ",".join(value)
            if not isinstance(value, str):
                raise TypeError(f"{name} is {value!r}, expected text, or a list of names")
            return value
        if kind is bool:
            if not isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}, expected True or False")
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise TypeError(f"{name} is {value!r}, expected a number")
        if kind is int and int(value) != value:
            raise ValueError(f"{name} is {value!r}, expected a whole number")
        return kind(value)

    def install(self, policy, run):
        """A simulation under a policy of C++ (its name), drawn by the RngRun `run`."""
        ns.RngSeedManager.SetRun(run)
        return self._comparison.Install(ns.WdmoePolicy.Find(policy), self._air)
