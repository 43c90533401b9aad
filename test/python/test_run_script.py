# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run FILE.py`: a scenario written in Python, by stand-ins that need no ns-3."""

import json
import os
import sys
from pathlib import Path

import pytest
from conftest import FAKE

from wdmoe import scenarios
from wdmoe.processes import explain

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(fake, tmp_path):
    """A stand-in for a scenario's script; given its name, it can be run."""
    path = tmp_path / "mine.py"
    path.write_text(FAKE.format(python=sys.executable))
    return path


def test_a_script_runs_as_a_scenario_does(script, command, capsys):
    assert command("run", "mine.py", "--policy=topk-equal,wdmoe", "--runs=2") == 0
    told = json.loads(Path("results/mine/timing.json").read_text())
    assert [(row["policy"], row["RngRun"]) for row in told] == [(p, r) for r in (1, 2) for p in ("topk-equal", "wdmoe")]
    assert Path("results/mine/latency-vs-energy.png").exists() or Path("results/mine/comparison.csv").exists()
    assert f"$ {sys.executable} mine.py --out=" in Path("results/mine/run.log").read_text()
    assert "topk-equal" in capsys.readouterr().out


def test_the_scripts_own_policies_are_the_default(script, command):
    text = script.read_text()
    script.write_text(text.replace("--policies: which", "--policies:  which, or all [wdmoe,topk-stock]"))
    assert text != script.read_text()
    assert command("run", "mine.py") == 0
    told = json.loads(Path("results/mine/timing.json").read_text())
    assert [row["policy"] for row in told] == ["wdmoe", "topk-stock"]


def test_help_shows_the_scripts_own_options(script, command, capfd):
    assert command("run", "mine.py", "--help") == 0
    printed = capfd.readouterr().out
    assert "--requests: how many requests" in printed and "--progress: tell" not in printed


@pytest.mark.parametrize(
    "text, words",
    [
        (None, "no file mine.py"),
        ("print('    --out:  where')", "it has no --policies, --progress"),
        ("import sys\nsys.exit('no such model')", "exit status 1\n  | no such model"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
    ],
)
def test_what_is_no_scenario_is_refused(fake, command, capsys, tmp_path, text, words):
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    assert command("run", "mine.py") == 2
    assert words in capsys.readouterr().err
    assert not Path("results").exists()


def test_a_script_that_never_prints_its_options_is_refused(fake, command, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(scenarios, "PATIENCE_S", 0.5)
    (tmp_path / "mine.py").write_text("import time\ntime.sleep(60)")
    assert command("run", "mine.py") == 2
    assert "printed no options within 0.5 s" in capsys.readouterr().err


def test_an_error_in_a_script_is_told_with_its_traceback(script, command, capsys):
    script.write_text(script.read_text().replace("draw = random.Random(run)", "draw = randon.Random(run)"))
    assert command("run", "mine.py", "--policy=wdmoe,topk-equal") == 1
    told = capsys.readouterr().err
    assert "NameError: name 'randon' is not defined" in told
    assert "| Traceback (most recent call last):" in told and "draw = randon.Random(run)" in told
    assert told.count("Traceback") == 1


def test_the_error_that_came_through_is_told():
    log = (
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in f\n'
        "KeyError: 'first'\n"
        "\nDuring handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "a.py", line 3, in g\n'
        "    raise ValueError(x)\n"
        "ValueError: second\n"
    )
    assert explain(log, "a.py") == "ValueError: second"


def test_command_lines():
    assert scenarios.command_line(ROOT / "examples" / "wdmoe-lte.py") == [
        sys.executable,
        str(ROOT / "examples" / "wdmoe-lte.py"),
    ]
    with pytest.raises(scenarios.BadScenario, match="unknown scenario 'nothing'; there are: .*FILE.py"):
        scenarios.command_line("nothing")


def test_a_name_is_its_program(fake):
    assert scenarios.command_line("fake") == [os.path.join(os.environ["WDMOE_BIN"], "wdmoe-fake")]


def test_a_script_may_have_policies_of_its_own(script, command):
    assert command("run", "mine.py", "--policy=mine,mine:selector.gain=2") == 0
    told = json.loads(Path("results/mine/timing.json").read_text())
    assert [row["policy"] for row in told] == ["mine", "mine:selector.gain=2"]
