# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""A sweep's rows on disk: small Parquet files while it goes on, runs.parquet at its end; each row is there once."""

import json
import os
import time
from pathlib import Path

from wdmoe.sweep.plan import PLAN
from wdmoe.sweep.program import SweepError
from wdmoe.sweep.task import FAILED

RUNS = "runs.parquet"
PARTS = "parts"
LOGS = "logs"
# Columns that every row has, in front.
FIRST = ("key", "policy", "seed")
LAST = ("status", "reason", "wall_s", "revision")
# What is done is written after at most so many seconds.
FLUSH_S = 2.0


def load(folder):
    """The rows of a sweep as a pandas frame: key, policy, seed, the swept options, status, reason, wall_s, revision,
    then every metric, NaN where a run failed or has none. Works while the sweep goes on too."""
    import pandas as pd

    folder = Path(folder)
    frames = [
        pd.read_parquet(path) for path in [folder / RUNS, *sorted((folder / PARTS).glob("*.parquet"))] if path.exists()
    ]
    if not frames:
        if not folder.is_dir() or not (folder / PLAN).exists():
            raise SweepError(f"{folder} is no folder of a sweep: it has neither {RUNS} nor {PLAN}")
        return pd.DataFrame(columns=[*FIRST, *LAST])
    return unite(frames)


def read_plan(folder):
    """What sweep.json says of a sweep: parameters, policies, seeds, baseline, ..."""
    try:
        return json.loads((Path(folder) / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SweepError(f"{folder} is no folder of a sweep: it has no {PLAN}") from None


def unite(frames):
    """One frame of several; of rows with the same key the last one counts."""
    import pandas as pd

    # pandas warns of columns that are empty in one of the frames
    frame = pd.concat([one.dropna(axis="columns", how="all") for one in frames], ignore_index=True)
    frame = frame.drop_duplicates("key", keep="last", ignore_index=True)
    for name in (*FIRST, *LAST):
        if name not in frame:
            frame[name] = None
    return frame[[*FIRST, *(name for name in frame if name not in FIRST)]]


def as_parquet_takes(frame):
    """A copy where no column holds values of several kinds, which become texts."""
    frame = frame.copy()
    for name in frame:
        if frame[name].dtype == object and frame[name].dropna().map(type).nunique() > 1:
            frame[name] = [None if value is None or value != value else str(value) for value in frame[name]]
    return frame


def replace(frame, path):
    """Writes a Parquet file that is there whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    as_parquet_takes(frame).to_parquet(partial, index=False)
    os.replace(partial, path)


class Store:
    """The rows of one folder, for the one process that has its lock."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.waiting = []
        self.flushed = time.monotonic()
        self.part = 0

    def open(self, plan):
        """Reads what is there; returns key -> status. Rows of another program than the plan's are set aside.

        The second value returned is [(revision, how many rows, the file they are in now)].
        """
        import pandas as pd

        (self.folder / PARTS).mkdir(parents=True, exist_ok=True)
        aside = []
        frame = self.compact()
        if frame is not None:
            for revision, rows in frame[frame["revision"] != plan.revision].groupby("revision"):
                path = self.folder / f"runs-{revision}.parquet"
                earlier = [pd.read_parquet(path)] if path.exists() else []
                replace(unite([*earlier, rows]), path)
                aside.append((revision, len(rows), path))
            if aside:
                frame = frame[frame["revision"] == plan.revision]
                replace(frame, self.folder / RUNS)
        text = json.dumps(plan.describe(), indent=2) + "\n"
        partial = self.folder / f".{PLAN}.partial"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, self.folder / PLAN)
        return ({} if frame is None else dict(zip(frame["key"], frame["status"]))), aside

    def add(self, run, outcome, options):
        """A row, which flush() writes. `options` are names of options, which no metric's column may have."""
        row = {"key": run.key, "policy": run.policy, "seed": run.seed, **dict(run.options)}
        row.update(status=outcome.status, reason=outcome.reason, wall_s=round(outcome.wall_s, 4), revision=run.revision)
        for name, value in outcome.metrics.items():
            row[f"metric.{name}" if name in row or name in options else name] = value
        self.waiting.append(row)
        log = self.folder / LOGS / f"{run.key}.log"
        if outcome.status == FAILED:
            log.parent.mkdir(exist_ok=True)
            log.write_text(outcome.log or f"{outcome.reason}\n", encoding="utf-8")
        else:
            log.unlink(missing_ok=True)

    def flush(self, now=False):
        """Writes what waits, if it waited long enough."""
        if not self.waiting or not (now or time.monotonic() - self.flushed >= FLUSH_S):
            return
        import pandas as pd

        self.part += 1
        replace(pd.DataFrame(self.waiting), self.folder / PARTS / f"part-{self.part:06d}.parquet")
        self.waiting = []
        self.flushed = time.monotonic()

    def compact(self):
        """All rows into runs.parquet; returns them, None where there are none."""
        self.flush(now=True)
        for partial in (*self.folder.glob(".*.partial"), *(self.folder / PARTS).glob(".*.partial")):
            partial.unlink()  # of a sweep that was killed
        parts = sorted((self.folder / PARTS).glob("*.parquet"))
        frame = load(self.folder) if parts or (self.folder / RUNS).exists() else None
        if parts:
            replace(frame, self.folder / RUNS)
            for part in parts:
                part.unlink()
        return frame

    def close(self, keys=()):
        """Compacts, rows in the order of `keys`, and leaves no empty folder; returns all rows, None without any."""
        frame = self.compact()
        if frame is not None:
            place = {key: number for number, key in enumerate(keys)}
            frame = frame.sort_values("key", key=lambda column: column.map(place), kind="stable", ignore_index=True)
            replace(frame, self.folder / RUNS)
        for name in (PARTS, LOGS):
            try:
                (self.folder / name).rmdir()
            except OSError:
                pass  # not there, or it holds logs
        return frame
