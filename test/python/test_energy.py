# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Energy in the results: nothing is lost between blocks, requests and summary; the picture."""

import csv
import json
import os
import pathlib
import subprocess

import pytest

from wdmoe import comparison, plots, table

PARTS = ("transmit", "receive", "compute", "base_transmit", "base_compute")
POLICIES = ("topk-equal", "topk-least-energy")


@pytest.fixture(scope="module")
def program():
    path = pathlib.Path(os.environ.get("WDMOE_BIN", "")) / "wdmoe-ideal"
    if not path.exists():
        pytest.skip("no wdmoe-ideal in WDMOE_BIN")
    return path


def simulate(program, out, *options):
    command = [program, f"--policies={','.join(POLICIES)}", "--requests=1", "--blocks=2", "--maxPromptTokens=16",
               "--maxOutputTokens=3", f"--out={out}", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(out / "summary.json") as file:
        return json.load(file)


def rows(path, policy):
    with open(path) as file:
        return [row for row in csv.DictReader(file) if row["policy"] == policy]


def test_energy_is_conserved(program, tmp_path):
    summary = simulate(program, tmp_path)
    for policy in POLICIES:
        entry = summary["policies"][policy]
        energy = entry["energy_j"]
        assert energy["total"] == pytest.approx(sum(energy[part] for part in PARTS), rel=1e-9)
        assert all(energy[part] > 0 for part in PARTS)
        tokens = entry["tokens_in"] + entry["tokens_out"]
        assert energy["per_token"] == pytest.approx(energy["total"] / tokens, rel=1e-9)
        assert energy["per_output_token"] == pytest.approx(energy["total"] / entry["tokens_out"], rel=1e-9)
        devices = sum(energy[part] for part in PARTS[:3])
        assert energy["devices_per_token"] == pytest.approx(devices / tokens, rel=1e-9)
        for name in ("blocks.csv", "requests.csv"):
            found = rows(tmp_path / name, policy)
            assert found
            for row in found:
                parts = sum(float(row[f"{part}_j"]) for part in PARTS)
                assert float(row["energy_j"]) == pytest.approx(parts, rel=1e-8)
            for part in PARTS:
                total = sum(float(row[f"{part}_j"]) for row in found)
                assert total == pytest.approx(energy[part], rel=1e-8)
    # the same loads are computed, whoever gets which bandwidth
    first, second = (summary["policies"][policy]["energy_j"] for policy in POLICIES)
    assert first["compute"] == pytest.approx(second["compute"], rel=1e-9)
    assert first["base_compute"] == pytest.approx(second["base_compute"], rel=1e-9)


def test_power_times_time(program, tmp_path):
    """Twice the power of all radios is twice their energy; no power is not known."""
    data = pathlib.Path(__file__).parents[2] / "data/devices.json"
    profiles = json.loads(data.read_text())
    before = simulate(program, tmp_path / "before")["policies"]["topk-equal"]["energy_j"]
    for profile in profiles["devices"].values():
        profile["transmitPowerW"]["value"] *= 2
    devices = ["rtx-4070-ti", "jetson-agx-orin", "jetson-agx-orin", "jetson-orin-nano", "jetson-orin-nano",
               "jetson-xavier-nx", "jetson-xavier-nx", "phone-soc"]
    own = tmp_path / "own.json"

    def run_with(folder):
        own.write_text(json.dumps(profiles))
        names = ",".join(f"{own}:{name}" for name in devices)
        return simulate(program, tmp_path / folder, f"--devices={names}", f"--baseStation={own}:bs-gpu")

    after = run_with("after")["policies"]["topk-equal"]["energy_j"]
    for part in PARTS:
        factor = 2 if part in ("transmit", "base_transmit") else 1
        assert after[part] == pytest.approx(factor * before[part], rel=1e-9)
    for profile in profiles["devices"].values():
        del profile["transmitPowerW"]
    unknown = run_with("unknown")
    for policy in POLICIES:
        assert unknown["policies"][policy]["energy_j"] is None
    assert all(row["energy_j"] == "" for row in rows(tmp_path / "unknown/blocks.csv", "topk-equal"))
    assert comparison.energies({1: unknown}) == {}


def summary_of(energy):
    entry = {"request_latency_s": {"p50": 1.5}}
    if energy is not None:
        entry["energy_j"] = {"per_token": energy, "devices_per_token": energy / 2}
    return entry


def test_picture(tmp_path):
    base = {"scenario": "ideal", "radio": "ideal", "manifest": {}}
    summaries = {run: {**base, "policies": {"a": summary_of(0.2 * run), "b": summary_of(0.5), "c": summary_of(None)}}
                 for run in (1, 2)}
    found = comparison.energies(summaries)
    assert list(found) == ["a", "b"]
    assert found["a"]["energy_j.per_token"]["mean"] == pytest.approx(0.3)
    plots.draw_energy(summaries, tmp_path)
    picture = tmp_path / "latency-vs-energy.png"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    first = picture.read_bytes()
    plots.draw_energy(summaries, tmp_path)
    assert picture.read_bytes() == first
    picture.unlink()
    plots.draw_energy({1: {**base, "policies": {"c": summary_of(None)}}}, tmp_path)
    assert not picture.exists()


def test_row_of_the_table():
    assert table.ENERGY[1] in comparison.FIGURES
