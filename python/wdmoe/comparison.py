# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Several runs: the change of each policy's median latencies against the baselines, paired by run."""

import csv
import math
import statistics

from wdmoe.results import write_json
from wdmoe.scenarios import BASELINES

METRICS = {"block": "block_latency_s", "request": "request_latency_s"}
CONFIDENCE = 0.95
COLUMNS = ("policy", "metric", "against", "runs", "mean", "low", "high")


def interval(values):
    """Mean and the bounds of its Student-t confidence interval; no bounds for a single value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None, None
    from scipy.stats import t

    half = t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, float(mean - half), float(mean + half)


def median(summary, policy, metric):
    return ((summary["policies"].get(policy) or {}).get(metric) or {}).get("p50")


def compare(summaries):
    """Rows of COLUMNS from RngRun -> summary. A change is relative: -0.1 is ten per cent less."""
    policies = list(dict.fromkeys(policy for summary in summaries.values() for policy in summary["policies"]))
    rows = []
    for policy in policies:
        for name, metric in METRICS.items():
            for base in BASELINES:
                pairs = [(median(one, policy, metric), median(one, base, metric)) for one in summaries.values()]
                changes = [value / against - 1 for value, against in pairs if value is not None and against]
                if policy != base and changes:
                    rows.append(dict(zip(COLUMNS, (policy, name, base, len(changes), *interval(changes)))))
    return rows


def write(rows, summaries, out):
    first = next(iter(summaries.values()))
    write_json(
        out / "comparison.json",
        {
            "scenario": first["scenario"],
            "radio": first["radio"],
            "RngRun": list(summaries),
            "confidence": CONFIDENCE,
            "changes": rows,
        },
    )
    with open(out / "comparison.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
