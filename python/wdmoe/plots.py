# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Pictures: latencies by policy; shares and expert loads over time, of the first request; a real model's quality."""

import csv
import itertools
import math

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.transforms import Bbox

from wdmoe.comparison import QUALITIES, qualities
from wdmoe.results import name_models, name_run
from wdmoe.scenarios import fold

# Okabe and Ito's colours, told apart by colour-blind readers too; devices beyond them repeat with hatching.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666")
HATCHES = ("", "////", "....")
LOADS = LinearSegmentedColormap.from_list("loads", ("#FFFFFF", "#0072B2", "#001A33"))
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.hashsalt": "wdmoe",
}
TIME_BINS = 240
FEW = 20  # samples, below which each is drawn
MARKERS = "osD^vPX*"

# Panels of quality: the first of each row that exists is drawn. Key of a capability, label, factor, least span shown.
PANELS = (
    (
        ("bits_per_byte", "Bits per byte, mean over texts\n(lower is better)", 1, 0.02),
        ("kl_bits_per_token", "KL divergence (bits per token)\n(lower is better)", 1, 0.02),
    ),
    (
        ("exact_match", "Exact match, mean over tasks (%)\n(higher is better)", 100, 5),
        ("free_exact_match", "Exact match, free running (%)\n(higher is better)", 100, 5),
    ),
)


def draw(summary, folder):
    """Draws both pictures from the tables in `folder`."""
    policies = list(summary["policies"])
    with pyplot.rc_context(STYLE):
        draw_latencies(policies, folder, name_run(summary))
        draw_shares(policies, folder, name_run(summary))


