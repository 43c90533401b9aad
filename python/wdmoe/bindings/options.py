# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Options of a program: attributes of a Python object in ns-3's CommandLine, and radios of one's own for --radio.

    options = SimpleNamespace(requests=5, out="")
    cmd = ns.CommandLine(__file__)
    cmd.AddValue("requests", "How many requests", options, "requests")
    cmd.AddValue("out", "Folder of the results", options, "out")
    cmd.Parse(sys.argv)

The attribute has its default before and what was given after Parse(): an int, a float, a bool or a str, as the default is.
A str takes all of its text, blanks too. All other forms of AddValue() are as they were.
"""

import ctypes

NUMBERS = {bool: ctypes.c_bool, int: ctypes.c_int64, float: ctypes.c_double}


def install(cppyy):
    """Lets AddValue() of ns.CommandLine take an attribute, WdmoeScenarioRadio.Register() a function."""
    _command_line(cppyy)
    _register(cppyy.gbl.ns3)


def _command_line(cppyy):
    ns, string = cppyy.gbl.ns3, cppyy.gbl.std.string
    command_line = ns.CommandLine
    plain, parse = command_line.__dict__["AddValue"], command_line.__dict__["Parse"]

    def is_attribute(arguments):
        """Whether it is not AddValue(name, help, Callback, default)."""
        if len(arguments) != 3 or not isinstance(arguments[2], str):
            return False
        return hasattr(arguments[1], arguments[2]) or not hasattr(type(arguments[1]), "__cpp_name__")

    def add_value(self, name, *arguments):
        if not is_attribute(arguments):
            # under its own name, or the templates are not found
            command_line.AddValue = plain
            try:
                return self.AddValue(name, *arguments)
            finally:
                command_line.AddValue = add_value
        text, owner, attribute = arguments
        value = getattr(owner, attribute)
        if type(value) in NUMBERS:
            cell = NUMBERS[type(value)](value)
        elif isinstance(value, str):
            cell = string(value)
        else:
            raise TypeError(f"option '{name}': its default is {value!r}; expected an int, a float, a bool or a str")
        ns.WdmoeAddOption(self, name, text, cell)
        self.__dict__.setdefault("_cells", []).append((cell, owner, attribute))

    def parse_all(self, *arguments):
        parse.__get__(self)(*arguments)
        for cell, owner, attribute in self.__dict__.get("_cells", ()):
            setattr(owner, attribute, cell.value if type(cell) in NUMBERS.values() else str(cell))

    command_line.AddValue, command_line.Parse = add_value, parse_all


_made = []  # helpers whose class is Python's, which C++ owns without knowing of Python


def _register(ns):
    radio = ns.WdmoeScenarioRadio

    def register(name, maker, options=None):
        """maker(air, policy) gives a radio helper; options: {name: (attribute, help)}."""

        def give(air, policy):
            helper = maker(air, policy)
            if not isinstance(helper, ns.WdmoeRadioHelper):
                raise TypeError(f"the maker of radio '{name}' gave {helper!r}; expected a WdmoeRadioHelper")
            helper.__python_owns__ = False
            if type(helper).__module__.split(".")[0] != "cppyy":
                _made.append(helper)
            return helper

        table = radio.Options()
        for option, what in (options or {}).items():
            table[option] = what if isinstance(what, radio.Option) else radio.Option(*what)
        _makers[name] = give
        ns.WdmoeRegisterRadio(name, give, table)

    radio.Register = staticmethod(register)


_makers = {}  # name -> its maker, which C++ calls
