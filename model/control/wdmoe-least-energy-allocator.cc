/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-least-energy-allocator.h"

#include "ns3/double.h"

#include <algorithm>
#include <iostream>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeLeastEnergyAllocator);

TypeId
WdmoeLeastEnergyAllocator::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeLeastEnergyAllocator")
            .SetParent<WdmoeAllocator>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeLeastEnergyAllocator>()
            .AddAttribute("Deadline",
                          "In what time a block is to end; 0: Slack times the least",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeLeastEnergyAllocator::m_deadline),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("Slack",
                          "In how many times the least time a block is to end",
                          DoubleValue(1.2),
                          MakeDoubleAccessor(&WdmoeLeastEnergyAllocator::m_slack),
                          MakeDoubleChecker<double>(1.0, 1e6))
            .AddAttribute("TransmitPower",
                          "Drawn by a device while it sends, where its profile does not tell (W)",
                          DoubleValue(2.5),
                          MakeDoubleAccessor(&WdmoeLeastEnergyAllocator::m_deviceTransmitW),
                          MakeDoubleChecker<double>(0.0, 1e5))
            .AddAttribute("ReceivePower",
                          "Drawn by a device while it receives, where its profile does not tell "
                          "(W)",
                          DoubleValue(1.2),
                          MakeDoubleAccessor(&WdmoeLeastEnergyAllocator::m_deviceReceiveW),
                          MakeDoubleChecker<double>(0.0, 1e5))
            .AddAttribute("BaseStationPower",
                          "Drawn by the base station while it sends (W)",
                          DoubleValue(47),
                          MakeDoubleAccessor(&WdmoeLeastEnergyAllocator::m_baseStationW),
                          MakeDoubleChecker<double>(0.0, 1e6));
    return tid;
}

void
WdmoeLeastEnergyAllocator::SetProfiles(const std::vector<wdmoe::DeviceProfile>& profiles)
{
    m_transmitW.clear();
    m_receiveW.clear();
    for (const auto& profile : profiles)
    {
        m_transmitW.push_back(profile.transmitPowerW);
        m_receiveW.push_back(profile.receivePowerW);
    }
}

const wdmoe::LeastEnergyResult&
WdmoeLeastEnergyAllocator::GetEnergy() const
{
    return m_energy;
}

WdmoeAllocation
WdmoeLeastEnergyAllocator::Allocate(const wdmoe::AllocationProblem& problem)
{
    const auto fastest = wdmoe::AllocateMinMax(problem);
    if (fastest.status == wdmoe::AllocationStatus::INVALID ||
        fastest.status == wdmoe::AllocationStatus::INFEASIBLE || fastest.timeS == 0)
    {
        return MakePlan(problem, fastest); // says why, or there is nothing to do
    }
    if (!m_told && !m_deadline.IsZero() && m_deadline.GetSeconds() < fastest.timeS)
    {
        m_told = true;
        std::cerr << "WdmoeLeastEnergyAllocator: the deadline of " << m_deadline.GetSeconds()
                  << " s cannot be met, the least is " << fastest.timeS
                  << " s; such blocks get the fastest split. Raise Deadline, or use Slack\n";
    }
    const auto size = problem.downlinkBits.size();
    m_problem.block = problem;
    m_problem.deadlineS =
        std::max(fastest.timeS,
                 m_deadline.IsZero() ? m_slack * fastest.timeS : m_deadline.GetSeconds());
    m_problem.transmitW = m_transmitW;
    m_problem.receiveW = m_receiveW;
    m_problem.transmitW.resize(size, 0);
    m_problem.receiveW.resize(size, 0);
    for (std::size_t k = 0; k < size; k++)
    {
        auto& transmitW = m_problem.transmitW[k];
        auto& receiveW = m_problem.receiveW[k];
        transmitW = transmitW > 0 ? transmitW : m_deviceTransmitW;
        receiveW = receiveW > 0 ? receiveW : m_deviceReceiveW;
    }
    m_problem.baseStationW = m_baseStationW;
    m_energy = m_solver.Solve(m_problem);
    wdmoe::AllocationResult result;
    result.status = m_energy.status;
    result.message = m_energy.message;
    result.downlinkHz = m_energy.downlinkHz;
    result.uplinkHz = m_energy.uplinkHz;
    result.timeS = m_energy.timeS;
    result.lowerBoundS = fastest.lowerBoundS;
    result.residual = m_energy.residual;
    result.iterations = m_energy.iterations;
    return MakePlan(problem, result);
}

} // namespace ns3
