# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What Wireshark shows of runs over each radio, read by tshark with tools/wireshark/wdmoe.lua, against the results."""

import csv
import json
import shutil
import struct
import subprocess
import zlib
from collections import Counter
from pathlib import Path

import pytest

from wdmoe import scenarios

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "wireshark" / "wdmoe.lua"
HELLO, BATCH, ANSWER = "1", "2", "3"
JOB = ["--requests=1", "--blocks=2", "--maxPromptTokens=8", "--maxOutputTokens=2"]
LOSS = "topk-equal:radio.CoreLoss=0.03"
TCP = "--transport=ns3::WdmoeTcpTransport"

# Name of a capture: scenario, options, and which file it is.
CAPTURES = {
    "ideal": ("ideal", JOB, "server-ideal"),
    "lte": ("lte", JOB, "server-p2p"),
    "lte-s1u": ("lte", JOB, "enb-p2p"),
    "lte-lossy": ("lte", [*JOB, f"--policies={LOSS}"], "server-p2p"),
    "wifi": ("wifi", JOB, "server-wifi"),
    "csma": ("testbed", [*JOB, "--radio=paced", "--medium=csma"], "server-csma"),
    "p2p": ("testbed", [*JOB, "--radio=paced", "--medium=p2p"], "server-p2p"),
    "ideal-tcp": ("ideal", [*JOB, TCP], "server-ideal"),
    "lte-tcp": ("lte", [*JOB, TCP], "server-p2p"),
    "lte-tcp-lossy": ("lte", [*JOB, TCP, f"--policies={LOSS}"], "server-p2p"),
    "wifi-tcp": ("wifi", [*JOB, TCP], "server-wifi"),
    "deadline": ("ideal", ["--requests=1", "--blocks=2", "--deadline=8"], "server-ideal"),
    "real": ("ideal", ["--model=wdmoe-lm-base", "--requests=1"], "server-ideal"),
}


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """Call it with the name of a capture: (the file, folder of the results, the policy)."""
    if not shutil.which("tshark"):
        pytest.skip("no tshark; apt-get install tshark")
    folder = tmp_path_factory.mktemp("captures")
    done = {}

    def run(name):
        scenario, options, file = CAPTURES[name]
        if scenario not in scenarios.find_programs():
            pytest.skip(f"no wdmoe-{scenario}, neither in WDMOE_BIN nor in the package")
        key = (scenario, *options)
        out = done.setdefault(key, folder / str(len(done)))
        policy = LOSS if f"--policies={LOSS}" in options else "topk-equal"
        if not out.exists():
            command = [*scenarios.command_line(scenario), f"--policies={policy}", *options, f"--out={out}", "--pcap"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (found,) = (out / "packets").glob(f"*-{file}.pcap")
        return found, out, policy

    return run


def tshark(path, *options):
    done = subprocess.run(
        ["tshark", "-X", f"lua_script:{SCRIPT}", "-r", str(path), *options],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Lua" not in done.stderr, done.stderr
    return done.stdout


def messages(path, *names, options=()):
    """One dictionary for each message, in order, of the fields wdmoe.NAME and the frame's number and time."""
    columns = ["frame.number", "frame.time_relative", *(f"wdmoe.{name}" for name in ("type", "batch", *names))]
    arguments = [part for column in columns for part in ("-e", column)]
    wanted = "wdmoe.type"
    text = tshark(path, "-Y", wanted, "-T", "fields", "-E", "separator=;", *arguments, *options)
    found = []
    for line in text.splitlines():
        cells = [cell.split(",") for cell in line.split(";")]
        count = len(cells[2])  # messages in this frame: TCP may end several
        for at in range(count):
            found.append({column: cell[at] if len(cell) == count else cell[0] for column, cell in zip(columns, cells)})
    return found


def frames(path, wanted, *options):
    return [line for line in tshark(path, "-Y", wanted, *options).splitlines() if line]


def read_summary(out, policy):
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))["policies"][policy]


