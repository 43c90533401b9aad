/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RADIO_WIFI_MAC_CELL_H
#define WDMOE_RADIO_WIFI_MAC_CELL_H

#include "ns3/error-model.h"
#include "ns3/mac48-address.h"
#include "ns3/net-device-container.h"
#include "ns3/node-container.h"
#include "ns3/nstime.h"
#include "ns3/wdmoe-multi-user-scheduler.h"
#include "ns3/wifi-net-device.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/**
 * @ingroup wdmoe-tests
 *
 * An access point and stations on a spectrum channel, without a network layer: frames are handed
 * to the devices, and what arrives is counted. Used by tests of the MAC scheduler and by
 * bench/wifi-vs-stock, so it can also be built with a stock scheduler or none.
 */
class WdmoeWifiMacCell
{
  public:
    /// How it is built
    struct Settings
    {
        uint32_t widthMhz{80};                                 ///< of the channel
        uint32_t stations{4};                                  ///< number of them
        std::string scheduler{"ns3::WdmoeMultiUserScheduler"}; ///< TypeId; empty: none
        std::function<void(ns3::ObjectFactory&)> scheduling;   ///< sets its attributes
        std::string rates{"ns3::IdealWifiManager"};            ///< rate control, TypeId
        std::string mode;                                      ///< constant rate: its DataMode
        ns3::Time contentionOff{ns3::MicroSeconds(64 * 8192)}; ///< MU EDCA; 0: plain
        double radius{5};                                      ///< of the stations, m
        ns3::Time beaconInterval{ns3::MicroSeconds(102400)};   ///< of the access point
        bool priority{true}; ///< the access point's access to the medium, see WdmoeWifiRadio
    };

    /// Direction
    enum Direction
    {
        DOWN,
        UP
    };

    /// What happened to one station in one direction
    struct Flow
    {
        uint64_t sent{0};      ///< payload handed to the device, byte
        uint64_t received{0};  ///< payload that came out at the other end, byte
        double toneSeconds{0}; ///< tones x time of PPDUs with data, as seen on the air
        uint64_t granted{0};   ///< sum of the trace Grant, byte
        ns3::Time last;        ///< when something came out last
    };

    /**
     * @param settings how it is built
     */
    explicit WdmoeWifiMacCell(const Settings& settings);
    ~WdmoeWifiMacCell();

    /**
     * Associate all, have block-ack agreements made both ways by a frame each, and with our
     * scheduler one more frame of each station triggered, so that none contends any more.
     *
     * @param ready called when that is done
     */
    void Start(const std::function<void()>& ready);

    /**
     * @param station index
     * @param direction of it
     * @param bytes of payload, cut into frames of 1428
     */
    void Send(uint32_t station, Direction direction, uint64_t bytes);

    /**
     * Keep so much queued from now on.
     *
     * @param station index
     * @param direction of it
     * @param bytes of payload
     */
    void Saturate(uint32_t station, Direction direction, uint64_t bytes);

    /**
     * @param station index
     * @param direction of it
     * @return what happened so far
     */
    const Flow& GetFlow(uint32_t station, Direction direction) const;

    /**
     * @param direction of the traffic
     * @return of the tones x time of all since Mark(), each one's part
     */
    std::vector<double> GetParts(Direction direction) const;

    /// Begin an interval for GetParts()
    void Mark();

    /**
     * @param station index
     * @return its address
     */
    ns3::Mac48Address GetAddress(uint32_t station) const;

    /**
     * @param index 0: the access point; k + 1: station k
     * @return its device
     */
    ns3::Ptr<ns3::WifiNetDevice> GetDevice(uint32_t index) const;

    /// @return the scheduler, or nullptr if it is not ours
    ns3::Ptr<ns3::WdmoeMultiUserScheduler> GetScheduler() const;

    /// Largest payload of a frame, byte
    static constexpr uint32_t FRAME = 1428;

  private:
    /**
     * @param device that sent
     * @param psdus what
     * @param txVector how
     * @param power unused
     */
    void NotifySent(uint32_t device,
                    ns3::WifiConstPsduMap psdus,
                    ns3::WifiTxVector txVector,
                    double power);

    /**
     * @param from address
     * @param to address
     * @param bytes of payload
     */
    void NotifyReceived(ns3::Mac48Address from, ns3::Mac48Address to, uint32_t bytes);

    /// Top up what Saturate() asked for.
    void Refill();

    /**
     * One more step towards what Start() promises.
     *
     * @param station who is next
     */
    void WarmUp(uint32_t station);

    /**
     * @param station index
     * @return index, or -1
     */
    int Find(ns3::Mac48Address station) const;

    Settings m_settings;                                ///< how it is built
    ns3::NodeContainer m_nodes;                         ///< access point, stations
    ns3::NetDeviceContainer m_devices;                  ///< theirs
    ns3::Ptr<ns3::WdmoeMultiUserScheduler> m_scheduler; ///< ours
    std::vector<Flow> m_flows[2];                       ///< by direction, station
    std::vector<double> m_marked[2];                    ///< toneSeconds at Mark()
    std::function<void()> m_ready;                      ///< see Start()
    std::vector<uint64_t> m_saturated[2];               ///< see Saturate()
};

#endif /* WDMOE_RADIO_WIFI_MAC_CELL_H */
