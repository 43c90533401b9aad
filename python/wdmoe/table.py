# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The tables that a run prints."""

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from wdmoe import comparison, results
from wdmoe.scenarios import BASELINES, fold


def number(value, scale=1):
    return "-" if value is None else f"{value * scale:.4g}"


def find(entry, path):
    """The value at `path` ("ttft_s.p50"); None where there is none."""
    for key in path.split("."):
        entry = (entry or {}).get(key)
    return entry


def change(value, base):
    """Relative change as text; '-' where there is none."""
    if value is None or not base:
        return "-"
    return f"{(value / base - 1) * 100:+.1f} %"


# What a row shows, its path in a policy's entry of summary.json, and the factor from SI units.
ROWS = (
    ("block p50 (ms)", "block_latency_s.p50", 1e3),
    ("block p95 (ms)", "block_latency_s.p95", 1e3),
    ("prefill block p50 (ms)", "prefill_block_latency_s.p50", 1e3),
    ("decode block p50 (ms)", "decode_block_latency_s.p50", 1e3),
    ("TTFT p50 (ms)", "ttft_s.p50", 1e3),
    ("TPOT p50 (ms)", "tpot_s.p50", 1e3),
    ("request p50 (s)", "request_latency_s.p50", 1),
    ("request p95 (s)", "request_latency_s.p95", 1),
    ("downlink (MB)", "bytes_downlink", 1e-6),
    ("uplink (MB)", "bytes_uplink", 1e-6),
    ("gate mass kept", "gate_mass_kept", 1),
    ("WLR (1/s)", "wlr", 1),
)
CHANGES = ("block", "block_latency_s.p50"), ("request", "request_latency_s.p50")


MISSING = ("answers missing", "answers_missing", 1)


def make_table():
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def make_console():
    console = Console()
    # Written to a file, a table is as wide as it needs to be.
    return console if console.is_terminal else Console(width=200)


def needed_width(console, table):
    return Measurement.get(console, console.options.update(width=100000), table).maximum


def say(text, **style):
    """A line of text; a terminal breaks it where it must."""
    make_console().print(text, markup=False, highlight=False, soft_wrap=True, **style)


def show(table):
    console = make_console()
    # A column is never cut: rather the terminal breaks the lines.
    console.width = max(console.width, needed_width(console, table))
    console.print(table)


def fill(summary, chosen, labels):
    """The table of the policies `chosen`."""
    policies = summary["policies"]
    entries = [policies[policy] for policy in chosen]
    table = make_table()
    table.add_column("", no_wrap=True)
    for policy in chosen:
        table.add_column(labels[policy], justify="right", no_wrap=True)
    for name, path, scale in (*ROWS, MISSING) if results.count_missing([summary]) else ROWS:
        table.add_row(name, *(number(find(entry, path), scale) for entry in entries))
    table.add_section()
    for base in BASELINES:
        if base in policies:
            for name, path in CHANGES:
                against = find(policies[base], path)
                table.add_row(f"{name} p50 vs {base}", *(change(find(entry, path), against) for entry in entries))
    return table


def print_summary(summary):
    policies = list(summary["policies"])
    what = ", ".join([*results.name_run(summary).split(", ")[1:], *results.describe(summary)])
    say(f"{summary['scenario']}: {what}{', ' if what else ''}one run: compare over seeds with --runs", style="bold")
    console = make_console()
    labels = {policy: fold(policy).replace("-", "-\n") for policy in policies}
    legend = len(set(labels.values())) < len(labels)
    if legend or needed_width(console, fill(summary, policies, labels)) > console.width:
        # Numbers in place of long names, and several tables where that does not do.
        if legend or any("+" in policy for policy in policies):
            legend = True
            labels = {policy: f"P{index + 1}" for index, policy in enumerate(policies)}
    rest = policies
    while rest:
        count = len(rest)
        while count > 1 and needed_width(console, fill(summary, rest[:count], labels)) > console.width:
            count -= 1
        show(fill(summary, rest[:count], labels))
        rest = rest[count:]
    if legend:
        for policy, label in labels.items():
            say(f"{label}: {policy}")
    note_missing([summary])


def note_missing(summaries):
    missing = results.count_missing(summaries)
    if missing:
        answers = "1 answer" if missing == 1 else f"{missing} answers"
        say(f"{answers} missed the deadline: latencies are those of an incomplete model")


def print_comparison(rows, summaries):
    """`rows` of comparison.compare, and the absolute medians; `summaries` by RngRun."""
    first = next(iter(summaries.values()))
    what = "".join(f", {part}" for part in results.describe(first))
    say(f"{first['scenario']}: RngRun {min(summaries)} to {max(summaries)}, {len(summaries)} runs{what}", style="bold")
    table = make_table()
    table.add_column("policy", no_wrap=True)
    for name in ("block p50 (ms)", "request p50 (s)", "runs"):
        table.add_column(name, justify="right", no_wrap=True)
    for policy, entry in comparison.medians(summaries).items():
        table.add_row(fold(policy), number(entry["block"], 1e3), number(entry["request"]), str(entry["runs"]))
    say("Median latency, mean over runs")
    show(table)
    table = make_table()
    for name in ("policy", "latency", "against", "change", "95 % interval"):
        table.add_column(name, justify="right" if name in ("change", "95 % interval") else "left", no_wrap=True)
    for row in rows:
        interval = "-" if row["low"] is None else f"{row['low'] * 100:+.1f} .. {row['high'] * 100:+.1f} %"
        table.add_row(fold(row["policy"]), row["metric"], row["against"], f"{row['mean'] * 100:+.1f} %", interval)
    if rows:
        say(f"Median latency, change over {len(summaries)} paired runs")
        show(table)
    note_missing(summaries.values())
