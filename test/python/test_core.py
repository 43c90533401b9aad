# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe.core: the numerics as numpy functions, against SciPy and against plain numpy; what is refused."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from wdmoe import core

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "reference"))
import numpy_selection as reference  # noqa: E402

TOKEN = 65536  # bit


# ---- allocate


def draw(rng, count):
    """Loads and laws of `count` devices, all of which are busy: laws as (is Shannon, slope or gain)."""
    down, up = (TOKEN * rng.integers(1, 200, count).astype(float) for _ in range(2))
    laws = [(rng.random(count) < 0.5, np.where(np.arange(2)[:, None], 10 ** rng.uniform(6, 9, count), rng.uniform(0.2, 7, count)))
            for _ in range(2)]
    return down, up, rng.uniform(0, 0.5, count), *[(is_shannon, np.where(is_shannon, v[1], v[0])) for is_shannon, v in laws]


def law(kind):
    """What allocate() takes."""
    is_shannon, value = kind
    return core.join(*(core.shannon(v) if s else core.linear(v) for s, v in zip(is_shannon, value)))


def leg(bits, kind, hz):
    """(time, -d time / d Hz) of one direction; arrays of any shape."""
    is_shannon, value = kind
    snr = np.where(is_shannon, value / hz, 1)
    nats = np.log1p(snr)
    rate = np.where(is_shannon, hz * nats / np.log(2), value * hz)
    change = np.where(is_shannon, (nats - snr / (1 + snr)) / np.log(2), value)
    time = bits / rate
    return time, time * change / rate


def solve(instance, budget, coupled):
    down, up, compute, down_law, up_law = instance
    result = core.allocate(down, up, compute, law(down_law), law(up_law), budget, coupled)
    assert result.status == "optimal", result
    assert result.gap <= 1e-9 and result.residual <= 1e-7
    # what is promised is what one gets
    times = compute + leg(down, down_law, result.downlink_hz)[0] + leg(up, up_law, result.uplink_hz)[0]
    assert times.max() == pytest.approx(result.time_s, rel=1e-12)
    assert list(result.active) == list(range(len(down)))
    if coupled:
        assert (result.downlink_hz == result.uplink_hz).all()
        assert result.downlink_hz.sum() == pytest.approx(budget, rel=1e-12)
    else:
        assert [result.downlink_hz.sum(), result.uplink_hz.sum()] == pytest.approx(budget, rel=1e-12)
    return result


def bound(instance, budget, coupled, result):
    """A lower bound on any allocation's time, by weak duality from the slopes at `result`."""
    down, up, compute, down_law, up_law = instance
    td, sd = leg(down, down_law, result.downlink_hz)
    tu, su = leg(up, up_law, result.uplink_hz)
    if coupled:
        mu = 1 / (sd + su)
        return (mu @ (compute + td + tu) + result.downlink_hz.sum() - budget) / mu.sum()
    price = np.median(sd / su)
    mu = np.minimum(price / sd, 1 / su)
    values = compute + td + tu + sd * result.downlink_hz + su * result.uplink_hz
    return (mu @ values - price * budget[0] - budget[1]) / mu.sum()


def nested_bisection(instances, budget):
    """Coupled: T at which the least bandwidths for T fill the budget; all instances (of one K) at once."""
    down, up, compute = (np.array([i[n] for i in instances]) for n in range(3))
    laws = [(np.array([i[n][0] for i in instances]), np.array([i[n][1] for i in instances])) for n in (3, 4)]
    low, high = compute.max(axis=1, keepdims=True), np.full((len(instances), 1), 1e6)
    for _ in range(70):
        time = np.where(high > 1.01 * low, np.sqrt(np.maximum(low, 1e-3 * high) * high), (low + high) / 2)
        small, large = np.full(down.shape, -10.0), np.full(down.shape, 30.0)  # log Hz
        for _ in range(60):
            middle = (small + large) / 2
            hz = np.exp(middle)
            late = compute + leg(down, laws[0], hz)[0] + leg(up, laws[1], hz)[0] > time
            small, large = np.where(late, middle, small), np.where(late, large, middle)
        too_much = np.exp(large).sum(axis=1, keepdims=True) > budget
        low, high = np.where(too_much, time, low), np.where(too_much, high, time)
    return high[:, 0]


