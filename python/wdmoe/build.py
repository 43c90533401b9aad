# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Builds a scenario of one's own against the installed library and its ns-3: `wdmoe build FILE.cc [MORE.cc ...]`."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

# The modules that the library itself is linked with; a scenario may use all of them.
MODULES = (
    "core network internet point-to-point applications mobility propagation spectrum antenna buildings lte wifi csma "
    "bridge traffic-control flow-monitor netanim"
).split()
# As the ns3 wheel was compiled: some classes have members under these.
DEFINITIONS = ("NS3_LOG_ENABLE", "NS3_ASSERT_ENABLE", "HAVE_GSL", "NDEBUG")


def find_parts():
    """Folder of the module's headers, and its library: of the build that WDMOE_BIN names, else of the package."""
    if os.environ.get("WDMOE_BIN"):
        folder = Path(os.environ["WDMOE_BIN"]).resolve().parent
        if (folder / "libwdmoe.so").exists():
            return folder / "include", folder / "libwdmoe.so"
    here = Path(__file__).resolve().parent
    return here / "include", here / "lib" / "libwdmoe.so"


def _find_ns3():
    return Path(list(importlib.util.find_spec("ns3").submodule_search_locations)[0])


def compile_flags():
    """The compiler (g++, or the variable CXX), its flags, and where the headers are."""
    compiler = os.environ.get("CXX") or "g++"
    command = [compiler, "-std=c++20", "-O2", *(f"-D{name}" for name in DEFINITIONS)]
    return command + [f"-I{find_parts()[0]}", f"-I{_find_ns3() / 'include'}"]


def link_flags():
    """What links with the module and its ns-3."""
    library, ns3 = find_parts()[1], _find_ns3()
    modules = [str(next((ns3 / "lib64").glob(f"libns3.*-{module}.so"))) for module in MODULES]
    # config-store of the wheel was built with GTK, which nobody needs to have
    flags = ["-Wl,--as-needed", "-Wl,--allow-shlib-undefined", f"-L{library.parent}", "-lwdmoe", *modules]
    return flags + [f"-Wl,-rpath,{library.parent}", f"-Wl,-rpath,{ns3 / 'lib64'}"]


def build(sources, output):
    """One program from `sources`, C++ files of which one has a main(); named after the first unless `output` is given."""
    sources = [Path(source) for source in sources]
    for source in sources:
        if not source.is_file():
            print(f"wdmoe build: no file {source}", file=sys.stderr)
            return 2
    output = Path(output) if output else sources[0].with_suffix("")
    if output in sources:
        print(f"wdmoe build: {output} is a source; name the program by -o PROGRAM", file=sys.stderr)
        return 2
    command = [*compile_flags(), *map(str, sources), "-o", str(output), *link_flags()]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        print(f"built {output}")
    return status
