# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""Writes the seeds of the fuzz targets, fuzz/corpus/TARGET/: real data, cut down, and good messages.

Inputs that once made a target fail are kept beside them, as crash-*; this script leaves them alone.
"""

import json
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"


def write(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def head(path, lines):
    with open(DATA / path, encoding="utf-8") as file:
        return "".join(line for line, _ in zip(file, range(lines)))


def without_prose(value):
    """Sources and comments say much, and are not read."""
    if isinstance(value, dict):
        return {
            key: "s" if key in ("source", "comment", "licence") and isinstance(inner, str) else without_prose(inner)
            for key, inner in value.items()
        }
    return [without_prose(inner) for inner in value] if isinstance(value, list) else value


def compact(value):
    return json.dumps(without_prose(value), separators=(",", ":"))


def message(kind=1, dtype=0, answer=0, length=0, request=0, payload=b"", **fields):
    """A message: header (see model/app/wdmoe-header.h) and payload."""
    names = ("block", "batch", "device", "tokens", "position", "queue")
    numbers = [fields.get(name, 0) for name in names]
    start = struct.pack(">IBBBB", 0x57444D45, 1, kind, dtype, answer)
    rest = struct.pack(">IQ6IQQ", length, request, *numbers, fields.get("compute", 0), fields.get("received", 0))
    head_bytes = start + rest
    assert len(head_bytes) == 60, len(head_bytes)
    return head_bytes + struct.pack(">I", zlib.crc32(head_bytes)) + payload


def chunk(kind=1, flags=0, attempt=1, size=1400, number=0, index=0, total=64, bitmap=b"", payload=b""):
    """A datagram: header of a chunk (see model/app/wdmoe-udp-transport.h) and its bytes."""
    start = struct.pack(">HBBBBHQII", 0x5743, 1, kind, flags, attempt, size, number, index, total)
    return start + struct.pack(">I", zlib.crc32(start + bitmap)) + bitmap + payload


def step(what, datagram):
    return bytes([what, len(datagram) & 255, len(datagram) >> 8]) + datagram


def main():
    write("gate-log", "words.csv", head("gates/wdmoe-lm-base-words.csv", 8))
    write("request-trace", "conv.csv", head("requests/azure-2023-conv-excerpt.csv", 8))
    write("request-trace", "code.csv", head("requests/azure-2023-code-excerpt.csv", 4))

    counts = json.loads((DATA / "gates/mixtral-8x7b-counts.json").read_text())
    counts["domains"] = dict(list(counts["domains"].items())[:1])
    write("gate-counts", "mixtral.json", compact(counts))
    presets = json.loads((DATA / "gates/fits.json").read_text())["presets"]
    write("gate-fit", "preset.json", compact({"presets": {"a": next(iter(presets.values()))}}))
    devices = json.loads((DATA / "devices.json").read_text())["devices"]
    for name, device in list(devices.items())[:3]:
        write("device-profile", f"{name}.json", compact({"devices": {"a": device}}))
    for name in ("mixtral-8x7b", "deepseek-v2-lite", "olmoe-1b-7b"):
        write("model-description", f"{name}.json", compact(json.loads((DATA / f"models/{name}.json").read_text())))

    write("evaluation-items", "tasks.jsonl", head("evaluation/tasks.jsonl", 3))
    items = [json.loads(line) for line in head("evaluation/text.jsonl", 2).splitlines()]
    for item in items:
        for key, value in item.items():
            item[key] = value[:30] if isinstance(value, str) else value
    write("evaluation-items", "text.jsonl", "".join(json.dumps(item) + "\n" for item in items))

    similar = {"format": "wdmoe-similarity-1", "model": "m", "source": "s", "experts": 2}
    similar["blocks"] = [{"pairs": [3, 4], "cosine": [[1, 0.2], [0.2, 1]], "relative_distance": [[0, 1.5], [1.5, 0]]}]
    write("similarity", "two.json", json.dumps(similar))

    config = json.loads((DATA / "models/wdmoe-lm-base/config.json").read_text())
    write("checkpoint", "config", b"c" + compact(config).encode())
    header = {"a": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    write("checkpoint", "tensors", b"t" + struct.pack("<Q", len(text)) + text + bytes(8))

    batch = message(kind=2, length=10, request=3, batch=1, tokens=1, payload=struct.pack(">HHI", 1, 2, 1) + b"xy")
    ack = chunk(kind=2, size=1, index=0, total=1, bitmap=b"\x01")
    write("message-headers", "hello", bytes([0]) + message())
    write("message-headers", "batch", bytes([4]) + batch)
    write("message-headers", "table", bytes([1]) + struct.pack(">HHIHI", 2, 1, 5, 3, 7))
    write("message-headers", "data", bytes([2]) + chunk(payload=message()))
    write("message-headers", "ack", bytes([3]) + ack)

    whole = chunk(flags=1, total=len(batch), payload=batch)
    parts = [chunk(size=64, number=1, index=i, total=len(batch), payload=batch[64 * i :][:64]) for i in range(2)]
    write("udp-transport", "whole", step(0, whole) + step(16, whole))
    write("udp-transport", "parts", step(0, parts[1]) + step(17, parts[0]) + step(1, parts[0]))
    answered = chunk(kind=2, size=0, index=1, total=0)
    write("udp-transport", "answered", step(0, whole) + step(2, b"payload") + step(16, answered) + step(16, ack))

    write("tcp-transport", "two", step(0, message() + batch))
    write("tcp-transport", "cut", step(0, batch[:30]) + step(0, batch[30:70]) + step(16, batch[70:]))
    write("tcp-transport", "again", step(1, message()) + step(6, batch) + step(8, b"payload") + step(2, message()))


if __name__ == "__main__":
    main()
