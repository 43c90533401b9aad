/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-quality-bound.h"

#include "wdmoe-candidate-search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// Relative: a sum of losses may be above a bound by so much, which is rounding
constexpr double ROUNDING = 1e-12;

/// Relative: what is numerically found of a static split's need may be too large by so much
constexpr double NEED_ERROR = 1e-9;

/// Steps of a search between two weights of machines, for each deadline
constexpr int WEIGHT_STEPS = 24;

/// Of a machine with static splits
constexpr double LEAST_WEIGHT = 1e-7;

/// Steps with more than two machines
constexpr int MANY_WEIGHT_STEPS = 24;

/// Drops that use up what rounding left
constexpr int FILL_STEPS = 64;

/// Up to so many pairs, all of a device are looked at again in an exchange
constexpr uint32_t FEW_PAIRS = 64;

/// Of a device's pairs: within so many, its need is known where it was looked at
constexpr double CLOSE = 0.03;

/// Up to so many devices, single exchanges between each two are tried
constexpr std::size_t EXCHANGE_DEVICES = 16;

/// @return the number for a message. @param value any
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/// A pair that may go
struct Pair
{
    double loss;   ///< of quality
    double mass;   ///< of the gate
    uint32_t slot; ///< index into Selection::expert
};

/// A device and its eligible pairs
struct Device
{
    uint32_t first{0};    ///< of its pairs in m_pairs, by rising loss
    uint32_t count{0};    ///< of them
    double total{0};      ///< pairs of top-k
    double experts{0};    ///< in use for certain: of pairs that must stay; at least 1
    uint32_t machine[2];  ///< of its downlink, of its uplink
    uint32_t least{0};    ///< drops at least, for the deadline
    uint32_t low{0};      ///< drops that keep to the floor
    uint32_t high{0};     ///< drops that do not
    bool empties{false};  ///< all of its pairs may go
    bool linear{false};   ///< one more pair needs the same, however many there are
    double slope{0};      ///< that need
    double at[3]{};       ///< else: pairs at which it is known
    double centre{0};     ///< middle one
    double sampledS{0};   ///< deadline for which that was found out
    double radius{0};     ///< distance to the others
    double curve[3]{};    ///< of the logarithm of that need: value, slope, bend
    double known[2][3]{}; ///< there, in either machine, not weighted (STATIC_SPLIT: first: of both)
};

/// What loads need of the machines, with the present weights
struct Need
{
    double value{0};          ///< of the budget, s (SCHEDULE), or share (STATIC_SPLIT)
    double slope{0};          ///< for one more pair
    double relief{0};         ///< for a second more (SCHEDULE)
    double part[2] = {};      ///< of the downlink's and the uplink's machine, not weighted
    double partSlope[2] = {}; ///< the same for one more pair (SCHEDULE)
};

} // namespace

std::string
QualityFloor::Check() const
{
    const auto refuse = [](const char* what, double value, const char* expected) {
        return std::string("QualityFloor: ") + what + " is " + Text(value) + ", expected " +
               expected;
    };
    if (!(maxLost >= 0 && (maxLost <= 1 || (!price.empty() && maxLost < INF))))
    {
        return refuse("maxLost", maxLost, "0 .. 1");
    }
    if (!(maxTokenLoss >= 0 && maxTokenLoss <= 1))
    {
        return refuse("maxTokenLoss", maxTokenLoss, "0 .. 1");
    }
    if (minExperts < 1)
    {
        return refuse("minExperts", 0, ">= 1");
    }
    if (!(relativeGap > 0 && relativeGap < 1))
    {
        return refuse("relativeGap", relativeGap, "between 0 and 1");
    }
    if (maxIterations < 1)
    {
        return refuse("maxIterations", maxIterations, ">= 1");
    }
    for (std::size_t i = 0; i < price.size(); ++i)
    {
        const bool first = i == 0;
        if (!(price[i].share > (first ? 0 : price[i - 1].share)) || !(price[i].share < INF) ||
            !(price[i].loss >= (first ? 0 : price[i - 1].loss)) || !(price[i].loss < INF))
        {
            return "QualityFloor: price[" + std::to_string(i) + "] is a loss of " +
                   Text(price[i].loss) + " up to a share of " + Text(price[i].share) +
                   ", expected shares > 0 that rise and losses >= 0 that do not fall";
        }
    }
    return "";
}

double
QualityBoundResult::Gap() const
{
    if (!(latencyS > 0))
    {
        return 0;
    }
    return latencyS < INF ? std::max(0.0, (latencyS - lowerBoundS) / latencyS) : 1;
}

/// The solver
class QualityBound::Impl
{
  public:
    const QualityBoundResult& Solve(const GateMatrix& gate,
                                    std::size_t k,
                                    const BlockProblem& problem,
                                    const QualityFloor& floor);

    void Reset()
    {
        m_weight.clear();
        m_price = 0;
    }

  private:
    bool Load(const GateMatrix& gate, std::size_t k);
    void Sort();
    bool Start();
    void Relax();
    double Search(double deadlineS);
    double SearchOnce(double deadlineS);
    bool Inner(double deadlineS);
    bool Deadline(double deadlineS);
    bool SetLeast(double deadlineS);
    double Fits(const Device& d, std::size_t k, double pairs) const;
    Need NeedOf(std::size_t k, double pairs) const;
    Need SplitNeed(std::size_t k, double pairs) const;
    void Sample(std::size_t k);
    void Fit(Device& d) const;
    double SlopeOf(const Device& d, double pairs) const;
    void Prices(double price, bool low);
    double Latency(const std::vector<double>& pairs);
    bool CanDrop(std::size_t i) const;
    void Drop(std::size_t i);
    void Undo(std::size_t i);
    std::size_t NextDrop(std::size_t k);
    void Round();
    void Fill();
    void Exchange();
    void Restore();
    void Conclude(const GateMatrix& gate, std::size_t k);

    const BlockProblem* m_problem{nullptr}; ///< devices and links
    const QualityFloor* m_floor{nullptr};   ///< what has to be kept
    QualityBoundResult m_result;            ///< answer
    BlockEvaluator m_evaluator;             ///< of loads
    CandidateSearch m_candidates;           ///< outside top-k
    std::vector<Device> m_devices;          ///< K
    std::vector<Pair> m_pairs;              ///< by device, by rising loss
    std::vector<Pair> m_sorting;            ///< while they are sorted
    std::vector<uint32_t> m_keys;           ///< likewise
    std::vector<uint32_t> m_count;          ///< likewise
    std::vector<double> m_lossBefore;       ///< of a device's pairs before each, and of all
    std::vector<double> m_tokenMass;        ///< J
    std::vector<double> m_tokenLeft;        ///< J: mass that may still go
    std::vector<char> m_dropped;            ///< by pair
    std::vector<uint32_t> m_taken;          ///< K: drops of the best loads of the relaxed problem
    std::vector<uint32_t> m_before;         ///< K: drops, in a search
    std::vector<double> m_loads;            ///< K: pairs kept
    std::vector<double> m_experts;          ///< K: experts in use for certain
    std::vector<uint32_t> m_expertPairs;    ///< E: pairs kept
    std::vector<double> m_machineOffset;    ///< M: s
    std::vector<double> m_machineHz;        ///< M
    std::vector<uint32_t> m_cellMachine;    ///< first machine of each cell
    std::vector<double> m_weight;           ///< M: multipliers
    std::vector<double> m_excess;           ///< M: of what there is, at the last loads
    double m_deadlineS{0};                  ///< that is tried
    double m_mass{0};                       ///< of top-k
    double m_maxLost{0};                    ///< in the unit of the losses
    double m_lostAnyway{0};                 ///< of unreachable devices
    double m_massAnyway{0};                 ///< mass of these
    double m_lost{0};                       ///< of dropped pairs
    double m_price{0};                      ///< multiplier: a pair goes if loss <= price x need
    double m_value{0};                      ///< of the last dual: > 0: not to be kept
    double m_upper{0};                      ///< latency of the best loads of the relaxed problem
    double m_lower{0};                      ///< lower bound
};

