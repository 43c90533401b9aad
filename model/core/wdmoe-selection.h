/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SELECTION_H
#define WDMOE_SELECTION_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * What the gate of one block says: one row for each token, softmax weights over all experts.
 */
struct GateMatrix
{
    std::size_t tokens{0};      ///< J
    std::size_t experts{0};     ///< E
    std::vector<double> weight; ///< J x E, row major; each row >= 0 and sums to at most 1

    /**
     * @param token j < J
     * @return pointer to the E weights of that token
     */
    const double* Row(std::size_t token) const;
};

/**
 * @ingroup wdmoe-core
 *
 * Which experts run each token, and with which combine weight.
 */
struct Selection
{
    std::size_t tokens{0};       ///< J
    std::size_t slots{0};        ///< most experts a token may have (top-k)
    std::vector<int32_t> expert; ///< J x slots, row major, by falling weight; -1: nothing here
    std::vector<double> combine; ///< J x slots; the kept ones of a token sum to 1

    /// @return number of (token, expert) pairs kept
    std::size_t Routed() const;

    /**
     * @param experts E
     * @return tokens for each expert, length E
     */
    std::vector<uint32_t> Load(std::size_t experts) const;
};

/**
 * @ingroup wdmoe-core
 *
 * Vanilla routing: the k largest weights of each row (ties: lower index), renormalised. A weight of
 * zero is never routed: it would move bytes for nothing.
 *
 * @param gate the gate's answer
 * @param k 1 <= k <= E
 * @return the selection
 * @throws std::invalid_argument for a bad k, an empty gate, weights that are NaN, negative or
 *         of the wrong number, a row without any weight or with a sum beyond rounding over 1
 */
Selection SelectTopK(const GateMatrix& gate, std::size_t k);

/**
 * @ingroup wdmoe-core
 *
 * The same into memory that is there.
 *
 * @param gate the gate's answer
 * @param k 1 <= k <= E
 * @param [out] selection the selection
 * @throws std::invalid_argument as above; what the selection holds then is of no use
 */
void SelectTopK(const GateMatrix& gate, std::size_t k, Selection& selection);

/**
 * @ingroup wdmoe-core
 *
 * Weight-to-latency ratio: mean over routed (token, expert) of gate weight / latency.
 *
 * @param gate the gate's answer
 * @param selection what runs
 * @param latencyS predicted seconds for one token on each expert, length E, > 0
 * @return 1/s; 0 if nothing is routed
 */
double WeightToLatencyRatio(const GateMatrix& gate,
                            const Selection& selection,
                            const std::vector<double>& latencyS);

/**
 * @ingroup wdmoe-core
 *
 * Gate mass that is kept, relative to top-k: sum of the routed gate weights divided by the sum
 * of the k largest weights of each token.
 *
 * @param gate the gate's answer
 * @param selection what runs
 * @param k the model's own top-k
 * @return in [0, 1]
 */
double KeptGateMass(const GateMatrix& gate, const Selection& selection, std::size_t k);

/// Settings of Algorithm 1
struct WlrParam
{
    double thetaStart{0.5};    ///< first threshold on the cosine
    double thetaStep{0.1};     ///< raised by this
    double thetaEnd{1.0};      ///< last threshold
    double gain{1.03};         ///< gamma: stop when WLR / WLR of top-k exceeds it
    std::size_t minExperts{1}; ///< never fewer for a token

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/// What Algorithm 1 found
struct WlrResult
{
    Selection selection; ///< which experts run
    double theta{0};     ///< threshold it stopped at
    double wlrTopK{0};   ///< WLR of top-k, 1/s
    double wlr{0};       ///< WLR reached, 1/s
    bool reached{false}; ///< whether the gain was met
};

/**
 * @ingroup wdmoe-core
 *
 * The paper's Algorithm 1, as we read it: start from top-k; for theta from thetaStart to
 * thetaEnd: each token whose gate vector has a cosine <= theta with the vector of latencies loses
 * its routed expert of lowest weight (one at most for each theta, counted from top-k, so that a
 * higher theta only drops from more tokens); stop when WLR / WLR(top-k) > gain.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param latencyS predicted seconds for one token on each expert, length E, > 0
 * @param param settings
 * @return selection and how it was found
 * @throws std::invalid_argument as SelectTopK, and for latencies that are not > 0 and finite
 */
WlrResult SelectWlr(const GateMatrix& gate,
                    std::size_t k,
                    const std::vector<double>& latencyS,
                    const WlrParam& param = WlrParam());

/**
 * @ingroup wdmoe-core
 *
 * SelectWlr() that keeps its memory: calls for gates of the same size allocate none.
 */
class WlrSelector
{
  public:
    /**
     * As SelectWlr().
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param latencyS predicted seconds for one token on each expert, length E, > 0
     * @param param settings
     * @return selection and how it was found; valid until the next call
     * @throws std::invalid_argument as SelectWlr(); the result of the last call is lost
     */
    const WlrResult& Solve(const GateMatrix& gate,
                           std::size_t k,
                           const std::vector<double>& latencyS,
                           const WlrParam& param = WlrParam());

