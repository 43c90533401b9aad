# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe doctor`: looks at all that an installation needs, and says what is wrong and how to mend it."""

import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from wdmoe import scenarios
from wdmoe.build import MODULES
from wdmoe.processes import explain

GOOD, NOTE, BAD = "good", "note", "bad"
NS3 = "3.44"
PYTHONS = ((3, 9), (3, 13))
# Without a distribution (a checkout's PYTHONPATH): what is needed at least.
NEEDED = ("ns3==3.44.*", "dask[distributed]", "jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "rich", "scipy")
# A precompiled header takes 122 MB, and is written beside the one that it replaces.
SPACE_MB = 500
TIMEOUT_S = 180
# Of the processor, so that a busy machine is no finding; with a precompiled header it takes a second.
SLOW_S = 5
INSTALL = "python -m pip install --force-reinstall --no-deps wdmoe (in the same environment), or ./wdmoe in a checkout"
ABOVE = "the first of the points above that is bad; if there is none"


@dataclass
class Finding:
    """What one look found: `state` is GOOD, NOTE (works, but) or BAD; `fix` is what to do then."""

    what: str
    state: str
    found: str
    fix: str = ""


def good(what, found):
    return Finding(what, GOOD, found)


def capture(*command, **options):
    """(exit status, standard output, standard error); status None where it did not start or did not end."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            **options,
        )
    except OSError as error:
        return None, "", str(error)
    except subprocess.TimeoutExpired:
        return None, "", f"did not end within {TIMEOUT_S} s"
    return done.returncode, done.stdout, done.stderr


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def check_system():
    system = f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver()) or 'unknown C library'}"
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        fix = "the ns3 wheel exists for Linux x86_64 only: build ns-3 from source, with this module as contrib/wdmoe"
        return Finding("system", BAD, system, fix)
    name, version = platform.libc_ver()
    if name != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 28):
        return Finding(
            "system", BAD, system, "the ns3 wheel needs glibc 2.28 or newer: a distribution of 2019 or later"
        )
    return good("system", system)


def check_python():
    found = f"{platform.python_version()} at {sys.executable}"
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Finding(
            "Python", BAD, found, f"ns3 {NS3} has wheels for Python 3.9 to 3.13: make a venv with one of these"
        )
    return good("Python", found)


def check_packages():
    """Each requirement of the package, and whether what is there fits it."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("wdmoe") or []
        found = f"wdmoe {metadata.version('wdmoe')}"
    except metadata.PackageNotFoundError:
        lines = NEEDED
        found = "wdmoe is not installed, but found by PYTHONPATH"
    wrong, there = [], []
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append((f"{requirement.name} is missing", str(requirement)))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append((f"{requirement.name} is {version}", f"{requirement.name}{requirement.specifier}"))
        there.append(f"{requirement.name} {version}")
    if wrong:
        names = " ".join(f"'{needed}'" for _, needed in wrong)
        return Finding(
            "packages", BAD, "; ".join(text for text, _ in wrong), f"{sys.executable} -m pip install {names}"
        )
    return good("packages", f"{found}; {', '.join(there)}")


def check_cppyy():
    versions = {}
    for name in ("cppyy", "cppyy-backend", "cppyy-cling", "CPyCppyy"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            fix = f"{sys.executable} -m pip install --force-reinstall --no-deps {name} (needs g++ and Python.h)"
            return Finding("cppyy", BAD, f"{name} is missing", fix)
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    if not versions["cppyy"].startswith("3."):
        return Finding("cppyy", NOTE, found, f"tested with cppyy 3.5: {sys.executable} -m pip install 'cppyy==3.5.*'")
    return good("cppyy", found)


def check_ns3():
    spec = importlib.util.find_spec("ns3")
    places = list(spec.submodule_search_locations or []) if spec else []
    reinstall = f"{sys.executable} -m pip install --force-reinstall --no-deps 'ns3=={NS3}.*'"
    if not places:
        return Finding("ns-3", BAD, "the package ns3 is not found", reinstall)
    folder = Path(places[0])
    libraries = {module: list((folder / "lib64").glob(f"libns3.*-{module}.so")) for module in MODULES}
    lost = [module for module, found in libraries.items() if not found]
    if lost:
        return Finding("ns-3", BAD, f"{folder} has no library of {', '.join(lost)}", reinstall)
    if not (folder / "include" / "ns3" / "core-module.h").is_file():
        return Finding("ns-3", BAD, f"{folder} has no headers", reinstall)
    names = libraries["core"][0].name
    if not names.startswith(f"libns{NS3}"):
        return Finding("ns-3", BAD, f"{names} in {folder}, expected ns-3 {NS3}", reinstall)
    return good("ns-3", f"{NS3} in {folder}")


# ns-3's headers are C++20; g++ before 11 lacks parts.
CPP20 = "#include <concepts>\n#include <bit>\nint main() { return 0; }\n"
APT = "apt-get install --no-install-recommends -y"


def check_compiler():
    what = "C++ compiler"
    path = shutil.which("c++") or shutil.which("g++")
    fix = f"sudo {APT} g++ (Fedora: dnf install gcc-c++)"
    if not path:
        return Finding(what, BAD, "neither c++ nor g++ in PATH; cppyy reads the C++ library's headers by it", fix)
    try:
        done = subprocess.run(
            [path, "-std=c++20", "-fsyntax-only", "-x", "c++", "-"],
            input=CPP20,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(what, BAD, f"{path} does not work: {error}", fix)
    version = last_line(capture(path, "-dumpfullversion")[1])
    if done.returncode:
        return Finding(what, BAD, f"{path} {version} does not compile C++20", f"g++ 11 or newer: {fix}")
    return good(what, f"{path} {version}")


def has_header(name, *folders):
    compiler = shutil.which("c++") or shutil.which("g++")
    if any(Path(folder, name).is_file() for folder in (*folders, "/usr/include", "/usr/local/include")):
        return True
    if not compiler:
        return False
    done = subprocess.run(
        [compiler, "-E", "-x", "c++", "-"], input=f"#include <{name}>\n", capture_output=True, text=True, check=False
    )
    return done.returncode == 0


def check_headers():
    """What building takes: pip builds cppyy and this package."""
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").is_file():
        fix = f"sudo {APT} python3-dev (Fedora: dnf install python3-devel)"
        # cppyy's own wrappers are compiled by then: only another build needs it
        yield Finding("Python.h", NOTE, f"not in {include}; pip needs it to build cppyy", fix)
    else:
        yield good("Python.h", include)
    if not has_header("gsl/gsl_roots.h"):
        fix = f"sudo {APT} libgsl-dev (Fedora: dnf install gsl-devel)"
        yield Finding("GSL headers", NOTE, "no gsl/gsl_roots.h; pip needs it to build wdmoe", fix)
    else:
        yield good("GSL headers", "gsl/gsl_roots.h")


def installation():
    """(folder of the programs, library) that are used, whether they exist or not."""
    binaries = scenarios.program_folder()
    places = [binaries.parent / "lib" / "libwdmoe.so", binaries.parent / "libwdmoe.so"]
    return binaries, next((place for place in places if place.is_file()), places[0])


def whose(binaries):
    return f"WDMOE_BIN is {binaries}" if os.environ.get("WDMOE_BIN") else f"the package's folder is {binaries}"


def unset_or_install():
    if os.environ.get("WDMOE_BIN"):
        return "unset WDMOE_BIN, or let it name the bin/ of a build folder (cmake --build FOLDER)"
    return INSTALL


def check_library():
    binaries, library = installation()
    if not library.is_file():
        return Finding("library", BAD, f"no libwdmoe.so; {whose(binaries)}", unset_or_install())
    status, printed, error = capture("ldd", str(library))
    if status is None:
        return Finding("library", NOTE, f"{library}; ldd did not run: {error}", f"sudo {APT} libc-bin")
    lost = re.findall(r"^\s*(\S+) => not found", printed, re.MULTILINE)
    if lost:
        fix = f"{sys.executable} -m pip install --force-reinstall --no-deps 'ns3=={NS3}.*', then {unset_or_install()}"
        return Finding("library", BAD, f"{library} needs {', '.join(lost)}, not found", fix)
    return good("library", str(library))


def check_loaded():
    """Whether the programs take the library that lies beside them."""
    binaries, library = installation()
    programs = scenarios.find_programs()
    if not programs or not library.is_file():
        return None
    printed = capture("ldd", str(next(iter(programs.values()))))[1]
    found = re.search(r"libwdmoe\.so => (\S+)", printed)
    if found and Path(found[1]).is_file() and not os.path.samefile(found[1], library):
        fix = f"unset LD_LIBRARY_PATH, which is '{os.environ.get('LD_LIBRARY_PATH', '')}'"
        return Finding("library path", BAD, f"the programs load {found[1]}, not {library}", fix)
    return None


def check_programs():
    binaries, _ = installation()
    programs = scenarios.find_programs()
    lost = [name for name in scenarios.SCENARIOS if name not in programs]
    if lost:
        there = f"; there are: {', '.join(programs)}" if programs else ""
        return Finding("programs", BAD, f"missing: {', '.join(lost)}; {whose(binaries)}{there}", unset_or_install())
    return good("programs", f"{', '.join(programs)} in {binaries}")


# One of each kind of data file.
DATA = ("devices.json", "models/mixtral-8x7b.json", "requests/azure-2023-conv-excerpt.csv", "evaluation/tasks.jsonl")


def check_data():
    binaries, library = installation()
    named = os.environ.get("WDMOE_DATA")
    # as the library looks for it
    folders = [Path(named)] if named else []
    folders += [library.parent.parent / "data", library.parent.parent / "share" / "wdmoe"]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    fix = "unset WDMOE_DATA, or let it name the folder data/ of a checkout" if named else INSTALL
    if named and not Path(named).is_dir():
        return Finding("data", BAD, f"WDMOE_DATA is {named}, which is no folder", fix)
    if folder is None:
        if os.environ.get("WDMOE_BIN"):
            return good("data", "as the build folder has it")  # compiled in; the simulation below shows it
        return Finding("data", BAD, f"no folder {folders[0]}", fix)
    lost = [name for name in DATA if not (folder / name).is_file()]
    if lost:
        return Finding("data", BAD, f"{folder} has no {', '.join(lost)}", fix)
    return good("data", str(folder))


def check_simulation():
    """Runs one, of a single block."""
    program = scenarios.find_programs().get("ideal")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="wdmoe-doctor-") as folder:
        began = time.monotonic()
        status, printed, error = capture(
            str(program),
            "--requests=1",
            "--blocks=1",
            "--maxOutputTokens=1",
            "--policies=topk-equal",
            f"--out={folder}/out",
        )
        seconds = time.monotonic() - began
        if status or not Path(folder, "out", "summary.json").is_file():
            reason = explain(printed + error, "ideal") or f"{last_line(error)} (exit status {status})"
            return Finding("simulation", BAD, f"{program.name} fails: {reason}", f"{ABOVE}, {unset_or_install()}")
    return good("simulation", f"{program.name} ran a block in {seconds:.2f} s")


BINDINGS = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
from wdmoe import ns
ns.WdmoeIdealRadioHelper
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print("@doctor " + json.dumps({"wall": wall, "cpu": cpu}))
"""
CACHE_FIX = "let XDG_CACHE_HOME name a folder that can be written, with 500 MB"


def check_cache():
    """Where the precompiled header goes: it may be written, and there is space."""
    from wdmoe.bindings import cache

    folder = cache.folder()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        found = f"{there} can't be written ({error.strerror}): every start of Python takes 10 s, not 1 s"
        return Finding("cache", NOTE, found, CACHE_FIX)
    free = shutil.disk_usage(there).free // 1_000_000
    if free < SPACE_MB:
        return Finding("cache", NOTE, f"{there} has {free} MB free, a precompiled header needs {SPACE_MB}", CACHE_FIX)
    made = [path.stat().st_size for path in folder.glob("*.pch")] if folder.is_dir() else []
    return good("cache", f"{folder}: {len(made)} precompiled headers, {sum(made) // 1_000_000} MB; {free} MB free")


def check_temporary():
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < SPACE_MB:
        return Finding("temporary files", NOTE, f"{folder} has {free} MB free", "let TMPDIR name a folder with more")
    return good("temporary files", f"{folder}, {free} MB free")


def judge_failure(state, status, error):
    """Whether the bindings fail with the precompiled header only, which is then damaged."""
    made = Path(state["path"])
    if (
        made.exists()
        and capture(sys.executable, "-c", BINDINGS, env={**os.environ, "XDG_CACHE_HOME": os.devnull})[0] == 0
    ):
        return Finding("bindings", BAD, f"the precompiled header {made} is damaged", "remove it; it is made again")
    reason = f"ended by {signal.Signals(-status).name}" if status and status < 0 else last_line(error)
    fix = f"{ABOVE}, {INSTALL}"
    return Finding("bindings", BAD, f"`from wdmoe import ns` fails: {reason}", fix)


def check_bindings():
    """`from wdmoe import ns` in a Python of its own, twice where the first had to make the precompiled header."""
    from wdmoe import bindings

    state = bindings.status()
    remove = f"remove {state['folder']}, which is made again"
    if "key" not in state:
        return Finding("bindings", BAD, "; ".join(state["problems"]), f"{ABOVE}, {INSTALL}")
    for _ in range(2):
        status, printed, error = capture(sys.executable, "-c", BINDINGS)
        told = re.search(r"^@doctor (.*)$", printed, re.MULTILINE)
        if status or not told:
            return judge_failure(state, status, error)
        took = json.loads(told[1])
        if took["cpu"] <= SLOW_S:
            break
    text = f"`from wdmoe import ns` takes {took['wall']:.1f} s ({took['cpu']:.1f} s of the processor)"
    if took["cpu"] > SLOW_S:
        return Finding("bindings", NOTE, f"{text}: no precompiled header is used", f"{CACHE_FIX}; or {remove}")
    return good("bindings", f"{text} with {state['path']}")


CHECKS = (
    check_system,
    check_python,
    check_packages,
    check_cppyy,
    check_ns3,
    check_compiler,
    check_headers,
    check_library,
    check_loaded,
    check_programs,
    check_data,
    check_simulation,
    check_temporary,
    check_cache,
    check_bindings,
)


def examine(checks=None):
    """Findings, one by one; a check that breaks is one of its own."""
    for check in CHECKS if checks is None else checks:
        try:
            found = check()
            for finding in [found] if isinstance(found, Finding) else found or ():
                yield finding
        except Exception as error:  # what a doctor trips over is a finding, too
            what = check.__name__.replace("check_", "")
            yield Finding(what, BAD, f"could not be looked at: {type(error).__name__}: {error}", INSTALL)


MARKS = {GOOD: "ok  ", NOTE: "note", BAD: "BAD "}


def main(options):
    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print(f"{MARKS[finding.state]}  {finding.what}: {finding.found}", flush=True)
            if finding.fix:
                print(f"      -> {finding.fix}", flush=True)
    bad = sum(finding.state == BAD for finding in findings)
    notes = sum(finding.state == NOTE for finding in findings)
    if options.json:
        print(json.dumps({"good": not bad, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        print(f"{'nothing is wrong' if not bad else f'{bad} wrong'}{f', {notes} to note' if notes else ''}")
    return 1 if bad else 0
