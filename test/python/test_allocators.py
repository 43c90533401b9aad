# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Proportional fair, least total latency and least energy, against solvers that others wrote.

The C++ suite wdmoe-allocators writes 1,000 instances of each with our answers and certified bounds. SciPy's SLSQP
solves them all again in epigraph form, from the equal split; CVXPY with Clarabel, an exact conic solver, every tenth of
them where it is installed. What they find is scaled into the budgets and priced by the rate laws here, so that a sloppy
solver cannot look better than it is.

  WDMOE_BIN=BUILD/bin python -m pytest test/python/test_allocators.py -s        (prints the worst gaps)
"""

import json
import os
import subprocess

import numpy as np
import pytest

scipy_optimize = pytest.importorskip("scipy.optimize")

LN2 = np.log(2)
EVERY = int(os.environ.get("WDMOE_EVERY", "1"))  # only each so many-th instance, for a quick look


@pytest.fixture(scope="module")
def instances(cpp_tests, tmp_path_factory):
    file = tmp_path_factory.mktemp("allocators") / "instances.jsonl"
    environment = {**os.environ, "WDMOE_DUMP_ALLOCATIONS": str(file)}
    subprocess.run([cpp_tests, "--suite=wdmoe-allocators"], check=True, env=environment, stdout=subprocess.DEVNULL)
    found = {}
    with open(file) as lines:
        for line in lines:
            instance = json.loads(line)
            found.setdefault(instance["kind"], []).append(instance)
    return found


class Legs:
    """All transfers of an instance: part, direction, variable of the share, law."""

    def __init__(self, instance):
        self.parts = instance["parts"]
        legs = []
        carry = []
        for i, part in enumerate(self.parts):
            for way in range(2):
                if part["bits"][way] > 0:
                    legs.append((i, way))
                    carry.append((i, 0 if instance["coupled"] else way))
        self.shares = sorted(set(carry))
        self.var = np.array([self.shares.index(c) for c in carry], int)
        self.pool = np.array([way for _, way in self.shares], int)
        self.part = np.array([i for i, _ in legs], int)
        self.way = np.array([way for _, way in legs], int)
        hz = instance["hz"]
        self.hz = np.array([hz[0] if instance["coupled"] else hz[way] for _, way in legs])
        self.bits = np.array([self.parts[i]["bits"][way] for i, way in legs], float)
        self.prices = np.array([self.parts[i]["price"][way] for i, way in legs], float)
        laws = [self.parts[i]["laws"][way] for i, way in legs]
        self.linear = np.array([law["linear"] for law in laws], bool)
        cap = np.array([law["efficiency"] for law in laws], float)
        self.cap = np.where(cap < 0, np.inf, cap)
        self.gain = np.array([law["gain"] for law in laws], float)
        self.scale = np.array([law["scale"] for law in laws], float)

    def curved(self, x):
        """a B log2(1 + G / B) and its slope over the share."""
        b = x[self.var] * self.hz
        v = self.gain / b
        nats = np.log1p(v)
        return self.scale * b * nats / LN2, self.scale * self.hz * (nats - v / (1 + v)) / LN2

    def rate(self, x):
        straight = self.cap * x[self.var] * self.hz
        return np.where(self.linear, straight, np.minimum(straight, self.curved(x)[0]))

    def fit(self, x):
        x = np.maximum(x, 1e-12)
        for pool in set(self.pool):
            x[self.pool == pool] /= x[self.pool == pool].sum()
        return x

    def start(self):
        return self.fit(np.ones(len(self.shares)))

    def price(self, x, instance):
        """The true objective of what a solver found, to be made small. Times are convex in the shares: what is late by
        a solver's tolerance is mixed with as much of the fastest split as makes it be in time."""
        x = self.fit(x)
        found = self.price_of(x, instance)
        if np.isfinite(found):
            return found
        hz = instance["hz"]
        fast = np.array([self.parts[i]["fast"][way] / hz[way] for i, way in self.shares])
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            late = np.isinf(self.price_of(x + middle * (fast - x), instance))
            low, high = (middle, high) if late else (low, middle)
        return self.price_of(x + high * (fast - x), instance) if high < 0.1 else np.inf

    def price_of(self, x, instance):
        """The objective of shares within the budgets, infinite if late."""
        rate = self.rate(x)
        if instance["kind"] == "fair":
            return -float(np.sum(self.prices * np.log(rate)))
        times = self.bits / rate
        ends = [part["c"] for part in self.parts]
        for i, t in zip(self.part, times):
            ends[i] += t
        if instance["kind"] == "energy":
            busy = set(self.part)
            late = any(ends[i] > instance["deadline"] * (1 + 1e-15) for i in busy)
            return np.inf if late else float(np.sum(self.prices * times))
        return sum(
            weight * max((e for e, part in zip(ends, self.parts) if part["group"] == g), default=0)
            for g, weight in enumerate(instance["weight"])
        )


