# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a sweep is to run: its file or dictionary, read and judged before anything starts."""

import hashlib
import itertools
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from wdmoe import scenarios
from wdmoe.sweep.cluster import SLURM
from wdmoe.sweep.program import Program, SweepError, nearest
from wdmoe.sweep.task import Run

KEYS = ("scenario", "policies", "seeds", "options", "grid", "latin", "summary", "picture", "cluster")
RANGE = ("from", "to", "count", "scale", "integer")
LATIN = ("samples", "seed", "range")
SUMMARY = ("baseline", "metrics")
PICTURE = ("x", "y")
CLUSTER = ("kind", "workers", *SLURM)
KINDS = ("local", "slurm")
SCALES = ("linear", "log")
# More than this many runs are hardly meant.
MOST = 1_000_000

PLAN = "sweep.json"


@dataclass
class Plan:
    """A sweep that was judged: its points, each a tuple of values for `parameters`, times policies, times seeds."""

    scenario: str
    name: str
    revision: str
    policies: list
    seeds: list
    options: dict
    parameters: list
    points: list
    baseline: Optional[dict] = None  # {"policy": NAME} or {PARAMETER: VALUE}
    metrics: Optional[list] = None
    picture: dict = field(default_factory=dict)
    cluster: Optional[dict] = None
    latin: bool = False
    units: dict = field(default_factory=dict)  # of parameters

    def runs(self):
        """Every Run, policies and seeds innermost: so those that are compared run side by side."""
        found = []
        for point, seed, policy in itertools.product(self.points, self.seeds, self.policies):
            options = (*self.options.items(), *zip(self.parameters, point))
            found.append(
                Run(make_key(self, options, policy, seed), self.scenario, self.revision, options, policy, seed)
            )
        return found

    def describe(self):
        """What sweep.json says: all that reading the rows takes."""
        kept = ("name", "scenario", "revision", "policies", "seeds", "options", "parameters", "baseline", "metrics")
        return {key: getattr(self, key) for key in (*kept, "picture", "latin", "units")}


def make_key(plan, options, policy, seed):
    """Sixteen digits that are the same only for the same simulation."""
    # An option given twice is what it was given last.
    what = [plan.scenario, plan.revision, sorted(dict(options).items()), policy, seed]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]


def read(source):
    """The Plan of a TOML file or a dictionary; a SweepError says what is wrong."""
    if isinstance(source, dict):
        return judge(source, Path.cwd())
    path = Path(source)
    try:
        import tomllib
    except ImportError:
        import tomli as tomllib
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise SweepError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SweepError(f"{path}: no TOML: {error}") from None
    try:
        return judge(table, path.resolve().parent)
    except SweepError as error:
        raise SweepError(f"{path}: {error}") from None


def expect(value, kind, where, what):
    """`value`, if it is of `kind`; a bool is no number here."""
    if not isinstance(value, kind) or (
        isinstance(value, bool) and bool not in (kind if isinstance(kind, tuple) else (kind,))
    ):
        raise SweepError(f"{where} is {value!r}, expected {what}")
    return value


def check_keys(table, known, where):
    expect(table, dict, where, "a table")
    for key in table:
        if key not in known:
            raise SweepError(f"{where}: unknown key '{key}'{nearest(str(key), known)}")


def judge(table, folder):
    """The Plan of what a file holds; `folder` is what a relative FILE.py is relative to."""
    check_keys(table, KEYS, "sweep")
    if "scenario" not in table:
        raise SweepError('no scenario; write scenario = "ideal" (wdmoe run --list names them) or a file ending in .py')
    scenario = str(expect(table["scenario"], (str, Path), "scenario", "a name or a file ending in .py"))
    if scenarios.is_script(scenario):
        scenario = str((folder / scenario).resolve())
    program = Program(scenario)
    options = dict(expect(table.get("options", {}), dict, "options", "a table"))
    for name, value in options.items():
        check_value(value, f"options.{name}")
    grid = dict(expect(table.get("grid", {}), dict, "grid", "a table"))
    axis = [grid.pop(name) for name in ("policy", "policies") if name in grid]
    if axis and "policies" in table:
        raise SweepError("policies are named twice: by policies and in grid")
    policies = judge_policies(axis[0] if axis else table.get("policies"), program)
    latin = table.get("latin")
    parameters, points = [], [()]
    for name, values in grid.items():
        parameters.append(name)
        points = [(*point, value) for point in points for value in expand(values, f"grid.{name}")]
    if latin is not None:
        if grid:
            raise SweepError("a sweep has a grid or a Latin hypercube (latin), not both")
        parameters, points = sample(latin)
    for name in (*options, *parameters):
        program.judge(name)
    twice = [name for name in parameters if name in options]
    if twice:
        raise SweepError(f"'{twice[0]}' is both a fixed option and swept")
    seeds = judge_seeds(table.get("seeds", 1))
    if len(points) * len(policies) * len(seeds) > MOST:
        raise SweepError(
            f"{len(points)} points x {len(policies)} policies x {len(seeds)} seeds are more than {MOST} runs"
        )
    columns = [dict.fromkeys(column) for column in zip(*points)] if parameters else []
    program.try_values(
        [*options.items(), *((name, value) for name, values in zip(parameters, columns) for value in values)]
    )
    plan = Plan(scenario, program.name, program.revision, policies, seeds, options, parameters, points)
    plan.latin = latin is not None
    plan.units = {name: program.unit(name) for name in parameters if program.unit(name)}
    judge_summary(table.get("summary", {}), plan)
    judge_picture(table.get("picture", {}), plan)
    plan.cluster = judge_cluster(table.get("cluster"))
    return plan


