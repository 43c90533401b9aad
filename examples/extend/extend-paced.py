# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of extend-paced.cc: a radio over a bus that was made by hand."""

import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("paced")
    comparison.policies = "topk-stock,topk-equal,wdmoe"
    cmd = ns.CommandLine(__file__)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)

    def make_radio(policy, server, devices):
        csma = ns.CsmaHelper()
        bus = ns.CreateObjectWithAttributes[ns.CsmaChannel]("DataRate", ns.StringValue("100Mb/s"))
        one = csma.Install(server, bus)  # one NIC of the server for all
        all = csma.Install(devices, bus)
        return ns.WdmoePacedRadioHelper().Install(server, one, all)

    return comparison.Run(make_radio)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
