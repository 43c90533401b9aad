/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-placement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace wdmoe
{

namespace
{

/// Relative difference below which two objectives are the same
constexpr double SAME = 1e-12;
/// No device
constexpr uint32_t NONE = std::numeric_limits<uint32_t>::max();

/// @return text of "what is value; expected ..."
template <typename T>
std::string
Say(const std::string& what, const T& value, const std::string& expected)
{
    return what + " is " + std::to_string(value) + "; expected " + expected;
}

/// @return whether a number is a finite one >= 0. @param value the number
bool
Good(double value)
{
    return std::isfinite(value) && value >= 0;
}

/// @return s of its own that a device spends on an expert's pairs
double
PrivateS(const PlacementDevice& device, double load)
{
    return load > 0 ? device.pairS * load + device.expertS : 0;
}

} // namespace

const char*
PlacementStatusName(PlacementStatus status)
{
    switch (status)
    {
    case PlacementStatus::OPTIMAL:
        return "OPTIMAL";
    case PlacementStatus::HEURISTIC:
        return "HEURISTIC";
    case PlacementStatus::INFEASIBLE:
        return "INFEASIBLE";
    case PlacementStatus::INVALID:
        return "INVALID";
    }
    return "unknown";
}

std::string
CheckPlacementProblem(const PlacementProblem& p)
{
    const std::string number = "a finite number >= 0";
    if (p.blocks == 0)
    {
        return Say("blocks", p.blocks, "at least 1");
    }
    if (p.experts == 0)
    {
        return Say("experts", p.experts, "at least 1");
    }
    if (p.devices.empty())
    {
        return Say("devices", 0, "at least 1");
    }
    if (p.maxHolders == 0)
    {
        return Say("maxHolders", p.maxHolders, "at least 1");
    }
    const auto K = p.devices.size();
    const auto passes = std::max<std::size_t>(p.weight.size(), 1);
    if (p.load.size() != passes * p.blocks * p.experts)
    {
        return Say("loads",
                   p.load.size(),
                   std::to_string(passes) + " x " + std::to_string(p.blocks) + " x " +
                       std::to_string(p.experts) + " of them");
    }
    for (std::size_t i = 0; i < p.load.size(); i++)
    {
        if (!Good(p.load[i]))
        {
            return Say("load[" + std::to_string(i) + "]", p.load[i], number);
        }
    }
    for (std::size_t s = 0; s < p.weight.size(); s++)
    {
        if (!Good(p.weight[s]) || p.weight[s] == 0)
        {
            return Say("weight[" + std::to_string(s) + "]", p.weight[s], "a finite number > 0");
        }
    }
    if (p.airS.size() % K != 0)
    {
        return Say("airS", p.airS.size(), "a multiple of " + std::to_string(K) + " of them");
    }
    for (std::size_t i = 0; i < p.airS.size(); i++)
    {
        if (!Good(p.airS[i]))
        {
            return Say("airS[" + std::to_string(i) + "]", p.airS[i], number);
        }
    }
    for (std::size_t k = 0; k < K; k++)
    {
        const auto& d = p.devices[k];
        const std::string of = " of device " + std::to_string(k);
        for (const auto& [name, value] : {std::pair{"memoryBytes", d.memoryBytes},
                                          std::pair{"pairS", d.pairS},
                                          std::pair{"expertS", d.expertS},
                                          std::pair{"fixedS", d.fixedS},
                                          std::pair{"moveS", d.moveS}})
        {
            if (!Good(value))
            {
                return Say(name + of, value, number);
            }
        }
    }
    if (!Good(p.expertBytes))
    {
        return Say("expertBytes", p.expertBytes, number);
    }
    if (!Good(p.moveWeight))
    {
        return Say("moveWeight", p.moveWeight, number);
    }
    if (!p.current.empty() && p.current.size() != p.blocks)
    {
        return Say("blocks of the current placement", p.current.size(), std::to_string(p.blocks));
    }
    for (const auto& block : p.current)
    {
        if (block.size() != p.experts)
        {
            return Say("experts of the current placement", block.size(), std::to_string(p.experts));
        }
        for (const auto& holders : block)
        {
            for (const auto k : holders)
            {
                if (k >= K)
                {
                    return Say("a holder of the current placement",
                               k,
                               "a device below " + std::to_string(K));
                }
            }
        }
    }
    return "";
}

namespace
{

/// T of one pass and block, and what it is made of
class PassSums
{
  public:
    /// @param p costs
    explicit PassSums(const PlacementProblem& p)
        : m_p(p),
          m_own(p.devices.size()),
          m_count(p.devices.size()),
          m_air(p.airS.size() / p.devices.size())
    {
    }

    /// Add an expert's pairs to a device, or take them away. @param k device @param load pairs
    /// @param sign +1 or -1
    void Add(uint32_t k, double load, int sign)
    {
        if (load > 0)
        {
            m_own[k] += sign * PrivateS(m_p.devices[k], load);
            m_count[k] += sign;
            for (std::size_t r = 0; r < m_air.size(); r++)
            {
                m_air[r] += sign * load * m_p.airS[r * m_own.size() + k];
            }
        }
    }

    /// @return s of its own. @param k device
    double Own(uint32_t k) const
    {
        return m_count[k] > 0 ? m_own[k] + m_p.devices[k].fixedS : 0;
    }

    /// @return T, s
    double Get() const
    {
        double t = 0;
        for (const auto a : m_air)
        {
            t = std::max(t, a);
        }
        for (uint32_t k = 0; k < m_own.size(); k++)
        {
            t = std::max(t, Own(k));
        }
        return t;
    }

  private:
    const PlacementProblem& m_p;  ///< costs
    std::vector<double> m_own;    ///< by device
    std::vector<int64_t> m_count; ///< experts with pairs, by device
    std::vector<double> m_air;    ///< by medium
};

} // namespace

double
ChooseHolders(const PlacementProblem& p,
              const double* load,
              const std::vector<std::vector<uint32_t>>& holders,
              std::vector<uint32_t>& choice)
{
    const auto E = static_cast<uint32_t>(holders.size());
    choice.assign(E, 0);
    PassSums sums(p);
    std::vector<uint32_t> free;
    for (uint32_t e = 0; e < E; e++)
    {
        choice[e] = holders[e][0];
        if (holders[e].size() == 1)
        {
            sums.Add(choice[e], load[e], 1);
        }
        else
        {
            free.push_back(e);
        }
    }
    std::stable_sort(free.begin(), free.end(), [load](auto a, auto b) {
        return load[a] > load[b];
    });
    // the best holder of one expert for the others as they are
    const auto place = [&](uint32_t e) {
        uint32_t best = NONE;
        double bestT = 0;
        double bestOwn = 0;
        for (const auto k : holders[e])
        {
            sums.Add(k, load[e], 1);
            const double t = sums.Get();
            const double own = sums.Own(k);
            sums.Add(k, load[e], -1);
            if (best == NONE || t < bestT * (1 - SAME) || (t <= bestT && own < bestOwn))
            {
                best = k;
                bestT = t;
                bestOwn = own;
            }
        }
        choice[e] = best;
        sums.Add(best, load[e], 1);
    };
    for (const auto e : free)
    {
        place(e);
    }
    for (double t = sums.Get();;)
    {
        for (const auto e : free)
        {
            const auto before = choice[e];
            sums.Add(before, load[e], -1);
            place(e);
            if (!(sums.Get() < t * (1 - SAME)))
            {
                sums.Add(choice[e], load[e], -1);
                choice[e] = before;
                sums.Add(before, load[e], 1);
            }
        }
        const double next = sums.Get();
        if (!(next < t * (1 - SAME)))
        {
            break;
        }
        t = next;
    }
    PassSums exact(p); // nothing was ever taken away from these
    for (uint32_t e = 0; e < E; e++)
    {
        exact.Add(choice[e], load[e], 1);
    }
    return exact.Get();
}

double
PlacementObjective(const PlacementProblem& p, const Placement& placement, double* latencyS)
{
    const auto passes = std::max<std::size_t>(p.weight.size(), 1);
    double latency = 0;
    double moves = 0;
    std::vector<uint32_t> choice;
    for (uint32_t i = 0; i < p.blocks; i++)
    {
        for (std::size_t s = 0; s < passes; s++)
        {
            const double w = p.weight.empty() ? 1 : p.weight[s];
            latency +=
                w * ChooseHolders(p, &p.load[(s * p.blocks + i) * p.experts], placement[i], choice);
        }
        for (uint32_t e = 0; !p.current.empty() && e < p.experts; e++)
        {
            const auto& now = p.current[i][e];
            for (const auto k : placement[i][e])
            {
                const bool held = std::find(now.begin(), now.end(), k) != now.end();
                moves += held ? 0 : p.devices[k].moveS;
            }
        }
    }
    if (latencyS)
    {
        *latencyS = latency;
    }
    return latency + p.moveWeight * moves;
}

uint32_t
PlacementSolver::Draw(uint32_t below)
{
    // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)
    uint64_t z = (m_random += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return static_cast<uint32_t>((z ^ (z >> 31)) % below);
}

double
PlacementSolver::Load(std::size_t s, uint32_t i, uint32_t e) const
{
    return m_p->load[(s * m_I + i) * m_E + e];
}

double
PlacementSolver::MoveCost(uint32_t i, uint32_t e, uint32_t k) const
{
    return m_move.empty() ? 0 : m_move[(std::size_t(i) * m_E + e) * m_K + k];
}

void
PlacementSolver::Refresh(uint32_t i)
{
    m_moved[i] = 0;
    for (uint32_t e = 0; e < m_E; e++)
    {
        const auto k = m_at[i * m_E + e];
        m_moved[i] += k == NONE ? 0 : MoveCost(i, e, k);
    }
    for (std::size_t s = 0; s < m_S; s++)
    {
        const auto row = s * m_I + i;
        auto* own = &m_private[row * m_K];
        auto* count = &m_count[row * m_K];
        auto* air = m_air.data() + row * m_R;
        std::fill(own, own + m_K, 0.0);
        std::fill(count, count + m_K, 0);
        std::fill(air, air + m_R, 0.0);
        for (uint32_t e = 0; e < m_E; e++)
        {
            const auto k = m_at[i * m_E + e];
            const double load = Load(s, i, e);
            if (k == NONE || load == 0)
            {
                continue;
            }
            own[k] += PrivateS(m_p->devices[k], load);
            count[k]++;
            for (std::size_t r = 0; r < m_R; r++)
            {
                air[r] += load * m_p->airS[r * m_K + k];
            }
        }
        auto* top = &m_top[row * 3];
        std::fill(top, top + 3, NONE);
        const auto value = [&](uint32_t k) {
            return k == NONE ? -1 : count[k] > 0 ? own[k] + m_p->devices[k].fixedS : 0;
        };
        for (uint32_t k = 0; k < m_K; k++)
        {
            const double v = value(k);
            for (int n = 0; n < 3; n++)
            {
                if (v > value(top[n]))
                {
                    for (int m = 2; m > n; m--)
                    {
                        top[m] = top[m - 1];
                    }
                    top[n] = k;
                    break;
                }
            }
        }
    }
}

double
PlacementSolver::BlockObjective(uint32_t i) const
{
    double total = m_moved[i];
    for (std::size_t s = 0; s < m_S; s++)
    {
        const auto row = s * m_I + i;
        const auto k = m_top[row * 3];
        double t =
            m_count[row * m_K + k] > 0 ? m_private[row * m_K + k] + m_p->devices[k].fixedS : 0;
        for (std::size_t r = 0; r < m_R; r++)
        {
            t = std::max(t, m_air[row * m_R + r]);
        }
        total += m_weight[s] * t;
    }
    return total;
}

double
PlacementSolver::Try(uint32_t i, uint32_t e, uint32_t k, uint32_t f, uint32_t h, double& spread)
    const
{
    // e goes from a to k; f, if there is one, from k to a (= h)
    const auto a = m_at[i * m_E + e];
    const bool swap = f < m_E;
    double total = m_moved[i] - MoveCost(i, e, a) + MoveCost(i, e, k);
    if (swap)
    {
        total += MoveCost(i, f, h) - MoveCost(i, f, k);
    }
    spread = 0;
    const auto& da = m_p->devices[a];
    const auto& dk = m_p->devices[k];
    for (std::size_t s = 0; s < m_S; s++)
    {
        const auto row = s * m_I + i;
        const double le = Load(s, i, e);
        const double lf = swap ? Load(s, i, f) : 0;
        const double sumA = m_private[row * m_K + a] - PrivateS(da, le) + PrivateS(da, lf);
        const double sumK = m_private[row * m_K + k] + PrivateS(dk, le) - PrivateS(dk, lf);
        const auto countA = m_count[row * m_K + a] - (le > 0) + (lf > 0);
        const auto countK = m_count[row * m_K + k] + (le > 0) - (lf > 0);
        const double ownA = countA > 0 ? sumA + da.fixedS : 0;
        const double ownK = countK > 0 ? sumK + dk.fixedS : 0;
        const auto was = [&](uint32_t d) {
            return m_count[row * m_K + d] > 0 ? m_private[row * m_K + d] + m_p->devices[d].fixedS
                                              : 0;
        };
        double t = std::max(ownA, ownK);
        for (int n = 0; n < 3; n++)
        {
            const auto d = m_top[row * 3 + n];
            if (d != NONE && d != a && d != k)
            {
                t = std::max(t, was(d));
                break;
            }
        }
        double square = ownA * ownA + ownK * ownK - was(a) * was(a) - was(k) * was(k);
        for (std::size_t r = 0; r < m_R; r++)
        {
            const double before = m_air[row * m_R + r];
            const double air =
                before + (le - lf) * (m_p->airS[r * m_K + k] - m_p->airS[r * m_K + a]);
            t = std::max(t, air);
            square += air * air - before * before;
        }
        total += m_weight[s] * t;
        spread += m_weight[s] * square;
    }
    return total;
}

void
PlacementSolver::Descend(uint32_t i, bool memory)
{
    const auto row = std::size_t(i) * m_E;
    const uint64_t most = 20ULL * m_E * std::max(m_K, m_E) + 1000; // steps that only spread could
    uint64_t steps = 0;                                            // go round in circles
    double now = BlockObjective(i);
    // Where one device is what the block waits for, only its experts can help, or what changes
    // places with them.
    const auto waitsFor = [&]() {
        if (m_S > 1 || !m_move.empty())
        {
            return NONE;
        }
        const auto k = m_top[std::size_t(i) * 3];
        const auto at = std::size_t(i) * m_K + k;
        const double own = m_count[at] > 0 ? m_private[at] + m_p->devices[k].fixedS : 0;
        return m_weight[0] * own >= now * (1 - SAME) ? k : NONE;
    };
    // Most steps fail for one of these: the device they go to becomes later than the block is, or
    // the medium that it waits for carries no less. Tells before all the rest is looked at.
    const bool simple = m_S == 1 && m_move.empty();
    const auto fails = [&](uint32_t e, uint32_t a, uint32_t k, double lf) {
        if (!simple)
        {
            return false;
        }
        const auto& d = m_p->devices[k];
        const double le = m_p->load[row + e];
        const double own = m_private[std::size_t(i) * m_K + k] + PrivateS(d, le) - PrivateS(d, lf);
        const double limit = now / m_weight[0] * (1 + SAME);
        if (le > 0 && own + d.fixedS > limit)
        {
            return true;
        }
        for (std::size_t r = 0; r < m_R; r++)
        {
            const double more = (le - lf) * (m_p->airS[r * m_K + k] - m_p->airS[r * m_K + a]);
            if (m_air[std::size_t(i) * m_R + r] + more > limit)
            {
                return true;
            }
        }
        return false;
    };
    for (bool better = true; better && steps < most;)
    {
        better = false;
        for (uint32_t e = 0; e < m_E; e++)
        {
            const auto a = m_at[row + e];
            const auto last = waitsFor();
            if (last != NONE && a != last)
            {
                continue;
            }
            uint32_t best = a;
            double bestT = now;
            double bestSpread = 0;
            for (uint32_t k = 0; k < m_K; k++)
            {
                if (k == a || (memory && m_held[k] >= m_room[k]) || fails(e, a, k, 0))
                {
                    continue;
                }
                double spread;
                const double t = Try(i, e, k, m_E, 0, spread);
                if (t < bestT * (1 - SAME) ||
                    (t <= bestT && spread < bestSpread - 1e-9 * now * now))
                {
                    best = k;
                    bestT = t;
                    bestSpread = spread;
                }
            }
            if (best != a)
            {
                m_held[a]--;
                m_held[best]++;
                m_at[row + e] = best;
                Refresh(i);
                now = BlockObjective(i);
                better = true;
                steps++;
            }
        }
        const auto last = waitsFor();
        bool swapped = false;
        for (uint32_t e = 0; e < m_E && !swapped; e++)
        {
            for (uint32_t f = e + 1; f < m_E; f++)
            {
                const auto a = m_at[row + e];
                const auto k = m_at[row + f];
                if (a == k || (last != NONE && a != last && k != last) ||
                    fails(e, a, k, m_p->load[row + f]) || fails(f, k, a, m_p->load[row + e]))
                {
                    continue;
                }
                double spread;
                if (Try(i, e, k, f, a, spread) < now * (1 - SAME))
                {
                    std::swap(m_at[row + e], m_at[row + f]);
                    Refresh(i);
                    now = BlockObjective(i);
                    swapped = true;
                    steps++;
                    if (last != NONE)
                    {
                        break; // another one may be last now
                    }
                }
            }
        }
        better = better || swapped;
    }
}

void
PlacementSolver::Construct(uint32_t i, bool memory)
{
    // by falling load, each where the block comes out shortest, then its device
    const auto row = std::size_t(i) * m_E;
    m_order.resize(m_E);
    m_key.assign(m_E, 0);
    std::iota(m_order.begin(), m_order.end(), 0);
    for (uint32_t e = 0; e < m_E; e++)
    {
        for (std::size_t s = 0; s < m_S; s++)
        {
            m_key[e] += m_weight[s] * Load(s, i, e);
        }
    }
    std::stable_sort(m_order.begin(), m_order.end(), [this](auto a, auto b) {
        return m_key[a] > m_key[b];
    });
    std::fill(m_at.begin() + row, m_at.begin() + row + m_E, NONE);
    Refresh(i);
    for (const auto e : m_order)
    {
        uint32_t best = NONE;
        double bestT = 0;
        double bestSum = 0;
        for (uint32_t k = 0; k < m_K; k++)
        {
            if (memory && m_held[k] >= m_room[k])
            {
                continue;
            }
            double total = m_moved[i] + MoveCost(i, e, k);
            double sum = 0;
            for (std::size_t s = 0; s < m_S; s++)
            {
                const auto at = s * m_I + i;
                const double load = Load(s, i, e);
                const auto top = m_top[at * 3];
                const bool used = load > 0 || m_count[at * m_K + k] > 0;
                const double own = used
                                       ? m_private[at * m_K + k] + PrivateS(m_p->devices[k], load) +
                                             m_p->devices[k].fixedS
                                       : 0;
                double t = own;
                if (m_count[at * m_K + top] > 0)
                {
                    t = std::max(t, m_private[at * m_K + top] + m_p->devices[top].fixedS);
                }
                sum += m_weight[s] * own;
                for (std::size_t r = 0; r < m_R; r++)
                {
                    const double air = m_air[at * m_R + r] + load * m_p->airS[r * m_K + k];
                    t = std::max(t, air);
                    sum += m_weight[s] * load * m_p->airS[r * m_K + k];
                }
                total += m_weight[s] * t;
            }
            if (best == NONE || total < bestT * (1 - SAME) || (total <= bestT && sum < bestSum))
            {
                best = k;
                bestT = total;
                bestSum = sum;
            }
        }
        m_at[row + e] = best;
        m_held[best]++;
        Refresh(i);
    }
}

void
PlacementSolver::SearchBlock(uint32_t i)
{
    const auto from = m_at.begin() + std::size_t(i) * m_E;
    const auto best = m_best.begin() + std::size_t(i) * m_E;
    Construct(i, false);
    Descend(i, false);
    double bestT = BlockObjective(i);
    std::copy(from, from + m_E, best);
    const auto keep = [&]() {
        const double t = BlockObjective(i);
        if (t < bestT * (1 - SAME))
        {
            bestT = t;
            std::copy(from, from + m_E, best);
        }
    };
    if (!m_p->current.empty())
    {
        bool whole = true;
        for (uint32_t e = 0; e < m_E; e++)
        {
            const auto& now = m_p->current[i][e];
            whole = whole && !now.empty();
            from[e] = now.empty() ? best[e] : now[0];
        }
        if (whole)
        {
            Refresh(i);
            keep();
            Descend(i, false);
            keep();
        }
    }
    for (uint32_t round = 0; round < m_param.maxRounds && m_K > 1 && m_E > 1; round++)
    {
        if (bestT <= m_blockBound[i] * (1 + SAME))
        {
            break;
        }
        std::copy(best, best + m_E, from);
        const uint32_t kicks = 2 + Draw(3);
        for (uint32_t n = 0; n < kicks; n++)
        {
            from[Draw(m_E)] = Draw(m_K);
        }
        Refresh(i);
        Descend(i, false);
        keep();
    }
    std::copy(best, best + m_E, from);
    Refresh(i);
}

double
PlacementSolver::Relaxed(uint32_t i, bool grad)
{
    const auto width = m_R + m_K;
    const bool split = m_p->maxHolders > 1 && m_S > 1;
    double least = std::numeric_limits<double>::infinity();
    for (const auto& d : m_p->devices)
    {
        least = std::min(least, d.fixedS);
    }
    double bound = 0;
    for (std::size_t s = 0; s < m_S; s++)
    {
        const auto* y = &m_trial[s * width];
        double shared = 0;
        for (std::size_t r = 0; r < m_R; r++)
        {
            shared += y[r];
        }
        bool any = false;
        for (uint32_t e = 0; e < m_E && !any; e++)
        {
            any = Load(s, i, e) > 0;
        }
        // no device with pairs takes less than the least fixed time, and T is never below it
        bound += any ? m_weight[s] * least * (1 - shared) : 0;
        for (uint32_t k = 0; k < m_K; k++)
        {
            double unit = y[m_R + k] * m_p->devices[k].pairS;
            for (std::size_t r = 0; r < m_R; r++)
            {
                unit += y[r] * m_p->airS[r * m_K + k];
            }
            m_unit[s * m_K + k] = m_weight[s] * unit;
            m_flat[s * m_K + k] = m_weight[s] * y[m_R + k] * m_p->devices[k].expertS;
        }
        if (grad)
        {
            auto* g = &m_gradient[s * width];
            std::fill(g, g + m_R, 0.0);
            std::fill(g + m_R, g + width, any ? least : 0.0);
        }
    }
    const auto add = [&](std::size_t s, uint32_t k, double load) {
        auto* g = &m_gradient[s * width];
        for (std::size_t r = 0; r < m_R; r++)
        {
            g[r] += load * m_p->airS[r * m_K + k];
        }
        g[m_R + k] += PrivateS(m_p->devices[k], load);
    };
    for (uint32_t e = 0; e < m_E; e++)
    {
        if (split)
        {
            for (std::size_t s = 0; s < m_S; s++)
            {
                const double load = Load(s, i, e);
                uint32_t best = 0;
                double cost = std::numeric_limits<double>::infinity();
                for (uint32_t k = 0; k < m_K; k++)
                {
                    const double c =
                        load > 0 ? load * m_unit[s * m_K + k] + m_flat[s * m_K + k] : 0;
                    best = c < cost ? k : best;
                    cost = std::min(cost, c);
                }
                bound += cost;
                if (grad)
                {
                    add(s, best, load);
                }
            }
            continue;
        }
        uint32_t best = 0;
        double cost = std::numeric_limits<double>::infinity();
        for (uint32_t k = 0; k < m_K; k++)
        {
            double c = m_memoryPrice[k] + MoveCost(i, e, k);
            for (std::size_t s = 0; s < m_S; s++)
            {
                const double load = Load(s, i, e);
                c += load > 0 ? load * m_unit[s * m_K + k] + m_flat[s * m_K + k] : 0;
            }
            best = c < cost ? k : best;
            cost = std::min(cost, c);
        }
        bound += cost;
        if (grad)
        {
            m_use[best]++;
            for (std::size_t s = 0; s < m_S; s++)
            {
                add(s, best, Load(s, i, e));
            }
        }
    }
    return bound;
}

void
PlacementSolver::BoundBlock(uint32_t i, uint32_t rounds)
{
    const auto width = m_R + m_K;
    auto* best = &m_multiplier[i * m_S * width];
    std::copy(best, best + m_S * width, m_trial.begin());
    double bestBound = -std::numeric_limits<double>::infinity();
    // uses are those of the last call, so that all blocks' sum is a subgradient
    m_key.assign(m_use.begin(), m_use.end());
    for (uint32_t round = 0; round <= rounds; round++)
    {
        m_use.assign(m_key.begin(), m_key.end());
        const double bound = Relaxed(i, true);
        if (bound > bestBound)
        {
            bestBound = bound;
            std::copy(m_trial.begin(), m_trial.end(), best);
        }
        // exponentiated subgradient on each pass's simplex
        const double step = 2.0 / std::sqrt(1.0 + round);
        for (std::size_t s = 0; s < m_S; s++)
        {
            auto* y = &m_trial[s * width];
            const auto* g = &m_gradient[s * width];
            double largest = 0;
            for (std::size_t n = 0; n < width; n++)
            {
                largest = std::max(largest, g[n]);
            }
            if (largest <= 0)
            {
                continue;
            }
            double sum = 0;
            for (std::size_t n = 0; n < width; n++)
            {
                y[n] = std::max(y[n], 1e-12) * std::exp(step * (g[n] / largest - 1));
                sum += y[n];
            }
            for (std::size_t n = 0; n < width; n++)
            {
                y[n] /= sum;
            }
        }
    }
    m_blockBound[i] = bestBound;
}

void
PlacementSolver::Bound(uint32_t rounds)
{
    const auto width = m_R + m_K;
    m_multiplier.assign(m_I * m_S * width, 1.0 / static_cast<double>(width));
    m_trial.resize(m_S * width);
    m_gradient.resize(m_S * width);
    m_unit.resize(m_S * m_K);
    m_flat.resize(m_S * m_K);
    m_use.assign(m_K, 0);
    for (uint32_t i = 0; i < m_I; i++)
    {
        BoundBlock(i, rounds);
        if (m_p->maxHolders > 1 && m_S > 1)
        {
            continue;
        }
        // nor is it less than any one expert alone, wherever it is
        for (uint32_t e = 0; e < m_E; e++)
        {
            double least = std::numeric_limits<double>::infinity();
            for (uint32_t k = 0; k < m_K; k++)
            {
                double cost = MoveCost(i, e, k);
                for (std::size_t s = 0; s < m_S; s++)
                {
                    const double load = Load(s, i, e);
                    double t = PrivateS(m_p->devices[k], load);
                    t += load > 0 ? m_p->devices[k].fixedS : 0;
                    for (std::size_t r = 0; r < m_R; r++)
                    {
                        t = std::max(t, load * m_p->airS[r * m_K + k]);
                    }
                    cost += m_weight[s] * t;
                }
                least = std::min(least, cost);
            }
            m_blockBound[i] = std::max(m_blockBound[i], least);
        }
    }
}

double
PlacementSolver::Total() const
{
    double total = 0;
    for (uint32_t i = 0; i < m_I; i++)
    {
        total += BlockObjective(i);
    }
    return total;
}

bool
PlacementSolver::Branch(std::size_t at, std::size_t end, double doneS)
{
    if (at == end)
    {
        const double total = doneS + BlockObjective(m_items[at - 1].block);
        if (total < m_upper * (1 - SAME))
        {
            m_upper = total;
            for (std::size_t n = m_items[0].block; n <= m_items[end - 1].block; n++)
            {
                std::copy(m_at.begin() + n * m_E,
                          m_at.begin() + (n + 1) * m_E,
                          m_best.begin() + n * m_E);
            }
        }
        return true;
    }
    const auto [i, e] = m_items[at];
    if (at > 0 && m_items[at - 1].block != i)
    {
        doneS += BlockObjective(m_items[at - 1].block);
    }
    const bool symmetric = m_move.empty() && !m_priced;
    const auto slot = std::size_t(i) * m_E + e;
    // children by what they come to; their order and bounds on the stack of this call's level
    const auto base = at * m_K;
    for (uint32_t k = 0; k < m_K; k++)
    {
        m_order[base + k] = k;
        m_key[base + k] = std::numeric_limits<double>::infinity();
        if (m_priced && m_held[k] >= m_room[k])
        {
            continue;
        }
        bool twin = false;
        for (uint32_t d = 0; symmetric && d < k && !twin; d++)
        {
            const auto& x = m_p->devices[d];
            const auto& y = m_p->devices[k];
            twin = x.pairS == y.pairS && x.expertS == y.expertS && x.fixedS == y.fixedS;
            for (std::size_t r = 0; r < m_R; r++)
            {
                twin = twin && m_p->airS[r * m_K + d] == m_p->airS[r * m_K + k];
            }
            for (std::size_t s = 0; s < m_S; s++)
            {
                const auto row = (s * m_I + i) * m_K;
                twin = twin && m_count[row + d] == 0 && m_count[row + k] == 0;
            }
        }
        if (twin)
        {
            continue;
        }
        m_nodesLeft--;
        m_result.nodes++;
        m_at[slot] = k;
        Refresh(i);
        m_key[base + k] = BlockObjective(i);
        m_at[slot] = NONE;
    }
    std::stable_sort(m_order.begin() + base, m_order.begin() + base + m_K, [&](auto a, auto b) {
        return m_key[base + a] < m_key[base + b];
    });
    bool whole = true;
    for (uint32_t n = 0; n < m_K && whole; n++)
    {
        const auto k = m_order[base + n];
        const double partial = m_key[base + k];
        if (!std::isfinite(partial))
        {
            break;
        }
        const double pathBefore = m_path;
        const double priceBefore = m_pricePath;
        m_path += m_itemCost[base + k];
        m_pricePath += m_memoryPrice[k];
        // what the multipliers say of this block's rest; what is done, plain; of later blocks both
        double bound = doneS + partial + m_after[at];
        bound = std::max(bound,
                         doneS + m_blockFree[i] + m_path + m_cheapest[at] + m_pricePath +
                             m_afterPriced[at] - m_priceOfAll);
        if (bound < m_upper * (1 - SAME))
        {
            m_at[slot] = k;
            m_held[k]++;
            Refresh(i);
            const double keep = m_path;
            if (at + 1 < end && m_items[at + 1].block != i)
            {
                m_path = 0;
            }
            whole = m_nodesLeft > 0 && Branch(at + 1, end, doneS);
            m_path = keep;
            m_held[k]--;
            m_at[slot] = NONE;
        }
        m_path = pathBefore;
        m_pricePath = priceBefore;
    }
    m_at[slot] = NONE;
    Refresh(i);
    return whole;
}

void
PlacementSolver::PrepareItems(uint32_t from, uint32_t to)
{
    const auto width = m_R + m_K;
    m_items.clear();
    m_blockFree.resize(m_I);
    for (uint32_t i = from; i < to; i++)
    {
        m_sort.resize(m_E);
        m_size.assign(m_E, 0);
        std::iota(m_sort.begin(), m_sort.end(), 0);
        for (uint32_t e = 0; e < m_E; e++)
        {
            for (std::size_t s = 0; s < m_S; s++)
            {
                m_size[e] += m_weight[s] * Load(s, i, e);
            }
        }
        std::stable_sort(m_sort.begin(), m_sort.end(), [this](auto a, auto b) {
            return m_size[a] > m_size[b];
        });
        for (const auto e : m_sort)
        {
            m_items.push_back({i, e});
        }
    }
    const auto n = m_items.size();
    m_itemCost.assign(n * m_K, 0);
    m_cheapest.assign(n, 0);
    m_after.assign(n, 0);
    m_afterPriced.assign(n, 0);
    m_order.resize(n * m_K);
    m_key.resize(n * m_K);
    double after = 0;
    double afterPriced = 0;
    double block = 0;
    for (std::size_t at = n; at-- > 0;)
    {
        const auto [i, e] = m_items[at];
        if (at + 1 == n || m_items[at + 1].block != i)
        {
            after += at + 1 == n ? 0 : m_plainBound[m_items[at + 1].block];
            afterPriced += at + 1 == n ? 0 : block;
            std::copy(m_multiplier.begin() + i * m_S * width,
                      m_multiplier.begin() + (i + 1) * m_S * width,
                      m_trial.begin());
            Relaxed(i, false); // for what a pair costs by the multipliers
            double least = std::numeric_limits<double>::infinity();
            for (const auto& d : m_p->devices)
            {
                least = std::min(least, d.fixedS);
            }
            double free = 0;
            for (std::size_t s = 0; s < m_S; s++)
            {
                double shared = 0;
                bool any = false;
                for (std::size_t r = 0; r < m_R; r++)
                {
                    shared += m_trial[s * width + r];
                }
                for (uint32_t x = 0; x < m_E; x++)
                {
                    any = any || Load(s, i, x) > 0;
                }
                free += any ? m_weight[s] * least * (1 - shared) : 0;
            }
            m_blockFree[i] = free;
            block = free;
        }
        m_cheapest[at] = block - m_blockFree[i];
        m_after[at] = after;
        m_afterPriced[at] = afterPriced;
        double cheapest = std::numeric_limits<double>::infinity();
        for (uint32_t k = 0; k < m_K; k++)
        {
            double cost = MoveCost(i, e, k);
            for (std::size_t s = 0; s < m_S; s++)
            {
                const double load = Load(s, i, e);
                cost += load > 0 ? load * m_unit[s * m_K + k] + m_flat[s * m_K + k] : 0;
            }
            m_itemCost[at * m_K + k] = cost;
            cheapest = std::min(cheapest, cost + m_memoryPrice[k]);
        }
        block += cheapest;
    }
}

bool
PlacementSolver::BranchRange(uint32_t from, uint32_t to, bool priced, uint64_t nodes)
{
    m_priced = priced;
    m_nodesLeft = static_cast<int64_t>(nodes);
    m_path = 0;
    m_pricePath = 0;
    m_priceOfAll = 0;
    for (uint32_t k = 0; k < m_K; k++)
    {
        m_priceOfAll +=
            m_memoryPrice[k] > 0 ? m_memoryPrice[k] * static_cast<double>(m_room[k]) : 0;
    }
    PrepareItems(from, to);
    m_upper = 0;
    for (uint32_t i = from; i < to; i++)
    {
        std::copy(m_best.begin() + i * m_E, m_best.begin() + (i + 1) * m_E, m_at.begin() + i * m_E);
        Refresh(i);
        m_upper += BlockObjective(i);
        std::fill(m_at.begin() + i * m_E, m_at.begin() + (i + 1) * m_E, NONE);
        Refresh(i);
    }
    if (priced)
    {
        std::fill(m_held.begin(), m_held.end(), 0);
    }
    const bool whole = Branch(0, m_items.size(), 0);
    for (uint32_t i = from; i < to; i++)
    {
        std::copy(m_best.begin() + i * m_E, m_best.begin() + (i + 1) * m_E, m_at.begin() + i * m_E);
        Refresh(i);
    }
    return whole;
}

void
PlacementSolver::CountHeld()
{
    std::fill(m_held.begin(), m_held.end(), 0);
    for (const auto k : m_at)
    {
        m_held[k]++;
    }
}

bool
PlacementSolver::Fits() const
{
    for (uint32_t k = 0; k < m_K; k++)
    {
        if (m_held[k] > m_room[k])
        {
            return false;
        }
    }
    return true;
}

void
PlacementSolver::Repair()
{
    // lazy greedy: the cheapest step known is looked at again before it is taken
    const auto cheapest = [this](uint32_t i, uint32_t e, uint32_t& to) {
        to = NONE;
        double least = std::numeric_limits<double>::infinity();
        const double now = BlockObjective(i);
        for (uint32_t k = 0; k < m_K; k++)
        {
            if (m_held[k] >= m_room[k])
            {
                continue;
            }
            double spread;
            const double delta = Try(i, e, k, m_E, 0, spread) - now;
            if (delta < least)
            {
                least = delta;
                to = k;
            }
        }
        return least;
    };
    for (uint32_t k = 0; k < m_K; k++)
    {
        if (m_held[k] <= m_room[k])
        {
            continue;
        }
        m_heap.clear();
        const auto later = [](const Step& a, const Step& b) { return a.delta > b.delta; };
        for (uint32_t i = 0; i < m_I; i++)
        {
            for (uint32_t e = 0; e < m_E; e++)
            {
                if (m_at[i * m_E + e] == k)
                {
                    uint32_t to;
                    m_heap.push_back({cheapest(i, e, to), i, e});
                }
            }
        }
        std::make_heap(m_heap.begin(), m_heap.end(), later);
        while (m_held[k] > m_room[k])
        {
            std::pop_heap(m_heap.begin(), m_heap.end(), later);
            auto step = m_heap.back();
            m_heap.pop_back();
            uint32_t to;
            const double again = cheapest(step.block, step.expert, to);
            if (!m_heap.empty() && again > m_heap.front().delta && again > step.delta)
            {
                step.delta = again;
                m_heap.push_back(step);
                std::push_heap(m_heap.begin(), m_heap.end(), later);
                continue;
            }
            m_at[step.block * m_E + step.expert] = to;
            m_held[k]--;
            m_held[to]++;
            Refresh(step.block);
        }
    }
}

void
PlacementSolver::FindSteps(uint32_t i)
{
    // the best single move of this block between any two devices, whatever memory says
    const double now = BlockObjective(i);
    auto* gain = &m_gain[std::size_t(i) * m_K * m_K];
    auto* who = &m_gainer[std::size_t(i) * m_K * m_K];
    std::fill(gain, gain + m_K * m_K, std::numeric_limits<double>::infinity());
    for (uint32_t e = 0; e < m_E; e++)
    {
        const auto a = m_at[std::size_t(i) * m_E + e];
        for (uint32_t k = 0; k < m_K; k++)
        {
            if (k == a)
            {
                continue;
            }
            double spread;
            const double delta = Try(i, e, k, m_E, 0, spread) - now;
            if (delta < gain[a * m_K + k])
            {
                gain[a * m_K + k] = delta;
                who[a * m_K + k] = e;
            }
        }
    }
}

bool
PlacementSolver::Exchange()
{
    // a -> k in one block and k -> h in another one, h = a or with room left; of each step the two
    // blocks where it is best, so that there is another one
    const auto links = std::size_t(m_K) * m_K;
    const auto gain = [&](uint32_t i, std::size_t link) {
        return i == NONE ? std::numeric_limits<double>::infinity() : m_gain[i * links + link];
    };
    m_pair.assign(2 * links, NONE);
    for (uint32_t i = 0; i < m_I; i++)
    {
        for (std::size_t link = 0; link < links; link++)
        {
            auto* pair = &m_pair[2 * link];
            if (gain(i, link) < gain(pair[0], link))
            {
                pair[1] = pair[0];
                pair[0] = i;
            }
            else if (gain(i, link) < gain(pair[1], link))
            {
                pair[1] = i;
            }
        }
    }
    double least = -10 * SAME * Total();
    uint32_t at[5] = {NONE, NONE, NONE, NONE, NONE};
    for (uint32_t a = 0; a < m_K; a++)
    {
        for (uint32_t k = 0; k < m_K; k++)
        {
            const auto in = std::size_t(a) * m_K + k;
            if (a == k || m_pair[2 * in] == NONE)
            {
                continue;
            }
            for (uint32_t h = 0; h < m_K; h++)
            {
                const auto out = std::size_t(k) * m_K + h;
                if (h == k || (h != a && m_held[h] >= m_room[h]) ||
                    !(gain(m_pair[2 * in], in) + gain(m_pair[2 * out], out) < least))
                {
                    continue;
                }
                for (const auto x : {m_pair[2 * in], m_pair[2 * in + 1]})
                {
                    for (const auto y : {m_pair[2 * out], m_pair[2 * out + 1]})
                    {
                        const double delta = gain(x, in) + gain(y, out);
                        if (x != y && delta < least)
                        {
                            least = delta;
                            at[0] = x;
                            at[1] = y;
                            at[2] = a;
                            at[3] = k;
                            at[4] = h;
                        }
                    }
                }
            }
        }
    }
    if (at[0] == NONE)
    {
        return false;
    }
    const auto [x, y, a, k, h] = at;
    m_at[std::size_t(x) * m_E + m_gainer[(std::size_t(x) * m_K + a) * m_K + k]] = k;
    m_at[std::size_t(y) * m_E + m_gainer[(std::size_t(y) * m_K + k) * m_K + h]] = h;
    m_held[a]--;
    m_held[h]++;
    for (const auto i : {x, y})
    {
        Refresh(i);
        Descend(i, true);
        FindSteps(i);
    }
    return true;
}

void
PlacementSolver::SearchAll()
{
    m_gain.resize(std::size_t(m_I) * m_K * m_K);
    m_gainer.resize(m_gain.size());
    const auto descend = [this]() {
        for (uint32_t i = 0; i < m_I; i++)
        {
            Descend(i, true);
            FindSteps(i);
        }
        for (uint64_t n = 0; n < 4ULL * m_I * m_E && Exchange(); n++)
        {
        }
    };
    descend();
    double bestT = Total();
    m_best = m_at;
    for (uint32_t round = 0; round < m_param.maxRounds && m_I * m_E > 1 && m_K > 1; round++)
    {
        if (bestT <= m_bound * (1 + SAME))
        {
            break;
        }
        const uint32_t kicks = 2 + Draw(4);
        for (uint32_t n = 0; n < kicks; n++)
        {
            // two experts of any blocks change places: memory holds as much as before
            const auto x = Draw(m_I * m_E);
            const auto y = Draw(m_I * m_E);
            std::swap(m_at[x], m_at[y]);
            for (const auto i : {x / m_E, y / m_E})
            {
                Refresh(i);
                Descend(i, true);
                FindSteps(i);
            }
        }
        for (uint64_t n = 0; n < 4ULL * m_I * m_E && Exchange(); n++)
        {
        }
        const double t = Total();
        if (t < bestT * (1 - SAME))
        {
            bestT = t;
            m_best = m_at;
            continue;
        }
        for (uint32_t i = 0; i < m_I; i++)
        {
            const auto from = m_best.begin() + std::size_t(i) * m_E;
            const auto to = m_at.begin() + std::size_t(i) * m_E;
            if (!std::equal(to, to + m_E, from))
            {
                std::copy(from, from + m_E, to);
                Refresh(i);
                FindSteps(i);
            }
        }
        CountHeld();
    }
    m_at = m_best;
    for (uint32_t i = 0; i < m_I; i++)
    {
        Refresh(i);
    }
    CountHeld();
}

void
PlacementSolver::BoundMemory(double upper)
{
    m_bestPrice.assign(m_K, 0);
    m_bestMultiplier = m_multiplier;
    const uint32_t rounds = m_param.maxIterations / 5;
    double scale = 1;
    for (uint32_t round = 0; round < rounds; round++)
    {
        std::fill(m_use.begin(), m_use.end(), 0.0);
        double total = 0;
        for (uint32_t i = 0; i < m_I; i++)
        {
            BoundBlock(i, 4);
            total += m_blockBound[i];
        }
        double square = 0;
        for (uint32_t k = 0; k < m_K; k++)
        {
            const double over = m_use[k] - static_cast<double>(m_room[k]);
            total -= m_memoryPrice[k] * static_cast<double>(m_room[k]);
            square += m_memoryPrice[k] > 0 || over > 0 ? over * over : 0;
        }
        if (total > m_bound)
        {
            m_bound = total;
            m_bestPrice = m_memoryPrice;
            m_bestMultiplier = m_multiplier;
        }
        else
        {
            scale *= 0.95;
        }
        if (square == 0)
        {
            break;
        }
        const double step = scale * std::max(upper - total, 0.0) / square; // Polyak's
        for (uint32_t k = 0; k < m_K; k++)
        {
            const double over = m_use[k] - static_cast<double>(m_room[k]);
            m_memoryPrice[k] = std::max(0.0, m_memoryPrice[k] + step * over);
        }
    }
    m_memoryPrice = m_bestPrice;
    m_multiplier = m_bestMultiplier;
}

void
PlacementSolver::Replicate()
{
    auto& r = m_result;
    const auto value = [this](uint32_t i, const std::vector<std::vector<uint32_t>>& block) {
        double t = 0;
        for (std::size_t s = 0; s < m_S; s++)
        {
            t +=
                m_weight[s] * ChooseHolders(*m_p, &m_p->load[(s * m_I + i) * m_E], block, m_choice);
        }
        return t;
    };
    m_gain.resize(m_I);
    for (uint32_t i = 0; i < m_I; i++)
    {
        m_gain[i] = value(i, r.placement[i]);
    }
    // block after block, each holder that gains most, until none does; blocks that gain most first
    // would need all of them anew each time, and memory seldom runs out between them
    for (uint32_t i = 0; i < m_I; i++)
    {
        for (uint32_t added = 0; added < m_E * (m_p->maxHolders - 1); added++)
        {
            double best = m_gain[i] * (1 - 1e-9);
            uint32_t expert = NONE;
            uint32_t device = NONE;
            for (uint32_t e = 0; e < m_E; e++)
            {
                auto& holders = r.placement[i][e];
                if (holders.size() >= m_p->maxHolders)
                {
                    continue;
                }
                for (uint32_t k = 0; k < m_K; k++)
                {
                    if (m_held[k] >= m_room[k] ||
                        std::find(holders.begin(), holders.end(), k) != holders.end())
                    {
                        continue;
                    }
                    holders.push_back(k);
                    const double t = value(i, r.placement[i]) + MoveCost(i, e, k);
                    holders.pop_back();
                    if (t < best)
                    {
                        best = t;
                        expert = e;
                        device = k;
                    }
                }
            }
            if (expert == NONE)
            {
                break;
            }
            r.placement[i][expert].push_back(device);
            m_held[device]++;
            m_gain[i] = value(i, r.placement[i]);
        }
    }
}

const PlacementResult&
PlacementSolver::Solve(const PlacementProblem& problem, const PlacementParam& param)
{
    m_p = &problem;
    m_param = param;
    auto& r = m_result;
    r.message = CheckPlacementProblem(problem);
    r.objectiveS = r.latencyS = r.lowerBoundS = r.gap = r.missingBytes = 0;
    r.moves = r.nodes = 0;
    if (!r.message.empty())
    {
        r.status = PlacementStatus::INVALID;
        r.placement.clear();
        return r;
    }
    m_I = problem.blocks;
    m_E = problem.experts;
    m_K = static_cast<uint32_t>(problem.devices.size());
    m_S = std::max<std::size_t>(problem.weight.size(), 1);
    m_R = problem.airS.size() / m_K;
    m_weight.assign(m_S, 1);
    std::copy(problem.weight.begin(), problem.weight.end(), m_weight.begin());
    m_random = param.seed;
    const uint64_t items = uint64_t(m_I) * m_E;
    m_room.resize(m_K);
    uint64_t room = 0;
    for (uint32_t k = 0; k < m_K; k++)
    {
        // a whole number of experts, whatever a quotient's last bit says
        const double fit = problem.expertBytes > 0
                               ? problem.devices[k].memoryBytes / problem.expertBytes
                               : static_cast<double>(items) * problem.maxHolders;
        const double most = static_cast<double>(items) * problem.maxHolders;
        m_room[k] = static_cast<uint64_t>(std::floor(std::min(fit * (1 + SAME), most)));
        room += m_room[k];
    }
    if (room < items)
    {
        r.status = PlacementStatus::INFEASIBLE;
        r.placement.clear();
        r.missingBytes = static_cast<double>(items - room) * problem.expertBytes;
        r.message =
            "memory holds " + std::to_string(room) + " of " + std::to_string(items) +
            " experts: " + std::to_string(static_cast<uint64_t>(std::ceil(r.missingBytes))) +
            " bytes are missing";
        return r;
    }
    m_move.clear();
    if (!problem.current.empty() && problem.moveWeight > 0)
    {
        m_move.resize(items * m_K);
        for (std::size_t n = 0; n < items; n++)
        {
            const auto& now = problem.current[n / m_E][n % m_E];
            for (uint32_t k = 0; k < m_K; k++)
            {
                const bool held = std::find(now.begin(), now.end(), k) != now.end();
                m_move[n * m_K + k] = held ? 0 : problem.moveWeight * problem.devices[k].moveS;
            }
        }
    }
    m_at.assign(items, 0);
    m_best.assign(items, 0);
    m_private.assign(m_S * m_I * m_K, 0);
    m_count.assign(m_S * m_I * m_K, 0);
    m_air.assign(m_S * m_I * m_R, 0);
    m_top.assign(m_S * m_I * 3, NONE);
    m_moved.assign(m_I, 0);
    m_held.assign(m_K, 0);
    m_blockBound.assign(m_I, 0);
    m_memoryPrice.assign(m_K, 0);
    const bool split = problem.maxHolders > 1 && m_S > 1;

    // 1. each block by itself
    Bound(param.maxIterations);
    bool exact = true;
    m_plainBound = m_blockBound;
    for (uint32_t i = 0; i < m_I; i++)
    {
        SearchBlock(i);
        bool proven = BlockObjective(i) <= m_blockBound[i] * (1 + SAME);
        if (!proven && !split && param.maxNodes > 0)
        {
            const uint64_t left = param.maxNodes - std::min(param.maxNodes, r.nodes);
            proven = BranchRange(i, i + 1, false, left / (m_I - i));
            m_plainBound[i] = proven ? BlockObjective(i) : m_plainBound[i];
        }
        exact = exact && proven;
    }
    m_bound = std::accumulate(m_plainBound.begin(), m_plainBound.end(), 0.0);
    CountHeld();

    // 2. memory
    if (!Fits())
    {
        exact = false;
        m_best = m_at;
        Repair();
        SearchAll();
        const double one = Total();
        m_save = m_at;
        std::fill(m_held.begin(), m_held.end(), 0);
        for (uint32_t i = 0; i < m_I; i++)
        {
            Construct(i, true);
        }
        SearchAll();
        if (one < Total())
        {
            m_at = m_save;
        }
        bool whole = !problem.current.empty();
        m_save = m_at;
        for (std::size_t n = 0; n < items && whole; n++)
        {
            const auto& now = problem.current[n / m_E][n % m_E];
            whole = !now.empty();
            m_save[n] = whole ? now[0] : 0;
        }
        for (uint32_t i = 0; i < m_I; i++)
        {
            Refresh(i);
        }
        CountHeld();
        if (whole)
        {
            const double two = Total();
            m_save.swap(m_at);
            for (uint32_t i = 0; i < m_I; i++)
            {
                Refresh(i);
            }
            CountHeld();
            if (Fits())
            {
                SearchAll();
            }
            if (!Fits() || two < Total())
            {
                m_at = m_save;
                for (uint32_t i = 0; i < m_I; i++)
                {
                    Refresh(i);
                }
                CountHeld();
            }
        }
        m_best = m_at;
        if (!split)
        {
            BoundMemory(Total());
            const uint64_t left = param.maxNodes - std::min(param.maxNodes, r.nodes);
            exact =
                Total() <= m_bound * (1 + SAME) || (left > 0 && BranchRange(0, m_I, true, left));
            CountHeld();
        }
    }
    r.placement.resize(m_I);
    for (uint32_t i = 0; i < m_I; i++)
    {
        r.placement[i].resize(m_E);
        for (uint32_t e = 0; e < m_E; e++)
        {
            r.placement[i][e].assign(1, m_at[std::size_t(i) * m_E + e]);
        }
    }

    // 3. more holders
    if (split)
    {
        Replicate();
    }
    r.objectiveS = PlacementObjective(problem, r.placement, &r.latencyS);
    r.lowerBoundS = exact && !split ? r.objectiveS : std::min(m_bound, r.objectiveS);
    r.gap = r.objectiveS > 0 ? 1 - r.lowerBoundS / r.objectiveS : 0;
    r.status = r.gap <= SAME ? PlacementStatus::OPTIMAL : PlacementStatus::HEURISTIC;
    for (uint32_t i = 0; !problem.current.empty() && i < m_I; i++)
    {
        for (uint32_t e = 0; e < m_E; e++)
        {
            const auto& now = problem.current[i][e];
            for (const auto k : r.placement[i][e])
            {
                r.moves += std::find(now.begin(), now.end(), k) == now.end();
            }
        }
    }
    return r;
}

void
PopularityEstimate::SetUp(uint32_t blocks, uint32_t experts, double forget, uint32_t samples)
{
    if (blocks == 0 || experts == 0 || !(forget > 0 && forget <= 1))
    {
        throw std::invalid_argument("PopularityEstimate: " + std::to_string(blocks) +
                                    " blocks of " + std::to_string(experts) +
                                    " experts, forgetting " + std::to_string(forget) +
                                    "; expected at least 1 of each, forgetting in (0, 1]");
    }
    m_blocks = blocks;
    m_experts = experts;
    m_forget = forget;
    m_samples = samples;
    Clear();
}

void
PopularityEstimate::Clear()
{
    m_sum.assign(std::size_t(m_blocks) * m_experts, 0);
    m_active.assign(m_blocks, 0);
    m_passes.assign(m_blocks, 0);
    m_seen.assign(m_blocks, 0);
    m_last.assign(m_blocks, std::vector<uint32_t>(std::size_t(m_samples) * m_experts, 0));
}

void
PopularityEstimate::Add(uint32_t block, const std::vector<uint32_t>& load)
{
    if (block >= m_blocks || load.size() != m_experts)
    {
        throw std::invalid_argument("PopularityEstimate::Add: block " + std::to_string(block) +
                                    " with " + std::to_string(load.size()) +
                                    " experts; expected a block below " + std::to_string(m_blocks) +
                                    " with " + std::to_string(m_experts));
    }
    for (uint32_t e = 0; e < m_experts; e++)
    {
        auto& sum = m_sum[std::size_t(block) * m_experts + e];
        sum = m_forget * sum + load[e];
    }
    m_active[block] = m_forget * m_active[block] +
                      static_cast<double>(load.size() - std::count(load.begin(), load.end(), 0U));
    m_passes[block] = m_forget * m_passes[block] + 1;
    if (m_samples > 0)
    {
        std::copy(load.begin(),
                  load.end(),
                  m_last[block].begin() + (m_seen[block] % m_samples) * m_experts);
    }
    m_seen[block]++;
}

double
PopularityEstimate::Share(uint32_t block, uint32_t expert) const
{
    const auto row = m_sum.begin() + std::size_t(block) * m_experts;
    const double all = std::accumulate(row, row + m_experts, 0.0);
    return all > 0 ? row[expert] / all : 1.0 / m_experts;
}

double
PopularityEstimate::Pairs(uint32_t block) const
{
    const auto row = m_sum.begin() + std::size_t(block) * m_experts;
    return m_passes[block] > 0 ? std::accumulate(row, row + m_experts, 0.0) / m_passes[block] : 0;
}

double
PopularityEstimate::Active(uint32_t block) const
{
    return m_passes[block] > 0 ? m_active[block] / m_passes[block] : 0;
}

uint64_t
PopularityEstimate::Passes() const
{
    return m_seen.empty() ? 0 : *std::min_element(m_seen.begin(), m_seen.end());
}

void
PopularityEstimate::Fill(PlacementProblem& problem, bool samples) const
{
    problem.blocks = m_blocks;
    problem.experts = m_experts;
    problem.weight.clear();
    const auto kept = std::min<uint64_t>(Passes(), m_samples);
    if (samples && kept > 0)
    {
        problem.weight.assign(kept, 1.0 / static_cast<double>(kept));
        problem.load.clear();
        for (uint64_t s = 0; s < kept; s++)
        {
            for (uint32_t i = 0; i < m_blocks; i++)
            {
                const auto at = (m_seen[i] - 1 - s) % m_samples * m_experts;
                problem.load.insert(problem.load.end(),
                                    m_last[i].begin() + at,
                                    m_last[i].begin() + at + m_experts);
            }
        }
        return;
    }
    double mean = 0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < m_blocks; i++)
    {
        mean += Pairs(i);
        known += Pairs(i) > 0;
    }
    mean = known > 0 ? mean / known : m_experts;
    problem.load.resize(std::size_t(m_blocks) * m_experts);
    for (uint32_t i = 0; i < m_blocks; i++)
    {
        const double pairs = Pairs(i) > 0 ? Pairs(i) : mean;
        for (uint32_t e = 0; e < m_experts; e++)
        {
            problem.load[std::size_t(i) * m_experts + e] = pairs * Share(i, e);
        }
    }
}

} // namespace wdmoe
