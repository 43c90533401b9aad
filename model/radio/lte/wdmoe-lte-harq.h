/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LTE_HARQ_H
#define WDMOE_LTE_HARQ_H

#include "ns3/ff-mac-common.h"
#include "ns3/nstime.h"

#include <array>
#include <cstdint>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * The downlink HARQ processes of one UE: asynchronous, so a retransmission that finds no room
 * simply stays pending until a later TTI.
 */
class WdmoeLteDownlinkHarq
{
  public:
    /// A transport block that was not acknowledged yet
    struct Process
    {
        bool busy{false};       ///< not acknowledged
        bool pending{false};    ///< was received in error: to be sent again
        uint8_t age{0};         ///< TTIs since it was sent
        DlDciListElement_s dci; ///< how it was sent
        std::vector<std::vector<RlcPduListElement_s>> pdus; ///< what it carries
    };

    /// Redundancy versions are 0 to 3: a block is sent four times at most
    static constexpr uint8_t MAX_RV = 3;
    /// TTIs after which a block without feedback is given up
    static constexpr uint8_t TIMEOUT = 11;

    /**
     * @param process number from the feedback
     * @param ack true if it was received
     */
    void Feedback(uint8_t process, bool ack);

    /// To be called once in each TTI
    void Age();

    /// @return number of a process that is free, or -1
    int FindFree() const;

    /// @return number of a process that is to be sent again, or -1
    int FindPending() const;

    /**
     * @param process number
     * @return the process
     */
    Process& Get(uint8_t process);

  private:
    std::array<Process, 8> m_processes; ///< all of them
};

/**
 * @ingroup wdmoe-radio
 *
 * The uplink grants of one UE that are still unanswered. HARQ is synchronous: the answer to a
 * grant, and its retransmission, come exactly HARQ_PERIOD (7) TTIs later, so a ring of that many
 * slots is all there is to remember. What is in the ring is what was granted since the newest
 * buffer report was written.
 */
class WdmoeLteUplinkHarq
{
  public:
    /// Number of TTIs from a grant to its answer, HARQ_PERIOD of ns-3
    static constexpr uint32_t PERIOD = 7;

    /// What was granted in one TTI
    struct Slot
    {
        bool sent{false};        ///< there was a grant
        bool answered{false};    ///< the UE used it
        bool failed{false};      ///< it was received in error
        uint8_t transmission{0}; ///< 0: new data, 1 to 3: retransmission
        UlDciListElement_s dci;  ///< the grant
        uint32_t early{0};       ///< bytes granted on expectation, not on a report
        bool onlyEarly{false};   ///< all that was granted was
        Time expected;           ///< if early: for when the last of these bytes was expected
    };

    /**
     * @param dci a grant for new data
     * @return a slot with it
     */
    static Slot Grant(const UlDciListElement_s& dci);

    /**
     * @param tti number of a TTI
     * @return the slot of that TTI and of the one PERIOD earlier
     */
    Slot& At(uint64_t tti);

    /// @return bytes of new data granted and not answered yet
    uint32_t GetBytesInFlight() const;

    /**
     * @param after only what was expected later than that
     * @return bytes granted on expectation and not answered yet
     */
    uint32_t GetEarlyBytesInFlight(Time after) const;

  private:
    std::array<Slot, PERIOD> m_slots; ///< the ring
};

} // namespace ns3

#endif /* WDMOE_LTE_HARQ_H */
