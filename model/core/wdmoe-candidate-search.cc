/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-candidate-search.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// Relative: what rounding does to a sum
constexpr double ROUNDING = 1e-12;

/// s for a pair of a device that cannot be used by the deadline
constexpr double NEVER = 1e30;

/// Weights of constraints tried
constexpr int ROUNDS = 48;

/// Steps of a search for a multiplier
constexpr int STEPS = 40;

/// Single moves tried
constexpr int MOVES = 200;

} // namespace

bool
CandidateSearch::Load(const GateMatrix& gate)
{
    m_tokens.assign(gate.tokens, Token());
    m_devices.assign(m_problem->devices.size(), Device());
    m_expert.clear();
    m_weight.clear();
    m_owner.clear();
    m_row.resize(gate.experts);
    m_expertPairs.assign(gate.experts, 0);
    m_mass = 0;
    double most = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        Token& t = m_tokens[j];
        const double* row = gate.Row(j);
        // unreachable ones among them: more have to be looked at
        const std::size_t count = TopKOfRow(row, gate.experts, gate.experts, m_row.data());
        t.first = static_cast<uint32_t>(m_expert.size());
        for (std::size_t i = 0; i < std::min(count, m_k); ++i)
        {
            t.mass += row[m_row[i]];
        }
        for (std::size_t i = 0; i < count && t.count < m_floor->candidates; ++i)
        {
            const int32_t e = m_row[i];
            const uint32_t k = m_problem->expertDevice[e];
            if (!m_problem->devices[k].reachable)
            {
                continue;
            }
            m_expert.push_back(e);
            m_weight.push_back(row[e]);
            m_owner.push_back(static_cast<uint32_t>(j));
            m_devices[k].most += 1;
            if (t.count < m_k)
            {
                t.most += row[e];
            }
            if (t.count < std::min(m_floor->minExperts, m_k))
            {
                m_devices[k].fixed += 1;
                m_devices[k].experts += m_expertPairs[e]++ == 0;
                ++t.fixed;
            }
            ++t.count;
        }
        t.least = std::min((1 - m_floor->maxTokenLoss) * t.mass * (1 - ROUNDING),
                           t.most * (1 - ROUNDING));
        m_mass += t.mass;
        most += t.most;
    }
    m_need = (1 - m_floor->maxLost) * m_mass * (1 - ROUNDING);
    m_chosen.assign(m_expert.size(), 0);
    return most >= m_need;
}

double
CandidateSearch::Pick(const Token& t, double lambda, double& value)
{
    m_gain.clear();
    double kept = 0;
    value = 0;
    for (uint32_t i = t.first; i < t.first + t.count; ++i)
    {
        const Device& d = m_devices[m_problem->expertDevice[m_expert[i]]];
        const double gain = lambda * m_weight[i] - (d.usable ? d.slope : NEVER);
        m_chosen[i] = i < t.first + t.fixed;
        if (m_chosen[i])
        {
            kept += m_weight[i];
            value -= gain;
        }
        else if (gain > 0)
        {
            m_gain.push_back({gain, i});
        }
    }
    const std::size_t left =
        std::min<std::size_t>(m_gain.size(), m_k - std::min<std::size_t>(m_k, t.fixed));
    if (left < m_gain.size())
    {
        std::partial_sort(m_gain.begin(),
                          m_gain.begin() + left,
                          m_gain.end(),
                          [](const auto& a, const auto& b) {
                              return a.first != b.first ? a.first > b.first : a.second < b.second;
                          });
    }
    for (std::size_t n = 0; n < left; ++n)
    {
        m_chosen[m_gain[n].second] = 1;
        kept += m_weight[m_gain[n].second];
        value -= m_gain[n].first;
    }
    return kept;
}

