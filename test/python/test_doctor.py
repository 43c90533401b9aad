# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe doctor`: what is broken here is really broken, one thing at a time."""

import json
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from wdmoe import doctor, scenarios
from wdmoe.bindings import paths
from wdmoe.doctor import BAD, GOOD, NOTE

# Without the one that starts another Python with ns-3 in it.
QUICK = [check for check in doctor.CHECKS if check is not doctor.check_bindings]


@pytest.fixture(autouse=True)
def installed():
    if "ideal" not in scenarios.find_programs():
        pytest.skip("no wdmoe-ideal is installed, and WDMOE_BIN names none")


def examine(checks=QUICK):
    return {finding.what: finding for finding in doctor.examine(checks)}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the programs and the library, to break; WDMOE_BIN names it."""
    binaries, library = doctor.installation()
    folder = tmp_path / "copy"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    for program in scenarios.find_programs().values():
        shutil.copy2(program, folder / "bin")
    shutil.copy2(library, folder / "lib")
    monkeypatch.setenv("WDMOE_BIN", str(folder / "bin"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder / "lib"))
    if not os.environ.get("WDMOE_DATA"):
        monkeypatch.setenv("WDMOE_DATA", str(library.parent.parent / "data"))
    return folder


def test_nothing_is_wrong():
    found = examine()
    assert not [finding for finding in found.values() if finding.state == BAD]
    assert {"system", "Python", "packages", "cppyy", "ns-3", "C++ compiler", "library", "simulation", "cache"} <= set(
        found
    )
    assert all(finding.fix for finding in found.values() if finding.state != GOOD)


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = examine([doctor.check_compiler])["C++ compiler"]
    assert found.state == BAD and "neither c++ nor g++ in PATH" in found.found and "apt-get install" in found.fix


def test_an_old_compiler(monkeypatch, tmp_path):
    compiler = tmp_path / "c++"
    compiler.write_text('#!/bin/sh\necho 8.3.0\n[ "$1" = -dumpfullversion ]\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = examine([doctor.check_compiler])["C++ compiler"]
    assert found.state == BAD and "8.3.0 does not compile C++20" in found.found and "g++ 11" in found.fix


def test_no_headers(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.sysconfig, "get_path", lambda name: str(tmp_path))
    assert examine([doctor.check_headers])["Python.h"].state == NOTE
    assert doctor.has_header("gsl/nosuch.h") is False and doctor.has_header("vector") is True


def test_a_package_is_missing_or_of_another_version(monkeypatch):
    numpy = metadata.version("numpy")
    lines = ["nosuchpackage>=2", "numpy<1", "pandas", "nosuch; python_version < '3'", "nosuch; extra == 'gym'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: lines)
    monkeypatch.setattr(
        doctor.metadata, "version", lambda name, version=metadata.version: version(name) if name != "wdmoe" else "1"
    )
    found = examine([doctor.check_packages])["packages"]
    assert found.state == BAD and found.found == f"nosuchpackage is missing; numpy is {numpy}"
    assert found.fix.endswith("-m pip install 'nosuchpackage>=2' 'numpy<1'")


def test_a_wrong_folder_of_programs(monkeypatch, tmp_path):
    monkeypatch.setenv("WDMOE_BIN", str(tmp_path / "nosuch"))
    found = examine()
    assert found["programs"].state == found["library"].state == BAD
    assert (
        f"WDMOE_BIN is {tmp_path / 'nosuch'}" in found["programs"].found and "unset WDMOE_BIN" in found["programs"].fix
    )
    assert "simulation" not in found


def test_a_missing_program(copy):
    (copy / "bin" / "wdmoe-lte").unlink()
    found = examine([doctor.check_programs])["programs"]
    assert found.state == BAD and found.found.startswith("missing: lte; ")


def test_a_library_whose_ns3_is_gone(copy, tmp_path):
    """A library that needs another one, which is removed."""
    gone = tmp_path / "libgone.so"
    options = ["-shared", "-fPIC", "-x", "c++"]
    subprocess.run(["c++", *options, "-", "-o", gone], input=b"int gone() { return 1; }", check=True)
    source = b"int gone(); int here() { return gone(); }"
    target = copy / "lib" / "libwdmoe.so"
    target.unlink()
    subprocess.run(["c++", *options, "-", "-o", target, "-L", tmp_path, "-lgone"], input=source, check=True)
    gone.unlink()
    found = examine([doctor.check_library])["library"]
    assert found.state == BAD and "needs libgone.so, not found" in found.found and "pip install" in found.fix


def test_another_library_is_loaded(copy, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy2(copy / "lib" / "libwdmoe.so", other)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(other))
    found = examine([doctor.check_loaded])["library path"]
    assert (
        found.state == BAD
        and f"the programs load {other}/libwdmoe.so" in found.found
        and "unset LD_LIBRARY_PATH" in found.fix
    )


def test_a_program_that_does_not_run(copy):
    program = copy / "bin" / "wdmoe-ideal"
    program.write_text("#!/bin/sh\necho Illegal instruction >&2\nexit 132\n")
    found = examine([doctor.check_simulation])["simulation"]
    assert found.state == BAD and found.found == "wdmoe-ideal fails: Illegal instruction (exit status 132)"


def test_no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("WDMOE_DATA", str(tmp_path / "nosuch"))
    found = examine([doctor.check_data])["data"]
    assert found.state == BAD and "which is no folder" in found.found and "unset WDMOE_DATA" in found.fix
    monkeypatch.setenv("WDMOE_DATA", str(tmp_path))
    assert "has no devices.json" in examine([doctor.check_data])["data"].found


def test_broken_data(copy, monkeypatch, tmp_path):
    """The simulation finds what a look at names does not."""
    data = tmp_path / "data"
    shutil.copytree(os.environ["WDMOE_DATA"], data, ignore=shutil.ignore_patterns("*.safetensors"))
    (data / "devices.json").write_text("{")
    monkeypatch.setenv("WDMOE_DATA", str(data))
    # an installed program finds ns-3 from where it is
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join([str(copy / "lib"), str(paths.ns3() / "lib64")]))
    found = examine([doctor.check_data, doctor.check_simulation])
    assert found["data"].state == GOOD
    assert found["simulation"].state == BAD and "devices.json" in found["simulation"].found


@pytest.mark.parametrize("place", ["/proc/nosuch", "FILE/cache"])
def test_a_cache_that_cant_be_written(monkeypatch, tmp_path, place):
    (tmp_path / "FILE").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", place.replace("FILE", str(tmp_path / "FILE")))
    found = examine([doctor.check_cache])["cache"]
    assert found.state == NOTE and "can't be written" in found.found and "XDG_CACHE_HOME" in found.fix


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(doctor, "SPACE_MB", 10**9)
    found = examine([doctor.check_cache, doctor.check_temporary])
    assert found["cache"].state == found["temporary files"].state == NOTE and "TMPDIR" in found["temporary files"].fix


def test_bindings_that_do_not_load(monkeypatch, tmp_path):
    """A broken cppyy comes first on the path."""
    (tmp_path / "cppyy").mkdir()
    (tmp_path / "cppyy" / "__init__.py").write_text("raise ImportError('libcppyy: undefined symbol')\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")]), str(Path(doctor.__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    found = examine([doctor.check_bindings])["bindings"]
    assert found.state == BAD and "undefined symbol" in found.found


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def check_weather():
        raise RuntimeError("rain")

    assert examine([check_weather])["weather"].found == "could not be looked at: RuntimeError: rain"


def test_the_command(monkeypatch, command, capsys, tmp_path):
    monkeypatch.setattr(doctor, "CHECKS", QUICK)
    assert command("doctor") == 0
    printed = capsys.readouterr().out
    assert "ok    system: Linux" in printed and printed.splitlines()[-1].startswith("nothing is wrong")
    monkeypatch.setenv("WDMOE_BIN", str(tmp_path))
    assert command("doctor", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["good"] is False
    assert {"what": "programs", "state": "bad"}.items() <= [f for f in answer["findings"] if f["what"] == "programs"][
        0
    ].items()
    assert command("doctor", "--jsn") == 2


def test_the_bindings(monkeypatch, tmp_path):
    """In full: another Python loads ns-3 and the module, with a precompiled header that it makes; then that is cut short."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (found,) = doctor.examine([doctor.check_bindings])
    assert found.state == GOOD and "`from wdmoe import ns` takes" in found.found
    (made,) = (tmp_path / "wdmoe").glob("*.pch")
    assert str(made) in found.found and "1 precompiled headers" in examine([doctor.check_cache])["cache"].found
    os.truncate(made, 1_000_000)
    (found,) = doctor.examine([doctor.check_bindings])
    assert (
        found.state == BAD and found.found == f"the precompiled header {made} is damaged" and "remove it" in found.fix
    )
