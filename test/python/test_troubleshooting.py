# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Each message that doc/troubleshooting.rst quotes is one that the sources can print."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "doc" / "troubleshooting.rst"
SOURCES = (
    ("model", "*.cc"),
    ("model", "*.h"),
    ("helper", "*.cc"),
    ("examples", "*.cc"),
    ("python/wdmoe", "*.py"),
    ("cmake", "*.cmake"),
    (".", "CMakeLists.txt"),
    (".", "wdmoe"),
)
# The pieces of one message are so close to one another in the source, and in one statement.
REACH = 300
ENDS = re.compile(r"\); |raise |NS_ABORT_MSG|NS_FATAL_ERROR")


def join(text):
    """A source as its messages read: adjacent literals joined, also over << and +, f-prefixes and escapes away."""
    text = re.sub(r'"\s*(?:<<|\+|\\)?\s*f?"', "", text.replace('\\"', "'").replace("\\n", " "))
    return re.sub(r"\s+", " ", text.replace('"', "'"))


def messages():
    """The quoted messages: definition-list terms that are one literal each."""
    return re.findall(r"^``([^\n]+)``\n    \S", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def pieces(message):
    """What stands in it word for word."""
    message = re.sub(r"\s+", " ", message.replace('"', "'"))
    return [piece.strip(" '`") for piece in message.split("...") if len(piece.strip(" '`:;.,")) > 2]


def occurs(message, text):
    """Whether the message's pieces follow one another in a source, each within reach of the one before."""
    first, *others = [re.escape(piece) for piece in pieces(message)]
    for start in re.finditer(first, text):
        at = start.end()
        for piece in others:
            found = re.compile(piece).search(text, at, at + REACH)
            if not found or ENDS.search(text, at, found.start()):
                break
            at = found.end()
        else:
            return True
    return False


@pytest.fixture(scope="module")
def sources():
    files = {path for folder, name in SOURCES for path in (ROOT / folder).glob(name if folder == "." else f"**/{name}")}
    assert len(files) > 200
    return {path: join(path.read_text(encoding="utf-8")) for path in files}


def test_page_has_enough():
    found = messages()
    assert len(found) >= 25 and len(set(found)) == len(found)


@pytest.mark.parametrize("message", messages())
def test_message_is_printed(message, sources):
    assert sum(map(len, pieces(message))) >= 12, "too little of it is word for word"
    assert any(occurs(message, text) for text in sources.values()), f"no source prints: {message}"


def test_what_is_not_printed_is_found_out(sources):
    mixed = "WdmoeLteRadio: device ... already; give each cell another Network"
    for wrong in ("--rbs is ...; expects", "WdmoeLteRadio: not attached at", mixed):
        assert not any(occurs(wrong, text) for text in sources.values())
