# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The tables that a run prints."""

from rich import box
from rich.console import Console
from rich.table import Table

from wdmoe.scenarios import BASELINES


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


def make_table(title):
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def show(table):
    console = Console()
    # Written to a file, a table is as wide as it needs to be.
    (console if console.is_terminal else Console(width=200)).print(table)


def print_summary(summary):
    policies = summary["policies"]
    table = make_table(f"Scenario {summary['scenario']}")
    table.add_column("")
    for policy in policies:
        table.add_column(policy.replace("-", "-\n"), justify="right", no_wrap=True)
    for name, path, scale in ROWS:
        table.add_row(name, *(number(find(entry, path), scale) for entry in policies.values()))
    table.add_section()
    for base in BASELINES:
        if base in policies:
            for name, path in CHANGES:
                against = find(policies[base], path)
                table.add_row(
                    f"{name} p50 vs {base}", *(change(find(entry, path), against) for entry in policies.values())
                )
    show(table)


def print_comparison(rows, runs):
    table = make_table(f"Median latency, change over {runs} paired runs")
    for name in ("policy", "latency", "against", "change", "95 % interval"):
        table.add_column(name, justify="right" if name in ("change", "95 % interval") else "left", no_wrap=True)
    for row in rows:
        interval = "-" if row["low"] is None else f"{row['low'] * 100:+.1f} .. {row['high'] * 100:+.1f} %"
        table.add_row(row["policy"], row["metric"], row["against"], f"{row['mean'] * 100:+.1f} %", interval)
    show(table)
