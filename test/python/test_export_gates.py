# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Gates of small Hugging Face models of random weights, as a log that WdmoeRecordedGateSource reads."""

import importlib.util

import numpy as np
import pytest

from wdmoe import export_gates

HERE = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))
installed = pytest.mark.skipif(not HERE, reason="torch and transformers are not installed (optional: export_gates)")

SIZES = {
    "vocab_size": 256,
    "hidden_size": 32,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 10,
    "pad_token_id": 0,
}
DEEPSEEK = {
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "first_k_dense_replace": 1,
    "q_lora_rank": None,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "n_group": 1,
    "topk_group": 1,
    "num_key_value_heads": 4,
}
# class, its own sizes, experts, blocks with a router
MODELS = {
    "mixtral": ("Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}, 4, 2),
    "olmoe": ("Olmoe", {"num_experts": 8, "num_experts_per_tok": 2}, 8, 2),
    "qwen2-moe": (
        "Qwen2Moe",
        {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16},
        6,
        2,
    ),
    "deepseek-v2": ("DeepseekV2", DEEPSEEK, 8, 1),
    "deepseek-v3": ("DeepseekV3", DEEPSEEK, 8, 1),
}


def make_model(kind):
    import torch
    import transformers

    name, sizes, experts, blocks = MODELS[kind]
    torch.manual_seed(3)
    config = getattr(transformers, f"{name}Config")(**{**SIZES, **sizes})
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    # Routers may start at zero, where all experts are equal.
    for router in export_gates.find_routers(model, experts, config.hidden_size):
        torch.nn.init.normal_(router.weight, std=0.5)
    return model, experts, blocks


def read_log(path):
    """Comments, keys and weights by expert of a log, by the rules of the reader in model/moe/wdmoe-gate-file.cc."""
    lines = path.read_text().splitlines()
    comments = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
    rows = [line.split(",") for line in lines if line[0].isdigit()]
    keys = [tuple(map(int, row[:3])) for row in rows]
    assert keys == sorted(set(keys)) and keys[0] == (0, 0, 0)
    weights = np.zeros((len(rows), int(comments["experts"])))
    for index, row in enumerate(rows):
        chosen, values = list(map(int, row[3::2])), list(map(float, row[4::2]))
        assert sorted(chosen) == list(range(int(comments["experts"])))
        assert values == sorted(values, reverse=True)
        weights[index, chosen] = values
    return comments, keys, weights


@installed
@pytest.mark.parametrize("kind", MODELS)
def test_full_softmax_of_each_block_and_token(kind, tmp_path, capsys):
    import torch

    model, experts, blocks = make_model(kind)
    model.save_pretrained(tmp_path / "model")
    (tmp_path / "prose.txt").write_text("The quick brown fox jumps over the lazy dog. " * 2)
    (tmp_path / "mul.jsonl").write_text('{"domain":"mul","prompt":"3*4=","answer":"12"}\n{"domain":"x","tokens":[1,9]}\n')
    texts = [f"prose={tmp_path}/prose.txt", f"mul={tmp_path}/mul.jsonl"]
    out = tmp_path / "out"
    arguments = [str(tmp_path / "model"), str(out), *texts, "--length", "40", "--sequences", "2", "--dtype", "float32"]
    assert export_gates.main(arguments) == 0
    assert "2 sequences, 10 tokens" in capsys.readouterr().out

    comments, keys, weights = read_log(out / "prose.csv")
    assert comments["format"] == "wdmoe-gate-log-1"
    assert (comments["experts"], comments["topk"]) == (str(experts), str(experts))
    assert len(keys) == blocks * 80 and keys[40][:2] == (0, 1)
    assert np.allclose(weights.sum(1), 1, atol=1e-4)

    # against the router's own matrix on its own input
    text = [1, *("The quick brown fox jumps over the lazy dog. " * 2).encode()][:40]
    seen = []
    router = export_gates.find_routers(model, experts, 32)[0]
    handle = router.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].reshape(-1, 32)))
    with torch.no_grad():
        model(torch.tensor([text]))
        scores = seen[0] @ router.weight.T
        scores = scores.sigmoid() if kind == "deepseek-v3" else scores.softmax(-1)
    handle.remove()
    assert np.allclose(weights[:40], (scores / scores.sum(-1, keepdim=True)).numpy(), atol=1e-5)


@installed
def test_agrees_with_the_router_logits_of_transformers():
    import torch

    model, _, _ = make_model("mixtral")
    tokens = [1, *b"12*34=408\n"]
    rows = export_gates.record_gates(model, [tokens])
    with torch.no_grad():
        logits = model(torch.tensor([tokens]), output_router_logits=True).router_logits
    for block, (weights,) in enumerate(rows):
        assert np.allclose(weights, logits[block].softmax(-1).numpy(), atol=1e-6)


@installed
@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no text in it"),
        ('{"domain":"d"}', "items.jsonl:1: expected an evaluation item"),
        ('{"domain":"d","tokens":[1,999]}', "token 999: expected one from 0 to 255"),
    ],
)
def test_bad_text_is_refused(tmp_path, capsys, text, message):
    make_model("mixtral")[0].save_pretrained(tmp_path / "model")
    (tmp_path / "items.jsonl").write_text(text)
    assert export_gates.main([str(tmp_path / "model"), str(tmp_path), f"d={tmp_path}/items.jsonl"]) == 2
    assert message in capsys.readouterr().err


@installed
def test_a_dense_model_is_refused(tmp_path, capsys):
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**SIZES)).save_pretrained(tmp_path / "model")
    (tmp_path / "a.txt").write_text("text")
    assert export_gates.main([str(tmp_path / "model"), str(tmp_path), f"d={tmp_path}/a.txt"]) == 2
    assert "not a mixture of experts" in capsys.readouterr().err


def test_says_what_is_missing(tmp_path, capsys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    assert export_gates.main(["model", str(tmp_path), "d=file.txt"]) == 1
    assert "needs torch and transformers" in capsys.readouterr().err


def test_malformed_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit):
        export_gates.main(["model", str(tmp_path), "file.txt"])
    assert "expected DOMAIN=FILE" in capsys.readouterr().err


def test_log_is_written_by_falling_weight(tmp_path):
    rows = [[np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])]]
    export_gates.write_log(rows, tmp_path / "log.csv", "a test")
    assert (tmp_path / "log.csv").read_text().splitlines()[4:] == [
        "block,sequence,position,expert_0,weight_0,expert_1,weight_1,expert_2,weight_2",
        "0,0,0,1,0.5,2,0.3,0,0.2",
        "0,0,1,0,0.4,2,0.4,1,0.2",
    ]
