/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_GATE_LOG_H
#define WDMOE_GATE_LOG_H

#include "ns3/wdmoe-selection.h"

#include <cstdint>
#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-moe
 *
 * Write the gates of a real model as a log that ns3::WdmoeRecordedGateSource reads
 * ("wdmoe-gate-log-1", CSV): all experts of each token by falling weight, so the full softmax and
 * not its top k. Weights have six digits.
 *
 * @param path of the file, overwritten
 * @param source one line: which model, which text
 * @param gates one for each block, of one size; rows are the sequences one after another
 * @param lengths tokens of each sequence
 * @throws std::runtime_error if the file cannot be written
 * @throws std::invalid_argument if gates and lengths do not belong together
 */
void WriteGateLog(const std::string& path,
                  const std::string& source,
                  const std::vector<GateMatrix>& gates,
                  const std::vector<uint32_t>& lengths);

} // namespace wdmoe

#endif /* WDMOE_GATE_LOG_H */
