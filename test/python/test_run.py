# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run` against the stand-in program: results united, errors told, exit statuses."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wdmoe import results
from wdmoe.comparison import interval
from wdmoe.scenarios import POLICIES


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_unites_the_policies(fake, command, capsys):
    assert command("run", "fake", "--out", "out", "--requests=3") == 0
    out = Path("out")
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary["policies"]) == list(POLICIES)
    assert summary["manifest"]["requests"] == "3"
    assert "by_policy" not in summary["manifest"]
    assert len(rows(out / "blocks.csv")) == 20 * len(POLICIES)
    assert len(rows(out / "requests.csv")) == 4 * len(POLICIES)
    assert {row["policy"] for row in rows(out / "shares.csv")} == set(POLICIES) - {"topk-stock"}
    assert not (out / "parts").exists()
    for picture in ("latency-by-policy.png", "shares-and-loads.png"):
        assert (out / picture).read_bytes()[:4] == b"\x89PNG"
    printed = capsys.readouterr().out
    assert "-50.0 %" in printed and "allocated" in printed


def test_same_seed_same_bytes(fake, command):
    for out in ("one", "two"):
        assert command("run", "fake", "--out", out, "--RngRun", 4) == 0
    for name in (results.SUMMARY, *results.TABLES, "latency-by-policy.png", "shares-and-loads.png"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes(), name


def test_no_trace_of_the_host(fake, command, tmp_path):
    assert command("run", "fake", "--out", "out") == 0
    for name in (results.SUMMARY, *results.TABLES):
        assert str(tmp_path) not in Path("out", name).read_text()


def test_one_failing_policy_leaves_the_others(fake, command, capsys):
    fake({"wdmoe": "fail"})
    assert command("run", "fake", "--out", "out") == 1
    told = capsys.readouterr()
    assert "wdmoe (RngRun 1): exit status 3" in told.err and "out of coverage" in told.err
    assert list(json.loads(Path("out/summary.json").read_text())["policies"]) == list(POLICIES[:-1])
    assert "wlr-" in told.out and "wdmoe" not in told.out.replace("results: out", "")


def test_an_earlier_result_does_not_pass_for_a_new_one(fake, command):
    assert command("run", "fake", "--out", "out") == 0
    fake({policy: "fail" for policy in POLICIES})
    assert command("run", "fake", "--out", "out") == 1
    assert sorted(path.name for path in Path("out").iterdir()) == ["run.log", "timing.json"]


@pytest.mark.parametrize(
    "behaviour, word", [("empty", "blocks.csv has no rows"), ("malformed", "summary.json, line 1, column 2")]
)
def test_a_bad_result_is_an_error(fake, command, capsys, behaviour, word):
    fake({"topk-equal": behaviour})
    assert command("run", "fake", "--policy", "topk-equal", "--out", "out") == 1
    assert word in capsys.readouterr().err
    assert not Path("out/summary.json").exists()


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("run", "wifi"), "unknown scenario 'wifi'; there are: fake"),
        (("run", "fake", "--policy", "topk"), "unknown policy 'topk'; there are: topk-stock"),
        (("run", "fake", "--radio", "lte"), "--radio selects one of: fake"),
        (("run", "fake", "--requests", "3"), "written --name=value"),
        (("run", "fake", "--policies=wdmoe"), "use --policy"),
        (("run", "fake", "--runs", "0"), "positive whole number"),
        (("run", "fake", "--RngRun", "x"), "positive whole number"),
        (("run", "fake", "--jobs", "-1"), "positive whole number"),
    ],
)
def test_wrong_use(fake, command, capsys, arguments, word):
    assert command(*arguments) == 2
    assert word in capsys.readouterr().err
    assert not Path("results").exists()


def test_help_shows_the_programs_own_options(fake, command, capfd):
    assert command("run", "fake", "--help") == 0
    printed = capfd.readouterr().out
    assert "--policy" in printed and "--requests: how many requests" in printed


def test_list(fake, command, capsys):
    assert command("run", "--list") == 0
    printed = capsys.readouterr().out
    assert "fake" in printed and all(policy in printed for policy in POLICIES)


def test_several_runs_are_compared_by_run(fake, command, capsys):
    assert command("run", "fake", "--out", "out", "--runs", 3, "--RngRun", 5, "--policy", "topk-equal,wdmoe") == 0
    comparison = json.loads(Path("out/comparison.json").read_text())
    assert comparison["RngRun"] == [5, 6, 7]
    for row in comparison["changes"]:  # the stand-in draws the same numbers for each policy of a run
        assert (row["policy"], row["against"], row["runs"]) == ("wdmoe", "topk-equal", 3)
        assert row["mean"] == row["low"] == row["high"] == pytest.approx(-0.5)
    assert [row["metric"] for row in rows("out/comparison.csv")] == ["block", "request"]
    assert all(Path(f"out/run-{run}/summary.json").exists() for run in (5, 6, 7))
    assert "-50.0 %" in capsys.readouterr().out


def test_interval_is_students():
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0])
    # t(0.975, 3) = 3.182446, standard deviation sqrt(5/3)
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - 2.054260, 2.5 + 2.054260), abs=1e-5)
    assert interval([1.0]) == (1.0, None, None)


def test_manifests_that_differ_are_both_kept():
    united = results.unite_manifests({"a": {"seed": 1, "theta": 2}, "b": {"seed": 1}})
    assert united == {"seed": 1, "by_policy": {"a": {"theta": 2}, "b": {}}}


INTERRUPTED = """
import sys
from wdmoe import cli, scenarios
scenarios.SCENARIOS["fake"] = "a stand-in"
sys.exit(cli.main(["run", "fake", "--policy", "wdmoe"]))
"""


def test_interrupt_ends_the_programs_at_once(fake, tmp_path):
    fake({"wdmoe": "hang"})
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    pid_file = tmp_path / "pid"
    deadline = time.monotonic() + 30
    while not (pid_file.exists() and pid_file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and "interrupted" in told
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert not Path("results/fake/parts").exists()
