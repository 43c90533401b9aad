# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe run` against the stand-in program: results united, errors told, exit statuses."""

import csv
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rich.console import Console

from wdmoe import plots, results, table
from wdmoe.comparison import QUALITIES, compare, interval, over_runs
from wdmoe.processes import explain
from wdmoe.run import Lock
from wdmoe.scenarios import DEFAULT_POLICIES, NAMED, POLICIES, baselines


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
    assert list(json.loads(Path("out/summary.json").read_text())["policies"]) == [
        policy for policy in POLICIES if policy != "wdmoe"
    ]
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
    assert "3 answers and 7 (token, expert) pairs are missing" in printed
    cells = printed_rows(printed)
    assert cells["answers missing"] == ["3" if policy == "wdmoe" else "-" for policy in POLICIES]
    assert cells["decode block p50 (ms)"] == ["-"] * len(POLICIES)
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
        (("run", "testbed", "--radio=wifi"), "unknown scenario 'testbed'; there are: fake"),
        (("run", "fake", "--policy", "topk"), "unknown policy 'topk'; there are: all, topk-stock"),
        (("run", "fake", "--policy", ""), "--policy names none; there are: all, topk-stock"),
        (("run", "fake", "--policy", " , "), "--policy names none"),
        (("run", "fake", "--policy", "wdmoe,plan:radio.A=1"), "unknown policy 'plan'; did you mean placed?; there are: all, topk-stock"),
        (("run", "fake", "--policy", "wdmoe:Gain=2"), "policy 'wdmoe:Gain=2': 'Gain=2' is no setting; expected :PART."),
        (("run", "fake", "--policy", "wdmoe:cell.A=2"), "'cell.A=2' is no setting"),
        (("run", "fake", "--policy", "wdmoe:radio.A"), "'radio.A' is no setting"),
        (("run", "fake", "--policy", "wdmoe:server=1"), "'server=1' is no setting"),
        (("run", "fake", "--policy", "wdmoe:"), "'' is no setting"),
        (("run", "fake", "--policy", "wdmoe:precision="), "'precision=' is no setting"),
        (("run", "--radio", "wifi"), "unknown scenario 'lte'; there are: fake"),
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
    assert ":PART.ATTRIBUTE=VALUE" in "".join(printed.split()) and "topk-shared" in printed
    assert "--policies" not in printed and "--progress" not in printed and printed.count("--out") == 2  # usage and list


def test_list(fake, command, capsys):
    assert command("run", "--list") == 0
    printed = capsys.readouterr().out
    assert "fake" in printed and all(policy in printed for policy in (*POLICIES, *NAMED))
    assert "topk-shared              (only where --policy names it)" in printed
    assert ":PART.ATTRIBUTE=VALUE with a part of selector, allocator" in printed


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
    changes = [row["metric"] for row in rows("out/comparison.csv") if row["against"]]
    assert changes == ["block", "prefill_block", "request"]  # the stand-in decodes nothing
    assert all(Path(f"out/run-{run}/summary.json").exists() for run in (5, 6, 7))
    printed = capsys.readouterr().out
    assert "-50.0 %" in printed and "Mean over 3 runs" in printed
    assert printed.startswith("fake: RngRun 5 to 7, 3 runs, 3 requests")


def test_figures_over_runs_have_intervals(fake, command, capsys, monkeypatch):
    """Two runs: the half width is t(0.975, 1) = 12.7062 standard deviations over sqrt(2), so 6.3531 |a - b| * sqrt(2)."""
    monkeypatch.setattr(table, "make_console", lambda: Console(width=120))
    assert command("run", "fake", "--out", "out", "--runs", 2, "--policy", "topk-equal,wdmoe") == 0
    found = json.loads(Path("out/comparison.json").read_text())["estimates"]
    assert set(found) == {"topk-equal", "wdmoe"}
    for path in ("block_latency_s.p50", "block_latency_s.p95", "prefill_block_latency_s.p50", "request_latency_s.p95"):
        metric, figure = path.split(".")
        one, two = (read_summary(f"out/run-{run}")["policies"]["wdmoe"][metric][figure] for run in (1, 2))
        mean, half = (one + two) / 2, 12.7062047 * abs(one - two) / 2
        wanted = [2, mean, max(mean - half, 0), mean + half]
        assert list(found["wdmoe"][path].values()) == pytest.approx(wanted, rel=1e-6), path
    assert "decode_block_latency_s.p50" not in found["wdmoe"]
    assert found["wdmoe"]["gate_mass_kept"] == {"runs": 2, "mean": 1.0, "low": 1.0, "high": 1.0}
    written = {row["metric"]: row for row in rows("out/comparison.csv") if row["policy"] == "wdmoe" and not row["against"]}
    assert set(written) == set(found["wdmoe"])
    assert float(written["ttft_s.p95"]["high"]) == pytest.approx(found["wdmoe"]["ttft_s.p95"]["high"])
    printed = capsys.readouterr().out
    mean = 1e3 * found["topk-equal"]["block_latency_s.p50"]["mean"]
    (line,) = [line for line in printed.splitlines() if line.startswith(" block p50 (ms)")]
    assert f" {mean:.4g} \u00b1" in line and line.count("\u00b1") == 2
    assert "-50.0 .. -50.0" in printed and "block p50 vs topk-equal" in printed
    assert not any(line.startswith(" decode") for line in printed.splitlines())
    assert all(len(line) <= 120 for line in printed.splitlines()[1:])


