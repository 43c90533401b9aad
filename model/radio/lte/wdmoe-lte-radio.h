/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LTE_RADIO_H
#define WDMOE_LTE_RADIO_H

#include "wdmoe-ff-mac-scheduler.h"
#include "wdmoe-lte-link-adaptation.h"

#include "ns3/ipv4-address.h"
#include "ns3/lte-common.h"
#include "ns3/net-device-container.h"
#include "ns3/wdmoe-radio.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ns3
{

class RateErrorModel;

class LteHelper;
class LteEnbNetDevice;
class PointToPointEpcHelper;

/**
 * @ingroup wdmoe-radio
 *
 * One cell of ns-3 LTE with its core network.
 *
 * The eNB stands where SetBaseStation() says. The node that stands for the base station to
 * applications, GetServerNode(), is a host behind the packet gateway, joined to it and by it to the
 * eNB without delay, since an eNB of ns-3 has no IP address for user data. It may be a node that is
 * in other networks as well (SetServerNode()), such as the access point of another radio.
 *
 * Order of use: GetLteHelper() for what has no attribute here, SetBaseStation(), AddDevice() for
 * nodes with a MobilityModel, run. Devices attach by themselves, some in each 10 ms so that their
 * random access does not collide. All have a default bearer with RLC UM.
 *
 * Shares are enforced by WdmoeFfMacScheduler. With another Scheduler of ns-3 all else is the same,
 * link state and usage are measured from traces, and plans are not enforced (GetCapabilities()).
 *
 * Rate laws, payload bit/s over Hz of GetBudget(): linear downlink (fixed power density). Uplink, a
 * UE without power control puts all its power into its grant, the law of the paper, and so does one
 * with power control that is limited by its power, down to a grant it can fill; linear for those
 * that are not limited (and with ns-3's own schedulers, which make nothing of it). See
 * WdmoeLteLinkAdaptation.
 */
class WdmoeLteRadio : public WdmoeRadio
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeLteRadio();

    /**
     * @param rbs bandwidth, RBs
     * @param devices number of devices
     * @return what is wrong and how to mend it; empty if nothing is
     */
    static std::string CheckSettings(uint32_t rbs, uint32_t devices);

    /**
     * @param devices number of devices
     * @return least SRS period that has room for twice as many (a UE that attaches anew needs a
     * place while its old one is not free yet), or as many if there is none, ms; 0: none
     */
    static uint32_t GetSrsPeriod(uint32_t devices);

    /// @return ns-3's helper, to set what has no attribute here, before SetBaseStation()
    Ptr<LteHelper> GetLteHelper() const;

    /**
     * Take a node for the host behind the packet gateway, in place of a new one. Before
     * SetBaseStation().
     *
     * @param node gets a link to the packet gateway, and an internet stack if it has none
     */
    void SetServerNode(Ptr<Node> node);

    /**
     * @param node the base station, with a MobilityModel. If it is that of SetServerNode(), the eNB
     * is on a node of its own, where that one stands now, since addresses of ns-3's core network
     * behind an eNB are those of other radios too
     */
    void SetBaseStation(Ptr<Node> node);

    /**
     * @param device index
     * @return its LTE device
     */
    Ptr<NetDevice> GetNetDevice(uint32_t device) const;

    /// @return the eNB's LTE device
    Ptr<NetDevice> GetEnbDevice() const;

    /// @return the scheduler, or nullptr if it is one of ns-3's own
    Ptr<WdmoeFfMacScheduler> GetScheduler() const;

    /**
     * @param rnti of a UE
     * @return index of the device that has it now, or -1
     */
    int64_t GetDeviceOfRnti(uint16_t rnti) const;

    /**
     * @param device index
     * @return how often ExpectUplink() was called while it was not connected, and ignored
     */
    uint32_t GetIgnoredExpectations(uint32_t device) const;

    /**
     * @return for each device that is not connected its distance and downlink SINR, in words; empty
     * if all are
     */
    std::string DescribeUnattached() const;

    /**
     * Abort the simulation with DescribeUnattached() if a device is not connected at some time.
     *
     * @param deadline from now
     */
    void CheckAttached(Time deadline);

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
        Ptr<NetDevice> netDevice;            ///< LTE
        Ipv4Address address;                 ///< of netDevice
        uint16_t rnti{0};                    ///< while it is connected
        bool ready{false};                   ///< its bearer is set up
        double sinr{0};                      ///< last downlink SINR, linear
        double srsPower{-1000};              ///< last power of the SRS, dBm; power control only
        double boost{1};                     ///< see GetUplinkBoost()
        uint32_t ignored{0};                 ///< see GetIgnoredExpectations()
        Time boostWhen{-1};                  ///< when that was found out; < 0: never
        WdmoeLteEstimate downlinkEfficiency; ///< bit/s/Hz, other schedulers only
        WdmoeLteEstimate uplinkSinr;         ///< linear, other schedulers only
        WdmoeUsage usage;                    ///< other schedulers only
    };

    /**
     * @param type TypeId
     */
    void SetPathlossModel(const std::string& type);

    /// Make the core network and the server behind it.
    void MakeCore();

    /**
     * @param node gets an internet stack if it has none
     */
    static void EnsureInternet(Ptr<Node> node);

    /**
     * @param device index
     */
    void Attach(uint32_t device);

    /**
     * @param device index
     * @return true if it has a bearer and is in range both ways
     */
    bool IsConnected(uint32_t device) const;

    /**
     * @param rnti of a UE
     * @return its device, or nullptr
     */
    Device* Find(uint16_t rnti);

    /**
     * Ask a device's power control how much of its power a narrow grant would get.
     *
     * @param device index
     * @return greatest ratio of the power density in a grant to that of the SRS
     */
    double GetUplinkBoost(uint32_t device);

    /// @name Trace sinks
    /// @{

    /**
     * @param device index
     * @param cell ID
     * @param rnti name
     * @param power of the SRS, dBm
     */
    void NotifySrsPower(uint32_t device, uint16_t cell, uint16_t rnti, double power);

    /**
     * @param imsi of the UE
     * @param cell ID
     * @param rnti its new name
     */
    void NotifyConnected(uint64_t imsi, uint16_t cell, uint16_t rnti);
    /// @copydoc NotifyConnected
    void NotifyBearer(uint64_t imsi, uint16_t cell, uint16_t rnti);
    /// @copydoc NotifyConnected
    void NotifyReleased(uint64_t imsi, uint16_t cell, uint16_t rnti);
    /**
     * @param device index
     * @param cell ID
     * @param rnti name
     * @param rsrp W
     * @param sinr linear
     * @param carrier index
     */
    void NotifyDownlinkSinr(uint32_t device,
                            uint16_t cell,
                            uint16_t rnti,
                            double rsrp,
                            double sinr,
                            uint8_t carrier);
    /**
     * @param cell ID
     * @param rnti name
     * @param sinr linear
     * @param carrier index
     */
    void NotifyUplinkSinr(uint16_t cell, uint16_t rnti, double sinr, uint8_t carrier);
    /**
     * @param info a grant
     */
    void NotifyDownlinkGrant(DlSchedulingCallbackInfo info);
    /**
     * @param frame number
     * @param subframe number
     * @param rnti name
     * @param mcs MCS
     * @param bytes TB size
     * @param carrier index
     */
    void NotifyUplinkGrant(uint32_t frame,
                           uint32_t subframe,
                           uint16_t rnti,
                           uint8_t mcs,
                           uint16_t bytes,
                           uint8_t carrier);
    /// @}

    /**
     * @param downlink direction
     * @param mcs MCS
     * @param bytes TB size
     * @return number of RBs of such a block, from the table
     */
    uint32_t FindRbs(bool downlink, uint8_t mcs, uint32_t bytes);

    uint32_t m_rbs;                                ///< attribute Bandwidth
    std::string m_schedulerType;                   ///< attribute Scheduler
    double m_enbPower;                             ///< attribute EnbTxPower, dBm
    double m_uePower;                              ///< attribute UeTxPower, dBm
    bool m_powerControl;                           ///< attribute UplinkPowerControl
    double m_coreLoss;                             ///< attribute CoreLoss
    std::vector<Ptr<RateErrorModel>> m_coreErrors; ///< of both ends, if any
    bool m_narrowGrantMcs;                         ///< attribute NarrowGrantMcs
    bool m_idealRrc;                               ///< attribute IdealRrc
    uint32_t m_rlcBuffer;                          ///< attribute RlcBufferSize, byte
    Time m_window;                                 ///< attribute MeasurementWindow
    Ptr<LteHelper> m_lte;                          ///< ns-3's helper
    Ptr<PointToPointEpcHelper> m_epc;              ///< core network
    Ptr<Node> m_server;                            ///< host behind the packet gateway
    Ipv4Address m_serverAddress;                   ///< its address
    Ptr<Node> m_baseStation;                       ///< where the eNB is
    Ptr<LteEnbNetDevice> m_enb;                    ///< the eNB
    Ptr<WdmoeFfMacScheduler> m_scheduler;          ///< nullptr: one of ns-3's
    std::vector<Device> m_devices;                 ///< in the order of AddDevice
    std::map<uint64_t, uint32_t> m_deviceOfImsi;   ///< for all
    std::map<uint16_t, uint32_t> m_deviceOfRnti;   ///< of those connected
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> m_rbsOfSize; ///< cache of FindRbs()
    WdmoeLteLinkAdaptation m_adaptation;                           ///< MCS and laws
    bool m_attaching{false}; ///< an attachment was begun: the SRS period is fixed
};

} // namespace ns3

#endif /* WDMOE_LTE_RADIO_H */
