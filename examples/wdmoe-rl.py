# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Train an agent that divides the bandwidth, and hold it against random, vanilla and optimal splits.

    python examples/wdmoe-rl.py
    python examples/wdmoe-rl.py --steps=20480 --seeds=3 --out=results/rl

Eight devices in one cell (--radio, ideal links unless said otherwise), top-k as the model has it. Before each block the
agent sees links, loads and gate statistics and answers with a share for each device; its reward is minus the latency of
the block. It is a PPO of stable-baselines3 (pip install 'wdmoe[gym]'), with a discount of 0: what a block takes hardly
depends on the split of the one before.

Each episode is another drop of devices with its fading, gates and requests. Every --every steps the agent is evaluated,
without exploring, on the same held-out drops, on which these are measured too:

- random: shares drawn at random among the devices with tokens;
- vanilla: a K-th to each of the K devices (topk-equal, the paper's);
- equal among the busy: the untrained action 0;
- optimal: the exact min-max split of C++ (topk-allocated-strict), which knows bits, rate laws and compute times.

Written to --out: curve.csv, evaluation.csv, learning-curve.png. Intervals are 95 %, over drops, paired.
"""

import argparse
import csv
import importlib.util
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np

import wdmoe.gym

EVALUATION = 2_000_001  # first RngRun of the held-out drops; training draws from 1 to 2^31


def make(arguments):
    """The environment as the agent has it."""
    env = gymnasium.make(wdmoe.gym.ID, radio=arguments.radio, disable_env_checker=True, **dict(arguments.option))
    return wdmoe.gym.LogShares(env)


def policy():
    """A policy of stable-baselines3 whose network is the same for each device: what is learned of one holds for all.

    A device's logarithmic share is a function of what is seen of it and of what all have in common; the critic looks at
    the mean over devices.
    """
    import torch
    from stable_baselines3.common.policies import MultiInputActorCriticPolicy
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

    class Devices(BaseFeaturesExtractor):
        """Dict -> for each device: its own values, then the common ones, from -2 to 2."""

        def __init__(self, space):
            self.devices = space["pairs"].shape[0]
            self.own = [name for name in space if space[name].shape == (self.devices,)]
            self.common = [name for name in space if name not in self.own]
            self.width = len(self.own) + sum(space[name].shape[0] for name in self.common)
            super().__init__(space, self.devices * self.width)

        def forward(self, seen):
            own = torch.stack([seen[name] for name in self.own], dim=2)
            common = torch.cat([seen[name] for name in self.common], dim=1)
            common = common[:, None, :].expand(-1, self.devices, -1)
            return 4 * torch.cat((own, common), dim=2).flatten(1) - 2

    class Network(torch.nn.Module):
        """Actor and critic."""

        def __init__(self, features, hidden=64):
            super().__init__()
            self.shape = (features.devices, features.width)
            self.latent_dim_pi, self.latent_dim_vf = features.devices, hidden
            linear, tanh = torch.nn.Linear, torch.nn.Tanh
            first = features.width
            trunk = linear(first, hidden), tanh(), linear(hidden, hidden), tanh()
            self.actor = torch.nn.Sequential(*trunk, linear(hidden, 1))
            self.critic = torch.nn.Sequential(linear(first, hidden), tanh(), linear(hidden, hidden), tanh())

        def forward(self, features):
            return self.forward_actor(features), self.forward_critic(features)

        def forward_actor(self, features):
            return self.actor(features.unflatten(1, self.shape)).squeeze(2)

        def forward_critic(self, features):
            return self.critic(features.unflatten(1, self.shape)).mean(dim=1)

    class Policy(MultiInputActorCriticPolicy):
        """The network's outputs are the actions' means."""

        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, features_extractor_class=Devices, **settings)

        def _build_mlp_extractor(self):
            self.mlp_extractor = Network(self.features_extractor)

        def _build(self, schedule):
            super()._build(schedule)
            torch.nn.init.normal_(self.mlp_extractor.actor[-1].weight, std=0.01)  # begins with an equal split
            self.action_net = torch.nn.Identity()
            self.optimizer = self.optimizer_class(self.parameters(), lr=schedule(1), **self.optimizer_kwargs)

    return Policy


def play(env, drops, act):
    """Mean reward and latency (s) of the blocks of each drop, act(observation) deciding."""
    found = []
    for drop in drops:
        observation, _ = env.reset(seed=drop)
        rewards, latencies, over = [], [], False
        while not over:
            observation, reward, terminated, truncated, info = env.step(act(observation))
            over = terminated or truncated
            rewards.append(reward)
            latencies.append(info["latency_s"])
        found.append((np.mean(rewards), np.mean(latencies)))
    return np.array(found)


def references(env, drops):
    """The same of those that do not learn."""
    rng = np.random.default_rng(1)
    shape = env.action_space.shape
    found = {
        "random": play(env, drops, lambda _: rng.uniform(-1, 1, shape).astype(np.float32)),
        "equal among the busy": play(env, drops, lambda _: np.zeros(shape, np.float32)),
    }
    for name, policy in (("vanilla", "topk-equal"), ("optimal", "topk-allocated-strict")):
        runs = [env.unwrapped.play(policy, drop) for drop in drops]
        pairs = [[(block["reward"], block["latency_s"]) for block in run] for run in runs]
        found[name] = np.array([np.mean(run, axis=0) for run in pairs])
    return found


def train(arguments, seed, env, drops, note):
    """A trained agent's evaluations: rows of (steps, mean rewards and latencies by drop)."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    torch.set_num_threads(1)
    # Blocks of one token and of a whole prompt count the same: the agent learns from minus the logarithm of what is lost.
    relative = gymnasium.wrappers.TransformReward(env, lambda reward: -np.log(-reward))
    training = VecNormalize(DummyVecEnv([lambda: Monitor(relative)]), norm_obs=False, gamma=0.0)
    agent = PPO(
        policy(),
        training,
        seed=seed,
        gamma=0.0,
        gae_lambda=0.0,
        n_steps=256,
        batch_size=128,
        n_epochs=10,
        learning_rate=1e-3,
        target_kl=0.2,
        policy_kwargs={"log_std_init": -1.3},
        device="cpu",
    )
    rows = []
    learned_s = 0.0
    for steps in range(0, arguments.steps + 1, arguments.every):
        if steps:
            agent.set_env(training)  # the episode was ended by the evaluation
            began = time.perf_counter()
            agent.learn(arguments.every, reset_num_timesteps=False)
            learned_s += time.perf_counter() - began
        act = lambda seen: agent.predict(seen, deterministic=True)[0]  # noqa: E731
        rows.append((agent.num_timesteps, play(env, drops, act)))
        reward, latency = rows[-1][1].mean(axis=0)
        note(f"seed {seed}, {agent.num_timesteps} steps: reward {reward:.4f} a block, {1e3 * latency:.3f} ms a block")
    if learned_s:
        note(f"seed {seed}: {agent.num_timesteps / learned_s:.0f} steps/s")
    agent.save(arguments.out / f"agent-{seed}.zip")
    return rows


def interval(values):
    """Mean and half width of its 95 % interval."""
    from scipy import stats

    values = np.asarray(values)
    if len(values) < 2:
        return values.mean(), np.nan
    return values.mean(), stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))


