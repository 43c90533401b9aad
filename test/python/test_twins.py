# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Each C++ example has a Python twin that makes the same calls and writes the same bytes."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(path for path in EXAMPLES.rglob("*.cc") if re.search(r"^main\(", path.read_text(), re.MULTILINE))
NAMES = [path.stem for path in PROGRAMS]

COMPARISON = ["--requests=1", "--blocks=1", "--maxPromptTokens=8", "--maxOutputTokens=2", "--out={out}"]
EVALUATION = ["--model=wdmoe-lm-base", "--tokens=200"]
# Options that keep a run short, of each example. {out} is a folder that is compared.
OPTIONS = {
    "wdmoe-evaluate": [
        [*EVALUATION, "--levers=loss-first", "--seeds=1", "--out={out}/table.json"],
        [*EVALUATION, "--gates={out}/gates.csv", "--similarity={out}/similarity.json", "--domain=shakespeare"],
    ],
    "wdmoe-first": [[]],
    "wdmoe-generate": [["--prompt=17 + 25=", "--maxTokens=4", "--radio=lte", "--out={out}"]],
    "wdmoe-hybrid": [[*COMPARISON, "--policies=wdmoe"]],
    "wdmoe-ideal": [[*COMPARISON, "--blocks=3", "--policies=topk-stock,wdmoe,scheduled", "--RngSeed=5"]],
    "wdmoe-lte": [[*COMPARISON, "--policies=topk-stock,wdmoe"]],
    "wdmoe-placement": [[*COMPARISON, "--requests=2", "--radio=ideal", "--policies=placed,migrating"]],
    "wdmoe-testbed": [[*COMPARISON, "--policies=bottleneck"]],
    "wdmoe-wifi": [[*COMPARISON, "--policies=wdmoe"]],
    "extend-conformance": [["--check=shares"]],
    "extend-paced": [[*COMPARISON, "--policies=topk-stock,wdmoe"]],
    "extend-policy": [[*COMPARISON]],
    "extend-switched": [
        [*COMPARISON, "--rate=1Gb/s", "--policies=wdmoe,ns3::PatientSelector+ns3::WdmoeMinMaxAllocator"]
    ],
}
RUNS = [(name, options) for name in NAMES for options in OPTIONS.get(name, [[]])]
# what a scenario of a comparison writes
RESULTS = {"summary.json", "blocks.csv", "requests.csv", "shares.csv", "schedule.csv"}


@pytest.fixture(scope="module")
def programs():
    """The folder of the C++ examples."""
    folder = Path(os.environ.get("WDMOE_BIN") or "")
    if not (folder / "wdmoe-first").exists():
        from wdmoe import scenarios

        folder = scenarios.program_folder()
    if not (folder / "wdmoe-first").exists():
        pytest.skip("the C++ examples are not built: neither in WDMOE_BIN nor in the package")
    return folder


def run(command, options, out):
    """Runs an example; what came of it: exit status, standard output and error, and the files, all by name."""
    out.mkdir()
    filled = [option.format(out=out) for option in options]
    done = subprocess.run([*map(str, command), *filled], capture_output=True, check=False, timeout=600)
    files = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    output = done.stdout.replace(str(out).encode(), b"OUT")
    return done.returncode, output, done.stderr.decode(errors="replace"), files


def twin(path):
    return [sys.executable, path.with_suffix(".py")]


def find_program(programs, path):
    program = programs / path.stem
    if not program.exists():  # a wheel does not hold the tutorial's
        pytest.skip(f"{path.stem} is not built")
    return [program]


@pytest.mark.parametrize("path", PROGRAMS, ids=NAMES)
def test_each_example_has_a_twin(path):
    assert path.with_suffix(".py").exists(), f"{path.name} has no Python twin beside it"
    assert path.stem in OPTIONS, f"say in OPTIONS how {path.stem} is run in a short time"


# A call of a method, or of a function in a namespace; Python's constructors, functions and types (ns.X) are as bare as C++'s.
CPP_CALL = re.compile(r"(?:\.|->|::)([A-Z]\w+)(?: \w+)?\s*\(")
PYTHON_CALL = re.compile(r"(?<!\bns)\.([A-Z]\w+)\(")


@pytest.mark.parametrize("path", PROGRAMS, ids=NAMES)
def test_a_twin_makes_the_same_calls_in_the_same_order(path):
    mine, other = path.read_text(), path.with_suffix(".py").read_text()
    mine = mine[mine.index("using namespace ns3;") :]
    other = other[other.index("from wdmoe import") :]
    made, expected = PYTHON_CALL.findall(other), CPP_CALL.findall(mine)
    assert Counter(made) == Counter(expected)
    if "\n    def " not in other:  # a function stands before where it is used, a lambda of C++ where it is
        assert made == expected
    # attributes of the module's objects, and their values
    settings = [
        dict(re.findall(r"^ +(comparison\.\w+) = ([^\s;(].*?)(?:;|  #|$)", text, re.MULTILINE))
        for text in (mine, other)
    ]
    one_line = [{name: value for name, value in s.items() if not value.endswith('"')} for s in settings]
    assert one_line[0] == one_line[1]


