# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What makes an environment easier to learn."""

import gymnasium
import numpy as np


class LogShares(gymnasium.ActionWrapper):
    """Shares by their logarithm: an action a in [-1, 1] of a device becomes the share 10^(DECADES a), and 0 where the
    device has no (token, expert) pairs in this block. All zeros are an equal split among those that have.

    The best split is close to a product of load and channel, so that its logarithm is close to linear in the
    observation; and a network's outputs are best around 0. Other parts of the action (the bound on lost gate mass)
    are mapped from [-1, 1] to their range.
    """

    DECADES = 1.0

    def __init__(self, env):
        super().__init__(env)
        self._shares = env.unwrapped.share_count
        if not self._shares:
            raise ValueError(f"LogShares needs an action with shares, not {env.unwrapped.action!r}")
        self.action_space = gymnasium.spaces.Box(-1, 1, env.action_space.shape, np.float32)

    def action(self, action):
        action = np.clip(np.asarray(action, np.float64), -1, 1)
        low, high = self.env.action_space.low, self.env.action_space.high
        busy = self.env.unwrapped.pairs > 0
        busy = np.tile(busy, self._shares // len(busy))
        shares = np.where(busy, 10 ** (self.DECADES * action[: self._shares]) / 10**self.DECADES, 0)
        rest = low[self._shares :] + (action[self._shares :] + 1) / 2 * (high - low)[self._shares :]
        return np.concatenate((shares, rest)).astype(np.float32)
