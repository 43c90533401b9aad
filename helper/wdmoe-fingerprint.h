/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FINGERPRINT_H
#define WDMOE_FINGERPRINT_H

#include "ns3/ptr.h"

#include <cstdint>
#include <string>

namespace ns3
{

class WdmoeExpertNode;
class WdmoeGatingServer;
class WdmoeRadio;

/**
 * @ingroup wdmoe-helper
 *
 * The trajectory of a simulation: each event of the protocol, in its order, with its time in
 * nanoseconds, and a hash of them all. Two programs that do the same, to the nanosecond, leave the
 * same file; where they do not, the first line that differs says what happened otherwise.
 *
 * The helpers that install applications attach them here, so any program writes its trajectory,
 * one after another where it simulates several times, if the global value WdmoeFingerprint names
 * a file: on the command line, `--WdmoeFingerprint=FILE`, or in the environment,
 * `NS_GLOBAL_VALUE=WdmoeFingerprint=FILE`. Nothing is written without it.
 *
 * A line is: time in ns, who ("bs", or index of a device), event, its fields. Events are
 *
 * | event    | fields                                                                         |
 * |----------|--------------------------------------------------------------------------------|
 * | sent, received, lost | message type, request, block, batch, position, device, tokens, bytes |
 * | plan     | device:downlink/uplink, the guaranteed shares in nine digits, where not 0        |
 * | computed | (token, expert) pairs, start and duration in ns                                |
 * | block    | request, pass, block, latency in ns, pairs routed, pairs missing               |
 * | token    | request, index, token                                                          |
 * | request  | request, output tokens                                                         |
 */
class WdmoeFingerprint
{
  public:
    /**
     * @param server writes its events, if the global value names a file
     * @param radio whose plans are events
     */
    static void Attach(Ptr<WdmoeGatingServer> server, Ptr<WdmoeRadio> radio);

    /**
     * @param node writes its events, if the global value names a file
     * @param device its index
     */
    static void Attach(Ptr<WdmoeExpertNode> node, uint32_t device);

    /// @return file that the global value names; empty: none
    static std::string GetFileName();

    /// @return number of events so far and their hash, FNV-1a of 64 bits, in hexadecimal
    static std::string GetHash();
};

} // namespace ns3

#endif /* WDMOE_FINGERPRINT_H */
