/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-block-problem.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <sstream>

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// @return the number for a message. @param value any
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/// @return bits / rate; 0 for no bits. @param bits to move @param rate bit/s
double
Seconds(double bits, double rate)
{
    return bits > 0 ? bits / rate : 0;
}

} // namespace

double
BlockDevice::ComputeS(double pairs, double experts) const
{
    return pairs > 0 ? std::max(pairS * pairs, readS * experts + moveS * pairs) +
                           launchS * experts + computeFixedS
                     : 0;
}

double
BlockCell::UplinkHz() const
{
    return coupled || halfDuplex ? downlinkHz : uplinkHz;
}

std::string
BlockProblem::Check() const
{
    if (devices.empty() || cells.empty() || expertDevice.empty())
    {
        return "BlockProblem: " + std::to_string(devices.size()) + " devices, " +
               std::to_string(cells.size()) + " cells and " + std::to_string(expertDevice.size()) +
               " experts, expected at least one of each";
    }
    if (maxPieces < 1)
    {
        return "BlockProblem: maxPieces is 0, expected at least 1";
    }
    for (std::size_t e = 0; e < expertDevice.size(); ++e)
    {
        if (expertDevice[e] >= devices.size())
        {
            return "BlockProblem: expertDevice[" + std::to_string(e) + "] is " +
                   std::to_string(expertDevice[e]) +
                   ", expected less than the number of devices, " + std::to_string(devices.size());
        }
    }
    for (std::size_t c = 0; c < cells.size(); ++c)
    {
        const BlockCell& cell = cells[c];
        const bool one = cell.coupled || cell.halfDuplex;
        if (!(cell.downlinkHz > 0 && cell.downlinkHz < INF) ||
            (!one && !(cell.uplinkHz > 0 && cell.uplinkHz < INF)))
        {
            return "BlockProblem: cell " + std::to_string(c) + " has " + Text(cell.downlinkHz) +
                   " Hz downlink and " + Text(cell.uplinkHz) +
                   " Hz uplink, expected finite bandwidths > 0";
        }
    }
    for (std::size_t k = 0; k < devices.size(); ++k)
    {
        const BlockDevice& d = devices[k];
        const auto at = [k] { return "BlockProblem: devices[" + std::to_string(k) + "]"; };
        if (d.cell >= cells.size())
        {
            return at() + ".cell is " + std::to_string(d.cell) +
                   ", expected less than the number of cells, " + std::to_string(cells.size());
        }
        if (!d.downlinkLaw.IsValid() || !d.uplinkLaw.IsValid())
        {
            return at() + " has a law that is not valid (efficiency " +
                   Text(d.downlinkLaw.efficiency) + " and " + Text(d.uplinkLaw.efficiency) +
                   ", gainHz " + Text(d.downlinkLaw.gainHz) + " and " + Text(d.uplinkLaw.gainHz) +
                   "); expected both >= 0, and a scale in (0, 1]";
        }
        const bool down = d.downlinkPairBits + d.downlinkBatchBits > 0;
        const bool up = d.uplinkPairBits + d.uplinkBatchBits > 0;
        if (d.reachable &&
            ((down && !(d.downlinkLaw.MaxRate() > 0)) || (up && !(d.uplinkLaw.MaxRate() > 0))))
        {
            return at() + " has bits to move and a law that carries none; set reachable to false";
        }
        const std::pair<const char*, double> values[] = {{"downlinkPairBits", d.downlinkPairBits},
                                                         {"uplinkPairBits", d.uplinkPairBits},
                                                         {"downlinkBatchBits", d.downlinkBatchBits},
                                                         {"uplinkBatchBits", d.uplinkBatchBits},
                                                         {"downlinkFixedS", d.downlinkFixedS},
                                                         {"uplinkRequestS", d.uplinkRequestS},
                                                         {"uplinkFixedS", d.uplinkFixedS},
                                                         {"pairS", d.pairS},
                                                         {"readS", d.readS},
                                                         {"moveS", d.moveS},
                                                         {"launchS", d.launchS},
                                                         {"computeFixedS", d.computeFixedS},
                                                         {"busyS", d.busyS}};
        for (const auto& [name, value] : values)
        {
            if (!(value >= 0 && value < INF))
            {
                return at() + "." + name + " is " + Text(value) + ", expected finite and >= 0";
            }
        }
    }
    return "";
}

