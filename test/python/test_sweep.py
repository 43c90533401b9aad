# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Sweeps of the program `ideal`, each run a simulation of one block; the plans that are refused; Dask in processes."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wdmoe
from wdmoe import scenarios
from wdmoe.bindings import paths
from wdmoe.comparison import interval
from wdmoe.sweep import SweepError, load, plan, store, summary, task

ROOT = Path(__file__).resolve().parents[2]
TINY = {"requests": 1, "blocks": 1, "maxOutputTokens": 1}


@pytest.fixture(autouse=True)
def real(tmp_path, monkeypatch):
    if "ideal" not in scenarios.find_programs():
        pytest.skip("no wdmoe-ideal is installed, and WDMOE_BIN names none")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.chdir(tmp_path)


def tiny(**changes):
    base = {"scenario": "ideal", "policies": ["topk-equal", "wdmoe"], "seeds": 2, "options": TINY}
    return {**base, **changes}


def sweep(source, **options):
    return wdmoe.sweep(source, out="out", quiet=True, **options)


def test_a_row_for_each_run():
    result = sweep(tiny(grid={"bandwidth": [20, 100]}))
    frame = load("out")
    assert len(frame) == 8 and result.failed == 0
    assert set(zip(frame["policy"], frame["bandwidth"], frame["seed"])) == {
        (policy, bandwidth, seed) for policy in ("topk-equal", "wdmoe") for bandwidth in (20, 100) for seed in (1, 2)
    }
    assert (frame["status"] == "done").all() and (frame["wall_s"] > 0).all() and frame["key"].is_unique
    assert (frame["requests"] == 1).all() and frame["revision"].nunique() == 1
    assert sorted(os.listdir("out")) == [
        "block_latency_s.p50-by-bandwidth.png",
        "runs.parquet",
        "summary.csv",
        "sweep.json",
    ]
    # the program itself says the same
    row = frame[(frame["policy"] == "wdmoe") & (frame["bandwidth"] == 20) & (frame["seed"] == 2)].iloc[0]
    command = [
        str(scenarios.find_programs()["ideal"]),
        "--policies=wdmoe",
        "--RngRun=2",
        "--bandwidth=20",
        "--out=alone",
    ]
    subprocess.run(
        command + [f"--{name}={value}" for name, value in TINY.items()], check=True, stdout=subprocess.DEVNULL
    )
    entry = json.loads(Path("alone/summary.json").read_text())["policies"]["wdmoe"]
    assert row["block_latency_s.p50"] == entry["block_latency_s"]["p50"]
    assert row["energy_j.per_token"] == entry["energy_j"]["per_token"]
    assert set(task.flatten(entry)) <= set(frame.columns)


def test_attributes_change_what_is_simulated():
    frame = sweep(
        tiny(policies=["topk-equal"], seeds=1, grid={"ns3::WdmoeIdealRadio::ServerTxPower": [10.0, 40.0]})
    ).runs
    slow, fast = frame.sort_values("ns3::WdmoeIdealRadio::ServerTxPower")["block_latency_s.p50"]
    assert slow > fast


def test_a_second_sweep_runs_only_what_is_missing():
    first = sweep(tiny())
    again = sweep(tiny())
    assert list(again.runs["wall_s"]) == list(first.runs["wall_s"])
    more = sweep(tiny(seeds=3)).runs
    assert len(more) == 6
    old = more[more["seed"] < 3].set_index("key")["wall_s"]
    assert old.to_dict() == first.runs.set_index("key")["wall_s"].to_dict()
    # of a smaller plan: what is there is kept, the summary is of the plan
    fewer = sweep(tiny(seeds=[3]))
    assert len(fewer.runs) == 2 and len(load("out")) == 6 and fewer.summary["runs"].max() == 1


def test_failures_are_kept_and_retried(capsys):
    late = tiny(seeds=1, options={**TINY, "maxDistance": 5}, grid={"minDistance": [1, 10]})
    result = sweep(late)
    frame = result.runs.set_index(["policy", "minDistance"])
    assert result.failed == 2
    assert list(frame["status"].loc[:, 1]) == ["done"] * 2 and list(frame["status"].loc[:, 10]) == ["failed"] * 2
    row = frame.loc[("wdmoe", 10)]
    assert "istance" in row["reason"] and math.isnan(row["block_latency_s.p50"])
    log = Path("out/logs", f"{row['key']}.log").read_text()
    assert "--minDistance=10" in log and row["reason"].split()[0] in log
    before = load("out")["wall_s"].tolist()
    assert sweep(late).failed == 2 and load("out")["wall_s"].tolist() == before
    assert sweep(late, retry_failed=True).failed == 2
    again = load("out")
    assert len(again) == 4 and again["key"].is_unique
    assert (again["wall_s"].sort_values().tolist() != sorted(before)) and len(os.listdir("out/logs")) == 2


