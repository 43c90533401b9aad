# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run`: one program for each policy and run, their results united, compared, drawn."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from wdmoe import results, scenarios
from wdmoe.processes import Job, Pool, explain


def fail(text, status):
    print(f"wdmoe run: {text}", file=sys.stderr)
    return status


# Options of the programs that this command sets itself.
OWN = re.compile(r" *--(policies|progress|out):")


def choose_policies(text):
    """The policies that --policy names, each once; all of them where it is absent."""
    names = [name.strip() for name in ("all" if text is None else text).split(",")]
    chosen = [policy for name in names for policy in (scenarios.POLICIES if name == "all" else (name,))]
    return list(dict.fromkeys(filter(None, chosen)))


def main(options, others, parser):
    programs = scenarios.find_programs()
    name = options.scenario or options.radio or scenarios.DEFAULT
    if options.list:
        print_list(programs)
        return 0
    if options.help and not options.scenario:
        parser.print_help()
        print("\n`wdmoe run SCENARIO --help` shows a scenario's own options as well.")
        return 0
    if name not in programs:
        return fail(f"unknown scenario '{name}'; there are: {', '.join(programs) or 'none installed'}", 2)
    if options.radio and options.radio != name:
        return fail(f"the scenario '{name}' has its own radio; --radio selects one of: {', '.join(programs)}", 2)
    if options.help:
        parser.print_help()
        print(f"\n== The options of the scenario '{name}'\n", flush=True)
        shown = subprocess.run([programs[name], "--PrintHelp"], stdout=subprocess.PIPE, text=True, check=False).stdout
        print("\n".join(line for line in shown.splitlines() if not OWN.match(line)))
        return 0
    known = ", ".join(scenarios.POLICIES)
    policies = choose_policies(options.policy)
    if not policies:
        return fail(f"--policy names none; there are: all, {known}, or SELECTOR+ALLOCATOR by TypeId", 2)
    for policy in policies:
        # SELECTOR+ALLOCATOR, two TypeIds, is for the program to judge.
        if policy not in scenarios.POLICIES and "+" not in policy:
            return fail(f"unknown policy '{policy}'; there are: all, {known}, or SELECTOR+ALLOCATOR by TypeId", 2)
    for other in others:
        if other.split("=")[0] in ("--policies", "--progress"):
            return fail(f"'{other}' is set by this command; use --policy to choose policies", 2)

    if any(other.startswith("--Print") for other in others):  # ns-3's own, as --PrintAttributes=TYPEID
        return subprocess.run([programs[name], *others], check=False).returncode

    out = Path(options.out or Path("results") / name)
    try:
        return simulate(programs[name], name, policies, others, out, options)
    except KeyboardInterrupt:
        return fail("interrupted; every simulation was ended", 130)
    except OSError as error:
        return fail(f"{error.strerror}: {error.filename}", 1)


def print_list(programs):
    print("scenarios:")
    for name in programs:
        default = " (default)" if name == scenarios.DEFAULT else ""
        print(f"  {name:16} {scenarios.SCENARIOS[name]}{default}")
    print("policies:")
    for policy in scenarios.POLICIES:
        print(f"  {policy}")


def simulate(program, name, policies, others, out, options):
    """Runs everything; returns the exit status. Earlier results in `out` stay until there are new ones."""
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    with Lock(out) as locked:
        if not locked:
            return fail(f"another run is writing into {out}; wait for it, or choose another folder with --out", 1)
        # Inside `out`, which may be a mount point: so the files can be moved at once.
        partial = out / PARTIAL
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
        try:
            return simulate_into(partial, program, name, policies, others, out, options)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if made:
                locked.remove()
                remove_empty(out)


def simulate_into(partial, program, name, policies, others, out, options):
    rng_runs = range(options.RngRun, options.RngRun + options.runs)
    folders = {rng_run: partial / f"run-{rng_run}" if options.runs > 1 else partial for rng_run in rng_runs}
    jobs = []
    for rng_run, folder in folders.items():
        for number, policy in enumerate(policies):
            part = folder / PARTS / str(number)
            command = [str(program), f"--out={part}", f"--policies={policy}", f"--RngRun={rng_run}", "--progress=1"]
            jobs.append(Job(policy, rng_run, command + others, part))
    Pool(jobs, min(options.jobs, len(jobs))).run()
    failures = tell_failures(jobs, name)
    united = {}
    for rng_run, folder in folders.items():
        summary, wrong = collect([job for job in jobs if job.rng_run == rng_run], folder)
        failures += wrong
        if summary:
            united[rng_run] = summary
    keep_notes(jobs, partial)
    if not united:
        os.replace(partial / LOG, out / FAILED_LOG)
        kept = f"; the earlier results in {out} are kept" if (out / TIMING).exists() else ""
        return fail(f"nothing was simulated; all output: {out / FAILED_LOG}{kept}", 1)
    present(united, partial, out)
    return 1 if failures else 0


PARTIAL = ".wdmoe-partial"
PARTS = "parts"
LOG = "run.log"
FAILED_LOG = "failed-run.log"
TIMING = "timing.json"

