/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The internal headers, by path: they are not installed.
#include "../model/moe/wdmoe-transformer-kernels.h"
#include "../model/moe/wdmoe-worker-pool.h"

#include "ns3/test.h"
#include "ns3/wdmoe-transformer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace ns3;
using namespace wdmoe;

/**
 * @ingroup wdmoe-moe
 * @ingroup tests
 * @defgroup wdmoe-transformer-test Tests of the real model
 */

namespace
{

using Json = nlohmann::ordered_json;

/// The checked-in checkpoints of test/reference/transformer-reference.py
const std::vector<std::string> MODELS = {"tiny-mixtral-fp32",
                                         "tiny-mixtral-fp16",
                                         "tiny-mixtral-bf16"};

/// @return content of a file; @param path of it
std::string
Slurp(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// Writes a file; @param path of it @param text its content
void
Spill(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

/// @return what Load() complains about; empty if it does not; @param folder of a checkpoint
std::string
Complaint(const std::string& folder)
{
    try
    {
        Transformer::Load(folder);
    }
    catch (const CheckpointError& error)
    {
        return error.what();
    }
    return "";
}

/// @return whether an action throws std::invalid_argument; @param action what to do
bool
IsRefused(const std::function<void()>& action)
{
    try
    {
        action();
    }
    catch (const std::invalid_argument&)
    {
        return true;
    }
    return false;
}

/// @return numbers of a nested list; @param json list of lists
std::vector<float>
Flat(const Json& json)
{
    std::vector<float> all;
    for (const auto& row : json)
    {
        for (const auto& value : row)
        {
            all.push_back(value.get<float>());
        }
    }
    return all;
}

/// @return largest difference, relative to the largest expected number; @param found numbers
/// @param expected as many
double
Difference(const std::vector<float>& found, const std::vector<float>& expected)
{
    double worst = found.size() == expected.size() ? 0 : 1e300;
    double largest = 0;
    for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i)
    {
        // not std::max, which would pass over NaN
        const double difference = std::abs(double{found[i]} - expected[i]);
        worst = difference <= worst ? worst : difference;
        largest = std::max(largest, std::abs(double{expected[i]}));
    }
    return worst / largest;
}

/// @return index of the largest number of a row; @param values rows @param row which @param width
/// of a row
uint32_t
Largest(const std::vector<float>& values, std::size_t row, std::size_t width)
{
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(row * width);
    return static_cast<uint32_t>(std::max_element(from, from + static_cast<std::ptrdiff_t>(width)) -
                                 from);
}

/// @return one row; @param values rows @param row which @param width of a row
std::vector<float>
Row(const std::vector<float>& values, std::size_t row, std::size_t width)
{
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(row * width);
    return {from, from + static_cast<std::ptrdiff_t>(width)};
}

/// @return numbers drawn from -1 to 1; @param n how many @param seed of the generator
std::vector<float>
Draw(std::size_t n, uint32_t seed)
{
    std::mt19937 generator(seed);
    std::vector<float> values(n);
    for (auto& value : values)
    {
        value = static_cast<float>(generator() / 2147483648.0 - 1);
    }
    return values;
}

/// @return tokens drawn from a vocabulary; @param n how many @param vocabulary V @param seed of the
/// generator
std::vector<uint32_t>
DrawTokens(std::size_t n, uint32_t vocabulary, uint32_t seed)
{
    std::mt19937 generator(seed);
    std::vector<uint32_t> tokens(n);
    for (auto& token : tokens)
    {
        token = static_cast<uint32_t>(generator() % vocabulary);
    }
    return tokens;
}

} // namespace

/**
 * @ingroup wdmoe-transformer-test
 * What all cases need: where the checkpoints are.
 */
class WdmoeTransformerTestCase : public TestCase
{
  public:
    using TestCase::TestCase;

  protected:
    /// @return path of a checked-in checkpoint; empty, and a note is written, if it is not there
    /// @param name of it
    std::string Find(const std::string& name)
    {
        std::string folder;
#ifdef NS_TEST_SOURCEDIR
        SetDataDir(NS_TEST_SOURCEDIR);
        folder = std::string(NS_TEST_SOURCEDIR) + "/data/" + name;
        if (!std::filesystem::exists(folder) && folder.at(0) != '/')
        {
            // in an ns-3 tree the folder is relative to its top
            folder = CreateDataDirFilename("data/" + name);
        }
#endif
        if (!std::filesystem::exists(folder))
        {
            std::cout << "SKIPPED: test/data/" << name << " was not found" << std::endl;
            return "";
        }
        return folder;
    }
};

/**
 * @ingroup wdmoe-transformer-test
 * Logits, gates and generated tokens are those of transformers; the run cut at the experts is the
 * run in one piece; neither the batch nor the pieces it comes in change a bit.
 */
class WdmoeReferenceTestCase : public WdmoeTransformerTestCase
{
  public:
    WdmoeReferenceTestCase()
        : WdmoeTransformerTestCase("the same logits as transformers")
    {
    }

  private:
    void DoRun() override
    {
        for (const auto& name : MODELS)
        {
            const auto folder = Find(name);
            if (!folder.empty())
            {
                Check(name, folder);
            }
        }
    }

