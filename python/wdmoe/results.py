# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Unites the result files that one program run for each policy left. Nothing of the host or the clock gets in."""

import csv
import itertools
import json
import math
import shutil

from wdmoe.scenarios import name_air

TABLES = ("blocks.csv", "requests.csv", "shares.csv")
# Without a row in these there is no result; shares.csv may be empty, since a stock scheduler has no plan.
REQUIRED = ("blocks.csv", "requests.csv")
# What became of each micro-batch; a program may leave it out, then it is not drawn.
SCHEDULE = "schedule.csv"
# How much of each expert each block computed; likewise.
EXPERTS = "experts.csv"
SUMMARY = "summary.json"


class BadResult(Exception):
    """A program left something else than it should; the text says what."""


def read_columns(path, policies, names):
    """Policy -> {name: array of that column} of a table of numbers, NaN where it is empty.

    An absent column, a row of another length and what is no number are a BadResult that names the line.
    """
    import numpy as np

    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        missing = [name for name in ("policy", *names) if name not in header]
        if missing:
            raise BadResult(f"{path.name}, line 1: no column '{missing[0]}' among {', '.join(header)}")
        where = header.index("policy")
        columns = {name: header.index(name) for name in names}
        values = {policy: [] for policy in policies}
        for row in rows:
            if len(row) != len(header):
                raise BadResult(f"{path.name}, line {rows.line_num}: {len(row)} fields, expected {len(header)}")
            if row[where] in values:
                values[row[where]].append([parse(row[at], path, rows, name) for name, at in columns.items()])
    return {
        policy: dict(zip(names, np.array(lines, dtype=float).reshape(-1, len(names)).T))
        for policy, lines in values.items()
    }


def parse(text, path, rows, name):
    """A cell's number; `rows` is the reader that is at it."""
    try:
        return float(text or "nan")
    except ValueError:
        raise BadResult(f"{path.name}, line {rows.line_num}: {name} is '{text}', expected a number") from None


