# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Fatal errors of ns-3 as exceptions, which say the message, where it came from, and names that are near a wrong one."""

import re

from wdmoe.names import nearest

_TEXT = re.compile(
    r'^(?:aborted\. (?:cond="(?P<aborted>.*?)"?, (?=msg="|[+-]\d|file=))?|NS_ASSERT failed, cond="(?P<assert>.*?)", )?'
    r'(?:msg="(?P<message>.*)", )?'
    r"(?:(?P<time>[+-]\S+s) (?:(?P<node>-?\d+) )?)?file=(?P<file>.*), line=(?P<line>\d+)\s*$",
    re.DOTALL,
)
# cppyy makes another exception of the same type, of the text alone, with the functions of C++ before it.
_PREFIX = re.compile(r"^(?:Template method resolution failed:\n\s*)?(?:[^\n]*=>\n\s+\w+: )+")
_SUFFIX = re.compile(r"(?: at (?P<time>[+-]\S+s))? \((?P<file>[^()]*):(?P<line>\d+)\)$")


class SimulationError(RuntimeError):
    """What ends a C++ program: NS_ABORT_MSG, NS_FATAL_ERROR or NS_ASSERT of ns-3 or of the module.

    The simulation can't go on; `ns.Simulator.Destroy()` clears it away. Where the error is a name or value that the caller gave,
    the exception is an AttributeError or a ValueError as well.

    Attributes: message; file and line of the check; time of the simulation as text (or None).
    """

    def __init__(self, message, file=None, line=None, time=None):
        if _PREFIX.match(message):
            message = _PREFIX.sub("", message)
            found = _SUFFIX.search(message)
            if found:
                message, file, line, time = message[: found.start()], found["file"], int(found["line"]), found["time"]
        super().__init__(message)
        self.message, self.file, self.line, self.time = message, file, line, time

    def __str__(self):
        place = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.message}{f' at {self.time}' if self.time else ''}{place}"

    def __reduce__(self):
        return type(self), (self.message, self.file, self.line, self.time)


class UnknownAttributeError(SimulationError, AttributeError):
    """A name of an attribute or trace source that the class doesn't have."""


class UnknownTypeError(SimulationError, ValueError):
    """A TypeId that doesn't exist."""


class BadValueError(SimulationError, ValueError):
    """A value that an attribute doesn't take."""


def find(ns, name):
    """The TypeId of a name, or None."""
    found = ns.TypeId()
    return found if ns.TypeId.LookupByNameFailSafe(name, found) else None


def types(ns):
    """Names of all TypeIds."""
    return [str(ns.TypeId.GetRegistered(i).GetName()) for i in range(ns.TypeId.GetRegisteredN())]


def _members(tid, kind):
    """(name, information) of the attributes or trace sources of a TypeId and its parents."""
    while True:
        count, get = getattr(tid, f"Get{kind}N"), getattr(tid, f"Get{kind}")
        for i in range(count()):
            information = get(i)
            yield str(information.name), information
        if not tid.HasParent() or tid.GetParent() == tid:
            return
        tid = tid.GetParent()


def attributes(tid):
    return dict(_members(tid, "Attribute"))


def trace_sources(tid):
    return dict(_members(tid, "TraceSource"))


def unknown_attribute(tid, name, kind="attribute"):
    """The text of the error."""
    known = attributes(tid) if kind == "attribute" else trace_sources(tid)
    return f"{tid.GetName()} has no {kind} {name!r}{nearest(name, known)}"


def refused(tid, name, value=None):
    """The text for a value that an attribute doesn't take."""
    information = attributes(tid).get(name)
    given = "" if value is None else f" {value!r}"
    if not information:
        return None
    return (
        f"attribute {name} of {tid.GetName()} doesn't take the value{given}; expected: "
        f"{information.checker.GetUnderlyingTypeInformation() or information.checker.GetValueTypeName()} "
        f"({information.help})"
    )


def _by_message(ns, message):
    """(class, message) of the exception for ns-3's message."""
    found = re.match(r"Attribute name=(\S+) does not exist for this object: tid=(\S+)", message)
    if found:
        tid = find(ns, found[2])
        return UnknownAttributeError, unknown_attribute(tid, found[1]) if tid else message
    found = re.match(r"Invalid attribute set \((\S+)\) on (\S+)", message)
    if found:
        tid = find(ns, found[2])
        return UnknownAttributeError, unknown_attribute(tid, found[1]) if tid else message
    found = re.match(r"Invalid value for attribute set \((\S+)\) on (\S+)", message)
    if not found:
        found = re.match(r"Attribute name=(\S+) could not be set for this object: tid=(\S+)", message)
    if found:
        tid = find(ns, found[2])
        return BadValueError, (tid and refused(tid, found[1])) or message
    found = re.match(r"Could not set default value for (\S+)::(\S+)", message)
    if found:
        tid = find(ns, found[1])
        if not tid:
            return UnknownTypeError, f"no TypeId {found[1]}{nearest(found[1], types(ns))}"
        if found[2] not in attributes(tid):
            return UnknownAttributeError, unknown_attribute(tid, found[2])
        return BadValueError, refused(tid, found[2])
    found = re.match(r"Assert in TypeId::LookupByName: (\S+) not found", message)
    if found:
        return UnknownTypeError, f"no TypeId {found[1]}{nearest(found[1], types(ns))}"
    if re.match(r"Can't Parse|Attribute value .* is not properly formatted", message):
        return BadValueError, message
    return SimulationError, message


def raiser(ns):
    """The function that raises for a text as ns-3 writes it."""

    def raise_(text):
        found = _TEXT.match(text)
        if not found:
            raise SimulationError(text.strip() or "ns-3 ended without a message")
        condition = found["aborted"] or found["assert"]
        message = found["message"] or (f"not so: {condition}" if found["assert"] else condition) or "fatal error"
        kind, message = _by_message(ns, message)
        raise kind(message, found["file"], int(found["line"]), found["time"])

    return raise_
