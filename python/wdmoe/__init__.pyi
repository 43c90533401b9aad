# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

from typing import Any, Callable

from wdmoe import core as core
from wdmoe import ns as ns

class SimulationError(RuntimeError):
    """What ends a C++ program with a message: NS_ABORT_MSG, NS_FATAL_ERROR or NS_ASSERT."""

    message: str
    file: str | None
    line: int | None
    time: str | None

def callback(function: Callable[..., Any], signature: str) -> Any: ...
def __getattr__(name: str) -> Any: ...
