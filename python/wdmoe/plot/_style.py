# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""How pictures look: sizes, colours, legends."""

import contextlib
import functools
import math
import re

import matplotlib
from matplotlib import font_manager, pyplot, rc_context, rcParams
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.textpath import TextPath
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from wdmoe.scenarios import shorten

# Width of one column and of the text of a two-column paper, inches.
COLUMN, WIDE = 3.5, 7.16

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#666666")
# The same for lines and points, where yellow would be too light.
STROKES = (*COLOURS[:6], "#000000", COLOURS[7])
# And what tells lines, points and areas apart on grey print.
DASHES = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (4, 1, 1, 1, 1, 1)))
MARKERS = "osD^vPX*"
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
LOADS = LinearSegmentedColormap.from_list("loads", ("#FFFFFF", "#0072B2", "#001A33"))

STYLE = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "figure.dpi": 150,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # fonts that a publisher takes
    "ps.fonttype": 42,
    "svg.hashsalt": "wdmoe",
}
CROWD = 10  # policies, above which a figure takes both columns
MANY = 2000  # points, above which they are a raster in a vector file


@contextlib.contextmanager
def style():
    """The look of these pictures, for a figure of your own: `with wdmoe.plot.style(): ...`."""
    with rc_context(STYLE):
        yield
        interactive = matplotlib.is_interactive()
    # A notebook's backend says so when the first figure is made: then the later ones are to be shown too.
    matplotlib.interactive(interactive)


def styled(draw):
    """Draws in that look."""

    @functools.wraps(draw)
    def drawn(*arguments, **named):
        with style():
            return draw(*arguments, **named)

    return drawn


def save(figure, path, close=True):
    """Writes a figure by the ending of `path` (pdf, svg, png). No date is in it: the same results, the same bytes."""
    kind = str(path).rpartition(".")[2].lower()
    stamps = {"pdf": {"CreationDate": None, "Producer": None}, "svg": {"Date": None}, "png": {"Software": None}}
    with style():
        figure.savefig(path, metadata=stamps.get(kind))
    if close:
        pyplot.close(figure)


def take_axis(axis, width=COLUMN, height=2.3, names=1):
    """`axis`, or the one of a new figure: wider, where it has to name many policies."""
    width = WIDE if names > CROWD else width
    return axis if axis is not None else pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def look(index):
    """Colour and dashes of the line number `index`; no two of 48 are alike."""
    turn, colour = divmod(index, len(STROKES))
    return {"color": STROKES[colour], "linestyle": DASHES[(colour + turn) % len(DASHES)]}


def mark(index):
    """Colour and marker of the points number `index`; no two of 64 are alike."""
    turn, colour = divmod(index, len(STROKES))
    return {"color": STROKES[colour], "marker": MARKERS[(colour + turn) % len(MARKERS)]}


def paint(index):
    """Colour and hatches of the area number `index`."""
    return {"facecolor": COLOURS[index % len(COLOURS)], "hatch": HATCHES[index // len(COLOURS) % len(HATCHES)]}


def time_unit(most):
    """("ms", 1000) of times below a second, else ("s", 1)."""
    if most < 1e-3:
        return "us", 1e6
    return ("ms", 1e3) if most < 1 else ("s", 1)


def scale_axis(axis, name, low, high):
    """Makes the axis "x" or "y" logarithmic where values from `low` to `high` ask for it, with plain numbers."""
    if low <= 0 or high / low <= 30:
        return False
    getattr(axis, f"set_{name}scale")("log")
    set_log_ticks(getattr(axis, f"{name}axis"), low, high)
    return True


def set_log_ticks(ticks, low, high):
    """As many as fit, as plain numbers."""
    decades = math.log10(high / low)
    ticks.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1, 3) if decades < 3 else (1,)))
    ticks.set_major_formatter(StrMethodFormatter("{x:g}"))
    ticks.set_minor_formatter(NullFormatter())


@functools.lru_cache(maxsize=1024)
def _width(line, size):
    """Of text, points."""
    found = TextPath((0, 0), line or " ", prop=font_manager.FontProperties(size=size))
    return found.get_extents().width


def label(policy, room, size):
    """A policy's name, folded where it is wider than `room` points."""
    lines = [""]
    for part in re.split(r"(?<=[:+.])", shorten(policy)):
        if lines[-1] and _width(lines[-1] + part, size) > room:
            lines.append("  ")
        lines[-1] += part
    return "\n".join(lines)


def legend_above(axis, handles, labels, grow, title=None, handle=2.4):
    """A legend above the axis, so that it covers no data, in as many columns as fit; `grow`: the figure by as much."""
    figure = axis.figure
    size = font_manager.FontProperties(size=rcParams["legend.fontsize"]).get_size_in_points()
    spec = axis.get_subplotspec()
    room = 72 * figure.get_figwidth() / (spec.get_gridspec().ncols if spec else 1) - 16
    beside = (handle + 1.8) * size  # handle and space
    labels = [label(text, room - beside, size) for text in labels]
    widest = max((_width(line, size) for text in labels for line in text.splitlines()), default=0) + beside
    columns = max(1, min(len(labels), int(room // widest)))
    legend = axis.legend(
        handles,
        labels,
        loc="lower right",
        bbox_to_anchor=(1, 1.01),
        ncols=columns,
        columnspacing=1.0,
        handlelength=handle,
        borderaxespad=0.1,
        labelspacing=0.3,
        title=title,
        alignment="left",
    )
    if grow:
        rows = math.ceil(len(labels) / columns)
        lines = max((text.count("\n") + 1 for text in labels), default=1)
        figure.set_figheight(figure.get_figheight() + (rows * lines + bool(title)) * 1.35 * size / 72)
    return legend
