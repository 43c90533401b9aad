# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe.core: policies that search, the quality bound with the block in it, and placement."""

import itertools

import numpy as np
import pytest

from wdmoe import core


def cheapest(row, k, cost, floor):
    """(cost) of the cheapest set of at most k experts with `floor` of the token's top-k mass, by trying all."""
    need = floor * np.sort(row)[-k:].sum() - 1e-12
    sets = (s for n in range(1, k + 1) for s in itertools.combinations(range(len(row)), n))
    return min(cost[list(s)].sum() for s in sets if row[list(s)].sum() >= need)


def test_des_against_all_sets():
    rng = np.random.default_rng(1)
    worst = 0
    for _ in range(60):
        experts = int(rng.integers(2, 8))
        gate, cost = rng.dirichlet(np.ones(experts), 20), rng.uniform(0.1, 1, experts)
        k, floor = int(rng.integers(1, min(4, experts) + 1)), rng.uniform(0.3, 1)
        chosen = core.select(gate, k, "des", cost=cost, floor=floor)
        assert chosen.status == "optimal" and chosen.expert.shape == (20, k)
        best = [cheapest(row, k, cost, floor) for row in gate]
        mine = np.where(chosen.expert >= 0, cost[chosen.expert], 0).sum(axis=1)
        worst = max(worst, np.abs(mine - best).max())
        assert chosen.cost == pytest.approx(mine.sum()) and chosen.lower_bound == pytest.approx(chosen.cost)
    print(f"des, 1200 tokens: worst difference to the cheapest of all sets {worst:.1e}")
    assert worst <= 1e-9
    assert core.select(gate, 1, "des", cost=cost, floor=0.5, relative=False, max_experts=2).expert.shape == (20, 2)


def test_des_says_what_floor_can_be_met():
    chosen = core.select([[0.5, 0.3, 0.2]], 1, "des", cost=1, floor=0.9, relative=False)
    assert chosen.status == "infeasible" and chosen.reachable == pytest.approx(0.5) and chosen.message
    assert chosen.expert.tolist() == [[0]]


def test_sift_skips_and_replaces():
    gate, cost = [[0.6, 0.3, 0.1]], [1, 5, 1]
    similar = np.array([[1, 0, 0], [0, 1, 0.9], [0, 0.9, 1]], float)
    full = core.select(gate, 2, "sift", cost=cost, similarity=similar, max_error=0)
    assert sorted(full.expert[0]) == [0, 1] and full.cost == 6
    replaced = core.select(gate, 2, "sift", cost=cost, similarity=similar, max_error=0.05)
    assert sorted(replaced.expert[0]) == [0, 2] and replaced.replaced == 1
    assert replaced.worst_error == pytest.approx(0.1 / 3)
    skipped = core.select(gate, 2, "sift", cost=cost, max_error=0.4)
    assert sorted(skipped.expert[0]) == [-1, 0] and skipped.skipped == 1


def test_channel_aware_and_random():
    rng = np.random.default_rng(2)
    gate = rng.dirichlet(np.ones(8), 400)
    plain = core.select(gate, 2)
    assert (core.select(gate, 2, "channel-aware", snr=np.full(8, 3.0), strength=0).expert == plain.expert).all()
    chosen = core.select(gate, 2, "channel-aware", snr=np.array([1e-6] + [100] * 7), strength=2)
    assert chosen.load[0] < plain.load[0]
    drawn = core.select(gate, 2, "random", keep=0.25, exact=True, seed=3)
    assert drawn.routed == 400 + 100
    assert (drawn.expert == core.select(gate, 2, "random", keep=0.25, exact=True, seed=3).expert).all()
    assert (drawn.expert != core.select(gate, 2, "random", keep=0.25, exact=True, seed=4).expert).any()


def make_block(**change):
    settings = {"downlink_law": core.linear([5.0, 4, 3, 1]), "uplink_law": core.shannon([4e8, 2e8, 1e8, 2e7]),
                "budget_hz": (10e6, 10e6), "downlink_pair_bits": 65536.0, "uplink_pair_bits": 65536.0, "pair_s": 1e-3}
    return core.block(**{**settings, **change})


