# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The tables that a run prints."""

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from wdmoe import comparison, results
from wdmoe.comparison import find
from wdmoe.scenarios import BASELINES, baselines, fold


def number(value, scale=1):
    return "-" if value is None else f"{value * scale:.4g}"


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
# Of comparison.planning, where a policy has them.
PLANNING = {
    "prediction_error": "prediction error p50 (%)",
    "prediction_error_p95": "prediction error p95 (%)",
    "plan_gap": "plan gap p50 (%)",
}
CHANGES = ("block", "block_latency_s.p50"), ("request", "request_latency_s.p50")
# Of the changes over runs, by metric.
METRICS = {"block": "block", "prefill_block": "prefill block", "decode_block": "decode block", "request": "request"}

PLUS_MINUS = "\u00b1"

MISSING = ("answers missing", "answers_missing", 1)
ENERGY = ("energy (J/token)", "energy_j.per_token", 1)

# Of a real model only.
QUALITY = (
    ("exact match (%)", "capability.exact_match", 100),
    ("bits per byte", "capability.bits_per_byte", 1),
    ("agreement (%)", "capability.agreement", 100),
    ("KL (bits per token)", "capability.kl_bits_per_token", 1),
    ("free exact match (%)", "capability.free_exact_match", 100),
)
QUALITY_NAMES = {"gate_mass_kept": "kept gate mass", "wlr": "WLR", "kl_bits_per_token": "KL", "exact": "exact match"}


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
    table = start_by_policy(chosen, labels)
    rows = (*ROWS, ENERGY) if any(find(entry, ENERGY[1]) is not None for entry in entries) else ROWS
    for name, path, scale in (*rows, MISSING) if results.count_missing([summary])[0] else rows:
        table.add_row(name, *(number(find(entry, path), scale) for entry in entries))
    planning = comparison.planning({None: summary})
    for name in planning[chosen[0]]:
        table.add_row(PLANNING[name], *(number(planning[policy][name], 100) for policy in chosen))
    table.add_section()
    if results.capabilities(summary):
        for name, path, scale in QUALITY:
            table.add_row(name, *(number(find(entry, path), scale) for entry in entries))
        table.add_section()
    for base in baselines(policies) if len(policies) > 1 else ():
        for name, path in CHANGES:
            against = find(policies[base], path)
            label = f"{name} p50 vs {name_base(base, labels)}"
            table.add_row(label, *(change(find(entry, path), against) for entry in entries))
    return table


def name_base(base, labels):
    """A baseline in a row's name: its own, or where that may be long, that of its column."""
    return base if base in BASELINES else labels[base].replace("\n", "")


def show_by_policy(policies, build):
    """Shows build(chosen policies, labels), a table with a column for each: as many tables as the terminal needs."""
    console = make_console()
    labels = {policy: fold(policy).replace("-", "-\n") for policy in policies}
    legend = len(set(labels.values())) < len(labels)
    if legend or needed_width(console, build(policies, labels)) > console.width:
        # Numbers in place of long names, and several tables where that does not do.
        if legend or any("\n" in fold(policy) for policy in policies):
            legend = True
            labels = {policy: f"P{index + 1}" for index, policy in enumerate(policies)}
    rest = policies
    while rest:
        count = len(rest)
        while count > 1 and needed_width(console, build(rest[:count], labels)) > console.width:
            count -= 1
        show(build(rest[:count], labels))
        rest = rest[count:]
    return {label: policy for policy, label in labels.items()} if legend else {}


def explain_labels(legend):
    for label, policy in legend.items():
        say(f"{label}: {policy}")


def print_summary(summary, correlations=()):
    """The table of one run; `correlations` of results.rank_correlations, where a real model served."""
    policies = list(summary["policies"])
    what = ", ".join([*results.name_run(summary).split(", ")[1:], *results.describe(summary)])
    say(f"{results.name_scenario(summary)}: {what}{', ' if what else ''}one run: compare over seeds with --runs", style="bold")
    explain_labels(show_by_policy(policies, lambda chosen, labels: fill(summary, chosen, labels)))
    note_missing([summary])
    note_quality([summary], correlations)


def note_missing(summaries):
    answers, pairs = results.count_missing(summaries)
    if answers or pairs:
        counted = "1 answer" if answers == 1 else f"{answers} answers"
        say(f"{counted} and {pairs} (token, expert) pairs are missing (late for the deadline, lost on the way, or their device")
        say("is out of coverage; see run.log): latencies are those of an incomplete model")


def count_items(capability):
    """How many items were asked, in words."""
    tasks, texts = capability.get("tasks") or {}, capability.get("texts") or {}
    counts = {
        "tasks": sum(task["items"] for task in tasks.values()),
        "tasks free running": sum(task["free_items"] for task in tasks.values()),
        "texts": sum(text["items"] for text in texts.values()),
    }
    parts = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{capability['items']} items ({parts}; {len(tasks)} + {len(texts)} domains)"


