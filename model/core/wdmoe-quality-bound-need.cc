/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// QualityBound: what loads need of machines

#include "wdmoe-quality-bound-impl.h"

#include <algorithm>
#include <cmath>

namespace wdmoe
{

using namespace bound;

/**
 * @param d a device
 * @param k its index
 * @param pairs it has
 * @return how far that is below the deadline, s; < 0: it cannot have so many, whatever the others
 */
double
QualityBound::Impl::Fits(const Device& d, std::size_t k, double pairs) const
{
    const BlockDevice& device = m_problem->devices[k];
    const BlockCell& cell = m_problem->cells[device.cell];
    const bool whole = m_problem->maxPieces == 1 || m_floor->model == BlockModel::STATIC_SPLIT;
    return m_deadlineS * (1 + 1e-14) -
           m_evaluator.Window(k).AloneS(device, cell, pairs, d.experts, whole);
}

/// Drops that a deadline asks of each device alone. @return false if one cannot keep it
/// @param deadlineS the deadline, s
bool
QualityBound::Impl::SetLeast(double deadlineS)
{
    m_deadlineS = deadlineS;
    double lost = m_lostAnyway;
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        d.least = 0;
        if (!(d.total > 0) || Fits(d, k, d.total) >= 0)
        {
            continue;
        }
        uint32_t low = 0;            // does not fit
        uint32_t high = d.count + 1; // fits, or there is no such drop
        while (high - low > 1)
        {
            const uint32_t middle = low + (high - low) / 2;
            const bool fits = middle == d.total || Fits(d, k, d.total - middle) >= 0;
            (fits ? high : low) = middle;
        }
        if (high > d.count)
        {
            return false;
        }
        d.least = high;
        lost += m_lossBefore[d.first + k + high];
    }
    return lost <= m_maxLost;
}

/// @return need of a device's load. @param k the device @param pairs it keeps
Need
QualityBound::Impl::NeedOf(std::size_t k, double pairs) const
{
    if (m_floor->model == BlockModel::STATIC_SPLIT)
    {
        return SplitNeed(k, pairs);
    }
    Need need;
    if (!(pairs > 0))
    {
        return need;
    }
    const BlockDevice& d = m_problem->devices[k];
    const BlockWindow& w = m_evaluator.Window(k);
    const auto& machine = m_devices[k].machine;
    const AreaLine lines[2] = {AreaLine::Touch(d.downlinkLaw,
                                               d.downlinkPairBits * pairs + d.downlinkBatchBits,
                                               m_deadlineS - w.tailS),
                               AreaLine::Touch(d.uplinkLaw,
                                               d.uplinkPairBits * pairs + d.uplinkBatchBits,
                                               m_deadlineS - w.headS - w.uplinkEndS)};
    const double bits[2] = {d.downlinkPairBits, d.uplinkPairBits};
    for (int i = 0; i < 2; ++i)
    {
        const double perHz = 1 / m_machineHz[machine[i]];
        const double weight = m_weight[machine[i]];
        need.part[i] = lines[i].areaHzS * perHz;
        need.partSlope[i] = bits[i] > 0 ? lines[i].slope * bits[i] * perHz : 0;
        if (weight > 0)
        {
            need.value += weight * need.part[i];
            need.slope += weight * need.partSlope[i];
            need.relief += weight * lines[i].reliefHz * perHz;
        }
    }
    return need;
}

/**
 * The cheapest bandwidth of a device that keeps the deadline.
 *
 * @param k the device
 * @param pairs it keeps
 * @return its need, in shares of the budgets
 */
