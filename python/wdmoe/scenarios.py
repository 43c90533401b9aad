# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Which scenario programs and policies there are."""

import os
from pathlib import Path

# What runs where no scenario is named: this scenario, with each of these models, into a folder of that name.
DEFAULT = "lte"
DEFAULT_JOBS = {"lm": "wdmoe-lm-base", "mixtral": "mixtral-8x7b"}
DEFAULT_FOLDER = "default"

# The programs' policies, in the order of tables and pictures: baselines first.
POLICIES = ("topk-stock", "topk-equal", "topk-allocated", "wlr-equal", "wdmoe")
BASELINES = ("topk-equal", "topk-stock")

# Scenario -> what --list says; its program is wdmoe-SCENARIO.
GENERATE = "generate"
SCENARIOS = {
    "lte": "8 devices in one cell of ns-3's LTE, shares enforced by the MAC scheduler",
    "ideal": "8 devices on ideal links, R = B log2(1 + S/N), the paper's setting",
    GENERATE: "a real model continues --prompt TEXT or @FILE under one policy; the text, not a comparison",
}


def fold(policy):
    """A policy's name for a table or a picture: SELECTOR+ALLOCATOR without ns3::Wdmoe, in two lines."""
    return policy.replace("ns3::Wdmoe", "").replace("ns3::", "").replace("+", "+\n")


def program_folder():
    """Where the programs are: the installed package, or WDMOE_BIN (a build folder's bin/)."""
    return Path(os.environ.get("WDMOE_BIN") or Path(__file__).parent / "bin")


def find_programs():
    """Scenario name -> path of its program, of those that are installed."""
    programs = {name: program_folder() / f"wdmoe-{name}" for name in SCENARIOS}
    return {name: path for name, path in programs.items() if os.access(path, os.X_OK)}


def revision(checkout):
    """The git revision of the checkout, '+changes' where it has uncommitted ones; None where there is none."""
    import subprocess

    if not checkout or not (Path(checkout) / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
