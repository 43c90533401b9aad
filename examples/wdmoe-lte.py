# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-lte.cc.

One LTE cell, or the same places over another radio (--radio): the gate runs on a host behind the
packet gateway, the experts on eight UEs.

    host (gate) --- PGW/SGW --- eNB  ~ ~ ~ ~ ~ ~  UE 0 (expert 0)
                                     ~ ~ ~ ~ ~ ~  UE 1 (expert 1) ...

Seven policies serve the same requests; topk-stock runs over ns-3's own PF scheduler, the others
over WdmoeFfMacScheduler, which honours shares both ways:

    python wdmoe-lte.py --out=results --RngRun=1
    python wdmoe-lte.py --bandwidth=20
    python wdmoe-lte.py --radio=ideal --bandwidth=10
"""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("lte")
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
