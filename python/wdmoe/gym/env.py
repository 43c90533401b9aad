# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The environment: spaces, reward, and what may go wrong with an action."""

import gymnasium
import numpy as np

from . import agent
from .episode import Episode
from wdmoe.names import nearest

from .scenario import Scenario

ID = "wdmoe/Block-v0"
ACTIONS = ("shares", "threshold", "both")

# What observations are divided by, so that they are in [0, 1]; larger values are cut.
EFFICIENCY = 20.0  # bit/s/Hz
PAIRS = 4096  # (token, expert) pairs, on a logarithmic scale: log(1 + n) / log(1 + PAIRS)
DEMAND_S = (1e-6, 10.0)  # s with the whole band, on a logarithmic scale
FLOPS = (1e11, 1e14)  # 1/s of a device, on a logarithmic scale
TOKENS = 4096  # of a pass, on a logarithmic scale as pairs
WAITING = 16  # requests, linear
REWARD_S = 0.01  # a reward of -1 is a block of 10 ms


def _log_scale(value, bounds):
    low, high = np.log(bounds)
    with np.errstate(divide="ignore"):
        return np.clip((np.log(value) - low) / (high - low), 0, 1)


def _count_scale(value, most):
    return np.minimum(np.log1p(value) / np.log1p(most), 1)


