# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Stand-ins for the programs, so that the command line is tested without a simulation."""

import json
import os
import sys
from pathlib import Path

import pytest

from wdmoe import scenarios

# The second line keeps a Python's path with spaces working, as pip's own scripts do.
FAKE = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import json, os, random, sys, time

options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:] if "=" in argument)
if "--PrintHelp" in sys.argv:
    print("    --requests: how many requests\\n    --policies: which\\n    --progress: tell\\n    --out: where")
    sys.exit(0)
out, policy, run = options["out"], options["policies"], int(options["RngRun"])
model = options.get("model", "mixtral-8x7b")
scenario = os.path.basename(sys.argv[0]).replace("wdmoe-", "")
real = model.startswith("wdmoe-lm")
behaviours = json.loads(os.environ.get("FAKE", "{{}}"))
behaviour = behaviours.get(model, behaviours.get(policy, "good"))
refused = [name for name in options if name not in ("out", "policies", "RngRun", "progress", "requests", "model", "radio")]
if refused or options.get("requests") == "x":
    print("Invalid command-line argument:", "--%s=%s" % ((refused or ["requests"])[0], options[(refused or ["requests"])[0]]))
    print("wdmoe-fake [Program Options]\\n\\n    --requests:  how many requests")
    sys.exit(1)
if behaviour == "abort":
    print("before\\naborted. cond=\\"!good\\", msg=\\"--requests is \\\\\\"0\\\\\\"\\nexpected >= 1\\", +1.5s 3 file=a.cc, line=215",
          file=sys.stderr)
    print("NS_FATAL, terminating", file=sys.stderr)
    os.abort()
if behaviour == "fail":
    print("out of coverage", file=sys.stderr)
    sys.exit(3)
if behaviour == "hang":
    print("@progress", policy, 0.5, file=sys.stderr, flush=True)
    with open(os.environ["FAKE_PID"], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)
draw = random.Random(run)
factor = {{"topk-equal": 1.0, "topk-stock": 0.8}}.get(policy, 0.5)
rows = [] if behaviour == "empty" else [factor * (1 + draw.random()) for _ in range(20)]
os.makedirs(out, exist_ok=True)

