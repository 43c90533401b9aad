# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-ideal.cc.

The paper's setting: eight devices with an FDMA channel each, Rayleigh block fading; or the same
places over another radio (--radio).

    base station (gate) ---- 100 MHz at 3.5 GHz, divided ---- device 0 (expert 0)
                                                         ---- device 1 (expert 1) ...

Seven policies serve the same requests:

    python wdmoe-ideal.py --out=results --RngRun=1
    python wdmoe-ideal.py --bandwidth=20
    python wdmoe-ideal.py --radio=lte --bandwidth=10
"""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("ideal")
    comparison.maxPromptTokens = 128
    comparison.maxOutputTokens = 16
    comparison.sizedRequests = 10
    comparison.sizedBlocks = 0
    air = ns.WdmoeScenarioRadio("ideal")
    air.SetPathloss(2, 43.2814)  # free space at 3.5 GHz
    air.SetFading("Rayleigh")

    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
