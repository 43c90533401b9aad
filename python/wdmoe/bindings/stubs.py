# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Writes ns.pyi, from which editors complete `ns`: python -m wdmoe.bindings.stubs [FILE].

All classes of the module's headers, what it has in the namespace `wdmoe`, and what scenarios use of ns-3, as cppyy sees them.
"""

import keyword
import re
import sys
from pathlib import Path

from wdmoe.bindings.names import split

# What a scenario uses of ns-3 beside the module; all other names are there too, without a type.
NS3 = (
    "Address ApplicationContainer Application AttributeValue BooleanValue CommandLine DoubleValue EnumValue EventId "
    "FriisPropagationLossModel InternetStackHelper IntegerValue Ipv4Address Ipv4AddressHelper Ipv4InterfaceContainer "
    "LogDistancePropagationLossModel MobilityHelper MobilityModel NetDevice NetDeviceContainer Node NodeContainer NodeList Object "
    "ObjectBase ObjectFactory Packet PointerValue PointToPointHelper RngSeedManager Simulator StringValue Time TimeValue TypeId "
    "UintegerValue Vector3D"
).split()
FUNCTIONS = ("Seconds MilliSeconds MicroSeconds NanoSeconds WdmoeLoadDeviceProfile").split()
_NUMBERS = {
    "int": (
        "char",
        "short",
        "int",
        "long",
        "long long",
        "int8_t",
        "int16_t",
        "int32_t",
        "int64_t",
        "uint8_t",
        "uint16_t",
    ),
    "float": ("float", "double", "long double"),
}
_NUMBERS["int"] += ("uint32_t", "uint64_t", "size_t", "std::size_t", "unsigned int", "unsigned long", "unsigned char")
_NUMBERS["int"] += ("unsigned short", "unsigned long long", "signed char")
_OPERATORS = {"__add__", "__sub__", "__mul__", "__truediv__", "__lt__", "__le__", "__gt__", "__ge__"}


def python_type(text, known, takes=False):
    """Python's type for one of C++; `takes`: of an argument, for which cppyy converts more."""
    text = re.sub(r"\b(const|class|struct|enum|volatile)\b", "", text).replace("&", "").strip()
    text = re.sub(r"\s+", " ", text)
    if text == "void":
        return "None"
    if text == "bool":
        return "bool"
    for name, types in _NUMBERS.items():
        if text in types:
            return name
    if re.match(r"(std::)?(__cxx11::)?(basic_)?string\b(?!_view)", text) or text == "char*":
        return "str"
    found = re.match(r"(?:ns3::)?Ptr<(.*)>$", text)
    if found or text.endswith("*"):
        inner = python_type(found[1] if found else text[:-1], known)
        return inner if not takes or inner == "Any" else f"Optional[{inner}]"
    found = re.match(r"std::vector<(.*?)>$", text)
    if found:
        inner = python_type(split(found[1])[0], known)
        return f"Sequence[{inner}]"
    if text.endswith("AttributeValue") and takes:
        return "Union[AttributeValue, str, int, float, bool, Time]"
    name = re.sub(r"^(ns3|wdmoe)::", "", text)
    if text.startswith("wdmoe::") and f"wdmoe.{name}" in known:
        return f"wdmoe.{name}"
    return name if name in known else "Any"


def signature(line, name, known):
    """(arguments, type returned, whether static) of one line that cppyy says of a function."""
    found = re.match(rf"(?P<before>.*?)(?:[\w:<>,]*::)?{re.escape(name)}\((?P<arguments>.*)\)", line)
    if not found:
        return None
    before = found["before"].strip()
    static = before.startswith("static ")
    before = before[7:] if static else before
    arguments, names = [], {"self"}
    for i, argument in enumerate(split(found["arguments"])):
        argument, _, default = argument.partition("=")
        part = re.match(r"(?P<type>.*[\s*&>])(?P<name>\w+)$", argument.strip())
        kind, called = (part["type"], part["name"]) if part else (argument, f"argument{i}")
        if called in names or keyword.iskeyword(called) or called in ("int", "long", "double", "char"):
            called = f"argument{i}"
        names.add(called)
        arguments.append(f"{called}: {python_type(kind, known, True)}" + (" = ..." if default else ""))
    return arguments, python_type(before, known) if before else "Any", static


