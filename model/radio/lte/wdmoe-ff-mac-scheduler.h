/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_FF_MAC_SCHEDULER_H
#define WDMOE_FF_MAC_SCHEDULER_H

#include "wdmoe-lte-harq.h"
#include "wdmoe-lte-link-adaptation.h"
#include "wdmoe-lte-share-allocator.h"

#include "ns3/ff-mac-csched-sap.h"
#include "ns3/ff-mac-sched-sap.h"
#include "ns3/ff-mac-scheduler.h"
#include "ns3/traced-callback.h"
#include "ns3/wdmoe-radio.h"

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Resource blocks granted to one device, RB x TTI. Signalling before the device was bound to its
 * RNTI is not in here, nor are the grants of random access.
 */
struct WdmoeLteGrants
{
    uint64_t downlinkNew{0};  ///< downlink, new data
    uint64_t downlinkRetx{0}; ///< downlink, HARQ retransmissions
    uint64_t uplinkNew{0};    ///< uplink, new data
    uint64_t uplinkRetx{0};   ///< uplink, HARQ retransmissions
    uint64_t uplinkWasted{0}; ///< part of uplinkNew to which the UE had nothing to send
    uint64_t uplinkEarly{0};  ///< part of uplinkNew granted on expectation alone, see ExpectUplink
    uint64_t uplinkEarlyWasted{0}; ///< part of uplinkEarly to which the UE had nothing to send
};

/**
 * @ingroup wdmoe-radio
 *
 * What is in a transmission buffer of RLC UM at the eNB, packet by packet, from what the MAC hears
 * of it: RLC reports the size of its buffer with each packet, and how it cuts and packs them into a
 * PDU of a given size is fixed (3GPP TS 36.322 6.2.1.3). So the bytes of user data in a transport
 * block are known exactly when it is made.
 */
class WdmoeLteRlcQueue
{
  public:
    /**
     * @param bytes in the buffer, by RLC: 2 for each packet, and the packets with the 2 of PDCP
     */
    void Report(uint32_t bytes);

    /**
     * Take a PDU.
     *
     * @param bytes of the PDU
     * @return bytes of IP packets in it
     */
    uint32_t Serve(uint32_t bytes);

    /// @return what RLC would report now
    uint32_t GetBytes() const;

  private:
    std::deque<uint32_t> m_sdus; ///< what is left of each packet, byte
    uint32_t m_bytes{0};         ///< their sum
    bool m_begun{false};         ///< a part of the first one was sent
};

/**
 * @ingroup wdmoe-radio
 *
 * What was requested of and granted by the scheduler in a number of TTIs. Vectors have one entry
 * for each device.
 */
struct WdmoeLteGrantReport
{
    uint64_t ttis{0};                    ///< length of the report, TTIs (ms)
    uint32_t downlinkRbs{0};             ///< usable RBs in a TTI, downlink
    uint32_t uplinkRbs{0};               ///< usable RBs in a TTI, uplink
    WdmoePlan requested;                 ///< the plan in force at its end
    std::vector<WdmoeLteGrants> granted; ///< what was granted in these TTIs
};

/**
 * @ingroup wdmoe-radio
 *
 * A MAC scheduler for ns3::LteHelper that enforces a WdmoePlan, downlink and uplink. Before the
 * first plan all have equal parts, work conserving.
 *
 * How a TTI is divided is WdmoeLteShareAllocator's affair, HARQ that of WdmoeLteDownlinkHarq and
 * WdmoeLteUplinkHarq, MCS that of WdmoeLteLinkAdaptation; here they are bound to the FF API.
 *
 * - A device is bound to its RNTI by Bind(), again after each re-attachment. Signalling (logical
 *   channels 0 to 2; everything of an RNTI that is not bound) is served before all else and
 *   whatever the plan, at the expense of nobody's share.
 * - HARQ retransmissions are paid from the share of their device.
 * - Uplink, what is granted is subtracted from the buffer report that does not know of it yet.
 *   Reports end at 150 kB: one that says so counts as unlimited until grants stay unanswered.
 * - Uplink link adaptation is from the SRS (UlCqiFilter SRS_UL_CQI). Reports from the PUSCH say
 *   nothing about RBs that were not used, where ns-3's schedulers assume 30 dB: refused.
 * - One transmission layer, one carrier, no frequency reuse, no GBR, no semi-persistent scheduling.
 */
class WdmoeFfMacScheduler : public FfMacScheduler
{
  public:
    /// Narrowest uplink grant, RBs, as of ns-3's schedulers: less is not worth its overhead
    static constexpr uint32_t LEAST_UPLINK_RBS = 3;

