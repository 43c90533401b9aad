# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""A selector of one's own against those of the module, and the picture:  python examples/wdmoe-figure.py --radio=lte"""

import sys

import wdmoe
from wdmoe import ns


class Patient(wdmoe.Selector):
    """Leaves out an expert that takes `patience` times as long as the token's heaviest one."""

    patience = 2.0

    def select(self, block):
        heaviest = block.expert_latency_s[block.gate.argmax(axis=1)]
        return block.top & (block.expert_latency_s <= self.patience * heaviest[:, None])


wdmoe.register_policy("patient", Patient, like="topk-allocated")

comparison = ns.WdmoeComparisonHelper("figure")
comparison.policies = "topk-stock,topk-equal,topk-allocated,wdmoe,patient,patient:selector.patience=1.2"
comparison.out = "results/figure"
air = ns.WdmoeScenarioRadio("ideal")
cmd = ns.CommandLine(__file__)
air.AddOptions(cmd)
comparison.AddOptions(cmd)
cmd.Parse(sys.argv)
comparison.Run(air)

results = wdmoe.load(comparison.out)
axis = wdmoe.plot.pareto(results, "gate_mass", latency="block")
wdmoe.plot.save(axis.figure, f"{comparison.out}/latency-vs-gate-mass.png")