def test_what_failed_for_now_is_done_after_a_retry():
    plan_ = tiny(policies=["topk-equal"], seeds=1, options={**TINY, "requestFile": "late.csv"})
    assert sweep(plan_).failed == 1
    text = (ROOT / "data" / "requests" / "azure-2023-conv-excerpt.csv").read_text()
    Path("late.csv").write_text(text)
    assert sweep(plan_).failed == 1
    result = sweep(plan_, retry_failed=True)
    assert result.failed == 0 and len(load("out")) == 1 and not Path("out/logs").exists()


def test_rows_of_another_program_are_set_aside(capsys, monkeypatch, tmp_path):
    sweep(tiny(seeds=1))
    revision = load("out")["revision"][0]
    # the same program, one byte longer
    binaries = tmp_path / "new" / "bin"
    binaries.mkdir(parents=True)
    program = scenarios.find_programs()["ideal"]
    (binaries / program.name).write_bytes(program.read_bytes() + b"\0")
    (binaries / program.name).chmod(0o755)
    library = program.parent.parent
    places = (library, library / "lib", paths.ns3() / "lib64")  # an installed program finds ns-3 from where it is
    monkeypatch.setenv("LD_LIBRARY_PATH", os.pathsep.join(map(str, places)))
    monkeypatch.setenv("WDMOE_DATA", str(ROOT / "data"))
    monkeypatch.setenv("WDMOE_BIN", str(binaries))
    result = sweep(tiny(seeds=1))
    told = capsys.readouterr().err
    assert f"the program has changed since: 2 rows of revision {revision} are in out/runs-{revision}.parquet" in told
    assert result.failed == 0 and set(load("out")["revision"]) != {revision} and len(load("out")) == 2
    assert Path(f"out/runs-{revision}.parquet").exists()


def test_latin_hypercube():
    ranges = {
        "bandwidth": {"from": 10, "to": 160, "scale": "log"},
        "maxPromptTokens": {"from": 8, "to": 64, "integer": True},
    }
    table = tiny(policies=["topk-equal"], seeds=1, latin={"samples": 5, "seed": 3, "range": ranges})
    frame = sweep(table).runs
    assert len(frame) == 5 and frame["maxPromptTokens"].dtype.kind == "i"
    # one point in each fifth, on the scale it is drawn on
    fifths = ((frame["bandwidth"].map(math.log) - math.log(10)) / math.log(16) * 5).astype(int)
    assert sorted(fifths) == [0, 1, 2, 3, 4]
    assert plan.judge(table, Path.cwd()).points == plan.judge(table, Path.cwd()).points
    assert (frame["status"] == "done").all()


def test_a_fraction_where_a_whole_number_is_wanted():
    frame = sweep(tiny(policies=["topk-equal"], seeds=1, options={"blocks": 1}, grid={"requests": [1, 1.5]})).runs
    assert frame["status"].tolist() == ["done", "failed"]
    assert frame["reason"][1] == "--requests=1.5 was taken as 1: it is a whole number (integer = true)"


def test_summary_is_paired_by_seed():
    result = sweep(tiny(seeds=3, grid={"bandwidth": [20, 100]}, summary={"baseline": "topk-equal"}))
    frame, found = result.runs, result.summary
    metric = "block_latency_s.p50"

    def values(policy, bandwidth):
        rows = frame[(frame["policy"] == policy) & (frame["bandwidth"] == bandwidth)].sort_values("seed")
        return rows[metric].tolist()

    row = found[(found["policy"] == "wdmoe") & (found["bandwidth"] == 20) & (found["metric"] == metric)].iloc[0]
    mine, base = values("wdmoe", 20), values("topk-equal", 20)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx(list(interval(mine)))
    assert (row["runs"], row["pairs"], row["against"]) == (3, 3, "topk-equal")
    differences = [a - b for a, b in zip(mine, base)]
    assert [row["difference"], row["difference_low"], row["difference_high"]] == pytest.approx(
        list(interval(differences))
    )
    logs = interval([math.log(a / b) for a, b in zip(mine, base)])
    assert [row["change"], row["change_low"], row["change_high"]] == pytest.approx([math.expm1(x) for x in logs])
    of_base = found[(found["policy"] == "topk-equal") & (found["metric"] == metric)]
    assert of_base["pairs"].isna().all()
    # against a value of what is swept
    found = sweep(tiny(seeds=3, grid={"bandwidth": [20, 100]}, summary={"baseline": {"bandwidth": 20}})).summary
    row = found[(found["policy"] == "wdmoe") & (found["bandwidth"] == 100) & (found["metric"] == metric)].iloc[0]
    assert row["against"] == "bandwidth = 20" and row["pairs"] == 3
    assert row["difference"] == pytest.approx(interval([a - b for a, b in zip(values("wdmoe", 100), mine)])[0])
    assert wdmoe.sweep.summarize("out").equals(found)


