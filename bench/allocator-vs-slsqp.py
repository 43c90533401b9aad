#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only
"""The min-max allocator and SciPy's SLSQP on the same instances, side by side.

  python3 bench/allocator-vs-slsqp.py BUILD/bench/core-bench        (needs numpy and scipy)

SLSQP gets the usual epigraph form: minimise T subject to t_k(x) <= T and the budgets, with
analytic gradients, scaled variables (shares of the budgets, T over T of the equal split), started
from the equal split, ftol 1e-9. Where it does not finish in 120 s it is left out, and said so.
"""

import argparse
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.optimize import minimize

LIMIT_S = 120


class TooSlow(Exception):
    pass


def draw(rng, count, coupled):
    """All devices busy both ways; half LINEAR, half SHANNON without a cap: smooth for SLSQP."""
    devices = []
    for _ in range(count):
        laws = []
        for _ in range(2):
            if rng.random() < 0.5:
                laws.append(("L", float(f"{rng.uniform(0.2, 7):.4g}")))
            else:
                laws.append(("S", float(f"{10 ** rng.uniform(6, 9):.4g}")))
        devices.append((65536 * rng.randint(1, 200), 65536 * rng.randint(1, 200),
                        float(f"{rng.uniform(0, 0.5):.4g}"), *laws))
    return coupled, 1e6 * count, 1e6 * count, devices


def line(instance):
    coupled, down_hz, up_hz, devices = instance
    text = [f"{d[0]}/{d[1]}/{d[2]}/" + "/".join(
        f"L{value}" if kind == "L" else f"S{value},inf,1" for kind, value in d[3:])
        for d in devices]
    return f"{'c' if coupled else 's'} {down_hz:.0f} {up_hz:.0f} 0 {';'.join(text)}"


def ours(program, instances):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("\n".join(map(line, instances)) + "\n")
        file.flush()
        out = subprocess.run([program, "--instances", file.name], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return [tuple(map(float, row.split())) for row in out.splitlines()]


class Legs:
    """bits / R(B) of all devices in one direction, with gradient."""

    def __init__(self, bits, laws):
        self.bits = np.array(bits, float)
        self.linear = np.array([kind == "L" for kind, _ in laws])
        self.value = np.array([value for _, value in laws])

    def time(self, b):
        v = self.value / b
        nats = np.log1p(v)
        rate = np.where(self.linear, self.value * b, b * nats / math.log(2))
        change = np.where(self.linear, self.value, (nats - v / (1 + v)) / math.log(2))
        t = self.bits / rate
        return t, -t * change / rate


def slsqp(instance):
    """(T of the feasible point reached, seconds, iterations)"""
    coupled, down_hz, up_hz, devices = instance
    count = len(devices)
    down = Legs([d[0] for d in devices], [d[3] for d in devices])
    up = Legs([d[1] for d in devices], [d[4] for d in devices])
    compute = np.array([d[2] for d in devices])
    blocks = 1 if coupled else 2

    def times(z):
        x = z[:count] * down_hz
        y = x if coupled else z[count:2 * count] * up_hz
        td, gd = down.time(x)
        tu, gu = up.time(y)
        return compute + td + tu, gd * down_hz, gu * (down_hz if coupled else up_hz)

    start = np.full(blocks * count + 1, 1 / count)
    start[-1] = 1
    unit = times(start)[0].max()
    begin = time.perf_counter()

    def slack(z):
        if time.perf_counter() - begin > LIMIT_S:
            raise TooSlow
        return z[-1] - times(z)[0] / unit

    rows = np.arange(count)

    def slack_gradient(z):
        _, gd, gu = times(z)
        jacobian = np.zeros((count, z.size))
        jacobian[rows, rows] = -gd / unit
        jacobian[rows, rows if coupled else rows + count] -= gu / unit
        jacobian[:, -1] = 1
        return jacobian

    budget = np.zeros((blocks, start.size))
    for i in range(blocks):
        budget[i, i * count:(i + 1) * count] = -1
    goal = np.zeros(start.size)
    goal[-1] = 1
    result = minimize(
        lambda z: z[-1], start, jac=lambda z: goal, method="SLSQP",
        bounds=[(1e-9, 1)] * (start.size - 1) + [(0, None)],
        constraints=[{"type": "ineq", "fun": slack, "jac": slack_gradient},
                     {"type": "ineq", "fun": lambda z: 1 + budget @ z, "jac": lambda z: budget}],
        options={"ftol": 1e-9, "maxiter": 1000})
    seconds = time.perf_counter() - begin
    z = result.x
    for i in range(blocks):
        z[i * count:(i + 1) * count] /= max(1, z[i * count:(i + 1) * count].sum())
    return times(z)[0].max(), seconds, result.nit


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the core-bench program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 64, 1000, 100000])
    parser.add_argument("--runs", type=int, default=10, help="instances for each small K")
    args = parser.parse_args()

    print(f"{'K':>7} {'form':>8} {'ours':>12} {'SLSQP':>12} {'ratio':>9} {'our gap':>9} "
          f"{'SLSQP above ours (median, worst)':>34}")
    for count in args.sizes:
        for coupled in (True, False):
            rng = random.Random(args.seed * 1000003 + count)
            runs = args.runs if count <= 64 else 1
            instances = [draw(rng, count, coupled) for _ in range(runs)]
            solved = ours(args.program, instances)
            best = statistics.median(s for _, _, s in solved)
            gap = max(g for _, g, _ in solved)
            head = f"{count:7} {'coupled' if coupled else 'split':>8} {best * 1e6:9.1f} us"
            if count > 5000:
                print(f"{head} {'not tried':>12} {'':9} {gap:9.1e}   (its matrices: "
                      f"{8e-9 * count * count * (1 if coupled else 2):.0f} GB and more)")
                continue
            try:
                other = [slsqp(i) for i in instances]
            except TooSlow:
                print(f"{head} {'> 120 s':>12} {'>' + format(LIMIT_S / best, '.2g'):>9} {gap:9.1e}")
                continue
            seconds = statistics.median(s for _, s, _ in other)
            excess = [o[0] / s[0] - 1 for o, s in zip(other, solved)]
            print(f"{head} {seconds * 1e3:9.2f} ms {seconds / best:9.0f} {gap:9.1e} "
                  f"{statistics.median(excess):17.1e} {max(excess):16.1e}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
