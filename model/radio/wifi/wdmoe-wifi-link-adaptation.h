/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_WIFI_LINK_ADAPTATION_H
#define WDMOE_WIFI_LINK_ADAPTATION_H

#include "ns3/nstime.h"
#include "ns3/ptr.h"
#include "ns3/wdmoe-rate-law.h"
#include "ns3/wifi-mode.h"
#include "ns3/wifi-phy-common.h"

#include <cstdint>
#include <vector>

namespace ns3
{

class WifiPhy;

/**
 * @ingroup wdmoe-radio
 *
 * Mean and variance of samples over an exponential window.
 */
struct WdmoeWifiEstimate
{
    bool valid{false};  ///< false: no sample yet
    double mean{0};     ///< of the samples
    double variance{0}; ///< of the samples
    Time when;          ///< of the last one

    /**
     * @param value a new sample
     * @param window time constant; 0: only the last sample counts
     */
    void Update(double value, Time window);

    /// @return variance / mean^2, 0 where the mean is 0
    double GetRelativeVariance() const;
};

/**
 * @ingroup wdmoe-radio
 *
 * From SNR to MCS, rates and rate laws of a Wi-Fi cell, one spatial stream.
 *
 * The MCS of an SNR is that of ns3::IdealWifiManager: the fastest whose bit error rate is at most
 * 1e-6 by the error model of ns-3, so that what is predicted is what is sent.
 *
 * Rates are those of UDP payload. Of the PHY's bits they lose the headers of each packet, and of
 * its time the preamble, the spaces between frames, the acknowledgement and the back-off, once in
 * each PPDU, which is as long as the standard, the A-MPDU and the block-ack window let it be.
 * GetPayloadRate() is that sum; it is derived, not fitted.
 */
class WdmoeWifiLinkAdaptation
{
  public:
    /// What of a cell the rates depend on
    struct Params
    {
        Ptr<WifiPhy> phy;                            ///< any of the cell, configured
        WifiModulationClass kind{WIFI_MOD_CLASS_HE}; ///< of its data frames
        double widthHz{20e6};                        ///< W, of the frames of the station
        double budgetHz{20e6};                       ///< of the cell: at least W
        Time guardInterval;                          ///< of its data frames
        Time triggeredGuard;                         ///< guard interval of triggered ones
        uint32_t window{256};                        ///< block-ack window, MPDUs
        uint32_t maxAmpdu{6500631};                  ///< longest A-MPDU, byte
        Time longestPpdu{MicroSeconds(5484)}; ///< longest PPDU (aPPDUMaxTime), or shorter by choice
        Time accessTime;                      ///< AIFS and mean back-off, each way
        Time triggerTime; ///< what comes before a triggered PPDU: trigger frame and SIFS
    };

    /// UDP payload of a packet, byte
    static constexpr uint32_t PAYLOAD = 1400;
    /// Bit error rate at which an MCS is used
    static constexpr double BIT_ERROR_RATE = 1e-6;
    /// Widest RU that is not for the upper MCS, Hz; see GetMcs()
    static constexpr double NARROW_HZ = 20e6;
    /// Highest MCS there
    static constexpr int NARROW_MCS = 9;

    /**
     * @param params of the cell
     */
    void SetUp(const Params& params);

    /// @return W, Hz
    double GetWidth() const;

    /// @return highest MCS of the cell's frames
    int GetMaxMcs() const;

    /**
     * @param mcs MCS
     * @return least SNR at which it is used, linear
     */
    double GetThreshold(int mcs) const;

    /**
     * @param snr in the band that is used, linear
     * @param hz width of that band; MCS 10 and 11 are not for RUs of less than 242 tones (20 MHz)
     * @return fastest MCS; -1: out of range
     */
    int GetMcs(double snr, double hz) const;

    /**
     * @param mcs MCS
     * @param hz width of an RU of the 802.11ax (2, 4, 8, 20, 40, 80, 160 MHz) or of a channel
     * @param triggered whether a trigger frame asks for it: its guard interval is another one
     * @return PHY rate, bit/s
     */
    double GetPhyRate(int mcs, double hz, bool triggered) const;

    /**
     * @param mcs MCS; -1: none
     * @param hz width, as in GetPhyRate()
     * @param triggered as in GetPhyRate()
     * @return rate of UDP payload of a long transfer, bit/s
     */
    double GetPayloadRate(int mcs, double hz, bool triggered) const;

    /**
     * Power density is the same whatever the share, or the medium is shared in time.
     *
     * @param snr over the whole band, linear
     * @param triggered see GetPayloadRate()
     * @return payload bit/s/Hz of the budget
     */
    double GetEfficiency(double snr, bool triggered) const;

    /**
     * Triggered uplink: a station puts all its power into its RU, SNR(B) = SNR W / B.
     * R(B) = min(a B log2(1 + G / B), s B), G = SNR W / gap. The gap is what the MCS table loses to
     * capacity, s the efficiency of the best MCS, and a is such that the law is right in the mean
     * over the RUs from 106 tones to the whole band; with less a station has 106 tones for a part
     * of the time, so that the law is linear below.
     *
     * @param snr over the whole band, linear
     * @return the law, payload bit/s
     */
    wdmoe::RateLaw GetFullPowerLaw(double snr) const;

  private:
    Params m_params;                  ///< of the cell
    std::vector<WifiMode> m_modes;    ///< by MCS
    std::vector<double> m_thresholds; ///< by MCS, least SNR, linear
    double m_gap{1};                  ///< see GetFullPowerLaw(), linear
};

} // namespace ns3

#endif /* WDMOE_WIFI_LINK_ADAPTATION_H */
