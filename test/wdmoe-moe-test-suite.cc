/*
 * Copyright (c) 2026 The WDMoE for ns-3 authors
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */

// The internal header, by path: it is not installed.
#include "../model/moe/wdmoe-data-file.h"

#include "ns3/double.h"
#include "ns3/log.h"
#include "ns3/pointer.h"
#include "ns3/random-variable-stream.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/string.h"
#include "ns3/test.h"
#include "ns3/uinteger.h"
#include "ns3/wdmoe-data-path.h"
#include "ns3/wdmoe-model-description.h"
#include "ns3/wdmoe-poisson-request-source.h"
#include "ns3/wdmoe-recorded-gate-source.h"
#include "ns3/wdmoe-synthetic-gate-source.h"
#include "ns3/wdmoe-trace-request-source.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <numeric>

using namespace ns3;

/**
 * @ingroup wdmoe-moe
 * @ingroup tests
 * @defgroup wdmoe-moe-test Tests of models, gates, devices and requests
 */

namespace
{

/// @return indices of the k largest weights of a row; @param gate the answer @param token row
/// @param k how many
std::vector<std::size_t>
Top(const wdmoe::GateMatrix& gate, std::size_t token, std::size_t k)
{
    std::vector<std::size_t> index(gate.experts);
    std::iota(index.begin(), index.end(), 0);
    const double* row = &gate.weight[token * gate.experts];
    std::stable_sort(index.begin(), index.end(), [row](std::size_t a, std::size_t b) {
        return row[a] > row[b];
    });
    index.resize(k);
    return index;
}

/// What is measured on a gate source
struct GateStatistics
{
    double loadCv{0}; ///< CV of the tokens of the experts, mean over blocks
    double mass{0};   ///< weight of the top k, mean over tokens
    double shared{0}; ///< share of its top k that a token has in common with the one before
};

/// @return statistics over some blocks and requests
GateStatistics
Measure(WdmoeGateSource& source, uint32_t blocks, uint32_t experts, uint32_t k, uint32_t requests)
{
    GateStatistics result;
    constexpr uint32_t tokens = 512;
    double pairs = 0;
    for (uint32_t block = 0; block < blocks; ++block)
    {
        std::vector<double> load(experts, 0.0);
        for (uint32_t request = 0; request < requests; ++request)
        {
            const auto gate = source.GetGate({request, block, 0, tokens});
            std::vector<std::size_t> before;
            for (std::size_t j = 0; j < tokens; ++j)
            {
                const auto top = Top(gate, j, k);
                for (const auto e : top)
                {
                    load[e]++;
                    result.mass += gate.weight[j * experts + e];
                    result.shared += std::count(before.begin(), before.end(), e);
                }
                pairs += j > 0;
                before = top;
            }
        }
        const double mean = std::accumulate(load.begin(), load.end(), 0.0) / experts;
        double square = 0;
        for (const auto value : load)
        {
            square += (value - mean) * (value - mean);
        }
        result.loadCv += std::sqrt(square / experts) / mean / blocks;
    }
    result.mass /= static_cast<double>(blocks) * requests * tokens;
    result.shared /= pairs * k;
    return result;
}

/// @return what a reader complains about; empty if it does not
std::string
Complaint(const std::function<void()>& read)
{
    try
    {
        read();
    }
    catch (const WdmoeDataError& error)
    {
        return error.what();
    }
    return "";
}

} // namespace

/**
 * @ingroup wdmoe-moe-test
 * Every shipped model and device loads, with the values that are in the files' sources.
 */
class WdmoeShippedDataTestCase : public TestCase
{
  public:
    WdmoeShippedDataTestCase()
        : TestCase("shipped models and devices")
    {
    }

