/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-weighted-times.h"

#include "wdmoe-law-leg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

/*
 * Units inside: bandwidths are shares of their budget, times are in unitS, costs in unitCost, so
 * that all are near 1 at the start. See the header for the method; names here follow it: a Leg is
 * one direction of a part, `s` and `z` are slack and multiplier of a constraint, `rho` is z / s.
 */

namespace wdmoe
{

namespace
{

constexpr double INF = std::numeric_limits<double>::infinity();

/// Fraction of the way to the boundary that a step takes
constexpr double TO_BOUNDARY = 0.995;

/// Longest step of a logarithm
constexpr double LONGEST = 3;

/// Least reduction of s z, at most, and what it is for each unit of the longest step
constexpr double SIGMA = 0.3;
constexpr double TRAVEL = 0.3;

/// A constraint g <= 0
struct Constraint
{
    bool used{false}; ///< is there
    double g{0};      ///< value
    double s{0};      ///< slack
    double z{0};      ///< multiplier
    double rc{0};     ///< sigma mu - s z (less second order)
    double ds{0};     ///< step
    double dz{0};     ///< step

    /// Slack and multiplier for a start. @param least slack @param mu product of both
    void Start(double least, double mu)
    {
        s = std::max(-g, least);
        z = mu / s;
    }

    /// @return what a direct elimination adds to the right side, times the gradient
    double Pull() const
    {
        return rc / s + z / s * (g + s);
    }

    /// Step from that of the gradient's product with the variables. @param change that product
    void Step(double change)
    {
        ds = -(g + s) - change;
        dz = (rc - z * ds) / s;
    }

    /// Step where the multiplier's is known. @param d its step
    void StepOfMultiplier(double d)
    {
        dz = d;
        ds = (rc - s * dz) / z;
    }

    /// @return right side of the bordered equation: gradient . dv - s / z dz = this
    double Border() const
    {
        return -(g + s) - rc / z;
    }

    /// @param [in,out] a longest step that keeps both positive
    void Limit(double& a) const
    {
        if (used && ds < 0)
        {
            a = std::min(a, -s / ds);
        }
        if (used && dz < 0)
        {
            a = std::min(a, -z / dz);
        }
    }

    /// @param a step length
    void Move(double a)
    {
        s += a * ds;
        z += a * dz;
    }
};

/// One direction of a part
struct Leg
{
    LawLeg law;          ///< t(B), in shares and unitS
    double cost{0};      ///< p
    double u{0};         ///< ln B
    double l{0};         ///< ln t
    double b{0};         ///< e^u
    double t{0};         ///< e^l
    Constraint piece[2]; ///< linear and curved: phi(u) - l <= 0
    double d1[2]{};      ///< phi'
    double d2[2]{};      ///< phi''
    double sum{0};       ///< sum of rho
    double turned{0};    ///< sum of rho phi'
    double curvature{0}; ///< of l, after the Hessian
    double pivot{0};     ///< of u (split)
    double ru{0};        ///< right side
    double rl{0};        ///< right side
    double du{0};        ///< step
    double dl{0};        ///< step

    /// @return whether there are bits
    bool Used() const
    {
        return law.bits;
    }

    /// Values and derivatives of the pieces
    void Evaluate()
    {
        b = std::exp(u);
        t = std::exp(l);
        for (int j = 0; j < 2; ++j)
        {
            if (piece[j].used)
            {
                double value;
                law.Log(j, u, b, value, d1[j], d2[j]);
                piece[j].g = value - l;
            }
        }
    }

    /// Eliminate l. @param z of the part's time @return what it leaves on u's diagonal
    double Factor(double z)
    {
        sum = turned = 0;
        double bend = 0;
        double spread = 0;
        double squares = 0;
        double before[2] = {};
        for (int j = 0; j < 2; ++j)
        {
            if (!piece[j].used)
            {
                continue;
            }
            const double rho = piece[j].z / piece[j].s;
            sum += rho;
            turned += rho * d1[j];
            squares += rho * d1[j] * d1[j];
            bend += piece[j].z * d2[j];
            before[j] = rho;
        }
        const double apart = d1[0] - d1[1];
        spread = piece[0].used && piece[1].used ? before[0] * before[1] * apart * apart : 0;
        curvature = (cost + z) * t;
        // sum rho phi'^2 - (sum rho phi')^2 / (curvature + sum rho), without the cancellation
        return bend + (squares * curvature + spread) / (curvature + sum);
    }
};

/// One part
struct Part
{
    Leg down;         ///< downlink; coupled: also the shared bandwidth
    Leg up;           ///< uplink
    Constraint time;  ///< c + td + tu - T <= 0
    double c{0};      ///< in unitS
    std::size_t g{0}; ///< group
    double pivot{0};  ///< of the shared u (coupled)
    double alpha{0};  ///< a M^-1 r - border
    double theta{0};  ///< 1 / (a M^-1 a + s / z)
    double beta[2]{}; ///< a M^-1 b, by budget