/// Pairs of top-k. @return false if the gate is refused. @param gate the gate @param k top-k
bool
QualityBound::Impl::Load(const GateMatrix& gate, std::size_t k)
{
    const BlockProblem& problem = *m_problem;
    auto refuse = [this](const std::string& message) {
        m_result.status = QualityStatus::INVALID;
        m_result.message = message;
        return false;
    };
    m_result.message = m_floor->Check();
    if (m_result.message.empty())
    {
        m_result.message = problem.Check();
    }
    if (!m_result.message.empty())
    {
        return refuse(m_result.message);
    }
    if (gate.experts != problem.expertDevice.size())
    {
        return refuse("QualityBound: the gate has " + std::to_string(gate.experts) +
                      " experts, expected one for each of the " +
                      std::to_string(problem.expertDevice.size()) + " of the problem");
    }
    if (m_floor->candidates > k && !m_floor->price.empty())
    {
        return refuse("QualityBound: candidates is " + std::to_string(m_floor->candidates) +
                      ", above k, " + std::to_string(k) +
                      ", and the loss is by price, which is not known of experts outside top-k");
    }
    try
    {
        SelectTopK(gate, k, m_result.selection);
    }
    catch (const std::invalid_argument& e)
    {
        return refuse(e.what());
    }
    const std::size_t size = problem.devices.size();
    m_devices.assign(size, Device());
    m_expertPairs.assign(gate.experts, 0);
    m_tokenMass.resize(gate.tokens);
    m_tokenLeft.resize(gate.tokens);
    m_sorting.clear();
    m_keys.clear();
    const auto& expert = m_result.selection.expert;
    m_mass = 0;
    m_massAnyway = 0;
    std::size_t routed = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        double mass = 0;
        for (std::size_t s = j * k; s < (j + 1) * k && expert[s] >= 0; ++s)
        {
            mass += row[expert[s]];
            ++routed;
        }
        m_tokenMass[j] = mass;
        m_mass += mass;
    }
    const auto lossOf = [&](double mass, double share) {
        if (m_floor->price.empty())
        {
            return mass / m_mass;
        }
        const auto& price = m_floor->price;
        std::size_t i = 0;
        while (i + 1 < price.size() && share > price[i].share)
        {
            ++i;
        }
        return price[i].loss / static_cast<double>(routed);
    };
    // in m_taken for a moment: whether an expert has a pair that must stay
    m_taken.assign(gate.experts, 0);
    m_lostAnyway = 0;
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const double* row = gate.Row(j);
        const double limit = m_floor->maxTokenLoss * m_tokenMass[j] * (1 + ROUNDING);
        m_tokenLeft[j] = limit;
        std::size_t heard = 0;
        for (std::size_t s = j * k; s < (j + 1) * k && expert[s] >= 0; ++s)
        {
            const auto e = static_cast<uint32_t>(expert[s]);
            const uint32_t device = problem.expertDevice[e];
            const double mass = row[e];
            if (!problem.devices[device].reachable)
            {
                m_lostAnyway += lossOf(mass, mass / m_tokenMass[j]);
                m_massAnyway += mass;
                m_tokenLeft[j] -= mass;
                continue;
            }
            ++m_expertPairs[e];
            m_devices[device].total += 1;
            if (heard++ < m_floor->minExperts || mass > limit)
            {
                m_taken[e] = 1;
                continue;
            }
            const double share = mass / m_tokenMass[j];
            m_sorting.push_back({lossOf(mass, share), mass, static_cast<uint32_t>(s)});
            m_keys.push_back(device);
            ++m_devices[device].count;
        }
    }
    for (std::size_t e = 0; e < gate.experts; ++e)
    {
        m_devices[problem.expertDevice[e]].experts += m_taken[e];
    }
    m_experts.resize(size);
    m_loads.resize(size);
    for (std::size_t i = 0; i < size; ++i)
    {
        Device& d = m_devices[i];
        d.empties = d.total == d.count;
        d.radius = 0.5 * (d.count - 1.0);
        d.centre = d.total - 0.5 - d.radius;
        d.experts = std::max(d.experts, 1.0);
        m_experts[i] = d.experts;
        m_loads[i] = d.total;
    }
    m_maxLost = m_floor->maxLost * (1 + ROUNDING);
    m_taken.assign(size, 0);
    m_before.resize(size);
    return true;
}

/// Pairs by device, and by rising loss
void
QualityBound::Impl::Sort()
{
    // by the upper bits of the loss as a float, in two passes, then by device; what that leaves is
    // nearly in order
    constexpr int BITS = 11;
    constexpr int LEFT_OUT = 9;
    const std::size_t size = m_sorting.size();
    m_pairs.resize(size);
    const auto pass = [this, size](auto key, std::size_t keys, const auto& from, auto& to) {
        m_count.assign(keys + 1, 0);
        for (std::size_t i = 0; i < size; ++i)
        {
            ++m_count[key(i) + 1];
        }
        for (std::size_t i = 0; i < keys; ++i)
        {
            m_count[i + 1] += m_count[i];
        }
        for (std::size_t i = 0; i < size; ++i)
        {
            to[m_count[key(i)]++] = from[i];
        }
    };
    uint32_t first = 0;
    for (auto& d : m_devices)
    {
        d.first = first;
        first += d.count;
    }
    constexpr std::size_t FEW = 512;
    if (size > FEW)
    {
        // the device goes along in the upper bits of slot's place: recomputed from the expert
        const auto bitsOf = [](const Pair& p) {
            return std::bit_cast<uint32_t>(static_cast<float>(p.loss)) >> LEFT_OUT;
        };
        pass([&](std::size_t i) { return bitsOf(m_sorting[i]) & ((1U << BITS) - 1); },
             1U << BITS,
             m_sorting,
             m_pairs);
        pass([&](std::size_t i) { return bitsOf(m_pairs[i]) >> BITS; },
             1U << BITS,
             m_pairs,
             m_sorting);
        const auto& expert = m_result.selection.expert;
        pass([&](std::size_t i) { return m_problem->expertDevice[expert[m_sorting[i].slot]]; },
             m_devices.size(),
             m_sorting,
             m_pairs);
    }
    else
    {
        pass([&](std::size_t i) { return m_keys[i]; }, m_devices.size(), m_sorting, m_pairs);
    }
    m_lossBefore.resize(size + m_devices.size());
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        const Device& d = m_devices[k];
        const auto begin = m_pairs.begin() + d.first;
        const auto less = [](const Pair& a, const Pair& b) {
            return a.loss != b.loss ? a.loss < b.loss : a.slot > b.slot;
        };
        if (size <= FEW)
        {
            std::sort(begin, begin + d.count, less);
        }
        else
        {
            for (std::size_t i = 1; i < d.count; ++i)
            {
                if (less(begin[i], begin[i - 1]))
                {
                    const Pair p = begin[i];
                    std::size_t at = i;
                    for (; at > 0 && less(p, begin[at - 1]); --at)
                    {
                        begin[at] = begin[at - 1];
                    }
                    begin[at] = p;
                }
            }
        }
        double sum = 0;
        double* before = &m_lossBefore[d.first + k];
        for (std::size_t i = 0; i < d.count; ++i)
        {
            before[i] = sum;
            sum += begin[i].loss;
        }
        before[d.count] = sum;
    }
}

