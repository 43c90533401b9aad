# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""`wdmoe trace`: a run as a trace to look at in ui.perfetto.dev or chrome://tracing.

The format is the JSON object of "Trace Event Format": complete events ("X") on tracks, counters ("C"), and metadata
("M") that name them; times in us of simulated time. A process is one policy; its threads are tracks: requests, blocks,
and for each device downlink, compute and uplink. What overlaps on a track goes on a further one of the same name.
"""

import heapq
import json
import math
import os
import sys
from pathlib import Path

from wdmoe import frames
from wdmoe.plot._data import choose
from wdmoe.scenarios import shorten

STAGES = ("downlink", "compute", "uplink")
SPREAD = 1000  # numbers of threads that each track has for what overlaps on it


def lanes(starts, ends):
    """The lane of each span, in order of begin: the lowest one that is free, so that spans of a lane never overlap."""
    busy, free, given, count = [], [], [], 0
    for start, end in zip(starts, ends):
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, count = count, count + 1
        given.append(lane)
        heapq.heappush(busy, (end, lane))
    return given


def us(seconds):
    """Microseconds with the ns that the simulation counts."""
    return round(1e6 * seconds, 3)


class Writer:
    """Events of one process, one line each."""

    def __init__(self, file, process, name):
        self.write = file.write
        self.process = process
        if process > 1:
            self.write(",\n")
        self.write(f'{{"ph":"M","pid":{process},"tid":0,"name":"process_name","args":{{"name":{json.dumps(name)}}}}}')
        self.metadata(0, "process_sort_index", {"sort_index": process})

    def metadata(self, thread, name, values):
        self.write(f',\n{{"ph":"M","pid":{self.process},"tid":{thread},"name":"{name}","args":{json.dumps(values)}}}')

    def track(self, number, name, spans):
        """`spans` of (start, end, name, arguments as JSON), s; on as many threads as overlap."""
        spans = sorted(((us(start), us(end), *rest) for start, end, *rest in spans), key=lambda span: span[:2])
        given = lanes([span[0] for span in spans], [span[1] for span in spans])
        for lane in range(max(given, default=0) + 1):
            thread = SPREAD * number + lane
            self.metadata(thread, "thread_name", {"name": name if lane == 0 else f"{name} ({lane + 1})"})
            self.metadata(thread, "thread_sort_index", {"sort_index": thread})
        first = f'"pid":{self.process},"tid":'
        self.write(
            "".join(
                f',\n{{"ph":"X",{first}{SPREAD * number + lane},"cat":{json.dumps(name.partition(" ")[0])},'
                f'"name":{json.dumps(what)},"ts":{start:.3f},"dur":{end - start:.3f},"args":{arguments}}}'
                for (start, end, what, arguments), lane in zip(spans, given)
            )
        )

    def counter(self, name, time, values):
        self.write(
            f',\n{{"ph":"C","pid":{self.process},"tid":0,"name":{json.dumps(name)},"ts":{us(time):.3f},'
            f'"args":{json.dumps(values)}}}'
        )


def arguments(row, columns):
    """Of a row of a frame, as JSON; without what is not known."""
    values = {name: getattr(row, name) for name in columns}
    return json.dumps(
        {name: value for name, value in values.items() if value == value and value is not None}, default=float
    )


def span_of_requests(requests):
    known = ("prompt_tokens", "output_tokens", "ttft_s", "tpot_s", "gate_mass_kept")
    for row in requests.itertuples(index=False):
        said = arguments(row, known)
        if row.start_s > row.arrival_s:
            yield row.arrival_s, row.start_s, f"request {row.request} waits", said
        yield row.start_s, row.end_s, f"request {row.request}", said


def span_of_blocks(blocks):
    known = ("tokens", "predicted_s", "pairs_routed", "pairs_missing", "gate_mass_kept")
    known += ("bytes_downlink", "bytes_uplink")
    for row in blocks.rename(columns={"pass": "pass_"}).itertuples(index=False):  # a word of Python's own
        yield (
            row.start_s,
            row.start_s + row.latency_s,
            f"request {row.request} pass {row.pass_} block {row.block}",
            arguments(row, known),
        )


def span_of_stage(pieces, stage):
    """Of one device's micro-batches. A start that the radio does not tell is the earliest that it can have been."""
    before = STAGES[STAGES.index(stage) - 1] if stage != STAGES[0] else None
    ready = pieces[f"measured_{before}_end_s"] if before else [0.0] * len(pieces)
    rows = zip(
        *(pieces[name] for name in ("start_s", "request", "pass", "block", "piece", "tokens")),
        *(pieces[f"measured_{stage}_{side}_s"] for side in ("start", "end")),
        ready,
    )
    last = -math.inf
    for sent, request, number, block, piece, tokens, start, end, free in rows:
        if not math.isfinite(end):
            continue  # not answered
        known = math.isfinite(start)
        # not before the device's batch or answer was there, nor before the one ahead of it had passed
        start = sent + (start if known else min(max(free, last - sent), end))
        last = sent + end
        said = f'{{"tokens":{tokens},"piece":{piece}' + ("}" if known else ',"start_known":false}')
        yield start, last, f"request {request} pass {number} block {block}", said