  private:
    void DoRun() override
    {
        struct Expected
        {
            std::string name;
            uint32_t blocks;
            uint32_t experts;
            uint32_t topK;
            uint32_t shared;
            double hidden;
            double inner;
            double expertParameters; // all routed experts, 1e9
        };

        const std::vector<Expected> models{
            {"deepseek-v2-lite", 26, 64, 6, 2, 2048, 1408, 14.395},
            {"mixtral-8x7b", 32, 8, 2, 0, 4096, 14336, 45.097},
            {"olmoe-1b-7b", 16, 64, 8, 0, 2048, 1024, 6.442},
        };
        const auto names = WdmoeDataNames("models", ".json");
        NS_TEST_ASSERT_MSG_EQ(names.size(), models.size(), "a model is shipped without a test");
        for (const auto& expected : models)
        {
            const auto model = WdmoeModelDescription::Load(expected.name);
            NS_TEST_EXPECT_MSG_EQ(model.name, expected.name, "name");
            NS_TEST_EXPECT_MSG_EQ(model.blocks, expected.blocks, expected.name);
            NS_TEST_EXPECT_MSG_EQ(model.experts, expected.experts, expected.name);
            NS_TEST_EXPECT_MSG_EQ(model.topK, expected.topK, expected.name);
            NS_TEST_EXPECT_MSG_EQ(model.sharedExperts, expected.shared, expected.name);
            NS_TEST_EXPECT_MSG_EQ(model.expert.hidden, expected.hidden, expected.name);
            NS_TEST_EXPECT_MSG_EQ(model.expert.inner, expected.inner, expected.name);
            const double parameters =
                3 * model.expert.hidden * model.expert.inner * model.experts * model.blocks / 1e9;
            NS_TEST_EXPECT_MSG_EQ_TOL(parameters, expected.expertParameters, 0.001, expected.name);
        }

        // Mixtral: 2*4096*(2*4096 + 2*1024) projections, 4*4096*c scores, 2*4096*8 gate
        const auto mixtral = WdmoeModelDescription::Load("mixtral-8x7b");
        NS_TEST_EXPECT_MSG_EQ_TOL(mixtral.BaseStationFlopsPerToken(100),
                                  83886080.0 + 1638400 + 65536,
                                  1,
                                  "FLOPs at the base station");

        for (const std::string name : {"jetson-agx-orin",
                                       "jetson-orin-nano",
                                       "jetson-xavier-nx",
                                       "rtx-4070-ti",
                                       "phone-soc",
                                       "bs-gpu"})
        {
            const auto device = WdmoeLoadDeviceProfile(name);
            NS_TEST_EXPECT_MSG_EQ(device.name, name, "name");
            NS_TEST_EXPECT_MSG_EQ((device.flops > 1e12 && device.flops < 1e15), true, name);
            NS_TEST_EXPECT_MSG_EQ((device.memoryBandwidth > 3e10 && device.memoryBandwidth < 4e12),
                                  true,
                                  name);
            NS_TEST_EXPECT_MSG_EQ((device.memoryBytes >= 8e9), true, name);
            NS_TEST_EXPECT_MSG_EQ((device.launchOverheadS > 0 && device.launchOverheadS < 1e-3),
                                  true,
                                  name);
            NS_TEST_EXPECT_MSG_EQ(device.source.empty(), false, name);
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(WdmoeLoadDeviceProfile("jetson-agx-orin").flops,
                                  42.5e12 * 0.63,
                                  1e6,
                                  "peak times efficiency");
        const auto path = WdmoeDataPath("devices.json");
        NS_TEST_EXPECT_MSG_EQ(WdmoeLoadDeviceProfile(path + ":bs-gpu").name, "bs-gpu", "FILE:NAME");
    }
};

/**
 * @ingroup wdmoe-moe-test
 * Bad files are refused, and the message says where and why.
 */
class WdmoeBadDataTestCase : public TestCase
{
  public:
    WdmoeBadDataTestCase()
        : TestCase("bad files are refused with their place")
    {
    }

  private:
    /// What makes a file bad, and what the message must contain
    struct Case
    {
        std::string what;     ///< for messages
        std::string text;     ///< content
        std::string expected; ///< part of the message, after the file name
    };

    /// Writes each text to a file and expects the complaint
    void Check(const std::string& suffix,
               const std::vector<Case>& cases,
               const std::function<void(const std::string&)>& read)
    {
        for (const auto& bad : cases)
        {
            const auto path = CreateTempDirFilename("bad" + suffix);
            std::ofstream(path, std::ios::binary) << bad.text;
            const auto complaint = Complaint([&] { read(path); });
            NS_TEST_EXPECT_MSG_EQ((complaint.find(path) != std::string::npos &&
                                   complaint.find(bad.expected) != std::string::npos),
                                  true,
                                  bad.what << ": expected '" << bad.expected << "', got '"
                                           << complaint << "'");
        }
    }

