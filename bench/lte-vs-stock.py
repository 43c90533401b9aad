#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs two sides of lte-vs-stock in turn, several times, and prints what ours costs.

    bench/lte-vs-stock.py build/bench/lte-vs-stock [--runs 5] [--devices=8 ...]
    bench/lte-vs-stock.py build/bench/lte-vs-stock --scenario [--requests=3 ...]

Without --scenario both cells carry the same constant rates by ns-3's applications. With it our
applications serve requests on our cell, and ns-3's applications send the same messages at the same
times on the stock cell. The stock cell has ns-3's proportional fair scheduler; another one by
--scheduler=ns3::RrFfMacScheduler. What is not an option here is one of the program: see lte-vs-stock --help.
"""

import argparse
import json
import statistics
import subprocess
import tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("program", help="the program lte-vs-stock")
parser.add_argument("--runs", type=int, default=5, help="runs of each side")
parser.add_argument("--scenario", action="store_true", help="ours with our applications")
arguments, options = parser.parse_known_args()


def run(cell, traffic, *more):
    """Returns the line of JSON of one run, which is the last that the program prints."""
    command = [arguments.program, f"--cell={cell}", f"--traffic={traffic}", *options, *more]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


KEYS = ("simulated_s", "bytes", "events", "wall_s", "cpu_s", "peak_kib")
results = {"wdmoe": [], "stock": []}
with tempfile.TemporaryDirectory() as folder:
    for _ in range(arguments.runs):
        if arguments.scenario:
            schedule = f"--schedule={folder}"
            ours = run("wdmoe", "scenario", schedule)
            stock = run("stock", "replay", schedule, f"--seconds={ours['simulated_s']!r}")
        else:
            ours = run("wdmoe", "udp")
            stock = run("stock", "udp")
        results["wdmoe"].append(ours)
        results["stock"].append(stock)

print(f"{'median of ' + str(arguments.runs):14}" + "".join(f"{key:>14}" for key in KEYS))
medians = {}
for cell, runs in results.items():
    medians[cell] = {key: statistics.median(run[key] for run in runs) for key in KEYS}
    print(f"{cell:14}" + "".join(f"{medians[cell][key]:14.7g}" for key in KEYS))
ratios = {key: medians["wdmoe"][key] / medians["stock"][key] for key in KEYS}
print(f"{'wdmoe / stock':14}" + "".join(f"{ratios[key]:14.4f}" for key in KEYS))
