/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_SIMILARITY_H
#define WDMOE_SIMILARITY_H

#include "wdmoe-transformer.h"

#include "ns3/wdmoe-capability.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-moe
 *
 * How similar the experts of one block are: what expert f says to the inputs that the gate gives
 * expert i, compared with what i says. Rows: i, columns: f.
 */
struct WdmoeBlockSimilarity
{
    std::vector<uint64_t> pairs;  ///< tokens routed to each expert, that its row is the mean over
    std::vector<double> cosine;   ///< E x E: mean cosine of both outputs, -1 .. 1; diagonal 1
    std::vector<double> distance; ///< E x E: mean |y_i - y_f| / |y_i|, >= 0; diagonal 0
};

/**
 * @ingroup wdmoe-moe
 *
 * The same of a model, as a file says it.
 */
struct WdmoeSimilarity
{
    std::string model;                        ///< name
    std::string source;                       ///< where it is from
    uint32_t experts{0};                      ///< E
    std::vector<WdmoeBlockSimilarity> blocks; ///< by block
};

/**
 * @ingroup wdmoe-moe
 *
 * Measure the similarity of a real model's experts: it reads texts, routed by its own gate to its
 * own top-k, and in each block every expert sees every token. An expert that is never chosen is
 * similar to itself only.
 *
 * @param model the model
 * @param items what it reads
 * @param progress called with the fraction done; may be empty
 * @return the similarities; model and source are left to the caller
 */
WdmoeSimilarity WdmoeMeasureSimilarity(const wdmoe::Transformer& model,
                                       const std::vector<wdmoe::EvaluationItem>& items,
                                       const std::function<void(double)>& progress = {});

/**
 * @ingroup wdmoe-moe
 *
 * Write a file, "wdmoe-similarity-1":
 *
 *     format, model, source, experts
 *     blocks[].pairs              tokens that each row is the mean over
 *     blocks[].cosine             E rows of E
 *     blocks[].relative_distance  E rows of E
 *
 * @param similarity what to write
 * @param path of the file, overwritten
 * @throws std::runtime_error if it cannot be written
 */
void WdmoeWriteSimilarity(const WdmoeSimilarity& similarity, const std::string& path);

/**
 * @ingroup wdmoe-moe
 *
 * Read such a file.
 *
 * @param path of the file
 * @return what it says
 * @throws WdmoeDataError if anything is wrong with it
 */
WdmoeSimilarity WdmoeReadSimilarity(const std::string& path);

/**
 * @ingroup wdmoe-moe
 *
 * Read such a file.
 *
 * @param name file below the data folder, or a path; aborts with what is wrong with it
 * @return what it says
 */
WdmoeSimilarity WdmoeLoadSimilarity(const std::string& name);

} // namespace ns3

#endif /* WDMOE_SIMILARITY_H */
