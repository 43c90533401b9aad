/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_QUALITY_BOUND_IMPL_H
#define WDMOE_QUALITY_BOUND_IMPL_H

// internal: not installed

#include "wdmoe-candidate-search.h"
#include "wdmoe-quality-bound.h"

#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace wdmoe
{

namespace bound
{

inline constexpr double INF = std::numeric_limits<double>::infinity();

/// Relative: a sum of losses may be above a bound by so much, which is rounding
inline constexpr double ROUNDING = 1e-12;

/// Relative: what is numerically found of a static split's need may be too large by so much
inline constexpr double NEED_ERROR = 1e-9;
/// Of a machine with static splits, at least
inline constexpr double LEAST_WEIGHT = 1e-7;

/// @return the number for a message. @param value any
inline std::string
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

} // namespace bound

/// The solver
class QualityBound::Impl
{
  public:
    /// As QualityBound::Solve(). @param gate weights @param k experts of a token @param problem the
    /// block @param floor what must be kept @return the selection
    const QualityBoundResult& Solve(const GateMatrix& gate,
                                    std::size_t k,
                                    const BlockProblem& problem,
                                    const QualityFloor& floor);

    /// Nothing is known of a block before
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
    double Fits(const bound::Device& d, std::size_t k, double pairs) const;
    bound::Need NeedOf(std::size_t k, double pairs) const;
    bound::Need SplitNeed(std::size_t k, double pairs) const;
    void Sample(std::size_t k);
    void Fit(bound::Device& d) const;
    double SlopeOf(const bound::Device& d, double pairs) const;
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
    std::vector<bound::Device> m_devices;   ///< K
    std::vector<bound::Pair> m_pairs;       ///< by device, by rising loss
    std::vector<bound::Pair> m_sorting;     ///< while they are sorted
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

} // namespace wdmoe

#endif /* WDMOE_QUALITY_BOUND_IMPL_H */
