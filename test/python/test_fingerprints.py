# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The examples' trajectories are those that are checked in, to the nanosecond; and a change of one is seen."""

import gzip
import importlib.util
import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("fingerprints", ROOT / "test" / "fingerprints.py")
fingerprints = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fingerprints)

RELEASE = (fingerprints.FOLDER / "ns-3").read_text().strip()


@pytest.fixture(scope="module")
def programs():
    """Folder of the examples' programs."""
    if not version("ns3").startswith(RELEASE):
        pytest.skip(f"the trajectories are those of ns-{RELEASE}, this is ns-{version('ns3')}")
    folder = fingerprints.default_programs()
    if not (folder / "wdmoe-first").exists():
        pytest.skip("the C++ examples are not built: neither in WDMOE_BIN nor in the package")
    return folder


def program(folder, name):
    if not (folder / name).exists():
        pytest.skip(f"{name} is not built in {folder}")
    return folder / name


def test_every_example_has_its_trajectories():
    examples = {path.stem for path in (ROOT / "examples").rglob("*.cc") if re.search(r"^main\(", path.read_text(), re.M)}
    # The first simulates no network, the second is a test of its own over many small ones.
    assert examples - {"wdmoe-evaluate", "extend-conformance"} == set(fingerprints.OPTIONS)
    kept = {path.name for path in fingerprints.FOLDER.glob("*.gz")}
    assert kept == {fingerprints.checked_in(n, s).name for n in fingerprints.OPTIONS for s in fingerprints.SEEDS}


@pytest.mark.parametrize("seed", fingerprints.SEEDS)
@pytest.mark.parametrize("name", fingerprints.OPTIONS)
def test_trajectory(programs, tmp_path, name, seed):
    found = fingerprints.compare(program(programs, name), seed, tmp_path)
    assert found is None, found


@pytest.mark.parametrize("name", ["wdmoe-ideal", "wdmoe-lte"])
def test_logs_change_nothing(programs, tmp_path, name):
    logs = {"NS_LOG": "WdmoeGatingServer=level_all|prefix_all:WdmoeController=level_all:WdmoeUdpTransport=level_all"}
    found = fingerprints.compare(program(programs, name), 1, tmp_path, environment=logs)
    assert found is None, found


def test_one_nanosecond_is_seen(programs, tmp_path):
    """The controller takes one nanosecond to decide: the first batches leave that much later, and this is what is said."""
    late = ["--ns3::WdmoeController::DecisionDelay=1ns"]
    found = fingerprints.compare(program(programs, "wdmoe-ideal"), 1, tmp_path, late)
    assert found is not None
    was, now = (re.search(rf"^\{sign} (\d+) (.*)$", found, re.MULTILINE) for sign in "-+")
    assert int(now[1]) - int(was[1]) == 1, found
    assert was[2] == now[2] and was[2].startswith("bs "), found


def test_what_is_said_of_a_change():
    old = gzip.decompress(fingerprints.checked_in("wdmoe-ideal", 1).read_bytes()).decode().splitlines()
    assert fingerprints.difference("x", 1, old, old) is None
    # two events at the same time, in the other order
    at = next(i for i in range(len(old) - 1) if old[i].split()[0] == old[i + 1].split()[0] and old[i] != old[i + 1])
    swapped = [*old[:at], old[at + 1], old[at], *old[at + 2 :]]
    said = fingerprints.difference("x", 1, old, swapped)
    assert f"event {at + 1} of" in said and f"- {old[at]}\n+ {old[at + 1]}\n" in said
    # one that is missing at the end
    said = fingerprints.difference("x", 1, old, old[:-2])
    assert f"- {old[-2]}\n+ (nothing: it is over)" in said


def test_the_file_cannot_be_written(programs, tmp_path):
    with pytest.raises(RuntimeError, match="WdmoeFingerprint: cannot write '/nonexistent/f'"):
        fingerprints.run(program(programs, "wdmoe-ideal"), 1, tmp_path, ["--WdmoeFingerprint=/nonexistent/f"])
