/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "ns3/boolean.h"
#include "ns3/data-rate.h"
#include "ns3/double.h"
#include "ns3/error-model.h"
#include "ns3/inet-socket-address.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-address-helper.h"
#include "ns3/ipv4-header.h"
#include "ns3/ipv4-interface-container.h"
#include "ns3/ipv4-l3-protocol.h"
#include "ns3/node-container.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/point-to-point-net-device.h"
#include "ns3/pointer.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/tcp-header.h"
#include "ns3/tcp-socket-factory.h"
#include "ns3/test.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-tcp-transport.h"
#include "ns3/wdmoe-udp-transport.h"

#include <algorithm>
#include <string>
#include <vector>

using namespace ns3;

namespace
{

/// Port of the listening side
constexpr uint16_t PORT = 9000;

/// Payload sizes: none, around a chunk with and without the message header, a large one
const uint32_t SIZES[] =
    {0, 1, 1335, 1336, 1337, 1399, 1400, 1401, 2735, 2736, 2737, 65536, 1U << 20};

/**
 * @ingroup tests
 *
 * Two nodes, a link, a transport on each, and what came out.
 */
struct Pair
{
    /**
     * @param type TypeId of the transports
     * @param rate of the link
     * @param delay of the link, one way
     * @param loss of packets, each way
     */
    Pair(const std::string& type, const std::string& rate, Time delay, double loss)
    {
        nodes.Create(2);
        PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", DataRateValue(DataRate(rate)));
        link.SetChannelAttribute("Delay", TimeValue(delay));
        link.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue("100000p"));
        devices = link.Install(nodes);
        InternetStackHelper stack;
        stack.Install(nodes);
        Ipv4AddressHelper addresses;
        addresses.SetBase("10.0.0.0", "255.255.255.0");
        interfaces = addresses.Assign(devices);
        stack.AssignStreams(nodes, 100);
        // Else nothing may be sent before the first event
        nodes.Get(0)->Initialize();
        nodes.Get(1)->Initialize();
        SetLoss(loss);
        ObjectFactory factory(type);
        server = factory.Create<WdmoeTransport>();
        client = factory.Create<WdmoeTransport>();
        server->SetNode(nodes.Get(0));
        client->SetNode(nodes.Get(1));
        server->SetReceiveCallback(MakeCallback(&Pair::AtServer, this));
        client->SetReceiveCallback(MakeCallback(&Pair::AtClient, this));
        client->TraceConnectWithoutContext("MessageLost", MakeCallback(&Pair::Lost, this));
        server->TraceConnectWithoutContext("MessageLost", MakeCallback(&Pair::Lost, this));
        random = CreateObject<UniformRandomVariable>();
        random->SetStream(7);
    }

    ~Pair()
    {
        server->Dispose();
        client->Dispose();
        Simulator::Destroy();
    }

    /**
     * @param loss of packets, each way
     */
    void SetLoss(double loss)
    {
        for (uint32_t i = 0; i < 2; ++i)
        {
            Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
            errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
            errors->SetRate(loss);
            errors->AssignStreams(i + 1);
            devices.Get(i)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
        }
    }

    /// @return the server's address
    Address ServerAddress() const
    {
        return InetSocketAddress(interfaces.GetAddress(0), PORT);
    }

    /**
     * @param size bytes
     * @return random bytes
     */
    std::vector<uint8_t> Bytes(uint32_t size)
    {
        std::vector<uint8_t> bytes(size);
        for (auto& byte : bytes)
        {
            byte = static_cast<uint8_t>(random->GetInteger(0, 255));
        }
        return bytes;
    }

    /**
     * Send real bytes and remember them.
     *
     * @param from a transport
     * @param to its peer
     * @param size bytes
     */
    void Send(Ptr<WdmoeTransport> from, const Address& to, uint32_t size)
    {
        sent.push_back(Bytes(size));
        WdmoeHeader header;
        header.type = WdmoeHeader::BATCH;
        header.batch = static_cast<uint32_t>(sent.size()) - 1;
        got.resize(sent.size());
        from->Send(to, header, Create<Packet>(sent.back().data(), size));
    }

    /**
     * @param message at the server: the first time, it answers with all sizes
     */
    void AtServer(const WdmoeMessage& message)
    {
        peer = message.from;
        Take(message);
        if (answer)
        {
            answer = false;
            for (uint32_t size : SIZES)
            {
                Send(server, peer, size);
            }
        }
    }

    /**
     * @param message at the client
     */
    void AtClient(const WdmoeMessage& message)
    {
        Take(message);
    }

    /**
     * @param message to compare with what was sent
     */
    void Take(const WdmoeMessage& message)
    {
        last = Simulator::Now();
        ++received;
        const uint32_t batch = message.header.batch;
        if (batch < sent.size() && message.payload->GetSize() == sent[batch].size())
        {
            std::vector<uint8_t> bytes(sent[batch].size());
            message.payload->CopyData(bytes.data(), static_cast<uint32_t>(bytes.size()));
            wrong += bytes != sent[batch];
            ++got[batch];
        }
    }

    /**
     * @param header of a message given up
     * @param to its peer
     */
    void Lost(const WdmoeHeader& header, const Address& to)
    {
        ++lost;
        lostBatch = header.batch;
        (void)to;
    }

    NodeContainer nodes;                    ///< server, client
    NetDeviceContainer devices;             ///< theirs
    Ipv4InterfaceContainer interfaces;      ///< theirs
    Ptr<WdmoeTransport> server;             ///< listens
    Ptr<WdmoeTransport> client;             ///< connects
    Ptr<UniformRandomVariable> random;      ///< payloads
    std::vector<std::vector<uint8_t>> sent; ///< payloads
    std::vector<uint32_t> got;              ///< how often each was delivered
    Address peer;                           ///< the client, as the server sees it
    bool answer{false};                     ///< the server answers the next message
    uint32_t received{0};                   ///< messages
    uint32_t wrong{0};                      ///< messages whose bytes differ
    uint32_t lost{0};                       ///< MessageLost fired
    uint32_t lostBatch{0};                  ///< of the last of these
    Time last;                              ///< when a message was last delivered
};

