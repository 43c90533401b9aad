# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Policies that plan over time: their names and settings, schedule.csv, its pictures, plan gap and prediction error."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import FAKE, install
from matplotlib.colors import to_hex
from rich.console import Console

from wdmoe import comparison, plots, results, run, scenarios, table

FOLDED = [
    ("scheduled", "scheduled"),
    ("ns3::WdmoeTopKSelector+ns3::WdmoeStockAllocator", "TopKSelector+\nStockAllocator"),
    ("scheduled:server.MaxInFlight=1", "scheduled\nserver.MaxInFlight=1"),
    ("topk-shared:precision=ns3::WdmoeFixedPrecision", "topk-shared\nprecision=FixedPrecision"),
    (
        "ns3::WdmoeTopKSelector+ns3::WdmoeScheduledAllocator:controller.EarlyGrants=false:radio.Scheduler=ns3::PfFf",
        "TopKSelector+\nScheduledAllocator\ncontroller.\nEarlyGrants=false\nradio.Scheduler=PfFf",
    ),
]


@pytest.mark.parametrize("policy, folded", FOLDED)
def test_a_policy_may_carry_settings(policy, folded):
    assert run.judge_policies([policy]) is None
    assert scenarios.fold(policy) == folded


def test_a_policy_is_split_at_single_colons():
    assert scenarios.split_policy("a+ns3::B:radio.C=ns3::D:precision=ns3::E") == [
        "a+ns3::B",
        "radio.C=ns3::D",
        "precision=ns3::E",
    ]
    assert scenarios.split_policy("scheduled") == ["scheduled"]


def test_other_named_policies_are_not_in_all():
    assert run.choose_policies(None) == run.choose_policies("all") == list(scenarios.POLICIES)
    assert run.judge_policies(["topk-shared", "topk-allocated-strict"]) is None
    assert not set(scenarios.NAMED) & set(scenarios.POLICIES)
    assert run.choose_policies("topk-shared, all")[:2] == ["topk-shared", "topk-stock"]


# The stand-in with a schedule: 1 token to each of two devices, the second block twice as long as the first.
PLANNER = FAKE.replace(
    'print("@progress", policy, 1.0, file=sys.stderr)',
    """
plans = policy.startswith("scheduled")
table("blocks.csv", "request,pass,block,tokens,start_s,latency_s,pieces,in_flight,planned_s,lower_bound_s",
      [(0, i // 10, i % 10, 1, 2 * i, value, 2, 1, *((value, 0.9 * value) if plans else ("", "")))
       for i, value in enumerate(rows)])
pieces = [(0, i // 10, i % 10, 2 * i, device, 0, 1, 1, 0, .1, .1, .2, .2, value, *(("", .1, .1, .2, "", value)))
          for i, value in enumerate(rows) for device in (0, 1)]
stages = ["%s_%s_%s_s" % (kind, stage, end) for kind in ("planned", "measured")
          for stage in ("downlink", "compute", "uplink") for end in ("start", "end")]
if behaviour == "lacking":
    stages[3] = "else"
if behaviour == "wrong":
    pieces[1] = pieces[1][:-1] + ("soon",)
if behaviour == "short":
    pieces[2] = pieces[2][:-3]
if behaviour == "other":
    pieces = []
table("schedule.csv", "request,pass,block,start_s,device,piece,tokens,answered," + ",".join(stages), pieces)
entry["predicted_over_measured"] = {{"median_abs_error": 0.02 * run, "p95_abs_error": 0.07 * run}}
entry["plan_gap"] = {{"p50": 0.1}} if plans else None
with open(os.path.join(out, "summary.json")) as file:
    summary = json.load(file)
summary["policies"] = {{policy: entry}}
with open(os.path.join(out, "summary.json"), "w") as file:
    json.dump(summary, file)
print("@progress", policy, 1.0, file=sys.stderr)
""",
)


@pytest.fixture
def planner(fake, tmp_path):
    """Installs the stand-in with a schedule as the scenario `fake`."""
    install(tmp_path / "bin", "fake", PLANNER)
    return fake


def pictures(folder):
    return sorted(path.name for path in Path(folder).glob("schedule*.png"))


