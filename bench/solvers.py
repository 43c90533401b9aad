#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only
"""The numerics and general solvers on the same instances, side by side, in one run on two cores.

  python3 -m venv build/solvers
  build/solvers/bin/pip install numpy scipy nlopt cyipopt cvxpy clarabel ortools
  PYTHONPATH=python WDMOE_CORE_LIBRARY=build/bench/libwdmoe-core.so \\
      build/solvers/bin/python bench/solvers.py build/bench/bench/core-bench --out bench/results/solvers.md

A solver that is not installed is left out, and said so. What is timed is the call alone: its data are ready, numpy arrays
or C++ vectors; CPU time, so that other work on the machine matters less; all but CP-SAT run on one thread. CVXPY's call translates the problem first; what Clarabel takes of it is a row of its own (by its own clock). Times are medians.

Allocation, for K devices that all have bits to move both ways, half of the laws linear, half Shannon without a cap (which
is smooth, as these solvers want it): minimise T subject to t_k(x) <= T and the budgets, with analytic gradients (Ipopt:
second derivatives too, all sparse), scaled variables (shares of the budgets; T over that of equal shares), from equal
shares, tolerance 1e-9. "gap" is how far the time of the point reached, made feasible, is above the certified lower bound:
(T - bound) / T; of ours too. A solver that takes longer than the limit is stopped: > LIMIT. Dense matrices of more than
half the memory are not tried.

Selection: against test/reference/numpy_selection.py, whole rows at once wherever the policy allows it. QualityBound is
wdmoe::QualityBound on a block of 8 devices with linear laws, whose numpy counterpart solves the same relaxed problem by
nested bisections and rounds it; how far apart both latencies are is said.

Des and placement: des-vs-milp.py and placement-vs-cpsat.py, which can be run alone too, with the programs selectors-bench
and placement-problems from beside core-bench.

--quick: few instances and short limits, some 5 minutes.
"""

import argparse
import contextlib
import importlib
import importlib.util
import io
import json
import math
import multiprocessing
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, CORES)
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"  # two threads make small matrices slower, and on a busy machine much slower

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "reference"))
import numpy_selection  # noqa: E402

TOLERANCE = 1e-9
PARTS = ["allocation", "selection", "decision", "des", "placement"]


# ---- allocation: instances


def draw(rng, count, coupled):
    """(coupled, downlink Hz, uplink Hz, devices); a device: bits down, up, s, (law down), (law up)."""
    devices = []
    for _ in range(count):
        laws = []
        for _ in range(2):
            if rng.random() < 0.5:
                laws.append(("L", float(f"{rng.uniform(0.2, 7):.4g}")))
            else:
                laws.append(("S", float(f"{10 ** rng.uniform(6, 9):.4g}")))
        devices.append((65536 * rng.randint(1, 200), 65536 * rng.randint(1, 200), float(f"{rng.uniform(0, 0.5):.4g}"), *laws))
    return coupled, 1e6 * count, 1e6 * count, devices


def line(instance):
    """As core-bench reads it."""
    coupled, down_hz, up_hz, devices = instance
    text = [
        f"{d[0]}/{d[1]}/{d[2]}/" + "/".join(f"L{value}" if kind == "L" else f"S{value},inf,1" for kind, value in d[3:])
        for d in devices
    ]
    return f"{'c' if coupled else 's'} {down_hz:.0f} {up_hz:.0f} 0 {';'.join(text)}"


class Leg:
    """bits / R(x budget) of all devices in one direction, with derivatives by the share x."""

    def __init__(self, bits, laws, budget):
        self.bits = np.array(bits, float)
        self.linear = np.array([kind == "L" for kind, _ in laws])
        self.value = np.array([value for _, value in laws])
        self.budget = budget

    def time(self, x):
        """(t, dt/dx, d2t/dx2)"""
        b = x * self.budget
        v = np.where(self.linear, 1, self.value / b)
        nats = np.log1p(v)
        rate = np.where(self.linear, self.value * b, b * nats / math.log(2))
        change = np.where(self.linear, self.value, (nats - v / (1 + v)) / math.log(2))
        curve = np.where(self.linear, 0, -(v * v) / (b * (1 + v) ** 2) / math.log(2))
        t = self.bits / rate
        first = -t * change / rate
        second = t * (2 * (change / rate) ** 2 - curve / rate)
        return t, first * self.budget, second * self.budget**2


