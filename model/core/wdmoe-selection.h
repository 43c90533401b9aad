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

} // namespace wdmoe

#endif /* WDMOE_SELECTION_H */
