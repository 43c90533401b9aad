/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_ENERGY_H
#define WDMOE_ENERGY_H

#include "wdmoe-compute.h"

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * For how long the parts of a system were at work.
 */
struct EnergyActivity
{
    double transmitS{0};     ///< device sending, >= 0, s
    double receiveS{0};      ///< device receiving, >= 0, s
    double computeS{0};      ///< device's compute unit at work, >= 0, s
    double baseTransmitS{0}; ///< base station sending at full power, >= 0, s
    double baseComputeS{0};  ///< base station's compute unit at work, >= 0, s
};

/**
 * @ingroup wdmoe-core
 *
 * Where energy went, J.
 */
struct EnergyUse
{
    double transmitJ{0};     ///< devices sending
    double receiveJ{0};      ///< devices receiving
    double computeJ{0};      ///< devices computing
    double baseTransmitJ{0}; ///< base station sending
    double baseComputeJ{0};  ///< base station computing (attention and gate)

    /// @return the sum of all, J
    double TotalJ() const;

    /// @return the sum of what the devices took, J
    double DevicesJ() const;

    /// @param other is added @return the sum
    EnergyUse& operator+=(const EnergyUse& other);
};

/**
 * @ingroup wdmoe-core
 *
 * @param device its profile
 * @return true if the powers of its radio and of its compute unit are known
 */
bool KnowsEnergy(const DeviceProfile& device);

/**
 * @ingroup wdmoe-core
 *
 * Energy of one device's part of a block:
 *
 *     E = Ptx tx + Prx rx + Pc c + Pbs tbs + Pbc cb,
 *
 * power drawn times time at work, as in JESA (arXiv 2503.13421, as we read its abstract). What is
 * drawn whatever is done (idle, screen, base station without traffic) is not part of it.
 *
 * @param device its profile: transmitPowerW, receivePowerW, computePowerW (0 where not known)
 * @param baseStation the same of the base station, receivePowerW is not used
 * @param activity times
 * @return energy by where it went, J
 * @throws std::invalid_argument for a time or a power that is negative or not finite
 */
EnergyUse EnergyOfPart(const DeviceProfile& device,
                       const DeviceProfile& baseStation,
                       const EnergyActivity& activity);

} // namespace wdmoe

#endif /* WDMOE_ENERGY_H */
