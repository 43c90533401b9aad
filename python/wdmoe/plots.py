# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Pictures: latencies by policy; shares and expert loads over time, of the first request; one block's schedule; energy a
token; a real model's quality."""

import itertools
import math
import textwrap

import numpy as np
from matplotlib import pyplot
from matplotlib.colors import PowerNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from wdmoe.comparison import QUALITIES, energies, qualities
from wdmoe.plot._labels import place_labels
from wdmoe.plot._style import COLOURS, HATCHES, LOADS, MARKERS
from wdmoe.plot._timeline import HATCHED, STAGES, darken, draw_spans, spans
from wdmoe.results import SCHEDULE, BadResult, name_models, name_run, name_scenario, read_columns
from wdmoe.scenarios import fold, shorten

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

KEY = ("request", "pass", "block")
PIECE = (*KEY, "device", "piece", "tokens", "answered")
TIMES = tuple(
    f"{kind}_{stage}_{end}_s" for kind in ("planned", "measured") for stage in STAGES for end in ("start", "end")
)
BLOCK = (*KEY, "tokens", "latency_s", "pieces", "in_flight", "planned_s", "lower_bound_s")
# Whose block is drawn, the first that there is; else another that plans over time.
DRAWN = ("scheduled-fp16-topk", "scheduled")
STOCK = "topk-stock"
LINES = {
    "planned end": {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.2},
    "measured end": {"color": "black", "linewidth": 1.2},
    "lower bound": {"color": "#D55E00", "linestyle": (0, (1, 1)), "linewidth": 1.6},
}
TITLE_WIDTH = 105  # characters

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


# The same of energy: both are drawn.
ENERGIES = (
    ("energy_j.per_token", "Energy, all (J per token)\n(lower is better)", 1, 0.02),
    ("energy_j.devices_per_token", "Energy, devices only (J per token)\n(lower is better)", 1, 0.02),
)


def draw(summary, folder):
    """Draws the pictures of one run from the tables in `folder`."""
    policies = list(summary["policies"])
    with pyplot.rc_context(STYLE):
        draw_latencies(policies, folder, name_run(summary))
        draw_shares(policies, folder, name_run(summary))
        if (folder / SCHEDULE).exists():
            draw_schedules(summary, folder)