    /// @return whether it has bits
    bool Carries() const
    {
        return down.Used() || up.Used();
    }
};

/// One group
struct Group
{
    double weight{0};  ///< in unitCost / unitS
    double t{0};       ///< T
    double dt{0};      ///< step
    double sumZ{0};    ///< of its parts
    double theta{0};   ///< sum
    double alpha{0};   ///< sum of theta alpha
    double beta[2]{};  ///< sum of theta beta
    double largest{0}; ///< scratch
    bool used{false};  ///< has parts
};

/// @param value any @return as text
std::string
Text(double value)
{
    std::ostringstream s;
    s.precision(12);
    s << value;
    return s.str();
}

/// @param v any @return whether it is no finite number >= 0
bool
Bad(double v)
{
    return !(v >= 0) || std::isinf(v);
}

/// One share, used by one direction or both: minimum of sum m t(B) + price B over B in [0, 1]
struct Inner
{
    const LawLeg* leg[2]{};
    double m[2]{};
    double price{0};
    double from{0}; ///< where to start: a share

    /// @return sum of m |t'| at B, right or left of corners. @param b share @param dlog its slope
    double Slope(double b, bool left, double* dlog) const
    {
        double sum = 0;
        double turn = 0;
        for (int i = 0; i < 2; ++i)
        {
            if (leg[i] && m[i] > 0)
            {
                const auto p = leg[i]->At(b, left);
                sum += m[i] * p.slope;
                turn += m[i] * p.slope * 2 * b / p.centre;
            }
        }
        *dlog = turn / sum;
        return sum;
    }

    /**
     * @param [in,out] mismatch not below what `from` costs beyond the minimum; or null
     * @return a number that the minimum is not below, up to rounding
     */
    double Minimum(double* mismatch) const
    {
        if (!((leg[0] && m[0] > 0) || (leg[1] && m[1] > 0)))
        {
            return 0;
        }
        double dlog;
        double low = 0;
        double high = 1;
        double b = std::min(from, 1.0);
        bool corner = false;
        for (int i = 0; i < 2 && !corner; ++i)
        {
            const double at = leg[i] && m[i] > 0 ? leg[i]->Corner() : 0;
            if (at > low && at < high)
            {
                if (Slope(at, true, &dlog) < price)
                {
                    high = at;
                }
                else if (Slope(at, false, &dlog) > price)
                {
                    low = at;
                }
                else
                {
                    b = at;
                    corner = true;
                }
            }
        }
        for (int i = 0; i < 100 && !corner; ++i)
        {
            if (!(b > low && b <= high))
            {
                b = low > 0 ? std::sqrt(low) * std::sqrt(high) : high / 2;
            }
            const double slope = Slope(b, false, &dlog);
            (slope > price ? low : high) = b;
            const double next = price > 0 ? b * std::exp(std::log(slope / price) / dlog) : high;
            if (std::abs(next - b) <= 1e-15 * b || next >= 1 || low == high)
            {
                b = std::min(next, 1.0);
                break;
            }
            b = next;
        }
        // tangents at b; at a corner the slope that comes nearest to the price
        const double left = Slope(b, true, &dlog);
        const double right = Slope(b, false, &dlog);
        const double slope = std::max(right, std::min(left, price));
        double value = slope * b + std::min(price - slope, 0.0);
        for (int i = 0; i < 2; ++i)
        {
            value += leg[i] && m[i] > 0 ? m[i] * leg[i]->At(b, true).t : 0;
        }
        if (mismatch)
        {
            double here = price * from;
            for (int i = 0; i < 2; ++i)
            {
                here += leg[i] && m[i] > 0 ? m[i] * leg[i]->At(from, true).t : 0;
            }
            *mismatch = std::max(*mismatch, here - value);
        }
        return value;
    }
};

} // namespace

struct WeightedTimesSolver::Work
{
    WeightedTimesResult result;
    std::vector<Part> parts;
    std::vector<Group> groups;
    std::vector<double> shares[2]; ///< candidate, by direction
    std::vector<double> start[2];  ///< shares that are in time (deadline)
    std::vector<double> best[2];   ///< shares
    Constraint budget[2];          ///< sum e^u - 1 <= 0
    bool coupled{false};
    bool deadline{false};
    double unitS{1};
    double unitCost{1};
    double limit{0};    ///< deadline, in unitS
    double cost{INF};   ///< of best, in unitCost
    double lower{-INF}; ///< in unitCost

    bool Check(const WeightedTimesProblem& p);
    bool SetUp(const WeightedTimesProblem& p);
    void Start();
    void Evaluate();
    double Complementarity(std::size_t* count) const;
    bool Direction(double target, bool second);
    double Travel() const;
    double Longest() const;
    void Move(double a);
    double Price(const std::vector<double>* shares);
    void Candidate();
    double Bound(double* mismatch);
    void Conclude(const WeightedTimesProblem& p);

