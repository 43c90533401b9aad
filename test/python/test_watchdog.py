# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a user has of a simulation that a watchdog ended. The suite wdmoe-watchdog makes each radio fail."""

import json
import re
import subprocess
import sys

import pytest

pytest.importorskip("ns3", reason="needs ns-3")

SILENT = """
import sys

from wdmoe import ns


def main(argv):
    comparison = ns.WdmoeComparisonHelper("silent")
    comparison.requests = 1
    comparison.maxOutputTokens = 100
    air = ns.WdmoeScenarioRadio("ideal")
    cmd = ns.CommandLine(__file__)
    air.AddOptions(cmd)
    comparison.AddOptions(cmd)
    cmd.Parse(argv)
    ns.Simulator.Schedule(ns.Seconds(0.2), lambda: ns.NodeList.GetNode(3).GetObject[ns.Ipv4]().SetDown(1))
    return comparison.Run(air)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
"""


def test_a_simulation_that_is_stuck_leaves_its_state_and_what_there_was(tmp_path):
    script = tmp_path / "silent.py"
    script.write_text(SILENT)
    command = [sys.executable, "-m", "wdmoe", "run", script, "--policy=topk-equal", f"--out={tmp_path / 'out'}"]
    done = subprocess.run(
        [*command, "--ns3::WdmoeWatchdog::Timeout=3s"], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 1
    assert "SimulationError: WdmoeWatchdog: no progress for +3s (Timeout is +3s)" in done.stderr
    assert re.search(r"^  \|     device 2: batch \d+, \d+ tokens, sent ", done.stderr, re.MULTILINE), done.stderr
    kept = tmp_path / "out" / "stuck" / "topk-equal-run-1"
    assert "stuck" in json.loads((kept / "summary.json").read_text())["manifest"]
    assert len((kept / "blocks.csv").read_text().splitlines()) > 1
    assert "waits for 1 of " in (kept / "stuck.txt").read_text()
