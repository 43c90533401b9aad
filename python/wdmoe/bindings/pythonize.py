# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What Python code expects of ns-3's classes."""

from wdmoe.bindings.errors import BadValueError, UnknownAttributeError, attributes, find, refused, unknown_attribute
from wdmoe.names import nearest

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
        text = f"ns has no {name!r}"
        raise AttributeError(text if name.startswith("__") else text + nearest(name, dir(cls)))

    type(ns).__getattr__ = missing


def _time(cls):
    multiply, add, subtract = cls.__mul__, cls.__add__, cls.__sub__
    cls.__str__ = lambda self: f"{self.GetSeconds():.12g}s"
    cls.__repr__ = lambda self: f"ns.Time('{self.GetSeconds():.12g}s')"
    cls.__float__ = lambda self: self.GetSeconds()
    cls.__hash__ = lambda self: hash(self.GetTimeStep())
    cls.__rmul__ = lambda self, factor: multiply(self, factor)
    cls.__radd__ = lambda self, other: self if other == 0 else add(cls(other), self)  # sum() begins with 0
    cls.__neg__ = lambda self: subtract(cls(0), self)


class _View:
    """The memory of a vector in an object of C++, which lives as long as an array of numpy looks at it."""

    def __init__(self, owner, vector, shape):
        import numpy

        self._owner = owner
        flat = numpy.asarray(vector)
        if flat.size != shape[0] * shape[1]:
            raise ValueError(f"{type(owner).__name__}: {flat.size} values; expected {shape[0]} x {shape[1]}")
        self.__array_interface__ = dict(flat.__array_interface__, shape=shape)


def _matrix(cls, member, columns):
    def numpy_(self):
        """Its values, J x E, without a copy: what is written into the array is in the object. Valid until tokens are added."""
        import numpy

        return numpy.asarray(_View(self, getattr(self, member), (int(self.tokens), int(getattr(self, columns)))))

    cls.numpy = numpy_


def _selection(cls):
    def view(member):
        def numpy_(self):
            """J x slots, without a copy."""
            import numpy

            return numpy.asarray(_View(self, getattr(self, member), (int(self.tokens), int(self.slots))))

        return numpy_

    cls.numpy = view("expert")
    cls.combine_numpy = view("combine")


def _copy(cls):
    cls.copy = cls.__copy__ = lambda self: cls(self)
    cls.__deepcopy__ = lambda self, memory: cls(self)


_RECORDS = (
    "WdmoeBlockRecord WdmoeRequestRecord WdmoeTokenRecord WdmoeServerReport WdmoeDeviceRecord WdmoePieceRecord WdmoePlan "
    "WdmoeBlockInput WdmoeDecision WdmoeLinkState WdmoeNodeReport WdmoePolicy"
).split()


def _vectors(cls, name):
    """Vectors print what is in them."""
    if name.startswith("vector<") and not name.startswith("vector<bool"):
        cls.__str__ = cls.__repr__ = lambda self: (
            f"[{', '.join(map(repr, list(self)[:20]))}{', ...' if len(self) > 20 else ''}]"
        )


def _plain_values(ns):
    """Wherever ns-3 takes a `const AttributeValue&`, Python's own values do: numbers, text, Time, objects."""
    value = ns.AttributeValue
    text = ns.StringValue

    def convert(given):
        if isinstance(given, bool):
            return ns.BooleanValue(given)
        if isinstance(given, (str, int, float)):
            return text(str(given))
        if isinstance(given, ns.Time):
            return ns.TimeValue(given)
        if isinstance(given, ns.TypeId):
            return ns.TypeIdValue(given)
        raise TypeError(
            f"no attribute takes a {type(given).__name__} ({given!r}); expected a number, text, ns.Time, or a value of ns-3, "
            "such as ns.PointerValue(object)"
        )

    return value, convert


def _named(ns, first, static):
    """(TypeId, name) of the attribute that was to be set."""
    if not static:
        return first[0].GetInstanceTypeId(), first[1]
    of, _, name = str(first[0]).rpartition("::")
    return find(ns, of), name


def _refuse_negative(tid, attribute, value):
    """ns-3 takes -1 for 2^64 - 1 where it wants an unsigned number."""
    known = attributes(tid).get(attribute) if tid else None
    if known and str(known.checker.GetValueTypeName()) == "ns3::UintegerValue":
        raise BadValueError(refused(tid, attribute, value))


def _text(value):
    """A value of ns-3 as text, or None."""
    return str(value.Get()) if hasattr(value, "Get") else None


