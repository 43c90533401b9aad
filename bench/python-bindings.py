# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What Python costs: loading, one call of a sink, one event. Prints a table.

python bench/python-bindings.py
"""

import subprocess
import sys
import time

CALLS = 100_000


def loading():
    """(wall, CPU) seconds of a process that loads ns-3; the best of three, the precompiled header is there."""
    text = (
        "import time; wall, cpu = time.perf_counter(), time.process_time(); from wdmoe import ns; "
        "print(time.perf_counter() - wall, time.process_time() - cpu)"
    )
    runs = [subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True) for _ in range(4)]
    return min(tuple(map(float, run.stdout.split()[-2:])) for run in runs[1:])


def main():
    rows = [("import with LTE and Wi-Fi, warm", *loading(), "s")]
    from wdmoe import callback, ns

    ns.cppyy.cppdef("""
        namespace bench {
          template <typename A> void Fire(const ns3::CallbackBase& made, A value, int times) {
            ns3::Callback<void, A> sink; sink.Assign(made);
            for (int i = 0; i < times; ++i) { sink(value); } }
          void Block(const ns3::CallbackBase& made, int times) {
            ns3::WdmoeBlockRecord record;
            record.devices.resize(8); record.expertTokens.resize(8); record.pieces.resize(8);
            Fire<const ns3::WdmoeBlockRecord&>(made, record, times); }
          void Packet(const ns3::CallbackBase& made, int times) {
            Fire<ns3::Ptr<const ns3::Packet>>(made, ns3::Create<ns3::Packet>(100), times); }
          void Numbers(const ns3::CallbackBase& made, int times) {
            ns3::Callback<void, double, double> sink; sink.Assign(made);
            for (int i = 0; i < times; ++i) { sink(1, 2); } }
        }""")
    bench = ns.cppyy.gbl.bench

    def measure(name, fire, function, signature):
        made = callback(function, signature)
        fire(made, 10)  # what is compiled at the first call
        wall, cpu = time.perf_counter(), time.process_time()
        fire(made, CALLS)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rows.append((name, 1e6 * wall / CALLS, 1e6 * cpu / CALLS, "us"))

    block = "ns3::WdmoeGatingServer::BlockTracedCallback"
    measure("sink of two numbers", bench.Numbers, lambda old, new: None, "ns3::TracedValueCallback::Double")
    measure("sink of a packet", bench.Packet, lambda packet: None, "ns3::Packet::TracedCallback")
    measure("sink of a block's record", bench.Block, lambda record: None, block)
    kept = []
    measure("the same, which keeps it", bench.Block, kept.append, block)
    kept.clear()
    ns.Simulator.Schedule(ns.Seconds(1), lambda: None)
    ns.Simulator.Run()

    wall, cpu = time.perf_counter(), time.process_time()
    delay = ns.Seconds(1)
    for i in range(CALLS):
        ns.Simulator.Schedule(delay, int, i)
    ns.Simulator.Run()
    rows.append(
        (
            "event scheduled and run",
            1e6 * (time.perf_counter() - wall) / CALLS,
            1e6 * (time.process_time() - cpu) / CALLS,
            "us",
        )
    )
    ns.Simulator.Destroy()

    wall, cpu = time.perf_counter(), time.process_time()
    made = [callback(lambda record, i=i: None, block) for i in range(1000)]
    rows.append(
        (
            f"one more function as a sink ({len(made)})",
            1e3 * (time.perf_counter() - wall),
            1e3 * (time.process_time() - cpu),
            "us",
        )
    )
    print(f"{'':34}{'wall':>8}{'CPU':>8}")
    for name, wall, cpu, unit in rows:
        print(f"{name:34}{wall:8.2f}{cpu:8.2f} {unit}")


if __name__ == "__main__":
    main()
