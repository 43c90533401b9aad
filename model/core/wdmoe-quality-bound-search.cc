/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// QualityBound: drops of the least need under the floor, for a deadline

#include "wdmoe-quality-bound-impl.h"

#include <algorithm>
#include <cmath>

namespace wdmoe
{

using namespace bound;

namespace
{

/// Of a device's pairs: within so many, its need is known where it was looked at
constexpr double CLOSE = 0.03;

} // namespace

/// @return need of one more pair, nearly, after Fit(). Where to look is all
/// that depends on it, not what is certified. @param d the device @param pairs it keeps
double
QualityBound::Impl::SlopeOf(const Device& d, double pairs) const
{
    if (!(d.curve[0] > -INF && d.curve[0] < INF))
    {
        return d.curve[0] > 0 ? INF : 0;
    }
    // a line goes on where the parabola is far from what is known
    const double reach = d.at[0] - d.at[2];
    const double bend = d.at[0] - d.at[1];
    const double x = pairs - d.at[1];
    const double near = std::clamp(x, -reach, reach);
    const double value = d.curve[0] + near * (d.curve[1] + d.curve[2] * (near - bend)) +
                         (x - near) * (d.curve[1] + d.curve[2] * (2 * near - bend));
    return std::exp(value);
}

/// Lay a parabola through the logarithms of what is known, with the present weights
/// @param d the device
void
QualityBound::Impl::Fit(Device& d) const
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const double weight[2] = {schedule ? m_weight[d.machine[0]] : 1,
                              schedule ? m_weight[d.machine[1]] : 0};
    double y[3];
    for (int i = 0; i < 3; ++i)
    {
        y[i] = std::log((weight[0] > 0 ? weight[0] * d.known[0][i] : 0) +
                        (weight[1] > 0 ? weight[1] * d.known[1][i] : 0));
    }
    d.curve[0] = y[1];
    const auto slope = [&](int i, int j) {
        return d.at[i] != d.at[j] && y[i] < INF && y[j] < INF ? (y[i] - y[j]) / (d.at[i] - d.at[j])
                                                              : 0;
    };
    const double first = slope(0, 1);
    const double second = slope(1, 2);
    d.curve[2] =
        d.at[0] != d.at[1] && d.at[1] != d.at[2] ? (first - second) / (d.at[0] - d.at[2]) : 0;
    d.curve[1] = d.at[0] != d.at[1] ? first : second;
    // needs rise: so must what goes through them, or else a line has to do
    const double reach = d.at[0] - d.at[2];
    const double bend = d.at[0] - d.at[1];
    if (!(d.curve[1] + d.curve[2] * (2 * reach - bend) >= 0 &&
          d.curve[1] - d.curve[2] * (2 * reach + bend) >= 0))
    {
        d.curve[1] =
            reach > 0 && y[0] < INF && y[2] < INF ? std::max((y[0] - y[2]) / reach, 0.0) : 0;
        d.curve[2] = 0;
    }
}

/**
 * Drops of each device at a price of quality, between Device::low and high: a pair goes if its
 * loss is at most the price times what it needs.
 *
 * @param price s or share for each unit of loss: the reciprocal
 * @param low whether they become Device::low, or high
 */
void
QualityBound::Impl::Prices(double price, bool low)
{
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        if (d.low == d.high)
        {
            continue;
        }
        const Pair* pairs = &m_pairs[d.first];
        uint32_t from = d.low;
        uint32_t to = d.high;
        while (from < to)
        {
            const uint32_t middle = from + (to - from) / 2;
            const double slope = d.linear ? d.slope : SlopeOf(d, d.total - middle - 0.5);
            if (pairs[middle].loss <= price * slope)
            {
                from = middle + 1;
            }
            else
            {
                to = middle;
            }
        }
        (low ? d.low : d.high) = from;
    }
}

/**
 * With the present weights and deadline, drops with the least need under the floor: Device::low,
 * and high, which is one more where the floor would not be kept.
 *
 * @param deadlineS the deadline, s, after SetLeast()
 * @return price of quality; infinite: the floor does not bind
 */
double
QualityBound::Impl::Search(double deadlineS)
{
    constexpr int ROUNDS = 2;
    for (int round = 0;; ++round)
    {
        const double price = SearchOnce(deadlineS);
        bool far = false;
        for (Device& d : m_devices)
        {
            if (d.linear || d.count == 0)
            {
                continue;
            }
            // look more closely where it has got to; again if that is not where it looked
            const double pairs = d.total - d.low;
            const double move = std::abs(pairs - d.at[1]);
            if (move > d.radius + 1 || d.radius > std::max(1.0, CLOSE * d.count))
            {
                far = true;
                d.sampledS = 0;
            }
            d.radius = std::max(move > d.radius ? move : std::min(move, d.radius / 16), 1.0);
            d.centre = std::max(pairs, 0.5);
        }
        if (!far || round + 1 >= ROUNDS)
        {
            return price;
        }
    }
}

