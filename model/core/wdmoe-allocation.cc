/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-allocation.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <stdexcept>

/*
 * How it works
 *
 * Time as a function of bandwidth, t(B) = bits / R(B), is convex and falling. Around the present
 * bandwidth it is replaced by the rational function alpha + beta / (B + delta) with the same
 * value, slope and curvature; that is exact for a LINEAR law and below the cap of a SHANNON law,
 * and close over decades of B elsewhere. For such functions the whole problem collapses to one
 * secular equation in T (Solver::SolveStates), whatever the number of devices. Its solution is
 * the next point: a Newton-like iteration (quadratic), made global by halving the step whenever T,
 * which is a convex function of the bandwidths, does not fall.
 *
 * The corner where the cap of a SHANNON law ends is a third state (KINK) of a direction: with two
 * budgets, devices do stay there at the optimum, and an active set over the states finds which.
 *
 * Every point is feasible, so its T is an upper bound. Every point also gives a certified lower
 * bound: with any mu_k >= 0 of sum 1, and tangents t_k(x) >= t_k + t_k' (x - x_k) of convex
 * functions, T >= sum mu_k t_k - lambda B for all bandwidths within the budgets, where lambda =
 * max mu_k |t_k'| (weak duality; see Solver::Certify). The two meet at the optimum.
 *
 * AllocationResult::residual is the largest of
 * - complementarity: (T - t_k) / T over the devices with bits (all of them are bottlenecks),
 * - stationarity: |mu_k |t_k'| / lambda - 1| over devices and directions, as a distance from
 *   the subdifferential at a kink,
 * - primal feasibility: |sum B_k - B| / B for each budget in use.
 */

namespace wdmoe
{

namespace
{

/// One number for each device, in a Pool
using Array = Eigen::Map<Eigen::ArrayXd>;
using Index = Eigen::Index;

constexpr double LN2 = 0.693147180559945309417232121458;
constexpr double INF = std::numeric_limits<double>::infinity();

/// Devices that are handled at a time: their temporaries stay in the first-level cache
constexpr Index CHUNK = 256;

/// Closer to the kink than this (relative) is at the kink
constexpr double KINK_WIDTH = 1e-9;

/// Likewise for a device that was put there, before all were scaled to the budget
constexpr double KINK_KEPT = 1e-3;

/// Which piece of t(B) a direction is on
enum State : unsigned char
{
    NONE, ///< no bits
    LIN,  ///< bits / (s B)
    SHA,  ///< bits / (a B log2(1 + G / B))
    KINK  ///< at the corner between them
};

/// Value of t(B), |t'(B)|, and B + delta = 2 |t'| / t''
struct Point
{
    double t;
    double slope;
    double centre;
};

/**
 * The curved piece of t(B).
 *
 * @param n bits ln(2) / a
 * @param gain G
 * @param b B
 * @param nats ln(1 + G / B)
 * @return the point
 */
inline Point
ShannonPoint(double n, double gain, double b, double nats)
{
    const double q = gain / (b + gain);
    // d(B nats)/dB = nats - q = -ln(1 - q) - q
    double d = nats - q;
    if (q < 0.02)
    {
        const double tail =
            1. / 6 + q * (1. / 7 + q * (1. / 8 + q * (1. / 9 + q * (1. / 10 + q / 11))));
        d = q * q * (1. / 2 + q * (1. / 3 + q * (1. / 4 + q * (1. / 5 + q * tail))));
    }
    const double inverse = 1 / (b * nats);
    const double t = n * inverse;
    return {t, t * d * inverse, 2 * d * b * nats / (2 * d * d + q * q * nats)};
}

/**
 * The memory of all arrays: for many devices it is the page faults of one allocation each that
 * cost.
 */
class Pool
{
  public:
    /// Take all arrays back. @param size of the next ones @param count how many there will be
    void Reset(Index size, Index count)
    {
        m_size = size;
        m_stride = (size + 7) / 8 * 8 | 8; // an odd number of cache lines: no power of two
        m_used = 0;
        if (m_memory.size() < m_stride * count)
        {
            m_memory.resize(m_stride * count);
        }
    }

    /// @param array becomes the next array, with whatever is in it
    void Give(Array& array)
    {
        new (&array) Array(m_memory.data() + m_stride * m_used++, m_size);
    }

  private:
    Index m_size{0};
    Index m_stride{0};
    Index m_used{0};
    Eigen::ArrayXd m_memory;
};

/// One direction of all devices that have bits to move
struct Direction
{
    Array linear{nullptr, 0};     ///< bits / s; 0 if there is no such piece
    Array n{nullptr, 0};          ///< bits ln(2) / a; 0 if there is no such piece
    Array gain{nullptr, 0};       ///< G; 0 if there is no curved piece
    Array kink{nullptr, 0};       ///< B where the pieces meet: 0 never linear, infinite: always
    Array kinkT{nullptr, 0};      ///< t there
    Array kinkSlope{nullptr, 0};  ///< |t'| of the curved piece there
    Array kinkCentre{nullptr, 0}; ///< B + delta of the curved piece there
    Array b{nullptr, 0};          ///< bandwidths
    Array t{nullptr, 0};          ///< times
    Array slope{nullptr, 0};      ///< |dt/dB|
    Array centre{nullptr, 0};     ///< B + delta
    Array alpha{nullptr, 0};      ///< of the rational function of the present state
    Array beta{nullptr, 0};       ///< likewise
    Array delta{nullptr, 0};      ///< likewise
    Array best{nullptr, 0};       ///< best bandwidths found
    std::vector<State> state;     ///< present state
    std::vector<char> tamed;      ///< curvature is not used for this device now
    double budget{0};             ///< Hz

    static constexpr Index ARRAYS = 15; ///< number of these arrays

    /// Nobody has bits. @param pool gives memory @param size number of devices
    void Reset(Pool& pool, Index size)
    {
        state.assign(size, NONE);
        tamed.assign(size, false);
        budget = 0;
        for (Array* a : {&kink, &kinkT, &kinkSlope, &kinkCentre, &b, &t, &slope, &centre, &best})
        {
            pool.Give(*a); // written before it is read
        }
        for (Array* a : {&linear, &n, &gain, &alpha, &beta, &delta})
        {
            pool.Give(*a);
            a->setZero(); // as it stays where there are no bits
        }
        kink.setConstant(INF);
    }

