# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""A policy written in Python against vanilla: paired over seeds, with the price in gate mass.

    python examples/wdmoe-policy.py --radio=lte --requests=1 --seeds=5

Prints, for each policy, the change of the block latency against topk-equal and topk-stock with its 95 % confidence
interval over the seeds (paired), and the least gate mass kept in any of them.
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import wdmoe
from wdmoe import ns


class Thrifty(wdmoe.Selector):
    """Drops the pairs that cost most air for their weight, until `budget` of the block's gate mass is gone."""

    budget = 0.045

    def select(self, block):
        kept = block.top
        second = kept & (np.arange(block.experts) != block.gate.argmax(axis=1)[:, None])
        token, expert = np.nonzero(second)
        weight = block.gate[token, expert]
        order = np.argsort(weight / np.maximum(block.expert_cost_s[expert], 1e-12))
        drop = order[np.cumsum(weight[order]) <= self.budget * block.gate[kept].sum()]
        kept[token[drop], expert[drop]] = False
        return kept


MINE = "thrifty"
wdmoe.register_policy(MINE, Thrifty, like="scheduled-fp16-topk")


def read(folder):
    """Mean block latency in ms, and gate mass kept, of each policy."""
    found = {}
    with open(Path(folder) / "blocks.csv", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["policy"], []).append((1e3 * float(row["latency_s"]), float(row["gate_mass_kept"])))
    return {policy: np.mean(values, axis=0) for policy, values in found.items()}


def interval(changes):
    """Mean, and half of the 95 % confidence interval (Student's t)."""
    from scipy.stats import t

    half = t.ppf(0.975, len(changes) - 1) * np.std(changes, ddof=1) / len(changes) ** 0.5
    return np.mean(changes), half


def main(arguments):
    radio, seeds, rest = "ideal", 5, []
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--seeds":
            seeds = int(value)
        elif name == "--radio":
            radio = value
        else:
            rest.append(argument)
    runs = []
    for seed in range(1, seeds + 1):
        comparison = ns.WdmoeComparisonHelper("policy")
        comparison.policies = f"topk-equal,topk-stock,scheduled-fp16-topk,{MINE}"
        command = ns.CommandLine()
        comparison.AddOptions(command)
        air = ns.WdmoeScenarioRadio(radio)
        command.Parse(["wdmoe-policy", f"--RngRun={seed}", *rest])
        with tempfile.TemporaryDirectory() as folder:
            comparison.out = folder
            comparison.Run(air)
            runs.append(read(folder))
    print(
        f"\n{radio}, {seeds} seeds, paired: change of the mean block latency, % (95 % interval); least gate mass kept"
    )
    for policy in runs[0]:
        cells = []
        for vanilla in ("topk-equal", "topk-stock"):
            mean, half = interval([100 * (run[policy][0] / run[vanilla][0] - 1) for run in runs])
            cells.append(f"{mean:+6.1f} ({mean - half:+.1f}, {mean + half:+.1f}) against {vanilla}")
        print(f"{policy:20} {'   '.join(cells)}   mass {min(run[policy][1] for run in runs):.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