def test_a_policys_name_may_carry_settings():
    policies = ["wdmoe", "wdmoe:selector.Gain=1.5"]
    frame = sweep(tiny(seeds=1, policies=policies)).runs
    assert frame["policy"].tolist() == policies and (frame["status"] == "done").all()
    assert plan.judge(tiny(policies=None) | {"policies": "all"}, Path.cwd()).policies == list(scenarios.POLICIES)
    grid = {key: value for key, value in tiny(grid={"policy": policies}).items() if key != "policies"}
    assert plan.judge(grid, Path.cwd()).policies == policies


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"grdi": {}}, "sweep: unknown key 'grdi'; did you mean grid?"),
        ({"scenario": "idael"}, "unknown scenario 'idael'; did you mean ideal?"),
        ({"scenario": "nosuch.py"}, "no file "),
        ({"scenario": "generate"}, "unknown scenario 'generate'"),
        ({"policies": ["wdmo"]}, "unknown policy 'wdmo'; did you mean wdmoe?"),
        ({"policies": []}, "policies is an empty list"),
        ({"policies": ["wdmoe:seletor.Gain=2"]}, "'seletor.Gain=2' is no setting"),
        ({"seeds": 0}, "seeds are none"),
        ({"seeds": [0]}, "seeds has 0, expected RngRuns of at least 1"),
        ({"seeds": "1-3"}, "seeds is '1-3', expected a number of seeds, a list of RngRuns, or {first, count}"),
        ({"seeds": True}, "seeds is True"),
        ({"seeds": {"frist": 1}}, "seeds: unknown key 'frist'; did you mean first?"),
        ({"options": {"request": 1}}, "ideal has no option 'request'; did you mean requests"),
        ({"options": {"RngRun": 1}}, "'RngRun' is set by the sweep itself; write seeds = [...]"),
        ({"options": {"out": "x"}}, "'out' is set by the sweep itself"),
        ({"options": {"requests": [1]}}, "options.requests is [1], expected a number, a text, true or false"),
        ({"options": {"requests": "many"}}, "ideal does not take --requests=many: it expects another kind of value"),
        ({"options": {"rate": math.nan}}, "options.rate is nan, expected a finite number"),
        ({"grid": {"bandwidth": []}}, "grid.bandwidth is an empty list"),
        ({"grid": {"bandwidth": 20}}, "grid.bandwidth is 20, expected a list of values, or a table"),
        ({"grid": {"bandwidth": [20, 20]}}, "grid.bandwidth has a value twice"),
        ({"grid": {"requests": [1, 2]}}, "'requests' is both a fixed option and swept"),
        (
            {"grid": {"bandwidth": {"from": 5, "to": 1, "count": 3}}},
            "grid.bandwidth: from is 5, to is 1, expected from < to",
        ),
        ({"grid": {"bandwidth": {"from": 0, "to": 1, "count": 3, "scale": "log"}}}, "expected > 0 on a log scale"),
        ({"grid": {"bandwidth": {"from": 1, "to": 2, "count": 1}}}, "grid.bandwidth.count is 1, expected at least 2"),
        ({"grid": {"bandwidth": {"from": 1, "to": 2, "steps": 3}}}, "grid.bandwidth: unknown key 'steps'"),
        (
            {"grid": {"ns3::WdmoeWlrSelector::Gian": [1]}},
            "ns3::WdmoeWlrSelector has no attribute 'Gian'; did you mean Gain",
        ),
        (
            {"grid": {"ns3::WdmoeWlrSelectr::Gain": [1]}},
            "there is no class ns3::WdmoeWlrSelectr; did you mean ns3::WdmoeWlrSelector",
        ),
        (
            {"grid": {"ns3::WdmoeWlrSelector::Gain": ["big"]}},
            'ideal does not take --ns3::WdmoeWlrSelector::Gain=big: Attribute value "big" is not',
        ),
        ({"latin": {"samples": 3}}, "latin.range is None"),
        ({"latin": {"samples": 0, "range": {"rate": {"from": 1, "to": 2}}}}, "latin has 0 samples"),
        (
            {"latin": {"samples": 1, "range": {"rat": {"from": 1, "to": 2}}}},
            "ideal has no option 'rat'; did you mean rate",
        ),
        ({"latin": {}, "grid": {"rate": [1]}}, "a grid or a Latin hypercube (latin), not both"),
        ({"summary": {"baseline": "wdmo"}}, "summary.baseline: policy is never 'wdmo'; did you mean wdmoe?"),
        ({"summary": {"baseline": {"rate": 1}}}, "summary.baseline: nothing swept is named 'rate'"),
        ({"summary": {"metrics": "x"}}, "summary.metrics is 'x', expected a list"),
        ({"picture": {"x": "rate"}}, "picture.x: nothing swept is named 'rate'"),
        ({"cluster": {"kind": "pbs"}}, "cluster.kind is 'pbs', expected local or slurm"),
        ({"cluster": {"kind": "local", "queue": "a"}}, 'cluster.queue is for kind = "slurm"'),
        ({"cluster": {"kind": "slurm", "cores": "2"}}, "cluster.cores is '2', expected a whole number"),
        ({"grid": {"rate": list(range(1, 1001)), "speed": list(range(1000))}}, "are more than 1000000 runs"),
    ],
)
def test_refused_before_anything_runs(changes, told):
    with pytest.raises(ValueError) as error:
        sweep(tiny(**changes))
    assert told in str(error.value), str(error.value)
    assert not Path("out").exists()


