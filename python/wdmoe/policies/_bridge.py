# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Python classes as TypeIds: how they become known, how their objects are made, called and let go.

An object of C++ holds nothing but a number, by which the object of Python is found here; the C++ side says when it is
gone. So neither deletes what the other still uses, whoever goes first.
"""

import atexit
import ctypes
import functools
import inspect
import itertools
import re
import warnings

from wdmoe.bindings import ns
from wdmoe.policies import _raw

cppyy = ns.cppyy

_library = ctypes.CDLL(None)
_objects = {}  # number -> {method: function(in, out)}
_numbers = itertools.count(1)
_kinds = (
    {}
)  # class of a part -> (its TypeId, function(object of Python, its TypeId's name, address) -> methods, traits)
_types = {}  # name of a TypeId -> _Type
_given = None  # the object that the next C++ object is for; None: a new one
_slot = ctypes.c_void_p()  # address of the exception that is on its way
_kept = None  # that exception

_CONVERT = {"double": float, "int": int, "bool": lambda text: text == "true", "text": str}
_NAMES = {float: "double", int: "int", bool: "bool", str: "text"}


class _Type:
    """A TypeId of ours: the class, how to make one, its attributes."""

    def __init__(self, name, part, make, attributes):
        self.name = name
        self.part = part
        self.make = make
        self.attributes = attributes


def kind(base, prepare):
    """For a class of the package: users' subclasses are parts of that TypeId, called as `prepare` says."""

    def add(part):
        _kinds[part] = (base, prepare)
        return part

    return add


def _kind_of(part):
    for ancestor in part.__mro__:
        if ancestor in _kinds:
            return (ancestor, *_kinds[ancestor])
    raise TypeError(f"{part.__name__} is no part of a simulation; expected a subclass of {_join(_kinds)}")


def _join(parts):
    return ", ".join(f"wdmoe.{part.__name__}" for part in parts)


def keep(error):
    """The exception is thrown on the C++ side next."""
    global _kept
    _kept = error
    _slot.value = id(error)


def guard(function):
    """Exceptions of policies, which cross C++ in this call, come out as they were raised, traceback included."""

    @functools.wraps(function, assigned=("__name__", "__doc__"), updated=())
    def call(*args, **keywords):
        global _kept
        _kept = None
        try:
            return function(*args, **keywords)
        except BaseException as error:
            _library.wdmoe_foreign_settle()
            found, _kept = _kept, None
            if found is None or found is error:
                raise
            raise found from found.__cause__

    return call


@_raw.MAKE
def _make(address, name, count, names, values, methods):
    try:
        known = _types[name.decode()]
        part = _given
        if part is None:
            part = known.make()
            if not isinstance(part, known.part):
                raise TypeError(f"{known.name}: made {part!r}; expected a {known.part.__name__}")
            for at in range(count):
                _set(known, part, names[at].decode(), values[at].decode())
        found, traits = _kind_of(type(part))[2](part, known.name, address)
        found = {_raw.METHOD[key]: function for key, function in found.items()}
        found[_raw.METHOD["SET_ATTRIBUTE"]] = lambda given, _: _change(known, part, given)
        number = next(_numbers)
        _objects[number] = found
        methods[0] = sum(1 << method for method in {*found, *(_raw.METHOD[trait] for trait in traits)})
        return number
    except BaseException as error:  # whatever it is goes on to the caller of the simulation
        keep(error)
        return 0


@_raw.CALL
def _call(number, method, given, answer):
    try:
        _objects[number][method](given, answer)
        return 1
    except BaseException as error:  # as above
        keep(error)
        return 0


@_raw.RELEASE
def _release(number):
    _objects.pop(number, None)


@_raw.REFUSE
def _refuse(message):
    keep(ValueError(message.decode()))


def _set(known, part, name, text):
    setattr(part, name, _CONVERT[known.attributes[name][0]](text))


def _change(known, part, given):
    raw = _raw.Attribute.from_address(given)
    _set(known, part, raw.name.decode(), raw.value.decode())


def _at(function):
    return f"{ctypes.cast(function, ctypes.c_void_p).value}ULL"


def _open():
    python = ctypes.pythonapi
    cppyy.include("CPyCppyy/PyException.h")
    # Python's functions by address: their declarations would get into the way of those of Python.h
    cppyy.cppdef(f"""
        namespace wdmoe_python
        {{
        void Raise(const char* message)
        {{
            if (message)
            {{
                ((void (*)(const char*)){_at(_refuse)})(message);
            }}
            const int state = ((int (*)()){_at(python.PyGILState_Ensure)})();
            void* error = *(void**){ctypes.addressof(_slot)}ULL;
            void* type = ((void* (*)(void*)){_at(python.PyObject_Type)})(error);
            ((void (*)(void*, void*)){_at(python.PyErr_SetObject)})(type, error);
            ((void (*)(void*)){_at(python.Py_DecRef)})(type);
            ((void (*)(int)){_at(python.PyGILState_Release)})(state);
            throw CPyCppyy::PyException();
        }}
        void Open()
        {{
            wdmoe_foreign_bridge((ns3::WdmoeForeignBridge::Make){_at(_make)},
                                 (ns3::WdmoeForeignBridge::Call){_at(_call)},
                                 (ns3::WdmoeForeignBridge::Release){_at(_release)},
                                 Raise);
        }}
        }}
        """)
    cppyy.gbl.wdmoe_python.Open()
    # objects of C++ that are left when Python ends do not call it any more
    atexit.register(_library.wdmoe_foreign_bridge, None, None, None, None)


