# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Builds a scenario of one's own against the installed library and its ns-3: `wdmoe build FILE.cc [MORE.cc ...]`."""

import importlib.util
import subprocess
import sys
from pathlib import Path

# The modules that the library itself is linked with; a scenario may use all of them.
MODULES = (
    "core network internet point-to-point applications mobility propagation spectrum antenna buildings lte wifi csma "
    "bridge traffic-control flow-monitor"
).split()
# As the ns3 wheel was compiled: some classes have members under these.
DEFINITIONS = ("NS3_LOG_ENABLE", "NS3_ASSERT_ENABLE", "HAVE_GSL", "NDEBUG")


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
    here = Path(__file__).resolve().parent
    ns3 = Path(list(importlib.util.find_spec("ns3").submodule_search_locations)[0])
    libraries = [next((ns3 / "lib64").glob(f"libns3.*-{module}.so")) for module in MODULES]
    command = ["g++", "-std=c++20", "-O2", *(f"-D{name}" for name in DEFINITIONS)]
    command += [f"-I{here / 'include'}", f"-I{ns3 / 'include'}", *map(str, sources), "-o", str(output)]
    # config-store of the wheel was built with GTK, which nobody needs to have
    command += ["-Wl,--as-needed", "-Wl,--allow-shlib-undefined", f"-L{here / 'lib'}", "-lwdmoe"]
    command += [str(library) for library in libraries]
    command += [f"-Wl,-rpath,{here / 'lib'}", f"-Wl,-rpath,{ns3 / 'lib64'}"]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        print(f"built {output}")
    return status
