# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a sweep found: each metric's mean over seeds with its interval, its difference against the baseline paired by
seed, as a table, a CSV file and pictures.

A difference is the mean over seeds of (value - baseline's value in the same seed, all else equal). A change is
exp(mean(log(value / baseline's))) - 1, as `wdmoe run --runs` gives it; only where all values are positive.
"""

import math
from pathlib import Path

from wdmoe.comparison import interval
from wdmoe.sweep.store import FIRST, LAST
from wdmoe.sweep.task import DONE

SUMMARY = "summary.csv"
# Shown in the table and drawn where the sweep does not say which; as far as they exist.
SHOWN = ("block_latency_s.p50", "request_latency_s.p50", "energy_j.per_token", "gate_mass_kept")
BOUNDS = ("mean", "low", "high")
MOST_LINES = 8
MOST_ROWS = 40


def metrics_of(frame, plan):
    """Columns of a frame of rows that are metrics."""
    known = {*FIRST, *LAST, *plan["parameters"], *plan["options"]}
    return [name for name in frame if name not in known and frame[name].notna().any()]


def planned(frame, plan):
    """The rows of a frame that are of the plan as it is now."""
    keep = frame["policy"].isin(plan["policies"]) & frame["seed"].isin(plan["seeds"])
    for name, value in plan["options"].items():
        keep &= (frame[name] == value) if name in frame else False
    return frame[keep]


def summarize(frame, plan):
    """A frame with one row for each policy, point and metric: runs, mean, low, high, then against, pairs, difference,
    change and their intervals."""
    import pandas as pd

    group = ["policy", *plan["parameters"]]
    metrics = metrics_of(frame, plan)
    done = frame[frame["status"] == DONE]
    # policy is None for a program without a choice
    cells = {key: rows.set_index("seed") for key, rows in done.groupby(group, sort=False, dropna=False)}
    against = plan["baseline"]
    rows = []
    for key, values in cells.items():
        where = dict(zip(group, key))
        base = None
        if against and any(where[name] != value for name, value in against.items()):
            base = cells.get(tuple({**where, **against}.values()))
        for metric in metrics:
            found = values[metric].dropna()
            if found.empty:
                continue
            row = {**where, "metric": metric, "runs": len(found), **dict(zip(BOUNDS, interval(found.tolist())))}
            if base is not None:
                row.update(compare(found, base[metric].dropna(), against))
            rows.append(row)
    columns = [*group, "metric", "runs", *BOUNDS]
    if against:
        columns += ["against", "pairs"]
        columns += [f"{what}{bound}" for what in ("difference", "change") for bound in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=columns)


def compare(values, base, against):
    """The columns that pair `values` with `base`, both by seed."""
    pairs = values.to_frame("value").join(base.to_frame("base"), how="inner")
    if pairs.empty:
        return {}
    ((name, value),) = against.items()
    row = {"against": value if name == "policy" else f"{name} = {value}", "pairs": len(pairs)}
    mean, low, high = interval((pairs["value"] - pairs["base"]).tolist())
    row.update(difference=mean, difference_low=low, difference_high=high)
    if (pairs > 0).all(axis=None):
        logs = [math.log(value / base) for value, base in zip(pairs["value"], pairs["base"])]
        mean, low, high = (None if bound is None else math.expm1(bound) for bound in interval(logs))
        row.update(change=mean, change_low=low, change_high=high)
    return row


def chosen_metrics(found, plan, known=SHOWN):
    """The metrics to show; of those that the sweep names but no run has, a line says so."""
    there = set(found["metric"])
    if plan["metrics"] is not None:
        return [metric for metric in plan["metrics"] if metric in there]
    return [metric for metric in known if metric in there] or sorted(there)[:4]


def name_point(row, plan, short=True):
    """ "policy, bandwidth 20" of a row of summarize()."""
    from wdmoe.scenarios import shorten

    parts = [shorten(row["policy"])] if isinstance(row["policy"], str) else []
    return parts + [f"{name_parameter(name) if short else name} {text(row[name])}" for name in plan["parameters"]]


def name_parameter(name):
    """An attribute without ns3::Wdmoe."""
    from wdmoe.scenarios import shorten

    return shorten(name)


def text(value):
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def show(found, plan):
    """Prints the table: a row for each policy and point, a column for each metric, and its change or difference."""
    from wdmoe import table

    metrics = chosen_metrics(found, plan)
    missing = [metric for metric in plan["metrics"] or () if metric not in metrics]
    if missing:
        from wdmoe.sweep.program import nearest

        for metric in missing:
            table.say(f"no run has the metric '{metric}'{nearest(metric, sorted(set(found['metric'])))}")
    if not metrics:
        return
    group = ["policy", *plan["parameters"]]
    rows = {key: cells.set_index("metric") for key, cells in found.groupby(group, sort=False, dropna=False)}
    shown = table.make_table()
    for name in group:
        if name != "policy" or plan["policies"] != [None]:
            shown.add_column(name_parameter(name), no_wrap=True, justify="left" if name == "policy" else "right")
    shown.add_column("runs", justify="right")
    for metric in metrics:
        shown.add_column(metric, justify="right", no_wrap=True)
        if plan["baseline"]:
            shown.add_column("change", justify="right", no_wrap=True)
    for key, cells in list(rows.items())[:MOST_ROWS]:
        line = [
            text(table.fold(value) if name == "policy" else value)
            for name, value in zip(group, key)
            if value == value and value is not None
        ]
        line.append(str(int(cells["runs"].max())))
        for metric in metrics:
            row = cells.loc[metric].to_dict() if metric in cells.index else {}
            line.append(table.spread(as_estimate(row)))
            if plan["baseline"]:
                line.append(describe_change(row))
        shown.add_row(*line)
    against = f", and {describe_baseline(plan)}" if plan["baseline"] else ""
    table.say(f"Mean over seeds, {table.PLUS_MINUS} half of its 95 % interval{against}")
    table.show(shown)
    if len(rows) > MOST_ROWS:
        table.say(f"... and {len(rows) - MOST_ROWS} rows more; all of them and all metrics: {SUMMARY}")


def as_estimate(row):
    """As table.spread takes it; without NaN."""
    return {bound: known(row.get(bound)) for bound in BOUNDS}


def known(value):
    return None if value is None or value != value else value


def describe_baseline(plan):
    ((name, value),) = plan["baseline"].items()
    whom = value if name == "policy" else f"{name_parameter(name)} = {value}"
    return f"change against {whom}, paired by seed"


def describe_change(row):
    """ "-12.3 % (-15.0 .. -9.5)"; the difference itself where there is no ratio; "-" for the baseline."""
    for what, scale, unit in (("change", 100, " %"), ("difference", 1, "")):
        mean, low, high = (known(row.get(f"{what}{bound}")) for bound in ("", "_low", "_high"))
        if mean is None:
            continue
        form = "{:+.1f}" if unit else "{:+.4g}"
        bounds = "" if low is None else f" ({form.format(low * scale)} .. {form.format(high * scale)})"
        return f"{form.format(mean * scale)}{unit}{bounds}"
    return "-"


def draw(found, plan, folder):
    """A picture for each metric to draw, METRIC-by-PARAMETER.png, against what is swept; returns their paths."""
    swept = [name for name in plan["parameters"] if found[name].nunique() > 1]
    x = plan["picture"].get("x") or next(iter(swept), "policy")
    metrics = plan["picture"].get("y") or chosen_metrics(found, plan)[:1]
    return [draw_metric(found, plan, metric, x, Path(folder)) for metric in metrics if metric in set(found["metric"])]


def draw_metric(found, plan, metric, x, folder):
    from matplotlib import pyplot

    from wdmoe.plots import COLOURS, MARKERS, STYLE

    rows = found[found["metric"] == metric]
    # a line for each policy and each value of what else is swept; in a Latin hypercube nothing else stays the same
    others = [] if plan["latin"] else [name for name in plan["parameters"] if name != x and rows[name].nunique() > 1]
    by = ([] if x == "policy" else ["policy"]) + others
    lines = {key: line for key, line in rows.groupby(by, sort=False, dropna=False)} if by else {(): rows}
    left_out = max(0, len(lines) - MOST_LINES)
    numeric = (
        x != "policy"
        and rows[x].map(lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)).all()
    )
    places = {value: value if numeric else place for place, value in enumerate(dict.fromkeys(rows[x]))}
    with pyplot.rc_context(STYLE):
        figure, axis = pyplot.subplots(figsize=(5.2, 3.4), layout="constrained")
        for number, (key, line) in enumerate(list(lines.items())[:MOST_LINES]):
            if numeric:
                line = line.sort_values(x)
            middle = line["mean"].to_numpy(float)
            bars = [middle - line["low"].to_numpy(float), line["high"].to_numpy(float) - middle]
            bars = [[0 if length != length else length for length in side] for side in bars]
            axis.errorbar(
                [places[value] for value in line[x]],
                middle,
                yerr=bars,
                label=", ".join(
                    label(name, value) for name, value in zip(by, key) if isinstance(value, str) or value == value
                ),
                color=COLOURS[number % len(COLOURS)],
                marker=MARKERS[number % len(MARKERS)],
                linestyle="-" if numeric and not plan["latin"] else "none",
                markersize=4,
                linewidth=1.2,
                capsize=2.5,
            )
        if not numeric:
            axis.set_xticks(
                list(places.values()), [label("policy", value) for value in places], rotation=30, ha="right"
            )
            axis.margins(x=0.1)
        elif not plan["latin"] and is_geometric(sorted(places)):
            axis.set_xscale("log")
            axis.set_xticks(sorted(places), [text(value) for value in sorted(places)])
            axis.minorticks_off()
        if rows["mean"].min() >= 0:  # an interval of few seeds may reach below what there can be
            axis.set_ylim(bottom=max(0, axis.get_ylim()[0]))
        unit = plan["units"].get(x)
        axis.set_xlabel(f"{name_parameter(x)} ({unit})" if unit else name_parameter(x))
        axis.set_ylabel(name_metric(metric))
        seeds = len(plan["seeds"])
        note = f"mean over {seeds} seeds, 95 % interval" if seeds > 1 else "one seed"
        axis.set_title(f"{plan['name']}: {note}{f'; {left_out} more lines left out' if left_out else ''}")
        if by and any(isinstance(value, str) or value == value for key in lines for value in key):
            axis.legend(fontsize=7)
        path = folder / f"{metric}-by-{x.replace('::', '.')}.png"
        figure.savefig(path)
        pyplot.close(figure)
    return path


def is_geometric(values):
    """Whether a parameter was stepped by a factor."""
    if len(values) < 3 or len(values) > 12 or values[0] <= 0:
        return False
    factors = [after / before for before, after in zip(values, values[1:])]
    return min(factors) > 1.3 and max(factors) / min(factors) < 1.4


def label(name, value):
    from wdmoe.scenarios import shorten

    if isinstance(value, str) and name == "policy":
        return shorten(value)
    return f"{name_parameter(name)} {text(value)}"


# What a metric's name ends with, and the unit of its axis.
UNITS = {"_s": "s", "_j": "J", "_bytes": "bytes"}
OTHER_UNITS = {"bytes_downlink": "bytes", "bytes_uplink": "bytes", "wlr": "1/s", "gate_mass_kept": "share"}


def name_metric(metric):
    """ "block latency p50 (s)" of block_latency_s.p50."""
    head, _, rest = metric.partition(".")
    unit = OTHER_UNITS.get(metric, "")
    for end, known_unit in UNITS.items():
        if head.endswith(end):
            head, unit = head[: -len(end)], known_unit
    if rest.endswith("per_token") and unit:
        rest, unit = rest[: -len("per_token")].rstrip("_"), f"{unit}/token"
    words = f"{head} {rest}".strip().replace("_", " ").replace(".", " ")
    return f"{words} ({unit})" if unit else words
