# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The figure and the data of the model chapter's "Validation": what the model says of each block, and what packets did.

    python bench/validation.py                       draws doc/validation.png, writes bench/results/validation.csv
    python bench/validation.py --draw                draws it again from that file, without simulating

Left: the paper's closed form over ideal links with strict shares, where it has to be exact. Right: the learning
predictor over an LTE cell, whose MAC it knows by what was measured only.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import pandas
import wdmoe
from wdmoe import plot

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "bench" / "results" / "validation.csv"
PICTURE = ROOT / "doc" / "validation.png"
POLICIES = "topk-equal,topk-allocated,wdmoe"
RUNS = {
    "ideal": ("closed_form_s", "ideal links, strict shares", {"strict": 1, "requests": 2, "maxOutputTokens": 4}),
    "lte": ("predicted_s", "LTE, 50 RB", {"requests": 1, "maxPromptTokens": 32, "maxOutputTokens": 4}),
}
COLUMNS = ["radio", "policy", "request", "pass", "block", "latency_s", "closed_form_s", "predicted_s"]


def simulate():
    """@return the blocks of all runs, a row each."""
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for radio, (_, _, options) in RUNS.items():
            found = wdmoe.compare(radio, POLICIES, out=f"{folder}/{radio}", quiet=True, blocks=4, **options)
            parts.append(found.blocks.assign(radio=radio)[COLUMNS])
    return pandas.concat(parts, ignore_index=True)


def draw(blocks):
    """Draws both parts, and prints the errors of each."""
    import matplotlib.pyplot as plt

    with plot.style():
        figure, axes = plt.subplots(1, 2, figsize=(plot.WIDE, 3.6))
    for axis, (radio, (column, title, _)) in zip(axes, RUNS.items()):
        part = blocks[blocks["radio"] == radio]
        plot.prediction(part, predicted=column, axis=axis)
        axis.set_title(title, fontsize=8, pad=46)
        error = (part[column] / part["latency_s"] - 1).abs()
        print(f"{radio}: {len(part)} blocks, {column}: median error {error.median():.2e}, largest {error.max():.2e}")
    figure.tight_layout()
    plot.save(figure, PICTURE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--draw", action="store_true", help="from the data that is checked in")
    if not parser.parse_args().draw:
        simulate().to_csv(DATA, index=False, float_format="%.9g")
    draw(pandas.read_csv(DATA))
    return 0


if __name__ == "__main__":
    sys.exit(main())
