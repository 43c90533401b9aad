# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Runs the ```sh blocks of a Markdown file as they stand: a command a user would copy must work.

Each block is one shell script, run in the file's folder; `git clone` lines and a following `cd` are left out, since
the checkout is there, and so are lines given after the file's name, since they ran already. A block preceded by the
comment <!-- not run: REASON --> is shown and left out.
"""

import re
import subprocess
import sys
from pathlib import Path

BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^\n]*?) -->\n)?^```sh\n(?P<script>.*?)^```$", re.DOTALL | re.MULTILINE)
CLONE = re.compile(r"^git clone .*\n(?:cd .*\n)?", re.MULTILINE)


def main():
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    ran = failed = 0
    for block in BLOCK.finditer(text):
        number = text.count("\n", 0, block.start("script")) + 1
        script = CLONE.sub("", block["script"])
        script = "".join(line for line in script.splitlines(keepends=True) if line.strip() not in sys.argv[2:])
        if block["reason"]:
            print(f"{path}:{number}: not run: {block['reason']}")
            continue
        if not script.strip():
            continue
        print(f"{path}:{number}:\n{script}", flush=True)
        ran += 1
        if subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=path.parent, check=False).returncode:
            failed += 1
            print(f"{path}:{number}: FAILED", flush=True)
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
