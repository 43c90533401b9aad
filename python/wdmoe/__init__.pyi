# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

from typing import Any, Callable

from wdmoe import core as core
from wdmoe import gym as gym
from wdmoe import ns as ns
from wdmoe import perfetto as perfetto
from wdmoe import plot as plot
from wdmoe import report as report
from wdmoe import sweep as sweep
from wdmoe._compare import compare as compare
from wdmoe.frames import load as load
from wdmoe.policies import Allocator as Allocator
from wdmoe.policies import Cost as Cost
from wdmoe.policies import GateSource as GateSource
from wdmoe.policies import Placer as Placer
from wdmoe.policies import Plan as Plan
from wdmoe.policies import PrecisionPolicy as PrecisionPolicy
from wdmoe.policies import Predictor as Predictor
from wdmoe.policies import Radio as Radio
from wdmoe.policies import Request as Request
from wdmoe.policies import RequestSource as RequestSource
from wdmoe.policies import Selector as Selector
from wdmoe.policies import register_part as register_part
from wdmoe.policies import register_policy as register_policy
from wdmoe.policies import register_radio as register_radio

class SimulationError(RuntimeError):
    """What ends a C++ program with a message: NS_ABORT_MSG, NS_FATAL_ERROR or NS_ASSERT."""

    message: str
    file: str | None
    line: int | None
    time: str | None

def callback(function: Callable[..., Any], signature: str) -> Any: ...