AreaLine
AreaLine::Touch(const RateLaw& law, double bits, double lengthS)
{
    AreaLine line;
    if (!(law.efficiency > 0) || !(lengthS > 0))
    {
        line.areaHzS = bits > 0 ? INF : 0;
        line.slope = INF;
        return line;
    }
    line.slope = 1 / law.efficiency;
    if (law.kind == RateLaw::LINEAR)
    {
        line.areaHzS = bits * line.slope;
        return line;
    }
    const double rate = bits / lengthS;
    const double hz = law.Bandwidth(rate);
    line.areaHzS = bits > 0 ? hz * lengthS : 0;
    if (!(hz > 0 && hz < INF))
    {
        return line;
    }
    const double snr = law.gainHz / hz;
    const double curve = law.scale / std::numbers::ln2 * std::log1p(snr);
    if (curve > 0 && curve <= law.efficiency * (1 + 1e-12))
    {
        // R'(B) = curve - scale snr / (1 + snr) / ln 2, which cancels for small snr
        const double share = snr / (1 + snr);
        const double difference = snr < 1e-3 ? share * share * (0.5 + share / 3 + share * share / 4)
                                             : std::log1p(snr) - share;
        line.slope = std::numbers::ln2 / (law.scale * difference);
        line.reliefHz = std::max(0.0, rate * line.slope - hz);
    }
    return line;
}

BlockWindow
BlockWindow::Of(const BlockDevice& d, const BlockCell& cell)
{
    BlockWindow w;
    const double downRate = d.downlinkLaw.Rate(cell.downlinkHz);
    const double upRate = d.uplinkLaw.Rate(cell.UplinkHz());
    // of many pieces, the first and the last have at least one pair each
    w.firstS = Seconds(d.downlinkPairBits + d.downlinkBatchBits, downRate) + d.downlinkFixedS;
    w.lastS = Seconds(d.uplinkPairBits + d.uplinkBatchBits, upRate);
    w.lastS += w.lastS > 0 ? d.uplinkFixedS : 0;
    const double computeS = d.ComputeS(1, 1);
    const double asks = w.lastS > 0 ? d.uplinkRequestS : 0;
    w.headS = std::max(w.firstS, computeS > 0 ? d.busyS : 0) + computeS + asks;
    w.uplinkEndS = w.lastS > 0 ? d.uplinkFixedS : 0;
    w.tailS = d.downlinkFixedS + computeS + w.lastS;
    return w;
}

double
BlockWindow::AloneS(const BlockDevice& d,
                    const BlockCell& cell,
                    double pairs,
                    double experts,
                    bool whole) const
{
    const double downS = Seconds(d.downlinkPairBits * pairs + d.downlinkBatchBits,
                                 d.downlinkLaw.Rate(cell.downlinkHz));
    const double upS =
        Seconds(d.uplinkPairBits * pairs + d.uplinkBatchBits, d.uplinkLaw.Rate(cell.UplinkHz()));
    const double computeS = d.ComputeS(pairs, experts);
    const double busyS = computeS > 0 ? d.busyS : 0;
    if (whole)
    {
        return std::max(downS + d.downlinkFixedS, busyS) + computeS +
               (upS > 0 ? d.uplinkRequestS + upS + d.uplinkFixedS : 0);
    }
    return std::max({std::max(firstS, busyS) + computeS + lastS,
                     downS + tailS,
                     headS + (upS > 0 ? upS + d.uplinkFixedS : 0)});
}

double
BlockEvaluator::LowerBound(const BlockProblem& problem,
                           const std::vector<double>& pairs,
                           const std::vector<double>& experts)
{
    Prepare(problem, pairs);
    return Bound(pairs, experts);
}

void
BlockEvaluator::Prepare(const BlockProblem& problem, const std::vector<double>& active)
{
    m_problem = &problem;
    const std::size_t size = problem.devices.size();
    m_window.resize(size);
    m_offsetS.assign(2 * problem.cells.size(), 0);
    for (uint32_t c = 0; c < problem.cells.size(); ++c)
    {
        const bool half = problem.cells[c].halfDuplex;
        double head[2] = {INF, INF};
        double tail[2] = {INF, INF};
        for (std::size_t k = 0; k < size; ++k)
        {
            const BlockDevice& d = problem.devices[k];
            if (d.cell != c || !(active[k] > 0) || !d.reachable)
            {
                continue;
            }
            m_window[k] = BlockWindow::Of(d, problem.cells[c]);
            const bool bits[2] = {d.downlinkPairBits > 0, d.uplinkPairBits > 0};
            for (int direction = 0; direction < 2; ++direction)
            {
                const int machine = half ? 0 : direction;
                if (bits[direction] || d.downlinkBatchBits + d.uplinkBatchBits > 0)
                {
                    head[machine] = std::min(head[machine], direction ? m_window[k].headS : 0);
                    tail[machine] =
                        std::min(tail[machine],
                                 direction ? m_window[k].uplinkEndS : m_window[k].tailS);
                }
            }
        }
        for (int machine = 0; machine < 2; ++machine)
        {
            const double offset = head[machine] + tail[machine];
            m_offsetS[2 * c + machine] = offset < INF ? offset : 0;
        }
    }
}