/**
 * @ingroup tests
 *
 * WdmoeHeader: what is written is read, and every damage is refused for the right reason.
 */
class HeaderCase : public TestCase
{
  public:
    HeaderCase()
        : TestCase("Message header: round trip, corruption, fuzz")
    {
    }

  private:
    void DoRun() override
    {
        using Error = WdmoeHeader::Error;
        WdmoeHeader header;
        header.type = WdmoeHeader::ANSWER;
        header.dtype = WdmoeHeader::INT8;
        header.length = 123456;
        header.request = 0x0102030405060708;
        header.block = 31;
        header.batch = 77;
        header.device = 5;
        header.tokens = 900;
        header.position = 4096;
        header.queueUs = 1234;
        header.computeNs = 9876543210;
        header.receivedNs = 1234567890123;
        Ptr<Packet> packet = Create<Packet>();
        packet->AddHeader(header);
        NS_TEST_ASSERT_MSG_EQ(packet->GetSize(), WdmoeHeader::SIZE, "size on the wire");
        std::vector<uint8_t> bytes(WdmoeHeader::SIZE);
        packet->CopyData(bytes.data(), WdmoeHeader::SIZE);
        WdmoeHeader back;
        NS_TEST_ASSERT_MSG_EQ(packet->RemoveHeader(back), WdmoeHeader::SIZE, "bytes read");
        NS_TEST_ASSERT_MSG_EQ((back.GetError() == Error::NONE), true, "must be good");
        NS_TEST_ASSERT_MSG_EQ(back.type, header.type, "type");
        NS_TEST_ASSERT_MSG_EQ(back.dtype, header.dtype, "dtype");
        NS_TEST_ASSERT_MSG_EQ(back.length, header.length, "length");
        NS_TEST_ASSERT_MSG_EQ(back.request, header.request, "request");
        NS_TEST_ASSERT_MSG_EQ(back.block, header.block, "block");
        NS_TEST_ASSERT_MSG_EQ(back.batch, header.batch, "batch");
        NS_TEST_ASSERT_MSG_EQ(back.device, header.device, "device");
        NS_TEST_ASSERT_MSG_EQ(back.tokens, header.tokens, "tokens");
        NS_TEST_ASSERT_MSG_EQ(back.position, header.position, "position");
        NS_TEST_ASSERT_MSG_EQ(back.queueUs, header.queueUs, "queueUs");
        NS_TEST_ASSERT_MSG_EQ(back.computeNs, header.computeNs, "computeNs");
        NS_TEST_ASSERT_MSG_EQ(back.receivedNs, header.receivedNs, "receivedNs");
        // Layout as documented, in network byte order
        NS_TEST_ASSERT_MSG_EQ(std::string(bytes.begin(), bytes.begin() + 4), "WDME", "magic");
        NS_TEST_ASSERT_MSG_EQ(+bytes[5], 3, "type is byte 5");
        NS_TEST_ASSERT_MSG_EQ(+bytes[12], 1, "request begins at byte 12");
        NS_TEST_ASSERT_MSG_EQ(+bytes[19], 8, "request ends at byte 19");

        // Each single bit flipped: refused, with the cause of the field it is in
        WdmoeHeader victim;
        for (uint32_t bit = 0; bit < 8 * WdmoeHeader::SIZE; ++bit)
        {
            auto bad = bytes;
            bad[bit / 8] ^= 1U << (bit % 8);
            const Error want = bit / 8 < 4    ? Error::MAGIC
                               : bit / 8 == 4 ? Error::VERSION
                                              : Error::CHECKSUM;
            NS_TEST_ASSERT_MSG_EQ((victim.Parse(bad.data(), WdmoeHeader::SIZE) == want),
                                  true,
                                  "bit " << bit << " flipped");
        }
        for (uint32_t size = 0; size < WdmoeHeader::SIZE; ++size)
        {
            NS_TEST_ASSERT_MSG_EQ((victim.Parse(bytes.data(), size) == Error::TRUNCATED),
                                  true,
                                  "cut to " << size);
            Ptr<Packet> cut = Create<Packet>(bytes.data(), size);
            cut->PeekHeader(victim);
            NS_TEST_ASSERT_MSG_EQ((victim.GetError() == Error::TRUNCATED), true, "Deserialize");
        }
        // Well checksummed nonsense
        for (const auto& [type, dtype, length, want] :
             {std::tuple{0, 0, 0U, Error::TYPE},
              std::tuple{5, 0, 0U, Error::NONE}, // WEIGHTS
              std::tuple{6, 0, 0U, Error::NONE}, // PLACED, the last one
              std::tuple{7, 0, 0U, Error::TYPE},
              std::tuple{255, 0, 0U, Error::TYPE},
              std::tuple{1, 6, 0U, Error::TYPE},
              std::tuple{1, 0, WdmoeHeader::MAX_LENGTH, Error::NONE},
              std::tuple{1, 0, WdmoeHeader::MAX_LENGTH + 1, Error::LENGTH},
              std::tuple{1, 0, UINT32_MAX, Error::LENGTH}})
        {
            header.type = static_cast<WdmoeHeader::Type>(type);
            header.dtype = static_cast<WdmoeHeader::Dtype>(dtype);
            header.length = length;
            Ptr<Packet> nonsense = Create<Packet>();
            nonsense->AddHeader(header);
            nonsense->PeekHeader(victim);
            NS_TEST_ASSERT_MSG_EQ((victim.GetError() == want),
                                  true,
                                  "type " << type << " dtype " << dtype << " length " << length
                                          << ": " << WdmoeHeader::ErrorName(victim.GetError()));
        }
        // Mutations never pass (CRC-32 finds any burst up to 32 bits) and never crash
        auto random = CreateObject<UniformRandomVariable>();
        random->SetStream(1);
        uint32_t passed = 0;
        for (uint32_t i = 0; i < 100000; ++i)
        {
            auto bad = bytes;
            for (uint32_t n = random->GetInteger(1, 8); n > 0; --n)
            {
                bad[random->GetInteger(0, WdmoeHeader::SIZE - 1)] =
                    static_cast<uint8_t>(random->GetInteger(0, 255));
            }
            const auto size = random->GetInteger(0, WdmoeHeader::SIZE);
            passed += bad != bytes && victim.Parse(bad.data(), size) == Error::NONE;
        }
        NS_TEST_ASSERT_MSG_EQ(passed, 0, "mutated headers that were taken");
    }
};

