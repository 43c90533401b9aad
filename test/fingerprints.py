# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Compares the trajectories of the examples with those that are checked in, event by event.

    test/fingerprints.py                      all examples, three seeds each; says which event differed first
    test/fingerprints.py wdmoe-lte --seed 2   one of them
    test/fingerprints.py --programs DIR       those of another build, for example of a debug one
    test/fingerprints.py --update             write them anew, after a change that is meant

A trajectory is what the global value WdmoeFingerprint makes a program write: each event of the protocol in its order,
with its time in ns. It depends on ns-3 itself as well, so it is that of one release: the one in test/fingerprints/ns-3.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "test" / "fingerprints"
SEEDS = (1, 2, 3)

SHORT = ["--requests=1", "--blocks=1", "--maxPromptTokens=8", "--maxOutputTokens=2"]
# Options that keep a run short, of each example. wdmoe-evaluate simulates no network: it has no trajectory.
OPTIONS = {
    "wdmoe-first": ["--ns3::WdmoeGatingServer::MaxBlocks=1"],
    "wdmoe-generate": ["--prompt=17 + 25=", "--maxTokens=3", "--radio=lte"],
    "wdmoe-hybrid": [*SHORT, "--policies=wdmoe,scheduled"],
    "wdmoe-ideal": [*SHORT, "--blocks=2", "--policies=topk-stock,wdmoe,scheduled"],
    "wdmoe-lte": [*SHORT, "--policies=topk-stock,wdmoe,scheduled"],
    "wdmoe-placement": [*SHORT, "--requests=2", "--radio=ideal", "--policies=placed,migrating"],
    "wdmoe-testbed": [*SHORT, "--policies=bottleneck"],
    "wdmoe-wifi": [*SHORT, "--policies=topk-stock,wdmoe"],
    "extend-paced": [*SHORT, "--policies=topk-stock,wdmoe"],
    "extend-policy": SHORT,
    "extend-switched": [*SHORT, "--rate=1Gb/s", "--policies=wdmoe,ns3::PatientSelector+ns3::WdmoeMinMaxAllocator"],
}


def default_programs():
    """Folder of the examples' programs: that of a build, or the installed package's."""
    if os.environ.get("WDMOE_BIN"):
        return Path(os.environ["WDMOE_BIN"])
    from wdmoe import scenarios

    return scenarios.program_folder()


def checked_in(name, seed):
    return FOLDER / f"{name}-{seed}.txt.gz"


def run(program, seed, folder, others=(), environment=None):
    """The lines of an example's trajectory. RuntimeError with its output where it fails."""
    target = Path(folder) / f"{program.name}-{seed}.txt"
    command = [program, *OPTIONS[program.name], f"--RngRun={seed}", f"--WdmoeFingerprint={target}", *others]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return target.read_text(encoding="utf-8").splitlines()


def difference(name, seed, old, new):
    """What is different between two trajectories, for a person to read; None where nothing is."""
    if old == new:
        return None
    at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    before = "".join(f"  {line}\n" for line in new[max(at - 2, 0) : at])
    was = old[at] if at < len(old) else "(nothing: it was over)"
    now = new[at] if at < len(new) else "(nothing: it is over)"
    return (
        f"{name}, RngRun {seed}: event {at + 1} of {len(old) - 1} is the first that differs\n"
        f"{before}- {was}\n+ {now}\n"
        f"  (checked in: {old[-1]}; now: {new[-1]})\n"
        "A line is: time in ns, who, event, its fields (helper/wdmoe-fingerprint.h). If the change is meant: "
        f"test/fingerprints.py --update {name}"
    )


def compare(program, seed, folder, others=(), environment=None):
    """The difference of a run from what is checked in; None where there is none."""
    path = checked_in(program.name, seed)
    if not path.exists():
        return f"{program.name}, RngRun {seed}: nothing is checked in; make it: test/fingerprints.py --update {program.name}"
    old = gzip.decompress(path.read_bytes()).decode().splitlines()
    return difference(program.name, seed, old, run(program, seed, folder, others, environment))


def update(program, seed, folder):
    text = "\n".join(run(program, seed, folder)) + "\n"
    FOLDER.mkdir(exist_ok=True)
    checked_in(program.name, seed).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="EXAMPLE", help=f"of {', '.join(OPTIONS)} (default: all)")
    parser.add_argument("--seed", type=int, choices=SEEDS, action="append", help="RngRun (default: all)")
    parser.add_argument("--programs", type=Path, metavar="DIR", help="folder of the programs (default: the package's)")
    parser.add_argument("--update", action="store_true", help="write the trajectories instead of comparing")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(OPTIONS))
    if unknown:
        parser.error(f"no example '{unknown[0]}'; there are {', '.join(OPTIONS)}")
    folder = arguments.programs or default_programs()
    programs = [folder / name for name in arguments.names or OPTIONS]
    missing = [program for program in programs if not program.exists()]
    for program in missing:
        print(f"{program.name}: not built in {folder}", file=sys.stderr)
    cases = [(program, seed) for program in programs if program.exists() for seed in arguments.seed or SEEDS]
    failed = len(missing) if arguments.names else 0
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        work = update if arguments.update else compare
        for future in [pool.submit(work, program, seed, scratch) for program, seed in cases]:
            found = future.result()
            if found:
                failed += 1
                print(found)
    print(f"{len(cases) - failed} passed, {failed} failed, {len(missing)} skipped")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
