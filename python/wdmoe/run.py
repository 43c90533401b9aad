# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run`: one program for each policy and run, their results united, compared, drawn; or a text generated."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from wdmoe import results, scenarios
from wdmoe.processes import Job, Pool, details, explain, interrupt


def fail(text, status):
    print(f"wdmoe run: {text}", file=sys.stderr)
    return status


# Options of the programs that this command sets itself.
OWN = re.compile(r" *--(policies|progress|out|model):")


def choose_policies(text, scenario=None):
    """The policies that --policy names, each once; the scenario's own where it is absent."""
    if text is None:
        return list(scenarios.default_policies(scenario))
    names = [name.strip() for name in text.split(",")]
    chosen = [policy for name in names for policy in (scenarios.POLICIES if name == "all" else (name,))]
    return list(dict.fromkeys(filter(None, chosen)))


def main(options, others, parser):
    name = options.scenario or scenarios.DEFAULT
    if options.list:
        print_list(scenarios.find_programs())
        return 0
    if options.help and not options.scenario:
        parser.print_help()
        print("\n`wdmoe run SCENARIO --help` shows a scenario's own options as well.")
        return 0
    try:
        command = scenarios.command_line(name)
        own = scenarios.script_options(name) if scenarios.is_script(name) else {}
    except scenarios.BadScenario as error:
        return fail(error, 2)
    if name == scenarios.GENERATE and options.scenario:
        return generate(command, others, options)
    if options.prompt is not None:
        return fail(f"--prompt is for: wdmoe run {scenarios.GENERATE}", 2)
    if options.help:
        parser.print_help()
        print(f"\n== The options of the scenario '{name}'\n", flush=True)
        shown = subprocess.run([*command, "--PrintHelp"], stdout=subprocess.PIPE, text=True, check=False).stdout
        print("\n".join(line for line in shown.splitlines() if not OWN.match(line)))
        return 0
    policies = choose_policies(own.get("policies") if options.policy is None else options.policy, name)
    wrong = judge_policies(policies, name)
    if wrong:
        return fail(wrong, 2)
    for other in others:
        if other.split("=")[0] in ("--policies", "--progress"):
            return fail(f"'{other}' is set by this command; use --policy to choose policies", 2)

    if any(other.startswith("--Print") for other in others):  # ns-3's own, as --PrintAttributes=TYPEID
        return subprocess.run([*command, *others], check=False).returncode

    default = not options.scenario
    folder = scenarios.folder_name(scenarios.DEFAULT_FOLDER if default else name, options.radio)
    # which radios there are is for the program to say: others may have been registered in it
    if options.radio is not None:
        others += [f"--radio={options.radio}"]
    out = Path(options.out or Path("results") / folder)
    try:
        if default and options.model is None:
            return simulate_default(command, name, policies, others, out, options)
        others += [f"--model={options.model}"] if options.model is not None else []
        return simulate(command, name, policies, others, out, options)
    except KeyboardInterrupt:
        return fail("interrupted; every simulation was ended", 130)
    except OSError as error:
        return fail(f"{error.strerror}: {error.filename}", 1)


def judge_policies(policies, scenario=""):
    """What is wrong with these policies; None where nothing is."""
    if not policies:
        return f"--policy names none; {scenarios.known_policies()}"
    return next(filter(None, (scenarios.judge_policy(policy, scenario) for policy in policies)), None)


def simulate_default(command, name, policies, others, out, options):
    """One job for each of the default models, one after the other; a failed one does not keep the next from running."""
    made = not out.exists()
    statuses = []
    for job, model in scenarios.DEFAULT_JOBS.items():
        air = scenarios.name_air(name, options.radio)
        print("\n" if statuses else "", f"== {job}: {model} over {air}", sep="", flush=True)
        try:
            statuses.append(simulate(command, name, policies, [*others, f"--model={model}"], out / job, options))
        except OSError as error:
            statuses.append(fail(f"{error.strerror}: {error.filename}", 1))
    if made:
        remove_empty(out)
    return max(statuses)


def generate(command, others, options):
    """Runs the command that generates text; it prints all of it itself."""
    if options.help:
        print("usage: wdmoe run generate --prompt TEXT|@FILE [--model NAME|DIR] [--radio RADIO] [--policy NAME] ...\n")
        print("A real model continues a text; its experts run on the devices. The program's own options:\n", flush=True)
        return subprocess.run([*command, "--PrintHelp"], check=False).returncode
    if any(other.startswith("--Print") for other in others):  # ns-3's own, as --PrintAttributes=TYPEID
        return subprocess.run([*command, *others], check=False).returncode
    for option, given in (("--runs", options.runs > 1), ("--jobs", options.jobs)):
        if given:
            return fail(f"{option} makes no sense for '{scenarios.GENERATE}', which is one simulation", 2)
    policies = choose_policies(options.policy) if options.policy is not None else []
    wrong = judge_policies(policies) if options.policy is not None else None
    if wrong or len(policies) > 1:
        return fail(wrong or f"'{scenarios.GENERATE}' runs one policy, --policy names {len(policies)}", 2)
    given = {name: getattr(options, name) for name in ("prompt", "model", "radio", "out", "RngRun")}
    given["policy"] = policies[0] if policies else None
    line = [*command, *(f"--{name}={value}" for name, value in given.items() if value is not None)]
    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        sys.stdout.flush()
        done = subprocess.run(line + others, check=False, stderr=subprocess.PIPE, text=True, errors="replace")
    except KeyboardInterrupt:
        return fail("interrupted; the simulation was ended", 130)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    status = done.returncode
    if status == 0:
        sys.stderr.write(done.stderr)
        return 0
    reason = explain(done.stderr, scenarios.GENERATE)
    if not reason:
        sys.stderr.write(done.stderr)
        reason = f"ended by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        reason = f"{Path(command[-1]).name}: {reason}"
    return fail(reason, 128 - status if status < 0 else status)


