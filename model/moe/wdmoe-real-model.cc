/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-real-model.h"

#include "wdmoe-data-path.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/double.h"
#include "ns3/random-variable-stream.h"
#include "ns3/string.h"

#include <filesystem>
#include <fstream>
#include <map>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(WdmoeRealModel);

namespace
{

/// The model of a folder, read once as long as somebody holds it
std::shared_ptr<const wdmoe::Transformer>
ReadOnce(const std::string& folder)
{
    static std::map<std::string, std::weak_ptr<const wdmoe::Transformer>> known;
    auto model = known[folder].lock();
    if (!model)
    {
        model = wdmoe::Transformer::Load(folder);
        known[folder] = model;
    }
    return model;
}

} // namespace

TypeId
WdmoeRealModel::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::WdmoeRealModel")
            .SetParent<WdmoeGateSource>()
            .SetGroupName("Wdmoe")
            .AddConstructor<WdmoeRealModel>()
            .AddAttribute("Temperature",
                          "Of the choice of the next token; 0: always the most likely one",
                          DoubleValue(0),
                          MakeDoubleAccessor(&WdmoeRealModel::m_temperature),
                          MakeDoubleChecker<double>(0, 100))
            .AddAttribute("Compare",
                          "Run the model without a network as well, for agreement and divergence",
                          BooleanValue(true),
                          MakeBooleanAccessor(&WdmoeRealModel::m_compare),
                          MakeBooleanChecker())
            .AddAttribute("LogitsFile",
                          "Append what came out of the network to this file, for comparison with "
                          "other implementations: for each teacher-forced request two u32 (tokens "
                          "n, vocabulary V), n + 1 u32 (the item), n x V fp32, native byte order; "
                          "empty: none",
                          StringValue(""),
                          MakeStringAccessor(&WdmoeRealModel::m_logitsFile),
                          MakeStringChecker());
    return tid;
}

WdmoeRealModel::WdmoeRealModel()
    : m_uniform(CreateObject<UniformRandomVariable>())
{
}

WdmoeRealModel::~WdmoeRealModel() = default;

void
WdmoeRealModel::DoDispose()
{
    m_transformer = nullptr;
    m_uniform = nullptr;
    m_sessions.clear();
    WdmoeGateSource::DoDispose();
}

std::optional<std::string>
WdmoeRealModel::FindCheckpoint(const std::string& nameOrPath)
{
    namespace fs = std::filesystem;
    std::error_code error;
    if (nameOrPath.empty())
    {
        return std::nullopt;
    }
    if (fs::is_directory(nameOrPath, error))
    {
        return nameOrPath; // without a config.json, Load() says so
    }
    if (nameOrPath.find('/') == std::string::npos)
    {
        const auto models = fs::path(WdmoeDataPath("devices.json")).parent_path() / "models";
        if (fs::is_regular_file(models / nameOrPath / "config.json", error))
        {
            return (models / nameOrPath).string();
        }
    }
    return std::nullopt;
}

Ptr<WdmoeRealModel>
WdmoeRealModel::Load(const std::string& nameOrPath)
{
    const auto folder = FindCheckpoint(nameOrPath);
    NS_ABORT_MSG_IF(!folder,
                    "WDMoE: no checkpoint '" << nameOrPath
                                             << "': expected a folder with config.json and "
                                                "safetensors, or wdmoe-lm-base, wdmoe-lm-robust");
    auto model = CreateObject<WdmoeRealModel>();
    std::string wrong; // aborting inside the handler would print it twice
    try
    {
        model->m_transformer = ReadOnce(*folder);
    }
    catch (const wdmoe::CheckpointError& error)
    {
        wrong = error.what();
    }
    NS_ABORT_MSG_IF(!wrong.empty(), "WDMoE: checkpoint: " << wrong);
    auto path = std::filesystem::path(*folder);
    model->m_name = (path.has_filename() ? path : path.parent_path()).filename().string();
    return model;
}

std::shared_ptr<const wdmoe::Transformer>
WdmoeRealModel::GetTransformer() const
{
    return m_transformer;
}

const std::string&
WdmoeRealModel::GetName() const
{
    return m_name;
}

