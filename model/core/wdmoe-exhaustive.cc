/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-exhaustive.h"

#include "wdmoe-selector-check.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace wdmoe
{

namespace
{

/// Relative: masses and costs this near count as equal
constexpr double NEAR = 1e-12;

/// A set of experts of one token
struct Set
{
    std::vector<int32_t> experts; ///< by falling weight
    double mass;                  ///< sum of their weights
};

/// What a token may choose from
struct Choice
{
    std::vector<Set> sets; ///< that meet the floor; if none does, the one with the most mass
    bool feasible;         ///< whether one does
    double topK;           ///< mass of top-k
};

/**
 * Every set of experts that a token may have.
 *
 * @param gate the gate
 * @param token j
 * @param k top-k
 * @param param settings
 * @param [in,out] tried counts them
 * @return those that meet the floor
 */
Choice
ChoiceOf(const GateMatrix& gate,
         std::size_t token,
         std::size_t k,
         const ExhaustiveParam& param,
         uint64_t& tried)
{
    const double* row = gate.Row(token);
    std::vector<int32_t> experts(gate.experts);
    experts.resize(TopKOfRow(row, gate.experts, gate.experts, experts.data()));
    Choice choice;
    choice.topK = 0;
    for (std::size_t s = 0; s < std::min(k, experts.size()); ++s)
    {
        choice.topK += row[experts[s]];
    }
    if (!param.allExperts)
    {
        experts.resize(std::min(k, experts.size()));
    }
    const std::size_t most = std::min(param.maxExperts == 0 ? k : param.maxExperts, experts.size());
    double count = 0;
    double sets = 1;
    for (std::size_t size = 1; size <= most; ++size)
    {
        sets *= static_cast<double>(experts.size() - size + 1) / static_cast<double>(size);
        count += sets;
    }
    if (count > static_cast<double>(param.limit))
    {
        throw std::invalid_argument(
            "SelectExhaustive: token " + std::to_string(token) + " has " +
            std::to_string(experts.size()) + " experts to choose up to " + std::to_string(most) +
            " from: " + std::to_string(count) + " sets, expected at most the limit of " +
            std::to_string(param.limit) + " (SelectDes finds the same optimum)");
    }

    const double need = param.floor * (param.relative ? choice.topK : 1) * (1 - NEAR);
    std::vector<std::size_t> index; // of the present set, rising
    Set fullest{{}, -1};
    const auto visit = [&] {
        Set set{{}, 0};
        for (const auto i : index)
        {
            set.experts.push_back(experts[i]);
            set.mass += row[experts[i]];
        }
        if (set.mass >= need)
        {
            choice.sets.push_back(set);
        }
        if (set.mass > fullest.mass)
        {
            fullest = set;
        }
        tried++;
    };
    for (index.push_back(0); !index.empty();)
    {
        visit();
        if (index.size() < most && index.back() + 1 < experts.size())
        {
            index.push_back(index.back() + 1);
            continue;
        }
        while (!index.empty() && ++index.back() == experts.size())
        {
            index.pop_back();
        }
    }
    choice.feasible = !choice.sets.empty();
    if (!choice.feasible)
    {
        choice.sets.push_back(fullest);
    }
    return choice;
}

/**
 * @param gate the gate
 * @param token j
 * @param set of its experts
 * @param [in,out] selection gets them
 */
void
Write(const GateMatrix& gate, std::size_t token, const Set& set, Selection& selection)
{
    for (std::size_t s = 0; s < selection.slots; ++s)
    {
        const bool there = s < set.experts.size();
        const auto i = token * selection.slots + s;
        selection.expert[i] = there ? set.experts[s] : -1;
        selection.combine[i] = there ? gate.Row(token)[set.experts[s]] / set.mass : 0;
    }
}

/**
 * @param gate the gate
 * @param k top-k
 * @param param settings
 * @return a selection of nothing
 */
Selection
Nothing(const GateMatrix& gate, std::size_t k, const ExhaustiveParam& param)
{
    Selection selection;
    selection.tokens = gate.tokens;
    selection.slots = param.maxExperts == 0 ? k : std::min(param.maxExperts, gate.experts);
    selection.expert.assign(gate.tokens * selection.slots, -1);
    selection.combine.assign(gate.tokens * selection.slots, 0);
    return selection;
}

} // namespace

void
ExhaustiveParam::Check() const
{
    RequireSetting(floor >= 0 && floor <= 1, "ExhaustiveParam: floor", floor, "0 .. 1");
    RequireSetting(blockFloor >= 0 && blockFloor <= 1,
                   "ExhaustiveParam: blockFloor",
                   blockFloor,
                   "0 .. 1");
    RequireSetting(limit >= 1, "ExhaustiveParam: limit", static_cast<double>(limit), ">= 1");
}

ExhaustiveResult
SelectExhaustive(const GateMatrix& gate,
                 std::size_t k,
                 const std::vector<double>& cost,
                 const ExhaustiveParam& param)
{
    param.Check();
    CheckSelectorGate("SelectExhaustive", gate, k);
    CheckExpertValues("SelectExhaustive", "cost", cost, gate.experts);
    ExhaustiveResult result;
    result.selection = Nothing(gate, k, param);
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const auto choice = ChoiceOf(gate, j, k, param, result.tried);
        result.infeasible += !choice.feasible;
        const Set* best = nullptr;
        double least = 0;
        for (const auto& set : choice.sets)
        {
            double sum = 0;
            for (const auto e : set.experts)
            {
                sum += cost[e];
            }
            const bool equal = best && std::abs(sum - least) <= NEAR * least;
            if (!best || (equal ? set.mass > best->mass : sum < least))
            {
                best = &set;
                least = sum;
            }
        }
        result.cost += least;
        Write(gate, j, *best, result.selection);
    }
    return result;
}