    /// Compares with reference.json; @param name of the model @param folder of it
    void Check(const std::string& name, const std::string& folder)
    {
        const auto model = Transformer::Load(folder);
        const auto& config = model->GetConfig();
        const std::size_t vocabulary = config.vocabulary;
        const auto reference = Json::parse(Slurp(folder + "/reference.json"));
        const std::size_t sequences = reference["prompts"].size();
        NS_TEST_ASSERT_MSG_EQ(sequences, 3, name);

        std::vector<KeyValueCache> caches(sequences, KeyValueCache(config));
        std::vector<SequenceRows> rows;
        std::vector<uint32_t> tokens;
        std::vector<float> alone;
        for (std::size_t s = 0; s < sequences; ++s)
        {
            const auto prompt = reference["prompts"][s].get<std::vector<uint32_t>>();
            const auto expected = Flat(reference["logits"][s]);
            KeyValueCache cache(config);
            const auto count = static_cast<uint32_t>(prompt.size());
            const auto logits = Forward(*model, {{&cache, count}}, prompt);
            NS_TEST_EXPECT_MSG_LT(Difference(logits, expected), 1e-4, name << " sequence " << s);
            for (std::size_t j = 0; j < prompt.size(); ++j)
            {
                NS_TEST_EXPECT_MSG_EQ(Largest(logits, j, vocabulary),
                                      Largest(expected, j, vocabulary),
                                      name << " sequence " << s << " token " << j);
            }
            CheckSplit(name, *model, prompt, logits, reference["gate"][s]);
            CheckTokenByToken(name, *model, prompt, logits);
            rows.push_back({&caches[s], count});
            tokens.insert(tokens.end(), prompt.begin(), prompt.end());
            alone.insert(alone.end(), logits.begin(), logits.end());
        }

        // all sequences at once: bit by bit what each was alone
        auto logits = Forward(*model, rows, tokens);
        NS_TEST_EXPECT_MSG_EQ((logits == alone), true, name << ": batch");

        // the batch goes on, one token for each sequence
        std::vector<float> last;
        std::size_t end = 0;
        for (const auto& row : rows)
        {
            end += row.tokens;
            const auto values = Row(logits, end - 1, vocabulary);
            last.insert(last.end(), values.begin(), values.end());
        }
        const std::size_t steps = reference["generated"][0].size();
        for (std::size_t step = 0; step < steps; ++step)
        {
            std::vector<uint32_t> next;
            for (std::size_t s = 0; s < sequences; ++s)
            {
                const auto expected =
                    reference["generated_logits"][s][step].get<std::vector<float>>();
                NS_TEST_EXPECT_MSG_LT(Difference(Row(last, s, vocabulary), expected),
                                      1e-4,
                                      name << " sequence " << s << " step " << step);
                next.push_back(Largest(last, s, vocabulary));
                NS_TEST_EXPECT_MSG_EQ(next.back(),
                                      reference["generated"][s][step].get<uint32_t>(),
                                      name << " sequence " << s << " step " << step);
                rows[s].tokens = 1;
            }
            last = Forward(*model, rows, next);
        }

        // forgetting the generated tokens, and saying the last of the prompt again
        for (std::size_t s = 0; s < sequences; ++s)
        {
            const auto prompt = reference["prompts"][s].get<std::vector<uint32_t>>();
            caches[s].Truncate(static_cast<uint32_t>(prompt.size()) - 1);
            NS_TEST_EXPECT_MSG_EQ(caches[s].GetTokens(1), prompt.size() - 1, name);
            KeyValueCache copy = caches[s];
            const auto again = Forward(*model, {{&copy, 1}}, {prompt.back()});
            KeyValueCache fresh(config);
            const auto whole =
                Forward(*model, {{&fresh, static_cast<uint32_t>(prompt.size())}}, prompt);
            NS_TEST_EXPECT_MSG_EQ((again == Row(whole, prompt.size() - 1, vocabulary)),
                                  true,
                                  name << ": Truncate");
        }
    }

    /// One token at a time gives the bits of all at once; @param name for messages @param model the
    /// model @param prompt tokens @param expected logits
    void CheckTokenByToken(const std::string& name,
                           const Transformer& model,
                           const std::vector<uint32_t>& prompt,
                           const std::vector<float>& expected)
    {
        KeyValueCache cache(model.GetConfig());
        for (std::size_t j = 0; j < prompt.size(); ++j)
        {
            const auto logits = Forward(model, {{&cache, 1}}, {prompt[j]});
            NS_TEST_EXPECT_MSG_EQ((logits == Row(expected, j, model.GetConfig().vocabulary)),
                                  true,
                                  name << ": token " << j << " alone");
        }
    }

    /// The network's way: experts apart, rows by device and in another order; @param name for
    /// messages @param model the model @param prompt tokens @param expected logits @param gates
    /// of transformers, by block
    void CheckSplit(const std::string& name,
                    const Transformer& model,
                    const std::vector<uint32_t>& prompt,
                    const std::vector<float>& expected,
                    const Json& gates)
    {
        const auto& config = model.GetConfig();
        const std::size_t m = config.hidden;
        KeyValueCache cache(config);
        auto hidden = model.Embed(prompt);
        for (uint32_t block = 0; block < config.blocks; ++block)
        {
            model.Attend(block, {{&cache, static_cast<uint32_t>(prompt.size())}}, hidden);
            const auto input = model.ExpertInput(block, hidden);
            const auto gate = model.Gate(block, input);
            const std::vector<float> weights(gate.weight.begin(), gate.weight.end());
            NS_TEST_EXPECT_MSG_LT(Difference(weights, Flat(gates[block])),
                                  1e-4,
                                  name << ": gate of block " << block);
            const auto selection = SelectTopK(gate, config.topK);
            std::vector<ExpertAnswer> answers;
            for (uint32_t e = config.experts; e-- > 0;)
            {
                ExpertAnswer answer;
                answer.expert = e;
                std::vector<float> in;
                for (std::size_t j = prompt.size(); j-- > 0;)
                {
                    const auto from = selection.expert.begin() + j * selection.slots;
                    if (std::count(from, from + selection.slots, static_cast<int32_t>(e)))
                    {
                        const auto row = Row(input, j, m);
                        answer.token.push_back(static_cast<uint32_t>(j));
                        in.insert(in.end(), row.begin(), row.end());
                    }
                }
                answer.output = model.Expert(block, e, in);
                answers.push_back(answer);
            }
            model.Combine(selection, answers, hidden);
        }
        NS_TEST_EXPECT_MSG_EQ((model.Logits(hidden) == expected), true, name << ": split run");
    }
};

/**
 * @ingroup wdmoe-transformer-test
 * Answers that are missing, came twice, or were not asked for.
 */
class WdmoeCombineTestCase : public WdmoeTransformerTestCase
{
  public:
    WdmoeCombineTestCase()
        : WdmoeTransformerTestCase("answers that are missing, twice, or not asked for")
    {
    }