/// One round of Search(). @return price of quality @param deadlineS the deadline, s
double
QualityBound::Impl::SearchOnce(double deadlineS)
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const std::size_t size = m_devices.size();
    double most = 0;
    double ratioMost = 0;
    double ratioLeast = INF;
    for (std::size_t k = 0; k < size; ++k)
    {
        Device& d = m_devices[k];
        d.low = d.least;
        d.high = d.count;
        const RateLaw* laws[2] = {&m_problem->devices[k].downlinkLaw,
                                  &m_problem->devices[k].uplinkLaw};
        d.linear = schedule && laws[0]->kind == RateLaw::LINEAR && laws[1]->kind == RateLaw::LINEAR;
        most += m_lossBefore[d.first + k + d.high];
        if (d.count == 0)
        {
            continue;
        }
        if (d.linear)
        {
            d.slope = NeedOf(k, d.total).slope;
        }
        else if (!schedule || d.sampledS != deadlineS)
        {
            Sample(k);
            d.sampledS = deadlineS;
        }
        if (!d.linear)
        {
            Fit(d);
        }
        const double slope = d.linear ? d.slope : SlopeOf(d, d.total - d.least - 0.5);
        if (d.high > d.low && slope > 0)
        {
            const double other = d.linear ? slope : SlopeOf(d, d.total - d.count + 0.5);
            ratioMost = std::max(ratioMost, m_pairs[d.first + d.high - 1].loss / other);
            ratioLeast = std::min(ratioLeast, m_pairs[d.first + d.low].loss / slope);
        }
        else if (d.high > d.low)
        {
            d.high = d.low; // costs nothing: it stays
            most -= m_lossBefore[d.first + k + d.count] - m_lossBefore[d.first + k + d.low];
        }
    }
    const double room = m_maxLost - m_lostAnyway;
    double price = INF;
    if (most <= room)
    {
        for (auto& d : m_devices)
        {
            d.low = d.high;
        }
    }
    else
    {
        // what is known of needs far from where they were looked at is no bracket
        double low = 1e-300;
        double high = 1e300;
        const auto lostAt = [this, size](bool atLow) {
            double lost = 0;
            for (std::size_t k = 0; k < size; ++k)
            {
                const Device& d = m_devices[k];
                lost += m_lossBefore[d.first + k + (atLow ? d.low : d.high)];
            }
            return lost;
        };
        const double guess = std::sqrt(ratioLeast) * std::sqrt(ratioMost);
        price = m_price > 0 ? m_price : guess > low && guess < high ? guess : 1;
        double factor = 1.2;
        bool above = false; // a bound is known by trying, not by construction
        bool below = false;
        for (int round = 0; round < 100; ++round)
        {
            // as if it were low; taken back where it is not
            for (std::size_t k = 0; k < size; ++k)
            {
                m_before[k] = m_devices[k].low;
            }
            Prices(price, true);
            if (lostAt(true) <= room)
            {
                low = price;
                below = true;
            }
            else
            {
                for (std::size_t k = 0; k < size; ++k)
                {
                    m_devices[k].high = m_devices[k].low;
                    m_devices[k].low = m_before[k];
                }
                high = price;
                above = true;
            }
            uint32_t open = 0;
            for (const auto& d : m_devices)
            {
                open += d.high - d.low;
            }
            if (open <= 1 || high <= low * (1 + 1e-13))
            {
                break;
            }
            if (below && above)
            {
                price = std::sqrt(low) * std::sqrt(high);
            }
            else
            {
                price = below ? std::min(low * factor, high) : std::max(high / factor, low);
                factor *= factor;
            }
        }
        price = high;
        // the pair that goes in part has the price, if it is one alone
        for (std::size_t k = 0; k < size; ++k)
        {
            const Device& d = m_devices[k];
            if (d.high == d.low + 1)
            {
                const double slope = d.linear ? d.slope : NeedOf(k, d.total - d.low - 0.5).slope;
                price = std::clamp(m_pairs[d.first + d.low].loss / slope, low, high);
            }
        }
        m_price = price;
    }
    return price;
}

} // namespace wdmoe
