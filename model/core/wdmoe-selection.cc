/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

// The same arithmetic for wider vectors, where the processor has them; chosen when the library is
// loaded. (No fused operations: results do not depend on it.)
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WDMOE_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WDMOE_WIDE
#endif

namespace wdmoe
{

namespace
{

/// A row may sum to a little more than 1: recorded gates are rounded to few digits
constexpr double ROW_SUM_LIMIT = 1.01;

/**
 * @param row weights of a token
 * @param experts how many
 * @return their sum; NaN if one is NaN or negative
 */
WDMOE_WIDE double
SumOfRow(const double* row, std::size_t experts)
{
    // four at a time, for the compiler to make vectors of
    constexpr std::size_t LANES = 4;
    double sums[LANES] = {};
    double least[LANES] = {};
    std::size_t e = 0;
    for (; e + LANES <= experts; e += LANES)
    {
        for (std::size_t i = 0; i < LANES; ++i)
        {
            sums[i] += row[e + i];
            least[i] = row[e + i] < least[i] ? row[e + i] : least[i];
        }
    }
    double sum = (sums[0] + sums[2]) + (sums[1] + sums[3]);
    bool negative = std::min({least[0], least[1], least[2], least[3]}) < 0;
    for (; e < experts; ++e)
    {
        sum += row[e];
        negative = negative || row[e] < 0;
    }
    return negative ? std::numeric_limits<double>::quiet_NaN() : sum;
}

/**
 * @param what start of the message
 * @param gate the gate to check
 */
void
CheckGate(const std::string& what, const GateMatrix& gate)
{
    if (gate.tokens == 0 || gate.experts == 0)
    {
        throw std::invalid_argument(what + ": the gate has " + std::to_string(gate.tokens) +
                                    " tokens and " + std::to_string(gate.experts) +
                                    " experts, expected at least one of each");
    }
    if (gate.weight.size() != gate.tokens * gate.experts)
    {
        throw std::invalid_argument(
            what + ": the gate has " + std::to_string(gate.weight.size()) +
            " weights, expected tokens x experts = " + std::to_string(gate.tokens * gate.experts));
    }
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        const double sum = SumOfRow(row, gate.experts);
        if (sum > 0 && sum <= ROW_SUM_LIMIT)
        {
            continue;
        }
        for (std::size_t e = 0; e < gate.experts; ++e)
        {
            if (!(row[e] >= 0))
            {
                throw std::invalid_argument(what + ": the weight of token " + std::to_string(j) +
                                            " for expert " + std::to_string(e) + " is " +
                                            std::to_string(row[e]) + ", expected >= 0");
            }
        }
        throw std::invalid_argument(what + ": the weights of token " + std::to_string(j) +
                                    " sum to " + std::to_string(sum) +
                                    ", expected more than 0 and at most 1 (a softmax)");
    }
}

/**
 * @param what start of the message
 * @param k the number of experts for each token
 * @param experts how many there are
 */
void
CheckTopK(const std::string& what, std::size_t k, std::size_t experts)
{
    if (k < 1 || k > experts)
    {
        throw std::invalid_argument(what + ": k is " + std::to_string(k) +
                                    ", expected between 1 and the number of experts, " +
                                    std::to_string(experts));
    }
}

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

/// Experts whose largest weight is kept track of together
constexpr std::size_t GROUP = 8;

/// Weights of a token that are looked at in place of one after another, by group
constexpr std::size_t MANY_EXPERTS = 512;

/**
 * The k largest weights of a token, by falling weight; ties: lower index.
 *
 * @param row its weights
 * @param experts how many
 * @param k how many are wanted
 * @param best where to write k experts; what is there already stays where weights are 0
 */
void
LargestFew(const double* row, std::size_t experts, std::size_t k, int32_t* best)
{
    std::size_t found = 0;
    for (std::size_t e = 0; e < experts; ++e)
    {
        // insertion into a short sorted list; strict comparison: ties stay with the lower index
        if (row[e] > 0 && (found < k || row[e] > row[best[k - 1]]))
        {
            std::size_t at = found < k ? found++ : k - 1;
            for (; at > 0 && row[e] > row[best[at - 1]]; --at)
            {
                best[at] = best[at - 1];
            }
            best[at] = static_cast<int32_t>(e);
        }
    }
}

/**
 * The same where there are many experts: the largest of each group is known, so that the next one
 * is found in one of them, and only there something changes.
 *
 * @param row its weights
 * @param experts how many, MANY_EXPERTS at most
 * @param k how many are wanted
 * @param best where to write k experts
 */
WDMOE_WIDE void
LargestByGroup(const double* row, std::size_t experts, std::size_t k, int32_t* best)
{
    double copy[MANY_EXPERTS];
    double largest[MANY_EXPERTS / GROUP];
    const std::size_t groups = (experts + GROUP - 1) / GROUP;
    std::copy(row, row + experts, copy);
    std::fill(copy + experts, copy + groups * GROUP, 0);
    const auto refresh = [&copy, &largest](std::size_t g) {
        const double* c = copy + g * GROUP;
        double m[GROUP / 2];
        for (std::size_t i = 0; i < GROUP / 2; ++i)
        {
            m[i] = c[i] > c[i + GROUP / 2] ? c[i] : c[i + GROUP / 2];
        }
        m[0] = m[0] > m[2] ? m[0] : m[2];
        m[1] = m[1] > m[3] ? m[1] : m[3];
        largest[g] = m[0] > m[1] ? m[0] : m[1];
    };
    for (std::size_t g = 0; g < groups; ++g)
    {
        refresh(g);
    }
    for (std::size_t i = 0; i < k; ++i)
    {
        double top = 0;
        for (std::size_t g = 0; g < groups; ++g)
        {
            top = largest[g] > top ? largest[g] : top;
        }
        if (!(top > 0))
        {
            return;
        }
        std::size_t g = 0;
        while (largest[g] != top)
        {
            ++g;
        }
        std::size_t e = g * GROUP;
        while (copy[e] != top)
        {
            ++e;
        }
        best[i] = static_cast<int32_t>(e);
        copy[e] = 0;
        refresh(g);
    }
}

/**
 * SelectTopK for a gate that was checked already.
 *
 * @param gate the gate
 * @param k experts for each token
 * @param [out] selection the selection; keeps its memory
 */
void
TopKOfChecked(const GateMatrix& gate, std::size_t k, Selection& selection)
{
    selection.tokens = gate.tokens;
    selection.slots = k;
    selection.expert.assign(gate.tokens * k, -1);
    selection.combine.resize(gate.tokens * k);
    const bool byGroup =
        gate.experts >= 4 * GROUP && gate.experts <= MANY_EXPERTS && 4 * k <= gate.experts;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        int32_t* best = &selection.expert[j * k];
        if (byGroup)
        {
            LargestByGroup(gate.Row(j), gate.experts, k, best);
        }
        else
        {
            LargestFew(gate.Row(j), gate.experts, k, best);
        }
        Renormalise(gate.Row(j), best, &selection.combine[j * k], k);
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
    CheckGate("SelectTopK", gate);
    CheckTopK("SelectTopK", k, gate.experts);
    TopKOfChecked(gate, k, selection);
}

double
WeightToLatencyRatio(const GateMatrix& gate,
                     const Selection& selection,
                     const std::vector<double>& latencyS)
{
    CheckGate("WeightToLatencyRatio", gate);
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

WlrResult
SelectWlr(const GateMatrix& gate,
          std::size_t k,
          const std::vector<double>& latencyS,
          const WlrParam& param)
{
    param.Check();
    CheckGate("SelectWlr", gate);
    CheckTopK("SelectWlr", k, gate.experts);
    CheckLatency("SelectWlr", latencyS, gate.experts);

    WlrResult result;
    Selection& selection = result.selection;
    TopKOfChecked(gate, k, selection);

    // a latency vector scaled to 1 at most, so that its squares cannot leave the range
    const double slowest = *std::max_element(latencyS.begin(), latencyS.end());
    double latencyNorm = 0;
    for (const double l : latencyS)
    {
        latencyNorm += (l / slowest) * (l / slowest);
    }
    latencyNorm = std::sqrt(latencyNorm);

    // what a token would lose, in order of the theta from which on it does
    struct Candidate
    {
        std::size_t slot; // index of the lowest weight into Selection::expert
        double ratio;     // its weight / latency
    };

    const auto steps = static_cast<std::size_t>(
        std::floor((param.thetaEnd - param.thetaStart) / param.thetaStep + 1e-9));
    const auto thetaOf = [&param](std::size_t i) {
        const double theta = param.thetaStart + static_cast<double>(i) * param.thetaStep;
        // rounding must not leave the last step a little below thetaEnd
        return theta > param.thetaEnd - 1e-9 ? param.thetaEnd : theta;
    };
    const auto stepOf = [&](double cosine) {
        const double guess = std::ceil((cosine - param.thetaStart) / param.thetaStep);
        auto i = static_cast<std::size_t>(std::clamp(guess, 0.0, static_cast<double>(steps + 1)));
        for (; i > 0 && cosine <= thetaOf(i - 1); --i)
        {
        }
        for (; i <= steps && cosine > thetaOf(i); ++i)
        {
        }
        return i;
    };
    std::vector<std::pair<std::size_t, Candidate>> candidates; // by step
    candidates.reserve(gate.tokens);
    std::vector<double> relative(latencyS);
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        relative[e] /= slowest;
    }
    double sum = 0;
    std::size_t routed = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        std::size_t n = 0;
        double ratio = 0;
        for (; n < k && selection.expert[j * k + n] >= 0; ++n)
        {
            const int32_t e = selection.expert[j * k + n];
            ratio = row[e] / latencyS[e];
            sum += ratio;
        }
        routed += n;
        if (n > param.minExperts)
        {
            // four at a time, for the compiler to make vectors of
            constexpr std::size_t LANES = 4;
            double dots[LANES] = {};
            double norms[LANES] = {};
            std::size_t e = 0;
            for (; e + LANES <= gate.experts; e += LANES)
            {
                for (std::size_t i = 0; i < LANES; ++i)
                {
                    dots[i] += row[e + i] * relative[e + i];
                    norms[i] += row[e + i] * row[e + i];
                }
            }
            double dot = (dots[0] + dots[2]) + (dots[1] + dots[3]);
            double norm = (norms[0] + norms[2]) + (norms[1] + norms[3]);
            for (; e < gate.experts; ++e)
            {
                dot += row[e] * relative[e];
                norm += row[e] * row[e];
            }
            // rounding must not carry a parallel vector above theta = 1
            const double cosine = std::min(1.0, dot / (std::sqrt(norm) * latencyNorm));
            candidates.push_back({stepOf(cosine), {j * k + n - 1, ratio}});
        }
    }
    result.wlrTopK = sum / static_cast<double>(routed);
    result.wlr = result.wlrTopK;

