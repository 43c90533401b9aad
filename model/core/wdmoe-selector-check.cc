/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-selector-check.h"

#include <cmath>
#include <stdexcept>

namespace wdmoe
{

namespace
{

/// A row may sum to a little more than 1, as in SelectTopK(): recorded gates are rounded
constexpr double ROW_SUM_LIMIT = 1.01;

} // namespace

void
CheckSelectorGate(const char* who, const GateMatrix& gate, std::size_t k)
{
    const std::string what = std::string(who) + ": ";
    if (gate.tokens == 0 || gate.experts == 0)
    {
        throw std::invalid_argument(what + "the gate has " + std::to_string(gate.tokens) +
                                    " tokens and " + std::to_string(gate.experts) +
                                    " experts, expected at least one of each");
    }
    if (gate.weight.size() / gate.experts != gate.tokens || gate.weight.size() % gate.experts != 0)
    {
        throw std::invalid_argument(
            what + "the gate has " + std::to_string(gate.weight.size()) +
            " weights, expected tokens x experts = " + std::to_string(gate.tokens * gate.experts));
    }
    if (k < 1 || k > gate.experts)
    {
        throw std::invalid_argument(what + "k is " + std::to_string(k) +
                                    ", expected between 1 and the number of experts, " +
                                    std::to_string(gate.experts));
    }
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        double sum = 0;
        bool good = true;
        for (std::size_t e = 0; e < gate.experts; ++e)
        {
            good &= row[e] >= 0;
            sum += row[e];
        }
        for (std::size_t e = 0; e < gate.experts && !good; ++e)
        {
            if (!(row[e] >= 0))
            {
                throw std::invalid_argument(what + "the weight of token " + std::to_string(j) +
                                            " for expert " + std::to_string(e) + " is " +
                                            std::to_string(row[e]) + ", expected >= 0");
            }
        }
        if (!(sum > 0 && sum <= ROW_SUM_LIMIT))
        {
            throw std::invalid_argument(what + "the weights of token " + std::to_string(j) +
                                        " sum to " + std::to_string(sum) +
                                        ", expected more than 0 and at most 1 (a softmax)");
        }
    }
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