def quantiles(values):
    values = sorted(values) or [0]
    return {{"mean": sum(values) / len(values), "p50": values[len(values) // 2], "p95": values[-1], "p99": values[-1]}}

def table(name, header, lines):
    with open(os.path.join(out, name), "w") as file:
        file.write("policy," + header + "\\n")
        for line in lines:
            file.write(",".join([policy, *map(str, line)]) + "\\n")

table("blocks.csv", "request,block,start_s,latency_s", [(0, i, 2 * i, value) for i, value in enumerate(rows)])
mass = {{"wlr-equal": 0.8, "wdmoe": 0.6}}.get(policy, 1.0)

def request(i, value):
    # request 1 runs freely; the others are a task, a task and a text
    known = [i, 5 * value, round(mass - i / 100, 4), 2.0 + run, 12, 12, 0]
    if not real:
        return known + [""] * 7
    forced = ["forced", "" if i == 3 else int(mass == 1), 20.0, 10, 8, round(10 * (1 - mass) + i / 10, 4)]
    return known + ["text" if i == 3 else "add"] + (["free", 0, "", "", "", ""] if i == 1 else forced)

table("requests.csv", "request,latency_s,gate_mass_kept,wlr,pairs_topk,pairs_routed,pairs_missing,"
      "domain,kind,exact,bits,scored_tokens,agreeing,kl_bits", [request(i, value) for i, value in enumerate(rows[:4])])
shares = [] if policy == "topk-stock" else [
    (0, i, device, 3, 0.5, 0.4, 0) for i in range(len(rows)) for device in (0, 1)]
table("shares.csv", "request,block,device,tokens,granted_downlink_share,granted_uplink_share,cell", shares)
entry = {{"block_latency_s": quantiles(rows), "request_latency_s": quantiles([5 * v for v in rows]),
         "ttft_s": quantiles(rows), "tpot_s": quantiles(rows), "bytes_downlink": 1000, "bytes_uplink": 900,
         "gate_mass_kept": 1.0, "wlr": 2.0, "prefill_block_latency_s": quantiles(rows),
         "decode_block_latency_s": dict.fromkeys(("mean", "p50", "p95", "p99"))}}
if real:
    entry["capability"] = {{
        "model": model, "digest": "0123456789abcdef", "items": 4, "exact_match": float(mass == 1),
        "bits_per_byte": 2.0 + run / 10, "agreement": 0.8, "kl_bits_per_token": 1 - mass, "free_exact_match": 0.0,
        "free_items": 1, "pairs_missing_share": 0.0, "pairs_dropped_share": 1 - mass,
        "tasks": {{"add": {{"items": 2, "exact": 2 * int(mass == 1), "free_items": 1, "free_exact": 0}}}},
        "texts": {{"text": {{"items": 1, "bytes": 10 * run, "bits_per_byte": 2.0 + run / 10}}}}}}
if behaviour == "missing":
    entry["answers_missing"] = 3
    entry["pairs_missing"] = 7
with open(os.path.join(out, "summary.json"), "w") as file:
    file.write("{{" if behaviour == "malformed" else json.dumps(
        {{"scenario": scenario, "radio": options.get("radio", scenario), "manifest": {{"rng_run": str(run), "requests": options.get("requests"),
            "option.requests": "3", "option.maxPromptTokens": "32", "option.maxOutputTokens": "4", "option.blocks": "4",
            "option.model": model}},
         "policies": {{policy: entry}}}}))
print("@progress", policy, 1.0, file=sys.stderr)
"""

# Says what it was given, one argument in a line.
GENERATE = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import os, signal, sys

if "--PrintHelp" in sys.argv:
    print("    --prompt: what to continue")
    sys.exit(0)
print("\\n".join(sys.argv[1:]))
if "--maxTokens=0" in sys.argv:
    sys.exit(7)
if "--maxTokens=-1" in sys.argv:
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGABRT)
"""


def install(programs, name, text):
    program = programs / f"wdmoe-{name}"
    program.write_text(text.format(python=sys.executable))
    program.chmod(0o755)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Installs the stand-in as the scenario `fake`; call it with {policy or model: behaviour}."""
    programs = tmp_path / "bin"
    programs.mkdir()
    install(programs, "fake", FAKE)
    monkeypatch.setenv("WDMOE_BIN", str(programs))
    monkeypatch.setitem(scenarios.SCENARIOS, "fake", "a stand-in")
    monkeypatch.setenv("FAKE_PID", str(tmp_path / "pid"))
    monkeypatch.delenv("WDMOE_CHECKOUT", raising=False)
    monkeypatch.chdir(tmp_path)

    def behave(behaviours):
        monkeypatch.setenv("FAKE", json.dumps(behaviours))

    return behave


@pytest.fixture
def fake_all(fake, tmp_path):
    """Installs stand-ins as `lte`, `ideal` and `generate` too."""
    for name, text in (("lte", FAKE), ("ideal", FAKE), ("generate", GENERATE)):
        install(tmp_path / "bin", name, text)
    return fake


@pytest.fixture
def command():
    """Runs `wdmoe ...` in this process; returns its exit status."""
    from wdmoe.cli import main

    def call(*arguments):
        try:
            return main([*map(str, arguments)])
        except SystemExit as stop:
            return stop.code

    return call


@pytest.fixture(scope="session")
def cpp_tests():
    """The program of the C++ suites, which writes instances for solvers that others wrote."""
    folder = os.environ.get("WDMOE_BIN")
    builds = sorted((Path(__file__).resolve().parents[2] / "build").glob("py3-*"))  # of ./wdmoe test
    for place in (folder and Path(folder), folder and Path(folder).parent, *builds):
        if place and (place / "wdmoe-test-runner").exists():
            return place / "wdmoe-test-runner"
    pytest.skip("no wdmoe-test-runner beside WDMOE_BIN, nor in build/py3-*")


def run_ideal(folder, *options):
    """Real results over ideal links."""
    if "ideal" not in scenarios.find_programs():
        pytest.skip("no wdmoe-ideal, neither in WDMOE_BIN nor in the package")
    from wdmoe.cli import main

    sizes = ["--blocks=3", "--requests=2", "--maxOutputTokens=3"]
    assert main(["run", "ideal", *sizes, "--out", str(folder), *options]) == 0
    return folder


@pytest.fixture(scope="session")
def ideal(tmp_path_factory):
    """A folder with one run under three policies; not to be written into."""
    folder = tmp_path_factory.mktemp("results") / "ideal"
    return run_ideal(folder, "--RngRun=3", "--policy=topk-stock,wdmoe,scheduled")


@pytest.fixture(scope="session")
def several(tmp_path_factory):
    """A folder with two runs under two policies; not to be written into."""
    return run_ideal(tmp_path_factory.mktemp("results") / "several", "--runs=2", "--policy=topk-stock,wdmoe")
