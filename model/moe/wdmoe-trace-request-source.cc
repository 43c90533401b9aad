/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-trace-request-source.h"

#include "wdmoe-data-file.h"
#include "wdmoe-data-path.h"

#include "ns3/abort.h"
#include "ns3/double.h"
#include "ns3/log.h"
#include "ns3/random-variable-stream.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("WdmoeTraceRequestSource");

NS_OBJECT_ENSURE_REGISTERED(WdmoeTraceRequestSource);

namespace
{

/// @return ns since 1970 of "2023-11-16 18:17:03.9799600"; false if that is not its form
bool
ParseTime(const std::string& text, int64_t& ns)
{
    const std::string form = "0000-00-00 00:00:00";
    if (text.size() < form.size() || text.size() > form.size() + 10)
    {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (i < form.size() ? (form[i] == '0' ? !digit : text[i] != form[i])
                            : (i == form.size() ? text[i] != '.' : !digit))
        {
            return false;
        }
    }
    const auto number = [&text](std::size_t at, std::size_t length) {
        return std::stoi(text.substr(at, length));
    };
    const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                           std::chrono::month(number(5, 2)),
                                           std::chrono::day(number(8, 2)));
    const auto hour = number(11, 2);
    const auto minute = number(14, 2);
    const auto second = number(17, 2);
    // what nanoseconds since 1970 can say in 64 bits, and so can their differences
    const bool known = number(0, 4) >= 1970 && number(0, 4) <= 2261;
    if (!known || !date.ok() || hour > 23 || minute > 59 || second > 60)
    {
        return false;
    }
    auto decimals = text.size() > form.size() ? text.substr(form.size() + 1) : "";
    decimals.resize(9, '0');
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    ns = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000000LL + std::stoll(decimals);
    return true;
}

} // namespace

std::vector<WdmoeTraceRow>
WdmoeReadTrace(const std::string& path)
{
    WdmoeCsv csv(path);
    csv.ReadHeader();
    const std::vector<std::string> names{"TIMESTAMP", "ContextTokens", "GeneratedTokens"};
    for (std::size_t i = 0; i < std::max(names.size(), csv.Names().size()); ++i)
    {
        if (i >= names.size() || i >= csv.Names().size() || csv.Names()[i] != names[i])
        {
            csv.Fail(i, "the column '" + (i < names.size() ? names[i] : "(none)") + "'");
        }
    }
    std::vector<WdmoeTraceRow> rows;
    while (csv.NextRow())
    {
        WdmoeTraceRow row;
        if (!ParseTime(csv.Text(0), row.timeNs))
        {
            csv.Fail(0, "a time like 2023-11-16 18:17:03.9799600, from 1970 to 2261");
        }
        if (!rows.empty() && row.timeNs < rows.back().timeNs)
        {
            csv.Fail(0, "a time that is not before the row above");
        }
        row.prompt = static_cast<uint32_t>(csv.Integer(1, 0, 1u << 30));
        row.output = static_cast<uint32_t>(csv.Integer(2, 0, 1u << 30));
        rows.push_back(row);
    }
    if (rows.empty())
    {
        throw WdmoeDataError(path + ": no row after the header");
    }
    return rows;
}