_library.wdmoe_foreign_keep.restype = ctypes.c_void_p
_library.wdmoe_foreign_keep.argtypes = [ctypes.c_void_p]
_library.wdmoe_foreign_drop.argtypes = [ctypes.c_void_p]
_library.wdmoe_foreign_top_k.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
_library.wdmoe_foreign_bridge.argtypes = [ctypes.c_void_p] * 4
_open()


def _needs_arguments(make):
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]


def _attributes(part, probe):
    """Public settings of a fresh object: those of simple types, of its class or of its own."""
    found = {}
    ancestor = _kind_of(part)[0]
    for owner in reversed(part.__mro__):
        if owner is not ancestor and issubclass(owner, ancestor):
            found.update(vars(owner))
    found.update(vars(probe))
    own = set(dir(ancestor))
    return {
        name: (_NAMES[type(value)], value)
        for name, value in found.items()
        if type(value) in _NAMES and not name.startswith("_") and name not in own
    }


def _text(value):
    return (
        ("true" if value else "false")
        if isinstance(value, bool)
        else repr(value) if isinstance(value, float) else str(value)
    )


def _check_arguments(part, ancestor, method):
    """TypeError where a method can't be called as that of the class of the package is."""
    expected = inspect.signature(getattr(ancestor, method))
    written = getattr(part, method)
    if isinstance(inspect.getattr_static(part, method), (staticmethod, classmethod)):
        return
    try:
        inspect.signature(written).bind(*expected.parameters)
    except TypeError:
        raise TypeError(
            f"{part.__name__}.{method}{inspect.signature(written)} can't be called with what it is given; expected "
            f"{method}{expected}"
        ) from None


def register(make, given=None):
    """The TypeId's name of a class, or of whatever makes an object of one; `given` is an object that is there already."""
    for known in _types.values():
        if known.make is make:
            return known.name
    if not callable(make):
        raise TypeError(f"{make!r} is no class of a part, and makes none; expected a subclass of {_join(_kinds)}")
    if inspect.isclass(make):
        ancestor = _kind_of(make)[0]
        missing = sorted(getattr(make, "__abstractmethods__", ()))
        if missing:
            raise TypeError(f"{make.__name__} has no {_words(missing)}; write it: {_signature(make, missing[0])}")
        for method in sorted(getattr(ancestor, "__abstractmethods__", ())):
            _check_arguments(make, ancestor, method)
    needs = _needs_arguments(make)
    if needs and given is None:
        raise TypeError(
            f"{getattr(make, '__name__', make)} needs {_words(needs)} to be made; give it a default, or use "
            "functools.partial(...)"
        )
    probe = make() if not needs else given
    part = type(probe)
    base = _kind_of(part)[1]
    attributes = {} if needs else _attributes(part, probe)
    local = "<locals>" in part.__qualname__ or make is not part
    name = "python::" + re.sub(r"\W", "_", part.__name__)
    same = _types.get(name)
    if same is not None and not local and _is_again(same, part, attributes):
        same.make, same.part = make, part
        return name
    for number in itertools.count(2):
        if name not in _types:
            break
        name = f"python::{part.__name__}-{number}"
    if same is not None and not local and _is_named_as(same, part):
        warnings.warn(
            f"{part.__name__} was defined before, with other attributes: as a TypeId this one is {name}", stacklevel=3
        )
    tid = ns.WdmoeForeign.Register(name, base)
    for attribute, (kind_, value) in attributes.items():
        ns.WdmoeForeign.AddAttribute(tid, attribute, kind_, _text(value))
    _types[name] = _Type(name, part, make, attributes)
    return name


def _words(names):
    return ", ".join(f"'{name}'" for name in names)


def _signature(part, method):
    return f"def {method}{inspect.signature(getattr(part, method))}"


def _is_named_as(known, part):
    return (known.part.__module__, known.part.__qualname__) == (part.__module__, part.__qualname__)


def _is_again(known, part, attributes):
    return known.make is known.part and _is_named_as(known, part) and known.attributes == attributes


def as_object(part):
    """The C++ object, a Ptr, of an object of Python: for whatever takes a Ptr to such a part."""
    global _given
    name = register(type(part), part)
    base = getattr(ns, _kind_of(type(part))[1].split("::")[1])
    _given = part
    try:
        return guard(ns.ObjectFactory(name).Create[base])()
    finally:
        _given = None


def library():
    """The C functions."""
    return _library
