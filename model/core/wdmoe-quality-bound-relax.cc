/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// QualityBound: deadlines, weights of machines, and the certificate

#include "wdmoe-quality-bound-impl.h"

#include <algorithm>
#include <cmath>

namespace wdmoe
{

using namespace bound;

namespace
{

/// Steps of a search between two weights of machines, for each deadline
constexpr int WEIGHT_STEPS = 24;

/// Steps with more than two machines
constexpr int MANY_WEIGHT_STEPS = 24;

} // namespace

/**
 * With the present weights and deadline, the least need under the floor. Improves m_upper and
 * m_lower.
 *
 * @param deadlineS the deadline, s, after SetLeast()
 * @return false if it cannot be kept: m_lower is at least the deadline
 */
bool
QualityBound::Impl::Inner(double deadlineS)
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const std::size_t size = m_devices.size();
    const double room = m_maxLost - m_lostAnyway;
    const double price = Search(deadlineS);
    // the certificate: tangents at what was found, for the price found
    double value = schedule ? 0 : -1;
    double relief = 0;
    if (price < INF)
    {
        value -= room / price;
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        const Device& d = m_devices[k];
        if (!(d.total > 0))
        {
            continue;
        }
        const double* lossBefore = &m_lossBefore[d.first + k];
        const double at = std::max(d.total - d.low - (d.high > d.low ? 0.5 : 0), 0.5);
        const Need need = NeedOf(k, at);
        // a device that may have nothing at all saves nothing by a second more
        relief += d.empties ? 0 : need.relief;
        // the tangent's least over the drops left
        uint32_t drops = d.count;
        if (price < INF)
        {
            const Pair* pairs = &m_pairs[d.first];
            drops = static_cast<uint32_t>(
                std::upper_bound(pairs + d.least,
                                 pairs + d.count,
                                 price * need.slope,
                                 [](double limit, const Pair& p) { return limit < p.loss; }) -
                pairs);
        }
        const auto cost = [&](uint32_t n) {
            const double line =
                need.value < INF ? need.value + need.slope * (d.total - n - at) : INF;
            return (schedule ? line : std::max(line, 0.0)) +
                   (price < INF ? lossBefore[n] / price : 0);
        };
        double least = cost(drops);
        if (!schedule && need.slope > 0 && need.slope < INF)
        {
            // no need is below 0: what is convex then has its least where the tangent gets there
            const double zero = std::floor(d.total - at + need.value / need.slope);
            if (zero < drops)
            {
                const auto n = static_cast<uint32_t>(std::max<double>(zero, d.least));
                least = std::min({least, cost(n), cost(std::min(n + 1, drops))});
            }
        }
        if (d.empties)
        {
            least = std::min(least, price < INF ? lossBefore[d.count] / price : 0);
        }
        value += least;
    }
    if (schedule)
    {
        double weights = 0;
        for (std::size_t m = 0; m < m_weight.size(); ++m)
        {
            value -= m_weight[m] * (deadlineS - m_machineOffset[m]);
            weights += m_weight[m];
        }
        if (value == value)
        {
            m_lower =
                std::max(m_lower, std::min(deadlineS, deadlineS + value / (weights + relief)));
        }
    }
    m_value = value;
    // needs of a static split are found numerically
    const bool kept = !(value > (schedule ? 0 : 10 * NEED_ERROR));
    if (!kept)
    {
        m_lower = std::max(m_lower, deadlineS);
    }
    // what these loads come to
    m_excess.assign(m_weight.size(), 0);
    for (std::size_t m = 0; m < m_weight.size(); ++m)
    {
        m_excess[m] = schedule ? m_machineOffset[m] - deadlineS : -1;
    }
    uint32_t open = 0;
    double lost = 0;
    for (std::size_t k = 0; k < size; ++k)
    {
        const Device& d = m_devices[k];
        open += d.high - d.low;
        lost += m_lossBefore[d.first + k + d.low];
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        const Device& d = m_devices[k];
        m_loads[k] = d.total - d.low;
        // the pair that goes in part
        const double* lossBefore = &m_lossBefore[d.first + k];
        const bool part =
            d.high == d.low + 1 && open == 1 && lossBefore[d.high] > lossBefore[d.low];
        const double gone =
            part ? std::clamp((room - lost) / (lossBefore[d.high] - lossBefore[d.low]), 0.0, 1.0)
                 : 0;
        if (m_weight.size() > 1 && m_loads[k] > gone)
        {
            const Need need = NeedOf(k, m_loads[k] - gone);
            m_excess[d.machine[0]] += need.part[0];
            m_excess[d.machine[1]] += need.part[1];
        }
    }
    const double latency = Latency(m_loads);
    if (latency < m_upper)
    {
        m_upper = latency;
        for (std::size_t k = 0; k < size; ++k)
        {
            m_taken[k] = m_devices[k].low;
        }
    }
    return kept;
}

