# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of extend-policy.cc: a selector written in C++, in a scenario written in Python."""

import sys
from pathlib import Path

from wdmoe import extension, ns


def main(argv):
    extension.load([Path(__file__).parent / "patient-selector.cc"])
    comparison = ns.WdmoeComparisonHelper("extend-policy")
    comparison.policies = "topk-allocated,ns3::PatientSelector+ns3::WdmoeMinMaxAllocator"
    cmd = ns.CommandLine(__file__)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(lambda policy, server, devices: ns.WdmoeIdealRadioHelper().Install(server, devices))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
