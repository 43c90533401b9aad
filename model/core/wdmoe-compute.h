/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_COMPUTE_H
#define WDMOE_COMPUTE_H

#include <string>
#include <vector>

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * Size of one expert: a SwiGLU feed-forward network of three matrices of hidden x inner.
 */
struct ExpertShape
{
    double hidden{4096};       ///< m, elements
    double inner{14336};       ///< m_h, elements
    double activationFlops{8}; ///< eta, FLOPs of the activation for one inner element
    double bytesPerWeight{2};  ///< bytes for one stored weight (fp16: 2, 4-bit quantised: 0.5)

    /// @return FLOPs for one token: 4 m m_h + 2 m_h m + eta m_h + m_h
    double FlopsPerToken() const;

    /// @return bytes of the three weight matrices: 3 m m_h bytesPerWeight
    double WeightBytes() const;
};

/**
 * @ingroup wdmoe-core
 *
 * What a device can compute. The numbers come from data/devices.json, with their sources.
 */
struct DeviceProfile
{
    std::string name;          ///< how users choose it
    double flops{0};           ///< sustained FLOP/s for the data type in use
    double memoryBandwidth{0}; ///< byte/s of the memory that holds the weights
    double memoryBytes{0};     ///< bytes of memory
    double launchOverheadS{0}; ///< s for each expert call, before any work
    double computePowerW{0};   ///< W drawn while computing (0: not known)
    std::string source;        ///< where the numbers come from
    double transmitPowerW{0};  ///< W drawn by its radio while sending (0: not known)
    double receivePowerW{0};   ///< W drawn by its radio while receiving (0: not known)
};

/// How compute time is counted
enum class ComputeMode
{
    FLOPS,   ///< the paper: FLOPs / device FLOP/s
    ROOFLINE ///< the larger of FLOPs and bytes moved, plus the launch overhead, for each expert
};

/**
 * @ingroup wdmoe-core
 *
 * Time of one device for one block.
 *
 * FLOPS: sum_e q_e F / f. ROOFLINE: sum over experts with q_e > 0 of
 * max(q_e F / f, (W + 4 q_e m) / beta) + o; the weights W are read once for the whole batch, fp16
 * activations once in and once out.
 *
 * @param mode how to count
 * @param shape the experts' size
 * @param profile the device; flops (and memoryBandwidth for ROOFLINE) must be > 0
 * @param tokensPerExpert q_e for each expert the device holds, >= 0
 * @return seconds
 * @throws std::invalid_argument for a profile that cannot compute
 */
double ComputeTime(ComputeMode mode,
                   const ExpertShape& shape,
                   const DeviceProfile& profile,
                   const std::vector<double>& tokensPerExpert);

} // namespace wdmoe

#endif /* WDMOE_COMPUTE_H */
