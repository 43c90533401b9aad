# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs what is missing of a sweep, and keeps each result once, however often a Dask worker dies."""

import concurrent.futures
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from wdmoe.processes import interrupt
from wdmoe.run import Lock
from wdmoe.sweep import plan as plans
from wdmoe.sweep import task
from wdmoe.sweep.program import Program, SweepError
from wdmoe.sweep.store import LOGS, Store

# How long to wait before asking for results again.
TICK_S = 0.02


@dataclass
class Result:
    """What a sweep left: its folder, all rows of its plan, their summary, and how many runs failed."""

    folder: Path
    runs: object
    summary: object
    failed: int

    def __repr__(self):
        return f"<sweep {self.folder}: {len(self.runs)} runs, {self.failed} failed>"


def tell(text):
    print(f"wdmoe sweep: {text}", file=sys.stderr, flush=True)


def sweep(source, out=None, jobs=None, scheduler=None, retry_failed=False, quiet=False):
    """As wdmoe.sweep.sweep()."""
    plan = plans.read(source)
    stem = Path(source).stem if not isinstance(source, dict) else plan.name
    out = Path(out or Path("results") / f"sweep-{stem}")
    runs = plan.runs()
    out.mkdir(parents=True, exist_ok=True)
    with Lock(out) as locked:
        if not locked:
            raise SweepError(f"another sweep is writing into {out}; wait for it, or choose another folder")
        store = Store(out)
        known, aside = store.open(plan)
        for revision, count, path in aside:
            tell(
                f"the program has changed since: {count} rows of revision {revision} are in {path} now, "
                "all is run again"
            )
        missing = [run for run in runs if run.key not in known or (retry_failed and known[run.key] == task.FAILED)]
        there = len(runs) - len(missing)
        failed_before = 0 if retry_failed else sum(known.get(run.key) == task.FAILED for run in runs)
        if not quiet:
            held = f", {there} of them there already" if there else ""
            print(f"{plan.name}: {describe(plan)} = {len(runs)} runs{held}", flush=True)
            if failed_before:
                tell(f"{failed_before} of them failed earlier and are not run again; --retry-failed does")
        began = time.monotonic()
        try:
            if missing:
                run_all(plan, missing, store, Crowd(jobs, scheduler, plan.cluster), quiet)
        except KeyboardInterrupt:
            tell(f"interrupted; what was done is in {out}, and the same command goes on")
            raise
        finally:
            frame = store.close([run.key for run in runs])
        frame = frame[frame["key"].isin({run.key for run in runs})].reset_index(drop=True)
        if missing and not quiet:
            tell_time(frame[frame["key"].isin({run.key for run in missing})], time.monotonic() - began)
        from wdmoe.sweep import summary

        found = summary.summarize(frame, plan.describe())
        found.to_csv(out / summary.SUMMARY, index=False, lineterminator="\n")
        pictures = summary.draw(found, plan.describe(), out)
        if not quiet:
            summary.show(found, plan.describe())
            for path in pictures:
                print(f"picture: {path}")
            print(f"results: {out}")
    failed = int((frame["status"] == task.FAILED).sum())
    if failed and not quiet:
        tell_failures(frame, out)
    return Result(out, frame, found, failed)


def describe(plan):
    """ "3 policies x bandwidth (4) x speed (2) x 5 seeds"."""

    def count(number, one, many):
        return f"{number} {one if number == 1 else many}"

    if plan.latin:
        swept = [f"{len(plan.points)} Latin hypercube points of {', '.join(plan.parameters)}"]
    else:
        columns = zip(*plan.points)
        swept = [f"{name} ({len(dict.fromkeys(column))})" for name, column in zip(plan.parameters, columns)]
    return " x ".join(
        [count(len(plan.policies), "policy", "policies"), *swept, count(len(plan.seeds), "seed", "seeds")]
    )


def tell_time(frame, wall):
    """How long it took, and what the simulations took by themselves."""
    own = frame["wall_s"].sum()
    print(f"{len(frame)} runs in {wall:.1f} s; their own times together: {own:.1f} s", flush=True)


def tell_failures(frame, out):
    failed = frame[frame["status"] == task.FAILED]
    for reason, rows in failed.groupby("reason", sort=False):
        first = rows.iloc[0]
        which = f"{len(rows)} runs" if len(rows) > 1 else "1 run"
        tell(f"{which} failed: {reason}; see {out / LOGS / (first['key'] + '.log')}")


