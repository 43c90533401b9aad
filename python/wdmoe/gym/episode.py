# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""One run of the simulator, stopped at each decision.

Deciding happens inside Simulator::Run(), but an agent asks for one step at a time. So the simulation has a stack of
its own, a greenlet: when the controller asks for experts, the callback switches to the caller of step(), and step()
switches back with the action. A switch copies the few kB of stack that the two share; no thread, no lock, and
everything stays on the thread that ns-3 wants to be on. What lies on the simulation's stack must not be looked at
meanwhile.
"""

import atexit
import os
import threading
import weakref

import greenlet
import numpy as np

from wdmoe import ns

from . import agent

_live = None  # weak reference to the episode that has the simulator of this process


class _Abandoned(Exception):
    """The simulation is not wanted any more."""


class Episode:
    """A simulation of `scenario` drawn by the RngRun `run`.

    policy: who decides, by a policy's name; agent.policy(): whoever calls go_on().
    """

    def __init__(self, scenario, run, policy):
        self.scenario, self.run = scenario, run
        self.records = []  # of blocks that ended since take()
        self.simulation = None
        self._policy = policy
        self._cells, self._flops = [], None
        self._action, self._cell = None, 0  # of the decision that is being made
        self.lost = False  # another one has taken the simulator
        self._closing = False
        self._thread, self._process = threading.get_ident(), os.getpid()
        self._greenlet = None

    # ---- seen by the environment

    def start(self):
        """Run to the first decision. Returns what the agent is to look at; None: the episode is over."""
        global _live
        other = _live() if _live else None
        if other is not None and other.is_live():
            other.close()
            if other.is_live():
                raise RuntimeError(
                    "an environment of another thread is in the middle of an episode, and ns-3 has one simulator in a "
                    "process: close() it on that thread first, or give each a process of its own"
                )
            other.lost = other._process == os.getpid()  # else the copy of a parent's, in a child that was forked
        _live = weakref.ref(self)
        self._greenlet = greenlet.greenlet(self._simulate)
        return self._switch(None)

    def go_on(self, action):
        """Run to the next decision, this one being made. Returns as start()."""
        return self._switch(action)

    def is_live(self):
        """Whether the simulation waits for a decision."""
        return self._greenlet is not None and not self._greenlet.dead

    def take(self):
        """Records of the blocks that have ended since the last call."""
        records, self.records = self.records, []
        return records

    def close(self):
        """End the simulation where it is."""
        if not self.is_live():
            return
        if self._thread != threading.get_ident():
            return  # cannot be unwound from here; the stack goes when its thread does
        self._closing = True
        self._switch(None)

    def _switch(self, value):
        if self._thread != threading.get_ident():
            raise RuntimeError("step() is called from another thread than reset(); ns-3 stays on one thread")
        self._greenlet.parent = greenlet.getcurrent()
        return self._greenlet.switch(value)

    # ---- on the simulation's own stack

    def _simulate(self, _):
        agent.episode = self
        try:
            self._install()
            ns.Simulator.Run()
        except _Abandoned:
            pass
        finally:
            self.simulation, self._cells = None, []
            ns.Simulator.Destroy()
            agent.episode = None

    def _install(self):
        self.simulation = self.scenario.install(self._policy, self.run)
        controller = self.simulation.controller
        for cell in controller.GetRadio().GetCells():
            duplex = bool(cell.radio.GetCapabilities().fullDuplex)
            self._cells.append((cell.radio, np.array([int(k) for k in cell.devices]), duplex))
        self._flops = np.array([controller.GetProfile(k).flops for k in range(self.scenario.devices)])
        agent.listen(self.simulation.server)

    def _look(self):
        """What an agent sees beside the gate: links as measured for this decision, by device."""
        radio = self.simulation.controller.GetRadio()
        links = np.zeros((self.scenario.devices, 5))  # heard; downlink and uplink: bit/s/Hz and bit/s, whole band
        for cell, devices, duplex in self._cells:
            budget = cell.GetBudget()
            down_hz = budget.downlinkHz
            up_hz = budget.uplinkHz if duplex and not budget.coupled else down_hz
            for k in devices.tolist():
                state = radio.GetLinkState(k)
                down, up = state.downlink, state.uplink
                if down.valid and up.valid:
                    down_rate, up_rate = down.law.Rate(down_hz), up.law.Rate(up_hz)
                    links[k] = 1, down_rate / down_hz, up_rate / up_hz, down_rate, up_rate
        report = self.simulation.server.GetReport()
        return {"links": links, "flops": self._flops, "waiting": int(report.unfinished)}

    def decide(self, block):
        """Ask for the action, which holds for this block."""
        block.update(self._look())
        self._action = greenlet.getcurrent().parent.switch(block)
        self._cell = 0
        if self._closing:
            raise _Abandoned
        return self._action

    def get_shares(self):
        """Shares of the devices of the next cell: the controller asks cell by cell, with the loads of top-k before the
        agent has been asked, with those of the selection after."""
        devices = self._cells[self._cell][1]
        self._cell += 1
        shares = self._action["shares"] if self._action else (np.ones(self.scenario.devices),) * 2
        if self._cell == len(self._cells):
            self._cell, self._action = 0, None
        found = []
        for direction in shares:
            share = direction[devices]
            total = share.sum()
            found.append(share / total if total > 0 else np.full(len(share), 1 / len(share)))
        return found


def run_policy(policy, seed, radio="ideal", **options):
    """Blocks of a run under a policy of C++, by its name: what an environment with the same options and seed has to be
    compared with. Returns a list of the `info` of each block, with "reward"."""
    from .env import BlockEnv

    env = BlockEnv(radio=radio, **options)
    try:
        return env.play(policy, seed)
    finally:
        env.close()


@atexit.register
def _close():
    episode = _live() if _live else None
    if episode is not None:
        episode.close()
