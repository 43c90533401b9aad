/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// Distances from the optimum and from the bound are printed where WDMOE_VERBOSE is set.

#include "wdmoe-test-support.h"

#include "ns3/test.h"
#include "ns3/wdmoe-allocation.h"
#include "ns3/wdmoe-flow-shop.h"
#include "ns3/wdmoe-latency.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace ns3;
using namespace wdmoe;

namespace
{

const double INF = std::numeric_limits<double>::infinity(); ///< infinite

std::atomic<std::size_t> g_allocations{0}; ///< how often memory was asked for, in all threads

} // namespace

// not inlined, or gcc takes malloc() and free() for two that do not match
/// Counts. @param size bytes @return memory
[[gnu::noinline]] void*
operator new(std::size_t size)
{
    ++g_allocations;
    if (void* const memory = std::malloc(size > 0 ? size : 1))
    {
        return memory;
    }
    throw std::bad_alloc();
}

std::size_t WdmoeAllocations();

/// @return how often memory was asked for, for the other suites
std::size_t
WdmoeAllocations()
{
    return g_allocations;
}

/// @param memory from the operator above
[[gnu::noinline]] void
operator delete(void* memory) noexcept
{
    std::free(memory);
}

/// @param memory from the operator above
[[gnu::noinline]] void
operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

std::size_t
WdmoeHeapAllocations()
{
    return g_allocations;
}

