/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-flow-shop.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// Relative: an answer that is ready so little after the last bit of the one before finds its queue
/// not empty yet; it is the rounding of the two that differs
constexpr double SAME_MOMENT = 1e-12;

/// Relative: a plan has to be better by that much to be preferred
constexpr double BETTER = 1e-12;

/// Work after which no more plans are constructed: large problems have to do with fewer
constexpr uint64_t CONSTRUCTION_WORK = 1000000;

/// What planning may cost in all, for each of ShopParam::maxEvaluations and each device, beyond
/// what constructing plans costs anyway: an evaluation costs more than that, so that there are
/// fewer
constexpr uint32_t WORK_PER_EVALUATION = 70;

/// That is for no fewer and for no more devices than these
constexpr std::size_t WORK_DEVICES[] = {8, 192};

/// So many rates of a concave law are kept for each lane
constexpr std::size_t MEMO_SIZE = 64;

/// From so many lanes on the logarithms in their rates are carried along
constexpr std::size_t MANY = 16;

/// Relative: the shares of all must not change by more than that for it
constexpr double LITTLE = 1. / 16;

/// @return the number for a message. @param value any
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/// @return budget of the uplink. @param problem blocks in flight
double
UplinkHz(const ShopProblem& problem)
{
    return problem.coupled || problem.halfDuplex ? problem.downlinkHz : problem.uplinkHz;
}

/**
 * Which tasks are whose.
 */
class TasksOfDevices
{
  public:
    /// @param problem blocks in flight
    void Load(const ShopProblem& problem)
    {
        const std::size_t size = problem.devices.size();
        m_first.assign(size + 1, 0);
        for (const auto& t : problem.tasks)
        {
            m_first[t.device + 1]++;
        }
        std::partial_sum(m_first.begin(), m_first.end(), m_first.begin());
        m_next.assign(m_first.begin(), m_first.end() - 1);
        m_tasks.resize(problem.tasks.size());
        for (uint32_t t = 0; t < problem.tasks.size(); ++t)
        {
            m_tasks[m_next[problem.tasks[t].device]++] = t;
        }
    }

    /// @return first of its tasks. @param k the device
    const uint32_t* Begin(std::size_t k) const
    {
        return m_tasks.data() + m_first[k];
    }

    /// @return behind the last of its tasks. @param k the device
    const uint32_t* End(std::size_t k) const
    {
        return m_tasks.data() + m_first[k + 1];
    }

  private:
    std::vector<uint32_t> m_first; ///< K + 1: where each device's tasks start
    std::vector<uint32_t> m_next;  ///< K: where the next one goes
    std::vector<uint32_t> m_tasks; ///< by device, in order
};

/**
 * The event loop. Each direction of a device is a lane: a queue that is served in order. The lanes
 * that take from one budget are a pool; with two budgets the downlinks can be followed to their
 * end before the uplinks, since nothing of an uplink comes back to a downlink.
 */
class Engine
{
  public:
    /// @param problem which is followed from now on, and has to stay where it is
    void Load(const ShopProblem& problem);

    /**
     * @param plan to be followed
     * @param limitS where it ends later than that it is not followed any further, s
     * @param workLimit nor where that takes GetWork() beyond this
     * @return the cost; infinite if not followed to its end
     */
    double Run(const ShopPlan& plan,
               double limitS = INF,
               uint64_t workLimit = std::numeric_limits<uint64_t>::max());

    /// @param [out] outcome what the last plan has come to
    void Report(ShopOutcome& outcome) const;

    /// @return the device whose last answer (of a block that counts) is the latest
    uint32_t GetLast() const;

    /// @return how much it had to do since Load(): a measure of time that does not depend on
    /// clocks, roughly in ns
    uint64_t GetWork() const
    {
        return m_work;
    }

  private:
    /// A piece on its way
    struct Item
    {
        double bits[2];       ///< downlink, uplink
        double computeS;      ///< work
        double tailS;         ///< from computeEndS to the device's end at the earliest
        double releaseS;      ///< not before that, nor do those behind it
        double startS[2];     ///< first bit
        double arrivalS[2];   ///< last bit and fixed delay
        double computeStartS; ///< starts
        double computeEndS;   ///< ends: the answer is ready
        uint32_t block;       ///< of which block
    };

    /// A queue
    struct Lane
    {
        uint32_t head;     ///< item that is sent
        uint32_t end;      ///< behind its last item
        uint32_t rank;     ///< place in its pool by priority
        double remaining;  ///< bits of the head, when it was last not served
        double guaranteed; ///< share
        double weight;     ///< for the rest
        bool active;       ///< has bits to send now
        bool started;      ///< the head's first bit is sent
        bool idle;         ///< waits for an answer of which it is not known when it is ready
    };

    /// Some of the lanes that are served, entry by entry, for the compiler to make vectors of; the
    /// last four entries are valid if m_alike only
    struct Bundle
    {
        static constexpr std::size_t SIZE = 8; ///< lanes

        double bits[SIZE];    ///< of the head, left at sinceS
        double sinceS[SIZE];  ///< when that was
        double rate[SIZE];    ///< bit/s
        double inverse[SIZE]; ///< 1 / rate
        double finishS[SIZE]; ///< when the head is sent
        double weight[SIZE];  ///< for the leftover
        double cap[SIZE];     ///< of the law, bit/s/Hz
        double curve[SIZE];   ///< of the law, bit/s/Hz for each unit of nats; infinite: linear
        double snr[SIZE];     ///< with the present share
        double nats[SIZE];    ///< log1p(snr)
    };

    /// A lane that becomes active later. @see m_wakes
    using Wake = std::pair<double, uint32_t>;

    void Gather(const ShopPlan& plan);
    void Serve(uint32_t first, uint32_t last, double budgetHz);
    void Rank(uint32_t first, uint32_t last);
    void Arm(uint32_t lane, bool fresh);
    void ArmUplink(uint32_t lane, bool fresh);
    void Activate(uint32_t lane);
    void Deactivate(uint32_t lane);
    void WakeAt(double time, uint32_t lane);
    void WakeNext();
    void Compute(uint32_t device, uint32_t item, double arrivalS);
    void Finish(uint32_t served);
    void Divide();
    void DivideAgain();
    bool Rescale();
    void Give(uint32_t lane, double share);
    void Drop(uint32_t served);
    void FindSoonest(std::size_t bundle);
    double Rate(uint32_t lane, double share);
    const RateLaw& Law(uint32_t lane) const;
    uint32_t Top() const;

    const ShopProblem* m_problem{nullptr}; ///< what is followed
    TasksOfDevices m_tasksOf;              ///< by device
    std::vector<uint32_t> m_cut;           ///< the cuts that m_items are of
    std::vector<Item> m_items;             ///< by device, in order
    std::vector<Lane> m_lanes;             ///< K downlinks, K uplinks
    std::vector<int32_t> m_priority;       ///< of each lane
    std::vector<double> m_computeFree;     ///< K: its compute unit has done all so far
    std::vector<double> m_answerS;         ///< K: of one bit at the whole budget, s
    std::vector<double> m_leastS;          ///< K: the same, if others used the rest of it
    double m_answersS{0};                  ///< of m_items, if the budget were always in use
    double m_uplinkFixedS{0};              ///< smallest
    std::vector<double> m_blockEnd;        ///< B

    uint64_t m_work{0};      ///< see GetWork()
    double m_limitS{0};      ///< see Run()
    uint64_t m_workLimit{0}; ///< likewise
    bool m_late{false};      ///< one of these is passed: it is not followed any further

    // the pool that is being served
    double m_now{0};                  ///< s
    double m_budgetHz{0};             ///< its budget
    uint32_t m_poolFirst{0};          ///< its lanes
    uint32_t m_poolLast{0};           ///< behind its lanes
    double m_leftS{0};                ///< for what is left, if the budget were always in use
    bool m_pure{false};               ///< nothing is guaranteed to any of its lanes
    bool m_changed{false};            ///< the division has to be made again
    std::vector<uint32_t> m_order;    ///< lanes by rank
    std::vector<uint32_t> m_classEnd; ///< by rank: behind the last of that priority
    std::vector<uint64_t> m_waiting;  ///< bit by rank: active, weight > 0
    std::vector<uint64_t> m_plain;    ///< bit by rank: active, weight 0, guaranteed > 0
    std::vector<uint32_t> m_served;   ///< lanes with a rate
    std::vector<Bundle> m_bundles;    ///< the same
    std::vector<double> m_soonestS;   ///< by bundle: when the first of its heads is sent
    std::vector<uint32_t> m_fresh;    ///< lanes of the class that is served, without a rate yet
    double m_weights{0};              ///< sum of the weights of that class at the last division
    bool m_alike{false};              ///< all of that class are served, by weight alone
    std::vector<Wake> m_wakes;        ///< heap

    std::vector<double> m_memoShare; ///< by lane and hash: share
    std::vector<double> m_memoRate;  ///< bit/s that a concave law makes of it
};

void
Engine::Load(const ShopProblem& problem)
{
    m_problem = &problem;
    m_tasksOf.Load(problem);
    m_cut.clear();
    m_work = 0;
    const std::size_t size = problem.devices.size();
    m_lanes.resize(2 * size);
    m_priority.resize(2 * size);
    m_computeFree.resize(size);
    m_order.resize(2 * size);
    m_classEnd.resize(2 * size);
    m_waiting.resize((2 * size + 63) / 64);
    m_plain.resize((2 * size + 63) / 64);
    m_blockEnd.resize(problem.blockWeight.size());
    m_memoShare.assign(MEMO_SIZE * 2 * size, -1);
    m_memoRate.resize(MEMO_SIZE * 2 * size);
    m_served.reserve(2 * size);
    m_fresh.reserve(2 * size);
    m_bundles.resize(2 * size / Bundle::SIZE + 1);
    m_soonestS.resize(m_bundles.size());
    m_answerS.resize(size);
    m_leastS.resize(size);
    m_uplinkFixedS = INF;
    for (std::size_t k = 0; k < size; ++k)
    {
        const ShopDevice& d = problem.devices[k];
        m_answerS[k] = 1 / d.uplinkLaw.Rate(UplinkHz(problem));
        m_leastS[k] = 1 / (d.uplinkLaw.efficiency * UplinkHz(problem));
        m_uplinkFixedS = std::min(m_uplinkFixedS, d.uplinkFixedS);
    }
}

/// Line up the pieces, by device. @param plan says which
void
Engine::Gather(const ShopPlan& plan)
{
    if (m_cut == plan.cut && !m_cut.empty())
    {
        return;
    }
    m_work += 3 * m_items.size();
    m_cut = plan.cut;
    m_items.clear();
    m_answersS = 0;
    const uint32_t size = m_problem->devices.size();
    for (uint32_t k = 0; k < size; ++k)
    {
        double release = 0;
        m_lanes[k].head = m_items.size();
        for (const uint32_t* t = m_tasksOf.Begin(k); t != m_tasksOf.End(k); ++t)
        {
            const ShopTask& task = m_problem->tasks[*t];
            release = std::max(release, task.releaseS);
            for (const ShopPiece& p : task.cuts[plan.cut[*t]])
            {
                Item& i = m_items.emplace_back();
                i.bits[0] = p.downlinkBits;
                i.bits[1] = p.uplinkBits;
                i.computeS = p.computeS;
                i.releaseS = release;
                i.block = task.block;
            }
        }
        m_lanes[k].end = m_items.size();
        double answers = 0;
        double tail = 0;
        for (uint32_t i = m_items.size(); i-- > m_lanes[k].head;)
        {
            Item& item = m_items[i];
            answers += item.bits[1] > 0 ? item.bits[1] * m_answerS[k] : 0;
            tail = std::max(tail, answers > 0 ? answers + m_problem->devices[k].uplinkFixedS : 0);
            item.tailS = tail;
            tail += item.computeS;
            m_answersS += item.bits[1] > 0 ? item.bits[1] * m_leastS[k] : 0;
        }
    }
}

