# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""wdmoe.load, the pictures of wdmoe.plot and the trace, of real runs over ideal links."""

import csv
import json
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pandas
import pytest
from matplotlib import pyplot

import wdmoe
from wdmoe import cli, frames, perfetto, plot

matplotlib.use("Agg")
POLICIES = ["topk-stock", "wdmoe", "scheduled"]


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture
def copy(ideal, tmp_path):
    """A run to spoil, CSV only."""
    return Path(shutil.copytree(ideal, tmp_path / "copy", ignore=shutil.ignore_patterns("*.parquet")))


def raw(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_frames_are_the_files(ideal):
    found = wdmoe.load(ideal)
    assert found.policies == POLICIES and found.runs == [3] and found.scenario == "ideal"
    assert found.tables == list(frames.COLUMNS)
    for name in found.tables:
        table, lines = getattr(found, name), raw(ideal / f"{name}.csv")
        assert list(table.columns) == ["run", *lines[0]] and len(table) == len(lines) > 0
        assert (table["run"] == 3).all()
        for column in lines[0]:
            for value, text in zip(table[column], (line[column] for line in lines)):
                if text == "":
                    assert pandas.isna(value), (name, column)
                elif column in frames.CATEGORIES:
                    assert value == text
                else:
                    assert float(value) == float(text), (name, column)


def test_types(ideal):
    found = wdmoe.load(str(ideal))
    assert isinstance(found.blocks["policy"].dtype, pandas.CategoricalDtype)
    assert list(found.blocks["policy"].cat.categories) == POLICIES
    assert found.blocks["slowest_device"].dtype == "Int64" and found.requests["exact"].dtype == "Int64"
    assert found.blocks["pass"].dtype == "int64" and found.blocks["planned_s"].dtype == "float64"
    assert found.schedule["answered"].dtype == "bool"
    assert found.requests["exact"].isna().all()  # no real model
    row = found.summary.set_index("policy").loc["wdmoe"]
    assert row["block_latency_s.p50"] == pytest.approx(found.blocks.query("policy == 'wdmoe'")["latency_s"].median())
    assert found.manifest["rng_run"] == "3"


def test_experts_add_up_to_the_blocks(ideal):
    found = wdmoe.load(ideal)
    key = ["policy", "request", "pass", "block"]
    loads = found.experts.groupby(key, observed=True)[["pairs", "gate_mass"]].sum()
    blocks = found.blocks.set_index(key)
    assert (loads["pairs"] == blocks["pairs_routed"].reindex(loads.index)).all() and len(loads) == len(blocks)
    # a gate's weights sum to at most 1 a token; top-k's mass is below that and kept in part
    assert (loads["gate_mass"] <= blocks["tokens"].reindex(loads.index) + 1e-9).all()
    whole = loads["gate_mass"].unstack("policy")
    kept = blocks["gate_mass_kept"].unstack("policy")
    assert np.allclose(whole["wdmoe"] / whole["topk-stock"], kept["wdmoe"], rtol=1e-6)
    devices = found.experts.groupby([*key, "device"], observed=True)["pairs"].sum()
    shares = found.shares.set_index([*key, "device"])["tokens"]
    assert (devices == shares.reindex(devices.index)).all()


def test_runs_and_jobs(several, ideal, tmp_path):
    found = wdmoe.load(several)
    assert found.runs == [1, 2] and len(found.summary) == 4
    alone = wdmoe.load(several / "run-2")
    part = found.blocks[found.blocks["run"] == 2].reset_index(drop=True)
    pandas.testing.assert_frame_equal(part, alone.blocks)
    assert found.manifest["by_run"]["run-2"]["rng_run"] == "2" and found.manifest["option.requests"] == "2"
    shutil.copytree(ideal, tmp_path / "default" / "a")
    shutil.copytree(several, tmp_path / "default" / "b")
    default = wdmoe.load(tmp_path / "default")
    assert list(default.jobs) == ["a", "b"]
    assert default.blocks.groupby("job", observed=True).size().to_dict() == {
        "a": len(wdmoe.load(ideal).blocks),
        "b": len(found.blocks),
    }
    pandas.testing.assert_frame_equal(default.jobs["b"].requests, found.requests)
    with pytest.raises(ValueError, match="several jobs, draw one of them: results.jobs"):
        plot.latency_cdf(default)


def test_parquet_is_the_same(ideal, several, tmp_path):
    """Beside the tables of a run, byte for byte the same from the same tables; and as a folder of its own."""
    again = tmp_path / "again"
    shutil.copytree(ideal, again)
    for path in again.glob("*.parquet"):
        path.unlink()
    frames.write_parquet(again)
    for name in frames.COLUMNS:
        assert (ideal / f"{name}.parquet").read_bytes() == (again / f"{name}.parquet").read_bytes(), name
        assert len(pandas.read_parquet(ideal / f"{name}.parquet")) == len(getattr(wdmoe.load(ideal), name))
    for number, source in enumerate((ideal, several)):
        found = wdmoe.load(source)
        written = found.to_parquet(tmp_path / str(number))
        assert len(written) == 5 * len(found.runs)
        loaded = wdmoe.load(tmp_path / str(number))
        assert loaded.runs == found.runs
        for name in found.tables:
            pandas.testing.assert_frame_equal(getattr(loaded, name), getattr(found, name))


def spoil_header(folder):
    path = folder / "blocks.csv"
    path.write_text(path.read_text().replace("gate_mass_kept", "gate_mass"))


def cut_off(folder):
    path = folder / "shares.csv"
    path.write_text(path.read_text()[:-9])


def drop_fields(folder):
    path = folder / "requests.csv"
    path.write_text(path.read_text() + "wdmoe,7\n")


def spoil_cell(folder):
    path = folder / "blocks.csv"
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace(",0,", ",many,", 1)
    path.write_text("\n".join(lines) + "\n")


def empty(folder):
    path = folder / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "policies": {}}))


