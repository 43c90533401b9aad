# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Which scenario programs and policies there are."""

import os
import re
import subprocess
import sys
from pathlib import Path

from wdmoe.names import nearest

# What runs where no scenario is named: this scenario, with each of these models, into a folder of that name.
DEFAULT = "lte"
DEFAULT_JOBS = {"lm": "wdmoe-lm-base", "mixtral": "mixtral-8x7b"}
DEFAULT_FOLDER = "default"

# The programs' policies, in the order of tables and pictures: baselines first.
POLICIES = (
    "topk-stock",
    "topk-equal",
    "topk-allocated",
    "wlr-equal",
    "wdmoe",
    "scheduled-fp16-topk",
    "scheduled",
)
# Those that have a name too, but are run only where they are asked for.
NAMED = (
    "topk-shared",
    "topk-allocated-strict",
    "topk-proportional-fair",
    "topk-total-latency",
    "topk-least-energy",
    "bottleneck",
    "des",
    "sift",
    "channel-aware",
    "random",
    "exhaustive",
    "placed",
    "migrating",
)
BASELINES = ("topk-equal", "topk-stock")

# Scenario -> what --list says; its program is wdmoe-SCENARIO. Those whose program is not installed are not there.
GENERATE = "generate"
SCENARIOS = {
    "lte": "8 devices in one cell of ns-3's LTE, shares enforced by the MAC scheduler",
    "ideal": "8 devices on ideal links, R = B log2(1 + S/N), the paper's setting",
    "wifi": "8 devices around a Wi-Fi 6 access point, shares enforced by OFDMA both ways",
    "testbed": "the paper's hardware: 2 Jetson AGX Orin, a Xavier NX, an RTX 4070 Ti on Wi-Fi; Algorithm 2 against vanilla",
    "hybrid": "some devices on LTE, some on Wi-Fi, one controller over both budgets",
    "placement": "who holds which expert of OLMoE when the domain changes: static, placed once, migrating over the radio",
    GENERATE: "a real model continues --prompt TEXT or @FILE under one policy; the text, not a comparison",
}
# Policies of a scenario where --policy names none, if other than POLICIES.
DEFAULT_POLICIES = {
    "testbed": ("topk-stock", "bottleneck", "topk-shared", "wdmoe", "scheduled-fp16-topk", "scheduled"),
    "placement": ("scheduled-fp16-topk", "placed", "migrating"),
}


# What a policy's settings may be of.
PARTS = ("selector", "allocator", "precision", "placer", "controller", "server", "radio")
SETTING = re.compile(rf"({'|'.join(PARTS)})\.\w+=.*|(precision|placer)=.+")
SETTINGS_FORM = f":PART.ATTRIBUTE=VALUE with a part of {', '.join(PARTS)}, or :precision=TYPEID, :placer=TYPEID"


def default_policies(scenario):
    """What runs where --policy is absent."""
    return DEFAULT_POLICIES.get(scenario, POLICIES)


def baselines(policies):
    """Whom `policies` are compared with: BASELINES as far as they are there; without equal shares, also the first."""
    there = [base for base in BASELINES if base in policies]
    first = [] if BASELINES[0] in there else list(policies)[:1]
    return list(dict.fromkeys(there + first))


def name_air(scenario, radio):
    """"testbed over lte"; a scenario that has its radio's name is just "lte"."""
    return scenario if radio in (None, scenario) else f"{scenario} over {radio}"


def split_policy(policy):
    """[name, setting, ...] of "NAME:SETTING:..."; "::" belongs to a TypeId."""
    return [part.replace("\0", "::") for part in policy.replace("::", "\0").split(":")]


def judge_policy(policy, scenario=""):
    """What is wrong with a policy as --policy names it; None where nothing is, as far as is known here: a script may
    have policies of its own."""
    name, *settings = split_policy(policy)
    # SELECTOR+ALLOCATOR, two TypeIds, and the attributes are for the program to judge.
    if name not in (*POLICIES, *NAMED) and "+" not in name and not is_script(scenario):
        return f"unknown policy '{name}'{nearest(name, (*POLICIES, *NAMED))}; {known_policies()}"
    for setting in settings:
        if not SETTING.fullmatch(setting):
            return f"policy '{policy}': '{setting}' is no setting; expected {SETTINGS_FORM}"
    return None


