/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FLIGHT_TRACKER_H
#define WDMOE_FLIGHT_TRACKER_H

#include "ns3/nstime.h"
#include "ns3/wdmoe-flow-shop.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * A micro-batch under way.
 */
struct WdmoeFlight
{
    uint64_t decision{0};     ///< that sent it
    uint32_t piece{0};        ///< index among the device's pieces of that decision
    double downlinkBits{0};   ///< bits on the wire to the device
    double uplinkBits{0};     ///< bits on the wire of its answer
    double computeS{0};       ///< time on the compute unit, s
    wdmoe::ShopTimes planned; ///< by the plan it was sent with, s from sent
    Time sent;                ///< handed to the transport
    double downlinkLeft{0};   ///< bits not yet granted (radios that say so)
    double uplinkLeft{0};     ///< bits not yet granted (radios that say so)
    Time downlinkBegan;       ///< first grant downlink (radios that say so)
    Time uplinkBegan;         ///< first grant for the answer (radios that say so)
    Time uplinkActive;        ///< that it was granted something for the answer (radios that say so)
    bool arrived{false};      ///< all of it was granted downlink
    Time arrival;             ///< once arrived: when it is at the device
    Time ready;               ///< once arrived: when its answer will be ready
};

/**
 * @ingroup wdmoe-control
 *
 * What is under way at each device, in the order sent, and how far it is: from what a radio says it
 * has granted, or, where a radio does not say, from the plan.
 */
class WdmoeFlightTracker
{
  public:
    /**
     * @param devices K
     * @param progress whether grants will be reported
     * @param period grants of a device come once in that time
     */
    void SetUp(uint32_t devices, bool progress, Time period);

    /**
     * What SetUp() said, for a device of which it is not so.
     *
     * @param device index
     * @param progress whether its grants will be reported
     * @param period they come once in that time
     */
    void SetReports(uint32_t device, bool progress, Time period);

    /**
     * @param device index
     * @param flight sent, or about to be
     */
    void Add(uint32_t device, const WdmoeFlight& flight);

    /**
     * @param device index
     * @param decision that sent it
     * @param piece index
     * @param [out] flight what it was, if it was under way; may be null
     * @return true if it was under way
     */
    bool Remove(uint32_t device, uint64_t decision, uint32_t piece, WdmoeFlight* flight = nullptr);

    /**
     * Bits were granted downlink.
     *
     * @param device index
     * @param bits of user data
     * @param now the time
     * @param arrival when they will be at the device
     * @param [out] arrived pieces that have arrived by this; their `ready` is filled in. Valid
     * until the next call of a method that is not const
     */
    void GrantedDownlink(uint32_t device,
                         double bits,
                         Time now,
                         Time arrival,
                         std::vector<const WdmoeFlight*>& arrived);

    /**
     * Bits were granted uplink.
     *
     * @param device index
     * @param bits of user data
     * @param now the time
     */
    void GrantedUplink(uint32_t device, double bits, Time now);

    /**
     * @param device index
     * @return pieces under way, oldest first
     */
    const std::deque<WdmoeFlight>& Get(uint32_t device) const;

    /// @return true if nothing is under way
    bool IsEmpty() const;

    /**
     * Describe what is left of what is under way as tasks of a flow shop, one for each device and
     * decision, with one cut each. They are added behind those that are there, and tasks of a
     * device are served in order: tasks of new blocks are to be added after this. Blocks are
     * numbered in order of their decisions, from the first free number on; their weight is 1.
     *
     * @param now the time that the problem counts from
     * @param [in,out] problem gets tasks and weights of blocks
     * @return decision of each block added
     */
    std::vector<uint64_t> AddTo(Time now, wdmoe::ShopProblem& problem) const;

    /**
     * The same of some devices only, and of the decisions that have something under way there.
     *
     * @param now the time that the problem counts from
     * @param devices their indices; a task's device is its place among these
     * @param [in,out] problem gets tasks and weights of blocks
     * @return decision of each block added
     */
    std::vector<uint64_t> AddTo(Time now,
                                const std::vector<uint32_t>& devices,
                                wdmoe::ShopProblem& problem) const;

  private:
    /// What is known of one device
    struct Way
    {
        bool progress{false};            ///< whether its grants are reported
        Time period;                     ///< between them
        std::deque<WdmoeFlight> flights; ///< under way, oldest first
        Time computed;                   ///< its compute unit is taken until
    };

    /**
     * @param flight under way
     * @param progress whether its grants are reported
     * @param now the time
     * @return what is left of it
     */
    static wdmoe::ShopPiece GetRest(const WdmoeFlight& flight, bool progress, Time now);

    std::vector<Way> m_ways; ///< by device
};

} // namespace ns3

#endif /* WDMOE_FLIGHT_TRACKER_H */