double
Engine::Run(const ShopPlan& plan, double limitS, uint64_t workLimit)
{
    Gather(plan);
    m_limitS = limitS;
    m_workLimit = workLimit;
    m_late = false;
    const uint32_t size = m_problem->devices.size();
    m_work += 3 * m_items.size() + 20 * size;
    uint32_t first = 0;
    for (uint32_t k = 0; k < size; ++k)
    {
        for (int direction = 0; direction < 2; ++direction)
        {
            const ShopShare& share =
                direction == 0 || m_problem->coupled ? plan.downlink[k] : plan.uplink[k];
            const uint32_t l = k + direction * size;
            Lane& lane = m_lanes[l];
            lane.head = first;
            lane.end = m_lanes[k].end;
            lane.guaranteed = share.guaranteed;
            lane.weight = share.weight;
            lane.active = false;
            lane.idle = false;
            m_priority[l] = share.priority;
        }
        m_computeFree[k] = 0;
        first = m_lanes[k].end;
    }
    for (Item& i : m_items)
    {
        i.startS[0] = i.startS[1] = i.arrivalS[0] = i.arrivalS[1] = INF;
        i.computeStartS = i.computeEndS = INF;
    }
    if (m_problem->halfDuplex)
    {
        Serve(0, 2 * size, m_problem->downlinkHz);
    }
    else
    {
        Serve(0, size, m_problem->downlinkHz);
        if (!m_late)
        {
            Serve(size, 2 * size, UplinkHz(*m_problem));
        }
    }
    if (m_late)
    {
        return INF;
    }
    std::fill(m_blockEnd.begin(), m_blockEnd.end(), 0);
    for (const Item& i : m_items)
    {
        m_blockEnd[i.block] = std::max(m_blockEnd[i.block], i.arrivalS[1]);
    }
    double cost = 0;
    for (std::size_t b = 0; b < m_blockEnd.size(); ++b)
    {
        cost += m_problem->blockWeight[b] * m_blockEnd[b];
    }
    return cost;
}

void
Engine::Report(ShopOutcome& outcome) const
{
    const auto& tasks = m_problem->tasks;
    outcome.pieces.resize(m_items.size());
    outcome.blockEndS.assign(m_blockEnd.begin(), m_blockEnd.end());
    outcome.costS = 0;
    for (std::size_t b = 0; b < m_blockEnd.size(); ++b)
    {
        outcome.costS += m_problem->blockWeight[b] * m_blockEnd[b];
    }
    // the items are by device; the first of each task is found by walking along its device
    std::size_t out = 0;
    for (uint32_t t = 0; t < tasks.size(); ++t)
    {
        const uint32_t k = tasks[t].device;
        std::size_t item = k > 0 ? m_lanes[k - 1].end : 0;
        for (const uint32_t* other = m_tasksOf.Begin(k); *other != t; ++other)
        {
            item += tasks[*other].cuts[m_cut[*other]].size();
        }
        for (uint32_t p = 0; p < tasks[t].cuts[m_cut[t]].size(); ++p)
        {
            const Item& i = m_items[item++];
            outcome.pieces[out++] = {t,
                                     p,
                                     i.startS[0],
                                     i.arrivalS[0],
                                     i.computeStartS,
                                     i.computeEndS,
                                     i.startS[1],
                                     i.arrivalS[1]};
        }
    }
}

uint32_t
Engine::GetLast() const
{
    double latest = -1;
    uint32_t last = 0;
    uint32_t item = 0;
    for (uint32_t k = 0; k < m_computeFree.size(); ++k)
    {
        for (; item < m_lanes[k].end; ++item)
        {
            if (m_items[item].arrivalS[1] > latest)
            {
                latest = m_items[item].arrivalS[1];
                last = k;
            }
        }
    }
    return last;
}

/// Put the lanes of a pool in order. @param first lane @param last behind the last one
void
Engine::Rank(uint32_t first, uint32_t last)
{
    const uint32_t size = last - first;
    std::iota(m_order.begin(), m_order.begin() + size, first);
    std::sort(m_order.begin(), m_order.begin() + size, [this](uint32_t a, uint32_t b) {
        return m_priority[a] != m_priority[b] ? m_priority[a] > m_priority[b] : a < b;
    });
    for (uint32_t r = size; r-- > 0;)
    {
        m_lanes[m_order[r]].rank = r;
        m_classEnd[r] = r + 1 < size && m_priority[m_order[r]] == m_priority[m_order[r + 1]]
                            ? m_classEnd[r + 1]
                            : r + 1;
    }
}

/// Follow a pool to its end. @param first lane @param last behind the last one
/// @param budgetHz its budget
void
Engine::Serve(uint32_t first, uint32_t last, double budgetHz)
{
    m_now = 0;
    m_budgetHz = budgetHz;
    m_poolFirst = first;
    m_poolLast = last;
    m_served.clear();
    m_fresh.clear();
    m_alike = false;
    m_leftS = first > 0 ? m_answersS + m_uplinkFixedS : 0;
    m_wakes.clear();
    std::fill(m_waiting.begin(), m_waiting.end(), 0);
    std::fill(m_plain.begin(), m_plain.end(), 0);
    Rank(first, last);
    m_pure = true;
    for (uint32_t l = first; l < last; ++l)
    {
        m_pure = m_pure && m_lanes[l].guaranteed <= 0;
    }
    for (uint32_t l = first; l < last; ++l)
    {
        Arm(l, true);
    }
    m_changed = true;
    while (!m_late)
    {
        // all that becomes active at a moment does so before anything is sent
        if (!m_wakes.empty() && m_wakes.front().first <= m_now)
        {
            WakeNext();
            continue;
        }
        if (m_changed)
        {
            Divide();
        }
        const std::size_t bundles = (m_served.size() + Bundle::SIZE - 1) / Bundle::SIZE;
        m_work += 10 + bundles;
        m_late = m_late || m_work > m_workLimit;
        std::size_t soonest = 0;
        double finish = INF;
        for (std::size_t b = 0; b < bundles; ++b)
        {
            if (m_soonestS[b] < finish)
            {
                finish = m_soonestS[b];
                soonest = b;
            }
        }
        if (!m_wakes.empty() && m_wakes.front().first < finish)
        {
            m_now = m_wakes.front().first;
            m_late = m_served.empty() && m_now + m_leftS > m_limitS;
        }
        else if (finish < INF)
        {
            m_now = finish;
            m_late = m_now > m_limitS;
            std::size_t next = soonest * Bundle::SIZE;
            while (m_bundles[soonest].finishS[next % Bundle::SIZE] != finish)
            {
                ++next;
            }
            Finish(next);
        }
        else
        {
            return; // all done, or what is left never ends
        }
    }
}

/// The first of the lanes that wait for a moment becomes active
void
Engine::WakeNext()
{
    const uint32_t lane = m_wakes.front().second;
    std::pop_heap(m_wakes.begin(), m_wakes.end(), std::greater<>());
    m_wakes.pop_back();
    if (lane < m_problem->devices.size())
    {
        Arm(lane, true);
    }
    else
    {
        Activate(lane);
    }
}

/**
 * Find out what a lane does next.
 *
 * @param l the lane, not active
 * @param fresh whether it was without bits to send until now
 */
void
Engine::Arm(uint32_t l, bool fresh)
{
    const uint32_t size = m_problem->devices.size();
    if (l >= size)
    {
        ArmUplink(l, fresh);
        return;
    }
    Lane& lane = m_lanes[l];
    for (; lane.head < lane.end; ++lane.head)
    {
        Item& i = m_items[lane.head];
        if (i.releaseS > m_now)
        {
            WakeAt(i.releaseS, l);
            return;
        }
        if (i.bits[0] > 0)
        {
            Activate(l);
            return;
        }
        i.startS[0] = m_now;
        Compute(l, lane.head, m_now);
    }
}

/**
 * As Arm().
 *
 * @param l the lane, not active
 * @param fresh whether it was without bits to send until now
 */
void
Engine::ArmUplink(uint32_t l, bool fresh)
{
    Lane& lane = m_lanes[l];
    while (lane.head < lane.end && m_items[lane.head].bits[1] <= 0)
    {
        ++lane.head;
    }
    if (lane.head == lane.end)
    {
        return;
    }
    const double ready = m_items[lane.head].computeEndS;
    lane.idle = ready == INF;
    if (!fresh && ready <= m_now * (1 + SAME_MOMENT))
    {
        Activate(l);
    }
    else if (!lane.idle)
    {
        WakeAt(ready + m_problem->devices[l - m_problem->devices.size()].uplinkRequestS, l);
    }
}

/// @param time when it becomes active @param lane which
void
Engine::WakeAt(double time, uint32_t lane)
{
    m_wakes.emplace_back(time, lane);
    std::push_heap(m_wakes.begin(), m_wakes.end(), std::greater<>());
}

/// @param l a lane that has bits to send from now on
void
Engine::Activate(uint32_t l)
{
    Lane& lane = m_lanes[l];
    lane.active = true;
    lane.started = false;
    lane.remaining = m_items[lane.head].bits[l >= m_problem->devices.size()];
    const uint64_t bit = uint64_t{1} << (lane.rank % 64);
    if (lane.weight > 0)
    {
        m_waiting[lane.rank / 64] |= bit;
        const uint32_t behind = m_served.empty() ? 0 : m_classEnd[m_lanes[m_served.front()].rank];
        if (m_alike && behind == m_classEnd[lane.rank])
        {
            m_fresh.push_back(l);
        }
        else
        {
            m_alike = m_alike && lane.rank >= behind;
        }
        // one that comes after those who are served changes nothing
        m_changed = m_changed || !m_pure || m_served.empty() || lane.rank < behind;
    }
    else if (lane.guaranteed > 0)
    {
        m_plain[lane.rank / 64] |= bit;
        m_changed = true;
    }
}

/// @param l a lane that has no bits any more
void
Engine::Deactivate(uint32_t l)
{
    Lane& lane = m_lanes[l];
    lane.active = false;
    const uint64_t bit = uint64_t{1} << (lane.rank % 64);
    m_waiting[lane.rank / 64] &= ~bit;
    m_plain[lane.rank / 64] &= ~bit;
    m_changed = true;
}

/**
 * A piece has arrived at its device: it will be computed as soon as those before it are.
 *
 * @param k the device
 * @param item the piece
 * @param arrivalS when it arrives
 */
void
Engine::Compute(uint32_t k, uint32_t item, double arrivalS)
{
    Item& i = m_items[item];
    i.arrivalS[0] = arrivalS;
    i.computeStartS = std::max(arrivalS, m_computeFree[k]);
    if (i.computeS > 0)
    {
        // what is computed already does not wait for the compute unit
        i.computeStartS = std::max(i.computeStartS, m_problem->devices[k].busyS);
    }
    i.computeEndS = i.computeStartS + i.computeS;
    m_computeFree[k] = i.computeEndS;
    m_late = m_late || i.computeEndS + i.tailS > m_limitS;
    if (i.bits[1] <= 0)
    {
        i.startS[1] = i.arrivalS[1] = i.computeEndS;
        return;
    }
    const uint32_t uplink = k + m_problem->devices.size();
    if (uplink < m_poolLast && m_lanes[uplink].idle)
    {
        ArmUplink(uplink, true); // half duplex: it waits for this one
    }
}

