/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-rate-law.h"

#include <algorithm>
#include <cmath>

namespace wdmoe
{

namespace
{

constexpr double LN2 = 0.693147180559945309417232121458;

/**
 * Solve expm1(y) / y = 1 / r. The logarithm of the left side is convex with a slope between
 * 1/2 and 1, so that Newton's method on it converges from anywhere.
 *
 * @param r in (0, 1)
 * @return y > 0
 */
double
NatsForShareOfMaxRate(double r)
{
    const double target = -std::log(r);
    // small targets: y/2 + (y/2)^2 / 6 = target; large ones: y = target + ln y
    const double root = std::sqrt(1 + target * (2. / 3));
    double y = target < 3 ? 4 * target / (1 + root) : target + std::log1p(target) + 0.3;
    for (int i = 0; i < 60; ++i)
    {
        // ln(expm1(y) / y) = y/2 + ln(sinh(y/2) / (y/2)), by its series where that would cancel
        const double h = y / 2;
        double value;
        double slope;
        if (y < 0.25)
        {
            const double q = h * h;
            value = h + q * (1. / 6 - q * (1. / 180 - q * (1. / 2835 - q / 37800)));
            slope = 0.5 + h * (1. / 6 - q * (1. / 90 - q * (1. / 945 - q / 9450)));
        }
        else if (y < 700)
        {
            const double e = std::expm1(y);
            value = std::log(e / y);
            slope = (e + 1) / e - 1 / y;
        }
        else
        {
            value = y - std::log(y);
            slope = 1 - 1 / y;
        }
        const double step = (value - target) / slope;
        y -= step;
        // the error after a step is less than the square of the step
        if (std::abs(step) <= 1e-9 * y)
        {
            break;
        }
    }
    return y;
}

} // namespace

RateLaw
RateLaw::Linear(double bitPerSecondPerHz)
{
    RateLaw law;
    law.kind = LINEAR;
    law.efficiency = bitPerSecondPerHz;
    return law;
}

RateLaw
RateLaw::Shannon(double gainHz, double cap, double scale)
{
    RateLaw law;
    law.kind = SHANNON;
    law.efficiency = cap;
    law.gainHz = gainHz;
    law.scale = scale;
    return law;
}

bool
RateLaw::IsValid() const
{
    if (!(efficiency >= 0))
    {
        return false;
    }
    if (kind == LINEAR)
    {
        return std::isfinite(efficiency);
    }
    return kind == SHANNON && gainHz >= 0 && std::isfinite(gainHz) && scale > 0 && scale <= 1;
}

double
RateLaw::Rate(double bandwidthHz) const
{
    if (bandwidthHz <= 0)
    {
        return 0;
    }
    if (kind == LINEAR)
    {
        return efficiency > 0 ? efficiency * bandwidthHz : 0;
    }
    if (gainHz <= 0 || efficiency <= 0)
    {
        return 0;
    }
    const double snr = gainHz / bandwidthHz;
    double rate;
    if (std::isinf(bandwidthHz) || snr < 1e-300)
    {
        rate = MaxRate();
    }
    else
    {
        const double nats =
            std::isinf(snr) ? std::log(gainHz) - std::log(bandwidthHz) : std::log1p(snr);
        rate = scale * bandwidthHz * (nats / LN2);
    }
    return std::min(rate, efficiency * bandwidthHz);
}

double
RateLaw::MaxRate() const
{
    if (!(efficiency > 0))
    {
        return 0;
    }
    return kind == LINEAR ? std::numeric_limits<double>::infinity() : scale * (gainHz / LN2);
}

double
RateLaw::Bandwidth(double rate) const
{
    if (rate <= 0)
    {
        return 0;
    }
    const double inf = std::numeric_limits<double>::infinity();
    if (!(efficiency > 0))
    {
        return inf;
    }
    if (kind == LINEAR)
    {
        return rate / efficiency;
    }
    const double share = rate / MaxRate();
    if (!(share < 1))
    {
        return std::isnan(rate) ? rate : inf;
    }
    if (share <= 0)
    {
        return 0; // so little that it is not a number of Hz any more
    }
    const double nats = NatsForShareOfMaxRate(share);
    // expm1 overflows from 709 on: an SNR beyond 1e300
    double bandwidth = nats < 700 ? gainHz / std::expm1(nats) : std::exp(std::log(gainHz) - nats);
    if (nats > 1)
    {
        // the exponential has magnified the rounding of its argument: one step on R(B) itself
        const double reached = Shannon(gainHz, inf, scale).Rate(bandwidth);
        bandwidth += bandwidth * (rate / reached - 1) / (1 + std::expm1(-nats) / nats);
    }
    return std::max(bandwidth, rate / efficiency);
}

} // namespace wdmoe
