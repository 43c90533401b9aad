# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-wifi.cc.

One Wi-Fi 6 cell: the gate runs on the access point, the experts on eight stations.

    access point (gate)  ~ ~ ~ ~ ~ ~  station 0 (expert 0)
                         ~ ~ ~ ~ ~ ~  station 1 (expert 1) ...

Seven policies serve the same requests; topk-stock runs over plain contention (EDCA) or
ns-3's own multi-user scheduler, the others over WdmoeMultiUserScheduler, which honours shares
downlink and triggers the uplink when answers are expected:

    python wdmoe-wifi.py --out=results --RngRun=1
"""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("wifi")
    comparison.minDistance = 8
    comparison.maxDistance = 40
    air = ns.WdmoeScenarioRadio("wifi")
    air.SetPathloss(3, 46.6777)
    air.SetDefault("bandwidth", "40")
    # with less, all stations in range have the fastest MCS
    air.SetDefault("noiseFigure", "16")

    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
