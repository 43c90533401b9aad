# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Results as pandas frames: `wdmoe.load(DIR)`, and the tables as Parquet."""

import csv
import functools
import json
import os
from pathlib import Path

import pandas
import pyarrow
import pyarrow.csv
from pyarrow import parquet

from wdmoe.results import EXPERTS, SCHEDULE, SUMMARY, name_run, unite_manifests

# What each column is; every other one is a number with a fraction, or, if it is not known here, what it looks like.
CATEGORIES = ("policy", "domain", "kind")
WHOLE = (
    *("run", "request", "pass", "block", "tokens", "pairs_topk", "pairs_routed", "pairs_missing", "bytes_downlink"),
    *("bytes_uplink", "pieces", "in_flight", "prompt_tokens", "output_tokens", "device", "cell", "piece"),
    *("expert", "pairs"),
)
# Whole numbers that a row may lack.
NULLABLE = ("slowest_device", "exact", "scored_tokens", "agreeing")
FLAGS = ("answered",)

KEY = ("request", "pass", "block")
_ENERGY = ("energy_j", "transmit_j", "receive_j", "compute_j", "base_transmit_j", "base_compute_j")
# Table -> columns it must have.
COLUMNS = {
    "blocks": (
        *("policy", *KEY, "tokens", "start_s", "latency_s", "predicted_s", "closed_form_s"),
        *("pairs_topk", "pairs_routed", "pairs_missing", "gate_mass_kept", "wlr", "bytes_downlink", "bytes_uplink"),
        *("slowest_device", "downlink_s", "queue_s", "compute_s", "uplink_s", "pieces", "in_flight"),
        *("planned_s", "lower_bound_s", *_ENERGY),
    ),
    "requests": (
        *("policy", "request", "prompt_tokens", "output_tokens", "arrival_s", "start_s", "first_token_s", "end_s"),
        *("ttft_s", "tpot_s", "latency_s", "gate_mass_kept", "wlr", "pairs_topk", "pairs_routed", "pairs_missing"),
        *("domain", "kind", "exact", "bits", "scored_tokens", "agreeing", "kl_bits", *_ENERGY),
    ),
    "shares": (
        *("policy", *KEY, "time_s", "device", "tokens", "requested_downlink_share", "requested_uplink_share"),
        *("granted_downlink_share", "granted_uplink_share", "cell"),
    ),
    "schedule": (
        *("policy", *KEY, "start_s", "device", "piece", "tokens", "answered"),
        *(
            f"{kind}_{stage}_{end}_s"
            for kind in ("planned", "measured")
            for stage in ("downlink", "compute", "uplink")
            for end in ("start", "end")
        ),
    ),
    "experts": ("policy", *KEY, "expert", "device", "pairs", "gate_mass"),
}
# Those that results of earlier versions and stand-ins lack.
OPTIONAL = (Path(SCHEDULE).stem, Path(EXPERTS).stem)


def _arrow_type(column):
    if column in CATEGORIES:
        return pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    if column in WHOLE or column in NULLABLE:
        return pyarrow.int64()
    return pyarrow.bool_() if column in FLAGS else pyarrow.float64()


KNOWN = {column: _arrow_type(column) for columns in COLUMNS.values() for column in columns}
KNOWN.update({name: pyarrow.float64() for name in ("joint_lower_bound_s", "clairvoyant_s", "regret_s")})


def read_csv(path):
    """A table of the module as an Arrow table; ValueError that names file, line or column where it is broken."""
    try:
        return pyarrow.csv.read_csv(
            path,
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=KNOWN,
                null_values=["", "nan", "-nan", "NaN"],
                strings_can_be_null=True,
                true_values=["1"],
                false_values=["0"],
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path}: {_explain(path, str(error))}") from None


def _header(path):
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip("\n").split(",")


def _explain(path, text):
    """Arrow counts columns; a reader knows their names."""
    text = text.splitlines()[0]
    _, mark, rest = text.partition("CSV column #")
    number, _, after = rest.partition(":")
    if mark and number.isdigit():
        return f"column '{_header(path)[int(number)]}':{after}"
    return text.replace("Row #", "line ")


def write_parquet(folder, names=tuple(COLUMNS)):
    """FOLDER/NAME.parquet of each FOLDER/NAME.csv that is there. The same tables give the same bytes, as long as the
    version of pyarrow is the same."""
    for name in names:
        path = Path(folder) / f"{name}.csv"
        if path.exists():
            parquet.write_table(read_csv(path), path.with_suffix(".parquet"), compression="zstd")


