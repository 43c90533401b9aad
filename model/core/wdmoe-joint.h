/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_JOINT_H
#define WDMOE_JOINT_H

#include "wdmoe-quality-bound.h"

#include <functional>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * When alternating between selection and allocation goes on: the first answer of a selector stands,
 * whatever it comes to (its quality is what was asked for), later ones must be faster. So from the
 * first answer on the objective never rises, and after maxRounds there is an end.
 */
class Alternation
{
  public:
    /**
     * @param maxRounds of selection, >= 1
     * @param improvement relative, that makes a later answer better, >= 0
     */
    explicit Alternation(uint32_t maxRounds, double improvement = 1e-6);

    /**
     * @param latencyS of the next answer
     * @return whether it is to be taken; false: the last one taken stands, and this is the end
     */
    bool Take(double latencyS);

    /// @return whether there is another round
    bool GoesOn() const;

    /// @return answers taken
    uint32_t Rounds() const;

    /// @return latency of the last one taken, s
    double LatencyS() const;

  private:
    uint32_t m_maxRounds; ///< at most
    double m_improvement; ///< relative
    uint32_t m_rounds{0}; ///< taken
    double m_latencyS{0}; ///< of the last one
    bool m_ended{false};  ///< one was refused
};

/// How far to go
struct JointParam
{
    BlockModel model{BlockModel::SCHEDULE}; ///< how latency comes about
    uint32_t maxRounds{4};                  ///< of selection, >= 1
    double improvement{1e-6};               ///< relative, >= 0: with less, it is the end
    ShopParam plan;                         ///< of the planner of schedules
    bool certify{true};                     ///< whether lowerBoundS is wanted

    /// @return what is wrong with it; empty if nothing is
    std::string Check() const;
};

/// Selection and allocation, and how good they are together
struct JointResult
{
    QualityStatus status{QualityStatus::INVALID}; ///< how it ended
    std::string message;                          ///< one line for INVALID, FLOOR_NOT_MET
    Selection selection;                          ///< which experts run
    double latencyS{0};     ///< of the block, with the planner's schedule or the best split, s
    double lowerBoundS{0};  ///< no selection from top-k that loses no more gate mass (QualityBound:
                            ///< keeps to the floor), however it is carried, is faster, s
    double gateMassKept{1}; ///< share of top-k's
    uint32_t rounds{0};     ///< selections taken
    std::vector<double> latencyByRoundS; ///< of each of these: it never rises, s

    /// @return (latencyS - lowerBoundS) / latencyS; 0 where there is nothing to do
    double Gap() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Which experts run each token and how their bits are carried, decided together.
 *
 * Alternating, for any selector that looks at the costs of experts: top-k is allocated, the
 * selector answers to the costs that follow from it, its answer is allocated, and so on
 * (Alternation). The cost of an expert is what a pair takes on it: with a static split (T - f) / q,
 * since in the best split all devices end at T; with a schedule its bits' time with the whole band
 * both ways and its computation. This is the block coordinate descent of the joint problems of the
 * literature, whose objective never rises, and which may end anywhere: what it does not say is how
 * far from the best it is. That is what the relaxed problem of QualityBound says, at the gate mass
 * that the answer keeps.
 *
 * Direct, for a floor on quality: QualityBound, whose relaxed problem has the allocation inside.
 *
 * The time that it takes is bounded by rounds and by the solvers' own limits. Keeps its memory, and
 * starts the next block's certificate from the last one's multipliers.
 */
class Joint
{
  public:
    /// costs by expert (s a pair, length E) to a selection
    typedef std::function<Selection(const std::vector<double>& costS)> Selector;

    /**
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param problem devices, links, placement
     * @param selector any that answers with a selection for these tokens
     * @param param how far to go
     * @return the answer; valid until the next call
     */
    const JointResult& Alternate(const GateMatrix& gate,
                                 std::size_t k,
                                 const BlockProblem& problem,
                                 const Selector& selector,
                                 const JointParam& param = JointParam());

    /**
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param problem devices, links, placement
     * @param floor what has to be kept; its model is that of `param`
     * @param param how far to go
     * @return the answer; valid until the next call
     */
    const JointResult& Direct(const GateMatrix& gate,
                              std::size_t k,
                              const BlockProblem& problem,
                              const QualityFloor& floor,
                              const JointParam& param = JointParam());

    /**
     * A bound that holds for any selection from top-k that loses no more gate mass than so much, in
     * whatever way it is carried.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param problem devices, links, placement
     * @param gateMassKept share of top-k's, in [0, 1]
     * @param model how latency comes about
     * @return s; NaN if the problem is refused
     */
    double Certify(const GateMatrix& gate,
                   std::size_t k,
                   const BlockProblem& problem,
                   double gateMassKept,
                   BlockModel model = BlockModel::SCHEDULE);

  private:
    /// @return latency in the model, s. @param problem the block @param selection which experts
    /// @param param how far to go
    double Latency(const BlockProblem& problem,
                   const Selection& selection,
                   const JointParam& param);

    /// Check what both have in common. @param gate weights @param k experts of a token @param
    /// problem the block @param param how far to go @return whether it is right
    bool Start(const GateMatrix& gate,
               std::size_t k,
               const BlockProblem& problem,
               const JointParam& param);

    JointResult m_result;                ///< answer
    QualityBound m_bound;                ///< of the direct problem
    QualityBound m_certifier;            ///< of the bound
    BlockEvaluator m_evaluator;          ///< of selections
    std::vector<uint32_t> m_expertPairs; ///< E
    std::vector<double> m_costS;         ///< E
};

} // namespace wdmoe

#endif /* WDMOE_JOINT_H */