/// @param served whose head is sent now: index into m_served
void
Engine::Finish(uint32_t served)
{
    const uint32_t l = m_served[served];
    Lane& lane = m_lanes[l];
    const uint32_t size = m_problem->devices.size();
    const uint32_t item = lane.head++;
    bool goesOn;
    if (l < size)
    {
        Compute(l, item, m_now + m_problem->devices[l].downlinkFixedS);
        goesOn = lane.head < lane.end && m_items[lane.head].bits[0] > 0 &&
                 m_items[lane.head].releaseS <= m_now;
    }
    else
    {
        m_items[item].arrivalS[1] = m_now + m_problem->devices[l - size].uplinkFixedS;
        m_leftS -= m_items[item].bits[1] * m_leastS[l - size];
        goesOn = lane.head < lane.end && m_items[lane.head].bits[1] > 0 &&
                 m_items[lane.head].computeEndS <= m_now * (1 + SAME_MOMENT);
    }
    if (goesOn && (m_wakes.empty() || m_wakes.front().first > m_now))
    {
        Item& i = m_items[lane.head];
        const int direction = l >= size;
        i.startS[direction] = m_now;
        Bundle& b = m_bundles[served / Bundle::SIZE];
        const std::size_t at = served % Bundle::SIZE;
        b.bits[at] = i.bits[direction];
        b.sinceS[at] = m_now;
        b.finishS[at] = m_now + b.bits[at] * b.inverse[at];
        FindSoonest(served / Bundle::SIZE);
        return;
    }
    Deactivate(l);
    Drop(served);
    Arm(l, false);
}

/// @return rank of the first lane that the leftover goes to; the size of the pool if there is none
uint32_t
Engine::Top() const
{
    for (uint32_t w = 0; w < m_waiting.size(); ++w)
    {
        if (m_waiting[w] != 0)
        {
            return 64 * w + std::countr_zero(m_waiting[w]);
        }
    }
    return m_poolLast - m_poolFirst;
}

/// Divide the budget again
void
Engine::Divide()
{
    m_changed = false;
    if (!Rescale())
    {
        m_alike = false;
        DivideAgain();
    }
    m_fresh.clear();
}

/// Divide the budget among all that are active now
void
Engine::DivideAgain()
{
    for (std::size_t s = 0; s < m_served.size(); ++s)
    {
        const Bundle& b = m_bundles[s / Bundle::SIZE];
        const std::size_t at = s % Bundle::SIZE;
        m_lanes[m_served[s]].remaining =
            std::max(0.0, b.bits[at] - b.rate[at] * (m_now - b.sinceS[at]));
    }
    m_served.clear();

    const uint32_t top = Top();
    const uint32_t behind = top < m_poolLast - m_poolFirst ? m_classEnd[top] : top;
    const auto forEach =
        [this](const std::vector<uint64_t>& set, uint32_t from, uint32_t to, const auto& action) {
            for (uint32_t r = from; r < to;)
            {
                const uint64_t left = set[r / 64] >> (r % 64);
                if (left == 0)
                {
                    r = (r / 64 + 1) * 64;
                    continue;
                }
                r += std::countr_zero(left);
                if (r < to)
                {
                    action(m_order[r]);
                }
                ++r;
            }
        };
    m_weights = 0;
    std::size_t users = 0;
    forEach(m_waiting, top, behind, [&](uint32_t l) {
        m_weights += m_lanes[l].weight;
        ++users;
    });
    if (m_pure)
    {
        m_alike = users >= MANY;
        forEach(m_waiting, top, behind, [&](uint32_t l) {
            Give(l, users == 1 ? 1 : m_lanes[l].weight / m_weights);
        });
        return;
    }
    double guaranteed = 0;
    const uint32_t size = m_poolLast - m_poolFirst;
    forEach(m_waiting, 0, size, [&](uint32_t l) { guaranteed += m_lanes[l].guaranteed; });
    forEach(m_plain, 0, size, [&](uint32_t l) { guaranteed += m_lanes[l].guaranteed; });
    const double left = std::max(0.0, 1 - guaranteed);
    // two directions of one budget may have been promised more than there is
    const double scale = guaranteed > 1 ? 1 / guaranteed : 1;
    forEach(m_waiting, 0, size, [&](uint32_t l) {
        const Lane& lane = m_lanes[l];
        const bool first = lane.rank >= top && lane.rank < behind;
        Give(l, lane.guaranteed * scale + (first ? left * lane.weight / m_weights : 0));
    });
    forEach(m_plain, 0, size, [&](uint32_t l) { Give(l, m_lanes[l].guaranteed * scale); });
}

/**
 * Divide the budget among those who have been served and m_fresh, where they are many, so that the
 * share of each changes but little: log1p(snr) then is what it was, and a series.
 *
 * @return whether that is so
 */
bool
Engine::Rescale()
{
    if (!m_alike || m_served.size() < MANY)
    {
        return false;
    }
    const std::size_t bundles = (m_served.size() + Bundle::SIZE - 1) / Bundle::SIZE;
    for (std::size_t s = m_served.size(); s < bundles * Bundle::SIZE; ++s)
    {
        // nobody's: it has no rate
        Bundle& b = m_bundles[bundles - 1];
        for (auto* const entries : {b.weight, b.cap, b.curve, b.snr})
        {
            entries[s % Bundle::SIZE] = 0;
        }
    }
    double weights = 0;
    for (std::size_t b = 0; b < bundles; ++b)
    {
        weights += std::accumulate(m_bundles[b].weight, m_bundles[b].weight + Bundle::SIZE, 0.0);
    }
    for (const uint32_t l : m_fresh)
    {
        weights += m_lanes[l].weight;
    }
    const double change = weights / m_weights - 1;
    if (std::abs(change) > LITTLE)
    {
        return false;
    }
    const double unit = m_budgetHz / weights;
    for (std::size_t n = 0; n < bundles; ++n)
    {
        Bundle& b = m_bundles[n];
        for (std::size_t i = 0; i < Bundle::SIZE; ++i)
        {
            const double left = b.bits[i] - b.rate[i] * (m_now - b.sinceS[i]);
            b.bits[i] = left > 0 ? left : 0;
            b.sinceS[i] = m_now;
            // with x = change snr / (1 + snr): log1p(x) = 2 artanh(z), z = x / (2 + x)
            const double more = change * b.snr[i];
            const double z = more / (2 * (1 + b.snr[i]) + more);
            const double q = z * z;
            b.nats[i] += 2 * z * (1 + q * (1. / 3 + q * (1. / 5 + q * (1. / 7 + q / 9))));
            b.snr[i] += more;
            const double hz = unit * b.weight[i];
            const double curve = b.curve[i] * hz * b.nats[i];
            const double cap = b.cap[i] * hz;
            b.rate[i] = curve < cap ? curve : cap;
            b.inverse[i] = 1 / b.rate[i];
            b.finishS[i] = m_now + b.bits[i] * b.inverse[i];
        }
        FindSoonest(n);
    }
    m_work += 5 * m_served.size();
    m_weights = weights;
    for (const uint32_t l : m_fresh)
    {
        Give(l, m_lanes[l].weight / weights);
    }
    return true;
}

/// @return what bandwidth is worth to it. @param l a lane
const RateLaw&
Engine::Law(uint32_t l) const
{
    const std::size_t size = m_problem->devices.size();
    return l < size ? m_problem->devices[l].downlinkLaw : m_problem->devices[l - size].uplinkLaw;
}

/// @param l an active lane, not served @param share of the budget
void
Engine::Give(uint32_t l, double share)
{
    m_work += 14;
    const double rate = Rate(l, share);
    if (!(rate > 0))
    {
        m_alike = false;
        return;
    }
    Lane& lane = m_lanes[l];
    if (!lane.started)
    {
        lane.started = true;
        m_items[lane.head].startS[l >= m_problem->devices.size()] = m_now;
    }
    const std::size_t at = m_served.size() % Bundle::SIZE;
    const std::size_t bundle = m_served.size() / Bundle::SIZE;
    Bundle& b = m_bundles[bundle];
    m_served.push_back(l);
    b.bits[at] = lane.remaining;
    b.sinceS[at] = m_now;
    b.rate[at] = rate;
    b.inverse[at] = 1 / rate;
    b.finishS[at] = m_now + lane.remaining * b.inverse[at];
    m_soonestS[bundle] = at > 0 ? std::min(m_soonestS[bundle], b.finishS[at]) : b.finishS[at];
    if (m_alike)
    {
        b.weight[at] = lane.weight;
        const RateLaw& law = Law(l);
        const bool linear = law.kind == RateLaw::LINEAR;
        b.cap[at] = law.efficiency;
        b.curve[at] = linear ? INF : law.scale / std::numbers::ln2;
        b.snr[at] = linear ? 0 : law.gainHz / (share * m_budgetHz);
        b.nats[at] = linear ? 1 : std::log1p(b.snr[at]);
        m_alike = b.snr[at] < INF;
    }
}

/// Take a lane out. @param served which: index into m_served
void
Engine::Drop(uint32_t served)
{
    const std::size_t last = m_served.size() - 1;
    if (served < last)
    {
        const Bundle& from = m_bundles[last / Bundle::SIZE];
        Bundle& to = m_bundles[served / Bundle::SIZE];
        const auto move = [&](double(Bundle::* entries)[Bundle::SIZE]) {
            (to.*entries)[served % Bundle::SIZE] = (from.*entries)[last % Bundle::SIZE];
        };
        move(&Bundle::bits);
        move(&Bundle::sinceS);
        move(&Bundle::rate);
        move(&Bundle::inverse);
        move(&Bundle::finishS);
        if (m_alike)
        {
            move(&Bundle::weight);
            move(&Bundle::cap);
            move(&Bundle::curve);
            move(&Bundle::snr);
            move(&Bundle::nats);
        }
        m_served[served] = m_served[last];
    }
    m_served.pop_back();
    FindSoonest(served / Bundle::SIZE);
    FindSoonest(last / Bundle::SIZE);
}

/// @param bundle of which the earliest end is sought
void
Engine::FindSoonest(std::size_t bundle)
{
    const std::size_t first = bundle * Bundle::SIZE;
    const std::size_t used = std::min(m_served.size() - first, Bundle::SIZE);
    double soonest = INF;
    for (std::size_t i = 0; i < used; ++i)
    {
        soonest = std::min(soonest, m_bundles[bundle].finishS[i]);
    }
    m_soonestS[bundle] = soonest;
}

/// @return bit/s. @param l a lane @param share of the budget
double
Engine::Rate(uint32_t l, double share)
{
    const RateLaw& law = Law(l);
    if (law.kind == RateLaw::LINEAR)
    {
        return law.Rate(share * m_budgetHz);
    }
    const uint64_t hash = (std::bit_cast<uint64_t>(share) * 0x9e3779b97f4a7c15) >> 32;
    const std::size_t at = l * MEMO_SIZE + hash % MEMO_SIZE;
    if (m_memoShare[at] != share)
    {
        m_work += 20;
        m_memoShare[at] = share;
        m_memoRate[at] = law.Rate(share * m_budgetHz);
    }
    return m_memoRate[at];
}

