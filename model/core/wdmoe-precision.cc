/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-precision.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace wdmoe
{

namespace
{

/// A level of one device and direction
struct Option
{
    double timeS;      // of air
    double loss;       // of quality
    std::size_t level; // index in the problem
};

/// One device and direction
struct Group
{
    std::size_t device;          // index
    bool downlink;               // direction
    std::vector<Option> options; // none is dominated: loss rises, time falls
};

/// A step of a group from one corner of its lower convex hull to the next
struct Step
{
    std::size_t group; // index
    std::size_t to;    // index of the option it leads to
    double savedS;     // of air
    double loss;       // of quality, more
    double ratio;      // saved for a unit of loss
};

/**
 * @param levels of a direction
 * @return index of the one of least price, of these that with fewest bits, of these the first
 */
std::size_t
Finest(const std::vector<PrecisionLevel>& levels)
{
    std::size_t best = 0;
    for (std::size_t i = 1; i < levels.size(); ++i)
    {
        const auto& a = levels[i];
        const auto& b = levels[best];
        if (a.price < b.price || (a.price == b.price && a.bitsPerElement < b.bitsPerElement))
        {
            best = i;
        }
    }
    return best;
}

/**
 * @param levels of the direction
 * @param bitS s of air for a bit of each element
 * @param share of all pairs
 * @return the levels that no other one beats in both time and loss, the one of least loss first
 */
std::vector<Option>
Undominated(const std::vector<PrecisionLevel>& levels, double bitS, double share)
{
    std::vector<Option> all;
    for (std::size_t i = 0; i < levels.size(); ++i)
    {
        all.push_back({bitS * levels[i].bitsPerElement, share * levels[i].price, i});
    }
    std::stable_sort(all.begin(), all.end(), [](const Option& a, const Option& b) {
        return a.loss < b.loss || (a.loss == b.loss && a.timeS < b.timeS);
    });
    std::vector<Option> kept;
    for (const auto& option : all)
    {
        if (kept.empty() || option.timeS < kept.back().timeS)
        {
            kept.push_back(option);
        }
    }
    return kept;
}

/**
 * @param options of a group, none dominated
 * @param group its index
 * @param [in,out] steps along the lower convex hull are added here
 */
void
AddSteps(const std::vector<Option>& options, std::size_t group, std::vector<Step>& steps)
{
    const auto ratio = [&options](std::size_t from, std::size_t to) {
        return (options[from].timeS - options[to].timeS) / (options[to].loss - options[from].loss);
    };
    std::vector<std::size_t> hull;
    for (std::size_t o = 0; o < options.size(); ++o)
    {
        while (hull.size() >= 2 &&
               ratio(hull.back(), o) >= ratio(hull[hull.size() - 2], hull.back()))
        {
            hull.pop_back();
        }
        hull.push_back(o);
    }
    for (std::size_t i = 1; i < hull.size(); ++i)
    {
        steps.push_back({group,
                         hull[i],
                         options[hull[i - 1]].timeS - options[hull[i]].timeS,
                         options[hull[i]].loss - options[hull[i - 1]].loss,
                         ratio(hull[i - 1], hull[i])});
    }
}

/// Branch and bound over groups, one after another
class Search
{
  public:
    /**
     * @param groups what to choose for
     * @param maxLoss budget
     */
    Search(const std::vector<Group>& groups, double maxLoss)
        : m_groups(groups),
          m_current(groups.size(), 0),
          m_best(groups.size(), 0)
    {
        m_left = maxLoss;
        for (std::size_t g = 0; g < groups.size(); ++g)
        {
            m_left -= groups[g].options[0].loss;
            AddSteps(groups[g].options, g, m_steps);
        }
        // of one group they are in this order already, for its hull is convex
        std::stable_sort(m_steps.begin(), m_steps.end(), [](const Step& a, const Step& b) {
            return a.ratio > b.ratio;
        });
    }

    /**
     * The relaxed solution, rounded down, then what else fits.
     *
     * @param [out] relaxedS s of air saved by the relaxed solution
     * @param [out] stepS s of air of the step that it splits, 0 if it splits none
     */
    void Round(double& relaxedS, double& stepS)
    {
        relaxedS = Relaxed(0, m_left, stepS);
        double left = m_left;
        std::vector<bool> stopped(m_groups.size(), false);
        for (const auto& step : m_steps)
        {
            // what does not fit is passed over, and the rest of its group with it
            stopped[step.group] = stopped[step.group] || step.loss > left;
            if (!stopped[step.group])
            {
                m_best[step.group] = step.to;
                left -= step.loss;
            }
        }
        // options above the hull may still fit
        m_bestSavedS = 0;
        for (std::size_t g = 0; g < m_groups.size(); ++g)
        {
            auto& at = m_best[g];
            while (at + 1 < m_groups[g].options.size() && Loss(g, at + 1) - Loss(g, at) <= left)
            {
                left -= Loss(g, at + 1) - Loss(g, at);
                ++at;
            }
            m_bestSavedS += Saved(g, at);
        }
    }

    /**
     * @param maxNodes to visit
     * @return whether all was searched
     */
    bool Run(std::size_t maxNodes)
    {
        m_nodes = maxNodes;
        return Branch(0, m_left, 0);
    }

    /// @return option of each group
    const std::vector<std::size_t>& GetBest() const
    {
        return m_best;
    }

    /// @return whether the options of least loss are within the budget
    bool IsFeasible() const
    {
        return m_left >= 0;
    }

  private:
    /// @return loss above that of the first option; @param g group @param o option
    double Loss(std::size_t g, std::size_t o) const
    {
        return m_groups[g].options[o].loss - m_groups[g].options[0].loss;
    }

    /// @return s saved against the first option; @param g group @param o option
    double Saved(std::size_t g, std::size_t o) const
    {
        return m_groups[g].options[0].timeS - m_groups[g].options[o].timeS;
    }

    /**
     * @param from groups before this one are decided
     * @param left of the budget
     * @param [out] stepS s of the step that is split
     * @return s that the others save at most
     */
    double Relaxed(std::size_t from, double left, double& stepS) const
    {
        double savedS = 0;
        stepS = 0;
        for (const auto& step : m_steps)
        {
            if (step.group < from)
            {
                continue;
            }
            if (step.loss > left)
            {
                stepS = step.savedS;
                return savedS + step.savedS * std::max(0.0, left) / step.loss;
            }
            savedS += step.savedS;
            left -= step.loss;
        }
        return savedS;
    }

    /**
     * @param g groups before this one are decided
     * @param left of the budget
     * @param savedS so far
     * @return whether all below was searched
     */
    bool Branch(std::size_t g, double left, double savedS)
    {
        if (m_nodes == 0)
        {
            return false;
        }
        --m_nodes;
        if (g == m_groups.size())
        {
            if (savedS > m_bestSavedS)
            {
                m_bestSavedS = savedS;
                m_best = m_current;
            }
            return true;
        }
        double stepS = 0;
        // a difference below rounding is not worth a search
        if (savedS + Relaxed(g, left, stepS) <= m_bestSavedS * (1 + 1e-12))
        {
            return true;
        }
        for (std::size_t o = m_groups[g].options.size(); o-- > 0;)
        {
            const double loss = Loss(g, o);
            if (loss <= left)
            {
                m_current[g] = o;
                if (!Branch(g + 1, left - loss, savedS + Saved(g, o)))
                {
                    return false;
                }
            }
        }
        return true;
    }

    const std::vector<Group>& m_groups; ///< what to choose for
    std::vector<Step> m_steps;          ///< of all groups, most saved for a unit of loss first
    std::vector<std::size_t> m_current; ///< option of each group
    std::vector<std::size_t> m_best;    ///< the same, best so far
    double m_bestSavedS{0};             ///< of it
    double m_left{0};                   ///< of the budget above the options of least loss
    std::size_t m_nodes{0};             ///< that may still be visited
};

} // namespace

void
PrecisionProblem::Check() const
{
    const auto require =
        [](bool ok, const std::string& what, double value, const std::string& expected) {
            if (!ok)
            {
                throw std::invalid_argument("PrecisionProblem: " + what + " is " +
                                            std::to_string(value) + ", expected " + expected);
            }
        };
    const auto size = [](const auto& list) { return static_cast<double>(list.size()); };
    const std::string same = "as for pairs, " + std::to_string(pairs.size());
    require(downlinkSPerBit.size() == pairs.size(),
            "the length of downlinkSPerBit",
            size(downlinkSPerBit),
            same);
    require(uplinkSPerBit.size() == pairs.size(),
            "the length of uplinkSPerBit",
            size(uplinkSPerBit),
            same);
    require(elements > 0 && std::isfinite(elements), "elements", elements, "finite and > 0");
    require(maxLoss >= 0 && std::isfinite(maxLoss), "maxLoss", maxLoss, "finite and >= 0");
    for (const bool down : {true, false})
    {
        const std::string direction = down ? "downlink" : "uplink";
        const auto& levels = down ? downlink : uplink;
        require(!levels.empty(), "the number of " + direction + " levels", 0, ">= 1");
        for (std::size_t i = 0; i < levels.size(); ++i)
        {
            const auto name = direction + " level " + std::to_string(i);
            require(levels[i].bitsPerElement > 0 && std::isfinite(levels[i].bitsPerElement),
                    "bitsPerElement of " + name,
                    levels[i].bitsPerElement,
                    "finite and > 0");
            require(levels[i].price >= 0 && std::isfinite(levels[i].price),
                    "the price of " + name,
                    levels[i].price,
                    "finite and >= 0");
        }
        const auto& sPerBit = down ? downlinkSPerBit : uplinkSPerBit;
        for (std::size_t k = 0; k < sPerBit.size(); ++k)
        {
            require(sPerBit[k] > 0,
                    direction + "SPerBit of device " + std::to_string(k),
                    sPerBit[k],
                    "> 0 (infinite: not reached)");
        }
    }
}

PrecisionResult
ChoosePrecision(const PrecisionProblem& problem, std::size_t maxNodes)
{
    problem.Check();
    const std::size_t devices = problem.pairs.size();
    PrecisionResult result;
    result.downlink.assign(devices, Finest(problem.downlink));
    result.uplink.assign(devices, Finest(problem.uplink));

    const auto served = [&problem](std::size_t k) {
        return problem.pairs[k] > 0 && std::isfinite(problem.downlinkSPerBit[k]) &&
               std::isfinite(problem.uplinkSPerBit[k]);
    };
    double all = 0;
    for (std::size_t k = 0; k < devices; ++k)
    {
        all += served(k) ? problem.pairs[k] : 0;
    }
    std::vector<Group> groups;
    for (std::size_t k = 0; k < devices; ++k)
    {
        for (const bool down : {true, false})
        {
            if (served(k))
            {
                const double bitS = problem.pairs[k] * problem.elements *
                                    (down ? problem.downlinkSPerBit[k] : problem.uplinkSPerBit[k]);
                groups.push_back({k,
                                  down,
                                  Undominated(down ? problem.downlink : problem.uplink,
                                              bitS,
                                              problem.pairs[k] / all)});
            }
        }
    }
    // what matters most is decided first
    const auto range = [](const Group& g) {
        return g.options.front().timeS - g.options.back().timeS;
    };
    std::stable_sort(groups.begin(), groups.end(), [&range](const Group& a, const Group& b) {
        return range(a) > range(b);
    });

    Search search(groups, problem.maxLoss);
    double relaxedS = 0;
    result.feasible = search.IsFeasible();
    if (result.feasible)
    {
        search.Round(relaxedS, result.stepS);
        result.exact = search.Run(maxNodes);
    }
    double finestS = 0;
    for (std::size_t g = 0; g < groups.size(); ++g)
    {
        const auto& options = groups[g].options;
        const auto& option = options[search.GetBest()[g]];
        (groups[g].downlink ? result.downlink : result.uplink)[groups[g].device] = option.level;
        result.airS += option.timeS;
        result.loss += option.loss;
        finestS += options[0].timeS;
    }
    result.boundS = result.exact ? result.airS : std::min(result.airS, finestS - relaxedS);
    return result;
}

} // namespace wdmoe
