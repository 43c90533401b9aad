# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run` against the stand-in program: results united, errors told, exit statuses."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rich.console import Console

from wdmoe import results, table
from wdmoe.comparison import compare, interval
from wdmoe.processes import explain
from wdmoe.run import Lock
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


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def test_a_failed_run_keeps_the_earlier_results(fake, command, capsys):
    assert command("run", "fake", "--out", "out") == 0
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    fake({policy: "fail" for policy in POLICIES})
    assert command("run", "fake", "--out", "out") == 1
    assert "the earlier results in out are kept" in capsys.readouterr().err
    assert "out of coverage" in Path("out/failed-run.log").read_text()
    assert {path: path.read_bytes() for path in before} == before
    assert len(listing("out")) == len(before) + 1
    fake({})
    assert command("run", "fake", "--out", "out") == 0
    assert listing("out") == sorted(path.name for path in before)


def test_new_results_replace_all_of_the_earlier_ones_and_nothing_else(fake, command):
    assert command("run", "fake", "--out", "out", "--runs", 3, "--policy", "wdmoe") == 0
    Path("out/run-2/mine.txt").write_text("mine")
    Path("out/run-9").mkdir()
    Path("out/run-9/summary.json").write_text("not of this command")
    assert command("run", "fake", "--out", "out", "--policy", "wdmoe") == 0
    assert [name for name in listing("out") if name.startswith(("run-", "comp"))] == [
        "run-2",
        "run-2/mine.txt",
        "run-9",
        "run-9/summary.json",
    ]
    Path("other").mkdir()
    Path("other/comparison.csv").write_text("mine")
    assert command("run", "fake", "--out", "other", "--policy", "wdmoe") == 0
    assert Path("other/comparison.csv").read_text() == "mine"


def test_two_runs_into_one_folder(fake, command, capsys):
    Path("out").mkdir()
    with Lock(Path("out")) as locked:
        assert locked
        assert command("run", "fake", "--out", "out") == 1
        told = capsys.readouterr().err
        assert "another run is writing into out" in told and told.count("\n") == 1
    assert command("run", "fake", "--out", "out", "--policy", "wdmoe") == 0
    assert not list(Path("out").glob(".*"))


def test_an_abort_is_told_in_one_line(fake, command, capsys):
    fake({policy: "abort" for policy in POLICIES})
    assert command("run", "fake", "--out", "out") == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == 'wdmoe run: --requests is "0" expected >= 1' and len(told) == 2
    log = Path("out/failed-run.log").read_text()
    assert "before\n" in log and "NS_FATAL" in log
    fake({"wdmoe": "abort"})
    assert command("run", "fake", "--out", "out") == 1
    assert 'wdmoe (RngRun 1): --requests is "0" expected >= 1' in capsys.readouterr().err
    assert "NS_FATAL" in Path("out/run.log").read_text()


@pytest.mark.parametrize(
    "option, told",
    [("--nosuch=3", "unknown option or malformed value: '--nosuch=3'"), ("--requests=x", "malformed value in '--requests=x'")],
)
def test_a_wrong_option_is_told_in_one_line(fake, command, capsys, option, told):
    assert command("run", "fake", "--out", "out", option) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"wdmoe run: {told}; see ./wdmoe run fake --help" and len(lines) == 2


def test_what_a_failed_program_said():
    assert explain("terminate called\n  what():  share is 2\n", "lte") == "share is 2"
    text = 'aborted. cond="c", msg="one", file=a.cc, line=1\nassert failed. cond="c", msg="two", file=a.cc, line=1'
    assert explain(text, "lte") == "one"
    assert explain("out of coverage\n", "lte") is None


@pytest.mark.parametrize("text", ["all", " topk-equal , wdmoe,topk-equal", "wdmoe,all"])
def test_policies_are_chosen_freely(fake, command, text):
    assert command("run", "fake", "--out", "out", f"--policy={text}") == 0
    found = list(json.loads(Path("out/summary.json").read_text())["policies"])
    assert set(found) == ({"topk-equal", "wdmoe"} if "all" not in text else set(POLICIES))


