/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-gate-log.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <stdexcept>

namespace wdmoe
{

void
WriteGateLog(const std::string& path,
             const std::string& source,
             const std::vector<GateMatrix>& gates,
             const std::vector<uint32_t>& lengths)
{
    const auto tokens = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
    for (const auto& gate : gates)
    {
        if (gate.tokens != tokens || gate.experts != gates.front().experts ||
            gate.weight.size() != gate.tokens * gate.experts)
        {
            throw std::invalid_argument("WriteGateLog: a gate has " + std::to_string(gate.tokens) +
                                        " tokens, expected those of all sequences, " +
                                        std::to_string(tokens));
        }
    }
    if (gates.empty() || tokens == 0)
    {
        throw std::invalid_argument("WriteGateLog: expected at least one block and one token");
    }
    const std::size_t experts = gates.front().experts;
    std::ofstream out(path, std::ios::binary);
    out << "# format: wdmoe-gate-log-1\n# source: " << source << "\n# experts: " << experts
        << "\n# topk: " << experts << "\nblock,sequence,position";
    for (std::size_t e = 0; e < experts; ++e)
    {
        out << ",expert_" << e << ",weight_" << e;
    }
    out << "\n";
    std::vector<std::size_t> order(experts);
    for (std::size_t block = 0; block < gates.size(); ++block)
    {
        std::size_t token = 0;
        for (std::size_t sequence = 0; sequence < lengths.size(); ++sequence)
        {
            for (uint32_t position = 0; position < lengths[sequence]; ++position, ++token)
            {
                const double* row = gates[block].Row(token);
                std::iota(order.begin(), order.end(), 0);
                std::stable_sort(order.begin(), order.end(), [row](std::size_t a, std::size_t b) {
                    return row[a] > row[b];
                });
                out << block << "," << sequence << "," << position;
                for (const std::size_t e : order)
                {
                    out << "," << e << "," << std::min(1.0, row[e]);
                }
                out << "\n";
            }
        }
    }
    if (!out.flush())
    {
        throw std::runtime_error(path + ": cannot be written");
    }
}

} // namespace wdmoe
