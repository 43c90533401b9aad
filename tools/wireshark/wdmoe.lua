-- Copyright (c) 2026 The WDMoE for ns-3 authors
--
-- SPDX-License-Identifier: GPL-2.0-only

-- Wireshark dissector of the wire protocol of WDMoE (doc/wdmoe.rst, "Wire protocol"; doc/packets.rst).
--
--     tshark -X lua_script:tools/wireshark/wdmoe.lua -r results/lte/packets/wdmoe-server-p2p.pcap -Y wdmoe
--
-- or copy it into the folder of personal Lua plugins (Help, About Wireshark, Folders).

local wdmoe = Proto("wdmoe", "Wireless Distributed Mixture of Experts")

-- The layout

local MAGIC = 0x57444d45 -- "WDME"
local CHUNK_MAGIC = 0x5743 -- "WC"
local VERSION = 1
local SIZE = 64
local CHUNK_SIZE = 28
local MAX_LENGTH = 2 ^ 30
local MAX_BITMAP = 1024
local MIN_CHUNK = 64
local MAX_EXPERTS = 4096
local DATA, ACK = 1, 2
local HELLO, BATCH, ANSWER, CANCEL, WEIGHTS, PLACED = 1, 2, 3, 4, 5, 6

local TYPES = {
    [HELLO] = "HELLO",
    [BATCH] = "BATCH",
    [ANSWER] = "ANSWER",
    [CANCEL] = "CANCEL",
    [WEIGHTS] = "WEIGHTS",
    [PLACED] = "PLACED",
}
local DTYPES = { [0] = "SIZED", "FP32", "FP16", "BF16", "INT8", "INT4" }
local KINDS = { [DATA] = "DATA", [ACK] = "ACK" }
local STATUS = { [0] = "Bad", [1] = "Good" }

