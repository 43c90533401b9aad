#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Des against exact solvers on the same instances: HiGHS (scipy.optimize.milp) and, where installed, OR-tools CP-SAT.

    selectors-bench --instances 1000 --experts 8 --topk 2 > small.jsonl
    selectors-bench --instances 1000 > any.jsonl
    python bench/des-vs-milp.py small.jsonl any.jsonl

For each file: the worst relative difference of the optimal costs, and median times for one token. A solver's answer
counts with the cost and the mass that its set really has, since solvers meet constraints within a tolerance only: HiGHS
within 1e-6, so where its set lacks mass it is asked again for 2e-6 more than the floor, and CP-SAT within its integers,
1e-12 of mass and 1e-9 of the largest cost.
"""

import json
import statistics
import sys
import time

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

try:
    from ortools.sat.python import cp_model
except ImportError:
    cp_model = None

NEAR = 2e-12  # Des counts a floor as met within 1e-12


def by_highs(weight, cost, need, most):
    """Returns the chosen set, and seconds."""
    unit = cost.max()
    start = time.perf_counter()
    result = milp(
        cost / unit,
        constraints=[LinearConstraint(weight, need, np.inf), LinearConstraint(np.ones(len(cost)), 1, most)],
        bounds=Bounds(0, (weight > 0).astype(float)),
        integrality=np.ones(len(cost)),
        options={"mip_rel_gap": 0},
    )
    seconds = time.perf_counter() - start
    return (None if result.x is None else np.round(result.x).astype(bool)), seconds


def by_cp_sat(weight, cost, need, most):
    """Returns the chosen set, and seconds: with the model built, of the solver alone."""
    start = time.perf_counter()
    model = cp_model.CpModel()
    x = [model.NewBoolVar("") for _ in cost]
    units = np.rint(cost / cost.max() * 1e9).astype(int).tolist()
    masses = np.rint(weight * 1e12).astype(int).tolist()
    model.Add(sum(m * v for m, v in zip(masses, x)) >= int(np.rint(need * 1e12)))
    model.AddLinearConstraint(sum(x), 1, most)
    model.Minimize(sum(u * v for u, v in zip(units, x)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.Solve(model)
    seconds = time.perf_counter() - start
    chosen = None if status != cp_model.OPTIMAL else np.array([solver.Value(v) for v in x], dtype=bool)
    return chosen, seconds, solver.WallTime()


def judge(path):
    """Returns (worst gap, solver -> how much more Des costs, solver -> median s) of a file; prints what there is."""
    worst = {"HiGHS": 0.0, "CP-SAT": 0.0}
    better = {"HiGHS": 0, "CP-SAT": 0}
    times = {"Des": [], "HiGHS": [], "CP-SAT": [], "CP-SAT, solving alone": []}
    infeasible = 0
    count = 0
    with open(path) as lines:
        for line in lines:
            one = json.loads(line)
            count += 1
            weight, cost = np.array(one["weight"]), np.array(one["cost"])
            base = np.sort(weight)[::-1][: one["k"]].sum() if one["relative"] else 1.0
            need = one["floor"] * base
            mine = [int(e) for e in one["expert"] if e >= 0]
            if one["unproven"]:
                raise SystemExit(f"{path}:{count}: not proven")
            reach = np.sort(weight)[::-1][: one["k"]].sum()
            if (reach < need * (1 - NEAR)) != bool(one["infeasible"]):
                raise SystemExit(f"{path}:{count}: wrongly called {'in' if one['infeasible'] else ''}feasible")
            if one["infeasible"]:
                infeasible += 1
                continue
            if weight[mine].sum() < need * (1 - NEAR) or not 1 <= len(mine) <= one["k"]:
                raise SystemExit(f"{path}:{count}: Des breaks a constraint")
            times["Des"].append(one["call_s"])
            own = cost[mine].sum()

            found, seconds = by_highs(weight, cost, need, one["k"])
            times["HiGHS"].append(seconds)
            if found is None or weight[found].sum() < need * (1 - NEAR):
                found, _ = by_highs(weight, cost, need + 2e-6, one["k"])
            answers = {"HiGHS": found}
            if cp_model:
                answers["CP-SAT"], seconds, alone = by_cp_sat(weight, cost, need, one["k"])
                times["CP-SAT"].append(seconds)
                times["CP-SAT, solving alone"].append(alone)
            for name, chosen in answers.items():
                if chosen is None or weight[chosen].sum() < need * (1 - NEAR):
                    continue  # within its tolerance no answer to this problem
                other = cost[chosen].sum()
                gap = (own - other) / other
                better[name] += gap < -1e-9
                worst[name] = max(worst[name], gap)
    print(f"{path}: {count} instances, {infeasible} of them cannot meet their floor, and Des says so")
    for name, gap in worst.items():
        if times[name]:
            print(f"  Des costs at most {gap:.1e} more than {name}, relative, and less in {better[name]} instances")
    for name, values in times.items():
        if values:
            middle = statistics.median(values)
            print(f"  {name:22} {middle * 1e6:12.2f} us, {middle / statistics.median(times['Des']):10,.0f} x Des")
    return max(worst.values()), worst, {name: statistics.median(values) for name, values in times.items() if values}


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    if max([judge(path)[0] for path in sys.argv[1:]]) > 1e-9:
        raise SystemExit("Des is not optimal")


if __name__ == "__main__":
    main()
