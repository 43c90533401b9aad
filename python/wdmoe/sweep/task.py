# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""One run of a sweep, as a Dask worker does it: the program in a process of its own, its summary as one flat row."""

import ctypes
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from wdmoe import results
from wdmoe.processes import explain
from wdmoe.scenarios import write_value
from wdmoe.sweep.program import Program, SweepError

# Of a failed run's output, what is kept: its beginning, where ns-3 says what it refused, and its end.
KEPT = 200_000

DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Run:
    """One simulation; all that decides its result."""

    key: str
    scenario: str
    revision: str
    options: tuple  # of (name, value): fixed ones, then the parameters
    policy: Optional[str]
    seed: int


@dataclass
class Outcome:
    """What became of a Run; it is all that travels back, so that the machines need no common file system."""

    key: str
    status: str
    wall_s: float
    metrics: dict
    reason: Optional[str] = None
    log: Optional[str] = None


# The live simulations of this process by sweep, and the sweeps that were stopped.
_live = {}
_stopped = set()
_lock = threading.Lock()
_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _die_with_worker():
    """In the child: a worker that is killed takes its simulation along."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stop(sweep):
    """Ends the sweep's simulations in this process, and lets no new one start."""
    with _lock:
        _stopped.add(sweep)
        for process in _live.get(sweep, ()):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def execute(run, sweep, folder):
    """The Outcome of a Run, whatever happens in it; `sweep` is what stop() is told, `folder` where it runs."""
    began = time.monotonic()
    try:
        program = Program(run.scenario)
        if program.revision != run.revision:
            raise SweepError(
                f"the program on {os.uname().nodename} is {program.revision}, the sweep's is {run.revision}: "
                "install the same version of wdmoe on all machines"
            )
    except SweepError as error:
        return Outcome(run.key, FAILED, 0.0, {}, str(error))
    with tempfile.TemporaryDirectory(prefix="wdmoe-run-", dir=scratch()) as scratch_folder:
        out = Path(scratch_folder, "out")
        command = [*program.command, f"--RngRun={run.seed}"]
        command += [f"--out={out}"] + ([f"--policies={run.policy}"] if run.policy else [])
        command += [f"--{name}={write_value(value)}" for name, value in run.options]
        status, printed = _run(command, sweep, folder, Path(scratch_folder, "output.log"))
        seconds = time.monotonic() - began
        log = f"$ {' '.join(command)}\n{printed}"
        if status:
            reason = explain(printed, program.name)
            ended = f"ended by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            return Outcome(run.key, FAILED, seconds, {}, reason or ended, log)
        try:
            return Outcome(run.key, DONE, seconds, read(out, run.policy, run.options))
        except results.BadResult as error:
            return Outcome(run.key, FAILED, seconds, {}, str(error), log)


def scratch():
    """Where temporary files go: a Dask worker's own folder, which is removed with it; else the system's."""
    from distributed import get_worker

    try:
        return get_worker().local_directory
    except ValueError:
        return None


def _run(command, sweep, folder, log):
    """(exit status, output) of a command."""
    with open(log, "wb") as file:
        with _lock:
            if sweep in _stopped:
                return -signal.SIGKILL, ""
            process = subprocess.Popen(
                command,
                cwd=folder if os.path.isdir(folder) else log.parent,  # another machine may not have it
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_worker,
            )
            _live.setdefault(sweep, set()).add(process)
        try:
            status = process.wait()
        finally:
            with _lock:
                _live[sweep].discard(process)
    printed = log.read_text(encoding="utf-8", errors="replace") if status or log.stat().st_size < KEPT else ""
    if len(printed) > KEPT:
        printed = f"{printed[: KEPT // 4]}\n... (cut) ...\n{printed[-KEPT * 3 // 4 :]}"
    return status, printed


def read(out, policy, options=()):
    """The metrics of the one policy in summary.json: {"block_latency_s.p50": ..., ...}.

    A BadResult also where the program took another value of a number in `options` than it was given: ns-3 reads 1.5 as
    1 where it wants a whole number.
    """
    try:
        summary = json.loads((out / results.SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise results.BadResult(f"it left no {results.SUMMARY} in the folder that --out names") from None
    except json.JSONDecodeError as error:
        raise results.BadResult(f"{results.SUMMARY}, line {error.lineno}: {error.msg}") from None
    manifest = summary.get("manifest", {})
    for name, value in options:
        took = manifest.get(name if "::" in name else f"option.{name}")
        if isinstance(value, float) and not value.is_integer() and re.fullmatch(r"-?\d+", took or ""):
            raise results.BadResult(f"--{name}={value} was taken as {took}: it is a whole number (integer = true)")
    entries = summary.get("policies", {})
    if policy is None and len(entries) == 1:
        (policy,) = entries
    if policy not in entries:
        raise results.BadResult(f"{results.SUMMARY} has no policy '{policy}', only: {', '.join(entries) or 'none'}")
    return flatten(entries[policy])


def flatten(entry, prefix=""):
    """Numbers in nested dictionaries by their path; lists by index; None is left out, as is text."""
    found = {}
    items = entry.items() if isinstance(entry, dict) else ((str(index), value) for index, value in enumerate(entry))
    for name, value in items:
        if isinstance(value, (dict, list)):
            found.update(flatten(value, f"{prefix}{name}."))
        elif isinstance(value, (int, float)):
            found[f"{prefix}{name}"] = float(value)
    return found