    void DoRun() override
    {
        std::ifstream in(WdmoeDataPath("models/mixtral-8x7b.json"));
        const std::string good((std::istreambuf_iterator<char>(in)), {});
        const auto with = [](std::string text, const std::string& from, const std::string& to) {
            const auto at = text.find(from);
            NS_ABORT_MSG_IF(at == std::string::npos, "no '" << from << "' to replace");
            return text.replace(at, from.size(), to);
        };
        Check(".json",
              {{"cut short", "{\n  \"name\": ", ":2:11: not JSON"},
               {"comma", "{\n \"name\": \"x\",,\n}", ":2:14: not JSON"},
               {"empty file", "", "cannot be read"},
               {"twice", "{\"name\": \"a\", \"name\": \"b\"}", "\"name\" stands twice"},
               {"no object", "[1]", "expected an object"},
               {"text for a number",
                with(good, "\"value\": 32,", "\"value\": \"32\","),
                "field 'blocks.value': expected a whole number"},
               {"missing", with(good, "\"hidden\"", "\"hiden\""), "'hiden': not known here"},
               {"fraction",
                with(good, "\"value\": 4096", "\"value\": 4096.5"),
                "field 'hidden.value': expected a whole number"},
               {"negative",
                with(good, "\"value\": 4096", "\"value\": -4096"),
                "field 'hidden.value': expected a whole number"},
               {"k > E",
                with(good, "\"topK\": {\"value\": 2", "\"topK\": {\"value\": 9"),
                "field 'topK.value': expected a whole number from 1 to 8, found 9"},
               {"no source",
                with(good,
                     "\"blocks\": {\"value\": 32, \"source\"",
                     "\"blocks\": {\"value\": 32, \"s\""),
                "field 'blocks.source': missing"},
               {"bare value",
                "{\"name\": \"m\", \"blocks\": 3}",
                "field 'blocks': expected an object, found number"}},
              [](const std::string& path) { WdmoeReadModel(path); });
        Check(".json",
              {{"missing", "{\"name\": \"m\"}", "field 'blocks': missing"}},
              [](const std::string& path) { WdmoeReadModel(path); });

        const auto devices = WdmoeDataPath("devices.json");
        NS_TEST_EXPECT_MSG_EQ((Complaint([&] {
                                   WdmoeReadDevice(devices, "toaster");
                               }).find("phone-soc") != std::string::npos),
                              true,
                              "an unknown device lists the known ones");
        Check(".json",
              {{"zero FLOP/s",
                "{\"devices\": {\"x\": {\"peakFlops\": {\"value\": 0, \"source\": \"s\"}}}}",
                "field 'devices.x.peakFlops"},
               {"unknown field", "{\"devices\": {\"x\": {\"flop\": 1}}}", "'devices.x.flop'"}},
              [](const std::string& path) { WdmoeReadDevice(path, "x"); });

        const std::string head = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
        const std::string row = "2023-11-16 18:17:03.9799600,4808,10\n";
        Check(
            ".csv",
            {{"no header", row, ":1:1: expected the column 'TIMESTAMP'"},
             {"other header", "TIMESTAMP,Context,Generated\n", ":1:11: "},
             {"only a header", head, "no row"},
             {"two fields", head + "2023-11-16 18:17:03.97,4808\n", ":2:24: expected 3 fields"},
             {"no number",
              head + row + "2023-11-16 18:17:04,12x,10\n",
              ":3:21: ContextTokens: expected a whole number"},
             {"negative", head + "2023-11-16 18:17:04,12,-10\n", ":2:24: GeneratedTokens"},
             {"month 13", head + "2023-13-16 18:17:04,12,10\n", ":2:1: TIMESTAMP: expected a time"},
             {"30 February", head + "2023-02-30 18:17:04,12,10\n", ":2:1: "},
             {"hour 24", head + "2023-02-20 24:17:04,12,10\n", ":2:1: "},
             {"no date", head + "18:17:04.2,12,10\n", ":2:1: "},
             {"year 1011", head + "1011-11-16 18:17:04,12,10\n", ":2:1: "},
             {"backwards",
              head + row + "2023-11-16 18:17:03.9799599,1,1\n",
              ":3:1: TIMESTAMP: expected a time that is not before"}},
            [](const std::string& path) { WdmoeReadTrace(path); });

        const std::string log = "# format: wdmoe-gate-log-1\n# experts: 4\n# topk: 2\n"
                                "block,sequence,position,expert_0,weight_0,expert_1,weight_1\n";
        Check(".csv",
              {{"no format", "block,sequence,position\n", "# format"},
               {"no experts", "# format: wdmoe-gate-log-1\nblock\n", "# experts"},
               {"experts 0", "# format: wdmoe-gate-log-1\n# experts: 0\nblock\n", "# experts:"},
               {"no row", log, "no row"},
               {"expert 4",
                log + "0,0,0,4,0.5,1,0.2\n",
                ":5:7: expert_0: expected a whole number from 0 to 3, found '4'"},
               {"twice", log + "0,0,0,3,0.5,3,0.2\n", ":5:13: expert_1"},
               {"weight", log + "0,0,0,3,1.5,2,0.2\n", ":5:9: weight_0"},
               {"NaN", log + "0,0,0,3,nan,2,0.2\n", ":5:9: weight_0"},
               {"sum", log + "0,0,0,3,0.9,2,0.2\n", "sum to more than 0 and at most 1"},
               {"position", log + "0,0,1,3,0.5,2,0.2\n", ":5:5: position"},
               {"sequence gap", log + "0,0,0,3,0.5,2,0.2\n0,2,0,3,0.5,2,0.2\n", ":6:3: sequence"},
               {"block gap", log + "0,0,0,3,0.5,2,0.2\n2,0,0,3,0.5,2,0.2\n", ":6:1: block"},
               {"cut short",
                log + "0,0,0,3,0.5,2,0.2\n0,0,1,3,0.5,2,0.2\n1,0,0,3,0.5,2,0.2\n",
                "is the file cut short?"}},
              [](const std::string& path) { WdmoeReadGateLog(path); });

        const std::string counts =
            "{\"format\": \"wdmoe-gate-counts-1\", \"source\": \"s\", \"licence\": \"l\", "
            "\"model\": "
            "\"m\", \"experts\": 4, \"topK\": 2, \"modelBlocks\": 8, \"layers\": [0, 3], "
            "\"domains\": {\"a\": [[1, 2, 3, 4], [4, 3, 2, 1]]}}";
        NS_TEST_EXPECT_MSG_EQ(WdmoeReadGateCounts([&] {
                                  const auto path = CreateTempDirFilename("good.json");
                                  std::ofstream(path) << counts;
                                  return path;
                              }())
                                  .share.size(),
                              8,
                              "good counts");
        Check(
            ".json",
            {{"format", with(counts, "counts-1", "counts-2"), "field 'format'"},
             {"layers", with(counts, "[0, 3]", "[3, 3]"), "field 'layers[1]'"},
             {"rows", with(counts, "[0, 3]", "[0, 2, 3]"), "field 'domains.a': expected 3 rows"},
             {"experts",
              with(counts, "[1, 2, 3, 4]", "[1, 2, 3]"),
              "field 'domains.a[0]': expected 4 counts"},
             {"negative", with(counts, "[1, 2, 3, 4]", "[1, 2, 3, -4]"), "field 'domains.a[0][3]'"},
             {"all 0", with(counts, "[1, 2, 3, 4]", "[0, 0, 0, 0]"), "not all 0"},
             {"too many", with(counts, "[1, 2, 3, 4]", "[1, 1, 1, 9]"), "more often than there"}},
            [](const std::string& path) { WdmoeReadGateCounts(path); });
    }
};

/**
 * @ingroup wdmoe-moe-test
 * Synthetic gates: sums, purity, streams, monotone response, fits, speed.
 */
class WdmoeSyntheticGateTestCase : public TestCase
{
  public:
    WdmoeSyntheticGateTestCase()
        : TestCase("synthetic gates")
    {
    }

