# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-testbed.cc.

The paper's hardware experiment as a simulation: two Jetson AGX Orin, a Xavier NX and a PC with
an RTX 4070 Ti around one access point.

    gate --- access point ~ ~ 3 to 12 m ~ ~ device 0: Jetson AGX Orin   (experts 0 and 4)
                                        ~ ~ device 1: Jetson AGX Orin   (experts 1 and 5)
                                        ~ ~ device 2: Jetson Xavier NX  (experts 2 and 6)
                                        ~ ~ device 3: RTX 4070 Ti       (experts 3 and 7)

Its Wi-Fi could not be steered: topk-stock is what there is without any optimizer (vanilla), and
bottleneck is the paper's Algorithm 2, which knows the past latencies of the devices only. The
others run on our own scheduler, to show what steering would have added: topk-shared nothing but
the scheduler, wdmoe the paper's Algorithm 1 with its allocation, scheduled-fp16-topk a plan over
time, scheduled that with experts dropped and activations coded by price.

    python wdmoe-testbed.py --out=results --RngRun=1
    python wdmoe-testbed.py --radio=lte --bandwidth=20

Assumed, since the paper's text is not at hand: distances and path loss (a room, exponent 3 from
1 m on at 5.15 GHz); which device holds which experts; experts of 4 bits a weight, so that two of
each of Mixtral's 32 blocks, 5.6 GB, fit into the 8 GB of the Xavier NX (--weightBits, checked
against each device's memory); attention and gate on --baseStation.
"""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("testbed")
    comparison.policies = "topk-stock,bottleneck,topk-shared,wdmoe,scheduled-fp16-topk,scheduled"
    comparison.devices = "jetson-agx-orin,jetson-agx-orin,jetson-xavier-nx,rtx-4070-ti"
    comparison.minDistance = 3
    comparison.maxDistance = 12
    comparison.baseHeight = 2.5
    comparison.deviceHeight = 1
    air = ns.WdmoeScenarioRadio("wifi")
    air.SetPathloss(3, 46.6777)

    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
