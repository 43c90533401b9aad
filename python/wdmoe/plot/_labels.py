# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Names beside points."""

import itertools
import math

import numpy as np

from wdmoe.scenarios import fold

DISTANCES = (8, 16, 26, 38, 52, 70, 90, 115)  # points, from a point to the edge of its name
TURNS = 16


def shared(boxes, others):
    """Area that each of `boxes` has in common with each of `others`, square pixels; rows of x0, y0, x1, y1."""
    boxes, others = boxes[:, np.newaxis], others[np.newaxis]
    sizes = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    return np.clip(sizes, 0, None).prod(axis=2)


def place_labels(axis, points, fontsize=8):
    """Names the points, each where its name hides least: no other name, no marker, no bar, and near its point.

    Where it is not close by, a line leads to it, across no other name if that can be.
    """
    figure = axis.figure
    renderer = figure.canvas.get_renderer()
    pixel = figure.dpi / 72  # pixels of a point
    inside = axis.get_window_extent(renderer).extents[np.newaxis]
    places = np.array([axis.transData.transform(point[:2]) for point in points]).reshape(-1, 2)
    taken = np.hstack([places - 5 * pixel, places + 5 * pixel])
    bars = np.array([axis.transData.transform(bar) for *_, ends in points for bar in ends]).reshape(-1, 4)
    bars = bars + pixel * np.array([-1, -1, 1, 1])
    names = np.empty((0, 4))
    # The label's edge, not its middle, is so far away; above first.
    tries = [(far, (turn + 4) * math.pi * 2 / TURNS) for far, turn in itertools.product(DISTANCES, range(TURNS))]
    distances = np.array([far for far, _ in tries])
    ways = np.array([(math.cos(angle), math.sin(angle)) for _, angle in tries])
    steps = np.linspace(0, 1, 20)[:, np.newaxis]
    for place, (_, _, policy, _) in zip(places, points):
        text = axis.text(
            0, 0, fold(policy), fontsize=fontsize, ha="center", va="center", linespacing=1.0, transform=None
        )
        extent = text.get_window_extent(renderer)
        size = np.array([extent.width, extent.height])
        middles = place + ways * (size / 2 + pixel * distances[:, np.newaxis])
        boxes = np.hstack([middles - size / 2, middles + size / 2])
        hidden = shared(boxes, taken).sum(axis=1) + 0.3 * shared(boxes, bars).sum(axis=1)
        outside = size.prod() - shared(boxes, inside)[:, 0]
        lines = place + steps * (middles - place)[:, np.newaxis]  # of each try, from the point to its name
        crossed = np.zeros(len(tries))
        for name in names:
            crossed += ((lines >= name[:2]) & (lines <= name[2:])).all(axis=2).sum(axis=1)
        costs = 10 * outside + hidden + size[1] ** 2 * crossed
        best = int(np.flatnonzero(costs < costs.min() + 1e-6)[0])
        taken = np.vstack([taken, boxes[best]])
        names = np.vstack([names, boxes[best]])
        text.set_transform(axis.transData)
        text.set_position(axis.transData.inverted().transform(middles[best]))
        if distances[best] > DISTANCES[0]:
            ends = axis.transData.inverted().transform([place, middles[best]])
            axis.plot(*ends.T, color="#666666", linewidth=0.5, zorder=1, scalex=False, scaley=False)
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