    template <typename F>
    void ForEach(F f)
    {
        for (auto& part : parts)
        {
            f(part.time);
            for (Leg* leg : {&part.down, &part.up})
            {
                f(leg->piece[0]);
                f(leg->piece[1]);
            }
        }
        f(budget[0]);
        f(budget[1]);
    }

    /// @return the leg whose u a leg has. @param p part @param d direction
    Leg& Shared(Part& p, int d) const
    {
        return coupled || d == 0 ? p.down : p.up;
    }
};

bool
WeightedTimesSolver::Work::Check(const WeightedTimesProblem& p)
{
    const auto refuse = [this](AllocationStatus status, const std::string& message) {
        result.status = status;
        result.message = message;
        return false;
    };
    const auto invalid = [&refuse](const std::string& message) {
        return refuse(AllocationStatus::INVALID, message);
    };
    if (p.parts.empty())
    {
        return invalid("no part: expected one entry for each batch in flight");
    }
    bool bits[2] = {false, false};
    for (std::size_t i = 0; i < p.parts.size(); ++i)
    {
        const auto& part = p.parts[i];
        const auto of = " of part " + std::to_string(i);
        if (!p.deadline && part.group >= p.weight.size())
        {
            return invalid("group" + of + " is " + std::to_string(part.group) +
                           ", expected less than " + std::to_string(p.weight.size()) +
                           ", the number of weights");
        }
        const std::pair<const char*, double> values[] = {{"downlinkBits", part.downlinkBits},
                                                         {"uplinkBits", part.uplinkBits},
                                                         {"constantS", part.constantS},
                                                         {"downlinkCost", part.downlinkCost},
                                                         {"uplinkCost", part.uplinkCost}};
        for (const auto& [name, value] : values)
        {
            if (Bad(value))
            {
                return invalid(name + of + " is " + Text(value) +
                               ", expected a finite number >= 0");
            }
        }
        const std::pair<const char*, const RateLaw*> laws[] = {{"downlinkLaw", &part.downlinkLaw},
                                                               {"uplinkLaw", &part.uplinkLaw}};
        for (int d = 0; d < 2; ++d)
        {
            const auto& [name, law] = laws[d];
            if (!law->IsValid())
            {
                return invalid(name + of + " is not valid: efficiency " + Text(law->efficiency) +
                               ", gainHz " + Text(law->gainHz) + ", scale " + Text(law->scale) +
                               "; expected efficiency and gainHz >= 0, scale in (0, 1]");
            }
            if (values[d].second > 0 && !(law->MaxRate() > 0))
            {
                return refuse(AllocationStatus::INFEASIBLE,
                              name + of + " carries no bit, but it has " + Text(values[d].second) +
                                  " bits to move");
            }
            bits[d] = bits[d] || values[d].second > 0;
        }
    }
    for (std::size_t g = 0; g < p.weight.size() && !p.deadline; ++g)
    {
        if (Bad(p.weight[g]) || p.weight[g] == 0)
        {
            return invalid("weight[" + std::to_string(g) + "] is " + Text(p.weight[g]) +
                           ", expected a finite number > 0");
        }
    }
    if (p.deadline && !(p.deadlineS > 0 && std::isfinite(p.deadlineS)))
    {
        return invalid("deadlineS is " + Text(p.deadlineS) + ", expected a finite time > 0 s");
    }
    if (p.coupled)
    {
        bits[0] = bits[0] || bits[1];
        bits[1] = false;
    }
    const std::pair<const char*, double> budgets[] = {{"downlinkHz", p.downlinkHz},
                                                      {"uplinkHz", p.uplinkHz}};
    for (int d = 0; d < (p.coupled ? 1 : 2); ++d)
    {
        const auto& [name, value] = budgets[d];
        if (Bad(value))
        {
            return invalid(std::string(name) + " is " + Text(value) +
                           ", expected a finite bandwidth >= 0 Hz");
        }
        if (bits[d] && value == 0)
        {
            return refuse(AllocationStatus::INFEASIBLE,
                          std::string(name) + " is 0 Hz but there are bits to move");
        }
        const auto& from = d == 0 ? p.startDownlinkHz : p.startUplinkHz;
        if (p.deadline && from.size() != p.parts.size())
        {
            return invalid("start bandwidths have " + std::to_string(from.size()) +
                           " entries, expected one for each of " + std::to_string(p.parts.size()) +
                           " parts: with a deadline, a split that is in time is needed");
        }
    }
    return true;
}

/// @return whether the start is finite (and in time)
bool
WeightedTimesSolver::Work::SetUp(const WeightedTimesProblem& p)
{
    const auto size = p.parts.size();
    coupled = p.coupled;
    deadline = p.deadline;
    unitS = unitCost = 1;
    parts.assign(size, Part());
    groups.assign(deadline ? 0 : p.weight.size(), Group());
    std::size_t users[2] = {0, 0};
    const double hz[2] = {p.downlinkHz, coupled ? p.downlinkHz : p.uplinkHz};
    for (std::size_t i = 0; i < size; ++i)
    {
        const auto& from = p.parts[i];
        auto& part = parts[i];
        part.down.law.Set(from.downlinkBits, from.downlinkLaw, hz[0]);
        part.up.law.Set(from.uplinkBits, from.uplinkLaw, hz[1]);
        const bool d = part.down.Used();
        const bool u = part.up.Used();
        users[0] += coupled ? d || u : d;
        users[1] += coupled ? 0 : u;
        part.c = from.constantS;
        part.g = deadline ? 0 : from.group;
        part.down.cost = d ? from.downlinkCost : 0;
        part.up.cost = u ? from.uplinkCost : 0;
        if (!deadline)
        {
            groups[from.group].used = true;
        }
    }
    for (int d = 0; d < 2; ++d)
    {
        start[d].assign(size, 0);
        shares[d].assign(size, 0);
        best[d].assign(size, 0);
        budget[d] = Constraint();
        budget[d].used = users[d] > 0;
        for (std::size_t i = 0; i < size; ++i)
        {
            auto& part = parts[i];
            const bool used = coupled ? part.Carries() : (d == 0 ? part.down : part.up).Used();
            if (!used)
            {
                continue;
            }
            const auto from = d == 0 || coupled ? &p.startDownlinkHz : &p.startUplinkHz;
            start[d][i] = deadline ? (*from)[i] / hz[d]
                                   : 1 / static_cast<double>(coupled ? users[0] : users[d]);
        }
    }
    for (std::size_t g = 0; g < groups.size(); ++g)
    {
        groups[g].weight = groups[g].used ? p.weight[g] : 0;
    }
    // units by the start
    limit = p.deadlineS;
    cost = INF;
    lower = -INF;
    const double first = Price(start);
    if (!std::isfinite(first))
    {
        return false;
    }
    double longest = deadline ? p.deadlineS : 0;
    for (const auto& group : groups)
    {
        longest = std::max(longest, group.largest);
    }
    unitS = longest > 0 ? longest : 1;
    unitCost = first > 0 ? first : 1;
    limit /= unitS;
    for (auto& part : parts)
    {
        part.c /= unitS;
        for (Leg* leg : {&part.down, &part.up})
        {
            leg->law.Scale(1 / unitS);
            leg->cost *= unitS / unitCost;
        }
    }
    for (auto& group : groups)
    {
        group.weight *= unitS / unitCost;
    }
    for (int d = 0; d < 2; ++d)
    {
        best[d] = start[d];
    }
    cost = Price(start);
    return true;
}

/// @return cost of shares, groups' `largest` are set; infinite if late. @param x by direction
double
WeightedTimesSolver::Work::Price(const std::vector<double>* x)
{
    for (auto& group : groups)
    {
        group.largest = 0;
    }
    double sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i)
    {
        const auto& part = parts[i];
        const double d = part.down.Used() ? part.down.law.At(x[0][i], true).t : 0;
        const double u = part.up.Used() ? part.up.law.At(x[coupled ? 0 : 1][i], true).t : 0;
        sum += part.down.cost * d + part.up.cost * u;
        const double t = part.c + d + u;
        if (!deadline)
        {
            auto& largest = groups[part.g].largest;
            largest = t > largest || std::isnan(t) ? t : largest;
        }
        else if (!(t <= limit * (1 + 1e-12)))
        {
            return INF;
        }
    }
    for (const auto& group : groups)
    {
        sum += group.weight * group.largest;
    }
    return sum;
}