def _check_table(path, name):
    """That a table has its columns and ends with a whole row, without reading all of it."""
    if path.suffix == ".parquet":
        try:
            there = parquet.read_schema(path).names
        except pyarrow.ArrowInvalid as error:
            raise ValueError(f"{path}: {str(error).splitlines()[0]}") from None
        header, last = there, None
    else:
        with open(path, "rb") as file:
            header = file.readline().decode("utf-8", "replace").rstrip("\n").split(",")
            file.seek(max(0, os.path.getsize(path) - 4096))
            last = file.read().decode("utf-8", "replace")
    missing = [column for column in COLUMNS[name] if column not in header]
    if missing:
        raise ValueError(
            f"{path}: no column '{missing[0]}'{f' and {len(missing) - 1} others' if len(missing) > 1 else ''}; "
            "was it written by another version, or by another program? Run it again with this one"
        )
    if last is not None:
        if not last.endswith("\n"):
            raise ValueError(f"{path}: the last line is cut off; the run was ended while it wrote: run it again")
        fields = len(next(csv.reader([last.rstrip("\n").rpartition("\n")[2]])))
        if fields != len(header):
            raise ValueError(f"{path}: the last line has {fields} fields, expected {len(header)}: run it again")


def _read_summary(path):
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not JSON ({error}); was the run ended while it wrote? Run it again") from None
    if not isinstance(summary, dict) or not isinstance(summary.get("policies"), dict) or "scenario" not in summary:
        raise ValueError(f"{path}: expected an object with 'scenario' and 'policies', as a run of wdmoe writes it")
    if not summary["policies"]:
        raise ValueError(f"{path}: no policy in it: the scenario simulated nothing")
    return summary


class _Part:
    """The files of one run."""

    def __init__(self, folder, job=None):
        self.folder = folder
        self.job = job
        self.summary = _read_summary(folder / SUMMARY)
        run = self.summary.get("manifest", {}).get("rng_run") or folder.name.rpartition("run-")[2]
        try:
            self.run = int(run)
        except ValueError:
            self.run = 1  # a program that does not say
        self.paths = {}
        for name in COLUMNS:
            paths = [folder / f"{name}{suffix}" for suffix in (".csv", ".parquet")]
            found = [path for path in paths if path.exists()]
            if found:
                _check_table(found[0], name)
                self.paths[name] = found[0]
            elif name not in OPTIONAL:
                raise FileNotFoundError(f"{folder}: there is {SUMMARY}, but no {name}.csv; run it again")

    def read(self, name):
        path = self.paths[name]
        table = read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
        policies = table.column("policy").unique().to_pylist()
        strange = [policy for policy in policies if policy not in self.summary["policies"]]
        if strange:
            raise ValueError(f"{path}: policy '{strange[0]}' is not in {SUMMARY} beside it")
        return table.drop_columns("run") if "run" in table.column_names else table


