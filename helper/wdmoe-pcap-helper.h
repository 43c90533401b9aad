/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PCAP_HELPER_H
#define WDMOE_PCAP_HELPER_H

#include "ns3/net-device.h"
#include "ns3/wdmoe-radio.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Writes what goes over a radio into pcap files, for Wireshark (tools/wireshark/wdmoe.lua reads the
 * wire protocol). Each node has one file for each kind of NetDevice that it has:
 *
 *     PREFIX-server-KIND.pcap, PREFIX-device-K-KIND.pcap, and over LTE PREFIX-enb-p2p.pcap
 *
 * with KIND and what a record is
 *
 *     wifi    802.11 frame behind a radiotap header: beacons, triggers, A-MPDUs and all
 *     p2p     PPP frame: paced links, and over LTE the server's link to the packet gateway; at
 *             the eNB its links into the core, with GTP-U around the packets
 *     csma    Ethernet frame
 *     ideal   IP packet, when it is at the head of its queue or has arrived
 *     ip      IP packet as the node's IP sent or got it: any other NetDevice, as the LTE one of a
 *             UE, whose radio frames ns-3 writes nowhere
 */
class WdmoePcapHelper
{
  public:
    /**
     * Write from now on. Aborts if a file cannot be written. The files are complete when the
     * NetDevices are gone: after Simulator::Destroy(), once nobody holds the radio any more.
     *
     * @param prefix of the files, which may name a folder that is there
     * @param radio whose packets these are; all devices were added
     * @return the names of the files
     */
    static std::vector<std::string> EnablePcap(const std::string& prefix, Ptr<WdmoeRadio> radio);

  private:
    /**
     * @param prefix of the files, with the role of the node
     * @param node whose NetDevices are looked at
     * @param [in,out] files gets the names of its files
     */
    static void EnableNode(const std::string& prefix,
                           Ptr<Node> node,
                           std::vector<std::string>& files);
};

} // namespace ns3

#endif /* WDMOE_PCAP_HELPER_H */
