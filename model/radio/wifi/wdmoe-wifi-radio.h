/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WIFI_RADIO_H
#define WDMOE_WIFI_RADIO_H

#include "wdmoe-wifi-device-factory.h"
#include "wdmoe-wifi-link-adaptation.h"
#include "wdmoe-wifi-link-monitor.h"

#include "ns3/event-id.h"
#include "ns3/ipv4-address.h"
#include "ns3/mac48-address.h"
#include "ns3/net-device-container.h"
#include "ns3/wdmoe-radio.h"
#include "ns3/wifi-phy.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace ns3
{

class ApWifiMac;
class Channel;
class PropagationLossModel;
class SpectrumChannel;
class StaWifiMac;
class WdmoeMultiUserScheduler;
class WifiNetDevice;

/**
 * @ingroup wdmoe-radio
 *
 * One 802.11ax BSS in the 5 GHz band, one spatial stream. The access point is on the server node
 * itself.
 *
 * Order of use: SetServerNode(), AddDevice() for nodes with a MobilityModel, run. The internet
 * stack is installed where it is missing. Stations associate by themselves; then one packet each
 * way, of no protocol, makes the block-ack agreements without which there is no OFDMA, and only
 * then is a device ready. Neighbours are entered in the ARP tables; there is no queue discipline
 * before the MAC's queue, which is large, so that nothing is lost in a burst.
 *
 * Shares are enforced by WdmoeMultiUserScheduler. With another Scheduler of ns-3, or with none
 * (plain EDCA), all else is the same and plans are not enforced (GetCapabilities()). Station that
 * cannot do OFDMA (SetDeviceStandard()) is served by contention in any case, which is said once on
 * standard error.
 *
 * Link state is measured from each frame that is heard, by PHY trace, and brought to the SNR over
 * the whole band: a frame in a narrow RU has the station's full power. Rate laws, payload bit/s
 * over Hz of GetBudget(): linear downlink (fixed power density), and uplink the law of the paper
 * (full power in a share), or linear if the uplink is not triggered. A station that is not heard is
 * probed, and lost if it does not acknowledge: then its queue is held and its state invalid until
 * it is heard again.
 */
class WdmoeWifiRadio : public WdmoeRadio
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeWifiRadio();
    ~WdmoeWifiRadio() override;

    /**
     * @param node the access point, with a MobilityModel; before the first device
     */
    void SetServerNode(Ptr<Node> node);

    /**
     * Let a node be a station of an older standard, before AddDevice().
     *
     * @param node the station
     * @param standard "80211n", "80211ac" or "80211ax"
     */
    void SetDeviceStandard(Ptr<Node> node, const std::string& standard);

    /**
     * @param device index
     * @return its Wi-Fi device
     */
    Ptr<NetDevice> GetNetDevice(uint32_t device) const;

    /// @return the access point's Wi-Fi device
    Ptr<NetDevice> GetApDevice() const;

    /// @return what the signals go over
    Ptr<SpectrumChannel> GetChannel() const;

    /// @return the scheduler that honours plans, or nullptr if it is another one, or none
    Ptr<WdmoeMultiUserScheduler> GetScheduler() const;

    /**
     * @param device index
     * @param downlink direction
     * @return mean SNR over the whole band, linear; 0: never heard
     */
    double GetSnr(uint32_t device, bool downlink) const;

    /**
     * The MCS that a station's full power in an RU allows, with McsMargin to spare.
     *
     * @param station MAC address
     * @param ruHz width of the RU, Hz (20 MHz has 242 tones)
     * @return MCS; 0, the most robust, for a station out of range, unknown or never heard
     */
    uint8_t GetUplinkMcs(Mac48Address station, double ruHz) const;

    /**
     * @param device index
     * @return how often ExpectUplink() was called while it could not be triggered, and ignored
     */
    uint32_t GetIgnoredExpectations(uint32_t device) const;

    /**
     * @return for each device that is not connected its distance and what was heard of it, in
     * words; empty if all are
     */
    std::string DescribeUnconnected() const;

    /**
     * Abort the simulation with DescribeUnconnected() if a device was never connected until some
     * time.
     *
     * @param deadline from now
     */
    void CheckConnected(Time deadline);

    // inherited from WdmoeRadio
    std::string GetName() const override;
    Ptr<Node> GetServerNode() const override;
    Address GetDeviceAddress(uint32_t device) const override;
    Address GetServerAddress(uint32_t device) const override;
    bool IsReady() const override;
    WdmoeRadioCapabilities GetCapabilities() const override;
    WdmoeBudget GetBudget() const override;
    WdmoeUsage GetUsage(uint32_t device) const override;
    WdmoeRadioBacklog GetBacklog(uint32_t device) const override;
    int64_t AssignStreams(int64_t stream) override;

  protected:
    void DoDispose() override;
    void DoAddDevice(uint32_t device, Ptr<Node> node) override;
    WdmoeLinkState DoGetLinkState(uint32_t device) const override;
    void DoSetPlan(const WdmoePlan& plan) override;
    void DoExpectUplink(uint32_t device, uint64_t bytes, Time when) override;

  private:
    /// One device
    struct Device
    {
        Ptr<WifiNetDevice> netDevice; ///< Wi-Fi
        Ptr<StaWifiMac> mac;          ///< its MAC
        Mac48Address address;         ///< its MAC address
        Ipv4Address ip;               ///< its IP address
        bool legacy{false};           ///< it cannot do what the cell does
        bool associated{false};       ///< it says so
        bool warm{false};             ///< there are block-ack agreements both ways
        bool met{false};              ///< it was warm before
        bool lost{false};             ///< it does not acknowledge
        bool known{false};            ///< it was associated before
        bool trial{false};            ///< it is lost, and sent a frame nevertheless
        bool held{false};             ///< no data is sent to it
        bool shared{false};           ///< the scheduler has its shares
        Time heard;                   ///< by the access point, last
        Time tried;                   ///< when it was let try again, if it is lost
        uint32_t failures{0};         ///< frames not acknowledged since
        uint32_t ignored{0};          ///< see GetIgnoredExpectations()
        uint32_t delivered{0};        ///< bytes of IP packets just acknowledged
        EventId delivery;             ///< says so
        const WdmoeWifiLinkAdaptation* adaptation{nullptr}; ///< of its standard
    };

    /// Make the channel and the access point, with the first device.
    void MakeAp();

    /**
     * @param netDevice gets an address of the network
     * @param host number in it
     * @return the address
     */
    Ipv4Address MakeInterface(Ptr<NetDevice> netDevice, uint32_t host);

    /**
     * @param netDevice whose ARP table is filled
     * @param address of a neighbour
     * @param mac of the neighbour
     */
    static void AddNeighbour(Ptr<NetDevice> netDevice, Ipv4Address address, Mac48Address mac);

    /**
     * @param standard of a station
     * @param phy of one
     * @return what its frames carry
     */
    const WdmoeWifiLinkAdaptation* GetAdaptation(const std::string& standard, Ptr<WifiPhy> phy);

    /// @return whether the uplink of stations is triggered with their full power
    bool IsTriggered() const;

    /**
     * @param device index
     * @return true if it is associated, warmed up and in range both ways
     */
    bool IsConnected(uint32_t device) const;

    /**
     * Send a packet of no protocol each way until there are block-ack agreements.
     *
     * @param device index
     */
    void WarmUp(uint32_t device);

    /**
     * @param from sender
     * @param to receiver
     */
    static void SendProbe(Ptr<NetDevice> from, Ptr<NetDevice> to);

    /// Look after stations that are silent, now and then.
    void Watch();

    /**
     * Keep what is for a device in the queue as long as it is not there to take it.
     *
     * @param device index
     */
    void UpdateHold(uint32_t device);

    /**
     * Tell the scheduler the shares of a device, or that it has gone.
     *
     * @param device index
     */
    void UpdateShares(uint32_t device);

    /**
     * @param device index, which was heard
     */
    void Heard(uint32_t device);

    /// @name Trace sinks
    /// @{

    /**
     * @param device index
     * @param ap address
     */
    void NotifyAssociated(uint32_t device, Mac48Address ap);

    /// @copydoc NotifyAssociated
    void NotifyDisassociated(uint32_t device, Mac48Address ap);

    /**
     * @param mpdu that was acknowledged
     */
    void NotifyAcked(Ptr<const WifiMpdu> mpdu);

    /**
     * Fire "Grant" downlink for what was just acknowledged.
     *
     * @param device index
     */
    void NotifyDelivered(uint32_t device);

    /**
     * @param station that did not acknowledge
     */
    void NotifyFailed(Mac48Address station);

    /**
     * @param reason of the time-out
     * @param psdus what was sent
     * @param missing who did not answer
     * @param stations how many were expected to
     */
    void NotifyMissing(uint8_t reason,
                       WifiPsduMap* psdus,
                       const std::set<Mac48Address>* missing,
                       std::size_t stations);

    /**
     * @param station MAC address
     * @param downlink direction
     * @param bytes of IP packets
     */
    void NotifyScheduled(Mac48Address station, bool downlink, uint32_t bytes);
    /// @}

    uint16_t m_width;                             ///< attribute Bandwidth, MHz
    std::string m_standard;                       ///< attribute Standard
    std::string m_schedulerType;                  ///< attribute Scheduler
    double m_apPower;                             ///< attribute ApTxPower, dBm
    double m_staPower;                            ///< attribute StaTxPower, dBm
    double m_noiseFigure;                         ///< attribute NoiseFigure, dB
    Ptr<PropagationLossModel> m_loss;             ///< attribute PropagationLossModel
    Ptr<Channel> m_givenChannel;                  ///< attribute Channel
    uint32_t m_stationCwMin;                      ///< attribute StationCwMin
    uint8_t m_stationAifsn;                       ///< attribute StationAifsn
    std::string m_rateManager;                    ///< attribute RateManager
    std::string m_dataMode;                       ///< attribute DataMode
    Time m_guardInterval;                         ///< attribute GuardInterval
    uint32_t m_rtsThreshold;                      ///< attribute RtsThreshold, byte
    bool m_apPriority;                            ///< attribute ApPriority
    Time m_muEdcaTimer;                           ///< attribute MuEdcaTimer
    uint32_t m_retryLimit;                        ///< attribute RetryLimit
    uint32_t m_queueSize;                         ///< attribute QueueSize
    Time m_queueDelay;                            ///< attribute QueueDelay
    Time m_window;                                ///< attribute MeasurementWindow
    double m_margin;                              ///< attribute McsMargin, dB
    Time m_keepAlive;                             ///< attribute KeepAlive
    Time m_lostAfter;                             ///< attribute LostAfter
    Ipv4Address m_network;                        ///< attribute Network
    Ptr<SpectrumChannel> m_channel;               ///< what the signals go over
    Ptr<Node> m_server;                           ///< access point
    Ptr<WifiNetDevice> m_ap;                      ///< its device
    Ptr<ApWifiMac> m_apMac;                       ///< its MAC
    Ipv4Address m_serverAddress;                  ///< its IP address
    Ptr<WdmoeMultiUserScheduler> m_scheduler;     ///< nullptr: one of ns-3's, or none
    bool m_multiUser{false};                      ///< there is a scheduler of any kind
    std::vector<Device> m_devices;                ///< in the order of AddDevice
    std::map<Ptr<Node>, std::string> m_standards; ///< of SetDeviceStandard()
    std::map<std::string, WdmoeWifiLinkAdaptation> m_adaptations; ///< by standard
    WdmoeWifiDeviceFactory m_factory;                             ///< makes the devices
    WdmoeWifiLinkMonitor m_monitor;                               ///< what is heard
    bool m_legacySaid{false}; ///< that a station is served by contention
};

} // namespace ns3

#endif /* WDMOE_WIFI_RADIO_H */