    WdmoeFfMacScheduler();
    ~WdmoeFfMacScheduler() override;

    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    void SetFfMacCschedSapUser(FfMacCschedSapUser* s) override;
    void SetFfMacSchedSapUser(FfMacSchedSapUser* s) override;
    FfMacCschedSapProvider* GetFfMacCschedSapProvider() override;
    FfMacSchedSapProvider* GetFfMacSchedSapProvider() override;
    void SetLteFfrSapProvider(LteFfrSapProvider* s) override;
    LteFfrSapUser* GetLteFfrSapUser() override;

    /**
     * @param plan who gets what from the next TTI on
     */
    void SetPlan(const WdmoePlan& plan);

    /**
     * Tell which device an RNTI belongs to now.
     *
     * @param rnti of a UE
     * @param device index into the plan
     */
    void Bind(uint16_t rnti, uint32_t device);

    /**
     * Grant before a device asks: 5 ms pass from data in its RLC to a buffer report here, and
     * another 2 from a grant to its use. The first grant is the one that is used at `when` or just
     * after it.
     *
     * A report written at `when` or later supersedes what was expected, and so does an earlier one
     * that has as much. No more than what is expected is granted, and what is left of it is
     * dropped as soon as a grant is seen to have come too early. Forgotten when a device attaches
     * anew.
     *
     * @param device index
     * @param bytes of IP packets
     * @param when from when on they are in the device's RLC; late is harmless, grants that come
     * early are lost
     * @return false if it is ignored: the device is not attached
     */
    bool ExpectUplink(uint32_t device, uint32_t bytes, Time when);

    /// Receiver of what WdmoeRadio::NotifyGrant() is told: device, downlink, bytes of IP packets
    using GrantCallback = std::function<void(uint32_t, bool, uint32_t)>;

    /**
     * Have user data reported when it is scheduled. Downlink bytes are exact (RLC UM). Uplink, it
     * is what of a grant answers a buffer report, headers taken off as of packets of 1400 byte, and
     * what was granted on expectation once it is seen to be used.
     *
     * @param callback called for each transport block with new data of a bound device
     */
    void SetGrantCallback(const GrantCallback& callback);

    /**
     * @param device index
     * @return what it was granted since the start
     */
    WdmoeLteGrants GetGrants(uint32_t device) const;

    /**
     * @param device index
     * @return what waits for it in RLC, and in its own by its last buffer status report
     */
    WdmoeRadioBacklog GetBacklog(uint32_t device) const;

    /**
     * @param device index
     * @return payload bit/s/Hz at the wideband CQI, over recent reports
     */
    WdmoeLteEstimate GetDownlinkEfficiency(uint32_t device) const;

    /**
     * @param device index
     * @return mean SINR (linear) of the SRS, over recent reports
     */
    WdmoeLteEstimate GetUplinkSinr(uint32_t device) const;

    /// Greatest ratio of the power density in a narrow uplink grant of a device to that of its SRS
    using BoostCallback = std::function<double(uint32_t)>;

    /**
     * Stands for LTE's power headroom report, which ns-3 has not: where uplink power control is on,
     * a device that is limited by its power has more SINR in a narrow grant, up to some width.
     *
     * @param callback called at each SRS report of a bound device; FullPowerUplink comes first
     */
    void SetBoostCallback(const BoostCallback& callback);

    /**
     * @param device index
     * @return greatest ratio of the power density in a grant to that of the SRS
     */
    double GetUplinkBoost(uint32_t device) const;

    /// @return RBs in a TTI that can be granted, downlink: whole RBGs only
    uint32_t GetDownlinkRbs() const;

    /// @return RBs in a TTI that can be granted, uplink
    uint32_t GetUplinkRbs() const;

    /**
     * TracedCallback signature for what was requested and granted.
     *
     * @param [in] report of the last ReportInterval
     */
    typedef void (*GrantReportTracedCallback)(const WdmoeLteGrantReport& report);

  protected:
    void DoDispose() override;

  private:
    /// The FF API calls the Do...() methods below.
    friend class MemberCschedSapProvider<WdmoeFfMacScheduler>;
    /// The FF API calls the Do...() methods below.
    friend class MemberSchedSapProvider<WdmoeFfMacScheduler>;

    /// Queues of one logical channel, downlink
    struct Channel
    {
        uint32_t queue{0};     ///< new data, byte
        WdmoeLteRlcQueue sdus; ///< the same by packet, user data only
        uint32_t retx{0};      ///< RLC retransmissions, byte
        uint32_t status{0};    ///< status PDU, byte

        /// @return true if it has something to send
        bool IsActive() const;
    };

