/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The checks of everything but shares, and the table of all.

#include "wdmoe-radio-conformance-cell.h"
#include "wdmoe-radio-conformance.h"

#include "ns3/abort.h"
#include "ns3/ipv4-address.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

namespace ns3
{

namespace
{

/// Largest share accuracy that still means something between two devices
constexpr double WORST_ACCURACY = 0.5;

/// A share that is not checked
constexpr double ANY = std::numeric_limits<double>::quiet_NaN();

/**
 * @param state of a device
 * @return whether it can be served both ways
 */
bool
IsLinked(const WdmoeLinkState& state)
{
    return state.downlink.valid && state.uplink.valid;
}

/**
 * @param downlink direction
 * @return its name
 */
std::string
Way(bool downlink)
{
    return downlink ? "downlink" : "uplink";
}

} // namespace

/// The checks by their names
struct WdmoeRadioConformanceCheck
{
    const char* name;                     ///< for users
    void (WdmoeRadioConformance::*run)(); ///< what it does
};

const std::vector<WdmoeRadioConformanceCheck>&
WdmoeRadioConformance::GetTable()
{
    static const std::vector<WdmoeRadioConformanceCheck> table{
        {"devices", &WdmoeRadioConformance::CheckDevices},
        {"state", &WdmoeRadioConformance::CheckState},
        {"shares", &WdmoeRadioConformance::CheckShares},
        {"strict", &WdmoeRadioConformance::CheckStrict},
        {"leftover", &WdmoeRadioConformance::CheckLeftover},
        {"priority", &WdmoeRadioConformance::CheckPriority},
        {"change", &WdmoeRadioConformance::CheckChange},
        {"zero", &WdmoeRadioConformance::CheckZero},
        {"lost", &WdmoeRadioConformance::CheckLost},
        {"removed", &WdmoeRadioConformance::CheckRemoved},
        {"late", &WdmoeRadioConformance::CheckLate},
        {"progress", &WdmoeRadioConformance::CheckProgress},
        {"expect", &WdmoeRadioConformance::CheckExpect},
        {"repetition", &WdmoeRadioConformance::CheckRepetition},
    };
    return table;
}

std::vector<std::string>
WdmoeRadioConformance::GetChecks()
{
    std::vector<std::string> names;
    for (const auto& check : GetTable())
    {
        names.emplace_back(check.name);
    }
    return names;
}

WdmoeRadioConformance::Results
WdmoeRadioConformance::Run(const std::string& check)
{
    m_results.clear();
    std::string names;
    for (const auto& c : GetTable())
    {
        names += (names.empty() ? "" : ", ") + std::string(c.name);
        if (check.empty() || check == c.name)
        {
            m_check = c.name;
            (this->*c.run)();
        }
    }
    NS_ABORT_MSG_IF(m_results.empty(),
                    "WdmoeRadioConformance: there is no check '" << check << "'; expected one of "
                                                                 << names);
    return m_results;
}

bool
WdmoeRadioConformance::Enforces(const Cell& cell)
{
    const auto capabilities = cell.radio->GetCapabilities();
    const auto cells = cell.radio->GetCells().size();
    if (cells > 1)
    {
        Skip("it joins " + std::to_string(cells) + " cells, whose radios are checked one by one");
        return false;
    }
    if (capabilities.shareAccuracy < WORST_ACCURACY)
    {
        return true;
    }
    Skip("it declares that it does not enforce plans: shares may be wrong by " +
         std::to_string(capabilities.shareAccuracy));
    return false;
}

void
WdmoeRadioConformance::CheckDevices()
{
    Cell cell(m_factory, m_settings);
    auto radio = cell.radio;
    const auto n = static_cast<uint32_t>(m_settings.distances.size());
    Add("all devices are in it", radio->GetNDevices() == n);
    Add("it has a name and a server node", !radio->GetName().empty() && radio->GetServerNode());
    const auto budget = radio->GetBudget();
    Add("there is something to divide",
        budget.downlinkHz > 0 && budget.uplinkHz > 0 && std::isfinite(budget.downlinkHz) &&
            std::isfinite(budget.uplinkHz));
    Add("coupled directions have one budget",
        !budget.coupled || budget.downlinkHz == budget.uplinkHz);
    const auto c = radio->GetCapabilities();
    Add("what it declares makes sense",
        c.shareAccuracy >= 0 && c.shareAccuracy <= 1 && !c.timeConstant.IsStrictlyNegative() &&
            !c.uplinkRequestDelay.IsStrictlyNegative() && c.uplinkRequestDelay <= c.uplinkDelay &&
            (!c.progress || c.grantPeriod.IsStrictlyPositive()) && (!c.priority || c.leftover));
    if (radio->GetNDevices() != n || !Start(cell))
    {
        return;
    }
    std::set<Ipv4Address> addresses;
    std::vector<uint32_t> inCells(n, 0);
    bool same = true;
    for (uint32_t k = 0; k < n; k++)
    {
        same = same && radio->GetDevice(k) == cell.devices.Get(k) && !radio->IsRemoved(k);
        addresses.insert(Ipv4Address::ConvertFrom(radio->GetDeviceAddress(k)));
    }
    Add("indices are in the order of the nodes", same);
    Add("addresses differ", addresses.size() == n);
    bool right = true;
    for (const auto& part : radio->GetCells())
    {
        for (uint32_t i = 0; i < part.devices.size(); i++)
        {
            right = right && part.radio && part.devices[i] < n && i < part.radio->GetNDevices() &&
                    part.radio->GetDevice(i) == radio->GetDevice(part.devices[i]);
            if (part.devices[i] < n)
            {
                inCells[part.devices[i]]++;
            }
        }
    }
    Add("each device is in one cell",
        right && std::all_of(inCells.begin(), inCells.end(), [](auto in) { return in == 1; }));
    // Before any plan
    const auto before = cell.Take();
    for (uint32_t k = 0; k < n; k++)
    {
        cell.Send(k, true, BURST);
        cell.Send(k, false, BURST);
    }
    cell.Drain(m_settings.readyTime);
    const auto after = cell.Take();
    for (const bool downlink : {true, false})
    {
        uint64_t least = BURST;
        bool used = true;
        for (uint32_t k = 0; k < n; k++)
        {
            least = std::min(least, cell.GetFlow(k, downlink).received);
            used = used && (downlink ? after.usage[k].downlinkHzS > before.usage[k].downlinkHzS
                                     : after.usage[k].uplinkHzS > before.usage[k].uplinkHzS);
        }
        Add("packets of " + std::to_string(BURST) + " that arrive, " + Way(downlink),
            static_cast<double>(least),
            '=',
            BURST,
            0);
        Add("usage says so, " + Way(downlink), used);
    }
}

void
WdmoeRadioConformance::CheckState()
{
    Cell cell(m_factory, m_settings);
    if (!Start(cell))
    {
        return;
    }
    const auto window = GetWindow(cell.radio->GetCapabilities());
    const auto n = cell.radio->GetNDevices();
    for (const uint32_t k : {0U, n - 1})
    {
        for (const bool downlink : {true, false})
        {
            const std::string what = "device " + std::to_string(k) + ", " + Way(downlink) + ": ";
            auto shares = std::vector<WdmoeShare>(n);
            shares[k].guaranteed = 1;
            cell.radio->Measure();
            cell.radio->SetPlan({shares, shares});
            const double predicted = cell.GetRate(k, downlink);
            cell.Saturate(k, downlink, true);
            cell.Run(std::max(2 * window, MilliSeconds(100)));
            const auto first = cell.Take();
            cell.Run(std::max(3 * window, MilliSeconds(200)));
            const auto last = cell.Take();
            cell.radio->Measure();
            const auto state = cell.radio->GetLinkState(k);
            const auto& link = downlink ? state.downlink : state.uplink;
            Add(what + "valid", link.valid && link.law.IsValid());
            Add(what + "age, s",
                (Simulator::Now() - link.when).GetSeconds(),
                '<',
                0,
                m_settings.stateAge.GetSeconds());
            Add(what + "its time has come", link.when <= Simulator::Now());
            Add(what + "variance is a number",
                std::isfinite(link.relativeVariance) && link.relativeVariance >= 0);
            const double got = (last.bits[!downlink][k] - first.bits[!downlink][k]) /
                               (last.when - first.when).GetSeconds();
            Add(what + "delivered alone / its law, before",
                got / predicted,
                '=',
                1,
                m_settings.rateTolerance);
            Add(what + "delivered alone / its law, after",
                got / cell.GetRate(k, downlink),
                '=',
                1,
                m_settings.rateTolerance);
            cell.Drain(Seconds(1));
        }
    }
}

void
WdmoeRadioConformance::CheckLost()
{
    if (m_settings.lostDistance <= 0)
    {
        return Skip("nowhere is a device out of range (lostDistance of the settings)");
    }
    Cell cell(m_factory, m_settings);
    if (!Start(cell))
    {
        return;
    }
    const auto n = static_cast<uint32_t>(m_settings.distances.size());
    const auto shares = Descending(n);
    cell.radio->SetPlan({shares, shares});
    const auto look = [&] {
        cell.radio->Measure();
        return IsLinked(cell.radio->GetLinkState(0));
    };
    for (uint32_t k = 0; k < n; k++)
    {
        cell.Saturate(k, true, true);
        cell.Saturate(k, false, true);
    }
    cell.Run(GetWindow(cell.radio->GetCapabilities()));
    Add("valid before", look());
    cell.Place(0, m_settings.lostDistance);
    Time begin = Simulator::Now();
    Add("invalid when out of range", cell.RunUntil([&] { return !look(); }, m_settings.lostTime));
    Add("noticed after, s",
        (Simulator::Now() - begin).GetSeconds(),
        '<',
        0,
        m_settings.lostTime.GetSeconds());
    const bool enforces = Enforces(cell);
    if (enforces)
    {
        std::vector<double> others;
        for (const auto& s : shares)
        {
            others.push_back(others.empty() ? ANY : s.guaranteed);
        }
        Measure(cell, {.what = "the others", .shares = shares, .expected = others});
    }
    // What was sent meanwhile may be lost, or come late; what is sent now has to come.
    cell.Drain(MilliSeconds(100));
    cell.Place(0, m_settings.distances[0]);
    begin = Simulator::Now();
    cell.Saturate(0, true, true);
    cell.Saturate(0, false, true);
    Add("valid when back", cell.RunUntil(look, m_settings.lostTime + m_settings.readyTime));
    const uint64_t before[2] = {cell.GetFlow(0, true).sent, cell.GetFlow(0, false).sent};
    Add("served when back",
        cell.RunUntil(
            [&] {
                return cell.GetFlow(0, true).next > before[0] &&
                       cell.GetFlow(0, false).next > before[1];
            },
            m_settings.readyTime));
    Add("all are ready", cell.radio->IsReady());
    cell.Run(std::max(GetWindow(cell.radio->GetCapabilities()), m_settings.stateAge));
    if (enforces)
    {
        Measure(cell, {.what = "all, when it is back", .shares = shares});
    }
}

void
WdmoeRadioConformance::CheckRemoved()
{
    Cell cell(m_factory, m_settings);
    auto radio = cell.radio;
    if (!Start(cell))
    {
        return;
    }
    const auto n = static_cast<uint32_t>(m_settings.distances.size());
    const auto shares = Descending(n);
    radio->SetPlan({shares, shares});
    radio->RemoveDevice(0);
    radio->Measure();
    Add("is not there", radio->IsRemoved(0) && !IsLinked(radio->GetLinkState(0)));
    Add("indices stay", radio->GetNDevices() == n && IsLinked(radio->GetLinkState(1)));
    Add("has no share",
        radio->GetPlan().downlink[0].guaranteed == 0 && radio->GetPlan().uplink[0].guaranteed == 0);
    radio->ExpectUplink(0, 1000, Simulator::Now()); // says nothing
    const bool enforces = Enforces(cell);
    if (enforces)
    {
        // Its applications do not know it.
        std::vector<double> others;
        for (const auto& s : shares)
        {
            others.push_back(others.empty() ? 0 : s.guaranteed);
        }
        Measure(cell, {.what = "the others", .shares = shares, .expected = others});
        cell.Drain(MilliSeconds(200));
    }
    Add("comes back with its index", radio->AddDevice(radio->GetDevice(0)) == 0);
    Add("valid when back",
        cell.RunUntil([&] { return IsLinked(radio->GetLinkState(0)) && radio->IsReady(); },
                      m_settings.readyTime));
    if (enforces)
    {
        Measure(cell, {.what = "all, when it is back", .shares = shares});
    }
}

void
WdmoeRadioConformance::CheckLate()
{
    Cell cell(m_factory, m_settings);
    if (!cell.radio->GetCapabilities().lateDevices)
    {
        return Skip("it declares that all devices are there from the beginning (lateDevices)");
    }
    if (!Start(cell))
    {
        return;
    }
    const auto n = static_cast<uint32_t>(m_settings.distances.size());
    const auto before = Equal(n, 0);
    cell.radio->SetPlan({before, before});
    auto node = Cell::MakeNode(m_settings.distances.back(), m_settings.height);
    cell.devices.Add(node);
    Add("has the next index",
        cell.radio->AddDevice(node) == n && cell.radio->GetNDevices() == n + 1);
    cell.Connect(n);
    cell.Saturate(n, true, true);
    cell.Saturate(n, false, true);
    Add("joins in time",
        cell.RunUntil(
            [&] { return IsLinked(cell.radio->GetLinkState(n)) && cell.radio->IsReady(); },
            m_settings.readyTime));
    cell.Drain(MilliSeconds(200));
    if (Enforces(cell))
    {
        auto shares = Descending(n + 1);
        std::swap(shares.front(), shares.back()); // most for the new one
        Measure(cell, {.what = "one more", .shares = shares});
    }
    Add("is served", cell.GetFlow(n, true).received > 0 && cell.GetFlow(n, false).received > 0);
}

void
WdmoeRadioConformance::CheckProgress()
{
    Cell cell(m_factory, m_settings);
    const auto c = cell.radio->GetCapabilities();
    if (!c.progress)
    {
        return Skip("it declares that it does not tell what is on its way (progress)");
    }
    if (!Start(cell))
    {
        return;
    }
    const auto n = static_cast<uint32_t>(m_settings.distances.size());
    const auto shares = Equal(n, c.leftover ? 1 : 0);
    cell.radio->SetPlan({shares, shares});
    std::vector<double> bytes(2 * n, 0);
    std::vector<Time> last(2 * n, Time(-1));
    Time gap = Time::Max();
    cell.radio->TraceConnectWithoutContext(
        "Grant",
        Callback<void, uint32_t, bool, uint32_t>([&](uint32_t k, bool downlink, uint32_t b) {
            auto& when = last.at(2 * k + !downlink);
            gap = when < Time(0) ? gap : std::min(gap, Simulator::Now() - when);
            when = Simulator::Now();
            bytes[2 * k + !downlink] += b;
        }));
    std::vector<uint64_t> sent;
    for (uint32_t i = 0; i < 2 * n; i++)
    {
        sent.push_back(cell.GetFlow(i / 2, i % 2 == 0).sent);
        cell.Send(i / 2, i % 2 == 0, 5 * BURST);
    }
    Add("all arrive", cell.Drain(Seconds(10)));
    for (const bool downlink : {true, false})
    {
        double worst = 1;
        for (uint32_t k = 0; k < n; k++)
        {
            const double ratio = bytes[2 * k + !downlink] / (5 * BURST * GetPacketBits() / 8);
            worst = std::abs(ratio - 1) > std::abs(worst - 1) ? ratio : worst;
        }
        Add("bytes in Grant / bytes sent, " + Way(downlink),
            worst,
            '=',
            1,
            downlink ? m_settings.progressTolerance : m_settings.reportTolerance);
    }
    Add("least time between grants, ms",
        gap.GetSeconds() * 1e3,
        '>',
        c.grantPeriod.GetSeconds() * 1e3,
        ROUNDING);
    cell.Run(MilliSeconds(50));
    cell.Send(0, true, 1);
    cell.Drain(Seconds(1));
    Add("from Grant to arrival, downlink, ms",
        (cell.GetFlow(0, true).last - last[0]).GetSeconds() * 1e3,
        '=',
        c.downlinkLead.GetSeconds() * 1e3,
        c.grantPeriod.GetSeconds() * 1e3);
}

void
WdmoeRadioConformance::CheckExpect()
{
    Cell cell(m_factory, m_settings);
    if (!Start(cell))
    {
        return;
    }
    const auto c = cell.radio->GetCapabilities();
    auto shares = std::vector<WdmoeShare>(m_settings.distances.size());
    shares[0].guaranteed = 1;
    cell.radio->Measure();
    cell.radio->SetPlan({shares, shares});
    constexpr int times = 10;
    constexpr uint32_t payload = 100;
    // Downlink, uplink, uplink expected
    std::vector<double> delays[3];
    for (int i = 0; i < times; i++)
    {
        for (int kind = 0; kind < 3; kind++)
        {
            // At another moment of whatever period there may be
            cell.Run(MilliSeconds(40) + MicroSeconds(730) * (i + 3 * kind));
            if (kind == 2)
            {
                cell.radio->ExpectUplink(0, payload + HEADERS, Simulator::Now() + MilliSeconds(20));
            }
            cell.Run(MilliSeconds(20));
            const Time begin = Simulator::Now();
            cell.Send(0, kind == 0, 1, payload);
            if (!cell.Drain(Seconds(1)))
            {
                return Add("a lone packet arrives", false);
            }
            delays[kind].push_back((cell.GetFlow(0, kind == 0).last - begin).GetSeconds());
        }
    }
    // What is declared is typical: not the one that met a beacon, or a probe.
    double median[3];
    for (int kind = 0; kind < 3; kind++)
    {
        std::sort(delays[kind].begin(), delays[kind].end());
        median[kind] = (delays[kind][(times - 1) / 2] + delays[kind][times / 2]) / 2;
    }
    // A declared delay is what a transfer takes beyond its bits by the law. A sender that goes by a
    // rate lets a packet go before or after the time that its bits take: that much is not known.
    const auto add = [&](const std::string& what, double measured, Time declared, bool downlink) {
        const double rate = cell.GetRate(0, downlink);
        const double ms = declared.GetSeconds() * 1e3;
        Add("delay of a lone packet beyond its bits, " + what + ", ms",
            1e3 * (measured - 8.0 * (payload + HEADERS) / rate),
            '=',
            ms,
            m_settings.delayTolerance * ms + 1e3 * GetPacketBits() / rate);
    };
    add("downlink", median[0], c.downlinkDelay, true);
    add("uplink", median[1], c.uplinkDelay, false);
    add("uplink expected",
        median[2],
        c.uplinkDelay - (c.expectUplink ? c.uplinkRequestDelay : Time(0)),
        false);
    // A hint may make a device wait for the next grant in place of what it would do by itself.
    Add("what expecting it costs, ms",
        1e3 * (median[2] - median[1]),
        '<',
        c.expectUplink && c.progress ? c.grantPeriod.GetSeconds() * 1e3 : 0,
        1e3 * GetPacketBits() / cell.GetRate(0, false));
    if (!c.expectUplink)
    {
        Skip("it declares that expecting uplink has no effect (expectUplink): it does no harm");
    }
}

void
WdmoeRadioConformance::CheckRepetition()
{
    uint64_t prints[2] = {0, 0};
    uint64_t packets = 0;
    for (auto& print : prints)
    {
        Cell cell(m_factory, m_settings);
        if (!Start(cell))
        {
            return;
        }
        const auto n = static_cast<uint32_t>(m_settings.distances.size());
        const auto shares = Equal(n, 0);
        cell.radio->Measure();
        cell.radio->SetPlan({shares, shares});
        for (uint32_t k = 0; k < n; k++)
        {
            cell.Saturate(k, true, true);
            cell.Saturate(k, false, true);
        }
        cell.Run(MilliSeconds(200));
        print = cell.GetFingerprint();
        packets = cell.GetFlow(0, true).received;
    }
    Add("packets arrive", packets > 0);
    Add("each at the same time as before", prints[0] == prints[1]);
}

} // namespace ns3
