# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""test/doc-commands.py: what it takes for a command, and that a command that fails is told."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "doc-commands.py"
PAGE = """Page
====

.. code-block:: sh

   cat >/dev/null <<'END'
   first

   last
   END
   echo counted

Text.

.. not run: takes hours

.. code-block:: sh

   false

.. code-block:: python

   print("no shell")
"""


def run(page, *arguments):
    return subprocess.run([sys.executable, SCRIPT, page, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.rst"
    path.write_text(PAGE)
    return path


def test_list_has_whole_blocks_and_runs_nothing(page):
    done = run(page, "--list")
    assert done.returncode == 0 and "1 blocks would be run" in done.stdout
    assert "first\n\nlast\nEND\necho counted\n" in done.stdout and "takes hours" in done.stdout
    assert "\ncounted\n" not in done.stdout and "no shell" not in done.stdout


def test_runs_and_tells_times(page):
    done = run(page)
    assert done.returncode == 0 and "\ncounted\n" in done.stdout and "1 passed, 0 failed" in done.stdout
    assert "in all" in done.stdout and "warning" not in done.stderr


def test_failure_is_told(page):
    page.write_text(PAGE.replace("echo counted", "false | true"))
    done = run(page)
    assert done.returncode == 1 and "FAILED" in done.stdout and "0 passed, 1 failed" in done.stdout
