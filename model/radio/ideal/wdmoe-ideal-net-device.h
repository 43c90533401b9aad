/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_IDEAL_NET_DEVICE_H
#define WDMOE_IDEAL_NET_DEVICE_H

#include "ns3/callback.h"
#include "ns3/channel.h"
#include "ns3/event-id.h"
#include "ns3/mac48-address.h"
#include "ns3/net-device.h"
#include "ns3/nstime.h"
#include "ns3/traced-callback.h"

#include <deque>

namespace ns3
{

class WdmoeIdealNetDevice;

/**
 * @ingroup wdmoe-radio
 *
 * The two ends of one ideal link. It only says who is connected: the devices hand packets to one
 * another.
 */
class WdmoeIdealChannel : public Channel
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * Connect two devices, both ways.
     *
     * @param a one end
     * @param b the other end
     */
    void Connect(Ptr<WdmoeIdealNetDevice> a, Ptr<WdmoeIdealNetDevice> b);

    // inherited from Channel
    std::size_t GetNDevices() const override;
    Ptr<NetDevice> GetDevice(std::size_t i) const override;

  protected:
    void DoDispose() override;

  private:
    Ptr<WdmoeIdealNetDevice> m_ends[2]; ///< both ends
};

/**
 * @ingroup wdmoe-radio
 *
 * One end of an ideal FDMA link: a queue without bound, served bit by bit at a rate that may
 * change at any time, also in the middle of a packet. No header, no loss, no delay but
 * serialisation. Rate 0 means: hold everything until the rate is raised.
 */
class WdmoeIdealNetDevice : public NetDevice
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeIdealNetDevice();

    /**
     * @param rate bit/s >= 0, from now on
     */
    void SetRate(double rate);

    /// @return bit/s
    double GetRate() const;

    /// @return bytes of the packets that wait, with the one being sent
    uint64_t GetQueuedBytes() const;

    /// @return true while there is something to send
    bool IsBusy() const;

    /// Called when IsBusy() changes
    typedef Callback<void> BusyCallback;

    /**
     * @param callback called when IsBusy() changes
     */
    void SetBusyCallback(BusyCallback callback);

    /**
     * @param peer the other end
     * @param channel what connects them
     */
    void SetPeer(Ptr<WdmoeIdealNetDevice> peer, Ptr<WdmoeIdealChannel> channel);

    // inherited from NetDevice
    void SetIfIndex(const uint32_t index) override;
    uint32_t GetIfIndex() const override;
    Ptr<Channel> GetChannel() const override;
    void SetAddress(Address address) override;
    Address GetAddress() const override;
    bool SetMtu(const uint16_t mtu) override;
    uint16_t GetMtu() const override;
    bool IsLinkUp() const override;
    void AddLinkChangeCallback(Callback<void> callback) override;
    bool IsBroadcast() const override;
    Address GetBroadcast() const override;
    bool IsMulticast() const override;
    Address GetMulticast(Ipv4Address multicastGroup) const override;
    Address GetMulticast(Ipv6Address addr) const override;
    bool IsPointToPoint() const override;
    bool IsBridge() const override;
    bool Send(Ptr<Packet> packet, const Address& dest, uint16_t protocolNumber) override;
    bool SendFrom(Ptr<Packet> packet,
                  const Address& source,
                  const Address& dest,
                  uint16_t protocolNumber) override;
    Ptr<Node> GetNode() const override;
    void SetNode(Ptr<Node> node) override;
    bool NeedsArp() const override;
    void SetReceiveCallback(NetDevice::ReceiveCallback cb) override;
    void SetPromiscReceiveCallback(PromiscReceiveCallback cb) override;
    bool SupportsSendFrom() const override;

  protected:
    void DoDispose() override;

  private:
    /// A packet and its protocol number
    struct Item
    {
        Ptr<Packet> packet; ///< what
        uint16_t protocol;  ///< EtherType
    };

    /**
     * Tell the sniffers.
     *
     * @param packet it begins to be sent, or has arrived
     */
    void Sniff(Ptr<const Packet> packet);

    /// Count what was sent of the head packet since the last change
    void Progress();

    /// (Re)schedule the end of the head packet
    void Reschedule();

    /// The head packet has been sent
    void Finish();

    /**
     * @param packet what arrived
     * @param protocol its EtherType
     */
    void Receive(Ptr<Packet> packet, uint16_t protocol);

    Ptr<Node> m_node;                                        ///< where this is installed
    Ptr<WdmoeIdealNetDevice> m_peer;                         ///< the other end
    Ptr<WdmoeIdealChannel> m_channel;                        ///< what connects them
    uint32_t m_ifIndex{0};                                   ///< interface index
    uint16_t m_mtu{1500};                                    ///< bytes
    Mac48Address m_address;                                  ///< never sent
    NetDevice::ReceiveCallback m_rx;                         ///< to the node
    PromiscReceiveCallback m_promisc;                        ///< to the node
    std::deque<Item> m_queue;                                ///< head is being sent
    double m_rate{0};                                        ///< bit/s
    double m_remainingBits{0};                               ///< of the head packet
    Time m_updated;                                          ///< when m_remainingBits was right
    EventId m_finish;                                        ///< end of the head packet
    BusyCallback m_busyCallback;                             ///< told of changes
    TracedCallback<Ptr<const Packet>> m_macTxTrace;          ///< "MacTx": handed down by the node
    TracedCallback<Ptr<const Packet>> m_macRxTrace;          ///< "MacRx": handed up to the node
    TracedCallback<Ptr<const Packet>> m_snifferTrace;        ///< "Sniffer": on the link
    TracedCallback<Ptr<const Packet>> m_promiscSnifferTrace; ///< "PromiscSniffer": likewise
};

} // namespace ns3

#endif /* WDMOE_IDEAL_NET_DEVICE_H */
