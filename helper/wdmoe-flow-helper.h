/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FLOW_HELPER_H
#define WDMOE_FLOW_HELPER_H

#include "ns3/flow-monitor-helper.h"
#include "ns3/wdmoe-radio.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * What FlowMonitor counted of one flow between the server and a device. Bytes are those of IP
 * packets, their headers included.
 */
struct WdmoeFlowRecord
{
    uint32_t flow{0};            ///< FlowMonitor's id, from 1
    uint32_t device{0};          ///< index
    bool downlink{false};        ///< to the device, or from it
    std::string protocol;        ///< "udp" or "tcp"
    uint16_t sourcePort{0};      ///< port of the sender
    uint16_t destinationPort{0}; ///< port of the receiver
    uint64_t txPackets{0};       ///< handed to the sender's IP
    uint64_t txBytes{0};         ///< of these
    uint64_t rxPackets{0};       ///< delivered by the receiver's IP
    uint64_t rxBytes{0};         ///< of these
    uint64_t lostPackets{0};     ///< dropped on the way, or still on it at the end
    double delayS{0};            ///< mean of those delivered, s; NaN of none
    double jitterS{0};           ///< mean change of the delay from one to the next, s; NaN of less
                                 ///< than two
    double throughputBps{0};     ///< rxBytes from the first packet sent to the last one delivered,
                                 ///< bit/s; NaN of none
};

/**
 * @ingroup wdmoe-helper
 *
 * Has ns-3's FlowMonitor count the flows between the server and the devices of a radio. There is a
 * probe at each end and none between, so a flow is what the two applications handed to IP and got
 * from it, whatever tunnel carries it (LTE: GTP-U).
 *
 * A packet that waits is not lost: FlowMonitor's MaxPerHopDelay, 10 s by default, is set to a day,
 * and what has not arrived at the end of the run is counted as lost then.
 */
class WdmoeFlowHelper
{
  public:
    WdmoeFlowHelper();

    /**
     * Count from now on.
     *
     * @param radio whose server and devices get a probe each; all devices were added
     */
    void Install(Ptr<WdmoeRadio> radio);

    /// @return the monitor
    Ptr<FlowMonitor> GetMonitor() const;

    /**
     * After the run and before Simulator::Destroy().
     *
     * @return the flows between server and devices, by id
     */
    std::vector<WdmoeFlowRecord> GetFlows();

    /**
     * Write all flows in FlowMonitor's own format, with its histograms; after the run and before
     * Simulator::Destroy(). Aborts if the file cannot be written.
     *
     * @param file its name
     */
    void Write(const std::string& file);

  private:
    FlowMonitorHelper m_helper; ///< makes the monitor
    Ptr<FlowMonitor> m_monitor; ///< counts
    Ptr<WdmoeRadio> m_radio;    ///< whose flows these are
};

} // namespace ns3

#endif /* WDMOE_FLOW_HELPER_H */
