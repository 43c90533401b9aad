# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

import numpy as np

from wdmoe.plot._data import WHAT, choose, names_of, table_of
from wdmoe.plot._style import legend_above, look, mark, scale_axis, styled, take_axis, time_unit

POINTS = 1000  # of a curve: more are not seen


@styled
def latency_cdf(results, what="block", policies=None, axis=None, legend=True):
    """The distribution of a latency, a curve for each policy, over all runs.

    what: "block", "prefill_block", "decode_block", "request", "ttft" or "tpot". Lines differ in dashes and markers too.
    """
    table, column, prefill, name = WHAT[choose("what", what, WHAT)]
    rows = table_of(results, table, ("policy", column, *(("pass",) if prefill is not None else ())))
    if prefill is not None:
        rows = rows[(rows["pass"] == 0) == prefill]
    chosen = names_of(rows, policies)
    parts = dict(iter(rows.groupby("policy", observed=True)[column]))
    values = {policy: np.sort(parts[policy].dropna().to_numpy(float)) for policy in chosen if policy in parts}
    values = {policy: sample for policy, sample in values.items() if sample.size}
    if not values:
        raise ValueError(f"no {name.lower()} is known: the column '{column}' has no number")
    low, high = min(v[0] for v in values.values()), max(v[-1] for v in values.values())
    unit, scale = time_unit(high)
    own = axis is None
    axis = take_axis(axis, names=len(values))
    for policy, sample in values.items():
        # a step at each value: from below it to above it
        x = np.repeat(scale * sample, 2)
        y = np.repeat(np.arange(sample.size + 1) / sample.size, 2)[1:-1]
        if x.size > POINTS:
            kept = np.unique(np.linspace(0, x.size - 1, POINTS).astype(int))
            x, y = x[kept], y[kept]
        index = chosen[policy]
        spot = int(x.size * (0.12 + 0.1 * (index % 8)))
        axis.plot(x, y, **look(index), label=policy, marker=mark(index)["marker"], markersize=3.5, markevery=[spot])
    if not scale_axis(axis, "x", scale * low, scale * high):
        axis.set_xlim(0, 1.05 * scale * high or 1)
    axis.set_ylim(0, 1.02)
    axis.set_xlabel(f"{name} ({unit})")
    axis.set_ylabel(f"Fraction of {table}")
    axis.grid()
    if legend:
        legend_above(axis, *axis.get_legend_handles_labels(), grow=own)
    return axis