def test_without_equal_shares_the_first_policy_is_a_base(fake, command, capsys):
    assert baselines(POLICIES) == ["topk-equal", "topk-stock"]
    assert baselines(["wdmoe", "topk-stock"]) == ["topk-stock", "wdmoe"]
    assert baselines(["topk-stock", "bottleneck"]) == ["topk-stock"]
    assert command("run", "fake", "--out", "out", "--runs", 2, "--policy", "topk-shared,wdmoe") == 0
    changes = json.loads(Path("out/comparison.json").read_text())["changes"]
    assert {(row["policy"], row["against"]) for row in changes} == {("wdmoe", "topk-shared")}
    assert "block p50 vs topk-shared" in capsys.readouterr().out
    assert command("run", "fake", "--out", "out", "--policy", "topk-shared,wdmoe") == 0
    assert "block p50 vs topk-shared" in capsys.readouterr().out
    assert command("run", "fake", "--out", "out", "--policy", "wdmoe") == 0
    assert " vs " not in capsys.readouterr().out


def test_a_scenario_runs_over_another_radio(fake_all, command, capsys):
    assert command("run", "lte", "--radio", "wifi", "--policy", "wdmoe,topk-stock") == 0
    assert capsys.readouterr().out.startswith("lte over wifi: RngRun 1, ")
    summary = read_summary("results/lte-wifi")
    assert (summary["scenario"], summary["radio"]) == ("lte", "wifi")
    assert "--radio=wifi" in Path("results/lte-wifi/run.log").read_text()
    assert command("run", "lte", "--radio=lte", "--policy", "wdmoe", "--runs", 2) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("lte: RngRun 1 to 2, 2 runs") and Path("results/lte/comparison.json").exists()
    assert command("run", "--radio", "ideal", "--policy", "wdmoe") == 0
    assert "== lm: wdmoe-lm-base over lte over ideal" in capsys.readouterr().out
    for job in ("lm", "mixtral"):
        assert read_summary(f"results/default-ideal/{job}")["radio"] == "ideal"