/**
 * @ingroup tests
 *
 * WdmoeChunkHeader: the same.
 */
class ChunkHeaderCase : public TestCase
{
  public:
    ChunkHeaderCase()
        : TestCase("Chunk header: round trip, corruption, fuzz")
    {
    }

  private:
    void DoRun() override
    {
        using Error = WdmoeHeader::Error;
        auto random = CreateObject<UniformRandomVariable>();
        random->SetStream(2);
        for (uint32_t bits : {0U, 1U, 94U, WdmoeChunkHeader::MAX_BITMAP})
        {
            WdmoeChunkHeader header;
            header.kind = bits ? WdmoeChunkHeader::ACK : WdmoeChunkHeader::DATA;
            header.flags = WdmoeChunkHeader::ACK_REQUESTED;
            header.attempt = 3;
            header.chunk = bits ? bits : 1400;
            header.message = 0xa1a2a3a4a5a6a7a8;
            header.index = 2;
            header.total = 2 * 1400 + 17;
            header.bitmap.resize(bits, 0x5a);
            const uint32_t body = bits ? 0 : 17;
            Ptr<Packet> packet = Create<Packet>(body);
            packet->AddHeader(header);
            std::vector<uint8_t> bytes(packet->GetSize());
            packet->CopyData(bytes.data(), packet->GetSize());
            NS_TEST_ASSERT_MSG_EQ(bytes.size(), WdmoeChunkHeader::SIZE + bits + body, "size");
            WdmoeChunkHeader back;
            const auto size = static_cast<uint32_t>(bytes.size());
            NS_TEST_ASSERT_MSG_EQ((back.Parse(bytes.data(), size, size) == Error::NONE),
                                  true,
                                  "must be good");
            NS_TEST_ASSERT_MSG_EQ(back.message, header.message, "message");
            NS_TEST_ASSERT_MSG_EQ(back.index, header.index, "index");
            NS_TEST_ASSERT_MSG_EQ(back.total, header.total, "total");
            NS_TEST_ASSERT_MSG_EQ(+back.attempt, 3, "attempt");
            NS_TEST_ASSERT_MSG_EQ((back.bitmap == header.bitmap), true, "bitmap");
            NS_TEST_ASSERT_MSG_NE((back.Parse(bytes.data(), size, size - 1) == Error::NONE),
                                  true,
                                  "a byte short");
            NS_TEST_ASSERT_MSG_NE((back.Parse(bytes.data(), size, size + 1) == Error::NONE),
                                  true,
                                  "a byte long");
            const uint32_t covered = WdmoeChunkHeader::SIZE + bits;
            uint32_t passed = 0;
            for (uint32_t i = 0; i < 25000; ++i)
            {
                auto bad = bytes;
                for (uint32_t n = random->GetInteger(1, 8); n > 0; --n)
                {
                    bad[random->GetInteger(0, covered - 1)] =
                        static_cast<uint8_t>(random->GetInteger(0, 255));
                }
                const auto cut = random->GetInteger(0, size);
                passed += bad != bytes && back.Parse(bad.data(), cut, cut) == Error::NONE;
                passed += bad != bytes && back.Parse(bad.data(), size, size) == Error::NONE;
            }
            NS_TEST_ASSERT_MSG_EQ(passed, 0, "mutated headers that were taken");
        }

        // Well checksummed lies: kind, chunk, index, total, bytes behind the header
        struct Lie
        {
            int kind;
            uint16_t chunk;
            uint32_t index;
            uint32_t total;
            uint32_t body;
            Error want;
        };

        for (const Lie& lie : {Lie{0, 1400, 0, 100, 100, Error::TYPE},
                               Lie{3, 1400, 0, 100, 100, Error::TYPE},
                               Lie{1, 0, 0, 100, 100, Error::LENGTH},
                               Lie{1, 63, 0, 126, 63, Error::LENGTH},
                               Lie{1, 64, 1, 128, 64, Error::NONE},
                               Lie{1, 1400, 0, 63, 63, Error::LENGTH},
                               Lie{1, 1400, 0, 64, 64, Error::NONE},
                               Lie{1, 1400, 0, 64, 65, Error::LENGTH},
                               Lie{1, 1400, 1, 1400, 0, Error::LENGTH},
                               Lie{1, 1400, 1, 1401, 1, Error::NONE},
                               Lie{1, 1400, 1, 1401, 1400, Error::LENGTH},
                               Lie{1, 1400, 0, UINT32_MAX, 1400, Error::LENGTH},
                               Lie{1, 1400, UINT32_MAX, 1U << 30, 1400, Error::LENGTH},
                               Lie{2, 1, 0, 0, 0, Error::LENGTH},
                               Lie{2, 0, 0, 0, 1, Error::LENGTH},
                               Lie{2, 1025, 0, 0, 1025, Error::LENGTH}})
        {
            WdmoeChunkHeader header;
            header.kind = static_cast<WdmoeChunkHeader::Kind>(lie.kind);
            header.chunk = lie.chunk;
            header.index = lie.index;
            header.total = lie.total;
            Ptr<Packet> packet = Create<Packet>(lie.body);
            packet->AddHeader(header);
            std::vector<uint8_t> bytes(packet->GetSize());
            packet->CopyData(bytes.data(), packet->GetSize());
            const auto error = header.Parse(bytes.data(), packet->GetSize(), packet->GetSize());
            NS_TEST_ASSERT_MSG_EQ((error == lie.want),
                                  true,
                                  "chunk " << lie.chunk << " index " << lie.index << " total "
                                           << lie.total << " body " << lie.body << ": "
                                           << WdmoeHeader::ErrorName(error));
        }
    }
};

