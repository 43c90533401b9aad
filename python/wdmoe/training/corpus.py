# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Text for the models: read, cleaned, de-duplicated, split, and the evaluation items.

    python -m wdmoe.training.corpus --data FOLDER --out FOLDER

FOLDER holds the public files named in SOURCES. Only text whose licence allows shipping a model trained on it is
taken; what may also be shipped as text itself is marked, and only such text gets into the evaluation files that ship.

Training and held-out text share no string of OVERLAP bytes: training lines that do are dropped.
"""

import argparse
import json
import re
import sys
import sysconfig
import zipfile
import zlib
from pathlib import Path

import numpy as np

from wdmoe.training import tasks

BOS, PAD = 1, 0
OVERLAP = 50  # bytes
CHUNK = 500  # bytes of a held-out text item
CONTEXT = 512  # tokens

# domain -> licence, whether excerpts may be shipped as text
SOURCES = {
    "shakespeare": ("public domain (plays, karpathy/char-rnn)", True),
    "speeches": ("public domain (State of the Union addresses, nltk)", True),
    "wikitext": ("CC BY-SA 3.0 (WikiText-2, validation and test files)", False),
    "wikipedia": ("CC BY-SA 3.0 (Wikipedia, several languages, from allenai/OLMoE)", False),
    "gsm8k": ("MIT (openai/grade-school-math; the official test split is held out)", True),
    "mmlu": ("MIT (hendrycks/test, questions with the right answer)", True),
    "arc": ("CC BY-SA 4.0 (ARC, training questions)", False),
    "python": ("PSF licence (Python's standard library, modules of the top level)", True),
    "code": ("MIT and CC BY 4.0 (HumanEval, MBPP)", False),
    "svamp": ("MIT (SVAMP)", True),
}


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def gsm8k_text(item):
    return f"Question: {item['question'].strip()}\nAnswer: {item['answer'].strip()}"


def read_sources(data):
    """Domain -> documents (text); gsm8k's test split as 'gsm8k-test'."""
    import gzip

    documents = {"shakespeare": [(data / "text/tinyshakespeare.txt").read_text(encoding="utf-8")]}
    with zipfile.ZipFile(data / "text/state_union.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".txt"))
        documents["speeches"] = [archive.read(name).decode("latin-1") for name in names]
    articles = []
    for part in ("valid", "test"):
        text = (data / f"text/wikitext-2-{part}.txt").read_text(encoding="utf-8")
        articles += re.split(r"(?m)^(?= = [^=].*[^=] = $)", text)
    documents["wikitext"] = [article for article in articles if len(article) > 200]
    wikipedia = (data / "text/olmoe-domains/wikipedia_texts.txt").read_text(encoding="utf-8")
    documents["wikipedia"] = re.split(r"(?m)^(?=# )", wikipedia)
    for part in ("train", "test"):
        documents[f"gsm8k-{part}"] = [gsm8k_text(item) for item in read_jsonl(data / f"benchmarks/gsm8k-{part}.jsonl")]
    documents["mmlu"] = []
    for item in read_jsonl(data / "benchmarks/mmlu.jsonl"):
        if item["answer"] in ("A", "B", "C", "D"):
            answer = item["choices"]["ABCD".index(item["answer"])]
        elif str(item["answer"]).isdigit():
            answer = item["choices"][int(item["answer"])]
        else:
            continue
        documents["mmlu"].append(f"Question: {item['question'].strip()}\nAnswer: {str(answer).strip()}")
    documents["arc"] = []
    for part in ("easy-train", "challenge-train"):
        for item in json.loads((data / f"benchmarks/arc-{part}.json").read_text(encoding="utf-8")):
            documents["arc"].append(item["instruction"].split("Answer format")[0].strip() + f"\nAnswer: {item['answer']}")
    library = Path(sysconfig.get_paths()["stdlib"])
    documents["python"] = [path.read_text(encoding="utf-8", errors="ignore") for path in sorted(library.glob("*.py"))]
    documents["code"] = [f"# {item['text']}\n{item['code']}" for item in read_jsonl(data / "benchmarks/mbpp.jsonl")]
    with gzip.open(data / "benchmarks/humaneval.jsonl.gz", "rt", encoding="utf-8") as file:
        documents["code"] += [item["prompt"] + item["canonical_solution"] for item in map(json.loads, file)]
    documents["svamp"] = [
        f"Question: {item['Body'].strip()} {item['Question'].strip()}\nAnswer: {item['Answer']:g}"
        for item in json.loads((data / "benchmarks/svamp.json").read_text(encoding="utf-8"))
    ]
    return documents


def clean(text):
    """UTF-8 bytes without the two that mean something else here, lines ending as on Unix."""
    return text.replace("\r\n", "\n").encode("utf-8").replace(b"\x00", b"").replace(b"\x01", b"").strip()


def drop_repeated_lines(documents):
    """Long lines once only, over all documents."""
    seen, kept, dropped = set(), [], 0
    for document in documents:
        lines = []
        for line in document.split(b"\n"):
            if len(line) >= 60:
                if line in seen:
                    dropped += len(line)
                    continue
                seen.add(line)
            lines.append(line)
        text = b"\n".join(lines).strip()
        if text:
            kept.append(text)
    return kept, dropped


def split(domain, documents):
    """(training, held out): the last documents, or the end of the only one."""
    total = sum(map(len, documents))
    wanted = min(max(total // 16, 40_000), 130_000)
    if len(documents) < 8:
        text = documents[-1]
        cut = text.rfind(b"\n\n", 0, len(text) - wanted)
        cut = cut if cut > 0 else text.rfind(b"\n", 0, len(text) - wanted)
        return [*documents[:-1], text[:cut].strip()], [text[cut:].strip()]
    # every eighth document, from the end, until there is enough: not only the latest ones
    held, size = [], 0
    for index in range(len(documents) - 1, -1, -8):
        if size >= wanted:
            break
        held.append(index)
        size += len(documents[index])
    held = set(held)
    return (
        [document for index, document in enumerate(documents) if index not in held],
        [document for index, document in enumerate(documents) if index in held],
    )


def window_hashes(text):
    """Hash of each window of OVERLAP bytes, modulo 2^64."""
    values = np.frombuffer(text, np.uint8)
    if len(values) < OVERLAP:
        return np.empty(0, np.uint64)
    with np.errstate(over="ignore"):
        prime = np.uint64(0x9E3779B97F4A7C15 | 1)
        out = np.zeros(len(values) - OVERLAP + 1, np.uint64)
        for step in range(OVERLAP):  # Horner: one pass over the text for each byte of the window
            out = out * prime + values[step : len(values) - OVERLAP + 1 + step]
    return out


def drop_overlaps(documents, held_out):
    """Training documents without the lines that share OVERLAP bytes with held-out text; (documents, bytes dropped)."""
    known = np.unique(np.concatenate([window_hashes(text) for text in held_out]))
    kept, dropped = [], 0
    for document in documents:
        hashes = window_hashes(document)
        hits = np.flatnonzero(known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes)
        if len(hits):
            keep = np.ones(len(document), bool)
            for hit in hits:
                start = document.rfind(b"\n", 0, hit) + 1
                end = document.find(b"\n", hit + OVERLAP - 1)
                keep[start : len(document) if end < 0 else end + 1] = False
            dropped += len(document) - int(keep.sum())
            document = np.frombuffer(document, np.uint8)[keep].tobytes().strip()
        if len(document) > 20:
            kept.append(document)
    return kept, dropped


def calculations(documents):
    """(prompt, answer) of each calculation <<...=...>> in GSM8K's solutions."""
    items = []
    for text in documents:
        for match in re.finditer(r"<<([^<>=]*)=([^<>]*)>>", text):
            prompt, answer = text[: match.start(2)], match.group(2).strip()
            if len(prompt.encode()) + len(answer) + 2 <= CONTEXT - 16 and answer:
                items.append((prompt, answer))
    return items


def chunks(documents):
    """Held-out text in pieces of CHUNK bytes, whole UTF-8 characters."""
    items = []
    for document in documents:
        start = 0
        while len(document) - start > CHUNK // 2:
            piece = document[start : start + CHUNK].decode("utf-8", errors="ignore")
            items.append(piece)
            start += len(piece.encode())
    return items


def spread(items, number):
    """So many of the items, evenly spread."""
    if len(items) <= number:
        return items
    return [items[int(i * len(items) / number)] for i in range(number)]


def build(data):
    """Everything: {"train": {domain: bytes documents}, "held_out": ..., "calc_train", "calc_test", "report"}."""
    documents = {domain: list(map(clean, texts)) for domain, texts in read_sources(Path(data)).items()}
    train, held_out, report = {}, {}, {}
    for domain in SOURCES:
        if domain == "gsm8k":
            train[domain], _ = drop_repeated_lines(documents["gsm8k-train"])
            held_out[domain] = documents["gsm8k-test"]
            continue
        texts, repeated = drop_repeated_lines(documents[domain])
        train[domain], held_out[domain] = split(domain, texts) if domain not in ("arc", "code", "svamp") else (texts, [])
        report[domain] = {"repeated_bytes_dropped": repeated}
    everything = [text for texts in held_out.values() for text in texts]
    for domain in SOURCES:
        train[domain], dropped = drop_overlaps(train[domain], everything)
        report.setdefault(domain, {}).update(
            overlapping_bytes_dropped=dropped,
            train_bytes=sum(map(len, train[domain])),
            held_out_bytes=sum(map(len, held_out[domain])),
            licence=SOURCES[domain][0],
        )
    gsm8k = {part: [text.decode() for text in documents[f"gsm8k-{part}"]] for part in ("train", "test")}
    kept = {text for text in train["gsm8k"]}
    return {
        "train": train,
        "held_out": held_out,
        "calc_train": calculations([text for text in gsm8k["train"] if text.encode() in kept]),
        "calc_test": calculations(gsm8k["test"]),
        "report": report,
    }


def evaluation_items(corpus, per_task, per_domain, seed=1):
    """(tasks, shippable text, other text): lists of dicts, as the evaluator reads them."""
    items = []
    for task in (task for task in tasks.TASKS if task not in tasks.AT_CEILING):
        for level in range(tasks.LEVELS):
            for prompt, answer in tasks.held_out_items(task, per_task // tasks.LEVELS, seed, level):
                items.append({"domain": task, "level": level, "prompt": prompt, "answer": answer})
    for prompt, answer in spread(corpus["calc_test"], per_task):
        items.append({"domain": "calc", "prompt": prompt, "answer": answer})
    text = {True: [], False: []}
    for domain, (_, ship) in SOURCES.items():
        for piece in spread(chunks(corpus["held_out"][domain]), per_domain):
            text[ship].append({"domain": domain, "text": piece})
    return items, text[True], text[False]


def write_jsonl(path, items):
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True, type=Path, help="folder of the public files")
    parser.add_argument("--out", required=True, type=Path, help="corpus.npz, report.json and the evaluation items")
    parser.add_argument("--per-task", type=int, default=400)
    parser.add_argument("--per-domain", type=int, default=128)
    options = parser.parse_args()
    if not (options.data / "text").is_dir():
        print(f"no folder {options.data / 'text'}; --data is the folder that holds text/ and benchmarks/", file=sys.stderr)
        return 2
    corpus = build(options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    stream = b"".join(bytes([BOS]) + text + b"\n" for texts in corpus["train"].values() for text in texts)
    np.savez_compressed(options.out / "corpus.npz", text=np.frombuffer(stream, np.uint8))
    (options.out / "calc-train.json").write_text(json.dumps(corpus["calc_train"]), encoding="utf-8")
    items, shipped, other = evaluation_items(corpus, options.per_task, options.per_domain)
    write_jsonl(options.out / "tasks.jsonl", items)
    write_jsonl(options.out / "text.jsonl", shipped)
    write_jsonl(options.out / "text-not-shipped.jsonl", other)
    corpus["report"]["crc32_of_training_text"] = zlib.crc32(stream)
    (options.out / "report.json").write_text(json.dumps(corpus["report"], indent=2) + "\n", encoding="utf-8")
    print(json.dumps(corpus["report"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
