/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-capability.h"

#include "wdmoe-data-file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>

namespace wdmoe
{

namespace
{

constexpr double NONE = std::numeric_limits<double>::quiet_NaN();

/// One line of an evaluation file
class Line
{
  public:
    Line(const std::string& place, const std::string& text, const TransformerConfig& config)
        : m_place(place),
          m_config(config)
    {
        std::set<std::string> keys; // the parser would keep the last of two, in silence
        const auto noTwins = [&](int depth, auto event, nlohmann::json& value) {
            if (depth == 1 && event == nlohmann::json::parse_event_t::key &&
                !keys.insert(value.get<std::string>()).second)
            {
                Fail("the key " + value.dump() + " stands twice");
            }
            return true;
        };
        try
        {
            m_object = nlohmann::json::parse(text, noTwins);
        }
        catch (const nlohmann::json::parse_error& error)
        {
            const std::string what = error.what();
            const auto cut = what.find(": ");
            Fail("not JSON: " + (cut == std::string::npos ? what : what.substr(cut + 2)));
        }
        if (!m_object.is_object())
        {
            Fail(std::string("expected an object, found ") + m_object.type_name());
        }
    }

    EvaluationItem Read() const
    {
        EvaluationItem item;
        item.place = m_place;
        item.domain = Text("domain");
        if (m_object.contains("tokens"))
        {
            Only({"domain", "tokens", "score_from", "task", "bytes"});
            ReadTokens(item);
        }
        else if (m_object.contains("text"))
        {
            Only({"domain", "text"});
            Start(item);
            Append(item, "text");
        }
        else
        {
            Only({"domain", "prompt", "answer", "level"});
            item.task = true;
            Start(item);
            Append(item, "prompt");
            item.scoreFrom = static_cast<uint32_t>(item.tokens.size());
            if (Text("answer").find('\n') != std::string::npos)
            {
                Fail("\"answer\": expected no newline, since a newline ends an answer");
            }
            Append(item, "answer");
            item.tokens.push_back('\n');
        }
        if (item.bytes == 0)
        {
            item.bytes = item.Scored();
        }
        // the last token is never an input, but whoever runs the model may give it as one
        if (item.tokens.size() > m_config.contextLength)
        {
            Fail("expected at most " + std::to_string(m_config.contextLength) +
                 " tokens, the model's context, found " + std::to_string(item.tokens.size()));
        }
        return item;
    }

  private:
    [[noreturn]] void Fail(const std::string& what) const
    {
        throw ns3::WdmoeDataError(m_place + ": " + what);
    }

    const nlohmann::json& At(const std::string& key) const
    {
        const auto found = m_object.find(key);
        if (found == m_object.end())
        {
            Fail("\"" + key + "\" is missing");
        }
        return *found;
    }

    std::string Text(const std::string& key) const
    {
        const auto& value = At(key);
        if (!value.is_string() || value.get_ref<const std::string&>().empty())
        {
            Fail("\"" + key + "\": expected a text that is not empty, found " + value.dump());
        }
        return value.get<std::string>();
    }