def rename_policy(folder):
    path = folder / "blocks.csv"
    path.write_text(path.read_text().replace("wdmoe,", "wdmo,"))


@pytest.mark.parametrize(
    "spoil, error, told",
    [
        (lambda folder: shutil.rmtree(folder), FileNotFoundError, "no such folder"),
        (lambda folder: (folder / "summary.json").unlink(), FileNotFoundError, "no summary.json in it"),
        (lambda folder: (folder / "requests.csv").unlink(), FileNotFoundError, "no requests.csv"),
        (lambda folder: (folder / "summary.json").write_text('{"scenario": "a'), ValueError, "not JSON"),
        (lambda folder: (folder / "summary.json").write_text("[1]"), ValueError, "expected an object with"),
        (empty, ValueError, "simulated nothing"),
        (spoil_header, ValueError, "blocks.csv: no column 'gate_mass_kept'; was it written by another version"),
        (cut_off, ValueError, "shares.csv: the last line"),
        (drop_fields, ValueError, "requests.csv: the last line has 2 fields, expected"),
        (spoil_cell, ValueError, "blocks.csv: column 'request'.*'many'"),
        (rename_policy, ValueError, "policy 'wdmo' is not in summary.json"),
    ],
)
def test_bad_results(copy, spoil, error, told, capsys):
    spoil(copy)
    with pytest.raises(error, match=told):
        wdmoe.load(copy).blocks
    for command in ("report", "trace"):
        assert cli.main([command, str(copy)]) == 1
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err.count("\n") == 1 and printed.err.startswith(f"wdmoe {command}: ")


def test_not_a_folder(ideal):
    with pytest.raises(ValueError, match="a file, expected a folder"):
        wdmoe.load(ideal / "blocks.csv")


def test_older_results_have_no_experts(copy):
    (copy / "experts.csv").unlink()
    found = wdmoe.load(copy)
    assert "experts" not in found.tables
    with pytest.raises(ValueError, match="has no experts.csv; it was written by an earlier version"):
        found.experts
    assert plot.expert_load(found, "wdmoe", by="device").get_ylabel() == "Device"


