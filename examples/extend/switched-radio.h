/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef SWITCHED_RADIO_H
#define SWITCHED_RADIO_H

#include "switched-queue-disc.h"

#include "ns3/bridge-net-device.h"
#include "ns3/csma-helper.h"
#include "ns3/data-rate.h"
#include "ns3/ipv4-address.h"
#include "ns3/net-device-container.h"
#include "ns3/wdmoe-radio.h"

#include <vector>

namespace ns3
{

/**
 * A switched Ethernet: the server's wire to the switch is shared by all devices, each of which has
 * a wire of its own. ns3's CSMA is half duplex; a part of the trunk's time is set aside for each
 * direction, so that they do not take from one another. A share is a rate on the trunk.
 *
 * Not modelled: signalling. Senders learn their rates, and who else is busy, at once. Load has to
 * leave room for frame headers: 0.9 does for packets of 350 bytes and more.
 */
class SwitchedRadio : public WdmoeRadio
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * @param node the server; before the first device
     */
    void SetServerNode(Ptr<Node> node);

    // inherited from WdmoeRadio
    std::string GetName() const override;
    Ptr<Node> GetServerNode() const override;
    Address GetDeviceAddress(uint32_t device) const override;
    Address GetServerAddress(uint32_t device) const override;
    bool IsReady() const override;
    WdmoeRadioCapabilities GetCapabilities() const override;
    WdmoeBudget GetBudget() const override;
    WdmoeUsage GetUsage(uint32_t device) const override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;
    void DoAddDevice(uint32_t device, Ptr<Node> node) override;
    WdmoeLinkState DoGetLinkState(uint32_t device) const override;
    void DoSetPlan(const WdmoePlan& plan) override;

  private:
    /// One direction of one device
    struct Way
    {
        Ptr<SwitchedQueueDisc> disc; ///< of the sender
        uint32_t peer{0};            ///< number in it
        double bits{0};              ///< sent so far
        uint32_t untold{0};          ///< bytes sent since the last "Grant"
        EventId tell;                ///< next "Grant"
    };

    /// One device
    struct Link
    {
        Address address; ///< IP
        Way downlink;    ///< to it
        Way uplink;      ///< from it
    };

    /// One end on the LAN: its NetDevice, IP address and queue disc
    struct End
    {
        Ptr<NetDevice> nic;          ///< CSMA
        Ptr<SwitchedQueueDisc> disc; ///< root queue disc
        Ipv4Address address;         ///< IP
    };

    /**
     * A wire from a node to the switch, with all that is above it.
     *
     * @param node of its end
     * @param downlink the server's end
     * @return its end
     */
    End Connect(Ptr<Node> node, bool downlink);

    /**
     * @param downlink direction
     * @return all of it, bit/s of IP packets
     */
    double GetRate(bool downlink) const;

    /**
     * Who is busy has changed, or the plan: set the rates.
     *
     * @param downlink direction
     */
    void Update(bool downlink);

    /**
     * A packet has left a queue.
     *
     * @param downlink direction
     * @param device index
     * @param bytes of IP packet
     */
    void Sent(bool downlink, uint32_t device, uint32_t bytes);

    /**
     * Fire "Grant", and again a GrantPeriod later.
     *
     * @param downlink direction
     * @param device index
     */
    void Tell(bool downlink, uint32_t device);

    DataRate m_dataRate;           ///< of each wire
    double m_downlinkFraction;     ///< of the trunk's time
    double m_load;                 ///< part of DataRate that carries IP packets
    Time m_timeConstant;           ///< shares hold over that
    Time m_grantPeriod;            ///< of "Grant"
    Ipv4Address m_network;         ///< of the LAN, /16
    Ptr<Node> m_switch;            ///< in the middle
    Ptr<BridgeNetDevice> m_bridge; ///< its bridge
    Ptr<Node> m_serverNode;        ///< base station
    End m_server;                  ///< its end
    NetDeviceContainer m_nics;     ///< all CSMA devices
    std::vector<Link> m_links;     ///< by device
    WdmoePlan m_shares;            ///< in force; weight 1 for all before the first plan
};

} // namespace ns3

#endif /* SWITCHED_RADIO_H */