/**
 * Bounds for one problem. Everything a device has to do until its last task of a block is over is
 * followed at the full band of both directions, task by task; where there is a choice of cuts the
 * state after the task takes the smallest value of each of its entries, which none of the cuts
 * beats.
 */
class Bounder
{
  public:
    /// @return a bound on the cost. @param problem blocks in flight
    double Bound(const ShopProblem& problem);

    /// @return how much there was to do, as Engine::GetWork()
    uint64_t GetWork() const
    {
        return m_work;
    }

  private:
    /// Some bits of one cut of one task, in one direction
    struct Load
    {
        double key;      ///< head (uplink) or tail (downlink): loads count from the largest on
        double other;    ///< the opposite end
        double bits;     ///< how many
        uint32_t device; ///< whose
        uint32_t task;   ///< of which task
        uint32_t cut;    ///< of which cut
    };

    /// What a device has moved, and the line that is below what its law makes that cost: slope x
    /// bits - relief x (length of the window) is no more Hz s than needed, for any window
    struct Line
    {
        double slope;  ///< Hz s for each bit
        double relief; ///< Hz
        double bits;   ///< so far
        double key;    ///< smallest so far
        double other;  ///< smallest of all its loads
        bool counted;  ///< some bits in every cut of some task
    };

    double BlockBound(uint32_t block);
    double Chain(uint32_t device, const uint32_t* end, uint32_t block);
    void Tails(uint32_t device, const uint32_t* end, uint32_t block);
    void Note(int direction, const Load& load);
    double MachineBound(int direction, double known);
    double WindowBound(int direction, double other, double known);
    std::size_t Scan(int direction, double other, std::size_t count, double& end);
    void Touch(int direction, double end);
    double OrderBound();

    const ShopProblem* m_problem{nullptr}; ///< what is bounded
    TasksOfDevices m_tasksOf;              ///< by device
    std::vector<double> m_rate[2];         ///< K: with the whole budget
    std::vector<Load> m_loads[2];          ///< of the block, by direction
    std::vector<double> m_release;         ///< T: not before that, for those before it either
    std::vector<double> m_heads;           ///< of the answers of one device, in order of its cuts
    std::vector<Line> m_lines;             ///< K
    std::vector<std::size_t> m_cutFirst;   ///< T: where the cuts of a task are in m_moved
    std::vector<double> m_moved;           ///< bits, by task and cut
    std::vector<double> m_least;           ///< T: the smallest of those
    std::vector<double> m_others;          ///< thresholds
    std::vector<double> m_area;            ///< B: Hz s
    std::vector<double> m_tail;            ///< B: s
    std::vector<uint32_t> m_order;         ///< of the blocks
    uint64_t m_work{0};                    ///< see GetWork()
};

double
Bounder::Bound(const ShopProblem& problem)
{
    m_problem = &problem;
    m_work = 0;
    m_tasksOf.Load(problem);
    const std::size_t size = problem.devices.size();
    for (int direction = 0; direction < 2; ++direction)
    {
        m_rate[direction].resize(size);
        for (std::size_t k = 0; k < size; ++k)
        {
            const auto& d = problem.devices[k];
            m_rate[direction][k] = direction == 0 ? d.downlinkLaw.Rate(problem.downlinkHz)
                                                  : d.uplinkLaw.Rate(UplinkHz(problem));
        }
    }
    m_lines.resize(size);
    m_cutFirst.resize(problem.tasks.size());
    m_least.resize(problem.tasks.size());
    m_release.resize(problem.tasks.size());
    std::size_t cuts = 0;
    for (std::size_t t = 0; t < problem.tasks.size(); ++t)
    {
        m_cutFirst[t] = cuts;
        cuts += problem.tasks[t].cuts.size();
    }
    m_moved.resize(cuts);
    double sum = 0;
    for (uint32_t b = 0; b < problem.blockWeight.size(); ++b)
    {
        sum += problem.blockWeight[b] * BlockBound(b);
    }
    return problem.blockWeight.size() > 1 ? std::max(sum, OrderBound()) : sum;
}

/// @return a bound on the end of a block. @param block which
double
Bounder::BlockBound(uint32_t block)
{
    for (auto& loads : m_loads)
    {
        loads.clear();
    }
    double bound = 0;
    for (uint32_t k = 0; k < m_problem->devices.size(); ++k)
    {
        const uint32_t* end = m_tasksOf.End(k);
        while (end != m_tasksOf.Begin(k) && m_problem->tasks[*(end - 1)].block != block)
        {
            --end;
        }
        if (end != m_tasksOf.Begin(k))
        {
            bound = std::max(bound, Chain(k, end, block));
            Tails(k, end, block);
        }
    }
    if (!(bound < INF))
    {
        return bound;
    }
    bound = std::max(bound, MachineBound(0, bound));
    return std::max(bound, MachineBound(1, bound));
}

/**
 * Follow a device alone, forward. Notes the heads of its answers.
 *
 * @param k the device
 * @param end behind the last of its tasks that count
 * @param block whose end is asked for
 * @return when its last answer of the block is there at the earliest
 */
double
Bounder::Chain(uint32_t k, const uint32_t* end, uint32_t block)
{
    const ShopDevice& device = m_problem->devices[k];
    m_heads.clear();
    double bound = 0;
    double release = 0;
    double sent = 0;     // the last bit to the device
    double computed = 0; // what was before
    double answered = 0; // the last bit of what was before
    bool asks = true;    // nothing was answered before, for certain: its uplink is idle
    for (const uint32_t* t = m_tasksOf.Begin(k); t != end; ++t)
    {
        const ShopTask& task = m_problem->tasks[*t];
        release = std::max(release, task.releaseS);
        m_release[*t] = release;
        double least[4] = {INF, INF, INF, INF};
        bool asksNext = asks;
        for (const auto& cut : task.cuts)
        {
            double d = std::max(sent, release);
            double c = computed;
            double u = answered;
            double last = 0;
            bool asksNow = asks;
            for (const ShopPiece& p : cut)
            {
                double arrival = d;
                if (p.downlinkBits > 0)
                {
                    d += p.downlinkBits / m_rate[0][k];
                    arrival = d + device.downlinkFixedS;
                }
                c = std::max(c, arrival);
                if (p.computeS > 0)
                {
                    c = std::max(c, device.busyS) + p.computeS;
                }
                double over = c;
                if (p.uplinkBits > 0)
                {
                    u = std::max(u, c + (asksNow ? device.uplinkRequestS : 0));
                    asksNow = false;
                    m_heads.push_back(u);
                    u += p.uplinkBits / m_rate[1][k];
                    over = u + device.uplinkFixedS;
                }
                last = std::max(last, over);
            }
            const double state[4] = {d, c, u, last};
            for (int i = 0; i < 4; ++i)
            {
                least[i] = std::min(least[i], state[i]);
            }
            asksNext = asksNext && asksNow;
        }
        sent = least[0];
        computed = least[1];
        answered = least[2];
        asks = asksNext;
        if (task.block == block)
        {
            bound = std::max(bound, least[3]);
        }
    }
    return bound;
}

/**
 * Follow a device alone, backward, for the tails, and note its loads.
 *
 * @param k the device
 * @param end behind the last of its tasks that count
 * @param block whose end is asked for
 */
void
Bounder::Tails(uint32_t k, const uint32_t* end, uint32_t block)
{
    const ShopDevice& device = m_problem->devices[k];
    // the first task that may answer is the only one that is certain to have to ask
    const uint32_t* asking = m_tasksOf.Begin(k);
    const auto answers = [this](uint32_t t) {
        const auto& cuts = m_problem->tasks[t].cuts;
        return std::any_of(cuts.begin(), cuts.end(), [](const auto& cut) {
            return std::any_of(cut.begin(), cut.end(), [](const ShopPiece& p) {
                return p.uplinkBits > 0;
            });
        });
    };
    while (asking != end && !answers(*asking))
    {
        ++asking;
    }
    std::size_t head = m_heads.size();
    // from the start of what comes next in a stage to the end of the block; -INF: which does not
    // wait for it
    double uplink = -INF;
    double compute = -INF;
    double downlink = -INF;
    for (const uint32_t* t = end; t-- != m_tasksOf.Begin(k);)
    {
        const ShopTask& task = m_problem->tasks[*t];
        double least[3] = {INF, INF, INF};
        for (uint32_t c = task.cuts.size(); c-- > 0;)
        {
            const auto& cut = task.cuts[c];
            std::size_t first = cut.size();
            for (std::size_t p = 0; t == asking && p < cut.size() && first == cut.size(); ++p)
            {
                first = cut[p].uplinkBits > 0 ? p : first;
            }
            double state[3] = {uplink, compute, downlink};
            for (std::size_t p = cut.size(); p-- > 0;)
            {
                double answer = task.block == block ? 0 : -INF;
                if (cut[p].uplinkBits > 0)
                {
                    const double start = m_heads[--head];
                    const double tail = std::max(answer + device.uplinkFixedS, state[0]);
                    if (tail >= 0)
                    {
                        Note(1, {start, device.uplinkFixedS, cut[p].uplinkBits, k, *t, c});
                    }
                    state[0] = cut[p].uplinkBits / m_rate[1][k] + tail;
                    answer = state[0] + (p == first ? device.uplinkRequestS : 0);
                }
                state[1] = cut[p].computeS + std::max(answer, state[1]);
                if (cut[p].downlinkBits > 0)
                {
                    const double tail = std::max(device.downlinkFixedS + state[1], state[2]);
                    if (tail >= 0)
                    {
                        Note(0, {tail, m_release[*t], cut[p].downlinkBits, k, *t, c});
                    }
                    state[2] = cut[p].downlinkBits / m_rate[0][k] + tail;
                }
            }
            for (int i = 0; i < 3; ++i)
            {
                least[i] = std::min(least[i], state[i]);
            }
        }
        uplink = least[0];
        compute = least[1];
        downlink = least[2];
    }
}

/**
 * Note a load. Among many devices the pieces of one matter little: they become one load, with the
 * smallest of their keys, which is less than the truth and so still gives a bound.
 *
 * @param direction 0: downlink, 1: uplink
 * @param load what to note
 */
void
Bounder::Note(int direction, const Load& load)
{
    constexpr std::size_t FEW = 64;
    auto& loads = m_loads[direction];
    if (m_problem->devices.size() <= FEW || loads.empty() || loads.back().task != load.task ||
        loads.back().cut != load.cut)
    {
        loads.push_back(load);
        return;
    }
    loads.back().bits += load.bits;
    loads.back().key = std::min(loads.back().key, load.key);
}

/**
 * One direction as one machine.
 *
 * @param direction 0: downlink, 1: uplink
 * @param known a bound that holds already
 * @return a bound on the end of the block, at least `known`
 */
double
Bounder::MachineBound(int direction, double known)
{
    auto& loads = m_loads[direction];
    if (loads.empty())
    {
        return known;
    }
    m_work += 15 * loads.size();
    std::sort(loads.begin(), loads.end(), [](const Load& a, const Load& b) {
        return a.key > b.key;
    });
    constexpr std::size_t MOST = 8;
    m_others.clear();
    for (const Load& l : loads)
    {
        if (m_others.size() < MOST &&
            std::find(m_others.begin(), m_others.end(), l.other) == m_others.end())
        {
            m_others.push_back(l.other);
        }
    }
    const auto least = std::min_element(loads.begin(), loads.end(), [](auto& a, auto& b) {
        return a.other < b.other;
    });
    if (std::find(m_others.begin(), m_others.end(), least->other) == m_others.end())
    {
        m_others.push_back(least->other);
    }
    for (const double other : m_others)
    {
        known = WindowBound(direction, other, known);
    }
    return known;
}

