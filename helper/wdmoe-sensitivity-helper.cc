/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-sensitivity-helper.h"

#include "ns3/rng-seed-manager.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <gsl/gsl_cdf.h>
#include <iomanip>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <stdexcept>

namespace ns3
{

namespace
{

using Json = nlohmann::ordered_json;
using wdmoe::DropRule;
using wdmoe::EvaluationResult;
using wdmoe::GoneRule;
using wdmoe::LossRule;
using wdmoe::Precision;

const double NONE = std::numeric_limits<double>::quiet_NaN();

const int64_t STREAM = 5000;    ///< of the first seed; the same for all settings
const double MILD = 0.15;       ///< most pairs missing of a setting that a price is fitted to
const double ROUNDING = 1e-3;   ///< a share is a whole number of pairs
const double CONFIDENCE = 0.95; ///< of intervals

const std::vector<double> TAU{0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45};
const std::vector<double> SHARE{0.05, 0.1, 0.15, 0.25, 0.4};
const std::vector<double> LOSS{0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5};
const std::vector<double> LOSS_OF_RANK{0.01, 0.02, 0.05, 0.1, 0.2};
const std::vector<Precision> COARSER{Precision::FP16,
                                     Precision::BF16,
                                     Precision::INT8,
                                     Precision::INT4};

/// Progress on standard error, at most a hundred lines
class Progress
{
  public:
    void Tell(double fraction)
    {
        const int percent = static_cast<int>(100 * fraction);
        if (percent != m_percent)
        {
            m_percent = percent;
            std::cerr << "@progress evaluate " << percent / 100.0 << std::endl;
        }
    }

  private:
    int m_percent{-1}; ///< last printed
};

std::string
Short(double value)
{
    std::ostringstream out;
    out << value;
    return out.str();
}

/// @return ranks from 1, equal values sharing the mean of theirs
std::vector<double>
Ranks(const std::vector<double>& values)
{
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&values](std::size_t a, std::size_t b) {
        return values[a] < values[b];
    });
    std::vector<double> ranks(values.size());
    for (std::size_t first = 0; first < order.size();)
    {
        std::size_t end = first;
        while (end < order.size() && values[order[end]] == values[order[first]])
        {
            end++;
        }
        for (std::size_t i = first; i < end; ++i)
        {
            ranks[order[i]] = 0.5 * static_cast<double>(first + 1 + end);
        }
        first = end;
    }
    return ranks;
}

double
MissingShare(const EvaluationResult& run)
{
    return run.count.MissingShare();
}

double
DroppedShare(const EvaluationResult& run)
{
    return run.count.pairs
               ? static_cast<double>(run.count.dropped) / static_cast<double>(run.count.pairs)
               : 0;
}

double
Mass(const EvaluationResult& run)
{
    return run.count.KeptGateMass();
}

double
Exact(const EvaluationResult& run)
{
    return run.score.MeanExactMatch();
}

double
Bits(const EvaluationResult& run)
{
    return run.score.MeanBitsPerByte();
}

double
Agreement(const EvaluationResult& run)
{
    return run.score.Total().Agreement();
}

double
Divergence(const EvaluationResult& run)
{
    return run.score.Total().Divergence();
}

/// Six digits are more than there is to know; null for what is not there
Json
Number(double value)
{
    if (!std::isfinite(value))
    {
        return nullptr;
    }
    std::ostringstream out;
    out << std::setprecision(6) << value;
    return std::stod(out.str());
}

Json
ToJson(const WdmoeEstimate& estimate)
{
    return {{"mean", Number(estimate.mean)}, {"half_width", Number(estimate.halfWidth)}};
}

} // namespace

