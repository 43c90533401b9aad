/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-channel-aware.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <cmath>

namespace wdmoe
{

void
ChannelAwareParam::Check() const
{
    RequireSetting(strength >= 0 && strength <= 500,
                   "ChannelAwareParam: strength",
                   strength,
                   "0 .. 500");
}

Selection
SelectChannelAware(const GateMatrix& gate,
                   std::size_t k,
                   const std::vector<double>& snr,
                   const ChannelAwareParam& param)
{
    param.Check();
    CheckSelectorGate("SelectChannelAware", gate, k);
    CheckExpertValues("SelectChannelAware", "SNR", snr, gate.experts);
    double most = 0;
    for (const double s : snr)
    {
        most = std::max(most, std::log2(1 + s));
    }
    std::vector<double> factor(gate.experts, 1);
    for (std::size_t e = 0; e < gate.experts && most > 0; ++e)
    {
        // relative to the best link, so that nothing overflows
        factor[e] = std::exp(param.strength * (std::log2(1 + snr[e]) / most - 1));
    }

    Selection selection;
    selection.tokens = gate.tokens;
    selection.slots = k;
    selection.expert.assign(gate.tokens * k, -1);
    selection.combine.assign(gate.tokens * k, 0);
    std::vector<double> corrected(gate.experts);
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        for (std::size_t e = 0; e < gate.experts; ++e)
        {
            corrected[e] = row[e] * factor[e];
        }
        const double* weight = param.combineCorrected ? corrected.data() : row;
        int32_t* expert = &selection.expert[j * k];
        double* combine = &selection.combine[j * k];
        const auto found = TopKOfRow(corrected.data(), gate.experts, k, expert);
        std::stable_sort(expert, expert + found, [weight](int32_t a, int32_t b) {
            return weight[a] != weight[b] ? weight[a] > weight[b] : a < b;
        });
        double sum = 0;
        for (std::size_t s = 0; s < found; ++s)
        {
            sum += weight[expert[s]];
        }
        for (std::size_t s = 0; s < found; ++s)
        {
            combine[s] = weight[expert[s]] / sum;
        }
    }
    return selection;
}

} // namespace wdmoe
