# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a sweep runs: a scenario's program or a Python file, the options it has, and which version it is."""

import hashlib
import re
import subprocess
import sys
from functools import cached_property, lru_cache
from pathlib import Path

from wdmoe import names, scenarios
from wdmoe.processes import REFUSED, explain

# Options that a sweep sets itself, and what says so instead.
OWN = {
    "out": "a sweep's folder is named by --out",
    "policies": "write policies = [...]",
    "policy": "write policies = [...]",
    "progress": "a sweep shows its own progress",
    "RngRun": "write seeds = [...]",
}
OPTION = re.compile(r"^ +--([^:\s]+):(.*)$", re.MULTILINE)
GLOBAL = re.compile(r"^ +--(\w+)=", re.MULTILINE)
# "Bandwidth, MHz [ideal: 100, ...]", "Deadline for stragglers, ms; 0: none [0]"
UNIT = re.compile(r"^[^\[(;]*, ([A-Za-z]{1,4}(?:/[a-z]+)?) *(?:[\[(;]|$)")
ATTRIBUTE = re.compile(r"^ +--(ns3::\S+?)=\[", re.MULTILINE)
TYPE = re.compile(r"^ +(ns3::\S+)$", re.MULTILINE)
# No program has an option of this name.
END = "wdmoe-sweep-end"
# Names that are told where none is near.
FEW = 12
# Arguments in one call of the program; Linux takes 128 KiB for each and 2 MiB in all.
ARGUMENTS = 2000


class SweepError(ValueError):
    """What is wrong with a sweep; the text is for whoever wrote it."""


def nearest(name, known):
    return names.nearest(name, known, FEW)


class Program:
    """The command that runs one simulation of a scenario, here and on the machines that work for a sweep."""

    def __init__(self, scenario):
        """`scenario` is a name, as of `wdmoe run`, or an absolute path of a Python file."""
        self.scenario = str(scenario)
        programs = scenarios.find_programs()
        script = scenarios.is_script(self.scenario)
        if not script and not programs:
            raise SweepError(f"no scenario is installed in {scenarios.program_folder()}; see wdmoe doctor")
        programs.pop(scenarios.GENERATE, None)  # which generates one text, no comparison
        if not script and self.scenario not in programs:
            hint = nearest(self.scenario, programs)
            raise SweepError(f"unknown scenario '{self.scenario}'{hint}, or a file ending in .py")
        try:
            self.command = scenarios.command_line(self.scenario)
        except scenarios.BadScenario as error:
            raise SweepError(str(error)) from None

    @property
    def name(self):
        """The scenario in short: its name, or its file's."""
        return scenarios.short_name(self.scenario)

    def _ask(self, *arguments):
        """(exit status, all that it printed) of the program with these arguments."""
        try:
            done = subprocess.run(
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise SweepError(f"{self.command[0]} does not start: {error.strerror}; see wdmoe doctor") from None
        return done.returncode, done.stdout

    @cached_property
    def _help(self):
        return self._ask("--PrintHelp")

    @property
    def is_ns3(self):
        """Whether it reads its options by ns3::CommandLine, as all scenarios of the module do."""
        return "General Arguments:" in self._help[1]

    @cached_property
    def options(self):
        """Name -> help text of the program's own options."""
        status, printed = self._help
        found = OPTION.findall(printed.partition("General Arguments:")[0])
        if status or not found:
            raise SweepError(
                f"{self.scenario} did not answer --PrintHelp with its options (exit status {status}); it printed:\n"
                f"{printed[-2000:]}"
            )
        return {name: text.strip() for name, text in found}

    def judge(self, name):
        """Raises a SweepError where the program has no such option or attribute."""
        if name in OWN:
            raise SweepError(f"'{name}' is set by the sweep itself; {OWN[name]}")
        if not name.startswith("ns3::"):
            if name not in self.options and name not in GLOBAL.findall(self._ask("--PrintGlobals")[1]):
                known = [option for option in self.options if option not in OWN]
                raise SweepError(
                    f"{self.name} has no option '{name}'{nearest(name, known)} "
                    "(an attribute is named ns3::CLASS::ATTRIBUTE)"
                )
            return
        type_id, _, attribute = name.rpartition("::")
        known = ATTRIBUTE.findall(self._ask(f"--PrintAttributes={type_id}")[1])
        if name in known:
            return
        if known:
            names = [one.rpartition("::")[2] for one in known]
            raise SweepError(f"{type_id} has no attribute '{attribute}'{nearest(attribute, names)}")
        types = TYPE.findall(self._ask("--PrintTypeIds")[1])
        if type_id in types:
            raise SweepError(f"{type_id} has no attributes")
        raise SweepError(f"there is no class {type_id}{nearest(type_id, types)}")

    def unit(self, name):
        """The unit that an option's help text names; "" where there is none."""
        found = UNIT.match(self.options.get(name, ""))
        return found[1] if found else ""

    def try_values(self, pairs):
        """Has the program read each (name, value), without simulating; a SweepError says which it does not take."""
        if not self.is_ns3:
            return
        for first in range(0, len(pairs), ARGUMENTS):
            chunk = pairs[first : first + ARGUMENTS]
            if self._refuse(chunk) is not None:
                for pair in chunk:
                    told = self._refuse([pair])
                    if told is not None:
                        raise SweepError(
                            f"{self.name} does not take --{pair[0]}={scenarios.write_value(pair[1])}{f': {told}' if told else ''}"
                        )

    def _refuse(self, pairs):
        """What the program says against values; None where it takes them all."""
        # Arguments are read one after the other, and the first one that is refused ends the program.
        printed = self._ask(*(f"--{name}={scenarios.write_value(value)}" for name, value in pairs), f"--{END}=1")[1]
        refused = REFUSED.search(printed)
        if refused and refused[3] == END:
            return None
        return "it expects another kind of value" if refused else explain(printed, self.name) or ""

    @property
    def revision(self):
        """Twelve digits that change whenever the program, the library below it, or ns-3 does."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            ns3 = version("ns3")
        except PackageNotFoundError:
            ns3 = ""
        files = [Path(self.command[-1]), find_library(self.command)]
        stats = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files if path]
        return digest(tuple(stats), ns3)


@lru_cache(maxsize=64)
def digest(stats, ns3):
    """Of the files' contents; `stats` are (path, time of change, size), so that each is read once."""
    seen = hashlib.sha256(ns3.encode())
    for path, _, _ in stats:
        seen.update(Path(path).read_bytes())
    return seen.hexdigest()[:12]


def find_library(command):
    """libwdmoe.so as the program finds it: beside its folder, when installed or in a build folder; None without one."""
    folder = scenarios.program_folder() if command[0] == sys.executable else Path(command[-1]).parent
    places = (folder.parent / "lib" / "libwdmoe.so", folder.parent / "libwdmoe.so")
    return next((place for place in places if place.is_file()), None)