  private:
    void DoRun() override
    {
        const auto folder = Find("tiny-mixtral-fp32");
        if (folder.empty())
        {
            return;
        }
        const auto model = Transformer::Load(folder);
        const std::size_t m = model->GetConfig().hidden;
        Selection selection;
        selection.tokens = 3;
        selection.slots = 2;
        selection.expert = {2, 0, 1, 3, 0, -1};
        selection.combine = {0.75, 0.25, 0.6, 0.4, 1, 0};
        const auto y = [&](float value, std::size_t rows) {
            return std::vector<float>(rows * m, value);
        };
        const auto combined = [&](const std::vector<ExpertAnswer>& answers) {
            auto hidden = y(100, 3);
            model->Combine(selection, answers, hidden);
            return std::vector<float>{hidden[0], hidden[m], hidden[3 * m - 1]};
        };
        using Three = std::vector<float>;
        const ExpertAnswer two{2, {0}, y(8, 1)};
        const ExpertAnswer zero{0, {2, 0}, y(4, 2)};
        const ExpertAnswer one{1, {1}, y(10, 1)};
        const ExpertAnswer three{3, {1}, y(20, 1)};
        NS_TEST_EXPECT_MSG_EQ((combined({two, zero, one, three}) == Three{107, 114, 104}),
                              true,
                              "all");
        NS_TEST_EXPECT_MSG_EQ((combined({zero, three}) == Three{104, 120, 104}),
                              true,
                              "weights of what is there sum to 1");
        NS_TEST_EXPECT_MSG_EQ((combined({two}) == Three{108, 100, 100}), true, "no answer");
        NS_TEST_EXPECT_MSG_EQ((combined({}) == Three{100, 100, 100}), true, "no answers");
        const ExpertAnswer late{2, {0, 0}, y(1000, 2)};
        NS_TEST_EXPECT_MSG_EQ((combined({two, late, zero, late}) == Three{107, 100, 104}),
                              true,
                              "the first counts, once");
        const ExpertAnswer unasked{3, {0, 2, 77, 1}, y(20, 4)};
        const ExpertAnswer nobody{999, {0}, y(20, 1)};
        NS_TEST_EXPECT_MSG_EQ((combined({nobody, unasked, zero, one}) == Three{104, 114, 104}),
                              true,
                              "not asked for");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { combined({{0, {0}, {1, 2}}}); }), true, "size");

        // what the caller does wrong
        KeyValueCache cache(model->GetConfig());
        auto hidden = model->Embed({1, 2});
        const auto block = model->GetConfig().blocks;
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { model->Embed({0, 61}); }), true, "token");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { model->Attend(0, {{&cache, 1}}, hidden); }),
                              true,
                              "rows");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { model->Attend(block, {{&cache, 2}}, hidden); }),
                              true,
                              "block");
        NS_TEST_EXPECT_MSG_EQ(
            IsRefused([&] { model->Attend(0, {{&cache, 1}, {&cache, 1}}, hidden); }),
            true,
            "one cache twice");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { model->Attend(0, {{nullptr, 2}}, hidden); }),
                              true,
                              "no cache");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] {
                                  KeyValueCache other((TransformerConfig()));
                                  model->Attend(0, {{&other, 2}}, hidden);
                              }),
                              true,
                              "cache of another model");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { model->Expert(0, 4, hidden); }), true, "expert");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { model->Gate(0, {1, 2, 3}); }), true, "gate");
        NS_TEST_EXPECT_MSG_EQ(cache.GetTokens(0), 0, "nothing was appended");
        const std::vector<uint32_t> full(64, 5);
        const auto logits = Forward(*model, {{&cache, 64}}, full);
        NS_TEST_EXPECT_MSG_EQ(logits.size(), 64 * 61, "a full context");
        NS_TEST_EXPECT_MSG_EQ(IsRefused([&] { Forward(*model, {{&cache, 1}}, {5}); }),
                              true,
                              "one more");
    }
};

/**
 * @ingroup wdmoe-transformer-test
 * The inner loops: each kind against plain arithmetic, and rows that do not see each other. Threads
 * change nothing.
 */
class WdmoeKernelTestCase : public WdmoeTransformerTestCase
{
  public:
    WdmoeKernelTestCase()
        : WdmoeTransformerTestCase("inner loops, rows and threads")
    {
    }

  private:
    void DoRun() override
    {
        for (const auto* kernels : {&GetBaselineKernels(), &GetKernels()})
        {
            CheckProduct(*kernels);
            CheckAttention(*kernels);
        }
        for (const auto& name : MODELS)
        {
            const auto folder = Find(name);
            if (!folder.empty())
            {
                CheckRows(name, *Transformer::Load(folder));
            }
        }
        CheckPool();
    }