    /// @return the result of the last call, with its memory
    WlrResult TakeResult();

  private:
    /// What a token would lose
    struct Candidate
    {
        std::size_t step; ///< the threshold from which on it does
        std::size_t slot; ///< index of its lowest weight into Selection::expert
        double ratio;     ///< its weight / latency
    };

    /// Write m_order: by step, then by token. @param candidates how many @param steps last step
    void Order(std::size_t candidates, std::size_t steps);

    WlrResult m_result;                  ///< of the last call
    std::vector<double> m_relative;      ///< latency of each expert over the largest
    std::vector<Candidate> m_candidates; ///< one for each token that may lose a pair
    std::vector<std::size_t> m_order;    ///< indices into them
};

/// Settings of SelectQualityBound()
struct QualityBoundParam
{
    double maxLostMass{0.15};  ///< of the block's top-k gate mass, this share may be lost, 0 .. 1
    double maxTokenLoss{0.1};  ///< of a token's own top-k gate mass, this share may be lost, 0 .. 1
    std::size_t minExperts{1}; ///< a token's experts of largest weight that always stay

    /// @throws std::invalid_argument if a value is out of range
    void Check() const;
};

/**
 * @ingroup wdmoe-core
 *
 * Least cost subject to a bound on lost gate mass: top-k without the (token, expert) pairs whose
 * cost is high for the weight they have. With w the gate weight of a pair and c its cost,
 *
 *     maximise   sum of c over dropped pairs
 *     such that  sum of w over dropped pairs <= maxLostMass * sum of w over all pairs of top-k
 *
 * over all pairs but the minExperts of largest weight of each token. That is a knapsack; pairs are
 * dropped in the order of c / w, and one that does not fit is passed over. Where fractions of pairs
 * could be dropped, that order is optimal. So the cost saved is that of this relaxed problem less,
 * at most, the cost of one pair. maxTokenLoss takes pairs away from that problem: each alone where
 * a token has one to lose (k - minExperts = 1), so that the bound holds for what is left; else a
 * token's pairs hang together, and no such bound holds. A pair that costs nothing stays.
 *
 * maxLostMass bounds the block, maxTokenLoss what becomes of a token whose experts are dear: where
 * costs differ, the pairs of one expert go, heavy ones among them, and a token that loses a heavy
 * expert costs more quality than its mass says. For batches of one token both are the same.
 *
 * What a block waits for is its bottleneck, so a cost should be the price of what is scarce, not
 * the latency of a device: the air time of one more pair where all devices share the air, weighed
 * by how much the block waits for that direction.
 *
 * @param gate the gate's answer
 * @param k the model's own top-k
 * @param costS s that one more pair on each expert costs, length E, finite and >= 0
 * @param param settings
 * @return which experts run, combine weights renormalised. Of equal c / w the pair of less weight
 *         goes first, then the later one
 * @throws std::invalid_argument as SelectTopK, and for costs or settings out of range
 */
Selection SelectQualityBound(const GateMatrix& gate,
                             std::size_t k,
                             const std::vector<double>& costS,
                             const QualityBoundParam& param = QualityBoundParam());

} // namespace wdmoe

#endif /* WDMOE_SELECTION_H */