/// A feasible split from the present point, if it is better than the best
void
WeightedTimesSolver::Work::Candidate()
{
    for (int d = 0; d < (coupled ? 1 : 2); ++d)
    {
        double sum = 0;
        for (std::size_t i = 0; i < parts.size(); ++i)
        {
            auto& part = parts[i];
            const bool used = coupled ? part.Carries() : (d == 0 ? part.down : part.up).Used();
            sum += shares[d][i] = used ? Shared(part, d).b : 0;
        }
        for (auto& share : shares[d])
        {
            share = sum > 0 ? share / sum : 0;
        }
    }
    if (deadline)
    {
        // times are convex: on the way to the start, which is in time, there is a split that is
        double back = 0;
        for (std::size_t i = 0; i < parts.size(); ++i)
        {
            const auto& part = parts[i];
            const auto time = [&](const std::vector<double>* x) {
                return part.c + (part.down.Used() ? part.down.law.At(x[0][i], true).t : 0) +
                       (part.up.Used() ? part.up.law.At(x[coupled ? 0 : 1][i], true).t : 0);
            };
            const double now = time(shares);
            const double then = time(start);
            if (now > limit)
            {
                back = std::max(back, now > then ? (now - limit) / (now - then) : 1);
            }
        }
        back = std::min(back, 1.0);
        for (int d = 0; d < 2 && back > 0; ++d)
        {
            for (std::size_t i = 0; i < parts.size(); ++i)
            {
                shares[d][i] += back * (start[d][i] - shares[d][i]);
            }
        }
    }
    const double now = Price(shares);
    if (now < cost)
    {
        cost = now;
        best[0].swap(shares[0]);
        best[1].swap(shares[1]);
    }
}

