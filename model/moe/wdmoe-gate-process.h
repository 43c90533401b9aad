/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_GATE_PROCESS_H
#define WDMOE_GATE_PROCESS_H

// Internal: not installed, not part of the interface of the module.

#include "wdmoe-data-file.h"
#include "wdmoe-gate-source.h"

#include "ns3/ptr.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ns3
{

class UniformRandomVariable;

/**
 * @ingroup wdmoe-moe
 *
 * @param preset a name in data/gates/fits.json, or FILE.json:NAME
 * @return its parameters; aborts with the list of known names
 */
WdmoeGateFit WdmoeLoadGateFit(const std::string& preset);

/// @return 62 random bits, the same for the same stream, seed and run; @param uniform newly set
uint64_t WdmoeDrawKey(Ptr<UniformRandomVariable> uniform);

/**
 * @ingroup wdmoe-moe
 *
 * The random part of gate logits: for each (request, block, expert) a stationary Gaussian process
 * over the positions of a sequence, zero mean, unit variance, correlation rho^|lag| (AR(1)).
 *
 * Its value at any position is a pure function of the key: normals come from a counter-based
 * generator (the SplitMix64 finaliser over the words of the counter; Steele, Lea and Flood,
 * OOPSLA 2014), never from a sequential stream. Positions that are multiples of 64 are anchors,
 * each a moving average of white noise cut where its weight falls below 1e-6; between two anchors
 * the process is filled by halving: given both ends at distance h, the middle has mean
 * a / (1 + a^2) (left + right) and variance (1 - a^2) / (1 + a^2), a = rho^h. So position
 * 100,000 costs as much as position 0.
 */
class WdmoeGateProcess
{
  public:
    /**
     * @param key of the generator
     * @param correlation rho, 0 <= rho <= 0.999
     */
    WdmoeGateProcess(uint64_t key, double correlation);

    /**
     * @param query which tokens
     * @param experts E
     * @return J x E values, row major
     */
    std::vector<double> Get(const WdmoeGateQuery& query, uint32_t experts) const;

    /**
     * @param word0 first word of the counter
     * @param word1 second
     * @param word2 third
     * @return 64 random bits
     */
    uint64_t Bits(uint64_t word0, uint64_t word1, uint64_t word2) const;

    /**
     * @param word0 first word of the counter
     * @param word1 second
     * @param count how many
     * @return independent standard normals
     */
    std::vector<double> Normals(uint64_t word0, uint64_t word1, uint32_t count) const;

  private:
    uint64_t m_key;                ///< of the generator
    std::vector<double> m_average; ///< weights of the moving average at the anchors
    std::vector<double> m_mean;    ///< for halving from 64, 32, ... 2: weight of each end
    std::vector<double> m_sigma;   ///< for the same: standard deviation
};

/**
 * @ingroup wdmoe-moe
 *
 * Turns each row of logits into softmax weights.
 *
 * @param tokens J
 * @param experts E
 * @param logits J x E
 * @return the gate's answer
 */
wdmoe::GateMatrix WdmoeSoftmax(uint32_t tokens, uint32_t experts, std::vector<double>&& logits);

/**
 * @ingroup wdmoe-moe
 *
 * Popularity logits a_e such that, with independent normal token logits of standard deviation
 * sigma, expert e is among the top k for the given share of tokens. Newton steps on log share;
 * the share is estimated over fixed noise (common random numbers) with the expert's own noise
 * integrated out: P_e = E[Phi((a_e - t) / sigma)], t the k-th largest logit of the others.
 *
 * @param share wanted, length E, sums to k; each is raised to at least 1e-4
 * @param topK k
 * @param sigma spread of the token logits, > 0
 * @return a, zero mean, length E
 */
std::vector<double> WdmoeFitPopularity(std::vector<double> share, uint32_t topK, double sigma);

} // namespace ns3

#endif /* WDMOE_GATE_PROCESS_H */
