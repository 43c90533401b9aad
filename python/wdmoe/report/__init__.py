# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe report`: results as one HTML page that needs nothing else: no network, no file beside it, no script."""

import base64
import io
import itertools
import os
import re
import shlex
import sys
from pathlib import Path

import jinja2
import markupsafe
import matplotlib
from matplotlib import pyplot

from wdmoe import comparison, frames, plot, results
from wdmoe.plot._style import style
from wdmoe.scenarios import BASELINES, NAMED, POLICIES, baselines, shorten, split_policy

# Whose blocks are shown: the first that there is, after a policy of the user's own.
DRAWN = ("scheduled", "scheduled-fp16-topk", "wdmoe")
PANELS = 12  # heat maps, at most


def figures(found):
    """(title, what it says, draw) of each picture of the results of one job; draw() gives a figure."""
    timed = found.requests["tpot_s"].notna().any()

    def latencies():
        whats = ("block", "request", "ttft", *(("tpot",) if timed else ()))
        with style():
            lines = len(found.policies)
            figure, axes = pyplot.subplots(2, 2, figsize=(plot.WIDE, 4.2), layout="constrained", squeeze=False)
            for axis, what in zip(axes.flat, whats):
                plot.latency_cdf(found, what, axis=axis, legend=False)
            axes.flat[-1].set_visible(timed)
            handles, labels = axes.flat[0].get_legend_handles_labels()
            long = max(map(len, map(shorten, labels)))
            columns = max(1, min(4, 110 // (long + 8)))
            figure.legend(
                handles, map(shorten, labels), loc="outside upper left", ncols=columns, handlelength=2.4, fontsize=7
            )
            figure.set_figheight(4.2 + 0.14 * -(-lines // columns))
        return figure

    yield (
        "Latency",
        "Distribution over all blocks and requests"
        + (f" of {len(found.runs)} runs" if len(found.runs) > 1 else "")
        + ". Further left is faster.",
        latencies,
    )
    columns = found.summary.columns
    for quality, (column, _, name, *_) in plot.QUALITIES.items():
        if column in columns and found.summary[column].notna().any():
            bars = " Bars: 95 % intervals over runs." if len(found.runs) > 1 else " One run: compare over several."
            yield (
                f"Latency against {quality.replace('_', ' ')}",
                f"{name} against the median request latency; the line is the Pareto front.{bars}",
                lambda quality=quality: plot.pareto(found, quality).figure,
            )
    yield (
        "Prediction against measurement",
        "Each block's latency as the controller predicted it, before the block, and as it came.",
        lambda: plot.prediction(found).figure,
    )
    own = (policy for policy in found.policies if split_policy(policy)[0] not in (*POLICIES, *NAMED))
    best = next(itertools.chain(own, filter(found.policies.__contains__, DRAWN)), None)
    policies = [policy for policy in (BASELINES[1], best) if policy in found.policies] or found.policies[:1]
    for policy in policies:
        if "schedule" in found.tables:
            yield (
                f"One block under {shorten(policy)}",
                "The block of prefill of median length: what each device did, and waited for.",
                lambda policy=policy: plot.timeline(found, policy).figure,
            )
    for policy in policies:
        yield (
            f"Shares under {shorten(policy)}",
            "Bandwidth granted to each device during the first request.",
            lambda policy=policy: plot.shares(found, policy)[0].figure,
        )
    shown = found.policies[:PANELS]
    cut = "" if len(shown) == len(found.policies) else f" The first {PANELS} of {len(found.policies)} policies."
    for by, name in (("expert", "experts"), ("device", "devices")):
        if by == "expert" and name not in found.tables:
            continue
        yield (
            f"Load of {name}",
            f"How each block's token-expert pairs divide over the {name}, over all requests.{cut}",
            lambda by=by: draw_loads(found, shown, by),
        )


def draw_loads(found, policies, by):
    table = found.experts if "experts" in found.tables else found.shares
    axes = plot.expert_load(table[table["policy"].isin(policies)], by=by)
    return (axes if hasattr(axes, "figure") else axes[0]).figure


def embed(figure):
    """A figure as a data URI."""
    buffer = io.BytesIO()
    engine = figure.get_layout_engine()
    if engine:  # once, and then as it is: matplotlib would draw twice
        engine.execute(figure)
        figure.set_layout_engine("none")
    with style(), matplotlib.rc_context({"savefig.dpi": 160}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    width, height = figure.get_size_inches()
    pyplot.close(figure)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"uri": f"data:image/svg+xml;base64,{text}", "width": round(96 * width), "height": round(96 * height)}


def draw(found):
    """The pictures of one job; one that cannot be drawn says why instead."""
    pictures = []
    for number, (title, caption, make) in enumerate(figures(found)):
        picture = {"title": title, "caption": caption, "number": number + 1}
        before = pyplot.get_fignums()
        try:
            picture.update(embed(make()))
        except ValueError as error:
            picture["missing"] = str(error)
            for number in set(pyplot.get_fignums()) - set(before):
                pyplot.close(number)
        pictures.append(picture)
    return pictures


def rows(found):
    """The table of policies: {"name", "cells"} for each figure, cells as text in the order of the policies."""
    from wdmoe import table

    estimates = comparison.estimates(found.summaries)
    qualities = comparison.qualities(found.summaries)
    made = []

    def add(name, entries, scale):
        if any(entry and entry.get("mean") is not None for entry in entries):
            made.append({"name": name, "cells": [show(entry, scale) for entry in entries]})

    def show(entry, scale):
        if not entry or entry.get("mean") is None:
            return "-"
        text = table.number(entry["mean"], scale)
        low, high = entry["low"], entry["high"]
        return text if low is None else f"{text} ({table.number(low, scale)} to {table.number(high, scale)})"

    for name, path, scale in (*table.ROWS, table.ENERGY):
        add(name, [estimates[policy].get(path) for policy in found.policies], scale)
    for key, (path, figure) in comparison.PLANNING.items():
        add(table.PLANNING[key], [estimates[policy].get(f"{path}.{figure}") for policy in found.policies], 100)
    for name, path, scale in table.QUALITY:
        key = path.rpartition(".")[2]
        add(name, [qualities.get(policy, {}).get(key) for policy in found.policies], scale)
    changes = {(row["policy"], row["metric"], row["against"]): row for row in comparison.compare(found.summaries)}
    for base in baselines(found.policies) if len(found.policies) > 1 else ():
        for metric in ("block", "request"):
            entries = [changes.get((policy, metric, base)) for policy in found.policies]
            add(f"{metric} p50 vs {shorten(base)} (%)", entries, 100)
    return made


TABLE = 8  # policies beside each other


def tables(found):
    """The table of policies, as many as fit beside each other at a time."""
    every, made = rows(found), []
    for at in range(0, len(found.policies), TABLE):
        part = slice(at, at + TABLE)
        made.append(
            {
                "policies": [shorten(policy) for policy in found.policies[part]],
                "rows": [{"name": row["name"], "cells": row["cells"][part]} for row in every],
            }
        )
    return made


OWN = re.compile(r"--(out|policies|progress|RngRun)=")


def read_log(found):
    """What the programs printed; nothing of results that `wdmoe run` did not make."""
    path = found.folder / "run.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def repeat(found):
    """The command that makes these results again."""
    command = re.search(r"^\$ (.+)$", read_log(found), re.MULTILINE)
    if command:
        # of one policy and run; what follows the program, but for what the command itself sets
        options = [word for word in command.group(1).split(" ")[1:] if not OWN.match(word)]
    else:
        given = {key[7:]: value for key, value in found.manifest.items() if key.startswith("option.") and value}
        options = [f"--{name}={value}" for name, value in sorted(given.items())]
    words = ["./wdmoe", "run", str(found.scenario), "--policy", ",".join(found.policies)]
    words += ["--RngRun", str(found.runs[0])]
    if len(found.runs) > 1:
        words += ["--runs", str(len(found.runs))]
    return " ".join(map(shlex.quote, [*words, *options]))


def notes(found):
    """What the simulations said beside their results, each once, and what is to be known before comparing."""
    from wdmoe.run import NOTE

    told = []
    if len(found.runs) == 1:
        told.append("One run is one drop of devices and one stretch of arrivals: compare over several (--runs).")
    answers, pairs = results.count_missing(found.summaries.values())
    if answers or pairs:
        told.append(f"{answers} answers are missing ({pairs} token-expert pairs): late, lost, or their device is gone.")
    return told + list(dict.fromkeys(NOTE.findall(read_log(found))))


def breakable(name):
    """A policy's name that may be broken between its settings."""
    return markupsafe.Markup(re.sub("([:+.])", r"\1<wbr>", str(markupsafe.escape(name))))


def section(name, found):
    for table in found.tables:
        getattr(found, table)  # now, so that a broken one is an error and not a picture that is missing
    manifest = found.manifest
    texts = {key: value for key, value in manifest.items() if not isinstance(value, dict)}
    differing = [
        (where, key, value)
        for which in ("by_policy", "by_run")
        for where, entries in manifest.get(which, {}).items()
        for key, value in entries.items()
        if not isinstance(value, dict)
    ]
    described = results.describe(next(iter(found.summaries.values())))
    runs = f"RngRun {found.runs[0]}" + (f" to {found.runs[-1]} ({len(found.runs)} runs)" if len(found.runs) > 1 else "")
    return {
        "name": name,
        "what": ", ".join([results.name_scenario(next(iter(found.summaries.values()))), runs, *described]),
        "tables": tables(found),
        "runs": len(found.runs),
        "pictures": draw(found),
        "manifest": [(key, value) for key, value in texts.items() if "::" not in key],
        "attributes": [(key, value) for key, value in texts.items() if "::" in key],
        "differing": differing,
        "command": repeat(found),
        "notes": notes(found),
    }


def write(folder, output=None):
    """Writes the page of the results in `folder` and returns its path; by itself FOLDER/report.html.

    Errors as of wdmoe.load, and OSError where it cannot be written.
    """
    found = folder if isinstance(folder, frames.Results) else frames.load(folder)
    path = Path(output) if output else found.folder / "report.html"
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder, in which the report would be")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder, expected the name of a file for the report")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{path}: you may not write there; choose another file with -o")
    loader = jinja2.PackageLoader("wdmoe.report", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = breakable
    jobs = found.jobs or {"": found}
    backend = matplotlib.get_backend()
    pyplot.switch_backend("Agg")
    try:
        sections = [section(name, of_job) for name, of_job in jobs.items()]
    finally:
        pyplot.switch_backend(backend)
    from importlib.metadata import PackageNotFoundError, version

    what = sections[0]["what"].partition(", ")[0]
    title = f"WDMoE: {found.folder.resolve().name if found.jobs else what}"
    try:
        own = version("wdmoe")
    except PackageNotFoundError:
        own = None  # from a source folder
    page = environment.get_template("report.html").render(title=title, sections=sections, version=own)
    path.write_text(page, encoding="utf-8")
    return path


def main(folder, output):
    """The command; its exit status."""
    try:
        print(f"report: {write(folder, output)}")
    except (OSError, ValueError) as error:
        print(f"wdmoe report: {frames.explain(error)}", file=sys.stderr)
        return 1
    return 0
