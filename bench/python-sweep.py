# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Sweeps on Dask: how much of two workers they use, and what a killed worker costs.

    python bench/python-sweep.py efficiency [--runs=80] [--workers=2]
    python bench/python-sweep.py killed [--runs=200]

`efficiency`: runs of equal options and seeds; the sum of their own times over (workers x wall), and the same over the
sweep's whole process, imports and summary included. `killed`: a scheduler and two workers as a cluster has them; one
worker is killed (SIGKILL) in the middle; exit status 1 unless every row is there, once.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def start(*command):
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextlib.contextmanager
def cluster(workers):
    """(address, processes of the workers) of a Dask cluster in processes of its own."""
    processes = []
    with tempfile.TemporaryDirectory(prefix="wdmoe-cluster-") as folder:
        file = Path(folder, "scheduler.json")
        try:
            processes.append(
                start("scheduler", "--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={file}")
            )
            for number in range(workers):
                scratch = f"--local-directory={folder}/{number}"
                options = ("--nthreads=1", "--no-nanny", "--no-dashboard", "--host=127.0.0.1", scratch)
                processes.append(start("worker", f"--scheduler-file={file}", *options))
            from distributed import Client

            until = time.monotonic() + 120
            while not file.exists():
                if time.monotonic() > until or processes[0].poll() is not None:
                    raise SystemExit("the Dask scheduler did not start")
                time.sleep(0.05)
            with Client(scheduler_file=str(file)) as client:
                client.wait_for_workers(workers, timeout=120)
                address = client.scheduler.address
            yield address, processes[1:]
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()


def efficiency(runs, workers):
    plan = f"""
scenario = "ideal"
policies = ["topk-allocated"]
seeds = {runs}
[options]
requests = 3
blocks = 32
requestFile = "poisson"
rate = 5
maxPromptTokens = 32
maxOutputTokens = 8
"""
    with tempfile.TemporaryDirectory(prefix="wdmoe-bench-") as folder:
        file = Path(folder, "sweep.toml")
        file.write_text(plan)
        began = time.monotonic()
        command = [sys.executable, "-m", "wdmoe", "sweep", file, f"--out={folder}/out", f"--jobs={workers}"]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        whole = time.monotonic() - began
        import wdmoe.sweep

        own = wdmoe.sweep.load(f"{folder}/out")["wall_s"].sum()
    line = next(line for line in printed.splitlines() if "own times together" in line)
    wall = float(line.split(" in ")[1].split(" s;")[0])
    print(f"{'runs':>6} {'workers':>8} {'own times (s)':>14} {'wall (s)':>9} {'efficiency':>11}")
    for name, took in (("", wall), ("whole process", whole)):
        print(f"{runs:6d} {workers:8d} {own:14.2f} {took:9.2f} {own / workers / took:11.3f} {name}")
    return 0


def killed(runs):
    import threading

    import wdmoe.sweep

    seeds = max(1, runs // 4)
    plan = {
        "scenario": "ideal",
        "policies": ["topk-equal", "wdmoe"],
        "seeds": seeds,
        "options": {"requests": 2, "blocks": 4},
        "grid": {"bandwidth": [20, 100]},
    }
    expected = 4 * seeds
    with tempfile.TemporaryDirectory(prefix="wdmoe-bench-") as folder, cluster(2) as (address, workers):
        rows_then = []

        def kill():
            while len(rows_then) == 0:
                time.sleep(0.05)
                with contextlib.suppress(Exception):
                    rows = len(wdmoe.sweep.load(folder + "/out"))
                    if rows >= expected // 4:
                        os.kill(workers[0].pid, signal.SIGKILL)
                        rows_then.append(rows)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        wdmoe.sweep(plan, out=folder + "/out", scheduler=address, quiet=True)
        frame = wdmoe.sweep.load(folder + "/out")
        dead = workers[0].poll() == -signal.SIGKILL
    there = frame.groupby(["policy", "bandwidth", "seed"]).size()
    done = int((frame["status"] == "done").sum())
    then = rows_then[0] if rows_then else expected
    print(f"{expected} runs on two workers, one killed when {then} rows were there: {done} rows done, ", end="")
    print(f"{len(frame) - len(there)} twice, {expected - len(there)} missing")
    return 0 if dead and then < expected and done == len(there) == len(frame) == expected else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("efficiency", "killed"), nargs="?", default="efficiency")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.what == "killed":
        return killed(arguments.runs or 200)
    return efficiency(arguments.runs or 80, arguments.workers)


if __name__ == "__main__":
    sys.exit(main())
