# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""model/core builds and installs alone, and a program that knows nothing of ns-3 is built against what was installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "model" / "core" / "example"


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def cmake():
    """CMake, where there is a compiler too."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which("cmake", path=path)
    if not program or not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("needs CMake and a C++ compiler")
    return program


@pytest.fixture(scope="module")
def prefixes(cmake, tmp_path_factory):
    """Where the shared and the static package are installed; the build folder is gone, so that nothing is found there."""
    folder = tmp_path_factory.mktemp("core")
    result = {}
    for name, shared in (("shared", "ON"), ("static", "OFF")):
        result[name] = folder / name
        options = (f"-DBUILD_SHARED_LIBS={shared}", "-DCMAKE_INSTALL_LIBDIR=lib", f"-DPython3_EXECUTABLE={sys.executable}")
        run(cmake, "-S", ROOT / "model" / "core", "-B", folder / "build", *options)
        run(cmake, "--build", folder / "build", "--parallel", os.cpu_count() or 1)
        run(cmake, "--install", folder / "build", "--prefix", result[name])
    shutil.rmtree(folder / "build")
    return result


@pytest.fixture(params=["shared", "static"])
def installed(request, prefixes):
    return prefixes[request.param]


def test_example_builds_with_find_package(cmake, installed, tmp_path):
    shutil.copytree(EXAMPLE, tmp_path / "example")
    run(cmake, "-S", tmp_path / "example", "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run(cmake, "--build", tmp_path / "build")
    said = run(tmp_path / "build" / "decide-block")
    # as its own comment says
    comment = (EXAMPLE / "decide-block.cc").read_text(encoding="utf-8").split("Prints:")[1].split("*/")[0]
    assert [line.strip(" *") for line in comment.splitlines()][2:-1] == [line.strip() for line in said.splitlines()]
    before, after, static, bound, planned = (float(x) for x in re.search(
        r"top-2 +(\d+) pairs.*selected (\d+) pairs.*takes ([\d.]+) s \(no division is faster than ([\d.]+) s.*takes ([\d.]+) s",
        said, re.DOTALL).groups())
    assert after < before and static == bound and planned < static


def test_wrong_version_is_refused(cmake, installed, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(p CXX)\nfind_package(wdmoe-core 99 REQUIRED)\n")
    done = subprocess.run([cmake, "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}"],
                          text=True, capture_output=True, check=False)
    assert done.returncode != 0 and '"99"' in done.stderr


def test_every_installed_header_stands_alone(prefixes, tmp_path):
    """And none of them shows Eigen: no other include folder is given."""
    installed = prefixes["shared"]
    headers = sorted((installed / "include" / "wdmoe-core").glob("*.h"))
    assert {"wdmoe-allocation.h", "wdmoe-core-c.h", "wdmoe-flow-shop.h"} <= {header.name for header in headers}
    for header in headers:
        source = tmp_path / f"{header.stem}.cc"
        source.write_text(f"#include <wdmoe-core/{header.name}>\n")
        run("c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{installed / 'include'}", source)


def test_c_interface_is_c(installed, tmp_path):
    if not (shutil.which("cc") or shutil.which("gcc")):
        pytest.skip("needs a C compiler")
    (tmp_path / "main.c").write_text("""
#include <stdio.h>
#include <wdmoe-core/wdmoe-core-c.h>

int main(void)
{
    double bits[2] = {1e6, -2e6};
    double zero[2] = {0, 0};
    wdmoe_core_law law[2] = {{0, 1, 0, 1}, {0, 2, 0, 1}};
    double down[2], up[2];
    char message[200];
    wdmoe_core_allocation_problem problem = {2, bits, bits, zero, law, law, 1e6, 0, 1, 0, 1e-12, 200};
    wdmoe_core_allocation result = {down, up, NULL};
    printf("%d ", wdmoe_core_allocate(&problem, &result, message, sizeof message));
    printf("%s\\n", message);
    bits[1] = 2e6;
    printf("%d ", wdmoe_core_allocate(&problem, &result, message, 10));
    printf("%d %.6f\\n", result.status, result.time_s);
    return 0;
}
""")
    libraries = [installed / "lib" / "libwdmoe-core.so", installed / "lib" / "libwdmoe-core.a"]
    library = next(path for path in libraries if path.exists())
    run("cc", "-std=c99", "-Wall", "-Werror", f"-I{installed / 'include'}", "-c", tmp_path / "main.c", "-o", tmp_path / "main.o")
    run("c++", tmp_path / "main.o", library, f"-Wl,-rpath,{installed / 'lib'}", "-o", tmp_path / "main")
    # both have equal times: 2e6 / (1 b) = 4e6 / (2 (1e6 - b))
    assert run(tmp_path / "main") == (
        "1 downlink_bits[1] is -2000000, expected a finite number >= 0\n0 0 4.000000\n")


def test_library_needs_no_other(prefixes):
    """Nothing but the C and C++ run time."""
    library = prefixes["shared"] / "lib" / "libwdmoe-core.so"
    if not shutil.which("readelf"):
        pytest.skip("needs readelf")
    needed = re.findall(r"NEEDED.*\[(.*?)\]", run("readelf", "-d", library))
    assert needed and all(re.match(r"lib(stdc\+\+|m|gcc_s|c|pthread)\.so|ld-linux", name) for name in needed), needed
