/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#ifndef WDMOE_LAW_LEG_H
#define WDMOE_LAW_LEG_H

#include "wdmoe-rate-law.h"

namespace wdmoe
{

/**
 * @ingroup wdmoe-core
 *
 * The time t(x) = bits / R(x hz) of one transfer as a function of the share x of a budget, with
 * derivatives. It is the larger of two convex pieces: bits / (s B), and bits / (a B log2(1 + G/B)).
 * A LINEAR law has the first only, a SHANNON law without a cap the second only; with a cap the
 * first holds for small shares, up to a corner.
 */
struct LawLeg
{
    /// A place on t(x)
    struct Point
    {
        double t;      ///< time
        double slope;  ///< |t'|
        double centre; ///< 2 |t'| / t'', in x
    };

    bool bits{false}; ///< there is something to move
    double linear{0}; ///< t x of the linear piece; 0: there is none
    double curved{0}; ///< bits ln(2) / (a hz); 0: there is none
    double gain{0};   ///< G / hz
    double corner{0}; ///< x where the pieces meet; 0: there is one piece only

    /**
     * @param load bits
     * @param law valid, and it carries bits if load > 0
     * @param hz the budget
     */
    void Set(double load, const RateLaw& law, double hz);

    /// @param factor of all times from now on
    void Scale(double factor);

    /// @return whether there is a linear piece
    bool HasLinear() const
    {
        return linear > 0;
    }

    /// @return whether there is a curved piece
    bool HasCurved() const
    {
        return curved > 0;
    }

    /// @return where the pieces meet; 0: nowhere
    double Corner() const
    {
        return corner;
    }

    /**
     * @param x share
     * @param left at the corner itself: of the linear piece
     * @return time and slopes; infinite for x = 0
     */
    Point At(double x, bool left) const;

    /**
     * The logarithm of a piece as a function of u = ln x: phi(u) = ln t.
     *
     * @param piece 0: linear; 1: curved
     * @param u ln x
     * @param x e^u
     * @param [out] value phi
     * @param [out] first phi', in [-1, 0]
     * @param [out] second phi'' >= 0
     */
    void Log(int piece, double u, double x, double& value, double& first, double& second) const;

    /**
     * @param x share, > 0
     * @param left at the corner itself: of the linear piece
     * @return R'(x) x / R(x), in [0, 1]: the elasticity of the rate
     */
    double Elasticity(double x, bool left) const;
};

} // namespace wdmoe

#endif /* WDMOE_LAW_LEG_H */
