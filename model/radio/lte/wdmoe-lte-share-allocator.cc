/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-lte-share-allocator.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

namespace
{

/// A claim that cannot be served for a while keeps what it earned in that many TTIs, no more.
constexpr double MEMORY_TTIS = 16;
/// An idle claim keeps what pays for so many smallest grants: some acknowledgements in a row.
constexpr double IDLE_GRANTS = 4;
/// Sums of shares are not exact.
constexpr double EPSILON = 1e-9;

/**
 * @param claim a claim with credit
 * @return whole units it can pay
 */
uint32_t
Affordable(const WdmoeLteClaim& claim)
{
    return claim.credit < 1 - EPSILON ? 0 : static_cast<uint32_t>(claim.credit + EPSILON);
}

} // namespace

void
WdmoeLteShareAllocator::Accrue(Claims& claims, uint32_t units)
{
    double spare = units;
    for (auto c : claims)
    {
        c->granted = 0;
        c->entitled = std::min<double>(c->share.guaranteed * units, c->need);
        spare -= c->entitled;
    }
    Share(claims, spare);
    for (auto c : claims)
    {
        const double own = c->share.guaranteed * units;
        const double idle = std::max(own, IDLE_GRANTS * c->least);
        if (c->need == 0)
        {
            // Idle: enough for a prompt start, no hoard. A debt is paid from the guaranteed share.
            c->credit = own > 0 ? std::min(c->credit + own, idle) : 0;
            continue;
        }
        const double most = MEMORY_TTIS * std::max(c->entitled, own) + c->least;
        c->credit = std::clamp(c->credit + c->entitled, -most, std::max(most, idle));
        if (c->entitled == 0)
        {
            c->credit = std::min(c->credit, 0.0);
        }
        if (c->first)
        {
            c->credit = std::max<double>(c->credit, c->least);
        }
    }
}

void
WdmoeLteShareAllocator::Share(Claims& claims, double spare)
{
    m_order.clear();
    for (auto c : claims)
    {
        if (c->share.weight > 0 && c->need > c->entitled)
        {
            m_order.push_back(c);
        }
    }
    std::sort(m_order.begin(), m_order.end(), [](const auto a, const auto b) {
        return a->share.priority > b->share.priority;
    });
    auto begin = m_order.begin();
    while (begin != m_order.end() && spare > EPSILON)
    {
        auto end = std::find_if(begin, m_order.end(), [begin](const auto c) {
            return c->share.priority != (*begin)->share.priority;
        });
        // Water filling: who needs less per weight than the common level is filled, the others
        // are raised to it.
        double weights = 0;
        for (auto it = begin; it != end; ++it)
        {
            weights += (*it)->share.weight;
        }
        std::sort(begin, end, [](const auto a, const auto b) {
            return (a->need - a->entitled) * b->share.weight <
                   (b->need - b->entitled) * a->share.weight;
        });
        for (auto it = begin; it != end; ++it)
        {
            auto& c = **it;
            const double part = std::min(spare * c.share.weight / weights, c.need - c.entitled);
            c.entitled += part;
            spare -= part;
            weights -= c.share.weight;
        }
        begin = end;
    }
}

void
WdmoeLteShareAllocator::SortByUrgency(Claims& claims)
{
    m_order.clear();
    for (auto c : claims)
    {
        if (c->need > 0 && !c->blocked)
        {
            m_order.push_back(c);
        }
    }
    std::stable_sort(m_order.begin(), m_order.end(), [](const auto a, const auto b) {
        const int rankA = a->first ? 2 : a->credit >= a->need ? 1 : 0;
        const int rankB = b->first ? 2 : b->credit >= b->need ? 1 : 0;
        return rankA != rankB ? rankA > rankB
                              : a->credit * std::max(b->entitled, EPSILON) >
                                    b->credit * std::max(a->entitled, EPSILON);
    });
}

void
WdmoeLteShareAllocator::Grant(Claims& claims, uint32_t free)
{
    SortByUrgency(claims);
    m_crowded = false;
    const auto give = [&](WdmoeLteClaim& c, uint32_t units) {
        units = std::min(units, c.need - c.granted);
        if (c.granted + units < c.least)
        {
            return;
        }
        m_crowded |= units > free;
        units = std::min(units, free);
        if (c.granted + units >= c.least)
        {
            c.granted += units;
            c.credit -= units;
            free -= units;
        }
    };
    // To each its due first and arrears later, so that grants stay even from TTI to TTI.
    for (auto c : m_order)
    {
        const auto due = std::max(static_cast<uint32_t>(std::ceil(c->entitled)), c->least);
        give(*c, std::min(Affordable(*c), due));
    }
    for (auto c : m_order)
    {
        give(*c, Affordable(*c));
    }
    // Strict: what is too small for those still waiting would be lost in each TTI; someone takes it
    // in advance of its credit.
    for (auto c : m_order)
    {
        if (m_crowded && c->granted > 0)
        {
            give(*c, free);
        }
    }
    // Work conserving: what fractions and blocked claims leave is lent.
    std::stable_sort(m_order.begin(), m_order.end(), [](const auto a, const auto b) {
        return a->share.priority != b->share.priority ? a->share.priority > b->share.priority
                                                      : a->credit > b->credit;
    });
    for (auto c : m_order)
    {
        if (free > 0 && c->share.weight > 0)
        {
            give(*c, c->need);
        }
    }
}

void
WdmoeLteShareAllocator::GrantBlocks(Claims& claims, const std::vector<bool>& busy)
{
    m_gaps.clear();
    uint32_t free = 0;
    for (uint32_t i = 0; i < busy.size(); i++)
    {
        if (busy[i])
        {
            continue;
        }
        if (m_gaps.empty() || m_gaps.back().start + m_gaps.back().length != i)
        {
            m_gaps.push_back(Gap{i, 0, nullptr});
        }
        m_gaps.back().length++;
        free++;
    }
    Grant(claims, free);

    // Largest first, each into the smallest gap that holds it, or else cut to the largest gap.
    std::stable_sort(m_order.begin(), m_order.end(), [](const auto a, const auto b) {
        return a->granted > b->granted;
    });
    for (auto c : m_order)
    {
        if (c->granted == 0)
        {
            break;
        }
        const auto gap = std::min_element(m_gaps.begin(), m_gaps.end(), [c](auto& a, auto& b) {
            const bool holdsA = a.length >= c->granted;
            const bool holdsB = b.length >= c->granted;
            return holdsA != holdsB ? holdsA : holdsA ? a.length < b.length : a.length > b.length;
        });
        const uint32_t units = gap->length < c->least ? 0 : std::min(c->granted, gap->length);
        m_crowded |= units < c->granted;
        c->credit += c->granted - units;
        c->granted = units;
        c->start = gap->start;
        if (units > 0)
        {
            *gap = {gap->start + units, gap->length - units, c};
        }
    }
    // What cutting left over goes to the neighbour, if it can pay or would be lost in each TTI.
    for (const auto& gap : m_gaps)
    {
        if (const auto c = gap.before)
        {
            const uint32_t lent = c->share.weight > 0 ? gap.length : m_crowded ? c->least : 0;
            const uint32_t units =
                std::min({gap.length, c->need - c->granted, std::max(Affordable(*c), lent)});
            c->granted += units;
            c->credit -= units;
        }
    }
}

} // namespace ns3
