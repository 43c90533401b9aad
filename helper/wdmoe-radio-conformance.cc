/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// What the checks are made of; wdmoe-radio-conformance-checks.cc has the checks themselves.

#include "wdmoe-radio-conformance.h"

#include "wdmoe-radio-conformance-cell.h"
#include "wdmoe-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/command-line.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <sstream>
#include <utility>

namespace ns3
{

WdmoeRadioConformance::WdmoeRadioConformance(const std::string& name,
                                             const Factory& factory,
                                             const WdmoeRadioConformanceSettings& settings)
    : m_name(name),
      m_factory(factory),
      m_settings(settings)
{
    NS_ABORT_MSG_IF(settings.distances.size() < 2,
                    "WdmoeRadioConformance: " << settings.distances.size()
                                              << " distances; expected 2 or more, one for each "
                                                 "device: shares are between devices");
    NS_ABORT_MSG_IF(settings.windows == 0 || !settings.leastWindow.IsStrictlyPositive(),
                    "WdmoeRadioConformance: " << settings.windows << " windows of at least "
                                              << settings.leastWindow.As(Time::MS)
                                              << "; expected at least one, of some length");
    NS_ABORT_MSG_IF(settings.packetBytes < sizeof(uint64_t),
                    "WdmoeRadioConformance: packets of "
                        << settings.packetBytes << " bytes; expected at least " << sizeof(uint64_t)
                        << ", for their number");
}

WdmoeRadioConformance::WdmoeRadioConformance(const std::string& name,
                                             const WdmoeRadioHelper& helper,
                                             const WdmoeRadioConformanceSettings& settings)
    : WdmoeRadioConformance(
          name,
          [&helper](Ptr<Node> baseStation, const NodeContainer& devices) {
              return helper.Install(baseStation, devices);
          },
          settings)
{
}

// The results

void
WdmoeRadioConformance::Add(const std::string& what,
                           double measured,
                           char kind,
                           double expected,
                           double limit)
{
    WdmoeRadioConformanceResult r{m_check, what, expected, measured, limit, kind};
    // Written so that a NaN fails.
    r.passed = kind == '<'   ? measured <= expected + limit
               : kind == '>' ? measured >= expected - limit
                             : std::abs(measured - expected) <= limit;
    m_results.push_back(r);
}

void
WdmoeRadioConformance::Add(const std::string& what, bool is)
{
    Add(what, is, '=', 1, 0);
}

void
WdmoeRadioConformance::Skip(const std::string& why)
{
    WdmoeRadioConformanceResult r;
    r.check = m_check;
    r.skipped = why;
    r.passed = true;
    m_results.push_back(r);
}

bool
WdmoeRadioConformance::IsPassed(const Results& results)
{
    return !results.empty() &&
           std::all_of(results.begin(), results.end(), [](const auto& r) { return r.passed; });
}

void
WdmoeRadioConformance::Print(std::ostream& os, const Results& results)
{
    std::ostringstream out; // keeps the format of os as it is
    std::size_t width = 20;
    for (const auto& r : results)
    {
        width = std::max(width, r.what.size());
    }
    const auto w = static_cast<int>(width);
    out << std::left << std::setw(11) << "check" << std::setw(w) << "what" << std::right
        << std::setw(11) << "expected" << std::setw(11) << "measured" << std::setw(10) << "limit"
        << "\n";
    double worst = 0;
    for (const auto& r : results)
    {
        out << std::left << std::setw(11) << r.check;
        if (!r.skipped.empty())
        {
            out << "skipped: " << r.skipped << "\n";
            continue;
        }
        out << std::setw(w) << r.what << std::right << std::setprecision(4);
        if (r.kind == '=' && r.limit == 0 && r.expected == 1)
        {
            out << std::setw(11) << "yes" << std::setw(11) << (r.measured == 1 ? "yes" : "no")
                << std::setw(10) << "";
        }
        else
        {
            std::ostringstream expected;
            expected << std::setprecision(4) << (r.kind == '=' ? "" : std::string(1, r.kind) + " ")
                     << r.expected;
            out << std::setw(11) << expected.str() << std::setw(11) << r.measured << std::setw(10)
                << r.limit;
        }
        out << (r.passed ? "" : "  FAILED") << "\n";
        worst = r.isShare ? std::max(worst, std::abs(r.measured - r.expected)) : worst;
    }
    const auto count = [&](auto&& is) { return std::count_if(results.begin(), results.end(), is); };
    const auto skipped = count([](const auto& r) { return !r.skipped.empty(); });
    out << results.size() - skipped << " results, "
        << count([](const auto& r) { return !r.passed; }) << " failed, " << skipped
        << " skipped; largest error of a share " << worst << "\n";
    os << out.str();
}

void
WdmoeRadioConformance::PrintDeclared(std::ostream& os) const
{
    Cell cell(m_factory, m_settings);
    const auto c = cell.radio->GetCapabilities();
    const auto b = cell.radio->GetBudget();
    std::ostringstream out;
    out << m_name << ": share accuracy " << c.shareAccuracy << ", time constant "
        << c.timeConstant.As(Time::MS) << "; can be";
    for (const auto& [is, name] : {std::pair{c.strict, "strict"},
                                   {c.leftover, "divided by weight"},
                                   {c.priority, "ranked"},
                                   {c.expectUplink, "expected uplink"},
                                   {c.progress, "followed"},
                                   {c.lateDevices, "joined late"},
                                   {c.fullDuplex, "full duplex"}})
    {
        out << (is ? " " : " not ") << name << ",";
    }
    out << "\n    budget " << b.downlinkHz << " Hz down, " << b.uplinkHz << " Hz up"
        << (b.coupled ? ", coupled" : "") << "; delay " << c.downlinkDelay.As(Time::MS) << " down, "
        << c.uplinkDelay.As(Time::MS) << " up (" << c.uplinkRequestDelay.As(Time::MS)
        << " of it saved where expected), lead " << c.downlinkLead.As(Time::MS) << ", grants each "
        << c.grantPeriod.As(Time::MS) << "\n";
    os << out.str();
}

int
WdmoeRadioConformance::Main(int argc, char** argv)
{
    std::string check;
    std::string names;
    for (const auto& name : GetChecks())
    {
        names += (names.empty() ? "" : ", ") + name;
    }
    CommandLine cmd;
    cmd.Usage("Holds a radio to what WdmoeRadio asks of it and to what it declares.");
    cmd.AddValue("check", "one of " + names + "; empty: all", check);
    cmd.Parse(argc, argv);
    PrintDeclared(std::cout);
    const auto results = Run(check);
    Print(std::cout, results);
    return IsPassed(results) ? 0 : 1;
}

// What checks share

bool
WdmoeRadioConformance::Start(Cell& cell)
{
    const bool ready = cell.RunUntil([&] { return cell.radio->IsReady(); }, m_settings.readyTime);
    Add("becomes ready in time", ready);
    if (ready)
    {
        cell.WarmUp();
    }
    return ready;
}

Time
WdmoeRadioConformance::GetWindow(const WdmoeRadioCapabilities& capabilities) const
{
    return std::max(capabilities.timeConstant, m_settings.leastWindow);
}

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
                   capabilities.shareAccuracy,
                   !capabilities.strict || !alone);
        std::vector<double> rates; // by the laws, for the shares expected
        for (uint32_t k = 0; k < n; k++)
        {
            const auto& link = downlink ? states[k].downlink : states[k].uplink;
            rates.push_back(
                link.valid && expected[k] > 0
                    ? link.law.Rate(expected[k] * (downlink ? budget.downlinkHz : budget.uplinkHz))
                    : 0);
        }
        CheckDelivered(way, samples, rates, downlink, !alone || (!capabilities.strict && busy > 1));
    }
}

