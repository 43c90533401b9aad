# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""A selector of one's own against those of the module, and the picture:  python examples/wdmoe-figure.py --radio=lte"""

import sys

import wdmoe
from wdmoe import ns


class Heavy(wdmoe.Selector):
    """Leaves out experts whose gate weight is below `least` of the token's heaviest."""

    least = 0.5

    def select(self, block):  # gate: J tokens x E experts; top: those of the model's own top-k
        return block.top & (block.gate >= self.least * block.gate.max(axis=1, keepdims=True))


wdmoe.register_policy("heavy", Heavy, like="topk-allocated")

comparison = ns.WdmoeComparisonHelper("figure")
comparison.policies = "topk-stock,topk-equal,topk-allocated,wdmoe,heavy:selector.least=0.3,heavy"
comparison.out = "results/figure"
comparison.minDistance, comparison.maxDistance = 30, 150  # m; over LTE some are out of coverage at 300
air = ns.WdmoeScenarioRadio("ideal")
air.SetPathloss(3.5, 46.6777)
cmd = ns.CommandLine(__file__)
air.AddOptions(cmd)
comparison.AddOptions(cmd)
cmd.Parse(sys.argv)
comparison.Run(air)

results = wdmoe.load(comparison.out)
axis = wdmoe.plot.pareto(results, "gate_mass", latency="request")
wdmoe.plot.save(axis.figure, f"{comparison.out}/latency-vs-gate-mass.png")
