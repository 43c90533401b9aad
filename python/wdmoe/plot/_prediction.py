# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

import math

import numpy as np
from matplotlib.lines import Line2D

from wdmoe.plot._data import choose, names_of, table_of
from wdmoe.plot._style import MANY, legend_above, mark, set_log_ticks, styled, take_axis
from wdmoe.scenarios import shorten

FEW = 30  # points, which are drawn larger
PREDICTED = {
    "predicted_s": "Predicted block latency (s)",
    "closed_form_s": "Block latency by the closed form (s)",
}


@styled
def prediction(results, policies=None, predicted="predicted_s", axis=None):
    """Predicted against measured block latency, a point for each block; the legend says each policy's median error."""
    choose("predicted", predicted, PREDICTED)
    blocks = table_of(results, "blocks", ("policy", "latency_s", predicted))
    chosen = names_of(blocks, policies)
    blocks = blocks[(blocks["latency_s"] > 0) & (blocks[predicted] > 0) & np.isfinite(blocks[predicted])]
    blocks = blocks[blocks["policy"].isin(list(chosen))]
    if not len(blocks):
        raise ValueError(f"no block has a latency and '{predicted}', both above 0")
    own = axis is None
    axis = take_axis(axis, height=2.7, names=len(chosen))
    handles, labels = [], []
    parts = {policy: part for policy, part in blocks.groupby("policy", observed=True)}
    for policy, index in chosen.items():
        if policy not in parts:
            continue
        part = parts[policy]
        measured, expected = part["latency_s"].to_numpy(), part[predicted].to_numpy()
        seen = {
            **mark(index),
            "linestyle": "none",
            "markeredgewidth": 0.3,
        }
        axis.plot(
            *(measured, expected),
            **seen,
            markersize=5 if len(part) < FEW else 3 if len(part) < MANY else 1.5,
            markeredgecolor="white" if len(part) < MANY else "none",
            alpha=0.9 if len(part) < MANY else 0.4,
            rasterized=len(blocks) > MANY,
        )
        error = 100 * np.median(np.abs(expected / measured - 1))
        handles.append(Line2D([], [], **seen, markersize=4))
        labels.append(f"{shorten(policy)}: {error:.2g} %")
    values = blocks[["latency_s", predicted]].to_numpy()
    widen = max(1.2, math.sqrt(10 * values.min() / values.max()))  # a decade at least
    ends = values.min() / widen, values.max() * widen
    handles.append(*axis.plot(ends, ends, color="black", linewidth=0.8, linestyle=(0, (4, 2)), zorder=1))
    labels.append("predicted = measured")
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="Measured block latency (s)")
    axis.set_ylabel(PREDICTED[predicted])
    axis.set_aspect("equal")
    for ticks in (axis.xaxis, axis.yaxis):
        set_log_ticks(ticks, *ends)
    axis.grid()
    legend_above(axis, handles, labels, grow=own, title="median error", handle=1.5)
    return axis