/**
 * @param d a device
 * @param k its index
 * @param pairs it has
 * @return how far that is below the deadline, s; < 0: it cannot have so many, whatever the others
 */
double
QualityBound::Impl::Fits(const Device& d, std::size_t k, double pairs) const
{
    const BlockDevice& device = m_problem->devices[k];
    const BlockCell& cell = m_problem->cells[device.cell];
    const bool whole = m_problem->maxPieces == 1 || m_floor->model == BlockModel::STATIC_SPLIT;
    return m_deadlineS * (1 + 1e-14) -
           m_evaluator.Window(k).AloneS(device, cell, pairs, d.experts, whole);
}

/// Drops that a deadline asks of each device alone. @return false if one cannot keep it
/// @param deadlineS the deadline, s
bool
QualityBound::Impl::SetLeast(double deadlineS)
{
    m_deadlineS = deadlineS;
    double lost = m_lostAnyway;
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        d.least = 0;
        if (!(d.total > 0) || Fits(d, k, d.total) >= 0)
        {
            continue;
        }
        uint32_t low = 0;            // does not fit
        uint32_t high = d.count + 1; // fits, or there is no such drop
        while (high - low > 1)
        {
            const uint32_t middle = low + (high - low) / 2;
            const bool fits = middle == d.total || Fits(d, k, d.total - middle) >= 0;
            (fits ? high : low) = middle;
        }
        if (high > d.count)
        {
            return false;
        }
        d.least = high;
        lost += m_lossBefore[d.first + k + high];
    }
    return lost <= m_maxLost;
}

/// @return need of a device's load. @param k the device @param pairs it keeps
Need
QualityBound::Impl::NeedOf(std::size_t k, double pairs) const
{
    if (m_floor->model == BlockModel::STATIC_SPLIT)
    {
        return SplitNeed(k, pairs);
    }
    Need need;
    if (!(pairs > 0))
    {
        return need;
    }
    const BlockDevice& d = m_problem->devices[k];
    const BlockWindow& w = m_evaluator.Window(k);
    const auto& machine = m_devices[k].machine;
    const AreaLine lines[2] = {AreaLine::Touch(d.downlinkLaw,
                                               d.downlinkPairBits * pairs + d.downlinkBatchBits,
                                               m_deadlineS - w.tailS),
                               AreaLine::Touch(d.uplinkLaw,
                                               d.uplinkPairBits * pairs + d.uplinkBatchBits,
                                               m_deadlineS - w.headS - w.uplinkEndS)};
    const double bits[2] = {d.downlinkPairBits, d.uplinkPairBits};
    for (int i = 0; i < 2; ++i)
    {
        const double perHz = 1 / m_machineHz[machine[i]];
        const double weight = m_weight[machine[i]];
        need.part[i] = lines[i].areaHzS * perHz;
        need.partSlope[i] = bits[i] > 0 ? lines[i].slope * bits[i] * perHz : 0;
        if (weight > 0)
        {
            need.value += weight * need.part[i];
            need.slope += weight * need.partSlope[i];
            need.relief += weight * lines[i].reliefHz * perHz;
        }
    }
    return need;
}

/**
 * The cheapest bandwidth of a device that keeps the deadline.
 *
 * @param k the device
 * @param pairs it keeps
 * @return its need, in shares of the budgets
 */
