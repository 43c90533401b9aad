# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Selection policies as one would write them with numpy: what the library is compared with, for answers and for speed.

Rows are handled at once wherever the policy allows it; only decisions that depend on one another are a loop.
"""

import numpy as np


def topk(gate, k):
    """(expert, weight): J x k, by falling weight, ties to the lower index; expert -1 where a weight is 0."""
    expert = np.argsort(-gate, axis=1, kind="stable")[:, :k]
    weight = np.take_along_axis(gate, expert, axis=1)
    return np.where(weight > 0, expert, -1), weight


def topk_by_token(gate, k):
    """The same, one token after another."""
    expert, weight = np.empty((len(gate), k), np.int64), np.empty((len(gate), k))
    for j, row in enumerate(gate):
        best = np.argsort(-row, kind="stable")[:k]
        weight[j] = row[best]
        expert[j] = np.where(weight[j] > 0, best, -1)
    return expert, weight


def combine(expert, weight):
    """Weights of the experts that are kept, of sum 1 for each token."""
    kept = np.where(expert >= 0, weight, 0)
    return kept / kept.sum(axis=1, keepdims=True)


def wlr(gate, k, latency_s, theta_start=0.5, theta_step=0.1, theta_end=1.0, gain=1.03, min_experts=1, topk=topk):
    """Algorithm 1 of the paper, as wdmoe::SelectWlr reads it: (expert, combine, theta, wlr of top-k, wlr)."""
    full, weight = topk(gate, k)
    rows, count = np.arange(len(gate)), (full >= 0).sum(axis=1)
    ratio = np.where(full >= 0, weight / latency_s[full], 0)
    cosine = gate @ latency_s / (np.linalg.norm(gate, axis=1) * np.linalg.norm(latency_s))
    before = ratio.sum() / count.sum()
    for theta in np.arange(theta_start, theta_end + 1e-9, theta_step):
        losing = (cosine <= theta) & (count > min_experts)
        expert = full.copy()
        expert[rows[losing], count[losing] - 1] = -1
        kept = expert >= 0
        after = ratio[kept].sum() / kept.sum()
        if after > gain * before:
            break
    return expert, combine(expert, weight), theta, before, after


def quality_bound(gate, k, cost_s, max_lost_mass=0.15, max_token_loss=0.1, min_experts=1, topk=topk):
    """wdmoe::SelectQualityBound: pairs by falling cost / weight, those that fit are dropped: (expert, combine)."""
    expert, weight = topk(gate, k)
    kept = np.where(expert >= 0, weight, 0)
    cost = np.where(expert >= 0, cost_s[expert], 0)
    token, slot = np.nonzero((cost > 0) & (np.arange(k) >= min_experts))
    order = np.lexsort((-slot, -token, kept[token, slot], -cost[token, slot] / kept[token, slot]))
    left, token_left = max_lost_mass * kept.sum(), max_token_loss * kept.sum(axis=1)
    expert = expert.copy()
    for j, s in zip(token[order], slot[order]):
        if kept[j, s] <= left and kept[j, s] <= token_left[j]:
            left -= kept[j, s]
            token_left[j] -= kept[j, s]
            expert[j, s] = -1
    return expert, combine(expert, weight)


def kept_gate_mass(gate, expert, k):
    """Of top-k's."""
    kept = np.where(expert >= 0, np.take_along_axis(gate, np.maximum(expert, 0), axis=1), 0)
    return min(1, kept.sum() / topk(gate, k)[1].sum())
