/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-random-selection.h"

#include "wdmoe-selector-check.h"

#include <cmath>

namespace wdmoe
{

void
RandomParam::Check() const
{
    RequireSetting(keep >= 0 && keep <= 1, "RandomParam: keep", keep, "0 .. 1");
    RequireSetting(minExperts >= 1,
                   "RandomParam: minExperts",
                   static_cast<double>(minExperts),
                   ">= 1");
}

Selection
SelectRandom(const GateMatrix& gate,
             std::size_t k,
             const std::function<double()>& uniform,
             const RandomParam& param)
{
    param.Check();
    Selection selection = SelectTopK(gate, k);
    std::size_t open = 0; // pairs that are not decided yet
    for (std::size_t i = 0; i < selection.expert.size(); ++i)
    {
        open += i % k >= param.minExperts && selection.expert[i] >= 0;
    }
    auto toKeep = static_cast<std::size_t>(std::llround(param.keep * static_cast<double>(open)));
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        double sum = 0;
        for (std::size_t i = j * k; i < (j + 1) * k; ++i)
        {
            auto& expert = selection.expert[i];
            if (expert >= 0 && i % k >= param.minExperts)
            {
                const double u = uniform();
                RequireSetting(u >= 0 && u < 1, "SelectRandom: a draw", u, "in [0, 1)");
                // sampling in order: of those that are open, that many are still to be kept
                const double p = param.exact
                                     ? static_cast<double>(toKeep) / static_cast<double>(open)
                                     : param.keep;
                const bool stays = u < p;
                toKeep -= param.exact && stays;
                open--;
                expert = stays ? expert : -1;
            }
            sum += expert >= 0 ? gate.Row(j)[expert] : 0;
        }
        for (std::size_t i = j * k; i < (j + 1) * k; ++i)
        {
            const auto expert = selection.expert[i];
            selection.combine[i] = expert >= 0 ? gate.Row(j)[expert] / sum : 0;
        }
    }
    return selection;
}

} // namespace wdmoe
