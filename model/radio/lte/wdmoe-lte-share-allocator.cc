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
/// Sums of shares are not exact.
constexpr double EPSILON = 1e-9;

/**
 * @param claim a claim with credit
 * @return whole units it can pay and use
 */
uint32_t
Affordable(const WdmoeLteClaim& claim)
{
    const double whole = std::floor(claim.credit + EPSILON);
    return whole <= 0 ? 0 : std::min(static_cast<uint32_t>(whole), claim.need);
}

/**
 * @param a a claim
 * @param b another
 * @return true if what is lent goes to a before b
 */
bool
ByRank(const WdmoeLteClaim* a, const WdmoeLteClaim* b)
{
    return a->share.priority != b->share.priority ? a->share.priority > b->share.priority
                                                  : a->credit > b->credit;
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
        if (c->need == 0)
        {
            // Idle: enough for a prompt start, no hoard. A debt is paid from the guaranteed share.
            c->credit = own > 0 ? std::min<double>(c->credit + own, std::max<double>(own, c->least))
                                : 0;
            continue;
        }
        const double most = MEMORY_TTIS * std::max(c->entitled, own);
        c->credit = std::clamp(c->credit + c->entitled, -most - c->least, most + c->least);
        if (c->entitled == 0)
        {
            c->credit = std::min(c->credit, 0.0);
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
        const bool fullA = a->credit >= a->need;
        const bool fullB = b->credit >= b->need;
        return fullA != fullB ? fullA
                              : a->credit * std::max(b->entitled, EPSILON) >
                                    b->credit * std::max(a->entitled, EPSILON);
    });
}

void
WdmoeLteShareAllocator::Grant(Claims& claims, uint32_t free)
{
    SortByUrgency(claims);
    const auto give = [&free](WdmoeLteClaim& c, uint32_t units) {
        units = std::min(units, free);
        if (c.granted + units >= c.least)
        {
            c.granted += units;
            c.credit -= units;
            free -= units;
        }
    };
    for (auto c : m_order)
    {
        give(*c, Affordable(*c));
    }
    // Work conserving: what fractions and blocked claims leave is lent.
    std::stable_sort(m_order.begin(), m_order.end(), ByRank);
    for (auto c : m_order)
    {
        if (free > 0 && c->share.weight > 0)
        {
            give(*c, c->need - c->granted);
        }
    }
}

void
WdmoeLteShareAllocator::GrantBlocks(Claims& claims, const std::vector<bool>& busy)
{
    m_gaps.clear();
    for (uint32_t i = 0; i < busy.size(); i++)
    {
        if (busy[i])
        {
            continue;
        }
        if (m_gaps.empty() || m_gaps.back().start + m_gaps.back().length != i)
        {
            m_gaps.push_back(Gap{i, 0});
        }
        m_gaps.back().length++;
    }

    bool crowded = false; // someone got less than it could pay
    const auto place = [&](WdmoeLteClaim& c, uint32_t units) {
        if (units < c.least)
        {
            return;
        }
        Gap* best = nullptr; // the smallest that fits, or else the largest
        for (auto& gap : m_gaps)
        {
            const bool fits = gap.length >= units;
            if (!best || (best->length >= units ? fits && gap.length < best->length
                                                : gap.length > best->length))
            {
                best = &gap;
            }
        }
        if (!best || best->length < c.least)
        {
            crowded = true;
            return;
        }
        crowded |= best->length < units;
        c.granted = std::min(units, best->length);
        c.start = best->start;
        c.credit -= c.granted;
        best->start += c.granted;
        best->length -= c.granted;
        best->before = &c;
    };

    SortByUrgency(claims);
    for (auto c : m_order)
    {
        place(*c, Affordable(*c));
    }
    // Work conserving: what fractions and blocked claims leave is lent, to those without a block
    // first and then to the neighbour. Strict: a remnant too small for anyone's block would be lost
    // in each TTI, so its neighbour takes it in advance of its credit.
    std::stable_sort(m_order.begin(), m_order.end(), ByRank);
    for (auto c : m_order)
    {
        if (c->granted == 0 && c->share.weight > 0)
        {
            place(*c, c->need);
        }
    }
    for (auto& gap : m_gaps)
    {
        const auto c = gap.before;
        if (c && (c->share.weight > 0 || (crowded && gap.length < c->least)))
        {
            const uint32_t more = std::min(gap.length, c->need - c->granted);
            c->granted += more;
            c->credit -= more;
        }
    }
}

} // namespace ns3