/**
 * @ingroup tests
 *
 * Random bytes of all sizes both ways: each message once, unchanged, and the counters agree.
 */
class DeliveryCase : public TestCase
{
  public:
    /**
     * @param type TypeId of the transports
     * @param loss of packets, each way
     * @param window WindowBytes of both sides, 0: the default
     */
    DeliveryCase(const std::string& type, double loss, uint32_t window = 0)
        : TestCase(type + ", loss " + std::to_string(loss) + ", window " + std::to_string(window)),
          m_type(type),
          m_loss(loss),
          m_window(window)
    {
    }

  private:
    void DoRun() override
    {
        Pair pair(m_type, "100Mb/s", MilliSeconds(2), m_loss);
        if (m_window > 0)
        {
            pair.server->SetAttribute("WindowBytes", UintegerValue(m_window));
            pair.client->SetAttribute("WindowBytes", UintegerValue(m_window));
        }
        pair.answer = true;
        pair.server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        for (uint32_t size : SIZES)
        {
            pair.Send(pair.client, pair.ServerAddress(), size);
        }
        Simulator::Stop(Seconds(1000));
        Simulator::Run();
        const auto& up = pair.client->GetCounters();
        const auto& down = pair.server->GetCounters();
        NS_TEST_EXPECT_MSG_EQ(pair.sent.size(), 2 * std::size(SIZES), "messages sent");
        for (size_t i = 0; i < pair.sent.size(); ++i)
        {
            NS_TEST_EXPECT_MSG_EQ(pair.got[i], 1, "deliveries of message " << i);
        }
        NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "messages whose bytes differ");
        NS_TEST_EXPECT_MSG_EQ(pair.lost, 0, "messages given up");
        for (const auto& [from, to] : {std::pair{up, down}, std::pair{down, up}})
        {
            NS_TEST_EXPECT_MSG_EQ(from.messagesSent,
                                  to.messagesReceived + from.messagesLost,
                                  "messages are conserved");
            NS_TEST_EXPECT_MSG_EQ(from.bytesSent, to.bytesReceived, "bytes are conserved");
            NS_TEST_EXPECT_MSG_EQ(to.badMessages, 0, "refused");
            if (m_loss == 0)
            {
                NS_TEST_EXPECT_MSG_EQ(from.retransmissions, 0, "needless retransmissions");
                NS_TEST_EXPECT_MSG_EQ(to.duplicates, 0, "duplicates");
            }
        }
        // All is over long before the stop, and nothing is left to be confirmed
        NS_TEST_EXPECT_MSG_LT(pair.last, Seconds(500), "time of the last delivery");
        pair.client->Close();
        pair.server->Close();
        NS_TEST_EXPECT_MSG_EQ(up.messagesUnconfirmed, 0, "unconfirmed, up");
        NS_TEST_EXPECT_MSG_EQ(down.messagesUnconfirmed, 0, "unconfirmed, down");
        if (m_type == "ns3::WdmoeUdpTransport")
        {
            // Loss p each way: a chunk goes 1/(1-p) times, and a bit more for lost evidence
            const double chunks = up.packetsSent - up.retransmissions;
            NS_TEST_EXPECT_MSG_LT(up.packetsSent / chunks,
                                  1.15 / (1 - m_loss),
                                  "transmissions of a chunk");
            if (m_window == 0)
            {
                NS_TEST_EXPECT_MSG_LT(down.acknowledgements,
                                      0.15 * up.packetsSent + 100,
                                      "acknowledgements are sparse");
            }
        }
    }

    std::string m_type; ///< TypeId of the transports
    double m_loss;      ///< of packets
    uint32_t m_window;  ///< WindowBytes
};

/**
 * @ingroup tests
 *
 * A peer that is not there, or vanishes: its messages are given up, and the event loop ends.
 */
class VanishCase : public TestCase
{
  public:
    VanishCase()
        : TestCase("UDP peer that vanishes")
    {
    }

  private:
    void DoRun() override
    {
        Pair pair("ns3::WdmoeUdpTransport", "100Mb/s", MilliSeconds(2), 0);
        pair.server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        pair.Send(pair.client, pair.ServerAddress(), 100);
        Simulator::Schedule(Seconds(1), &Pair::SetLoss, &pair, 1.0);
        Simulator::Schedule(Seconds(2),
                            &Pair::Send,
                            &pair,
                            pair.client,
                            pair.ServerAddress(),
                            1U << 20);
        Simulator::Schedule(Seconds(3),
                            &Pair::Send,
                            &pair,
                            pair.client,
                            pair.ServerAddress(),
                            5000);
        // Back long after: a new message goes through
        Simulator::Schedule(Seconds(500), &Pair::SetLoss, &pair, 0.0);
        Simulator::Schedule(Seconds(501),
                            &Pair::Send,
                            &pair,
                            pair.client,
                            pair.ServerAddress(),
                            7000);
        Simulator::Run(); // without Stop(): it must end by itself
        const auto& counters = pair.client->GetCounters();
        NS_TEST_EXPECT_MSG_EQ(counters.messagesSent, 4, "sent");
        NS_TEST_EXPECT_MSG_EQ(counters.messagesLost, 2, "lost");
        NS_TEST_EXPECT_MSG_EQ(pair.lost, 2, "MessageLost fired");
        NS_TEST_EXPECT_MSG_EQ(pair.lostBatch, 2, "in order, with the header");
        NS_TEST_EXPECT_MSG_EQ(pair.received, 2, "received");
        // One probe a timeout: 15 of them
        NS_TEST_EXPECT_MSG_EQ(counters.retransmissions, 15, "probes");
        NS_TEST_EXPECT_MSG_LT(Simulator::GetEventCount(), 2000, "events");
        NS_TEST_EXPECT_MSG_LT(Simulator::Now(), Seconds(510), "end of the run");
    }
};

