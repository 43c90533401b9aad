/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-tone-credits.h"

#include "ns3/assert.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ns3
{

void
WdmoeToneCredits::SetSettings(const Settings& settings)
{
    m_settings = settings;
}

void
WdmoeToneCredits::Entitle(const Claims& claims)
{
    double guaranteed = 0;
    double weight = 0;
    int32_t priority = std::numeric_limits<int32_t>::min();
    uint32_t active = 0;
    for (const auto* claim : claims)
    {
        if (claim->need <= 0)
        {
            continue;
        }
        ++active;
        guaranteed += claim->share.guaranteed;
        if (claim->share.weight > 0)
        {
            if (claim->share.priority > priority)
            {
                priority = claim->share.priority;
                weight = 0;
            }
            weight += claim->share.priority == priority ? claim->share.weight : 0;
        }
    }
    const double left = std::max(0.0, 1 - guaranteed);
    for (auto* claim : claims)
    {
        claim->entitled = 0;
        if (claim->need <= 0)
        {
            continue;
        }
        claim->entitled = claim->share.guaranteed;
        if (weight > 0)
        {
            if (claim->share.weight > 0 && claim->share.priority == priority)
            {
                claim->entitled += left * claim->share.weight / weight;
            }
        }
        else
        {
            claim->entitled +=
                guaranteed > 0 ? left * claim->share.guaranteed / guaranteed : left / active;
        }
    }
}

int32_t
WdmoeToneCredits::GetPriority(const Claims& claims)
{
    int32_t priority = std::numeric_limits<int32_t>::min();
    for (const auto* claim : claims)
    {
        if (claim->entitled > 0)
        {
            priority = std::max(priority, claim->share.priority);
        }
    }
    return priority;
}

WdmoeToneChoice
WdmoeToneCredits::Choose(const Claims& claims, const std::vector<WdmoeRuLayout>& layouts) const
{
    // those with a right to this PPDU, the most urgent first: a credit beyond what is left to send
    // is of no use
    std::vector<std::size_t> order;
    std::vector<double> urgency(claims.size());
    for (std::size_t i = 0; i < claims.size(); ++i)
    {
        const auto* claim = claims[i];
        if (claim->need > 0 && (claim->first || claim->entitled > 0 || claim->credit > 0))
        {
            order.push_back(i);
            urgency[i] = std::min(claim->credit + claim->entitled * m_settings.target, claim->need);
        }
    }
    const auto before = [&urgency](std::size_t a, std::size_t b) {
        return urgency[a] > urgency[b];
    };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return claims[a]->first != claims[b]->first ? claims[a]->first : before(a, b);
    });

    WdmoeToneChoice best;
    double least = std::numeric_limits<double>::infinity();
    for (const auto& layout : layouts)
    {
        if (layout.units.size() > order.size())
        {
            continue;
        }
        WdmoeToneChoice choice;
        auto chosen = order;
        std::stable_sort(chosen.begin(), chosen.begin() + layout.units.size(), before);
        const double cost = Evaluate(claims, layout, chosen, choice);
        if (cost < least)
        {
            least = cost;
            best = std::move(choice);
        }
    }
    return best;
}

double
WdmoeToneCredits::Evaluate(const Claims& claims,
                           const WdmoeRuLayout& layout,
                           const std::vector<std::size_t>& order,
                           WdmoeToneChoice& choice) const
{
    const std::size_t units = layout.units.size();
    const double target = units == 1 && order.size() == 1 ? m_settings.alone : m_settings.target;
    const double tones = layout.GetTones();

    // as long as all have something to send, or as the last one needs; no longer than the target
    double shortest = target;
    double longest = 0;
    for (std::size_t unit = 0; unit < units; ++unit)
    {
        const double full = claims[order[unit]]->need * tones / layout.units[unit].tones;
        shortest = std::min(shortest, full);
        longest = std::max(longest, full);
    }
    longest = std::min(longest, target);
    shortest = std::min(longest, std::max(shortest, m_settings.shortest));

    double least = std::numeric_limits<double>::infinity();
    for (const double duration : {longest, shortest})
    {
        double used = 0;
        double squares = 0;
        for (std::size_t i = 0; i < order.size(); ++i)
        {
            const auto* claim = claims[order[i]];
            double credit = claim->credit + claim->entitled * duration;
            if (i < units)
            {
                const double granted = duration * layout.units[i].tones / tones;
                credit -= granted;
                used += std::min(granted, claim->need);
            }
            squares += credit * credit;
        }
        const double waste = (duration + m_settings.overhead) / used - 1;
        const double unit = m_settings.target * m_settings.target;
        const double cost = squares / unit + m_settings.wasteWeight * waste;
        if (cost < least)
        {
            least = cost;
            choice.duration = duration;
        }
        if (shortest == longest)
        {
            break;
        }
    }
    choice.layout = &layout;
    choice.claims.assign(order.begin(), order.begin() + units);
    return least;
}

void
WdmoeToneCredits::Charge(const Claims& claims, const WdmoeToneChoice& choice, double duration) const
{
    NS_ASSERT(choice.layout);
    for (std::size_t unit = 0; unit < choice.claims.size(); ++unit)
    {
        auto* claim = claims[choice.claims[unit]];
        const double granted = duration * choice.layout->GetFraction(unit);
        claim->credit -= granted;
        claim->usedS += granted;
    }
    double sum = 0;
    uint32_t active = 0;
    for (auto* claim : claims)
    {
        claim->credit += claim->entitled * duration;
        if (claim->need > 0)
        {
            sum += claim->credit;
            ++active;
        }
        else
        {
            claim->credit *= std::exp(-duration / m_settings.bound);
        }
    }
    // credits are relative to one another; without this those of the ones that went idle would
    // stay with the others as a common offset, up to the bound
    for (auto* claim : claims)
    {
        if (claim->need > 0)
        {
            claim->credit =
                std::clamp(claim->credit - sum / active, -m_settings.bound, m_settings.bound);
        }
    }
}

} // namespace ns3
