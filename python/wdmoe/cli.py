# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The command `wdmoe`. Heavy packages are imported only by what needs them: a start takes a fraction of a second."""

import argparse
import sys


# Commands that take their options as they are, and the modules whose main() they are.
COMMANDS = {"sweep": "sweep.command", "doctor": "doctor"}


def parse_positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


parse_positive.__name__ = "positive whole number"  # argparse names the type in its message


def join_prompt(arguments):
    """The arguments with "--prompt", "TEXT" as one: a text may begin with a dash, as no value of argparse's may."""
    joined = list(arguments)
    if joined[:1] == ["run"] and "--prompt" in joined[:-1]:
        at = joined.index("--prompt")
        if not joined[at + 1].startswith("--"):
            joined[at : at + 2] = [f"--prompt={joined[at + 1]}"]
    return joined


def build_parser():
    from wdmoe.scenarios import DEFAULT, DEFAULT_JOBS, NAMED, POLICIES, SETTINGS_FORM

    parser = argparse.ArgumentParser(
        prog="wdmoe",
        description="Wireless distributed mixture of experts, simulated packet by packet in ns-3.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the versions and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="run a scenario under several policies, print the comparison, draw it",
        description="Runs a scenario once for each policy, on the same drops, and compares them. Options not named "
        "here are the scenario's own, written --name=value, and are passed on to it. Without a scenario and --model: "
        f"{DEFAULT} with {' and then with '.join(DEFAULT_JOBS.values())}.",
        add_help=False,
        allow_abbrev=False,
    )
    run.add_argument("scenario", nargs="?", help=f"which scenario (default: {DEFAULT}; --list names them)")
    run.add_argument("-h", "--help", action="store_true", help="this, and the scenario's own options")
    run.add_argument("--list", action="store_true", help="name the scenarios and the policies")
    run.add_argument("--model", metavar="NAME|DIR", help="sizes or a real model in data/models, or a folder with one")
    run.add_argument("--prompt", metavar="TEXT|@FILE", help="what a real model continues (generate only)")
    run.add_argument(
        "--out", metavar="DIR", help="where results go (default: results/SCENARIO, with -RADIO; or results/default)"
    )
    run.add_argument(
        "--policy",
        metavar="A,B",
        help=f"policies, or all: {','.join(POLICIES)} (default: all, or the scenario's own choice); there are also "
        f"{', '.join(NAMED)}, and SELECTOR+ALLOCATOR by TypeId. Settings may follow each: {SETTINGS_FORM}",
    )
    run.add_argument("--radio", metavar="RADIO", help="what carries it, in place of the scenario's own: ideal, lte, ...")
    run.add_argument("--RngRun", metavar="R", type=parse_positive, default=1, help="run number (default: 1)")
    run.add_argument(
        "--runs",
        metavar="N",
        type=parse_positive,
        default=1,
        help="repeat with RngRun = R .. R+N-1 and compare the policies, paired by run",
    )
    run.add_argument(
        "--jobs",
        metavar="N",
        type=parse_positive,
        help="programs at a time (default: one for each core)",
    )
    build = commands.add_parser("build", help="build a program of your own, in C++, against the module and its ns-3")
    build.add_argument("sources", metavar="FILE.cc", nargs="+", help="its source files; one has a main()")
    build.add_argument("-o", dest="output", metavar="PROGRAM", help="the program (default: the first FILE)")
    evaluate = commands.add_parser(
        "evaluate",
        help="measure what a real model loses when expert calls are dropped, lost or coarsened",
        description="Asks a real model the evaluation items, under each lever in several positions; writes the table, "
        "prints it, and draws it beside it. Options not named here are the program's own, written --name=value.",
        add_help=False,
        allow_abbrev=False,
    )
    evaluate.add_argument("-h", "--help", action="store_true", help="this, and the program's own options")
    evaluate.add_argument("--model", metavar="DIR|NAME", help="folder of a checkpoint, or a name in data/models")
    evaluate.add_argument("--out", metavar="FILE.json", help="the table; the picture goes to FILE.png")
    evaluate.add_argument("--data", metavar="A,B", help="evaluation files, JSON Lines (default: data/evaluation)")
    evaluate.add_argument("--gates", metavar="FILE.csv", help="record the model's gates, for --gates of a scenario")
    evaluate.add_argument(
        "--similarity", metavar="FILE.json", help="measure how similar its experts are, for the policy sift"
    )
    report = commands.add_parser("report", help="one HTML page of results: table, pictures, manifest")
    report.add_argument("folder", metavar="DIR", help="results, as `wdmoe run --out DIR` leaves them")
    report.add_argument("-o", dest="output", metavar="FILE.html", help="the page (default: DIR/report.html)")
    trace = commands.add_parser("trace", help="a run as a trace to open in ui.perfetto.dev")
    trace.add_argument("folder", metavar="DIR", help="results, as `wdmoe run --out DIR` leaves them")
    trace.add_argument("-o", dest="output", metavar="FILE.json", help="the trace (default: DIR/trace.json)")
    trace.add_argument("--policy", metavar="A,B", help="only these (default: all)")
    trace.add_argument("--run", metavar="R", type=parse_positive, help="RngRun, of several (default: the first)")
    sweep = commands.add_parser(
        "sweep",
        help="run a scenario over a grid or a Latin hypercube of options, policies and seeds",
        description="Runs what is missing of the sweep that a TOML file describes, one simulation for each policy, "
        "point and seed, on this machine's cores or a Dask cluster; writes runs.parquet, summary.csv and pictures.",
        allow_abbrev=False,
    )
    sweep.add_argument("file", metavar="FILE.toml", help="what is swept")
    sweep.add_argument("--out", metavar="DIR", help="where results go, and earlier ones are (default: results/sweep-FILE)")
    sweep.add_argument("--jobs", metavar="N", type=parse_positive, help="simulations at a time (default: one for each core)")
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask cluster, tcp://HOST:PORT")
    sweep.add_argument("--retry-failed", action="store_true", help="run those again that failed")
    doctor = commands.add_parser(
        "doctor",
        help="say what is wrong with this installation, and how to mend it",
        description="Checks the compiler, headers, packages, libraries, data and the cache; exit status 1 where "
        "something is wrong.",
        allow_abbrev=False,
    )
    doctor.add_argument("--json", action="store_true", help="as JSON")
    commands.add_parser(
        "test", help="run the C++ and Python tests of the source checkout", add_help=False, allow_abbrev=False
    )
    return parser, run, evaluate