    void Set(Index k, double bits, const RateLaw& law)
    {
        if (bits == 0)
        {
            return;
        }
        if (law.kind == RateLaw::LINEAR)
        {
            linear[k] = bits / law.efficiency;
            kink[k] = INF;
            state[k] = LIN;
            return;
        }
        kink[k] = 0;
        n[k] = bits * LN2 / law.scale;
        gain[k] = law.gainHz;
        state[k] = SHA;
        const double nats = law.efficiency / law.scale * LN2;
        const double at = nats < 700 ? law.gainHz / std::expm1(nats) : 0;
        if (at > 0)
        {
            linear[k] = bits / law.efficiency;
            kink[k] = at;
            const Point p = ShannonPoint(n[k], law.gainHz, at, nats);
            kinkT[k] = linear[k] / at;
            kinkSlope[k] = p.slope;
            kinkCentre[k] = p.centre;
        }
    }

    bool HasKink(Index k) const
    {
        return kink[k] > 0 && kink[k] < INF;
    }

    bool IsAtKink(Index k) const
    {
        const double width = state[k] == KINK ? KINK_KEPT : KINK_WIDTH;
        return HasKink(k) && std::abs(b[k] - kink[k]) <= width * kink[k];
    }

    /// Times, slopes and curvatures at the present bandwidths
    void Evaluate()
    {
        for (Index k = 0; k < b.size(); ++k)
        {
            const double x = b[k];
            if (x < kink[k])
            {
                const double none = linear[k] > 0 ? INF : 0;
                t[k] = x > 0 ? linear[k] / x : none;
                slope[k] = x > 0 ? t[k] / x : none;
                centre[k] = x;
                continue;
            }
            const Point p = ShannonPoint(n[k], gain[k], x, std::log1p(gain[k] / x));
            t[k] = p.t;
            slope[k] = p.slope;
            centre[k] = p.centre;
        }
    }

    /**
     * The rational function alpha + beta / (B + delta) of a device in a state.
     *
     * @param k the device
     * @param s the state
     */
    void UseState(Index k, State s)
    {
        state[k] = s;
        if (s == LIN)
        {
            alpha[k] = 0;
            beta[k] = linear[k];
            delta[k] = 0;
        }
        else if (s == KINK)
        {
            alpha[k] = kinkT[k];
            beta[k] = 0;
            delta[k] = -kink[k];
        }
        else if (s == SHA)
        {
            const Curved f = CurvedPiece(k);
            alpha[k] = f.t - f.slope * f.centre;
            beta[k] = f.slope * f.centre * f.centre;
            delta[k] = f.centre - f.b;
        }
    }

    /// A point of the curved piece with the B + delta to be used there
    struct Curved
    {
        double b;
        double t;
        double slope;
        double centre;
    };

    /// @return what the curved piece is approximated by. @param k the device
    Curved CurvedPiece(Index k) const
    {
        if (b[k] <= kink[k])
        {
            return {kink[k], kinkT[k], kinkSlope[k], kinkCentre[k]};
        }
        double z = centre[k];
        if (tamed[k])
        {
            // through the corner in place of the right curvature
            const double width = b[k] - kink[k];
            const double rise = kinkT[k] - t[k];
            z = rise * width / (rise - slope[k] * width);
        }
        return {b[k], t[k], slope[k], z};
    }

    /// @return whether the state surely is StateFor's. @param k a device @param reach2 reach^2
    bool Fits(Index k, double reach2) const
    {
        if (state[k] == LIN)
        {
            return kink[k] == INF || reach2 * linear[k] < kink[k] * kink[k];
        }
        if (state[k] == SHA && kink[k] > 0)
        {
            const double least = std::max(kink[k], tamed[k] ? 0 : b[k] / 4) + delta[k];
            return reach2 * beta[k] > least * least;
        }
        return state[k] != KINK;
    }

    /**
     * @param k a device with a kink
     * @param reach sqrt(mu / lambda): where B^2 |t'| should be B^2 / reach^2
     * @return the state in which the device's slope fits the multipliers
     */
    State StateFor(Index k, double reach)
    {
        if (reach * std::sqrt(linear[k]) < kink[k])
        {
            return LIN;
        }
        const auto wanted = [this, k, reach]() {
            const Curved f = CurvedPiece(k);
            return reach * std::sqrt(f.slope) * f.centre - (f.centre - f.b);
        };
        double x = wanted();
        if (x < b[k] / 4 && b[k] > kink[k] && !tamed[k])
        {
            // too far for the curvature to be of use, and the corner would become a jump
            tamed[k] = true;
            x = wanted();
        }
        return x > kink[k] ? SHA : KINK;
    }
};

/**
 * The secular equation: in which T does the largest eigenvalue of
 *
 *     sum_k [ a_k p_k ; p_k c_k ] / (T - kappa_k)   (relative to the two budgets)
 *
 * fall to 1? Each eigenvalue is convex in T and 1 / eigenvalue is nearly linear.
 */
struct Secular
{
    Array a{nullptr, 0};     ///< downlink part
    Array c{nullptr, 0};     ///< uplink part (not with one budget)
    Array p{nullptr, 0};     ///< sqrt(a c) (not with one budget)
    Array depth{nullptr, 0}; ///< how far below the largest of the kappa each is, s
    double downHz{0};        ///< downlink budget plus all delta
    double upHz{0};          ///< likewise
    bool shared{false};      ///< one budget only
    double pole{0};          ///< largest kappa, s
    double above{0};         ///< solution: T - pole, which keeps digits that T has not

    // what was evaluated last
    double at{-1};
    double value{0};
    double derivative{0};
    double sumA{0};
    double sumC{0};
    double sumP{0};

