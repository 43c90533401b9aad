/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-lte-link-adaptation.h"

#include "ns3/abort.h"
#include "ns3/lte-common.h"
#include "ns3/lte-spectrum-value-helper.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>

namespace ns3
{

void
WdmoeLteEstimate::Update(double value, Time window)
{
    const Time now = Simulator::Now();
    if (!valid)
    {
        *this = {true, value, 0, now};
        return;
    }
    const double step = (now - when).GetSeconds();
    const double total = window.GetSeconds() + step;
    const double alpha = total > 0 ? step / total : 1;
    const double delta = value - mean;
    mean += alpha * delta;
    variance = (1 - alpha) * (variance + alpha * delta * delta);
    when = now;
}

double
WdmoeLteEstimate::GetRelativeVariance() const
{
    return mean != 0 ? variance / (mean * mean) : 0;
}

const double WdmoeLteLinkAdaptation::SINR_GAP = -std::log(5 * 0.00005) / 1.5;

void
WdmoeLteUplinkChannel::Update(const std::vector<uint16_t>& sinrFixedPoint, double mostBoost)
{
    const auto linear = [](uint16_t fixedPoint) {
        const double db = LteFfConverter::fpS11dot3toDouble(fixedPoint);
        return std::pow(10, db / 10) / WdmoeLteLinkAdaptation::SINR_GAP;
    };
    m_mostBoost = mostBoost;
    m_flat = std::all_of(sinrFixedPoint.begin(), sinrFixedPoint.end(), [&](auto s) {
        return s == sinrFixedPoint.front();
    });
    m_snr.resize(sinrFixedPoint.size());
    if (m_flat)
    {
        m_mean = linear(sinrFixedPoint.front());
        m_efficiency = std::log2(1 + m_mean);
        return;
    }
    m_mean = 0;
    m_efficiency = 0;
    for (std::size_t i = 0; i < m_snr.size(); i++)
    {
        m_snr[i] = linear(sinrFixedPoint[i]);
        m_mean += m_snr[i] / m_snr.size();
        m_efficiency += std::log2(1 + m_snr[i]) / m_snr.size();
    }
}

bool
WdmoeLteUplinkChannel::IsValid() const
{
    return !m_snr.empty();
}

double
WdmoeLteUplinkChannel::GetMeanSinr() const
{
    return m_mean * WdmoeLteLinkAdaptation::SINR_GAP;
}

double
WdmoeLteUplinkChannel::GetEfficiency(uint32_t start, uint32_t length) const
{
    if (m_flat || !IsValid())
    {
        return GetTypicalEfficiency(length);
    }
    const double boost = GetBoost(length);
    double sum = 0;
    for (uint32_t i = start; i < start + length; i++)
    {
        sum += std::log2(1 + boost * m_snr[i]);
    }
    return sum / length;
}

double
WdmoeLteUplinkChannel::GetTypicalEfficiency(uint32_t length) const
{
    return m_mostBoost > 1 && IsValid() ? std::log2(1 + m_mean * GetBoost(length)) : m_efficiency;
}

double
WdmoeLteUplinkChannel::GetBoost(uint32_t length) const
{
    return std::max(1.0, std::min(static_cast<double>(m_snr.size()) / length, m_mostBoost));
}

WdmoeLteLinkAdaptation::WdmoeLteLinkAdaptation()
    : m_amc(CreateObject<LteAmc>())
{
}

uint32_t
WdmoeLteLinkAdaptation::GetRbgSize(uint32_t bandwidth)
{
    return bandwidth <= 10 ? 1 : bandwidth <= 26 ? 2 : bandwidth <= 63 ? 3 : 4;
}

int
WdmoeLteLinkAdaptation::GetMcs(int cqi) const
{
    return m_amc->GetMcsFromCqi(cqi);
}

int
WdmoeLteLinkAdaptation::GetCqi(double efficiency) const
{
    return m_amc->GetCqiFromSpectralEfficiency(efficiency);
}

uint32_t
WdmoeLteLinkAdaptation::GetDownlinkBytes(int mcs, uint32_t rbs) const
{
    return rbs == 0 ? 0 : m_amc->GetDlTbSizeFromMcs(mcs, rbs) / 8;
}

uint32_t
WdmoeLteLinkAdaptation::GetUplinkBytes(int mcs, uint32_t rbs) const
{
    return rbs == 0 ? 0 : m_amc->GetUlTbSizeFromMcs(mcs, rbs) / 8;
}

int
WdmoeLteLinkAdaptation::GetMcsOfEfficiency(double efficiency) const
{
    return GetMcs(GetCqi(efficiency));
}

int
WdmoeLteLinkAdaptation::GetFlatCqi(double sinr, uint32_t rbs)
{
    if (m_flatCqiSinrs.empty())
    {
        const auto model = LteSpectrumValueHelper::GetSpectrumModel(100, rbs);
        for (int cqi = 1; cqi <= 15; cqi++)
        {
            double low = -20;
            double high = 40;
            while (high - low > 1e-3)
            {
                const double db = (low + high) / 2;
                SpectrumValue flat(model);
                flat = std::pow(10, db / 10);
                (m_amc->CreateCqiFeedbacks(flat, rbs).front() >= cqi ? high : low) = db;
            }
            m_flatCqiSinrs.push_back(std::pow(10, high / 10));
        }
    }
    return std::upper_bound(m_flatCqiSinrs.begin(), m_flatCqiSinrs.end(), sinr) -
           m_flatCqiSinrs.begin();
}

double
WdmoeLteLinkAdaptation::GetDownlinkEfficiency(int cqi, uint32_t rbs) const
{
    return cqi == 0 ? 0
                    : DOWNLINK_EFFICIENCY * 8 * GetDownlinkBytes(GetMcs(cqi), rbs) /
                          (1e-3 * rbs * RB_HZ);
}

double
WdmoeLteLinkAdaptation::GetUplinkEfficiency(double sinr, uint32_t rbs) const
{
    const int cqi = GetCqi(std::log2(1 + sinr / SINR_GAP));
    if (cqi == 0)
    {
        return 0;
    }
    const int mcs = GetMcs(cqi);
    return UPLINK_EFFICIENCY * 8 * GetUplinkBytes(mcs, rbs) / (1e-3 * rbs * RB_HZ);
}

wdmoe::RateLaw
WdmoeLteLinkAdaptation::GetFullPowerLaw(double sinr, uint32_t rbs, double mostBoost) const
{
    const double gainHz = sinr / SINR_GAP * rbs * RB_HZ;
    double cap = UPLINK_EFFICIENCY * 8 * GetUplinkBytes(MAX_MCS, rbs) / (1e-3 * rbs * RB_HZ);
    if (mostBoost < rbs)
    {
        const double limited = GetUplinkEfficiency(sinr * mostBoost, rbs);
        cap = limited > 0 ? std::min(cap, limited) : cap; // out of range there too: a law at least
    }
    double got = 0;
    double capacity = 0;
    for (uint32_t n = std::min(4U, rbs); n <= rbs; n += std::max(1U, rbs / 12))
    {
        const double hz = n * RB_HZ;
        const double boost = static_cast<double>(rbs) / n;
        const double efficiency = GetUplinkEfficiency(sinr * boost, n);
        if (boost < mostBoost && efficiency > 0 && efficiency < 0.99 * cap)
        {
            got += efficiency;
            capacity += std::log2(1 + gainHz / hz);
        }
    }
    // Where the top MCS is reached even in the whole band, the cap is all that counts.
    const double scale = capacity > 0 ? std::clamp(got / capacity, 1e-3, 1.0) : 1;
    return wdmoe::RateLaw::Shannon(gainHz, cap, scale);
}

} // namespace ns3