def test_the_testbed_has_its_own_policies(fake, command, tmp_path):
    (tmp_path / "bin" / "wdmoe-testbed").symlink_to("wdmoe-fake")
    assert command("run", "testbed", "--radio", "ideal") == 0
    assert list(read_summary("results/testbed-ideal")["policies"]) == list(DEFAULT_POLICIES["testbed"])
    assert not set(DEFAULT_POLICIES["testbed"]) - {*POLICIES, *NAMED}
    assert command("run", "testbed", "--policy", "all") == 0
    assert list(read_summary("results/testbed")["policies"]) == list(POLICIES)


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
sys.exit(cli.main(["run", "fake", "--jobs=1", "--policy", sys.argv[1]]))
"""


@pytest.mark.parametrize("policies, kept", [("wdmoe", None), ("topk-equal,wdmoe", ["topk-equal"])])
def test_interrupt_ends_the_programs_at_once(fake, tmp_path, policies, kept):
    fake({"wdmoe": "hang"})
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, policies],
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
    if kept is None:
        assert not Path("results/fake").exists()
    else:
        assert "1 of 2 simulations had ended: results/fake/interrupted" in told
        assert [path.name for path in Path("results/fake").iterdir()] == ["interrupted"]
        assert list(read_summary("results/fake/interrupted")["policies"]) == kept


def printed_rows(printed):
    """First words of a table's row -> the row's cells, one for each policy."""
    lines = filter(str.strip, printed.splitlines())
    return {line.strip().split("  ")[0]: line.split()[-len(POLICIES) :] for line in lines}


def read_summary(folder):
    return json.loads(Path(folder, "summary.json").read_text())


def test_a_real_models_quality_is_in_table_and_picture(fake_all, command, capsys):
    assert command("run", "lte", "--model=wdmoe-lm-base", "--out", "out") == 0
    printed = capsys.readouterr().out
    cells = printed_rows(printed)
    assert cells["exact match (%)"] == ["100", "100", "100", "0", "0", "100", "100"]
    assert cells["bits per byte"] == ["2.1"] * 7
    assert cells["agreement (%)"] == ["80"] * 7
    assert cells["KL (bits per token)"] == ["0", "0", "0", "0.2", "0.4", "0", "0"]
    assert cells["free exact match (%)"] == ["0"] * 7
    assert (
        "quality of wdmoe-lm-base (digest 0123456789abcdef), each policy: 4 items "
        "(2 tasks, 1 tasks free running, 1 texts; 1 + 1 domains)\n"
    ) in printed
    # KL of the three forced requests of seven policies; exact match of their tasks, the free ones included
    assert "Spearman rank correlation over the requests of all policies: kept gate mass vs KL -1.000 (n = 21)" in printed
    assert ", WLR vs KL - (n = 21)" in printed  # the stand-in's WLR is the same for all
    assert ", WLR vs exact match - (n = 21)" in printed
    assert "32 + 4 tokens" not in printed.splitlines()[0] and "wdmoe-lm-base" in printed.splitlines()[0]
    assert Path("out/latency-vs-quality.png").read_bytes()[:4] == b"\x89PNG"
    table_rows = rows("out/requests.csv")
    assert len(table_rows) == 4 * len(POLICIES)
    assert [row["kind"] for row in table_rows[:4]] == ["forced", "free", "forced", "forced"]
    assert table_rows[3]["exact"] == "" and table_rows[1]["kl_bits"] == "" and table_rows[0]["kl_bits"] == "0.0"
    assert command("run", "lte", "--out", "out") == 0  # of sizes: nothing is left of it
    assert not Path("out/latency-vs-quality.png").exists()


def test_sizes_only_are_as_before(fake_all, command, capsys):
    assert command("run", "lte", "--out", "out") == 0
    printed = capsys.readouterr().out
    assert not any(word in printed for word in ("exact match", "bits per byte", "quality", "Spearman"))
    assert not Path("out/latency-vs-quality.png").exists()
    assert rows("out/requests.csv")[0]["kind"] == ""
    assert command("run", "lte", "--out", "out", "--runs", 2) == 0
    assert "Quality" not in capsys.readouterr().out
    comparison = json.loads(Path("out/comparison.json").read_text())
    assert "capability" not in comparison and "rank_correlations" not in comparison
    assert not {row["metric"] for row in rows("out/comparison.csv")} & set(QUALITIES)


def test_quality_over_runs(fake_all, command, capsys):
    assert command("run", "lte", "--model", "wdmoe-lm-robust", "--out", "out", "--runs", 3) == 0
    printed = capsys.readouterr().out
    assert "Quality and latency, mean over 3 runs (95 % interval)" in printed
    assert "quality of wdmoe-lm-robust (digest 0123456789abcdef), each policy: 12 items (6 tasks, 3 tasks free" in printed
    comparison = json.loads(Path("out/comparison.json").read_text())
    quality = comparison["capability"]["wdmoe"]
    assert (quality["model"], quality["items"], quality["free_items"]) == ("wdmoe-lm-robust", 12, 3)
    assert quality["tasks"] == {"add": {"items": 6, "exact": 0, "free_items": 3, "free_exact": 0}}
    # 2.1, 2.2 and 2.3 bits per byte of 10, 20 and 30 bytes; t(0.975, 2) = 4.302653, standard deviation 0.1
    assert quality["texts"]["text"]["bytes"] == 60
    assert quality["texts"]["text"]["bits_per_byte"] == pytest.approx((21 + 44 + 69) / 60)
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert list(quality["bits_per_byte"].values()) == pytest.approx([3, 2.2, 2.2 - half, 2.2 + half], rel=1e-6)
    assert comparison["capability"]["topk-equal"]["exact_match"] == {"runs": 3, "mean": 1.0, "low": 1.0, "high": 1.0}
    assert [row["n"] for row in comparison["rank_correlations"]] == [63, 63, 63, 63]
    found = [row for row in rows("out/comparison.csv") if row["policy"] == "wdmoe" and row["metric"] in QUALITIES]
    assert [row["metric"] for row in found] == list(QUALITIES) and not any(row["against"] for row in found)
    assert float(found[1]["mean"]) == pytest.approx(2.2)
    assert Path("out/latency-vs-quality.png").read_bytes()[:4] == b"\x89PNG"
    assert not Path("out/run-1/latency-vs-quality.png").exists()


def test_quality_that_does_not_exist():
    assert over_runs([None, None]) == {"runs": 0, "mean": None, "low": None, "high": None}
    assert over_runs([None, 0.5]) == {"runs": 1, "mean": 0.5, "low": None, "high": None}
    bounded = over_runs([0.0, 1.0], 1)
    assert (bounded["mean"], bounded["low"], bounded["high"]) == (0.5, 0.0, 1)


def test_rank_correlations(tmp_path):
    """KL per token 0.3, 0.1, 0.2 against mass 0.7, 1.0, 0.8 and WLR 1, 2, 3; the free request has no KL."""
    (tmp_path / "requests.csv").write_text(
        "policy,gate_mass_kept,wlr,exact,scored_tokens,kl_bits\n"
        "a,0.7,1,0,10,3\na,1.0,2,1,20,2\na,0.8,3,1,10,2\na,0.5,4,0,,\n"
    )
    found = {(row["proxy"], row["quality"]): row for row in results.rank_correlations([tmp_path])}
    assert found["gate_mass_kept", "kl_bits_per_token"]["spearman"] == pytest.approx(-1)
    assert found["wlr", "kl_bits_per_token"]["spearman"] == pytest.approx(-0.5)
    assert found["gate_mass_kept", "kl_bits_per_token"]["n"] == 3 and found["wlr", "exact"]["n"] == 4
    (tmp_path / "requests.csv").write_text(
        "policy,gate_mass_kept,wlr,exact,scored_tokens,kl_bits\na,1,1,1,10,0\na,1,2,1,10,0.0\n"
    )
    assert [(row["quality"], row["spearman"]) for row in results.rank_correlations([tmp_path])] == [
        ("kl_bits_per_token", None)
    ] * 2


def test_labels_do_not_overlap():
    """Points upon one another, at the edges, and with wide bars."""
    figure, axis = plots.pyplot.subplots(figsize=(3.9, 3.7))
    axis.set_xlim(0, 1.2)
    axis.set_ylim(0, 1)
    names = (*POLICIES, *LONG)
    places = [(1, 0.5), (1, 0.5), (1, 0.5), (0.02, 0.95), (1.1, 0.05), (0.5, 0.5), (0.52, 0.51), (0.1, 0.1)]
    places += [(0.5, 0.52), (1, 0.9)]
    points = [(x, y, name, (((x, y),) * 2,) * 2) for (x, y), name in zip(places, names)]
    figure.draw_without_rendering()
    plots.place_labels(axis, points)
    boxes = [text.get_window_extent() for text in axis.texts]
    assert len(boxes) == len(names)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    inside = axis.get_window_extent()
    assert all(box.x0 >= inside.x0 - 1 and box.x1 <= inside.x1 + 1 for box in boxes)
    plots.pyplot.close(figure)


def test_a_line_to_a_label_crosses_no_other():
    """Seven policies of equal quality, as where no item is lost; the last one's place is narrow."""
    figure, axis = plots.pyplot.subplots(figsize=(3.9, 3.7))
    axis.set_xlim(0, 11)
    axis.set_ylim(96, 104)
    latencies = (6.3, 9.5, 3.6, 8.3, 1.8, 2.4, 0.6)
    points = [(x, 100, name, (((x, 100),) * 2,) * 2) for x, name in zip(latencies, POLICIES)]
    figure.draw_without_rendering()
    plots.place_labels(axis, points)
    boxes = [text.get_window_extent() for text in axis.texts]
    for line in axis.lines:
        ends = axis.transData.transform(line.get_xydata())
        crossed = [box for box in boxes if any(box.contains(*place) for place in np.linspace(*ends, 50))]
        assert len(crossed) == 1  # its own
    plots.pyplot.close(figure)