    /**
     * @param x T - pole
     */
    void Evaluate(double x)
    {
        if (x == at)
        {
            return;
        }
        at = x;
        if (!(x > 0))
        {
            value = -1;
            derivative = 1;
            return;
        }
        double s[6] = {};
        double inverse[CHUNK];
        for (Index first = 0; first < a.size(); first += CHUNK)
        {
            const Index m = std::min(CHUNK, a.size() - first);
            Array i(inverse, m);
            i = (x + depth.segment(first, m)).inverse();
            s[0] += (a.segment(first, m) * i).sum();
            s[3] += (a.segment(first, m) * i.square()).sum();
            if (!shared)
            {
                s[1] += (c.segment(first, m) * i).sum();
                s[4] += (c.segment(first, m) * i.square()).sum();
                s[2] += (p.segment(first, m) * i).sum();
                s[5] += (p.segment(first, m) * i.square()).sum();
            }
        }
        sumA = s[0];
        sumC = s[1];
        sumP = s[2];
        if (shared)
        {
            value = downHz / sumA - 1;
            derivative = downHz * s[3] / (sumA * sumA);
            return;
        }
        const double mean = std::sqrt(downHz) * std::sqrt(upHz);
        const double l = sumA / downHz;
        const double r = sumC / upHz;
        const double o = sumP / mean;
        const double half = (l - r) / 2;
        const double root = std::hypot(half, o);
        const double eigen = (l + r) / 2 + root;
        // the eigenvector's squares and product
        const double vl = root > 0 ? (1 + half / root) / 2 : 0.5;
        const double vr = root > 0 ? (1 - half / root) / 2 : 0.5;
        const double vo = root > 0 ? o / root : 0;
        const double change = vl * s[3] / downHz + vr * s[4] / upHz + vo * s[5] / mean;
        value = 1 / eigen - 1;
        derivative = change / (eigen * eigen);
    }

    /**
     * Newton's method inside a bracket; the result is in `above`.
     *
     * @param guess of T
     * @param tolerance relative size of the last but one step
     */
    void Solve(double guess, double tolerance)
    {
        at = -1;
        // one device alone needs that much
        double low = (a / downHz - depth).maxCoeff();
        if (!shared)
        {
            low = std::max(low, (c / upHz - depth).maxCoeff());
        }
        low = std::max(low * (1 - 1e-12), 0.0);
        double high = INF;
        double x = guess > pole ? guess - pole : pole / 8;
        x = std::max(x, low);
        for (int i = 0; i < 2000; ++i)
        {
            Evaluate(x);
            (value < 0 ? low : high) = x;
            const double before = x;
            x -= value / derivative;
            if (!(x >= low && x <= high && x > 0)) // or NaN
            {
                // the root may be many orders of magnitude below
                x = high == INF ? 4 * low : low > 0 ? std::sqrt(low) * std::sqrt(high) : high / 16;
                if (x == low || x == high)
                {
                    break;
                }
            }
            else if (std::abs(x - before) <= tolerance * x)
            {
                break; // and the next step would be the square of this one
            }
        }
        Evaluate(x);
        above = x;
    }
};

/**
 * Root of a function in a bracket: inverse quadratic interpolation where it is sure to be good,
 * bisection elsewhere (T. R. Chandrupatla, Advances in Engineering Software 28, 1997, 145-149).
 *
 * @param f the function
 * @param a one end
 * @param fa f there
 * @param b the other end
 * @param fb f there, of the other sign or 0
 * @return where f is 0, as near as rounding allows
 */
template <class Function>
double
FindRoot(const Function& f, double a, double fa, double b, double fb)
{
    double share = 0.5;
    for (int i = 0; i < 200; ++i)
    {
        const double x = a + share * (b - a);
        const double fx = f(x);
        if (std::isnan(fx))
        {
            return fx;
        }
        // a: the newest, b: its partner across the root, c: the one that was given up
        double c = a;
        double fc = fa;
        if ((fx > 0) != (fa > 0))
        {
            c = b;
            fc = fb;
            b = a;
            fb = fa;
        }
        a = x;
        fa = fx;
        const double best = std::abs(fa) < std::abs(fb) ? a : b;
        const double tolerance = 1e-15 * (1 + std::abs(best)) / std::abs(b - a);
        if (fx == 0 || !(tolerance < 0.5))
        {
            return fx == 0 ? x : best;
        }
        const double xi = (a - b) / (c - b);
        const double phi = (fa - fb) / (fc - fb);
        share = 0.5;
        if (phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi)
        {
            share = fa / (fb - fa) * (fc / (fb - fc)) +
                    (c - a) / (b - a) * (fa / (fc - fa)) * (fb / (fc - fb));
        }
        share = std::clamp(share, tolerance, 1 - tolerance);
    }
    return std::abs(fa) < std::abs(fb) ? a : b;
}

/// One problem: all devices that have bits, with one budget or two
struct Solver
{
    bool shared{false};          ///< one budget; both directions use the downlink's bandwidth
    Pool pool;                   ///< memory of all arrays
    Array compute{nullptr, 0};   ///< c_k
    Direction down;              ///< the downlink, or the shared bandwidth
    Direction up;                ///< the uplink
    std::vector<Index> kinked;   ///< devices with a kink (two budgets only)
    std::vector<Index> tameable; ///< devices that Tame may concern
    Secular secular;
    double ratio{1}; ///< sqrt(lambda downlink / lambda uplink)

    double time{INF}; ///< T of the best bandwidths found
    double lower{0};  ///< certified
    double residual{INF};
    int iterations{0};

    /**
     * Start anew, in the memory there is.
     *
     * @param size number of devices
     * @param oneBudget for both directions
     */
    void Reset(Index size, bool oneBudget)
    {
        shared = oneBudget;
        pool.Reset(size, 5 + 2 * Direction::ARRAYS);
        down.Reset(pool, size);
        up.Reset(pool, size);
        kinked.clear();
        tameable.clear();
        ratio = 1;
        time = INF;
        lower = 0;
        residual = INF;
        iterations = 0;
        target = 0;
        careful = false;
        for (Array* a : {&compute, &secular.a, &secular.c, &secular.p, &secular.depth})
        {
            pool.Give(*a);
        }
        secular.pole = 0;
        secular.above = 0;
        secular.at = -1;
    }

    /// Prices of the budgets that fit the slowest device
    void GuessRatio()
    {
        Index slowest = -1;
        double most = -1;
        for (Index k = 0; k < compute.size() && !shared; ++k)
        {
            const double t = compute[k] + down.t[k] + up.t[k];
            if (down.state[k] != NONE && up.state[k] != NONE && t > most)
            {
                slowest = k;
                most = t;
            }
        }
        if (slowest >= 0)
        {
            const Tangent d(down, slowest);
            const Tangent u(up, slowest);
            ratio = std::sqrt(d.least) / std::sqrt(u.least);
        }
    }

    /// Scale to the budget; @param direction which
    static void Fit(Direction& direction)
    {
        const double sum = direction.b.sum();
        if (sum > 0)
        {
            direction.b *= direction.budget / sum;
        }
    }

