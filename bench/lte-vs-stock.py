#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs the two cells of lte-vs-stock in turn, several times, and prints what ours costs.

    bench/lte-vs-stock.py build/bin/lte-vs-stock [--runs 5] [--devices=8 ...]

What is not an option here is one of the program: see lte-vs-stock --help.
"""

import argparse
import json
import statistics
import subprocess

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("program", help="the program lte-vs-stock")
parser.add_argument("--runs", type=int, default=5, help="runs of each cell")
arguments, options = parser.parse_known_args()

KEYS = ("bytes", "events", "wall_s", "cpu_s", "peak_kib")
results = {"stock": [], "wdmoe": []}
for _ in range(arguments.runs):
    for cell, runs in results.items():
        command = [arguments.program, f"--cell={cell}", *options]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        runs.append(json.loads(out))

print(f"{'median of ' + str(arguments.runs):14}" + "".join(f"{key:>14}" for key in KEYS))
medians = {}
for cell, runs in results.items():
    medians[cell] = {key: statistics.median(run[key] for run in runs) for key in KEYS}
    print(f"{cell:14}" + "".join(f"{medians[cell][key]:14.6g}" for key in KEYS))
ratios = {key: medians["wdmoe"][key] / medians["stock"][key] for key in KEYS}
print(f"{'wdmoe / stock':14}" + "".join(f"{ratios[key]:14.4f}" for key in KEYS))
