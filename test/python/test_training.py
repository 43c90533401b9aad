# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What the models were trained on and what they are judged by have nothing in common.

Tasks are checked from what is shipped; texts need the public files, and are skipped where these are not at hand.
"""

import functools
import json
import random
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from wdmoe.training import corpus, rows, tasks

ROOT = Path(__file__).resolve().parents[2]
EVALUATION = ROOT / "data" / "evaluation"
PUBLIC = ROOT.parent / "shared" / "data"
public = pytest.mark.skipif(not (PUBLIC / "text").is_dir(), reason=f"the public texts are not at hand ({PUBLIC})")


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@functools.lru_cache(None)
def shipped():
    return read(EVALUATION / "tasks.jsonl")


@functools.lru_cache(None)
def recipe(name):
    return json.loads((ROOT / "data" / "models" / name / "recipe.json").read_text(encoding="utf-8"))


def recipe_bytes(domain, part):
    return recipe("wdmoe-lm-base")["corpus"][domain][part]


def is_kept_back(prompt):
    """The rule, written once more: CRC-32 of the prompt, one in 32."""
    return zlib.crc32(prompt.encode()) & 31 == 0


def items_of(row, weight):
    """(prompt, answer) of each item in a training row, told apart by the weights alone."""
    starts = [*np.flatnonzero(row == 1), len(row)]
    for start, end in zip(starts, starts[1:]):
        item, asked = row[start + 1 : end].tobytes(), weight[start + 1 : end] > 0
        answer = bytes(byte for byte, yes in zip(item, asked) if yes)
        yield item[: int(np.argmax(asked))].decode(), answer.decode().rstrip("\n")


# Tasks


def test_no_training_row_has_a_held_out_prompt():
    made = rows.make_rows((600, 77))
    prompts = {prompt for row, weight in zip(*made) for prompt, _ in items_of(row, weight)}
    assert len(prompts) > 5000
    assert not [prompt for prompt in prompts if is_kept_back(prompt)]
    assert not prompts & {item["prompt"] for item in shipped()}


def test_training_rows_hold_whole_items():
    made = rows.make_rows((20, 5))
    for row, weight in zip(*made):
        for prompt, answer in items_of(row, weight):
            assert prompt and answer and row[0] == 1


def test_every_shipped_task_item_is_held_out():
    generated = [item for item in shipped() if item["domain"] != "calc"]
    assert {item["domain"] for item in generated} == set(tasks.TASKS) - set(tasks.AT_CEILING)
    assert len({(item["domain"], item["level"], item["prompt"]) for item in generated}) == len(generated)
    assert all(is_kept_back(item["prompt"]) for item in generated)


def test_shipped_items_are_the_ones_the_generator_makes():
    for task in (task for task in tasks.TASKS if task not in tasks.AT_CEILING):
        for level in range(tasks.LEVELS):
            had = [i for i in shipped() if i["domain"] == task and i["level"] == level]
            made = tasks.held_out_items(task, len(had), 1, level)
            assert [(item["prompt"], item["answer"]) for item in had] == made


def postfix(prompt):
    values = []
    for word in prompt.removeprefix("stack ").rstrip(":").split():
        if word.isdigit():
            values.append(word)
        else:
            right, left = values.pop(), values.pop()
            values.append(f"({left}{word}{right})")
    return " ".join(str(eval(value)) for value in values)


def time_of_day(prompt):
    hours, minutes, steps = re.fullmatch(r"(\d\d):(\d\d)((?:[+-]\d+h\d+)+)=", prompt).groups()
    total = 60 * int(hours) + int(minutes)
    for sign, h, m in re.findall(r"([+-])(\d+)h(\d+)", steps):
        total += (1 if sign == "+" else -1) * (60 * int(h) + int(m))
    return "%02d:%02d" % divmod(total % 1440, 60)


def in_both(prompt):
    first, second = (part.split() for part in prompt.rstrip("=").split("&"))
    return " ".join(sorted(set(first) & set(second), key=first.index)) or "none"


def counted(prompt):
    text, letters = prompt.rstrip("=").split()
    return ",".join(str(sum(letter == wanted for letter in text)) for wanted in letters)


def arithmetic(prompt):
    assert re.fullmatch(r"[-+*()\d]+=", prompt)
    return str(eval(prompt[:-1]))


def quotient(prompt):
    return "%dr%d" % divmod(*map(int, prompt.rstrip("=").split("/")))


# The others: "base" is read back below; "words" and "series" have no second way that is not the generator's own
SOLVE = {
    **dict.fromkeys(("add", "sub", "mul", "expr"), arithmetic),
    **{"div": quotient, "clock": time_of_day, "stack": postfix, "both": in_both, "count": counted},
}


@pytest.mark.parametrize("task", SOLVE)
def test_shipped_answers_are_right(task):
    items = [item for item in shipped() if item["domain"] == task]
    assert len(items) > 200
    for item in items:
        assert SOLVE[task](item["prompt"]) == item["answer"], item


def test_shipped_numbers_in_other_bases_are_right():
    for item in (item for item in shipped() if item["domain"] == "base"):
        number, to = re.fullmatch(r"(\d+) base (\d+)=", item["prompt"]).groups()
        assert int(item["answer"], int(to)) == int(number)
        assert item["answer"] == "0" or not item["answer"].startswith("0")


# Texts


def test_dropping_overlaps_drops_the_lines_that_share_text():
    draw = random.Random(3)
    lines = [bytes(draw.choices(b"abcdefgh ", k=80)) for _ in range(9)]
    held_out = b"x" * 30 + lines[4][10:70] + b"y" * 30
    kept, dropped = corpus.drop_overlaps([b"\n".join(lines)], [held_out])
    assert kept == [b"\n".join(lines[:4] + lines[5:])]
    assert dropped == len(lines[4]) + 1
    kept, dropped = corpus.drop_overlaps([b"\n".join(lines)], [lines[4][:49] + b"z"])
    assert (len(kept), dropped) == (1, 0)


@pytest.fixture(scope="module")
def built():
    """The corpus, rebuilt: most of the cost of this file, half a minute."""
    with pytest.MonkeyPatch.context() as patch:
        # The hashes of held-out text are asked for once for each domain: computed once, that is all.
        patch.setattr(corpus, "window_hashes", functools.lru_cache(None)(corpus.window_hashes))
        return corpus.build(PUBLIC)


def shared_strings(built):
    """{(domain, string of 50 bytes)} in both training and held-out text, with Python's own hash and sets."""
    size = 50
    held_out = [text for texts in built["held_out"].values() for text in texts]
    hashes = {hash(text[at : at + size]) for text in held_out for at in range(len(text) - size + 1)}
    maybe = [
        (domain, text[at : at + size])
        for domain, texts in built["train"].items()
        for text in texts
        for at in range(len(text) - size + 1)
        if hash(text[at : at + size]) in hashes
    ]
    return {(domain, part) for domain, part in maybe if any(part in text for text in held_out)}