/**
 * @ingroup tests
 *
 * A stranger who writes datagrams by hand: duplicates, lies, noise.
 */
class HostileCase : public TestCase
{
  public:
    HostileCase()
        : TestCase("UDP duplicates, lies and noise")
    {
    }

  private:
    /**
     * @param header of a datagram
     * @param body bytes behind it
     */
    void Write(const WdmoeChunkHeader& header, Ptr<Packet> body)
    {
        Ptr<Packet> packet = body->Copy();
        packet->AddHeader(header);
        m_socket->Send(packet);
    }

    void DoRun() override
    {
        using Error = WdmoeHeader::Error;
        Pair pair("ns3::WdmoeUdpTransport", "1Gb/s", MilliSeconds(1), 0);
        pair.server->Listen(PORT);
        m_socket = Socket::CreateSocket(pair.nodes.Get(1), UdpSocketFactory::GetTypeId());
        m_socket->Bind();
        m_socket->Connect(pair.ServerAddress());
        // A message of five chunks, each three times, backwards
        WdmoeHeader header;
        header.type = WdmoeHeader::BATCH;
        header.length = 6000;
        Ptr<Packet> message = Create<Packet>(header.length);
        message->AddHeader(header);
        WdmoeChunkHeader chunk;
        chunk.chunk = 1400;
        chunk.message = 42;
        chunk.total = message->GetSize();
        chunk.flags = WdmoeChunkHeader::ACK_REQUESTED;
        for (uint32_t round = 0; round < 3; ++round)
        {
            for (chunk.index = 5; chunk.index-- > 0;)
            {
                const uint32_t bytes = std::min(1400U, chunk.total - chunk.index * 1400);
                Write(chunk, message->CreateFragment(chunk.index * 1400, bytes));
            }
        }
        Simulator::Run();
        const auto& counters = pair.server->GetCounters();
        NS_TEST_EXPECT_MSG_EQ(counters.messagesReceived, 1, "delivered once");
        NS_TEST_EXPECT_MSG_EQ(counters.duplicates, 10, "the rest are duplicates");
        NS_TEST_EXPECT_MSG_EQ(counters.acknowledgements, 15, "each was answered, as asked");
        NS_TEST_EXPECT_MSG_EQ(counters.badMessages, 0, "nothing wrong so far");

        // A thousand messages of a gigabyte announced, each by its last chunk: memory for 64 chunks
        chunk.total = WdmoeHeader::MAX_LENGTH + WdmoeHeader::SIZE;
        chunk.index = chunk.GetCount() - 1;
        const uint32_t tail = chunk.total - chunk.index * 1400;
        for (chunk.message = 1000; chunk.message < 2000; ++chunk.message)
        {
            Write(chunk, Create<Packet>(tail));
        }
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(counters.acknowledgements, 15 + 64, "the others were not taken");
        // The same message, suddenly of another size
        chunk.message = 1000;
        chunk.index = 0;
        chunk.total = 1400;
        Write(chunk, Create<Packet>(1400));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(counters.bad.at(Error::LENGTH), 1, "another size");
        // After ReassemblyTimeout they make room; its payload is no message: refused when whole
        chunk.message = 5000;
        Simulator::Schedule(Seconds(60), &HostileCase::Write, this, chunk, Create<Packet>(1400));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(counters.bad.at(Error::MAGIC), 1, "zeros are no message");
        // An answer for what was never sent, and noise
        chunk.kind = WdmoeChunkHeader::ACK;
        chunk.chunk = 0;
        Write(chunk, Create<Packet>());
        uint64_t noise = 0;
        for (uint32_t i = 0; i < 10000; ++i)
        {
            auto bytes = pair.Bytes(pair.random->GetInteger(0, 60));
            if (bytes.size() > 2 && i % 2 == 0)
            {
                bytes[0] = 0x57;
                bytes[1] = 0x43;
                bytes[2] = 1;
            }
            m_socket->Send(Create<Packet>(bytes.data(), static_cast<uint32_t>(bytes.size())));
            ++noise;
        }
        const uint64_t before = counters.badMessages;
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(counters.badMessages - before, noise, "all noise is refused");
        uint64_t sum = 0;
        for (const auto& [error, count] : counters.bad)
        {
            sum += count;
        }
        NS_TEST_EXPECT_MSG_EQ(sum, counters.badMessages, "causes add up");
        // And an honest peer is served as before
        pair.client->Connect(pair.ServerAddress());
        pair.answer = true;
        pair.Send(pair.client, pair.ServerAddress(), 100000);
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "bytes");
        NS_TEST_EXPECT_MSG_EQ(pair.client->GetCounters().messagesReceived,
                              std::size(SIZES),
                              "answers");
    }

    Ptr<Socket> m_socket; ///< the stranger's
};

/**
 * @ingroup tests
 *
 * A window of the bandwidth-delay product and more fills the link, and a message of sized payload
 * needs as many bytes on the wire as GetWireBytes() says.
 */
class ThroughputCase : public TestCase
{
  public:
    /**
     * @param type TypeId of the transports
     */
    ThroughputCase(const std::string& type)
        : TestCase("Throughput of " + type),
          m_type(type)
    {
    }

