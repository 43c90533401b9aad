# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The relaxed problem of QualityBound against HiGHS: test/reference/quality-bound-reference.py on instances of the C++ suite.

  WDMOE_BIN=BUILD/bin python -m pytest test/python/test_quality_bound.py -s        (prints the worst differences)
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy.optimize")

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "quality-bound-reference.py"


def test_bound_is_the_optimum_of_the_relaxed_problem(cpp_tests, tmp_path):
    file = tmp_path / "instances.jsonl"
    environment = {**os.environ, "WDMOE_QUALITY_BOUND_DUMP": str(file)}
    subprocess.run([cpp_tests, "--suite=wdmoe-quality-bound"], check=True, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run([sys.executable, str(REFERENCE), str(file)], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+)", done.stdout)[1]) >= 1000
