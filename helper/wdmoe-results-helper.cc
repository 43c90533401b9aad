/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-results-helper.h"

#include "ns3/abort.h"
#include "ns3/callback.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/string.h"
#include "ns3/system-path.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#ifndef WDMOE_VERSION
#define WDMOE_VERSION "0.1.0"
#endif
#ifndef WDMOE_GIT_REVISION
#define WDMOE_GIT_REVISION "unknown"
#endif
#ifndef WDMOE_NS3_VERSION
#define WDMOE_NS3_VERSION "unknown"
#endif

namespace ns3
{

namespace
{

using Json = nlohmann::ordered_json;

/// Percentile p (0 to 1) of unsorted values by linear interpolation; NaN of nothing
double
Percentile(std::vector<double> values, double p)
{
    if (values.empty())
    {
        return std::numeric_limits<double>::quiet_NaN();
    }
    std::sort(values.begin(), values.end());
    const double at = p * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const auto high = std::min(low + 1, values.size() - 1);
    return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

/// Mean of the values; NaN of nothing
double
Mean(const std::vector<double>& values)
{
    double sum = 0;
    for (const auto v : values)
    {
        sum += v;
    }
    return sum / static_cast<double>(values.size());
}

/// {"mean", "p50", "p95", "p99"}; values that are not numbers are left out, null of nothing
Json
Statistics(std::vector<double> values)
{
    std::erase_if(values, [](double v) { return std::isnan(v); });
    return {{"mean", Mean(values)},
            {"p50", Percentile(values, 0.5)},
            {"p95", Percentile(values, 0.95)},
            {"p99", Percentile(values, 0.99)}};
}

/// One value of each record
template <typename T, typename F>
std::vector<double>
Column(const std::vector<T>& records, F value)
{
    std::vector<double> column;
    column.reserve(records.size());
    for (const auto& record : records)
    {
        column.push_back(value(record));
    }
    return column;
}

/// |predicted / measured - 1| as {"median_abs_error", "p95_abs_error", "max_abs_error"}
Json
PredictionError(const std::vector<WdmoeBlockRecord>& blocks, double WdmoeBlockRecord::* predicted)
{
    const auto errors = Column(blocks, [&](const auto& b) {
        return std::abs(b.*predicted / b.latency.GetSeconds() - 1);
    });
    return {{"median_abs_error", Percentile(errors, 0.5)},
            {"p95_abs_error", Percentile(errors, 0.95)},
            {"max_abs_error", Percentile(errors, 1)}};
}

/**
 * @param blocks of a policy
 * @param [out] sum of their energies
 * @return whether it is known of all of them
 */
bool
SumEnergy(const std::vector<WdmoeBlockRecord>& blocks, wdmoe::EnergyUse& sum)
{
    sum = wdmoe::EnergyUse();
    bool known = !blocks.empty();
    for (const auto& b : blocks)
    {
        known = known && b.energyKnown;
        sum += b.energy;
    }
    return known;
}

/// Columns of a table: the total, then its parts; empty where it is not known
std::string
EnergyColumns(bool known, const wdmoe::EnergyUse& e)
{
    std::ostringstream s;
    s << std::setprecision(10);
    for (const auto joule :
         {e.TotalJ(), e.transmitJ, e.receiveJ, e.computeJ, e.baseTransmitJ, e.baseComputeJ})
    {
        s << ",";
        known ? s << joule : s;
    }
    return s.str();
}

/// The object "flows" of summary.json
Json
Flows(const std::vector<WdmoeFlowRecord>& flows)
{
    Json list = Json::array();
    for (const auto& f : flows)
    {
        list.push_back({{"flow", f.flow},
                        {"device", f.device},
                        {"direction", f.downlink ? "downlink" : "uplink"},
                        {"protocol", f.protocol},
                        {"source_port", f.sourcePort},
                        {"destination_port", f.destinationPort},
                        {"tx_packets", f.txPackets},
                        {"tx_bytes", f.txBytes},
                        {"rx_packets", f.rxPackets},
                        {"rx_bytes", f.rxBytes},
                        {"lost_packets", f.lostPackets},
                        {"mean_delay_s", f.delayS},
                        {"mean_jitter_s", f.jitterS},
                        {"throughput_bps", f.throughputBps}});
    }
    return list;
}

/// "-12.3 %" of a against b
std::string
Change(double a, double b)
{
    char text[32];
    std::snprintf(text, sizeof(text), "%+.1f %%", 100 * (a / b - 1));
    return std::isfinite(a / b) ? text : "-";
}

} // namespace

WdmoeResultsHelper::WdmoeResultsHelper(const std::string& scenario)
    : m_scenario(scenario)
{
    m_manifest["wdmoe_version"] = WDMOE_VERSION;
    m_manifest["wdmoe_git_revision"] = WDMOE_GIT_REVISION;
    m_manifest["ns3_version"] = WDMOE_NS3_VERSION;
    m_manifest["compiler"] = __VERSION__;
}

void
WdmoeResultsHelper::Attach(const std::string& policy,
                           Ptr<WdmoeGatingServer> server,
                           ApplicationContainer nodes,
                           Ptr<WdmoeController> controller)
{
    for (const auto& p : m_policies)
    {
        NS_ABORT_MSG_IF(p.name == policy,
                        "WdmoeResultsHelper: policy '" << policy << "' was run already");
    }
    m_server = server;
    m_nodes = nodes;
    m_controller = controller;
    m_radioName = controller->GetRadio()->GetName();
    Policy rows;
    rows.name = policy;
    const auto cells = controller->GetRadio()->GetCells();
    rows.cell.resize(controller->GetRadio()->GetNDevices());
    rows.budget.resize(rows.cell.size());
    for (uint32_t c = 0; c < cells.size(); c++)
    {
        auto budget = cells[c].radio->GetBudget();
        if (!cells[c].radio->GetCapabilities().fullDuplex)
        {
            budget.uplinkHz = budget.downlinkHz;
        }
        for (const auto k : cells[c].devices)
        {
            rows.cell[k] = c;
            rows.budget[k] = budget;
        }
    }
    m_policies.push_back(rows);
    server->TraceConnectWithoutContext("Block", MakeCallback(&WdmoeResultsHelper::OnBlock, this));
    controller->TraceConnectWithoutContext("Decision",
                                           MakeCallback(&WdmoeResultsHelper::OnDecision, this));
    server->TraceConnectWithoutContext("Request",
                                       MakeCallback(&WdmoeResultsHelper::OnRequest, this));
}

void
WdmoeResultsHelper::OnBlock(const WdmoeBlockRecord& record)
{
    auto& p = m_policies.back();
    p.blocks.push_back(record);
    std::vector<WdmoeUsage> granted;
    const auto& used = p.used.at(record.request);
    for (uint32_t k = 0; k < used.size(); k++)
    {
        const auto usage = m_controller->GetRadio()->GetUsage(k);
        granted.push_back(
            {usage.downlinkHzS - used[k].downlinkHzS, usage.uplinkHzS - used[k].uplinkHzS});
    }
    p.granted.push_back(granted);
    p.experts.push_back(std::move(p.load[record.request]));
}

void
WdmoeResultsHelper::OnDecision(const WdmoeBlockInput& input, const WdmoeDecision& decision)
{
    auto& used = m_policies.back().used[input.request];
    used.resize(m_controller->GetRadio()->GetNDevices());
    for (uint32_t k = 0; k < used.size(); k++)
    {
        used[k] = m_controller->GetRadio()->GetUsage(k);
    }
    // a piece counts the tokens of an expert in their order
    std::vector<std::vector<double>> weights(input.gate.experts);
    const auto& selection = decision.selection;
    for (std::size_t at = 0; at < selection.expert.size(); at++)
    {
        if (const auto e = selection.expert[at]; e >= 0)
        {
            weights[e].push_back(input.gate.Row(at / selection.slots)[e]);
        }
    }
    std::map<std::pair<uint32_t, uint32_t>, ExpertLoad> loads;
    for (uint32_t k = 0; k < decision.devices.size(); k++)
    {
        for (const auto& piece : decision.devices[k].pieces)
        {
            for (const auto& entry : piece.entries)
            {
                auto& load = loads[{entry.expert, k}];
                load.expert = entry.expert;
                load.device = k;
                load.pairs += entry.tokens;
                const auto first = weights.at(entry.expert).begin() + entry.first;
                load.gateMass = std::accumulate(first, first + entry.tokens, load.gateMass);
            }
        }
    }
    auto& ofBlock = m_policies.back().load[input.request];
    ofBlock.clear();
    for (const auto& [where, load] : loads)
    {
        ofBlock.push_back(load);
    }
}

void
WdmoeResultsHelper::OnRequest(const WdmoeRequestRecord& record)
{
    m_policies.back().requests.push_back(record);
}

void
WdmoeResultsHelper::TakeReport()
{
    auto& p = m_policies.back();
    p.server = m_server->GetReport();
    if (const auto real = m_server->GetRealModel())
    {
        p.modelName = real->GetName();
        p.modelDigest = real->GetTransformer()->GetDigest();
        p.score = real->GetScore();
    }
}

void
WdmoeResultsHelper::WriteStuck(const std::string& folder, const WdmoeStuckReport& report)
{
    TakeReport();
    std::ostringstream cause;
    cause << "policy '" << m_policies.back().name << "': no progress from "
          << report.since.As(Time::S) << " to " << report.when.As(Time::S);
    AddToManifest("stuck", cause.str());
    Write(folder);
    const auto path = std::filesystem::path(folder) / "stuck.txt";
    std::ofstream file(path);
    file << cause.str() << "\n" << report.state;
    NS_ABORT_MSG_IF(!file.flush(), "cannot write " << path.string());
}

void
WdmoeResultsHelper::CheckConservation(uint64_t tokensIn, uint64_t tokensOut)
{
    TakeReport();
    const auto& p = m_policies.back();
    const auto& r = p.server;
    NS_ABORT_MSG_IF(r.unfinished > 0 || p.requests.empty(),
                    "policy '" << p.name << "': " << r.unfinished << " request(s) unfinished, "
                               << p.requests.size() << " finished");
    NS_ABORT_MSG_IF(r.tokensIn != tokensIn || r.tokensOut != tokensOut,
                    "policy '" << p.name << "': tokens are not conserved: " << tokensIn
                               << " prompt and " << tokensOut << " output tokens asked for, "
                               << r.tokensIn << " and " << r.tokensOut << " served");
    NS_ABORT_MSG_IF(r.batchesSent != r.answers + r.answersMissing || r.answersRefused > 0,
                    "policy '" << p.name << "': " << r.batchesSent << " batches sent, but "
                               << r.answers << " answered, " << r.answersMissing << " missing, "
                               << r.answersRefused << " answers refused");
    // Without a deadline every message must be there by now; with one, cancelled answers may
    // still be on their way; so may weights.
    const bool drained = r.answersMissing == 0 && r.movesDropped == 0;
    const auto& s = m_server->GetCounters();
    uint64_t sent = s.messagesSent;
    uint64_t received = s.messagesReceived;
    uint64_t lost = s.messagesLost;
    uint64_t bad = s.badMessages;
    for (uint32_t i = 0; i < m_nodes.GetN(); i++)
    {
        const auto& c = DynamicCast<WdmoeExpertNode>(m_nodes.Get(i))->GetCounters();
        sent += c.messagesSent;
        received += c.messagesReceived;
        lost += c.messagesLost;
        bad += c.badMessages;
    }
    NS_ABORT_MSG_IF(received > sent || bad > 0 || (drained && sent > received + lost),
                    "policy '" << p.name << "': messages are not conserved: " << sent << " sent, "
                               << received << " received, " << lost << " counted as lost, " << bad
                               << " refused");
    for (const auto& block : p.blocks)
    {
        std::map<uint32_t, std::pair<double, double>> sums; // by cell
        for (std::size_t k = 0; k < block.plan.downlink.size(); k++)
        {
            sums[p.cell[k]].first += block.plan.downlink[k].guaranteed;
            sums[p.cell[k]].second += block.plan.uplink[k].guaranteed;
        }
        for (const auto& [cell, sum] : sums)
        {
            NS_ABORT_MSG_IF(sum.first > 1 + 1e-9 || sum.second > 1 + 1e-9,
                            "policy '" << p.name << "': shares of cell " << cell << " sum to "
                                       << sum.first << " and " << sum.second);
        }
    }
}

void
WdmoeResultsHelper::SetFlows(const std::vector<WdmoeFlowRecord>& flows)
{
    NS_ABORT_MSG_IF(m_policies.empty(), "WdmoeResultsHelper::SetFlows: call Attach() first");
    m_policies.back().flows = flows;
}

const std::vector<WdmoeFlowRecord>&
WdmoeResultsHelper::GetFlows(const std::string& policy) const
{
    return Get(policy).flows;
}

void
WdmoeResultsHelper::AddToManifest(const std::string& key, const std::string& value)
{
    m_manifest[key] = value;
}

std::size_t
WdmoeResultsHelper::GetNBlocks() const
{
    return m_policies.empty() ? 0 : m_policies.back().blocks.size();
}

const WdmoeResultsHelper::Policy&
WdmoeResultsHelper::Get(const std::string& name) const
{
    for (const auto& p : m_policies)
    {
        if (p.name == name)
        {
            return p;
        }
    }
    NS_ABORT_MSG("WdmoeResultsHelper: policy '" << name << "' was not run");
}

const std::vector<WdmoeBlockRecord>&
WdmoeResultsHelper::GetBlocks(const std::string& policy) const
{
    return Get(policy).blocks;
}

const std::vector<WdmoeRequestRecord>&
WdmoeResultsHelper::GetRequests(const std::string& policy) const
{
    return Get(policy).requests;
}

const wdmoe::CapabilityScore&
WdmoeResultsHelper::GetCapability(const std::string& policy) const
{
    return Get(policy).score;
}

std::string
WdmoeResultsHelper::CapabilityText(const Policy& p)
{
    const auto total = p.score.Total();
    uint64_t topK = 0;
    uint64_t routed = 0;
    uint64_t missing = 0;
    for (const auto& b : p.blocks)
    {
        topK += b.pairsTopK;
        routed += b.pairsRouted;
        missing += b.pairsMissing;
    }
    const auto share = [](uint64_t part, uint64_t all) {
        return all > 0 ? static_cast<double>(part) / static_cast<double>(all) : 0.0;
    };
    Json c;
    c["model"] = p.modelName;
    c["digest"] = p.modelDigest;
    c["items"] = total.items + total.generated;
    c["exact_match"] = p.score.MeanExactMatch();
    c["bits_per_byte"] = p.score.MeanBitsPerByte();
    c["agreement"] = total.Agreement();
    c["kl_bits_per_token"] = total.Divergence();
    c["free_exact_match"] = p.score.MeanGeneratedExactMatch();
    c["free_items"] = total.generated;
    c["pairs_missing_share"] = share(missing, routed);
    c["pairs_dropped_share"] = topK > routed ? share(topK - routed, topK) : 0.0;
    c["tasks"] = Json::object();
    c["texts"] = Json::object();
    for (const auto& [name, d] : p.score.GetDomains())
    {
        if (d.task)
        {
            c["tasks"][name] = {{"items", d.items},
                                {"exact", d.exact},
                                {"free_items", d.generated},
                                {"free_exact", d.generatedExact}};
        }
        else
        {
            c["texts"][name] = {{"items", d.items},
                                {"bytes", d.bytes},
                                {"bits_per_byte", d.BitsPerByte()}};
        }
    }
    return c.dump();
}

void
WdmoeResultsHelper::PrintTable(std::ostream& os) const
{
    auto block = [](const Policy& p, double q) {
        return Percentile(Column(p.blocks, [](const auto& b) { return b.latency.GetSeconds(); }),
                          q);
    };
    const Policy* equal = nullptr;
    const Policy* stock = nullptr;
    for (const auto& p : m_policies)
    {
        equal = p.name == "topk-equal" ? &p : equal;
        stock = p.name == "topk-stock" ? &p : stock;
    }
    uint64_t missing = 0;
    std::size_t longest = 14;
    for (const auto& p : m_policies)
    {
        longest = std::max(longest, p.name.size());
    }
    const auto width = static_cast<int>(longest + 2);
    const auto precision = os.precision();
    os << "Scenario " << m_scenario << ", radio " << m_radioName << ", "
       << "RngRun " << RngSeedManager::GetRun() << ": one run; latencies in ms\n"
       << std::left << std::setw(width) << "policy" << std::right << std::setw(9) << "block50"
       << std::setw(9) << "block95" << std::setw(9) << "TTFT50" << std::setw(9) << "TPOT50"
       << std::setw(9) << "req50" << std::setw(9) << "req95" << std::setw(9) << "MB down"
       << std::setw(9) << "MB up" << std::setw(8) << "mass" << std::setw(8) << "WLR"
       << std::setw(11) << "vs equal" << std::setw(11) << "vs stock" << std::setw(9) << "J/token"
       << "\n";
    for (const auto& p : m_policies)
    {
        missing += p.server.answersMissing;
        auto ttft = Column(p.requests, [](const auto& r) { return r.TtftS(); });
        auto tpot = Column(p.requests, [](const auto& r) { return r.TpotS(); });
        std::erase_if(tpot, [](double v) { return std::isnan(v); });
        const auto latency = Column(p.requests, [](const auto& r) { return r.LatencyS(); });
        double down = 0;
        double up = 0;
        for (const auto& b : p.blocks)
        {
            down += 1e-6 * static_cast<double>(b.bytesDownlink);
            up += 1e-6 * static_cast<double>(b.bytesUplink);
        }
        os << std::left << std::setw(width) << p.name << std::right << std::fixed
           << std::setprecision(1) << std::setw(9) << 1e3 * block(p, 0.5) << std::setw(9)
           << 1e3 * block(p, 0.95) << std::setw(9) << 1e3 * Percentile(ttft, 0.5) << std::setw(9)
           << 1e3 * Percentile(tpot, 0.5) << std::setw(9) << 1e3 * Percentile(latency, 0.5)
           << std::setw(9) << 1e3 * Percentile(latency, 0.95) << std::setw(9) << down
           << std::setw(9) << up << std::setprecision(3) << std::setw(8)
           << Mean(Column(p.blocks, [](const auto& b) { return b.gateMassKept; }))
           << std::setprecision(1) << std::setw(8)
           << Mean(Column(p.blocks, [](const auto& b) { return b.wlr; })) << std::setw(11)
           << (equal ? Change(block(p, 0.5), block(*equal, 0.5)) : "-") << std::setw(11)
           << (stock ? Change(block(p, 0.5), block(*stock, 0.5)) : "-") << std::setw(9);
        wdmoe::EnergyUse energy;
        if (SumEnergy(p.blocks, energy))
        {
            os << std::setprecision(3)
               << energy.TotalJ() / static_cast<double>(p.server.tokensIn + p.server.tokensOut);
        }
        else
        {
            os << "-";
        }
        os << "\n";
    }
    for (const auto& p : m_policies)
    {
        if (p.modelName.empty())
        {
            continue;
        }
        const auto total = p.score.Total();
        os << std::left << std::setw(width) << p.name << std::right << std::defaultfloat
           << std::setprecision(4) << p.modelName << " (" << p.modelDigest << "): exact match "
           << p.score.MeanExactMatch() << ", free running " << p.score.MeanGeneratedExactMatch()
           << " of " << total.generated << ", bits per byte " << p.score.MeanBitsPerByte()
           << ", agreement " << total.Agreement() << ", KL " << total.Divergence()
           << " bits a token, of " << total.items << " items\n";
    }
    for (const auto& p : m_policies)
    {
        auto regret = Column(p.blocks, [](const auto& b) {
            return 100 * b.regretS / b.latency.GetSeconds();
        });
        std::erase_if(regret, [](double v) { return std::isnan(v); });
        if (!regret.empty())
        {
            os << std::left << std::setw(width) << p.name << std::right << std::fixed
               << std::setprecision(1) << " regret p50 (%) " << Percentile(regret, 0.5) << ", p95 "
               << Percentile(regret, 0.95)
               << " of the latency, against a bound on what a clairvoyant could do with as much "
                  "gate mass, of "
               << regret.size() << " blocks\n";
        }
        const auto& r = p.server;
        if (r.weightBytes > 0)
        {
            os << std::left << std::setw(width) << p.name << std::right << std::fixed
               << std::setprecision(1) << " migrated " << 1e-6 * static_cast<double>(r.weightBytes)
               << " MB down, " << r.moves << " moves of experts, " << r.movesBack
               << " of them back, " << r.movesDropped << " dropped\n";
        }
    }
    if (missing > 0)
    {
        os << missing << " answers are missing (late for the deadline, lost on the way, or their "
           << "device is gone): latencies are those of an incomplete model\n";
    }
    os << std::defaultfloat << std::setprecision(static_cast<int>(precision)) << std::flush;
}

void
WdmoeResultsHelper::Write(const std::string& folder) const
{
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    auto open = [&](const std::string& name) {
        std::ofstream file(std::filesystem::path(folder) / name);
        NS_ABORT_MSG_IF(!file,
                        "cannot write " << name << " in '" << folder
                                        << "': does the folder exist, and may you write there?");
        file << std::setprecision(10);
        return file;
    };

    Json summary;
    summary["scenario"] = m_scenario;
    summary["radio"] = m_radioName;
    summary["manifest"] = m_manifest;
    summary["policies"] = Json::object();
    auto blocks = open("blocks.csv");
    auto requests = open("requests.csv");
    auto shares = open("shares.csv");
    blocks << "policy,request,pass,block,tokens,start_s,latency_s,predicted_s,closed_form_s,"
              "pairs_topk,pairs_routed,pairs_missing,gate_mass_kept,wlr,bytes_downlink,"
              "bytes_uplink,slowest_device,downlink_s,queue_s,compute_s,uplink_s,pieces,in_flight,"
              "planned_s,lower_bound_s,joint_lower_bound_s,clairvoyant_s,regret_s,"
              "energy_j,transmit_j,receive_j,compute_j,base_transmit_j,base_compute_j\n";
    requests << "policy,request,prompt_tokens,output_tokens,arrival_s,start_s,first_token_s,end_s,"
                "ttft_s,tpot_s,latency_s,gate_mass_kept,wlr,pairs_topk,pairs_routed,"
                "pairs_missing,domain,kind,exact,bits,scored_tokens,agreeing,kl_bits,"
                "energy_j,transmit_j,receive_j,compute_j,base_transmit_j,base_compute_j\n";
    shares << "policy,request,pass,block,time_s,device,tokens,requested_downlink_share,"
              "requested_uplink_share,granted_downlink_share,granted_uplink_share,cell\n";
    auto schedule = open("schedule.csv");
    schedule << "policy,request,pass,block,start_s,device,piece,tokens,answered";
    for (const auto* kind : {"planned", "measured"})
    {
        for (const auto* stage : {"downlink", "compute", "uplink"})
        {
            schedule << "," << kind << "_" << stage << "_start_s," << kind << "_" << stage
                     << "_end_s";
        }
    }
    schedule << "\n";
    auto experts = open("experts.csv");
    experts << "policy,request,pass,block,expert,device,pairs,gate_mass\n";
    for (const auto& p : m_policies)
    {
        uint64_t routed = 0;
        uint64_t missing = 0;
        uint64_t topK = 0;
        uint64_t down = 0;
        uint64_t up = 0;
        for (std::size_t i = 0; i < p.blocks.size(); i++)
        {
            const auto& b = p.blocks[i];
            routed += b.pairsRouted;
            missing += b.pairsMissing;
            topK += b.pairsTopK;
            down += b.bytesDownlink;
            up += b.bytesUplink;
            const auto slowest = std::max_element(b.devices.begin(),
                                                  b.devices.end(),
                                                  [](const auto& x, const auto& y) {
                                                      return wdmoe::SequentialLatency(x.measured) <
                                                             wdmoe::SequentialLatency(y.measured);
                                                  });
            blocks << p.name << "," << b.request << "," << b.pass << "," << b.block << ","
                   << b.tokens << "," << b.start.GetSeconds() << "," << b.latency.GetSeconds()
                   << "," << b.predictedS << "," << b.closedFormS << "," << b.pairsTopK << ","
                   << b.pairsRouted << "," << b.pairsMissing << "," << b.gateMassKept << ","
                   << b.wlr << "," << b.bytesDownlink << "," << b.bytesUplink;
            if (slowest == b.devices.end())
            {
                blocks << ",,,,,";
            }
            else
            {
                blocks << "," << slowest->device << "," << slowest->measured.downlinkS << ","
                       << slowest->queueS << "," << slowest->measured.computeS - slowest->queueS
                       << "," << slowest->measured.uplinkS;
            }
            blocks << "," << b.pieces.size() << "," << b.inFlight << ",";
            if (b.bounded)
            {
                blocks << b.plannedS << "," << b.lowerBoundS;
            }
            else
            {
                blocks << ",";
            }
            for (const double seconds : {b.jointLowerBoundS, b.clairvoyantS, b.regretS})
            {
                blocks << ",";
                std::isnan(seconds) ? blocks : blocks << seconds;
            }
            blocks << EnergyColumns(b.energyKnown, b.energy) << "\n";
            for (const auto& piece : b.pieces)
            {
                schedule << p.name << "," << b.request << "," << b.pass << "," << b.block << ","
                         << b.start.GetSeconds() << "," << piece.device << "," << piece.piece << ","
                         << piece.tokens << "," << piece.answered;
                for (const auto* t : {&piece.planned, &piece.measured})
                {
                    for (const auto s : {t->downlinkStartS,
                                         t->downlinkEndS,
                                         t->computeStartS,
                                         t->computeEndS,
                                         t->uplinkStartS,
                                         t->uplinkEndS})
                    {
                        schedule << ",";
                        const bool known =
                            std::isfinite(s) && (t == &piece.planned || piece.answered);
                        known ? schedule << s : schedule;
                    }
                }
                schedule << "\n";
            }
            for (const auto& load : p.experts[i])
            {
                experts << p.name << "," << b.request << "," << b.pass << "," << b.block << ","
                        << load.expert << "," << load.device << "," << load.pairs << ","
                        << load.gateMass << "\n";
            }
            std::vector<uint32_t> tokens(p.granted[i].size());
            for (const auto& d : b.devices)
            {
                tokens[d.device] = d.tokens;
            }
            const double seconds = b.latency.GetSeconds();
            for (std::size_t k = 0; k < tokens.size(); k++)
            {
                const auto& g = p.granted[i][k];
                shares << p.name << "," << b.request << "," << b.pass << "," << b.block << ","
                       << b.start.GetSeconds() << "," << k << "," << tokens[k] << ","
                       << b.plan.downlink[k].guaranteed << "," << b.plan.uplink[k].guaranteed << ","
                       << g.downlinkHzS / (p.budget[k].downlinkHz * seconds) << ","
                       << g.uplinkHzS / (p.budget[k].uplinkHz * seconds) << "," << p.cell[k]
                       << "\n";
            }
        }
        for (const auto& r : p.requests)
        {
            requests << p.name << "," << r.request << "," << r.promptTokens << "," << r.outputTokens
                     << "," << r.arrival.GetSeconds() << "," << r.start.GetSeconds() << ","
                     << r.firstToken.GetSeconds() << "," << r.end.GetSeconds() << "," << r.TtftS()
                     << ",";
            if (r.outputTokens > 1)
            {
                requests << r.TpotS();
            }
            requests << "," << r.LatencyS() << "," << r.gateMassKept << "," << r.wlr << ","
                     << r.pairsTopK << "," << r.pairsRouted << "," << r.pairsMissing << ",";
            const auto& q = r.score;
            if (q.domain.empty())
            {
                requests << ",,,,,," << EnergyColumns(r.energyKnown, r.energy) << "\n";
                continue;
            }
            requests << q.domain << "," << (q.forced ? "forced" : "free") << ",";
            if (q.task)
            {
                requests << q.exact;
            }
            requests << ",";
            if (q.forced)
            {
                requests << q.bits << "," << q.scored << ",";
            }
            else
            {
                requests << ",,";
            }
            if (q.compared > 0)
            {
                requests << q.agreeing << "," << q.divergence;
            }
            else
            {
                requests << ",";
            }
            requests << EnergyColumns(r.energyKnown, r.energy) << "\n";
        }
        auto& j = summary["policies"][p.name];
        j["block_latency_s"] =
            Statistics(Column(p.blocks, [](const auto& b) { return b.latency.GetSeconds(); }));
        std::vector<double> prefill;
        std::vector<double> decode;
        for (const auto& b : p.blocks)
        {
            (b.pass == 0 ? prefill : decode).push_back(b.latency.GetSeconds());
        }
        std::vector<double> gaps;
        uint64_t pieces = 0;
        for (const auto& b : p.blocks)
        {
            pieces += b.pieces.size();
            if (b.bounded && b.plannedS > 0)
            {
                gaps.push_back(1 - b.lowerBoundS / b.plannedS);
            }
        }
        j["plan_gap"] = gaps.empty() ? Json() : Statistics(gaps);
        j["micro_batches"] = pieces;
        const auto regret = Column(p.blocks, [](const auto& b) { return b.regretS; });
        const bool known =
            std::any_of(regret.begin(), regret.end(), [](double r) { return !std::isnan(r); });
        j["regret_s"] = known ? Statistics(regret) : Json();
        j["prefill_block_latency_s"] = Statistics(prefill);
        j["decode_block_latency_s"] = Statistics(decode);
        j["request_latency_s"] =
            Statistics(Column(p.requests, [](const auto& r) { return r.LatencyS(); }));
        j["ttft_s"] = Statistics(Column(p.requests, [](const auto& r) { return r.TtftS(); }));
        j["tpot_s"] = Statistics(Column(p.requests, [](const auto& r) { return r.TpotS(); }));
        j["bytes_downlink"] = down;
        j["bytes_uplink"] = up;
        j["experts_routed"] = routed;
        j["experts_dropped"] = static_cast<int64_t>(topK) - static_cast<int64_t>(routed) +
                               static_cast<int64_t>(missing);
        j["answers_missing"] = p.server.answersMissing;
        j["pairs_missing"] = missing;
        j["gate_mass_kept"] = Mean(Column(p.blocks, [](const auto& b) { return b.gateMassKept; }));
        j["wlr"] = Mean(Column(p.blocks, [](const auto& b) { return b.wlr; }));
        j["migrated_bytes"] = p.server.weightBytes;
        j["migration_ack_bytes"] = p.server.placedBytes;
        j["moves"] = p.server.moves;
        j["moves_back"] = p.server.movesBack;
        j["moves_dropped"] = p.server.movesDropped;
        j["tokens_in"] = p.server.tokensIn;
        j["tokens_out"] = p.server.tokensOut;
        j["predicted_over_measured"] = PredictionError(p.blocks, &WdmoeBlockRecord::predictedS);
        j["closed_form_over_measured"] = PredictionError(p.blocks, &WdmoeBlockRecord::closedFormS);
        j["capability"] = p.modelName.empty() ? Json() : Json::parse(CapabilityText(p));
        if (!p.flows.empty())
        {
            j["flows"] = Flows(p.flows);
        }
        wdmoe::EnergyUse energy;
        j["energy_j"] = nullptr;
        if (SumEnergy(p.blocks, energy))
        {
            const double total = energy.TotalJ();
            j["energy_j"] = {
                {"total", total},
                {"per_token", total / static_cast<double>(p.server.tokensIn + p.server.tokensOut)},
                {"devices_per_token",
                 energy.DevicesJ() / static_cast<double>(p.server.tokensIn + p.server.tokensOut)},
                {"per_output_token", total / static_cast<double>(p.server.tokensOut)},
                {"transmit", energy.transmitJ},
                {"receive", energy.receiveJ},
                {"compute", energy.computeJ},
                {"base_transmit", energy.baseTransmitJ},
                {"base_compute", energy.baseComputeJ}};
        }
    }
    open("summary.json") << summary.dump(2) << "\n";
}

} // namespace ns3
