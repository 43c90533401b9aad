# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Campaigns of sem (signetlabdei) with the programs: it runs them, finds their options, and reads what they print.

sem wants an ns-3 tree: a script `ns3` that builds, and the list of programs that it built. Here the programs are built
already, so `ns3` has nothing to do; all else is sem's own.
"""

import json
import sys

import pytest

from wdmoe import scenarios

sem = pytest.importorskip("sem")
DatabaseManager = pytest.importorskip("sem.database").DatabaseManager
SimulationRunner = pytest.importorskip("sem.runner").SimulationRunner

OPTIONS = {"requests": 1, "blocks": 1, "policies": "topk-equal,wdmoe", "bandwidth": [20, 100], "out": "."}


@pytest.fixture
def tree(tmp_path):
    """A folder that answers sem as an ns-3 tree with wdmoe built in it."""
    programs = scenarios.find_programs()
    if "ideal" not in programs:
        pytest.skip("no wdmoe-ideal is installed, and WDMOE_BIN names none")
    folder = tmp_path / "ns-3"
    (folder / "build").mkdir(parents=True)
    (folder / "ns3").write_text("# all is built\n")
    names = [str(path) for path in programs.values()]
    (folder / f".lock-ns3_{sys.platform}_build").write_text(f"ns3_runnable_programs = {names!r}\n")
    binaries = scenarios.program_folder()
    library = next(place for place in (binaries.parent / "lib", binaries.parent) if (place / "libwdmoe.so").exists())
    (folder / "build" / "lib").symlink_to(library)
    return folder


@pytest.fixture
def campaign(tree, tmp_path):
    runner = SimulationRunner(str(tree), "wdmoe-ideal", optimized=False, skip_configuration=True)
    # the options that the campaign gives: sem would give all others too, as their help texts show them
    database = DatabaseManager.new("wdmoe-ideal", "", {name: None for name in OPTIONS}, str(tmp_path / "campaign"))
    return sem.CampaignManager(database, runner, check_repo=False)


@sem.utils.yields_multiple_results
@sem.utils.output_labels(["policy", "block p50 (ms)", "block p95 (ms)"])
def parse_printed(result):
    """The rows of the table that the program prints."""
    lines = result["output"]["stdout"].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("policy"))
    for line in lines[first + 1 :]:
        policy, p50, p95, *_ = line.split()
        yield [policy, float(p50), float(p95)]


@sem.utils.only_load_some_files(r"summary\.json")
@sem.utils.yields_multiple_results
@sem.utils.output_labels(["policy", "block_latency_s.p50", "block_latency_s.p95"])
def parse_summary(result):
    for policy, entry in json.loads(result["output"]["summary.json"])["policies"].items():
        yield [policy, entry["block_latency_s"]["p50"], entry["block_latency_s"]["p95"]]


def test_a_campaign(campaign):
    campaign.run_missing_simulations(dict(OPTIONS), runs=2)
    printed = campaign.get_results_as_dataframe(parse_printed)
    assert len(printed) == 2 * 2 * 2  # bandwidths, runs, policies
    assert set(printed["policy"]) == {"topk-equal", "wdmoe"} and set(printed["bandwidth"]) == {20, 100}
    summary = campaign.get_results_as_dataframe(parse_summary)
    keys = ["policy", "bandwidth", "RngRun"]
    both = printed.merge(summary, on=keys)
    assert len(both) == len(printed)
    for figure in ("p50", "p95"):
        # the table has one decimal
        assert (both[f"block {figure} (ms)"] - 1e3 * both[f"block_latency_s.{figure}"]).abs().max() <= 0.05 + 1e-9
    means = both[both["policy"] == "topk-equal"].groupby("bandwidth")["block_latency_s.p50"].mean()
    assert means[20] > means[100]
    # nothing is missing now
    before = len(campaign.db.get_results())
    campaign.run_missing_simulations(dict(OPTIONS), runs=2)
    assert len(campaign.db.get_results()) == before == 4


def test_sem_finds_the_options(campaign):
    found = campaign.runner.get_available_parameters()
    assert {"requests", "blocks", "policies", "bandwidth", "out", "model"} <= set(found)
    assert found["model"] == "mixtral-8x7b" and found["minDistance"] == 20 and found["regret"] is False