Need
QualityBound::Impl::SplitNeed(std::size_t k, double pairs) const
{
    Need need;
    if (!(pairs > 0))
    {
        return need;
    }
    const BlockDevice& d = m_problem->devices[k];
    const Device& device = m_devices[k];
    const BlockCell& cell = m_problem->cells[d.cell];
    // what a batch has beside its pairs counts as spread over all of them, which is less
    const double each[2] = {d.downlinkPairBits + d.downlinkBatchBits / device.total,
                            d.uplinkPairBits + d.uplinkBatchBits / device.total};
    const double bits[2] = {each[0] * pairs, each[1] * pairs};
    const double fixedS = d.downlinkFixedS + (bits[1] > 0 ? d.uplinkRequestS + d.uplinkFixedS : 0);
    const double left = m_deadlineS - fixedS - d.ComputeS(pairs, device.experts);
    const bool memoryBound = d.readS * device.experts + d.moveS * pairs >= d.pairS * pairs;
    const double computeSlope = memoryBound ? d.moveS : d.pairS;
    if (!(bits[0] + bits[1] > 0))
    {
        return need;
    }
    const RateLaw* law[2] = {&d.downlinkLaw, &d.uplinkLaw};
    // R'(B), with the tangent's formula
    const auto slopeAt = [&law](int i, double rate) {
        return 1 / AreaLine::Touch(*law[i], rate, 1).slope;
    };
    if (!(left > 0))
    {
        need.value = INF;
        need.slope = INF;
        return need;
    }
    double hz[2] = {0, 0};
    double fall = 0; // what a second more saves, weighted share
    if (cell.coupled || cell.halfDuplex)
    {
        const double weight = m_weight[device.machine[0]] / cell.downlinkHz;
        // Newton's method from the left, on a convex and falling time: never too large
        double b = 0;
        for (int i = 0; i < 2; ++i)
        {
            b = std::max(b, bits[i] > 0 ? law[i]->Bandwidth(bits[i] / left) : 0);
        }
        double slope = 0;
        for (int round = 0; round < 60 && b < INF; ++round)
        {
            double t = 0;
            slope = 0;
            for (int i = 0; i < 2; ++i)
            {
                if (bits[i] > 0)
                {
                    const double rate = law[i]->Rate(b);
                    t += bits[i] / rate;
                    slope += bits[i] / (rate * rate) * slopeAt(i, rate);
                }
            }
            const double step = (t - left) / slope;
            if (!(step > 1e-13 * b))
            {
                break;
            }
            b += step;
        }
        hz[0] = b;
        need.value = weight * b;
        need.part[0] = b / cell.downlinkHz;
        fall = weight / slope;
    }
    else
    {
        const double weight[2] = {m_weight[device.machine[0]] / cell.downlinkHz,
                                  m_weight[device.machine[1]] / cell.UplinkHz()};
        const auto bandwidths = [&](double first) {
            const double time[2] = {first, left - first};
            for (int i = 0; i < 2; ++i)
            {
                hz[i] = bits[i] > 0 ? law[i]->Bandwidth(bits[i] / time[i]) : 0;
            }
        };
        // what the share of a direction rises by if its time falls by a second
        const auto rise = [&](int i, double time) {
            const double rate = bits[i] / time;
            return rate < law[i]->MaxRate() ? weight[i] * rate / time / slopeAt(i, rate) : INF;
        };
        double first = bits[0] > 0 ? left : 0;
        if (bits[0] > 0 && bits[1] > 0)
        {
            if (law[0]->kind == RateLaw::LINEAR && law[1]->kind == RateLaw::LINEAR)
            {
                const double a = std::sqrt(weight[0] * bits[0] / law[0]->efficiency);
                const double b = std::sqrt(weight[1] * bits[1] / law[1]->efficiency);
                first = left * a / (a + b);
            }
            else
            {
                // log(rise / rise) is nearly a line of slope -2 over log(time / time): Illinois
                const auto over = [&](double u) {
                    first = left / (1 + std::exp(-u));
                    const double a = rise(0, first);
                    const double b = rise(1, left / (1 + std::exp(u)));
                    constexpr double FAR = 60;
                    return a < INF ? (b < INF ? std::clamp(std::log(a / b), -FAR, FAR) : -FAR)
                                   : FAR;
                };
                double u[2] = {0, 0}; // over > 0 on the left
                double f[2] = {0, 0};
                bool known[2] = {false, false};
                int side = -1;
                double at = 0;
                for (int round = 0; round < 60; ++round)
                {
                    const double value = over(at);
                    const int now = value > 0 ? 0 : 1;
                    u[now] = at;
                    f[now] = value;
                    known[now] = true;
                    if (std::abs(value) < 1e-10)
                    {
                        break;
                    }
                    if (known[0] && known[1])
                    {
                        f[1 - now] *= side == now ? 0.5 : 1;
                        at = u[0] + (u[1] - u[0]) * f[0] / (f[0] - f[1]);
                        if (u[1] - u[0] < 1e-12)
                        {
                            break;
                        }
                    }
                    else
                    {
                        at += (value > 0 ? 0.1 : -0.1) + 0.55 * value;
                    }
                    side = now;
                }
            }
        }
        bandwidths(first);
        need.value = weight[0] * hz[0] + weight[1] * hz[1];
        need.part[0] = hz[0] / cell.downlinkHz;
        need.part[1] = hz[1] / cell.UplinkHz();
        fall = bits[0] > 0 ? rise(0, first) : rise(1, left);
    }
    double perPair = computeSlope;
    for (int i = 0; i < 2; ++i)
    {
        const double b = cell.coupled || cell.halfDuplex ? hz[0] : hz[i];
        perPair += bits[i] > 0 ? each[i] / law[i]->Rate(b) : 0;
    }
    need.slope = fall * perPair;
    need.value *= 1 - NEED_ERROR;
    return need;
}

/// Find out what a device's need of one more pair is at a few loads, for SlopeOf()
/// @param k the device
void
QualityBound::Impl::Sample(std::size_t k)
{
    Device& d = m_devices[k];
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const double least = std::max(d.total - d.count + 0.5, 0.5);
    const double most = std::max(d.total - d.least - 0.5, least);
    const double radius = std::min(d.radius, (most - least) / 2);
    const double centre = std::clamp(d.centre, least + radius, std::max(most - radius, least));
    for (int i = 0; i < 3; ++i)
    {
        d.at[i] = std::clamp(centre + (1 - i) * radius, least, most);
        if (i > 0 && d.at[i] == d.at[i - 1])
        {
            d.known[0][i] = d.known[0][i - 1];
            d.known[1][i] = d.known[1][i - 1];
            continue;
        }
        const Need need = NeedOf(k, d.at[i]);
        d.known[0][i] = schedule ? need.partSlope[0] : need.slope;
        d.known[1][i] = schedule ? need.partSlope[1] : 0;
    }
}

/// @return need of one more pair, nearly, after Fit(). Where to look is all
/// that depends on it, not what is certified. @param d the device @param pairs it keeps
double
QualityBound::Impl::SlopeOf(const Device& d, double pairs) const
{
    if (!(d.curve[0] > -INF && d.curve[0] < INF))
    {
        return d.curve[0] > 0 ? INF : 0;
    }
    // a line goes on where the parabola is far from what is known
    const double reach = d.at[0] - d.at[2];
    const double bend = d.at[0] - d.at[1];
    const double x = pairs - d.at[1];
    const double near = std::clamp(x, -reach, reach);
    const double value = d.curve[0] + near * (d.curve[1] + d.curve[2] * (near - bend)) +
                         (x - near) * (d.curve[1] + d.curve[2] * (2 * near - bend));
    return std::exp(value);
}

/// Lay a parabola through the logarithms of what is known, with the present weights
/// @param d the device
void
QualityBound::Impl::Fit(Device& d) const
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const double weight[2] = {schedule ? m_weight[d.machine[0]] : 1,
                              schedule ? m_weight[d.machine[1]] : 0};
    double y[3];
    for (int i = 0; i < 3; ++i)
    {
        y[i] = std::log((weight[0] > 0 ? weight[0] * d.known[0][i] : 0) +
                        (weight[1] > 0 ? weight[1] * d.known[1][i] : 0));
    }
    d.curve[0] = y[1];
    const auto slope = [&](int i, int j) {
        return d.at[i] != d.at[j] && y[i] < INF && y[j] < INF ? (y[i] - y[j]) / (d.at[i] - d.at[j])
                                                              : 0;
    };
    const double first = slope(0, 1);
    const double second = slope(1, 2);
    d.curve[2] =
        d.at[0] != d.at[1] && d.at[1] != d.at[2] ? (first - second) / (d.at[0] - d.at[2]) : 0;
    d.curve[1] = d.at[0] != d.at[1] ? first : second;
    // needs rise: so must what goes through them, or else a line has to do
    const double reach = d.at[0] - d.at[2];
    const double bend = d.at[0] - d.at[1];
    if (!(d.curve[1] + d.curve[2] * (2 * reach - bend) >= 0 &&
          d.curve[1] - d.curve[2] * (2 * reach + bend) >= 0))
    {
        d.curve[1] =
            reach > 0 && y[0] < INF && y[2] < INF ? std::max((y[0] - y[2]) / reach, 0.0) : 0;
        d.curve[2] = 0;
    }
}

/**
 * Drops of each device at a price of quality, between Device::low and high: a pair goes if its
 * loss is at most the price times what it needs.
 *
 * @param price s or share for each unit of loss: the reciprocal
 * @param low whether they become Device::low, or high
 */
