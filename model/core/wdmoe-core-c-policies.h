/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CORE_C_POLICIES_H
#define WDMOE_CORE_C_POLICIES_H

#include "wdmoe-core-c.h"

/**
 * @file
 * @ingroup wdmoe-core
 *
 * More selection policies for other languages; see wdmoe-core-c.h for what holds for all of them.
 */

#ifdef __cplusplus
extern "C"
{
#endif

    /// How far a search got: wdmoe::SearchStatus, in the structs below
    enum
    {
        WDMOE_CORE_SEARCH_OPTIMAL = 0,    ///< proven
        WDMOE_CORE_SEARCH_INFEASIBLE = 1, ///< some tokens cannot meet the floor
        WDMOE_CORE_SEARCH_NODE_LIMIT = 2, ///< cut short
        WDMOE_CORE_SEARCH_TIME_LIMIT = 3  ///< cut short
    };

    /// wdmoe::DesParam and wdmoe::DesResult
    typedef struct wdmoe_core_des
    {
        double floor;        ///< in
        int32_t relative;    ///< in
        size_t max_experts;  ///< in: slots of the selection; 0: k
        uint64_t node_limit; ///< in
        double time_limit_s; ///< in
        int32_t status;      ///< out
        uint64_t nodes;      ///< out
        size_t infeasible;   ///< out: tokens
        size_t unproven;     ///< out: tokens
        double cost;         ///< out
        double lower_bound;  ///< out
        double worst_gap;    ///< out
        double reachable;    ///< out: largest floor that every token can meet
    } wdmoe_core_des;

    /// wdmoe::SiftParam and wdmoe::SiftResult
    typedef struct wdmoe_core_sift
    {
        const double* similarity; ///< in: E x E, or null: skip only
        double max_error;         ///< in
        uint64_t node_limit;      ///< in
        double time_limit_s;      ///< in
        int32_t status;           ///< out
        uint64_t nodes;           ///< out
        size_t unproven;          ///< out: tokens
        size_t skipped;           ///< out: pairs
        size_t replaced;          ///< out: pairs
        double cost;              ///< out
        double lower_bound;       ///< out
        double worst_gap;         ///< out
        double worst_error;       ///< out
    } wdmoe_core_sift;

    /// wdmoe::BlockDevice
    typedef struct wdmoe_core_block_device
    {
        wdmoe_core_law downlink_law; ///< downlink
        wdmoe_core_law uplink_law;   ///< uplink
        double downlink_pair_bits;   ///< bit
        double uplink_pair_bits;     ///< bit
        double downlink_batch_bits;  ///< bit
        double uplink_batch_bits;    ///< bit
        double downlink_fixed_s;     ///< s
        double uplink_request_s;     ///< s
        double uplink_fixed_s;       ///< s
        double pair_s;               ///< s
        double read_s;               ///< s
        double move_s;               ///< s
        double launch_s;             ///< s
        double compute_fixed_s;      ///< s
        double busy_s;               ///< s
        int32_t reachable;           ///< 0: its pairs are lost
        uint32_t cell;               ///< index
    } wdmoe_core_block_device;

    /// wdmoe::BlockCell
    typedef struct wdmoe_core_block_cell
    {
        double downlink_hz;  ///< Hz
        double uplink_hz;    ///< Hz
        int32_t coupled;     ///< one share for both directions
        int32_t half_duplex; ///< one budget for both directions
    } wdmoe_core_block_cell;

    /// wdmoe::BlockProblem, wdmoe::QualityFloor and wdmoe::QualityBoundResult
    typedef struct wdmoe_core_block
    {
        size_t devices;                        ///< in: K
        const wdmoe_core_block_device* device; ///< in: K
        size_t cells;                          ///< in
        const wdmoe_core_block_cell* cell;     ///< in
        const uint32_t* expert_device;         ///< in: E
        size_t prices;                         ///< in
        const double* price_share;             ///< in: wdmoe::QualityPrice::share of each
        const double* price_loss;              ///< in: likewise
        double max_lost;                       ///< in
        double max_token_loss;                 ///< in
        size_t min_experts;                    ///< in
        double relative_gap;                   ///< in
        uint32_t max_pieces;                   ///< in
        int32_t max_iterations;                ///< in
        int32_t static_split;    ///< in: 1: latency of a static split, 0: of a schedule
        int32_t restore;         ///< in
        int32_t status;          ///< out: 0: solved, 1: the floor cannot be met
        int32_t iterations;      ///< out
        double latency_s;        ///< out
        double lower_bound_s;    ///< out
        double gap;              ///< out
        double lost;             ///< out
        double price_s_per_lost; ///< out
    } wdmoe_core_block;

    /**
     * wdmoe::DesSolver.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param cost of one more pair on each expert, length E
     * @param [in,out] des settings in, what was found out
     * @param [in,out] selection arrays of J x maxExperts
     * @param [out] message what was wrong, or what floor cannot be met
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_des(const wdmoe_core_gate* gate,
                              size_t k,
                              const double* cost,
                              wdmoe_core_des* des,
                              wdmoe_core_selection* selection,
                              char* message,
                              size_t messageSize);

    /**
     * wdmoe::SiftSolver.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param cost of one more pair on each expert, length E
     * @param [in,out] sift settings in, what was found out
     * @param [in,out] selection arrays of J x k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_sift(const wdmoe_core_gate* gate,
                               size_t k,
                               const double* cost,
                               wdmoe_core_sift* sift,
                               wdmoe_core_selection* selection,
                               char* message,
                               size_t messageSize);

    /**
     * wdmoe::SelectChannelAware().
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param snr of the link to each expert, length E
     * @param strength how much of the channel enters the logits
     * @param combineCorrected 1: combine with the corrected weights
     * @param [in,out] selection arrays of J x k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_channel_aware(const wdmoe_core_gate* gate,
                                        size_t k,
                                        const double* snr,
                                        double strength,
                                        int32_t combineCorrected,
                                        wdmoe_core_selection* selection,
                                        char* message,
                                        size_t messageSize);

    /**
     * wdmoe::SelectRandom(), with draws of a Mersenne twister.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param keep part of the pairs that stays
     * @param exact 1: exactly that many
     * @param minExperts of a token that always stay
     * @param seed of the draws
     * @param [in,out] selection arrays of J x k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_random(const wdmoe_core_gate* gate,
                                 size_t k,
                                 double keep,
                                 int32_t exact,
                                 size_t minExperts,
                                 uint64_t seed,
                                 wdmoe_core_selection* selection,
                                 char* message,
                                 size_t messageSize);

    /**
     * wdmoe::QualityBound.
     *
     * @param gate the gate's answer
     * @param k the model's own top-k
     * @param [in,out] block problem and settings in, what was found out
     * @param [in,out] selection arrays of J x k
     * @param [out] message what was wrong, or what floor cannot be met
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_block(const wdmoe_core_gate* gate,
                                size_t k,
                                wdmoe_core_block* block,
                                wdmoe_core_selection* selection,
                                char* message,
                                size_t messageSize);

#ifdef __cplusplus
}
#endif

#endif /* WDMOE_CORE_C_POLICIES_H */
