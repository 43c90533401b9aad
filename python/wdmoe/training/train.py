# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Trains one model on one CUDA GPU (or, to try it, on the CPU).

    python -m wdmoe.training.train --corpus FOLDER --rows rows.npy --recipe base --seed 1 --steps 10000 --out FOLDER

Recipes differ in what happens to expert answers while training, and in nothing else.
"""

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from wdmoe.training.corpus import BOS, CONTEXT, PAD
from wdmoe.training.model import Losses, Model, save

RECIPES = {
    "base": Losses(),
    "robust": Losses(lost_share=0.7, lost_most=0.3, gone_share=0.3),
    "strong": Losses(lost_share=0.5, lost_most=0.5),
    "mild": Losses(lost_share=0.5, lost_most=0.2),
}


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def pad(sequences, device):
    width = max(map(len, sequences))
    batch = np.full((len(sequences), width), PAD, np.uint8)
    for row, sequence in enumerate(sequences):
        batch[row, : len(sequence)] = np.frombuffer(sequence, np.uint8)
    return torch.from_numpy(batch).long().to(device)


@torch.inference_mode()
def evaluate(model, items, losses, device, size=512):
    """{"task:level": exact match}, {"domain": bits per byte}."""
    generator_state = torch.random.get_rng_state()
    torch.manual_seed(1)
    exact, bits = {}, {}
    order = sorted(range(len(items)), key=lambda i: len(items[i]["bytes"]))
    for first in range(0, len(order), size):
        part = [items[i] for i in order[first : first + size]]
        tokens = pad([item["bytes"] for item in part], device)
        logits, _ = model(tokens[:, :-1], losses)
        chance = F.log_softmax(logits, -1)
        target = tokens[:, 1:]
        nats = -chance.gather(-1, target[..., None])[..., 0]
        right = logits.argmax(-1) == target
        for row, item in enumerate(part):
            span = slice(item["from"] - 1, len(item["bytes"]) - 1)
            if "text" in item:
                entry = bits.setdefault(item["domain"], [0.0, 0])
                entry[0] += nats[row, span].sum().item() / math.log(2)
                entry[1] += span.stop - span.start
            else:
                key = f"{item['domain']}:{item.get('level', 0)}"
                exact.setdefault(key, []).append(bool(right[row, span].all()))
    torch.random.set_rng_state(generator_state)
    return {k: sum(v) / len(v) for k, v in sorted(exact.items())}, {k: v[0] / v[1] for k, v in bits.items()}


def load_items(corpus):
    items = read_jsonl(corpus / "tasks.jsonl")
    for name in ("text.jsonl", "text-not-shipped.jsonl"):
        items += read_jsonl(corpus / name)
    for item in items:
        if "text" in item:
            item["bytes"], item["from"] = bytes([BOS]) + item["text"].encode(), 1
        else:
            prompt = bytes([BOS]) + item["prompt"].encode()
            item["bytes"], item["from"] = prompt + item["answer"].encode() + b"\n", len(prompt)
    return [item for item in items if len(item["bytes"]) <= CONTEXT]


def by_task(exact):
    tasks = {}
    for key, value in exact.items():
        tasks.setdefault(key.split(":")[0], []).append(value)
    return {task: sum(values) / len(values) for task, values in tasks.items()}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--rows", required=True, type=Path)
    parser.add_argument("--recipe", required=True, choices=RECIPES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=17000)
    parser.add_argument("--batch", type=int, default=128, help="rows of 512 bytes")
    parser.add_argument("--text-share", type=float, default=0.13, help="of the rows")
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.1, help="of what attention adds")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--limit", type=float, default=1e9, help="s: the schedule is cut to end by then, and says so")
    options = parser.parse_args()
    began = time.time()
    device = options.device
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    losses = RECIPES[options.recipe]
    model = Model().to(device)
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2]
    others = [p for n, p in model.named_parameters() if p.dim() != 2]
    cuda = device.startswith("cuda")
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": options.decay}, {"params": others, "weight_decay": 0.0}],
        lr=options.rate,
        betas=(0.9, 0.95),
        fused=cuda,
    )
    text = torch.from_numpy(np.load(options.corpus / "corpus.npz")["text"]).to(device)
    rows = torch.from_numpy(np.load(options.rows)).to(device)
    order = torch.randperm(rows.shape[1], generator=torch.Generator().manual_seed(options.seed)).to(device)
    text_rows = round(options.text_share * options.batch)
    task_rows = options.batch - text_rows
    window = torch.arange(CONTEXT, device=device)
    first = torch.full((text_rows, 1), BOS, device=device, dtype=torch.uint8)

    model.dropout = options.dropout

    def loss_of(tokens, weights):
        with torch.autocast("cuda", torch.bfloat16, enabled=cuda):
            logits, balance = model(tokens[:, :-1], losses)
        nats = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        weights = weights.flatten()
        return (nats * weights).sum() / weights.sum() + 0.01 * balance, nats.detach()

    step_of = torch.compile(loss_of, dynamic=False) if cuda else loss_of
    warm_up, steps, at, log = 300, options.steps, 0, []
    generator = torch.Generator(device=device).manual_seed(options.seed)
    for step in range(1, 10**9):
        start = torch.randint(len(text) - CONTEXT, (text_rows, 1), device=device, generator=generator)
        if at + task_rows > len(order):
            at = 0
        picked = rows[:, order[at : at + task_rows]]
        at += task_rows
        pieces = torch.cat((first, text[start + window]), 1)
        tokens = torch.cat((pieces, F.pad(picked[0], (0, 1), value=PAD))).long()
        weights = F.pad(picked[1].float(), (0, 1))[:, 1:]
        weights = torch.cat((torch.ones(text_rows, CONTEXT, device=device), weights))
        now = options.rate * min(step / warm_up, 1) * max(0.0, 1 - max(0, step - warm_up) / max(1, steps - warm_up))
        for group in optimizer.param_groups:
            group["lr"] = now
        loss, nats = step_of(tokens, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 250 == 0 or step == 10 or step >= steps:
            nats = nats.view(options.batch, -1)
            answers = (weights[text_rows:] > 0).float()
            log.append(
                {
                    "step": step,
                    "s": round(time.time() - began, 1),
                    "text_bpb": nats[:text_rows].mean().item() / math.log(2),
                    "answer_nats": ((nats[text_rows:] * answers).sum() / answers.sum()).item(),
                }
            )
            print(options.recipe, options.seed, json.dumps(log[-1]), flush=True)
            if step in (250, 500, 1000, 2000) and len(log) > 1:
                # the time of a step, without what came before the first hundreds
                speed = (log[-1]["s"] - log[-2]["s"]) / (log[-1]["step"] - log[-2]["step"])
                possible = step + int((options.limit - log[-1]["s"]) / speed)
                if step > 250 and possible < steps:
                    print(f"CUT: {steps} steps to {possible}", flush=True)
                    steps = possible
        if step >= steps:
            break
    trained = time.time() - began
    model.dropout = 0.0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    torch.set_float32_matmul_precision("highest")
    items = load_items(options.corpus)
    results = {}
    settings = {"unperturbed": Losses(), "lost 10 %": Losses(lost_fixed=0.1)}
    settings.update({f"expert {e} gone": Losses(gone=e) for e in range(model.shape.experts)})
    for name, setting in settings.items():
        exact, bits = evaluate(model, items, setting, device, 512 if cuda else 64)
        tasks = by_task(exact)
        three = [bits[d] for d in ("shakespeare", "wikitext", "speeches") if d in bits]
        results[name] = {"exact_match": tasks, "by_level": exact, "bits_per_byte": bits}
        print(options.recipe, options.seed, name, f"EM {mean(tasks.values()):.4f}", f"3 texts {mean(three):.4f}", flush=True)
        if name == "unperturbed":
            print(json.dumps({k: round(v, 3) for k, v in exact.items()}))
            print(json.dumps({k: round(v, 3) for k, v in bits.items()}))
    report = json.loads((options.corpus / "report.json").read_text(encoding="utf-8"))
    recipe = {
        "recipe": options.recipe,
        "losses": asdict(losses),
        "seed": options.seed,
        "steps": step,
        "tokens": step * options.batch * CONTEXT,
        "batch_rows": options.batch,
        "text_share": options.text_share,
        "text_epochs": step * text_rows * CONTEXT / len(text),
        "task_epochs": step * task_rows / rows.shape[1],
        "learning_rate": options.rate,
        "weight_decay": options.decay,
        "attention_dropout": options.dropout,
        "train_s": round(trained, 1),
        "total_s": round(time.time() - began, 1),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "torch": torch.__version__,
        "corpus": report,
        "log": log,
        "evaluation_while_training": results,
    }
    save(model, options.out, recipe)
    print(options.recipe, options.seed, f"{trained:.0f} s training, {time.time() - began:.0f} s in all", flush=True)


if __name__ == "__main__":
    main()
