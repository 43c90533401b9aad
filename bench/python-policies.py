# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a policy in Python costs over the same in C++: a decision, and a whole run.

    python bench/python-policies.py

Prints a table: median us a call in C++ and in Python (CPU time, cases interleaved), the difference, then the ratio of
user CPU of whole runs.
"""

import statistics
import time

import cppyy
import numpy as np
import wdmoe
from wdmoe import ns


class Top(wdmoe.Selector):
    """Top-k, the mask as the block has it."""

    def select(self, block):
        return block.top


class NumpyTop(wdmoe.Selector):
    """Top-k, by numpy alone."""

    def select(self, block):
        order = np.argsort(-block.gate, axis=1, kind="stable")[:, : block.top_k]
        return order, np.take_along_axis(block.gate, order, axis=1)


class Equal(wdmoe.Allocator):
    """A K-th to each."""

    def allocate(self, loads):
        share = np.full(loads.devices, 1 / loads.devices)
        return share, share


cppyy.cppdef("""
    namespace wdmoe_bench
    {
    std::shared_ptr<ns3::WdmoeSelectorInput> MakeInput(unsigned tokens, unsigned experts)
    {
        auto in = std::make_shared<ns3::WdmoeSelectorInput>();
        in->gate.tokens = tokens;
        in->gate.experts = experts;
        unsigned state = 1;
        for (unsigned j = 0; j < tokens; j++)
        {
            double sum = 0;
            std::vector<double> row(experts);
            for (auto& w : row)
            {
                state = state * 1664525u + 1013904223u;
                w = 1e-3 + state / 4294967296.0;
                sum += w;
            }
            for (auto w : row)
            {
                in->gate.weight.push_back(w / sum);
            }
        }
        in->topK = 2;
        in->expertLatencyS.assign(experts, 1e-3);
        in->expertCostS.assign(experts, 1e-4);
        in->expertSnr.assign(experts, 10);
        for (unsigned e = 0; e < experts; e++)
        {
            in->expertDevice.push_back(e % 8);
        }
        return in;
    }
    wdmoe::AllocationProblem MakeProblem(unsigned devices)
    {
        wdmoe::AllocationProblem p;
        p.downlinkBits.assign(devices, 1e6);
        p.uplinkBits.assign(devices, 1e6);
        p.computeS.assign(devices, 1e-3);
        p.downlinkLaw.assign(devices, wdmoe::RateLaw::Shannon(1e9));
        p.uplinkLaw = p.downlinkLaw;
        p.downlinkHz = p.uplinkHz = 1e8;
        return p;
    }
    double Now()
    {
        timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return 1e6 * t.tv_sec + 1e-3 * t.tv_nsec;
    }
    double Select(ns3::Ptr<ns3::WdmoeSelector> s, std::shared_ptr<ns3::WdmoeSelectorInput> in, int calls)
    {
        const double start = Now();
        for (int i = 0; i < calls; i++)
        {
            s->Select(*in);
        }
        return (Now() - start) / calls;
    }
    double Allocate(ns3::Ptr<ns3::WdmoeAllocator> a, const wdmoe::AllocationProblem& p, int calls)
    {
        const double start = Now();
        for (int i = 0; i < calls; i++)
        {
            a->Allocate(p);
        }
        return (Now() - start) / calls;
    }
    }
    """)
BENCH = cppyy.gbl.wdmoe_bench


def medians(measures, rounds=21):
    """Medians of some measures, taken in turns."""
    found = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures):
            values.append(measure())
    return [statistics.median(values) for values in found]


def line(what, cpp, python):
    print(f"{what:46} {cpp:9.2f} {python:9.2f} {python - cpp:9.2f}")


def run(policy):
    """User CPU s of a comparison with this policy."""
    comparison = ns.WdmoeComparisonHelper("ideal")
    comparison.policies = policy
    comparison.requests, comparison.blocks, comparison.maxOutputTokens = 4, 4, 8
    start = time.process_time()
    comparison.Run(ns.WdmoeScenarioRadio("ideal"))
    return time.process_time() - start


def main():
    print(f"{'median of a call, us of CPU':46} {'C++':>9} {'Python':>9} {'more':>9}")
    top = ns.ObjectFactory("ns3::WdmoeTopKSelector").Create[ns.WdmoeSelector]()
    for part in (Top(), NumpyTop()):
        mine = wdmoe.policies.as_object(part)
        for tokens, experts in ((1, 8), (8, 8), (64, 8), (512, 8), (512, 64)):
            given = BENCH.MakeInput(tokens, experts)
            calls = 200 if tokens * experts < 5000 else 50
            cpp, python = medians([lambda s=s: BENCH.Select(s, given, calls) for s in (top, mine)])
            line(f"{type(part).__name__}: {tokens} tokens x {experts} experts", cpp, python)
    equal = ns.ObjectFactory("ns3::WdmoeEqualAllocator").Create[ns.WdmoeAllocator]()
    mine = wdmoe.policies.as_object(Equal())
    for devices in (8, 32):
        problem = BENCH.MakeProblem(devices)
        cpp, python = medians([lambda a=a: BENCH.Allocate(a, problem, 200) for a in (equal, mine)])
        line(f"Equal: {devices} devices", cpp, python)
    wdmoe.register_policy("python-topk-equal", Top, Equal, like="topk-equal")
    cpp, python = medians([lambda: run("topk-equal"), lambda: run("python-topk-equal")], 5)
    print(f"whole run, ideal links, s of CPU: C++ {cpp:.3f}, Python {python:.3f}, ratio {python / cpp:.2f}")


if __name__ == "__main__":
    main()
