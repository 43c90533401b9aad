#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that wdmoe::MinMaxAllocator needs, as valgrind counts them: what bounds its speed on any machine.

    python3 bench/instructions.py build/bench/bench/core-bench [K ...]

The instances are those of solvers.py. Each is solved 1 and 51 times under `valgrind --tool=callgrind`; the difference is
of 50 solutions without start and input. "log1p": calls of it, one for each Shannon law that is evaluated, and what part of
all instructions it takes.
"""

import argparse
import random
import re
import subprocess
import tempfile
from pathlib import Path

import solvers

RUNS = 50


def count(program, instance, runs):
    """(all instructions, those in log1p, calls of log1p, iterations)"""
    with tempfile.TemporaryDirectory() as folder:
        problem, out = Path(folder) / "problem", Path(folder) / "out"
        problem.write_text(solvers.line(instance) + "\n", encoding="ascii")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no", program,
                   "--instances", str(problem), str(runs)]
        done = subprocess.run(command, check=True, text=True, capture_output=True)
        text = out.read_text(encoding="utf-8", errors="replace")
    everything = int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1])
    calls = inside = 0
    # "cfn=log1p", "calls=N ...", "LINE instructions"
    for found in re.finditer(r"^cfn=log1p\S*\ncalls=(\d+).*\n\S+ (\d+)", text, re.M):
        calls += int(found[1])
        inside += int(found[2])
    return everything, inside, calls, float(done.stdout.split()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the core-bench program")
    parser.add_argument("sizes", type=int, nargs="*", default=[8, 64, 1000])
    args = parser.parse_args()
    print("| K | form | iterations | instructions | for a device and iteration | log1p for a device and iteration | of all instructions |")
    print("|---|---|---|---|---|---|---|")
    for size in args.sizes:
        for coupled in (True, False):
            instance = solvers.draw(random.Random(1000003 + size), size, coupled)
            once, many = count(args.program, instance, 1), count(args.program, instance, 1 + RUNS)
            total, inside, calls = ((b - a) / RUNS for a, b in zip(once[:3], many[:3]))
            each = size * many[3]
            print(f"| {size:,} | {'coupled' if coupled else 'split'} | {many[3]:.0f} | {total:,.0f} | {total / each:,.0f} | "
                  f"{calls / each:.2f} | {inside / total:.0%} |", flush=True)


if __name__ == "__main__":
    main()