  private:
    /// @return a source
    Ptr<WdmoeSyntheticGateSource> Make(double skew, double concentration, double correlation)
    {
        auto source = CreateObject<WdmoeSyntheticGateSource>();
        source->SetAttribute("Skew", DoubleValue(skew));
        source->SetAttribute("Concentration", DoubleValue(concentration));
        source->SetAttribute("Correlation", DoubleValue(correlation));
        source->AssignStreams(7);
        source->SetModel(4, 64, 6);
        return source;
    }

    void DoRun() override
    {
        // rows sum to 1; an answer does not depend on how it is asked for, however far in
        for (const double correlation : {0.0, 0.3, 0.95, 0.999})
        {
            auto source = Make(0.5, 0.9, correlation);
            for (const uint32_t position : {0u, 1u, 63u, 64u, 100000u})
            {
                const auto whole = source->GetGate({3, 2, position, 200});
                double worst = 0;
                for (std::size_t j = 0; j < whole.tokens; ++j)
                {
                    const auto row = whole.weight.begin() + j * 64;
                    worst = std::max(worst, std::abs(std::accumulate(row, row + 64, 0.0) - 1));
                }
                NS_TEST_EXPECT_MSG_LT(worst, 1e-12, "sum of a row");
                source->GetGate({4, 1, 17, 5}); // another one between
                bool same = true;
                for (uint32_t j = 0; j < 200; j += 13)
                {
                    const auto one = source->GetGate({3, 2, position + j, 1});
                    same = same && std::equal(one.weight.begin(),
                                              one.weight.end(),
                                              whole.weight.begin() + j * 64);
                }
                NS_TEST_EXPECT_MSG_EQ(same, true, "one by one or at once, rho " << correlation);
            }
        }

        // same stream, same values; other stream, request or run: other values
        const WdmoeGateQuery query{1, 1, 10, 4};
        const auto first = Make(0.5, 0.9, 0.3)->GetGate(query).weight;
        NS_TEST_EXPECT_MSG_EQ((first == Make(0.5, 0.9, 0.3)->GetGate(query).weight),
                              true,
                              "same stream");
        auto other = Make(0.5, 0.9, 0.3);
        other->AssignStreams(8);
        NS_TEST_EXPECT_MSG_EQ((first == other->GetGate(query).weight), false, "other stream");
        NS_TEST_EXPECT_MSG_EQ((first == Make(0.5, 0.9, 0.3)->GetGate({2, 1, 10, 4}).weight),
                              false,
                              "other request");
        auto late = Make(0.5, 0.9, 0.3);
        late->GetGate(query);
        late->AssignStreams(7);
        late->SetModel(4, 64, 6);
        NS_TEST_EXPECT_MSG_EQ((first == late->GetGate(query).weight), true, "assigned late");
        const auto run = RngSeedManager::GetRun();
        RngSeedManager::SetRun(run + 1);
        NS_TEST_EXPECT_MSG_EQ((first == Make(0.5, 0.9, 0.3)->GetGate(query).weight),
                              false,
                              "other run");
        RngSeedManager::SetRun(run);

        // one parameter at a time: what it should move rises with it
        const auto rises = [this](const std::vector<GateStatistics>& found,
                                  double GateStatistics::* what,
                                  const std::string& name) {
            for (std::size_t i = 1; i < found.size(); ++i)
            {
                NS_TEST_EXPECT_MSG_GT(found[i].*what, found[i - 1].*what, name);
            }
        };
        std::vector<GateStatistics> skew;
        std::vector<GateStatistics> concentration;
        std::vector<GateStatistics> correlation;
        for (const double x : {0.0, 0.3, 0.6, 0.9})
        {
            skew.push_back(Measure(*Make(x, 0.9, 0), 4, 64, 6, 2));
            concentration.push_back(Measure(*Make(0.4, 0.5 + x, 0), 4, 64, 6, 2));
            correlation.push_back(Measure(*Make(0.4, 0.9, x), 4, 64, 6, 2));
        }
        rises(skew, &GateStatistics::loadCv, "load spread with Skew");
        rises(concentration, &GateStatistics::mass, "top-k mass with Concentration");
        rises(correlation, &GateStatistics::shared, "common experts with Correlation");
        NS_TEST_EXPECT_MSG_LT(skew[0].loadCv, 0.15, "Skew 0: sampling noise only");
        NS_TEST_EXPECT_MSG_EQ_TOL(Measure(*Make(0, 0.9, 0), 4, 64, 6, 2).shared,
                                  6.0 / 64,
                                  0.01,
                                  "no skew, no correlation: chance");

        // lag-1 correlation of the logits themselves, through the log of the weights
        for (const double rho : {0.0, 0.5, 0.95})
        {
            auto source = Make(0, 1, rho);
            double covariance = 0;
            double variance = 0;
            for (uint32_t request = 0; request < 20; ++request)
            {
                const auto gate = source->GetGate({request, 0, 0, 512});
                for (std::size_t j = 0; j + 1 < 512; ++j)
                {
                    // differences of two experts: the softmax sum drops out
                    const double* a = &gate.weight[j * 64];
                    const double x = std::log(a[0] / a[1]);
                    covariance += x * std::log(a[64] / a[65]);
                    variance += x * x;
                }
            }
            NS_TEST_EXPECT_MSG_EQ_TOL(covariance / variance, rho, 0.03, "lag-1 correlation");
            NS_TEST_EXPECT_MSG_EQ_TOL(variance / (20 * 511), 2.0, 0.3, "variance");
        }

        // the presets give what they were fitted to
        struct Preset
        {
            std::string name;
            uint32_t experts;
            uint32_t k;
            GateStatistics recorded; // 0: not recorded
        };

        const std::vector<Preset> presets{{"deepseek-v2-lite", 64, 6, {0.900, 0.369, 0.274}},
                                          {"olmoe-1b-7b", 64, 8, {0.854, 0, 0}},
                                          {"mixtral-8x7b", 8, 2, {0.1285, 0, 0}}};
        for (const auto& preset : presets)
        {
            auto source = CreateObject<WdmoeSyntheticGateSource>();
            source->SetAttribute("Preset", StringValue(preset.name));
            source->AssignStreams(9);
            source->SetModel(16, preset.experts, preset.k);
            const auto found = Measure(*source, 16, preset.experts, preset.k, 6);
            NS_TEST_EXPECT_MSG_EQ_TOL(found.loadCv / preset.recorded.loadCv,
                                      1,
                                      0.1,
                                      preset.name << ": CV of the load " << found.loadCv);
            if (preset.recorded.mass > 0)
            {
                NS_TEST_EXPECT_MSG_EQ_TOL(found.mass, preset.recorded.mass, 0.02, "top-k mass");
                NS_TEST_EXPECT_MSG_EQ_TOL(found.shared, preset.recorded.shared, 0.02, "shared");
            }
        }

        // 512 tokens x 64 experts; the target is 20 ms, the limit leaves room for a busy machine
        auto source = Make(0.5, 0.9, 0.95);
        source->GetGate({0, 0, 0, 1});
        double best = 1;
        for (uint32_t i = 0; i < 5; ++i)
        {
            const auto start = std::chrono::steady_clock::now();
            source->GetGate({i, 0, 0, 512});
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            best = std::min(best, took.count());
        }
        NS_TEST_EXPECT_MSG_LT(best, 0.2, "seconds for 512 x 64");
    }
};

/**
 * @ingroup wdmoe-moe-test
 * Recorded gates: the recorded counts come back; a log is read back as written.
 */
class WdmoeRecordedGateTestCase : public TestCase
{
  public:
    WdmoeRecordedGateTestCase()
        : TestCase("recorded gates")
    {
    }

