#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The relaxed problem of wdmoe::QualityBound against an independent solver.

With linear laws, and where a token has one pair to lose, the relaxation (fractions of pairs may be dropped, each
machine is a budget of bandwidth x time, each device alone keeps the deadline) is one linear program in the dropped
fractions and the deadline. This builds it from its definition in model/core/wdmoe-quality-bound.h, without looking at
how the C++ code gets there, and has HiGHS solve it:

    WDMOE_QUALITY_BOUND_DUMP=/tmp/instances.jsonl build/wdmoe-test-runner --suite=wdmoe-quality-bound
    python3 test/reference/quality-bound-reference.py /tmp/instances.jsonl

Prints the worst relative differences and fails if the bound is above the optimum of the linear program by more than
1e-7, below it by more than 1e-6, or the rounded answer is below it. Instances in which a device may lose all of its
pairs are counted and left out: fixed costs that go with the last pair are no linear program.
"""

import json
import sys

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix


def relaxed(instance):
    """The optimum of the linear program, s; None where a device may lose all of its pairs."""
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
    rows, columns, values, limit = [], [], [], []

    def at_most(per_pair, constant):
        """constant + sum over devices of per_pair x (total - dropped) <= T"""
        row = len(limit)
        for i in range(pairs):
            if per_pair[where[i]]:
                rows.append(row)
                columns.append(i)
                values.append(-per_pair[where[i]])
        rows.append(row)
        columns.append(pairs)
        values.append(-1)
        limit.append(-constant - float(np.dot(per_pair, total)))

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
    row = len(limit)
    rows += [row] * pairs
    columns += range(pairs)
    values += list(loss)
    limit.append(instance["max_lost"])
    matrix = csr_matrix((values, (rows, columns)), shape=(len(limit), pairs + 1))
    cost = np.zeros(pairs + 1)
    cost[-1] = 1
    bounds = [(0, 1)] * pairs + [(0, None)]
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    solved = linprog(cost, A_ub=matrix, b_ub=limit, bounds=bounds, method="highs", options=options)
    if not solved.success:
        raise RuntimeError(solved.message)
    return solved.fun


def main():
    compared = left_out = 0
    above = below = rounded = gap = 0.0
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            instance = json.loads(line)
            optimum = relaxed(instance)
            if optimum is None:
                left_out += 1
                continue
            compared += 1
            difference = instance["lower_bound_s"] / optimum - 1
            above = max(above, difference)
            below = max(below, -difference)
            rounded = max(rounded, 1 - instance["latency_s"] / optimum)
            gap = max(gap, instance["latency_s"] / optimum - 1)
    print(
        f"{compared} instances, {left_out} left out; bound above the linear program by {max(above, 0):.2g}, "
        f"below it by {max(below, 0):.2g} at most; the answer above it by {gap:.2g} at most"
    )
    return 0 if compared > 0 and above <= 1e-7 and below <= 1e-6 and rounded <= 1e-7 else 1


if __name__ == "__main__":
    sys.exit(main())