  private:
    void DoRun() override
    {
        Pair pair(m_type, "100Mb/s", MilliSeconds(5), 0);
        if (m_type == "ns3::WdmoeUdpTransport")
        {
            pair.client->SetAttribute("WindowBytes", UintegerValue(1U << 20));
        }
        pair.server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        WdmoeHeader header;
        header.type = WdmoeHeader::BATCH;
        header.batch = 1;
        Simulator::Schedule(Seconds(1),
                            &WdmoeTransport::Send,
                            pair.client,
                            pair.ServerAddress(),
                            header,
                            Create<Packet>(30U << 20));
        Simulator::Stop(Seconds(20));
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(pair.received, 1, "delivered");
        // The link adds 2 bytes of PPP to each packet
        const double packets = pair.client->GetCounters().packetsSent;
        const double bits = 8 * (pair.client->GetWireBytes(30U << 20) + 2 * packets);
        const double used = bits / 100e6 / (pair.last - Seconds(1)).GetSeconds();
        NS_TEST_EXPECT_MSG_GT(used, 0.95, "of the link's capacity");
        NS_TEST_EXPECT_MSG_LT(used, 1.0001, "of the link's capacity");
    }

    std::string m_type; ///< TypeId of the transports
};

/**
 * @ingroup tests
 *
 * A burst in a slow link's queue, so that answers come far later than the first timeouts: next to
 * nothing is sent twice.
 */
class SlowLinkCase : public TestCase
{
  public:
    SlowLinkCase()
        : TestCase("UDP burst over a slow link")
    {
    }

  private:
    void DoRun() override
    {
        for (const char* rate : {"10Mb/s", "1Mb/s", "100kb/s"})
        {
            Pair pair("ns3::WdmoeUdpTransport", rate, MilliSeconds(5), 0);
            pair.client->SetAttribute("WindowBytes", UintegerValue(4U << 20));
            pair.server->Listen(PORT);
            pair.client->Connect(pair.ServerAddress());
            pair.Send(pair.client, pair.ServerAddress(), 1U << 20);
            pair.Send(pair.client, pair.ServerAddress(), 100);
            Simulator::Run();
            const auto& counters = pair.client->GetCounters();
            NS_TEST_EXPECT_MSG_EQ(pair.received, 2, "delivered over " << rate);
            NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "messages whose bytes differ");
            NS_TEST_EXPECT_MSG_EQ(counters.messagesLost, 0, "lost over " << rate);
            NS_TEST_EXPECT_MSG_LT(counters.retransmissions, 10, "sent twice over " << rate);
        }
    }
};

/**
 * @ingroup tests
 *
 * More messages half received at a time than a receiver keeps: all get through all the same.
 */
class ManyMessagesCase : public TestCase
{
  public:
    ManyMessagesCase()
        : TestCase("UDP, a thousand messages at once with loss")
    {
    }

  private:
    void DoRun() override
    {
        Pair pair("ns3::WdmoeUdpTransport", "100Mb/s", MilliSeconds(5), 0.3);
        pair.client->SetAttribute("WindowBytes", UintegerValue(4U << 20));
        pair.server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        for (uint32_t i = 0; i < 1000; ++i)
        {
            pair.Send(pair.client, pair.ServerAddress(), 3000);
        }
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(pair.received, 1000, "delivered");
        NS_TEST_EXPECT_MSG_EQ(*std::max_element(pair.got.begin(), pair.got.end()), 1, "once each");
        NS_TEST_EXPECT_MSG_EQ(pair.client->GetCounters().messagesLost, 0, "lost");
    }
};

/**
 * @ingroup tests
 *
 * An application that closes its transport while a message is being handed to it.
 */
class CloseCase : public TestCase
{
  public:
    /**
     * @param type TypeId of the transports
     */
    CloseCase(const std::string& type)
        : TestCase("Close() from the receive callback of " + type),
          m_type(type)
    {
    }

  private:
    /**
     * @param message the first of several
     */
    void Close(const WdmoeMessage& message)
    {
        ++m_received;
        m_server->Send(message.from, WdmoeHeader(), Create<Packet>(1U << 20));
        m_server->Close();
    }

    void DoRun() override
    {
        Pair pair(m_type, "100Mb/s", MilliSeconds(5), 0);
        m_server = pair.server;
        m_server->SetReceiveCallback(MakeCallback(&CloseCase::Close, this));
        m_server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        for (uint32_t i = 0; i < 5; ++i)
        {
            pair.Send(pair.client, pair.ServerAddress(), 100);
        }
        Simulator::Run(); // without Stop(): it must end by itself
        NS_TEST_EXPECT_MSG_EQ(m_received, 1, "nothing is delivered after Close()");
        NS_TEST_EXPECT_MSG_EQ(m_server->GetCounters().messagesUnconfirmed, 1, "unconfirmed");
        if (m_type == "ns3::WdmoeUdpTransport")
        {
            // TCP sends what is in the socket, and what it acknowledged it does not take back
            NS_TEST_EXPECT_MSG_EQ(pair.client->GetCounters().messagesReceived, 0, "not whole");
            NS_TEST_EXPECT_MSG_EQ(pair.client->GetCounters().messagesLost, 4, "the rest is lost");
        }
        // Open again on the same port: numbers of messages go on, nothing is taken for old
        pair.received = 0;
        m_server->SetReceiveCallback(MakeCallback(&Pair::AtServer, &pair));
        m_server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        pair.answer = true;
        pair.Send(pair.client, pair.ServerAddress(), 100);
        Simulator::Stop(Seconds(100));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(pair.received, 1 + std::size(SIZES), "all of the second round");
        NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "messages whose bytes differ");
        m_server = nullptr;
    }

    std::string m_type;           ///< TypeId of the transports
    Ptr<WdmoeTransport> m_server; ///< closes itself
    uint32_t m_received{0};       ///< messages
};

/**
 * @ingroup tests
 *
 * GetWireBytes() against what the IP layer sent.
 */
class WireBytesCase : public TestCase
{
  public:
    /**
     * @param type TypeId of the transports
     */
    WireBytesCase(const std::string& type)
        : TestCase("Bytes on the wire of " + type),
          m_type(type)
    {
    }

  private:
    /**
     * @param packet sent by the client's IP
     */
    void Tx(Ptr<const Packet> packet, Ptr<Ipv4>, uint32_t)
    {
        Ptr<Packet> copy = packet->Copy();
        Ipv4Header ip;
        copy->RemoveHeader(ip);
        if (m_type == "ns3::WdmoeTcpTransport")
        {
            TcpHeader tcp;
            copy->RemoveHeader(tcp);
            if (copy->GetSize() == 0)
            {
                return; // handshake or acknowledgement
            }
        }
        m_bytes += packet->GetSize();
    }