    /// Products of many shapes; @param kernels which
    void CheckProduct(const Kernels& kernels)
    {
        for (const std::size_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 30})
        {
            for (const std::size_t columns : {1, 7, 16, 40, 70, 129})
            {
                const std::size_t k = 37;
                const auto in = Draw(rows * k, 1);
                const auto matrix = Draw(columns * k, 2);
                ProductJob job;
                job.in = in.data();
                job.inStep = k;
                job.rows = rows;
                job.k = k;
                job.outStep = columns + 3;
                job.columns = columns;
                job.lastPanel = ToPanels(columns);
                std::vector<float> panels(job.lastPanel * k * PANEL, 0.0F);
                for (std::size_t c = 0; c < columns; ++c)
                {
                    for (std::size_t i = 0; i < k; ++i)
                    {
                        panels[c / PANEL * k * PANEL + i * PANEL + c % PANEL] = matrix[c * k + i];
                    }
                }
                job.panels = panels.data();
                std::vector<float> out(rows * job.outStep, 5.0F);
                job.out = out.data();
                kernels.product(job);
                job.add = true;
                kernels.product(job);
                double worst = 0;
                for (std::size_t r = 0; r < rows; ++r)
                {
                    // the same row alone, the same bits
                    std::vector<float> alone(columns);
                    ProductJob single = job;
                    single.in = in.data() + r * k;
                    single.rows = 1;
                    single.out = alone.data();
                    single.add = false;
                    kernels.product(single);
                    single.add = true;
                    kernels.product(single);
                    worst = std::equal(alone.begin(), alone.end(), out.begin() + r * job.outStep)
                                ? worst
                                : 1e300;
                    for (std::size_t c = 0; c < columns; ++c)
                    {
                        double sum = 0;
                        for (std::size_t i = 0; i < k; ++i)
                        {
                            sum += double{in[r * k + i]} * matrix[c * k + i];
                        }
                        worst = std::max(worst, std::abs(out[r * job.outStep + c] - 2 * sum));
                    }
                    worst = std::max<double>(worst, out[r * job.outStep + columns] - 5);
                }
                NS_TEST_EXPECT_MSG_LT(worst, 2e-5, kernels.name << ' ' << rows << " x " << columns);
                CheckSwiglu(kernels, job, panels, matrix);
            }
        }
    }

    /// Attention of a whole sequence, and of each of its rows alone; @param kernels which
    void CheckAttention(const Kernels& kernels)
    {
        for (const std::size_t size : {2, 6, 16, 20, 32})
        {
            constexpr std::size_t group = 3;
            constexpr std::size_t before = 9;
            constexpr std::size_t tokens = 31;
            constexpr std::size_t all = before + tokens;
            const auto query = Draw(tokens * group * size, 5);
            const auto key = Draw(all * size, 6);
            const auto value = Draw(all * size, 7);
            const std::size_t wide = ToPanels(size) * PANEL;
            std::vector<float> keys(ToPanels(all) * PANEL * size, 0.0F);
            std::vector<float> values(all * wide, 0.0F);
            for (std::size_t t = 0; t < all; ++t)
            {
                for (std::size_t i = 0; i < size; ++i)
                {
                    keys[(t / PANEL * size + i) * PANEL + t % PANEL] = key[t * size + i];
                    values[t * wide + i] = value[t * size + i];
                }
            }
            std::vector<float> out(query.size());
            std::vector<float> scratch(MOST_BLOCK * ToPanels(all) * PANEL);
            AttentionJob job;
            job.query = query.data();
            job.queryStep = group * size;
            job.group = group;
            job.headSize = size;
            job.before = before;
            job.key = keys.data();
            job.keyStep = size * PANEL;
            job.value = values.data();
            job.valueStep = wide;
            job.scale = 2;
            job.out = out.data();
            job.outStep = group * size;
            job.scratch = scratch.data();
            job.scratchStep = ToPanels(all) * PANEL;
            job.lastRow = tokens * group;
            kernels.attention(job);
            std::vector<float> alone(out.size());
            job.out = alone.data();
            for (std::size_t r = 0; r < tokens * group; ++r)
            {
                job.firstRow = r;
                job.lastRow = r + 1;
                kernels.attention(job);
            }
            NS_TEST_EXPECT_MSG_EQ((alone == out), true, kernels.name << " attention, rows alone");
            std::vector<float> expected;
            for (std::size_t r = 0; r < tokens * group; ++r)
            {
                std::vector<double> weight(before + r / group + 1, 0.0);
                double sum = 0;
                for (std::size_t t = 0; t < weight.size(); ++t)
                {
                    for (std::size_t i = 0; i < size; ++i)
                    {
                        weight[t] += 2.0 * query[r * size + i] * key[t * size + i];
                    }
                    weight[t] = std::exp(weight[t]);
                    sum += weight[t];
                }
                for (std::size_t i = 0; i < size; ++i)
                {
                    double mean = 0;
                    for (std::size_t t = 0; t < weight.size(); ++t)
                    {
                        mean += weight[t] / sum * value[t * size + i];
                    }
                    expected.push_back(static_cast<float>(mean));
                }
            }
            NS_TEST_EXPECT_MSG_LT(Difference(out, expected),
                                  5e-6,
                                  kernels.name << " attention, heads of " << size);
        }
    }

    /// SwiGLU of the columns of a product; @param kernels which @param job of the product @param
    /// panels its matrix @param matrix the same, plain
    void CheckSwiglu(const Kernels& kernels,
                     ProductJob job,
                     const std::vector<float>& panels,
                     const std::vector<float>& matrix)
    {
        const std::size_t all = job.columns;
        job.columns = all / PANEL * 8 + std::min<std::size_t>(all % PANEL, 8);
        job.outStep = job.columns;
        job.panels = panels.data();
        std::vector<float> out(job.rows * job.columns);
        job.out = out.data();
        kernels.swiglu(job);
        double worst = 0;
        for (std::size_t r = 0; r < job.rows; ++r)
        {
            for (std::size_t c = 0; c < job.columns; ++c)
            {
                const std::size_t gate = c / 8 * PANEL + c % 8;
                double a = 0;
                double b = 0;
                for (std::size_t i = 0; i < job.k; ++i)
                {
                    a += double{job.in[r * job.k + i]} * matrix[gate * job.k + i];
                    b += gate + 8 < all
                             ? double{job.in[r * job.k + i]} * matrix[(gate + 8) * job.k + i]
                             : 0;
                }
                const double expected = a / (1 + std::exp(-a)) * b;
                worst = std::max(worst, std::abs(out[r * job.columns + c] - expected));
            }
        }
        NS_TEST_EXPECT_MSG_LT(worst, 1e-4, kernels.name << " SwiGLU");
    }

    /// Rows together and alone; @param name for messages @param model the model
    void CheckRows(const std::string& name, const Transformer& model)
    {
        const auto& config = model.GetConfig();
        const std::size_t m = config.hidden;
        for (const std::size_t rows : {2, 3, 5, 6, 7, 19, 40})
        {
            const auto input = Draw(rows * m, 3);
            const auto together = model.Expert(1, config.experts - 1, input);
            const auto gates = model.Gate(1, input);
            const auto logits = model.Logits(input);
            bool same = true;
            for (std::size_t r = 0; r < rows; ++r)
            {
                const auto row = Row(input, r, m);
                same = same && model.Expert(1, config.experts - 1, row) == Row(together, r, m);
                same = same && model.Logits(row) == Row(logits, r, config.vocabulary);
                const auto gate = model.Gate(1, row);
                same = same && std::equal(gate.weight.begin(), gate.weight.end(), gates.Row(r));
            }
            NS_TEST_EXPECT_MSG_EQ(same, true, name << ": " << rows << " rows");
        }
        const auto tokens = DrawTokens(60, config.vocabulary, 4);
        std::vector<std::vector<float>> logits;
        for (const uint32_t threads : {1, 2, 3, 2})
        {
            Transformer::SetThreads(threads);
            for (int i = 0; i < 3; ++i)
            {
                KeyValueCache a(config);
                KeyValueCache b(config);
                logits.push_back(Forward(model, {{&a, 35}, {&b, 25}}, tokens));
            }
        }
        for (const auto& other : logits)
        {
            NS_TEST_EXPECT_MSG_EQ((other == logits[0]), true, name << ": threads");
        }
    }

    /// All pieces are done once, from two threads at a time and after fork()
    void CheckPool()
    {
        const auto sum = [](int rounds) {
            bool right = true;
            for (int i = 0; i < rounds; ++i)
            {
                const std::size_t pieces = i % 40;
                std::vector<std::atomic<int>> done(pieces);
                auto piece = [&](std::size_t p) { ++done[p]; };
                RunParallel(pieces, piece);
                for (const auto& d : done)
                {
                    right = right && d == 1;
                }
            }
            return right;
        };
        NS_TEST_EXPECT_MSG_EQ(sum(4000), true, "pool");
        bool other = false;
        std::thread thread([&] { other = sum(2000); });
        const bool mine = sum(2000);
        thread.join();
        NS_TEST_EXPECT_MSG_EQ((mine && other), true, "two callers");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        NS_TEST_EXPECT_MSG_EQ(sum(100), true, "after a sleep");
        const pid_t child = fork();
        if (child == 0)
        {
            _exit(sum(500) ? 0 : 1);
        }
        int status = 1;
        waitpid(child, &status, 0);
        NS_TEST_EXPECT_MSG_EQ(status, 0, "after fork()");
        NS_TEST_EXPECT_MSG_EQ(sum(100), true, "the parent goes on");
    }
};