  private:
    void DoRun() override
    {
        // counts: the share of each expert, in a layer that is recorded, in one domain
        struct Counted
        {
            std::string model;
            std::string domain;
            uint32_t blocks;
            uint32_t experts;
            uint32_t k;
            double tolerance; ///< of the CV-weighted error
        };

        for (const auto& c : {Counted{"mixtral-8x7b", "github", 32, 8, 2, 0.03},
                              Counted{"olmoe-1b-7b", "arxiv", 16, 64, 8, 0.10}})
        {
            const auto file = "gates/" + c.model + "-counts.json";
            const auto counts = WdmoeReadGateCounts(WdmoeDataPath(file));
            auto source = CreateObject<WdmoeRecordedGateSource>();
            source->SetAttribute("FileName", StringValue(file));
            source->SetAttribute("Domain", StringValue(c.domain));
            source->AssignStreams(3);
            source->SetModel(c.blocks, c.experts, c.k);
            const auto domain = std::find(counts.domains.begin(), counts.domains.end(), c.domain) -
                                counts.domains.begin();
            const std::size_t layers = counts.layers.size();
            for (std::size_t layer = 0; layer < layers; ++layer)
            {
                std::vector<double> found(c.experts, 0.0);
                constexpr uint32_t requests = 40;
                for (uint32_t request = 0; request < requests; ++request)
                {
                    const auto gate = source->GetGate({request, counts.layers[layer], 0, 512});
                    for (std::size_t j = 0; j < 512; ++j)
                    {
                        for (const auto e : Top(gate, j, c.k))
                        {
                            found[e] += 1.0 / (512 * requests);
                        }
                    }
                }
                const double* share = &counts.share[(domain * layers + layer) * c.experts];
                double error = 0;
                for (uint32_t e = 0; e < c.experts; ++e)
                {
                    error += std::abs(found[e] - share[e]) / c.k;
                }
                // layer 15 of Mixtral stands for blocks 11 to 31: block 15 is the original
                NS_TEST_EXPECT_MSG_LT(error,
                                      c.tolerance,
                                      c.model << " layer " << counts.layers[layer]
                                              << ": total deviation of the shares");
            }
            // repeated layers are renumbered, so the most popular experts differ
            const auto a = source->GetGate({0, c.blocks - 1, 0, 1}).weight;
            NS_TEST_EXPECT_MSG_EQ_TOL(std::accumulate(a.begin(), a.end(), 0.0), 1, 1e-12, "sum");
        }

        // a log: 2 blocks, sequences of 2 and 1 tokens
        const auto path = CreateTempDirFilename("log.csv");
        std::ofstream(path) << "# format: wdmoe-gate-log-1\n# experts: 4\n# topk: 2\n"
                               "block,sequence,position,expert_0,weight_0,expert_1,weight_1\r\n"
                               "0,0,0,3,0.5,2,0.25\r\n0,0,1,1,0.5,2,0.25\n0,1,0,0,0.75,1,0.125\n"
                               "1,0,0,0,0.5,1,0.25\n1,0,1,0,0.5,3,0.25\n1,1,0,2,0.5,1,0.25";
        auto log = CreateObject<WdmoeRecordedGateSource>();
        log->SetAttribute("FileName", StringValue(path));
        log->AssignStreams(1);
        log->SetModel(2, 4, 2);
        // the stream shifts which sequence request 0 gets; find it by its length
        const auto at = log->GetGate({0, 0, 0, 1}).weight[0] == 0.75 ? 1 : 0;
        const auto both = log->GetGate({static_cast<uint64_t>(at), 0, 0, 4});
        const std::vector<double>
            expected{0, 0, 0.25, 0.5, 0, 0.5, 0.25, 0, 0.75, 0.125, 0, 0, 0, 0, 0.25, 0.5};
        NS_TEST_EXPECT_MSG_EQ((both.weight == expected), true, "as written, then from the start");
        const auto one = log->GetGate({static_cast<uint64_t>(at) + 1, 1, 0, 1});
        NS_TEST_EXPECT_MSG_EQ((one.weight == std::vector<double>{0, 0.25, 0.5, 0}),
                              true,
                              "second sequence of the second block");
        // 3 blocks on 2 recorded layers: blocks 0 and 2 are the originals, 1 repeats layer 0
        log->SetModel(3, 4, 2);
        NS_TEST_EXPECT_MSG_EQ((log->GetGate({static_cast<uint64_t>(at), 2, 0, 1}).weight ==
                               std::vector<double>{0.5, 0.25, 0, 0}),
                              true,
                              "last block: last layer");
        auto repeated = log->GetGate({static_cast<uint64_t>(at), 1, 0, 1}).weight;
        std::sort(repeated.begin(), repeated.end());
        NS_TEST_EXPECT_MSG_EQ((repeated == std::vector<double>{0, 0, 0.25, 0.5}),
                              true,
                              "a repeated layer keeps its weights");
    }
};

/**
 * @ingroup wdmoe-moe-test
 * Requests: the Azure format, thinning, clipping, runs; Poisson arrivals.
 */
class WdmoeRequestSourceTestCase : public TestCase
{
  public:
    WdmoeRequestSourceTestCase()
        : TestCase("request sources")
    {
    }