    void DoRun() override
    {
        for (uint32_t size : SIZES)
        {
            Pair pair(m_type, "100Mb/s", MilliSeconds(1), 0);
            pair.server->Listen(PORT);
            pair.client->Connect(pair.ServerAddress());
            m_bytes = 0;
            pair.nodes.Get(1)->GetObject<Ipv4L3Protocol>()->TraceConnectWithoutContext(
                "Tx",
                MakeCallback(&WireBytesCase::Tx, this));
            Simulator::Schedule(Seconds(1),
                                &Pair::Send,
                                &pair,
                                pair.client,
                                pair.ServerAddress(),
                                size);
            Simulator::Stop(Seconds(10));
            Simulator::Run();
            NS_TEST_EXPECT_MSG_EQ(pair.received, 1, "delivered");
            NS_TEST_EXPECT_MSG_EQ(m_bytes, pair.client->GetWireBytes(size), "payload " << size);
        }
    }

    std::string m_type;  ///< TypeId of the transports
    uint64_t m_bytes{0}; ///< seen
};

/**
 * @ingroup tests
 *
 * TCP: any segmentation, bad headers, a server that comes late, a connection that breaks.
 */
class TcpStreamCase : public TestCase
{
  public:
    TcpStreamCase()
        : TestCase("TCP segmentation, bad headers, reconnection")
    {
    }

  private:
    /**
     * @param socket to write to
     * @param bytes to write
     */
    static void Write(Ptr<Socket> socket, std::vector<uint8_t> bytes)
    {
        socket->Send(Create<Packet>(bytes.data(), static_cast<uint32_t>(bytes.size())));
    }

    /**
     * @param socket that was closed by the server
     */
    void Closed(Ptr<Socket> socket)
    {
        ++m_closed;
        socket->Close();
    }

    /**
     * @param pair whose server to dial
     * @return a plain socket, connected
     */
    Ptr<Socket> Dial(Pair& pair)
    {
        Ptr<Socket> socket = Socket::CreateSocket(pair.nodes.Get(1), TcpSocketFactory::GetTypeId());
        socket->SetAttribute("TcpNoDelay", BooleanValue(true));
        socket->SetCloseCallbacks(MakeCallback(&TcpStreamCase::Closed, this),
                                  MakeCallback(&TcpStreamCase::Closed, this));
        socket->Bind();
        socket->Connect(pair.ServerAddress());
        return socket;
    }