def test_the_command(command, capsys, tmp_path):
    Path("a.toml").write_text(
        'scenario = "ideal"\npolicies = ["wdmoe"]\nseeds = 2\n[options]\nrequests = 1\nblocks = 1\n'
    )
    assert command("sweep", "a.toml") == 0
    printed = capsys.readouterr().out
    assert "ideal: 1 policy x 2 seeds = 2 runs\n" in printed and "results: results/sweep-a" in printed
    assert len(load("results/sweep-a")) == 2
    assert command("sweep", "a.toml") == 0
    assert "2 of them there already" in capsys.readouterr().out
    for text, told in (
        ("seeds = ", "a.toml: no TOML: "),
        ('scenario = "x"', "a.toml: unknown scenario 'x'; there are: "),
    ):
        Path("a.toml").write_text(text)
        assert command("sweep", "a.toml") == 2
        error = capsys.readouterr().err
        assert error.startswith(f"wdmoe sweep: {told}") and error.count("\n") == 1
    assert command("sweep", "nosuch.toml") == 2
    assert capsys.readouterr().err == "wdmoe sweep: nosuch.toml: No such file or directory\n"
    assert command("sweep", "a.toml", "--jbos=2") == 2
    Path("a.toml").write_text('scenario = "ideal"\npolicies = ["wdmoe"]\n[options]\nmaxDistance = 1\n')
    assert command("sweep", "a.toml", "--out", "bad") == 1
    assert "1 run failed: " in capsys.readouterr().err


def test_a_python_file_is_a_scenario():
    """It takes the options of the programs, and leaves their files; here it hands over to one."""
    program = scenarios.find_programs()["ideal"]
    Path("mine.py").write_text(f"import os, sys\nos.execv({str(program)!r}, [{str(program)!r}, *sys.argv[1:]])\n")
    frame = sweep(tiny(scenario="mine.py", seeds=1)).runs
    same = wdmoe.sweep(tiny(seeds=1), out="other", quiet=True).runs
    assert frame["block_latency_s.p50"].tolist() == same["block_latency_s.p50"].tolist()
    assert not set(frame["key"]) & set(same["key"]) and frame["revision"][0] != same["revision"][0]
    Path("bad.py").write_text("import sys\nprint('    --requests: how many')\n")
    result = wdmoe.sweep({"scenario": "bad.py", "seeds": 1}, out="bad", quiet=True)
    assert result.runs["reason"].tolist() == ["it left no summary.json in the folder that --out names"]