def print_list(programs):
    print("scenarios:")
    for name in programs:
        models = " and then ".join(scenarios.DEFAULT_JOBS.values())
        default = f" (default: with {models})" if name == scenarios.DEFAULT else ""
        print(f"  {name:16} {scenarios.SCENARIOS[name]}{default}")
    print("Each runs over any radio: --radio=RADIO --bandwidth=MHz; `wdmoe run SCENARIO --help` names the radios.")
    print("policies:")
    for policy in scenarios.POLICIES:
        print(f"  {policy}")
    for policy in scenarios.NAMED:
        whose = [scenario for scenario in programs if policy in scenarios.default_policies(scenario)]
        where = f" or the scenario is {', '.join(whose)}" if whose else ""
        print(f"  {policy:24} (only where --policy names it{where})")
    print(f"A policy may carry settings: POLICY{scenarios.SETTINGS_FORM};")
    print("for example scheduled:controller.EarlyGrants=false:server.MaxInFlight=1")


def simulate(command, name, policies, others, out, options):
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
            return simulate_into(partial, command, name, policies, others, out, options)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if made:
                locked.remove()
                remove_empty(out)


def simulate_into(partial, command, name, policies, others, out, options):
    rng_runs = range(options.RngRun, options.RngRun + options.runs)
    folders = {rng_run: partial / f"run-{rng_run}" if options.runs > 1 else partial for rng_run in rng_runs}
    jobs = []
    for rng_run, folder in folders.items():
        for number, policy in enumerate(policies):
            part = folder / PARTS / str(number)
            own = [f"--out={part}", f"--policies={policy}", f"--RngRun={rng_run}", "--progress=1"]
            jobs.append(Job(policy, rng_run, [*command, *own, *others], part))
    try:
        Pool(jobs, min(options.jobs or len(os.sched_getaffinity(0)), len(jobs))).run()
    except KeyboardInterrupt:
        keep_ended(jobs, folders, partial, out)
        raise
    failures = tell_failures(jobs, name)
    keep_stuck(jobs, out)
    united = {}
    for rng_run, folder in folders.items():
        summary, wrong = collect([job for job in jobs if job.rng_run == rng_run], folder)
        failures += wrong
        if summary:
            united[rng_run] = summary
    keep_notes(jobs, partial)
    if united:
        tell_notes(jobs)
    if not united:
        os.replace(partial / LOG, out / FAILED_LOG)
        kept = f"; the earlier results in {out} are kept" if (out / TIMING).exists() else ""
        return fail(f"nothing was simulated; all output: {out / FAILED_LOG}{kept}", 1)
    return 1 if not present(united, partial, out) or failures else 0


PARTIAL = ".wdmoe-partial"
PARTS = "parts"
LOG = "run.log"
FAILED_LOG = "failed-run.log"
INTERRUPTED = "interrupted"
STUCK = "stuck"
STUCK_STATE = "stuck.txt"
TIMING = "timing.json"

# What --pcap, --flowMonitor and --netAnim of a scenario leave there, and what these files are.
PACKETS = "packets"
PACKET_FILES = ("*.pcap", "*-flows.xml", "*-animation.xml")