WdmoeModelDescription
WdmoeRealModel::Describe() const
{
    const auto& c = m_transformer->GetConfig();
    WdmoeModelDescription d;
    d.name = m_name;
    d.blocks = c.blocks;
    d.experts = c.experts;
    d.topK = c.topK;
    d.expert.hidden = c.hidden;
    d.expert.inner = c.inner;
    d.expert.activationFlops = 4; // SiLU: negation, exponential, sum, quotient
    d.expert.bytesPerWeight = 2;
    d.attentionHeads = c.attentionHeads;
    d.keyValueHeads = c.keyValueHeads;
    d.headSize = c.headSize;
    d.vocabulary = c.vocabulary;
    d.contextLength = c.contextLength;
    return d;
}

void
WdmoeRealModel::SetModel(uint32_t blocks, uint32_t experts, uint32_t topK)
{
    WdmoeGateSource::SetModel(blocks, experts, topK);
    const auto& c = m_transformer->GetConfig();
    NS_ABORT_MSG_IF(blocks != c.blocks || experts != c.experts || topK != c.topK,
                    "WdmoeRealModel: " << m_name << " has " << c.blocks << " blocks, " << c.experts
                                       << " experts and top-" << c.topK << ", not " << blocks
                                       << ", " << experts << " and " << topK
                                       << "; describe it with Describe()");
}

int64_t
WdmoeRealModel::AssignStreams(int64_t stream)
{
    m_uniform->SetStream(stream);
    return 1;
}

void
WdmoeRealModel::StartRequest(const WdmoeRequest& request)
{
    NS_ABORT_MSG_IF(!request.item,
                    "WdmoeRealModel: request " << request.id
                                               << " has sizes only; a real model needs what is "
                                                  "asked: use WdmoeItemRequestSource");
    const auto size =
        request.forced ? request.item->tokens.size() : request.promptTokens + request.outputTokens;
    NS_ABORT_MSG_IF(size > m_transformer->GetConfig().contextLength,
                    "WdmoeRealModel: request " << request.id << " needs " << size << " tokens, but "
                                               << m_name << " has a context of "
                                               << m_transformer->GetConfig().contextLength);
    NS_ABORT_MSG_IF(request.promptTokens > request.item->tokens.size(),
                    "WdmoeRealModel: request " << request.id << " has a prompt of "
                                               << request.promptTokens << " tokens, given are "
                                               << request.item->tokens.size());
    auto& session = m_sessions[request.id];
    NS_ABORT_MSG_IF(session.cache, "WdmoeRealModel: request " << request.id << " is under way");
    session.request = request;
    session.cache = std::make_unique<wdmoe::KeyValueCache>(m_transformer->GetConfig());
}

WdmoeRealModel::Session&
WdmoeRealModel::Find(uint64_t request)
{
    const auto it = m_sessions.find(request);
    NS_ABORT_MSG_IF(it == m_sessions.end(),
                    "WdmoeRealModel: request " << request << " is not under way; call "
                                               << "StartRequest first");
    return it->second;
}

void
WdmoeRealModel::StartPass(uint64_t request)
{
    auto& s = Find(request);
    if (s.generated.empty())
    {
        const auto& tokens = s.request.item->tokens;
        s.passTokens.assign(tokens.begin(), tokens.begin() + s.request.promptTokens);
    }
    else
    {
        s.passTokens = {s.generated.back()};
    }
    s.hidden = m_transformer->Embed(s.passTokens);
}

wdmoe::GateMatrix
WdmoeRealModel::GetGate(const WdmoeGateQuery& query)
{
    auto& s = Find(query.request);
    NS_ABORT_MSG_IF(query.tokens != s.passTokens.size(),
                    "WdmoeRealModel: asked for " << query.tokens << " tokens in a pass of "
                                                 << s.passTokens.size());
    m_transformer->Attend(query.block, {{s.cache.get(), query.tokens}}, s.hidden);
    s.input = m_transformer->ExpertInput(query.block, s.hidden);
    return m_transformer->Gate(query.block, s.input);
}

const float*
WdmoeRealModel::GetInput(uint64_t request, uint32_t token) const
{
    const auto& s = m_sessions.at(request);
    return s.input.data() + std::size_t(token) * m_transformer->GetConfig().hidden;
}

void
WdmoeRealModel::Combine(uint64_t request,
                        const wdmoe::Selection& selection,
                        const std::vector<wdmoe::ExpertAnswer>& answers)
{
    m_transformer->Combine(selection, answers, Find(request).hidden);
}

