# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run`: one program for each policy and run, their results united, compared, drawn."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from wdmoe import results, scenarios
from wdmoe.processes import Job, Pool


def fail(text, status):
    print(f"wdmoe run: {text}", file=sys.stderr)
    return status


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
        subprocess.run([programs[name], "--PrintHelp"], check=False)
        return 0
    policies = options.policy.split(",") if options.policy else list(scenarios.POLICIES)
    for policy in policies:
        # SELECTOR+ALLOCATOR, two TypeIds, is for the program to judge.
        if policy not in scenarios.POLICIES and "+" not in policy:
            known = ", ".join(scenarios.POLICIES)
            return fail(f"unknown policy '{policy}'; there are: {known}, or SELECTOR+ALLOCATOR by TypeId", 2)
    policies = list(dict.fromkeys(policies))
    for other in others:
        if other.split("=")[0] in ("--policies", "--progress"):
            return fail(f"'{other}' is set by this command; use --policy to choose policies", 2)

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
    """Runs everything; returns the exit status."""
    out.mkdir(parents=True, exist_ok=True)
    rng_runs = range(options.RngRun, options.RngRun + options.runs)
    folders = {rng_run: out / f"run-{rng_run}" if options.runs > 1 else out for rng_run in rng_runs}
    for folder in folders.values():
        clear(folder)
    clear(out)
    jobs = []
    for rng_run, folder in folders.items():
        for policy in policies:
            part = folder / "parts" / policy
            command = [str(program), f"--out={part}", f"--policies={policy}", f"--RngRun={rng_run}", "--progress=1"]
            jobs.append(Job(policy, rng_run, command + others, part))
    try:
        Pool(jobs, min(options.jobs, len(jobs))).run()
        failures = tell_failures(jobs)
        united = {}
        for rng_run, folder in folders.items():
            summary, wrong = collect([job for job in jobs if job.rng_run == rng_run], folder)
            failures += wrong
            if summary:
                united[rng_run] = summary
        keep_notes(jobs, out)
    finally:
        for folder in folders.values():
            shutil.rmtree(folder / "parts", ignore_errors=True)
    if united:
        present(united, out)
    return 1 if failures else 0


# Everything this command writes, cleared beforehand so that nothing of an earlier run passes for this one's.
WRITTEN = (
    results.SUMMARY,
    *results.TABLES,
    "comparison.json",
    "comparison.csv",
    "latency-by-policy.png",
    "shares-and-loads.png",
    "run.log",
    "timing.json",
)


def clear(folder):
    for name in WRITTEN:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "parts", ignore_errors=True)


def tell_failures(jobs):
    """Prints why jobs failed, with their output, once for all that failed alike; returns how many failed."""
    alike = {}
    for job in jobs:
        if job.failure:
            alike.setdefault((job.failure, job.output), []).append(job)
    for (failure, output), group in alike.items():
        print(f"wdmoe run: {', '.join(job.name for job in group)}: {failure}", file=sys.stderr)
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
    with open(out / "run.log", "w", encoding="utf-8") as log:
        for job in jobs:
            log.write(f"== {job.name}: {job.failure or 'done'}, {job.seconds:.2f} s\n$ {' '.join(job.command)}\n")
            output = job.folder / "output.log"
            if output.exists():
                log.write(output.read_text(encoding="utf-8", errors="replace"))
    times = [{"policy": job.policy, "RngRun": job.rng_run, "wall_s": round(job.seconds, 3)} for job in jobs]
    results.write_json(out / "timing.json", times)


def present(united, out):
    """Table and pictures of one run, or the comparison over several."""
    from wdmoe import table

    if len(united) > 1:
        from wdmoe import comparison

        rows = comparison.compare(united)
        comparison.write(rows, united, out)
        table.print_comparison(rows, len(united))
    else:
        from wdmoe import plots

        (summary,) = united.values()
        table.print_summary(summary)
        folder = out
        if not (out / results.SUMMARY).exists():  # one of several runs that succeeded
            folder = out / f"run-{next(iter(united))}"
        plots.draw(summary, folder)
    print(f"results: {out}")
