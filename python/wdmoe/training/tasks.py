# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Exact-answer tasks: generated, each with levels of difficulty, so that accuracy has room both ways.

An item is (prompt, answer); as a sequence it is BOS, prompt, answer, newline, all bytes. Items are held out by a hash
of their prompt, so training and evaluation cannot share one, whatever the seeds.
"""

import random
import string
import zlib

HELD_OUT = 32  # one prompt in so many is never trained on

NAMES = "Ann Ben Cal Dan Eve Fay Gus Hal Ida Joe Kim Lee May Ned Pam Ray Sue Tom Una Vic".split()
THINGS = "apples books cards coins eggs keys pens pears plums shells stamps stones".split()
LETTERS = string.ascii_lowercase


def is_held_out(prompt):
    """Whether an item may only be used for evaluation."""
    return zlib.crc32(prompt.encode()) % HELD_OUT == 0


def digits(rng, count):
    """A number of exactly so many digits."""
    return rng.randrange(10 ** (count - 1) if count > 1 else 0, 10**count)


def word(rng, length):
    return "".join(rng.choice(LETTERS) for _ in range(length))


def add(rng, level):
    """Sums of two or three numbers."""
    counts = ((2, 3), (4, 4), (2, 3, 3), (3, 4, 4))[level]
    terms = [digits(rng, rng.randint(2, count)) for count in counts]
    return "+".join(map(str, terms)) + "=", str(sum(terms))


def sub(rng, level):
    """A difference, often negative, then a second one."""
    numbers = [digits(rng, 2 + level // 2) for _ in range(2 + level % 2)]
    return "-".join(map(str, numbers)) + "=", str(numbers[0] - sum(numbers[1:]))


def mul(rng, level):
    """Products: 2x1, 3x1, 4x1 and 2x2 digits."""
    left, right = ((2, 1), (3, 1), (4, 1), (2, 2))[level]
    a, b = digits(rng, left), digits(rng, right)
    return f"{a}*{b}=", str(a * b)


def div(rng, level):
    """Quotient and remainder."""
    b = rng.randint(2, (9, 12, 15, 25)[level])
    a = digits(rng, (2, 3, 3, 3)[level])
    return f"{a}/{b}=", f"{a // b}r{a % b}"


def expr(rng, level):
    """Values of nested expressions."""

    def make(depth):
        if depth == 0:
            value = rng.randint(1, 9)
            return str(value), value
        left, a = make(depth - 1)
        right, b = make(0)
        sign = rng.choice("+-*" if abs(a) < 10 else "+-")
        return f"({left}{sign}{right})", {"+": a + b, "-": a - b, "*": a * b}[sign]

    parts = [make(depth) for depth in ((2, 0), (2, 1), (3, 1), (3, 2))[level]]
    sign = rng.choice("+-")
    value = parts[0][1] + parts[1][1] if sign == "+" else parts[0][1] - parts[1][1]
    return f"{parts[0][0]}{sign}{parts[1][0]}=", str(value)


def sort(rng, level):
    """Longer and longer lists of numbers to sort."""
    numbers = [rng.randint(0, 99) for _ in range((16, 24, 32, 40)[level])]
    return "sort " + ",".join(map(str, numbers)) + ":", ",".join(map(str, sorted(numbers)))


def recall(rng, level):
    """Longer and longer tables of which one entry is asked for."""
    count = (16, 26, 36, 46)[level]
    keys = rng.sample([a + b for a in LETTERS[:12] for b in LETTERS[:12]], count)
    table = {key: rng.randint(100, 999) for key in keys}
    asked = rng.choice(keys)
    return ",".join(f"{key}:{value}" for key, value in table.items()) + f";{asked}=", str(table[asked])


def words(rng, level):
    """Word problems of two to four steps."""
    name, thing = rng.choice(NAMES), rng.choice(THINGS)
    have = rng.randint(5, (20, 40, 40, 40)[level])
    text = [f"{name} has {have} {thing}."]
    for _ in range((2, 2, 3, 4)[level]):
        n, other = rng.randint(2, 20), rng.choice(NAMES)
        kind = rng.randrange(6)
        if kind == 0:
            text.append(f"{name} buys {n} more.")
            have += n
        elif kind == 1 and have > n:
            text.append(rng.choice((f"{name} gives {n} to {other}.", f"{name} loses {n}.")))
            have -= n
        elif kind == 2:
            bags, each = rng.randint(2, 5), rng.randint(2, 9)
            text.append(f"{other} brings {bags} bags of {each}.")
            have += bags * each
        elif kind == 3 and have % 2 == 0:
            text.append(f"{name} sells half of them.")
            have //= 2
        elif kind == 4 and have < 60:
            text.append(f"The next day {name} has twice as many.")
            have *= 2
        else:
            text.append(f"{name} finds {n}.")
            have += n
    return " ".join(text) + f" How many {thing}? ", str(have)


def clock(rng, level):
    """A time of day and a duration, at the highest level two."""
    minutes = rng.randrange(24 * 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    for _ in range(1 + (level == 3)):
        step = rng.randint(1, (60, 180, 720, 180)[level])
        sign = rng.choice("+-") if level else "+"
        text += f"{sign}{step // 60}h{step % 60}"
        minutes += step if sign == "+" else -step
    minutes %= 24 * 60
    return text + "=", f"{minutes // 60:02}:{minutes % 60:02}"


def base(rng, level):
    """Decimal numbers in another base."""
    number = rng.randrange((256, 1024, 1024, 1024)[level])
    to = rng.choice(((8, 16), (8, 16), (2, 4), (3, 5, 7))[level])
    text, rest = "", number
    while rest or not text:
        text = "0123456789abcdef"[rest % to] + text
        rest //= to
    return f"{number} base {to}=", text


def logic(rng, level):
    """Nested boolean expressions with variables."""

    def make(depth):
        if depth == 0:
            value = rng.random() < 0.5
            return "01"[value], value
        kind = rng.randrange(7)
        if kind == 0:
            text, value = make(depth - 1)
            return f"!{text}", not value
        (left, a), (right, b) = make(depth - 1), make(rng.randrange(depth))
        sign = "&|^"[kind % 3]
        return f"({left}{sign}{right})", {"&": a and b, "|": a or b, "^": a != b}[sign]

    parts = [make(depth) for depth in ((2, 2, 2), (3, 2, 3), (3, 3, 3), (4, 3, 3))[level]]
    return " ".join(text for text, _ in parts) + "=", "".join("01"[value] for _, value in parts)


def count(rng, level):
    """How often each of two letters is in a string."""
    letters = rng.sample(LETTERS, 5)
    text = "".join(rng.choice(letters) for _ in range((16, 24, 32, 36)[level]))
    a, b = rng.sample(letters, 2)
    return f"{text} {a}{b}=", f"{text.count(a)},{text.count(b)}"


def series(rng, level):
    """The next two numbers of a series."""
    a, b, c = rng.randint(1, 99), rng.randint(2, 40), rng.randint(2, 9)
    kind = rng.randrange(level + 1)
    numbers = [a]
    while len(numbers) < 6:
        step = len(numbers)
        if kind == 0:
            numbers.append(numbers[-1] + b)
        elif kind == 1:
            numbers.append(numbers[-1] + b + c * step)
        elif kind == 2:
            numbers.append(b if step == 1 else numbers[-1] + numbers[-2])
        else:
            numbers.append(2 * numbers[-1] - b)
    return ",".join(map(str, numbers[:4])) + ",", ",".join(map(str, numbers[4:]))


def stack(rng, level):
    """Postfix arithmetic."""
    text, values = [], []
    for _ in range((3, 5, 7, 8)[level]):
        if len(values) < 2 or (rng.random() < 0.5 and len(values) < 4):
            values.append(rng.randint(1, 9))
            text.append(str(values[-1]))
        else:
            b, a = values.pop(), values.pop()
            sign = rng.choice("+-*" if abs(a * b) < 200 else "+-")
            values.append({"+": a + b, "-": a - b, "*": a * b}[sign])
            text.append(sign)
    return "stack " + " ".join(text) + ":", " ".join(map(str, values))


def both(rng, level):
    """Words that are in both lists, in the order of the first."""
    count = (3, 4, 5, 6)[level]
    pool = [word(rng, 3) for _ in range(3 * count // 2)]
    first, second = rng.sample(pool, count), rng.sample(pool, count)
    common = [text for text in first if text in second]
    return f"{' '.join(first)} & {' '.join(second)}=", " ".join(common) or "none"


TASKS = {
    function.__name__: function
    for function in (
        *(add, sub, mul, div, expr, sort, recall),
        *(words, clock, base, logic, count, series, stack, both),
    )
}
LEVELS = 4

# Trained on, but not evaluated: wdmoe-lm-base makes no mistake in them, so that they could only get worse.
AT_CEILING = ("logic", "recall", "sort")


def make(task, rng, held_out, level=None):
    """One item of a task, from the held-out part or from the other one; its level is drawn where none is given."""
    while True:
        prompt, answer = TASKS[task](rng, rng.randrange(LEVELS) if level is None else level)
        if is_held_out(prompt) == held_out:
            return prompt, answer


def held_out_items(task, number, seed, level=None):
    """Different held-out items of a task, the same for the same seed."""
    rng = random.Random(f"{task} {level} {seed}")
    items = {}
    for _ in range(100 * number):
        prompt, answer = make(task, rng, True, level)
        items.setdefault(prompt, answer)
        if len(items) == number:
            break
    return list(items.items())