    /// @return T at the present bandwidths
    double Evaluate()
    {
        down.Evaluate();
        if (shared)
        {
            up.b = down.b;
        }
        up.Evaluate();
        return (compute + down.t + up.t).maxCoeff();
    }

    /**
     * Weak duality. Each device takes the largest mu_k that keeps its slopes below the multipliers
     * 1 (uplink) and ratio^2 (downlink), before all are divided by their sum.
     *
     * @param worst if not null: stationarity residual
     * @return lower bound on the optimal T
     */
    double Certify(double* worst = nullptr) const
    {
        long double sum = 0;
        long double bound = 0;
        const double lambda = ratio * ratio;
        for (Index first = 0; first < compute.size(); first += CHUNK)
        {
            const Index end = std::min(first + CHUNK, compute.size());
            double partSum = 0;
            double partBound = 0;
            for (Index k = first; k < end; ++k)
            {
                double mu;
                double value;
                double mismatch = 0;
                if (shared)
                {
                    const double slope = down.slope[k] + up.slope[k];
                    mu = 1 / slope;
                    value = mu * (compute[k] + down.t[k] + up.t[k]) + down.b[k];
                }
                else
                {
                    Tangent d(down, k);
                    Tangent u(up, k);
                    mu = std::min(lambda / d.least, 1 / u.least);
                    d.Choose(lambda / mu);
                    u.Choose(1 / mu);
                    value = mu * (compute[k] + d.t + u.t + d.least * d.b + u.least * u.b);
                    mismatch = std::max(d.least > 0 ? 1 - mu * d.least / lambda : 0,
                                        u.least > 0 ? 1 - mu * u.least : 0);
                }
                partSum += mu;
                partBound += value;
                if (worst)
                {
                    *worst = std::max(*worst, mismatch);
                }
            }
            sum += partSum;
            bound += partBound;
        }
        bound -= shared ? down.budget : lambda * down.budget + up.budget;
        const double result = static_cast<double>(bound / sum);
        return std::isfinite(result) ? result : 0;
    }

    /// A supporting line of t(B); at a kink its slope can be chosen
    struct Tangent
    {
        double t;
        double b;
        double least;
        double most;

        Tangent(const Direction& d, Index k)
            : t(d.t[k]),
              b(d.b[k]),
              least(d.slope[k]),
              most(d.slope[k])
        {
            if (d.IsAtKink(k))
            {
                t = d.kinkT[k];
                b = d.kink[k];
                least = d.kinkSlope[k];
                most = t / b;
            }
        }

        void Choose(double slope)
        {
            least = std::max(least, std::min(most, slope));
        }
    };

    /// Rational functions of all devices at the present point, states by the side of the kink
    void Model()
    {
        if (shared)
        {
            // one function for the sum of both directions
            for (Index k = 0; k < compute.size(); ++k)
            {
                const double slope = down.slope[k] + up.slope[k];
                // t'' = 2 |t'| / centre of each
                const double centre =
                    slope / (down.slope[k] / down.centre[k] + up.slope[k] / up.centre[k]);
                down.beta[k] = slope * centre * centre;
                down.alpha[k] = down.t[k] + up.t[k] - slope * centre;
                down.delta[k] = centre - down.b[k];
            }
            return;
        }
        for (Direction* d : {&down, &up})
        {
            for (Index k = 0; k < compute.size(); ++k)
            {
                d->tamed[k] = false;
                if (d->state[k] != NONE)
                {
                    d->UseState(k, d->IsAtKink(k) ? KINK : d->b[k] < d->kink[k] ? LIN : SHA);
                }
            }
        }
    }

    /**
     * The states of a device at given multipliers and T: its time is a piecewise linear function of
     * 1 / sqrt(mu_k), so that Newton's method in a bracket ends after a few pieces.
     *
     * @param k the device
     * @return whether a state changed
     */
    bool Respond(Index k)
    {
        if (FitsStates(k))
        {
            return false;
        }
        const auto present = [this, k]() {
            return down.state[k] + 8 * up.state[k] + 64 * down.tamed[k] + 128 * up.tamed[k];
        };
        const int before = present();
        double low = 0;
        double high = INF;
        double s = 0;
        for (int i = 0; i < 60; ++i)
        {
            const double room =
                secular.above + (secular.pole - (compute[k] + down.alpha[k] + up.alpha[k]));
            const double rise = ratio * std::sqrt(down.beta[k]) + std::sqrt(up.beta[k]);
            if (i > 0)
            {
                (s * rise > room ? high : low) = s;
            }
            double next = rise > 0 ? room / rise : (room > 0 ? INF : 0);
            const bool natural = next > low && next < high;
            if (!natural)
            {
                next = high < INF ? (low > 0 ? std::sqrt(low) * std::sqrt(high) : high / 4)
                       : low > 0  ? low * 4
                                  : KinkReach(k);
            }
            s = next;
            const int old = present();
            if (down.HasKink(k))
            {
                down.UseState(k, down.StateFor(k, 1 / (s * ratio)));
            }
            if (up.HasKink(k))
            {
                up.UseState(k, up.StateFor(k, 1 / s));
            }
            if (present() == old && natural)
            {
                break;
            }
        }
        return before != present();
    }

    /// @return whether Respond would change nothing: quick, without roots. @param k the device
    bool FitsStates(Index k) const
    {
        const double room =
            secular.above + (secular.pole - (compute[k] + down.alpha[k] + up.alpha[k]));
        const double rise2 = ratio * (ratio * secular.a[k] + 2 * secular.p[k]) + secular.c[k];
        const double reach2 = rise2 / (room * room);
        return room > 0 && down.Fits(k, reach2 / (ratio * ratio)) && up.Fits(k, reach2);
    }

    /// @return an s at which a direction of the device is at its kink. @param k the device
    double KinkReach(Index k) const
    {
        return down.HasKink(k) ? std::sqrt(down.linear[k]) / (down.kink[k] * ratio)
                               : std::sqrt(up.linear[k]) / up.kink[k];
    }

