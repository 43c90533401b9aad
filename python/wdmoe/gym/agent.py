# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The selector and the allocator that an agent decides through, and what it is told when a block has ended."""

import numpy as np

from wdmoe import Allocator, Selector, core
from wdmoe.policies import register_part

episode = None  # that is being simulated: the simulator makes its own objects of the classes below


class AgentSelector(Selector):
    """Asks the agent for its action; takes top-k, or what its bound on lost gate mass leaves of it."""

    uses_latency = False

    def select(self, block):
        # All that is read of the block is read here: its memory is this stack's, which is away while the agent thinks.
        costs = block.expert_cost_s
        action = episode.decide({"gate": np.array(block.gate), "device": block.expert_device, "block": block.block})
        if action["max_lost_mass"] is None:
            return block.top
        chosen = core.select(
            block.gate,
            block.top_k,
            "cost-bound",
            partial=True,
            cost_s=costs,
            max_lost_mass=action["max_lost_mass"],
            max_token_loss=action["max_token_loss"],
        )
        return chosen.expert, None


class AgentAllocator(Allocator):
    """Divides bandwidth as the agent's action says."""

    def allocate(self, loads):
        return episode.get_shares()


def policy(selects_only, allocator):
    """The name of the policy: for WdmoePolicy::Find()."""
    return f"{register_part(AgentSelector)}+{allocator if selects_only else register_part(AgentAllocator)}"


def _block_ended(record):
    energy = record.energy.TotalJ() if record.energyKnown else float("nan")
    episode.records.append(
        {
            "request": int(record.request),
            "pass": int(getattr(record, "pass")),
            "block": int(record.block),
            "tokens": int(record.tokens),
            "latency_s": record.latency.GetSeconds(),
            "predicted_s": record.predictedS,
            "pairs_top_k": int(record.pairsTopK),
            "pairs_routed": int(record.pairsRouted),
            "pairs_missing": int(record.pairsMissing),
            "gate_mass_kept": record.gateMassKept,
            "energy_j": energy,
        }
    )


def listen(server):
    """Keep what becomes of the blocks of a gating server."""
    server.TraceConnectWithoutContext("Block", _block_ended)