def draw(curves, known, path):
    """Reward and latency against steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4), constrained_layout=True)
    steps = [steps for steps, _ in curves[0]]
    styles = {
        "random": ("#999999", ":"),
        "vanilla": ("#D55E00", "--"),
        "equal among the busy": ("#CC79A7", "-."),
        "optimal": ("#009E73", "-"),
    }
    for axis, column, scale, label in zip(axes, (0, 1), (1, 1e3), ("reward of a block", "latency of a block (ms)")):
        values = scale * np.array([[found[:, column].mean() for _, found in rows] for rows in curves])
        axis.plot(steps, values.mean(axis=0), color="#0072B2", label=f"PPO, mean of {len(curves)} seed(s)", zorder=3)
        band = values.min(axis=0), values.max(axis=0)
        axis.fill_between(steps, *band, color="#0072B2", alpha=0.25, lw=0, label="least and most")
        levels = {name: scale * found[:, column].mean() for name, found in known.items()}
        shown = [*values.ravel(), *(level for name, level in levels.items() if name != "random")]
        margin = 0.1 * (max(shown) - min(shown))
        low, high = min(shown) - margin, max(shown) + margin
        for name, (colour, style) in styles.items():
            away = "" if low <= levels[name] <= high else f" ({levels[name]:.3g}, off the scale)"
            axis.axhline(levels[name], color=colour, ls=style, label=name + away)
        axis.set_ylim(low, high)
        axis.set_xlabel("training steps (blocks)")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main():
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=8192, help="training steps of each seed (default %(default)s)")
    parser.add_argument("--every", type=int, default=1024, help="steps between evaluations (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="agents that are trained (default %(default)s)")
    parser.add_argument("--drops", type=int, default=4, help="held-out drops (default %(default)s)")
    parser.add_argument("--radio", default="ideal", help="radio (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("results/rl"), help="folder for results (default %(default)s)")
    parser.add_argument("option", nargs="*", help="options of the environment, NAME=VALUE")
    arguments = parser.parse_args()
    if importlib.util.find_spec("stable_baselines3") is None:
        parser.error("stable-baselines3 is not installed, which trains the agent: pip install 'wdmoe[gym]'")
    for name in ("steps", "every", "seeds", "drops"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is {getattr(arguments, name)}, expected a whole number >= 1")
    pairs = []
    for option in arguments.option:
        name, equals, text = option.partition("=")
        if not equals:
            parser.error(f"{option!r} is no option, expected NAME=VALUE")
        number = {"true": True, "false": False}.get(text)
        for kind in (int, float):
            if number is None:
                try:
                    number = kind(text)
                except ValueError:
                    pass
        pairs.append((name, text if number is None else number))
    arguments.option = pairs
    arguments.out.mkdir(parents=True, exist_ok=True)
    note = lambda text: print(text, file=sys.stderr)  # noqa: E731

    env = make(arguments)
    drops = range(EVALUATION, EVALUATION + arguments.drops)
    known = references(env, drops)
    curves = [train(arguments, seed, env, drops, note) for seed in range(1, arguments.seeds + 1)]
    env.close()

    with open(arguments.out / "curve.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(["seed", "steps", "reward", "latency_s"])
        for seed, rows in enumerate(curves, 1):
            for steps, found in rows:
                writer.writerow([seed, steps, *found.mean(axis=0)])
    last = np.mean([rows[-1][1] for rows in curves], axis=0)  # by drop, mean over the agents
    everyone = {**known, "trained": last}
    vanilla, optimal = known["vanilla"], known["optimal"]
    print(f"{'':22} {'reward':>9} {'ms/block':>9}   change of latency against vanilla, optimal (%)")
    with open(arguments.out / "evaluation.csv", "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow(["agent", "rng_run", "reward", "latency_s"])
        for name, found in everyone.items():
            writer.writerows([name, drop, *row] for drop, row in zip(drops, found))
            against = [interval(100 * (found[:, 1] / other[:, 1] - 1)) for other in (vanilla, optimal)]
            text = "   ".join(f"{mean:+6.1f} +- {half:4.1f}" for mean, half in against)
            print(f"{name:22} {found[:, 0].mean():9.4f} {1e3 * found[:, 1].mean():9.3f}   {text}")
    draw(curves, known, arguments.out / "learning-curve.png")
    print(f"written: {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