/// @return latency in the model. @param pairs that each device keeps
double
QualityBound::Impl::Latency(const std::vector<double>& pairs)
{
    return m_floor->model == BlockModel::SCHEDULE
               ? m_evaluator.Bound(pairs, m_experts, m_lower)
               : m_evaluator.StaticSplit(*m_problem, pairs, m_experts);
}

/// Machines and bounds before the first deadline. @return whether there is anything to search
bool
QualityBound::Impl::Start()
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    m_evaluator.Prepare(*m_problem, m_loads);
    m_machineHz.clear();
    m_machineOffset.clear();
    m_cellMachine.clear();
    for (std::size_t c = 0; c < m_problem->cells.size(); ++c)
    {
        const BlockCell& cell = m_problem->cells[c];
        // a cell whose devices may all be without pairs need not wait for their heads and tails
        bool used = false;
        for (std::size_t k = 0; k < m_devices.size() && !used; ++k)
        {
            used =
                m_problem->devices[k].cell == c && m_devices[k].total > 0 && !m_devices[k].empties;
        }
        m_cellMachine.push_back(static_cast<uint32_t>(m_machineHz.size()));
        m_machineHz.push_back(cell.downlinkHz);
        m_machineOffset.push_back(used ? m_evaluator.OffsetS(c, 0) : 0);
        if (!cell.halfDuplex && (schedule || !cell.coupled))
        {
            m_machineHz.push_back(cell.UplinkHz());
            m_machineOffset.push_back(used ? m_evaluator.OffsetS(c, 1) : 0);
        }
    }
    const std::size_t machines = m_machineHz.size();
    m_excess.assign(machines, 0);
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        const uint32_t c = m_problem->devices[k].cell;
        const uint32_t first = m_cellMachine[c];
        const uint32_t behind = c + 1 < m_cellMachine.size() ? m_cellMachine[c + 1] : machines;
        d.machine[0] = first;
        d.machine[1] = behind - 1;
        const BlockDevice& device = m_problem->devices[k];
        if (d.total > 0)
        {
            // about what it needs, to begin with
            m_excess[d.machine[0]] += device.downlinkPairBits * d.total /
                                      device.downlinkLaw.Rate(m_machineHz[d.machine[0]]);
            m_excess[d.machine[1]] +=
                device.uplinkPairBits * d.total / device.uplinkLaw.Rate(m_machineHz[d.machine[1]]);
        }
    }
    if (m_weight.size() != machines)
    {
        m_weight.assign(machines, 0);
        m_weight[std::max_element(m_excess.begin(), m_excess.end()) - m_excess.begin()] = 1;
        m_price = 0;
    }
    m_lower = 0;
    m_upper = Latency(m_loads);
    double lost = m_lostAnyway;
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        const Device& d = m_devices[k];
        m_loads[k] = d.total - d.count;
        lost += m_lossBefore[d.first + k + d.count];
    }
    m_lower = m_lostAnyway > m_maxLost ? m_upper : Latency(m_loads);
    if (m_lostAnyway > m_maxLost || m_sorting.empty() || m_lower >= m_upper)
    {
        return false;
    }
    if (lost <= m_maxLost)
    {
        for (std::size_t k = 0; k < m_devices.size(); ++k)
        {
            m_taken[k] = m_devices[k].count;
        }
        m_upper = m_lower;
        return false;
    }
    return true;
}

/**
 * Search for the weights with which a deadline cannot be kept.
 *
 * @param deadlineS the deadline, s
 * @return false if it cannot be kept, for certain: m_lower is at least the deadline
 */