def save(figure, path):
    # No version or date in the file: the same run draws the same bytes.
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def read_columns(path, policies, names):
    """Policy -> {name: array of that column} of a table; an absent column is an error naming what there is."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        missing = [name for name in ("policy", *names) if name not in header]
        if missing:
            raise ValueError(f"{path.name}, line 1: no column '{missing[0]}' among {', '.join(header)}")
        where = header.index("policy")
        columns = [header.index(name) for name in names]
        values = {policy: [] for policy in policies}
        for row in rows:
            if row[where] in values:
                values[row[where]].append([float(row[column] or "nan") for column in columns])
    return {
        policy: dict(zip(names, np.array(lines, dtype=float).reshape(-1, len(names)).T))
        for policy, lines in values.items()
    }


def draw_latencies(policies, folder, run):
    panels = (("blocks.csv", "Block latency"), ("requests.csv", "Request latency"))
    figure, axes = pyplot.subplots(
        1, 2, figsize=(7.2, 0.6 + 0.42 * len(policies) + 0.6), sharey=True, layout="constrained"
    )
    figure.suptitle(run, fontsize=9)
    for axis, (table, title) in zip(axes, panels):
        axis.use_sticky_edges = False  # else no margin beside a box, and the last marker is cut off
        read = read_columns(folder / table, policies, ("latency_s",))
        samples = [read[policy]["latency_s"] for policy in policies]
        samples = [values[np.isfinite(values)] for values in samples]
        unit, scale = ("ms", 1e3) if max((values.max(initial=0) for values in samples), default=0) < 1 else ("s", 1)
        for height, (values, colour) in enumerate(zip(samples, COLOURS * len(policies))):
            if values.size:
                p5, q1, median, q3, p95 = np.percentile(values * scale, (5, 25, 50, 75, 95))
                axis.plot((p5, p95), (height, height), color="black", linewidth=0.8, marker="|", zorder=2)
                axis.barh(height, q3 - q1, left=q1, height=0.6, color=colour, edgecolor="black", linewidth=0.6)
                axis.plot((median, median), (height - 0.3, height + 0.3), color="black", linewidth=1.8)
                if values.size < FEW:
                    heights = np.full(values.size, height)
                    axis.plot(values * scale, heights, "o", color="white", markeredgecolor="black", markersize=3)
        low = min((values.min() for values in samples if values.size), default=1)
        high = max((values.max() for values in samples if values.size), default=1)
        if low > 0 and high / low > 30:
            axis.set_xscale("log")
        else:
            axis.set_xlim(0, 1.05 * axis.dataLim.x1 or 1)
        axis.set_title(f"{title} (box: quartiles, whiskers: 5 to 95 %)", fontsize=8)
        axis.set_xlabel(f"{title} ({unit})")
        axis.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axis.set_axisbelow(True)
    axes[0].set_yticks(range(len(policies)), [fold(policy) for policy in policies])
    axes[0].invert_yaxis()
    save(figure, folder / "latency-by-policy.png")


def overlaps(starts, lengths, edges):
    """Seconds of each interval (rows) within each time bin (columns)."""
    until = np.clip(edges[np.newaxis, :] - starts[:, np.newaxis], 0, lengths[:, np.newaxis])
    return np.diff(until, axis=1)


def first_request(folder, policies):
    """The blocks' and the shares' rows of the first request that every policy served, and when it began."""
    shares_of = ("request", "device", "tokens", "granted_downlink_share", "granted_uplink_share")
    blocks = read_columns(folder / "blocks.csv", policies, ("request", "start_s", "latency_s"))
    shares = read_columns(folder / "shares.csv", policies, shares_of)
    request = min(set.intersection(*(set(table["request"]) for table in blocks.values())), default=math.nan)
    for tables in (blocks, shares):
        for table in tables.values():
            chosen = table["request"] == request
            table.update({name: values[chosen] for name, values in table.items()})
    for table in blocks.values():
        table["start_s"] -= table["start_s"].min(initial=math.inf)
    return blocks, shares


def draw_shares(policies, folder, run):
    blocks, shares = first_request(folder, policies)
    devices = sorted({int(device) for table in shares.values() for device in table["device"]})
    end = max((table["start_s"] + table["latency_s"]).max(initial=1e-3) for table in blocks.values())
    edges = np.linspace(0, end, TIME_BINS + 1)
    figure, axes = pyplot.subplots(
        3,
        len(policies),
        figsize=(1.2 + 1.9 * len(policies), 5.6),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    # Compressed, so that the single tokens of decoding are seen beside a prefill's hundreds.
    norm = PowerNorm(0.5, vmin=0, vmax=max(table["tokens"].max(initial=1) for table in shares.values()))
    image = None
    for (top, middle, bottom), policy in zip(axes.T, policies):
        top.set_title(fold(policy))
        table = shares[policy]
        # One row for each block and device, in the blocks' order.
        by_device = {device: np.flatnonzero(table["device"] == device) for device in devices}
        if not table["device"].size or any(
            rows.size != blocks[policy]["start_s"].size for rows in by_device.values()
        ):
            for axis in (top, middle, bottom):
                axis.text(0.5, 0.5, "none recorded", transform=axis.transAxes, ha="center", color="#666666")
            continue
        seconds = overlaps(blocks[policy]["start_s"], blocks[policy]["latency_s"], edges)
        for axis, name in ((top, "granted_downlink_share"), (middle, "granted_uplink_share")):
            used = [table[name][rows] @ seconds / np.diff(edges) for rows in by_device.values()]
            for index, area in enumerate(axis.stackplot(edges[:-1], used, step="post", linewidth=0)):
                area.set_facecolor(COLOURS[index % len(COLOURS)])
                area.set_hatch(HATCHES[index // len(COLOURS) % len(HATCHES)])
                area.set_label(f"device {devices[index]}")
            axis.set_ylim(0, 1)
        busy = seconds.sum(axis=0)
        loads = np.array([table["tokens"][rows] @ seconds for rows in by_device.values()])
        image = bottom.imshow(
            np.divide(loads, busy, out=np.full(loads.shape, np.nan), where=busy > 0),
            aspect="auto",
            interpolation="nearest",
            cmap=LOADS,
            norm=norm,
            extent=(edges[0], edges[-1], len(devices) - 0.5, -0.5),
        )
        bottom.set_facecolor("#DDDDDD")
    axes[0, 0].set_ylabel("Downlink band in use\n(fraction)")
    axes[1, 0].set_ylabel("Uplink band in use\n(fraction)")
    axes[2, 0].set_ylabel("Device")
    axes[2, 0].set_yticks(range(len(devices)), devices)
    handles, labels = next(
        (found for found in (axis.get_legend_handles_labels() for axis in axes[0]) if found[0]), ([], [])
    )
    title = f"{run}: first request"
    if handles:  # a title of the figure's own would lie upon the legend
        figure.legend(
            handles,
            labels,
            loc="outside upper center",
            ncols=max(2, min(8, int(figure.get_figwidth() / 1.1))),
            fontsize=8,
            title=title,
            title_fontsize=9,
        )
    else:
        figure.suptitle(title, fontsize=9)
    if image:
        figure.colorbar(image, ax=axes[2, :].tolist(), label="Expert load\n(tokens per block)")
    figure.supxlabel("Time since the first request began (s)", fontsize=9)
    save(figure, folder / "shares-and-loads.png")


def draw_quality(summaries, folder):
    """A real model's quality against latency, a point for each policy; `summaries` by RngRun, means over several."""
    found = {policy: entry for policy, entry in qualities(summaries).items() if entry["request_latency_p50_s"]["runs"]}
    panels = []
    for choice in PANELS:
        there = [one for one in choice if any(entry[one[0]]["mean"] is not None for entry in found.values())]
        panels += there[:1]
    if not panels:
        return
    runs = f"RngRun {min(summaries)}" + (f" to {max(summaries)}" if len(summaries) > 1 else "")
    bars = " (mean, bars: 95 %)" if len(summaries) > 1 else ""
    counts = [entry["items"] for entry in found.values()]
    items = " to ".join(map(str, sorted({min(counts), max(counts)})))
    radio = next(iter(summaries.values()))["radio"]
    title = f"{name_models(summaries.values())}\n{radio}, {runs}{bars}, {items} items for each policy"
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(
            1, len(panels), figsize=(3.9 * len(panels), 3.7), squeeze=False, layout="constrained"
        )
        figure.suptitle(title, fontsize=9)
        points = [draw_panel(axis, found, panel) for axis, panel in zip(axes[0], panels)]
        figure.draw_without_rendering()  # places are known from here on
        figure.set_layout_engine("none")
        for axis, of_axis in zip(axes[0], points):
            place_labels(axis, of_axis)
        save(figure, folder / "latency-vs-quality.png")


