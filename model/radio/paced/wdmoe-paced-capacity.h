/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_CAPACITY_H
#define WDMOE_PACED_CAPACITY_H

#include "ns3/nstime.h"

#include <cstdint>
#include <deque>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * The capacity of one direction of one link, from packet trains: what arrives back to back, divided
 * by the time it took to arrive.
 *
 * A packet counts if it was queued behind the one before: it was handed down so early that on an
 * idle link it would have arrived before that one, h_n + d <= a_(n-1), d the shortest time from
 * hand-down to arrival ever seen. Then a_n - a_(n-1) is what the link needs for it, whatever the
 * delay. On a shared medium it must also have been clean: nobody else had anything under way in
 * between. Packets that arrive together because the link aggregates them are summed with what came
 * before them, so that aggregation needs no knowledge: a sample is a train of at least MinPackets
 * packets and MinTime, or of MostPackets.
 *
 * A train that was handed down no faster than it arrived was limited by its pace, not by the link;
 * as in BBR it counts only if it beats the estimate. The estimate is what the last few others
 * carried, divided by the time they took. A windowed maximum, as BBR's, is not needed with trains
 * that nobody disturbed, and would be too high by the luck of the shortest back-offs.
 */
class WdmoePacedCapacity
{
  public:
    /// A packet that arrived
    struct Arrival
    {
        uint32_t bytes{0};   ///< of IP packet
        Time handed;         ///< when it was handed to the NetDevice
        Time arrived;        ///< when the receiver's IP layer got it
        bool clean{true};    ///< nobody else used the medium since the arrival before
        bool unpaced{false}; ///< handed down as fast as the window allowed
        bool gap{false};     ///< one between it and the arrival before is missing
    };

    /**
     * @param minPackets least packets of a sample
     * @param mostPackets packets that make a sample whatever its duration
     * @param minTime least duration of a sample
     * @param samples how many make the estimate
     * @param minBytes least mean size of the packets of a sample: acknowledgements say little
     */
    void Configure(uint32_t minPackets,
                   uint32_t mostPackets,
                   Time minTime,
                   uint32_t samples,
                   uint32_t minBytes);

    /**
     * @param arrival the next one
     * @return true if there is a new sample
     */
    bool Add(const Arrival& arrival);

    /**
     * Nothing more is under way: the train ends here.
     *
     * @return true if there is a new sample
     */
    bool Flush();

    /// Forget all samples: the link was lost
    void Reset();

    /// @return true if there is an estimate
    bool IsValid() const;

    /// @return bit/s of IP packets; 0: no estimate
    double GetRate() const;

    /// @return variance of the samples / mean^2
    double GetRelativeVariance() const;

    /// @return when the last sample was taken that was not limited by its pace
    Time GetWhen() const;

    /// @return number of samples taken
    uint64_t GetCount() const;

    /// @return shortest time from hand-down to arrival
    Time GetMinLatency() const;

  private:
    /// A train
    struct Train
    {
        double bits{0};      ///< of its packets but the first
        double seconds{0};   ///< from the first arrival to the last
        double longest{0};   ///< of the times between arrivals
        double first{0};     ///< of them
        double sendS{0};     ///< from the first hand-down to the last
        uint32_t packets{0}; ///< of its packets but the first
        bool unpaced{true};  ///< all of them
        bool aligned{false}; ///< its first packet is the first of an aggregate
    };

    /// @return true if the train has what a sample needs
    bool IsEnough() const;

    /// The train is over: take a sample if it is long enough. @return true if it was
    bool Finish();

    uint32_t m_minPackets{8};       ///< of a sample
    uint32_t m_mostPackets{256};    ///< of a sample
    Time m_minTime;                 ///< of a sample
    uint32_t m_samples{4};          ///< most samples kept
    uint32_t m_minBytes{500};       ///< least mean size of packets
    std::deque<Train> m_window;     ///< samples, oldest first
    Train m_train;                  ///< under way
    Arrival m_last;                 ///< the one before
    bool m_started{false};          ///< there was one before
    Time m_minLatency{Time::Max()}; ///< shortest
    Time m_when;                    ///< of the last sample
    uint64_t m_count{0};            ///< samples taken
};

} // namespace ns3

#endif /* WDMOE_PACED_CAPACITY_H */
