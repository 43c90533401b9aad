/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RADIO_CONFORMANCE_CELL_H
#define WDMOE_RADIO_CONFORMANCE_CELL_H

#include "wdmoe-radio-conformance.h"

#include "ns3/event-id.h"
#include "ns3/socket.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * A radio with numbered UDP packets to and from each device, for WdmoeRadioConformance. One at a
 * time; it is a whole simulation, and ends it.
 */
class WdmoeRadioConformanceCell
{
  public:
    /// One direction of one device
    struct Flow
    {
        Ptr<Socket> socket;    ///< sends
        uint64_t sent{0};      ///< packets
        uint64_t received{0};  ///< packets
        uint64_t bytes{0};     ///< of IP packets received
        uint64_t next{0};      ///< number after the highest that was received
        Time last;             ///< when a packet was received
        Time tried;            ///< when a packet was sent
        bool saturated{false}; ///< always something to send
    };

    /// What had been granted and delivered at one moment
    using Sample = WdmoeRadioConformance::Sample;

    /**
     * @param factory makes the radio
     * @param settings distances and the like
     */
    WdmoeRadioConformanceCell(const WdmoeRadioConformance::Factory& factory,
                              const WdmoeRadioConformanceSettings& settings);
    ~WdmoeRadioConformanceCell();

    WdmoeRadioConformanceCell(const WdmoeRadioConformanceCell&) = delete;
    WdmoeRadioConformanceCell& operator=(const WdmoeRadioConformanceCell&) = delete;

    /**
     * @param time to go on for
     */
    void Run(Time time);

    /**
     * Go on until something is true.
     *
     * @param condition looked at every 5 ms
     * @param most not longer than that
     * @return whether it became true
     */
    bool RunUntil(const std::function<bool()>& condition, Time most);

    /// Traffic of the whole warm-up time, one device and direction after another, and its end
    void WarmUp();

    /**
     * Stop filling queues, and go on until they are empty.
     *
     * @param most not longer than that
     * @return whether everything came that was sent
     */
    bool Drain(Time most);

    /**
     * Add the traffic of one more device, after AddDevice().
     *
     * @param device index
     */
    void Connect(uint32_t device);

    /**
     * @param device index
     * @param downlink direction
     * @param packets to send now
     * @param bytes of payload; 0: as in the settings
     */
    void Send(uint32_t device, bool downlink, uint32_t packets, uint32_t bytes = 0);

    /**
     * @param device index
     * @param downlink direction
     * @param on keep its queue filled, but no longer than some tens of ms
     */
    void Saturate(uint32_t device, bool downlink, bool on);

    /// No traffic any more
    void SaturateNone();

    /**
     * @param device index
     * @param downlink direction
     * @return its counters
     */
    const Flow& GetFlow(uint32_t device, bool downlink) const;

    /// @return what was granted and delivered so far
    Sample Take() const;

    /**
     * @param device index
     * @param distance from the base station, m
     */
    void Place(uint32_t device, double distance);

    /// @return a hash of each packet received: when, which, by whom
    uint64_t GetFingerprint() const;

    /**
     * @param device index
     * @param downlink direction
     * @param share of its cell's budget
     * @return rate by its law, as last measured, bit/s; 0 if invalid
     */
    double GetRate(uint32_t device, bool downlink, double share = 1) const;

    /**
     * @param position from the base station, m
     * @param height m
     * @return a node that stands there
     */
    static Ptr<Node> MakeNode(double position, double height);

    Ptr<Node> baseStation; ///< given to the factory
    NodeContainer devices; ///< given to the factory
    Ptr<WdmoeRadio> radio; ///< under test

  private:
    /**
     * @param device index
     * @param downlink direction
     * @param socket of the receiver
     */
    void Receive(uint32_t device, bool downlink, Ptr<Socket> socket);

    /// Fill the queues of what is saturated, again and again
    void Refill();

    const WdmoeRadioConformanceSettings m_settings; ///< distances and the like
    std::vector<Flow> m_flows; ///< down- and uplink of device 0, of device 1...
    EventId m_refill;          ///< next call of Refill()
    uint64_t m_fingerprint{14695981039346656037ULL}; ///< FNV-1a
};

} // namespace ns3

#endif /* WDMOE_RADIO_CONFORMANCE_CELL_H */