def slsqp(instance, budget):
    """Split: T of the feasible point that SLSQP reaches from equal shares."""
    down, up, compute, down_law, up_law = instance
    count = len(down)

    def times(z):
        td, sd = leg(down, down_law, z[:count] * budget[0])
        tu, su = leg(up, up_law, z[count:-1] * budget[1])
        return compute + td + tu, sd * budget[0], su * budget[1]

    start = np.full(2 * count + 1, 1 / count)
    start[-1] = 1
    unit = times(start)[0].max()

    def jacobian(z):
        _, sd, su = times(z)
        return np.hstack([np.diag(sd), np.diag(su), np.full((count, 1), unit)]) / unit

    budgets = np.zeros((2, 2 * count + 1))
    budgets[0, :count] = budgets[1, count:-1] = -1
    goal = np.append(np.zeros(2 * count), 1.0)
    z = minimize(lambda z: z[-1], start, jac=lambda z: goal, method="SLSQP", bounds=[(1e-6, 1)] * (2 * count) + [(0, None)],
                 constraints=[{"type": "ineq", "fun": lambda z: z[-1] - times(z)[0] / unit, "jac": jacobian},
                              {"type": "ineq", "fun": lambda z: 1 + budgets @ z, "jac": lambda z: budgets}],
                 options={"ftol": 1e-12, "maxiter": 500}).x
    z[:count] /= max(1, z[:count].sum())
    z[count:-1] /= max(1, z[count:-1].sum())
    return times(z)[0].max()


def test_allocate_coupled_against_nested_bisection():
    rng = np.random.default_rng(1)
    worst = worst_bound = 0
    for count in (1, 2, 5, 12):
        instances = [draw(rng, count) for _ in range(300)]
        budget = 1e6 * count
        expected = nested_bisection(instances, budget)
        for instance, best in zip(instances, expected):
            result = solve(instance, budget, True)
            worst = max(worst, abs(result.time_s / best - 1))
            worst_bound = max(worst_bound, 1 - bound(instance, budget, True, result) / result.time_s)
    print(f"coupled, 1200 instances: worst difference {worst:.1e}, worst certificate in numpy {worst_bound:.1e}")
    assert worst <= 1e-9 and worst_bound <= 1e-9


def test_allocate_split_against_slsqp_and_duality():
    rng = np.random.default_rng(2)
    worst, behind, worst_bound = -np.inf, [], 0
    for i in range(1000):
        count = 1 + i % 5
        instance, budget = draw(rng, count), (1e6 * count, 0.7e6 * count)
        result = solve(instance, budget, False)
        other = slsqp(instance, budget)
        worst = max(worst, result.time_s / other - 1)  # above 0: a better point was found
        behind.append(other / result.time_s - 1)
        worst_bound = max(worst_bound, 1 - bound(instance, budget, False, result) / result.time_s)
    print(f"split, 1000 instances: ours above SLSQP by {worst:.1e} at most, SLSQP above ours by {np.median(behind):.1e} "
          f"(median), worst certificate in numpy {worst_bound:.1e}")
    assert worst <= 1e-9 and worst_bound <= 1e-9
    assert np.median(behind) <= 1e-6, "SLSQP should get there too, mostly"


def test_allocate_idle_devices_and_directions():
    linear = core.linear([2.0, 2.0, 2.0])
    result = core.allocate([8e6, 0, 0], [0, 4e6, 0], [0.1, 0.2, 3.0], linear, linear, (1e6, 2e6), False)
    assert result.downlink_hz == pytest.approx([1e6, 0, 0]) and result.uplink_hz == pytest.approx([0, 2e6, 0])
    assert result.time_s == pytest.approx(4.1) and list(result.active) == [0]
    equal = core.allocate([8e6, 0, 0], [0, 4e6, 0], [0.1, 0.2, 3.0], linear, linear, 1e6, True, policy="equal")
    assert list(equal.downlink_hz) == [5e5, 5e5, 0] and equal.status == "feasible"
    equal = core.allocate([8e6, 0, 0], [0, 4e6, 0], [0.1, 0.2, 3.0], linear, linear, 1e6, True, policy="equal-all")
    assert equal.downlink_hz == pytest.approx([1e6 / 3] * 3)


