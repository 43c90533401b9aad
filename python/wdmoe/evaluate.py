# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe evaluate`: what losing, dropping or coarsening expert calls costs a real model, as table, JSON and picture."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wdmoe import scenarios
from wdmoe.processes import Job, Pool, explain

PROGRAM = "wdmoe-evaluate"
FORMAT = "wdmoe-sensitivity-1"

# Options of the program that this command sets itself.
OWN = re.compile(r" *--(model|data|out|gates|similarity|progress):")

# Levers in the picture: colour of wdmoe.plots.COLOURS, marker, label.
CURVES = {
    "share": (0, "o", "dropped by weight"),
    "share-random": (1, "s", "dropped at random"),
    "tau": (4, ".", "dropped below a threshold"),
    "loss": (2, "^", "any answer lost"),
    "loss-first": (5, "D", "first expert's answer lost"),
}
PANELS = (("exact_match", "Exact match, mean over tasks (%)", 100), ("bits_per_byte", "Bits per byte, mean over texts", 1))


class BadTable(ValueError):
    """The file is no sensitivity table; the message says which and why."""


def fail(text, status=1):
    print(f"wdmoe evaluate: {text}", file=sys.stderr)
    return status


def main(options, others, parser):
    program = scenarios.program_folder() / PROGRAM
    if options.help:
        parser.print_help()
        if os.access(program, os.X_OK):
            print("\n== The program's own options\n", flush=True)
            shown = subprocess.run([program, "--PrintHelp"], stdout=subprocess.PIPE, text=True, check=False).stdout
            print("\n".join(line for line in shown.splitlines() if not OWN.match(line)))
        return 0
    if not os.access(program, os.X_OK):
        return fail(f"the program {PROGRAM} is not installed in {program.parent}")
    if not options.model:
        return fail("--model is missing: the folder of a checkpoint, or a name in data/models", 2)
    if not (options.out or options.gates or options.similarity):
        return fail("--out FILE.json (or --gates FILE.csv, or --similarity FILE.json) is missing", 2)
    out = Path(options.out or options.gates or options.similarity)
    if out.suffix == ".png":
        return fail(f"cannot write {out}: a name in .png is for the picture; --out FILE.json", 2)
    if out.is_dir() or not out.parent.is_dir():
        return fail(f"cannot write {out}: {'it is a folder' if out.is_dir() else f'there is no folder {out.parent}'}")
    try:
        # Beside the result, so that it can be moved in at once when it is whole.
        partial = Path(tempfile.mkdtemp(prefix=".wdmoe-evaluate-", dir=out.parent))
        try:
            return evaluate(program, options, others, partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except KeyboardInterrupt:
        return fail("interrupted; the evaluation was ended", 130)
    except OSError as error:
        return fail(f"{error.strerror}: {error.filename}")
    except BadTable as error:
        return fail(error)


def evaluate(program, options, others, partial):
    """Runs the program into the folder `partial`; what it wrote goes to its place when all is well."""
    targets = {name: Path(getattr(options, name)) for name in ("out", "gates", "similarity") if getattr(options, name)}
    written = {name: partial / f"result.{name}" for name in targets}
    command = [str(program), f"--model={options.model}", "--progress=1"]
    command += [f"--{name}={path}" for name, path in written.items()]
    command += [f"--data={options.data}"] if options.data else []
    job = Job("evaluate", 1, command + others, partial / "log")
    Pool([job], 1).run()
    if job.failure:
        return tell(job)
    table = load(written["out"]) if "out" in written else None
    if table:
        picture = targets["out"].with_suffix(".png")
        draw(table, partial / "picture.png")
        os.replace(partial / "picture.png", picture)
        targets["picture"] = picture
    for name, path in written.items():
        os.replace(path, targets[name])
    if table:
        print_table(table)
    for path in targets.values():
        print(f"written: {path}")
    return 0


def tell(job):
    """Says in one line why the program failed, where it said so itself; else shows how its output ended."""
    log = job.read_log()
    own = re.findall(rf"^{PROGRAM}: (.+)$", log, re.MULTILINE)
    reason = own[-1] if own else explain(log, "evaluate")
    if reason:
        return fail(reason.replace("wdmoe run evaluate", "wdmoe evaluate"))
    status = fail(job.failure)
    print("".join(f"  | {line}\n" for line in job.output.splitlines()), end="", file=sys.stderr)
    return status


def load(path):
    """The table in a file, checked as far as it is used here."""
    try:
        table = json.loads(Path(path).read_text(encoding="utf-8"))
        if table["format"] != FORMAT:
            raise BadTable(f"{path}: format '{table['format']}', expected '{FORMAT}'")
        for entry in (one for lever in table["levers"].values() for one in lever):
            for name in ("missing_share", "gate_mass_kept", "exact_match", "bits_per_byte", "agreement"):
                entry[name]["mean"], entry[name]["half_width"]
        table["levers"]["none"][0], table["model"]["name"], table["data"]["tokens"], table["seeds"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, BadTable):
            raise
        raise BadTable(f"{path}: not a table of the format '{FORMAT}': {error!r}") from None
    return table


def cell(estimate, scale=1, digits=2):
    if estimate["mean"] is None:
        return "-"
    half = estimate["half_width"]
    return f"{estimate['mean'] * scale:.{digits}f}" + ("" if half is None else f" +- {half * scale:.{digits}f}")


COLUMNS = (
    ("missing %", "missing_share", 100, 1),
    ("gate mass %", "gate_mass_kept", 100, 1),
    ("exact match %", "exact_match", 100, 2),
    ("bits per byte", "bits_per_byte", 1, 4),
    ("agreement %", "agreement", 100, 2),
)


def mean_and_worst(entries):
    """Two rows of a lever whose positions are experts: their mean, and the worst of each column."""
    mean, worst = {}, {}
    for _, name, _, _ in COLUMNS:
        values = [entry[name]["mean"] for entry in entries if entry[name]["mean"] is not None]
        most = max if name in ("missing_share", "bits_per_byte") else min
        mean[name] = {"mean": sum(values) / len(values) if values else None, "half_width": None}
        worst[name] = {"mean": most(values, default=None), "half_width": None}
    lever = entries[0]["name"].split()[0]
    return [{"name": f"{lever}, mean of {len(entries)}", **mean}, {"name": f"{lever}, worst", **worst}]


def print_table(table):
    from wdmoe.table import make_table, say, show

    model, data = table["model"], table["data"]
    say(
        f"{model['name']} (digest {model['digest']}): {data['tokens']} tokens of {len(data['domains'])} domains, "
        f"{table['seeds']} seeds where something is random",
        style="bold",
    )
    shown = make_table()
    shown.add_column("", no_wrap=True)
    for name, _, _, _ in COLUMNS:
        shown.add_column(name, justify="right", no_wrap=True)
    for lever, entries in table["levers"].items():
        for entry in mean_and_worst(entries) if lever.startswith("gone-") else entries:
            shown.add_row(entry["name"], *(cell(entry[name], scale, digits) for _, name, scale, digits in COLUMNS))
        shown.add_section()
    show(shown)
    ranks = table.get("rank_correlation_of_gate_mass_kept", {})
    for name, title in (("all", "all positions"), ("without_precision", "without precision")):
        pair = [ranks.get(name, {}).get(key) for key in ("exact_match", "bits_per_byte")]
        if any(value is not None for value in pair):
            exact, bits = ("-" if value is None else f"{value:+.3f}" for value in pair)
            say(f"rank correlation of kept gate mass, {title}: {exact} with exact match, {bits} with bits per byte")


def draw(table, path):
    """Quality against the share of expert calls missing, one curve for each way to lose them."""
    from wdmoe.plots import COLOURS, STYLE, pyplot, save

    none = table["levers"]["none"][0]
    panels = [panel for panel in PANELS if none[panel[0]]["mean"] is not None]
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(
            1, max(1, len(panels)), figsize=(3.6 * max(1, len(panels)), 3.4), squeeze=False, layout="constrained"
        )
        for axis, (name, label, scale) in zip(axes[0], panels):
            axis.axhline(none[name]["mean"] * scale, color="#666666", linewidth=0.8, linestyle="--", label="nothing missing")
            for lever, (colour, marker, text) in CURVES.items():
                entries = [one for one in table["levers"].get(lever, ()) if one[name]["mean"] is not None]
                entries.sort(key=lambda one: one["missing_share"]["mean"])
                if entries:
                    axis.errorbar(
                        [100 * one["missing_share"]["mean"] for one in entries],
                        [scale * one[name]["mean"] for one in entries],
                        yerr=[scale * (one[name]["half_width"] or 0) for one in entries],
                        color=COLOURS[colour],
                        marker=marker,
                        markersize=4,
                        linewidth=1,
                        capsize=2,
                        label=text,
                    )
            axis.set_xlabel("Expert calls missing (%)")
            axis.set_ylabel(label)
            axis.grid(color="#DDDDDD", linewidth=0.6)
            axis.set_axisbelow(True)
        title = f"{table['model']['name']}, {table['data']['tokens']} tokens; bars: 95 % over {table['seeds']} seeds"
        handles, labels = axes[0, 0].get_legend_handles_labels()
        if handles:
            figure.legend(
                handles, labels, loc="outside upper center", ncols=2, fontsize=8, title=title, title_fontsize=9
            )
        save(figure, path)