ExhaustiveResult
SelectExhaustiveBlock(const GateMatrix& gate,
                      std::size_t k,
                      const std::function<double(const Selection&)>& latency,
                      const ExhaustiveParam& param)
{
    param.Check();
    CheckSelectorGate("SelectExhaustiveBlock", gate, k);
    ExhaustiveResult result;
    result.selection = Nothing(gate, k, param);
    std::vector<Choice> choices;
    uint64_t sets = 0;
    double combinations = 1;
    double need = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        choices.push_back(ChoiceOf(gate, j, k, param, sets));
        result.infeasible += !choices[j].feasible;
        combinations *= static_cast<double>(choices[j].sets.size());
        need += param.blockFloor * choices[j].topK;
        if (combinations > static_cast<double>(param.limit))
        {
            throw std::invalid_argument(
                "SelectExhaustiveBlock: the first " + std::to_string(j + 1) + " of " +
                std::to_string(gate.tokens) + " tokens have " + std::to_string(combinations) +
                " combinations of experts already, expected at most the limit of " +
                std::to_string(param.limit) + "; give it fewer tokens or a higher floor");
        }
    }

    Selection selection = result.selection;
    std::vector<std::size_t> at(gate.tokens, 0); // set of each token
    double mass = 0;
    double fullest = -1;
    bool found = false;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        Write(gate, j, choices[j].sets[0], selection);
    }
    for (bool more = true; more;)
    {
        mass = 0;
        for (std::size_t j = 0; j < gate.tokens; ++j)
        {
            mass += choices[j].sets[at[j]].mass;
        }
        const bool meets = mass >= need * (1 - NEAR);
        if (meets || (!found && mass > fullest))
        {
            const double value = latency(selection);
            if (meets ? !found || value < result.cost : true)
            {
                result.cost = value;
                result.selection = selection;
            }
            found = found || meets;
            fullest = std::max(fullest, mass);
        }
        result.tried++;
        more = false;
        for (std::size_t j = 0; j < gate.tokens && !more; ++j)
        {
            more = ++at[j] < choices[j].sets.size();
            at[j] = more ? at[j] : 0;
            Write(gate, j, choices[j].sets[at[j]], selection);
        }
    }
    result.met = found;
    return result;
}

} // namespace wdmoe