Need
QualityBound::Impl::SplitNeed(std::size_t k, double pairs) const
{
    Need need;
    if (!(pairs > 0))
    {
        return need;
    }
    const BlockDevice& d = m_problem->devices[k];
    const Device& device = m_devices[k];
    const BlockCell& cell = m_problem->cells[d.cell];
    // what a batch has beside its pairs counts as spread over all of them, which is less
    const double each[2] = {d.downlinkPairBits + d.downlinkBatchBits / device.total,
                            d.uplinkPairBits + d.uplinkBatchBits / device.total};
    const double bits[2] = {each[0] * pairs, each[1] * pairs};
    const double fixedS = d.downlinkFixedS + (bits[1] > 0 ? d.uplinkRequestS + d.uplinkFixedS : 0);
    const double left = m_deadlineS - fixedS - d.ComputeS(pairs, device.experts);
    const bool memoryBound = d.readS * device.experts + d.moveS * pairs >= d.pairS * pairs;
    const double computeSlope = memoryBound ? d.moveS : d.pairS;
    if (!(bits[0] + bits[1] > 0))
    {
        return need;
    }
    const RateLaw* law[2] = {&d.downlinkLaw, &d.uplinkLaw};
    // R'(B), with the tangent's formula
    const auto slopeAt = [&law](int i, double rate) {
        return 1 / AreaLine::Touch(*law[i], rate, 1).slope;
    };
    if (!(left > 0))
    {
        need.value = INF;
        need.slope = INF;
        return need;
    }
    double hz[2] = {0, 0};
    double fall = 0; // what a second more saves, weighted share
    if (cell.coupled || cell.halfDuplex)
    {
        const double weight = m_weight[device.machine[0]] / cell.downlinkHz;
        // Newton's method from the left, on a convex and falling time: never too large
        double b = 0;
        for (int i = 0; i < 2; ++i)
        {
            b = std::max(b, bits[i] > 0 ? law[i]->Bandwidth(bits[i] / left) : 0);
        }
        double slope = 0;
        for (int round = 0; round < 60 && b < INF; ++round)
        {
            double t = 0;
            slope = 0;
            for (int i = 0; i < 2; ++i)
            {
                if (bits[i] > 0)
                {
                    const double rate = law[i]->Rate(b);
                    t += bits[i] / rate;
                    slope += bits[i] / (rate * rate) * slopeAt(i, rate);
                }
            }
            const double step = (t - left) / slope;
            if (!(step > 1e-13 * b))
            {
                break;
            }
            b += step;
        }
        hz[0] = b;
        need.value = weight * b;
        need.part[0] = b / cell.downlinkHz;
        fall = weight / slope;
    }
    else
    {
        const double weight[2] = {m_weight[device.machine[0]] / cell.downlinkHz,
                                  m_weight[device.machine[1]] / cell.UplinkHz()};
        const auto bandwidths = [&](double first) {
            const double time[2] = {first, left - first};
            for (int i = 0; i < 2; ++i)
            {
                hz[i] = bits[i] > 0 ? law[i]->Bandwidth(bits[i] / time[i]) : 0;
            }
        };
        // what the share of a direction rises by if its time falls by a second
        const auto rise = [&](int i, double time) {
            const double rate = bits[i] / time;
            return rate < law[i]->MaxRate() ? weight[i] * rate / time / slopeAt(i, rate) : INF;
        };
        double first = bits[0] > 0 ? left : 0;
        if (bits[0] > 0 && bits[1] > 0)
        {
            if (law[0]->kind == RateLaw::LINEAR && law[1]->kind == RateLaw::LINEAR)
            {
                const double a = std::sqrt(weight[0] * bits[0] / law[0]->efficiency);
                const double b = std::sqrt(weight[1] * bits[1] / law[1]->efficiency);
                first = left * a / (a + b);
            }
            else
            {
                // log(rise / rise) is nearly a line of slope -2 over log(time / time): Illinois
                const auto over = [&](double u) {
                    first = left / (1 + std::exp(-u));
                    const double a = rise(0, first);
                    const double b = rise(1, left / (1 + std::exp(u)));
                    constexpr double FAR = 60;
                    return a < INF ? (b < INF ? std::clamp(std::log(a / b), -FAR, FAR) : -FAR)
                                   : FAR;
                };
                double u[2] = {0, 0}; // over > 0 on the left
                double f[2] = {0, 0};
                bool known[2] = {false, false};
                int side = -1;
                double at = 0;
                for (int round = 0; round < 60; ++round)
                {
                    const double value = over(at);
                    const int now = value > 0 ? 0 : 1;
                    u[now] = at;
                    f[now] = value;
                    known[now] = true;
                    if (std::abs(value) < 1e-10)
                    {
                        break;
                    }
                    if (known[0] && known[1])
                    {
                        f[1 - now] *= side == now ? 0.5 : 1;
                        at = u[0] + (u[1] - u[0]) * f[0] / (f[0] - f[1]);
                        if (u[1] - u[0] < 1e-12)
                        {
                            break;
                        }
                    }
                    else
                    {
                        at += (value > 0 ? 0.1 : -0.1) + 0.55 * value;
                    }
                    side = now;
                }
            }
        }
        bandwidths(first);
        need.value = weight[0] * hz[0] + weight[1] * hz[1];
        need.part[0] = hz[0] / cell.downlinkHz;
        need.part[1] = hz[1] / cell.UplinkHz();
        fall = bits[0] > 0 ? rise(0, first) : rise(1, left);
    }
    double perPair = computeSlope;
    for (int i = 0; i < 2; ++i)
    {
        const double b = cell.coupled || cell.halfDuplex ? hz[0] : hz[i];
        perPair += bits[i] > 0 ? each[i] / law[i]->Rate(b) : 0;
    }
    need.slope = fall * perPair;
    need.value *= 1 - NEED_ERROR;
    return need;
}

/// Find out what a device's need of one more pair is at a few loads, for SlopeOf()
/// @param k the device
void
QualityBound::Impl::Sample(std::size_t k)
{
    Device& d = m_devices[k];
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const double least = std::max(d.total - d.count + 0.5, 0.5);
    const double most = std::max(d.total - d.least - 0.5, least);
    const double radius = std::min(d.radius, (most - least) / 2);
    const double centre = std::clamp(d.centre, least + radius, std::max(most - radius, least));
    for (int i = 0; i < 3; ++i)
    {
        d.at[i] = std::clamp(centre + (1 - i) * radius, least, most);
        if (i > 0 && d.at[i] == d.at[i - 1])
        {
            d.known[0][i] = d.known[0][i - 1];
            d.known[1][i] = d.known[1][i - 1];
            continue;
        }
        const Need need = NeedOf(k, d.at[i]);
        d.known[0][i] = schedule ? need.partSlope[0] : need.slope;
        d.known[1][i] = schedule ? need.partSlope[1] : 0;
    }
}

} // namespace wdmoe
