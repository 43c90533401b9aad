# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Fit the synthetic gates of ns3::WdmoeSyntheticGateSource to recorded ones.

    python -m wdmoe.fit_gates [--counts FILE.json ...] [--logs FILE.npz ...] [--output fits.json]

The model: softmax(skew * a_e + concentration * z_je); a: popularity, standard normal scaled to zero mean and unit
variance over the experts of a block; z: AR(1) over the tokens j of a sequence with lag-1 correlation `correlation`.

What is matched:

- skew: the coefficient of variation (CV) of the load of the experts, mean over domains and layers;
- concentration: the gate mass of the top k (logs), which fixes the scale of the logits;
- correlation: the share of its experts that a token has in common with the token before (logs).

Counts tell neither weights nor order. What they lack is borrowed, and fits.json says from where.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

try:
    from .convert_gates import BadInput, load_esft, load_json
except ImportError:  # run as a script
    from convert_gates import BadInput, load_esft, load_json

LAGS = (1, 2, 4, 16)
# Median weight of the second expert among the two, mean over the layers of two small Mixtral models (6 layers, 8
# experts, top-2, 14 M parameters; 0.212 and 0.318) that were trained for this project: real Mixtral weights are not
# at hand.
SMALL_MIXTRAL_SECOND = 0.265


def load_statistics(share):
    """@param share [layer, expert] tokens of each expert; @return CV and busiest over mean, mean over layers."""
    relative = share / share.mean(-1, keepdims=True)
    return {"load_cv": relative.std(-1).mean(), "load_max_over_mean": relative.max(-1).mean()}


def token_statistics(experts, weights, sequence, total):
    """@return statistics of [layer, token, k] experts and weights; @param sequence number of each token's sequence."""
    chosen = np.zeros(experts.shape[:2] + (total,), bool)
    np.put_along_axis(chosen, experts.astype(np.int64), True, 2)
    ordered = -np.sort(-weights, axis=2)
    result = load_statistics(chosen.mean(1))
    result["topk_mass"] = ordered.sum(2).mean()
    result["top1_weight"] = ordered[:, :, 0].mean()
    result["second_of_two"] = np.median(ordered[:, :, 1] / (ordered[:, :, 0] + ordered[:, :, 1]))
    for lag in LAGS:
        same = sequence[lag:] == sequence[:-lag]
        if same.any():
            common = (chosen[:, lag:] & chosen[:, :-lag]).sum(2)[:, same]
            result[f"shared_lag{lag}"] = common.mean() / experts.shape[2]
    return result


class Synthetic:
    """The gate process, with fixed noise, so that statistics are smooth in the parameters."""

    def __init__(self, experts, top, tokens, blocks=24, seed=1):
        random = np.random.default_rng(seed)
        popularity = random.standard_normal((blocks, 1, experts))
        popularity -= popularity.mean(2, keepdims=True)
        self.popularity = popularity / popularity.std(2, keepdims=True)
        self.noise = random.standard_normal((blocks, tokens, experts))
        self.top = top

    def statistics(self, skew, concentration, correlation):
        """@return statistics of tokens of one long sequence"""
        z = self.noise.copy()
        fresh = np.sqrt(1 - correlation**2)
        if correlation > 0:
            for j in range(1, z.shape[1]):
                z[:, j] = correlation * z[:, j - 1] + fresh * z[:, j]
        logit = skew * self.popularity + concentration * z
        weight = np.exp(logit - logit.max(2, keepdims=True))
        weight /= weight.sum(2, keepdims=True)
        experts = np.argpartition(-weight, self.top - 1, axis=2)[:, :, : self.top]
        return token_statistics(
            experts, np.take_along_axis(weight, experts, 2), np.zeros(z.shape[1], int), z.shape[2]
        )


def bisect(function, target, low, high, steps=12):
    """@return x where the rising function reaches the target"""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return (low + high) / 2


def fit(experts, top, recorded, scale_by, tokens):
    """@return parameters; @param recorded statistics to match; @param scale_by which one fixes the concentration"""
    synthetic = Synthetic(experts, top, tokens)
    sign = -1 if scale_by == "second_of_two" else 1
    skew, concentration, correlation = 1.0, 1.0, 0.0
    for _ in range(5):
        # load depends on skew / concentration alone, the scale on both: keep the ratio while scaling
        skew = bisect(
            lambda x: synthetic.statistics(x, concentration, 0)["load_cv"],
            recorded["load_cv"],
            0,
            6 * concentration,
        )
        ratio = skew / concentration
        concentration = bisect(
            lambda x: sign * synthetic.statistics(ratio * x, x, 0)[scale_by], sign * recorded[scale_by], 0.05, 6
        )
        skew = ratio * concentration
    if "shared_lag1" in recorded:
        correlation = bisect(
            lambda x: synthetic.statistics(skew, concentration, x)["shared_lag1"], recorded["shared_lag1"], 0, 0.99
        )
    return {"skew": skew, "concentration": concentration, "correlation": correlation}


def mean_statistics(parts):
    """@return mean of each statistic over the parts that have it"""
    names = sorted({name for part in parts for name in part})
    return {name: float(np.mean([part[name] for part in parts if name in part])) for name in names}


def show(name, recorded, synthetic):
    """Prints recorded and synthetic statistics side by side."""
    print(f"\n{name}\n  {'statistic':<20}{'recorded':>10}{'synthetic':>11}")
    for key in sorted(set(recorded) | set(synthetic)):
        cell = [f"{part[key]:.3f}" if key in part else "-" for part in (recorded, synthetic)]
        print(f"  {key:<20}{cell[0]:>10}{cell[1]:>11}")