    void Segments()
    {
        Pair pair("ns3::WdmoeTcpTransport", "100Mb/s", MilliSeconds(1), 0);
        pair.server->Listen(PORT);
        // Five messages as one stream, written in pieces of 1, 2, ... bytes
        std::vector<uint8_t> stream;
        for (uint32_t size : {0U, 1U, 64U, 0U, 3000U})
        {
            pair.sent.push_back(pair.Bytes(size));
            WdmoeHeader header;
            header.type = WdmoeHeader::BATCH;
            header.batch = static_cast<uint32_t>(pair.sent.size()) - 1;
            header.length = size;
            Ptr<Packet> packet = Create<Packet>(pair.sent.back().data(), size);
            packet->AddHeader(header);
            std::vector<uint8_t> bytes(packet->GetSize());
            packet->CopyData(bytes.data(), packet->GetSize());
            stream.insert(stream.end(), bytes.begin(), bytes.end());
        }
        pair.got.resize(pair.sent.size());
        Ptr<Socket> bytewise = Dial(pair);
        Ptr<Socket> growing = Dial(pair);
        Ptr<Socket> atOnce = Dial(pair);
        Time when = Seconds(1);
        for (size_t at = 0; at < 300; ++at)
        {
            Simulator::Schedule(when += MilliSeconds(1),
                                &TcpStreamCase::Write,
                                bytewise,
                                std::vector<uint8_t>{stream[at]});
        }
        Simulator::Schedule(when,
                            &TcpStreamCase::Write,
                            bytewise,
                            std::vector<uint8_t>(stream.begin() + 300, stream.end()));
        size_t at = 0;
        for (size_t bytes = 1; at < stream.size(); ++bytes)
        {
            const size_t end = std::min(at + bytes, stream.size());
            Simulator::Schedule(when += MilliSeconds(1),
                                &TcpStreamCase::Write,
                                growing,
                                std::vector<uint8_t>(stream.begin() + at, stream.begin() + end));
            at = end;
        }
        Simulator::Schedule(Seconds(2), &TcpStreamCase::Write, atOnce, stream);
        Simulator::Stop(Seconds(10));
        Simulator::Run();
        for (uint32_t got : pair.got)
        {
            NS_TEST_EXPECT_MSG_EQ(got, 3, "each message once on each connection");
        }
        NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "messages whose bytes differ");
        NS_TEST_EXPECT_MSG_EQ(m_closed, 0, "connections closed");
    }

    void BadHeader()
    {
        Pair pair("ns3::WdmoeTcpTransport", "100Mb/s", MilliSeconds(1), 0);
        pair.server->Listen(PORT);
        Ptr<Socket> noise = Dial(pair);
        Ptr<Socket> half = Dial(pair);
        Simulator::Schedule(Seconds(1), &TcpStreamCase::Write, noise, pair.Bytes(200));
        Simulator::Schedule(Seconds(1), &TcpStreamCase::Write, half, pair.Bytes(63));
        pair.client->Connect(pair.ServerAddress());
        pair.Send(pair.client, pair.ServerAddress(), 5000);
        Simulator::Schedule(Seconds(2),
                            &Pair::Send,
                            &pair,
                            pair.client,
                            pair.ServerAddress(),
                            5000);
        Simulator::Stop(Seconds(30));
        Simulator::Run();
        const auto& counters = pair.server->GetCounters();
        NS_TEST_EXPECT_MSG_EQ(counters.badMessages, 1, "refused once");
        NS_TEST_EXPECT_MSG_EQ(counters.bad.count(WdmoeHeader::Error::MAGIC), 1, "for its magic");
        NS_TEST_EXPECT_MSG_EQ(m_closed, 1, "that connection was closed");
        NS_TEST_EXPECT_MSG_EQ(pair.received, 2, "the honest peer was served");
        NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "messages whose bytes differ");
    }

    void LateServer()
    {
        Pair pair("ns3::WdmoeTcpTransport", "100Mb/s", MilliSeconds(1), 0);
        pair.client->Connect(pair.ServerAddress());
        pair.Send(pair.client, pair.ServerAddress(), 5000);
        Simulator::Schedule(Seconds(5), &WdmoeTransport::Listen, pair.server, PORT);
        Simulator::Stop(Seconds(30));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(pair.received, 1, "what was queued before is sent after");
        NS_TEST_EXPECT_MSG_EQ(pair.client->GetCounters().messagesLost, 0, "lost");
    }

    void NoServer()
    {
        Pair pair("ns3::WdmoeTcpTransport", "100Mb/s", MilliSeconds(1), 0);
        pair.client->Connect(pair.ServerAddress());
        pair.Send(pair.client, pair.ServerAddress(), 5000);
        Simulator::Schedule(Seconds(900),
                            &Pair::Send,
                            &pair,
                            pair.client,
                            pair.ServerAddress(),
                            10);
        Simulator::Run(); // without Stop(): it must end by itself
        NS_TEST_EXPECT_MSG_EQ(pair.client->GetCounters().messagesLost, 2, "lost");
        NS_TEST_EXPECT_MSG_EQ(pair.lost, 2, "MessageLost fired");
    }

    void Broken()
    {
        Pair pair("ns3::WdmoeTcpTransport", "10Mb/s", MilliSeconds(1), 0);
        pair.server->Listen(PORT);
        pair.client->Connect(pair.ServerAddress());
        WdmoeHeader hello;
        hello.type = WdmoeHeader::HELLO;
        hello.batch = UINT32_MAX;
        pair.client->Send(pair.ServerAddress(), hello, nullptr);
        for (uint32_t i = 0; i < 10; ++i)
        {
            pair.Send(pair.client, pair.ServerAddress(), 1U << 20);
        }
        // In the midst of it nothing gets through for minutes
        Simulator::Schedule(Seconds(3), &Pair::SetLoss, &pair, 1.0);
        Simulator::Schedule(Seconds(400), &Pair::SetLoss, &pair, 0.0);
        Simulator::Schedule(Seconds(600),
                            &Pair::Send,
                            &pair,
                            pair.client,
                            pair.ServerAddress(),
                            5000);
        Simulator::Stop(Seconds(900));
        Simulator::Run();
        const auto& up = pair.client->GetCounters();
        const auto& down = pair.server->GetCounters();
        NS_TEST_EXPECT_MSG_EQ(up.messagesSent, 13, "two greetings, ten large ones and one after");
        NS_TEST_EXPECT_MSG_GT(up.messagesLost, 5, "the large ones that were not through");
        NS_TEST_EXPECT_MSG_EQ(up.messagesSent,
                              up.messagesLost + down.messagesReceived,
                              "messages are conserved");
        NS_TEST_EXPECT_MSG_EQ(pair.got.back(), 1, "the one after");
        NS_TEST_EXPECT_MSG_EQ(pair.wrong, 0, "messages whose bytes differ");
    }

    void DoRun() override
    {
        Segments();
        BadHeader();
        LateServer();
        NoServer();
        Broken();
    }

    uint32_t m_closed{0}; ///< connections closed by the server
};

/**
 * @ingroup tests
 *
 * The messages of the gating server and the expert nodes, and what carries them.
 */
class WdmoeAppTestSuite : public TestSuite
{
  public:
    WdmoeAppTestSuite()
        : TestSuite("wdmoe-app", Type::UNIT)
    {
        AddTestCase(new HeaderCase, Duration::QUICK);
        AddTestCase(new ChunkHeaderCase, Duration::QUICK);
        for (double loss : {0.0, 0.01, 0.1, 0.3})
        {
            AddTestCase(new DeliveryCase("ns3::WdmoeUdpTransport", loss), Duration::QUICK);
        }
        AddTestCase(new DeliveryCase("ns3::WdmoeUdpTransport", 0.1, 4U << 20), Duration::QUICK);
        AddTestCase(new DeliveryCase("ns3::WdmoeUdpTransport", 0.1, 5000), Duration::QUICK);
        AddTestCase(new DeliveryCase("ns3::WdmoeUdpTransport", 0.0, 1), Duration::QUICK);
        AddTestCase(new DeliveryCase("ns3::WdmoeTcpTransport", 0.0), Duration::QUICK);
        AddTestCase(new DeliveryCase("ns3::WdmoeTcpTransport", 0.01), Duration::QUICK);
        AddTestCase(new VanishCase, Duration::QUICK);
        AddTestCase(new HostileCase, Duration::QUICK);
        for (const char* type : {"ns3::WdmoeUdpTransport", "ns3::WdmoeTcpTransport"})
        {
            AddTestCase(new ThroughputCase(type), Duration::QUICK);
            AddTestCase(new WireBytesCase(type), Duration::QUICK);
        }
        AddTestCase(new SlowLinkCase, Duration::QUICK);
        AddTestCase(new ManyMessagesCase, Duration::QUICK);
        AddTestCase(new CloseCase("ns3::WdmoeUdpTransport"), Duration::QUICK);
        AddTestCase(new CloseCase("ns3::WdmoeTcpTransport"), Duration::QUICK);
        AddTestCase(new TcpStreamCase, Duration::QUICK);
    }
};

/// The suite registers itself
WdmoeAppTestSuite g_wdmoeAppTestSuite;

} // namespace
