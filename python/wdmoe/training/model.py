# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""The Mixtral architecture for training: all experts as one product, weighted block by block.

That is exactly the mixture (experts that were not chosen have weight 0) at E / k times the arithmetic, without
sorting, and for models this small by far the fastest.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
    vocabulary: int = 256
    hidden: int = 256
    blocks: int = 6
    heads: int = 8
    kv_heads: int = 4
    head: int = 32
    experts: int = 8
    top_k: int = 2
    inner: int = 352
    context: int = 512
    theta: float = 1e4
    epsilon: float = 1e-5


@dataclass
class Losses:
    """What happens to expert answers in a forward pass; each sequence draws for itself."""

    lost_share: float = 0.0  # sequences in which answers are lost at a rate from U(0, lost_most)
    lost_most: float = 0.0
    gone_share: float = 0.0  # sequences in which one expert, the same in all blocks, answers nothing
    lost_fixed: float = 0.0  # for evaluation: each answer is lost with this probability
    gone: int = -1  # for evaluation: this expert answers nothing


def norm(x, weight, epsilon):
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)).to(x.dtype) * weight.to(x.dtype)


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.q = nn.Parameter(torch.empty(s.heads * s.head, s.hidden))
        self.k = nn.Parameter(torch.empty(s.kv_heads * s.head, s.hidden))
        self.v = nn.Parameter(torch.empty(s.kv_heads * s.head, s.hidden))
        self.o = nn.Parameter(torch.empty(s.hidden, s.heads * s.head))
        self.gate = nn.Parameter(torch.empty(s.experts, s.hidden))
        self.w1 = nn.Parameter(torch.empty(s.experts * s.inner, s.hidden))
        self.w3 = nn.Parameter(torch.empty(s.experts * s.inner, s.hidden))
        self.w2 = nn.Parameter(torch.empty(s.experts * s.inner, s.hidden))  # transposed
        self.attention_norm = nn.Parameter(torch.ones(s.hidden))
        self.expert_norm = nn.Parameter(torch.ones(s.hidden))