def test_a_run_writes_schedule_and_pictures(planner, command, capsys):
    assert command("run", "fake", "--out", "out") == 0
    with open("out/schedule.csv", newline="") as file:
        assert {row["policy"] for row in csv.DictReader(file)} == set(scenarios.POLICIES)
    assert pictures("out") == ["schedule-decode.png", "schedule-vs-stock.png", "schedule.png"]
    assert all(Path("out", name).read_bytes()[:4] == b"\x89PNG" for name in pictures("out"))
    assert set(pictures("out")) < set(run.WRITTEN)
    first = {name: Path("out", name).read_bytes() for name in pictures("out")}
    assert command("run", "fake", "--out", "out") == 0
    assert {name: Path("out", name).read_bytes() for name in first} == first
    # Nothing of it is left where no policy plans over time.
    assert command("run", "fake", "--out", "out", "--policy", "topk-stock,wdmoe") == 0
    assert pictures("out") == [] and Path("out/schedule.csv").exists()
    assert command("run", "fake", "--out", "out", "--policy", "scheduled:server.MaxInFlight=1") == 0
    assert pictures("out") == ["schedule-decode.png", "schedule.png"]
    assert "Traceback" not in capsys.readouterr().err


def test_a_program_may_leave_no_schedule(fake, command):
    assert command("run", "fake", "--out", "out") == 0
    assert not Path("out/schedule.csv").exists() and pictures("out") == []


@pytest.mark.parametrize(
    "behaviour, told",
    [
        ("lacking", "schedule.csv: its columns differ"),
        ("wrong", "schedule.csv, line 43: measured_uplink_end_s is 'soon', expected a number; so pictures are missing"),
        ("short", "schedule.csv, line 44: 18 fields, expected 21; so pictures are missing"),
        ("other", "schedule.csv: no row of policy scheduled, request 0, pass 0, block "),
    ],
)
def test_a_bad_schedule_is_told_in_one_line(planner, command, capsys, behaviour, told):
    planner({"scheduled": behaviour})
    assert command("run", "fake", "--out", "out", "--policy", "topk-stock,scheduled") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("wdmoe run: ") and told in lines[0] and len(lines) <= 2
    assert pictures("out") == []


def test_a_schedule_without_a_column(planner, command, capsys):
    planner({"scheduled": "lacking"})
    assert command("run", "fake", "--out", "out", "--policy", "scheduled") == 1
    told = capsys.readouterr().err
    assert "schedule.csv, line 1: no column 'planned_compute_end_s' among policy, request" in told
    assert Path("out/summary.json").exists() and Path("out/latency-by-policy.png").exists()


def test_tables_show_error_and_gap_where_there_are_any(planner, command, capsys, monkeypatch):
    monkeypatch.setattr(table, "make_console", lambda: Console(width=120))
    assert command("run", "fake", "--out", "out") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.strip().split("  ")[0]: line.split()[-len(scenarios.POLICIES) :] for line in lines if line.strip()}
    assert rows["prediction error p50 (%)"] == ["2"] * 7
    assert rows["prediction error p95 (%)"] == ["7"] * 7
    assert rows["plan gap p50 (%)"] == ["-"] * 5 + ["10", "10"]
    assert all(len(line) <= 120 for line in lines[1:])
    assert sum("block p95" in line for line in lines) == 1  # all policies in one table
    assert command("run", "fake", "--out", "out", "--policy", "topk-equal,wdmoe") == 0
    printed = capsys.readouterr().out
    assert "prediction error" in printed and "plan gap" not in printed


def test_tables_without_error_and_gap(fake, command, capsys):
    for runs in (1, 2):
        assert command("run", "fake", "--out", "out", "--runs", runs) == 0
        printed = capsys.readouterr().out
        assert "scheduled" in printed and "prediction error" not in printed and "plan gap" not in printed


def test_error_and_gap_over_runs(planner, command, capsys, monkeypatch):
    monkeypatch.setattr(table, "make_console", lambda: Console(width=120))
    assert command("run", "fake", "--out", "out", "--runs", 3, "--policy", "topk-equal,scheduled") == 0
    found = json.loads(Path("out/comparison.json").read_text())["planning"]
    errors = {"prediction_error": pytest.approx(0.04), "prediction_error_p95": pytest.approx(0.14)}
    assert found["topk-equal"] == {**errors, "plan_gap": None}
    assert found["scheduled"] == {**errors, "plan_gap": pytest.approx(0.1)}
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 120 for line in lines)
    # 2, 4 and 6 per cent: t(0.975, 2) = 4.302653 times 2 / sqrt(3); the gap is the same in all runs
    cells = {line.strip().split("  ")[0]: line.split()[-4:] for line in lines if line.strip()}
    assert cells["prediction error p50 (%)"] == ["4", "\u00b15", "4", "\u00b15"]
    assert cells["prediction error p95 (%)"] == ["14", "\u00b117", "14", "\u00b117"]
    assert cells["plan gap p50 (%)"][-3:] == ["-", "10", "\u00b10"] and cells["runs"][-2:] == ["3", "3"]
    assert comparison.planning({1: {"policies": {"a": {}}}}) == {"a": {}}


