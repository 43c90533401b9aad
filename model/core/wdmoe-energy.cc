/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-energy.h"

#include <cmath>
#include <stdexcept>

namespace wdmoe
{

namespace
{

/**
 * @param powerW power
 * @param seconds time
 * @param what name of the part
 * @return energy, J
 */
double
Energy(double powerW, double seconds, const char* what)
{
    if (!(powerW >= 0 && std::isfinite(powerW) && seconds >= 0 && std::isfinite(seconds)))
    {
        throw std::invalid_argument(std::string("EnergyOfPart: ") + what + " takes " +
                                    std::to_string(powerW) + " W for " + std::to_string(seconds) +
                                    " s, expected finite numbers >= 0");
    }
    return powerW * seconds;
}

} // namespace

double
EnergyUse::TotalJ() const
{
    return DevicesJ() + baseTransmitJ + baseComputeJ;
}

double
EnergyUse::DevicesJ() const
{
    return transmitJ + receiveJ + computeJ;
}

EnergyUse&
EnergyUse::operator+=(const EnergyUse& other)
{
    transmitJ += other.transmitJ;
    receiveJ += other.receiveJ;
    computeJ += other.computeJ;
    baseTransmitJ += other.baseTransmitJ;
    baseComputeJ += other.baseComputeJ;
    return *this;
}

bool
KnowsEnergy(const DeviceProfile& device)
{
    return device.transmitPowerW > 0 && device.receivePowerW > 0 && device.computePowerW > 0;
}

EnergyUse
EnergyOfPart(const DeviceProfile& device,
             const DeviceProfile& baseStation,
             const EnergyActivity& activity)
{
    EnergyUse use;
    use.transmitJ = Energy(device.transmitPowerW, activity.transmitS, "sending");
    use.receiveJ = Energy(device.receivePowerW, activity.receiveS, "receiving");
    use.computeJ = Energy(device.computePowerW, activity.computeS, "computing");
    use.baseTransmitJ =
        Energy(baseStation.transmitPowerW, activity.baseTransmitS, "the base station's sending");
    use.baseComputeJ =
        Energy(baseStation.computePowerW, activity.baseComputeS, "the base station's computing");
    return use;
}

} // namespace wdmoe