def check_value(value, where):
    expect(value, (bool, int, float, str), where, "a number, a text, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise SweepError(f"{where} is {value}, expected a finite number")


def expand(values, where):
    """The values of one parameter of a grid: a list, or {from, to, count, scale, integer}."""
    if isinstance(values, dict):
        check_keys(values, RANGE, where)
        count = expect(values.get("count"), int, f"{where}.count", "a whole number of at least 2")
        if count < 2:
            raise SweepError(f"{where}.count is {count}, expected at least 2")
        values = [between(values, step / (count - 1), where) for step in range(count)]
        return list(dict.fromkeys(values))
    expect(values, list, where, "a list of values, or a table {from, to, count, scale}")
    if not values:
        raise SweepError(f"{where} is an empty list")
    for value in values:
        check_value(value, where)
    if len({str(value) for value in values}) < len(values):
        raise SweepError(f"{where} has a value twice: {values}")
    return values


def between(table, fraction, where):
    """The value at a fraction of the way from table["from"] to table["to"]."""
    low, high = (expect(table.get(key), (int, float), f"{where}.{key}", "a number") for key in ("from", "to"))
    scale = table.get("scale", "linear")
    integer = expect(table.get("integer", False), bool, f"{where}.integer", "true or false")
    if scale not in SCALES:
        raise SweepError(f"{where}.scale is {scale!r}, expected {' or '.join(SCALES)}")
    if not low < high:
        raise SweepError(f"{where}: from is {low}, to is {high}, expected from < to")
    if scale == "log" and low <= 0:
        raise SweepError(f"{where}: from is {low}, expected > 0 on a log scale")
    if scale == "log":
        value = math.exp(math.log(low) + fraction * (math.log(high) - math.log(low)))
    else:
        value = low + fraction * (high - low)
    # 0.30000000000000004 would be another run than 0.3
    return round(value) if integer else float(f"{value:.12g}")


def sample(latin):
    """(parameters, points) of a Latin hypercube."""
    check_keys(latin, LATIN, "latin")
    samples = expect(latin.get("samples"), int, "latin.samples", "how many points, a whole number of at least 1")
    seed = expect(latin.get("seed", 1), int, "latin.seed", "a whole number")
    ranges = expect(latin.get("range"), dict, "latin.range", "a table with a {from, to} for each parameter")
    if samples < 1 or seed < 0 or not ranges:
        raise SweepError(
            f"latin has {samples} samples of {len(ranges)} ranges and seed {seed}, expected >= 1, >= 1, >= 0"
        )
    for name, table in ranges.items():
        check_keys(table, [key for key in RANGE if key != "count"], f"latin.range.{name}")
    from scipy.stats import qmc

    unit = qmc.LatinHypercube(d=len(ranges), seed=seed).random(samples)
    points = [
        tuple(between(table, x, f"latin.range.{name}") for (name, table), x in zip(ranges.items(), row.tolist()))
        for row in unit
    ]
    return list(ranges), list(dict.fromkeys(points))


def judge_policies(names, program):
    """The policies of a sweep; [None] for a program that has no choice of them."""
    if "policies" not in program.options:
        if names is not None:
            raise SweepError(f"{program.name} has no option 'policies', so the sweep can't choose any")
        return [None]
    if names is None:
        return list(scenarios.default_policies(program.scenario))
    names = [names] if isinstance(names, str) else expect(names, list, "policies", 'a list of names, or "all"')
    chosen = []
    for name in names:
        expect(name, str, "policies", "a list of names")
        wrong = None if name == "all" else scenarios.judge_policy(name, program.scenario)
        if wrong:
            raise SweepError(wrong.partition("; there are")[0])
        chosen += scenarios.POLICIES if name == "all" else (name,)
    if not chosen:
        raise SweepError("policies is an empty list")
    return list(dict.fromkeys(chosen))


def judge_seeds(seeds):
    """RngRuns: a number of them from 1 on, a list, or {first, count}."""
    what = "a number of seeds, a list of RngRuns, or {first, count}"
    if isinstance(seeds, dict):
        check_keys(seeds, ("first", "count"), "seeds")
        first = expect(seeds.get("first", 1), int, "seeds.first", "a whole number")
        seeds = list(range(first, first + expect(seeds.get("count"), int, "seeds.count", "a whole number")))
    elif isinstance(seeds, int) and not isinstance(seeds, bool):
        seeds = list(range(1, seeds + 1))
    expect(seeds, (list, tuple, range), "seeds", what)
    for seed in seeds:
        if expect(seed, int, "seeds", what) < 1:
            raise SweepError(f"seeds has {seed}, expected RngRuns of at least 1")
    if not seeds:
        raise SweepError(f"seeds are none, expected {what} of at least one")
    return list(dict.fromkeys(seeds))


def judge_summary(table, plan):
    """Sets plan.baseline and plan.metrics."""
    check_keys(table, SUMMARY, "summary")
    metrics = table.get("metrics")
    if metrics is not None:
        expect(metrics, list, "summary.metrics", 'a list as ["block_latency_s.p50"]')
        plan.metrics = [expect(metric, str, "summary.metrics", "a list of texts") for metric in metrics]
    base = table.get("baseline")
    if base is None:
        there = scenarios.baselines(plan.policies) if len(plan.policies) > 1 else []
        plan.baseline = {"policy": there[0]} if there else None
        return
    if isinstance(base, str):
        base = {"policy": base}
    expect(base, dict, "summary.baseline", "a policy, or {PARAMETER = VALUE}")
    if len(base) != 1:
        raise SweepError(f"summary.baseline names {len(base)} parameters, expected one")
    ((name, value),) = base.items()
    known = {"policy": plan.policies, **dict(zip(plan.parameters, zip(*plan.points)))}
    if name not in known:
        raise SweepError(f"summary.baseline: nothing swept is named '{name}'{nearest(name, known)}")
    if plan.latin and name != "policy":
        raise SweepError(
            "summary.baseline must be a policy in a Latin hypercube: no two points differ in one value only"
        )
    if value not in known[name]:
        values = list(dict.fromkeys(map(str, known[name])))
        raise SweepError(f"summary.baseline: {name} is never {value!r}{nearest(str(value), values)}")
    plan.baseline = {name: value}


def judge_picture(table, plan):
    """Sets plan.picture, {"x": what is swept, "y": [metrics]}, as far as the table says."""
    check_keys(table, PICTURE, "picture")
    x = table.get("x")
    known = ("policy", *plan.parameters)
    if x is not None and x not in known:
        raise SweepError(f"picture.x: nothing swept is named '{x}'{nearest(str(x), known)}")
    y = table.get("y")
    y = [y] if isinstance(y, str) else y
    if y is not None:
        for metric in expect(y, list, "picture.y", "a metric or a list of them"):
            expect(metric, str, "picture.y", "a metric or a list of them")
    plan.picture = {key: value for key, value in (("x", x), ("y", y)) if value is not None}


def judge_cluster(table):
    if table is None:
        return None
    check_keys(table, CLUSTER, "cluster")
    kind = table.get("kind", "local")
    if kind not in KINDS:
        raise SweepError(
            f"cluster.kind is {kind!r}, expected {' or '.join(KINDS)}; a running cluster is named by --scheduler"
        )
    workers = expect(table.get("workers", 1), int, "cluster.workers", "a whole number of at least 1")
    if workers < 1:
        raise SweepError(f"cluster.workers is {workers}, expected at least 1")
    for key, (_, type_, _) in SLURM.items():
        if key in table:
            if kind != "slurm":
                raise SweepError(f'cluster.{key} is for kind = "slurm", kind is {kind!r}')
            expect(
                table[key],
                type_,
                f"cluster.{key}",
                {str: "a text", int: "a whole number", list: "a list of texts"}[type_],
            )
    return {**table, "kind": kind, **({"workers": workers} if kind == "slurm" or "workers" in table else {})}
