# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What became of one block: each device's downlink, compute and uplink, and what they waited for."""

import math

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from wdmoe.plot._data import choose, describe, one_of, one_run, table_of
from wdmoe.plot._style import WIDE, legend_above, styled, take_axis, time_unit

# The stages of a micro-batch, in its order, and what schedule.csv says of each.
STAGES = {"downlink": "#0072B2", "compute": "#E69F00", "uplink": "#009E73"}
HATCHED = {"alpha": 0.45, "hatch": "//////"}
WAITING = {"facecolor": "#D0D0D0", "edgecolor": "#A0A0A0", "linewidth": 0.4}
# On grey print too, each stage is another; the colours' lightness alone is near.
TEXTURES = {"downlink": "", "compute": "....", "uplink": "\\\\\\\\"}


def spans(pieces, kind):
    """(device, stage, start, end, whether the start is known) of what is known of each stage of each micro-batch, s.

    Where a radio does not say when the first bit was sent, it is taken as the earliest that can be: the batch or the
    answer was there to be sent, and the previous micro-batch of that device had been.
    """
    found = []
    before = {}
    for piece in pieces:
        ready = 0.0
        for stage in STAGES:
            start, end = (piece[f"{kind}_{stage}_{side}_s"] for side in ("start", "end"))
            if not math.isfinite(end):
                continue
            known = math.isfinite(start)
            if not known:
                start = min(max(ready, before.get((piece["device"], stage), 0.0)), end)
            found.append((piece["device"], stage, start, end, known))
            before[piece["device"], stage] = ready = end
    return found


def darken(colour):
    """A bar's edge: dark, and still of its stage where the bar is no wider."""
    return tuple(0.35 * part for part in to_rgb(colour))


# Of each stage in its device's row.
LANES = {stage: 0.28 * (index - 1) for index, stage in enumerate(STAGES)}


def draw_spans(axis, pieces, kind, devices, scale=1e3, textures=None):
    """Bars of all micro-batches: a row for each device, in it a lane for each stage. Whether any start is not known.

    scale: of the axis, to seconds; textures: hatches of the stages.
    """
    guessed = False
    for row in range(1, len(devices), 2):
        axis.axhspan(row - 0.5, row + 0.5, color="#F2F2F2", linewidth=0, zorder=0)
    for device, stage, start, end, known in spans(pieces, kind):
        axis.barh(
            devices.index(device) + LANES[stage],
            scale * (end - start),
            left=scale * start,
            height=0.25,
            color=STAGES[stage],
            edgecolor=darken(STAGES[stage]),
            linewidth=0.5,
            zorder=2,
            **({"hatch": (textures or {}).get(stage)} if known else HATCHED),
        )
        guessed = guessed or not known
    lost = {}
    for piece in pieces if kind == "measured" else ():
        lost[piece["device"]] = lost.get(piece["device"], 0) + (not piece["answered"])
    for device, count in lost.items():
        if count:
            told = f"{count} of {sum(piece['device'] == device for piece in pieces)} not answered"
            axis.annotate(
                told,
                (1, devices.index(device)),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="center",
                fontsize=7,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                zorder=4,
            )
    axis.set_yticks(range(len(devices)))
    axis.set_ylim(len(devices) - 0.5, -0.5)
    axis.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    return guessed


def waits(pieces, kind):
    """(device, stage, ready, start) of each stage of each micro-batch that began later than it could have, s."""
    found = []
    for piece in pieces:
        ready = 0.0
        for stage in STAGES:
            begin, end = (piece[f"{kind}_{stage}_{side}_s"] for side in ("start", "end"))
            if begin > ready:
                found.append((piece["device"], stage, ready, begin))
            ready = end if math.isfinite(end) else ready
    return found


@styled
def timeline(results, policy=None, request=None, number=None, block=None, run=None, kind="measured", axis=None):
    """One block by device: downlink, compute, uplink and waiting, a lane for each.

    Which block: `request`, `number` (of the pass: 0 is prefill) and `block`; of those that fit what is given, the one
    of median length, of prefill where there is one. kind: "measured", or "planned" (policies that plan over time).
    Hatched in place of a start that the radio does not tell: the earliest that it can have been.
    """
    choose("kind", kind, ("measured", "planned"))
    columns = [f"{kind}_{stage}_{side}_s" for stage in STAGES for side in ("start", "end")]
    rows = table_of(results, "schedule", ("policy", "request", "pass", "block", "device", "piece", *columns))
    rows, policy = one_of(rows, policy)
    rows = one_run(rows, run)
    for name, value in (("request", request), ("pass", number), ("block", block)):
        if value is not None:
            rows = rows[rows[name] == choose(name, value, sorted(rows[name].unique()))]
    known = rows[np.isfinite(rows[columns[1::2]]).any(axis=1)]
    if not len(known):
        raise ValueError(f"no micro-batch of policy '{policy}' has {kind} times")
    if number is None and (known["pass"] == 0).any():
        known = known[known["pass"] == 0]
    key = ["request", "pass", "block"]
    lengths = known[[*key, columns[-1]]].groupby(key)[columns[-1]].max().dropna()
    where = tuple(known.iloc[0][key])
    if len(lengths):
        where = lengths.sort_values(kind="stable").index[(len(lengths) - 1) // 2]
    chosen = (rows["request"] == where[0]) & (rows["pass"] == where[1]) & (rows["block"] == where[2])
    pieces = rows[chosen].sort_values(["device", "piece"]).to_dict("records")
    devices = sorted({piece["device"] for piece in pieces})
    own = axis is None
    axis = take_axis(axis, WIDE, 0.6 + max(0.22 * len(devices), 0.4))
    unit, scale = time_unit(max(end for *_, end, _ in spans(pieces, kind)))
    guessed = draw_spans(axis, pieces, kind, devices, scale, TEXTURES)
    for device, stage, ready, begin in waits(pieces, kind):
        lane = devices.index(device) + LANES[stage]
        axis.barh(lane, scale * (begin - ready), left=scale * ready, height=0.09, zorder=1, **WAITING)
    axis.set_xlim(left=0)
    axis.set_yticklabels([str(device) for device in devices])
    axis.set_ylabel("Device")
    axis.set_xlabel(f"Time since the block's batches were sent ({unit})")
    handles = [
        Patch(facecolor=colour, edgecolor=darken(colour), linewidth=0.5, hatch=TEXTURES[stage])
        for stage, colour in STAGES.items()
    ]
    labels = [*STAGES, "waiting"]
    handles.append(Patch(**WAITING))
    if guessed:
        handles.append(Patch(facecolor="#999999", edgecolor="black", **HATCHED))
        labels.append("start not known")
    legend_above(axis, handles, labels, grow=own, title=describe(policy, *where) + f", {kind}")
    return axis
