/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_UDP_TRANSPORT_H
#define WDMOE_UDP_TRANSPORT_H

#include "wdmoe-transport.h"

#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/socket.h"

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-app
 *
 * The header of each datagram, network byte order, 28 bytes:
 *
 *     magic u16 | version u8 | kind u8 | flags u8 | attempt u8 | chunk u16 |
 *     message u64 | index u32 | total u32 | checksum u32 | ACK: bitmap
 *
 * DATA: chunk number `index` of a message of `total` bytes cut into pieces of `chunk` bytes (the
 * last one is shorter), sent for the `attempt`-th time.
 * ACK: the first `index` chunks have arrived, and chunk index + 1 + i if bit i of the bitmap of
 * `chunk` bytes is set (chunk `index` itself is missing by definition); it answers chunk `total`,
 * attempt `attempt`, so that a round trip is never measured against the wrong transmission.
 * The checksum is the CRC-32 of the 24 bytes before it and of the bitmap.
 */
class WdmoeChunkHeader : public Header
{
  public:
    /// What a datagram is
    enum Kind : uint8_t
    {
        DATA = 1, ///< a chunk
        ACK = 2   ///< an acknowledgement
    };

    static constexpr uint16_t MAGIC = 0x5743;    ///< "WC"
    static constexpr uint8_t VERSION = 1;        ///< of this layout
    static constexpr uint32_t SIZE = 28;         ///< bytes, without the bitmap
    static constexpr uint32_t MAX_BITMAP = 1024; ///< bytes: 8192 chunks
    static constexpr uint16_t MIN_CHUNK = 64;    ///< smallest chunk size taken
    static constexpr uint8_t ACK_REQUESTED = 1;  ///< flag: the sender waits for an answer
    static constexpr uint8_t MAX_ATTEMPT = 255;  ///< attempts are not counted further

    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    // inherited from Header
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(Buffer::Iterator start) const override;
    uint32_t Deserialize(Buffer::Iterator start) override;
    void Print(std::ostream& os) const override;

    /**
     * Read a header from untrusted bytes, every field checked.
     *
     * @param bytes the first SIZE + MAX_BITMAP bytes of the datagram, or all of it
     * @param size how many there are
     * @param datagram bytes of the whole datagram
     * @return NONE, or why it was refused (the fields are then meaningless)
     */
    WdmoeHeader::Error Parse(const uint8_t* bytes, uint32_t size, uint64_t datagram);

    /// @return chunks of the message, for DATA
    uint32_t GetCount() const;

    Kind kind{DATA};             ///< what this is
    uint8_t flags{0};            ///< ACK_REQUESTED or 0
    uint8_t attempt{1};          ///< how many times this chunk was sent, from 1
    uint16_t chunk{0};           ///< DATA: bytes a chunk; ACK: bytes of the bitmap
    uint64_t message{0};         ///< names the message among those of its sender
    uint32_t index{0};           ///< DATA: which chunk; ACK: how many arrived without a gap
    uint32_t total{0};           ///< DATA: bytes of the message; ACK: the chunk answered
    std::vector<uint8_t> bitmap; ///< ACK: what arrived beyond the gap, lowest bit first
};

/**
 * @ingroup wdmoe-app
 *
 * Messages over UDP: cut into chunks, acknowledged selectively, sent again until they are through.
 *
 * Sender: at most WindowBytes unacknowledged for each peer, oldest message first, holes before new
 * data. The window is fixed: it is no congestion control, but feeds the layers below in steps they
 * can hold (an LTE device reports at most 150 kB of backlog), so give the queues below the room.
 * The sender asks for acknowledgements itself, by a flag: each quarter of a window or AckEvery
 * chunks, at the end of a message, and when there is no more to send; beyond that the receiver
 * answers whole messages and the first sight of a hole only. So an 8 KiB message costs one
 * acknowledgement.
 *
 * A chunk is lost when a transmission three later was answered, or, if the newest transmission was
 * answered, at once (the idea of RACK, RFC 8985, counted in transmissions). If nothing is answered
 * for a retransmission timeout (RFC 6298), one chunk is sent again as a probe: a radio that only
 * holds a device back for long costs one spurious datagram, not a window. After MaxRetries probes
 * without an answer, all that is queued for the peer is given up.
 *
 * Receiver: memory grows with the bytes received, never with what a header claims. Which messages
 * are complete is remembered as intervals of numbers, so that each is delivered once.
 */