bool
QualityBound::Impl::Deadline(double deadlineS)
{
    if (!SetLeast(deadlineS))
    {
        m_lower = std::max(m_lower, deadlineS);
        return false;
    }
    const std::size_t machines = m_weight.size();
    if (machines == 1)
    {
        return Inner(deadlineS);
    }
    const auto normalise = [this, machines] {
        double sum = 0;
        for (auto& weight : m_weight)
        {
            // with a static split, bandwidth that costs nothing would be without end
            weight =
                m_floor->model == BlockModel::SCHEDULE ? weight : std::max(weight, LEAST_WEIGHT);
            sum += weight;
        }
        for (std::size_t m = 0; m < machines; ++m)
        {
            m_weight[m] /= sum;
        }
    };
    normalise();
    if (machines > 2)
    {
        for (int step = 0; step < MANY_WEIGHT_STEPS; ++step)
        {
            if (!Inner(deadlineS))
            {
                return false;
            }
            if (m_upper < deadlineS * (1 - m_floor->relativeGap))
            {
                return true;
            }
            const double most = *std::max_element(m_excess.begin(), m_excess.end());
            const double least = *std::min_element(m_excess.begin(), m_excess.end());
            for (std::size_t m = 0; m < machines; ++m)
            {
                const double far = (m_excess[m] - most) / std::max(most - least, 1e-300);
                m_weight[m] = std::max(m_weight[m], 1e-3) * std::exp(4 * far / (step + 1));
            }
            normalise();
        }
        return true;
    }
    // concave in the weight of the second machine: lines that touch it at either end of a bracket
    // (with a static split, bandwidth that costs nothing would be without end)
    const double end = m_floor->model == BlockModel::SCHEDULE ? 0 : LEAST_WEIGHT;
    double low = end;
    double high = 1 - end;
    m_weight[1] = std::clamp(m_weight[1], low, high);
    m_weight[0] = 1 - m_weight[1];
    double line[2][2] = {}; // value at 0, slope
    bool known[2] = {false, false};
    for (int step = 0; step < WEIGHT_STEPS; ++step)
    {
        const double at = m_weight[1];
        if (!Inner(deadlineS))
        {
            return false;
        }
        if (m_upper < deadlineS * (1 - m_floor->relativeGap))
        {
            return true;
        }
        const double slope = m_excess[1] - m_excess[0];
        const bool up = slope > 0;
        if (slope == 0 || (up && at >= 1 - end) || (!up && at <= end))
        {
            return true;
        }
        (up ? low : high) = at;
        line[up ? 0 : 1][0] = m_value - slope * at;
        line[up ? 0 : 1][1] = slope;
        known[up ? 0 : 1] = true;
        double next = (low + high) / 2;
        if (known[0] && known[1])
        {
            next = (line[1][0] - line[0][0]) / (line[0][1] - line[1][1]);
            const double top = line[0][0] + line[0][1] * next;
            if (!(top > 0) || high - low < 1e-9)
            {
                return true; // no weights say that it cannot be kept
            }
            next = next > low && next < high ? next : (low + high) / 2;
        }
        else if (!(line[up ? 0 : 1][0] + line[up ? 0 : 1][1] * (up ? high : low) > 0))
        {
            return true;
        }
        else if (step > 0)
        {
            next = up ? high : low;
        }
        m_weight[1] = next;
        m_weight[0] = 1 - next;
    }
    return true;
}

/// Deadlines between what is known to be too soon and what is known to be possible
void
QualityBound::Impl::Relax()
{
    if (!Start())
    {
        return;
    }
    const double gap = m_floor->relativeGap;
    double possible = m_upper; // not shown to be too soon
    double deadline = m_upper;
    for (; m_result.iterations < m_floor->maxIterations; ++m_result.iterations)
    {
        const double before = m_upper;
        if (Deadline(deadline))
        {
            possible = std::min(possible, deadline);
        }
        possible = std::min(possible, m_upper);
        if (possible - m_lower <= gap * possible)
        {
            break;
        }
        deadline = m_upper < before * (1 - gap) ? m_upper : m_lower + (possible - m_lower) / 2;
    }
}

} // namespace wdmoe
