# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe.gym: episodes, their repeatability, what they equal, what is refused, and several in one process."""

import gc
import threading

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import wdmoe.gym

SMALL = {"requests": 2, "blocks": 2, "max_output_tokens": 2, "max_prompt_tokens": 8}
K = 8


def make(**options):
    return gymnasium.make(wdmoe.gym.ID, disable_env_checker=True, **{**SMALL, **options})


def play(env, seed, act=None):
    """Everything that is seen of an episode; act(env, observation) decides, else the action space at random."""
    observation, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    seen = [(observation, None, info)]
    over = False
    while not over:
        action = act(env, observation) if act else env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        seen.append((observation, reward, info))
    return seen


def same(one, other):
    """To the bit."""
    assert len(one) == len(other)
    for (seen, reward, info), (seen2, reward2, info2) in zip(one, other):
        assert all(np.array_equal(seen[name], seen2[name]) for name in seen)
        assert reward == reward2
        assert info == info2 or all(a == b or a != a and b != b for a, b in zip(info.values(), info2.values()))


def equal(env, _):
    return np.ones(env.action_space.shape, np.float32)


@pytest.fixture(name="env")
def _env():
    env = make()
    yield env
    env.close()


@pytest.mark.parametrize("action", ["shares", "threshold", "both"])
def test_gymnasium_checks_it(action):
    env = make(action=action)
    check_env(env.unwrapped)
    env.close()


def test_stable_baselines3_checks_it():
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = wdmoe.gym.LogShares(make())
    checker.check_env(env)
    env.close()


def test_episode(env):
    seen = play(env, 3)
    assert len(seen) - 1 == 2 * 2 * 2  # requests x output tokens x blocks
    assert seen[0][2] == {"rng_run": 3}
    assert [info["block"] for _, _, info in seen[1:]] == [0, 1] * 4
    for observation, reward, info in seen[1:]:
        assert env.observation_space.contains(observation)
        lost = info["tokens"] * (1 - info["gate_mass_kept"])
        assert reward == pytest.approx(-(info["latency_s"] + 2e-3 * lost) / 0.01, rel=1e-12)
        assert info["latency_s"] > 0 and info["energy_j"] > 0
        assert info["gate_mass_kept"] == pytest.approx(1)
    # a prefill has all its tokens, a decoding pass one
    tokens = [info["tokens"] for _, _, info in seen[1:]]
    assert tokens[2:4] == [1, 1] and max(tokens) > 1


def test_observation_is_what_the_simulation_has(env):
    """Pairs by device sum to top-k x tokens; links are in coverage; demand follows from them."""
    observation, _ = env.reset(seed=5)
    unwrapped = env.unwrapped
    tokens = np.expm1(observation["tokens"][0] * np.log1p(4096))
    assert unwrapped.pairs.sum() == pytest.approx(unwrapped.top_k * tokens, rel=1e-4)
    assert observation["heard"].tolist() == [1] * K
    assert 0.1 < observation["downlink_efficiency"].min()
    rate = 100e6 * 20 * observation["downlink_efficiency"]
    seconds = 1e-6 * 1e7 ** observation["downlink_demand"]
    busy = unwrapped.pairs > 0
    assert seconds[busy] == pytest.approx((unwrapped.pairs * 16 * 4096 / rate)[busy], rel=1e-4)
    assert not observation["downlink_demand"][~busy].any()
    assert observation["gate_mass"][0] >= observation["gate_mass"][1] > 0


def test_same_seed_same_trajectory(env):
    first = play(env, 7)
    same(first, play(env, 7))
    other = make()
    same(first, play(other, 7))
    other.close()
    with pytest.raises(AssertionError):
        same(first, play(env, 8))