def _attributes(ns):
    """SetAttribute() and the like with plain values."""
    value, convert = _plain_values(ns)

    def accept(cls, name, static=False):
        original = getattr(cls, name)

        def call(*arguments):
            *first, last = arguments
            if isinstance(last, (int, float)) and last < 0:
                _refuse_negative(*_named(ns, first, static), last)
            try:
                return original(*first, last if isinstance(last, value) else convert(last))
            except BadValueError:
                # ns-3 says the value, not of which attribute
                tid, attribute = _named(ns, first, static)
                text = tid and refused(tid, attribute, last if not isinstance(last, value) else _text(last))
                if not text:
                    raise
                raise BadValueError(text) from None

        call.__name__, call.__doc__ = name, original.__doc__
        setattr(cls, name, staticmethod(call) if static else call)

    accept(ns.ObjectBase, "SetAttribute")
    accept(ns.ObjectBase, "SetAttributeFailSafe")
    for name in ("Set", "SetDefault", "SetDefaultFailSafe", "SetGlobal"):
        accept(ns.Config, name, static=True)


def _factory(ns):
    """cppyy would make a new TypeId of a name that isn't there."""

    def change(cls):
        original = cls.SetTypeId
        cls.SetTypeId = lambda self, tid: original(self, ns.TypeId.LookupByName(tid) if isinstance(tid, str) else tid)

    return change


_PARTS = {
    "SetSelector": "ns3::WdmoeSelector",
    "SetAllocator": "ns3::WdmoeAllocator",
    "SetPredictor": "ns3::WdmoePredictor",
    "SetPrecision": "ns3::WdmoePrecisionPolicy",
    "SetPlacer": "ns3::WdmoePlacer",
}


def _optimizer(ns, convert):
    """A part named by its TypeId: its attributes take plain values, and cppyy has no template to compile."""

    def change(cls):
        for name, base in _PARTS.items():
            setattr(cls, name, named(name, base, getattr(cls, name)))

    def named(name, base, original):
        def call(self, part, *arguments):
            if not isinstance(part, str):
                return original(self, part, *arguments)
            factory = ns.ObjectFactory()
            tid = ns.TypeId.LookupByName(part)
            if not tid.IsChildOf(ns.TypeId.LookupByName(base)):
                raise BadValueError(f"{name}: {part} is no {base}")
            factory.SetTypeId(tid)
            if len(arguments) % 2:
                raise TypeError(f"{part}: {len(arguments)} arguments behind it; expected names and values of attributes")
            for attribute, value in zip(arguments[::2], arguments[1::2]):
                known = attributes(tid).get(str(attribute))
                if known is None:
                    raise UnknownAttributeError(unknown_attribute(tid, str(attribute)))
                given = value if isinstance(value, ns.AttributeValue) else convert(value)
                if isinstance(value, (int, float)) and value < 0:
                    _refuse_negative(tid, str(attribute), value)
                try:
                    good = bool(known.checker.CreateValidValue(given))
                except BadValueError:
                    good = False
                if not good:
                    raise BadValueError(refused(tid, str(attribute), _text(given)))
                factory.Set(attribute, given)
            return original(self, factory)

        return call

    return change


def _block(cls):
    _copy(cls)
    cls.pass_ = property(lambda self: getattr(self, "pass"))  # a word of Python's own


def _strict(cls):
    """A member that isn't there can't be set: a misspelled option would be ignored without a word."""

    def setattr_(self, name, value):
        if type(self) is cls and not name.startswith("_") and not any(name in vars(base) for base in cls.__mro__):
            hint = ""
            if hasattr(self, "GetInstanceTypeId"):
                known = attributes(self.GetInstanceTypeId())
                hint = f"; it is an attribute: SetAttribute({name!r}, ...)" if name in known else nearest(name, known)
            raise AttributeError(f"{cls.__name__} has no member {name!r}{hint or nearest(name, dir(cls))}")
        if name == "policies" and isinstance(value, (list, tuple)):
            value = ",".join(value)
        original(self, name, value)

    original = cls.__setattr__
    cls.__setattr__ = setattr_


def _when_used(cppyy, scope, namespace, changes, strict):
    """Changes classes when they are first asked for: making all of them takes longer than loading."""

    def change(cls, name):
        if name in changes:
            changes[name](cls)
        if name.startswith((strict, "Ptr<ns3::Wdmoe")) and isinstance(cls, type):
            _strict(cls)

    there = [name for name in vars(namespace) if name in changes or name.startswith(strict)]
    for name in there:  # by another loader of ns-3
        change(getattr(namespace, name), name)
    cppyy.py.add_pythonization(change, scope)


def install(cppyy):
    ns, numerics = cppyy.gbl.ns3, cppyy.gbl.wdmoe
    _exceptions(cppyy.gbl.std)
    cppyy.gbl.std.string.__fspath__ = lambda self: str(self)  # of an option that names a file
    changes = {name: _container for name in _CONTAINERS}
    changes.update({name: _copy for name in _RECORDS}, WdmoeBlockRecord=_block, Time=_time, ObjectFactory=_factory(ns))
    changes["WdmoeOptimizerHelper"] = _optimizer(ns, _plain_values(ns)[1])
    _when_used(cppyy, "ns3", ns, changes, "Wdmoe")
    gates = {"GateMatrix": lambda cls: _matrix(cls, "weight", "experts"), "Selection": _selection}
    _when_used(cppyy, "wdmoe", numerics, gates, "")
    _attributes(ns)
    cppyy.py.add_pythonization(_vectors, "std")
    _missing_names(ns)
