# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs the shell blocks of Markdown and reStructuredText files as they stand: a command a user would copy must work.

    doc-commands.py README.md doc/wdmoe.rst [--leave-out COMMAND ...]
    doc-commands.py README.md doc/*.rst --list                 say what is run, and what is not and why; run nothing

Each block is one shell script, run in the project's folder; `git clone` lines and a following `cd` are left out, since
the checkout is there. A block preceded by the comment <!-- not run: REASON --> is shown and left out.
Below each stands the time that it took, and all times once more at the end.
"""

import argparse
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

BLOCKS = {
    ".md": re.compile(
        r"(?:<!-- not run: (?P<reason>[^\n]*?) -->\n)?^```sh\n(?P<script>.*?)^```$", re.DOTALL | re.MULTILINE
    ),
    ".rst": re.compile(
        r"(?:\.\. not run: (?P<reason>[^\n]*?)\n\n)?^\.\. code-block:: sh\n\n"
        r"(?P<script>(?:   [^\n]*\n|\n+(?=   ))+)",
        re.MULTILINE,
    ),
}
CLONE = re.compile(r"^git clone .*\n(?:cd .*\n)?", re.MULTILINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--leave-out", action="append", default=[], metavar="COMMAND", help="a line that was run before")
    parser.add_argument("--list", action="store_true", help="print the commands, run nothing")
    arguments = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    ran = failed = 0
    times = []
    for path in arguments.files:
        text = path.read_text(encoding="utf-8")
        for block in BLOCKS[path.suffix].finditer(text):
            number = text.count("\n", 0, block.start("script")) + 1
            script = CLONE.sub("", textwrap.dedent(block["script"]))
            script = "".join(
                line for line in script.splitlines(keepends=True) if line.strip() not in arguments.leave_out
            )
            if block["reason"]:
                print(f"{path}:{number}: not run: {block['reason']}")
                continue
            if not script.strip():
                continue
            print(f"{path}:{number}:\n{script}", flush=True)
            ran += 1
            if arguments.list:
                continue
            began = time.monotonic()
            if subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=root, check=False).returncode:
                failed += 1
                print(f"{path}:{number}: FAILED", flush=True)
            times.append((time.monotonic() - began, f"{path}:{number}"))
            print(f"{path}:{number}: {times[-1][0]:.1f} s\n", flush=True)
    if arguments.list:
        print(f"{ran} blocks would be run")
        return 0 if ran else 1
    print("".join(f"{seconds:8.1f} s  {where}\n" for seconds, where in times), end="")
    print(f"{sum(seconds for seconds, _ in times):8.1f} s  in all")
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
