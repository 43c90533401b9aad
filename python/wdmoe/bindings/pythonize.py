# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What Python code expects of ns-3's classes."""

import builtins

from wdmoe.bindings.names import nearest

_EXCEPTIONS = {
    "invalid_argument": ValueError,
    "domain_error": ValueError,
    "length_error": ValueError,
    "out_of_range": IndexError,
    "range_error": ArithmeticError,
    "overflow_error": OverflowError,
    "runtime_error": RuntimeError,
    "logic_error": RuntimeError,
    "bad_alloc": MemoryError,
}
_CONTAINERS = ("NodeContainer", "NetDeviceContainer", "ApplicationContainer")


def _exceptions(std):
    for name, base in _EXCEPTIONS.items():
        cls = getattr(std, name)
        if not issubclass(cls, base):
            cls.__bases__ = (*cls.__bases__, base)


def _container(cls):
    get, size = cls.Get, cls.GetN

    def getitem(self, index):
        count = size(self)
        if isinstance(index, slice):
            return [get(self, i) for i in range(*index.indices(count))]
        at = index + count if index < 0 else index
        if not 0 <= at < count:
            raise IndexError(f"{cls.__name__}: index {index}; expected less than its size, {count}")
        return get(self, at)

    def iterate(self):
        return (get(self, i) for i in range(size(self)))

    cls.__getitem__ = getitem
    cls.__len__ = lambda self: size(self)
    cls.__iter__ = iterate


def _missing_names(ns):
    """Tells names that are near one that isn't there."""

    def missing(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"ns has no {name!r}{nearest(name, dir(cls))}")

    type(ns).__getattr__ = missing


def install(cppyy):
    ns = cppyy.gbl.ns3
    _exceptions(cppyy.gbl.std)
    for name in _CONTAINERS:
        _container(getattr(ns, name))