/// First point: the start, with room on all sides
void
WeightedTimesSolver::Work::Start()
{
    for (std::size_t i = 0; i < parts.size(); ++i)
    {
        auto& part = parts[i];
        const auto log = [&](int d) { return std::log(std::max(0.9 * start[d][i], 1e-300)); };
        part.down.u = part.up.u = log(0);
        if (!coupled)
        {
            part.up.u = log(1);
        }
        for (Leg* leg : {&part.down, &part.up})
        {
            leg->piece[0].used = leg->Used() && leg->law.HasLinear();
            leg->piece[1].used = leg->Used() && leg->law.HasCurved();
            leg->l = 0;
            leg->Evaluate();
            double most = -INF;
            for (const auto& piece : leg->piece)
            {
                most = piece.used ? std::max(most, piece.g) : most;
            }
            leg->l = leg->Used() ? most + 0.1 : 0;
        }
        // without bits too: its group's end cannot be earlier
        part.time.used = part.Carries() || !deadline;
    }
    for (auto& group : groups)
    {
        group.t = group.largest = 0;
    }
    for (auto& part : parts)
    {
        if (!deadline)
        {
            const double t = part.c + (part.down.Used() ? std::exp(part.down.l) : 0) +
                             (part.up.Used() ? std::exp(part.up.l) : 0);
            groups[part.g].t = std::max(groups[part.g].t, 1.1 * t);
        }
    }
    Evaluate();
    ForEach([](Constraint& c) {
        if (c.used)
        {
            c.Start(0.05, 0.1);
        }
    });
    // multipliers near those of the solution of a problem with equal parts
    for (auto& group : groups)
    {
        group.sumZ = 0;
    }
    for (auto& part : parts)
    {
        if (!deadline && part.time.used)
        {
            groups[part.g].sumZ += part.time.z;
        }
    }
    for (auto& part : parts)
    {
        if (!deadline && part.time.used && groups[part.g].weight > 0)
        {
            part.time.z *= groups[part.g].weight / groups[part.g].sumZ;
        }
    }
}

/// Constraints at the present point
void
WeightedTimesSolver::Work::Evaluate()
{
    double sum[2] = {-1, -1};
    for (auto& part : parts)
    {
        if (coupled)
        {
            part.up.u = part.down.u;
        }
        part.down.Evaluate();
        part.up.Evaluate();
        if (part.time.used)
        {
            part.time.g = part.c + (part.down.Used() ? part.down.t : 0) +
                          (part.up.Used() ? part.up.t : 0) - (deadline ? limit : groups[part.g].t);
        }
        if (coupled ? part.Carries() : part.down.Used())
        {
            sum[0] += part.down.b;
        }
        if (!coupled && part.up.Used())
        {
            sum[1] += part.up.b;
        }
    }
    budget[0].g = sum[0];
    budget[1].g = sum[1];
}

/// @return mean of s z. @param count of the constraints
double
WeightedTimesSolver::Work::Complementarity(std::size_t* count) const
{
    double sum = 0;
    *count = 0;
    const_cast<Work*>(this)->ForEach([&](Constraint& c) {
        if (c.used)
        {
            sum += c.s * c.z;
            ++*count;
        }
    });
    return sum / static_cast<double>(*count);
}

/**
 * Newton's direction.
 *
 * @param target of s z
 * @param second with the second order term of the steps as they are
 * @return whether it is finite
 */
