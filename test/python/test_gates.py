# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Converter and fit of recorded gates: shipped files, made-up logs, and the public records where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from wdmoe import convert_gates, fit_gates

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT.parent / "shared" / "data" / "gates"
records = pytest.mark.skipif(not RECORDS.is_dir(), reason=f"the public gate records are not at hand ({RECORDS})")


def make_log(path, tokens=6, top=2, total=8, blocks=3, **change):
    random = np.random.default_rng(5)
    chosen = np.argsort(random.random((blocks, tokens, total)), 2)[:, :, :top].astype(np.uint8)
    content = {
        "experts": chosen,
        "weights": np.full(chosen.shape, 0.25, np.float16),
        "sequence_lengths": np.array([tokens - 2, 2]),
        **change,
    }
    np.savez(path, **{name: value for name, value in content.items() if value is not None})
    return chosen


def test_log_comes_back_as_written(tmp_path):
    chosen = make_log(tmp_path / "log.npz")
    assert convert_gates.main([str(tmp_path / "log.npz"), str(tmp_path / "log.csv"), "--experts", "8"]) == 0
    lines = (tmp_path / "log.csv").read_text().splitlines()
    comments = dict(line[2:].split(": ") for line in lines if line.startswith("#"))
    assert comments["format"] == "wdmoe-gate-log-1"
    assert (comments["experts"], comments["topk"]) == ("8", "2")
    rows = [line.split(",") for line in lines if line[0].isdigit()]
    assert [row[:3] for row in rows[:7]] == [
        ["0", sequence, position] for sequence, position in zip("000011", "012301")
    ] + [["1", "0", "0"]]
    assert [[int(row[3]), int(row[5])] for row in rows] == chosen.reshape(-1, 2).tolist()
    assert all(float(row[4]) == 0.25 for row in rows)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"weights": None}, "'weights' is missing"),
        ({"sequence_lengths": np.array([1, 2])}, "sum to 3, expected the number of tokens, 6"),
        ({"weights": np.full((3, 6, 2), np.nan)}, "finite"),
        ({"weights": np.full((3, 6, 3), 0.1)}, "one shape"),
        ({"experts": np.full((3, 6, 2), 9, np.uint8)}, "expert 9: expected less than 8"),
    ],
)
def test_bad_log_is_refused(tmp_path, capsys, change, message):
    make_log(tmp_path / "log.npz", **change)
    assert convert_gates.main([str(tmp_path / "log.npz"), str(tmp_path / "x.csv"), "--experts", "8"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"mistral/expert_counts/a": [\n}', "bad.json:2:1: not JSON"),
        ("{}", "no key that starts with 'mistral/expert_counts/'"),
        ('{"mistral/expert_counts/a": [{}]}', "expected a list of 3 layers"),
        ('{"mistral/expert_counts/a": [{"8": 1}, {}, {}]}', "expected an expert from 0 to 7"),
        ('{"mistral/expert_counts/a": [{"7": -1}, {}, {}]}', "expected a count >= 0, found -1"),
    ],
)
def test_bad_counts_are_refused(tmp_path, capsys, text, message):
    (tmp_path / "bad.json").write_text(text)
    arguments = [str(tmp_path / "bad.json"), str(tmp_path / "x.json"), "--model", "mixtral-8x7b"]
    assert convert_gates.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_fit_finds_the_parameters_again():
    """A process with known parameters, other noise: the fit returns them."""
    for truth in ({"skew": 0.5, "concentration": 0.9, "correlation": 0.3}, {"skew": 0.2, "concentration": 1.3, "correlation": 0.7}):
        recorded = fit_gates.Synthetic(32, 4, 1500, seed=11).statistics(**truth)
        found = fit_gates.fit(32, 4, recorded, "topk_mass", tokens=600)
        for name, value in truth.items():
            assert found[name] == pytest.approx(value, rel=0.1), (name, truth, found)


def test_shipped_fits_match_the_shipped_counts():
    presets = json.loads((ROOT / "data/gates/fits.json").read_text())["presets"]
    assert set(presets) == {"mixtral-8x7b", "olmoe-1b-7b", "deepseek-v2-lite"}
    for path in (ROOT / "data/gates").glob("*-counts.json"):
        counts = json.loads(path.read_text())
        parts = [fit_gates.load_statistics(np.array(rows, float)) for rows in counts["domains"].values()]
        statistics = presets[counts["model"]]["statistics"]
        for name, value in fit_gates.mean_statistics(parts).items():
            assert statistics["recorded"][name] == pytest.approx(value, abs=1e-4)
        assert statistics["synthetic"]["load_cv"] == pytest.approx(statistics["recorded"]["load_cv"], rel=0.05)


@records
def test_shipped_counts_are_the_public_ones(tmp_path):
    for model in convert_gates.COUNTED:
        output = tmp_path / f"{model}.json"
        assert convert_gates.main([str(RECORDS / "olmoe-mixtral-expert-counts.json"), str(output), "--model", model]) == 0
        assert output.read_text() == (ROOT / f"data/gates/{model}-counts.json").read_text()


@records
def test_deepseek_statistics_are_those_of_the_fit():
    parts = []
    for path in sorted(RECORDS.glob("deepseek-*.npz")):
        experts, weights, lengths = convert_gates.load_esft(path)
        parts.append(fit_gates.token_statistics(experts, weights, np.repeat(np.arange(len(lengths)), lengths), 64))
    assert len(parts) == 3
    preset = json.loads((ROOT / "data/gates/fits.json").read_text())["presets"]["deepseek-v2-lite"]
    recorded = preset["statistics"]["recorded"]
    for name, value in fit_gates.mean_statistics(parts).items():
        assert recorded[name] == pytest.approx(value, abs=1e-4)
    for name in ("load_cv", "topk_mass", "shared_lag1"):
        assert preset["statistics"]["synthetic"][name] == pytest.approx(recorded[name], rel=0.03)


@records
def test_deepseek_log_converts(tmp_path):
    output = tmp_path / "log.csv"
    arguments = [str(RECORDS / "deepseek-v2-lite-esft-summary.npz"), str(output), "--sequences", "1"]
    assert convert_gates.main(arguments) == 0
    lines = output.read_text().splitlines()
    assert len(lines) == 5 + 26 * 853
    weights = np.array([[float(x) for x in line.split(",")[4::2]] for line in lines[5:]])
    assert (np.diff(weights, axis=1) <= 0).all() and (weights.sum(1) <= 1).all()