double
CandidateSearch::PickToken(Token& t, double lambda, double& value)
{
    double kept = Pick(t, lambda, value);
    if (kept >= t.least || t.count == 0)
    {
        return kept;
    }
    // value(own) = min over sets + own x least is concave: any is a bound, the best one is taken
    double best = value;
    double low = 0;
    double high = t.multiplier > 0 ? t.multiplier : std::max(lambda, 1e-12);
    double v = 0;
    int step = 0;
    for (; step < 200 && (kept = Pick(t, lambda + high, v)) < t.least; ++step)
    {
        best = std::max(best, v + high * t.least);
        low = high;
        high *= 4;
    }
    best = std::max(best, v + high * t.least);
    if (kept >= t.least)
    {
        for (step = 0; step < STEPS && high - low > 1e-9 * high; ++step)
        {
            const double middle = (low + high) / 2;
            const double k = Pick(t, lambda + middle, v);
            best = std::max(best, v + middle * t.least);
            (k >= t.least ? high : low) = middle;
        }
        kept = Pick(t, lambda + high, v);
        t.multiplier = high;
    }
    else
    {
        // in spite of all: the heaviest
        kept = t.most;
        for (uint32_t i = 0; i < t.count; ++i)
        {
            m_chosen[t.first + i] = i < m_k;
        }
    }
    value = best;
    return kept;
}

double
CandidateSearch::PickAll(double lambda, double& value)
{
    double kept = 0;
    value = 0;
    for (auto& t : m_tokens)
    {
        double v = 0;
        kept += PickToken(t, lambda, v);
        value += v;
    }
    return kept;
}

int
CandidateSearch::Lines(double deadlineS)
{
    const bool whole = m_idle->maxPieces == 1;
    const std::size_t cells = m_idle->cells.size();
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        d.slope = d.intercept = d.relief = 0;
        d.usable = true;
        if (!(d.most > 0))
        {
            continue;
        }
        const BlockDevice& device = m_idle->devices[k];
        const BlockCell& cell = m_idle->cells[device.cell];
        const BlockWindow& w = m_evaluator.Window(k);
        const double experts = std::max(d.experts, 1.0);
        double at = std::clamp(m_centre[k], std::max(d.fixed, 1.0), d.most);
        const uint32_t machine[2] = {2 * device.cell,
                                     2 * device.cell + (cell.halfDuplex ? 0U : 1U)};
        const double hz[2] = {cell.downlinkHz, cell.UplinkHz()};
        AreaLine line[2];
        for (;; at = std::max(at / 2, std::max(d.fixed, 1.0)))
        {
            line[0] = AreaLine::Touch(device.downlinkLaw,
                                      device.downlinkPairBits * at + device.downlinkBatchBits,
                                      deadlineS - w.tailS);
            line[1] = AreaLine::Touch(device.uplinkLaw,
                                      device.uplinkPairBits * at + device.uplinkBatchBits,
                                      deadlineS - w.headS - w.uplinkEndS);
            if ((line[0].areaHzS < INF && line[1].areaHzS < INF) || at <= std::max(d.fixed, 1.0))
            {
                break;
            }
        }
        if (!(line[0].areaHzS < INF && line[1].areaHzS < INF) ||
            w.AloneS(device, cell, std::max(d.fixed, 1.0), experts, whole) >
                deadlineS * (1 + ROUNDING))
        {
            d.usable = false; // by this deadline
            if (d.fixed > 0)
            {
                return -1;
            }
            continue;
        }
        const double bits[2] = {device.downlinkPairBits, device.uplinkPairBits};
        for (int i = 0; i < 2; ++i)
        {
            const double weight = m_theta[machine[i]] / hz[i];
            if (!(weight > 0))
            {
                continue;
            }
            const double slope = bits[i] > 0 ? line[i].slope * bits[i] * weight : 0;
            d.slope += slope;
            d.intercept += weight * line[i].areaHzS - slope * at;
            d.relief += d.fixed > 0 ? weight * line[i].reliefHz : 0;
        }
        const double alone = m_theta[2 * cells + k];
        if (alone > 0)
        {
            // convex in whole pairs
            const double n = std::floor(at);
            const double one = w.AloneS(device, cell, n, experts, whole);
            const double slope = w.AloneS(device, cell, n + 1, experts, whole) - one;
            d.slope += alone * slope;
            d.intercept += alone * (one - slope * n);
        }
        if (!(d.fixed > 0) && d.intercept > 0)
        {
            d.slope += d.intercept / d.most;
            d.intercept = 0;
        }
        if (!(d.slope < INF) || !(std::abs(d.intercept) < INF) || !(d.relief < INF))
        {
            return 0;
        }
    }
    return 1;
}