class Results:
    """Runs as frames, read when they are first asked for.

    `blocks`, `requests`, `shares`, `schedule` and `experts` have the columns of doc/metrics.rst, and before them `run`
    (RngRun), and `job` where the folder holds several jobs, as results/default does.
    """

    def __init__(self, parts, folder, of_jobs=False):
        self._parts = parts
        self._of_jobs = of_jobs
        self.folder = Path(folder)

    def __repr__(self):
        if self._of_jobs:
            return f"<wdmoe results of {self.folder}: jobs {', '.join(self.jobs)}>"
        runs = f"{len(self.runs)} runs" if len(self.runs) > 1 else ""
        what = name_run(self._parts[0].summary) if not runs else f"{self.scenario}, {runs}"
        return f"<wdmoe results of {self.folder}: {what}, {len(self.policies)} policies>"

    @property
    def jobs(self):
        """Name -> the results of that job alone; empty where the folder holds no jobs."""
        names = dict.fromkeys(part.job for part in self._parts) if self._of_jobs else {}
        return {name: Results([part for part in self._parts if part.job == name], self.folder / name) for name in names}

    @property
    def runs(self):
        """Each RngRun, in order."""
        return sorted({part.run for part in self._parts})

    @property
    def policies(self):
        """The policies, in the order they were asked for."""
        return list(dict.fromkeys(policy for part in self._parts for policy in part.summary["policies"]))

    @property
    def scenario(self):
        return self._parts[0].summary["scenario"]

    @property
    def radio(self):
        return self._parts[0].summary.get("radio")

    @property
    def summaries(self):
        """RngRun -> summary.json as it is; of one job."""
        if self._of_jobs:
            first = next(iter(self.jobs))
            raise ValueError(f"{self.folder} holds several jobs; choose one: .jobs['{first}'].summaries")
        return {part.run: part.summary for part in self._parts}

    @property
    def manifest(self):
        """What the run was made with; what differs between runs and jobs stands under "by_run"."""
        parts = {self._name(part): part.summary.get("manifest", {}) for part in self._parts}
        united = unite_manifests(parts)
        if "by_policy" in united and not any("by_policy" in manifest for manifest in parts.values()):
            united["by_run"] = united.pop("by_policy")
        return united

    def _name(self, part):
        run = f"run-{part.run}"
        return f"{part.job}/{run}" if self._of_jobs else run

    @functools.cached_property
    def summary(self):
        """The figures of summary.json as a frame: a row for each run and policy, columns as "block_latency_s.p50"."""
        rows = []
        for part in self._parts:
            for policy, entry in part.summary["policies"].items():
                job = {"job": part.job} if self._of_jobs else {}
                rows.append({**job, "run": part.run, "policy": policy, **dict(_flatten(entry))})
        frame = pandas.DataFrame(rows)
        frame["policy"] = pandas.Categorical(frame["policy"], categories=self.policies)
        return frame

    def _frame(self, name):
        parts = [part for part in self._parts if name in part.paths]
        if not parts:
            raise ValueError(f"{self.folder} has no {name}.csv; it was written by an earlier version: run it again")
        tables = []
        for part in parts:
            table = part.read(name)
            for column, value in (("run", part.run), ("job", part.job)):
                if column == "run" or self._of_jobs:
                    if isinstance(value, int):
                        array = pyarrow.repeat(pyarrow.scalar(value, pyarrow.int64()), table.num_rows)
                    else:
                        codes = pyarrow.repeat(pyarrow.scalar(0, pyarrow.int32()), table.num_rows)
                        array = pyarrow.DictionaryArray.from_arrays(codes, [value])
                    table = table.add_column(0, column, array)
            tables.append(table)
        table = pyarrow.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0]
        table = table.unify_dictionaries()
        whole = [column for column in NULLABLE if column in table.column_names]
        frame = table.drop_columns(whole).to_pandas() if whole else table.to_pandas()
        for column in whole:
            values = table.column(column).to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)
            frame.insert(table.column_names.index(column), column, values)
        frame["policy"] = frame["policy"].cat.set_categories(self.policies)
        return frame

    @functools.cached_property
    def blocks(self):
        """One row for each block."""
        return self._frame("blocks")

    @functools.cached_property
    def requests(self):
        """One row for each request."""
        return self._frame("requests")

    @functools.cached_property
    def shares(self):
        """One row for each block and device; no row under a policy that plans nothing and was not measured."""
        return self._frame("shares")

    @functools.cached_property
    def schedule(self):
        """One row for each micro-batch."""
        return self._frame("schedule")

    @functools.cached_property
    def experts(self):
        """One row for each block, expert and device that computed pairs of it."""
        return self._frame("experts")

    @property
    def tables(self):
        """Names of the tables that there are."""
        return [name for name in COLUMNS if any(name in part.paths for part in self._parts)]

    def to_parquet(self, folder):
        """Writes DIR/blocks.parquet and so on, with `run` (and `job`) as columns, and what `wdmoe.load` needs beside
        them: the folder can be loaded in place of this one. Returns the paths."""
        folder = Path(folder)
        written = []
        for part in self._parts:
            below = folder
            if self._of_jobs:
                below /= part.job
            if len(self.runs) > 1:
                below /= f"run-{part.run}"
            below.mkdir(parents=True, exist_ok=True)
            text = json.dumps(part.summary, indent=2) + "\n"
            (below / SUMMARY).write_text(text, encoding="utf-8")
            for name in part.paths:
                table = part.read(name)
                run = pyarrow.repeat(pyarrow.scalar(part.run, pyarrow.int64()), table.num_rows)
                written.append(below / f"{name}.parquet")
                parquet.write_table(table.add_column(0, "run", run), written[-1], compression="zstd")
        return written


def explain(error):
    """An OSError or ValueError of a command on results, in one line."""
    return f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else error


def _flatten(entry, before=""):
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _find_runs(folder, job=None):
    if (folder / SUMMARY).exists():
        return [_Part(folder, job)]
    runs = [path for path in folder.glob("run-*") if (path / SUMMARY).exists()]
    return [_Part(path, job) for path in sorted(runs, key=lambda path: (len(path.name), path.name))]


def load(folder):
    """The results in a folder: of one run, of several (`wdmoe run --runs`), of several jobs (results/default), or of
    a program or script of one's own that wrote them by WdmoeResultsHelper.

    FileNotFoundError where there is no such folder or there are no results in it; ValueError where they are not whole,
    or not of this version.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder; expected one that `wdmoe run --out DIR` wrote")
    if not folder.is_dir():
        raise ValueError(f"{folder}: a file, expected a folder that `wdmoe run --out DIR` wrote")
    parts = _find_runs(folder)
    if parts:
        return Results(parts, folder)
    jobs = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    parts = [part for job in jobs for part in _find_runs(job, job.name)]
    if parts:
        return Results(parts, folder, of_jobs=True)
    if (folder / "failed-run.log").exists():
        raise FileNotFoundError(f"{folder}: nothing was simulated, see {folder / 'failed-run.log'}")
    if (folder / ".wdmoe-partial").exists():
        raise FileNotFoundError(f"{folder}: not written yet; a run is at it, or was killed: wait, or run it again")
    if (folder / "sweep.json").exists():
        raise FileNotFoundError(f"{folder}: of a sweep, which has summary.csv and pictures; its rows: wdmoe.sweep.load(DIR)")
    raise FileNotFoundError(f"{folder}: no {SUMMARY} in it; expected a folder that `wdmoe run --out DIR` wrote")