# Everything this command writes, and nothing else is ever removed.
WRITTEN = (
    results.SUMMARY,
    *results.TABLES,
    "comparison.json",
    "comparison.csv",
    "latency-by-policy.png",
    "shares-and-loads.png",
    LOG,
    FAILED_LOG,
    TIMING,
)


class Lock:
    """Holds a folder for this process; false where another process holds it."""

    def __init__(self, folder):
        self.path = folder / ".wdmoe-lock"
        self.file = None

    def __enter__(self):
        self.file = open(self.path, "a", encoding="utf-8")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.close()
            self.file = None
        # Whoever had it may have removed it in between.
        if self.file and not (self.path.exists() and os.path.samestat(os.fstat(self.file.fileno()), self.path.stat())):
            self.file.close()
            return self.__enter__()
        return self

    def __bool__(self):
        return self.file is not None

    def remove(self):
        self.path.unlink(missing_ok=True)

    def __exit__(self, *details):
        if self.file:
            self.remove()
            self.file.close()


def remove_empty(folder):
    try:
        folder.rmdir()
    except OSError:
        pass  # something else is in it


def clear(out):
    """Removes what an earlier run wrote into `out`: its files, and its folders run-R as far as they were its own."""
    try:
        times = json.loads((out / TIMING).read_text(encoding="utf-8"))
        rng_runs = {int(job["RngRun"]) for job in times}
    except (OSError, ValueError, TypeError, KeyError):
        return  # not a folder of ours
    folders = [out / f"run-{rng_run}" for rng_run in rng_runs] if len(rng_runs) > 1 else []
    for folder in (*folders, out):
        for name in WRITTEN:
            (folder / name).unlink(missing_ok=True)
    for folder in folders:
        remove_empty(folder)


def swap_in(partial, out):
    """New results take the place of the earlier ones."""
    clear(out)
    (out / FAILED_LOG).unlink(missing_ok=True)
    for path in sorted(partial.rglob("*")):
        if path.is_file() and PARTS not in path.relative_to(partial).parts:
            target = out / path.relative_to(partial)
            target.parent.mkdir(exist_ok=True)
            os.replace(path, target)


def tell_failures(jobs, scenario):
    """Prints why jobs failed, once for all that failed alike; returns how many failed."""
    alike = {}
    for job in jobs:
        if job.failure:
            reason = explain(job.read_log(), scenario)
            alike.setdefault((reason, None, None) if reason else (None, job.failure, job.output), []).append(job)
    for (reason, failure, output), group in alike.items():
        names = "" if len(group) == len(jobs) > 1 and reason else ", ".join(job.name for job in group) + ": "
        print(f"wdmoe run: {names}{reason or failure}", file=sys.stderr)
        if output:
            print("".join(f"  | {line}\n" for line in output.splitlines()), end="", file=sys.stderr)
    return sum(map(len, alike.values()))


def collect(jobs, folder):
    """Unites the parts of one run; (summary or None, number of parts that were not what they should be)."""
    parts, summaries, wrong = {}, {}, 0
    for job in jobs:
        if job.failure:
            continue
        try:
            summaries[job.policy] = results.read_part(job.folder, job.policy)
            parts[job.policy] = job.folder
        except results.BadResult as error:
            print(f"wdmoe run: {error} (RngRun {job.rng_run})", file=sys.stderr)
            wrong += 1
    if not parts:
        return None, wrong
    # The programs know the revision they were configured at; the checkout may have been committed since.
    revision = scenarios.revision(os.environ.get("WDMOE_CHECKOUT"))
    known = {"wdmoe_git_revision": revision} if revision else {}
    try:
        return results.merge(parts, summaries, folder, known), wrong
    except results.BadResult as error:
        print(f"wdmoe run: {error} (RngRun {jobs[0].rng_run})", file=sys.stderr)
        return None, wrong + 1


def keep_notes(jobs, out):
    """The programs' output and wall times, apart from the results, which are the same on every machine."""
    with open(out / LOG, "w", encoding="utf-8") as log:
        for job in jobs:
            log.write(f"== {job.name}: {job.failure or 'done'}, {job.seconds:.2f} s\n$ {' '.join(job.command)}\n")
            log.write(job.read_log())
    times = [{"policy": job.policy, "RngRun": job.rng_run, "wall_s": round(job.seconds, 3)} for job in jobs]
    results.write_json(out / TIMING, times)


def present(united, partial, out):
    """Table and pictures of one run, or the comparison over several; then all goes to `out`."""
    from wdmoe import table

    if len(united) > 1:
        from wdmoe import comparison

        rows = comparison.compare(united)
        comparison.write(rows, united, partial)
        table.print_comparison(rows, united)
    else:
        from wdmoe import plots

        (summary,) = united.values()
        table.print_summary(summary)
        folder = partial
        if not (partial / results.SUMMARY).exists():  # one of several runs that succeeded
            folder = partial / f"run-{next(iter(united))}"
        plots.draw(summary, folder)
    swap_in(partial, out)
    print(f"results: {out}")