    /**
     * Solve the problem of the rational functions.
     *
     * @return whether it worked
     */
    bool SolveStates()
    {
        secular.shared = shared;
        if (shared)
        {
            for (int round = 0; round < 40; ++round)
            {
                secular.a = down.beta;
                secular.depth = compute + down.alpha;
                secular.downHz = down.budget + down.delta.sum();
                secular.pole = secular.depth.maxCoeff();
                secular.depth = secular.pole - secular.depth;
                if (!(secular.downHz > 0))
                {
                    return false;
                }
                secular.Solve(time, 1e-8);
                if (!TameAll())
                {
                    break;
                }
            }
            return std::isfinite(secular.above);
        }
        // far from the end, the next point is a better place to settle the last few among many
        const bool early = !careful && kinked.size() > 2000 && time - lower > 1e-6 * time;
        for (int round = 0; round < 4 || (careful && round < 12); ++round)
        {
            if (!Assemble())
            {
                return SolveNested();
            }
            secular.Solve(round == 0 ? time : secular.pole + secular.above, early ? 1e-4 : 1e-8);
            const double l = secular.sumA / secular.downHz;
            const double r = secular.sumC / secular.upHz;
            // from the budget whose equation cancels less
            ratio = l < r ? secular.sumP / (secular.downHz - secular.sumA)
                          : (secular.upHz - secular.sumC) / secular.sumP;
            if (!(ratio > 0 && std::isfinite(ratio) && std::isfinite(secular.above)))
            {
                return SolveNested();
            }
            std::size_t changed = TameAll() ? kinked.size() + 1 : 0;
            for (const Index k : kinked)
            {
                if (Respond(k))
                {
                    ++changed;
                    secular.a[k] = down.beta[k];
                    secular.c[k] = up.beta[k];
                    secular.p[k] = std::sqrt(down.beta[k] * up.beta[k]);
                    const double kappa = compute[k] + down.alpha[k] + up.alpha[k];
                    secular.depth[k] = down.beta[k] + up.beta[k] > 0 ? secular.pole - kappa : INF;
                }
            }
            if (changed == 0 || (early && changed <= kinked.size() / 64))
            {
                return true;
            }
        }
        // a few states that go to and fro do no harm, unless they keep T from falling
        return careful ? SolveNested() : std::isfinite(secular.above);
    }

    /// Secular equation of the present states. @return whether the budgets suffice for the corners
    bool Assemble()
    {
        secular.a = down.beta;
        secular.c = up.beta;
        secular.p = (down.beta * up.beta).sqrt();
        secular.depth = compute + down.alpha + up.alpha;
        secular.downHz = down.budget + down.delta.sum();
        secular.upHz = up.budget + up.delta.sum();
        for (const Index k : kinked)
        {
            if (secular.a[k] == 0 && secular.c[k] == 0)
            {
                secular.depth[k] = -INF; // in both corners: fixed
            }
        }
        secular.pole = std::max(0.0, secular.depth.maxCoeff());
        secular.depth = secular.pole - secular.depth;
        return secular.downHz > 0 && secular.upHz > 0;
    }

    /**
     * With the multipliers' ratio given, find T where the weighted sum of both bandwidths is the
     * weighted budget. The sum falls with T, so that this cannot fail.
     *
     * @param logRatio ln(ratio)
     * @return (sum of downlink - budget) / budget, which falls with the ratio
     */
    double Excess(double logRatio)
    {
        ratio = std::exp(logRatio);
        const double weight = ratio * ratio;
        const double budget = weight * down.budget + up.budget;
        double low = 0;
        for (Index k = 0; k < compute.size(); ++k)
        {
            // with all the bandwidth of the world
            for (Direction* d : {&down, &up})
            {
                if (d->HasKink(k))
                {
                    d->UseState(k, SHA);
                }
            }
            low = std::max(low, compute[k] + down.alpha[k] + up.alpha[k]);
        }
        double high = INF;
        if (!(target > low))
        {
            target = time > low ? time : low + low / 8;
        }
        for (int i = 0; i < 200; ++i)
        {
            secular.above = target - secular.pole;
            for (const Index k : kinked)
            {
                Respond(k);
            }
            Assemble();
            secular.above = target - secular.pole;
            const auto rest = (secular.above + secular.depth).inverse();
            const auto moved = (ratio * secular.a.sqrt() + secular.c.sqrt()).square() * rest;
            const double fixed = weight * down.delta.sum() + up.delta.sum();
            const double sum = secular.above > 0 ? moved.sum() - fixed : INF;
            (sum > budget ? low : high) = target;
            // Newton on 1 / sum
            const double before = target;
            target += sum * (sum - budget) / (budget * (moved * rest).sum()); // or NaN
            if (!(target > low && target < high))
            {
                target = high < INF ? low + (high - low) / 2 : before + (before - low);
            }
            if (std::abs(target - before) <= 1e-15 * before || target == low || target == high)
            {
                break;
            }
        }
        const double used =
            ((secular.a + secular.p / ratio) / (secular.above + secular.depth)).sum() -
            down.delta.sum() - down.budget;
        return used / down.budget;
    }

    /// @return bandwidth asked for. @param k the device @param rest 1 / (T - kappa) of it
    double WantedDown(Index k, double rest) const
    {
        const double a = shared ? secular.a[k] : secular.a[k] + secular.p[k] / ratio;
        return a * rest - down.delta[k];
    }

    /// Likewise for the uplink (with its own budget)
    double WantedUp(Index k, double rest) const
    {
        return (secular.c[k] + secular.p[k] * ratio) * rest - up.delta[k];
    }

    /// Tame what needs it at the present T and ratio. @return whether something was changed
    bool TameAll()
    {
        bool changed = false;
        for (const Index k : tameable)
        {
            const double rest = 1 / (secular.above + secular.depth[k]);
            changed |= Tame(down, k, WantedDown(k, rest));
            if (!shared)
            {
                changed |= Tame(up, k, WantedUp(k, rest));
            }
        }
        return changed;
    }

    /**
     * The slow and sure way: T for each ratio of the multipliers, ratio by Chandrupatla's method.
     *
     * @return whether it worked
     */
    bool SolveNested()
    {
        bool solved = SolveRatio();
        for (int round = 0; round < 20 && solved && TameAll(); ++round)
        {
            solved = SolveRatio();
        }
        return solved;
    }