bool
WeightedTimesSolver::Work::Direction(double target, bool second)
{
    ForEach([&](Constraint& c) {
        if (c.used)
        {
            c.rc = target - c.s * c.z - (second ? c.ds * c.dz : 0);
        }
    });
    for (auto& group : groups)
    {
        group.theta = group.alpha = group.sumZ = group.beta[0] = group.beta[1] = 0;
    }
    // per part: M (du, dl) = right side, of which there are four: r, e_l of the time, both budgets
    double border[2][2] = {}; // schur complement of the budgets
    double right[2] = {};
    for (auto& part : parts)
    {
        if (!part.time.used)
        {
            continue;
        }
        double diagonal[2] = {0, 0};
        double rightU[2] = {0, 0};
        double turnedOver[2] = {0, 0}; // -d u_row / d dz
        Leg* legs[2] = {&part.down, &part.up};
        for (int d = 0; d < 2; ++d)
        {
            Leg& leg = *legs[d];
            if (!leg.Used())
            {
                continue;
            }
            const int v = coupled ? 0 : d;
            diagonal[v] += leg.Factor(part.time.z);
            double ru = 0;
            double rl = -(leg.cost + part.time.z) * leg.t;
            for (int j = 0; j < 2; ++j)
            {
                if (leg.piece[j].used)
                {
                    const double pull = leg.piece[j].Pull() + leg.piece[j].z;
                    ru -= leg.d1[j] * pull;
                    rl += pull;
                }
            }
            leg.rl = rl;
            const double fold = leg.turned / (leg.curvature + leg.sum);
            rightU[v] += ru + fold * rl;
            turnedOver[v] += fold * leg.t;
        }
        double kappa = 0;
        double alpha = 0;
        part.beta[0] = part.beta[1] = 0;
        for (int v = 0; v < (coupled ? 1 : 2); ++v)
        {
            Leg& holder = v == 0 ? part.down : part.up;
            if (coupled ? !part.Carries() : !holder.Used())
            {
                continue;
            }
            const double weight = budget[v].z * holder.b;
            holder.pivot = diagonal[v] + weight;
            holder.ru = rightU[v] - weight;
            // a M^-1 over u: legs' dl = (rl + turned du) / (curvature + sum)
            const double du = holder.ru / holder.pivot;
            const double duOfTime = turnedOver[v] / holder.pivot;
            const double duOfBudget = holder.b / holder.pivot;
            alpha += turnedOver[v] * du;
            kappa += turnedOver[v] * duOfTime;
            part.beta[v] = turnedOver[v] * duOfBudget;
            border[v][v] += holder.b * duOfBudget;
            right[v] += holder.b * du;
        }
        for (const Leg* leg : {&part.down, &part.up})
        {
            if (leg->Used())
            {
                alpha += leg->t * leg->rl / (leg->curvature + leg->sum);
                kappa += leg->t * leg->t / (leg->curvature + leg->sum);
            }
        }
        part.alpha = alpha - part.time.Border();
        part.theta = 1 / (kappa + part.time.s / part.time.z);
        if (!deadline)
        {
            auto& group = groups[part.g];
            group.sumZ += part.time.z;
            group.theta += part.theta;
            group.alpha += part.theta * part.alpha;
            group.beta[0] += part.theta * part.beta[0];
            group.beta[1] += part.theta * part.beta[1];
        }
    }
    // dz_i = theta_i (alpha_i - dT - beta_i . dzB); sum over a group = weight - sum z
    for (auto& group : groups)
    {
        group.alpha -= group.weight - group.sumZ;
    }
    // budgets: sum b du - s / z dzB = border, with du = M^-1 (r - a dz - b dzB)
    for (const auto& part : parts)
    {
        if (!part.time.used)
        {
            continue;
        }
        for (int v = 0; v < 2; ++v)
        {
            double rest = part.alpha;
            double share[2] = {part.beta[0], part.beta[1]};
            if (!deadline && groups[part.g].theta > 0)
            {
                const auto& group = groups[part.g];
                rest -= group.alpha / group.theta;
                share[0] -= group.beta[0] / group.theta;
                share[1] -= group.beta[1] / group.theta;
            }
            right[v] -= part.beta[v] * part.theta * rest;
            border[v][0] -= part.beta[v] * part.theta * share[0];
            border[v][1] -= part.beta[v] * part.theta * share[1];
        }
    }
    double dz[2] = {0, 0};
    double matrix[2][2] = {{border[0][0], border[0][1]}, {border[1][0], border[1][1]}};
    for (int v = 0; v < 2; ++v)
    {
        if (budget[v].used)
        {
            matrix[v][v] += budget[v].s / budget[v].z;
            right[v] -= budget[v].Border();
        }
        else
        {
            matrix[v][v] = 1;
            matrix[v][1 - v] = matrix[1 - v][v] = 0;
            right[v] = 0;
        }
    }
    const double det = matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0];
    dz[0] = (right[0] * matrix[1][1] - right[1] * matrix[0][1]) / det;
    dz[1] = (right[1] * matrix[0][0] - right[0] * matrix[1][0]) / det;
    bool finite = std::isfinite(dz[0]) && std::isfinite(dz[1]);
    for (int v = 0; v < 2; ++v)
    {
        if (budget[v].used)
        {
            budget[v].StepOfMultiplier(dz[v]);
        }
    }
    for (auto& group : groups)
    {
        group.dt = group.theta > 0
                       ? (group.alpha - group.beta[0] * dz[0] - group.beta[1] * dz[1]) / group.theta
                       : 0;
        finite = finite && std::isfinite(group.dt);
    }
    for (auto& part : parts)
    {
        if (!part.time.used)
        {
            continue;
        }
        const double dT = deadline ? 0 : groups[part.g].dt;
        const double step =
            part.theta * (part.alpha - dT - part.beta[0] * dz[0] - part.beta[1] * dz[1]);
        part.time.StepOfMultiplier(step);
        Leg* legs[2] = {&part.down, &part.up};
        double folded[2] = {0, 0};
        for (int d = 0; d < 2; ++d)
        {
            if (legs[d]->Used())
            {
                folded[coupled ? 0 : d] +=
                    legs[d]->turned / (legs[d]->curvature + legs[d]->sum) * legs[d]->t * step;
            }
        }
        for (int d = 0; d < 2; ++d)
        {
            Leg& leg = *legs[d];
            const int v = coupled ? 0 : d;
            Leg& holder = *legs[v];
            if (coupled ? part.Carries() : leg.Used())
            {
                leg.du = (holder.ru - folded[v] - holder.b * dz[v]) / holder.pivot;
            }
            if (!leg.Used())
            {
                continue;
            }
            leg.dl = (leg.rl - leg.t * step + leg.turned * leg.du) / (leg.curvature + leg.sum);
            finite = finite && std::isfinite(leg.du) && std::isfinite(leg.dl);
            for (int j = 0; j < 2; ++j)
            {
                if (leg.piece[j].used)
                {
                    leg.piece[j].Step(leg.d1[j] * leg.du - leg.dl);
                }
            }
        }
    }
    return finite;
}

