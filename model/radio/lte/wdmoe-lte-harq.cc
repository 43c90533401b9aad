/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-lte-harq.h"

#include "ns3/lte-common.h"

namespace ns3
{

static_assert(WdmoeLteUplinkHarq::PERIOD == HARQ_PERIOD);

void
WdmoeLteDownlinkHarq::Feedback(uint8_t process, bool ack)
{
    auto& p = m_processes.at(process);
    // The last of its versions: given up, as ns-3's receivers know no more.
    if (ack || (p.busy && p.dci.m_rv.at(0) == MAX_RV))
    {
        p.busy = false;
        p.pending = false;
    }
    else
    {
        p.pending = p.busy;
    }
}

void
WdmoeLteDownlinkHarq::Age()
{
    for (auto& p : m_processes)
    {
        if (p.busy && !p.pending && p.age++ == TIMEOUT)
        {
            p.busy = false;
        }
    }
}

int
WdmoeLteDownlinkHarq::FindFree() const
{
    for (std::size_t i = 0; i < m_processes.size(); i++)
    {
        if (!m_processes[i].busy)
        {
            return i;
        }
    }
    return -1;
}

int
WdmoeLteDownlinkHarq::FindPending() const
{
    for (std::size_t i = 0; i < m_processes.size(); i++)
    {
        if (m_processes[i].pending)
        {
            return i;
        }
    }
    return -1;
}

WdmoeLteDownlinkHarq::Process&
WdmoeLteDownlinkHarq::Get(uint8_t process)
{
    return m_processes.at(process);
}

WdmoeLteUplinkHarq::Slot
WdmoeLteUplinkHarq::Grant(const UlDciListElement_s& dci)
{
    Slot slot;
    slot.sent = true;
    slot.dci = dci;
    return slot;
}

WdmoeLteUplinkHarq::Slot&
WdmoeLteUplinkHarq::At(uint64_t tti)
{
    return m_slots[tti % PERIOD];
}

uint32_t
WdmoeLteUplinkHarq::GetBytesInFlight() const
{
    uint32_t bytes = 0;
    for (const auto& slot : m_slots)
    {
        if (slot.sent && slot.transmission == 0)
        {
            bytes += slot.dci.m_tbSize;
        }
    }
    return bytes;
}

uint32_t
WdmoeLteUplinkHarq::GetEarlyBytesInFlight(Time after) const
{
    uint32_t bytes = 0;
    for (const auto& slot : m_slots)
    {
        if (slot.sent && slot.transmission == 0 && slot.early > 0 && slot.expected > after)
        {
            bytes += slot.early;
        }
    }
    return bytes;
}

} // namespace ns3