void
QualityBound::Impl::Prices(double price, bool low)
{
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        if (d.low == d.high)
        {
            continue;
        }
        const Pair* pairs = &m_pairs[d.first];
        uint32_t from = d.low;
        uint32_t to = d.high;
        while (from < to)
        {
            const uint32_t middle = from + (to - from) / 2;
            const double slope = d.linear ? d.slope : SlopeOf(d, d.total - middle - 0.5);
            if (pairs[middle].loss <= price * slope)
            {
                from = middle + 1;
            }
            else
            {
                to = middle;
            }
        }
        (low ? d.low : d.high) = from;
    }
}

/**
 * With the present weights and deadline, drops with the least need under the floor: Device::low,
 * and high, which is one more where the floor would not be kept.
 *
 * @param deadlineS the deadline, s, after SetLeast()
 * @return price of quality; infinite: the floor does not bind
 */
double
QualityBound::Impl::Search(double deadlineS)
{
    constexpr int ROUNDS = 2;
    for (int round = 0;; ++round)
    {
        const double price = SearchOnce(deadlineS);
        bool far = false;
        for (Device& d : m_devices)
        {
            if (d.linear || d.count == 0)
            {
                continue;
            }
            // look more closely where it has got to; again if that is not where it looked
            const double pairs = d.total - d.low;
            const double move = std::abs(pairs - d.at[1]);
            if (move > d.radius + 1 || d.radius > std::max(1.0, CLOSE * d.count))
            {
                far = true;
                d.sampledS = 0;
            }
            d.radius = std::max(move > d.radius ? move : std::min(move, d.radius / 16), 1.0);
            d.centre = std::max(pairs, 0.5);
        }
        if (!far || round + 1 >= ROUNDS)
        {
            return price;
        }
    }
}

/// One round of Search(). @return price of quality @param deadlineS the deadline, s
double
QualityBound::Impl::SearchOnce(double deadlineS)
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const std::size_t size = m_devices.size();
    double most = 0;
    double ratioMost = 0;
    double ratioLeast = INF;
    for (std::size_t k = 0; k < size; ++k)
    {
        Device& d = m_devices[k];
        d.low = d.least;
        d.high = d.count;
        const RateLaw* laws[2] = {&m_problem->devices[k].downlinkLaw,
                                  &m_problem->devices[k].uplinkLaw};
        d.linear = schedule && laws[0]->kind == RateLaw::LINEAR && laws[1]->kind == RateLaw::LINEAR;
        most += m_lossBefore[d.first + k + d.high];
        if (d.count == 0)
        {
            continue;
        }
        if (d.linear)
        {
            d.slope = NeedOf(k, d.total).slope;
        }
        else if (!schedule || d.sampledS != deadlineS)
        {
            Sample(k);
            d.sampledS = deadlineS;
        }
        if (!d.linear)
        {
            Fit(d);
        }
        const double slope = d.linear ? d.slope : SlopeOf(d, d.total - d.least - 0.5);
        if (d.high > d.low && slope > 0)
        {
            const double other = d.linear ? slope : SlopeOf(d, d.total - d.count + 0.5);
            ratioMost = std::max(ratioMost, m_pairs[d.first + d.high - 1].loss / other);
            ratioLeast = std::min(ratioLeast, m_pairs[d.first + d.low].loss / slope);
        }
        else if (d.high > d.low)
        {
            d.high = d.low; // costs nothing: it stays
            most -= m_lossBefore[d.first + k + d.count] - m_lossBefore[d.first + k + d.low];
        }
    }
    const double room = m_maxLost - m_lostAnyway;
    double price = INF;
    if (most <= room)
    {
        for (auto& d : m_devices)
        {
            d.low = d.high;
        }
    }
    else
    {
        // what is known of needs far from where they were looked at is no bracket
        double low = 1e-300;
        double high = 1e300;
        const auto lostAt = [this, size](bool atLow) {
            double lost = 0;
            for (std::size_t k = 0; k < size; ++k)
            {
                const Device& d = m_devices[k];
                lost += m_lossBefore[d.first + k + (atLow ? d.low : d.high)];
            }
            return lost;
        };
        const double guess = std::sqrt(ratioLeast) * std::sqrt(ratioMost);
        price = m_price > 0 ? m_price : guess > low && guess < high ? guess : 1;
        double factor = 1.2;
        bool above = false; // a bound is known by trying, not by construction
        bool below = false;
        for (int round = 0; round < 100; ++round)
        {
            // as if it were low; taken back where it is not
            for (std::size_t k = 0; k < size; ++k)
            {
                m_before[k] = m_devices[k].low;
            }
            Prices(price, true);
            if (lostAt(true) <= room)
            {
                low = price;
                below = true;
            }
            else
            {
                for (std::size_t k = 0; k < size; ++k)
                {
                    m_devices[k].high = m_devices[k].low;
                    m_devices[k].low = m_before[k];
                }
                high = price;
                above = true;
            }
            uint32_t open = 0;
            for (const auto& d : m_devices)
            {
                open += d.high - d.low;
            }
            if (open <= 1 || high <= low * (1 + 1e-13))
            {
                break;
            }
            if (below && above)
            {
                price = std::sqrt(low) * std::sqrt(high);
            }
            else
            {
                price = below ? std::min(low * factor, high) : std::max(high / factor, low);
                factor *= factor;
            }
        }
        price = high;
        // the pair that goes in part has the price, if it is one alone
        for (std::size_t k = 0; k < size; ++k)
        {
            const Device& d = m_devices[k];
            if (d.high == d.low + 1)
            {
                const double slope = d.linear ? d.slope : NeedOf(k, d.total - d.low - 0.5).slope;
                price = std::clamp(m_pairs[d.first + d.low].loss / slope, low, high);
            }
        }
        m_price = price;
    }
    return price;
}

/**
 * With the present weights and deadline, the least need under the floor. Improves m_upper and
 * m_lower.
 *
 * @param deadlineS the deadline, s, after SetLeast()
 * @return false if it cannot be kept: m_lower is at least the deadline
 */
