#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""How long loading, `wdmoe report` and `wdmoe trace` take for many blocks: a real run's files, repeated to that many.

    WDMOE_BIN=BUILD/bin PYTHONPATH=python python bench/python-report.py [--blocks=100000] [--keep=DIR]

The report is to take at most 5 s for 10^5 blocks, the start of Python included. Each line is of a process of its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas

from wdmoe import frames

LIMIT_S = 5
RUN = ("ideal", "--requests=4", "--blocks=8", "--maxOutputTokens=8", "--policy", "topk-stock,wdmoe,scheduled")
TIMES = ("start_s", "time_s", "arrival_s", "first_token_s", "end_s")


def repeat(source, target, blocks):
    """The results in `source`, one run, again and again one after another until there are that many blocks."""
    found = frames.load(source)
    count = -(-blocks // len(found.blocks))
    period = found.requests["end_s"].max() + 1
    requests = found.requests["request"].max() + 1
    target.mkdir(parents=True, exist_ok=True)
    for name in found.tables:
        table = getattr(found, name).drop(columns="run")
        if "answered" in table.columns:
            table["answered"] = table["answered"].astype(int)
        copies = []
        for number in range(count):
            copy = table.copy()
            copy["request"] += number * requests
            for column in set(TIMES) & set(copy.columns):
                copy[column] += number * period
            copies.append(copy)
        pandas.concat(copies).to_csv(target / f"{name}.csv", index=False)
    (summary,) = found.summaries.values()
    (target / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return count * len(found.blocks)


def measure(name, *arguments):
    """Wall and CPU seconds of a Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"| {name} | {wall:.2f} | {cpu:.2f} |", flush=True)
    return wall


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--keep", metavar="DIR", help="leave the files there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary)
        run = folder / "run"
        subprocess.run(
            [sys.executable, "-m", "wdmoe", "run", *RUN, "--out", run], check=True, stdout=subprocess.DEVNULL
        )
        many = folder / "many"
        blocks = repeat(run, many, options.blocks)
        size = sum(path.stat().st_size for path in many.iterdir()) / 1e6
        print(f"{blocks} blocks under 3 policies, {size:.0f} MB of CSV\n")
        print("| what | wall (s) | CPU (s) |\n|---|---|---|")
        every = "import wdmoe; found = wdmoe.load('{}'); [getattr(found, name) for name in found.tables]"
        measure("import only", "-c", "import wdmoe.frames, wdmoe.report")
        measure("load, all frames", "-c", every.format(many))
        page = many / "report.html"
        wall = measure(f"report (limit {LIMIT_S})", "-m", "wdmoe", "report", many, "-o", page)
        trace = many / "trace.json"
        measure("trace of one policy", "-m", "wdmoe", "trace", many, "-o", trace, "--policy", "wdmoe")
        print(f"\nreport {page.stat().st_size / 1e6:.1f} MB, trace {trace.stat().st_size / 1e6:.0f} MB")
        print("load average: " + " ".join(f"{value:.1f}" for value in os.getloadavg()))
    return 0 if wall <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