class Block:
    """An instance in scaled variables z = (shares down, shares up unless coupled, T / unit)."""

    def __init__(self, instance):
        self.coupled, down_hz, up_hz, devices = instance
        self.count = len(devices)
        self.blocks = 1 if self.coupled else 2
        self.size = self.blocks * self.count + 1
        self.compute = np.array([d[2] for d in devices])
        self.down = Leg([d[0] for d in devices], [d[3] for d in devices], down_hz)
        self.up = Leg([d[1] for d in devices], [d[4] for d in devices], down_hz if self.coupled else up_hz)
        self.start = np.full(self.size, 1 / self.count)
        self.start[-1] = 1
        self.unit = 1.0
        self.unit = self.seconds(self.start)
        self.lower = np.append(np.full(self.size - 1, 1e-3 / self.count), 0)
        self.upper = np.append(np.ones(self.size - 1), np.inf)

    def shares(self, z):
        x = z[: self.count]
        return x, x if self.coupled else z[self.count : -1]

    def legs(self, z):
        """(times / unit, first derivatives by down and up, second ones)"""
        x, y = self.shares(z)
        td, fd, sd = self.down.time(x)
        tu, fu, su = self.up.time(y)
        return (self.compute + td + tu) / self.unit, (fd / self.unit, fu / self.unit), (sd / self.unit, su / self.unit)

    def seconds(self, z):
        """T of the point made feasible, in units."""
        z = np.array(z, float)
        for i in range(self.blocks):
            part = z[i * self.count : (i + 1) * self.count]
            part /= part.sum()
        return self.legs(z)[0].max()

    def jacobian(self, z):
        """Of T - t_k: K x size, dense."""
        _, (fd, fu), _ = self.legs(z)
        result = np.zeros((self.count, self.size))
        rows = np.arange(self.count)
        result[rows, rows] = -fd
        result[rows, rows + (0 if self.coupled else self.count)] -= fu
        result[:, -1] = 1
        return result

    def budgets(self):
        """Of sum of shares: dense."""
        result = np.zeros((self.blocks, self.size))
        for i in range(self.blocks):
            result[i, i * self.count : (i + 1) * self.count] = 1
        return result

    def dense_gb(self):
        """What SLSQP's work array needs, about: its least-squares problem with all rows."""
        return 8e-9 * (self.count + 2 * self.size) * self.size * 2


# ---- allocation: the others; each gives (point, seconds of the call, and of the solver in it where that differs)


def by_scipy(block):
    from scipy.optimize import minimize

    goal, budgets = np.append(np.zeros(block.size - 1), 1.0), block.budgets()
    constraints = [
        {"type": "ineq", "fun": lambda z: z[-1] - block.legs(z)[0], "jac": block.jacobian},
        {"type": "ineq", "fun": lambda z: 1 - budgets @ z, "jac": lambda z: -budgets},
    ]
    begin = time.process_time()
    result = minimize(
        lambda z: z[-1], block.start, jac=lambda z: goal, method="SLSQP", bounds=list(zip(block.lower, block.upper)),
        constraints=constraints, options={"ftol": TOLERANCE, "maxiter": 1000},
    )
    return result.x, time.process_time() - begin


def by_nlopt(block):
    import nlopt

    goal, budgets = np.append(np.zeros(block.size - 1), 1.0), block.budgets()
    last = block.start.copy()

    def objective(z, gradient):
        last[:] = z
        if gradient.size:
            gradient[:] = goal
        return z[-1]

    def late(result, z, gradient):
        if gradient.size:
            gradient[:] = -block.jacobian(z)
        result[:] = block.legs(z)[0] - z[-1]

    def over(result, z, gradient):
        if gradient.size:
            gradient[:] = budgets
        result[:] = budgets @ z - 1

    solver = nlopt.opt(nlopt.LD_SLSQP, block.size)
    solver.set_min_objective(objective)
    solver.add_inequality_mconstraint(late, np.full(block.count, 1e-12))
    solver.add_inequality_mconstraint(over, np.full(block.blocks, 1e-12))
    solver.set_lower_bounds(block.lower)
    solver.set_upper_bounds(block.upper)
    solver.set_ftol_rel(TOLERANCE)
    solver.set_maxeval(1000)
    begin = time.process_time()
    try:
        last[:] = solver.optimize(block.start)
    except nlopt.RoundoffLimited:
        pass  # it cannot get further, and keeps its best point to itself: take the last one
    return last, time.process_time() - begin


