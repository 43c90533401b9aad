/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LTE_LINK_ADAPTATION_H
#define WDMOE_LTE_LINK_ADAPTATION_H

#include "ns3/lte-amc.h"
#include "ns3/nstime.h"
#include "ns3/wdmoe-rate-law.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace ns3
{

/**
 * @ingroup wdmoe-radio
 *
 * Mean and variance of reports over an exponential window.
 */
struct WdmoeLteEstimate
{
    bool valid{false};  ///< false: nothing reported yet
    double mean{0};     ///< of what is reported
    double variance{0}; ///< of what is reported
    Time when;          ///< of the last report

    /**
     * @param value a new report
     * @param window time constant; 0: only the last report counts
     */
    void Update(double value, Time window);

    /// @return variance / mean^2, 0 where the mean is 0
    double GetRelativeVariance() const;
};

/**
 * @ingroup wdmoe-radio
 *
 * Uplink channel of one UE, from its sounding reference signal (SRS): it is sent over the whole
 * band, so that a UE at full power is received 10 log10(band / grant) dB stronger in a grant, up to
 * where its power control sets the limit.
 */
class WdmoeLteUplinkChannel
{
  public:
    /**
     * @param sinrFixedPoint SINR of each RB, dB in the FF API's fixed point notation
     * @param mostBoost greatest ratio of the power density in a grant to that of the SRS: infinite
     * for a UE that puts all its power into whatever it is granted, 1 for one whose power is not
     * limited
     */
    void Update(const std::vector<uint16_t>& sinrFixedPoint, double mostBoost);

    /// @return true if it was ever reported
    bool IsValid() const;

    /// @return mean SINR over the band, linear
    double GetMeanSinr() const;

    /**
     * Mean spectral efficiency over a grant, log2(1 + SINR / gap), gap = -ln(5 BER) / 1.5 with
     * BER = 5e-5 as in ns3::LteAmc. The mean, and not the worst RB: one RB in a fade does not
     * silence the UE.
     *
     * @param start first RB
     * @param length RBs, >= 1
     * @return bit/s/Hz
     */
    double GetEfficiency(uint32_t start, uint32_t length) const;

    /**
     * @param length RBs, >= 1
     * @return spectral efficiency to expect of a grant of that length anywhere, bit/s/Hz
     */
    double GetTypicalEfficiency(uint32_t length) const;

  private:
    /**
     * @param length RBs, >= 1
     * @return ratio of the power density in such a grant to that of the SRS
     */
    double GetBoost(uint32_t length) const;

    std::vector<double> m_snr; ///< SINR / gap of each RB, linear, at full band
    double m_mean{0};          ///< its mean
    double m_efficiency{0};    ///< mean efficiency over the band, bit/s/Hz
    bool m_flat{false};        ///< true if all RBs are alike: no need to add them up
    double m_mostBoost{1};     ///< grants narrower than the band get more SINR, up to so much
};

/**
 * @ingroup wdmoe-radio
 *
 * From channel reports to MCS, transport block sizes and rate laws: ns-3's own adaptive modulation
 * and coding (ns3::LteAmc), so that what is predicted is what is sent.
 */
class WdmoeLteLinkAdaptation
{
  public:
    /// SINR gap to capacity of ns3::LteAmc: -ln(5 BER) / 1.5 with BER = 5e-5
    static const double SINR_GAP;
    /// Payload of UDP packets of 1400 byte per transport block bit (MAC, RLC and PDCP), measured
    static constexpr double DOWNLINK_EFFICIENCY = 0.977;
    /// The same uplink, where buffer reports are coarse
    static constexpr double UPLINK_EFFICIENCY = 0.972;
    /// Width of a resource block, Hz
    static constexpr double RB_HZ = 180e3;
    /// Highest MCS index
    static constexpr int MAX_MCS = 28;

    WdmoeLteLinkAdaptation();

    /**
     * @param bandwidth of a cell, RBs
     * @return RBs in a resource block group (3GPP TS 36.213, table 7.1.6.1-1)
     */
    static uint32_t GetRbgSize(uint32_t bandwidth);

    /**
     * @param cqi 0 to 15
     * @return MCS
     */
    int GetMcs(int cqi) const;

    /**
     * @param efficiency bit/s/Hz
     * @return CQI; 0: out of range
     */
    int GetCqi(double efficiency) const;

    /**
     * @param mcs downlink MCS
     * @param rbs granted
     * @return transport block size, byte
     */
    uint32_t GetDownlinkBytes(int mcs, uint32_t rbs) const;

    /**
     * @param mcs uplink MCS
     * @param rbs granted
     * @return transport block size, byte
     */
    uint32_t GetUplinkBytes(int mcs, uint32_t rbs) const;

    /**
     * @param efficiency bit/s/Hz
     * @return MCS; 0, the most robust, for a UE out of range
     */
    int GetMcsOfEfficiency(double efficiency) const;

    /**
     * The CQI a UE would report for a channel of the same SINR everywhere.
     *
     * @param sinr linear
     * @param rbs of the band, the same at each call
     * @return CQI
     */
    int GetFlatCqi(double sinr, uint32_t rbs);

    /**
     * Downlink: power density is the same on every RB, so the law is linear.
     *
     * @param cqi wideband CQI
     * @param rbs usable RBs
     * @return payload bit/s/Hz
     */
    double GetDownlinkEfficiency(int cqi, uint32_t rbs) const;

    /**
     * Uplink under power control: power density does not depend on the grant either.
     *
     * @param sinr mean SINR of the SRS, linear
     * @param rbs of the band
     * @return payload bit/s/Hz
     */
    double GetUplinkEfficiency(double sinr, uint32_t rbs) const;

    /**
     * Uplink at full power: R(B) = min(a B log2(1 + G / B), s B), G = SINR W / gap. The factor a is
     * the mean, over grants from 4 RBs to the whole band, of what the MCS table makes of it. Under
     * power control a UE does so only down to the grant that its power control lets it fill: below
     * that, s is the efficiency there.
     *
     * @param sinr mean SINR of the SRS over the whole band, linear
     * @param rbs of the band
     * @param mostBoost see WdmoeLteUplinkChannel::Update()
     * @return the law, payload bit/s
     */
    wdmoe::RateLaw GetFullPowerLaw(
        double sinr,
        uint32_t rbs,
        double mostBoost = std::numeric_limits<double>::infinity()) const;

  private:
    Ptr<LteAmc> m_amc;                  ///< ns-3's tables
    std::vector<double> m_flatCqiSinrs; ///< least SINR of CQI 1, 2, ...; filled when first needed
};

} // namespace ns3

#endif /* WDMOE_LTE_LINK_ADAPTATION_H */
