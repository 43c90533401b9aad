# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Record the gates of a mixture-of-experts model of Hugging Face for WdmoeRecordedGateSource.

    python -m wdmoe.export_gates MODEL FOLDER DOMAIN=FILE [DOMAIN=FILE ...]

MODEL is a folder or a name that transformers loads (Mixtral, OLMoE, Qwen-MoE, DeepSeek, ...). Each FILE is text of a
domain: *.jsonl, evaluation items of which each is a sequence ("text", "prompt" and "answer", or "tokens"), or any other
file, cut into sequences of --length tokens. FOLDER/DOMAIN.csv gets the gates ("wdmoe-gate-log-1"): every block, every
token, all experts by falling weight, so the full softmax and not its top k. A router that scores by a sigmoid
(DeepSeek-V3) is written as score / sum of scores.

Needs torch and transformers, which wdmoe does not install. For the models of data/models, `wdmoe evaluate --gates`
does the same without them.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

# What models call the number of routed experts, and the last or last but one part of a router's name.
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
ROUTERS = ("gate", "router", "wg")
SIGMOID = ("deepseek_v3",)
MISSING = "export_gates needs torch and transformers ({error}): python3 -m pip install torch transformers"


class BadInput(ValueError):
    """The model or the text is not what it should be; the message says which and what was expected."""


def count_experts(config):
    """@return routed experts in a block, by the model's configuration"""
    for name in EXPERTS:
        if getattr(config, name, None):
            return getattr(config, name)
    raise BadInput(f"the model has none of {', '.join(EXPERTS)} in its configuration: not a mixture of experts?")


def find_routers(model, experts, hidden):
    """@return the modules that score the experts, in the order of blocks: a weight of experts x hidden, and a name"""
    found = []
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if weight is not None and tuple(weight.shape) == (experts, hidden):
            if any(part in ROUTERS for part in name.split(".")[-2:]):
                found.append(module)
    if not found:
        raise BadInput(f"the model has no router: no module named {' or '.join(ROUTERS)} of {experts} x {hidden}")
    return found


def flatten(output):
    return [part for one in output for part in flatten(one)] if isinstance(output, (tuple, list)) else [output]


class Recorder:
    """Hooks on all routers of a model; weights[i] is of block i after a forward pass: tokens x experts."""

    def __init__(self, model):
        config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
        self.experts = count_experts(config)
        self.sigmoid = getattr(config, "scoring_func", None) == "sigmoid" or config.model_type in SIGMOID
        self.routers = find_routers(model, self.experts, config.hidden_size)
        self.weights = {}
        self.handles = [
            router.register_forward_hook(lambda module, inputs, output, i=i: self.record(i, module, inputs[0], output))
            for i, router in enumerate(self.routers)
        ]

    def record(self, block, module, hidden, output):
        import torch

        hidden = hidden.detach().reshape(-1, hidden.shape[-1]).float()
        bias = getattr(module, "bias", None)
        logits = torch.nn.functional.linear(hidden, module.weight.float(), None if bias is None else bias.float())
        # The model's own logits, with its rounding, where the router hands them out; what it returns differs by model.
        for part in flatten(output):
            if torch.is_tensor(part) and part.numel() == logits.numel() and part.is_floating_point():
                own = part.detach().reshape(logits.shape).float()
                if torch.allclose(own, logits, rtol=0.05, atol=0.05 * float(logits.abs().max())):
                    logits = own
                    break
        scores = logits.double()
        if self.sigmoid:
            scores = scores.sigmoid()
            scores = scores / scores.sum(-1, keepdim=True)
        else:
            scores = scores.softmax(-1)
        self.weights[block] = scores.cpu().numpy()

    def close(self):
        for handle in self.handles:
            handle.remove()


def read_items(path):
    """@return the sequences of an evaluation file: text or lists of tokens"""
    sequences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            if "tokens" in item:
                sequences.append([int(token) for token in item["tokens"]])
            else:
                sequences.append(item["text"] if "text" in item else item["prompt"] + item["answer"] + "\n")
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}:{number}: expected an evaluation item ({error!r})") from None
    return sequences


def make_encoder(name, config, tokenizer):
    """@return text -> token numbers: the model's tokenizer, or bytes after the start token for a model of bytes"""
    if tokenizer is not None:
        return lambda text: list(tokenizer(text)["input_ids"])
    if config.vocab_size == 256 and config.bos_token_id is not None:
        return lambda text: [config.bos_token_id, *text.encode("utf-8")]
    raise BadInput(f"{name} has no tokenizer that transformers can load, and is no model of bytes")