def read_part(folder, policy):
    """The summary one program left for one policy, once its files are complete."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadResult(f"{policy}: left no {SUMMARY}") from None
    except json.JSONDecodeError as error:
        raise BadResult(
            f"{policy}: {SUMMARY}, line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    if policy not in summary.get("policies", {}):
        raise BadResult(f"{policy}: {SUMMARY} has no entry for it, only for {', '.join(summary.get('policies', {}))}")
    for table in TABLES:
        try:
            with open(folder / table, encoding="utf-8") as file:
                header, row = file.readline(), file.readline()
        except FileNotFoundError:
            raise BadResult(f"{policy}: left no {table}") from None
        if "policy" not in header.strip().split(","):
            raise BadResult(f"{policy}: {table}, line 1: expected a header with the column 'policy', got '{header.strip()}'")
        if table in REQUIRED and not row.strip():
            raise BadResult(f"{policy}: {table} has no rows: the scenario simulated nothing")
    return summary


def unite_manifests(manifests):
    """One manifest of several: what all agree on, and under by_policy what they do not."""
    first = next(iter(manifests.values()))
    united = {
        key: value
        for key, value in first.items()
        if all(key in manifest and manifest[key] == value for manifest in manifests.values())
    }
    differing = {
        policy: {key: value for key, value in manifest.items() if key not in united}
        for policy, manifest in manifests.items()
    }
    if any(differing.values()):
        united["by_policy"] = differing
    return united


def merge(parts, summaries, out, known):
    """Writes summary.json and the tables of `out` from the parts' (policy -> folder), in the parts' order.

    `known` holds what the manifest is to say whatever a program wrote.
    """
    first = next(iter(summaries.values()))
    for policy, summary in summaries.items():
        for key in ("scenario", "radio"):
            if summary.get(key) != first.get(key):
                raise BadResult(f"{policy}: {key} is {summary.get(key)!r}, of the others {first.get(key)!r}")
    manifests = {policy: {**summary.get("manifest", {}), **known} for policy, summary in summaries.items()}
    united = {
        "scenario": first.get("scenario"),
        "radio": first.get("radio"),
        "manifest": unite_manifests(manifests),
        "policies": {policy: summary["policies"][policy] for policy, summary in summaries.items()},
    }
    write_json(out / SUMMARY, united)
    for table in TABLES:
        concatenate(table, parts, out)
    for table in (SCHEDULE, EXPERTS):
        there = {policy: folder for policy, folder in parts.items() if (folder / table).exists()}
        if there:
            concatenate(table, there, out)
    return united


def name_run(summary):
    """What was run, in short: "lte, RngRun 1", "testbed over wifi, RngRun 1"."""
    run = summary.get("manifest", {}).get("rng_run")
    return name_scenario(summary) + (f", RngRun {run}" if run is not None else "")


def name_scenario(summary):
    """The scenario, and its radio where that is another word."""
    return name_air(summary["scenario"], summary.get("radio"))


def describe(summary):
    """What was run: the scenario and the options that decide most of the figures, of those that are known."""
    manifest = summary.get("manifest", {})
    models = {found["model"] for found in capabilities(summary).values()}

    def option(name):
        return manifest.get(f"option.{name}")

    parts = []
    if option("requests"):
        parts.append(f"{option('requests')} request{'' if option('requests') == '1' else 's'}")
    if option("maxPromptTokens") and option("maxOutputTokens") and not models:
        parts.append(f"up to {option('maxPromptTokens')} + {option('maxOutputTokens')} tokens")
    if option("blocks"):
        every = option("blocks") == "0"
        parts.append("all blocks of the model" if every else f"{option('blocks')} of the model's blocks (0: all)")
    if models or option("model"):
        parts.append(", ".join(sorted(models)) or option("model"))
    return parts


def capabilities(summary):
    """Policy -> what a real model could do under it; without those that served sizes only."""
    found = {policy: entry.get("capability") for policy, entry in summary["policies"].items()}
    return {policy: capability for policy, capability in found.items() if capability}


def name_models(summaries):
    """The real models that served, each "NAME (digest DIGEST)"."""
    found = [one for summary in summaries for one in capabilities(summary).values()]
    return ", ".join(dict.fromkeys(f"{one['model']} (digest {one['digest']})" for one in found))


# Columns of requests.csv: what is known without the model's answers, and what the answers are worth.
PROXIES = ("gate_mass_kept", "wlr")
COUNTED = ("kl_bits", "scored_tokens", "exact")


def rank_correlations(folders):
    """Rows {"proxy", "quality", "n", "spearman"}, over the requests of all policies in the folders' requests.csv.

    spearman is None where it is undefined: fewer than three requests, or one of the two is the same for all. No row
    for exact match where it does not vary.
    """
    from scipy.stats import spearmanr

    requests = []
    for folder in folders:
        with open(folder / "requests.csv", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values = {name: float(row.get(name) or "nan") for name in (*COUNTED, *PROXIES)}
                values["kl_bits_per_token"] = values["kl_bits"] / (values["scored_tokens"] or math.nan)
                requests.append(values)
    rows = []
    for proxy, quality in itertools.product(PROXIES, ("kl_bits_per_token", "exact")):
        pairs = [(values[proxy], values[quality]) for values in requests]
        pairs = [pair for pair in pairs if not any(map(math.isnan, pair))]
        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        if quality == "exact" and len(set(second)) < 2:
            continue
        defined = len(pairs) >= 3 and len(set(first)) > 1 and len(set(second)) > 1
        spearman = float(spearmanr(first, second).statistic) if defined else None
        rows.append({"proxy": proxy, "quality": quality, "n": len(pairs), "spearman": spearman})
    return rows


def count_missing(summaries):
    """Batches without an answer, and (token, expert) pairs that were not computed, of all policies of all summaries."""
    entries = [entry for summary in summaries for entry in summary["policies"].values()]
    return tuple(sum(entry.get(key) or 0 for entry in entries) for key in ("answers_missing", "pairs_missing"))


def concatenate(table, parts, out):
    header = None
    with open(out / table, "w", encoding="utf-8", newline="") as target:
        for policy, folder in parts.items():
            with open(folder / table, encoding="utf-8", newline="") as source:
                line = source.readline()
                if header is None:
                    header = line
                    target.write(line)
                elif line != header:
                    raise BadResult(f"{policy}: {table}: its columns differ: {line.strip()} against {header.strip()}")
                shutil.copyfileobj(source, target)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