    uint32_t Whole(const std::string& key,
                   const nlohmann::json& value,
                   uint64_t least,
                   uint64_t most) const
    {
        if (!value.is_number_unsigned() || value.get<uint64_t>() < least ||
            value.get<uint64_t>() > most)
        {
            Fail("\"" + key + "\": expected a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most) + ", found " + value.dump());
        }
        return value.get<uint32_t>();
    }

    void Only(const std::vector<std::string>& known) const
    {
        for (const auto& member : m_object.items())
        {
            if (std::find(known.begin(), known.end(), member.key()) == known.end())
            {
                std::string all;
                for (const auto& name : known)
                {
                    all += (all.empty() ? "" : ", ") + name;
                }
                Fail("\"" + member.key() + "\" is not known here; expected: " + all);
            }
        }
    }

    void Start(EvaluationItem& item) const
    {
        if (m_config.vocabulary != 256 || m_config.bosToken < 0)
        {
            Fail("a prompt or a text is for a model of bytes (256 tokens and a start token); this "
                 "one has " +
                 std::to_string(m_config.vocabulary) + " tokens and " +
                 (m_config.bosToken < 0 ? "no start token" : "a start token") +
                 ": give \"tokens\" and \"score_from\"");
        }
        item.tokens.push_back(static_cast<uint32_t>(m_config.bosToken));
    }

    void Append(EvaluationItem& item, const std::string& key) const
    {
        for (const char c : Text(key))
        {
            const int32_t byte = static_cast<uint8_t>(c);
            if (byte == m_config.bosToken || byte == m_config.padToken)
            {
                Fail("\"" + key + "\": expected no byte " + std::to_string(byte) + ", which is " +
                     (byte == m_config.bosToken ? "the start" : "the padding") +
                     " token of the model");
            }
            item.tokens.push_back(static_cast<uint32_t>(byte));
        }
    }

    void ReadTokens(EvaluationItem& item) const
    {
        const auto& tokens = At("tokens");
        if (!tokens.is_array() || tokens.size() < 2)
        {
            Fail("\"tokens\": expected an array of at least two token numbers");
        }
        for (const auto& token : tokens)
        {
            item.tokens.push_back(Whole("tokens", token, 0, m_config.vocabulary - 1));
        }
        item.scoreFrom = Whole("score_from", At("score_from"), 1, item.tokens.size() - 1);
        if (m_object.contains("task"))
        {
            if (!At("task").is_boolean())
            {
                Fail("\"task\": expected true or false, found " + At("task").dump());
            }
            item.task = At("task").get<bool>();
        }
        if (m_object.contains("bytes"))
        {
            item.bytes = Whole("bytes", At("bytes"), 1, 1U << 30);
        }
    }

    std::string m_place;               ///< "FILE:LINE"
    const TransformerConfig& m_config; ///< of the model that is asked
    nlohmann::json m_object;           ///< the line
};

std::size_t
MostLikely(const float* logits, uint32_t vocabulary)
{
    return static_cast<std::size_t>(std::max_element(logits, logits + vocabulary) - logits);
}

/// log(sum of exp(logits))
double
LogSum(const float* logits, uint32_t vocabulary)
{
    const double most = *std::max_element(logits, logits + vocabulary);
    double sum = 0;
    for (uint32_t v = 0; v < vocabulary; ++v)
    {
        sum += std::exp(logits[v] - most);
    }
    return most + std::log(sum);
}

/// sum of q ln(q / p), q of the reference
double
Divergence(const float* logits, double logSum, const float* reference, uint32_t vocabulary)
{
    if (std::equal(logits, logits + vocabulary, reference))
    {
        return 0; // not a rounding error beside it
    }
    const double referenceSum = LogSum(reference, vocabulary);
    double divergence = 0;
    for (uint32_t v = 0; v < vocabulary; ++v)
    {
        const double logQ = reference[v] - referenceSum;
        divergence += std::exp(logQ) * (logQ - (logits[v] - logSum));
    }
    return std::max(0.0, divergence);
}

template <typename Include, typename Value>
double
MeanOver(const std::map<std::string, DomainScore>& domains, Include include, Value value)
{
    double sum = 0;
    std::size_t count = 0;
    for (const auto& [name, domain] : domains)
    {
        if (include(domain))
        {
            sum += value(domain);
            count++;
        }
    }
    return count ? sum / static_cast<double>(count) : NONE;
}

double
Ratio(double value, double of)
{
    return of > 0 ? value / of : NONE;
}

} // namespace

uint32_t
EvaluationItem::Scored() const
{
    return static_cast<uint32_t>(tokens.size()) - scoreFrom;
}

std::vector<EvaluationItem>
ReadEvaluation(const std::string& path, const TransformerConfig& config)
{
    std::ifstream in(path, std::ios::binary);
    if (!in || in.peek() == std::ifstream::traits_type::eof())
    {
        throw ns3::WdmoeDataError(path + ": cannot be read (missing, empty, or a folder)");
    }
    std::vector<EvaluationItem> items;
    std::map<std::string, bool> kinds;
    std::size_t number = 0;
    for (std::string text; std::getline(in, text);)
    {
        number++;
        if (text.find_first_not_of(" \t\r") == std::string::npos)
        {
            continue;
        }
        const auto place = path + ":" + std::to_string(number);
        items.push_back(Line(place, text, config).Read());
        const auto& item = items.back();
        if (kinds.emplace(item.domain, item.task).first->second != item.task)
        {
            throw ns3::WdmoeDataError(place + ": the domain \"" + item.domain +
                                      "\" has both tasks and texts; expected one kind");
        }
    }
    if (items.empty())
    {
        throw ns3::WdmoeDataError(path + ": no item in it");
    }
    return items;
}

namespace
{

/// 0 .. n - 1 so that any first part of them is evenly spread: numbers with their bits turned round
std::vector<std::size_t>
SpreadOrder(std::size_t n)
{
    std::size_t bits = 0;
    while ((std::size_t(1) << bits) < n)
    {
        ++bits;
    }
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < std::size_t(1) << bits; ++i)
    {
        std::size_t turned = 0;
        for (std::size_t bit = 0; bit < bits; ++bit)
        {
            turned |= ((i >> bit) & 1) << (bits - 1 - bit);
        }
        if (turned < n)
        {
            order.push_back(turned);
        }
    }
    return order;
}

} // namespace

std::vector<EvaluationItem>
LimitTokens(const std::vector<EvaluationItem>& items, std::size_t tokens)
{
    std::map<std::string, std::size_t> size;
    for (const auto& item : items)
    {
        size[item.domain] += item.tokens.size() - 1;
    }
    std::vector<std::pair<std::size_t, std::string>> smallestFirst;
    for (const auto& [domain, all] : size)
    {
        smallestFirst.emplace_back(all, domain);
    }
    std::sort(smallestFirst.begin(), smallestFirst.end());
    std::size_t left = tokens;
    std::map<std::string, std::size_t> budget;
    for (std::size_t d = 0; d < smallestFirst.size(); ++d)
    {
        const auto& [all, domain] = smallestFirst[d];
        budget[domain] = std::min(all, left / (smallestFirst.size() - d));
        left -= budget[domain];
    }
    std::map<std::string, std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        members[items[i].domain].push_back(i);
    }
    std::vector<bool> keep(items.size());
    for (const auto& [domain, member] : members)
    {
        std::size_t used = 0;
        for (const auto place : SpreadOrder(member.size()))
        {
            const std::size_t more = items[member[place]].tokens.size() - 1;
            if (tokens > 0 && used > 0 && used + more > budget[domain])
            {
                break; // a shorter one later would bias the sample
            }
            used += more;
            keep[member[place]] = true;
        }
    }
    std::vector<EvaluationItem> taken;
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        if (keep[i])
        {
            taken.push_back(items[i]);
        }
    }
    return taken;
}

