/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_CORE_C_H
#define WDMOE_CORE_C_H

#include <stddef.h> // NOLINT: C
#include <stdint.h> // NOLINT: C

/**
 * @file
 * @ingroup wdmoe-core
 *
 * The numerics for other languages: plain arrays that belong to the caller, no exception, no state.
 * Two-dimensional arrays are row major without gaps. What a field means is said where the C++ type
 * of the same name is declared; python/wdmoe/core.py is a user of it all.
 *
 * Every function returns WDMOE_CORE_OK, or another code and in `message` (of `messageSize` chars,
 * cut to fit, may be null) what was wrong: the value, its place, what was expected. A problem that
 * makes sense and has no solution is not an error: see the status in its result.
 */

#ifdef __cplusplus
extern "C"
{
#endif

    /// What functions return
    enum
    {
        WDMOE_CORE_OK = 0,      ///< done
        WDMOE_CORE_INVALID = 1, ///< a meaningless input
        WDMOE_CORE_FAILED = 2   ///< out of memory, or a mistake in the library
    };

/// Changes whenever a struct or a function below does
#define WDMOE_CORE_ABI 1

    /// @return WDMOE_CORE_ABI of the library
    int32_t wdmoe_core_abi(void);

    /// wdmoe::RateLaw
    typedef struct wdmoe_core_law
    {
        int32_t kind;      ///< 0: linear, 1: Shannon
        double efficiency; ///< bit/s/Hz; of a Shannon law its cap, may be infinite
        double gain_hz;    ///< Hz (Shannon only)
        double scale;      ///< in (0, 1] (Shannon only)
    } wdmoe_core_law;

    /**
     * @param count number of laws
     * @param law the laws
     * @param bandwidthHz of each, Hz
     * @param [out] rate of each, bit/s
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_rate(size_t count,
                        const wdmoe_core_law* law,
                        const double* bandwidthHz,
                        double* rate,
                        char* message,
                        size_t messageSize);

    /**
     * @param count number of laws
     * @param law the laws
     * @param rate of each, bit/s
     * @param [out] bandwidthHz least bandwidth with that rate, Hz; infinite if there is none
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_bandwidth(size_t count,
                             const wdmoe_core_law* law,
                             const double* rate,
                             double* bandwidthHz,
                             char* message,
                             size_t messageSize);

    /**
     * wdmoe::SequentialLatency(), PipelinedLatency().
     *
     * @param count number of devices
     * @param downlinkS of each, s
     * @param computeS of each, s
     * @param uplinkS of each, s
     * @param microBatches 1: one stage after another
     * @param [out] latencyS of each, s; their maximum is the block's
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_latency(size_t count,
                           const double* downlinkS,
                           const double* computeS,
                           const double* uplinkS,
                           size_t microBatches,
                           double* latencyS,
                           char* message,
                           size_t messageSize);

    /// wdmoe::AllocationProblem and wdmoe::AllocationParam
    typedef struct wdmoe_core_allocation_problem
    {
        size_t devices;                     ///< K
        const double* downlink_bits;        ///< K
        const double* uplink_bits;          ///< K
        const double* compute_s;            ///< K
        const wdmoe_core_law* downlink_law; ///< K
        const wdmoe_core_law* uplink_law;   ///< K
        double downlink_hz;                 ///< downlink budget, or the common one when coupled, Hz
        double uplink_hz;                   ///< uplink budget, Hz (not used if coupled)
        int32_t coupled;                    ///< 1: one share for both directions
        int32_t policy;         ///< 0: min-max, 1: equal among the busy, 2: equal among all
        double relative_gap;    ///< when to stop
        int32_t max_iterations; ///< likewise
    } wdmoe_core_allocation_problem;

    /// wdmoe::AllocationResult
    typedef struct wdmoe_core_allocation
    {
        double* downlink_hz;  ///< K, the caller's
        double* uplink_hz;    ///< K, the caller's
        uint8_t* active;      ///< K, the caller's, or null: 1 where the device is a bottleneck
        int32_t status;       ///< 0: optimal (or equal), 1: infeasible, 2: too many iterations
        int32_t iterations;   ///< outer iterations
        double time_s;        ///< s
        double lower_bound_s; ///< s
        double gap;           ///< relative
        double residual;      ///< KKT residual
    } wdmoe_core_allocation;

    /**
     * wdmoe::AllocateMinMax(), AllocateEqual(). If infeasible, message says why and no bandwidth is
     * given.
     *
     * @param problem the block
     * @param [in,out] result arrays in, all else out
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_allocate(const wdmoe_core_allocation_problem* problem,
                            wdmoe_core_allocation* result,
                            char* message,
                            size_t messageSize);

    /// wdmoe::GateMatrix
    typedef struct wdmoe_core_gate
    {
        size_t tokens;        ///< J
        size_t experts;       ///< E
        const double* weight; ///< J x E
        double tolerance;     ///< rows must sum to 1 within this; negative: to at most 1
    } wdmoe_core_gate;

    /// wdmoe::Selection
    typedef struct wdmoe_core_selection
    {
        size_t slots;    ///< columns; of a result, k
        int32_t* expert; ///< J x slots; -1: nothing here
        double* combine; ///< J x slots; may be null where a selection is an input
    } wdmoe_core_selection;

    /// wdmoe::WlrParam and wdmoe::WlrResult
    typedef struct wdmoe_core_wlr
    {
        double theta_start; ///< in
        double theta_step;  ///< in
        double theta_end;   ///< in
        double gain;        ///< in
        size_t min_experts; ///< in
        double theta;       ///< out: threshold it stopped at
        double wlr_topk;    ///< out, 1/s
        double wlr;         ///< out, 1/s
        int32_t reached;    ///< out: whether the gain was met
    } wdmoe_core_wlr;

    /// wdmoe::QualityBoundParam
    typedef struct wdmoe_core_quality_bound
    {
        double max_lost_mass;  ///< in
        double max_token_loss; ///< in
        size_t min_experts;    ///< in
    } wdmoe_core_quality_bound;

    /// wdmoe::BottleneckParam, what was observed, and wdmoe::BottleneckResult
    typedef struct wdmoe_core_bottleneck
    {
        size_t devices;                ///< in: K
        const uint32_t* expert_device; ///< in: E, device of each expert
        size_t batches;                ///< in: how many were observed
        const uint32_t* batch_device;  ///< in: of each, in order of time
        const uint32_t* batch_tokens;  ///< in: of each
        const double* batch_latency_s; ///< in: of each, s
        double learning_weight;        ///< in: of a batch against all before, in (0, 1]
        double max_lost_mass;          ///< in
        double max_relief;             ///< in
        size_t min_experts;            ///< in
        size_t bottlenecks;            ///< in
        double before_s;               ///< out: predicted latency of top-k, s
        double after_s;                ///< out: predicted latency of the selection, s
        size_t relieved;               ///< out: how many devices lost pairs
    } wdmoe_core_bottleneck;

    /**
     * wdmoe::SelectTopK().
     *
     * @param gate the gate's answer
     * @param k experts for each token
     * @param [in,out] selection arrays of J x k, slots = k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_topk(const wdmoe_core_gate* gate,
                               size_t k,
                               wdmoe_core_selection* selection,
                               char* message,
                               size_t messageSize);

    /**
     * wdmoe::SelectWlr().
     *
     * @param gate the gate's answer
     * @param k experts for each token
     * @param latencyS for one token on each expert, length E, s
     * @param [in,out] wlr settings in, what was found out
     * @param [in,out] selection arrays of J x k, slots = k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_wlr(const wdmoe_core_gate* gate,
                              size_t k,
                              const double* latencyS,
                              wdmoe_core_wlr* wlr,
                              wdmoe_core_selection* selection,
                              char* message,
                              size_t messageSize);

    /**
     * wdmoe::SelectQualityBound().
     *
     * @param gate the gate's answer
     * @param k experts for each token
     * @param costS of one more pair on each expert, length E, s
     * @param bound settings
     * @param [in,out] selection arrays of J x k, slots = k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_quality_bound(const wdmoe_core_gate* gate,
                                        size_t k,
                                        const double* costS,
                                        const wdmoe_core_quality_bound* bound,
                                        wdmoe_core_selection* selection,
                                        char* message,
                                        size_t messageSize);

    /**
     * wdmoe::SelectBottleneck().
     *
     * @param gate the gate's answer
     * @param k experts for each token
     * @param [in,out] bottleneck settings and observations in, what was done out
     * @param [in,out] selection arrays of J x k, slots = k
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_select_bottleneck(const wdmoe_core_gate* gate,
                                     size_t k,
                                     wdmoe_core_bottleneck* bottleneck,
                                     wdmoe_core_selection* selection,
                                     char* message,
                                     size_t messageSize);

    /**
     * wdmoe::KeptGateMass().
     *
     * @param gate the gate's answer
     * @param k experts for each token
     * @param selection what runs
     * @param [out] mass in [0, 1]
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_kept_gate_mass(const wdmoe_core_gate* gate,
                                  size_t k,
                                  const wdmoe_core_selection* selection,
                                  double* mass,
                                  char* message,
                                  size_t messageSize);

    /**
     * wdmoe::WeightToLatencyRatio().
     *
     * @param gate the gate's answer
     * @param selection what runs
     * @param latencyS for one token on each expert, length E, s
     * @param [out] ratio 1/s
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_weight_to_latency_ratio(const wdmoe_core_gate* gate,
                                           const wdmoe_core_selection* selection,
                                           const double* latencyS,
                                           double* ratio,
                                           char* message,
                                           size_t messageSize);

    /// wdmoe::ShopDevice
    typedef struct wdmoe_core_shop_device
    {
        wdmoe_core_law downlink_law; ///< downlink
        wdmoe_core_law uplink_law;   ///< uplink
        double downlink_fixed_s;     ///< s
        double uplink_request_s;     ///< s
        double uplink_fixed_s;       ///< s
        double busy_s;               ///< s
    } wdmoe_core_shop_device;

    /// wdmoe::ShopPiece
    typedef struct wdmoe_core_shop_piece
    {
        double downlink_bits; ///< bit
        double compute_s;     ///< s
        double uplink_bits;   ///< bit
    } wdmoe_core_shop_piece;

    /// wdmoe::ShopTask; its cuts are those from `cuts` of the task before (0 for the first) on
    typedef struct wdmoe_core_shop_task
    {
        uint32_t device;  ///< k < K
        uint32_t block;   ///< b < B
        double release_s; ///< s
        size_t cuts;      ///< number of cuts of this and all tasks before
    } wdmoe_core_shop_task;

    /// wdmoe::ShopProblem and wdmoe::ShopParam
    typedef struct wdmoe_core_shop_problem
    {
        size_t devices;                       ///< K
        const wdmoe_core_shop_device* device; ///< K
        size_t tasks;                         ///< T
        const wdmoe_core_shop_task* task;     ///< T
        const size_t* cut_pieces;             ///< for each cut of each task its number of pieces
        const wdmoe_core_shop_piece* piece;   ///< of all cuts, in order
        size_t blocks;                        ///< B
        const double* block_weight;           ///< B
        double downlink_hz;                   ///< Hz
        double uplink_hz;                     ///< Hz
        int32_t coupled;                      ///< one share for both directions
        int32_t half_duplex;                  ///< one budget for both directions
        uint32_t max_evaluations;             ///< plans looked at
        uint32_t exact_evaluations;           ///< where the family is not larger, all are
        double guaranteed;                    ///< to every device, in [0, 1 / K)
        int32_t downlink_serial;              ///< may serve linear downlinks one after another
        int32_t uplink_serial;                ///< likewise
        int32_t uplink_shared;                ///< may share the uplink
    } wdmoe_core_shop_problem;

    /// wdmoe::ShopTimes
    typedef struct wdmoe_core_shop_times
    {
        uint32_t task;           ///< index
        uint32_t piece;          ///< index into the cut taken
        double downlink_start_s; ///< s
        double downlink_end_s;   ///< s
        double compute_start_s;  ///< s
        double compute_end_s;    ///< s
        double uplink_start_s;   ///< s
        double uplink_end_s;     ///< s
    } wdmoe_core_shop_times;

    /// wdmoe::ShopShare
    typedef struct wdmoe_core_shop_share
    {
        double guaranteed; ///< in [0, 1]
        double weight;     ///< >= 0
        int32_t priority;  ///< larger first
    } wdmoe_core_shop_share;

    /// wdmoe::ShopResult
    typedef struct wdmoe_core_shop
    {
        uint32_t* cut;                   ///< T, the caller's: index into the cuts of each task
        wdmoe_core_shop_share* downlink; ///< K, the caller's
        wdmoe_core_shop_share* uplink;   ///< K, the caller's
        double* block_end_s;             ///< B, the caller's
        wdmoe_core_shop_times*
            times;            ///< the caller's: sum over tasks of the pieces of the finest cut
        size_t pieces;        ///< out: how many of times are used
        int32_t status;       ///< 0: planned, 1: infeasible
        int32_t exact;        ///< every plan of the family was looked at
        uint32_t evaluations; ///< plans looked at
        double cost_s;        ///< s
        double lower_bound_s; ///< s
        double gap;           ///< relative
    } wdmoe_core_shop;

    /**
     * wdmoe::ShopPlanner. If infeasible, message says why and there is no plan.
     *
     * @param problem blocks in flight
     * @param [in,out] result arrays in, all else out
     * @param [out] message what was wrong
     * @param messageSize of message
     * @return a code
     */
    int wdmoe_core_schedule(const wdmoe_core_shop_problem* problem,
                            wdmoe_core_shop* result,
                            char* message,
                            size_t messageSize);

#ifdef __cplusplus
}
#endif

#endif /* WDMOE_CORE_C_H */