def known_policies():
    return f"there are: all, {', '.join((*POLICIES, *NAMED))}, or SELECTOR+ALLOCATOR by TypeId"


def shorten(policy):
    """A policy's name without ns3::Wdmoe."""
    return policy.replace("ns3::Wdmoe", "").replace("ns3::", "")


def fold(policy):
    """A policy's shortened name for a table or a picture: a line for each TypeId and setting."""
    name, *settings = split_policy(shorten(policy))
    settings = [setting.replace(".", ".\n", 1) if len(setting) > 24 else setting for setting in settings]
    return "\n".join([name.replace("+", "+\n"), *settings])


def program_folder():
    """Where the programs are: the installed package, or WDMOE_BIN (a build folder's bin/)."""
    return Path(os.environ.get("WDMOE_BIN") or Path(__file__).parent / "bin")


def find_programs():
    """Scenario name -> path of its program, of those that are installed."""
    programs = {name: program_folder() / f"wdmoe-{name}" for name in SCENARIOS}
    return {name: path for name, path in programs.items() if os.access(path, os.X_OK)}


def write_value(value):
    """A value as ns-3's command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class BadScenario(ValueError):
    """No scenario of that name or in that file; the message says which and why."""


# What a scenario's program has to have: `wdmoe run` and sweeps set these.
NEEDED = ("policies", "out", "progress")
# How long a script may take until it has printed its options.
PATIENCE_S = 120


def is_script(scenario):
    """Whether a scenario is named by the file of its Python script."""
    return str(scenario).endswith(".py")


def command_line(scenario):
    """How to run a scenario, its name or its Python script: a list of words that the options are to follow.

    BadScenario where there is none.
    """
    if is_script(scenario):
        path = Path(scenario)
        if not path.is_file():
            raise BadScenario(f"no file {scenario}")
        return [sys.executable, str(path)]
    programs = find_programs()
    if scenario not in programs:
        known = ", ".join(programs) or "none installed"
        raise BadScenario(f"unknown scenario '{scenario}'{nearest(scenario, programs)}; there are: {known}; or name a Python script, FILE.py")
    return [str(programs[scenario])]


def short_name(scenario):
    """A scenario's name for folders and titles: wdmoe-lte of examples/wdmoe-lte.py."""
    return Path(scenario).stem if is_script(scenario) else scenario


def folder_name(scenario, radio=None):
    """The folder in results/ for a scenario over its own radio, or another one."""
    return short_name(scenario) + (f"-{radio}" if radio not in (None, scenario) else "")


def script_options(script):
    """What --PrintHelp of a Python script says of its options: name -> default. BadScenario where it is no scenario.

    The script has to stop at CommandLine::Parse(), as every ns-3 program does.
    """
    command = [*command_line(script), "--PrintHelp"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise BadScenario(f"{script}: printed no options within {PATIENCE_S} s; does it call cmd.Parse(sys.argv)?")
    if done.returncode != 0:
        told = "".join(f"\n  | {line}" for line in (done.stderr or done.stdout).splitlines())
        raise BadScenario(f"{script} --PrintHelp failed with exit status {done.returncode}{told}")
    options = dict(OPTION.findall(done.stdout))
    missing = [f"--{name}" for name in NEEDED if name not in options]
    if missing:
        raise BadScenario(
            f"{script} is no scenario that several policies can be compared in: it has no {', '.join(missing)}, as "
            f"WdmoeComparisonHelper.AddOptions(cmd) gives; run it by itself: python {script}"
        )
    return options


# In the help that ns-3 prints: "    --name:  what it is [default]".
OPTION = re.compile(r"^ +--(\w+): .*?(?: \[(.*)\])?$", re.MULTILINE)


def revision(checkout):
    """The git revision of the checkout, '+changes' where it has uncommitted ones; None where there is none."""
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
