/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WIFI_RADIO_HELPER_H
#define WDMOE_WIFI_RADIO_HELPER_H

#include "wdmoe-radio-helper.h"

#include "ns3/net-device.h"

#include <map>
#include <string>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Makes a Wi-Fi cell (WdmoeWifiRadio) with an access point on the base station's node.
 */
class WdmoeWifiRadioHelper : public WdmoeRadioHelper
{
  public:
    WdmoeWifiRadioHelper();

    /**
     * @param type TypeId of a propagation loss model; forgets the attributes of another one
     */
    void SetPathlossModel(const std::string& type);

    /**
     * @param name attribute of the propagation loss model
     * @param value its value
     */
    void SetPathlossModelAttribute(const std::string& name, const AttributeValue& value);

    /**
     * Let some devices be stations of an older standard.
     *
     * @param device place in the container given to Install()
     * @param standard "80211n" or "80211ac"
     */
    void SetDeviceStandard(uint32_t device, const std::string& standard);

    /**
     * How long devices have to connect: the simulation is aborted, saying which are out of range,
     * if they have not by then. 0: never
     *
     * @param deadline from the start of the simulation
     */
    void SetConnectDeadline(Time deadline);

    /**
     * @param baseStation gets the access point; with a MobilityModel
     * @param devices with a MobilityModel each
     * @return the radio: a WdmoeWifiRadio. Its server node is the base station
     */
    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;

    /**
     * Write what one Wi-Fi device sends and hears into a pcap file, each frame behind a radiotap
     * header. For all of a radio: EnablePcap().
     *
     * @param file its name
     * @param device a WifiNetDevice
     */
    static void EnableDevicePcap(const std::string& file, Ptr<NetDevice> device);

  private:
    ObjectFactory m_pathloss;                    ///< makes the propagation loss model
    std::map<uint32_t, std::string> m_standards; ///< of devices of an older standard
    Time m_deadline{Seconds(2)};                 ///< to connect
};

} // namespace ns3

#endif /* WDMOE_WIFI_RADIO_HELPER_H */
