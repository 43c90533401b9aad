/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LEAST_ENERGY_ALLOCATOR_H
#define WDMOE_LEAST_ENERGY_ALLOCATOR_H

#include "wdmoe-allocator.h"

#include "ns3/nstime.h"
#include "ns3/wdmoe-least-energy.h"

namespace ns3
{

/**
 * @ingroup wdmoe-control
 *
 * The least radio energy that ends a block in time, see wdmoe::LeastEnergySolver: in Deadline, or
 * in Slack times what the fastest split takes. A Deadline that is shorter than that is replaced by
 * it. Powers are those of the devices' profiles; where a profile does not tell, those of the
 * attributes.
 *
 * The result's timeS is the time of the split; its lower bound is that of the fastest split.
 */
class WdmoeLeastEnergyAllocator : public WdmoeAllocator
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeAllocation Allocate(const wdmoe::AllocationProblem& problem) override;
    void SetProfiles(const std::vector<wdmoe::DeviceProfile>& profiles) override;

    /// @return what the last split costs, by the rate laws
    const wdmoe::LeastEnergyResult& GetEnergy() const;

  private:
    wdmoe::LeastEnergyProblem m_problem; ///< the last block
    wdmoe::LeastEnergySolver m_solver;   ///< keeps its memory
    wdmoe::LeastEnergyResult m_energy;   ///< of the last split
    std::vector<double> m_transmitW;     ///< by device, 0: not known
    std::vector<double> m_receiveW;      ///< by device, 0: not known
    Time m_deadline;                     ///< attribute Deadline
    bool m_told{false};                  ///< that a deadline cannot be met
    double m_slack;                      ///< attribute Slack
    double m_deviceTransmitW;            ///< attribute TransmitPower, W
    double m_deviceReceiveW;             ///< attribute ReceivePower, W
    double m_baseStationW;               ///< attribute BaseStationPower, W
};

} // namespace ns3

#endif /* WDMOE_LEAST_ENERGY_ALLOCATOR_H */
