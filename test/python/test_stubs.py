# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What editors know of `ns` is what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RIGHT = """\
import wdmoe
from wdmoe import ns

server = ns.CreateObject[ns.Node]()
radio = ns.WdmoeIdealRadioHelper().Install(server, ns.NodeContainer(8))
hertz: float = radio.GetBudget().downlinkHz
model = ns.WdmoeModelDescription.Load("mixtral-8x7b")
blocks: int = model.blocks
found = wdmoe.load("results/ideal")
"""
WRONG = {
    "radio.GetBudgets()": '"GetBudgets"',
    "ns.WdmoeModelDescription.Load(3)": 'incompatible type "int"',
    "radio.GetBudget().downlink": '"downlink"',
    "blocks = model.name": "Incompatible types in assignment",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What mypy says of the right script with all wrong lines behind it: line number -> message."""
    pytest.importorskip("mypy")
    script = tmp_path_factory.mktemp("stubs") / "script.py"
    script.write_text(RIGHT + "\n".join(WRONG) + "\n")
    command = [sys.executable, "-m", "mypy", "--cache-dir", script.parent, "--follow-imports=silent", script]
    done = subprocess.run(command, capture_output=True, text=True, env={"MYPYPATH": str(CHECKOUT / "python"), "PATH": ""})
    found = re.findall(r"^(.*\.pyi?):(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert found and all(name == str(script) for name, *_ in found), done.stdout + done.stderr
    return {int(line): text for _, line, text in found}


def test_right_lines_pass_and_wrong_ones_are_found(told):
    first = RIGHT.count("\n") + 1
    assert sorted(told) == list(range(first, first + len(WRONG)))


@pytest.mark.parametrize("line", WRONG)
def test_the_message_names_what_is_wrong(told, line):
    assert WRONG[line] in told[RIGHT.count("\n") + 1 + list(WRONG).index(line)]


def test_the_stubs_are_those_of_these_headers(tmp_path):
    """Another release of ns-3 may have other members; the module's own are compared in the one it is written for."""
    written = tmp_path / "ns.pyi"
    subprocess.run([sys.executable, "-m", "wdmoe.bindings.stubs", written], check=True)
    assert written.read_text() == (CHECKOUT / "python/wdmoe/ns.pyi").read_text(), "run python -m wdmoe.bindings.stubs"