def test_reset_without_seed_draws_the_next_from_the_last(env):
    runs = []
    for _ in range(2):
        env.reset(seed=1)
        runs.append([env.reset()[1]["rng_run"] for _ in range(3)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 3


@pytest.mark.parametrize("radio", ["ideal", "lte"])
def test_equal_shares_are_vanilla(radio):
    env = make(radio=radio, requests=1)
    agent = [info for _, _, info in play(env, 4, equal)[1:]]
    vanilla = env.unwrapped.play("topk-equal", 4)
    env.close()
    assert [info["latency_s"] for info in agent] == [block["latency_s"] for block in vanilla]
    assert [info["energy_j"] for info in agent] == [block["energy_j"] for block in vanilla]


def test_shares_matter(env):
    """All to the slowest is worse than equal, the optimum is better; both directions of a device count."""
    def one(env, _):
        return np.eye(K, dtype=np.float32)[np.argmax(env.unwrapped.pairs)]

    def mean(seen):
        return np.mean([reward for _, reward, _ in seen[1:]])

    vanilla = mean(play(env, 2, equal))
    best = np.mean([block["reward"] for block in env.unwrapped.play("topk-allocated-strict", 2)])
    assert mean(play(env, 2, one)) < vanilla < best


def test_threshold_drops_within_its_bound():
    env = make(action="threshold")
    masses = {}
    for bound in (0.0, 0.1, 0.3):
        seen = play(env, 2, lambda env, _, bound=bound: np.array([bound], np.float32))
        masses[bound] = [info["gate_mass_kept"] for _, _, info in seen[1:]]
        assert min(masses[bound]) >= 1 - bound - 1e-9
    assert masses[0.0] == pytest.approx([1] * len(masses[0.0]))
    assert np.mean(masses[0.3]) < np.mean(masses[0.1]) < 1
    kept = [block["latency_s"] for block in env.unwrapped.play("topk-allocated", 2)]
    assert [info["latency_s"] for _, _, info in play(env, 2, lambda *_: np.zeros(1, np.float32))[1:]] == kept
    env.close()


def test_both():
    env = make(action="both")
    assert env.action_space.shape == (K + 1,)
    action = np.r_[np.ones(K), 0.3].astype(np.float32)
    seen = play(env, 2, lambda *_: action)
    assert np.mean([info["gate_mass_kept"] for _, _, info in seen[1:]]) < 1
    env.close()


def test_lte_has_shares_for_each_direction():
    env = make(radio="lte", requests=1, blocks=1, max_output_tokens=1)
    assert env.action_space.shape == (2 * K,)
    equal, rising = np.ones(K), np.linspace(0.5, 1, K)
    actions = (np.r_[equal, rising], np.r_[rising, equal])
    latency = [play(env, 1, lambda *_, action=action: action)[1][2]["latency_s"] for action in actions]
    assert latency[0] != latency[1]
    env.close()


def test_truncated():
    env = make(max_steps=3)
    seen = play(env, 1)
    assert len(seen) - 1 == 3
    with pytest.raises(RuntimeError, match="call reset"):
        env.unwrapped.step(env.action_space.sample())
    env.close()


def test_log_shares():
    env = wdmoe.gym.LogShares(make())
    env.reset(seed=3)
    busy = env.unwrapped.pairs > 0
    action = env.action(np.zeros(K))
    assert (action[busy] == action[busy][0]).all() and not action[~busy].any()
    rising = np.linspace(-1, 1, K)
    action = env.action(rising)
    assert np.log10(action[busy] / action[busy][0]) == pytest.approx(env.DECADES * (rising[busy] - rising[busy][0]), abs=1e-5)
    env.close()


# ---- lifetimes


def test_dropped_reset_and_closed_in_the_middle(env):
    want = play(env, 9)
    for _ in range(3):
        env.reset(seed=1)
        env.step(env.action_space.sample())  # reset in the middle
    env.close()
    env.close()
    other = make()
    other.reset(seed=2)
    other.step(other.action_space.sample())
    del other
    gc.collect()
    same(want, play(env, 9))


def test_a_second_environment_takes_the_simulator(env):
    want = play(env, 1)
    other = make()
    env.reset(seed=1)
    env.step(env.action_space.sample())
    same(want, play(other, 1))
    with pytest.raises(RuntimeError, match="another environment.*AsyncVectorEnv"):
        env.step(env.action_space.sample())
    same(want, play(env, 1))
    other.close()


def test_other_threads_are_refused(env):
    env.reset(seed=1)
    found = []

    def step():
        try:
            env.step(env.action_space.sample())
        except RuntimeError as error:
            found.append(str(error))

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert "another thread" in found[0]
    env.step(env.action_space.sample())


@pytest.mark.parametrize("context", ["spawn", "fork"])
def test_vector_of_processes(context):
    keywords = {"disable_env_checker": True, **SMALL}
    makers = [lambda: gymnasium.make("wdmoe.gym:wdmoe/Block-v0", **keywords)] * 2
    venv = gymnasium.vector.AsyncVectorEnv(makers, context=context)
    observation, _ = venv.reset(seed=[5, 5])
    assert all(np.array_equal(*observation[name]) for name in observation)
    _, rewards, *_ = venv.step(np.ones((2, K), np.float32))
    venv.close()
    env = make()
    env.reset(seed=5)
    assert rewards.tolist() == [env.step(np.ones(K, np.float32))[1]] * 2
    env.close()


def test_an_exception_in_the_simulation_arrives_from_step(env, monkeypatch):
    want = play(env, 1)
    env.reset(seed=1)

    def fail(*_):
        raise ZeroDivisionError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("wdmoe.gym.episode.Episode.get_shares", fail)
        with pytest.raises(ZeroDivisionError, match="in the middle"):
            env.step(env.action_space.sample())
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(env.action_space.sample())
    same(want, play(env, 1))


def test_fatal_errors_of_the_simulation_are_exceptions(env):
    want = play(env, 1)
    bad = make(min_distance=50, max_distance=20)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="maxDistance is 20; expected at least --minDistance"):
            bad.unwrapped.reset(seed=1)
    same(want, play(env, 1))


# ---- bad input


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.ones(3), r"shape \(3,\), expected \(8,\)"),
        (np.r_[np.ones(7), np.nan], r"action\[7\] \(share\) is nan, expected a number in \[0, 1\]"),
        (np.r_[-0.5, np.ones(7)], r"action\[0\] \(share\) is -0.5"),
        (np.full(8, 2.0), r"action\[0\] \(share\) is 2.0"),
        ("much", "action is 'much', expected 8 numbers"),
        (None, r"expected \(8,\)"),
    ],
)
def test_bad_actions(env, action, message):
    env.reset(seed=1)
    with pytest.raises(ValueError, match=message):
        env.unwrapped.step(action)
    env.step(env.action_space.sample())  # the episode goes on


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radio": "idael"}, "radio is 'idael'; did you mean ideal"),
        ({"action": "share"}, "action is 'share'; did you mean shares"),
        ({"max_distence": 3}, "no option 'max_distence'; did you mean max_distance"),
        ({"rbs": 25}, "no option 'rbs'"),
        ({"requests": 1.5}, "requests is 1.5, expected a whole number"),
        ({"requests": "many"}, "requests is 'many', expected a number"),
        ({"quality_price": -1}, "quality_price is -1, expected a number >= 0"),
        ({"quality_price": float("nan")}, "quality_price is nan"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"strict": 1}, "strict is 1, expected True or False"),
        ({"devices": 8}, "devices is 8, expected text"),
        ({"render_mode": "video"}, "render_mode is 'video'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        wdmoe.gym.BlockEnv(**options)


def test_bad_seeds(env):
    for seed in (-1, "one", 1.5):
        with pytest.raises(ValueError, match="seed is"):
            env.unwrapped.reset(seed=seed)
    with pytest.raises(ValueError, match="reset.. has no option 'places'"):
        env.unwrapped.reset(options={"places": 3})
    with pytest.raises(RuntimeError, match="call reset"):
        env.unwrapped.step(np.ones(K))


def test_render():
    env = make(render_mode="ansi")
    env.reset(seed=1)
    env.step(env.action_space.sample())
    assert "request" in env.render() and "ms" in env.render()
    env.close()
