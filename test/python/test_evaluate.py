# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe evaluate` against a stand-in for the program: table, picture, errors in one line."""

import json
import sys

import pytest

from wdmoe import evaluate

# The second line keeps a Python's path with spaces working, as pip's own scripts do.
FAKE = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import json, os, sys

options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:] if "=" in argument)
if "--PrintHelp" in sys.argv:
    print("    --tokens: how many\\n    --model: which\\n    --out: where")
    sys.exit(0)
behaviour = os.environ.get("FAKE", "good")
if "bogus" in options:
    print("Invalid command-line argument: --bogus=1\\nwdmoe-evaluate [Program Options]\\n\\n    --tokens:  how many")
    sys.exit(1)
if behaviour == "refuse":
    print("wdmoe-evaluate: items.jsonl:3: not JSON", file=sys.stderr)
    sys.exit(1)
if behaviour == "crash":
    print("something else", file=sys.stderr)
    sys.exit(7)
print("@progress evaluate 0.5", file=sys.stderr)

def estimate(mean, half=None):
    return {{"mean": mean, "half_width": half}}

def entry(name, share, half=None, exact=0.9):
    return {{"name": name, "missing_share": estimate(share), "gate_mass_kept": estimate(1 - share),
            "exact_match": estimate(None if behaviour == "texts" else exact - share, half),
            "bits_per_byte": estimate(1.5 + share, half), "agreement": estimate(1 - share, half)}}

levers = {{"none": [entry("none", 0)],
          "share": [entry("share 0.1", 0.1), entry("share 0.05", 0.05)],
          "loss": [entry("loss 0.1", 0.1, 0.02)],
          "gone-lost": [entry("gone-lost 0", 0.1), entry("gone-lost 1", 0.3)]}}
table = {{"format": "wdmoe-sensitivity-2" if behaviour == "other" else "wdmoe-sensitivity-1",
         "model": {{"name": "fake-model", "digest": "0123"}}, "seeds": 5,
         "data": {{"tokens": int(options.get("tokens", 20000)), "domains": {{"mul": {{}}}}}},
         "levers": {{}} if behaviour == "hollow" else levers,
         "rank_correlation_of_gate_mass_kept": {{"all": {{"exact_match": 0.5, "bits_per_byte": None}}}}}}
for name in ("out", "gates", "similarity"):
    if name in options:
        with open(options[name], "w") as file:
            file.write(json.dumps(table) if name == "out" else "# format: wdmoe-gate-log-1\\n")
"""


@pytest.fixture
def run(tmp_path, monkeypatch, command):
    """Runs `wdmoe evaluate ...` in an empty folder, the program behaving so; returns its exit status."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / evaluate.PROGRAM
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("WDMOE_BIN", str(programs))
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments, behaviour="good"):
        monkeypatch.setenv("FAKE", behaviour)
        return command("evaluate", *arguments)

    return call


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_table_json_and_picture(run, tmp_path, capsys):
    assert run("--model", "m", "--out", "s.json", "--tokens=77") == 0
    assert listing(tmp_path / "here") == ["s.json", "s.png"]
    assert json.loads((tmp_path / "here/s.json").read_text())["data"]["tokens"] == 77
    assert (tmp_path / "here/s.png").read_bytes()[:4] == b"\x89PNG"
    printed = capsys.readouterr().out
    for part in ("fake-model", "77 tokens", "80.00 +- 2.00", "gone-lost, mean of 2", "70.0", "+0.500 with exact match"):
        assert part in printed, part
    first = (tmp_path / "here/s.png").read_bytes()
    assert run("--model", "m", "--out", "s.json", "--tokens=77") == 0
    assert (tmp_path / "here/s.png").read_bytes() == first


def test_texts_only(run, tmp_path, capsys):
    assert run("--model", "m", "--out", "s.json", behaviour="texts") == 0
    assert (tmp_path / "here/s.png").exists()


def test_gates_only(run, tmp_path):
    assert run("--model", "m", "--gates", "g.csv") == 0
    assert listing(tmp_path / "here") == ["g.csv"]


def test_similarity_only(run, tmp_path):
    assert run("--model", "m", "--similarity", "s.json") == 0
    assert listing(tmp_path / "here") == ["s.json"]


@pytest.mark.parametrize(
    "arguments, behaviour, status, message",
    [
        (("--out", "s.json"), "good", 2, "--model is missing"),
        (("--model", "m"), "good", 2, "--out FILE.json"),
        (("--model", "m", "--out", "no/s.json"), "good", 1, "there is no folder no"),
        (("--model", "m", "--out", "s.png"), "good", 2, "is for the picture"),
        (("--model", "m", "--out", "s.json", "--bogus=1"), "good", 1, "unknown option or malformed value: '--bogus=1'"),
        (("--model", "m", "--out", "s.json", "stray"), "good", 2, "'stray' is not understood"),
        (("--model", "m", "--out", "s.json"), "refuse", 1, "wdmoe evaluate: items.jsonl:3: not JSON"),
        (("--model", "m", "--out", "s.json"), "crash", 1, "exit status 7"),
        (("--model", "m", "--out", "s.json"), "other", 1, "format 'wdmoe-sensitivity-2', expected"),
        (("--model", "m", "--out", "s.json"), "hollow", 1, "not a table of the format"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(run, tmp_path, capsys, arguments, behaviour, status, message):
    (tmp_path / "here/s.json").write_text("earlier")
    assert run(*arguments, behaviour=behaviour) == status
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told
    assert listing(tmp_path / "here") == ["s.json"]
    assert (tmp_path / "here/s.json").read_text() == "earlier"


def test_help_shows_the_programs_own_options(run, capfd):
    assert run("--help") == 0
    shown = capfd.readouterr().out
    assert "--gates FILE.csv" in shown and "--tokens: how many" in shown and "--model: which" not in shown