    /// SolveNested for given rational functions. @return whether it worked
    bool SolveRatio()
    {
        double low = ratio > 0 && std::isfinite(ratio) ? std::log(ratio) : 0;
        double high = low;
        double atLow = Excess(low);
        double atHigh = atLow;
        for (double step = 0.5; atLow < 0 && step < 1e3; step *= 2)
        {
            low -= step;
            atLow = Excess(low);
        }
        for (double step = 0.5; atHigh > 0 && step < 1e3; step *= 2)
        {
            high += step;
            atHigh = Excess(high);
        }
        if (!(atLow >= 0 && atHigh <= 0)) // or NaN
        {
            return false;
        }
        const double root =
            FindRoot([this](double x) { return Excess(x); }, low, atLow, high, atHigh);
        Excess(root);
        return std::isfinite(root) && std::isfinite(secular.above);
    }

    /**
     * A rational function with delta > 0 is finite at B = 0, and may ask for less than that.
     * Where it asks for less than a quarter, use the one with delta = 0.
     *
     * @param direction which
     * @param k the device
     * @param next the bandwidth asked for
     * @return whether something was changed
     */
    bool Tame(Direction& direction, Index k, double next) const
    {
        const double x = direction.b[k];
        if (!(next < x / 4 && direction.delta[k] > 0 && (shared || !direction.HasKink(k))))
        {
            return false;
        }
        // same value and slope at x
        const double z = x + direction.delta[k];
        const double slope = direction.beta[k] / (z * z);
        direction.alpha[k] += direction.beta[k] / z - slope * x;
        direction.beta[k] = slope * x * x;
        direction.delta[k] = 0;
        return true;
    }

    double target{0};    ///< T in Excess
    bool careful{false}; ///< progress has stopped: shorten steps, solve slowly but surely

    /// The bandwidths that belong to SolveStates
    void Move()
    {
        // a state that was not settled may ask for less than nothing
        const auto take = [](double& b, double wanted) { b = wanted > 0 ? wanted : b / 16; };
        for (Index k = 0; k < compute.size(); ++k)
        {
            const double rest = 1 / (secular.above + secular.depth[k]);
            take(down.b[k], WantedDown(k, rest));
            if (!shared)
            {
                take(up.b[k], WantedUp(k, rest));
            }
        }
        Fit(down);
        if (!shared)
        {
            Fit(up);
        }
    }

    /// Start with the same bandwidth for everybody
    void Start()
    {
        for (Index k = 0; k < compute.size(); ++k)
        {
            down.b[k] = shared || down.state[k] != NONE ? 1 : 0;
            up.b[k] = up.state[k] != NONE ? 1 : 0;
            if (!shared && (down.HasKink(k) || up.HasKink(k)))
            {
                kinked.push_back(k);
            }
            if (shared || down.kink[k] == 0 || up.kink[k] == 0)
            {
                tameable.push_back(k);
            }
        }
        Fit(down);
        if (!shared)
        {
            Fit(up);
            ratio = std::sqrt(up.budget) / std::sqrt(down.budget);
        }
    }

    /// @return KKT residual of the present point, as described above
    double Residual() const
    {
        double worst = 0;
        Certify(&worst);
        const auto all = compute + down.t + up.t;
        worst = std::max(worst, 1 - all.minCoeff() / all.maxCoeff());
        worst = std::max(worst, std::abs(down.b.sum() / down.budget - 1));
        if (!shared)
        {
            worst = std::max(worst, std::abs(up.b.sum() / up.budget - 1));
        }
        return worst;
    }

