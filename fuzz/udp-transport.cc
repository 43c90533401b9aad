/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The transport over UDP: an input is a sequence of datagrams from two peers, with answers and time
// in between. What is delivered must be whole messages that passed their checks.

#include "wdmoe-fuzz-wire.h"
#include "wdmoe-fuzz.h"

#include "ns3/inet-socket-address.h"
#include "ns3/node.h"
#include "ns3/simulator.h"
#include "ns3/udp-socket-factory.h"
#include "ns3/udp-socket.h"

#include <deque>

using namespace ns3;

namespace
{

/// A socket without a stack: the target puts datagrams in, and what is sent is gone
class FuzzSocket : public UdpSocket
{
  public:
    // inherited from Socket
    SocketErrno GetErrno() const override
    {
        return ERROR_NOTERROR;
    }

    SocketType GetSocketType() const override
    {
        return NS3_SOCK_DGRAM;
    }

    Ptr<Node> GetNode() const override
    {
        return m_node;
    }

    int Bind(const Address&) override
    {
        return 0;
    }

    int Bind() override
    {
        return 0;
    }

    int Bind6() override
    {
        return 0;
    }

    int Close() override
    {
        return 0;
    }

    int ShutdownSend() override
    {
        return 0;
    }

    int ShutdownRecv() override
    {
        return 0;
    }

    int Connect(const Address&) override
    {
        return 0;
    }

    int Listen() override
    {
        return 0;
    }

    uint32_t GetTxAvailable() const override
    {
        return 65507;
    }

    int Send(Ptr<Packet> p, uint32_t) override
    {
        return static_cast<int>(p->GetSize());
    }

    int SendTo(Ptr<Packet> p, uint32_t, const Address&) override
    {
        return static_cast<int>(p->GetSize());
    }

    uint32_t GetRxAvailable() const override
    {
        return static_cast<uint32_t>(m_in.size());
    }

    Ptr<Packet> Recv(uint32_t, uint32_t) override
    {
        Address from;
        return RecvFrom(0, 0, from);
    }

    Ptr<Packet> RecvFrom(uint32_t, uint32_t, Address& from) override
    {
        if (m_in.empty())
        {
            return nullptr;
        }
        const auto [packet, address] = m_in.front();
        m_in.pop_front();
        from = address;
        return packet;
    }

    int GetSockName(Address&) const override
    {
        return 0;
    }

    int GetPeerName(Address&) const override
    {
        return 0;
    }

    bool SetAllowBroadcast(bool) override
    {
        return true;
    }

    bool GetAllowBroadcast() const override
    {
        return false;
    }

    int MulticastJoinGroup(uint32_t, const Address&) override
    {
        return 0;
    }

    int MulticastLeaveGroup(uint32_t, const Address&) override
    {
        return 0;
    }

    /// @param packet a datagram @param from the peer
    void Put(Ptr<Packet> packet, const Address& from)
    {
        m_in.emplace_back(packet, from);
        NotifyDataRecv();
    }

    Ptr<Node> m_node; ///< where it is

  private:
    void SetRcvBufSize(uint32_t) override
    {
    }

    uint32_t GetRcvBufSize() const override
    {
        return 1 << 20;
    }

    void SetIpMulticastTtl(uint8_t) override
    {
    }

    uint8_t GetIpMulticastTtl() const override
    {
        return 1;
    }

    void SetIpMulticastIf(int32_t) override
    {
    }

    int32_t GetIpMulticastIf() const override
    {
        return 0;
    }

    void SetIpMulticastLoop(bool) override
    {
    }

    bool GetIpMulticastLoop() const override
    {
        return false;
    }

    void SetMtuDiscover(bool) override
    {
    }

    bool GetMtuDiscover() const override
    {
        return false;
    }

    std::deque<std::pair<Ptr<Packet>, Address>> m_in; ///< to be read
};

/// Makes them
class FuzzSocketFactory : public UdpSocketFactory
{
  public:
    Ptr<Socket> CreateSocket() override
    {
        m_socket = CreateObject<FuzzSocket>();
        m_socket->m_node = GetObject<Node>();
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
    auto transport = CreateObject<WdmoeUdpTransport>();
    transport->SetNode(node);
    uint64_t delivered = 0;
    transport->SetReceiveCallback(
        Callback<void, const WdmoeMessage&>([&](const WdmoeMessage& message) {
            WdmoeFuzzCheck(message.payload->GetSize() == message.header.length, "a whole message");
            delivered++;
        }));
    transport->Listen(5500);
    // a step: what, length of a datagram, the datagram
    const uint8_t* end = data + size;
    while (end - data >= 3)
    {
        const uint8_t what = data[0];
        const auto length = std::min<std::size_t>(data[1] | (data[2] & 7) << 8, end - data - 3);
        std::vector<uint8_t> bytes(data + 3, data + 3 + length);
        data += 3 + length;
        const InetSocketAddress peer(Ipv4Address(0x0a000001 + (what & 1)), 1000);
        if (what & 2)
        {
            WdmoeHeader header;
            transport->Send(peer,
                            header,
                            Create<Packet>(bytes.data(), static_cast<uint32_t>(length)));
        }
        else
        {
            if (what & 4)
            {
                std::vector<uint8_t> inner(bytes.begin() + std::min<std::size_t>(28, length),
                                           bytes.end());
                WdmoeMendMessage(inner);
                std::copy(inner.begin(), inner.end(), bytes.end() - inner.size());
            }
            if (what & 8)
            {
                WdmoeMendChunk(bytes);
            }
            factory->m_socket->Put(Create<Packet>(bytes.data(), static_cast<uint32_t>(length)),
                                   peer);
        }
        if (what & 16)
        {
            Simulator::Stop(MilliSeconds(what));
            Simulator::Run();
        }
    }
    const auto counters = transport->GetCounters();
    WdmoeFuzzCheck(counters.messagesReceived == delivered, "what is counted is delivered");
    transport->Dispose();
    factory->m_socket->m_node = nullptr;
    node->Dispose();
    Simulator::Destroy();
    return 0;
}