uint32_t
WdmoeRealModel::EndPass(uint64_t request)
{
    auto& s = Find(request);
    const auto& c = m_transformer->GetConfig();
    if (s.generated.empty())
    {
        s.prefillHidden = s.hidden;
    }
    const std::vector<float> last(s.hidden.end() - c.hidden, s.hidden.end());
    const auto logits = m_transformer->Logits(last);
    const auto sampler =
        m_temperature > 0 ? wdmoe::Sampler(m_temperature, m_uniform) : wdmoe::Sampler();
    s.generated.push_back(sampler.Next(logits.data(), c.vocabulary));
    return s.generated.back();
}

bool
WdmoeRealModel::IsEnd(uint32_t token) const
{
    return static_cast<int64_t>(token) == m_transformer->GetConfig().eosToken;
}

std::string
WdmoeRealModel::GetText(uint32_t token) const
{
    if (m_transformer->GetConfig().vocabulary == 256)
    {
        return std::string(1, static_cast<char>(token));
    }
    return " " + std::to_string(token);
}

void
WdmoeRealModel::WriteLogits(const Session& s) const
{
    std::ofstream file(m_logitsFile, std::ios::binary | std::ios::app);
    const auto put = [&file](const void* at, std::size_t bytes) {
        file.write(static_cast<const char*>(at), static_cast<std::streamsize>(bytes));
    };
    const auto& tokens = s.request.item->tokens;
    const uint32_t sizes[] = {static_cast<uint32_t>(tokens.size() - 1),
                              m_transformer->GetConfig().vocabulary};
    const auto logits = m_transformer->Logits(s.prefillHidden);
    put(sizes, sizeof(sizes));
    put(tokens.data(), tokens.size() * sizeof(uint32_t));
    put(logits.data(), logits.size() * sizeof(float));
    NS_ABORT_MSG_IF(!file, "WdmoeRealModel: cannot write the LogitsFile '" << m_logitsFile << "'");
}

WdmoeRequestScore
WdmoeRealModel::EndRequest(uint64_t request)
{
    const auto session = std::move(Find(request));
    m_sessions.erase(request);
    const auto& item = *session.request.item;
    const auto& c = m_transformer->GetConfig();
    WdmoeRequestScore s;
    s.domain = item.domain;
    s.task = item.task;
    s.forced = session.request.forced;
    wdmoe::CapabilityScore one;
    if (session.request.forced)
    {
        // token scoreFrom + r is predicted at position scoreFrom + r - 1
        const auto rows = [&](const std::vector<float>& hidden) {
            return m_transformer->Logits(
                {hidden.begin() + std::size_t(item.scoreFrom - 1) * c.hidden,
                 hidden.begin() + (item.tokens.size() - 1) * c.hidden});
        };
        const auto logits = rows(session.prefillHidden);
        if (!m_logitsFile.empty())
        {
            WriteLogits(session);
        }
        std::vector<float> reference;
        if (m_compare)
        {
            wdmoe::KeyValueCache cache(c);
            const std::vector<uint32_t> tokens(item.tokens.begin(), item.tokens.end() - 1);
            const auto all = wdmoe::Forward(*m_transformer,
                                            {{&cache, static_cast<uint32_t>(tokens.size())}},
                                            tokens);
            reference.assign(all.begin() + std::size_t(item.scoreFrom - 1) * c.vocabulary,
                             all.end());
        }
        one.Add(item, logits.data(), c.vocabulary, m_compare ? reference.data() : nullptr);
        const auto& d = one.GetDomains().begin()->second;
        s.exact = d.task && d.exact > 0;
        s.scored = static_cast<uint32_t>(d.scored);
        s.bits = d.bits;
        s.compared = static_cast<uint32_t>(d.compared);
        s.agreeing = static_cast<uint32_t>(d.agreeing);
        s.divergence = d.divergence;
    }
    else
    {
        for (const auto token : session.generated)
        {
            s.generated += GetText(token);
        }
        if (item.task && item.Scored() > 0)
        {
            one.AddGenerated(item, session.generated);
            s.exact = one.GetDomains().begin()->second.generatedExact > 0;
        }
    }
    m_score.Merge(one);
    return s;
}

const wdmoe::CapabilityScore&
WdmoeRealModel::GetScore() const
{
    return m_score;
}

} // namespace ns3