LONG = [f"ns3::Wdmoe{name}Selector+ns3::WdmoeStockAllocator" for name in ("TopK", "Wlr", "TopKOfMyOwn")]


@pytest.mark.parametrize("policies", [LONG[:1], LONG, [*POLICIES, *LONG]])
def test_a_table_fits_a_terminal(fake, command, capsys, monkeypatch, policies):
    monkeypatch.setattr(table, "make_console", lambda: Console(width=80))
    assert command("run", "fake", "--out", "out", "--policy", ",".join(policies)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(" prefill block p50 (ms)")]
    assert all(len(line) <= 80 for line in lines[1:] if not line.startswith("P"))
    assert sum(line.count("TopKSelector") for line in lines) == 1


def test_the_table_says_what_was_run(fake, command, capsys):
    fake({"wdmoe": "missing"})
    assert command("run", "fake", "--out", "out", "--RngRun", 7) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "fake: RngRun 7, 3 requests, up to 32 + 4 tokens, 4 of the model's blocks (0: all), mixtral-8x7b, one run: "
        "compare over seeds with --runs\n"
    )
    assert "3 answers missed the deadline: latencies are those of an incomplete model" in printed
    rows = {line.split("  ")[0].strip(): line.split() for line in printed.splitlines()}
    assert rows["answers missing"][2:] == ["-", "-", "-", "-", "3"]
    assert rows["decode block p50 (ms)"][-5:] == ["-"] * 5
    fake({})
    assert command("run", "fake", "--out", "out") == 0
    assert "missing" not in capsys.readouterr().out


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
        (("run", "fake", "--policy", "topk"), "unknown policy 'topk'; there are: all, topk-stock"),
        (("run", "fake", "--policy", ""), "--policy names none; there are: all, topk-stock"),
        (("run", "fake", "--policy", " , "), "--policy names none"),
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
    assert "--policies" not in printed and "--progress" not in printed and printed.count("--out") == 2  # usage and list


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
        assert (row["mean"], row["low"], row["high"]) == pytest.approx((-0.5,) * 3)
    first = json.loads(Path("out/run-5/summary.json").read_text())["policies"]["wdmoe"]["block_latency_s"]["p50"]
    assert comparison["medians_s"]["wdmoe"]["runs"] == 3 and 0.5 < first < 1
    assert 0.5 < comparison["medians_s"]["wdmoe"]["block"] < 1
    assert [row["metric"] for row in rows("out/comparison.csv")] == ["block", "request"]
    assert all(Path(f"out/run-{run}/summary.json").exists() for run in (5, 6, 7))
    printed = capsys.readouterr().out
    assert "-50.0 %" in printed and "Median latency, mean over runs" in printed
    assert printed.startswith("fake: RngRun 5 to 7, 3 runs, 3 requests")


def test_a_change_is_of_the_logarithms():
    """Ratios 1/2 and 1/8: mean log(1/4), Student's interval with t(0.975, 1) = 12.7062 around it."""

    def summary(value):
        return {"policies": {name: {"block_latency_s": {"p50": p50}} for name, p50 in (("topk-equal", 1), ("a", value))}}

    (row,) = compare({1: summary(0.5), 2: summary(0.125)})
    half = 12.7062 * math.log(2)
    assert row["mean"] == pytest.approx(-0.75)
    assert (row["low"], row["high"]) == pytest.approx((0.25 * math.exp(-half) - 1, 0.25 * math.exp(half) - 1), rel=1e-4)
    assert row["low"] > -1


def test_interval_is_students():
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0])
    # t(0.975, 3) = 3.182446, standard deviation sqrt(5/3)
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - 2.054260, 2.5 + 2.054260), abs=1e-5)
    assert interval([1.0]) == (1.0, None, None)


def test_manifests_that_differ_are_both_kept():
    united = results.unite_manifests({"a": {"seed": 1, "theta": 2}, "b": {"seed": 1}})
    assert united == {"seed": 1, "by_policy": {"a": {"theta": 2}, "b": {}}}


INTERRUPTED = """
import signal
import sys
from wdmoe import cli, scenarios
# a shell that starts the tests in the background has them ignore it
signal.signal(signal.SIGINT, signal.default_int_handler)
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
    assert not Path("results/fake").exists()
