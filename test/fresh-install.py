# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Installs the project into fresh virtual environments, as a user does, and runs what a user runs first.

    python test/fresh-install.py python3.9 python3.13 [--sdist]

Of what git tracks here, as committed; --sdist: of an sdist made from that. Prints one line for each Python, with the
times; exit status 1 where anything failed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKS = {
    "bindings": ["{venv}/bin/python", "-c", "from wdmoe import ns; print(ns.WdmoeIdealRadioHelper)"],
    "run": ["{venv}/bin/wdmoe", "run", "ideal", "--requests=1", "--blocks=1", "--out=out"],
    "figure": ["{venv}/bin/python", ROOT / "examples" / "wdmoe-figure.py", "--requests=2"],  # the README's script
    "sweep": ["{venv}/bin/wdmoe", "sweep", "sweep.toml", "--out=swept"],
    "doctor": ["{venv}/bin/wdmoe", "doctor"],
}
SWEEP = 'scenario = "ideal"\npolicies = ["topk-equal", "wdmoe"]\nseeds = 2\n[options]\nrequests = 1\nblocks = 1\n'


def timed(command, folder, log):
    """Seconds that a command took; None where it failed, and then the log's end is printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WDMOE", "LD_"))}
    began = time.monotonic()
    with open(log, "w+", encoding="utf-8") as file:
        status = subprocess.run(
            [str(part) for part in command], cwd=folder, stdout=file, stderr=subprocess.STDOUT, env=environment
        ).returncode
        if status:
            file.seek(0)
            print(f"{' '.join(map(str, command))}: exit status {status}\n{file.read()[-4000:]}", file=sys.stderr)
            return None
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pythons", nargs="+")
    parser.add_argument("--sdist", action="store_true")
    arguments = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="wdmoe-fresh-") as folder:
        folder = Path(folder)
        subprocess.run(["git", "clone", "--quiet", ROOT, folder / "source"], check=True)
        source = folder / "source"
        if arguments.sdist:
            tool = folder / "tool"
            subprocess.run([arguments.pythons[0], "-m", "venv", tool], check=True)
            subprocess.run([tool / "bin" / "pip", "install", "--quiet", "build"], check=True)
            if (
                timed(
                    [tool / "bin" / "python", "-m", "build", "--sdist", source, "-o", folder / "dist"],
                    folder,
                    folder / "sdist.log",
                )
                is None
            ):
                return 1
            (source,) = (folder / "dist").glob("*.tar.gz")
            print(f"sdist: {source.name}, {source.stat().st_size / 1e6:.1f} MB")
        print(f"{'Python':<40} {'pip install':>12}", *(f"{name:>9}" for name in CHECKS), "(s)")
        for number, python in enumerate(arguments.pythons):
            work = folder / str(number)
            work.mkdir()
            (work / "sweep.toml").write_text(SWEEP)
            venv = work / "venv"
            subprocess.run([python, "-m", "venv", venv], check=True)
            commands = {"pip": [venv / "bin" / "pip", "install", "--disable-pip-version-check", source], **CHECKS}
            times = []
            for name, command in commands.items():
                command = [str(part).format(venv=venv) for part in command]
                times.append(timed(command, work, work / f"{name}.log"))
            shown = ["failed" if took is None else f"{took:.1f}" for took in times]
            print(f"{python:<40} {shown[0]:>12}", *(f"{text:>9}" for text in shown[1:]), flush=True)
            good &= None not in times
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
