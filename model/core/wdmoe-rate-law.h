/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_RATE_LAW_H
#define WDMOE_RATE_LAW_H

#include <limits>

/**
 * @defgroup wdmoe-core Numerics of WDMoE
 *
 * Latency, allocation and selection as plain C++: no type of ns-3 in here.
 */

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * What bandwidth is worth to one device in one direction: a concave, non-decreasing law from
 * bandwidth (Hz) to rate (bit/s) with Rate(0) = 0.
 *
 * - `LINEAR`, fixed power density (LTE and Wi-Fi downlink): R(B) = s B.
 * - `SHANNON`, fixed power (the paper; LTE uplink at full power):
 *   R(B) = min(a B log2(1 + G / B), s B) with G = P g / N0.
 *
 * s is the spectral efficiency (of the top MCS, for `SHANNON`), and may be infinite there.
 */
struct RateLaw
{
    /// Which law
    enum Kind
    {
        LINEAR, ///< rate proportional to bandwidth
        SHANNON ///< fixed power spread over the bandwidth
    };

    Kind kind{LINEAR};    ///< the law
    double efficiency{0}; ///< s, bit/s/Hz: slope (LINEAR) or cap by the top MCS (SHANNON)
    double gainHz{0};     ///< G = P g / N0, Hz: SNR times bandwidth (SHANNON only)
    double scale{1};      ///< a, fraction of capacity that is reached (SHANNON only)

    /**
     * @param bitPerSecondPerHz s >= 0
     * @return the law R(B) = s B
     */
    static RateLaw Linear(double bitPerSecondPerHz);

    /**
     * @param gainHz G = P g / N0 >= 0, Hz
     * @param cap spectral efficiency of the top MCS, bit/s/Hz; infinite: no cap
     * @param scale fraction of capacity that is reached, in (0, 1]
     * @return the law R(B) = min(scale B log2(1 + G / B), cap B)
     */
    static RateLaw Shannon(double gainHz,
                           double cap = std::numeric_limits<double>::infinity(),
                           double scale = 1.0);

    /// @return true if every parameter is a number in its range (a law of zero rate is valid)
    bool IsValid() const;

    /**
     * @param bandwidthHz B >= 0
     * @return R(B), bit/s
     */
    double Rate(double bandwidthHz) const;

    /// @return the limit of R(B) for B to infinity, bit/s
    double MaxRate() const;

    /**
     * The inverse of the law.
     *
     * @param rate bit/s, >= 0
     * @return the least bandwidth with R(B) >= rate, Hz; infinite if there is none
     */
    double Bandwidth(double rate) const;
};

} // namespace wdmoe

#endif /* WDMOE_RATE_LAW_H */
