/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LTE_RADIO_HELPER_H
#define WDMOE_LTE_RADIO_HELPER_H

#include "wdmoe-radio-helper.h"

#include "ns3/vector.h"

#include <string>
#include <utility>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Makes an LTE cell (WdmoeLteRadio) around a base station.
 */
class WdmoeLteRadioHelper : public WdmoeRadioHelper
{
  public:
    WdmoeLteRadioHelper();

    /**
     * @param type TypeId of a propagation loss model
     */
    void SetPathlossModel(const std::string& type);

    /**
     * @param name attribute of the propagation loss model
     * @param value its value
     */
    void SetPathlossModelAttribute(const std::string& name, const AttributeValue& value);

    /**
     * @param type TypeId of a SpectrumPropagationLossModel, for example ns3::WdmoeBlockFading;
     * none by default
     */
    void SetFadingModel(const std::string& type);

    /**
     * @param name attribute of the fading model
     * @param value its value
     */
    void SetFadingModelAttribute(const std::string& name, const AttributeValue& value);

    /**
     * @param at true: the base station's node is also the host behind the packet gateway, so that
     * it may be in other networks too (WdmoeHybridRadio)
     */
    void SetServerAtBaseStation(bool at);

    /**
     * @param baseStation where the eNB is, with a MobilityModel
     * @param devices with a MobilityModel each
     * @return the radio: a WdmoeLteRadio. Its server node is a host behind the base station
     */
    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;

    /**
     * @param position of the eNB, for which a node is made, m
     * @param devices with a MobilityModel each
     * @return the radio
     */
    Ptr<WdmoeRadio> Install(const Vector& position, const NodeContainer& devices) const;

  private:
    /// Names and values of attributes
    using Attributes = std::vector<std::pair<std::string, Ptr<AttributeValue>>>;

    Attributes m_pathloss;             ///< of the propagation loss model
    std::string m_fadingType;          ///< empty: none
    bool m_serverAtBaseStation{false}; ///< see SetServerAtBaseStation()
    Attributes m_fading;               ///< of the fading model
};

} // namespace ns3

#endif /* WDMOE_LTE_RADIO_HELPER_H */