def read_pieces(out):
    with open(out / "schedule.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# What Wireshark says of ns-3's radiotap header of HE MU frames, which is the same over any application.
RADIOTAP = "Radiotap data goes past the end of the radiotap header"
# And of TCP's segments that were sent again.
OUT_OF_ORDER = "This frame is a (suspected) out-of-order segment"

# Only TCP that lost segments needs to be told that they may come late.
LATE = ("-o", "tcp.reassemble_out_of_order:TRUE")


@pytest.mark.parametrize("name", [name for name in CAPTURES if name != "deadline"])
def test_all_messages_are_there(captured, name):
    path, out, policy = captured(name)
    options = LATE if name == "lte-tcp-lossy" else ()
    found = messages(path, "length", "tokens", "dtype", options=options)
    pieces = read_pieces(out)
    counts = Counter(message["wdmoe.type"] for message in found)
    devices = len({message["wdmoe.batch"] for message in found if message["wdmoe.type"] == BATCH})
    assert devices == counts[BATCH] == counts[ANSWER] == len(pieces)
    assert counts[HELLO] >= 4 and set(counts) == {HELLO, BATCH, ANSWER}
    summary = read_summary(out, policy)
    for kind, total in ((BATCH, summary["bytes_downlink"]), (ANSWER, summary["bytes_uplink"])):
        of_kind = [message for message in found if message["wdmoe.type"] == kind]
        assert sum(64 + int(message["wdmoe.length"]) for message in of_kind) == total
        assert sum(int(message["wdmoe.tokens"]) for message in of_kind) == sum(int(p["tokens"]) for p in pieces)
        assert {message["wdmoe.dtype"] for message in of_kind} == {"2" if name == "real" else "0"}
    wanted = "wdmoe and (_ws.malformed or _ws.expert.severity >= 0x00600000)"
    wrong = set(frames(path, wanted, "-T", "fields", "-E", "occurrence=a", "-e", "_ws.expert.message", *options))
    assert wrong <= ({OUT_OF_ORDER} if name == "lte-tcp-lossy" else {RADIOTAP} if "wifi" in name else set())
    assert not frames(path, "wdmoe.checksum.status == 0 or wdmoe.chunk.checksum.status == 0", *options)
    assert not frames(path, "wdmoe.unanswered or wdmoe.incomplete", "-2", *options)


@pytest.mark.parametrize("name", ["lte", "lte-lossy", "wifi", "lte-tcp"])
def test_batches_and_answers_know_each_other(captured, name):
    path, _, _ = captured(name)
    found = messages(path, "answer_in", "answer_to", "latency", options=["-2"])
    by_kind = {kind: [m for m in found if m["wdmoe.type"] == kind] for kind in (BATCH, ANSWER)}
    batches = {m["wdmoe.batch"]: m for m in by_kind[BATCH]}
    for answer in by_kind[ANSWER]:
        batch = batches[answer["wdmoe.batch"]]
        assert batch["wdmoe.answer_in"] == answer["frame.number"]
        assert answer["wdmoe.answer_to"] == batch["frame.number"]
        times = [float(m["frame.time_relative"]) for m in (batch, answer)]
        assert float(answer["wdmoe.latency"]) == pytest.approx(times[1] - times[0], abs=2e-6)
        assert float(answer["wdmoe.latency"]) > 0


@pytest.mark.parametrize("name", ["ideal", "lte", "csma"])
def test_times_of_the_stages_are_those_of_the_results(captured, name):
    path, out, _ = captured(name)
    found = messages(path, "device", "downlink_time", "uplink_time", "queue", "compute")
    measured, shown = {}, {}
    for piece in read_pieces(out):
        end = float(piece["start_s"]) + float(piece["measured_uplink_end_s"])
        measured.setdefault(piece["device"], []).append((end, piece))
    for answer in (m for m in found if m["wdmoe.type"] == ANSWER):
        shown.setdefault(answer["wdmoe.device"], []).append(answer)
    assert set(measured) == set(shown)
    for device, answers in shown.items():
        pieces = [piece for _, piece in sorted(measured[device], key=lambda pair: pair[0])]
        assert len(pieces) == len(answers)
        for piece, answer in zip(pieces, answers):
            compute = float(answer["wdmoe.compute"]) * 1e-9
            busy = float(piece["measured_compute_end_s"]) - float(piece["measured_compute_start_s"])
            assert compute == pytest.approx(busy, abs=2e-6)
            # the capture is at the server, where the results were measured: to the microsecond of a pcap file and
            # the time of a packet on the server's link
            downlink = float(answer["wdmoe.downlink_time"])
            waited = float(piece["measured_downlink_end_s"]) - downlink
            if name == "csma":  # a paced link holds packets back before they are on it
                assert waited > -1e-4
                continue
            assert abs(waited) < 1e-4
            whole = downlink + float(answer["wdmoe.queue"]) * 1e-6 + compute + float(answer["wdmoe.uplink_time"])
            assert whole == pytest.approx(float(piece["measured_uplink_end_s"]), abs=1e-4)


def test_routing_table_and_activations(captured):
    path, _, _ = captured("real")
    text = tshark(path, "-Y", f"wdmoe.type == {BATCH}", "-T", "json")
    for frame in json.loads(text):
        layers = frame["_source"]["layers"]["wdmoe"]
        message = layers[-1] if isinstance(layers, list) else layers
        assert int(message["wdmoe.table_tree"]["wdmoe.table.experts"]) >= 1
    found = messages(path, "tokens", "length")
    for batch in (m for m in found if m["wdmoe.type"] == BATCH):
        assert int(batch["wdmoe.length"]) > int(batch["wdmoe.tokens"])


def test_chunks_and_their_acknowledgements(captured):
    path, _, _ = captured("lte-lossy")
    assert frames(path, "wdmoe.again"), "chunks were lost, so some are sent again"
    assert frames(path, "wdmoe.chunk.beyond"), "and there are gaps"
    rows = tshark(path, "-2", "-Y", "wdmoe.chunk.ack_to", "-T", "fields", "-e", "frame.number", "-e", "wdmoe.chunk.ack_to",
                  "-e", "frame.time_relative", "-e", "wdmoe.chunk.rtt").splitlines()
    sent = dict(
        line.split("\t")
        for line in tshark(path, "-Y", "wdmoe.chunk.kind == 1", "-T", "fields", "-e", "frame.number", "-e",
                           "frame.time_relative").splitlines()
    )
    assert len(rows) > 50
    for row in rows:
        number, chunk, time, rtt = row.split("\t")
        assert int(chunk) < int(number)
        if rtt:
            assert float(rtt) == pytest.approx(float(time) - float(sent[chunk]), abs=2e-6)


def test_gtp_carries_the_same(captured):
    server, s1u = captured("lte")[0], captured("lte-s1u")[0]
    assert len(frames(s1u, "gtp and wdmoe")) == len(frames(server, "wdmoe")) > 100
    assert not frames(server, "gtp")


@pytest.mark.parametrize("name", ["ideal", "ideal-tcp", "wifi"])
def test_found_without_the_port(captured, name):
    path, _, _ = captured(name)
    options = ["-o", "wdmoe.port:0", "-o", "tcp.try_heuristic_first:TRUE"]
    assert Counter(m["wdmoe.type"] for m in messages(path, options=options)) == Counter(
        m["wdmoe.type"] for m in messages(path)
    )


def read_pcap(path):
    """(global header, [(record header, bytes)]) of a pcap file in this machine's byte order."""
    data = path.read_bytes()
    records, at = [], 24
    while at < len(data):
        size = struct.unpack_from("=I", data, at + 8)[0]
        records.append((data[at : at + 16], bytearray(data[at + 16 : at + 16 + size])))
        at += 16 + size
    return data[:24], records


def write_pcap(path, head, records):
    path.write_bytes(head + b"".join(header + bytes(data) for header, data in records))
    return path


@pytest.mark.parametrize(
    "magic, offset, wanted",
    [
        (b"WDME", 20, "wdmoe.bad_checksum"),  # the block, in a message's header
        (b"WDME", 63, "wdmoe.bad_checksum"),  # the checksum itself
        (b"WDME", 4, "wdmoe.bad_version"),
        (b"WDME", 0, "wdmoe.bad_magic"),
        (b"WC\x01\x01", 9, "wdmoe.bad_checksum"),  # the number of the message, in a chunk's header
        (b"WC\x01\x01", 2, "wdmoe.bad_version"),
        (b"WC\x01\x01", 0, "wdmoe.bad_magic"),
        (b"WC\x01\x01", 23, "wdmoe.bad_checksum"),  # the bytes of the message
        (b"WC\x01\x01", 6, "wdmoe.bad_length"),  # the bytes of a chunk
    ],
)
def test_damage_is_shown(captured, tmp_path, magic, offset, wanted):
    path, _, _ = captured("ideal")
    assert not frames(path, wanted)
    head, records = read_pcap(path)
    number, data = next((i, data) for i, (_, data) in enumerate(records) if i > 40 and magic in data)
    data[data.index(magic) + offset] ^= 0x40
    damaged = write_pcap(tmp_path / "damaged.pcap", head, records)
    shown = tshark(damaged, "-Y", wanted, "-T", "fields", "-e", "frame.number").split()
    if magic == b"WDME":  # shown where the message is whole
        assert len(shown) == 1 and int(shown[0]) >= number + 1
    else:
        assert shown == [str(number + 1)]


def test_damage_of_tcp_is_shown(captured, tmp_path):
    path, _, _ = captured("ideal-tcp")
    head, records = read_pcap(path)
    data = next(data for i, (_, data) in enumerate(records) if i > 80 and b"WDME" in data)
    data[data.index(b"WDME") + 20] ^= 1
    assert len(frames(write_pcap(tmp_path / "damaged.pcap", head, records), "wdmoe.bad_checksum")) == 1


def encode_message(kind, payload=b"", request=0, block=0, batch=0, device=0, tokens=0, position=0):
    """A message, byte by byte as doc/wdmoe.rst has it."""
    head = struct.pack(">IBBBBI", 0x57444D45, 1, kind, 0, 0, len(payload))
    head += struct.pack(">QIIIIIIQQ", request, block, batch, device, tokens, position, 0, 0, 0)
    return head + struct.pack(">I", zlib.crc32(head)) + payload


def encode_chunk(number, index, whole, size=1400, attempt=1):
    head = struct.pack(">HBBBBHQII", 0x5743, 1, 1, 1, attempt, size, number, index, len(whole))
    return head + struct.pack(">I", zlib.crc32(head)) + whole[index * size : (index + 1) * size]


def encode_datagram(down, data):
    ends = (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    ports = (5500, 49153)
    udp = struct.pack(">HHHH", ports[not down], ports[down], 8 + len(data), 0) + data
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    return head + ends[not down] + ends[down] + udp


def test_weights_as_documented(tmp_path):
    """Moving an expert takes longer than a test may run, so the messages are made here, from the documentation."""
    if not shutil.which("tshark"):
        pytest.skip("no tshark; apt-get install tshark")
    weights = encode_message(5, bytes(2000), request=7, block=2, batch=3, device=1, tokens=10, position=5)
    placed = encode_message(6, request=7, block=2, batch=3, device=1, tokens=10, position=5)
    datagrams = [
        (0.0, True, encode_chunk(1, 1, weights)),  # out of order
        (0.2, True, encode_chunk(1, 0, weights)),
        (0.5, False, encode_chunk(9, 0, placed)),
    ]
    records = []
    for at, down, data in datagrams:
        packet = encode_datagram(down, data)
        records.append((struct.pack("=IIII", 0, int(at * 1e6), len(packet), len(packet)), packet))
    path = write_pcap(tmp_path / "moved.pcap", struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101), records)
    first, second = messages(path, "request", "block", "position", "tokens", "length", "transfer", "answer_in", "answer_to",
                             "latency", options=["-2"])
    assert (first["frame.number"], second["frame.number"]) == ("2", "3")
    for message in (first, second):
        shown = [message[f"wdmoe.{name}"] for name in ("request", "block", "batch", "position", "tokens")]
        assert shown == ["7", "2", "3", "5", "10"]
    assert (first["wdmoe.length"], second["wdmoe.length"]) == ("2000", "0")
    assert float(first["wdmoe.transfer"]) == pytest.approx(0.2)
    assert first["wdmoe.answer_in"] == "3" and second["wdmoe.answer_to"] == "2"
    assert float(second["wdmoe.latency"]) == pytest.approx(0.3)
    lines = tshark(path).splitlines()
    assert "WEIGHTS expert 5 of block 2, piece 3 of 10" in lines[1] and "PLACED expert 5" in lines[2]
    assert not frames(path, "_ws.expert.severity >= 0x00600000", "-2")


def test_what_is_not_waited_for(captured):
    path, _, _ = captured("deadline")
    cancelled = {m["wdmoe.batch"] for m in messages(path) if m["wdmoe.type"] == "4"}
    assert cancelled
    unanswered = tshark(path, "-2", "-Y", "wdmoe.unanswered", "-T", "fields", "-e", "wdmoe.batch").split()
    assert unanswered and set(unanswered) <= cancelled


def test_a_capture_that_begins_late(captured, tmp_path):
    path, _, _ = captured("ideal")
    head, records = read_pcap(path)
    late = write_pcap(tmp_path / "late.pcap", head, records[len(records) // 4 + 5 :])
    assert frames(late, "wdmoe.incomplete", "-2")
    assert not frames(late, "_ws.malformed or _ws.lua.error")


@pytest.mark.parametrize("name", ["ideal", "lte-s1u", "ideal-tcp", "wifi"])
@pytest.mark.parametrize("how", [("-s", "90"), ("-E", "0.02", "--seed", "7")])
def test_never_falls_over(captured, tmp_path, name, how):
    """Records cut short, or with bytes changed at random."""
    if not shutil.which("editcap"):
        pytest.skip("no editcap; apt-get install wireshark-common")
    path, _, _ = captured(name)
    subprocess.run(["editcap", *how, str(path), str(tmp_path / "x.pcap")], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    for passes in ((), ("-2",)):
        text = tshark(tmp_path / "x.pcap", "-V", "-O", "wdmoe", *passes)
        assert "Lua Error" not in text, text[text.index("Lua Error") :][:500]
        assert "Wireless" in text or "WDMoE" in text


def test_files_of_a_comparison(captured, tmp_path, command):
    captured("ideal")  # or skip
    out = tmp_path / "out"
    job = ["run", "ideal", *JOB, "--out", out]
    assert command(*job, "--policy=topk-equal,wdmoe", "--pcap", "--flowMonitor", "--netAnim") == 0
    names = {path.name for path in (out / "packets").iterdir()}
    for policy in ("topk-equal", "wdmoe"):
        assert {f"{policy}-{name}" for name in ("server-ideal.pcap", "device-7-ideal.pcap", "flows.xml",
                                                "animation.xml")} <= names
        flows = read_summary(out, policy)["flows"]
        path = out / "packets" / f"{policy}-server-ideal.pcap"
        rows = tshark(path, "-T", "fields", "-e", "udp.srcport", "-e", "ip.len").splitlines()
        sizes = [(port == "5500", int(size)) for port, size in (row.split("\t") for row in rows)]
        for down, side in ((True, "tx"), (False, "rx")):
            of = [flow for flow in flows if (flow["direction"] == "downlink") == down]
            assert sum(flow[f"{side}_packets"] for flow in of) == sum(way == down for way, _ in sizes)
            assert sum(flow[f"{side}_bytes"] for flow in of) == sum(size for way, size in sizes if way == down)
    note = out / "packets" / "notes.txt"
    note.write_text("mine")
    assert command(*job, "--policy=topk-equal") == 0  # earlier files go, others stay
    assert list((out / "packets").iterdir()) == [note]


def test_no_folder_is_told(captured):
    captured("ideal")
    line = [*scenarios.command_line("ideal"), *JOB, "--policies=topk-equal", "--flowMonitor"]
    done = subprocess.run(line, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode != 0 and "--out is empty; expected a folder" in done.stdout
