# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-placement.cc.

Who holds which expert, when the domain of the text changes on the way: OLMoE's gates as recorded
on scientific papers, then on code (--gates).

    server (gate, all experts) --- radio  ~ ~ ~ ~   device 0 (experts of its own, block by block)
                                          ~ ~ ~ ~   ...
                                          ~ ~ ~ ~   device 7

Three policies, alike but for the placement: expert e on device e mod 8 (scheduled-fp16-topk);
placed once for the first domain's popularity, the devices' speed and links (placed); the same,
and moved where that pays, the weights travelling over the same air (migrating). Devices leave a
quarter of their memory to experts, so that the good links cannot have all of them.

    python wdmoe-placement.py --out=results --RngRun=1
    python wdmoe-placement.py --radio=ideal --requests=100
"""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("placement")
    comparison.policies = "scheduled-fp16-topk,placed,migrating"
    comparison.model = "olmoe-1b-7b"
    comparison.gates = "0=recorded:arxiv,14=recorded:github"
    comparison.sizedRequests = 40
    comparison.maxOutputTokens = 2
    comparison.weightBits = 16
    comparison.devices = (
        "rtx-4070-ti,jetson-orin-nano,jetson-orin-nano,jetson-orin-nano,"
        "jetson-xavier-nx,jetson-xavier-nx,phone-soc,phone-soc"
    )
    # what the devices' owners leave to experts: not all of them fit on the best links
    ns.Config.SetDefault("ns3::WdmoePlacer::MemoryShare", ns.DoubleValue(0.25))
    comparison.minDistance = 30
    comparison.maxDistance = 150
    air = ns.WdmoeScenarioRadio("lte")
    air.SetPathloss(3.5, 46.6777)

    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
