#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Latency against quality: every selection policy swept over its knob, over drops of devices.

    bench/pareto.py PROGRAM_FOLDER [--settings A,B] [--seeds N] [--jobs N] [--out FILE.csv] [--pictures FOLDER]
    bench/pareto.py --rows FILE.csv [--pictures FOLDER]

Each seed is a drop of 8 devices. In each drop all policies serve the same blocks (a prefill of 64 tokens through four blocks of the
model; of a real model, whole requests), on the same plan over time (ns3::WdmoeScheduledAllocator with early grants), so that
they differ in selection only. A block's latency is compared with plain top-k's in the same drop: exp(mean x) - 1 of x =
log(latency / top-k's), with Student's 95 % interval over drops. The tables read each curve at 99, 95 and 90 % of top-k's gate mass, and
where a real model serves at 99.8, 99.5 and 99 % of its quality in bits per byte: between the two next points (straight in log latency), for
each drop apart; "-" where a curve does not get there in most drops.
"""

import argparse
import concurrent.futures
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import t

# One prefill, of sizes only; whole requests of the real model, since what it answers is judged.
SIZED = ["--requestFile=poisson", "--requests=1", "--maxPromptTokens=64", "--maxOutputTokens=1", "--blocks=4"]
REAL = ["--model=wdmoe-lm-base", "--requests=12", "--timeScale=6"]
BALANCED = ["--model=mixtral-8x7b"]
SKEWED = ["--model=deepseek-v2-lite", "--gates=synthetic"]
LTE = ["--minDistance=30", "--maxDistance=150"]
WIFI = ["--bandwidth=40"]
SETTINGS = {
    "ideal, Mixtral-like gates": ("wdmoe-ideal", [*SIZED, *BALANCED]),
    "ideal, DeepSeek-like gates": ("wdmoe-ideal", [*SIZED, *SKEWED]),
    "LTE, Mixtral-like gates": ("wdmoe-lte", [*SIZED, *BALANCED, *LTE]),
    "LTE, DeepSeek-like gates": ("wdmoe-lte", [*SIZED, *SKEWED, *LTE]),
    "Wi-Fi, Mixtral-like gates": ("wdmoe-wifi", [*SIZED, *BALANCED, *WIFI]),
    "Wi-Fi, DeepSeek-like gates": ("wdmoe-wifi", [*SIZED, *SKEWED, *WIFI]),
    "ideal, real model": ("wdmoe-ideal", REAL),
    "LTE, real model": ("wdmoe-lte", [*REAL, *LTE]),
}

FIELDS = ("setting", "seed", "curve", "knob", "latency_s", "gate_mass_kept", "energy_j", "bits_per_byte", "exact_match")
MASSES = (0.99, 0.95, 0.90)
# the same of a real model: bits per byte of plain top-k over those of a policy
BITS = (0.998, 0.995, 0.99)
BASE = ("top-k", "all")
OURS = "QualityBound"
COLOURS = ("#000000", "#D55E00", "#F4A582", "#8B1A1A", "#E69F00", "#CC79A7", "#56B4E9", "#0072B2", "#009E73", "#6A51A3", "#999999")
MARKERS = "osD^vPX*<>h"


def plan(selector, **settings):
    """A policy: this selector on a plan over time."""
    text = f"ns3::Wdmoe{selector}Selector+ns3::WdmoeScheduledAllocator:controller.EarlyGrants=true"
    return text + "".join(f":selector.{name}={value}" for name, value in settings.items())


def curves(top_k):
    """Curve -> {knob: policy}, for a model of that top-k."""
    losses = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
    return {
        BASE[0]: {BASE[1]: plan("TopK"), **{f"k = {k}": plan("TopK", K=k) for k in range(1, top_k)}},
        OURS: {f"lost {x}": plan("QualityBound", MaxLostMass=x, MaxTokenLoss=1, Average="Run") for x in losses},
        f"{OURS}, each block": {f"lost {x}": plan("QualityBound", MaxLostMass=x, MaxTokenLoss=1) for x in losses},
        f"{OURS}, any expert": {
            f"lost {x}": plan("QualityBound", MaxLostMass=x, MaxTokenLoss=1, Average="Run", Candidates=64) for x in losses
        },
        f"{OURS}, no token loses over 0.1": {
            f"lost {x}": plan("QualityBound", MaxLostMass=x, MaxTokenLoss=0.1) for x in losses[:6]
        },
        "Wlr (Algorithm 1)": {f"gain {x}": plan("Wlr", Gain=x) for x in (1, 1.01, 1.03, 1.05, 1.1, 1.2, 1.4)},
        "Bottleneck (Algorithm 2)": {f"lost {x}": plan("Bottleneck", MaxLostMass=x, Bottlenecks=0) for x in losses},
        "Des": {f"floor {x}": plan("Des", Floor=x) for x in (0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6)},
        "Sift": {f"error {x}": plan("Sift", MaxError=x) for x in (0.01, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)},
        "ChannelAware": {f"strength {x}": plan("ChannelAware", Strength=x) for x in (0.1, 0.2, 0.5, 1, 1.5, 2, 4)},
        "Random": {f"keep {x}": plan("Random", Keep=x) for x in (0.95, 0.9, 0.8, 0.6, 0.4, 0.2)},
    }


def run(folder, setting, seed, curve, knob, policy):
    """One row of FIELDS."""
    program, options = SETTINGS[setting]
    with tempfile.TemporaryDirectory() as out:
        command = [str(folder / program), f"--policies={policy}", f"--RngRun={seed}", f"--out={out}", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        summary = json.loads((Path(out) / "summary.json").read_text(encoding="utf-8"))
        with open(Path(out) / "blocks.csv", encoding="utf-8", newline="") as file:
            blocks = list(csv.DictReader(file))
    entry = summary["policies"][policy]
    tokens = [int(block["tokens"]) for block in blocks]
    quality = entry.get("capability") or {}
    return {
        "setting": setting,
        "seed": seed,
        "curve": curve,
        "knob": knob,
        "latency_s": math.exp(np.mean([math.log(float(block["latency_s"])) for block in blocks])),
        "gate_mass_kept": np.average([float(block["gate_mass_kept"]) for block in blocks], weights=tokens),
        "energy_j": (entry.get("energy_j") or {}).get("per_token"),
        "bits_per_byte": quality.get("bits_per_byte"),
        "exact_match": quality.get("exact_match"),
    }


def interval(logs):
    """Mean change and its interval from logarithms of ratios: (mean, low, high)."""
    mean = float(np.mean(logs))
    half = t.ppf(0.975, len(logs) - 1) * np.std(logs, ddof=1) / math.sqrt(len(logs)) if len(logs) > 1 else 0
    return math.expm1(mean), math.expm1(mean - half), math.expm1(mean + half)


def percent(logs):
    mean, low, high = interval(logs)
    return f"{100 * mean:+.1f} ({100 * low:+.1f}, {100 * high:+.1f})"


def read_at(points, mass):
    """Log latency of one drop's curve at a gate mass; None where it does not reach it.

    Of what a policy can be set to, the fastest that keeps that much counts: the lower envelope, straight between points."""
    points = sorted(points)
    above = [y for x, y in points if x >= mass]
    if not above:
        return None
    best = min(above)
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x0 < mass <= x1:
            best = min(best, y0 + (y1 - y0) * (mass - x0) / (x1 - x0))
    return best if points[0][0] <= mass else None


def table(rows, setting, key, levels, label):
    """Prints one setting: change of latency against top-k where that much of a quality is kept."""
    mine = [row for row in rows if row["setting"] == setting]
    # of a real model, drops in which no text was asked for say nothing of bits
    base = {row["seed"]: row for row in mine if (row["curve"], row["knob"]) == BASE and row[key] is not None}
    kept = lambda row: row[key] if key == "gate_mass_kept" else base[row["seed"]][key] / row[key]
    names = list(dict.fromkeys(row["curve"] for row in mine))
    at = {name: {level: {} for level in levels} for name in names}
    for name in names:
        for seed in base:
            points = [
                (kept(row), math.log(row["latency_s"] / base[seed]["latency_s"]))
                for row in mine
                if row["curve"] == name and row["seed"] == seed
            ]
            points += [(1.0, 0.0)]  # every one of them can be set to do what top-k does
            for level in levels:
                value = read_at(points, level)
                if value is not None:
                    at[name][level][seed] = value
    print(f"\n### {setting}, {label} ({len(base)} drops)\n")
    print("| policy | " + " | ".join(f"at {100 * level:g} %: latency, % | against {OURS}, %" for level in levels) + " |")
    print("|---|" + "---|" * (2 * len(levels)))
    for name in names:
        cells = []
        for level in levels:
            values = at[name][level]
            both = [seed for seed in values if seed in at.get(OURS, {}).get(level, {})]
            enough = len(values) > len(base) / 2
            cells.append(percent(list(values.values())) if enough else "-")
            against = [values[seed] - at[OURS][level][seed] for seed in both]
            cells.append(percent(against) if enough and name != OURS and len(both) > 1 else "")
        print(f"| {name} | " + " | ".join(cells) + " |")


def points_of(rows, setting, key):
    """Curve -> [(mean of key, change of latency, low, high)] by knob."""
    mine = [row for row in rows if row["setting"] == setting]
    base = {row["seed"]: row for row in mine if (row["curve"], row["knob"]) == BASE}
    found = {}
    for row in mine:
        found.setdefault(row["curve"], {}).setdefault(row["knob"], []).append(row)
    curves_of = {}
    for name, knobs in found.items():
        for of in knobs.values():
            of = [row for row in of if row["seed"] in base and row[key] is not None]
            if not of:
                continue
            logs = [math.log(row["latency_s"] / base[row["seed"]]["latency_s"]) for row in of]
            curves_of.setdefault(name, []).append((float(np.mean([row[key] for row in of])), *interval(logs)))
    return curves_of


def draw(rows, folder):
    """pareto-gate-mass.png, pareto-real-model.png, pareto-energy.png"""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pictures = {
        "pareto-gate-mass": ("gate_mass_kept", "gate mass kept (%)", 100),
        "pareto-real-model": ("bits_per_byte", "bits per byte (lower is better)", 1),
        "pareto-energy": ("energy_j", "energy (J for a token)", 1),
    }
    for name, (key, label, factor) in pictures.items():
        settings = [s for s in SETTINGS if any(row["setting"] == s and row[key] is not None for row in rows)]
        if not settings:
            continue
        columns = min(2, len(settings))
        lines = math.ceil(len(settings) / columns)
        figure, axes = pyplot.subplots(lines, columns, figsize=(5 * columns, 3.4 * lines + 1), squeeze=False, layout="constrained")
        for axis in axes.flat[len(settings) :]:
            axis.axis("off")
        handles = {}
        for axis, setting in zip(axes.flat, settings):
            for number, (curve, points) in enumerate(points_of(rows, setting, key).items()):
                x, y, low, high = (np.array(column) for column in zip(*sorted(points)))
                ours = curve == OURS
                style = {"color": COLOURS[number % 11], "marker": MARKERS[number % 11], "zorder": 3 if ours else 2}
                line = axis.errorbar(
                    factor * x, 100 * y, yerr=100 * np.abs([y - low, high - y]), markersize=4, capsize=2,
                    linewidth=2 if ours else 1, label=curve, **style,
                )
                handles.setdefault(curve, line)
            seeds = len({row["seed"] for row in rows if row["setting"] == setting})
            axis.set_title(f"{setting}, {seeds} drops", fontsize=9)
            axis.set_xlabel(label, fontsize=8)
            axis.set_ylabel("block latency against top-k (%)", fontsize=8)
            axis.tick_params(labelsize=8)
            axis.grid(color="#DDDDDD", linewidth=0.6)
            if key == "gate_mass_kept":
                shown = [y for points in points_of(rows, setting, key).values() for x, y, *_ in points if x >= 0.78]
                axis.set_ylim(100 * min(shown) - 4, 100 * max(shown) + 3)
                axis.set_xlim(100.5, 78)
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
        pyplot.close(figure)


def parse(row):
    texts = ("setting", "curve", "knob")
    return {key: value if key in texts else int(value) if key == "seed" else float(value) if value else None for key, value in row.items()}


def simulate(args, chosen):
    top_k = {True: 6, False: 2}  # of DeepSeek-V2-Lite, and of the others
    jobs = [
        (setting, seed, curve, knob, policy)
        for setting in chosen
        for seed in range(1, args.seeds + 1)
        for curve, knobs in curves(top_k["DeepSeek" in setting]).items()
        for knob, policy in knobs.items()
    ]
    # the long ones first, so that no core waits at the end
    jobs.sort(key=lambda job: ("ideal" in job[0], job[1]))
    rows, failed = [], {}
    file = open(args.out, "w", encoding="utf-8", newline="") if args.out else None
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n") if file else None
    if writer:
        writer.writeheader()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(run, args.programs, *job): job for job in jobs}
        for future in concurrent.futures.as_completed(futures):
            try:
                rows.append(future.result())
            except RuntimeError as error:
                failed.setdefault(futures[future][2:4], str(error))
                continue
            if writer:
                writer.writerow(rows[-1])
                file.flush()
    for (curve, knob), error in failed.items():
        print(f"{curve}, {knob}: {error}", file=sys.stderr)
    return rows, len(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=Path, nargs="?", help="folder of wdmoe-ideal, wdmoe-lte, wdmoe-wifi")
    parser.add_argument("--settings", help="parts of names of settings, separated by commas; all without")
    parser.add_argument("--seeds", type=int, default=10, help="number of drops")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, help="rows of all simulations, CSV")
    parser.add_argument("--rows", type=Path, nargs="+", help="simulate nothing: tables and pictures of such files")
    parser.add_argument("--pictures", type=Path, help="folder for the pictures")
    args = parser.parse_args()
    failed = 0
    if args.rows:
        rows = []
        for path in args.rows:
            with open(path, encoding="utf-8", newline="") as file:
                rows += [parse(row) for row in csv.DictReader(file)]
        rows.sort(key=lambda row: row["seed"])
        order = list({**curves(2), **curves(6)})
        rows.sort(key=lambda row: order.index(row["curve"]))
    else:
        if not args.programs:
            parser.error("name the folder of the programs, or --rows")
        parts = args.settings.split(",") if args.settings else [""]
        chosen = [name for name in SETTINGS if any(part in name for part in parts)]
        rows, failed = simulate(args, chosen)
        order = list({**curves(2), **curves(6)})
        rows.sort(key=lambda row: (order.index(row["curve"]), row["seed"]))
    for setting in SETTINGS:
        if any(row["setting"] == setting for row in rows):
            table(rows, setting, "gate_mass_kept", MASSES, "of top-k's gate mass kept")
        if any(row["setting"] == setting and row["bits_per_byte"] for row in rows):
            table(rows, setting, "bits_per_byte", BITS, "bits per byte of top-k over those of the policy")
    if args.pictures:
        draw(rows, args.pictures)
    if failed:
        sys.exit(f"{failed} policies failed")


if __name__ == "__main__":
    main()
