#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The relaxed problem of wdmoe::QualityBound against an independent solver.

With linear laws, and where a token has one pair to lose, the relaxation (fractions of pairs may be dropped, each
machine is a budget of bandwidth x time, each device alone keeps the deadline) is a linear program in the dropped
fractions for each deadline. This builds it from its definition in model/core/wdmoe-quality-bound.h, without looking at
how the C++ code gets there, and has HiGHS solve it:

    WDMOE_QUALITY_BOUND_DUMP=/tmp/instances.jsonl build/wdmoe-test-runner --suite=wdmoe-quality-bound
    python3 test/reference/quality-bound-reference.py /tmp/instances.jsonl

For each instance it looks whether the deadline that the bound excludes is excluded (a little below the bound the least
loss is above the floor), and whether a little above it is not. Prints the worst relative differences; fails if the
bound is above the optimum of the relaxed problem, or not within 1e-6 of it in most (where machines of several
cells share the weight, the search for it is not exact; the bound holds all the same). Instances in which a device may lose
all of its pairs are counted and left out: fixed costs that go with the last pair are no linear program.
"""

import json
import sys

import numpy as np
from scipy.optimize import linprog


def relaxed(instance):
    """A function: deadline to the least loss, infinite if it cannot be kept; None where a device may lose all."""
    experts = instance["experts"]
    gate = np.array(instance["gate"]).reshape(-1, experts)
    devices = instance["devices"]
    size = len(devices)
    device_of = np.arange(experts) % size
    top = np.argsort(-gate, axis=1, kind="stable")[:, :2]
    weights = np.take_along_axis(gate, top, axis=1)
    token = weights.sum(axis=1)
    total = np.zeros(size)
    for e in top.ravel():
        total[device_of[e]] += 1
    eligible = [j for j in range(len(gate)) if weights[j, 1] <= instance["max_token_loss"] * token[j] * (1 + 1e-12)]
    stays = [set() for _ in devices]
    droppable = np.zeros(size)
    for j, row in enumerate(top):
        stays[device_of[row[0]]].add(row[0])
        if j in set(eligible):
            droppable[device_of[row[1]]] += 1
        else:
            stays[device_of[row[1]]].add(row[1])
    if np.any((droppable == total) & (total > 0)):
        return None
    pairs = len(eligible)
    where = np.array([device_of[top[j, 1]] for j in eligible], dtype=int)
    alone, shared = [], []

    def at_most(per_pair, constant):
        """constant + sum over devices of per_pair x (total - dropped) <= T"""
        (shared if np.count_nonzero(per_pair) > 1 else alone).append((per_pair, constant))

    only = np.eye(size)
    head, tail, last = np.zeros(size), np.zeros(size), np.zeros(size)
    for k, d in enumerate(devices):
        cell, down, up, down_bits, up_bits, down_batch, up_batch, down_fixed, asks, up_fixed = d[:10]
        pair_s, read_s, move_s, launch_s = d[10:]
        if total[k] == 0:
            continue
        down_hz, up_hz, _ = instance["cells"][cell]
        down_s, down_0 = down_bits / (down * down_hz), down_batch / (down * down_hz)
        up_s, up_0 = up_bits / (up * up_hz), up_batch / (up * up_hz)
        used = max(len(stays[k]), 1)
        compute = [(pair_s, launch_s * used), (move_s, (read_s + launch_s) * used)]
        one = max(pair_s, read_s + move_s) + launch_s
        last[k] = up_s + up_0 + up_fixed
        head[k] = down_s + down_0 + down_fixed + one + asks
        tail[k] = down_fixed + one + last[k]
        for per, fixed in compute:
            if instance["pieces"] == 1:
                at_most(only[k] * (down_s + per + up_s), down_0 + down_fixed + fixed + asks + up_0 + up_fixed)
            else:
                at_most(only[k] * per, down_s + down_0 + down_fixed + fixed + last[k])
        if instance["pieces"] > 1:
            at_most(only[k] * down_s, down_0 + tail[k])
            at_most(only[k] * up_s, head[k] + up_0 + up_fixed)
    for c, (down_hz, up_hz, half) in enumerate(instance["cells"]):
        mine = [k for k in range(size) if devices[k][0] == c and total[k] > 0]
        if not mine:
            continue
        needs, fixed = [np.zeros(size), np.zeros(size)], [0.0, 0.0]
        for k in mine:
            d = devices[k]
            for direction, hz in enumerate((down_hz, up_hz)):
                needs[direction][k] = d[3 + direction] / (d[1 + direction] * hz)
                fixed[direction] += d[5 + direction] / (d[1 + direction] * hz)
        least_tail = min(tail[k] for k in mine)
        least_end = min(devices[k][9] for k in mine)
        if half:
            at_most(needs[0] + needs[1], sum(fixed) + min(least_tail, least_end))
        else:
            at_most(needs[0], fixed[0] + least_tail)
            at_most(needs[1], fixed[1] + least_end + min(head[k] for k in mine))
    loss = np.array([weights[j, 1] for j in eligible]) / token.sum()

    def least_loss(deadline):
        """Whole pairs where a device alone has to keep the deadline, fractions where devices share."""
        least = np.zeros(size)
        for per_pair, constant in alone:
            for k in np.flatnonzero(per_pair):
                least[k] = max(least[k], np.ceil(total[k] - (deadline - constant) / per_pair[k] - 1e-9))
        if np.any(least > droppable) or any(not np.any(p) and c > deadline for p, c in alone):
            return np.inf
        matrix = [[-per_pair[where[i]] for i in range(pairs)] for per_pair, _ in shared]
        limit = [deadline - constant - float(np.dot(per_pair, total)) for per_pair, constant in shared]
        for k in np.flatnonzero(least):
            matrix.append([-float(where[i] == k) for i in range(pairs)])
            limit.append(-least[k])
        if not matrix or pairs == 0:
            return 0.0 if all(v >= 0 for v in limit) else np.inf
        # a scale that the solver's absolute tolerances are far below
        scale = 1 / max(np.abs(matrix).max(), 1e-300)
        solved = linprog(
            loss,
            A_ub=np.array(matrix) * scale,
            b_ub=np.array(limit) * scale,
            bounds=[(0, 1)] * pairs,
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        return solved.fun if solved.success else np.inf

    return least_loss


def main():
    compared = left_out = 0
    above = below = gap = 0.0
    near = 0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            instance = json.loads(line)
            least_loss = relaxed(instance)
            if least_loss is None:
                left_out += 1
                continue
            compared += 1
            bound = instance["lower_bound_s"]
            most = instance["max_lost"]
            # what the bound says cannot be kept, and what it could be without
            for step in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1):
                if least_loss(bound * (1 - step)) > most * (1 - 1e-9):
                    break
                above = max(above, step)
            for step in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1):
                if least_loss(bound * (1 + step)) <= most * (1 + 1e-9):
                    break
                below = max(below, step)
            else:
                raise RuntimeError("the bound is far below the optimum")
            near += step <= 1e-6
            if instance["latency_s"] < bound * (1 - 1e-9):
                raise RuntimeError("the answer is better than its bound")
            gap = max(gap, instance["latency_s"] / bound - 1)
    print(
        f"{compared} instances, {left_out} left out; the bound is above the optimum of the relaxed problem by less "
        f"than {max(10 * above, 1e-7):.0e}, below it by less than {max(10 * below, 1e-7):.0e}, within 1e-6 of it in "
        f"{near}; the answer is above it by {gap:.2g} at most"
    )
    return 0 if compared > 0 and above == 0 and near >= 0.85 * compared else 1


if __name__ == "__main__":
    sys.exit(main())
