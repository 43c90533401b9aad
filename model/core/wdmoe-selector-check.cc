/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selector-check.h"

#include <cmath>
#include <limits>
#include <stdexcept>

// The same arithmetic for wider vectors, where the processor has them; chosen when the library is
// loaded. (No fused operations: results do not depend on it.)
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WDMOE_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WDMOE_WIDE
#endif

namespace wdmoe
{

namespace
{

/**
 * @param row weights of a token
 * @param experts how many
 * @return their sum; NaN if one is NaN or negative
 */
inline double
SumOfRow(const double* row, std::size_t experts)
{
    // some at a time, for the compiler to make vectors of
    constexpr std::size_t LANES = 8;
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
    double sum = 0;
    bool negative = false;
    for (std::size_t i = 0; i < LANES; ++i)
    {
        sum += sums[i];
        negative |= least[i] < 0;
    }
    for (; e < experts; ++e)
    {
        sum += row[e];
        negative |= row[e] < 0;
    }
    return negative ? std::numeric_limits<double>::quiet_NaN() : sum;
}

/// @param sum of a row @return whether there is nothing to say against it
inline bool
IsGood(double sum)
{
    return sum > 0 && sum <= GATE_ROW_SUM_LIMIT;
}

/**
 * @param gate the gate
 * @return the first token of bad weights; as many as there are tokens: none
 */
WDMOE_WIDE std::size_t
FirstBadRow(const GateMatrix& gate)
{
    const double* row = gate.weight.data();
    std::size_t j = 0;
    while (j < gate.tokens && IsGood(SumOfRow(row, gate.experts)))
    {
        ++j;
        row += gate.experts;
    }
    return j;
}

} // namespace

void
CheckGateShape(const char* who, const GateMatrix& gate)
{
    const auto refuse = [who](const std::string& why) {
        throw std::invalid_argument(std::string(who) + ": " + why);
    };
    if (gate.tokens == 0 || gate.experts == 0)
    {
        refuse("the gate has " + std::to_string(gate.tokens) + " tokens and " +
               std::to_string(gate.experts) + " experts, expected at least one of each");
    }
    if (gate.weight.size() / gate.experts != gate.tokens || gate.weight.size() % gate.experts != 0)
    {
        refuse(
            "the gate has " + std::to_string(gate.weight.size()) +
            " weights, expected tokens x experts = " + std::to_string(gate.tokens * gate.experts));
    }
}

void
CheckSelectorShape(const char* who, const GateMatrix& gate, std::size_t k)
{
    CheckGateShape(who, gate);
    if (k < 1 || k > gate.experts)
    {
        throw std::invalid_argument(std::string(who) + ": k is " + std::to_string(k) +
                                    ", expected between 1 and the number of experts, " +
                                    std::to_string(gate.experts));
    }
}

void
CheckSelectorRow(const char* who, const GateMatrix& gate, std::size_t token)
{
    const double* row = gate.Row(token);
    const double sum = SumOfRow(row, gate.experts);
    if (IsGood(sum))
    {
        return;
    }
    const std::string what = std::string(who) + ": the weight";
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        if (!(row[e] >= 0))
        {
            throw std::invalid_argument(what + " of token " + std::to_string(token) +
                                        " for expert " + std::to_string(e) + " is " +
                                        std::to_string(row[e]) + ", expected >= 0");
        }
    }
    throw std::invalid_argument(what + "s of token " + std::to_string(token) + " sum to " +
                                std::to_string(sum) +
                                ", expected more than 0 and at most 1 (a softmax)");
}

void
CheckGateRows(const char* who, const GateMatrix& gate)
{
    const std::size_t bad = FirstBadRow(gate);
    if (bad < gate.tokens)
    {
        CheckSelectorRow(who, gate, bad);
    }
}

void
CheckSelectorGate(const char* who, const GateMatrix& gate, std::size_t k)
{
    CheckSelectorShape(who, gate, k);
    CheckGateRows(who, gate);
}

void
CheckExpertValues(const char* who,
                  const char* what,
                  const std::vector<double>& value,
                  std::size_t experts)
{
    const std::string start = std::string(who) + ": ";
    if (value.size() != experts)
    {
        throw std::invalid_argument(start + std::to_string(value.size()) + " values of " + what +
                                    ", expected one for each of the " + std::to_string(experts) +
                                    " experts");
    }
    for (std::size_t e = 0; e < experts; ++e)
    {
        if (!(value[e] >= 0) || std::isinf(value[e]))
        {
            throw std::invalid_argument(start + "the " + what + " of expert " + std::to_string(e) +
                                        " is " + std::to_string(value[e]) +
                                        ", expected finite and >= 0");
        }
    }
}

void
RequireSetting(bool ok, const char* what, double value, const char* is)
{
    if (!ok)
    {
        throw std::invalid_argument(std::string(what) + " is " + std::to_string(value) +
                                    ", expected " + is);
    }
}

std::size_t
TopKOfRow(const double* row, std::size_t experts, std::size_t k, int32_t* best)
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
    return found;
}

} // namespace wdmoe
