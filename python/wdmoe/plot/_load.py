# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

import math

import numpy as np
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator

from wdmoe.plot._data import choose, names_of, one_of, table_of
from wdmoe.plot._style import COLUMN, LOADS, WIDE, label, style, take_axis

BY = ("expert", "device")


def expert_load(results, policy=None, by="expert", axis=None):
    """How the (token, expert) pairs of each block of the model divide over its experts, or over the devices.

    A heat map over all requests and runs. Without `policy` and `axis`, a panel for each policy, of which the axes are
    returned.
    """
    choose("by", by, BY)
    detailed = "experts" in getattr(results, "tables", ()) or "pairs" in getattr(results, "columns", ())
    name = "experts" if by == "expert" or detailed else "shares"  # results of earlier versions tell devices only
    column = "pairs" if name == "experts" else "tokens"
    table = table_of(results, name, ("policy", "block", by, column))
    with style():
        if policy is None and axis is None and len(names_of(table)) > 1:
            return _panels(table, by, column)
        rows, policy = one_of(table, policy)
        loads = _loads(rows, by, column, _size(table, by), _size(table, "block"))
        own = axis is None
        axis = take_axis(axis, COLUMN, _height(loads))
        image = _draw(axis, loads, by, loads.max())
        axis.figure.colorbar(image, ax=axis, label="Pairs of the block (%)")
        if own:
            axis.set_title(label(policy, 150, 8))
        return axis


def _size(table, column):
    return int(table[column].max()) + 1 if len(table) else 0


def _height(loads):
    return min(4.5, max(1.7, 0.6 + 0.09 * loads.shape[0]))


def _loads(rows, by, column, size, blocks):
    """Per cent of each block's pairs, [expert or device][block]; NaN where a block had none."""
    pairs = np.zeros((size, blocks))
    np.add.at(pairs, (rows[by].to_numpy(), rows["block"].to_numpy()), rows[column].to_numpy())
    sums = pairs.sum(axis=0)
    if not sums.any():
        raise ValueError(f"no pairs are known: the column '{column}' has none")
    return np.divide(100 * pairs, sums, out=np.full(pairs.shape, np.nan), where=sums > 0)


def _draw(axis, loads, by, most):
    image = axis.imshow(loads, aspect="auto", interpolation="nearest", cmap=LOADS, vmin=0, vmax=most, origin="lower")
    axis.set_facecolor("#DDDDDD")
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.set_xlabel("Block of the model")
    axis.set_ylabel(by.capitalize())
    return image


def _panels(table, by, column):
    policies = list(names_of(table))
    every = [
        _loads(table[table["policy"] == policy], by, column, _size(table, by), _size(table, "block"))
        for policy in policies
    ]
    columns = min(4, len(policies))
    lines = math.ceil(len(policies) / columns)
    figure, axes = pyplot.subplots(
        lines,
        columns,
        figsize=(WIDE, lines * (0.35 + _height(every[0])) * 0.9),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    most = max(np.nanmax(loads) for loads in every)
    for axis, policy, loads in zip(axes.flat, policies, every):
        image = _draw(axis, loads, by, most)
        axis.set_title(label(policy, 95, 8))
        axis.label_outer()
    for axis in axes.flat[len(policies) :]:
        axis.set_visible(False)
    if len(policies) % columns and lines > 1:
        for axis in axes[-2, len(policies) % columns :]:
            axis.tick_params(labelbottom=True)
    bar = {"shrink": min(1, 1.8 / lines), "pad": 0.01}
    figure.colorbar(image, ax=axes.ravel().tolist(), label="Pairs of the block (%)", **bar)
    return axes.flat[: len(policies)]
