# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe build`: what the compiler is asked for, and what is refused."""

import re
from pathlib import Path

import pytest

from wdmoe.build import MODULES

ROOT = Path(__file__).resolve().parents[2]

# Stands in for the compiler: says what it was given, one argument in a line.
COMPILER = """#!/bin/sh
printf '%s\\n' "$@" >"$COMPILED"
"""


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """A compiler that only tells; calling it gives its arguments, None if it was not called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "g++").write_text(COMPILER)
    (folder / "g++").chmod(0o755)
    told = tmp_path / "arguments"
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("COMPILED", str(told))
    monkeypatch.chdir(tmp_path)
    for name in ("main.cc", "part.cc"):
        (tmp_path / name).write_text("int x;\n")
    return lambda: told.read_text().splitlines() if told.exists() else None


def test_several_files_become_one_program(command, compiled):
    pytest.importorskip("ns3")
    assert command("build", "main.cc", "part.cc") == 0
    arguments = compiled()
    assert [name for name in arguments if name.endswith(".cc")] == ["main.cc", "part.cc"]
    assert arguments[arguments.index("-o") + 1] == "main"
    assert "-lwdmoe" in arguments
    for module in MODULES:
        assert any(name.endswith(f"-{module}.so") for name in arguments), module


def test_the_program_is_named_by_o(command, compiled):
    pytest.importorskip("ns3")
    assert command("build", "main.cc", "-o", "mine") == 0
    assert compiled()[compiled().index("-o") + 1] == "mine"


@pytest.mark.parametrize(
    "arguments, words",
    (
        (("main.cc", "other.cc"), "no file other.cc"),
        (("main.cc", "part.cc", "-o", "part.cc"), "part.cc is a source"),
    ),
)
def test_mistakes_are_told_before_anything_is_compiled(command, compiled, capsys, arguments, words):
    assert command("build", *arguments) == 2
    assert words in capsys.readouterr().err
    assert compiled() is None


def test_all_modules_of_the_library_are_linked():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"set\(WDMOE_NS3_MODULES\s+([^)\s]+)", text)[1].split(";") == list(MODULES)
