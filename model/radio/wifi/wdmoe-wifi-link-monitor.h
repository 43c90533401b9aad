/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WIFI_LINK_MONITOR_H
#define WDMOE_WIFI_LINK_MONITOR_H

#include "wdmoe-wifi-link-adaptation.h"

#include "ns3/callback.h"
#include "ns3/mac48-address.h"
#include "ns3/phy-entity.h"
#include "ns3/wifi-phy.h"

#include <cstdint>
#include <map>
#include <vector>

namespace ns3
{

class WifiNetDevice;

/**
 * @ingroup wdmoe-radio
 *
 * Least noise that a receiver met in the last seconds, so that a frame that came through a
 * collision does not look as if the channel were bad.
 */
class WdmoeWifiNoiseFloor
{
  public:
    /**
     * @param density of the noise during a frame, W/Hz
     */
    void Update(double density);

    /// @return W/Hz; 0: nothing heard
    double Get() const;

  private:
    double m_now{0};    ///< least since m_since
    double m_before{0}; ///< least in the second before it
    Time m_since;       ///< when this one began
};

/**
 * @ingroup wdmoe-radio
 *
 * Measures the links of a Wi-Fi cell from each frame that the access point and the stations hear
 * of one another, by PHY trace, and brings them to the SNR over the whole band: a frame in a narrow
 * RU has the station's full power, one RU of the access point its part of that. It also counts what
 * is sent.
 */
class WdmoeWifiLinkMonitor
{
  public:
    /// What is known of one direction of a station
    struct Direction
    {
        WdmoeWifiEstimate snr;        ///< over the whole band, linear
        WdmoeWifiEstimate efficiency; ///< payload bit/s/Hz of the budget
        double hzS{0};                ///< bandwidth x time of data frames, Hz s
    };

    /// Called with the index of a station that the access point heard
    using HeardCallback = Callback<void, uint32_t>;

    /// How to measure
    struct Settings
    {
        Time window;        ///< time constant of averages
        bool fromSnr{true}; ///< rates follow from the SNR; else from the MCS that is seen
        bool count{true};   ///< count what is sent
        double budgetHz{0}; ///< of the cell
    };

    /**
     * @param ap access point
     * @param settings how to measure
     * @param heard called when a station is heard
     */
    void SetUp(Ptr<WifiNetDevice> ap, const Settings& settings, HeardCallback heard);

    /**
     * @param station the next one
     * @param adaptation of its standard; it must outlive this
     */
    void AddStation(Ptr<WifiNetDevice> station, const WdmoeWifiLinkAdaptation* adaptation);

    /**
     * @param address of a station
     * @return its index; -1: there is none
     */
    int64_t Find(Mac48Address address) const;

    /**
     * @param station index
     * @param downlink direction
     * @return what is known
     */
    const Direction& Get(uint32_t station, bool downlink) const;

  private:
    /// One station
    struct Station
    {
        const WdmoeWifiLinkAdaptation* adaptation; ///< of its standard
        WdmoeWifiNoiseFloor floor;                 ///< of its receiver
        Direction downlink;                        ///< to it
        Direction uplink;                          ///< from it
    };

    /**
     * @param station index
     * @param downlink direction
     * @param txVector of the frame
     * @param staId of the receiver or sender in it
     * @param signalNoise dBm
     * @param data whether it is user data
     */
    void Sample(uint32_t station,
                bool downlink,
                const WifiTxVector& txVector,
                uint16_t staId,
                SignalNoiseDbm signalNoise,
                bool data);

    /**
     * Trace sink.
     *
     * @param receiver index; -1: the access point
     * @param packet frame that was received
     * @param frequency MHz
     * @param txVector of the frame
     * @param mpdu its place in an A-MPDU
     * @param signalNoise dBm
     * @param staId of the receiver or sender in it
     */
    void NotifyReceived(int64_t receiver,
                        Ptr<const Packet> packet,
                        uint16_t frequency,
                        WifiTxVector txVector,
                        MpduInfo mpdu,
                        SignalNoiseDbm signalNoise,
                        uint16_t staId);

    /**
     * Trace sink.
     *
     * @param sender index; -1: the access point
     * @param psdus what is sent
     * @param txVector how
     * @param watt power
     */
    void NotifySent(int64_t sender, WifiConstPsduMap psdus, WifiTxVector txVector, double watt);

    Settings m_settings;                        ///< how to measure
    HeardCallback m_heard;                      ///< see SetUp()
    Mac48Address m_ap;                          ///< of the access point
    WifiPhyBand m_band{WIFI_PHY_BAND_5GHZ};     ///< of the cell
    WdmoeWifiNoiseFloor m_floor;                ///< of the access point's receiver
    std::vector<Station> m_stations;            ///< in the order of AddStation()
    std::map<Mac48Address, uint32_t> m_indices; ///< of all
    int64_t m_asked{-1}; ///< station that the access point sent to last, alone; or -1
};

} // namespace ns3

#endif /* WDMOE_WIFI_LINK_MONITOR_H */