    // each theta takes up where the last one stopped: with few of them, look through all for each
    constexpr std::size_t FEW = 16;
    if (steps > FEW)
    {
        std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
            return a.first < b.first || (a.first == b.first && a.second.slot < b.second.slot);
        });
    }
    auto next = candidates.begin();
    const auto drop = [&](const Candidate& c) {
        const std::size_t token = c.slot / k;
        selection.expert[c.slot] = -1;
        Renormalise(gate.Row(token),
                    &selection.expert[token * k],
                    &selection.combine[token * k],
                    k);
        sum -= c.ratio;
        --routed;
    };
    for (std::size_t i = 0; i <= steps && !result.reached; ++i)
    {
        result.theta = thetaOf(i);
        if (steps > FEW)
        {
            for (; next != candidates.end() && next->first == i; ++next)
            {
                drop(next->second);
            }
        }
        else
        {
            for (const auto& [step, candidate] : candidates)
            {
                if (step == i)
                {
                    drop(candidate);
                }
            }
        }
        result.wlr = sum / static_cast<double>(routed);
        result.reached = result.wlr > param.gain * result.wlrTopK;
    }
    return result;
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
    CheckGate("SelectQualityBound", gate);
    CheckTopK("SelectQualityBound", k, gate.experts);
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

    Selection selection;
    TopKOfChecked(gate, k, selection);

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