def test_allocate_many_devices():
    rng = np.random.default_rng(3)
    count = 100_000
    down, up, compute, down_law, up_law = draw(rng, count)
    laws = [core.join(core.linear(v[~s]), core.shannon(v[s])) for s, v in (down_law, up_law)]
    for budget, coupled in ((1e6 * count, True), ((1e6 * count, 1e6 * count), False)):
        result = core.allocate(down, up, compute, *laws, budget, coupled)
        assert result.status == "optimal" and result.gap <= 1e-9


@pytest.mark.parametrize(
    "change, words",
    [
        ({"downlink_law": core.linear([0, 1])}, r"downlink_law\[0\] carries no bit .* device 0 has 1000000 bits"),
        ({"uplink_law": core.shannon([1e6, 0])}, r"uplink_law\[1\] carries no bit"),
        ({"budget_hz": 0}, "downlink_hz is 0 Hz but there are bits to move"),
    ],
)
def test_allocate_infeasible_is_an_answer(change, words):
    result = core.allocate(**{**GOOD, **change})
    assert result.status == "infeasible" and re.search(words, result.message)
    assert result.time_s == np.inf and not result.downlink_hz.any()


GOOD = {
    "downlink_bits": [1e6, 2e6],
    "uplink_bits": [1e6, 2e6],
    "compute_s": [0.1, 0.2],
    "downlink_law": core.linear([1, 2]),
    "uplink_law": core.shannon([1e6, 2e6]),
    "budget_hz": 1e6,
    "coupled": True,
}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"downlink_bits": [1e6, np.nan]}, r"downlink_bits\[1\] is nan, expected a finite number >= 0"),
        ({"downlink_bits": [-1, 1]}, r"downlink_bits\[0\] is -1, expected"),
        ({"uplink_bits": [1, np.inf]}, r"uplink_bits\[1\] is inf, expected"),
        ({"uplink_bits": [1]}, r"uplink_bits has the shape \(1,\), expected \(2,\)"),
        ({"compute_s": [1, -0.5]}, r"compute_s\[1\] is -0.5, expected"),
        ({"compute_s": 1.0}, "compute_s has 0 dimensions, expected 1"),
        ({"compute_s": ["a", "b"]}, "compute_s is not an array of numbers"),
        ({"downlink_law": core.linear([1])}, "downlink_law has 1 devices, expected 2"),
        ({"uplink_law": [1, 2]}, r"uplink_law is of type list, expected wdmoe.core.shannon\(\) or linear\(\)"),
        ({"budget_hz": (1e6, 1e6)}, "expected one number since coupled is true"),
        ({"coupled": False}, r"expected \(downlink, uplink\) since coupled is false"),
        ({"budget_hz": (1e6, np.nan), "coupled": False}, r"budget_hz\[1\] is nan, expected a finite number of Hz"),
        ({"budget_hz": -1}, "budget_hz is -1.0, expected a finite number of Hz >= 0"),
        ({"budget_hz": np.inf}, "budget_hz is inf"),
        ({"relative_gap": 0}, "relative_gap is 0, expected between 0 and 1"),
        ({"max_iterations": 0}, "max_iterations is 0, expected 1 .."),
        ({"policy": "best"}, "policy is 'best', expected one of min-max, equal"),
        (
            {"downlink_bits": [], "uplink_bits": [], "compute_s": [], "downlink_law": core.linear([]), "uplink_law": core.linear([])},
            "no device: downlink_bits is empty",
        ),
    ],
)
def test_allocate_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        core.allocate(**{**GOOD, **change})


# ---- laws and latency


