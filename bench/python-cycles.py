# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a scenario leaves in memory that is made, simulated and destroyed again and again in one process.

    python bench/python-cycles.py                           1,000 cycles of ideal, 30 of LTE and of Wi-Fi
    python bench/python-cycles.py --radio=ideal --cycles=100
    WDMOE_CYCLES=build/dev/bench/cycles python bench/python-cycles.py    the same loop in C++ beside it

The scenario is that of examples/wdmoe-first.py, with one request of two blocks. One line for each of some cycles:
resident memory of the process, what is in use of the C heap, and the number of objects that Python's collector knows.
"""

import argparse
import ctypes
import gc
import os
import subprocess
import sys

CYCLES = {"ideal": 1000, "lte": 30, "wifi": 30}


class MallInfo(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def heap_mb():
    """In use on the C heap, mapped blocks included; NaN where the C library has no mallinfo2()."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return float("nan")
    mallinfo2.restype = MallInfo
    info = mallinfo2()
    return (info.uordblks + info.hblkhd) / 1e6


def rss_mb():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cycle(ns, radio_name):
    """One scenario from the first node to Simulator.Destroy(); number of requests that were answered."""
    server = ns.CreateObject[ns.Node]()
    phones = ns.NodeContainer(8)
    mobility = ns.MobilityHelper()
    mobility.Install(server)
    mobility.SetPositionAllocator("ns3::GridPositionAllocator", "MinX", ns.DoubleValue(5), "DeltaX", ns.DoubleValue(2))
    mobility.Install(phones)
    helpers = {"ideal": "WdmoeIdealRadioHelper", "lte": "WdmoeLteRadioHelper", "wifi": "WdmoeWifiRadioHelper"}
    radio = getattr(ns, helpers[radio_name])().Install(server, phones)
    radio.AssignStreams(1)
    model = ns.WdmoeModelDescription.Load("mixtral-8x7b")
    model.expert.bytesPerWeight = 0.5
    profiles = [ns.WdmoeLoadDeviceProfile("phone-soc")] * 8
    controller = ns.WdmoeOptimizerHelper().Install(radio, model, profiles)
    gates = ns.CreateObject[ns.WdmoeRecordedGateSource]()
    requests = ns.CreateObject[ns.WdmoePoissonRequestSource]()
    requests.SetAttribute("MaxRequests", ns.UintegerValue(1))
    requests.SetAttribute("PromptTokens", ns.StringValue("ns3::ConstantRandomVariable[Constant=8]"))
    requests.SetAttribute("OutputTokens", ns.StringValue("ns3::ConstantRandomVariable[Constant=1]"))
    requests.SetAttribute("Rate", ns.DoubleValue(10))
    gates.AssignStreams(10)
    requests.AssignStreams(20)
    helper = ns.WdmoeGatingServerHelper(model)
    helper.SetAttribute("MaxBlocks", ns.UintegerValue(2))
    app = helper.Install(controller, gates, requests)
    experts = ns.WdmoeExpertNodeHelper(model, profiles).Install(controller)
    experts.Start(ns.MilliSeconds(100))
    answered = []
    app.TraceConnectWithoutContext("Request", lambda record: answered.append(record.request))
    app.TraceConnectWithoutContext("Done", lambda: ns.Simulator.Stop(ns.MilliSeconds(100)))
    results = ns.WdmoeResultsHelper("cycle")
    results.Attach("wdmoe", app, experts, controller)
    ns.Simulator.Run()
    results.CheckConservation(8, 1)
    ns.Simulator.Destroy()
    return len(answered)


def measure(radio, cycles):
    """Runs cycles in this process; prints memory after some of them."""
    from wdmoe import ns

    told = {1, 10, 30, 100, *range(200, cycles, 200), cycles}
    for number in range(1, cycles + 1):
        if cycle(ns, radio) != 1:
            raise RuntimeError(f"cycle {number}: the request was not answered")
        if number in told:
            gc.collect()
            objects = len(gc.get_objects())
            print(f"python {radio} {number} {rss_mb():.1f} {heap_mb():.2f} {objects}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--radio", choices=CYCLES, help="only this one (default: all, each in a process of its own)")
    parser.add_argument("--cycles", type=int, help="how many")
    options = parser.parse_args()
    if options.radio:
        measure(options.radio, options.cycles or CYCLES[options.radio])
        return 0
    print("language radio cycles rss_MB heap_MB python_objects", flush=True)
    status = 0
    for radio, cycles in CYCLES.items():
        cycles = str(options.cycles or cycles)
        commands = [[sys.executable, __file__, f"--radio={radio}", f"--cycles={cycles}"]]
        if os.environ.get("WDMOE_CYCLES"):
            commands.append([os.environ["WDMOE_CYCLES"], f"--radio={radio}", f"--cycles={cycles}"])
        for command in commands:
            status = subprocess.run(command, check=False).returncode or status
    return status


if __name__ == "__main__":
    sys.exit(main())