bool
QualityBound::Impl::Inner(double deadlineS)
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    const std::size_t size = m_devices.size();
    const double room = m_maxLost - m_lostAnyway;
    const double price = Search(deadlineS);
    // the certificate: tangents at what was found, for the price found
    double value = schedule ? 0 : -1;
    double relief = 0;
    if (price < INF)
    {
        value -= room / price;
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        const Device& d = m_devices[k];
        if (!(d.total > 0))
        {
            continue;
        }
        const double* lossBefore = &m_lossBefore[d.first + k];
        const double at = std::max(d.total - d.low - (d.high > d.low ? 0.5 : 0), 0.5);
        const Need need = NeedOf(k, at);
        // a device that may have nothing at all saves nothing by a second more
        relief += d.empties ? 0 : need.relief;
        // the tangent's least over the drops left
        uint32_t drops = d.count;
        if (price < INF)
        {
            const Pair* pairs = &m_pairs[d.first];
            drops = static_cast<uint32_t>(
                std::upper_bound(pairs + d.least,
                                 pairs + d.count,
                                 price * need.slope,
                                 [](double limit, const Pair& p) { return limit < p.loss; }) -
                pairs);
        }
        const auto cost = [&](uint32_t n) {
            const double line =
                need.value < INF ? need.value + need.slope * (d.total - n - at) : INF;
            return (schedule ? line : std::max(line, 0.0)) +
                   (price < INF ? lossBefore[n] / price : 0);
        };
        double least = cost(drops);
        if (!schedule && need.slope > 0 && need.slope < INF)
        {
            // no need is below 0: what is convex then has its least where the tangent gets there
            const double zero = std::floor(d.total - at + need.value / need.slope);
            if (zero < drops)
            {
                const auto n = static_cast<uint32_t>(std::max<double>(zero, d.least));
                least = std::min({least, cost(n), cost(std::min(n + 1, drops))});
            }
        }
        if (d.empties)
        {
            least = std::min(least, price < INF ? lossBefore[d.count] / price : 0);
        }
        value += least;
    }
    if (schedule)
    {
        double weights = 0;
        for (std::size_t m = 0; m < m_weight.size(); ++m)
        {
            value -= m_weight[m] * (deadlineS - m_machineOffset[m]);
            weights += m_weight[m];
        }
        if (value == value)
        {
            m_lower =
                std::max(m_lower, std::min(deadlineS, deadlineS + value / (weights + relief)));
        }
    }
    m_value = value;
    // needs of a static split are found numerically
    const bool kept = !(value > (schedule ? 0 : 10 * NEED_ERROR));
    if (!kept)
    {
        m_lower = std::max(m_lower, deadlineS);
    }
    // what these loads come to
    m_excess.assign(m_weight.size(), 0);
    for (std::size_t m = 0; m < m_weight.size(); ++m)
    {
        m_excess[m] = schedule ? m_machineOffset[m] - deadlineS : -1;
    }
    uint32_t open = 0;
    double lost = 0;
    for (std::size_t k = 0; k < size; ++k)
    {
        const Device& d = m_devices[k];
        open += d.high - d.low;
        lost += m_lossBefore[d.first + k + d.low];
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        const Device& d = m_devices[k];
        m_loads[k] = d.total - d.low;
        // the pair that goes in part
        const double* lossBefore = &m_lossBefore[d.first + k];
        const bool part =
            d.high == d.low + 1 && open == 1 && lossBefore[d.high] > lossBefore[d.low];
        const double gone =
            part ? std::clamp((room - lost) / (lossBefore[d.high] - lossBefore[d.low]), 0.0, 1.0)
                 : 0;
        if (m_weight.size() > 1 && m_loads[k] > gone)
        {
            const Need need = NeedOf(k, m_loads[k] - gone);
            m_excess[d.machine[0]] += need.part[0];
            m_excess[d.machine[1]] += need.part[1];
        }
    }
    const double latency = Latency(m_loads);
    if (latency < m_upper)
    {
        m_upper = latency;
        for (std::size_t k = 0; k < size; ++k)
        {
            m_taken[k] = m_devices[k].low;
        }
    }
    return kept;
}

/// @return latency in the model. @param pairs that each device keeps
double
QualityBound::Impl::Latency(const std::vector<double>& pairs)
{
    return m_floor->model == BlockModel::SCHEDULE
               ? m_evaluator.Bound(pairs, m_experts, m_lower)
               : m_evaluator.StaticSplit(*m_problem, pairs, m_experts);
}

/// Machines and bounds before the first deadline. @return whether there is anything to search
bool
QualityBound::Impl::Start()
{
    const bool schedule = m_floor->model == BlockModel::SCHEDULE;
    m_evaluator.Prepare(*m_problem, m_loads);
    m_machineHz.clear();
    m_machineOffset.clear();
    m_cellMachine.clear();
    for (std::size_t c = 0; c < m_problem->cells.size(); ++c)
    {
        const BlockCell& cell = m_problem->cells[c];
        // a cell whose devices may all be without pairs need not wait for their heads and tails
        bool used = false;
        for (std::size_t k = 0; k < m_devices.size() && !used; ++k)
        {
            used = m_problem->devices[k].cell == c && m_devices[k].total > 0 &&
                   !m_devices[k].empties;
        }
        m_cellMachine.push_back(static_cast<uint32_t>(m_machineHz.size()));
        m_machineHz.push_back(cell.downlinkHz);
        m_machineOffset.push_back(used ? m_evaluator.OffsetS(c, 0) : 0);
        if (!cell.halfDuplex && (schedule || !cell.coupled))
        {
            m_machineHz.push_back(cell.UplinkHz());
            m_machineOffset.push_back(used ? m_evaluator.OffsetS(c, 1) : 0);
        }
    }
    const std::size_t machines = m_machineHz.size();
    m_excess.assign(machines, 0);
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        const uint32_t c = m_problem->devices[k].cell;
        const uint32_t first = m_cellMachine[c];
        const uint32_t behind = c + 1 < m_cellMachine.size() ? m_cellMachine[c + 1] : machines;
        d.machine[0] = first;
        d.machine[1] = behind - 1;
        const BlockDevice& device = m_problem->devices[k];
        if (d.total > 0)
        {
            // about what it needs, to begin with
            m_excess[d.machine[0]] += device.downlinkPairBits * d.total /
                                      device.downlinkLaw.Rate(m_machineHz[d.machine[0]]);
            m_excess[d.machine[1]] +=
                device.uplinkPairBits * d.total / device.uplinkLaw.Rate(m_machineHz[d.machine[1]]);
        }
    }
    if (m_weight.size() != machines)
    {
        m_weight.assign(machines, 0);
        m_weight[std::max_element(m_excess.begin(), m_excess.end()) - m_excess.begin()] = 1;
        m_price = 0;
    }
    m_lower = 0;
    m_upper = Latency(m_loads);
    double lost = m_lostAnyway;
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        const Device& d = m_devices[k];
        m_loads[k] = d.total - d.count;
        lost += m_lossBefore[d.first + k + d.count];
    }
    m_lower = m_lostAnyway > m_maxLost ? m_upper : Latency(m_loads);
    if (m_lostAnyway > m_maxLost || m_sorting.empty() || m_lower >= m_upper)
    {
        return false;
    }
    if (lost <= m_maxLost)
    {
        for (std::size_t k = 0; k < m_devices.size(); ++k)
        {
            m_taken[k] = m_devices[k].count;
        }
        m_upper = m_lower;
        return false;
    }
    return true;
}

/**
 * Search for the weights with which a deadline cannot be kept.
 *
 * @param deadlineS the deadline, s
 * @return false if it cannot be kept, for certain: m_lower is at least the deadline
 */
