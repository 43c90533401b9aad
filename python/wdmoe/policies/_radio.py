# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""A radio in Python."""

import abc
import ctypes

from wdmoe.bindings import ns
from wdmoe.policies import _bridge, _raw
from wdmoe.policies._part import Part

cppyy = _bridge.cppyy


class Radio(Part):
    """What carries the bits, and divides what there is: see WdmoeRadio for what each answer means.

    Nodes, addresses, plans and states are those of ns-3. `self.radio` is the C++ radio (GetNDevices(), GetDevice(k)...).
    """

    radio = None

    @abc.abstractmethod
    def install(self, base_station):
        """Begin, with the base station's node."""

    @abc.abstractmethod
    def add_device(self, device, node):
        """One more device, of index `device`: connect it."""

    @abc.abstractmethod
    def get_name(self):
        """Name of the technology, for results."""

    @abc.abstractmethod
    def get_server_node(self):
        """The node that the gating server is installed on."""

    @abc.abstractmethod
    def get_device_address(self, device):
        """The device's ns.Ipv4Address as seen from the server node."""

    @abc.abstractmethod
    def get_server_address(self, device):
        """The server node's ns.Ipv4Address as seen from the device."""

    @abc.abstractmethod
    def get_budget(self):
        """What there is to divide: ns.WdmoeBudget, or (downlink Hz, uplink Hz)."""

    @abc.abstractmethod
    def get_link_state(self, device):
        """What was last measured: ns.WdmoeLinkState."""

    @abc.abstractmethod
    def set_plan(self, plan):
        """Enforce a plan (ns.WdmoePlan, yours to keep) from now on."""

    @abc.abstractmethod
    def get_usage(self, device):
        """Bandwidth x time granted so far: ns.WdmoeUsage, or (downlink Hz s, uplink Hz s)."""

    def get_capabilities(self):
        """What it can honour, and how exactly: ns.WdmoeRadioCapabilities."""
        return ns.WdmoeRadioCapabilities()

    def is_ready(self):
        """Whether every device can send and receive."""
        return True

    def measure(self):
        """Take a fresh look at the channel."""

    def expect_uplink(self, device, size, when_s):
        """A hint: a device will have `size` bytes to send from `when_s` on."""

    def assign_streams(self, stream):
        """Give random variables of ns-3 their streams; returns how many were used."""
        return 0

    def notify_grant(self, device, downlink, size):
        """Fire the trace "Grant": `size` bytes of IP packets have just been scheduled."""
        self.radio.FireGrant(device, downlink, size)


def link_state(downlink_law, uplink_law, valid=True, variance=0.0):
    """An ns.WdmoeLinkState of now, from two laws (ns.wdmoe.RateLaw)."""
    state = ns.WdmoeLinkState()
    for link, law in ((state.downlink, downlink_law), (state.uplink, uplink_law)):
        link.valid = valid
        link.law = law
        link.when = ns.Simulator.Now()
        link.relativeVariance = variance
    return state


def _copied(kind, value, who, what):
    """Write a C++ object where C++ looks for it."""
    if not isinstance(value, kind):
        raise TypeError(f"{who}: returned {value!r}; expected {what}")
    return value


def _prepare(part, name, address):
    part.radio = cppyy.bind_object(address, ns.WdmoeForeignRadio)
    core = cppyy.gbl.std

    def index(given):
        return ctypes.c_int64.from_address(given).value

    def answered(method, kind, what):
        """A method that returns a C++ object (or what makes one)."""

        def call(given, answer):
            found = getattr(part, method)(*([index(given)] if given else []))
            who = f"{name}.{method}()"
            if isinstance(found, tuple):
                try:
                    found = kind(*found)
                except TypeError:
                    raise TypeError(f"{who}: returned {found!r}; expected {what}") from None
            _copied(kind, found, who, what)
            cppyy.bind_object(answer, kind).__assign__(found)

        return call

    def get_name(_, answer):
        found = part.get_name()
        if not isinstance(found, str) or not found:
            raise TypeError(f"{name}.get_name(): returned {found!r}; expected a name")
        cppyy.bind_object(answer, core.string).__assign__(found)

    def server(_, answer):
        found = part.get_server_node()
        if found is None:
            raise TypeError(f"{name}.get_server_node(): returned None; expected a node")
        cppyy.gbl.wdmoe_python.SetNode(answer, found)

    def able(_, answer):
        found = _copied(
            ns.WdmoeRadioCapabilities,
            part.get_capabilities(),
            f"{name}.get_capabilities()",
            "ns.WdmoeRadioCapabilities",
        )
        cppyy.bind_object(answer, ns.WdmoeRadioCapabilities).__assign__(found)

    def ready(_, answer):
        ctypes.c_int64.from_address(answer).value = bool(part.is_ready())

    def plan(given, _):
        part.set_plan(ns.WdmoePlan(cppyy.bind_object(given, ns.WdmoePlan)))

    def expect(given, _):
        raw = _raw.RawExpectation.from_address(given)
        part.expect_uplink(raw.device, raw.bytes, raw.when)

    def add(given, _):
        device = index(given)
        part.add_device(device, part.radio.GetDevice(device))

    def streams(given, answer):
        part._assign_streams(index(given))
        ctypes.c_int64.from_address(answer).value = int(part.assign_streams(index(given)) or 0)

    methods = {
        "RADIO_NAME": get_name,
        "RADIO_SERVER": server,
        "RADIO_ADD": add,
        "RADIO_ADDRESS": answered("get_device_address", ns.Ipv4Address, "an ns.Ipv4Address"),
        "RADIO_SERVED": answered("get_server_address", ns.Ipv4Address, "an ns.Ipv4Address"),
        "RADIO_READY": ready,
        "RADIO_ABLE": able,
        "RADIO_BUDGET": answered("get_budget", ns.WdmoeBudget, "ns.WdmoeBudget or (downlink Hz, uplink Hz)"),
        "RADIO_LINK": answered("get_link_state", ns.WdmoeLinkState, "ns.WdmoeLinkState"),
        "RADIO_PLAN": plan,
        "RADIO_USAGE": answered("get_usage", ns.WdmoeUsage, "ns.WdmoeUsage or (downlink Hz s, uplink Hz s)"),
        "RADIO_INSTALL": lambda given, _: part.install(cppyy.gbl.wdmoe_python.GetNode(given)),
        "ASSIGN_STREAMS": streams,
    }
    if type(part).measure is not Radio.measure:
        methods["RADIO_MEASURE"] = lambda *_: part.measure()
    if type(part).expect_uplink is not Radio.expect_uplink:
        methods["RADIO_EXPECT"] = expect
    return methods, []


cppyy.cppdef("""
    namespace wdmoe_python
    {
    void SetNode(unsigned long long at, ns3::Ptr<ns3::Node> node) { *(ns3::Ptr<ns3::Node>*)at = node; }
    ns3::Ptr<ns3::Node> GetNode(unsigned long long at) { return *(const ns3::Ptr<ns3::Node>*)at; }
    }
    """)
_bridge.kind("ns3::WdmoeRadio", _prepare)(Radio)
