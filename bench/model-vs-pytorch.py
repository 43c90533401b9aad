#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Times the real model against PyTorch and transformers: same checkpoint, fp32, same threads.

    pip install torch transformers
    bench/model-vs-pytorch.py build/bench/bench/model-bench [--checkpoint FOLDER] [--rounds 5]

Without --checkpoint a random one of the size of data/models/wdmoe-lm-base is made. Each round runs
model-bench and then PyTorch, so that both see the same machine. PyTorch runs with the attention and
the experts implementation of transformers that is the fastest for the thing timed, found by trying
all of them first. Times are ms: a prompt of 256 tokens, and one more token for one and for eight
sequences after it; load is s. A ratio below 1 says that ours is faster.
"""

import argparse
import itertools
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time
import warnings

warnings.simplefilter("ignore", FutureWarning)  # transformers 5 renames arguments
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("program", help="the program model-bench")
parser.add_argument("--checkpoint", type=pathlib.Path, help="folder of a Mixtral checkpoint")
parser.add_argument("--rounds", type=int, default=5, help="rounds of both sides")
parser.add_argument("--runs", type=int, default=3, help="runs of each thing in a round")
parser.add_argument("--prompt", type=int, default=256, help="tokens of the prompt")
parser.add_argument("--steps", type=int, default=32, help="tokens generated after it")
parser.add_argument("--threads", type=int, default=2, help="threads of either side")
arguments = parser.parse_args()

os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
import torch  # noqa: E402
import transformers  # noqa: E402

torch.set_num_threads(arguments.threads)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

THINGS = ("prefill_ms", "decode1_ms", "decode8_ms")


def random_checkpoint(folder):
    """Makes a checkpoint of the size that is trained for this module, fp16."""
    torch.manual_seed(1)
    config = transformers.MixtralConfig(
        vocab_size=256,
        hidden_size=256,
        intermediate_size=352,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        num_local_experts=8,
        num_experts_per_tok=2,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        sliding_window=None,
        initializer_range=0.06,
        bos_token_id=0,
        eos_token_id=1,
    )
    transformers.MixtralForCausalLM(config).half().save_pretrained(folder)


def load(folder, attention="sdpa", experts=None):
    """Returns the model as PyTorch has it."""
    return transformers.MixtralForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation=attention,
        experts_implementation=experts,
    ).eval()


def prompts(batch, vocabulary):
    """Returns the tokens that model-bench makes."""
    i = torch.arange(arguments.prompt)
    return torch.stack([(i * i * 31 + i * 17 + s * 101) % vocabulary for s in range(batch)])


@torch.inference_mode()
def times(network, things, runs):
    """Returns ms by thing, and the last token."""
    result = {thing: [] for thing in things}
    last = None
    for _ in range(runs):
        for batch in (1, 8):
            if f"decode{batch}_ms" not in things and (batch == 8 or "prefill_ms" not in things):
                continue
            ids = prompts(batch, network.config.vocab_size)
            began = time.perf_counter()
            out = network(ids, use_cache=True)
            if batch == 1 and "prefill_ms" in things:
                result["prefill_ms"].append((time.perf_counter() - began) * 1e3)
            if f"decode{batch}_ms" not in things:
                continue
            cache = out.past_key_values
            ids = out.logits[:, -1:].argmax(dim=-1)
            began = time.perf_counter()
            for _ in range(arguments.steps):
                out = network(ids, past_key_values=cache, use_cache=True)
                ids = out.logits[:, -1:].argmax(dim=-1)
            result[f"decode{batch}_ms"].append(
                (time.perf_counter() - began) * 1e3 / arguments.steps
            )
            last = ids[0, 0].item()
    return result, last


def fastest(folder):
    """Returns the implementations of transformers that are the fastest for each thing."""
    best = {thing: (float("inf"), None) for thing in THINGS}
    for ways in itertools.product(("sdpa", "eager"), ("grouped_mm", "eager", "batched_mm")):
        text = []
        try:
            network = load(folder, *ways)
            for thing in THINGS:
                times(network, [thing], 1)
                value = min(times(network, [thing], 4)[0][thing])
                text.append(f"{thing} {value:.3f}")
                best[thing] = min(best[thing], (value, ways))
                if value > 10 * best[thing][0]:
                    break  # a prompt of eight times as many tokens would take minutes
        except (RuntimeError, ValueError, NotImplementedError) as error:
            text.append(str(error).splitlines()[0])
        print(f"transformers, attention {ways[0]}, experts {ways[1]}: {', '.join(text)}")
    return {thing: ways for thing, (_, ways) in best.items()}


with tempfile.TemporaryDirectory() as scratch:
    folder = arguments.checkpoint or pathlib.Path(scratch, "checkpoint")
    if not arguments.checkpoint:
        random_checkpoint(folder)
    command = [
        arguments.program,
        str(folder),
        f"--runs={arguments.runs}",
        f"--prompt={arguments.prompt}",
        f"--steps={arguments.steps}",
        f"--threads={arguments.threads}",
    ]
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, "
          f"{arguments.threads} threads")  # fmt: skip
    print("ours:", " ".join(command))
    ways = fastest(folder)
    networks = {way: load(folder, *way) for way in set(ways.values())}
    ours = {thing: [] for thing in THINGS}
    theirs = {thing: [] for thing in THINGS}
    details = {"load_s": [], "rss_before_kib": [], "rss_kib": [], "peak_kib": []}
    their_load = []
    for _ in range(arguments.rounds):
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(out.splitlines()[-1])
        for way, network in networks.items():
            mine = [thing for thing in THINGS if ways[thing] == way]
            values, last = times(network, mine, arguments.runs)
            for thing in mine:
                theirs[thing] += values[thing]
            if last is not None and last != found["last_token"]:
                print(f"after {arguments.steps} steps: token {found['last_token']} and {last}")
        for thing in THINGS:
            ours[thing] += found[thing]
        for key in details:
            details[key].append(found[key])
        began = time.perf_counter()
        network = load(folder)
        their_load.append(time.perf_counter() - began)
    ours["load_s"], theirs["load_s"] = details["load_s"], their_load
    print(f"{arguments.rounds * arguments.runs:<6} runs: median{'ours':>8}{'PyTorch':>10}{'ratio':>8}"
          f"   least{'ours':>10}{'PyTorch':>10}{'ratio':>8}")  # fmt: skip
    for thing, found in ours.items():
        mine, other = statistics.median(found), statistics.median(theirs[thing])
        way = "attention {}, experts {}".format(*ways[thing]) if thing in ways else ""
        low, other_low = min(found), min(theirs[thing])
        print(f"{thing:16}{mine:13.3f}{other:10.3f}{mine / other:8.3f}"
              f"{low:18.3f}{other_low:10.3f}{low / other_low:8.3f}  {way}")  # fmt: skip
    weights = sum(p.numel() for p in network.parameters()) * 4 / 1024
    grown = [a - b for a, b in zip(details["rss_kib"], details["rss_before_kib"])]
    print(f"ours: {weights:.0f} KiB of fp32 weights; resident {statistics.median(grown):.0f} KiB "
          f"more than before ({statistics.median(grown) / weights:.3f} of the weights), peak "
          f"{statistics.median(details['peak_kib']):.0f} KiB")  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"PyTorch: peak {peak} KiB, of {len(networks) + 1} models")
