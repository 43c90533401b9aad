# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Finds libwdmoe-core and calls its C interface, model/core/wdmoe-core-c.h."""

import ctypes
import operator
import os
from pathlib import Path

import numpy as np

NAME = "libwdmoe-core.so"
ABI = 1
CODES = {1: ValueError, 2: RuntimeError}


def _places():
    """Where the library may be: WDMOE_CORE_LIBRARY, the build folder of WDMOE_BIN, the installed package."""
    if os.environ.get("WDMOE_CORE_LIBRARY"):
        return [Path(os.environ["WDMOE_CORE_LIBRARY"])]
    places = [Path(__file__).resolve().parents[1] / "lib" / NAME]
    if os.environ.get("WDMOE_BIN"):
        build = Path(os.environ["WDMOE_BIN"]).resolve().parent
        places = [build / NAME, build / "lib" / NAME, *places]
    return places


def _load():
    places = _places()
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise ImportError(
            f"wdmoe.core: no {NAME} at {' or '.join(map(str, places))}; install the package wdmoe, or build model/core "
            "(cmake -S model/core -B build/core && cmake --build build/core) and set WDMOE_CORE_LIBRARY to the library"
        )
    library = ctypes.CDLL(str(found))
    abi = library.wdmoe_core_abi()
    if abi != ABI:
        raise ImportError(f"wdmoe.core: {found} has interface {abi}, expected {ABI}; install both from one version")
    return library


_library = _load()
_SIZE = 1024


def call(name, *arguments):
    """Calls wdmoe_core_NAME. Returns its message: empty, or why a problem has no solution."""
    message = ctypes.create_string_buffer(_SIZE)
    code = getattr(_library, f"wdmoe_core_{name}")(*arguments, message, ctypes.c_size_t(_SIZE))
    text = message.value.decode(errors="replace")
    if code == 2 and text.startswith("out of memory"):
        raise MemoryError(text)
    if code:
        raise CODES[code](text)
    return text


def pointer(array):
    """Of an array that lives until the call is over."""
    return ctypes.c_void_p(array.ctypes.data)


def numbers(name, value, dimensions=1, shape=None, dtype=np.float64):
    """`value` as an array without gaps: itself where it is one. ValueError if it is not numbers, or of another shape."""
    try:
        array = np.asarray(value)
        if array.dtype != dtype:
            if array.dtype.kind not in "fiub":
                raise TypeError(f"{array.dtype}")
            array = array.astype(dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not an array of numbers: {error}") from None
    if array.ndim != dimensions:
        raise ValueError(f"{name} has {array.ndim} dimensions, expected {dimensions}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, expected {shape}")
    return np.ascontiguousarray(array)


def each(name, value, count):
    """`value`, one number or an array of them, as an array of length `count`."""
    if np.ndim(value) == 0:
        return np.full(count, number(name, value))
    return numbers(name, value, shape=(count,))


def number(name, value):
    """`value` as a float."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}, expected a number") from None


def whole(name, value, least=0, most=2**31 - 1):
    """`value` as an int in a range."""
    try:
        result = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is {value!r}, expected a whole number") from None
    if not least <= result <= most:
        raise ValueError(f"{name} is {result}, expected {least} .. {most}")
    return result


def require(name, array, good, expected):
    """ValueError for the first value of an array that is not good. `good`: of each, whether it is."""
    if not good.all():
        place = np.unravel_index(np.argmin(good), good.shape)
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {array[place]}, expected {expected}")