def test_settings_are_passed_on_and_named(planner, command, capsys, monkeypatch):
    monkeypatch.setattr(table, "make_console", lambda: Console(width=80))
    changed = "scheduled:controller.EarlyGrants=false:server.MaxInFlight=1"
    policies = ["topk-equal", "topk-shared", "topk-allocated-strict", "scheduled", changed]
    assert command("run", "fake", "--out", "out", "--policy", ",".join(policies)) == 0
    printed = capsys.readouterr().out
    assert list(json.loads(Path("out/summary.json").read_text())["policies"]) == policies
    assert f"--policies={changed}" in Path("out/run.log").read_text()
    assert f"P5: {changed}\n" in printed
    assert all(len(line) <= 80 for line in printed.splitlines()[1:])


# What a block with two micro-batches on device 3 and an unanswered one on device 5 leaves; ms, turned to s below.
HEADER = "policy,request,pass,block,start_s,device,piece,tokens,answered," + ",".join(plots.TIMES)
PIECES = """\
NAME,2,0,1,9,3,1,8,1,10,20,25,30,40,50,,22,26,32,41,55
NAME,2,0,1,9,3,0,8,1,0,10,12,20,30,40,0,12,12,22,,44
NAME,2,0,1,9,5,0,4,0,20,30,30,31,50,60,,,,,,
NAME,2,0,0,8,3,0,4,1,0,1,1,2,2,3,0,1,1,2,2,3
"""
BLOCKS = """\
policy,request,pass,block,tokens,latency_s,pieces,in_flight,planned_s,lower_bound_s
NAME,2,0,0,8,0.003,1,1,0.003,0.003
NAME,2,0,1,8,0.07,3,IN_FLIGHT,0.06,0.048
NAME,2,0,2,8,0.5,3,1,0.06,0.05
NAME,2,0,3,8,0.001,0,1,0,0
"""


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draws the block of `name`; {file: figure}, and stock's where there is one."""

    def draw(names, in_flight=1):
        lines = []
        for name in names:
            for line in PIECES.replace("NAME", name).splitlines():
                cells = line.split(",")
                lines.append(",".join(cells[:9] + [cell and str(float(cell) / 1e3) for cell in cells[9:]]))
        (tmp_path / "schedule.csv").write_text("\n".join([HEADER, *lines, ""]))
        header, *rows = BLOCKS.replace("IN_FLIGHT", str(in_flight)).splitlines()
        rows = [row.replace("NAME", name) for name in names for row in rows]
        # What plans nothing over time has neither plan nor bound.
        rows = [",".join(row.split(",")[:-2] + ["", ""]) if row.startswith("topk") else row for row in rows]
        (tmp_path / "blocks.csv").write_text("\n".join([header, *rows, ""]))
        figures = {}
        monkeypatch.setattr(plots, "save", lambda figure, path: figures.update({path.name: figure}))
        summary = {"scenario": "lte", "radio": "cell", "manifest": {"rng_run": "4"}, "policies": dict.fromkeys(names)}
        plots.draw_schedules(summary, tmp_path)
        return figures

    yield draw
    plots.pyplot.close("all")


def bars(axis):
    """(row, stage, start, end, hatched) of the bars; ms."""
    stages = {colour: stage for stage, colour in plots.STAGES.items()}
    found = []
    for bar in axis.patches:
        stage = stages.get(to_hex(bar.get_facecolor()).upper())
        if stage:
            row = round(bar.get_y() + bar.get_height() / 2)
            start, end = bar.get_x(), bar.get_x() + bar.get_width()
            found.append((row, stage, round(start, 6), round(end, 6), bool(bar.get_hatch())))
    return found


def lines(axis):
    return sorted(round(line.get_xdata()[0], 6) for line in axis.lines)


