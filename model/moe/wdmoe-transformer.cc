/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

#include "wdmoe-transformer.h"

#include "wdmoe-safetensors.h"
#include "wdmoe-transformer-kernels.h"
#include "wdmoe-worker-pool.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace wdmoe
{

namespace
{

using Json = nlohmann::json;

/// Longest config.json
constexpr std::size_t MOST_CONFIG_BYTES = 1 << 20;
/// Positions whose rotation is kept; later ones are computed when they come
constexpr std::size_t MOST_ROTATIONS = 4096;
/// Multiplications from which on a second thread is worth the trouble
constexpr std::size_t PARALLEL_FROM = 48 << 10;

/// Reads the fields of config.json
class ConfigReader
{
  public:
    ConfigReader(const std::string& path, const Json& json, const std::string& prefix = "")
        : m_path(path),
          m_json(json),
          m_prefix(prefix)
    {
    }

    /// @return the value; null if it is missing or null; @param field its name
    const Json* Find(const char* field) const
    {
        const auto found = m_json.find(field);
        return found == m_json.end() || found->is_null() ? nullptr : &*found;
    }

    [[noreturn]] void Fail(const char* field, const std::string& expected) const
    {
        const Json* found = Find(field);
        std::string text = m_json.contains(field) ? "null" : "nothing";
        if (found)
        {
            text = found->is_structured() && found->size() > 8
                       ? std::string("an ") + found->type_name()
                       : found->dump(-1, ' ', true, Json::error_handler_t::replace);
        }
        throw CheckpointError(m_path + ": field '" + m_prefix + field + "': expected " + expected +
                              ", found " + (found ? QuoteForMessage(text) : text));
    }

    uint32_t Integer(const char* field, uint64_t least, uint64_t most) const
    {
        const Json* value = Find(field);
        if (!value || !value->is_number_unsigned() || value->get<uint64_t>() < least ||
            value->get<uint64_t>() > most)
        {
            Fail(field,
                 "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        }
        return static_cast<uint32_t>(value->get<uint64_t>());
    }

    double Number(const char* field, double above, double most) const
    {
        const Json* value = Find(field);
        const double number = value && value->is_number() ? value->get<double>() : std::nan("");
        if (!(number > above && number <= most))
        {
            Fail(field, "a number > " + Json(above).dump() + " and <= " + Json(most).dump());
        }
        return number;
    }

    bool Flag(const char* field) const
    {
        const Json* value = Find(field);
        if (value && !value->is_boolean())
        {
            Fail(field, "true or false");
        }
        return value && value->get<bool>();
    }

    int32_t Token(const char* field, uint32_t vocabulary) const
    {
        const Json* value = Find(field);
        if (value && value->is_array() && !value->empty())
        {
            value = &value->front();
        }
        if (!value || *value == -1)
        {
            return -1;
        }
        if (!value->is_number_unsigned() || value->get<uint64_t>() >= vocabulary)
        {
            Fail(field, "a token below " + std::to_string(vocabulary) + ", or null");
        }
        return static_cast<int32_t>(value->get<uint64_t>());
    }

  private:
    const std::string& m_path;
    const Json& m_json;
    std::string m_prefix;
};

/// @return the base of the rotary positions, the one thing that versions of transformers write
/// differently; @param reader of the root @param path for messages
double
ReadRopeTheta(const ConfigReader& reader, const std::string& path)
{
    double theta = 0;
    if (reader.Find("rope_theta"))
    {
        theta = reader.Number("rope_theta", 0, 1e15);
    }
    for (const char* name : {"rope_parameters", "rope_scaling"})
    {
        const Json* rope = reader.Find(name);
        if (!rope)
        {
            continue;
        }
        if (!rope->is_object())
        {
            reader.Fail(name, "an object or null");
        }
        const ConfigReader inner(path, *rope, std::string(name) + ".");
        for (const char* type : {"rope_type", "type"})
        {
            const Json* value = inner.Find(type);
            if (value && *value != "default")
            {
                inner.Fail(type, "\"default\", the one computed here");
            }
        }
        if (inner.Find("partial_rotary_factor") && inner.Number("partial_rotary_factor", 0, 1) != 1)
        {
            inner.Fail("partial_rotary_factor", "1");
        }
        if (inner.Find("rope_theta"))
        {
            const double value = inner.Number("rope_theta", 0, 1e15);
            if (theta != 0 && value != theta)
            {
                inner.Fail("rope_theta", Json(theta).dump() + " as in field 'rope_theta'");
            }
            theta = value;
        }
    }
    if (theta == 0)
    {
        reader.Fail("rope_theta", "a number, here or in 'rope_parameters'");
    }
    return theta;
}

/// An array of floats that starts where vectors like it
class Arena
{
  public:
    explicit Arena(std::size_t floats)
        : m_data(static_cast<float*>(::operator new(floats * sizeof(float), ALIGN)))
    {
    }

    ~Arena()
    {
        ::operator delete(m_data, ALIGN);
    }

    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    float* Data() const
    {
        return m_data;
    }

  private:
    static constexpr std::align_val_t ALIGN{64};
    float* m_data;
};

/// A matrix (rows x k) in panels, see wdmoe-transformer-kernels.h
struct Matrix
{
    std::size_t rows{0};   ///< outputs
    std::size_t k{0};      ///< inputs
    std::size_t panels{0}; ///< whole panels
    float* data{nullptr};  ///< panels * k * PANEL
};

/// Names the weights: values row by row, not how they were stored
class Digest
{
  public:
    void Add(const void* data, std::size_t bytes)
    {
        const auto* from = static_cast<const char*>(data);
        // four at a time: they do not wait for each other
        for (; bytes >= sizeof(m_state); bytes -= sizeof(m_state), from += sizeof(m_state))
        {
            for (int lane = 0; lane < 4; ++lane)
            {
                Mix(m_state[lane], from + 8 * lane, 8);
            }
        }
        for (int lane = 0; bytes > 0; ++lane)
        {
            const std::size_t n = std::min<std::size_t>(bytes, 8);
            Mix(m_state[lane], from, n);
            from += n;
            bytes -= n;
        }
    }

    void Add(const std::string& text)
    {
        const uint64_t size = text.size();
        Add(&size, sizeof(size));
        Add(text.data(), text.size());
    }

    std::string Text() const
    {
        uint64_t state = 0;
        for (const uint64_t lane : m_state)
        {
            Mix(state, &lane, sizeof(lane));
        }
        state = (state ^ (state >> 32)) * 0xD6E8FEB86659FD93ULL;
        state ^= state >> 32;
        std::string text(16, '0');
        for (int i = 15; i >= 0; --i, state >>= 4)
        {
            text[i] = "0123456789abcdef"[state & 15];
        }
        return text;
    }

  private:
    static void Mix(uint64_t& state, const void* from, std::size_t bytes)
    {
        uint64_t word = 0;
        std::memcpy(&word, from, bytes);
        state = (state ^ word) * 0x9E3779B97F4A7C15ULL;
        state ^= state >> 29;
    }

    uint64_t m_state[4] = {0x243F6A8885A308D3ULL,
                           0x13198A2E03707344ULL,
                           0xA4093822299F31D0ULL,
                           0x082EFA98EC4E6C89ULL};
};

/// One product on all threads, if it is worth it; @param matrix second factor @param job the rest
void
Run(const Matrix& matrix, ProductJob job, void (*kernel)(const ProductJob&))
{
    job.k = matrix.k;
    job.panels = matrix.data;
    job.firstPanel = 0;
    job.lastPanel = matrix.panels;
    const std::size_t threads = GetPoolThreads();
    const std::size_t work = job.rows * matrix.panels * PANEL * matrix.k;
    if (threads < 2 || matrix.panels < 2 || work < PARALLEL_FROM)
    {
        kernel(job);
        return;
    }
    const std::size_t step = std::clamp<std::size_t>(matrix.panels / (2 * threads), 1, 4);
    auto piece = [&](std::size_t i) {
        ProductJob mine = job;
        mine.firstPanel = i * step;
        mine.lastPanel = std::min(matrix.panels, (i + 1) * step);
        kernel(mine);
    };
    RunParallel((matrix.panels + step - 1) / step, piece);
}

/// Throws std::invalid_argument; @param ok whether not to @param what the message
void
Require(bool ok, const std::string& what)
{
    if (!ok)
    {
        throw std::invalid_argument("Transformer: " + what);
    }
}

/// @return what a message says of sizes; @param found one @param expected other
std::string
Sizes(std::size_t found, std::size_t expected)
{
    return std::to_string(found) + " numbers, expected " + std::to_string(expected);
}

} // namespace

/// All that is learnt
struct Transformer::Weights
{
    /// One block
    struct Block
    {
        const float* attentionNorm{nullptr}; ///< m
        const float* expertNorm{nullptr};    ///< m
        Matrix query;                        ///< rows of q, k and v, one after the other
        Matrix output;                       ///< o
        Matrix gate;                         ///< router
        std::vector<Matrix> up;              ///< by expert: 8 rows of w1, 8 of w3, and so on
        std::vector<Matrix> down;            ///< by expert: w2
    };

    /// @param config sizes @param folder tensors, checked against them
    Weights(const TransformerConfig& config, const TensorFolder& folder);

    std::unique_ptr<Arena> arena;   ///< holds them
    const float* embedding{};       ///< V x m, row major; null: it is the head
    const float* norm{nullptr};     ///< m, the last one
    Matrix head;                    ///< V x m
    std::vector<Block> blocks;      ///< by block
    std::vector<float> rotation;    ///< by position: cosines, then sines
    std::vector<float> frequencies; ///< of the rotation, headSize / 2
    std::string digest;             ///< of all

    /// @param position of a token @param [out] spare used where it is not kept @return cosines,
    /// then sines
    const float* Rotation(std::size_t position, std::vector<float>& spare) const;
};

namespace
{

/// Calls a function for each tensor of the model; @param c sizes @param f called with name and
/// shape
template <typename F>
void
ForEachTensor(const TransformerConfig& c, const F& f)
{
    using Shape = std::vector<uint64_t>;
    const uint64_t query = uint64_t{c.attentionHeads} * c.headSize;
    const uint64_t keyValue = uint64_t{c.keyValueHeads} * c.headSize;
    f("model.embed_tokens.weight", Shape{c.vocabulary, c.hidden});
    for (uint32_t i = 0; i < c.blocks; ++i)
    {
        const std::string block = "model.layers." + std::to_string(i) + ".";
        f(block + "input_layernorm.weight", Shape{c.hidden});
        f(block + "self_attn.q_proj.weight", Shape{query, c.hidden});
        f(block + "self_attn.k_proj.weight", Shape{keyValue, c.hidden});
        f(block + "self_attn.v_proj.weight", Shape{keyValue, c.hidden});
        f(block + "self_attn.o_proj.weight", Shape{c.hidden, query});
        f(block + "post_attention_layernorm.weight", Shape{c.hidden});
        f(block + "block_sparse_moe.gate.weight", Shape{c.experts, c.hidden});
        for (uint32_t e = 0; e < c.experts; ++e)
        {
            const std::string expert = block + "block_sparse_moe.experts." + std::to_string(e);
            f(expert + ".w1.weight", Shape{c.inner, c.hidden});
            f(expert + ".w2.weight", Shape{c.hidden, c.inner});
            f(expert + ".w3.weight", Shape{c.inner, c.hidden});
        }
    }
    f("model.norm.weight", Shape{c.hidden});
    if (!c.tiedEmbedding)
    {
        f("lm_head.weight", Shape{c.vocabulary, c.hidden});
    }
}

/// @return text of a shape; @param shape its dimensions
std::string
ShapeText(const std::vector<uint64_t>& shape)
{
    std::string text;
    for (const auto dimension : shape)
    {
        text += (text.empty() ? "" : ", ") + std::to_string(dimension);
    }
    return "[" + text + "]";
}

/// Throws unless a folder holds just the tensors of a model; @param config sizes @param folder the
/// tensors
void
CheckTensors(const TransformerConfig& config, const TensorFolder& folder)
{
    const auto& tensors = folder.Tensors();
    std::size_t known = 0;
    std::set<std::string> names;
    ForEachTensor(config, [&](const std::string& name, const std::vector<uint64_t>& shape) {
        const auto found = tensors.find(name);
        if (found == tensors.end())
        {
            throw CheckpointError(folder.MainFile() + ": tensor '" + name + "': expected shape " +
                                  ShapeText(shape) + " by config.json, found no such tensor");
        }
        if (found->second.shape != shape)
        {
            throw CheckpointError(folder.FileOf(found->second) + ": tensor '" + name +
                                  "': expected shape " + ShapeText(shape) +
                                  " by config.json, found " + ShapeText(found->second.shape));
        }
        ++known;
        if (tensors.size() < 1'000'000)
        {
            names.insert(name);
        }
    });
    if (known == tensors.size())
    {
        return;
    }
    for (const auto& [name, tensor] : tensors)
    {
        if (!names.count(name))
        {
            throw CheckpointError(folder.FileOf(tensor) + ": tensor " + QuoteForMessage(name) +
                                  ": expected no such tensor in a " + config.architecture +
                                  " of this config.json, found it");
        }
    }
}

} // namespace

Transformer::Weights::Weights(const TransformerConfig& c, const TensorFolder& folder)
{
    const std::size_t query = std::size_t{c.attentionHeads} * c.headSize;
    const std::size_t keyValue = std::size_t{c.keyValueHeads} * c.headSize;
    blocks.resize(c.blocks);

    // the same walk twice: how much, then where
    std::size_t used = 0;
    const auto place = [&](std::size_t floats) {
        float* at = arena ? arena->Data() + used : nullptr;
        used += (floats + PANEL - 1) / PANEL * PANEL;
        return at;
    };
    const auto placeMatrix =
        [&](Matrix& matrix, std::size_t panels, std::size_t rows, std::size_t k) {
            matrix = Matrix{rows, k, panels, place(panels * PANEL * k)};
        };
    const auto layOut = [&] {
        used = 0;
        embedding = c.tiedEmbedding ? nullptr : place(std::size_t{c.vocabulary} * c.hidden);
        for (auto& block : blocks)
        {
            block.attentionNorm = place(c.hidden);
            placeMatrix(block.query,
                        ToPanels(query + 2 * keyValue),
                        query + 2 * keyValue,
                        c.hidden);
            placeMatrix(block.output, ToPanels(c.hidden), c.hidden, query);
            block.expertNorm = place(c.hidden);
            placeMatrix(block.gate, ToPanels(c.experts), c.experts, c.hidden);
            block.up.resize(c.experts);
            block.down.resize(c.experts);
            for (uint32_t e = 0; e < c.experts; ++e)
            {
                placeMatrix(block.up[e], ToPanels(2 * std::size_t{c.inner}), c.inner, c.hidden);
                placeMatrix(block.down[e], ToPanels(c.hidden), c.hidden, c.inner);
            }
        }
        norm = place(c.hidden);
        placeMatrix(head, ToPanels(c.vocabulary), c.vocabulary, c.hidden);
    };
    layOut();
    arena = std::make_unique<Arena>(used);
    layOut();

    Digest hash;
    const auto readRow = [&](const std::string& name, const float* to, std::size_t width) {
        hash.Add(name);
        folder.ReadRows(name, width, [&](std::size_t first, std::size_t n, const float* values) {
            for (std::size_t r = 0; r < n; ++r)
            {
                hash.Add(values + r * width, width * sizeof(float));
            }
            std::copy_n(values, n * width, const_cast<float*>(to) + first * width);
        });
    };
    // rows go to group after group of `group` lanes, from lane `lane` on
    const auto readMatrix = [&](const std::string& name,
                                const Matrix& matrix,
                                std::size_t before = 0,
                                std::size_t group = PANEL,
                                std::size_t lane = 0) {
        hash.Add(name);
        folder.ReadRows(name, matrix.k, [&](std::size_t first, std::size_t n, const float* values) {
            for (std::size_t r = 0; r < n; ++r)
            {
                const std::size_t row = before + first + r;
                float* to = matrix.data + row / group * matrix.k * PANEL + row % group + lane;
                const float* from = values + r * matrix.k;
                hash.Add(from, matrix.k * sizeof(float));
                for (std::size_t i = 0; i < matrix.k; ++i)
                {
                    to[i * PANEL] = from[i];
                }
            }
        });
    };
    // lanes of the last panel that no row fills
    const auto clear = [](const Matrix& matrix) {
        float* last = matrix.data + (matrix.panels - 1) * matrix.k * PANEL;
        std::fill_n(last, matrix.k * PANEL, 0.0F);
    };

    if (embedding)
    {
        readRow("model.embed_tokens.weight", embedding, c.hidden);
    }
    for (uint32_t i = 0; i < c.blocks; ++i)
    {
        auto& block = blocks[i];
        const std::string prefix = "model.layers." + std::to_string(i) + ".";
        readRow(prefix + "input_layernorm.weight", block.attentionNorm, c.hidden);
        clear(block.query);
        readMatrix(prefix + "self_attn.q_proj.weight", block.query);
        readMatrix(prefix + "self_attn.k_proj.weight", block.query, query);
        readMatrix(prefix + "self_attn.v_proj.weight", block.query, query + keyValue);
        clear(block.output);
        readMatrix(prefix + "self_attn.o_proj.weight", block.output);
        readRow(prefix + "post_attention_layernorm.weight", block.expertNorm, c.hidden);
        clear(block.gate);
        readMatrix(prefix + "block_sparse_moe.gate.weight", block.gate);
        for (uint32_t e = 0; e < c.experts; ++e)
        {
            const std::string expert =
                prefix + "block_sparse_moe.experts." + std::to_string(e) + ".w";
            clear(block.up[e]);
            clear(block.down[e]);
            readMatrix(expert + "1.weight", block.up[e], 0, PANEL / 2, 0);
            readMatrix(expert + "3.weight", block.up[e], 0, PANEL / 2, PANEL / 2);
            readMatrix(expert + "2.weight", block.down[e]);
        }
    }
    readRow("model.norm.weight", norm, c.hidden);
    clear(head);
    readMatrix(c.tiedEmbedding ? "model.embed_tokens.weight" : "lm_head.weight", head);

    for (uint32_t i = 0; i < c.headSize; i += 2)
    {
        frequencies.push_back(
            static_cast<float>(1.0 / std::pow(c.ropeTheta, static_cast<double>(i) / c.headSize)));
    }
    std::vector<float> spare;
    for (std::size_t p = 0; p < std::min<std::size_t>(c.contextLength, MOST_ROTATIONS); ++p)
    {
        Rotation(p, spare);
        rotation.insert(rotation.end(), spare.begin(), spare.end());
    }
    rotation.shrink_to_fit();

    std::ostringstream text;
    text.precision(17);
    for (const uint32_t size : {c.vocabulary,
                                c.hidden,
                                c.inner,
                                c.blocks,
                                c.attentionHeads,
                                c.keyValueHeads,
                                c.headSize,
                                c.experts,
                                c.topK,
                                c.contextLength})
    {
        text << size << ' ';
    }
    text << c.architecture << ' ' << c.ropeTheta << ' ' << c.normEpsilon << ' ' << c.tiedEmbedding;
    hash.Add(text.str());
    digest = hash.Text();
}

const float*
Transformer::Weights::Rotation(std::size_t position, std::vector<float>& spare) const
{
    const std::size_t half = frequencies.size();
    if ((position + 1) * 2 * half <= rotation.size())
    {
        return rotation.data() + position * 2 * half;
    }
    spare.resize(2 * half);
    for (std::size_t i = 0; i < half; ++i)
    {
        const float angle = static_cast<float>(position) * frequencies[i];
        spare[i] = static_cast<float>(std::cos(static_cast<double>(angle)));
        spare[half + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
    return spare.data();
}

KeyValueCache::KeyValueCache(const TransformerConfig& config)
    : m_heads(config.keyValueHeads),
      m_headSize(config.headSize),
      m_tokens(config.blocks, 0),
      m_key(config.blocks),
      m_value(config.blocks)
{
}

uint32_t
KeyValueCache::GetTokens(uint32_t block) const
{
    Require(block < m_tokens.size(), "KeyValueCache: no block " + std::to_string(block));
    return m_tokens[block];
}

void
KeyValueCache::Truncate(uint32_t tokens)
{
    for (auto& seen : m_tokens)
    {
        seen = std::min(seen, tokens);
    }
}

Transformer::Transformer() = default;
Transformer::~Transformer() = default;

TransformerConfig
Transformer::ReadConfig(const std::string& folder)
{
    const std::string path = folder + "/config.json";
    const Json json = ReadCheckpointJson(path, MOST_CONFIG_BYTES);
    if (!json.is_object())
    {
        throw CheckpointError(path + ": expected an object, found " + json.type_name());
    }
    const ConfigReader reader(path, json);
    TransformerConfig c;
    const Json* architectures = reader.Find("architectures");
    if (!architectures || *architectures != Json::array({"MixtralForCausalLM"}))
    {
        reader.Fail("architectures", "[\"MixtralForCausalLM\"], the one computed here");
    }
    c.architecture = "MixtralForCausalLM";
    if (reader.Find("model_type") && *reader.Find("model_type") != "mixtral")
    {
        reader.Fail("model_type", "\"mixtral\"");
    }
    if (reader.Find("hidden_act") && *reader.Find("hidden_act") != "silu")
    {
        reader.Fail("hidden_act", "\"silu\"");
    }
    if (reader.Flag("attention_bias"))
    {
        reader.Fail("attention_bias", "false");
    }
    if (reader.Find("quantization_config"))
    {
        reader.Fail("quantization_config", "none");
    }
    c.vocabulary = reader.Integer("vocab_size", 1, 1 << 20);
    c.hidden = reader.Integer("hidden_size", 1, 1 << 16);
    c.inner = reader.Integer("intermediate_size", 1, 1 << 18);
    c.blocks = reader.Integer("num_hidden_layers", 1, 1024);
    c.attentionHeads = reader.Integer("num_attention_heads", 1, 1024);
    c.keyValueHeads = c.attentionHeads;
    if (reader.Find("num_key_value_heads"))
    {
        c.keyValueHeads = reader.Integer("num_key_value_heads", 1, c.attentionHeads);
        if (c.attentionHeads % c.keyValueHeads != 0)
        {
            reader.Fail("num_key_value_heads",
                        "a divisor of num_attention_heads, " + std::to_string(c.attentionHeads));
        }
    }
    if (reader.Find("head_dim"))
    {
        c.headSize = reader.Integer("head_dim", 2, 1024);
    }
    else
    {
        if (c.hidden % c.attentionHeads != 0)
        {
            reader.Fail("hidden_size",
                        "a multiple of num_attention_heads, " + std::to_string(c.attentionHeads));
        }
        c.headSize = c.hidden / c.attentionHeads;
    }
    if (c.headSize % 2 != 0 || c.headSize > 1024)
    {
        reader.Fail("head_dim",
                    "an even number up to 1024, not " + std::to_string(c.headSize) +
                        " (hidden_size / num_attention_heads where it is missing)");
    }
    c.experts = reader.Integer("num_local_experts", 1, 1024);
    c.topK = reader.Integer("num_experts_per_tok", 1, c.experts);
    c.contextLength = reader.Integer("max_position_embeddings", 1, 1 << 20);
    c.normEpsilon = reader.Number("rms_norm_eps", 0, 1);
    c.ropeTheta = ReadRopeTheta(reader, path);
    if (reader.Find("sliding_window"))
    {
        const uint32_t window = reader.Integer("sliding_window", 1, UINT32_MAX);
        if (window < c.contextLength)
        {
            reader.Fail("sliding_window",
                        "null, or no less than max_position_embeddings, " +
                            std::to_string(c.contextLength));
        }
    }
    c.tiedEmbedding = reader.Flag("tie_word_embeddings");
    c.bosToken = reader.Token("bos_token_id", c.vocabulary);
    c.eosToken = reader.Token("eos_token_id", c.vocabulary);
    c.padToken = reader.Token("pad_token_id", c.vocabulary);
    return c;
}

std::shared_ptr<const Transformer>
Transformer::Load(const std::string& folder)
{
    const std::shared_ptr<Transformer> model(new Transformer);
    try
    {
        model->m_config = ReadConfig(folder);
        const TensorFolder tensors(folder);
        CheckTensors(model->m_config, tensors);
        model->m_weights = std::make_unique<Weights>(model->m_config, tensors);
    }
    catch (const std::bad_alloc&)
    {
        throw CheckpointError(folder + ": more than the memory of this machine");
    }
    model->m_digest = model->m_weights->digest;
    return model;
}

const TransformerConfig&
Transformer::GetConfig() const
{
    return m_config;
}

const std::string&
Transformer::GetDigest() const
{
    return m_digest;
}

std::vector<float>
Transformer::Embed(const std::vector<uint32_t>& tokens) const
{
    const std::size_t m = m_config.hidden;
    std::vector<float> hidden(tokens.size() * m);
    for (std::size_t j = 0; j < tokens.size(); ++j)
    {
        const std::size_t token = tokens[j];
        Require(token < m_config.vocabulary,
                "token " + std::to_string(token) + " at place " + std::to_string(j) +
                    ", expected less than " + std::to_string(m_config.vocabulary));
        float* to = hidden.data() + j * m;
        if (m_weights->embedding)
        {
            std::copy_n(m_weights->embedding + token * m, m, to);
            continue;
        }
        const float* from = m_weights->head.data + token / PANEL * m * PANEL + token % PANEL;
        for (std::size_t i = 0; i < m; ++i)
        {
            to[i] = from[i * PANEL];
        }
    }
    return hidden;
}

void
Transformer::Attend(uint32_t block,
                    const std::vector<SequenceRows>& rows,
                    std::vector<float>& hidden) const
{
    const auto& c = m_config;
    const std::size_t m = c.hidden;
    Require(block < c.blocks, "Attend: no block " + std::to_string(block));
    std::size_t tokens = 0;
    std::set<const KeyValueCache*> caches;
    for (const auto& sequence : rows)
    {
        Require(sequence.cache != nullptr, "Attend: a sequence without a cache");
        const auto& cache = *sequence.cache;
        Require(cache.m_heads == c.keyValueHeads && cache.m_headSize == c.headSize &&
                    cache.m_tokens.size() == c.blocks,
                "Attend: a cache of another model");
        Require(caches.insert(&cache).second, "Attend: two sequences with one cache");
        const uint64_t length = uint64_t{cache.m_tokens[block]} + sequence.tokens;
        Require(length <= c.contextLength,
                "Attend: a sequence of " + std::to_string(length) + " tokens, expected at most " +
                    std::to_string(c.contextLength));
        tokens += sequence.tokens;
    }
    Require(hidden.size() == tokens * m, "Attend: hidden has " + Sizes(hidden.size(), tokens * m));
    if (tokens == 0)
    {
        return;
    }

    const auto& weights = m_weights->blocks[block];
    const Kernels& kernels = GetKernels();
    const std::size_t size = c.headSize;
    const std::size_t half = size / 2;
    const std::size_t query = c.attentionHeads * size;
    const std::size_t width = query + 2 * c.keyValueHeads * size;
    const std::size_t valueHead = ToPanels(size) * PANEL;
    const std::size_t valueStep = c.keyValueHeads * valueHead;
    const std::size_t keyTile = c.keyValueHeads * size * PANEL;

    std::vector<float> normed(tokens * m);
    for (std::size_t j = 0; j < tokens; ++j)
    {
        kernels.norm(m,
                     hidden.data() + j * m,
                     weights.attentionNorm,
                     static_cast<float>(c.normEpsilon),
                     normed.data() + j * m);
    }
    std::vector<float> projected(tokens * width);
    ProductJob job;
    job.in = normed.data();
    job.inStep = m;
    job.rows = tokens;
    job.out = projected.data();
    job.outStep = width;
    job.columns = width;
    Run(weights.query, job, kernels.product);

    // turn queries and keys by their positions; put keys and values into the caches
    std::vector<float> spare;
    float* row = projected.data();
    std::size_t longest = 0;
    for (const auto& sequence : rows)
    {
        KeyValueCache& cache = *sequence.cache;
        const std::size_t before = cache.m_tokens[block];
        const std::size_t after = before + sequence.tokens;
        auto& keys = cache.m_key[block];
        auto& values = cache.m_value[block];
        if (keys.size() < ToPanels(after) * keyTile)
        {
            keys.resize(ToPanels(after) * keyTile);
        }
        if (values.size() < after * valueStep)
        {
            values.resize(after * valueStep);
        }
        for (std::size_t t = before; t < after; ++t, row += width)
        {
            const float* cosine = m_weights->Rotation(t, spare);
            const float* sine = cosine + half;
            for (float* head = row; head < row + query + c.keyValueHeads * size; head += size)
            {
                for (std::size_t i = 0; i < half; ++i)
                {
                    const float a = head[i];
                    const float b = head[i + half];
                    head[i] = a * cosine[i] - b * sine[i];
                    head[i + half] = b * cosine[i] + a * sine[i];
                }
            }
            float* key = keys.data() + t / PANEL * keyTile + t % PANEL;
            for (std::size_t i = 0; i < c.keyValueHeads * size; ++i)
            {
                key[i * PANEL] = row[query + i];
            }
            const float* value = row + query + c.keyValueHeads * size;
            for (std::size_t g = 0; g < c.keyValueHeads; ++g)
            {
                std::copy_n(value + g * size, size, values.data() + t * valueStep + g * valueHead);
            }
        }
        cache.m_tokens[block] = static_cast<uint32_t>(after);
        longest = std::max(longest, after);
    }

    // one piece: some query rows of one key/value head of one sequence
    std::vector<AttentionJob> jobs;
    const std::size_t group = c.attentionHeads / c.keyValueHeads;
    std::vector<float> attended(tokens * query);
    std::size_t work = 0;
    std::size_t first = 0;
    for (const auto& sequence : rows)
    {
        const KeyValueCache& cache = *sequence.cache;
        const std::size_t all = sequence.tokens * group;
        const std::size_t pieceRows = 8 * MOST_BLOCK;
        AttentionJob piece;
        piece.queryStep = width;
        piece.group = group;
        piece.headSize = size;
        piece.before = cache.m_tokens[block] - sequence.tokens;
        piece.keyStep = keyTile;
        piece.valueStep = valueStep;
        piece.scale = 1.0F / std::sqrt(static_cast<float>(size));
        piece.outStep = query;
        work += all * cache.m_tokens[block] * c.keyValueHeads * size * 2;
        for (std::size_t g = 0; g < c.keyValueHeads; ++g)
        {
            piece.query = projected.data() + first * width + g * group * size;
            piece.key = cache.m_key[block].data() + g * size * PANEL;
            piece.value = cache.m_value[block].data() + g * valueHead;
            piece.out = attended.data() + first * query + g * group * size;
            for (std::size_t r = 0; r < all; r += pieceRows)
            {
                piece.firstRow = r;
                piece.lastRow = std::min(all, r + pieceRows);
                jobs.push_back(piece);
            }
        }
        first += sequence.tokens;
    }
    // the longest rows first, so that threads end together
    std::reverse(jobs.begin(), jobs.end());
    const std::size_t scratchStep = ToPanels(longest) * PANEL;
    const auto attend = [&](std::size_t from, std::size_t to, std::vector<float>& scratch) {
        scratch.resize(MOST_BLOCK * scratchStep);
        for (std::size_t i = from; i < to; ++i)
        {
            AttentionJob mine = jobs[i];
            mine.scratch = scratch.data();
            mine.scratchStep = scratchStep;
            kernels.attention(mine);
        }
    };
    if (work < PARALLEL_FROM || GetPoolThreads() < 2)
    {
        std::vector<float> scratch;
        attend(0, jobs.size(), scratch);
    }
    else
    {
        const std::size_t pieces = std::min<std::size_t>(jobs.size(), 8 * GetPoolThreads());
        std::vector<std::vector<float>> scratches(pieces);
        for (auto& scratch : scratches)
        {
            scratch.reserve(MOST_BLOCK * scratchStep);
        }
        auto piece = [&](std::size_t i) {
            attend(jobs.size() * i / pieces, jobs.size() * (i + 1) / pieces, scratches[i]);
        };
        RunParallel(pieces, piece);
    }

    job = ProductJob();
    job.in = attended.data();
    job.inStep = query;
    job.rows = tokens;
    job.out = hidden.data();
    job.outStep = m;
    job.columns = m;
    job.add = true;
    Run(weights.output, job, kernels.product);
}

std::vector<float>
Transformer::ExpertInput(uint32_t block, const std::vector<float>& hidden) const
{
    const std::size_t m = m_config.hidden;
    Require(block < m_config.blocks, "ExpertInput: no block " + std::to_string(block));
    Require(hidden.size() % m == 0,
            "ExpertInput: hidden has " + std::to_string(hidden.size()) +
                " numbers, expected a multiple of " + std::to_string(m));
    std::vector<float> input(hidden.size());
    for (std::size_t at = 0; at < hidden.size(); at += m)
    {
        GetKernels().norm(m,
                          hidden.data() + at,
                          m_weights->blocks[block].expertNorm,
                          static_cast<float>(m_config.normEpsilon),
                          input.data() + at);
    }
    return input;
}

GateMatrix
Transformer::Gate(uint32_t block, const std::vector<float>& input) const
{
    const std::size_t m = m_config.hidden;
    const std::size_t experts = m_config.experts;
    Require(block < m_config.blocks, "Gate: no block " + std::to_string(block));
    Require(input.size() % m == 0,
            "Gate: input has " + std::to_string(input.size()) +
                " numbers, expected a multiple of " + std::to_string(m));
    GateMatrix gate;
    gate.tokens = input.size() / m;
    gate.experts = experts;
    gate.weight.resize(gate.tokens * experts);
    std::vector<float> logits(gate.tokens * experts);
    ProductJob job;
    job.in = input.data();
    job.inStep = m;
    job.rows = gate.tokens;
    job.out = logits.data();
    job.outStep = experts;
    job.columns = experts;
    Run(m_weights->blocks[block].gate, job, GetKernels().product);
    for (std::size_t j = 0; j < gate.tokens; ++j)
    {
        const float* from = logits.data() + j * experts;
        double* to = gate.weight.data() + j * experts;
        const double largest = *std::max_element(from, from + experts);
        double sum = 0;
        for (std::size_t e = 0; e < experts; ++e)
        {
            to[e] = std::exp(from[e] - largest);
            sum += to[e];
        }
        for (std::size_t e = 0; e < experts; ++e)
        {
            to[e] /= sum;
        }
    }
    return gate;
}

std::vector<float>
Transformer::Expert(uint32_t block, uint32_t expert, const std::vector<float>& input) const
{
    const std::size_t m = m_config.hidden;
    Require(block < m_config.blocks && expert < m_config.experts,
            "Expert: no expert " + std::to_string(expert) + " in block " + std::to_string(block));
    Require(input.size() % m == 0,
            "Expert: input has " + std::to_string(input.size()) +
                " numbers, expected a multiple of " + std::to_string(m));
    std::vector<float> output(input.size());
    std::vector<float> inner(input.size() / m * m_config.inner);
    const auto& weights = m_weights->blocks[block];
    ProductJob job;
    job.in = input.data();
    job.inStep = m;
    job.rows = input.size() / m;
    job.out = inner.data();
    job.outStep = m_config.inner;
    job.columns = m_config.inner;
    Run(weights.up[expert], job, GetKernels().swiglu);
    job.in = inner.data();
    job.inStep = m_config.inner;
    job.out = output.data();
    job.outStep = m;
    job.columns = m;
    Run(weights.down[expert], job, GetKernels().product);
    return output;
}

void
Transformer::Combine(const Selection& selection,
                     const std::vector<ExpertAnswer>& answers,
                     std::vector<float>& hidden) const
{
    const std::size_t m = m_config.hidden;
    const std::size_t slots = selection.slots;
    const std::size_t pairs = selection.tokens * slots;
    Require(selection.expert.size() == pairs && selection.combine.size() == pairs,
            "Combine: the selection has " + Sizes(selection.expert.size(), pairs));
    Require(hidden.size() == selection.tokens * m,
            "Combine: hidden has " + Sizes(hidden.size(), selection.tokens * m));
    std::vector<const float*> present(pairs, nullptr);
    for (const auto& answer : answers)
    {
        Require(answer.output.size() == answer.token.size() * m,
                "Combine: the answer of expert " + std::to_string(answer.expert) + " has " +
                    Sizes(answer.output.size(), answer.token.size() * m));
        for (std::size_t i = 0; i < answer.token.size(); ++i)
        {
            const std::size_t token = answer.token[i];
            for (std::size_t s = 0; token < selection.tokens && s < slots; ++s)
            {
                const std::size_t pair = token * slots + s;
                const int32_t expert = selection.expert[pair];
                if (expert >= 0 && static_cast<uint32_t>(expert) == answer.expert && !present[pair])
                {
                    present[pair] = answer.output.data() + i * m;
                }
            }
        }
    }
    const Kernels& kernels = GetKernels();
    std::vector<float> sum(m);
    for (std::size_t j = 0; j < selection.tokens; ++j)
    {
        double kept = 0;
        for (std::size_t pair = j * slots; pair < (j + 1) * slots; ++pair)
        {
            kept += present[pair] ? selection.combine[pair] : 0;
        }
        if (!(kept > 0))
        {
            continue;
        }
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (std::size_t pair = j * slots; pair < (j + 1) * slots; ++pair)
        {
            if (present[pair])
            {
                const auto factor = static_cast<float>(selection.combine[pair] / kept);
                kernels.addScaled(m, factor, present[pair], sum.data());
            }
        }
        kernels.addScaled(m, 1.0F, sum.data(), hidden.data() + j * m);
    }
}

std::vector<float>
Transformer::Logits(const std::vector<float>& hidden) const
{
    const std::size_t m = m_config.hidden;
    Require(hidden.size() % m == 0,
            "Logits: hidden has " + std::to_string(hidden.size()) +
                " numbers, expected a multiple of " + std::to_string(m));
    std::vector<float> normed(hidden.size());
    for (std::size_t at = 0; at < hidden.size(); at += m)
    {
        GetKernels().norm(m,
                          hidden.data() + at,
                          m_weights->norm,
                          static_cast<float>(m_config.normEpsilon),
                          normed.data() + at);
    }
    std::vector<float> logits(hidden.size() / m * m_config.vocabulary);
    ProductJob job;
    job.in = normed.data();
    job.inStep = m;
    job.rows = hidden.size() / m;
    job.out = logits.data();
    job.outStep = m_config.vocabulary;
    job.columns = m_config.vocabulary;
    Run(m_weights->head, job, GetKernels().product);
    return logits;
}

void
Transformer::SetThreads(uint32_t threads)
{
    SetPoolThreads(threads);
}

std::vector<ExpertAnswer>
RunExperts(const Transformer& model,
           uint32_t block,
           const Selection& selection,
           const std::vector<float>& input)
{
    const auto& c = model.GetConfig();
    const std::size_t m = c.hidden;
    Require(block < c.blocks, "RunExperts: no block " + std::to_string(block));
    Require(selection.expert.size() == selection.tokens * selection.slots,
            "RunExperts: the selection has " +
                Sizes(selection.expert.size(), selection.tokens * selection.slots));
    Require(input.size() == selection.tokens * m,
            "RunExperts: input has " + Sizes(input.size(), selection.tokens * m));
    std::vector<std::vector<uint32_t>> tokens(c.experts);
    for (std::size_t i = 0; i < selection.expert.size(); ++i)
    {
        const int32_t e = selection.expert[i];
        Require(e < static_cast<int32_t>(c.experts), "RunExperts: no expert " + std::to_string(e));
        const auto token = static_cast<uint32_t>(i / selection.slots);
        if (e >= 0 && (tokens[e].empty() || tokens[e].back() != token))
        {
            tokens[e].push_back(token);
        }
    }

    // both layers of all experts, cut into pieces, so that threads meet twice and not by expert
    const auto& weights = model.m_weights->blocks[block];
    const Kernels& kernels = GetKernels();
    std::vector<ExpertAnswer> answers;
    std::size_t rows = 0;
    for (uint32_t e = 0; e < c.experts; ++e)
    {
        if (!tokens[e].empty())
        {
            rows += tokens[e].size();
            answers.push_back({e, std::move(tokens[e]), {}});
        }
    }
    std::vector<float> gathered(rows * m);
    std::vector<float> inner(rows * c.inner);
    std::vector<ProductJob> up;
    std::vector<ProductJob> down;
    std::size_t first = 0;
    for (auto& answer : answers)
    {
        answer.output.resize(answer.token.size() * m);
        for (std::size_t i = 0; i < answer.token.size(); ++i)
        {
            std::copy_n(input.data() + answer.token[i] * m, m, gathered.data() + (first + i) * m);
        }
        const auto cut = [&](const Matrix& matrix, ProductJob job, std::vector<ProductJob>& to) {
            constexpr std::size_t step = 8;
            job.rows = answer.token.size();
            job.k = matrix.k;
            job.panels = matrix.data;
            for (std::size_t panel = 0; panel < matrix.panels; panel += step)
            {
                job.firstPanel = panel;
                job.lastPanel = std::min(matrix.panels, panel + step);
                to.push_back(job);
            }
        };
        ProductJob job;
        job.in = gathered.data() + first * m;
        job.inStep = m;
        job.out = inner.data() + first * c.inner;
        job.outStep = c.inner;
        job.columns = c.inner;
        cut(weights.up[answer.expert], job, up);
        job.in = job.out;
        job.inStep = c.inner;
        job.out = answer.output.data();
        job.outStep = m;
        job.columns = m;
        cut(weights.down[answer.expert], job, down);
        first += answer.token.size();
    }
    const auto runAll = [&](const std::vector<ProductJob>& jobs,
                            void (*kernel)(const ProductJob&)) {
        auto piece = [&](std::size_t i) { kernel(jobs[i]); };
        if (rows * c.inner * m < PARALLEL_FROM)
        {
            for (std::size_t i = 0; i < jobs.size(); ++i)
            {
                piece(i);
            }
            return;
        }
        RunParallel(jobs.size(), piece);
    };
    runAll(up, kernels.swiglu);
    runAll(down, kernels.product);
    return answers;
}

std::vector<float>
Forward(const Transformer& model,
        const std::vector<SequenceRows>& rows,
        const std::vector<uint32_t>& tokens)
{
    auto hidden = model.Embed(tokens);
    for (uint32_t block = 0; block < model.GetConfig().blocks; ++block)
    {
        model.Attend(block, rows, hidden);
        if (tokens.empty())
        {
            continue;
        }
        const auto input = model.ExpertInput(block, hidden);
        const auto selection = SelectTopK(model.Gate(block, input), model.GetConfig().topK);
        model.Combine(selection, RunExperts(model, block, selection, input), hidden);
    }
    return model.Logits(hidden);
}

} // namespace wdmoe
