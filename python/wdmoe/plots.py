# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The two pictures of a run: latencies by policy, and shares and expert loads over time."""

import csv

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from matplotlib.colors import LinearSegmentedColormap

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
MOST_TIME_BINS = 240


def draw(summary, folder):
    """Draws both pictures from the tables in `folder`."""
    policies = list(summary["policies"])
    with pyplot.rc_context(STYLE):
        draw_latencies(policies, folder)
        draw_shares(policies, folder)


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


def draw_latencies(policies, folder):
    panels = (("blocks.csv", "Block latency"), ("requests.csv", "Request latency"))
    figure, axes = pyplot.subplots(
        1, 2, figsize=(7.2, 0.6 + 0.42 * len(policies) + 0.6), sharey=True, layout="constrained"
    )
    for axis, (table, title) in zip(axes, panels):
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
        low = min((values.min() for values in samples if values.size), default=1)
        high = max((values.max() for values in samples if values.size), default=1)
        if low > 0 and high / low > 30:
            axis.set_xscale("log")
        else:
            axis.set_xlim(left=0)
        axis.set_title(f"{title} (box: quartiles, whiskers: 5 to 95 %)", fontsize=8)
        axis.set_xlabel(f"{title} ({unit})")
        axis.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axis.set_axisbelow(True)
    axes[0].set_yticks(range(len(policies)), policies)
    axes[0].invert_yaxis()
    save(figure, folder / "latency-by-policy.png")


def sample(times, values, edges):
    """The value that holds in each time bin (the last one set before the bin's end; 0 before the first)."""
    order = np.argsort(times, kind="stable")
    last = np.searchsorted(times[order], edges[1:], side="left") - 1
    return np.where(last >= 0, values[order][np.maximum(last, 0)], 0.0)


def average(times, values, edges):
    """The mean of the values set within each time bin; NaN where none was."""
    count = np.histogram(times, edges)[0]
    total = np.histogram(times, edges, weights=values)[0]
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def draw_shares(policies, folder):
    names = ("time_s", "device", "downlink_granted", "uplink_granted", "load")
    read = read_columns(folder / "shares.csv", policies, names)
    devices = sorted({int(device) for table in read.values() for device in table["device"]})
    times = np.concatenate([table["time_s"] for table in read.values()])
    figure, axes = pyplot.subplots(
        3,
        len(policies),
        figsize=(1.2 + 1.9 * len(policies), 5.4),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    if times.size:
        decisions = max(len(np.unique(table["time_s"])) for table in read.values())
        bins = min(decisions, MOST_TIME_BINS)
        edges = np.linspace(times.min(), max(times.max(), times.min() + 1e-3), bins + 1)
        loads = {
            policy: np.array([average(*pick(table, device, "load"), edges) for device in devices])
            for policy, table in read.items()
        }
        highest = max((np.nanmax(values, initial=0) for values in loads.values()), default=1) or 1
    image = None
    for column, policy in enumerate(policies):
        top, middle, bottom = axes[:, column]
        top.set_title(policy)
        bottom.set_xlabel("Time (s)")
        table = read[policy]
        if not table["time_s"].size:
            for axis in (top, middle, bottom):
                axis.text(0.5, 0.5, "no plan", transform=axis.transAxes, ha="center", color="#666666")
            continue
        for axis, name in ((top, "downlink_granted"), (middle, "uplink_granted")):
            shares = np.array([sample(*pick(table, device, name), edges) for device in devices])
            stack = axis.stackplot(edges[:-1], shares, step="post", linewidth=0)
            for index, area in enumerate(stack):
                area.set_facecolor(COLOURS[index % len(COLOURS)])
                area.set_hatch(HATCHES[index // len(COLOURS) % len(HATCHES)])
                area.set_label(f"device {devices[index]}")
            axis.set_ylim(0, 1)
        image = bottom.imshow(
            loads[policy],
            aspect="auto",
            interpolation="nearest",
            cmap=LOADS,
            vmin=0,
            vmax=highest,
            extent=(edges[0], edges[-1], len(devices) - 0.5, -0.5),
        )
        bottom.set_facecolor("#EEEEEE")
    axes[0, 0].set_ylabel("Downlink share granted")
    axes[1, 0].set_ylabel("Uplink share granted")
    axes[2, 0].set_ylabel("Device")
    axes[2, 0].set_yticks(range(len(devices)), devices)
    handles, labels = next(
        (found for found in (axis.get_legend_handles_labels() for axis in axes[0]) if found[0]), ([], [])
    )
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=8, fontsize=8)
    if image:
        figure.colorbar(image, ax=axes[2, :].tolist(), label="Load (tokens)", shrink=0.9)
    save(figure, folder / "shares-and-loads.png")


def pick(table, device, name):
    rows = table["device"] == device
    return table["time_s"][rows], table[name][rows]
