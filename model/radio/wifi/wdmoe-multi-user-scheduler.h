/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_MULTI_USER_SCHEDULER_H
#define WDMOE_MULTI_USER_SCHEDULER_H

#include "wdmoe-ru-layout.h"
#include "wdmoe-tone-credits.h"
#include "wdmoe-uplink-demand.h"

#include "ns3/callback.h"
#include "ns3/event-id.h"
#include "ns3/mac48-address.h"
#include "ns3/multi-user-scheduler.h"
#include "ns3/traced-callback.h"
#include "ns3/wdmoe-radio.h"
#include "ns3/wifi-phy.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ns3
{

class StaWifiMac;

/**
 * @ingroup wdmoe-radio
 *
 * The multi-user scheduler of an 802.11ax access point that enforces a WdmoePlan: downlink in HE MU
 * PPDUs, uplink in TB PPDUs that basic trigger frames ask for. Aggregate it to an ApWifiMac with a
 * SpectrumWifiPhy (WifiMacHelper::SetMultiUserScheduler). One link, one access category (BE).
 *
 * How a direction is divided is WdmoeToneCredits' affair, when a station is worth triggering that
 * of WdmoeUplinkDemand, how a channel can be cut that of WdmoeRuLayout; here they are bound to the
 * MAC.
 *
 * The medium is half duplex, so the directions take turns: each is entitled to half of the time of
 * the guaranteed shares of those in it that have something to send; the rest goes to the direction
 * with the highest priority, or is halved. Shares are of the time that its direction has.
 *
 * Uplink, stations are triggered when something is expected of them, or when they said that they
 * have more; an idle cell is not polled. What comes unexpected, the station sends by contention:
 * its EDCA is switched off (MU EDCA) for some ms after each acknowledged answer to a trigger only.
 * A station that leaves triggers unanswered is left to contention for a while.
 *
 * A station is served from its first SetShares() on, or, before any, as if all had weight 1.
 * Stations without a block-ack agreement are served one at a time, out of turn, until they have
 * one.
 */
class WdmoeMultiUserScheduler : public MultiUserScheduler
{
  public:
    /**
     * @brief Get the type ID.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    WdmoeMultiUserScheduler();
    ~WdmoeMultiUserScheduler() override;

    /**
     * @param station its address
     * @param downlink what the plan gives it, downlink
     * @param uplink what the plan gives it, uplink
     */
    void SetShares(Mac48Address station, const WdmoeShare& downlink, const WdmoeShare& uplink);

    /**
     * A hint that a station will have something to send. Hints add up.
     *
     * @param station its address
     * @param bytes of IP packets
     * @param when they will be in its MAC queue; late is safe, early wastes triggers
     */
    void ExpectUplink(Mac48Address station, uint64_t bytes, Time when);

    /**
     * Forget credits and expectations of a station that left. Its shares stay.
     *
     * @param station its address
     */
    void RemoveStation(Mac48Address station);

    /**
     * @param station its address
     * @param downlink direction
     * @return bandwidth x time granted since the start in MU and TB PPDUs, Hz s of the channel's
     * width
     */
    double GetUsedHzS(Mac48Address station, bool downlink) const;

    /**
     * @param station its address
     * @return how many times it left triggers unanswered and was left to contention
     */
    uint32_t GetFallbacks(Mac48Address station) const;

    /// @return trigger frames sent since the start
    uint64_t GetTriggers() const;

    /// Chooses the MCS of a TB PPDU: station, width of its RU in Hz
    using UplinkMcsCallback = Callback<uint8_t, Mac48Address, double>;

    /**
     * @param callback called for each station in a trigger frame. Default: the MCS that the access
     * point would send with, which is wrong where their powers differ, and low in a narrow RU
     */
    void SetUplinkMcsCallback(UplinkMcsCallback callback);

    /**
     * @param widthMhz of the channel
     * @param stations number of them
     * @return what is wrong, and what would be right; empty if nothing is
     */
    static std::string CheckSettings(uint16_t widthMhz, uint32_t stations);

    /**
     * Set what the MAC of an access point needs for this scheduler: queues that don't drop, frames
     * as long as a PPDU, acknowledgments in TB PPDUs, and how long stations may not contend for the
     * medium after an acknowledged answer to a trigger. Call it before it is initialized.
     *
     * @param mac of the access point
     * @param contentionOff 8 to 2088 ms in steps of 8.192 ms, or 0: stations always contend
     */
    static void PrepareAccessPoint(Ptr<ApWifiMac> mac,
                                   Time contentionOff = MicroSeconds(32 * 8192));

    /**
     * The same for a station: it also has to say how much it has in its queue.
     *
     * @param mac of the station
     */
    static void PrepareStation(Ptr<StaWifiMac> mac);

    /**
     * @param mpdu a data frame
     * @return bytes of IP packets in it
     */
    static uint32_t GetPayload(Ptr<const WifiMpdu> mpdu);

    /**
     * TracedCallback signature for the progress of transfers.
     *
     * @param [in] station its address
     * @param [in] downlink direction
     * @param [in] bytes of IP packets that go into a PPDU, or are expected in one, for the first
     * time
     */
    typedef void (*GrantTracedCallback)(Mac48Address station, bool downlink, uint32_t bytes);

  protected:
    void DoDispose() override;
    void DoInitialize() override;

  private:
    /// State of one station
    struct Station
    {
        Mac48Address address;      ///< its name
        uint16_t aid{0};           ///< association ID; 0: not associated
        WdmoeToneClaim downlink;   ///< downlink share
        WdmoeToneClaim uplink;     ///< uplink share
        WdmoeUplinkDemand demand;  ///< uplink queue
        double downlinkRate{0};    ///< bit/s in the whole channel
        uint64_t uplinkPending{0}; ///< bytes worth triggering now
        bool triggered{false};     ///< by the last trigger frame
        bool removed{false};       ///< see RemoveStation()
        bool owes{false};          ///< it was sent data, and has not sent any since
        int polls{0};              ///< in a row without data
        Time mutedUntil;           ///< its EDCA is off
        Time heard;                ///< when it last sent a QoS frame, or was asked to
    };

    TxFormat SelectTxFormat() override;
    DlMuInfo ComputeDlMuInfo() override;
    UlMuInfo ComputeUlMuInfo() override;

    /**
     * @param address of a station
     * @return its state, made if need be
     */
    Station& Get(Mac48Address address);

    /// Take note of who is associated.
    void UpdateStations();

    /**
     * Say how much each could use, downlink.
     *
     * @return a station with something in the queue and no block-ack agreement, or nullptr
     */
    Station* ClaimDownlink();

    /// Say how much each could use, uplink.
    void ClaimUplink();

    /**
     * @param mcs MCS
     * @param unit an RU
     * @return bit/s of a TB PPDU
     */
    double GetRate(uint8_t mcs, const WdmoeRu& unit) const;

    /**
     * @param downlink direction
     * @return guard interval
     */
    Time GetGuardInterval(bool downlink) const;

    /**
     * @param station a station
     * @return how long it may be silent before it is asked
     */
    Time GetPollWait(const Station& station) const;

    /**
     * @param station its address
     * @return true if it can answer to a trigger
     */
    bool CanTrigger(Mac48Address station) const;

    /// @return attributes of the uplink
    WdmoeUplinkDemand::Settings GetDemandSettings() const;

    /**
     * What access point and station need alike.
     *
     * @param mac of either
     */
    static void PrepareMac(Ptr<WifiMac> mac);

    /**
     * @return true if the uplink is next
     */
    bool IsUplinkNext();

    /**
     * Have the next single-user PPDU go to one station.
     *
     * @param station to serve
     */
    void ServeAlone(const Station& station);

    /**
     * Put frames into the units of m_choice.
     *
     * @return false if there is nothing to send after all
     */
    bool BuildDownlink();

    /**
     * Make the trigger frame for m_choice.
     *
     * @return false if there is no time for it
     */
    bool BuildTrigger();

    /**
     * Find out what stations have that were kept from the medium for too long.
     *
     * @return false if there are none
     */
    bool BuildPoll();

    /**
     * @return TXVECTOR of a TB PPDU with nobody in it
     */
    WifiTxVector MakeUplinkTxVector() const;

    /**
     * Complete m_uplinkInfo.
     *
     * @param txVector of the answers
     * @param type of the trigger frame
     * @param[in,out] duration of the answers
     * @param least duration that is of use
     * @return duration of the exchange; 0: there is no time for it
     */
    Time MakeTrigger(const WifiTxVector& txVector,
                     TriggerFrameType type,
                     Time& duration,
                     Time least);

    /**
     * @param station a station
     * @return TXVECTOR of a single-user data frame to it
     */
    WifiTxVector GetDataTxVector(const Station& station) const;

    /**
     * @param station a station
     * @param unit an RU
     * @return MCS of its TB PPDU
     */
    uint8_t GetUplinkMcs(const Station& station, const WdmoeRu& unit) const;

    /**
     * @param downlink direction
     * @return layouts for the allowed width
     */
    const std::vector<WdmoeRuLayout>& GetLayouts(bool downlink);

    /**
     * Book the time of a PPDU on both levels.
     *
     * @param downlink direction
     * @param duration of it, s
     */
    void Charge(bool downlink, double duration);

    /**
     * An exchange begins.
     *
     * @param duration of it, acknowledgments included
     */
    void NotifyExchange(Time duration);

    /**
     * Ask for the medium when uplink is due and nothing else will.
     */
    void Kick();

    /**
     * See to it that Kick() is called.
     *
     * @param when no later than that
     */
    void ScheduleKick(Time when);

    /// Account for what was triggered last.
    void SettleUplink();

    /**
     * The receiver of the access point's trace MonitorSnifferRx.
     *
     * @param packet an MPDU
     * @param frequency MHz
     * @param txVector how it was sent
     * @param mpdu place in an A-MPDU
     * @param signal strength
     * @param staId who
     */
    void NotifyReceived(Ptr<const Packet> packet,
                        uint16_t frequency,
                        WifiTxVector txVector,
                        MpduInfo mpdu,
                        SignalNoiseDbm signal,
                        uint16_t staId);

    Time m_target;         ///< attribute PpduDuration
    Time m_alone;          ///< attribute SingleStationPpduDuration
    Time m_bound;          ///< attribute CreditBound
    uint32_t m_leastTones; ///< attribute LeastTones
    uint8_t m_narrowMcs;   ///< attribute NarrowMcs
    Time m_lead;           ///< attribute UplinkLead
    Time m_kickInterval;   ///< attribute KickInterval
    Time m_retry;          ///< attribute UplinkRetry
    Time m_retryMost;      ///< attribute UplinkRetryMost
    Time m_patience;       ///< attribute UplinkPatience
    uint32_t m_unanswered; ///< attribute UnansweredTriggers
    Time m_fallback;       ///< attribute FallbackTime
    Time m_pollInterval;   ///< attribute PollInterval
    Time m_answerPoll;     ///< attribute AnswerPollInterval
    Time m_contentionOff;  ///< MU EDCA timer, if it switches EDCA off

    WdmoeToneCredits m_credits;                 ///< divides a direction
    std::map<Mac48Address, Station> m_stations; ///< by address
    std::vector<Station*> m_active;             ///< those that are associated
    WdmoeToneCredits::Claims m_downlinkClaims;  ///< of m_active
    WdmoeToneCredits::Claims m_uplinkClaims;    ///< of m_active
    double m_turn{0};                           ///< s that the uplink is owed by the downlink
    double m_uplinkPart{.5};                    ///< what the uplink is entitled to
    WdmoeToneChoice m_choice;                   ///< of the next PPDU
    DlMuInfo m_downlinkInfo;                    ///< the next PPDU, downlink
    UlMuInfo m_uplinkInfo;                      ///< the next trigger frame
    std::map<std::pair<uint32_t, bool>, std::vector<WdmoeRuLayout>> m_layouts; ///< by width
    double m_widthHz{0};                                                       ///< of the channel
    bool m_servedAlone{false}; ///< the last PPDU was for ServeAlone()
    Time m_busySince;          ///< the medium was ours, but for gaps
    Time m_busyUntil;          ///< end of the last exchange
    EventId m_kick;            ///< Kick()
    uint64_t m_triggers{0};    ///< trigger frames
    UplinkMcsCallback m_mcs;   ///< see SetUplinkMcsCallback()
    TracedCallback<Mac48Address, bool, uint32_t> m_grantTrace; ///< "Grant"
};

} // namespace ns3

#endif /* WDMOE_MULTI_USER_SCHEDULER_H */