double
DomainScore::ExactMatch() const
{
    return Ratio(static_cast<double>(exact), static_cast<double>(items));
}

double
DomainScore::BitsPerByte() const
{
    return Ratio(bits, bytes);
}

double
DomainScore::Agreement() const
{
    return Ratio(static_cast<double>(agreeing), static_cast<double>(compared));
}

double
DomainScore::Divergence() const
{
    return Ratio(divergence, static_cast<double>(compared));
}

double
DomainScore::GeneratedExactMatch() const
{
    return Ratio(static_cast<double>(generatedExact), static_cast<double>(generated));
}

void
DomainScore::Merge(const DomainScore& other)
{
    task = other.task;
    items += other.items;
    exact += other.exact;
    scored += other.scored;
    bytes += other.bytes;
    bits += other.bits;
    compared += other.compared;
    agreeing += other.agreeing;
    divergence += other.divergence;
    generated += other.generated;
    generatedExact += other.generatedExact;
}

DomainScore&
CapabilityScore::Of(const EvaluationItem& item)
{
    const auto [found, made] = m_domains.try_emplace(item.domain);
    if (made)
    {
        found->second.task = item.task;
    }
    if (found->second.task != item.task)
    {
        throw std::invalid_argument("CapabilityScore: the domain \"" + item.domain +
                                    "\" has both tasks and texts, expected one kind");
    }
    return found->second;
}