bool
QualityBound::Impl::Deadline(double deadlineS)
{
    if (!SetLeast(deadlineS))
    {
        m_lower = std::max(m_lower, deadlineS);
        return false;
    }
    const std::size_t machines = m_weight.size();
    if (machines == 1)
    {
        return Inner(deadlineS);
    }
    const auto normalise = [this, machines] {
        double sum = 0;
        for (auto& weight : m_weight)
        {
            // with a static split, bandwidth that costs nothing would be without end
            weight =
                m_floor->model == BlockModel::SCHEDULE ? weight : std::max(weight, LEAST_WEIGHT);
            sum += weight;
        }
        for (std::size_t m = 0; m < machines; ++m)
        {
            m_weight[m] /= sum;
        }
    };
    normalise();
    if (machines > 2)
    {
        for (int step = 0; step < MANY_WEIGHT_STEPS; ++step)
        {
            if (!Inner(deadlineS))
            {
                return false;
            }
            if (m_upper < deadlineS * (1 - m_floor->relativeGap))
            {
                return true;
            }
            const double most = *std::max_element(m_excess.begin(), m_excess.end());
            const double least = *std::min_element(m_excess.begin(), m_excess.end());
            for (std::size_t m = 0; m < machines; ++m)
            {
                const double far = (m_excess[m] - most) / std::max(most - least, 1e-300);
                m_weight[m] = std::max(m_weight[m], 1e-3) * std::exp(4 * far / (step + 1));
            }
            normalise();
        }
        return true;
    }
    // concave in the weight of the second machine: lines that touch it at either end of a bracket
    // (with a static split, bandwidth that costs nothing would be without end)
    const double end = m_floor->model == BlockModel::SCHEDULE ? 0 : LEAST_WEIGHT;
    double low = end;
    double high = 1 - end;
    m_weight[1] = std::clamp(m_weight[1], low, high);
    m_weight[0] = 1 - m_weight[1];
    double line[2][2] = {}; // value at 0, slope
    bool known[2] = {false, false};
    for (int step = 0; step < WEIGHT_STEPS; ++step)
    {
        const double at = m_weight[1];
        if (!Inner(deadlineS))
        {
            return false;
        }
        if (m_upper < deadlineS * (1 - m_floor->relativeGap))
        {
            return true;
        }
        const double slope = m_excess[1] - m_excess[0];
        const bool up = slope > 0;
        if (slope == 0 || (up && at >= 1 - end) || (!up && at <= end))
        {
            return true;
        }
        (up ? low : high) = at;
        line[up ? 0 : 1][0] = m_value - slope * at;
        line[up ? 0 : 1][1] = slope;
        known[up ? 0 : 1] = true;
        double next = (low + high) / 2;
        if (known[0] && known[1])
        {
            next = (line[1][0] - line[0][0]) / (line[0][1] - line[1][1]);
            const double top = line[0][0] + line[0][1] * next;
            if (!(top > 0) || high - low < 1e-9)
            {
                return true; // no weights say that it cannot be kept
            }
            next = next > low && next < high ? next : (low + high) / 2;
        }
        else if (!(line[up ? 0 : 1][0] + line[up ? 0 : 1][1] * (up ? high : low) > 0))
        {
            return true;
        }
        else if (step > 0)
        {
            next = up ? high : low;
        }
        m_weight[1] = next;
        m_weight[0] = 1 - next;
    }
    return true;
}

/// Deadlines between what is known to be too soon and what is known to be possible
void
QualityBound::Impl::Relax()
{
    if (!Start())
    {
        return;
    }
    const double gap = m_floor->relativeGap;
    double possible = m_upper; // not shown to be too soon
    double deadline = m_upper;
    for (; m_result.iterations < m_floor->maxIterations; ++m_result.iterations)
    {
        const double before = m_upper;
        if (Deadline(deadline))
        {
            possible = std::min(possible, deadline);
        }
        possible = std::min(possible, m_upper);
        if (possible - m_lower <= gap * possible)
        {
            break;
        }
        deadline = m_upper < before * (1 - gap) ? m_upper : m_lower + (possible - m_lower) / 2;
    }
}

/// @return whether a pair may go, beside those that have gone. @param i index into m_pairs
bool
QualityBound::Impl::CanDrop(std::size_t i) const
{
    const Pair& p = m_pairs[i];
    return !m_dropped[i] && m_lost + p.loss <= m_maxLost &&
           p.mass <= m_tokenLeft[p.slot / m_result.selection.slots];
}

/// @param i index into m_pairs
void
QualityBound::Impl::Drop(std::size_t i)
{
    m_dropped[i] = true;
    m_lost += m_pairs[i].loss;
    m_tokenLeft[m_pairs[i].slot / m_result.selection.slots] -= m_pairs[i].mass;
    const auto e = m_result.selection.expert[m_pairs[i].slot];
    --m_expertPairs[e];
    m_loads[m_problem->expertDevice[e]] -= 1;
}

/// @param i index into m_pairs
void
QualityBound::Impl::Undo(std::size_t i)
{
    m_dropped[i] = false;
    m_lost -= m_pairs[i].loss;
    m_tokenLeft[m_pairs[i].slot / m_result.selection.slots] += m_pairs[i].mass;
    const auto e = m_result.selection.expert[m_pairs[i].slot];
    ++m_expertPairs[e];
    m_loads[m_problem->expertDevice[e]] += 1;
}

/// @return index of the lightest pair that a device may drop; m_pairs.size(): none
/// @param k the device
std::size_t
QualityBound::Impl::NextDrop(std::size_t k)
{
    Device& d = m_devices[k];
    // what has gone, or what its token cannot lose any more, is passed over for good
    while (d.low < d.count)
    {
        const std::size_t i = d.first + d.low;
        const Pair& p = m_pairs[i];
        if (!m_dropped[i] && p.mass <= m_tokenLeft[p.slot / m_result.selection.slots])
        {
            return m_lost + p.loss <= m_maxLost ? i : m_pairs.size();
        }
        ++d.low;
    }
    return m_pairs.size();
}

/// From the best loads of the relaxed problem to pairs
void
QualityBound::Impl::Round()
{
    m_dropped.assign(m_pairs.size(), false);
    m_lost = m_lostAnyway;
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        m_loads[k] = m_devices[k].total;
    }
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        Device& d = m_devices[k];
        d.low = 0;
        for (std::size_t i = d.first; i < d.first + m_taken[k]; ++i)
        {
            if (CanDrop(i))
            {
                Drop(i);
            }
        }
    }
    if (m_result.status == QualityStatus::FLOOR_NOT_MET)
    {
        return;
    }
    Fill();
    Exchange();
    if (m_floor->restore)
    {
        Restore();
    }
}

/// Use up the rest of what may be lost
void
QualityBound::Impl::Fill()
{
    for (int step = 0; step < FILL_STEPS; ++step)
    {
        const double latency = Latency(m_loads);
        if (latency <= m_lower * (1 + m_floor->relativeGap))
        {
            return;
        }
        // a device that is late by itself has to be relieved, else who needs most for the loss
        m_deadlineS = latency;
        std::size_t best = m_pairs.size();
        double most = 0;
        for (std::size_t k = 0; k < m_devices.size(); ++k)
        {
            if (m_devices[k].count == 0 || !(m_loads[k] > 0))
            {
                continue;
            }
            const std::size_t i = NextDrop(k);
            if (i == m_pairs.size())
            {
                continue;
            }
            const bool late = Fits(m_devices[k], k, m_loads[k]) < 1e-9 * latency;
            const double slope = NeedOf(k, std::max(m_loads[k] - 0.5, 0.5)).slope;
            const double worth = late ? INF : slope / std::max(m_pairs[i].loss, 1e-300);
            if (worth > most)
            {
                most = worth;
                best = i;
            }
        }
        if (best == m_pairs.size())
        {
            return;
        }
        Drop(best);
    }
}