namespace
{

/// @return a number in [a, b). @param engine random bits @param a lowest @param b highest
double
Uniform(std::mt19937_64& engine, double a, double b)
{
    return a + (b - a) * static_cast<double>(engine() >> 11) * 0x1p-53;
}

/// @return a whole number below n. @param engine random bits @param n > 0
std::size_t
Below(std::mt19937_64& engine, std::size_t n)
{
    return engine() % n;
}

/// @return relative difference. @param a value @param b value
double
Difference(double a, double b)
{
    return a == b ? 0 : std::abs(a - b) / std::max(std::abs(a), std::abs(b));
}

/// @return whether to print
bool
IsVerbose()
{
    return std::getenv("WDMOE_VERBOSE") != nullptr;
}

/// @return the value below which a part of the values is. @param values any @param part in [0, 1]
double
Quantile(std::vector<double> values, double part)
{
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

/// @return a device with laws of 1 bit/s/Hz, no fixed times
ShopDevice
PlainDevice()
{
    ShopDevice d;
    d.downlinkLaw = RateLaw::Linear(1);
    d.uplinkLaw = RateLaw::Linear(1);
    return d;
}

/// @return a problem of one block with 1 Hz each way: bits are seconds. @param devices K
ShopProblem
PlainProblem(std::size_t devices)
{
    ShopProblem p;
    p.devices.assign(devices, PlainDevice());
    p.blockWeight = {1};
    p.downlinkHz = 1;
    p.uplinkHz = 1;
    return p;
}

/// Add a task with one cut. @param p the problem @param device whose @param pieces its pieces
/// @param block of which block @param release s
void
AddTask(ShopProblem& p,
        uint32_t device,
        const std::vector<ShopPiece>& pieces,
        uint32_t block = 0,
        double release = 0)
{
    p.tasks.push_back({device, block, release, {pieces}});
}

/// @return a plan in which all share alike. @param p the problem
ShopPlan
EqualPlan(const ShopProblem& p)
{
    ShopPlan plan;
    plan.cut.assign(p.tasks.size(), 0);
    plan.downlink.assign(p.devices.size(), ShopShare{0, 1, 0});
    plan.uplink = plan.downlink;
    return plan;
}

/// @return a plan in which the first device is first. @param p the problem
ShopPlan
SerialPlan(const ShopProblem& p)
{
    ShopPlan plan = EqualPlan(p);
    for (std::size_t k = 0; k < p.devices.size(); ++k)
    {
        plan.downlink[k].priority = -static_cast<int32_t>(k);
        plan.uplink[k].priority = -static_cast<int32_t>(k);
    }
    return plan;
}

/// @return what a plan comes to. @param p the problem @param plan any
ShopOutcome
Evaluate(const ShopProblem& p, const ShopPlan& plan)
{
    ShopOutcome outcome;
    ShopEvaluator().Evaluate(p, plan, outcome);
    return outcome;
}

/**
 * The model once more, by its definition: from moment to moment, everything computed again, both
 * directions together.
 */
class Reference
{
  public:
    std::vector<ShopTimes> pieces; ///< by task, then piece
    std::vector<double> blockEndS; ///< by block
    double hertzSeconds[2]{0, 0};  ///< granted, by direction
    double largestShare{0};        ///< sum over all that take from one budget
    double endS{0};                ///< of all events

    /// @param p the problem @param plan any
    Reference(const ShopProblem& p, const ShopPlan& plan)
        : blockEndS(p.blockWeight.size(), 0),
          m_p(p),
          m_plan(plan),
          m_k(p.devices.size())
    {
        for (uint32_t t = 0; t < p.tasks.size(); ++t)
        {
            const auto& cut = p.tasks[t].cuts[plan.cut[t]];
            for (uint32_t i = 0; i < cut.size(); ++i)
            {
                m_k[p.tasks[t].device].queue.push_back(pieces.size());
                pieces.push_back({t, i, INF, INF, INF, INF, INF, INF});
                m_piece.push_back(cut[i]);
            }
        }
        while (Step())
        {
        }
        for (std::size_t i = 0; i < pieces.size(); ++i)
        {
            double& end = blockEndS[p.tasks[pieces[i].task].block];
            end = std::max(end, pieces[i].uplinkEndS);
        }
    }

  private:
    /// One device
    struct State
    {
        std::vector<std::size_t> queue; ///< its pieces
        std::size_t down{0};            ///< first that is not sent
        std::size_t compute{0};         ///< first of which it is not known when it is computed
        std::size_t up{0};              ///< first that is not answered
        double free{0};                 ///< compute unit
        double left[2]{-1, -1};         ///< bits of the first; < 0: not touched yet
        bool queued{false};             ///< something is in its uplink queue
        double gate{0};                 ///< not before that
    };

    /// @return earliest start of a piece. @param s the device @param place in its queue
    double Release(const State& s, std::size_t place) const
    {
        double release = 0;
        for (std::size_t i = 0; i <= place; ++i)
        {
            release = std::max(release, m_p.tasks[pieces[s.queue[i]].task].releaseS);
        }
        return release;
    }

    /// What takes no time. @param k a device
    void Settle(std::size_t k)
    {
        State& s = m_k[k];
        const ShopDevice& d = m_p.devices[k];
        while (s.down < s.queue.size() && m_piece[s.queue[s.down]].downlinkBits == 0 &&
               Release(s, s.down) <= m_now)
        {
            ShopTimes& t = pieces[s.queue[s.down++]];
            t.downlinkStartS = t.downlinkEndS = m_now;
        }
        while (s.compute < s.down)
        {
            const ShopPiece& piece = m_piece[s.queue[s.compute]];
            ShopTimes& t = pieces[s.queue[s.compute++]];
            t.computeStartS =
                std::max({t.downlinkEndS, s.free, piece.computeS > 0 ? d.busyS : 0.0});
            s.free = t.computeEndS = t.computeStartS + piece.computeS;
            if (piece.uplinkBits == 0)
            {
                t.uplinkStartS = t.uplinkEndS = t.computeEndS;
            }
        }
        while (s.up < s.compute && m_piece[s.queue[s.up]].uplinkBits == 0)
        {
            ++s.up;
        }
        if (!s.queued && s.up < s.compute && pieces[s.queue[s.up]].computeEndS <= m_now)
        {
            s.queued = true;
            s.gate = pieces[s.queue[s.up]].computeEndS + d.uplinkRequestS;
        }
    }

    /// @return whether it has bits to send now. @param k a device @param direction 1: uplink
    bool IsActive(std::size_t k, int direction) const
    {
        const State& s = m_k[k];
        return direction == 0 ? s.down < s.queue.size() && Release(s, s.down) <= m_now
                              : s.queued && s.gate <= m_now;
    }

    /// @return its share. @param k a device @param direction 1: uplink
    const ShopShare& Share(std::size_t k, int direction) const
    {
        return direction == 0 || m_p.coupled ? m_plan.downlink[k] : m_plan.uplink[k];
    }

    /// @return whether there is more to come
    bool Step()
    {
        for (std::size_t k = 0; k < m_k.size(); ++k)
        {
            Settle(k);
        }
        // the definition of a division
        double left[2] = {1, 1};
        double guaranteed[2] = {0, 0};
        double weights[2] = {0, 0};
        int64_t top[2] = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::min()};
        for (int pass = 0; pass < 2; ++pass)
        {
            for (int direction = 0; direction < 2; ++direction)
            {
                const int pool = m_p.halfDuplex ? 0 : direction;
                for (std::size_t k = 0; k < m_k.size(); ++k)
                {
                    const ShopShare& s = Share(k, direction);
                    if (!IsActive(k, direction))
                    {
                        continue;
                    }
                    if (pass == 0)
                    {
                        guaranteed[pool] += s.guaranteed;
                        top[pool] =
                            s.weight > 0 ? std::max<int64_t>(top[pool], s.priority) : top[pool];
                    }
                    else
                    {
                        weights[pool] += s.priority == top[pool] ? s.weight : 0;
                    }
                }
                left[pool] = std::max(0.0, 1 - guaranteed[pool]);
            }
        }
        double next = INF;
        std::vector<double> rate(2 * m_k.size(), 0);
        double sum[2] = {0, 0};
        for (int direction = 0; direction < 2; ++direction)
        {
            const int pool = m_p.halfDuplex ? 0 : direction;
            const double budget =
                direction == 0 || m_p.coupled || m_p.halfDuplex ? m_p.downlinkHz : m_p.uplinkHz;
            for (std::size_t k = 0; k < m_k.size(); ++k)
            {
                if (!IsActive(k, direction))
                {
                    continue;
                }
                State& s = m_k[k];
                const std::size_t at = s.queue[direction == 0 ? s.down : s.up];
                const ShopShare& share = Share(k, direction);
                double part = share.guaranteed / std::max(1.0, guaranteed[pool]);
                if (share.weight > 0 && share.priority == top[pool])
                {
                    part += left[pool] * share.weight / weights[pool];
                }
                sum[pool] += part;
                const RateLaw& law =
                    direction == 0 ? m_p.devices[k].downlinkLaw : m_p.devices[k].uplinkLaw;
                const double r = law.Rate(part * budget);
                if (s.left[direction] < 0)
                {
                    s.left[direction] =
                        direction == 0 ? m_piece[at].downlinkBits : m_piece[at].uplinkBits;
                }
                if (r > 0)
                {
                    double& start =
                        direction == 0 ? pieces[at].downlinkStartS : pieces[at].uplinkStartS;
                    start = std::min(start, m_now);
                    next = std::min(next, m_now + s.left[direction] / r);
                }
                rate[2 * k + direction] = r;
            }
        }
        largestShare = std::max({largestShare, sum[0], sum[1]});
        for (const State& s : m_k)
        {
            std::vector<double> times;
            if (s.down < s.queue.size())
            {
                times.push_back(Release(s, s.down));
            }
            if (s.up < s.compute)
            {
                times.push_back(pieces[s.queue[s.up]].computeEndS);
            }
            if (s.queued)
            {
                times.push_back(s.gate);
            }
            for (const double t : times)
            {
                next = t > m_now ? std::min(next, t) : next;
            }
        }
        if (next == INF)
        {
            return false;
        }
        for (std::size_t k = 0; k < m_k.size(); ++k)
        {
            State& s = m_k[k];
            for (int direction = 0; direction < 2; ++direction)
            {
                const double r = rate[2 * k + direction];
                if (r <= 0)
                {
                    continue;
                }
                if (m_now + s.left[direction] / r > next)
                {
                    s.left[direction] -= r * (next - m_now);
                    continue;
                }
                s.left[direction] = -1;
                if (direction == 0)
                {
                    pieces[s.queue[s.down++]].downlinkEndS = next + m_p.devices[k].downlinkFixedS;
                    continue;
                }
                pieces[s.queue[s.up++]].uplinkEndS = next + m_p.devices[k].uplinkFixedS;
                while (s.up < s.compute && m_piece[s.queue[s.up]].uplinkBits == 0)
                {
                    ++s.up;
                }
                s.queued =
                    s.up < s.compute && pieces[s.queue[s.up]].computeEndS <= next * (1 + 1e-12);
            }
        }
        for (int pool = 0; pool < 2; ++pool)
        {
            hertzSeconds[pool] += sum[pool] * (next - m_now);
        }
        m_now = endS = next;
        return true;
    }

    const ShopProblem& m_p;         ///< the problem
    const ShopPlan& m_plan;         ///< followed
    std::vector<State> m_k;         ///< devices
    std::vector<ShopPiece> m_piece; ///< as pieces
    double m_now{0};                ///< s
};

/// Which laws random devices have
enum class Laws
{
    LINEAR,  ///< both directions
    UPLINK,  ///< linear downlink, concave uplink
    CONCAVE, ///< both directions
    MIXED    ///< each as it comes
};

/// @return a law. @param engine random bits @param linear of that kind
RateLaw
RandomLaw(std::mt19937_64& engine, bool linear)
{
    if (linear)
    {
        return RateLaw::Linear(Uniform(engine, 0.5, 5));
    }
    const double gain = std::pow(10, Uniform(engine, 6, 8.5));
    const double cap = Below(engine, 2) == 0 ? INF : Uniform(engine, 1, 6);
    return RateLaw::Shannon(gain, cap, Uniform(engine, 0.5, 1));
}

/**
 * @param engine random bits
 * @param devices K
 * @param cuts of each task at most
 * @param blocks B
 * @param laws which
 * @param plain whether there are no odd things: pieces without bits, one budget for both directions
 * @return a problem
 */
ShopProblem
RandomProblem(std::mt19937_64& engine,
              std::size_t devices,
              std::size_t cuts,
              std::size_t blocks,
              Laws laws,
              bool plain)
{
    ShopProblem p;
    p.downlinkHz = 10e6;
    p.uplinkHz = Uniform(engine, 5e6, 20e6);
    const std::size_t kind = plain ? 2 : Below(engine, 8);
    p.coupled = kind == 0;
    p.halfDuplex = kind == 1;
    for (std::size_t b = 0; b < blocks; ++b)
    {
        p.blockWeight.push_back(Below(engine, 2) == 0 ? 1 : Uniform(engine, 0.5, 2));
    }
    const bool fixed = Below(engine, 2) == 0;
    for (uint32_t k = 0; k < devices; ++k)
    {
        ShopDevice d;
        const bool mixed = laws == Laws::MIXED;
        d.downlinkLaw = RandomLaw(engine, mixed ? Below(engine, 2) : laws != Laws::CONCAVE);
        d.uplinkLaw = RandomLaw(engine, mixed ? Below(engine, 2) : laws == Laws::LINEAR);
        if (fixed)
        {
            d.downlinkFixedS = Uniform(engine, 0, 0.01);
            d.uplinkRequestS = Uniform(engine, 0, 0.01);
            d.uplinkFixedS = Uniform(engine, 0, 0.01);
        }
        d.busyS = Below(engine, 4) == 0 ? Uniform(engine, 0, 0.1) : 0;
        p.devices.push_back(d);
    }
    for (uint32_t b = 0; b < blocks; ++b)
    {
        for (uint32_t k = 0; k < devices; ++k)
        {
            if (Below(engine, 8) == 0 && !(plain && b == 0))
            {
                continue;
            }
            ShopTask t;
            t.device = k;
            t.block = b;
            t.releaseS = Below(engine, 3) == 0 ? Uniform(engine, 0, 0.1) : 0;
            const double bits = std::pow(10, Uniform(engine, 5, 6.5));
            const double compute = std::pow(10, Uniform(engine, -2.5, -0.5));
            const double answer = bits * (plain ? 1 : Uniform(engine, 0.3, 2));
            const std::size_t odd = plain ? 9 : Below(engine, 10);
            const std::size_t most = 1 + Below(engine, cuts);
            for (std::size_t n = 1, c = 0; c < most; n *= 2, ++c)
            {
                const auto pieces = static_cast<double>(n);
                std::vector<ShopPiece> cut;
                for (std::size_t i = 0; i < n; ++i)
                {
                    const double size = plain ? 1 : Uniform(engine, 0.5, 1.5);
                    cut.push_back({odd == 0 || (odd == 3 && i == 0) ? 0 : bits / pieces * size,
                                   odd == 1 ? 0 : compute * (1 + 0.1 * (pieces - 1)) / pieces,
                                   odd == 2 || (odd == 4 && i == 0) ? 0 : answer / pieces * size});
                }
                t.cuts.push_back(cut);
            }
            p.tasks.push_back(t);
        }
    }
    return p;
}

/// @return any plan. @param engine random bits @param p the problem
ShopPlan
RandomPlan(std::mt19937_64& engine, const ShopProblem& p)
{
    ShopPlan plan = EqualPlan(p);
    for (std::size_t t = 0; t < p.tasks.size(); ++t)
    {
        plan.cut[t] = Below(engine, p.tasks[t].cuts.size());
    }
    const auto size = static_cast<double>(p.devices.size());
    const bool guaranteed = Below(engine, 2) == 0;
    const bool equal = Below(engine, 2) == 0;
    const std::size_t levels = 1 + Below(engine, 4);
    for (auto* shares : {&plan.downlink, &plan.uplink})
    {
        for (ShopShare& s : *shares)
        {
            s.guaranteed = guaranteed ? Uniform(engine, 0, 1 / size) : 0;
            s.weight = equal ? 1 : Uniform(engine, 0, 1);
            s.weight = Below(engine, 16) == 0 ? 0 : s.weight;
            s.priority = static_cast<int32_t>(Below(engine, levels)) - 1;
        }
    }
    return plan;
}

/// @return weights by what each device needs of a direction, for its first cuts. @param p the
/// problem @param direction 1: uplink
std::vector<double>
NeedWeights(const ShopProblem& p, int direction)
{
    const std::size_t size = p.devices.size();
    const double hz[] = {p.downlinkHz, p.coupled || p.halfDuplex ? p.downlinkHz : p.uplinkHz};
    std::vector<double> bits(size, 0);
    std::vector<double> rest(size, 0);
    double longest = 0;
    for (std::size_t k = 0; k < size; ++k)
    {
        const ShopDevice& d = p.devices[k];
        double sum[2] = {0, 0};
        rest[k] = d.downlinkFixedS + d.uplinkRequestS + d.uplinkFixedS;
        for (const auto& t : p.tasks)
        {
            for (const auto& piece : t.cuts[0])
            {
                sum[0] += t.device == k ? piece.downlinkBits : 0;
                sum[1] += t.device == k ? piece.uplinkBits : 0;
                rest[k] += t.device == k ? piece.computeS : 0;
            }
        }
        const double times[2] = {sum[0] / d.downlinkLaw.Rate(hz[0]),
                                 sum[1] / d.uplinkLaw.Rate(hz[1])};
        bits[k] = sum[direction];
        rest[k] += times[1 - direction];
        longest = std::max(longest, rest[k] + times[direction]);
    }
    std::vector<double> weights(size, 1);
    for (std::size_t k = 0; k < size; ++k)
    {
        const ShopDevice& d = p.devices[k];
        const RateLaw& law = direction == 0 ? d.downlinkLaw : d.uplinkLaw;
        if (bits[k] > 0)
        {
            weights[k] = law.Bandwidth(bits[k] / (1.25 * longest - rest[k])) *
                         static_cast<double>(size) / hz[direction];
        }
    }
    return weights;
}

/// @return all ways to divide a direction, as the family has them. @param p the problem
/// @param direction 1: uplink
std::vector<std::vector<ShopShare>>
AllDivisions(const ShopProblem& p, int direction)
{
    const std::size_t size = p.devices.size();
    bool linear = true;
    for (const auto& t : p.tasks)
    {
        double bits[2] = {0, 0};
        for (const auto& cut : t.cuts)
        {
            for (const auto& piece : cut)
            {
                bits[0] += piece.downlinkBits;
                bits[1] += piece.uplinkBits;
            }
        }
        const auto& d = p.devices[t.device];
        const double up = p.coupled || p.halfDuplex ? p.downlinkHz : p.uplinkHz;
        for (int i = 0; i < 2; ++i)
        {
            if (bits[i] > 0 && (i == direction || p.coupled))
            {
                linear = linear &&
                         IsLinear(i == 0 ? d.downlinkLaw : d.uplinkLaw, i == 0 ? p.downlinkHz : up);
            }
        }
    }
    std::vector<std::vector<ShopShare>> all;
    if (linear)
    {
        std::vector<int32_t> priority(size);
        std::iota(priority.begin(), priority.end(), 1);
        do
        {
            auto& shares = all.emplace_back(size, ShopShare{0, 1, 0});
            for (std::size_t k = 0; k < size; ++k)
            {
                shares[k].priority = priority[k];
            }
        } while (std::next_permutation(priority.begin(), priority.end()));
    }
    if (!linear || (direction == 1 && !p.coupled))
    {
        all.emplace_back(size, ShopShare{0, 1, 0});
    }
    if (!linear)
    {
        auto& shares = all.emplace_back(size, ShopShare{0, 1, 0});
        const auto weights = NeedWeights(p, direction);
        for (std::size_t k = 0; k < size; ++k)
        {
            shares[k].weight = weights[k];
        }
    }
    return all;
}

/// @return cost of the best plan of the family, looking at all of it. @param p the problem
double
ExhaustiveCost(const ShopProblem& p)
{
    const auto downlinks = AllDivisions(p, 0);
    const auto uplinks = p.coupled ? downlinks : AllDivisions(p, 1);
    const auto size = static_cast<int32_t>(p.devices.size());
    ShopEvaluator evaluator;
    ShopOutcome outcome;
    ShopPlan plan = EqualPlan(p);
    double best = INF;
    for (;;)
    {
        for (const auto& downlink : downlinks)
        {
            plan.downlink = downlink;
            for (std::size_t u = 0; u < (p.coupled ? 1 : uplinks.size()); ++u)
            {
                for (int32_t base = -1; base <= 1; ++base)
                {
                    if (base != 0 && (!p.halfDuplex || p.coupled))
                    {
                        continue;
                    }
                    plan.uplink = uplinks[u];
                    for (auto& s : plan.uplink)
                    {
                        s.priority += base * (size + 1);
                    }
                    evaluator.Evaluate(p, plan, outcome);
                    best = std::min(best, outcome.costS);
                }
            }
        }
        std::size_t t = 0;
        while (t < p.tasks.size() && ++plan.cut[t] == p.tasks[t].cuts.size())
        {
            plan.cut[t++] = 0;
        }
        if (t == p.tasks.size())
        {
            return best;
        }
    }
}

} // namespace

