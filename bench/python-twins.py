# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a Python twin costs beside its C++ example, after its start.

    WDMOE_BIN=build/dev/bin python bench/python-twins.py

One line for each example: wall and user CPU time of the C++ program, less that of its --PrintHelp, and of main() of its
twin, without the import of ns-3, which is given apart; medians over pairs of runs that follow each other, and the ratio.
Target: at most 1.1.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPARISON = ["--requests=2", "--policies=wdmoe"]
CASES = {
    "wdmoe-first": [],
    "wdmoe-ideal": ["--requests=4", "--blocks=8", "--policies=topk-equal,wdmoe"],
    "wdmoe-lte": COMPARISON,
    "wdmoe-wifi": ["--requests=1", "--blocks=2", "--policies=wdmoe"],
}

# Times main() of a twin; its module is imported as any other, and ns-3 with it.
TIMED = """
import contextlib, importlib.util, io, os, resource, sys, time
path, *options = sys.argv[1:]
def used():
    return time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
began = used()
from wdmoe import ns
spec = importlib.util.spec_from_file_location("twin", path)
twin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(twin)
ready = used()
status = twin.main([path, *options])
done = used()
print("@times", *(b - a for a, b in zip(began, ready)), *(b - a for a, b in zip(ready, done)), file=sys.stderr)
sys.exit(status)
"""


def run_cpp(program, options):
    """(wall, user CPU) after the start, which is what --PrintHelp takes."""
    whole, start = time_program(program, options), time_program(program, ["--PrintHelp"])
    return [a - b for a, b in zip(whole, start)]


def time_program(program, options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    began = time.perf_counter()
    subprocess.run([program, *options], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def run_python(path, options):
    """(wall and user CPU of the start, and of main())."""
    done = subprocess.run([sys.executable, "-c", TIMED, path, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{path} failed:\n{done.stderr}")
    line = next(line for line in done.stderr.splitlines() if line.startswith("@times"))
    return [float(word) for word in line.split()[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--case", choices=CASES, action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    programs = Path(os.environ.get("WDMOE_BIN") or sys.exit("WDMOE_BIN has to name the folder of the C++ examples"))
    warm_up = ["--requests=1", "--blocks=1", "--policies=wdmoe"]
    run_python(ROOT / "examples" / "wdmoe-ideal.py", warm_up)  # builds what is kept in the cache
    columns = ("C++ wall s", "twin wall s", "ratio", "C++ CPU s", "twin CPU s", "ratio", "import s")
    print(f"{'example':14}" + "".join(f"{column:>12}" for column in columns))
    worst = 0
    for name in options.case or CASES:
        pairs = [
            (run_cpp(programs / name, CASES[name]), run_python(ROOT / "examples" / f"{name}.py", CASES[name]))
            for _ in range(options.pairs)
        ]
        cpp_wall, cpp_cpu = (statistics.median(pair[0][i] for pair in pairs) for i in (0, 1))
        wall, cpu = (statistics.median(pair[1][i] for pair in pairs) for i in (2, 3))
        start = statistics.median(pair[1][0] for pair in pairs)
        ratios = [statistics.median(pair[1][2 + i] / pair[0][i] for pair in pairs) for i in (0, 1)]
        worst = max(worst, ratios[0])
        values = (cpp_wall, wall, ratios[0], cpp_cpu, cpu, ratios[1], start)
        print(f"{name:14}" + "".join(f"{value:12.3f}" for value in values), flush=True)
    print(f"largest ratio of wall time: {worst:.2f} (target: 1.10)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