/// One pair of a device comes back, others of another one go
void
QualityBound::Impl::Exchange()
{
    if (m_devices.size() > EXCHANGE_DEVICES)
    {
        return;
    }
    double latency = Latency(m_loads);
    for (std::size_t a = 0; a < m_devices.size(); ++a)
    {
        const Device& d = m_devices[a];
        std::size_t last = d.first + d.count;
        while (last > d.first && !m_dropped[last - 1])
        {
            --last;
        }
        if (last == d.first)
        {
            continue;
        }
        for (std::size_t b = 0; b < m_devices.size(); ++b)
        {
            // within rounding of the bound there is nothing to be gained
            if (latency <= m_lower * (1 + 1e-4))
            {
                return;
            }
            if (a == b || m_devices[b].count == 0 || !m_dropped[last - 1])
            {
                continue;
            }
            Undo(last - 1);
            // where they are few, look again at what a token could not lose before
            const uint32_t low = m_devices[b].count <= FEW_PAIRS ? 0 : m_devices[b].low;
            m_devices[b].low = low;
            const std::size_t first = NextDrop(b);
            std::size_t second = m_pairs.size();
            if (first < m_pairs.size())
            {
                Drop(first);
                second = NextDrop(b);
                if (second < m_pairs.size())
                {
                    Drop(second);
                }
            }
            const double now = first < m_pairs.size() ? Latency(m_loads) : INF;
            if (now < latency * (1 - 1e-12))
            {
                latency = now;
                continue;
            }
            for (const std::size_t i : {second, first})
            {
                if (i < m_pairs.size())
                {
                    Undo(i);
                }
            }
            m_devices[b].low = low;
            Drop(last - 1);
        }
    }
}

/// Pairs whose loss buys nothing come back, the heaviest first
void
QualityBound::Impl::Restore()
{
    const double latency = Latency(m_loads) * (1 + ROUNDING);
    m_deadlineS = latency;
    const auto keeps = [this, latency] {
        // from the latency on there is one step to see whether it is enough
        return m_floor->model == BlockModel::SCHEDULE
                   ? m_evaluator.Bound(m_loads, m_experts, latency) <= latency
                   : Latency(m_loads) <= latency;
    };
    for (std::size_t k = 0; k < m_devices.size(); ++k)
    {
        const Device& d = m_devices[k];
        uint32_t gone = 0;
        for (std::size_t i = d.first; i < d.first + d.count; ++i)
        {
            gone += m_dropped[i];
        }
        // how many can come back
        const double kept = m_loads[k];
        uint32_t low = 0;
        uint32_t high = gone + 1;
        while (high - low > 1)
        {
            const uint32_t middle = low + (high - low) / 2;
            m_loads[k] = kept + middle;
            const bool fits = Fits(d, k, m_loads[k]) >= 0 && keeps();
            (fits ? low : high) = middle;
        }
        m_loads[k] = kept;
        for (std::size_t i = d.first + d.count; i-- > d.first && low > 0;)
        {
            if (m_dropped[i])
            {
                Undo(i);
                --low;
            }
        }
    }
}

/// The answer. @param gate the gate's answer @param k top-k
void
QualityBound::Impl::Conclude(const GateMatrix& gate, std::size_t k)
{
    Selection& selection = m_result.selection;
    double mass = m_massAnyway;
    for (std::size_t i = 0; i < m_pairs.size(); ++i)
    {
        if (m_dropped[i])
        {
            const uint32_t slot = m_pairs[i].slot;
            mass += gate.Row(slot / k)[selection.expert[slot]];
            selection.expert[slot] = -1;
        }
    }
    for (std::size_t i = 0; i < m_pairs.size(); ++i)
    {
        const std::size_t j = m_pairs[i].slot / k;
        if (m_dropped[i])
        {
            double sum = 0;
            for (std::size_t s = j * k; s < (j + 1) * k; ++s)
            {
                sum += selection.expert[s] >= 0 ? gate.Row(j)[selection.expert[s]] : 0;
            }
            for (std::size_t s = j * k; s < (j + 1) * k; ++s)
            {
                selection.combine[s] =
                    selection.expert[s] >= 0 ? gate.Row(j)[selection.expert[s]] / sum : 0;
            }
        }
    }
    std::fill(m_experts.begin(), m_experts.end(), 0);
    for (std::size_t e = 0; e < m_expertPairs.size(); ++e)
    {
        m_experts[m_problem->expertDevice[e]] += m_expertPairs[e] > 0;
    }
    m_result.latencyS = m_floor->model == BlockModel::SCHEDULE
                            ? m_evaluator.LowerBound(*m_problem, m_loads, m_experts)
                            : m_evaluator.StaticSplit(*m_problem, m_expertPairs);
    m_result.lowerBoundS = std::min(m_lower, m_result.latencyS);
    m_result.lost = m_lost;
    m_result.gateMassKept = 1 - mass / m_mass;
    m_result.priceSPerLost = m_price > 0 ? 1 / m_price : 0;
    m_result.weight.assign(2 * m_problem->cells.size(), 0);
    for (std::size_t c = 0; c < m_problem->cells.size(); ++c)
    {
        const std::size_t behind =
            c + 1 < m_cellMachine.size() ? m_cellMachine[c + 1] : m_weight.size();
        for (std::size_t m = m_cellMachine[c]; m < behind; ++m)
        {
            m_result.weight[2 * c + m - m_cellMachine[c]] = m_weight[m];
        }
    }
}

const QualityBoundResult&
QualityBound::Impl::Solve(const GateMatrix& gate,
                          std::size_t k,
                          const BlockProblem& problem,
                          const QualityFloor& floor)
{
    m_problem = &problem;
    m_floor = &floor;
    m_result.status = QualityStatus::SOLVED;
    m_result.message.clear();
    m_result.latencyS = 0;
    m_result.lowerBoundS = 0;
    m_result.lost = 0;
    m_result.gateMassKept = 1;
    m_result.priceSPerLost = 0;
    m_result.iterations = 0;
    if (!Load(gate, k))
    {
        m_result.selection.tokens = 0;
        m_result.selection.expert.clear();
        m_result.selection.combine.clear();
        return m_result;
    }
    if (m_lostAnyway > m_maxLost)
    {
        m_result.status = QualityStatus::FLOOR_NOT_MET;
        m_result.message = "QualityBound: devices that are not reachable lose " +
                           Text(m_lostAnyway) + ", more than maxLost, " + Text(floor.maxLost) +
                           ": that is the least loss that can be reached";
    }
    Sort();
    Relax();
    Round();
    Conclude(gate, k);
    if (floor.candidates > k)
    {
        m_candidates.Improve(gate, k, problem, floor, m_result);
    }
    return m_result;
}

QualityBound::QualityBound()
    : m_impl(std::make_unique<Impl>())
{
}

QualityBound::~QualityBound() = default;

const QualityBoundResult&
QualityBound::Solve(const GateMatrix& gate,
                    std::size_t k,
                    const BlockProblem& problem,
                    const QualityFloor& floor)
{
    return m_impl->Solve(gate, k, problem, floor);
}

void
QualityBound::Reset()
{
    m_impl->Reset();
}

} // namespace wdmoe