def write_shares(writer, shares, blocks):
    """Counters of granted shares: set where a block begins, 0 where it ends and no other is in flight."""
    flights = sorted((us(start), us(start + latency)) for start, latency in zip(blocks["start_s"], blocks["latency_s"]))
    for side in ("downlink", "uplink"):
        value = f"granted_{side}_share"
        table = shares.pivot(index=["time_s", "request", "pass", "block"], columns="device", values=value)
        names = [f"device {device}" for device in table.columns]
        events = [
            (key[0], dict(zip(names, (round(value, 6) for value in row))))
            for key, row in zip(table.index, table.fillna(0).to_numpy().tolist())
        ]
        nothing = dict.fromkeys(names, 0)
        until = -math.inf
        for (start, end), following in zip(flights, [*flights[1:], (math.inf, math.inf)]):
            until = max(until, end)
            if until < following[0]:
                events.append((1e-6 * until, nothing))
        for time, values in sorted(events, key=lambda event: event[0]):
            writer.counter(f"granted {side} share", time, values)


def write_policy(writer, found, policy, run):
    """All tracks of one policy in one run."""

    def rows(name):
        table = getattr(found, name)
        return table[(table["policy"] == policy) & (table["run"] == run)]

    writer.track(1, "requests", span_of_requests(rows("requests")))
    blocks = rows("blocks")
    writer.track(2, "blocks", span_of_blocks(blocks))
    if "schedule" in found.tables:
        pieces = rows("schedule").sort_values(["start_s", "piece"], kind="stable")
        for device, part in pieces.groupby("device"):
            for index, stage in enumerate(STAGES):
                writer.track(10 + 3 * int(device) + index, f"device {device} {stage}", span_of_stage(part, stage))
    shares = rows("shares")
    if len(shares):
        write_shares(writer, shares, blocks)


def write(folder, output=None, policies=None, run=None):
    """Writes the trace of the results in `folder`, of one run (the first), and returns its path; by itself
    FOLDER/trace.json. Of several jobs one must be chosen: the folder of that job.

    Errors as of wdmoe.load, and OSError where it cannot be written.
    """
    found = folder if isinstance(folder, frames.Results) else frames.load(folder)
    if found.jobs:
        raise ValueError(f"{found.folder} holds several jobs; choose one: {found.folder / next(iter(found.jobs))}")
    run = found.runs[0] if run is None else choose("run", run, found.runs)
    for policy in policies or ():
        choose("policy", policy, found.policies)
    path = Path(output) if output else found.folder / "trace.json"
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder, in which the trace would be")
    for table in found.tables:
        getattr(found, table)  # before anything is written
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "w", encoding="utf-8") as file:
            about = {"scenario": found.scenario, "radio": found.radio, "RngRun": run}
            file.write(f'{{"displayTimeUnit":"ms","otherData":{json.dumps(about)},"traceEvents":[\n')
            served = found.summaries[run]["policies"]
            for number, policy in enumerate(policy for policy in served if not policies or policy in policies):
                write_policy(Writer(file, number + 1, shorten(policy)), found, policy, run)
            file.write("\n]}\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def main(folder, output, policies, run):
    """The command; its exit status."""
    try:
        print(f"trace: {write(folder, output, policies, run)} (open it in ui.perfetto.dev)")
    except (OSError, ValueError) as error:
        print(f"wdmoe trace: {frames.explain(error)}", file=sys.stderr)
        return 1
    return 0