@public
def test_training_and_held_out_text_share_no_long_string(built):
    assert sum(len(text) for texts in built["train"].values() for text in texts) > 15e6
    shared = shared_strings(built)
    # Known, and too late for the models that ship: where a line was dropped, its neighbours meet, and what they say
    # together can be in the held-out text: 51 bytes of "else:" and blanks in Python's library (of version 3.11).
    assert {domain for domain, _ in shared} <= {"python"}
    assert len(shared) <= 10
    assert all(b"\n" in part for _, part in shared)


@public
def test_rebuilt_corpus_is_the_one_of_the_recipes(built):
    # of other releases of Python, the library differs, and what overlaps with it
    for domain in set(corpus.SOURCES) - {"python", "code"}:
        assert sum(map(len, built["train"][domain])) == recipe_bytes(domain, "train_bytes")
        assert sum(map(len, built["held_out"][domain])) == recipe_bytes(domain, "held_out_bytes")


@public
def test_shipped_texts_are_held_out(built):
    texts = read(EVALUATION / "text.jsonl")
    assert {item["domain"] for item in texts} == {domain for domain, (_, ship) in corpus.SOURCES.items() if ship} - {"svamp"}
    for item in texts:
        if item["domain"] != "python":
            assert any(item["text"].encode() in text for text in built["held_out"][item["domain"]])


@public
def test_grade_school_questions_come_from_the_official_test_split(built):
    def plain(text):
        return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()

    questions = {
        part: {plain(json.loads(line)["question"]) for line in (PUBLIC / "benchmarks" / f"gsm8k-{part}.jsonl").open(encoding="utf-8")}
        for part in ("train", "test")
    }
    assert len(questions["test"]) == 1319

    def question(text):
        return plain(text.split("\nAnswer:")[0].removeprefix("Question: "))

    asked = [item for item in shipped() if item["domain"] == "calc"]
    assert len(asked) == 400
    assert {question(item["prompt"]) for item in asked} <= questions["test"]
    trained = {question(prompt) for prompt, _ in built["calc_train"]}
    assert trained <= questions["train"]
    assert not trained & questions["test"]
    everything = {question(text.decode()) for texts in built["train"].values() for text in texts if text.startswith(b"Question: ")}
    assert len(everything) > 7000
    assert not everything & questions["test"]


# Recipes


def test_the_two_models_differ_in_lost_answers_only():
    base, robust = recipe("wdmoe-lm-base"), recipe("wdmoe-lm-robust")
    same = set(base) - {"recipe", "losses", "log", "evaluation_while_training", "train_s", "total_s"}
    assert {"seed", "steps", "tokens", "corpus", "shape", "learning_rate", "batch_rows"} <= same
    assert set(base) == set(robust)
    assert {key: base[key] for key in same} == {key: robust[key] for key in same}
    assert base["corpus"]["crc32_of_training_text"] == robust["corpus"]["crc32_of_training_text"]
    assert base["losses"] == {"lost_share": 0, "lost_most": 0, "gone_share": 0, "lost_fixed": 0, "gone": -1}
    assert base["losses"] != robust["losses"]