class BlockEnv(gymnasium.Env):
    """A step is one block of the model: attention and gate at the base station have answered, and somebody has to say
    how much bandwidth each device gets for its tokens, or which of the top-k pairs are left out. An episode is a run of
    the scenario with its requests.

    action: "shares", "threshold" or "both", in this order:

    - shares: K numbers >= 0 in proportion to the bandwidth of the devices (of a radio whose directions have bands of
      their own, LTE: K of the downlink, then K of the uplink). They are divided by their sum; all zeros are an equal
      split. Selection is top-k unless there is a threshold.
    - threshold: the largest share of a block's gate mass that may be lost, in [0, 1]: pairs of top-k are dropped in the
      order of cost for their weight, within it (wdmoe::SelectQualityBound). Bandwidth is divided by `allocator`.

    Observation, a Dict of float32 in [0, 1]; K devices in the order of the option `devices`:

    - downlink_efficiency, uplink_efficiency (K): bit/s/Hz with the whole band / 20;
    - heard (K): 1 where both directions are measured;
    - pairs (K): n (token, expert) pairs of top-k, log(1 + n) / log(4097);
    - downlink_demand, uplink_demand (K): s that their activations take with the whole band, logarithmic from 1 us (or
      nothing) at 0 to 10 s at 1;
    - compute (K): FLOP/s, logarithmic from 1e11 at 0 to 1e14 at 1;
    - gate_mass (k): share of the gate's weight on a token's first, second, ... expert, mean over tokens;
    - gate_entropy (1): entropy of a token's gate weights / log E, mean over tokens;
    - tokens (1): of the pass, as pairs; block (1): index / blocks; waiting (1): requests not finished / 16.

    reward: -(latency + quality_price x tokens x lost gate mass) / 10 ms, latency in s from the departure of the block's
    batches to the last answer, lost gate mass as a share of top-k's, quality_price in s a token.

    reset(seed=n): n is ns-3's RngRun: places, fading, gates and requests are drawn by it, and the same seed and actions
    make the same trajectory to the bit. Without a seed, the next one is drawn from the generator of the last.

    terminated: all requests are served. truncated: after max_steps.

    Other keyword arguments are options of the scenario, by the names of the examples' command line (max_distance or
    maxDistance). A model may be a real one: its answers are then computed, and quality is real.
    """

    metadata = {"render_modes": ["ansi", "human"], "render_fps": 10}

    def __init__(
        self,
        radio="ideal",
        action="shares",
        quality_price=2e-3,
        allocator="ns3::WdmoeMinMaxAllocator",
        max_token_loss=1.0,
        max_steps=None,
        render_mode=None,
        **options,
    ):
        if action not in ACTIONS:
            raise ValueError(f"action is {action!r}{nearest(action, ACTIONS, 12)}")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode is {render_mode!r}, expected None, 'ansi' or 'human'")
        for name, value in (("quality_price", quality_price), ("max_token_loss", max_token_loss)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value!r}, expected a number >= 0")
        if max_steps is not None and (isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1):
            raise ValueError(f"max_steps is {max_steps!r}, expected a whole number >= 1, or None")
        self.action, self.quality_price, self.max_steps = action, float(quality_price), max_steps
        self.render_mode = render_mode
        self._max_token_loss = float(max_token_loss)
        self._policy = agent.policy(action == "threshold", allocator)
        self._scenario = Scenario(radio, **options)
        k, model = self._scenario.devices, self._scenario.model
        self.top_k = int(model.topK)
        self._experts, self._hidden = int(model.experts), int(model.expert.hidden)
        self._blocks = int(model.blocks)
        self.share_count = 0 if action == "threshold" else k * (2 if radio == "lte" else 1)
        length = self.share_count + (action != "shares")
        unit = lambda n: gymnasium.spaces.Box(0, 1, (n,), np.float32)  # noqa: E731
        self.action_space = unit(length)
        names = "downlink_efficiency uplink_efficiency heard pairs downlink_demand uplink_demand compute".split()
        self.observation_space = gymnasium.spaces.Dict(
            {
                **{name: unit(k) for name in names},
                "gate_mass": unit(self.top_k),
                **{name: unit(1) for name in ("gate_entropy", "tokens", "block", "waiting")},
            }
        )
        self.pairs = np.zeros(k, int)  # (token, expert) pairs of top-k by device, of the block to be decided on
        self._episode = None
        self._observation = None
        self._steps = 0
        self._last = None

    # ---- Gymnasium

    def reset(self, *, seed=None, options=None):
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ValueError(f"seed is {seed!r}, expected a whole number >= 0: ns-3's RngRun")
        if options:
            raise ValueError(f"reset() has no option {next(iter(options))!r}; there are none")
        super().reset(seed=seed)
        run = int(self.np_random.integers(1, 2**31)) if seed is None else int(seed)
        self._end()
        self._episode = Episode(self._scenario, run, self._policy)
        self._steps, self._last = 0, None
        block = self._episode.start()
        if block is None:
            raise RuntimeError("the scenario ended before its first block")
        self._observation = self._observe(block)
        return self._observation, {"rng_run": run}

    def step(self, action):
        action = self._check(action)
        if self._episode is None or not self._episode.is_live():
            if self._episode is not None and self._episode.lost:
                raise RuntimeError(
                    "the episode was ended by the reset() of another environment: ns-3 has one simulator in a process. "
                    "Let their episodes follow one another, or give each a process of its own "
                    "(gymnasium.vector.AsyncVectorEnv, SubprocVecEnv of stable-baselines3)"
                )
            raise RuntimeError("step() without an episode; call reset() first")
        block = self._episode.go_on(self._split(action))
        self._steps += 1
        records = [self._rate(record) for record in self._episode.take()]
        info = dict(records[-1]) if records else {"reward": 0.0}
        reward = sum(record["reward"] for record in records)
        terminated = block is None
        truncated = not terminated and self.max_steps is not None and self._steps >= self.max_steps
        if not terminated:
            self._observation = self._observe(block)
        if truncated:
            self._end()
        info.pop("reward")
        self._last = (info, reward)
        if self.render_mode == "human":
            print(self._line())
        return self._observation, reward, terminated, truncated, info

    def render(self):
        return self._line() if self.render_mode == "ansi" else None

    def close(self):
        self._end()
        super().close()

    def __del__(self):
        try:
            self._end()
        except Exception:  # the interpreter is on its way out
            pass

    # ---- beside it

    def play(self, policy, seed):
        """The blocks of a run under a policy of C++, by its name, with the same options: see run_policy()."""
        self._end()
        episode = Episode(self._scenario, int(seed), policy)
        episode.start()
        return [self._rate(record) for record in episode.take()]

    # ---- inside

    def _end(self):
        episode, self._episode = getattr(self, "_episode", None), None
        if episode is not None:
            episode.close()

    def _check(self, action):
        expected = f"{self.action_space.shape[0]} numbers in [0, 1]"
        try:
            array = np.asarray(action, np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"action is {action!r}, expected {expected}") from None
        if array.shape != self.action_space.shape:
            raise ValueError(f"action has shape {array.shape}, expected {self.action_space.shape}: {expected}")
        bad = np.flatnonzero(~((array >= 0) & (array <= 1 + 1e-6)))
        if bad.size:
            what = "bound on lost gate mass" if bad[0] >= self.share_count else "share"
            raise ValueError(f"action[{bad[0]}] ({what}) is {array[bad[0]]}, expected a number in [0, 1]")
        return np.minimum(array, 1)

    def _split(self, action):
        """As the simulation takes it; each cell divides its shares by their sum."""
        shares = action[: self.share_count].reshape(-1, self._scenario.devices)
        return {
            "shares": (shares[0], shares[-1]) if len(shares) else None,
            "max_lost_mass": None if self.action == "shares" else float(action[-1]),
            "max_token_loss": self._max_token_loss,
        }

    def _rate(self, record):
        lost = record["tokens"] * (1 - record["gate_mass_kept"])
        reward = -(record["latency_s"] + self.quality_price * lost) / REWARD_S
        return {**record, "reward": reward}

    def _observe(self, block):
        k = self._scenario.devices
        gate, device = block["gate"], block["device"]
        order = np.argpartition(-gate, self.top_k - 1, axis=1)[:, : self.top_k]
        weight = -np.sort(-np.take_along_axis(gate, order, axis=1), axis=1)
        order = order[np.take_along_axis(gate, order, axis=1) > 0]
        self.pairs = np.bincount(device[order], minlength=k)
        heard, down, up, down_rate, up_rate = block["links"].T
        bits = self.pairs * 16.0 * self._hidden
        with np.errstate(divide="ignore", invalid="ignore"):
            downlink = np.where(bits > 0, bits / down_rate, 0)
            uplink = np.where(bits > 0, bits / up_rate, 0)
            entropy = -np.sum(np.where(gate > 0, gate * np.log(np.maximum(gate, 1e-300)), 0), axis=1).mean()
        observation = {
            "downlink_efficiency": down / EFFICIENCY,
            "uplink_efficiency": up / EFFICIENCY,
            "heard": heard,
            "pairs": _count_scale(self.pairs, PAIRS),
            "downlink_demand": _log_scale(downlink, DEMAND_S),
            "uplink_demand": _log_scale(uplink, DEMAND_S),
            "compute": _log_scale(block["flops"], FLOPS),
            "gate_mass": weight.mean(axis=0),
            "gate_entropy": [entropy / np.log(self._experts)],
            "tokens": [_count_scale(len(gate), TOKENS)],
            "block": [block["block"] / self._blocks],
            "waiting": [block["waiting"] / WAITING],
        }
        return {name: np.clip(np.asarray(value, np.float32), 0, 1) for name, value in observation.items()}

    def _line(self):
        if self._last is None:
            return f"{ID}: {self._scenario.radio}, before its first block"
        info, reward = self._last
        return (f"request {info['request']} block {info['block']}: {info['tokens']} tokens, "
                f"{1e3 * info['latency_s']:.3f} ms, gate mass kept {info['gate_mass_kept']:.3f}, reward {reward:.3f}")
