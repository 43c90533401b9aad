/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_PACED_RADIO_HELPER_H
#define WDMOE_PACED_RADIO_HELPER_H

#include "wdmoe-radio-helper.h"

#include "ns3/net-device-container.h"
#include "ns3/nstime.h"

#include <functional>
#include <string>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-helper
 *
 * Makes a WdmoePacedRadio over any medium.
 *
 * Three media come with it, made by Install(baseStation, devices); a build without ns-3's module
 * wifi has two, see GetMedia():
 *
 * - "wifi": 802.11 by EDCA, one access point and a station for each device on a YansWifiChannel, no
 *   multi-user transmission; nodes need a MobilityModel. With a standard that aggregates (all but
 *   80211a), ns-3's access point that has sent an aggregate to a station which has gone sends
 * nothing to any other until that one is back: all downlinks are lost with it;
 * - "csma": one bus of DataRate and Delay;
 * - "p2p": a point-to-point link of DataRate and Delay for each device.
 *
 * Any other is one function (SetMedium()), or NetDevices that you made (the other Install()).
 * Addresses are assigned where they are missing: from the first 10.N.0.0/16, N = 64, 65, ..., that
 * no node of the cell has an address in.
 */
class WdmoePacedRadioHelper : public WdmoeRadioHelper
{
  public:
    /// NetDevices of a cell
    struct Medium
    {
        NetDeviceContainer server;  ///< of the base station: one for each device, or one for all
        NetDeviceContainer devices; ///< one for each device, in order
        std::function<int64_t(int64_t)> assignStreams; ///< see WdmoeRadio::AssignStreams(); or none
    };

    /// Makes the NetDevices of a cell
    typedef std::function<Medium(Ptr<Node> baseStation, const NodeContainer& devices)> MediumMaker;

    /// What a named medium is made by
    struct Settings
    {
        std::string dataRate{"100Mbps"}; ///< csma, p2p
        Time delay{};                    ///< csma, p2p
        std::string standard{"80211ax"}; ///< wifi
        uint32_t widthMhz{20};           ///< wifi
        double powerDbm{20};             ///< wifi
    };

    /// @return names of the media that this build has, sorted
    static std::vector<std::string> GetMedia();

    /**
     * @param medium "wifi", "csma" or "p2p"
     */
    explicit WdmoePacedRadioHelper(const std::string& medium = "wifi");

    /**
     * @param maker makes the NetDevices in place of the named medium
     */
    void SetMedium(MediumMaker maker);

    /**
     * For "csma" and "p2p".
     *
     * @param dataRate of the bus or of each link, as ns-3 writes it
     * @param delay of propagation
     */
    void SetLink(const std::string& dataRate, Time delay);

    /**
     * For "wifi".
     *
     * @param standard as ns-3's WifiStandard names it in lower case: 80211a, 80211n, 80211ac,
     * 80211ax
     * @param widthMhz channel width
     * @param powerDbm transmit power of all
     */
    void SetWifi(const std::string& standard, uint32_t widthMhz, double powerDbm);

    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation, const NodeContainer& devices) const override;

    /**
     * Over NetDevices that exist. They are installed and connected; addresses are assigned where
     * they are missing.
     *
     * @param baseStation node
     * @param server its NetDevices: one for each device, or one for all
     * @param devices NetDevices of the devices
     * @return the radio, with all devices added
     */
    Ptr<WdmoeRadio> Install(Ptr<Node> baseStation,
                            const NetDeviceContainer& server,
                            const NetDeviceContainer& devices) const;

  private:
    std::string m_medium; ///< its name
    MediumMaker m_maker;  ///< in its place, or none
    Settings m_settings;  ///< of a named medium
};

} // namespace ns3

#endif /* WDMOE_PACED_RADIO_HELPER_H */
