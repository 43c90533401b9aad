/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selection.h"

#include "wdmoe-selector-check.h"
#include "wdmoe-top-k.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace wdmoe
{

namespace
{

/// Rows that are handled before the next ones are read: they should fit in the fastest cache
constexpr std::size_t ROWS = 32;

/**
 * @param what start of the message
 * @param latencyS the latencies to check
 * @param experts how many there should be
 */
void
CheckLatency(const std::string& what, const std::vector<double>& latencyS, std::size_t experts)
{
    if (latencyS.size() != experts)
    {
        throw std::invalid_argument(what + ": " + std::to_string(latencyS.size()) +
                                    " latencies, expected one for each of the " +
                                    std::to_string(experts) + " experts");
    }
    for (std::size_t e = 0; e < experts; ++e)
    {
        if (!(latencyS[e] > 0) || std::isinf(latencyS[e]))
        {
            throw std::invalid_argument(what + ": the latency of expert " + std::to_string(e) +
                                        " is " + std::to_string(latencyS[e]) +
                                        " s, expected finite and > 0");
        }
    }
}

/**
 * @param what start of the message
 * @param gate the gate
 * @param selection what should belong to it
 */
void
CheckSelection(const std::string& what, const GateMatrix& gate, const Selection& selection)
{
    if (selection.tokens != gate.tokens ||
        selection.expert.size() != selection.tokens * selection.slots)
    {
        throw std::invalid_argument(what + ": the selection has " +
                                    std::to_string(selection.tokens) + " tokens and the gate " +
                                    std::to_string(gate.tokens) +
                                    ", expected the same and tokens x slots entries");
    }
    for (const int32_t e : selection.expert)
    {
        if (e < -1 || (e >= 0 && static_cast<std::size_t>(e) >= gate.experts))
        {
            throw std::invalid_argument(what + ": the selection names expert " + std::to_string(e) +
                                        ", expected -1 .. " + std::to_string(gate.experts - 1));
        }
    }
}

/**
 * Write one token's combine weights from its gate weights.
 *
 * @param row the gate's weights of the token
 * @param expert its experts, -1: none
 * @param combine where to write
 * @param slots how many
 */
void
Renormalise(const double* row, const int32_t* expert, double* combine, std::size_t slots)
{
    double sum = 0;
    for (std::size_t s = 0; s < slots; ++s)
    {
        sum += expert[s] >= 0 ? row[expert[s]] : 0;
    }
    for (std::size_t s = 0; s < slots; ++s)
    {
        combine[s] = expert[s] >= 0 ? row[expert[s]] / sum : 0;
    }
}

/**
 * @param ok whether a setting is in its range
 * @param owner struct that it belongs to
 * @param what its name
 * @param value what it is
 * @param is what was expected
 */
void
Require(bool ok, const std::string& owner, const std::string& what, double value, const char* is)
{
    if (!ok)
    {
        throw std::invalid_argument(owner + ": " + what + " is " + std::to_string(value) +
                                    ", expected " + is);
    }
}

} // namespace

const double*
GateMatrix::Row(std::size_t token) const
{
    return weight.data() + token * experts;
}

std::size_t
Selection::Routed() const
{
    return static_cast<std::size_t>(
        std::count_if(expert.begin(), expert.end(), [](int32_t e) { return e >= 0; }));
}

std::vector<uint32_t>
Selection::Load(std::size_t experts) const
{
    std::vector<uint32_t> load(experts, 0);
    for (const int32_t e : expert)
    {
        if (e >= 0)
        {
            ++load.at(static_cast<std::size_t>(e));
        }
    }
    return load;
}

Selection
SelectTopK(const GateMatrix& gate, std::size_t k)
{
    Selection selection;
    SelectTopK(gate, k, selection);
    return selection;
}

void
SelectTopK(const GateMatrix& gate, std::size_t k, Selection& selection)
{
    CheckSelectorShape("SelectTopK", gate, k);
    selection.tokens = gate.tokens;
    selection.slots = k;
    selection.expert.resize(gate.tokens * k);
    selection.combine.resize(gate.tokens * k);
    for (std::size_t first = 0; first < gate.tokens; first += ROWS)
    {
        const std::size_t last = std::min(gate.tokens, first + ROWS);
        CheckedTopK("SelectTopK", gate, first, last, k, &selection.expert[first * k]);
        for (std::size_t j = first; j < last; ++j)
        {
            Renormalise(gate.Row(j), &selection.expert[j * k], &selection.combine[j * k], k);
        }
    }
}

double
WeightToLatencyRatio(const GateMatrix& gate,
                     const Selection& selection,
                     const std::vector<double>& latencyS)
{
    CheckGateShape("WeightToLatencyRatio", gate);
    CheckGateRows("WeightToLatencyRatio", gate);
    CheckSelection("WeightToLatencyRatio", gate, selection);
    CheckLatency("WeightToLatencyRatio", latencyS, gate.experts);
    double sum = 0;
    std::size_t routed = 0;
    for (std::size_t i = 0; i < selection.expert.size(); ++i)
    {
        const int32_t e = selection.expert[i];
        if (e >= 0)
        {
            sum += gate.Row(i / selection.slots)[e] / latencyS[e];
            ++routed;
        }
    }
    return routed ? sum / static_cast<double>(routed) : 0;
}

double
KeptGateMass(const GateMatrix& gate, const Selection& selection, std::size_t k)
{
    const Selection full = SelectTopK(gate, k);
    CheckSelection("KeptGateMass", gate, selection);
    const auto mass = [&gate](const Selection& s) {
        double sum = 0;
        for (std::size_t i = 0; i < s.expert.size(); ++i)
        {
            sum += s.expert[i] >= 0 ? gate.Row(i / s.slots)[s.expert[i]] : 0;
        }
        return sum;
    };
    // replacing policies may route more than top-k does; that is not a gain
    return std::min(1.0, mass(selection) / mass(full));
}

void
WlrParam::Check() const
{
    const auto require = [](bool ok, const char* what, double value, const char* is) {
        Require(ok, "WlrParam", what, value, is);
    };
    require(thetaStart >= 0 && thetaStart <= 1, "thetaStart", thetaStart, "0 .. 1");
    require(thetaEnd >= thetaStart && thetaEnd <= 1, "thetaEnd", thetaEnd, "thetaStart .. 1");
    require(thetaStep > 1e-6 && std::isfinite(thetaStep), "thetaStep", thetaStep, "> 1e-6");
    require(gain > 0 && std::isfinite(gain), "gain", gain, "> 0");
    require(minExperts >= 1, "minExperts", static_cast<double>(minExperts), ">= 1");
}

namespace
{

/// The thresholds of Algorithm 1
struct Thresholds
{
    /// @param p settings
    explicit Thresholds(const WlrParam& p)
        : param(p),
          steps(static_cast<std::size_t>(
              std::floor((p.thetaEnd - p.thetaStart) / p.thetaStep + 1e-9)))
    {
        for (std::size_t i = 0; i <= std::min(steps, FEW - 1); ++i)
        {
            first[i] = At(i);
        }
    }

    /// @param i <= steps @return that threshold
    double At(std::size_t i) const
    {
        const double theta = param.thetaStart + static_cast<double>(i) * param.thetaStep;
        // rounding must not leave the last step a little below thetaEnd
        return theta > param.thetaEnd - 1e-9 ? param.thetaEnd : theta;
    }

    /// @param cosine of a token @return first threshold that is not below; steps + 1: none
    std::size_t Of(double cosine) const
    {
        std::size_t i = 0;
        if (steps < FEW)
        {
            for (std::size_t n = 0; n <= steps; ++n)
            {
                i += cosine > first[n];
            }
            return i;
        }
        const double guess = std::ceil((cosine - param.thetaStart) / param.thetaStep);
        i = static_cast<std::size_t>(std::clamp(guess, 0.0, static_cast<double>(steps + 1)));
        for (; i > 0 && cosine <= At(i - 1); --i)
        {
        }
        for (; i <= steps && cosine > At(i); ++i)
        {
        }
        return i;
    }

    static constexpr std::size_t FEW = 16; ///< thresholds that are all compared with
    const WlrParam& param;                 ///< settings
    std::size_t steps;                     ///< thresholds but the first
    double first[FEW] = {};                ///< thresholds, where there are no more
};

} // namespace

void
WlrSelector::Order(std::size_t candidates, std::size_t steps)
{
    m_order.resize(candidates);
    if (steps >= Thresholds::FEW)
    {
        std::iota(m_order.begin(), m_order.end(), 0);
        std::sort(m_order.begin(), m_order.end(), [this](std::size_t a, std::size_t b) {
            const auto step = m_candidates[a].step;
            return step != m_candidates[b].step ? step < m_candidates[b].step : a < b;
        });
        return;
    }
    std::size_t at[Thresholds::FEW + 1] = {};
    for (std::size_t n = 0; n < candidates; ++n)
    {
        ++at[m_candidates[n].step + 1];
    }
    std::partial_sum(at, at + Thresholds::FEW + 1, at);
    for (std::size_t n = 0; n < candidates; ++n)
    {
        m_order[at[m_candidates[n].step]++] = n;
    }
}

const WlrResult&
WlrSelector::Solve(const GateMatrix& gate,
                   std::size_t k,
                   const std::vector<double>& latencyS,
                   const WlrParam& param)
{
    param.Check();
    CheckSelectorShape("SelectWlr", gate, k);
    CheckLatency("SelectWlr", latencyS, gate.experts);

    // a latency vector scaled to 1 at most, so that its squares cannot leave the range
    const double slowest = *std::max_element(latencyS.begin(), latencyS.end());
    double latencyNorm = 0;
    m_relative.resize(gate.experts);
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        m_relative[e] = latencyS[e] / slowest;
        latencyNorm += m_relative[e] * m_relative[e];
    }
    latencyNorm = std::sqrt(latencyNorm);

    Selection& selection = m_result.selection;
    selection.tokens = gate.tokens;
    selection.slots = k;
    selection.expert.resize(gate.tokens * k);
    selection.combine.resize(gate.tokens * k);
    m_candidates.resize(gate.tokens);
    const Thresholds thresholds(param);
    double sum = 0;
    std::size_t routed = 0;
    std::size_t candidates = 0;
    for (std::size_t first = 0; first < gate.tokens; first += ROWS)
    {
        const std::size_t last = std::min(gate.tokens, first + ROWS);
        CheckedTopK("SelectWlr", gate, first, last, k, &selection.expert[first * k]);
        double dot[ROWS];
        double square[ROWS];
        RowProducts(gate, first, last, m_relative.data(), dot, square);
        for (std::size_t j = first; j < last; ++j)
        {
            const double* row = gate.Row(j);
            const int32_t* expert = &selection.expert[j * k];
            std::size_t n = 0;
            double ratio = 0;
            for (; n < k && expert[n] >= 0; ++n)
            {
                ratio = row[expert[n]] / latencyS[expert[n]];
                sum += ratio;
            }
            routed += n;
            // rounding must not carry a parallel vector above theta = 1
            const double cosine =
                std::min(1.0, dot[j - first] / (std::sqrt(square[j - first]) * latencyNorm));
            const std::size_t step = thresholds.Of(cosine);
            m_candidates[candidates] = {step, j * k + n - 1, ratio};
            candidates += n > param.minExperts && step <= thresholds.steps;
        }
    }
    m_result.wlrTopK = sum / static_cast<double>(routed);
    m_result.wlr = m_result.wlrTopK;
    m_result.reached = false;

    // in the order in which they are dropped: each theta takes up where the last one stopped
    Order(candidates, thresholds.steps);
    auto next = m_order.cbegin();
    for (std::size_t i = 0; i <= thresholds.steps && !m_result.reached; ++i)
    {
        m_result.theta = thresholds.At(i);
        for (; next != m_order.cend() && m_candidates[*next].step == i; ++next)
        {
            selection.expert[m_candidates[*next].slot] = -1;
            sum -= m_candidates[*next].ratio;
            --routed;
        }
        m_result.wlr = sum / static_cast<double>(routed);
        m_result.reached = m_result.wlr > param.gain * m_result.wlrTopK;
    }
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        Renormalise(gate.Row(j), &selection.expert[j * k], &selection.combine[j * k], k);
    }
    return m_result;
}