    /// See ExpectUplink()
    struct Expectation
    {
        Time when;      ///< when it will be in the device's RLC
        uint32_t bytes; ///< how much, by RLC
        uint32_t left;  ///< what of it was not granted yet, byte
    };

    /// State of one RNTI
    struct Ue
    {
        uint16_t rnti{0};                   ///< its name
        int64_t device{-1};                 ///< whose it is; -1: not known yet
        int cqi{1};                         ///< wideband, downlink; the lowest until reported
        std::array<Channel, 11> channels{}; ///< downlink queues by LCID
        WdmoeLteDownlinkHarq downlinkHarq;  ///< downlink HARQ
        WdmoeLteClaim downlink;             ///< downlink share
        WdmoeLteUplinkChannel channel;      ///< what the SRS said
        uint32_t queue{0};                  ///< uplink queue, byte
        uint32_t control{0};                ///< part of it that is signalling, byte
        bool saturated{false};              ///< the queue was beyond what a report can say
        uint64_t reported{0};               ///< TTI of the last buffer report
        bool heard{true};                   ///< it used a grant since then
        uint32_t unanswered{0};             ///< grants in a row that it did not use
        WdmoeLteUplinkHarq uplinkHarq;      ///< uplink HARQ
        WdmoeLteClaim uplink;               ///< uplink share
        uint32_t mostRbs{1};                ///< widest grant that is of use, uplink
        std::vector<Expectation> expected;  ///< not reported yet, by time
    };

    /// State of one device, whatever its RNTI
    struct Device
    {
        WdmoeLteGrants grants;               ///< counters
        WdmoeLteGrants reported;             ///< counters at the last report
        WdmoeLteEstimate downlinkEfficiency; ///< see GetDownlinkEfficiency()
        WdmoeLteEstimate uplinkSinr;         ///< see GetUplinkSinr()
        uint16_t rnti{0};                    ///< its name, the last that was bound
        double boost{1};                     ///< see GetUplinkBoost()
    };