/**
 * @ingroup wdmoe-transformer-test
 * Checkpoints that are not what they should be are refused, and the message says what is wrong.
 */
class WdmoeBadCheckpointTestCase : public WdmoeTransformerTestCase
{
  public:
    WdmoeBadCheckpointTestCase()
        : WdmoeTransformerTestCase("bad checkpoints are refused with file and tensor")
    {
    }

  private:
    /// A checkpoint in one file, taken apart
    struct Parts
    {
        Json config;         ///< config.json
        Json header;         ///< of the file
        std::string data;    ///< after the header
        std::string raw;     ///< header's text, if not that of header
        int64_t longer{0};   ///< added to the length of the header
        std::string config2; ///< text of config.json, if not that of config
    };

    /// A way to break it, and what the message must contain
    struct Case
    {
        std::string what;                   ///< for messages
        std::function<void(Parts&)> damage; ///< what is done to it
        std::string expected;               ///< part of the message
    };

    /// @return a good checkpoint; @param folder of it
    static Parts TakeApart(const std::string& folder)
    {
        const auto file = Slurp(folder + "/model.safetensors");
        uint64_t length;
        std::memcpy(&length, file.data(), sizeof(length));
        Parts parts;
        parts.config = Json::parse(Slurp(folder + "/config.json"));
        parts.header = Json::parse(file.substr(8, length));
        parts.data = file.substr(8 + length);
        return parts;
    }

    /// Writes it; @param parts of it @param folder where
    static void PutTogether(const Parts& parts, const std::string& folder)
    {
        std::filesystem::create_directories(folder);
        const auto header = parts.raw.empty() ? parts.header.dump() : parts.raw;
        const uint64_t length = header.size() + static_cast<uint64_t>(parts.longer);
        Spill(folder + "/model.safetensors",
              std::string(reinterpret_cast<const char*>(&length), 8) + header + parts.data);
        Spill(folder + "/config.json", parts.config2.empty() ? parts.config.dump() : parts.config2);
    }

    /// @return a case that sets a field of config.json; @param field its name @param value to set
    /// @param expected part of the message
    static Case Config(const std::string& field, const Json& value, const std::string& expected)
    {
        return {field + " = " + value.dump(),
                [=](Parts& p) { p.config[field] = value; },
                "config.json: field '" + field + "': expected " + expected};
    }