  private:
    /// @return all requests of a source, checked for order and ids
    std::vector<WdmoeRequest> All(WdmoeRequestSource& source)
    {
        std::vector<WdmoeRequest> all;
        WdmoeRequest request;
        while (source.Next(request))
        {
            NS_TEST_EXPECT_MSG_EQ(request.id, all.size(), "ids count from 0");
            if (!all.empty())
            {
                NS_TEST_EXPECT_MSG_EQ((request.arrival >= all.back().arrival), true, "order");
            }
            all.push_back(request);
        }
        return all;
    }

    void DoRun() override
    {
        const auto path = CreateTempDirFilename("trace.csv");
        std::ofstream(path) << "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                               "2023-12-31 23:59:59.9999999,374,44\r\n"
                               "2024-01-01 00:00:00.0000001,396,0\r\n"
                               "2024-03-01 00:00:00.5,879,55";
        const auto make = [&path] {
            auto source = CreateObject<WdmoeTraceRequestSource>();
            source->SetAttribute("FileName", StringValue(path));
            source->AssignStreams(1);
            return source;
        };
        const auto run = RngSeedManager::GetRun();
        RngSeedManager::SetRun(1);
        auto source = make();
        source->SetAttribute("Start", TimeValue(Seconds(2)));
        source->SetAttribute("MaxPromptTokens", UintegerValue(390));
        source->SetAttribute("MaxOutputTokens", UintegerValue(50));
        auto all = All(*source);
        NS_TEST_ASSERT_MSG_EQ(all.size(), 3, "three rows");
        NS_TEST_EXPECT_MSG_EQ(all[0].arrival, Seconds(2), "first");
        NS_TEST_EXPECT_MSG_EQ(all[1].arrival, Seconds(2) + NanoSeconds(200), "seven decimals");
        // 31 + 29 days: 2024 is a leap year
        NS_TEST_EXPECT_MSG_EQ(all[2].arrival,
                              Seconds(2) + Days(60) + MilliSeconds(500) + NanoSeconds(100),
                              "leap year");
        NS_TEST_EXPECT_MSG_EQ(all[0].promptTokens, 374, "as recorded");
        NS_TEST_EXPECT_MSG_EQ(all[1].promptTokens, 390, "clipped");
        NS_TEST_EXPECT_MSG_EQ(all[1].outputTokens, 1, "at least one");
        NS_TEST_EXPECT_MSG_EQ(all[2].outputTokens, 50, "clipped");
        NS_TEST_EXPECT_MSG_EQ(source->GetClippedPrompts(), 2, "counted");
        NS_TEST_EXPECT_MSG_EQ(source->GetClippedOutputs(), 1, "counted");

        // another run starts elsewhere, and uses each row once
        RngSeedManager::SetRun(3);
        source = make();
        source->SetAttribute("SkipPerRun", UintegerValue(1));
        source->SetAttribute("TimeScale", DoubleValue(1e-3));
        all = All(*source);
        NS_TEST_ASSERT_MSG_EQ(all.size(), 3, "each row once");
        NS_TEST_EXPECT_MSG_EQ(all[0].promptTokens, 879, "run 3 starts at row 2");
        NS_TEST_EXPECT_MSG_EQ(all[0].arrival, Time(0), "its first arrival");
        NS_TEST_EXPECT_MSG_EQ(all[1].promptTokens, 374, "then from the top");
        NS_TEST_EXPECT_MSG_EQ(all[2].arrival - all[1].arrival, NanoSeconds(0), "scaled: 0.2 ns");
        RngSeedManager::SetRun(run);

        // the shipped excerpts, and thinning
        for (const std::string name : {"conv", "code"})
        {
            const auto excerpt = [&name](double thinning, uint32_t length, uint64_t most) {
                auto source = CreateObject<WdmoeTraceRequestSource>();
                source->SetAttribute("FileName",
                                     StringValue("requests/azure-2023-" + name + "-excerpt.csv"));
                source->SetAttribute("Thinning", DoubleValue(thinning));
                source->SetAttribute("RunLength", UintegerValue(length));
                source->SetAttribute("MaxRequests", UintegerValue(most));
                source->AssignStreams(5);
                return source;
            };
            const auto full = All(*excerpt(1, 1, 0));
            NS_TEST_EXPECT_MSG_EQ(full.size(), 300, "excerpt");
            NS_TEST_EXPECT_MSG_EQ(All(*excerpt(1, 1, 20)).size(), 20, "MaxRequests");
            // 300 draws at 0.3: 90 +- 8
            NS_TEST_EXPECT_MSG_EQ_TOL(All(*excerpt(0.3, 1, 0)).size(), 90.0, 32, "thinned");
            const auto runs = All(*excerpt(0.5, 10, 0));
            NS_TEST_EXPECT_MSG_EQ(runs.size() % 10, 0, "whole runs only");
            NS_TEST_EXPECT_MSG_EQ((runs.size() >= 60 && runs.size() <= 240), true, "half of them");
            NS_TEST_EXPECT_MSG_EQ(runs[0].arrival, Time(0), "the first kept one starts");
        }

        // Poisson: mean gap 1 / rate, CV 1; lengths from the given variables
        auto poisson = CreateObject<WdmoePoissonRequestSource>();
        poisson->SetAttribute("Rate", DoubleValue(4));
        poisson->SetAttribute("MaxRequests", UintegerValue(20000));
        auto prompt = CreateObject<UniformRandomVariable>();
        prompt->SetAttribute("Min", DoubleValue(-5));
        prompt->SetAttribute("Max", DoubleValue(100));
        poisson->SetAttribute("PromptTokens", PointerValue(prompt));
        NS_TEST_EXPECT_MSG_EQ(poisson->AssignStreams(20), 3, "streams");
        all = All(*poisson);
        NS_TEST_ASSERT_MSG_EQ(all.size(), 20000, "MaxRequests");
        const double mean = all.back().arrival.GetSeconds() / 20000;
        double square = 0;
        uint32_t least = 1000;
        for (std::size_t i = 1; i < all.size(); ++i)
        {
            const double gap = (all[i].arrival - all[i - 1].arrival).GetSeconds();
            square += (gap - mean) * (gap - mean);
            least = std::min(least, all[i].promptTokens);
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(mean, 0.25, 0.25 * 4 / std::sqrt(20000), "mean gap, 4 sigma");
        NS_TEST_EXPECT_MSG_EQ_TOL(std::sqrt(square / 20000) / mean, 1, 0.04, "CV of the gaps");
        NS_TEST_EXPECT_MSG_EQ(least, 1, "at least one token");
        NS_TEST_EXPECT_MSG_EQ(all[7].outputTokens, 32, "default length");
    }
};

/**
 * @ingroup wdmoe-moe-test
 * The suite "wdmoe-moe".
 */
class WdmoeMoeTestSuite : public TestSuite
{
  public:
    WdmoeMoeTestSuite()
        : TestSuite("wdmoe-moe", Type::UNIT)
    {
        AddTestCase(new WdmoeShippedDataTestCase, Duration::QUICK);
        AddTestCase(new WdmoeBadDataTestCase, Duration::QUICK);
        AddTestCase(new WdmoeSyntheticGateTestCase, Duration::QUICK);
        AddTestCase(new WdmoeRecordedGateTestCase, Duration::QUICK);
        AddTestCase(new WdmoeRequestSourceTestCase, Duration::QUICK);
    }
};

static WdmoeMoeTestSuite g_wdmoeMoeTestSuite; ///< registers the suite