/**
 * Count loads from the largest key on, and try each set that this gives.
 *
 * Within the window between the smallest head h and the smallest tail q of a set, its bits need
 * sum over devices of slope x bits - relief x (T - h_k - q_k) Hz s, and there are
 * budget x (T - h - q).
 *
 * @param direction 0: downlink, 1: uplink
 * @param other loads with less than that at the opposite end are left out
 * @param count only so many loads
 * @param [out] end the bound of the best set, s
 * @return how many loads the best set has
 */
std::size_t
Bounder::Scan(int direction, double other, std::size_t count, double& end)
{
    const double budget = direction == 0 ? m_problem->downlinkHz : UplinkHz(*m_problem);
    const auto& loads = m_loads[direction];
    for (const Load& l : loads)
    {
        m_lines[l.device].counted = false;
        m_lines[l.device].bits = 0;
        m_least[l.task] = 0;
        std::fill_n(m_moved.begin() + m_cutFirst[l.task], m_problem->tasks[l.task].cuts.size(), 0);
    }
    m_work += 12 * count;
    double needs = 0;   // slope x bits + relief x (h_k + q_k)
    double reliefs = 0; // relief
    std::size_t best = 0;
    end = 0;
    for (std::size_t i = 0; i < count; ++i)
    {
        const Load& l = loads[i];
        if (l.other < other)
        {
            continue;
        }
        Line& line = m_lines[l.device];
        const auto moved = m_moved.begin() + m_cutFirst[l.task];
        moved[l.cut] += l.bits;
        const double least = *std::min_element(moved, moved + m_problem->tasks[l.task].cuts.size());
        const double more = least - m_least[l.task];
        if (line.counted)
        {
            needs += line.slope * more + line.relief * (l.key - line.key);
        }
        else if (more > 0)
        {
            line.counted = true;
            needs += line.slope * more + line.relief * (l.key + line.other);
            reliefs += line.relief;
        }
        m_least[l.task] = least;
        line.bits += more;
        line.key = l.key;
        const double bound = (needs + budget * (l.key + other)) / (budget + reliefs);
        if (needs > 0 && bound > end && (i + 1 == loads.size() || loads[i + 1].key < l.key))
        {
            end = bound;
            best = i + 1;
        }
    }
    return best;
}

/**
 * Lines that touch the laws where each device has its bits of the last Scan() moved evenly within
 * their window.
 *
 * @param direction 0: downlink, 1: uplink
 * @param end of the window, s
 */
void
Bounder::Touch(int direction, double end)
{
    const double budget = direction == 0 ? m_problem->downlinkHz : UplinkHz(*m_problem);
    for (const Load& l : m_loads[direction])
    {
        Line& line = m_lines[l.device];
        const auto& d = m_problem->devices[l.device];
        const RateLaw& law = direction == 0 ? d.downlinkLaw : d.uplinkLaw;
        const double length = end - line.key - line.other;
        if (!line.counted || !(length > 0) || law.kind == RateLaw::LINEAR)
        {
            continue;
        }
        m_work += 200;
        line.counted = false; // once for each device
        const double rate = std::min(line.bits / length, m_rate[direction][l.device]);
        // further out the slope cannot be told from zero any more
        constexpr double LEAST_SNR = 1e-3;
        const double hz = std::min({law.Bandwidth(rate), budget, law.gainHz / LEAST_SNR});
        if (!(hz > 0))
        {
            continue;
        }
        const double snr = law.gainHz / hz;
        const double nats = std::log1p(snr);
        const double curve = law.scale * nats / std::numbers::ln2;
        const double slope = law.efficiency <= curve
                                 ? law.efficiency
                                 : curve - law.scale * snr / (1 + snr) / std::numbers::ln2;
        line.slope = 1 / slope;
        line.relief = std::max(0.0, law.Rate(hz) / slope - hz);
    }
}

/**
 * One direction as one machine, for all sets of loads between two thresholds.
 *
 * @param direction 0: downlink, 1: uplink
 * @param other loads with less than that at the opposite end are left out
 * @param known a bound that holds already, finite
 * @return a bound on the end of the block, at least `known`
 */
double
Bounder::WindowBound(int direction, double other, double known)
{
    const double budget = direction == 0 ? m_problem->downlinkHz : UplinkHz(*m_problem);
    const auto& loads = m_loads[direction];
    bool curved = false;
    for (const Load& l : loads)
    {
        const auto& d = m_problem->devices[l.device];
        Line& line = m_lines[l.device];
        const RateLaw& law = direction == 0 ? d.downlinkLaw : d.uplinkLaw;
        line.slope = 1 / law.efficiency; // no Hz carries more; 0 without a cap
        line.relief = 0;
        line.other = INF;
        curved = curved || !IsLinear(law, budget);
    }
    for (const Load& l : loads)
    {
        if (l.other >= other)
        {
            m_lines[l.device].other = std::min(m_lines[l.device].other, l.other);
        }
    }
    double end;
    if (!curved)
    {
        Scan(direction, other, loads.size(), end);
        return std::max(known, end);
    }
    // where to touch the laws depends on the bound, and it on the set: a few rounds of both
    constexpr int ROUNDS = 2;
    Scan(direction, other, loads.size(), end);
    Touch(direction, known);
    for (int round = 0; round < ROUNDS; ++round)
    {
        const std::size_t best = Scan(direction, other, loads.size(), end);
        known = std::max(known, end);
        if (round + 1 < ROUNDS)
        {
            Scan(direction, other, best, end);
            Touch(direction, known);
        }
    }
    return known;
}

/**
 * Blocks as jobs of one machine, in the order that is best for those (Smith's rule).
 *
 * @return a bound on the cost
 */
double
Bounder::OrderBound()
{
    const auto& weight = m_problem->blockWeight;
    const std::size_t blocks = weight.size();
    double bound = 0;
    for (int direction = 0; direction < 2; ++direction)
    {
        const double budget = direction == 0 ? m_problem->downlinkHz : UplinkHz(*m_problem);
        m_area.assign(blocks, 0);
        for (const ShopTask& t : m_problem->tasks)
        {
            const auto& d = m_problem->devices[t.device];
            for (int each = 0; each < 2; ++each)
            {
                if (each != direction && !m_problem->halfDuplex)
                {
                    continue;
                }
                double least = INF;
                for (const auto& cut : t.cuts)
                {
                    double bits = 0;
                    for (const ShopPiece& p : cut)
                    {
                        bits += each == 0 ? p.downlinkBits : p.uplinkBits;
                    }
                    least = std::min(least, bits);
                }
                // nothing is cheaper than a little bandwidth
                const double slope = (each == 0 ? d.downlinkLaw : d.uplinkLaw).efficiency;
                m_area[t.block] += slope > 0 ? least / slope : 0;
            }
        }
        m_order.resize(blocks);
        std::iota(m_order.begin(), m_order.end(), 0);
        std::sort(m_order.begin(), m_order.end(), [this, &weight](uint32_t a, uint32_t b) {
            return m_area[a] * weight[b] < m_area[b] * weight[a];
        });
        double area = 0;
        double sum = 0;
        for (const uint32_t b : m_order)
        {
            area += m_area[b];
            // a block that moves nothing does not wait
            sum += m_area[b] > 0 ? weight[b] * area / budget : 0;
        }
        bound = std::max(bound, sum);
    }
    return bound;
}

} // namespace

double
ShopResult::Gap() const
{
    if (!(outcome.costS > 0))
    {
        return 0;
    }
    return outcome.costS < INF ? std::max(0.0, (outcome.costS - lowerBoundS) / outcome.costS) : 1;
}

void
ShopParam::Check() const
{
    if (!(guaranteed >= 0 && guaranteed < 1))
    {
        throw std::invalid_argument("ShopParam: guaranteed is " + Text(guaranteed) +
                                    ", expected in [0, 1 / number of devices)");
    }
    if (!uplinkSerial && !uplinkShared)
    {
        throw std::invalid_argument("ShopParam: uplinkSerial and uplinkShared are both false, "
                                    "expected one of them to be true");
    }
}

bool
IsLinear(const RateLaw& law, double budgetHz)
{
    return law.kind == RateLaw::LINEAR || law.Rate(budgetHz) >= law.efficiency * budgetHz;
}

std::string
CheckShop(const ShopProblem& problem)
{
    const auto time = [](double value) { return value >= 0 && value < INF; };
    const auto expected = [](const std::string& what, double value, const char* range) {
        return what + " is " + Text(value) + ", expected " + range;
    };
    const char* const notNegative = "a finite number >= 0";
    const char* const positive = "a finite number > 0";
    if (!(problem.downlinkHz > 0 && problem.downlinkHz < INF))
    {
        return expected("downlinkHz", problem.downlinkHz, positive);
    }
    if (!problem.coupled && !problem.halfDuplex &&
        !(problem.uplinkHz > 0 && problem.uplinkHz < INF))
    {
        return expected("uplinkHz", problem.uplinkHz, positive);
    }
    for (std::size_t k = 0; k < problem.devices.size(); ++k)
    {
        const ShopDevice& d = problem.devices[k];
        const auto name = [k](const char* field) {
            return "devices[" + std::to_string(k) + "]." + field;
        };
        if (!d.downlinkLaw.IsValid() || !d.uplinkLaw.IsValid())
        {
            const RateLaw& law = d.downlinkLaw.IsValid() ? d.uplinkLaw : d.downlinkLaw;
            return name(d.downlinkLaw.IsValid() ? "uplinkLaw" : "downlinkLaw") +
                   " has efficiency " + Text(law.efficiency) + ", gainHz " + Text(law.gainHz) +
                   ", scale " + Text(law.scale) + ", expected a valid rate law";
        }
        const std::pair<const char*, double> times[] = {{"downlinkFixedS", d.downlinkFixedS},
                                                        {"uplinkRequestS", d.uplinkRequestS},
                                                        {"uplinkFixedS", d.uplinkFixedS},
                                                        {"busyS", d.busyS}};
        for (const auto& [field, value] : times)
        {
            if (!time(value))
            {
                return expected(name(field), value, notNegative);
            }
        }
    }
    for (std::size_t b = 0; b < problem.blockWeight.size(); ++b)
    {
        if (!(problem.blockWeight[b] > 0 && problem.blockWeight[b] < INF))
        {
            return expected("blockWeight[" + std::to_string(b) + "]",
                            problem.blockWeight[b],
                            positive);
        }
    }
    for (std::size_t t = 0; t < problem.tasks.size(); ++t)
    {
        const ShopTask& task = problem.tasks[t];
        const auto name = [t] { return "tasks[" + std::to_string(t) + "]"; };
        if (task.device >= problem.devices.size())
        {
            return name() + ".device is " + std::to_string(task.device) +
                   ", expected less than the number of devices, " +
                   std::to_string(problem.devices.size());
        }
        if (task.block >= problem.blockWeight.size())
        {
            return name() + ".block is " + std::to_string(task.block) +
                   ", expected less than the number of entries of blockWeight, " +
                   std::to_string(problem.blockWeight.size());
        }
        if (!time(task.releaseS))
        {
            return expected(name() + ".releaseS", task.releaseS, notNegative);
        }
        if (task.cuts.empty())
        {
            return name() + ".cuts is empty, expected at least one";
        }
        for (std::size_t c = 0; c < task.cuts.size(); ++c)
        {
            if (task.cuts[c].empty())
            {
                return name() + ".cuts[" + std::to_string(c) +
                       "] is empty, expected at least one piece";
            }
            for (std::size_t p = 0; p < task.cuts[c].size(); ++p)
            {
                const ShopPiece& piece = task.cuts[c][p];
                const std::pair<const char*, double> values[] = {
                    {"downlinkBits", piece.downlinkBits},
                    {"computeS", piece.computeS},
                    {"uplinkBits", piece.uplinkBits}};
                for (const auto& [field, value] : values)
                {
                    if (!time(value))
                    {
                        return expected(name() + ".cuts[" + std::to_string(c) + "][" +
                                            std::to_string(p) + "]." + field,
                                        value,
                                        notNegative);
                    }
                }
            }
        }
    }
    return {};
}

