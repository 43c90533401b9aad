# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Several runs: the change of each policy's median latencies against the baselines, paired by run.

A change is exp(mean(x)) - 1 over the runs' x = log(m / m0), with m and m0 the medians of policy and baseline in the same
run; its interval is Student's for the mean of x, taken through exp(x) - 1 likewise. So no bound lies below -100 %, and
the change of A against B is the inverse of that of B against A.
"""

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
    """Rows of COLUMNS from RngRun -> summary. mean, low, high are relative changes: -0.1 is ten per cent less."""
    policies = list(dict.fromkeys(policy for summary in summaries.values() for policy in summary["policies"]))
    rows = []
    for policy in policies:
        for name, metric in METRICS.items():
            for base in BASELINES:
                pairs = [(median(one, policy, metric), median(one, base, metric)) for one in summaries.values()]
                logs = [math.log(value / against) for value, against in pairs if value and against]
                if policy != base and logs:
                    changes = [None if bound is None else math.expm1(bound) for bound in interval(logs)]
                    rows.append(dict(zip(COLUMNS, (policy, name, base, len(logs), *changes))))
    return rows


def medians(summaries):
    """Policy -> {"runs", "block", "request"}: the means over runs of its median latencies, s."""
    found = {}
    for policy in dict.fromkeys(policy for summary in summaries.values() for policy in summary["policies"]):
        entry = {"runs": sum(policy in summary["policies"] for summary in summaries.values())}
        for name, metric in METRICS.items():
            values = [median(one, policy, metric) for one in summaries.values()]
            values = [value for value in values if value is not None]
            entry[name] = statistics.fmean(values) if values else None
        found[policy] = entry
    return found


def write(rows, summaries, out):
    first = next(iter(summaries.values()))
    write_json(
        out / "comparison.json",
        {
            "scenario": first["scenario"],
            "radio": first["radio"],
            "RngRun": list(summaries),
            "confidence": CONFIDENCE,
            "medians_s": medians(summaries),
            "changes": rows,
        },
    )
    with open(out / "comparison.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