def by_ipopt(block):
    import cyipopt

    rows, count, columns = np.arange(block.count), block.count, np.arange(block.size - 1)
    up = rows if block.coupled else rows + count
    # rows of t_k - T, then of the budgets
    where = [np.concatenate(p) for p in ((rows, rows, rows, count + columns // count), (rows, up, np.full(count, block.size - 1), columns))]
    if block.coupled:
        where = [np.concatenate(p) for p in ((rows, rows, count + columns // count), (rows, np.full(count, block.size - 1), columns))]
    goal = np.append(np.zeros(block.size - 1), 1.0)

    class Problem:
        def objective(self, z):
            return z[-1]

        def gradient(self, z):
            return goal

        def constraints(self, z):
            return np.append(block.legs(z)[0] - z[-1], [z[i * count : (i + 1) * count].sum() for i in range(block.blocks)])

        def jacobian(self, z):
            _, (fd, fu), _ = block.legs(z)
            first = [fd + fu] if block.coupled else [fd, fu]
            return np.concatenate((*first, np.full(count, -1.0), np.ones(block.size - 1)))

        def jacobianstructure(self):
            return where

        def hessian(self, z, multipliers, factor):
            _, _, (sd, su) = block.legs(z)
            m = multipliers[:count]
            return m * (sd + su) if block.coupled else np.concatenate((m * sd, m * su))

        def hessianstructure(self):
            return columns, columns

    problem = cyipopt.Problem(
        n=block.size, m=count + block.blocks, problem_obj=Problem(), lb=block.lower, ub=np.append(np.ones(block.size - 1), 2e19),
        cl=np.full(count + block.blocks, -2e19), cu=np.append(np.zeros(count), np.ones(block.blocks)),
    )
    for name, value in (("tol", TOLERANCE), ("print_level", 0), ("sb", "yes"), ("max_iter", 1000)):
        problem.add_option(name, value)
    begin = time.process_time()
    z, _ = problem.solve(block.start)
    return z, time.process_time() - begin


def by_clarabel(block):
    import cvxpy as cp
    from scipy.sparse import csc_matrix

    # in units of equal shares, which its tolerances need
    count = block.count
    down = cp.Variable(count)
    up = down if block.coupled else cp.Variable(count)
    late = cp.Variable()
    constraints = [cp.sum(down) <= count] + ([] if block.coupled else [cp.sum(up) <= count])
    spent = block.compute / block.unit
    for leg, share in ((block.down, down), (block.up, up)):
        for kind, mask in (("linear", leg.linear), ("Shannon", ~leg.linear)):
            index = np.flatnonzero(mask)
            if not len(index):
                continue
            spread = csc_matrix((np.ones(len(index)), (index, np.arange(len(index)))), shape=(count, len(index)))
            x, unit = share[index], leg.budget / count * block.unit
            if kind == "linear":
                work = leg.bits[index] / (leg.value[index] * unit)
                spent = spent + spread @ cp.multiply(work, cp.inv_pos(x))
            else:
                # R = budget / K (x log2(1 + g / x)) = budget / K (-rel_entr(x, x + g)) / ln 2
                g = leg.value[index] / leg.budget * count
                work = leg.bits[index] * math.log(2) / unit
                spent = spent + spread @ cp.multiply(work, cp.inv_pos(-cp.rel_entr(x, x + g)))
    problem = cp.Problem(cp.Minimize(late), constraints + [spent <= late])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "may be inaccurate": the gap says how much
        begin = time.process_time()
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=TOLERANCE, tol_gap_rel=TOLERANCE, tol_feas=TOLERANCE)
        whole = time.process_time() - begin
    z = np.concatenate((down.value / count, [] if block.coupled else up.value / count, [late.value]))
    return z, whole, problem.solver_stats.solve_time


# name -> (what to import, function, whether its matrices are dense)
OTHERS = {
    "SciPy SLSQP": ("scipy", by_scipy, True),
    "NLopt SLSQP": ("nlopt", by_nlopt, True),
    "Ipopt": ("cyipopt", by_ipopt, False),
    "CVXPY, Clarabel": ("cvxpy clarabel scipy", by_clarabel, False),
}


def _child(function, block, pipe):
    try:
        z, *seconds = function(block)
        pipe.send((block.seconds(np.clip(z, block.lower, block.upper)) * block.unit, *seconds))
    except MemoryError:
        pipe.send("out of memory")
    except Exception as error:  # whatever a solver raises: say so in the table
        pipe.send(f"failed: {type(error).__name__}")


def limited(function, block, limit_s):
    """(T, seconds, seconds of the solver alone if that is less) in a process of its own, or why not."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe()
    child = context.Process(target=_child, args=(function, block, its))
    child.start()
    its.close()
    try:
        answer = mine.recv() if mine.poll(limit_s) else f"> {limit_s:g} s"
    except EOFError:
        child.join()
        answer = f"failed: ended by signal {-child.exitcode}"
    if child.is_alive():
        child.kill()
    child.join()
    return answer


def memory_gb():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def ours(program, instances):
    """(T, gap, seconds) of each, in C++."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("\n".join(map(line, instances)) + "\n")
        file.flush()
        out = subprocess.run([program, "--instances", file.name], check=True, text=True, stdout=subprocess.PIPE).stdout
    return [tuple(map(float, row.split())) for row in out.splitlines()]


def ours_in_python(instance):
    """Median seconds of wdmoe.core.allocate()."""
    from wdmoe import core

    coupled, down_hz, up_hz, devices = instance
    law = [core.join(*(core.linear(v) if kind == "L" else core.shannon(v) for kind, v in (d[n] for d in devices))) for n in (3, 4)]
    down, up, compute = (np.array([d[n] for d in devices], float) for n in range(3))
    return median_of(lambda: core.allocate(down, up, compute, *law, down_hz if coupled else (down_hz, up_hz), coupled))


def median_of(function, least_s=0.5, most=1000):
    """Median seconds of calls, after one that is not counted."""
    function()
    seconds = []
    while len(seconds) < 3 or (sum(seconds) < least_s and len(seconds) < most):
        begin = time.process_time()
        function()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds)


def span(seconds):
    """For people."""
    for unit, factor in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= factor or unit == "us":
            return f"{seconds / factor:.3g} {unit}"


def ratio(a, b):
    return f"{a / b:,.0f}"


def table_of_allocation(args, present, say):
    say("## Bandwidth: wdmoe::MinMaxAllocator", "")
    say("| K | form | solver | time | times ours | gap (median, worst) |", "|---|---|---|---|---|---|")
    for count in args.sizes:
        for coupled in (True, False):
            rng = random.Random(args.seed * 1000003 + count)
            runs = args.runs if count <= 64 else 1
            instances = [draw(rng, count, coupled) for _ in range(runs)]
            solved = ours(args.program, instances)
            best = statistics.median(s for _, _, s in solved)
            head = f"| {count:,} | {'coupled' if coupled else 'split'} |"
            gaps = [g for _, g, _ in solved]
            say(f"{head} **ours**, C++ | {span(best)} | 1 | {statistics.median(gaps):.1e}, {max(gaps):.1e} |")
            if args.python:
                seconds = ours_in_python(instances[0])
                say(f"{head} ours, from numpy | {span(seconds)} | {seconds / best:.1f} | the same |")
            for name in present:
                _, function, dense = OTHERS[name]
                seconds, gaps, failed, why = [], [], [], None
                for instance, (t, gap, _) in zip(instances, solved):
                    block = Block(instance)
                    if dense and block.dense_gb() > memory_gb() / 2:
                        why = f"not tried: {block.dense_gb():,.0f} GB of dense matrices"
                        break
                    answer = limited(function, block, args.limit)
                    if isinstance(answer, str) and not answer.startswith(">"):
                        failed.append(answer)
                        continue
                    if isinstance(answer, str):
                        why = answer
                        break
                    seconds.append(answer[1:])
                    gaps.append(max(0, 1 - t * (1 - gap) / answer[0]))
                why = why or (None if seconds else failed[0])
                if why:
                    least = f"> {ratio(args.limit, best)}" if why.startswith(">") else "-"
                    say(f"{head} {name} | {why} | {least} | - |")
                    continue
                note = f" ({len(failed)} of {runs} {failed[0]})" if failed else ""
                for what, times in zip((name + note, "Clarabel alone"), zip(*seconds)):
                    middle = statistics.median(times)
                    say(f"{head} {what} | {span(middle)} | {ratio(middle, best)} | {statistics.median(gaps):.1e}, {max(gaps):.1e} |")


# ---- selection


def benchmarks(program, pattern, quick=False):
    """name -> median seconds, of core-bench's own benchmarks."""
    command = [program, f"--benchmark_filter={pattern}", f"--benchmark_repetitions={5 if quick else 9}",
               f"--benchmark_min_time={0.02 if quick else 0.05}", "--benchmark_format=json"]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
    return {row["run_name"]: row["cpu_time"] * scale[row["time_unit"]] for row in json.loads(done.stdout)["benchmarks"]
            if row.get("aggregate_name") == "median"}


def table_of_selection(args, say):
    from wdmoe import core

    say("", "## Selection: 4,096 tokens x 64 experts", "")
    say("| policy | top | C++ | from numpy | plain numpy, by rows | token by token | rows / C++ | tokens / C++ |",
        "|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(args.seed)
    gate = np.exp(rng.uniform(0, 5, (4096, 64)))
    gate /= gate.sum(axis=1, keepdims=True)
    price = rng.uniform(1e-3, 1e-2, 64)
    # as core-bench's block
    size, hz, bits, fixed_s, request_s = 8, 2e7, 65536, 0.004, 0.007
    device = np.arange(64) % size
    down, up = rng.uniform(1, 5, size), rng.uniform(0.5, 4, size)
    pair_s, read_s = rng.uniform(0, 1e-3, size), rng.uniform(0, 5e-3, size)
    block = core.block(
        core.linear(down), core.linear(up), (hz, hz), downlink_pair_bits=bits, uplink_pair_bits=bits, expert_device=device,
        max_pieces=8, downlink_fixed_s=fixed_s, uplink_fixed_s=fixed_s, uplink_request_s=request_s, pair_s=pair_s, read_s=read_s,
    )
    plain_block = {"down_s": bits / (down * hz), "up_s": bits / (up * hz), "pair_s": pair_s, "read_s": read_s,
                   "fixed_s": fixed_s, "request_s": request_s}
    floor = {"max_lost": 0.02, "max_token_loss": 0.5}
    native = benchmarks(args.program, "^(TopK|Select|CostBound|Bound)/.*experts:64/k:[26]", args.quick)
    apart = []
    for k in (2, 6):
        for name, key, settings, plain in (
            ("TopK", "TopK/tokens:4096/experts:64/k:{k}", {"policy": "topk"}, lambda topk: topk(gate, k)),
            ("Wlr, through all theta", "Select/tokens:4096/experts:64/k:{k}", {"policy": "wlr", "latency_s": price, "gain": 1e3},
             lambda topk: numpy_selection.wlr(gate, k, price, gain=1e3, topk=topk)),
            ("least cost, 15 % of mass", "CostBound/tokens:4096/experts:64/k:{k}",
             {"policy": "cost-bound", "cost_s": price, "max_token_loss": 0.5},
             lambda topk: numpy_selection.quality_bound(gate, k, price, max_token_loss=0.5, topk=topk)),
            ("QualityBound, 2 % of mass", "Bound/tokens:4096/experts:64/k:{k}/K:8/shared:0",
             {"policy": "quality-bound", "block": block, "relative_gap": 1e-4, **floor},
             lambda topk: numpy_selection.direct(gate, k, device, plain_block, topk=topk, **floor)),
        ):
            least = 0.1 if args.quick else 0.5
            mine = median_of(lambda: core.select(gate, k, **settings), least)
            rows = median_of(lambda: plain(numpy_selection.topk), least)
            tokens = median_of(lambda: plain(numpy_selection.topk_by_token), least)
            cpp = native[key.format(k=k)]
            say(f"| {name} | {k} | {span(cpp)} | {span(mine)} | {span(rows)} | {span(tokens)} | {rows / cpp:.0f} | {tokens / cpp:.0f} |")
        ours_s = core.select(gate, k, policy="quality-bound", block=block, relative_gap=1e-4, **floor).latency_s
        apart.append(f"{ours_s / numpy_selection.direct(gate, k, device, plain_block, **floor)[2] - 1:+.1e} (top-{k})")
    say("", f"QualityBound's latency relative to the numpy one's: {', '.join(apart)}. In C++ four blocks in turn.")


def table_of_decisions(args, say):
    say("", "## Whole decisions in C++: 512 tokens x 8 experts on 8 devices, top-2", "")
    say("| decision | time | target | of an LTE round trip of 20 ms |", "|---|---|---|---|")
    for name, seconds in benchmarks(args.program, "^Decide", args.quick).items():
        name = name.split("/", 1)[1].replace('"', "")
        say(f"| {name} | {span(seconds)} | 100 us {'met' if seconds <= 1e-4 else 'missed'} | {seconds / 20e-3:.2%} |")


def beside(args, name):
    """Another program, from where core-bench lies, or None."""
    path = Path(args.program).resolve().with_name(name)
    if path.exists():
        return str(path)
    print(f"{path} is not there: its table is left out", file=sys.stderr)
    return None


def script(name):
    """Another script of this folder, or None where what it needs is not installed."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), Path(__file__).with_name(name + ".py"))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return None
    return module


def table_of_des(args, say):
    program, exact = beside(args, "selectors-bench"), script("des-vs-milp")
    if not program or not exact:
        return
    count = 200 if args.quick else 1000
    say("", f"## Des, one token: {count} random instances each", "")
    say("| experts | solver | time | times Des | Des costs more than it by at most |", "|---|---|---|---|---|")
    for title, options in (("8, top-2", ["--experts=8", "--topk=2"]), ("2 .. 64, top-1 .. 8", [])):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            subprocess.run([program, f"--instances={count}", f"--seed={args.seed}", *options], check=True, stdout=file)
            with contextlib.redirect_stdout(io.StringIO()):
                _, worst, medians = exact.judge(file.name)
        for name, seconds in medians.items():
            gap = f"{worst[name]:.1e}" if name in worst else "-"
            say(f"| {title} | {'**Des**' if name == 'Des' else name} | {span(seconds)} | {seconds / medians['Des']:,.0f} | {gap} |")


def table_of_placement(args, say):
    program, other = beside(args, "placement-problems"), script("placement-vs-cpsat")
    if not program or not other:
        return
    if other.cp_model is None:
        print("placement-vs-cpsat is left out: OR-tools is not installed; pip install ortools", file=sys.stderr)
        return
    least = 5 if args.quick else 10
    say("", f"## Placement, against CP-SAT with {len(CORES)} workers for as long, but at least {least} s", "")
    worse, compared, nothing = other.compare(program, 1 if args.quick else 3, len(CORES), least, say)
    say("", f"Worse than CP-SAT in {worse} of {compared}; in {nothing} more it found no placement. How CP-SAT is set: "
        "the head of placement-vs-cpsat.py.")


def versions(present):
    """What is compared."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for package in ("numpy", "ortools", *sorted({p for name in present for p in OTHERS[name][0].split()})):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} (not there)")
    return ", ".join(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the core-bench program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 64, 1000, 100000])
    parser.add_argument("--quick", action="store_true", help="few instances, short limits")
    parser.add_argument("--runs", type=int, help="instances for each K up to 64 (9; quick: 3)")
    parser.add_argument("--limit", type=float, help="seconds for each instance and solver (120; quick: 15)")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--out", help="Markdown file for the tables")
    args = parser.parse_args()
    args.runs = args.runs or (3 if args.quick else 9)
    args.limit = args.limit or (15 if args.quick else 120)

    lines = []

    def say(*text):
        lines.extend(text)
        print(*text, sep="\n", flush=True)

    present = []
    for name, (packages, *_) in OTHERS.items():
        try:
            for package in packages.split():
                importlib.import_module(package)
            present.append(name)
        except ImportError as error:
            print(f"{name} is left out: {error}; pip install nlopt cyipopt cvxpy clarabel scipy", file=sys.stderr)
    try:
        import wdmoe.core  # noqa: F401

        args.python = True
    except ImportError as error:
        print(f"calls from numpy are left out: {error}", file=sys.stderr)
        args.python = False

    load = os.getloadavg()[0]
    say("# The numerics against general solvers", "")
    say(f"`bench/solvers.py {' '.join(sys.argv[1:])}`, {time.strftime('%Y-%m-%d')}; {len(CORES)} cores of {processor()}, "
        f"Python {platform.python_version()}, {versions(present)}. Load of the machine as it began: {load:.1f}. What is "
        "timed and how: the head of the script.", "")
    missing = [name for name in OTHERS if name not in present]
    if missing:
        say(f"Not installed, left out: {', '.join(missing)}.", "")
    if "allocation" in args.parts:
        table_of_allocation(args, present, say)
    if "selection" in args.parts and args.python:
        table_of_selection(args, say)
    for part, table in (("decision", table_of_decisions), ("des", table_of_des), ("placement", table_of_placement)):
        if part in args.parts:
            table(args, say)
    if args.out:
        Path(args.out).write_text("\n".join(lines) + "\n", encoding="ascii")


def processor():
    """Its name."""
    for row in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if row.startswith("model name"):
            return row.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