def spread(entry, scale):
    """Mean and the bounds of comparison.over_runs; the mean itself where there are none."""
    return [(entry["mean"] if entry[name] is None else entry[name]) * scale for name in ("mean", "low", "high")]


def draw_panel(axis, found, panel):
    """The points of one quality; [(x, y, policy, bars)], bars as pairs of their ends."""
    key, label, scale, least = panel
    points = []
    for index, (policy, entry) in enumerate(found.items()):
        if entry[key]["mean"] is None:
            continue
        x, left, right = spread(entry["request_latency_p50_s"], 1)
        y, low, high = spread(entry[key], scale)
        axis.errorbar(
            x,
            y,
            xerr=[[x - left], [right - x]] if right > left else None,
            yerr=[[y - low], [high - y]] if high > low else None,
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=max(4, 8 - 0.7 * index),  # of equal points each is seen
            markeredgecolor="black",
            markeredgewidth=0.6,
            elinewidth=0.9,
            capsize=2,
        )
        points.append((x, y, policy, (((left, y), (right, y)), ((x, low), (x, high)))))
    lows, highs = ([bar[end][1] for *_, bars in points for bar in bars] for end in (0, 1))
    low, high = min(lows), max(highs)
    half = max(high - low, least) * 0.75  # room for labels
    limits = ((low + high) / 2 - half, (low + high) / 2 + half)
    axis.set_ylim(limits)
    axis.set_xlim(0, 1.2 * max(bar[1][0] for *_, bars in points for bar in bars) or 1)
    axis.ticklabel_format(useOffset=False)
    ticks = [tick for tick in axis.get_yticks() if 0 <= tick <= QUALITIES[key] * scale]  # what can be
    axis.set_yticks(ticks)
    axis.set_ylim(limits)
    axis.set_xlabel("Request latency p50 (s)")
    axis.set_ylabel(label)
    axis.grid(color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    return points


def shared(box, other):
    """Area that two boxes have in common, square pixels."""
    common = Bbox.intersection(box, other)
    return common.width * common.height if common else 0


def place_labels(axis, points):
    """Names the points, each where its name hides least: no other name, no marker, no bar, and near its point."""
    figure = axis.figure
    renderer = figure.canvas.get_renderer()
    pixel = figure.dpi / 72  # pixels of a point
    inside = axis.get_window_extent(renderer)
    places = [axis.transData.transform(point[:2]) for point in points]
    taken = [Bbox.from_extents(x - 5 * pixel, y - 5 * pixel, x + 5 * pixel, y + 5 * pixel) for x, y in places]
    bars = [axis.transData.transform(bar) for *_, ends in points for bar in ends]
    bars = [Bbox.from_extents(*(low - pixel), *(high + pixel)) for low, high in bars]
    for (x, y), (_, _, policy, _) in zip(places, points):
        text = axis.text(0, 0, fold(policy), fontsize=8, ha="center", va="center", linespacing=1.0, transform=None)
        size = text.get_window_extent(renderer)
        best = None
        for distance, turn in itertools.product((8, 16, 26, 38, 52, 70, 90, 115), range(16)):
            angle = (turn + 4) * math.pi / 8  # above first
            # The label's edge, not its middle, is so far away.
            middle = (
                x + math.cos(angle) * (size.width / 2 + distance * pixel),
                y + math.sin(angle) * (size.height / 2 + distance * pixel),
            )
            box = Bbox.from_bounds(middle[0] - size.width / 2, middle[1] - size.height / 2, size.width, size.height)
            hidden = sum(shared(box, other) for other in taken) + 0.3 * sum(shared(box, bar) for bar in bars)
            outside = size.width * size.height - shared(box, inside)
            cost = 10 * outside + hidden
            if best is None or cost < best[0] - 1e-6:
                best = (cost, distance, middle, box)
        _, distance, middle, box = best
        taken.append(box)
        text.set_transform(axis.transData)
        text.set_position(axis.transData.inverted().transform(middle))
        if distance > 16:
            ends = axis.transData.inverted().transform([(x, y), middle])
            axis.plot(*ends.T, color="#666666", linewidth=0.5, zorder=1)
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
