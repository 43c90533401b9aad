/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_IDEAL_RADIO_HELPER_H
#define WDMOE_IDEAL_RADIO_HELPER_H

#include "ns3/node-container.h"
#include "ns3/object-factory.h"
#include "ns3/wdmoe-ideal-radio.h"

#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-helper Helpers of WDMoE
 */

/**
 * @ingroup wdmoe-helper
 *
 * Makes a WdmoeIdealRadio between a base station and devices.
 */
class WdmoeIdealRadioHelper
{
  public:
    WdmoeIdealRadioHelper();

    /**
     * @param name attribute of WdmoeIdealRadio
     * @param value its value
     */
    void SetAttribute(const std::string& name, const AttributeValue& value);

    /**
     * @param server base station, with a MobilityModel
     * @param devices with a MobilityModel each
     * @return the radio, ready
     */
    Ptr<WdmoeRadio> Install(Ptr<Node> server, NodeContainer devices) const;

  private:
    ObjectFactory m_factory; ///< makes the radio
};

} // namespace ns3

#endif /* WDMOE_IDEAL_RADIO_HELPER_H */
