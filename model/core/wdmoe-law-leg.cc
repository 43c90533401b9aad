/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-law-leg.h"

#include <cmath>
#include <limits>

namespace wdmoe
{

namespace
{

constexpr double LN2 = 0.693147180559945309417232121458;
constexpr double INF = std::numeric_limits<double>::infinity();

/// @return -ln(1 - q) - q without cancellation. @param q in [0, 1) @param nats -ln(1 - q)
double
Rest(double q, double nats)
{
    if (q >= 0.02)
    {
        return nats - q;
    }
    const double tail = 1. / 6 + q * (1. / 7 + q * (1. / 8 + q * (1. / 9 + q / 10)));
    return q * q * (1. / 2 + q * (1. / 3 + q * (1. / 4 + q * (1. / 5 + q * tail))));
}

/// @return q - (1 - q) (-ln(1 - q)) without cancellation. @param q in [0, 1) @param nats likewise
double
Bend(double q, double nats)
{
    if (q >= 0.02)
    {
        return q - (1 - q) * nats;
    }
    // sum over n >= 2 of q^n / (n (n - 1))
    const double tail = 1. / 30 + q * (1. / 42 + q * (1. / 56 + q * (1. / 72 + q / 90)));
    return q * q * (1. / 2 + q * (1. / 6 + q * (1. / 12 + q * (1. / 20 + q * tail))));
}

} // namespace

void
LawLeg::Set(double load, const RateLaw& law, double hz)
{
    *this = LawLeg();
    bits = load > 0;
    if (!bits)
    {
        return;
    }
    if (law.kind == RateLaw::LINEAR)
    {
        linear = load / law.efficiency / hz;
        return;
    }
    curved = load * LN2 / law.scale / hz;
    gain = law.gainHz / hz;
    const double nats = law.efficiency / law.scale * LN2;
    const double at = nats < 700 ? gain / std::expm1(nats) : 0;
    if (at > 0)
    {
        linear = load / law.efficiency / hz;
        corner = at;
    }
}

void
LawLeg::Scale(double factor)
{
    linear *= factor;
    curved *= factor;
}

LawLeg::Point
LawLeg::At(double x, bool left) const
{
    if (!(x > 0))
    {
        return {INF, INF, 0};
    }
    if (!HasCurved() || x < corner || (left && x == corner))
    {
        const double t = linear / x;
        return {t, t / x, x};
    }
    const double nats = std::log1p(gain / x);
    const double q = gain / (x + gain);
    const double d = Rest(q, nats);
    const double inverse = 1 / (x * nats);
    const double t = curved * inverse;
    return {t, t * d * inverse, 2 * d * x * nats / (2 * d * d + q * q * nats)};
}

void
LawLeg::Log(int piece, double u, double x, double& value, double& first, double& second) const
{
    if (piece == 0)
    {
        value = std::log(linear) - u;
        first = -1;
        second = 0;
        return;
    }
    const double nats = std::log1p(gain / x);
    const double q = gain / (x + gain);
    value = std::log(curved / nats) - u;
    first = -Rest(q, nats) / nats;
    second = q * Bend(q, nats) / (nats * nats);
}

double
LawLeg::Elasticity(double x, bool left) const
{
    if (!HasCurved() || x < corner || (left && x == corner))
    {
        return 1;
    }
    const double nats = std::log1p(gain / x);
    return Rest(gain / (x + gain), nats) / nats;
}

} // namespace wdmoe