/**
 * @ingroup wdmoe-tests
 *
 * Plans that can be followed by hand.
 */
class WdmoeShopClosedFormTestCase : public TestCase
{
  public:
    WdmoeShopClosedFormTestCase()
        : TestCase("flow shop: closed forms")
    {
    }

  private:
    void DoRun() override
    {
        OneDevice();
        Johnson();
        Pipelined();
        StaticOptimum();
        Request();
        InOrder();
        OneBudget();
        Degenerate();
    }

    /// All stages, one after another
    void OneDevice()
    {
        ShopProblem p = PlainProblem(1);
        p.devices[0].downlinkFixedS = 0.25;
        p.devices[0].uplinkRequestS = 0.5;
        p.devices[0].uplinkFixedS = 0.125;
        AddTask(p, 0, {{2, 3, 4}}, 0, 1);
        p.blockWeight[0] = 2;
        ShopOutcome o = Evaluate(p, SerialPlan(p));
        const ShopTimes t = o.pieces.at(0);
        NS_TEST_EXPECT_MSG_EQ_TOL(t.downlinkStartS, 1, 1e-12, "released");
        NS_TEST_EXPECT_MSG_EQ_TOL(t.downlinkEndS, 3.25, 1e-12, "2 s and a fixed delay");
        NS_TEST_EXPECT_MSG_EQ_TOL(t.computeStartS, 3.25, 1e-12, "at once");
        NS_TEST_EXPECT_MSG_EQ_TOL(t.computeEndS, 6.25, 1e-12, "3 s");
        NS_TEST_EXPECT_MSG_EQ_TOL(t.uplinkStartS, 6.75, 1e-12, "the request");
        NS_TEST_EXPECT_MSG_EQ_TOL(t.uplinkEndS, 10.875, 1e-12, "4 s and a fixed delay");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.costS, 21.75, 1e-12, "weighted");
        NS_TEST_EXPECT_MSG_EQ_TOL(ShopLowerBound(p), 21.75, 1e-12, "nothing else to do");