    void DoRun() override
    {
        const auto folder = Find("tiny-mixtral-fp32");
        const auto sharded = Find("tiny-mixtral-fp16");
        if (folder.empty() || sharded.empty())
        {
            return;
        }
        const Parts good = TakeApart(folder);
        const std::string up = "model.layers.1.block_sparse_moe.experts.2.w1.weight";
        const std::string query = "model.layers.0.self_attn.q_proj.weight";
        const std::string file = "model.safetensors: ";
        const auto tensor = [&](const std::string& name) { return file + "tensor '" + name + "'"; };
        const auto shift = [](Parts& p, const std::string& name, int from, int to) {
            auto& range = p.header[name]["data_offsets"];
            range[0] = range[0].get<int64_t>() + from;
            range[1] = range[1].get<int64_t>() + to;
        };
        const auto poke = [&](Parts& p, float value) {
            const auto at = p.header[up]["data_offsets"][0].get<std::size_t>() + 4 * 33;
            std::memcpy(p.data.data() + at, &value, 4);
        };

        std::vector<Case> cases = {
            // the file
            {"no header", [](Parts& p) { p.raw = "{}"; }, "expected 0 bytes of data"},
            {"header length beyond the file",
             [](Parts& p) { p.longer = static_cast<int64_t>(p.data.size()) + 1; },
             file + "header length: expected 2 to"},
            {"header length huge",
             [](Parts& p) { p.longer = std::numeric_limits<int64_t>::min(); },
             file + "header length: expected 2 to"},
            {"header length beyond 100 MB",
             [](Parts& p) { p.longer = 100'000'000; },
             file + "header length: expected 2 to"},
            {"header length short",
             [](Parts& p) { p.longer = -300; },
             file + "header: not JSON at its byte"},
            {"header length a little short",
             [](Parts& p) { p.longer = -1; },
             file + "header: not JSON at its byte"},
            {"header length 0",
             [](Parts& p) { p.longer = -static_cast<int64_t>(p.header.dump().size()); },
             file + "header length: expected 2 to"},
            {"data cut",
             [](Parts& p) { p.data.resize(p.data.size() - 10); },
             "data_offsets: expected a range within the"},
            {"data too long",
             [](Parts& p) { p.data += "more"; },
             "bytes of data by its header, found"},
            // the header
            {"not JSON", [](Parts& p) { p.raw = "{ garbage"; }, file + "header: not JSON"},
            {"no object", [](Parts& p) { p.raw = "[1, 2]"; }, "expected '{' as its first byte"},
            {"not UTF-8", [](Parts& p) { p.raw = "{\"\xC3\x28\": 1}"; }, "header: not JSON"},
            {"deep",
             [](Parts& p) { p.raw = "{\"x\":" + std::string(100000, '['); },
             "expected an object of tensors"},
            {"deep in a shape",
             [&](Parts& p) { p.raw = "{\"x\":{\"shape\":" + std::string(100000, '['); },
             "expected an object of tensors"},
            {"tensor without a shape",
             [&](Parts& p) { p.header[up].erase("shape"); },
             "tensor '" + up + "': expected the keys dtype, shape and data_offsets"},
            {"unknown key",
             [&](Parts& p) { p.header[up]["strides"] = 1; },
             "tensor '" + up + "': expected the keys dtype, shape and data_offsets"},
            {"key twice",
             [&](Parts& p) {
                 p.raw = p.header.dump();
                 p.raw.insert(1, "\"" + up + "\":" + p.header[up].dump() + ",");
             },
             "header: the key '" + up + "' stands twice"},
            {"shape of text",
             [&](Parts& p) { p.header[up]["shape"] = {"20", 24}; },
             "key 'shape': expected an object of tensors"},
            {"shape negative",
             [&](Parts& p) { p.header[up]["shape"] = {-20, 24}; },
             "key 'shape': expected an object of tensors"},
            {"shape fractional",
             [&](Parts& p) { p.header[up]["shape"] = {20.5, 24}; },
             "key 'shape': expected an object of tensors"},
            {"shape beyond 64 bits",
             [&](Parts& p) { p.header[up]["shape"] = {20, 1ULL << 62, 8}; },
             tensor(up) + ": shape: the product"},
            {"shape that wraps to the right size",
             [&](Parts& p) { p.header[up]["shape"] = {(1ULL << 62) + 480, 4}; },
             tensor(up) + ": shape: the product"},
            {"nine dimensions",
             [&](Parts& p) { p.header[up]["shape"] = {1, 1, 1, 1, 1, 1, 1, 20, 24}; },
             "'shape' has more than 8 dimensions"},
            {"shape of another size",
             [&](Parts& p) { p.header[up]["shape"] = {20, 25}; },
             tensor(up) + ": data_offsets: expected 2000 bytes by its shape and dtype, found 1920"},
            {"dtype unknown here",
             [&](Parts& p) { p.header[up]["dtype"] = "I32"; },
             tensor(up) + ": dtype: expected F32, F16 or BF16, found 'I32'"},
            {"dtype of another size",
             [&](Parts& p) { p.header[up]["dtype"] = "F16"; },
             tensor(up) + ": data_offsets: expected 960 bytes"},
            {"three offsets",
             [&](Parts& p) { p.header[up]["data_offsets"].push_back(1); },
             "expected two numbers in 'data_offsets'"},
            {"one offset",
             [&](Parts& p) { p.header[up]["data_offsets"].erase(1); },
             "expected two numbers in 'data_offsets'"},
            {"offsets swapped",
             [&](Parts& p) {
                 auto& range = p.header[up]["data_offsets"];
                 std::swap(range[0], range[1]);
             },
             tensor(up) + ": data_offsets: expected a range within"},
            {"offsets beyond the end",
             [&](Parts& p) { shift(p, up, 1 << 30, 1 << 30); },
             tensor(up) + ": data_offsets: expected a range within"},
            {"overlap",
             [&](Parts& p) { shift(p, up, -4, -4); },
             tensor(up) + ": data_offsets: expected to start at"},
            {"hole",
             [&](Parts& p) {
                 const auto from = p.header[up]["data_offsets"][0].get<std::size_t>();
                 for (const auto& item : p.header.items())
                 {
                     if (item.key() != "__metadata__" && item.value()["data_offsets"][0] >= from)
                     {
                         shift(p, item.key(), 8, 8);
                     }
                 }
                 p.data.insert(from, 8, '\0');
             },
             tensor(up) + ": data_offsets: expected to start at"},
            // against config.json
            {"tensor missing",
             [&](Parts& p) {
                 p.header["model.layers.1.renamed"] = p.header[up];
                 p.header.erase(up);
             },
             tensor(up) + ": expected shape [20, 24] by config.json, found no such tensor"},
            {"tensor too many",
             [&](Parts& p) {
                 const auto size = p.data.size();
                 p.header["lm_head.bias"] = {{"dtype", "F32"},
                                             {"shape", {2}},
                                             {"data_offsets", {size, size + 8}}};
                 p.data += std::string(8, '\0');
             },
             tensor("lm_head.bias") + ": expected no such tensor"},
            {"tensor of no name, and empty",
             [&](Parts& p) {
                 p.header[""] = {{"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {0, 0}}};
             },
             tensor("") + ": expected no such tensor"},
            {"shape turned",
             [&](Parts& p) { p.header[up]["shape"] = {24, 20}; },
             tensor(up) + ": expected shape [20, 24] by config.json, found [24, 20]"},
            {"a head too many",
             [&](Parts& p) { p.config["tie_word_embeddings"] = true; },
             tensor("lm_head.weight") + ": expected no such tensor"},
            // the weights
            {"NaN",
             [&](Parts& p) { poke(p, std::nanf("")); },
             tensor(up) + ": element 33: expected a finite number, found NaN"},
            {"infinity",
             [&](Parts& p) { poke(p, -INFINITY); },
             tensor(up) + ": element 33: expected a finite number, found infinity"},
            // config.json
            {"config not JSON",
             [](Parts& p) { p.config2 = "{\"vocab_size\": 61"; },
             "config.json: not JSON"},
            {"config a list",
             [](Parts& p) { p.config2 = "[]"; },
             "config.json: expected an object, found array"},
            {"config deep",
             [](Parts& p) { p.config2 = std::string(50000, '['); },
             "config.json: JSON of more than 16 levels"},
            {"config key twice",
             [](Parts& p) {
                 p.config2 = p.config.dump();
                 p.config2.insert(1, "\"vocab_size\": 9,");
             },
             "config.json: the key 'vocab_size' stands twice"},
            {"config huge",
             [](Parts& p) { p.config2 = std::string(2 << 20, ' '); },
             "config.json: expected at most 1048576 bytes"},
            Config("architectures", {"LlamaForCausalLM"}, "[\"MixtralForCausalLM\"], the one"),
            Config("architectures", Json(), "[\"MixtralForCausalLM\"], the one"),
            Config("model_type", "qwen3_moe", "\"mixtral\", found '\"qwen3_moe\"'"),
            Config("hidden_act", "gelu", "\"silu\", found '\"gelu\"'"),
            Config("attention_bias", true, "false"),
            Config("sliding_window", 32, "null, or no less than max_position_embeddings, 64"),
            Config("quantization_config", {{"bits", 4}}, "none"),
            Config("vocab_size", 0, "a whole number from 1 to"),
            Config("vocab_size", 62, ""),
            Config("hidden_size", -24, "a whole number from 1 to"),
            Config("hidden_size", 1e30, "a whole number from 1 to"),
            Config("hidden_size", UINT64_MAX, "a whole number from 1 to"),
            Config("hidden_size", "24", "a whole number from 1 to"),
            Config("hidden_size", 25, "a multiple of num_attention_heads"),
            Config("intermediate_size", 20.5, "a whole number from 1 to"),
            Config("num_hidden_layers", 1'000'000, "a whole number from 1 to 1024"),
            Config("num_hidden_layers", 1024, ""),
            Config("num_attention_heads", true, "a whole number from 1 to"),
            Config("num_key_value_heads", 3, "a divisor of num_attention_heads, 4"),
            Config("num_key_value_heads", 8, "a whole number from 1 to 4"),
            Config("head_dim", 5, "an even number up to 1024"),
            Config("head_dim", 1 << 30, "a whole number from 2 to"),
            Config("num_local_experts", 1025, "a whole number from 1 to 1024"),
            Config("num_local_experts", 1024, ""),
            Config("num_experts_per_tok", 5, "a whole number from 1 to 4"),
            Config("max_position_embeddings", 0, "a whole number from 1 to"),
            Config("rms_norm_eps", 0, "a number > 0"),
            Config("rms_norm_eps", "small", "a number > 0"),
            Config("rope_theta", -1, "a number > 0"),
            Config("rope_theta", 20000, ""),
            Config("rope_parameters", 7, "an object or null"),
            Config("rope_parameters", Json(), ""),
            Config("rope_parameters", {{"rope_type", "yarn"}, {"rope_theta", 1e4}}, ""),
            Config("rope_scaling", {{"type", "linear"}, {"factor", 2}}, ""),
            Config("tie_word_embeddings", "no", "true or false"),
            Config("bos_token_id", 61, "a token below 61, or null"),
        };
        // those that something else complains about
        const auto expect = [&cases](const std::string& what, const std::string& text) {
            for (auto& bad : cases)
            {
                bad.expected = bad.what == what ? text : bad.expected;
            }
        };
        expect("vocab_size = 62", "embed_tokens.weight': expected shape [62, 24] by config.json");
        expect("num_hidden_layers = 1024", "'model.layers.2.input_layernorm.weight': expected");
        expect("num_local_experts = 1024", "block_sparse_moe.gate.weight': expected shape [1024, ");
        expect("rope_theta = 20000", "'rope_parameters.rope_theta': expected 20000.0 as in");
        expect("rope_parameters = null", "'rope_theta': expected a number, here or in");
        expect("rope_parameters = {\"rope_type\":\"yarn\",\"rope_theta\":10000.0}",
               "'rope_parameters.rope_type': expected \"default\", the one computed here, found "
               "'\"yarn\"'");
        expect("rope_scaling = {\"type\":\"linear\",\"factor\":2}",
               "'rope_scaling.type': expected \"default\"");

        const auto broken = CreateTempDirFilename("checkpoint");
        std::filesystem::remove_all(broken);
        PutTogether(good, broken);
        NS_TEST_ASSERT_MSG_EQ(Complaint(broken), "", "taken apart and put together");
        NS_TEST_EXPECT_MSG_EQ(Transformer::Load(broken)->GetDigest(),
                              Transformer::Load(folder)->GetDigest(),
                              "the same digest");
        for (const auto& bad : cases)
        {
            Parts parts = good;
            bad.damage(parts);
            PutTogether(parts, broken);
            const auto complaint = Complaint(broken);
            NS_TEST_EXPECT_MSG_EQ(
                (complaint.find(broken) == 0 && complaint.find(bad.expected) != std::string::npos),
                true,
                bad.what << ": expected '" << bad.expected << "', got '" << complaint << "'");
        }
        PutTogether(good, broken);
        CheckFiles(broken, good);
        CheckIndex(sharded);
        CheckTruncation(broken, good);
    }

    /// Files that are not there, or something else; @param broken folder to use @param good a
    /// checkpoint
    void CheckFiles(const std::string& broken, const Parts& good)
    {
        const auto expect = [&](const std::string& text) {
            const auto complaint = Complaint(broken);
            NS_TEST_EXPECT_MSG_NE(complaint.find(text),
                                  std::string::npos,
                                  "expected '" << text << "', got '" << complaint << "'");
        };
        std::filesystem::remove(broken + "/config.json");
        expect("config.json: cannot be read: No such file");
        std::filesystem::create_directory(broken + "/config.json");
        expect("config.json: expected a regular file");
        std::filesystem::remove(broken + "/config.json");
        PutTogether(good, broken);
        std::filesystem::remove(broken + "/model.safetensors");
        expect("model.safetensors: missing, and so is model.safetensors.index.json");
        Spill(broken + "/model.safetensors", "");
        expect("expected a header length of 8 bytes, found a file of 0");
        std::filesystem::remove_all(broken);
        expect("config.json: cannot be read");
        NS_TEST_EXPECT_MSG_NE(Complaint("").size(), 0, "no folder");

        // the same weights in another form, the same digest
        const auto narrow = Find("tiny-mixtral-bf16");
        Parts wide = TakeApart(narrow);
        std::string data;
        for (std::size_t i = 0; i < wide.data.size(); i += 2)
        {
            data += std::string(2, '\0') + wide.data.substr(i, 2);
        }
        wide.data = data;
        for (auto& item : wide.header.items())
        {
            if (item.key() != "__metadata__")
            {
                auto& range = item.value()["data_offsets"];
                item.value()["dtype"] = "F32";
                range[0] = 2 * range[0].get<uint64_t>();
                range[1] = 2 * range[1].get<uint64_t>();
            }
        }
        PutTogether(wide, broken);
        NS_TEST_EXPECT_MSG_EQ(Transformer::Load(broken)->GetDigest(),
                              Transformer::Load(narrow)->GetDigest(),
                              "digest of fp32");

        // another weight, another digest
        Parts other = good;
        other.data[5] ^= 1;
        PutTogether(other, broken);
        const auto digest = Transformer::Load(broken)->GetDigest();
        PutTogether(good, broken);
        NS_TEST_EXPECT_MSG_NE(Transformer::Load(broken)->GetDigest(), digest, "digest");
    }

    /// What the index of shards may say; @param sharded a good checkpoint in shards
    void CheckIndex(const std::string& sharded)
    {
        const auto broken = CreateTempDirFilename("shards");
        const auto index = broken + "/model.safetensors.index.json";
        const std::string one = "model-00001-of-00002.safetensors";
        const std::string two = "model-00002-of-00002.safetensors";
        const std::string norm = "model.norm.weight";
        std::filesystem::remove_all(broken);
        std::filesystem::copy(sharded, broken);
        NS_TEST_ASSERT_MSG_EQ(Complaint(broken), "", "copied");
        const auto good = Json::parse(Slurp(index));
        const auto expect = [&](const std::function<void(Json&)>& damage, const std::string& text) {
            auto json = good;
            damage(json);
            Spill(index, json.dump());
            const auto complaint = Complaint(broken);
            NS_TEST_EXPECT_MSG_EQ(
                (complaint.find(broken) == 0 && complaint.find(text) != std::string::npos),
                true,
                "expected '" << text << "', got '" << complaint << "'");
        };
        const std::vector<std::string> names = {"../" + two,
                                                "/etc/" + two,
                                                "sub\\x.safetensors",
                                                "..",
                                                "",
                                                "config.json",
                                                std::string("a\0b.safetensors", 15),
                                                ".safetensors"};
        for (const auto& name : names)
        {
            expect([&](Json& json) { json["weight_map"][norm] = name; },
                   "weight_map: tensor '" + norm + "': expected the plain name of a file");
        }
        expect([&](Json& json) { json["weight_map"][norm] = "absent.safetensors"; },
               "names the file 'absent.safetensors', which is missing");
        expect([&](Json& json) { json["weight_map"][norm] = 7; }, "expected the name of a file");
        expect([&](Json& json) { json["weight_map"][norm] = one; },
               two + ": tensor '" + norm + "': expected in '" + one + "' according to the index");
        expect([&](Json& json) { json["weight_map"].erase(norm); },
               two + ": tensor '" + norm + "': expected no such tensor, the index does not list");
        expect([&](Json& json) { json["weight_map"]["model.more"] = one; },
               "tensor 'model.more': expected in '" + one + "', found no such tensor there");
        expect([&](Json& json) { json["weight_map"] = Json::array(); },
               "field 'weight_map': expected an object, found array");
        expect([&](Json& json) { json.erase("weight_map"); },
               "field 'weight_map': expected an object, found nothing");
        Spill(index, good.dump().substr(0, 200));
        NS_TEST_EXPECT_MSG_NE(Complaint(broken).find("index.json: not JSON"),
                              std::string::npos,
                              "cut");
        Spill(index, good.dump());
        NS_TEST_EXPECT_MSG_EQ(Complaint(broken), "", "as it was");
    }

    /// A file cut anywhere, or with any byte of its header changed, is refused or still good;
    /// @param broken folder to use @param good a checkpoint
    void CheckTruncation(const std::string& broken, const Parts& good)
    {
        PutTogether(good, broken);
        const auto path = broken + "/model.safetensors";
        const auto whole = Slurp(path);
        const std::size_t header = whole.size() - good.data.size();
        std::size_t accepted = 0;
        for (std::size_t size = 0; size < whole.size(); size += size < header ? 97 : 4999)
        {
            Spill(path, whole.substr(0, size));
            accepted += Complaint(broken).empty();
        }
        NS_TEST_EXPECT_MSG_EQ(accepted, 0, "cut short");
        for (std::size_t at = 0; at < header; at += 53)
        {
            auto text = whole;
            text[at] = static_cast<char>(text[at] ^ (1 << at % 8));
            Spill(path, text);
            accepted += Complaint(broken).empty();
        }
        NS_TEST_EXPECT_MSG_LT(accepted, 3, "a bit changed");
    }
};

/**
 * @ingroup wdmoe-transformer-test
 * The suite "wdmoe-transformer".
 */
class WdmoeTransformerTestSuite : public TestSuite
{
  public:
    WdmoeTransformerTestSuite()
        : TestSuite("wdmoe-transformer", Type::UNIT)
    {
        AddTestCase(new WdmoeReferenceTestCase, Duration::QUICK);
        AddTestCase(new WdmoeCombineTestCase, Duration::QUICK);
        AddTestCase(new WdmoeKernelTestCase, Duration::QUICK);
        AddTestCase(new WdmoeBadCheckpointTestCase, Duration::QUICK);
    }
};

static WdmoeTransformerTestSuite g_wdmoeTransformerTestSuite; ///< registers the suite
