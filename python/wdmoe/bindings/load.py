# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Loads ns-3 and the module into cppyy."""

import os
import signal
import sys

from wdmoe.bindings import cache, paths


def load():
    """The namespace ns3 of cppyy, with everything in it; the same object that `from ns import ns` gives."""
    include, library = paths.module()
    libraries = paths.ns3_libraries()
    precompiled = None
    if "cppyy" not in sys.modules:
        os.environ.setdefault("EXTRA_CLING_ARGS", cache.CLING_ARGS)
        if "CLING_STANDARD_PCH" not in os.environ:
            precompiled = cache.ensure()
        if precompiled:
            os.environ["CLING_STANDARD_PCH"] = str(precompiled)
            os.environ["CLING_REBUILD_PCH"] = "0"
    import cppyy
    import libcppyy

    if precompiled:
        # For this process only: another program that it starts may load other headers.
        del os.environ["CLING_STANDARD_PCH"], os.environ["CLING_REBUILD_PCH"]
    # ns-3's message in place of a debugger's report
    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGILL, signal.SIGFPE, signal.SIGBUS):
        signal.signal(number, signal.SIG_DFL)
    libcppyy.AddSmartPtrType("Ptr")
    for each in (*libraries, library):
        cppyy.load_library(str(each))
    cppyy.add_include_path(str(include))
    cppyy.add_include_path(str(paths.ns3() / "include"))
    if not precompiled:
        cppyy.cppdef(cache.includes())
    return cppyy