/// The event loop
class ShopEvaluator::Impl
{
  public:
    Engine engine; ///< follows plans
};

ShopEvaluator::ShopEvaluator()
    : m_impl(std::make_unique<Impl>())
{
}

ShopEvaluator::~ShopEvaluator() = default;

void
ShopEvaluator::Evaluate(const ShopProblem& problem, const ShopPlan& plan, ShopOutcome& outcome)
{
    m_impl->engine.Load(problem);
    m_impl->engine.Run(plan);
    m_impl->engine.Report(outcome);
}

/// The search
class ShopPlanner::Impl
{
  public:
    /// @return the plan. @param problem blocks in flight @param param how far to go
    const ShopResult& Plan(const ShopProblem& problem, const ShopParam& param);

  private:
    /// How a direction is divided
    enum class Division
    {
        ORDER, ///< one device after another
        EQUAL, ///< all alike
        NEED   ///< by what each needs to be done at about the same time
    };

    /// Where the uplinks are among the downlinks, if both take from one budget
    enum class Place
    {
        BELOW, ///< after all downlinks
        ABOVE, ///< before all downlinks
        AMONG  ///< with them
    };

    /// A plan of the family
    struct Choice
    {
        std::vector<uint32_t> cut;           ///< by task
        std::vector<uint32_t> downlinkOrder; ///< devices, all
        std::vector<uint32_t> uplinkOrder;   ///< likewise
        Division downlink{Division::EQUAL};  ///< how the downlink is divided
        Division uplink{Division::EQUAL};    ///< how the uplink is divided
        bool follows{true};                  ///< the uplink's order is the downlink's
        Place place{Place::BELOW};           ///< of the uplinks
    };

    /// A task in one of its cuts, alone at the full band
    struct Stage
    {
        double downlinkS; ///< sending to the device
        double uplinkS;   ///< sending its answers
        double runInS;    ///< from its start until its answers can be sent without a gap
        double runOutS;   ///< from its last bit sent to its end
    };

    /// Orders to start from
    enum class Rule
    {
        JOHNSON_MITTEN, ///< short downlinks by run-in, then long ones by run-out
        LONGEST_TAIL,   ///< by run-out, longest first
        SHORTEST_FIRST  ///< by run-in, shortest first
    };

    bool Prepare();
    Stage Follow(const ShopDevice& device, const std::vector<ShopPiece>& cut) const;
    void Sort(Rule rule,
              bool byBlock,
              const std::vector<uint32_t>& cut,
              std::vector<uint32_t>& order);
    const std::vector<double>& NeedWeights(int direction);
    void WriteShares(std::vector<ShopShare>& shares,
                     Division division,
                     const std::vector<uint32_t>& order,
                     int direction,
                     int32_t base);
    bool Try();
    bool IsExhausted() const;
    double FamilySize() const;
    void Enumerate();
    void EnumerateDownlinks();
    void EnumerateUplinks();
    void EnumeratePlaces();
    template <typename Action>
    void ForEachOrder(int direction, std::vector<uint32_t>& order, const Action& action);
    uint32_t SoonestCut(std::size_t t, bool alone) const;
    void Construct();
    bool ImproveUplink();
    bool ImproveCuts();
    bool ImproveCut(std::size_t t);
    bool ImproveOrder(bool uplink);
    bool TryMove(bool uplink, std::size_t from, std::size_t to);
    void Improve();
    void Restart();

    const ShopProblem* m_problem{nullptr}; ///< what is planned
    const ShopParam* m_param{nullptr};     ///< how far to go
    Engine m_engine;                       ///< follows plans
    Bounder m_bounder;                     ///< the other side
    ShopResult m_result;                   ///< what is returned
    ShopPlan m_plan;                       ///< that of m_trial
    Choice m_trial;                        ///< tried now
    Choice m_best;                         ///< best so far
    double m_bestCost{0};                  ///< its cost
    Choice m_found;                        ///< best of all searches so far
    double m_foundCost{0};                 ///< its cost
    uint64_t m_workLimit{0};               ///< of the engine, at most
    uint32_t m_last{0};                    ///< whose last answer is its last
    uint32_t m_limit{0};                   ///< evaluations, at most

    bool m_downlinkSerial{false};          ///< one after another
    bool m_uplinkSerial{false};            ///< one after another is an option
    bool m_uplinkShared{false};            ///< sharing is an option
    std::size_t m_cuts{0};                 ///< most cuts of a task
    std::vector<uint32_t> m_movable[2];    ///< devices that may have bits, by direction
    std::vector<char> m_hasBits[2];        ///< K
    std::vector<std::size_t> m_stageFirst; ///< T: where the cuts of a task are in m_stages
    std::vector<Stage> m_stages;           ///< by task and cut
    std::vector<Stage> m_device;           ///< K: in the cuts that are sorted for
    std::vector<uint32_t> m_block;         ///< K: first block
    bool m_hasNeed[2]{false, false};       ///< the weights are known, by direction
    std::vector<double> m_need[2];         ///< K: weights by what each needs
    std::vector<double> m_alone;           ///< K: time for all, alone at the full band, s
    std::vector<double> m_bits;            ///< K: in one direction
};

/// @return what a task is like. @param device whose @param cut one of its cuts
ShopPlanner::Impl::Stage
ShopPlanner::Impl::Follow(const ShopDevice& device, const std::vector<ShopPiece>& cut) const
{
    double d = 0;
    double c = device.busyS;
    double u = 0;
    Stage s{0, 0, 0, 0};
    const double down = device.downlinkLaw.Rate(m_problem->downlinkHz);
    const double up = device.uplinkLaw.Rate(UplinkHz(*m_problem));
    for (const ShopPiece& p : cut)
    {
        d += p.downlinkBits > 0 ? p.downlinkBits / down : 0;
        c = std::max(c, d + device.downlinkFixedS) + p.computeS;
        if (p.uplinkBits > 0)
        {
            u = std::max(u, c + (s.uplinkS > 0 ? 0 : device.uplinkRequestS));
            u += p.uplinkBits / up;
            s.uplinkS += p.uplinkBits / up;
        }
    }
    s.downlinkS = d;
    const double end = std::max(c, u + device.uplinkFixedS);
    s.runInS = std::max(c, u) - s.uplinkS;
    s.runOutS = end - d;
    return s;
}

/// Take the problem in. @return false if a device cannot move its bits
bool
ShopPlanner::Impl::Prepare()
{
    const ShopProblem& p = *m_problem;
    const std::size_t size = p.devices.size();
    const double hz[2] = {p.downlinkHz, UplinkHz(p)};
    m_engine.Load(p);
    m_hasNeed[0] = m_hasNeed[1] = false;
    m_bestCost = INF;
    m_cuts = 1;
    m_stages.clear();
    m_stageFirst.clear();
    m_block.assign(size, std::numeric_limits<uint32_t>::max());
    for (auto& bits : m_hasBits)
    {
        bits.assign(size, false);
    }
    for (std::size_t t = 0; t < p.tasks.size(); ++t)
    {
        const ShopTask& task = p.tasks[t];
        const ShopDevice& device = p.devices[task.device];
        m_stageFirst.push_back(m_stages.size());
        m_cuts = std::max(m_cuts, task.cuts.size());
        m_block[task.device] = std::min(m_block[task.device], task.block);
        bool always[2] = {true, true};
        for (const auto& cut : task.cuts)
        {
            m_stages.push_back(Follow(device, cut));
            bool has[2] = {false, false};
            for (const ShopPiece& piece : cut)
            {
                has[0] = has[0] || piece.downlinkBits > 0;
                has[1] = has[1] || piece.uplinkBits > 0;
            }
            for (int direction = 0; direction < 2; ++direction)
            {
                m_hasBits[direction][task.device] |= has[direction];
                always[direction] = always[direction] && has[direction];
            }
        }
        for (int direction = 0; direction < 2; ++direction)
        {
            const RateLaw& law = direction == 0 ? device.downlinkLaw : device.uplinkLaw;
            if (always[direction] && !(law.Rate(hz[direction]) > 0))
            {
                m_result.status = ShopStatus::INFEASIBLE;
                m_result.message = "tasks[" + std::to_string(t) + "] has bits to move " +
                                   (direction == 0 ? "down to" : "up from") + " devices[" +
                                   std::to_string(task.device) + "], whose law carries none there";
                return false;
            }
        }
    }
    bool linear[2] = {true, true};
    for (int direction = 0; direction < 2; ++direction)
    {
        m_movable[direction].clear();
        for (uint32_t k = 0; k < size; ++k)
        {
            const ShopDevice& d = p.devices[k];
            if (m_hasBits[direction][k])
            {
                linear[direction] =
                    linear[direction] &&
                    IsLinear(direction == 0 ? d.downlinkLaw : d.uplinkLaw, hz[direction]);
            }
            if (m_hasBits[direction][k] || (p.coupled && m_hasBits[1 - direction][k]))
            {
                m_movable[direction].push_back(k);
            }
        }
    }
    m_downlinkSerial = linear[0] && m_param->downlinkSerial;
    m_uplinkSerial = (linear[1] && m_param->uplinkSerial) || !m_param->uplinkShared;
    m_uplinkShared = m_param->uplinkShared;
    if (p.coupled)
    {
        // one share, so both or none
        m_downlinkSerial = m_downlinkSerial && m_uplinkSerial;
    }
    m_trial.cut.assign(p.tasks.size(), 0);
    m_trial.downlinkOrder.resize(size);
    std::iota(m_trial.downlinkOrder.begin(), m_trial.downlinkOrder.end(), 0);
    m_trial.uplinkOrder = m_trial.downlinkOrder;
    m_trial.downlink = m_downlinkSerial ? Division::ORDER : Division::NEED;
    m_trial.uplink = m_uplinkSerial ? Division::ORDER : Division::NEED;
    m_trial.follows = m_downlinkSerial || p.coupled;
    m_trial.place = p.coupled ? Place::AMONG : Place::BELOW;
    m_plan.cut = m_trial.cut;
    m_plan.downlink.resize(size);
    m_plan.uplink.resize(size);
    return true;
}

/**
 * @param rule what counts
 * @param byBlock whether earlier blocks go first, whatever the rule
 * @param cut of each task
 * @param [out] order all devices
 */