    /// The FF API. See ns3::FfMacCschedSapProvider and ns3::FfMacSchedSapProvider
    /// @param params of the primitive
    void DoCschedCellConfigReq(const FfMacCschedSapProvider::CschedCellConfigReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoCschedUeConfigReq(const FfMacCschedSapProvider::CschedUeConfigReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoCschedLcConfigReq(const FfMacCschedSapProvider::CschedLcConfigReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoCschedLcReleaseReq(const FfMacCschedSapProvider::CschedLcReleaseReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoCschedUeReleaseReq(const FfMacCschedSapProvider::CschedUeReleaseReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedDlRlcBufferReq(const FfMacSchedSapProvider::SchedDlRlcBufferReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedDlPagingBufferReq(
        const FfMacSchedSapProvider::SchedDlPagingBufferReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedDlMacBufferReq(const FfMacSchedSapProvider::SchedDlMacBufferReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedDlTriggerReq(const FfMacSchedSapProvider::SchedDlTriggerReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedDlRachInfoReq(const FfMacSchedSapProvider::SchedDlRachInfoReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedDlCqiInfoReq(const FfMacSchedSapProvider::SchedDlCqiInfoReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedUlTriggerReq(const FfMacSchedSapProvider::SchedUlTriggerReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedUlNoiseInterferenceReq(
        const FfMacSchedSapProvider::SchedUlNoiseInterferenceReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedUlSrInfoReq(const FfMacSchedSapProvider::SchedUlSrInfoReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedUlMacCtrlInfoReq(
        const FfMacSchedSapProvider::SchedUlMacCtrlInfoReqParameters& params);
    /// @copydoc DoCschedCellConfigReq
    void DoSchedUlCqiInfoReq(const FfMacSchedSapProvider::SchedUlCqiInfoReqParameters& params);

    /**
     * @param rnti of a UE
     * @return its state, or nullptr
     */
    Ue* Find(uint16_t rnti);

    /**
     * @param ue a UE
     * @return counters to write to: a dummy for an RNTI that is not bound
     */
    WdmoeLteGrants& Counters(const Ue& ue);

    /**
     * Give a UE the shares of its device.
     *
     * @param ue a UE
     */
    void UpdateShares(Ue& ue);

    /// Answer random access requests with an uplink grant each.
    void GrantRandomAccess();
    /// Send again what was received in error and for which there is room.
    void RetransmitDownlink();
    /// Divide what is left of the downlink.
    void GrantDownlink();

    /**
     * Say what a UE could use in this TTI, downlink.
     *
     * @param ue a UE
     */
    void ClaimDownlink(Ue& ue);

    /**
     * Fill a transport block.
     *
     * @param ue a UE with a downlink grant
     */
    void BuildDownlink(Ue& ue);

    /**
     * @param ue a UE
     * @param lcid logical channel
     * @return true if it is signalling
     */
    static bool IsControl(const Ue& ue, std::size_t lcid);

    /**
     * @param start first RB
     * @param length RBs
     * @return true if these are free in this TTI, uplink
     */
    bool IsFree(uint32_t start, uint32_t length) const;

    /**
     * Take stock of the grants of HARQ_PERIOD TTIs ago, send again what was received in error.
     *
     * @param tti the current one
     */
    void RetransmitUplink(uint64_t tti);
    /**
     * Take a buffer report while something is expected, and drop of that what is in it.
     *
     * @param ue whose report it is
     * @param reported bytes
     * @param inFlight bytes granted that are used after it was written
     * @return bytes of what is reported that are not granted yet
     */
    static uint32_t Supersede(Ue& ue, uint32_t reported, uint32_t inFlight);

    /**
     * Learn how a grant for new data was used.
     *
     * @param ue whose it was
     * @param slot the grant
     */
    void SettleUplink(Ue& ue, const WdmoeLteUplinkHarq::Slot& slot);

    /// Divide what is left of the uplink.
    void GrantUplink();

    /**
     * Book a grant for new data.
     *
     * @param ue whose it is
     * @param slot the grant, completed here
     */
    void BookUplink(Ue& ue, WdmoeLteUplinkHarq::Slot& slot);

    /**
     * @param ue a UE
     * @return bytes that are expected to be there when a grant of this TTI is used
     */
    static uint32_t GetExpectedBytes(Ue& ue);

    /**
     * Say what a UE could use in this TTI, uplink.
     *
     * @param ue a UE
     */
    void ClaimUplink(Ue& ue);

    /**
     * @param rnti of the UE
     * @param start first RB
     * @param length RBs
     * @param mcs MCS
     * @return a grant for new data
     */
    UlDciListElement_s MakeUplinkDci(uint16_t rnti, uint32_t start, uint32_t length, int mcs) const;

    /// Fire the report of the last TTIs when it is due.
    void Report();

    FfMacCschedSapUser* m_cschedSapUser{nullptr};                ///< MAC
    FfMacSchedSapUser* m_schedSapUser{nullptr};                  ///< MAC
    std::unique_ptr<FfMacCschedSapProvider> m_cschedSapProvider; ///< us, as the MAC sees us
    std::unique_ptr<FfMacSchedSapProvider> m_schedSapProvider;   ///< us, as the MAC sees us

    bool m_harq;           ///< attribute HarqEnabled
    bool m_fullPower;      ///< attribute FullPowerUplink
    uint8_t m_rachMcs;     ///< attribute UlGrantMcs
    Time m_window;         ///< attribute MeasurementWindow
    Time m_reportInterval; ///< attribute ReportInterval

    uint32_t m_rbgSize{1};               ///< RBs in an RBG
    uint32_t m_rbgs{0};                  ///< RBGs, downlink
    uint32_t m_uplinkRbs{0};             ///< RBs, uplink
    uint64_t m_tti{0};                   ///< number of the current TTI
    uint64_t m_reportedTti{0};           ///< number of the last one reported
    WdmoePlan m_plan;                    ///< the plan in force
    std::map<uint16_t, Ue> m_ues;        ///< by RNTI
    std::vector<Device> m_devices;       ///< by device
    WdmoeLteGrants m_unbound;            ///< counters of nobody
    WdmoeLteShareAllocator m_allocator;  ///< divides a TTI
    WdmoeLteLinkAdaptation m_adaptation; ///< MCS and sizes

    GrantCallback m_grantCallback;                ///< see SetGrantCallback()
    BoostCallback m_boostCallback;                ///< see SetBoostCallback()
    std::vector<RachListElement_s> m_rach;        ///< random access requests of this TTI
    std::vector<UlDciListElement_s> m_rachGrants; ///< their uplink grants
    std::vector<bool> m_downlinkBusy;             ///< RBGs taken in this TTI
    std::vector<bool> m_uplinkBusy;               ///< RBs taken in this TTI
    WdmoeLteShareAllocator::Claims m_claims;      ///< of this TTI and direction
    FfMacSchedSapUser::SchedDlConfigIndParameters m_downlinkConfig; ///< what is sent, downlink
    FfMacSchedSapUser::SchedUlConfigIndParameters m_uplinkConfig;   ///< what is granted, uplink
    TracedCallback<const WdmoeLteGrantReport&> m_grantReportTrace;  ///< "GrantReport"
};

} // namespace ns3

#endif /* WDMOE_FF_MAC_SCHEDULER_H */
