/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// What the checks are made of; the checks themselves are in
// wdmoe-radio-conformance-checks.cc and, of shares, wdmoe-radio-conformance-shares.cc.

#include "wdmoe-radio-conformance.h"

#include "wdmoe-radio-conformance-cell.h"
#include "wdmoe-radio-helper.h"

#include "ns3/abort.h"
#include "ns3/command-line.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
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

double
WdmoeRadioConformance::GetPacketBits() const
{
    return 8.0 * (m_settings.packetBytes + HEADERS);
}

} // namespace ns3
