# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Several runs: each figure's mean and interval; change of each policy's median latencies against the baselines, paired
by run; a real model's quality.

A change is exp(mean(x)) - 1 over the runs' x = log(m / m0), with m and m0 the medians of policy and baseline in the same
run; its interval is Student's for the mean of x, taken through exp(x) - 1 likewise. So no bound lies below -100 %, and
the change of A against B is the inverse of that of B against A. Quality is a mean over runs with Student's interval, of
the values themselves.
"""

import csv
import math
import statistics

from wdmoe.results import capabilities, write_json
from wdmoe.scenarios import baselines

METRICS = {
    "block": "block_latency_s",
    "prefill_block": "prefill_block_latency_s",
    "decode_block": "decode_block_latency_s",
    "request": "request_latency_s",
}
CONFIDENCE = 0.95
COLUMNS = ("policy", "metric", "against", "runs", "mean", "low", "high")

# What became of plans and predictions, and where a policy's entry in summary.json has it.
PLANNING = {
    "prediction_error": ("predicted_over_measured", "median_abs_error"),
    "prediction_error_p95": ("predicted_over_measured", "p95_abs_error"),
    "plan_gap": ("plan_gap", "p50"),
}

# Paths in a policy's entry of summary.json whose figures are averaged over runs.
FIGURES = (
    *(f"{metric}.{figure}" for metric in METRICS.values() for figure in ("p50", "p95")),
    *(f"{metric}.{figure}" for metric in ("ttft_s", "tpot_s") for figure in ("p50", "p95")),
    *("bytes_downlink", "bytes_uplink", "gate_mass_kept", "wlr"),
    *("energy_j.per_token", "energy_j.devices_per_token"),
    *(".".join(path) for path in PLANNING.values()),
)

# What of a capability is averaged over runs, and the largest value it can have.
QUALITIES = {
    "exact_match": 1,
    "bits_per_byte": math.inf,
    "agreement": 1,
    "kl_bits_per_token": math.inf,
    "free_exact_match": 1,
}


def interval(values):
    """Mean and the bounds of its Student-t confidence interval; no bounds for a single value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None, None
    from scipy.stats import t

    half = t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, float(mean - half), float(mean + half)


def find(entry, path):
    """The value at `path` ("ttft_s.p50"); None where there is none."""
    for key in path.split("."):
        entry = (entry or {}).get(key)
    return entry


def median(summary, policy, metric):
    return find(summary["policies"].get(policy), f"{metric}.p50")


def name_policies(summaries):
    """The policies of any run, in order; `summaries` by RngRun."""
    return list(dict.fromkeys(policy for summary in summaries.values() for policy in summary["policies"]))


def compare(summaries):
    """Rows of COLUMNS from RngRun -> summary. mean, low, high are relative changes: -0.1 is ten per cent less."""
    policies = name_policies(summaries)
    rows = []
    for policy in policies:
        for name, metric in METRICS.items():
            for base in baselines(policies):
                pairs = [(median(one, policy, metric), median(one, base, metric)) for one in summaries.values()]
                logs = [math.log(value / against) for value, against in pairs if value and against]
                if policy != base and logs:
                    changes = [None if bound is None else math.expm1(bound) for bound in interval(logs)]
                    rows.append(dict(zip(COLUMNS, (policy, name, base, len(logs), *changes))))
    return rows


def medians(summaries):
    """Policy -> {"runs", and those of METRICS}: the means over runs of its median latencies, s."""
    found = {}
    for policy in name_policies(summaries):
        entry = {"runs": sum(policy in summary["policies"] for summary in summaries.values())}
        for name, metric in METRICS.items():
            values = [median(one, policy, metric) for one in summaries.values()]
            values = [value for value in values if value is not None]
            entry[name] = statistics.fmean(values) if values else None
        found[policy] = entry
    return found


def planning(summaries):
    """Policy -> {name of PLANNING: mean over runs, None where no run has it}; no names that no policy has."""
    found = {}
    for policy in name_policies(summaries):
        entries = [summary["policies"].get(policy) or {} for summary in summaries.values()]
        found[policy] = {}
        for name, (key, figure) in PLANNING.items():
            values = [(entry.get(key) or {}).get(figure) for entry in entries]
            values = [value for value in values if value is not None]
            found[policy][name] = statistics.fmean(values) if values else None
    known = [name for name in PLANNING if any(entry[name] is not None for entry in found.values())]
    return {policy: {name: entry[name] for name in known} for policy, entry in found.items()}