TypeId
WdmoeTraceRequestSource::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeTraceRequestSource")
            .SetParent<WdmoeRequestSource>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeTraceRequestSource>()
            .AddAttribute("FileName",
                          "CSV file: a path, absolute or relative to the data folder",
                          StringValue("requests/azure-2023-conv-excerpt.csv"),
                          MakeStringAccessor(&WdmoeTraceRequestSource::m_fileName),
                          MakeStringChecker())
            .AddAttribute("Thinning",
                          "Share of the requests that is kept",
                          DoubleValue(1),
                          MakeDoubleAccessor(&WdmoeTraceRequestSource::m_thinning),
                          MakeDoubleChecker<double>(0, 1))
            .AddAttribute("RunLength",
                          "Successive requests that are kept or left out together",
                          UintegerValue(1),
                          MakeUintegerAccessor(&WdmoeTraceRequestSource::m_runLength),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("TimeScale",
                          "Gaps are multiplied by this",
                          DoubleValue(1),
                          MakeDoubleAccessor(&WdmoeTraceRequestSource::m_timeScale),
                          MakeDoubleChecker<double>(0, 1e6))
            .AddAttribute("Start",
                          "When the first request arrives",
                          TimeValue(Time(0)),
                          MakeTimeAccessor(&WdmoeTraceRequestSource::m_start),
                          MakeTimeChecker(Time(0)))
            .AddAttribute("MaxPromptTokens",
                          "Longer prompts are cut to this, and counted; 0: no limit",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeTraceRequestSource::m_maxPrompt),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("MaxOutputTokens",
                          "Longer outputs are cut to this, and counted; 0: no limit",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeTraceRequestSource::m_maxOutput),
                          MakeUintegerChecker<uint32_t>())
            .AddAttribute("MaxRequests",
                          "No more requests than this; 0: no limit",
                          UintegerValue(0),
                          MakeUintegerAccessor(&WdmoeTraceRequestSource::m_maxRequests),
                          MakeUintegerChecker<uint64_t>())
            .AddAttribute("SkipPerRun",
                          "Run r of the simulation (RngRun) starts (r - 1) times this many rows "
                          "into the trace",
                          UintegerValue(17),
                          MakeUintegerAccessor(&WdmoeTraceRequestSource::m_skipPerRun),
                          MakeUintegerChecker<uint32_t>());
    return tid;
}

WdmoeTraceRequestSource::WdmoeTraceRequestSource()
    : m_uniform(CreateObject<UniformRandomVariable>())
{
}

WdmoeTraceRequestSource::~WdmoeTraceRequestSource() = default;

void
WdmoeTraceRequestSource::DoDispose()
{
    m_uniform = nullptr;
    m_rows.clear();
    WdmoeRequestSource::DoDispose();
}

int64_t
WdmoeTraceRequestSource::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    return 1;
}

uint64_t
WdmoeTraceRequestSource::GetClippedPrompts() const
{
    return m_clippedPrompts;
}

uint64_t
WdmoeTraceRequestSource::GetClippedOutputs() const
{
    return m_clippedOutputs;
}

void
WdmoeTraceRequestSource::Prepare()
{
    if (!m_rows.empty())
    {
        return;
    }
    NS_ABORT_MSG_IF(m_thinning <= 0,
                    "WdmoeTraceRequestSource: Thinning 0 keeps no request; expected (0, 1]");
    const auto path = WdmoeDataPath(m_fileName);
    std::string wrong; // aborting inside the handler would print it twice
    try
    {
        m_rows = WdmoeReadTrace(path);
    }
    catch (const WdmoeDataError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: request trace: " << wrong);
    const uint64_t run = std::max<uint64_t>(1, RngSeedManager::GetRun());
    m_first = static_cast<std::size_t>((run - 1) % m_rows.size() * m_skipPerRun % m_rows.size());
}

bool
WdmoeTraceRequestSource::Next(WdmoeRequest& request)
{
    Prepare();
    const auto rows = m_rows.size();
    while (m_used < rows && (m_maxRequests == 0 || m_given < m_maxRequests))
    {
        const auto at = (m_first + m_used) % rows;
        if (m_given > 0)
        {
            m_elapsedNs += at > 0 ? static_cast<double>(m_rows[at].timeNs - m_rows[at - 1].timeNs)
                                  : static_cast<double>(m_rows.back().timeNs - m_rows[0].timeNs) /
                                        std::max<std::size_t>(1, rows - 1);
        }
        if (m_used % m_runLength == 0)
        {
            m_keep = m_uniform->GetValue(0, 1) < m_thinning;
        }
        m_used++;
        if (!m_keep)
        {
            continue;
        }
        const auto clip = [](uint32_t tokens, uint32_t most, uint64_t& count) {
            if (most > 0 && tokens > most)
            {
                count++;
                return most;
            }
            return std::max(1u, tokens);
        };
        request.id = m_given++;
        request.arrival = m_start + NanoSeconds(std::llround(m_elapsedNs * m_timeScale));
        request.promptTokens = clip(m_rows[at].prompt, m_maxPrompt, m_clippedPrompts);
        request.outputTokens = clip(m_rows[at].output, m_maxOutput, m_clippedOutputs);
        return true;
    }
    return false;
}

} // namespace ns3
