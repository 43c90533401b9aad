# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""ns-3 and the module in Python by cppyy: libraries first, then headers, of the modules that are needed only."""

import importlib.util
import os
import signal
from pathlib import Path

from wdmoe.bindings import options
from wdmoe.build import DEFINITIONS, MODULES


def _find():
    """Folders of headers and the library of the module: the build that WDMOE_BIN names, else the installed package."""
    if os.environ.get("WDMOE_BIN"):
        build = Path(os.environ["WDMOE_BIN"]).resolve().parent
        return build / "include", build / "libwdmoe.so"
    here = Path(__file__).resolve().parents[1]
    return here / "include", here / "lib" / "libwdmoe.so"


def _load():
    ns3 = Path(list(importlib.util.find_spec("ns3").submodule_search_locations)[0])
    include, library = _find()
    import cppyy

    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGILL, signal.SIGFPE, signal.SIGBUS):
        signal.signal(number, signal.SIG_DFL)
    for module in MODULES:
        cppyy.load_library(str(next((ns3 / "lib64").glob(f"libns3.*-{module}.so"))))
    cppyy.load_library(str(library))
    cppyy.cppdef("\n".join(f"#define {name}" for name in DEFINITIONS if name != "NDEBUG"))
    cppyy.add_include_path(str(include))
    cppyy.add_include_path(str(ns3 / "include"))
    for module in MODULES:
        cppyy.include(f"ns3/{module}-module.h")
    cppyy.include("ns3/wdmoe-module.h")
    ns3 = cppyy.gbl.ns3
    ns3.std, ns3.wdmoe = cppyy.gbl.std, cppyy.gbl.wdmoe
    options.pythonize(ns3, cppyy.gbl.std.string)
    return ns3


ns = _load()
