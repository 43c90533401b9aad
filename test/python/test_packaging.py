# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What is packaged: the sdist holds all that a build reads, the requirements are what the code imports."""

import ast
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Imports whose package on PyPI has another name, and those that an extra brings.
EXTRAS = {"torch", "transformers", "safetensors", "gymnasium", "greenlet", "stable_baselines3", "dask_jobqueue", "tomllib"}
# Brought by ns3 (cppyy), by dask (packaging), and by jinja2 (markupsafe).
BROUGHT = {"cppyy", "libcppyy", "cppyy_backend", "CPyCppyy", "packaging", "markupsafe"}


@pytest.fixture(scope="module")
def project():
    tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Names of the files in the sdist, and its size."""
    pytest.importorskip("scikit_build_core")
    folder = tmp_path_factory.mktemp("sdist")
    make = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, folder], cwd=ROOT, check=True, capture_output=True)
    (archive,) = folder.glob("wdmoe-*.tar.gz")
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}, archive.stat().st_size


def test_the_sdist_holds_what_a_build_reads(sdist):
    names, size = sdist
    text = (ROOT / "CMakeLists.txt").read_text()
    sources = set(re.findall(r"^ +((?:model|helper|test)/\S+\.(?:cc|h))$", text, re.MULTILINE))
    assert len(sources) > 200 and not sources - names
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    needed = {
        name
        for name in tracked
        if name.startswith(("model/", "helper/", "examples/", "data/", "python/", "cmake/", "test/"))
    }
    assert not needed - names
    assert {"pyproject.toml", "LICENSE", "README.md", "CMakeLists.txt", "wdmoe", "PKG-INFO"} <= names
    assert not [name for name in names if name.startswith(("build/", ".venv", "results/")) or "__pycache__" in name]
    assert size < 70e6  # PyPI takes 100 MB; the two small models are 57 MB


def test_the_requirements_are_what_is_imported(project):
    """Each import at the top or inside of a function of the package is of the standard library or a requirement."""
    if sys.version_info < (3, 10):
        pytest.skip("sys.stdlib_module_names is of Python 3.10")
    required = {
        re.split(r"[<>=;\[ ]", line)[0].replace("-", "_").lower() for line in project["project"]["dependencies"]
    }
    required |= {"distributed"} if "dask[distributed]" in project["project"]["dependencies"] else set()
    found = {}
    for path in (ROOT / "python" / "wdmoe").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], path.name)
    # some modules are scripts too, and then import one another by their own names
    own = {"wdmoe", *(path.stem for path in (ROOT / "python" / "wdmoe").glob("*.py"))}
    known = set(sys.stdlib_module_names) | required | EXTRAS | BROUGHT | own
    assert not {name: path for name, path in found.items() if name not in known}


def test_the_set_up_script_reads_the_requirements(project):
    """The script's own Python, which is between its quotes."""
    script = (ROOT / "wdmoe").read_text()
    code = re.search(r"<<'PYTHON'\n(.*?)^PYTHON$", script, re.DOTALL | re.MULTILINE)[1]
    printed = subprocess.run(
        [sys.executable, "-", ROOT / "pyproject.toml"], input=code, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert set(project["build-system"]["requires"] + project["project"]["dependencies"]) <= set(printed)
    assert {"cmake", "ninja"} <= set(printed)


def test_no_syntax_newer_than_the_oldest_python(project):
    oldest = tuple(map(int, re.match(r">=3\.(\d+)", project["project"]["requires-python"]).groups()))
    for path in (ROOT / "python").rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, *oldest))
