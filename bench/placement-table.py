#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Which device holds which expert: static, by popularity, migrating; while what is asked changes its domain.

    bench/placement-table.py PROGRAM_FOLDER [--settings A,B] [--seeds N] [--jobs N] [--out FILE.csv]
    bench/placement-table.py --rows FILE.csv

Each seed is a drop of 8 devices that serve requests of OLMoE's sizes and recorded gates, of one domain (arXiv) first and of
another (GitHub) from a third of the requests on; or, with --logs INTENT.csv TRANSLATION.csv, of DeepSeek-V2-Lite's sizes and gate
logs, whose domains share few of their busiest experts (deepseek-ai/ESFT; `python -m wdmoe.convert_gates LOG.npz LOG.csv`). All policies plan over time, so that they differ in placement only; bytes of weights
that move go over the same air. Printed is the change of block latency against expert e on device e mod K in the same drop, exp(mean x) - 1 of
x = log(mean latency / static's), with Student's 95 % interval over drops: of all blocks, of those before the change, and of the last
third of the requests, when moves have had their time. Where memory is tight a device can hold few experts beyond its share.
"""

import argparse
import concurrent.futures
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from scipy.stats import t

REQUESTS = 36
LONG = "four times as many requests"
LOGS = ["--model=deepseek-v2-lite", "the logs' gates"]
TIGHT = ["--weightBits=16"]
LOOSE = ["--weightBits=4"]
SETTINGS = {
    "ideal, memory tight": ["--radio=ideal", *TIGHT],
    "ideal, memory loose": ["--radio=ideal", *LOOSE],
    "ideal, memory loose, devices walk at 3 m/s": ["--radio=ideal", *LOOSE, "--speed=3"],
    "ideal, DeepSeek's logs": ["--radio=ideal", *LOOSE, *LOGS],
    "ideal, DeepSeek's logs, four times as long": ["--radio=ideal", *LOOSE, *LOGS, LONG],
    "LTE, memory tight": ["--radio=lte", *TIGHT],
    "LTE, memory loose": ["--radio=lte", *LOOSE],
    "LTE, memory loose, devices walk at 3 m/s": ["--radio=lte", *LOOSE, "--speed=3"],
    "LTE, DeepSeek's logs": ["--radio=lte", *LOOSE, *LOGS],
}
STATIC = "static"
POLICIES = {STATIC: "scheduled-fp16-topk", "by popularity": "placed", "migrating": "migrating"}
FIELDS = ("setting", "seed", "policy", "all_s", "before_s", "after_s", "energy_j", "moves", "moves_back", "migrated_mb")


def run(folder, logs, setting, seed, name):
    """One row of FIELDS."""
    policy = POLICIES[name]
    requests = REQUESTS * (4 if LONG in SETTINGS[setting] else 1)
    change = requests // 3
    domains = logs if LOGS[1] in SETTINGS[setting] else ("recorded:arxiv", "recorded:github")
    options = [option for option in SETTINGS[setting] if option not in (LONG, LOGS[1])]
    options += [f"--requests={requests}", "--maxOutputTokens=1", f"--gates=0={domains[0]},{change}={domains[1]}"]
    with tempfile.TemporaryDirectory() as out:
        command = [str(folder / "wdmoe-placement"), f"--policies={policy}", f"--RngRun={seed}", f"--out={out}"]
        command += options
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        entry = json.loads((Path(out) / "summary.json").read_text(encoding="utf-8"))["policies"][policy]
        with open(Path(out) / "blocks.csv", encoding="utf-8", newline="") as file:
            blocks = [(int(row["request"]), float(row["latency_s"])) for row in csv.DictReader(file)]
    order = sorted({request for request, _ in blocks})
    place = {request: number for number, request in enumerate(order)}
    mean = lambda first, last: statistics.fmean(s for request, s in blocks if first <= place[request] < last)
    return {
        "setting": setting,
        "seed": seed,
        "policy": name,
        "all_s": mean(0, len(order)),
        "before_s": mean(0, change),
        "after_s": mean(2 * change, len(order)),
        "energy_j": (entry.get("energy_j") or {}).get("per_token"),
        "moves": entry.get("moves", 0),
        "moves_back": entry.get("moves_back", 0),
        "migrated_mb": 1e-6 * entry.get("migrated_bytes", 0),
    }


def percent(logs):
    mean = statistics.fmean(logs)
    half = t.ppf(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else 0
    return f"{100 * math.expm1(mean):+.1f} ({100 * math.expm1(mean - half):+.1f}, {100 * math.expm1(mean + half):+.1f})"


def report(rows):
    columns = ("setting", "placement", "drops", "all blocks, %", "before the change", "last third", "energy")
    columns += ("last third against by popularity", "moves", "back", "MB moved")
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    by = {(row["setting"], row["policy"], row["seed"]): row for row in rows}
    for setting in SETTINGS:
        for name in POLICIES:
            seeds = [s for s in sorted({row["seed"] for row in rows}) if all((setting, n, s) in by for n in POLICIES)]
            if not seeds or name == STATIC:
                continue
            cells = []
            for key in ("all_s", "before_s", "after_s", "energy_j"):
                pairs = [(by[setting, name, s][key], by[setting, STATIC, s][key]) for s in seeds]
                cells.append(percent([math.log(mine / other) for mine, other in pairs]) if all(map(all, pairs)) else "")
            once = [math.log(by[setting, name, s]["after_s"] / by[setting, "by popularity", s]["after_s"]) for s in seeds]
            cells.append(percent(once) if name == "migrating" else "")
            for key in ("moves", "moves_back", "migrated_mb"):
                cells.append(f"{statistics.fmean(by[setting, name, s][key] for s in seeds):.0f}")
            print(f"| {setting} | {name} | {len(seeds)} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=Path, nargs="?", help="folder of wdmoe-placement")
    parser.add_argument("--settings", help="parts of names of settings, separated by commas; all without")
    parser.add_argument("--logs", type=Path, nargs=2, help="gate logs of two domains, for the settings of DeepSeek's")
    parser.add_argument("--seeds", type=int, default=10, help="number of drops")
    parser.add_argument("--first", type=int, default=4, help="RngRun of the first drop: the defaults were chosen with 1 to 3")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, help="rows of all simulations, CSV")
    parser.add_argument("--rows", type=Path, help="simulate nothing: the table of such a file")
    args = parser.parse_args()
    if args.rows:
        with open(args.rows, encoding="utf-8", newline="") as file:
            texts = ("setting", "policy")
            rows = [{k: v if k in texts else int(v) if k == "seed" else float(v or 0) for k, v in row.items()} for row in csv.DictReader(file)]
        report(rows)
        return
    if not args.programs:
        parser.error("name the folder of the programs, or --rows")
    parts = args.settings.split(",") if args.settings else [""]
    chosen = [name for name in SETTINGS if any(part in name for part in parts) and (args.logs or "logs" not in name)]
    seeds = range(args.first, args.first + args.seeds)
    jobs = [(setting, seed, name) for setting in reversed(chosen) for seed in seeds for name in POLICIES]
    rows, failed = [], 0
    file = open(args.out, "w", encoding="utf-8", newline="") if args.out else None
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n") if file else None
    if writer:
        writer.writeheader()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(run, args.programs, args.logs, *job) for job in jobs]):
            try:
                rows.append(future.result())
            except RuntimeError as error:
                failed += 1
                print(error, file=sys.stderr)
                continue
            if writer:
                writer.writerow(rows[-1])
                file.flush()
    report(rows)
    if failed:
        sys.exit(f"{failed} of {len(jobs)} simulations failed")


if __name__ == "__main__":
    main()