void
CapabilityScore::Add(const EvaluationItem& item,
                     const float* logits,
                     uint32_t vocabulary,
                     const float* reference)
{
    auto& domain = Of(item);
    bool right = true;
    for (uint32_t r = 0; r < item.Scored(); ++r)
    {
        const float* row = logits + static_cast<std::size_t>(r) * vocabulary;
        const uint32_t token = item.tokens[item.scoreFrom + r];
        const bool finite =
            std::all_of(row, row + vocabulary, [](float l) { return std::isfinite(l); });
        const double logSum = finite ? LogSum(row, vocabulary) : 0;
        const std::size_t best = finite ? MostLikely(row, vocabulary) : vocabulary;
        const double infinite = std::numeric_limits<double>::infinity();
        right = right && best == token;
        domain.bits += finite ? (logSum - row[token]) / std::log(2.0) : infinite;
        if (reference)
        {
            const float* other = reference + static_cast<std::size_t>(r) * vocabulary;
            domain.agreeing += best == MostLikely(other, vocabulary);
            domain.divergence +=
                finite ? Divergence(row, logSum, other, vocabulary) / std::log(2.0) : infinite;
            domain.compared++;
        }
    }
    domain.items++;
    domain.exact += right;
    domain.scored += item.Scored();
    domain.bytes += item.bytes;
}

void
CapabilityScore::AddGenerated(const EvaluationItem& item, const std::vector<uint32_t>& generated)
{
    auto& domain = Of(item);
    domain.generated++;
    domain.generatedExact +=
        generated.size() >= item.Scored() &&
        std::equal(item.tokens.begin() + item.scoreFrom, item.tokens.end(), generated.begin());
}

void
CapabilityScore::Merge(const CapabilityScore& other)
{
    for (const auto& [name, domain] : other.m_domains)
    {
        m_domains[name].Merge(domain);
    }
}

const std::map<std::string, DomainScore>&
CapabilityScore::GetDomains() const
{
    return m_domains;
}

DomainScore
CapabilityScore::Total() const
{
    DomainScore total;
    for (const auto& [name, domain] : m_domains)
    {
        total.Merge(domain);
    }
    total.task = false;
    return total;
}

double
CapabilityScore::MeanExactMatch() const
{
    return MeanOver(
        m_domains,
        [](const DomainScore& d) { return d.task && d.items > 0; },
        [](const DomainScore& d) { return d.ExactMatch(); });
}

double
CapabilityScore::MeanBitsPerByte() const
{
    return MeanOver(
        m_domains,
        [](const DomainScore& d) { return !d.task && d.items > 0; },
        [](const DomainScore& d) { return d.BitsPerByte(); });
}

double
CapabilityScore::MeanGeneratedExactMatch() const
{
    return MeanOver(
        m_domains,
        [](const DomainScore& d) { return d.task && d.generated > 0; },
        [](const DomainScore& d) { return d.GeneratedExactMatch(); });
}

Sampler::Sampler(double temperature, ns3::Ptr<ns3::UniformRandomVariable> uniform)
    : m_temperature(temperature),
      m_uniform(uniform)
{
    if (!(temperature > 0) || std::isinf(temperature))
    {
        throw std::invalid_argument("Sampler: the temperature is " + std::to_string(temperature) +
                                    ", expected finite and > 0");
    }
}

uint32_t
Sampler::Next(const float* logits, uint32_t vocabulary) const
{
    const auto best = static_cast<uint32_t>(MostLikely(logits, vocabulary));
    if (!m_uniform)
    {
        return best;
    }
    std::vector<double> reached(vocabulary);
    double sum = 0;
    for (uint32_t v = 0; v < vocabulary; ++v)
    {
        sum += std::exp((logits[v] - logits[best]) / m_temperature);
        reached[v] = sum;
    }
    const double draw = m_uniform->GetValue(0, sum);
    const auto found = std::upper_bound(reached.begin(), reached.end(), draw);
    return found == reached.end() ? best : static_cast<uint32_t>(found - reached.begin());
}

} // namespace wdmoe
