# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe.compare(...)`: what `wdmoe run` does, called from Python, and its results."""

import subprocess
import sys
from pathlib import Path

from wdmoe import scenarios
from wdmoe.frames import load


def compare(scenario, policies=None, out=None, runs=1, RngRun=1, jobs=None, attributes=None, quiet=False, **options):
    """Runs a scenario under several policies, each in a process of its own, as `wdmoe run`; returns `wdmoe.load(out)`.

    scenario
        A name (`wdmoe run --list`), or the file of a Python scenario: policies written in Python are registered there.
    policies
        Names, in a list or as --policy takes them (default: the scenario's own).
    out
        The folder of the results (default: results/SCENARIO, with -RADIO).
    runs, RngRun
        How many runs, and the number of the first.
    jobs
        Simulations at a time (default: one for each core).
    attributes
        {"ns3::WdmoeWlrSelector::Gain": 1.1, ...}.
    quiet
        Whether neither the progress nor the table is shown.
    options
        The scenario's own, as requests=2; `wdmoe run SCENARIO --help` has them.

    Where not every simulation ended well: RuntimeError with what the command said.
    """
    if policies is not None and not isinstance(policies, str):
        policies = ",".join(policies)
    out = Path(out or Path("results") / scenarios.folder_name(scenario, options.get("radio")))
    given = {"policy": policies, "out": out, "runs": runs, "RngRun": RngRun, "jobs": jobs, **options, **(attributes or {})}
    words = [f"--{name}={scenarios.write_value(value)}" for name, value in given.items() if value is not None]
    command = [sys.executable, "-m", "wdmoe", "run", str(scenario), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            said, told = child.communicate()
        except BaseException:
            child.terminate()  # which ends its simulations
            child.wait()
            raise
    if child.returncode:
        raise RuntimeError(told.strip() or f"wdmoe run {scenario}: exit status {child.returncode}")
    if not quiet:
        print(said, end="")
    return load(out)
