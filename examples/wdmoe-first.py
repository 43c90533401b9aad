# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Python twin of wdmoe-first.cc.

A whole scenario: eight phones at 30 to 240 m hold one expert each of Mixtral-8x7B, a base
station runs the gate and reassigns experts and bandwidth block by block.

    python wdmoe-first.py --RngRun=1
"""

import sys

from wdmoe import ns


def main(argv):
    cmd = ns.CommandLine(__file__)
    cmd.Parse(argv)

    server = ns.CreateObject[ns.Node]()
    phones = ns.NodeContainer(8)
    mobility = ns.MobilityHelper()
    mobility.Install(server)
    mobility.SetPositionAllocator(
        "ns3::GridPositionAllocator", "MinX", ns.DoubleValue(30), "DeltaX", ns.DoubleValue(30)
    )
    mobility.Install(phones)

    radioHelper = ns.WdmoeIdealRadioHelper()  # one line to change for another radio
    radio = radioHelper.Install(server, phones)
    radio.AssignStreams(1)

    model = ns.WdmoeModelDescription.Load("mixtral-8x7b")
    model.expert.bytesPerWeight = 0.5  # 4 bits, so that 32 experts fit into a phone
    profiles = [ns.WdmoeLoadDeviceProfile("phone-soc")] * 8

    optimizer = ns.WdmoeOptimizerHelper()
    optimizer.SetSelector("ns3::WdmoeWlrSelector", "Gain", ns.DoubleValue(1.05))
    optimizer.SetAllocator("ns3::WdmoeMinMaxAllocator")
    controller = optimizer.Install(radio, model, profiles)

    gates = ns.CreateObject[ns.WdmoeRecordedGateSource]()
    requests = ns.CreateObject[ns.WdmoePoissonRequestSource]()
    requests.SetAttribute("MaxRequests", ns.UintegerValue(5))
    gates.AssignStreams(10)
    requests.AssignStreams(20)
    app = ns.WdmoeGatingServerHelper(model).Install(controller, gates, requests)
    experts = ns.WdmoeExpertNodeHelper(model, profiles).Install(controller)
    app.TraceConnectWithoutContext(
        "Request",
        lambda r: print(f"request {r.request}: first token after {r.TtftS():g} s, then {r.TpotS():g} s each"),
    )
    app.TraceConnectWithoutContext("Done", lambda: ns.Simulator.Stop())
    results = ns.WdmoeResultsHelper("first")
    results.Attach("wdmoe", app, experts, controller)
    ns.Simulator.Run()
    results.CheckConservation(5 * 128, 5 * 32)  # tokens and messages, or it stops here
    ns.Simulator.Destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