# Everything this command writes, and nothing else is ever removed; so are PACKET_FILES in PACKETS.
WRITTEN = (
    results.SUMMARY,
    *results.TABLES,
    results.SCHEDULE,
    results.EXPERTS,
    *(f"{Path(table).stem}.parquet" for table in (*results.TABLES, results.SCHEDULE, results.EXPERTS)),
    "report.html",  # of `wdmoe report` and `wdmoe trace`: of results that are no more
    "trace.json",
    "comparison.json",
    "comparison.csv",
    "latency-by-policy.png",
    "shares-and-loads.png",
    "latency-vs-energy.png",
    "latency-vs-quality.png",
    "schedule.png",
    "schedule-decode.png",
    "schedule-vs-stock.png",
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
        for path in find_packets(folder):
            path.unlink()
        remove_empty(folder / PACKETS)
    for folder in folders:
        remove_empty(folder)


def find_packets(folder):
    return [path for pattern in PACKET_FILES for path in (folder / PACKETS).glob(pattern)]


def unite_packets(parts, folder):
    """Files of packets name their policy, so those of all `parts` can lie together."""
    for part in parts:
        for path in find_packets(part):
            (folder / PACKETS).mkdir(exist_ok=True)
            os.replace(path, folder / PACKETS / path.name)


def keep_ended(jobs, folders, partial, out):
    """Of a comparison that was interrupted: the results of the simulations that had ended, in a folder beside earlier ones."""
    ended = [job for job in jobs if job.status == 0]
    for rng_run, folder in folders.items():
        collect([job for job in ended if job.rng_run == rng_run], folder)
    keep_notes(ended, partial)
    for parts in [*partial.rglob(PARTS)]:
        shutil.rmtree(parts)
    shutil.rmtree(out / INTERRUPTED, ignore_errors=True)
    if ended:
        os.replace(partial, out / INTERRUPTED)
        print(f"wdmoe run: {len(ended)} of {len(jobs)} simulations had ended: {out / INTERRUPTED}", file=sys.stderr)


def keep_stuck(jobs, out):
    """Of simulations that a watchdog ended: what there was of their results, with the state they were in."""
    shutil.rmtree(out / STUCK, ignore_errors=True)
    for job in jobs:
        if job.failure and (job.folder / STUCK_STATE).exists():
            name = re.sub(r"[^\w.+-]+", "-", job.policy)
            target = out / STUCK / f"{name}-run-{job.rng_run}"
            shutil.copytree(job.folder, target, dirs_exist_ok=True)
            print(f"wdmoe run: {job.name}: results up to there and the state: {target}", file=sys.stderr)


def swap_in(partial, out):
    """New results take the place of the earlier ones."""
    clear(out)
    shutil.rmtree(out / INTERRUPTED, ignore_errors=True)
    (out / FAILED_LOG).unlink(missing_ok=True)
    for path in sorted(partial.rglob("*")):
        if path.is_file() and PARTS not in path.relative_to(partial).parts:
            target = out / path.relative_to(partial)
            target.parent.mkdir(parents=True, exist_ok=True)
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
        log = group[0].read_log()
        output = find_traceback(log) or details(log) or output
        if output:
            print("".join(f"  | {line}\n" for line in output.splitlines()), end="", file=sys.stderr)
    return sum(map(len, alike.values()))


def find_traceback(log):
    """The last traceback of a Python script in what it printed; None where there is none."""
    _, begin, rest = log.rpartition("Traceback (most recent call last):\n")
    return begin + rest if begin else None


# What a part of a program has to say, once, while all goes on: "WdmoeX: ...", "policy 'X': ...".
NOTE = re.compile(r"^(?:(?:ns3::)?Wdmoe\w+|policy '[^']*'): .+$", re.MULTILINE)


def tell_notes(jobs):
    """Prints what the simulations said beside their tables, once for all that said the same."""
    alike = {}
    for job in jobs:
        if not job.failure:
            for note in NOTE.findall(job.read_log()):
                alike.setdefault(note, []).append(job)
    for note, group in alike.items():
        names = "" if len(group) >= len(jobs) or note.startswith("policy") else f"{group[0].name}: "
        print(f"wdmoe run: note: {names}{note}", file=sys.stderr)


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
        united = results.merge(parts, summaries, folder, known)
        unite_packets(parts.values(), folder)
        return united, wrong
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
    """Table and pictures of one run, or the comparison over several; then all goes to `out`.

    False where a table was not what it should be, so that pictures are missing.
    """
    import matplotlib

    from wdmoe import table

    matplotlib.use("Agg")
    folders = [partial / f"run-{rng_run}" for rng_run in united]
    if (partial / results.SUMMARY).exists():
        folders = [partial]
    good = True
    real = any(map(results.capabilities, united.values()))
    correlations = results.rank_correlations(folders) if real else []
    if len(united) > 1:
        from wdmoe import comparison

        rows = comparison.compare(united)
        comparison.write(rows, united, correlations, partial)
        table.print_comparison(rows, united, correlations)
        folder = partial
    else:
        from wdmoe import plots

        (summary,) = united.values()
        (folder,) = folders  # run-R where it is the one of several runs that succeeded
        table.print_summary(summary, correlations)
        try:
            plots.draw(summary, folder)
        except results.BadResult as error:
            print(f"wdmoe run: {error}; so pictures are missing", file=sys.stderr)
            good = False
    from wdmoe import plots

    good = good and write_parquet(folders)
    plots.draw_energy(united, folder)
    if real:
        plots.draw_quality(united, folder)
    swap_in(partial, out)
    print(f"results: {out}")
    return good


def write_parquet(folders):
    """The tables once more, as Parquet. False where one was not what it should be."""
    from wdmoe import frames

    good = True
    for folder in folders:
        try:
            frames.write_parquet(folder)
        except ValueError as error:
            print(f"wdmoe run: {error}; so Parquet files are missing", file=sys.stderr)
            good = False
    return good
