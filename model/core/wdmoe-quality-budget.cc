/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-quality-budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// Prices of the grid: from 10^LEAST s a token on
constexpr int LEAST = -12;

/// up to 10^MOST
constexpr int MOST = 6;

/// @return price of the grid, s. @param i index; the first is 0
double
PriceAt(std::size_t i)
{
    return i == 0 ? 0 : std::pow(10, LEAST + static_cast<double>(i - 1) / QualityBudget::PRICES);
}

} // namespace

std::string
QualityBudget::SetMaxLost(double maxLost)
{
    if (!(maxLost >= 0 && maxLost < INF))
    {
        return "QualityBudget: maxLost is " + std::to_string(maxLost) +
               ", expected finite and >= 0";
    }
    m_maxLost = maxLost;
    return "";
}

double
QualityBudget::Allowance(double tokens) const
{
    return std::max(0.0, m_maxLost + (m_maxLost * m_tokens - m_lost) / tokens);
}

double
QualityBudget::Learn(double tokens, const std::vector<QualityPoint>& points)
{
    constexpr std::size_t SIZE = (MOST - LEAST) * PRICES + 1;
    m_at.resize(SIZE, 0);
    // lower hull of the points: by rising loss, each faster than all before
    m_sorting.resize(points.size());
    std::iota(m_sorting.begin(), m_sorting.end(), 0);
    std::sort(m_sorting.begin(), m_sorting.end(), [&points](std::size_t a, std::size_t b) {
        return points[a].lost != points[b].lost ? points[a].lost < points[b].lost
                                                : points[a].latencyS < points[b].latencyS;
    });
    const auto price = [&points](std::size_t a, std::size_t b) {
        return (points[a].latencyS - points[b].latencyS) / (points[b].lost - points[a].lost);
    };
    m_hull.clear();
    for (const std::size_t i : m_sorting)
    {
        if (!m_hull.empty() && !(points[i].latencyS < points[m_hull.back()].latencyS))
        {
            continue;
        }
        while (m_hull.size() > 1 &&
               price(m_hull.back(), i) >= price(m_hull[m_hull.size() - 2], m_hull.back()))
        {
            m_hull.pop_back();
        }
        m_hull.push_back(i);
    }
    // what the block would lose at each price
    std::size_t at = m_hull.size() - 1;
    m_seen += tokens;
    for (std::size_t g = 0; g < SIZE; ++g)
    {
        const double p = PriceAt(g) * tokens;
        while (at > 0 && price(m_hull[at - 1], m_hull[at]) <= p)
        {
            --at;
        }
        m_at[g] += tokens * points[m_hull[at]].lost;
    }
    // falls with the price
    const double bank = m_maxLost * m_tokens - m_lost;
    const double target = m_maxLost * m_seen + bank;
    const auto first = std::partition_point(m_at.begin(), m_at.end(), [target](double lost) {
        return lost > target;
    });
    if (first == m_at.begin())
    {
        return 0;
    }
    if (first == m_at.end())
    {
        return INF;
    }
    const auto g = static_cast<std::size_t>(first - m_at.begin());
    const double part = (*(first - 1) - target) / (*(first - 1) - *first);
    return g == 1 ? part * PriceAt(1) : PriceAt(g) * std::pow(10, (part - 1) / PRICES);
}

void
QualityBudget::Spend(double tokens, double lost)
{
    m_tokens += tokens;
    m_lost += tokens * lost;
}

std::size_t
QualityBudget::Best(const std::vector<QualityPoint>& points, double maxLost, double price)
{
    constexpr double ROUNDING = 1 + 1e-12;
    std::size_t best = points.size();
    std::size_t least = 0;
    double cost = INF;
    for (std::size_t i = 0; i < points.size(); ++i)
    {
        least = points[i].lost < points[least].lost ? i : least;
        if (points[i].lost > maxLost * ROUNDING)
        {
            continue;
        }
        const double now = points[i].latencyS + (points[i].lost > 0 ? price * points[i].lost : 0);
        if (best == points.size() || now < cost ||
            (now == cost && points[i].lost < points[best].lost))
        {
            best = i;
            cost = now;
        }
    }
    return best < points.size() ? best : least;
}

void
QualityBudget::Reset()
{
    m_tokens = 0;
    m_lost = 0;
    m_seen = 0;
    m_at.clear();
}

} // namespace wdmoe