double
CandidateSearch::Evaluate(const std::vector<char>& chosen)
{
    m_loads.assign(m_devices.size(), 0);
    m_experts.assign(m_devices.size(), 0);
    std::fill(m_expertPairs.begin(), m_expertPairs.end(), 0);
    for (std::size_t i = 0; i < m_expert.size(); ++i)
    {
        if (chosen[i])
        {
            const uint32_t k = m_problem->expertDevice[m_expert[i]];
            m_loads[k] += 1;
            m_experts[k] += m_expertPairs[m_expert[i]]++ == 0;
        }
    }
    // windows of the devices in use: as the answer is judged
    return m_floor->model == BlockModel::SCHEDULE
               ? m_split.LowerBound(*m_problem, m_loads, m_experts)
               : m_split.StaticSplit(*m_problem, m_expertPairs);
}

void
CandidateSearch::Constraints(double deadlineS)
{
    const std::size_t cells = m_idle->cells.size();
    m_excess.assign(2 * cells + m_devices.size(), -deadlineS);
    for (std::size_t c = 0; c < cells; ++c)
    {
        m_excess[2 * c] += m_offset[2 * c];
        m_excess[2 * c + 1] += m_offset[2 * c + 1];
    }
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        if (!(m_loads[k] > 0))
        {
            continue;
        }
        const BlockDevice& d = m_idle->devices[k];
        const BlockCell& cell = m_idle->cells[d.cell];
        const BlockWindow& w = m_evaluator.Window(k);
        m_excess[2 * cells + k] +=
            w.AloneS(d, cell, m_loads[k], std::max(m_experts[k], 1.0), m_idle->maxPieces == 1);
        const double area[2] = {
            AreaLine::Touch(d.downlinkLaw,
                            d.downlinkPairBits * m_loads[k] + d.downlinkBatchBits,
                            deadlineS - w.tailS)
                    .areaHzS /
                cell.downlinkHz,
            AreaLine::Touch(d.uplinkLaw,
                            d.uplinkPairBits * m_loads[k] + d.uplinkBatchBits,
                            deadlineS - w.headS - w.uplinkEndS)
                    .areaHzS /
                cell.UplinkHz()};
        m_excess[2 * d.cell] += area[0];
        m_excess[2 * d.cell + (cell.halfDuplex ? 0 : 1)] += area[1];
    }
}

void
CandidateSearch::Round(double deadlineS)
{
    double constant = -deadlineS;
    double relief = 1;
    for (std::size_t m = 0; m < m_offset.size(); ++m)
    {
        constant += m_theta[m] * m_offset[m];
    }
    for (const auto& d : m_devices)
    {
        constant += d.intercept;
        relief += d.relief;
    }
    double low = 0;
    double high = m_lambda > 0 ? m_lambda : deadlineS / m_mass;
    bool known = false; // that high keeps to the floor
    double factor = 1.3;
    for (int step = 0; step < STEPS + 60; ++step)
    {
        const double lambda = !known ? high : low > 0 ? std::sqrt(low * high) : high / factor;
        double value = 0;
        const double kept = PickAll(lambda, value);
        const double dual = constant + value + lambda * m_need;
        const double bound = std::min(deadlineS + dual / relief, deadlineS);
        m_lower = bound > m_lower ? bound : m_lower;
        if (kept >= m_need)
        {
            m_kept = m_chosen;
            known = true;
            high = lambda;
            m_bestKept = kept;
            if (kept <= m_need * (1 + 1e-9))
            {
                break;
            }
        }
        else
        {
            low = lambda;
            if (!known)
            {
                high = lambda * factor;
            }
        }
        factor *= factor < 1e4 ? factor : 1;
        if (known && (high - low < 1e-7 * high || high < 1e-12 * deadlineS / m_mass))
        {
            break;
        }
    }
    m_lambda = high;
    if (!known)
    {
        for (const auto& t : m_tokens)
        {
            for (uint32_t i = 0; i < t.count; ++i)
            {
                m_kept[t.first + i] = i < m_k;
            }
        }
    }
}

