/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RADIO_HELPER_H
#define WDMOE_RADIO_HELPER_H

#include "ns3/node-container.h"
#include "ns3/object-factory.h"
#include "ns3/wdmoe-radio.h"

#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe
 * @defgroup wdmoe-helper Helpers of WDMoE
 */

/**
 * @ingroup wdmoe-helper
 *
 * Makes a radio between a base station and devices. Subclasses have one name for each technology;
 * a scenario that holds its helper as this class runs over any of them.
 */
class WdmoeRadioHelper
{
  public:
    /**
     * @param type TypeId of the radio
     */
    explicit WdmoeRadioHelper(const std::string& type);

    virtual ~WdmoeRadioHelper();

    /**
     * @param name attribute of the radio
     * @param value its value
     */
    void SetAttribute(const std::string& name, const AttributeValue& value);

    /**
     * @param baseStation with a MobilityModel
     * @param devices with a MobilityModel each
     * @return the radio, with all devices added; its GetServerNode() may be another node than the
     * base station
     */
    virtual Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const = 0;

    /**
     * Write what goes over a radio into pcap files, from now on: WdmoePcapHelper::EnablePcap().
     *
     * @param prefix of the files, which may name a folder that is there
     * @param radio that Install() returned
     * @return the names of the files
     */
    std::vector<std::string> EnablePcap(const std::string& prefix, Ptr<WdmoeRadio> radio) const;

  protected:
    ObjectFactory m_factory; ///< makes the radio
};

} // namespace ns3

#endif /* WDMOE_RADIO_HELPER_H */