class WdmoeUdpTransport : public WdmoeTransport
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    ~WdmoeUdpTransport() override;

    // inherited from WdmoeTransport
    void Listen(uint16_t port) override;
    void Connect(const Address& peer) override;
    void Close() override;
    uint64_t GetWireBytes(uint64_t payloadBytes) const override;
    WdmoeTransportBacklog GetBacklog(const Address& peer) const override;

  protected:
    void DoDispose() override;
    void DoSend(const Address& peer, Ptr<Packet> message) override;

  private:
    /// Where a chunk is
    enum class State : uint8_t
    {
        UNSENT, ///< not sent yet
        FLIGHT, ///< sent, not answered
        LOST,   ///< to be sent again
        ACKED   ///< arrived
    };

    /// A chunk of a message being sent
    struct Chunk
    {
        uint64_t sequence{0}; ///< counts the transmissions to a peer: the latest of this chunk
        int64_t sentNs{0};    ///< when that was
        uint8_t attempt{0};   ///< how many there were
        State state{State::UNSENT}; ///< where it is
    };

    /// A message being sent
    struct Outgoing
    {
        Ptr<Packet> message;       ///< header and payload
        uint32_t chunk{0};         ///< bytes a chunk
        uint32_t next{0};          ///< first chunk never sent
        uint32_t acked{0};         ///< chunks that arrived
        uint32_t cumulative{0};    ///< all chunks before this one arrived
        std::vector<Chunk> chunks; ///< each one's state
    };

    /// A message being received
    struct Incoming
    {
        uint32_t total{0};                      ///< bytes it claims to have
        uint32_t chunk{0};                      ///< bytes a chunk
        uint32_t cumulative{0};                 ///< chunks that arrived without a gap
        uint32_t gapAnswered{UINT32_MAX};       ///< the hole last reported unasked
        WdmoePacketJoiner joiner;               ///< the chunks before cumulative
        std::map<uint32_t, Ptr<Packet>> beyond; ///< chunks after the gap
        Time heard;                             ///< when the last chunk came
    };

    /// One transmission
    struct Flight
    {
        uint64_t sequence{0}; ///< counts the transmissions to a peer
        uint64_t message{0};  ///< which message
        uint32_t index{0};    ///< which chunk
    };

    /// All about one peer
    struct Peer
    {
        Address address;                                ///< who
        std::map<uint64_t, Outgoing> outgoing;          ///< messages not yet confirmed
        uint64_t nextMessage{0};                        ///< number of the next message
        uint64_t sending{0};                            ///< first message with chunks never sent
        std::deque<Flight> flight;                      ///< transmissions, oldest first
        std::deque<std::pair<uint64_t, uint32_t>> lost; ///< (message, chunk) to be sent again
        uint64_t nextSequence{1};                       ///< of the next transmission
        uint64_t inFlight{0};                           ///< bytes in state FLIGHT
        uint64_t sinceRequest{0};                       ///< bytes since an answer was asked for
        double srtt{-1};                                ///< smoothed round trip, s; < 0: none yet
        double rttvar{0};                               ///< its mean deviation, s
        Time rto;                                       ///< timeout in force, backed off
        Time deadline;                                  ///< when it strikes
        uint32_t retries{0};                            ///< timeouts without progress
        EventId timer;                                  ///< strikes at deadline or before
        Time strikes;                                   ///< when
        std::map<uint64_t, Incoming> incoming;          ///< messages not yet whole
        std::map<uint64_t, uint64_t> done; ///< complete messages: intervals first to last
    };

    /**
     * Open the socket.
     *
     * @param port local port, 0: any
     */
    void Open(uint16_t port);

    /**
     * @param address who
     * @return the peer's state; made if there is none
     */
    Peer& GetPeer(const Address& address);

    /**
     * @param socket has something to read
     */
    void HandleRead(Ptr<Socket> socket);

    /**
     * @param peer from whom
     * @param header of the datagram, parsed
     * @param piece bytes behind the header
     */
    void HandleData(Peer& peer, const WdmoeChunkHeader& header, Ptr<Packet> piece);

    /**
     * @param peer from whom
     * @param header of the datagram, parsed
     */
    void HandleAck(Peer& peer, const WdmoeChunkHeader& header);

    /**
     * @param peer to whom
     * @param data the chunk that is answered
     * @param incoming its message, null: it is complete
     */
    void SendAck(const Peer& peer, const WdmoeChunkHeader& data, const Incoming* incoming);

    /**
     * Find what to send next.
     *
     * @param peer to whom
     * @param [out] message its number
     * @param [out] index the chunk
     * @return false: there is nothing to send
     */
    bool Next(Peer& peer, uint64_t& message, uint32_t& index);

    /**
     * Send all that the window allows.
     *
     * @param peer to whom
     */
    void Pump(Peer& peer);

    /**
     * Send one chunk.
     *
     * @param peer to whom
     * @param message its number
     * @param index the chunk
     * @param request ask for an answer
     */
    void Transmit(Peer& peer, uint64_t message, uint32_t index, bool request);

    /**
     * Hand a datagram to UDP, and count it if it took it.
     *
     * @param datagram chunk or acknowledgement
     * @param peer to whom
     */
    void SendDatagram(Ptr<Packet> datagram, const Address& peer);

    /**
     * Declare lost what was sent well before something that was answered.
     *
     * @param peer to whom
     * @param sequence the transmission that was answered
     */
    void DetectLoss(Peer& peer, uint64_t sequence);

    /**
     * @param address the peer whose timer struck
     */
    void HandleTimer(const Address& address);

    /**
     * Give up all that is queued for a peer.
     *
     * @param peer to whom
     */
    void GiveUp(Peer& peer);

    /**
     * Wait a timeout from now on.
     *
     * @param peer whom to wait for
     */
    void Arm(Peer& peer);

    /**
     * @param outgoing a message
     * @param index a chunk of it
     * @return bytes of that chunk
     */
    static uint32_t ChunkBytes(const Outgoing& outgoing, uint32_t index);

    uint32_t m_chunkSize{1400};            ///< attribute ChunkSize
    uint32_t m_window{131072};             ///< attribute WindowBytes
    uint32_t m_ackEvery{32};               ///< attribute AckEvery
    Time m_initialRto{Seconds(1)};         ///< attribute InitialRto
    Time m_minRto{MilliSeconds(200)};      ///< attribute MinRto
    Time m_maxRto{Seconds(8)};             ///< attribute MaxRto
    uint32_t m_maxRetries{15};             ///< attribute MaxRetries
    uint32_t m_maxReassemblies{64};        ///< attribute MaxReassemblies
    Time m_reassemblyTimeout{Seconds(30)}; ///< attribute ReassemblyTimeout
    uint32_t m_maxPeers{4096};             ///< attribute MaxPeers

    Ptr<Socket> m_socket;            ///< for all peers
    std::map<Address, Peer> m_peers; ///< by address
};

} // namespace ns3

#endif /* WDMOE_UDP_TRANSPORT_H */