def test_the_default_is_two_jobs(fake_all, command, capsys):
    assert command("run", "--requests=2", "--policy", "topk-equal,wdmoe") == 0
    for job, model in (("lm", "wdmoe-lm-base"), ("mixtral", "mixtral-8x7b")):
        manifest = read_summary(f"results/default/{job}")["manifest"]
        assert (manifest["option.model"], manifest["requests"]) == (model, "2")
    printed = capsys.readouterr().out
    assert printed.index("== lm: wdmoe-lm-base over lte") < printed.index("results: results/default/lm")
    assert printed.index("results: results/default/lm") < printed.index("== mixtral: mixtral-8x7b over lte")
    assert "results: results/default/mixtral" in printed
    assert listing("results/default/lm").count("latency-vs-quality.png") == 1
    assert "latency-vs-quality.png" not in listing("results/default/mixtral")
    assert command("run", "--out", "mine", "--policy", "wdmoe") == 0
    assert sorted(path.name for path in Path("mine").iterdir()) == ["lm", "mixtral"]


def test_a_named_model_or_scenario_is_one_job(fake_all, command):
    assert command("run", "--model=wdmoe-lm-robust", "--policy", "wdmoe") == 0
    assert read_summary("results/default")["manifest"]["option.model"] == "wdmoe-lm-robust"
    assert not Path("results/default/lm").exists()
    for scenario in ("lte", "ideal"):
        assert command("run", scenario, "--policy", "wdmoe") == 0
        assert read_summary(f"results/{scenario}")["manifest"]["option.model"] == "mixtral-8x7b"


