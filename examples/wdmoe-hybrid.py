# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-hybrid.cc.

One controller over two budgets: devices near the site are in a Wi-Fi cell, those beyond its
range (--wifiRange) on LTE.

    server (gate) --- PGW/SGW --- eNB  ~ ~ ~ ~ ~ ~  far devices on LTE (some experts)
        access point  ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~   near devices on Wi-Fi (the other experts)

Bandwidth is divided within each cell; which experts run a token is decided across both. Compare
with all devices on LTE:

    python wdmoe-hybrid.py --out=results --RngRun=1
    python wdmoe-hybrid.py --radio=lte
"""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("hybrid")
    comparison.minDistance = 8
    comparison.maxDistance = 120
    air = ns.WdmoeScenarioRadio("hybrid")
    air.SetPathloss(3, 46.6777)

    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
