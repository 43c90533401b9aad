# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Scenarios as Gymnasium environments: an agent divides the bandwidth, or bounds the gate mass that may be lost, block
by block. The simulator runs in the same process; nothing is sent or copied but the numbers of one decision.

>>> import gymnasium
>>> import wdmoe.gym
>>> env = gymnasium.make("wdmoe/Block-v0", radio="ideal", action="shares")
>>> observation, info = env.reset(seed=1)
>>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
>>> env.close()
"""

try:
    import gymnasium
    import greenlet  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"wdmoe.gym needs the package {error.name}; install it by: pip install 'wdmoe[gym]', or "
        "in a checkout: .venv/bin/pip install gymnasium greenlet"
    ) from error

from .env import ID, BlockEnv
from .episode import run_policy
from .wrappers import LogShares

__all__ = ["ID", "BlockEnv", "LogShares", "run_policy"]

if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point="wdmoe.gym.env:BlockEnv")
