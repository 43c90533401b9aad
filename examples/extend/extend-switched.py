# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of extend-switched.cc: a radio written in C++ that joins by its name, --radio=switched."""

import sys
from pathlib import Path

from wdmoe import extension, ns

HERE = Path(__file__).parent


def main(argv):
    extension.load(
        [
            HERE / f"{part}.cc"
            for part in ("patient-selector", "switched-queue-disc", "switched-radio", "switched-radio-helper")
        ],
        headers=[HERE / "switched-radio-helper.h"],
    )

    def make_helper(air, policy):
        radio = ns.SwitchedRadioHelper()
        radio.SetAttribute("DataRate", ns.StringValue(air.GetText("rate", "100Mb/s")))
        return radio

    ns.WdmoeScenarioRadio.Register(
        "switched",
        make_helper,
        {"rate": ("ns3::SwitchedRadio::DataRate", "Rate of each wire")},
    )
    comparison = ns.WdmoeComparisonHelper("switched")
    comparison.policies = (
        "topk-stock,topk-equal,wdmoe,scheduled-fp16-topk,ns3::PatientSelector+ns3::WdmoeScheduledAllocator"
    )
    air = ns.WdmoeScenarioRadio("switched")
    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
