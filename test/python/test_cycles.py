# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Scenarios made, simulated and destroyed again and again in one process: no crash, memory flat."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "python-cycles.py"

# bench/python-cycles.py runs 1,000 of ideal
CYCLES = {"ideal": (10, 100), "lte": (10, 30), "wifi": (10, 30)}
KB_A_CYCLE = 10  # a node is more, a record of a block too


@pytest.mark.parametrize("radio", CYCLES)
def test_memory_is_flat(radio):
    first, last = CYCLES[radio]
    done = subprocess.run(
        [sys.executable, SCRIPT, f"--radio={radio}", f"--cycles={last}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = {int(line.split()[2]): list(map(float, line.split()[3:])) for line in done.stdout.splitlines()}
    print(done.stdout)
    (rss, heap, objects), (rss_last, heap_last, objects_last) = rows[first], rows[last]
    assert 1e3 * (heap_last - heap) / (last - first) < KB_A_CYCLE, done.stdout
    assert objects_last - objects < (last - first) / 2, done.stdout
    assert rss_last - rss < 5, done.stdout