def preset(values, sources, recorded, synthetic):
    """@return the entry of fits.json"""
    entry = {key: {"value": round(values[key], 4), "source": sources[key]} for key in values}
    rounded = [{key: round(float(value), 4) for key, value in part.items()} for part in (recorded, synthetic)]
    entry["statistics"] = {"recorded": rounded[0], "synthetic": rounded[1]}
    return entry


def main(arguments=None):
    """@return exit status"""
    here = Path(__file__).resolve()
    data = next((up / "data/gates" for up in (here.parents[2], here.parent) if (up / "data/gates").is_dir()), Path("."))
    parser = argparse.ArgumentParser(
        prog="python -m wdmoe.fit_gates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", nargs="*", default=[str(path) for path in sorted(data.glob("*-counts.json"))])
    parser.add_argument("--logs", nargs="*", default=[], help="gate logs of DeepSeek-V2-Lite (ESFT), one for each task")
    parser.add_argument("--output", default=str(data / "fits.json"))
    options = parser.parse_args(arguments)
    try:
        presets = load_json(options.output)["presets"] if Path(options.output).exists() else {}
        run(options, presets)
    except BadInput as error:
        print(f"fit_gates: {error}", file=sys.stderr)
        return 2
    return 0


def run(options, presets):
    """Fits what there is, prints it and writes the output file."""
    name = "deepseek-v2-lite"
    if options.logs:
        parts = []
        for path in options.logs:
            experts, weights, lengths = load_esft(path)
            parts.append(token_statistics(experts, weights, np.repeat(np.arange(len(lengths)), lengths), 64))
        recorded = mean_statistics(parts)
        values = fit(64, 6, recorded, "topk_mass", tokens=1200)
        synthetic = Synthetic(64, 6, 4000, seed=2).statistics(**values)
        show(name, recorded, synthetic)
        log = f"fit to {len(parts)} gate logs of deepseek-ai/ESFT (not shipped), mean over tasks and 26 layers: "
        sources = {
            "skew": log + "CV of the load",
            "concentration": log + "gate mass of the top 6",
            "correlation": log + "share of its experts a token has in common with the one before",
        }
        presets[name] = preset(values, sources, recorded, synthetic)
    elif name not in presets:
        raise BadInput(f"{options.output} has no preset {name} to borrow from: give --logs")
    else:
        print(f"no --logs: the preset {name} stays as it is in {options.output}")
    borrowed = presets[name]
    mass6 = borrowed["statistics"]["recorded"]["topk_mass"]

    for path in options.counts:
        counts = load_json(path)
        model, experts, top = counts["model"], counts["experts"], counts["topK"]
        parts = [load_statistics(np.array(rows, float)) for rows in counts["domains"].values()]
        recorded = mean_statistics(parts)
        target = dict(recorded)
        if experts <= 16:
            target["second_of_two"] = SMALL_MIXTRAL_SECOND
            scale_by = "second_of_two"
            why = (
                f"borrowed: median weight of the second of two experts {SMALL_MIXTRAL_SECOND}, mean over the layers of "
                "two small Mixtral models trained for this project; counts do not tell weights"
            )
        else:
            scale_by = "topk_mass"
            why = (
                "borrowed: skew and concentration scaled together so that the 6 largest of 64 weights have the mass of "
                f"the DeepSeek-V2-Lite logs, {mass6:.3f}; counts do not tell weights"
            )
        if scale_by == "topk_mass":
            values = fit_counts_like(experts, top, target["load_cv"], mass6)
        else:
            values = fit(experts, top, target, scale_by, tokens=12000)
        values["correlation"] = borrowed["correlation"]["value"]
        synthetic = Synthetic(experts, top, 4000 if experts > 16 else 20000, seed=2).statistics(**values)
        show(model, recorded, synthetic)
        sources = {
            "skew": f"fit to {Path(path).name}: CV of the load, mean over {len(parts)} domains and "
            f"{len(counts['layers'])} layers",
            "concentration": why,
            "correlation": f"borrowed: the value of {name}; counts do not tell the order of tokens",
        }
        presets[model] = preset(values, sources, recorded, synthetic)

    content = {
        "comment": "Parameters of ns3::WdmoeSyntheticGateSource, fitted by python -m wdmoe.fit_gates. Statistics: "
        "load_cv, load_max_over_mean: tokens for each expert of a block; topk_mass, top1_weight: softmax weights; "
        "second_of_two: median of w2 / (w1 + w2); shared_lagN: share of its experts a token has in common with the "
        "one N before.",
        "presets": presets,
    }
    Path(options.output).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"\nwrote {options.output}")


def fit_counts_like(experts, top, load_cv, mass6):
    """@return parameters with that CV of the load under top-`top` and that mass of the 6 largest weights"""
    own, six = Synthetic(experts, top, 1200), Synthetic(experts, 6, 1200)
    ratio = bisect(lambda x: own.statistics(x, 1, 0)["load_cv"], load_cv, 0, 6)
    concentration = bisect(lambda x: six.statistics(ratio * x, x, 0)["topk_mass"], mass6, 0.05, 6)
    return {"skew": ratio * concentration, "concentration": concentration, "correlation": 0.0}


if __name__ == "__main__":
    sys.exit(main())
