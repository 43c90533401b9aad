#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Makes test/data/tiny-mixtral-*: small random checkpoints, saved and run by transformers.

    pip install torch 'transformers>=5'
    test/reference/transformer-reference.py test/data

Each folder holds a checkpoint as save_pretrained() writes it (fp32 in one file; fp16 in shards; bf16)
and reference.json: what MixtralForCausalLM answers in fp32. The suite wdmoe-transformer compares.
"""

import argparse
import json
import pathlib
import shutil

import torch
import transformers
from transformers import MixtralConfig, MixtralForCausalLM

NEW_TOKENS = 12
MODELS = {
    # grouped queries, sizes that are no multiple of a register, a head of its own
    "tiny-mixtral-fp32": dict(
        dtype=torch.float32,
        config=dict(
            vocab_size=61,
            hidden_size=24,
            intermediate_size=20,
            num_attention_heads=4,
            num_key_value_heads=2,
            num_local_experts=4,
            num_experts_per_tok=2,
            tie_word_embeddings=False,
        ),
    ),
    # shards, as many key/value heads as query heads, heads wider than hidden / heads, tied
    "tiny-mixtral-fp16": dict(
        dtype=torch.float16,
        shard="60KB",
        config=dict(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=24,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=16,
            num_local_experts=8,
            num_experts_per_tok=2,
            tie_word_embeddings=True,
        ),
    ),
    # one key/value head, three experts for a token, config.json as transformers 4 wrote it
    "tiny-mixtral-bf16": dict(
        dtype=torch.bfloat16,
        old=True,
        config=dict(
            vocab_size=50,
            hidden_size=48,
            intermediate_size=17,
            num_attention_heads=6,
            num_key_value_heads=1,
            num_local_experts=5,
            num_experts_per_tok=3,
            tie_word_embeddings=False,
        ),
    ),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("folder", type=pathlib.Path, help="where to make the folders")
arguments = parser.parse_args()


def rounded(tensor):
    """Returns a tensor as nested lists of short numbers."""
    if tensor.dim() > 1:
        return [rounded(row) for row in tensor]
    return [float(f"{value:.7g}") for value in tensor.tolist()]


def clear_winner(values, places, margin):
    """Returns whether rounding cannot change which are the largest values of each row."""
    ordered = values.sort(dim=-1, descending=True).values
    gap = (ordered[..., places - 1] - ordered[..., places]).min().item()
    return gap > margin * values.abs().max().item()


def make(name, model, folder):
    """Saves a checkpoint of random weights."""
    config = MixtralConfig(
        num_hidden_layers=2,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        sliding_window=None,
        initializer_range=0.25,
        bos_token_id=0,
        eos_token_id=1,
        **model["config"],
    )
    network = MixtralForCausalLM(config)
    for key, weight in network.named_parameters():
        if "norm" in key:
            weight.data.uniform_(0.5, 1.5)
    network.to(model["dtype"]).save_pretrained(folder, max_shard_size=model.get("shard", "1GB"))
    if model.get("old"):
        path = folder / "config.json"
        text = json.loads(path.read_text())
        text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
        text["torch_dtype"] = text.pop("dtype")
        del text["head_dim"]
        path.write_text(json.dumps(text, indent=2, sort_keys=True) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)
    for file in folder.iterdir():
        file.chmod(0o644)


def answers(folder, seed):
    """Returns what transformers says, or None where rounding might decide."""
    network = MixtralForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
    ).eval()
    network.generation_config.eos_token_id = None
    config = network.config
    generator = torch.Generator().manual_seed(seed)
    prompts = [
        torch.randint(0, config.vocab_size, (1, length), generator=generator)
        for length in (3, 21, 9)
    ]
    result = dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0])
    result.update(prompts=[], logits=[], gate=[], generated=[], generated_logits=[])
    for prompt in prompts:
        out = network(prompt, output_router_logits=True)
        gates = [torch.softmax(logits.double(), dim=-1) for logits in out.router_logits]
        for gate in gates:
            if config.num_experts_per_tok < gate.shape[-1] and not clear_winner(
                gate, config.num_experts_per_tok, 1e-4
            ):
                return None
        run = network.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            pad_token_id=0,
            output_logits=True,
            return_dict_in_generate=True,
        )
        steps = torch.cat(run.logits)
        if not clear_winner(out.logits[0], 1, 1e-3) or not clear_winner(steps, 1, 1e-3):
            return None
        result["prompts"].append(prompt[0].tolist())
        result["logits"].append(rounded(out.logits[0]))
        result["gate"].append([rounded(gate) for gate in gates])
        result["generated"].append(run.sequences[0, prompt.shape[1] :].tolist())
        result["generated_logits"].append(rounded(steps))
    # a batch filled up on the left says the same
    longest = max(prompt.shape[1] for prompt in prompts)
    fill = lambda row, value: torch.nn.functional.pad(row, (longest - row.shape[1], 0), value=value)
    ids = torch.cat([fill(prompt, 0) for prompt in prompts])
    mask = torch.cat([fill(torch.ones_like(prompt), 0) for prompt in prompts])
    places = (mask.cumsum(dim=-1) - 1).clamp(min=0)
    batch = network(ids, attention_mask=mask, position_ids=places).logits
    for row, logits in zip(batch, result["logits"]):
        alone = torch.tensor(logits)
        assert (row[-len(logits) :] - alone).abs().max() < 1e-5 * alone.abs().max()
    return result


with torch.inference_mode():
    for number, (name, model) in enumerate(MODELS.items()):
        target = arguments.folder / name
        shutil.rmtree(target, ignore_errors=True)
        torch.manual_seed(number + 1)
        make(name, model, target)
        seed = 0
        while (result := answers(target, seed)) is None:
            seed += 1
        (target / "reference.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
        size = sum(file.stat().st_size for file in target.iterdir())
        print(f"{target}: {size} bytes, seed {seed}")