double
WdmoeRankCorrelation(const std::vector<double>& x, const std::vector<double>& y)
{
    if (x.size() != y.size() || x.size() < 2)
    {
        return NONE;
    }
    const auto a = Ranks(x);
    const auto b = Ranks(y);
    const double mean = 0.5 * static_cast<double>(x.size() + 1);
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
    {
        ab += (a[i] - mean) * (b[i] - mean);
        aa += (a[i] - mean) * (a[i] - mean);
        bb += (b[i] - mean) * (b[i] - mean);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : NONE;
}

WdmoeEstimate
WdmoeEstimateMean(const std::vector<double>& values)
{
    WdmoeEstimate estimate{NONE, NONE};
    const auto n = static_cast<double>(values.size());
    if (values.empty())
    {
        return estimate;
    }
    estimate.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    if (values.size() > 1)
    {
        double square = 0;
        for (const double value : values)
        {
            square += (value - estimate.mean) * (value - estimate.mean);
        }
        estimate.halfWidth =
            gsl_cdf_tdist_Pinv(0.5 + CONFIDENCE / 2, n - 1) * std::sqrt(square / (n - 1) / n);
    }
    return estimate;
}

WdmoeSensitivityHelper::WdmoeSensitivityHelper(std::shared_ptr<const wdmoe::Transformer> model,
                                               const std::string& name,
                                               std::vector<wdmoe::EvaluationItem> items)
    : m_model(model),
      m_name(name),
      m_evaluator(model, std::move(items))
{
}

const std::vector<std::string>&
WdmoeSensitivityHelper::GetLevers()
{
    static const std::vector<std::string> names{"tau",
                                                "share",
                                                "share-random",
                                                "loss",
                                                "loss-first",
                                                "loss-second",
                                                "gone-lost",
                                                "gone-rerouted",
                                                "precision"};
    return names;
}

std::vector<WdmoeSensitivityHelper::Setting>
WdmoeSensitivityHelper::MakeSettings(const std::string& lever) const
{
    const auto& config = m_model->GetConfig();
    std::vector<Setting> settings;
    const auto add = [&](double value, auto change) {
        Setting setting{lever, lever + " " + Short(value), value, {}};
        change(setting.perturbation, value);
        settings.push_back(setting);
    };
    const auto addAll = [&](const std::vector<double>& values, auto change) {
        for (const double value : values)
        {
            add(value, change);
        }
    };
    if (lever == "tau")
    {
        addAll(TAU, [](wdmoe::Perturbation& p, double value) {
            p.drop = DropRule::BELOW;
            p.dropValue = value;
        });
    }
    else if (lever == "share" || lever == "share-random")
    {
        const auto rule = lever == "share" ? DropRule::SHARE_BY_WEIGHT : DropRule::SHARE_AT_RANDOM;
        auto shares = SHARE;
        // a token keeps its first
        std::erase_if(shares, [&config](double s) { return s > 1 - 1.0 / config.topK; });
        addAll(shares, [rule](wdmoe::Perturbation& p, double value) {
            p.drop = rule;
            p.dropValue = value;
        });
    }
    else if (lever == "loss" || lever == "loss-first" || lever == "loss-second")
    {
        const auto rule = lever == "loss"         ? LossRule::ANY
                          : lever == "loss-first" ? LossRule::FIRST
                                                  : LossRule::SECOND;
        addAll(lever == "loss" ? LOSS : LOSS_OF_RANK, [rule](wdmoe::Perturbation& p, double value) {
            p.loss = rule;
            p.lossProbability = value;
        });
    }
    else if (lever == "gone-lost" || lever == "gone-rerouted")
    {
        const auto rule = lever == "gone-lost" ? GoneRule::LOST : GoneRule::REROUTED;
        for (uint32_t e = 0; e < config.experts; ++e)
        {
            add(e, [rule](wdmoe::Perturbation& p, double value) {
                p.gone = rule;
                p.goneExpert = static_cast<uint32_t>(value);
            });
        }
    }
    else if (lever == "precision")
    {
        const auto code = [&](Precision down, Precision up, const std::string& name) {
            Setting setting{lever, lever + " " + name, 0, {}};
            setting.perturbation.downlink = down;
            setting.perturbation.uplink = up;
            settings.push_back(setting);
        };
        for (const auto precision : COARSER)
        {
            const std::string name = PrecisionName(precision);
            code(precision, Precision::FP32, name + " down");
            code(Precision::FP32, precision, name + " up");
            code(precision, precision, name + " both");
        }
    }
    else
    {
        std::string all;
        for (const auto& name : GetLevers())
        {
            all += (all.empty() ? "" : ", ") + name;
        }
        throw std::invalid_argument("unknown lever '" + lever + "'; there are: all, " + all);
    }
    return settings;
}

void
WdmoeSensitivityHelper::Run(const std::vector<std::string>& levers)
{
    m_measured.clear();
    m_measured.push_back({{"none", "none", 0, {}}, {}, {}});
    for (const auto& lever : levers)
    {
        for (const auto& setting : MakeSettings(lever))
        {
            m_measured.push_back({setting, {}, {}});
        }
    }
    std::size_t all = 0;
    for (const auto& measured : m_measured)
    {
        all += (measured.setting.perturbation.IsRandom() ? seeds : 1) + (freeRunning > 0);
    }
    std::size_t done = 0;
    Progress bar;
    if (progress)
    {
        m_evaluator.SetProgress([&](double fraction) {
            bar.Tell((static_cast<double>(done) + fraction) / static_cast<double>(all));
        });
    }
    for (auto& measured : m_measured)
    {
        const auto& perturbation = measured.setting.perturbation;
        const uint32_t repetitions = perturbation.IsRandom() ? seeds : 1;
        for (uint32_t seed = 0; seed < repetitions; ++seed)
        {
            m_evaluator.AssignStreams(STREAM + seed);
            measured.runs.push_back(m_evaluator.Evaluate(perturbation));
            done++;
        }
        if (freeRunning > 0)
        {
            m_evaluator.AssignStreams(STREAM);
            measured.freely.push_back(m_evaluator.Generate(perturbation, freeRunning));
            done++;
        }
    }
    m_evaluator.SetProgress(nullptr);
}

const std::vector<WdmoeSensitivityHelper::Measured>&
WdmoeSensitivityHelper::GetMeasured() const
{
    return m_measured;
}

WdmoeSensitivityHelper::Price
WdmoeSensitivityHelper::FitPrice(const std::string& lever) const
{
    const auto& none = m_measured.front();
    Price price;
    double square = 0;
    double bits = 0;
    double exact = 0;
    for (const auto& measured : m_measured)
    {
        const double share = measured.Over(MissingShare).mean;
        if (measured.setting.lever == lever && share > 0 && share < MILD + ROUNDING)
        {
            price.settings++;
            square += share * share;
            bits += share * (measured.Over(Bits).mean - none.Over(Bits).mean);
            exact += share * (measured.Over(Exact).mean - none.Over(Exact).mean);
        }
    }
    price.bitsPerByte = price.settings ? bits / square : NONE;
    price.exactMatch = price.settings ? exact / square : NONE;
    return price;
}

double
WdmoeSensitivityHelper::CorrelateMass(bool precision, bool bits) const
{
    std::vector<double> mass;
    std::vector<double> quality;
    for (const auto& measured : m_measured)
    {
        const double value = measured.Over(bits ? Bits : Exact).mean;
        if ((precision || measured.setting.lever != "precision") && std::isfinite(value))
        {
            mass.push_back(measured.Over(Mass).mean);
            quality.push_back(value);
        }
    }
    return WdmoeRankCorrelation(mass, quality);
}

void
WdmoeSensitivityHelper::PrintTable(std::ostream& out) const
{
    const auto line = [&out](const std::string& name, const auto&... cells) {
        out << std::left << std::setw(24) << name << std::right;
        ((out << std::setw(12) << cells), ...);
        out << "\n";
    };
    const auto cell = [](const WdmoeEstimate& estimate, double scale, int digits) {
        std::ostringstream text;
        text << std::fixed << std::setprecision(digits) << scale * estimate.mean;
        return std::isfinite(estimate.mean) ? text.str() : std::string("-");
    };
    line("setting", "missing %", "mass %", "exact %", "bit/byte", "agree %", "KL bit");
    for (const auto& measured : m_measured)
    {
        line(measured.setting.name,
             cell(measured.Over(MissingShare), 100, 2),
             cell(measured.Over(Mass), 100, 2),
             cell(measured.Over(Exact), 100, 2),
             cell(measured.Over(Bits), 1, 4),
             cell(measured.Over(Agreement), 100, 2),
             cell(measured.Over(Divergence), 1, 5));
    }
    if (m_measured.size() < 3)
    {
        return;
    }
    out << std::fixed << std::setprecision(3);
    for (const bool precision : {true, false})
    {
        out << "rank correlation of kept gate mass" << (precision ? "" : ", without precision")
            << ": " << CorrelateMass(precision, false) << " with exact match, "
            << CorrelateMass(precision, true) << " with bits per byte\n";
    }
}

void
WdmoeSensitivityHelper::Write(const std::string& path) const
{
    const auto& config = m_model->GetConfig();
    Json root;
    root["format"] = "wdmoe-sensitivity-1";
    root["model"] = {{"name", m_name},
                     {"digest", m_model->GetDigest()},
                     {"architecture", config.architecture},
                     {"blocks", config.blocks},
                     {"experts", config.experts},
                     {"top_k", config.topK},
                     {"hidden", config.hidden}};
    Json domains = Json::object();
    for (const auto& [name, domain] : m_measured.front().runs.front().score.GetDomains())
    {
        domains[name] = {{"kind", domain.task ? "task" : "text"},
                         {"items", domain.items},
                         {"scored", domain.scored},
                         {"bytes", domain.bytes}};
    }
    root["data"] = {{"files", files},
                    {"items", m_evaluator.GetItems().size()},
                    {"tokens", m_evaluator.GetTokens()},
                    {"domains", domains}};
    root["rng_seed"] = RngSeedManager::GetSeed();
    root["rng_run"] = RngSeedManager::GetRun();
    root["seeds"] = seeds;
    root["confidence"] = CONFIDENCE;
    root["free_running_items"] = freeRunning;

    Json levers = Json::object();
    for (const auto& measured : m_measured)
    {
        const auto& p = measured.setting.perturbation;
        Json entry;
        entry["name"] = measured.setting.name;
        if (measured.setting.lever == "precision")
        {
            entry["downlink"] = PrecisionName(p.downlink);
            entry["uplink"] = PrecisionName(p.uplink);
        }
        else
        {
            entry["value"] = measured.setting.value;
        }
        entry["bytes_per_pair"] =
            EncodedBytes(p.downlink, config.hidden) + EncodedBytes(p.uplink, config.hidden);
        entry["random"] = p.IsRandom();
        entry["missing_share"] = ToJson(measured.Over(MissingShare));
        entry["dropped_share"] = ToJson(measured.Over(DroppedShare));
        entry["gate_mass_kept"] = ToJson(measured.Over(Mass));
        entry["exact_match"] = ToJson(measured.Over(Exact));
        entry["bits_per_byte"] = ToJson(measured.Over(Bits));
        entry["agreement"] = ToJson(measured.Over(Agreement));
        entry["divergence_bits"] = ToJson(measured.Over(Divergence));
        if (!measured.freely.empty())
        {
            entry["exact_match_free_running"] =
                Number(measured.freely.front().score.MeanGeneratedExactMatch());
        }
        Json byDomain = Json::object();
        for (const auto& [name, domain] : measured.runs.front().score.GetDomains())
        {
            const auto over = [&measured, domainName = name](auto value) {
                return ToJson(measured.Over([&](const EvaluationResult& run) {
                    return value(run.score.GetDomains().at(domainName));
                }));
            };
            auto& d = byDomain[name];
            using wdmoe::DomainScore;
            if (domain.task)
            {
                d["exact_match"] = over([](const DomainScore& s) { return s.ExactMatch(); });
            }
            d["bits_per_byte"] = over([](const DomainScore& s) { return s.BitsPerByte(); });
            d["agreement"] = over([](const DomainScore& s) { return s.Agreement(); });
            d["divergence_bits"] = over([](const DomainScore& s) { return s.Divergence(); });
        }
        entry["domains"] = byDomain;
        levers[measured.setting.lever].push_back(entry);
    }
    root["levers"] = levers;

    Json prices = Json::object();
    for (const auto& item : levers.items())
    {
        if (item.key() != "none")
        {
            const auto price = FitPrice(item.key());
            prices[item.key()] = {{"settings", price.settings},
                                  {"bits_per_byte_per_share", Number(price.bitsPerByte)},
                                  {"exact_match_per_share", Number(price.exactMatch)}};
        }
    }
    root["quality_price"] = {{"most_missing_share", MILD}, {"levers", prices}};
    const auto ranks = [this](bool precision) -> Json {
        return {{"exact_match", Number(CorrelateMass(precision, false))},
                {"bits_per_byte", Number(CorrelateMass(precision, true))}};
    };
    root["rank_correlation_of_gate_mass_kept"] = {{"all", ranks(true)},
                                                  {"without_precision", ranks(false)}};
    std::ofstream out(path, std::ios::binary);
    out << root.dump(1) << "\n";
    if (!out.flush())
    {
        throw std::runtime_error(path + ": cannot be written");
    }
}

} // namespace ns3
