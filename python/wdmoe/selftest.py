# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe test`: the C++ suites through CTest, then the Python tests. Needs the source checkout that ./wdmoe sets up."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path


def main(others):
    checkout = os.environ.get("WDMOE_CHECKOUT")
    if not checkout:
        print("wdmoe test: needs the source checkout; run ./wdmoe test there", file=sys.stderr)
        return 2
    if others:
        print(f"wdmoe test: takes no options, got '{others[0]}'", file=sys.stderr)
        return 2
    checkout = Path(checkout)
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"}
    builds = sorted(checkout.glob("build/py3-*/CMakeCache.txt"))
    if not builds:
        print(f"wdmoe test: no build folder in {checkout / 'build'}; run ./wdmoe test", file=sys.stderr)
        return 2
    build = builds[0].parent

    def run(*command):
        print("$", *command, flush=True)
        return subprocess.run(command, cwd=checkout, env=environment, check=False).returncode

    jobs = str(len(os.sched_getaffinity(0)))
    status = run("cmake", "--build", build, "--target", "wdmoe-test-runner", "--parallel", jobs)
    if status == 0:
        status = run("ctest", "--test-dir", build, "--output-on-failure", "--parallel", jobs)
    if importlib.util.find_spec("pytest") is None:
        status = run(sys.executable, "-m", "pip", "install", "--quiet", *extras()) or status
    return run(sys.executable, "-m", "pytest", "-q") or status


def extras():
    """What pyproject.toml's extra 'test' asks for."""
    from importlib.metadata import requires

    return [line.split(";")[0].strip() for line in requires("wdmoe") or () if "extra ==" in line]
