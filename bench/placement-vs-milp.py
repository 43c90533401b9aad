#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe::PlacementSolver against HiGHS (scipy.optimize.milp) on small random problems, each solved exactly by both.

    g++ -std=c++20 -O2 -I model/core bench/placement-problems.cc model/core/wdmoe-placement.cc -o placement-problems
    python bench/placement-vs-milp.py ./placement-problems [COUNT] [SEED]
"""

import json
import subprocess
import sys

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix


def make(p):
    """(objective, constraints, integrality, upper) of the problem: x[i,e,k], used[s,i,k], T[s,i]."""
    I, E, K, S = p["blocks"], p["experts"], len(p["pairS"]), len(p["weight"])
    load = np.array(p["load"]).reshape(S, I, E)
    air = np.array(p["airS"]).reshape(-1, K)
    nx, nu = I * E * K, S * I * K
    n = nx + nu + S * I
    x = lambda i, e, k: (i * E + e) * K + k
    u = lambda s, i, k: nx + (s * I + i) * K + k
    t = lambda s, i: nx + nu + s * I + i
    cost = np.zeros(n)
    for s in range(S):
        for i in range(I):
            cost[t(s, i)] = p["weight"][s]
    for j, held in enumerate(map(int, p["current"])):
        for k in range(K):
            if k != held:
                cost[j * K + k] = p["moveWeight"] * p["moveS"][k]
    rows, low, high = [], [], []

    def add(entries, lowest, highest):
        rows.append(entries)
        low.append(lowest)
        high.append(highest)

    for i in range(I):
        for e in range(E):
            add({x(i, e, k): 1 for k in range(K)}, 1, 1)
    if p["expertBytes"] > 0:
        for k in range(K):
            add({x(i, e, k): 1 for i in range(I) for e in range(E)}, 0, p["memoryBytes"][k] / p["expertBytes"])
    for s in range(S):
        for i in range(I):
            for r in range(len(air)):
                entries = {x(i, e, k): -load[s, i, e] * air[r, k] for e in range(E) for k in range(K)}
                add({**entries, t(s, i): 1}, 0, np.inf)
            for k in range(K):
                own = lambda e: load[s, i, e] * p["pairS"][k] + p["expertS"][k] if load[s, i, e] > 0 else 0
                add({**{x(i, e, k): -own(e) for e in range(E)}, u(s, i, k): -p["fixedS"][k], t(s, i): 1}, 0, np.inf)
                for e in range(E):
                    if load[s, i, e] > 0:
                        add({x(i, e, k): -1, u(s, i, k): 1}, 0, np.inf)
    matrix = lil_matrix((len(rows), n))
    for row, entries in enumerate(rows):
        for column, value in entries.items():
            matrix[row, column] = value
    upper = np.ones(n)
    upper[nx + nu :] = np.inf
    whole = np.zeros(n)
    whole[:nx] = 1
    return cost, LinearConstraint(matrix.tocsr(), low, high), whole, Bounds(np.zeros(n), upper)


def point(p):
    """Our placement as variables of make()."""
    I, E, K, S = p["blocks"], p["experts"], len(p["pairS"]), len(p["weight"])
    load, air = np.array(p["load"]).reshape(S, I, E), np.array(p["airS"]).reshape(-1, K)
    at = np.array(p["placement"], dtype=int).reshape(I, E)
    x, u, t = np.zeros((I, E, K)), np.zeros((S, I, K)), np.zeros((S, I))
    for i in range(I):
        for e in range(E):
            x[i, e, at[i, e]] = 1
    for s in range(S):
        for i in range(I):
            own = np.zeros(K)
            for e in np.flatnonzero(load[s, i]):
                k = at[i, e]
                own[k] += load[s, i, e] * p["pairS"][k] + p["expertS"][k] + (0 if u[s, i, k] else p["fixedS"][k])
                u[s, i, k] = 1
            t[s, i] = max([own.max(), *((load[s, i] * row[at[i]]).sum() for row in air)])
    return np.concatenate([x.ravel(), u.ravel(), t.ravel()])


def main():
    program, count, seed = (sys.argv + ["1000", "1"])[1:4] if len(sys.argv) < 4 else sys.argv[1:4]
    lines = subprocess.run([program, "small", count, seed], capture_output=True, text=True, check=True).stdout
    worst, infeasible, unproven, wrong, presolved = 0.0, 0, 0, 0, 0
    for number, line in enumerate(lines.splitlines()):
        p = json.loads(line)
        cost, constraints, whole, bounds = make(p)
        found = milp(cost, constraints=constraints, integrality=whole, bounds=bounds, options={"mip_rel_gap": 0})
        if p["status"] == "INFEASIBLE":
            infeasible += 1
            wrong += found.status != 2
            continue
        unproven += p["status"] != "OPTIMAL"
        if found.status != 0:
            wrong += 1
            print(f"problem {number}: HiGHS says {found.message}, we {p['status']}")
            continue
        ours = point(p)
        row = constraints.A @ ours
        broken = max(np.max(constraints.lb - row), np.max(row - constraints.ub), 0)
        if broken > 1e-9 or abs(cost @ ours - p["objectiveS"]) > 1e-9 * max(p["objectiveS"], 1e-9):
            wrong += 1
            print(f"problem {number}: our placement breaks its constraints by {broken}, or is worth {cost @ ours}")
            continue
        if p["objectiveS"] < found.fun * (1 - 1e-5):
            # a point that HiGHS's own model admits is better than its "optimum": its presolve is at fault if it
            # finds ours without
            presolved += 1
            found = milp(
                cost,
                constraints=constraints,
                integrality=whole,
                bounds=bounds,
                options={"mip_rel_gap": 0, "presolve": False},
            )
            print(f"problem {number}: HiGHS with presolve is above a feasible point; without: {found.fun}")
        gap = (p["objectiveS"] - found.fun) / max(found.fun, 1e-9)
        worst = max(worst, abs(gap))
        # HiGHS keeps constraints to 1e-6
        if abs(gap) > 1e-5 or p["lowerBoundS"] > found.fun * (1 + 1e-5):
            wrong += 1
            print(f"problem {number}: HiGHS {found.fun}, we {p['objectiveS']}, bound {p['lowerBoundS']}")
    print(
        f"{count} problems: worst relative difference {worst:.2e}, {infeasible} infeasible by both, "
        f"{unproven} not proven here, {presolved} where HiGHS's presolve is wrong, {wrong} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
