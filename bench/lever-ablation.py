#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Each lever alone and left out: scheduling, early grants, micro-batches, selection, precision, overlap of requests.

    bench/lever-ablation.py PROGRAM [--model wdmoe-lm-base] [--seeds N] [--jobs N] [--load light|heavy]

PROGRAM is wdmoe-lte. A real model answers --requests requests in each of N drops of 8 devices. Medians over the requests of a
drop (request latency, time to first token, time per output token) are compared with the better of ns3::RrFfMacScheduler
and ns3::PfFfMacScheduler serving top-2 in fp16 in the same drop: exp(mean x) - 1 of x = log(median / best stock), with
Student's 95 % interval over drops. Quality is compared with the unperturbed model on the same items. At a light load
requests hardly wait for one another; at a heavy one they queue.
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

PF = "radio.Scheduler=ns3::PfFfMacScheduler"
BOUND = "ns3::WdmoeQualityBoundSelector"
STOCK = "ns3::WdmoeStockAllocator"
PRICED = "precision=ns3::WdmoePricedPrecision"
RR = "topk-stock@rr"
POLICIES = {
    "stock proportional fair": "topk-stock",
    "stock round robin": RR,
    "alone: MCS of narrow grants": "topk-shared",
    "alone: micro-batches (4)": "topk-stock:allocator.MicroBatches=4",
    "alone: selection": f"{BOUND}+{STOCK}:{PF}",
    "alone: precision": f"topk-stock:{PRICED}",
    "alone: overlap of two requests": "topk-stock:server.MaxInFlight=2",
    "alone: scheduling (with micro-batches and early grants)": "scheduled-fp16-topk",
    "scheduling without early grants": "scheduled-fp16-topk:controller.EarlyGrants=false",
    "all": "scheduled",
    "all but scheduling": f"{BOUND}+{STOCK}:{PF}:{PRICED}:server.MaxInFlight=2",
    "all but early grants": "scheduled:controller.EarlyGrants=false",
    "all but micro-batches": "scheduled:allocator.MaxPieces=1",
    "all but selection": "scheduled:selector.MaxTokenLoss=0",
    "all but precision": "scheduled:precision=ns3::WdmoeFixedPrecision",
    "all but overlap": "scheduled:server.MaxInFlight=1",
}
LOADS = {"light": "--timeScale=6", "heavy": "--timeScale=1"}
METRICS = {"request": "request_latency_s", "TTFT": "ttft_s", "TPOT": "tpot_s"}
FIELDS = ("policy", "seed", *METRICS, "bits_per_byte", "exact_match", "free_exact_match", "kl_bits_per_token", "dropped")


def run(program, model, load, requests, seed, policy):
    """One row of FIELDS."""
    with tempfile.TemporaryDirectory() as out:
        name = policy.removesuffix("@rr")
        command = [str(program), f"--model={model}", f"--policies={name}", f"--RngRun={seed}", f"--out={out}", LOADS[load]]
        command.append(f"--requests={requests}")
        if policy != name:
            command.append("--stock=ns3::RrFfMacScheduler")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        result = json.loads((Path(out) / "summary.json").read_text(encoding="utf-8"))["policies"][name]
    quality = result["capability"]
    row = {"policy": policy, "seed": seed, "dropped": quality["pairs_dropped_share"]}
    row.update({metric: result[key]["p50"] for metric, key in METRICS.items()})
    row.update({key: quality[key] for key in FIELDS[5:9]})
    return row


def change(logs):
    """Mean change and its interval from logarithms of ratios, as text."""
    mean = statistics.fmean(logs)
    text = f"{100 * math.expm1(mean):+.1f} %"
    if len(logs) > 1:
        try:
            from scipy.stats import t

            quantile = t.ppf(0.975, len(logs) - 1)
        except ImportError:
            quantile = 1.96 + 2.4 / (len(logs) - 1)  # within 2 % from 8 values on
        half = quantile * statistics.stdev(logs) / math.sqrt(len(logs))
        text += f" ({100 * math.expm1(mean - half):+.1f} to {100 * math.expm1(mean + half):+.1f})"
    return text


def report(rows):
    """Print the table."""
    by = {(row["policy"], row["seed"]): row for row in rows}
    policies = {row["policy"] for row in rows}
    seeds = sorted(s for s in {row["seed"] for row in rows} if all((policy, s) in by for policy in policies))
    print(f"{len(seeds)} drops\n")
    print("| policy | " + " | ".join(f"{metric} p50 | against best stock" for metric in METRICS), end=" | ")
    print("pairs dropped | bits per byte | exact match | free running | KL, bits a token |")
    print("|---|" + "---|" * (2 * len(METRICS) + 5))
    for name, policy in POLICIES.items():
        mine = [seed for seed in seeds if (policy, seed) in by]
        if not mine:
            continue
        cells = []
        for metric in METRICS:
            best = {s: min(by[p, s][metric] for p in ("topk-stock", RR) if (p, s) in by) for s in mine}
            cells.append(f"{1e3 * statistics.median(by[policy, s][metric] for s in mine):.0f} ms")
            cells.append(change([math.log(by[policy, s][metric] / best[s]) for s in mine]))
        of = lambda key, p=policy: [by[p, s][key] for s in mine if by[p, s][key] is not None]
        cells.append(f"{100 * statistics.fmean(of('dropped')):.1f} %")
        base = of("bits_per_byte", "topk-stock")
        cells.append(change([math.log(a / b) for a, b in zip(of("bits_per_byte"), base)]))
        for key in ("exact_match", "free_exact_match"):
            cells.append(f"{100 * statistics.fmean(of(key)):.1f} %")
        cells.append(f"{statistics.fmean(of('kl_bits_per_token')):.4f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="wdmoe-lte")
    parser.add_argument("--model", default="wdmoe-lm-base")
    parser.add_argument("--seeds", type=int, default=20, help="number of drops")
    parser.add_argument("--requests", type=int, default=12)
    parser.add_argument("--policies", help="parts of shown names, separated by commas: only those (stock is always there)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--load", choices=LOADS, default="light")
    parser.add_argument("--out", type=Path, help="rows of all runs, CSV")
    parser.add_argument("--rows", type=Path, help="simulate nothing: the table of such a CSV")
    args = parser.parse_args()
    if args.rows:
        with open(args.rows, encoding="utf-8", newline="") as file:
            rows = [
                {key: value if key == "policy" else float(value) if value else None for key, value in row.items()}
                for row in csv.DictReader(file)
            ]
        report(rows)
        return
    parts = args.policies.split(",") if args.policies else [""]
    chosen = [
        policy
        for name, policy in POLICIES.items()
        if name.startswith("stock") or any(name.startswith(part) for part in parts)
    ]
    jobs = [(seed, policy) for seed in range(1, args.seeds + 1) for policy in chosen]
    rows = []
    failed = 0
    file = writer = None
    if args.out:
        file = open(args.out, "w", encoding="utf-8", newline="")
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(run, args.program, args.model, args.load, args.requests, *job) for job in jobs]
        for future in concurrent.futures.as_completed(futures):
            try:
                rows.append(future.result())
                if writer:
                    writer.writerow(rows[-1])
                    file.flush()
            except RuntimeError as error:
                failed += 1
                print(error, file=sys.stderr)
    report(rows)
    if failed:
        sys.exit(f"{failed} of {len(jobs)} simulations failed")


if __name__ == "__main__":
    main()