def note_quality(summaries, correlations, found=None):
    """Which real model the figures are of, on how many items, what its proxies are worth; nothing for sizes only."""
    found = found or results.capabilities(summaries[0])
    if not found:
        return
    asked = {}
    for policy, capability in found.items():
        asked.setdefault(count_items(capability), []).append(policy)
    for counts, policies in asked.items():
        whose = f"{', '.join(policies)}: " if len(asked) > 1 else "each policy: " if len(found) > 1 else ""
        say(f"quality of {results.name_models(summaries)}, {whose}{counts}")
    parts = []
    for row in correlations:
        value = "-" if row["spearman"] is None else f"{row['spearman']:+.3f}"
        parts.append(f"{QUALITY_NAMES[row['proxy']]} vs {QUALITY_NAMES[row['quality']]} {value} (n = {row['n']})")
    if parts:
        say(f"Spearman rank correlation over the requests of all policies: {', '.join(parts)}")


def estimate(entry, scale=1):
    """Mean and interval of comparison.over_runs as text."""
    if entry["low"] is None:
        return number(entry["mean"], scale)
    return f"{number(entry['mean'], scale)} ({number(entry['low'], scale)} .. {number(entry['high'], scale)})"


def print_quality(found, count):
    """A real model's quality beside its latency, over `count` runs; `found` of comparison.qualities."""
    table = make_table()
    table.add_column("policy", no_wrap=True)
    columns = (("request p50 (s)", "request_latency_p50_s", 1), *QUALITY)
    for name, _, _ in columns:
        table.add_column(name.replace(" (", "\n("), justify="right", no_wrap=True)
    for policy, entry in found.items():
        cells = (estimate(entry[path.rsplit(".", maxsplit=1)[-1]], scale) for _, path, scale in columns)
        table.add_row(fold(policy), *cells)
    say(f"Quality and latency, mean over {count} runs (95 % interval)")
    show(table)


def spread(entry, scale=1):
    """Mean and half its interval of comparison.over_runs as text; '-' where there is none."""
    if not entry or entry["low"] is None:
        return number(entry and entry["mean"], scale)
    half = max(entry["high"] - entry["mean"], entry["mean"] - entry["low"])
    return f"{number(entry['mean'], scale)} {PLUS_MINUS}{half * scale:.2g}"


def start_by_policy(chosen, labels):
    """A table with a column for each of the policies `chosen`."""
    table = make_table()
    table.add_column("", no_wrap=True)
    for policy in chosen:
        table.add_column(labels[policy], justify="right", no_wrap=True)
    return table


def fill_estimates(figures, runs, chosen, labels):
    """The table of comparison.estimates for the policies `chosen`; `runs` by policy."""
    table = start_by_policy(chosen, labels)
    planning = [(label, ".".join(comparison.PLANNING[name]), 100) for name, label in PLANNING.items()]
    for name, path, scale in (*ROWS, *planning):
        if any(path in entry for entry in figures.values()):
            table.add_row(name, *(spread(figures[policy].get(path), scale) for policy in chosen))
    table.add_row("runs", *(str(runs[policy]) for policy in chosen))
    return table


def fill_changes(rows, chosen, labels):
    """The table of the rows of comparison.compare for the policies `chosen`: the change, below it its interval."""
    table = start_by_policy(chosen, labels)
    cells = {(row["metric"], row["against"], row["policy"]): row for row in rows}
    for base in dict.fromkeys(row["against"] for row in rows):
        table.add_section()
        for metric, name in METRICS.items():
            found = [cells.get((metric, base, policy)) for policy in chosen]
            if any(metric == other and base == against for other, against, _ in cells):
                table.add_row(f"{name} p50 vs {name_base(base, labels)}", *map(describe_change, found))
    return table


def describe_change(row):
    if row is None:
        return "-"
    interval = "" if row["low"] is None else f"\n{row['low'] * 100:+.1f} .. {row['high'] * 100:+.1f}"
    return f"{row['mean'] * 100:+.1f} %{interval}"


def print_comparison(rows, summaries, correlations=()):
    """`rows` of comparison.compare, and the absolute figures; `summaries` by RngRun."""
    first = next(iter(summaries.values()))
    what = "".join(f", {part}" for part in results.describe(first))
    count = len(summaries)
    say(f"{results.name_scenario(first)}: RngRun {min(summaries)} to {max(summaries)}, {count} runs{what}", style="bold")
    figures = comparison.estimates(summaries)
    policies = list(figures)
    runs = {policy: sum(policy in one["policies"] for one in summaries.values()) for policy in policies}
    say(f"Mean over {count} runs, {PLUS_MINUS} half of its 95 % interval (p50 and p95 are of each run)")
    legend = show_by_policy(policies, lambda chosen, labels: fill_estimates(figures, runs, chosen, labels))
    if rows:
        say(f"Median latency, change over {count} paired runs, below it its 95 % interval")
        legend |= show_by_policy(policies, lambda chosen, labels: fill_changes(rows, chosen, labels))
    explain_labels(legend)
    found = comparison.qualities(summaries)
    if found:
        print_quality(found, count)
    note_missing(summaries.values())
    note_quality(list(summaries.values()), correlations, found)
