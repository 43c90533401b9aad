# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Does a model whose experts answer over the network say what PyTorch says in one process?

    python test/reference/same-answer.py PROGRAM CHECKPOINT [OPTION ...]

Runs a scenario program (wdmoe-ideal, wdmoe-lte) with teacher-forced requests, fp32 on the air, no loss and no deadline,
takes the logits that came out of the simulation and compares each with those of transformers' MixtralForCausalLM
(fp32, eager attention) on the same tokens. Needs torch and transformers.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM


def read(path):
    data = path.read_bytes()
    at = 0
    while at < len(data):
        n, vocabulary = np.frombuffer(data, np.uint32, 2, at)
        at += 8
        tokens = np.frombuffer(data, np.uint32, n + 1, at).astype(np.int64)
        at += 4 * (n + 1)
        yield tokens, np.frombuffer(data, np.float32, n * vocabulary, at).reshape(n, vocabulary)
        at += 4 * int(n) * int(vocabulary)


def main():
    if len(sys.argv) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, checkpoint, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        logits = Path(folder) / "logits"
        subprocess.run(
            [program, f"--model={checkpoint}", "--policies=topk-allocated", "--freeRunning=0", "--requests=40"]
            + ["--downlinkPrecision=fp32", "--uplinkPrecision=fp32"]
            + [f"--ns3::WdmoeRealModel::LogitsFile={logits}", *options],
            check=True,
        )
        model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager")
        positions = equal = 0
        worst = 0.0
        for tokens, ours in read(logits):
            with torch.inference_mode():
                theirs = model(torch.from_numpy(tokens[None, :-1])).logits[0].numpy()
            positions += len(ours)
            equal += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
            worst = max(worst, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    print(
        f"{Path(program).name}, {Path(checkpoint).name}: {positions} positions compared with PyTorch {torch.__version__}: "
        f"argmax equal in {equal}, worst logit difference {worst:.1e} of the largest"
    )
    return 0 if equal == positions and worst <= 1e-4 and positions >= 2000 else 1


if __name__ == "__main__":
    sys.exit(main())
