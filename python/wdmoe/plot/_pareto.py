# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

import numpy as np
import pandas

from wdmoe.comparison import over_runs
from wdmoe.plot._data import QUALITIES, choose, names_of, table_of
from wdmoe.plot._labels import place_labels
from wdmoe.plot._style import legend_above, mark, scale_axis, styled, take_axis, time_unit

LATENCIES = {
    "block": "Block latency",
    "prefill_block": "Latency of blocks of prefill",
    "decode_block": "Latency of blocks of decoding",
    "request": "Request latency",
    "ttft": "Time to first token",
    "tpot": "Time per output token",
}
NAMED = 8  # policies that have their name beside them; more have a legend


def front(points, more):
    """The points (latency, quality) that no other beats in both, by latency; `more`: whether more quality is better."""
    best, found = None, []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1] if more else point[1])):
        if best is None or (y > best if more else y < best):
            best = y
            found.append((x, y))
    return found


@styled
def pareto(results, quality=None, latency="request", figure_of="p50", policies=None, axis=None):
    """Latency against quality, a point for each policy: means over runs, with 95 % intervals of Student's t where there
    are several; the line is the Pareto front.

    quality: "gate_mass", "bits_per_byte", "exact_match", "kl" or "energy"; by itself bits per byte where a real model
    was served, else kept gate mass. figure_of: "p50", "mean", "p95" or "p99" of the latency.
    """
    choose("latency", latency, LATENCIES)
    choose("figure_of", figure_of, ("p50", "mean", "p95", "p99"))
    summary = results if isinstance(results, pandas.DataFrame) else table_of(results, "summary", ("policy",))
    if quality is None:
        real = QUALITIES["bits_per_byte"][0]
        quality = "bits_per_byte" if real in summary.columns and summary[real].notna().any() else "gate_mass"
    column, factor, name, more, most = QUALITIES[choose("quality", quality, QUALITIES)]
    times = f"{latency if latency in ('ttft', 'tpot') else latency + '_latency'}_s.{figure_of}"
    summary = table_of(summary, "summary", ("policy", times))
    if column not in summary.columns:
        raise ValueError(f"{name.lower()} is not known of these results")
    known = ((times, np.inf), (column, most or np.inf))
    points = {}
    chosen = names_of(summary, policies)
    for policy in chosen:
        part = summary[summary["policy"] == policy]
        x, y = (over_runs([float(value) for value in part[key].dropna()], top) for key, top in known)
        if x["runs"] and y["runs"]:
            points[policy] = (x, {key: value and factor * value for key, value in y.items()})
    if not points:
        raise ValueError(f"no policy has both a latency and {name.lower()}")
    unit, scale = time_unit(max(x["mean"] for x, _ in points.values()))
    own = axis is None
    axis = take_axis(axis, height=2.7, names=len(points))
    placed = []
    handles = []
    for policy, (x, y) in points.items():
        bounds = []
        for entry, by in ((x, scale), (y, 1)):
            ends = (entry["mean"] if entry[end] is None else entry[end] for end in ("mean", "low", "high"))
            bounds.append([by * value for value in ends])
        (mx, left, right), (my, low, high) = bounds
        index = chosen[policy]
        handles.append(
            axis.errorbar(
                mx,
                my,
                xerr=[[mx - left], [right - mx]] if right > left else None,
                yerr=[[my - low], [high - my]] if high > low else None,
                **mark(index),
                markersize=5,
                markeredgecolor="black",
                markeredgewidth=0.5,
                linestyle="none",
                elinewidth=0.8,
                capsize=2,
            )
        )
        placed.append((mx, my, policy, (((left, my), (right, my)), ((mx, low), (mx, high)))))
    lows, highs = ([end[at][1] for *_, bars in placed for end in bars] for at in (0, 1))
    margin = 0.25 * max(max(highs) - min(lows), 0.02 * abs(max(highs)) or 1)
    axis.set_ylim(min(lows) - margin, max(highs) + margin)
    lefts, rights = ([end[at][0] for *_, bars in placed for end in bars] for at in (0, 1))
    if scale_axis(axis, "x", min(lefts), max(rights)):
        axis.set_xlim(min(lefts) / 1.5, max(rights) * 1.5)
    else:
        axis.set_xlim(0, 1.2 * max(rights) or 1)
    line = front([point[:2] for point in placed], more)
    x, y = zip(*line)
    axis.plot(
        x,
        y,
        drawstyle="steps-post",
        color="#666666",
        linewidth=0.8,
        linestyle=(0, (4, 2)),
        zorder=1,
        scalex=False,
        scaley=False,
    )
    axis.ticklabel_format(axis="y", useOffset=False)
    limits = axis.get_ylim()
    axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= (most or np.inf) * factor])  # what can be
    axis.set_ylim(limits)
    axis.set_xlabel(f"{LATENCIES[latency]}, {figure_of} ({unit})")
    better = "higher" if more else "lower"
    axis.set_ylabel(f"{name}\n({better} is better)")
    axis.grid()
    figure = axis.figure
    if len(points) > NAMED:
        legend_above(axis, handles, list(points), grow=own, handle=1.5)
    else:
        figure.draw_without_rendering()
        if own:
            figure.set_layout_engine("none")
        place_labels(axis, placed, 7)
        for text in axis.texts:  # legible where the front passes behind it
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.4})
    return axis
