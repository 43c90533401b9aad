/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-wifi-link-adaptation.h"

#include "ns3/abort.h"
#include "ns3/simulator.h"
#include "ns3/wifi-phy.h"
#include "ns3/wifi-tx-vector.h"
#include "ns3/wifi-utils.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ns3
{

namespace
{

/// Headers of a packet: UDP and IP, LLC, MAC of QoS data with FCS, byte
constexpr double HEADERS = 28 + 8 + 26 + 4;
/// Delimiter of an A-MPDU subframe, byte; subframes are padded to a multiple of 4
constexpr double DELIMITER = 4;
/// Preamble and PHY headers of HE SU and HE TB, s (VHT and HT: 36 to 40 us)
constexpr double PREAMBLE = 48e-6;
/// Preamble and PHY header of a control frame, s
constexpr double LEGACY_PREAMBLE = 20e-6;
/// Block ack with a bitmap of 256, PHY service and tail bits with it, bit
constexpr double BLOCK_ACK_BITS = 8 * 56 + 22;
/// Width of an RU, and what it takes of the budget: 20 MHz have two RUs of 106 tones
constexpr std::pair<double, double> WIDTHS[] = {{8e6, 10e6},
                                                {20e6, 20e6},
                                                {40e6, 40e6},
                                                {80e6, 80e6},
                                                {160e6, 160e6}};

} // namespace

void
WdmoeWifiEstimate::Update(double value, Time window)
{
    const Time now = Simulator::Now();
    // The old mean keeps a weight that decays with time; several samples at once count as one.
    double weight = 1;
    if (valid && window.IsStrictlyPositive())
    {
        weight = 1 - std::exp(-std::max((now - when).GetSeconds(), 1e-6) / window.GetSeconds());
    }
    const double delta = valid ? value - mean : 0;
    mean = valid ? mean + weight * delta : value;
    variance = (1 - weight) * (variance + weight * delta * delta);
    when = now;
    valid = true;
}

double
WdmoeWifiEstimate::GetRelativeVariance() const
{
    return mean != 0 ? variance / (mean * mean) : 0;
}

void
WdmoeWifiLinkAdaptation::SetUp(const Params& params)
{
    m_params = params;
    m_modes.clear();
    m_thresholds.clear();
    WifiTxVector txVector;
    txVector.SetChannelWidth(20);
    txVector.SetGuardInterval(params.guardInterval);
    txVector.SetNss(1);
    double log = 0;
    for (const auto& mode : params.phy->GetMcsList(params.kind))
    {
        // HT numbers its streams through; VHT has no MCS 9 at 20 MHz.
        if (mode.GetMcsValue() != m_modes.size() ||
            (params.kind == WIFI_MOD_CLASS_HT && m_modes.size() == 8) ||
            !mode.IsAllowed(params.widthHz / 1e6, 1))
        {
            break;
        }
        txVector.SetMode(mode);
        m_modes.push_back(mode);
        m_thresholds.push_back(params.phy->CalculateSnr(txVector, BIT_ERROR_RATE));
        double bits = 1; // BPSK, one code bit for each subcarrier
        for (auto points = mode.GetConstellationSize(); points > 2; points /= 2)
        {
            bits++;
        }
        switch (mode.GetCodeRate())
        {
        case WIFI_CODE_RATE_1_2:
            bits *= 1.0 / 2;
            break;
        case WIFI_CODE_RATE_2_3:
            bits *= 2.0 / 3;
            break;
        case WIFI_CODE_RATE_3_4:
            bits *= 3.0 / 4;
            break;
        default:
            bits *= 5.0 / 6;
        }
        log += std::log(m_thresholds.back() / (std::exp2(bits) - 1));
    }
    NS_ABORT_MSG_IF(m_modes.empty(), "WdmoeWifiLinkAdaptation: the PHY has no MCS of that kind");
    m_gap = std::exp(log / static_cast<double>(m_modes.size()));
}

double
WdmoeWifiLinkAdaptation::GetWidth() const
{
    return m_params.widthHz;
}

int
WdmoeWifiLinkAdaptation::GetMaxMcs() const
{
    return static_cast<int>(m_modes.size()) - 1;
}

double
WdmoeWifiLinkAdaptation::GetThreshold(int mcs) const
{
    return m_thresholds.at(mcs);
}

int
WdmoeWifiLinkAdaptation::GetMcs(double snr, double hz) const
{
    int mcs = GetMaxMcs();
    if (hz < NARROW_HZ)
    {
        mcs = std::min(mcs, NARROW_MCS);
    }
    while (mcs >= 0 && m_thresholds[mcs] >= snr)
    {
        mcs--;
    }
    return mcs;
}

double
WdmoeWifiLinkAdaptation::GetPhyRate(int mcs, double hz, bool triggered) const
{
    const Time guard = triggered ? m_params.triggeredGuard : m_params.guardInterval;
    return static_cast<double>(m_modes.at(mcs).GetDataRate(hz / 1e6, guard, 1));
}

double
WdmoeWifiLinkAdaptation::GetPayloadRate(int mcs, double hz, bool triggered) const
{
    if (mcs < 0)
    {
        return 0;
    }
    const double rate = GetPhyRate(mcs, hz, triggered);
    const double subframe = 4 * std::ceil((PAYLOAD + HEADERS + DELIMITER) / 4);
    // A-MPDU
    double mpdus =
        std::floor((m_params.longestPpdu.GetSeconds() - PREAMBLE) * rate / (8 * subframe));
    mpdus = std::min(mpdus, std::floor(m_params.maxAmpdu / subframe));
    mpdus = std::max(1.0, std::min<double>(mpdus, m_params.window));
    // Control frames are sent at the basic rate (6, 12, 24 Mb/s) of the same robustness.
    const double basic = mcs == 0 ? 6e6 : mcs < 3 ? 12e6 : 24e6;
    const double sifs = m_params.phy->GetSifs().GetSeconds();
    double time = PREAMBLE + mpdus * subframe * 8 / rate;
    time += sifs + LEGACY_PREAMBLE + BLOCK_ACK_BITS / basic;
    time += m_params.accessTime.GetSeconds();
    if (triggered)
    {
        time += m_params.triggerTime.GetSeconds();
    }
    return mpdus * PAYLOAD * 8 / time;
}

double
WdmoeWifiLinkAdaptation::GetEfficiency(double snr, bool triggered) const
{
    const double w = m_params.widthHz;
    return GetPayloadRate(GetMcs(snr, w), w, triggered) / m_params.budgetHz;
}

wdmoe::RateLaw
WdmoeWifiLinkAdaptation::GetFullPowerLaw(double snr) const
{
    const double w = m_params.widthHz;
    const double gain = snr * w / m_gap;
    double sum = 0;
    int count = 0;
    for (const auto& [hz, taken] : WIDTHS)
    {
        const int mcs = hz > w ? -1 : GetMcs(snr * w / hz, hz);
        // Where the best MCS is reached the cap holds, and says nothing of the curve.
        if (mcs >= 0 && mcs < (hz < NARROW_HZ ? NARROW_MCS : GetMaxMcs()))
        {
            sum += GetPayloadRate(mcs, hz, true) / (taken * std::log2(1 + gain / taken));
            count++;
        }
    }
    const double scale = count > 0 ? std::min(1.0, sum / count) : 1;
    // Less than the narrowest RU is that RU for a part of the time: linear.
    const double narrowest = scale * std::log2(1 + gain / WIDTHS[0].second);
    const double cap = GetPayloadRate(GetMaxMcs(), w, true) / w;
    return wdmoe::RateLaw::Shannon(gain, std::min(cap, narrowest), scale);
}

} // namespace ns3
