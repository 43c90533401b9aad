# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Python functions as trace sinks, events and callbacks.

The module's library makes the callbacks and the arguments (helper/wdmoe-python-callback.h); what is compiled at run time is
one class for each signature that it doesn't know, whatever the number of functions.
"""

import functools
import re

from wdmoe.bindings.errors import unknown_attribute
from wdmoe.bindings.names import split


def check_callable(candidate, what):
    if not callable(candidate):
        raise TypeError(f"{what}: expected a function, got {type(candidate).__name__} {candidate!r}")


class Callbacks:
    """Makes callbacks."""

    def __init__(self, cppyy):
        self._cppyy = cppyy
        self._python = cppyy.gbl.ns3.WdmoePython
        self._bind = cppyy.bind_object
        self._object = cppyy._backend.CPPInstance
        self._compiled = 0  # signatures
        self._makers = {}  # (signature, context) -> tuple of makers

    def is_function(self, candidate):
        """Whether it is a function, of Python or of C++; not a Callback or an event of ns-3."""
        return callable(candidate) and not isinstance(candidate, self._object)

    def check(self, candidate, what):
        if not isinstance(candidate, self._object):
            check_callable(candidate, what)

    def _class(self, name):
        return self._cppyy._backend.CreateScopeProxy(name)

    def _maker(self, description):
        kind, _, name = description.partition(" ")
        if kind == "value":
            return None
        cls, bind = self._class(name), self._bind
        if kind == "see":
            return lambda address: bind(address, cls) if address else None
        if kind == "ptr":
            pointer = self._cppyy.gbl.ns3.Ptr[cls]
            return lambda address: pointer(bind(address, cls)) if address else None

        def own(address):
            made = bind(address, cls)
            made.__python_owns__ = True
            return made

        return own

    def make(self, signature, function, context=False):
        """A Callback of ns-3 that calls a function; `signature` names a type, pointer to a function."""
        key = signature, context
        if key not in self._makers:
            self.know(signature)
            self._makers[key] = tuple(map(self._maker, map(str, self._python.GetArguments(signature, context))))
        return self._python.MakeCallback(signature, context, function, self._makers[key])

    def typed(self, signature, function):
        """The same for an argument of the type Callback<...>."""
        made = self.make(signature, function)
        found = re.match(r"(.*?)\s*\(\s*\*\s*\)\s*\((.*)\)$", signature)
        if not found:
            return made
        callback = self._cppyy.gbl.ns3.Callback[(found[1], *split(found[2]))]()
        callback.Assign(made)
        return callback

    def know(self, signature):
        if not self._python.HasSignature(signature):
            self._compiled += 1
            try:
                self._cppyy.cppdef(
                    "namespace ns3 { namespace WdmoePython { namespace {\n"
                    f'const bool known{self._compiled} = AddSignature<{signature}>("{signature}");\n'
                    "} } }"
                )
            except SyntaxError as error:
                raise TypeError(
                    f"no callback of signature {signature}: expected the name of a C++ type, pointer to a function, whose "
                    f"arguments are declared in the headers of ns-3 or of the module. The compiler says: {error}"
                ) from None


def _trace(callbacks, original, context):
    """TraceConnect, TraceDisconnect and the like of ObjectBase, which take Python functions too."""
    place = 2 if context else 1
    signature_of = callbacks._python.GetTraceSignature

    @functools.wraps(original, assigned=("__name__", "__doc__"), updated=())
    def trace(self, *arguments):
        if len(arguments) != place + 1:
            return original(self, *arguments)
        function = arguments[place]
        name = arguments[0]
        signature = str(signature_of(self, name))
        if not signature:
            raise AttributeError(unknown_attribute(self.GetInstanceTypeId(), name, "trace source"))
        if callbacks.is_function(function):
            function = callbacks.make(signature, function, context)
        else:
            callbacks.check(function, f"trace source {name}")
        return original(self, *arguments[:place], function)

    return trace


def _config(callbacks, original, context):
    """Connect, Disconnect and the like of Config."""

    @functools.wraps(original, assigned=("__name__", "__doc__"), updated=())
    def config(path, function):
        if callbacks.is_function(function):
            signature = str(callbacks._python.GetPathSignature(path))
            if signature:
                function = callbacks.make(signature, function, context)
            elif original.__name__.endswith("FailSafe"):
                return False
            else:
                raise ValueError(_nothing(callbacks, path))
        else:
            callbacks.check(function, f"{original.__name__}({path!r})")
        return original(path, function)

    return config


def _nothing(callbacks, path):
    objects, _, name = path.rpartition("/")
    config = callbacks._cppyy.gbl.ns3.Config
    matches = config.LookupMatches(objects)
    if matches.GetN():
        return f"{path}: {unknown_attribute(matches.Get(0).GetInstanceTypeId(), name, 'trace source')}"
    # the first part that names nothing
    parts = objects.split("/")[1:]
    for i in range(1, len(parts) + 1):
        if not config.LookupMatches("/" + "/".join(parts[:i])).GetN():
            there = "/" + "/".join(parts[: i - 1])
            return f"{path} names no object: there is {there or '/'}, but nothing in it matches {parts[i - 1]!r}"
    return f"{path} names no object"


def install(cppyy):
    """Lets functions of ns-3 take Python functions."""
    ns = cppyy.gbl.ns3
    callbacks = Callbacks(cppyy)
    for name, context in (
        ("TraceConnect", True),
        ("TraceConnectWithoutContext", False),
        ("TraceDisconnect", True),
        ("TraceDisconnectWithoutContext", False),
    ):
        setattr(ns.ObjectBase, name, _trace(callbacks, getattr(ns.ObjectBase, name), context))
    for name, context in (
        ("Connect", True),
        ("ConnectFailSafe", True),
        ("ConnectWithoutContext", False),
        ("ConnectWithoutContextFailSafe", False),
        ("Disconnect", True),
        ("DisconnectWithoutContext", False),
    ):
        setattr(ns.Config, name, staticmethod(_config(callbacks, getattr(ns.Config, name), context)))

    simulator, python = ns.Simulator, ns.WdmoePython
    of_time, of_now = python.Schedule, python.ScheduleNow
    of_context, of_destroy = python.ScheduleWithContext, python.ScheduleDestroy
    # events made in C++ go the way they came
    plain = {
        name: getattr(simulator, name) for name in ("Schedule", "ScheduleNow", "ScheduleDestroy", "ScheduleWithContext")
    }

    def schedule(delay, function, *arguments):
        if callbacks.is_function(function):
            return of_time(delay, function, arguments)
        callbacks.check(function, "Simulator")
        return plain["Schedule"](delay, function, *arguments)

    def schedule_now(function, *arguments):
        if callbacks.is_function(function):
            return of_now(function, arguments)
        callbacks.check(function, "Simulator")
        return plain["ScheduleNow"](function, *arguments)

    def schedule_destroy(function, *arguments):
        if callbacks.is_function(function):
            return of_destroy(function, arguments)
        callbacks.check(function, "Simulator")
        return plain["ScheduleDestroy"](function, *arguments)

    def schedule_with_context(context, delay, function, *arguments):
        if callbacks.is_function(function):
            return of_context(context, delay, function, arguments)
        callbacks.check(function, "Simulator")
        return plain["ScheduleWithContext"](context, delay, function, *arguments)

    simulator.Schedule = staticmethod(schedule)
    simulator.ScheduleNow = staticmethod(schedule_now)
    simulator.ScheduleDestroy = staticmethod(schedule_destroy)
    simulator.ScheduleWithContext = staticmethod(schedule_with_context)

    def run():
        """Runs the simulation until its end, ns.Simulator.Stop(), an exception in a function of Python, or Ctrl-C."""
        try:
            python.Run()
        except BaseException as error:
            # what was raised, with its traceback, in place of what cppyy made of it
            kept = python.TakeError()
            raise (error if kept is None else kept) from None

    simulator.Run = staticmethod(run)
    return callbacks