double
BlockEvaluator::Bound(const std::vector<double>& pairs,
                      const std::vector<double>& experts,
                      double known) const
{
    const BlockProblem& problem = *m_problem;
    const std::size_t size = problem.devices.size();
    const bool whole = problem.maxPieces == 1;
    double bound = known;
    for (std::size_t k = 0; k < size; ++k)
    {
        const BlockDevice& d = problem.devices[k];
        if (pairs[k] > 0 && d.reachable)
        {
            bound = std::max(bound,
                             m_window[k].AloneS(d,
                                                problem.cells[d.cell],
                                                pairs[k],
                                                std::max(experts[k], 1.0),
                                                whole));
        }
    }
    for (uint32_t c = 0; c < problem.cells.size() && bound < INF; ++c)
    {
        const BlockCell& cell = problem.cells[c];
        for (int machine = 0; machine < (cell.halfDuplex ? 1 : 2); ++machine)
        {
            const double budget = machine == 0 ? cell.downlinkHz : cell.UplinkHz();
            // Newton's method from the left on a convex, falling function: each point is a bound
            constexpr int ROUNDS = 60;
            for (int round = 0; round < ROUNDS; ++round)
            {
                double need = 0;
                double relief = budget;
                for (std::size_t k = 0; k < size; ++k)
                {
                    const BlockDevice& d = problem.devices[k];
                    if (d.cell != c || !(pairs[k] > 0) || !d.reachable)
                    {
                        continue;
                    }
                    const BlockWindow& w = m_window[k];
                    if (cell.halfDuplex || machine == 0)
                    {
                        const auto line =
                            AreaLine::Touch(d.downlinkLaw,
                                            d.downlinkPairBits * pairs[k] + d.downlinkBatchBits,
                                            bound - w.tailS);
                        need += line.areaHzS;
                        relief += line.reliefHz;
                    }
                    if (cell.halfDuplex || machine == 1)
                    {
                        const auto line =
                            AreaLine::Touch(d.uplinkLaw,
                                            d.uplinkPairBits * pairs[k] + d.uplinkBatchBits,
                                            bound - w.headS - w.uplinkEndS);
                        need += line.areaHzS;
                        relief += line.reliefHz;
                    }
                }
                const double over = need - budget * (bound - m_offsetS[2 * c + machine]);
                if (!(need > 0) || !(over > 0) || !(need < INF))
                {
                    break;
                }
                const double next = bound + over / relief;
                const bool done = next <= bound * (1 + 1e-13) || relief == budget;
                bound = next;
                if (done)
                {
                    break;
                }
            }
        }
    }
    return bound;
}

void
BlockEvaluator::Load(const BlockProblem& problem, const std::vector<uint32_t>& expertPairs)
{
    const std::size_t size = problem.devices.size();
    m_pairs.assign(size, 0);
    m_experts.assign(size, 0);
    m_computeS.assign(size, 0);
    m_place.assign(size, 0);
    for (std::size_t e = 0; e < expertPairs.size(); ++e)
    {
        const uint32_t k = problem.expertDevice[e];
        const BlockDevice& d = problem.devices[k];
        if (expertPairs[e] > 0 && d.reachable)
        {
            m_pairs[k] += expertPairs[e];
            m_experts[k] += 1;
            // the roofline is one of each expert
            m_computeS[k] += d.ComputeS(expertPairs[e], 1) - d.computeFixedS;
        }
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        m_computeS[k] += m_pairs[k] > 0 ? problem.devices[k].computeFixedS : 0;
    }
}

double
BlockEvaluator::StaticSplit(const BlockProblem& problem, const std::vector<uint32_t>& expertPairs)
{
    Load(problem, expertPairs);
    return Split(problem, m_pairs);
}

double
BlockEvaluator::StaticSplit(const BlockProblem& problem,
                            const std::vector<double>& pairs,
                            const std::vector<double>& experts)
{
    m_computeS.resize(pairs.size());
    for (std::size_t k = 0; k < pairs.size(); ++k)
    {
        m_computeS[k] = problem.devices[k].ComputeS(pairs[k], std::max(experts[k], 1.0));
    }
    return Split(problem, pairs);
}

