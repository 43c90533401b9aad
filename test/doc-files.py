# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Puts the files that a tutorial is made of together from its code blocks.

    doc-files.py doc/extending.rst examples/extend           compare: a reader's files are the files that are tested
    doc-files.py doc/extending.rst --write FOLDER            write them, as a reader would

A code block preceded by the comment `.. file: NAME` is a piece of that file; pieces follow one another with an empty
line between them. The licence header of a file is left out in the tutorial.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

BLOCK = re.compile(
    r"^\.\. file: (?P<name>\S+)\n\n\.\. code-block:: \w+\n\n(?P<text>(?:(?:   [^\n]*)?\n)+)(?=\S|\Z)", re.MULTILINE
)
HEADER = re.compile(r"\A(/\*\n \* Copyright.*?\*/\n\n|# Copyright.*?\n\n)", re.DOTALL)


def blocks(path):
    """@return the files of a tutorial: name to text."""
    files = {}
    text = path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        piece = textwrap.dedent(block["text"]).strip("\n") + "\n"
        files[block["name"]] = files[block["name"]] + "\n" + piece if block["name"] in files else piece
    marks = len(re.findall(r"^\.\. file:", text, re.MULTILINE))
    if not files or sum(1 for _ in BLOCK.finditer(text)) != marks:
        sys.exit(f"{path}: {marks} marks '.. file: NAME', expected one or more, each before a code block")
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tutorial", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", help="where the files are that it is compared with")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the files there")
    arguments = parser.parse_args()
    files = blocks(arguments.tutorial)
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (arguments.write / name).write_text(text, encoding="utf-8")
        print(f"wrote {len(files)} files to {arguments.write}")
    if not arguments.folder:
        return 0
    # the Python twins of its programs are no part of it
    parts = [p for p in arguments.folder.iterdir() if p.is_file() and p.suffix != ".py"]
    there = {p.name: p.read_text(encoding="utf-8") for p in parts}
    bad = [f"{name} is in the tutorial only" for name in sorted(set(files) - set(there))]
    bad += [f"{name} is not in the tutorial" for name in sorted(set(there) - set(files))]
    for name in sorted(set(files) & set(there)):
        mine, other = files[name].splitlines(), HEADER.sub("", there[name]).splitlines()
        for number, (a, b) in enumerate(zip(mine + [None], other + [None]), 1):
            if a != b:
                bad.append(f"{name}: line {number} after the header is {b!r}; the tutorial has {a!r}")
                break
    print("\n".join(bad) if bad else f"{len(files)} files are as in {arguments.tutorial}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