void
ShopPlanner::Impl::Sort(Rule rule,
                        bool byBlock,
                        const std::vector<uint32_t>& cut,
                        std::vector<uint32_t>& order)
{
    const std::size_t size = m_problem->devices.size();
    m_device.assign(size, Stage{0, 0, -1, 0});
    for (std::size_t t = 0; t < cut.size(); ++t)
    {
        const Stage& s = m_stages[m_stageFirst[t] + cut[t]];
        Stage& d = m_device[m_problem->tasks[t].device];
        d.downlinkS += s.downlinkS;
        d.uplinkS += s.uplinkS;
        d.runInS = d.runInS < 0 ? s.runInS : d.runInS; // of its first task
        d.runOutS = s.runOutS;                         // of its last one
    }
    order.resize(size);
    std::iota(order.begin(), order.end(), 0);
    const auto before = [this, rule, byBlock](uint32_t i, uint32_t j) {
        const Stage& a = m_device[i];
        const Stage& b = m_device[j];
        if (byBlock && m_block[i] != m_block[j])
        {
            return m_block[i] < m_block[j];
        }
        double x = a.runInS;
        double y = b.runInS;
        if (rule == Rule::LONGEST_TAIL)
        {
            x = -a.runOutS;
            y = -b.runOutS;
        }
        else if (rule == Rule::JOHNSON_MITTEN)
        {
            const bool late = a.downlinkS > a.uplinkS;
            if (late != (b.downlinkS > b.uplinkS))
            {
                return !late;
            }
            if (late)
            {
                x = -a.runOutS;
                y = -b.runOutS;
            }
        }
        return x != y ? x < y : i < j;
    };
    std::sort(order.begin(), order.end(), before);
}

/**
 * What each device needs to be done at about the same time: the bandwidth that moves its bits (of
 * the first cuts) in what is left of a time T after all the rest at the full band. T is a bit more
 * than the longest that any device takes alone; the exact minimum of T costs much more, and the
 * weights that it gives are no better over time.
 *
 * @param direction 1: uplink
 * @return weights, 1 is an equal share
 */
const std::vector<double>&
ShopPlanner::Impl::NeedWeights(int direction)
{
    auto& weights = m_need[direction];
    if (m_hasNeed[direction])
    {
        return weights;
    }
    m_hasNeed[direction] = true;
    const ShopProblem& p = *m_problem;
    const std::size_t size = p.devices.size();
    weights.assign(size, 1);
    m_bits.assign(size, 0);
    m_alone.resize(size);
    for (std::size_t k = 0; k < size; ++k)
    {
        const ShopDevice& d = p.devices[k];
        m_alone[k] = d.downlinkFixedS + d.uplinkRequestS + d.uplinkFixedS;
    }
    for (const ShopTask& t : p.tasks)
    {
        for (const ShopPiece& piece : t.cuts.front())
        {
            m_bits[t.device] += direction == 0 ? piece.downlinkBits : piece.uplinkBits;
            m_alone[t.device] += piece.computeS;
        }
        const Stage& s = m_stages[m_stageFirst[&t - p.tasks.data()]];
        m_alone[t.device] += s.downlinkS + s.uplinkS;
    }
    constexpr double LONGER = 1.25;
    const double longest =
        LONGER * std::accumulate(m_alone.begin(), m_alone.end(), 0.0, [](double a, double b) {
            return std::max(a, b);
        });
    const double hz = direction == 0 ? p.downlinkHz : UplinkHz(p);
    for (std::size_t k = 0; k < size; ++k)
    {
        const RateLaw& law = direction == 0 ? p.devices[k].downlinkLaw : p.devices[k].uplinkLaw;
        const double window = longest - m_alone[k] + m_bits[k] / law.Rate(hz);
        const double need = law.Bandwidth(m_bits[k] / window);
        if (m_bits[k] > 0 && need > 0 && need < INF)
        {
            weights[k] = static_cast<double>(size) * need / hz;
        }
    }
    return weights;
}

/**
 * @param [out] shares of all devices
 * @param division how
 * @param order all devices; the first is served first
 * @param direction 0: downlink, 1: uplink
 * @param base priority below all of them
 */
void
ShopPlanner::Impl::WriteShares(std::vector<ShopShare>& shares,
                               Division division,
                               const std::vector<uint32_t>& order,
                               int direction,
                               int32_t base)
{
    const std::size_t size = order.size();
    const double* const weight =
        division == Division::NEED ? NeedWeights(direction).data() : nullptr;
    for (std::size_t i = 0; i < size; ++i)
    {
        ShopShare& s = shares[order[i]];
        s.guaranteed = m_param->guaranteed;
        s.weight = weight ? weight[order[i]] : 1;
        s.priority = base + (division == Division::ORDER ? static_cast<int32_t>(size - i) : 0);
    }
}

/// See what m_trial comes to. @return whether it is the best so far, and now m_best
bool
ShopPlanner::Impl::Try()
{
    const auto size = static_cast<int32_t>(m_problem->devices.size());
    m_plan.cut = m_trial.cut;
    WriteShares(m_plan.downlink, m_trial.downlink, m_trial.downlinkOrder, 0, 0);
    if (m_problem->coupled)
    {
        m_plan.uplink = m_plan.downlink;
    }
    else
    {
        const int32_t apart = m_problem->halfDuplex && m_trial.place != Place::AMONG ? size + 1 : 0;
        WriteShares(m_plan.uplink,
                    m_trial.uplink,
                    m_trial.follows ? m_trial.downlinkOrder : m_trial.uplinkOrder,
                    1,
                    m_trial.place == Place::ABOVE ? apart : -apart);
    }
    // one whose block ends later than this is not preferred
    const double limit = m_problem->blockWeight.size() == 1
                             ? m_bestCost / m_problem->blockWeight[0] * (1 - BETTER)
                             : INF;
    // the first one has to be followed however long it takes
    const uint64_t workLimit =
        m_result.evaluations > 0 ? m_workLimit : std::numeric_limits<uint64_t>::max();
    const double cost = m_engine.Run(m_plan, limit, workLimit);
    ++m_result.evaluations;
    if (m_result.evaluations > 1 && !(cost < m_bestCost * (1 - BETTER)))
    {
        return false;
    }
    m_bestCost = cost;
    m_best = m_trial;
    m_last = m_engine.GetLast();
    if (m_result.evaluations == 1 || cost < m_result.outcome.costS * (1 - BETTER))
    {
        m_engine.Report(m_result.outcome);
        m_result.plan = m_plan;
    }
    return true;
}

/// @return whether to stop: enough is done, or no plan is better than the best
bool
ShopPlanner::Impl::IsExhausted() const
{
    return m_result.evaluations >= m_limit || m_engine.GetWork() >= m_workLimit ||
           m_bestCost <= m_result.lowerBoundS * (1 + BETTER);
}

/// @return number of plans in the family; large numbers are rough
double
ShopPlanner::Impl::FamilySize() const
{
    const auto orders = [](std::size_t devices) {
        return std::tgamma(static_cast<double>(devices) + 1);
    };
    double size = m_downlinkSerial ? orders(m_movable[0].size()) : 2;
    if (!m_problem->coupled)
    {
        double uplinks = m_uplinkSerial ? orders(m_movable[1].size()) : 2;
        uplinks += m_uplinkSerial && m_uplinkShared ? 1 : 0;
        size *= uplinks * (m_problem->halfDuplex ? 3 : 1);
    }
    for (const ShopTask& t : m_problem->tasks)
    {
        size *= static_cast<double>(t.cuts.size());
    }
    return size;
}

/// Every plan of the family
void
ShopPlanner::Impl::Enumerate()
{
    const auto& tasks = m_problem->tasks;
    for (;;)
    {
        EnumerateDownlinks();
        std::size_t t = 0;
        while (t < tasks.size() && ++m_trial.cut[t] == tasks[t].cuts.size())
        {
            m_trial.cut[t++] = 0;
        }
        if (t == tasks.size())
        {
            return;
        }
    }
}

/**
 * Every order of the devices that may have bits in a direction; the others follow.
 *
 * @param direction 0: downlink, 1: uplink
 * @param order is each of them in turn
 * @param action what to do
 */
template <typename Action>
void
ShopPlanner::Impl::ForEachOrder(int direction, std::vector<uint32_t>& order, const Action& action)
{
    auto end = std::copy(m_movable[direction].begin(), m_movable[direction].end(), order.begin());
    auto rest = end;
    for (uint32_t k = 0; k < order.size(); ++k)
    {
        if (!std::binary_search(m_movable[direction].begin(), m_movable[direction].end(), k))
        {
            *rest++ = k;
        }
    }
    do
    {
        action();
    } while (std::next_permutation(order.begin(), end));
}

/// Every plan with the present cuts
void
ShopPlanner::Impl::EnumerateDownlinks()
{
    if (m_downlinkSerial)
    {
        ForEachOrder(0, m_trial.downlinkOrder, [this] { EnumerateUplinks(); });
        return;
    }
    for (const Division d : {Division::EQUAL, Division::NEED})
    {
        m_trial.downlink = d;
        EnumerateUplinks();
    }
}

/// Every plan with the present cuts and downlink
void
ShopPlanner::Impl::EnumerateUplinks()
{
    if (m_problem->coupled)
    {
        Try();
        return;
    }
    m_trial.follows = false;
    if (m_uplinkSerial)
    {
        m_trial.uplink = Division::ORDER;
        ForEachOrder(1, m_trial.uplinkOrder, [this] { EnumeratePlaces(); });
    }
    if (m_uplinkShared)
    {
        m_trial.uplink = Division::EQUAL;
        EnumeratePlaces();
    }
    if (m_uplinkShared && !m_uplinkSerial)
    {
        m_trial.uplink = Division::NEED;
        EnumeratePlaces();
    }
}

/// Every plan with the present cuts and divisions
void
ShopPlanner::Impl::EnumeratePlaces()
{
    for (const Place place : {Place::BELOW, Place::ABOVE, Place::AMONG})
    {
        m_trial.place = place;
        Try();
        if (!m_problem->halfDuplex)
        {
            return;
        }
    }
}

/**
 * @param t a task
 * @param alone whether its downlink counts too
 * @return the cut in which it is over soonest
 */
uint32_t
ShopPlanner::Impl::SoonestCut(std::size_t t, bool alone) const
{
    const auto first = m_stages.begin() + m_stageFirst[t];
    const auto time = [alone](const Stage& s) { return s.runOutS + (alone ? s.downlinkS : 0); };
    return std::min_element(first,
                            first + m_problem->tasks[t].cuts.size(),
                            [&time](const Stage& a, const Stage& b) { return time(a) < time(b); }) -
           first;
}