@pytest.mark.parametrize("name, options", RUNS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(RUNS)])
def test_a_twin_gives_the_same_bytes(programs, tmp_path, name, options):
    path = PROGRAMS[NAMES.index(name)]
    options = [*options, "--RngRun=3"]
    expected = run(find_program(programs, path), options, tmp_path / "cpp")
    found = run(twin(path), options, tmp_path / "python")
    assert expected[0] == 0, expected[2]
    assert found[0] == 0, found[2]
    assert found[1].decode() == expected[1].decode()
    assert found[3].keys() == expected[3].keys()
    for file, content in expected[3].items():
        assert found[3][file] == content, f"{file} differs"
    if "--out={out}" in options:
        assert RESULTS <= expected[3].keys()
    assert expected[1] or expected[3], "neither output nor files: there is nothing to compare"


def test_the_run_number_matters(programs, tmp_path):
    """That files are equal above is not since nothing in them depends on the draws."""
    path = EXAMPLES / "wdmoe-ideal.cc"
    options = OPTIONS["wdmoe-ideal"][0]
    drawn = [run(twin(path), [*options, f"--RngRun={number}"], tmp_path / str(number)) for number in (3, 4)]
    assert drawn[0][3]["blocks.csv"] != drawn[1][3]["blocks.csv"]


@pytest.mark.parametrize("name", ["wdmoe-lte", "wdmoe-generate", "wdmoe-evaluate"])
def test_a_twin_has_the_same_options(programs, tmp_path, name):
    path = PROGRAMS[NAMES.index(name)]
    expected = run(find_program(programs, path), ["--PrintHelp"], tmp_path / "cpp")
    found = run(twin(path), ["--PrintHelp"], tmp_path / "python")
    assert expected[0] == found[0] == 0
    assert found[1].replace(f"{name}.py".encode(), name.encode()) == expected[1]


@pytest.mark.parametrize(
    "name, option, word",
    [
        ("wdmoe-ideal", "--nonsense=1", "Invalid command-line argument: --nonsense=1"),
        ("wdmoe-ideal", "--requests=many", "Invalid command-line argument: --requests=many"),
        ("wdmoe-evaluate", "--model=wdmoe-lm-base", "--out, --gates or --similarity is missing"),
        ("wdmoe-evaluate", "--seeds=0", "--model is missing"),
    ],
)
def test_a_twin_refuses_with_the_same_status(programs, tmp_path, name, option, word):
    path = PROGRAMS[NAMES.index(name)]
    expected = run(find_program(programs, path), [option], tmp_path / "cpp")
    found = run(twin(path), [option], tmp_path / "python")
    assert expected[0] == found[0] == 1
    for _, output, errors, _ in (expected, found):
        assert word in output.decode() + errors


@pytest.mark.parametrize(
    "name, option, word",
    [
        ("wdmoe-ideal", "--requests=0", "--requests is 0; expected a whole number >= 1"),
        ("wdmoe-lte", "--wifiRange=3", "wifiRange"),
        ("wdmoe-generate", "--maxTokens=0", "--maxTokens is 0; expected at least 1"),
        ("wdmoe-generate", "--prompt=@none.txt", "'none.txt', which cannot be read"),
    ],
)
def test_what_aborts_in_cpp_is_an_exception_in_python(programs, tmp_path, name, option, word):
    path = PROGRAMS[NAMES.index(name)]
    expected = run(find_program(programs, path), [option], tmp_path / "cpp")
    found = run(twin(path), [option], tmp_path / "python")
    assert expected[0] < 0 and word in expected[2]
    assert found[0] == 1 and word in found[2] and "Traceback" in found[2]


def test_an_option_without_its_attribute_is_refused(programs):
    from types import SimpleNamespace

    from wdmoe import ns

    cmd = ns.CommandLine("test")
    options = SimpleNamespace(requests=5, share=0.5, quiet=False, text="a b", wrong=[])
    for name in ("requests", "share", "quiet", "text"):
        cmd.AddValue(name, "help", options, name)
    with pytest.raises(AttributeError, match="reqests"):
        cmd.AddValue("reqests", "help", options, "reqests")
    with pytest.raises(
        TypeError, match=r"option 'wrong': its default is \[\]; expected an int, a float, a bool or a str"
    ):
        cmd.AddValue("wrong", "help", options, "wrong")
    cmd.Parse(["test", "--requests=7", "--share=1", "--quiet", "--text=two words"])
    assert vars(options) == dict(requests=7, share=1.0, quiet=True, text="two words", wrong=[])
