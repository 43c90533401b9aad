# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""ns-3 and the module in Python by cppyy.

``from wdmoe import ns`` gives the namespace ``ns3`` of C++ with everything in it, and ``ns.wdmoe`` (the numerics), ``ns.std`` and
``ns.cppyy``. Plain Python functions are trace sinks and events; what ends a C++ program with a message is a
:class:`wdmoe.SimulationError`; exceptions of C++ are Python's own.
"""

from wdmoe.bindings import cache, paths
from wdmoe.bindings.errors import BadValueError, SimulationError, UnknownAttributeError, UnknownTypeError

__all__ = ["BadValueError", "SimulationError", "UnknownAttributeError", "UnknownTypeError", "callback", "ns", "status"]

_callbacks = None


def _start():
    from wdmoe.bindings import callbacks, errors, load, options, pythonize

    global _callbacks
    cppyy = load.load()
    found = cppyy.gbl.ns3
    for name, value in (("cppyy", cppyy), ("std", cppyy.gbl.std), ("wdmoe", cppyy.gbl.wdmoe)):
        setattr(found, name, value)
    pythonize.install(cppyy)
    options.install(cppyy)
    _callbacks = callbacks.install(cppyy)
    found.WdmoePython.Guard(errors.raiser(found))
    return found


def callback(function, signature):
    """A Callback of ns-3 that calls a Python function.

    `signature` is a C++ type, pointer to a function: ``callback(f, "void (*)(ns3::Ptr<ns3::Socket>)")``. What C++ passes by value or
    constant reference is a copy, which the function may keep.
    """
    from wdmoe.bindings.callbacks import check_callable

    check_callable(function, "callback()")
    if _callbacks is None:
        __getattr__("ns")
    return _callbacks.typed(signature, function)


def __getattr__(name):
    if name != "ns":
        raise AttributeError(f"module 'wdmoe.bindings' has no attribute '{name}'")
    globals()["ns"] = found = _start()
    return found


def status():
    """What `wdmoe doctor` tells of the bindings; loads nothing."""
    told = {"versions": cache.versions(), "folder": str(cache.folder()), "problems": []}
    try:
        include, library = paths.module()
        told.update(headers=str(include), library=str(library), ns3=str(paths.ns3()), cppyy=str(paths.backend()))
        told["ns3_libraries"] = [str(path) for path in paths.ns3_libraries()]
        precompiled = cache.path()
        told.update(key=precompiled.stem, path=str(precompiled), present=precompiled.exists())
        told["bytes"] = precompiled.stat().st_size if precompiled.exists() else 0
    except ImportError as error:
        told["problems"].append(str(error))
    told["writable"] = cache.writable()
    if not told["writable"]:
        told["problems"].append(
            f"{cache.folder()} can't be written: loading ns-3 takes 8 to 15 s each time. Name another folder by XDG_CACHE_HOME"
        )
    return told
