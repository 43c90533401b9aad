/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WATCHDOG_H
#define WDMOE_WATCHDOG_H

#include "ns3/callback.h"
#include "ns3/event-id.h"
#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/traced-callback.h"

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-app
 *
 * What a watchdog saw when it stopped a simulation.
 */
struct WdmoeStuckReport
{
    Time since;        ///< of the last progress
    Time when;         ///< the simulation was stopped
    std::string state; ///< who waits for whom, links, queues: some lines of text
};

/**
 * @ingroup wdmoe-app
 *
 * Stops a simulation that does not get on: where work was pending for Timeout of simulated time and
 * nothing came of it, it tells the state of all parts and ends the simulation with an error. Each
 * WdmoeGatingServer has one that watches it; the helpers add the devices' part of the state. Since
 * it looks again and again while work is pending, a simulation that has no other event left is told
 * of as well, and does not end as if it were done.
 */
class WdmoeWatchdog : public Object
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /// Counts what was done; another value than before is progress
    typedef Callback<uint64_t> ProgressCallback;

    /// Whether somebody is waited for
    typedef Callback<bool> PendingCallback;

    /// Writes the state of a part, in lines that end with a newline
    typedef Callback<void, std::ostream&> DescribeCallback;

    /**
     * @param progress counts what was done
     * @param pending whether somebody is waited for
     */
    void Watch(ProgressCallback progress, PendingCallback pending);

    /**
     * @param name of the part, a heading in the state; parts of one name that follow one another
     * share it
     * @param describe writes its state
     */
    void AddPart(const std::string& name, DescribeCallback describe);

    /// Begin; a second time: nothing happens
    void Start();

    /// Look no more
    void Stop();

    /// @return the state of all parts, now
    std::string Describe() const;

    /**
     * TracedCallback signature for a simulation that is stuck.
     *
     * @param [in] report what was seen
     */
    typedef void (*StuckTracedCallback)(const WdmoeStuckReport& report);

  protected:
    void DoDispose() override;

  private:
    /// Look whether there was progress
    void Check();

    /// Tell the state, and end the simulation
    void Bark();

    Time m_timeout;              ///< attribute Timeout
    bool m_fatal;                ///< attribute Fatal
    ProgressCallback m_progress; ///< counts what was done
    PendingCallback m_pending;   ///< whether somebody is waited for
    uint64_t m_count{0};         ///< what was done at the last look
    Time m_since;                ///< of the last look that saw progress, or nothing pending
    EventId m_next;              ///< next look
    TracedCallback<const WdmoeStuckReport&> m_stuckTrace;          ///< "Stuck"
    std::vector<std::pair<std::string, DescribeCallback>> m_parts; ///< name and state
};

} // namespace ns3

#endif /* WDMOE_WATCHDOG_H */