def test_latency_cdf(ideal):
    found = wdmoe.load(ideal)
    for what, (table, column, _, name) in plot.WHAT.items():
        axis = plot.latency_cdf(found, what)
        assert axis.get_xlabel().startswith(name) and axis.get_xlabel().endswith((" (ms)", " (s)", " (us)"))
        assert len(axis.lines) == 3
        for line in axis.lines:
            x, y = line.get_data()
            assert (np.diff(x) >= 0).all() and y[0] == 0 and y[-1] == 1
    values = found.requests.query("policy == 'wdmoe'")["latency_s"]
    axis = plot.latency_cdf(found.requests, "request", policies="wdmoe")
    x, y = axis.lines[0].get_data()
    scale = {"ms": 1e3, "s": 1}[axis.get_xlabel()[-3:-1].strip("(")]
    assert x[0] == pytest.approx(scale * values.min()) and x[-1] == pytest.approx(scale * values.max())
    # colour, dashes and marker of a policy are the same in whatever company
    assert axis.lines[0].get_color() == plot.COLOURS[1]


def test_a_legend_covers_no_data(ideal):
    found = wdmoe.load(ideal)
    blocks = found.blocks
    names = [f"scheduled:controller.EarlyGrants=false:server.MaxInFlight={n}" for n in range(30)]
    many = pandas.concat([blocks.query("policy == 'wdmoe'").assign(policy=name) for name in names])
    for drawn in (plot.latency_cdf(found), plot.latency_cdf(many), plot.timeline(found, "scheduled")):
        figure = drawn.figure
        figure.canvas.draw()
        legend, axes = drawn.get_legend().get_window_extent(), drawn.get_window_extent()
        assert legend.y0 >= axes.y1 - 1 and legend.x0 >= 0
        assert legend.x1 <= figure.bbox.x1 + 1 and legend.y1 <= figure.bbox.y1 + 1
        assert axes.height > 0.35 * figure.dpi
    looks = {(line.get_color(), str(line._dash_pattern), line.get_marker()) for line in plot.latency_cdf(many).lines}
    assert len(looks) == 30


def test_timeline(ideal):
    found = wdmoe.load(ideal)
    axis = plot.timeline(found, "scheduled", request=0, number=0, block=1)
    rows = found.schedule.query("policy == 'scheduled' and request == 0 and `pass` == 0 and block == 1")
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        str(device) for device in sorted(set(rows["device"]))
    ]
    ends = max(bar.get_x() + bar.get_width() for bar in axis.patches if bar.get_height() == 0.25)
    assert ends / 1e3 == pytest.approx(rows["measured_uplink_end_s"].max())
    assert "(ms)" in axis.get_xlabel()
    assert plot.timeline(found, "scheduled", kind="planned").get_xlabel()
    with pytest.raises(ValueError, match="policy: choose one of topk-stock, wdmoe, scheduled"):
        plot.timeline(found)
    with pytest.raises(ValueError, match="request is 99, expected one of: 0, 1"):
        plot.timeline(found, "wdmoe", request=99)
    with pytest.raises(ValueError, match="no micro-batch of policy 'topk-stock' has planned times|choose"):
        plot.timeline(
            found.schedule.assign(
                planned_uplink_end_s=np.nan, planned_compute_end_s=np.nan, planned_downlink_end_s=np.nan
            ),
            "topk-stock",
            kind="planned",
        )


