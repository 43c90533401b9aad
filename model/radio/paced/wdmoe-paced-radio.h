/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_RADIO_H
#define WDMOE_PACED_RADIO_H

#include "wdmoe-paced-meter.h"
#include "wdmoe-paced-prober.h"
#include "wdmoe-paced-queue-disc.h"

#include "ns3/ipv4-address.h"
#include "ns3/wdmoe-radio.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Any pair of NetDevices as a radio: Wi-Fi without OFDMA, CSMA, point-to-point, or whatever has an
 * IPv4 address. It knows nothing of what is below IP.
 *
 * **Enforcing.** Each end's NetDevice gets a root queue disc (WdmoePacedQueueDisc, in place of the
 * one that ns-3 installs unasked); at a NetDevice that the server has for several devices, one
 * class for each. A class goes at share x capacity. Address resolution is never held back; of the
 * rest, share 0 lets nothing go.
 *
 * **Measuring.** Capacity is what a device gets of the medium alone: WdmoePacedCapacity, from
 * packet trains, of the traffic itself where they come up, and where not, of probes: when nothing
 * is known yet, when the last sample is older than MaxAge, and when a device is heard again. For a
 * probe the pace of one end is taken off, and what it has waiting is filled up with UDP datagrams
 * to ProbePort until a train is complete; on a shared medium the others wait meanwhile.
 *
 * **Start rule.** An end without a sample is not paced; only the bytes it has in flight are limited
 * (InitialWindow), or, if InitialRate is not 0, it is paced as if that were its capacity. Its link
 * state is not valid, and IsReady() is false, until its first train is through. Whoever has none
 * StartTimeout after the start is named on standard error.
 *
 * **Kinds of medium.** Dedicated: each link is its own, both ways at once. Shared: all links and
 * both directions take from one medium. The rate with all of it to itself is C_k; what the medium
 * carries when all contend is the fraction E of that, the same for all: the work (bytes / C) that
 * is done in a time in which the NetDevices had some all along. Rate law and pace are E x C_k, the
 * pace up to a fifth more while the NetDevices have less than QueueTarget of work, and less while
 * they have more, so that the medium is busy, and pace, not contention, decides who is next. Shares
 * of both directions that sum to more than 1 over those who have something to send are scaled down
 * to 1, so that with both directions busy each has half of what it has alone.
 *
 * **What crosses the network, and what does not.** Reports of what arrived, who has something to
 * send, and plans reach the other side SignalDelay later, out of band and without loss (as LTE's
 * CQI, scheduling requests and grants do here). A device that starts to send has what it is
 * guaranteed at once, and a part in the leftover two SignalDelay later.
 *
 * **Lost devices.** When LostAfter passes and at least three packets were handed down and none
 * arrived, a link is not valid; it is held back but for one packet in each ProbeInterval, later in
 * up to 16 of them, and comes back with a probe. Its part goes to the others.
 *
 * Budget: 1 Hz each way, so that a law's bit/s/Hz are the capacity.
 */
