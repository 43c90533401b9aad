/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WIFI_DEVICE_FACTORY_H
#define WDMOE_WIFI_DEVICE_FACTORY_H

#include "ns3/nstime.h"
#include "ns3/ptr.h"
#include "ns3/wifi-phy-common.h"
#include "ns3/wifi-standards.h"

#include <cstdint>
#include <string>

namespace ns3
{

class Node;
class SpectrumChannel;
class WifiNetDevice;

/**
 * @ingroup wdmoe-radio
 *
 * A standard that has A-MPDUs, without which a burst takes for ever.
 */
struct WdmoeWifiStandard
{
    const char* name;         ///< as in attributes: "80211n", "80211ac" or "80211ax"
    WifiStandard standard;    ///< ns-3's
    WifiModulationClass kind; ///< of its data frames
    uint16_t width;           ///< widest channel, MHz
    uint32_t window;          ///< largest block-ack window, MPDUs
    uint32_t maxAmpdu;        ///< longest A-MPDU, byte

    /**
     * Aborts for another name.
     *
     * @param name of a standard
     * @return the standard
     */
    static const WdmoeWifiStandard& Get(const std::string& name);
};

/**
 * @ingroup wdmoe-radio
 *
 * Makes the Wi-Fi devices of a cell in the 5 GHz band, one spatial stream, with queues and frames
 * for bursts.
 */
class WdmoeWifiDeviceFactory
{
  public:
    /// What the devices of a cell have in common
    struct Settings
    {
        Ptr<SpectrumChannel> channel; ///< what the signals go over
        uint16_t width{20};           ///< of the channel, MHz
        double apPower{20};           ///< of the access point, dBm
        double staPower{20};          ///< of a station, dBm
        double noiseFigure{7};        ///< dB
        std::string scheduler;        ///< TypeId of the multi-user scheduler; empty: none
        std::string rateManager;      ///< TypeId
        std::string dataMode;         ///< of ns3::ConstantRateWifiManager
        Time guardInterval;           ///< of 802.11ax
        Time muEdcaTimer;             ///< see WdmoeWifiRadio
        uint32_t rtsThreshold{0};     ///< byte
        uint32_t retryLimit{0};       ///< attempts to send a frame
        uint32_t queueSize{0};        ///< packets
        Time queueDelay;              ///< packets that have waited for so long are dropped
    };

    /**
     * @param settings what the devices have in common
     */
    void SetUp(const Settings& settings);

    /**
     * @param node gets an access point
     * @param standard of it
     * @return the device
     */
    Ptr<WifiNetDevice> MakeAp(Ptr<Node> node, const WdmoeWifiStandard& standard) const;

    /**
     * @param node gets a station, which associates by itself
     * @param standard of it
     * @param number of the station: they associate one after another
     * @return the device
     */
    Ptr<WifiNetDevice> MakeStation(Ptr<Node> node,
                                   const WdmoeWifiStandard& standard,
                                   uint32_t number) const;

  private:
    /**
     * @param node gets a device
     * @param standard of it
     * @param ap whether it is the access point
     * @param number of the station
     * @return the device
     */
    Ptr<WifiNetDevice> Make(Ptr<Node> node,
                            const WdmoeWifiStandard& standard,
                            bool ap,
                            uint32_t number) const;

    Settings m_settings; ///< what they have in common
};

} // namespace ns3

#endif /* WDMOE_WIFI_DEVICE_FACTORY_H */