def by_slsqp(instance, legs, start):
    """Epigraph form: shares x, rates r (over a unit), ends T; smooth, whatever the caps."""
    n, m = len(legs.shares), len(legs.var)
    groups = len(instance["weight"])
    unit = legs.rate(start)
    times = legs.bits / unit
    c = np.array([part["c"] for part in legs.parts])
    ends = c.copy()
    np.add.at(ends, legs.part, times)
    unit_s = max(ends.max(), 1e-9) if instance["kind"] == "latency" else max(instance["deadline"], 1e-9)
    of_group = np.array([part["group"] for part in legs.parts])
    first = np.array([max(ends[of_group == g].max(initial=0), 1e-12) for g in range(groups)]) / unit_s
    scale = legs.price_of(start, instance)
    scale = max(abs(scale), 1e-12) if np.isfinite(scale) else float(np.sum(legs.prices * times))
    weight = np.array(instance["weight"])

    def split(z):
        return z[:n], z[n:n + m], z[n + m:]

    def objective(z):
        x, r, t = split(z)
        gradient = np.zeros_like(z)
        if instance["kind"] == "fair":
            gradient[n:n + m] = -legs.prices / r / legs.prices.sum()
            return -np.sum(legs.prices * np.log(r)) / legs.prices.sum(), gradient
        if instance["kind"] == "energy":
            gradient[n:n + m] = -legs.prices * times / r**2 / scale
            return np.sum(legs.prices * times / r) / scale, gradient
        gradient[n + m:] = weight * unit_s / scale
        return np.sum(weight * t) * unit_s / scale, gradient

    busy = sorted(set(legs.part)) if instance["kind"] != "fair" else []
    groups_only = [] if groups == 0 else range(len(legs.parts))
    rows = list(groups_only) if instance["kind"] == "latency" else list(busy)
    straight = np.flatnonzero(np.isfinite(legs.cap))
    curved = np.flatnonzero(~legs.linear)
    pools = sorted(set(legs.pool))

    def constraints(z):
        x, r, t = split(z)
        time = times / r / unit_s
        ends = c / unit_s
        np.add.at(ends, legs.part, time)
        limit = t[of_group] if instance["kind"] == "latency" else np.full(len(c), instance["deadline"] / unit_s)
        value = [1 - x[legs.pool == p].sum() for p in pools]
        value += list((legs.cap * x[legs.var] * legs.hz / unit - r)[straight])
        value += list((legs.curved(x)[0] / unit - r)[curved])
        value += [limit[i] - ends[i] for i in rows]
        return np.array(value)

    def slopes(z):
        x, r, t = split(z)
        jacobian = []
        for p in pools:
            row = np.zeros_like(z)
            row[:n][legs.pool == p] = -1
            jacobian.append(row)
        curve = legs.curved(x)[1]
        for which, slope in ((straight, legs.cap * legs.hz), (curved, curve)):
            for j in which:
                row = np.zeros_like(z)
                row[legs.var[j]] = slope[j] / unit[j]
                row[n + j] = -1
                jacobian.append(row)
        for i in rows:
            row = np.zeros_like(z)
            for j in np.flatnonzero(legs.part == i):
                row[n + j] = times[j] / r[j] ** 2 / unit_s
            if instance["kind"] == "latency":
                row[n + m + of_group[i]] = 1
            jacobian.append(row)
        return np.array(jacobian)

    z0 = np.concatenate([start, np.ones(m), first])
    result = scipy_optimize.minimize(
        objective, z0, jac=True, method="SLSQP", bounds=[(1e-9, 1)] * n + [(1e-9, None)] * (m + groups),
        constraints={"type": "ineq", "fun": constraints, "jac": slopes}, options={"ftol": 1e-12, "maxiter": 400},
    )
    return legs.price(result.x[:n].copy(), instance) if np.all(np.isfinite(result.x)) else np.inf


