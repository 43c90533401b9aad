# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a Python twin costs beside its C++ example, after its start.

    WDMOE_BIN=build/dev/bin python bench/python-twins.py

One line for each example: seconds of the C++ program, less those of its --PrintHelp, and of main() of its twin, without
the import of ns-3, which is given apart. main() is called twice: the first time, cppyy compiles a call of each C++
function that it meets (some 30 ms each), which does not depend on how much is simulated; the second time is the
simulation alone. Medians over pairs of runs that follow each other. Target of the ratio: at most 1.1.
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
CASES = {
    "wdmoe-first": [],
    "wdmoe-ideal": ["--requests=4", "--policies=topk-equal,wdmoe"],
    "wdmoe-lte": ["--requests=1", "--policies=wdmoe"],
    "wdmoe-wifi": ["--requests=1", "--policies=wdmoe"],
}

# Times main() of a twin; its module is imported as any other, and ns-3 with it.
TIMED = """
import importlib.util, resource, sys, time
path, *options = sys.argv[1:]
def used():
    return time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
began = used()
from wdmoe import ns
spec = importlib.util.spec_from_file_location("twin", path)
twin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(twin)
ready = used()
times = [began, ready]
for _ in range(2):
    if twin.main([path, *options]) != 0:
        sys.exit(1)
    times.append(used())
for clock in (0, 1):
    print("@times", *(b[clock] - a[clock] for a, b in zip(times, times[1:])), file=sys.stderr)
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
    """[(import, main(), main() again) by the wall, the same by user CPU]."""
    done = subprocess.run([sys.executable, "-c", TIMED, path, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{path} failed:\n{done.stderr}")
    lines = [line for line in done.stderr.splitlines() if line.startswith("@times")]
    return [[float(word) for word in line.split()[1:]] for line in lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2, help="runs of each (default: 2)")
    parser.add_argument("--case", choices=CASES, action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    programs = Path(os.environ.get("WDMOE_BIN") or sys.exit("WDMOE_BIN has to name the folder of the C++ examples"))
    warm_up = ["--requests=1", "--blocks=1", "--policies=wdmoe"]
    run_python(ROOT / "examples" / "wdmoe-ideal.py", warm_up)  # builds what is kept in the cache
    columns = ("import", "C++", "twin", "again", "ratio", "again")
    print(f"{'example':14}{'clock':>7}" + "".join(f"{column:>9}" for column in columns))
    for name in options.case or CASES:
        pairs = [
            (run_cpp(programs / name, CASES[name]), run_python(ROOT / "examples" / f"{name}.py", CASES[name]))
            for _ in range(options.pairs)
        ]
        for clock, kind in enumerate(("wall", "CPU")):
            rows = [(cpp[clock], *python[clock]) for cpp, python in pairs]
            cpp, start, first, again = (statistics.median(column) for column in zip(*rows))
            ratios = (statistics.median(row[i] / row[0] for row in rows) for i in (2, 3))
            values = (start, cpp, first, again, *ratios)
            print(f"{name:14}{kind:>7}" + "".join(f"{value:9.2f}" for value in values), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