def print_versions():
    from importlib.metadata import version

    print(f"wdmoe {version('wdmoe')} (ns-3 {version('ns3')})")


def main(arguments=None):
    parser, run_parser, evaluate_parser = build_parser()
    options, others = parser.parse_known_args(join_prompt(sys.argv[1:] if arguments is None else arguments))
    if options.version:
        print_versions()
        return 0
    if options.command == "run":
        from wdmoe import run

        stray = [other for other in others if not other.startswith("--")]
        if stray:
            run_parser.error(f"'{stray[0]}' is not understood; a scenario's own options are written --name=value")
        return run.main(options, others, run_parser)
    if options.command == "build":
        from wdmoe.build import build

        if others:
            parser.error(f"'{others[0]}' is not understood; wdmoe build FILE.cc ... [-o PROGRAM]")
        return build(options.sources, options.output)
    if options.command == "evaluate":
        from wdmoe import evaluate

        stray = [other for other in others if not (other.startswith("--") and "=" in other)]
        if stray:
            evaluate_parser.error(f"'{stray[0]}' is not understood; the program's options are written --name=value")
        return evaluate.main(options, others, evaluate_parser)
    if options.command in ("report", "trace"):
        if others:
            parser.error(f"'{others[0]}' is not understood; `wdmoe {options.command} --help` says what is")
        if options.command == "report":
            from wdmoe import report

            return report.main(options.folder, options.output)
        from wdmoe import perfetto

        policies = options.policy.split(",") if options.policy else None
        return perfetto.main(options.folder, options.output, policies, options.run)
    if options.command in COMMANDS:
        import importlib

        if others:
            parser.error(f"'{others[0]}' is not understood; see wdmoe {options.command} --help")
        return importlib.import_module(f"wdmoe.{COMMANDS[options.command]}").main(options)
    if options.command == "test":
        from wdmoe import selftest

        return selftest.main(others)
    parser.print_help()
    return 0 if not others else 2


if __name__ == "__main__":
    sys.exit(main())