def by_clarabel(instance, legs, cvxpy):
    x = cvxpy.Variable(len(legs.shares), nonneg=True)
    start = legs.start()
    unit = legs.rate(start)
    times = legs.bits / unit
    ends = np.array([part["c"] for part in legs.parts])
    np.add.at(ends, legs.part, times)
    unit_s = max(ends.max(), 1e-9)
    r = cvxpy.Variable(len(legs.var), pos=True)
    conditions = [cvxpy.sum(x[np.flatnonzero(legs.pool == p)]) <= 1 for p in set(legs.pool)]
    for j, v in enumerate(legs.var):
        if np.isfinite(legs.cap[j]):
            conditions.append(r[j] <= legs.cap[j] * legs.hz[j] / unit[j] * x[v])
        if not legs.linear[j]:
            # x ln(1 + g / x) = -rel_entr(x, x + g)
            factor = legs.scale[j] * legs.hz[j] / LN2 / unit[j]
            conditions.append(r[j] <= -factor * cvxpy.rel_entr(x[v], x[v] + legs.gain[j] / legs.hz[j]))
    if instance["kind"] == "fair":
        goal = cvxpy.Maximize(legs.prices @ cvxpy.log(r) / legs.prices.sum())
    else:
        time = cvxpy.multiply(times / unit_s, cvxpy.inv_pos(r))
        end = {i: part["c"] / unit_s for i, part in enumerate(legs.parts)}
        for j, i in enumerate(legs.part):
            end[i] = end[i] + time[j]
        if instance["kind"] == "energy":
            conditions += [end[i] <= instance["deadline"] / unit_s for i in set(legs.part)]
            goal = cvxpy.Minimize(legs.prices @ time / max(float(legs.prices @ times) / unit_s, 1e-12))
        else:
            t = cvxpy.Variable(len(instance["weight"]))
            conditions += [end[i] <= t[part["group"]] for i, part in enumerate(legs.parts)]
            goal = cvxpy.Minimize(np.array(instance["weight"]) @ t)
    problem = cvxpy.Problem(goal, conditions)
    try:
        problem.solve(solver="CLARABEL", tol_gap_rel=1e-10, tol_gap_abs=1e-10, tol_feas=1e-10)
    except cvxpy.error.SolverError:
        return np.inf
    return legs.price(np.array(x.value), instance) if x.value is not None else np.inf


def relative(theirs, ours, instance, legs):
    """How much worse theirs is than ours; utilities are logarithms."""
    if instance["kind"] == "fair":
        return (theirs - ours) / legs.prices.sum()
    return theirs / ours - 1


def judge(kind, name, gaps):
    gaps = np.array(gaps)
    finished = gaps[np.isfinite(gaps)]
    print(f"\n{kind}, {name}: {gaps.size} instances, {finished.size} solved; ours is better by up to {finished.max():.2e} "
          f"(median {np.median(finished):.2e}), worse by at most {max(0, -finished.min()):.2e}")
    assert finished.size > 0.9 * gaps.size
    assert finished.min() > -1e-8, "someone found a better one"
    assert np.median(finished) < 1e-6, "the other solver does not solve the same problem"
    assert np.quantile(finished, 0.9) < 1e-3


def ours(instance):
    return -instance["answer"] if instance["kind"] == "fair" else instance["answer"]


@pytest.mark.parametrize("kind", ["fair", "latency", "energy"])
def test_against_slsqp(instances, kind):
    assert len(instances[kind]) >= 1000
    gaps = []
    for instance in instances[kind][::EVERY]:
        legs = Legs(instance)
        if not legs.shares or legs.prices.max() == 0 == len(instance["weight"]):
            continue
        start = legs.start()
        theirs = by_slsqp(instance, legs, start)
        gaps.append(relative(theirs, ours(instance), instance, legs))
    judge(kind, "SLSQP", gaps)


@pytest.mark.parametrize("kind", ["fair", "latency", "energy"])
def test_against_clarabel(instances, kind):
    cvxpy = pytest.importorskip("cvxpy")
    if "CLARABEL" not in cvxpy.installed_solvers():
        pytest.skip("CVXPY has no Clarabel here")
    gaps = []
    for instance in instances[kind][:: 10 * EVERY]:
        legs = Legs(instance)
        if legs.shares and (legs.prices.max() > 0 or instance["weight"]):
            gaps.append(relative(by_clarabel(instance, legs, cvxpy), ours(instance), instance, legs))
    judge(kind, "CVXPY with Clarabel", gaps)
