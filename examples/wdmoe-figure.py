# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Two policies over one LTE cell, and the distribution of their block latencies as a picture: latency.png."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from wdmoe import ns

comparison = ns.WdmoeComparisonHelper("figure")
comparison.policies = "topk-equal,wdmoe"
comparison.requests = 1
comparison.maxDistance = 150
air = ns.WdmoeScenarioRadio("lte")  # or "ideal", "wifi", ...
air.SetPathloss(3.5, 46.6777)
cmd = ns.CommandLine(__file__)
air.AddOptions(cmd)
comparison.AddOptions(cmd)
cmd.Parse(sys.argv)
comparison.Run(air)

figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
for policy in str(comparison.policies).split(","):
    blocks = comparison.GetResults().GetBlocks(policy)
    latencies = sorted(1e3 * block.latency.GetSeconds() for block in blocks)
    axes.ecdf(latencies, label=policy)
axes.set(xscale="log", xlabel="block latency (ms)", ylabel="share of blocks")
axes.legend()
figure.savefig("latency.png", dpi=200)
print("wrote latency.png")