def function(name, doc, known, owner=None, indent=""):
    """Lines of a function or method; `owner`: name of its class in C++."""
    lines = []
    for line in dict.fromkeys(doc.splitlines()):
        found = signature(line.strip(), owner if name == "__init__" and owner else name, known)
        if found:
            arguments, returned, static = found
            first = [] if static or owner is None else ["self"]
            decorators = [f"{indent}@staticmethod"] if static and owner else []
            returned = "None" if name == "__init__" else returned
            lines.append((decorators, f"{indent}def {name}({', '.join(first + arguments)}) -> {returned}: ..."))
    lines = list({line: (decorators, line) for decorators, line in lines}.values())
    out = []
    for decorators, line in lines:
        out += [f"{indent}@overload"] * (len(lines) > 1) + decorators + [line]
    return out


def briefs(headers):
    """Class name -> its @brief or first sentence, of Doxygen comments."""
    found = {}
    for header in headers:
        text = Path(header).read_text()
        for comment, name in re.findall(
            r"/\*\*((?:(?!\*/).)*)\*/\s*(?:class|struct)\s+(\w+)\b[^;]*?\{", text, re.DOTALL
        ):
            words = re.sub(r"^\s*\* ?", "", comment, flags=re.MULTILINE)
            words = re.sub(r"@(ingroup|file)\s+\S+|@brief", "", words).strip()
            sentence = " ".join(re.split(r"(?<=\.)\s|\n\s*\n", words)[0].split())
            found.setdefault(name, sentence.replace("\\", "").replace('"', "'"))
    return found


def members(cppyy, scope):
    """(name, C++ type) of the public data members that a class itself has."""
    cls = cppyy.gbl.CppyyLegacy.TClass.GetClass(scope)
    if not cls:
        return []
    return [
        (str(member.GetName()), str(member.GetTypeName()) + ("*" if member.IsaPointer() else ""))
        for member in cls.GetListOfDataMembers()
        if member.Property() & 1 << 9  # public
    ]


def class_lines(cppyy, cls, name, scope, known, brief, indent=""):
    bases = [base.__name__ for base in cls.__bases__ if base.__name__ in known]
    lines = [f"{indent}class {name}{f'({bases[0]})' if bases else ''}:"]
    inner = indent + "    "
    if brief:
        lines.append(f'{inner}"""{brief}"""')
    for member, kind in members(cppyy, scope):
        if member in cls.__dict__ and not keyword.iskeyword(member):
            lines.append(f"{inner}{member}: {python_type(kind, known)}")
    for member in sorted(cls.__dict__):
        value = cls.__dict__[member]
        if not member.isidentifier() or keyword.iskeyword(member) or (
            member.startswith("_") and member != "__init__" and member not in _OPERATORS
        ):
            continue
        doc = getattr(getattr(cls, member, None), "__doc__", None)
        if type(value).__name__ in ("CPPOverload", "TemplateProxy") and doc:
            lines += function(member, doc, known, name, inner)
    lines += EXTRA.get(name, lambda inner: [])(inner)
    if len(lines) == 1 or (len(lines) == 2 and brief):
        lines.append(f"{inner}...")
    return lines


def _container(item):
    return lambda inner: [
        f"{inner}def __len__(self) -> int: ...",
        f"{inner}def __iter__(self) -> Iterator[{item}]: ...",
        f"{inner}@overload",
        f"{inner}def __getitem__(self, index: int) -> {item}: ...",
        f"{inner}@overload",
        f"{inner}def __getitem__(self, index: slice) -> List[{item}]: ...",
    ]


