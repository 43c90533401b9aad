/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LATENCY_H
#define WDMOE_LATENCY_H

#include <cstddef>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * The three stages of one device's part of a block, in seconds.
 */
struct StageTimes
{
    double downlinkS{0}; ///< from the first bit sent to the last bit received by the device
    double computeS{0};  ///< queue and expert
    double uplinkS{0};   ///< from the answer's first bit sent to its last bit received
};

/**
 * @ingroup wdmoe-core
 *
 * Paper mode: one stage after another.
 *
 * @param t the stages
 * @return downlink + compute + uplink, seconds
 * @throws std::invalid_argument for a stage that is negative or not finite
 */
double SequentialLatency(const StageTimes& t);

/**
 * @ingroup wdmoe-core
 *
 * The batch is cut into n equal micro-batches and the stages overlap:
 * (d + c + u) / n + (n - 1) / n max(d, c, u).
 *
 * @param t the stages of the whole batch
 * @param microBatches n >= 1
 * @return seconds
 * @throws std::invalid_argument for n = 0, and for a stage that is negative or not finite
 */
double PipelinedLatency(const StageTimes& t, std::size_t microBatches);

/**
 * @ingroup wdmoe-core
 *
 * "Attention waiting latency": a block ends with its last answer.
 *
 * @param stages one entry for each device that has work
 * @param microBatches 1: sequential; more: pipelined
 * @return the maximum over the devices, seconds; 0 without devices
 */
double BlockLatency(const std::vector<StageTimes>& stages, std::size_t microBatches = 1);

} // namespace wdmoe

#endif /* WDMOE_LATENCY_H */
