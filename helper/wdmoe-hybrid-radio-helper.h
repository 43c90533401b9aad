/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_HYBRID_RADIO_HELPER_H
#define WDMOE_HYBRID_RADIO_HELPER_H

#include "wdmoe-radio-helper.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Makes a WdmoeHybridRadio: a radio for each of several groups of devices, joined. Devices keep
 * their order, whichever part they are in.
 *
 * All parts are given the same base station, which must come to the same server node. With an LTE
 * part, tell that one: lte.SetServerAtBaseStation(true).
 */
class WdmoeHybridRadioHelper : public WdmoeRadioHelper
{
  public:
    WdmoeHybridRadioHelper();

    /**
     * Some devices are on that radio. Without any, the part is left out.
     *
     * @tparam Helper a subclass of WdmoeRadioHelper
     * @param part makes it; a copy is kept
     * @param devices their indices among those of Install()
     */
    template <typename Helper>
    void Add(const Helper& part, const std::vector<uint32_t>& devices);

    /**
     * The devices within a radius of the base station are on that radio, of those that no part
     * before has named. Without any, the part is left out.
     *
     * @tparam Helper a subclass of WdmoeRadioHelper
     * @param part makes it; a copy is kept
     * @param radius m
     */
    template <typename Helper>
    void AddWithin(const Helper& part, double radius);

    /**
     * That share of the devices is on that radio, spread evenly over those that no part before has
     * named: of n devices that are left and a fraction f, round(f n).
     *
     * @tparam Helper a subclass of WdmoeRadioHelper
     * @param part makes it; a copy is kept
     * @param fraction of the devices left, in [0, 1]; 1: all of them
     */
    template <typename Helper>
    void AddFraction(const Helper& part, double fraction);

    /**
     * Aborts for an index that there is not, and for a device that is in no part or in two.
     *
     * @param baseStation with a MobilityModel
     * @param devices with a MobilityModel each
     * @return the radio: a WdmoeHybridRadio
     */
    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;

  private:
    /// One radio
    struct Part
    {
        std::shared_ptr<const WdmoeRadioHelper> helper; ///< makes it
        std::vector<uint32_t> devices;                  ///< indices, where they were given
        bool byFraction{false};                         ///< or the next
        double fraction{0};                             ///< of those left
        double radius{-1};                              ///< >= 0: those left within it, m
    };

    /**
     * @param distances of the devices from the base station, m
     * @return part of each device
     */
    std::vector<std::size_t> Divide(const std::vector<double>& distances) const;

    std::vector<Part> m_parts; ///< in the order of Add()
};

template <typename Helper>
void
WdmoeHybridRadioHelper::Add(const Helper& part, const std::vector<uint32_t>& devices)
{
    m_parts.push_back({std::make_shared<const Helper>(part), devices});
}

template <typename Helper>
void
WdmoeHybridRadioHelper::AddWithin(const Helper& part, double radius)
{
    m_parts.push_back({std::make_shared<const Helper>(part), {}, false, 0, radius});
}

template <typename Helper>
void
WdmoeHybridRadioHelper::AddFraction(const Helper& part, double fraction)
{
    m_parts.push_back({std::make_shared<const Helper>(part), {}, true, fraction});
}

} // namespace ns3

#endif /* WDMOE_HYBRID_RADIO_HELPER_H */