void
WdmoeRadioConformance::CheckUsage(const std::string& what,
                                  const std::vector<Sample>& samples,
                                  const std::vector<double>& expected,
                                  bool downlink,
                                  double hz,
                                  double accuracy,
                                  bool normalised)
{
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
    Add(worst.what, worst.measured, '=', worst.expected, accuracy + ROUNDING);
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
        std::max(accuracy, ROUNDING) * static_cast<double>(expected.size()));
}

void
WdmoeRadioConformance::CheckDelivered(const std::string& what,
                                      const std::vector<Sample>& samples,
                                      const std::vector<double>& rates,
                                      bool downlink,
                                      bool normalised)
{
    const auto& first = samples.front();
    const auto& last = samples.back();
    const double seconds = (last.when - first.when).GetSeconds();
    std::vector<double> ratios;
    std::vector<std::size_t> devices;
    for (std::size_t k = 0; k < rates.size(); k++)
    {
        if (rates[k] > 0)
        {
            devices.push_back(k);
            ratios.push_back((last.bits[!downlink][k] - first.bits[!downlink][k]) /
                             (seconds * rates[k]));
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
        worst = std::abs(ratios[i] - 1) <= std::abs(ratios[worst] - 1) ? worst : i;
    }
    Add(what + ": delivered by device " + std::to_string(devices[worst]) + " / its law",
        ratios[worst],
        '=',
        1,
        m_settings.rateTolerance);
}

} // namespace ns3
