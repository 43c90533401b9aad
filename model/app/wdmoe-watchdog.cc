/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-watchdog.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/log.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <sstream>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeWatchdog");

NS_OBJECT_ENSURE_REGISTERED(WdmoeWatchdog);

namespace
{

/// Looks in a Timeout: what is stuck is told of at most an eighth too late
const int64_t LOOKS = 8;

} // namespace

TypeId
WdmoeWatchdog::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeWatchdog")
            .SetParent<Object>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeWatchdog>()
            .AddAttribute("Timeout",
                          "Simulated time without progress, while somebody is waited for, after "
                          "which the simulation is stopped with its state; 0: never",
                          TimeValue(Seconds(120)),
                          MakeTimeAccessor(&WdmoeWatchdog::m_timeout),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("Fatal",
                          "Whether the simulation then ends with an error; false: it is stopped, "
                          "and the trace Stuck has told why",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeWatchdog::m_fatal),
                          MakeBooleanChecker())
            .AddTraceSource("Stuck",
                            "There was no progress for Timeout; the simulation ends after this",
                            MakeTraceSourceAccessor(&WdmoeWatchdog::m_stuckTrace),
                            "ns3::WdmoeWatchdog::StuckTracedCallback");
    return tid;
}

void
WdmoeWatchdog::DoDispose()
{
    Stop();
    m_parts.clear();
    m_progress.Nullify();
    m_pending.Nullify();
    Object::DoDispose();
}

void
WdmoeWatchdog::Watch(ProgressCallback progress, PendingCallback pending)
{
    m_progress = progress;
    m_pending = pending;
}

void
WdmoeWatchdog::AddPart(const std::string& name, DescribeCallback describe)
{
    m_parts.emplace_back(name, describe);
}

void
WdmoeWatchdog::Start()
{
    NS_ABORT_MSG_IF(m_progress.IsNull() || m_pending.IsNull(),
                    "WdmoeWatchdog: nothing to watch; call Watch() before Start()");
    if (m_next.IsPending() || m_timeout.IsZero())
    {
        return;
    }
    m_count = m_progress();
    m_since = Simulator::Now();
    m_next =
        Simulator::Schedule(Max(m_timeout / LOOKS, NanoSeconds(1)), &WdmoeWatchdog::Check, this);
}

void
WdmoeWatchdog::Stop()
{
    m_next.Cancel();
}

void
WdmoeWatchdog::Check()
{
    const auto count = m_progress();
    if (count != m_count || !m_pending())
    {
        m_count = count;
        m_since = Simulator::Now();
    }
    else if (Simulator::Now() - m_since >= m_timeout)
    {
        Bark();
        return;
    }
    m_next =
        Simulator::Schedule(Max(m_timeout / LOOKS, NanoSeconds(1)), &WdmoeWatchdog::Check, this);
}

std::string
WdmoeWatchdog::Describe() const
{
    std::ostringstream state;
    std::string heading;
    for (const auto& [name, describe] : m_parts)
    {
        if (name != heading)
        {
            state << name << ":\n";
            heading = name;
        }
        describe(state);
    }
    return state.str();
}

void
WdmoeWatchdog::Bark()
{
    WdmoeStuckReport report;
    report.since = m_since;
    report.when = Simulator::Now();
    report.state = Describe();
    NS_LOG_LOGIC("stuck since " << m_since.As(Time::S));
    m_stuckTrace(report);
    NS_ABORT_MSG_IF(m_fatal,
                    "WdmoeWatchdog: no progress for "
                        << (report.when - report.since).As(Time::S) << " (Timeout is "
                        << m_timeout.As(Time::S) << ") although work is pending, at "
                        << report.when.As(Time::S) << "; look at what is waited for:\n"
                        << report.state);
    Simulator::Stop();
}

} // namespace ns3