def test_bars_are_where_the_table_says(drawn):
    figures = drawn(["wdmoe", "scheduled"])
    assert list(figures) == ["schedule.png"]  # no decoding, no stock
    planned, measured = figures["schedule.png"].axes
    # Device 3 in row 0, its pieces in order; device 5 in row 1.
    assert bars(planned) == [
        (0, "downlink", 0, 10, False),
        (0, "compute", 12, 20, False),
        (0, "uplink", 30, 40, False),
        (0, "downlink", 10, 20, False),
        (0, "compute", 25, 30, False),
        (0, "uplink", 40, 50, False),
        (1, "downlink", 20, 30, False),
        (1, "compute", 30, 31, False),
        (1, "uplink", 50, 60, False),
    ]
    # The first answer's start is not known: from the end of its computation. The second batch's: from the first's end.
    assert bars(measured) == [
        (0, "downlink", 0, 12, False),
        (0, "compute", 12, 22, False),
        (0, "uplink", 22, 44, True),
        (0, "downlink", 12, 22, True),
        (0, "compute", 26, 32, False),
        (0, "uplink", 41, 55, False),
    ]
    assert lines(planned) == lines(measured) == [48, 60, 70]
    assert planned.get_xlim() == measured.get_xlim() and measured.get_xlim()[1] > 70
    assert [label.get_text() for label in measured.get_yticklabels()] == ["3  (16)", "5  (4)"]
    assert [text.get_text() for text in measured.texts] == ["1 of 1 not answered"] and not planned.texts
    (legend,) = figures["schedule.png"].legends
    title = legend.get_title().get_text()
    assert all(part in title for part in ("scenario lte", "radio cell", "RngRun 4", "scheduled"))
    assert "request 2, pass 0 (prefill), block 1, 8 tokens" in title
    labels = [text.get_text() for text in legend.get_texts()]
    assert {"planned end 60 ms", "measured end 70 ms", "lower bound 48 ms"} < set(labels)
    assert "start not known: earliest possible" in labels


def test_lanes_of_a_device_do_not_overlap(drawn):
    planned, _ = drawn(["scheduled"])["schedule.png"].axes
    heights = {stage: set() for stage in plots.STAGES}
    for bar, (row, stage, *_) in zip([bar for bar in planned.patches if bar.get_height() < 0.5], bars(planned)):
        heights[stage].add((round(bar.get_y() - row, 6), round(bar.get_y() + bar.get_height() - row, 6)))
    lanes = [lane for found in heights.values() for lane in found]
    assert len(lanes) == 3 and all(a[1] <= b[0] for a, b in zip(lanes, lanes[1:]))
    assert -0.5 < lanes[0][0] and lanes[-1][1] < 0.5


def test_scheduling_alone_is_drawn_first_and_beside_stock(drawn):
    figures = drawn(["topk-stock", "scheduled", "scheduled-fp16-topk"])
    assert sorted(figures) == ["schedule-vs-stock.png", "schedule.png"]
    assert "of scheduled-fp16-topk" in figures["schedule.png"].legends[0].get_title().get_text()
    stock, scheduled = figures["schedule-vs-stock.png"].axes
    assert stock.get_title(loc="left") == "topk-stock: measured, 70 ms"
    assert scheduled.get_title(loc="left") == "scheduled-fp16-topk: measured, 70 ms"
    assert bars(stock) == bars(scheduled) and len(bars(stock)) == 6
    assert stock.get_xlim() == scheduled.get_xlim()


def test_the_bound_of_several_blocks_is_not_drawn_for_one(drawn):
    planned, measured = drawn(["scheduled:server.MaxInFlight=2"], in_flight=2)["schedule.png"].axes
    assert lines(planned) == lines(measured) == [60, 70]
    assert planned.get_title(loc="left") == "Planned, with 1 other block in flight (the lower bound is of all together)"


def test_a_long_name_is_wrapped(drawn):
    name = "scheduled:controller.EarlyGrants=false:server.MaxInFlight=1:allocator.Downlink=Shared:selector.MinExperts=1"
    title = drawn([name])["schedule.png"].legends[0].get_title().get_text()
    assert all(len(line) <= plots.TITLE_WIDTH for line in title.splitlines())
    assert name in "".join(title.splitlines())


def test_nothing_is_drawn_of_static_policies(drawn):
    assert drawn(["topk-stock", "topk-equal"]) == {}


def test_the_median_block_is_chosen():
    blocks = {"pass": [0, 0, 0, 0, 1, 2], "pieces": [1, 0, 1, 1, 1, 1], "latency_s": [5, 1, 9, 7, 4, 3]}
    blocks["block"] = range(6)
    blocks = {name: np.array(values, dtype=float) for name, values in blocks.items()}
    block, count = plots.choose_block(blocks, True)
    assert (block["block"], block["latency_s"], count) == (3, 7, 3)
    block, count = plots.choose_block(blocks, False)
    assert (block["block"], count) == (5, 2)
    assert plots.choose_block({name: values[:0] for name, values in blocks.items()}, True) == (None, 0)


def test_a_table_of_numbers(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("policy,a,b\nx,1,\ny,2,3\n")
    read = results.read_columns(path, ["x", "z"], ("b", "a"))
    assert np.isnan(read["x"]["b"][0]) and read["x"]["a"].tolist() == [1] and read["z"]["a"].tolist() == []
    path.write_text("")
    with pytest.raises(results.BadResult, match="some.csv, line 1: no column 'policy' among"):
        results.read_columns(path, [], ())