double
BlockEvaluator::Split(const BlockProblem& problem, const std::vector<double>& pairs)
{
    double latency = 0;
    for (uint32_t c = 0; c < problem.cells.size(); ++c)
    {
        const BlockCell& cell = problem.cells[c];
        AllocationProblem& p = m_split;
        p.coupled = cell.coupled || cell.halfDuplex;
        p.downlinkHz = cell.downlinkHz;
        p.uplinkHz = cell.uplinkHz;
        for (auto* values : {&p.downlinkBits, &p.uplinkBits, &p.computeS})
        {
            values->clear();
        }
        p.downlinkLaw.clear();
        p.uplinkLaw.clear();
        for (std::size_t k = 0; k < problem.devices.size(); ++k)
        {
            const BlockDevice& d = problem.devices[k];
            if (d.cell == c && pairs[k] > 0 && d.reachable)
            {
                // a compute unit that is busy holds it up only if it alone makes the block late
                const double asksS = d.uplinkPairBits + d.uplinkBatchBits > 0
                                         ? d.uplinkRequestS + d.uplinkFixedS
                                         : 0;
                const double upS = Seconds(d.uplinkPairBits * pairs[k] + d.uplinkBatchBits,
                                           d.uplinkLaw.Rate(cell.UplinkHz()));
                latency = std::max(latency, d.busyS + m_computeS[k] + upS + asksS);
                p.downlinkBits.push_back(d.downlinkPairBits * pairs[k] + d.downlinkBatchBits);
                p.uplinkBits.push_back(d.uplinkPairBits * pairs[k] + d.uplinkBatchBits);
                p.computeS.push_back(m_computeS[k] + d.downlinkFixedS + asksS);
                p.downlinkLaw.push_back(d.downlinkLaw);
                p.uplinkLaw.push_back(d.uplinkLaw);
            }
        }
        if (!p.computeS.empty())
        {
            const auto result = AllocateMinMax(p);
            const bool solved = result.status == AllocationStatus::OPTIMAL ||
                                result.status == AllocationStatus::MAX_ITERATIONS;
            latency = std::max(latency, solved ? result.timeS : INF);
        }
    }
    return latency;
}

double
BlockEvaluator::Schedule(const BlockProblem& problem,
                         const std::vector<uint32_t>& expertPairs,
                         const ShopParam& param)
{
    Load(problem, expertPairs);
    double latency = 0;
    for (uint32_t c = 0; c < problem.cells.size(); ++c)
    {
        const BlockCell& cell = problem.cells[c];
        m_shop.downlinkHz = cell.downlinkHz;
        m_shop.uplinkHz = cell.uplinkHz;
        m_shop.coupled = cell.coupled;
        m_shop.halfDuplex = cell.halfDuplex;
        m_shop.blockWeight.assign(1, 1);
        m_shop.devices.clear();
        std::size_t tasks = 0;
        for (uint32_t k = 0; k < problem.devices.size(); ++k)
        {
            const BlockDevice& d = problem.devices[k];
            if (d.cell != c || !(m_pairs[k] > 0))
            {
                continue;
            }
            ShopDevice device;
            device.downlinkLaw = d.downlinkLaw;
            device.uplinkLaw = d.uplinkLaw;
            device.downlinkFixedS = d.downlinkFixedS;
            device.uplinkRequestS = d.uplinkRequestS;
            device.uplinkFixedS = d.uplinkFixedS;
            device.busyS = d.busyS;
            m_shop.devices.push_back(device);
            if (m_shop.tasks.size() <= tasks)
            {
                m_shop.tasks.emplace_back();
            }
            ShopTask& task = m_shop.tasks[tasks];
            task.device = static_cast<uint32_t>(tasks++);
            std::size_t cuts = 0;
            for (uint32_t n = 1; n <= problem.maxPieces && n <= m_pairs[k]; n *= 2)
            {
                if (task.cuts.size() <= cuts)
                {
                    task.cuts.emplace_back();
                }
                // A piece of each expert: cuts fall between experts where that is near. As many
                // weights are read as there are experts in use, and one more for each cut that
                // does not fall between two.
                const double calls = std::max<double>(m_experts[k], n) / n;
                const double each = m_pairs[k] / n;
                ShopPiece piece;
                piece.downlinkBits = d.downlinkPairBits * each + d.downlinkBatchBits;
                piece.uplinkBits = d.uplinkPairBits * each + d.uplinkBatchBits;
                piece.computeS = n == 1 ? m_computeS[k] : d.ComputeS(each, calls);
                task.cuts[cuts++].assign(n, piece);
            }
            task.cuts.resize(cuts);
        }
        m_shop.tasks.resize(tasks);
        if (tasks > 0)
        {
            const auto& result = m_planner.Plan(m_shop, param);
            latency = std::max(latency,
                               result.status == ShopStatus::PLANNED ? result.outcome.costS : INF);
        }
    }
    return latency;
}

} // namespace wdmoe
