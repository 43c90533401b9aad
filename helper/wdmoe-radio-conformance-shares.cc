/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The checks of shares: plans under load, and what was granted and delivered.

#include "wdmoe-radio-conformance-cell.h"
#include "wdmoe-radio-conformance.h"

#include "ns3/random-variable-stream.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ns3
{

namespace
{

/**
 * @param shares of a plan
 * @return the other way round
 */
std::vector<WdmoeShare>
Reversed(std::vector<WdmoeShare> shares)
{
    std::reverse(shares.begin(), shares.end());
    return shares;
}

} // namespace

std::vector<WdmoeShare>
WdmoeRadioConformance::Descending(std::size_t devices)
{
    std::vector<WdmoeShare> shares;
    for (std::size_t k = 0; k < devices; k++)
    {
        shares.push_back(
            {2.0 * static_cast<double>(devices - k) / static_cast<double>(devices * (devices + 1)),
             0,
             0});
    }
    return shares;
}

std::vector<WdmoeShare>
WdmoeRadioConformance::Equal(std::size_t devices, double weight)
{
    return std::vector<WdmoeShare>(devices, {1.0 / static_cast<double>(devices), weight, 0});
}

void
WdmoeRadioConformance::Measure(Cell& cell, const Request& request)
{
    const auto capabilities = cell.radio->GetCapabilities();
    const Time window = GetWindow(capabilities);
    auto uplinkShares = request.uplink.empty() ? request.shares : request.uplink;
    cell.radio->Measure();
    cell.radio->SetPlan({request.shares, uplinkShares});
    const auto n = static_cast<uint32_t>(request.shares.size());
    std::vector<WdmoeLinkState> states;
    cell.SaturateNone();
    for (uint32_t k = 0; k < n; k++)
    {
        states.push_back(cell.radio->GetLinkState(k));
        const bool busy =
            request.busy.empty() ||
            std::find(request.busy.begin(), request.busy.end(), k) != request.busy.end();
        cell.Saturate(k, true, busy && request.ways != UP);
        cell.Saturate(k, false, busy && request.ways != DOWN);
    }
    cell.Run(window); // new shares hold after that
    std::vector<Sample> samples{cell.Take()};
    for (uint32_t i = 0; i < m_settings.windows; i++)
    {
        cell.Run(window);
        samples.push_back(cell.Take());
    }
    const auto busy = request.busy.empty() ? n : request.busy.size();
    const bool alone = request.ways != BOTH || capabilities.fullDuplex;
    for (const bool downlink : {true, false})
    {
        if (request.ways == (downlink ? UP : DOWN))
        {
            continue;
        }
        std::vector<double> expected = request.expected;
        for (const auto& s : downlink ? request.shares : uplinkShares)
        {
            if (request.expected.empty())
            {
                expected.push_back(s.guaranteed);
            }
        }
        const auto budget = cell.radio->GetBudget();
        const std::string way = request.what + (downlink ? ", downlink" : ", uplink");
        CheckUsage(way,
                   samples,
                   expected,
                   downlink,
                   downlink ? budget.downlinkHz : budget.uplinkHz,
                   capabilities,
                   !alone);
        std::vector<double> rates; // by the laws, for the shares expected
        for (uint32_t k = 0; k < n; k++)
        {
            const auto& link = downlink ? states[k].downlink : states[k].uplink;
            rates.push_back(
                link.valid && expected[k] > 0
                    ? link.law.Rate(expected[k] * (downlink ? budget.downlinkHz : budget.uplinkHz))
                    : 0);
        }
        CheckDelivered(way,
                       samples,
                       rates,
                       expected,
                       capabilities.shareAccuracy,
                       downlink,
                       !alone || (!capabilities.strict && busy > 1));
    }
}

void
WdmoeRadioConformance::CheckUsage(const std::string& what,
                                  const std::vector<Sample>& samples,
                                  const std::vector<double>& expected,
                                  bool downlink,
                                  double hz,
                                  const WdmoeRadioCapabilities& capabilities,
                                  bool both)
{
    const bool normalised = !capabilities.strict || both;
    // What a strict radio declares is of the budget, of which each direction has half if both have
    // something to send.
    const double limit = capabilities.shareAccuracy * (capabilities.strict && both ? 2 : 1);
    // Of several windows and devices the one that is furthest off.
    WdmoeRadioConformanceResult worst;
    double worstError = -1;
    double most = 0;
    for (std::size_t i = 1; i < samples.size(); i++)
    {
        const double seconds = (samples[i].when - samples[i - 1].when).GetSeconds();
        std::vector<double> shares;
        double all = 0;
        double sum = 0;
        double wanted = 0;
        for (std::size_t k = 0; k < expected.size(); k++)
        {
            const auto& a = samples[i - 1].usage[k];
            const auto& b = samples[i].usage[k];
            shares.push_back(
                (downlink ? b.downlinkHzS - a.downlinkHzS : b.uplinkHzS - a.uplinkHzS) /
                (hz * seconds));
            all += shares.back();
            if (!std::isnan(expected[k]))
            {
                sum += shares.back();
                wanted += expected[k];
            }
        }
        most = std::max(most, all);
        for (std::size_t k = 0; k < expected.size(); k++)
        {
            if (std::isnan(expected[k]))
            {
                continue; // whatever it has
            }
            const double share = normalised ? shares[k] / sum : shares[k];
            const double right = normalised ? expected[k] / wanted : expected[k];
            const double error = std::abs(share - right);
            if (!(error <= worstError)) // a NaN is the worst of all
            {
                worstError = error;
                worst.expected = right;
                worst.measured = share;
                worst.what = what + ": device " + std::to_string(k);
            }
        }
    }
    Add(worst.what, worst.measured, '=', worst.expected, limit + ROUNDING);
    m_results.back().isShare = true;
    const auto& first = samples.front();
    const auto& last = samples.back();
    double total = 0;
    for (std::size_t k = 0; k < last.usage.size(); k++)
    {
        const double before = k < first.usage.size() ? (downlink ? first.usage[k].downlinkHzS
                                                                 : first.usage[k].uplinkHzS)
                                                     : 0;
        total += (downlink ? last.usage[k].downlinkHzS : last.usage[k].uplinkHzS) - before;
    }
    // What was granted at the edge of the interval may lie beyond it.
    Add(what + ": granted in all",
        total / (hz * (last.when - first.when).GetSeconds()),
        '<',
        1,
        std::max(capabilities.shareAccuracy, ROUNDING) * static_cast<double>(expected.size()));
}

void
WdmoeRadioConformance::CheckDelivered(const std::string& what,
                                      const std::vector<Sample>& samples,
                                      const std::vector<double>& rates,
                                      const std::vector<double>& expected,
                                      double accuracy,
                                      bool downlink,
                                      bool normalised)
{
    const auto& first = samples.front();
    const auto& last = samples.back();
    const double seconds = (last.when - first.when).GetSeconds();
    const auto windows = static_cast<double>(samples.size() - 1);
    std::vector<double> ratios;
    std::vector<double> limits;
    std::vector<std::size_t> devices;
    for (std::size_t k = 0; k < rates.size(); k++)
    {
        if (rates[k] > 0)
        {
            devices.push_back(k);
            const double bits = seconds * rates[k];
            ratios.push_back((last.bits[!downlink][k] - first.bits[!downlink][k]) / bits);
            // Not an error of the law: what a share may be off at the ends of the interval, where
            // windows in between make up for one another, or, if that is less, the packet that
            // each end cuts in two.
            limits.push_back(m_settings.rateTolerance +
                             std::max(accuracy / (expected[k] * windows), GetPacketBits() / bits));
        }
    }
    if (ratios.empty())
    {
        Add(what + ": has a rate law", false);
        return;
    }
    const double mean =
        std::accumulate(ratios.begin(), ratios.end(), 0.0) / static_cast<double>(ratios.size());
    std::size_t worst = 0;
    for (auto& r : ratios)
    {
        r = normalised ? r / mean : r;
    }
    for (std::size_t i = 0; i < ratios.size(); i++)
    {
        const double error = std::abs(ratios[i] - 1) / limits[i];
        worst = error <= std::abs(ratios[worst] - 1) / limits[worst] ? worst : i;
    }
    Add(what + ": delivered by device " + std::to_string(devices[worst]) + " / its law",
        ratios[worst],
        '=',
        1,
        limits[worst]);
}

void
WdmoeRadioConformance::CheckShares()
{
    Cell cell(m_factory, m_settings);
    if (!Enforces(cell) || !Start(cell))
    {
        return;
    }
    const auto n = m_settings.distances.size();
    const auto shares = Descending(n);
    const bool coupled = cell.radio->GetBudget().coupled;
    Measure(cell, {.what = "all, alone", .shares = shares, .ways = DOWN});
    cell.Drain(Seconds(1));
    Measure(cell, {.what = "all, alone", .shares = shares, .ways = UP});
    cell.Drain(Seconds(1));
    Measure(
        cell,
        {.what = "both at once", .shares = shares, .uplink = coupled ? shares : Reversed(shares)});
    cell.Drain(Seconds(1));
    auto random = CreateObject<UniformRandomVariable>();
    random->SetStream(2000);
    std::vector<WdmoeShare> drawn[2];
    for (auto& d : drawn)
    {
        double sum = 0;
        for (std::size_t k = 0; k < n; k++)
        {
            d.push_back({random->GetValue(0.1, 1), 0, 0});
            sum += d.back().guaranteed;
        }
        for (auto& s : d)
        {
            s.guaranteed /= sum;
        }
    }
    Measure(cell, {.what = "random shares", .shares = drawn[0], .uplink = drawn[coupled ? 0 : 1]});
}

void
WdmoeRadioConformance::CheckStrict()
{
    Cell cell(m_factory, m_settings);
    const auto capabilities = cell.radio->GetCapabilities();
    if (!capabilities.strict)
    {
        return Skip("it declares that it does not leave unused shares empty (strict)");
    }
    if (!Enforces(cell) || !Start(cell))
    {
        return;
    }
    // The others have theirs, and do not need it.
    Measure(cell,
            {.what = "one alone with a small share",
             .shares = Reversed(Descending(m_settings.distances.size())),
             .busy = {0},
             .expected = [n = m_settings.distances.size()] {
                 std::vector<double> expected(n, 0);
                 expected[0] = Descending(n).back().guaranteed;
                 return expected;
             }()});
}

void
WdmoeRadioConformance::CheckLeftover()
{
    Cell cell(m_factory, m_settings);
    const auto capabilities = cell.radio->GetCapabilities();
    if (!capabilities.leftover)
    {
        return Skip("it declares that it does not divide the leftover by weight (leftover)");
    }
    if (!Enforces(cell) || !Start(cell))
    {
        return;
    }
    const auto n = m_settings.distances.size();
    std::vector<double> one(n, 0);
    one[0] = 1;
    for (const auto ways : {DOWN, UP})
    {
        Measure(cell,
                {.what = "all that others leave",
                 .shares = Equal(n, 1),
                 .ways = ways,
                 .busy = {0},
                 .expected = one});
        cell.Drain(Seconds(1));
    }
    auto weighted = std::vector<WdmoeShare>(n, {0, 1, 0});
    weighted[0].weight = 3;
    std::vector<double> expected(n, 0);
    expected[0] = 0.75;
    expected[1] = 0.25;
    Measure(cell,
            {.what = "weights 3:1", .shares = weighted, .busy = {0, 1}, .expected = expected});
}

void
WdmoeRadioConformance::CheckPriority()
{
    Cell cell(m_factory, m_settings);
    const auto capabilities = cell.radio->GetCapabilities();
    if (!capabilities.priority)
    {
        return Skip("it declares that it knows no priorities (priority)");
    }
    if (!Enforces(cell) || !Start(cell))
    {
        return;
    }
    const auto n = m_settings.distances.size();
    auto ranked = std::vector<WdmoeShare>(n, {0, 1, 0});
    ranked[1].priority = 1;
    std::vector<double> first(n, 0);
    first[1] = 1;
    std::vector<double> second(n, 0);
    second[0] = 1;
    for (const auto ways : {DOWN, UP})
    {
        Measure(cell,
                {.what = "the higher of two",
                 .shares = ranked,
                 .ways = ways,
                 .busy = {0, 1},
                 .expected = first});
        cell.Drain(Seconds(1));
        Measure(cell,
                {.what = "the lower, alone",
                 .shares = ranked,
                 .ways = ways,
                 .busy = {0},
                 .expected = second});
        cell.Drain(Seconds(1));
    }
}

void
WdmoeRadioConformance::CheckChange()
{
    Cell cell(m_factory, m_settings);
    if (!Enforces(cell) || !Start(cell))
    {
        return;
    }
    const auto shares = Descending(m_settings.distances.size());
    Measure(cell, {.what = "before the change", .shares = shares});
    Measure(cell, {.what = "a time constant after it", .shares = Reversed(shares)});
}

void
WdmoeRadioConformance::CheckZero()
{
    Cell cell(m_factory, m_settings);
    const auto capabilities = cell.radio->GetCapabilities();
    if (!Enforces(cell) || !Start(cell))
    {
        return;
    }
    const auto n = static_cast<uint32_t>(m_settings.distances.size());
    auto shares = Equal(n, 0);
    shares[0] = {};
    cell.radio->SetPlan({shares, shares});
    const Time window = GetWindow(capabilities);
    cell.Run(window);
    for (uint32_t k = 1; k < n && !capabilities.strict; k++)
    {
        // Who shares what is left over may have it where nobody else wants it.
        cell.Saturate(k, true, true);
        cell.Saturate(k, false, true);
    }
    cell.Run(window);
    cell.Send(0, true, BURST);
    cell.Send(0, false, BURST);
    const auto first = cell.Take();
    cell.Run(m_settings.windows * window);
    const auto last = cell.Take();
    const auto budget = cell.radio->GetBudget();
    const double seconds = (last.when - first.when).GetSeconds();
    const auto at = [&](const Sample& sample, uint32_t k, bool downlink) {
        return downlink ? sample.usage[k].downlinkHzS : sample.usage[k].uplinkHzS;
    };
    for (const bool downlink : {true, false})
    {
        double all = 0;
        for (uint32_t k = 0; k < n; k++)
        {
            all += at(last, k, downlink) - at(first, k, downlink);
        }
        const double of =
            capabilities.strict ? (downlink ? budget.downlinkHz : budget.uplinkHz) * seconds : all;
        Add(std::string("without a share, ") + (downlink ? "downlink" : "uplink"),
            (at(last, 0, downlink) - at(first, 0, downlink)) / of,
            '<',
            0,
            capabilities.shareAccuracy + ROUNDING);
        m_results.back().isShare = true;
        if (capabilities.strict)
        {
            Add(std::string("packets that come through all the same, ") +
                    (downlink ? "downlink" : "uplink"),
                static_cast<double>(cell.GetFlow(0, downlink).received),
                '=',
                0,
                0);
        }
    }
    shares = Equal(n, 0);
    cell.radio->SetPlan({shares, shares});
    cell.Drain(m_settings.readyTime);
    for (const bool downlink : {true, false})
    {
        Add(std::string("packets that come once there is one, ") +
                (downlink ? "downlink" : "uplink"),
            static_cast<double>(cell.GetFlow(0, downlink).received),
            '=',
            BURST,
            0);
    }
}

} // namespace ns3
