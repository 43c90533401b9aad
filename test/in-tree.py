# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs a scenario of the module through the Python bindings of the ns-3 tree it was built in.

    in-tree.py TREE     a tree configured with --enable-python-bindings, built with contrib/wdmoe
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = """
from ns import ns

comparison = ns.WdmoeComparisonHelper("in-tree")
comparison.policies = "topk-equal"
comparison.requests = 1
comparison.blocks = 1
comparison.maxPromptTokens = 4
comparison.maxOutputTokens = 1
comparison.out = "out"
air = ns.WdmoeScenarioRadio("ideal")
assert comparison.Run(air) == 0
print("ran")
"""


def main():
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "build/bindings/python/ns/__init__.py").exists():
        print(f"in-tree.py: needs an ns-3 tree built with its Python bindings, got {sys.argv[1:]}", file=sys.stderr)
        return 2
    tree = Path(sys.argv[1]).resolve()
    # ns-3's loader looks for libraries in every folder of PATH and below the current one.
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(tree / "build/bindings/python"),
            "LD_LIBRARY_PATH": str(tree / "build/lib"),
        }
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
        )
        print(result.stdout, result.stderr[-4000:])
        summary = Path(folder, "out/summary.json")
        return 0 if result.returncode == 0 and summary.exists() and "ran" in result.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