/// @return longest step of a logarithm
double
WeightedTimesSolver::Work::Travel() const
{
    double most = 0;
    for (const auto& part : parts)
    {
        for (const Leg* leg : {&part.down, &part.up})
        {
            if (coupled ? part.Carries() : leg->Used())
            {
                most = std::max({most, std::abs(leg->du), std::abs(leg->dl)});
            }
        }
    }
    return most;
}

/// @return longest step to the boundary, at most 1 / TO_BOUNDARY
double
WeightedTimesSolver::Work::Longest() const
{
    double a = 1 / TO_BOUNDARY;
    const_cast<Work*>(this)->ForEach([&a](Constraint& c) { c.Limit(a); });
    const double most = Travel();
    return most * a > LONGEST ? LONGEST / most : a;
}

/// @param a step length
void
WeightedTimesSolver::Work::Move(double a)
{
    for (auto& part : parts)
    {
        for (Leg* leg : {&part.down, &part.up})
        {
            leg->u += a * leg->du;
            leg->l += a * leg->dl;
        }
    }
    for (auto& group : groups)
    {
        group.t += a * group.dt;
    }
    ForEach([a](Constraint& c) {
        if (c.used)
        {
            c.Move(a);
        }
    });
}

/// @return lower bound by the present multipliers. @param mismatch if not null: stationarity
double
WeightedTimesSolver::Work::Bound(double* mismatch)
{
    for (auto& group : groups)
    {
        group.sumZ = 0;
    }
    for (const auto& part : parts)
    {
        if (!deadline)
        {
            groups[part.g].sumZ += part.time.z;
        }
    }
    long double sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i)
    {
        const auto& part = parts[i];
        if (!part.time.used)
        {
            continue;
        }
        double mu = part.time.z;
        if (!deadline)
        {
            mu *= groups[part.g].weight / groups[part.g].sumZ;
        }
        double value = mu * (part.c - (deadline ? limit : 0));
        Inner inner[2];
        const Leg* legs[2] = {&part.down, &part.up};
        for (int d = 0; d < 2; ++d)
        {
            const int v = coupled ? 0 : d;
            if (legs[d]->Used())
            {
                inner[v].leg[coupled ? d : 0] = &legs[d]->law;
                inner[v].m[coupled ? d : 0] = legs[d]->cost + mu;
            }
            inner[v].price = budget[v].z;
            inner[v].from = best[v][i];
        }
        for (int v = 0; v < (coupled ? 1 : 2); ++v)
        {
            value += inner[v].Minimum(mismatch);
        }
        sum += value;
    }
    for (const auto& b : budget)
    {
        sum -= b.used ? b.z : 0;
    }
    return static_cast<double>(sum);
}

/// Fill the result. @param p the problem
void
WeightedTimesSolver::Work::Conclude(const WeightedTimesProblem& p)
{
    auto& r = result;
    const auto size = p.parts.size();
    const double hz[2] = {p.downlinkHz, coupled ? p.downlinkHz : p.uplinkHz};
    r.downlinkHz.resize(size);
    r.uplinkHz.resize(size);
    r.partS.resize(size);
    r.groupS.assign(deadline ? 1 : groups.size(), 0);
    r.cost = 0;
    double residual = 0;
    Bound(&residual);
    residual /= std::max(cost, 1e-300);
    for (std::size_t i = 0; i < size; ++i)
    {
        const auto& from = p.parts[i];
        r.downlinkHz[i] = best[0][i] * hz[0];
        r.uplinkHz[i] = coupled ? r.downlinkHz[i] : best[1][i] * hz[1];
        const auto time = [](double bits, const RateLaw& law, double b) {
            return bits > 0 ? bits / law.Rate(b) : 0;
        };
        const double d = time(from.downlinkBits, from.downlinkLaw, r.downlinkHz[i]);
        const double u = time(from.uplinkBits, from.uplinkLaw, r.uplinkHz[i]);
        r.partS[i] = from.constantS + d + u;
        r.cost += from.downlinkCost * d + from.uplinkCost * u;
        auto& end = r.groupS[deadline ? 0 : from.group];
        end = std::max(end, r.partS[i]);
    }
    for (std::size_t i = 0; i < size; ++i)
    {
        const double room = (deadline ? p.deadlineS : r.groupS[p.parts[i].group]) - r.partS[i];
        const double z = parts[i].time.used ? parts[i].time.z : 0;
        residual = std::max(residual, z * room / unitS / std::max(cost, 1e-300));
        residual = std::max(residual, deadline ? -room / p.deadlineS : 0);
    }
    for (std::size_t g = 0; g < groups.size(); ++g)
    {
        r.cost += p.weight[g] * r.groupS[g];
    }
    for (int v = 0; v < (coupled ? 1 : 2); ++v)
    {
        double sum = 0;
        for (const double share : best[v])
        {
            sum += share;
        }
        residual = std::max(residual, sum - 1);
    }
    r.downlinkPrice = budget[0].used ? budget[0].z * unitCost / hz[0] : 0;
    r.uplinkPrice = budget[1].used ? budget[1].z * unitCost / hz[1] : 0;
    r.residual = residual;
    r.lowerBound = std::min(std::max(lower * unitCost, 0.0), r.cost);
}