@pytest.mark.parametrize("failing, other", [("wdmoe-lm-base", "mixtral"), ("mixtral-8x7b", "lm")])
def test_one_failing_default_job_leaves_the_other(fake_all, command, capsys, failing, other):
    fake_all({failing: "fail"})
    assert command("run", "--policy", "wdmoe", "--out", "out") == 1
    told = capsys.readouterr()
    assert "out of coverage" in told.err and f"results: out/{other}" in told.out
    assert read_summary(f"out/{other}") and len(list(Path("out").glob("*/summary.json"))) == 1


GIVEN = ["--prompt=17 + 25=", "--model=wdmoe-lm-base", "--radio=lte", "--RngRun=3", "--policy=wdmoe", "--maxTokens=9"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "--prompt", "17 + 25=", "--model", "wdmoe-lm-base", "--radio", "lte", "--policy", "wdmoe"),
        ("--prompt=17 + 25=", "generate", "--model=wdmoe-lm-base", "--radio=lte", "--policy=wdmoe"),
    ],
)
def test_generate_passes_its_arguments(fake_all, command, capfd, arguments):
    assert command("run", *arguments, "--RngRun", 3, "--maxTokens=9") == 0
    assert capfd.readouterr().out.splitlines() == GIVEN
    assert not Path("results").exists()


@pytest.mark.parametrize("prompt", ["-5+3=", "@some file.txt", "", "-h", "a 'quoted' one", "x=1"])
def test_a_prompt_may_be_any_text(fake_all, command, capfd, prompt):
    assert command("run", "generate", "--prompt", prompt) == 0
    assert capfd.readouterr().out.splitlines()[0] == f"--prompt={prompt}"
    assert command("run", "generate", f"--prompt={prompt}") == 0
    assert capfd.readouterr().out.splitlines()[0] == f"--prompt={prompt}"


@pytest.mark.parametrize(
    "tokens, status, told", [(0, 7, "wdmoe-generate: exit status 7"), (-1, 134, "wdmoe-generate: ended by SIGABRT")]
)
def test_generate_failing(fake_all, command, capfd, tokens, status, told):
    assert command("run", "generate", "--prompt", "a", f"--maxTokens={tokens}") == status
    assert capfd.readouterr().err == f"wdmoe run: {told}\n"


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("generate", "--runs", "2"), "--runs makes no sense for 'generate'"),
        (("generate", "--jobs", "1"), "--jobs makes no sense for 'generate'"),
        (("generate", "--policy", "all"), "'generate' runs one policy, --policy names 7"),
        (("generate", "--policy", "wdmoe,topk-equal"), "'generate' runs one policy, --policy names 2"),
        (("generate", "--policy", "topk"), "unknown policy 'topk'"),
        (("generate", "--policy", ""), "--policy names none"),
        (("generate", "--prompt"), "expected one argument"),
        (("lte", "--prompt", "a"), "--prompt is for: wdmoe run generate"),
        (("--prompt=a",), "--prompt is for: wdmoe run generate"),
    ],
)
def test_wrong_use_of_generate(fake_all, command, capsys, arguments, word):
    assert command("run", *arguments) == 2
    told = capsys.readouterr()
    assert word in told.err and not told.out
    assert not Path("results").exists()


def test_generate_is_listed_and_helps(fake_all, command, capfd):
    assert command("run", "--list") == 0
    assert "  generate         a real model continues" in capfd.readouterr().out
    assert command("run", "generate", "--help") == 0
    printed = capfd.readouterr().out
    assert printed.startswith("usage: wdmoe run generate") and "    --prompt: what to continue\n" in printed
