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


def direct(gate, k, device, block, max_lost=0.02, max_token_loss=0.3, min_experts=1, precision=1e-4, topk=topk):
    """wdmoe::QualityBound for one cell of linear laws and plans over time: (expert, combine, latency bound, s).

    The relaxed problem as one would write it with numpy: bisection over the deadline; for each, bisection over the weight
    between both directions; for each of these the pairs by loss / what they need, of which as many go as the need asks for.
    What goes is rounded up, each device's lightest pairs first, and the latency is that of what is left. Of two pairs that
    a token may lose, the heavier goes only together with the lighter. `device`: of each expert; `block`: of each device
    down_s, up_s (of a pair, with the whole band), pair_s, read_s; of all fixed_s (each way), request_s.
    """
    expert, weight = topk(gate, k)
    kept = np.where(expert >= 0, weight, 0)
    where = np.where(expert >= 0, device[expert], -1)
    total = np.bincount(where[where >= 0], minlength=len(block["down_s"])).astype(float)
    used = np.bincount(device, minlength=len(total))
    mass = kept.sum(axis=1)
    # what a token may lose, lightest first
    eligible = (np.cumsum(kept[:, ::-1], axis=1)[:, ::-1] <= max_token_loss * mass[:, None]) & (kept > 0)
    eligible[:, :min_experts] = False
    token, slot = np.nonzero(eligible)
    loss, whose = kept[token, slot] / mass.sum(), where[token, slot]
    order = np.lexsort((loss, whose))
    token, slot, loss, whose = token[order], slot[order], loss[order], whose[order]
    droppable = np.bincount(whose, minlength=len(total))
    place = np.arange(len(loss)) - (np.cumsum(droppable) - droppable)[whose]  # among its device's
    needs = np.array([block["down_s"], block["up_s"]])
    compute = np.maximum(block["pair_s"], block["read_s"])
    last = block["up_s"] + block["fixed_s"]
    head = block["down_s"] + block["fixed_s"] + compute + block["request_s"]
    tail = block["fixed_s"] + compute + last
    alone = np.array([block["pair_s"], block["down_s"], block["up_s"]])
    fixed = np.array([block["down_s"] + block["fixed_s"] + last, tail, head + block["fixed_s"]])
    offset = np.array([tail.min(), block["fixed_s"] + head.min()])
    least_s = (block["read_s"] * used + block["down_s"] + block["fixed_s"] + last).max()

    def latency(left):
        return max(least_s, (alone * left + fixed).max(), (needs @ left + offset).max())

    def drops(deadline):
        """Pairs to go for each device to keep the deadline within the floor, or None."""
        first = np.maximum(0, np.ceil(total - ((deadline - fixed) / alone).min(axis=0) - 1e-9))
        if deadline < least_s or (first > droppable).any():
            return None
        forced = place < first[whose]
        spent = loss[forced].sum()
        low, high = 0.0, 1.0
        for _ in range(20):
            share = (low + high) / 2
            price = np.array([share, 1 - share]) @ needs
            ratio = np.where(forced, -1, loss / price[whose])
            by = np.argsort(ratio, kind="stable")
            over = needs @ total + offset - deadline
            saved = np.cumsum(price[whose[by]])
            more = np.array([share, 1 - share]) @ over
            count = max(int(forced.sum()), int(np.searchsorted(saved, more)) + 1 if more > 0 else 0)
            if count > len(by) or loss[by[:count]].sum() > max_lost:
                return None  # the dual says so
            gone = np.bincount(whose[by[:count]], minlength=len(total))
            short = needs @ (total - gone) + offset - deadline
            if (short <= needs.max(axis=1)).all():  # but for a pair
                return gone
            low, high = (share, high) if short[0] > short[1] else (low, share)
        return None

    best, low, high = np.zeros(len(total)), least_s, latency(total)
    while high - low > precision * high:
        deadline = (low + high) / 2
        found = drops(deadline)
        if found is None:
            low = deadline
            continue
        high = deadline
        best = found if latency(total - found) < latency(total - best) else best
    expert = expert.copy()
    gone = place < best[whose]
    expert[token[gone], slot[gone]] = -1
    return expert, combine(expert, weight), latency(total - best)


def kept_gate_mass(gate, expert, k):
    """Of top-k's."""
    kept = np.where(expert >= 0, np.take_along_axis(gate, np.maximum(expert, 0), axis=1), 0)
    return min(1, kept.sum() / topk(gate, k)[1].sum())