def test_shares_are_the_tables(ideal):
    found = wdmoe.load(ideal)
    down, up = plot.shares(found, "wdmoe")
    assert down.get_ylim() == (0, 1) and "(fraction of band)" in up.get_ylabel()
    # the area under the stack, against the sum over blocks and devices
    rows = found.shares.query("policy == 'wdmoe' and request == 0").merge(
        found.blocks[["policy", "request", "pass", "block", "latency_s"]], on=["policy", "request", "pass", "block"]
    )
    scale = 1e3 if "(ms)" in up.get_xlabel() else 1
    for axis, column in ((down, "granted_downlink_share"), (up, "granted_uplink_share")):
        area = 0
        for stacked in axis.collections:
            x, y = stacked.get_paths()[0].vertices.T
            area += abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
        assert area / scale == pytest.approx((rows[column] * rows["latency_s"]).sum(), rel=1e-6)
    with pytest.raises(ValueError, match="direction: choose"):
        plot.shares(found, "wdmoe", axis=down)


def test_expert_load(ideal):
    found = wdmoe.load(ideal)
    axes = plot.expert_load(found)
    assert len(axes) == 3
    image = axes[1].images[0].get_array()
    assert np.allclose(image.sum(axis=0), 100)
    rows = found.experts.query("policy == 'wdmoe' and block == 1")
    assert image[2, 1] == pytest.approx(100 * rows.query("expert == 2")["pairs"].sum() / rows["pairs"].sum())
    assert np.allclose(plot.expert_load(found, "wdmoe", by="device").images[0].get_array().sum(axis=0), 100)


def test_pareto(several):
    found = wdmoe.load(several)
    axis = plot.pareto(found)
    assert "Kept gate mass" in axis.get_ylabel() and axis.get_xlabel().startswith("Request latency, p50 (")
    assert len(axis.containers) == 2 and {text.get_text() for text in axis.texts} == set(found.policies)
    scale = 1e3 if "(ms)" in axis.get_xlabel() else 1
    mean = found.summary.groupby("policy", observed=True)["request_latency_s.p50"].mean()
    for container, policy in zip(axis.containers, found.policies):
        assert container[0].get_xdata()[0] == pytest.approx(scale * mean[policy])
        assert container.has_xerr  # two runs: an interval
    with pytest.raises(ValueError, match="bits per byte is not known|no policy has both"):
        plot.pareto(found, "bits_per_byte")
    with pytest.raises(ValueError, match="quality is 'taste', expected one of: gate_mass"):
        plot.pareto(found, "taste")


def test_front():
    from wdmoe.plot._pareto import front

    points = [(1, 0.5), (2, 0.9), (3, 0.7), (2, 0.8), (4, 1.0)]
    assert front(points, True) == [(1, 0.5), (2, 0.9), (4, 1.0)]
    assert front(points, False) == [(1, 0.5)]


def test_prediction(ideal):
    found = wdmoe.load(ideal)
    axis = plot.prediction(found)
    assert axis.get_xscale() == axis.get_yscale() == "log" and axis.get_xlim() == axis.get_ylim()
    blocks = found.blocks.query("policy == 'scheduled'")
    error = 100 * (blocks["predicted_s"] / blocks["latency_s"] - 1).abs().median()
    assert f"scheduled: {error:.2g} %" in [text.get_text() for text in axis.get_legend().get_texts()]
    with pytest.raises(ValueError, match="no block has a latency and 'predicted_s'"):
        plot.prediction(found.blocks.assign(predicted_s=np.nan))
    with pytest.raises(ValueError, match="no column 'predicted_s'"):
        plot.prediction(found.requests)
    with pytest.raises(TypeError, match="expected what wdmoe.load"):
        plot.prediction({"a": 1})


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_a_file_is_the_same_each_time(ideal, tmp_path, kind):
    found = wdmoe.load(ideal)
    for name in ("one", "two"):
        plot.save(plot.latency_cdf(found).figure, tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def check_trace(text):
    """Of "Trace Event Format" what this uses, as its documentation has it; the events by phase."""
    trace = json.loads(text)
    assert isinstance(trace["traceEvents"], list) and trace["displayTimeUnit"] in ("ms", "ns")
    phases = {"M": [], "X": [], "C": []}
    for event in trace["traceEvents"]:
        assert event["ph"] in phases, event
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int) and isinstance(event["name"], str)
        assert isinstance(event["args"], dict)
        phases[event["ph"]].append(event)
        if event["ph"] != "M":
            assert isinstance(event["ts"], (int, float)) and event["ts"] >= 0
    named = {"process_name": str, "thread_name": str, "process_sort_index": int, "thread_sort_index": int}
    for event in phases["M"]:
        key = "name" if event["name"].endswith("name") else "sort_index"
        assert isinstance(event["args"][key], named[event["name"]])
    threads = {(event["pid"], event["tid"]) for event in phases["M"] if event["name"] == "thread_name"}
    processes = {event["pid"] for event in phases["M"] if event["name"] == "process_name"}
    spans = {}
    for event in phases["X"]:
        assert event["dur"] >= 0 and (event["pid"], event["tid"]) in threads and event["pid"] in processes
        spans.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for track in spans.values():  # on one thread spans nest; here they do not even overlap
        track.sort()
        assert all(end <= start + 2e-3 for (_, end), (start, _) in zip(track, track[1:]))
    for event in phases["C"]:
        assert event["pid"] in processes and event["args"]
        assert all(isinstance(value, (int, float)) for value in event["args"].values())
    return phases