bool
CandidateSearch::Try(uint32_t out, uint32_t in)
{
    const auto none = static_cast<uint32_t>(m_expert.size());
    m_best[out] = 0;
    if (in < none)
    {
        m_best[in] = 1;
    }
    const double latency = Evaluate(m_best);
    if (latency < m_upper * (1 - ROUNDING))
    {
        m_upper = latency;
        return true;
    }
    m_best[out] = 1;
    if (in < none)
    {
        m_best[in] = 0;
    }
    return false;
}

void
CandidateSearch::Moves()
{
    const auto none = static_cast<uint32_t>(m_expert.size());
    m_order.assign(m_tokens.size(), 0); // tokens that were tried in vain
    const double scale = 0.02;
    for (int move = 0; move < MOVES && m_upper > m_lower * (1 + m_floor->relativeGap); ++move)
    {
        Evaluate(m_best);
        Constraints(m_upper);
        const double worst = *std::max_element(m_excess.begin(), m_excess.end());
        double sum = 0;
        for (std::size_t i = 0; i < m_theta.size(); ++i)
        {
            m_theta[i] = std::exp((m_excess[i] - worst) / (scale * m_upper));
            sum += m_theta[i];
        }
        for (auto& theta : m_theta)
        {
            theta /= sum;
        }
        m_centre = m_loads;
        if (Lines(m_upper) != 1)
        {
            return;
        }
        double kept = 0;
        for (uint32_t i = 0; i < none; ++i)
        {
            kept += m_best[i] ? m_weight[i] : 0;
        }
        double most = 0;
        uint32_t out = none;
        uint32_t in = none;
        for (std::size_t j = 0; j < m_tokens.size(); ++j)
        {
            const Token& t = m_tokens[j];
            if (m_order[j])
            {
                continue;
            }
            double own = 0;
            for (uint32_t i = t.first; i < t.first + t.count; ++i)
            {
                own += m_best[i] ? m_weight[i] : 0;
            }
            const double room = std::min(kept - m_need, own - t.least);
            for (uint32_t i = t.first + t.fixed; i < t.first + t.count; ++i)
            {
                if (!m_best[i])
                {
                    continue;
                }
                const double cost = m_devices[m_problem->expertDevice[m_expert[i]]].slope;
                for (uint32_t n = t.first + t.fixed; n <= t.first + t.count; ++n)
                {
                    const bool drop = n == t.first + t.count;
                    if (!drop && m_best[n])
                    {
                        continue;
                    }
                    const Device* d =
                        drop ? nullptr : &m_devices[m_problem->expertDevice[m_expert[n]]];
                    const double loss = m_weight[i] - (drop ? 0 : m_weight[n]);
                    const double gain = cost - (drop ? 0 : d->usable ? d->slope : NEVER);
                    if (loss > room || !(gain > 0))
                    {
                        continue;
                    }
                    const double worth = gain / std::max(loss, 1e-6 * m_mass);
                    if (worth > most)
                    {
                        most = worth;
                        out = i;
                        in = drop ? none : n;
                    }
                }
            }
        }
        if (out == none)
        {
            return;
        }
        if (!Try(out, in))
        {
            m_order[m_owner[out]] = 1;
        }
    }
}