def over_runs(values, most=math.inf):
    """{"runs", "mean", "low", "high"} of the values that exist, the bounds within 0 .. `most`."""
    values = [value for value in values if value is not None]
    mean, low, high = interval(values) if values else (None,) * 3
    bounds = (None, None) if low is None else (max(low, 0.0), min(high, most))
    return dict(zip(COLUMNS[3:], (len(values), mean, *bounds)))


def estimates(summaries):
    """Policy -> {path of FIGURES: as of over_runs}; without the figures that no run of the policy has."""
    found = {}
    for policy in name_policies(summaries):
        entries = [summary["policies"].get(policy) for summary in summaries.values()]
        figures = {
            path: over_runs([find(entry, path) for entry in entries], 1 if path == "gate_mass_kept" else math.inf)
            for path in FIGURES
        }
        found[policy] = {path: figure for path, figure in figures.items() if figure["runs"]}
    return found


def qualities(summaries):
    """Policy -> capability over its runs: items are sums, QUALITIES and request latency p50 as of over_runs."""
    found = {}
    for policy in dict.fromkeys(policy for summary in summaries.values() for policy in capabilities(summary)):
        runs = [capabilities(summary).get(policy) for summary in summaries.values()]
        runs = [run for run in runs if run]
        entry = {name: runs[0][name] for name in ("model", "digest")}
        entry.update({name: sum(run.get(name) or 0 for run in runs) for name in ("items", "free_items")})
        latencies = [median(summary, policy, METRICS["request"]) for summary in summaries.values()]
        entry["request_latency_p50_s"] = over_runs(latencies)
        entry.update({name: over_runs([run.get(name) for run in runs], most) for name, most in QUALITIES.items()})
        entry.update(sum_domains(runs))
        found[policy] = entry
    return found


def energies(summaries):
    """Policy -> {path of the energy a token, request latency p50: as of over_runs}; those with known energy only."""
    found = {}
    for policy, entry in estimates(summaries).items():
        if "energy_j.per_token" in entry and "request_latency_s.p50" in entry:
            found[policy] = {name: entry[name] for name in ("energy_j.per_token", "energy_j.devices_per_token")}
            found[policy]["request_latency_p50_s"] = entry["request_latency_s.p50"]
    return found


def sum_domains(runs):
    """The tasks and texts of several capabilities, each domain summed."""
    tasks, texts = {}, {}
    for run in runs:
        for name, task in (run.get("tasks") or {}).items():
            total = tasks.setdefault(name, {})
            total.update({key: total.get(key, 0) + count for key, count in task.items()})
        for name, text in (run.get("texts") or {}).items():
            total = texts.setdefault(name, {"items": 0, "bytes": 0, "bits_per_byte": 0.0})
            # The mean of bits per byte is over all bytes; one that does not exist makes it not exist.
            bits = [one["bits_per_byte"] and one["bits_per_byte"] * one["bytes"] for one in (total, text)]
            total["items"] += text["items"]
            total["bytes"] += text["bytes"]
            total["bits_per_byte"] = None if None in bits else sum(bits) / (total["bytes"] or 1)
    return {"tasks": tasks, "texts": texts}


def absolute_rows(found, names=None):
    """The rows of COLUMNS of what estimates() or, with QUALITIES, qualities() found: against nothing."""
    return [
        dict(zip(COLUMNS, (policy, name, None, *entry[name].values())))
        for policy, entry in found.items()
        for name in names or entry
    ]


def write(rows, summaries, correlations, out):
    """comparison.json and comparison.csv; `correlations` of results.rank_correlations, where a real model served."""
    first = next(iter(summaries.values()))
    found = qualities(summaries)
    figures = estimates(summaries)
    quality = {"capability": found, "rank_correlations": correlations} if found else {}
    write_json(
        out / "comparison.json",
        {
            "scenario": first["scenario"],
            "radio": first["radio"],
            "RngRun": list(summaries),
            "confidence": CONFIDENCE,
            "medians_s": medians(summaries),
            "planning": planning(summaries),
            "estimates": figures,
            "changes": rows,
            **quality,
        },
    )
    with open(out / "comparison.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows + absolute_rows(figures) + absolute_rows(found, QUALITIES))
