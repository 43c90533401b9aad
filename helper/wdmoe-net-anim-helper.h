/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_NET_ANIM_HELPER_H
#define WDMOE_NET_ANIM_HELPER_H

#include "ns3/application-container.h"
#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/wdmoe-expert-node.h"
#include "ns3/wdmoe-gating-server.h"
#include "ns3/wdmoe-radio.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ns3
{

class AnimationInterface;

/**
 * @ingroup wdmoe-helper
 *
 * Writes an animation of a run that NetAnim plays: where the nodes are, what they are (a colour for
 * each device profile), packets of the radios that ns-3's AnimationInterface knows (LTE, Wi-Fi,
 * CSMA, point-to-point), and counters of each node, each written when it changes:
 *
 *     load              (token, expert) pairs that wait on a device or are computed there
 *     expert            which expert is at work on a device; -1: none
 *     packets sent      by the application's transport, acknowledgements included
 *     packets received  likewise
 *     blocks            that the server has finished
 *
 * A node without a place, as those of the core network, is given one beside the base station.
 *
 * ns-3's AnimationInterface is called from traces until Simulator::Destroy(): this object has to
 * outlive that. The file is complete once it is gone.
 */
class WdmoeNetAnimHelper
{
  public:
    WdmoeNetAnimHelper();
    ~WdmoeNetAnimHelper();

    WdmoeNetAnimHelper(const WdmoeNetAnimHelper&) = delete;
    WdmoeNetAnimHelper& operator=(const WdmoeNetAnimHelper&) = delete;

    /**
     * Leave out the packets, of which there may be millions; before Install().
     */
    void SkipPackets();

    /**
     * Write from now on. Aborts if the file cannot be written, and if called twice.
     *
     * @param file its name
     * @param radio whose server and devices these are
     * @param server at the base station
     * @param experts the WdmoeExpertNode of each device
     */
    void Install(const std::string& file,
                 Ptr<WdmoeRadio> radio,
                 Ptr<WdmoeGatingServer> server,
                 const ApplicationContainer& experts);

  private:
    /// An expert node and what is shown of it
    struct Device
    {
        Ptr<WdmoeExpertNode> application; ///< what runs there
        uint32_t node{0};                 ///< id of its node
        Time end;                         ///< of the computation that is shown
        std::vector<EventId> experts;     ///< when the next experts of it begin
    };

    /**
     * @param device index
     * @param tokens that wait or are computed
     * @param running experts at work, in their order
     * @param end of the computation
     */
    void OnQueue(uint32_t device, uint64_t tokens, const WdmoeRoutingTable& running, Time end);

    /**
     * @param record a finished block
     */
    void OnBlock(const WdmoeBlockRecord& record);

    /**
     * @param node id
     * @param counters of its transport
     */
    void ShowPackets(uint32_t node, const WdmoeTransportCounters& counters);

    /**
     * @param node id
     * @param expert at work; -1: none
     */
    void ShowExpert(uint32_t node, int32_t expert);

    /**
     * Give a place to each node that has none.
     *
     * @param server node that they stand beside
     */
    static void Place(Ptr<Node> server);

    /// Name and paint the nodes
    void Describe();

    std::unique_ptr<AnimationInterface> m_animation; ///< writes the file
    bool m_packets{true};                            ///< whether packets are written
    std::vector<Device> m_devices;                   ///< by index
    Ptr<WdmoeGatingServer> m_server;                 ///< at the base station
    uint32_t m_serverNode{0};                        ///< id of its node
    uint64_t m_blocks{0};                            ///< finished
    uint32_t m_load{0};                              ///< id of a counter
    uint32_t m_expert{0};                            ///< id of a counter
    uint32_t m_sent{0};                              ///< id of a counter
    uint32_t m_received{0};                          ///< id of a counter
    uint32_t m_blocksDone{0};                        ///< id of a counter
};

} // namespace ns3

#endif /* WDMOE_NET_ANIM_HELPER_H */
