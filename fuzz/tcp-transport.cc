/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The transport over TCP: an input is a stream of bytes, in pieces, from a peer that connected.
// What is delivered must be whole messages; a message that is refused ends the connection.

#include "../model/app/wdmoe-tcp-transport.h"
#include "wdmoe-fuzz-wire.h"
#include "wdmoe-fuzz.h"

#include "ns3/inet-socket-address.h"
#include "ns3/node.h"
#include "ns3/simulator.h"
#include "ns3/tcp-socket-base.h"
#include "ns3/tcp-socket-factory.h"

using namespace ns3;

namespace
{

/// A socket whose bytes come from the target, not from a stack
class FuzzSocket : public TcpSocketBase
{
  public:
    int Bind(const Address&) override
    {
        return 0;
    }

    int Bind() override
    {
        return 0;
    }

    int Listen() override
    {
        return 0;
    }

    int Connect(const Address&) override
    {
        return 0;
    }

    int Close() override
    {
        return 0;
    }

    int Send(Ptr<Packet> p, uint32_t) override
    {
        return static_cast<int>(p->GetSize());
    }

    uint32_t GetTxAvailable() const override
    {
        return 4194304;
    }

    Ptr<Packet> Recv(uint32_t, uint32_t) override
    {
        const auto packet = m_in;
        m_in = nullptr;
        return packet;
    }

    /// @param packet the next bytes of the stream
    void Put(Ptr<Packet> packet)
    {
        m_in = packet;
        NotifyDataRecv();
    }

    /// @param socket of the connection @param from the peer
    void Accept(Ptr<Socket> socket, const Address& from)
    {
        NotifyNewConnectionCreated(socket, from);
    }

  private:
    Ptr<Packet> m_in; ///< to be read
};

/// Makes them
class FuzzSocketFactory : public TcpSocketFactory
{
  public:
    Ptr<Socket> CreateSocket() override
    {
        m_socket = CreateObject<FuzzSocket>();
        return m_socket;
    }

    Ptr<FuzzSocket> m_socket; ///< the last one
};

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size)
{
    auto node = CreateObject<Node>();
    auto factory = CreateObject<FuzzSocketFactory>();
    node->AggregateObject(factory);
    node->Initialize();
    auto transport = CreateObject<WdmoeTcpTransport>();
    transport->SetNode(node);
    transport->SetReceiveCallback(
        Callback<void, const WdmoeMessage&>([&](const WdmoeMessage& message) {
            WdmoeFuzzCheck(message.payload->GetSize() == message.header.length, "a whole message");
        }));
    transport->Listen(5500);
    auto listener = factory->m_socket;
    auto connection = CreateObject<FuzzSocket>();
    const InetSocketAddress peer(Ipv4Address("10.0.0.1"), 1000);
    listener->Accept(connection, peer);
    // a step: what, length of a piece, the piece
    const uint8_t* end = data + size;
    while (end - data >= 3)
    {
        const uint8_t what = data[0];
        const auto length = std::min<std::size_t>(data[1] | (data[2] & 7) << 8, end - data - 3);
        std::vector<uint8_t> bytes(data + 3, data + 3 + length);
        data += 3 + length;
        if (what & 1)
        {
            WdmoeMendMessage(bytes);
        }
        if (what & 2)
        {
            // the same peer once more, or another
            connection = CreateObject<FuzzSocket>();
            listener->Accept(connection,
                             what & 4 ? peer : InetSocketAddress(Ipv4Address("10.0.0.2"), what));
        }
        if (what & 8)
        {
            WdmoeHeader header;
            transport->Send(peer,
                            header,
                            Create<Packet>(bytes.data(), static_cast<uint32_t>(length)));
        }
        else
        {
            connection->Put(Create<Packet>(bytes.data(), static_cast<uint32_t>(length)));
        }
        if (what & 16)
        {
            Simulator::Stop(MilliSeconds(what));
            Simulator::Run();
        }
    }
    transport->Dispose();
    factory->m_socket = nullptr;
    node->Dispose();
    Simulator::Destroy();
    return 0;
}
