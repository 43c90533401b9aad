# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Rows of task items to train on, made once for all trainings of a comparison.

    python -m wdmoe.training.rows --calc calc-train.json --number 100000 --out rows.npy

Each row has CONTEXT bytes of whole items (BOS, prompt, answer, newline), one after another; in the second plane is
the weight of each byte in the loss: 0 prompt, 2 answer.
"""

import argparse
import json
import multiprocessing
import random

import numpy as np

from wdmoe.training import tasks
from wdmoe.training.corpus import BOS, CONTEXT, PAD

CALC_SHARE = 0.08  # of the items, from GSM8K's solutions
_calc = []


def make_rows(job):
    number, seed = job
    rng = random.Random(seed)
    names = list(tasks.TASKS)
    rows = np.full((2, number, CONTEXT), PAD, np.uint8)
    rows[1] = 0
    for row in range(number):
        at = 0
        while at < CONTEXT - 24:
            if _calc and rng.random() < CALC_SHARE and at < CONTEXT // 2:
                prompt, answer = rng.choice(_calc)
            else:
                prompt, answer = tasks.make(rng.choice(names), rng, False)
            prompt, answer = prompt.encode(), answer.encode() + b"\n"
            size = 1 + len(prompt) + len(answer)
            if at + size > CONTEXT:
                if at:
                    break
                continue
            rows[0, row, at : at + size] = np.frombuffer(bytes([BOS]) + prompt + answer, np.uint8)
            rows[1, row, at + size - len(answer) : at + size] = 2
            at += size
    return rows


def load_calc(path):
    _calc.extend(json.loads(open(path, encoding="utf-8").read()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--calc", required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    part = 2000
    jobs = [(min(part, options.number - first), options.seed * 1_000_003 + first) for first in range(0, options.number, part)]
    with multiprocessing.Pool(initializer=load_calc, initargs=(options.calc,)) as pool:
        rows = np.concatenate(pool.map(make_rows, jobs, chunksize=1), axis=1)
    np.save(options.out, rows)
    print(f"{rows.shape[1]} rows, {np.mean(rows[0] != PAD):.3f} filled, {np.mean(rows[1] > 0):.3f} answers")


if __name__ == "__main__":
    main()
