# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What is drawn, out of results or frames, and what is wrong with it."""

import pandas

from wdmoe.scenarios import shorten

# What latency_cdf draws: table, column, which rows, name.
WHAT = {
    "block": ("blocks", "latency_s", None, "Block latency"),
    "prefill_block": ("blocks", "latency_s", True, "Latency of blocks of prefill"),
    "decode_block": ("blocks", "latency_s", False, "Latency of blocks of decoding"),
    "request": ("requests", "latency_s", None, "Request latency"),
    "ttft": ("requests", "ttft_s", None, "Time to first token"),
    "tpot": ("requests", "tpot_s", None, "Time per output token"),
}

# What pareto sets against latency: column of Results.summary, factor, name with its unit, whether more is better, the
# largest value there can be.
QUALITIES = {
    "gate_mass": ("gate_mass_kept", 1, "Kept gate mass (fraction of top-k's)", True, 1),
    "bits_per_byte": ("capability.bits_per_byte", 1, "Bits per byte", False, None),
    "exact_match": ("capability.exact_match", 100, "Exact match (%)", True, 1),
    "kl": ("capability.kl_bits_per_token", 1, "KL divergence (bits per token)", False, None),
    "energy": ("energy_j.per_token", 1, "Energy (J per token)", False, None),
}


def choose(name, value, known):
    """`value` where it is one of `known`; ValueError that names them where not."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}, expected one of: {', '.join(map(str, known))}")
    return value


def table_of(results, name, columns):
    """The frame `name` of results, or `results` where it is a frame, with these columns."""
    if isinstance(results, pandas.DataFrame):
        table = results
    else:
        if getattr(results, "jobs", None):
            first = next(iter(results.jobs))
            raise ValueError(f"{results.folder} holds several jobs, draw one of them: results.jobs['{first}']")
        try:
            table = getattr(results, name)
        except AttributeError:
            kind = type(results).__name__
            raise TypeError(f"expected what wdmoe.load() gives, or its frame '{name}', got {kind}") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        there = ", ".join(table.columns)
        raise ValueError(f"no column '{missing[0]}' in the frame, which is drawn as '{name}'; it has: {there}")
    return table


def names_of(table, chosen=None):
    """Policy -> its number among all of the table, by which it looks alike in every picture; those `chosen`, or all
    that have rows."""
    column = table["policy"]
    every = list(column.cat.categories) if hasattr(column, "cat") else list(dict.fromkeys(column))
    if isinstance(chosen, str):
        chosen = [chosen]
    for policy in chosen or ():
        choose("policy", policy, every)
    there = set(column.unique())
    return {policy: index for index, policy in enumerate(every) if (policy in chosen if chosen else policy in there)}


def one_of(table, policy):
    """The rows of one policy, and its name; it must be named where there are several."""
    there = names_of(table)
    if policy is None:
        if len(there) != 1:
            raise ValueError(f"policy: choose one of {', '.join(there) or 'none: the table is empty'}")
        policy = next(iter(there))
    choose("policy", policy, there)
    return table[table["policy"] == policy], policy


def one_run(rows, run):
    """The rows of one run: of `run`, or of the first."""
    if "run" not in rows.columns or not len(rows):
        return rows
    there = sorted(rows["run"].unique())
    return rows[rows["run"] == (there[0] if run is None else choose("run", run, there))]


def describe(policy, request, number, block):
    """A block in words."""
    when = "prefill" if number == 0 else f"output token {number + 1}"
    return f"{shorten(policy)}: request {request}, {when}, block {block}"
