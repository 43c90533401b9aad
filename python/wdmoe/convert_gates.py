# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Convert recorded gates to the formats of ns3::WdmoeRecordedGateSource.

    python -m wdmoe.convert_gates INPUT OUTPUT [--model NAME] [--sequences N]

INPUT is one of two public formats:

- *.json: the expert counts of allenai/OLMoE (routing_output, all its pickles in one JSON file: keys
  MODEL/expert_counts/DOMAIN, each a list of three {expert: count} for layers 0, 7 and 15).
  OUTPUT: a counts file ("wdmoe-gate-counts-1") of the model that --model names.
- *.npz: gate logs of deepseek-ai/ESFT (experts[layer, token, k], weights[layer, token, k],
  sequence_lengths). OUTPUT: a log file ("wdmoe-gate-log-1", CSV) of its first --sequences sequences.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

# What the public count files call a model, and what they do not say of it.
COUNTED = {
    "mixtral-8x7b": {"key": "mistral", "experts": 8, "topK": 2, "modelBlocks": 32},
    "olmoe-1b-7b": {"key": "olmoe", "experts": 64, "topK": 8, "modelBlocks": 16},
}
LAYERS = [0, 7, 15]  # which layers scripts/run_routing_analysis.py of allenai/OLMoE saves


class BadInput(ValueError):
    """The input is not what it should be; the message says where and what was expected."""


def load_json(path):
    """@return the content of a JSON file; BadInput names line and column."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from None


def convert_counts(path, model):
    """@return a "wdmoe-gate-counts-1" object of that model."""
    if model not in COUNTED:
        raise BadInput(f"--model {model}: expected one of {', '.join(sorted(COUNTED))}")
    known = COUNTED[model]
    content = load_json(path)
    prefix = known["key"] + "/expert_counts/"
    domains = {}
    for key, layers in sorted(content.items()):
        if not key.startswith(prefix):
            continue
        if not isinstance(layers, list) or len(layers) != len(LAYERS):
            raise BadInput(f"{path}: field '{key}': expected a list of {len(LAYERS)} layers")
        rows = []
        for number, layer in enumerate(layers):
            row = [0] * known["experts"]
            for expert, count in layer.items():
                if not expert.isdigit() or int(expert) >= known["experts"]:
                    raise BadInput(
                        f"{path}: field '{key}[{number}].{expert}': expected an expert from 0 to {known['experts'] - 1}"
                    )
                if not isinstance(count, int) or count < 0:
                    raise BadInput(f"{path}: field '{key}[{number}].{expert}': expected a count >= 0, found {count!r}")
                row[int(expert)] = count
            rows.append(row)
        domains[key[len(prefix) :]] = rows
    if not domains:
        raise BadInput(f"{path}: no key that starts with '{prefix}'")
    return {
        "format": "wdmoe-gate-counts-1",
        "comment": "How many tokens each expert was chosen for (it was among the top k), by domain of text; one row "
        "for each of 'layers'. Converted by python -m wdmoe.convert_gates.",
        "source": "allenai/OLMoE on GitHub, scripts/run_routing_analysis.py and its routing_output "
        f"({known['key']}/expert_counts); Muennighoff et al., OLMoE: Open Mixture-of-Experts Language Models, 2024",
        "licence": "Apache-2.0",
        "model": model,
        "experts": known["experts"],
        "topK": known["topK"],
        "modelBlocks": known["modelBlocks"],
        "layers": LAYERS,
        "domains": domains,
    }


def write_counts(counts, path):
    """Writes one line for each row, so that the file can be read and compared."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in counts.items() if key != "domains"]
    domains = []
    for name, rows in counts["domains"].items():
        body = ",\n".join("      " + json.dumps(row) for row in rows)
        domains.append(f"    {json.dumps(name)}: [\n{body}\n    ]")
    lines.append('  "domains": {\n' + ",\n".join(domains) + "\n  }")
    Path(path).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def load_esft(path):
    """@return experts and weights [layer, token, k] and sequence lengths of a gate log, checked."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = {"experts", "weights", "sequence_lengths"} - set(archive.files)
            if missing:
                raise BadInput(f"{path}: array '{sorted(missing)[0]}' is missing")
            experts, weights, lengths = (archive[name] for name in ("experts", "weights", "sequence_lengths"))
    except (OSError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: not an .npz file: {error}") from None
    if experts.ndim != 3 or experts.shape != weights.shape:
        raise BadInput(
            f"{path}: expected experts and weights of one shape [layer, token, k], found {experts.shape}, {weights.shape}"
        )
    if lengths.sum() != experts.shape[1] or (lengths < 1).any():
        raise BadInput(
            f"{path}: sequence_lengths sum to {lengths.sum()}, expected the number of tokens, {experts.shape[1]}"
        )
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights.sum(-1) <= 1.01).all()):
        raise BadInput(f"{path}: weights: expected finite numbers >= 0 whose sum for a token is at most 1")
    return experts, weights, lengths


def write_log(path, output, experts_total, sequences=None, source=""):
    """Writes a gate log as CSV: the first sequences of an ESFT log."""
    experts, weights, lengths = load_esft(path)
    lengths = lengths[:sequences]
    top = experts.shape[2]
    if experts.max() >= experts_total:
        raise BadInput(f"{path}: expert {experts.max()}: expected less than {experts_total}")
    with open(output, "w", encoding="utf-8", newline="\n") as out:
        out.write(f"# format: wdmoe-gate-log-1\n# source: {source or Path(path).name}\n")
        out.write(f"# experts: {experts_total}\n# topk: {top}\n")
        out.write("block,sequence,position" + "".join(f",expert_{i},weight_{i}" for i in range(top)) + "\n")
        for block in range(experts.shape[0]):
            token = 0
            for sequence, length in enumerate(lengths):
                for position in range(length):
                    # fp16 sums may exceed 1 by rounding
                    row = weights[block, token] / max(1.0, weights[block, token].sum())
                    pairs = sorted(zip(experts[block, token].tolist(), row.tolist()), key=lambda pair: -pair[1])
                    fields = "".join(f",{e},{w:.6g}" for e, w in pairs)
                    out.write(f"{block},{sequence},{position}{fields}\n")
                    token += 1


def main(arguments=None):
    """@return exit status"""
    parser = argparse.ArgumentParser(
        prog="python -m wdmoe.convert_gates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", help="expert counts (.json) or a gate log (.npz)")
    parser.add_argument("output", help="file to write: .json for counts, .csv for a log")
    parser.add_argument("--model", default="olmoe-1b-7b", help="counts: which model (%(default)s)")
    parser.add_argument("--experts", type=int, default=64, help="log: experts in a block (%(default)s)")
    parser.add_argument("--sequences", type=int, help="log: only so many sequences")
    options = parser.parse_args(arguments)
    try:
        if options.input.endswith(".json"):
            write_counts(convert_counts(options.input, options.model), options.output)
        elif options.input.endswith(".npz"):
            write_log(options.input, options.output, options.experts, options.sequences)
        else:
            raise BadInput(f"{options.input}: expected a name that ends in .json (counts) or .npz (log)")
    except BadInput as error:
        print(f"convert_gates: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
