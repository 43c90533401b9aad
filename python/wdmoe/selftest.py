# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe test [cpp|python]`: the C++ suites through CTest, then the Python tests, or one of the two.

Needs the source checkout that ./wdmoe sets up.
"""

import os
import re
import subprocess
import sys
from pathlib import Path


def main(others):
    checkout = os.environ.get("WDMOE_CHECKOUT")
    if not checkout:
        print("wdmoe test: needs the source checkout; run ./wdmoe test there", file=sys.stderr)
        return 2
    if len(others) > 1 or (others and others[0] not in ("cpp", "python")):
        got = others[0] if others[0] not in ("cpp", "python") else others[1]
        print(f"wdmoe test: takes nothing, cpp or python, got '{got}'", file=sys.stderr)
        return 2
    which = others or ["cpp", "python"]
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
    status = 0
    if "cpp" in which:
        status = run("cmake", "--build", build, "--target", "wdmoe-test-runner", "--parallel", jobs)
        if status == 0:
            status = run("ctest", "--test-dir", build, "--output-on-failure", "--parallel", jobs)
    if "python" not in which:
        return status
    missing = missing_extras()
    if missing:
        status = run(sys.executable, "-m", "pip", "install", "--quiet", *missing) or status
    return run(sys.executable, "-m", "pytest", "-q") or status


def missing_extras():
    """What pyproject.toml's extras ask for, as far as it is not installed: tests of optional parts want them."""
    from importlib.metadata import PackageNotFoundError, requires, version

    missing = []
    for line in requires("wdmoe") or ():
        requirement, _, condition = line.partition(";")
        if "extra ==" in condition:
            try:
                version(re.match(r"[\w.-]+", requirement)[0])
            except PackageNotFoundError:
                missing.append(requirement.strip())
    return list(dict.fromkeys(missing))
