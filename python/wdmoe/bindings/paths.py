# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Where ns-3, the module and cppyy are."""

import importlib.util
import os
import re
from pathlib import Path

from wdmoe.build import DEFINITIONS, MODULES

# Of the headers as cppyy sees them; NDEBUG changes no layout.
DEFINES = tuple(name for name in DEFINITIONS if name != "NDEBUG")


def ns3():
    """Folder of the ns3 package."""
    found = importlib.util.find_spec("ns3")
    if found is None:
        raise ImportError("wdmoe: no package ns3 beside this Python. Install it: pip install 'ns3==3.44.*'")
    return Path(list(found.submodule_search_locations)[0])


def ns3_libraries():
    """Libraries of the modules of ns-3 that are used, those first that others need."""
    folder = ns3() / "lib64"
    libraries = []
    for module in MODULES:
        found = sorted(folder.glob(f"libns3.*-{module}.so"))
        if not found:
            raise ImportError(
                f"wdmoe: no library of ns-3's module {module} in {folder}. Install the ns3 package again: "
                "pip install --force-reinstall 'ns3==3.44.*'"
            )
        libraries.append(found[0])
    return libraries


def module():
    """Folder of the module's headers and its library: the build that WDMOE_BIN names, else the installed package."""
    if os.environ.get("WDMOE_BIN"):
        build = Path(os.environ["WDMOE_BIN"]).resolve().parent
        include, library = build / "include", build / "libwdmoe.so"
        fix = f"WDMOE_BIN is {os.environ['WDMOE_BIN']}; expected the folder bin of a build: cmake --build {build}"
    else:
        here = Path(__file__).resolve().parents[1]
        include, library = here / "include", here / "lib" / "libwdmoe.so"
        fix = "Install the package (pip install .), or name a build's folder bin by WDMOE_BIN"
    for path in (library, include / "ns3" / "wdmoe-module.h"):
        if not path.exists():
            raise ImportError(f"wdmoe: no {path}. {fix}")
    return include, library


def headers():
    """Headers of the module; those of a build folder only lead to the sources."""
    found = []
    for header in sorted((module()[0] / "ns3").glob("*.h")):
        leads = re.match(r'#include "(\.\./[^"]+)"\s*$', header.read_text())
        found.append((header.parent / leads[1]).resolve() if leads else header)
    return found


def backend():
    """Folder of cppyy's compiler."""
    found = importlib.util.find_spec("cppyy_backend")
    if found is None:
        raise ImportError("wdmoe: no package cppyy beside this Python. Install it: pip install 'cppyy>=3.5'")
    return Path(list(found.submodule_search_locations)[0])
