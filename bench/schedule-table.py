#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a schedule over time gains over splits and over stock schedulers, packet by packet.

    bench/schedule-table.py PROGRAM_FOLDER [--settings A,B] [--seeds N] [--jobs N] [--out FILE.csv]

Each seed is a drop of 8 devices. For each drop every policy serves the same blocks of Mixtral's sizes: two blocks of
a prefill of 128 tokens, and five blocks of a decoding step of 6 tokens, as 6 requests in step would make. A block's
latency is compared with that of the same block under the better of what ns-3 has ("best stock"): on LTE its
round-robin and proportional-fair schedulers, on Wi-Fi EDCA (an access point that sends in order of arrival, with and
without RTS) and its round-robin multi-user scheduler; drops in which these cannot serve a device at all, because it is too weak for an MCS of the
whole band, are counted and left out. Printed are medians over the blocks of all drops, and the change against best stock as
exp(mean x) - 1 over the drops' mean x = log(latency / best stock), with Student's 95 % interval over drops.
"""

import argparse
import concurrent.futures
import csv
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PHASES = {"prefill": ["--maxPromptTokens=128", "--blocks=2"], "decode": ["--maxPromptTokens=6", "--blocks=5"]}
COMMON = ["--requestFile=poisson", "--requests=1", "--maxOutputTokens=1", "--gates=recorded"]
LTE = ["--minDistance=30", "--maxDistance=150"]
# Twice the band at the same power: beyond this many a device is too weak for stock schedulers.
LTE_100 = ["--minDistance=30", "--maxDistance=110", "--rbs=100"]
RR = "topk-stock@rr"

# Name -> program and options.
SETTINGS = {
    "ideal": ("wdmoe-ideal", []),
    "lte-50": ("wdmoe-lte", [*LTE, "--rbs=50"]),
    "lte-100": ("wdmoe-lte", LTE_100),
    "lte-50-fading": ("wdmoe-lte", [*LTE, "--rbs=50", "--fading=Rayleigh"]),
    "lte-50-rrc": ("wdmoe-lte", [*LTE, "--rbs=50", "--ns3::WdmoeLteRadio::IdealRrc=false"]),
    "lte-50-mobility": ("wdmoe-lte", [*LTE, "--rbs=50", "--speed=10"]),
    "lte-50-powercontrol": ("wdmoe-lte", [*LTE, "--rbs=50", "--powerControl=true"]),
    # What the terms of the predictor are worth.
    "lte-50-not-fluid": ("wdmoe-lte", [*LTE, "--rbs=50", "--ns3::WdmoeLearningPredictor::Fluid=false"]),
    "lte-50-no-fixed-cost": ("wdmoe-lte", [*LTE, "--rbs=50", "--ns3::WdmoeLearningPredictor::Fixed=false"]),
    "lte-50-no-scale": ("wdmoe-lte", [*LTE, "--rbs=50", "--ns3::WdmoeLearningPredictor::Scale=false"]),
    "lte-50-closed-form": ("wdmoe-lte", [*LTE, "--rbs=50", "--predictor=ns3::WdmoeClosedFormPredictor"]),
    "lte-100-fading": ("wdmoe-lte", [*LTE_100, "--fading=Rayleigh"]),
    "lte-100-rrc": ("wdmoe-lte", [*LTE_100, "--ns3::WdmoeLteRadio::IdealRrc=false"]),
    "lte-100-mobility": ("wdmoe-lte", [*LTE_100, "--speed=10"]),
    "wifi-20": ("wdmoe-wifi", ["--bandwidth=20"]),
    "wifi-40": ("wdmoe-wifi", ["--bandwidth=40"]),
    "wifi-80": ("wdmoe-wifi", ["--bandwidth=80"]),
}

SCHEDULED = "scheduled-fp16-topk"
LATE = "controller.EarlyGrants=false"
WHOLE = "allocator.MaxPieces=1"
WIDE = "radio.NarrowGrantMcs=false"
# What is shown -> policy; "@rr": with ns-3's round-robin scheduler instead of proportional fair.
POLICIES = {
    "equal split, strict (the paper's vanilla)": "topk-equal",
    "optimal split, strict (the paper)": "topk-allocated-strict",
    "optimal split, leftover lent": "topk-allocated",
    "stock round robin": RR,
    "stock proportional fair": "topk-stock",
    "stock round robin, 4 micro-batches": "topk-stock:allocator.MicroBatches=4@rr",
    "stock proportional fair, 4 micro-batches": "topk-stock:allocator.MicroBatches=4",
    "equal sharing, own MAC, MCS of the whole band": f"topk-shared:{WIDE}",
    "equal sharing, own MAC": "topk-shared",
    "equal sharing, own MAC, 4 micro-batches": "topk-shared:allocator.MicroBatches=4",
    "equal sharing, own MAC, 4 micro-batches, early grants": "topk-shared:allocator.MicroBatches=4:controller.EarlyGrants=true",
    "scheduled, MCS of the whole band": f"{SCHEDULED}:{WHOLE}:{LATE}:{WIDE}",
    "scheduled, MCS of the whole band, micro-batches": f"{SCHEDULED}:{LATE}:{WIDE}",
    "scheduled, MCS of the whole band, micro-batches, early grants": f"{SCHEDULED}:{WIDE}",
    "scheduled, uplink one after another": f"{SCHEDULED}:{WHOLE}:{LATE}:allocator.Uplink=Serial",
    "scheduled": f"{SCHEDULED}:{WHOLE}:{LATE}",
    "scheduled, micro-batches": f"{SCHEDULED}:{LATE}",
    "scheduled, early grants": f"{SCHEDULED}:{WHOLE}",
    "scheduled, micro-batches, early grants": SCHEDULED,
}
RTS = "radio.RtsThreshold=2000"
WIFI_POLICIES = {
    "stock EDCA": "topk-stock",
    "stock EDCA with RTS": f"topk-stock:{RTS}",
    "stock multi-user round robin": RR,
    "stock EDCA, 4 micro-batches": "topk-stock:allocator.MicroBatches=4",
    "stock EDCA with RTS, 4 micro-batches": f"topk-stock:allocator.MicroBatches=4:{RTS}",
    "equal sharing, own MAC": "topk-shared",
    "equal sharing, own MAC, early triggers": "topk-shared:controller.EarlyGrants=true",
    "equal sharing, own MAC, 4 micro-batches, early triggers": "topk-shared:allocator.MicroBatches=4:controller.EarlyGrants=true",
    "optimal split as weights, early triggers": "topk-allocated:controller.EarlyGrants=true",
    "scheduled": f"{SCHEDULED}:{WHOLE}:{LATE}",
    "scheduled, early triggers": f"{SCHEDULED}:{WHOLE}",
    "scheduled, micro-batches, early triggers": SCHEDULED,
}
# What ns-3 has, without a change: the best of these is "best stock".
STOCK = {"wifi": ("topk-stock", f"topk-stock:{RTS}", RR)}
# A simulation that takes longer has hung, s.
HUNG = 540
STOCK_LTE = ("topk-stock", RR)
# TypeId of the scheduler of "@rr", by the setting's first word.
ROUND_ROBIN = {"lte": "ns3::RrFfMacScheduler", "wifi": "ns3::RrMultiUserScheduler"}
IDEAL_LEAVES_OUT = ("@rr", "radio.", "EarlyGrants=true")


def policies_of(setting):
    """Shown name -> policy, of those that mean something there."""
    if setting.startswith("wifi"):
        return WIFI_POLICIES
    if not setting.startswith("ideal"):
        return POLICIES
    return {name: policy for name, policy in POLICIES.items() if not any(part in policy for part in IDEAL_LEAVES_OUT)}


def stock_of(setting):
    """Policies that are stock."""
    return STOCK.get(setting.split("-")[0], STOCK_LTE)


def run(folder, setting, phase, seed, policies):
    """Rows of blocks.csv of one simulation process."""
    program, options = SETTINGS[setting]
    stock = [policy for policy in policies if policy.endswith("@rr")]
    rows = []
    for group, extra in (([p for p in policies if p not in stock], []), (stock, [f"--stock={ROUND_ROBIN.get(setting.split('-')[0])}"])):
        if not group:
            continue
        names = {policy.removesuffix("@rr"): policy for policy in group}
        with tempfile.TemporaryDirectory() as out:
            command = [str(folder / program), *COMMON, *PHASES[phase], *options, *extra]
            command += [f"--policies={','.join(names)}", f"--RngRun={seed}", f"--out={out}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HUNG)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
            with open(Path(out) / "blocks.csv", encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    row.update(policy=names[row["policy"]], setting=setting, phase=phase, seed=seed)
                    rows.append(row)
    return rows


def interval(values):
    """Mean and half of its 95 % interval."""
    if len(values) < 2:
        return values[0], math.nan
    try:
        from scipy.stats import t

        quantile = t.ppf(0.975, len(values) - 1)
    except ImportError:
        quantile = 1.96 + 2.4 / (len(values) - 1)  # within 2 % from 8 values on
    return statistics.fmean(values), quantile * statistics.stdev(values) / math.sqrt(len(values))


def report(rows, setting, out):
    """Print the table of one setting."""
    latency = {}
    error = {}
    for row in rows:
        key = (row["policy"], row["phase"], row["seed"])
        latency.setdefault(key, {})[row["request"], row["pass"], row["block"]] = float(row["latency_s"])
        off = abs(float(row["predicted_s"]) / float(row["latency_s"]) - 1)
        error.setdefault((row["policy"], row["phase"]), []).append(off)
    all_seeds = {row["seed"] for row in rows}
    served = {
        seed
        for seed in all_seeds
        if all(any((p, ph, seed) in latency for p in stock_of(setting)) for ph in {row["phase"] for row in rows})
    }
    lost = len(all_seeds - served)
    print(f"\n### {setting}: {len(served)} drops{f' ({lost} more not served by stock)' if lost else ''}", file=out)
    head = "block | against best stock | blocks won | prediction off"
    print(f"\n| policy | prefill: {head} | decode: {head} |", file=out)
    print("|---|" + "---|" * 8, file=out)
    for name, policy in policies_of(setting).items():
        cells = []
        for phase in PHASES:
            seeds = sorted(seed for p, ph, seed in latency if (p, ph) == (policy, phase) and seed in served)
            if not seeds:
                cells += ["", "", "", ""]
                continue
            logs, every, wins = [], [], 0
            for seed in seeds:
                mine = latency[policy, phase, seed]
                stock = [latency[p, phase, seed] for p in stock_of(setting) if (p, phase, seed) in latency]
                best = {block: min(one[block] for one in stock) for block in mine}
                logs.append(statistics.fmean(math.log(mine[block] / best[block]) for block in mine))
                every += mine.values()
                wins += sum(mine[block] < best[block] for block in mine)
            mean, half = interval(logs)
            low, high = math.expm1(mean - half), math.expm1(mean + half)
            cells += [
                f"{1e3 * statistics.median(every):.1f} ms",
                f"{100 * math.expm1(mean):+.1f} % ({100 * low:+.1f} to {100 * high:+.1f})",
                f"{wins} of {len(every)}",
                f"{100 * statistics.median(error[policy, phase]):.1f} %",
            ]
        print(f"| {name} | " + " | ".join(cells) + " |", file=out, flush=True)
    for phase in PHASES:
        every = sorted(off for (_, ph), offs in error.items() if ph == phase for off in offs)
        if every:
            percentiles = ", ".join(f"p{p} {100 * every[int(p / 100 * (len(every) - 1))]:.1f} %" for p in (50, 95))
            print(f"\nPrediction off by, {phase}, all policies, {len(every)} blocks: {percentiles}.", file=out, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where wdmoe-lte, wdmoe-ideal and wdmoe-wifi are")
    parser.add_argument("--settings", default="ideal,lte-50,wifi-20", help=f"of {', '.join(SETTINGS)}")
    parser.add_argument("--phases", default=",".join(PHASES))
    parser.add_argument("--policies", help="part of a shown name: only those (stock is always there)")
    parser.add_argument("--seeds", type=int, default=20, help="number of drops")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, help="rows of all blocks, CSV")
    parser.add_argument("--rows", type=Path, help="simulate nothing: the tables of such a CSV")
    args = parser.parse_args()
    settings = args.settings.split(",")
    unknown = [setting for setting in settings if setting not in SETTINGS]
    if unknown:
        parser.error(f"unknown setting {unknown[0]}; there are {', '.join(SETTINGS)}")

    if args.rows:
        with open(args.rows, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for setting in SETTINGS:
            mine = [row for row in rows if row["setting"] == setting]
            if mine:
                report(mine, setting, sys.stdout)
        return
    jobs = []
    for seed in range(1, args.seeds + 1):
        for setting in settings:
            for phase in args.phases.split(","):
                for name, policy in policies_of(setting).items():
                    if not args.policies or args.policies in name or policy in stock_of(setting):
                        jobs.append((setting, phase, seed, [policy]))
    rows = []
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(run, args.folder, *job) for job in jobs]
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            try:
                rows += future.result()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(error, file=sys.stderr)
            if done % 50 == 0:
                print(f"{done} of {len(jobs)} simulations", file=sys.stderr, flush=True)
    if args.out and rows:
        with open(args.out, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    for setting in settings:
        mine = [row for row in rows if row["setting"] == setting]
        if mine:
            report(mine, setting, sys.stdout)
    if failed:
        sys.exit(f"{failed} of {len(jobs)} simulations failed")


if __name__ == "__main__":
    main()