def make_sequences(path, encode, vocabulary, length, limit):
    """@return lists of at most `length` tokens, at most `limit` lists"""
    try:
        if path.suffix == ".jsonl":
            parts = read_items(path)
            sequences = [(encode(part) if isinstance(part, str) else part)[:length] for part in parts[:limit]]
        else:
            tokens = encode(path.read_text(encoding="utf-8"))
            starts = range(0, len(tokens), length)[:limit]
            sequences = [tokens[start : start + length] for start in starts]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from None
    sequences = [sequence for sequence in sequences if sequence]
    if not sequences:
        raise BadInput(f"{path}: no text in it")
    for sequence in sequences:
        if min(sequence) < 0 or max(sequence) >= vocabulary:
            raise BadInput(f"{path}: token {max(sequence)}: expected one from 0 to {vocabulary - 1}")
    return sequences


def record_gates(model, sequences):
    """@return weights [block][sequence]: tokens x experts, each row summing to 1"""
    import torch

    recorder = Recorder(model)
    try:
        rows = [[] for _ in recorder.routers]
        with torch.no_grad():
            for sequence in sequences:
                recorder.weights.clear()
                model(torch.tensor([sequence], device=model.device), use_cache=False)
                for block, of_block in enumerate(rows):
                    if block not in recorder.weights or len(recorder.weights[block]) != len(sequence):
                        raise BadInput(f"the router of block {block} did not see each token once")
                    if not np.isfinite(recorder.weights[block]).all():
                        raise BadInput(f"the router of block {block} gave weights that are not finite")
                    of_block.append(recorder.weights[block])
    finally:
        recorder.close()
    return rows


def write_log(rows, output, source):
    """Writes a log of all experts by falling weight; of equal ones the lower number first."""
    experts = rows[0][0].shape[1]
    with open(output, "w", encoding="utf-8", newline="\n") as out:
        out.write(f"# format: wdmoe-gate-log-1\n# source: {source}\n# experts: {experts}\n# topk: {experts}\n")
        out.write("block,sequence,position" + "".join(f",expert_{e},weight_{e}" for e in range(experts)) + "\n")
        for block, sequences in enumerate(rows):
            for sequence, weights in enumerate(sequences):
                order = np.argsort(-weights, axis=1, kind="stable")
                for position, (chosen, row) in enumerate(zip(order.tolist(), weights.tolist())):
                    pairs = "".join(f",{expert},{row[expert]:.6g}" for expert in chosen)
                    out.write(f"{block},{sequence},{position}{pairs}\n")


def load_model(name, dtype, device):
    """@return model and tokenizer (None where there is none)"""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(name, dtype=getattr(torch, dtype) if dtype != "auto" else dtype)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{name}: transformers cannot load it: {str(error).splitlines()[0]}") from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError, AttributeError, ImportError):
        tokenizer = None
    # A tokenizer made up for a folder without one has no words.
    if tokenizer is not None and len(tokenizer) <= len(tokenizer.all_special_ids):
        tokenizer = None
    return model.to(device).eval(), tokenizer


def parse_text(text):
    domain, _, file = text.partition("=")
    if not domain or not file or "/" in domain:
        raise argparse.ArgumentTypeError(f"'{text}': expected DOMAIN=FILE")
    return domain, Path(file)


def parse_count(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


parse_count.__name__ = "positive whole number"  # argparse names the type in its message


def main(arguments=None):
    """@return exit status"""
    parser = argparse.ArgumentParser(
        prog="python -m wdmoe.export_gates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="folder or name that transformers loads")
    parser.add_argument("folder", type=Path, help="where DOMAIN.csv goes")
    parser.add_argument("texts", nargs="+", type=parse_text, metavar="DOMAIN=FILE", help="text of a domain")
    parser.add_argument("--length", type=parse_count, default=512, help="most tokens of a sequence (%(default)s)")
    parser.add_argument("--sequences", type=parse_count, default=8, help="most sequences of a domain (%(default)s)")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"), help="of weights")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        print(MISSING.format(error=error), file=sys.stderr)
        return 1
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        model, tokenizer = load_model(options.model, options.dtype, options.device)
        encode = make_encoder(options.model, model.config, tokenizer)
        length = min(options.length, getattr(model.config, "max_position_embeddings", options.length))
        name = Path(options.model).name
        for domain, path in options.texts:
            sequences = make_sequences(path, encode, model.config.vocab_size, length, options.sequences)
            rows = record_gates(model, sequences)
            output = options.folder / f"{domain}.csv"
            write_log(rows, output, f"full gate of {name}, domain {domain}, recorded by python -m wdmoe.export_gates")
            print(f"{output}: {len(rows)} blocks, {len(sequences)} sequences, {sum(map(len, sequences))} tokens")
    except (BadInput, OSError) as error:
        print(f"export_gates: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