local f = {
    -- a message
    magic = ProtoField.uint32("wdmoe.magic", "Magic", base.HEX),
    version = ProtoField.uint8("wdmoe.version", "Version"),
    type = ProtoField.uint8("wdmoe.type", "Type", base.DEC, TYPES),
    dtype = ProtoField.uint8("wdmoe.dtype", "Coding of the activations", base.DEC, DTYPES),
    answer = ProtoField.uint8("wdmoe.answer_dtype", "Coding wanted for the answer", base.DEC, DTYPES),
    length = ProtoField.uint32("wdmoe.length", "Payload bytes"),
    request = ProtoField.uint64("wdmoe.request", "Request"),
    block = ProtoField.uint32("wdmoe.block", "Block"),
    batch = ProtoField.uint32("wdmoe.batch", "Batch"),
    device = ProtoField.uint32("wdmoe.device", "Device"),
    tokens = ProtoField.uint32("wdmoe.tokens", "(Token, expert) pairs"),
    position = ProtoField.uint32("wdmoe.position", "Position of the first token"),
    queue = ProtoField.uint32("wdmoe.queue", "Waited for the compute unit", base.UNIT_STRING, { " us" }),
    compute = ProtoField.uint64("wdmoe.compute", "Compute", base.UNIT_STRING, { " ns" }),
    received = ProtoField.uint64("wdmoe.received", "Batch was whole at the device", base.UNIT_STRING, { " ns" }),
    checksum = ProtoField.uint32("wdmoe.checksum", "Checksum", base.HEX),
    status = ProtoField.uint8("wdmoe.checksum.status", "Checksum status", base.DEC, STATUS),
    table_ = ProtoField.bytes("wdmoe.table", "Routing table"),
    experts = ProtoField.uint16("wdmoe.table.experts", "Experts"),
    expert = ProtoField.uint16("wdmoe.table.expert", "Expert"),
    expert_tokens = ProtoField.uint32("wdmoe.table.tokens", "Its tokens"),
    activations = ProtoField.bytes("wdmoe.activations", "Activations"),
    weights = ProtoField.bytes("wdmoe.weights", "Weights"),
    answer_in = ProtoField.framenum("wdmoe.answer_in", "Answered in", base.NONE, frametype.RESPONSE),
    batch_in = ProtoField.framenum("wdmoe.answer_to", "Answer to", base.NONE, frametype.REQUEST),
    latency = ProtoField.relative_time("wdmoe.latency", "Response time"),
    downlink = ProtoField.relative_time("wdmoe.downlink_time", "Downlink time"),
    uplink = ProtoField.relative_time("wdmoe.uplink_time", "Uplink time"),
    transfer = ProtoField.relative_time("wdmoe.transfer", "From the first chunk to the last"),
    chunks = ProtoField.uint32("wdmoe.chunks", "Chunks"),
    -- a chunk
    chunk_magic = ProtoField.uint16("wdmoe.chunk.magic", "Magic", base.HEX),
    chunk_version = ProtoField.uint8("wdmoe.chunk.version", "Version"),
    kind = ProtoField.uint8("wdmoe.chunk.kind", "Kind", base.DEC, KINDS),
    flags = ProtoField.uint8("wdmoe.chunk.flags", "Flags", base.HEX),
    asked = ProtoField.bool("wdmoe.chunk.flags.ack_requested", "Acknowledgement requested", 8, nil, 1),
    attempt = ProtoField.uint8("wdmoe.chunk.attempt", "Attempt"),
    chunk = ProtoField.uint16("wdmoe.chunk.size", "Bytes of a full chunk"),
    bitmap_size = ProtoField.uint16("wdmoe.chunk.bitmap_size", "Bytes of the bitmap"),
    message = ProtoField.uint64("wdmoe.chunk.message", "Message"),
    index = ProtoField.uint32("wdmoe.chunk.index", "Chunk"),
    total = ProtoField.uint32("wdmoe.chunk.total", "Bytes of the message"),
    cumulative = ProtoField.uint32("wdmoe.chunk.cumulative", "Arrived without a gap"),
    answered = ProtoField.uint32("wdmoe.chunk.answered", "Answers chunk"),
    chunk_checksum = ProtoField.uint32("wdmoe.chunk.checksum", "Checksum", base.HEX),
    chunk_status = ProtoField.uint8("wdmoe.chunk.checksum.status", "Checksum status", base.DEC, STATUS),
    bitmap = ProtoField.bytes("wdmoe.chunk.bitmap", "Bitmap"),
    beyond = ProtoField.uint32("wdmoe.chunk.beyond", "Arrived beyond the gap"),
    acked_in = ProtoField.framenum("wdmoe.chunk.acked_in", "Acknowledged in", base.NONE, frametype.ACK),
    ack_to = ProtoField.framenum("wdmoe.chunk.ack_to", "Acknowledges", base.NONE, frametype.ACK),
    rtt = ProtoField.relative_time("wdmoe.chunk.rtt", "Round trip"),
    reassembled_in = ProtoField.framenum("wdmoe.chunk.reassembled_in", "Message whole in"),
    seen_in = ProtoField.framenum("wdmoe.chunk.seen_in", "Seen before in", base.NONE, frametype.DUP_ACK),
    data = ProtoField.bytes("wdmoe.chunk.data", "Bytes of the message"),
}
local fields = {}
for _, field in pairs(f) do
    fields[#fields + 1] = field
end
wdmoe.fields = fields

local function expert_info(name, text, group, severity)
    return ProtoExpert.new("wdmoe." .. name, text, group, severity)
end

local e = {
    magic = expert_info("bad_magic", "Not the magic of WDMoE", expert.group.MALFORMED, expert.severity.ERROR),
    version = expert_info("bad_version", "Unknown version", expert.group.UNDECODED, expert.severity.ERROR),
    checksum = expert_info("bad_checksum", "Bad checksum", expert.group.CHECKSUM, expert.severity.ERROR),
    type = expert_info("bad_type", "Unknown type or coding", expert.group.PROTOCOL, expert.severity.ERROR),
    length = expert_info("bad_length", "Bad length", expert.group.MALFORMED, expert.severity.ERROR),
    table_ = expert_info("bad_table", "Bad routing table", expert.group.MALFORMED, expert.severity.ERROR),
    incomplete = expert_info("incomplete", "Message never whole", expert.group.REASSEMBLE, expert.severity.WARN),
    unanswered = expert_info("unanswered", "Batch not answered", expert.group.SEQUENCE, expert.severity.NOTE),
    again = expert_info("again", "Sent again", expert.group.SEQUENCE, expert.severity.NOTE),
    duplicate = expert_info("duplicate", "Seen before", expert.group.SEQUENCE, expert.severity.NOTE),
}
local experts = {}
for _, info in pairs(e) do
    experts[#experts + 1] = info
end
wdmoe.experts = experts

wdmoe.prefs.port = Pref.uint("Port", 5500, "UDP and TCP port of the gating server; others are found by their magic")
wdmoe.prefs.reassemble = Pref.bool("Reassemble chunks", true, "Whether the chunks of a message over UDP are joined")

-- CRC-32, as ns3::CRC32Calculate()

local bxor = bit and bit.bxor or bit32 and bit32.bxor or (loadstring or load)("return function(a, b) return a ~ b end")()

local function xor(a, b)
    return bxor(a, b) % 0x100000000 -- BitOp's results are signed
end

local CRC = {}
for byte = 0, 255 do
    local value = byte
    for _ = 1, 8 do
        local half = (value - value % 2) / 2
        value = value % 2 == 1 and xor(half, 0xedb88320) or half
    end
    CRC[byte] = value
end

local function crc32(text)
    local value = 0xffffffff
    for i = 1, #text do
        local low = value % 256
        value = xor((value - low) / 256, CRC[xor(low, text:byte(i))])
    end
    return xor(value, 0xffffffff)
end

local function chunk_crc(tvb, bits)
    return crc32(tvb:raw(0, CHUNK_SIZE - 4) .. (bits > 0 and tvb:raw(CHUNK_SIZE, bits) or ""))
end

-- What is known of a capture: filled on the first pass, in order of time, and looked up later

local messages -- over UDP, by sender, receiver and number
local exchanges -- batches and pieces of weights, by the two ends and their numbers

function wdmoe.init()
    messages = {}
    exchanges = {}
end

local function ends(pinfo, reverse)
    local from = tostring(pinfo.src) .. ":" .. pinfo.src_port
    local to = tostring(pinfo.dst) .. ":" .. pinfo.dst_port
    return reverse and to .. ">" .. from or from .. ">" .. to
end

local function both(pinfo)
    local a, b = ends(pinfo), ends(pinfo, true)
    return a < b and a or b
end

local function duration(seconds)
    local whole = math.floor(seconds)
    return NSTime.new(whole, math.floor((seconds - whole) * 1e9 + 0.5))
end

local function generated(tree, field, value)
    local item = tree:add(field, value)
    item:set_generated()
    return item
end

local function add_checksum(tree, field, status, range, found)
    local item = tree:add(field, range)
    local good = range:uint() == found
    generated(tree, status, good and 1 or 0)
    if good then
        item:append_text(" (correct)")
    else
        item:append_text(string.format(" (should be 0x%08x)", found))
        item:add_proto_expert_info(e.checksum, string.format("Checksum should be 0x%08x", found))
    end
end

-- Messages

local function name_message(tvb)
    local kind, batch = tvb(5, 1):uint(), tvb(24, 4):uint()
    local text = TYPES[kind] or "type " .. kind
    if kind == HELLO then
        return text .. " of device " .. tvb(28, 4):uint()
    elseif kind == WEIGHTS or kind == PLACED then
        return string.format(
            "%s expert %d of block %d, piece %d of %d",
            text,
            tvb(36, 4):uint(),
            tvb(20, 4):uint(),
            batch,
            tvb(32, 4):uint()
        )
    end
    return string.format("%s %d, block %d, device %d", text, batch, tvb(20, 4):uint(), tvb(28, 4):uint())
end

local function exchange_of(tvb, pinfo)
    local kind = tvb(5, 1):uint()
    local key
    if kind == BATCH or kind == ANSWER then
        key = "b" .. tvb(24, 4):uint()
    elseif kind == WEIGHTS or kind == PLACED then
        key = "w" .. tvb(12, 8):bytes():tohex() .. "/" .. tvb(24, 4):uint()
    else
        return nil
    end
    key = both(pinfo) .. "/" .. key
    exchanges[key] = exchanges[key] or {}
    return exchanges[key], kind == BATCH or kind == WEIGHTS
end

-- Who answers whom. `began` is when its first chunk was seen, nil over TCP.
local function add_exchange(tree, tvb, pinfo, began)
    local exchange, asks = exchange_of(tvb, pinfo)
    if not exchange then
        return
    end
    local number, now = pinfo.number, pinfo.abs_ts
    if asks then
        if not pinfo.visited and not exchange.asked then
            exchange.asked, exchange.asked_at, exchange.began = number, now, began
        end
        if exchange.answered then
            generated(tree, f.answer_in, exchange.answered)
        elseif pinfo.visited then
            tree:add_proto_expert_info(e.unanswered)
        end
        return
    end
    if not pinfo.visited and not exchange.answered then
        exchange.answered, exchange.answered_at = number, now
    end
    if exchange.asked then
        generated(tree, f.batch_in, exchange.asked)
        generated(tree, f.latency, duration(exchange.answered_at - exchange.asked_at))
    end
    if tvb(5, 1):uint() ~= ANSWER then
        return
    end
    -- A capture's times are those of the simulation, as those in the header are
    local received = tvb(52, 8):uint64():tonumber() * 1e-9
    local computed = received + tvb(40, 4):uint() * 1e-6 + tvb(44, 8):uint64():tonumber() * 1e-9
    if exchange.began and received >= exchange.began then
        generated(tree, f.downlink, duration(received - exchange.began))
    end
    if exchange.answered_at >= computed then
        generated(tree, f.uplink, duration(exchange.answered_at - computed))
    end
end

local function add_payload(tree, tvb)
    local kind, at, total = tvb(5, 1):uint(), SIZE, tvb:len()
    if kind == BATCH then
        local count = total >= at + 2 and tvb(at, 2):uint() or nil
        if not count or count > MAX_EXPERTS or total < at + 2 + 6 * count then
            tree:add_proto_expert_info(e.table_, "Routing table longer than the payload")
            return
        end
        local branch = tree:add(f.table_, tvb(at, 2 + 6 * count))
        branch:set_text("Routing table")
        branch:add(f.experts, tvb(at, 2))
        at = at + 2
        local sum, text = 0, {}
        for _ = 1, count do
            local tokens = tvb(at + 2, 4):uint()
            branch:add(f.expert, tvb(at, 2))
            branch:add(f.expert_tokens, tvb(at + 2, 4))
            text[#text + 1] = string.format("expert %d: %d", tvb(at, 2):uint(), tokens)
            sum = sum + tokens
            at = at + 6
        end
        branch:append_text(", " .. table.concat(text, ", "))
        if sum ~= tvb(32, 4):uint() then
            branch:add_proto_expert_info(e.table_, "Tokens of the table are " .. sum .. ", not as many as the header says")
        end
    end
    if total > at then
        local item = tree:add(kind == WEIGHTS and f.weights or f.activations, tvb(at))
        local tokens = tvb(32, 4):uint()
        item:set_text(string.format("%s: %d bytes", kind == WEIGHTS and "Weights" or "Activations", total - at))
        if kind ~= WEIGHTS and tokens > 0 then
            item:append_text(string.format(" (%g for each pair)", (total - at) / tokens))
        end
    end
end

-- Adds a whole message; `chunked` is what is known of its chunks, nil over TCP. Returns its name.
local function add_message(tvb, pinfo, root, chunked)
    local tree = root:add(wdmoe, tvb(), "WDMoE message")
    if tvb:len() < SIZE then
        tree:append_text(tvb:reported_len() < SIZE and ", shorter than its header" or ", not captured whole")
        return "message cut short"
    end
    tree:add(f.magic, tvb(0, 4))
    if tvb(0, 4):uint() ~= MAGIC then
        tree:add_proto_expert_info(e.magic)
        return "bad magic"
    end
    tree:add(f.version, tvb(4, 1))
    if tvb(4, 1):uint() ~= VERSION then
        tree:add_proto_expert_info(e.version)
        return "version " .. tvb(4, 1):uint()
    end
    local text = name_message(tvb)
    tree:set_text("WDMoE " .. text)
    local found = {
        { f.type, 5, 1, TYPES },
        { f.dtype, 6, 1, DTYPES },
        { f.answer, 7, 1, DTYPES },
        { f.length, 8, 4 },
        { f.request, 12, 8 },
        { f.block, 20, 4 },
        { f.batch, 24, 4 },
        { f.device, 28, 4 },
        { f.tokens, 32, 4 },
        { f.position, 36, 4 },
        { f.queue, 40, 4 },
        { f.compute, 44, 8 },
        { f.received, 52, 8 },
    }
    for _, part in ipairs(found) do
        local item = tree:add(part[1], tvb(part[2], part[3]))
        if part[4] and not part[4][tvb(part[2], part[3]):uint()] then
            item:add_proto_expert_info(e.type)
        end
    end
    add_checksum(tree, f.checksum, f.status, tvb(60, 4), crc32(tvb:raw(0, SIZE - 4)))
    if tvb(8, 4):uint() ~= tvb:reported_len() - SIZE then
        tree:add_proto_expert_info(e.length, "The header tells of " .. tvb(8, 4):uint() .. " bytes of payload")
        return text
    end
    if chunked then
        generated(tree, f.chunks, chunked.count)
        generated(tree, f.transfer, duration(chunked.done_at - chunked.began))
    end
    add_exchange(tree, tvb, pinfo, chunked and chunked.began)
    if tvb:len() == tvb:reported_len() then
        add_payload(tree, tvb)
    end
    return text
end

-- UDP: chunks

local function message_of(tvb, pinfo, reverse)
    local key = ends(pinfo, reverse) .. "/" .. tvb(8, 8):bytes():tohex()
    if not messages[key] and not reverse then
        local total, chunk = tvb(20, 4):uint(), tvb(6, 2):uint()
        messages[key] = {
            total = total,
            chunk = chunk,
            count = math.ceil(total / chunk),
            parts = {},
            got = 0,
            frames = {},
            sent = {},
            began = pinfo.abs_ts,
        }
    end
    return messages[key]
end

local function take_chunk(message, tvb, pinfo, index, attempt)
    local which = index * 256 + attempt
    message.sent[which] = message.sent[which] or { frame = pinfo.number, at = pinfo.abs_ts }
    if index == 0 and not message.name and tvb:len() >= CHUNK_SIZE + SIZE then
        message.name = name_message(tvb(CHUNK_SIZE):tvb())
    end
    if message.frames[index] then
        return
    end
    message.frames[index] = pinfo.number
    if not wdmoe.prefs.reassemble then
        return
    end
    message.parts[index + 1] = tvb:raw(CHUNK_SIZE)
    message.got = message.got + 1
    if message.got == message.count then
        message.data = table.concat(message.parts)
        message.parts = nil
        message.done, message.done_index, message.done_at = pinfo.number, index, pinfo.abs_ts
    end
end

local function add_data(tvb, pinfo, root, tree, good)
    local index, attempt = tvb(16, 4):uint(), tvb(5, 1):uint()
    local total, chunk, size = tvb(20, 4):uint(), tvb(6, 2):uint(), tvb:reported_len() - CHUNK_SIZE
    tree:add(f.chunk, tvb(6, 2))
    tree:add(f.message, tvb(8, 8))
    tree:add(f.index, tvb(16, 4))
    tree:add(f.total, tvb(20, 4))
    add_checksum(tree, f.chunk_checksum, f.chunk_status, tvb(24, 4), chunk_crc(tvb, 0))
    if tvb:len() > CHUNK_SIZE then
        tree:add(f.data, tvb(CHUNK_SIZE)):set_text(size .. " bytes of the message")
    end
    local fits = chunk >= MIN_CHUNK and total >= SIZE and total <= SIZE + MAX_LENGTH
    if not fits or index * chunk >= total or size ~= math.min(chunk, total - index * chunk) then
        tree:add_proto_expert_info(e.length, "Sizes of chunk, message and datagram disagree")
        return "chunk of bad length"
    end
    local count = math.ceil(total / chunk)
    local text = count > 1 and string.format("chunk %d of %d", index, count) or "one chunk"
    if not good then
        return text .. ", bad checksum"
    end
    local message = message_of(tvb, pinfo)
    if message.total ~= total or message.chunk ~= chunk then
        tree:add_proto_expert_info(e.length, "Other chunks of this message say something else of its size")
        return text
    end
    if not pinfo.visited and tvb:len() == tvb:reported_len() then
        take_chunk(message, tvb, pinfo, index, attempt)
    end
    if attempt > 1 then
        tree:add_proto_expert_info(e.again, "Attempt " .. attempt)
        text = text .. ", attempt " .. attempt
    end
    local sent = message.sent[index * 256 + attempt]
    if sent and sent.acked then
        generated(tree, f.acked_in, sent.acked)
    end
    local first = message.frames[index]
    if first and first ~= pinfo.number then
        generated(tree, f.seen_in, first)
        tree:add_proto_expert_info(e.duplicate)
    end
    local name = message.name and " of " .. message.name or ""
    if message.done == pinfo.number and message.done_index == index then
        local whole = ByteArray.new(message.data, true):tvb("WDMoE message")
        return add_message(whole, pinfo, root, message) .. (count > 1 and " (" .. text .. ")" or "")
    elseif message.done then
        generated(tree, f.reassembled_in, message.done)
    elseif pinfo.visited or not wdmoe.prefs.reassemble then
        if wdmoe.prefs.reassemble then
            tree:add_proto_expert_info(e.incomplete)
        end
        if index == 0 and tvb:len() >= CHUNK_SIZE + SIZE then
            -- the header at least
            local head = tvb(CHUNK_SIZE):tvb()
            local branch = root:add(wdmoe, head(0, SIZE), "WDMoE " .. name_message(head) .. ", its header")
            branch:add(f.length, head(8, 4))
            add_checksum(branch, f.checksum, f.status, head(60, 4), crc32(head:raw(0, SIZE - 4)))
        end
    end
    return text .. name
end

local function add_ack(tvb, pinfo, tree)
    local bits, cumulative = tvb(6, 2):uint(), tvb(16, 4):uint()
    tree:add(f.bitmap_size, tvb(6, 2))
    tree:add(f.message, tvb(8, 8))
    tree:add(f.cumulative, tvb(16, 4))
    tree:add(f.answered, tvb(20, 4))
    if bits > MAX_BITMAP or CHUNK_SIZE + bits ~= tvb:reported_len() or bits > tvb:len() - CHUNK_SIZE then
        tree:add_proto_expert_info(e.length, "Bytes of bitmap and datagram disagree")
        return "ACK of bad length"
    end
    add_checksum(tree, f.chunk_checksum, f.chunk_status, tvb(24, 4), chunk_crc(tvb, bits))
    local beyond = 0
    if bits > 0 then
        local branch = tree:add(f.bitmap, tvb(CHUNK_SIZE, bits))
        for at = 0, bits - 1 do
            local byte = tvb(CHUNK_SIZE + at, 1):uint()
            for bit_ = 0, 7 do
                if byte % 2 == 1 then
                    beyond = beyond + 1
                    branch:add(f.beyond, tvb(CHUNK_SIZE + at, 1), cumulative + 1 + 8 * at + bit_)
                end
                byte = (byte - byte % 2) / 2
            end
        end
    end
    local message = message_of(tvb, pinfo, true)
    local sent = message and message.sent[tvb(20, 4):uint() * 256 + tvb(5, 1):uint()]
    if sent then
        if not pinfo.visited and not sent.acked then
            sent.acked, sent.acked_at = pinfo.number, pinfo.abs_ts
        end
        generated(tree, f.ack_to, sent.frame)
        if sent.acked == pinfo.number then
            generated(tree, f.rtt, duration(sent.acked_at - sent.at))
        end
    end
    local name = message and message.name and " of " .. message.name or ""
    local of = message and " of " .. message.count or ""
    local more = beyond > 0 and string.format(" and %d beyond a gap", beyond) or ""
    return string.format("ACK %d%s chunks%s%s", cumulative, of, more, name)
end

-- Returns whether these bytes are a chunk, as far as its first 28 bytes tell.
local function is_chunk(tvb)
    if tvb:len() < CHUNK_SIZE or tvb(0, 2):uint() ~= CHUNK_MAGIC or tvb(2, 1):uint() ~= VERSION then
        return false
    end
    local kind = tvb(3, 1):uint()
    local bits = kind == ACK and tvb(6, 2):uint() or 0
    return KINDS[kind] ~= nil
        and bits <= tvb:len() - CHUNK_SIZE
        and chunk_crc(tvb, bits) == tvb(24, 4):uint()
end

local function dissect_udp(tvb, pinfo, root)
    pinfo.cols.protocol = "WDMoE"
    if tvb:len() < CHUNK_SIZE then
        root:add(wdmoe, tvb(), "WDMoE chunk"):add_proto_expert_info(e.length, "Shorter than a chunk's header")
        pinfo.cols.info = "shorter than a header"
        return tvb:len()
    end
    local kind = tvb(3, 1):uint()
    local tree = root:add(wdmoe, kind == DATA and tvb(0, CHUNK_SIZE) or tvb(), "WDMoE chunk")
    tree:add(f.chunk_magic, tvb(0, 2))
    if tvb(0, 2):uint() ~= CHUNK_MAGIC then
        tree:add_proto_expert_info(e.magic)
        pinfo.cols.info = "bad magic"
        return tvb:len()
    end
    tree:add(f.chunk_version, tvb(2, 1))
    if tvb(2, 1):uint() ~= VERSION then
        tree:add_proto_expert_info(e.version)
        pinfo.cols.info = "chunk of version " .. tvb(2, 1):uint()
        return tvb:len()
    end
    local item = tree:add(f.kind, tvb(3, 1))
    tree:add(f.flags, tvb(4, 1)):add(f.asked, tvb(4, 1))
    tree:add(f.attempt, tvb(5, 1))
    local text
    if kind == DATA then
        text = add_data(tvb, pinfo, root, tree, is_chunk(tvb))
    elseif kind == ACK then
        text = add_ack(tvb, pinfo, tree)
    else
        item:add_proto_expert_info(e.type)
        text = "chunk of kind " .. kind
    end
    tree:set_text("WDMoE " .. (kind == DATA and string.format("chunk %d", tvb(16, 4):uint()) or text))
    pinfo.cols.info = text
    return tvb:len()
end

-- TCP: one message after another

local function is_message(tvb)
    return tvb:len() >= SIZE
        and tvb(0, 4):uint() == MAGIC
        and tvb(4, 1):uint() == VERSION
        and crc32(tvb:raw(0, SIZE - 4)) == tvb(60, 4):uint()
end

local function message_length(tvb, _, offset)
    local length = tvb(offset + 8, 4):uint()
    if tvb(offset, 4):uint() ~= MAGIC or length > MAX_LENGTH then
        return tvb:len() - offset -- no way to find the next
    end
    return SIZE + length
end

local function dissect_tcp(tvb, pinfo, root)
    pinfo.cols.protocol = "WDMoE"
    pinfo.cols.info = ""
    local separator = ""
    dissect_tcp_pdus(tvb, root, SIZE, message_length, function(pdu, info, tree)
        info.cols.info:append(separator .. add_message(pdu, info, tree))
        info.cols.info:fence()
        separator = "; "
        return pdu:len()
    end)
    return tvb:len()
end

function wdmoe.dissector(tvb, pinfo, root)
    -- 2 and 3: PT_TCP and PT_UDP; a capture may be of either
    if pinfo.port_type == 2 then
        return dissect_tcp(tvb, pinfo, root)
    end
    return dissect_udp(tvb, pinfo, root)
end

wdmoe:register_heuristic("udp", function(tvb, pinfo, root)
    return is_chunk(tvb) and dissect_udp(tvb, pinfo, root) > 0
end)

wdmoe:register_heuristic("tcp", function(tvb, pinfo, root)
    if not is_message(tvb) then
        return false
    end
    pinfo.conversation = wdmoe
    dissect_tcp(tvb, pinfo, root)
    return true
end)

local port = 0

local function listen()
    if port == wdmoe.prefs.port then
        return
    end
    for _, name in ipairs({ "udp.port", "tcp.port" }) do
        local ports = DissectorTable.get(name)
        if port > 0 then
            ports:remove(port, wdmoe)
        end
        if wdmoe.prefs.port > 0 then
            ports:add(wdmoe.prefs.port, wdmoe)
        end
    end
    port = wdmoe.prefs.port
end

wdmoe.prefs_changed = listen
listen()
