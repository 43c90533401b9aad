# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs scenario programs in parallel, follows their progress, and ends them at once when interrupted."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

PROGRESS = re.compile(r"^@progress (\S+) ([0-9.eE+-]+)\s*$")

# Lines of a failed program's output that are shown.
HEAD_AND_TAIL = (4, 8)


@dataclass
class Job:
    """One program run: one policy, one RngRun."""

    policy: str
    rng_run: int
    command: list
    folder: Path
    fraction: float = 0.0
    seconds: float = 0.0
    status: Optional[int] = None
    head: list = field(default_factory=list)
    tail: deque = field(default_factory=lambda: deque(maxlen=HEAD_AND_TAIL[1]))

    @property
    def name(self):
        return f"{self.policy} (RngRun {self.rng_run})"

    @property
    def output(self):
        """How its output began (ns-3 names a wrong option there, above its help) and ended."""
        return "".join(self.head + ["...\n"] * (len(self.tail) == self.tail.maxlen) + list(self.tail))

    def read_log(self):
        """All that it printed, but its progress."""
        log = self.folder / "output.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    @property
    def failure(self):
        """Why it failed, for a person to read; None where it did not."""
        if self.status == 0:
            return None
        if self.status is None:
            return "was not run"
        if self.status < 0:
            return f"ended by {signal.Signals(-self.status).name}"
        return f"exit status {self.status}"


# How ns-3 ends a program (the time and node may stand before file=), how C++ does, and how Python does.
ABORTED = re.compile(r'msg="(.*?)", [^"\n]*file=[^\n]*, line=\d+', re.DOTALL)
# How the state begins that a gating server's watchdog adds to its message.
STATE = "\ngating server:\n"
THROWN = re.compile(r"^ *what\(\): *(.+)$", re.MULTILINE)
RAISED = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*([A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE
)
REFUSED = re.compile(r"^Invalid command-line argument: *((--)?([^=\n]*).*)$", re.MULTILINE)


def explain(output, scenario):
    """The one line of a failed program's output that says what was wrong; None where there is none."""
    refused = REFUSED.search(output)
    if refused:
        option, _, name = refused.groups()
        # ns-3 prints its help below, with all options there are.
        known = re.search(rf"^ +--{re.escape(name)}:", output, re.MULTILINE)
        wrong = f"malformed value in '{option}'" if known else f"unknown option or malformed value: '{option}'"
        return f"{wrong}; see ./wdmoe run {scenario} --help"
    found = ABORTED.search(output) or THROWN.search(output)
    if not found:
        found = next(reversed([*RAISED.finditer(output)]), None)  # the last of several is the one that came through
    if not found:
        return None
    # The state of all parts that a watchdog adds is not for one line: see details().
    return " ".join(found[1].partition(STATE)[0].replace('\\"', '"').replace("\\n", " ").split())


def details(output):
    """The state of all parts that a watchdog put below what was wrong; None where there is none."""
    found = ABORTED.search(output)
    _, heading, rest = found[1].partition(STATE) if found else ("", "", "")
    return (heading + rest).strip() or None


class Pool:
    """Runs jobs, a given number at a time."""

    def __init__(self, jobs, at_a_time):
        self.jobs = jobs
        self.at_a_time = at_a_time
        self.lock = threading.Lock()
        self.live = set()
        self.stopped = False

    def run(self):
        """Runs all jobs; returns when each has ended. KeyboardInterrupt ends them all first."""
        previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
        executor = ThreadPoolExecutor(self.at_a_time)
        try:
            waiting = {executor.submit(self.run_job, job) for job in self.jobs}
            with make_progress(self.jobs) as progress:
                while waiting:
                    done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                    progress.update()
                    for future in done:
                        future.result()
        except BaseException:
            self.stop()
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            for number, handler in previous.items():
                signal.signal(number, handler)

    def run_job(self, job):
        job.folder.mkdir(parents=True)
        began = time.monotonic()
        with open(job.folder / "output.log", "w", encoding="utf-8") as log:
            with self.lock:
                if self.stopped:
                    return
                # A session of its own: the terminal's interrupt comes to us alone, and we end the whole group.
                process = subprocess.Popen(
                    job.command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
                self.live.add(process)
            for line in process.stdout:
                match = PROGRESS.match(line)
                if match:
                    job.fraction = min(1.0, float(match[2]))
                else:
                    log.write(line)
                    (job.head if len(job.head) < HEAD_AND_TAIL[0] else job.tail).append(line)
            status = process.wait()
            with self.lock:
                self.live.discard(process)
        job.seconds = time.monotonic() - began
        if status == 0:
            job.fraction = 1.0
        job.status = status

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.live:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def interrupt(number, frame):
    raise KeyboardInterrupt


def make_progress(jobs):
    return Bars(jobs) if sys.stderr.isatty() else Lines(jobs)


def fractions(jobs):
    """Policy -> mean fraction of its jobs that is done."""
    found = {}
    for job in jobs:
        found.setdefault(job.policy, []).append(job.fraction if job.status is None else 1.0)
    return {policy: sum(values) / len(values) for policy, values in found.items()}


class Bars:
    """One bar for each policy, on a terminal."""

    def __init__(self, jobs):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self.jobs = jobs
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.tasks = {policy: self.progress.add_task(policy, total=1.0) for policy in fractions(jobs)}

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *details):
        self.progress.stop()

    def update(self):
        for policy, fraction in fractions(self.jobs).items():
            self.progress.update(self.tasks[policy], completed=fraction)


class Lines:
    """A line every ten seconds, where there is no terminal."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.began = self.told = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *details):
        pass

    def update(self):
        now = time.monotonic()
        if now - self.told >= 10:
            self.told = now
            state = ", ".join(f"{policy} {fraction:.0%}" for policy, fraction in fractions(self.jobs).items())
            print(f"{now - self.began:.0f} s: {state}", file=sys.stderr, flush=True)