    /// Iterate. @param param when to stop
    void Solve(const AllocationParam& param)
    {
        Start();
        down.best = down.b;
        up.best = up.b;
        double bestRatio = ratio;
        int idle = 0;   // iterations without progress
        int polish = 0; // iterations after the gap was met
        bool met = false;
        for (iterations = 1;; ++iterations)
        {
            double now = Evaluate();
            // T is convex: on the way to a better model there is always a better point
            for (int half = 0; careful && half < 40 && now > time; ++half)
            {
                down.b = (down.b + down.best) / 2;
                if (!shared)
                {
                    up.b = (up.b + up.best) / 2;
                }
                now = Evaluate();
            }
            if (iterations == 1)
            {
                if (!std::isfinite(now))
                {
                    return;
                }
                GuessRatio();
            }
            lower = std::max(lower, Certify());
            idle = now < time * (1 - 1e-15) ? 0 : idle + 1;
            if (now < time || (met && now <= time * (1 + 1e-15)))
            {
                time = now;
                down.best = down.b;
                up.best = up.b;
                bestRatio = ratio;
                met = time - lower <= param.relativeGap * time;
                residual = met ? Residual() : INF;
            }
            met = met || time - lower <= param.relativeGap * time;
            // with the gap at g, the bandwidths are good to sqrt(g) only: one step more is cheap
            if ((met && (residual <= 1e-9 || ++polish > 2)) || idle > 8 ||
                iterations >= param.maxIterations)
            {
                break;
            }
            // whole steps get there sooner even where T rises for a moment; but not for long
            careful = idle >= 4;
            if (careful)
            {
                down.b = down.best;
                up.b = up.best;
                ratio = bestRatio;
                Evaluate();
            }
            Model();
            if (!SolveStates())
            {
                break;
            }
            Move();
        }
        if (residual == INF)
        {
            down.b = down.best;
            up.b = up.best;
            ratio = bestRatio;
            Evaluate();
            residual = Residual();
        }
    }
};

/// @return text that shows a number exactly enough. @param value the number
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/**
 * @param problem the problem to check
 * @param result gets status and message if there is something wrong
 * @return whether it can be solved
 */
bool
Check(const AllocationProblem& problem, AllocationResult& result)
{
    const std::size_t size = problem.downlinkBits.size();
    const auto refuse = [&result](AllocationStatus status, const std::string& message) {
        result.status = status;
        result.message = message;
        return false;
    };
    const auto invalid = [&refuse](const std::string& message) {
        return refuse(AllocationStatus::INVALID, message);
    };
    if (size == 0)
    {
        return invalid("no device: downlinkBits is empty, expected one entry for each device");
    }
    const std::pair<const char*, std::size_t> lengths[] = {
        {"uplinkBits", problem.uplinkBits.size()},
        {"computeS", problem.computeS.size()},
        {"downlinkLaw", problem.downlinkLaw.size()},
        {"uplinkLaw", problem.uplinkLaw.size()}};
    for (const auto& [name, length] : lengths)
    {
        if (length != size)
        {
            return invalid(std::string(name) + " has " + std::to_string(length) +
                           " entries, expected " + std::to_string(size) + " as downlinkBits has");
        }
    }
    bool bits[2] = {false, false};
    const auto bad = [](double v) { return !(v >= 0) || std::isinf(v); };
    for (std::size_t k = 0; k < size; ++k)
    {
        const std::pair<const char*, double> values[] = {{"downlinkBits", problem.downlinkBits[k]},
                                                         {"uplinkBits", problem.uplinkBits[k]},
                                                         {"computeS", problem.computeS[k]}};
        for (const auto& [name, value] : values)
        {
            if (bad(value))
            {
                return invalid(std::string(name) + "[" + std::to_string(k) + "] is " + Text(value) +
                               ", expected a finite number >= 0");
            }
        }
        const std::pair<const char*, const RateLaw*> laws[] = {
            {"downlinkLaw", &problem.downlinkLaw[k]},
            {"uplinkLaw", &problem.uplinkLaw[k]}};
        for (int i = 0; i < 2; ++i)
        {
            const RateLaw& law = *laws[i].second;
            const auto name = [&laws, i, k] {
                return std::string(laws[i].first) + "[" + std::to_string(k) + "]";
            };
            if (!law.IsValid())
            {
                return invalid(name() + " is not valid: efficiency " + Text(law.efficiency) +
                               ", gainHz " + Text(law.gainHz) + ", scale " + Text(law.scale) +
                               "; expected efficiency and gainHz >= 0, scale in (0, 1]");
            }
            const double load = values[i].second;
            if (load > 0 && !(law.MaxRate() > 0))
            {
                return refuse(AllocationStatus::INFEASIBLE,
                              name() + " carries no bit (efficiency " + Text(law.efficiency) +
                                  ", gainHz " + Text(law.gainHz) + ") but device " +
                                  std::to_string(k) + " has " + Text(load) + " bits to move");
            }
            bits[i] = bits[i] || load > 0;
        }
    }
    if (problem.coupled)
    {
        bits[0] = bits[0] || bits[1];
        bits[1] = false;
    }
    const std::pair<const char*, double> budgets[] = {{"downlinkHz", problem.downlinkHz},
                                                      {"uplinkHz", problem.uplinkHz}};
    for (int i = 0; i < (problem.coupled ? 1 : 2); ++i)
    {
        const auto& [name, value] = budgets[i];
        if (bad(value))
        {
            return invalid(std::string(name) + " is " + Text(value) +
                           ", expected a finite bandwidth >= 0 Hz");
        }
        if (bits[i] && value == 0)
        {
            return refuse(AllocationStatus::INFEASIBLE,
                          std::string(name) + " is 0 Hz but there are bits to move");
        }
    }
    return true;
}

/**
 * Fill what follows from the bandwidths: T, devices at T.
 *
 * @param problem the problem
 * @param result with bandwidths
 * @param time working memory
 */
void
Conclude(const AllocationProblem& problem, AllocationResult& result, std::vector<double>& time)
{
    const std::size_t size = problem.computeS.size();
    time.resize(size);
    result.timeS = 0;
    for (std::size_t k = 0; k < size; ++k)
    {
        double t = problem.computeS[k];
        if (problem.downlinkBits[k] > 0)
        {
            t += problem.downlinkBits[k] / problem.downlinkLaw[k].Rate(result.downlinkHz[k]);
        }
        if (problem.uplinkBits[k] > 0)
        {
            t += problem.uplinkBits[k] / problem.uplinkLaw[k].Rate(result.uplinkHz[k]);
        }
        time[k] = t;
        result.timeS = t > result.timeS || std::isnan(t) ? t : result.timeS;
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        if (time[k] >= result.timeS * (1 - 1e-9))
        {
            result.active.push_back(k);
        }
    }
}

/// Empty a result, but keep its memory. @param result to be filled
void
Clear(AllocationResult& result)
{
    result.status = AllocationStatus::INVALID;
    result.message.clear();
    result.downlinkHz.clear();
    result.uplinkHz.clear();
    result.active.clear();
    result.timeS = 0;
    result.lowerBoundS = 0;
    result.residual = 0;
    result.iterations = 0;
}

/**
 * @param result becomes INVALID if its time is not a number that is finite
 * @return whether it became so
 */
bool
RefuseUnlessFinite(AllocationResult& result)
{
    if (std::isfinite(result.timeS))
    {
        return false;
    }
    const std::string time = Text(result.timeS);
    Clear(result);
    result.message =
        "the time is " + time + " s: bits, laws or bandwidths are out of the range of doubles";
    return true;
}

} // namespace

void
AllocationParam::Check() const
{
    if (!(relativeGap > 0 && relativeGap < 1))
    {
        throw std::invalid_argument("AllocationParam: relativeGap is " + Text(relativeGap) +
                                    ", expected between 0 and 1");
    }
    if (maxIterations < 1)
    {
        throw std::invalid_argument("AllocationParam: maxIterations is " +
                                    std::to_string(maxIterations) + ", expected at least 1");
    }
}

double
AllocationResult::Gap() const
{
    return timeS > 0 ? std::max(0.0, (timeS - lowerBoundS) / timeS) : 0;
}

/**
 * What is kept from call to call.
 */
class MinMaxAllocator::Impl
{
  public:
    AllocationResult result; ///< of the last call

    /// @param problem the block @param param how far to go
    void Solve(const AllocationProblem& problem, const AllocationParam& param);

  private:
    /**
     * @param problem the block
     * @param param how far to go
     * @param who devices, all of which have bits
     * @param shared one budget for the directions that count
     * @param d the downlink counts
     * @param u the uplink counts
     * @return whether it is as good as wanted
     */
    bool SolvePart(const AllocationProblem& problem,
                   const AllocationParam& param,
                   const std::vector<std::size_t>& who,
                   bool shared,
                   bool d,
                   bool u);

    /// @param problem the block. @return whether a device has bits both ways; fills m_busy
    bool SortBusy(const AllocationProblem& problem);