void
CandidateSearch::Restore()
{
    m_order.resize(m_tokens.size());
    std::iota(m_order.begin(), m_order.end(), 0);
    m_centre.assign(m_tokens.size(), 0); // what each keeps
    for (std::size_t i = 0; i < m_expert.size(); ++i)
    {
        m_centre[m_owner[i]] += m_best[i] ? m_weight[i] : 0;
    }
    std::sort(m_order.begin(), m_order.end(), [this](uint32_t a, uint32_t b) {
        return m_tokens[a].most - m_centre[a] > m_tokens[b].most - m_centre[b];
    });
    m_kept = m_best;
    for (const uint32_t j : m_order)
    {
        const Token& t = m_tokens[j];
        if (!(t.most - m_centre[j] > ROUNDING))
        {
            break;
        }
        for (uint32_t i = 0; i < t.count; ++i)
        {
            m_kept[t.first + i] = i < m_k;
        }
        const double latency = Evaluate(m_kept);
        const bool better = latency <= m_upper * (1 + ROUNDING);
        const auto& from = better ? m_kept : m_best;
        auto& to = better ? m_best : m_kept;
        std::copy(from.begin() + t.first, from.begin() + t.first + t.count, to.begin() + t.first);
    }
    m_upper = Evaluate(m_best);
}

void
CandidateSearch::Conclude(const GateMatrix& gate, QualityBoundResult& result) const
{
    double kept = 0;
    Selection& selection = result.selection;
    for (std::size_t j = 0; j < m_tokens.size(); ++j)
    {
        const Token& t = m_tokens[j];
        if (t.count == 0)
        {
            continue; // nothing of it can be reached: as it was
        }
        double sum = 0;
        for (uint32_t i = t.first; i < t.first + t.count; ++i)
        {
            sum += m_best[i] ? m_weight[i] : 0;
        }
        kept += sum;
        std::size_t s = j * m_k;
        for (uint32_t i = t.first; i < t.first + t.count; ++i)
        {
            if (m_best[i])
            {
                selection.expert[s] = m_expert[i];
                selection.combine[s++] = gate.Row(j)[m_expert[i]] / sum;
            }
        }
        for (; s < (j + 1) * m_k; ++s)
        {
            selection.expert[s] = -1;
            selection.combine[s] = 0;
        }
    }
    result.latencyS = m_upper;
    result.gateMassKept = std::min(1.0, kept / m_mass);
    result.lost = 1 - result.gateMassKept;
    result.lost = result.lost < 1e-15 ? 0 : result.lost;
}