        p.devices[0].busyS = 5;
        o = Evaluate(p, SerialPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].computeStartS, 5, 1e-12, "taken until then");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.blockEndS[0], 12.625, 1e-12, "and so the rest is later");

        // nothing to send, nothing to compute, no answer
        p = PlainProblem(1);
        p.devices[0].downlinkFixedS = 7;
        p.devices[0].busyS = 9;
        AddTask(p, 0, {{0, 0, 1}, {0, 1, 0}});
        o = Evaluate(p, SerialPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].downlinkEndS, 0, 1e-12, "it is there already");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].computeEndS, 0, 1e-12, "it is computed already");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].uplinkEndS, 1, 1e-12, "its answer goes at once");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkEndS, 10, 1e-12, "ends with the computation");
    }

    /// Two jobs, in Johnson's order and in the other
    void Johnson()
    {
        ShopProblem p = PlainProblem(2);
        AddTask(p, 0, {{4, 1, 1}});
        AddTask(p, 1, {{1, 1, 4}});
        ShopPlan plan = SerialPlan(p);
        // device 0: 4, 5, 6; device 1: 5, 6, 10
        NS_TEST_EXPECT_MSG_EQ_TOL(Evaluate(p, plan).costS, 10, 1e-12, "the wrong way round");
        std::swap(plan.downlink[0], plan.downlink[1]);
        std::swap(plan.uplink[0], plan.uplink[1]);
        // device 1: 1, 2, 6; device 0: 5, 6, 7
        NS_TEST_EXPECT_MSG_EQ_TOL(Evaluate(p, plan).costS, 7, 1e-12, "Johnson's order");
        ShopPlanner planner;
        for (const uint32_t exact : {0, 1000})
        {
            ShopParam param;
            param.exactEvaluations = exact;
            const ShopResult& r = planner.Plan(p, param);
            NS_TEST_EXPECT_MSG_EQ((r.status == ShopStatus::PLANNED), true, r.message);
            NS_TEST_EXPECT_MSG_EQ_TOL(r.outcome.costS, 7, 1e-12, "the planner finds it");
            NS_TEST_EXPECT_MSG_EQ(r.exact, (exact > 0), "as asked for");
            NS_TEST_EXPECT_MSG_GT(r.plan.downlink[1].priority,
                                  r.plan.downlink[0].priority,
                                  "the short one is first");
            NS_TEST_EXPECT_MSG_EQ_TOL(r.lowerBoundS, 7, 1e-12, "1 + 1 before 5 s of answers");
            NS_TEST_EXPECT_MSG_EQ_TOL(r.Gap(), 0, 1e-12, "so that is proved");
        }
        // equal shares: downlinks end at 2 and 5, answers are ready at 3 and 6, 3 s of 4 are sent
        // then, and half the band is left for either
        NS_TEST_EXPECT_MSG_EQ_TOL(Evaluate(p, EqualPlan(p)).costS, 8, 1e-12, "shared");
        const ShopOutcome o = Evaluate(p, EqualPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].downlinkEndS, 2, 1e-12, "half the rate");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].downlinkEndS, 5, 1e-12, "half, then all");
    }

    /// Equal pieces overlap
    void Pipelined()
    {
        for (const StageTimes& s :
             {StageTimes{3, 1, 2}, StageTimes{1, 4, 2}, StageTimes{1, 2, 5}, StageTimes{2, 2, 2}})
        {
            for (std::size_t n = 1; n <= 16; n *= 2)
            {
                const auto m = static_cast<double>(n);
                ShopProblem p = PlainProblem(1);
                AddTask(
                    p,
                    0,
                    std::vector<ShopPiece>(n, {s.downlinkS / m, s.computeS / m, s.uplinkS / m}));
                NS_TEST_EXPECT_MSG_EQ_TOL(Evaluate(p, EqualPlan(p)).costS,
                                          PipelinedLatency(s, n),
                                          1e-12,
                                          n << " pieces");
                NS_TEST_EXPECT_MSG_EQ_TOL(ShopLowerBound(p),
                                          PipelinedLatency(s, n),
                                          1e-12,
                                          n << " pieces: there is no other way");
            }
        }
    }

    /// Strict shares give the times that they were computed for
    void StaticOptimum()
    {
        std::mt19937_64 engine(1);
        for (const bool coupled : {false, true})
        {
            for (const Laws laws : {Laws::LINEAR, Laws::CONCAVE, Laws::MIXED})
            {
                const std::size_t size = 6;
                ShopProblem p = RandomProblem(engine, size, 1, 1, laws, true);
                p.coupled = coupled;
                p.blockWeight = {1};
                AllocationProblem a;
                a.coupled = coupled;
                a.downlinkHz = p.downlinkHz;
                a.uplinkHz = p.uplinkHz;
                for (std::size_t k = 0; k < size; ++k)
                {
                    p.devices[k].busyS = 0;
                    p.tasks[k].releaseS = 0;
                    const ShopPiece& piece = p.tasks[k].cuts[0][0];
                    const ShopDevice& d = p.devices[k];
                    a.downlinkBits.push_back(piece.downlinkBits);
                    a.uplinkBits.push_back(piece.uplinkBits);
                    a.computeS.push_back(piece.computeS + d.downlinkFixedS + d.uplinkRequestS +
                                         d.uplinkFixedS);
                    a.downlinkLaw.push_back(d.downlinkLaw);
                    a.uplinkLaw.push_back(d.uplinkLaw);
                }
                const auto r = AllocateMinMax(a);
                ShopPlan plan = EqualPlan(p);
                for (std::size_t k = 0; k < size; ++k)
                {
                    plan.downlink[k] = {r.downlinkHz[k] / p.downlinkHz, 0, 0};
                    plan.uplink[k] = {r.uplinkHz[k] / p.uplinkHz, 0, 0};
                }
                const ShopOutcome o = Evaluate(p, plan);
                NS_TEST_EXPECT_MSG_EQ_TOL(o.costS / r.timeS, 1, 1e-9, "the static optimum");
                for (const ShopTimes& t : o.pieces)
                {
                    NS_TEST_EXPECT_MSG_EQ_TOL(t.uplinkEndS / r.timeS, 1, 1e-6, "all at once");
                }
                NS_TEST_EXPECT_MSG_LT(ShopLowerBound(p), r.timeS * (1 + 1e-9), "a bound");
            }
        }
    }

    /// Who has to ask for the uplink
    void Request()
    {
        ShopProblem p = PlainProblem(1);
        p.devices[0].uplinkRequestS = 2;
        // ready at 0, 1 and 6; asks until 2; sends until 3, 4; is idle; asks from 6 to 8
        AddTask(p, 0, {{0, 0, 1}, {0, 1, 1}, {0, 5, 1}});
        ShopOutcome o = Evaluate(p, EqualPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].uplinkStartS, 2, 1e-12, "asks");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkStartS, 3, 1e-12, "ready during the wait");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[2].uplinkStartS, 8, 1e-12, "asks again");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.costS, 9, 1e-12, "end");
        // while it asks, another one has the band
        p.devices.push_back(PlainDevice());
        AddTask(p, 1, {{0, 0, 4}});
        o = Evaluate(p, EqualPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[3].uplinkStartS, 0, 1e-12, "does not ask");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[3].uplinkEndS, 6, 1e-12, "alone until 2, then half");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkEndS, 6, 1e-12, "half the band");
    }

    /// In order of the tasks, in each stage
    void InOrder()
    {
        ShopProblem p = PlainProblem(1);
        p.blockWeight = {1, 1};
        AddTask(p, 0, {{1, 1, 1}}, 1, 5);
        AddTask(p, 0, {{1, 1, 1}}, 0, 0);
        const ShopOutcome o = Evaluate(p, EqualPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].uplinkEndS, 8, 1e-12, "the first task");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].downlinkStartS, 6, 1e-12, "waits for it");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.blockEndS[0], 9, 1e-12, "the second one's block");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.blockEndS[1], 8, 1e-12, "the first one's block");
        NS_TEST_EXPECT_MSG_EQ_TOL(ShopLowerBound(p), 17, 1e-12, "there is no other way");

        // tasks of a device need not be neighbours; times are given by task
        ShopProblem q = PlainProblem(2);
        AddTask(q, 1, {{1, 0, 0}, {1, 0, 0}});
        AddTask(q, 0, {{2, 0, 0}});
        AddTask(q, 1, {{4, 0, 0}});
        const ShopOutcome r = Evaluate(q, SerialPlan(q));
        const double ends[] = {3, 4, 2, 8};
        NS_TEST_ASSERT_MSG_EQ(r.pieces.size(), 4, "pieces");
        for (std::size_t i = 0; i < 4; ++i)
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(r.pieces[i].downlinkEndS, ends[i], 1e-12, "piece " << i);
        }
        NS_TEST_EXPECT_MSG_EQ(r.pieces[1].piece, 1, "second piece of the first task");
        NS_TEST_EXPECT_MSG_EQ(r.pieces[3].task, 2, "third task");
    }

    /// Both directions from one budget, and one share for both
    void OneBudget()
    {
        ShopProblem p = PlainProblem(2);
        p.uplinkHz = -1; // not used
        p.halfDuplex = true;
        AddTask(p, 0, {{0, 0, 4}});
        AddTask(p, 1, {{2, 0, 0}});
        NS_TEST_EXPECT_MSG_EQ(CheckShop(p), "", "the uplink budget is not used");
        ShopOutcome o = Evaluate(p, EqualPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkEndS, 4, 1e-12, "half the band");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].uplinkEndS, 6, 1e-12, "half, then all");
        o = Evaluate(p, SerialPlan(p));
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].uplinkEndS, 4, 1e-12, "first");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkEndS, 6, 1e-12, "second");

        p.halfDuplex = false;
        p.coupled = true;
        ShopPlan plan = EqualPlan(p);
        plan.downlink[0] = {0.25, 0, 0};
        plan.uplink[0] = {1, 0, 0}; // not used
        o = Evaluate(p, plan);
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[0].uplinkEndS, 16, 1e-12, "share of the downlink");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkEndS, 2, 1e-12, "a budget of its own");
    }

    /// Nothing to do, and what never ends
    void Degenerate()
    {
        ShopPlanner planner;
        ShopProblem p = PlainProblem(3);
        const ShopResult& r = planner.Plan(p);
        NS_TEST_EXPECT_MSG_EQ((r.status == ShopStatus::PLANNED), true, r.message);
        NS_TEST_EXPECT_MSG_EQ(r.outcome.costS, 0, "nothing to do");
        NS_TEST_EXPECT_MSG_EQ(r.Gap(), 0, "nothing to do");
        NS_TEST_EXPECT_MSG_EQ(r.plan.uplink.size(), 3, "a share for each, all the same");

        AddTask(p, 0, {{1, 1, 1}});
        AddTask(p, 1, {{1, 1, 1}});
        ShopPlan plan = SerialPlan(p);
        plan.uplink[0].weight = 0;
        ShopOutcome o = Evaluate(p, plan);
        NS_TEST_EXPECT_MSG_EQ(o.pieces[0].uplinkEndS, INF, "no share");
        NS_TEST_EXPECT_MSG_EQ_TOL(o.pieces[1].uplinkEndS, 4, 1e-12, "which the other one has");
        NS_TEST_EXPECT_MSG_EQ(o.costS, INF, "never ends");

        p.devices[1].downlinkLaw = RateLaw::Linear(0);
        const ShopResult& bad = planner.Plan(p);
        NS_TEST_EXPECT_MSG_EQ((bad.status == ShopStatus::INFEASIBLE), true, "no rate");
        NS_TEST_EXPECT_MSG_NE(bad.message.find("devices[1]"), std::string::npos, bad.message);
        o = Evaluate(p, EqualPlan(p));
        NS_TEST_EXPECT_MSG_EQ(o.pieces[1].downlinkEndS, INF, "no rate");
        NS_TEST_EXPECT_MSG_EQ(ShopLowerBound(p), INF, "no rate");
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Any plan for any problem, against the model written down once more; what no plan may do; and
 * that no plan beats the bound.
 */
class WdmoeShopReferenceTestCase : public TestCase
{
  public:
    WdmoeShopReferenceTestCase()
        : TestCase("flow shop: random plans against a slow reference")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 engine(2);
        ShopEvaluator evaluator; // one for all: it must not remember
        ShopOutcome o;
        double worst = 0;
        std::size_t ended = 0;
        const std::size_t problems = 3000;
        const std::size_t large = 40; // so many share that their rates are carried along
        for (std::size_t i = 0; i < problems + large; ++i)
        {
            const auto laws = static_cast<Laws>(Below(engine, 4));
            const std::size_t devices =
                i < problems ? 1 + Below(engine, 6) : 30 + Below(engine, 30);
            const ShopProblem p =
                RandomProblem(engine, devices, 3, 1 + Below(engine, 3), laws, false);
            NS_TEST_ASSERT_MSG_EQ(CheckShop(p), "", "the test's own problem");
            const double bound = ShopLowerBound(p);
            for (int j = 0; j < 4; ++j)
            {
                const ShopPlan plan = RandomPlan(engine, p);
                evaluator.Evaluate(p, plan, o);
                const Reference r(p, plan);
                NS_TEST_ASSERT_MSG_EQ(o.pieces.size(), r.pieces.size(), "pieces");
                for (std::size_t a = 0; a < o.pieces.size(); ++a)
                {
                    worst = std::max(worst, Compare(p, o.pieces[a], r.pieces[a]));
                }
                double cost = 0;
                for (std::size_t b = 0; b < p.blockWeight.size(); ++b)
                {
                    worst = std::max(worst, Difference(o.blockEndS[b], r.blockEndS[b]));
                    cost += p.blockWeight[b] * r.blockEndS[b];
                }
                worst = std::max(worst, Difference(cost, o.costS));
                NS_TEST_ASSERT_MSG_LT(worst, 1e-9, "problem " << i << ", plan " << j);
                NS_TEST_EXPECT_MSG_LT(r.largestShare, 1 + 1e-9, "more than the budget");
                for (const double used : r.hertzSeconds)
                {
                    NS_TEST_EXPECT_MSG_LT_OR_EQ(used, r.endS * (1 + 1e-9), "more than the budget");
                }
                NS_TEST_EXPECT_MSG_LT_OR_EQ(bound,
                                            o.costS * (1 + 1e-9),
                                            "beaten by plan " << j << " of problem " << i);
                ended += o.costS < INF;
            }
        }
        NS_TEST_EXPECT_MSG_GT(ended, problems, "most should end");
        if (IsVerbose())
        {
            std::printf("evaluator against reference: %zu plans, %zu end, largest difference %g\n",
                        4 * (problems + large),
                        ended,
                        worst);
        }
    }

    /// @return largest difference; checks that the stages are passed in order. @param p the problem
    /// @param a evaluator's @param b reference's
    double Compare(const ShopProblem& p, const ShopTimes& a, const ShopTimes& b)
    {
        const double x[] = {p.tasks[a.task].releaseS,
                            a.downlinkStartS,
                            a.downlinkEndS,
                            a.computeStartS,
                            a.computeEndS,
                            a.uplinkStartS,
                            a.uplinkEndS};
        const double y[] = {p.tasks[b.task].releaseS,
                            b.downlinkStartS,
                            b.downlinkEndS,
                            b.computeStartS,
                            b.computeEndS,
                            b.uplinkStartS,
                            b.uplinkEndS};
        double worst = a.task == b.task && a.piece == b.piece ? 0 : INF;
        for (std::size_t i = 0; i < 7; ++i)
        {
            worst = std::max(worst, Difference(x[i], y[i]));
            if (i > 0 && !(x[i] >= x[i - 1] * (1 - 1e-12)))
            {
                worst = INF;
            }
        }
        return worst;
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * The planner and the bound against all plans of the family.
 */
class WdmoeShopPlannerTestCase : public TestCase
{
  public:
    WdmoeShopPlannerTestCase()
        : TestCase("flow shop: planner against exhaustive search")
    {
    }

  private:
    void DoRun() override
    {
        for (const Laws laws : {Laws::LINEAR, Laws::UPLINK, Laws::CONCAVE, Laws::MIXED})
        {
            for (const std::size_t blocks : {1, 2})
            {
                Small(laws, blocks);
            }
        }
        for (const Laws laws : {Laws::LINEAR, Laws::UPLINK})
        {
            for (const std::size_t devices : {8, 32, 256})
            {
                Large(laws, devices);
            }
        }
    }

    /// @param laws of the devices @param blocks in flight
    void Small(Laws laws, std::size_t blocks)
    {
        std::mt19937_64 engine(10 * static_cast<uint64_t>(laws) + blocks);
        ShopPlanner planner;
        std::vector<double> gaps[2]; // with two budgets, with one for both directions
        std::vector<double> bounds;
        uint32_t evaluations = 0;
        for (int i = 0; i < 250; ++i)
        {
            const std::size_t devices = 2 + Below(engine, blocks == 1 ? 3 : 2);
            const ShopProblem p = RandomProblem(engine, devices, 2, blocks, laws, false);
            const double best = ExhaustiveCost(p);
            ShopParam param;
            param.exactEvaluations = std::numeric_limits<uint32_t>::max();
            const ShopResult& exact = planner.Plan(p, param);
            NS_TEST_ASSERT_MSG_EQ((exact.status == ShopStatus::PLANNED), true, exact.message);
            NS_TEST_EXPECT_MSG_EQ(exact.exact, true, "all plans were to be looked at");
            NS_TEST_EXPECT_MSG_EQ_TOL(Difference(exact.outcome.costS, best),
                                      0,
                                      1e-6,
                                      "optimum of problem " << i);
            Check(p, exact);
            bounds.push_back(best > 0 ? 1 - exact.lowerBoundS / best : 0);
            NS_TEST_EXPECT_MSG_LT_OR_EQ(exact.lowerBoundS,
                                        best * (1 + 1e-9),
                                        "no bound, problem " << i);
            NS_TEST_EXPECT_MSG_EQ(exact.lowerBoundS, ShopLowerBound(p), "the same bound");

            param.exactEvaluations = 0;
            const ShopResult& found = planner.Plan(p, param);
            NS_TEST_ASSERT_MSG_EQ((found.status == ShopStatus::PLANNED), true, found.message);
            NS_TEST_EXPECT_MSG_EQ(found.exact, false, "not all plans were looked at");
            Check(p, found);
            const double gap = best > 0 ? found.outcome.costS / best - 1 : 0;
            gaps[p.halfDuplex].push_back(gap);
            NS_TEST_EXPECT_MSG_GT(gap, -1e-6, "better than the best");
            evaluations += found.evaluations;
        }
        for (const bool one : {false, true})
        {
            Report(laws, blocks, one, gaps[one]);
            NS_TEST_EXPECT_MSG_LT(Quantile(gaps[one], 0.5), 1e-6, "half of them are optimal");
            NS_TEST_EXPECT_MSG_LT(Quantile(gaps[one], 0.9), 0.02, "nearly all are nearly optimal");
            NS_TEST_EXPECT_MSG_LT(Quantile(gaps[one], 1), one ? 0.2 : 0.12, "none is bad");
        }
        if (IsVerbose())
        {
            std::printf("  plans looked at %.1f; bound below optimum median %.2f %%, p95 %.2f %%\n",
                        evaluations / static_cast<double>(bounds.size()),
                        100 * Quantile(bounds, 0.5),
                        100 * Quantile(bounds, 0.95));
        }
    }

    /// Print. @param laws of the devices @param blocks in flight @param one budget for both
    /// directions @param gaps to the optimum
    void Report(Laws laws, std::size_t blocks, bool one, const std::vector<double>& gaps)
    {
        if (IsVerbose())
        {
            std::printf("laws %d, %zu block(s), %s: %zu problems, cost over optimum median "
                        "%.2f %%, p95 %.2f %%, p99 %.2f %%, max %.2f %%\n",
                        static_cast<int>(laws),
                        blocks,
                        one ? "one budget" : "two budgets",
                        gaps.size(),
                        100 * Quantile(gaps, 0.5),
                        100 * Quantile(gaps, 0.95),
                        100 * Quantile(gaps, 0.99),
                        100 * Quantile(gaps, 1));
        }
    }

    /// @param laws of the devices @param devices K
    void Large(Laws laws, std::size_t devices)
    {
        std::mt19937_64 engine(devices);
        ShopPlanner planner;
        std::vector<double> gaps;
        std::vector<double> gains;
        for (int i = 0; i < (devices > 100 ? 3 : 20); ++i)
        {
            ShopProblem p = RandomProblem(engine, devices, 4, 1, laws, true);
            p.downlinkHz *= static_cast<double>(devices) / 4;
            p.uplinkHz *= static_cast<double>(devices) / 4;
            const ShopResult& r = planner.Plan(p);
            NS_TEST_ASSERT_MSG_EQ((r.status == ShopStatus::PLANNED), true, r.message);
            Check(p, r);
            gaps.push_back(r.Gap());
            gains.push_back(r.outcome.costS / Evaluate(p, EqualPlan(p)).costS);
            NS_TEST_EXPECT_MSG_LT_OR_EQ(r.lowerBoundS, r.outcome.costS * (1 + 1e-9), "a bound");
        }
        if (IsVerbose())
        {
            std::printf("laws %d, %zu devices: gap to the bound median %.2f %%, max %.2f %%; cost "
                        "to that of equal sharing of one piece each median %.3f\n",
                        static_cast<int>(laws),
                        devices,
                        100 * Quantile(gaps, 0.5),
                        100 * Quantile(gaps, 1),
                        Quantile(gains, 0.5));
        }
        NS_TEST_EXPECT_MSG_LT(Quantile(gains, 0.5), 1, "better than equal sharing");
    }

    /// What holds for any plan that is returned. @param p the problem @param r the plan
    void Check(const ShopProblem& p, const ShopResult& r)
    {
        const ShopOutcome o = Evaluate(p, r.plan);
        NS_TEST_EXPECT_MSG_EQ(o.costS, r.outcome.costS, "what it says is what it comes to");
        NS_TEST_EXPECT_MSG_EQ(o.pieces.size(), r.outcome.pieces.size(), "likewise");
        for (const auto* shares : {&r.plan.downlink, &r.plan.uplink})
        {
            NS_TEST_ASSERT_MSG_EQ(shares->size(), p.devices.size(), "a share for each");
            std::vector<int32_t> priority;
            for (const ShopShare& s : *shares)
            {
                NS_TEST_EXPECT_MSG_GT(s.weight, 0, "work conserving");
                priority.push_back(s.priority);
            }
            std::sort(priority.begin(), priority.end());
            const auto distinct = std::unique(priority.begin(), priority.end()) - priority.begin();
            NS_TEST_EXPECT_MSG_EQ((distinct == 1 || distinct == std::ssize(*shares)),
                                  true,
                                  "either all are served in turn or all together");
        }
        if (p.coupled)
        {
            for (std::size_t k = 0; k < p.devices.size(); ++k)
            {
                NS_TEST_EXPECT_MSG_EQ(r.plan.uplink[k].weight, r.plan.downlink[k].weight, "one");
                NS_TEST_EXPECT_MSG_EQ(r.plan.uplink[k].priority,
                                      r.plan.downlink[k].priority,
                                      "share");
            }
        }
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Every value that means nothing is named.
 */
class WdmoeShopBadInputTestCase : public TestCase
{
  public:
    WdmoeShopBadInputTestCase()
        : TestCase("flow shop: bad input")
    {
    }

  private:
    void DoRun() override
    {
        const double bad[] = {-1, INF, -INF, std::nan("")};
        ShopProblem good = PlainProblem(2);
        AddTask(good, 0, {{1, 1, 1}, {1, 1, 1}});
        AddTask(good, 1, {{1, 1, 1}});
        NS_TEST_EXPECT_MSG_EQ(CheckShop(good), "", "nothing is wrong");
        using Action = void (*)(ShopProblem&, double);
        const std::pair<const char*, Action> values[] = {
            {"downlinkHz", [](ShopProblem& p, double v) { p.downlinkHz = v; }},
            {"uplinkHz", [](ShopProblem& p, double v) { p.uplinkHz = v; }},
            {"blockWeight[0]", [](ShopProblem& p, double v) { p.blockWeight[0] = v; }},
            {"devices[1].downlinkFixedS",
             [](ShopProblem& p, double v) { p.devices[1].downlinkFixedS = v; }},
            {"devices[1].uplinkRequestS",
             [](ShopProblem& p, double v) { p.devices[1].uplinkRequestS = v; }},
            {"devices[0].uplinkFixedS",
             [](ShopProblem& p, double v) { p.devices[0].uplinkFixedS = v; }},
            {"devices[1].busyS", [](ShopProblem& p, double v) { p.devices[1].busyS = v; }},
            {"devices[1].downlinkLaw",
             [](ShopProblem& p, double v) { p.devices[1].downlinkLaw.efficiency = v; }},
            {"devices[0].uplinkLaw",
             [](ShopProblem& p, double v) { p.devices[0].uplinkLaw.efficiency = v; }},
            {"tasks[1].releaseS", [](ShopProblem& p, double v) { p.tasks[1].releaseS = v; }},
            {"tasks[0].cuts[0][1].downlinkBits",
             [](ShopProblem& p, double v) { p.tasks[0].cuts[0][1].downlinkBits = v; }},
            {"tasks[0].cuts[0][1].computeS",
             [](ShopProblem& p, double v) { p.tasks[0].cuts[0][1].computeS = v; }},
            {"tasks[0].cuts[0][1].uplinkBits",
             [](ShopProblem& p, double v) { p.tasks[0].cuts[0][1].uplinkBits = v; }}};
        for (const auto& [name, set] : values)
        {
            for (const double value : bad)
            {
                ShopProblem p = good;
                set(p, value);
                Refused(p, name);
            }
        }
        const std::pair<const char*, Action> others[] = {
            {"downlinkHz", [](ShopProblem& p, double) { p.downlinkHz = 0; }},
            {"uplinkHz", [](ShopProblem& p, double) { p.uplinkHz = 0; }},
            {"blockWeight[0]", [](ShopProblem& p, double) { p.blockWeight[0] = 0; }},
            {"tasks[0].block", [](ShopProblem& p, double) { p.blockWeight.clear(); }},
            {"tasks[1].device", [](ShopProblem& p, double) { p.tasks[1].device = 2; }},
            {"tasks[1].block", [](ShopProblem& p, double) { p.tasks[1].block = 1; }},
            {"tasks[0].cuts is empty", [](ShopProblem& p, double) { p.tasks[0].cuts.clear(); }},
            {"tasks[0].cuts[0] is empty",
             [](ShopProblem& p, double) { p.tasks[0].cuts[0].clear(); }}};
        for (const auto& [name, set] : others)
        {
            ShopProblem p = good;
            set(p, 0);
            Refused(p, name);
        }

        ShopPlanner planner;
        for (const double value : {-0.1, 1.0, 0.5, INF, std::nan("")})
        {
            ShopParam param;
            param.guaranteed = value;
            const ShopResult& r = planner.Plan(good, param);
            NS_TEST_EXPECT_MSG_EQ((r.status == ShopStatus::INVALID), true, value);
            NS_TEST_EXPECT_MSG_NE(r.message.find("guaranteed"), std::string::npos, r.message);
        }
        ShopParam param;
        param.uplinkSerial = param.uplinkShared = false;
        bool refused = false;
        try
        {
            param.Check();
        }
        catch (const std::invalid_argument& e)
        {
            refused = std::string(e.what()).find("uplinkShared") != std::string::npos;
        }
        NS_TEST_EXPECT_MSG_EQ(refused, true, "no way to serve the uplink");
        NS_TEST_EXPECT_MSG_EQ((planner.Plan(good, param).status == ShopStatus::INVALID),
                              true,
                              "likewise");
        NS_TEST_EXPECT_MSG_EQ((planner.Plan(good).status == ShopStatus::PLANNED),
                              true,
                              "and it still works");
    }

    /// @param p a problem @param name what has to be named
    void Refused(const ShopProblem& p, const std::string& name)
    {
        const std::string message = CheckShop(p);
        NS_TEST_EXPECT_MSG_NE(message.find(name), std::string::npos, name << ": " << message);
        NS_TEST_EXPECT_MSG_NE(message.find("expected"), std::string::npos, message);
        ShopPlanner planner;
        const ShopResult& r = planner.Plan(p);
        NS_TEST_EXPECT_MSG_EQ((r.status == ShopStatus::INVALID), true, name);
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * What the parameters ask for, the same plan for the same problem, and no memory from the second
 * call on.
 */
class WdmoeShopBehaviourTestCase : public TestCase
{
  public:
    WdmoeShopBehaviourTestCase()
        : TestCase("flow shop: parameters, determinism, memory")
    {
    }

  private:
    void DoRun() override
    {
        std::mt19937_64 engine(3);
        const ShopProblem linear = RandomProblem(engine, 8, 4, 1, Laws::LINEAR, true);
        const ShopProblem shared = RandomProblem(engine, 8, 4, 1, Laws::UPLINK, true);
        ShopPlanner planner;

        ShopParam param;
        param.guaranteed = 0.01;
        const ShopPlan plan = planner.Plan(linear, param).plan;
        for (const auto* shares : {&plan.downlink, &plan.uplink})
        {
            for (const ShopShare& s : *shares)
            {
                NS_TEST_EXPECT_MSG_EQ(s.guaranteed, 0.01, "as asked for");
            }
        }
        param = ShopParam();
        param.downlinkSerial = false;
        NS_TEST_EXPECT_MSG_EQ(IsSerial(planner.Plan(linear, param).plan.downlink), false, "shared");
        NS_TEST_EXPECT_MSG_EQ(IsSerial(planner.Plan(linear).plan.downlink), true, "in turn");
        param = ShopParam();
        param.uplinkSerial = false;
        NS_TEST_EXPECT_MSG_EQ(IsSerial(planner.Plan(linear, param).plan.uplink), false, "shared");
        NS_TEST_EXPECT_MSG_EQ(IsSerial(planner.Plan(shared).plan.uplink), false, "shared");
        param = ShopParam();
        param.uplinkShared = false;
        NS_TEST_EXPECT_MSG_EQ(IsSerial(planner.Plan(linear, param).plan.uplink), true, "in turn");
        NS_TEST_EXPECT_MSG_EQ(IsSerial(planner.Plan(shared, param).plan.uplink), true, "in turn");
        param = ShopParam();
        param.maxEvaluations = 0;
        const double constructed = planner.Plan(linear, param).outcome.costS;
        NS_TEST_EXPECT_MSG_LT(planner.Plan(linear).outcome.costS,
                              constructed * (1 + 1e-12),
                              "searching further does no harm");

        NS_TEST_EXPECT_MSG_EQ(IsLinear(RateLaw::Linear(2), 1e6), true, "linear");
        NS_TEST_EXPECT_MSG_EQ(IsLinear(RateLaw::Shannon(1e6), 1e6), false, "no cap");
        NS_TEST_EXPECT_MSG_EQ(IsLinear(RateLaw::Shannon(3.1e6, 2), 1e6), true, "at its cap");
        NS_TEST_EXPECT_MSG_EQ(IsLinear(RateLaw::Shannon(3.1e6, 2), 1.1e6), false, "beyond it");

        for (const ShopProblem* p : {&linear, &shared})
        {
            const ShopResult first = ShopPlanner().Plan(*p);
            const ShopResult& again = planner.Plan(*p); // after quite other problems
            NS_TEST_EXPECT_MSG_EQ(first.outcome.costS, again.outcome.costS, "the same cost");
            NS_TEST_EXPECT_MSG_EQ(first.evaluations, again.evaluations, "on the same way");
            NS_TEST_EXPECT_MSG_EQ((first.plan.cut == again.plan.cut), true, "the same cuts");
            for (std::size_t k = 0; k < 8; ++k)
            {
                NS_TEST_EXPECT_MSG_EQ(first.plan.downlink[k].priority,
                                      again.plan.downlink[k].priority,
                                      "the same order");
                NS_TEST_EXPECT_MSG_EQ(first.plan.uplink[k].weight,
                                      again.plan.uplink[k].weight,
                                      "the same weights");
            }
        }

        ShopEvaluator evaluator;
        ShopOutcome o;
        for (const ShopProblem* p : {&linear, &shared})
        {
            const ShopPlan followed = planner.Plan(*p).plan;
            evaluator.Evaluate(*p, followed, o);
            const std::size_t before = g_allocations;
            evaluator.Evaluate(*p, followed, o);
            NS_TEST_EXPECT_MSG_EQ(g_allocations, before, "the evaluator has its memory");
        }
        for (const ShopProblem* p : {&linear, &shared})
        {
            planner.Plan(*p);
            const std::size_t before = g_allocations;
            planner.Plan(*p);
            NS_TEST_EXPECT_MSG_EQ(g_allocations, before, "the planner has its memory");
        }
    }

    /// @return whether one is served after another. @param shares of a direction
    bool IsSerial(const std::vector<ShopShare>& shares) const
    {
        return shares[0].priority != shares[1].priority;
    }
};

/**
 * @ingroup wdmoe-tests
 *
 * Test suite of the flow shop.
 */
class WdmoeFlowShopTestSuite : public TestSuite
{
  public:
    WdmoeFlowShopTestSuite()
        : TestSuite("wdmoe-flow-shop", Type::UNIT)
    {
        AddTestCase(new WdmoeShopClosedFormTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeShopReferenceTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeShopPlannerTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeShopBadInputTestCase, TestCase::Duration::QUICK);
        AddTestCase(new WdmoeShopBehaviourTestCase, TestCase::Duration::QUICK);
    }
};

/// Registers the suite
static WdmoeFlowShopTestSuite g_wdmoeFlowShopTestSuite;
