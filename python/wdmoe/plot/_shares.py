# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

import numpy as np
from matplotlib import pyplot

from wdmoe.plot._data import choose, one_of, one_run, table_of
from wdmoe.plot._style import WIDE, legend_above, paint, style, take_axis, time_unit
from wdmoe.scenarios import shorten

DIRECTIONS = ("downlink", "uplink")
BINS = 600  # means over so many spans of time, where there are more


def integrate(starts, ends, values, times):
    """The integral up to each of `times` of what is `values` from `starts` to `ends`."""

    def ramp(at):
        order = np.argsort(at, kind="stable")
        sums = np.concatenate([[0.0], np.cumsum(values[order])])
        moments = np.concatenate([[0.0], np.cumsum(values[order] * at[order])])
        passed = np.searchsorted(at[order], times)
        return times * sums[passed] - moments[passed]

    return ramp(starts) - ramp(ends)


def shares(results, policy=None, request=None, run=None, direction=None, axis=None):
    """Granted shares of the band by device over the time of one request (the first one served), stacked.

    Two panels, downlink above uplink, of which the axes are returned; or one `direction`, on `axis`. Where devices are
    of several cells each has a band of its own. A share is a mean over its block.
    """
    with style():
        if direction is None:
            if axis is not None:
                raise ValueError("direction: choose 'downlink' or 'uplink' for one axis")
            figure, axes = pyplot.subplots(2, 1, figsize=(WIDE, 3.2), sharex=True, layout="constrained")
            first, second = (
                shares(results, policy, request, run, direction, axis) for direction, axis in zip(DIRECTIONS, axes)
            )
            second.get_legend().remove()
            first.set_xlabel("")
            lines = len(first.get_legend().get_texts()) // first.get_legend()._ncols + 1
            figure.set_figheight(figure.get_figheight() + 0.12 * lines)
            return axes
        return _shares(results, policy, request, run, choose("direction", direction, DIRECTIONS), axis)


def _shares(results, policy, request, run, direction, axis):
    column = f"granted_{direction}_share"
    rows = table_of(results, "shares", ("policy", "request", "pass", "block", "time_s", "device", "cell", column))
    rows, policy = one_of(rows, policy)
    rows = one_run(rows, run)
    if request is None:
        request = rows.loc[rows["time_s"].idxmin(), "request"]
    rows = rows[rows["request"] == choose("request", request, sorted(rows["request"].unique()))]
    blocks, _ = one_of(table_of(results, "blocks", ("policy", "request", "pass", "block", "latency_s")), policy)
    blocks = one_run(blocks, rows["run"].iloc[0] if "run" in rows.columns else None)
    key = ["request", "pass", "block"]
    rows = rows.merge(blocks[blocks["request"] == request][[*key, "latency_s"]], on=key)
    if not np.isfinite(rows[column]).any():
        raise ValueError(f"no share of policy '{policy}' is known: the column '{column}' has no number")
    begin = rows["time_s"].min()
    end = (rows["time_s"] + rows["latency_s"]).max()
    unit, scale = time_unit(end - begin)
    edges = np.unique(np.concatenate([rows["time_s"], rows["time_s"] + rows["latency_s"]]) - begin)
    if edges.size > BINS:
        edges = np.linspace(0, end - begin, BINS + 1)
    bins = edges.size - 1
    own = axis is None
    axis = take_axis(axis, WIDE, 1.8)
    cells = sorted(rows["cell"].unique())
    numbers = {device: index for index, device in enumerate(sorted(rows["device"].unique()))}
    handles = {}
    for level, cell in enumerate(cells):
        below = np.full(bins, float(level))
        for device, part in rows[rows["cell"] == cell].groupby("device"):
            starts = part["time_s"].to_numpy() - begin
            values = part[column].fillna(0).to_numpy()
            used = np.diff(integrate(starts, starts + part["latency_s"].to_numpy(), values, edges)) / np.diff(edges)
            used = np.clip(used, 0, None)
            area = axis.fill_between(
                *(scale * np.repeat(edges, 2)[1:-1], np.repeat(below, 2), np.repeat(below + used, 2)),
                **paint(numbers[device]),
                edgecolor="black",  # of the hatches
                linewidth=0,
            )
            handles[device] = area
            below = below + used
            # what parts them on grey print
            axis.plot(scale * np.repeat(edges, 2)[1:-1], np.repeat(below, 2), color="white", linewidth=0.5)
        if level:
            axis.axhline(level, color="black", linewidth=0.6)
    axis.set_ylim(0, len(cells))
    axis.set_xlim(0, scale * edges[-1])
    if len(cells) > 1:
        axis.set_yticks([level + 0.5 for level in range(len(cells))], [f"cell {cell}" for cell in cells])
    axis.set_ylabel(f"{direction.capitalize()} in use\n(fraction of band)")
    axis.set_xlabel(f"Time since the first block of the request ({unit})")
    order = sorted(handles)
    legend_above(
        axis,
        [handles[device] for device in order],
        [f"device {device}" for device in order],
        grow=own,
        title=f"{shorten(policy)}: request {request}",
    )
    return axis