def test_trace(ideal, tmp_path, capsys):
    out = tmp_path / "trace.json"
    assert cli.main(["trace", str(ideal), "-o", str(out)]) == 0
    phases = check_trace(out.read_text())
    found = wdmoe.load(ideal)
    processes = {e["args"]["name"]: e["pid"] for e in phases["M"] if e["name"] == "process_name"}
    assert list(processes) == POLICIES
    names = {
        (e["pid"], e["tid"]): e["args"]["name"].partition(" (")[0] for e in phases["M"] if e["name"] == "thread_name"
    }
    for policy, pid in processes.items():
        tracks = {}
        for event in phases["X"]:
            if event["pid"] == pid:
                tracks.setdefault(names[pid, event["tid"]], []).append(event)
        blocks = found.blocks[found.blocks["policy"] == policy]
        assert len(tracks["blocks"]) == len(blocks)
        assert sum(e["dur"] for e in tracks["blocks"]) == pytest.approx(1e6 * blocks["latency_s"].sum(), rel=1e-6)
        requests = found.requests[found.requests["policy"] == policy]
        served = sorted(e["ts"] + e["dur"] for e in tracks["requests"] if "waits" not in e["name"])
        assert served == pytest.approx(sorted(1e6 * requests["end_s"]))
        pieces = found.schedule[found.schedule["policy"] == policy]
        for device, part in pieces.groupby("device"):
            for stage in perfetto.STAGES:
                assert len(tracks[f"device {device} {stage}"]) == part[f"measured_{stage}_end_s"].notna().sum()
            compute = sum(event["dur"] for event in tracks[f"device {device} compute"])
            expected = (part["measured_compute_end_s"] - part["measured_compute_start_s"]).sum()
            assert compute == pytest.approx(1e6 * expected, abs=0.01 * len(part))
    counted = {(e["pid"], e["name"]) for e in phases["C"]}
    assert (processes["wdmoe"], "granted downlink share") in counted


def test_trace_of_some(several, tmp_path, capsys):
    out = tmp_path / "trace.json"
    assert cli.main(["trace", str(several), "-o", str(out), "--policy", "wdmoe", "--run", "2"]) == 0
    trace = json.loads(out.read_text())
    assert trace["otherData"]["RngRun"] == 2
    assert [e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"] == ["wdmoe"]
    for arguments, told in (
        (["--run", "9"], "run is 9, expected one of: 1, 2"),
        (["--policy", "wdmo"], "policy is 'wdmo', expected one of: topk-stock, wdmoe"),
        (["-o", str(tmp_path / "no" / "trace.json")], "no such folder"),
    ):
        assert cli.main(["trace", str(several), *arguments]) == 1
        assert told in capsys.readouterr().err


def test_lanes():
    assert perfetto.lanes([0, 1, 2, 3, 3], [2, 4, 3, 5, 6]) == [0, 1, 0, 0, 2]