def test_rates_and_bandwidths():
    law = core.join(core.linear(3), core.shannon([1e7, 1e7, 2e7], cap=[np.inf, 4.0, np.inf], scale=[1, 1, 0.5]))
    hz = np.array([1e6, 2e6, 1e5, 3e6])
    expected = [3e6, 2e6 * np.log2(6), 4e5, 1.5e6 * np.log2(1 + 20 / 3)]
    assert law.rate(hz) == pytest.approx(expected, rel=1e-14)
    assert law.bandwidth(law.rate(hz)) == pytest.approx(hz, rel=1e-12)
    assert list(law[[0, 2]].bandwidth([6e6, 1e12])) == [2e6, np.inf]
    assert len(law[1:]) == 3 and "3 of them Shannon" in repr(law)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: core.shannon([1, -1]), r"gain_hz\[1\] is -1.0, expected a finite number of Hz >= 0"),
        (lambda: core.shannon([np.nan]), r"gain_hz\[0\] is nan"),
        (lambda: core.shannon([1, np.inf]), r"gain_hz\[1\] is inf"),
        (lambda: core.shannon([[1]]), "gain_hz has 2 dimensions, expected 1"),
        (lambda: core.shannon([1], cap=-1), r"cap\[0\] is -1"),
        (lambda: core.shannon([1, 1], cap=[1]), r"cap has the shape \(1,\), expected \(2,\)"),
        (lambda: core.shannon([1], scale=1.5), r"scale\[0\] is 1.5, expected a share"),
        (lambda: core.linear([np.inf]), r"bit_per_s_per_hz\[0\] is inf"),
        (lambda: core.linear("fast"), "bit_per_s_per_hz is 'fast', expected a number"),
        (lambda: core.linear([1]).rate(-1), r"bandwidth_hz\[0\] is -1"),
        (lambda: core.linear([1]).rate([1, 2]), r"bandwidth_hz has the shape \(2,\)"),
        (lambda: core.latency([1, -1], 0, 0), "expected"),
        (lambda: core.latency([1], 0, 0, micro_batches=0), "micro_batches is 0, expected 1"),
    ],
)
def test_laws_and_latency_refuse(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_latency():
    down, compute, up = np.array([0.1, 0.3]), np.array([0.2, 0.1]), np.array([0.3, 0.1])
    assert core.latency(down, compute, up) == pytest.approx([0.6, 0.5])
    assert core.block_latency(down, compute, up) == pytest.approx(0.6)
    assert core.latency(down, compute, up, 4) == pytest.approx([0.6 / 4 + 0.75 * 0.3, 0.5 / 4 + 0.75 * 0.3])
    assert core.block_latency([], [], []) == 0


# ---- select


def gates(rng):
    """Gates of many shapes, some with zeros and ties, each with a k."""
    for i in range(1000):
        tokens, experts = int(rng.integers(1, 60)), int(rng.integers(1, 17))
        gate = rng.dirichlet(np.full(experts, 10 ** rng.uniform(-1, 0.5)), tokens)
        if i % 3 == 0:
            gate[gate < 0.05] = 0
            gate = np.round(gate * 64)
            gate[gate.sum(axis=1) == 0, 0] = 1
        gate /= gate.sum(axis=1, keepdims=True)
        yield gate, int(rng.integers(1, experts + 1))


def test_select_against_numpy():
    rng = np.random.default_rng(4)
    dropped = dict.fromkeys(("wlr", "cost-bound"), 0)
    for gate, k in gates(rng):
        price = rng.uniform(1e-3, 1e-2, gate.shape[1])
        chosen = core.select(gate, k)
        expert, weight = reference.topk(gate, k)
        assert (chosen.expert == expert).all()
        assert chosen.combine == pytest.approx(reference.combine(expert, weight), abs=1e-12)
        assert list(chosen.load) == [np.count_nonzero(expert == e) for e in range(gate.shape[1])]
        assert chosen.kept_mass == 1 and chosen.routed == np.count_nonzero(expert >= 0)

        chosen = core.select(gate, k, "wlr", latency_s=price)
        expert, combine, theta, before, after = reference.wlr(gate, k, price)
        assert (chosen.expert == expert).all()
        assert chosen.combine == pytest.approx(combine, abs=1e-12)
        assert [chosen.theta, chosen.wlr_topk, chosen.wlr] == pytest.approx([theta, before, after])
        assert chosen.reached == (after > 1.03 * before)
        assert core.weight_to_latency_ratio(gate, chosen.expert, price) == pytest.approx(after)
        assert chosen.kept_mass == pytest.approx(reference.kept_gate_mass(gate, expert, k))
        dropped["wlr"] += np.count_nonzero(chosen.expert < 0)

        settings = {"max_lost_mass": rng.uniform(0, 0.5), "max_token_loss": rng.uniform(0, 0.5), "min_experts": 1 + k // 4}
        chosen = core.select(gate, k, "cost-bound", cost_s=price, **settings)
        expert, combine = reference.quality_bound(gate, k, price, **settings)
        assert (chosen.expert == expert).all()
        assert chosen.combine == pytest.approx(combine, abs=1e-12)
        assert chosen.kept_mass >= 1 - settings["max_lost_mass"] - 1e-12
        dropped["cost-bound"] += np.count_nonzero(chosen.expert < 0)
    assert min(dropped.values()) > 1000


def test_select_bottleneck_relieves_the_slowest():
    rng = np.random.default_rng(5)
    gate = rng.dirichlet(np.ones(8), 64)
    devices = np.arange(8)
    history = np.repeat(devices, 2), np.tile([10, 20], 8), np.tile([0.1, 0.2], 8) * np.repeat([1] * 7 + [3], 2)
    chosen = core.select(gate, 2, "bottleneck", expert_device=devices, history=history)
    topk = core.select(gate, 2)
    assert chosen.relieved == 1 and chosen.after_s < chosen.before_s
    assert list(chosen.load[:7]) == list(topk.load[:7]) and chosen.load[7] < topk.load[7]
    assert chosen.before_s == pytest.approx(0.03 * topk.load[7])


def test_select_takes_other_arrays():
    gate = np.array([[0.25, 0.75], [0.5, 0.5]])
    for other in (gate.tolist(), gate.astype(np.float32), np.asfortranarray(gate), np.repeat(gate, 2, axis=1)[:, ::2]):
        assert core.select(other, 1).expert.tolist() == [[1], [0]]
    assert core.select([[0.1, 0.3]], 1, partial=True).combine == [[1.0]]


@pytest.mark.parametrize(
    "gate, k, settings, words",
    [
        ([[0.5, 0.4]], 1, {}, "row 0 of gate sums to 0.9, expected 1 within 1e-06"),
        ([[0.5, 0.5], [0.5, 0.51]], 1, {}, "row 1 of gate sums to 1.01"),
        ([[0.5, 0.6]], 1, {"partial": True}, "sum to 1.1"),
        ([[0.5, 0.5], [np.nan, 1]], 1, {}, r"gate\[1, 0\] is nan, expected a weight"),
        ([[1.5, -0.5]], 1, {}, r"gate\[0, 1\] is -0.5"),
        ([[0.5, np.inf]], 1, {}, r"gate\[0, 1\] is inf"),
        ([[0.0, 0.0]], 1, {"partial": True}, "sum to 0"),
        ([0.5, 0.5], 1, {}, "gate has 1 dimensions, expected 2"),
        (np.empty((0, 2)), 1, {}, "gate has 0 tokens"),
        (np.empty((2, 0)), 1, {}, "k is 1, expected at most the 0 experts"),
        ([["a", "b"]], 1, {}, "gate is not an array of numbers"),
        ([[0.5, 0.5]], 0, {}, "k is 0, expected 1"),
        ([[0.5, 0.5]], 3, {}, "k is 3, expected at most the 2 experts"),
        ([[0.5, 0.5]], 1.5, {}, "k is 1.5, expected a whole number"),
        ([[0.5, 0.5]], 1, {"policy": "magic"}, "policy is 'magic', expected one of topk, wlr"),
        ([[0.5, 0.5]], 1, {"policy": "wlr", "latency_s": [1.0]}, r"latency_s has the shape \(1,\), expected \(2,\)"),
        ([[0.5, 0.5]], 1, {"policy": "wlr", "latency_s": [1.0, 0.0]}, "latency of expert 1 is 0"),
        ([[0.5, 0.5]], 1, {"policy": "wlr", "latency_s": [np.nan, 1]}, "latency of expert 0 is nan"),
        ([[0.5, 0.5]], 1, {"policy": "wlr", "latency_s": 1, "theta_end": 2}, "theta_end is 2"),
        ([[0.5, 0.5]], 1, {"policy": "wlr", "latency_s": 1, "min_experts": 0}, "min_experts is 0"),
        ([[0.5, 0.5]], 1, {"policy": "cost-bound", "cost_s": [1, -1]}, "cost of expert 1 is -1"),
        ([[0.5, 0.5]], 1, {"policy": "cost-bound", "cost_s": 1, "max_lost_mass": 2}, "max_lost_mass is 2"),
        ([[0.5, 0.5]], 1, {"policy": "bottleneck", "expert_device": [0], "history": ([], [], [])}, "expert_device has the shape"),
        ([[0.5, 0.5]], 1, {"policy": "bottleneck", "expert_device": [0, 1], "history": ([0], [1], [-1.0])}, "expected"),
        ([[0.5, 0.5]], 1, {"policy": "bottleneck", "expert_device": [0, 1], "history": ([0], [1])}, "history has 2 parts"),
    ],
)
def test_select_refuses(gate, k, settings, words):
    with pytest.raises(ValueError, match=words):
        core.select(gate, k, **settings)


def test_kept_mass_refuses():
    with pytest.raises(ValueError, match="names expert 5"):
        core.kept_gate_mass([[0.5, 0.5]], [[5]], 1)
    with pytest.raises(ValueError, match="expert has 2 rows, expected one for each of the 1 tokens"):
        core.kept_gate_mass([[0.5, 0.5]], [[0], [1]], 1)
    with pytest.raises(TypeError, match="latency_s"):
        core.select([[0.5, 0.5]], 1, "wlr")


def test_select_many_tokens():
    """10^7 tokens of 8 experts with WDMOE_LARGE=1 (3 GB of memory)."""
    tokens = 10_000_000 if os.environ.get("WDMOE_LARGE") else 200_000
    rng = np.random.default_rng(6)
    gate = rng.random((tokens, 8))
    gate /= gate.sum(axis=1, keepdims=True)
    latency = rng.uniform(1e-3, 1e-2, 8)
    for policy, settings in (("topk", {}), ("wlr", {"latency_s": latency}), ("cost-bound", {"cost_s": latency})):
        chosen = core.select(gate, 2, policy, **settings)
        assert chosen.load.sum() == chosen.routed and 0.5 < chosen.kept_mass <= 1
        assert chosen.combine.sum() == pytest.approx(tokens)


# ---- schedule


def shop(rng, count, half_duplex=False):
    down, up = (core.shannon(10 ** rng.uniform(6.5, 8.5, count), 5, 0.75) if rng.random() < 0.5 else
                core.linear(rng.uniform(1, 5, count)) for _ in range(2))
    return {
        "downlink_bits": TOKEN * rng.integers(0, 64, count).astype(float),
        "uplink_bits": TOKEN * rng.integers(1, 64, count).astype(float),
        "compute_s": rng.uniform(0.02, 0.3, count),
        "downlink_law": down,
        "uplink_law": up,
        "budget_hz": 2.5e6 * count if half_duplex else (2.5e6 * count, 2e6 * count),
        "half_duplex": half_duplex,
        "pieces": (1, 2, 4),
        "piece_overhead_s": 0.01,
        "uplink_request_s": 0.007,
        "uplink_fixed_s": 0.005,
    }


def test_schedule_is_conservative_and_bounded():
    rng = np.random.default_rng(7)
    gaps = []
    for i in range(200):
        count = 1 + i % 9
        problem = shop(rng, count, half_duplex=i % 3 == 0)
        plan = core.schedule(**problem)
        assert plan.status == "planned" and not plan.message
        times = plan.times
        assert plan.lower_bound_s <= plan.cost_s * (1 + 1e-9)
        gaps.append(plan.gap)
        assert plan.block_end_s == pytest.approx([times["uplink_end_s"].max()])
        assert plan.cost_s == pytest.approx(plan.block_end_s[0])
        assert len(times) == plan.pieces.sum()
        # one stage after another, on one compute unit, with the work that there is
        assert (times["compute_start_s"] >= times["downlink_end_s"] - 1e-12).all()
        assert (times["uplink_start_s"] >= times["compute_end_s"] - 1e-12).all()
        n = plan.pieces[times["task"]]
        work = (problem["compute_s"][times["task"]] + 0.01 * (n - 1)) / n
        assert times["compute_end_s"] - times["compute_start_s"] == pytest.approx(work)
        same = times["task"][1:] == times["task"][:-1]
        assert (times["compute_start_s"][1:] >= times["compute_end_s"][:-1] - 1e-12)[same].all()
        # no device gets more than all bandwidth would carry
        for way, fixed in (("downlink", 0), ("uplink", 0.005)):
            budget = problem["budget_hz"] if problem["half_duplex"] else problem["budget_hz"][way == "uplink"]
            least = problem[f"{way}_bits"] / problem[f"{way}_law"].rate(budget)
            taken = times[f"{way}_end_s"] - times[f"{way}_start_s"] - fixed
            sent = np.bincount(times["task"], taken, count)
            assert (sent >= least * (1 - 1e-9) - 1e-12).all()
            # nor all together
            if np.all(problem[f"{way}_law"].array["kind"] == 0):
                assert times[f"{way}_end_s"].max() - fixed >= least.sum() * (1 - 1e-9)
        # no division of bandwidth that does not change is faster than the bound
    print(f"schedule, 200 instances: median gap to the bound {np.median(gaps):.3f}, worst {max(gaps):.3f}")


def test_schedule_serves_one_after_another():
    linear = core.linear([1, 1])
    plan = core.schedule([1e6, 1e6], [1e6, 1e6], [0.1, 0.5], linear, linear, (1e6, 1e6))
    # longest tail first: 1 + 0.5 + 1, then the other's answer
    assert plan.cost_s == pytest.approx(3.5) and plan.exact
    assert list(plan.downlink_order) in ([0, 1], [1, 0])
    two = core.schedule([1e6] * 2, [1e6] * 2, [0.1] * 2, core.linear([1]), core.linear([1]), (1e6, 1e6), device=[0, 0],
                        block=[0, 1], block_weight=[1, 2])
    assert two.cost_s == pytest.approx(two.block_end_s @ [1, 2]) and len(two.block_end_s) == 2


def test_schedule_infeasible_is_an_answer():
    plan = core.schedule([1e6], [1e6], [0.1], core.linear([0]), core.linear([1]), (1e6, 1e6))
    assert plan.status == "infeasible" and plan.message and plan.cost_s == np.inf


@pytest.mark.parametrize(
    "change, words",
    [
        ({"downlink_bits": [np.nan, 1]}, r"downlink_bits\[0\] is nan"),
        ({"uplink_bits": [1, -1]}, r"uplink_bits\[1\] is -1"),
        ({"compute_s": [1, np.inf]}, r"compute_s\[1\] is inf"),
        ({"downlink_bits": [], "uplink_bits": [], "compute_s": []}, "there are 0 tasks"),
        ({"downlink_law": core.linear([])}, "there are 2 tasks .* and 0 devices"),
        ({"downlink_law": core.linear([1, 1, 1]), "uplink_law": core.linear([1, 1, 1])}, "expected the device of each task"),
        ({"device": [0, 2]}, r"device\[1\] is 2, expected 0 .. 1"),
        ({"device": [0.0, 1.0]}, "expected 2 whole numbers"),
        ({"block": [0, 9]}, r"block\[1\] is 9"),
        ({"pieces": ()}, "pieces is empty"),
        ({"pieces": (0,)}, r"pieces\[0\] is 0, expected 1"),
        ({"release_s": -1}, "release_s"),
        ({"busy_s": np.nan}, "busy_s"),
        ({"block_weight": [-1]}, "block_weight"),
        ({"guaranteed": 0.7}, "guaranteed"),
        ({"budget_hz": (0, 1e6)}, "downlink_hz"),
        ({"half_duplex": True}, "expected one number"),
    ],
)
def test_schedule_refuses(change, words):
    good = {k: GOOD[k] for k in ("downlink_bits", "uplink_bits", "compute_s", "downlink_law", "uplink_law")}
    with pytest.raises(ValueError, match=words):
        core.schedule(**{**good, "budget_hz": (1e6, 1e6), **change})


# ---- the library


def test_needs_no_simulator():
    code = """
import sys
class No:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("ns3", "cppyy", "matplotlib", "rich", "scipy"):
            raise ImportError(name + " is not there")
sys.meta_path.insert(0, No())
from wdmoe import core
print(core.allocate([1e6], [1e6], [0], core.linear([1]), core.linear([1]), 1e6, True).time_s)
maps = open("/proc/self/maps").read()
assert "libwdmoe-core" in maps
assert "libns3" not in maps and "libgsl" not in maps, maps
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(2)


def test_a_library_that_is_not_there_is_explained(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
                   "WDMOE_CORE_LIBRARY": str(tmp_path / "none.so")}
    done = subprocess.run([sys.executable, "-c", "import wdmoe.core"], text=True, capture_output=True, env=environment)
    assert done.returncode != 0
    assert re.search(r"ImportError: wdmoe.core: no libwdmoe-core.so at .*none.so; install the package", done.stderr)


C_TYPES = {
    "size_t": (ctypes.c_size_t, np.uintp), "double": (ctypes.c_double, "f8"), "int32_t": (ctypes.c_int32, "i4"),
    "uint64_t": (ctypes.c_uint64, "u8"), "uint32_t": (ctypes.c_uint32, "u4"), "uint8_t": (ctypes.c_uint8, "u1"),
}


def test_structs_are_those_of_the_header():
    from wdmoe.core import _allocate, _laws, _place, _policies, _schedule, _select

    mirrors = {c.__doc__: c for m in (_allocate, _place, _policies, _schedule, _select) for c in vars(m).values()
               if isinstance(c, type) and issubclass(c, ctypes.Structure)}
    mirrors |= {"wdmoe_core_law": _laws.DTYPE, "wdmoe_core_shop_device": _schedule.DEVICE, "wdmoe_core_shop_task": _schedule.TASK,
                "wdmoe_core_shop_share": _schedule.SHARE, "wdmoe_core_shop_times": _schedule.TIMES,
                "wdmoe_core_block_device": _policies.DEVICE, "wdmoe_core_block_cell": _policies.CELL,
                "wdmoe_core_shop_piece": np.dtype([(n, "f8") for n in ("downlink_bits", "compute_s", "uplink_bits")])}
    header = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "model" / "core").glob("wdmoe-core-c*.h")))
    header = re.sub(r" *//.*", "", header)
    structs = re.findall(r"typedef struct (\w+)\s*\{(.*?)\} \1;", header, re.DOTALL)
    assert {name for name, _ in structs} == set(mirrors)
    for name, body in structs:
        fields = re.findall(r"(?:const )?(\w+)(\*?)\s+(\w+);", body)
        assert len(fields) == body.count(";"), name
        mirror = mirrors[name]
        if isinstance(mirror, np.dtype):
            assert list(mirror.names) == [field for *_, field in fields]
            for kind, star, field in fields:
                expected = mirrors[kind] if kind in mirrors else np.dtype(C_TYPES[kind][1])
                assert not star and mirror[field] == expected, field
        else:
            assert mirror._fields_ == [(field, ctypes.c_void_p if star else C_TYPES[kind][0]) for kind, star, field in fields]
    from wdmoe.core import _library

    assert f"#define WDMOE_CORE_ABI {_library.ABI}\n" in header