std::string
WeightedTimesParam::Check() const
{
    if (!(relativeGap > 0 && relativeGap < 1))
    {
        return "relativeGap is " + Text(relativeGap) + ", expected between 0 and 1";
    }
    if (maxIterations < 1)
    {
        return "maxIterations is " + std::to_string(maxIterations) + ", expected at least 1";
    }
    return "";
}

double
WeightedTimesResult::Gap() const
{
    return cost > 0 ? std::max(0.0, (cost - lowerBound) / cost) : 0;
}

WeightedTimesSolver::WeightedTimesSolver()
    : m_work(std::make_unique<Work>())
{
}

WeightedTimesSolver::~WeightedTimesSolver() = default;
WeightedTimesSolver::WeightedTimesSolver(WeightedTimesSolver&&) noexcept = default;
WeightedTimesSolver& WeightedTimesSolver::operator=(WeightedTimesSolver&&) noexcept = default;

const WeightedTimesResult&
WeightedTimesSolver::Solve(const WeightedTimesProblem& problem, const WeightedTimesParam& param)
{
    auto& w = *m_work;
    auto& r = w.result;
    r.status = AllocationStatus::INVALID;
    r.cost = r.lowerBound = r.residual = r.downlinkPrice = r.uplinkPrice = 0;
    r.iterations = 0;
    r.downlinkHz.clear();
    r.uplinkHz.clear();
    r.partS.clear();
    r.groupS.clear();
    r.message = param.Check();
    if (!r.message.empty() || !w.Check(problem))
    {
        return r;
    }
    if (!w.SetUp(problem))
    {
        r.message = "the start costs infinitely much or is late: bits, laws or bandwidths are out "
                    "of the range of doubles, or the start is not in time";
        return r;
    }
    // nothing to divide, or nothing that costs anything
    bool met = (!w.budget[0].used && !w.budget[1].used) || w.cost == 0;
    if (met)
    {
        w.lower = w.cost;
        w.budget[0].z = w.budget[1].z = 0;
    }
    else
    {
        w.Start();
    }
    int idle = 0;
    while (!met && r.iterations < param.maxIterations)
    {
        ++r.iterations;
        std::size_t count;
        const double mu = w.Complementarity(&count);
        if (!w.Direction(0, false))
        {
            break;
        }
        const double a = std::min(1.0, w.Longest());
        double after = 0;
        w.ForEach(
            [&](Constraint& c) { after += c.used ? (c.s + a * c.ds) * (c.z + a * c.dz) : 0; });
        after /= static_cast<double>(count);
        double sigma = std::pow(std::max(after, 0.0) / mu, 3);
        // while variables still move far, the products must not run ahead of them: a part that
        // becomes critical late could not raise its multiplier any more
        sigma = std::max(sigma, std::min(w.Travel() * TRAVEL, SIGMA));
        // second order terms of a long step that was cut say little
        if (!w.Direction(std::max(sigma, 1e-6) * mu, a > 0.1))
        {
            break;
        }
        w.Move(TO_BOUNDARY * w.Longest());
        w.Evaluate();
        // the gap is about this much; to know it exactly costs more than an iteration
        if (w.Complementarity(&count) * static_cast<double>(count) > 1e-5 &&
            r.iterations < param.maxIterations)
        {
            continue;
        }
        const double before = w.cost - w.lower;
        w.Candidate();
        w.lower = std::max(w.lower, w.Bound(nullptr));
        idle = w.cost - w.lower < before ? 0 : idle + 1;
        met = w.cost - w.lower <= param.relativeGap * w.cost;
        if (idle > 12 && mu < 1e-13)
        {
            break;
        }
    }
    w.Conclude(problem);
    r.status = met ? AllocationStatus::OPTIMAL : AllocationStatus::MAX_ITERATIONS;
    return r;
}

} // namespace wdmoe