/// The best of some plans that are good for a reason
void
ShopPlanner::Impl::Construct()
{
    const auto& tasks = m_problem->tasks;
    const bool byBlock = m_problem->blockWeight.size() > 1;
    // longest tail first is for an uplink that holds nobody up
    const Rule first = m_uplinkSerial ? Rule::JOHNSON_MITTEN : Rule::LONGEST_TAIL;
    // each in the way that is over soonest, after its downlink or alone, and then all the same way:
    // the first ones are the most likely to be good, and that the others are not shows early then;
    // where the uplink is shared they hardly ever are, and following them takes long
    const std::size_t soonest = m_cuts > 1 ? 2 : 0;
    const std::size_t alike = m_uplinkSerial || m_cuts == 1 ? m_cuts : 0;
    for (std::size_t c = 0; c < soonest + alike; ++c)
    {
        for (std::size_t t = 0; t < tasks.size(); ++t)
        {
            m_trial.cut[t] = c < soonest ? SoonestCut(t, c == 1)
                                         : std::min(c - soonest, tasks[t].cuts.size() - 1);
        }
        if (c > 0 && m_trial.cut == m_plan.cut)
        {
            continue; // as the one before
        }
        if (m_downlinkSerial || m_uplinkSerial)
        {
            Sort(first, byBlock, m_trial.cut, m_trial.downlinkOrder);
            m_trial.uplinkOrder = m_trial.downlinkOrder;
        }
        Try();
        if (IsExhausted())
        {
            return;
        }
    }
    m_trial = m_best;
    if (m_downlinkSerial || m_uplinkSerial)
    {
        for (const Rule rule : {Rule::JOHNSON_MITTEN, Rule::LONGEST_TAIL, Rule::SHORTEST_FIRST})
        {
            for (int blocks = byBlock; blocks >= 0; --blocks)
            {
                if (rule == first && blocks == byBlock)
                {
                    continue;
                }
                Sort(rule, blocks > 0, m_trial.cut, m_trial.downlinkOrder);
                m_trial.uplinkOrder = m_trial.downlinkOrder;
                if (m_trial.downlinkOrder == m_best.downlinkOrder)
                {
                    continue;
                }
                Try();
                if (IsExhausted())
                {
                    return;
                }
            }
        }
        m_trial = m_best;
    }
    if (!m_downlinkSerial)
    {
        m_trial.downlink = Division::EQUAL;
        Try();
        m_trial = m_best;
    }
    if (!IsExhausted())
    {
        ImproveUplink();
    }
}

/// Other ways to divide the uplink. @return whether that was any better
bool
ShopPlanner::Impl::ImproveUplink()
{
    bool better = false;
    if (m_problem->coupled)
    {
        return better;
    }
    const auto attempt = [this, &better](Division division, bool follows, Place place) {
        m_trial.uplink = division;
        m_trial.follows = follows;
        m_trial.place = place;
        better = Try() || better;
        m_trial = m_best;
    };
    for (const Place place : {Place::BELOW, Place::ABOVE, Place::AMONG})
    {
        const bool same = m_best.place == place;
        if (!same && !m_problem->halfDuplex)
        {
            continue;
        }
        if (m_uplinkShared && !(same && m_best.uplink == Division::EQUAL))
        {
            attempt(Division::EQUAL, false, place);
        }
        if (m_uplinkShared && !m_uplinkSerial && !(same && m_best.uplink == Division::NEED))
        {
            attempt(Division::NEED, false, place);
        }
        if (m_uplinkSerial && !(same && m_best.uplink == Division::ORDER))
        {
            attempt(Division::ORDER, m_downlinkSerial, place);
        }
    }
    return better;
}

/// One cut at a time, to its neighbours. @return whether that was any better
bool
ShopPlanner::Impl::ImproveCuts()
{
    bool better = false;
    // those of the device that is the last to end, as long as that helps, and then all
    for (bool helps = true; helps && !IsExhausted();)
    {
        helps = false;
        const uint32_t last = m_last;
        for (std::size_t t = 0; t < m_best.cut.size(); ++t)
        {
            helps = (m_problem->tasks[t].device == last && ImproveCut(t)) || helps;
        }
        better = better || helps;
    }
    for (std::size_t t = 0; t < m_best.cut.size() && !IsExhausted(); ++t)
    {
        better = ImproveCut(t) || better;
    }
    return better;
}

/// @return whether another cut was any better. @param t of which task
bool
ShopPlanner::Impl::ImproveCut(std::size_t t)
{
    bool better = false;
    const auto cuts = static_cast<int64_t>(m_problem->tasks[t].cuts.size());
    for (const int step : {-1, 1})
    {
        const auto cut = static_cast<int64_t>(m_best.cut[t]) + step;
        if (cut >= 0 && cut < cuts && !IsExhausted())
        {
            m_trial.cut[t] = cut;
            better = Try() || better;
            m_trial.cut[t] = m_best.cut[t];
        }
    }
    return better;
}

/**
 * Try the best choice with one device elsewhere.
 *
 * @param uplink in which direction
 * @param from its place
 * @param to where it goes
 * @return whether that was any better
 */
bool
ShopPlanner::Impl::TryMove(bool uplink, std::size_t from, std::size_t to)
{
    auto& order = uplink ? m_trial.uplinkOrder : m_trial.downlinkOrder;
    const auto move = [&order](std::size_t a, std::size_t b) {
        const auto o = order.begin();
        if (a < b)
        {
            std::rotate(o + a, o + a + 1, o + b + 1);
        }
        else
        {
            std::rotate(o + b, o + a, o + a + 1);
        }
    };
    move(from, to);
    if (Try())
    {
        return true;
    }
    move(to, from);
    return false;
}

/// Neighbours of the order. @param uplink in which direction @return whether that was any better
bool
ShopPlanner::Impl::ImproveOrder(bool uplink)
{
    if (uplink && m_best.follows)
    {
        m_trial.follows = false;
        m_trial.uplinkOrder = m_trial.downlinkOrder;
    }
    bool better = false;
    const auto& has = m_hasBits[uplink];
    const auto& order = uplink ? m_trial.uplinkOrder : m_trial.downlinkOrder;
    const std::size_t size = order.size();
    // the one that is the last to end goes forward
    const auto last = std::find(order.begin(), order.end(), m_last);
    const std::size_t at = last - order.begin();
    for (std::size_t to = 0; to < at && !IsExhausted(); ++to)
    {
        if (TryMove(uplink, at, to))
        {
            better = true;
            break;
        }
    }
    for (std::size_t i = 0; i + 1 < size && !IsExhausted(); ++i)
    {
        if (has[order[i]] && has[order[i + 1]])
        {
            better = TryMove(uplink, i, i + 1) || better;
        }
    }
    for (std::size_t from = 0; from < size && !better; ++from)
    {
        for (std::size_t to = 0; to < size && !better && !IsExhausted(); ++to)
        {
            if (has[order[from]] && (to > from + 1 || to + 1 < from))
            {
                better = TryMove(uplink, from, to);
            }
        }
    }
    m_trial = m_best;
    return better;
}

/// Local search from m_best
void
ShopPlanner::Impl::Improve()
{
    m_trial = m_best;
    bool better = true;
    while (better && !IsExhausted())
    {
        better = ImproveCuts();
        if (m_downlinkSerial && !IsExhausted())
        {
            better = ImproveOrder(false) || better;
        }
        if (m_best.uplink == Division::ORDER && !m_problem->coupled && !IsExhausted())
        {
            better = ImproveOrder(true) || better;
        }
        if (better && !IsExhausted())
        {
            ImproveUplink();
        }
    }
}

/// Local search from other places, as long as there is something left of the effort
void
ShopPlanner::Impl::Restart()
{
    const auto& tasks = m_problem->tasks;
    const bool byBlock = m_problem->blockWeight.size() > 1;
    const bool ordered = m_downlinkSerial || m_uplinkSerial;
    m_found = m_best;
    m_foundCost = m_bestCost;
    constexpr std::size_t WAYS = 4;
    for (std::size_t i = 0; i < WAYS * m_cuts && !IsExhausted(); ++i)
    {
        // finest cuts first: the constructed plans have come from the other side, if at all
        const std::size_t c = m_cuts - 1 - i % m_cuts;
        const std::size_t way = i / m_cuts;
        m_trial = m_found;
        for (std::size_t t = 0; t < tasks.size(); ++t)
        {
            m_trial.cut[t] = std::min(c, tasks[t].cuts.size() - 1);
        }
        if (ordered)
        {
            const Rule rules[] = {Rule::LONGEST_TAIL,
                                  Rule::SHORTEST_FIRST,
                                  Rule::JOHNSON_MITTEN,
                                  Rule::LONGEST_TAIL};
            Sort(rules[way], byBlock && way < 3, m_trial.cut, m_trial.downlinkOrder);
            m_trial.uplinkOrder = m_trial.downlinkOrder;
        }
        if (!m_downlinkSerial)
        {
            m_trial.downlink = way % 2 == 0 ? Division::EQUAL : Division::NEED;
        }
        if (!m_problem->coupled)
        {
            const Division shared =
                way / 2 == 0 || m_uplinkSerial ? Division::EQUAL : Division::NEED;
            const bool inTurn = m_uplinkSerial && (!m_uplinkShared || way % 2 == 0);
            m_trial.uplink = inTurn ? Division::ORDER : shared;
            m_trial.follows = inTurn && m_downlinkSerial;
        }
        m_bestCost = INF;
        Try();
        if (m_problem->halfDuplex && !m_problem->coupled)
        {
            ImproveUplink();
        }
        Improve();
        if (m_bestCost < m_foundCost * (1 - BETTER))
        {
            m_found = m_best;
            m_foundCost = m_bestCost;
        }
    }
}

const ShopResult&
ShopPlanner::Impl::Plan(const ShopProblem& problem, const ShopParam& param)
{
    m_problem = &problem;
    m_param = &param;
    m_result.status = ShopStatus::INVALID;
    m_result.exact = false;
    m_result.evaluations = 0;
    m_result.lowerBoundS = 0;
    m_result.plan.cut.clear();
    m_result.plan.downlink.clear();
    m_result.plan.uplink.clear();
    m_result.outcome.pieces.clear();
    m_result.outcome.blockEndS.clear();
    m_result.outcome.costS = 0;
    m_result.message = CheckShop(problem);
    if (!m_result.message.empty())
    {
        return m_result;
    }
    try
    {
        param.Check();
    }
    catch (const std::invalid_argument& e)
    {
        m_result.message = e.what();
        return m_result;
    }
    const auto size = static_cast<double>(problem.devices.size());
    if (param.guaranteed > 0 && !(param.guaranteed * size < 1))
    {
        m_result.message = "ShopParam: guaranteed is " + Text(param.guaranteed) +
                           ", expected less than 1 / number of devices, " + Text(1 / size);
        return m_result;
    }
    if (!Prepare())
    {
        return m_result;
    }
    m_result.lowerBoundS = m_bounder.Bound(problem);
    m_limit = std::numeric_limits<uint32_t>::max();
    m_workLimit = std::numeric_limits<uint64_t>::max();
    m_result.exact = FamilySize() <= param.exactEvaluations;
    if (m_result.exact)
    {
        Enumerate();
    }
    else
    {
        m_workLimit = CONSTRUCTION_WORK;
        Construct();
        m_limit = m_result.evaluations + param.maxEvaluations;
        const uint64_t work = uint64_t{WORK_PER_EVALUATION} * param.maxEvaluations *
                              std::clamp(problem.devices.size(), WORK_DEVICES[0], WORK_DEVICES[1]);
        m_workLimit = work - std::min(work, m_bounder.GetWork());
        Improve();
        Restart();
    }
    m_result.status = ShopStatus::PLANNED;
    if (!(m_result.outcome.costS < INF))
    {
        m_result.status = ShopStatus::INFEASIBLE;
        m_result.message = "the blocks take longer than a number can say";
    }
    return m_result;
}

ShopPlanner::ShopPlanner()
    : m_impl(std::make_unique<Impl>())
{
}

ShopPlanner::~ShopPlanner() = default;

const ShopResult&
ShopPlanner::Plan(const ShopProblem& problem, const ShopParam& param)
{
    return m_impl->Plan(problem, param);
}

double
ShopLowerBound(const ShopProblem& problem)
{
    return Bounder().Bound(problem);
}

} // namespace wdmoe
