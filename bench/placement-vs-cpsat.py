#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe::PlacementSolver against OR-tools CP-SAT at equal time, on the same machine one after the other.

    g++ -std=c++20 -O2 -I model/core bench/placement-problems.cc model/core/wdmoe-placement.cc -o placement-problems
    python bench/placement-vs-cpsat.py ./placement-problems [SEEDS] [WORKERS] [LEAST SECONDS]

This solver (one thread) gets restarts, 60 at first, four times as many as long as it takes less than a tenth of LEAST
SECONDS; CP-SAT as long as it took the last time, but at least LEAST SECONDS, and WORKERS threads. Its numbers are
whole: times are rounded to 1/10^7 of the largest, and its answer is valued with the real ones. Since it found no placement
of some of these problems alone, it is given one as a hint, by a plain greedy rule (the heaviest expert of a block goes
where its block ends soonest, among devices with room), with the values of all variables: "start" is its objective. The
parts of its presolve that take all the time there is where there are 10^5 variables are off or short: without that it does
not even get to its hint. Then it goes on from this solver's placement for as long again: "from ours" is what it gets to.
"""

import json
import subprocess
import sys

import numpy as np

try:
    from ortools.sat.python import cp_model
except ImportError:
    cp_model = None

# blocks, experts, devices, memory of all devices over that of all experts
CASES = ((32, 8, 8, 8), (32, 8, 8, 1.2), (32, 8, 64, 64), (26, 64, 8, 8), (26, 64, 8, 1.2), (26, 64, 64, 64), (26, 64, 64, 1.2))


def value(p, at):
    """Objective of a placement, s."""
    I, E, K = p["blocks"], p["experts"], len(p["pairS"])
    load, air = np.array(p["load"]).reshape(I, E), np.array(p["airS"]).reshape(-1, K)
    total = 0.0
    for i in range(I):
        own, used = np.zeros(K), np.zeros(K)
        for e in range(E):
            k = at[i * E + e]
            own[k] += load[i, e] * p["pairS"][k] + p["expertS"][k]
            used[k] = 1
        own += used * np.array(p["fixedS"])
        media = [sum(load[i, e] * row[at[i * E + e]] for e in range(E)) for row in air]
        total += max([own.max(), *media])
    return total


def greedy(p):
    """A placement: heaviest experts first, each where its block then ends soonest, among the devices with room."""
    I, E, K = p["blocks"], p["experts"], len(p["pairS"])
    load, air = np.array(p["load"]).reshape(I, E), np.array(p["airS"]).reshape(-1, K)
    pair, expert, fixed = (np.array(p[name]) for name in ("pairS", "expertS", "fixedS"))
    room = np.array(p["memoryBytes"]) / p["expertBytes"]
    own, media, at = np.zeros((I, K)), np.zeros((I, len(air))), np.full(I * E, -1)
    used = np.zeros((I, K), dtype=bool)
    for i, e in sorted(np.ndindex(I, E), key=lambda ie: -load[ie]):
        mine = own[i] + load[i, e] * pair + expert + np.where(used[i], 0, fixed)
        shared = (media[i][:, None] + load[i, e] * air).max(axis=0)
        # of places at which the block ends at the same time, the one that adds least
        k = min(np.flatnonzero(room >= 1), key=lambda k: (max(mine[k], shared[k], own[i].max()), mine[k]))
        own[i, k], used[i, k], at[i * E + e] = mine[k], True, k
        media[i] += load[i, e] * air[:, k]
        room[k] -= 1
    return at.tolist()


def cpsat(p, seconds, workers, start):
    """(objective s or nan, bound s, status) by CP-SAT, from a placement."""
    I, E, K = p["blocks"], p["experts"], len(p["pairS"])
    load, air = np.array(p["load"]).reshape(I, E), np.array(p["airS"]).reshape(-1, K)
    scale = 1e7 / (load.max() * max(p["pairS"]) + max(p["expertS"]) + max(p["fixedS"]))
    whole = lambda seconds: int(round(seconds * scale))
    whole_at = lambda i, row: sum(whole(load[i, e] * row[start[i * E + e]]) for e in range(E))
    model = cp_model.CpModel()
    x = [[[model.new_bool_var("") for _ in range(K)] for _ in range(E)] for _ in range(I)]
    ends = []
    for i in range(I):
        end = model.new_int_var(0, int(1e7) * (E + 1), "")
        for e in range(E):
            model.add_exactly_one(x[i][e])
        for row in air:
            model.add(sum(whole(load[i, e] * row[k]) * x[i][e][k] for e in range(E) for k in range(K)) <= end)
        for k in range(K):
            used = model.new_bool_var("")
            for e in range(E):
                model.add_implication(x[i][e][k], used)
            model.add_hint(used, any(start[i * E + e] == k for e in range(E)))
            own = [whole(load[i, e] * p["pairS"][k] + p["expertS"][k]) * x[i][e][k] for e in range(E)]
            model.add(sum(own) + whole(p["fixedS"][k]) * used <= end)
        hint = [whole_at(i, row) for row in air]
        for k in range(K):
            mine = [e for e in range(E) if start[i * E + e] == k]
            hint.append(sum(whole(load[i, e] * p["pairS"][k] + p["expertS"][k]) for e in mine) + whole(p["fixedS"][k]) * bool(mine))
        model.add_hint(end, max(hint))
        for e in range(E):
            for k in range(K):
                model.add_hint(x[i][e][k], start[i * E + e] == k)
        ends.append(end)
    for k in range(K):
        if p["memoryBytes"][k] < I * E:
            model.add(sum(x[i][e][k] for i in range(I) for e in range(E)) <= int(p["memoryBytes"][k]))
    model.minimize(sum(ends))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    solver.parameters.max_presolve_iterations = 1
    solver.parameters.merge_at_most_one_work_limit = 0
    solver.parameters.find_big_linear_overlap = False
    status = solver.solve(model)
    bound = solver.best_objective_bound / scale
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return float("nan"), bound, solver.status_name(status)
    at = [next(k for k in range(K) if solver.value(x[i][e][k])) for i in range(I) for e in range(E)]
    return value(p, at), bound, solver.status_name(status)


def compare(program, seeds, workers, least, say, cases=CASES):
    """Say the table; returns (how many are worse than CP-SAT's, how many were compared, how many CP-SAT did not place)."""
    say("| blocks x experts on devices | memory | seed | ours, s | bound, s | took, s | start, s | CP-SAT, s | bound, s | got, s | ours / CP-SAT | from ours, s |")
    say("|---|---|---|---|---|---|---|---|---|---|---|---|")
    worse, nothing = 0, 0
    for blocks, experts, devices, share in cases:
        for seed in range(1, seeds + 1):
            restarts, p = 60, {"status": "", "seconds": 0}
            while restarts <= 10**6 and p["status"] != "OPTIMAL" and p["seconds"] < least / 10:
                arguments = [str(a) for a in (blocks, experts, devices, share, seed, restarts, 200000)]
                p = json.loads(subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout)
                restarts *= 4
            at = [int(k) for k in p["placement"]]
            assert abs(value(p, at) - p["objectiveS"]) < 1e-9 * p["objectiveS"], "another objective"
            seconds = max(least, p["seconds"])
            start = greedy(p)
            other, bound, status = cpsat(p, seconds, workers, start)
            further, _, _ = cpsat(p, seconds, workers, at)
            nothing += int(np.isnan(other))
            worse += int(p["objectiveS"] > other * (1 + 1e-6))
            say(
                f"| {blocks} x {experts} on {devices} | {share} | {seed} | {p['objectiveS']:.5f} {p['status']} | "
                f"{p['lowerBoundS']:.5f} | {p['seconds']:.2f} | {value(p, start):.5f} | {other:.5f} {status} | {bound:.5f} | "
                f"{seconds:.1f} | {p['objectiveS'] / other:.4f} | {further:.5f} |"
            )
    return worse, len(cases) * seeds - nothing, nothing


def main():
    if cp_model is None:
        print("placement-vs-cpsat: skipped, OR-tools is not installed (pip install ortools)")
        return
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    workers = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    least = float(sys.argv[4]) if len(sys.argv) > 4 else 10
    worse, compared, nothing = compare(sys.argv[1], seeds, workers, least, lambda text: print(text, flush=True))
    print(f"\nworse than CP-SAT in {worse} of {compared}; in {nothing} more CP-SAT found no placement in that time")


if __name__ == "__main__":
    main()