def long_runs(tmp_path, seeds):
    path = tmp_path / "long.toml"
    path.write_text(
        f'scenario = "ideal"\npolicies = ["topk-equal"]\nseeds = {seeds}\n[options]\nrequests = 6\nblocks = 12\n'
    )
    return path


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(child) for child in found.split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_at_once(tmp_path, number):
    command = [sys.executable, "-m", "wdmoe", "sweep", str(long_runs(tmp_path, 60)), "--out=out", "--jobs=2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 90
    while not list(Path("out/parts").glob("part-*.parquet")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    while not (running := children(process.pid)):
        time.sleep(0.01)
    began = time.monotonic()
    process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and time.monotonic() - began < 15
    assert "interrupted; what was done is in out, and the same command goes on" in told
    assert "Traceback" not in told
    assert running and not any(map(is_running, running))
    frame = load("out")
    assert 0 < len(frame) < 60 and (frame["status"] == "done").all()
    assert Path("out/runs.parquet").exists() and not Path("out/parts").exists()


def test_what_a_killed_sweep_wrote_is_there(tmp_path):
    """SIGKILL: nothing can be done in time; the next one goes on from the parts."""
    command = [sys.executable, "-m", "wdmoe", "sweep", str(long_runs(tmp_path, 20)), "--out=out", "--jobs=2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 90
    while not list(Path("out/parts").glob("part-*.parquet")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    while not (running := children(process.pid)):
        time.sleep(0.01)
    process.kill()
    process.wait()
    time.sleep(1)
    assert running and not any(map(is_running, running))  # the simulations go with it
    before = load("out").set_index("key")["wall_s"].to_dict()
    assert before
    table = plan.read(tmp_path / "long.toml")
    assert set(before) <= {run.key for run in table.runs()}
    done = store.Store("out").open(table)[0]
    assert set(done) == set(before) and set(done.values()) == {"done"}


def test_a_killed_worker_costs_no_row():
    bench = ROOT / "bench" / "python-sweep.py"
    done = subprocess.run([sys.executable, bench, "killed", "--runs=40"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 rows done, 0 twice, 0 missing" in done.stdout


def test_no_scheduler_at_the_address(command, capsys, tmp_path, monkeypatch):
    from wdmoe.sweep import cluster

    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    assert command("sweep", long_runs(tmp_path, 1), "--scheduler", "tcp://127.0.0.1:9", "--out=out") == 2
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in capsys.readouterr().err


def test_slurm_profile(tmp_path, monkeypatch, capsys):
    """The jobs that Slurm is asked for; sbatch is a stand-in that starts the job script here."""
    pytest.importorskip("dask_jobqueue")
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (
        (
            "sbatch",
            f'#!/bin/sh\ncp "$1" {folder}/job.sh\nsetsid sh {folder}/job.sh >{folder}/log 2>&1 &\necho $! >{folder}/pid\necho 7\n',
        ),
        ("scancel", f"#!/bin/sh\nkill -- -$(cat {folder}/pid)\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    profile = {"kind": "slurm", "workers": 1, "queue": "cpu", "account": "me", "walltime": "00:10:00", "cores": 2}
    profile.update(memory="1GB", directives=["--constraint=avx2"], prologue=["umask 022"])
    result = sweep(tiny(seeds=1, cluster=profile))
    assert result.failed == 0 and len(result.runs) == 2
    script = (folder / "job.sh").read_text()
    for line in ("-p cpu", "-A me", "-t 00:10:00", "--cpus-per-task=2", "--constraint=avx2"):
        assert f"#SBATCH {line}\n" in script
    assert "umask 022" in script and "--nworkers 2" in script


def test_slurm_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(SweepError, match=r"pip install 'wdmoe\[slurm\]'"):
        sweep(tiny(cluster={"kind": "slurm", "workers": 1}))


def test_a_worker_with_another_program():
    run = task.Run("0" * 16, "ideal", "another", (), "wdmoe", 1)
    outcome = task.execute(run, "name", ".")
    assert outcome.status == "failed" and "install the same version of wdmoe on all machines" in outcome.reason


def test_load_says_what_is_no_sweep(tmp_path):
    with pytest.raises(SweepError, match="is no folder of a sweep"):
        load(tmp_path)


def test_one_sweep_at_a_time_in_a_folder():
    from wdmoe.run import Lock

    Path("out").mkdir()
    with Lock(Path("out")):
        with pytest.raises(SweepError, match="another sweep is writing into out"):
            sweep(tiny())


@pytest.mark.parametrize(
    "metric, name",
    [
        ("block_latency_s.p50", "block latency p50 (s)"),
        ("energy_j.per_token", "energy (J/token)"),
        ("energy_j.devices_per_token", "energy devices (J/token)"),
        ("wlr", "wlr (1/s)"),
        ("plan_gap.p50", "plan gap p50"),
    ],
)
def test_axes_have_units(metric, name):
    assert summary.name_metric(metric) == name
    assert plan.Program("ideal").unit("bandwidth") == "MHz" and plan.Program("ideal").unit("deadline") == "ms"
    assert plan.Program("ideal").unit("radio") == "" and plan.Program("ideal").unit("requests") == ""