    Solver m_solver;                     ///< arrays of the devices that have bits
    std::vector<std::size_t> m_busy;     ///< those devices
    std::vector<std::size_t> m_downlink; ///< those with bits that way only
    std::vector<std::size_t> m_uplink;   ///< likewise
    std::vector<double> m_time;          ///< of each device, s
};

bool
MinMaxAllocator::Impl::SortBusy(const AllocationProblem& problem)
{
    const std::size_t size = problem.computeS.size();
    // by their laws, so that branches on them can be predicted
    const auto kind = [](double bits, const RateLaw& law) {
        return bits == 0 ? 0 : law.kind == RateLaw::LINEAR ? 1 : std::isinf(law.efficiency) ? 2 : 3;
    };
    const auto kinds = [&problem, &kind](std::size_t k) {
        return 4 * kind(problem.downlinkBits[k], problem.downlinkLaw[k]) +
               kind(problem.uplinkBits[k], problem.uplinkLaw[k]);
    };
    bool anyBoth = false;
    std::size_t end[17] = {}; // of each pair of kinds
    for (std::size_t k = 0; k < size; ++k)
    {
        const int pair = kinds(k);
        ++end[pair + 1];
        anyBoth = anyBoth || (pair > 4 && pair % 4 > 0);
        if (pair == 0)
        {
            result.lowerBoundS = std::max(result.lowerBoundS, problem.computeS[k]);
        }
    }
    end[1] = 0;
    std::partial_sum(end, end + 17, end);
    m_busy.resize(end[16]);
    for (std::size_t k = 0; k < size; ++k)
    {
        if (const int pair = kinds(k))
        {
            m_busy[end[pair]++] = k;
        }
    }
    return anyBoth;
}

bool
MinMaxAllocator::Impl::SolvePart(const AllocationProblem& problem,
                                 const AllocationParam& param,
                                 const std::vector<std::size_t>& who,
                                 bool shared,
                                 bool d,
                                 bool u)
{
    if (who.empty())
    {
        return true;
    }
    m_solver.Reset(static_cast<Index>(who.size()), shared);
    for (std::size_t i = 0; i < who.size(); ++i)
    {
        const std::size_t k = who[i];
        m_solver.compute[i] = problem.computeS[k];
        if (d)
        {
            m_solver.down.Set(i, problem.downlinkBits[k], problem.downlinkLaw[k]);
        }
        if (u)
        {
            m_solver.up.Set(i, problem.uplinkBits[k], problem.uplinkLaw[k]);
        }
    }
    m_solver.down.budget = shared && !d ? problem.uplinkHz : problem.downlinkHz;
    m_solver.up.budget = problem.uplinkHz;
    m_solver.Solve(param);
    const Array& up = shared ? m_solver.down.best : m_solver.up.best;
    for (std::size_t i = 0; i < who.size(); ++i)
    {
        if (d)
        {
            result.downlinkHz[who[i]] = m_solver.down.best[i];
        }
        if (u)
        {
            result.uplinkHz[who[i]] = up[i];
        }
    }
    result.lowerBoundS = std::max(result.lowerBoundS, m_solver.lower);
    result.residual = std::max(result.residual, m_solver.residual);
    result.iterations = std::max(result.iterations, m_solver.iterations);
    return m_solver.time - m_solver.lower <= param.relativeGap * m_solver.time;
}

void
MinMaxAllocator::Impl::Solve(const AllocationProblem& problem, const AllocationParam& param)
{
    Clear(result);
    try
    {
        param.Check();
    }
    catch (const std::invalid_argument& e)
    {
        result.message = e.what();
        return;
    }
    if (!Check(problem, result))
    {
        return;
    }
    const std::size_t size = problem.computeS.size();
    result.downlinkHz.assign(size, 0);
    result.uplinkHz.assign(size, 0);
    const bool anyBoth = SortBusy(problem);
    bool solved = true;
    if (problem.coupled)
    {
        solved = SolvePart(problem, param, m_busy, true, true, true);
    }
    else if (anyBoth)
    {
        solved = SolvePart(problem, param, m_busy, false, true, true);
    }
    else
    {
        // no device ties the budgets together
        m_downlink.clear();
        m_uplink.clear();
        for (const std::size_t k : m_busy)
        {
            (problem.downlinkBits[k] > 0 ? m_downlink : m_uplink).push_back(k);
        }
        solved = SolvePart(problem, param, m_downlink, true, true, false);
        solved = SolvePart(problem, param, m_uplink, true, false, true) && solved;
    }
    Conclude(problem, result, m_time);
    if (RefuseUnlessFinite(result))
    {
        return;
    }
    // rounding only
    result.lowerBoundS = std::min(result.lowerBoundS, result.timeS);
    result.status = solved ? AllocationStatus::OPTIMAL : AllocationStatus::MAX_ITERATIONS;
}

MinMaxAllocator::MinMaxAllocator()
    : m_impl(std::make_unique<Impl>())
{
}

MinMaxAllocator::~MinMaxAllocator() = default;

const AllocationResult&
MinMaxAllocator::Solve(const AllocationProblem& problem, const AllocationParam& param)
{
    m_impl->Solve(problem, param);
    return m_impl->result;
}

AllocationResult
AllocateMinMax(const AllocationProblem& problem, const AllocationParam& param)
{
    return MinMaxAllocator().Solve(problem, param);
}

AllocationResult
AllocateEqual(const AllocationProblem& problem, bool allDevices)
{
    AllocationResult result;
    if (!Check(problem, result))
    {
        return result;
    }
    const std::size_t size = problem.computeS.size();
    result.downlinkHz.assign(size, 0);
    result.uplinkHz.assign(size, 0);
    std::size_t users[2] = {0, 0};
    const auto uses = [&problem](int direction, std::size_t k) {
        const bool d = problem.downlinkBits[k] > 0;
        const bool u = problem.uplinkBits[k] > 0;
        return problem.coupled ? d || u : (direction == 0 ? d : u);
    };
    for (std::size_t k = 0; k < size; ++k)
    {
        users[0] += uses(0, k);
        users[1] += uses(1, k);
    }
    for (std::size_t k = 0; k < size; ++k)
    {
        if (allDevices || uses(0, k))
        {
            result.downlinkHz[k] =
                problem.downlinkHz / static_cast<double>(allDevices ? size : users[0]);
        }
        if (problem.coupled)
        {
            result.uplinkHz[k] = result.downlinkHz[k];
        }
        else if (allDevices || uses(1, k))
        {
            result.uplinkHz[k] =
                problem.uplinkHz / static_cast<double>(allDevices ? size : users[1]);
        }
    }
    std::vector<double> time;
    Conclude(problem, result, time);
    if (!RefuseUnlessFinite(result))
    {
        result.status = AllocationStatus::OPTIMAL;
    }
    return result;
}

} // namespace wdmoe
