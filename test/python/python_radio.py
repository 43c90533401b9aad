# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""A radio in Python: the paper's links, R = B log2(1 + P g / (N0 B)), over the net devices of the ideal radio, no fading."""

import math

import wdmoe
from wdmoe import bindings, ns

LAW = ns.wdmoe.RateLaw


class Way:
    """One direction of one device."""

    def __init__(self, sender):
        self.sender = sender
        self.law = LAW()
        self.hz = 0.0
        self.hz_s = 0.0


class PythonRadio(wdmoe.Radio):
    """FDMA each way, 100 MHz; unused shares go to the highest priority, by weight."""

    bandwidth_hz = 100e6
    server_power_dbm = 40.0
    device_power_dbm = 23.0
    noise_dbm_hz = -174.0

    def install(self, base_station):
        self.server = base_station
        self.links = []  # (downlink, uplink)
        self.addresses = []  # (of the device, of the server)
        self.shares = ([], [])  # by direction: (guaranteed, weight, priority)
        self.accounted = 0.0
        self.busy = ns.Callback["void"]()
        self.busy.Assign(bindings.callback(self.update, "void (*)()"))

    def add_device(self, device, node):
        ends = [ns.CreateObject[ns.WdmoeIdealNetDevice]() for _ in range(2)]
        for end, owner in zip(ends, (self.server, node)):
            if not owner.GetObject[ns.Ipv4]():
                ns.InternetStackHelper().Install(owner)
            owner.AddDevice(end)
        ns.CreateObject[ns.WdmoeIdealChannel]().Connect(*ends)
        addresses = []
        for number, (end, owner) in enumerate(zip(ends, (self.server, node))):
            address = ns.Ipv4Address(0x0A000000 + 4 * device + 1 + number)
            ipv4 = owner.GetObject[ns.Ipv4]()
            interface = ipv4.AddInterface(end)
            ipv4.AddAddress(interface, ns.Ipv4InterfaceAddress(address, ns.Ipv4Mask("255.255.255.252")))
            ipv4.SetUp(interface)
            end.SetBusyCallback(self.busy)
            addresses.append(address)
        self.addresses.append(addresses[::-1])
        self.links.append([Way(end) for end in ends])
        for shares in self.shares:
            shares.append((0.0, 1.0, 0))
        self.measure()

    def get_name(self):
        return "python"

    def get_server_node(self):
        return self.server

    def get_device_address(self, device):
        return self.addresses[device][0]

    def get_server_address(self, device):
        return self.addresses[device][1]

    def get_capabilities(self):
        able = ns.WdmoeRadioCapabilities()
        able.strict = able.leftover = able.priority = able.lateDevices = True
        return able

    def get_budget(self):
        return self.bandwidth_hz, self.bandwidth_hz, True

    def get_usage(self, device):
        self.account()
        down, up = self.links[device]
        return down.hz_s, up.hz_s

    def measure(self):
        here = self.server.GetObject[ns.MobilityModel]()
        for device, link in enumerate(self.links):
            distance = here.GetDistanceFrom(self.radio.GetDevice(device).GetObject[ns.MobilityModel]())
            loss = 43.2814 + 20 * math.log10(max(distance, 1.0))
            for way, power in zip(link, (self.server_power_dbm, self.device_power_dbm)):
                way.law = LAW.Shannon(10 ** ((power - loss - self.noise_dbm_hz) / 10))
        self.update()

    def get_link_state(self, device):
        down, up = self.links[device]
        return wdmoe.policies.link_state(down.law, up.law)

    def set_plan(self, plan):
        self.shares = tuple([(s.guaranteed, s.weight, s.priority) for s in way] for way in (plan.downlink, plan.uplink))
        self.update()

    def account(self):
        now = ns.Simulator.Now().GetSeconds()
        for link in self.links:
            for way in link:
                way.hz_s += way.hz * (now - self.accounted)
        self.accounted = now

    def update(self):
        """Someone became busy or idle, or the plan or the channel changed."""
        self.account()
        for direction in range(2):
            ways = [link[direction] for link in self.links]
            shares = self.shares[direction]
            busy = [k for k, way in enumerate(ways) if way.sender.IsBusy()]
            left = max(1 - sum(shares[k][0] for k in busy), 0.0)
            top = max((shares[k][2] for k in busy if shares[k][1] > 0), default=0)
            takes = {k: shares[k][1] for k in busy if shares[k][1] > 0 and shares[k][2] == top}
            for k, way in enumerate(ways):
                share = shares[k][0] + left * takes.get(k, 0.0) / (sum(takes.values()) or 1) if k in busy else 0.0
                way.hz = share * self.bandwidth_hz
                way.sender.SetRate(way.law.Rate(way.hz))