@dataclass
class Crowd:
    """Who works: so many at a time here, or a running cluster, or what [cluster] says."""

    jobs: object
    scheduler: object
    profile: object

    def open(self):
        from wdmoe.sweep.cluster import open_client

        return open_client(self.jobs, self.scheduler, self.profile)


def run_all(plan, missing, store, crowd, quiet):
    """Has Dask run everything in `missing`; each outcome goes to the store as it comes."""
    from distributed import as_completed

    name = uuid.uuid4().hex
    options = frozenset(Program(plan.scenario).options)
    progress = contextlib.nullcontext() if quiet else make_progress(len(missing))
    # A worker dies when it must, its simulations with it; the task is then run by another one. So a result may be
    # computed twice, but its key is taken from here once.
    open_runs = {run.key: run for run in missing}
    with quiet_end() as hush, interruptible(), crowd.open() as client, progress as bar:
        try:
            if crowd.scheduler or (plan.cluster or {}).get("kind") == "slurm":
                wait_for_workers(client)
            folder = os.getcwd()
            futures = [
                client.submit(task.execute, run, name, folder, key=f"wdmoe-{run.key}-{name}", pure=False)
                for run in missing
            ]
            keys = {future.key: run.key for future, run in zip(futures, missing)}
            completed = as_completed(futures, with_results=True, raise_errors=False)
            del futures  # a result is let go as soon as it was taken
            for batch in poll(completed):
                for future, result in batch:
                    run = open_runs[keys[future.key]]
                    outcome = judge(run, result)
                    del open_runs[run.key]
                    store.add(run, outcome, options)
                    if bar:
                        bar.add(outcome.status == task.FAILED)
                store.flush()
                if bar:
                    bar.update()
        except BaseException:
            hush()
            end(client, name)
            raise


@contextlib.contextmanager
def quiet_end():
    """Gives a function after which nothing is logged until all is closed: of a sweep that was interrupted, Dask tells
    what it could not finish."""
    before = logging.root.manager.disable
    try:
        yield lambda: logging.disable(logging.CRITICAL)
    finally:
        logging.disable(before)


def poll(completed):
    """Batches of what is done, also empty ones, so that an interrupt is seen at once."""
    while completed.count():
        batch = completed.next_batch(block=False)
        yield batch
        if not batch:
            time.sleep(TICK_S)


def judge(run, result):
    """The Outcome in what Dask gave for a run; a failed one where Dask gave up on it."""
    if isinstance(result, task.Outcome):
        return result
    error = result[1] if isinstance(result, tuple) else result
    if isinstance(error, concurrent.futures.CancelledError) or not isinstance(error, Exception):
        raise SweepError("the Dask cluster is gone; what was done is kept, the same command goes on")
    reason = f"{type(error).__name__}: {error}"
    if type(error).__name__ == "KilledWorker":
        reason = "every Dask worker that ran it died (out of memory?)"
    return task.Outcome(run.key, task.FAILED, 0.0, {}, reason)


def end(client, name):
    """Ends the sweep's simulations on all workers, as far as they still answer."""
    task.stop(name)  # those here, even if Dask is busy
    with contextlib.suppress(Exception):
        client.run(task.stop, name, nanny=False, on_error="ignore")


def wait_for_workers(client):
    while not client.scheduler_info()["workers"]:
        tell("waiting for a Dask worker ...")
        with contextlib.suppress(Exception):
            client.wait_for_workers(1, timeout=30)


@contextlib.contextmanager
def interruptible():
    """Has SIGTERM and SIGHUP interrupt as Ctrl-C does, where signals can be caught."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def make_progress(total):
    return Bar(total) if sys.stderr.isatty() else Lines(total)


class Bar:
    """One bar, on a terminal."""

    def __init__(self, total):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.failed = 0
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task("runs", total=total)

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *details):
        self.progress.stop()

    def add(self, failed):
        self.failed += failed
        text = f"runs ({self.failed} failed)" if self.failed else "runs"
        self.progress.update(self.task, advance=1, description=text)

    def update(self):
        pass  # rich draws by itself


class Lines:
    """A line every ten seconds, where there is no terminal."""

    def __init__(self, total):
        self.total, self.done, self.failed = total, 0, 0
        self.began = self.told = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *details):
        pass

    def add(self, failed):
        self.done += 1
        self.failed += failed

    def update(self):
        now = time.monotonic()
        if now - self.told >= 10:
            self.told = now
            failed = f", {self.failed} failed" if self.failed else ""
            print(f"{now - self.began:.0f} s: {self.done} of {self.total} runs{failed}", file=sys.stderr, flush=True)