def save(figure, path):
    # No version or date in the file: the same run draws the same bytes.
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def draw_latencies(policies, folder, run):
    panels = (("blocks.csv", "Block latency"), ("requests.csv", "Request latency"))
    # A row is as high as its name needs: 0.16 inches a line and one between the names.
    lines = sum(max(2.6, len(fold(policy).splitlines()) + 1) for policy in policies)
    figure, axes = pyplot.subplots(1, 2, figsize=(7.2, 1.2 + 0.16 * lines), sharey=True, layout="constrained")
    figure.suptitle(f"{run} (box: quartiles, whiskers: 5 to 95 %)", fontsize=9)
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
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high / low > 100 else (1, 2, 5)))
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
        else:
            axis.set_xlim(0, 1.05 * axis.dataLim.x1 or 1)
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
    shares_of = ("request", "device", "cell", "tokens", "granted_downlink_share", "granted_uplink_share")
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
    cells = sorted({int(cell) for table in shares.values() for cell in table["cell"]}) or [0]
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
            cell_of = [table["cell"][rows[0]] for rows in by_device.values()]
            for level, cell in enumerate(cells):  # each cell has a band of its own, above the last one's
                members = [index for index in range(len(devices)) if cell_of[index] == cell]
                layers = [np.full(TIME_BINS, level), *(used[index] for index in members)]
                below, *areas = axis.stackplot(edges[:-1], layers, step="post", linewidth=0)
                below.set_visible(False)
                for index, area in zip(members, areas):
                    area.set_facecolor(COLOURS[index % len(COLOURS)])
                    area.set_hatch(HATCHES[index // len(COLOURS) % len(HATCHES)])
                    area.set_label(f"device {devices[index]}")
                if level > 0:
                    axis.axhline(level, color="black", linewidth=0.6)
            axis.set_ylim(0, len(cells))
            if len(cells) > 1:
                axis.set_yticks([level + 0.5 for level in range(len(cells))], [f"cell {cell}" for cell in cells])
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
    fraction = "fraction" if len(cells) == 1 else "fraction of each cell's"
    axes[0, 0].set_ylabel(f"Downlink band in use\n({fraction})")
    axes[1, 0].set_ylabel(f"Uplink band in use\n({fraction})")
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
        narrow = {"fraction": 0.15 / len(policies), "pad": 0.05 / len(policies)}
        figure.colorbar(image, ax=axes[2, :].tolist(), label="Expert load\n(tokens per block)", **narrow)
    figure.supxlabel("Time since the first request began (s)", fontsize=9)
    save(figure, folder / "shares-and-loads.png")


def draw_schedules(summary, folder):
    """The median prefill block and the median decode block of a policy that plans over time; none where none does."""
    policies = list(summary["policies"])
    blocks = read_columns(folder / "blocks.csv", policies, BLOCK)
    planning = [policy for policy in policies if np.isfinite(blocks[policy]["planned_s"]).any()]
    if not planning:
        return
    policy = next((name for name in DRAWN if name in planning), planning[0])
    schedule = read_columns(folder / SCHEDULE, [policy, STOCK], (*PIECE, *TIMES))
    run = f"scenario {summary['scenario']}, radio {summary['radio']}, RngRun {summary['manifest'].get('rng_run', '-')}"
    for prefill, name in ((True, "schedule.png"), (False, "schedule-decode.png")):
        block, count = choose_block(blocks[policy], prefill)
        if not block:
            continue
        kind = "prefill" if prefill else "decode"
        tokens = f"{block['tokens']:.0f} token{'' if block['tokens'] == 1 else 's'}"
        place = f"request {block['request']:.0f}, pass {block['pass']:.0f} ({kind}), block {block['block']:.0f}"
        title = f"{place}, {tokens}: the median of {count} {kind} blocks of {shorten(policy)}"
        title = "\n".join([run, *textwrap.wrap(title, TITLE_WIDTH, break_on_hyphens=False)])
        pieces = find_pieces(schedule, policy, block)
        save(draw_schedule(pieces, block, title), folder / name)
        stock = find_block(blocks.get(STOCK), block)
        if prefill and stock:
            panels = [(STOCK, find_pieces(schedule, STOCK, stock), stock), (policy, pieces, block)]
            save(draw_measured(panels, title), folder / "schedule-vs-stock.png")


def choose_block(table, prefill):
    """The row of median latency of the prefill or decode blocks that had work, and how many these are."""
    rows = np.flatnonzero(((table["pass"] == 0) == prefill) & (table["pieces"] > 0))
    if not rows.size:
        return None, 0
    median = rows[np.argsort(table["latency_s"][rows], kind="stable")[(rows.size - 1) // 2]]
    return {name: values[median] for name, values in table.items()}, rows.size


def of_block(table, block):
    return np.logical_and.reduce([table[name] == block[name] for name in KEY])


def find_block(table, block):
    """The row of the same block in another policy's table; None where it has none with work."""
    rows = np.flatnonzero(of_block(table, block) & (table["pieces"] > 0)) if table else ()
    return {name: values[rows[0]] for name, values in table.items()} if len(rows) else None


def find_pieces(schedule, policy, block):
    """The block's micro-batches, a dict each, in order of device and piece."""
    table = schedule[policy]
    rows = np.flatnonzero(of_block(table, block))
    if not rows.size:
        where = ", ".join(f"{name} {block[name]:.0f}" for name in KEY)
        raise BadResult(f"{SCHEDULE}: no row of policy {policy}, {where}, which has work in blocks.csv")
    pieces = [{name: values[row] for name, values in table.items()} for row in rows]
    return sorted(pieces, key=lambda piece: (piece["device"], piece["piece"]))


def make_gantt(panels, devices):
    """A figure with one axis above another, all with a row for each device and the same time."""
    row = min(0.36, max(0.15, 7 / (panels * len(devices))))
    figure, axes = pyplot.subplots(
        panels, 1, figsize=(7.8, 1.6 + panels * (0.3 + row * len(devices))), sharex=True, layout="constrained"
    )
    axes[-1].set_xlabel("Time since the block's batches were sent (ms)")
    figure.supylabel("Device (token-expert pairs)", fontsize=9)
    return figure, axes


def label_devices(axis, pieces, devices):
    tokens = {device: sum(piece["tokens"] for piece in pieces if piece["device"] == device) for device in devices}
    axis.set_yticklabels([f"{device:.0f}  ({count:.0f})" for device, count in tokens.items()])


def put_legend(figure, title, lines, guessed):
    """Stages in one row, ends below them; `lines` has a label for each name of LINES that is drawn."""
    stages = [Patch(facecolor=colour, edgecolor=darken(colour), label=stage) for stage, colour in STAGES.items()]
    if guessed:
        told = "start not known: earliest possible"
        stages.append(Patch(facecolor="#999999", edgecolor="black", label=told, **HATCHED))
    ends = [Line2D([], [], label=label, **LINES[name]) for name, label in lines.items()]
    nothing = Line2D([], [], linestyle="none", label=" ")
    handles = [handle for column in itertools.zip_longest(stages, ends, fillvalue=nothing) for handle in column]
    legend = figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(stages),
        columnspacing=1.4,
        fontsize=8,
        title=title,
        title_fontsize=9,
    )
    legend.get_title().set_multialignment("center")


def draw_schedule(pieces, block, title):
    """One block, as it was planned above as it came."""
    devices = sorted({piece["device"] for piece in pieces})
    figure, (planned, measured) = make_gantt(2, devices)
    ends = [end for *_, end, _ in spans(pieces, "planned")]
    times = {"planned end": max(ends, default=math.nan), "measured end": block["latency_s"]}
    alone = block["in_flight"] == 1
    if alone:
        times["lower bound"] = block["lower_bound_s"]
    times = {name: 1e3 * time for name, time in times.items() if math.isfinite(time)}
    guessed = False
    for axis, kind in ((planned, "planned"), (measured, "measured")):
        guessed = draw_spans(axis, pieces, kind, devices) or guessed
        label_devices(axis, pieces, devices)
        for name, time in times.items():
            axis.axvline(time, zorder=3, **LINES[name])
    count = block["in_flight"] - 1
    others = f"{count:.0f} other block{'' if count == 1 else 's'} in flight"
    others = "" if alone else f", with {others} (the lower bound is of all together)"
    planned.set_title(f"Planned{others}", loc="left")
    measured.set_title("Measured", loc="left")
    measured.set_xlim(0, 1.03 * max(times.values(), default=1))
    put_legend(figure, title, {name: f"{name} {time:.4g} ms" for name, time in times.items()}, guessed)
    return figure


def draw_measured(panels, title):
    """The same block under several policies, as it came; `panels` of (policy, pieces, row of blocks.csv)."""
    devices = sorted({piece["device"] for _, pieces, _ in panels for piece in pieces})
    figure, axes = make_gantt(len(panels), devices)
    guessed = False
    for axis, (policy, pieces, block) in zip(axes, panels):
        guessed = draw_spans(axis, pieces, "measured", devices) or guessed
        label_devices(axis, pieces, devices)
        axis.axvline(1e3 * block["latency_s"], zorder=3, **LINES["measured end"])
        axis.set_title(f"{shorten(policy)}: measured, {1e3 * block['latency_s']:.4g} ms", loc="left")
    axes[-1].set_xlim(0, 1.03e3 * max(block["latency_s"] for *_, block in panels))
    put_legend(figure, title, {"measured end": "measured end"}, guessed)
    return figure


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
    air = name_scenario(next(iter(summaries.values())))
    title = f"{name_models(summaries.values())}\n{air}, {runs}{bars}, {items} items for each policy"
    draw_against_latency(found, panels, title, folder / "latency-vs-quality.png")


def draw_energy(summaries, folder):
    """Energy a token against latency, a point for each policy whose energy is known; as draw_quality."""
    found = energies(summaries)
    if not found:
        return
    runs = f"RngRun {min(summaries)}" + (f" to {max(summaries)}" if len(summaries) > 1 else "")
    bars = " (mean, bars: 95 %)" if len(summaries) > 1 else ""
    title = f"{name_scenario(next(iter(summaries.values())))}, {runs}{bars}"
    draw_against_latency(found, ENERGIES, title, folder / "latency-vs-energy.png")


def draw_against_latency(found, panels, title, path):
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
        save(figure, path)


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
    ticks = [tick for tick in axis.get_yticks() if 0 <= tick <= QUALITIES.get(key, math.inf) * scale]  # what can be
    axis.set_yticks(ticks)
    axis.set_ylim(limits)
    axis.set_xlabel("Request latency p50 (s)")
    axis.set_ylabel(label)
    axis.grid(color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    return points