EXTRA = {
    "WdmoeBlockRecord": lambda inner: [f"{inner}@property", f"{inner}def pass_(self) -> int: ..."],
    "NodeContainer": _container("Node"),
    "NetDeviceContainer": _container("NetDevice"),
    "ApplicationContainer": _container("Application"),
    "GateMatrix": lambda inner: [f"{inner}def numpy(self) -> Any: ..."],
    "Selection": lambda inner: [f"{inner}def numpy(self) -> Any: ...", f"{inner}def combine_numpy(self) -> Any: ..."],
    "ObjectBase": lambda inner: [
        f"{inner}def TraceConnectWithoutContext(self, name: str, callback: Callable[..., Any]) -> bool: ...",
        f"{inner}def TraceDisconnectWithoutContext(self, name: str, callback: Callable[..., Any]) -> bool: ...",
        f"{inner}def TraceConnect(self, name: str, context: str, callback: Callable[..., Any]) -> bool: ...",
        f"{inner}def TraceDisconnect(self, name: str, context: str, callback: Callable[..., Any]) -> bool: ...",
        f"{inner}def SetAttribute(self, name: str, value: Union[AttributeValue, str, int, float, bool, Time]) -> None: ...",
    ],
    "Simulator": lambda inner: [
        f"{inner}@staticmethod",
        f"{inner}def Run() -> None: ...",
        f"{inner}@staticmethod",
        f"{inner}def Schedule(delay: Time, function: Callable[..., Any], *arguments: Any) -> EventId: ...",
        f"{inner}@staticmethod",
        f"{inner}def ScheduleNow(function: Callable[..., Any], *arguments: Any) -> EventId: ...",
        f"{inner}@staticmethod",
        f"{inner}def ScheduleDestroy(function: Callable[..., Any], *arguments: Any) -> EventId: ...",
    ],
    "Time": lambda inner: [
        f"{inner}def __float__(self) -> float: ...",
        f"{inner}def __neg__(self) -> Time: ...",
        f"{inner}def __rmul__(self, factor: float) -> Time: ...",
    ],
}

HEAD = """# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

# Written by python -m wdmoe.bindings.stubs; don't edit.

# Python's float takes an int, C++ tells them apart.
# mypy: disable-error-code="overload-cannot-match,overload-overlap"

from typing import Any, Callable, Iterator, List, Optional, Sequence, Union, overload

std: Any
cppyy: Any
CreateObject: Any
Config: Any

def __getattr__(name: str) -> Any: ...

"""


def own(headers, namespace):
    """Names of the classes that headers define in a namespace."""
    names = set()
    for header in headers:
        text = header.read_text()
        if f"namespace {namespace}\n" in text:
            names |= set(re.findall(r"^(?:class|struct) (\w+)(?:\s+final)?\s*(?::[^;{]*)?\n?\{", text, re.MULTILINE))
    return names


def write():
    """The text of the file."""
    from wdmoe import ns
    from wdmoe.bindings import paths

    headers = [header for header in paths.headers() if header.name.startswith("wdmoe-")]
    cppyy = ns.cppyy
    classes = {name: getattr(ns, name, None) for name in sorted({*NS3, *own(headers, "ns3")})}
    classes = {name: cls for name, cls in classes.items() if isinstance(cls, type) and hasattr(cls, "__cpp_name__")}
    numerics = {name: getattr(ns.wdmoe, name, None) for name in sorted(own(headers, "wdmoe"))}
    numerics = {name: cls for name, cls in numerics.items() if isinstance(cls, type) and hasattr(cls, "__cpp_name__")}
    known = {*classes, *(f"wdmoe.{name}" for name in numerics)}
    told = briefs(headers)
    lines = []
    for name, cls in classes.items():
        lines += [*class_lines(cppyy, cls, name, f"ns3::{name}", known, told.get(name)), ""]
    for name in FUNCTIONS:
        lines += function(name, getattr(ns, name).__doc__ or "", known)
    lines += ["", "class wdmoe:"]
    for name, cls in numerics.items():
        lines += [*class_lines(cppyy, cls, name, f"wdmoe::{name}", known, told.get(name), "    "), ""]
    return HEAD + "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "ns.pyi"
    target.write_text(write())
    print(f"wrote {target}")