void
CandidateSearch::Improve(const GateMatrix& gate,
                         std::size_t k,
                         const BlockProblem& problem,
                         const QualityFloor& floor,
                         QualityBoundResult& result)
{
    m_problem = &problem;
    m_floor = &floor;
    m_k = k;
    const bool possible = Load(gate);
    m_best.assign(m_expert.size(), 0);
    m_kept = m_best;
    for (const auto& t : m_tokens)
    {
        for (uint32_t i = 0; i < t.count; ++i)
        {
            m_best[t.first + i] = i < k;
        }
    }
    m_upper = Evaluate(m_best);
    m_lower = 0;
    if (!possible)
    {
        result.status = QualityStatus::FLOOR_NOT_MET;
        Conclude(gate, result);
        result.message = "QualityBound: devices that are not reachable lose " +
                         std::to_string(result.lost) +
                         " whatever takes their place, more than "
                         "maxLost, " +
                         std::to_string(floor.maxLost);
        result.lowerBoundS = result.latencyS;
        return;
    }
    std::vector<double>& most = m_centre;
    most.resize(m_devices.size());
    for (std::size_t i = 0; i < m_devices.size(); ++i)
    {
        most[i] = m_devices[i].most;
    }
    m_idle = &problem;
    if (floor.model == BlockModel::STATIC_SPLIT)
    {
        // a static split takes no less than a plan, but for compute units that are busy, of which
        // StaticSplit() knows less
        m_copy = problem;
        for (auto& d : m_copy.devices)
        {
            d.busyS = 0;
        }
        m_idle = &m_copy;
    }
    m_evaluator.Prepare(*m_idle, most);
    // a cell whose devices may all be without pairs need not wait for their heads and tails
    m_offset.assign(2 * problem.cells.size(), 0);
    for (std::size_t i = 0; i < m_devices.size(); ++i)
    {
        const uint32_t c = problem.devices[i].cell;
        for (int direction = 0; direction < 2 && m_devices[i].fixed > 0; ++direction)
        {
            m_offset[2 * c + direction] = m_evaluator.OffsetS(c, direction);
        }
    }
    // begin with the answer from top-k, unless a token has less than it could have of others, in
    // place of those that cannot be reached
    double kept = 0;
    bool reached = result.status == QualityStatus::SOLVED;
    for (const auto& t : m_tokens)
    {
        double own = 0;
        for (uint32_t i = t.first; i < t.first + t.count; ++i)
        {
            const auto begin = result.selection.expert.begin() + m_owner[i] * k;
            m_kept[i] = std::find(begin, begin + k, m_expert[i]) != begin + k;
            own += m_kept[i] ? m_weight[i] : 0;
            // (of a token whose heaviest cannot be reached, others have to stay)
            reached = reached && (m_kept[i] || i >= t.first + t.fixed);
        }
        reached = reached && own >= t.least;
        kept += own;
    }
    reached = reached && kept >= m_need;
    if (reached && result.latencyS < m_upper)
    {
        m_best = m_kept;
        m_upper = Evaluate(m_best);
    }
    Evaluate(m_best);
    m_centre = m_loads;
    Constraints(m_upper);
    m_theta.assign(m_excess.size(), 0);
    m_lambda = result.priceSPerLost > 0 ? result.priceSPerLost / m_mass : 0;
    // the worst first; then all that are late get more weight
    std::vector<double>& logs = m_excess;
    m_total.assign(m_theta.size(), 0);
    std::vector<double>& total = m_total;
    for (int round = 0; round < ROUNDS && m_upper > m_lower * (1 + floor.relativeGap); ++round)
    {
        const double worst = *std::max_element(logs.begin(), logs.end());
        double sum = 0;
        for (std::size_t i = 0; i < total.size(); ++i)
        {
            const double late = worst > -INF && logs[i] > -INF ? (logs[i] - worst) / m_upper : 0;
            total[i] += std::max(late, -1.0) * 12 / std::sqrt(round + 1.0);
        }
        const double top = *std::max_element(total.begin(), total.end());
        for (std::size_t i = 0; i < total.size(); ++i)
        {
            m_theta[i] = std::exp(std::max(total[i] - top, -60.0));
            m_theta[i] = m_theta[i] < 1e-6 ? 0 : m_theta[i];
            sum += m_theta[i];
        }
        for (auto& theta : m_theta)
        {
            theta /= sum;
        }
        double deadline = round % 2 ? (m_upper + m_lower) / 2 : m_upper;
        if (const int ok = Lines(deadline); ok != 1)
        {
            m_lower = ok < 0 ? std::max(m_lower, std::min(deadline, m_upper)) : m_lower;
            deadline = m_upper;
            if (Lines(deadline) != 1)
            {
                break;
            }
        }
        Round(deadline);
        const double latency = Evaluate(m_kept);
        if (latency < m_upper * (1 - ROUNDING))
        {
            m_upper = latency;
            m_best = m_kept;
        }
        for (std::size_t i = 0; i < m_centre.size(); ++i)
        {
            m_centre[i] += (m_loads[i] - m_centre[i]) / (round + 2);
        }
        Constraints(m_upper);
        for (auto& late : m_excess)
        {
            late = std::min(late, m_upper);
        }
    }
    Moves();
    if (floor.restore)
    {
        Restore();
    }
    // no slower than that from top-k, where that was one; without experts that cannot be reached
    Conclude(gate, result);
    result.status = QualityStatus::SOLVED;
    result.message.clear();
    result.lowerBoundS = std::min(m_lower, result.latencyS);
}

} // namespace wdmoe