def test_quality_bound_keeps_its_floor():
    rng = np.random.default_rng(3)
    gate = rng.dirichlet(np.ones(4), 64)
    before = None
    for lost in (0.0, 0.02, 0.1, 0.3):
        for split in (False, True):
            chosen = core.select(gate, 2, "quality-bound", block=make_block(), max_lost=lost, max_token_loss=0.5, static_split=split)
            assert chosen.status == "solved" and chosen.kept_mass >= 1 - lost - 1e-12
            assert chosen.lost == pytest.approx(1 - chosen.kept_mass, abs=1e-9)
            assert chosen.lower_bound_s <= chosen.latency_s * (1 + 1e-9) and 0 <= chosen.gap < 0.2
            if not split:
                assert before is None or chosen.latency_s <= before * (1 + 1e-9)
                before = chosen.latency_s
    priced = core.select(gate, 2, "quality-bound", block=make_block(), max_lost=0.05, price=([0.2, 1.0], [0.1, 1.0]))
    assert priced.status == "solved" and priced.lost <= 0.05 + 1e-12
    gone = core.select(gate, 2, "quality-bound", block=make_block(reachable=[True, True, True, False]), max_lost=0.01)
    assert gone.status == "infeasible" and gone.message and gone.lost > 0.01


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"policy": "des", "cost": [1, np.nan, 1, 1]}, "cost"),
        ({"policy": "des", "cost": 1, "floor": 2}, "floor"),
        ({"policy": "des", "cost": 1, "max_experts": 9}, "max_experts is 9"),
        ({"policy": "sift", "cost": 1, "similarity": np.eye(3)}, r"similarity has the shape \(3, 3\), expected \(4, 4\)"),
        ({"policy": "sift", "cost": 1, "max_error": -1}, "max_error"),
        ({"policy": "channel-aware", "snr": [1, -1, 1, 1]}, "(?i)snr"),
        ({"policy": "random", "keep": 2}, "keep"),
        ({"policy": "quality-bound", "block": None}, "block is of type NoneType"),
        ({"policy": "quality-bound", "block": make_block(), "max_lost": 2}, "max_lost"),
        ({"policy": "quality-bound", "block": make_block(expert_device=[0])}, "block has 1 experts, expected the 4 of gate"),
        ({"policy": "quality-bound", "block": make_block(expert_device=[0, 1, 2, 9])}, "9"),
        ({"policy": "quality-bound", "block": make_block(downlink_pair_bits=-1.0)}, "downlink_pair_bits"),
    ],
)
def test_policies_refuse(settings, words):
    with pytest.raises(ValueError, match=words):
        core.select([[0.4, 0.3, 0.2, 0.1]], 2, **settings)


def latency(load, air, own, device):
    """Of one block: the busier of the air and of the slowest device."""
    return max(max((a[device] * load).sum() for a in air), np.bincount(device, own[device] * load, len(own)).max())


def test_place_against_all_placements():
    rng = np.random.default_rng(4)
    worst = 0
    for _ in range(100):
        experts, devices = int(rng.integers(2, 6)), int(rng.integers(2, 4))
        load = rng.integers(0, 50, experts).astype(float)
        air, own = rng.uniform(1e-3, 1e-2, (2, devices)), rng.uniform(1e-3, 2e-2, devices)
        room = -(-experts // devices) + int(rng.integers(0, 2))
        placed = core.place(load[None], memory_bytes=np.full(devices, room * 10.0), expert_bytes=10, air_s=air, pair_s=own)
        assert placed.status == "optimal" and placed.holders.shape == (1, experts, 1)
        assert np.bincount(placed.device[0], minlength=devices).max() <= room
        best = min(latency(load, air, own, np.array(d)) for d in itertools.product(range(devices), repeat=experts)
                   if np.bincount(d, minlength=devices).max() <= room)
        assert placed.latency_s == pytest.approx(latency(load, air, own, placed.device[0]))
        worst = max(worst, abs(placed.latency_s - best))
    print(f"place, 100 instances: worst difference to the best of all placements {worst:.1e} s")
    assert worst <= 1e-12


def test_place_infeasible_says_by_how_much():
    placed = core.place(np.ones((2, 4)), memory_bytes=[30, 40], expert_bytes=10, air_s=[1, 1])
    assert placed.status == "infeasible" and placed.missing_bytes == pytest.approx(10) and placed.message
    assert (placed.holders == -1).all() and placed.latency_s == np.inf


def test_place_stays_where_moving_costs_more():
    settings = {"memory_bytes": [40.0, 40], "expert_bytes": 10, "air_s": [1.0, 1.01], "move_s": 5.0, "current": [[1, 1]]}
    assert core.place(np.ones((1, 2)), **settings, move_weight=1).moves == 0
    assert core.place(np.ones((1, 2)), **settings, move_weight=0).device.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"load": [[1, np.nan]]}, r"load\[0, 0, 1\] is nan"),
        ({"load": np.empty((0, 2))}, "expected at least one of each"),
        ({"load": [1, 2]}, "load has 1 dimensions"),
        ({"memory_bytes": [-1, 1]}, "(?i)memory"),
        ({"expert_bytes": np.nan}, "(?i)expert_?bytes"),
        ({"air_s": [1]}, r"air_s has the shape \(1, 1\)"),
        ({"pair_s": -1}, "pair"),
        ({"max_holders": 3}, "max_holders is 3, expected 1 .. 2"),
        ({"current": [[0, 7]]}, "(?i)current|device"),
        ({"current": [0, 1]}, "current has the shape"),
    ],
)
def test_place_refuses(change, words):
    good = {"load": np.ones((1, 2)), "memory_bytes": [40.0, 40], "expert_bytes": 10, "air_s": [1.0, 1]}
    with pytest.raises(ValueError, match=words):
        core.place(**{**good, **change})
