# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""doc/extending.rst: whoever types its code blocks has the files of examples/extend/, which are built and tested."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "test" / "doc-files.py"
TUTORIAL = ROOT / "doc" / "extending.rst"


def compare(tutorial, folder):
    return subprocess.run(
        [sys.executable, SCRIPT, tutorial, folder], capture_output=True, text=True, check=False, encoding="utf-8"
    )


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "extend"
    shutil.copytree(ROOT / "examples" / "extend", copy)
    return copy


def test_code_blocks_are_the_files():
    result = compare(TUTORIAL, ROOT / "examples" / "extend")
    assert result.returncode == 0, result.stdout


def test_a_changed_line_is_found(folder):
    path = folder / "switched-radio.cc"
    path.write_text(path.read_text().replace("DoubleValue(0.9)", "DoubleValue(0.8)"))
    result = compare(TUTORIAL, folder)
    assert result.returncode == 1 and "switched-radio.cc: line" in result.stdout


def test_files_without_a_block_are_found(folder):
    (folder / "more.cc").write_text("int more;\n")
    (folder / "patient-selector.cc").unlink()
    result = compare(TUTORIAL, folder)
    assert result.returncode == 1
    assert "more.cc is not in the tutorial" in result.stdout
    assert "patient-selector.cc is in the tutorial only" in result.stdout


def test_a_mark_without_a_block_is_refused(folder, tmp_path):
    tutorial = tmp_path / "tutorial.rst"
    tutorial.write_text(TUTORIAL.read_text(encoding="utf-8") + "\n.. file: other.cc\n\nno code block\n", encoding="utf-8")
    result = compare(tutorial, folder)
    assert result.returncode == 1 and "each before a code block" in result.stderr


def test_no_output_block_is_unfilled():
    assert "\n@" not in TUTORIAL.read_text(encoding="utf-8")
