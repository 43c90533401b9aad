# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What all parts written in Python have in common."""

import abc

import numpy as np

from wdmoe.bindings import ns


class Part(abc.ABC):
    """A part of a simulation.

    Its settings are plain attributes of the class, or of the object after ``__init__``: numbers, booleans and strings
    without a leading underscore. ``name:selector.gain=2`` of the policy grammar, attributes of ns-3 and the manifest
    know them by the same names.
    """

    _stream = 0
    _rng = None

    @property
    def rng(self):
        """Random numbers (numpy's Generator) of this simulation: they depend on RngSeed, RngRun and the stream."""
        if self._rng is None:
            manager = ns.RngSeedManager
            self._rng = np.random.Generator(
                np.random.PCG64([int(manager.GetSeed()), int(manager.GetRun()), int(self._stream)])
            )
        return self._rng

    def _assign_streams(self, stream):
        self._stream = stream
        self._rng = None
        return 1


class Lazy:
    """A value that is read when it is first asked for, which has to be during the call; from then on it stays."""

    def __init__(self, read):
        self.read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, given, owner=None):
        if given is None:
            return self
        if given._raw is None:
            raise RuntimeError(
                f"{type(given).__name__}.{self.name} is read after the call that it belongs to; read it there (what was "
                "read then stays good)"
            )
        value = given.__dict__[self.name] = self.read(given)
        return value


def numbers(value, length, who, what, dtype="f8"):
    """`value` as a contiguous array of a length, or an error that says what it is and what it should be."""
    try:
        array = np.ascontiguousarray(value, dtype=dtype)
    except (TypeError, ValueError):
        array = None
    if array is None or array.dtype == object:
        raise TypeError(f"{who}: {what} is {value!r}; expected {length} numbers")
    if array.shape == () and np.ndim(value) == 0:
        raise TypeError(f"{who}: {what} is {value!r}; expected {length} numbers, one for each")
    if array.shape != (length,):
        raise ValueError(f"{who}: {what} has shape {np.shape(value)}; expected ({length},)")
    return array