class WdmoePacedRadio : public WdmoeRadio
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// How links relate to one another
    enum Medium
    {
        AUTO,      ///< DEDICATED if all NetDevices are point-to-point
        DEDICATED, ///< each link its own, full duplex
        SHARED     ///< all links and both directions one medium
    };

    WdmoePacedRadio();

    /**
     * @param node the base station, with an internet stack; before the first link
     */
    void SetServerNode(Ptr<Node> node);

    /**
     * Take one more device into the cell. Both NetDevices are installed, connected and have an
     * IPv4 address; the server's may be the same for several devices.
     *
     * @param server NetDevice of the server node
     * @param device NetDevice of the device
     * @return the device's index
     */
    uint32_t AddLink(Ptr<NetDevice> server, Ptr<NetDevice> device);

    /**
     * @param assign called by AssignStreams() for the random variables of the medium
     */
    void SetStreamAssigner(std::function<int64_t(int64_t)> assign);

    /// @return the kind of medium, AUTO resolved
    Medium GetMedium() const;

    /**
     * @param device index
     * @param downlink direction
     * @return what it gets with all of the medium to itself, bit/s of IP packets; 0: not measured
     */
    double GetCapacity(uint32_t device, bool downlink) const;

    /// @return E, what the medium carries of that when all contend (Dedicated: 1)
    double GetEfficiency() const;

    /**
     * @param device index
     * @param downlink direction
     * @return where its bytes are, probes included
     */
    WdmoePacedCount GetCount(uint32_t device, bool downlink) const;

    /// @return the ends without a sample, in words; empty if there are none
    std::string DescribeUnmeasured() const;

    // inherited from WdmoeRadio
    std::string GetName() const override;
    Ptr<Node> GetServerNode() const override;
    Address GetDeviceAddress(uint32_t device) const override;
    Address GetServerAddress(uint32_t device) const override;
    bool IsReady() const override;
    WdmoeRadioCapabilities GetCapabilities() const override;
    WdmoeBudget GetBudget() const override;
    WdmoeUsage GetUsage(uint32_t device) const override;
    WdmoeRadioBacklog GetBacklog(uint32_t device) const override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;
    void DoAddDevice(uint32_t device, Ptr<Node> node) override;
    WdmoeLinkState DoGetLinkState(uint32_t device) const override;
    void DoSetPlan(const WdmoePlan& plan) override;

  private:
    /// One direction of one link; downlink 2 k, uplink 2 k + 1
    struct End
    {
        Ptr<NetDevice> sender;         ///< where it is held back
        Ptr<WdmoePacedQueueDisc> disc; ///< of the sender
        uint32_t index{0};             ///< of its class there
        Ipv4Address from;              ///< the sender
        Ipv4Address to;                ///< the receiver
        WdmoeShare share{0, 1, 0};     ///< of the plan, as the base station wants it
        double part{0};                ///< of the medium, as divided
        bool busy{false};              ///< as the base station knows
        double hzS{0};                 ///< granted so far
    };

    /// Start, with the first link
    void Start();

    /**
     * Learn E, and keep the NetDevices' queues at QueueTarget.
     *
     * @param workS in the NetDevices, s
     * @param waiting parts of the medium of those who wait for their pace
     */
    void Steer(double workS, double waiting);

    /// Every so often: look after the ends, and how full the medium is
    void Tick();

    /**
     * @param node of a link
     * @param device on it
     * @return its address there; aborts if it has none
     */
    static Ipv4Address FindAddress(Ptr<Node> node, Ptr<NetDevice> device);

    /**
     * @param from one side
     * @param to the other
     */
    void AddEnd(Ptr<NetDevice> from, Ptr<NetDevice> to);

    /**
     * @param end name
     * @return true if the plan gives it nothing at all
     */
    bool IsZero(uint32_t end) const;

    /// @name What the queue discs and the meter tell
    /// @{

    /**
     * @param end name
     * @param sequence number of the packet
     * @param bytes of it
     * @param probe nobody's
     */
    void HandDown(uint32_t end, uint64_t sequence, uint32_t bytes, bool probe);

    /**
     * @param end name
     */
    void NotifyBusy(uint32_t end);

    /**
     * @param end name
     * @param busy it is
     */
    void KnowBusy(uint32_t end, bool busy);

    /**
     * @param end name
     * @param bytes arrived or lost
     * @param arrived any of it
     */
    void Report(uint32_t end, uint64_t bytes, bool arrived);
    /// @}

    /// @name Dividing
    /// @{

    /// Divide anew, from what the base station knows
    void Update();

    /**
     * @param first end
     * @param step from one end to the next
     */
    void Divide(uint32_t first, uint32_t step);

    /**
     * @param parity 0: downlinks, 1: uplinks
     */
    void Apply(uint32_t parity);
    /// @}

    /// Tell who has no sample
    void CheckStart();

    Medium m_kind;              ///< attribute Medium
    double m_initialRate;       ///< attribute InitialRate, bit/s
    uint32_t m_window;          ///< attribute InitialWindow, bytes
    Time m_windowTime;          ///< attribute WindowTime
    double m_initialEfficiency; ///< attribute InitialEfficiency
    Time m_burst;               ///< attribute BurstInterval
    Time m_signalDelay;         ///< attribute SignalDelay
    Time m_queueTarget;         ///< attribute QueueTarget
    uint32_t m_trainPackets;    ///< attribute TrainPackets
    uint32_t m_trainMost;       ///< attribute TrainMost
    Time m_trainTime;           ///< attribute TrainTime
    uint32_t m_samples;         ///< attribute Samples
    Time m_maxAge;              ///< attribute MaxAge
    Time m_probeInterval;       ///< attribute ProbeInterval
    uint32_t m_probeSize;       ///< attribute ProbeSize, bytes
    uint16_t m_probePort;       ///< attribute ProbePort
    Time m_lostAfter;           ///< attribute LostAfter
    Time m_startTimeout;        ///< attribute StartTimeout

    Ptr<Node> m_server;                                         ///< base station
    Ptr<WdmoePacedMeter> m_meter;                               ///< what arrives
    WdmoePacedProber m_prober;                                  ///< probes
    std::vector<End> m_ends;                                    ///< both of each link
    std::map<Ptr<NetDevice>, Ptr<WdmoePacedQueueDisc>> m_discs; ///< by NetDevice
    std::function<int64_t(int64_t)> m_assign;                   ///< see SetStreamAssigner()
    Ptr<NetDevice> m_newServer;                                 ///< of the link being added
    Ptr<NetDevice> m_newDevice;                                 ///< of the link being added
    bool m_shared{false};                                       ///< AUTO resolved
    double m_lean{1};       ///< pace in place of E, for the queue to come to its target
    double m_workS{0};      ///< in the NetDevices at the last Tick(), s; 0: not known
    double m_doneS{0};      ///< reported since the last Tick(), s
    double m_efficiency{1}; ///< E
    EventId m_tick;         ///< next Tick()
    EventId m_applyUplink;  ///< the uplinks are told
    EventId m_check;        ///< CheckStart()
};

} // namespace ns3

#endif /* WDMOE_PACED_RADIO_H */