class Model(nn.Module):
    def __init__(self, shape=None):
        super().__init__()
        self.shape = s = shape or Shape()
        self.dropout = 0.0  # of what attention adds; while training
        self.embedding = nn.Parameter(torch.empty(s.vocabulary, s.hidden))
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.blocks))
        self.final_norm = nn.Parameter(torch.ones(s.hidden))
        self.head = nn.Parameter(torch.empty(s.vocabulary, s.hidden))
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                scale = 0.02 / math.sqrt(2 * s.blocks) if name.endswith((".o", ".w2")) else 0.02
                nn.init.normal_(parameter, std=scale)
        angle = torch.outer(torch.arange(s.context).float(), s.theta ** (-torch.arange(0, s.head, 2).float() / s.head))
        self.register_buffer("cos", torch.cat((angle, angle), -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat((angle, angle), -1).sin(), persistent=False)

    def rotate(self, x):
        length, half = x.shape[2], self.shape.head // 2
        turned = torch.cat((-x[..., half:], x[..., :half]), -1)
        return x * self.cos[:length].to(x.dtype) + turned * self.sin[:length].to(x.dtype)

    def forward(self, tokens, losses):
        """Logits [B, T, V] and the balance loss; `losses` is a Losses."""
        s = self.shape
        batch, length = tokens.shape
        x = F.embedding(tokens, self.embedding)
        if torch.is_autocast_enabled("cuda"):
            x = x.bfloat16()
        rate = gone = None
        if losses.lost_fixed > 0:
            rate = torch.full((batch, 1, 1), losses.lost_fixed, device=x.device)
        elif losses.lost_share > 0:
            rate = torch.rand(batch, 1, 1, device=x.device) * losses.lost_most
            rate = rate * (torch.rand(batch, 1, 1, device=x.device) < losses.lost_share)
        if losses.gone >= 0:
            gone = F.one_hot(torch.full((batch,), losses.gone, device=x.device), s.experts)[:, None, :]
        elif losses.gone_share > 0:
            which = torch.randint(s.experts, (batch,), device=x.device)
            gone = F.one_hot(which, s.experts)[:, None, :]
            gone = gone * (torch.rand(batch, 1, 1, device=x.device) < losses.gone_share)
        balance = 0.0
        for block in self.blocks:
            h = norm(x, block.attention_norm, s.epsilon)
            q = F.linear(h, block.q).view(batch, length, s.heads, s.head).transpose(1, 2)
            k = F.linear(h, block.k).view(batch, length, s.kv_heads, s.head).transpose(1, 2)
            v = F.linear(h, block.v).view(batch, length, s.kv_heads, s.head).transpose(1, 2)
            repeat = s.heads // s.kv_heads
            k, v = self.rotate(k).repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
            a = F.scaled_dot_product_attention(self.rotate(q), k, v, is_causal=True)
            a = F.linear(a.transpose(1, 2).reshape(batch, length, -1), block.o)
            x = x + (F.dropout(a, self.dropout) if self.dropout > 0 else a)
            h = norm(x, block.expert_norm, s.epsilon)
            with torch.autocast("cuda", enabled=False):
                chance = torch.softmax(F.linear(h.float(), block.gate.float()), -1)
                top, index = chance.topk(s.top_k, -1)
                chosen = F.one_hot(index, s.experts).float()  # B T k E
                balance = balance + s.experts * (
                    chosen.sum(2).mean((0, 1)) / s.top_k * chance.mean((0, 1))
                ).sum()
                arrived = torch.ones_like(top)
                if rate is not None:
                    arrived = arrived * (torch.rand_like(top) >= rate)
                if gone is not None:
                    arrived = arrived * (1 - (chosen * gone[:, :, None, :]).sum(-1))
                top = top * arrived
                top = top / top.sum(-1, keepdim=True).clamp_min(1e-9)
                weight = (top[..., None] * chosen).sum(2)  # B T E
            inner = F.silu(F.linear(h, block.w1)) * F.linear(h, block.w3)
            inner = inner.view(batch, length, s.experts, s.inner) * weight[..., None].to(inner.dtype)
            x = x + inner.view(batch, length, -1) @ block.w2.to(inner.dtype)
        logits = F.linear(norm(x, self.final_norm, s.epsilon), self.head)
        return logits.float(), balance / s.blocks


def config(shape):
    return {
        "architectures": ["MixtralForCausalLM"],
        "model_type": "mixtral",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.blocks,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head,
        "num_local_experts": shape.experts,
        "num_experts_per_tok": shape.top_k,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.theta,
        "rms_norm_eps": shape.epsilon,
        "hidden_act": "silu",
        "sliding_window": None,
        "tie_word_embeddings": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 10,
        "pad_token_id": 0,
        "torch_dtype": "float16",
    }


def tensors(model):
    """Hugging Face's names -> fp16 tensors, in two parts."""
    s, parts = model.shape, ({}, {})
    parts[0]["model.embed_tokens.weight"] = model.embedding
    parts[1]["model.norm.weight"] = model.final_norm
    parts[1]["lm_head.weight"] = model.head
    for number, block in enumerate(model.blocks):
        part, name = parts[2 * number >= s.blocks], f"model.layers.{number}."
        for key in "qkvo":
            part[f"{name}self_attn.{key}_proj.weight"] = getattr(block, key)
        part[f"{name}input_layernorm.weight"] = block.attention_norm
        part[f"{name}post_attention_layernorm.weight"] = block.expert_norm
        part[f"{name}block_sparse_moe.gate.weight"] = block.gate
        for e in range(s.experts):
            rows = slice(e * s.inner, (e + 1) * s.inner)
            expert = f"{name}block_sparse_moe.experts.{e}."
            part[f"{expert}w1.weight"] = block.w1[rows]
            part[f"{expert}w3.weight"] = block.w3[rows]
            part[f"{expert}w2.weight"] = block.w2[rows].T
    return [{key: value.detach().half().contiguous().cpu() for key, value in part.items()} for part in parts]


def save(model, folder, recipe):
    """As transformers' save_pretrained: config.json and two shards of less than 16 MiB; and recipe.json."""
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(model.shape), indent=2) + "\n", encoding="utf-8")
    (folder / "recipe.json").write_text(json.dumps({"shape": asdict(model.shape), **recipe}, indent=2) + "\n", encoding="utf-8")
    where, total = {}, 0
    for number, part in enumerate(tensors(model), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file(part, folder / file, metadata={"format": "pt"})
        where.update(dict.fromkeys(part, file))
        total += sum(value.numel() * 2 for value in part.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