WlrResult
WlrSelector::TakeResult()
{
    return std::move(m_result);
}

WlrResult
SelectWlr(const GateMatrix& gate,
          std::size_t k,
          const std::vector<double>& latencyS,
          const WlrParam& param)
{
    WlrSelector selector;
    selector.Solve(gate, k, latencyS, param);
    return selector.TakeResult();
}

void
QualityBoundParam::Check() const
{
    const auto require = [](bool ok, const char* what, double value, const char* is) {
        Require(ok, "QualityBoundParam", what, value, is);
    };
    require(maxLostMass >= 0 && maxLostMass <= 1, "maxLostMass", maxLostMass, "0 .. 1");
    require(maxTokenLoss >= 0 && maxTokenLoss <= 1, "maxTokenLoss", maxTokenLoss, "0 .. 1");
    require(minExperts >= 1, "minExperts", static_cast<double>(minExperts), ">= 1");
}

Selection
SelectQualityBound(const GateMatrix& gate,
                   std::size_t k,
                   const std::vector<double>& costS,
                   const QualityBoundParam& param)
{
    param.Check();
    CheckSelectorShape("SelectQualityBound", gate, k);
    if (costS.size() != gate.experts)
    {
        throw std::invalid_argument("SelectQualityBound: " + std::to_string(costS.size()) +
                                    " costs, expected one for each of the " +
                                    std::to_string(gate.experts) + " experts");
    }
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        if (!(costS[e] >= 0) || std::isinf(costS[e]))
        {
            throw std::invalid_argument("SelectQualityBound: the cost of expert " +
                                        std::to_string(e) + " is " + std::to_string(costS[e]) +
                                        " s, expected finite and >= 0");
        }
    }

    Selection selection = SelectTopK(gate, k);

    /// A pair that may go
    struct Candidate
    {
        double ratio;     // cost / weight
        double weight;    // of the gate
        std::size_t slot; // index into Selection::expert
    };

    std::vector<Candidate> candidates;
    std::vector<double> tokenLeft(gate.tokens, 0); // mass that a token may still lose
    double mass = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        for (std::size_t s = 0; s < k && selection.expert[j * k + s] >= 0; ++s)
        {
            const int32_t e = selection.expert[j * k + s];
            tokenLeft[j] += row[e];
            if (s >= param.minExperts && costS[e] > 0)
            {
                candidates.push_back({costS[e] / row[e], row[e], j * k + s});
            }
        }
        mass += tokenLeft[j];
        tokenLeft[j] *= param.maxTokenLoss;
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        if (a.ratio != b.ratio)
        {
            return a.ratio > b.ratio;
        }
        return a.weight != b.weight ? a.weight < b.weight : a.slot > b.slot;
    });

    double left = param.maxLostMass * mass;
    std::vector<bool> touched(gate.tokens, false);
    for (const auto& c : candidates)
    {
        const std::size_t j = c.slot / k;
        if (c.weight <= left && c.weight <= tokenLeft[j])
        {
            selection.expert[c.slot] = -1;
            left -= c.weight;
            tokenLeft[j] -= c.weight;
            touched[j] = true;
        }
    }
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        if (touched[j])
        {
            Renormalise(gate.Row(j), &selection.expert[j * k], &selection.combine[j * k], k);
        }
    }
    return selection;
}

} // namespace wdmoe
